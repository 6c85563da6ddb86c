"""Plane geometry for the slow judge: floats, loops, and nothing else.

Points are pairs, paths are tuples of points, rings are paths that are not closed. All lengths are metres.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from gisplan.selfcheck.reference.records import XY, Barrier, Parcel, Path


def apart(p: XY, q: XY) -> float:
    """Return the distance of two points."""
    return math.hypot(p[0] - q[0], p[1] - q[1])


def foot(p: XY, a: XY, b: XY) -> XY:
    """Return the point of segment a-b nearest to p."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    square = dx * dx + dy * dy
    if square == 0.0:
        return a
    t = max(0.0, min(1.0, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / square))
    return (a[0] + t * dx, a[1] + t * dy)


def cross_at(a: XY, b: XY, c: XY, d: XY) -> XY | None:
    """Return the point where two segments meet, None when they do not (or are parallel)."""
    rx, ry, sx, sy = b[0] - a[0], b[1] - a[1], d[0] - c[0], d[1] - c[1]
    det = rx * sy - ry * sx
    if abs(det) < 1e-12:
        return None
    t = ((c[0] - a[0]) * sy - (c[1] - a[1]) * sx) / det
    u = ((c[0] - a[0]) * ry - (c[1] - a[1]) * rx) / det
    if -1e-12 <= t <= 1 + 1e-12 and -1e-12 <= u <= 1 + 1e-12:
        return (a[0] + t * rx, a[1] + t * ry)
    return None


def sides(ring: Path) -> Iterator[tuple[XY, XY]]:
    """Return the sides of a ring that is not closed."""
    return zip(ring, ring[1:] + ring[:1], strict=True)


def boxes_apart(p: XY, q: XY, path: Path) -> bool:
    """Whether a segment lies beyond one side of all points of a path: then they cannot meet."""
    for k in (0, 1):
        low, high = (p[k], q[k]) if p[k] < q[k] else (q[k], p[k])
        least = most = path[0][k]
        for c in path:
            least, most = min(least, c[k]), max(most, c[k])
        if least > high + 1e-9 or most < low - 1e-9:
            return True
    return False


def within(p: XY, polygon: tuple[Path, ...]) -> bool:
    """Even-odd rule over all rings; a point on a side counts as outside (within 1e-9 m)."""
    odd = False
    for ring in polygon:
        for a, b in sides(ring):
            if not boxes_apart(p, p, (a, b)) and apart(p, foot(p, a, b)) < 1e-9:
                return False
            if (a[1] > p[1]) != (b[1] > p[1]) and p[0] < a[0] + (p[1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1]):
                odd = not odd
    return odd


def to_parcel(p: XY, parcel: Parcel) -> tuple[float, XY]:
    """Return the distance of a point to a parcel (0 inside and on the line) and the nearest point of the parcel."""
    best = (math.inf, p)
    for polygon in parcel.polygons:
        if within(p, polygon):
            return 0.0, p
        for ring in polygon:
            for a, b in sides(ring):
                q = foot(p, a, b)
                best = min(best, (apart(p, q), q))
    return best


def nearest_on(path: Path, parcel: Parcel) -> tuple[float, XY]:
    """Return the distance of a path to a parcel and a point of the path where it is reached."""
    best = min((to_parcel(p, parcel)[0], p) for p in path)
    if best[0] == 0.0:
        return best
    for polygon in parcel.polygons:
        for ring in polygon:
            for a, b in sides(ring):
                for c, d in pairwise(path):
                    crossing = cross_at(a, b, c, d)
                    if crossing is not None:
                        return 0.0, crossing
                    q = foot(a, c, d)
                    best = min(best, (apart(a, q), q))
    return best


def length_inside(p: XY, q: XY, parcel: Parcel) -> float:
    """How many metres of the segment p-q lie inside a parcel."""
    total = 0.0
    for polygon in parcel.polygons:
        if boxes_apart(p, q, polygon[0]):
            continue
        cuts = {0.0, 1.0}
        whole = apart(p, q)
        for ring in polygon:
            for a, b in sides(ring):
                crossing = cross_at(p, q, a, b)
                if crossing is not None:
                    cuts.add(apart(p, crossing) / whole)
                cuts.update(apart(p, v) / whole for v in (a, b) if apart(v, foot(v, p, q)) < 1e-9)
        for s, t in pairwise(sorted(cuts)):
            m = (s + t) / 2
            if within((p[0] + m * (q[0] - p[0]), p[1] + m * (q[1] - p[1])), polygon):
                total += (t - s) * whole
    return total


def touches(p: XY, q: XY, barrier: Barrier) -> bool:
    """Whether the segment p-q has any contact with a barrier."""
    if boxes_apart(p, q, barrier.path):
        return False
    if barrier.area and (within(p, (barrier.path,)) or within(q, (barrier.path,))):
        return True
    edges = sides(barrier.path) if barrier.area else pairwise(barrier.path)
    return any(cross_at(p, q, a, b) is not None for a, b in edges)


def shared_area(one: Parcel, two: Parcel) -> float:
    """Area in m² that two parcels share: exact, by upright strips in which nothing crosses."""

    def spans(polygons: tuple[tuple[Path, ...], ...], x: float) -> list[tuple[float, float]]:
        """Return the stretches of the upright line at x that lie inside."""
        found = []
        for polygon in polygons:
            ys = sorted(
                a[1] + (x - a[0]) * (b[1] - a[1]) / (b[0] - a[0])
                for ring in polygon
                for a, b in sides(ring)
                if (a[0] > x) != (b[0] > x)
            )
            found += list(zip(ys[::2], ys[1::2], strict=True))
        return found

    every = [side for p in (one, two) for polygon in p.polygons for ring in polygon for side in sides(ring)]
    xs = {a[0] for a, _ in every}
    xs |= {c[0] for a, b in every for d, e in every if (c := cross_at(a, b, d, e)) is not None}
    total = 0.0
    for left, right in pairwise(sorted(xs)):
        middle = (left + right) / 2
        for low, high in spans(one.polygons, middle):
            for floor, roof in spans(two.polygons, middle):
                total += max(0.0, min(high, roof) - max(low, floor)) * (right - left)
    return total


def along(path: Path, q: XY) -> float:
    """How far along a path a point of it lies."""
    best, walked = (math.inf, 0.0), 0.0
    for a, b in pairwise(path):
        f = foot(q, a, b)
        best = min(best, (apart(q, f), walked + apart(a, f)))
        walked += apart(a, b)
    return best[1]


def stretch(path: Path, start: float, stop: float) -> Path:
    """Cut out the stretch of a path from one measure to another."""
    ends: dict[float, XY] = {}
    inner, walked = [], 0.0
    for a, b in pairwise(path):
        size = apart(a, b)
        for at in (start, stop):
            if walked - 1e-9 <= at <= walked + size + 1e-9 and size > 0:
                t = (at - walked) / size
                ends.setdefault(at, (a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])))
        walked += size
        if start + 1e-9 < walked < stop - 1e-9:
            inner.append(b)
    return (ends[start], *inner, ends[stop])
