"""What the land needs of every service, carried to the plants: by it the mains are sized, as a control plan sizes them.

The norms are those of the default profile, written here once more: the zone is designed with them and not by the engine
that later judges it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import shapely
from shapely import Point, STRtree
from shapely.ops import substring

from ganting_maker.parcels import Parcel

Row = dict[str, Any]

CLASSES = {"100101": "M1", "M1": "M1", "100102": "M2", "M2": "M2", "0601": "M", "110101": "W", "0901": "B", "0701": "R",
           "1401": "G"}  # fmt: skip
"""Class of land use by code; 13.. is U."""
WATER = {"M1": 50.0, "M2": 100.0, "M": 150.0, "W": 35.0, "R": 90.0, "B": 125.0, "U": 40.0, "G": 20.0}
"""Water of the largest day [m3/d per ha]."""
POWER = {"M1": 300.0, "M2": 400.0, "M": 600.0, "W": 30.0, "R": 250.0, "B": 800.0, "U": 200.0, "G": 20.0}
"""Load [kW per ha]."""
RUNOFF = {"W": 0.7, "R": 0.6, "B": 0.7, "G": 0.2}
"""Runoff coefficient where it is not 0.65."""
COINCIDENCE, POWER_FACTOR, CIRCUIT_MVA = 0.8, 0.95, 8.0
DISCHARGE, PEAK_DAY, PEAK_HOUR = 0.7, 1.35, 1.5
RAIN_L_S_HA = 1207.4 * (1 + 0.94 * math.log10(3.0)) / (10.0 + 5.64) ** 0.74
"""Rain of three years over ten minutes [L/s per ha]."""
REACH_M = 50.0


def use_class(code: str | None) -> str:
    """Class of land use of a code; what is blank or unknown is counted as the largest."""
    if code and code.startswith("13"):
        return "U"
    return CLASSES.get(code or "", "M")


def demand(service: str, code: str | None, area_ha: float) -> float:
    """Demand of a parcel by norm: m3/d, kW, or effective ha."""
    use = use_class(code)
    if service == "storm":
        return area_ha * RUNOFF.get(use, 0.65)
    if service == "power":
        return area_ha * POWER[use] * COINCIDENCE
    return area_ha * WATER[use] * (DISCHARGE / PEAK_DAY if service == "sewage" else 1.0)


def needs(service: str, drawn: list[Parcel], table: list[Row], projects: list[Row]) -> dict[str, float]:
    """Demand by parcel: that of the project that holds it, else by norm."""
    out = {p.parcel: demand(service, row["use"], p.geometry.area / 1e4) for p, row in zip(drawn, table, strict=True)}
    column, factor = {
        "water": ("water_m3_d", 1.0), "sewage": ("sewage_m3_d", 1.0), "power": ("power_kva", POWER_FACTOR),
    }.get(service, ("", 0.0))  # fmt: skip
    for row in projects:
        if column and row["parcel"] and row[column]:
            out[row["parcel"]] = float(row[column]) * factor
    return out


def carried(rows: list[Row], drawn: list[Parcel], need: dict[str, float], fed: list[Point]) -> dict[str, float]:
    """Load of every operating main: each parcel at its nearest main, along the shortest way to a plant.

    A main's end on the side of another joins it there. `fed` are further places from which the mains are fed.
    """
    lines = [r for r in rows if r["role"] == "line" and r["geometry"].geom_type == "LineString" and _works(r)]
    graph, owner = _graph(lines)
    roots = [_key(r["geometry"]) for r in rows if r["role"] == "source" and _works(r)]
    roots = [_node(graph, at) for at in [*(Point(r) for r in roots), *fed]]
    length, path = nx.multi_source_dijkstra(graph, [r for r in roots if r in graph], weight="length")
    flow: dict[tuple[Any, Any], float] = defaultdict(float)
    pieces = list(owner)
    tree = STRtree([graph.edges[e]["shape"] for e in pieces])
    for parcel in drawn:
        k = int(tree.nearest(parcel.geometry))
        a, b = pieces[k]
        piece = graph.edges[a, b]
        if piece["shape"].distance(parcel.geometry) > REACH_M or a not in length:
            continue
        touch = piece["shape"].project(Point(shapely.shortest_line(piece["shape"], parcel.geometry).coords[0]))
        by_a = (touch if piece["start"] == a else piece["length"] - touch) + length[a]
        by_b = (touch if piece["start"] == b else piece["length"] - touch) + length[b]
        way = [b, *reversed(path[a])] if by_a < by_b else [a, *reversed(path[b])]
        for u, v in pairwise(way):
            flow[tuple(sorted((u, v)))] += need[parcel.parcel]
    out: dict[str, float] = defaultdict(float)
    for (u, v), load in flow.items():
        name = graph.edges[u, v]["feature"]
        out[name] = max(out[name], load)
    return out


def _works(row: Row) -> bool:
    """Whether a feature operates, or will by works under way."""
    return row["status"] in ("现状", "已建", "运行", "在用") and row.get("open") != "关"


def _key(at: Point) -> tuple[float, float]:
    return round(at.x, 1), round(at.y, 1)


def _graph(lines: list[Row]) -> tuple[nx.Graph, list[tuple[Any, Any]]]:
    """Cut lines where another ends on them, and join what meets."""
    shapes = np.array([r["geometry"] for r in lines], dtype=object)
    ends = np.concatenate([shapely.get_point(shapes, 0), shapely.get_point(shapes, -1)])
    tree = STRtree(ends)
    graph = nx.Graph()
    pieces = []
    for row, shape in zip(lines, shapes, strict=True):
        on = tree.query(shape, predicate="dwithin", distance=0.5)
        inner = sorted(c for c in {shape.project(ends[k]) for k in on} if 0.6 < c < shape.length - 0.6)
        cuts = [0.0, *(c for i, c in enumerate(inner) if i == 0 or c - inner[i - 1] > 0.6), shape.length]
        for a, b in pairwise(cuts):
            part = substring(shape, a, b)
            u, v = _node(graph, Point(part.coords[0])), _node(graph, Point(part.coords[-1]))
            if u != v:
                graph.add_edge(u, v, length=part.length, feature=row["feature"], shape=part, start=u)
                pieces.append((u, v))
    return graph, pieces


def _node(graph: nx.Graph, at: Point) -> tuple[float, float]:
    """Node at a place: one that is there within 0.6 m, else a new one."""
    x, y = _key(at)
    for dx in (0, -0.1, 0.1, -0.2, 0.2, -0.3, 0.3, -0.4, 0.4, -0.5, 0.5):
        for dy in (0, -0.1, 0.1, -0.2, 0.2, -0.3, 0.3, -0.4, 0.4, -0.5, 0.5):
            near = (round(x + dx, 1), round(y + dy, 1))
            if near in graph:
                return near
    return x, y
