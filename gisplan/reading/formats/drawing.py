"""What stands in a drawing (DXF): entities become rows; curves, bulges and blocks become plain lines and areas."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import shapely

CHORD_M = 0.01
"""Curves become chords that leave them by no more than this."""
CLOSE_M = 0.01
"""A line whose ends are no further apart than this is an outline."""
SYMBOL_M = 10.0
"""A block no larger than this is a symbol: its strokes are no pipes."""
DEEPEST, MOST_PIECES = 8, 200_000
"""Blocks in blocks are taken apart to this depth, and all blocks of a drawing into no more pieces than this."""
OWN = ("feature", "entity", "layer", "color", "linetype", "elevation", "text", "block", "cass_code")
PARCEL_CODE = "300000"
_PARCEL = ("parcel", "权利人", "use")
_MOST_TAGS = 256
_NOTES = ("ATTDEF", "ATTRIB", "DIMENSION", "IMAGE", "LEADER", "MULTILEADER", "TOLERANCE", "VIEWPORT", "WIPEOUT")
"""Entities that only say something about others."""
_CURVED = ("ARC", "CIRCLE", "ELLIPSE", "SPLINE")
_LEAST, _MOST = 4, 3600
_FAILS = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""What a library raises on entities that are none."""
_WORLD_M, _LONGEST = 1e7, 100_000
_ESCAPED = re.compile(r"\\U\+([0-9A-Fa-f]{4})")
"""How a drawing of an old version writes what its code page lacks; ezdxf leaves that in extended data as it stands."""


class TooManyPieces(Exception):
    """The blocks of a drawing come to more pieces than anybody draws."""


@dataclass
class Row:
    """One entity: where it belongs, its cells, and its shape (None where it is broken)."""

    layer: str
    cells: dict[str, str]
    geometry: shapely.Geometry | None
    open_m: float = math.nan  # how far apart the ends are of what should be an outline


@dataclass
class Tally:
    """What happened to the entities of a drawing, counted."""

    read: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    curves: int = 0
    closed: int = 0
    symbols: int = 0
    blocks: int = 0
    pieces: int = 0
    too_deep: int = 0
    lost_tags: int = 0


class Drawing:
    """Turns the entities of a drawing into rows.

    Parameters
    ----------
    keep_lost
        Whether what cannot be read becomes a row without a shape, and small blocks are taken apart, too: of what stands
        in the way nothing may be missing.
    """

    def __init__(self, keep_lost: bool = False) -> None:
        self.tally = Tally()
        self.lost: list[Row] = []
        self._keep_lost = keep_lost
        self._spans: dict[str, float] = {}
        self._shape: dict[str, Callable[[Any], tuple[list[tuple[float, ...]], bool]]] = {
            "LINE": lambda e: ([e.dxf.start, e.dxf.end], False),
            "LWPOLYLINE": _light,
            "POLYLINE": _heavy,
            "ARC": lambda e: (_placed(e, _sweep(e, e.dxf.start_angle, e.dxf.end_angle)), False),
            "CIRCLE": lambda e: (_placed(e, _sweep(e, 0.0, 360.0)), True),
            "ELLIPSE": _ellipse,
            "SPLINE": _spline,
        }

    def rows(self, entities: Iterable[Any]) -> Iterator[Row]:
        """Give the rows of entities, blocks taken apart.

        Raises
        ------
        TooManyPieces
            Somebody has put blocks into blocks to blow the reader up.
        """
        for entity in entities:
            if entity.is_alive:
                yield from self._rows(entity, "", "", 0)
        yield from self.lost

    def _rows(self, entity: Any, layer: str, handle: str, depth: int) -> Iterator[Row]:
        kind = entity.dxftype()
        own = str(entity.dxf.get("layer", "0")) if entity.dxf.is_supported("layer") else "0"
        # What a block draws on layer 0 lies on the layer of the block's reference.
        layer = layer if layer and own == "0" else own
        handle = handle or str(entity.dxf.get("handle") or "")
        if kind == "INSERT":
            yield from self._insert(entity, layer, handle, depth)
        elif kind in ("TEXT", "MTEXT", "POINT"):
            spot = _spot(entity, "location" if kind == "POINT" else "insert")
            text = "" if kind == "POINT" else _plain(entity)
            yield self._row(entity, (layer, handle), _point(spot), text=text)
        elif kind in self._shape and not (kind == "POLYLINE" and not (entity.is_2d_polyline or entity.is_3d_polyline)):
            yield self._line(entity, layer, handle)
        else:
            self._lose(kind, handle, layer)

    def _lose(self, kind: str, handle: str, layer: str) -> None:
        self.tally.unread[kind] += 1
        self.tally.lost.append(handle or "?")
        if self._keep_lost and kind not in _NOTES:
            self.lost.append(Row(layer, {"feature": handle, "entity": kind, "layer": layer}, None))

    def _row(
        self, entity: Any, at: tuple[str, str], shape: shapely.Geometry | None, text: str = "", block: str = ""
    ) -> Row:
        kind = entity.dxftype()
        self.tally.read[kind] += 1
        cells = {
            "feature": at[1], "entity": kind, "layer": at[0], "color": str(entity.dxf.get("color", 256)),
            "linetype": str(entity.dxf.get("linetype", "")), "elevation": _level(shape), "text": text, "block": block,
        }  # fmt: skip
        strings = _south(entity)
        if strings:
            cells["cass_code"] = strings[0]
            cells.update({f"south_{i}": word for i, word in enumerate(strings[1:_MOST_TAGS], 1)})
        if strings[:1] == [PARCEL_CODE]:
            cells.update(zip(_PARCEL, strings[1:4], strict=False))
        return Row(at[0], cells, shape)

    def _line(self, entity: Any, layer: str, handle: str) -> Row:
        """Make the row of a line or an outline."""
        kind = entity.dxftype()
        try:
            points, closed = self._shape[kind](entity)
            xyz = np.array([tuple(p)[:3] if len(p) > 2 else (*p, 0.0) for p in points], dtype=float).reshape(-1, 3)
        except _FAILS:
            # What a library makes of a curve that is none: the entity is broken, its row stays.
            xyz, closed = np.full((1, 3), math.nan), False
        bulged = kind in ("LWPOLYLINE", "POLYLINE") and bool(getattr(entity, "has_arc", False))
        self.tally.curves += kind in _CURVED or bulged
        if len(xyz) == 0 or not np.isfinite(xyz).all():
            return self._row(entity, (layer, handle), None)
        distinct = len(set(map(tuple, xyz[:, :2].tolist())))
        gap = float(np.hypot(*(xyz[0, :2] - xyz[-1, :2])))
        if not closed and distinct >= 3 and kind != "LINE" and gap <= CLOSE_M:
            self.tally.closed += gap > 0
            closed = True
        if closed and distinct >= 3:
            ring = xyz if gap == 0 else np.vstack([xyz, xyz[:1]]) if gap > CLOSE_M else np.vstack([xyz[:-1], xyz[:1]])
            return self._row(entity, (layer, handle), shapely.Polygon(_flat(ring)))
        shape = shapely.LineString(_flat(xyz)) if len(xyz) > 1 else None
        row = self._row(entity, (layer, handle), shape)
        row.open_m = gap
        return row

    def _insert(self, entity: Any, layer: str, handle: str, depth: int) -> Iterator[Row]:
        """Make a point of a block's reference, and lines of what it draws unless it is a symbol."""
        several = max(int(entity.mcount), 1)
        self._count(several)
        for number, one in enumerate(self._copies(entity, several, handle, layer)):
            name = str(one.dxf.get("name", ""))
            mine = handle if several == 1 else f"{handle}.{number}"
            row = self._row(entity, (layer, mine), _point(_spot(one, "insert")), block=name)
            self._tags(entity, row)
            yield row
            block = one.block()
            if block is None or block.block.is_xref:
                # What it draws is in another drawing, or nowhere.
                self._lose("INSERT" if block is None else "XREF", mine, layer)
                continue
            if depth >= DEEPEST:
                self.tally.too_deep += 1
                continue
            scale = max(abs(float(one.dxf.get(axis, 1.0))) for axis in ("xscale", "yscale"))
            if not self._keep_lost and name in self._spans and self._spans[name] * scale <= SYMBOL_M:
                self.tally.symbols += 1
                continue
            before = deepcopy(self.tally)
            inner = list(self._exploded(one, layer, mine, depth))
            span = _span(inner)
            # Where a block was not taken apart to its ground, nobody knows how large it is.
            if self.tally.too_deep == before.too_deep and scale > 0:
                self._spans.setdefault(name, span / scale)
                if span <= SYMBOL_M and not self._keep_lost:
                    self.tally = replace(before, symbols=before.symbols + 1)
                    continue
            self.tally.blocks += 1
            yield from inner

    def _copies(self, insert: Any, count: int, handle: str, layer: str) -> list[Any]:
        """Give the single references of one that stands in rows and columns."""
        try:
            return [insert] if count == 1 else list(insert.multi_insert())
        except _FAILS:
            self._lose("INSERT", handle, layer)
            return []

    def _exploded(self, insert: Any, layer: str, handle: str, depth: int) -> Iterator[Row]:
        try:
            skipped = partial(self._skip, handle, layer)
            for number, entity in enumerate(insert.virtual_entities(skipped_entity_callback=skipped), 1):
                self._count(1)
                yield from self._rows(entity, layer, f"{handle}.{number}", depth + 1)
        except _FAILS:
            self._lose("INSERT", handle, layer)

    def _skip(self, handle: str, layer: str, entity: Any, why: str) -> None:
        self._lose(entity.dxftype(), handle, layer)

    def _count(self, pieces: int) -> None:
        self.tally.pieces += pieces
        if self.tally.pieces > MOST_PIECES:
            raise TooManyPieces

    def _tags(self, insert: Any, row: Row) -> None:
        """Write the attributes of a block's reference into cells of their own names."""
        tags = [tag for tag in insert.attribs if tag.is_alive]
        for tag in tags[:_MOST_TAGS]:
            name = str(tag.dxf.get("tag", "")).strip()
            if name:
                free = name if name not in OWN and not name.startswith("south_") else f"{name}_attrib"
                row.cells.setdefault(free, str(tag.dxf.get("text", "")))
        self.tally.lost_tags += max(len(tags) - _MOST_TAGS, 0)


def _south(entity: Any) -> list[str]:
    """Give the strings that CASS has hung on an entity; they are found by the name of the application."""
    if not entity.has_xdata("SOUTH"):
        return []
    words = (str(tag.value).strip() for tag in entity.get_xdata("SOUTH") if tag.code == 1000)
    return [_ESCAPED.sub(lambda found: chr(int(found[1], 16)), word) for word in words]


def _spot(entity: Any, name: str) -> tuple[float, float, float]:
    """Give the place of a point, a text or a block in the world."""
    if name == "insert" and entity.dxftype() == "MTEXT":
        return tuple(entity.dxf.insert)
    place = entity.dxf.get(name, (math.nan,) * 3)
    return tuple(place) if name == "location" else tuple(_world(entity, [place])[0])


def _point(spot: tuple[float, ...]) -> shapely.Geometry | None:
    xyz = np.array([*spot, 0.0][:3], dtype=float)
    return shapely.Point(_flat(xyz[None, :])[0]) if np.isfinite(xyz).all() else None


def _flat(xyz: np.ndarray) -> np.ndarray:
    """Leave the height out where there is none."""
    return xyz if xyz[:, 2].any() else xyz[:, :2]


def _level(shape: shapely.Geometry | None) -> str:
    """Give the one height of a shape; empty where it has several."""
    if shape is None or shape.is_empty:
        return ""
    if not shape.has_z:
        return ""
    heights = shapely.get_coordinates(shape, include_z=True)[:, 2]
    return repr(float(heights[0])) if (heights == heights[0]).all() else ""


def _plain(entity: Any) -> str:
    """Give what a text says, without its marks of layout."""
    try:
        return str(entity.plain_text()).strip()
    except (ValueError, TypeError, IndexError, AttributeError):
        return str(entity.dxf.get("text", "")).strip()


def _world(entity: Any, points: Iterable[Any]) -> list[Any]:
    """Take points from an entity's own plane into the world."""
    ocs = entity.ocs()
    return [tuple(ocs.to_wcs(_three(p))) for p in points] if ocs.transform else [_three(p) for p in points]


def _three(point: Any) -> tuple[float, float, float]:
    x, y, *z = tuple(point)
    return (float(x), float(y), float(z[0]) if z else 0.0)


_placed = _world


def _light(entity: Any) -> tuple[list[tuple[float, ...]], bool]:
    """Follow a light polyline, its bulges as chords."""
    level = float(entity.dxf.get("elevation", 0.0))
    spots = [(x, y, level, bulge) for x, y, bulge in entity.get_points("xyb")]
    return _world(entity, _bulged(spots, bool(entity.closed))), bool(entity.closed)


def _heavy(entity: Any) -> tuple[list[tuple[float, ...]], bool]:
    """Follow an old polyline; the frame of a smoothed one is not its line."""
    spots = []
    for vertex in entity.vertices:
        if not int(vertex.dxf.get("flags", 0)) & 16:
            spots.append((*_three(vertex.dxf.location), float(vertex.dxf.get("bulge", 0.0))))
    closed = bool(entity.is_closed)
    if entity.is_3d_polyline:
        return [spot[:3] for spot in spots], closed
    return _world(entity, _bulged(spots, closed)), closed


def _bulged(spots: list[tuple[float, float, float, float]], closed: bool) -> list[tuple[float, float, float]]:
    """Replace arcs by chords; a bulge is the tangent of a quarter of its angle."""
    out: list[tuple[float, float, float]] = []
    for number, (x, y, z, bulge) in enumerate(spots):
        out.append((x, y, z))
        if bulge == 0 or (number == len(spots) - 1 and not closed):
            continue
        to_x, to_y = spots[(number + 1) % len(spots)][:2]
        chord = math.hypot(to_x - x, to_y - y)
        if chord == 0:
            continue
        # The centre lies on the bisector of the chord; a positive bulge runs counter-clockwise.
        away = (1 - bulge * bulge) / (4 * bulge)
        cx, cy = (x + to_x) / 2 - away * (to_y - y), (y + to_y) / 2 + away * (to_x - x)
        radius = chord * (1 + bulge * bulge) / (4 * abs(bulge))
        start, turn = math.atan2(y - cy, x - cx), 4 * math.atan(bulge)
        steps = _steps(radius, abs(turn))
        for step in range(1, steps):
            angle = start + turn * step / steps
            out.append((cx + radius * math.cos(angle), cy + radius * math.sin(angle), z))
    return out


def _steps(radius: float, turn: float) -> int:
    """Say into how many chords an arc is cut."""
    if radius <= CHORD_M:
        return _LEAST
    return min(max(math.ceil(turn / (2 * math.acos(1 - CHORD_M / radius))), _LEAST), _MOST)


def _sweep(entity: Any, start: float, end: float) -> list[tuple[float, float, float]]:
    """Walk along a circle or an arc in its own plane; angles in degrees."""
    x, y, z = _three(entity.dxf.center)
    radius = abs(float(entity.dxf.radius))
    turn = math.radians((end - start) % 360.0 or 360.0)
    steps = _steps(radius, turn)
    angles = math.radians(start) + turn * np.arange(steps + 1) / steps
    return [(x + radius * math.cos(a), y + radius * math.sin(a), z) for a in angles]


def _ellipse(entity: Any) -> tuple[list[tuple[float, ...]], bool]:
    """Walk along an ellipse; it leaves its chords by no more than the circle on its longer axis."""
    start, turn = float(entity.dxf.start_param), float(entity.dxf.end_param - entity.dxf.start_param)
    whole = abs(turn) >= 2 * math.pi - 1e-9
    turn = 2 * math.pi if whole else turn % (2 * math.pi)
    centre, major, minor = (
        np.array(_three(axis)) for axis in (entity.dxf.center, entity.dxf.major_axis, entity.minor_axis)
    )
    steps = _steps(float(np.hypot(*major[:2])), turn)
    angles = start + turn * np.arange(steps + 1)[:, None] / steps
    return [tuple(p) for p in centre + np.cos(angles) * major + np.sin(angles) * minor], whole


def _spline(entity: Any) -> tuple[list[tuple[float, ...]], bool]:
    tool = entity.construction_tool()
    size = float(np.ptp(np.array([tuple(p) for p in tool.control_points]), axis=0).max())
    if not size < _WORLD_M:
        raise ValueError("no curve on earth")
    # Only as many points as a curve of sound weights can need: others wind without end.
    found = list(islice(tool.flattening(max(CHORD_M, 1e-5 * size)), _LONGEST + 1))
    if len(found) > _LONGEST:
        raise ValueError("a curve that winds without end")
    return [tuple(p) for p in found], bool(entity.closed)


def _span(rows: list[Row]) -> float:
    """Give the larger side of the box round what a block draws."""
    drawn = [row.geometry for row in rows if row.geometry is not None and row.cells["entity"] not in ("TEXT", "MTEXT")]
    if not drawn:
        return 0.0
    west, south, east, north = shapely.total_bounds(np.array(drawn, dtype=object))
    return float(max(east - west, north - south))
