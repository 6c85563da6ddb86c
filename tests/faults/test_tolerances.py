"""What each survey says about its tolerance: surveys are looked at one by one, points go with their lines."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString, Point, affinity, box
from sketch import layer, line, parcel, parcels, point, zone

import gisplan
from gisplan.faults.tolerances import COLUMNS, tolerances

ZONE = """[zone]
title = "测试区"
crs = "EPSG:4546"
date = 2026-11-01

[barriers]
none = true

[[layer.water]]
file = "new.gpkg"

[[layer.water]]
file = "old.gpkg"
snap = "0.3 m"

[[layer.water]]
file = "points.gpkg"
"""
MAIN = {"role": "管线", "status": "现状", "diameter_mm": 300.0}


def save(path: Path, rows: list[dict]) -> None:
    moved = [{**row, "geometry": affinity.translate(row["geometry"], 550_000, 4_000_000)} for row in rows]
    gpd.GeoDataFrame(moved, crs="EPSG:4546").to_file(path, layer=path.stem)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """A new survey whose eight pipes meet; an old one to the north, whose eight pipes stop 0.2 m before the next.

    A manhole stands at the end of the last old pipe, 0.2 m off.
    """
    folder = tmp_path_factory.mktemp("tolerances")
    (folder / "zone.toml").write_text(ZONE, encoding="utf-8")
    save(folder / "parcels.gpkg", [{"parcel": "P1", "use": "工业用地", "geometry": box(0, 20, 100, 120)}])
    new = [LineString([(60 * i, 0), (60 * i + 60, 0)]) for i in range(8)]
    old = [LineString([(60 * i, 500), (60 * i + 59.8, 500)]) for i in range(8)]
    save(folder / "new.gpkg", [{"feature": f"N{i}", **MAIN, "geometry": g} for i, g in enumerate(new)])
    save(folder / "old.gpkg", [{"feature": f"O{i}", **MAIN, "geometry": g} for i, g in enumerate(old)])
    points = {"S": ("源", Point(0, 0)), "M": ("检查井", Point(480, 500))}
    save(
        folder / "points.gpkg",
        [{"feature": n, "role": r, "kind": "水厂" if r == "源" else None, "status": "现状", "geometry": g}
         for n, (r, g) in points.items()],
    )  # fmt: skip
    return tolerances(gisplan.read(folder).judged())


def test_columns_and_surveys(table):
    assert tuple(table.columns) == COLUMNS
    assert table["survey"].unique().tolist() == ["new.gpkg", "old.gpkg"]
    assert set(table["lines"]) == {8}


def test_the_survey_that_meets_needs_no_tolerance(table):
    new = table[table["survey"] == "new.gpkg"]
    assert new["recommended_m"].isna().all() and set(new["verdict"]) == {"meets"}
    assert set(new["joins"]) == {0}


def test_the_survey_with_gaps_gets_its_own(table):
    """Seven gaps between eight pipes and one to the manhole; closed, nine parts (eight pipes, one point) are one."""
    old = table[table["survey"] == "old.gpkg"].set_index("tolerance_m")
    assert set(old["recommended_m"]) == {0.2} and set(old["verdict"]) == {"clear"} and set(old["used_m"]) == {0.3}
    assert (old.loc[0.0, "joins"], old.loc[0.0, "parts"]) == (0, 9)
    assert (old.loc[0.2, "joins"], old.loc[0.2, "parts"]) == (8, 1)


def test_laterals_speak_for_no_tolerance():
    """Their ends at the houses lie near each other and are not to be joined."""
    mains = [("S", point(0, 0), {"role": "源", "kind": "水厂"})]
    mains += [(f"M{i}", line((60 * i, 0), (60 * i + 60, 0)), {}) for i in range(8)]
    links = [(f"L{i}", line((6 * i + 3, 0), (6 * i + 3, 9)), {"role": "支管"}) for i in range(70)]
    found = tolerances(zone(parcels(P=parcel(0, 20, 100, 60)), water=layer(*mains, *links)).judged())
    assert set(found["lines"]) == {8} and found["recommended_m"].isna().all()
    (row,) = tolerances(zone(parcels(P=parcel(0, 20, 100, 60)), water=layer(*links)).judged()).to_dict("records")
    assert row["verdict"] == "laterals" and row["lines"] == 70 and pd.isna(row["recommended_m"])
