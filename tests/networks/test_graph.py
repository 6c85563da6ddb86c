"""The networkx graph and the arrays say the same, on the embedded zone and on drawings made by hand."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest
from sketch import layer, line, parcel, parcels, point, zone

import gisplan
from gisplan.report import Report

GANTING = Path(__file__).parents[2] / "layers" / "ganting"


@pytest.fixture(scope="module")
def report() -> Report:
    return gisplan.check(gisplan.read(GANTING, profile="jiutong_connection"))


def test_a_path_exists_for_every_ready_cell_and_for_no_other(report: Report) -> None:
    """nx.has_path from a source (to an outfall) to ("parcel", id) is true for the cells that the arrays call A."""
    for service in report.zone.profile.networks:
        graph = report.graph(service.key)
        assert isinstance(graph, nx.MultiDiGraph if service.directed else nx.MultiGraph)
        sources = {n for n, data in graph.nodes(data=True) if data.get("source")}
        cells = report.cells[report.cells["service"] == service.key].set_index("parcel")
        walked = set()
        for name in cells.index:
            node = ("parcel", name)
            if node in graph:
                ends = nx.descendants(graph, node) if service.directed else nx.node_connected_component(graph, node)
                if ends & sources:
                    walked.add(name)
        ready = {p for p, row in cells.iterrows() if row["grade"] == "A" and row["by"] == "survey"}
        in_doubt = {
            p for p, row in cells.iterrows() if row["code"] in ("parcel_overlap", "letter_contradicts", "decision")
        }
        assert walked - in_doubt == ready, service.key
        assert ready


def test_the_way_is_as_long_as_networkx_says(report: Report) -> None:
    """path_m = what is walked along the network from where the parcel connects: networkx's way to within one piece."""
    graph = report.graph("water")
    sources = {data["source"]: n for n, data in graph.nodes(data=True) if data.get("source")}
    cells = report.cells[(report.cells["service"] == "water") & (report.cells["grade"] == "A")]
    longest = report.zone.network("water").joined.length_m.max()
    for row in cells.head(40).itertuples():
        length = nx.shortest_path_length(graph, ("parcel", row.parcel), sources[row.source], weight="length_m")
        assert length <= row.path_m + 1e-6 <= length + longest + 1e-6


def graph_of(**rest: object) -> nx.MultiGraph:
    return zone(parcels(P1=parcel(0, 0, 100, 100)), **rest).network("water").graph


def test_parallel_pipes_stay() -> None:
    """Two pipes between the same two ends are two edges::

    S1 ══════ P1
    """
    graph = graph_of(
        water=layer(
            ("A", line((-50, 50), (0, 50)), {}),
            ("B", line((-50, 50), (-20, 60), (0, 50)), {}),
            ("S1", point(-50, 50), {"role": "source", "kind": "水厂"}),
        )
    )
    assert sorted(k for *_, k in graph.edges(keys=True) if k != "reach") == ["A", "B"]


def test_crossing_pipes_do_not_connect_and_roads_do_unless_on_decks() -> None:
    """
    ::

            B
            │
        ────┼──── A     P1 lies at the end of B; the source at the end of A
            │
    """
    cross = [("A", line((-100, 50), (-20, 50)), {}), ("B", line((-50, 0), (-50, 100)), {"diameter_mm": 300})]
    plant = ("S1", point(-100, 50), {"role": "source", "kind": "水厂"})
    gate = ("S1", point(-100, 50), {"role": "source", "kind": "路网接口"})
    roads = [(f, g, {"road_class": "支路", "width_m": 7}) for f, g, _ in cross]
    decked = [(f, g, {**extra, "deck": "1" if f == "B" else None}) for f, g, extra in roads]
    site = parcels(P1=parcel(-60, 110, -40, 130))

    def grade(service: str, rows: list[object]) -> str:
        given = zone(site, **{service: layer(*rows)})
        cells = gisplan.check(given).cells.set_index(["parcel", "service"])
        return str(cells.loc[("P1", service), "code"])

    assert grade("water", [*cross, plant]) == "not_connected"
    assert grade("road", [*roads, gate]) == "connected"
    assert grade("road", [*decked, gate]) == "not_connected"


def test_a_closed_valve_cuts_and_the_cause_is_named() -> None:
    """
    ::

        S1 ──── V1 ──── P1
    """
    rows = [
        ("A", line((-100, 50), (-10, 50)), {"diameter_mm": 300}),
        ("S1", point(-100, 50), {"role": "source", "kind": "水厂"}),
    ]
    for word, code in (("关", "closed_valve"), ("开", "connected"), (None, "connected"), ("也许", "valve_unknown")):
        valve = ("V1", point(-60, 50), {"role": "valve", "open": word})
        report = gisplan.check(zone(parcels(P1=parcel(0, 0, 100, 100)), water=layer(*rows, valve)))
        cells = report.cells.set_index(["parcel", "service"])
        assert cells.loc[("P1", "water"), "code"] == code, word


@pytest.mark.parametrize(("gap", "code"), [(0.4, "connected"), (0.5, "connected"), (0.6, "not_connected")])
def test_ends_join_within_the_tolerance_and_are_listed(gap: float, code: str) -> None:
    rows = layer(
        ("A", line((-100, 50), (-60, 50)), {"diameter_mm": 300}),
        ("B", line((-60 + gap, 50), (-10, 50)), {"diameter_mm": 300}),
        ("S1", point(-100, 50), {"role": "source", "kind": "水厂"}),
    )
    made = zone(parcels(P1=parcel(0, 0, 100, 100)), water=rows)
    cells = gisplan.check(made).cells.set_index(["parcel", "service"])
    assert cells.loc[("P1", "water"), "code"] == code
    listed = made.issues[made.issues["code"] == "joined"]
    assert len(listed) == (1 if code == "connected" else 0)
    if len(listed):
        assert {"A", "B"} == set(listed["message"].iloc[0].split(" 相距")[0].split(" 与 "))


def test_what_is_planned_never_bridges_what_operates() -> None:
    """A planned pipe whose end lies between two operating ends may join them once it is built, not before::

    S1 ── A  .p.  B ── P1       A–p and p–B 0.4 m, A–B 0.8 m
    """
    rows = layer(
        ("A", line((-100, 50), (-60, 50)), {"diameter_mm": 300}),
        ("p", line((-59.6, 50), (-59.6, 90)), {"status": "规划", "diameter_mm": 300}),
        ("B", line((-59.2, 50), (-10, 50)), {"diameter_mm": 300}),
        ("S1", point(-100, 50), {"role": "source", "kind": "水厂"}),
    )
    cells = gisplan.check(zone(parcels(P1=parcel(0, 0, 100, 100)), water=rows)).cells.set_index(["parcel", "service"])
    assert cells.loc[("P1", "water"), "grade"] == "D"


def test_sewers_flow_one_way() -> None:
    """The same pipe, digitised towards the plant and away from it, and without a direction."""
    plant = ("S1", point(-100, 50), {"role": "source", "kind": "污水处理厂"})
    for flow, code in (
        ("顺", "connected"),
        ("逆", "not_connected"),
        ("双向", "connected"),
        (None, "direction_unknown"),
    ):
        sewer = ("A", line((-10, 50), (-100, 50)), {"diameter_mm": 300, "flow": flow})
        report = gisplan.check(zone(parcels(P1=parcel(0, 0, 100, 100)), sewage=layer(sewer, plant)))
        cells = report.cells.set_index(["parcel", "service"])
        assert cells.loc[("P1", "sewage"), "code"] == code, flow
