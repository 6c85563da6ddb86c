"""Parcels that overlap another: as many as if all were cut with all."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import shapely

from gisplan.judging.judgement import _overlap
from gisplan.judging.surface.leveling import _first_near


def _plain(shapes, limit):
    shared = shapely.area(shapely.intersection(shapes[:, None], shapes[None]))
    np.fill_diagonal(shared, 0)
    return (shared > limit).any(axis=1)


def _found(shapes, limit):
    return _overlap(SimpleNamespace(profile=SimpleNamespace(overlap_m2=limit)), shapes)


def _blocks(rng):
    """Draw bent neighbours of one network of corners, turned, and beside them whatever else a map may hold."""
    corner = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), -1) * 100 + rng.uniform(-20, 20, (8, 8, 2))
    corner = corner @ np.array([[0.8, 0.6], [-0.6, 0.8]]) + [431_000, 4_581_000]
    cells = [corner[[r, r, r + 1, r + 1], [c, c + 1, c + 1, c]] for r in range(7) for c in range(7)]
    for cell in rng.choice(49, 6, replace=False):  # one corner stands a little or far off that of its neighbours
        cells[cell] = cells[cell] + (np.arange(4) == 2)[:, None] * rng.normal(0, rng.choice([0.01, 3]), 2)
    shapes = [shapely.Polygon(cell) for cell in cells]
    inner = shapely.Point(cells[8].mean(axis=0)).buffer(20, 2)
    outer = shapely.Point(cells[16].mean(axis=0)).buffer(25, 2)
    shapes[8] -= inner  # a hole with another parcel in it, just so
    shapes += [inner, outer, shapely.Polygon()]  # one within another
    if rng.random() < 0.5:
        shapes.append(shapes[30])  # twice the same
        shapes[40] = shapes[40] | shapes[0]
    return np.array(shapes, dtype=object)


@pytest.mark.parametrize("limit", [0.5, 1.0, 20.0])
def test_parcels_overlap_where_all_cut_with_all_do(limit):
    rng, some = np.random.default_rng(int(limit)), set()
    for _ in range(15):
        shapes = _blocks(rng)
        found = _found(shapes, limit)
        assert np.array_equal(found, _plain(shapes, limit))
        some |= set(np.flatnonzero(found).tolist())
    assert {16, 50} <= some
    assert len(some) > 10


def test_neighbours_whose_corners_are_not_shared_do_not_overlap():
    squares = [shapely.box(0, 0, 100, 100), shapely.box(100, 30, 200, 170), shapely.box(20, 100, 90, 150)]
    assert not _found(np.array(squares, dtype=object), 1.0).any()
    assert _found(np.array([*squares, shapely.box(98, 0, 200, 29)], dtype=object), 1.0).tolist() == [
        True, False, False, True,
    ]  # fmt: skip
    assert not _found(np.array([shapely.Polygon(), shapely.Polygon()], dtype=object), 1.0).any()


def test_the_first_spot_that_is_near_enough():
    rng = np.random.default_rng(2)
    spots = shapely.points(rng.uniform(0, 500, (400, 2)).round())
    shapes = shapely.buffer(shapely.linestrings(rng.uniform(0, 500, (60, 3, 2))), 4, quad_segs=2)
    shapes = np.append(shapes, [shapely.box(-100, -100, -50, -50), shapely.box(0, 0, 10, 10)])
    for within in (0.0, 6.0, 40.0):
        near = shapely.distance(shapes[:, None], spots[None]) <= within
        plain = np.where(near.any(axis=1), near.argmax(axis=1), -1)
        assert np.array_equal(_first_near(shapes, shapely.STRtree(spots), within), plain)
