"""The ground as a GeoTIFF: the door of rasterio. Heights are taken at cell centres, many parcels at a time."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import rasterio.errors
import rasterio.windows
import shapely
from pyproj import CRS

from gisplan.base.errors import FormatError, MissingCRS
from gisplan.base.issues import Book
from gisplan.reading.coordinates import Change, change, crs_named, crs_of, crs_title
from gisplan.reading.formats.raw import Request, check_start, reason
from gisplan.reading.refusals import refusal

_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_AT_ONCE = 2_000_000
"""Cells looked at in one go: about 100 MB of coordinates."""
_LOWEST, _HIGHEST = -500.0, 9000.0


@dataclass(frozen=True)
class Cells:
    """Heights at points, and to which shape each point belongs.

    Attributes
    ----------
    owner
        Position of the shape in the input.
    x, y, z
        Coordinates (zone's CRS, m) and height (m) of each point that has one.
    expected
        Per shape: how many points it has, with and without a height.
    """

    owner: np.ndarray
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    expected: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """Per shape: how many of its points have a height."""
        return np.bincount(self.owner, minlength=len(self.expected))


@dataclass(frozen=True)
class Ground:
    """A DEM: the file, the day it shows, and how its coordinates relate to the zone's.

    Attributes
    ----------
    path
        The GeoTIFF.
    name
        Its name for messages.
    as_of
        The day of the survey, None if not stated.
    cell_m
        Size of a cell in m (about, where the DEM is in degrees).
    bounds
        West, south, east, north in the zone's CRS, m.
    """

    path: Path
    name: str
    as_of: dt.date | None
    cell_m: float
    bounds: tuple[float, float, float, float]
    to_file: Change
    to_zone: Change

    def sample(self, geometries: Sequence[shapely.Geometry] | np.ndarray) -> Cells:
        """Take heights at every cell centre inside a polygon, and every cell size along a line.

        Parameters
        ----------
        geometries
            Polygons and lines in the zone's CRS; empty ones have no points.

        Returns
        -------
        Cells
            Points whose height is not known (no data, outside the DEM, not finite) are left out and counted.
        """
        shapes = np.asarray(geometries, dtype=object)
        in_file = self.to_file.shapes(shapes)
        expected = np.zeros(len(shapes), dtype=np.int64)
        parts: list[tuple[np.ndarray, ...]] = []
        with _opened(self.path) as data:
            for owner, x, y in _points(in_file, data.transform):
                expected += np.bincount(owner, minlength=len(shapes))
                z = _heights(data, x, y)
                has = np.isfinite(z)
                parts.append((owner[has], *self.to_zone.points(x[has], y[has]), z[has]))
        if not parts:
            none = np.zeros(0)
            return Cells(np.zeros(0, dtype=np.int64), none, none, none, expected)
        owner, x, y, z = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(owner, kind="stable")
        return Cells(owner[order], x[order], y[order], z[order], expected)


def open_ground(
    path: Path, zone: CRS, as_of: dt.date | None, declared: str | None, place: tuple[Request, Book]
) -> Ground:
    """Look at a DEM and relate it to the zone.

    Raises
    ------
    FormatError
        The file is no GeoTIFF, has several bands, or no position.
    MissingCRS
        It names no coordinate system, or one with an unknown shift to the zone's.
    """
    request, book = place
    check_start(path, _STARTS, "GeoTIFF", request, book)
    try:
        with _opened(path) as data:
            own = crs_of(data.crs.to_wkt()) if data.crs else None
            count, transform, bounds = data.count, data.transform, data.bounds
    except (rasterio.errors.RasterioError, OSError) as error:
        raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error
    if count != 1 or transform.is_identity:
        raise refusal(FormatError, "dem_shape", book.lang, file=request.name, bands=count)
    crs = crs_named(declared, request.where, book.lang) if declared else own
    if crs is None:
        raise refusal(
            MissingCRS, "crs_missing", book.lang,
            file=request.name, where=request.where, line=f'crs = "{crs_title(zone)}"', count=1,
        )  # fmt: skip
    to_zone = change(crs, zone, request.name, request.where, book.lang)
    to_file = change(zone, crs, request.name, request.where, book.lang)
    corner_x = np.array([bounds.left, bounds.left, bounds.right, bounds.right])
    corner_y = np.array([bounds.bottom, bounds.top, bounds.bottom, bounds.top])
    x, y = to_zone.points(corner_x, corner_y)
    cells = max(abs(bounds.right - bounds.left) / abs(transform.a or transform.b), 1.0)
    cell_m = float(np.hypot(x[2] - x[0], y[2] - y[0]) / cells)
    box = (float(x.min()), float(y.min()), float(x.max()), float(y.max()))
    return Ground(path, request.name, as_of, cell_m, box, to_file, to_zone)


def _opened(path: Path) -> rasterio.io.DatasetReader:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return rasterio.open(path, driver="GTiff")


def _points(shapes: np.ndarray, transform: rasterio.Affine) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Lay points on shapes, in batches: (owner, x, y) in the file's coordinates."""
    dimension = np.where(shapely.is_missing(shapes) | shapely.is_empty(shapes), -1, shapely.get_dimensions(shapes))
    areas = np.flatnonzero(dimension == 2)
    yield from _inside(shapes, areas, transform)
    for batch in np.array_split(np.flatnonzero(dimension == 1), max(1, int((dimension == 1).sum() // 50_000))):
        step = float(np.sqrt(abs(transform.determinant)))
        counts = np.floor(shapely.length(shapes[batch]) / step).astype(np.int64) + 2
        owner = np.repeat(batch, counts)
        along = (np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)) * step
        point = shapely.line_interpolate_point(shapes[owner], np.minimum(along, shapely.length(shapes[owner])))
        yield owner, shapely.get_x(point), shapely.get_y(point)


def _inside(
    shapes: np.ndarray, areas: np.ndarray, transform: rasterio.Affine
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Give the cell centres inside polygons: all cells of each bounding box, then those that lie inside."""
    if not len(areas):
        return
    back = ~transform
    bounds = shapely.bounds(shapes[areas])
    corners_x, corners_y = bounds[:, [0, 0, 2, 2]], bounds[:, [1, 3, 1, 3]]
    column = back.a * corners_x + back.b * corners_y + back.c
    row = back.d * corners_x + back.e * corners_y + back.f
    first_column, first_row = np.floor(column.min(axis=1)), np.floor(row.min(axis=1))
    width = (np.floor(column.max(axis=1)) - first_column + 1).astype(np.int64)
    height = (np.floor(row.max(axis=1)) - first_row + 1).astype(np.int64)
    shapely.prepare(shapes[areas])
    size = width * height
    batch = np.cumsum(size) // _AT_ONCE
    for number in np.unique(batch):
        at = np.flatnonzero(batch == number)
        which = np.repeat(at, size[at])
        rank = np.arange(len(which)) - np.repeat(np.cumsum(size[at]) - size[at], size[at])
        c = first_column[which] + rank % width[which] + 0.5
        r = first_row[which] + rank // width[which] + 0.5
        x = transform.a * c + transform.b * r + transform.c
        y = transform.d * c + transform.e * r + transform.f
        owner = areas[which]
        inside = shapely.contains_xy(shapes[owner], x, y)
        yield owner[inside], x[inside], y[inside]


def _heights(data: rasterio.io.DatasetReader, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Take the height of the cell in which each point lies; NaN where there is none."""
    z = np.full(len(x), np.nan)
    if not len(x):
        return z
    back = ~data.transform
    column = np.floor(back.a * x + back.b * y + back.c)
    row = np.floor(back.d * x + back.e * y + back.f)
    on = (column >= 0) & (row >= 0) & (column < data.width) & (row < data.height)
    if not on.any():
        return z
    c, r = column[on].astype(np.int64), row[on].astype(np.int64)
    window = rasterio.windows.Window(c.min(), r.min(), c.max() - c.min() + 1, r.max() - r.min() + 1)
    band = data.read(1, window=window, masked=True)
    values = np.ma.filled(band.astype("float64"), np.nan)[r - r.min(), c - c.min()] * data.scales[0] + data.offsets[0]
    values[~((values > _LOWEST) & (values < _HIGHEST))] = np.nan
    z[on] = values
    return z
