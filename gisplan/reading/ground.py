"""The ground: heights at the middle of cells in parcels and along lines, many at a time, whatever they come from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import shapely

from gisplan.base.errors import MissingCRS, ProfileError
from gisplan.base.issues import Book
from gisplan.base.labels import Label
from gisplan.base.units import YELLOW_SEA_1956_M
from gisplan.reading.formats.raw import RawGrid
from gisplan.reading.lattice import Affine, boxes, centres, cut, inverse, within
from gisplan.reading.places.coordinates import Change, Gate, change, crs_named, crs_title
from gisplan.reading.refusals import listing, note, refusal
from gisplan.reading.zone_file import Source

LOWEST, HIGHEST = -500.0, 9000.0
"""Heights in m beyond which nothing is ground."""
_AT_ONCE = 150_000
"""Cells looked at in one go: few enough to stay near the processor, which halves the time."""

Points = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Owner, x, y, column, row."""


@dataclass(frozen=True)
class Error:
    """Root mean square error (中误差) of the heights of a ground, in m.

    Attributes
    ----------
    systematic, random
        What is the same in all heights about a place, and what each height has of its own.
    split
        Whether both were stated. Of one number nobody knows which of the two it is: it stands in `systematic`.
    """

    systematic: float
    random: float = 0.0
    split: bool = False


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
    column, row
        Place of a cell in the lattice; -1 for what is no cell.
    """

    owner: np.ndarray
    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    expected: np.ndarray
    between: np.ndarray
    column: np.ndarray
    row: np.ndarray

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

    def own(self, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    error
        How wrong the heights are; None where nobody says.
    share
        Heights that were surveyed for each cell: 1 for a grid, less where cells lie between surveyed spots.
    """

    name: str
    as_of: dt.date | None
    cell_m: float
    bounds: tuple[float, float, float, float]
    surface: Surface
    shift_m: float = 0.0
    notes: tuple[Label, ...] = ()
    error: Error | None = None
    share: float = 1.0

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
        expected = np.zeros(len(geometries), dtype=np.int64)
        parts: list[Cells] = []
        for at, cells in self.batches(geometries):
            expected[at] = cells.expected
            parts.append(replace(cells, owner=at[cells.owner]))
        return _joined(parts, expected)

    def at(self, places: np.ndarray) -> np.ndarray:
        """Give the height at places (n × 2, zone's CRS, m); NaN where it is not known."""
        x, y = self.surface.to_own.points(places[:, 0], places[:, 1])
        z = self.surface.heights(x, y) + self.shift_m
        return np.where((z > LOWEST) & (z < HIGHEST), z, np.nan)

    def batches(
        self, geometries: Sequence[shapely.Geometry] | np.ndarray, finer: int = 1
    ) -> Iterator[tuple[np.ndarray, Cells]]:
        """Take the same heights as `sample`, some shapes at a time: so many cells are never in memory at once.

        Parameters
        ----------
        geometries
            Polygons and lines in the zone's CRS.
        finer
            Into how many a cell is cut each way, where a shape takes few of them.

        Yields
        ------
        tuple
            Positions of the shapes, and their cells; `Cells.owner` counts among these positions.
        """
        shapes = self.surface.to_own.shapes(np.asarray(geometries, dtype=object))
        affine = cut(self.surface.affine, finer)
        size = _sizes(shapes, affine)
        batch = (np.cumsum(size) - size) // _AT_ONCE
        start = np.flatnonzero(np.diff(batch, prepend=-1))
        for at in np.split(np.arange(len(shapes)), start[1:]):
            yield at, self._cells(shapes[at], affine)

    def _cells(self, own: np.ndarray, affine: Affine) -> Cells:
        """Take the heights of shapes that are in the surface's coordinates."""
        surface = self.surface
        bare = surface.bare(own)
        expected = np.zeros(len(own), dtype=np.int64)
        parts: list[Cells] = []
        for between, (owner, x, y, column, row) in _points(own, surface, affine):
            if not len(owner):
                continue
            expected += 0 if between else np.bincount(owner, minlength=len(own))
            z = surface.heights(x, y) + self.shift_m
            has = (z > LOWEST) & (z < HIGHEST)
            if bare.any():
                has &= ~bare[owner]
            if not has.all():
                owner, x, y, z, column, row = (values[has] for values in (owner, x, y, z, column, row))
            x, y = surface.to_zone.points(x, y)
            parts.append(Cells(owner, x, y, z, expected, np.full(len(x), between), column, row))
        return _joined(parts, expected)


def _joined(parts: Sequence[Cells], expected: np.ndarray) -> Cells:
    """Put points together, those of one shape beside each other."""
    if len(parts) == 1 and (np.diff(parts[0].owner) >= 0).all():
        return replace(parts[0], expected=expected)
    names = ("owner", "x", "y", "z", "between", "column", "row")
    found = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names} if parts else {}
    if not found:
        whole, none = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Cells(whole, none, none, none, expected, np.zeros(0, dtype=bool), whole, whole)
    if (np.diff(found["owner"]) < 0).any():
        order = np.argsort(found["owner"], kind="stable")
        found = {name: column[order] for name, column in found.items()}
    return Cells(expected=expected, **found)


@dataclass(frozen=True)
class Grid:
    """A grid of heights as a file holds it: each place has the height of its cell."""

    raw: RawGrid
    to_own: Change
    to_zone: Change
    inverse: Affine = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inverse", inverse(self.raw.affine))

    @property
    def affine(self) -> Affine:
        """From column and row to x and y, as the file has it."""
        return self.raw.affine

    def heights(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Take the height of the cell in which each point lies; NaN where there is none."""
        a, b, c, d, e, f = self.inverse
        column, row = np.floor(a * x + b * y + c), np.floor(d * x + e * y + f)
        deep, wide = self.raw.heights.shape
        on = (column >= 0) & (row >= 0) & (column < wide) & (row < deep)
        if on.all():
            return self.raw.heights[row.astype(np.int64), column.astype(np.int64)].astype(np.float64)
        z = np.full(len(x), np.nan)
        z[on] = self.raw.heights[row[on].astype(np.int64), column[on].astype(np.int64)]
        return z

    def bare(self, areas: np.ndarray) -> np.ndarray:
        """Every cell of a grid stands for itself: no area has too few."""
        return np.zeros(len(areas), dtype=bool)

    def own(self, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    error, said = error_of(source, raw.file)
    return Ground(raw.file, source.as_of, cell_m, box, Grid(raw, to_own, to_zone), shift, (*notes, said), error)


def error_of(source: Source, name: str) -> tuple[Error | None, Label]:
    """Give the error of the heights, and the sentence that says it, or that nobody said."""
    if not source.error_m:
        return None, note("ground_error_unknown", file=name, where=source.where)
    if len(source.error_m) == 1:
        return Error(source.error_m[0]), note("ground_error", file=name, error=f"{source.error_m[0]:g}")
    systematic, random = source.error_m
    said = note("ground_error_parts", file=name, systematic=f"{systematic:g}", random=f"{random:g}")
    return Error(systematic, random, split=True), said


def datum(source: Source, name: str) -> tuple[float, tuple[Label, ...]]:
    """Give what is added to heights of the old datum, and the sentence that says so."""
    if not source.old_heights:
        return 0.0, ()
    return YELLOW_SEA_1956_M, (note("old_heights", file=name, metres=f"{YELLOW_SEA_1956_M:g}"),)


def _sizes(shapes: np.ndarray, affine: Affine) -> np.ndarray:
    """Count how many points each shape takes to look at: the cells of its box, or the steps of its length."""
    dimension = _dimension(shapes)
    size = np.zeros(len(shapes), dtype=np.int64)
    areas, lines = np.flatnonzero(dimension == 2), np.flatnonzero(dimension == 1)
    size[areas] = np.prod(boxes(shapes[areas], affine)[2:], axis=0)
    size[lines] = _steps(shapes[lines], affine)[1]
    return size


def _dimension(shapes: np.ndarray) -> np.ndarray:
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    return np.where(there, shapely.get_dimensions(shapes), -1)


def _steps(lines: np.ndarray, affine: Affine) -> tuple[float, np.ndarray]:
    """Give the step along lines, and how many points each one takes."""
    step = float(np.sqrt(abs(affine[0] * affine[4] - affine[1] * affine[3])))
    return step, np.floor(shapely.length(lines) / step).astype(np.int64) + 2


def _points(shapes: np.ndarray, surface: Surface, affine: Affine) -> Iterator[tuple[bool, Points]]:
    """Lay points on shapes: cell centres in areas, steps along lines, and what was surveyed between the cells."""
    dimension = _dimension(shapes)
    yield False, _inside(shapes, np.flatnonzero(dimension == 2), affine)
    lines = np.flatnonzero(dimension == 1)
    step, counts = _steps(shapes[lines], affine)
    owner = np.repeat(lines, counts)
    along = (np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)) * step
    point = shapely.line_interpolate_point(shapes[owner], np.minimum(along, shapely.length(shapes[owner])))
    yield False, _loose(owner, shapely.get_x(point), shapely.get_y(point))
    yield True, _loose(*surface.own(shapes))


def _loose(owner: np.ndarray, x: np.ndarray, y: np.ndarray) -> Points:
    """Give points that lie in no cell of the lattice."""
    nowhere = np.full(len(owner), -1, dtype=np.int64)
    return owner, x, y, nowhere, nowhere


def _inside(shapes: np.ndarray, areas: np.ndarray, affine: Affine) -> Points:
    """Give the cell centres inside polygons."""
    which, column, row = within(shapes[areas], affine)
    return areas[which], *centres(column, row, affine), column, row
