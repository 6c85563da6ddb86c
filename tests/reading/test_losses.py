"""What a file loses or says twice without a word of its library: nothing of it may make an answer better."""

from __future__ import annotations

import os
import sqlite3
import struct
import subprocess
import sys
import time
import zipfile
from contextlib import closing
from pathlib import Path

import ezdxf
import geopandas as gpd
import openpyxl
import pyogrio
import pytest
import shapely
from small_zone import CRS, X, Y
from writing import dbf_with

from gisplan.base.errors import FormatError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats import registry
from gisplan.reading.formats.dbf import read_dbf
from gisplan.reading.formats.raw import UNREADABLE, Request
from gisplan.reading.process.child import Child


def read(path: Path, layer: str | None = None, where: str = "[layer.water]", book: Book | None = None, **more):
    return registry.read(path, Request(path.name, where, layer, **more), book or Book("en"))


def codes(book: Book) -> list[str]:
    return [issue.code for issue in book]


def valves(count: int = 8) -> gpd.GeoDataFrame:
    shapes = [shapely.Point(X + i, Y) for i in range(count)]
    said = ["open"] * (count - 1) + ["closed"]
    return gpd.GeoDataFrame({"feature": [f"V{i}" for i in range(count)], "open": said}, geometry=shapes, crs=CRS)


def changed(path: Path, *statements: str) -> Path:
    """Change a GeoPackage behind the back of its own triggers."""
    with closing(sqlite3.connect(path)) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            file.execute(statement)
        file.commit()
    return path


# ------------------------------------------------------------------------------------------- rows beyond a stated count


@pytest.mark.parametrize("count", ["0", "5", "11", "NULL"])
def test_a_geopackage_that_states_too_few_rows_is_read_to_its_end(tmp_path, count):
    valves().to_file(tmp_path / "v.gpkg", layer="v")
    path = changed(tmp_path / "v.gpkg", f"UPDATE gpkg_ogr_contents SET feature_count = {count}")
    raw = read(path)[0]
    assert raw.table["open"].tolist() == ["open"] * 7 + ["closed"]


def test_a_bad_row_beyond_the_stated_count_is_found_too(tmp_path):
    valves().to_file(tmp_path / "v.gpkg", layer="v")
    path = changed(
        tmp_path / "v.gpkg",
        "UPDATE gpkg_ogr_contents SET feature_count = 5",
        "UPDATE v SET feature = CAST(x'FF41' AS TEXT) WHERE fid = 7",
    )
    book = Book("en")
    raw = read(path, book=book)[0]
    assert len(raw.table) == 8 and raw.table["open"].tolist()[-1] == "closed"
    assert raw.table["feature"][6] == UNREADABLE and "cells_unreadable" in codes(book)


def test_a_geodatabase_that_states_too_few_rows_is_read_to_its_end(tmp_path):
    path = tmp_path / "v.gdb"
    pyogrio.write_dataframe(valves(), path, layer="valves", driver="OpenFileGDB")
    (table,) = [part for part in path.glob("*.gdbtable") if b"closed" in part.read_bytes()]
    data = table.read_bytes()
    assert struct.unpack("<I", data[4:8]) == (8,)
    table.write_bytes(data[:4] + struct.pack("<I", 5) + data[8:])
    assert read(path)[0].table["open"].tolist() == ["open"] * 7 + ["closed"]


@pytest.mark.parametrize("compressed", [False, True])
def test_a_geodatabase_without_the_file_of_a_layer_is_not_read_without_it(tmp_path, compressed):
    path = tmp_path / "w.gdb"
    pyogrio.write_dataframe(valves().drop(columns="open"), path, layer="pipes", driver="OpenFileGDB")
    pyogrio.write_dataframe(valves(), path, layer="valves", driver="OpenFileGDB", append=True)
    assert [raw.layer for raw in read(path)] == ["pipes", "valves"]
    (table,) = [part for part in path.glob("*.gdbtable") if b"closed" in part.read_bytes()]
    if compressed:
        table.rename(f"{table}.cdf")
    else:
        table.unlink()
    with pytest.raises(FormatError, match="valves") as caught:
        read(path)
    assert caught.value.code == "gdb_table"
    assert [raw.layer for raw in read(path, "pipes")] == ["pipes"]


@pytest.mark.parametrize("damage", [b"", b"x" * 1000, 600])
def test_a_geodatabase_with_a_damaged_layer_is_not_read_without_it(tmp_path, damage):
    """The library takes such a table for an empty one."""
    path = tmp_path / "w.gdb"
    pyogrio.write_dataframe(valves().drop(columns="open"), path, layer="pipes", driver="OpenFileGDB")
    pyogrio.write_dataframe(valves(), path, layer="valves", driver="OpenFileGDB", append=True)
    (table,) = [part for part in path.glob("*.gdbtable") if b"closed" in part.read_bytes()]
    table.write_bytes(table.read_bytes()[:damage] if isinstance(damage, int) else damage)
    with pytest.raises(FormatError, match="valves"):
        read(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gpkg_contents SET data_type = 'feature' WHERE table_name = 'valves'",
        "DELETE FROM gpkg_contents WHERE table_name = 'valves'",
    ],
)
def test_a_layer_that_the_list_of_layers_leaves_out_is_not_left_out(tmp_path, statement):
    path = tmp_path / "w.gpkg"
    valves().to_file(path, layer="pipes")
    valves().to_file(path, layer="valves", mode="a")
    changed(path, statement)
    with pytest.raises(FormatError, match="valves") as caught:
        read(path)
    assert caught.value.code == "gpkg_hidden"
    assert [raw.layer for raw in read(path, "pipes")] == ["pipes"]  # who names a layer knows what there is


def test_text_in_a_column_of_numbers_is_no_zero(tmp_path):
    frame = valves(4).assign(open=[1, 1, 1, 1], invert_from_m=[1.5, 2.5, 3.5, 4.5], shut=[True] * 4)
    frame.to_file(tmp_path / "v.gpkg", layer="v")
    path = changed(
        tmp_path / "v.gpkg",
        "UPDATE v SET open = 'closed', invert_from_m = 'not known', shut = 'x' WHERE fid = 1",
        "UPDATE v SET open = 1.5, invert_from_m = x'41', shut = NULL WHERE fid = 2",
    )
    book = Book("en")
    table = read(path, book=book)[0].table
    assert table["open"].tolist() == ["closed", UNREADABLE, "1", "1"]
    assert table["invert_from_m"].tolist() == ["not known", UNREADABLE, "3.5", "4.5"]
    assert table["shut"][0] == "x" and table["shut"].isna().tolist() == [False, True, False, False]
    assert codes(book) == ["cells_no_number"] * 3


# ------------------------------------------------------------------------------------------------------------- drawings


def drawing(path: Path, build) -> Path:
    document = ezdxf.new("R2010")
    document.header["$INSUNITS"] = 6
    space = document.modelspace()
    space.add_line((X, Y), (X + 100, Y), dxfattribs={"layer": "WALL"})
    build(document, space)
    document.saveas(path)
    return path


def _mline(document, space):
    space.add_mline([(X, Y + 9), (X + 100, Y + 9)], dxfattribs={"layer": "WALL"})


def _xref(document, space):
    document.add_xref_def("other.dxf", "OTHER")
    space.add_blockref("OTHER", (0, 0), dxfattribs={"layer": "WALL"})


def _in_a_block(document, space):
    block = document.blocks.new("B")
    block.add_line((0, 0), (50, 0))
    block.add_mline([(0, 5), (50, 5)])
    space.add_blockref("B", (X, Y), dxfattribs={"layer": "WALL"})


@pytest.mark.parametrize("build", [_mline, _xref, _in_a_block])
def test_a_barrier_that_cannot_be_read_stays_as_a_broken_one(tmp_path, build):
    path = drawing(tmp_path / "b.dxf", build)
    book = Book("en")
    (raw,) = read(path, where="[barriers]", book=book)
    assert raw.broken.tolist().count(True) == 1 and "dxf_unread" in codes(book)
    assert not any(found.broken.any() for found in read(path))  # pipes: a lost one is named, and only worse


def test_a_small_block_is_no_symbol_where_it_stands_in_the_way(tmp_path):
    def build(document, space):
        block = document.blocks.new("B")
        block.add_line((0, 0), (8, 0))
        space.add_blockref("B", (X, Y), dxfattribs={"layer": "WALL"})

    path = drawing(tmp_path / "b.dxf", build)
    lengths = [shapely.length(shape) for shape in read(path, where="[barriers]")[0].geometry]
    assert lengths == pytest.approx([100, 0, 8])
    assert [shapely.length(s) for s in read(path)[0].geometry] == pytest.approx([100, 0])


def test_a_whole_drawing_read_as_one_service_is_named(tmp_path):
    path = drawing(
        tmp_path / "b.dxf", lambda _, space: space.add_line((X, Y), (X, Y + 9), dxfattribs={"layer": "HOUSES"})
    )
    book = Book("en")
    assert {raw.layer for raw in read(path, book=book)} == {"WALL", "HOUSES"}
    assert ["WALL, HOUSES" in issue.message for issue in book if issue.code == "dxf_layers"] == [True]
    for layer, where in (("WALL", "[layer.water]"), (None, "[barriers]")):
        book = Book("en")
        read(path, layer, where, book)
        assert "dxf_layers" not in codes(book)


# -------------------------------------------------------------------------------------------------- surveys and models


def test_a_valve_that_stands_twice_open_and_closed_stays_twice(tmp_path):
    (tmp_path / "p.csv").write_text(
        f"管线点号,X,Y,附属物,开关状态\nA,{Y},{X},检查井,\nV,{Y},{X + 50},阀门,开\nV,{Y},{X + 50},阀门,关\n"
        f"B,{Y},{X + 90},,\nB,{Y},{X + 90},,\n",
        encoding="utf-8",
    )
    (tmp_path / "l.csv").write_text("起点点号,终点点号,管径\nA,V,300\nV,B,300\n", encoding="utf-8")
    points = read(tmp_path / "l.csv", points="p.csv", beside=tmp_path / "p.csv")[1].table
    assert list(zip(points["feature"], points["开关状态"], strict=True)) == [
        ("A", ""), ("V", "开"), ("V", "关"), ("B", ""),
    ]  # fmt: skip


def test_two_rows_of_one_link_that_differ_leave_its_state_open(tmp_path):
    head = "管线点号,连接点号,特征,附属物,X,Y,使用状态,备注\n"
    (tmp_path / "s.csv").write_text(
        f"{head}A,B,,,{Y},{X},现状,\nB,A,,,{Y},{X + 100},规划,\nB,C,,,{Y},{X + 100},现状,\nC,B,,,{Y},{X + 200},,已废\n",
        encoding="utf-8",
    )
    lines = read(tmp_path / "s.csv")[0].table
    assert dict(zip(lines["feature"], lines["status"], strict=True)) == {
        "A-B": "现状 / 规划", "B-C": "现状 / 已废",
    }  # fmt: skip


INP = """[JUNCTIONS]
a 1
b 1
[RESERVOIRS]
r 5
[PIPES]
p1 r a 100 300 100 0 {pipe}
p2 a b 100 300 100 {short}
[STATUS]
{status}
[CONTROLS]
{control}
[OPTIONS]
UNITS LPS
[COORDINATES]
a 554000 4002000
b 554100 4002000
r 554200 4002000
"""


@pytest.mark.parametrize(
    ("said", "states"),
    [
        ({}, ["open", "open"]),
        ({"pipe": "Closed", "short": "0.5"}, ["closed", "open"]),
        ({"short": "Closed"}, ["open", "closed"]),
        ({"pipe": "Close"}, ["CLOSE", "open"]),  # no word of EPANET
        ({"short": "CLSD"}, ["open", "CLSD"]),
        ({"status": "p1 Clsd"}, ["CLSD", "open"]),
        ({"control": "LINK p2 CLOSED AT TIME 0"}, ["open", "closed by control"]),
        ({"control": "LINK p2 OPEN AT TIME 0"}, ["open", "open"]),
    ],
)
def test_a_pipe_of_a_model_is_open_only_where_it_says_so(tmp_path, said, states):
    words = {"pipe": "Open", "short": "", "status": "", "control": "", **said}
    (tmp_path / "m.inp").write_text(INP.format(**words), encoding="utf-8")
    assert read(tmp_path / "m.inp", "links")[0].table["open"].tolist() == states


SWMM = """[JUNCTIONS]
a 10 0
b 9 0
[CONDUITS]
c1 a b 100 0.01 0 0
[PUMPS]
p1 a b * {pump}
[ORIFICES]
r1 a b SIDE 0 0.65 NO 0
[CONTROLS]
RULE R1
IF NODE a DEPTH = 0
THEN {rule}
[OPTIONS]
FLOW_UNITS CMS
[COORDINATES]
a 554000 4002000
b 554100 4002000
"""


@pytest.mark.parametrize(
    ("pump", "rule", "states"),
    [
        ("ON", "PUMP p1 STATUS = OFF", ["open", "open", "open"]),
        ("", "ORIFICE r1 SETTING = 0.5", ["open", "open", "open"]),
        ("OFF", "ORIFICE r1 SETTING = 0", ["open", "pump off", "closed by control"]),
        ("0FF", "CONDUIT c1 STATUS = CLOSED", ["closed by control", "0FF", "open"]),
    ],
)
def test_a_link_of_a_sewer_model_is_open_only_where_it_says_so(tmp_path, pump, rule, states):
    (tmp_path / "m.inp").write_text(SWMM.format(pump=pump, rule=rule), encoding="utf-8")
    assert read(tmp_path / "m.inp", "links", "[layer.storm]")[0].table["open"].tolist() == states


# ---------------------------------------------------------------------------------------------------- text and archives


def test_cells_that_are_cut_off_are_unknown_and_not_blank(tmp_path):
    (tmp_path / "t.csv").write_text("works,planned_on,note\nK1,2027-01-01,\nK2\n", encoding="utf-8")
    table = read(tmp_path / "t.csv", where="[works]")[0].table
    assert table.to_numpy().tolist() == [["K1", "2027-01-01", ""], ["K2", UNREADABLE, UNREADABLE]]


def test_cells_of_a_workbook_that_only_look_blank_are_unknown(tmp_path):
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for row in (
        ["id", "open", "n"],
        ["1", '=IF(1,"closed","")', 1],
        ["2", "closed", 2],
        ["3", None, 3],
        ["4", None, 4],
    ):
        sheet.append(row)
    sheet.merge_cells("B3:B4")
    workbook.save(tmp_path / "w.xlsx")
    book = Book("en")
    table = read(tmp_path / "w.xlsx", where="[works]", book=book)[0].table
    assert table["open"].tolist() == [UNREADABLE, "closed", UNREADABLE, ""]
    assert ["rows 2, 4" in issue.message for issue in book if issue.code == "cells_hidden"] == [True]


def test_a_number_too_wide_for_its_field_is_unknown_and_not_blank(tmp_path):
    for kind, cells, expected in (
        (b"N", [b"**", b" 1", b"  "], [UNREADABLE, "1", None]),
        (b"L", [b"X ", b"T ", b"? "], [UNREADABLE, "true", None]),
    ):
        dbf_with(tmp_path / "t.dbf", b"OPEN", kind, 2, cells)
        found = read_dbf((tmp_path / "t.dbf").read_bytes(), "", Request("t.shp", "[x]"), Book("en")).table["OPEN"]
        assert [None if cell != cell else cell for cell in found.tolist()] == expected


def test_a_placemark_with_two_shapes_is_broken(tmp_path):
    line = "<LineString><coordinates>111.5,36.1 111.6,36.1</coordinates></LineString>"
    spot = "<Point><coordinates>111.7,36.2</coordinates></Point>"
    text = f"<kml><Document><Placemark>{line}{spot}</Placemark><Placemark>{line}</Placemark></Document></kml>"
    (tmp_path / "p.kml").write_text(text, encoding="utf-8")
    raw = read(tmp_path / "p.kml", where="[x]")[0]
    assert raw.broken.tolist() == [True, False] and raw.geometry[0] is None


@pytest.mark.parametrize(
    "shape",
    [
        "<LineString><coordinates>0,0 1,1</coordinates><coordinates>5,5 6,6</coordinates></LineString>",
        "<Polygon>{outer}{other}</Polygon>",
        "<Polygon>{hole}</Polygon>",
    ],
)
def test_a_shape_that_can_be_read_in_two_ways_is_broken(tmp_path, shape):
    ring = "<{0}><LinearRing><coordinates>{1},0 {1},4 4,4 {1},0</coordinates></LinearRing></{0}>"
    names = {"outer": ("outerBoundaryIs", 0), "other": ("outerBoundaryIs", 9), "hole": ("innerBoundaryIs", 0)}
    shape = shape.format(**{name: ring.format(*said) for name, said in names.items()})
    (tmp_path / "p.kml").write_text(f"<kml><Placemark>{shape}</Placemark></kml>", encoding="utf-8")
    assert read(tmp_path / "p.kml", where="[x]")[0].broken.tolist() == [True]


def test_two_values_under_one_name_are_unknown(tmp_path):
    cells = "".join(f'<Data name="open"><value>{word}</value></Data>' for word in ("yes", "closed"))
    spot = "<Point><coordinates>111.7,36.2</coordinates></Point>"
    text = f"<kml><Placemark><ExtendedData>{cells}</ExtendedData>{spot}</Placemark></kml>"
    (tmp_path / "p.kml").write_text(text, encoding="utf-8")
    assert read(tmp_path / "p.kml", where="[x]")[0].table["open"].tolist() == [UNREADABLE]


def test_a_block_that_has_lost_its_mark_does_not_swallow_its_points(tmp_path):
    def block(name: str, east: int, mark: str) -> str:
        ring = [(0, 0), (0, 100), (100, 100), (100, 0), (0, 0)]
        points = "".join(f"J{i},1,{Y + n},{37000000 + east + e}\n" for i, (n, e) in enumerate(ring, 1))
        return f"5,1,{name},n,面,,,,{mark}\n{points}"

    head = "[属性描述]\n坐标系=2000国家大地坐标系\n几度分带=3\n带号=37\n[地块坐标]\n"
    (tmp_path / "b.txt").write_text(head + block("P1", X, "@") + block("P2", X + 200, ""), encoding="utf-8")
    book = Book("en")
    raw = read(tmp_path / "b.txt", where="[parcels]", book=book)[0]
    assert raw.table["parcel"].tolist() == ["P1", "P2"] and raw.broken.tolist() == [False, True]
    assert [issue.feature for issue in book if issue.code == "txt_block"] == ["P2"]


def test_two_files_of_one_name_in_an_archive_are_not_joined(tmp_path):
    valves().to_file(tmp_path / "v.gpkg", layer="v")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        for folder in ("new", "old"):
            archive.write(tmp_path / "v.gpkg", f"{folder}/v.gpkg")
    for layer in (None, "v"):
        with pytest.raises(LayerError, match=r"new/v\.gpkg") as caught:
            read(tmp_path / "z.zip", layer)
        assert caught.value.code == "zip_which"
    assert [raw.file for raw in read(tmp_path / "z.zip", "new/v.gpkg")] == ["z.zip/new/v.gpkg"]
    assert len(read(tmp_path / "z.zip", where="zone.toml")) == 2  # who only looks sees both


# ----------------------------------------------------------------------------------------------- what a reader leaves


posix = pytest.mark.skipif(sys.platform == "win32", reason="a script stands for mdbtools")


def _slow_tool(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Put a tool on the path that notes its number and where temporary files go, and then does nothing for long."""
    tool, note = folder / "mdb-tables", folder / "note"
    tool.write_text(f"#!/bin/sh\necho $$ > {note}\nexec sleep 57\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    path = folder / "x.mdb"
    path.write_bytes(b"\x00\x01\x00\x00Standard Jet DB" + bytes(4000))
    return path, note


def _gone(number: int) -> bool:
    for _ in range(100):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True, check=False)
        if state.stdout.strip().startswith("Z"):
            return True
        time.sleep(0.05)
    return False


@posix
def test_a_reader_that_is_ended_takes_its_programs_and_folders_with_it(tmp_path, monkeypatch):
    path, note = _slow_tool(tmp_path, monkeypatch)
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    monkeypatch.setenv("GISPLAN_READ_SECONDS", "1")
    with Child("en") as child, pytest.raises(ReadError, match="1 seconds"):
        child.ask(path, Request("x.mdb", "[layer.water]"))
    assert _gone(int(note.read_text(encoding="utf-8")))
    assert list((tmp_path / "temp").iterdir()) == []
