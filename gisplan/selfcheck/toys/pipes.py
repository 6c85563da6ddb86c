"""The pipes, roads and plants of the toy zones: one service at a time, with what goes wrong in a survey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from gisplan.selfcheck.reference.plane import apart
from gisplan.selfcheck.reference.records import XY, Condition, Feature, Rules
from gisplan.selfcheck.toys.land import (
    BUILDING,
    BUILT,
    DAYS,
    GONE,
    ODD,
    OPERATING,
    PLANNED,
    Dice,
    Land,
    between,
    moved,
    toward,
)

RULES = {
    "road": Rules(
        frozenset({"road_gate"}),
        crossings_join=True,
        conditions=(
            Condition("road_class", one_of=frozenset({"arterial", "secondary", "local"})),
            Condition("width_m", at_least=4.0),
        ),
    ),
    "water": Rules(
        frozenset({"water_plant", "booster_station", "well_field"}),
        conditions=(Condition("diameter_mm", at_least=150.0),),
    ),
    "storm": Rules(
        frozenset({"outfall", "river", "storm_pump_station"}),
        to_outfall=True,
        conditions=(Condition("diameter_mm", at_least=400.0),),
    ),
    "sewage": Rules(
        frozenset({"treatment_plant"}), to_outfall=True, conditions=(Condition("diameter_mm", at_least=300.0),)
    ),
    "power": Rules(
        frozenset({"substation", "switching_station"}),
        conditions=(Condition("voltage_kv", at_least=10.0, at_most=35.0),),
    ),
    "telecom": Rules(frozenset({"exchange"})),
    "gas": Rules(
        frozenset({"gate_station", "regulator_station"}),
        conditions=(Condition("pressure_class", one_of=frozenset({"medium_a", "medium_b", "low"})),),
    ),
    "heat": Rules(
        frozenset({"heat_plant", "exchange_station"}),
        conditions=(Condition("medium", one_of=frozenset({"hot_water", "steam"})),),
    ),
    "catv": Rules(frozenset({"headend"})),
}
# attribute values that keep the limit, and values that break it
GOOD: dict[str, dict[str, Sequence[float | str]]] = {
    "road": {"width_m": (4.0, 7.0, 12.0), "road_class": ("支路", "次干路", "主干路", "local")},
    "water": {"diameter_mm": (150.0, 200.0, 300.0)},
    "storm": {"diameter_mm": (400.0, 600.0, 1000.0)},
    "sewage": {"diameter_mm": (300.0, 400.0, 500.0)},
    "power": {"voltage_kv": (10.0, 20.0, 35.0)},
    "gas": {"pressure_class": ("medium_a", "medium_b", "low")},
    "heat": {"medium": ("hot_water", "steam")},
}
BAD: dict[str, dict[str, Sequence[float | str]]] = {
    "road": {"width_m": (2.5, 3.5), "road_class": ("快速路", "expressway")},
    "water": {"diameter_mm": (63.0, 110.0)},
    "storm": {"diameter_mm": (200.0, 300.0)},
    "sewage": {"diameter_mm": (160.0, 225.0)},
    "power": {"voltage_kv": (0.4, 110.0)},
    "gas": {"pressure_class": ("high_a", "subhigh_b")},
    "heat": {"medium": ("不明",)},
}

# status words and works (see `draw.STAGES`) that make a pipe usable from a day to come
STAGED = (
    (BUILDING, "W00"), (BUILT, "W00"), (BUILDING, "W01"), (OPERATING, "W01"), (BUILDING, "W02"), (PLANNED, "W02"),
    (PLANNED, "W03"), (BUILT, "W04"),
)  # fmt: skip


class Pipes:
    """Draws one service along the streets."""

    def __init__(self, dice: Dice, land: Land, service: str) -> None:
        self.dice, self.land, self.service = dice, land, service
        self.rules = RULES[service]
        self.features: list[Feature] = []
        self.shift = (dice.randint(0, 6) / 2, dice.randint(0, 6) / 2)
        self.good = 0.985 if dice.chance(0.75) else 0.85  # share of sound pipes
        self.staged = dice.one({0.0: 8, 0.12: 2, 0.3: 1})  # share of pipes with works that finish in time
        self.depth = self.grow()
        self.sections: list[tuple[XY, XY]] = []
        self.ends: dict[tuple[int, int], list[tuple[int, bool]]] = {}  # node -> (feature index, whether its first end)
        self.through: dict[tuple[int, int], list[int]] = {}
        for run in self.runs():
            self.main(run)
        for ij in sorted({*self.ends, *self.through}):
            self.node(ij)
        for _ in range(dice.one({0: 1, 1: 2, 2: 3, 3: 2})):
            self.spur()
        if dice.chance(0.35):
            self.stray()
        if dice.chance(0.1):
            self.pack()
        self.plants()
        self.fittings()
        self.surveys()

    def place(self, ij: tuple[int, int]) -> XY:
        """Return where this service passes a street corner."""
        return moved(self.land.streets.at(ij), *self.shift)

    def name(self, what: str) -> str:
        """Return a new feature id."""
        return f"{self.service}-{what}-{len(self.features)}"

    def grow(self) -> dict[tuple[int, int], int]:
        """Grow the reach of the service from its plant's corner: corner -> number of sections from the plant."""
        corners = [(i, j) for i in range(self.land.streets.size[0]) for j in range(self.land.streets.size[1])]
        depth = {self.dice.choice(corners): 0}
        edges = self.land.streets.edges()
        for _ in range(6):
            for a, b in self.dice.sample(edges, len(edges)):
                near, far = (a, b) if a in depth else (b, a)
                if near in depth and far not in depth and self.dice.chance(0.5):
                    depth[far] = depth[near] + 1
        self.plant = next(iter(depth))
        return depth

    def runs(self) -> list[list[tuple[int, int]]]:
        """Return the corners that each main passes; some mains run through several corners."""
        dice, depth = self.dice, self.depth
        kept = [(a, b) for a, b in self.land.streets.edges() if a in depth and b in depth and dice.chance(0.93)]
        found: list[list[tuple[int, int]]] = []
        for a, b in kept:
            last = found[-1] if found else []
            straight = (
                len(last) > 1
                and last[-1] == a
                and (a[0] - last[-2][0], a[1] - last[-2][1]) == (b[0] - a[0], b[1] - a[1])
            )
            downhill = straight and (depth[a] - depth[last[-2]]) * (depth[b] - depth[a]) > 0
            if straight and dice.chance(0.5) and (downhill or not self.rules.to_outfall):
                last.append(b)
            else:
                found.append([a, b])
        return found

    def quality(self) -> dict[str, Any]:
        """Roll status, works, closing and attributes of a line."""
        dice = self.dice
        found: dict[str, Any] = {"status": dice.choice(OPERATING)}
        if dice.chance(self.staged):
            words, found["works"] = dice.choice(STAGED)
            found["status"] = dice.choice(words)
        elif not dice.chance(self.good):
            found["status"] = dice.choice(dice.one({BUILT: 3, BUILDING: 3, PLANNED: 3, GONE: 2, ODD: 2, OPERATING: 3}))
            found["works"] = f"W{dice.randrange(14):02d}" if dice.chance(0.8) else ""
            if dice.chance(0.12):
                found["open"] = dice.choice(("关", "常闭", "开"))
        if dice.chance(0.04):
            found["close_on"] = dice.choice(DAYS)
        if self.service in ("storm", "sewage"):
            found["system"] = dice.one({"": 6, "separate": 2, "合流": 0.25, "combined": 0.25})
        values: dict[str, float | str] = {}
        for column, choices in GOOD.get(self.service, {}).items():
            luck = dice.one({"good": 26 * self.good, "bad": 1.2, "blank": 0.7})
            if luck != "blank":
                values[column] = dice.choice(choices if luck == "good" else BAD[self.service][column])
        return {**found, "values": values}

    def flow(self, forward: bool) -> str:
        """Return the direction of flow of a line that should run as drawn (or against); now and then wrong."""
        if not self.rules.to_outfall:
            return ""
        right, wrong = ("forward", "reverse") if forward else ("reverse", "forward")
        return str(self.dice.one({right: 40, wrong: 1, "both": 2, "": 2}))

    def main(self, run: list[tuple[int, int]]) -> None:
        """Draw one main through a run of corners."""
        downhill = self.depth[run[-1]] < self.depth[run[0]]
        if self.dice.chance(0.5):
            run, downhill = run[::-1], not downhill
        path = tuple(self.place(ij) for ij in run)
        k = len(self.features)
        role = "duct" if self.dice.chance(0.01) else "line"
        deck = "1" if self.service == "road" and len(run) > 2 and self.dice.chance(0.25) else ""
        line = Feature(self.name("main"), role, (path,), flow=self.flow(downhill), deck=deck, **self.quality())
        self.features.append(line)
        self.sections += pairwise(path)
        self.ends.setdefault(run[0], []).append((k, True))
        self.ends.setdefault(run[-1], []).append((k, False))
        for ij in run[1:-1]:
            self.through.setdefault(ij, []).append(k)

    def point(self, role: str, at: XY, **more: Any) -> None:
        """Add a point feature."""
        more.setdefault("status", self.dice.choice(OPERATING))
        self.features.append(Feature(self.name(role), role, ((at,),), **more))

    def pull(self, end: tuple[int, bool], gap: float, number: str = "") -> None:
        """Draw one end of a line back by a gap, and give it a joint number."""
        k, first = end
        f = self.features[k]
        path = f.parts[0]
        path = path if first else path[::-1]
        path = (toward(path[0], path[1], gap), *path[1:])
        path = path if first else path[::-1]
        f = replace(f, parts=(path,))
        if number:
            f = replace(f, from_joint=number) if first else replace(f, to_joint=number)
        self.features[k] = f

    def node(self, ij: tuple[int, int]) -> None:
        """Decide how the mains at a corner meet: exactly, nearly, by number, through a manhole, or not at all."""
        dice, at = self.dice, self.place(ij)
        ends, through = self.ends.get(ij, []), self.through.get(ij, [])
        if len(through) == 2 and self.service != "road" and dice.chance(0.7):
            self.point(dice.choice(("manhole", "joint", "pump")), at, status=dice.choice((*OPERATING, *GONE)))
        small = dice.choice((0.2, 0.25, 0.3, 0.35, 0.4))
        two = len(ends) == 2 and not through and ij != self.plant
        kind = dice.one(
            {
                "exact": 60,
                "near": 25,
                "gap": 3 if ends else 0,
                "number": 6 if two else 0,
                "cut": 1.5 if two else 0,
                "manhole": 6 if two else 0,
                "hydrant": 1.5 if two else 0,
                "fitting": 5 if two else 0,
                "loop": 2 if len(ends) > 1 else 0,
            }
        )
        if kind == "near" and ends:
            self.pull(dice.choice(ends), small)
        elif kind == "gap":
            self.pull(dice.choice(ends), dice.choice((0.7, 1.3, 3.0)))
        elif kind == "number":
            for end in ends:
                self.pull(end, dice.choice((0.0, 0.3, 1.2, 2.5)), f"J{ij[0]}{ij[1]}")
        elif kind == "cut":
            for k, end in enumerate(ends):
                self.pull(end, 0.0, f"J{ij[0]}{ij[1]}{'ab'[k]}")
        elif kind in ("manhole", "hydrant"):
            for end in ends:
                self.pull(end, 0.45)
            self.point(kind, at)
        elif kind == "fitting":
            self.fitting(ends)
        elif kind == "loop":
            self.loop(at)

    def fitting(self, ends: Sequence[tuple[int, bool]]) -> None:
        """Lay a pipe hardly longer than the tolerance, or shorter, between two mains, with or without gaps."""
        dice = self.dice
        for end in ends:
            self.pull(end, dice.choice((0.0, 0.12, 0.2, 0.31)))
        a, b = (self.features[k].parts[0][0 if first else -1] for k, first in ends)
        if apart(a, b) < 0.05:
            b = moved(b, dice.choice((-0.42, 0.33)), dice.choice((-0.17, 0.26, 0.46)))
        gaps = [dice.choice((0.0, 0.0, 0.04, 0.09, 0.21)) for _ in ends]
        start, stop = moved(a, gaps[0], 0.5 * gaps[0]), moved(b, -0.4 * gaps[1], gaps[1])
        path = (stop, start) if dice.chance(0.5) else (start, stop)
        flow = dice.choice(("forward", "reverse", "both", "")) if self.rules.to_outfall else ""
        self.features.append(Feature(self.name("fitting"), "line", (path,), flow=flow, **self.quality()))

    def loop(self, at: XY) -> None:
        """Lead a main round a corner and back, nearly or exactly, to where it began."""
        dice = self.dice
        gap = dice.choice((0.0, 0.14, 0.27, 0.43))
        size = dice.choice((2.0, 6.0))
        start = moved(at, dice.choice((0.0, 0.11)), 0.0)
        stop = moved(start, 0.6 * gap, 0.8 * gap)
        path = (start, moved(at, size, -size), moved(at, 1.5 * size, size), stop)
        more = self.quality()
        self.features.append(Feature(self.name("loop"), "line", (path,), flow=self.flow(dice.chance(0.5)), **more))

    def spur(self) -> None:
        """Lead a branch from the side of a main into the block: a main, or a lateral with or without a stub."""
        if not self.sections:
            return
        dice = self.dice
        a, b = dice.choice(self.sections)
        base = between(a, b, dice.choice((0.31, 0.5, 0.67)) + dice.randint(-4, 4) / 100)
        turn = dice.choice((-1.0, 1.0))
        across = (-(b[1] - a[1]) * turn / apart(a, b), (b[0] - a[0]) * turn / apart(a, b))
        gap = dice.one({0.0: 12, 0.3: 4, 0.4: 2, 0.9: 1, 2.0: 0.5})
        size = dice.choice((9.0, 18.5, 33.0, 57.0, 64.0, 90.0))
        start, tip = moved(base, across[0] * gap, across[1] * gap), moved(base, across[0] * size, across[1] * size)
        role = dice.choice(("line", "lateral", "lateral"))
        inward = dice.chance(0.5)
        path = (start, tip) if inward else (tip, start)
        more = self.quality()
        self.features.append(Feature(self.name(role), role, (path,), flow=self.flow(not inward), **more))
        if dice.chance(0.5):
            off = dice.one({0.0: 6, 0.3: 2, 1.1: 1})
            more = self.quality()
            self.point(
                "stub", moved(tip, across[0] * off, across[1] * off), status=more["status"], works=more.get("works", "")
            )

    def stray(self) -> None:
        """Draw a long line that crosses streets without an end on them (roads: level, or over them)."""
        dice, land = self.dice, self.land
        one, two = dice.sample(land.parcels, 2)
        a, b = (between(p.polygons[0][0][0], p.polygons[0][0][2], dice.choice((0.3, 0.45, 0.6))) for p in (one, two))
        deck = dice.choice(("", "0", "1", "2")) if self.service == "road" else ""
        path = (toward(a, b, -dice.choice((0.0, 40.0, 90.0))), b)
        self.features.append(
            Feature(self.name("stray"), "line", (path,), flow=self.flow(True), deck=deck, **self.quality())
        )

    def pack(self) -> None:
        """Pack two lines into one feature of two parts."""
        plain = [f for f in self.features if f.role == "line" and not (f.from_joint or f.to_joint)]
        if len(plain) > 1:
            one, two = self.dice.sample(plain, 2)
            self.features.remove(two)
            self.features[self.features.index(one)] = replace(one, parts=one.parts + two.parts)

    def plants(self) -> None:
        """Put the plant at its corner, and perhaps more plants, of the right kind or not, working or not."""
        dice = self.dice
        outlet = self.rules.to_outfall
        role = dice.choice(("outfall", "source")) if outlet else "source"
        right = sorted(self.rules.sources)
        wrong = ("gate_station", "exchange") if self.service == "water" else ("water_plant",)
        at = moved(self.place(self.plant), dice.choice((0.0, 0.3)), 0.0)
        state: dict[str, Any] = {"status": dice.choice(OPERATING)}
        if dice.chance(0.1):
            self.staged = max(self.staged, 0.5)
            state = {k: v for k, v in self.quality().items() if k in ("status", "works", "close_on")}
        luck = dice.one({"right": 78, "boundary": 12, "wrong": 4, "none": 2, "odd": 2.5})
        if luck == "right":
            self.point(role, at, kind=dice.choice(right), **state)
        elif luck == "boundary":
            self.point("boundary_supply", at, kind=dice.choice(("", "declared", *wrong)), **state)
        elif luck == "wrong":
            self.point(role, at, kind=dice.choice(wrong), **state)
        elif luck == "odd":
            self.point(role, at, kind=dice.choice(("", "泵房")))
        for _ in range(dice.one({0: 6, 1: 3, 2: 1})):
            corner = dice.choice(list(self.depth))
            kind = dice.choice((*right, *wrong))
            more = self.quality()
            if corner != self.plant and not (luck in ("wrong", "none") and kind in right):
                self.point(role, self.place(corner), kind=kind, status=more["status"], works=more.get("works", ""))

    def fittings(self) -> None:
        """Add valves, stubs and hydrants along the mains."""
        dice = self.dice
        for a, b in self.sections:
            if dice.chance(0.25):
                self.valve(between(a, b, dice.choice((0.13, 0.87))))
            if dice.chance(0.1):
                self.point(
                    "stub", between(a, b, dice.choice((0.21, 0.41, 0.79))), status=dice.choice((*OPERATING, *PLANNED))
                )
            if dice.chance(0.05):
                self.point("hydrant", between(a, b, 0.58))

    def valve(self, at: XY) -> None:
        """Add a valve on a main, or beside it."""
        dice = self.dice
        word = dice.one({"开": 6, "": 5, "常开": 2, "关": 0.5, "常闭": 0.4, "半开": 0.4})
        more: dict[str, Any] = {"status": dice.choice(dice.one({OPERATING: 16, GONE: 2, PLANNED: 2, ODD: 1}))}
        if dice.chance(0.03):
            more = {"status": "现状", "close_on": dice.choice(DAYS[:5])}
        beside = dice.one({0.0: 10, 0.2: 4, 1.5: 0.9, 3.5: 0.9})
        self.point("valve", moved(at, 0.6 * beside, 0.8 * beside), open=word, **more)

    def surveys(self) -> None:
        """Say that parts of the layer come from other surveys, which have tolerances of their own."""
        if not self.dice.chance(0.3):
            return
        own = (None, *self.dice.sample((0.25, 0.38, 0.8, 1.5), 2))
        for k, f in enumerate(self.features):
            self.features[k] = replace(f, snap=self.dice.choice(own))
