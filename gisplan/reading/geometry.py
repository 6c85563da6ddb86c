"""Shapes: brought into the zone's coordinates, repaired where that changes nothing, else set aside by name."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from pyproj import CRS

from gisplan.base.errors import LayerError, MissingCRS
from gisplan.base.issues import Book
from gisplan.base.labels import Label
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.places.coordinates import Change, Gate, alike, change, crs_named, crs_title
from gisplan.reading.places.shifts import LOCAL
from gisplan.reading.refusals import note, refusal
from gisplan.reading.zone_file import AXES, Source

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
    shapes, reason = sound(raw)
    if source.swapped:
        shapes = shapely.transform(shapes, lambda xy: xy[:, ::-1])
    written = shapes
    if source.unit_m is not None and source.unit_m != 1.0:
        factor = source.unit_m
        shapes = shapely.transform(shapes, lambda xy: xy * factor)
    way, crs = _way(raw, source, gate, typical(written), book)
    moved = way.shapes(shapes)
    reason = _elsewhere((raw, source, crs), gate, (written, moved, reason), book)
    moved = without(moved, reason != "")
    return Placed(moved, reason, _said(raw, way, crs, gate, book))


def _way(
    raw: RawLayer, source: Source, gate: Gate, typical: tuple[float, float], book: Book
) -> tuple[Change, CRS | None]:
    """Find the way into the zone's CRS: as zone.toml says, else as the file says; a local grid has no CRS."""
    local = source.crs == LOCAL
    crs = raw.crs if not source.crs else None if local else crs_named(source.crs, source.where, book.lang)
    if crs is None and not local and (source.shift is None or not source.shift.plane):
        _, line = gate.diagnose(*typical, book.lang)
        raise refusal(
            MissingCRS, "crs_missing", book.lang,
            file=raw.title, where=source.where, line=line or f'crs = "{crs_title(gate.crs)}"', count=len(raw.table),
        )  # fmt: skip
    if source.crs and raw.crs is not None and (crs is None or not alike(raw.crs, crs)):
        title = LOCAL if crs is None else crs_title(crs)
        book.add("crs_override", "warning", "declared", (raw.file, raw.layer, ""), file=crs_title(raw.crs), crs=title)
    metres = crs is None or all(math.isclose(axis.unit_conversion_factor, 1.0) for axis in crs.axis_info)
    shift = source.shift or gate.shift_for(crs)
    if not metres and crs is not None and (source.unit_m is not None or (shift is not None and shift.plane)):
        raise refusal(
            MissingCRS, "unit_twice", book.lang,
            file=raw.title, where=source.where, crs=crs_title(crs), unit=crs.axis_info[0].unit_name,
        )  # fmt: skip
    steps = () if shift is None else shift.steps(crs, gate.crs)
    if shift is not None and steps:
        return Change(steps, math.nan if shift.accuracy_m is None else shift.accuracy_m, shift), crs
    if crs is None:
        raise refusal(MissingCRS, "local_shift", book.lang, file=raw.title, where=source.where)
    return change(crs, gate.crs, raw.title, source.where, book.lang), crs


def _said(raw: RawLayer, way: Change, crs: CRS | None, gate: Gate, book: Book) -> tuple[Label, ...]:
    """Say for every output how the shapes came into the zone's CRS."""
    if not way.steps:
        return ()
    values = {
        "file": raw.title,
        "crs": LOCAL if crs is None else crs_title(crs),
        "zone": crs_title(gate.crs),
        "accuracy": "?" if np.isnan(way.accuracy) else f"{way.accuracy:g}",
    }
    if way.shift is not None:
        numbers = ", ".join(f"{name} = {value:.12g}" for name, value in way.shift.numbers.items())
        values["kind"] = f"{way.shift.kind} {way.shift.convention}".strip()
        book.add("crs_given", "warning", "declared", (raw.file, raw.layer, ""), **values, numbers=numbers)
        return (note("crs_given", **values),)
    code = "crs_equal" if np.isnan(way.accuracy) else "crs_changed"
    book.add(code, "info", "noted", (raw.file, raw.layer, ""), **values)
    return (note(code, **values),)


def sound(raw: RawLayer) -> tuple[np.ndarray, np.ndarray]:
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
    out = np.zeros(len(shapes), dtype=bool)
    if np.isfinite(shapely.get_coordinates(shapes)).all():
        return out
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    out[owner[~np.isfinite(xy).all(axis=1)]] = True
    return out


def typical(shapes: np.ndarray) -> tuple[float, float]:
    """Give a typical position of the shapes, NaN where there is none."""
    xy = shapely.get_coordinates(shapes)
    return (float(np.median(xy[:, 0])), float(np.median(xy[:, 1]))) if len(xy) else (np.nan, np.nan)


def misfit(fits: np.ndarray, good: np.ndarray) -> bool:
    """Tell whether more than a stray lies elsewhere: then the coordinates are wrong, and not single features."""
    strays = int((~fits).sum())
    return strays > max(1, 0.01 * len(fits)) or (strays > 0 and strays == int(good.sum()))


def _elsewhere(
    given: tuple[RawLayer, Source, CRS | None],
    gate: Gate,
    state: tuple[np.ndarray, np.ndarray, np.ndarray],
    book: Book,
) -> np.ndarray:
    """Set single strays apart; refuse the layer when more than a stray lies elsewhere."""
    raw, source, crs = given
    shapes, moved, reason = state
    good = reason == ""
    fits = np.ones(len(shapes), dtype=bool)
    fits[good] = gate.fits(shapely.bounds(moved[good])) & ~_infinite(moved[good])
    strays = int((~fits).sum())
    if misfit(fits, good):
        x, y = typical(shapes[~fits])
        values = {"file": raw.title, "where": source.where, "count": strays, "all": len(shapes)}
        values |= {"x": f"{x:.10g}", "y": f"{y:.10g}"}
        if source.shift is not None or gate.shift_for(crs) is not None:
            raise refusal(MissingCRS, "shift_misfit", book.lang, **values)
        cause, line = gate.diagnose(x, y, book.lang, crs)
        if source.where.startswith("--"):
            # An option has no table to paste a line under.
            raise refusal(MissingCRS, "redline_misfit", book.lang, **values, cause=cause)
        if source.swapped:
            line = line.replace(AXES[1], AXES[0])
        if not line:
            raise refusal(MissingCRS, "crs_misfit_unclear", book.lang, **values)
        raise refusal(MissingCRS, "crs_misfit", book.lang, **values, cause=cause, line=line)
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
