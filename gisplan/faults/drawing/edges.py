"""Edges: dead ends where the survey stops, and the network may go on outside."""

from __future__ import annotations

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
"""How many times the profile's distance from the edge is looked ahead at first."""
_ENDING = ("source", "outfall", "boundary_supply", "valve", "pump", "hydrant", "stub")
"""Points at which a line may well end."""


def edges(judgement: Judgement) -> list[Found]:
    """Name the mains that end at the edge of the survey: ahead of them nothing was surveyed.

    The strip ahead of an end begins at the profile's distance from the edge and is as wide to both sides; no parcel and
    no feature of any service may lie in it, however far ahead. Laterals end at houses; where a service drains, only the
    lower end matters.

    Parameters
    ----------
    judgement
        What was built.
    """
    near = judgement.survey.profile.inspections["edge"].value
    roles = {key: layer["role"].to_numpy(dtype=object) for key, layer in judgement.survey.layers.items()}
    ends = {key: dead_ends(kept.network, roles[key], near) for key, kept in judgement.candidates.items()}
    away = np.concatenate([end[2] for end in ends.values()] or [np.empty(0, dtype=object)])
    free = unsurveyed(judgement, away)
    found, start = [], 0
    for key, (row, spot, strip) in ends.items():
        mine = np.flatnonzero(free[start : start + len(strip)])
        start += len(strip)
        ids = judgement.survey.layers[key].index.to_numpy(dtype=object)[row[mine]]
        nothing = np.full(len(mine), "", dtype=object)
        values = {"near": [number(near)] * len(mine)}
        found.append(Found("dangle_edge", "info", key, row[mine], ids, nothing, spot[mine], values))
    return found


def unsurveyed(judgement: Judgement, ahead: Shapes) -> Bools:
    """Tell ahead of which ends nothing was surveyed, as far as the survey reaches.

    Parameters
    ----------
    judgement
        What was built; the profile says how wide the strips are.
    ahead
        Where the strips begin and how they run, of `dead_ends`.
    """
    near = judgement.survey.profile.inspections["edge"].value
    surveyed = [judgement.survey.parcels, *judgement.survey.layers.values()]
    trees = [shapely.STRtree(np.asarray(table.geometry.array, dtype=object)) for table in surveyed]
    free = np.ones(len(ahead), dtype=bool)

    def look(parts: Shapes, owner: Ints) -> None:
        for tree in trees:  # the parcels first: they lie ahead of most ends
            at = np.flatnonzero(free[owner])
            free[owner[at[tree.query(parts[at], predicate="dwithin", distance=near)[0]]]] = False

    look(ahead, np.arange(len(ahead)))
    left = np.flatnonzero(free)
    if len(left):  # few: now to the end, in stretches of which each has a small box
        xy = shapely.get_coordinates(ahead[left]).reshape(-1, 2, 2)
        boxes = np.array([table.total_bounds for table in surveyed if len(table)])
        low, high = np.nanmin(boxes[:, :2], axis=0) - near, np.nanmax(boxes[:, 2:], axis=0) + near
        step = xy[:, 1] - xy[:, 0]
        count = int(np.hypot(*(high - low)) / np.hypot(*step[0])) + 1
        start = (xy[:, :1] + step[:, None] * np.arange(1, count + 1)[:, None]).reshape(-1, 2)
        owner, step = np.repeat(left, count), np.repeat(step, count, axis=0)
        inside = (np.maximum(start, start + step) >= low).all(axis=1) & (np.minimum(start, start + step) <= high).all(1)
        look(shapely.linestrings(np.stack([start, start + step], axis=1)[inside]), owner[inside])
    return free


def dead_ends(network: Network, role: Shapes, near: float) -> tuple[Ints, Shapes, Shapes]:
    """Find the dead ends of mains: rows of the layer, places, and the line ahead of each.

    Parameters
    ----------
    network
        The network of one service.
    role
        Role of each row of its layer.
    near
        Distance from the edge of the survey [m].
    """
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
