"""What every way to the root leads over, against networkx."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from gisplan.networks.essential import _tree


def drawn(seed: int):
    """Arrows towards a root that is the last node; those that lead nowhere are left out."""
    dice = np.random.default_rng(seed)
    size = int(dice.integers(2, 40))
    count = int(dice.integers(1, 4 * size))
    upper, lower, root = dice.integers(0, size, count), dice.integers(0, size, count), size - 1
    kept = (upper != lower) & (upper != root)
    upper, lower = upper[kept], lower[kept]
    graph = nx.DiGraph()
    graph.add_nodes_from(range(size))
    graph.add_edges_from(zip(lower.tolist(), upper.tolist(), strict=True))
    live = np.zeros(size, dtype=bool)
    live[list({root} | nx.descendants(graph, root))] = True
    both = live[upper] & live[lower]
    return upper[both], lower[both], root, live, graph


@pytest.mark.parametrize("block", range(4))
def test_immediate_dominators_are_those_of_networkx(block):
    for seed in range(100 * block, 100 * block + 100):
        upper, lower, root, live, graph = drawn(seed)
        wanted = np.full(len(live), -1)
        for node, above in nx.immediate_dominators(graph, root).items():
            if node != root and above is not None:
                wanted[node] = above
        assert _tree(upper, lower, root, len(live)).tolist() == wanted.tolist(), seed
