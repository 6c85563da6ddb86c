"""Meetings: where the lines of one layer lie on each other, and where they cross, found on columns of stretches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from gisplan.networks.joints import NOISE_M

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]

ON_M = 0.01
"""Lines this near lie on each other: files write coordinates to the centimetre at worst, and no two pipes fit in."""
_PARALLEL = 0.035
"""Sine of the largest angle (2 degrees) between stretches that lie on each other."""
_CROSSING = 1e-3
"""Sine of the smallest angle at which stretches cross; below it they run along each other."""
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Crossed:
    """Where two lines cross or touch: their numbers (``a < b``), the place, and the sine of the angle between them."""

    a: Ints
    b: Ints
    xy: Floats
    sine: Floats


@dataclass(frozen=True)
class Shared:
    """Stretches that two lines share: their numbers (``a < b``), and where each stretch begins and ends."""

    a: Ints
    b: Ints
    start: Floats
    stop: Floats

    @property
    def length_m(self) -> Floats:
        """Length of each stretch."""
        return np.asarray(np.hypot(*(self.stop - self.start).T), dtype=float)


@dataclass(frozen=True)
class _Stretches:
    """Straight stretches of lines, one pair of vertices each; those of a line stand together from ``first`` on."""

    start: Floats
    stop: Floats
    first: Ints
    count: Ints

    @classmethod
    def of(cls, lines: Shapes) -> _Stretches:
        if not len(lines):
            none = np.empty(0, np.int64)
            return cls(np.empty((0, 2)), np.empty((0, 2)), none, none)
        _, xy, (offsets,) = shapely.to_ragged_array(lines)
        inner = np.ones(len(xy), dtype=bool)
        inner[offsets[1:] - 1] = False
        at = np.flatnonzero(inner)
        count = np.diff(offsets).astype(np.int64) - 1
        return cls(xy[at, :2], xy[at + 1, :2], np.cumsum(count) - count, count)


def neighbours(lines: Shapes, near_m: float) -> tuple[Ints, Ints]:
    """Find the pairs of lines (``a < b``) whose boxes are no further apart than a distance."""
    if not len(lines):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    boxes = shapely.bounds(lines).reshape(-1, 2, 2) + np.array([[-near_m], [near_m]]) / 2
    diagonals = shapely.linestrings(boxes)  # a tree looks at boxes only, and a diagonal has the same box
    a, b = shapely.STRtree(diagonals).query(diagonals)
    once = a < b
    return a[once].astype(np.int64), b[once].astype(np.int64)


def meet(lines: Shapes, pairs: tuple[Ints, Ints]) -> tuple[Crossed, Shared]:
    """Find where lines cross or touch, and the stretches that they share.

    Lines that meet at a vertex of both meet up to four times over, once for every pair of stretches there.

    Parameters
    ----------
    lines
        LineStrings.
    pairs
        Lines to be compared, from `neighbours` with `ON_M` or more.
    """
    crossed, shared = [], []
    stretches = _Stretches.of(lines)
    for line, (a, b) in _near(pairs, stretches, shapely.bounds(lines).reshape(-1, 4)):
        given = (stretches.start[a], stretches.stop[a], stretches.start[b], stretches.stop[b])
        which, xy, sine = _cross(given)
        crossed.append((line[0][which], line[1][which], xy, sine))
        which, start, stop = _share(given)
        shared.append((line[0][which], line[1][which], start, stop))
    no, none = np.empty(0, np.int64), np.empty((0, 2))
    return (
        Crossed(*(np.concatenate(part) for part in zip((no, no, none, np.empty(0)), *crossed, strict=True))),
        Shared(*(np.concatenate(part) for part in zip((no, no, none, none), *shared, strict=True))),
    )


def _near(
    pairs: tuple[Ints, Ints], stretches: _Stretches, boxes: Floats
) -> Iterator[tuple[tuple[Ints, Ints], tuple[Ints, Ints]]]:
    """Give the pairs of stretches of paired lines whose boxes touch, a portion at a time: lines, stretches."""
    a, b = pairs
    low, high = np.minimum(stretches.start, stretches.stop) - ON_M, np.maximum(stretches.start, stretches.stop) + ON_M
    for rows in _portions(stretches.count[a]):
        pair, one = _spread(rows, stretches.first[a[rows]], stretches.count[a[rows]])
        near = _touch((low[one], high[one]), (boxes[b[pair], :2], boxes[b[pair], 2:]))
        pair, one = pair[near], one[near]
        for part in _portions(stretches.count[b[pair]]):
            at, two = _spread(part, stretches.first[b[pair[part]]], stretches.count[b[pair[part]]])
            mine = one[at]
            near = _touch((low[mine], high[mine]), (low[two], high[two]))
            kept = pair[at[near]]
            yield (a[kept], b[kept]), (mine[near], two[near])


def _touch(one: tuple[Floats, Floats], two: tuple[Floats, Floats]) -> npt.NDArray[np.bool_]:
    """Tell which boxes, given by their low and high corners, touch."""
    (low, high), (least, most) = one, two
    near = (high[:, 0] >= least[:, 0]) & (low[:, 0] <= most[:, 0])
    return np.asarray(near & (high[:, 1] >= least[:, 1]) & (low[:, 1] <= most[:, 1]))


def _portions(count: Ints) -> Iterator[Ints]:
    """Divide rows into portions of which each makes a bounded number of pairs."""
    if len(count):
        yield from np.split(np.arange(len(count)), np.flatnonzero(np.diff(np.cumsum(count) // _AT_ONCE)) + 1)


def _spread(rows: Ints, first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """Give for each row the numbers from its first on, one after the other, and beside each the row."""
    start = np.repeat(first - (np.cumsum(count) - count), count)
    return np.repeat(rows, count), start + np.arange(int(count.sum()))


def _turn(a: Floats, b: Floats) -> Floats:
    """Give the cross product of vectors."""
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], dtype=float)


def _cross(given: tuple[Floats, Floats, Floats, Floats]) -> tuple[Ints, Floats, Floats]:
    """Find which pairs of stretches cross or touch at an angle, where, and the sine of the angle."""
    start, stop, other, end = given
    way, across, gap = stop - start, end - other, other - start
    far, wide = np.hypot(*way.T), np.hypot(*across.T)
    turn = _turn(way, across)
    with np.errstate(divide="ignore", invalid="ignore"):  # parallel stretches and those of no length do not cross
        sine = np.abs(turn) / (far * wide)
        along, beside = _turn(gap, across) / turn, _turn(gap, way) / turn
        inside = (along >= -NOISE_M / far) & (along <= 1 + NOISE_M / far)
        inside &= (beside >= -NOISE_M / wide) & (beside <= 1 + NOISE_M / wide)
    which = np.flatnonzero(inside & (sine > _CROSSING))
    return which, start[which] + along[which, None] * way[which], sine[which]


def _share(given: tuple[Floats, Floats, Floats, Floats]) -> tuple[Ints, Floats, Floats]:
    """Find which pairs of stretches lie on each other as far as both reach, and from where to where."""
    start, stop, other, end = given
    far = np.hypot(*(stop - start).T)
    with np.errstate(divide="ignore", invalid="ignore"):  # stretches of no length, and those across, share nothing
        way = (stop - start) / far[:, None]
        first, last = (way * (other - start)).sum(axis=1), (way * (end - start)).sum(axis=1)
        low, high = np.maximum(0.0, np.minimum(first, last)), np.minimum(far, np.maximum(first, last))
        aside, slope = _turn(way, other - start), _turn(way, end - other) / (last - first)
        # Lines that part at a narrow angle are near each other for a while, but not as far as both reach.
        lies = (np.abs(aside + slope * (low - first)) <= ON_M) & (np.abs(aside + slope * (high - first)) <= ON_M)
    which = np.flatnonzero(lies & (high > low) & (np.abs(slope) <= _PARALLEL))
    return which, start[which] + low[which, None] * way[which], start[which] + high[which, None] * way[which]
