"""A small town drawn by dice, in which a survey has nothing to find fault with.

Streets form a bent grid; every service is a tree of mains along some of them, so that whatever breaks strands what lies
behind it. Ends meet exactly, sewers fall and widen towards their outlet, manholes stand close, dead ends are capped.
Faults are planted into it by `planting`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import geopandas as gpd
import shapely

from gisplan.zone import Zone

Node = tuple[int, int]
XY = tuple[float, float]
Row = dict[str, Any]

CRS, DATE, COUNTY = "EPSG:4546", "2026-11-01", "141024"
X, Y = 551_000.0, 3_994_000.0
SIZE = (4, 4)
PIPES: dict[str, Row] = {
    "water": {"diameter_mm": 300.0},
    "gas": {"pressure_class": "medium_a"},
}
SEWERS = ("storm", "sewage")
SERVICES = ("water", "gas", *SEWERS)
PLANTS = {
    "water": "water_plant", "gas": "gate_station", "storm": "outfall", "sewage": "treatment_plant",
}  # fmt: skip
ASIDE = {
    "water": (4.0, 3.0), "gas": (6.5, -1.5), "storm": (-4.0, 1.5), "sewage": (2.0, -3.0),
}  # fmt: skip
"""Where each service lies beside the middle of its street [m]."""


def apart(p: XY, q: XY) -> float:
    """Distance of two points [m]."""
    return math.hypot(p[0] - q[0], p[1] - q[1])


def between(p: XY, q: XY, share: float) -> XY:
    """The point a share of the way from p to q."""
    return (p[0] + share * (q[0] - p[0]), p[1] + share * (q[1] - p[1]))


@dataclass
class Tree:
    """One service: its rows by feature id, and which street section each main follows.

    `parent` leads from a corner to the next one on the way to the plant; `mains` has the ids of the lines on the
    section from a corner to its parent, the one at the corner first; `spot` is where the service passes a corner.
    """

    service: str
    root: Node
    parent: dict[Node, Node]
    spot: Callable[[Node], XY]
    rows: dict[str, Row] = field(default_factory=dict)
    mains: dict[Node, list[str]] = field(default_factory=dict)
    level: dict[Node, float] = field(default_factory=dict)

    def add(self, feature: str, role: str, *path: XY, **columns: Any) -> str:
        """Add a feature; returns its id."""
        shape = shapely.Point(path[0]) if len(path) == 1 else shapely.LineString(path)
        self.rows[feature] = {"role": role, "status": "现状", "geometry": shape, **columns}
        return feature

    def path(self, feature: str) -> list[XY]:
        """Return the vertices of a feature."""
        return [(float(x), float(y)) for x, y in shapely.get_coordinates(self.rows[feature]["geometry"])]

    def redraw(self, feature: str, *path: XY) -> None:
        """Give a line other vertices."""
        self.rows[feature]["geometry"] = shapely.LineString(path)

    def children(self, node: Node) -> list[Node]:
        """Return the corners behind a corner."""
        return [n for n, p in self.parent.items() if p == node]

    def behind(self, node: Node) -> int:
        """Return how many corners reach the plant by way of a corner, itself included."""
        return 1 + sum(self.behind(child) for child in self.children(node))

    def way(self, node: Node) -> list[Node]:
        """Return the corners from a corner to the plant."""
        found = [node]
        while found[-1] in self.parent:
            found.append(self.parent[found[-1]])
        return found

    def subtree(self, node: Node) -> set[str]:
        """Return the mains that reach the plant by way of a section, its own included."""
        found = set(self.mains.get(node, ()))
        return found.union(*(self.subtree(child) for child in self.children(node)))

    def frame(self) -> gpd.GeoDataFrame:
        """Return the layer."""
        rows = [{"feature": row.get("feature", name), **row} for name, row in self.rows.items()]
        return gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS)


class Town:
    """A sound town; `trees` by service, `land` the parcels by number."""

    def __init__(self, seed: int, services: tuple[str, ...] = SERVICES) -> None:
        self.dice = random.Random(seed)
        self.nodes = self._streets()
        self.land: dict[str, Row] = {}
        self._parcels()
        self.trees = {service: self._tree(service) for service in services}
        for tree in self.trees.values():
            if tree.service in SEWERS:
                self._sewers(tree)
            else:
                self._mains(tree)

    def _streets(self) -> dict[Node, XY]:
        xs, ys = [X], [Y]
        for _ in range(SIZE[0] - 1):
            xs.append(xs[-1] + self.dice.randint(104, 128))
        for _ in range(SIZE[1] - 1):
            ys.append(ys[-1] + self.dice.randint(104, 128))
        return {
            (i, j): (x + self.dice.randint(-4, 4), y + self.dice.randint(-4, 4))
            for i, x in enumerate(xs)
            for j, y in enumerate(ys)
        }

    def sections(self) -> list[tuple[Node, Node]]:
        """Return all street sections."""
        found = []
        for i, j in self.nodes:
            found += [((i, j), n) for n in ((i + 1, j), (i, j + 1)) if n in self.nodes]
        return found

    def _parcels(self) -> None:
        """Put one or two parcels into every block, 14 m back from the middle of the streets."""
        for i in range(SIZE[0] - 1):
            for j in range(SIZE[1] - 1):
                ring = [self.nodes[n] for n in ((i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1))]
                a, b, c, d = ((x + 14 * u, y + 14 * v) for (x, y), (u, v) in zip(ring, _INWARD, strict=True))
                cuts = (0.0, self.dice.uniform(0.35, 0.65), 1.0) if self.dice.random() < 0.6 else (0.0, 1.0)
                for s, t in pairwise(cuts):
                    shape = shapely.Polygon([between(a, b, s), between(a, b, t), between(d, c, t), between(d, c, s)])
                    self.land[f"DK-{len(self.land) + 1:02d}"] = {
                        "use": "工业用地", "county_code": COUNTY, "stated_area_m2": round(shape.area),
                        "geometry": shape,
                    }  # fmt: skip

    def _tree(self, service: str) -> Tree:
        """Grow a tree over all corners from a corner at the edge."""
        dx, dy = ASIDE[service]
        root = self.dice.choice([(0, 0), (SIZE[0] - 1, 0), (0, SIZE[1] - 1), (1, 0), (0, 1)])
        parent: dict[Node, Node] = {}
        while len(parent) < len(self.nodes) - 1:
            a, b = self.dice.choice(self.sections())
            for near, far in ((a, b), (b, a)):
                if (near == root or near in parent) and far != root and far not in parent:
                    parent[far] = near
        return Tree(service, root, parent, lambda n: (self.nodes[n][0] + dx, self.nodes[n][1] + dy))

    def _mains(self, tree: Tree) -> None:
        """Lay mains under pressure, cables and ducts: plant at the root, an open valve on some, stubs at dead ends."""
        name, size = tree.service, PIPES[tree.service]
        tree.add(f"{name}-plant", "source", tree.spot(tree.root), kind=PLANTS[name])
        for k, (node, up) in enumerate(tree.parent.items()):
            ends = (tree.spot(node), tree.spot(up))
            tree.mains[node] = [
                tree.add(f"{name}-{k:02d}", "line", *(ends if self.dice.random() < 0.5 else ends[::-1]))
            ]
            tree.rows[tree.mains[node][0]] |= size
            if not tree.children(node):
                tree.add(f"{name}-stub-{k:02d}", "stub", tree.spot(node))

    def _sewers(self, tree: Tree) -> None:
        """Lay sewers: two pipes a section with a manhole between, drawn and falling towards the outlet."""
        name = tree.service
        tree.add(f"{name}-plant", "outfall", tree.spot(tree.root), kind=PLANTS[name])
        tree.level[tree.root] = 440.0
        todo = [tree.root]
        while todo:
            up = todo.pop()
            for node in tree.children(up):
                todo.append(node)
                size = 400.0 + 100.0 * min(4, (tree.behind(node) - 1) // 2)
                tree.mains[node] = self.sewer(tree, node, up, f"{name}-{len(tree.mains):02d}", size)
                tree.add(f"{name}-mh-{node[0]}{node[1]}", "manhole", tree.spot(node))

    def sewer(self, tree: Tree, node: Node, down: Node, name: str, size: float) -> list[str]:
        """Lay two pipes with a manhole between from a corner to one further down; give the corner its level."""
        top, foot = tree.spot(node), tree.spot(down)
        middle = between(top, foot, 0.5)
        low = tree.level[down]
        half = low + 0.004 * apart(middle, foot)
        high = tree.level.setdefault(node, half + 0.004 * apart(top, middle))
        both = {"flow": "forward", "diameter_mm": size, "system": "separate"}
        tree.add(f"{name}-mh", "manhole", middle)
        return [
            tree.add(f"{name}a", "line", top, middle, invert_from_m=round(high, 3), invert_to_m=round(half, 3), **both),
            tree.add(f"{name}b", "line", middle, foot, invert_from_m=round(half, 3), invert_to_m=round(low, 3), **both),
        ]

    def zone(self, **more: Any) -> Zone:
        """Give the town to gisplan."""
        rows = [{"parcel": row.get("parcel", name), **row} for name, row in self.land.items()]
        return Zone.from_frames(
            gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS),
            crs=CRS,
            date=DATE,
            lang="en",
            barriers="none",
            place={"county": [COUNTY]},
            **{service: tree.frame() for service, tree in self.trees.items()},
            **more,
        )


_INWARD = ((1, 1), (-1, 1), (-1, -1), (1, -1))
