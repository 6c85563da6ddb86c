"""Cells: one answer for each parcel and service, with letters, decisions and doubts laid over what geometry says."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.base.labels import codes as known_codes
from gisplan.base.labels import label, say_column
from gisplan.base.units import number_column
from gisplan.judging.evidence import against, on_parcels
from gisplan.judging.judgement import Judgement
from gisplan.judging.outcome import FAILS, UNKNOWN
from gisplan.judging.reserves.carrying import in_unit
from gisplan.judging.reserves.demand import demand
from gisplan.rules.profile import Profile, Service, named

Texts = npt.NDArray[np.object_]

VERDICTS = {"A": "ready", "B": "gap", "C": "gap", "D": "gap", "U": "unknown", "N": "not_applicable"}
COLUMNS = (
    "parcel", "service", "grade", "verdict", "need", "code", "feature", "distance_m", "path_m", "source",
    "works", "ready_on", "reason_zh", "reason_en", "by", "group",
)  # fmt: skip


def cells(judgement: Judgement, known_on: dt.date) -> pd.DataFrame:
    """Give the answer for every parcel and service.

    Parameters
    ----------
    judgement
        What geometry, works and papers say.
    known_on
        The zone's own date: for a later date nothing can be better than B.

    Returns
    -------
    pandas.DataFrame
        One row a parcel and service, parcels in order, services in profile order; `COLUMNS`. Distances in metres.
    """
    survey = judgement.survey
    needs = _needs(survey.parcels["promised"], survey.profile)
    done: dict[str, pd.DataFrame] = {}
    hosts: dict[str, Texts] = {}
    for service in sorted(survey.profile.services, key=lambda s: bool(s.shares)):
        part = _surface(judgement, service) if service.shape == "surface" else _lines(judgement, service)
        _papers(part, judgement, service, hosts.get(service.shares))
        hosts[service.key] = part["grade"].to_numpy(dtype=object).copy()
        doubt = judgement.overlap | survey.parcels["doubt"].to_numpy(dtype=bool)
        _put(part, doubt, grade="U", by="survey", code="parcel_geometry")
        _put(part, judgement.overlap, code="parcel_overlap")
        if judgement.date < (survey.data_date or known_on):
            _put(part, part["grade"] == "A", grade="U", code="past")
        if judgement.date > known_on:
            later = (part["grade"] == "A").to_numpy()
            _put(part, later, grade="B", code="future", ready_on=pd.Timestamp(known_on))
        decided = on_parcels(judgement.evidence, service.key, survey.parcels.index, "not_applicable") >= 0
        _put(part, decided, grade="N", code="decision", by="decision")
        _put(part, ~part["grade"].isin(["B", "C"]) & part["ready_on"].notna(), ready_on=pd.NaT)
        part["need"], part["group"] = needs[service.key]
        part["verdict"] = part["grade"].map(VERDICTS)
        _reasons(part, judgement, service)
        done[service.key] = part
    parts = [done[service.key] for service in survey.profile.services]
    table = pd.concat(parts, ignore_index=True)
    order = np.arange(len(table)).reshape(len(parts), -1).T.ravel()
    return table.iloc[order].reset_index(drop=True)[list(COLUMNS)]


def _put(part: pd.DataFrame, where: pd.Series | npt.NDArray[np.bool_], **values: object) -> None:
    """Set columns of some cells; where there are none nothing is touched, which is most of the time of a small zone."""
    if where.any():
        for name, value in values.items():
            part.loc[where, name] = value


def _blank(judgement: Judgement, service: Service) -> pd.DataFrame:
    """Start a column of cells of which nothing is known."""
    n = len(judgement.survey.parcels)
    empty = np.full(n, None, dtype=object)
    return pd.DataFrame(
        {
            "parcel": judgement.survey.parcels.index.to_numpy(dtype=object),
            "service": service.key,
            "grade": np.full(n, "U", dtype=object),
            "code": np.full(n, "no_layer", dtype=object),
            "feature": empty,
            "distance_m": np.full(n, np.nan),
            "path_m": np.full(n, np.nan),
            "source": empty.copy(),
            "works": empty.copy(),
            "at": empty.copy(),
            "ready_on": np.full(n, np.datetime64("NaT", "s")),
            "by": np.full(n, "survey", dtype=object),
            "decided": np.full(n, "", dtype=object),
        }
    )


def _lines(judgement: Judgement, service: Service) -> pd.DataFrame:
    """Give the cells of a network service as its survey has them."""
    part = _blank(judgement, service)
    if service.key in judgement.survey.absent:
        part["grade"], part["code"], part["distance_m"] = "D", "declared_absent", np.inf
        return part
    if service.key not in judgement.connections:
        return part
    found, kept = judgement.connections[service.key], judgement.candidates[service.key]
    layer = judgement.survey.layers[service.key]
    nothing = np.array([None], dtype=object)
    named_works = layer["works"].astype(object).where(layer["works"].notna(), None)
    feature = np.concatenate([layer.index.to_numpy(dtype=object), nothing])
    works = np.concatenate([named_works.to_numpy(dtype=object), nothing])
    part["grade"], part["code"] = found.grade, found.code
    part["feature"] = feature[np.where(found.candidate >= 0, np.append(kept.row, -1)[found.candidate], -1)]
    part["distance_m"], part["path_m"] = found.distance_m, found.path_m
    part["source"], part["works"] = feature[found.source], works[found.holds_back]
    part["at"] = feature[found.holds_back]
    part["ready_on"] = np.where(found.day > 0, found.day.astype("datetime64[D]"), np.datetime64("NaT")).astype(
        "datetime64[s]"
    )
    _weigh(part, judgement, service)
    if service.key in judgement.survey.missing:
        _missing(part, judgement, service)
    return part


def _weigh(part: pd.DataFrame, judgement: Judgement, service: Service) -> None:
    """Lay the required further conditions over what is connected: one that fails decides, else one not known."""
    for condition in service.conditions:
        found = judgement.outcomes.get(condition.id)
        if found is None or condition.weight != "required":
            continue
        # What the connection was refused for already is told with the terms of its condition.
        told = (part["code"] == found.code).to_numpy() & (found.code != "") & (part["decided"] == "").to_numpy()
        _put(part, told, decided=condition.id)
        grade = part["grade"].to_numpy(dtype=object)
        served = np.isin(grade, ("A", "B", "C"))
        unsure = (grade == "U") & (part["decided"] != "").to_numpy()
        for where, letter in (
            ((served | unsure) & (found.holds == FAILS), "D"),
            (served & (found.holds == UNKNOWN), "U"),
        ):
            _put(part, where, grade=letter, code=found.code[where], decided=condition.id, works=None)


def _missing(part: pd.DataFrame, judgement: Judgement, service: Service) -> None:
    """Leave open what a feature that lost its shape in reading might have served.

    A feature whose place is lost may lie anywhere, and may join anything. One whose extent is still known leaves those
    parcels alone that have no working main in reach and do not lie near that extent.
    """
    survey, lost = judgement.survey, judgement.survey.missing[service.key]
    nowhere = lost.isna().to_numpy()
    gap = part["grade"].isin(["B", "C", "D"]).to_numpy()
    at = np.full(len(part), int(np.argmax(nowhere)))
    if not nowhere.any():
        parcels = np.asarray(survey.parcels.geometry.array)
        reach = judgement.candidates[service.key].reach_m
        (parcel, feature) = shapely.STRtree(np.asarray(lost.array)).query(parcels, "dwithin", reach)
        at[parcel[::-1]] = feature[::-1]
        near = np.zeros(len(part), dtype=bool)
        near[parcel] = True
        gap = gap & (near | ~part["code"].isin(["too_far", "none_found"]).to_numpy())
    _put(part, gap, grade="U", code="feature_lost", at=lost.index.to_numpy(dtype=object)[at[gap]], works=None)


def _surface(judgement: Judgement, service: Service) -> pd.DataFrame:
    """Give the cells of the levelling."""
    part = _blank(judgement, service)
    found = judgement.leveling[service.key]
    part["grade"], part["code"] = found.grade, found.code
    coming = found.day > 0
    part["works"] = pd.Series(found.works, index=part.index, dtype=object).where(pd.notna(found.works), None)
    part["ready_on"] = np.where(coming, found.day.astype("datetime64[D]"), np.datetime64("NaT")).astype("datetime64[s]")
    _put(part, part["grade"] == "A", by="record")
    return part


def _papers(part: pd.DataFrame, judgement: Judgement, service: Service, host: Texts | None) -> None:
    """Lay letters over the survey: they decide where there is none, and contradict or support where there is one.

    A letter that a service shares the duct of another connects what the other connects, if nothing speaks against it.
    """
    if service.shape == "surface":
        return
    parcels = judgement.survey.parcels.index
    yes = on_parcels(judgement.evidence, service.key, parcels, "connected") >= 0
    no = against(judgement.evidence, service.key, parcels)
    bare = bool((part["code"] == "no_layer").all())
    if host is not None:
        gap = (part["grade"].isin(["B", "C", "D"]) & (part["decided"] == "")).to_numpy()
        shares = on_parcels(judgement.evidence, service.key, parcels, "shares") >= 0
        _put(part, shares & (host == "A") & ~no & (gap | bare), grade="A", code="shares_duct", by="letter")
    grade = part["grade"].to_numpy(dtype=object)
    if bare:
        denied = on_parcels(judgement.evidence, service.key, parcels, "not_connected") >= 0
        _put(part, yes & ~no, grade="A", code="letter", by="letter")
        if service.asks("capacity"):
            _put(part, yes & ~no & ~_promised(judgement, service), grade="U", code="letter_capacity")
        _put(part, denied & ~yes, grade="D", code="letter_denies", by="letter")
        clash = yes & no
    else:
        clash = (yes & np.isin(grade, ("B", "C", "D"))) | (no & (grade == "A"))
    _put(part, clash, grade="U", code="letter_contradicts")


def _promised(judgement: Judgement, service: Service) -> npt.NDArray[np.bool_]:
    """Tell for which parcels all letters that connect them, damaged ones included, promise what they need."""
    rows, at = judgement.survey.evidence, pd.Timestamp(judgement.date)
    rows = rows[(rows["service"] == service.key) & (rows["says"] == "connected")]
    rows = rows[(rows["expires"].isna() | (rows["expires"] >= at)) & (rows["date"].isna() | (rows["date"] <= at))]
    stated = pd.Series(in_unit(rows["capacity"], rows["capacity_unit"], service), index=rows["parcel"])
    least = stated.fillna(-np.inf).groupby(level=0).min().reindex(judgement.survey.parcels.index)
    return np.asarray(least.to_numpy(dtype=float) >= demand(judgement.survey, service).value)


def _needs(promised: pd.Series, profile: Profile) -> dict[str, tuple[Texts, Texts]]:
    """Give need (required, optional) and group of every service for every parcel, by its own promise if it has one."""
    words = promised.where(promised.notna() & (promised.astype("str").str.strip() != ""), None).to_numpy(dtype=object)
    out: dict[str, tuple[Texts, Texts]] = {}
    plans = {word: named(str(word)) for word in pd.unique(words) if word is not None}
    for service in profile.services:
        need = np.full(len(words), "required" if service.need == "required" else "optional", dtype=object)
        group = np.full(len(words), service.group, dtype=object)
        for word, plan in plans.items():
            if plan is None:
                continue
            mine = words == word
            theirs = {s.key: s for s in plan.services}.get(service.key)
            required = theirs is not None and theirs.need == "required"
            need[mine] = "required" if required else "optional"
            group[mine] = theirs.group if theirs is not None else service.group
        out[service.key] = (need, group)
    return out


def _reasons(part: pd.DataFrame, judgement: Judgement, service: Service) -> None:
    """Write the reason of each cell in both languages."""
    survey = judgement.survey
    condition = service.condition("reach")
    blank = pd.Series("", index=part.index)
    day = part["ready_on"].dt.strftime("%Y-%m-%d").fillna("?")
    values = {
        "feature": part["feature"].where(part["feature"].notna(), "?").astype("str"),
        "distance": number_column(part["distance_m"]),
        "path": number_column(part["path_m"], 1),
        "source": _named(part["source"], survey.layers.get(service.key)),
        "works": _named(part["works"], survey.works),
        "at": _named(part["at"], survey.layers.get(service.key)),
        "day": day,
        "limit": blank + (condition.limit.text if condition is not None else ""),
    }
    limits = {c.id: c.limit.text for c in service.conditions}
    for identity in filter(None, pd.unique(part["decided"])):
        values["limit"] = values["limit"].where(part["decided"] != identity, limits[identity])
        for name, term in judgement.outcomes[identity].terms.items():
            mine = (part["decided"] == identity).to_numpy()
            values[name] = values.get(name, blank).where(~mine, written(term, part.index))
    codes = "reason." + part["code"].astype("str")
    if service.shape == "surface":
        own = "reason.leveling." + part["code"].astype("str")
        codes = codes.where(~own.isin(known_codes("reason.leveling.")), own)
    for lang in ("zh", "en"):
        text = say_column(codes, lang, {**values, **_titles(judgement, service, blank, lang)})
        optional = (part["need"] == "optional").to_numpy()
        if optional.any():
            text = text + pd.Series(np.where(optional, _promise(part, judgement, lang), ""), index=part.index)
        part[f"reason_{lang}"] = text


def _titles(judgement: Judgement, service: Service, blank: pd.Series, lang: str) -> dict[str, pd.Series]:
    """Give the names of a service and of the one whose ducts it may share."""
    host = judgement.survey.profile.service(service.shares).label.text(lang) if service.shares else ""
    return {"label": blank + service.label.text(lang), "host": blank + host}


def _promise(part: pd.DataFrame, judgement: Judgement, lang: str) -> Texts:
    """Say of an optional cell by whose word it does not count."""
    promised = judgement.survey.parcels["promised"]
    own = label("reason.by_profile").text(lang).format(profile=judgement.survey.profile.label.text(lang))
    words = promised.where(promised.notna(), "").to_numpy(dtype=object).astype(str).astype(object)
    before, after = label("reason.by_promise").text(lang).split("{promised}")
    return np.where(words == "", own, before + words + after)


def written(term: npt.NDArray[np.generic], index: pd.Index) -> pd.Series:
    """Write the terms of a sentence: numbers without needless zeros, texts as they are."""
    return number_column(pd.Series(term, index=index))


def _named(column: pd.Series, table: pd.DataFrame | None) -> pd.Series:
    """Write ids with the name that their table has for them."""
    code, ids = pd.factorize(column)
    names: dict[object, str] = {}
    if table is not None and len(ids):
        known = table.loc[table.index.isin(ids), "name"]
        names = {key: f"{key} {name}" for key, name in known.items() if pd.notna(name)}
    texts = np.array([*(names.get(key, str(key)) for key in ids), "?"], dtype=object)
    return pd.Series(texts[code], index=column.index, dtype="str")
