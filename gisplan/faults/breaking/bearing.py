"""Bearing: which joints have no supply without one mend, and which have it by one mend alone, for all mends at once.

The mends are steps of a small graph in which many joints may hang on many mends. Nothing is walked anew for each mend
but what could differ: without a mend only what stands behind it on one way to the source, which is then looked at for
ways round; with it alone only what it reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, dijkstra

from gisplan.faults.breaking.mends import Arrows, reached
from gisplan.networks.forest import Forest

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_FREE = 1e-9
"""What a step without a mend costs beside one with a mend, so that ways lead over few mends."""
_CHUNK = 1 << 20
"""How many pairs of a mend and a joint are looked at together."""
_MARKS = 1 << 25
"""How many marks, one for every pair, are held at a time."""


@dataclass(frozen=True)
class Pairs:
    """Mends, and the number of what each of them concerns."""

    mend: Ints
    thing: Ints

    @classmethod
    def coded(cls, key: Ints, size: int) -> Pairs:
        """Take apart numbers that stand for both; `size` is how many things there are."""
        return cls(key // size, key % size)

    def code(self, size: int) -> Ints:
        """Give one number for both."""
        return self.mend * size + self.thing

    def take(self, rows: Ints | Bools | slice) -> Pairs:
        """Give some of them."""
        return Pairs(self.mend[rows], self.thing[rows])

    def plus(self, other: Pairs) -> Pairs:
        """Give these and others."""
        return Pairs(np.append(self.mend, other.mend), np.append(self.thing, other.thing))

    def of(self, known: Ints, value: Ints) -> Pairs:
        """Put in place of each thing all values that belong to it; `known` is sorted, a thing for each value."""
        pair, row = matches(known, self.thing)
        return Pairs(self.mend[pair], value[row])


@dataclass(frozen=True)
class Steps:
    """The steps that are there once all chosen mends are made.

    Attributes
    ----------
    arrows
        Steps between joints numbered ``0 … size - 1``, those of one mend by its number or -1.
    start
        The joint that has supply.
    size, mends
        How many joints and mends there are.
    """

    arrows: Arrows
    start: int
    size: int
    mends: int

    def live(self) -> Bools:
        """Tell which joints have supply when all mends are made."""
        return reached(self.arrows, self.start, self.size)

    def free(self) -> Bools:
        """Tell which joints have supply when none is."""
        return reached(self.arrows.take(self.arrows.guard < 0), self.start, self.size)


def lost(steps: Steps) -> Pairs:
    """Find, for every mend, the joints that have supply when all are made and none when this one is not.

    Parameters
    ----------
    steps
        All steps.
    """
    forest, guard, live = _ways(steps)
    # Behind a mend stands what hangs on a step that it guards; of steps one behind the other the last counts.
    top = np.flatnonzero(guard >= 0)
    top = top[np.lexsort((forest.start[top], guard[top]))]
    shift = guard[top] * (steps.size + 1)
    stop = np.maximum.accumulate(np.append(-1, shift + forest.start[top] + forest.size[top]))[:-1]
    top = top[stop <= shift + forest.start[top]]
    place = np.argsort(forest.start)  # in this order whatever hangs on a joint follows it
    found = [np.empty(0, dtype=np.int64)]
    alive = steps.arrows.take(live[steps.arrows.tail] & live[steps.arrows.head])
    alive = alive.take(np.argsort(alive.tail, kind="stable"))
    for part in _chunks(guard[top], forest.size[top]):
        behind, step = spread(forest.size[top[part]])
        joint = place[forest.start[top[part]][behind] + step]
        found.append(_no_way_round(steps, alive, np.sort(guard[top[part]][behind] * steps.size + joint)))
    return Pairs.coded(np.concatenate(found), steps.size)


def _ways(steps: Steps) -> tuple[Forest, Ints, Bools]:
    """Find one way for every joint, over few mends: the tree, the mend of each joint's own step, and who has a way."""
    a = steps.arrows
    order = np.lexsort((a.guard, a.tail, a.head))  # of parallel steps one that needs no mend, if there is one
    a = a.take(order[np.flatnonzero(np.diff(a.head[order] * steps.size + a.tail[order], prepend=-1))])
    links = csr_array((np.where(a.guard < 0, _FREE, 1.0), (a.head, a.tail)), shape=(steps.size, steps.size))
    effort, before = dijkstra(links, directed=True, indices=steps.start, return_predecessors=True)
    parent = np.where(before < 0, -1, before).astype(np.int64)
    guard = np.full(steps.size, -1, dtype=np.int64)
    hangs = np.flatnonzero(parent >= 0)
    key = a.head * steps.size + a.tail
    guard[hangs] = a.guard[np.searchsorted(key, parent[hangs] * steps.size + hangs)]
    return Forest(parent), guard, np.isfinite(effort)


def _chunks(guard: Ints, count: Ints) -> Iterator[slice]:
    """Cut rows that are sorted by mend into pieces of some number of pairs, never through the rows of one mend."""
    heads = np.flatnonzero(np.diff(guard, prepend=-1))
    before = np.append(0, np.cumsum(count))[heads]
    first = heads[np.flatnonzero(np.diff(before // _CHUNK, prepend=-1))]
    for low, high in pairwise(np.append(first, len(guard))):
        yield slice(int(low), int(high))


def _no_way_round(steps: Steps, arrows: Arrows, key: Ints) -> Ints:
    """Leave of some pairs of a mend and a joint, given as sorted numbers, those that no other way leads round.

    `arrows` are sorted by tail.
    """
    behind = Pairs.coded(key, steps.size)
    pair, row = matches(arrows.tail, behind.thing)
    other = arrows.guard[row] != behind.mend[pair]
    pair, row = pair[other], row[other]
    wanted = behind.mend[pair] * steps.size + arrows.head[row]
    at = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
    at = np.where(key[at] == wanted, at, len(key))  # whatever does not stand behind the mend has supply
    links = csr_array((np.ones(len(pair), np.int8), (at, pair)), shape=(len(key) + 1, len(key) + 1))
    gone = np.ones(len(key) + 1, dtype=bool)
    gone[breadth_first_order(links, len(key), directed=True, return_predecessors=False)] = False
    return key[gone[:-1]]


def alone(steps: Steps) -> Pairs:
    """Find, for every mend, the joints that get supply if it is the only one that is made.

    Parameters
    ----------
    steps
        All steps.
    """
    there = steps.free()
    arrows = steps.arrows.take(~there[steps.arrows.tail])
    first = arrows.take(there[arrows.head] & (arrows.guard >= 0))
    arrows = arrows.take(~there[arrows.head])
    arrows = arrows.take(np.argsort(arrows.head, kind="stable"))
    found, width = [np.empty(0, dtype=np.int64)], min(max(_MARKS // steps.size, 1), max(steps.mends, 1))
    for low in range(0, steps.mends, width):
        mine = (first.guard >= low) & (first.guard < low + width)
        key = first.guard[mine] * steps.size + first.tail[mine]
        seen = np.zeros(width * steps.size, dtype=bool)
        while len(key):
            key = np.unique(key)
            key = key[~seen[key - low * steps.size]]
            seen[key - low * steps.size] = True
            key = _further(arrows, Pairs.coded(key, steps.size)).code(steps.size)
        found.append(np.flatnonzero(seen) + low * steps.size)
    return Pairs.coded(np.concatenate(found), steps.size)


def _further(arrows: Arrows, pairs: Pairs) -> Pairs:
    """Give the joints one step beyond those of some pairs, over what needs no mend but that one.

    `arrows` are sorted by head.
    """
    pair, row = matches(arrows.head, pairs.thing)
    may = (arrows.guard[row] < 0) | (arrows.guard[row] == pairs.mend[pair])
    return Pairs(pairs.mend[pair[may]], arrows.tail[row[may]])


def matches(known: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """Find all rows of a sorted column that hold what is wanted: which one wants it, and the row.

    >>> matches(np.array([2, 5, 5]), np.array([5, 1, 2]))
    (array([0, 0, 2]), array([1, 2, 0]))
    """
    low = np.searchsorted(known, wanted)
    which, step = spread(np.searchsorted(known, wanted, side="right") - low)
    return which, low[which] + step


def spread(count: Ints) -> tuple[Ints, Ints]:
    """Repeat rows as often as each is counted: the row, and the how-manieth of it.

    >>> spread(np.array([2, 0, 3]))
    (array([0, 0, 2, 2, 2]), array([0, 1, 0, 1, 2]))
    """
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(len(row)) - (np.cumsum(count) - count)[row]
