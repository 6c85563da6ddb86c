"""The rival: the script that one would write first, with geopandas and networkx, line by line.

    python rival_naive.py FOLDER

Same job as `job_gisplan`: a graph a service by loops (ends joined within the tolerance, lines cut where an end lies on
their side), what is connected to a source by networkx, ``sjoin_nearest`` for what is near. Prints one JSON line.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import networkx as nx
import shapely
from make_zone import REACH_M, SERVICES, SNAP_M
from shapely.geometry import LineString, Point
from shapely.ops import substring


class Joints:
    """Joints by their place: a dictionary of squares as wide as the tolerance."""

    def __init__(self) -> None:
        self.places: list[tuple[float, float]] = []
        self.squares: dict[tuple[int, int], list[int]] = defaultdict(list)

    def near(self, x: float, y: float) -> int | None:
        """Return the first joint within the tolerance of a place."""
        i, j = math.floor(x / SNAP_M), math.floor(y / SNAP_M)
        for a in (i - 1, i, i + 1):
            for b in (j - 1, j, j + 1):
                for joint in self.squares.get((a, b), ()):
                    if math.dist(self.places[joint], (x, y)) <= SNAP_M:
                        return joint
        return None

    def add(self, x: float, y: float) -> int:
        """Return the joint at a place, a new one where there is none yet."""
        joint = self.near(x, y)
        if joint is None:
            joint = len(self.places)
            self.places.append((x, y))
            self.squares[math.floor(x / SNAP_M), math.floor(y / SNAP_M)].append(joint)
        return joint


def build(lines: list[LineString]) -> tuple[nx.MultiGraph, Joints]:
    """Build the graph of one service."""
    joints = Joints()
    ends = [(joints.add(*line.coords[0]), joints.add(*line.coords[-1])) for line in lines]
    tree = shapely.STRtree(lines)
    cuts: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for joint, place in enumerate(joints.places):
        point = Point(place)
        for k in tree.query(point, predicate="dwithin", distance=SNAP_M):
            if joint not in ends[k]:
                cuts[k].append((lines[k].project(point), joint))
    graph = nx.MultiGraph()
    for joint, (x, y) in enumerate(joints.places):
        graph.add_node(joint, x=x, y=y)
    for k, line in enumerate(lines):
        stops = [(0.0, ends[k][0]), *sorted(cuts.get(k, ())), (line.length, ends[k][1])]
        for (start, a), (stop, b) in pairwise(stops):
            part = substring(line, start, stop) if k in cuts else line
            graph.add_edge(a, b, length=stop - start, edge_id=k, geometry=part)
    return graph, joints


def live(graph: nx.MultiGraph, joints: Joints, sources: list[Point]) -> set[int]:
    """Return the lines that are connected to a source."""
    reached: set[int] = set()
    for source in sources:
        joint = joints.near(source.x, source.y)
        if joint is not None and joint not in reached:
            reached |= nx.node_connected_component(graph, joint)
    return {k for _, _, k in graph.edges(reached, data="edge_id")}


def main(folder: Path) -> None:
    """Do the job and print what it took."""
    begin = mark = time.perf_counter()
    stages: dict[str, float] = defaultdict(float)

    def lap(stage: str) -> None:
        nonlocal mark
        now = time.perf_counter()
        stages[stage] += now - mark
        mark = now

    parcels = gpd.read_parquet(folder / "parcels.parquet")
    layers = {service: gpd.read_parquet(folder / f"{service}.parquet") for service in SERVICES}
    sources = gpd.read_parquet(folder / "sources.parquet")
    lap("read")
    counts, sums = {}, {}
    for service in SERVICES:
        graph, joints = build(list(layers[service].geometry))
        lap("node")
        good = live(graph, joints, list(sources.geometry[sources.service == service]))
        lap("live")
        mine = layers[service].loc[layers[service].edge_id.isin(good), ["geometry"]]
        found = parcels.sjoin_nearest(mine, how="inner", max_distance=REACH_M, distance_col="metres")
        nearest = found.groupby("parcel_id")["metres"].min()
        lap("nearest")
        counts[service], sums[service] = len(nearest), round(float(nearest.sum()), 3)
    answer = {"tool": "geopandas + networkx", "n": len(parcels), "total_s": round(time.perf_counter() - begin, 3)}
    answer |= {"stages": {k: round(v, 3) for k, v in stages.items()}, "counts": counts, "dist_sum": sums}
    answer["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
