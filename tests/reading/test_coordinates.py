"""The gate: never a guess, always the line to paste. Numbers at 111.60 E, 36.15 N are those of EPSG:4546."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from small_zone import CRS, HEAD, WATER, codes, found, parcels, pipes

from gisplan.base.errors import MissingCRS, ProfileError
from gisplan.reading.places.coordinates import Gate, alike, change, crs_named, crs_of, zone_crs
from gisplan.reading.survey import from_frames, read_folder
from gisplan.reading.zone_file import Place

BOX = Place(box=(111.54, 36.08, 111.74, 36.26))
HERE = (553_995.88, 4_002_353.51)


@pytest.mark.parametrize(
    ("crs", "place", "wanted"),
    [
        ("EPSG:4490", BOX, ["degrees", "EPSG:4546"]),
        ("EPSG:4326", BOX, ["degrees", 'crs = "EPSG:4546"']),
        ("EPSG:2227", BOX, ["foot", "EPSG:4546"]),
        ("EPSG:4549", BOX, ["not made for the place", 'crs = "EPSG:4546"']),
        ("EPSG:25831", BOX, ["not made for the place", "EPSG:4546"]),
        ("EPSG:4546", Place(box=(2.0, 41.3, 2.1, 41.4)), ["not made for the place", "EPSG:32631"]),
    ],
)
def test_the_zone_needs_metres_and_the_right_place(crs, place, wanted):
    with pytest.raises(MissingCRS) as error:
        zone_crs(crs, place, "en")
    for word in wanted:
        assert word in str(error.value)


def test_a_crs_that_does_not_exist():
    with pytest.raises(ProfileError, match="EPSG:99999"):
        crs_named("EPSG:99999", "[zone]", "en")
    assert crs_of("") is None and crs_of("nonsense") is None
    assert crs_of('LOCAL_CS["Undefined SRS",UNIT["metre",1]]') is None


def test_a_height_or_a_made_up_shift_is_taken_off():
    assert crs_named("EPSG:4546+5737", "", "en").to_epsg() == 4546
    shifted = "+proj=tmerc +lon_0=111 +k=1 +x_0=500000 +ellps=IAU76 +towgs84=0,0,0,0,0,0,0 +units=m +type=crs"
    assert not crs_named(shifted, "", "en").is_bound


@pytest.mark.parametrize(
    "source", ["EPSG:4546", "EPSG:4525", "EPSG:4526", "EPSG:4508", "EPSG:4490", "EPSG:4326", "EPSG:32649"]
)
def test_there_and_back(source):
    crs, zone = crs_named(source, "", "en"), crs_named(CRS, "", "en")
    away = change(zone, crs, "", "", "en").points(np.array([HERE[0]]), np.array([HERE[1]]))
    x, y = change(crs, zone, "", "", "en").points(*away)
    assert (x[0], y[0]) == (pytest.approx(HERE[0], abs=1e-3), pytest.approx(HERE[1], abs=1e-3))


def test_where_111_60_east_36_15_north_lies():
    zone = crs_named(CRS, "", "en")
    for source in ("EPSG:4490", "EPSG:4326"):
        x, y = change(crs_named(source, "", "en"), zone, "", "", "en").points(np.array([111.60]), np.array([36.15]))
        assert (x[0], y[0]) == (pytest.approx(HERE[0], abs=0.01), pytest.approx(HERE[1], abs=0.01))


def test_wgs84_and_cgcs2000_count_as_equal_and_it_is_said():
    assert math.isnan(change(crs_named("EPSG:4326", "", "en"), crs_named(CRS, "", "en"), "", "", "en").accuracy)
    assert change(crs_named("EPSG:4490", "", "en"), crs_named(CRS, "", "en"), "", "", "en").accuracy == 0.0
    assert alike(crs_named("EPSG:4326", "", "en"), crs_named("EPSG:4490", "", "en"))


@pytest.mark.parametrize("source", ["EPSG:2361", "EPSG:2382", "EPSG:2413", "EPSG:2434", "EPSG:4610", "EPSG:4214"])
def test_xian_80_and_beijing_54_are_refused(source):
    with pytest.raises(MissingCRS, match=r"w\.shp.*not guessed.*\[layer\.water\].*EPSG:4546"):
        change(crs_named(source, "", "en"), crs_named(CRS, "", "en"), "w.shp", "[layer.water]", "en")


@pytest.mark.parametrize(
    ("x", "y", "line"),
    [
        (37_553_995.88, 4_002_353.51, 'crs = "EPSG:4525"'),
        (553_995.88, 4_002_353.51, 'crs = "EPSG:4546"'),
        (283_998.0, 4_004_856.0, 'crs = "EPSG:4547"'),
        (38_283_998.0, 4_004_856.0, 'crs = "EPSG:4526"'),
        (19_553_995.88, 4_002_353.51, 'crs = "EPSG:4497"'),
        (111.6, 36.15, 'crs = "EPSG:4490"'),
        (4_002_353.51, 553_995.88, 'axes = "north_east"'),
        (36.15, 111.6, 'axes = "north_east"'),
        (1.0e9, 5.0, ""),
        (53_995.88, 2_353.51, "dx_m = 500000, dy_m = 4000000"),
        (553_995.88, 2_353.51, "dx_m = 0, dy_m = 4000000"),
        (553_995.88 / 0.3048, 4_002_353.51 / 0.3048, 'unit = "ft"'),
        (553_995_880.0, 4_002_353_510.0, 'unit = "mm"'),
        (553.99588, 4_002.35351, 'unit = "km"'),
        (553_974.28, 4_000_752.57, 'crs = "EPSG:4546"'),  # UTM: 22 m and 1.6 km off, which no box can tell
        (824_038.82, 4_008_196.51, 'crs = "EPSG:4545"'),
        (2_733_403.29, 4_295_533.12, 'crs = "EPSG:4538"'),
    ],
)
def test_the_cause_of_coordinates_that_lie_elsewhere(x, y, line):
    gate = Gate.at(zone_crs(CRS, BOX, "en"), BOX)
    assert line in gate.diagnose(x, y, "en")[1]
    assert (gate.diagnose(x, y, "en")[1] == "") == (line == "")


def moved(frame, crs):
    return frame.to_crs(crs)


@pytest.mark.parametrize("crs", ["EPSG:4525", "EPSG:4526", "EPSG:4490", "EPSG:4326"])
def test_a_layer_in_another_known_crs_is_transformed(zone, crs):
    survey = read_folder(zone(WATER, water=moved(pipes(), crs)))
    assert survey.layers["water"].geometry.length.tolist() == pytest.approx([200.0, 200.0], abs=1e-3)
    assert survey.layers["water"].crs.to_epsg() == 4546
    assert any(crs in n.en and "EPSG:4546" in n.en for n in survey.notes)
    assert ("crs_equal" if crs == "EPSG:4326" else "crs_changed") in codes(survey)


def test_a_layer_without_crs_gets_the_line_to_paste(zone):
    bare = pipes().set_crs(None, allow_override=True)
    folder = zone(WATER, water=None)
    with pytest.warns(UserWarning, match="crs"):
        bare.to_file(folder / "water.gpkg", layer="water")
    with pytest.raises(MissingCRS) as error:
        read_folder(folder, lang="en")
    assert "water.gpkg" in str(error.value) and '[layer.water]: crs = "EPSG:4546"' in str(error.value)
    (folder / "zone.toml").write_text(HEAD + WATER + 'crs = "EPSG:4546"\n', encoding="utf-8")
    assert len(read_folder(folder).layers["water"]) == 2


def relabelled(frame, crs, label):
    return frame.to_crs(crs).set_crs(label, allow_override=True)


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (relabelled(pipes(), "EPSG:4525", "EPSG:4546"), 'crs = "EPSG:4525"'),
        (relabelled(pipes(), "EPSG:4546", "EPSG:4525"), 'crs = "EPSG:4546"'),
        (relabelled(pipes(), "EPSG:4546", "EPSG:4547"), 'crs = "EPSG:4546"'),
        (relabelled(pipes(), "EPSG:4490", "EPSG:4546"), 'crs = "EPSG:4490"'),
        (relabelled(pipes(), "EPSG:4546", "EPSG:4490"), 'crs = "EPSG:4546"'),
        (pipes().set_geometry(shapely.transform(pipes().geometry.values, lambda c: c[:, ::-1])), "north_east"),
    ],
)
def test_a_wrong_label_is_refused_with_the_line_to_paste(zone, frame, line):
    folder = zone(WATER, water=gpd.GeoDataFrame(frame))
    with pytest.raises(MissingCRS) as error:
        read_folder(folder, lang="en")
    assert "water.gpkg" in str(error.value) and line in str(error.value) and "2 of 2" in str(error.value)


def test_what_is_pasted_cures_it(zone):
    swapped = pipes().set_geometry(shapely.transform(pipes().geometry.values, lambda c: c[:, ::-1]))
    survey = read_folder(zone(WATER + 'axes = "north_east"\n', water=swapped))
    assert survey.layers["water"].geometry.iloc[0].equals(pipes().geometry.iloc[0])
    wrong = relabelled(pipes(), "EPSG:4525", "EPSG:4546")
    survey = read_folder(zone(WATER + 'crs = "EPSG:4525"\n', water=wrong))
    assert survey.layers["water"].geometry.length.tolist() == pytest.approx([200.0, 200.0], abs=1e-3)
    assert found(survey, "crs_override")[0].action == "declared"


def test_without_a_box_the_area_of_the_crs_counts(zone):
    head = HEAD.replace("place = { box = [111.54, 36.08, 111.74, 36.26] }\n", "")
    assert len(read_folder(zone(WATER, head=head)).parcels) == 3
    wrong = relabelled(parcels(), "EPSG:4525", "EPSG:4546")
    with pytest.raises(MissingCRS, match="EPSG:4525"):
        read_folder(zone(WATER, head=head, parcels=wrong), lang="en")


def test_a_single_stray_costs_itself(zone):
    frame = pipes()
    frame.loc[1, "geometry"] = shapely.LineString([(0, 0), (1, 1)])
    survey = read_folder(zone(WATER, water=frame), lang="en")
    assert survey.layers["water"].index.tolist() == ["W1"]
    (issue,) = found(survey, "set_aside")
    assert (issue.feature, issue.severity, issue.action) == ("W2", "warning", "set aside")
    assert "far from the zone" in issue.message


def test_frames_pass_the_same_gate():
    with pytest.raises(MissingCRS, match="degrees"):
        from_frames(parcels().to_crs(4490), {}, lang="en")
    survey = from_frames(parcels().to_crs(4490), {"water": pipes()}, crs=CRS)
    assert survey.parcels.geometry.area.tolist() == pytest.approx([10_000.0] * 3, rel=1e-6)


WKT = (
    'PROJCS["{name}",GEOGCS["{base}",DATUM["{datum}",SPHEROID["CGCS2000",6378137.0,298.257222101]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["{method}"],PARAMETER["False_Easting",{east}],'
    'PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",{meridian}],PARAMETER["Scale_Factor",1.0],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)
ESRI = {"base": "GCS_China_Geodetic_Coordinate_System_2000", "datum": "D_China_2000", "method": "Gauss_Kruger"}
OWN = {"base": "CGCS_2000", "datum": "CGCS_2000", "method": "Transverse_Mercator"}


@pytest.mark.parametrize("words", [ESRI, OWN], ids=["ESRI", "own words"])
def test_every_zone_of_cgcs2000_is_known_by_its_parameters(words):
    # EPSG: 3-degree zones 25-45 are 4513-4533 with their number and 4534-4554 without; 6-degree zones 13-23 4491-4501.
    for zone in range(25, 46):
        text = WKT.format(name=f"CGCS2000_3_Degree_GK_Zone_{zone}", east=zone * 1e6 + 5e5, meridian=3 * zone, **words)
        assert crs_of(text).to_epsg() == 4513 + zone - 25
        text = WKT.format(name=f"CGCS2000_3_Degree_GK_CM_{3 * zone}E", east=5e5, meridian=3 * zone, **words)
        assert crs_of(text).to_epsg() == 4534 + zone - 25
    for zone in range(13, 24):
        text = WKT.format(name=f"CGCS2000_GK_Zone_{zone}", east=zone * 1e6 + 5e5, meridian=6 * zone - 3, **words)
        assert crs_of(text).to_epsg() == 4491 + zone - 13


@pytest.mark.parametrize("number", [*range(4491, 4513), *range(4513, 4555), 4490])
def test_what_esri_writes_of_a_zone_is_that_zone(number):
    own = pyproj.CRS.from_epsg(number)
    back = crs_of(own.to_wkt("WKT1_ESRI"))
    # Without a zone's number the 6-degree systems are the 3-degree ones of the same meridian.
    same = number if number not in range(4502, 4513) else back.to_epsg()
    assert back.to_epsg() == same and back.equals(pyproj.CRS.from_epsg(same))
    x, y = change(own, back, "", "", "en").points(np.array([111.0 if number == 4490 else 5e5]), np.array([36.0]))
    assert (x[0], y[0]) == (pytest.approx(111.0 if number == 4490 else 5e5, abs=1e-6), pytest.approx(36.0, abs=1e-6))


def test_a_meridian_of_its_own_is_exact_and_another_datum_is_not():
    own = crs_of(WKT.format(name="x", east=5e5, meridian=111.5, **OWN))
    assert own.to_epsg() is None and own.geodetic_crs.to_epsg() == 4490
    way = change(own, crs_named(CRS, "", "en"), "", "", "en")
    x, y = way.points(np.array([5e5]), np.array([4e6]))
    # Half a degree of longitude east of 111 E at 36.13 N: 6378137 cos(lat) (pi / 360) to first order.
    assert way.accuracy == 0.0 and x[0] == pytest.approx(545_000, abs=100) and y[0] == pytest.approx(4e6, abs=200)
    for datum in ("D_Unknown", "D_Xian_1980", "D_Beijing_1954", "D_WGS_2000"):
        text = WKT.format(name="x", east=5e5, meridian=111, base="g", datum=datum, method="Gauss_Kruger")
        with pytest.raises(MissingCRS):
            change(crs_of(text), crs_named(CRS, "", "en"), "", "", "en")


@pytest.mark.parametrize(
    ("label", "point", "words"),
    [
        ("EPSG:4547", (38_283_998.0, 4_004_856.0), "number of the zone stands before the eastings (EPSG:4526)"),
        ("EPSG:4526", (283_998.0, 4_004_856.0), "does not stand before the eastings (EPSG:4547)"),
        ("EPSG:4546", (283_998.0, 4_004_856.0), "central meridian 114"),
        ("EPSG:4546", (111.6, 36.15), "look like degrees (EPSG:4490)"),
        ("EPSG:4490", HERE, "metres of EPSG:4546"),
        ("EPSG:4546", HERE[::-1], "swapped"),
        ("EPSG:4546", (53_995.88, 2_353.51), "leading digits seem to be cut off: 500000 m to the east and 4000000 m"),
        ("EPSG:4546", (553_995.88 / 0.3048, 4_002_353.51 / 0.3048), "ft, not metres"),
        ("EPSG:32649", (37_553_995.88, 4_002_353.51), "look like EPSG:4525"),
    ],
)
def test_the_cause_is_told_in_words(label, point, words):
    gate = Gate.at(zone_crs(CRS, BOX, "en"), BOX)
    assert words in gate.diagnose(*point, "en", crs_named(label, "", "en"))[0]


def test_leading_digits_are_not_guessed_where_the_zone_is_large():
    wide = Place(box=(110.0, 35.0, 112.0, 37.0))
    gate = Gate.at(zone_crs(CRS, wide, "en"), wide)
    assert gate.diagnose(53_995.88, 2_353.51, "en")[1] == ""


CUT = 'crs = "local"\nshift = { kind = "plane4", convention = "east_north", dx_m = 500000, dy_m = 4000000 }'


@pytest.mark.parametrize(
    ("write", "label", "line"),
    [
        (lambda xy: xy - [500_000, 4_000_000], CRS, CUT),
        (lambda xy: xy / 0.3048, CRS, 'crs = "EPSG:4546"\nunit = "ft"'),
        (lambda xy: xy[:, ::-1], CRS, 'crs = "EPSG:4546"\naxes = "north_east"'),
        (lambda xy: xy + np.array([37e6, 0]), CRS, 'crs = "EPSG:4525"'),
        (lambda xy: xy, "EPSG:4525", 'crs = "EPSG:4546"'),
        (lambda xy: xy - [500_000, 4_000_000], None, CUT),
    ],
)
def test_the_line_of_the_refusal_can_be_pasted(zone, write, label, line):
    frame = pipes()
    frame = frame.set_geometry(shapely.transform(frame.geometry.to_numpy(), write), crs=None)
    folder = zone(WATER, water=None)
    pyogrio.write_dataframe(
        frame.set_crs(label, allow_override=True) if label else frame, folder / "water.gpkg", layer="water"
    )
    with pytest.raises(MissingCRS) as error:
        read_folder(folder, lang="en")
    assert str(error.value).endswith(f"paste under [layer.water]: {line}")
    (folder / "zone.toml").write_text(HEAD + WATER + line + "\n", encoding="utf-8")
    assert read_folder(folder).layers["water"].geometry.iloc[0].hausdorff_distance(pipes().geometry.iloc[0]) < 1e-6


def test_axes_that_were_declared_wrongly_are_turned_back(zone):
    folder = zone(WATER + 'axes = "north_east"\n')
    with pytest.raises(MissingCRS, match='axes = "east_north"'):
        read_folder(folder, lang="en")
