"""review.gpkg: layers, counts, spatial index, bytes."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pyogrio
import pytest
from paper_zone import HOSTILE, PARCELS, empty_tables, paper_tables, services

from gisplan.base.errors import ExportError
from gisplan.outputs import geopackage
from gisplan.outputs.geopackage import write_fault_layers, write_geopackage

COUNTS = {"parcels": 4, "gaps": 2, "features_lines": 1, "features_points": 1, "features_areas": 1, "joins": 1}
COUNTS |= {"faults_points": 1 + len(HOSTILE), "faults_lines": 1, "faults_areas": 1}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    target = tmp_path_factory.mktemp("gpkg") / "review.gpkg"
    write_geopackage(paper_tables(), target)
    return target


def test_layers_and_counts(path):
    assert [name for name, _ in pyogrio.list_layers(path)] == list(COUNTS)
    for layer, count in COUNTS.items():
        assert pyogrio.read_info(path, layer=layer)["features"] == count
        assert pyogrio.read_info(path, layer=layer)["crs"] == "EPSG:4546"


def test_parcels_carry_their_letters_and_text_ids(path):
    frame = pyogrio.read_dataframe(path, layer="parcels")
    assert frame["parcel"].tolist() == list(PARCELS)
    assert frame["grade_water"].tolist() == list("AABN")
    assert frame["ready_on"].iloc[1] == "2027-01-31"
    assert frame["connected_count"].tolist() == [3, 2, 1, 1]
    assert set(frame.geom_type) == {"MultiPolygon"}


def test_a_gap_without_a_line_is_a_row_without_geometry(path):
    frame = pyogrio.read_dataframe(path, layer="gaps")
    assert frame.geometry.isna().tolist() == [False, True]


def test_a_service_named_like_a_parcel_column_takes_nothing_away(tmp_path):
    tables = paper_tables()
    odd = paper_tables(
        services=services().rename(index={"water": "name"}),
        readiness=tables.readiness.rename(columns={"water": "name"}),
    )
    write_geopackage(odd, tmp_path / "x.gpkg")
    frame = pyogrio.read_dataframe(tmp_path / "x.gpkg", layer="parcels")
    assert frame["name"].iloc[0] == "一号地"
    assert frame["grade_name"].tolist() == list("AABN")


def test_faults_go_apart_by_shape_and_none_is_lost(path):
    lines = pyogrio.read_dataframe(path, layer="faults_lines")
    assert lines["code"].tolist() == ["near_miss"] and lines["stranded_mu"].tolist() == [135.0]
    assert (lines["repair_m"].tolist(), lines["build_m"].tolist()) == ([1.25], [380.0])
    assert pyogrio.read_dataframe(path, layer="faults_areas")["feature"].tolist() == ["0012"]
    points = pyogrio.read_dataframe(path, layer="faults_points")
    assert points.geometry.isna().tolist() == [*[False] * len(HOSTILE), True]
    assert not any(set(text) & set("\x00\x0b\x1b") for text in points["feature"])


def test_a_join_carries_its_id_and_what_hangs_on_it(path):
    (join,) = pyogrio.read_dataframe(path, layer="joins").drop(columns="geometry").to_dict("records")
    assert join["id"] == "J-0000000001" and not join["undone"] and join["hanging_mu"] == 50.1


def test_the_file_of_faults_has_the_near_misses_once_more(tmp_path):
    write_fault_layers(paper_tables(), tmp_path / "faults.gpkg")
    kept = {name: pyogrio.read_info(tmp_path / "faults.gpkg", layer=name)["features"] for name in
            ("faults_points", "faults_lines", "faults_areas", "joins", "near_misses")}  # fmt: skip
    assert [name for name, _ in pyogrio.list_layers(tmp_path / "faults.gpkg")] == list(kept)
    assert kept == {
        "faults_points": 1 + len(HOSTILE),
        "faults_lines": 1,
        "faults_areas": 1,
        "joins": 1,
        "near_misses": 1,
    }
    write_fault_layers(empty_tables(), tmp_path / "none.gpkg")
    assert [name for name, _ in pyogrio.list_layers(tmp_path / "none.gpkg")] == ["faults_points"]


def test_the_invented_zone_says_so_in_the_metadata(path):
    with closing(sqlite3.connect(path)) as database:
        text = " ".join(str(row) for row in database.execute("select metadata from gpkg_metadata"))
    assert '\\"invented\\": true' in text or '"invented": true' in text


def test_nothing_to_report_still_has_parcels_and_gaps(tmp_path):
    write_geopackage(empty_tables(), tmp_path / "x.gpkg")
    assert [name for name, _ in pyogrio.list_layers(tmp_path / "x.gpkg")] == ["parcels", "gaps"]


def test_same_tables_same_bytes_and_the_clock_is_given_back(tmp_path, path):
    write_geopackage(paper_tables(), tmp_path / "review.gpkg")
    assert (tmp_path / "review.gpkg").read_bytes() == path.read_bytes()
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


@pytest.mark.parametrize(
    "harm",
    ["DELETE FROM gaps WHERE fid = 1", "DROP TABLE rtree_parcels_geom", "DELETE FROM rtree_parcels_geom WHERE id = 1"],
)
def test_what_is_missing_is_noticed_and_the_old_file_kept(tmp_path, monkeypatch, harm):
    target = tmp_path / "review.gpkg"
    target.write_bytes(b"old")
    stock = pyogrio.write_dataframe

    def careless(frame, place, *args, layer, **kwargs):
        stock(frame, place, *args, layer=layer, **kwargs)
        if layer == "joins":  # the last one
            with closing(sqlite3.connect(place)) as database:
                for trigger in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                    database.execute(f'DROP TRIGGER "{trigger[0]}"')
                database.execute(harm)
                database.commit()

    monkeypatch.setattr(geopackage.pyogrio, "write_dataframe", careless)
    with pytest.raises(ExportError, match=r"review\.gpkg"):
        write_geopackage(paper_tables(), target)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["review.gpkg"]


def test_gdal_failing_is_an_export_error(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise pyogrio.errors.DataSourceError("no space left")

    monkeypatch.setattr(geopackage.pyogrio, "write_dataframe", fail)
    with pytest.raises(ExportError, match="no space left"):
        write_geopackage(paper_tables(), tmp_path / "review.gpkg")
