"""Doubts: which joins may be wrong, told from the drawing alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from gisplan.networks.drawing import Drawing
from gisplan.networks.joints import END_END, END_SIDE, NOISE_M, Proposed

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

CODES = ("rival", "crowded", "far")
"""Kinds of doubt, the gravest first.

``rival``: an end of another joint lies less than twice as far, be it the other end of the same line; ``crowded``:
another joint lies within the tolerance, or a line that leads from here is no longer than it; ``far``: two ends meet
here alone, over more than half of the tolerance.
"""
RIVAL, FAR = 2.0, 0.5
NEIGHBOURS = 16


def doubts_of(drawing: Drawing, proposed: Proposed) -> Texts:
    """Say for every join of a drawing what makes it doubtful; empty where nothing does, or nothing was guessed."""
    out = np.full(len(proposed), "", dtype=object)
    guessed = np.flatnonzero(np.isin(proposed.kind, (END_END, END_SIDE)) & (proposed.gap_m > NOISE_M))
    one, two = proposed.end[guessed], proposed.other_end[guessed]
    joins = one, np.where(two < 0, one, two), proposed.gap_m[guessed]
    ends = drawing.ends, drawing.line, drawing.reach_m
    out[guessed] = doubts(ends, proposed.joint, joins, proposed.refused[:2])
    return out


def doubts(
    drawn: tuple[Floats, Ints, Floats], joint: Ints, joins: tuple[Ints, Ints, Floats], refused: tuple[Ints, Ints]
) -> Texts:
    """Say for joins between two ends each what makes them doubtful; empty where nothing does.

    Parameters
    ----------
    drawn
        Coordinates, line and tolerance of every end.
    joint
        Joint of every end.
    joins
        The two ends of each join and its gap; an end that joins the side of a line is named twice.
    refused
        Ends that were near enough and kept apart.

    >>> from gisplan.networks.merging import merge
    >>> ends = np.array([[0, 0], [10, 0], [10.2, 0], [20, 0], [10.5, 0], [10.5, 9]])
    >>> line, none, reach = np.array([0, 0, 1, 1, 2, 2]), np.zeros(6, dtype=int), np.full(6, 0.4)
    >>> made = merge(ends, line, none, reach)
    >>> joins, refused = (made.a, made.b, made.gap_m), (made.refused_a, made.refused_b)
    >>> doubts((ends, line, reach), made.joint, joins, refused).tolist()
    ['rival']
    """
    ends, line, reach_m = drawn
    a, b, gap = joins
    out = np.full(len(a), "", dtype=object)
    if len(a) == 0:
        return out
    count = int(joint.max()) + 1
    within = np.maximum(reach_m[a], reach_m[b])
    crowded = np.zeros(count, dtype=bool)
    for some in (refused[0], refused[1], np.flatnonzero(_lengths(ends, line) <= reach_m)):
        crowded[joint[some]] = True
    other = np.minimum(_nearest_other(ends, joint, a), _nearest_other(ends, joint, b))
    alone = (np.bincount(joint, minlength=count)[joint[a]] == 2) & (a != b)
    found = {
        "rival": other < RIVAL * np.minimum(gap, within),
        "crowded": crowded[joint[a]],
        "far": alone & (gap > FAR * within),
    }
    for code in reversed(CODES):
        out[found[code]] = code
    return out


def _lengths(ends: Floats, line: Ints) -> Floats:
    """Give for every end how long its line is as the crow flies; endless for points and rings."""
    length = np.full(len(ends), np.inf)
    of_line = np.flatnonzero(line >= 0)
    order = of_line[np.argsort(line[of_line], kind="stable")]
    both = np.flatnonzero(line[order][1:] == line[order][:-1])
    one, two = order[both], order[both + 1]
    far = np.hypot(*(ends[one] - ends[two]).T)
    length[one] = length[two] = np.where(far > 0, far, np.inf)
    return length


def _nearest_other(ends: Floats, joint: Ints, which: Ints) -> Floats:
    """Give the distance from some ends to the nearest end of another joint, among their nearest neighbours."""
    spots, first = np.unique(ends[:, 0] + 1j * ends[:, 1], return_index=True)
    k = min(NEIGHBOURS, len(spots))
    gap, near = cKDTree(ends[first]).query(ends[which], k=k)
    gap, near = gap.reshape(-1, k), near.reshape(-1, k)
    return np.asarray(np.where(joint[first][near] == joint[which][:, None], np.inf, gap).min(axis=1))
