"""Near misses: ends just beyond the tolerance, told apart from ends that are joined or meant to end there."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sketch import layer, line, parcel, parcels, point, zone

from gisplan.networks.misses import near_misses, row_at

LIMIT_M = 5.0
WATER = {"diameter_mm": 300}
PLANT = ("S", point(0, 0), {"role": "source", "kind": "water_plant"})


def missed(*rows, **rest) -> list[tuple[str, str, float]]:
    """Features that miss each other, and the gap, in order of the gap."""
    given = zone(parcels(P=parcel(0, 500, 10, 510)), water=layer(PLANT, *rows), **rest)
    network = given.judged().candidates["water"].network
    found = near_misses(network, LIMIT_M)
    names = network.features
    pairs = zip(names[row_at(network)[found.joint]], names[network.row[found.piece]], found.gap_m, strict=True)
    return sorted((*sorted((str(a), str(b))), round(float(gap), 3)) for a, b, gap in pairs)


def main(name: str, *stops: tuple[float, float]):
    return name, line(*stops), WATER


def test_an_end_beside_an_end_is_listed_once():
    assert missed(main("A", (0, 0), (100, 0)), main("B", (103, 0), (200, 0))) == [("A", "B", 3.0)]


def test_an_end_beside_a_side():
    assert missed(main("A", (0, 0), (100, 0)), main("B", (50, 4.9), (50, 90))) == [("A", "B", 4.9)]


@pytest.mark.parametrize(("gap", "listed"), [(0.5, False), (0.51, True), (5.0, True), (5.01, False)])
def test_between_the_tolerance_and_the_limit(gap, listed):
    assert bool(missed(main("A", (0, 0), (100, 0)), main("B", (100 + gap, 0), (200, 0)))) == listed


def test_two_ends_of_one_fork_are_no_miss():
    """Three short branches leave one joint; their ends lie near each other and are joined all the same."""
    spokes = [main(f"B{n}", (100, 0), (100 + 4 * math.cos(a), 4 * math.sin(a))) for n, a in enumerate((0.0, 0.6, 1.2))]
    assert missed(main("A", (0, 0), (100, 0)), *spokes) == []


def test_a_line_that_ends_at_a_stub_is_meant_to_end():
    stub = ("K", point(50, 3), {"role": "stub"})
    assert missed(main("A", (0, 0), (100, 0)), main("B", (0, 3), (50, 3)), stub) == [("A", "B", 3.0)]
    # The end at (0, 3) misses A; that at the stub does not.


def test_a_source_and_a_valve_on_no_line():
    valve = ("V", point(60, 3), {"role": "valve"})
    assert missed(main("A", (0, 0), (100, 0)), valve) == [("A", "V", 3.0)]


def test_each_end_has_its_nearest_and_brute_force_agrees():
    """Random strokes, some of which touch: every end that ends alone, against every line that it is no part of."""
    rng = np.random.default_rng(7)
    for _ in range(10):
        strokes = {}
        for n in range(25):
            x, y, turn = rng.uniform(900, 1050), rng.uniform(0, 150), rng.uniform(0, 2 * math.pi)
            strokes[f"L{n:02d}"] = ((x, y), (x + 40 * math.cos(turn), y + 40 * math.sin(turn)))
        listed = missed(*(main(name, *ends) for name, ends in strokes.items()))
        near, nearest = set(), set()
        for name, ends in strokes.items():
            for end in ends:
                others = {other: segment(end, *strokes[other]) for other in strokes if other != name}
                first = min(others, key=others.__getitem__)
                for other, gap in others.items():
                    near.add((*sorted((name, other)), round(gap, 3)))
                if 0.5 < others[first] <= LIMIT_M and not joined(strokes, name, first):
                    nearest.add((*sorted((name, first)), round(others[first], 3)))
        assert len(nearest) > 2
        assert nearest <= set(listed)
        # A line that others join is bent to their ends, by the tolerance at most.
        assert all(any(pair[:2] == (a, b) and abs(pair[2] - gap) <= 0.5 for pair in near) for a, b, gap in listed)


def segment(spot: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance from a spot to a straight line between two others."""
    (px, py), (ax, ay), (bx, by) = spot, a, b
    dx, dy = bx - ax, by - ay
    t = max(0.0, min(1.0, ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy)))
    return math.hypot(px - ax - t * dx, py - ay - t * dy)


def joined(strokes, *names: str) -> bool:
    """Whether an end of any line touches one of two, or an end of theirs any line: short pieces may link them then."""
    touches = [
        {one, other}
        for one, ends in strokes.items()
        for other in strokes
        if one != other and min(segment(end, *strokes[other]) for end in ends) <= 0.5
    ]
    return any(pair & set(names) for pair in touches)
