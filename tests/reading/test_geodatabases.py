"""GeoPackage, File Geodatabase, FlatGeobuf and GeoParquet: one bad row costs itself, one bad layer is named."""

from __future__ import annotations

import builtins
import json
import math
import os
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from shared_data import shared
from small_zone import CRS, X, Y, parcels, pipes
from writing import pack

from gisplan.base.errors import FormatError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import Request

HEAD = b"GP\x00\x01" + struct.pack("<i", 4546)


def read(path: Path, layer: str | None = None, book: Book | None = None):
    return registry.read(path, Request(path.name, "[x]", layer), book or Book("en"))


def codes(book: Book) -> list[str]:
    return [issue.code for issue in book]


def spots(count: int = 3) -> gpd.GeoDataFrame:
    shapes = [shapely.Point(X + 10 * i, Y) for i in range(count)]
    return gpd.GeoDataFrame({"feature": [f"F{i}" for i in range(count)]}, geometry=shapes, crs=CRS)


def damaged(folder: Path, statement: str, *values: object, count: int = 3) -> Path:
    """Write a GeoPackage of spots and change it behind the back of its own triggers."""
    path = folder / "p.gpkg"
    spots(count).to_file(path, layer="w")
    with closing(sqlite3.connect(path)) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f'DROP TRIGGER "{name}"')
        file.execute(statement, values)
        file.commit()
    return path


# ----------------------------------------------------------------------------------------------------------- GeoPackage


@pytest.mark.parametrize("count", [3, 40])
def test_a_text_that_is_no_utf8_costs_its_cell(tmp_path, count):
    """The library gives up the whole layer for it."""
    path = damaged(tmp_path, "UPDATE w SET feature = CAST(x'B5D8BFE9' AS TEXT) WHERE fid = 2", count=count)
    (raw,) = read(path, book=(book := Book("en")))
    assert raw.table["feature"].tolist() == ["F0", "\ufffd", *(f"F{i}" for i in range(2, count))]
    assert raw.fids.tolist() == list(range(1, count + 1)) and not raw.broken.any()
    assert [shape.x for shape in raw.geometry] == [X + 10 * i for i in range(count)]
    assert codes(book) == ["cells_unreadable"]


def test_a_layer_in_another_encoding_is_refused(tmp_path):
    path = damaged(tmp_path, "UPDATE w SET feature = CAST(x'B5D8BFE9' AS TEXT)")
    with pytest.raises(ReadError, match=r"p\.gpkg.*UTF-8"):
        read(path)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x00",
        HEAD,
        HEAD + struct.pack("<BII", 1, 2, 3),
        HEAD + struct.pack("<BII", 1, 16, 0),
        HEAD + struct.pack("<BII", 1, 99, 0),
        HEAD + struct.pack("<BIIdd", 1, 2, 1, X, Y),
        HEAD + struct.pack("<BIII6d", 1, 3, 1, 3, X, Y, X + 9, Y, X, Y + 9),
    ],
    ids=["empty", "rubbish", "header only", "cut", "tin", "no such type", "line of one point", "open ring"],
)
def test_a_damaged_shape_is_broken_and_not_missing(tmp_path, blob):
    (raw,) = read(damaged(tmp_path, "UPDATE w SET geom = ? WHERE fid = 2", blob))
    assert raw.broken.tolist() == [False, True, False]
    assert raw.geometry[1] is None and raw.table["feature"].tolist() == ["F0", "F1", "F2"]


def test_a_missing_shape_is_missing(tmp_path):
    (raw,) = read(damaged(tmp_path, "UPDATE w SET geom = NULL WHERE fid = 2"))
    assert raw.geometry[1] is None and not raw.broken.any()


def test_a_shape_in_another_system_than_its_layer_is_broken_and_named(tmp_path):
    blob = b"GP\x00\x01" + struct.pack("<i", 4326) + struct.pack("<BIdd", 1, 1, 111.6, 36.1)
    (raw,) = read(damaged(tmp_path, "UPDATE w SET geom = ? WHERE fid = 2", blob), book=(book := Book("en")))
    assert raw.broken.tolist() == [False, True, False]
    (issue,) = book
    assert issue.code == "shape_elsewhere" and "4326" in issue.message and "rows 2" in issue.message


@pytest.mark.parametrize("number", [0, -1])
def test_a_writer_that_leaves_the_number_out_is_no_flaw(tmp_path, number):
    blob = b"GP\x00\x01" + struct.pack("<i", number) + struct.pack("<BIdd", 1, 1, X, Y)
    (raw,) = read(damaged(tmp_path, "UPDATE w SET geom = ? WHERE fid = 2", blob), book=(book := Book("en")))
    assert not raw.broken.any() and list(book) == []


def test_a_layer_without_its_table_is_named_with_those_that_are_whole(tmp_path):
    path = tmp_path / "p.gpkg"
    spots().to_file(path, layer="w")
    pipes().to_file(path, layer="给水", mode="a")
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE w")
        file.commit()
    with pytest.raises(FormatError, match=r"layer w.*others are 给水"):
        read(path)
    (raw,) = read(path, "给水")
    assert len(raw.table) == 2


def test_arcs_become_chords_within_the_stated_tolerance(tmp_path):
    """The half circle from (0, 0) over (50, 50) to (100, 0)."""
    path = tmp_path / "p.gpkg"
    spots(1).to_file(path, layer="w", geometry_type="Unknown")
    numbers = struct.pack("<6d", X, Y, X + 50, Y + 50, X + 100, Y)
    with closing(sqlite3.connect(path)) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f'DROP TRIGGER "{name}"')
        file.execute("UPDATE w SET geom = ?", (HEAD + struct.pack("<BII", 1, 8, 3) + numbers,))
        file.commit()
    (raw,) = read(path, book=(book := Book("en")))
    (issue,) = book
    assert issue.code == "curves" and "0.004 %" in issue.message and "rows 1" in issue.message
    points = shapely.get_coordinates(raw.geometry[0])
    middles = (points[1:] + points[:-1]) / 2
    sag = 50 - shapely.distance(shapely.points(middles), shapely.Point(X + 50, Y))
    assert 0 < sag.max() <= 50 * 0.00004
    assert raw.geometry[0].length == pytest.approx(math.pi * 50, rel=1e-4)


# ----------------------------------------------------------------------------------------------------- File Geodatabase


def gdb(folder: Path) -> Path:
    path = folder / "p.gdb"
    pipes().to_file(path, layer="给水管线", driver="OpenFileGDB")
    parcels().to_file(path, layer="地块", driver="OpenFileGDB", mode="a")
    return path


def test_layers_of_a_geodatabase(tmp_path):
    path = gdb(tmp_path)
    assert [(raw.layer, len(raw.table), raw.crs.to_epsg()) for raw in read(path)] == [
        ("给水管线", 2, 4546),
        ("地块", 3, 4546),
    ]
    (raw,) = read(path, "地块")
    assert raw.table["parcel"].tolist() == ["P1", "P2", "P3"] and raw.title == "p.gdb:地块"
    with pytest.raises(LayerError, match="给水管线, 地块"):
        read(path, "雨水")


def test_a_geodatabase_that_is_not_whole_or_in_use(tmp_path):
    path = gdb(tmp_path)
    (path / "a.sr.lock").write_bytes(b"")
    read(path, book=(book := Book("en")))
    assert codes(book) == ["gdb_open"]
    (path / "secret").symlink_to(os.devnull)
    with pytest.raises(ReadError, match="link that leads out"):
        read(path)
    (path / "secret").unlink()
    (path / "a00000001.gdbtable").unlink()
    with pytest.raises(ReadError, match=r"p\.gdb"):
        read(path)


def test_a_damaged_layer_names_the_others(tmp_path):
    path = gdb(tmp_path)
    large = max(path.glob("a*.gdbtable"), key=lambda file: int(file.stem[1:], 16))
    large.write_bytes(b"\x00" * 40)
    with pytest.raises(ReadError, match="给水管线"):
        read(path)
    (raw,) = read(path, "给水管线")
    assert len(raw.table) == 2


def test_arcs_of_a_real_geodatabase(tmp_path):
    (raw,) = read(shared("corpus") / "gdal-gdb" / "curve_circle_by_center.gdb", book=(book := Book("en")))
    assert codes(book) == ["curves"] and len(raw.table) == 6 and not raw.broken.any()


# ----------------------------------------------------------------------------------------------------------- FlatGeobuf


def test_a_flatgeobuf_that_is_cut_is_refused(tmp_path):
    path = tmp_path / "p.fgb"
    spots(200).to_file(path)
    data = path.read_bytes()
    (raw,) = read(path)
    assert sorted(raw.table["feature"]) == sorted(f"F{i}" for i in range(200))
    for share in (0.3, 0.6, 0.95):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(ReadError, match=r"p\.fgb"):
            read(path)
    path.write_bytes(b"fgb\x03fgb\x00" + b"\x00" * 100)
    with pytest.raises(LayerError, match=r"p\.fgb.*not one layer"):
        read(path)


# ----------------------------------------------------------------------------------------------------------- GeoParquet

parquet = pytest.importorskip("pyarrow.parquet")


def geo(path: Path, change: dict[str, object] | None) -> None:
    """Write the file again with another ``geo`` entry: keys of the shape column changed, or no entry at all."""
    table = parquet.read_table(path)
    said = json.loads(table.schema.metadata[b"geo"])
    if change is not None:
        said["columns"]["geometry"].update(change)
        if change.get("crs") == "none":
            del said["columns"]["geometry"]["crs"]
    meta = {b"geo": json.dumps(said).encode()} if change is not None else {}
    parquet.write_table(table.replace_schema_metadata(meta), path)


def test_geoparquet(tmp_path):
    path = tmp_path / "p.parquet"
    frame = pipes(
        whole=pd.array([1, None], dtype="Int64"), number=[1.5, None], day=pd.to_datetime(["2026-11-01", None]),
        flag=pd.array([True, None], dtype="boolean"),
    )  # fmt: skip
    frame.to_parquet(path)
    (raw,) = read(path)
    assert raw.crs.to_epsg() == 4546 and raw.layer == "p"
    assert shapely.equals(raw.geometry, frame.geometry.to_numpy()).all()
    first = {name: raw.table[name][0] for name in ("feature", "whole", "number", "flag")}
    assert first == {"feature": "W1", "whole": "1", "number": 1.5, "flag": "true"}
    assert raw.table["day"][0].startswith("2026-11-01")
    assert raw.table.loc[1, ["whole", "number", "day", "flag"]].isna().all()
    geo(path, {"crs": None})
    assert read(path)[0].crs is None
    geo(path, {"crs": "none"})
    assert read(path)[0].crs.to_epsg() == 4326, "without an entry the format means longitude and latitude"
    geo(path, {"encoding": "point"})
    with pytest.raises(FormatError, match="WKB"):
        read(path)
    geo(path, None)
    assert read(path)[0].geometry is None


def test_a_damaged_geoparquet_is_one_sentence(tmp_path):
    path = tmp_path / "p.parquet"
    pipes().to_parquet(path)
    data = path.read_bytes()
    for cut in (data[: len(data) // 2], b"PAR1" + b"\x00" * 50 + b"PAR1"):
        path.write_bytes(cut)
        with pytest.raises(FormatError, match=r"p\.parquet"):
            read(path)


def test_without_pyarrow_the_cure_is_said(tmp_path, monkeypatch):
    path = tmp_path / "p.parquet"
    pipes().to_parquet(path)
    real = builtins.__import__

    def missing(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ReadError, match=r'pip install "gisplan\[parquet\]".*GeoPackage'):
        read(path)


def test_a_layer_of_a_geodatabase_in_an_archive(tmp_path):
    path = gdb(tmp_path)
    packed = pack(tmp_path / "p.zip", sorted(path.iterdir()), tmp_path)
    (raw,) = read(packed, "地块")
    assert raw.title == "p.zip/p.gdb:地块"
