from __future__ import annotations

import folium
import geopandas as gpd
import pytest
import shapely
from map_payloads import PAYLOADS
from map_reader import Reader
from map_toy import toy

from gisplan.outputs.map import review_map
from gisplan.outputs.tables import Tables

# --------------------------------------------------------------------------------------------------- hostile text


@pytest.mark.parametrize("name", PAYLOADS)
def test_hostile_text_in_every_field_is_shown_verbatim_and_does_nothing(reader, name):
    payload = PAYLOADS[name]
    # not in the Chinese reason: what that says already is not repeated below it
    tables = toy(lambda field, old: old if field == "reason" else payload)
    page = reader.open(tables, "both").page
    if name != "control":  # a browser drops control characters from the title of its tab
        assert payload in page.evaluate("document.title")
    shown = page.evaluate(
        """() => {
            const seen = {};
            const read = (key, selector) => {
                seen[key] = [...document.querySelectorAll(selector)].map(node => node.textContent);
            };
            read('title', 'h1');
            read('service', '.gp-matrix-name');
            read('notes', '.gp-notes li');
            read('foot', '.gp-foot');
            gisplan.choose(0, {popup: true, zoom: true});
            read('popup', '.leaflet-popup-content .gp-id');
            read('id', '#gp-parcel-title .gp-id');
            read('name', '#gp-parcel-title');
            read('facts', '#gp-parcel dd');
            read('reason', '.gp-reason');
            read('more', '.gp-answer-facts');
            read('marks', '.gp-marks text');
            const lines = gisplan.data.lines;
            gisplan.showFeature({row: 0, service: 0}, lines, [36, 111]);
            read('feature', '.leaflet-popup-content');
            gisplan.showGap(0, [36, 111]);
            read('gap', '.leaflet-popup-content');
            gisplan.showBarrier(0, [36, 111]);
            read('barrier', '.leaflet-popup-content');
            gisplan.showFault(0);
            read('sentence', '.gp-fault-card .gp-reason');
            read('fault', '.gp-fault-card .gp-id');
            gisplan.showJoin(1);
            read('doubt', '.gp-fault-card dd');
            gisplan.showJoin(0);
            seen.join = [...document.querySelectorAll('.gp-copy input')].map(node => node.value);
            read('list', '.gp-fix .gp-id');
            return seen;
        }"""
    )
    assert shown["popup"][-1] == shown["id"][0] == payload
    for where in (
        "title",
        "service",
        "notes",
        "foot",
        "name",
        "facts",
        "reason",
        "more",
        "marks",
        "feature",
        "gap",
        "barrier",
        "sentence",
        "fault",
        "doubt",
        "join",
        "list",
    ):
        assert any(payload in text for text in shown[where]), where
    assert sum(payload in text for text in shown["sentence"]) == 2  # what is wrong, and the cure
    page.fill("#gp-search", payload)
    found = reader.texts("#gp-found .gp-id")
    assert payload in found
    assert page.evaluate("document.querySelectorAll('body script:not([type])').length") == 4
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert reader.refused == []


def test_a_planners_own_hostile_layers_fire_nothing(reader):
    review = review_map(toy())
    for payload in PAYLOADS.values():
        area = [shapely.box(111.4, 36, 111.6, 36.2)]
        zone = gpd.GeoDataFrame({"name": [payload], payload: ["y"]}, geometry=area, crs=4326)
        folium.GeoJson(zone, tooltip=folium.GeoJsonTooltip(["name"], aliases=[payload]), name=payload).add_to(review)
        folium.Marker([36.1, 111.5], popup=payload, tooltip=payload).add_to(review)
        folium.Marker([36.1, 111.5], popup=folium.Popup(payload, parse_html=True, show=True)).add_to(review)
    folium.LayerControl(collapsed=False).add_to(review)
    page = reader.open(review).page
    assert page.locator(".leaflet-control-layers-overlays label").count() == len(PAYLOADS)
    for kind in ("click", "mouseover"):
        page.evaluate(
            """kind => document.querySelectorAll('.leaflet-interactive').forEach(
                node => node.dispatchEvent(new MouseEvent(kind, {bubbles: true})))""",
            kind,
        )
        page.wait_for_timeout(200)
    assert page.locator(".gp-cards li").count() == 3
    # such HTML is the planner's own and is shown as HTML; the browser names each script and image the policy stopped
    assert reader.refused
    assert reader.stopped


# ------------------------------------------------------------------------------------------------------------ reading


def test_the_overview_counts_as_the_tables_do(reader):
    tables = toy()
    reader.open(tables)
    counts = tables.readiness["ready"].value_counts()
    assert reader.texts(".gp-cards strong") == [str(counts.get(code, 0)) for code in ("yes", "no", "unknown")]
    cells = reader.texts(".gp-matrix tbody td")
    want = [str(int((tables.readiness[key] == grade).sum())) for key in tables.services.index for grade in "ABCDUN"]
    assert [cell.replace("·", "0") for cell in cells] == want
    reader.page.click(".gp-units button[value=mu]")
    area = tables.readiness.groupby("water")["area_mu"].sum()
    row = reader.texts(".gp-matrix tbody tr:nth-child(2) td")
    assert row == [f"{area[grade]:.0f}" if grade in area else "·" for grade in "ABCDUN"]


def test_a_click_on_a_parcel_shows_its_ten_answers(reader):
    tables = toy()
    page = reader.open(tables).page
    page.locator(".leaflet-gp-parcels-pane path").nth(1).click()
    assert reader.texts(".leaflet-popup-content .gp-id") == ["010002"]
    grades = [tables.readiness.loc["010002", key] for key in tables.services.index]
    assert reader.texts(".leaflet-popup-content .gp-ten .gp-chip") == grades
    assert reader.texts("#gp-parcel .gp-answers > li > .gp-chip") == grades
    assert page.is_visible("#gp-parcel")
    words = {"A": "已通", "B": "在建可通", "C": "规划可通", "D": "未通", "U": "待核", "N": "不适用"}
    assert [
        text[: len(words[g])] for text, g in zip(reader.texts(".gp-answers .gp-answer-word"), grades, strict=True)
    ] == [words[g] for g in grades]
    first = reader.texts(".gp-answers > li")[grades.index("B")]
    for text in ("等级 B", "13.3 m", "840 m", "W-03 污水处理厂（示例）", "2027-03-31"):
        assert text in first
    assert "40 m" in reader.texts("#gp-parcel .gp-gaps")[0]
    page.keyboard.press("Escape")
    page.locator(".leaflet-popup").wait_for(state="detached")


def test_search_works_with_the_keyboard_alone(reader):
    page = reader.open(toy()).page
    page.focus("#gp-search")
    page.keyboard.type("甘亭1")
    assert reader.texts("#gp-found .gp-id") == ["010001", "010010", "010011", "010012"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    active = page.get_attribute("#gp-search", "aria-activedescendant")
    assert page.get_attribute(f"#{active}", "aria-selected") == "true"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "gp-parcel-title"
    assert reader.texts("#gp-parcel-title .gp-id") == ["010011"]
    page.fill("#gp-search", "no such parcel")
    assert "没有符合的地块" in page.inner_text("#gp-found-count")


def test_languages_switch_in_the_page(reader):
    page = reader.open(toy(), "zh").page
    assert "总览" in page.inner_text("#gp-tab-overview")
    assert "Overview" not in page.inner_text("#gp-tab-overview")
    page.click("[data-set-lang=en]")
    assert page.inner_text("#gp-tab-overview") == "Overview"
    assert page.get_attribute("#gp-search", "placeholder") == "Find a parcel"
    assert page.title() == "Ganting sample zone (example)"
    assert "Sewage" in reader.texts("#gp-colour option")
    assert not [text for text in page.inner_text("nav").split() if any("\u4e00" <= c <= "\u9fff" for c in text)]
    page.click("[data-set-lang=both]")
    assert page.inner_text("#gp-tab-overview").split() == ["总览", "Overview"]
    assert page.get_attribute("html", "data-lang") == "both"


def test_the_whole_zone_stays_in_view_when_the_panels_change_their_size(reader):
    page = reader.open(toy(), "zh").page
    page.click("[data-set-lang=both]")
    page.wait_for_timeout(200)
    area = page.locator(".gp-map").bounding_box()
    boxes = [path.bounding_box() for path in page.locator(".leaflet-gp-parcels-pane path").all()]
    assert all(box["y"] + box["height"] < area["y"] + area["height"] and box["y"] > area["y"] for box in boxes)


def test_colouring_by_a_service_recolours_and_reletters(reader):
    tables = toy()
    page = reader.open(tables).page
    fills = "nodes => nodes.map(node => node.getAttribute('fill'))"
    before = page.eval_on_selector_all(".leaflet-gp-parcels-pane path", fills)
    assert reader.texts(".gp-parcel-mark").count("\u2713") == (tables.readiness["ready"] == "yes").sum()
    page.select_option("#gp-colour", "3")
    after = page.eval_on_selector_all(".leaflet-gp-parcels-pane path", fills)
    assert before != after
    marks = reader.texts(".gp-parcel-mark")
    assert sorted(marks) == sorted(tables.readiness["sewage"])
    assert reader.texts("#gp-keys .gp-chip") == list("ABCDUN")
    page.click(".gp-matrix-name[data-view='3']")
    assert page.input_value("#gp-colour") == "ready"


def test_layers_can_be_switched_and_lines_say_what_they_are(reader):
    page = reader.open(toy()).page
    lines = ".leaflet-gp-lines-pane path"
    shown = page.locator(lines).count()
    assert shown == 18
    page.locator("#gp-services input").nth(1).uncheck()
    assert page.locator(lines).count() == shown - 2
    page.click("#gp-none")
    assert page.locator(lines).count() == 0
    page.click("#gp-all")
    assert page.locator(lines).count() == shown
    page.evaluate("gisplan.showFeature({row: 2, service: 1}, gisplan.data.lines, [36, 111])")
    text = page.inner_text(".leaflet-popup-content")
    assert "WATER-0" in text
    assert "DN300" in text
    assert "在用" in text


def test_what_comes_on_when_zooming_in_has_its_services_opacity(reader):
    page = reader.open(toy()).page
    page.select_option("#gp-colour", "3")
    page.evaluate("gisplan.choose(0, {zoom: true})")
    stub = ".leaflet-gp-points-pane path.leaflet-interactive"
    opacity = "nodes => [...new Set(nodes.map(node => node.getAttribute('stroke-opacity')))]"
    assert page.locator(stub).count() > 2
    assert page.eval_on_selector_all(stub, opacity) == ["0.16"]
    page.select_option("#gp-colour", "ready")
    assert page.eval_on_selector_all(stub, opacity) == ["1"]


def test_states_are_told_apart_without_colour(reader):
    tables = toy()
    page = reader.open(tables).page
    dashes = page.evaluate(
        """() => {
            const out = {};
            document.querySelectorAll('.leaflet-gp-lines-pane path').forEach((node, i) => {
                out[gisplan.text(gisplan.data.lines.state[i])] = node.getAttribute('stroke-dasharray');
            });
            return out;
        }"""
    )
    assert dashes["operating"] is None
    assert dashes["built"] == dashes["construction"]
    assert len(dashes["construction"].split()) == 4
    assert len(dashes["planned"].split()) == 2
    assert dashes["unknown"] == dashes["abandoned"] == dashes["closed"] != dashes["planned"]


def test_ready_and_not_ready_differ_in_grey_too(reader):
    page = reader.open(toy()).page
    fills = page.evaluate("gisplan.FILLS")

    def light(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2

    assert light(fills["no"]) - light(fills["yes"]) > 0.15
    assert light(fills["unknown"]) - light(fills["no"]) > 0.15
    assert light(fills["yes"]) > 0.25  # dark letters stay legible


def test_panels_do_not_cover_the_map(browser, tmp_path):
    for size in ((1366, 768), (1920, 1080)):
        wide = Reader(browser, tmp_path, size)
        page = wide.open(toy(), "both").page
        boxes = {
            name: page.locator(name).bounding_box()
            for name in (".gp-top", ".gp-left", ".gp-map", ".gp-right", ".gp-foot")
        }
        area = boxes[".gp-map"]
        assert area["width"] * area["height"] > 0.48 * size[0] * size[1]
        for name, box in boxes.items():
            if name != ".gp-map":
                apart = (
                    box["x"] + box["width"] <= area["x"] + 1
                    or box["x"] >= area["x"] + area["width"] - 1
                    or box["y"] + box["height"] <= area["y"] + 1
                    or box["y"] >= area["y"] + area["height"] - 1
                )
                assert apart, name
        assert page.evaluate(
            "document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight"
        )
        wide.close()


def test_everything_that_can_be_pressed_has_a_name(reader):
    page = reader.open(toy(), "en").page
    nameless = page.eval_on_selector_all(
        "button, input, select, [role], a[href]",
        """nodes => nodes.filter(n => n.offsetParent !== null
            && !(n.getAttribute('aria-label') || n.title || n.textContent.trim() || n.getAttribute('aria-labelledby')
                || (n.labels && n.labels.length)
                || ['status', 'none', 'presentation'].includes(n.getAttribute('role')))
            ).map(n => n.outerHTML.slice(0, 200))""",
    )
    assert nameless == []


def test_it_prints_on_one_a3_sheet(reader, tmp_path):
    page = reader.open(toy()).page
    sheet = page.pdf(prefer_css_page_size=True)
    assert (
        sheet.count(b"/Type /Page\n") + sheet.count(b"/Type /Page /") + sheet.count(b"/Type/Page/") == 1
        or b"/Count 1" in sheet
    )
    assert b"/MediaBox [0 0 1190" in sheet or b"/MediaBox [0 0 1191" in sheet
    assert page.evaluate("document.body.className") == ""


def test_it_says_what_it_is(reader):
    page = reader.open(toy()).page
    assert page.is_visible("#gp-invented")
    assert "内部资料" in page.inner_text(".gp-top")
    foot = page.inner_text(".gp-foot")
    for text in ("2026-10-15", "2026-11-01", "jiutong_classic 2026.11", "EPSG:4546", "0.1.0", "尚未核查容量"):
        assert text in foot
    assert page.is_visible(".gp-north")
    assert page.locator(".leaflet-control-scale-line").first.is_visible()
    ordinary = toy()
    ordinary.about["invented"] = False
    reader.asked.clear()
    assert not reader.open(ordinary).page.is_visible("#gp-invented")


def test_a_local_grid_is_shown_too(reader):
    page = reader.open(toy(crs=None)).page
    page.locator(".leaflet-gp-parcels-pane path").nth(0).click()
    assert reader.texts("#gp-parcel-title .gp-id") == ["010001"]
    assert page.locator(".leaflet-control-scale-line").first.inner_text() in ("30 m", "50 m", "100 m", "200 m")


def test_many_shapes_are_drawn_on_one_canvas(reader):
    tables = toy()
    many = gpd.GeoDataFrame(gpd.pd.concat([tables.features] * 90, ignore_index=True), crs=tables.features.crs)
    page = reader.open(Tables(**{**vars(tables), "features": many})).page
    assert page.locator("canvas").count() == 1
    place = page.evaluate(
        "(() => { const p = document.querySelector('.gp-parcel-id').getBoundingClientRect(); return [p.x, p.y]; })()"
    )
    page.mouse.click(place[0], place[1])
    assert page.is_visible("#gp-parcel-title")


def test_a_planners_own_layers_still_show(reader):
    review = review_map(toy())
    north, east = review.location
    folium.Marker([north, east], popup="<b>Marker</b>", tooltip="tip", icon=None).add_to(review)
    folium.Marker([north, east + 0.001], popup="pin", icon=folium.Icon(color="green")).add_to(review)
    folium.PolyLine([[north, east], [north + 0.001, east + 0.001]], color="#ff00ff").add_to(review)
    group = folium.FeatureGroup(name="mine").add_to(review)
    box = gpd.GeoDataFrame({"a": ["x"]}, geometry=[shapely.box(east, north, east + 0.001, north + 0.001)], crs=4326)
    folium.GeoJson(box, tooltip=folium.GeoJsonTooltip(["a"])).add_to(group)
    folium.LayerControl(collapsed=False).add_to(review)
    page = reader.open(review).page
    assert page.locator(".leaflet-marker-pane img").count() == 1
    assert page.locator(".gp-pin svg").count() == 1
    assert page.locator("path[stroke='#ff00ff']").count() == 1
    assert "mine" in page.inner_text(".leaflet-control-layers")
    page.locator(".leaflet-marker-pane img").click()
    assert page.inner_text(".leaflet-popup-content").strip() == "Marker"
    assert page.evaluate("document.querySelector('.leaflet-marker-pane img').naturalWidth") > 0


def test_the_notebook_frame_shows_the_map(reader, tmp_path):
    notebook = tmp_path / "review.html"
    notebook.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{review_map(toy())._repr_html_()}", encoding="utf-8")
    reader.page.goto(notebook.as_uri())
    frame = reader.page.frame_locator("iframe")
    frame.locator(".gp-cards strong").first.wait_for()
    assert frame.locator(".leaflet-gp-parcels-pane path").count() == 12
    reader.asked = [url for url in reader.asked if url != "about:srcdoc"]
