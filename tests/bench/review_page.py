"""Measure the review map of a large zone against plain folium.GeoJson with popups of the same content, in turn.

    python tests/bench/review_page.py [--parcels 100000] [--rounds 3] [--seed 1] [--json FILE]

Makes a zone (`make_zone.py`, `furnish.py`) and checks it once. Then, once a round, builds and saves both pages from the
same tables, opens each in headless Chromium without a network (folium's page has Leaflet and jQuery put in, which it
would fetch), and pans each ten times. Both hold, of every parcel, its number, name, use, sub-park, status, dates,
areas, readiness, stage and conclusion, and ten grades with distances and days, and show the parcels by the grade of
one service. A page is open once it is drawn so, and a pan is done when the next frame is.

folium writes the style of every parcel that is not of the most frequent one into a list that the page searches parcel
by parcel: with one colour alone its page opens several times faster than with two. `--one-colour` measures that.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import folium
import pandas as pd
from furnish import furnish
from make_zone import make
from paired import spread, text
from playwright.sync_api import Browser, sync_playwright

import gisplan
from gisplan.outputs.map import review_map
from gisplan.outputs.page import asset
from gisplan.outputs.tables import Tables

FOLIUM, OURS = "folium.GeoJson", "review map"
BOUNDS = {"build_s": 12.0, "mb": 12.0, "open_s": 20.0, "pan_ms": 3.0}
LIMIT_MB = 10.0
FILLS = {"A": "#54a293", "B": "#b4dccc", "C": "#f5e8b0", "D": "#edae88", "U": "#d5d9de", "N": "#ffffff"}
SHOWN = "water"
OPEN = """service => new Promise(done => {
    const drawn = () => requestAnimationFrame(() => requestAnimationFrame(done));
    const wait = () => {
        if (!window.gisplan) { drawn(); return; }
        if (!document.querySelector('.gp-cards')) { setTimeout(wait, 5); return; }
        if (service >= 0) { gisplan.setView(service); }
        drawn();
    };
    wait();
})"""
PAN = """async () => {
    const map = Object.values(window).find(value => value && value instanceof L.Map) || gisplan.map;
    const took = [];
    for (let i = 0; i < 10; i += 1) {
        const began = performance.now();
        map.panBy([i % 4 < 2 ? 160 : -160, i % 2 ? 60 : -60], {animate: false});
        await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
        took.push(performance.now() - began);
    }
    return took.sort((a, b) => a - b);
}"""


def plain(tables: Tables, path: Path, shown: str | None) -> None:
    """Build the page as one would with folium alone, by the grade of a service or in one colour."""
    frame = tables.parcels.drop(columns="geometry").join(tables.readiness[["ready", "ready_by_delivery", "ready_on"]])
    frame = frame.join(tables.readiness[["connected_count", "required_count"]])
    if tables.land is not None:
        frame = frame.join(tables.land[["stage", "conclusion", "net_area_m2", "tasks"]])
    for key, cells in tables.cells.groupby("service", observed=True, sort=False):
        mine = cells.set_index(cells["parcel"].astype(str))
        frame[f"{key}"] = mine["grade"].astype(str)
        frame[f"{key}_m"] = mine["distance_m"].round(1)
        frame[f"{key}_on"] = mine["ready_on"]
    for name in frame.columns[[pd.api.types.is_datetime64_any_dtype(kind) for kind in frame.dtypes]]:
        frame[name] = frame[name].dt.strftime("%Y-%m-%d")
    shapes = tables.parcels[["geometry"]].join(frame.reset_index(names="parcel").set_axis(frame.index)).to_crs(4326)
    shapes = shapes.astype(dict.fromkeys(frame.columns, object))
    west, south, east, north = shapes.total_bounds
    page = folium.Map(location=[(south + north) / 2, (west + east) / 2], tiles=None)
    folium.GeoJson(
        shapes,
        style_function=lambda row: {
            "fillColor": FILLS[row["properties"][shown] if shown else "D"],
            "weight": 1,
            "fillOpacity": 0.9,
        },
        popup=folium.GeoJsonPopup([name for name in shapes.columns if name != "geometry"]),
    ).add_to(page)
    page.fit_bounds([[south, west], [north, east]])
    page.save(path)


def offline(path: Path) -> None:
    """Put into folium's page what it would fetch, so that it opens without a network."""
    page = path.read_text(encoding="utf-8")
    held = {"leaflet.js": asset("leaflet/leaflet.js"), "jquery": asset("jquery/jquery.slim.min.js")}
    for name, script in held.items():
        page = re.sub(rf'<script src="[^"]*{name}[^"]*"></script>', lambda _, s=script: f"<script>{s}</script>", page)
    page = re.sub(r'<script src="[^"]*"></script>', "", page)
    style = f"<style>{asset('leaflet/leaflet.css')}</style>"
    page = re.sub(r'<link rel="stylesheet" href="[^"]*leaflet\.css"/?>', lambda _: style, page)
    path.write_text(re.sub(r'<link rel="stylesheet" href="http[^>]*>', "", page), encoding="utf-8")


def opened(browser: Browser, path: Path, service: int) -> dict[str, float]:
    """Open a page, wait until it is drawn, and pan."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}, offline=True).new_page()
    page.set_default_timeout(600_000)
    began = time.perf_counter()
    page.goto(path.as_uri())
    page.evaluate(OPEN, service)
    took = time.perf_counter() - began
    pans = page.evaluate(PAN)
    page.context.close()
    return {"open_s": took, "pan_ms": pans[len(pans) // 2], "longest_pan_ms": pans[-1]}


def measure(tables: Tables, folder: Path, rounds: int, shown: str | None) -> dict[str, list[dict[str, float]]]:
    """Build, open and pan both pages once a round."""
    found: dict[str, list[dict[str, float]]] = {FOLIUM: [], OURS: []}
    service = list(tables.services.index).index(shown) if shown else -1
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox", "--disable-gpu"])
        for number in range(rounds):
            for name in found:
                path = folder / f"{name.split()[0]}.html"
                began = time.perf_counter()
                if name == FOLIUM:
                    plain(tables, path, shown)
                else:
                    review_map(tables, "zh").save(path)
                built = {"build_s": time.perf_counter() - began, "mb": path.stat().st_size / 1e6}
                if name == FOLIUM:
                    offline(path)
                found[name].append(built | opened(browser, path, service))
                print(f"round {number + 1}: {name} {found[name][-1]}", file=sys.stderr)
        browser.close()
    return found


def show(found: dict[str, list[dict[str, float]]]) -> bool:
    """Print the table; tell whether the bounds hold."""
    sound = max(row["mb"] for row in found[OURS]) <= LIMIT_MB
    print("| | folium.GeoJson | review map | times | mark |\n|---|---|---|---|---|")
    for name in ("build_s", "mb", "open_s", "pan_ms", "longest_pan_ms"):
        theirs, ours = ([row[name] for row in found[page]] for page in (FOLIUM, OURS))
        times = [a / b for a, b in zip(theirs, ours, strict=True)]
        mark = BOUNDS.get(name)
        sound &= mark is None or sorted(times)[len(times) // 2] >= mark
        told = "" if mark is None else f"≥ {mark:g}"
        print(f"| {name} | {text(spread(theirs))} | {text(spread(ours))} | {text(spread(times))} | {told} |")
    return sound


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one-colour", action="store_true", help="all parcels in one colour: what folium likes best")
    parser.add_argument("--json", type=Path, help="also write everything measured into this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gisplan-bench-") as place:
        folder = Path(place)
        make(options.parcels, folder / "made", options.seed)
        furnish(folder / "made", folder / "zone", options.seed)
        tables: Any = gisplan.check(gisplan.read(folder / "zone")).tables()
        found = measure(tables, folder, options.rounds, None if options.one_colour else SHOWN)
    sound = show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    main()
