"""Joins, near misses and breaks on the review map, as a reader finds them there."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from map_toy import EAST, FAULTS, NORTH, toy

from gisplan.outputs.map import review_map
from gisplan.outputs.tables import Tables

# What the toy holds of each kind, counted by hand.
JOINS = {"joins": 1, "doubtful": 1, "undone": 1}
BREAKS = {"drawing": 1, "valve": 1, "missing": 1, "flow": 1, "status": 1}
OTHERS = {"line_twice": 1, "dangle_edge": 1, "parcel_overlap": 1}
MARKS = ".leaflet-gp-faults-pane path[fill-rule=evenodd]:not([fill=none])"
LINES = ".leaflet-gp-faults-pane path[fill=none]"


def shapes(page) -> list[dict]:
    """Each mark: its colours, and its outline about its own middle."""
    return page.eval_on_selector_all(
        MARKS,
        """nodes => nodes.map(node => {
            const box = node.getBBox();
            const about = node.getAttribute('d').replace(/(-?[0-9.]+)[ ,](-?[0-9.]+)/g, (whole, x, y) =>
                Math.round(x - box.x - box.width / 2) + ' ' + Math.round(y - box.y - box.height / 2));
            return {fill: node.getAttribute('fill'), edge: node.getAttribute('stroke'), outline: about};
        })""",
    )


def counts(page) -> dict[str, str]:
    return page.eval_on_selector_all(
        "#gp-fault-box li[id]",
        "nodes => Object.fromEntries(nodes.map(n => [n.id.slice(9), n.querySelector('.gp-key-sum').textContent]))",
    )


# ------------------------------------------------------------------------------------------------- legend and switches


def test_the_legend_counts_every_kind_once(reader):
    page = reader.open(toy()).page
    want = JOINS | BREAKS | {"near_miss": 2} | OTHERS
    assert counts(page) == {name: str(count) for name, count in want.items()} | {"others": "3"}
    # a join is drawn from the table of joins only, though it is in the list of faults as well
    assert page.locator(MARKS).count() == sum(want.values())
    assert page.locator(LINES).count() == sum(len(where) > 1 for *_, where in FAULTS)


def test_every_kind_has_its_own_switch(reader):
    page = reader.open(toy()).page
    drawn = page.locator(MARKS).count()
    for name, count in (JOINS | BREAKS | {"near_miss": 2}).items():
        page.locator(f"#gp-layer-{name} input").uncheck()
        assert page.locator(MARKS).count() == drawn - count, name
        page.locator(f"#gp-layer-{name} input").check()
        assert page.locator(MARKS).count() == drawn, name
    page.click("#gp-fault-kinds summary")
    page.locator("#gp-layer-dangle_edge input").uncheck()
    assert page.locator(MARKS).count() == drawn - 1
    page.locator("#gp-layer-others input").uncheck()
    assert page.locator(MARKS).count() == drawn - 3
    assert page.locator(".gp-marks .gp-fault-label", has_text="380 m").count() == 1


def test_a_service_that_is_off_or_steps_back_takes_its_signs_along(reader):
    page = reader.open(toy()).page
    drawn = page.locator(MARKS).count()
    page.locator("#gp-services input").nth(1).uncheck()  # water: two joins, a valve and a missing main
    assert page.locator(MARKS).count() == drawn - 4
    assert page.locator(".gp-fault-label", has_text="380 m").count() == 0
    page.click("#gp-all")
    page.select_option("#gp-colour", "3")  # sewage: a join and a drawing gap
    assert page.locator(MARKS).count() == 2
    page.select_option("#gp-colour", "ready")
    assert page.locator(MARKS).count() == drawn


# --------------------------------------------------------------------------------------------------- colour and shape


def test_breaks_are_told_apart_by_colour_and_by_shape(reader):
    page = reader.open(toy()).page
    looks = {}
    for name in ("near_miss", *BREAKS, "joins", "doubtful", "undone", "dangle_edge"):
        before = shapes(page)
        page.evaluate("name => document.querySelector('#gp-layer-' + name + ' input').click()", name)
        after = shapes(page)
        gone = [shape for shape in before if before.count(shape) > after.count(shape)]
        looks[name] = gone[0]
        page.evaluate("name => document.querySelector('#gp-layer-' + name + ' input').click()", name)
    outlines = {name: look["outline"] for name, look in looks.items()}
    assert len(set(outlines.values())) == len(outlines)
    inks = {look["fill"] for name, look in looks.items() if name in BREAKS}
    assert len(inks) == len(BREAKS)
    # a near miss is open, a gap that cuts land off is full, in the same colour: the same cure
    assert looks["near_miss"]["edge"] == looks["drawing"]["fill"]
    assert looks["near_miss"]["fill"] == "#ffffff"


def light(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2


def test_signs_stay_dark_enough_on_paper_without_colour(reader):
    page = reader.open(toy()).page
    signs = page.evaluate("gisplan.SIGNS")
    paper = light("#edae88")  # the darkest fill of a parcel that is not ready, but for the green
    for name, sign in signs.items():
        assert (paper + 0.05) / (light(sign["colour"]) + 0.05) > 2, name


def test_what_has_to_be_built_is_a_long_dashed_line_with_its_length(reader):
    page = reader.open(toy()).page
    lines = page.eval_on_selector_all(
        LINES,
        """nodes => nodes.map(node => ({
            dash: (node.getAttribute('stroke-dasharray') || '').split(/[ ,]+/).map(Number),
            colour: node.getAttribute('stroke'),
            long: Math.max(node.getBBox().width, node.getBBox().height)
        }))""",
    )
    missing = next(line for line in lines if line["colour"] == "#d4380d")
    assert missing["dash"][0] >= 12
    assert all(line["dash"][0] < 9 for line in lines if line is not missing)
    parcel = page.locator(".leaflet-gp-parcels-pane path").nth(0).bounding_box()
    assert missing["long"] == pytest.approx(380 / 200 * parcel["width"], rel=0.05)
    labels = reader.texts(".gp-fault-label")
    assert [text for text in labels if "380 m" in text] == ["2 · 380 m"]
    assert [text for text in labels if "0.4 m" in text] == ["1 · 0.4 m"]
    assert [text for text in labels if "2.5 m" in text] == ["2.5 m"]  # no land hangs on it: no number


# -------------------------------------------------------------------------------------------------------------- popups


@pytest.mark.parametrize(("lang", "land", "lengths"), [
    ("zh", "4 宗 180 亩", ["最短改图0.4 m", "若须新建212 m"]),
    ("en", "4 parcels, 180 mu", ["Repair of data0.4 m", "If to be built212 m"]),
])  # fmt: skip
def test_a_break_says_what_it_is_what_land_and_how_far(reader, lang, land, lengths):
    page = reader.open(toy(), lang).page
    page.evaluate("gisplan.showFault(0)")
    text = page.inner_text(".leaflet-popup-content")
    assert land in text
    assert ("这里断开，影响 180.0 亩" in text) == (lang == "zh")
    assert ("broken here, 180.0 mu at stake" in text) == (lang == "en")
    assert ("核对现场后改图" in text) == (lang == "zh")
    shown = page.locator(".gp-lengths > div").all_inner_texts()
    assert [re.sub(r"\s*\n\s*", "", part) for part in shown] == lengths
    assert "SEWAGE-0 – SEWAGE-9" in text
    assert "F-0" in text
    # mending it alone brings back all of it: nothing more to say
    assert page.locator(".gp-fault-card dt").count() == 3


def test_mending_one_of_two_breaks_says_how_much_it_brings_by_itself(reader):
    page = reader.open(toy(), "en").page
    page.evaluate("gisplan.showFault(1)")
    text = page.inner_text(".leaflet-popup-content")
    assert "3 parcels, 135 mu" in text
    assert re.search(r"This alone restores\s+90 mu", text)
    assert page.locator(".gp-lengths strong").all_inner_texts() == ["–", "380 m"]


def test_a_click_on_a_sign_opens_it(reader):
    page = reader.open(toy()).page
    for name in ("#11292b", "#8a5a00"):  # the valve's and the status's colour
        box = page.locator(f"{MARKS}[fill='{name}']").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert page.locator(".leaflet-popup-content .gp-fault-card").count() == 1
        page.keyboard.press("Escape")
        page.locator(".leaflet-popup").wait_for(state="detached")


def test_the_id_of_a_join_can_be_copied_for_undoing_it(reader):
    page = reader.open(toy(), "zh").page
    page.evaluate("gisplan.showJoin(1)")
    text = page.inner_text(".leaflet-popup-content")
    for words in ("存疑", "0.4 m", "3 宗 113 亩", "容差之内还有别的接点", "[joints] undo"):
        assert words in text
    assert page.input_value(".gp-copy input") == "J-bbbbbbbbbb"
    page.click(".gp-copy button")
    assert page.inner_text(".gp-copy button") == "已复制"
    page.fill("#gp-search", "")
    page.focus("#gp-search")
    page.keyboard.press("Control+V")
    assert page.input_value("#gp-search") == "J-bbbbbbbbbb"
    assert page.locator(".leaflet-popup-content").all_inner_texts() == [page.inner_text(".gp-fault-card")]
    page.evaluate("gisplan.showJoin(2)")
    assert "撤销" in page.locator(".leaflet-popup-content").last.inner_text()


# ---------------------------------------------------------------------------------------------------- what comes first


def test_the_list_has_what_most_land_hangs_on_first_and_the_map_has_its_numbers(reader):
    page = reader.open(toy(), "zh").page
    page.click("#gp-tab-fixes")
    heads = page.locator(".gp-fixes").nth(0).locator("strong").all_inner_texts()
    assert heads == ["4 宗 180 亩", "3 宗 135 亩", "2 宗 90 亩", "1 宗 45 亩", "1 宗 45 亩", "1 宗 30 亩"]
    ranks = [text.split(" ")[0] for text in reader.texts(".gp-fault-label")]
    assert sorted(rank for rank in ranks if rank.isdigit()) == list("123456")
    assert "另有 4 处" in page.inner_text("#gp-fixes")  # one near miss and three of other kinds
    guesses = page.locator(".gp-fixes").nth(1).locator("strong").all_inner_texts()
    assert guesses == ["3 宗 113 亩", "2 宗 90 亩"]  # the one that was undone supplies nothing


def test_a_click_in_the_list_goes_there_and_switches_it_on(reader):
    page = reader.open(toy(), "en").page
    page.locator("#gp-layer-missing input").uncheck()
    page.click("#gp-tab-fixes")
    page.locator(".gp-fix").nth(1).click()
    assert page.is_checked("#gp-layer-missing input")
    assert "380 m" in page.inner_text(".leaflet-popup-content")
    area = page.locator(".gp-map").bounding_box()
    line = page.locator(f"{LINES}[stroke='#d4380d']").bounding_box()
    assert line["y"] >= area["y"]
    assert line["y"] + line["height"] <= area["y"] + area["height"]
    assert line["height"] > area["height"] / 3
    page.locator(".gp-fix").nth(0).click()
    near = page.locator(".leaflet-control-scale-line").first.inner_text()
    assert near in ("10 m", "20 m", "30 m")


def test_a_long_list_comes_piece_by_piece(reader):
    page = reader.open(many(toy(), 200)).page
    page.click("#gp-tab-fixes")
    fixes, more = page.locator(".gp-fixes").nth(0), page.locator("#gp-fixes .gp-link").first
    assert fixes.locator("li").count() == 15
    more.click()
    assert fixes.locator("li").count() == 45
    more.click()
    more.click()
    # of every eleven rows six have land at stake, and one is a join: 18 times eleven, and two rows more
    assert fixes.locator("li").count() == 18 * 6 + 2
    assert not more.is_visible()


def test_without_faults_there_is_nothing_to_switch(reader):
    tables = toy()
    page = reader.open(replace(tables, joins=tables.joins.iloc[:0], faults=tables.faults.iloc[:0])).page
    assert not page.is_visible("#gp-fault-box")
    page.click("#gp-tab-fixes")
    assert "没有发现影响土地的断点" in page.inner_text("#gp-fixes")
    assert page.locator(".gp-fix").count() == 0


def test_tabs_turn_with_the_arrow_keys(reader):
    page = reader.open(toy()).page
    page.focus("#gp-tab-overview")
    seen = []
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        seen.append(page.evaluate("document.activeElement.id"))
    assert seen == [f"gp-tab-{name}" for name in ("list", "fixes", "parcel", "notes", "overview")]


# -------------------------------------------------------------------------------------------------- the block, and many


def block_of(tables: Tables) -> dict:
    text = review_map(tables).page()
    return json.loads(re.search(r'id="gisplan-data">(.*?)</script>', text, re.DOTALL)[1])


def test_the_block_keeps_the_order_and_puts_marks_in_the_middle():
    tables = toy(crs=None)
    faults = block_of(tables)["faults"]
    kept = tables.faults[tables.faults["code"] != "joined"]
    assert len(faults["code"]) == len(kept) == 10
    assert faults["stranded_mu"][:6] == [180.0, 135.0, 90.0, 45.0, 44.9, 30.0]
    assert faults["repair_m"][1] is None
    assert faults["service"][-1] == -1  # parcels are no service
    places = np.cumsum(np.array(faults["at"]["xy"]).reshape(-1, 2), axis=0) * 1e-3 - [EAST, NORTH]
    assert places[1].tolist() == pytest.approx([912, 348])  # half-way along the missing main
    assert places[2].tolist() == pytest.approx([300, 156])
    inside = shapely.Polygon([(195, 0), (200, 0), (200, 150)]).contains(shapely.Point(places[9]))
    assert inside


def test_odd_shapes_of_faults_lose_none_but_the_placeless():
    tables = toy()
    x, y = EAST, NORTH
    odd = [
        shapely.MultiLineString([[(x, y), (x, y + 1)], [(x + 5, y), (x + 5, y + 40)]]),
        shapely.MultiPoint([(x, y), (x + 9, y)]),
        shapely.MultiPolygon([shapely.box(x, y, x + 9, y + 9), shapely.box(x + 20, y, x + 21, y + 1)]),
        None,
        shapely.Point(),
    ]
    faults = tables.faults.iloc[: len(odd)].set_geometry(gpd.GeoSeries(odd, crs=tables.faults.crs))
    block = block_of(replace(tables, faults=faults))["faults"]
    assert block["at"]["of"] == [0, 1, 2]
    assert len(block["code"]) == 5
    assert block["parts"]["of"] == [0, 0, 2, 2]


def many(tables: Tables, count: int) -> Tables:
    """Repeat the toy's joins and faults, each at a place of its own."""
    rng = np.random.default_rng(7)

    def grown(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        rows = pd.concat([table] * (count // len(table) + 1), ignore_index=True).iloc[:count]
        xy = np.column_stack([EAST + 5000 * rng.random(count), NORTH + 4000 * rng.random(count)])
        return gpd.GeoDataFrame(rows.drop(columns="geometry"), geometry=list(shapely.points(xy)), crs=table.crs)

    faults = grown(tables.faults).sort_values("stranded_mu", ascending=False, kind="stable", ignore_index=True)
    return replace(tables, joins=grown(tables.joins), faults=faults)


def test_ten_thousand_joins_and_faults_do_not_stop_the_page(reader):
    page = reader.open(many(toy(), 10_000)).page
    assert page.locator("canvas").count() == 1
    assert page.locator(MARKS).count() == 0
    spent = page.evaluate(
        """() => {
            const start = performance.now();
            gisplan.setView(3);
            gisplan.setView('ready');
            document.querySelector('#gp-layer-joins input').click();
            document.querySelector('#gp-layer-joins input').click();
            return performance.now() - start;
        }"""
    )
    assert spent < 5000
    page.evaluate("gisplan.showFault(0)")
    assert page.locator(".gp-fault-card").count() == 1
    # the sign on the canvas can be clicked as well
    page.keyboard.press("Escape")
    page.locator(".leaflet-popup").wait_for(state="detached")
    area = page.locator(".gp-map").bounding_box()
    page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    assert page.locator(".gp-fault-card").count() == 1


def test_breaks_lie_above_the_discs_of_sources_also_beside_a_canvas(reader):
    tables = toy()
    # a source where the drawing gap is, and so many lines that they are drawn on a canvas
    spot = tables.faults.geometry.iloc[0].centroid
    source = (
        tables.features[tables.features["role"] == "source"].iloc[[3]].set_geometry([spot], crs=tables.features.crs)
    )
    lines = pd.concat([*[tables.features] * 90, source], ignore_index=True)
    page = reader.open(replace(tables, features=gpd.GeoDataFrame(lines, crs=tables.features.crs))).page
    assert page.locator("canvas").count() == 1
    assert page.locator(MARKS).count() == sum(BREAKS.values()) + 2
    gap = page.locator(f"{MARKS}[fill='#1556c0']").bounding_box()
    x, y = gap["x"] + gap["width"] / 2, gap["y"] + gap["height"] / 2
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).getAttribute('fill')", [x, y]) == "#1556c0"
    discs = [disc.bounding_box() for disc in page.locator(".gp-sign").all()]
    near = min(discs, key=lambda box: abs(box["x"] + 11 - x) + abs(box["y"] + 11 - y))
    # beside the disc: its letters can be read
    assert 8 < abs(near["x"] + 11 - x) < 25
    page.mouse.click(x, y)
    assert "F-0" in page.inner_text(".leaflet-popup-content")


def test_a_local_grid_shows_them_too(reader):
    page = reader.open(toy(crs=None), "zh").page
    page.click("#gp-tab-fixes")
    page.locator(".gp-fix").nth(0).click()
    assert "4 宗 180 亩" in page.inner_text(".leaflet-popup-content")
    assert page.locator(".leaflet-control-scale-line").first.inner_text() in ("10 m", "20 m", "30 m")
