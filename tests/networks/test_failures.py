"""What single failures cut off, against networkx and against taking out every piece and joint in turn."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from gisplan.networks.failures import single_failures
from gisplan.networks.forest import Forest


def drawn(seed: int):
    """A small network with loops, parallel pieces and pieces that end where they began; sources at some joints."""
    dice = np.random.default_rng(seed)
    size = int(dice.integers(1, 14))
    count = int(dice.integers(0, 2 * size + 1))
    fed = np.unique(dice.integers(0, size, int(dice.integers(0, 4))))
    return dice.integers(0, size, count), dice.integers(0, size, count), fed, size


def graph_of(one, two, fed, size, on=None) -> nx.MultiGraph:
    """The network with all sources tied to one node; `on` is a piece with a place of a parcel on it."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(size))
    graph.add_node("sources")
    for k, (a, b) in enumerate(zip(one.tolist(), two.tolist(), strict=True)):
        if k == on:
            graph.add_edge(a, "place", key=("half", 0))
            graph.add_edge("place", b, key=("half", 1))
        else:
            graph.add_edge(a, b, key=("piece", k))
    for joint in fed.tolist():
        graph.add_edge(joint, "sources", key="tie")
    return graph


def fed_without(graph: nx.MultiGraph, place, edge=None, node=None) -> bool:
    rest = graph.copy()
    if edge is not None:
        rest.remove_edge(*edge)
    if node is not None:
        rest.remove_node(node)
    return nx.has_path(rest, place, "sources")


def by_hand(graph: nx.MultiGraph, place) -> tuple[bool, bool] | None:
    """Two ways and two sources, by taking out one thing after the other; None where nothing is reached at all."""
    if not nx.has_path(graph, place, "sources"):
        return None
    pieces = [e for e in graph.edges(keys=True) if e[2] != "tie"]
    ways = all(fed_without(graph, place, edge=e) for e in pieces)
    joints = [n for n in graph if n not in ("sources", "place", place)]
    sources = all(fed_without(graph, place, edge=e) for e in graph.edges(keys=True))
    return ways, sources and all(fed_without(graph, place, node=n) for n in joints)


def said(piece: int, neck: int) -> tuple[bool, bool] | None:
    return None if piece == -2 else (piece == -1, neck == -1)


@pytest.mark.parametrize("block", range(3))
def test_places_hold_as_when_everything_is_taken_out_in_turn(block):
    for seed in range(50 * block, 50 * block + 50):
        one, two, fed, size = drawn(seed)
        found = single_failures((one, two), fed, size)
        graph = graph_of(one, two, fed, size)
        for joint in range(size):
            assert said(found.joint_piece[joint], found.joint_neck[joint]) == by_hand(graph, joint), (seed, joint)
        for k in range(len(one)):
            wanted = by_hand(graph_of(one, two, fed, size, on=k), "place")
            assert said(found.piece_piece[k], found.piece_neck[k]) == wanted, (seed, k)


def test_what_is_named_cuts_indeed():
    for seed in range(60):
        one, two, fed, size = drawn(seed)
        found = single_failures((one, two), fed, size)
        graph = graph_of(one, two, fed, size)
        for joint in np.flatnonzero(found.joint_piece >= 0).tolist():
            k = int(found.joint_piece[joint])
            assert not fed_without(graph, joint, edge=(one[k], two[k], ("piece", k))), (seed, joint)
        for joint in np.flatnonzero(found.joint_neck >= 0).tolist():
            neck = int(found.joint_neck[joint])
            if neck != joint:
                assert not fed_without(graph, joint, node=neck), (seed, joint)
            else:
                assert joint in fed and not fed_without(graph, joint, edge=(joint, "sources", "tie")), (seed, joint)


def test_ways_are_counted_like_networkx_counts_them():
    """Two ways without a common piece; two without a common joint to two sources (a source can fail as well)."""
    for seed in range(1000, 1100):
        one, two, fed, size = drawn(seed)
        found = single_failures((one, two), fed, size)
        graph = nx.Graph(graph_of(one, two, fed, size))
        if len(set(zip(*np.sort([one, two], axis=0), strict=True))) < len(one) or (one == two).any() or not len(fed):
            continue  # networkx counts ways in graphs without parallel edges
        for joint in sorted(set(range(size)) - set(fed.tolist())):
            apart = nx.node_connectivity(graph, joint, "sources") >= 2
            assert (found.joint_neck[joint] == -1) == apart, (seed, joint)


def test_a_long_ring_and_a_long_tail():
    """Ring of n joints with the source at 0, a tail of n more from joint 1: the ring is safe, the tail is not."""
    n = 20_000
    one = np.arange(2 * n)
    two = np.append(np.append(np.arange(1, n), 0), np.arange(n + 1, 2 * n + 1))
    one[n] = 1
    found = single_failures((one, two), np.array([0]), 2 * n + 1)
    assert (found.piece_piece[:n] == -1).all() and (found.piece_neck[:n] == 0).all()
    assert (found.piece_piece[n:] == np.arange(n, 2 * n)).all()


def test_forests_find_the_least_and_the_first():
    forest = Forest(np.array([-1, 0, 0, 1, 1, 3]))
    assert forest.least(np.array([9, 8, 7, 6, 5, 4])).tolist() == [4, 4, 7, 4, 5, 4]
    assert forest.first(np.array([False, True, False, False, True, False])).tolist() == [-1, 1, -1, 1, 4, 1]
