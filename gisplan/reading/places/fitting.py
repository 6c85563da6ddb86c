"""Fitting: whether a layer lies where the parcels lie, or would fit them far better after a well-known mistake.

Mains and streets run along parcels, not through them. A layer in the coordinates of a web map (GCJ-02, BD-09) or of a
neighbouring system lies some hundred metres off: it passes every test of extent, and serves the wrong parcels. Nothing
is moved here; a layer that fits much better elsewhere is refused, with the cause, until somebody has made sure.

The rule: of the length of its lines that lies in the hull of the parcels (as the file has it, or with a mistake taken
back), the share that runs at most 30 m outside a parcel, less the share that runs deeper than 2 m inside one. Below 0.4
as the file has it, 0.6 or more and 0.3 more with the mistake taken back, on at least 5 lines and 5 parcels: refused. On
fewer: a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS, Transformer

from gisplan.base.errors import GisplanError, MissingCRS
from gisplan.base.issues import Book
from gisplan.base.labels import say
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.layers import Given
from gisplan.reading.places.coordinates import Gate, change, crs_named
from gisplan.reading.places.offsets import bd09, from_bd09, from_gcj02, gcj02
from gisplan.reading.places.shifts import LOCAL
from gisplan.reading.places.systems import CHINA, likely
from gisplan.reading.refusals import refusal
from gisplan.reading.zone_file import Source

_NEAR_M, _DEEP_M, _RIM_M = 30.0, 2.0, 50.0
_POOR, _GOOD, _GAIN = 0.4, 0.6, 0.3
_ENOUGH = 5
_SAMPLES, _LINES = 600, 5000
_WEB = {"gcj02": from_gcj02, "bd09": from_bd09, "parcels_gcj02": gcj02, "parcels_bd09": bd09}
_FAR_M = 20_000.0
"""A layer beside the parcels is refused for a mistake that moves it at least this far: a nearer one may be a chance."""


@dataclass(frozen=True)
class Fit:
    """How points along a layer's lines lie to the parcels.

    Attributes
    ----------
    inside
        Which points lie in the hull of the parcels.
    near
        How many run along a parcel.
    deep
        How many run through one.
    parcels
        Along how many parcels they run.
    """

    inside: np.ndarray
    near: int
    deep: int
    parcels: int

    def score(self, other: Fit) -> tuple[float, float]:
        """Give the scores of the rule, for these points and for the same points moved."""
        count = max(1, int((self.inside | other.inside).sum()))
        return (self.near - self.deep) / count, (other.near - other.deep) / count


@dataclass(frozen=True)
class Town:
    """The parcels, made ready for many questions."""

    shapes: np.ndarray

    @classmethod
    def of(cls, parcels: gpd.GeoDataFrame) -> Town:
        """Take the parcels that have a shape."""
        shapes = parcels.geometry.to_numpy()
        return cls(shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))])

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Finds parcels by place."""
        return shapely.STRtree(self.shapes)

    @cached_property
    def bounds(self) -> np.ndarray:
        """West, south, east and north of all parcels."""
        return np.asarray(shapely.total_bounds(self.shapes))

    @cached_property
    def hull(self) -> shapely.Geometry:
        """The convex hull of all parcels and a rim around it."""
        west, south, east, north = shapely.bounds(self.shapes).T
        across, along = np.concatenate([west, east, west, east]), np.concatenate([south, south, north, north])
        corners = shapely.linestrings(across, along)
        hull = shapely.buffer(shapely.convex_hull(corners), _RIM_M)
        shapely.prepare(hull)
        return hull

    def fit(self, xy: np.ndarray) -> Fit:
        """Count how points lie to the parcels."""
        inside = shapely.contains_xy(self.hull, xy[:, 0], xy[:, 1]) & np.isfinite(xy).all(axis=1)
        here = shapely.points(xy[inside])
        at, parcel = self.tree.query(here, predicate="dwithin", distance=_NEAR_M)
        inner, owner = self.tree.query(here, predicate="within")
        deep = np.unique(inner[shapely.distance(here[inner], shapely.boundary(self.shapes[owner])) > _DEEP_M])
        near = np.setdiff1d(at, deep)
        return Fit(inside, len(near), len(deep), len(np.unique(parcel[np.isin(at, near)])))


def check(given: Sequence[Given], table: gpd.GeoDataFrame, town: Town, gate: Gate, book: Book) -> None:
    """Compare the layers of one service, or the barriers, with the parcels.

    Raises
    ------
    MissingCRS
        A layer lies beside the parcels, or along none of them, and a well-known mistake explains it.
    """
    for source, raw in given if len(town.shapes) else ():
        own = table["file"].eq(raw.title).to_numpy() if len(given) > 1 else np.ones(len(table), dtype=bool)
        if raw.geometry is None or not own.any():
            continue
        lines = own & table["role"].isin(["line", "duct"]).to_numpy() if "role" in table.columns else own
        placed = table.geometry.to_numpy()
        if _apart((source, raw), placed[own], town, gate, book):
            continue
        xy, count = _samples(placed[lines], town.bounds)
        if count:
            _offset((source, raw), (xy, count), town, gate, book)


def _apart(given: Given, placed: np.ndarray, town: Town, gate: Gate, book: Book) -> bool:
    """Tell whether a layer lies beside the parcels altogether; refuse it where the cause is plain."""
    source, raw = given
    west, south, east, north = shapely.total_bounds(placed)
    left, low, right, high = town.bounds
    far = float(np.hypot(max(west - right, left - east, 0.0), max(south - high, low - north, 0.0)))
    if far <= _RIM_M:
        return False
    values = {"file": raw.title, "where": source.where, "distance": f"{far / 1000:.2f}"}
    labelled = _labelled(source, raw)
    if far > _FAR_M and not _shifted(source, labelled, gate):
        rim = max(right - left, high - low, 1000.0)
        near = replace(gate, box=(left - rim, low - rim, right + rim, high + rim))
        x, y = np.nanmedian(shapely.get_coordinates(raw.geometry)[:, :: -1 if source.swapped else 1], axis=0).tolist()
        cause, line = near.diagnose(x, y, book.lang, labelled)
        if line and not source.position_checked:
            raise refusal(MissingCRS, "layer_apart", book.lang, **values, cause=cause, line=line)
    book.add("layer_apart", "warning", "noted", (raw.file, raw.layer, ""), **values)
    return True


def _samples(shapes: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, int]:
    """Take points at even distances along lines (of areas: their rims) near the parcels, and count the lines."""
    west, south, east, north = bounds
    rim = max(east - west, north - south, 2000.0)
    box = shapely.bounds(shapes)
    close = (box[:, 0] <= east + rim) & (box[:, 2] >= west - rim)
    close &= (box[:, 1] <= north + rim) & (box[:, 3] >= south - rim)
    shapes = shapes[close]
    shapes = shapes[:: max(1, len(shapes) // _LINES)]
    areas = shapely.get_dimensions(shapes) == 2
    if areas.any():
        shapes = np.where(areas, shapely.boundary(shapes), shapes)
    lines = shapely.get_parts(shapes[shapely.get_dimensions(shapes) == 1])
    length = shapely.length(lines)
    ends = np.cumsum(length)
    if not len(lines) or not ends[-1] > 0:
        return np.empty((0, 2)), 0
    along = (np.arange(_SAMPLES) + 0.5) * ends[-1] / _SAMPLES
    at = np.minimum(np.searchsorted(ends, along), len(lines) - 1)
    start = ends[at] - length[at]
    return shapely.get_coordinates(shapely.line_interpolate_point(lines[at], along - start)), len(np.unique(at))


def _offset(given: Given, sample: tuple[np.ndarray, int], town: Town, gate: Gate, book: Book) -> None:
    """Refuse a layer that fits the parcels decidedly better after a well-known mistake is taken back."""
    source, raw = given
    xy, lines = sample
    now = town.fit(xy)
    if now.near - now.deep >= _POOR * len(xy):
        return
    good = []
    for name, moved in _moves(given, gate, xy):
        then = town.fit(moved)
        before, after = now.score(then)
        if before < _POOR and after >= max(_GOOD, before + _GAIN) and then.parcels >= now.parcels:
            good.append((after, name, moved, then))
    if not good:
        return
    _, name, moved, best = max(good, key=lambda one: one[0])
    east, north = np.median(moved - xy, axis=0)
    web = name in _WEB
    values = {
        "file": raw.title, "where": source.where,
        "along": f"{100 * now.near / int((now.inside | best.inside).sum()):.0f}",
        "better": f"{100 * best.near / int((now.inside | best.inside).sum()):.0f}",
        "east": f"{east:+.0f}", "north": f"{north:+.0f}",
        "cause": say(f"cause.{name}", book.lang) if web else say("cause.other", book.lang, crs=name),
    }  # fmt: skip
    if source.position_checked or min(lines, best.parcels) < _ENOUGH:
        book.add("layer_offset", "warning", "noted", (raw.file, raw.layer, ""), **values)
    elif web:
        raise refusal(MissingCRS, "layer_offset", book.lang, **values)
    else:
        raise refusal(MissingCRS, "layer_system", book.lang, **values, line=f'crs = "{name}"')


def _moves(given: Given, gate: Gate, xy: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Take the well-known mistakes back, one by one: web maps, and systems with nearly the same numbers."""
    if gate.crs.geodetic_crs is None:
        return
    ways = Transformer.from_crs(gate.crs, gate.crs.geodetic_crs, always_xy=True)
    lon, lat = ways.transform(*xy.T)
    middle = float(np.median(lon))
    if CHINA[0] <= middle <= CHINA[1]:
        for name, way in _WEB.items():
            yield name, np.column_stack(ways.transform(*way(lon, lat), direction="INVERSE"))
    source, raw = given
    labelled = _labelled(source, raw)
    if labelled is None or _shifted(source, labelled, gate):
        return
    written = change(gate.crs, labelled, "", "", "en").points(*xy.T)
    for number in likely(middle):
        other = CRS.from_epsg(number)
        if other.is_geographic or other == labelled:
            continue
        try:
            moved = np.column_stack(change(other, gate.crs, "", "", "en").points(*written))
        except GisplanError:
            continue
        if np.isfinite(moved).all() and 5.0 < float(np.abs(moved - xy).max()) < _FAR_M:
            yield f"EPSG:{number}", moved


def _labelled(source: Source, raw: RawLayer) -> CRS | None:
    """Give the system in which the file's numbers were taken; None for a local grid."""
    if source.crs == LOCAL:
        return None
    return crs_named(source.crs, source.where, "en") if source.crs else raw.crs


def _shifted(source: Source, labelled: CRS | None, gate: Gate) -> bool:
    """Tell whether somebody gave parameters for the layer: then no other system explains where it lies."""
    return source.shift is not None or gate.shift_for(labelled) is not None
