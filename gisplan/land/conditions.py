"""Conditions: what the parcel's own columns and its connections say: planning, indicators, supply, start of works."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from gisplan.judging.words import Words, of_service
from gisplan.land.answers import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, Answer, Paper, answer, every
from gisplan.reading.survey import Survey
from gisplan.reading.words import unsettled
from gisplan.rules.land import LandRule
from gisplan.rules.profile import Service

_RANGE = {"far_min": "far_max", "far_max": "far_min"}


def on_supply(survey: Survey) -> Iterator[Answer]:
    """Say whether a parcel is in the reserve, and whether it can still be offered."""
    status = survey.parcels["supply_status"].to_numpy(dtype=object, na_value=None)
    given = np.isin(status.astype(str), ("granted", "idle"))
    blank = pd.isna(status)
    for rule in survey.profile.land.group("supply"):
        if rule.key == "reserve":
            cases = [(blank, UNKNOWN, "missing"), (status == "unreserved", FAILED, "unreserved")]
            yield answer(rule, [*cases, (every(len(status)), PASSED, "reserved")])
        else:
            yield answer(
                rule,
                [(blank, UNKNOWN, "missing"), (given, FAILED, "granted"), (every(len(status)), PASSED, "free")],
            )


def on_planning(survey: Survey, date: dt.date) -> Iterator[Answer]:
    """Say whether the planning conditions are set by a date, and do not contradict each other."""
    parcels = survey.parcels
    later = (parcels["plan_date"] > pd.Timestamp(date)).to_numpy()
    for rule in survey.profile.land.group("planning"):
        blank, value, below = _column(parcels, rule.key)
        crossed = alone = np.zeros(len(parcels), dtype=bool)
        if rule.key in _RANGE:
            crossed = (parcels["far_min"] > parcels["far_max"]).to_numpy()
            alone = parcels[_RANGE[rule.key]].isna().to_numpy()
        cases = [
            (blank, UNKNOWN, "missing"),
            (later & (rule.key == "plan"), UNKNOWN, "plan_later"),
            (below, UNKNOWN, "implausible"),
            (crossed, FAILED, "contradicts"),
            (alone, UNKNOWN, "one_sided"),
            (every(len(parcels)), PASSED, "set"),
        ]
        yield answer(rule, cases, value)


def on_indicators(survey: Survey) -> Iterator[Answer]:
    """Say whether the control indicators are set, and keep to the limits of the profile.

    Land whose use is known to be none that they apply to needs none.
    """
    parcels = survey.parcels
    use = parcels["use_class"]
    spared = (use.notna() & ~use.isin(survey.profile.land.uses)).to_numpy()
    for rule in survey.profile.land.group("indicator"):
        blank, value, below = _column(parcels, rule.key)
        cases = [
            (spared, NOT_APPLICABLE, "other_use"),
            (blank, UNKNOWN, "missing"),
            (below, UNKNOWN, "implausible"),
            (value < rule.low, FAILED, "below"),
            (value > rule.high, FAILED, "above"),
            (every(len(parcels)), PASSED, "set"),
        ]
        yield answer(rule, cases, value)


def _column(parcels: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give where a column is blank, its numbers, and where they cannot be: nothing is below zero."""
    column = parcels[name]
    if not pd.api.types.is_numeric_dtype(column):
        return _blank(column), np.full(len(column), np.nan), np.zeros(len(column), dtype=bool)
    value = column.to_numpy(dtype=float)
    below = value < 0 if name == "green_max_pct" else value <= 0
    return np.isnan(value), value, below | (name.endswith("_pct") & (value > 100))


def _blank(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.isna().to_numpy()
    code, found = pd.factorize(column.to_numpy(dtype=object, na_value=None))
    return np.array([*map(_nothing, found), True], dtype=bool)[code]


def _nothing(word: object) -> bool:
    """Tell whether a cell says nothing, or only that it is not settled yet."""
    return not isinstance(word, str) or unsettled(word)


def on_start(words: Words) -> Iterator[Answer]:
    """Say whether what is needed to start works is there: works today, or is decided not to be needed."""
    profile = words.judgement.survey.profile
    keys = [service.key for service in profile.services]
    n = len(words.cells) // len(keys)
    for rule in profile.land.group("start"):
        if rule.key in keys:
            service = profile.service(rule.key)
            rule = replace(rule, responsible=service.responsible)
            yield _connected(rule, words, service)
        else:
            yield answer(rule, [(every(n), UNKNOWN, "no_service")])


def on_promise(words: Words) -> Iterator[Answer]:
    """Say whether the zone keeps its promise: every connection that is required of the parcel works."""
    for service in words.judgement.survey.profile.services:
        rule = LandRule(
            id=f"land.promise.{service.key}", group="promise", key=service.key, label=service.label, weight="required",
            bars=False, basis="local", code="", clause="", responsible=service.responsible,
        )  # fmt: skip
        yield _connected(rule, words, service)


def _connected(rule: LandRule, words: Words, service: Service) -> Answer:
    """Say what the cells of a service mean: to start works it is needed everywhere, else where it is required."""
    cell = of_service(words.judgement, words.cells, service)
    grade = cell["grade"].to_numpy(dtype=object)
    n = len(grade)
    needed = every(n) if rule.group == "start" else (cell["need"] == "required").to_numpy()
    cases = [
        (~needed, NOT_APPLICABLE, "not_required"),
        (grade == "A", PASSED, "connected"),
        (grade == "N", NOT_APPLICABLE, "not_applicable"),
        (grade == "B", FAILED, "under_way"),
        (grade == "C", FAILED, "planned"),
        (grade == "D", FAILED, "not_connected"),
        (every(n), UNKNOWN, "to_check"),
    ]
    due = cell[["ready_on"]].rename(columns={"ready_on": "due_on"})
    found = answer(rule, cases, paper=Paper(due, np.arange(n)))
    return replace(found, said=lambda at, lang: words.reasons(service, at, lang))


def on_commitments(survey: Survey, date: dt.date) -> Iterator[Answer]:
    """Say whether commitments are kept: what is due and not done is overdue; what says no day is not known.

    A commitment that names no parcel, or one that is not there, may be about any.
    """
    table = survey.dossier.commitments
    stamp = pd.Timestamp(date)
    undone = ~(table["done_on"] <= stamp).to_numpy()
    overdue = undone & (table["due_on"] < stamp).to_numpy()
    undated = undone & table["due_on"].isna().to_numpy()
    n = len(survey.parcels)
    at = survey.parcels.index.get_indexer(table["parcel"].astype("str"))
    nameless = (table["parcel"].isna() | table["stray"]).to_numpy(dtype=bool) & (at < 0)
    for rule in survey.profile.land.group("commitment"):
        counts = {}
        for name, hit in (("overdue", overdue), ("undated", undated), ("open", undone), ("done", ~undone)):
            counts[name] = np.bincount(at[hit & ~nameless & (at >= 0)], minlength=n) > 0
        stray = np.full(n, bool((nameless & (overdue | undated)).any()))
        cases = [
            (counts["overdue"], FAILED, "overdue"),
            (counts["undated"], UNKNOWN, "undated"),
            (stray, UNKNOWN, "stray"),
            (counts["open"], PASSED, "open"),
            (counts["done"], PASSED, "done"),
            (every(n), PASSED, "none"),
        ]
        yield answer(rule, cases, paper=_next(table, (at, undone & ~nameless), n))


def _next(table: pd.DataFrame, place: tuple[np.ndarray, np.ndarray], parcels: int) -> Paper:
    """Give the commitment of each parcel that is due first."""
    at, undone = place
    rows = table[["due_on"]].assign(at=at, row=np.arange(len(table)))[undone & (at >= 0)]
    first = rows.sort_values("due_on", kind="stable").drop_duplicates("at")
    row = np.full(parcels, -1, dtype=np.int64)
    row[first["at"].to_numpy()] = first["row"].to_numpy()
    return Paper(table, row)
