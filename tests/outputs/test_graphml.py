"""GraphML: what goes out comes back, with parcels as nodes and parallel pipes kept."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from paper_zone import HOSTILE

from gisplan.outputs.graphml import write_graphml


@pytest.fixture
def graph():
    g = nx.MultiGraph(service="water")
    g.add_node(0, x=np.float64(1.5), role="source", nothing=None, when=np.nan)
    g.add_edge(0, 1, key="L1", length_m=np.float64(10.0), usable=np.bool_(True), count=np.int64(3))
    g.add_edge(0, 1, key="L2", length_m=20.0)
    g.add_edge(1, 2, key="L1", length_m=5.0)
    g.add_edge(2, ("parcel", "0012"), key="service")
    g.add_node(7)
    return g


def test_round_trip(tmp_path, graph):
    write_graphml(graph, tmp_path / "water.graphml")
    back = nx.read_graphml(tmp_path / "water.graphml", force_multigraph=True)
    assert set(back) == {"joint:0", "joint:1", "joint:2", "joint:7", "parcel:0012"}
    assert back.number_of_edges() == graph.number_of_edges() == 4
    assert sorted(d["length_m"] for _, _, d in back.edges(data=True) if "length_m" in d) == [5.0, 10.0, 20.0]
    assert [d["key"] for _, _, d in back.edges("joint:0", data=True)] == ["L1", "L2"]
    assert back.nodes["joint:0"] == {"x": 1.5, "role": "source"}
    assert nx.has_path(back, "joint:0", "parcel:0012")


def test_directed_graphs_stay_directed(tmp_path):
    g = nx.MultiDiGraph([(1, 0)])
    write_graphml(g, tmp_path / "x.graphml")
    back = nx.read_graphml(tmp_path / "x.graphml")
    assert back.is_directed()
    assert list(back.edges()) == [("joint:1", "joint:0")]


def test_hostile_texts_are_texts(tmp_path):
    g = nx.Graph()
    for i, text in enumerate(HOSTILE):
        g.add_edge(i, ("parcel", text), **{"name": text, "xml": "]]><!ENTITY x SYSTEM 'file:///etc/passwd'>&x;"})
    write_graphml(g, tmp_path / "x.graphml")
    back = nx.read_graphml(tmp_path / "x.graphml")
    assert back.number_of_edges() == len(HOSTILE)
    assert back["joint:11"]["parcel:<script>alert(1)</script>"]["name"] == "<script>alert(1)</script>"


def test_same_graph_same_bytes(tmp_path, graph):
    for name in ("a", "b"):
        write_graphml(graph, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_empty_network(tmp_path):
    write_graphml(nx.MultiGraph(), tmp_path / "x.graphml")
    assert len(nx.read_graphml(tmp_path / "x.graphml")) == 0
