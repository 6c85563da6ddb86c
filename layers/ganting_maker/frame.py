"""The two invented sites: street grids in local metres, and how local metres become EPSG:4546.

A site is a grid of north-south roads (``us``) and east-west roads (``vs``) in local metres, slightly bent and turned
when placed on the map, so that streets look like streets. Every main is the street grid moved sideways within the
right of way, which is why mains of one service meet at every crossing without any joining by hand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from shapely import LineString, Point, Polygon, box, union_all
from shapely.affinity import rotate

UV = tuple[float, float]
Edge = tuple[str, int, int]
STEP = 30.0
"""Longest straight run of a bent line [m]."""

GRID_ORIGIN = (556200.0, 4003600.0)
"""South-west corner of the larger site in EPSG:4546 [m]."""


@dataclass(frozen=True)
class Road:
    """One road of the grid: name, class word, red-line width and carriageway width [m]."""

    name: str
    word: str
    row_m: float
    width_m: float

    @property
    def half(self) -> float:
        """Half of the red-line width [m]."""
        return self.row_m / 2


@dataclass(frozen=True)
class Site:
    """One site: a grid of roads and its place on the map.

    Parameters
    ----------
    key, name, county
        Prefix of parcel ids, name, county code.
    origin, angle, bend
        South-west corner [m, EPSG:4546], turn [degrees], amplitude of the bends [m].
    us, vs
        Local coordinates of the north-south and east-west roads [m].
    north_south, east_west
        The roads themselves.
    """

    key: str
    name: str
    county: str
    origin: UV
    angle: float
    bend: float
    us: tuple[float, ...]
    vs: tuple[float, ...]
    north_south: tuple[Road, ...]
    east_west: tuple[Road, ...]

    def place(self, u: float, v: float) -> UV:
        """Local metres to EPSG:4546, rounded to the millimetre."""
        p = u + self.bend * math.sin(2 * math.pi * (v + 300) / 2600)
        q = v + 0.7 * self.bend * math.sin(2 * math.pi * (u - 200) / 3000)
        a = math.radians(self.angle)
        x = self.origin[0] + p * math.cos(a) - q * math.sin(a)
        y = self.origin[1] + p * math.sin(a) + q * math.cos(a)
        return round(x, 3), round(y, 3)

    def point(self, u: float, v: float) -> Point:
        """Return a map point from local metres."""
        return Point(self.place(u, v))

    def line(self, *stops: UV) -> LineString:
        """Return a bent map line through local stops."""
        return LineString([self.place(*p) for p in dense(stops)])

    def node(self, i: int, j: int, side: float = 0.0) -> UV:
        """Crossing of north-south road `i` and east-west road `j`, moved by `side` of each half width."""
        return self.us[i] + side * self.north_south[i].half, self.vs[j] + side * self.east_west[j].half

    def ends(self, edge: Edge, side: float = 0.0) -> tuple[UV, UV]:
        """West and east end of an ``H`` edge, south and north end of a ``V`` edge, in local metres."""
        kind, a, b = edge
        if kind == "H":
            return self.node(b - 1, a, side), self.node(b, a, side)
        return self.node(a, b - 1, side), self.node(a, b, side)

    def road(self, edge: Edge) -> Road:
        """Return the road that an edge belongs to."""
        return self.east_west[edge[1]] if edge[0] == "H" else self.north_south[edge[1]]

    def block(self, c: int, r: int) -> tuple[float, float, float, float]:
        """West, south, east, north side of block (column, row) inside its red lines, in local metres."""
        return (
            self.us[c - 1] + self.north_south[c - 1].half,
            self.vs[r - 1] + self.east_west[r - 1].half,
            self.us[c] - self.north_south[c].half,
            self.vs[r] - self.east_west[r].half,
        )

    def edges(self, columns: range, rows: range, lines: range, crossings: range) -> list[Edge]:
        """``H`` edges of `lines` in `columns` and ``V`` edges of `crossings` in `rows`."""
        across = [("H", j, c) for j in lines for c in columns]
        return across + [("V", i, r) for i in crossings for r in rows]


def dense(stops: tuple[UV, ...] | list[UV]) -> list[UV]:
    """Put further stops between stops so that no run is longer than `STEP`."""
    out: list[UV] = [stops[0]]
    for (u0, v0), (u1, v1) in pairwise(stops):
        n = max(1, math.ceil(math.hypot(u1 - u0, v1 - v0) / STEP))
        out += [(u0 + (u1 - u0) * k / n, v0 + (v1 - v0) * k / n) for k in range(1, n + 1)]
    return out


def arterial(name: str) -> Road:
    """Return an arterial road, 50 m between the red lines."""
    return Road(name, "主干路", 50.0, 32.0)


def secondary(name: str) -> Road:
    """Return a secondary road, 30 m between the red lines."""
    return Road(name, "次干路", 30.0, 21.0)


def local(name: str) -> Road:
    """Return a local road, 18 m between the red lines."""
    return Road(name, "支路", 18.0, 12.0)


GT = Site(
    "GT", "甘亭（示例）", "141024", GRID_ORIGIN, 4.0, 18.0,
    (0.0, 560.0, 1120.0, 1680.0, 2240.0, 2780.0, 3300.0),
    (0.0, 500.0, 980.0, 1480.0, 1960.0, 2440.0),
    (local("经零路（示例）"), secondary("经一路（示例）"), local("经二路（示例）"), local("经三路（示例）"),
     arterial("迎宾大道（示例）"), secondary("经五路（示例）"), local("经六路（示例）")),
    (arterial("南外环路（示例）"), secondary("纬一街（示例）"), arterial("中央大道（示例）"),
     secondary("纬三街（示例）"), secondary("纬四街（示例）"), arterial("北环路（示例）")),
)  # fmt: skip

CQ = Site(
    "CQ", "城区（示例）", "141002", (GRID_ORIGIN[0] + 720.0, GRID_ORIGIN[1] - 2900.0), -6.0, 9.0,
    (0.0, 420.0, 840.0, 1260.0),
    (0.0, 450.0, 900.0),
    (secondary("城西路（示例）"), local("数智一路（示例）"), secondary("数智二路（示例）"), local("城东路（示例）")),
    (secondary("数字南街（示例）"), local("数字中街（示例）"), arterial("数字大街（示例）")),
)  # fmt: skip

SITES = {"GT": GT, "CQ": CQ}

_RAIL = ((395.0, -350.0), (310.0, 1000.0), (268.0, 1700.0), (262.0, 2800.0))
_EXPRESSWAY = ((-500.0, 2330.0), (700.0, 2268.0), (1900.0, 2190.0), (3000.0, 2128.0), (4000.0, 2110.0))
_RIVER = ((-215.0, 3100.0), (-270.0, 2200.0), (-205.0, 1300.0), (-180.0, 600.0), (-235.0, -300.0),
          (-150.0, -1000.0), (60.0, -1700.0), (330.0, -2350.0), (360.0, -3000.0), (280.0, -3500.0))  # fmt: skip


def smooth(stops: tuple[UV, ...], per: int = 8) -> list[UV]:
    """Catmull-Rom stops between stops, so that rail, road and river curve."""
    p = np.asarray([stops[0], *stops, stops[-1]], dtype=float)
    out: list[UV] = []
    for k in range(1, len(p) - 2):
        for t in np.arange(per) / per:
            a, b, c, d = p[k - 1], p[k], p[k + 1], p[k + 2]
            q = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            out.append((float(q[0]), float(q[1])))
    return [*out, stops[-1]]


def rail() -> LineString:
    """Centre line of the railway."""
    return LineString([GT.place(*p) for p in smooth(_RAIL)])


def expressway() -> LineString:
    """Centre line of the expressway."""
    return LineString([GT.place(*p) for p in smooth(_EXPRESSWAY)])


def river() -> Polygon:
    """Return the river between its bank lines."""
    course = LineString([GT.place(*p) for p in smooth(_RIVER)])
    return Polygon(course.buffer(55.0, quad_segs=4, cap_style="flat").exterior)


def rail_u(v: float) -> float:
    """Local coordinate u of the railway at local v [m]."""
    return float(np.interp(v, [p[1] for p in smooth(_RAIL)], [p[0] for p in smooth(_RAIL)]))


def study_area() -> Polygon:
    """Ground covered by the elevation model: both sites and the detached parcel with a margin."""
    a = box(GT.origin[0] - 480, GT.origin[1] - 420, GT.origin[0] + 3560, GT.origin[1] + 2860)
    b = box(CQ.origin[0] - 500, CQ.origin[1] - 450, CQ.origin[0] + 1500, CQ.origin[1] + 1150)
    c = box(GT.origin[0] + 4300, GT.origin[1] + 380, GT.origin[0] + 4960, GT.origin[1] + 1000)
    return union_all([rotate(a, 2.0, origin=GT.origin), b, c])
