"""The cells of areas: the same, and in the same order, as those of all cells whose centre each area contains."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gisplan.reading.lattice import boxes, centres, within

FAR = (431_000.0, 4_581_000.0)
LATTICES = {
    "north up": (10.0, 0.0, FAR[0], 0.0, -10.0, FAR[1]),
    "turned": (6.0, 3.0, FAR[0], 2.5, -7.0, FAR[1]),
    "mirrored": (-4.0, 0.0, FAR[0], 0.0, 9.0, FAR[1]),
    "degrees": (0.0003, 0.0, 117.0, 0.0, -0.0002, 38.0),
}


def _one_by_one(areas, affine):
    """Look at every cell of every box."""
    for number, (area, (first, top, width, height)) in enumerate(zip(areas, boxes(areas, affine).T, strict=True)):
        row, column = (axis.ravel() for axis in np.mgrid[top : top + height, first : first + width])
        inside = shapely.contains_xy(area, *centres(column, row, affine))
        yield np.array([np.full(inside.sum(), number), column[inside], row[inside]])


def _areas(rng, digits):
    """Make areas in cells: concave, of several parts, with holes; whole and half numbers put edges on cell centres."""
    areas = []
    for centre in rng.uniform(-60, 60, (60, 2)).round(digits):
        shape = shapely.union_all(
            [shapely.MultiPoint(c).convex_hull for c in (centre + rng.uniform(-9, 9, (3, 4, 2))).round(digits)]
        )
        hole = shapely.box(*(centre - rng.integers(0, 3)), *(centre + rng.integers(0, 4)))
        areas.append(shape.difference(hole))
    return np.array([area for area in areas if area.area > 0 and area.geom_type.endswith("Polygon")], dtype=object)


@pytest.mark.parametrize("name", LATTICES)
@pytest.mark.parametrize("digits", [6, 1, 0])
def test_cells_are_those_whose_centre_an_area_contains(name, digits):
    affine, rng = LATTICES[name], np.random.default_rng(digits)
    a, b, c, d, e, f = affine
    for half in (0.0, 0.5):
        areas = shapely.transform(
            _areas(rng, digits), lambda cr, half=half: (cr + half) @ np.array([[a, d], [b, e]]) + np.array([c, f])
        )
        found = np.array(within(areas, affine))
        assert np.array_equal(found, np.concatenate(list(_one_by_one(areas, affine)), axis=1))
        assert found.shape[1] > 1000


def test_without_areas_there_are_no_cells():
    assert [len(column) for column in within(np.zeros(0, dtype=object), LATTICES["turned"])] == [0, 0, 0]


def test_an_area_between_two_centres_has_none():
    area = shapely.box(FAR[0] + 6, FAR[1] - 9, FAR[0] + 14, FAR[1] - 6)
    assert len(within(np.array([area], dtype=object), LATTICES["north up"])[0]) == 0
