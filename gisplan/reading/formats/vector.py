"""The door of fiona and pyogrio: fiona describes a file (layers, schema, CRS), pyogrio carries the rows."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fiona
import fiona.errors
import numpy as np
import pandas as pd
import pyogrio.errors
import pyogrio.raw
import shapely
from pyproj import CRS

from gisplan.base.errors import EncodingError, FormatError
from gisplan.base.issues import Book
from gisplan.reading.coordinates import crs_of
from gisplan.reading.formats.raw import RawLayer, Request, reason
from gisplan.reading.refusals import refusal

# fiona and pyogrio log what they also raise; a planner should read it once.
logging.getLogger("fiona").setLevel(logging.CRITICAL)
logging.getLogger("pyogrio").setLevel(logging.CRITICAL)

_ANY = "ISO-8859-1"


@dataclass(frozen=True)
class Description:
    """What a layer says about itself: driver, field types, shape type, CRS."""

    driver: str
    schema: dict[str, str]
    shape: str
    crs: CRS | None


@contextmanager
def _doors(path: Path, request: Request, book: Book) -> Iterator[None]:
    """Turn what the libraries raise into one sentence with the file's name."""
    try:
        with warnings.catch_warnings():
            # What they warn of (odd ring order, int with nulls, …) is checked here feature by feature.
            warnings.simplefilter("ignore")
            yield
    except UnicodeDecodeError as error:
        raise refusal(EncodingError, "text_encoding", book.lang, file=request.name, where=request.where) from error
    except (fiona.errors.FionaError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error
    except (RuntimeError, ValueError, OverflowError, OSError) as error:
        # pyogrio's FeatureError, FieldError and GeometryError are RuntimeErrors of one layer.
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


def carry(path: Path, layer: str, described: Description, request: Request, book: Book) -> RawLayer:
    """Let pyogrio carry the rows of a layer, and read each shape by itself.

    Columns of whole numbers with blanks arrive as floats; they are read again through fiona, which keeps every digit.
    """
    with _doors(path, request, book):
        meta, fids, wkb, data = pyogrio.raw.read(
            str(path), layer=layer, return_fids=True, force_2d=True, datetime_as_string=True
        )
    columns = {str(name): pd.Series(values) for name, values in zip(meta["fields"], data, strict=True)}
    again = [
        name
        for name, kind in described.schema.items()
        if kind.startswith(("int", "bool")) and name in columns and pd.api.types.is_float_dtype(columns[name])
    ]
    if again:
        columns.update(_exact(path, layer, again, request, book))
    table = pd.DataFrame(columns, index=pd.RangeIndex(len(fids)))
    geometry, broken = (None, np.zeros(len(fids), dtype=bool)) if wkb is None else shapes(wkb)
    return RawLayer(request.name, layer, table, np.asarray(fids), geometry, broken, described.crs)


def positions(path: Path, layer: str, request: Request, book: Book) -> tuple[np.ndarray, np.ndarray]:
    """Let pyogrio carry the row numbers and shapes (as WKB) of a layer, and no columns."""
    with _doors(path, request, book):
        _, fids, wkb, _ = pyogrio.raw.read(
            str(path), layer=layer, columns=[], return_fids=True, force_2d=True, encoding=_ANY
        )
    return np.asarray(fids), np.asarray(wkb, dtype=object)


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


def _exact(path: Path, layer: str, columns: list[str], request: Request, book: Book) -> dict[str, pd.Series]:
    """Read columns of whole numbers without losing a digit."""
    rows: dict[str, list[str | None]] = {name: [] for name in columns}
    with _doors(path, request, book), fiona.open(str(path), layer=layer, ignore_geometry=True) as found:
        for record in found:
            for name, values in rows.items():
                value = record["properties"][name]
                values.append(None if value is None else str(value).lower() if isinstance(value, bool) else str(value))
    return {name: pd.Series(values, dtype="str") for name, values in rows.items()}
