"""The ground from spot heights (高程点) and contours (等高线): triangles between what was surveyed, and nothing beyond.

Heights are read off a net of triangles (TIN) at the middle of square cells, half as wide as the survey's points lie
apart, and at the points themselves. A place has no height where nothing was surveyed near it: outside the hull of the
points, farther from any of them than twice their usual distance (25 m at least, 50 m at most), beside points that
contradict each other, and between vertices of one and the same contour, where a triangle would feign level ground. A
parcel with fewer than six points in or beside it has none at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely

from gisplan.base.errors import LayerError, MissingColumn
from gisplan.base.fields import fields
from gisplan.base.issues import Book
from gisplan.base.labels import Label
from gisplan.reading.columns import take
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.geometry import place
from gisplan.reading.ground import HIGHEST, LOWEST, Ground, datum, error_of
from gisplan.reading.lattice import Affine
from gisplan.reading.places.coordinates import Change, Gate
from gisplan.reading.refusals import listing, note, refusal
from gisplan.reading.zone_file import Source

_STAY = Change((), 0.0)
_NEAR_M = (25.0, 50.0)
"""A place is known up to twice the points' usual distance, but at least and at most so far from a point."""
_ENOUGH = 6
_SAME_M = 0.05
"""Heights of one place that differ by no more than this are one height: their mean."""
_STEP_M = 5.0
"""Contours get a vertex at least every so many metres, so that no triangle jumps across one."""
_LEAST_CELL_M = 0.5
_SHARE = 0.25
"""Surveyed spots for each cell: a cell is half as wide as spots lie apart."""
_MOST = 1_000_000
_DRAWN = ("GCD", "DGX")
"""Layers of a CASS drawing that hold spot heights and contours."""
_TEXTS = ("TEXT", "MTEXT", "ATTRIB")


@dataclass(frozen=True)
class Spots:
    """Surveyed heights: x, y, z in m; whether each is a vertex of a contour; `z` is NaN where two heights clash."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    drawn: np.ndarray


@dataclass(frozen=True)
class Net:
    """Triangles between spots.

    Attributes
    ----------
    spots
        What was surveyed.
    cell_m
        Size of a cell in m.
    near_m
        How far from a spot a height is known.
    """

    spots: Spots
    cell_m: float
    near_m: float
    corners: np.ndarray
    """Per triangle the numbers of its three spots; those that feign a height are left out."""
    to_own: Change = _STAY
    to_zone: Change = _STAY
    _near: Any = field(init=False, repr=False, compare=False)
    _points: shapely.STRtree = field(init=False, repr=False, compare=False)
    _triangles: shapely.STRtree = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        from scipy.spatial import KDTree

        xy = np.column_stack([self.spots.x, self.spots.y])
        object.__setattr__(self, "_near", KDTree(xy))
        object.__setattr__(self, "_points", shapely.STRtree(shapely.points(xy)))
        object.__setattr__(self, "_triangles", shapely.STRtree(shapely.polygons(xy[self.corners])))

    @property
    def affine(self) -> Affine:
        """Cells of square size, counted from the origin of the zone's CRS."""
        return self.cell_m, 0.0, 0.0, 0.0, -self.cell_m, 0.0

    def heights(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Read heights off the triangles; NaN outside, far from any spot, and in dead triangles."""
        z = np.full(len(x), np.nan)
        near = np.flatnonzero(
            np.isfinite(self._near.query(np.column_stack([x, y]), distance_upper_bound=self.near_m)[0])
        )
        point, triangle = self._triangles.query(shapely.points(x[near], y[near]), predicate="intersects")
        # On a side between two triangles either will do.
        first, at = np.unique(point, return_index=True)
        place, corner = near[first], self.corners[triangle[at]]
        ax, ay = self.spots.x[corner], self.spots.y[corner]
        px, py = x[place] - ax[:, 0], y[place] - ay[:, 0]
        ux, uy, vx, vy = ax[:, 1] - ax[:, 0], ay[:, 1] - ay[:, 0], ax[:, 2] - ax[:, 0], ay[:, 2] - ay[:, 0]
        area = ux * vy - uy * vx
        u, v = (px * vy - py * vx) / area, (ux * py - uy * px) / area
        low, one, two = self.spots.z[corner].T
        z[place] = low + u * (one - low) + v * (two - low)
        return z

    def bare(self, areas: np.ndarray) -> np.ndarray:
        """Tell which areas have too few spots in or beside them."""
        flat = shapely.get_dimensions(areas) == 2
        owner, spot = self._points.query(areas, predicate="dwithin", distance=self.cell_m)
        known = np.isfinite(self.spots.z[spot])
        return flat & (np.bincount(owner[known], minlength=len(areas)) < _ENOUGH)

    def own(self, areas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give the spots inside areas: the tops and hollows between the cells."""
        owner, spot = self._points.query(areas, predicate="contains")
        keep = ~self.spots.drawn[spot] & (shapely.get_dimensions(areas)[owner] == 2)
        return owner[keep], self.spots.x[spot[keep]], self.spots.y[spot[keep]]


def of_spots(raws: Sequence[RawLayer], source: Source, gate: Gate, book: Book) -> Ground:
    """Make a ground of spot heights and contours.

    Raises
    ------
    LayerError
        There are no heights, or far too many.
    MissingColumn
        A table names no coordinates.
    MissingCRS
        The coordinate system is not known, or the spots lie elsewhere.
    """
    raws = _wanted(raws, source, book)
    name = raws[0].title if len(raws) == 1 else raws[0].file
    parts: list[Spots] = []
    notes: list[Label] = []
    for raw in raws:
        spots, said = _vertices(raw, source, gate, book)
        parts.append(spots)
        notes.extend(said)
    found = Spots(*(np.concatenate(column) for column in zip(*(_columns(part) for part in parts), strict=True)))
    if not len(found.x):
        raise refusal(LayerError, "ground_no_heights", book.lang, file=name, where=source.where)
    if len(found.x) > _MOST:
        raise refusal(
            LayerError, "ground_large", book.lang, file=name, where=source.where, count=len(found.x), most=_MOST
        )
    count = int((~found.drawn).sum())
    found = _once(found, name, book)
    net = _net(found)
    if not len(net.corners):
        book.add("ground_few", "warning", "noted", (name, "", ""), count=len(found.x))
    shift, old = datum(source, name)
    error, told = error_of(source, name)
    notes += [*old, _said(name, source, count, bool(found.drawn.any()), net), told]
    box = (float(found.x.min()), float(found.y.min()), float(found.x.max()), float(found.y.max()))
    return Ground(name, source.as_of, net.cell_m, box, net, shift, tuple(dict.fromkeys(notes)), error, _SHARE)


def _columns(spots: Spots) -> tuple[np.ndarray, ...]:
    return spots.x, spots.y, spots.z, spots.drawn


def _wanted(raws: Sequence[RawLayer], source: Source, book: Book) -> list[RawLayer]:
    """Of a whole drawing take the layers that CASS puts heights in; everything else in it lies at height 0."""
    if not source.file.casefold().endswith(".dxf"):
        return list(raws)
    found = [_unlabelled(raw) for raw in raws if source.layer is not None or raw.layer.upper().startswith(_DRAWN)]
    if not found:
        layers = listing((raw.layer for raw in raws), 30)
        raise refusal(LayerError, "ground_drawing", book.lang, file=source.file, where=source.where, layers=layers)
    return found


def _unlabelled(raw: RawLayer) -> RawLayer:
    """Leave out the texts of a drawing: a height is written beside the spot that has it."""
    kept = np.flatnonzero(~raw.table["entity"].isin(_TEXTS).to_numpy()) if "entity" in raw.table else slice(None)
    table, geometry = raw.table.iloc[kept].reset_index(drop=True), np.asarray(raw.geometry, dtype=object)[kept]
    broken = raw.broken[kept] if len(raw.broken) else raw.broken
    return replace(raw, table=table, fids=raw.fids[kept], geometry=geometry, broken=broken)


def _vertices(raw: RawLayer, source: Source, gate: Gate, book: Book) -> tuple[Spots, tuple[Label, ...]]:
    """Take the heights of one layer: from their column, else from the shapes themselves."""
    # Heights of the old datum are changed once, with those that the shapes themselves have.
    frame = take(raw, "ground", replace(source, old_heights=False), book).frame
    if raw.geometry is None:
        raw = _with_points(raw, frame, source, book)
    placed = place(raw, source, gate, book)
    rows = np.flatnonzero(~shapely.is_missing(placed.geometry))
    if len(rows) < len(raw.table):
        book.add("spots_lost", "warning", "set aside", (raw.file, raw.layer, ""), count=len(raw.table) - len(rows))
    parts, at = shapely.get_parts(placed.geometry[rows], return_index=True)
    own = shapely.get_parts(np.asarray(raw.geometry, dtype=object)[rows])
    xy, part = shapely.get_coordinates(parts, return_index=True)
    # The third coordinate is in the unit of the other two; feet taken for metres would raise a parcel above its road.
    z = shapely.get_coordinates(own, include_z=True)[:, 2] * (source.unit_m or 1.0)
    stated = frame["height_m"].to_numpy(dtype=float)[rows[at[part]]]
    z = np.where(np.isnan(stated), z, stated)
    drawn = shapely.get_dimensions(parts)[part] > 0
    known = np.isfinite(z) & (z != 0) & (z > LOWEST) & (z < HIGHEST)
    if not known.all():
        book.add("spots_absurd", "warning", "set aside", (raw.file, raw.layer, ""), count=int((~known).sum()))
    return _dense(Spots(xy[known, 0], xy[known, 1], z[known], drawn[known]), part[known]), placed.notes


def _with_points(raw: RawLayer, frame: pd.DataFrame, source: Source, book: Book) -> RawLayer:
    """Make points of two columns."""
    x, y = (frame[name].to_numpy(dtype=float) for name in ("east_m", "north_m"))
    for name, values in (("east_m", x), ("north_m", y)):
        if np.isnan(values).all():
            entry = fields("ground")[name]
            raise refusal(
                MissingColumn, "column_needed", book.lang,
                file=raw.title, where=source.where, ours=name, label=Label(entry.zh, entry.en).text(book.lang),
                columns=listing(raw.table.columns, 40),
            )  # fmt: skip
    shapes = np.full(len(x), None, dtype=object)
    there = np.isfinite(x) & np.isfinite(y)
    shapes[there] = shapely.points(x[there], y[there])
    return replace(raw, geometry=shapes, broken=np.zeros(len(x), dtype=bool))


def _dense(spots: Spots, part: np.ndarray) -> Spots:
    """Put further vertices on contours where they are far apart."""
    if not spots.drawn.any():
        return spots
    pair = np.flatnonzero((part[1:] == part[:-1]) & spots.drawn[1:])
    length = np.hypot(spots.x[pair + 1] - spots.x[pair], spots.y[pair + 1] - spots.y[pair])
    more = np.minimum(np.ceil(length / _STEP_M).astype(np.int64) - 1, _MOST).clip(0)
    start = np.repeat(pair, more)
    rank = np.arange(len(start)) - np.repeat(np.cumsum(more) - more, more) + 1
    share = rank / np.repeat(more + 1, more)

    def between(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values[start] + share * (values[start + 1] - values[start])])

    drawn = np.concatenate([spots.drawn, np.ones(len(start), dtype=bool)])
    return Spots(between(spots.x), between(spots.y), between(spots.z), drawn)


def _once(spots: Spots, name: str, book: Book) -> Spots:
    """Make one spot of several at one place; where their heights differ, none is believed."""
    key = np.round(np.column_stack([spots.x, spots.y]), 3)
    _, first, place_of = np.unique(key, axis=0, return_index=True, return_inverse=True)
    place_of = place_of.reshape(-1)
    low, high = np.full(len(first), np.inf), np.full(len(first), -np.inf)
    np.minimum.at(low, place_of, spots.z)
    np.maximum.at(high, place_of, spots.z)
    mean = np.bincount(place_of, spots.z) / np.bincount(place_of)
    clash = high - low > _SAME_M
    if clash.any():
        book.add("spots_twice", "warning", "set aside", (name, "", ""), count=int(clash.sum()))
    drawn = np.bincount(place_of, ~spots.drawn) == 0
    return Spots(spots.x[first], spots.y[first], np.where(clash, np.nan, mean), drawn)


def _net(spots: Spots) -> Net:
    """Span triangles between the spots, and see how far apart they lie."""
    from scipy.spatial import Delaunay, QhullError

    try:
        # Near the origin, where all digits count.
        xy = np.column_stack([spots.x - spots.x[0], spots.y - spots.y[0]])
        corner = Delaunay(xy).simplices
    except (QhullError, ValueError):
        return Net(spots, _NEAR_M[0], _NEAR_M[0], np.zeros((0, 3), dtype=np.int64))
    side, other_side = xy[corner[:, 1]] - xy[corner[:, 0]], xy[corner[:, 2]] - xy[corner[:, 0]]
    corner = corner[side[:, 0] * other_side[:, 1] != side[:, 1] * other_side[:, 0]]
    z, drawn = spots.z[corner], spots.drawn[corner].all(axis=1)
    feigned = np.isnan(z).any(axis=1) | (drawn & (z.max(axis=1) - z.min(axis=1) < 1e-6))
    edge = np.unique(np.sort(corner[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    one, other = edge.T
    along = spots.drawn[one] & spots.drawn[other] & (spots.z[one] == spots.z[other])
    across = edge[~along] if not along.all() else edge
    length = np.hypot(*(values[across[:, 0]] - values[across[:, 1]] for values in (spots.x, spots.y)))
    apart = float(np.median(length))
    near = float(np.clip(2 * apart, *_NEAR_M))
    return Net(spots, max(apart / 2, _LEAST_CELL_M), near, corner[~feigned])


def _said(name: str, source: Source, count: int, contours: bool, net: Net) -> Label:
    values = {
        "file": name,
        "count": count,
        "apart": f"{2 * net.cell_m:.0f}",
        "near": f"{net.near_m:.0f}",
        "as_of": source.as_of.isoformat() if source.as_of is not None else "—",
    }
    return note("ground_contours", **values) if contours else note("ground_spots", **values)
