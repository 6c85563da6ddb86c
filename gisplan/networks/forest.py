"""Forests: trees given by parents, with sums over all that hangs on a node and the last node common to several ways.

Shortest ways to the sources are such a forest, and so is what hangs on what where single joins are essential.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Forest:
    """Trees as one array: the parent of every node, -1 for roots.

    >>> forest = Forest(np.array([-1, 0, 0, 1, 1]))
    >>> forest.sums(np.array([0.0, 0, 10, 1, 2]))
    array([13.,  3., 10.,  1.,  2.])
    >>> forest.meeting(np.array([3]), np.array([4])), forest.meeting(np.array([3]), np.array([2]))
    (array([1]), array([0]))
    """

    parent: Ints

    def climb(self, value: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Add up a value from every node to its root, both included."""
        total = np.append(value, 0)
        for jump in self._steps():
            total = total + total[jump]
        return total[:-1]

    def _steps(self) -> Iterator[Ints]:
        """Give ancestors 1, 2, 4, … steps up; beyond the roots lies one more node, which leads to itself.

        They are not kept: doubling again costs less than holding a dozen numbers for every joint of every service.
        """
        end = len(self.parent)
        jump = np.append(np.where(self.parent < 0, end, self.parent), end)
        yield jump
        while not (jump == end).all():
            jump = jump[jump]
            yield jump

    @cached_property
    def depth(self) -> Ints:
        """Number of steps to the root."""
        return np.asarray(self.climb(np.ones(len(self.parent), dtype=np.int64)) - 1)

    @cached_property
    def _levels(self) -> list[Ints]:
        """Nodes that are not roots by depth, the deepest first."""
        order = np.argsort(-self.depth, kind="stable")
        order = order[self.parent[order] >= 0]
        return np.split(order, np.flatnonzero(np.diff(self.depth[order])) + 1) if len(order) else []

    def sums(self, weight: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Add up what hangs on every node, its own weight included; one column or several."""
        total = np.array(weight, dtype=float)
        for rows in self._levels:
            np.add.at(total, self.parent[rows], total[rows])
        return total

    def least(self, value: Ints) -> Ints:
        """Find the smallest value of all that hangs on every node, itself included."""
        found = value.copy()
        for rows in self._levels:
            np.minimum.at(found, self.parent[rows], found[rows])
        return found

    def first(self, marked: Bools) -> Ints:
        """Find the first marked node on the way from every node to its root, both included; -1 where there is none."""
        end = len(self.parent)
        jump = next(self._steps())
        jump[:-1][marked] = np.flatnonzero(marked)
        while not np.array_equal(jump, jump[jump]):
            jump = jump[jump]
        return np.where(jump[:-1] == end, -1, jump[:-1])

    @cached_property
    def size(self) -> Ints:
        """Number of nodes that hang on every node, itself included."""
        return self.sums(np.ones(len(self.parent))).astype(np.int64)

    @cached_property
    def start(self) -> Ints:
        """Place of every node in an order in which whatever hangs on a node follows it directly."""
        order = np.argsort(self.parent, kind="stable")
        ahead = np.cumsum(self.size[order]) - self.size[order]
        heads = np.flatnonzero(np.diff(self.parent[order], prepend=-2))
        ahead -= np.repeat(ahead[heads], np.diff(np.append(heads, len(order))))
        own = np.empty(len(order), dtype=np.int64)
        own[order] = ahead
        return np.asarray(self.climb(own + (self.parent >= 0)))

    def holds(self, upper: Ints, lower: Ints) -> Bools:
        """Tell whether the way of `lower` to its root leads through `upper` (or begins there)."""
        gap = self.start[lower] - self.start[upper]
        return np.asarray((gap >= 0) & (gap < self.size[upper]))

    def meeting(self, a: Ints, b: Ints) -> Ints:
        """Find the first node that the ways of both share; -1 where they share none."""
        here, end = a.copy(), len(self.parent)
        start, size = np.append(self.start, -1), np.append(self.size, end + 1)  # beyond the roots holds everything
        steps = list(self._steps())
        for jump in reversed(steps):
            above = jump[here]
            apart = (start[b] < start[above]) | (start[b] >= start[above] + size[above])
            here[apart] = above[apart]
        apart = ~self.holds(here, b)
        here[apart] = steps[0][here[apart]]
        return np.where(here == end, -1, here)
