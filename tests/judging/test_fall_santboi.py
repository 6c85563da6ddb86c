"""The fall of a real town: its inverts, its ground, its two rising mains, reckoned again without gisplan."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from shared_data import shared

import gisplan
from gisplan.report import Report

HERE = Path(__file__).parents[1] / "santboi"


def town(folder: Path, *changes: tuple[str, str], pumps: bool = True) -> Path:
    """The town under the default profile, its pumps where its pipes of type PUMP_PIPE begin: it draws none itself."""
    data = shared("santboi")
    for name in ("santboi.gpkg", "dem_5m.tif"):
        shutil.copy(data / name, folder)
    text = (HERE / "zone.toml").read_text(encoding="utf-8")
    for old, new in (('"jiutong_connection"', '"jiutong_classic"'), *changes):
        assert old in text
        text = text.replace(old, new)
    if pumps:
        pipes = gpd.read_file(folder / "santboi.gpkg", layer="sewer_pipe")
        nodes = gpd.read_file(folder / "santboi.gpkg", layer="sewer_node").set_index("node_id")
        at = pipes.loc[pipes["arc_type"] == "PUMP_PIPE", "node_1"].tolist()
        rows = {"feature": [f"pump {n}" for n in at], "role": "泵", "status": "现状", "from_joint": at}
        made = gpd.GeoDataFrame({**rows, "geometry": nodes.loc[at, "geometry"].to_numpy()}, crs=pipes.crs)
        made.to_file(folder / "pumps.gpkg")
        text += '\n[[layer.sewage]]\nfile = "pumps.gpkg"\n'
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return gisplan.check(gisplan.read(town(tmp_path_factory.mktemp("santboi"))))


def lines(report: Report, which: str) -> set[str]:
    network = report.zone.network("sewage")
    return {str(f) for f in network.features[network.row[getattr(network.inverts, which)]]}


def test_what_runs_uphill_is_told_from_what_is_pumped(report: Report) -> None:
    """Of the two plain conduits that rise, 100011 is abandoned and takes no part; 340 has no manhole before it."""
    assert lines(report, "contrary") == {"100014"}
    assert lines(report, "pumped") == {"245", "18966", "340"}
    listed = report.issues[report.issues["code"] == "flow_contradicts"]
    assert listed["feature"].tolist() == ["100014"]
    assert "1.85" in listed["message"].iloc[0]


def test_without_its_pumps_and_with_what_it_abandoned(tmp_path: Path) -> None:
    """In use again, 100011 is the other conduit that rises; without pumps nobody knows what lifts the rising mains."""
    folder = town(tmp_path, ('"0" = "废弃"', '"0" = "现状"'), pumps=False)
    zone = gisplan.read(folder)
    network = zone.network("sewage")
    contrary = {str(f) for f in network.features[network.row[network.inverts.contrary]]}
    assert contrary == {"100011", "100014", "245", "18966"}
    assert not network.inverts.pumped.any()


def test_the_fall_of_every_parcel_with_a_house_connection_comes_out_again(report: Report) -> None:
    """Where a lateral decides: its end on the raw pipe, the level between the raw inverts, the raw cells of the DEM."""
    folder = report.zone.survey.folder
    pipes = gpd.read_file(folder / "santboi.gpkg", layer="sewer_pipe")
    pipes = pipes[pipes["state"] != 0]
    cells = report.cells[report.cells["service"] == "sewage"].set_index("parcel")
    said = report.findings[report.findings["condition"] == "sewage.fall"].set_index("parcel")["value"].astype(float)
    layer = report.zone.layers["sewage"]
    exact = []
    with rasterio.open(folder / "dem_5m.tif") as dem:
        x, y = (
            np.array(c).ravel() for c in rasterio.transform.xy(dem.transform, *np.indices(dem.shape).reshape(2, -1))
        )
        z = dem.read(1).ravel()
    for parcel, feature in cells["feature"].dropna().items():
        if not str(feature).startswith("sewer_link") or np.isnan(said[parcel]):
            continue
        land = report.zone.parcels.geometry[parcel]
        foot = shapely.get_point(layer.geometry[feature], -1)
        near = pipes.loc[pipes.distance(foot) < 1e-6]
        if len(near) != 1:
            continue  # at a manhole, or at another house connection
        pipe = near.iloc[0]
        shape = shapely.line_merge(pipe.geometry)
        share = shapely.line_locate_point(shape, foot) / shape.length
        invert = pipe["elev1"] + (pipe["elev2"] - pipe["elev1"]) * share
        inside = shapely.contains_xy(land, x, y)
        run = max(foot.distance(shapely.Point(c)) for c in shapely.get_coordinates(land))
        expected = z[inside].min() - 1 - 0.003 * run - invert
        # Feet within the tolerance of 0.5 m of each other are one joint: then both terms shift by some millimetres.
        assert said[parcel] == pytest.approx(expected, abs=0.03), (parcel, feature)
        exact.append(bool(abs(said[parcel] - expected) < 1e-5))
    assert len(exact) >= 50 and np.mean(exact) > 0.9, (len(exact), np.mean(exact))
