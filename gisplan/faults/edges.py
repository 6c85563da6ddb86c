"""Edges: dead ends where the survey stops, and the network may go on outside."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import shapely

from gisplan.base.units import number
from gisplan.faults.fault import Found, Ints, Shapes
from gisplan.judging.judgement import Judgement
from gisplan.networks.network import FORWARD, REVERSE, Network

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_AHEAD = 10
"""How many times the profile's distance from the edge is looked ahead."""
_ENDING = ("source", "outfall", "boundary_supply", "valve", "pump", "hydrant", "stub")
"""Points at which a line may well end."""


def edges(judgement: Judgement) -> list[Found]:
    """Name the mains that end at the edge of the survey: ahead of them nothing was surveyed.

    The strip ahead of an end begins at the profile's distance from the edge, is as wide to both sides, and ten times
    as long; no parcel and no feature of any service may lie in it. Laterals end at houses; where a service drains, only
    the lower end matters.

    Parameters
    ----------
    judgement
        What was built.
    """
    near = judgement.survey.profile.inspections["edge"].value
    roles = {key: layer["role"].to_numpy(dtype=object) for key, layer in judgement.survey.layers.items()}
    ends = {key: _dead(kept.network, roles[key], near) for key, kept in judgement.candidates.items()}
    away = np.concatenate([end[2] for end in ends.values()] or [np.empty(0, dtype=object)])
    free = np.ones(len(away), dtype=bool)
    for shapes in _surveyed(judgement):
        at = np.flatnonzero(free)
        if len(at) and len(shapes):
            seen = shapely.STRtree(shapes).query(away[at], predicate="dwithin", distance=near)[0]
            free[at[seen]] = False
    found, start = [], 0
    for key, (row, spot, strip) in ends.items():
        mine = np.flatnonzero(free[start : start + len(strip)])
        start += len(strip)
        ids = judgement.survey.layers[key].index.to_numpy(dtype=object)[row[mine]]
        nothing = np.full(len(mine), "", dtype=object)
        values = {"near": [number(near)] * len(mine), "ahead": [number(near * _AHEAD)] * len(mine)}
        found.append(Found("dangle_edge", "info", key, row[mine], ids, nothing, spot[mine], values))
    return found


def _surveyed(judgement: Judgement) -> Iterator[Shapes]:
    """Give everything that was surveyed, what lies ahead of most ends first."""
    yield np.asarray(judgement.survey.parcels.geometry.array, dtype=object)
    for layer in judgement.survey.layers.values():
        yield np.asarray(layer.geometry.array, dtype=object)


def _dead(network: Network, role: Shapes, near: float) -> tuple[Ints, Shapes, Shapes]:
    """Find the dead ends of mains: rows of the layer, places, and the line ahead of each."""
    joined, drawing = network.joined, network.drawing
    drawn = len(drawing.lines)
    degree = np.bincount(np.concatenate([joined.u, joined.v]), minlength=len(joined.xy))
    degree[joined.point_joint[np.isin(role[network.names.rows[drawn:]], _ENDING)]] += 2
    rows, spots, ahead = [], [], []
    for side, against in ((joined.u, FORWARD), (joined.v, REVERSE)):
        dead = (degree[side] == 1) & network.main
        if network.service.directed:
            dead &= network.direction != against
        piece = np.flatnonzero(dead)
        line = joined.line[piece]
        length = shapely.length(drawing.lines[line])
        back = np.minimum(near, length / 2)
        start = side is joined.u
        tip = shapely.get_coordinates(shapely.get_point(drawing.lines[line], 0 if start else -1)).reshape(-1, 2)
        where = shapely.line_interpolate_point(drawing.lines[line], back if start else length - back)
        way = tip - shapely.get_coordinates(where).reshape(-1, 2)
        far = np.hypot(*way.T)
        piece, way, tip = piece[far > 0], (way[far > 0].T / far[far > 0]).T, tip[far > 0]
        rows.append(network.row[piece])
        spots.append(shapely.points(tip))
        ahead.append(shapely.linestrings(np.stack([tip + near * 2 * way, tip + near * (_AHEAD - 1) * way], axis=1)))
    return np.concatenate(rows), np.concatenate(spots), np.concatenate(ahead)
