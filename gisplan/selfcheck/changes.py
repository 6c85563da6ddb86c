"""Changes to a plain zone that must never make the engine's answer better: more load, a source less, a value spoilt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pandas as pd

import gisplan
from gisplan.judging.cells import cells
from gisplan.selfcheck.comparison import profile_of
from gisplan.selfcheck.reference.capacity import demand
from gisplan.selfcheck.reference.records import Zone
from gisplan.selfcheck.toys.frames import frames

Grades = Mapping[tuple[str, str], tuple[int, float]]
RANK = {"N": 0, "A": 0, "B": 1, "C": 2, "U": 3, "D": 4}
FEEDS = ("source", "outfall", "boundary_supply")
# What a blank says is not told here by chance: a blank closing day, works or joint number says that there is none, a
# blank valve is open, a blank system is separate, a paper without a last day holds for ever, and where no direction is
# stated the inverts tell it, and a record of levelling is enough without a status. Ids and places are no attributes.
SPOILT: dict[str, tuple[str, ...]] = {
    "layer": (
        "status", "kind", "diameter_mm", "width_m", "voltage_kv", "pressure_class", "road_class", "medium",
        "invert_from_m", "invert_to_m", "capacity", "capacity_used", "capacity_unit",
    ),
    "parcels": ("use", "use_class", "supply_status", "delivery_on"),
    "projects": ("power_kva", "water_m3_d", "sewage_m3_d", "gas_nm3_h", "steam_t_h", "heat_mw"),
    "evidence": ("issuer", "number", "date", "says", "service", "capacity", "capacity_unit"),
}  # fmt: skip


def grades(given: gisplan.Zone) -> Grades:
    """Return rank and day of every cell."""
    return ranked(cells(given.judged(), given.known_on))


def ranked(table: pd.DataFrame) -> Grades:
    """Return rank and day of every cell of a report."""
    day = pd.to_datetime(table["ready_on"]).astype("int64").where(table["ready_on"].notna(), 0)
    rank = table["grade"].map(RANK)
    keys = zip(table["parcel"], table["service"], strict=True)
    return dict(zip(keys, zip(rank.tolist(), day.tolist(), strict=True), strict=True))


def loaded(zone: Zone, given: gisplan.Zone, dice: Random) -> tuple[gisplan.Zone, str]:
    """Let one parcel need ten times as much of everything."""
    parcel = dice.choice(zone.parcels)
    columns: dict[str, float] = {}
    for service, column in (
        ("power", "power_kva"), ("water", "water_m3_d"), ("sewage", "sewage_m3_d"), ("gas", "gas_nm3_h"),
        ("heat", "heat_mw"),
    ):  # fmt: skip
        strict = zone.rules[service].strict if service in zone.rules else None
        high = 0.0 if strict is None else demand(zone, strict, parcel)[1]
        # What nobody knows may be any amount already: ten times as much of it is still not known.
        columns[column] = 10 * high + 1000.0 if high < math.inf else math.nan
    projects = given.survey.projects
    asked = pd.DataFrame({"parcel": parcel.id, **columns}, index=pd.Index(["more"], name=projects.index.name))
    asked = asked.reindex(columns=projects.columns)
    odd = [name for name in projects.columns if name.endswith("_odd")]
    asked[odd] = False  # what it asks is understood
    kept = projects[(projects["parcel"] != parcel.id).to_numpy()]
    more = pd.concat([kept, asked]) if len(kept) else asked
    return replace(given, survey=replace(given.survey, projects=more), _kept={}), parcel.id


def unfed(given: gisplan.Zone, dice: Random) -> gisplan.Zone:
    """Make one source of every service a plain joint."""
    layers = {}
    for service, layer in given.survey.layers.items():
        feeds = layer.index[layer["role"].isin(FEEDS)].tolist()
        layers[service] = layer
        if feeds:
            layers[service] = layer.assign(role=layer["role"].mask(layer.index == dice.choice(feeds), "joint"))
    return replace(given, survey=replace(given.survey, layers=layers), _kept={})


def spoilt(zone: Zone, dice: Random) -> tuple[dict[str, Any], list[str]]:
    """Make a value null, unparseable or impossible in every table; say which."""
    given, told = frames(zone), []
    decided = {n for n, x in enumerate(zone.evidence) if x.says == "not_applicable"}
    for name in (*zone.layers, "parcels", "projects", "evidence"):
        if name not in given:
            continue
        table = given[name].copy()
        columns = [c for c in SPOILT.get(name, SPOILT["layer"]) if c in table.columns and table[c].notna().any()]
        for column in dice.sample(columns, min(len(columns), dice.choice((1, 1, 2)))):
            rows = [k for k in np.flatnonzero(table[column].notna()) if name != "evidence" or k not in decided]
            if not rows:
                continue
            row, number = dice.choice(rows), pd.api.types.is_float_dtype(table[column])
            value = dice.choice((None, None, "不详", -7.0)) if number else dice.choice((None, "不详"))
            if value is None and column == "capacity" and any(x.feature == table.index[row] for x in zone.evidence):
                value = "不详"  # where the layer is blank a paper on the source speaks for it
            told.append(f"{name}.{column}[{table.index[row]}] {table[column].iloc[row]} -> {value}")
            column_of = table[column].astype(object).where(table[column].notna(), None)
            column_of.iloc[row] = value
            table[column] = column_of
        given[name] = table
    return given, told


def better(before: Grades, after: Grades, but: str = "", unknown: bool = True) -> list[str]:
    """Return the cells that a change made better.

    `unknown` says whether D that becomes U counts as better, and U that becomes B or C: what nobody knew of a source
    may have been hiding just that.
    """
    found = []
    for key, now in after.items():
        was = before[key]
        if (
            key[0] == but
            or now >= was
            or (not unknown and (now[0] == RANK["U"] or (was[0] == RANK["U"] and now[0] != RANK["A"])))
        ):
            continue
        found.append(f"{key}: {was} became {now}")
    return found


def violations(zone: Zone, report: Any, seed: int) -> list[str]:
    """Return what a bigger load, a source less and spoilt values made better than it was in a report, and must not."""
    dice = Random(seed)
    given, before = report.zone, ranked(report.cells)
    more, parcel = loaded(zone, given, dice)
    found = [f"load of {parcel}: {line}" for line in better(before, grades(more), parcel)]
    plain = replace(zone, rules={s: replace(rules, strict=None) for s, rules in zone.rules.items()})
    joined = replace(given, survey=replace(given.survey, profile=profile_of(plain)), _kept={})
    fewer = better(grades(joined), grades(unfed(joined, dice)), unknown=False)
    found += [f"a source less: {line}" for line in fewer]
    values, told = spoilt(zone, dice)
    worse = gisplan.Zone.from_frames(**values, profile=profile_of(zone))
    for service, layer in worse.survey.layers.items():
        layer["snap_m"] = given.survey.layers[service]["snap_m"].reindex(layer.index).to_numpy(dtype=float)
    for key, now in grades(worse).items():
        if now[0] == RANK["A"] and before[key][0] != RANK["A"]:
            found.append(f"spoilt {told}: {key} {before[key]} became ready")
    return found
