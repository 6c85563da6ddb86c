"""Measure how long all inspections of a zone take, against plain pyogrio reading the same files, in turn.

    python tests/bench/inspections.py [--parcels 10000 100000] [--rounds 3] [--seed 1] [--json FILE]

Makes zones of several sizes in a temporary folder, as GeoPackages: the mains of `make_zone.py` with the sizes that the
profile asks for, plants on them, and sewers with levels and flow, so that every inspection has work to do. Each tool
runs once a round, in a process of its own: plain ``pyogrio.read_dataframe`` of every file, and gisplan, timed in three
steps: `gisplan.read`, ``Zone.judged`` (joints, reach, grades) and ``Zone.faults`` (every inspection, each fault with
the land that hangs on it). The growth exponent is that of the median times from the smallest zone to the largest: 1 is
linear.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from paired import run, spread, text
from reading import NAMES, PLAIN

OURS = "gisplan"
STEPS = ("read_s", "judge_s", "faults_s", "whole_s")
LIMIT = 15.0
"""How many times as long as plain reading the inspections may take."""

READ = """
import json, sys, time
from pathlib import Path
import pyogrio, geopandas
paths = sorted(Path(sys.argv[1]).glob("*.gpkg"))
begin = time.perf_counter()
frames = [pyogrio.read_dataframe(path, layer=name) for path in paths for name in pyogrio.list_layers(path)[:, 0]]
print(json.dumps({"reading_s": time.perf_counter() - begin, "rows": sum(map(len, frames))}))
"""
INSPECT = """
import json, resource, sys, time
import gisplan
from gisplan.reading.process import clerk
marks = [time.perf_counter()]
zone = gisplan.read(sys.argv[1])
marks.append(time.perf_counter())
zone.judged()
marks.append(time.perf_counter())
faults = zone.faults
marks.append(time.perf_counter())
clerk.dismiss()
steps = [b - a for a, b in zip(marks, marks[1:])] + [marks[-1] - marks[0]]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps(dict(zip(("read_s", "judge_s", "faults_s", "whole_s"), steps))
                 | {"faults": faults["code"].value_counts().to_dict(), "peak_mib": peak}))
"""


COLUMNS: dict[str, dict[str, Any]] = {
    "road": {"road_class": "支路", "width_m": 7.0},
    "water": {"diameter_mm": 300.0},
    "sewage": {"diameter_mm": 1600.0},
    "storm": {"diameter_mm": 1600.0},
    "power": {"voltage_kv": 10.0},
    "gas": {"pressure_class": "中压A"},
    "heat": {"medium": "热水"},
}
PLANTS = {
    "road": "road_gate", "water": "water_plant", "sewage": "treatment_plant", "storm": "outfall", "power": "substation",
    "gas": "gate_station", "telecom": "exchange", "heat": "heat_plant", "catv": "headend",
}  # fmt: skip
FALL = 0.004


def write(count: int, folder: Path, seed: int) -> dict[str, Any]:
    """Make a zone, and write its layers as GeoPackages with the zone.toml that belongs to them."""
    import geopandas as gpd
    from make_zone import CRS, SERVICES, make

    with tempfile.TemporaryDirectory(prefix="gisplan-bench-") as made:
        about = make(count, Path(made), seed)
        folder.mkdir()
        head = f'[zone]\ntitle = "bench"\ncrs = "{CRS}"\ndate = 2026-11-01\n[barriers]\nnone = true\n'
        lines = [head]
        gpd.read_parquet(Path(made) / "parcels.parquet").to_file(folder / "parcels.gpkg", layer="parcels")
        plants = gpd.read_parquet(Path(made) / "sources.parquet")
        for name in SERVICES:
            ours = NAMES.get(name, name)
            mains = gpd.read_parquet(Path(made) / f"{name}.parquet").assign(**COLUMNS.get(ours, {}))
            mains["edge_id"] = f"{ours}-" + mains["edge_id"].astype(str)
            if ours in ("sewage", "storm"):
                _let_fall(mains)
            own = plants.loc[plants["service"] == name, ["geometry"]].reset_index(drop=True)
            own = own.assign(edge_id=[f"{ours}-plant-{k}" for k in range(len(own))], role="源", kind=PLANTS[ours])
            mains.to_file(folder / f"{ours}.gpkg", layer=f"{ours}_line")
            own.to_file(folder / f"{ours}.gpkg", layer=f"{ours}_point")
            lines.append(f'[layer.{ours}]\nstatus = "现状"\nas_of = 2026-01-31\ncolumns = {{ feature = "edge_id" }}\n')
    (folder / "zone.toml").write_text("".join(lines), encoding="utf-8")
    return about


def _let_fall(mains: Any) -> None:
    """Give sewers levels on a plane that falls to the south-west, and the flow that goes with them."""
    for end, column in ((0, "invert_from_m"), (-1, "invert_to_m")):
        tip = shapely.get_point(np.asarray(mains.geometry.array), end)
        mains[column] = FALL * (shapely.get_x(tip) - 430_000 + shapely.get_y(tip) - 4_580_000)
    mains["flow"] = np.where(mains["invert_from_m"] >= mains["invert_to_m"], "顺", "逆")


def measure(folder: Path, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Run both tools once a round."""
    found: dict[str, list[dict[str, Any]]] = {PLAIN: [], OURS: []}
    for number in range(rounds):
        for name, code in ((PLAIN, READ), (OURS, INSPECT)):
            printed, wall, cpu = run([sys.executable, "-c", code, str(folder)])
            row = {**json.loads(printed), "wall_s": wall, "cpu_s": cpu}
            found[name].append(row)
            said = {step: round(row[step], 2) for step in STEPS if step in row} or {
                "reading_s": round(row["reading_s"], 2)
            }
            print(f"round {number + 1}: {name} {said}", file=sys.stderr)
    return found


def row(about: dict[str, Any], found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Give medians and ranges of one zone, and the ratios to plain reading, round by round."""
    plain = [each["reading_s"] for each in found[PLAIN]]
    out: dict[str, Any] = {"parcels": about["parcels"], "mains": about["edges_total"], "plain_s": spread(plain)}
    for step in STEPS:
        mine = [each[step] for each in found[OURS]]
        out[step] = spread(mine)
        out[f"{step}_ratio"] = spread([a / b for a, b in zip(mine, plain, strict=True)])
    out["peak_mib"] = max(each["peak_mib"] for each in found[OURS])
    out["faults"] = found[OURS][-1]["faults"]
    return out


def exponent(rows: Sequence[dict[str, Any]], step: str) -> float:
    """Return the power of the number of mains with which a step grows, from the smallest zone to the largest."""
    small, large = rows[0], rows[-1]
    return math.log(large[step]["median"] / small[step]["median"]) / math.log(large["mains"] / small["mains"])


def show(rows: Sequence[dict[str, Any]]) -> str:
    """Write the tables for people."""
    lines = ["| parcels | mains | plain reading, s | step | s | × plain |", "|---|---|---|---|---|---|"]
    for each in rows:
        for step in STEPS:
            head = f"| {each['parcels']:,} | {each['mains']:,} | {text(each['plain_s'])} "
            lines.append(f"{head}| {step[:-2]} | {text(each[step])} | {text(each[step + '_ratio'])} |")
    for each in rows:
        listed = ", ".join(f"{code} {count:,}" for code, count in each["faults"].items())
        lines.append(f"{each['parcels']:,} parcels, {each['peak_mib']:,} MiB at most: {listed}")
    if len(rows) > 1:
        growth = ", ".join(f"{step[:-2]} {exponent(rows, step):.2f}" for step in ("plain_s", *STEPS))
        lines.append(f"growth exponents (1 is linear): {growth}")
    worst = rows[-1]["faults_s_ratio"]["median"]
    lines.append(f"all inspections take {worst:.1f} times as long as plain reading; at most {LIMIT:g} is the mark")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; ends with 1 where the inspections take longer than the mark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=lambda given: int(float(given)), nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write everything measured into this file")
    options = parser.parse_args(arguments)
    rows, raw = [], []
    for count in sorted(options.parcels):
        with tempfile.TemporaryDirectory(prefix="gisplan-bench-") as made:
            about = write(count, Path(made) / "zone", options.seed)
            raw.append(measure(Path(made) / "zone", options.rounds))
        rows.append(row(about, raw[-1]))
    print(show(rows))
    if options.json:
        options.json.write_text(
            json.dumps({"table": rows, "rounds": raw}, indent=1, ensure_ascii=False), encoding="utf-8"
        )
    return 0 if rows[-1]["faults_s_ratio"]["median"] <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
