"""Where the lines of one service meet, and the pieces between: for the slow judge in `reference`.

What operates today joins whatever it touches. What does not operate yet, or may not, joins only the nearest joint, else
the nearest line, so that it never closes a gap between two things that operate. What is gone takes no part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from reference_plane import along, apart, cross_at, foot, stretch
from reference_records import JOINING_POINTS, XY, Feature, Path, Zone, code
from reference_standing import NOW, UNKNOWN, Standing, feature_standing


@dataclass(frozen=True)
class Piece:
    """A stretch of a line between two joints, in the direction in which it was drawn, and what it is worth."""

    feature: Feature
    a: int
    b: int
    path: Path
    standing: Standing


@dataclass(frozen=True)
class Web:
    """Pieces and joints of one service. `shut` joints: True for a closed valve, False for a valve nobody knows.

    `fed` says whether the layer holds any source at all, working or not.
    """

    pieces: tuple[Piece, ...]
    sources: tuple[tuple[Feature, int, Standing], ...]
    fed: bool
    stubs: tuple[tuple[Feature, int | None, int | None], ...]  # the stub, the joint or the piece it sits on
    shut: Mapping[int, bool]
    joints: int
    ties: tuple[str, ...]


@dataclass(frozen=True)
class Terminal:
    """A place where something may join: a line end or a point; `line` is the number of its line, -1 for points."""

    place: XY
    number: str
    line: int
    works: bool


def nearest_of(p: XY, path: Path) -> tuple[float, XY]:
    """Return the distance from a point to a path, and the nearest point of the path."""
    return min((apart(p, q), q) for q in (foot(p, a, b) for a, b in pairwise(path)))


class Joiner:
    """Gathers the terminals of a layer into joints and cuts its lines there."""

    def __init__(self, zone: Zone, service: str) -> None:
        """List all terminals; nothing is joined yet."""
        layer = zone.layers[service]
        self.snap = zone.snap
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
            self.terminals += [Terminal(part[0], f.from_joint, k, works), Terminal(part[-1], f.to_joint, k, works)]
        for f in self.points:
            works = self.standing[id(f)].level == NOW or (f.role == "valve" and self.closes(f) is True)
            self.terminals.append(Terminal(f.parts[0][0], "", -1, works))
        self.group = list(range(len(self.terminals)))
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

    def near(self, gap: float, what: str) -> bool:
        """Whether a gap is within the tolerance; notes a gap that is nearly the tolerance itself."""
        if abs(gap - self.snap) < 1e-3:
            self.ties.append(f"snap {gap:.4f} {what}")
        return gap <= self.snap

    def may_join(self, t: Terminal, u: Terminal) -> bool:
        """Whether two terminals are near each other and no numbers hold them apart."""
        differ = bool(t.number and u.number and t.number != u.number)
        return not differ and self.near(apart(t.place, u.place), "end to end")

    def join_ends(self) -> None:
        """Join equal numbers, then working ends near each other, then every other end to the nearest joint."""
        every = list(enumerate(self.terminals))
        pairs = []
        for i, t in every:
            for j, u in every[:i]:
                if t.number and t.number == u.number:
                    self.group[self.joint(i)] = self.joint(j)
                elif t.works and u.works and self.may_join(t, u):
                    pairs.append((apart(t.place, u.place), j, i))
        self.join_nearest_first(sorted(pairs))
        firm = {self.joint(i) for i, t in every if t.works}
        loose = []
        for i, t in every:
            if t.works or (t.number and self.joint(i) in firm):
                continue
            found = sorted((apart(t.place, u.place), j) for j, u in every if u.works and self.may_join(t, u))
            if found:
                self.rivals([(gap, self.joint(j)) for gap, j in found])
                self.group[self.joint(i)] = self.joint(found[0][1])
            else:
                loose.append((i, t))
        for n, (i, t) in enumerate(loose):
            for j, u in loose[:n]:
                if self.may_join(t, u):
                    self.group[self.joint(i)] = self.joint(j)

    def join_nearest_first(self, pairs: list[tuple[float, int, int]]) -> None:
        """Join working ends, the nearest first; what lies between two numbers never makes them one joint."""
        done: list[tuple[float, int, int]] = []
        number: dict[int, str] = {}
        for k, t in enumerate(self.terminals):
            number[self.joint(k)] = t.number or number.get(self.joint(k), "")
        for gap, j, i in pairs:
            one, other = number[self.joint(i)], number[self.joint(j)]
            if one and other and one != other:
                if any(abs(gap - joined) < 1e-3 and {a, b} & {i, j} for joined, a, b in done):
                    self.ties.append("an end is as near to one number as to another")
                continue
            done.append((gap, j, i))
            self.group[self.joint(i)] = self.joint(j)
            number[self.joint(j)] = one or other

    def rivals(self, found: list[tuple[float, int]]) -> None:
        """Note a tie where the nearest of several things is hardly nearer than another one."""
        if any(gap < found[0][0] + 0.1 and what != found[0][1] for gap, what in found[1:]):
            self.ties.append("two joints are equally near to something that does not operate")

    def join_sides(self) -> None:
        """Cut a line where an end of another line, or a point, comes near its inside."""
        firm = {self.joint(i) for i, t in enumerate(self.terminals) if t.works}
        hits: dict[int, list[tuple[float, int, float, int]]] = {}
        for i, t in enumerate(self.terminals):
            if not t.works and self.joint(i) in firm:
                continue  # it has joined what is nearest
            for k, (f, path) in enumerate(self.lines):
                numbered = bool(t.number and f.from_joint and f.to_joint)
                if numbered or k == t.line or self.joint(i) in (self.joint(2 * k), self.joint(2 * k + 1)):
                    continue
                gap, q = nearest_of(t.place, path)
                if min(apart(q, path[0]), apart(q, path[-1])) > 1e-9 and self.near(gap, "end to side"):
                    hits.setdefault(self.joint(i), []).append((gap, k, along(path, q), i))
        for joint, found in hits.items():
            found.sort()
            if joint not in firm:
                self.rivals([(gap, k) for gap, k, _, _ in found])
            for _, k, at, i in found if joint in firm else found[:1]:
                self.cuts[k].append((at, i))

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
                        if q is not None and min(apart(q, end) for end in ends) > 1e-6:
                            self.group.append(len(self.group))
                            self.cuts[k].append((along(path, q), len(self.group) - 1))
                            self.cuts[m].append((along(other, q), len(self.group) - 1))

    def doubted(self) -> set[int]:
        """Return the lines that a closed valve beside them was meant to cut."""
        used = {self.joint(i) for i, t in enumerate(self.terminals) if t.line >= 0}
        used |= {self.joint(i) for cuts in self.cuts for _, i in cuts}
        found = set()
        for n, f in enumerate(self.points):
            if f.role == "valve" and self.closes(f) is not None and self.joint(2 * len(self.lines) + n) not in used:
                near = sorted((nearest_of(f.parts[0][0], path)[0], k) for k, (_, path) in enumerate(self.lines))
                if near:
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
            if k in doubted:
                standing = UNKNOWN
                if self.standing[id(f)].level[0] in (1, 2):
                    self.ties.append("a stray valve beside a pipe to come")
            cuts: dict[int, float] = {}
            for at, t in sorted(self.cuts[k]):
                cuts.setdefault(self.joint(t), at)
            stops = [(0.0, first), *sorted((at, j) for j, at in cuts.items()), (size, last)]
            for (s, a), (e, b) in pairwise(stops):
                if abs(s - e) < 1e-6 and f.flow:
                    self.ties.append(f"two cuts of {f.id} at one place")
                found.append(Piece(f, a, b, stretch(path, s, e), standing))
        return found

    def seat(self, pieces: list[Piece], p: XY) -> tuple[int | None, int | None]:
        """Find what a stub sits on: (joint, None), (None, index of the piece) or (None, None)."""
        best: tuple[float, int | None, int | None] = (math.inf, None, None)
        for k, piece in enumerate(pieces):
            best = min(best, (nearest_of(p, piece.path)[0], None, k), key=lambda x: x[0])
        for i, t in enumerate(self.terminals):
            if apart(p, t.place) <= best[0] + 1e-9:
                best = (apart(p, t.place), self.joint(i), None)
            elif apart(p, t.place) < 1.0 and best[0] <= self.snap:
                self.ties.append("a stub close to a joint, but not on it")
        return best[1:] if self.near(best[0], "stub") else (None, None)


def weave(zone: Zone, service: str) -> Web:
    """Join the lines and points of one service."""
    layer, rules = zone.layers[service], zone.rules[service]
    joiner = Joiner(zone, service)
    joiner.join_ends()
    joiner.join_sides()
    if rules.crossings_join:
        joiner.join_crossings()
    pieces = joiner.pieces()
    sources, shut = [], {}
    for n, f in enumerate(joiner.points):
        joint = joiner.joint(2 * len(joiner.lines) + n)
        if is_source(f, rules.sources):
            sure = f.role == "boundary_supply" or f.kind in rules.sources
            sources.append((f, joint, joiner.standing[id(f)] if sure else UNKNOWN))
        cut = joiner.closes(f) if f.role == "valve" else None
        if cut is not None:
            shut[joint] = shut.get(joint, False) or cut
    stubs = [(f, *joiner.seat(pieces, f.parts[0][0])) for f in layer if f.role == "stub"]
    fed = any(is_source(f, rules.sources) for f in layer)
    return Web(tuple(pieces), tuple(sources), fed, tuple(stubs), shut, len(joiner.group), tuple(joiner.ties))


def is_source(f: Feature, right: frozenset[str]) -> bool:
    """Whether a point feeds (or drains) a service: by its kind, or perhaps, where nobody knows its kind."""
    unknown = not code("kind", f.kind)
    return f.role == "boundary_supply" or (f.role in ("source", "outfall") and (f.kind in right or unknown))
