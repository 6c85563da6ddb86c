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

GANTING = Path(__file__).parents[2] / "layers" / "ganting"
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


def tour(reader, report: gisplan.Report, folder: Path) -> None:
    """Use everything in the page once, as a reviewer does; the reader sees that nothing is asked of the network."""
    page, tables = reader.page, report.tables()
    page.click("[data-set-lang=en]")
    assert page.inner_text("#gp-tab-list") == "Parcels"
    page.click("[data-set-lang=zh]")
    # search
    wanted = tables.parcels.index[len(tables.parcels) // 2]
    page.fill("#gp-search", wanted)
    page.keyboard.press("Enter")
    assert reader.texts("#gp-parcel-title .gp-id") == [wanted]
    # filter
    page.click("#gp-tab-list")
    key = tables.services.index[1]
    page.select_option("#gp-filter-view", "1")
    grade = tables.readiness[key].mode()[0]
    page.check(f"#gp-filter-codes input[value={grade}]")
    want = tables.readiness.index[tables.readiness[key] == grade]
    assert f"{len(want):,} / {len(tables.parcels):,} 宗" in page.inner_text("#gp-filter-said")
    assert reader.texts("#gp-list-rows tbody th .gp-id") == want[:60].tolist()
    page.click("#gp-filter-clear")
    # the day
    days = page.evaluate("gisplan.days.length")
    for number in range(1, days):
        page.click("#gp-day-after")
        assert page.evaluate("gisplan.day") == number
        assert "预计" in page.inner_text("#gp-day-said")
    assert page.is_disabled("#gp-day") == (days == 1)
    # the way of one answer, as long as the cell says
    assert tables.traces is not None
    starts = tables.traces.of(tables.parcels.index).starts
    start = starts.iloc[-1]
    row, number = tables.parcels.index.get_loc(start["parcel"]), tables.services.index.get_loc(start["service"])
    page.evaluate("i => gisplan.choose(i, {})", row)
    page.locator(".gp-answers > li").nth(number).locator(".gp-doing button").first.click()
    assert page.locator(".leaflet-gp-trace-pane path").count() == 5
    drawn = page.evaluate(
        """([i, k]) => gisplan.wayOf(i, k).pieces.reduce((sum, piece) => sum + piece.slice(1).reduce((part, at, n) => {
            const [a, b] = [piece[n], at].map(place => gisplan.groundOf({lat: place[0], lng: place[1]}));
            return part + Math.hypot(a[0] - b[0], a[1] - b[1]);
        }, 0), 0)""",
        [row, number],
    )
    cell = report.grades.set_index(["parcel", "service"]).loc[(start["parcel"], start["service"])]
    assert abs(drawn - cell["distance_m"] - cell["path_m"]) < 0.5 + 0.002 * cell["path_m"]
    # a note, saved and bound again
    page.locator(".gp-answers > li").nth(number).get_by_role("button", name="意见", exact=True).click()
    page.locator(".gp-answers > li").nth(number).locator("button[value=agree]").click()
    page.click("#gp-tab-notes")
    page.fill("#gp-reviewer", "王工")
    with page.expect_download() as waiting:
        page.click("#gp-notes-save")
    waiting.value.save_as(folder / "notes.json")
    notes = report.review([folder / "notes.json"]).notes
    assert notes["status"].tolist() == ["settled"] and notes["parcel"].tolist() == [start["parcel"]]


def test_a_tour_of_the_embedded_zone(reader, tmp_path):
    report = gisplan.check(gisplan.read(GANTING))
    page = reader.open(report.map("zh"), "zh").page
    assert page.evaluate("gisplan.days.length") > 3
    errors = int((report.issues["severity"] == "error").sum())
    assert f"数据错误 {errors} 处" in page.inner_text("#gp-data-mark")
    tour(reader, report, tmp_path)


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
    page.keyboard.press("Escape")
    tour(reader, report, tmp_path)
