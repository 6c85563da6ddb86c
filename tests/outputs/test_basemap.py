"""What lies beneath the parcels: asked for, from one host, or an image that lies where it should."""

from __future__ import annotations

import base64
import warnings
from dataclasses import replace

import numpy as np
import pyproj
import pytest
import rasterio
from map_toy import CRS, EAST, NORTH, toy

from gisplan.base.errors import ReadError
from gisplan.outputs.basemap import KEY, base_map
from gisplan.outputs.map import review_map

TILES = "http://tiles.zone.example:8080/road/{z}/{x}/{y}.png"
KEY_TEXT = "0123456789abcdef0123456789abcdef"


def image(folder, name="plan.tif", *, system=CRS, bands=3, dtype="uint8", placed=True):
    """Write an image of 1,200 × 900 m in metres of the zone; one red block 300 m east and 200 m south of its corner."""
    path = folder / name
    west, north = EAST - 100, NORTH + 700
    where = {"transform": rasterio.Affine(2, 0, west, 0, -2, north)} if placed else {}
    picture = np.full((bands, 450, 600), 200, dtype=dtype)
    picture[:, 100:110, 150:160] = 0
    picture[0, 100:110, 150:160] = 255
    picture[3:] = 255
    driver = {"tif": "GTiff", "png": "PNG", "jpg": "JPEG"}[path.suffix[1:]]
    options = {"driver": driver, "width": 600, "height": 450, "count": bands, "dtype": dtype}
    if driver == "GTiff":
        options |= {"crs": system, **where}
    with warnings.catch_warnings(action="ignore"), rasterio.open(path, "w", **options) as out:
        out.write(picture)
    if driver != "GTiff" and placed:
        lines = [2, 0, 0, -2, west + 1, north - 1]  # of a world file: the middle of the first pixel
        path.with_suffix(".pgw" if driver == "PNG" else ".jgw").write_text("\n".join(map(str, lines)))
    return path


# ----------------------------------------------------------------------------------------------------------- tiles


def test_without_it_the_page_asks_nobody():
    assert "img-src data: blob:;" in review_map(toy()).page()


def test_tiles_come_from_their_one_host_and_lie_beneath(browser, tmp_path):
    tables = toy()
    path = tmp_path / "map.html"
    review_map(replace(tables, base=base_map(TILES, tables.parcels)), "zh").save(path)
    text = path.read_text(encoding="utf-8")
    assert "img-src data: blob: http://tiles.zone.example:8080;" in text
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    page, asked, refused = context.new_page(), [], []
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )

    def answer(route):
        asked.append(route.request.url)
        route.fulfill(body=pixel, content_type="image/png")

    context.route("http://**/*", answer)
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.goto(path.as_uri())
    page.wait_for_selector(".leaflet-gp-base-pane img.leaflet-tile-loaded")
    assert asked and all(url.startswith("http://tiles.zone.example:8080/road/") for url in asked)
    assert "tiles.zone.example:8080" in page.inner_text(".gp-foot")
    before = len(asked)
    page.evaluate(
        "new Promise(done => { const i = new Image(); i.onerror = done; i.src = 'http://elsewhere.example/x.png'; })"
    )
    assert len(asked) == before and "Content Security Policy" in " ".join(refused)
    page.locator("#gp-layer-base input").uncheck()
    assert page.locator(".leaflet-gp-base-pane img").count() == 0
    context.close()


def test_tianditu_needs_a_key_of_the_environment(monkeypatch):
    parcels = toy().parcels
    monkeypatch.delenv(KEY, raising=False)
    with pytest.raises(ReadError, match=KEY):
        base_map("tianditu", parcels)
    monkeypatch.setenv(KEY, KEY_TEXT)
    found = base_map("tianditu", parcels)
    assert len(found.tiles) == 2 and all(url.endswith(f"tk={KEY_TEXT}") and "{z}" in url for url in found.tiles)
    assert all(url.startswith(found.origin + "/") for url in found.tiles)
    monkeypatch.setenv(KEY, "x'; img-src *")
    with pytest.raises(ReadError):
        base_map("tianditu", parcels)


@pytest.mark.parametrize(
    "address",
    [
        "http://host/{z}/{x}.png", "http://host/{z}/{x}/{y}/{s}.png", "http://user:secret@host/{z}/{x}/{y}.png",
        "ftp://host/{z}/{x}/{y}.png", "javascript://host/{z}/{x}/{y}", "http://host;img-src */{z}/{x}/{y}",
        "http://host/{z}/{x}/{y}'; script-src *", 'http://host/{z}/{x}/{y}"><script>', "http:///{z}/{x}/{y}",
        "http://host/{{cycler}}/{z}/{x}/{y}", "http://*/{z}/{x}/{y}", "file:///etc/{z}/{x}/{y}",
    ],
)  # fmt: skip
def test_what_is_no_address_of_tiles_is_refused_and_not_repeated(address):
    with pytest.raises(ReadError) as told:
        base_map(address, toy().parcels)
    assert "secret" not in str(told.value)


def test_no_tiles_fit_a_local_grid():
    with pytest.raises(ReadError, match="local grid"):
        base_map(TILES, toy(crs=None).parcels)


# ----------------------------------------------------------------------------------------------------------- images


@pytest.mark.parametrize(
    ("name", "bands"), [("plan.tif", 3), ("plan.png", 3), ("plan.jpg", 3), ("plan.tif", 4), ("plan.png", 1)]
)
def test_an_image_lies_where_its_position_says(tmp_path, name, bands):
    parcels = toy().parcels
    found = base_map(image(tmp_path, name, bands=bands), parcels)
    south, west, north, east = found.bounds
    picture = tmp_path / "picture.png"
    picture.write_bytes(base64.b64decode(found.image.split(",")[1]))
    with warnings.catch_warnings(action="ignore"), rasterio.open(picture) as data:
        red, green, _, cover = data.read().astype(int)
    block = (red - green > 100) if bands > 1 else (red > 230)
    rows, columns = np.nonzero(block & (cover > 0))
    # the middle of the block, in Web Mercator, from the zone's metres
    to_web = pyproj.Transformer.from_crs(CRS, "EPSG:3857", always_xy=True)
    corners = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform(
        [west, east], [south, north]
    )
    x, y = to_web.transform(EAST - 100 + 310, NORTH + 700 - 210)
    height, width = red.shape
    at = [
        (x - corners[0][0]) / (corners[0][1] - corners[0][0]) * width,
        (corners[1][1] - y) / (corners[1][1] - corners[1][0]) * height,
    ]
    assert abs(columns.mean() + 0.5 - at[0]) < 1 and abs(rows.mean() + 0.5 - at[1]) < 1


def test_an_image_in_a_local_grid_stays_as_it_is(tmp_path):
    found = base_map(image(tmp_path, system=None), toy(crs=None).parcels)
    assert found.bounds == pytest.approx((NORTH - 200, EAST - 100, NORTH + 700, EAST + 1100))


def test_the_image_is_in_the_page_and_nothing_is_asked(reader, tmp_path):
    tables = toy()
    page = reader.open(review_map(replace(tables, base=base_map(image(tmp_path), tables.parcels)))).page
    assert page.evaluate("document.querySelector('.leaflet-gp-base-pane img').naturalWidth") > 300
    assert "plan.tif" in page.inner_text(".gp-foot")
    fills = "nodes => [...new Set(nodes.map(node => node.getAttribute('fill-opacity')))]"
    assert page.eval_on_selector_all(".leaflet-gp-parcels-pane path", fills) == ["0.6"]  # it is seen through them
    assert str(tmp_path) not in page.content()


@pytest.mark.parametrize("way", [{"placed": False}, {"dtype": "uint16"}])
def test_an_image_that_cannot_be_placed_or_shown_is_refused(tmp_path, way):
    with pytest.raises(ReadError, match=r"plan\.tif"):
        base_map(image(tmp_path, **way), toy().parcels)


@pytest.mark.parametrize("data", [b"", b"II*\x00", b"<OGRVRTDataSource/>", b"\x89PNG\r\n\x1a\n"])
@pytest.mark.parametrize("name", ["x.tif", "x.png", "x.jpg", "x.vrt", "x.svg"])
def test_what_is_no_image_is_refused(tmp_path, data, name):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ReadError, match="base map"):
        base_map(tmp_path / name, toy().parcels)
    with pytest.raises(ReadError, match="base map"):
        base_map(tmp_path / "missing.tif", toy().parcels)
