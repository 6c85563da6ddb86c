"""Given parameters: every formula against numbers worked out by hand or in plain Python, and against PROJ itself."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from pyproj import Transformer
from small_zone import HEAD, WATER, X, Y, found, pipes

from gisplan.base.errors import MissingCRS, ProfileError
from gisplan.reading.entries import Entries
from gisplan.reading.places.shifts import read_shift
from gisplan.reading.survey import read_folder

SEVEN = {
    "dx_m": 10.0,
    "dy_m": -20.0,
    "dz_m": 30.0,
    "rx_arcsec": 1.0,
    "ry_arcsec": -2.0,
    "rz_arcsec": 3.0,
    "scale_ppm": 5,
}
XIAN = "EPSG:2382"


def made(**numbers):
    return read_shift(Entries("", "en"), "[layer.water]", numbers)


def moved(shift, source, *point):
    x, y = np.array([point[0]]), np.array([point[1]])
    for step in shift.steps(source and pyproj.CRS(source), pyproj.CRS("EPSG:4546")):
        x, y = step.transform(x, y)
    return float(x[0]), float(y[0])


def geocentric(lon, lat, a, rf):
    """Earth-centred coordinates on the ellipsoid, from the textbook."""
    f = 1 / rf
    e2 = f * (2 - f)
    n = a / math.sqrt(1 - e2 * math.sin(lat) ** 2)
    return n * math.cos(lat) * math.cos(lon), n * math.cos(lat) * math.sin(lon), n * (1 - e2) * math.sin(lat)


def geographic(x, y, z, a, rf):
    """Back again, by iteration."""
    f = 1 / rf
    e2 = f * (2 - f)
    p, lat = math.hypot(x, y), math.atan2(z, math.hypot(x, y))
    for _ in range(20):
        n = a / math.sqrt(1 - e2 * math.sin(lat) ** 2)
        lat = math.atan2(z + e2 * n * math.sin(lat), p)
    return math.atan2(y, x), lat


@pytest.mark.parametrize(("convention", "sign"), [("position_vector", 1), ("coordinate_frame", -1)])
def test_seven_parameters_follow_the_formula_of_the_page(convention, sign):
    here = (554_000.0, 4_002_000.0)
    lon, lat = np.radians(Transformer.from_crs(XIAN, "EPSG:4610", always_xy=True).transform(*here))
    x, y, z = geocentric(lon, lat, 6378140.0, 298.257)
    m, second = 1 + 5e-6, sign * math.pi / 648_000
    rx, ry, rz = 1.0 * second, -2.0 * second, 3.0 * second
    new = (
        10.0 + m * (x - rz * y + ry * z),
        -20.0 + m * (rz * x + y - rx * z),
        30.0 + m * (-ry * x + rx * y + z),
    )
    degrees = np.degrees(geographic(*new, 6378137.0, 298.257222101))
    wanted = Transformer.from_crs("EPSG:4490", "EPSG:4546", always_xy=True).transform(*degrees)
    assert moved(made(kind="helmert7", convention=convention, **SEVEN), XIAN, *here) == pytest.approx(wanted, abs=1e-4)
    assert math.hypot(wanted[0] - here[0], wanted[1] - here[1]) > 30


def test_the_two_conventions_lie_tens_of_metres_apart():
    one = moved(made(kind="helmert7", convention="position_vector", **SEVEN), XIAN, X, Y)
    other = moved(made(kind="helmert7", convention="coordinate_frame", **SEVEN), XIAN, X, Y)
    assert math.dist(one, other) > 50


@pytest.mark.parametrize("source", ["EPSG:2382", "EPSG:2361", "EPSG:2434", "EPSG:4784", "EPSG:4610", "EPSG:4214"])
def test_without_a_shift_only_the_ellipsoid_changes(source):
    nothing = dict.fromkeys(SEVEN, 0.0)
    base = pyproj.CRS(source).geodetic_crs
    start = (
        (111.6, 36.15)
        if base == pyproj.CRS(source)
        else Transformer.from_crs(base, source, always_xy=True).transform(111.6, 36.15)
    )
    east, north = moved(made(kind="helmert7", convention="position_vector", **nothing), source, *start)
    assert (east, north) == (pytest.approx(553_995.88, abs=15), pytest.approx(4_002_353.51, abs=150))


@pytest.mark.parametrize(
    ("numbers", "point", "wanted"),
    [
        # A quarter turn: anticlockwise the east (1, 0) becomes the north (0, 1).
        ({"convention": "east_north", "dx_m": 0, "dy_m": 0, "rotation_deg": 90}, (1, 0), (0, 1)),
        ({"convention": "east_north", "dx_m": 5, "dy_m": 7}, (1, 2), (6, 9)),
        # X is north: dx moves north, dy east; a quarter turn takes the north (0, 1) to the east (1, 0).
        ({"convention": "north_east", "dx_m": 5, "dy_m": 7}, (1, 2), (8, 7)),
        ({"convention": "north_east", "dx_m": 0, "dy_m": 0, "rotation_deg": 90}, (0, 1), (1, 0)),
        ({"convention": "north_east", "dx_m": 0, "dy_m": 0, "rotation_deg": 90}, (1, 0), (0, -1)),
        # 3-4-5: cos a = 0.8, sin a = 0.6, k = 5: E' = 4 E - 3 N + 1, N' = 3 E + 4 N + 2.
        (
            {"convention": "east_north", "dx_m": 1, "dy_m": 2, "rotation_rad": math.atan2(3, 4), "scale": 5},
            (10, 100), (-259, 432),
        ),
        # The same with X north: N' = 4 N - 3 E + 1, E' = 4 E + 3 N + 2.
        (
            {"convention": "north_east", "dx_m": 1, "dy_m": 2, "rotation_rad": math.atan2(3, 4), "scale": 5},
            (10, 100), (342, 371),
        ),
        ({"convention": "east_north", "dx_m": 0, "dy_m": 0, "rotation_arcsec": 324_000}, (1, 0), (0, 1)),
        ({"convention": "east_north", "dx_m": 0, "dy_m": 0, "scale_ppm": 1e6}, (1, 3), (2, 6)),
    ],
)  # fmt: skip
def test_four_parameters_by_hand(numbers, point, wanted):
    assert moved(made(kind="plane4", **numbers), None, *point) == pytest.approx(wanted, abs=1e-9)


def test_four_parameters_as_proj_has_them():
    # PROJ's helmert in two dimensions turns anticlockwise in its inverse sense; theta is in arc seconds.
    numbers = {"dx_m": 500_000.0, "dy_m": 4_000_000.0, "rotation_arcsec": -1234.5, "scale": 1.00002}
    way = Transformer.from_pipeline(
        "+proj=helmert +x=500000 +y=4000000 +theta=1234.5 +s=1.00002 +convention=position_vector"
    )
    point = (54_000.0, 2_000.0)
    wanted = way.transform(*point)
    assert moved(made(kind="plane4", convention="east_north", **numbers), None, *point) == pytest.approx(
        wanted, abs=1e-6
    )


def test_six_numbers_by_hand():
    shift = made(kind="affine", a=2, b=3, c=5, d=7, e=11, f=13)
    assert moved(shift, None, 100, 1000) == (2 * 100 + 3 * 1000 + 5, 7 * 100 + 11 * 1000 + 13)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"kind": "helmert3"}, "helmert7, plane4, affine"),
        ({"kind": "helmert7", **SEVEN}, "position_vector, coordinate_frame"),
        ({"kind": "helmert7", "convention": "position_vector", **{**SEVEN, "rx_arcsec": "1"}}, "rx_arcsec"),
        ({"kind": "helmert7", "convention": "position_vector", "dx_m": 1}, "dy_m"),
        ({"kind": "plane4", "dx_m": 1, "dy_m": 2}, "east_north, north_east"),
        ({"kind": "plane4", "convention": "east_north", "dx_m": 1, "dy_m": 2, "rx_arcsec": 3}, "rx_arcsec"),
        (
            {"kind": "plane4", "convention": "east_north", "dx_m": 1, "dy_m": 2, "rotation_deg": 3, "rotation_rad": 1},
            "one unit only",
        ),
        ({"kind": "plane4", "convention": "east_north", "dx_m": 1, "dy_m": 2, "scale": 0}, "above 0"),
        ({"kind": "plane4", "convention": "east_north", "dx_m": 1, "dy_m": 2, "scale": -1}, "above 0"),
        ({"kind": "affine", "a": 1, "b": 2, "c": 0, "d": 2, "e": 4, "f": 0}, "not 0"),
        ({"kind": "affine", "a": math.nan, "b": 0, "c": 0, "d": 0, "e": 1, "f": 0}, "a number"),
        ({"kind": "affine", "a": 1, "b": 0, "c": 0, "d": 0, "e": 1, "f": 0, "from": "local"}, "from"),
        ("helmert7", "a table"),
    ],
)  # fmt: skip
def test_what_is_missing_or_in_doubt_is_refused(raw, says):
    with pytest.raises(ProfileError) as error:
        read_shift(Entries("", "en"), "[layer.water]", raw)
    assert "[layer.water]" in str(error.value) and says in str(error.value)


def written(way, crs=None):
    """The pipes as a surveyor of another system would have written them."""
    frame = pipes()
    shapes = shapely.transform(frame.geometry.to_numpy(), lambda xy: np.column_stack(way(xy[:, 0], xy[:, 1])))
    return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=shapes, crs=crs)


def local(east, north):
    """E = e + 0.001 n + 553000, N = n - 0.001 e + 4001000, solved for e and n."""
    dx, dy = east - 553_000.0, north - 4_001_000.0
    n = (dy + 0.001 * dx) / (1 + 1e-6)
    return dx - 0.001 * n, n


AFFINE = 'shift = { kind = "affine", a = 1, b = 0.001, c = 553000, d = -0.001, e = 1, f = 4001000 }\n'
SCALE = math.hypot(1, 0.001)
PLANE = (
    'shift = { kind = "plane4", convention = "north_east", dx_m = 4001000, dy_m = 553000, '
    f"rotation_rad = {math.atan2(0.001, 1)!r}, scale = {SCALE!r}, accuracy_m = 0.05 }}\n"
)


@pytest.mark.parametrize("line", [AFFINE, PLANE], ids=["affine", "plane4"])
def test_a_local_grid_lies_where_its_parameters_say(zone, line):
    folder = zone(WATER + 'crs = "local"\n' + line, water=written(local, "EPSG:4546"))
    survey = read_folder(folder, lang="en")
    for shape, wanted in zip(survey.layers["water"].geometry, pipes().geometry, strict=True):
        assert shape.hausdorff_distance(wanted) < 1e-6
    (issue,) = found(survey, "crs_given")
    assert issue.severity == "warning" and issue.action == "declared"
    (said,) = [n.en for n in survey.notes if "given parameters" in n.en]
    assert "water.gpkg" in said and ("0.05 m" in said) == (line is PLANE)
    assert [i.code for i in survey.issues].count("crs_override") == 1


def test_axes_and_unit_come_before_the_parameters(zone):
    feet = written(lambda e, n: tuple(v / 0.3048 for v in local(e, n)[::-1]), "EPSG:4546")
    text = WATER + 'crs = "local"\naxes = "north_east"\nunit = "ft"\n' + AFFINE
    survey = read_folder(zone(text, water=feet))
    assert survey.layers["water"].geometry.iloc[0].hausdorff_distance(pipes().geometry.iloc[0]) < 1e-6


def test_a_local_grid_without_parameters_is_refused(zone):
    with pytest.raises(MissingCRS, match=r"water\.gpkg.*not guessed.*plane4.*\[layer\.water\]"):
        read_folder(zone(WATER + 'crs = "local"\n', water=written(local, "EPSG:4546")), lang="en")


@pytest.mark.parametrize(
    "line",
    [AFFINE.replace("553000", "353000"), PLANE.replace("north_east", "east_north"), AFFINE.replace("c = ", "c = -")],
)
def test_wrong_parameters_are_refused_by_the_gate(zone, line):
    with pytest.raises(MissingCRS, match="given parameters 2 of 2"):
        read_folder(zone(WATER + 'crs = "local"\n' + line, water=written(local, "EPSG:4546")), lang="en")


def xian(east, north):
    """The way from the zone into Xian 80: PROJ's own inverse of the seven numbers."""
    way = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +a=6378137 +rf=298.257222101 "
        "+step +inv +proj=helmert +x=10 +y=-20 +z=30 +rx=1 +ry=-2 +rz=3 +s=5 +convention=position_vector "
        "+step +inv +proj=cart +a=6378140 +rf=298.257 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    lon, lat = Transformer.from_crs("EPSG:4546", "EPSG:4490", always_xy=True).transform(east, north)
    lon, lat, _ = way.transform(lon, lat, np.zeros_like(lon))
    return Transformer.from_crs("EPSG:4610", XIAN, always_xy=True).transform(lon, lat)


HELMERT = (
    'kind = "helmert7", convention = "position_vector", dx_m = 10.0, dy_m = -20.0, dz_m = 30.0, '
    "rx_arcsec = 1.0, ry_arcsec = -2.0, rz_arcsec = 3.0, scale_ppm = 5"
)


def test_xian_80_with_its_parameters_lies_where_the_zone_lies(zone):
    survey = read_folder(zone(WATER + f"shift = {{ {HELMERT} }}\n", water=written(xian, XIAN)), lang="en")
    for shape, wanted in zip(survey.layers["water"].geometry, pipes().geometry, strict=True):
        assert shape.hausdorff_distance(wanted) < 0.002
    assert any("EPSG:2382" in n.en and "helmert7 position_vector" in n.en for n in survey.notes)


@pytest.mark.parametrize("start", ["EPSG:2382", "EPSG:4610", "EPSG:2361"])
def test_parameters_of_the_zone_serve_every_file_of_the_datum(zone, start):
    head = HEAD + f'shift = {{ from = "{start}", {HELMERT} }}\n'
    survey = read_folder(zone(WATER, head=head, water=written(xian, XIAN)))
    assert survey.layers["water"].geometry.iloc[0].hausdorff_distance(pipes().geometry.iloc[0]) < 0.002
    assert found(survey, "crs_given")[0].file == "water.gpkg" and len(found(survey, "crs_given")) == 1


def test_parameters_of_the_zone_for_another_datum_do_not_serve(zone):
    head = HEAD + f'shift = [{{ from = "EPSG:2434", {HELMERT} }}]\n'
    with pytest.raises(MissingCRS, match=r"EPSG:2382.*not guessed"):
        read_folder(zone(WATER, head=head, water=written(xian, XIAN)), lang="en")


def test_parameters_of_the_zone_for_its_local_grid(zone):
    head = HEAD + AFFINE.replace("{ ", '{ from = "local", ')
    survey = read_folder(zone(WATER + 'crs = "local"\n', head=head, water=written(local, "EPSG:4546")))
    assert survey.layers["water"].geometry.iloc[0].hausdorff_distance(pipes().geometry.iloc[0]) < 1e-6


def test_a_unit_beside_a_system_that_has_one_is_refused(zone):
    frame = pipes().to_crs("EPSG:2227")
    with pytest.raises(MissingCRS, match=r"water\.gpkg: EPSG:2227 is in .*foot"):
        read_folder(zone(WATER + 'unit = "ft"\n', water=frame), lang="en")


@pytest.mark.parametrize(("unit", "metres"), [("ft", 0.3048), ("us-ft", 1200 / 3937), ("km", 1000.0), ("mm", 0.001)])
def test_coordinates_in_another_unit(zone, unit, metres):
    frame = written(lambda e, n: (e / metres, n / metres), "EPSG:4546")
    survey = read_folder(zone(WATER + f'unit = "{unit}"\n', water=frame))
    assert survey.layers["water"].geometry.iloc[0].hausdorff_distance(pipes().geometry.iloc[0]) < 1e-6


def test_levels_of_1956_become_levels_of_1985(zone):
    frame = pipes(invert_from_m=[440.0, 439.0], invert_to_m=[439.0, None])
    survey = read_folder(zone(WATER + 'height_datum = "1956"\n', water=frame), lang="en")
    assert survey.layers["water"]["invert_from_m"].tolist() == pytest.approx([439.971, 438.971])
    assert survey.layers["water"]["invert_to_m"].isna().tolist() == [False, True]
    assert any("-0.029 m" in n.en for n in survey.notes) and len(found(survey, "heights_1956")) == 1
    plain = read_folder(zone(WATER + 'height_datum = "1985"\n', water=frame))
    assert plain.layers["water"]["invert_from_m"].tolist() == [440.0, 439.0] and not found(plain, "heights_1956")
