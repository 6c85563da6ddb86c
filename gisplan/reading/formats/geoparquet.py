"""GeoParquet (.parquet), through pyarrow where it is installed: its door. Cells become text, with every digit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gisplan.base.errors import FormatError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import RawLayer, Request, check_start, choose, reason
from gisplan.reading.formats.vector import shapes
from gisplan.reading.places.coordinates import crs_of
from gisplan.reading.refusals import refusal

_LARGEST = 1 << 30


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read the one table of a Parquet file, and its shapes where it has some.

    Raises
    ------
    ReadError
        The file is damaged, too large, its shapes are not WKB, or pyarrow is not installed.
    """
    check_start(path, (b"PAR1",), "Parquet", request, book)
    choose([path.stem], request, book)
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise refusal(ReadError, "parquet_missing", book.lang, file=request.name, where=request.where) from error
    try:
        with parquet.ParquetFile(path) as file:
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            if sum(group.total_byte_size for group in groups) > _LARGEST:
                raise refusal(ReadError, "too_large", book.lang, file=request.name)
            said = (file.schema_arrow.metadata or {}).get(b"geo")
            rows = file.read()
            return [_layer(path.stem, rows, {} if said is None else json.loads(said), request, book)]
    except (ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, ReadError):
            raise
        raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error


def _layer(name: str, rows: Any, said: dict[str, Any], request: Request, book: Book) -> RawLayer:
    """Make a raw layer of an Arrow table and the ``geo`` entry of the file."""
    spatial: dict[str, dict[str, Any]] = said.get("columns", {})
    columns = {str(field): _text(rows.column(i)) for i, field in enumerate(rows.column_names) if field not in spatial}
    fids = np.arange(1, rows.num_rows + 1)
    table = pd.DataFrame(columns, index=pd.RangeIndex(rows.num_rows))
    if not said:
        return RawLayer(request.name, name, table, fids)
    own = spatial[said["primary_column"]]
    if own["encoding"] != "WKB":
        raise refusal(FormatError, "parquet_shapes", book.lang, file=request.name, found=own["encoding"])
    wkb = np.empty(rows.num_rows, dtype=object)
    wkb[:] = rows.column(said["primary_column"]).to_pylist()
    geometry, broken = shapes(wkb)
    # Without an entry the format means longitude and latitude; with the entry null nobody knows.
    system = own.get("crs", "OGC:CRS84")
    crs = crs_of("EPSG:4326" if system == "OGC:CRS84" else json.dumps(system)) if system is not None else None
    return RawLayer(request.name, name, table, fids, geometry, broken, crs)


def _text(column: Any) -> pd.Series:
    """Give a column as text; only floats stay numbers, so that ids which have lost digits are known by that."""
    from pyarrow import ArrowException, types

    if types.is_floating(column.type):
        return pd.Series(column.to_numpy(zero_copy_only=False), dtype="float64")
    try:
        cells = column.cast("string").to_pylist()
    except ArrowException:  # lists and structures; what they hold is shown as it stands
        cells = [None if cell is None else str(cell) for cell in column.to_pylist()]
    return pd.Series(cells, dtype="str")
