"""Papers: what net-land papers (净地) and area assessments (区域评估) say about each parcel at a date.

A paper helps only if it names issuer and number, is dated by then, and says until when it is valid (or that it is valid
for good). What speaks against, or says what nobody understands, is heard even where it lacks any of that: without a
parcel, or with one that is not there, it may be about any, without a test about every test. So a cell that is lost
never makes an answer better.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pandas as pd

from gisplan.base.fields import plain
from gisplan.land.answers import (
    FAILED,
    NOT_APPLICABLE,
    PASSED,
    UNKNOWN,
    Answer,
    Bools,
    Ints,
    Paper,
    answer,
    every,
)
from gisplan.reading.dossier import Dossier
from gisplan.rules.land import LandRule, LandRules

_WHOLE = frozenset(map(plain, ("*", "全区", "全域", "整个园区", "whole zone", "zone")))
"""Words by which an assessment covers the whole zone."""
_PASSED, _SPARED, _FAILED, _PENDING, _UNCLEAR, _EXPIRED, _INCOMPLETE, _LATER = (1 << i for i in range(8))
_HEARD = _FAILED | _PENDING | _UNCLEAR
_GOOD = _PASSED | _SPARED
_RANK = np.zeros(256, dtype=np.int64)
_RANK[[_FAILED, _PENDING, _UNCLEAR, _PASSED, _SPARED, _EXPIRED, _LATER, _INCOMPLETE]] = [8, 7, 6, 5, 4, 3, 2, 1]
"""Which of several papers is named: the one that decides."""


def on_net_land(dossier: Dossier, rules: LandRules, parcels: pd.DataFrame, date: dt.date) -> Iterator[Answer]:
    """Say what the papers on net land say, test by test."""
    table = dossier.netland
    state = _states(table, date)
    at = parcels.index.get_indexer(table["parcel"].astype("str"))
    at[(table["parcel"].isna() | table["stray"]).to_numpy(dtype=bool) & (at < 0)] = -2
    for rule in rules.group("net"):
        mine = (table["test"] == rule.key).to_numpy(dtype=bool, na_value=False)
        unsaid = table["test"].isna().to_numpy() & ((state & _HEARD) > 0)
        hearing = _Hearing(table, len(parcels))
        hearing.hear_at(at[mine & (at >= 0)], state[mine & (at >= 0)], np.flatnonzero(mine & (at >= 0)))
        hearing.hear_at(at[unsaid & (at >= 0)], _UNCLEAR, np.flatnonzero(unsaid & (at >= 0)))
        for row in np.flatnonzero((mine | unsaid) & (at == -2) & ((state & _HEARD) > 0)):
            hearing.hear(every(len(parcels)), _UNCLEAR, int(row))
        yield hearing.answer(rule, only_against=rule.key == "planning")


def on_assessments(dossier: Dossier, rules: LandRules, parcels: pd.DataFrame, date: dt.date) -> Iterator[Answer]:
    """Say which area-wide assessments cover each parcel, and whether they are valid."""
    table = dossier.assessments
    state = _states(table, date)
    areas = _Areas(parcels)
    for rule in rules.group("assessment"):
        hearing = _Hearing(table, len(parcels))
        mine = (table["kind"] == rule.key).to_numpy(dtype=bool, na_value=False)
        unsaid = table["kind"].isna().to_numpy() & ((state & _HEARD) > 0)
        for row in np.flatnonzero(mine | unsaid):  # assessments are of areas: few
            stray = bool(table["stray"].iloc[row])
            surely, maybe = areas.covered(table["area"].iloc[row], table["parcel"].iloc[row], stray)
            against = bool(state[row] & _HEARD)
            hearing.hear(surely, int(state[row]) if mine[row] else _UNCLEAR, int(row))
            if against:
                hearing.hear(maybe & ~surely, _UNCLEAR, int(row))
        yield hearing.answer(rule)


def _states(table: pd.DataFrame, date: dt.date) -> Ints:
    """Say of each paper what it is worth at a date; 0 for what is not heard."""
    stamp = pd.Timestamp(date)
    result = table["result"]
    later = (table["date"] > stamp).to_numpy()
    begun = (table["date"] <= stamp).to_numpy()
    expired = (table["expires"] < stamp).to_numpy()
    for_good = table["expires"].isna() & table["long_term"].astype("boolean").fillna(False).astype(bool)
    running = (table["expires"] >= stamp).to_numpy() | for_good.to_numpy()
    named = table[["issuer", "number"]].notna().all(axis=1).to_numpy()
    good = result.isin(["passed", "not_applicable"]).to_numpy()
    whole = good & named & begun & running
    cases = [
        (good & expired, _EXPIRED),
        (whole & (result == "passed").to_numpy(dtype=bool, na_value=False), _PASSED),
        (whole, _SPARED),
        (good & later, _LATER),
        (good, _INCOMPLETE),
        (later | expired, 0),
        ((result == "failed").to_numpy(dtype=bool, na_value=False), _FAILED),
        ((result == "pending").to_numpy(dtype=bool, na_value=False), _PENDING),
    ]
    return np.select([case for case, _ in cases], [state for _, state in cases], _UNCLEAR).astype(np.int64)


class _Areas:
    """Which parcels an assessment covers, by the area or the parcel that it names."""

    def __init__(self, parcels: pd.DataFrame) -> None:
        self.index = parcels.index
        self.columns = [parcels[name].map(plain, na_action="ignore") for name in ("sub_park", "county_code")]

    def covered(self, area: object, parcel: object, stray: bool) -> tuple[Bools, Bools]:
        """Tell which parcels are surely covered, and which may be."""
        n = len(self.index)
        none = np.zeros(n, dtype=bool)
        if not pd.isna(parcel):
            surely = self.index == str(parcel)
            return surely, surely | (stray and not surely.any())
        if pd.isna(area):
            return none, every(n)
        word = plain(area)
        if word in _WHOLE:
            return every(n), every(n)
        surely, maybe = none.copy(), none.copy()
        for column in self.columns:
            same = (column == word).to_numpy(dtype=bool, na_value=False)
            surely |= same
            if same.any():
                maybe |= column.isna().to_numpy()
        # An area that no parcel lies in may be misspelt.
        return surely, surely | maybe | (not surely.any())


class _Hearing:
    """Hears papers, and says what comes of them for every parcel."""

    def __init__(self, table: pd.DataFrame, parcels: int) -> None:
        self.table = table
        self.said = np.zeros(parcels, dtype=np.int64)
        self.best = np.full(parcels, -1, dtype=np.int64)

    def hear_at(self, at: Ints, state: Ints | int, row: Ints) -> None:
        """Hear one paper at each of some parcels."""
        states = np.broadcast_to(np.asarray(state, dtype=np.int64), at.shape)
        np.bitwise_or.at(self.said, at, states)
        heard = states > 0
        np.maximum.at(self.best, at[heard], _RANK[states[heard]] * len(self.table) + row[heard])

    def hear(self, where: Bools, state: int, row: int) -> None:
        """Hear one paper at many parcels."""
        if state:
            self.said[where] |= state
            self.best[where] = np.maximum(self.best[where], _RANK[state] * len(self.table) + row)

    def answer(self, rule: LandRule, only_against: bool = False) -> Answer:
        """Give the answer; `only_against` where silence is enough, because something else is asked for."""
        said = self.said & _HEARD if only_against else self.said
        heard, good = (said & _HEARD) > 0, (said & _GOOD) > 0
        silence = (PASSED, "silent") if only_against else (UNKNOWN, "missing")
        cases = [
            (heard & good, UNKNOWN, "contradiction"),
            ((said & _FAILED) > 0, FAILED, "failed"),
            ((said & _PENDING) > 0, FAILED, "pending"),
            (heard, UNKNOWN, "unclear"),
            ((said & _PASSED) > 0, PASSED, "passed"),
            (good, NOT_APPLICABLE, "not_applicable"),
            ((said & _EXPIRED) > 0, FAILED, "expired"),
            ((said & _LATER) > 0, UNKNOWN, "later"),
            ((said & _INCOMPLETE) > 0, UNKNOWN, "incomplete"),
            (every(len(said)), *silence),
        ]
        return answer(rule, cases, paper=self._paper())

    def _paper(self) -> Paper:
        return Paper(self.table, np.where(self.best >= 0, self.best % max(len(self.table), 1), -1))
