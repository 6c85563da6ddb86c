"""Sums: the arithmetic behind a cell, written out: what a parcel needs, and what of a source or main is left."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gisplan.base.fields import fields
from gisplan.base.labels import label, say
from gisplan.base.units import number
from gisplan.judging.brief import Brief
from gisplan.judging.judgement import Judgement
from gisplan.judging.reserves.demand import demand, factors, stated_needs
from gisplan.rules.profile import Service


def sums(judgement: Judgement, cell: pd.Series, ledger: pd.DataFrame, lang: str) -> list[str]:
    """Write out what a parcel needs of a service, and what is left where it is served from.

    Parameters
    ----------
    judgement
        What was judged.
    cell
        The cell.
    ledger
        The ledger's rows of the service.
    lang
        ``zh`` or ``en``.
    """
    brief = judgement.briefs.get(str(cell["service"]))
    if brief is None or not brief.asked("capacity"):
        return []
    i = int(judgement.survey.parcels.index.get_loc(cell["parcel"]))
    room = brief.asked("capacity")[0].id
    mine = ledger[ledger["service"] == cell["service"]]
    named = [str(cell["source"]), str(judgement.outcomes[room].feature.take(np.array([i])).texts()[0])]
    return [*_need(brief, i, lang), *_left(named, mine, lang)]


def _need(brief: Brief, i: int, lang: str) -> list[str]:
    """Write out the demand of one parcel."""
    service, found = brief.service, demand(brief.survey, brief.service)
    value, unit = float(found.value[i]), service.demand
    if np.isnan(value) or found.basis[i] == "unasked":
        return []
    if found.basis[i] == "project":
        projects = brief.survey.projects
        held = projects[projects["parcel"] == brief.survey.parcels.index[i]]
        return [_by_projects(service, held, number(value), lang)]
    use = str(brief.survey.parcels["use_class"].iloc[i])
    figure = service.figures["runoff" if service.capacity == "rational" else "demand"]
    base = (figure.by_use or {}).get(use, float("nan"))
    times = "".join(f" {sign} {number(factor, 4)}" for sign, factor in factors(service))
    return [
        say(
            "sum.norm", lang, area=number(float(found.area_ha[i]), 4), norm=number(base, 4), use=use,
            factors=times, need=number(value), unit=unit,
            basis=label(f"basis.{figure.basis}").text(lang), source=f" {figure.source}".rstrip(),
        )
    ]  # fmt: skip


def _by_projects(service: Service, held: pd.DataFrame, need: str, lang: str) -> str:
    """Write out what the projects that hold a parcel ask for, brought to the unit of the demand."""
    known, given = (
        fields("projects"),
        {"project": ", ".join(map(str, held.index)), "need": need, "unit": service.demand},
    )
    terms = [
        f"{number(float(value), 4)} {known[column].unit} × {number(factor, 4)}".removesuffix(" × 1")
        for column, factor in stated_needs(service).items()
        for value in held[column].dropna()
    ]
    plainly = terms == [f"{need} {service.demand}"]
    return say("sum.project", lang, **given) if plainly else say("sum.projects", lang, terms=" + ".join(terms), **given)


def _left(named: list[str], ledger: pd.DataFrame, lang: str) -> list[str]:
    """Write out what is left of the source, and of the main that decides."""
    unknown = label("word.unknown").text(lang)
    lines = []
    for row in ledger[ledger["feature"].isin(named) & ~np.isinf(ledger["capacity"].astype(float))].to_dict("records"):
        amounts = {
            name: unknown if pd.isna(row[name]) else number(float(row[name]))
            for name in ("capacity", "used", "promised", "left")
        }
        code = "sum.left_source" if row["kind"] == "source" else "sum.left_main"
        code = "sum.left_unknown" if pd.isna(row["left"]) else code
        lines.append(say(code, lang, feature=row["feature"], unit=row["unit"], **amounts))
    return lines
