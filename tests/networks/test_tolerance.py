"""The recommended tolerance on drawings whose answer is known; and what it says where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from drawings import moved, score, torn, town

from gisplan.networks.merging import merge
from gisplan.networks.tolerance import recommend

NO_POINTS = np.empty((0, 2))


def merged(drawing, tolerance):
    ends = drawing.ends
    return merge(ends, drawing.line, np.zeros(len(ends), dtype=np.int64), np.full(len(ends), tolerance))


def test_where_all_ends_meet_no_tolerance_is_needed():
    advice = recommend(town(0).lines, NO_POINTS)
    assert (advice.tolerance_m, advice.verdict) == (None, "meets")


def test_nothing_needs_nothing():
    advice = recommend(np.array([], dtype=object), NO_POINTS)
    assert (advice.tolerance_m, advice.verdict, len(advice.curve)) == (None, "meets", 0)


def test_a_survey_with_noise_of_less_than_a_millimetre_meets():
    assert recommend(moved(town(1), 1e-4, 0).lines, NO_POINTS).verdict == "meets"


@pytest.mark.parametrize("seed", range(6))
def test_a_few_gaps_of_centimetres_among_ends_that_meet_give_a_small_tolerance(seed, capsys):
    """Of a town's ends 5 % lie 0.05 to 0.5 m aside; its laterals end metres apart in the open."""
    drawing = torn(town(seed), 0.05, (0.05, 0.5), seed)
    advice = recommend(drawing.lines, NO_POINTS)
    precision, recall, f1 = score(merged(drawing, advice.tolerance_m).joint, drawing.place)
    with capsys.disabled():
        print(f" {advice.tolerance_m} m {advice.verdict}, precision {precision:.4f}, recall {recall:.4f}")
    assert advice.verdict == "clear"
    assert 0.35 <= advice.tolerance_m <= 1.0
    assert precision == 1.0 and f1 > 0.995


@pytest.mark.parametrize("amount", [0.01, 0.1, 0.5])
def test_the_tolerance_grows_with_the_jitter(amount):
    drawing = moved(town(3), amount, 4)
    advice = recommend(drawing.lines, NO_POINTS)
    assert 3 * amount <= advice.tolerance_m <= 9 * amount
    assert score(merged(drawing, advice.tolerance_m).joint, drawing.place)[2] > 0.98


def test_gaps_as_wide_as_the_lines_are_long_are_too_bad():
    assert recommend(moved(town(5), 5.0, 6).lines, NO_POINTS).verdict == "bad"


def test_a_valve_that_stands_a_little_aside_counts_as_a_gap():
    """Twenty mains in a row that meet, and a valve 0.2 m beside each of the nineteen joints."""
    lines = shapely.linestrings([[[50.0 * i, 0], [50.0 * i + 50, 0]] for i in range(20)])
    valves = np.array([[50.0 * i, 0.2] for i in range(1, 20)])
    advice = recommend(lines, valves)
    assert (advice.tolerance_m, advice.verdict) == (0.2, "clear")


def test_the_curve_by_hand():
    """Three lines of 10 m with gaps of 0.3 and 2 m, and a line of 4 m apart from all."""
    rows = [[[0, 0], [10, 0]], [[10.3, 0], [20, 0]], [[22, 0], [32, 0]], [[0, 90], [4, 90]]]
    curve = recommend(shapely.linestrings(rows), NO_POINTS).curve.set_index("tolerance_m")
    assert curve.loc[[0.0, 0.3, 1.5, 2.0, 5.0], "joins"].tolist() == [0, 1, 1, 2, 2]
    assert curve.loc[[0.0, 0.3, 1.5, 2.0, 5.0], "parts"].tolist() == [4, 3, 3, 2, 2]
    assert curve.loc[[0.0, 0.3, 1.5, 2.0, 5.0], "refused"].tolist() == [0, 0, 0, 0, 1]


def test_the_curve_is_what_merging_at_each_tolerance_gives():
    drawing = moved(town(7, 6), 0.4, 8)
    ends = drawing.ends
    for row in recommend(drawing.lines, NO_POINTS).curve.itertuples():
        made = merged(drawing, row.tolerance_m)
        assert row.joins == len(ends) - len(np.unique(made.joint))
        joint = made.joint.copy()
        n = len(drawing.lines)
        for u, v in zip(made.joint[:n], made.joint[n:], strict=True):
            joint[joint == joint[made.joint == v][0]] = joint[made.joint == u][0]
        assert row.parts == len(np.unique(joint))
