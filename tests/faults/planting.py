"""Faults planted into sound towns, each at a feature that is known, and what the list of faults makes of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import geopandas as gpd
import shapely
from shapely.affinity import translate
from town import SIZE, Node, Town, Tree, apart, between


def spacing_m(diameter_mm: float) -> float:
    """Give how far apart manholes may be, by GB 50014-2021 table 5.4.4."""
    return next(
        limit for size, limit in ((600, 75.0), (1000, 100.0), (1500, 150.0), (2000, 200.0)) if diameter_mm <= size
    )


@dataclass(frozen=True)
class Plant:
    """A planted fault: its kind, the code that should name it, its layer.

    The fault must be listed at one of `at` (its ``feature``), or name one of them as ``other``. `touched` are further
    features of the layer on which the same flaw may also show, `behind` those that it cuts off from their plant.
    """

    kind: str
    code: str
    layer: str
    at: frozenset[str]
    touched: frozenset[str] = frozenset()
    behind: frozenset[str] = frozenset()


class Planter:
    """Plants faults into a town, each on a street section of its own."""

    def __init__(self, town: Town, seed: int) -> None:
        self.town = town
        self.dice = random.Random(seed)
        self.plants: list[Plant] = []
        self.free = {service: set(tree.parent) for service, tree in town.trees.items()}

    def note(
        self,
        kind: str,
        code: str,
        layer: str,
        at: Iterable[str],
        touched: Iterable[str] = (),
        behind: Iterable[str] = (),
    ) -> None:
        """Write down what was planted."""
        self.plants.append(Plant(kind, code, layer, frozenset(at), frozenset(touched), frozenset(behind)))

    def section(self, service: str, fits: Callable[[Node], bool] = lambda node: True) -> Node:
        """Choose a street section with a main of a service that bears no fault yet; it is named by its far corner."""
        node = self.dice.choice(sorted(n for n in self.free[service] if fits(n)))
        self.free[service].remove(node)
        return node

    def leaf(self, tree: Tree) -> Callable[[Node], bool]:
        """Whether a section is a dead end."""
        return lambda node: not tree.children(node)

    # ------------------------------------------------------------ lines

    def twice(self, service: str, reverse: bool) -> None:
        """Draw a main a second time, perhaps the other way."""
        tree = self.town.trees[service]
        main = tree.mains[self.section(service)][0]
        again, name = tree.path(main), "turned" if reverse else "again"
        tree.rows[name] = {**tree.rows[main], "geometry": shapely.LineString(again[::-1] if reverse else again)}
        self.note("duplicate, reversed" if reverse else "duplicate", "line_twice", service, {main, name})

    def overlap(self, service: str) -> None:
        """Draw a stretch of a main once more."""
        tree = self.town.trees[service]
        main = tree.mains[self.section(service)][0]
        a, b = tree.path(main)
        low = self.dice.uniform(0.15, 0.4)
        stretch = (between(a, b, low), between(a, b, low + self.dice.uniform(0.2, 0.4)))
        tree.rows["over"] = {**tree.rows[main], "geometry": shapely.LineString(stretch)}
        self.note("overlap", "line_overlap", service, {"over"}, {main})

    def flat(self, service: str) -> None:
        """Draw a line from a corner to the same corner."""
        tree = self.town.trees[service]
        spot = tree.spot(self.section(service))
        tree.add("flat", "line", spot, spot)
        self.note("zero length", "line_flat", service, {"flat"})

    def dangle(self, service: str) -> None:
        """Lead a main out of the town, where the survey ends."""
        tree = self.town.trees[service]
        node = self.section(service, lambda n: n[1] in (0, SIZE[1] - 1))
        x, y = tree.spot(node)
        out = self.dice.uniform(25, 60) * (1 if node[1] else -1)
        tree.add("out", "line", (x, y), (x + self.dice.uniform(-5, 5), y + out))
        tree.rows["out"] |= self.columns(tree)
        self.note("dangle at the survey edge", "dangle_edge", service, {"out"})

    def columns(self, tree: Tree) -> dict[str, object]:
        """Return the attributes of a main of the service."""
        main = tree.mains[next(iter(tree.mains))][0]
        return {k: v for k, v in tree.rows[main].items() if k not in ("geometry", "role", "status")}

    def crossing(self, service: str) -> None:
        """Lead a line from one main over another one, with no joint where they cross."""
        tree = self.town.trees[service]
        pairs = []
        for node, up in tree.parent.items():
            for other, last in tree.parent.items():
                turn = (node[0] == up[0]) != (other[0] == last[0])
                meet = {node, up} & {other, last}
                if turn and meet and {node, other} <= self.free[service]:
                    pairs.append((node, other))
        node, other = self.dice.choice(sorted(pairs))
        self.free[service] -= {node, other}
        start = between(tree.spot(node), tree.spot(tree.parent[node]), 0.5)
        middle = between(tree.spot(other), tree.spot(tree.parent[other]), 0.5)
        tree.add("bridge", "line", start, between(start, middle, 1.3), **self.columns(tree))
        tree.add("bridge-stub", "stub", between(start, middle, 1.3))
        self.note("crossing without node", "crossing_bare", service, {"bridge"}, {tree.mains[other][0]})

    def abandoned(self, service: str) -> None:
        """Leave a pipe that is out of use in the layer, beside a main."""
        tree = self.town.trees[service]
        main = tree.mains[self.section(service)][0]
        a, b = tree.path(main)
        shape = translate(shapely.LineString([between(a, b, 0.2), between(a, b, 0.8)]), 1.9, -1.6)
        tree.rows["old"] = {**tree.rows[main], "geometry": shape, "status": "废弃"}
        self.note("abandoned pipe", "abandoned", service, {"old"})

    def isolated(self, service: str) -> None:
        """Draw two pipes inside a block that lead to nothing."""
        tree = self.town.trees[service]
        i, j = self.dice.randrange(SIZE[0] - 1), self.dice.randrange(SIZE[1] - 1)
        p, q = self.town.nodes[i, j], self.town.nodes[i + 1, j + 1]
        a, b, c = between(p, q, 0.35), between(p, q, 0.5), between(p, q, 0.64)
        for name, ends in (("lone-1", (a, b)), ("lone-2", (b, c))):
            tree.add(name, "line", *ends, **self.columns(tree))
        for name, end in (("lone-a", a), ("lone-c", c)):
            tree.add(name, "stub", end)
        self.note("isolated part", "part_isolated", service, {"lone-1", "lone-2"}, {"lone-a", "lone-c"})

    def near_miss(self, service: str) -> None:
        """Lay a main between two corners that both are supplied, and let it stop metres short of one."""
        tree = self.town.trees[service]
        unused = [
            (a, b)
            for a, b in self.town.sections()
            if tree.parent.get(a) != b and tree.parent.get(b) != a and tree.root not in (a, b)
        ]
        a, b = self.dice.choice(unused)
        start, end = tree.spot(a), tree.spot(b)
        gap = self.dice.uniform(1.3, 4.2)
        tree.add("short", "line", start, between(start, end, 1 - gap / apart(start, end)), **self.columns(tree))
        self.note("near miss gap", "near_miss", service, {"short"})

    # ------------------------------------------------------------ points and ids

    def device_apart(self, service: str) -> None:
        """Put an open valve beside its main."""
        tree = self.town.trees[service]
        node = self.section(service)
        x, y = between(tree.spot(node), tree.spot(tree.parent[node]), self.dice.uniform(0.3, 0.7))
        turn = 1 if node[0] == tree.parent[node][0] else 0
        off = self.dice.choice((-1, 1)) * self.dice.uniform(1.2, 3.0)
        tree.add("valve-apart", "valve", (x + off * turn, y + off * (1 - turn)), open="开")
        self.note("device off its line", "device_apart", service, {"valve-apart"})

    def point_twice(self, service: str) -> None:
        """Put a second valve where there is one."""
        tree = self.town.trees[service]
        node = self.section(service)
        x, y = between(tree.spot(node), tree.spot(tree.parent[node]), self.dice.uniform(0.3, 0.7))
        tree.add("valve-1", "valve", (x, y), open="开")
        tree.add("valve-2", "valve", (x + self.dice.choice((0.0, 0.03)), y + 0.04), open="开")
        self.note("duplicate point", "point_twice", service, {"valve-1", "valve-2"})

    def id_twice(self, service: str) -> None:
        """Give a main the number of another one."""
        tree = self.town.trees[service]
        one, two = (tree.mains[self.section(service)][0] for _ in range(2))
        tree.rows[two]["feature"] = one
        self.note("duplicate id", "id_twice", service, {one})

    # ------------------------------------------------------------ sewers

    def uphill(self, service: str) -> None:
        """Let a pipe end higher than it begins."""
        tree = self.town.trees[service]
        a, b = tree.mains[self.section(service, self.leaf(tree))]
        row = tree.rows[a]
        row["invert_from_m"] = round(row["invert_to_m"] - self.dice.uniform(0.1, 0.5), 3)
        self.note("uphill pipe", "sewer_uphill", service, {a}, {b})

    def reversed(self, service: str) -> None:
        """Digitise a pipe against its flow; the levels are right."""
        tree = self.town.trees[service]
        node = self.section(service, lambda n: bool(tree.children(n)))
        a, b = tree.mains[node]
        row = tree.rows[b]
        tree.redraw(b, *tree.path(b)[::-1])
        row["invert_from_m"], row["invert_to_m"] = row["invert_to_m"], row["invert_from_m"]
        self.note("reversed digitising", "flow_reversed", service, {b}, self.round(tree, b) | {a}, tree.subtree(node))

    def round(self, tree: Tree, feature: str) -> set[str]:
        """Return what meets a feature."""
        shape = tree.rows[feature]["geometry"]
        return {name for name, row in tree.rows.items() if row["geometry"].distance(shape) < 0.01}

    def shrinks(self, service: str) -> None:
        """Let a pipe be narrower than the one that runs into it."""
        tree = self.town.trees[service]
        node = self.section(service, lambda n: tree.rows[tree.mains[n][0]]["diameter_mm"] > 450)
        a, b = tree.mains[node]
        tree.rows[b]["diameter_mm"] = 300.0
        self.note("size shrinking downstream", "size_shrinks", service, {b}, {a})

    def far_manholes(self, service: str) -> None:
        """Leave out the manhole in the middle of a section."""
        tree = self.town.trees[service]

        def too_long(node: Node) -> bool:
            rows = [tree.rows[name] for name in tree.mains[node]]
            return sum(row["geometry"].length for row in rows) > spacing_m(rows[0]["diameter_mm"]) + 1

        a, b = tree.mains[self.section(service, too_long)]
        del tree.rows[f"{a[:-1]}-mh"]
        tree.redraw(a, tree.path(a)[0], tree.path(b)[-1])
        tree.rows[a]["invert_to_m"] = tree.rows.pop(b)["invert_to_m"]
        self.note("manhole spacing", "manhole_far", service, {a}, self.round(tree, a))

    def outlets(self, service: str) -> None:
        """Lay a second sewer out of a manhole."""
        tree = self.town.trees[service]
        pairs = []
        for a, b in self.town.sections():
            for top, foot in ((a, b), (b, a)):
                apart_ = tree.parent.get(top) != foot and tree.parent.get(foot) != top
                first = not tree.children(top) and top in self.free[service]
                if apart_ and first and foot != tree.root and tree.level[top] > tree.level[foot] + 0.3:
                    pairs.append((top, foot))
        top, foot = self.dice.choice(sorted(pairs))
        self.free[service].remove(top)
        out = self.town.sewer(tree, top, foot, "second", 400.0)
        manhole = f"{service}-mh-{top[0]}{top[1]}"
        self.note("two outlets", "outlets_two", service, {manhole, out[0], tree.mains[top][0]})

    def cross_connection(self) -> None:
        """Lead a storm sewer into a manhole of the sewage network."""
        storm, sewage = self.town.trees["storm"], self.town.trees["sewage"]
        node = self.dice.choice(sorted(storm.parent.keys() & sewage.parent.keys() & self.free["storm"]))
        self.free["storm"].remove(node)
        high = storm.level[node]
        start, end = storm.spot(node), sewage.spot(node)
        both = {"flow": "forward", "diameter_mm": 1000.0, "system": "separate"}
        storm.add("wrong", "line", start, end, invert_from_m=high, invert_to_m=round(high - 0.05, 3), **both)
        there = {f"sewage-mh-{node[0]}{node[1]}", *self.round(sewage, f"sewage-mh-{node[0]}{node[1]}")}
        self.note("storm into sewage", "cross_connected", "storm", {"wrong"}, self.round(storm, "wrong"))
        self.note("(storm into sewage)", "", "sewage", there)

    # ------------------------------------------------------------ land

    def parcels(self) -> None:
        """Let two parcels overlap, state a wrong area, and write a wrong county."""
        land = self.town.land
        one, area, county = self.dice.sample(sorted(land), 3)
        shape = land[one]["geometry"]
        x, y = shape.centroid.coords[0]
        strip = shapely.box(x, y, x + self.dice.uniform(2, 9), y + self.dice.uniform(9, 25))
        land["DK-99"] = {**land[one], "geometry": strip, "stated_area_m2": None}
        self.note("overlapping parcels", "parcel_overlap", "parcels", {one, "DK-99"})
        land[area]["stated_area_m2"] = round(land[area]["geometry"].area * self.dice.choice((0.9, 0.95, 1.04, 1.2)))
        self.note("stated against computed area", "area_differs", "parcels", {area})
        land[county]["county_code"] = self.dice.choice(("141002", "140105", "14102"))
        self.note("wrong county code", "county_odd", "parcels", {county})

    # ------------------------------------------------------------ breaks

    def breaks(self, service: str) -> None:
        """Break a network in four ways, none behind another one where it has the branches."""
        tree = self.town.trees[service]
        inner = sorted(node for node in tree.parent if tree.children(node))
        for _ in range(1000):  # a tree with few branches has a break behind another one
            chosen = self.dice.sample(inner, 2)
            chosen = self.dice.sample([node for node in sorted(tree.parent) if node not in chosen], 2) + chosen
            ways = [tree.way(node) for node in chosen]
            if all(node not in way[1:] for node in chosen for way in ways):
                break
        self.gap(service, chosen[0], self.dice.uniform(0.55, 0.95))
        self.valve(service, chosen[1])
        self.missing(service, chosen[2])
        self.not_in_use(service, chosen[3])

    def gap(self, service: str, node: Node, width: float) -> None:
        """Draw a main back from the corner that it is fed from."""
        tree = self.town.trees[service]
        (main,) = tree.mains[node]
        path = tree.path(main)
        near = apart(path[0], tree.spot(tree.parent[node])) < 0.01
        a, b = path if near else path[::-1]
        a = between(a, b, width / apart(a, b))
        tree.redraw(main, *((a, b) if near else (b, a)))
        up = self.round(tree, self.corner(tree, tree.parent[node]))
        self.note("drawing gap at the main", "break_drawing", service, {main}, up, tree.subtree(node))

    def corner(self, tree: Tree, node: Node) -> str:
        """Return a feature that lies on a corner and stays where it is."""
        if node == tree.root:
            return f"{tree.service}-plant"
        return tree.mains[node][0]

    def valve(self, service: str, node: Node) -> None:
        """Close a valve on a main."""
        tree = self.town.trees[service]
        (main,) = tree.mains[node]
        a, b = tree.path(main)
        tree.add("valve-shut", "valve", between(a, b, self.dice.uniform(0.2, 0.8)), open="关")
        self.note("closed valve", "break_valve", service, {"valve-shut"}, {main}, tree.subtree(node))

    def missing(self, service: str, node: Node) -> None:
        """Leave out a main."""
        tree = self.town.trees[service]
        near = set()
        for end in (node, tree.parent[node]):
            spot = shapely.Point(tree.spot(end))
            near |= {name for name, row in tree.rows.items() if row["geometry"].distance(spot) < 0.01}
        behind = tree.subtree(node)
        (main,) = tree.mains.pop(node)
        del tree.rows[main]
        # The list need not name the same gap: it names the shortest way to the part that was cut off.
        self.note("missing main", "break_missing", service, near | behind - {main}, (), behind)

    def not_in_use(self, service: str, node: Node) -> None:
        """Let a main be under construction still."""
        tree = self.town.trees[service]
        (main,) = tree.mains[node]
        tree.rows[main]["status"] = "在建"
        self.note("main not in use", "break_status", service, {main}, (), tree.subtree(node))

    def wrong_flow(self, service: str) -> None:
        """Say that a sewer flows against its drawing."""
        tree = self.town.trees[service]
        node = self.section(service)
        a, b = tree.mains[node]
        tree.rows[b]["flow"] = "reverse"
        touched = self.round(tree, b) | {a}
        self.note("sewer that flows back", "break_flow", service, {b}, touched, tree.subtree(node))


def plant(town: Town, seed: int) -> list[Plant]:
    """Plant a fault of every kind: lines and points into the water, breaks into the gas, the rest where it belongs."""
    planter = Planter(town, seed)
    planter.crossing("water")
    planter.twice("water", reverse=False)
    planter.twice("water", reverse=True)
    planter.overlap("water")
    planter.flat("water")
    planter.dangle("water")
    planter.near_miss("water")
    planter.isolated("water")
    planter.abandoned("water")
    planter.device_apart("water")
    planter.point_twice("water")
    planter.id_twice("water")
    planter.shrinks("sewage")
    planter.outlets("sewage")
    planter.uphill("sewage")
    planter.wrong_flow("sewage")
    planter.reversed("storm")
    planter.far_manholes("storm")
    planter.cross_connection()
    planter.parcels()
    planter.breaks("gas")
    return planter.plants


@dataclass
class Tally:
    """What was planted and found, by kind; rows that nothing planted explains, by code."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    elsewhere: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add the counts of another tally."""
        for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True):
            mine.extend(theirs) if isinstance(mine, list) else mine.update(theirs)


def weigh(faults: gpd.GeoDataFrame, plants: Iterable[Plant], seed: int) -> Tally:
    """Look up every planted fault in a list of faults, and count what the list has beside them."""
    tally = Tally()
    rows = list(
        zip(faults["code"], faults["layer"], faults["feature"], faults["other"], faults["severity"], strict=True)
    )
    plants = list(plants)
    for p in plants:
        if not p.code:
            continue
        tally.planted[p.kind] += 1
        named = [row for row in rows if row[0] == p.code and row[1] == p.layer]
        if any({row[2], row[3]} & p.at for row in named):
            tally.found[p.kind] += 1
        else:
            seen = sorted({row[0] for row in rows if {row[2], row[3]} & p.at and row[1] == p.layer})
            tally.elsewhere[p.kind] += bool(seen)
            tally.missed.append(f"seed {seed}: {p.kind} ({p.code}) at {sorted(p.at)} of {p.layer}; there: {seen}")
    for row in strays(faults, plants):
        tally.false[f"{row['code']} ({row['layer']})"] += 1
    return tally


def strays(faults: gpd.GeoDataFrame, plants: Iterable[Plant]) -> list[dict[str, object]]:
    """List the rows above info that no planted fault explains: not at what it touches, nor a part that it cut off."""
    known: dict[str, set[str]] = {}
    behind: dict[str, set[str]] = {}
    for p in plants:
        known.setdefault(p.layer, set()).update(p.at | p.touched)
        behind.setdefault(p.layer, set()).update(p.behind)
    found = []
    for row in faults[faults["severity"] != "info"].drop(columns="geometry").to_dict("records"):
        here = {row["feature"], row["other"]}
        cut_off = row["code"] == "part_isolated" and here & behind.get(row["layer"], set())
        if not cut_off and not here & known.get(row["layer"], set()):
            found.append(row)
    return found
