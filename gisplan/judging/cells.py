"""Cells: one answer for each parcel and service, with letters, decisions and doubts laid over what geometry says."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.base.coded import Coded, side_by_side
from gisplan.judging.binding import binds, dual
from gisplan.judging.evidence import against, astray, on_parcels, spread
from gisplan.judging.judgement import Judgement
from gisplan.judging.outcome import FAILS, UNKNOWN
from gisplan.judging.reserves.carrying import in_unit
from gisplan.judging.reserves.demand import demand
from gisplan.rules.profile import Profile, Service, named

Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]
Part = dict[str, Any]
"""The cells of one service, column by column: texts as `Coded`, numbers and days as arrays."""

VERDICTS = {"A": "ready", "B": "gap", "C": "gap", "D": "gap", "U": "unknown", "N": "not_applicable"}
COLUMNS = (
    "parcel", "service", "grade", "verdict", "need", "code", "feature", "distance_m", "path_m", "source",
    "works", "ready_on", "by", "group", "at", "decided",
)  # fmt: skip
GRADES = COLUMNS[:-2]
"""Columns that people are shown; the last two are for the words: where it is decided, and by which condition."""
_PLAIN = ("distance_m", "path_m", "ready_on")


def cells(judgement: Judgement, known_on: dt.date) -> pd.DataFrame:
    """Give the answer for every parcel and service, without words (`gisplan.judging.words` makes them).

    Parameters
    ----------
    judgement
        What geometry, works and papers say.
    known_on
        The zone's own date: for a later date nothing can be better than B.

    Returns
    -------
    pandas.DataFrame
        One row a parcel and service, parcels in order, services in profile order; `COLUMNS`. Distances in metres; texts
        as categoricals, of which a zone of a million cells holds each once.
    """
    survey = judgement.survey
    needs = _needs(survey.parcels["promised"], survey.profile)
    uncertain = judgement.overlap | survey.parcels["doubt"].to_numpy(dtype=bool)
    done: dict[str, Part] = {}
    hosts: dict[str, Coded] = {}
    for service in sorted(survey.profile.services, key=lambda s: bool(s.shares)):
        part = _surface(judgement, service) if service.shape == "surface" else _lines(judgement, service)
        _papers(part, judgement, service, hosts.get(service.shares))
        host = part["grade"].copy()
        _put(part, uncertain, grade="U", by="survey", code="parcel_geometry")
        _put(part, judgement.overlap, code="parcel_overlap")
        if judgement.date < (survey.data_date or known_on):
            _put(part, part["grade"].among("A"), grade="U", code="past")
        if judgement.date > known_on:
            _put(part, part["grade"].among("A"), grade="B", code="future", ready_on=np.datetime64(known_on, "s"))
        decided = on_parcels(judgement.evidence, service.key, survey.parcels.index, "not_applicable") >= 0
        _put(part, decided, grade="N", code="decision", by="decision")
        denied = decided & against(judgement.evidence, service.key, survey.parcels.index)
        _put(part, denied, grade="U", code="letter_contradicts")
        part["ready_on"][~part["grade"].among("B", "C")] = np.datetime64("NaT")
        part["need"], part["group"] = needs[service.key]
        done[service.key], hosts[service.key] = part, host
    return _table([done[service.key] for service in survey.profile.services], survey.parcels.index, survey.profile)


def _table(parts: list[Part], parcels: pd.Index, profile: Profile) -> pd.DataFrame:
    """Put the cells of all services side by side, parcel by parcel; every text is held once."""
    n, s = len(parcels), len(parts)
    columns: dict[str, Any] = {
        "parcel": _categorical(np.repeat(np.arange(n), s), parcels.to_numpy(dtype=object)),
        "service": _categorical(np.tile(np.arange(s), n), [service.key for service in profile.services]),
    }
    for name in COLUMNS[2:]:
        if name in _PLAIN:
            columns[name] = np.column_stack([part.pop(name) for part in parts]).ravel()
        elif name == "verdict":
            grade = columns["grade"]
            verdicts = list(dict.fromkeys(VERDICTS.values()))
            of = np.array([verdicts.index(VERDICTS[letter]) for letter in grade.categories], dtype=np.int8)
            columns[name] = _categorical(of[grade.codes], verdicts)
        else:
            columns[name] = side_by_side([part.pop(name) for part in parts])
    return pd.DataFrame(columns, copy=False)


def _categorical(code: npt.NDArray[Any], texts: Texts | list[Any]) -> pd.Categorical:
    return pd.Categorical.from_codes(code, categories=pd.Index(texts, dtype=object))


def texts(column: pd.Series, at: npt.NDArray[Any] | slice = slice(None), blank: object = None) -> Texts:
    """Give the texts of some rows of a categorical column; what is missing as `blank`."""
    held = column.array
    known = np.array([*held.categories, blank], dtype=object)
    return np.asarray(known[held.codes[at]])


def _put(part: Part, where: Bools, **values: Any) -> None:
    """Set columns of some cells."""
    if where.any():
        for name, value in values.items():
            if isinstance(part[name], Coded):
                part[name].put(where, value)
            else:
                part[name][where] = value


def _blank(judgement: Judgement) -> Part:
    """Start a column of cells of which nothing is known."""
    n = len(judgement.survey.parcels)
    part: Part = {name: Coded.filled(n, None) for name in ("feature", "source", "works", "at")}
    part |= {name: np.full(n, np.nan) for name in ("distance_m", "path_m")}
    first = {"grade": "U", "code": "no_layer", "by": "survey", "decided": ""}
    part |= {name: Coded.filled(n, text) for name, text in first.items()}
    return part | {"ready_on": np.full(n, np.datetime64("NaT", "s"))}


def _lines(judgement: Judgement, service: Service) -> Part:
    """Give the cells of a network service as its survey has them."""
    part = _blank(judgement)
    if service.key in judgement.survey.absent:
        _put(part, np.ones(len(judgement.survey.parcels), dtype=bool), grade="D", code="declared_absent")
        part["distance_m"][:] = np.inf
        return part
    if service.key not in judgement.connections:
        return part
    found, kept = judgement.connections[service.key], judgement.candidates[service.key]
    layer = judgement.survey.layers[service.key]
    feature, works = (
        Coded.of(layer.index.to_numpy(dtype=object)),
        Coded.of(layer["works"].to_numpy(dtype=object, na_value=None)),
    )
    part["grade"], part["code"] = Coded.of(found.grade), Coded.of(found.code)
    part["feature"] = feature.take(np.where(found.candidate >= 0, np.append(kept.row, -1)[found.candidate], -1))
    part["distance_m"], part["path_m"] = found.distance_m.copy(), found.path_m.copy()
    part["source"], part["works"] = feature.take(found.source), works.take(found.holds_back)
    part["at"] = feature.take(found.holds_back)
    part["ready_on"] = _days(found.day)
    _weigh(part, judgement, service)
    if service.key in judgement.survey.missing:
        _missing(part, judgement, service)
    return part


def _weigh(part: Part, judgement: Judgement, service: Service) -> None:
    """Lay the required further conditions over what is connected: one that fails decides, else one not known."""
    for condition in service.conditions:
        found = judgement.outcomes.get(condition.id)
        if found is None:
            continue
        binding = binds(judgement.survey, service, condition)
        if not binding.any():
            continue
        # Where nobody understands whether a project asks it, what fails leaves open whether it had to hold.
        unclear = dual(judgement.survey)[1] & (condition.weight != "required")
        # What the connection was refused for already is told with the terms of its condition.
        code = found.code
        told = binding & part["code"].same(code) & ~code.among("") & part["decided"].among("")
        _put(part, told, decided=condition.id)
        served = part["grade"].among("A", "B", "C") & binding
        unsure = part["grade"].among("U") & ~part["decided"].among("") & binding & ~unclear
        fails = found.holds == FAILS
        for where, letter in (
            (((served & ~unclear) | unsure) & fails, "D"),
            (served & ((found.holds == UNKNOWN) | (unclear & fails)), "U"),
        ):
            _put(part, where, grade=letter, code=code.take(np.flatnonzero(where)), decided=condition.id, works=None)


def _missing(part: Part, judgement: Judgement, service: Service) -> None:
    """Leave open what a feature that lost its shape in reading might have served.

    A feature whose place is lost may lie anywhere, and may join anything. One whose extent is still known leaves those
    parcels alone that have no working main in reach and do not lie near that extent.
    """
    survey, lost = judgement.survey, judgement.survey.missing[service.key]
    nowhere = lost.isna().to_numpy()
    gap = part["grade"].among("B", "C", "D")
    at = np.full(len(gap), int(np.argmax(nowhere)))
    if not nowhere.any():
        parcels = np.asarray(survey.parcels.geometry.array)
        reach = judgement.candidates[service.key].reach_m
        (parcel, feature) = shapely.STRtree(np.asarray(lost.array)).query(parcels, "dwithin", reach)
        at[parcel[::-1]] = feature[::-1]
        near = np.zeros(len(gap), dtype=bool)
        near[parcel] = True
        gap = gap & (near | ~part["code"].among("too_far", "none_found"))
    named = Coded.of(lost.index.to_numpy(dtype=object))
    _put(part, gap, grade="U", code="feature_lost", at=named.take(at[gap]), works=None)


def _surface(judgement: Judgement, service: Service) -> Part:
    """Give the cells of the levelling."""
    part = _blank(judgement)
    found = judgement.leveling[service.key]
    part["grade"], part["code"], part["works"] = (Coded.of(each) for each in (found.grade, found.code, found.works))
    part["ready_on"] = _days(found.day)
    _put(part, part["grade"].among("A"), by="record")
    return part


def _days(day: npt.NDArray[np.int32 | np.int64]) -> npt.NDArray[np.datetime64]:
    """Write the day on which each cell comes; none for 0."""
    known = np.where(day > 0, day.astype("datetime64[D]"), np.datetime64("NaT"))
    return known.astype("datetime64[s]")


def _papers(part: Part, judgement: Judgement, service: Service, host: Coded | None) -> None:
    """Lay letters over the survey: they decide where there is none, and contradict or support where there is one.

    A letter that a service shares the duct of another connects what the other connects, if nothing speaks against it.
    """
    if service.shape == "surface":
        return
    parcels = judgement.survey.parcels.index
    yes = on_parcels(judgement.evidence, service.key, parcels, "connected") >= 0
    no = against(judgement.evidence, service.key, parcels)
    bare = bool(part["code"].among("no_layer").all())
    if host is not None:
        gap = part["grade"].among("B", "C", "D") & part["decided"].among("")
        shares = on_parcels(judgement.evidence, service.key, parcels, "shares") >= 0
        _put(part, shares & host.among("A") & ~no & (gap | bare), grade="A", code="shares_duct", by="letter")
    if bare:
        denied = on_parcels(judgement.evidence, service.key, parcels, "not_connected") >= 0
        _put(part, yes & ~no, grade="A", code="letter", by="letter")
        if service.asks("capacity"):
            _put(part, yes & ~no & ~_promised(judgement, service), grade="U", code="letter_capacity")
        _put(part, denied & ~yes, grade="D", code="letter_denies", by="letter")
        clash = yes & no
    else:
        scarce = _scarce(judgement, service)
        clash = (yes & ~scarce & part["grade"].among("B", "C", "D")) | (no & part["grade"].among("A"))
    _put(part, clash, grade="U", code="letter_contradicts")
    if astray(judgement.evidence, service.key):
        own = against(judgement.evidence[~judgement.evidence["stray"].astype(bool)], service.key, parcels)
        _put(part, clash & ~own, code="letter_stray")


def _scarce(judgement: Judgement, service: Service) -> Bools:
    """Tell for which parcels capacity fails, and every letter that connects them states less than they need."""
    short = np.zeros(len(judgement.survey.parcels), dtype=bool)
    for condition in service.conditions:
        found = judgement.outcomes.get(condition.id)
        if found is not None and condition.measure.name == "capacity" and condition.weight == "required":
            short |= found.holds == FAILS
    if not short.any():
        return short
    rows = judgement.evidence
    rows = rows[rows["whole"] & (rows["service"] == service.key) & (rows["says"] == "connected")]
    stated = pd.Series(in_unit(rows["capacity"], rows["capacity_unit"], service), index=rows["parcel"])
    most = stated.fillna(np.inf).groupby(level=0).max()
    most_stated = spread(most, judgement.survey.parcels.index, np.float64(np.nan))
    return np.asarray(short & (most_stated < demand(judgement.survey, service).value))


def _promised(judgement: Judgement, service: Service) -> npt.NDArray[np.bool_]:
    """Tell for which parcels all letters that connect them, damaged ones included, promise what they need."""
    rows, at = judgement.survey.evidence, pd.Timestamp(judgement.date)
    rows = rows[(rows["service"] == service.key) & (rows["says"] == "connected")]
    rows = rows[(rows["expires"].isna() | (rows["expires"] >= at)) & (rows["date"].isna() | (rows["date"] <= at))]
    stated = pd.Series(in_unit(rows["capacity"], rows["capacity_unit"], service), index=rows["parcel"])
    least = spread(stated.fillna(-np.inf).groupby(level=0).min(), judgement.survey.parcels.index, np.float64(np.nan))
    return np.asarray(least >= demand(judgement.survey, service).value)


def _needs(promised: pd.Series, profile: Profile) -> dict[str, tuple[Coded, Coded]]:
    """Give need (required, optional) and group of every service for every parcel, by its own promise if it has one."""
    words = promised.where(promised.notna() & (promised.astype("str").str.strip() != ""), None).to_numpy(dtype=object)
    out: dict[str, tuple[Coded, Coded]] = {}
    plans = {word: named(str(word)) for word in pd.unique(words) if word is not None}
    for service in profile.services:
        need = Coded.filled(len(words), "required" if service.need == "required" else "optional")
        group = Coded.filled(len(words), service.group)
        for word, plan in plans.items():
            if plan is None:
                continue
            mine = words == word
            theirs = {s.key: s for s in plan.services}.get(service.key)
            required = theirs is not None and theirs.need == "required"
            need.put(mine, "required" if required else "optional")
            group.put(mine, theirs.group if theirs is not None else service.group)
        out[service.key] = (need, group)
    return out
