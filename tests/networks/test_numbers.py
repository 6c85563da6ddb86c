"""Joint numbers decide what is connected; where things are drawn does not."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gisplan.networks.drawing import Drawing
from gisplan.networks.joints import Joined, join, propose

SNAP = 0.5


def drawn(lines, numbers, points=(), point_number=(), leaf=None, first=None) -> Joined:
    shapes = np.array([shapely.LineString(line) for line in lines], dtype=object)
    codes = np.array(numbers, dtype=np.int64).reshape(-1, 2)
    spots = np.array(points, dtype=float).reshape(-1, 2)
    leaves = np.zeros(len(spots), dtype=bool) if leaf is None else np.array(leaf)
    working = np.ones(len(shapes), dtype=bool) if first is None else np.array(first)
    drawing = Drawing(
        lines=shapes,
        points=spots,
        line_first=working,
        point_first=~leaves,
        line_reach_m=np.full(len(shapes), SNAP),
        point_reach_m=np.full(len(spots), SNAP),
        numbers=codes,
        point_number=np.array(point_number or [0] * len(spots), dtype=np.int64),
        point_leaf=leaves,
    )
    return join(drawing, propose(drawing))


def test_ends_that_nearly_meet_stay_apart_where_their_numbers_differ():
    made = drawn([[(0, 0), (10, 0)], [(10.05, 0), (20, 0)]], [(1, 2), (3, 4)])
    assert made.v[0] != made.u[1] and len(made.xy) == 4


def test_ends_with_one_number_meet_wherever_they_are_drawn():
    made = drawn([[(0, 0), (10, 0)], [(50, 30), (90, 30)]], [(1, 2), (2, 4)])
    assert made.v[0] == made.u[1] and len(made.xy) == 3


def test_a_numbered_end_does_not_cut_the_side_of_a_numbered_line():
    made = drawn([[(0, 0), (10, 0)], [(5, 0), (5, 9)]], [(1, 2), (3, 4)])
    assert len(made.u) == 2 and len(made.xy) == 4


@pytest.mark.parametrize("nearer", [0, 1])
def test_a_point_without_a_number_joins_the_nearer_of_two_numbers_and_does_not_make_them_one(nearer):
    x = 10.01 if nearer == 0 else 10.04
    made = drawn([[(0, 0), (10, 0)], [(10.05, 0), (20, 0)]], [(1, 2), (3, 4)], [(x, 0)])
    assert made.v[0] != made.u[1]
    assert made.point_joint[0] == (made.v[0], made.u[1])[nearer]


def test_a_chain_without_numbers_does_not_bring_two_numbers_together():
    """2 at 0, then ends without a number at 0.4, 0.8 and 1.2, then 3 at 1.6: all gaps are 0.4, two are closed."""
    lines = [[(-9, 0), (0, 0)], [(0.4, 0), (0.4, 9)], [(0.8, 0), (0.8, 9)], [(1.2, 0), (1.2, 9)], [(1.6, 0), (9, 0)]]
    made = drawn(lines, [(1, 2), (0, 0), (0, 0), (0, 0), (3, 4)])
    two, three = made.v[0], made.u[4]
    assert two != three
    assert len({int(two), *(int(made.u[i]) for i in (1, 2, 3)), int(three)}) == 3


def test_the_same_ends_without_numbers_are_one_joint():
    lines = [[(-9, 0), (0, 0)], [(0.2, 0), (0.2, 9)], [(0.4, 0), (9, 0)]]
    made = drawn(lines, [(0, 0)] * 3)
    assert made.v[0] == made.u[1] == made.u[2]


def test_a_stub_with_a_number_of_its_own_joins_nothing_by_distance():
    lines, numbers = [[(0, 0), (10, 0)]], [(1, 2)]
    alone = drawn(lines, numbers, [(10.1, 0)], [7], leaf=[True])
    assert alone.point_joint[0] not in (alone.u[0], alone.v[0])
    there = drawn(lines, numbers, [(10.1, 0)], [2], leaf=[True])
    assert there.point_joint[0] == there.v[0]
    free = drawn(lines, numbers, [(10.1, 0)], [0], leaf=[True])
    assert free.point_joint[0] == free.v[0]


def test_a_point_is_the_joint_of_its_number_however_far_it_is_drawn():
    made = drawn([[(0, 0), (10, 0)], [(10, 0), (20, 0)]], [(1, 2), (2, 3)], [(400, 400)], [2])
    assert made.point_joint[0] == made.v[0] == made.u[1]
