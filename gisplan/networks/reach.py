"""Reach: what is near each parcel, and whether the straight way there crosses a neighbour or a barrier.

All services are searched in one pass: one tree over every candidate, a box query a block of parcels, the nearest box
first, then only those whose boxes are nearer than what was found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Shapes = npt.NDArray[np.object_]
Found = TypeVar("Found")

_BLOCK = 10_000
_STUCK = 100
"""What is barred is looked around by the metre: fewer parcels make a block."""
_GROW = np.array([-1.0, -1.0, 1.0, 1.0])
_TURNS = 8
"""So often one pair of each key is measured by itself, before all that are left are."""
_STEP_M = 1.0
"""Where the straight way to the nearest point is barred, a candidate is tried every metre."""
_ASKED = (8, 32)
"""A parcel looks among so many middles of segments for what is nearest; among more only if the first leave doubt."""
_BIT_M = 50.0
"""Longer segments are cut before their middles are taken."""
_ALIKE_M = 1e-6
"""Distances that differ by less may be called equal by one way of reckoning, and not by another."""
_GRAZE_M = 0.1
"""A way may run this far inside a neighbour: shared boundaries are drawn twice and never quite alike."""


@dataclass(frozen=True)
class Near:
    """The nearest candidate of each group for each parcel; one row a pair that was found.

    Attributes
    ----------
    parcel, group, candidate
        Row of the parcel, number of the group, row of the candidate.
    distance_m
        From the parcel (its area: 0 where the candidate lies inside or touches).
    """

    parcel: Ints
    group: Ints
    candidate: Ints
    distance_m: Floats


def nearest(parcels: Shapes, candidates: Shapes, group: Ints, reach_m: Floats, threads: int | None = None) -> Near:
    """Find the nearest candidate of each group within reach of each parcel.

    Parameters
    ----------
    parcels
        Polygons.
    candidates
        Lines and points.
    group
        Group number of each candidate, ``0 … len(reach_m) - 1``.
    reach_m
        Largest distance for each group (``<=``).
    threads
        Worker threads; as many as there are processors if not given. The answer does not depend on it.
    """
    none = np.empty(0, dtype=np.int64)
    if len(parcels) == 0 or len(candidates) == 0:
        return Near(none, none, none, np.empty(0))
    tree = _grown(candidates)
    bounds = shapely.bounds(candidates)
    work = _block(tree, (candidates, bounds, group), reach_m)
    starts = range(0, len(parcels), _BLOCK)
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        found = list(pool.map(lambda i: work(parcels[i : i + _BLOCK]), starts))
    return Near(
        np.concatenate([f[0] + i for f, i in zip(found, starts, strict=True)]),
        np.concatenate([f[1] for f in found]),
        np.concatenate([f[2] for f in found]),
        np.concatenate([f[3] for f in found]),
    )


def _block(
    tree: shapely.STRtree, candidate: tuple[Shapes, Floats, Ints], reach_m: Floats
) -> Callable[[Shapes], tuple[Ints, Ints, Ints, Floats]]:
    """Make the function that serves one block of parcels."""
    shapes, bounds, group = candidate
    groups, furthest = len(reach_m), float(reach_m.max(initial=0.0))

    def work(block: Shapes) -> tuple[Ints, Ints, Ints, Floats]:
        box = shapely.bounds(block)
        pair_p, pair_c = tree.query(shapely.box(*(box + furthest * _GROW).T))
        b, c = box[pair_p], bounds[pair_c]
        gap2 = np.maximum(0, np.maximum(c[:, 0] - b[:, 2], b[:, 0] - c[:, 2])) ** 2
        gap2 += np.maximum(0, np.maximum(c[:, 1] - b[:, 3], b[:, 1] - c[:, 3])) ** 2
        key = pair_p * groups + group[pair_c]
        order = np.lexsort((gap2, key))
        key, gap, pair_p, pair_c = key[order], np.sqrt(gap2[order]), pair_p[order], pair_c[order]
        best = np.tile(np.nextafter(reach_m, np.inf), len(block))
        chosen = np.full(len(block) * groups, -1, dtype=np.int64)
        head = np.diff(key, prepend=-1) != 0
        shapely.prepare(block)

        def scan(rows: Ints) -> None:
            if len(rows) == 0:
                return
            k = key[rows]
            d = shapely.distance(block[pair_p[rows]], shapes[pair_c[rows]])
            first = np.flatnonzero(np.diff(k, prepend=-1))
            least = np.minimum.reduceat(d, first)
            hit = np.flatnonzero(d == np.repeat(least, np.diff(np.append(first, len(d)))))
            cell, where = np.unique(k[hit], return_index=True)
            hit = hit[where]
            better = least < best[cell]
            best[cell[better]] = least[better]
            chosen[cell[better]] = pair_c[rows[hit[better]]]

        scan(np.flatnonzero(head))
        scan(np.flatnonzero(~head & (gap < best[key])))
        shapely.destroy_prepared(block)
        cell = np.flatnonzero(chosen >= 0)
        return cell // groups, cell % groups, chosen[cell], best[cell]

    return work


def close(parcels: Shapes, candidates: Shapes, within_m: float) -> tuple[Ints, Ints]:
    """List the pairs of parcel and candidate whose boxes lie within a distance of each other, parcels in order.

    What lies as near itself is among them: `first_within` finds it.
    """
    box = shapely.bounds(parcels)
    parcel, other = shapely.STRtree(candidates).query(shapely.box(*(box + within_m * _GROW).T))
    b, c = box[parcel], shapely.bounds(candidates)[other]
    gap = np.hypot(*np.maximum(0.0, np.maximum(c[:, :2] - b[:, 2:], b[:, :2] - c[:, 2:])).T)
    near = gap <= within_m * (1 + 1e-9)
    return parcel[near], other[near]


def first_within(one: Shapes, other: Shapes, key: Ints, within_m: float) -> Ints:
    """Find the first pair of each key that lies within a distance.

    Parameters
    ----------
    one, other
        The shapes of each pair; those of a key stand together, in the order in which they are wanted.
    key
        What each pair is for.
    within_m
        Largest distance (``<=``).

    Returns
    -------
    numpy.ndarray
        Rows of the pairs that were found, in order; keys without any have none.
    """
    number = np.cumsum(np.diff(key, prepend=key[:1] - 1) != 0) - 1
    done = np.zeros(int(number.max(initial=-1)) + 1, dtype=bool)
    rest, found = np.arange(len(key)), []
    for turn in range(_TURNS):
        # Mostly the first is near enough, and the others need not be measured; what is stubborn is measured at once.
        first = np.diff(number[rest], prepend=-1) != 0
        asked = rest[first] if turn < _TURNS - 1 else rest
        hits = asked[shapely.dwithin(one[asked], other[asked], within_m)]
        hits = hits[np.diff(number[hits], prepend=-1) != 0]
        found.append(hits)
        done[number[hits]] = True
        rest = rest[~first]
        rest = rest[~done[number[rest]]]
    return np.sort(np.concatenate(found))


def nearest_any(parcels: Shapes, candidates: Shapes) -> tuple[Ints, Floats]:
    """Find the nearest candidate of each parcel, however far; -1 and infinity where there is none."""
    row = np.full(len(parcels), -1, dtype=np.int64)
    distance = np.full(len(parcels), np.inf)
    whole = np.flatnonzero(~shapely.is_empty(parcels))
    if len(candidates) == 0 or len(whole) == 0:
        return row, distance
    found, gap = _alone(parcels[whole], candidates)
    row[whole], distance[whole] = found, gap
    rest = whole[found < 0]
    if len(rest):
        tree = shapely.STRtree(candidates)
        (p, c), d = tree.query_nearest(parcels[rest], all_matches=False, return_distance=True)
        row[rest[p]], distance[rest[p]] = c, d
    return row, distance


def _alone(parcels: Shapes, candidates: Shapes) -> tuple[Ints, Floats]:
    """Find the nearest candidate where it is surely one alone; -1 and infinity elsewhere.

    A tree of the middles of all segments costs far less than one of shapes: a parcel asks for the middles nearest to
    its own, and measures what its box may reach within the distance to the first of them. Where more middles than it
    asked for may be as near, or where two candidates are equally far, another has to look.
    """
    row, distance = np.full(len(parcels), -1, dtype=np.int64), np.full(len(parcels), np.inf)
    middle, half, owner = _middles(candidates)
    if len(middle) == 0:
        return row, distance
    tree, longest = cKDTree(middle), np.hypot(*half.T).max()
    box = shapely.bounds(parcels)
    centre, wide = (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]) / 2
    open_ = np.arange(len(parcels))
    for count in _ASKED:
        count = min(count, len(middle))
        far, at = tree.query(centre[open_], k=np.arange(1, count + 1))
        first = owner[at[:, 0]]
        least = shapely.distance(parcels[open_], candidates[first])
        closed = far[:, -1] - np.hypot(*wide[open_].T) - longest > least + _ALIKE_M
        closed |= count == len(middle)
        mine, at, first, least = open_[closed], at[closed], first[closed], least[closed]
        gap = np.abs(middle[at] - centre[mine, None]) - half[at] - wide[mine, None]
        np.maximum(gap, 0.0, out=gap)
        pair, place = np.nonzero(np.hypot(gap[..., 0], gap[..., 1]) <= least[:, None] + _ALIKE_M)
        other = owner[at[pair, place]]
        pair, other = np.divmod(np.unique((pair * len(candidates) + other)[other != first[pair]]), len(candidates))
        pair, other = np.append(np.arange(len(mine)), pair), np.append(first, other)
        away = np.append(least, shapely.distance(parcels[mine[pair[len(mine) :]]], candidates[other[len(mine) :]]))
        order = np.lexsort((away, pair))
        head = np.flatnonzero(np.diff(pair[order], prepend=-1))
        second = np.append(away[order], np.inf)[head + 1]
        second[np.append(pair[order], -1)[head + 1] != pair[order[head]]] = np.inf
        sure = order[head[second > away[order[head]] + _ALIKE_M]]
        row[mine[pair[sure]]], distance[mine[pair[sure]]] = other[sure], away[sure]
        open_ = open_[~closed]
    return row, distance


def _middles(shapes: Shapes) -> tuple[Floats, Floats, Ints]:
    """Cut lines into short straight bits: the middle of each, half the sides of its box, and whose it is."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    leads = np.append(owner[1:] == owner[:-1], False)
    lone = np.bincount(owner, minlength=len(shapes))[owner] == 1
    start = np.flatnonzero(leads | lone)
    step = np.where(leads[start, None], np.append(xy[1:], xy[-1:], axis=0)[start] - xy[start], 0.0)
    count = np.maximum(np.ceil(np.hypot(*step.T) / _BIT_M), 1).astype(np.int64)
    bit = np.repeat(np.arange(len(start)), count)
    turn = np.arange(len(bit)) - np.repeat(np.cumsum(count) - count, count)
    step = step[bit] / count[bit, None]
    return xy[start[bit]] + step * (turn + 0.5)[:, None], np.abs(step) / 2, owner[start[bit]]


@dataclass(frozen=True)
class Obstacles:
    """What a connection must not cross: other parcels, and barriers; `unsure` where some of them may be missing."""

    parcels: Shapes
    barriers: Shapes
    unsure: bool

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return _grown(self.parcels)

    @cached_property
    def _barriers(self) -> shapely.STRtree:
        return _grown(self.barriers)

    def bars(self, ways: Shapes, parcel: Ints) -> Bools:
        """Tell which straight ways run through another parcel or touch a barrier."""
        barred = np.zeros(len(ways), dtype=bool)
        if len(ways) == 0:
            return barred
        if len(self.barriers):
            barred[self._barriers.query(ways, predicate="intersects")[0]] = True
        way, other = self._tree.query(ways)
        foreign = (other != parcel[way]) & ~barred[way]
        way, other = way[foreign], other[foreign]
        deep = _within_m(ways[way], shapely.bounds(self.parcels[other]))
        rows = np.flatnonzero(deep > 0.9 * _GRAZE_M)  # a little less: the two lengths round differently
        rows = rows[np.lexsort((-deep[rows], way[rows]))]
        # The parcel that a way runs through longest, by its box, mostly bars it: then no other is asked.
        head = np.diff(way[rows], prepend=-1) != 0
        for mine in (rows[head], rows[~head]):
            mine = mine[~barred[way[mine]]]
            mine = mine[shapely.intersects(ways[way[mine]], self.parcels[other[mine]])]
            inside = shapely.length(shapely.intersection(ways[way[mine]], self.parcels[other[mine]]))
            barred[way[mine[inside > _GRAZE_M]]] = True
        return barred


def _grown(shapes: Shapes) -> shapely.STRtree:
    """Make a tree that is ready for several threads: it is built on first use, and that must be over before."""
    tree = shapely.STRtree(shapes)
    tree.query(shapely.Point(0, 0))
    return tree


def _within_m(ways: Shapes, box: Floats) -> Floats:
    """Measure how far straight ways run within boxes; within what a box holds they run no farther."""
    ends = shapely.get_coordinates(ways).reshape(-1, 2, 2)
    start, step = ends[:, 0], ends[:, 1] - ends[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = (box[:, :2] - start) / step, (box[:, 2:] - start) / step
    flat = step == 0
    beside = flat & ((start < box[:, :2]) | (start > box[:, 2:]))
    enter = np.where(flat, 0.0, np.minimum(one, two)).max(axis=1).clip(0.0)
    leave = np.where(flat, 1.0, np.maximum(one, two)).min(axis=1).clip(max=1.0)
    share = np.where(beside.any(axis=1), 0.0, np.maximum(leave - enter, 0.0))
    return np.asarray(share * np.hypot(*step.T))


def unbarred(near: Near, obstacles: Obstacles, candidates: tuple[Shapes, Ints], reach_m: Floats) -> tuple[Near, Bools]:
    """Replace barred candidates by the nearest of their group that is not barred.

    Parameters
    ----------
    near
        What is nearest as the crow flies.
    obstacles
        Other parcels and barriers.
    candidates
        Shapes and their groups, as given to `nearest`.
    reach_m
        Largest distance for each group.

    Returns
    -------
    tuple
        The same rows with candidate and distance replaced, and a mask of the rows for which every way is barred (those
        keep what they had).
    """
    shapes, group = candidates
    barred = np.zeros(len(near.parcel), dtype=bool)

    def struck(rows: Ints) -> Bools:
        ways = shapely.shortest_line(obstacles.parcels[near.parcel[rows]], shapes[near.candidate[rows]])
        return obstacles.bars(ways, near.parcel[rows])

    apart = np.flatnonzero(near.distance_m > 0)
    for rows, hit in _in_blocks(struck, apart, _BLOCK):
        barred[rows] = hit
    stuck = np.flatnonzero(barred)
    if len(stuck) == 0:
        return near, barred
    tree = _grown(shapes)

    def around(rows: Ints) -> tuple[Ints, Ints, Floats]:
        mine = Near(near.parcel[rows], near.group[rows], near.candidate[rows], near.distance_m[rows])
        return _around(mine, obstacles, (tree, shapes, group), reach_m)

    candidate, distance = near.candidate.copy(), near.distance_m.copy()
    for rows, (row, other, gap) in _in_blocks(around, stuck, _STUCK):
        found = rows[row]
        candidate[found], distance[found], barred[found] = other, gap, False
    return Near(near.parcel, near.group, candidate, distance), barred


def _in_blocks(work: Callable[[Ints], Found], rows: Ints, size: int) -> Iterator[tuple[Ints, Found]]:
    """Do some work on blocks of rows, several at a time."""
    blocks = [rows[i : i + size] for i in range(0, len(rows), size)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from zip(blocks, pool.map(work, blocks), strict=True)


def _around(
    near: Near, obstacles: Obstacles, candidates: tuple[shapely.STRtree, Shapes, Ints], reach_m: Floats
) -> tuple[Ints, Ints, Floats]:
    """Look around parcels for the nearest candidate that is not barred: row, candidate, distance of those found."""
    tree, shapes, group = candidates
    parcels = obstacles.parcels[near.parcel]
    reach = reach_m[near.group]
    row, other = tree.query(shapely.box(*(shapely.bounds(parcels) + reach[:, None] * _GROW).T))
    same = group[other] == near.group[row]
    row, other = row[same], other[same]
    spots, pair = _spots(shapes[other], (parcels[row], reach[row]))
    row, other = row[pair], other[pair]
    ways = shapely.shortest_line(parcels[row], spots)
    gap = shapely.length(ways)
    close = gap <= reach[row]
    row, other, ways, gap = row[close], other[close], ways[close], gap[close]
    free = ~obstacles.bars(ways, near.parcel[row])
    row, other, gap = row[free], other[free], gap[free]
    order = np.lexsort((other, gap, row))
    first = order[np.flatnonzero(np.diff(row[order], prepend=-1))]
    return row[first], other[first], gap[first]


def _spots(shapes: Shapes, near: tuple[Shapes, Floats]) -> tuple[Shapes, Ints]:
    """Set points along candidates, a metre apart and at every vertex, where they can be in reach of their parcel."""
    parcels, reach_m = near
    close = np.flatnonzero(shapely.dwithin(parcels, shapes, reach_m))
    length = shapely.length(shapes[close])
    count = np.floor(length / _STEP_M).astype(np.int64) + 1
    pair = np.repeat(close, count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    is_line = shapely.get_type_id(shapes[pair]) == 1
    spots = shapes[pair].copy()
    spots[is_line] = shapely.line_interpolate_point(shapes[pair[is_line]], step[is_line] * _STEP_M)
    vertex, owner = shapely.get_coordinates(shapes[close], return_index=True)
    return np.concatenate([spots, shapely.points(vertex)]), np.concatenate([pair, close[owner]])
