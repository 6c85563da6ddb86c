"""Joints: where the ends of lines meet, and where an end meets the side of another line; every join is listed.

Two tiers keep a drawing honest. What operates joins whatever it touches within the tolerance, the nearest first. What
does not operate yet, or nobody knows (and a connection stub, always), joins only what is nearest, so that it never
bridges a gap between two operating lines that do not meet.

Joining has two steps: `propose` lists every join, `join` makes those that nobody has undone. A join that is undone is
left out of the list, and nothing else is searched anew, so that exactly this one is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gisplan.networks.cutting import cut
from gisplan.networks.drawing import Bools, Drawing, Floats, Ints
from gisplan.networks.merging import DECIMALS, merge

END_END, END_SIDE, NUMBER, CROSSING = 0, 1, 2, 3
NOISE_M = 0.001
"""Ends this near are the same place: files write coordinates to the millimetre. Only wider gaps are guesses."""
KINDS = ("end_end", "end_side", "number", "crossing")


@dataclass(frozen=True)
class Proposed:
    """Every join that a drawing asks for.

    Attributes
    ----------
    joint
        Joint of each end when all joins are made.
    kind
        Kind of each join (`END_END`, …).
    end
        The end that joins; -1 for a crossing.
    other_end
        The end that it joins; -1 where it joins the side of a line.
    line, other
        The two lines (a point: its place behind the lines).
    gap_m
        The gap that is closed.
    spot
        Where two lines cross, shape (m, 2); elsewhere the place of `end`.
    refused
        Ends that were near enough and are kept apart: two columns of ends, the gaps between them, and whether the joint
        would have been wider than the tolerance (else it would have held both ends of a line).
    """

    joint: Ints
    kind: Ints
    end: Ints
    other_end: Ints
    line: Ints
    other: Ints
    gap_m: Floats
    spot: Floats
    refused: tuple[Ints, Ints, Floats, Bools]

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True)
class Joined:
    """The joints and the pieces between them.

    Attributes
    ----------
    xy
        Coordinates of the joints, shape (j, 2).
    u, v
        Joints at the start and end of each piece, as digitised.
    line
        Row of the line that each piece is part of; pieces of a line stand together, in order.
    length_m
        Length of each piece.
    coords, offsets
        Vertices of all pieces, ragged.
    point_joint
        Joint of each point.
    proposed
        All joins that were possible.
    joint
        Joint of each proposed join (that of its end, or of its crossing).
    undone
        Which of them were not made.
    """

    xy: Floats
    u: Ints
    v: Ints
    line: Ints
    length_m: Floats
    coords: Floats
    offsets: Ints
    point_joint: Ints
    proposed: Proposed
    joint: Ints
    undone: Bools

    def piece(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
        """Draw some pieces as LineStrings, each once however often it is asked for."""
        asked, again = np.unique(rows, return_inverse=True)
        counts = np.diff(self.offsets)[asked]
        starts = np.repeat(self.offsets[asked] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        drawn = shapely.linestrings(
            self.coords[starts + np.arange(counts.sum())], indices=np.repeat(np.arange(len(asked)), counts)
        )
        return np.asarray(drawn, dtype=object)[again]


def propose(drawing: Drawing) -> Proposed:
    """Find every join of a drawing: ends with ends, ends with sides, and crossings where the service joins them."""
    joint, (a, b, gap), refused = _ends(drawing)
    surveyed = (drawing.number[a] > 0) & (drawing.number[a] == drawing.number[b])
    a, b, gap = a[~surveyed], b[~surveyed], gap[~surveyed]
    numbered = _numbers(drawing, joint)
    on, side, far = _sides(drawing, joint)
    over, under, spot = _crossings(drawing)
    owner = np.where(drawing.line >= 0, drawing.line, np.arange(len(drawing.line)) - len(drawing.lines))  # points too
    bare = np.full(len(over), -1, dtype=np.int64)
    one, two = np.concatenate([a, numbered[0]]), np.concatenate([b, numbered[1]])
    counts = {END_END: len(a), NUMBER: len(one) - len(a), END_SIDE: len(on), CROSSING: len(over)}
    return Proposed(
        joint=joint,
        kind=np.repeat(list(counts), list(counts.values())),
        end=np.concatenate([one, on, bare]),
        other_end=np.concatenate([two, np.full(len(on) + len(over), -1)]),
        line=np.concatenate([owner[one], owner[on], over]),
        other=np.concatenate([owner[two], side, under]),
        gap_m=np.concatenate([gap, numbered[2], far, np.zeros(len(over))]),
        spot=np.concatenate([drawing.ends[one], drawing.ends[on], spot]),
        refused=refused,
    )


def _none(rows: npt.NDArray[Any]) -> Ints:
    return np.full(len(rows), -1, dtype=np.int64)


def join(drawing: Drawing, proposed: Proposed, undone: Bools | None = None) -> Joined:
    """Make the joints, and cut the lines there.

    Parameters
    ----------
    drawing
        Lines and points, in a projected system in metres.
    proposed
        The joins, from `propose`.
    undone
        Which of them are not to be made; numbers cannot be undone.
    """
    n = len(drawing.lines)
    left_out = np.zeros(len(proposed), dtype=bool) if undone is None else undone & (proposed.kind != NUMBER)
    kept = ~left_out
    label = proposed.joint
    if (left_out & (proposed.kind == END_END)).any():
        label = _regrouped(drawing, proposed, kept)
    size = int(label.max(initial=-1)) + 1
    xy = np.empty((size, 2))
    order = np.concatenate([np.flatnonzero(~drawing.first)[::-1], np.flatnonzero(drawing.first)[::-1]])
    xy[label[order]] = drawing.ends[order]  # a joint stands where its first end of the first tier is
    crossing = np.flatnonzero(proposed.kind == CROSSING)
    joint = np.append(label, -1)[proposed.end]
    joint[crossing] = size + np.arange(len(crossing))
    xy = np.concatenate([xy, proposed.spot[crossing]])
    side = np.flatnonzero((proposed.kind == END_SIDE) & kept)
    crossed = crossing[kept[crossing]]
    hit_joint = np.concatenate([joint[side], joint[crossed], joint[crossed]])
    hit_line = np.concatenate([proposed.other[side], proposed.line[crossed], proposed.other[crossed]])
    pieces = cut(drawing.lines, *drawing.ragged, (label[:n], label[n : 2 * n]), xy, (hit_joint, hit_line))
    return Joined(xy, *pieces, label[2 * n :], proposed, joint, left_out)


def _regrouped(drawing: Drawing, proposed: Proposed, kept: Bools) -> Ints:
    """Give the joints without some joins; ends at one spot, or with one number, stay together."""
    ends = pd.DataFrame({"joint": proposed.joint, "x": drawing.ends[:, 0], "y": drawing.ends[:, 1]})
    first = np.arange(len(ends))
    same = ends.groupby(["joint", "x", "y"], sort=False).ngroup().to_numpy()
    spot = first[np.unique(same, return_index=True)[1]][same]
    links = np.flatnonzero(kept & np.isin(proposed.kind, (END_END, NUMBER)))
    tail = np.concatenate([first, proposed.end[links]])
    head = np.concatenate([spot, proposed.other_end[links]])
    pairs = coo_array((np.ones(len(tail), np.int8), (tail, head)), shape=(len(ends), len(ends)))
    return connected_components(pairs, directed=False)[1].astype(np.int64)


def _ends(drawing: Drawing) -> tuple[Ints, tuple[Ints, Ints, Floats], tuple[Ints, Ints, Floats, Bools]]:
    """Make joints of ends: the first tier among itself, the second tier and then leaves to the nearest."""
    joint = np.full(len(drawing.ends), -1, dtype=np.int64)
    links: list[tuple[Ints, Ints, Floats]] = []
    refused: list[tuple[Ints, Ints, Floats, Bools]] = []
    first = np.flatnonzero(drawing.first & ~drawing.leaf)
    rest = np.flatnonzero(~drawing.first & ~drawing.leaf)
    leaves = np.flatnonzero(drawing.leaf)
    _together(drawing, first, joint, (links, refused))
    free = _attach(drawing, (rest, first), joint, links)
    _together(drawing, free, joint, (links, refused))
    firm = np.concatenate([first, rest])
    alone = _attach(drawing, (leaves, firm), joint, links)
    joint[alone] = joint.max(initial=-1) + 1 + np.arange(len(alone))
    none = np.empty(0, dtype=np.int64)
    one, two, gap = (np.concatenate(column) for column in zip((none, none, np.empty(0)), *links, strict=True))
    apart = zip((none, none, np.empty(0), np.empty(0, dtype=bool)), *refused, strict=True)
    a, b, far, wide = (np.concatenate(column) for column in apart)
    return joint, (one, two, gap), (a, b, far, wide)


def _together(drawing: Drawing, rows: Ints, joint: Ints, lists: tuple[list[Any], list[Any]]) -> None:
    """Join some ends among themselves, the nearest first."""
    if len(rows) == 0:
        return
    found = merge(drawing.ends[rows], drawing.line[rows], drawing.number[rows], drawing.reach_m[rows])
    joint[rows] = found.joint + joint.max(initial=-1) + 1
    lists[0].append((rows[found.a], rows[found.b], found.gap_m))
    lists[1].append((rows[found.refused_a], rows[found.refused_b], found.refused_gap_m, found.refused_wide))


def _attach(drawing: Drawing, ends: tuple[Ints, Ints], joint: Ints, links: list[Any]) -> Ints:
    """Join each of some ends to the nearest of others, or to the joint that carries its number; give those left over.

    Where both ends of a line would come into one joint, the farther one stays by itself.
    """
    rows, firm = ends
    number = drawing.number
    by_number = _numbered(number[rows], number[firm], joint[firm])
    nearest, gap = _nearest(drawing, rows, firm)
    carried = np.zeros(int(joint.max(initial=-1)) + 2, dtype=bool)
    carried[joint[firm[number[firm] > 0]]] = True
    target = np.where(nearest >= 0, joint[nearest], -1)
    target[(number[rows] > 0) & carried[target]] = -1
    gap = np.where(by_number >= 0, -1.0, gap)  # nearer than anything, and never given up
    target = np.where(by_number >= 0, by_number, target)
    target[_doubled(drawing, rows, target, gap)] = -1
    near = (target >= 0) & (by_number < 0)
    joint[rows[target >= 0]] = target[target >= 0]
    over = np.flatnonzero(near & (gap > 0))
    # What lies on one spot joins as one: undone once, it is undone for all of it.
    spot = pd.DataFrame({"joint": target[over], "x": drawing.ends[rows[over], 0], "y": drawing.ends[rows[over], 1]})
    over = over[~spot.duplicated().to_numpy()]
    links.append((rows[over], nearest[over], gap[over]))
    return rows[target < 0]


def _doubled(drawing: Drawing, rows: Ints, target: Ints, gap: Floats) -> Ints:
    """Find, where both ends of a line ask for one joint, the one that is farther from it; rings are let be."""
    n = len(drawing.lines)
    if n == 0 or len(rows) == 0:
        return np.empty(0, dtype=np.int64)
    place = np.full(2 * n, -1, dtype=np.int64)
    lines = np.flatnonzero(rows < 2 * n)
    place[rows[lines]] = lines
    start, stop = place[:n], place[n:]
    both = np.flatnonzero((start >= 0) & (stop >= 0))
    s, e = start[both], stop[both]
    ring = (drawing.ends[both] == drawing.ends[n + both]).all(axis=1)
    clash = (target[s] >= 0) & (target[s] == target[e]) & ~ring & (np.maximum(gap[s], gap[e]) >= 0)
    s, e = s[clash], e[clash]
    return np.where(gap[s] > gap[e], s, e)


def _nearest(drawing: Drawing, rows: Ints, firm: Ints) -> tuple[Ints, Floats]:
    """Find the nearest end within the larger tolerance of the two; -1 where there is none."""
    best, gap = _none(rows), np.full(len(rows), np.inf)
    if len(rows) == 0:
        return best, gap
    for reach in np.unique(drawing.reach_m[firm]):
        mine = firm[drawing.reach_m[firm] == reach]
        far, which = cKDTree(drawing.ends[mine]).query(drawing.ends[rows])
        closer = (np.round(far, DECIMALS) <= np.maximum(reach, drawing.reach_m[rows])) & (far < gap)
        best[closer], gap[closer] = mine[which[closer]], far[closer]
    return best, gap


def _numbered(wanted: Ints, number: Ints, label: Ints) -> Ints:
    """Find the joint that already carries a number; -1 where none does."""
    known, where = np.unique(number, return_index=True)
    if len(known) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where((known[place] == wanted) & (wanted > 0), label[where[place]], -1)


def _numbers(drawing: Drawing, joint: Ints) -> tuple[Ints, Ints, Floats]:
    """List the ends that a number joins over a gap to the first end that has it."""
    rows = np.flatnonzero(drawing.number > 0)
    _, at, group = np.unique(drawing.number[rows], return_index=True, return_inverse=True)
    first = rows[at][group]
    gap = np.hypot(*(drawing.ends[rows] - drawing.ends[first]).T)
    apart = (gap > 0) & (joint[rows] == joint[first])
    return rows[apart], first[apart], gap[apart]


def _sides(drawing: Drawing, joint: Ints) -> tuple[Ints, Ints, Floats]:
    """Find the ends that lie on the side of a line that their joint does not end: end, line, gap."""
    none = np.empty(0, np.int64)
    if len(drawing.lines) == 0:
        return none, none, np.empty(0)
    ends, n = drawing.ends, len(drawing.lines)
    first = np.zeros(int(joint.max(initial=-1)) + 1, dtype=bool)
    first[joint[drawing.first]] = True
    # Every place of a joint may touch a line; an end of the second tier speaks only for a joint of its own, and a leaf
    # only for one in which it is alone.
    alone = np.bincount(joint, minlength=len(first))[joint] == 1
    speaks = np.flatnonzero((drawing.first | ~first[joint]) & (~drawing.leaf | alone))
    keys = pd.DataFrame({"joint": joint[speaks], "x": ends[speaks, 0], "y": ends[speaks, 1]})
    own = drawing.reach_m
    if len(own) and np.ptp(own) > 0:  # what lies on one spot is as sure as the surest of it
        own = own.copy()
        own[speaks] = pd.Series(own[speaks]).groupby([keys[c].to_numpy() for c in keys], sort=False).transform("min")
    speaks = speaks[~keys.duplicated().to_numpy()]
    reach = np.maximum(own[speaks], drawing.line_reach_m.max()) + 10.0**-DECIMALS
    # The tree asks for the box of a shape alone: that of a diagonal is as good as a square, and sooner drawn.
    squares = shapely.linestrings(np.stack([ends[speaks] - reach[:, None], ends[speaks] + reach[:, None]], axis=1))
    at, line = shapely.STRtree(drawing.lines).query(squares)
    end = speaks[at]
    # Mostly what a box finds are the very lines that end in the joint: they are left out before anything is measured.
    keep = np.asarray((joint[line] != joint[end]) & (joint[n + line] != joint[end]))
    end, line = end[keep], line[keep]
    gap = shapely.distance(shapely.points(ends[end]), drawing.lines[line])
    within = np.maximum(own[end], drawing.line_reach_m[line])
    keep = np.round(gap, DECIMALS) <= within
    # So near an end of the line the ends decide, or a guard would be got round; what is drawn on the line lies on it.
    apart = np.where(gap <= NOISE_M, NOISE_M, within)
    for tip in (line, n + line):
        keep &= np.round(np.hypot(*(ends[end] - ends[tip]).T), DECIMALS) > apart
    if drawing.numbers.any():
        keep &= _numbers_allow(drawing, joint, (end, line))
    end, line, gap = end[keep], line[keep], gap[keep]
    bold = first[joint[end]]
    # A joint meets a line once, where it is nearest; one that does not operate yet meets only the nearest line.
    order = np.lexsort((end, gap, np.where(bold, line, -1), joint[end]))
    group = np.column_stack([joint[end], np.where(bold, line, -1)])[order]
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = (group[1:] != group[:-1]).any(axis=1)
    chosen = order[opens]
    return end[chosen], line[chosen].astype(np.int64), gap[chosen]


def _numbers_allow(drawing: Drawing, joint: Ints, hits: tuple[Ints, Ints]) -> Bools:
    """Let a numbered joint onto the side of a line only where the numbers do not say otherwise.

    A line numbered at both ends has no other joints; and where the side is near an end that has a number, that is
    another joint.
    """
    end, line = hits
    numbered = np.zeros(int(joint.max(initial=-1)) + 1, dtype=bool)
    numbered[joint[drawing.number > 0]] = True
    barred = np.asarray((drawing.numbers > 0).all(axis=1))[line]
    reach = np.maximum(drawing.reach_m[end], drawing.line_reach_m[line])
    n = len(drawing.lines)
    for side in (0, 1):
        near: Bools = np.hypot(*(drawing.ends[end] - drawing.ends[side * n + line]).T) <= reach
        barred |= near & (drawing.numbers[line, side] > 0)
    return np.asarray(~(numbered[joint[end]] & barred))


def _crossings(drawing: Drawing) -> tuple[Ints, Ints, Floats]:
    """Find where two lines of the same deck cross."""
    none = np.empty(0, np.int64)
    if drawing.deck is None or len(drawing.lines) < 2:
        return none, none, np.empty((0, 2))
    a, b = shapely.STRtree(drawing.lines).query(drawing.lines)
    once = (a < b) & (drawing.deck[a] == drawing.deck[b])  # left out before anything is asked of their shapes
    a, b = a[once], b[once]
    across = shapely.crosses(drawing.lines[a], drawing.lines[b])
    a, b = a[across], b[across]
    where = shapely.intersection(drawing.lines[a], drawing.lines[b])
    spots, pair = shapely.get_coordinates(where, return_index=True)
    a, b, spots = a[pair].astype(np.int64), b[pair].astype(np.int64), spots.reshape(-1, 2)
    n = len(drawing.lines)
    tips = np.stack([drawing.ends[rows] - spots for rows in (a, n + a, b, n + b)])
    inside = (np.hypot(tips[..., 0], tips[..., 1]) > NOISE_M).all(axis=0)  # where a line ends, its end decides
    a, b, spots = a[inside], b[inside], spots[inside]
    order = np.lexsort((shapely.line_locate_point(drawing.lines[a], shapely.points(spots)), b, a))
    return a[order], b[order], spots[order]
