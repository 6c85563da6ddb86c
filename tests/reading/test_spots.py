"""The ground from spot heights and contours: planes, terraces and cones whose heights are known by hand."""

from __future__ import annotations

import math
from pathlib import Path

import ezdxf
import geopandas as gpd
import numpy as np
import pytest
import shapely
from small_zone import CRS, WATER, X, Y, codes, found, parcels, square

import gisplan
from gisplan.base.errors import FormatError, LayerError, MissingColumn, MissingCRS
from gisplan.reading.survey import read_folder

GROUND = WATER + '[ground]\nfile = "{file}"\nas_of = 2026-05-01\n{more}'
XYZ = tuple[np.ndarray, np.ndarray, np.ndarray]


def plane(x, y):
    """3 % up to the east, 4 % up to the north: 5 % in all."""
    return 400 + 0.03 * (x - X) + 0.04 * (y - Y)


def lattice(height, step=10.0, west=-50.0, east=450.0, south=-50.0, north=200.0) -> XYZ:
    x, y = np.meshgrid(np.arange(X + west, X + east + 1, step), np.arange(Y + south, Y + north + 1, step))
    return x.ravel(), y.ravel(), height(x.ravel(), y.ravel())


def write_csv(folder: Path, spots: XYZ, name="gcd.csv", head="点号,E,N,高程") -> None:
    rows = [f"{i},{x:.3f},{y:.3f},{z:.3f}" for i, (x, y, z) in enumerate(zip(*spots, strict=True))]
    (folder / name).write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")


def folder_of(zone, spots: XYZ, more='crs = "EPSG:4546"\n', **said) -> Path:
    folder = zone(GROUND.format(file="gcd.csv", more=more))
    write_csv(folder, spots, **said)
    return folder


def survey_of(zone, spots: XYZ, **said):
    return read_folder(folder_of(zone, spots, **said), lang="en")


def slopes(survey):
    return {"slope": survey.terrain.slope, "relief": survey.terrain.relief}


def test_an_inclined_plane_has_its_exact_slope(zone) -> None:
    survey = survey_of(zone, lattice(plane))
    ground = survey.ground
    assert (ground.name, ground.cell_m, str(ground.as_of)) == ("gcd.csv", 5.0, "2026-05-01")
    assert ground.bounds == (X - 50, Y - 50, X + 450, Y + 200)
    cells = ground.sample(survey.parcels.geometry.to_numpy())
    # 100 m squares: 20 x 20 cells of 5 m; beside them the spots that lie inside, 9 x 9.
    assert cells.expected.tolist() == [400] * 3 and cells.found.tolist() == [400] * 3
    assert len(cells.z) == 3 * 481 and cells.between.sum() == 3 * 81
    assert np.abs(cells.z - plane(cells.x, cells.y)).max() < 2e-3  # heights are written to the millimetre
    measured = slopes(survey)
    assert measured["slope"] == pytest.approx([5.0] * 3, abs=1e-3)
    assert measured["relief"] == pytest.approx([0.0] * 3, abs=3e-3)
    assert [n.en for n in survey.notes if "gcd.csv" in n.en and "error" not in n.en] == [
        "gcd.csv: the ground is interpolated from 1326 spot heights (2026-05-01; about 10 m apart);"
        " no height is taken farther than 25 m from them."
    ]


def test_terraces_and_a_single_mound_are_seen(zone) -> None:
    def terrace(x, y):
        return np.where(x < X + 50, 400.0, 401.0)  # a step of 1 m in the middle of the first parcel

    x, y, z = lattice(terrace)
    z[(x == X + 170) & (y == Y + 50)] += 2.0  # one spot in the middle of the second parcel
    measured = slopes(survey_of(zone, (x, y, z)))
    assert measured["relief"][0] > 0.4 and measured["slope"][0] > 1
    # The mound's top is the spot itself, 2 m above the plane but for the plane's own rise.
    assert 1.9 < measured["relief"][1] < 2.01
    assert measured["relief"][2] == pytest.approx(0, abs=1e-9) and measured["slope"][2] == pytest.approx(0, abs=1e-9)


def test_a_parcel_beyond_the_points_is_unknown(zone) -> None:
    survey = survey_of(zone, lattice(plane, east=115.0))
    measured = slopes(survey)
    assert np.isnan(measured["slope"]).tolist() == [False, True, True]
    assert "2 parcels" in found(survey, "dem_part")[0].message
    cells = survey.ground.sample([square(90, 0), shapely.LineString([(X, Y + 5), (X + 200, Y + 5)])])
    # The points end at 110: of the square from 90 to 190, 4 of 20 columns of cells have a height; along the line,
    # 200 m at every 5 m and the end, those from 0 to 110.
    assert cells.x.max() <= X + 110 and cells.found.tolist() == [4 * 20, 23]
    assert cells.expected.tolist() == [400, 42]


def test_the_grade_says_which_ground_is_missing(zone) -> None:
    folder = folder_of(zone, lattice(lambda x, y: np.full(len(x), 400.0), east=115.0))
    parcels(use="工业用地").to_file(folder / "parcels.gpkg", layer="parcels")
    cells = gisplan.check(gisplan.read(folder)).cells
    of = cells[cells["service"] == "leveling"].set_index("parcel")
    # Dead level ground drains nowhere: D by the slope; beyond the points nobody knows.
    assert of["grade"].tolist() == ["D", "U", "U"]
    assert of["code"].tolist() == ["slope", "ground_gap", "ground_gap"]


def test_nothing_is_read_far_from_every_point(zone) -> None:
    """A hole of 160 m in a lattice of 10 m: heights end 25 m from its rim, though the hull closes over it."""
    x, y, z = lattice(plane, east=650, north=400)
    inside = (x > X + 120) & (x < X + 280) & (y > Y) & (y < Y + 160)
    survey = survey_of(zone, (x[~inside], y[~inside], z[~inside]))
    cells = survey.ground.sample([shapely.box(X + 120, Y, X + 280, Y + 160)])
    rim = np.minimum.reduce([cells.x - X - 120, X + 280 - cells.x, cells.y - Y, Y + 160 - cells.y])
    # Spots stand on the rim every 10 m: a cell 2.5 m beside them and 24.9 m away at most.
    assert rim.max() == 22.5 and cells.expected.tolist() == [32 * 32]
    assert np.isnan(slopes(survey)["slope"][1])


def test_many_points_in_one_corner_are_no_survey_of_the_rest(zone) -> None:
    """A lattice of 20 m with a hole where the second parcel lies, but for 2500 points in a corner of it."""
    x, y, z = lattice(plane, step=20.0, east=650, north=400)
    hole = (x > X + 100) & (x < X + 300) & (y > Y - 40) & (y < Y + 150)
    corner, left = np.linspace(1.0, 9.0, 50), survey_of(zone, (x, y, z)).parcels.bounds["minx"].iloc[1]
    dense_x, dense_y = (part.ravel() for part in np.meshgrid(left + corner, Y + corner))
    mound = plane(dense_x, dense_y) + 3.0
    spots = [np.append(a[~hole], b) for a, b in ((x, dense_x), (y, dense_y), (z, mound))]
    # Thinner points elsewhere would otherwise set the size of the cells: 2500 of them lie 16 cm apart.
    survey = survey_of(zone, tuple(np.append(a, b) for a, b in zip(spots, _far_lattice(), strict=True)))
    assert survey.ground.cell_m == 10.0
    cells = survey.ground.sample(survey.parcels.geometry.to_numpy())
    assert cells.expected[1] == 100 and cells.found[1] < 90 and cells.between[cells.owner == 1].sum() >= 2500
    assert np.isnan(slopes(survey)["slope"][1])


def _far_lattice() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spread points 20 m apart over land behind the parcels."""
    x, y = (part.ravel() for part in np.meshgrid(X + np.arange(-50, 2000, 20.0), Y + np.arange(400, 2400, 20.0)))
    return x, y, plane(x, y)


def test_a_third_coordinate_is_in_the_unit_of_the_others(zone) -> None:
    x, y, z = lattice(plane)
    folder = zone(GROUND.format(file="feet.gpkg", more='crs = "EPSG:4546"\nunit = "ft"\n'))
    feet = shapely.points(x / 0.3048, y / 0.3048, z / 0.3048)
    gpd.GeoDataFrame({"n": np.arange(len(x))}, geometry=feet, crs=4546).to_file(folder / "feet.gpkg", layer="feet")
    assert slopes(read_folder(folder, lang="en"))["slope"] == pytest.approx([5.0] * 3, abs=1e-3)


def test_too_few_points_give_nothing(zone) -> None:
    survey = survey_of(zone, lattice(plane, step=100.0, north=350))
    # 100 m apart: cells of 50 m, known up to 50 m from a point; a parcel sees its neighbourhood of 200 m: 4 points.
    assert survey.ground.cell_m == 50.0 and np.isnan(slopes(survey)["slope"]).all()
    x = np.array([X, X + 50, X + 100.0])
    survey = survey_of(zone, (x, np.full(3, Y + 50), np.full(3, 400.0)))  # on one line
    assert np.isnan(slopes(survey)["slope"]).all() and found(survey, "ground_few")[0].severity == "warning"


def test_points_that_contradict_each_other_are_believed_neither(zone) -> None:
    x, y, z = lattice(plane)
    at = (x == X + 50) & (y == Y + 50)
    twice = (np.append(x, x[at]), np.append(y, y[at]), np.append(z, z[at] + 0.5))
    survey = survey_of(zone, twice)
    assert "At 1 places" in found(survey, "spots_twice")[0].message
    cells = survey.ground.sample([square(0, 0)])
    # Triangles that touch the spot have no height: nothing within a few metres of it, but the rest of the parcel has.
    away = np.hypot(cells.x - X - 50, cells.y - Y - 50)
    assert away.min() > 5 and cells.expected[0] > cells.found[0] > 0.9 * cells.expected[0]
    # 4 cm apart they are one and the same, at their mean.
    close = (np.append(x, x[at]), np.append(y, y[at]), np.append(z, z[at] + 0.04))
    survey = survey_of(zone, close)
    cells = survey.ground.sample([square(0, 0)])
    top = (cells.x == X + 50) & (cells.y == Y + 50)
    assert "spots_twice" not in codes(survey) and cells.z[top] == pytest.approx(plane(X + 50, Y + 50) + 0.02, abs=1e-3)


def test_heights_that_cannot_be_are_set_aside_and_counted(zone) -> None:
    x, y, z = lattice(plane)
    z[:4] = [0.0, -9999.0, 12345.0, -600.0]
    survey = survey_of(zone, (x, y, z))
    assert found(survey, "spots_absurd")[0].message.startswith("4 points")
    assert slopes(survey)["slope"] == pytest.approx([5.0] * 3, abs=1e-3)
    with pytest.raises(LayerError, match=r"gcd\.csv.*height_m"):
        survey_of(zone, (x, y, np.zeros(len(x))))


def test_heights_of_1956_are_brought_to_1985_and_said_so(zone) -> None:
    spots = lattice(lambda x, y: np.full(len(x), 400.0))
    survey = survey_of(zone, spots, more='crs = "EPSG:4546"\nheight_datum = "1956"\n')
    assert set(survey.ground.sample([square(0, 0)]).z.round(6)) == {399.971}
    assert any("1956" in n.en and "-0.029" in n.en for n in survey.notes)
    assert not any("1956" in n.en for n in survey_of(zone, spots).notes)


def test_coordinates_pass_the_gate(zone) -> None:
    spots = lattice(plane)
    with pytest.raises(MissingCRS, match=r'gcd\.csv.*\[ground\].*crs = "EPSG:4546"'):
        survey_of(zone, spots, more="")
    # Chinese surveyors call north x.
    swapped = (spots[1], spots[0], spots[2])
    with pytest.raises(LayerError, match="north_east"):
        survey_of(zone, swapped, head="点号,X,Y,H")
    survey = survey_of(zone, swapped, head="点号,X,Y,H", more='crs = "EPSG:4546"\naxes = "north_east"\n')
    assert slopes(survey)["slope"] == pytest.approx([5.0] * 3, abs=1e-3)
    prefixed = (spots[0] + 37_000_000, spots[1], spots[2])
    survey = survey_of(zone, prefixed, more='crs = "EPSG:4525"\n')
    assert slopes(survey)["slope"] == pytest.approx([5.0] * 3, abs=1e-3)
    with pytest.raises(LayerError, match=r"gcd\.csv"):
        survey_of(zone, (spots[0] + 9000, spots[1], spots[2]))


def test_columns_and_units_are_named_in_zone_toml(zone) -> None:
    x, y, z = lattice(plane)
    text = 'crs = "EPSG:4546"\ncolumns = { height_m = "bg" }\nunits = { height_m = "mm" }\n'
    survey = survey_of(zone, (x, y, z * 1000), head="点号,E,N,bg", more=text)
    assert slopes(survey)["slope"] == pytest.approx([5.0] * 3, abs=1e-3)
    with pytest.raises(MissingColumn, match="easting"):
        survey_of(zone, (x, y, z), head="点号,a,N,高程")
    with pytest.raises(LayerError, match="height_m"):
        survey_of(zone, (x, y, z), head="点号,E,N,bg")


@pytest.mark.parametrize("suffix", ["gpkg", "shp", "geojson"])
def test_points_with_a_column_or_with_their_own_height(zone, suffix) -> None:
    x, y, z = lattice(plane)
    flat = gpd.GeoDataFrame({"gc": z}, geometry=shapely.points(x, y), crs=CRS)
    solid = gpd.GeoDataFrame({"nr": range(len(x))}, geometry=shapely.points(x, y, z), crs=CRS)
    for frame, more in ((flat, 'columns = { height_m = "gc" }\n'), (solid, "")):
        folder = zone(GROUND.format(file=f"gcd.{suffix}", more=more))
        for old in folder.glob("gcd.*"):
            old.unlink()
        frame = frame.to_crs(4326) if suffix == "geojson" else frame
        frame.to_file(folder / f"gcd.{suffix}")
        survey = read_folder(folder, lang="en")
        assert slopes(survey)["slope"] == pytest.approx([5.0] * 3, abs=1e-2)
        assert f"gcd.{suffix}" in survey.inputs


STEEP = 0.2
TOP = (X + 200.0, Y + 50.0)


def cone(x, y):
    """A hill whose top, 450 m high, stands over the second parcel; 20 % down in every direction."""
    return 450 - STEEP * np.hypot(x - TOP[0], y - TOP[1])


def rings(interval=2.0, count=20, corners=180):
    """Its contours: circles, every 10 m farther from the top."""
    angle = np.linspace(0, 2 * math.pi, corners + 1)
    return [
        (450 - interval * i, np.column_stack([TOP[0] + r * np.cos(angle), TOP[1] + r * np.sin(angle)]))
        for i in range(1, count + 1)
        for r in [interval * i / STEEP]
    ]


def test_contours_of_a_cone(zone) -> None:
    folder = zone(GROUND.format(file="dgx.gpkg", more='columns = { height_m = "等高线高程" }\n'))
    lines = {"等高线高程": [h for h, _ in rings()]}
    gpd.GeoDataFrame(lines, geometry=[shapely.LineString(r) for _, r in rings()], crs=CRS).to_file(folder / "dgx.gpkg")
    survey = read_folder(folder, lang="en")
    far, near = shapely.box(X + 60, Y, X + 120, Y + 100), shapely.Point(TOP).buffer(9.5)
    cells = survey.ground.sample([far, near])
    own = cells.owner == 0
    # A chord of a ring of 180 corners sags by r (1 - cos 1°) = 0.15 ‰ of r, 3 cm at most, 20 % of it in height.
    assert cells.expected[0] == own.sum() and np.abs(cells.z - cone(cells.x, cells.y))[own].max() < 0.07
    # Inside the innermost ring nobody has surveyed: it is no plateau.
    assert cells.expected[1] > 5 and cells.found[1] == 0
    # That hole is 3 % of the second parcel; beside the hill's shoulder the slope is nearly that of the cone.
    assert np.isfinite(slopes(survey)["slope"]).all() and 18 < slopes(survey)["slope"][0] <= 20
    assert any("contours" in n.en and "0 spot heights" in n.en for n in survey.notes)
    # With the top itself surveyed the inside is known.
    frame = gpd.read_file(folder / "dgx.gpkg")
    frame.loc[len(frame)] = [450.0, shapely.Point(TOP)]
    frame.to_file(folder / "dgx.gpkg")
    cells = read_folder(folder, lang="en").ground.sample([near])
    assert cells.expected.tolist() == cells.found.tolist() and np.abs(cells.z - cone(cells.x, cells.y)).max() < 0.05


def test_one_contour_alone_is_no_plain(zone) -> None:
    folder = zone(GROUND.format(file="dgx.gpkg", more=""))
    ring = [(*p, 400.0) for p in shapely.box(X - 20, Y - 20, X + 400, Y + 150).exterior.coords]
    gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.LineString(ring)], crs=CRS).to_file(folder / "dgx.gpkg")
    survey = read_folder(folder, lang="en")
    assert survey.ground.sample(survey.parcels.geometry.to_numpy()).found.tolist() == [0, 0, 0]
    assert np.isnan(slopes(survey)["slope"]).all()


def test_a_cass_drawing_gives_its_spots_and_contours(zone) -> None:
    """Blocks on GCD, polylines on DGX; the texts beside them and everything else at height 0 are no ground."""
    folder = zone(GROUND.format(file="map.dxf", more='crs = "EPSG:4546"\n'))
    drawing = ezdxf.new("R2010")
    drawing.blocks.new("gc200").add_circle((0, 0), 0.25)
    space = drawing.modelspace()
    for x, y, z in zip(*lattice(plane), strict=True):
        space.add_blockref("gc200", (x, y, z), dxfattribs={"layer": "GCD"})
        space.add_text(f"{z:.2f}", dxfattribs={"layer": "GCD", "insert": (x + 2, y, 0)})
    space.add_lwpolyline([(X - 50, Y + 230), (X + 450, Y + 230)], dxfattribs={"layer": "DGX", "elevation": 410})
    space.add_lwpolyline([(X, Y), (X + 100, Y)], dxfattribs={"layer": "JZD"})
    drawing.saveas(folder / "map.dxf")
    survey = read_folder(folder, lang="en")
    assert slopes(survey)["slope"] == pytest.approx([5.0] * 3, abs=1e-6)
    assert any("contours and 1326 spot heights" in n.en for n in survey.notes)
    drawing = ezdxf.new("R2010")
    drawing.modelspace().add_line((X, Y), (X + 100, Y), dxfattribs={"layer": "DLSS"})
    drawing.saveas(folder / "map.dxf")
    with pytest.raises(LayerError, match=r"map\.dxf.*GCD.*DLSS"):
        read_folder(folder, lang="en")


def test_what_is_no_ground(zone) -> None:
    folder = zone(GROUND.format(file="gcd.las", more=""))
    (folder / "gcd.las").write_bytes(b"LASF")
    with pytest.raises(FormatError, match=r"gcd\.las"):
        read_folder(folder, lang="en")
    folder = zone(GROUND.format(file="gcd.gpkg", more=""))
    parcels().to_file(folder / "gcd.gpkg")
    with pytest.raises(LayerError, match="no usable heights"):
        read_folder(folder, lang="en")
