"""Measure the whole check of a large zone, capacity, two ways and gravity included, against the plain job, in turn.

    python tests/bench/whole.py [--parcels 100000] [--rounds 3] [--seed 1] [--json FILE]

Makes a zone (`make_zone.py`), furnishes it (`furnish.py`), and runs once a round, each in a process of its own: the job
of `job_gisplan.py` (joints, sweep, nearest main, no zone.toml and no words); the check (`job_check.py`) by the profile
that asks for connections alone; and the whole check by the default profile, with further tests that only warn. The
sentences, which the report makes only when they are asked for, are told apart. The memory of a check is that of its
process and of the child that reads, together.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from make_zone import make
from paired import ratios, run, spread, text

HERE = Path(__file__).resolve().parent
JOB, PLAIN, WHOLE = "plain job", "check, jiutong_connection", "check, jiutong_classic"
STEPS = ("read_s", "judge_s", "tables_s", "words_s")
LIMIT, LIMIT_MIB = 4.0, 2_048
"""How many times as long as the plain job the whole check may take, and how much memory."""


def commands(folder: Path) -> dict[str, list[str]]:
    """Return the command of everything that is measured."""
    check = [sys.executable, str(HERE / "job_check.py"), str(folder / "zone")]
    return {
        JOB: [sys.executable, str(HERE / "job_gisplan.py"), str(folder / "made"), "--out", str(folder / "out.parquet")],
        PLAIN: [*check, "jiutong_connection"],
        WHOLE: [*check, "jiutong_classic"],
    }


def measure(folder: Path, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Run everything once a round."""
    wanted = commands(folder)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in wanted}
    for number in range(rounds):
        for name, command in wanted.items():
            printed, wall, cpu = run(command)
            found[name].append({**json.loads(printed.strip().splitlines()[-1]), "wall_s": wall, "cpu_s": cpu})
            print(f"round {number + 1}: {name} {found[name][-1]['total_s']:.2f} s", file=sys.stderr)
    return found


def show(parcels: int, found: Mapping[str, list[dict[str, Any]]]) -> tuple[str, bool]:
    """Write the table for people; tell whether the bounds hold."""
    lines = [f"{parcels:,} parcels, nine services; median (range)", ""]
    lines += [
        "| what | s | × job | whole process, sentences too, s | processor, s | × job | peak, MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    values = {
        c: {name: [row[c] for row in rows] for name, rows in found.items()} for c in ("total_s", "wall_s", "cpu_s")
    }
    times = {column: ratios(each, JOB) for column, each in values.items()}
    for name, rows in found.items():
        took = [text(spread(values[c][name])) for c in ("total_s", "wall_s", "cpu_s")]
        cells = [took[0], text(times["total_s"][name]), took[1], took[2], text(times["cpu_s"][name])]
        lines.append(f"| {name} | {' | '.join(cells)} | {max(row['peak_mib'] for row in rows):,} |")
    for name in (PLAIN, WHOLE):
        steps = ", ".join(f"{step[:-2]} {text(spread([row[step] for row in found[name]]))}" for step in STEPS)
        lines.append(f"{name}: {steps}")
    ratio = times["total_s"][WHOLE]["median"]
    memory = max(row["peak_mib"] for row in found[WHOLE])
    lines.append(
        f"the whole check takes {ratio:.2f} times the plain job ({LIMIT:g} is the mark), {memory:,} MiB at most"
    )
    return "\n".join(lines), ratio <= LIMIT and memory <= LIMIT_MIB


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; ends with 1 where a bound does not hold."""
    from furnish import furnish

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=lambda given: int(float(given)), default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write everything measured into this file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="gisplan-bench-") as made:
        folder = Path(made)
        make(options.parcels, folder / "made", options.seed)
        furnish(folder / "made", folder / "zone", options.seed)
        found = measure(folder, options.rounds)
    told, holds = show(options.parcels, found)
    print(told)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
