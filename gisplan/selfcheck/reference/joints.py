"""Where the lines of one service meet, and the pieces between: for the slow judge.

What operates today makes joints of ends of which every two are near, and never the two ends of one line. What
does not operate yet, or may not, joins only the nearest joint, else the nearest line, so that it never closes a gap
between two things that operate. What is gone takes no part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations, pairwise, permutations

from gisplan.selfcheck.reference.plane import along, apart, cross_at, foot, stretch
from gisplan.selfcheck.reference.records import JOINING_POINTS, XY, Feature, Path, Undone, Zone, code
from gisplan.selfcheck.reference.standing import NEVER, NOW, UNKNOWN, Standing, feature_standing

NOTHING = Standing(NEVER)


NOISE = 0.001
"""What is drawn this near to a line lies on it."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a line between two joints, in the direction in which it was drawn, and what it is worth."""

    feature: Feature
    a: int
    b: int
    path: Path
    standing: Standing
    part: int = 0  # of the feature
    span: tuple[float, float] = (0.0, 0.0)  # from where to where along that part


@dataclass(frozen=True)
class Web:
    """Pieces and joints of one service. `shut` joints: True for a closed valve, False for a valve nobody knows.

    `fed` says whether the layer holds any source at all, working or not. `points` are all points that are joints.
    """

    pieces: tuple[Piece, ...]
    sources: tuple[tuple[Feature, int, Standing], ...]
    fed: bool
    stubs: tuple[tuple[Feature, int | None, int | None], ...]  # the stub, the joint or the piece it sits on
    shut: Mapping[int, bool]
    joints: int
    ties: tuple[str, ...]
    points: tuple[tuple[Feature, int, Standing], ...] = ()
    hydrants: tuple[tuple[Feature, int | None, int | None], ...] = ()


@dataclass(frozen=True)
class Terminal:
    """A place where something may join: a line end or a point; `line` is the number of its line, -1 for points.

    `snap` is the tolerance of the survey that it was drawn in.
    """

    place: XY
    number: str
    line: int
    works: bool
    snap: float


def nearest_of(p: XY, path: Path) -> tuple[float, XY]:
    """Return the distance from a point to a path, and the nearest point of the path."""
    return min((apart(p, q), q) for q in (foot(p, a, b) for a, b in pairwise(path)))


class Joiner:
    """Gathers the terminals of a layer into joints and cuts its lines there."""

    def __init__(self, zone: Zone, service: str) -> None:
        """List all terminals; nothing is joined yet."""
        layer = tuple(cabled(zone, f) for f in zone.layers[service])
        told = [f.snap for f in layer if f.snap is not None]
        default = min(zone.snap, max(told, default=zone.snap))
        self.layer = layer
        self.snap = {id(f): default if f.snap is None else f.snap for f in layer}
        self.ties: list[str] = []
        self.standing = {id(f): feature_standing(zone, service, f) for f in layer}
        there = [f for f in layer if not self.standing[id(f)].out or (f.role == "valve" and self.closes(f) is not None)]
        refused = [f for f in there if service == "storm" and code("system", f.system) == "combined"]
        drawn = [f for f in there if f.role in ("line", "lateral") and f not in refused]
        self.lines = [(f, part) for f in drawn for part in f.parts]
        self.points = [f for f in there if f.role in JOINING_POINTS]
        self.terminals: list[Terminal] = []
        for k, (f, part) in enumerate(self.lines):
            works = self.standing[id(f)].level == NOW
            for place, number in ((part[0], f.from_joint), (part[-1], f.to_joint)):
                self.terminals.append(Terminal(place, number, k, works, self.snap[id(f)]))
        for f in self.points:
            works = self.standing[id(f)].level == NOW or (f.role == "valve" and self.closes(f) is True)
            self.terminals.append(Terminal(f.parts[0][0], "", -1, works, self.snap[id(f)]))
        self.group = list(range(len(self.terminals)))
        self.fine: dict[int, float] = {}  # the surest tolerance at the place of each terminal
        self.closed: list[tuple[int, int]] = []  # terminals between which a gap was closed
        self.cuts: list[list[tuple[float, int]]] = [[] for _ in self.lines]  # measure, terminal

    def closes(self, valve: Feature) -> bool | None:
        """Whether a valve cuts: True, False for one nobody knows, None for one that does not."""
        standing = self.standing[id(valve)]
        if code("status", valve.status) == "abandoned":
            return None
        if standing.out:  # its closing day has come
            return True
        word = code("open", valve.open)
        if not valve.open or word == "open" or not (standing.unknown or standing.level == NOW):
            return None
        return word == "closed" and not standing.unknown

    def joint(self, terminal: int) -> int:
        """Return the number of the joint a terminal belongs to."""
        while self.group[terminal] != terminal:
            terminal = self.group[terminal]
        return terminal

    def near(self, gap: float, snap: float, what: str) -> bool:
        """Whether a gap is within a tolerance; notes a gap that is nearly the tolerance itself."""
        if abs(gap - snap) < 1e-3:
            self.ties.append(f"snap {gap:.4f} {what}")
        return gap <= snap

    def may_join(self, t: Terminal, u: Terminal) -> bool:
        """Whether two terminals are near each other, as the coarser survey sees it, and no numbers hold them apart."""
        differ = bool(t.number and u.number and t.number != u.number)
        return not differ and self.near(apart(t.place, u.place), max(t.snap, u.snap), "end to end")

    def surest(self, i: int, among: list[int]) -> float:
        """Return the least tolerance of the terminals that lie where one lies, with the same number or none."""
        own = self.terminals[i]
        there = [t for t in map(self.terminals.__getitem__, among) if (t.place, t.number) == (own.place, own.number)]
        return min(t.snap for t in there)

    def join_ends(self) -> None:
        """Join equal numbers, then working ends near each other, then every other end to the nearest joint."""
        every = list(enumerate(self.terminals))
        for i, t in every:
            for j, u in every[:i]:
                if t.number and t.number == u.number:
                    self.group[self.joint(i)] = self.joint(j)
        self.join_nearest_first([i for i, t in every if t.works])
        firm = {self.joint(i) for i, t in every if t.works}
        wishes: dict[int, tuple[float, int, int]] = {}  # gap, joint, terminal
        for i, t in every:
            if t.works or (t.number and self.joint(i) in firm):
                continue
            found = sorted((apart(t.place, u.place), j) for j, u in every if u.works and self.may_join(t, u))
            if found:
                self.rivals([(gap, self.joint(j)) for gap, j in found])
                wishes[i] = (found[0][0], self.joint(found[0][1]), found[0][1])
        granted = {i: joint for i, (_, joint, _) in wishes.items() if not self.stands_back(i, wishes)}
        loose = [i for i, t in every if not t.works and i not in granted and self.joint(i) not in firm]
        for i, joint in granted.items():
            self.group[self.joint(i)] = joint
            self.closed.append((i, wishes[i][2]))
        self.join_nearest_first(loose)

    def stands_back(self, i: int, wishes: Mapping[int, tuple[float, int, int]]) -> bool:
        """Whether an end stays by itself because the other end of its line is nearer to the joint that both want."""
        t = self.terminals[i]
        if t.line < 0:
            return False
        other = 2 * t.line + 1 - i % 2
        gap, joint, _ = wishes[i]
        if self.terminals[other].place == t.place:
            return False  # a ring
        if other not in wishes:
            return self.joint(other) == joint
        if wishes[other][1] != joint:
            return False
        if abs(wishes[other][0] - gap) < 1e-3:
            self.ties.append("both ends of a line are equally near to one joint")
        return gap > wishes[other][0]

    def join_nearest_first(self, chosen: list[int]) -> None:
        """Make joints of ends and points of which every two may be one, the nearest first.

        Where equal gaps leave a choice, and the choice matters, that is a tie.
        """
        for i in chosen:
            there = [j for j in chosen if self.terminals[j].place == self.terminals[i].place]
            number = self.terminals[i].number or next((n for n in (self.terminals[j].number for j in there) if n), "")
            for j in there:
                if self.terminals[j].number == number:
                    self.group[self.joint(i)] = self.joint(j)
                    break
        knots: dict[int, list[int]] = {}
        for i in chosen:
            knots.setdefault(self.joint(i), []).append(i)
        self.fine = {i: self.surest(i, chosen) for i in chosen}
        direct = {}
        beside_m = {}  # how far an end is from what it lies beside, within its own tolerance
        for a, b in combinations(knots, 2):
            both = [(i, j) for i in knots[a] for j in knots[b]]
            near = [(i, j) for i, j in both if self.meets(i, j)]
            if near and len(self.numbers(knots[a] + knots[b])) < 2:
                direct[a, b] = direct[b, a] = min(self.gap(i, j) for i, j in near)
                for near_one, far_one, pairs in ((a, b, near), (b, a, [(j, i) for i, j in near])):
                    fine = [self.gap(i, j) for i, j in pairs if self.gap(i, j) <= self.fine[i]]
                    if fine:
                        beside_m[near_one, far_one] = min(fine)
        gaps = dict(direct)
        for v in [k for k in knots if any(self.terminals[i].line < 0 for i in knots[k])]:
            beside = [(a, gap) for (a, b), gap in beside_m.items() if b == v]
            for (a, one), (b, two) in permutations(beside, 2):
                gaps[a, b] = min(gaps.get((a, b), math.inf), max(one, two))
        allowed = {(a, b): gap for (a, b), gap in gaps.items() if self.may_be_one(knots[a], knots[b])}
        outcomes = [gathered(list(knots), allowed, direct, turn) for turn in (1, -1)]
        if sorted(map(sorted, outcomes[0])) != sorted(map(sorted, outcomes[1])):
            self.ties.append("equal gaps, and which is closed first makes a difference")
        for cluster in outcomes[0]:
            self.close([i for k in cluster for i in knots[k]])

    def close(self, members: list[int]) -> None:
        """Make terminals one joint by the smallest gaps between them."""
        near = [(i, j) for i, j in combinations(members, 2) if self.meets(i, j)]
        for i, j in sorted(near, key=lambda pair: (self.gap(*pair), pair)):
            if self.joint(i) != self.joint(j):
                self.closed.append((i, j))
                self.group[self.joint(j)] = self.joint(i)

    def meets(self, i: int, j: int) -> bool:
        """Whether two terminals are near each other as the surest of what lies on either place sees it."""
        t, u = self.terminals[i], self.terminals[j]
        differ = bool(t.number and u.number and t.number != u.number)
        return not differ and self.near(apart(t.place, u.place), max(self.fine[i], self.fine[j]), "end to end")

    def gap(self, i: int, j: int) -> float:
        """Return the distance of two terminals to the millimetre."""
        return round(apart(self.terminals[i].place, self.terminals[j].place), 3)

    def numbers(self, members: list[int]) -> set[str]:
        """Return the joint numbers that some terminals bear."""
        return {self.terminals[k].number for k in members} - {""}

    def may_be_one(self, one: list[int], other: list[int]) -> bool:
        """Whether no line leads from the one to the other, and no numbers hold them apart."""
        ends = {2 * self.terminals[k].line + 1 - k % 2 for k in one if self.terminals[k].line >= 0}
        return not ends & set(other) and len(self.numbers(one + other)) < 2

    def rivals(self, found: list[tuple[float, int]]) -> None:
        """Note a tie where the nearest of several things is hardly nearer than another one."""
        if any(gap < found[0][0] + 0.1 and what != found[0][1] for gap, what in found[1:]):
            self.ties.append("two joints are equally near to something that does not operate")

    def join_sides(self) -> None:
        """Cut a line where an end of another line, or a point, comes near its inside."""
        firm = {self.joint(i) for i, t in enumerate(self.terminals) if t.works}
        fine = {i: t.snap for i, t in enumerate(self.terminals) if t.works or self.joint(i) not in firm}
        hits: dict[int, list[tuple[float, int, float, int]]] = {}
        for i, t in enumerate(self.terminals):
            if not t.works and self.joint(i) in firm:
                continue  # it has joined what is nearest
            for k, (f, path) in enumerate(self.lines):
                numbered = bool(t.number and f.from_joint and f.to_joint)
                if numbered or k == t.line or self.joint(i) in (self.joint(2 * k), self.joint(2 * k + 1)):
                    continue
                gap, q = nearest_of(t.place, path)
                snap = max(min(fine[j] for j in fine if self.same_spot(i, j)), self.snap[id(f)])
                if self.near(gap, snap, "end to side") and not self.at_an_end(t, path, NOISE if gap <= NOISE else snap):
                    hits.setdefault(self.joint(i), []).append((gap, k, along(path, q), i))
        for joint, found in hits.items():
            found.sort()
            if joint not in firm:
                self.rivals([(gap, k) for gap, k, _, _ in found])
            met: set[int] = set()
            for _, k, at, i in found if joint in firm else found[:1]:
                if k not in met:  # once, where they are nearest
                    self.cuts[k].append((at, i))
                met.add(k)

    def same_spot(self, i: int, j: int) -> bool:
        """Whether two terminals lie on one place in one joint."""
        return self.terminals[i].place == self.terminals[j].place and self.joint(i) == self.joint(j)

    def at_an_end(self, t: Terminal, path: Path, snap: float) -> bool:
        """Whether a terminal is so near the end of a line that ends decide whether they meet."""
        return any(self.near(apart(t.place, end), snap, "end to end") for end in (path[0], path[-1]))

    def join_crossings(self) -> None:
        """Join roads where they cross at one height; where an end lies on the other road, ends and sides decide."""
        for k, (f, path) in enumerate(self.lines):
            for m, (g, other) in enumerate(self.lines[:k]):
                if (f.deck or "0") != (g.deck or "0"):
                    continue
                for a, b in pairwise(path):
                    for c, d in pairwise(other):
                        q = cross_at(a, b, c, d)
                        ends = (path[0], path[-1], other[0], other[-1])
                        if q is not None and min(apart(q, end) for end in ends) > NOISE:
                            self.group.append(len(self.group))
                            self.cuts[k].append((along(path, q), len(self.group) - 1))
                            self.cuts[m].append((along(other, q), len(self.group) - 1))

    def undo(self, undone: list[Undone]) -> None:
        """Take joins back; what lies on one place, or has one number, stays together, and nothing is sought anew."""
        for one in undone:
            for k, (f, _) in enumerate(self.lines):
                if f.id == one.other:
                    self.cuts[k] = [(at, i) for at, i in self.cuts[k] if not self.lies_at(i, one.place)]
        apart_ = [{one.place, one.other} for one in undone if not isinstance(one.other, str)]
        closed = [{self.terminals[i].place, self.terminals[j].place} for i, j in self.closed]
        if any(pair not in closed for pair in apart_):
            self.ties.append("equal gaps, and another one was closed")
        old = [self.joint(k) for k in range(len(self.terminals))]
        self.group[: len(old)] = range(len(old))
        stay: dict[tuple[object, ...], int] = {}
        for k, t in enumerate(self.terminals):
            self.group[self.joint(k)] = self.joint(stay.setdefault((old[k], t.place), k))
            if t.number:
                self.group[self.joint(k)] = self.joint(stay.setdefault((t.number,), k))
        for (i, j), pair in zip(self.closed, closed, strict=True):
            if pair not in apart_:
                self.group[self.joint(i)] = self.joint(j)

    def lies_at(self, i: int, place: XY) -> bool:
        """Whether a cut was made for a terminal at a place; crossings have none."""
        return i < len(self.terminals) and self.terminals[i].place == place

    def doubted(self) -> set[int]:
        """Return the lines that a closed valve may have been meant to cut, and does not.

        That is what lies within the tolerance of it without a joint there; where it lies on nothing, the nearest.
        """
        used = {self.joint(i) for i, t in enumerate(self.terminals) if t.line >= 0}
        used |= {self.joint(i) for cuts in self.cuts for _, i in cuts}
        found = set()
        for n, f in enumerate(self.points):
            if f.role != "valve" or self.closes(f) is None:
                continue
            joint = self.joint(2 * len(self.lines) + n)
            near = sorted((nearest_of(f.parts[0][0], path)[0], k) for k, (_, path) in enumerate(self.lines))
            for gap, k in near:
                met = {self.joint(2 * k), self.joint(2 * k + 1)} | {self.joint(i) for _, i in self.cuts[k]}
                snap = max(self.snap[id(f)], self.snap[id(self.lines[k][0])])
                if joint not in met and self.near(gap, snap, "a valve beside a line"):
                    found.add(k)
            if joint not in used and near:
                found.add(near[0][1])
                self.rivals(near)
        return found

    def pieces(self) -> list[Piece]:
        """Cut every line at its joints."""
        found, doubted = [], self.doubted()
        for k, (f, path) in enumerate(self.lines):
            size = sum(apart(a, b) for a, b in pairwise(path))
            first, last = self.joint(2 * k), self.joint(2 * k + 1)
            standing = self.standing[id(f)]
            if k in doubted and standing.level == NOW:  # what is still to come it was not meant to cut
                standing = UNKNOWN
            cuts: dict[int, float] = {}
            for at, t in sorted(self.cuts[k]):
                cuts.setdefault(self.joint(t), at)
            stops = [(0.0, first), *sorted((at, j) for j, at in cuts.items()), (size, last)]
            for (s, a), (e, b) in pairwise(stops):
                if abs(s - e) < 1e-6 and f.flow:
                    self.ties.append(f"two cuts of {f.id} at one place")
                found.append(Piece(f, a, b, stretch(path, s, e), standing, f.parts.index(path), (s, e)))
        return found

    def seat(self, pieces: list[Piece], stub: Feature) -> tuple[int | None, int | None]:
        """Find what a stub sits on: (joint, None), (None, index of the piece) or (None, None)."""
        p, own = stub.parts[0][0], self.snap[id(stub)]
        best: tuple[float, int | None, int | None] = (math.inf, None, None)
        for k, piece in enumerate(pieces):
            gap = nearest_of(p, piece.path)[0]
            if self.near(gap, max(own, self.snap[id(piece.feature)]), "stub"):
                best = min(best, (gap, None, k), key=lambda x: x[0])
        for i, t in enumerate(self.terminals):
            gap = apart(p, t.place)
            if gap <= best[0] + 1e-9 and gap <= max(own, t.snap):
                best = (gap, self.joint(i), None)
            elif gap < 1.0 and best[0] < math.inf:
                self.ties.append("a stub close to a joint, but not on it")
        return best[1:]


def gathered(
    knots: list[int], allowed: Mapping[tuple[int, int], float], direct: Mapping[tuple[int, int], float], turn: int
) -> list[list[int]]:
    """Gather knots of which every two may be one: always the two clusters whose farthest knots are nearest.

    What holds together only by a point that went elsewhere falls apart again. `turn` says which of equal gaps is first.
    """
    found = [[k] for k in knots]
    while True:
        best: tuple[float, int, int, int] | None = None
        for n, one in enumerate(found):
            for m in range(n):
                wide = [allowed.get((a, b), math.inf) for a in one for b in found[m]]
                choice = (max(wide), turn * m, turn * n, 0)
                if max(wide) < math.inf and (best is None or choice < best):
                    best = choice
        if best is None:
            break
        one, other = found[turn * best[1]], found[turn * best[2]]
        found = [c for c in found if c is not one and c is not other]
        found.append(one + other)
    out = []
    for cluster in found:
        left = list(cluster)
        while left:
            part = [left.pop(0)]
            for a in part:
                part += [b for b in left if (a, b) in direct]
                left = [b for b in left if b not in part]
            out.append(part)
    return out


def cabled(zone: Zone, f: Feature) -> Feature:
    """Take a working duct whose works are not completed yet for a line under construction: they lay its cable.

    Of works that are lost, or of no known phase, nobody knows that: a line that works, by its status, with such works.
    """
    works = zone.works.get(f.works)
    phase = "" if works is None else code("phase", works.phase)
    if (
        f.role != "duct"
        or code("status", f.status) != "operating"
        or not f.works
        or phase in ("completion", "handover")
    ):
        return f
    return replace(f, role="line", status="construction") if phase else replace(f, role="line")


def weave(zone: Zone, service: str) -> Web:
    """Join the lines and points of one service."""
    rules = zone.rules[service]
    joiner = Joiner(zone, service)
    layer = joiner.layer
    joiner.join_ends()
    joiner.join_sides()
    if rules.crossings_join:
        joiner.join_crossings()
    undone = [one for one in zone.undone if one.service == service]
    if undone:
        joiner.undo(undone)
    pieces = joiner.pieces()
    sources, points = [], []
    shut: dict[int, bool] = {}
    for n, f in enumerate(joiner.points):
        joint = joiner.joint(2 * len(joiner.lines) + n)
        points.append((f, joint, joiner.standing[id(f)]))
        if is_source(f, rules.sources):
            sure = f.role == "boundary_supply" or f.kind in rules.sources
            sources.append((f, joint, joiner.standing[id(f)] if sure else UNKNOWN))
        cut = joiner.closes(f) if f.role == "valve" else None
        if cut is not None:
            shut[joint] = shut.get(joint, False) or cut
    stubs = [(f, *joiner.seat(pieces, f)) for f in layer if f.role == "stub"]
    known = joiner.ties
    joiner.ties = [] if rules.strict is None else known  # where hydrants sit matters only where they are asked for
    hydrants = [(f, *joiner.seat(pieces, f)) for f in layer if f.role == "hydrant"]
    joiner.ties = known
    fed = any(is_source(f, rules.sources) for f in layer)
    ties, joints = tuple(joiner.ties), len(joiner.group)
    return Web(tuple(pieces), tuple(sources), fed, tuple(stubs), shut, joints, ties, tuple(points), tuple(hydrants))


def is_source(f: Feature, right: frozenset[str]) -> bool:
    """Whether a point feeds (or drains) a service: by its kind, or perhaps, where nobody knows its kind."""
    unknown = not code("kind", f.kind)
    return f.role == "boundary_supply" or (f.role in ("source", "outfall") and (f.kind in right or unknown))
