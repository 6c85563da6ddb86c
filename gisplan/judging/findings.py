"""Findings: one row for each parcel and condition, with number, limit, verdict and where the limit comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.base.fields import spoken
from gisplan.base.labels import codes, label, say_column
from gisplan.base.units import number_column
from gisplan.judging.candidates import Candidates, check, piece_bearer, stub_bearer
from gisplan.judging.cells import VERDICTS, written
from gisplan.judging.connection import LETTERS
from gisplan.judging.judgement import Judgement
from gisplan.judging.outcome import FAILS, HOLDS
from gisplan.judging.trials import ROOMS
from gisplan.rules.profile import Condition, Limit, Service

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]

COLUMNS = (
    "parcel", "service", "condition", "value", "unit", "limit", "verdict", "grade", "feature", "works",
    "ready_on", "basis", "clause", "reason_zh", "reason_en",
)  # fmt: skip


_OVERRULED = ("letter_contradicts", "parcel_overlap", "parcel_geometry", "past")
"""Reasons that stand above what was measured."""


def findings(judgement: Judgement, cells: pd.DataFrame) -> pd.DataFrame:
    """Give the outcome of every condition for every parcel.

    The rows of a cell agree with its grade: the worst of its required rows (D, U, C, B, A from worst to best) is the
    grade of the cell.

    Parameters
    ----------
    judgement
        What was measured.
    cells
        The answers, from `gisplan.judging.cells.cells`.

    Returns
    -------
    pandas.DataFrame
        One row a parcel and condition, parcels in order; `COLUMNS`. ``value`` is a number in ``unit``, a class code, or
        1 and 0 for yes and no; missing where it is not known, infinite where it was looked for and there is none.
    """
    services = judgement.survey.profile.services
    n = len(judgement.survey.parcels)
    parts = []
    for i, service in enumerate(services):
        cell = cells.iloc[i :: len(services)].reset_index(drop=True)
        parts += [_rows(judgement, service, condition, cell) for condition in service.conditions]
    table = pd.concat(parts, ignore_index=True)
    order = np.arange(len(table)).reshape(len(parts), n).T.ravel()
    return table.iloc[order].reset_index(drop=True)[list(COLUMNS)]


def _rows(judgement: Judgement, service: Service, condition: Condition, cell: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of one condition."""
    if service.shape == "surface":
        value, grade = _surface(judgement, service, condition, cell)
    elif service.key in judgement.connections:
        value, grade = _network(judgement, service, condition, cell)
    else:
        value = np.full(len(cell), np.nan, dtype=object)
        if condition.measure.kind == "reach":
            value[(cell["code"] == "declared_absent").to_numpy()] = np.inf
        grade = cell["grade"].to_numpy(dtype=object)
    overruled = cell["by"].isin(["decision", "letter"]) | cell["code"].isin(_OVERRULED)
    grade = np.where(overruled, cell["grade"], grade)
    rows = cell[["parcel", "service", "feature", "works", "ready_on"]].copy()
    rows["condition"] = condition.id
    rows["value"], rows["unit"] = value, condition.measure.unit
    rows["limit"] = _limit(condition, judgement.survey.parcels["use"])
    rows["grade"] = grade
    rows["verdict"] = rows["grade"].map(VERDICTS)
    rows["basis"] = condition.basis
    rows["clause"] = f"{condition.code} {condition.clause}".strip()
    further = _further(judgement, service, condition, rows) if condition.measure.kind in ROOMS else None
    _say(rows, cell, condition, further)
    if condition.id in judgement.survey.profile.overridden:
        for lang in ("zh", "en"):
            rows[f"reason_{lang}"] += label("finding.overridden").text(lang)
    return rows


@dataclass(frozen=True)
class _Further:
    """How the rows of a further condition are said: a label code each, and what fills the places."""

    code: pd.Series
    values: dict[str, pd.Series]


def _further(judgement: Judgement, service: Service, condition: Condition, rows: pd.DataFrame) -> _Further:
    """Choose the sentences of a further condition: its reason where it does not hold, its arithmetic where it does."""
    grade = rows["grade"].to_numpy(dtype=object)
    code = np.full(len(rows), "finding.unserved", dtype=object)
    code[grade == "N"] = "finding.flag.N"
    mine = judgement.outcomes.get(condition.id)
    if mine is None:
        code[grade == "A"] = "finding.flag.A"
        return _Further(pd.Series(code, index=rows.index), {})
    found = judgement.connections[service.key]
    sums = f"finding.{condition.measure.name}.A"
    holding = sums if sums in codes("finding.") else "finding.number.A" if condition.measure.unit else "finding.flag.A"
    code[grade == "A"] = holding
    letter = np.select([mine.holds == HOLDS, mine.holds == FAILS], ["A", "D"], default="U")
    # Where it is not connected, nothing else was asked, save where this is why it is not connected.
    asked = ~np.isin(found.grade, ("D", "U")) | (found.code == mine.code)
    asked |= (condition.measure.kind == "fall") & ~np.isnan(mine.value)  # measured all the same
    own = (letter != "A") & (letter == grade) & asked & (mine.code != "")
    reasons = np.array(["reason." + text for text in mine.code], dtype=object)
    if condition.measure.unit:
        # A reason without a number of its own leaves that to the measured value.
        plain = [reason for reason in pd.unique(reasons[own]) if "{" not in label(reason).en]
        reasons[np.isin(reasons, plain) & (letter == "D")] = "finding.number.D"
    code[own] = reasons[own]
    values = {name: written(term, rows.index) for name, term in mine.terms.items()}
    values["feature"] = rows["feature"].where(rows["feature"].notna(), "?").astype("str")
    values["distance"] = number_column(pd.Series(found.distance_m, index=rows.index))
    return _Further(pd.Series(code, index=rows.index), values)


def _say(rows: pd.DataFrame, cell: pd.DataFrame, condition: Condition, further: _Further | None) -> None:
    """Write each row's sentence: the measured value against the limit, or the reason of the cell where it decides."""
    blank = pd.Series("", index=rows.index)
    values = {
        "value": number_column(rows["value"], 3 if further is not None else 2),
        "unit": blank + condition.measure.unit,
        "limit": rows["limit"],
    }
    kind = "class" if condition.measure.kind == "class" else ("flag" if not condition.measure.unit else "number")
    shown = values["value"]
    if further is not None:
        values = {**values, **further.values}
    code = (
        further.code
        if further is not None
        else pd.Series(f"finding.{kind}." + rows["grade"].astype("str"), index=rows.index)
    )
    # A number speaks for itself; where a condition is a yes or no, the reason of the cell says more.
    says_more = condition.measure.kind in ("path", "record") and condition.weight == "required"
    overruled = cell["by"].isin(["decision", "letter"]) | cell["code"].isin(_OVERRULED)
    decides = ((rows["grade"] == cell["grade"]) & (says_more | overruled)).to_numpy()
    for lang in ("zh", "en"):
        values["label"] = blank + condition.label.text(lang)
        if kind == "class":
            words = spoken(condition.measure.column, lang)
            values["value"] = shown.replace(words)
            values["limit"] = blank + " | ".join(words.get(code, code) for code in condition.limit.one_of)
        own = say_column(code, lang, values)
        rows[f"reason_{lang}"] = np.where(decides & ((rows["grade"] != "A") | overruled), cell[f"reason_{lang}"], own)


def _limit(condition: Condition, use: pd.Series) -> Texts:
    """Write the limit that holds for each parcel: by its land use where the profile says so."""
    limit = condition.limit
    if limit.by_use is None:
        return np.full(len(use), limit.text, dtype=object)
    own = {key: Limit(low, high, unit=limit.unit).text for key, (low, high) in limit.by_use.items()}
    return use.astype(object).map(own).fillna("?").to_numpy(dtype=object)


def _surface(judgement: Judgement, service: Service, condition: Condition, cell: pd.DataFrame) -> tuple[Texts, Texts]:
    """Give value and grade of one condition of the levelling."""
    found = judgement.leveling[service.key]
    value, outcome = found.values[condition.id], found.outcomes[condition.id]
    grade = np.select([outcome == HOLDS, outcome == FAILS], ["A", "D"], default="U").astype(object)
    # Works that are coming will change the ground: what it is today decides nothing.
    coming = np.isin(found.grade, ("B", "C"))
    if condition.measure.kind in ("ground", "obstacles"):
        grade = np.where(coming & (grade != "A"), cell["grade"], grade)
    if condition.measure.name == "accepted":
        own = np.isin(found.grade, ("B", "C")) | (
            (found.grade == "D") & np.isin(found.code, ("undated", "unfunded", "abandoned"))
        )
        grade = np.where(own & (outcome != HOLDS), cell["grade"], grade)
        decided = cell["code"].isin(["future", "contradiction"]).to_numpy()
        grade = np.where(decided & (cell["grade"] != "D"), cell["grade"], grade)
    return value.astype(object), grade


def _network(judgement: Judgement, service: Service, condition: Condition, cell: pd.DataFrame) -> tuple[Texts, Texts]:
    """Give value and grade of one condition of a network service, on the candidate that decides each cell."""
    found, kept = judgement.connections[service.key], judgement.candidates[service.key]
    chosen = found.candidate
    none = chosen < 0
    geometry = found.grade
    if condition.measure.kind in ROOMS:
        mine = judgement.outcomes[condition.id]
        grade = np.select([mine.holds == HOLDS, mine.holds == FAILS], ["A", "D"], default="U").astype(object)
        # Where it is not even known to be connected, what follows from it is not known either.
        return mine.value.astype(object), np.where((grade != "A") & np.isin(geometry, ("D", "U")), geometry, grade)
    if condition.measure.kind == "reach":
        near = found.distance_m <= condition.limit.high
        barred = np.isin(found.code, ("blocked",))
        grade = np.where(near & ~barred, "A", "D").astype(object)
        grade[found.code == "barriers_unknown"] = "U"
        return found.distance_m.astype(object), grade
    if condition.measure.kind == "path":
        level = np.where(none, len(kept.levels), np.append(_raw_level(kept, opened=False), 0)[chosen])
        may = np.where(none, len(kept.levels), np.append(_raw_level(kept, opened=True), 0)[chosen])
        now, could = kept.levels.grade_of(level), kept.levels.grade_of(may)
        grade = np.where(now == could, LETTERS[now], "U").astype(object)
        grade[(cell["code"] == "future").to_numpy()] = "B"
        value = np.where(grade == "A", 1.0, np.where(grade == "U", np.nan, 0.0)).astype(object)
        return value, np.where(none & (geometry == "D"), "D", grade)
    value, outcome = _attribute(judgement, service, condition, chosen)
    grade = np.select([outcome == HOLDS, outcome == FAILS], ["A", "D"], default="U").astype(object)
    # Where nothing serves anyway, a size that is not known decides nothing.
    grade[(geometry == "D") & (grade == "U")] = "D"
    return value, grade


def _raw_level(kept: Candidates, opened: bool) -> Ints:
    """Give the level at which each candidate is connected, whatever its size."""
    supply = kept.open if opened else kept.shut
    level = np.full(len(kept.row), len(kept.levels), dtype=np.int64)
    lines, stubs = kept.piece >= 0, kept.stub >= 0
    level[lines] = supply.piece[kept.piece[lines]]
    level[stubs] = supply.stub[kept.stub[stubs]]
    return level


def _attribute(judgement: Judgement, service: Service, condition: Condition, chosen: Ints) -> tuple[Texts, Ints]:
    """Give size or class of the main behind each deciding candidate, and whether it holds."""
    kept = judgement.candidates[service.key]
    layer = judgement.survey.layers[service.key]
    opened = judgement.connections[service.key].opened
    column = layer[condition.measure.column]
    if not len(layer):
        return np.full(len(chosen), np.nan, dtype=object), np.zeros(len(chosen), dtype=np.int64)
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
    value = column.astype(object).to_numpy(dtype=object)[np.maximum(row, 0)]
    return np.where((row < 0) | pd.isna(value), np.nan, value).astype(object), found
