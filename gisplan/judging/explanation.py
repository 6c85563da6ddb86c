"""Explanation: one verdict line and at most three evidence lines for a parcel and a service, walked along the graph."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gisplan.base.labels import label, say
from gisplan.base.units import number
from gisplan.judging.judgement import Judgement
from gisplan.networks.network import Network

LINES = 3
_SHOWN = 6
_ORDER = {"D": 0, "U": 1, "C": 2, "B": 3, "A": 4, "N": 5}


@dataclass(frozen=True)
class Case:
    """What is known about one cell: its answer, its findings, its gap if it is one, and its network if it has one."""

    cell: pd.Series
    findings: pd.DataFrame
    gaps: pd.DataFrame
    network: Network | None


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
        One verdict line, at most three evidence lines, and what is not yet checked.
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
    lines = [*_way(judgement, case, lang), *_papers(judgement, case, lang), *_gap(case, service.label.text(lang), lang)]
    wanted = LINES - min(len(lines), LINES - 1)
    lines = [*_limits(case, lang)[:wanted], *lines][:LINES]
    return "\n".join([head, *(f"  - {line}" for line in lines), say("explain.unchecked", lang)])


def _limits(case: Case, lang: str) -> list[str]:
    """Give the conditions, the ones that decide first: number, limit, basis and clause."""
    rows = case.findings.assign(rank=case.findings["grade"].map(_ORDER)).sort_values("rank", kind="stable")
    lines = []
    for row in rows.itertuples():
        clause = f" {row.clause}" if row.clause else ""
        text = row.reason_zh if lang == "zh" else row.reason_en
        if text == case.cell[f"reason_{lang}"]:
            continue  # the verdict line has said it
        lines.append(say("explain.basis", lang, text=text, basis=label(f"basis.{row.basis}").text(lang), clause=clause))
    return lines


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
    rows = judgement.evidence
    rows = rows[(rows["parcel"] == case.cell["parcel"]) & (rows["service"] == case.cell["service"])]
    unknown = label("word.unknown").text(lang)
    return [
        say(
            "explain.letter",
            lang,
            issuer=row.issuer if pd.notna(row.issuer) else unknown,
            number=row.number if pd.notna(row.number) else unknown,
            date=row.date.strftime("%Y-%m-%d") if pd.notna(row.date) else unknown,
            expires=_until(row.expires, lang),
            says=label(f"word.says.{row.says}").text(lang),
        )
        for row in rows.itertuples()
    ]


def _gap(case: Case, service: str, lang: str) -> list[str]:
    """Say how far the nearest working main is and what the way there may cost."""
    rows = case.gaps
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
