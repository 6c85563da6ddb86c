"""Joints: where the ends of lines meet, and where an end meets the side of another line; every join is listed.

Two tiers keep a drawing honest. What operates joins whatever it touches within the tolerance. What does not operate
yet, or nobody knows (and a connection stub, always), joins only what is nearest, so that it never bridges a gap between
two operating lines that do not meet.
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

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

END_END, END_SIDE, NUMBER, CROSSING = 0, 1, 2, 3
NOISE_M = 0.001
"""Ends this near are the same place: files write coordinates to the millimetre. Only wider gaps are guesses."""
KINDS = ("end_end", "end_side", "number", "crossing")


@dataclass(frozen=True)
class Drawing:
    """What is to be joined: lines, points, and how they may join.

    Attributes
    ----------
    lines
        LineStrings, 2-D.
    points
        Coordinates of points that are joints of the network, shape (p, 2).
    line_first, point_first
        Whether a line, a point belongs to the first tier (operates, and is no mere stub).
    numbers
        Joint number at the start and end of every line (0 where there is none), shape (n, 2).
    point_number
        Joint number of every point.
    point_leaf
        Whether a point is a mere stub or hydrant, which joins what is nearest and is joined by nothing.
    deck
        Deck of each line, for services whose crossings join; None where crossings never join.
    """

    lines: npt.NDArray[np.object_]
    points: Floats
    line_first: Bools
    point_first: Bools
    numbers: Ints
    point_number: Ints
    point_leaf: Bools
    deck: Ints | None = None


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
    joins
        Table ``line`` (row; a point's row + number of lines), ``other`` (row of a line), ``joint``, ``kind``, ``gap_m``
        of all joins over a gap.
    """

    xy: Floats
    u: Ints
    v: Ints
    line: Ints
    length_m: Floats
    coords: Floats
    offsets: Ints
    point_joint: Ints
    joins: pd.DataFrame

    def piece(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
        """Draw some pieces as LineStrings."""
        counts = np.diff(self.offsets)[rows]
        starts = np.repeat(self.offsets[rows] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        return np.asarray(
            shapely.linestrings(
                self.coords[starts + np.arange(counts.sum())], indices=np.repeat(np.arange(len(rows)), counts)
            )
        )


def join(drawing: Drawing, snap_m: float) -> Joined:
    """Find the joints of a drawing and cut the lines there.

    Parameters
    ----------
    drawing
        Lines and points, in a projected system in metres.
    snap_m
        Largest gap that is closed (``<=``).
    """
    xy, offsets = _ragged(drawing.lines)
    n = len(drawing.lines)
    ends = np.concatenate([xy[offsets[:-1]], xy[offsets[1:] - 1], drawing.points])
    number = np.concatenate([drawing.numbers[:, 0], drawing.numbers[:, 1], drawing.point_number])
    first = np.concatenate([drawing.line_first, drawing.line_first, drawing.point_first])
    leaf = np.concatenate([np.zeros(2 * n, dtype=bool), drawing.point_leaf])
    label, joints = _cluster(ends, number, (first, leaf), snap_m)
    u, v = label[:n], label[n : 2 * n]
    hit_joint, hit_line = _sides(drawing, (ends, label, joints, number), snap_m)
    joints, hit_joint, hit_line, crossed = _crossings(drawing, joints, hit_joint, hit_line)
    cut = _cut(drawing.lines, xy, offsets, (u, v), joints, (hit_joint, hit_line))
    joins = _listed((ends, label, joints, number), drawing, (hit_joint, hit_line, crossed))
    return Joined(joints, *cut, label[2 * n :], joins)


def _ragged(lines: npt.NDArray[np.object_]) -> tuple[Floats, Ints]:
    if len(lines) == 0:
        return np.empty((0, 2)), np.zeros(1, dtype=np.int64)
    _, xy, (offsets,) = shapely.to_ragged_array(lines)
    return xy[:, :2], offsets.astype(np.int64)


def _cluster(ends: Floats, number: Ints, tiers: tuple[Bools, Bools], snap_m: float) -> tuple[Ints, Floats]:
    """Make joints of ends: first tier transitively, second tier and leaves to the nearest; equal numbers are one."""
    first, leaf = tiers
    label, joints = _tiers(ends[~leaf], number[~leaf], first[~leaf], snap_m)
    out = np.full(len(ends), -1, dtype=np.int64)
    out[~leaf] = label
    hanging = np.flatnonzero(leaf)
    if len(hanging):
        found = _numbered(number[hanging], number[~leaf], label)
        nearest = _nearest(ends[hanging], (ends[~leaf], label), snap_m)
        taken = np.zeros(len(joints) + 1, dtype=bool)
        taken[label[number[~leaf] > 0]] = True
        nearest[(number[hanging] > 0) & taken[nearest]] = -1
        found = np.where(found < 0, nearest, found)
        alone = np.flatnonzero(found < 0)
        found[alone] = len(joints) + np.arange(len(alone))
        joints = np.concatenate([joints, ends[hanging[alone]]])
        out[hanging] = found
    return out, joints


def _tiers(ends: Floats, number: Ints, first: Bools, snap_m: float) -> tuple[Ints, Floats]:
    """Make joints of the ends of lines and of points that are joints: what operates first, then the rest."""
    label = np.full(len(ends), -1, dtype=np.int64)
    joints = np.empty((0, 2))
    if first.any():
        label[first], joints = _merge(ends[first], number[first], snap_m)
    rest = np.flatnonzero(~first)
    if len(rest) == 0:
        return label, joints
    by_number = _numbered(number[rest], number[first], label[first])
    free = by_number < 0
    if len(joints) and free.any():
        nearest = _nearest(ends[rest], (ends[first], label[first]), snap_m)
        numbered = np.zeros(len(joints), dtype=bool)
        numbered[label[first & (number > 0)]] = True
        near = free & (nearest >= 0)
        near[near] &= ~((number[rest][near] > 0) & numbered[nearest[near]])
        by_number[near] = nearest[near]
    label[rest] = by_number
    left = rest[by_number < 0]
    if len(left):
        own, more = _merge(ends[left], number[left], snap_m)
        label[left] = own + len(joints)
        joints = np.concatenate([joints, more])
    return label, joints


def _nearest(spots: Floats, joined: tuple[Floats, Ints], snap_m: float) -> Ints:
    """Find the joint of the end that is nearest to each spot within the tolerance; -1 where there is none."""
    ends, label = joined
    if len(ends) == 0:
        return np.full(len(spots), -1, dtype=np.int64)
    gap, nearest = cKDTree(ends).query(spots, distance_upper_bound=np.nextafter(snap_m, np.inf))
    return np.where(np.isfinite(gap), np.append(label, -1)[nearest], -1)


def _numbered(wanted: Ints, number: Ints, label: Ints) -> Ints:
    """Find the joint that already carries a number; -1 where none does."""
    known, where = np.unique(number, return_index=True)
    if len(known) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where((known[place] == wanted) & (wanted > 0), label[where[place]], -1)


def _merge(ends: Floats, number: Ints, snap_m: float) -> tuple[Ints, Floats]:
    """Merge ends within the tolerance of each other, transitively; different numbers never merge by distance."""
    if not number.any():
        complex_ends = ends[:, 0] + 1j * ends[:, 1]
        unique, inverse = np.unique(complex_ends, return_inverse=True)
        spots, tag = np.column_stack([unique.real, unique.imag]), np.zeros(len(unique), dtype=np.int64)
    else:
        keys = pd.MultiIndex.from_arrays([ends[:, 0], ends[:, 1], number])
        inverse, found = pd.factorize(keys)
        spots = np.column_stack([found.get_level_values(0), found.get_level_values(1)]).astype(float)
        tag = found.get_level_values(2).to_numpy(dtype=np.int64)
    pairs = np.empty((0, 2), dtype=np.int64)
    if len(spots) > 1:
        pairs = cKDTree(spots, balanced_tree=False, compact_nodes=False).query_pairs(snap_m, output_type="ndarray")
        if tag.any():
            a, b = tag[pairs[:, 0]], tag[pairs[:, 1]]
            pairs = np.concatenate([pairs[(a == 0) | (b == 0) | (a == b)], _same_number(tag)])
    if len(pairs) == 0:
        return inverse.astype(np.int64), spots
    count, group = _components(pairs, len(spots))
    torn = _torn(group, tag)
    if len(torn):
        count, group = _components(_kept_apart(pairs, np.isin(group[pairs[:, 0]], torn), spots, tag), len(spots))
    joints = np.empty((count, 2))
    joints[group[::-1]] = spots[::-1]  # the first spot of a group stands for it
    return group[inverse].astype(np.int64), joints


def _components(pairs: npt.NDArray[np.int64], count: int) -> tuple[int, Ints]:
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    found, group = connected_components(links, directed=False)
    return int(found), group.astype(np.int64)


def _torn(group: Ints, tag: Ints) -> Ints:
    """Find the groups in which ends without a number have brought different numbers together."""
    known = np.unique(np.column_stack([group, tag])[tag > 0], axis=0)
    groups, numbers = np.unique(known[:, 0], return_counts=True)
    return groups[numbers > 1]


def _kept_apart(pairs: npt.NDArray[np.int64], doubtful: Bools, spots: Floats, tag: Ints) -> npt.NDArray[np.int64]:
    """Leave out the pairs that would make two numbers one joint: the nearest join first, and a number keeps others out.

    Only few ends are ever concerned: those without a number between joints with numbers.
    """
    owner = {int(i): int(i) for i in np.unique(pairs[doubtful])}
    number = {i: int(tag[i]) for i in owner}

    def root(i: int) -> int:
        while owner[i] != i:
            owner[i] = owner[owner[i]]
            i = owner[i]
        return i

    rows = np.flatnonzero(doubtful)
    a, b = pairs[rows, 0], pairs[rows, 1]
    gap = np.where((tag[a] == tag[b]) & (tag[a] > 0), -1.0, np.hypot(*(spots[a] - spots[b]).T))
    kept = ~doubtful
    for row in rows[np.lexsort((b, a, gap))].tolist():
        i, j = root(int(pairs[row, 0])), root(int(pairs[row, 1]))
        if number[i] and number[j] and number[i] != number[j]:
            continue
        owner[j] = i
        number[i] = number[i] or number[j]
        kept[row] = True
    return pairs[kept]


def _same_number(tag: Ints) -> npt.NDArray[np.int64]:
    """Chain the spots that carry one number."""
    order = np.argsort(tag, kind="stable")
    same = (tag[order][1:] == tag[order][:-1]) & (tag[order][1:] > 0)
    return np.column_stack([order[:-1][same], order[1:][same]])


def _sides(drawing: Drawing, found: tuple[Floats, Ints, Floats, Ints], snap_m: float) -> tuple[Ints, Ints]:
    """Find joints that lie on the side of a line that they do not end."""
    ends, label, joints, number = found
    if len(drawing.lines) == 0 or len(joints) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    tier = np.concatenate([drawing.line_first, drawing.line_first, drawing.point_first])
    first = np.zeros(len(joints), dtype=bool)
    first[label[tier]] = True
    # A joint stands at one of its ends; the others, a little aside, may touch a line that it does not. An end of the
    # second tier speaks only for a joint of its own.
    leaf = np.concatenate([np.zeros(2 * len(drawing.lines), dtype=bool), drawing.point_leaf])
    aside = np.flatnonzero((ends != joints[label]).any(axis=1) & (tier | ~first[label]) & ~leaf)
    spots = shapely.points(np.concatenate([joints, ends[aside]]))
    owner = np.concatenate([np.arange(len(joints)), label[aside]])
    spot, line = shapely.STRtree(drawing.lines).query(spots, predicate="dwithin", distance=snap_m)
    n = len(drawing.lines)
    keep = np.asarray((label[line] != owner[spot]) & (label[n + line] != owner[spot]))
    if drawing.numbers.any():
        keep &= _numbers_allow(drawing, (label, joints, number), (owner[spot], line), snap_m)
    spot, line = spot[keep], line[keep]
    timid = np.flatnonzero(~first[owner[spot]])
    gap = shapely.distance(spots[spot[timid]], drawing.lines[line[timid]])
    order = timid[np.lexsort((line[timid], gap, owner[spot[timid]]))]
    nearest = order[np.flatnonzero(np.diff(owner[spot[order]], prepend=-1))]
    bold = np.flatnonzero(first[owner[spot]])
    pair = np.unique(owner[spot[bold]] * n + line[bold])
    return (
        np.concatenate([pair // n, owner[spot[nearest]]]).astype(np.int64),
        np.concatenate([pair % n, line[nearest]]).astype(np.int64),
    )


def _numbers_allow(drawing: Drawing, found: tuple[Ints, Floats, Ints], hits: tuple[Ints, Ints], snap_m: float) -> Bools:
    """Let a numbered joint onto the side of a line only where the numbers do not say otherwise.

    A line numbered at both ends has no other joints; and where the side is near an end that has a number, that is
    another joint.
    """
    label, joints, number = found
    joint, line = hits
    numbered = np.zeros(len(joints), dtype=bool)
    numbered[label[number > 0]] = True
    barred = np.asarray((drawing.numbers > 0).all(axis=1))[line]
    for end in (0, 1):
        tip = shapely.get_point(drawing.lines[line], 0 if end == 0 else -1)
        near: Bools = np.asarray(shapely.distance(shapely.points(joints[joint]), tip) <= snap_m)
        barred |= near & (drawing.numbers[line, end] > 0)
    return np.asarray(~(numbered[joint] & barred))


def _crossings(drawing: Drawing, joints: Floats, hit_joint: Ints, hit_line: Ints) -> tuple[Floats, Ints, Ints, int]:
    """Add a joint wherever two lines of the same deck cross."""
    if drawing.deck is None or len(drawing.lines) < 2:
        return joints, hit_joint, hit_line, 0
    a, b = shapely.STRtree(drawing.lines).query(drawing.lines, predicate="crosses")
    once = (a < b) & (drawing.deck[a] == drawing.deck[b])
    a, b = a[once], b[once]
    where = shapely.intersection(drawing.lines[a], drawing.lines[b])
    spots, pair = shapely.get_coordinates(where, return_index=True)
    if len(spots) == 0:
        return joints, hit_joint, hit_line, 0
    new = np.arange(len(spots)) + len(joints)
    hit_joint = np.concatenate([hit_joint, new, new])
    hit_line = np.concatenate([hit_line, a[pair], b[pair]])
    return np.concatenate([joints, spots]), hit_joint, hit_line, len(spots)


def _cut(
    lines: npt.NDArray[np.object_],
    xy: Floats,
    offsets: Ints,
    ends: tuple[Ints, Ints],
    joints: Floats,
    hits: tuple[Ints, Ints],
) -> tuple[Ints, Ints, Ints, Floats, Floats, Ints]:
    """Cut the lines at the joints on their sides, all at once.

    Every vertex and every cut gets its measure along its line; a cut stands twice, as the end of one piece and the
    start of the next, and one sort puts all in order.
    """
    u, v = ends
    n = len(lines)
    joint, line = hits
    if len(joint) == 0:
        return u, v, np.arange(n), np.asarray(shapely.length(lines), dtype=float), xy, offsets
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    measure = run - np.repeat(run[offsets[:-1]], np.diff(offsets))
    place = shapely.line_locate_point(lines[line], shapely.points(joints[joint]))
    place = np.minimum(place, measure[offsets[line + 1] - 1])  # rounding must not carry a cut beyond the line's end
    owner = np.concatenate([np.repeat(np.arange(n), np.diff(offsets)), line, line])
    along = np.concatenate([measure, place, place])
    # 0 ends a piece, 1 is a vertex, 2 starts a piece; joints at one measure have a piece of no length between them.
    kind = np.concatenate([np.ones(len(xy), np.int8), np.zeros(len(line), np.int8), np.full(len(line), 2, np.int8)])
    at = np.concatenate([xy, joints[joint], joints[joint]])
    mark = np.concatenate([np.full(len(xy), -1), joint, joint])
    turn = np.concatenate([np.zeros(len(xy), np.int64), np.arange(len(line)), np.arange(len(line))])
    # At the measure of a cut a line's last vertex comes behind it, every other vertex before it.
    ahead = np.where(kind == 1, -1, 0)
    ahead[offsets[1:] - 1] = 1
    order = np.lexsort((kind, turn, ahead, along, owner))
    owner, kind, at, mark = owner[order], kind[order], at[order], mark[order]
    starts = np.ones(len(kind), dtype=bool)
    starts[1:] = (owner[1:] != owner[:-1]) | (kind[1:] == 2)
    s = np.flatnonzero(starts)
    e = np.append(s[1:], len(kind)) - 1
    part = owner[s]
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(at, axis=0).T))])
    return (
        np.where(kind[s] == 2, mark[s], u[part]),
        np.where(kind[e] == 0, mark[e], v[part]),
        part,
        length[e] - length[s],
        at,
        np.append(s, len(kind)),
    )


def _listed(ends: tuple[Floats, Ints, Floats, Ints], drawing: Drawing, hits: tuple[Ints, Ints, int]) -> pd.DataFrame:
    """List every join that closes a gap, and every crossing that was made a joint."""
    spots, label, joints, number = ends
    hit_joint, hit_line, crossed = hits
    n = len(drawing.lines)
    row = np.concatenate([np.arange(n), np.arange(n), n + np.arange(len(drawing.points))])
    gap = np.hypot(*(spots - joints[label]).T)
    owner = np.full(len(joints), -1, dtype=np.int64)
    owner[label[::-1][gap[::-1] == 0]] = row[::-1][gap[::-1] == 0]  # whose spot the joint is
    moved = np.flatnonzero(gap > 0)
    kind = np.where(number[moved] > 0, NUMBER, END_END)
    old = len(hit_joint) - 2 * crossed
    side_gap = shapely.distance(shapely.points(joints[hit_joint[:old]]), drawing.lines[hit_line[:old]])
    parts = [
        (row[moved], owner[label[moved]], label[moved], kind, gap[moved]),
        (owner[hit_joint[:old]], hit_line[:old], hit_joint[:old], np.full(old, END_SIDE), side_gap),
        (
            hit_line[old : old + crossed],
            hit_line[old + crossed :],
            hit_joint[old : old + crossed],
            np.full(crossed, CROSSING),
            np.zeros(crossed),
        ),
    ]
    names = ("line", "other", "joint", "kind", "gap_m")
    return pd.DataFrame({name: np.concatenate([p[i] for p in parts]) for i, name in enumerate(names)})
