"""gaps.geojson: RFC 7946, longitude and latitude, nothing dropped."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
from paper_zone import empty_tables, paper_tables
from shapely.geometry import LineString

from gisplan.outputs.geojson import write_gaps


def written(tables, path):
    write_gaps(tables, path)
    return json.loads(path.read_text(encoding="utf-8"))


def test_it_is_a_feature_collection_in_lon_lat_without_crs_member(tmp_path):
    document = written(paper_tables(), tmp_path / "gaps.geojson")
    assert document["type"] == "FeatureCollection"
    assert "crs" not in document
    xy = np.array(document["features"][0]["geometry"]["coordinates"])
    assert xy.shape == (2, 2)
    assert (xy[:, 0] > 111).all() and (xy[:, 0] < 112).all()
    assert (xy[:, 1] > 36).all() and (xy[:, 1] < 37).all()
    # 80 m on the ground: the transformation has neither swapped nor scaled.
    east = (xy[1, 0] - xy[0, 0]) * 111_320 * np.cos(np.radians(36.08))
    assert east == pytest.approx(80, abs=0.5)


def test_a_gap_without_a_line_is_there_with_null(tmp_path):
    features = written(paper_tables(), tmp_path / "gaps.geojson")["features"]
    assert [f["geometry"] is None for f in features] == [False, True]
    assert features[1]["properties"]["parcel"] == "P-07"
    assert features[1]["properties"]["length_m"] is None  # JSON has no infinity


def test_geopandas_reads_it_back(tmp_path):
    path = tmp_path / "gaps.geojson"
    write_gaps(paper_tables(), path)
    frame = gpd.read_file(path)
    assert len(frame) == 2
    assert frame.crs == "EPSG:4326"
    assert frame["estimate_cny"].iloc[0] == 160_000


@pytest.mark.parametrize(
    "crs", [None, 'ENGCRS["local",EDATUM["site"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]']
)
def test_a_local_grid_leaves_gaps_undrawn_but_listed(tmp_path, crs):
    gaps = paper_tables().gaps.set_crs(None, allow_override=True)
    gaps = gaps if crs is None else gaps.set_crs(crs)
    features = written(paper_tables(gaps=gaps), tmp_path / "gaps.geojson")["features"]
    assert [f["geometry"] for f in features] == [None, None]


def test_heights_and_needless_decimals_go(tmp_path):
    gaps = paper_tables().gaps
    gaps = gaps.set_geometry(
        [LineString([(525_000, 3_995_000, 9), (525_080, 3_995_000, 9)]), LineString()], crs=gaps.crs
    )
    first, second = written(paper_tables(gaps=gaps), tmp_path / "gaps.geojson")["features"]
    assert all(len(xy) == 2 and round(xy[0], 7) == xy[0] for xy in first["geometry"]["coordinates"])
    assert second["geometry"] is None


def test_nothing_to_report_is_an_empty_collection(tmp_path):
    assert written(empty_tables(), tmp_path / "gaps.geojson")["features"] == []


def test_an_invented_zone_says_so(tmp_path):
    assert written(paper_tables(), tmp_path / "gaps.geojson")["about"]["invented"] is True
