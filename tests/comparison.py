"""Put one plain zone to the engine and list where its answers differ from those of the slow judge."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from traceback import extract_tb
from typing import Any

import pandas as pd
from reference import judge
from reference_records import Answer, Cell, Zone
from toyzones import toy_zone
from toyzones_frames import frames

import gisplan
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


def engine_report(zone: Zone) -> Any:
    """Run the engine on a plain zone."""
    given = gisplan.Zone.from_frames(**frames(zone), profile=profile_of(zone))
    if zone.check != zone.own:
        given = given.at(zone.check.isoformat())
    return gisplan.check(given)


def _day(value: Any) -> Any:
    return None if pd.isna(value) else pd.Timestamp(value).date()


def differences(zone: Zone, answer: Answer) -> list[str]:
    """Return one sentence for every cell and parcel in which the engine and the slow judge differ."""
    report = engine_report(zone)
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
    """Compare the zone of a seed; every fourth one also as seen from a later day, some from an earlier one."""
    toy = toy_zone(seed)
    rounds = [(toy.plain, toy.answer)]
    if seed % 4 == 0:
        other = replace(toy.plain, check=EARLIER if seed % 20 == 0 else LATER)
        rounds.append((other, judge(other)))
    found = []
    for zone, answer in rounds:
        try:
            found += [f"seed {seed} on {zone.check}: {line}" for line in differences(zone, answer)]
        except Exception as error:  # one zone that fails must not hide what the others show
            trace = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in extract_tb(error.__traceback__)[:-5:-1])
            found.append(f"seed {seed} on {zone.check}: {type(error).__name__}: {error} ({trace})")
    return Bout(tuple(found), Counter(cell.grade for cell in toy.answer.cells.values()))


def _same_distance(theirs: Any, mine: Cell) -> bool:
    """Whether the distances agree, where a drawn feature decided the cell."""
    return mine.distance is None or (not pd.isna(theirs) and abs(float(theirs) - mine.distance) <= SLACK_M)
