"""The inspection: what a file is by its bytes, what is wrong with it, what to do; and the score of a folder."""

from __future__ import annotations

import csv
import json
import os
import re
import sqlite3
import zipfile
from importlib import resources
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gisplan.base.errors import ReadError
from gisplan.base.issues import Book
from gisplan.cli import main
from gisplan.reading.formats import registry, signature
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.inspection import CLEAN, CRASHED, FLAWED, REFUSED, SILENT, Inspection, inspect

X, Y = 554_000.0, 4_002_000.0  # near 111.6 E, 36.15 N in EPSG:4546


def read(path, request):
    """Read in this process: what a child adds is tested with the child."""
    book = Book("en")
    return registry.read(path, request, book), tuple(book)


def look(path) -> Inspection:
    return inspect(path, "en", read)


def one(path):
    (seen,) = look(path).files
    return seen


def codes(seen) -> dict[str, tuple[str, ...]]:
    return {flaw.record.code: flaw.features for flaw in seen.flaws}


def frame(*shapes, crs="EPSG:4546", **columns) -> gpd.GeoDataFrame:
    columns = columns or {"feature": [f"W{i}" for i in range(len(shapes))]}
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def line(*points) -> shapely.LineString:
    return shapely.LineString([(X + x, Y + y) for x, y in points])


GOOD = line((0, 0), (9, 9))


# --- what a file is -------------------------------------------------------------------------------------------------


def a_zip(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"\x00\x00\x27\x0a" + b"\0" * 96, "shp"),
        (b"AC1027" + b"\0" * 30, "dwg"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 30, "ole"),
        (b"WMAP`D22" + b"\0" * 30, "mapgis"),
        (b"%PDF-1.7\n", "pdf"),
        (b"\x89PNG\r\n\x1a\n", "image"),
        (b"Rar!\x1a\x07\x00", "archive"),
        (b"\x00\x01\x00\x00Standard Jet DB\x00", "mdb"),
        (b"fgb\x03fgb\x00", "fgb"),
        (b"PAR1....PAR1", "parquet"),
        (b"II*\x00\x08\x00", "tiff"),
        (b"AutoCAD Binary DXF\r\n\x1a\x00", "dxf"),
        (b"  0\r\nSECTION\r\n  2\r\nHEADER\r\n", "dxf"),
        (b"999\nmade by somebody\n  0\nSECTION\n", "dxf"),
        (b"!table\n!version 300\n", "mapinfo"),
        (b'Version 300\nCharset "Neutral"\n', "mapinfo"),
        (b"EXP  0 X.E00\n", "e00"),
        (b'{"type": "FeatureCollection"', "geojson"),
        (b'{"a": 1}', "json"),
        (b"[1, 2]", "json"),
        ("[属性描述]\n坐标系=2000\n".encode("gb18030"), "text"),
        (b"[TITLE]\n[JUNCTIONS]\n", "text"),
        (b"<!DOCTYPE HTML><html>", "html"),
        (b"<?xml version='1.0'?>\n<!-- <html> -->\n<kml xmlns='x'>", "kml"),
        (b"<OGRVRTDataSource>", "vrt"),
        (b"<ns:FeatureCollection xmlns:ns='x'>", "gml"),
        (b"<gpx>", "gpx"),
        (b"<other/>", "xml"),
        (b"a,b\n1,2\n", "text"),
        ("编号,名称\n1,给水\n".encode("gb18030"), "text"),
        ("编号,名称\n".encode("utf-16"), "text"),
        (b"\x01\x02\x00\x03" * 9, "binary"),
    ],
)
def test_kinds_are_told_by_bytes(tmp_path, data, kind):
    path = tmp_path / "x.bin"
    path.write_bytes(data)
    assert signature.kind_of(path) == kind


def test_kinds_of_archives_folders_and_databases(tmp_path):
    for name, inside in {"xlsx": "xl/workbook.xml", "kmz": "doc.kml", "zip": "a.shp", "document": "word/x.xml"}.items():
        a_zip(tmp_path / name, inside, *(["[Content_Types].xml"] if name == "document" else []))
        assert signature.kind_of(tmp_path / name) == name
    (tmp_path / "a.gdb").mkdir()
    assert signature.kind_of(tmp_path / "a.gdb") == "folder"
    (tmp_path / "a.gdb" / "a00000001.gdbtable").write_bytes(b"x")
    assert signature.kind_of(tmp_path / "a.gdb") == "gdb"
    sqlite3.connect(tmp_path / "plain").executescript("create table t (a); insert into t values (1);")
    assert signature.kind_of(tmp_path / "plain") == "sqlite"
    frame(GOOD).to_file(tmp_path / "real.gpkg")
    assert signature.kind_of(tmp_path / "real.gpkg") == "gpkg"


def test_every_kind_and_every_advice_has_its_words():
    text = resources.files("gisplan.base").joinpath("labels.csv").read_text(encoding="utf-8")
    known = {row["code"] for row in csv.DictReader(text.splitlines())}
    source = Path(signature.__file__).read_text(encoding="utf-8")
    kinds = set(re.findall(r'return "(\w+)"', source)) | set(re.findall(r', "(\w+)"\),', source))
    assert len(kinds) > 20 and {f"content.{kind}" for kind in kinds} <= known
    read_ = {kinds_[0] for suffix, kinds_ in registry._CONTENT.items() if suffix in registry.suffixes()}
    assert {f"advice.{kind}" for kind in kinds - read_} <= known
    assert {f"advice.{code}" for code in registry._ADVICE} <= known


def test_no_suffix_is_both_read_and_advised_against():
    advised = [suffix for suffixes in registry._ADVICE.values() for suffix in suffixes]
    assert len(advised) == len(set(advised)) and not set(advised) & set(registry.suffixes())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.dwg", "AutoCAD 2007 DXF"),
        ("a.wl", "MapGIS"),
        ("a.tab", "QGIS"),
        ("a.xls", "Excel"),
        ("a.udb", "SuperMap"),
        ("a.e00", "E00"),
        ("a.mxd", "Export Data"),
        ("a.qgz", "Save Features As"),
        ("a.vrt", "never read"),
        ("a.rar", "Unpack"),
        ("a.dbf", ".shp"),
        ("a.foo", "not known"),
        ("a", "not known"),
    ],
)
def test_what_is_not_read_is_refused_with_steps(tmp_path, name, said):
    path = tmp_path / name
    path.write_bytes(b"\x01\x02\x00\x03" * 9)
    seen = one(path)
    assert seen.state == REFUSED and seen.code in ("format_advice", "format_unknown")
    assert seen.message.startswith(f"{name}: ") and said in seen.message and ".gpkg" in seen.message


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.gpkg", b"<!doctype html><html>log in</html>", "a web page"),
        ("a.geojson", b"<OGRVRTDataSource/>", "points to other files"),
        ("a.json", b"<kml></kml>", "suffix of its name to .kml"),
        ("a.shp", b"AC1027" + b"\0" * 99, "DWG"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "Excel Workbook"),
        ("a.csv", b'{"type":"Feature"}', "suffix of its name to .geojson"),
        ("a.csv", b"%PDF-1.7", "a PDF"),
        ("a.dat", b"SQLite format 3\x00" + b"\0" * 52 + b"GPKG" + b"\0" * 40, "suffix of its name to .gpkg"),
    ],
)
def test_a_suffix_that_lies_is_named_with_what_it_really_is(tmp_path, name, data, said):
    path = tmp_path / name
    path.write_bytes(data)
    seen = one(path)
    assert (seen.state, seen.code) == (REFUSED, "suffix_lies") and said in seen.message


def test_a_zip_called_shp(tmp_path):
    a_zip(tmp_path / "a.shp", "b.shp")
    assert "a ZIP archive" in one(tmp_path / "a.shp").message


# --- what is wrong with it ------------------------------------------------------------------------------------------


def test_a_sound_file_is_clean(tmp_path):
    frame(GOOD, line((9, 9), (20, 9)), feature=["W1", "W2"], 管径=["DN300", "DN200"], xyz=[1, 2]).to_file(
        tmp_path / "water.gpkg"
    )
    seen = one(tmp_path / "water.gpkg")
    assert (seen.state, seen.rows, seen.kind, seen.flaws) == (CLEAN, 2, "gpkg", ())
    (layer,) = seen.layers
    assert (layer.name, layer.shapes, layer.crs) == ("water", {"linestring": 2}, "EPSG:4546")
    assert layer.box == (X, Y, X + 20, Y + 9)
    assert {column.name: column.ours for column in layer.columns} == {
        "feature": "feature",
        "管径": "diameter_mm",
        "xyz": "",
    }


def test_each_flaw_of_shapes_is_named_with_its_features(tmp_path):
    bow = shapely.Polygon([(X, Y), (X + 10, Y + 10), (X + 10, Y), (X, Y + 10), (X, Y)])
    spike = shapely.Polygon([(X, Y), (X + 10, Y), (X + 10, Y + 10), (X + 10, Y + 12), (X + 10, Y + 10), (X, Y + 10)])
    again = shapely.LineString([(X, Y), (X, Y), (X + 5, Y)])
    flat = shapely.LineString([(X, Y), (X, Y)])
    raw = RawLayer(
        "a.gpkg", "a", pd.DataFrame({"feature": list("abcdefghi")}), np.arange(101, 110),
        np.array([GOOD, None, None, shapely.LineString(), shapely.Point(np.inf, 1), bow, spike, again, flat], object),
        np.array([False, False, True, *[False] * 6]),
        crs=gpd.GeoSeries(crs="EPSG:4546").crs,
    )  # fmt: skip
    path = tmp_path / "a.gpkg"
    path.write_bytes(b"x")
    (seen,) = inspect(path, "en", lambda path, request: ([raw], ())).files
    found = codes(seen)
    kinds = found.pop("kinds_mixed")
    assert kinds == ()
    assert found == {
        "geometry_null": ("102",),
        "geometry_broken": ("103",),
        "geometry_empty": ("104",),
        "geometry_infinite": ("105",),
        "geometry_repair": ("106",),
        "geometry_mended": ("107",),
        "geometry_repeats": ("108",),
        "geometry_flat": ("109",),
    }
    assert seen.state == FLAWED


def test_the_flaws_are_those_that_a_check_finds(tmp_path):
    """What check sets aside for its shape, the inspection names; both ask the same functions."""
    from gisplan.reading import flaws, geometry

    for name in ("sound", "areas", "pieces", "misfit"):
        assert getattr(flaws, name) is getattr(geometry, name)


@pytest.mark.parametrize(
    ("crs", "x", "y", "code", "said"),
    [
        ("EPSG:4546", Y, X, "crs_beside", "axes seem to be swapped"),
        ("EPSG:4546", 111.6, 36.1, "crs_beside", "degrees"),
        ("EPSG:4546", X + 37_000_000, Y, "crs_beside", "number of the zone"),
        ("EPSG:4525", X, Y, "crs_beside", "number of the zone"),
        ("EPSG:4490", X, Y, "crs_beside", "projected coordinates"),
        ("EPSG:4326", 36.1, 111.6, "crs_beside", "swapped"),
        ("EPSG:4490", 36.1, 111.6, "crs_beside", "swapped"),
        (None, 111.6, 36.1, "crs_none_look", "longitude and latitude"),
        (None, 36.1, 111.6, "crs_none_look", "swapped"),
        (None, X + 37_000_000, Y, "crs_none_look", "EPSG:4525"),
        (None, X + 19_000_000, Y, "crs_none_look", "EPSG:4497"),
        (None, X, Y, "crs_none_look", "ask for the central meridian"),
        (None, 12.0, 9.0, "crs_none", "names no coordinate system"),
    ],
)
def test_coordinates_that_cannot_be_are_named_with_the_cause(tmp_path, crs, x, y, code, said):
    path = tmp_path / "a.shp"
    shape = shapely.LineString([(x, y), (x + 0.01, y + 0.01)])
    gpd.GeoDataFrame({"feature": ["a", "b"]}, geometry=[shape, shape], crs=crs or 4490).to_file(path)
    if crs is None:
        path.with_suffix(".prj").unlink()
    seen = one(path)
    (flaw,) = [flaw for flaw in seen.flaws if flaw.record.code.startswith("crs_")]
    assert flaw.record.code == code and said in flaw.record.message and seen.state == FLAWED


def test_one_stray_is_not_a_wrong_system(tmp_path):
    frame(*[GOOD] * 120, shapely.LineString([(0, 0), (1, 1)])).to_file(tmp_path / "a.gpkg")
    assert {code: len(features) for code, features in codes(one(tmp_path / "a.gpkg")).items()} == {"geometry_stray": 1}


def test_lost_digits_garbled_words_and_shapes_as_text(tmp_path):
    text = '{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"id":1.1e18}}]}'
    (tmp_path / "a.geojson").write_text(text)
    assert "digits_lost" in codes(one(tmp_path / "a.geojson"))
    wrong = "给水干管".encode().decode("latin-1")
    (tmp_path / "b.csv").write_text(f"id,name\n1,{wrong}\n", encoding="utf-8")
    assert codes(one(tmp_path / "b.csv")) == {"text_garbled": (), "no_shapes": ()}
    (tmp_path / "c.csv").write_text('id,wkt\n1,"LINESTRING (0 0, 1 1)"\n2,\n3,POINT EMPTY\n')
    assert codes(one(tmp_path / "c.csv"))["wkt_unread"] == ("2", "4")
    (tmp_path / "d.csv").write_text("id,name\n1,Größe Ærøskøbing ñandú\n", encoding="utf-8")
    assert codes(one(tmp_path / "d.csv")) == {"no_shapes": ()}


def test_an_empty_layer_is_an_error(tmp_path):
    (tmp_path / "a.geojson").write_text('{"type":"FeatureCollection","features":[]}')
    (tmp_path / "b.csv").write_text("id,name\n")
    for name in ("a.geojson", "b.csv"):
        seen = one(tmp_path / name)
        assert seen.state == FLAWED and "layer_bare" in codes(seen)


def test_the_log_beside_a_geopackage_is_named(tmp_path):
    frame(GOOD).to_file(tmp_path / "a.gpkg")
    (tmp_path / "a.gpkg-wal").write_bytes(b"")
    (seen,) = look(tmp_path).files
    assert seen.parts == ("a.gpkg-wal",) and "gpkg_open" in codes(seen)


@pytest.mark.parametrize("part", [".shx", ".dbf"])
def test_a_missing_part_is_named(tmp_path, part):
    frame(GOOD).to_file(tmp_path / "a.shp")
    (tmp_path / f"a{part}").unlink()
    seen = one(tmp_path / "a.shp")
    assert f"a{part}" in seen.message + " ".join(flaw.record.message for flaw in seen.flaws)
    assert seen.state in (REFUSED, FLAWED)


# --- tables ---------------------------------------------------------------------------------------------------------


def rows(path: Path) -> list[list[str]]:
    book = Book("en")
    (layer,) = registry.read(path, registry.Request(path.name, "[works]"), book)
    return [list(layer.table.columns), *layer.table.to_numpy().tolist()]


@pytest.mark.parametrize(
    "data",
    [
        b"works,name\nG-1,x\n",
        b"works;name\r\nG-1;x\r\n",
        b"works\tname\rG-1\tx\r",
        b"\xef\xbb\xbfworks,name\nG-1,x\n",
        "works,name\nG-1,x\n".encode("utf-16"),
        b'"works","name"\n"G-1","x"\n\n',
        b'"works";"name, or; title"\nG-1;x\n',
    ],
)
def test_csv_of_all_sorts(tmp_path, data):
    path = tmp_path / "w.csv"
    path.write_bytes(data)
    head, row = rows(path)
    assert head[0] == "works" and row == ["G-1", "x"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a,a\n1,2\n", "table_header"),
        ("a,b\n1,2,3\n", "table_row"),
        ('a,b\n"1,2\n3,4\n', "csv_broken"),
        ("", "table_empty"),
        ("道路工程一览表,,,\n编号,名称,状态,费用\n1,x,已建,5\n", "table_title"),
        ("编号,管径,,状态\n,起点,终点,\n1,300,400,已建\n", "table_lines"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path, text, code):
    (tmp_path / "w.csv").write_text(text, encoding="utf-8")
    seen = one(tmp_path / "w.csv")
    assert (seen.state, seen.code) == (REFUSED, code)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("a,b,c\n1,2,3\n4,5\n6\n", "rows_short", "2 rows have fewer cells"),
        ("a,,c\n1,2,3\n", "column_unnamed", "#2"),
        ("1,2.5,x\n3,4,y\n", "header_numbers", "1, 2.5"),
    ],
)
def test_a_table_that_is_odd_says_how(tmp_path, text, code, said):
    (tmp_path / "w.csv").write_text(text)
    seen = one(tmp_path / "w.csv")
    assert seen.state == FLAWED
    assert said in next(flaw.record.message for flaw in seen.flaws if flaw.record.code == code)


def test_a_workbook_names_the_sheets_that_it_does_not_give(tmp_path):
    path = tmp_path / "w.xlsx"
    with pd.ExcelWriter(path) as book:
        for name in ("一", "二"):
            pd.DataFrame({"works": ["G-1"], "n": [1]}).to_excel(book, sheet_name=name, index=False)
    seen = one(path)
    assert seen.rows == 1 and "only 一 was read, not 二" in seen.flaws[0].record.message
    (tmp_path / "cut.xlsx").write_bytes(path.read_bytes()[:-300])
    assert one(tmp_path / "cut.xlsx").state == REFUSED


def test_rows_bear_the_numbers_that_a_spreadsheet_shows(tmp_path):
    (tmp_path / "w.csv").write_text('id,wkt\n\n1,"POINT (0 0)"\n,\n2,"POINT\n (1 1)"\n3,POINT EMPTY\n')
    assert codes(one(tmp_path / "w.csv"))["wkt_unread"] == ("3", "5", "6")
    pd.DataFrame([["id", "wkt"], [None, None], ["1", "POINT (0 0)"]]).to_excel(
        tmp_path / "w.xlsx", index=False, header=False
    )
    assert codes(one(tmp_path / "w.xlsx"))["wkt_unread"] == ("3",)


# --- a folder -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path) -> Path:
    root = tmp_path / "files"
    (root / "deep" / "er").mkdir(parents=True)
    frame(GOOD).to_file(root / "water.gpkg")
    frame(GOOD, None).to_file(root / "deep" / "gas.shp")
    (root / "deep" / "er" / "plan.dwg").write_bytes(b"AC1027" + b"\0" * 99)
    (root / "zone.toml").write_text("")
    (root / ".hidden").write_text("")
    (root / "~$works.xlsx").write_text("")
    return root


def test_a_folder_is_read_whole_and_scored(folder):
    found = look(folder)
    assert [seen.file for seen in found.files] == ["deep/er/plan.dwg", "deep/gas.shp", "water.gpkg"]
    assert found.score == {CLEAN: 1, FLAWED: 1, REFUSED: 1, SILENT: 0, CRASHED: 0}
    assert found.by_kind[".shp"] == {CLEAN: 0, FLAWED: 1, REFUSED: 0, SILENT: 0, CRASHED: 0}
    (gas,) = [seen for seen in found.files if seen.suffix == ".shp"]
    assert set(gas.parts) == {f"deep/gas.{part}" for part in ("shx", "dbf", "prj", "cpg")}


def test_a_reader_that_breaks_costs_one_file(folder):
    def broken(path, request):
        if path.suffix == ".shp":
            raise RuntimeError("no\x1b[31m")
        return read(path, request)

    assert inspect(folder, "en", broken).score[CRASHED] == 1


def test_a_shape_lost_without_a_word_would_be_silent(folder, monkeypatch):
    monkeypatch.setattr("gisplan.reading.inspection.flaws_of", lambda raw, lang: [])
    assert look(folder).score[SILENT] == 1


def test_what_is_no_regular_file_is_not_opened(folder):
    os.mkfifo(folder / "pipe.csv")
    (folder / "away.csv").symlink_to("/etc/hostname")
    states = {seen.file: (seen.state, seen.code) for seen in look(folder).files}
    assert states["pipe.csv"] == (REFUSED, "suffix_lies") and states["away.csv"] == (REFUSED, "shp_link")


def test_there_must_be_something(tmp_path):
    with pytest.raises(ReadError, match="no file gone"):
        look(tmp_path / "gone")


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_says_it_in_words(folder, capsys):
    assert main(["inspect", str(folder / "deep" / "gas.shp"), "--lang", "en"]) == 0
    said = capsys.readouterr().out
    assert "gas.shp: a Shapefile" in said and "geometry_null" in said and "Draw or delete" in said
    assert main(["inspect", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "plan.dwg" in said and "合计：3 个文件" in said and str(folder) not in said


def test_the_command_speaks_json(folder, capsys):
    assert main(["inspect", str(folder), "--json", "--lang", "en"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["score"] == {"clean": 1, "flawed": 1, "refused": 1, "silent": 0, "crashed": 0}
    gas = next(file for file in found["files"] if file["suffix"] == ".shp")
    null = next(flaw for flaw in gas["flaws"] if flaw["code"] == "geometry_null")
    assert (null["count"], null["features"], null["severity"]) == (1, ["1"], "error")


def test_a_refused_file_is_exit_code_3(folder, capsys):
    assert main(["inspect", str(folder / "deep" / "er" / "plan.dwg"), "--lang", "en"]) == 3
    assert "AutoCAD 2007 DXF" in capsys.readouterr().out
    assert main(["inspect", str(folder / "gone.shp"), "--lang", "en"]) == 3
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_in_which_nothing_opens_is_exit_code_3(folder, capsys):
    assert main(["inspect", str(folder / "deep" / "er"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["score"]["refused"] == 1


def test_hostile_names_and_words_do_nothing(tmp_path, capsys):
    evil = "[bold red]x[/]\x1b[31m\u202e"
    path = tmp_path / "a[red].geojson"
    shape = {"type": "Point", "coordinates": [111.6, 36.1]}
    feature = {"type": "Feature", "properties": {evil: evil, "=cmd|x": "{0}{a.b}%s"}, "geometry": shape}
    path.write_text(json.dumps({"type": "FeatureCollection", "name": evil, "features": [feature]}), encoding="utf-8")
    (tmp_path / "b{0}%s.dwg").write_bytes(b"AC1027" + b"\0" * 99)
    for arguments in ([str(path)], [str(tmp_path)], [str(tmp_path), "--json"]):
        assert main(["inspect", *arguments, "--lang", "en"]) == 0
        said = capsys.readouterr().out
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", said)
        assert "a[red].geojson" in said
    main(["inspect", str(path), "--lang", "en"])
    assert "[bold red]x[/]" in capsys.readouterr().out
