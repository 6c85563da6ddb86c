"""Answers: what one rule of land says about every parcel, and what that needs to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.rules.land import LandRule

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
Days = npt.NDArray[np.datetime64]

FAILED, UNKNOWN, PASSED, NOT_APPLICABLE = -1, 0, 1, 2
VERDICTS = {PASSED: "passed", UNKNOWN: "unknown", FAILED: "failed", NOT_APPLICABLE: "not_applicable"}


@dataclass(frozen=True)
class Paper:
    """The paper that decides for each parcel: issuer, number, expiry, who sees to it, and by when.

    Attributes
    ----------
    table
        The papers; a column that it lacks is blank.
    row
        Position in it, one a parcel; -1 where there is none.
    """

    table: pd.DataFrame
    row: Ints

    def texts(self, name: str, at: Ints) -> Texts:
        """Give a column of text for some parcels."""
        out = np.full(len(self.table) + 1, None, dtype=object)
        if name in self.table.columns:
            out[:-1] = self.table[name].to_numpy(dtype=object, na_value=None)
        return np.asarray(out[self.row[at]])

    def days(self, name: str, at: Ints) -> Days:
        """Give a column of days for some parcels."""
        out = np.full(len(self.table) + 1, np.datetime64("NaT", "s"))
        if name in self.table.columns:
            out[:-1] = self.table[name].to_numpy(dtype="datetime64[s]")
        return np.asarray(out[self.row[at]])


@dataclass(frozen=True)
class Answer:
    """What one rule says about every parcel.

    Attributes
    ----------
    rule
        The rule.
    verdict
        One of `VERDICTS` a parcel.
    why, results
        Why: which of `results` it is, each a row ``land.result.<result>`` of labels.csv.
    value
        What was measured, in the rule's unit; NaN where nothing is.
    share
        The value as a share of the parcel's area [%].
    paper
        The papers that decide; None where none are asked for.
    said
        Says why, for some parcels in ``zh`` or ``en``, where that was said already; None where the result says it.
    """

    rule: LandRule
    verdict: npt.NDArray[np.int8]
    why: npt.NDArray[np.int8]
    results: tuple[str, ...]
    value: Floats
    share: Floats
    paper: Paper | None = None
    said: Callable[[Ints, str], Texts] | None = None

    @property
    def result(self) -> Texts:
        """Why, parcel by parcel."""
        return np.array(self.results, dtype=object)[self.why]

    @property
    def holds(self) -> Bools:
        """Where the rule is met, or need not be."""
        return np.asarray(self.verdict > UNKNOWN)


def answer(
    rule: LandRule,
    cases: list[tuple[Bools, int, str]],
    value: Floats | None = None,
    share: Floats | None = None,
    paper: Paper | None = None,
) -> Answer:
    """Make an answer of cases (where, verdict, result): the first that fits a parcel is its own; the last fits all."""
    n = len(cases[0][0])
    where = [case for case, *_ in cases]
    nothing = np.broadcast_to(np.nan, n)
    why = np.argmax(np.vstack(where), axis=0).astype(np.int8)
    verdict = np.array([verdict for _, verdict, _ in cases], dtype=np.int8)[why]
    results = tuple(result for *_, result in cases)
    return Answer(
        rule, verdict, why, results, nothing if value is None else value, nothing if share is None else share, paper
    )


def every(n: int) -> Bools:
    """Give the case that fits all parcels."""
    return np.ones(n, dtype=bool)
