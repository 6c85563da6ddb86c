"""The review map as a reviewer uses it: the day, the filter and the list, the way on the map, ruler and coordinates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj
import pytest
from map_toy import CRS, EAST, KEYS, NORTH, toy

from gisplan.outputs.tables import Tables


def later(tables: Tables) -> Tables:
    """Give the B of each parcel a day of its own: the fifth of a month for water, the twentieth for all others."""
    cells = tables.cells
    at = cells.index[cells["grade"] == "B"]
    days = [f"2027-{1 + k % 3:02d}-{'05' if cells.loc[i, 'service'] == 'water' else '20'}" for k, i in enumerate(at)]
    cells.loc[at, "ready_on"] = pd.to_datetime(days)
    return tables


def expected(tables: Tables, day: str) -> dict[str, str]:
    """Add up by hand what each parcel is on a day, from its cells."""
    found = {}
    for parcel, cells in tables.cells[tables.cells["grade"] != "N"].groupby("parcel", sort=False):
        done = cells["ready_on"] <= pd.Timestamp(day)
        if ((cells["grade"].isin(["C", "D"])) | ((cells["grade"] == "B") & ~done)).any():
            found[parcel] = "no"
        elif (cells["grade"] == "U").any():
            found[parcel] = "unknown"
        else:
            found[parcel] = "by" if (cells["grade"] == "B").any() else "yes"
    return found


def test_the_day_recolours_what_works_have_reached_by_then(reader):
    tables = later(toy())
    for key in KEYS:  # one parcel whose only gaps are under way, so that something becomes ready
        tables.cells.loc[(tables.cells["parcel"] == "010002") & (tables.cells["service"] == key), "grade"] = "A"
    only = (tables.cells["parcel"] == "010002") & tables.cells["service"].isin(["gas", "heat"])
    tables.cells.loc[only, "grade"] = "B"
    tables.cells.loc[only, "ready_on"] = pd.to_datetime(["2027-02-01", "2027-04-01"])
    tables.readiness.loc["010002", "ready"] = "no"
    page = reader.open(tables).page
    days = page.evaluate("gisplan.days")
    told = tables.cells.loc[tables.cells["grade"] == "B", "ready_on"].dt.strftime("%Y-%m-%d")
    assert days == ["2026-11-01", *sorted(set(told))]
    assert page.get_attribute("#gp-day", "max") == str(len(days) - 1)
    seen = []
    for number, day in enumerate(days):
        if number:
            page.focus("#gp-day")
            page.keyboard.press("ArrowRight")
        shown = page.evaluate("gisplan.data.parcels.id.map((n, i) => [gisplan.text(n), gisplan.shown(i, 'ready')])")
        want = expected(tables, day) if number else tables.readiness["ready"].to_dict()
        assert dict(shown) == want, day
        ready = [p for p, code in want.items() if code in ("yes", "by")]
        area = tables.parcels.loc[ready, "area_mu"].sum()
        said = page.inner_text("#gp-day-said")
        assert f"{len(ready)} 宗 {area:.0f} 亩" in said
        assert ("预计" in said) == (number > 0)
        seen.append(len(ready))
    assert seen[0] < seen[-1]
    # what is forecast never looks like what is ready
    assert page.evaluate("gisplan.FILLS.by !== gisplan.FILLS.yes && gisplan.MARKS.by !== gisplan.MARKS.yes")
    assert "届时齐备（预计）" in "".join(reader.texts("#gp-keys li"))
    page.select_option("#gp-colour", str(KEYS.index("heat")))
    cells = tables.cells[tables.cells["service"] == "heat"].set_index("parcel")
    shown = page.evaluate("gisplan.data.parcels.id.map((n, i) => gisplan.shown(i, gisplan.view))")
    assert shown == ["b" if g == "B" else g for g in cells["grade"]]
    assert reader.texts(".gp-cards strong")[0] == str(
        (tables.readiness["ready"] == "yes").sum()
    )  # the overview is today's


def test_without_dated_works_there_is_no_day_to_choose(reader):
    tables = toy()
    tables.cells["ready_on"] = pd.NaT
    page = reader.open(tables).page
    assert page.is_disabled("#gp-day")
    assert "没有注明完工日期" in page.inner_text("#gp-day-said")


def test_the_filter_counts_as_the_tables_do_and_drops_nothing(reader):
    tables = toy()
    page = reader.open(tables).page
    page.click("#gp-tab-list")
    assert reader.texts("#gp-list-rows tbody th .gp-id") == tables.parcels.index.tolist()
    letters = reader.texts("#gp-list-rows tbody tr:nth-child(3) td .gp-chip")
    assert letters == tables.readiness.loc["010003", KEYS].tolist()

    page.select_option("#gp-filter-view", str(KEYS.index("water")))
    page.check("#gp-filter-codes input[value=D]")
    page.check("#gp-filter-codes input[value=U]")
    page.select_option("#gp-filter-park", "数字经济")
    of = tables.readiness.join(tables.parcels["sub_park"])
    want = of[of["water"].isin(["D", "U"]) & (of["sub_park"] == "数字经济")]
    assert 0 < len(want) < 12
    assert reader.texts("#gp-list-rows tbody th .gp-id") == want.index.tolist()
    assert f"{len(want)} / 12 宗，{want['area_mu'].sum():.0f} 亩" in page.inner_text("#gp-filter-said")
    # all are still drawn: the others step back
    opacity = page.eval_on_selector_all(
        ".leaflet-gp-parcels-pane path", "nodes => nodes.map(n => n.getAttribute('fill-opacity'))"
    )
    assert len(opacity) == 12
    assert opacity.count("0.92") == len(want)
    assert len(reader.texts(".gp-parcel-mark")) == len(want)

    page.fill("#gp-filter-low", "30")
    page.fill("#gp-filter-high", "44.95")
    sized = want[(want["area_mu"] >= 30) & (want["area_mu"] <= 44.95)]
    assert reader.texts("#gp-list-rows tbody th .gp-id") == sized.index.tolist()
    page.click("#gp-filter-clear")
    assert len(reader.texts("#gp-list-rows tbody th .gp-id")) == 12
    page.click("#gp-list-rows thead th:nth-child(2) button")
    page.click("#gp-list-rows thead th:nth-child(2) button")
    assert page.get_attribute("#gp-list-rows thead th:nth-child(2)", "aria-sort") == "descending"
    assert reader.texts("#gp-list-rows tbody tr:last-child .gp-id") == [tables.parcels["area_mu"].idxmin()]
    page.click("#gp-list-rows tbody tr:first-child button")
    assert page.is_visible("#gp-parcel")


def test_the_way_is_drawn_and_named_to_the_source(reader):
    page = reader.open(toy(ways=True)).page
    page.evaluate("gisplan.choose(0, {})")
    first = page.locator(".gp-answers > li").nth(1)
    assert "沿网： WATER-0 (DN300) → WATER-1 (DN300) → water-源1" in first.inner_text()
    button = first.locator(".gp-doing button").first
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    drawn = ".leaflet-gp-trace-pane path"
    assert page.locator(drawn).count() == 5  # three strokes, both ends
    # the other services step back while it shows
    dim = page.eval_on_selector_all(
        ".leaflet-gp-lines-pane path", "nodes => nodes.map(n => n.getAttribute('stroke-opacity'))"
    )
    assert dim.count("1") == 2
    button.click()
    assert page.locator(drawn).count() == 0
    # coloured by a service, a click on a parcel draws its way at once; without one the gap is shown
    page.select_option("#gp-colour", "1")
    assert page.locator(drawn).count() == 5
    page.evaluate("gisplan.choose(3, {})")
    assert page.locator(drawn).count() == 0
    page.select_option("#gp-colour", str(KEYS.index("sewage")))
    page.evaluate("gisplan.choose(1, {})")
    assert page.locator(drawn).count() == 5
    assert page.locator(drawn).nth(1).get_attribute("stroke-dasharray") == "4 6"


def test_papers_stand_beside_the_answer_they_speak_of(reader):
    page = reader.open(toy()).page
    page.evaluate("gisplan.choose(1, {})")
    answers = page.locator(".gp-answers > li")
    told = answers.nth(KEYS.index("water")).locator(".gp-papers").inner_text()
    assert told == "佐证： 供水公司（示例） 函1号 2026-06-01 已通 500 m3/d （有效至 2027-06-01）"
    whole = page.locator("#gp-parcel > .gp-papers").inner_text()
    assert "2026-01-01 已过期" in whole and "?" in whole
    assert page.locator(".gp-papers").count() == 2
    source = page.content()
    assert "13800000000" not in source and "secret.csv" not in source


def test_a_way_over_what_nobody_knows_is_dashed_and_says_so(reader):
    page = reader.open(toy(ways=True)).page
    page.evaluate("gisplan.choose(2, {})")
    answer = page.locator(".gp-answers > li").nth(1)
    assert "途中有情况不明" in answer.inner_text()
    answer.locator(".gp-doing button").first.click()
    assert page.locator(".leaflet-gp-trace-pane path").nth(1).get_attribute("stroke-dasharray") == "10 7"


def test_coordinates_and_lengths_are_those_of_the_zones_system(reader):
    page = reader.open(toy()).page
    box = page.locator(".gp-map").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "EPSG:4546" in page.inner_text("#gp-where")
    to_degrees = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
    for east, north in ((EAST - 100, NORTH - 30), (EAST + 450, NORTH + 250), (EAST + 1000, NORTH + 600)):
        x, y = to_degrees.transform(east, north)
        found = page.evaluate("([x, y]) => gisplan.groundOf({lng: x, lat: y})", [x, y])
        assert np.abs(np.array(found) - [east, north]).max() < 0.02
    page.click("#gp-ruler")
    corners = [to_degrees.transform(EAST + dx, NORTH + dy) for dx, dy in ((0, 165), (300, 165), (300, 345))]
    for x, y in corners:
        at = page.evaluate("([x, y]) => { const p = gisplan.pointOf(x, y); return [p.x, p.y]; }", [x, y])
        page.mouse.click(box["x"] + at[0], box["y"] + at[1])
    said = page.inner_text("#gp-where strong")
    assert float(said.split()[1].replace(",", "")) == pytest.approx(480, abs=3)  # whole pixels
    assert page.locator(".leaflet-popup").count() == 0
    page.keyboard.press("Escape")
    assert page.get_attribute("#gp-ruler", "aria-pressed") == "false"
    assert page.locator(".leaflet-gp-trace-pane path").count() == 0


def test_a_local_grid_measures_in_its_own_metres(reader):
    page = reader.open(toy(crs=None)).page
    assert page.evaluate("gisplan.groundOf({lng: 12.5, lat: 7})") == [12.5, 7]


def test_what_a_person_hears_of_the_day_follows_the_language(reader):
    page = reader.open(later(toy()), "en").page
    page.focus("#gp-day")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#gp-day", "aria-valuetext").startswith("Forecast 2027-")
