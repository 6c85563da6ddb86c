"""Supply: what reaches a source or an outfall, at which level: today, with works under way, with planned works.

A level is a grade and a day. The pieces usable at a level are those of that grade or better that work by that day; a
sweep over the few levels that occur in the data gives the first at which each joint and piece is live. The sweep runs
twice, with what is unknown taken as absent (shut) and as operating (open); where the two differ, nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra

from gisplan.networks.network import BOTH, FORWARD, REVERSE, UNSURE, Network, split
from gisplan.networks.standing import FOREVER, NONE, A, B, C, Standing

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

FRESH = np.int64(-1)
"""The day of level A: before any other."""


@dataclass(frozen=True)
class Levels:
    """The levels that occur in a service, best first; number `len` means none."""

    grade: Ints
    day: Ints

    def __len__(self) -> int:
        return len(self.grade)

    def grade_of(self, level: Ints) -> Ints:
        """Give the grade of level numbers; `NONE` beyond the last."""
        return np.append(self.grade, NONE)[np.minimum(level, len(self))]

    def day_of(self, level: Ints) -> Ints:
        """Give the day of level numbers; `FOREVER` beyond the last."""
        return np.append(self.day, FOREVER)[np.minimum(level, len(self))]


def levels(parts: list[Standing]) -> Levels:
    """List the levels that occur in some standings."""
    grade = np.concatenate([np.empty(0, np.int64), *[p.grade for p in parts]])
    day = np.concatenate([np.empty(0, np.int64), *[p.day for p in parts]])
    soon, later = np.unique(day[grade == B]), np.unique(day[(grade == B) | (grade == C)])
    if not (grade == C).any():
        later = later[:0]
    return Levels(
        np.concatenate([[A], np.full(len(soon), B), np.full(len(later), C)]).astype(np.int64),
        np.concatenate([[FRESH], soon, later]).astype(np.int64),
    )


@dataclass(frozen=True)
class View:
    """How unknowns are taken in a sweep.

    Attributes
    ----------
    opened
        Reason codes of unknowns that are taken as operating (``"*"`` for all).
    valves
        Whether closed valves are taken as open too (for finding causes only).
    any_future
        Whether undated and unfunded works are taken as operating (for finding causes only).
    """

    opened: frozenset[str] = frozenset()
    valves: bool = False
    any_future: frozenset[str] = frozenset()


SHUT = View()
OPEN = View(opened=frozenset({"*"}))


def usable(standing: Standing, view: View, grade: int, day: np.int64) -> Bools:
    """Tell which rows may be used at a level."""
    can = (standing.grade <= grade) & ((standing.grade == A) | (standing.day <= day)) & (standing.closes > day)
    if "*" in view.opened:
        can |= standing.unknown
    elif view.opened:
        can |= standing.unknown & np.isin(standing.why, list(view.opened))
    if view.any_future:
        can |= np.isin(standing.why, list(view.any_future))
    return can & ~standing.out


@dataclass(frozen=True)
class Way:
    """Shortest ways to the sources at one level: length, next joint, the piece to it, the source joint."""

    length_m: Floats
    next_joint: Ints
    piece: Ints
    source: Ints


@dataclass(frozen=True)
class Supply:
    """Who reaches a source, at which level, in one view.

    Attributes
    ----------
    network, view, levels
        What was swept.
    joint, piece
        Level number of every joint and piece; ``len(levels)`` for none.
    """

    network: Network
    view: View
    levels: Levels
    joint: Ints
    piece: Ints
    ends: tuple[Ints, Ints]
    everywhere: bool
    _ways: dict[int, Way] = field(default_factory=dict, repr=False)

    @property
    def stub(self) -> Ints:
        """Level number of every connection stub."""
        network, nowhere = self.network, len(self.levels)
        level = np.full(len(network.stub_joint), nowhere, dtype=np.int64)
        held = np.isin(network.stub_joint, np.concatenate([network.joined.u, network.joined.v]))
        for number in range(nowhere):
            can = usable(network.stub_standing, self.view, self.levels.grade[number], self.levels.day[number])
            level[(level == nowhere) & held & can & (self.joint[network.stub_joint] <= number)] = number
        return level

    def way(self, level: int) -> Way:
        """Find the shortest ways to a source at a level (kept once found)."""
        if level not in self._ways:
            self._ways[level] = _ways(self, level)
        return self._ways[level]


def sweep(network: Network, steps: Levels, view: View, lost_valve: bool = False) -> Supply:
    """Find the first level at which each joint and piece is live.

    Parameters
    ----------
    network
        One service's network.
    steps
        The levels, best first.
    view
        How unknowns are taken.
    lost_valve
        A valve that may be closed was lost in reading: with unknowns shut nothing is known to be live.
    """
    joined = network.joined
    cut = np.empty(0, np.int64) if view.valves else network.closed
    if not view.valves and not {"*", "valve_unknown"} & view.opened:
        cut = np.union1d(cut, network.unsure_closed)
    ends = split(joined.u, joined.v, cut, len(joined.xy))
    size = max(len(joined.xy), int(max(ends[0].max(initial=-1), ends[1].max(initial=-1))) + 1)
    nowhere = len(steps)
    joint = np.full(size, nowhere, dtype=np.int64)
    piece = np.full(len(joined.u), nowhere, dtype=np.int64)
    everywhere = network.sourceless
    for number in range(nowhere):
        grade, day = int(steps.grade[number]), steps.day[number]
        can = usable(network.standing, view, grade, day)
        if everywhere:
            live = np.full(size, bool(view.opened))
        elif lost_valve and not view.opened:
            live = np.zeros(size, dtype=bool)
        else:
            fed = network.sources.joint[usable(network.sources.standing, view, grade, day)]
            live = _live(_arrows(network, ends, can, view), fed, size)
        joint[(joint == nowhere) & live] = number
        piece[(piece == nowhere) & can & _reaches(network, ends, live, view)] = number
    return Supply(network, view, steps, joint, piece, ends, everywhere)


def _arrows(network: Network, ends: tuple[Ints, Ints], can: Bools, view: View) -> tuple[Ints, Ints, Ints, bool]:
    """List usable pieces as arrows from a joint to the one it draws from or drains to; and whether all are two-way."""
    u, v = ends
    pieces = np.flatnonzero(can)
    if not network.service.directed:
        return u[pieces], v[pieces], pieces, True
    way, both = network.direction[pieces], two_way(network, view)[pieces]
    ahead, back = (way == FORWARD) | both, (way == REVERSE) | both
    return (
        np.concatenate([u[pieces[ahead]], v[pieces[back]]]),
        np.concatenate([v[pieces[ahead]], u[pieces[back]]]),
        np.concatenate([pieces[ahead], pieces[back]]),
        False,
    )


def two_way(network: Network, view: View) -> Bools:
    """Tell which pieces of a service that drains may flow both ways: declared so, or taken so while nobody knows."""
    both = network.direction == BOTH
    if {"*", "direction_unknown"} & view.opened:
        both = both | (network.direction == UNSURE)
    elif "direction_contradicts" in view.opened and network.inverts is not None:
        both = both | network.inverts.contrary
    return np.asarray(both)


def _live(arrows: tuple[Ints, Ints, Ints, bool], fed: Ints, size: int) -> Bools:
    """Find the joints that can follow arrows to a source."""
    tail, head, _, two_way = arrows
    live = np.zeros(size + 1, dtype=bool)
    if len(fed) == 0:
        return live[:size]
    if two_way:
        links = coo_array((np.ones(len(tail), np.int8), (tail, head)), shape=(size, size))
        _, part = connected_components(links, directed=False)
        fed_part = np.zeros(int(part.max()) + 1, dtype=bool)
        fed_part[part[fed]] = True
        return np.asarray(fed_part[part])
    # Walk the arrows backwards from one extra joint that stands behind all outfalls.
    start = np.concatenate([head, np.full(len(fed), size)])
    stop = np.concatenate([tail, fed])
    links = csr_array((np.ones(len(start), np.int8), (start, stop)), shape=(size + 1, size + 1))
    live[breadth_first_order(links, size, directed=True, return_predecessors=False)] = True
    return live[:size]


def _reaches(network: Network, ends: tuple[Ints, Ints], live: Bools, view: View) -> Bools:
    """Tell which pieces end (or flow) into a live joint."""
    u, v = live[ends[0]], live[ends[1]]
    if not network.service.directed:
        return np.asarray(u | v)
    way, both = network.direction, two_way(network, view)
    return np.asarray(((way == FORWARD) & v) | ((way == REVERSE) & u) | (both & (u | v)))


def _ways(supply: Supply, level: int) -> Way:
    """Shortest ways to any source at a level, over the pieces usable then."""
    network, view, steps = supply.network, supply.view, supply.levels
    size = len(supply.joint)
    grade, day = int(steps.grade[level]), steps.day[level]
    can = usable(network.standing, view, grade, day)
    fed = network.sources.joint[usable(network.sources.standing, view, grade, day)]
    nothing = np.full(size, -1, dtype=np.int64)
    if len(fed) == 0:
        return Way(np.full(size, np.inf), nothing, nothing, nothing)
    tail, head, pieces, two_way = _arrows(network, supply.ends, can, view)
    if two_way:
        tail, head, pieces = (
            np.concatenate([tail, head]),
            np.concatenate([head, tail]),
            np.concatenate([pieces, pieces]),
        )
    # Of parallel pieces the shortest carries the way. A length of zero would mean "no link" to the solver.
    weight = np.maximum(network.joined.length_m[pieces], 1e-9)
    order = np.lexsort((pieces, weight, tail, head))
    head, tail, pieces, weight = head[order], tail[order], pieces[order], weight[order]
    best = np.ones(len(head), dtype=bool)
    best[1:] = (head[1:] != head[:-1]) | (tail[1:] != tail[:-1])
    head, tail, pieces, weight = head[best], tail[best], pieces[best], weight[best]
    links = csr_array((weight, (head, tail)), shape=(size, size))
    length, before, source = dijkstra(
        links, directed=True, indices=np.unique(fed), min_only=True, return_predecessors=True
    )
    before = np.where(before < 0, -1, before).astype(np.int64)
    key, wanted = head * size + tail, before * size + np.arange(size)
    place = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
    hit = (before >= 0) & (key[place] == wanted) if len(key) else np.zeros(size, dtype=bool)
    piece = np.where(hit, pieces[place], -1) if len(key) else nothing
    return Way(length, before, piece, np.where(np.isfinite(length), source, -1).astype(np.int64))


def along(way: Way, value: npt.NDArray[Any], start: Ints, best: Any = np.greater) -> npt.NDArray[Any]:
    """Find the largest (or smallest) value on the way from each joint to its source, for all joints at once.

    Parameters
    ----------
    way
        Shortest ways.
    value
        One value a piece.
    start
        One value a joint, that of the source where the joint is one, else the neutral value.
    best
        ``numpy.greater`` or ``numpy.less``.
    """
    here = start.copy()
    has = way.piece >= 0
    mine = value[way.piece[has]]
    here[has] = np.where(best(mine, here[has]), mine, here[has])
    jump = np.where(way.next_joint >= 0, way.next_joint, np.arange(len(start)))
    while True:  # pointer doubling: each round looks twice as far
        ahead = here[jump]
        here = np.where(best(ahead, here), ahead, here)
        further = jump[jump]
        if np.array_equal(further, jump):
            return here
        jump = further


def first_main(supply: Supply, level: int) -> Ints:
    """Find, for each joint, the first piece of a main on its way to the source at a level; -1 where there is none."""
    return first_on(supply.way(level), supply.network.main)


def first_on(way: Way, which: Bools) -> Ints:
    """Find, for each joint, the first piece of some on its way to the source; -1 where there is none.

    Parameters
    ----------
    way
        Shortest ways.
    which
        One entry a piece.
    """
    wanted = np.append(which, False)
    found = np.where((way.piece >= 0) & wanted[way.piece], way.piece, -1)
    joint = np.where(way.next_joint >= 0, way.next_joint, np.arange(len(found)))
    while True:  # pointer doubling, stopping at the first that is wanted
        found_next = np.where(found < 0, found[joint], found)
        further = np.where(found < 0, joint[joint], joint)
        if np.array_equal(found_next, found) and np.array_equal(further, joint):
            return found
        found, joint = found_next, further


def live_over(supply: Supply, level: int, which: Bools, source: int) -> tuple[Bools, Bools]:
    """Tell which joints and pieces are live at a level from one source, over some of the pieces only.

    Parameters
    ----------
    supply
        A service's supply, with a source.
    level
        Number of the level.
    which
        One entry a piece.
    source
        The joint of a source that is usable then.
    """
    network, ends = supply.network, supply.ends
    grade, day = int(supply.levels.grade[level]), supply.levels.day[level]
    can = usable(network.standing, supply.view, grade, day) & which
    fed = np.array([source])
    live = _live(_arrows(network, ends, can, supply.view), fed, len(supply.joint))
    return live, can & _reaches(network, ends, live, supply.view)


def main_start(supply: Supply, level: int) -> Ints:
    """Find, for each joint, that on its way to the source where the first main begins; -1 where there is none."""
    way = supply.way(level)
    begins = (way.piece >= 0) & np.append(supply.network.main, False)[way.piece]
    joint = np.where(begins | (way.next_joint < 0), np.arange(len(begins)), way.next_joint)
    while not np.array_equal(joint, joint[joint]):  # pointer doubling, stopping where a main begins
        joint = joint[joint]
    return np.where(begins[joint], joint, -1)
