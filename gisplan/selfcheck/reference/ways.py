"""Ways to a source and what is left of them when something fails: for the slow judge."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gisplan.selfcheck.reference.fall import Step, length
from gisplan.selfcheck.reference.joints import Piece, Web
from gisplan.selfcheck.reference.plane import apart, foot
from gisplan.selfcheck.reference.records import Feature, Zone
from gisplan.selfcheck.reference.standing import NEVER, Level, usable

CLOSE = 1.5
"""Ways that differ by no more (in metres) are equally short: which of them is taken hangs on a hair."""

Pairs = Sequence[Sequence[tuple[int, int]]]  # by piece: (joint that must be live, joint that it makes live)


@dataclass(frozen=True)
class Flow:
    """One service in one of the two passes: what carries which way, and what is cut."""

    zone: Zone
    service: str
    web: Web
    is_open: bool
    carries: Pairs

    @property
    def shut(self) -> set[int]:
        """Joints through which no way leads."""
        return {joint for joint, certain in self.web.shut.items() if certain or not self.is_open}

    def pieces(self, level: Level | None) -> set[int]:
        """Return the pieces that are usable at a level, or at any."""
        found = set()
        for k, piece in enumerate(self.web.pieces):
            own = piece.standing.at(self.is_open)
            if own != NEVER and (level is None or usable(piece.feature, own, level, self.zone.check)):
                found.add(k)
        return found

    def sources(self, level: Level | None) -> dict[int, list[Feature]]:
        """Return the sources that are usable at a level, or at any, by joint."""
        found: dict[int, list[Feature]] = {}
        for f, joint, standing in self.web.sources:
            own = standing.at(self.is_open)
            fit = own != NEVER and (level is None or usable(f, own, level, self.zone.check))
            if fit and joint not in self.shut:
                found.setdefault(joint, []).append(f)
        return found


@dataclass(frozen=True)
class Way:
    """A way from a candidate to a source: its steps, the source, and whether another one is hardly longer."""

    steps: tuple[Step, ...]
    source: str
    tie: bool

    def mains(self, web: Web) -> frozenset[int]:
        """Return the pieces of mains on the way."""
        return frozenset(s.piece for s in self.steps if web.pieces[s.piece].feature.role == "line")


class Distances:
    """How far each joint is from the nearest source at a level, and over which piece the way leads on."""

    def __init__(self, flow: Flow, level: Level) -> None:
        self.flow, self.web = flow, flow.web
        self.fit = flow.pieces(level)
        self.heads = flow.sources(level)
        self.far: dict[int, float] = dict.fromkeys(self.heads, 0.0)
        self.sizes = [length(piece.path) for piece in self.web.pieces]
        shut, growing = flow.shut, True
        while growing:
            growing = False
            for k in self.fit:
                for need, gives in flow.carries[k]:
                    if need in self.far and gives not in shut and need not in shut:
                        over = self.far[need] + self.sizes[k]
                        if over < self.far.get(gives, math.inf) - 1e-9:
                            self.far[gives] = over
                            growing = True

    def onward(self, joint: int) -> list[tuple[float, int, int]]:
        """Return the pieces over which a joint may drain or be fed: (whole length, piece, next joint)."""
        found = []
        for k in self.fit:
            for need, gives in self.flow.carries[k]:
                if gives == joint and need != joint and need in self.far and need not in self.flow.shut:
                    found.append((self.far[need] + self.sizes[k], k, need))
        return sorted(found)

    def way(self, joint: int, steps: Iterable[Step] = (), tie: bool = False) -> Way | None:
        """Return the shortest way from a joint; `steps` lead to it."""
        if joint not in self.far:
            return None
        found = list(steps)
        while self.far[joint] > 0.0 or joint not in self.heads:
            choices = self.onward(joint)
            tie = tie or (len(choices) > 1 and choices[1][0] <= choices[0][0] + CLOSE)
            found.append(Step(choices[0][1], joint, choices[0][2]))
            joint = choices[0][2]
        tie = tie or len(self.heads[joint]) > 1
        tie = tie or any(over <= CLOSE for over, _, _ in self.onward(joint))
        return Way(tuple(found), self.heads[joint][0].id, tie)

    def way_from(self, piece: int, at: float) -> Way | None:
        """Return the shortest way from a spot on a piece, `at` metres from its first end."""
        p = self.web.pieces[piece]
        choices = []
        for need, _ in self.flow.carries[piece]:
            other = self.far.get(p.b if need == p.a else p.a, math.inf)
            two_way = len(self.flow.carries[piece]) > 1  # else nothing runs back over it
            back = two_way and need in self.far and p.a != p.b and self.far[need] >= other + self.sizes[piece] - 1e-9
            if need in self.far and need not in self.flow.shut and not back:  # not over the piece itself
                rest = at if need == p.a else self.sizes[piece] - at
                choices.append((rest + self.far[need], need))
        if piece not in self.fit or not choices:
            return None
        choices.sort()
        tie = len(choices) > 1 and choices[1][0] <= choices[0][0] + CLOSE and choices[1][1] != choices[0][1]
        return self.way(choices[0][1], (Step(piece, -1, choices[0][1]),), tie)


def part_of(flow: Flow, starts: Iterable[int], seats: Iterable[int]) -> tuple[set[int], set[str]]:
    """Return the pieces and sources of the parts in which some joints and pieces lie, directions left aside."""
    fit, shut, heads = flow.pieces(None), flow.shut, flow.sources(None)
    pieces = set(seats) & fit
    joints = {j for k in pieces for j in (flow.web.pieces[k].a, flow.web.pieces[k].b)} | set(starts)
    growing = True
    while growing:
        growing = False
        for k in fit - pieces:
            p = flow.web.pieces[k]
            if {p.a, p.b} & (joints - shut):
                pieces.add(k)
                joints |= {p.a, p.b}
                growing = True
    return pieces, {f.id for joint in joints - shut for f in heads.get(joint, ())}


# ---------------------------------------------------------------- security


@dataclass(frozen=True)
class Graph:
    """Joints and pieces that lead to a source; a parcel's own place may be a joint of its own (-1)."""

    edges: tuple[tuple[int, int], ...]
    heads: frozenset[int]

    def leads(self, start: int, gone: int | None = None, out: int | None = None, dry: int | None = None) -> bool:
        """Whether a way to a source is left when an edge, a joint, or what feeds at a joint is gone."""
        seen, todo = {start}, [start]
        while todo:
            at = todo.pop()
            if at in self.heads and at not in (out, dry):
                return True
            for k, (a, b) in enumerate(self.edges):
                if k != gone and at in (a, b):
                    other = b if at == a else a
                    if other not in seen and other != out:
                        seen.add(other)
                        todo.append(other)
        return False

    def two_ways(self, start: int) -> bool:
        """Whether a way is left whichever single piece fails."""
        return self.leads(start) and all(self.leads(start, gone=k) for k in range(len(self.edges)))

    def two_sources(self, start: int) -> bool:
        """Whether a way is left whichever single piece, source or joint fails, its own place apart."""
        joints = {j for edge in self.edges for j in edge} | set(self.heads)
        fed = all(self.leads(start, dry=j) for j in self.heads)
        return self.two_ways(start) and fed and all(self.leads(start, out=j) for j in joints - {start})


def drawn_twice(one: Piece, two: Piece) -> bool:
    """Whether two pieces between the same joints lie over each other."""
    if {one.a, one.b} != {two.a, two.b}:
        return False
    pairs = ((one.path, two.path), (two.path, one.path))
    return all(min(apart(p, foot(p, a, b)) for a, b in pairwise(path)) <= 0.1 for other, path in pairs for p in other)


def graph(flow: Flow, level: Level, seat: int | None = None) -> Graph:
    """Return what leads to a source at a level; the piece `seat` counts as two, from the parcel's place to each end."""
    shut: Collection[int] = flow.shut
    edges: list[tuple[int, int]] = []
    drawn: list[Piece] = [] if seat is None else [flow.web.pieces[seat]]
    for k in sorted(flow.pieces(level)):
        p = flow.web.pieces[k]
        if k != seat and any(drawn_twice(p, other) for other in drawn):
            continue
        drawn.append(p)
        halves = [(p.a, p.b)] if k != seat else [(p.a, -1), (-1, p.b)]
        edges += [edge for edge in halves if not set(edge) & set(shut)]
    return Graph(tuple(edges), frozenset(flow.sources(level)))
