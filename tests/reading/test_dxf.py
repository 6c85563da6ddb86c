"""CAD drawings: what each entity becomes, what CASS hangs on it, and what is refused; files are made by ezdxf."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import Any

import ezdxf
import geopandas as gpd
import numpy as np
import pytest
import shapely
from small_zone import HEAD, X, Y, codes, found, pipes

import gisplan
from gisplan.base.errors import FormatError, GisplanError, LayerError, MissingCRS, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats import drawing, dxf, registry
from gisplan.reading.formats.raw import RawLayer, Request
from tests.rewriting import GANTING, Sheet, grades, rewrite
from tests.shared_data import shared


def new(version: str = "R2010") -> Any:
    document = ezdxf.new(version)
    document.header["$INSUNITS"] = 6
    return document


def layers(path: Path, book: Book | None = None, **asked: str) -> dict[str, RawLayer]:
    read = registry.read(path, Request(path.name, "[parcels]", **asked), book or Book("en"))  # type: ignore[arg-type]
    return {raw.layer: raw for raw in read}


def one(tmp_path: Path, draw: Any, book: Book | None = None) -> tuple[dict[str, Any], Any]:
    """Draw one thing on layer A, and give its cells and shape."""
    document = new()
    draw(document.modelspace(), {"layer": "A"})
    document.saveas(tmp_path / "a.dxf")
    raw = layers(tmp_path / "a.dxf", book)["A"]
    assert len(raw.table) == 1 and not raw.broken[0]
    return raw.table.iloc[0].to_dict(), raw.geometry[0]


def said(book: Book) -> list[str]:
    return [issue.code for issue in book if issue.code != "dxf_kinds"]


def test_lines_and_outlines(tmp_path):
    book = Book("en")
    _, shape = one(tmp_path, lambda m, a: m.add_line((0, 0), (3, 4), a), book)
    assert shape.geom_type == "LineString" and shape.length == 5
    ring = [(0, 0), (10, 0), (10, 5), (0, 5)]
    _, shape = one(tmp_path, lambda m, a: m.add_lwpolyline(ring, dxfattribs=a), book)
    assert shape.geom_type == "LineString" and shape.length == 25
    _, shape = one(tmp_path, lambda m, a: m.add_lwpolyline(ring, close=True, dxfattribs=a), book)
    assert shape.geom_type == "Polygon" and shape.area == 50
    _, shape = one(tmp_path, lambda m, a: m.add_polyline2d(ring, close=True, dxfattribs=a), book)
    assert shape.area == 50
    _, shape = one(tmp_path, lambda m, a: m.add_polyline3d([(0, 0, 1), (3, 4, 2)], dxfattribs=a), book)
    assert shape.has_z and shape.length == 5
    assert said(book) == []


def test_a_line_that_nearly_closes_is_closed_and_said(tmp_path):
    book = Book("en")
    ring = [(0, 0), (10, 0), (10, 5), (0, 5), (0, 0.009)]
    _, shape = one(tmp_path, lambda m, a: m.add_lwpolyline(ring, dxfattribs=a), book)
    assert shape.geom_type == "Polygon" and abs(shape.area - 50) < 0.1 and said(book) == ["dxf_closed"]
    ring[-1] = (0, 0.02)
    _, shape = one(tmp_path, lambda m, a: m.add_lwpolyline(ring, dxfattribs=a))
    assert shape.geom_type == "LineString"
    _, shape = one(tmp_path, lambda m, a: m.add_lwpolyline([*ring[:4], (0, 0)], dxfattribs=a), book := Book("en"))
    assert shape.area == 50 and said(book) == []


@pytest.mark.parametrize("bulge", [1.0, -1.0, math.tan(math.radians(22.5)), -0.2])
def test_bulges_are_arcs(tmp_path, bulge):
    """The area between chord c and an arc of angle t is r²/2 (t - sin t), with r = c / (2 sin(t/2)); out for > 0."""
    points = [(0, 0, bulge), (100, 0, 0), (100, -100, 0), (0, -100, 0)]
    _, shape = one(tmp_path, lambda m, a: m.add_lwpolyline(points, format="xyb", close=True, dxfattribs=a))
    turn = 4 * math.atan(abs(bulge))
    radius = 100 / (2 * math.sin(turn / 2))
    segment = radius**2 / 2 * (turn - math.sin(turn))
    # From west to east along the upper side, a positive bulge lies on the right hand: below, inside.
    expected = 10_000 - math.copysign(segment, bulge)
    assert abs(shape.area - expected) < 0.01 * radius * turn
    _, old = one(tmp_path, lambda m, a: m.add_polyline2d(points, format="xyb", close=True, dxfattribs=a))
    assert old.equals_exact(shape, 1e-9)


def test_curves_stay_within_the_tolerance(tmp_path):
    book = Book("en")
    _, arc = one(tmp_path, lambda m, a: m.add_arc((10, 20), 500, 30, 120, dxfattribs=a), book)
    xy = shapely.get_coordinates(arc)
    assert np.allclose(np.hypot(xy[:, 0] - 10, xy[:, 1] - 20), 500)
    middle = (xy[1:] + xy[:-1]) / 2
    assert np.hypot(middle[:, 0] - 10, middle[:, 1] - 20).min() > 500 - drawing.CHORD_M - 1e-9
    assert np.allclose(xy[0], (10 + 500 * math.cos(math.pi / 6), 20 + 250)) and abs(arc.length - 250 * math.pi) < 0.1
    _, circle = one(tmp_path, lambda m, a: m.add_circle((0, 0), 50, dxfattribs=a), book)
    assert circle.geom_type == "Polygon" and abs(circle.area - 2500 * math.pi) < 0.01 * 100 * math.pi
    _, whole = one(tmp_path, lambda m, a: m.add_ellipse((0, 0), (40, 0), 0.5, dxfattribs=a), book)
    assert whole.geom_type == "Polygon" and abs(whole.area - 800 * math.pi) < 2
    fit = [(0, 0), (50, 30), (100, 0), (150, -30)]
    _, spline = one(tmp_path, lambda m, a: m.add_spline(fit, dxfattribs=a), book)
    assert all(spline.distance(shapely.Point(p)) < 0.05 for p in fit)
    assert said(book) == ["dxf_curves"] * 4


def test_points_texts_and_heights(tmp_path):
    row, shape = one(tmp_path, lambda m, a: m.add_point((1, 2, 431.5), a))
    assert shapely.get_coordinates(shape, include_z=True).tolist() == [[1, 2, 431.5]] and row["elevation"] == "431.5"
    row, shape = one(tmp_path, lambda m, a: m.add_text("管径 DN300", dxfattribs={**a, "insert": (5, 6)}))
    assert row["text"] == "管径 DN300" and shapely.get_coordinates(shape).tolist() == [[5, 6]]
    row, _ = one(tmp_path, lambda m, a: m.add_mtext(r"甲\P{\H2x;乙}", dxfattribs={**a, "insert": (5, 6)}))
    assert row["text"] == "甲\n乙"


def test_entities_that_were_drawn_from_below(tmp_path):
    """An extrusion of (0, 0, -1) mirrors x: the entity's own (10, 0) is (-10, 0) in the world."""
    flip = {"extrusion": (0, 0, -1)}
    _, shape = one(tmp_path, lambda m, a: m.add_lwpolyline([(10, 0), (20, 5)], dxfattribs={**a, **flip}))
    assert shapely.get_coordinates(shape).tolist() == [[-10, 0], [-20, 5]]
    _, circle = one(tmp_path, lambda m, a: m.add_circle((10, 0), 5, dxfattribs={**a, **flip}))
    assert np.allclose(circle.centroid.coords[0], (-10, 0), atol=1e-6)


def cass(tmp_path: Path, version: str = "R2010", **drawn: Any) -> Path:
    """Draw two parcels as CASS does: XDATA of SOUTH, other applications before and after."""
    document = new(version)
    for name in ("SOUTH", "OTHER"):
        document.appids.add(name)
    model = document.modelspace()
    for number, (close, use) in enumerate(((True, "工业用地"), (drawn.get("close", True), "0601"))):
        x, y = X + 120 * number, Y
        ring = [(x, y), (x + 100, y), (x + 100, y + 100), (x, y + 100)]
        entity = model.add_lwpolyline(ring, close=close, dxfattribs={"layer": "JZD"})
        entity.set_xdata("OTHER", [(1000, "300001"), (1000, "wrong")])
        strings = ["300000", f"14102400100{number}", "张三（权利人）", use]
        entity.set_xdata("SOUTH", [(1000, text) for text in strings] + [(1040, 1.5), (1000, "more")])
        model.add_text(f"宗地{number}", dxfattribs={"layer": "JZD", "insert": (x + 50, y + 50)})
    path = tmp_path / "cass.dxf"
    document.saveas(path)
    return path


@pytest.mark.parametrize("version", ["R2000", "R2004", "R2010"])
def test_what_cass_hangs_on_a_boundary(tmp_path, version):
    book = Book("en")
    raw = layers(cass(tmp_path, version), book)["JZD"]
    assert list(raw.table["parcel"]) == ["141024001000", "141024001001"]
    assert list(raw.table["use"]) == ["工业用地", "0601"] and list(raw.table["south_4"]) == ["more"] * 2
    assert set(raw.table["cass_code"]) == {"300000"} and raw.geometry[0].area == 10_000
    assert said(book) == ["dxf_beside"]


def zone_of(tmp_path: Path, parcels: Path, text: str) -> Path:
    folder = tmp_path / "zone"
    folder.mkdir(exist_ok=True)
    pipes().to_file(folder / "water.gpkg", layer="water")
    (folder / "parcels.dxf").write_bytes(parcels.read_bytes())
    (folder / "zone.toml").write_text(HEAD + text, encoding="utf-8")
    return folder


def test_a_zone_takes_its_parcels_from_cass_and_owners_stay_where_they_are(tmp_path):
    folder = zone_of(tmp_path, cass(tmp_path), '[parcels]\nlayer = "JZD"\ncrs = "EPSG:4546"\n')
    zone = gisplan.read(folder, lang="en")
    assert list(zone.parcels.index) == ["141024001000", "141024001001"] and not zone.parcels["doubt"].any()
    assert list(zone.parcels["area_m2"]) == [10_000, 10_000]
    from gisplan.cli import main

    assert main(["check", str(folder), "--out", str(tmp_path / "out")]) == 0
    for path in (tmp_path / "out").iterdir():
        assert "张三".encode() not in path.read_bytes() and "张三" not in zone.issues.to_csv()


def test_a_boundary_that_is_not_closed_is_an_unknown_parcel(tmp_path):
    folder = zone_of(tmp_path, cass(tmp_path, close=False), '[parcels]\nlayer = "JZD"\ncrs = "EPSG:4546"\n')
    zone = gisplan.read(folder, lang="en")
    assert list(zone.parcels["doubt"]) == [False, True]
    assert found(zone.survey, "dxf_open")[0].message == (
        "The boundary of parcel 141024001001 is not closed (its ends are 100.000 m apart) and makes no parcel."
    )


def test_a_drawing_needs_a_coordinate_system(tmp_path):
    with pytest.raises(MissingCRS, match="EPSG:4546"):
        gisplan.read(zone_of(tmp_path, cass(tmp_path), '[parcels]\nlayer = "JZD"\n'), lang="en")
    document = new()
    ring = [(54000, 2000), (54100, 2000), (54100, 2100)]  # leading digits cut off
    document.modelspace().add_lwpolyline(ring, close=True, dxfattribs={"layer": "JZD"})
    document.saveas(tmp_path / "cut.dxf")
    text = '[parcels]\nlayer = "JZD"\ncrs = "EPSG:4546"\ncolumns = { parcel = "feature" }\n'
    with pytest.raises(MissingCRS, match="54050"):
        gisplan.read(zone_of(tmp_path, tmp_path / "cut.dxf", text), lang="en")


def test_blocks(tmp_path):
    """A valve symbol of 2 m is a point with its attributes; a sheet of 100 m is taken apart, blocks in it too."""
    document = new()
    valve = document.blocks.new("阀门")
    valve.add_line((-1, 0), (1, 0))
    sheet = document.blocks.new("sheet")
    sheet.add_line((0, 0), (100, 0))
    sheet.add_line((0, 0), (0, 50), {"layer": "B"})
    sheet.add_blockref("阀门", (50, 0))
    model = document.modelspace()
    reference = model.add_blockref("阀门", (7, 8), {"layer": "A"})
    reference.add_attrib("状态", "关闭", (7, 8))
    reference.add_attrib("layer", "no", (7, 8))
    model.add_blockref("sheet", (1000, 0), {"layer": "A", "xscale": 2, "yscale": 2})
    document.saveas(tmp_path / "a.dxf")
    book = Book("en")
    read = layers(tmp_path / "a.dxf", book)
    a, b = read["A"], read["B"]
    assert list(a.table["block"].fillna("")) == ["阀门", "sheet", "", "阀门"]
    assert a.table["状态"][0] == "关闭" and a.table["layer"][0] == "A" and a.table["layer_attrib"][0] == "no"
    assert [shape.wkt for shape in a.geometry] == [
        "POINT (7 8)", "POINT (1000 0)", "LINESTRING (1000 0, 1200 0)", "POINT (1100 0)",
    ]  # fmt: skip
    assert b.geometry[0].wkt == "LINESTRING (1000 0, 1000 100)"
    assert len(set(a.table["feature"])) == 4
    assert said(book) == ["dxf_symbols", "dxf_exploded"]


def test_blocks_that_are_bombs(tmp_path, monkeypatch):
    document = new()
    inner = document.blocks.new("b0")
    inner.add_line((0, 0), (100, 0))
    for depth in range(1, 12):
        outer = document.blocks.new(f"b{depth}")
        for _ in range(10):
            outer.add_blockref(f"b{depth - 1}", (0, 0))
    document.modelspace().add_blockref("b11", (0, 0))
    document.saveas(tmp_path / "bomb.dxf")
    monkeypatch.setattr(drawing, "MOST_PIECES", 2000)
    with pytest.raises(ReadError, match="blocks"):
        layers(tmp_path / "bomb.dxf")
    document = new()
    document.blocks.new("x").add_line((0, 0), (100, 0))
    grid = {"row_count": 32000, "column_count": 32000, "row_spacing": 1, "column_spacing": 1}
    document.modelspace().add_blockref("x", (0, 0), grid)
    document.saveas(tmp_path / "bomb.dxf")
    with pytest.raises(ReadError, match="blocks"):
        layers(tmp_path / "bomb.dxf")


def test_what_is_not_read_is_counted_by_handle(tmp_path):
    document = new()
    model = document.modelspace()
    model.add_line((0, 0), (1, 1), {"layer": "A"})
    face = model.add_3dface([(0, 0, 0), (1, 0, 0), (1, 1, 0)])
    document.layout("Layout1").add_line((0, 0), (1, 1), {"layer": "A"})
    document.layers.add("A").freeze()
    document.header["$INSUNITS"] = 2
    document.saveas(tmp_path / "a.dxf")
    book = Book("en")
    assert len(layers(tmp_path / "a.dxf", book)["A"].table) == 1
    assert said(book) == ["dxf_unread", "dxf_paper", "dxf_units", "dxf_hidden"]
    record = next(issue for issue in book if issue.code == "dxf_unread")
    assert "3DFACE ×1" in record.message and face.dxf.handle in record.message


def test_texts_beside_lines_are_no_features_and_texts_alone_are(tmp_path):
    document = new()
    model = document.modelspace()
    model.add_line((0, 0), (1, 1), {"layer": "A"})
    for layer in "AB":
        model.add_text("431.20", dxfattribs={"layer": layer, "insert": (5, 6)})
    document.saveas(tmp_path / "a.dxf")
    read = layers(tmp_path / "a.dxf")
    assert list(read["A"].table["entity"]) == ["LINE"] and list(read["B"].table["text"]) == ["431.20"]


def chinese(tmp_path: Path, version: str) -> bytes:
    document = new(version)
    document.encoding = "gbk"
    document.modelspace().add_text("给水管线", dxfattribs={"layer": "管线", "insert": (5, 6)})
    document.saveas(tmp_path / "a.dxf")
    return (tmp_path / "a.dxf").read_bytes()


@pytest.mark.parametrize(
    ("version", "change", "codes"),
    [
        ("R2000", lambda b: b, []),
        ("R2010", lambda b: b, []),
        ("R2000", lambda b: b.replace(b"ANSI_936", b"ANSI_1252"), ["dxf_encoding"]),
        ("R2000", lambda b: b.decode("gbk").encode("utf-8"), ["dxf_encoding"]),
        ("R2010", lambda b: b.decode("utf-8").encode("gb18030"), ["dxf_encoding"]),
        ("R2000", lambda b: b.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), []),
    ],
    ids=["GBK", "UTF-8", "GBK said to be 1252", "UTF-8 said to be 936", "GBK said to be UTF-8", "CRLF"],
)
def test_encodings(tmp_path, version, change, codes):
    (tmp_path / "a.dxf").write_bytes(change(chinese(tmp_path, version)))
    book = Book("en")
    read = layers(tmp_path / "a.dxf", book)
    assert list(read) == ["管线"] and read["管线"].table["text"][0] == "给水管线" and said(book) == codes


def test_latin_text_stays_latin(tmp_path):
    document = new("R2000")
    document.modelspace().add_text("Égout Ø300 à côté", dxfattribs={"layer": "réseau", "insert": (5, 6)})
    document.saveas(tmp_path / "a.dxf")
    assert layers(tmp_path / "a.dxf")["réseau"].table["text"][0] == "Égout Ø300 à côté"


def test_binary_drawings(tmp_path):
    document = new()
    document.modelspace().add_lwpolyline([(0, 0), (3, 4)], dxfattribs={"layer": "管线"})
    document.saveas(tmp_path / "a.dxf", fmt="bin")
    assert layers(tmp_path / "a.dxf")["管线"].geometry[0].length == 5


def test_what_is_no_whole_drawing_is_refused(tmp_path):
    path = tmp_path / "a.dxf"
    whole = cass(tmp_path).read_bytes()
    for data in (b"AC1018" + bytes(200), b"", b"hello", b"0\nSECTION\n", whole[: len(whole) // 2], whole[:-10]):
        path.write_bytes(data)
        for read in (registry.read, dxf.read):
            with pytest.raises(FormatError, match=r"a\.dxf"):
                read(path, Request("a.dxf", "[parcels]"), Book("en"))
    with pytest.raises(LayerError, match="JZD"):
        layers(tmp_path / "cass.dxf", layer="管线")
    with pytest.raises(LayerError, match="holds nothing"):
        layers(tmp_path / "cass.dxf", layer="0")
    new().saveas(path)
    with pytest.raises(FormatError, match="model space"):
        layers(path)


def test_a_damaged_drawing_is_repaired_and_that_is_listed(tmp_path):
    """Without the end of its tables the first parser gives up; the second finds both parcels."""
    text = cass(tmp_path).read_text("utf-8")
    tables = text.index("TABLES")
    end = text.index("  0\nENDSEC\n", tables)
    (tmp_path / "a.dxf").write_text(text[:end] + text[end + len("  0\nENDSEC\n") :], "utf-8")
    book = Book("en")
    raw = layers(tmp_path / "a.dxf", book)["JZD"]
    assert list(raw.table["parcel"]) == ["141024001000", "141024001001"]
    record = next(issue for issue in book if issue.code == "dxf_repaired")
    assert "ENDSEC" in record.message and record.severity == "warning"


def test_a_coordinate_that_is_no_number_costs_its_entity(tmp_path):
    text = cass(tmp_path).read_text("utf-8")
    (tmp_path / "a.dxf").write_text(re.sub(r"\b554100\.0\b", "nan", text, count=1), "utf-8")
    try:
        raw = layers(tmp_path / "a.dxf")["JZD"]
    except FormatError:
        return
    assert list(raw.broken) == [True, False]


def test_curves_that_are_none_end_at_once(tmp_path):
    document = new()
    model = document.modelspace()
    model.add_line((0, 0), (1, 1), {"layer": "A"})
    model.add_ellipse((0, 0), (1e11, 0), 0.5, dxfattribs={"layer": "A"})
    model.add_spline([(0, 0), (1e12, 30), (100, 0), (150, -30)], dxfattribs={"layer": "A"})
    document.saveas(tmp_path / "a.dxf")
    raw = layers(tmp_path / "a.dxf")["A"]
    assert list(raw.table["entity"]) == ["LINE", "ELLIPSE", "SPLINE"] and list(raw.broken) == [False, False, True]
    assert shapely.get_num_coordinates(raw.geometry[1]) < 10_000


def test_the_corpus_is_never_read_in_silence():
    """Every drawing is refused in one sentence, or read with a record of what stands in it."""
    base = shared("corpus")
    with (base / "MANIFEST.dev.csv").open(encoding="utf-8") as stream:
        floors = {row[0]: row[2:4] for row in csv.reader(stream)}
    files = [*sorted(base.glob("gdal-dxf/*.dxf")), *sorted((shared("formats") / "dxf").glob("*.dxf"))]
    assert len(files) > 50
    for path in files:
        book = Book("en")
        try:
            read = registry.read(path, Request(path.name, "x"), book)
        except GisplanError as error:
            assert path.name in str(error) and len(str(error)) > len(path.name) + 15
            continue
        assert sum(len(raw.table) for raw in read) > 0 and "dxf_kinds" in [issue.code for issue in book]
        if "error" in floors.get(f"{path.parent.name}/{path.name}", []):
            record = next(issue for issue in book if issue.code == "dxf_unread")
            assert "handles" in record.message


def test_a_service_of_the_embedded_zone_drawn_as_dxf(tmp_path):
    """What one zone.toml entry per drawing layer can say: role, status, works, size; the grades stay cell by cell."""

    def writer(sheet: Sheet, folder: Path) -> str:
        frame = gpd.GeoDataFrame(sheet.frame)
        name = f"{sheet.layer}.dxf"
        document = ezdxf.new("R2010")
        blocks = []
        said = [c for c in frame.columns if c in ("role", "status", "works", "kind", "voltage_kv")]
        for number, (values, group) in enumerate(frame.groupby(said, dropna=False)):
            for shape in group.geometry:
                for part in shapely.get_parts(shape):
                    xy = shapely.get_coordinates(part)
                    if len(xy) == 1:
                        document.modelspace().add_point(xy[0], {"layer": f"图层{number}"})
                    else:
                        document.modelspace().add_lwpolyline(xy, dxfattribs={"layer": f"图层{number}"})
            given = {key: value for key, value in zip(said, values, strict=True) if not isinstance(value, float)}
            given |= {k: f"{v:g}" for k, v in zip(said, values, strict=True) if isinstance(v, float) and v == v}
            line = ", ".join(f'{key} = "{value}"' for key, value in given.items())
            blocks.append(f'file = "{name}"\nlayer = "图层{number}"\ncrs = "EPSG:4546"\nset = {{ {line} }}\n')
        document.saveas(folder / name)
        return "\n[[layer.power]]\n".join(blocks)

    folder = rewrite(tmp_path / "zone", writer, ["power"])
    assert (grades(GANTING) == grades(folder)).all()
    assert "dxf_kinds" in codes(gisplan.read(folder).survey)
