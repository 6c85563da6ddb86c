"""Explanation: one verdict line, at most three evidence lines, and a line with its arithmetic for each further test."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gisplan.base.fields import spoken
from gisplan.base.labels import label, say
from gisplan.base.units import number, number_texts
from gisplan.judging.binding import binds
from gisplan.judging.gaps import UNPRICED
from gisplan.judging.judgement import Judgement
from gisplan.judging.outcome import FAILS, shown
from gisplan.judging.sums import sums
from gisplan.judging.trials import ROOMS
from gisplan.judging.words import alone
from gisplan.networks.network import Network
from gisplan.rules.profile import Condition, Service

LINES = 3
_SHOWN = 6
_CLASHES = ("letter_contradicts", "letter_stray", "contradiction")
_ORDER = {"D": 0, "U": 1, "C": 2, "B": 3, "A": 4, "N": 5}


@dataclass(frozen=True)
class Case:
    """What is known about one cell: its answer, its findings, its gap if it is one, its network and ledger if any."""

    cell: pd.Series
    findings: pd.DataFrame
    gaps: pd.DataFrame
    network: Network | None
    ledger: pd.DataFrame


def explain(judgement: Judgement, case: Case, lang: str) -> str:
    """Say why a cell has its grade.

    Parameters
    ----------
    judgement
        Everything that was measured.
    case
        The cell with its findings.
    lang
        ``zh``, ``en`` or ``both``.

    Returns
    -------
    str
        One verdict line; at most three evidence lines; where papers and survey contradict each other, what each says;
        a line for each further test with its arithmetic; and what the profile does not judge.
    """
    if lang == "both":
        return explain(judgement, case, "zh") + "\n" + explain(judgement, case, "en")
    service = judgement.survey.profile.service(case.cell["service"])
    kind = "surface." if service.shape == "surface" else ""
    head = say(
        "explain.verdict", lang,
        parcel=case.cell["parcel"], service=service.label.text(lang), grade=case.cell["grade"],
        word=label(f"grade.{kind}{case.cell['grade']}").text(lang), reason=case.cell[f"reason_{lang}"],
    )  # fmt: skip
    papers = _papers(judgement, case, lang)
    if case.cell["code"] in _CLASHES:
        lines = [*_surveyed(judgement, case, lang), *_works(judgement, case, lang), *papers]
    else:
        lines = [*_way(judgement, case, lang), *papers, *_gap(case, service.label.text(lang), lang)]
        wanted = LINES - min(len(lines), LINES - 1)
        lines = [*_limits(judgement, case, lang)[:wanted], *lines][:LINES]
    lines += [*_limits(judgement, case, lang, further=True), *sums(judgement, case.cell, case.ledger, lang)]
    return "\n".join([head, *(f"  - {line}" for line in lines), *_unchecked(service, lang)])


def _limits(judgement: Judgement, case: Case, lang: str, further: bool = False) -> list[str]:
    """Give the conditions (the further ones, or all others), those that decide first: number, limit, basis, clause."""
    service = judgement.survey.profile.service(case.cell["service"])
    asked = {c.id: c for c in service.conditions if (c.measure.kind in ROOMS) == further}
    rows = case.findings[case.findings["condition"].isin(list(asked))]
    rows = rows.assign(rank=rows["grade"].map(_ORDER)).sort_values("rank", kind="stable")
    lines = []
    for row in rows.itertuples():
        condition = asked[str(row.condition)]
        clause = f" {row.clause}" if row.clause else ""
        text = row.reason_zh if lang == "zh" else row.reason_en
        if text == say("finding.unserved", lang, label=condition.label.text(lang)):
            continue  # that it is not connected, the verdict line says
        if text == case.cell[f"reason_{lang}"]:
            if not further:
                continue  # the verdict line has said it
            if not _decides(judgement, case, condition):
                continue  # something stands above what was measured
            limit = condition.limit.text if condition.measure.unit else ""
            text = say("explain.rests", lang, label=condition.label.text(lang), limit=limit and f" {limit}")
        weight = "" if row.grade == "A" or _binds(judgement, case, condition) else say("explain.warns", lang)
        basis = label(f"basis.{row.basis}").text(lang)
        lines.append(say("explain.basis", lang, text=text, basis=basis, clause=clause) + weight)
    return lines


def _decides(judgement: Judgement, case: Case, condition: Condition) -> bool:
    """Tell whether a further condition is what gave a cell its reason."""
    found = judgement.outcomes.get(condition.id)
    i = judgement.survey.parcels.index.get_loc(case.cell["parcel"])
    binding = _binds(judgement, case, condition)
    return found is not None and binding and bool(found.code.among(case.cell["code"])[i])


def _binds(judgement: Judgement, case: Case, condition: Condition) -> bool:
    """Tell whether a condition decides for the parcel, because it is required or because its project asks it."""
    survey = judgement.survey
    i = survey.parcels.index.get_loc(case.cell["parcel"])
    return bool(binds(survey, survey.profile.service(str(case.cell["service"])), condition)[i])


def _unchecked(service: Service, lang: str) -> list[str]:
    """Name what the profile in use does not judge of a network: capacity, levels, security of supply."""
    if service.shape == "surface" or service.crossings == "join":
        return []
    asked = {condition.measure.kind for condition in service.conditions}
    parts = [
        ("capacity", not asked & {"capacity", "holes"}),
        ("levels", service.directed and "fall" not in asked),
        ("security", not service.directed and not asked & {"security", "hydrant", "legs"}),
    ]
    left = [label(f"unchecked.{name}").text(lang) for name, out in parts if out]
    join = "、" if lang == "zh" else ", "
    return [say("explain.unchecked", lang, what=join.join(left))] if left else []


def _surveyed(judgement: Judgement, case: Case, lang: str) -> list[str]:
    """Say what the survey has where something contradicts it."""
    key, parcel = case.cell["service"], case.cell["parcel"]
    unknown = label("word.unknown").text(lang)
    if key not in judgement.connections:
        status = judgement.survey.parcels.at[parcel, "leveling_status"] if key in judgement.leveling else None
        return [] if pd.isna(status) else [say("explain.surveyed_level", lang, status=_status(status, lang))]
    found, layer = judgement.connections[key], judgement.survey.layers[key]
    i = judgement.survey.parcels.index.get_loc(parcel)
    at = int(found.holds_back[i])
    if case.cell["code"] == "contradiction" and at >= 0:
        row = layer.iloc[at]
        return [say("explain.surveyed_status", lang, feature=row.name, status=_status(row["status"], lang))]
    word, feature = label(f"grade.{found.grade[i]}").text(lang), case.cell["feature"]
    where = {"feature": unknown if pd.isna(feature) else feature, "distance": number(float(found.distance_m[i]))}
    lines = [say("explain.surveyed", lang, word=word, **where)]
    service, here = judgement.survey.profile.service(key), np.array([i])
    for condition in service.conditions:
        mine = judgement.outcomes.get(condition.id)
        if mine is None or not _binds(judgement, case, condition) or mine.holds[i] != FAILS:
            continue
        for why in filter(None, alone(judgement, service, mine.code.take(here).texts(), here)):
            terms = {name: number_texts(shown(term, here))[0] for name, term in mine.terms.items()}
            own = {"label": condition.label.text(lang), "limit": condition.limit.text, **where, **terms}
            lines.append(say("explain.surveyed_but", lang, text=say(f"reason.{why}", lang, **own)))
    return lines


def _status(code: object, lang: str) -> str:
    """Give the word of a status; unknown where it is blank."""
    return label("word.unknown").text(lang) if pd.isna(code) else spoken("status", lang).get(str(code), str(code))


def _way(judgement: Judgement, case: Case, lang: str) -> list[str]:
    """Walk the graph from the parcel to its source and name the features passed, and the narrowest of them."""
    cell, network = case.cell, case.network
    if cell["grade"] != "A" or cell["by"] != "survey" or network is None:
        return _works(judgement, case, lang)
    graph, node = network.graph, ("parcel", cell["parcel"])
    ends = {data.get("source"): n for n, data in graph.nodes(data=True) if data.get("source")}
    target = ends.get(cell["source"])
    if node not in graph or target is None:
        return []
    import networkx as nx  # here: only an explanation walks the graph

    walk = nx.shortest_path(graph, node, target, weight="length_m")
    if not graph.is_directed():
        walk = walk[1:]
    features: list[str] = []
    for a, b in itertools.pairwise(walk):
        key = min(graph[a][b], key=lambda k, a=a, b=b: graph[a][b][k]["length_m"])  # type: ignore[misc]
        name = str(key).rsplit("#", 1)[0]
        if key != "reach" and (not features or features[-1] != name):
            features.append(name)
    if features[:1] != [str(cell["feature"])]:
        features.insert(0, str(cell["feature"]))
    shown = " → ".join(features[:_SHOWN])
    if len(features) > _SHOWN:
        shown += say("word.and_more", lang, count=len(features))
    line = say(
        "explain.path", lang, features=shown or cell["feature"], length=number(cell["path_m"], 1), source=cell["source"]
    )
    return [line, *_weakest(judgement, case, features, lang)]


def _weakest(judgement: Judgement, case: Case, features: list[str], lang: str) -> list[str]:
    """Name the narrowest feature on the way, or the first whose size nobody knows."""
    layer = judgement.survey.layers[case.cell["service"]]
    rows = layer[layer.index.isin(features) & (layer["role"] == "line")]
    if not len(rows) or rows["diameter_mm"].isna().all():
        return []
    if rows["diameter_mm"].isna().any():
        first = rows.index[rows["diameter_mm"].isna()][0]
        return [say("explain.weakest", lang, feature=first, value=label("word.unknown").text(lang))]
    value = rows["diameter_mm"].to_numpy(dtype=float)
    at = int(np.argmin(value))
    return [say("explain.weakest", lang, feature=rows.index[at], value=f"DN{number(value[at], 0)}")]


def _works(judgement: Judgement, case: Case, lang: str) -> list[str]:
    """Name the works that hold a cell back."""
    works = judgement.survey.works
    named = case.cell["works"]
    if pd.isna(named) or named not in works.index:
        return []
    row = works.loc[named]
    unknown = label("word.unknown").text(lang)
    phase = label(f"word.phase.{row['phase']}").text(lang) if pd.notna(row["phase"]) else unknown
    money = label(f"word.funding.{row['funding_state']}").text(lang) if pd.notna(row["funding_state"]) else unknown
    planned = row["commission_on"] if pd.notna(row["commission_on"]) else row["planned_on"]
    day = planned.strftime("%Y-%m-%d") if pd.notna(planned) else unknown
    return [say("explain.works", lang, works=named, phase=phase, planned=day, funding=money)]


def _papers(judgement: Judgement, case: Case, lang: str) -> list[str]:
    """Quote the valid letters and records on the cell."""
    rows, key = judgement.evidence, case.cell["service"]
    about = rows["parcel"] == case.cell["parcel"]
    if key in judgement.connections and case.cell["code"] == "contradiction":
        at = judgement.connections[key].holds_back[judgement.survey.parcels.index.get_loc(case.cell["parcel"])]
        about |= rows["feature"] == (judgement.survey.layers[key].index[at] if at >= 0 else None)
    rows = rows[about & ((rows["service"] == key) | rows["service"].isna())]
    unknown = label("word.unknown").text(lang)
    return [
        say(
            "explain.letter",
            lang,
            issuer=row.issuer if pd.notna(row.issuer) else unknown,
            number=row.number if pd.notna(row.number) else unknown,
            date=row.date.strftime("%Y-%m-%d") if pd.notna(row.date) else unknown,
            expires=_until(row.expires, lang),
            says=_says(row, lang),
        )
        for row in rows.itertuples()
    ]


def _says(row: Any, lang: str) -> str:
    """Say what a letter says, with the capacity that it states."""
    says = label(f"word.says.{row.says}" if pd.notna(row.says) else "word.unknown").text(lang)
    if pd.isna(row.capacity):
        return says
    unit = row.capacity_unit if pd.notna(row.capacity_unit) else "?"
    return say("explain.says_capacity", lang, says=says, capacity=number(float(row.capacity), 3), unit=unit)


def _gap(case: Case, service: str, lang: str) -> list[str]:
    """Say how far the nearest working main is and what the way there may cost."""
    rows = case.gaps
    if len(rows) and case.cell["code"] in UNPRICED:
        return [say("explain.unpriced", lang, service=service)]
    if not len(rows) or pd.isna(rows["length_m"].iloc[0]):
        return []
    row = rows.iloc[0]
    return [
        say(
            "explain.nearest", lang, service=service, feature=row["from_feature"], length=number(row["length_m"], 1),
            estimate=number(row["estimate_cny"], 0), basis=label(f"basis.{row['basis']}").text(lang),
        )
    ]  # fmt: skip


def _until(expires: pd.Timestamp, lang: str) -> str:
    """Say until when a paper is valid."""
    if pd.isna(expires):
        return label("word.no_end").text(lang)
    return say("word.until", lang, date=expires.strftime("%Y-%m-%d"))
