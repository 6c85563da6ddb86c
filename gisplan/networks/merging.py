"""Merging: which ends of lines, and which points, are one joint.

Two ends may be one if they lie within the tolerance of each other, or both of one point, and are not the two ends of
one line. Ends become one joint only if every two of them may, the nearest first; so no joint is wider than the
tolerance save across a point, no chain of gaps runs on, and no line is lost in a joint.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial import cKDTree

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DECIMALS = 6
"""Gaps that differ by less than a micrometre are equal: what is nearer must not hang on the rounding of coordinates."""


@dataclass(frozen=True)
class Merged:
    """Joints of ends, and what made them.

    Attributes
    ----------
    joint
        Joint of every end, numbered by the first end of each.
    a, b
        Ends whose spots each union brought together (the first end on each spot): unions by equal number first, then
        the others, the nearest first. They are a forest: without one of them its joint falls in two there.
    gap_m
        Distance between the two spots of each union.
    refused_a, refused_b, refused_gap_m
        The nearest ends of every two joints that were left apart though these ends lie within the tolerance. The two
        ends of a line that is itself shorter than the tolerance are not listed.
    refused_wide
        Whether two joints were left apart because one joint of both would be wider than the tolerance; else because
        a line leads from the one to the other.
    """

    joint: Ints
    a: Ints
    b: Ints
    gap_m: Floats
    refused_a: Ints
    refused_b: Ints
    refused_gap_m: Floats
    refused_wide: Bools


@dataclass(frozen=True)
class _Spots:
    """Different spots; an end with a number is another spot than one without that lies on it.

    ``spot`` of each end, ``first`` end of each spot, its place, its number; ``same`` are pairs of spots on one place
    that are one joint, ``chained`` those of one number.
    """

    spot: Ints
    first: Ints
    xy: Floats
    number: Ints
    same: Ints
    chained: Ints


@dataclass(frozen=True)
class _Pairs:
    """Pairs of spots and the gap between them."""

    a: Ints
    b: Ints
    gap_m: Floats

    def only(self, kept: Bools | Ints) -> _Pairs:
        return _Pairs(self.a[kept], self.b[kept], self.gap_m[kept])


def merge(ends: Floats, line: Ints, number: Ints, reach_m: Floats) -> Merged:
    """Merge ends into joints: every two of them within the tolerance, nearest first, never both ends of one line.

    Parameters
    ----------
    ends
        Coordinates of the ends, in metres, shape (e, 2).
    line
        Line that each end belongs to; -1 for a point.
    number
        Joint number of each end; 0 for none. Equal numbers are one joint wherever they lie, different ones never.
    reach_m
        Tolerance of each end: a gap is closed that is not wider (``<=``) than the larger tolerance of its two ends.

    Notes
    -----
    The gap between two joints is that of their two farthest ends; two ends beside one point are as far apart as the
    farther of them is from the point. Ends on the very same spot are one joint whatever the lines; a line whose two
    ends lie on one spot is a ring. Of equal gaps the one of the earlier ends goes first.

    >>> ends = np.array([[0, 0], [10, 0], [10.2, 0], [10.5, 0], [10.6, 0], [20, 0]], dtype=float)
    >>> merge(ends, np.array([0, 0, 1, 1, 2, 2]), np.zeros(6, dtype=int), np.full(6, 0.5)).joint
    array([0, 1, 1, 2, 2, 3])
    """
    found, base, number_of, may, near = _candidates(ends, line, number, reach_m)
    rough = _grown(may, len(number_of))[base]
    kept = near.only(rough[near.a] == rough[near.b])
    unions = kept.only(_forest(base[kept.a], base[kept.b], len(number_of)))
    group = _components(np.column_stack([base[unions.a], base[unions.b]]), len(number_of))
    refused, wide = _refused(near, group[base], (line, found.spot))
    a, b = found.chained.T
    return Merged(
        joint=pd.factorize(group[base[found.spot]])[0].astype(np.int64),
        a=found.first[np.concatenate([a, unions.a])],
        b=found.first[np.concatenate([b, unions.b])],
        gap_m=np.concatenate([np.hypot(*(found.xy[a] - found.xy[b]).T), unions.gap_m]),
        refused_a=found.first[refused.a],
        refused_b=found.first[refused.b],
        refused_gap_m=refused.gap_m,
        refused_wide=wide,
    )


def heights(ends: Floats, line: Ints, reach_m: float) -> tuple[Ints, Ints, Floats]:
    """Merge ends as `merge` does, and say at which tolerance each union comes about.

    What `merge` makes at a smaller tolerance are the unions up to it: one run holds the answer for all of them.

    Returns
    -------
    tuple
        Ends that stand for the two joints of each union, and the tolerance from which on it is made; the least first.
    """
    nothing = np.zeros(len(ends), dtype=np.int64)
    found, _, number_of, may, _ = _candidates(ends, line, nothing, np.full(len(ends), reach_m))
    lone = np.bincount(np.concatenate([may.a, may.b]), minlength=len(number_of)) == 1
    alone = lone[may.a] & lone[may.b]
    steps = _steps(may.only(~alone))
    a, b = (
        np.concatenate([pair[alone], [s[k] for s in steps]]).astype(np.int64) for k, pair in enumerate((may.a, may.b))
    )
    height = np.concatenate([may.gap_m[alone], [s[2] for s in steps]])
    order = np.lexsort((b, a, height))
    return found.first[a[order]], found.first[b[order]], height[order]


def _candidates(ends: Floats, line: Ints, number: Ints, reach_m: Floats) -> tuple[_Spots, Ints, Ints, _Pairs, _Pairs]:
    """Find the spots, the node and number of each, which pairs of nodes may be one, and which spots are near."""
    found = _spots(ends, line, number)
    base = _components(np.concatenate([found.same, found.chained]), len(found.first))
    count = int(base.max(initial=-1)) + 1
    number_of = np.zeros(count, dtype=np.int64)
    np.maximum.at(number_of, base, found.number)
    reach = np.full(len(found.first), np.inf)
    np.minimum.at(reach, found.spot, reach_m)  # what lies on one spot is as sure as the surest of it
    near = _near(found, reach)
    bare = number_of[base] == 0
    near = near.only((base[near.a] != base[near.b]) & (bare[near.a] | bare[near.b]))
    point = np.zeros(count, dtype=bool)
    point[base[found.spot[line < 0]]] = True
    may = _between(near, reach, base, point)
    spans = np.sort(_spans(line, base[found.spot]), axis=1)
    barred = np.isin(may.a * count + may.b, spans[:, 0] * count + spans[:, 1])
    barred |= (number_of[may.a] > 0) & (number_of[may.b] > 0)
    return found, base, number_of, may.only(~barred), near


def _spots(ends: Floats, line: Ints, number: Ints) -> _Spots:
    """Find the different spots, numbered by their first end, and which of them are one joint whatever the gaps."""
    place = spot = pd.factorize(ends[:, 0] + 1j * ends[:, 1])[0].astype(np.int64)
    numbered = bool(number.any())
    if numbered:
        tag, known = pd.factorize(number)
        spot = pd.factorize(place * len(known) + tag)[0].astype(np.int64)
    count = int(spot.max(initial=-1)) + 1
    first = np.empty(count, dtype=np.int64)
    first[spot[::-1]] = np.arange(len(ends))[::-1]
    same = chained = np.empty((0, 2), dtype=np.int64)
    if numbered:
        # What has no number belongs to the first number on its place, that of the first line of the file that ends
        # there; two numbers on one place stay two.
        bare = number[first] == 0
        early = np.full(count, 2 * len(ends))
        np.minimum.at(early, spot, np.where(line >= 0, line, len(ends) + np.arange(len(ends))))
        order = np.lexsort((np.arange(count), early, bare, place[first]))
        head = order[np.searchsorted(place[first][order], place[first])]
        same = np.column_stack([head, np.arange(count)])[bare & (head != np.arange(count))]
        order = np.lexsort((np.arange(count), number[first]))
        order = order[~bare[order]]
        equal = number[first][order][1:] == number[first][order][:-1]
        chained = np.column_stack([order[:-1][equal], order[1:][equal]])
    return _Spots(spot, first, ends[first], number[first], same, chained)


def _components(pairs: Ints, count: int) -> Ints:
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _near(found: _Spots, reach: Floats) -> _Pairs:
    """List the pairs of spots within the larger tolerance of the two, the nearest first."""
    parts = [np.empty((0, 2), dtype=np.int64)]
    tighter = np.empty(0, dtype=np.int64)
    for r in np.unique(reach).tolist():
        wide = r + 10.0**-DECIMALS  # the tree rounds in another way than what decides below
        rows = np.flatnonzero(reach == r)
        tree = cKDTree(found.xy[rows], balanced_tree=False, compact_nodes=False)
        parts.append(rows[tree.query_pairs(wide, output_type="ndarray")])
        if len(tighter):
            other = cKDTree(found.xy[tighter], balanced_tree=False, compact_nodes=False)
            near = tree.sparse_distance_matrix(other, wide, output_type="ndarray")
            parts.append(np.column_stack([rows[near["i"]], tighter[near["j"]]]))
        tighter = np.concatenate([tighter, rows])
    pairs = np.sort(np.concatenate(parts), axis=1).astype(np.int64)
    a, b = pairs.T
    gap = np.hypot(*(found.xy[a] - found.xy[b]).T)
    kept = np.round(gap, DECIMALS) <= np.maximum(reach[a], reach[b])
    a, b, gap = a[kept], b[kept], gap[kept]
    order = np.lexsort((b, a, np.round(gap, DECIMALS)))
    return _Pairs(a[order], b[order], gap[order])


def _spans(line: Ints, node: Ints) -> Ints:
    """Give the two nodes that each line leads from and to; rings and points lead nowhere."""
    of_line = np.flatnonzero(line >= 0)
    order = of_line[np.argsort(line[of_line], kind="stable")]
    both = line[order][1:] == line[order][:-1]
    spans = np.column_stack([node[order[:-1][both]], node[order[1:][both]]])
    return spans[spans[:, 0] != spans[:, 1]]


def _between(near: _Pairs, reach: Floats, base: Ints, point: Bools) -> _Pairs:
    """Give the gap of every two nodes: the smallest between their spots, or beside one point; smallest first.

    An end is beside a point only within its own tolerance: a point of a coarse survey closes no gap of a fine one.
    """
    one, two, gap = base[near.a], base[near.b], np.round(near.gap_m, DECIMALS)
    first, second = point[one] & (gap <= reach[near.b]), point[two] & (gap <= reach[near.a])
    beside = np.concatenate([np.column_stack([one, two])[first], np.column_stack([two, one])[second]])
    away = np.concatenate([gap[first], gap[second]])
    a, b = np.sort([one, two], axis=0)
    order = np.lexsort((away, beside[:, 0]))
    beside, away = beside[order], away[order]
    # Each of the ends beside a point is paired with those that come after it: i-th with (i+1)-th, (i+2)-th, ...
    last = np.searchsorted(beside[:, 0], beside[:, 0], side="right")
    times = last - np.arange(len(beside)) - 1
    this = np.repeat(np.arange(len(beside)), times)
    that = this + 1 + np.arange(len(this)) - np.repeat(np.cumsum(times) - times, times)
    low, high = np.sort([beside[this, 1], beside[that, 1]], axis=0)
    a, b, gap = np.concatenate([a, low]), np.concatenate([b, high]), np.concatenate([gap, away[that]])
    order = np.lexsort((b, a, gap))
    order = order[a[order] != b[order]]
    order = order[~pd.Series(a[order] * len(point) + b[order]).duplicated().to_numpy()]
    return _Pairs(a[order], b[order], gap[order])


def _grown(may: _Pairs, count: int) -> Ints:
    """Make joints of nodes of which every two may be one."""
    group = _components(np.column_stack([may.a, may.b]), count)
    size = np.bincount(group, minlength=1)
    pairs = np.bincount(group[may.a], minlength=len(size))
    open_ = (pairs < size * (size - 1) // 2)[group]  # not every two of the group may be one
    steps = _steps(may.only(open_[may.a]))
    made = np.asarray([(i, j) for i, j, _ in steps], dtype=np.int64).reshape(-1, 2)
    closed = ~open_[may.a]
    return _components(np.concatenate([np.column_stack([may.a, may.b])[closed], made]), count)


def _steps(may: _Pairs) -> list[tuple[int, int, float]]:
    """Unite nodes one after the other, nearest first, as long as every two may be one; each is called by its first."""
    near: dict[int, dict[int, float]] = {}
    queue = list(zip(may.gap_m.tolist(), may.a.tolist(), may.b.tolist(), strict=True))  # sorted, so it is a heap
    for gap, i, j in queue:
        near.setdefault(i, {})[j] = gap
        near.setdefault(j, {})[i] = gap
    steps = []
    while queue:
        gap, i, j = heapq.heappop(queue)
        if i not in near or j not in near or near[i].get(j) != gap:
            continue
        mine, other = near[i], near.pop(j)
        del mine[j], other[i]
        for k in other:
            del near[k][j]
        for k in [k for k in mine if k not in other]:
            del mine[k], near[k][i]
        for k in mine:
            if other[k] > mine[k]:
                mine[k] = near[k][i] = other[k]
                heapq.heappush(queue, (other[k], min(i, k), max(i, k)))
        steps.append((i, j, gap))
    return steps


def _forest(a: Ints, b: Ints, count: int) -> Ints:
    """Choose the pairs (nearest first as given) that hold all together and close no circle."""
    rows = np.flatnonzero(~pd.Series(np.minimum(a, b) * count + np.maximum(a, b)).duplicated().to_numpy())
    ranks = coo_array((rows + 1.0, (np.minimum(a, b)[rows], np.maximum(a, b)[rows])), shape=(count, count))
    tree = minimum_spanning_tree(ranks.tocsr())
    return np.sort(np.asarray(tree.data, dtype=np.int64) - 1)


def _refused(near: _Pairs, group: Ints, ends: tuple[Ints, Ints]) -> tuple[_Pairs, Bools]:
    """List the nearest pair of every two joints that were left apart, and whether for their width."""
    line, spot = ends
    count = len(group)
    own = np.sort(_spans(line, spot), axis=1)
    pairs = near.only(group[near.a] != group[near.b])
    pairs = pairs.only(~np.isin(pairs.a * count + pairs.b, own[:, 0] * count + own[:, 1]))
    low, high = np.sort([group[pairs.a], group[pairs.b]], axis=0)
    first = ~pd.Series(low * count + high).duplicated().to_numpy()
    linked = np.sort(_spans(line, group[spot]), axis=1)
    guard = np.isin((low * count + high)[first], linked[:, 0] * count + linked[:, 1])
    return pairs.only(first), ~guard
