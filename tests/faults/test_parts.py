"""Parts: what operates and reaches no source, by size; and lines out of service that still lie in the layer."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from sketch import layer, line, parcel, parcels, point, zone
from test_breaks import PLANT, WATER, drawn, spoiled

from gisplan.faults.breaking.breaks import breaks
from gisplan.faults.drawing.near import near
from gisplan.faults.fault import table

MU = 2000 / 3


def listed(given, service="water"):
    found = table(breaks(given.judged(), service), {service: (service, service)}, given.parcels.crs)
    return found[found["code"] == "part_isolated"]


def test_parts_by_size():
    """Two lines of 300 and 200 m that meet, one of 100 m apart from them, and what the plant feeds."""
    land = parcels(P=parcel(1000, 5, 1100, 5 + 10 * MU / 100))
    rows = [
        PLANT,
        ("A", line((0, 0), (100, 0)), WATER),
        ("B", line((1000, 0), (1300, 0)), WATER),
        ("C", line((1300, 0), (1300, 200)), WATER),
        ("D", line((3000, 0), (3100, 0)), WATER),
    ]
    found = listed(drawn("water", land, rows))
    assert set(found["feature"]) == {"B", "D"}
    largest = found.set_index("feature").loc["B"]
    assert largest["geometry"].length == pytest.approx(500)
    assert "2 段" in largest["message_zh"] and "0.5 km" in largest["message_zh"] and "10 亩" in largest["message_zh"]
    assert largest["message_en"].startswith("2 pieces, 0.5 km")


def test_what_is_fed_is_no_part():
    assert listed(drawn("water", parcels(P=parcel(0, 5, 50, 50)), [PLANT, ("A", line((0, 0), (9, 0)), WATER)])).empty


@pytest.mark.parametrize("seed", range(4))
def test_parts_are_those_of_a_plain_walk(seed):
    """The graph of what operates, without its sources' parts, counted by networkx."""
    land, rows = spoiled(seed, "water")
    # The graph shows an unknown valve open; a part ends there.
    rows = [
        (n, s, {**c, "open": "关"} if c["role"] == "valve" else c) if "role" in c else (n, s, c) for n, s, c in rows
    ]
    given = drawn("water", land, rows)
    graph = given.network("water").graph
    fed = {node for node, data in graph.nodes(data=True) if data.get("source")}
    parts = [p for p in nx.connected_components(graph) if not p & fed and graph.subgraph(p).number_of_edges()]
    length = sorted(sum(d["length_m"] for *_, d in graph.subgraph(p).edges(data=True)) for p in parts)
    assert sorted(listed(given)["geometry"].map(lambda s: s.length)) == pytest.approx(length)


def test_a_dead_line_stays_listed_where_nothing_is_cut_off():
    old = ("N", line((0, 50), (120, 50)), {**WATER, "status": "废弃"})
    shut = ("O", line((0, 90), (50, 90)), {**WATER, "open": "关"})
    given = drawn("water", parcels(P=parcel(0, 5, 50, 40)), [PLANT, ("A", line((0, 0), (100, 0)), WATER), old, shut])
    found = table(breaks(given.judged(), "water"), {"water": ("给水", "Water")}, given.parcels.crs)
    assert found["code"].tolist() == ["abandoned"] * 2
    assert set(found["feature"]) == {"N", "O"}
    assert "120 m" in found.set_index("feature").loc["N", "message_zh"]


def test_ends_that_the_guard_kept_apart_are_told():
    """A line shorter than the tolerance keeps its two ends: the far one does not join what the near one joins."""
    rows = [PLANT, ("A", line((0, 0), (100, 0)), WATER), ("K", line((100, 0), (100.3, 0)), WATER),
            ("B", line((100.3, 0), (200, 0)), WATER)]  # fmt: skip
    given = zone(parcels(P=parcel(0, 5, 50, 40)), water=layer(*rows))
    judged = given.judged()
    refused = judged.candidates["water"].network.refused
    found = [f for f in near(judged, "water") if f.code == "near_refused"]
    assert sum(len(f) for f in found) == len(refused)
    gaps = np.concatenate([f.numbers["gap_m"] for f in found]) if found else np.empty(0)
    assert gaps.tolist() == pytest.approx(refused["gap_m"].tolist())


def test_a_near_miss_is_put_into_words():
    rows = [PLANT, ("A", line((0, 0), (100, 0)), WATER), ("B", line((103, 0), (200, 0)), WATER)]
    given = zone(parcels(P=parcel(0, 5, 50, 40)), water=layer(*rows))
    found = table(near(given.judged(), "water"), {"water": ("给水", "Water")}, given.parcels.crs)
    assert len(found) == 1 and found.loc[0, "gap_m"] == pytest.approx(3)
    assert found.loc[0, "geometry"].length == pytest.approx(3)
    assert "相距 3 m" in found.loc[0, "message_zh"] and "3 m apart" in found.loc[0, "message_en"]


def test_points_on_no_line_do_not_count_as_parts():
    valve = ("V", point(500, 500), {"role": "valve"})
    given = drawn("water", parcels(P=parcel(0, 5, 50, 40)), [PLANT, ("A", line((0, 0), (100, 0)), WATER), valve])
    assert listed(given).empty
