"""Mends: every way in which what operates and reaches no source could be joined to what does.

A mend closes a gap of the drawing, opens a valve, turns a line round, brings a line or a source into operation, or has
to be built. Each is an *arrow* from a joint to the one it would draw from (or drain to), guarded by its mend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from gisplan.faults.breaking.gaps import Gaps
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
        be built its number in `builds`.
    arrows
        All steps, mended or not.
    root
        The joint that stands for all that is live.
    piece_guard
        Mend without which a piece does not operate or does not flow; -1 for none.
    gaps
        The gaps that could be closed.
    builds
        What would have to be built, from a place of the part to the nearest thing that is live.
    """

    cause: Ints
    thing: Ints
    arrows: Arrows
    root: int
    piece_guard: Ints
    gaps: Gaps
    builds: Gaps


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
    builds, joint = _builds(kept, arrows, _free(kept, arrows, book), (live, root))
    guard = book.add(MISSING, np.arange(len(builds)))
    built = Arrows(joint, _receiving(kept, builds, root), guard, _MISSING + builds.gap_m)
    built = _rooted(built, live, root)
    return Mends(*book.columns(), arrows.plus(built), root, piece_guard, gaps, builds)


class _Book:
    """Numbers the mends; the same thing has one number for each cause."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[int, int], int] = {}

    def add(self, cause: int, things: Ints) -> Ints:
        """Enter things of one cause; the number of the mend of each comes back."""
        known, which = np.unique(things, return_inverse=True)
        numbers = [self.numbers.setdefault((cause, thing), len(self.numbers)) for thing in known.tolist()]
        return np.array(numbers, dtype=np.int64)[which]

    def columns(self) -> tuple[Ints, Ints]:
        """Give the cause and the thing of every mend."""
        table = np.array(list(self.numbers), dtype=np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]


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
    gone = np.isin(network.standing.why[piece], ("abandoned", "closed"))
    effort = np.where(idle, _STATUS + length + _STATUS * gone, 1e-9)
    out = Arrows(u[ahead], v[ahead], guard[ahead], effort[ahead]).plus(
        Arrows(v[back], u[back], guard[back], effort[back])
    )
    turned = np.flatnonzero((~ahead | ~back) & ~idle)
    if len(turned):
        mend = book.add(FLOW, network.row[piece[turned]])
        # Where no direction is given none need be believed wrong.
        cost = np.where(way[turned] == UNSURE, _STATUS + length[turned], _FLOW)
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
    joints = len(supply.joint)
    foot = np.arange(len(gaps.foot)) + joints
    u, v = supply.ends[0][gaps.foot], supply.ends[1][gaps.foot]
    out = _steps(network, (u, foot), gaps.foot, (piece_guard, book))
    out = out.plus(_steps(network, (foot, v), gaps.foot, (piece_guard, book)))
    a, b = (np.where(side < 0, joints - 1 - side, side) for side in (gaps.a, gaps.b))
    return out.plus(_both(a, b, book.add(DRAWING, np.arange(len(gaps))), _GAP + gaps.gap_m))


def _rooted(arrows: Arrows, live: Bools, root: int) -> Arrows:
    """Let one joint stand for all that is live, and leave out what leads nowhere new."""
    tail, head = np.where(live[arrows.tail], root, arrows.tail), np.where(live[arrows.head], root, arrows.head)
    return Arrows(tail, head, arrows.guard, arrows.effort).take((tail != head) & (tail != root))


def _free(kept: Candidates, arrows: Arrows, book: _Book) -> Bools:
    """Tell which steps need nothing that has to be built or turned round: what they link has one new line in common.

    A stretch that does not operate links for pressure only: water that drains must find its own lower end, and a
    planned sewer may end in nothing itself.
    """
    cause = np.append(book.columns()[0], -1)[arrows.guard]
    idle = (cause == STATUS) & kept.network.service.directed
    return np.asarray((arrows.effort < _FLOW) & ~idle)


def _builds(kept: Candidates, arrows: Arrows, free: Bools, ground: tuple[Bools, int]) -> tuple[Gaps, Ints]:
    """Measure, for what no mend of the data joins to a source, the straight way from its lowest end to what has supply.

    Lines that would have to be turned round do not count here: a street that drains to an end where nothing is lacks
    its next stretch. `free` are the steps that link what needs one new line in common.
    """
    live, root = ground
    network = kept.network
    size = len(live)
    back = reached(arrows.take(arrows.effort < _FLOW), root, size)
    lost = np.logical_not(back)
    drawn = arrows.take(free & lost[arrows.tail])
    links = coo_array((np.ones(len(drawn.tail), np.int8), (drawn.tail, drawn.head)), shape=(size, size))
    _, group = connected_components(links, directed=True, connection="strong")
    last = np.ones(int(group.max()) + 1, dtype=bool)
    last[group[drawn.tail[group[drawn.tail] != group[drawn.head]]]] = False
    joint, row, shape = _lowest(kept, lost & last[group])
    target, piece, fed = _within(kept, back)
    if len(joint) == 0 or len(target) == 0:
        joint, target = joint[:0], np.empty(0, dtype=object)
        shape = shape[:0]
    (at, other), gap = shapely.STRtree(target).query_nearest(shape, all_matches=False, return_distance=True)
    order = np.lexsort((at, gap, group[joint[at]]))
    first = order[np.flatnonzero(np.diff(group[joint[at[order]]], prepend=-1))]
    at, other = at[first], other[first]
    way = np.asarray(shapely.shortest_line(shape[at], target[other]), dtype=object)
    side = piece[other] >= 0
    b = np.where(side, -np.cumsum(side), fed[other])
    foot = piece[other[side]]
    foot_m = shapely.line_locate_point(target[other[side]], shapely.get_point(way[side], -1))
    far = np.where(side, network.row[piece[other]], _row_of_source(network)[fed[other]])
    return Gaps(joint[at], b, np.asarray(shapely.length(way)), way, row[at], far, foot, foot_m), joint[at]


def reached(arrows: Arrows, root: int, size: int) -> Bools:
    """Tell which joints can follow arrows to the root."""
    links = csr_array((np.ones(len(arrows.tail), np.int8), (arrows.head, arrows.tail)), shape=(size, size))
    found = np.zeros(size, dtype=bool)
    found[breadth_first_order(links, root, directed=True, return_predecessors=False)] = True
    return found


def _lowest(kept: Candidates, wanted: Bools) -> tuple[Ints, Ints, Shapes]:
    """Give what a new line could start from: any place of a part, or for a service that drains its lowest joints.

    Joint, row of the layer, and shape.
    """
    network, supply = kept.network, kept.shut
    dark = np.flatnonzero((supply.piece != 0) & (network.standing.grade == A))
    u, v = supply.ends[0][dark], supply.ends[1][dark]
    if not network.service.directed:
        joint = np.where(u < len(network.joined.xy), u, v)  # not the end at a closed valve, which is a joint of its own
        mine = wanted[u] & (joint < len(network.joined.xy))
        return joint[mine], network.row[dark[mine]], network.joined.piece(dark[mine])
    joint, place = np.concatenate([u, v]), np.concatenate([network.joined.u[dark], network.joined.v[dark]])
    row = np.tile(network.row[dark], 2)
    which = np.flatnonzero(wanted[joint] & (joint < len(network.joined.xy)))
    joint, first = np.unique(joint[which], return_index=True)
    spots = shapely.points(network.joined.xy[place[which[first]]])
    return joint, row[which[first]], np.asarray(spots, dtype=object)


def _within(kept: Candidates, back: Bools) -> tuple[Shapes, Ints, Ints]:
    """Give what a new line could lead to: shape, piece or -1, joint or -1.

    That is what is live today, pieces and the places of working sources, and what other mends bring back: a street
    whose plant is still being built is where the next street's sewer goes.
    """
    network, supply = kept.network, kept.shut
    works = network.standing.grade == A
    u, v = supply.ends
    piece = np.flatnonzero((supply.piece == 0) | (works & back[u] & back[v]))
    fed = np.unique(network.sources.joint[network.sources.standing.grade == A])
    points = np.asarray(shapely.points(network.joined.xy[fed]), dtype=object)
    return (
        np.concatenate([network.joined.piece(piece), points]),
        np.concatenate([piece, np.full(len(fed), -1)]),
        np.concatenate([np.full(len(piece), -1), fed]),
    )


def _receiving(kept: Candidates, builds: Gaps, root: int) -> Ints:
    """Give the joint from which each new line would have its supply."""
    network, supply = kept.network, kept.shut
    out = np.full(len(builds), root, dtype=np.int64)
    side = builds.b < 0
    piece = builds.foot[-1 - builds.b[side]]
    against = (network.direction[piece] == REVERSE) & network.service.directed
    out[side] = np.where(against, supply.ends[0][piece], supply.ends[1][piece])
    return out


def _row_of_source(network: Network) -> Ints:
    """Give the row of the layer of the source at each joint; -1 where there is none."""
    row = np.full(len(network.joined.xy), -1, dtype=np.int64)
    row[network.sources.joint[::-1]] = network.sources.row[::-1]
    return row
