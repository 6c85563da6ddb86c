"""The door of fiona and pyogrio: fiona describes a file (layers, schema, CRS), pyogrio carries the rows."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fiona
import fiona.errors
import numpy as np
import pandas as pd
import pyogrio
import pyogrio.errors
import pyogrio.raw
import shapely
from fiona._err import CPLE_BaseError
from pyproj import CRS

from gisplan.base.errors import EncodingError, FormatError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import UNREADABLE, RawLayer, Request, reason
from gisplan.reading.places.coordinates import crs_of
from gisplan.reading.refusals import listing, refusal

# fiona and pyogrio log what they also raise; a planner should read it once.
logging.getLogger("fiona").setLevel(logging.CRITICAL)
logging.getLogger("pyogrio").setLevel(logging.CRITICAL)

_ANY = "ISO-8859-1"
_STEP = 1.0
"""Arcs become chords of this many degrees: the chord is nowhere farther from the arc than 0.004 % of its radius."""
pyogrio.set_gdal_config_options({"OGR_ARC_STEPSIZE": str(_STEP)})

_EXACT = 2.0**53
_STRAIGHT = {
    "GPKG": ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"),
    # A File Geodatabase calls arcs MultiLineString and MultiPolygon too.
    "OpenFileGDB": ("Point", "MultiPoint"),
}
"""Per driver that knows arcs: the shape types that hold none."""
EVERY = "1=1"
"""A filter that lets every row pass: GDAL then counts the rows, and does not believe what the file says of them."""
_SAID = 5
_FEW = 1000
"""More rows than this are never carried one by one: then it is the file that is broken."""


@dataclass(frozen=True)
class Description:
    """What a layer says about itself: driver, field types, shape type, CRS."""

    driver: str
    schema: dict[str, str]
    shape: str
    crs: CRS | None


@dataclass(frozen=True)
class _Rows:
    """Rows of a layer as pyogrio hands them over; `spoilt` are the row numbers with a cell that cannot be read."""

    fields: list[str]
    fids: np.ndarray
    wkb: np.ndarray | None
    data: list[np.ndarray]
    lost: np.ndarray
    spoilt: list[int]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries from printing to the screen that a message of GDAL is in no encoding; it is raised, too."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def _doors(path: Path, request: Request, book: Book) -> Iterator[None]:
    """Turn what the libraries raise into one sentence with the file's name."""
    try:
        with _quiet(), warnings.catch_warnings():
            # What they warn of (odd ring order, int with nulls, …) is checked here feature by feature.
            warnings.simplefilter("ignore")
            yield
    except UnicodeDecodeError as error:
        raise refusal(EncodingError, "text_encoding", book.lang, file=request.name, where=request.where) from error
    except (fiona.errors.FionaError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error
    except (RuntimeError, ValueError, OverflowError, OSError, CPLE_BaseError, SystemError, NameError) as error:
        # pyogrio's FeatureError, FieldError and GeometryError are RuntimeErrors of one layer. The last three are what
        # fiona lets through of a damaged file: an error of GDAL in a clean-up, and variables that were never set.
        raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error


def describe(path: Path, driver: str, layer: str, request: Request, book: Book) -> Description:
    """Ask fiona what a layer is; only the driver that belongs to the suffix may answer."""
    # The names in a DBF are decoded by dbf.py; here any encoding will do that never fails.
    said = {"encoding": _ANY} if driver == "ESRI Shapefile" else {}
    with _doors(path, request, book), fiona.open(str(path), layer=layer, enabled_drivers=[driver], **said) as found:
        schema = {str(name): str(kind) for name, kind in found.schema["properties"].items()}
        return Description(found.driver, schema, str(found.schema["geometry"]), crs_of(found.crs_wkt))


def names(path: Path, request: Request, book: Book) -> list[str]:
    """List the layers of a file."""
    with _doors(path, request, book):
        return [str(name) for name in fiona.listlayers(str(path))]


def carry(
    path: Path, layer: str, described: Description, request: Request, book: Book, where: str | None = None
) -> RawLayer:
    """Let pyogrio carry the rows of a layer, and read each shape by itself.

    Columns of whole numbers with blanks arrive as floats; they become whole numbers again, and where they are too
    large for a float they are read again through fiona, which keeps every digit.
    """
    rows = _rows(path, layer, request, book, where)
    columns = {name: pd.Series(values) for name, values in zip(rows.fields, rows.data, strict=True)}
    whole = [
        name
        for name, kind in described.schema.items()
        if kind.startswith(("int", "bool")) and name in columns and pd.api.types.is_float_dtype(columns[name])
    ]
    large = [name for name in whole if (columns[name].abs() >= _EXACT).any()]
    for name in whole:
        columns[name] = _text_of_whole(columns[name], described.schema[name].startswith("bool"))
    if large:
        columns.update(_exact(path, layer, (large, rows.fids), request, book))
    table = pd.DataFrame(columns, index=pd.RangeIndex(len(rows.fids)))
    if rows.wkb is None:
        geometry, broken = None, np.zeros(len(rows.fids), dtype=bool)
    else:
        geometry, broken = shapes(rows.wkb)
    if rows.spoilt:
        fids = [int(rows.fids[i]) for i in rows.spoilt]
        book.add("cells_unreadable", "warning", "noted", (request.name, layer, ""),
                 count=len(fids), rows=listing(fids), where=request.where)  # fmt: skip
    broken = broken | rows.lost
    return RawLayer(request.name, layer, table, rows.fids, geometry, broken, described.crs)


def carry_all(
    path: Path, driver: str, layers: list[str], request: Request, book: Book, recount: Collection[str] = ()
) -> list[RawLayer]:
    """Carry several layers of a file; one that cannot be read is named, with what to do about it.

    Of the layers in `recount` the number of rows that the file itself states is not believed: rows beyond it would be
    left out without a word.

    Raises
    ------
    ReadError
        A layer cannot be read. It is not left out silently: a closed valve may be in it.
    """
    out = []
    for layer in layers:
        try:
            described = describe(path, driver, layer, request, book)
            raw = carry(path, layer, described, request, book, EVERY if layer in recount else None)
            straight = described.shape.removeprefix("3D ") in _STRAIGHT.get(driver, described.shape)
            if raw.geometry is not None and not straight:
                note_curves(curved(path, layer, request, book), layer, request, book)
        except ReadError as error:
            others = [name for name in layers if name != layer]
            if not others:
                raise
            raise refusal(
                FormatError, "layer_broken", book.lang,
                file=request.name, layer=layer, why=error, others=listing(others), where=request.where,
            ) from error  # fmt: skip
        out.append(raw)
    return out


def stated(path: Path, layer: str, request: Request, book: Book) -> int:
    """Give the number of features that a layer itself states, -1 where it states none."""
    with _doors(path, request, book):
        return int(pyogrio.read_info(str(path), layer=layer)["features"])


def positions(path: Path, layer: str, request: Request, book: Book) -> tuple[np.ndarray, np.ndarray]:
    """Let pyogrio carry the row numbers and shapes (as WKB) of a layer, and no columns."""
    with _doors(path, request, book):
        _, fids, wkb, _ = pyogrio.raw.read(str(path), layer=layer, columns=[], return_fids=True, encoding=_ANY)
    return np.asarray(fids), np.asarray(wkb, dtype=object)


def curved(path: Path, layer: str, request: Request, book: Book) -> np.ndarray:
    """Give the row numbers of the shapes that have arcs; `carry` turns arcs into chords."""
    quoted = layer.replace("\\", "\\\\").replace('"', '\\"')
    kind = "OGR_GEOMETRY"
    where = " OR ".join(f"{kind} LIKE '%{word}%'" for word in ("CURVE", "SURFACE", "CIRCULAR"))
    with _doors(path, request, book):
        _, fids, _, _ = pyogrio.raw.read(
            str(path), sql=f'SELECT {kind} FROM "{quoted}" WHERE {where}', sql_dialect="OGRSQL",
            read_geometry=False, return_fids=True,
        )  # fmt: skip
    return np.asarray(fids)


def note_curves(fids: np.ndarray, layer: str, request: Request, book: Book) -> None:
    """Write down which shapes had arcs, and how far a chord lies from its arc at most."""
    if len(fids):
        share = 100 * (1 - float(np.cos(np.radians(_STEP / 2))))
        book.add("curves", "info", "repaired", (request.name, layer, ""),
                 count=len(fids), rows=listing(fids), share=f"{share:.3f}")  # fmt: skip


def shapes(wkb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read shapes one by one: a broken one costs itself, not its layer.

    Returns
    -------
    tuple
        The shapes (None where missing or broken), and which are broken.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        geometry = shapely.from_wkb(wkb, on_invalid="ignore")
    given = np.array([shape is not None for shape in wkb], dtype=bool)
    return geometry, given & shapely.is_missing(geometry)


def _rows(path: Path, layer: str, request: Request, book: Book, where: str | None) -> _Rows:
    """Carry all rows at once; where that fails because of some rows, carry the others."""
    with _quiet(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            rows = _some(path, layer, where)
        except (UnicodeDecodeError, pyogrio.errors.FeatureError, pyogrio.errors.GeometryError) as error:
            with _doors(path, request, book):
                rows = _salvaged(path, layer, where, error)
        except (RuntimeError, ValueError, OverflowError, OSError):
            with _doors(path, request, book):
                raise
    for text in list(dict.fromkeys(reason(Exception(str(w.message)), path) for w in said))[:_SAID]:
        measured = text.startswith("Measured (M)")
        code = "measures_left" if measured else "library_warning"
        severity = "info" if measured else "warning"
        book.add(code, severity, "noted", (request.name, layer, ""), text=text, count=len(rows.fids))
    return rows


def _some(path: Path, layer: str, where: str | None, start: int = 0, count: int | None = None) -> _Rows:
    """Carry `count` rows from row `start` on, all in one go."""
    meta, fids, wkb, data = pyogrio.raw.read(
        str(path), layer=layer, skip_features=start, max_features=count, where=where,
        return_fids=True, datetime_as_string=True,
    )  # fmt: skip
    fields = [str(name) for name in meta["fields"]]
    return _Rows(fields, np.asarray(fids), wkb, list(data), np.zeros(len(fids), dtype=bool), [])


def counted(path: Path, layer: str) -> int:
    """Count the rows of a layer, one by one."""
    _, fids, _, _ = pyogrio.raw.read(
        str(path), layer=layer, columns=[], read_geometry=False, return_fids=True, where=EVERY
    )
    return len(fids)


def miscounted(path: Path, layer: str) -> bool:
    """Tell whether a layer has not as many rows as it states, or cannot be counted.

    GDAL takes a table that is cut off for an empty one; told to count, it fails.
    """
    try:
        with _quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return counted(path, layer) != int(pyogrio.read_info(str(path), layer=layer)["features"])
    except (RuntimeError, ValueError, OSError):
        return True


def catalogue(path: Path) -> dict[str, str]:
    """List the tables that a File Geodatabase should have, and the file of each; none where it does not say."""
    try:
        with _quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, fids, _, data = pyogrio.raw.read(
                str(path), layer="GDB_SystemCatalog", columns=["Name"], read_geometry=False, return_fids=True
            )
    except (RuntimeError, ValueError, OSError):
        return {}
    return {str(name): f"a{fid:08x}.gdbtable" for fid, name in zip(fids.tolist(), data[0].tolist(), strict=True)}


def _salvaged(path: Path, layer: str, where: str | None, error: Exception) -> _Rows:
    """Find the rows that spoil their layer by halving, and carry what can be read of each of them."""
    info = pyogrio.read_info(str(path), layer=layer, force_feature_count=True)
    total = int(info["features"]) if where is None else counted(path, layer)
    budget = min(_FEW, max(1, total // 2))
    found: list[_Rows] = []
    waiting = [(0, total)]
    while waiting:
        start, count = waiting.pop()
        try:
            found.append(_some(path, layer, where, start, count))
        except (UnicodeDecodeError, RuntimeError, ValueError, OverflowError):
            if count > 1:
                half = count // 2
                waiting += [(start + half, count - half), (start, half)]
                continue
            budget -= 1
            if budget < 0:
                raise error from None
            found.append(_row(path, layer, where, start, [str(name) for name in info["fields"]]))
    return _together(found)


def _row(path: Path, layer: str, where: str | None, start: int, fields: list[str]) -> _Rows:
    """Carry one row cell by cell; what cannot be read of it is marked."""

    def ask(columns: list[str], shape: bool) -> tuple[np.ndarray, np.ndarray | None, list[np.ndarray]] | None:
        try:
            _, fids, wkb, data = pyogrio.raw.read(
                str(path), layer=layer, skip_features=start, max_features=1, columns=columns, read_geometry=shape,
                where=where, return_fids=True, datetime_as_string=True,
            )  # fmt: skip
        except (UnicodeDecodeError, RuntimeError, ValueError, OverflowError):
            return None
        return np.asarray(fids), wkb, list(data)

    bare, shape = ask([], False), ask([], True)
    fids = bare[0] if bare is not None else np.array([start])
    cells = []
    for name in fields:
        cell = ask([name], False)
        cells.append(np.array([UNREADABLE], dtype=object) if cell is None or not cell[2] else cell[2][0])
    wkb = np.array([None], dtype=object) if shape is None else shape[1]
    return _Rows(fields, fids, wkb, cells, np.array([shape is None]), [0])


def _together(parts: list[_Rows]) -> _Rows:
    """Put the rows together again, in the order of the file."""
    first, offset, spoilt = parts[0], 0, []
    for part in parts:
        spoilt += [offset + i for i in part.spoilt]
        offset += len(part.fids)
    data = []
    for i in range(len(first.fields)):
        cells = [part.data[i] for part in parts]
        kind = object if any(c.dtype == object for c in cells) else np.result_type(*cells)
        data.append(np.concatenate([c.astype(kind) for c in cells]))
    plain = all(part.wkb is None for part in parts if not part.lost.all())
    wkb = None if plain else np.concatenate([_none(part) if part.wkb is None else part.wkb for part in parts])
    fids = np.concatenate([part.fids for part in parts])
    return _Rows(first.fields, fids, wkb, data, np.concatenate([part.lost for part in parts]), spoilt)


def _none(part: _Rows) -> np.ndarray:
    return np.full(len(part.fids), None, dtype=object)


def _text_of_whole(values: pd.Series, flags: bool) -> pd.Series:
    """Write whole numbers that arrived as floats as the text they are."""
    there = values.notna().to_numpy()
    out = np.full(len(values), None, dtype=object)
    numbers = values.to_numpy(dtype="float64")[there]
    # What is too large for a float is read again by the caller; here it must only not overflow.
    plain = np.where(np.abs(numbers) < _EXACT, numbers, 0).astype(np.int64)
    out[there] = np.array(["false", "true"], dtype=object)[plain.clip(0, 1)] if flags else plain.astype("str")
    return pd.Series(out, dtype="str")


def _exact(
    path: Path, layer: str, wanted: tuple[list[str], np.ndarray], request: Request, book: Book
) -> dict[str, pd.Series]:
    """Read columns of whole numbers without losing a digit."""
    columns, fids = wanted
    rows: dict[str, dict[int, str]] = {name: {} for name in columns}
    with _doors(path, request, book), fiona.open(str(path), layer=layer, ignore_geometry=True) as found:
        for record in found:
            for name, values in rows.items():
                value = record["properties"][name]
                if value is not None:
                    values[int(record["id"])] = str(value)
    return {name: pd.Series([values.get(fid) for fid in fids.tolist()], dtype="str") for name, values in rows.items()}
