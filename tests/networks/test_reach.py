"""Reach: the short cuts find what the plain way of looking finds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import shapely

from gisplan.networks import reach
from gisplan.networks.reach import Obstacles, close, first_within, nearest_any

Shapes = npt.NDArray[np.object_]


def _stars(random: np.random.Generator, count: int, span: float) -> Shapes:
    """Draw polygons with notches, some of them on a grid so that they share corners."""
    turn = np.arange(10) / 10 * 2 * np.pi
    away = random.uniform(8.0, 30.0, (count, 10))
    centre = np.round(random.uniform(0, span, (count, 2)), -1) + 400_000
    ring = centre[:, None] + away[..., None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    ring[: count // 2] = np.round(ring[: count // 2], 0)
    return np.asarray(shapely.make_valid(shapely.polygons(ring)))


def _lines(random: np.random.Generator, count: int, span: float) -> Shapes:
    """Draw lines of which many share an end, some long ones, and points."""
    joint = np.round(random.uniform(0, span, (max(count // 2, 2), 2)), -1) + 400_000
    ends = joint[random.integers(0, len(joint), (count, 2))]
    middle = ends.mean(axis=1) + random.uniform(-9.0, 9.0, (count, 2))
    some = np.asarray(shapely.linestrings(np.stack([ends[:, 0], middle, ends[:, 1]], axis=1)))
    return np.concatenate([some, shapely.points(joint[:3])])


@pytest.mark.parametrize("seed", range(12))
def test_the_first_wanted_within_a_distance_is_found_by_looking_at_all(seed: int) -> None:
    """Of the candidates of each kind near a parcel the one of greatest value, or none; many are tried in vain."""
    random = np.random.default_rng(seed)
    parcels, lines = _stars(random, 40, 800.0), _lines(random, 300, 800.0)
    parcels[3] = shapely.Polygon()
    kind, value = random.integers(0, 3, len(lines)), random.permutation(len(lines))
    at, spot = close(parcels, lines, 15.0)
    order = np.lexsort((-value[spot], kind[spot], at))
    at, spot = at[order], spot[order]
    rows = first_within(parcels[at], lines[spot], at * 3 + kind[spot], 15.0)
    expected = []
    for k, parcel in enumerate(parcels):
        for one in range(3):
            near = [c for c in np.flatnonzero(kind == one) if shapely.dwithin(parcel, lines[c], 15.0)]
            expected += [(k, max(near, key=lambda c: value[c]))] if near else []
    assert list(zip(at[rows].tolist(), spot[rows].tolist(), strict=True)) == expected


@pytest.mark.parametrize("seed", range(12))
def test_the_nearest_however_far_is_that_of_a_tree_of_shapes(seed: int) -> None:
    """Candidate and distance are the same to the last bit, also where several are equally near."""
    random = np.random.default_rng(seed)
    parcels = _stars(random, 150, 3000.0)
    parcels[7] = shapely.Polygon()
    candidates = _lines(random, [1, 4, 30, 400][seed % 4], 1500.0)
    if seed % 3 == 0:  # short lines: a grid of mains, met end to end
        grid = np.arange(400_000, 401_000, 50.0)
        candidates = np.array([shapely.LineString([(x, y), (x + 50, y)]) for x in grid for y in grid])
    row, distance = nearest_any(parcels, candidates)
    whole = np.flatnonzero(~shapely.is_empty(parcels))
    (at, other), away = shapely.STRtree(candidates).query_nearest(
        parcels[whole], all_matches=False, return_distance=True
    )
    assert (row[whole[at]] == other).all()
    assert (distance[whole[at]] == away).all()
    assert row[7] == -1
    assert np.isinf(distance[7])
    least = shapely.distance(parcels[whole][:, None], candidates[None]).min(axis=1)
    assert (distance[whole] == least).all()


def test_the_short_cut_is_taken() -> None:
    """Parcels near short lines that do not meet need no tree of shapes."""
    random = np.random.default_rng(3)
    start = random.uniform(400_000, 403_000, (400, 2))
    lines = np.asarray(shapely.linestrings(np.stack([start, start + random.uniform(-30, 30, (400, 2))], axis=1)))
    found, _ = reach._alone(_stars(random, 200, 3000.0), lines)
    assert (found >= 0).mean() > 0.8


@pytest.mark.parametrize("seed", range(20))
def test_a_way_is_barred_by_what_it_runs_within_and_by_what_it_touches(seed: int) -> None:
    """Boxes and sides only spare the question; asked of every parcel one by one the answer is the same."""
    random = np.random.default_rng(seed)
    corner = np.mgrid[0:300:20, 0:60:20].reshape(2, -1).T + 400_000.0
    parcels = np.concatenate([_stars(random, 40, 300.0), shapely.box(*corner.T, *(corner.T + 20.0))])
    start = random.uniform(0, 300, (600, 2)).round() + 400_000
    step = random.integers(-40, 41, (600, 2)).astype(float)
    step[::3, 0] = step[1::3, 1] = 0.0
    step[0] = 0.0
    ways, parcel = shapely.linestrings(np.stack([start, start + step], axis=1)), random.integers(0, len(parcels), 600)
    barriers = _lines(random, 5, 300.0)
    told = Obstacles(parcels, barriers, False).bars(ways, parcel)
    for way, own, barred in zip(ways, parcel, told, strict=True):
        inside = shapely.length(shapely.intersection(way, np.delete(parcels, own)))
        assert barred == bool((inside > 0.1).any() or shapely.intersects(way, barriers).any())
    assert told.any()
    assert not told.all()


def test_ways_around_are_the_same_however_parcels_are_cut_into_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of parcels are looked at side by side."""
    random = np.random.default_rng(4)
    parcels, shapes = _stars(random, 100, 300.0), _lines(random, 60, 300.0)
    group, reach_m = np.arange(len(shapes)) % 3, np.array([20.0, 60.0, 120.0])
    near = reach.nearest(parcels, shapes, group, reach_m)
    obstacles = Obstacles(parcels, np.empty(0, dtype=object), False)
    answers = []
    for size in (7, 10_000):
        monkeypatch.setattr(reach, "_BLOCK", size)
        monkeypatch.setattr(reach, "_STUCK", size)
        found, barred = reach.unbarred(near, obstacles, (shapes, group), reach_m)
        answers.append((found.candidate, found.distance_m, barred))
    for one, other in zip(*answers, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (answers[0][1] != near.distance_m).any()
    assert answers[0][2].any()
