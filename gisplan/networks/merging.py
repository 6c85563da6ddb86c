"""Merging: which ends of lines, and which points, are one joint; the nearest first, and never both ends of one line.

Two rules are all there is. Of all gaps within the tolerance the smallest is closed first. No gap is closed that would
put both ends of one line, or two different joint numbers, into one joint. Ends on the very same spot need no rule.
"""

from __future__ import annotations

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
    spot
        Spot of every end: what is one joint without any union, because it lies on the very same place.
    a, b
        Ends whose spots each union brought together (the first end on each spot): unions by equal number first, then
        the others, the nearest first. They are a forest: without one of them its joint falls in two there.
    gap_m
        Distance between the two spots of each union.
    refused_a, refused_b, refused_gap_m
        The nearest ends of two joints that were left apart, though within the tolerance, because a line leads from one
        joint to the other. The two ends of a line that is itself shorter than the tolerance are not listed.
    """

    joint: Ints
    spot: Ints
    a: Ints
    b: Ints
    gap_m: Floats
    refused_a: Ints
    refused_b: Ints
    refused_gap_m: Floats

    def without(self, undone: Bools) -> Ints:
        """Give the joint of every end when some unions are undone, numbered by the first end of each."""
        kept = np.column_stack([self.spot[self.a], self.spot[self.b]])[~undone]
        group = _components(kept, int(self.spot.max(initial=-1)) + 1)
        return pd.factorize(group[self.spot])[0].astype(np.int64)


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
    """Merge ends into joints: nearest first, never both ends of one line, never two different numbers.

    Parameters
    ----------
    ends
        Coordinates of the ends, in metres, shape (e, 2).
    line
        Line that each end belongs to; -1 for a point.
    number
        Joint number of each end; 0 for none. Equal numbers are one joint wherever they lie.
    reach_m
        Tolerance of each end: a gap is closed that is not wider (``<=``) than the larger tolerance of its two ends.

    Notes
    -----
    Ends on the very same spot are one joint whatever the lines; a line whose two ends lie on one spot is a ring. Of
    equal gaps the one of the earlier ends goes first.

    >>> ends = np.array([[0, 0], [10, 0], [10.2, 0], [10.5, 0], [10.6, 0], [20, 0]], dtype=float)
    >>> merge(ends, np.array([0, 0, 1, 1, 2, 2]), np.zeros(6, dtype=int), np.full(6, 0.5)).joint
    array([0, 1, 1, 2, 2, 3])
    """
    found = _spots(ends, number)
    count = len(found.first)
    own = _components(found.same, count)
    base = _components(np.concatenate([found.same, found.chained]), count)
    pairs = _near(found, reach_m)
    node_number = np.zeros(int(base.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(node_number, base, found.number)
    bare = node_number[base] == 0
    pairs = pairs.only((base[pairs.a] != base[pairs.b]) & (bare[pairs.a] | bare[pairs.b]))
    spans = _spans(line, base[found.spot])
    chosen, left = _chosen(_Pairs(base[pairs.a], base[pairs.b], pairs.gap_m), spans, node_number)
    unions = pairs.only(chosen)
    group = _components(np.column_stack([base[unions.a], base[unions.b]]), len(node_number))[base]
    refused = _refused(pairs.only(left), group, (line, found.spot))
    a, b = found.chained.T
    return Merged(
        joint=pd.factorize(group[found.spot])[0].astype(np.int64),
        spot=pd.factorize(own[found.spot])[0].astype(np.int64),
        a=found.first[np.concatenate([a, unions.a])],
        b=found.first[np.concatenate([b, unions.b])],
        gap_m=np.concatenate([np.hypot(*(found.xy[a] - found.xy[b]).T), unions.gap_m]),
        refused_a=found.first[refused.a],
        refused_b=found.first[refused.b],
        refused_gap_m=refused.gap_m,
    )


def _spots(ends: Floats, number: Ints) -> _Spots:
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
        # What has no number belongs to the first number on its place; two numbers on one place stay two.
        bare = number[first] == 0
        order = np.lexsort((np.arange(count), bare, place[first]))
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


def _near(found: _Spots, reach_m: Floats) -> _Pairs:
    """List the pairs of spots within the larger tolerance of the two, the nearest first."""
    reach = np.zeros(len(found.first))
    np.maximum.at(reach, found.spot, reach_m)
    parts = [np.empty((0, 2), dtype=np.int64)]
    tighter = np.empty(0, dtype=np.int64)
    for r in np.unique(reach).tolist():
        wide = r * (1 + 1e-9)  # the tree rounds in another way than hypot below, which decides
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
    kept = gap <= np.maximum(reach[a], reach[b])
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


def _chosen(pairs: _Pairs, spans: Ints, number: Ints) -> tuple[Ints, Ints]:
    """Choose the pairs of nodes that are closed, nearest first, and those that are refused."""
    if len(pairs.a) == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    count = len(number)
    links = np.column_stack([np.minimum(pairs.a, pairs.b), np.maximum(pairs.a, pairs.b)])
    group = _components(links, count)
    inside = spans[group[spans[:, 0]] == group[spans[:, 1]]]
    torn = np.zeros(count, dtype=bool)
    torn[group[inside[:, 0]]] = True
    known = np.unique(np.column_stack([group, number])[number > 0], axis=0)[:, 0]
    torn[known[1:][known[1:] == known[:-1]]] = True
    doubtful = torn[group[links[:, 0]]]
    # Where nothing is in the way, nearest first is the shortest spanning tree; ranks keep the order of equal gaps.
    clean = np.flatnonzero(~doubtful)
    clean = clean[~pd.Series(links[clean, 0] * count + links[clean, 1]).duplicated().to_numpy()]
    ranks = coo_array((clean + 1.0, (links[clean, 0], links[clean, 1])), shape=(count, count))
    tree = minimum_spanning_tree(ranks.tocsr())
    more, refused = _one_by_one(np.flatnonzero(doubtful), links, inside, number)
    return np.sort(np.concatenate([np.asarray(tree.data, dtype=np.int64) - 1, more])), refused


def _one_by_one(rows: Ints, links: Ints, spans: Ints, number: Ints) -> tuple[Ints, Ints]:
    """Close pairs one after the other, but none that would bring both ends of a line or two numbers together."""
    chosen: list[int] = []
    refused: list[int] = []
    nodes = np.unique(links[rows])
    owner = list(range(len(nodes)))
    held: list[set[int]] = [set() for _ in owner]  # lines of which one end is in the joint
    for i, (start, end) in enumerate(np.searchsorted(nodes, spans).tolist()):
        held[start].add(i)
        held[end].add(i)
    numbers = number[nodes].tolist()
    for row, (i, j) in zip(rows.tolist(), np.searchsorted(nodes, links[rows]).tolist(), strict=True):
        while owner[i] != i:
            owner[i] = i = owner[owner[i]]
        while owner[j] != j:
            owner[j] = j = owner[owner[j]]
        if i == j or (numbers[i] and numbers[j] and numbers[i] != numbers[j]):
            continue
        if not held[i].isdisjoint(held[j]):
            refused.append(row)
            continue
        if len(held[i]) < len(held[j]):
            i, j = j, i
        held[i] |= held[j]
        held[j] = set()
        numbers[i] = numbers[i] or numbers[j]
        owner[j] = i
        chosen.append(row)
    return np.asarray(chosen, dtype=np.int64), np.asarray(refused, dtype=np.int64)


def _refused(pairs: _Pairs, group: Ints, ends: tuple[Ints, Ints]) -> _Pairs:
    """Keep the nearest of the refused pairs between two joints, but not the two ends of one short line."""
    line, spot = ends
    count = len(group)
    own = np.sort(_spans(line, spot), axis=1)
    pairs = pairs.only(~np.isin(pairs.a * count + pairs.b, own[:, 0] * count + own[:, 1]))
    low, high = np.sort([group[pairs.a], group[pairs.b]], axis=0)
    return pairs.only(~pd.Series(low * count + high).duplicated().to_numpy())
