"""Shapes: brought into the zone's coordinates, repaired where that changes nothing, else set aside by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gisplan.base.errors import LayerError, MissingCRS
from gisplan.base.issues import Book
from gisplan.base.labels import Label
from gisplan.reading.coordinates import Gate, alike, change, crs_named, crs_title
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.refusals import note, refusal
from gisplan.reading.zone_file import Source

_CHANGE = 0.001
"""A repair that changes the area by more than this share may have moved a red line: the parcel is in doubt."""

NO_AREA = shapely.Polygon()


@dataclass(frozen=True)
class Placed:
    """Shapes in the zone's CRS, None where there is none, and per row why (empty text where there is one)."""

    geometry: np.ndarray
    reason: np.ndarray
    notes: tuple[Label, ...] = ()


def place(raw: RawLayer, source: Source, gate: Gate, book: Book) -> Placed:
    """Bring the shapes of a layer into the zone's coordinates.

    Raises
    ------
    MissingCRS
        The layer has no CRS, one with an unknown shift, or its coordinates lie elsewhere.
    LayerError
        The layer has no shapes.
    """
    if raw.geometry is None:
        raise refusal(LayerError, "no_shapes", book.lang, file=raw.title, where=source.where)
    if len(raw.table) == 0:
        raise refusal(LayerError, "layer_empty", book.lang, file=raw.title, where=source.where)
    shapes, reason = _sound(raw)
    if source.swapped:
        shapes = shapely.transform(shapes, lambda xy: xy[:, ::-1])
    crs = crs_named(source.crs, source.where, book.lang) if source.crs else raw.crs
    if crs is None:
        _, line = gate.diagnose(*_typical(shapes), book.lang)
        raise refusal(
            MissingCRS, "crs_missing", book.lang,
            file=raw.title, where=source.where, line=line or f'crs = "{crs_title(gate.crs)}"', count=len(shapes),
        )  # fmt: skip
    if source.crs and raw.crs is not None and not alike(raw.crs, crs):
        book.add(
            "crs_override",
            "warning",
            "declared",
            (raw.file, raw.layer, ""),
            file=crs_title(raw.crs),
            crs=crs_title(crs),
        )
    way = change(crs, gate.crs, raw.title, source.where, book.lang)
    moved = way.shapes(shapes)
    reason = _elsewhere(raw, source, gate, (shapes, moved, reason), book)
    moved = without(moved, reason != "")
    notes: tuple[Label, ...] = ()
    if way.steps:
        equal = np.isnan(way.accuracy)
        code = "crs_equal" if equal else "crs_changed"
        values = {
            "file": raw.title,
            "crs": crs_title(crs),
            "zone": crs_title(gate.crs),
            "accuracy": f"{way.accuracy:g}",
        }
        notes = (note(code, **values),)
        book.add(code, "info", "noted", (raw.file, raw.layer, ""), **values)
    return Placed(moved, reason, notes)


def _sound(raw: RawLayer) -> tuple[np.ndarray, np.ndarray]:
    """Set apart what is missing, broken, empty or not finite, as far as the file alone tells."""
    shapes = np.asarray(raw.geometry, dtype=object)
    if (shapely.get_coordinate_dimension(shapes) > 2).any():
        shapes = shapely.force_2d(shapes)
    reason = np.full(len(shapes), "", dtype=object)
    reason[shapely.is_missing(shapes)] = "geometry_null"
    if len(raw.broken):
        reason[raw.broken] = "geometry_broken"
    reason[~shapely.is_missing(shapes) & shapely.is_empty(shapes)] = "geometry_empty"
    reason[_infinite(shapes)] = "geometry_infinite"
    return without(shapes, reason != ""), reason


def without(shapes: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """Take shapes out; their rows stay."""
    out = shapes.copy()
    out[gone] = None
    return out


def _infinite(shapes: np.ndarray) -> np.ndarray:
    """Tell which shapes have a coordinate that is no finite number."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    out = np.zeros(len(shapes), dtype=bool)
    out[owner[~np.isfinite(xy).all(axis=1)]] = True
    return out


def _typical(shapes: np.ndarray) -> tuple[float, float]:
    xy = shapely.get_coordinates(shapes)
    return (float(np.median(xy[:, 0])), float(np.median(xy[:, 1]))) if len(xy) else (np.nan, np.nan)


def _elsewhere(
    raw: RawLayer, source: Source, gate: Gate, state: tuple[np.ndarray, np.ndarray, np.ndarray], book: Book
) -> np.ndarray:
    """Set single strays apart; refuse the layer when more than a stray lies elsewhere."""
    shapes, moved, reason = state
    good = reason == ""
    fits = np.ones(len(shapes), dtype=bool)
    fits[good] = gate.fits(shapely.bounds(moved[good])) & ~_infinite(moved[good])
    strays = int((~fits).sum())
    if strays > max(1, 0.01 * len(shapes)) or (strays and strays == good.sum()):
        x, y = _typical(shapes[~fits])
        cause, line = gate.diagnose(x, y, book.lang)
        raise refusal(
            MissingCRS, "crs_misfit", book.lang,
            file=raw.title, where=source.where, count=strays, all=len(shapes), x=f"{x:.10g}", y=f"{y:.10g}",
            cause=cause, line=line,
        )  # fmt: skip
    out = reason.copy()
    out[~fits] = "geometry_elsewhere"
    return out


@dataclass(frozen=True)
class Areas:
    """Polygons fit for judging, per row why one is in doubt (empty text where it is not), and which were repaired."""

    geometry: np.ndarray
    doubt: np.ndarray
    repaired: np.ndarray


def areas(placed: Placed) -> Areas:
    """Make every parcel a valid polygon; what cannot be had without moving a red line is in doubt.

    A bow-tie has area 0 by one reading and 2 by another: such a parcel is never judged.
    """
    shapes = placed.geometry.copy()
    doubt = placed.reason.copy()
    kind = shapely.get_type_id(shapes)
    there = ~shapely.is_missing(shapes)
    polygon = np.isin(kind, (3, 6))
    doubt[there & ~polygon] = "geometry_kind"
    shapes[there & ~polygon] = None
    sound = there & polygon
    invalid = sound & ~shapely.is_valid(shapes)
    repaired = np.zeros(len(shapes), dtype=bool)
    if invalid.any():
        before = np.abs(shapely.area(shapes[invalid]))
        mended = _only_areas(shapely.make_valid(shapes[invalid], method="structure", keep_collapsed=False))
        after = shapely.area(mended)
        same = (before > 0) & (np.abs(after - before) <= _CHANGE * before)
        rows = np.flatnonzero(invalid)
        shapes[rows] = mended
        repaired[rows[same]] = True
        doubt[rows[~same]] = "geometry_repair"
    flat = sound & (doubt == "") & ~(shapely.area(shapes) > 0)
    doubt[flat] = "geometry_flat"
    shapes[shapely.is_missing(shapes)] = NO_AREA
    return Areas(shapes, doubt, repaired)


def _only_areas(shapes: np.ndarray) -> np.ndarray:
    """Keep the polygons of each shape."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    parts, deeper = shapely.get_parts(parts, return_index=True)
    owner = owner[deeper]
    keep = shapely.get_type_id(parts) == 3
    out = np.full(len(shapes), NO_AREA, dtype=object)
    for row in np.unique(owner[keep]):  # only repaired shapes: few
        own = parts[keep & (owner == row)]
        out[row] = own[0] if len(own) == 1 else shapely.multipolygons(own)
    return out


@dataclass(frozen=True)
class Pieces:
    """Single lines and points; `owner` is the row of a piece, `part` its number there, `reason` as in Placed."""

    geometry: np.ndarray
    owner: np.ndarray
    part: np.ndarray
    reason: np.ndarray


def pieces(placed: Placed) -> Pieces:
    """Take multi-shapes apart; areas and lines without length are set aside."""
    shapes = placed.geometry
    owner = np.arange(len(shapes))
    # Collections may hold multi-shapes, and these hold single ones: three times is enough for anything GDAL hands over.
    for _ in range(3):
        single = shapely.is_missing(shapes) | (shapely.get_type_id(shapes) < 4)
        if single.all():
            break
        parts, at = shapely.get_parts(without(shapes, single), return_index=True)
        shapes = np.concatenate([shapes[single], parts])
        owner = np.concatenate([owner[single], owner[at]])
    order = np.argsort(owner, kind="stable")
    shapes, owner = shapes[order], owner[order]
    part = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
    reason = placed.reason[owner].copy()
    there = ~shapely.is_missing(shapes)
    kind = shapely.get_type_id(shapes)
    ring = there & (kind == 2)
    if ring.any():
        xy, of = shapely.get_coordinates(shapes[ring], return_index=True)
        shapes[ring] = shapely.linestrings(xy, indices=of)
        kind[ring] = 1
    reason[there & (kind > 2)] = "geometry_kind"
    reason[there & (kind == 1) & ~(shapely.length(shapes) > 0)] = "geometry_flat"
    reason[there & shapely.is_empty(shapes)] = "geometry_empty"
    return Pieces(shapes, owner, part, reason)
