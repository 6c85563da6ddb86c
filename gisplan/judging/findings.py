"""Findings: one row for each parcel and condition, with number, limit, verdict and where the limit comes from.

A large zone has more findings than anything else: they are kept a condition at a time, and become tables and sentences
only for the parcels that somebody asks about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.base.coded import Coded, side_by_side
from gisplan.base.labels import SINGLE
from gisplan.judging.binding import binds
from gisplan.judging.candidates import Candidates, check, piece_bearer, stub_bearer
from gisplan.judging.cells import VERDICTS, texts
from gisplan.judging.judgement import Judgement
from gisplan.judging.outcome import FAILS, HOLDS, UNKNOWN
from gisplan.judging.remarks import Row, limits, overruled, remarks
from gisplan.judging.trials import ROOMS
from gisplan.judging.words import Words, blank_of, of_service
from gisplan.rules.profile import Condition, Service

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32 | np.int64]
Texts = npt.NDArray[np.object_]
Codes = npt.NDArray[np.int8]

COLUMNS = (
    "parcel", "service", "condition", "weight", "value", "unit", "limit", "verdict", "grade", "feature", "works",
    "ready_on", "basis", "clause", "reason_zh", "reason_en",
)  # fmt: skip
MEASURED = (
    "parcel", "service", "condition", "weight", "value", "class", "unit", "limit", "verdict", "grade", "basis",
    "clause",
)  # fmt: skip
WEIGHTS = ("warn", "required")
"""Whether a condition decides a parcel's cell: one that only warns does where a project asks for what it says."""
BLOCK = 200_000
"""Rows that are made into a table at a time."""


@dataclass(frozen=True)
class Findings:
    """The outcome of every condition for every parcel.

    The rows of a cell agree with its grade: the worst of its required rows (D, U, C, B, A from worst to best) is the
    grade of the cell.

    Attributes
    ----------
    words
        What was measured, the answers, and their words.
    rows
        The conditions, in the order of the profile.
    """

    words: Words
    rows: tuple[Row, ...]

    @property
    def judgement(self) -> Judgement:
        """What was measured."""
        return self.words.judgement

    @property
    def cells(self) -> pd.DataFrame:
        """The answers."""
        return self.words.cells

    def __len__(self) -> int:
        """Count the rows of the table."""
        return len(self.judgement.survey.parcels) * len(self.rows)

    def uses(self) -> pd.Series:
        """Count, for each condition, the parcels that it was put to."""
        return pd.Series({row.condition.id: int((row.grade.codes != _NOT).sum()) for row in self.rows}, dtype="int64")

    def measured(self) -> pd.DataFrame:
        """Give all rows without what their cells say already and without words, texts as categoricals; `MEASURED`."""
        n, c = len(self.judgement.survey.parcels), len(self.rows)
        conditions = [row.condition for row in self.rows]
        value = np.column_stack([row.number() for row in self.rows]).ravel()
        columns: dict[str, Any] = {
            "parcel": self.cells["parcel"].array[:: len(self.judgement.survey.profile.services)].repeat(c),
            "service": _each([row.service.key for row in self.rows], n),
            "condition": _each([condition.id for condition in conditions], n),
            "weight": pd.Categorical.from_codes(
                self._weights(np.arange(n)), categories=pd.Index(WEIGHTS, dtype=object)
            ),
            "value": value,
            "class": side_by_side([row.classes() for row in self.rows]),
            "unit": _each([condition.measure.unit for condition in conditions], n),
            "limit": side_by_side([limits(self.judgement, condition) for condition in conditions]),
            "grade": _letters(np.column_stack([row.grade.codes for row in self.rows]).ravel()),
            "basis": _each([condition.basis for condition in conditions], n),
            "clause": _each([_clause(condition) for condition in conditions], n),
        }
        columns["verdict"] = columns["grade"].map(VERDICTS)
        return pd.DataFrame({name: columns[name] for name in MEASURED}, copy=False)

    def table(self, at: Ints | None = None, langs: Sequence[str] = SINGLE) -> pd.DataFrame:
        """Give the rows of some parcels as people read them.

        Parameters
        ----------
        at
            Positions of the parcels; all if not given.
        langs
            Languages of the sentences; without any there are none.

        Returns
        -------
        pandas.DataFrame
            One row a parcel and condition, parcels in order; `COLUMNS`. ``value`` is a number in ``unit``, a class
            code, or 1 and 0 for yes and no; missing where it is not known, infinite where it was looked for and there
            is none.
        """
        judgement = self.judgement
        at = np.arange(len(judgement.survey.parcels)) if at is None else at
        n, c = len(at), len(self.rows)
        ids = judgement.survey.parcels.index.to_numpy(dtype=object)
        conditions = [row.condition for row in self.rows]
        grade = np.array([row.grade.codes[at] for row in self.rows], dtype=np.int8).reshape(c, n).T.ravel()
        given: dict[str, Any] = {
            "parcel": np.repeat(ids[at], c),
            "service": _tiled([row.service.key for row in self.rows], n),
            "condition": _tiled([condition.id for condition in conditions], n),
            "weight": np.array(WEIGHTS, dtype=object)[self._weights(at)],
            "value": _side([row.value[at].astype(object) for row in self.rows], n),
            "unit": _tiled([condition.measure.unit for condition in conditions], n),
            "limit": _side([limits(judgement, condition).take(at).texts() for condition in conditions], n),
            "grade": np.array(_GRADES, dtype=object)[grade],
            "verdict": np.array([VERDICTS[g] for g in _GRADES], dtype=object)[grade],
            "basis": _tiled([condition.basis for condition in conditions], n),
            "clause": _tiled([_clause(condition) for condition in conditions], n),
            **self._of_cells(at),
        }
        columns: dict[str, Any] = {}
        for name in COLUMNS:
            lang = name.removeprefix("reason_")
            if lang in langs:
                said = _side([remarks(self.words, row, at, lang) for row in self.rows], n)
                columns[name] = pd.Series(said, dtype="str")
            elif name in given:
                held = given.pop(name)
                columns[name] = pd.Series(held, dtype="str") if name in _TEXTS else held
        return pd.DataFrame(columns, copy=False)

    def _weights(self, at: Ints) -> Codes:
        """Give which of `WEIGHTS` each row has."""
        survey, shape = self.judgement.survey, (len(self.rows), len(at))
        bound = [binds(survey, row.service, row.condition)[at] for row in self.rows]
        return np.array(bound, dtype=np.int8).reshape(shape).T.ravel()

    def _of_cells(self, at: Ints) -> dict[str, Any]:
        """Give what each row has from its cell."""
        services = self.judgement.survey.profile.services
        place = np.array([[s.key for s in services].index(row.service.key) for row in self.rows], dtype=np.int64)
        found: dict[str, Any] = {}
        for name in ("feature", "works"):
            blanks = [blank_of(self.judgement, self.cells, service, name) for service in services]
            mine = [of_service(self.judgement, self.cells, service)[name] for service in services]
            texts_ = [texts(column, at, blank) for column, blank in zip(mine, blanks, strict=True)]
            kind = object if any(blank is None for blank in blanks) else "str"
            found[name] = pd.Series(_side([texts_[i] for i in place], len(at)), dtype=kind)
        days = self.cells["ready_on"].to_numpy().reshape(-1, len(services))[at]
        found["ready_on"] = days[:, place].ravel()
        return found


@dataclass(frozen=True)
class Listing:
    """The findings of some parcels: a table that is made a block at a time.

    Attributes
    ----------
    findings
        What was found.
    at
        Positions of the parcels.
    """

    findings: Findings
    at: Ints

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.at) * len(self.findings.rows)

    def open_(self) -> int:
        """Count the rows that do not hold."""
        return len(self) - sum(int((row.grade.codes[self.at] == _HOLDS).sum()) for row in self.findings.rows)

    def blocks(self, langs: Sequence[str] = SINGLE) -> Iterator[pd.DataFrame]:
        """Give the rows in tables of a bounded size, with sentences in some languages."""
        step = max(1, BLOCK // max(1, len(self.findings.rows)))
        for start in range(0, max(len(self.at), 1), step):
            yield self.findings.table(self.at[start : start + step], langs)

    def of(self, at: Ints) -> Listing:
        """Give the findings of other parcels."""
        return replace(self, at=at)

    def only(self, conditions: Collection[str]) -> Listing:
        """Give the findings of some conditions."""
        rows = tuple(row for row in self.findings.rows if row.condition.id in conditions)
        return replace(self, findings=replace(self.findings, rows=rows))


_GRADES = tuple(VERDICTS)
_HOLDS, _COMING, _LATER, _FAILS, _UNKNOWN, _NOT = range(len(_GRADES))
_JUDGED = {FAILS: _FAILS, UNKNOWN: _UNKNOWN, HOLDS: _HOLDS}
_TEXTS = ("parcel", "service", "condition", "weight", "unit", "limit", "verdict", "grade", "basis", "clause")


@dataclass(frozen=True)
class _Asked:
    """What the conditions of one service are put to: its cells, their letters, and what geometry alone says."""

    judgement: Judgement
    service: Service
    cell: pd.DataFrame
    letter: Codes
    geometry: Codes


def findings(words: Words) -> Findings:
    """Give the outcome of every condition for every parcel.

    Parameters
    ----------
    words
        What was measured, the answers, and their words.
    """
    judgement, cells, rows = words.judgement, words.cells, []
    for service in judgement.survey.profile.services:
        cell = of_service(judgement, cells, service)
        letter = _numbers(cell["grade"].array.categories, cell["grade"].array.codes)
        found = judgement.connections.get(service.key) or judgement.leveling.get(service.key)
        own = None if found is None else Coded.of(found.grade)
        asked = _Asked(judgement, service, cell, letter, letter if own is None else _numbers(own.words, own.code))
        above = overruled(cell)
        for condition in service.conditions:
            value, grade = _outcome(asked, condition)
            rows.append(Row(service, condition, value, _letters(np.where(above, letter, grade))))
    return Findings(words, tuple(rows))


def _outcome(asked: _Asked, condition: Condition) -> tuple[Any, Codes]:
    """Give value and grade of one condition, before what stands above it."""
    if asked.service.shape == "surface":
        return _surface(asked, condition)
    if asked.service.key in asked.judgement.connections:
        return _network(asked, condition)
    value = np.full(len(asked.cell), np.nan)
    if condition.measure.kind == "reach":
        value[(asked.cell["code"] == "declared_absent").to_numpy()] = np.inf
    return value, asked.letter


def _numbers(letters: Texts | pd.Index, code: npt.NDArray[Any]) -> Codes:
    """Give letters as numbers of `_GRADES`."""
    return np.array([_GRADES.index(letter) for letter in letters], dtype=np.int8)[code]


def _judged(outcome: npt.NDArray[Any]) -> Codes:
    """Give the letters of what holds, fails, or is not known."""
    return np.array([_JUDGED[each] for each in (FAILS, UNKNOWN, HOLDS)], dtype=np.int8)[outcome - FAILS]


def _letters(code: npt.NDArray[Any]) -> pd.Categorical:
    return pd.Categorical.from_codes(code, categories=pd.Index(_GRADES, dtype=object))


def _clause(condition: Condition) -> str:
    return f"{condition.code} {condition.clause}".strip()


def _tiled(names: list[str], parcels: int) -> Texts:
    return np.tile(np.array(names, dtype=object), parcels)


def _each(names: list[str], parcels: int) -> pd.Categorical:
    """Give one name a condition, over and over."""
    code, found = pd.factorize(np.array(names, dtype=object))
    return pd.Categorical.from_codes(np.tile(code.astype(np.int16), parcels), categories=pd.Index(found, dtype=object))


def _side(columns: list[Texts], parcels: int) -> Texts:
    """Lay the columns of all conditions side by side, parcel by parcel."""
    out = np.empty((parcels, len(columns)), dtype=object)
    for i, column in enumerate(columns):
        out[:, i] = column
    return out.ravel()


def _surface(asked: _Asked, condition: Condition) -> tuple[Any, Codes]:
    """Give value and grade of one condition of the levelling."""
    found, cell, letter = asked.judgement.leveling[asked.service.key], asked.cell, asked.letter
    value, outcome = found.values[condition.id], found.outcomes[condition.id]
    grade = _judged(outcome)
    # Works that are coming will change the ground: what it is today decides nothing.
    coming = np.isin(asked.geometry, (_COMING, _LATER))
    if condition.measure.kind in ("ground", "obstacles"):
        grade = np.where(coming & (grade != _HOLDS), letter, grade)
    if condition.measure.name == "accepted":
        own = coming | ((asked.geometry == _FAILS) & Coded.of(found.code).among("undated", "unfunded", "abandoned"))
        grade = np.where(own & (outcome != HOLDS), letter, grade)
        decided = cell["code"].isin(["future", "contradiction"]).to_numpy()
        grade = np.where(decided & (letter != _FAILS), letter, grade)
    return value, grade


def _network(asked: _Asked, condition: Condition) -> tuple[Any, Codes]:
    """Give value and grade of one condition of a network service, on the candidate that decides each cell."""
    judgement, service, geometry = asked.judgement, asked.service, asked.geometry
    found, kept = judgement.connections[service.key], judgement.candidates[service.key]
    chosen = found.candidate
    none = chosen < 0
    if condition.measure.kind in ROOMS:
        mine = judgement.outcomes[condition.id]
        grade = _judged(mine.holds)
        # Where it is not even known to be connected, what follows from it is not known either.
        return mine.value, np.where((grade != _HOLDS) & np.isin(geometry, (_FAILS, _UNKNOWN)), geometry, grade)
    if condition.measure.kind == "reach":
        code = Coded.of(found.code)
        near = (found.distance_m <= condition.limit.high) & ~code.among("blocked")
        grade = np.where(near, _HOLDS, _FAILS)
        grade[code.among("barriers_unknown")] = _UNKNOWN
        return found.distance_m, grade
    if condition.measure.kind == "path":
        level = np.where(none, len(kept.levels), np.append(_raw_level(kept, opened=False), 0)[chosen])
        may = np.where(none, len(kept.levels), np.append(_raw_level(kept, opened=True), 0)[chosen])
        now, could = kept.levels.grade_of(level), kept.levels.grade_of(may)
        grade = np.where(now == could, now, _UNKNOWN)  # the grades of levels are numbered as the letters are
        grade[(asked.cell["code"] == "future").to_numpy()] = _COMING
        value = np.where(grade == _HOLDS, 1.0, np.where(grade == _UNKNOWN, np.nan, 0.0))
        return value, np.where(none & (geometry == _FAILS), _FAILS, grade)
    value, outcome = _attribute(judgement, service, condition, chosen)
    grade = _judged(outcome)
    # Where nothing serves anyway, a size that is not known decides nothing.
    grade[(geometry == _FAILS) & (grade == _UNKNOWN)] = _FAILS
    return value, grade


def _raw_level(kept: Candidates, opened: bool) -> Ints:
    """Give the level at which each candidate is connected, whatever its size."""
    supply = kept.open if opened else kept.shut
    level = np.full(len(kept.row), len(kept.levels), dtype=np.int64)
    lines, stubs = kept.piece >= 0, kept.stub >= 0
    level[lines] = supply.piece[kept.piece[lines]]
    level[stubs] = supply.stub[kept.stub[stubs]]
    return level


def _attribute(judgement: Judgement, service: Service, condition: Condition, chosen: Rows) -> tuple[Any, Ints]:
    """Give size or class of the main behind each deciding candidate, and whether it holds."""
    kept = judgement.candidates[service.key]
    layer = judgement.survey.layers[service.key]
    opened = judgement.connections[service.key].opened
    column = layer[condition.measure.column]
    if not len(layer):
        return np.full(len(chosen), np.nan), np.zeros(len(chosen), dtype=np.int64)
    rows = []
    for supply in (kept.shut, kept.open):
        by_piece, by_stub = piece_bearer(supply, supply.piece), stub_bearer(supply, supply.stub)
        bearer = kept.row.copy()
        lines, stubs = kept.piece >= 0, kept.stub >= 0
        bearer[lines] = by_piece[kept.piece[lines]]
        bearer[stubs] = by_stub[kept.stub[stubs]]
        rows.append(np.where(chosen >= 0, np.append(bearer, -1)[chosen], -1))
    row = np.where(opened, rows[1], rows[0])
    found = np.where(row < 0, 0, check(column.iloc[np.maximum(row, 0)], condition.limit))
    held = column.to_numpy() if column.dtype == float else column.to_numpy(dtype=object)
    value = held[np.maximum(row, 0)]
    return np.where((row < 0) | pd.isna(value), np.nan, value), found
