"""Which joins are called doubtful, by hand; how well the list does against the truth is in test_ky4."""

from __future__ import annotations

import numpy as np
import shapely

from gisplan.networks.doubts import doubts
from gisplan.networks.merging import merge


def told(lines, tolerance, points=()):
    shapes = shapely.linestrings(lines)
    tips = [shapely.get_coordinates(shapely.get_point(shapes, k)) for k in (0, -1)]
    ends = np.concatenate([*tips, np.array(points, dtype=float).reshape(-1, 2)])
    line = np.concatenate([np.tile(np.arange(len(shapes)), 2), np.full(len(points), -1)])
    reach = np.full(len(ends), tolerance)
    made = merge(ends, line, np.zeros(len(ends), dtype=np.int64), reach)
    joins, refused = (made.a, made.b, made.gap_m), (made.refused_a, made.refused_b)
    return doubts((ends, line, reach), made.joint, joins, refused).tolist()


def test_a_small_gap_with_nothing_near_is_no_doubt():
    assert told([[[0, 0], [50, 0]], [[50.1, 0], [90, 0]]], 0.5) == [""]


def test_a_second_end_almost_as_near_is_a_rival():
    """The gap is 0.3; the third line's end is 0.4 from one end and, being 0.7 from the other, cannot join."""
    assert told([[[0, 0], [50, 0]], [[50.3, 0], [90, 0]], [[50.7, 0], [50.7, 40]]], 0.5) == ["rival"]


def test_a_line_no_longer_than_the_tolerance_makes_its_joints_crowded():
    """The gaps are 0.1 at both ends of a line of 0.4 m."""
    lines = [[[0, 0], [50, 0]], [[50.1, 0], [50.5, 0]], [[50.6, 0], [90, 0]]]
    assert told(lines, 0.5) == ["crowded", "crowded"]


def test_two_ends_alone_over_most_of_the_tolerance_are_far():
    assert told([[[0, 0], [50, 0]], [[50.4, 0], [90, 0]]], 0.5) == ["far"]
    assert told([[[0, 0], [50, 0]], [[50.2, 0], [90, 0]]], 0.5) == [""]
    assert told([[[0, 0], [50, 0]], [[50.4, 0], [90, 0]], [[50.2, 0.1], [50, 40]]], 0.5) == ["", ""]


def test_no_unions_no_doubts():
    assert told([[[0, 0], [50, 0]]], 0.5) == []
