"""A network as GraphML, for Gephi, yEd, igraph and other graph tools; parcels are nodes of it."""

from __future__ import annotations

import numbers
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from gisplan.base.errors import ExportError
from gisplan.base.files import replacing
from gisplan.outputs.columns import blank, printable

if TYPE_CHECKING:
    import networkx as nx

_XMLNS = "{http://graphml.graphdrawing.org/xmlns}"


def write_graphml(graph: nx.Graph[Any], path: Path) -> None:
    """Write a graph as GraphML.

    Node ids become text: a joint 12 is ``joint:12``, a parcel ``("parcel", "P-07")`` is ``parcel:P-07``.

    Parameters
    ----------
    graph
        A networkx graph as ``zone.network(service).graph`` gives it.
    path
        Where the file belongs.

    Raises
    ------
    ExportError
        The file cannot be written; the old one is kept.
    """
    import networkx as nx  # here, so that only who writes GraphML waits for it

    plain = _plain_graph(graph)

    def whole(temporary: Path) -> None:
        nodes = edges = 0
        for _, element in ElementTree.iterparse(temporary):
            nodes += element.tag == f"{_XMLNS}node"
            edges += element.tag == f"{_XMLNS}edge"
        if (nodes, edges) != (plain.number_of_nodes(), plain.number_of_edges()):
            raise ExportError(f"{path.name}: nodes or edges are missing from what was written. Check the disk.")

    with replacing(path, whole) as temporary:
        # The writer on the standard library's XML: with lxml installed networkx would write other bytes.
        nx.write_graphml_xml(plain, str(temporary), infer_numeric_types=True)


def node_id(node: Any) -> str:
    """Write a node as text.

    >>> node_id(12), node_id(("parcel", "P-07"))
    ('joint:12', 'parcel:P-07')
    """
    if isinstance(node, tuple):
        return printable(":".join(str(part) for part in node))
    return f"joint:{node}" if isinstance(node, numbers.Integral) else printable(str(node))


def _plain_graph(graph: Any) -> Any:
    """Copy a graph into one whose ids and attributes are texts and numbers only."""
    plain = graph.__class__()
    plain.graph.update(_attributes(graph.graph))
    plain.add_nodes_from((node_id(node), _attributes(data)) for node, data in graph.nodes(data=True))
    if graph.is_multigraph():
        # GraphML wants edge ids that no other edge has; a pipe cut into pieces gives its number to each of them.
        edges = graph.edges(keys=True, data=True)
        plain.add_edges_from(
            (node_id(u), node_id(v), f"e{i}", _attributes({"key": key, **data}))
            for i, (u, v, key, data) in enumerate(edges)
        )
    else:
        plain.add_edges_from((node_id(u), node_id(v), _attributes(data)) for u, v, data in graph.edges(data=True))
    return plain


def _attributes(data: dict[Any, Any]) -> dict[str, Any]:
    """Keep what GraphML can hold; the rest as text, what is missing not at all."""
    kept: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, list | tuple | dict | set | np.ndarray):
            kept[printable(str(key))] = printable(str(value))
        elif blank(value):
            continue
        elif isinstance(value, bool | np.bool_):
            kept[printable(str(key))] = bool(value)
        elif isinstance(value, numbers.Integral):
            kept[printable(str(key))] = int(value)
        elif isinstance(value, numbers.Real):
            kept[printable(str(key))] = float(value)
        else:
            kept[printable(str(key))] = printable(str(value))
    return kept
