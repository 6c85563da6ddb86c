"""GeoPackage (.gpkg): layers listed from its own table of contents, so that one odd layer does not hide the others."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from gisplan.base.errors import FormatError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import UNREADABLE, RawLayer, Request, check_start, choose, reason
from gisplan.reading.formats.vector import carry_all
from gisplan.reading.refusals import listing, refusal
from gisplan.reading.words import cell_text

_SOUND = {
    **dict.fromkeys(("BOOL", "TINYINT", "SMALLINT", "MEDIUMINT", "INT"), "'integer', 'null'"),
    **dict.fromkeys(("REAL", "DOUBLE", "FLOAT"), "'real', 'integer', 'null'"),
}
"""How a type of numbers begins, and what its cells may be."""
_BLOB = 8
"""What every shape begins with: GP, version, flags, and the number of its coordinate system."""


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
    found = choose(_contents(path, request, book), request, book)
    raws = carry_all(path, "GPKG", found, request, book, _stale(path, found))
    return [_checked(path, _typed(path, raw, book), book) for raw in raws]


def _stale(path: Path, layers: list[str]) -> list[str]:
    """Find the layers that have not as many rows as the file says: GDAL would read so many and no more."""
    out = []
    for layer in layers:
        try:
            with closing(_open(path)) as file:
                said = file.execute(
                    "SELECT feature_count FROM gpkg_ogr_contents WHERE lower(table_name) = lower(?)", (layer,)
                ).fetchone()
                there = file.execute(f"SELECT count(*) FROM {_quoted(layer)}").fetchone()
        except sqlite3.Error:  # no such table: then GDAL counts
            continue
        if said is not None and said[0] != there[0]:
            out.append(layer)
    return out


def _typed(path: Path, raw: RawLayer, book: Book) -> RawLayer:
    """Put back the text that stands in columns of numbers: SQLite lets it in, and GDAL makes 0 of it without a word."""
    try:
        with closing(_open(path)) as file:
            kinds = {
                str(row[1]): str(row[2]).upper() for row in file.execute(f"PRAGMA table_info({_quoted(raw.layer)})")
            }
            wanted = {n: _SOUND[k] for n in raw.table.columns for k in _SOUND if kinds.get(n, "").startswith(k)}
            if not wanted:
                return raw
            odd = [f"typeof({_quoted(name)}) NOT IN ({sound})" for name, sound in wanted.items()]
            columns = ", ".join([*(f"{_quoted(name)}, {test}" for name, test in zip(wanted, odd, strict=True))])
            found = file.execute(
                f"SELECT rowid, {columns} FROM {_quoted(raw.layer)} WHERE {' OR '.join(odd)}"
            ).fetchall()
    except sqlite3.Error:  # a view, say: it has no row numbers
        return raw
    if not found:
        return raw
    table, at = raw.table.copy(), {fid: row for row, fid in enumerate(raw.fids.tolist())}
    for i, name in enumerate(wanted):
        said = {at[row[0]]: row[1 + 2 * i] for row in found if row[2 + 2 * i] and row[0] in at}
        if said:
            texts = [cell_text(value) for value in table[name].tolist()]
            for row, value in said.items():
                texts[row] = value if isinstance(value, str) else UNREADABLE
            table[name] = pd.Series(texts, index=table.index, dtype="str")
            rows = listing(raw.fids[sorted(said)].tolist())
            book.add(
                "cells_no_number", "warning", "noted", (raw.file, raw.layer, ""),
                column=name, count=len(said), rows=rows,
            )  # fmt: skip
    return replace(raw, table=table)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _contents(path: Path, request: Request, book: Book) -> list[str]:
    try:
        with closing(_open(path)) as file:
            found = file.execute("SELECT table_name, data_type FROM gpkg_contents ORDER BY rowid").fetchall()
            there = {str(name).casefold() for (name,) in file.execute("SELECT name FROM sqlite_master")}
            shaped = []
            if "gpkg_geometry_columns" in there:
                shaped = [str(name) for (name,) in file.execute("SELECT table_name FROM gpkg_geometry_columns")]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error
    layers = [str(name) for name, kind in found if kind == "features"]
    tables = [str(name) for name, kind in found if kind == "attributes"]
    named = {name.casefold() for name in layers}
    hidden = [name for name in shaped if name.casefold() not in named and name.casefold() in there]
    if hidden and request.layer is None:
        # Reading only the others would leave features out, a closed valve perhaps.
        raise refusal(
            FormatError, "gpkg_hidden", book.lang,
            file=request.name, layers=listing(hidden), others=listing(layers) or "—", where=request.where,
        )  # fmt: skip
    gone = [name for name in (layers if request.layer is None else [request.layer]) if name.casefold() not in there]
    if gone and gone[0] in (*layers, *tables):
        others = listing([name for name in layers if name not in gone]) or "—"
        raise refusal(
            FormatError, "gpkg_table", book.lang, file=request.name, layer=gone[0], others=others, where=request.where
        )
    # QGIS keeps its drawing styles in a table beside the layers: tables count when named, or when there are no layers.
    return [*layers, *tables] if request.layer is not None or not layers else layers


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)


def _checked(path: Path, raw: RawLayer, book: Book) -> RawLayer:
    """Find shapes that GDAL takes for missing because they are damaged, and shapes in another system than the layer."""
    if raw.geometry is None:
        return raw
    try:
        with closing(_open(path)) as file:
            given, strange, found, own = _starts(file, raw.layer, bool(shapely.is_missing(raw.geometry).any()))
    except (sqlite3.Error, TypeError, ValueError):  # a view, say: what GDAL has read is all there is to know
        return raw
    odd = np.isin(raw.fids, strange)
    if odd.any():
        book.add(
            "shape_elsewhere", "warning", "noted", (raw.file, raw.layer, ""),
            count=int(odd.sum()), rows=listing(raw.fids[odd].tolist()), found=listing(found), crs=own,
        )  # fmt: skip
    damaged = shapely.is_missing(raw.geometry) & np.isin(raw.fids, given)
    geometry = raw.geometry.copy()
    geometry[odd] = None
    return replace(raw, geometry=geometry, broken=raw.broken | damaged | odd)


def _starts(file: sqlite3.Connection, layer: str, missing: bool) -> tuple[list[int], list[int], list[int], int]:
    """Look at how each shape begins.

    Returns
    -------
    tuple
        The rows that have bytes for a shape (looked up where shapes are missing), the rows in another system, the
        numbers of these systems, and that of the layer.
    """
    column, own = file.execute(
        "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE lower(table_name) = lower(?)", (layer,)
    ).fetchone()
    table, shape = _quoted(layer), _quoted(str(column))
    start = f"substr({shape}, 1, {_BLOB})"
    kinds = file.execute(f"SELECT DISTINCT {start}, typeof({shape}) FROM {table}").fetchall()
    systems: dict[int, list[bytes]] = {}
    for head, kind in kinds:
        if kind == "blob" and head is not None and head[:2] == b"GP" and len(head) == _BLOB:
            order = "little" if head[3] & 1 else "big"
            systems.setdefault(int.from_bytes(head[4:8], order, signed=True), []).append(head)  # type: ignore[arg-type]
    there = f"SELECT rowid FROM {table} WHERE {shape} IS NOT NULL"
    given = [row for (row,) in file.execute(there)] if missing else []
    # 0 and -1 mean that the writer did not care; one number for all shapes means that it cared as little.
    others = sorted(set(systems) - {own, 0, -1}) if len(set(systems) - {0, -1}) > 1 else []
    strange = [
        row
        for system in others
        for head in systems[system]
        for (row,) in file.execute(f"SELECT rowid FROM {table} WHERE {start} = ?", (head,))
    ]
    return given, strange, others, int(own)
