"""Measure gisplan's network and reach code against a prototype and against the obvious script, in turn.

    python tests/bench/bench.py [--parcels 100000] [--rounds 3] [--seed 1] [--threads 2] [--json FILE]

Makes a zone in a temporary folder, runs every tool once a round, each in a process of its own, checks that all counts
and distances agree, and prints medians, ranges, ratios within a round, and the peak of memory. The prototype is looked
for in ``GISPLAN_SHARED``, else in ``shared`` beside the project; without it its row says absent. Needs
``gisplan[bench]``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from make_zone import SERVICES, make
from paired import ROOT, ratios, run, spread, text

HERE = Path(__file__).resolve().parent
BASE = "gisplan"
COLUMNS = ("total_s", "wall_s", "cpu_s")


def tools(zone: Path, threads: int) -> dict[str, list[str] | None]:
    """Return the command of every tool; None for a tool that is not there."""
    out = str(zone.parent / "answer.parquet")
    shared = Path(os.environ.get("GISPLAN_SHARED") or ROOT.parent / "shared")
    prototype = shared / "yardstick" / "arraynet.py"
    python, folder, many = sys.executable, str(zone), ["--threads", str(threads)]
    known = [python, str(prototype), folder, "--nearest", "onetree", *many, "--out", out]
    return {
        BASE: [python, str(HERE / "job_gisplan.py"), folder, *many, "--out", out],
        "prototype": known if prototype.is_file() else None,
        "geopandas + networkx": [python, str(HERE / "rival_naive.py"), folder],
    }


def agree(answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """List the services in which a tool's count, or its sum of distances by more than 0.01 %, differs from ours."""
    found = []
    for name, answer in answers.items():
        for key in SERVICES:
            ours, theirs = answers[BASE]["counts"][key], answer["counts"][key]
            sums = answers[BASE]["dist_sum"][key], answer["dist_sum"][key]
            if ours != theirs or abs(sums[0] - sums[1]) > 1e-4 * max(1.0, sums[0]):
                found.append(f"{name}, {key}: {theirs} parcels, {sums[1]} m; {BASE}: {ours} parcels, {sums[0]} m")
    return found


def measure(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Run every tool once a round."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    for number in range(rounds):
        for name, command in commands.items():
            printed, wall, cpu = run(command)
            answer = json.loads(printed.strip().splitlines()[-1])
            found[name].append({**answer, "wall_s": wall, "cpu_s": cpu})
            print(f"round {number + 1}: {name} {answer['total_s']:.2f} s", file=sys.stderr)
    return found


def summary(found: Mapping[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Reduce the rounds to medians, ranges and ratios."""
    table: dict[str, dict[str, Any]] = {name: {} for name in found}
    for column in COLUMNS:
        values = {name: [row[column] for row in rows] for name, rows in found.items()}
        for name, ratio in ratios(values, BASE).items():
            table[name] |= {column: spread(values[name]), f"{column}_ratio": ratio}
    for name, rows in found.items():
        table[name]["peak_mib"] = max(row["peak_mib"] for row in rows)
        table[name]["stages"] = {k: spread([row["stages"][k] for row in rows])["median"] for k in rows[0]["stages"]}
    if "prototype" in found:  # the bound of ours is told against the prototype
        for column in ("total_s", "cpu_s"):
            pairs = zip(found[BASE], found["prototype"], strict=True)
            table[BASE][f"{column}_of_prototype"] = spread([ours[column] / theirs[column] for ours, theirs in pairs])
    return table


def show(about: Mapping[str, Any], table: Mapping[str, Mapping[str, Any]], absent: Sequence[str]) -> str:
    """Write the table for people."""
    lines = [f"{about['parcels']:,} parcels, {about['edges_total']:,} mains, {len(SERVICES)} services; median (range)"]
    lines += [
        "",
        "| tool | job, s | × ours | whole process, s | × ours | processor, s | × ours | peak, MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in table.items():
        cells = [text(row[f"{c}{kind}"]) for c in COLUMNS for kind in ("", "_ratio")]
        lines.append(f"| {name} | {' | '.join(cells)} | {row['peak_mib']} |")
    lines += [f"| {name} | absent | | | | | | |" for name in absent]
    for name, row in table.items():
        lines.append(f"{name}: " + ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in row["stages"].items()))
    if "prototype" in table:
        job, cpu = (text(table[BASE][f"{column}_of_prototype"]) for column in ("total_s", "cpu_s"))
        lines.append(f"{BASE} takes {job} times as long as the prototype, {cpu} times its processor time")
    return "\n".join(lines)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=lambda given: int(float(given)), default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write everything measured into this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gisplan-bench-") as folder:
        zone = Path(folder) / "zone"
        about = make(options.parcels, zone, options.seed)
        every = tools(zone, options.threads)
        commands = {name: command for name, command in every.items() if command is not None}
        absent = [name for name, command in every.items() if command is None]
        found = measure(commands, options.rounds)
    table = summary(found)
    differences = agree({name: rows[-1] for name, rows in found.items()})
    print(show(about, table, absent))
    print("all counts and distances agree" if not differences else "\n".join(["DIFFERENT:", *differences]))
    if options.json:
        whole = {"zone": about, "table": table, "absent": absent, "differences": differences, "rounds": found}
        options.json.write_text(json.dumps(whole, indent=1, ensure_ascii=False), encoding="utf-8")
    return 1 if differences else 0


if __name__ == "__main__":
    raise SystemExit(main())
