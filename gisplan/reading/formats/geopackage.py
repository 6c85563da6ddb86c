"""GeoPackage (.gpkg): layers listed from its own table of contents, so that one odd layer does not hide the others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gisplan.base.errors import FormatError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import RawLayer, Request, check_start, choose, reason
from gisplan.reading.formats.vector import carry, describe
from gisplan.reading.refusals import refusal


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read the layer that is asked for, or all layers.

    Raises
    ------
    ReadError
        The file is damaged or no GeoPackage.
    LayerError
        The layer is not in it.
    """
    check_start(path, (b"SQLite format 3\x00",), "GeoPackage", request, book)
    if path.with_name(path.name + "-wal").exists():
        book.add("gpkg_open", "warning", "noted", (request.name, "", ""))
    out = []
    for layer in choose(_contents(path, request, book), request, book):
        out.append(carry(path, layer, describe(path, "GPKG", layer, request, book), request, book))
    return out


def _contents(path: Path, request: Request, book: Book) -> list[str]:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
            found = file.execute("SELECT table_name, data_type FROM gpkg_contents ORDER BY rowid").fetchall()
    except sqlite3.Error as error:
        raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error
    layers = [str(name) for name, kind in found if kind == "features"]
    tables = [str(name) for name, kind in found if kind == "attributes"]
    # QGIS keeps its drawing styles in a table beside the layers: tables count when named, or when there are no layers.
    return [*layers, *tables] if request.layer is not None or not layers else layers
