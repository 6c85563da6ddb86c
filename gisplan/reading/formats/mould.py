"""Shapes out of lists of numbers, as GeoJSON writes them: made only where every number is one and every ring closes."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

_DEEPEST = 30


class Misshapen(ValueError):
    """A shape that cannot be made; `code` is a row ``misshapen.<code>`` of labels.csv."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def shape_of(geometry: Any, depth: int = 0) -> tuple[Any, bool]:
    """Make a shape of a GeoJSON geometry object.

    Parameters
    ----------
    geometry
        What stands under ``geometry``.
    depth
        How deep in collections it stands.

    Returns
    -------
    tuple
        The shape, and whether numbers of its positions were left out: behind the third, or heights that only some have.

    Raises
    ------
    Misshapen
        Something in it cannot be what it says.
    """
    kind = str(geometry.get("type")).casefold() if isinstance(geometry, dict) else ""
    if kind == "geometrycollection":
        parts = geometry.get("geometries")
        if not isinstance(parts, list) or depth > _DEEPEST:
            raise Misshapen("parts")
        made = [shape_of(part, depth + 1) for part in parts]
        return shapely.GeometryCollection([shape for shape, _ in made]), any(extra for _, extra in made)
    maker = _MAKERS.get(kind)
    if maker is None:
        raise Misshapen("type")
    positions = _Positions()
    return maker(geometry.get("coordinates"), positions), positions.extra


class _Positions:
    """Turns lists of positions into arrays, and remembers whether numbers were left out."""

    extra = False

    def array(self, coordinates: Any) -> np.ndarray:
        """Make an array of two or three columns of a list of positions."""
        if not isinstance(coordinates, list):
            raise Misshapen("coordinates")
        try:
            made = np.asarray(coordinates)
        except ValueError:  # positions of different length
            made = np.zeros(0)
        plain = made.ndim == 2 and made.dtype.kind in "if" and made.shape[1] in (2, 3)
        # A 0 or 1 may have been a false or true.
        if not plain or ((made == 0) | (made == 1)).any():
            made = self._one_by_one(coordinates)
        return made.astype("float64", copy=False)

    def _one_by_one(self, coordinates: list[Any]) -> np.ndarray:
        rows = []
        for position in coordinates:
            if not isinstance(position, list) or len(position) < 2:
                raise Misshapen("position")
            if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in position):
                raise Misshapen("position")
            rows.append(position[:3])
        width = 3 if rows and all(len(row) == 3 for row in rows) else 2
        self.extra = self.extra or any(len(position) > width for position in coordinates)
        try:
            return np.array([row[:width] for row in rows], dtype="float64").reshape(-1, width)
        except OverflowError as error:
            raise Misshapen("position") from error


def _list(coordinates: Any) -> list[Any]:
    if not isinstance(coordinates, list):
        raise Misshapen("coordinates")
    return coordinates


def _point(coordinates: Any, positions: _Positions) -> Any:
    if not _list(coordinates):
        return shapely.Point()
    return shapely.points(positions.array([coordinates])[0])


def _line(coordinates: Any, positions: _Positions) -> Any:
    if not _list(coordinates):
        return shapely.LineString()
    array = positions.array(coordinates)
    if len(array) < 2:
        raise Misshapen("line_short")
    return shapely.linestrings(array)


def _ring(coordinates: Any, positions: _Positions) -> Any:
    array = positions.array(coordinates)
    if len(array) < 4:
        raise Misshapen("ring_short")
    if not (array[0, :2] == array[-1, :2]).all():
        raise Misshapen("ring_open")
    return shapely.linearrings(array)


def _polygon(coordinates: Any, positions: _Positions) -> Any:
    if not _list(coordinates) or coordinates == [[]]:
        return shapely.Polygon()
    rings = [_ring(ring, positions) for ring in coordinates]
    return shapely.polygons(rings[0], holes=rings[1:] or None)


def _points(coordinates: Any, positions: _Positions) -> Any:
    return shapely.MultiPoint(positions.array(coordinates) if _list(coordinates) else None)


def _lines(coordinates: Any, positions: _Positions) -> Any:
    return shapely.MultiLineString([_line(line, positions) for line in _list(coordinates)])


def _polygons(coordinates: Any, positions: _Positions) -> Any:
    return shapely.MultiPolygon([_polygon(polygon, positions) for polygon in _list(coordinates)])


_MAKERS = {
    "point": _point,
    "multipoint": _points,
    "linestring": _line,
    "multilinestring": _lines,
    "polygon": _polygon,
    "multipolygon": _polygons,
}
