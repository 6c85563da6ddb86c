"""The gate: never a guess, always the line to paste. Numbers at 111.60 E, 36.15 N are those of EPSG:4546."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from small_zone import CRS, HEAD, WATER, codes, found, parcels, pipes

from gisplan.base.errors import MissingCRS, ProfileError
from gisplan.reading.coordinates import Gate, alike, change, crs_named, crs_of, zone_crs
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
