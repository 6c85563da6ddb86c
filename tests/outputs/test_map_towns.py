"""Two towns on the review map: Sant Boi as surveyed, and ky4 with a tolerance too small for its moved ends."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import shapely
from ky4_zone import make_ky4
from shared_data import shared

import gisplan
from gisplan.outputs.columns import guessed

SANTBOI = Path(__file__).parents[1] / "santboi"


def shown(page) -> dict[str, int]:
    """How many of each kind the legend says there are."""
    counts = page.eval_on_selector_all(
        "#gp-fault-box li[id]",
        "nodes => nodes.map(n => [n.id.slice(9), n.querySelector('.gp-key-sum').textContent])",
    )
    return {name: int(count.replace(",", "")) for name, count in counts}


def drawn_as(faults: gpd.GeoDataFrame, code: str) -> int:
    return int((faults["code"] == code).sum())


def test_the_parcels_of_ky4_lie_beside_its_pipes(tmp_path):
    folder = make_ky4(tmp_path / "ky4")
    parcels = gpd.read_file(folder / "parcels.geojson")
    pipes = gpd.read_file(shared("ky4") / "ky4_pipes.geojson").to_crs(parcels.crs)
    assert len(parcels) > 300
    assert parcels.geometry.is_valid.all()
    a, b = shapely.STRtree(parcels.geometry).query(parcels.geometry, predicate="intersects")
    assert (a == b).all()
    apart = shapely.distance(parcels.geometry.to_numpy(), shapely.union_all(pipes.geometry.to_numpy()))
    assert apart.min() > 0
    # the answer is in the file of the pipes, but the zone does not read it
    assert "node_name" not in (folder / "zone.toml").read_text(encoding="utf-8")


def test_ky4_shows_joins_near_misses_and_breaks(reader, tmp_path):
    report = gisplan.check(gisplan.read(make_ky4(tmp_path / "ky4", snap="9 m")))
    page = reader.open(report.map("en"), "en").page
    faults, joins = report.faults, guessed(report.tables().joins)
    counts = shown(page)
    assert counts["joins"] + counts.get("doubtful", 0) == len(joins)
    assert len(joins) > 1000
    assert counts["near_miss"] == drawn_as(faults, "near_miss")
    assert counts["missing"] == drawn_as(faults, "break_missing")
    assert min(counts["near_miss"], counts["missing"]) > 0
    page.click("#gp-tab-fixes")
    page.locator(".gp-fix").first.click()
    first = faults[faults["code"] != "joined"].iloc[0]
    assert first["stranded_mu"] == faults["stranded_mu"].max()
    text = page.inner_text(".leaflet-popup-content")
    assert first["message_en"] in text
    assert first["id"] in text


def test_sant_boi_shows_its_joins_and_near_misses(reader, tmp_path):
    folder, data = tmp_path / "santboi", shared("santboi")
    folder.mkdir()
    for path in (SANTBOI / "zone.toml", SANTBOI / "laterals.toml", data / "santboi.gpkg", data / "dem_5m.tif"):
        shutil.copyfile(path, folder / path.name)
    report = gisplan.check(gisplan.read(folder, profile="laterals.toml"))
    page = reader.open(report.map("zh"), "zh").page
    counts, joins = shown(page), guessed(report.tables().joins)
    assert counts["joins"] + counts.get("doubtful", 0) == len(joins) > 0
    assert counts["near_miss"] == drawn_as(report.faults, "near_miss") > 0
    page.evaluate("gisplan.showJoin(0)")
    assert page.input_value(".gp-copy input") == joins["id"].iloc[0]
