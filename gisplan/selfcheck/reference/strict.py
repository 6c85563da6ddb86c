"""The tests beyond being connected (fall, capacity, two ways, hydrants): for the slow judge.

For one service: levels and directions first, then the candidates of every parcel with their fall, the way of each, the
sums on every main, and what fails when a piece fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from gisplan.selfcheck.reference.capacity import Claim, apart_from, claim, fits, room
from gisplan.selfcheck.reference.fall import Profiled, falls, profiled, split_at_seats
from gisplan.selfcheck.reference.joints import Web
from gisplan.selfcheck.reference.plane import along, apart, nearest_on, sides, to_parcel, within
from gisplan.selfcheck.reference.records import Cell, Feature, Parcel, Path, Strict, Zone
from gisplan.selfcheck.reference.standing import NEVER, NOW, Level, feature_standing
from gisplan.selfcheck.reference.ways import Distances, Flow, Graph, Way, graph, part_of

NEAR = 0.35
"""Candidates whose distances differ by no more are equally near: an end that joins the side of a line bends it."""
STEPPED = 0.8
"""The same, where the distance was found by steps."""


@dataclass(frozen=True)
class Candidate:
    """What may serve a parcel: a piece or a stub, from when, and whether its size will do."""

    feature: Feature
    path: Path
    levels: tuple[Level, Level]  # shut, open
    fit: bool | None
    piece: int | None
    joint: int | None


@dataclass(frozen=True)
class Found:
    """A candidate in reach of a parcel, and whether it counts in either pass."""

    candidate: Candidate
    distance: float
    counts: tuple[bool, bool]


@dataclass(frozen=True)
class Tools:
    """What `reference` lends: reach of a path, and whether the straight way from a point to a parcel is barred."""

    reach: Callable[[Zone, Parcel, Path, list[str]], float | None]
    blocked: Callable[..., bool]


class Judge:
    """Judges one service of one zone."""

    def __init__(self, zone: Zone, service: str, strict: Strict, tools: Tools, ties: list[str]) -> None:
        self.zone, self.service, self.strict, self.tools, self.ties = zone, service, strict, tools, ties
        self.web: Web
        self.told: list[Profiled]
        self.flows: tuple[Flow, Flow]
        self.wet: tuple[list[Level], list[Level]]
        self.kept: dict[tuple[bool, Level], Distances] = {}
        self.graphs: dict[tuple[bool, Level, int | None], Graph] = {}
        self.secure: dict[tuple[bool, Level, int | None, int, str], bool] = {}

    def lay(self, web: Web) -> Web:
        """Give the web its levels and directions."""
        self.web, self.told = profiled(split_at_seats(self.zone, self.service, web, self.ties), self.strict, self.ties)
        return self.web

    def distances(self, is_open: bool, level: Level) -> Distances:
        """Return how far every joint is from a source, in one pass at a level."""
        if (is_open, level) not in self.kept:
            self.kept[is_open, level] = Distances(self.flows[is_open], level)
        return self.kept[is_open, level]

    # ------------------------------------------------------------ candidates and their ways

    def spots(self, parcel: Parcel, candidate: Candidate, distance: float) -> list[float]:
        """Return the first and the last place of a piece (metres from its start) that are nearest to a parcel."""
        path = candidate.path
        nearest, q = nearest_on(path, parcel)
        hair = 0.02 if distance <= nearest + 1e-6 else 0.6
        found = [along(path, q)] if hair == 0.02 else []
        walked = 0.0
        for a, b in pairwise(path):
            size = apart(a, b)
            steps = max(1, math.ceil(size / 0.5))
            for k in range(steps + 1):
                p = (a[0] + (b[0] - a[0]) * k / steps, a[1] + (b[1] - a[1]) * k / steps)
                away, n = to_parcel(p, parcel)
                if away <= distance + hair and not self.tools.blocked(self.zone, parcel, p, n):
                    found.append(walked + size * k / steps)
            walked += size
        return [min(found), max(found)] if found else [along(path, q)]

    def ways(self, parcel: Parcel, found: Found, is_open: bool, level: Level) -> list[Way | None]:
        """Return the way of a candidate at a level, from the first and the last of its nearest places."""
        c = found.candidate
        far = self.distances(is_open, level)
        if c.piece is None:
            return [None if c.joint is None else far.way(c.joint)]
        if len(self.flows[is_open].carries[c.piece]) < 2:
            return [far.way_from(c.piece, 0.0)]
        return [far.way_from(c.piece, at) for at in sorted(set(self.spots(parcel, c, found.distance)))]

    def reached(self, parcel: Parcel, candidate: Candidate) -> Found | None:
        """Return a candidate with its distance and fall; None where it is none."""
        distance = self.tools.reach(self.zone, parcel, candidate.path, self.ties)
        if distance is None:
            return None
        counts = []
        for is_open in (False, True):
            level = candidate.levels[is_open]
            fit = candidate.fit is not False if is_open else candidate.fit is True
            fit = fit and (is_open or self.zone.barriers is not None or distance == 0.0)
            fit = fit and level != NEVER
            if fit and {"fall", "downhill"} & self.strict.asks:
                verdict = self.fall(parcel, Found(candidate, distance, (True, True)), is_open, level)
                fit = verdict is not False if is_open else verdict is True
            counts.append(fit)
        return Found(candidate, distance, (counts[0], counts[1]))

    def fall(self, parcel: Parcel, found: Found, is_open: bool, level: Level) -> bool | None:
        """Whether the fall of a candidate holds in one pass."""
        verdicts: set[bool | None] = set()
        for way in self.ways(parcel, found, is_open, level):
            if way is None:
                verdicts.add(None)
                continue
            told = falls(self.zone, self.strict, self.web, self.told, parcel, way.steps, self.ties)
            verdicts.add(told)
            if way.tie:
                self.ties.append("two ways to fall by")
        if len(verdicts) > 1:
            self.ties.append("a fall that depends on the spot")
        return next(iter(verdicts))

    # ------------------------------------------------------------ cells

    def cells(self, candidates: Sequence[Candidate], gone: bool) -> dict[str, Cell]:
        """Judge every parcel; `gone` says that something lost its shape that might have served any."""
        first: dict[str, Cell] = {}
        decisive: dict[str, list[Found]] = {}
        claims: dict[str, Claim] = {}
        same: dict[str, bool] = {}
        for parcel in self.zone.parcels:
            near = [f for c in candidates if (f := self.reached(parcel, c)) is not None]
            cell, level = self.connection(near)
            first[parcel.id] = cell
            tied = self.tied(parcel, near, False, level)
            decisive[parcel.id] = tied
            same[parcel.id] = bool(tied) and self.agreed(parcel, near, tied, level)
            if "capacity" in self.strict.asks:
                sound = cell.grade in ("A",) or (cell.grade in "BC" and not gone)
                made = self.claim(parcel, near, tied if sound else [], level)
                if made is not None:
                    claims[parcel.id] = made
        left = room(self.zone, self.service, self.web, self.told) if claims else None
        others = list(claims.values())
        others += apart_from(self.zone, self.service, others, frozenset(left.pieces)) if left else []
        out = {}
        for parcel in self.zone.parcels:
            cell = first[parcel.id]
            if cell.grade in "ABC":
                verdicts = self.security(parcel, decisive[parcel.id], cell, same[parcel.id])
                room_ = None if left is None else fits(claims[parcel.id], others, left, self.ties)
                if left is not None:
                    verdicts.append(room_)
                cell = (
                    Cell("D", scarce=room_ is False) if False in verdicts else Cell("U") if None in verdicts else cell
                )
            out[parcel.id] = cell
        return out

    def connection(self, near: list[Found]) -> tuple[Cell, Level]:
        """Return the cell by reach, source, size and fall."""
        shut = min((f.candidate.levels[0] for f in near if f.counts[0]), default=NEVER)
        opened = min((f.candidate.levels[1] for f in near if f.counts[1]), default=NEVER)
        if shut[0] != opened[0]:
            return Cell("U"), NEVER
        if shut == NEVER:
            return Cell("D"), NEVER
        best = min((f.distance, f.candidate.feature.id) for f in near if f.counts[0] and f.candidate.levels[0] == shut)
        return Cell("ABCD"[shut[0]], None if shut == NOW else shut[1], *best), shut

    def tied(self, parcel: Parcel, near: list[Found], is_open: bool, level: Level) -> list[Found]:
        """Return the nearest of the best candidates in one pass; more than one where they are equally near."""
        best = [f for f in near if f.counts[is_open] and f.candidate.levels[is_open] == level and level != NEVER]
        least = min((f.distance for f in best), default=0.0)
        close = [f for f in best if f.distance <= least + STEPPED]
        stepped = any(f.distance > nearest_on(f.candidate.path, parcel)[0] + 1e-6 for f in close)
        return [f for f in close if f.distance <= least + (STEPPED if stepped else NEAR)]

    def claim(self, parcel: Parcel, near: list[Found], tied: list[Found], level: Level) -> Claim | None:
        """Return what a parcel takes, and where; None where it takes nothing."""
        mine = [f for f in near if f.counts[1]]
        if not mine:
            return None
        base = claim(self.zone, self.service, parcel, self.ties)
        way = self.sure_way(parcel, near, tied, level)
        if way is not None:
            return replace(base, pieces=way.mains(self.web), sources=frozenset({way.source}), sure=True)
        seats = [f.candidate.piece for f in mine if f.candidate.piece is not None]
        joints = [f.candidate.joint for f in mine if f.candidate.piece is None and f.candidate.joint is not None]
        pieces, sources = part_of(self.flows[1], joints, seats)
        return replace(base, pieces=frozenset(pieces), sources=frozenset(sources))

    def sure_way(self, parcel: Parcel, near: list[Found], tied: list[Found], level: Level) -> Way | None:
        """Return the way that both passes agree on."""
        if not tied:
            return None
        opened = min(f.candidate.levels[1] for f in near if f.counts[1])
        also = self.tied(parcel, near, True, opened)
        if {id(f) for f in tied} != {id(f) for f in also}:
            if len(tied) > 1 or len(also) > 1:
                self.ties.append("equally near candidates that differ in the two passes")
            return None
        told = [way for f in tied for way in self.ways(parcel, f, False, level)]
        told += [way for f in tied for way in self.ways(parcel, f, True, opened)]
        half = len(told) // 2
        if any(w is not None and w.tie for w in told) or not (self.alike(told[:half]) and self.alike(told[half:])):
            self.ties.append("two ways that are equally short")
            return None
        one, other = told[0], told[half]
        if one is None or other is None or not self.alike([one, other]):
            return None
        if len(tied) == 1 and [s.piece for s in one.steps] != [s.piece for s in other.steps]:
            self.ties.append("ways that differ by laterals only")
        return one

    def agreed(self, parcel: Parcel, near: list[Found], tied: list[Found], level: Level) -> bool:
        """Whether the deciding candidate and its level are the same in both passes."""
        opened = min(f.candidate.levels[1] for f in near if f.counts[1])
        also = self.tied(parcel, near, True, opened)
        alike = {id(f) for f in tied} == {id(f) for f in also}
        if not alike and {"two_ways", "two_sources"} & self.strict.asks and (len(tied) > 1 or len(also) > 1):
            self.ties.append("equally near candidates that differ in the two passes")
        return alike and opened == level

    def alike(self, ways: Sequence[Way | None]) -> bool:
        """Whether ways take the same mains to the same source."""
        return len({None if w is None else (w.mains(self.web), w.source) for w in ways}) == 1

    # ------------------------------------------------------------ security

    def security(self, parcel: Parcel, tied: list[Found], cell: Cell, same: bool) -> list[bool | None]:
        """Return the verdicts on two ways, two sources and hydrants that the profile asks for.

        `same` says that both passes agree on what decides.
        """
        found: list[bool | None] = []
        level = NOW if cell.ready_on is None else ("ABC".index(cell.grade), cell.ready_on)
        for measure in ("two_ways", "two_sources"):
            if measure in self.strict.asks and not same:
                found.append(None)
            elif measure in self.strict.asks:
                both = [self.secured(parcel, tied, level, measure, is_open) for is_open in (False, True)]
                found.append(True if both[0] else None if both[1] else False)
        if "hydrant_cover" in self.strict.asks:
            limit = self.strict.figures["hydrant_cover"]
            far = [self.uncovered(parcel, is_open) for is_open in (False, True)]
            if any(abs(each - limit) < 2.0 for each in far):
                self.ties.append("a hydrant at its limit")
            every = [feature_standing(self.zone, self.service, f) for f, _, _ in self.web.hydrants]
            here = not all(standing.out for standing in every)
            found.append(None if not here else True if far[0] <= limit else None if far[1] <= limit else False)
        return found

    def secured(self, parcel: Parcel, tied: list[Found], level: Level, measure: str, is_open: bool) -> bool:
        """Whether a parcel keeps a way to a source, in one pass."""
        verdicts = set()
        for f in tied:
            c = f.candidate
            if c.piece is not None and c.feature.role == "line":
                size = sum(apart(a, b) for a, b in pairwise(c.path))
                p = self.web.pieces[c.piece]
                verdicts.add(self.keeps(is_open, level, c.piece, -1, measure))
                for at in self.spots(parcel, c, f.distance):
                    if at < 0.5 or at > size - 0.5:  # it lies where two pieces meet
                        verdicts.add(self.keeps(is_open, level, None, p.a if at < 0.5 else p.b, measure))
                continue
            starts = set()
            for way in self.ways(parcel, f, False, level):
                main = None if way is None else self.first_main(way)
                if way is None or way.tie:
                    self.ties.append("a lateral without a sure way")
                elif main is not None:
                    starts.add(main)
                elif c.joint is not None:
                    starts.add(c.joint)
                else:
                    verdicts.add(self.keeps(is_open, level, c.piece, -1, measure))
            verdicts |= {self.keeps(is_open, level, None, start, measure) for start in starts}
        if len(verdicts) > 1:
            self.ties.append("security that depends on the spot")
        return verdicts == {True}

    def first_main(self, way: Way) -> int | None:
        """Return the joint where the first main of a way begins."""
        starts = [s.start for s in way.steps if self.web.pieces[s.piece].feature.role == "line"]
        return starts[0] if starts else None

    def keeps(self, is_open: bool, level: Level, seat: int | None, start: int, measure: str) -> bool:
        """Whether a way is left from a place, whatever single thing fails."""
        key = (is_open, level, seat)
        if key not in self.graphs:
            self.graphs[key] = graph(self.flows[is_open], level, seat)
        found, whole = self.graphs[key], (*key, start, measure)
        if whole not in self.secure:
            self.secure[whole] = found.two_ways(start) if measure == "two_ways" else found.two_sources(start)
        return self.secure[whole]

    def uncovered(self, parcel: Parcel, is_open: bool) -> float:
        """Return how far the point farthest from all hydrants is from the nearest, within two metres."""
        working = [f.parts[0][0] for k, (f, _, _) in enumerate(self.web.hydrants) if self.wet[is_open][k] == NOW]
        if not working:
            return math.inf
        points = []
        for polygon in parcel.polygons:
            for a, b in sides(polygon[0]):
                steps = math.ceil(apart(a, b) / 2.0)
                points += [(a[0] + (b[0] - a[0]) * k / steps, a[1] + (b[1] - a[1]) * k / steps) for k in range(steps)]
            xs, ys = [p[0] for p in polygon[0]], [p[1] for p in polygon[0]]
            for i in range(math.ceil((max(xs) - min(xs)) / 2.0)):
                for k in range(math.ceil((max(ys) - min(ys)) / 2.0)):
                    p = (min(xs) + 2.0 * i, min(ys) + 2.0 * k)
                    points += [p] if within(p, polygon) else []
        return max(min(apart(p, at) for at in working) for p in points)
