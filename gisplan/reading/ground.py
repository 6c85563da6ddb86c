"""The ground: heights at the middle of cells in parcels and along lines, many at a time, whatever they come from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

import numpy as np
import shapely

from gisplan.base.errors import MissingCRS, ProfileError
from gisplan.base.issues import Book
from gisplan.base.labels import Label
from gisplan.base.units import YELLOW_SEA_1956_M
from gisplan.reading.formats.raw import RawGrid
from gisplan.reading.places.coordinates import Change, Gate, change, crs_named, crs_title
from gisplan.reading.refusals import listing, note, refusal
from gisplan.reading.zone_file import Source

LOWEST, HIGHEST = -500.0, 9000.0
"""Heights in m beyond which nothing is ground."""
_AT_ONCE = 2_000_000
"""Cells looked at in one go: about 100 MB of coordinates."""

Affine = tuple[float, float, float, float, float, float]
Points = tuple[np.ndarray, np.ndarray, np.ndarray]


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
        Per shape: how many cell centres or places along a line it has, with and without a height.
    between
        Which points are no cell centres but were surveyed themselves. Many of them in one corner must neither count as
        ground that is known nor outweigh the rest: they tell of tops and hollows only.
    """

    owner: np.ndarray
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    expected: np.ndarray
    between: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """Per shape: how many of the expected points have a height."""
        return np.bincount(self.owner[~self.between], minlength=len(self.expected))


class Surface(Protocol):
    """Where heights come from: a lattice of cells, and the height at any place."""

    @property
    def affine(self) -> Affine:
        """From column and row of a cell to x and y."""

    @property
    def to_own(self) -> Change:
        """The way from the zone's coordinates to those of the surface."""

    @property
    def to_zone(self) -> Change:
        """The way back."""

    def heights(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Give the height at each place (in the surface's coordinates), NaN where it is not known."""

    def bare(self, areas: np.ndarray) -> np.ndarray:
        """Tell in which areas too little was surveyed for a surface to be known."""

    def own(self, areas: np.ndarray) -> Points:
        """Give the places inside areas that were surveyed themselves: (owner, x, y)."""


@dataclass(frozen=True)
class Ground:
    """The ground of a zone.

    Attributes
    ----------
    name
        Its name for messages.
    as_of
        The day of the survey, None if not stated.
    cell_m
        Size of a cell in m (about, where the surface is in degrees).
    bounds
        West, south, east, north in the zone's CRS, m.
    surface
        Where the heights come from.
    shift_m
        What is added to every height, to bring it into the datum of 1985.
    notes
        Sentences for every output.
    """

    name: str
    as_of: dt.date | None
    cell_m: float
    bounds: tuple[float, float, float, float]
    surface: Surface
    shift_m: float = 0.0
    notes: tuple[Label, ...] = ()

    def sample(self, geometries: Sequence[shapely.Geometry] | np.ndarray) -> Cells:
        """Take heights at every cell centre inside a polygon, and every cell size along a line.

        Parameters
        ----------
        geometries
            Polygons and lines in the zone's CRS; empty ones have no points.

        Returns
        -------
        Cells
            Points whose height is not known (no data, outside the survey, not finite) are left out and counted.
        """
        shapes = np.asarray(geometries, dtype=object)
        surface = self.surface
        own = surface.to_own.shapes(shapes)
        bare = surface.bare(own)
        expected = np.zeros(len(shapes), dtype=np.int64)
        parts: list[tuple[np.ndarray, ...]] = []
        lattice = ((False, points) for points in _points(own, surface.affine))
        for between, (owner, x, y) in chain(lattice, [(True, surface.own(own))]):
            expected += 0 if between else np.bincount(owner, minlength=len(shapes))
            z = surface.heights(x, y) + self.shift_m
            has = (z > LOWEST) & (z < HIGHEST) & ~bare[owner]
            parts.append((owner[has], *surface.to_zone.points(x[has], y[has]), z[has], np.full(has.sum(), between)))
        owner, x, y, z, surveyed = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(owner, kind="stable")
        return Cells(owner[order], x[order], y[order], z[order], expected, surveyed[order])


@dataclass(frozen=True)
class Grid:
    """A grid of heights as a file holds it: each place has the height of its cell."""

    raw: RawGrid
    to_own: Change
    to_zone: Change
    inverse: Affine = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inverse", _inverse(self.raw.affine))

    @property
    def affine(self) -> Affine:
        """From column and row to x and y, as the file has it."""
        return self.raw.affine

    def heights(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Take the height of the cell in which each point lies; NaN where there is none."""
        z = np.full(len(x), np.nan)
        a, b, c, d, e, f = self.inverse
        column, row = np.floor(a * x + b * y + c), np.floor(d * x + e * y + f)
        deep, wide = self.raw.heights.shape
        on = (column >= 0) & (row >= 0) & (column < wide) & (row < deep)
        z[on] = self.raw.heights[row[on].astype(np.int64), column[on].astype(np.int64)]
        return z

    def bare(self, areas: np.ndarray) -> np.ndarray:
        """Every cell of a grid stands for itself: no area has too few."""
        return np.zeros(len(areas), dtype=bool)

    def own(self, areas: np.ndarray) -> Points:
        """Give none: what was surveyed are the cells."""
        none = np.zeros(0)
        return np.zeros(0, dtype=np.int64), none, none


def of_grid(raw: RawGrid, source: Source, gate: Gate, book: Book) -> Ground:
    """Relate a grid of heights to the zone.

    Raises
    ------
    MissingCRS
        It names no coordinate system, or one with an unknown shift to the zone's.
    ProfileError
        zone.toml says of it what can only be said of points and lines.
    """
    own = {"axes": source.swapped, "unit": source.unit_m, "units": source.units, "columns": source.columns}
    more = [key for key, said in {**own, "shift": source.shift, "layer": source.layer}.items() if said]
    if more:
        keys = listing(more)
        raise refusal(ProfileError, "grid_keys", book.lang, file=raw.file, where=source.where, keys=keys)
    crs = crs_named(source.crs, source.where, book.lang) if source.crs else raw.crs
    if crs is None:
        raise refusal(
            MissingCRS, "crs_missing", book.lang,
            file=raw.file, where=source.where, line=f'crs = "{crs_title(gate.crs)}"', count=1,
        )  # fmt: skip
    to_zone = change(crs, gate.crs, raw.file, source.where, book.lang)
    to_own = change(gate.crs, crs, raw.file, source.where, book.lang)
    a, b, c, d, e, f = raw.affine
    deep, wide = raw.heights.shape
    column, row = np.array([0, 0, wide, wide]), np.array([deep, 0, deep, 0])
    x, y = to_zone.points(a * column + b * row + c, d * column + e * row + f)
    cell_m = float(np.hypot(x[2] - x[0], y[2] - y[0]) / wide)
    box = (float(x.min()), float(y.min()), float(x.max()), float(y.max()))
    shift, notes = datum(source, raw.file)
    return Ground(raw.file, source.as_of, cell_m, box, Grid(raw, to_own, to_zone), shift, notes)


def datum(source: Source, name: str) -> tuple[float, tuple[Label, ...]]:
    """Give what is added to heights of the old datum, and the sentence that says so."""
    if not source.old_heights:
        return 0.0, ()
    return YELLOW_SEA_1956_M, (note("old_heights", file=name, metres=f"{YELLOW_SEA_1956_M:g}"),)


def _inverse(affine: Affine) -> Affine:
    a, b, c, d, e, f = affine
    by = 1.0 / (a * e - b * d)
    back = (e * by, -b * by, -d * by, a * by)
    return back[0], back[1], -c * back[0] - f * back[1], back[2], back[3], -c * back[2] - f * back[3]


def _points(shapes: np.ndarray, affine: Affine) -> Iterator[Points]:
    """Lay points on shapes, in batches: (owner, x, y) in the surface's coordinates."""
    dimension = np.where(shapely.is_missing(shapes) | shapely.is_empty(shapes), -1, shapely.get_dimensions(shapes))
    yield from _inside(shapes, np.flatnonzero(dimension == 2), affine)
    step = float(np.sqrt(abs(affine[0] * affine[4] - affine[1] * affine[3])))
    for batch in np.array_split(np.flatnonzero(dimension == 1), max(1, int((dimension == 1).sum() // 50_000))):
        counts = np.floor(shapely.length(shapes[batch]) / step).astype(np.int64) + 2
        owner = np.repeat(batch, counts)
        along = (np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)) * step
        point = shapely.line_interpolate_point(shapes[owner], np.minimum(along, shapely.length(shapes[owner])))
        yield owner, shapely.get_x(point), shapely.get_y(point)


def _inside(shapes: np.ndarray, areas: np.ndarray, affine: Affine) -> Iterator[Points]:
    """Give the cell centres inside polygons: all cells of each bounding box, then those that lie inside."""
    if not len(areas):
        return
    a, b, c0, d, e, f = affine
    back = _inverse(affine)
    bounds = shapely.bounds(shapes[areas])
    corners_x, corners_y = bounds[:, [0, 0, 2, 2]], bounds[:, [1, 3, 1, 3]]
    column = back[0] * corners_x + back[1] * corners_y + back[2]
    row = back[3] * corners_x + back[4] * corners_y + back[5]
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
        x, y = a * c + b * r + c0, d * c + e * r + f
        owner = areas[which]
        inside = shapely.contains_xy(shapes[owner], x, y)
        yield owner[inside], x[inside], y[inside]
