"""Which ends are one joint: by hand, and against a plain program that knows only the two rules."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from gisplan.networks.merging import heights, merge


def bare(ends, line=None, reach=1.0, number=None):
    ends = np.asarray(ends, dtype=float)
    n = len(ends)
    return merge(
        ends,
        np.full(n, -1) if line is None else np.asarray(line),
        np.zeros(n, dtype=np.int64) if number is None else np.asarray(number),
        np.full(n, reach) if np.isscalar(reach) else np.asarray(reach, dtype=float),
    )


def test_nothing_is_nothing():
    merged = merge(np.empty((0, 2)), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    assert len(merged.joint) == len(merged.a) == len(merged.refused_a) == 0


def test_a_gap_as_wide_as_the_tolerance_is_closed_and_a_wider_one_is_not():
    merged = bare([[0, 0], [0.5, 0], [1.25, 0]], reach=0.5)
    assert merged.joint.tolist() == [0, 0, 1]
    assert (merged.a.tolist(), merged.b.tolist(), merged.gap_m.tolist()) == ([0], [1], [0.5])


def test_ends_on_the_same_spot_are_one_without_a_union():
    merged = bare([[3, 4], [0, 0], [3, 4]], reach=0.0)
    assert merged.joint.tolist() == [0, 1, 0]
    assert len(merged.a) == 0


def test_a_bare_point_where_two_numbers_meet_belongs_to_the_first_line_of_the_file():
    """Line 0 ends at (10, 0) as number 1, line 1 begins there as number 2; starts are listed first."""
    ends = [[0, 0], [10, 0], [10, 0], [20, 0], [10, 0]]
    merged = bare(ends, line=[0, 1, 0, 1, -1], number=[0, 2, 1, 0, 0])
    assert merged.joint[4] == merged.joint[2] != merged.joint[1]
    merged = bare(ends, line=[1, 0, 1, 0, -1], number=[0, 2, 1, 0, 0])
    assert merged.joint[4] == merged.joint[1] != merged.joint[2]


def test_a_chain_of_gaps_does_not_run_on():
    """Four ends 0.9, 0.8 and 0.9 apart, tolerance 1: the nearest two are one, the others too far."""
    merged = bare([[0, 0], [0.9, 0], [1.7, 0], [2.6, 0]], [0, 1, 2, 3])
    assert merged.joint.tolist() == [0, 1, 1, 2]
    assert list(zip(merged.refused_a.tolist(), merged.refused_b.tolist(), strict=True)) == [(0, 1), (2, 3)]
    assert merged.refused_wide.all()


def test_three_ends_are_one_where_every_two_are_within_the_tolerance():
    assert bare([[0, 0], [0.9, 0], [0.5, 0.8]], [0, 1, 2]).joint.tolist() == [0, 0, 0]


def test_ends_on_both_sides_of_a_valve_are_one_through_it():
    """Ends 0.8 to the left and 0.7 to the right of a point; without the point they are 1.5 apart."""
    assert bare([[0, 0], [1.5, 0]], [0, 1]).joint.tolist() == [0, 1]
    merged = bare([[0, 0], [1.5, 0], [0.8, 0]], [0, 1, -1])
    assert merged.joint.tolist() == [0, 0, 0]
    assert merged.gap_m == pytest.approx([0.7, 0.8])


def test_a_valve_never_joins_both_ends_of_one_line():
    assert bare([[0, 0], [1.5, 0], [0.8, 0]], [0, 0, -1]).joint.tolist() == [0, 1, 1]


def test_the_two_ends_of_a_short_line_stay_two_joints():
    """Line 1 is 0.3 long, between two others whose ends lie 0.1 and 0.2 off; all gaps are within the tolerance."""
    ends = [[0, 0], [10, 0], [10.1, 0], [10.4, 0], [10.6, 0], [20, 0]]
    merged = bare(ends, [0, 0, 1, 1, 2, 2])
    assert merged.joint.tolist() == [0, 1, 1, 2, 2, 3]
    assert merged.gap_m == pytest.approx([0.1, 0.2])


def test_the_refused_pair_of_two_joints_is_listed_once_by_its_nearest_ends():
    """Joints {1, 2} and {3, 4}, gaps 0.3 (the ends of line 1), 0.4 (1 and 3) and 0.5 (2 and 4): 1 and 3 are listed."""
    merged = bare([[0, 0], [10, 0], [10.1, 0], [10.4, 0], [10.6, 0], [20, 0]], [0, 0, 1, 1, 2, 2])
    assert list(zip(merged.refused_a.tolist(), merged.refused_b.tolist(), strict=True)) == [(1, 3)]
    assert merged.refused_gap_m == pytest.approx([0.4])


def test_the_nearer_of_two_wins_where_both_ends_of_a_line_are_near():
    """The end of line 1 lies 0.4 from one end of line 0 and 0.3 from its other: the nearer, whatever the order."""
    ends = np.array([[0, 0], [0.7, 0], [0.4, 0], [0.4, 9]])
    assert bare(ends, [0, 0, 1, 1]).joint.tolist() == [0, 1, 1, 2]
    assert bare(ends[[1, 0, 2, 3]], [0, 0, 1, 1]).joint.tolist() == [0, 1, 0, 2]


def test_of_equal_gaps_the_earlier_ends_go_first_whatever_the_rounding():
    """A point in the middle between the ends of a line: 500000.6 - 500000.3 is not 500000.3 - 500000 in the machine."""
    for shift in (0.0, 500000.0, 3999999.7):
        ends = np.array([[shift, 0], [shift + 0.6, 0], [shift + 0.3, 0]])
        assert bare(ends, [0, 0, -1]).joint.tolist() == [0, 1, 0]


def test_a_ring_is_one_joint():
    assert bare([[0, 0], [0, 0], [0.5, 0]], [0, 0, -1]).joint.tolist() == [0, 0, 0]


def test_a_ring_whose_ends_do_not_quite_meet_stays_open():
    assert bare([[0, 0], [0.5, 0]], [0, 0]).joint.tolist() == [0, 1]


def test_the_larger_tolerance_of_the_two_counts():
    assert bare([[0, 0], [0.5, 0], [1, 0], [1.5, 0]], reach=[0.5, 0.1, 0.1, 0.1]).joint.tolist() == [0, 0, 1, 2]


def test_equal_numbers_are_one_and_different_ones_never():
    merged = bare([[0, 0], [900, 0], [900.1, 0], [900.2, 0]], number=[7, 7, 8, 0])
    assert merged.joint.tolist() == [0, 0, 1, 1]
    assert merged.a.tolist() == [0, 2]
    assert merged.b.tolist() == [1, 3]


def test_an_end_without_a_number_between_two_numbers_joins_the_nearer():
    assert bare([[0, 0], [0.5, 0], [0.8, 0]], number=[7, 0, 8]).joint.tolist() == [0, 1, 1]


def test_equal_numbers_at_both_ends_of_a_line_are_a_ring():
    assert bare([[0, 0], [50, 0], [50.5, 0]], [0, 0, -1], number=[7, 7, 0]).joint.tolist() == [0, 0, 0]


def test_an_end_on_the_spot_of_a_number_is_that_joint_without_a_union():
    merged = bare([[0, 0], [0, 0], [0, 0]], number=[0, 9, 8])
    assert merged.joint.tolist() == [0, 0, 1]
    assert len(merged.a) == 0


def plain(ends, line, number, reach):
    """All joints by the rule alone, on sets: the two joints whose farthest ends are nearest become one, if they may."""
    n = len(ends)
    joints = [{i} for i in range(n)]

    def of(i):
        return next(joint for joint in joints if i in joint)

    def unite(i, j):
        one, two = of(i), of(j)
        if one is not two:
            joints.remove(two)
            one |= two

    def far(i, j):
        return float(np.hypot(*(ends[i] - ends[j])))

    for i, j in itertools.combinations(range(n), 2):
        if (far(i, j) == 0 and number[i] == number[j]) or (number[i] and number[i] == number[j]):
            unite(i, j)
    for i in range(n):
        there = [j for j in range(n) if far(i, j) == 0 and number[j]]
        if not number[i] and there:
            unite(there[0], i)
    joints.sort(key=min)
    nodes = [frozenset(joint) for joint in joints]

    def surest(i):
        return min(reach[k] for k in range(n) if far(i, k) == 0 and number[k] == number[i])

    fine = [surest(i) for i in range(n)]

    def direct(p, q, own=False):
        """The smallest gap that may be closed; with `own`, within the tolerance of the first alone."""
        pairs = [(round(far(i, j), 6), fine[i] if own else max(fine[i], fine[j])) for i in p for j in q]
        return min((gap for gap, limit in pairs if gap <= limit), default=None)

    def numbers(p):
        return {number[k] for k in p} - {0}

    def gap(p, q):
        if {line[k] for k in p} & {line[k] for k in q} - {-1} - rings or len(numbers(p | q)) > 1:
            return None
        ways = [direct(p, q)]
        for v in nodes:
            if v not in (p, q) and any(line[k] < 0 for k in v):
                legs = [direct(p, v, own=True), direct(q, v, own=True)]
                barred = len(numbers(p | v)) > 1 or len(numbers(q | v)) > 1
                ways.append(None if None in legs or barred else max(legs))
        return min((way for way in ways if way is not None), default=None)

    rings = {k for k in set(line) if k >= 0 and any(list(line[sorted(p)]).count(k) == 2 for p in nodes)}
    gaps = {(p, q): gap(p, q) for p in nodes for q in nodes if p != q}
    found = [[p] for p in nodes]
    while True:
        best = None
        for one, two in itertools.combinations(sorted(found, key=lambda c: min(map(min, c))), 2):
            wide = [gaps[p, q] for p in one for q in two]
            if None not in wide and (best is None or max(wide) < best[0]):
                best = max(wide), one, two
        if best is None:
            break
        found.remove(best[2])
        best[1].extend(best[2])
    out = []
    for cluster in found:
        left = list(cluster)
        while left:
            part = [left.pop(0)]
            for p in part:
                more = [q for q in left if direct(p, q) is not None]
                part += more
                left = [q for q in left if q not in more]
            out.append(sorted(k for p in part for k in p))
    return sorted(out)


def grouped(joint):
    return sorted(np.flatnonzero(joint == k).tolist() for k in np.unique(joint))


def components(start, links):
    """Put together what links hold together."""
    found = start.tolist()
    for i, j in links:
        found = [found[i] if k == found[j] else k for k in found]
    return grouped(np.array(found))


def random_ends(seed):
    """A few lines and points on a small board; coarse coordinates make equal gaps and equal spots frequent."""
    rng = np.random.default_rng(seed)
    lines, points = int(rng.integers(1, 9)), int(rng.integers(0, 4))
    ends = rng.integers(0, 12, (2 * lines + points, 2)) / 2.0
    if seed % 2:
        ends = ends + rng.normal(0, 0.2, ends.shape)
    line = np.concatenate([np.arange(lines), np.arange(lines), np.full(points, -1)])
    number = np.zeros(len(ends), dtype=np.int64)
    if seed % 3 == 0:
        number = np.where(rng.random(len(ends)) < 0.4, rng.integers(1, 5, len(ends)), 0)
    reach = np.full(len(ends), float(rng.choice([0.5, 1.0, 2.0])))
    if seed % 5 == 0:
        reach = rng.choice([0.0, 0.5, 1.5], len(ends))
    return ends, line, number, reach


@pytest.mark.parametrize("block", range(6))
def test_joints_are_those_of_the_plain_program(block):
    for seed in range(100 * block, 100 * block + 100):
        ends, line, number, reach = random_ends(seed)
        merged = merge(ends, line, number, reach)
        assert grouped(merged.joint) == plain(ends, line, number, reach), seed


@pytest.mark.parametrize("block", range(5))
def test_unions_are_a_forest_and_each_can_be_undone(block):
    for seed in range(100 * block, 100 * block + 100):
        ends, line, number, reach = random_ends(seed)
        merged = merge(ends, line, number, reach)
        # What lies on one spot with one number, or none beside it, is together without any union.
        alone = merge(ends, line, number, np.zeros(len(ends))).joint
        links = list(zip(merged.a.tolist(), merged.b.tolist(), strict=True))
        by_number = [(i, j) for i, j in links if number[i] and number[i] == number[j]]
        assert components(alone, links) == grouped(merged.joint)
        assert len(set(alone.tolist())) == len(grouped(merged.joint)) + len(links) - len(by_number), "a forest"
        assert merged.gap_m == pytest.approx(np.hypot(*(ends[merged.a] - ends[merged.b]).T))
        by_gap = number[merged.a] == 0
        by_gap |= number[merged.a] != number[merged.b]
        assert (np.diff(merged.gap_m[by_gap]) >= -1e-6).all()


@pytest.mark.parametrize("block", range(5))
def test_what_is_refused_is_linked_by_a_line_or_would_be_too_wide(block):
    listed = [0, 0]
    for seed in range(100 * block, 100 * block + 100):
        ends, line, number, reach = random_ends(seed)
        merged = merge(ends, line, number, reach)
        rows = zip(merged.refused_a, merged.refused_b, merged.refused_gap_m, merged.refused_wide, strict=True)
        for i, j, gap, wide in rows:
            assert gap == pytest.approx(float(np.hypot(*(ends[i] - ends[j]))))
            held = [set(line[merged.joint == merged.joint[k]].tolist()) - {-1} for k in (i, j)]
            assert merged.joint[i] != merged.joint[j]
            assert bool(held[0] & held[1]) != wide
            listed[int(wide)] += 1
    assert min(listed) > 20


def test_one_run_at_the_largest_tolerance_holds_the_joints_of_every_smaller_one():
    for seed in range(60):
        ends, line, _, _ = random_ends(seed)
        ends, line = ends[line >= 0], line[line >= 0]
        a, b, height = heights(ends, line, 3.0)
        for tolerance in (0.3, 0.9, 1.6, 2.9):
            wanted = plain(ends, line, np.zeros(len(ends), dtype=np.int64), np.full(len(ends), tolerance))
            label = np.arange(len(ends))
            for i, j in itertools.combinations(range(len(ends)), 2):
                if (ends[i] == ends[j]).all():
                    label[label == label[j]] = label[i]
            for i, j in zip(a[height <= tolerance], b[height <= tolerance], strict=True):
                label[label == label[j]] = label[i]
            assert grouped(label) == wanted, (seed, tolerance)


def test_joints_do_not_hang_on_what_lies_elsewhere():
    ends, line, number, reach = random_ends(7)
    n = len(ends)
    more = np.concatenate([ends, ends + 500.0])
    merged = merge(
        more, np.concatenate([line, np.where(line < 0, -1, line + 99)]), np.tile(number, 2), np.tile(reach, 2)
    )
    assert grouped(merged.joint[:n]) == grouped(merge(ends, line, number, reach).joint)


def test_a_large_survey_takes_seconds():
    """100,000 lines between places 10 m apart, each end 3 cm off, six ends to a place."""
    rng = np.random.default_rng(0)
    n = 100_000
    start = rng.integers(0, 180, (n, 2)) * 10.0
    end = start + rng.permuted(np.tile([[10.0, 0.0]], (n, 1)), axis=1)
    ends = np.concatenate([start, end]) + rng.normal(0, 0.03, (2 * n, 2))
    begin = time.perf_counter()
    merged = merge(ends, np.tile(np.arange(n), 2), np.zeros(2 * n, dtype=np.int64), np.full(2 * n, 0.2))
    assert time.perf_counter() - begin < 30
    assert 32_000 < len(np.unique(merged.joint)) < 36_000  # 180 * 181 places or a little more
