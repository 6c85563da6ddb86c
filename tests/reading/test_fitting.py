"""Layers that pass every test of extent and lie beside the parcels all the same: named with the cause, never moved."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer
from small_zone import CRS, X, Y, codes, found, line, parcels, pipes, square

from gisplan.base.errors import MissingCRS
from gisplan.reading.places.fitting import Town
from gisplan.reading.places.offsets import bd09, from_bd09, from_gcj02, gcj02
from gisplan.reading.survey import from_frames

DEGREES = Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
TEXT = {"status": "现状", "as_of": "2026-01-31"}


def town(columns=9, rows=12):
    """Blocks of 150 by 100 m; streets of 40 m between them, 20 m from each block to the middle."""
    shapes = [
        shapely.box(X + 190 * i, Y + 140 * j, X + 190 * i + 150, Y + 140 * j + 100)
        for i in range(columns)
        for j in range(rows)
    ]
    return gpd.GeoDataFrame({"parcel": [f"P{i}" for i in range(len(shapes))]}, geometry=shapes, crs=CRS)


def streets(columns=9, rows=12):
    """A main in the middle of every street."""
    east, north = 190 * columns - 20, 140 * rows - 20
    lines = [line((-20, 140 * j - 20), (east, 140 * j - 20)) for j in range(rows + 1)]
    lines += [line((190 * i - 20, -20), (190 * i - 20, north)) for i in range(columns + 1)]
    ids = [f"W{i}" for i in range(len(lines))]
    return gpd.GeoDataFrame({"feature": ids, "role": "管线", "diameter_mm": "DN300"}, geometry=lines, crs=CRS)


def web(way, frame):
    """Write a frame in the coordinates of a web map, as if they were those of the zone."""

    def moved(xy):
        return np.column_stack(DEGREES.transform(*way(*DEGREES.transform(*xy.T)), direction="INVERSE"))

    return frame.set_geometry(shapely.transform(frame.geometry.to_numpy(), moved), crs=CRS)


def read(water, land=None, says=None):
    land = town() if land is None else land
    defaults = {"water": {**TEXT, **(says or {})}}
    return from_frames(land, {"water": water}, crs=CRS, lang="en", defaults=defaults, barriers="none")


def test_the_score_by_hand():
    one = Town(np.array([shapely.box(0, 0, 100, 100)]))
    points = np.array([[50, 50], [50, -10], [50, -29], [50, -31], [1, 50], [900, 900], [np.nan, 0]])
    found = one.fit(points)
    # In the hull (50 m around): five; near: (50,-10), (50,-29) and (1,50), which is no deeper than 2 m; deep: (50,50).
    assert found.inside.tolist() == [True] * 5 + [False] * 2
    assert (found.near, found.deep, found.parcels) == (3, 1, 1)
    # Moved 100 m south four of them lie in the hull: (50,-50) is 50 m off, (1,-50) too, none is near.
    other = one.fit(points - [0, 100])
    assert (other.near, other.deep) == (0, 0)
    assert found.score(other) == ((3 - 1) / int((found.inside | other.inside).sum()), 0.0)


def test_a_layer_that_lies_well_is_left_alone():
    survey = read(streets())
    assert not {"layer_offset", "layer_apart"} & set(codes(survey))
    assert survey.layers["water"].geometry.to_numpy()[0].equals(streets().geometry.to_numpy()[0])


@pytest.mark.parametrize(
    ("way", "cause", "east"),
    [(gcj02, "GCJ-02", -548), (bd09, "BD-09", -1124), (from_gcj02, "parcels look like GCJ-02", 548),
     (from_bd09, "parcels look like BD-09", 1124)],
)  # fmt: skip
def test_the_coordinates_of_web_maps_are_refused_with_the_cause(way, cause, east):
    with pytest.raises(MissingCRS) as error:
        read(web(way, streets()))
    text = str(error.value)
    assert (
        cause in text and "water" in text and "position_checked = true" in text and "neither moved nor judged" in text
    )
    said = int(text.split("moved ")[1].split(" m east")[0])
    assert said == pytest.approx(east, abs=12)


def test_a_web_map_in_degrees_is_refused_too():
    frame = streets().to_crs(4490)
    lon, lat = gcj02(*shapely.get_coordinates(frame.geometry.to_numpy()).T)
    shapes = shapely.set_coordinates(frame.geometry.to_numpy().copy(), np.column_stack([lon, lat]))
    with pytest.raises(MissingCRS, match="GCJ-02"):
        read(frame.set_geometry(shapes, crs=4490))


def test_who_has_checked_the_position_may_go_on_and_it_is_written_down():
    survey = read(web(gcj02, streets()), says={"position_checked": True})
    (issue,) = found(survey, "layer_offset")
    assert issue.severity == "warning" and "GCJ-02" in issue.message and "nothing was moved" in issue.hint
    away = survey.layers["water"].geometry.to_numpy()[0].distance(streets().geometry.to_numpy()[0])
    assert away > 20


def test_a_system_with_nearly_the_same_numbers_is_named_with_its_line():
    wrong = streets().to_crs(32649).set_crs(CRS, allow_override=True)
    with pytest.raises(MissingCRS, match=r'EPSG:32649.*crs = "EPSG:32649"'):
        read(wrong)
    survey = read(wrong, says={"crs": "EPSG:32649"})
    assert survey.layers["water"].geometry.to_numpy()[0].hausdorff_distance(streets().geometry.to_numpy()[0]) < 0.01


def test_few_lines_are_no_proof():
    few = streets().iloc[[2, 5]].reset_index(drop=True)
    survey = read(web(gcj02, few))
    assert found(survey, "layer_offset")[0].severity == "warning"
    assert not {"layer_offset", "layer_apart"} & set(codes(from_frames(parcels(), {"water": pipes()}, crs=CRS)))


def test_a_layer_shifted_by_no_known_mistake_is_not_blamed_on_one():
    for dx, dy in ((95, 70), (300, 300), (-750, 420)):
        frame = streets()
        survey = read(frame.set_geometry(frame.geometry.translate(dx, dy)))
        assert "layer_offset" not in codes(survey), (dx, dy)


def test_land_that_covers_streets_too_blames_nothing():
    whole = town()
    rest = shapely.difference(
        shapely.box(X - 60, Y - 60, X + 1800, Y + 1800), shapely.union_all(whole.geometry.to_numpy())
    )
    road = gpd.GeoDataFrame({"parcel": ["ROADS"]}, geometry=[rest], crs=CRS)
    survey = read(streets(), pd.concat([whole, road], ignore_index=True))
    assert "layer_offset" not in codes(survey)


def test_a_neighbouring_zone_far_from_the_parcels_is_refused_without_a_box():
    wrong = streets().to_crs(4547).set_crs(CRS, allow_override=True)
    with pytest.raises(MissingCRS, match=r"(?s)km away from the parcels.*central meridian 114.*crs = \"EPSG:4547\""):
        read(wrong)


def test_a_layer_beside_the_parcels_is_named_and_kept():
    frame = pipes()
    survey = from_frames(
        parcels(), {"water": frame.set_geometry(frame.geometry.translate(3000, 0))}, crs=CRS, lang="en"
    )
    (issue,) = found(survey, "layer_apart")
    assert issue.severity == "warning" and "2.66 km" in issue.message and len(survey.layers["water"]) == 2


def test_barriers_are_compared_as_well():
    rails = streets().drop(columns=["role", "diameter_mm"]).assign(kind="铁路")
    with pytest.raises(MissingCRS, match=r"barriers.*GCJ-02"):
        from_frames(town(), {}, barriers=web(gcj02, rails), crs=CRS, lang="en")


def test_parcels_without_a_shape_are_no_town():
    survey = from_frames(parcels().set_geometry([None, None, square(0, 0)]), {"water": pipes()}, crs=CRS)
    assert "layer_offset" not in codes(survey)
    survey = from_frames(parcels().set_geometry([None] * 3, crs=CRS), {"water": pipes()}, crs=CRS)
    assert "layer_apart" not in codes(survey)
