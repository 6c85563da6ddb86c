"""Faults of the land itself: parcels that overlap, areas that are not those on paper, counties that are not listed."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from sketch import layer, line, parcel, parcels, point, zone

import gisplan
from gisplan.rules.profile import load

MU = 2000 / 3


def found(made, code: str) -> gpd.GeoDataFrame:
    return made.faults[made.faults["code"] == code].reset_index(drop=True)


def test_every_pair_that_overlaps_is_named_once_with_its_area():
    """P2 overlaps P1 by 10 × 100 m and P3 by 5 × 100 m; P4 shares 0.5 m² with P3, which the profile allows (1 m²)."""
    made = zone(
        parcels(
            P1=parcel(0, 0, 100, 100),
            P2=parcel(90, 0, 200, 100),
            P3=parcel(195, 0, 300, 100),
            P4=parcel(299.995, 0, 400, 100),
        )
    )
    rows = found(made, "parcel_overlap").sort_values("feature")
    assert list(zip(rows["feature"], rows["other"], strict=True)) == [("P1", "P2"), ("P2", "P3")]
    assert "1000 m²" in rows["message_zh"].iloc[0] and "500 m²" in rows["message_en"].iloc[1]
    assert rows.geometry.area.tolist() == pytest.approx([1000, 500])
    assert rows["hanging_parcels"].tolist() == [2, 2]
    assert rows["hanging_mu"].tolist() == pytest.approx([(10_000 + 11_000) / MU, (11_000 + 10_500) / MU])
    grades = gisplan.check(made).cells.groupby("parcel")["code"].unique()
    assert [list(grades[p]) == ["parcel_overlap"] for p in ("P1", "P2", "P3", "P4")] == [True, True, True, False]


def test_three_parcels_on_one_place_are_three_pairs():
    made = zone(parcels(**{name: parcel(0, 0, 10, 10) for name in "ABC"}))
    rows = found(made, "parcel_overlap")
    pairs = {frozenset(pair) for pair in zip(rows["feature"], rows["other"], strict=True)}
    assert pairs == {frozenset("AB"), frozenset("AC"), frozenset("BC")}


def test_an_area_that_differs_from_the_papers():
    """Drawn 10,000 m²: 1 % of 10,101 m² is 101.01 m², of 10,102 m² 101.02 m²; no area on paper is no fault."""
    stated = {"P1": 10_101.0, "P2": 10_102.0, "P3": 9_000.0, "P4": None}
    made = zone(
        parcels(
            **{
                name: (parcel(200 * i, 0, 200 * i + 100, 100), {"stated_area_m2": area})
                for i, (name, area) in enumerate(stated.items())
            }
        )
    )
    rows = found(made, "area_differs").set_index("feature")
    assert sorted(rows.index) == ["P2", "P3"]
    assert "11.1 %" in rows.loc["P3", "message_zh"] and "9000 m²" in rows.loc["P3", "message_en"]


def test_the_limit_of_the_area_comes_from_the_profile(tmp_path):
    (tmp_path / "own.toml").write_text(
        '[profile]\nid = "own"\nversion = "1"\nlabel = "own"\nextends = "jiutong_connection"\n'
        '[inspection.area_difference]\nlabel = "own"\nvalue = "20 %"\nbasis = "assumed"\n',
        encoding="utf-8",
    )
    land = {"P1": (parcel(0, 0, 100, 100), {"stated_area_m2": 9_000.0})}
    assert len(found(zone(parcels(**land)), "area_differs")) == 1
    assert len(found(zone(parcels(**land), profile=load("own.toml", tmp_path)), "area_differs")) == 0


def test_each_parcel_of_another_county_is_named():
    codes = {"P1": "141024", "P2": "141099", "P3": None, "P4": "999999"}
    land = parcels(
        **{
            name: (parcel(200 * i, 0, 200 * i + 100, 100), {"county_code": c})
            for i, (name, c) in enumerate(codes.items())
        }
    )
    rows = found(zone(land, place={"county": ["141024", "141081"]}), "county_odd").set_index("feature")
    assert sorted(rows.index) == ["P2", "P4"] and "999999" in rows.loc["P4", "message_zh"]
    assert rows["hanging_mu"].tolist() == [0, 0]
    assert len(found(zone(land), "county_odd")) == 0  # the zone names no county


def test_a_red_line_has_only_the_faults_of_its_own_land(tmp_path):
    """The red line lies over the zone's pipe with its guessed join; what is wrong there stands in the zone's report."""
    water = layer(
        ("A", line((-100, 50), (-60, 50)), {"diameter_mm": 300}),
        ("B", line((-59.8, 50), (-10, 50)), {"diameter_mm": 300}),
        ("S1", point(-100, 50), {"role": "source", "kind": "水厂"}),
    )
    made = zone(parcels(P1=parcel(0, 0, 100, 100), P2=parcel(90, 0, 200, 100)), water=water)
    assert {"joined", "parcel_overlap"} <= set(made.faults["code"])
    outline = parcels(R1=(parcel(300, 0, 400, 100), {"stated_area_m2": 5_000.0}), R2=parcel(350, 0, 450, 100))
    outline.to_file(tmp_path / "red.gpkg")
    red = made.redline(tmp_path / "red.gpkg")
    assert sorted(red.faults["code"]) == ["area_differs", "parcel_overlap"]
    assert set(red.issues["code"]) >= {"area_differs", "parcel_overlap"}
    assert np.isfinite(red.faults["hanging_mu"]).all()
