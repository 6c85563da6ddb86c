"""Put one plain zone to the engine and list where its answers differ from those of the slow judge."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pandas as pd

import gisplan
from gisplan.networks.joints import END_SIDE
from gisplan.rules.profile import Profile, Service, load
from gisplan.selfcheck.reference.records import Answer, Cell, Strict, Undone, Zone
from gisplan.selfcheck.toys.frames import frames

# A blocked main is looked at in steps of a metre, and joints may move an end by half a metre.
SLACK_M = 1.5


def profile_of(zone: Zone) -> Profile:
    """Return the shipped profile cut down to the services of a zone; levelling goes by the record alone."""
    shipped = _classic()
    services = []
    for service in shipped.services:
        if service.key == "leveling":
            kept = tuple(c for c in service.conditions if c.measure.name == "accepted")
            services.append(replace(service, conditions=kept, need=_need(zone, service.key)))
        elif service.key in zone.rules:
            strict = zone.rules[service.key].strict
            asked = service if strict is None else _asking(load("jiutong_classic").service(service.key), strict)
            host = asked.shares if asked.shares in zone.rules else ""
            services.append(replace(asked, need=_need(zone, service.key), shares=host))
    return replace(shipped, id="toy", services=tuple(services))


def _asking(service: Service, strict: Strict) -> Service:
    """Cut the further conditions of a service down to those that are asked, all of them required, by other figures."""
    kept = []
    for c in service.conditions:
        if c.measure.kind in ("reach", "path", "attribute", "class"):
            kept.append(c)
        elif c.measure.name in strict.asks:
            high = strict.figures.get(c.measure.name, c.limit.high)
            kept.append(replace(c, limit=replace(c.limit, high=high), weight="required"))
    figures = {}
    for name, figure in service.figures.items():
        if figure.by_use is not None and strict.norms:
            figure = replace(figure, by_use=dict(strict.norms))
        elif name in strict.steps:
            figure = replace(figure, steps=strict.steps[name])
        elif name in strict.figures:
            figure = replace(figure, value=_figure(figure.unit, strict.figures[name]))
        figures[name] = figure
    return replace(service, conditions=tuple(kept), figures=figures)


def _figure(unit: str, value: float) -> float:
    return value * 100 if unit == "%" else value


@cache
def _classic() -> Profile:
    return load("jiutong_connection")


def _need(zone: Zone, service: str) -> str:
    return "required" if service in zone.required else "optional"


def engine_zone(zone: Zone) -> gisplan.Zone:
    """Give a plain zone to the engine; every feature has the tolerance of its survey."""
    given = gisplan.Zone.from_frames(**frames(zone), profile=profile_of(zone))
    for service, features in zone.layers.items():
        own = {f.id: f.snap for f in features if f.snap is not None}
        layer = given.survey.layers[service]
        layer["snap_m"] = layer.index.map(own).to_numpy(dtype=float)
    return given


def with_joins_undone(zone: Zone, seed: int) -> tuple[Zone, frozenset[str]]:
    """Undo some joins that the engine made, of ends with ends and with sides: give them by place, and their ids."""
    dice = Random(seed)
    undone: list[Undone] = []
    ids: list[str] = []
    for service, kept in engine_zone(zone).judged().candidates.items():
        listed, proposed = kept.network.joins, kept.network.joined.proposed
        drawing = kept.network.drawing
        may = np.flatnonzero((proposed.kind <= END_SIDE) & (proposed.end >= 0) & ~drawing.leaf[proposed.end])
        for k in dice.sample(may.tolist(), min(len(may), dice.choice((0, 1, 1, 2)))):
            place, other = drawing.ends[proposed.end[k]], drawing.ends[proposed.other_end[k]]
            on_side = proposed.kind[k] == END_SIDE
            undone.append(Undone(service, _xy(place), str(listed["other"].iloc[k]) if on_side else _xy(other)))
            ids.append(str(listed["id"].iloc[k]))
    return replace(zone, undone=tuple(undone)), frozenset(ids)


def _xy(place: Any) -> tuple[float, float]:
    return float(place[0]), float(place[1])


def engine_report(zone: Zone, undo: frozenset[str] = frozenset()) -> Any:
    """Run the engine on a plain zone."""
    given = engine_zone(zone)
    if undo:
        given = replace(given, survey=replace(given.survey, undo=undo), _kept={})
    if zone.check != zone.own:
        given = given.at(zone.check.isoformat())
    return gisplan.check(given)


def _day(value: Any) -> Any:
    return None if pd.isna(value) else pd.Timestamp(value).date()


def differences(zone: Zone, answer: Answer, undo: frozenset[str] = frozenset()) -> list[str]:
    """Return one sentence for every cell and parcel in which the engine and the slow judge differ."""
    return deviations(engine_report(zone, undo), answer)


def deviations(report: Any, answer: Answer) -> list[str]:
    """Return the same for a report that is there already."""
    found = []
    cells = {(row["parcel"], row["service"]): row for row in report.cells.to_dict("records")}
    if set(cells) != set(answer.cells):
        found.append(f"cells: {sorted(set(cells) ^ set(answer.cells))}")
    for key in sorted(set(cells) & set(answer.cells)):
        row, mine = cells[key], answer.cells[key]
        theirs = (row["grade"], row["verdict"], _day(row["ready_on"]))
        if theirs != (mine.grade, mine.verdict, mine.ready_on):
            found.append(f"{key}: engine {theirs} ({row['code']}), judge {(mine.grade, mine.verdict, mine.ready_on)}")
        elif not _same_distance(row["distance_m"], mine):
            found.append(
                f"{key}: engine {row['distance_m']} m ({row['feature']}), judge {mine.distance} m ({mine.feature})"
            )
    for parcel, land in answer.parcels.items():
        row = report.readiness.loc[parcel]
        summed = {name: row[name] for name in vars(land)}
        summed["ready_on"] = _day(summed["ready_on"])
        if summed != vars(land):
            found.append(f"{parcel}: engine {summed}, judge {land}")
    return found


def _same_distance(theirs: Any, mine: Cell) -> bool:
    """Whether the distances agree, where a drawn feature decided the cell."""
    return mine.distance is None or (not pd.isna(theirs) and abs(float(theirs) - mine.distance) <= SLACK_M)
