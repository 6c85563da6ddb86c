"""Measure `gisplan check` on the embedded zone from a cold start, against importing geopandas and folium, in turn.

    python tests/bench/cold_start.py [--rounds 5] [--zone layers/ganting] [--json FILE]

Prints medians, ranges, the ratio within a round, and the size of the map.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from paired import ratios, run, spread, text


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--zone", default="layers/ganting")
    parser.add_argument("--json", type=Path, help="also write everything measured into this file")
    options = parser.parse_args()
    walls: dict[str, list[float]] = {"import geopandas, folium": [], "gisplan check": []}
    cpus: dict[str, list[float]] = {name: [] for name in walls}
    base, check = walls
    with tempfile.TemporaryDirectory(prefix="gisplan-bench-") as folder:
        commands = {
            base: [sys.executable, "-c", "import geopandas, folium"],
            check: [sys.executable, "-m", "gisplan", "check", options.zone, "--out", folder],
        }
        for _ in range(options.rounds):
            for name, command in commands.items():
                _, wall, cpu = run(command)
                walls[name].append(wall)
                cpus[name].append(cpu)
        html = (Path(folder) / "review.html").stat().st_size
    wall_ratio, cpu_ratio = ratios(walls, base)[check], ratios(cpus, base)[check]
    for name in walls:
        print(f"{name}: wall {text(spread(walls[name]))} s, processor {text(spread(cpus[name]))} s")
    print(f"ratio within a round: wall {text(wall_ratio)}, processor {text(cpu_ratio)}")
    print(f"review.html: {html / 1e6:.2f} MB")
    if options.json:
        whole = {"wall_s": walls, "cpu_s": cpus, "wall_ratio": wall_ratio, "cpu_ratio": cpu_ratio, "html_bytes": html}
        options.json.write_text(json.dumps(whole, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
