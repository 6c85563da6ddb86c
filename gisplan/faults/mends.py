"""Mends: every way in which what operates and reaches no source could be joined to what does.

A mend closes a gap of the drawing, opens a valve, turns a line round, brings a line or a source into operation, or has
to be built. Each is an *arrow* from a joint to the one it would draw from (or drain to), guarded by its mend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gisplan.faults.gaps import Gaps
from gisplan.judging.candidates import Candidates
from gisplan.networks.network import BOTH, FORWARD, REVERSE, UNSURE, Network
from gisplan.networks.standing import A

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Shapes = npt.NDArray[np.object_]

DRAWING, VALVE, STATUS, FLOW, MISSING = range(5)
CAUSES = np.array(["drawing", "valve", "status", "flow", "missing"], dtype=object)

_VALVE, _GAP, _STATUS = 1.0, 2.0, 10_000.0
_FLOW, _MISSING = 1_000_000.0, 2_000_000.0
"""How far from hand a mend is, in the order in which causes are believed; metres are added, and decide among equals.

A valve that is drawn closed is a fact of the survey; a gap of a hand's breadth a slip of the pen; a stretch that does
not operate yet explains all by itself. One line may be drawn against its flow; that a whole street was is harder to
believe than that its lower end is missing.
"""


@dataclass(frozen=True)
class Arrows:
    """Steps towards a source: `tail` has supply where `head` has, if the mend `guard` is made (-1: as things are).

    Attributes
    ----------
    tail, head
        Joints, those of cut valves taken apart as in the supply; the last of all stands for what is live today.
    guard
        Number of the mend.
    effort
        What the step costs.
    """

    tail: Ints
    head: Ints
    guard: Ints
    effort: Floats

    def take(self, rows: npt.NDArray[np.int64] | Bools) -> Arrows:
        """Give some of them."""
        return Arrows(self.tail[rows], self.head[rows], self.guard[rows], self.effort[rows])

    def plus(self, other: Arrows) -> Arrows:
        """Give these and others."""
        return Arrows(*(np.concatenate([getattr(self, f), getattr(other, f)]) for f in self.__dataclass_fields__))


@dataclass(frozen=True)
class Mends:
    """All mends of a service.

    Attributes
    ----------
    cause
        `DRAWING`, `VALVE`, … of each mend.
    thing
        What is mended: number of the gap; joint of the valve; row of the layer for a line or source; for what has to
        be built the number in `builds`.
    arrows
        All steps, mended or not.
    root
        The joint that stands for all that is live.
    piece_guard
        Mend without which a piece does not operate or does not flow; -1 for none.
    gaps
        The gaps that could be closed.
    builds
        Joint, and line to the nearest live thing, of what would have to be built.
    """

    cause: Ints
    thing: Ints
    arrows: Arrows
    root: int
    piece_guard: Ints
    gaps: Gaps
    builds: tuple[Ints, Shapes]


def mends(kept: Candidates, gaps: Gaps) -> Mends:
    """List every mend of a service, and what would have to be built where there is no other.

    Parameters
    ----------
    kept
        The service's candidates: its network and who is live today.
    gaps
        Gaps of the drawing that could be closed.
    """
    supply = kept.shut
    root = len(supply.joint) + len(gaps.foot)
    book = _Book()
    piece_guard = _piece_guards(kept.network, book)
    arrows = _along(kept, piece_guard, book)
    for more in (_valves(kept, book), _sources(kept, root, book), _across(kept, gaps, piece_guard, book)):
        arrows = arrows.plus(more)
    live = np.append(np.append(supply.joint == 0, np.zeros(len(gaps.foot), dtype=bool)), True)
    arrows = _rooted(arrows, live, root)
    more, spot, way = _builds(kept, arrows, (live, root), book)
    return Mends(book.causes, book.things, arrows.plus(more), root, piece_guard, gaps, (spot, way))


class _Book:
    """Numbers the mends."""

    def __init__(self) -> None:
        self.causes = np.empty(0, dtype=np.int64)
        self.things = np.empty(0, dtype=np.int64)

    def add(self, cause: int, things: Ints) -> Ints:
        """Enter things of one cause; the numbers of their mends come back, one for each different thing."""
        known, which = np.unique(things, return_inverse=True)
        start = len(self.causes)
        self.causes = np.concatenate([self.causes, np.full(len(known), cause)]).astype(np.int64)
        self.things = np.concatenate([self.things, known]).astype(np.int64)
        return np.asarray(start + which, dtype=np.int64)


def _piece_guards(network: Network, book: _Book) -> Ints:
    """Find the mend that each piece needs before it serves: its line must operate, or its direction be known."""
    guard = np.full(len(network.row), -1, dtype=np.int64)
    idle = network.standing.grade != A
    guard[idle] = book.add(STATUS, network.row[idle])
    if network.service.directed:
        unsure = ~idle & (network.direction == UNSURE)
        guard[unsure] = book.add(FLOW, network.row[unsure])
    return guard


def _along(kept: Candidates, piece_guard: Ints, book: _Book) -> Arrows:
    """List the steps along pieces that are not live, as they flow and, for a service that drains, against it."""
    network, supply = kept.network, kept.shut
    dark = np.flatnonzero(supply.piece != 0)
    return _steps(network, (supply.ends[0][dark], supply.ends[1][dark]), dark, (piece_guard, book))


def _steps(network: Network, ends: tuple[Ints, Ints], piece: Ints, guards: tuple[Ints, _Book]) -> Arrows:
    """Give the steps between two joints of some pieces, both ways round where that can be."""
    u, v = ends
    piece_guard, book = guards
    guard = piece_guard[piece]
    length = network.joined.length_m[piece]
    idle = network.standing.grade[piece] != A
    way = network.direction[piece] if network.service.directed else np.full(len(piece), BOTH)
    ahead, back = np.isin(way, (FORWARD, BOTH)), np.isin(way, (REVERSE, BOTH))
    effort = np.where(idle, _STATUS + length, 1e-9)
    out = Arrows(u[ahead], v[ahead], guard[ahead], effort[ahead]).plus(
        Arrows(v[back], u[back], guard[back], effort[back])
    )
    turned = np.flatnonzero((~ahead | ~back) & ~idle)
    if len(turned):
        mend = book.add(FLOW, network.row[piece[turned]])
        cost = np.full(len(turned), _FLOW)
        for tail, head, drawn in ((u, v, ahead), (v, u, back)):
            mine = ~drawn[turned]
            out = out.plus(Arrows(tail[turned[mine]], head[turned[mine]], mend[mine], cost[mine]))
    return out


def _both(a: Ints, b: Ints, guard: Ints, effort: Floats) -> Arrows:
    """Give the steps between pairs of joints that become one."""
    return Arrows(a, b, guard, effort).plus(Arrows(b, a, guard, effort))


def _valves(kept: Candidates, book: _Book) -> Arrows:
    """Open the valves: what ends at the joint of one that cuts comes together there."""
    network, supply = kept.network, kept.shut
    drawn = np.concatenate([network.joined.u, network.joined.v])
    ends = np.concatenate(supply.ends)
    cut = np.flatnonzero(drawn != ends)
    return _both(ends[cut], drawn[cut], book.add(VALVE, drawn[cut]), np.full(len(cut), _VALVE / 2))


def _sources(kept: Candidates, root: int, book: _Book) -> Arrows:
    """Bring the sources into operation that do not operate."""
    fed = kept.network.sources
    idle = np.flatnonzero(fed.standing.grade != A)
    return Arrows(
        fed.joint[idle], np.full(len(idle), root), book.add(STATUS, fed.row[idle]), np.full(len(idle), _STATUS)
    )


def _across(kept: Candidates, gaps: Gaps, piece_guard: Ints, book: _Book) -> Arrows:
    """Close the gaps: each side of one is a joint, or a foot on a piece between its two ends."""
    network, supply = kept.network, kept.shut
    foot = np.arange(len(gaps.foot)) + len(supply.joint)
    u, v = supply.ends[0][gaps.foot], supply.ends[1][gaps.foot]
    out = _steps(network, (u, foot), gaps.foot, (piece_guard, book))
    out = out.plus(_steps(network, (foot, v), gaps.foot, (piece_guard, book)))
    sides = [np.where(side < 0, foot[~side] if len(foot) else side, side) for side in (gaps.a, gaps.b)]
    guard = book.add(DRAWING, np.arange(len(gaps)))
    return out.plus(_both(sides[0], sides[1], guard, _GAP + gaps.gap_m))


def _rooted(arrows: Arrows, live: Bools, root: int) -> Arrows:
    """Let one joint stand for all that is live, and leave out what leads nowhere new."""
    tail, head = np.where(live[arrows.tail], root, arrows.tail), np.where(live[arrows.head], root, arrows.head)
    return Arrows(tail, head, arrows.guard, arrows.effort).take((tail != head) & (tail != root))


def _builds(
    kept: Candidates, arrows: Arrows, ground: tuple[Bools, int], book: _Book
) -> tuple[Arrows, Ints, Shapes]:
    """Measure, for what no mend of the data joins to a source, the straight way from its lowest end to what is live.

    Lines that would have to be turned round do not count here: a street that drains to an end where nothing is lacks
    its next stretch.
    """
    live, root = ground
    network, supply = kept.network, kept.shut
    none = np.empty(0, dtype=np.int64)
    nothing = Arrows(none, none, none, np.empty(0)), none, np.empty(0, dtype=object)
    drawn = arrows.take(~((book.causes == FLOW)[arrows.guard] & (arrows.guard >= 0)) if len(book.causes) else slice(None))
    size = len(live)
    links = coo_array((np.ones(len(drawn.tail), np.int8), (drawn.tail, drawn.head)), shape=(size, size)).tocsr()
    _, group = connected_components(links, directed=True, connection="strong")
    last = np.ones(int(group.max()) + 1, dtype=bool)
    last[group[drawn.tail[group[drawn.tail] != group[drawn.head]]]] = False
    last[group[root]] = False
    dark = np.flatnonzero((supply.piece != 0) & (network.standing.grade == A))
    owner, joint, shape = _outlets(kept, dark, (group, last))
    target = _live_shapes(kept)
    if len(owner) == 0 or len(target) == 0:
        return nothing
    (at, other), gap = shapely.STRtree(target).query_nearest(shape, all_matches=False, return_distance=True)
    best = at[np.lexsort((at, gap[np.argsort(at)][at], owner[at]))]
    first = best[np.flatnonzero(np.diff(owner[best], prepend=-1))]
    nearest = np.empty(len(shape), dtype=np.int64)
    nearest[at] = other
    way = np.asarray(shapely.shortest_line(shape[first], target[nearest[first]]), dtype=object)
    guard = book.add(MISSING, np.arange(len(first)))
    built = Arrows(joint[first], np.full(len(first), root), guard, _MISSING + shapely.length(way))
    return built, joint[first], way
