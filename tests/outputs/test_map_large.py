"""The map of a large zone: answers of every parcel in one page, and a page for each part; here twelve are many."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from map_toy import CRS, EAST, KEYS, NORTH, toy

from gisplan.outputs import block, parts
from gisplan.outputs.block import data_block
from gisplan.outputs.map import review_map, write_map
from gisplan.outputs.parts import Directory, entries, tables_of
from gisplan.outputs.tables import Tables

DEGREES = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)


@pytest.fixture(autouse=True)
def low(monkeypatch):
    """Let eleven parcels be many."""
    for room in (block, parts):
        monkeypatch.setattr(room, "ONE_PAGE", 11)
    monkeypatch.setattr(parts, "MOST", 5)
    monkeypatch.setattr(block, "_PLAIN", 0)


def unpacked(tables: Tables) -> dict:
    text = data_block(tables, "zh", {}, {}).text
    return json.loads(gzip.decompress(base64.b64decode(text)))


# ----------------------------------------------------------------------------------------------------- in Python


def test_the_block_has_every_parcel_grade_distance_and_day():
    tables = toy()
    found = unpacked(tables)
    ids = [found["texts"][i] for i in found["parcels"]["id"]]
    assert ids == tables.parcels.index.tolist()
    cells = tables.cells.set_index(["service", "parcel"])
    order = pd.MultiIndex.from_product([KEYS, ids])
    assert found["cells"]["grade"] == "".join(cells["grade"].reindex(order))
    far = np.frombuffer(base64.b64decode(found["cells"]["distance_dm"]), dtype="<u2").astype(float)
    far[far == 0xFFFF] = np.nan
    np.testing.assert_allclose(far / 10, cells["distance_m"].reindex(order).round(1), equal_nan=True)
    days = cells["ready_on"].reindex(order)
    assert sorted(found["cells"]["dated"]) == np.flatnonzero(days.notna()).tolist()
    assert {found["texts"][i] for i in found["cells"]["ready_on"]} == {"2027-03-31"}
    assert "reason_zh" not in found["cells"] and found["ways"] is None
    assert found["left_out"] == {"features": 31, "joins": 3, "gaps": 2, "faults": 0}


def test_outlines_come_back_within_a_decimetre():
    tables = toy()
    found = unpacked(tables)
    rings = found["parcels"]["rings"]
    xy = np.cumsum(np.array(rings["xy"]).reshape(-1, 2), axis=0) * found["unit"]
    first = xy[: rings["n"][0]]
    true = np.array(tables.parcels.to_crs(4490).geometry.iloc[0].exterior.coords)[:-1]
    assert shapely.hausdorff_distance(shapely.MultiPoint(first), shapely.MultiPoint(true)) < 1e-6


def test_every_parcel_is_in_exactly_one_part_of_one_sub_park():
    tables = toy()
    blank = tables.parcels.copy()
    blank.loc["010012", "sub_park"] = None
    blank.loc["010011", "geometry"] = None
    found = parts.parts(blank)
    rows = np.concatenate([part.rows for part in found])
    assert sorted(rows) == list(range(12))
    assert all(0 < len(part.rows) <= 5 for part in found)
    for part in found:
        assert set(blank["sub_park"].fillna("").iloc[part.rows]) == {part.name}
    assert [part.file for part in found] == [f"part-{i + 1}.html" for i in range(len(found))]
    told = entries(Directory("x_parts", found), 12)
    assert told is not None and -1 not in told["of"]


def test_a_zone_that_one_page_can_hold_has_no_parts():
    tables = toy()
    assert parts.parts(tables.parcels.iloc[:11]) == []
    assert entries(Directory("x", []), 11) is None


def test_a_part_has_all_of_its_parcels_and_what_lies_about_them():
    tables = toy()
    part = parts.parts(tables.parcels)[0]
    few = tables_of(tables, part, "review.html")
    ids = tables.parcels.index[part.rows]
    assert few.parcels.index.tolist() == ids.tolist()
    assert set(few.cells["parcel"]) == set(ids) and len(few.cells) == 10 * len(ids)
    assert 0 < len(few.features) <= len(tables.features)
    around = shapely.box(*few.parcels.total_bounds).buffer(parts.MARGIN_M, join_style="mitre")
    assert few.features.geometry.intersects(around).all()
    near = tables.features[tables.features.intersects(around)]
    assert set(near["feature"]) == set(few.features["feature"])
    assert set(few.gaps["parcel"]) <= set(ids)


def test_pages_are_written_and_those_of_an_earlier_zone_go(tmp_path):
    tables = toy()
    folder = tmp_path / "review_parts"
    folder.mkdir()
    (folder / "part-99.html").write_text("old")
    (folder / "mine.txt").write_text("keep")
    write_map(tables, tmp_path / "review.html", "zh")
    names = {path.name for path in folder.iterdir()}
    assert names == {part.file for part in parts.parts(tables.parcels)} | {"mine.txt"}
    first = {path: path.read_bytes() for path in [*folder.glob("*.html"), tmp_path / "review.html"]}
    write_map(tables, tmp_path / "review.html", "zh")
    assert {path: path.read_bytes() for path in first} == first
    (folder / "mine.txt").unlink()
    small = replace(tables, parcels=tables.parcels.iloc[:3], readiness=tables.readiness.iloc[:3])
    write_map(small, tmp_path / "review.html", "zh")
    assert not folder.exists()


# ---------------------------------------------------------------------------------------------------- in a browser


@pytest.fixture
def opened(reader, tmp_path):
    write_map(toy(), reader.file, "zh")
    reader.page.goto(reader.file.as_uri())
    reader.page.wait_for_selector(".gp-cards")
    return reader


def test_the_page_counts_shows_and_leaves_nothing_unsaid(opened):
    tables, page = toy(), opened.page
    counts = tables.readiness["ready"].value_counts()
    assert opened.texts(".gp-cards strong") == [str(counts.get(code, 0)) for code in ("yes", "no", "unknown")]
    assert page.locator(".leaflet-gp-parcels-pane canvas").count() == 1
    assert "见片区图" in page.inner_text("#gp-services")
    assert "2" in page.inner_text("#gp-layer-gaps")
    page.click("#gp-tab-fixes")
    assert "没有发现" not in page.inner_text("#gp-fixes")
    page.click("#gp-tab-list")
    assert opened.texts("#gp-list-rows tbody th .gp-id") == tables.parcels.index.tolist()


def test_a_click_finds_the_parcel_under_it_and_no_hole(opened):
    page = opened.page
    box = page.locator(".gp-map").bounding_box()

    def click(east: float, north: float) -> str | None:
        page.keyboard.press("Escape")
        lng, lat = DEGREES.transform(EAST + east, NORTH + north)
        at = page.evaluate("([x, y]) => { const p = gisplan.pointOf(x, y); return [p.x, p.y]; }", [lng, lat])
        page.evaluate("gisplan.chosen = null")
        page.mouse.click(box["x"] + at[0], box["y"] + at[1])
        chosen = page.evaluate("gisplan.chosen")
        return None if chosen is None else page.evaluate("i => gisplan.text(gisplan.data.parcels.id[i])", chosen)

    assert click(100, 40) == "010001"
    assert click(330, 200) == "010006"
    assert click(335, 255) is None  # its hole
    assert click(555, 255) is None  # between the two parts of the seventh
    assert click(600, 255) == "010007" == click(500, 255)
    assert click(215, 75) is None  # the street


def test_pixels_are_those_of_the_shapes(opened):
    """What is painted is the colour of the parcel's answer, at the parcel's middle."""
    tables = toy()
    colours = opened.page.evaluate(
        """() => {
            const canvas = document.querySelector('.leaflet-gp-parcels-pane canvas');
            const box = gisplan.map.getContainer().getBoundingClientRect();
            const own = canvas.getBoundingClientRect();
            const scale = canvas.width / own.width;
            const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return gisplan.pieces(gisplan.data.parcels.rings, gisplan.count).map(([ring]) => {
                const inside = [0, 1].map(k => (ring[0][k] * 3 + ring[1][k] + ring[2][k]) / 5);
                const at = gisplan.map.latLngToContainerPoint(inside);
                const [x, y] = [(at.x + box.x - own.x) * scale, (at.y + box.y - own.y) * scale].map(Math.round);
                return [...all.slice((y * canvas.width + x) * 4, (y * canvas.width + x) * 4 + 3)];
            });
        }"""
    )
    fills = opened.page.evaluate("gisplan.FILLS")
    for colour, ready in zip(colours, tables.readiness["ready"], strict=True):
        want = [int(fills[ready][k : k + 2], 16) for k in (1, 3, 5)]
        assert np.abs(np.array(colour) - want).max() <= 3


def test_from_a_parcel_to_the_page_of_its_part_and_back(opened):
    page = opened.page
    page.evaluate("gisplan.choose(6, {})")
    with page.expect_navigation():
        page.click("#gp-parcel .gp-line a")
    page.wait_for_selector("#gp-parcel-title")
    assert opened.texts("#gp-parcel-title .gp-id") == ["010007"]
    assert "最近的管线" in page.inner_text(".gp-answers")
    assert "数字经济" in page.inner_text("#gp-title")
    with page.expect_navigation():
        page.click(".gp-part")
    page.wait_for_selector(".gp-cards")
    assert page.locator(".leaflet-gp-parcels-pane canvas").count() == 1
    opened.asked = [opened.file.as_uri()]


def test_the_day_the_filter_and_notes_work_there_too(opened):
    page = opened.page
    before = page.evaluate("document.querySelector('.leaflet-gp-parcels-pane canvas').toDataURL()")
    page.focus("#gp-day")
    page.keyboard.press("ArrowRight")
    page.select_option("#gp-colour", str(KEYS.index("heat")))
    cells = toy().cells.query("service == 'heat'")
    shown = page.evaluate("gisplan.data.parcels.id.map((n, i) => gisplan.shown(i, gisplan.view))")
    assert shown == ["b" if grade == "B" else grade for grade in cells["grade"]]
    assert page.evaluate("document.querySelector('.leaflet-gp-parcels-pane canvas').toDataURL()") != before
    page.evaluate("gisplan.choose(1, {})")
    page.locator(".gp-answers > li").nth(3).locator(".gp-doing button").first.click()
    page.locator(".gp-answers > li").nth(3).locator("button[value=wrong]").click()
    assert page.evaluate("gisplan.notesFile().notes[0].rings.length") == 1
    page.fill("#gp-search", "010012")
    page.keyboard.press("Enter")
    assert opened.texts("#gp-parcel-title .gp-id") == ["010012"]


def test_unsaved_it_says_where_the_rest_is(reader):
    page = reader.open(review_map(toy())).page
    page.evaluate("gisplan.choose(0, {})")
    assert "report.to_map" in page.inner_text("#gp-parcel")
    assert re.search("片区图", page.inner_text("#gp-parcel"))


def test_a_local_grid_is_woven_too(reader):
    page = reader.open(toy(crs=None)).page
    assert page.evaluate("gisplan.map.getBounds().contains([3997000 + 75, 545000 + 100])")
    page.evaluate("gisplan.choose(0, {zoom: true})")
    assert page.locator(".leaflet-gp-trace-pane path").count() == 1
