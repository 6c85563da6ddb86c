"""Cover and spacing of hydrants, by hand: a main along y = 0, a parcel of 40 m by 30 m above it."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from rules_of import asking
from shapely.affinity import translate
from sketch import layer, line, parcel, parcels, point, zone

import gisplan
from gisplan.networks import cover
from gisplan.networks.cover import farthest

PLANT = ("P", point(0, 0), {"role": "source", "kind": "水厂"})
MAIN = ("m", line((0, 0), (900, 0)), {"diameter_mm": 300})
DRY = ("x", line((0, -40), (900, -40)), {"diameter_mm": 300})
LAND = parcel(180, 10, 220, 40)


def hydrant(name, x, y=0.0, **columns):
    return (name, point(x, y), {"role": "hydrant", **columns})


# What lies beside the main → outcome and value of cover (≤ 150 m), outcome and value of spacing (≤ 120 m). The cases
# stand 2 km apart in one zone, so that no value is given where the nearest hydrant is that of another case.
CASES = {
    # From (200, 0) the far corners lie at √(20² + 40²) = 44.72 m.
    "one hydrant at the gate": ([hydrant("h", 200)], ("A", 44.72), ("D", None)),
    "two hydrants 100 m apart": ([hydrant("h", 200), hydrant("k", 300)], ("A", 44.72), ("A", 100)),
    # (120, 0) and (260, 0): where both are as near, at x = 190 on the far side, √(70² + 40²) = 80.62 m.
    "one on either side": ([hydrant("h", 120), hydrant("k", 260)], ("A", 80.62), ("D", 140)),
    # From (360, 0) the farthest corner (180, 40) lies at √(180² + 40²) = 184.39 m; 140 m from the land: it counts.
    "too far for cover": ([hydrant("h", 360), hydrant("k", 460)], ("D", 184.39), ("A", 100)),
    "out of reach": ([hydrant("h", 600), hydrant("k", 700)], ("D", 421.9), ("D", np.inf)),
    "out of use": ([hydrant("h", 200, status="停用")], ("D", None), ("D", np.inf)),
    "planned": ([hydrant("h", 200, status="规划")], ("D", None), ("D", np.inf)),
    "of unknown status": ([hydrant("h", 200, status=None)], ("U", None), ("U", None)),
    "on a dry main": ([DRY, hydrant("h", 200, -40)], ("D", None), ("D", np.inf)),
    "drawn twice": ([hydrant("h", 200), hydrant("k", 200)], ("A", 44.72), ("D", None)),
    "drawn twice, a step apart": (
        [hydrant("h", 200), hydrant("k", 200.4), hydrant("l", 310)], ("A", 44.72), ("A", 110),
    ),
    # The sure one covers by itself; what stands between it and its neighbour is not known.
    "a neighbour of unknown status": (
        [hydrant("h", 200), hydrant("k", 300, status=None)], ("A", 44.72), ("U", None),
    ),
    "none in the layer": ([], ("U", None), ("U", None)),
}  # fmt: skip


@pytest.fixture(scope="module")
def found():
    rows, land = [], {}
    for k, (case, (beside, _, _)) in enumerate(CASES.items()):
        if case != "none in the layer":
            rows += [(f"{case} {name}", translate(s, 0, 2000 * k), c) for name, s, c in [PLANT, MAIN, *beside]]
            land[case] = translate(LAND, 0, 2000 * k)
    both = asking("water.hydrant_cover", "water.hydrant_spacing", weight="warn")
    full = gisplan.check(zone(parcels(**land), water=layer(*rows), profile=both)).findings
    bare = gisplan.check(zone(parcels(**{"none in the layer": LAND}), water=layer(PLANT, MAIN), profile=both)).findings
    return {**_by(full), **_by(bare)}


def _by(findings):
    rows = findings[findings["condition"].str.contains("hydrant")]
    return {(r.parcel, r.condition): (r.grade, r.value) for r in rows.itertuples()}


@pytest.mark.parametrize("case", CASES)
def test_cover_and_spacing(case, found):
    for condition, (grade, value) in zip(("hydrant_cover", "hydrant_spacing"), CASES[case][1:], strict=True):
        letter, measured = found[case, f"water.{condition}"]
        assert letter == grade, condition
        if value is not None:
            assert float(measured) == pytest.approx(value, abs=0.01), condition


def test_the_farthest_point_is_no_corner():
    """A square of 400 m with a hydrant at each corner: its middle is 200·√2 m away from all of them."""
    square = np.array([shapely.box(0, 0, 400, 400)], dtype=object)
    spots = shapely.points([[0, 0], [400, 0], [0, 400], [400, 400]])
    assert farthest(square, spots)[0][0] == pytest.approx(200 * 2**0.5)
    assert farthest(square, spots[:1])[0][0] == pytest.approx(400 * 2**0.5)
    # Two on the lower side: as far from both, on the upper side.
    assert farthest(square, spots[:2])[0][0] == pytest.approx((200**2 + 400**2) ** 0.5)


def test_no_point_of_an_area_is_farther():
    """Random areas, concave and with holes, against a fine grid of points."""
    rng = np.random.default_rng(3)
    for _ in range(25):
        spots = shapely.points(rng.uniform(0, 500, (int(rng.integers(1, 9)), 2)).round(int(rng.integers(-1, 3))))
        centre = rng.uniform(0, 500, 2)
        area = shapely.MultiPoint(rng.uniform(-100, 100, (6, 2)) + centre).convex_hull
        area = area.union(shapely.box(*centre, *(centre + np.array([150, 10])))).difference(
            shapely.Point(centre).buffer(20, 2)
        )
        found = farthest(np.array([area], dtype=object), spots)[0][0]
        x0, y0, x1, y1 = area.bounds
        grid = np.stack(np.meshgrid(np.linspace(x0, x1, 120), np.linspace(y0, y1, 120)), -1).reshape(-1, 2)
        grid = grid[shapely.contains_xy(area, *grid.T)]
        gaps = np.hypot(*(grid[:, None] - shapely.get_coordinates(spots)[None]).transpose(2, 0, 1)).min(axis=1)
        assert gaps.max() <= found + 1e-9
        assert found - gaps.max() < 5


def _by_diagram(areas, spots):
    """All corners of areas, and all places where the edges of the Voronoi diagram end or leave an area."""
    edges = shapely.voronoi_polygons(shapely.multipoints(spots), extend_to=shapely.union_all(areas), only_edges=True)
    for area in areas:
        points = shapely.get_coordinates([area, shapely.intersection(edges, area)])
        yield shapely.distance(shapely.points(points)[:, None], spots[None]).min(axis=1).max()


def test_the_farthest_point_is_that_of_the_voronoi_diagram(monkeypatch):
    """Many areas in zone coordinates, some of several parts; spots at random, in a lattice and in the same place."""
    monkeypatch.setattr(cover, "_AT_ONCE", 7)
    rng = np.random.default_rng(5)
    origin = np.array([431_000.0, 4_581_000.0])
    for digits in (3, -2, 3, -2, -1):
        spots = origin + rng.uniform(0, 900, (60, 2)).round(digits)
        spots = shapely.points(np.append(spots, spots[:3], axis=0))
        areas = []
        for centre in origin + rng.uniform(-200, 1100, (20, 2)):
            corners = centre + rng.uniform(-120, 120, (2, 4, 2))
            area = shapely.union(*shapely.convex_hull(shapely.multipoints(corners)))
            areas.append(area - shapely.Point(centre).buffer(25, 2))
        areas = np.array([*areas, shapely.Polygon()], dtype=object)
        distance, which = farthest(areas, spots)
        assert np.allclose(distance[:-1], list(_by_diagram(areas[:-1], spots)), rtol=0, atol=3e-9)
        assert distance[-1] == np.inf
        assert which[-1] == -1
        # No point of an area is farther from its spot than from any; and some corner or edge is as far from it.
        assert (shapely.hausdorff_distance(areas[:-1], spots[which[:-1]]) >= distance[:-1] - 1e-9).all()


def test_a_damaged_hydrant_makes_a_required_cell_unknown():
    strict = asking("water.hydrant_cover")

    def cell(*rows):
        report = gisplan.check(zone(parcels(d1=LAND), water=layer(PLANT, MAIN, *rows), profile=strict))
        row = report.cells[report.cells["service"] == "water"].iloc[0]
        return row["grade"], row["code"], row["reason_zh"]

    assert cell(hydrant("h", 200))[0] == "A"
    assert cell(hydrant("h", 200, status=None))[:2] == ("U", "hydrants_unknown")
    assert cell()[:2] == ("U", "hydrants_none")
    assert cell(hydrant("h", 200, status="规划"))[:2] == ("D", "hydrants_none")
    grade, code, said = cell(hydrant("h", 360))
    assert (grade, code) == ("D", "hydrants_far")
    assert "消火栓 h 距地块最远点 184.39 m，超出 ≤ 150 m" in said
