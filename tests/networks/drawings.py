"""Drawings with a known answer: EPANET networks whose pipe ends were moved, and ky4 as WNTR moved them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shared_data import shared

FOOT_M = 1200 / 3937
"""US survey foot, the unit of EPSG:3547."""


@dataclass(frozen=True)
class Answered:
    """Pipes as drawn, in metres, and the true place of their starts, then of their ends."""

    lines: np.ndarray
    place: np.ndarray

    @property
    def ends(self):
        return np.concatenate([shapely.get_coordinates(shapely.get_point(self.lines, k)) for k in (0, -1)])

    @property
    def line(self):
        return np.tile(np.arange(len(self.lines)), 2)


def ky4(by: str = "place") -> Answered:
    """ky4 as drawn; the truth by place of the true node, or by its name (two pumps have two names at one place)."""
    folder = shared("ky4")

    def features(name):
        return json.loads((folder / f"ky4_{name}.geojson").read_text(encoding="utf-8"))["features"]

    true = {f["properties"]["name"]: f for f in features("pipes")}
    drawn = features("disconnected_pipes")
    lines = [shapely.LineString(np.array(f["geometry"]["coordinates"]) * FOOT_M) for f in drawn]
    keys = []
    for which, k in (("start_node_name", 0), ("end_node_name", -1)):
        for f in drawn:
            pipe = true[f["properties"]["name"]]
            where = str(np.round(pipe["geometry"]["coordinates"][k], 3).tolist())
            keys.append(where if by == "place" else pipe["properties"][which])
    return Answered(np.array(lines, dtype=object), np.unique(keys, return_inverse=True)[1])


def epanet(name: str) -> Answered:
    """One of the networks that come with WNTR, its pipes as they are; the truth are its nodes."""
    import wntr

    network = wntr.network.WaterNetworkModel(str(Path(wntr.__path__[0]) / "library" / "networks" / f"{name}.inp"))
    pipes = [pipe for _, pipe in network.pipes()]
    lines = [[p.start_node.coordinates, *p.vertices, p.end_node.coordinates] for p in pipes]
    nodes = [p.start_node_name for p in pipes] + [p.end_node_name for p in pipes]
    return Answered(
        np.array([shapely.LineString(line) for line in lines], dtype=object), np.unique(nodes, return_inverse=True)[1]
    )


def moved(drawing: Answered, amount: float, seed: int) -> Answered:
    """Move both ends of every line by a normal deviation; the vertices between stay."""
    rng = np.random.default_rng(seed)
    lines = []
    for line in drawing.lines:
        xy = shapely.get_coordinates(line).copy()
        xy[0] += rng.normal(0, amount, 2)
        xy[-1] += rng.normal(0, amount, 2)
        lines.append(shapely.LineString(xy))
    return Answered(np.array(lines, dtype=object), drawing.place)


def torn(drawing: Answered, share: float, widths: tuple[float, float], seed: int) -> Answered:
    """Move a share of the ends by a distance between two widths, and leave the others where they are."""
    rng = np.random.default_rng(seed)
    lines = []
    for line in drawing.lines:
        xy = shapely.get_coordinates(line).copy()
        for k in (0, -1):
            if rng.random() < share:
                turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(*widths)
                xy[k] += far * np.array([np.cos(turn), np.sin(turn)])
        lines.append(shapely.LineString(xy))
    return Answered(np.array(lines, dtype=object), drawing.place)


def town(seed: int, blocks: int = 12) -> Answered:
    """Draw mains along 60 m blocks, and at every crossing two laterals of 6 to 20 m that end in the open."""
    rng = np.random.default_rng(seed)
    lines, place = [], []

    def add(a, b, ends):
        lines.append([a, b])
        place.append(ends)

    for i in range(blocks):
        for j in range(blocks):
            here, node = (60.0 * i, 60.0 * j), (i, j)
            for to in ((i + 1, j), (i, j + 1)):
                if max(to) < blocks:
                    add(here, (60.0 * to[0], 60.0 * to[1]), (node, to))
            for k in range(2):
                turn, far = rng.uniform(0.2, 1.3), rng.uniform(6, 20)
                end = (here[0] + far * np.cos(turn), here[1] + far * np.sin(turn) * (-1) ** k)
                add(here, end, (node, (i, j, k)))
    keys = [repr(p[0]) for p in place] + [repr(p[1]) for p in place]
    return Answered(
        np.array([shapely.LineString(line) for line in lines], dtype=object), np.unique(keys, return_inverse=True)[1]
    )


def score(found, true) -> tuple[float, float, float]:
    """Precision, recall and F1 over all pairs of ends: said to be one place against being one."""

    def pairs(labels):
        size = np.unique(labels, return_counts=True, axis=0)[1].astype(float)
        return float((size * (size - 1) / 2).sum())

    both = pairs(np.column_stack([found, true]))
    precision, recall = both / max(pairs(found), 1.0), both / max(pairs(true), 1.0)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)
