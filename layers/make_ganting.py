"""Make the invented zone `layers/ganting` (虚构示例): ``python layers/make_ganting.py``, the same bytes every time."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from ganting_maker import (
    expected,
    extra,
    gravity,
    handwritten,
    land,
    loads,
    mains,
    netland,
    papers,
    parcels,
    terrain,
    write,
    zone,
)
from ganting_maker.story import LETTERS

SEED = 20261101
FOLDER = Path(__file__).resolve().parent / "ganting"
GRAVITY = ("storm", "sewage")
SIZED = (*GRAVITY, "water", "power")


def fitted(drawn: list[parcels.Parcel], table: list[dict[str, Any]]) -> set[str]:
    """Parcels with connection points: those granted, and the ones that are offered ready, clear of the traps."""
    ready = {land.find(drawn, place).parcel for place in (*land.READY, land.SOON, land.SECOND)}
    settled = {row["parcel"] for row in table if row["supply_status"] in ("已供", "批而未供", "闲置")}
    fringe = {p.parcel for p in drawn if p.slot[1] in (1, 6, 99) and p.slot[0] == "GT"}
    trapped = {row["parcel"] for row in expected.rows(drawn)} - ready
    return (ready | settled) - fringe - trapped


def networks(
    ground: terrain.Ground, model: terrain.Model, drawn: list[parcels.Parcel], table: list[dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """All features of the nine services."""
    wanted = fitted(drawn, table)
    lowest = {p.parcel: model.lowest(p.geometry) for p in drawn if p.slot != land.NO_GROUND}
    projects = handwritten.table("projects", drawn)[1]
    out = {}
    for n, key in enumerate(LETTERS):
        rng = np.random.default_rng(SEED + 10 + n)
        need = loads.needs(key, drawn, table, projects) if key in SIZED else {}
        if key in GRAVITY:
            measured = [p for p in drawn if p.parcel in lowest]
            rows = gravity.build(key, ground, gravity.Fields(measured, need, lowest), rng)
        else:
            rows = mains.build(key, rng)
            if key in SIZED:
                mains.resize(key, rows, loads.carried(rows, drawn, need, zone.fed(key)))
        if key != "road":
            branches = gravity.laterals if key in GRAVITY else mains.laterals
            rows += branches(key, rows, drawn, wanted, rng)
        out[key] = rows
    return out


def tables(drawn: list[parcels.Parcel], land_table: list[dict[str, Any]]) -> None:
    """Write all CSV tables."""
    for name in ("works", "projects", "firms", "assessments", "subparks", "commitments"):
        write.table(FOLDER / f"{name}.csv", *handwritten.table(name, drawn))
    write.table(FOLDER / "evidence.csv", papers.EVIDENCE_COLUMNS, papers.evidence(drawn))
    write.table(FOLDER / "netland.csv", netland.COLUMNS, netland.rows(drawn, land_table))
    write.table(
        FOLDER / "buildings.csv", extra.BUILDING_COLUMNS, extra.buildings(drawn, np.random.default_rng(SEED + 3))
    )
    write.table(FOLDER / "expected.csv", ("parcel", "service", "grade", "code", "why"), expected.rows(drawn))


def main() -> None:
    """Write the whole folder anew."""
    write.fixed_dates()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    ground = terrain.Ground(SEED)
    drawn = land.overlapping(parcels.draw(SEED))
    table = land.table(drawn, np.random.default_rng(SEED + 1))
    flat = {land.find(drawn, place).geometry: land.RAISED.get(place, terrain.PAD_RISE) for place in land.ACCEPTED}
    hole = land.find(drawn, land.NO_GROUND).geometry  # not beyond: its neighbours have all their ground
    model = terrain.model(ground, flat, [hole], SEED + 2)
    land.levels(drawn, table, model)
    layers = networks(ground, model, drawn, table)
    for key in ("road", "water", "storm", "power", "telecom", "gas"):
        write.service(FOLDER, key, layers[key])
    write.sewage(FOLDER, layers["sewage"])
    write.heat(FOLDER, layers["heat"])
    write.catv(FOLDER, layers["catv"])
    write.areas(FOLDER, "parcels", table)
    write.areas(FOLDER, "barriers", extra.barriers())
    write.areas(FOLDER, "farmland", extra.farmland(drawn))
    high = {row["feature"]: row["geometry"] for key in ("power", "gas") for row in layers[key]}
    write.areas(FOLDER, "constraints", extra.constraints(drawn, high["GD-GY-1"], high["RQ-GY-1"]))
    tables(drawn, table)
    (FOLDER / "zone.toml").write_text(zone.text(), encoding="utf-8", newline="\n")
    terrain.write(FOLDER / "dem.tif", model)


if __name__ == "__main__":
    main()
