"""Files as people have them: ids to the last digit, GBK, broken shapes, cut files, files that are something else."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from small_zone import CRS, parcels, pipes
from writing import dbf_with

from gisplan.base.errors import EncodingError, FormatError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import Request
from gisplan.reading.words import words_of

LONG = ["1100010010010000001", "0100010010010000031", "1100010010010000003"]
SHARED = Path(os.environ.get("GISPLAN_SHARED") or Path(__file__).parents[3] / "shared")


def read(path: Path, layer: str | None = None, encoding: str | None = None, book: Book | None = None):
    return registry.read(path, Request(path.name, "[x]", layer, encoding), book or Book("en"))[0]


def column(path: Path, name: str) -> list[object]:
    return words_of(read(path).table[name]).text().tolist()


# --------------------------------------------------------------------------------------------------------------- ids


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp"])
@pytest.mark.parametrize("null", [False, True])
def test_text_ids_are_exact(tmp_path, suffix, null):
    path = tmp_path / f"p{suffix}"
    parcels([LONG[0], LONG[1], None if null else LONG[2]]).to_file(path)
    found = column(path, "parcel")
    assert found[:2] == LONG[:2]
    assert pd.isna(found[2]) if null else found[2] == LONG[2]


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
@pytest.mark.parametrize("null", [False, True])
def test_whole_number_ids_are_exact(tmp_path, suffix, null):
    path = tmp_path / f"p{suffix}"
    ids = pd.array([int(LONG[0]), None if null else 7, int(LONG[2])], dtype="Int64")
    parcels(["a", "b", "c"], number=ids).to_file(path)
    found = column(path, "number")
    assert (found[0], found[2]) == (LONG[0], LONG[2])
    assert pd.isna(found[1]) if null else found[1] == "7"


def shapefile(folder: Path, name: str = "p", count: int = 3) -> Path:
    path = folder / f"{name}.shp"
    parcels([f"P{i}" for i in range(count)]).to_file(path)
    (folder / f"{name}.cpg").unlink()
    return path


def test_a_number_column_of_19_digits_is_read_from_the_dbf(tmp_path):
    path = shapefile(tmp_path)
    dbf_with(path.with_suffix(".dbf"), b"DKBH", b"N", 19, [b"1100010010010000001", b"1100010010010000003", b""])
    found = column(path, "DKBH")
    assert found[:2] == ["1100010010010000001", "1100010010010000003"] and pd.isna(found[2])


# ---------------------------------------------------------------------------------------------------------- encoding

WORDS = ["洪洞甘亭", "甘亭二号地块", "示例"]


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
@pytest.mark.parametrize("language", [0, 0x4D, 0x57])
@pytest.mark.parametrize("cpg", [None, "UTF-8", "GBK", "ISO-8859-1"])
def test_the_dbf_is_sniffed_and_what_it_claims_is_a_hint(tmp_path, encoding, language, cpg):
    path = shapefile(tmp_path)
    name = "名称".encode(encoding)
    dbf_with(path.with_suffix(".dbf"), name, b"C", 40, [w.encode(encoding) for w in WORDS], language)
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    book = Book("en")
    assert words_of(read(path, book=book).table["名称"]).text().tolist() == WORDS
    (issue,) = book
    assert issue.code in ("encoding_chosen", "encoding_hint") and encoding.upper() in issue.message
    claims = {"UTF-8": "utf-8", "GBK": "gb18030", "ISO-8859-1": "latin"}.get(cpg, "gb18030" if language == 0x4D else "")
    assert issue.severity == ("warning" if claims and claims != encoding else "info")


def test_a_character_that_the_field_has_cut_is_dropped(tmp_path):
    path = shapefile(tmp_path, count=1)
    dbf_with(path.with_suffix(".dbf"), "地块编号".encode()[:10], b"C", 8, ["甘亭示例".encode()[:8]])
    assert read(path).table.columns.tolist() == ["地块编"]
    assert words_of(read(path).table["地块编"]).text().tolist() == ["甘亭"]


def test_encoding_can_be_said(tmp_path):
    path = shapefile(tmp_path, count=1)
    dbf_with(path.with_suffix(".dbf"), b"name", b"C", 20, ["Estació".encode("latin-1")])
    with pytest.raises(EncodingError, match="encoding ="):
        read(path)
    assert words_of(read(path, encoding="latin-1").table["name"]).text().tolist() == ["Estació"]
    with pytest.raises(EncodingError, match="latin-99"):
        read(path, encoding="latin-99")
    with pytest.raises(EncodingError, match=r"utf-8.*cannot be read"):
        read(path, encoding="utf-8")


def test_text_in_no_encoding_asks_for_one(tmp_path):
    path = shapefile(tmp_path, count=1)
    dbf_with(path.with_suffix(".dbf"), b"name", b"C", 20, [b"a\xff\xff\x80b"])
    with pytest.raises(EncodingError, match="encoding ="):
        read(path)


@pytest.mark.skipif(not SHARED.exists() and os.environ.get("CI") != "true", reason="the shared samples are not here")
def test_a_real_gbk_shapefile(tmp_path):
    for part in (SHARED / "data" / "formats" / "gbk_shp").glob("chinese_poly.*"):
        shutil.copy(part, tmp_path / part.name)
    book = Book("en")
    layer = read(tmp_path / "chinese_poly.shp", book=book)
    text = " ".join(str(v) for name in layer.table.columns for v in layer.table[name])
    assert any("\u4e00" <= c <= "\u9fff" for c in text) and "µ" not in text
    assert [i.code for i in book] == ["encoding_chosen"]


# ------------------------------------------------------------------------------------------------------ broken shapes


def broken_line(path: Path, layer: str, row: int) -> None:
    """Put a line of one point into a GeoPackage: GEOS refuses it, and with it the whole layer in one go."""
    one = struct.pack("<BIIdd", 1, 2, 1, 554000.0, 4002000.0)
    with closing(sqlite3.connect(path)) as file:
        names = [n for (n,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            file.execute(f'DROP TRIGGER "{name}"')
        blob = b"GP\x00\x01" + struct.pack("<i", 4546) + one
        file.execute(f"UPDATE {layer} SET geom = ? WHERE fid = ?", (blob, row))
        file.commit()


def test_one_broken_shape_costs_itself_not_the_layer(tmp_path):
    path = tmp_path / "water.gpkg"
    pipes().to_file(path, layer="water")
    broken_line(path, "water", 1)
    layer = read(path)
    assert layer.broken.tolist() == [True, False]
    assert layer.geometry[0] is None and layer.geometry[1].length == 200.0


# ------------------------------------------------------------------------------------- files that are not what they say


def test_a_shapefile_without_its_parts_names_them(tmp_path):
    path = shapefile(tmp_path)
    path.with_suffix(".dbf").unlink()
    with pytest.raises(ReadError, match=r"p\.dbf is missing"):
        read(path)
    path.with_suffix(".shx").unlink()
    with pytest.raises(ReadError, match=r"p\.shx, p\.dbf is missing"):
        read(path)


@pytest.mark.parametrize("part", [".shp", ".shx", ".dbf"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_shapefile_is_noticed(tmp_path, part, share):
    path = shapefile(tmp_path, count=20)
    cut = path.with_suffix(part)
    cut.write_bytes(cut.read_bytes()[: int(cut.stat().st_size * share)])
    with pytest.raises(ReadError, match=r"p\.(shp|shx|dbf)"):
        read(path)


def test_sidecars_may_be_in_capitals(tmp_path):
    path = shapefile(tmp_path)
    for suffix in (".dbf", ".shx", ".prj"):
        path.with_suffix(suffix).rename(path.with_suffix(suffix.upper()))
    upper = path.rename(path.with_suffix(".SHP"))
    layer = read(upper)
    assert len(layer.table) == 3 and layer.crs is not None


VRT = "<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>CSV:{}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"


@pytest.mark.parametrize("suffix", [".geojson", ".json", ".gpkg", ".shp", ".xlsx"])
def test_a_file_that_opens_another_one_is_refused(tmp_path, suffix):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    path = tmp_path / f"p{suffix}"
    path.write_text(VRT.format(secret))
    with pytest.raises(FormatError, match=f"p{suffix}"):
        read(path)


@pytest.mark.parametrize("suffix", [".dwg", ".vrt", ".mdb", ".xyz", ""])
def test_other_formats_are_refused_with_what_to_export(tmp_path, suffix):
    path = tmp_path / f"p{suffix}"
    path.write_bytes(b"x")
    with pytest.raises(FormatError, match=r"GeoPackage|\.gpkg"):
        read(path)


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\x00" + b"\x00" * 200, b"SQLite format 3\x00"])
def test_a_damaged_geopackage_is_one_sentence(tmp_path, data):
    path = tmp_path / "p.gpkg"
    path.write_bytes(data)
    with pytest.raises(ReadError, match=r"p\.gpkg") as error:
        read(path)
    assert str(tmp_path) not in str(error.value), "where the file lies is nobody's business"


@pytest.mark.parametrize("text", ['{"type": "FeatureCollection", "features": [', '{"a": 1}', "{}", "[1, 2]"])
def test_a_damaged_geojson_is_one_sentence(tmp_path, text):
    path = tmp_path / "p.geojson"
    path.write_text(text)
    with pytest.raises(ReadError, match=r"p\.geojson"):
        read(path)


def test_a_geojson_in_gbk_is_asked_for_in_utf8(tmp_path):
    path = tmp_path / "p.geojson"
    parcels(["甲", "乙", "丙"]).to_file(path)
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    with pytest.raises(EncodingError, match="UTF-8"):
        read(path)


def test_a_layer_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    path = tmp_path / "p.gpkg"
    pipes().to_file(path, layer="给水")
    pipes().to_file(path, layer="雨水")
    with pytest.raises(LayerError, match="给水, 雨水"):
        read(path, layer="污水")
    assert read(path, layer="雨水").layer == "雨水"
    assert len(registry.read(path, Request("p.gpkg", "[x]"), Book("en"))) == 2


def test_an_open_geopackage_is_warned_of(tmp_path):
    path = tmp_path / "p.gpkg"
    pipes().to_file(path)
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("CREATE TABLE note (a)")
        file.commit()
        book = Book("en")
        read(path, layer="p", book=book)
    assert "gpkg_open" in [i.code for i in book]


def test_heights_come_along(tmp_path):
    path = tmp_path / "p.gpkg"
    frame = gpd.GeoDataFrame({"feature": ["a"]}, geometry=[shapely.LineString([(0, 0, 5), (9, 0, 4.9)])], crs=CRS)
    frame.to_file(path)
    (shape,) = read(path).geometry
    assert shapely.get_coordinates(shape, include_z=True).tolist() == [[0, 0, 5], [9, 0, 4.9]]


def test_names_of_columns_stay_as_they_are(tmp_path):
    path = tmp_path / "p.gpkg"
    hostile = "<img src=x onerror=alert(1)>{{7*7}}"
    pipes(**{hostile: ["a", "b"]}).to_file(path)
    assert hostile in read(path).table.columns


def test_tables_beside_the_layers_count_only_when_named(tmp_path):
    path = tmp_path / "p.gpkg"
    pipes().to_file(path, layer="water")
    pyogrio.write_dataframe(pd.DataFrame({"styleName": ["a"]}), path, layer="layer_styles", append=True)
    assert [raw.layer for raw in registry.read(path, Request("p.gpkg", "[x]"), Book("en"))] == ["water"]
    table = read(path, layer="layer_styles")
    assert table.geometry is None and table.table.styleName.tolist() == ["a"]


BIG5_CSV = "編號,名稱,備註\nP1,工業區第一期開發區塊,國有建設用地已經開通\nP2,臺灣電力公司變電所,自來水處理廠南側道路\n"


@pytest.mark.parametrize(("encoding", "title"), [("big5", "BIG5"), ("gb18030", "GB18030")])
def test_a_table_of_text_is_read_in_the_encoding_that_its_bytes_speak_for(tmp_path, encoding, title):
    (tmp_path / "a.csv").write_bytes(BIG5_CSV.encode(encoding))
    book = Book("en")
    (raw,) = registry.read(tmp_path / "a.csv", Request("a.csv", "[works]"), book)
    assert raw.table["名稱"].tolist() == ["工業區第一期開發區塊", "臺灣電力公司變電所"]
    (issue,) = [i for i in book if i.code in ("encoding_chosen", "encoding_doubtful")]
    assert title in issue.message
