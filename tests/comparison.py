"""Put one plain zone to the engine and list where its answers differ from those of the slow judge."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from traceback import extract_tb
from typing import Any

import numpy as np
import pandas as pd
from reference import judge
from reference_records import Answer, Cell, Undone, Zone
from toyzones import toy_zone
from toyzones_frames import frames

import gisplan
from gisplan.networks.joints import END_SIDE
from gisplan.rules.profile import Profile, load

# A blocked main is looked at in steps of a metre, and joints may move an end by half a metre.
SLACK_M = 1.5
LATER, EARLIER = date(2027, 7, 1), date(2026, 6, 1)


def profile_of(zone: Zone) -> Profile:
    """Return the shipped profile cut down to the services of a zone; levelling goes by the record alone."""
    shipped = _classic()
    services = []
    for service in shipped.services:
        if service.key == "leveling":
            kept = tuple(c for c in service.conditions if c.measure.name == "accepted")
            services.append(replace(service, conditions=kept, need=_need(zone, service.key)))
        elif service.key in zone.rules:
            services.append(replace(service, need=_need(zone, service.key)))
    return replace(shipped, id="toy", services=tuple(services))


@cache
def _classic() -> Profile:
    return load("jiutong_classic")


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
    report = engine_report(zone, undo)
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
    for parcel, mine in answer.parcels.items():
        row = report.readiness.loc[parcel]
        theirs = (
            row["ready"],
            row["ready_by_delivery"],
            _day(row["ready_on"]),
            row["connected_count"],
            row["required_count"],
        )
        ours = (mine.ready, mine.ready_by_delivery, mine.ready_on, mine.connected_count, mine.required_count)
        if theirs != ours:
            found.append(f"{parcel}: engine {theirs}, judge {ours}")
    return found


@dataclass(frozen=True)
class Bout:
    """What came of one seed: the differences, and how many cells had which grade."""

    differences: tuple[str, ...]
    grades: Counter[str]


def bout(seed: int) -> Bout:
    """Compare the zone of a seed; every fourth one also as seen from a later day, some from an earlier one.

    Another fourth is compared again with some of the joins undone.
    """
    toy = toy_zone(seed)
    rounds = [(toy.plain, toy.answer, frozenset[str]())]
    if seed % 4 == 0:
        other = replace(toy.plain, check=EARLIER if seed % 20 == 0 else LATER)
        rounds.append((other, judge(other), frozenset()))
    elif seed % 4 == 1:
        other, undo = with_joins_undone(toy.plain, seed)
        answer = judge(other)
        if undo and not answer.ties:
            rounds.append((other, answer, undo))
    found = []
    for zone, answer, undo in rounds:
        try:
            found += [f"seed {seed} on {zone.check}: {line}" for line in differences(zone, answer, undo)]
        except Exception as error:  # one zone that fails must not hide what the others show
            trace = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in extract_tb(error.__traceback__)[:-5:-1])
            found.append(f"seed {seed} on {zone.check}: {type(error).__name__}: {error} ({trace})")
    return Bout(tuple(found), Counter(cell.grade for cell in toy.answer.cells.values()))


def _same_distance(theirs: Any, mine: Cell) -> bool:
    """Whether the distances agree, where a drawn feature decided the cell."""
    return mine.distance is None or (not pd.isna(theirs) and abs(float(theirs) - mine.distance) <= SLACK_M)
