"""Measure how long gisplan takes to read a zone from GeoPackages, against plain pyogrio on the same files, in turn.

    python tests/bench/reading.py [--parcels 100000] [--rounds 3] [--seed 1] [--json FILE]

Makes a zone in a temporary folder and writes each layer into a GeoPackage. Each tool reads them all, once a round, in a
process of its own: plain ``pyogrio.read_dataframe``, and `gisplan.read`, which checks every row and cleans the tables;
its reading process starts when `gisplan.read` is imported. Two times are taken: of the reading alone (both without the
imports), and of the whole process.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paired import ratios, run, spread, text

PLAIN, OURS = "pyogrio.read_dataframe", "gisplan"
NAMES = {"sewer": "sewage", "reuse": "catv"}
"""Services that the made zone calls otherwise than the profile."""
COLUMNS = ("reading_s", "wall_s", "cpu_s")

READ_PLAIN = """
import json, resource, sys, time
from pathlib import Path
import pyogrio, geopandas
paths = sorted(Path(sys.argv[1]).glob("*.gpkg"))
begin = time.perf_counter()
frames = [pyogrio.read_dataframe(path) for path in paths]
took = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"reading_s": took, "rows": sum(map(len, frames)), "peak_mib": [peak // 1024]}))
"""
READ_OURS = """
import json, resource, sys, time
import gisplan
from gisplan.reading.process import clerk
read = gisplan.read
begin = time.perf_counter()
survey = read(sys.argv[1]).survey
took = time.perf_counter() - begin
clerk.dismiss()
peaks = [resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
rows = len(survey.parcels) + sum(map(len, survey.layers.values()))
print(json.dumps({"reading_s": took, "rows": rows, "peak_mib": peaks}))
"""
TOOLS = {PLAIN: READ_PLAIN, OURS: READ_OURS}


def write(count: int, folder: Path, seed: int) -> dict[str, Any]:
    """Make a zone, and write its layers as GeoPackages with the zone.toml that belongs to them."""
    import geopandas as gpd
    from make_zone import CRS, SERVICES, make

    with tempfile.TemporaryDirectory(prefix="gisplan-bench-") as made:
        about = make(count, Path(made), seed)
        folder.mkdir()
        lines = [f'[zone]\ntitle = "bench"\ncrs = "{CRS}"\ndate = 2026-11-01\n[barriers]\nnone = true\n']
        for name in ("parcels", *SERVICES):
            ours = NAMES.get(name, name)
            gpd.read_parquet(Path(made) / f"{name}.parquet").to_file(folder / f"{ours}.gpkg", layer=ours)
            if name != "parcels":
                lines.append(f'[layer.{ours}]\nstatus = "现状"\nas_of = 2026-01-31\n')
    (folder / "zone.toml").write_text("".join(lines), encoding="utf-8")
    return about


def measure(folder: Path, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Read the files with each tool once a round."""
    commands = {name: [sys.executable, "-c", code, str(folder)] for name, code in TOOLS.items()}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    for number in range(rounds):
        for name, command in commands.items():
            printed, wall, cpu = run(command)
            answer = json.loads(printed)
            found[name].append({**answer, "wall_s": wall, "cpu_s": cpu})
            print(f"round {number + 1}: {name} {answer['reading_s']:.2f} s", file=sys.stderr)
    return found


def show(about: dict[str, Any], found: dict[str, list[dict[str, Any]]]) -> tuple[str, dict[str, Any]]:
    """Write the table for people, and give its numbers."""
    table: dict[str, Any] = {name: {} for name in found}
    for column in COLUMNS:
        values = {name: [row[column] for row in rows] for name, rows in found.items()}
        for name, ratio in ratios(values, PLAIN).items():
            table[name] |= {column: spread(values[name]), f"{column}_ratio": ratio}
    # Stricter than either: our whole process, with all its imports, against their reading alone.
    strict = [ours["wall_s"] / theirs["reading_s"] for ours, theirs in zip(found[OURS], found[PLAIN], strict=True)]
    lines = [f"{about['parcels']:,} parcels, {about['edges_total']:,} mains in GeoPackages; median (range)", ""]
    lines += [
        "| tool | reading, s | × plain | whole process, s | × plain | processor, s | × plain | peak, MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in table.items():
        cells = [text(row[f"{c}{kind}"]) for c in COLUMNS for kind in ("", "_ratio")]
        row["peak_mib"] = [max(peaks) for peaks in zip(*(r["peak_mib"] for r in found[name]), strict=True)]
        lines.append(f"| {name} | {' | '.join(cells)} | {' + '.join(map(str, row['peak_mib']))} |")
    lines.append(f"{OURS}'s whole process takes {text(spread(strict))} times as long as plain reading alone")
    return "\n".join(lines), {**table, "strict": spread(strict)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=lambda given: int(float(given)), default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write everything measured into this file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="gisplan-bench-") as made:
        about = write(options.parcels, Path(made) / "zone", options.seed)
        found = measure(Path(made) / "zone", options.rounds)
    said, table = show(about, found)
    print(said)
    if options.json:
        whole = {"zone": about, "table": table, "rounds": found}
        options.json.write_text(json.dumps(whole, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
