"""The drawing: lines and points that are to be joined, and how far off each of their surveys may be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import shapely

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Drawing:
    """What is to be joined: lines, points, and how they may join.

    An *end* is the start of a line, the end of a line, or a point; ends are counted in this order, so that line ``i``
    of ``n`` has the ends ``i`` and ``n + i``, and point ``k`` is end ``2 n + k``.

    Attributes
    ----------
    lines
        LineStrings, 2-D.
    points
        Coordinates of points that are joints of the network, shape (p, 2).
    line_first, point_first
        Whether a line, a point belongs to the first tier (operates, and is no mere stub).
    line_reach_m, point_reach_m
        Tolerance of the survey that each line, each point comes from [m].
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
    line_reach_m: Floats
    point_reach_m: Floats
    numbers: Ints
    point_number: Ints
    point_leaf: Bools
    deck: Ints | None = None

    @cached_property
    def ragged(self) -> tuple[Floats, Ints]:
        """Vertices of all lines, one after the other, and where each line begins."""
        if len(self.lines) == 0:
            return np.empty((0, 2)), np.zeros(1, dtype=np.int64)
        _, xy, (offsets,) = shapely.to_ragged_array(self.lines)
        return xy[:, :2], offsets.astype(np.int64)

    @cached_property
    def ends(self) -> Floats:
        """Coordinates of all ends, shape (2 n + p, 2)."""
        xy, offsets = self.ragged
        return np.concatenate([xy[offsets[:-1]], xy[offsets[1:] - 1], self.points])

    @cached_property
    def line(self) -> Ints:
        """Line of every end; -1 for points."""
        rows = np.arange(len(self.lines), dtype=np.int64)
        return np.concatenate([rows, rows, np.full(len(self.points), -1)])

    @cached_property
    def number(self) -> Ints:
        """Joint number of every end; 0 where there is none."""
        return np.concatenate([self.numbers[:, 0], self.numbers[:, 1], self.point_number])

    @cached_property
    def first(self) -> Bools:
        """Whether each end belongs to the first tier."""
        return np.concatenate([self.line_first, self.line_first, self.point_first])

    @cached_property
    def leaf(self) -> Bools:
        """Whether each end is a mere stub or hydrant."""
        return np.concatenate([np.zeros(2 * len(self.lines), dtype=bool), self.point_leaf])

    @cached_property
    def reach_m(self) -> Floats:
        """Tolerance of each end [m]."""
        return np.concatenate([self.line_reach_m, self.line_reach_m, self.point_reach_m])
