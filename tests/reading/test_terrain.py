"""The ground under parcels, cut and fill, and how sure both are: against planes and paraboloids in closed form."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from small_zone import CRS, WATER, X, Y, line, square
from test_spots import lattice, plane, write_csv

from gisplan.base.errors import ProfileError
from gisplan.reading.formats.raw import RawGrid
from gisplan.reading.ground import Error, Grid, Ground
from gisplan.reading.places.coordinates import Change
from gisplan.reading.survey import read_folder
from gisplan.reading.terrain import Terrain, terrain

STAY = Change((), 0.0)
SIDE = 200.0
SPACE = shapely.box(0, 0, SIDE, 100)


def grid(height, cell=1.0, error=None, turned=0.0, box=(-20.0, -20.0, 240.0, 240.0)) -> Ground:
    """A grid whose cells have the height at their middle; it may be turned against the axes."""
    west, south, east, north = box
    wide, deep = round((east - west) / cell), round((north - south) / cell)
    cos, sin = math.cos(turned), math.sin(turned)
    affine = (cell * cos, cell * sin, west, cell * sin, -cell * cos, north)
    column, row = np.meshgrid(np.arange(wide) + 0.5, np.arange(deep) + 0.5)
    a, b, c, d, e, f = affine
    z = height(a * column + b * row + c, d * column + e * row + f)
    raw = RawGrid("dem.tif", z, affine)
    return Ground("dem.tif", None, cell, box, Grid(raw, STAY, STAY), error=error)


def of(ground: Ground, *shapes: shapely.Geometry, level: float = math.nan) -> Terrain:
    return terrain(ground, np.array(shapes, dtype=object), np.full(len(shapes), level))


def tilted(g: float):
    """Rising by g a metre to the east; 500 m in the middle of SPACE."""
    return lambda x, y: 500 + g * (x - SIDE / 2)


# ------------------------------------------------------------------------------------------------------- closed forms
@pytest.mark.parametrize("delta", [0.0, 1.0, -2.5, 7.0, -7.0])
def test_cut_and_fill_of_a_tilted_plane(delta: float) -> None:
    """It rises by g·a; at a level δ below its middle cut is (ga/2 + δ)² / 2g, fill (ga/2 − δ)² / 2g a metre wide."""
    g, a = 0.05, SIDE
    found = of(grid(tilted(g)), SPACE, level=500 - delta)
    up, down = (np.clip(g * a / 2 + s * delta, 0, g * a) ** 2 / (2 * g) / a for s in (1, -1))
    if abs(delta) > g * a / 2:  # the level lies wholly below or above
        up, down = max(delta, 0.0), max(-delta, 0.0)
    assert found.design.above == pytest.approx([up], abs=2e-4)
    assert found.design.below == pytest.approx([down], abs=2e-4)
    # At the mean cut equals fill: g·a/8 on the whole area.
    assert (found.mean, found.balance.above) == (pytest.approx([500.0]), pytest.approx([g * a / 8], abs=2e-4))
    assert found.balance.below == pytest.approx(found.balance.above)
    assert found.slope == pytest.approx([5.0]) and found.relief == pytest.approx([0.0], abs=1e-9)
    assert found.slope_least == pytest.approx([5.0]) and found.slope_most == pytest.approx([5.0])


def test_cut_and_fill_of_a_bowl() -> None:
    """z = k·r² in a circle R: fill to kρ² is πkρ⁴/2, cut πk(R² − ρ²)²/2; to the mean kR²/2 both are πkR⁴/8."""
    k, radius, rho = 0.002, 80.0, 50.0
    circle = shapely.Point(100, 100).buffer(radius, quad_segs=256)
    bowl = grid(lambda x, y: k * ((x - 100) ** 2 + (y - 100) ** 2))
    found = of(bowl, circle, level=k * rho**2)
    area = circle.area
    assert found.mean[0] == pytest.approx(k * radius**2 / 2, rel=1e-3)
    assert found.design.below[0] * area == pytest.approx(math.pi * k * rho**4 / 2, rel=2e-3)
    assert found.design.above[0] * area == pytest.approx(math.pi * k * (radius**2 - rho**2) ** 2 / 2, rel=2e-3)
    assert found.balance.above[0] * area == pytest.approx(math.pi * k * radius**4 / 8, rel=2e-3)
    assert found.balance.below[0] * area == pytest.approx(math.pi * k * radius**4 / 8, rel=2e-3)
    # Level on the whole, and steeper the farther out: 2kr; half a cell from the middle, and two cells from the rim.
    assert found.slope[0] == pytest.approx(0.0, abs=1e-6)
    assert found.slope_least[0] == pytest.approx(200 * k * math.sqrt(0.5), rel=1e-6)
    assert 200 * k * (radius - 2) < found.slope_most[0] < 200 * k * radius
    assert (found.lowest[0], found.highest[0]) == (pytest.approx(k * 0.5), pytest.approx(k * radius**2, rel=0.02))


def test_a_saddle_on_a_coarse_grid_that_is_turned() -> None:
    """z = kxy about the middle of a square 2s: mean 0, cut = fill = k·s⁴/2 of 4s², whatever way the grid lies."""
    k, s = 0.01, 60.0
    middle = shapely.box(40, 40, 40 + 2 * s, 40 + 2 * s)

    def saddle(x, y):
        return k * (x - 100) * (y - 100)

    for turned in (0.0, 0.3):
        found = of(grid(saddle, cell=2.0, turned=turned, box=(-200.0, -200.0, 400.0, 400.0)), middle)
        assert found.mean[0] == pytest.approx(0.0, abs=0.05)
        assert found.balance.above[0] * 4 * s * s == pytest.approx(k * s**4 / 2, rel=0.01)
        assert found.slope_most[0] == pytest.approx(100 * k * s * math.sqrt(2), rel=0.08)


def test_spots_and_contours_of_a_plane_give_the_same_volumes(zone) -> None:
    """Squares of 100 m, 120 m apart: 3 % to the east and 4 to the north; of the contours 4 % to the north alone."""
    folder = zone(WATER + '[ground]\nfile = "gcd.csv"\ncrs = "EPSG:4546"\nerror = "0.1 m"\n')
    write_csv(folder, lattice(plane))
    spots = read_folder(folder, lang="en")
    rows = range(-2, 32)
    lines = [line((-100 if k == 0 else -90, 10 * k - 100), (500, 10 * k - 100)) for k in rows]
    heights = [400 + 0.4 * k for k in rows]
    (folder / "gcd.csv").unlink()
    gpd.GeoDataFrame({"高程": heights}, geometry=lines, crs=CRS).to_file(folder / "dgx.gpkg")
    text = (folder / "zone.toml").read_text(encoding="utf-8").replace("gcd.csv", "dgx.gpkg")
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    contours = read_folder(folder, lang="en")
    for survey, mean, near in ((spots, [403.5, 407.1, 410.7], 2e-3), (contours, [406.0] * 3, 0.02)):
        found = survey.terrain
        assert found.known.all() and found.mean == pytest.approx(mean, abs=near)
        assert found.mean_error == pytest.approx([0.1] * 3) and found.balance.above_error == pytest.approx([0.05] * 3)
        assert survey.terrain is found  # read once
    # Cells of 5.6 m, whose middles lie 95 m apart in a square of 100 m.
    assert contours.terrain.balance.above == pytest.approx([4.0 / 8] * 3, rel=0.06)


# ------------------------------------------------------------------------------------------------------------- errors
def test_one_number_counts_as_the_worst_case() -> None:
    """All heights too low by 0.3 m: (ga/2 + δ + 0.3)² / 2g; at the balance half are too high and half too low."""
    g, a, delta, e = 0.05, SIDE, 1.0, 0.3
    found = of(grid(tilted(g), error=Error(e)), SPACE, level=500 - delta)
    for values, s in ((found.design.above_error, 1), (found.design.below_error, -1)):
        half = g * a / 2 + s * delta
        assert values == pytest.approx([((half + e) ** 2 - half**2) / (2 * g) / a], abs=2e-4)
    assert found.balance.above_error == pytest.approx([e / 2]) and found.mean_error == pytest.approx([e])
    # Wholly cut: the error is that of the level. Wholly fill, farther away than the error: no cut is possible.
    deep = of(grid(tilted(g), error=Error(e)), SPACE, level=490.0)
    assert deep.design.above_error == pytest.approx([e]) and deep.design.below_error == pytest.approx([0.0])


def test_without_an_error_none_is_known() -> None:
    found = of(grid(tilted(0.05)), SPACE, level=500.0)
    for values in (found.mean_error, found.design.above_error, found.design.below_error, found.balance.above_error):
        assert np.isnan(values).all()
    assert not np.isnan(found.design.above).any()


@pytest.mark.parametrize(("g", "level"), [(0.0, 500.0), (0.002, 500.0), (0.05, 499.0), (0.05, 494.0)])
def test_scatter_by_throwing_dice(g: float, level: float) -> None:
    """The stated error against that of 150 surveys of the same ground, each height wrong on its own by 0.3 m."""
    rng, r, cell = np.random.default_rng(7), 0.3, 10.0
    truth = of(grid(tilted(g), cell=0.5), SPACE, level=level)
    stated, wrong = [], []
    for _ in range(150):
        ground = grid(lambda x, y: tilted(g)(x, y) + rng.normal(0, r, x.shape), cell, Error(0.0, r, split=True))
        found = of(ground, SPACE, level=level)
        stated.append((found.design.above_error[0], found.balance.above_error[0], found.mean_error[0]))
        wrong.append(
            (
                found.design.above[0] - truth.design.above[0],
                found.balance.above[0] - truth.balance.above[0],
                found.mean[0] - 500,
            )
        )
    seen, said = np.sqrt(np.mean(np.square(wrong), axis=0)), np.mean(stated, axis=0)
    assert (said > 0.9 * seen).all() and (said < 1.7 * seen).all()
    assert said[2] == pytest.approx(r / math.sqrt(200), rel=1e-9)


def test_both_parts_by_hand() -> None:
    """20 x 10 cells all 2 m above the level: √(0.1² + 0.3²/200); at it all is feigned: √(0.1² + 0.3²/π)."""
    flat = grid(lambda x, y: 0 * x + 500.0, 10.0, Error(0.1, 0.3, split=True))
    high, at = of(flat, SPACE, level=498.0), of(flat, SPACE, level=500.0)
    assert high.design.above_error == pytest.approx([math.sqrt(0.01 + 0.09 / 200)], rel=1e-6)
    assert high.design.below_error == pytest.approx([0.0], abs=1e-6)
    assert at.design.above_error == pytest.approx([math.sqrt(0.01 + 0.09 / math.pi)])
    assert at.balance.above_error == pytest.approx([0.3 / math.sqrt(math.pi)])
    assert at.mean_error == pytest.approx([math.sqrt(0.01 + 0.09 / 200)])


# ------------------------------------------------------------------------------------------------------- what is known
def test_too_little_ground_is_not_known() -> None:
    ground = grid(tilted(0.05), cell=10.0, box=(0.0, 0.0, 100.0, 100.0))
    small, half, whole = shapely.box(0, 0, 20, 20), shapely.box(50, 0, 150, 100), shapely.box(0, 0, 100, 100)
    found = of(ground, small, half, whole, shapely.Polygon(), level=500.0)
    assert found.known.tolist() == [False, False, True, False]
    assert found.cover[:3].tolist() == [1.0, 0.5, 1.0] and math.isnan(found.cover[3])
    for values in (found.lowest, found.slope, found.slope_least, found.design.above, found.balance.below):
        assert np.isnan(values).tolist() == [True, True, False, True]


def test_a_parcel_of_few_cells_is_cut_finer_for_its_mean_and_volumes() -> None:
    """57 m of cells of 20 m: two whole ones and 17 m of the third, not three. Of 9 cells each is cut into 4 x 4."""
    ground = grid(tilted(0.05), cell=20.0, error=Error(0.0, 0.3, split=True))
    found = of(ground, shapely.box(0, 0, 57, 57), level=490.0)
    # Steps at 10, 30 and 50 m: 495.5, 496.5 and 497.5 m.
    mean = (20 * 495.5 + 20 * 496.5 + 17 * 497.5) / 57
    assert found.mean[0] == pytest.approx(mean, abs=0.05 * 20 / 4 / 2) and found.mean[0] != pytest.approx(496.5)
    assert found.design.above == pytest.approx(found.mean - 490)
    # Cutting makes no heights: nine of them were measured.
    assert found.mean_error == pytest.approx([0.1])
    assert (found.lowest[0], found.highest[0]) == (495.5, 497.5)


def test_in_batches_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = grid(lambda x, y: 500 + 0.01 * x + 0.0003 * (y - 70) ** 2, 2.0, Error(0.1, 0.2, split=True))
    shapes = [shapely.box(10 * i, 5, 10 * i + 30, 60 + i) for i in range(15)]
    once = of(ground, *shapes, level=501.0)
    monkeypatch.setattr("gisplan.reading.ground._AT_ONCE", 900)
    again = of(ground, *shapes, level=501.0)
    for name in ("mean", "lowest", "slope", "slope_least", "slope_most"):
        assert np.array_equal(getattr(once, name), getattr(again, name)), name
    assert np.array_equal(once.design.above_error, again.design.above_error)


# ------------------------------------------------------------------------------------------------------- what is said
@pytest.mark.parametrize(
    ("entry", "error", "said"),
    [
        ("", None, "not stated"),
        ('error = "0.3 m"\n', Error(0.3), "0.3 m (root mean square)"),
        (
            'error = { systematic = "10 cm", random = "0.3 m" }\n',
            Error(0.1, 0.3, split=True),
            "systematic error",
        ),
    ],
)
def test_zone_toml_says_how_wrong_heights_are(zone, entry: str, error: Error | None, said: str) -> None:
    folder = zone(WATER + '[ground]\nfile = "gcd.csv"\ncrs = "EPSG:4546"\n' + entry)
    write_csv(folder, lattice(plane))
    survey = read_folder(folder, lang="en")
    assert survey.ground.error == error
    assert any(said in note.en for note in survey.notes)


@pytest.mark.parametrize("entry", ["0.3", '"-1 m"', '"a lot"', '{ systematic = "1 m" }', '{ random = "1 m", x = 1 }'])
def test_an_error_that_cannot_be_is_refused(zone, entry: str) -> None:
    folder = zone(WATER + f'[ground]\nfile = "gcd.csv"\ncrs = "EPSG:4546"\nerror = {entry}\n')
    write_csv(folder, lattice(plane))
    with pytest.raises(ProfileError, match="error"):
        read_folder(folder, lang="en")


def test_the_first_parcel_of_a_plane_by_hand(zone) -> None:
    """P1 is the square (0, 0)–(100, 100): heights 400 to 407; of spots the corners themselves are seen too."""
    folder = zone(WATER + '[ground]\nfile = "gcd.csv"\ncrs = "EPSG:4546"\n')
    write_csv(folder, lattice(plane))
    found = read_folder(folder, lang="en").terrain
    assert square(0, 0).bounds == (X, Y, X + 100, Y + 100)
    # Cells of 5 m: the first centre is (2.5, 2.5), 0.175 m up; the last 0.175 m below 407.
    assert (found.lowest[0], found.highest[0]) == (pytest.approx(400.175, abs=2e-3), pytest.approx(406.825, abs=2e-3))
    assert found.slope_least[0] == pytest.approx(5.0, abs=0.03) and found.slope_most[0] == pytest.approx(5.0, abs=0.03)
