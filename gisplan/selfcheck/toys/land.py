"""Streets, parcels and barriers of the toy zones, and the dice that all makers of toy zones share."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from gisplan.selfcheck.reference.plane import apart
from gisplan.selfcheck.reference.records import XY, Barrier, Parcel, Path

TODAY = date(2026, 11, 1)
ORIGIN = (545_000.0, 3_994_000.0)
OPERATING = ("现状", "已建", "运行", "在用", "投运", "existing", "operating", " 现状 ", "EXISTING")
BUILT = ("已建未投运", "已竣工未移交", "built")
BUILDING = ("在建", "施工", "construction")
PLANNED = ("规划", "拟建", "设计", "planned")
GONE = ("停用", "废弃", "abandoned")
ODD = ("", "", "基本建成", "待定", "?")
DAYS = [TODAY + timedelta(days=d) for d in (-700, -300, -60, -1, 0, 1, 45, 200, 420, 800, 1100)]
LATER = DAYS[5:]


def between(a: XY, b: XY, t: float) -> XY:
    """Return the point that lies a share t of the way from a to b."""
    return (a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]))


def moved(p: XY, dx: float, dy: float) -> XY:
    """Return a point moved by (dx, dy)."""
    return (p[0] + dx, p[1] + dy)


def toward(a: XY, b: XY, metres: float) -> XY:
    """Return the point that lies some metres from a toward b."""
    return between(a, b, metres / apart(a, b))


class Dice(random.Random):
    """A seeded source of chance with the two words the makers need."""

    def chance(self, share: float) -> bool:
        """Return True in a share of the cases."""
        return self.random() < share

    def one(self, weighted: dict[Any, float]) -> Any:
        """Return one of the keys by weight."""
        return self.choices(list(weighted), list(weighted.values()))[0]


@dataclass(frozen=True)
class Streets:
    """The crooked grid: nodes[i][j], columns i, rows j."""

    nodes: tuple[tuple[XY, ...], ...]

    @property
    def size(self) -> tuple[int, int]:
        """Number of node columns and rows."""
        return len(self.nodes), len(self.nodes[0])

    def at(self, ij: tuple[int, int]) -> XY:
        """Return a node's place."""
        return self.nodes[ij[0]][ij[1]]

    def edges(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Return all street sections, those that run east first."""
        nx, ny = self.size
        east = [((i, j), (i + 1, j)) for j in range(ny) for i in range(nx - 1)]
        return east + [((i, j), (i, j + 1)) for i in range(nx) for j in range(ny - 1)]


class Land:
    """Draws streets, parcels and barriers."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        nx, ny = dice.one({(1, 1): 3, (2, 1): 4, (1, 2): 3, (2, 2): 2})
        self.deep = dice.chance(0.22)  # parcels that stand too far back from the streets
        low, high = (190, 260) if self.deep else (90, 190)
        xs, ys = [ORIGIN[0]], [ORIGIN[1]]
        for _ in range(nx):
            xs.append(xs[-1] + dice.randint(low, high))
        for _ in range(ny):
            ys.append(ys[-1] + dice.randint(low - 20, high - 30))
        self.streets = Streets(tuple(tuple((x + dice.randint(-5, 5), y + dice.randint(-5, 5)) for y in ys) for x in xs))
        self.parcels: list[Parcel] = []
        self.barriers: list[Barrier] = []
        while len(self.parcels) < 4:
            self.parcels, self.barriers = [], []
            for i in range(nx):
                for j in range(ny):
                    self.block((i, j))
        del self.parcels[8:]
        self.oddities()
        self.parcels = [self.with_papers(p, k) for k, p in enumerate(self.parcels)]

    def add(self, *rings: Path) -> None:
        """Add a parcel of one polygon."""
        self.parcels.append(Parcel(f"{len(self.parcels):03d}", (rings,)))

    def block(self, ij: tuple[int, int]) -> None:
        """Fill one block with parcels, and now and then with a barrier along one side."""
        dice, (i, j) = self.dice, ij
        n = self.streets.nodes
        west, south, east, north = (
            dice.randint(57, 66) if self.deep and dice.chance(0.6) else dice.randint(16, 60) / 2 for _ in range(4)
        )
        a, b = moved(n[i][j], west, south), moved(n[i + 1][j], -east, south)
        c, d = moved(n[i + 1][j + 1], -east, -north), moved(n[i][j + 1], west, -north)
        rows = [(a, b, c, d)]
        if dice.chance(0.4):
            share = dice.choice((0.35, 0.5, 0.6))
            left, right = between(a, d, share), between(b, c, share + 0.05)
            rows = [(a, b, right, left), (left, right, c, d)]
        for a, b, c, d in rows:
            cuts = [0.0, 1.0]
            for _ in range(dice.one({0: 3, 1: 4, 2: 2})):
                cuts.append(dice.randint(25, 75) / 100)
            if dice.chance(0.15):  # a sliver, 1 to 2 m wide
                cuts += [0.4, 0.4 + dice.uniform(1.0, 2.0) / apart(a, b)]
            for s, t in pairwise(sorted(set(cuts))):
                self.add((between(a, b, s), between(a, b, t), between(d, c, t), between(d, c, s)))
        if min(west, south, east, north) > 9 and dice.chance(0.35):
            self.barrier((n[i][j], n[i + 1][j], n[i + 1][j + 1], n[i][j + 1]), dice.randrange(4))

    def barrier(self, corners: Path, side: int) -> None:
        """Lay a railway or a river between a street and the parcels beside it."""
        dice = self.dice
        a, b = corners[side], corners[(side + 1) % 4]
        inward = ((0, 1), (-1, 0), (0, -1), (1, 0))[side]
        a, b = moved(a, 6 * inward[0], 6 * inward[1]), moved(b, 6 * inward[0], 6 * inward[1])
        if dice.chance(0.35):
            b = between(a, b, dice.choice((0.4, 0.55)))  # leaves a wide opening
        else:
            a, b = toward(b, a, apart(a, b) + 70), toward(a, b, apart(a, b) + 70)
        name = f"barrier-{len(self.barriers)}"
        if dice.chance(0.5):
            self.barriers.append(Barrier(name, (a, b)))
        else:
            dx, dy = 1.5 * inward[0], 1.5 * inward[1]
            self.barriers.append(Barrier(name, (a, b, moved(b, dx, dy), moved(a, dx, dy)), area=True))

    def oddities(self) -> None:
        """Cut a hole, pack two polygons into one parcel, lay one parcel over another."""
        dice = self.dice
        k = dice.randrange(len(self.parcels))
        ring = self.parcels[k].polygons[0][0]
        if dice.chance(0.35) and min(apart(p, q) for p, q in pairwise((*ring, ring[0]))) > 30:
            low, high = dice.choice(((0.3, 0.6), (0.25, 0.75), (0.4, 0.7)))
            hole = tuple(
                between(between(ring[0], ring[1], s), between(ring[3], ring[2], s), t)
                for s, t in ((low, low), (low, high), (high, high), (high, low))
            )
            self.parcels[k] = replace(self.parcels[k], polygons=((ring, hole),))
            if dice.chance(0.5):
                self.add(hole)
        if len(self.parcels) > 4 and dice.chance(0.12):
            last = self.parcels.pop()
            k = dice.randrange(len(self.parcels))
            self.parcels[k] = replace(self.parcels[k], polygons=self.parcels[k].polygons + last.polygons)
        if dice.chance(0.05):  # two parcels that overlap
            self.add(tuple(moved(p, 7, 4) for p in dice.choice(self.parcels).polygons[0][0]))

    def with_papers(self, parcel: Parcel, number: int) -> Parcel:
        """Give a parcel its id, delivery date, levelling record and land use."""
        dice = self.dice
        state = dice.one({OPERATING: 6, ODD: 4, BUILT: 1.5, BUILDING: 1.5, PLANNED: 1.5})
        return replace(
            parcel,
            id=f"{number:03d}",
            delivery_on=dice.choice(DAYS) if dice.chance(0.75) else None,
            leveling_status=dice.choice(state),
            leveling_works=f"W{dice.randrange(14):02d}" if dice.chance(0.1 if state is OPERATING else 0.7) else "",
            use=dice.choice(("工业用地", "1001", "物流仓储用地", "", "待定")),
        )
