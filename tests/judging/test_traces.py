"""The ways that the map draws, against networkx and against the lengths of the cells."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import shapely

import gisplan
from gisplan.judging.traces import Traced, Traces

GANTING = Path(__file__).parents[2] / "layers" / "ganting"
SNAP_M = 1.0


@pytest.fixture(scope="module")
def report() -> gisplan.Report:
    return gisplan.check(gisplan.read(GANTING))


@pytest.fixture(scope="module")
def traced(report: gisplan.Report) -> Traced:
    return Traces(report.zone.judged()).of(report.zone.parcels.index)


def walked(traced: Traced, step: int) -> list[int]:
    found = []
    while step >= 0:
        found.append(step)
        step = int(traced.steps["next"].iloc[step])
    return found


def test_every_way_adds_up_to_the_lengths_of_its_cell(report: gisplan.Report, traced: Traced) -> None:
    cells = report.cells.set_index(["parcel", "service"])
    length = shapely.length(traced.steps.geometry.to_numpy())
    for start in traced.starts.itertuples():
        cell = cells.loc[(start.parcel, start.service)]
        if np.isnan(cell["path_m"]):  # a paper or a doubt about the parcel decides
            continue
        whole = start.geometry.length + length[walked(traced, start.step)].sum()
        assert whole == pytest.approx(cell["distance_m"] + cell["path_m"], abs=0.01), (start.parcel, start.service)
    assert set(cells.index[cells["path_m"].notna()]) <= set(
        zip(traced.starts["parcel"], traced.starts["service"], strict=True)
    )


def test_every_way_hangs_together_and_ends_at_a_source(report: gisplan.Report, traced: Traced) -> None:
    geometry = traced.steps.geometry.to_numpy()
    parcels = report.zone.parcels.geometry
    joints = {}
    for key in set(traced.starts["service"]):
        network = report.zone.network(key)
        joints[key] = shapely.MultiPoint(network.joined.xy[network.sources.joint])
    for start in traced.starts.itertuples():
        assert parcels[start.parcel].distance(shapely.get_point(start.geometry, 0)) < 0.01
        here = shapely.get_point(start.geometry, -1)
        for step in walked(traced, start.step):
            assert here.distance(shapely.get_point(geometry[step], 0)) < SNAP_M
            here = shapely.get_point(geometry[step], -1)
        assert here.distance(joints[start.service]) < SNAP_M


def test_ways_in_use_are_the_shortest_of_networkx(report: gisplan.Report, traced: Traced) -> None:
    length = shapely.length(traced.steps.geometry.to_numpy())
    grades = report.cells.set_index(["parcel", "service"])["grade"]
    compared = 0
    for key, starts in traced.starts.groupby("service"):
        graph = report.graph(str(key))
        graph = graph.reverse() if graph.is_directed() else graph
        sources = [node for node, data in graph.nodes(data=True) if data.get("source")]
        shortest = nx.multi_source_dijkstra_path_length(graph, sources, weight="length_m")
        for start in starts.itertuples():
            node = ("parcel", start.parcel)
            if grades[(start.parcel, key)] == "A" and start.sure and node in shortest:
                assert length[walked(traced, start.step)].sum() == pytest.approx(shortest[node], abs=0.01)
                compared += 1
    assert compared > 800


def test_only_those_asked_for_are_drawn(report: gisplan.Report, traced: Traced) -> None:
    some = report.zone.parcels.index[[3, 40]]
    few = Traces(report.zone.judged()).of(some)
    assert set(few.starts["parcel"]) <= set(some) and 0 < len(few.steps) < len(traced.steps)
    nobody = Traces(report.zone.judged()).of(some[:0])
    assert len(nobody.steps) == len(nobody.starts) == 0 and nobody.steps.crs == report.zone.parcels.crs
