"""Ids of 19 digits and with leading zeros, through every format: exact to the last digit, or refused; never rounded.

A format is added by a line in TEXTS (a column of text), NUMBERS (of whole numbers) or LOST (digits gone in the file).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
import xlsxwriter
from writing import dbf_with, pack

from gisplan.base.errors import LayerError
from gisplan.base.issues import Book
from gisplan.reading.columns import take
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import Request
from gisplan.reading.zone_file import Source

Writer = Callable[[gpd.GeoDataFrame, Path], Path]
TEXT = ["1100010010010000001", "0100010010010000031", "1100010010010000003", "007"]
NUMBER = ["1100010010010000001", "9007199254740993", "1100010010010000003", "7"]


def driver(suffix: str, **options: object) -> Writer:
    """Let GDAL write."""

    def write(frame: gpd.GeoDataFrame, folder: Path) -> Path:
        frame.to_file(folder / f"p{suffix}", **options)
        return folder / f"p{suffix}"

    return write


def packed(inner: Writer) -> Writer:
    """Pack what another writer has written."""

    def write(frame: gpd.GeoDataFrame, folder: Path) -> Path:
        inside = folder / "inside"
        inside.mkdir()
        inner(frame, inside)
        return pack(folder / "p.zip", [file for file in sorted(inside.rglob("*")) if file.is_file()], inside)

    return write


def parquet(frame: gpd.GeoDataFrame, folder: Path) -> Path:
    pytest.importorskip("pyarrow")
    frame.to_parquet(folder / "p.parquet")
    return folder / "p.parquet"


def shp_number(frame: gpd.GeoDataFrame, folder: Path) -> Path:
    """GDAL writes whole numbers of at most 18 digits; other programs write N(19)."""
    frame.drop(columns="number").assign(a=1).to_file(folder / "p.shp")
    cells = [b"" if pd.isna(value) else str(value).encode() for value in frame["number"]]
    dbf_with(folder / "p.dbf", b"number", b"N", 19, cells)
    return folder / "p.shp"


def kml_number(frame: gpd.GeoDataFrame, folder: Path) -> Path:
    """Write a Schema that calls the column ``int``: GDAL then reads 2147483647."""
    rows = [
        f"<Placemark><ExtendedData><SchemaData schemaUrl='#s'>{_cell(value)}</SchemaData></ExtendedData>"
        f"<Point><coordinates>111.6,36.1,0</coordinates></Point></Placemark>"
        for value in frame["number"]
    ]
    schema = "<Schema id='s' name='s'><SimpleField name='number' type='int'/></Schema>"
    text = f"<kml xmlns='http://www.opengis.net/kml/2.2'><Document>{schema}{''.join(rows)}</Document></kml>"
    (folder / "p.kml").write_text(text, encoding="utf-8")
    return folder / "p.kml"


def _cell(value: object) -> str:
    return "" if pd.isna(value) else f"<SimpleData name='number'>{value}</SimpleData>"


def csv(frame: gpd.GeoDataFrame, folder: Path) -> Path:
    pd.DataFrame(frame.drop(columns="geometry")).assign(name="x").to_csv(folder / "p.csv", index=False)
    return folder / "p.csv"


def xlsx(frame: gpd.GeoDataFrame, folder: Path) -> Path:
    with xlsxwriter.Workbook(folder / "p.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, "number")
        for row, value in enumerate(frame["number"], start=1):
            if isinstance(value, str):
                sheet.write_string(row, 0, value)
            elif pd.notna(value):
                sheet.write_number(row, 0, int(value))
        sheet.write_column(1, 1, ["x"] * len(frame))
        sheet.write_string(0, 1, "name")
    return folder / "p.xlsx"


PRO = {"driver": "OpenFileGDB", "layer_options": {"TARGET_ARCGIS_VERSION": "ARCGIS_PRO_3_2_OR_LATER"}}
TEXTS: dict[str, Writer] = {
    "gpkg": driver(".gpkg"),
    "shp": driver(".shp"),
    "geojson": driver(".geojson"),
    "gdb": driver(".gdb", driver="OpenFileGDB"),
    "kml": driver(".kml", driver="LIBKML"),
    "kmz": driver(".kmz", driver="LIBKML"),
    "fgb": driver(".fgb"),
    "parquet": parquet,
    "csv": csv,
    "xlsx": xlsx,
    "zip-shp": packed(driver(".shp")),
    "zip-gdb": packed(driver(".gdb", driver="OpenFileGDB")),
    "zip-gpkg": packed(driver(".gpkg")),
    "zip-geojson": packed(driver(".geojson")),
}
NUMBERS: dict[str, Writer] = {
    "gpkg": driver(".gpkg"),
    "shp": shp_number,
    "geojson": driver(".geojson"),
    "gdb": driver(".gdb", **PRO),
    "kml": kml_number,
    "kml-text": driver(".kml", driver="LIBKML"),
    "kmz": driver(".kmz", driver="LIBKML"),
    "fgb": driver(".fgb"),
    "parquet": parquet,
    "csv": csv,
    "zip-shp": packed(shp_number),
    "zip-gdb": packed(driver(".gdb", **PRO)),
}
LOST: dict[str, Writer] = {
    "xlsx": xlsx,
    "gdb": lambda frame, folder: driver(".gdb", driver="OpenFileGDB")(
        frame.assign(number=frame["number"].astype("Float64").to_numpy(dtype=float, na_value=float("nan"))), folder
    ),
}


def frame(values: object) -> gpd.GeoDataFrame:
    shapes = [shapely.Point(554000.0 + i, 4002000.0) for i in range(len(TEXT))]
    return gpd.GeoDataFrame({"number": values}, geometry=shapes, crs="EPSG:4546")


def ids(path: Path) -> list[object]:
    """Read the ids as a zone reads those of its parcels."""
    (raw,) = registry.read(path, Request(path.name, "[parcels]"), Book("en"))
    source = Source("parcels", "[parcels]", file=path.name, columns={"parcel": "number"})
    return take(raw, "parcels", source, Book("en")).frame["parcel"].tolist()


@pytest.mark.parametrize("null", [False, True], ids=["full", "null"])
@pytest.mark.parametrize("name", TEXTS)
def test_text_ids_survive(tmp_path, name, null):
    given = [None if null and i == 3 else value for i, value in enumerate(TEXT)]
    found = ids(TEXTS[name](frame(given), tmp_path))
    assert {v for v in found if pd.notna(v)} == {v for v in given if v is not None}
    # A blank cell at the end of a table may be a missing row there, and nowhere else.
    assert sum(pd.isna(v) for v in found) == null


@pytest.mark.parametrize("null", [False, True], ids=["full", "null"])
@pytest.mark.parametrize("name", NUMBERS)
def test_whole_number_ids_survive(tmp_path, name, null):
    given = [None if null and i == 3 else int(value) for i, value in enumerate(NUMBER)]
    found = ids(NUMBERS[name](frame(pd.array(given, dtype="Int64")), tmp_path))
    assert {v for v in found if pd.notna(v)} == {str(v) for v in given if v is not None}
    assert sum(pd.isna(v) for v in found) == null


@pytest.mark.parametrize("null", [False, True], ids=["full", "null"])
@pytest.mark.parametrize("name", LOST)
def test_ids_that_the_file_has_rounded_are_refused(tmp_path, name, null):
    given = [None if null and i == 3 else int(value) for i, value in enumerate(NUMBER)]
    path = LOST[name](frame(pd.array(given, dtype="Int64")), tmp_path)
    with pytest.raises(LayerError, match="lost digits"):
        ids(path)


@pytest.mark.parametrize("name", ["gpkg", "fgb", "geojson", "gdb", "parquet"])
def test_small_whole_numbers_with_blanks_stay_whole(tmp_path, name):
    """They arrive as floats; no ``12.0`` may come of it."""
    path = NUMBERS[name](frame(pd.array([12, None, 0, -3], dtype="Int64")), tmp_path)
    found = ids(path)
    assert sorted(str(v) for v in found if pd.notna(v)) == ["-3", "0", "12"]
