"""Remarks: what each finding says in words: the measured value against the limit, or why it is as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.base.coded import Coded
from gisplan.base.fields import spoken
from gisplan.base.labels import codes, label, say_rows
from gisplan.base.units import number_texts
from gisplan.judging.cells import texts
from gisplan.judging.judgement import Judgement
from gisplan.judging.outcome import FAILS, HOLDS, Term, shown
from gisplan.judging.trials import ROOMS
from gisplan.judging.words import Values, Words, alone, of_service
from gisplan.rules.profile import Condition, Limit, Service

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]

_OVERRULED = ("letter_contradicts", "letter_stray", "parcel_overlap", "parcel_geometry", "past")
"""Reasons that stand above what was measured."""


@dataclass(frozen=True)
class Row:
    """What one condition of a service found, parcel by parcel.

    Attributes
    ----------
    service, condition
        The condition.
    value
        Numbers, or objects (class codes) where the measure has none.
    grade
        The letter.
    """

    service: Service
    condition: Condition
    value: npt.NDArray[Any]
    grade: pd.Categorical

    def number(self) -> npt.NDArray[np.float64]:
        """Give the value where it is a number."""
        if self.value.dtype != object:
            return self.value.astype(float)
        code, words = pd.factorize(self.value)
        each = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce").to_numpy(dtype=float)
        return np.append(each, np.nan)[code]

    def classes(self) -> Coded:
        """Give the value where it is a class."""
        if self.value.dtype != object:
            return Coded.filled(len(self.value), None)
        held = Coded.of(self.value)
        held.put(~np.array([*(isinstance(word, str) for word in held.words), False])[held.code], None)
        return held


def limits(judgement: Judgement, condition: Condition) -> Coded:
    """Write the limit that holds for each parcel: by its land use where the profile says so."""
    use, limit = judgement.survey.parcels["use"], condition.limit
    if limit.by_use is None:
        return Coded.filled(len(use), limit.text)
    held = Coded.of(use.to_numpy(dtype=object, na_value=None))
    own = [limit.by_use.get(word) for word in held.words]
    texts = ["?" if each is None else Limit(*each, unit=limit.unit).text for each in own]
    return Coded.of(np.array([*texts, "?"], dtype=object)).take(np.where(held.code < 0, len(texts), held.code))


def overruled(cell: pd.DataFrame) -> Bools:
    """Tell which cells have what stands above anything measured."""
    return (cell["by"].isin(["decision", "letter"]) | cell["code"].isin(_OVERRULED)).to_numpy()


def remarks(words: Words, row: Row, at: Ints, lang: str) -> Texts:
    """Say what one condition found at some parcels.

    Parameters
    ----------
    words
        What was measured, the answers, and their words.
    row
        What was found.
    at
        Positions of the parcels.
    lang
        ``zh`` or ``en``.
    """
    judgement, condition = words.judgement, row.condition
    cell = of_service(judgement, words.cells, row.service)
    grade = np.asarray(row.grade[at], dtype=object)
    above = overruled(cell)[at]
    # A number speaks for itself; where a condition is a yes or no, the reason of the cell says more.
    says_more = condition.measure.kind in ("path", "record") and condition.weight == "required"
    decides = (grade == texts(cell["grade"], at)) & (says_more | above) & ((grade != "A") | above)
    said = np.full(len(at), "", dtype=object)
    theirs, own = np.flatnonzero(decides), np.flatnonzero(~decides)
    if len(theirs):
        said[theirs] = words.reasons(row.service, at[theirs], lang)
    if len(own):
        said[own] = _own(judgement, row, cell, (at[own], grade[own]), lang)
    if condition.id in judgement.survey.profile.overridden:
        said += label("finding.overridden").text(lang)
    return said


def _own(judgement: Judgement, row: Row, cell: pd.DataFrame, asked: tuple[Ints, Texts], lang: str) -> Texts:
    """Say it in the condition's own sentences, for positions and grades of some parcels."""
    condition, (at, grade) = row.condition, asked
    room = condition.measure.kind in ROOMS
    kind = "class" if condition.measure.kind == "class" else ("flag" if not condition.measure.unit else "number")
    values: Values = {
        "value": lambda rows: number_texts(row.value[at[rows]], 3 if room else 2),
        "unit": lambda rows: condition.measure.unit,
        "limit": lambda rows: limits(judgement, condition).take(at[rows]).texts(),
    }
    if room:
        values |= _terms(judgement, row, cell, at)
        sentence = _further(judgement, row, at, grade)
    else:
        sentence = ("finding." + kind + "." + grade).astype(object)
    values["label"] = lambda rows: condition.label.text(lang)
    if kind == "class":
        words = spoken(condition.measure.column, lang)
        values["value"] = lambda rows: _spoken(number_texts(row.value[at[rows]], 3 if room else 2), words)
        values["limit"] = lambda rows: " | ".join(words.get(code, code) for code in condition.limit.one_of)
    number, sentences = pd.factorize(sentence)
    return say_rows(number, list(sentences), lang, values)


def _spoken(shown: Texts, words: dict[str, str]) -> Texts:
    code, found = pd.factorize(shown)
    return np.array([words.get(text, text) for text in found], dtype=object)[code]


def _terms(judgement: Judgement, row: Row, cell: pd.DataFrame, at: Ints) -> Values:
    """Give the terms of a further condition; none where there was no layer to put it to."""
    mine = judgement.outcomes.get(row.condition.id)
    if mine is None:
        return {}
    distance = judgement.connections[row.service.key].distance_m

    def term(given: Term) -> Any:
        return lambda rows: number_texts(shown(given, at[rows]))

    found: Values = {name: term(given) for name, given in mine.terms.items()}
    found["feature"] = lambda rows: texts(cell["feature"], at[rows], "?")
    found["distance"] = lambda rows: number_texts(distance[at[rows]])
    return found


def _further(judgement: Judgement, row: Row, at: Ints, grade: Texts) -> Texts:
    """Choose the sentences of a further condition: its reason where it does not hold, its arithmetic where it does."""
    condition = row.condition
    code = np.full(len(at), "finding.unserved", dtype=object)
    code[grade == "N"] = "finding.flag.N"
    mine = judgement.outcomes.get(condition.id)
    if mine is None:
        code[grade == "A"] = "finding.flag.A"
        return code
    found = judgement.connections[row.service.key]
    sums = f"finding.{condition.measure.name}.A"
    holding = sums if sums in codes("finding.") else "finding.number.A" if condition.measure.unit else "finding.flag.A"
    code[grade == "A"] = holding
    holds, why = mine.holds[at], mine.code.take(at).texts()
    code[(grade == "A") & (why == "nothing_asked")] = "finding.nothing_asked"
    letter = np.where(holds == HOLDS, "A", np.where(holds == FAILS, "D", "U")).astype(object)
    # Where it is not connected, nothing else was asked, save where this is why it is not connected.
    asked = ~np.isin(found.grade[at].astype(object), ("D", "U")) | (found.code[at] == why)
    asked |= (condition.measure.kind == "fall") & ~np.isnan(mine.value[at])  # measured all the same
    own = (letter != "A") & (letter == grade) & asked & (why != "")
    number, kinds = pd.factorize(alone(judgement, row.service, why, at))
    reason = np.array([f"reason.{kind}" for kind in kinds], dtype=object)
    if condition.measure.unit:
        # A reason without a number of its own leaves that to the measured value.
        plain = np.array(["{" not in label(text).en for text in reason], dtype=bool)
        code[own] = np.where(plain[number] & (letter == "D"), "finding.number.D", reason[number])[own]
    else:
        code[own] = reason[number][own]
    return code
