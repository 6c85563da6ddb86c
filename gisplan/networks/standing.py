"""The standing of a feature at a date: does it operate, will it, from when, or is that not known, and why.

The status word of the survey and the state of the works that build the feature are read together; where they contradict
each other nobody knows, and a date that has passed proves nothing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

A, B, C, NONE = 0, 1, 2, 3
"""Grades as numbers: operates, comes with works under way, comes with works planned and funded, comes with nothing."""

FOREVER = np.int64(2**31)
"""A day (since 1970-01-01) that never comes."""

_PHASES = ("proposal", "feasibility", "design", "tender", "construction", "completion", "handover")
_BUILDING, _COMPLETE, _HANDED = 4, 5, 6

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Standing:
    """What each row of a table is worth; all arrays have one entry a row.

    Attributes
    ----------
    grade
        `A`, `B`, `C` or `NONE`.
    day
        Day (since 1970-01-01) from which it operates, for B and C; 0 otherwise.
    closes
        Day on which it goes out of service; `FOREVER` if none is known.
    unknown
        Whether the grade cannot be known (then `grade` is `NONE`).
    out
        Whether it is out for good: abandoned or closed.
    why
        Reason code: ``connected``, ``construction``, ``built``, ``planned``, ``abandoned``, ``closed``, ``undated``,
        ``unfunded``, ``overdue``, ``contradiction``, ``status_unknown`` or ``works_unknown``.
    """

    grade: Ints
    day: Ints
    closes: Ints
    unknown: Bools
    out: Bools
    why: Texts

    def take(self, rows: npt.NDArray[Any]) -> Standing:
        """Give the standing of some rows."""
        return Standing(
            self.grade[rows], self.day[rows], self.closes[rows], self.unknown[rows], self.out[rows], self.why[rows]
        )

    @property
    def state(self) -> Texts:
        """The state that a map draws: operating, built, construction, planned, unknown, abandoned or closed."""
        names = {"connected": "operating", "undated": "planned", "unfunded": "planned"}
        kept = {"construction", "built", "planned", "abandoned", "closed"}
        return np.array([names.get(w, w if w in kept else "unknown") for w in self.why], dtype=object)


def day(date: dt.date) -> np.int64:
    """Count the days since 1970-01-01."""
    return np.int64((date - dt.date(1970, 1, 1)).days)


def days(column: pd.Series) -> Ints:
    """Turn a column of dates into days since 1970-01-01; `FOREVER` where there is none."""
    stamps = column.to_numpy(dtype="datetime64[D]")
    return np.where(np.isnat(stamps), FOREVER, stamps.astype(np.int64))


def standing(
    table: pd.DataFrame,
    works: pd.DataFrame,
    date: dt.date,
    says: tuple[Bools, Bools] | None = None,
) -> Standing:
    """Judge what each feature of a table is worth at a date.

    Parameters
    ----------
    table
        Columns ``status``, ``works``, ``close_on`` and, for lines, ``open``.
    works
        The works, indexed by works id: ``phase``, ``planned_on``, ``actual_on``, ``commission_on``, ``funding_state``.
    date
        The date for which to judge.
    says
        Of which rows valid evidence says that they operate, and of which something speaks against it.
    """
    today = day(date)
    status = table["status"].to_numpy(dtype=object)
    row, named, found = _named(table, works)
    phase = _phase(row, found, today)

    kind = _kind(status, named, found, phase)
    dates = np.minimum(days(row["commission_on"]), FOREVER)
    dates = np.where(dates == FOREVER, days(row["planned_on"]), dates)
    granted = (row["funding_state"] == "granted").fillna(False).to_numpy(dtype=bool)

    coming = np.isin(kind, ("built", "construction", "planned"))
    undated, past = coming & (dates == FOREVER), coming & (dates <= today)
    unfunded = (kind == "planned") & ~granted & ~undated & ~past
    why = np.select([undated, past, unfunded], ["undated", "overdue", "unfunded"], default=kind).astype(object)
    why[why == "operating"] = "connected"

    closes = days(table["close_on"])
    shut = closes <= today
    if "open" in table:
        shut = shut | says_closed(table)
    why[shut] = "closed"
    why[kind == "abandoned"] = "abandoned"
    if says is not None:
        _contradict(why, says)

    grade = np.full(len(table), NONE, dtype=np.int64)
    grade[why == "connected"] = A
    grade[np.isin(why, ("construction", "built"))] = B
    grade[why == "planned"] = C
    return Standing(
        grade=grade,
        day=np.where((grade == B) | (grade == C), dates, 0),
        closes=closes,
        unknown=np.isin(why, ("overdue", "contradiction", "status_unknown", "works_unknown")),
        out=np.isin(why, ("abandoned", "closed")),
        why=why,
    )


def unfinished(table: pd.DataFrame, works: pd.DataFrame, date: dt.date) -> tuple[Bools, Bools]:
    """Tell which rows name works that are not completed, and which name works of which that is not known.

    Parameters
    ----------
    table
        Column ``works``.
    works, date
        As for `standing`.
    """
    row, named, found = _named(table, works)
    phase = _phase(row, found, day(date))
    return found & (phase >= 0) & (phase < _COMPLETE), named & (phase < 0)


def _named(table: pd.DataFrame, works: pd.DataFrame) -> tuple[pd.DataFrame, Bools, Bools]:
    """Give the works that each row names, which rows name any, and which of those are in the list."""
    named = table["works"].notna().to_numpy()
    row = works.reindex(table["works"].to_numpy(dtype=object)) if len(works) else works.reindex([None] * len(table))
    return row, named, named & table["works"].isin(works.index).to_numpy()


def _phase(row: pd.DataFrame, found: Bools, today: np.int64) -> Ints:
    """Give the phase as a number, -1 where it is not known.

    A hand-over that has not happened, or of something still to be commissioned, counts as completion.
    """
    order = {name: i for i, name in enumerate(_PHASES)}
    phase = row["phase"].map(order).fillna(-1).to_numpy(dtype=np.int64)
    phase = np.where(found, phase, -1)
    commission = days(row["commission_on"])
    open_ = (days(row["actual_on"]) > today) | ((commission > today) & (commission < FOREVER))
    return np.where((phase == _HANDED) & open_, _COMPLETE, phase)


def _kind(status: Texts, named: Bools, found: Bools, phase: Ints) -> Texts:
    """Read status and phase together; the worse of the two counts, and what cannot both be true is a contradiction."""
    operating, built = status == "operating", status == "built"
    building, planned = status == "construction", status == "planned"
    lost, dumb = named & ~found, found & (phase < 0)
    early = found & (phase >= 0) & (phase < _COMPLETE)
    handed, complete = phase == _HANDED, phase == _COMPLETE
    rules = [
        (status == "abandoned", "abandoned"),
        (~(operating | built | building | planned), "status_unknown"),
        (lost | (operating & dumb), "works_unknown"),
        (operating & early, "contradiction"),
        (planned & (handed | complete), "contradiction"),
        ((operating & ~complete) | ((built | building) & handed), "operating"),
        (operating | (building & complete), "built"),
        (built & ~early, "built"),
        (built, "construction"),
        (building & (~early | (phase == _BUILDING)), "construction"),
    ]
    return np.select([r for r, _ in rules], [k for _, k in rules], default="planned").astype(object)


def _contradict(why: Texts, says: tuple[Bools, Bools]) -> None:
    """Let a valid letter or visit that says the opposite turn a standing into a contradiction."""
    works, doubt = says
    coming = np.isin(why, ("construction", "built", "planned", "undated", "unfunded"))
    why[(doubt & (why == "connected")) | (works & coming)] = "contradiction"


def says_closed(table: pd.DataFrame) -> Bools:
    """Tell which rows say by their own word (``open``) that they are closed; blank says nothing."""
    return np.asarray((table["open"].astype("boolean") == False).fillna(False), dtype=bool)  # noqa: E712
