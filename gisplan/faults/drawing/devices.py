"""Devices: points that lie on no line, points drawn twice, and ids that several features share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gisplan.base.units import number_column
from gisplan.faults.fault import Found, Ints
from gisplan.judging.judgement import Judgement

Bools = npt.NDArray[np.bool_]

_SUPPLYING = ("source", "outfall", "valve", "pump", "stub", "hydrant")
"""Points that do nothing where they lie on no line."""
_MARKING = ("manhole", "joint")
"""Points that only mark a place."""


def devices(judgement: Judgement, key: str) -> list[Found]:
    """Name the points of a service that lie on no line, those drawn twice, and the ids used twice.

    Points that are abandoned or closed for good are left out. Of declared supply points the register speaks elsewhere.

    Parameters
    ----------
    judgement
        What was built.
    key
        The service.
    """
    return [*_apart(judgement, key), *_twice(judgement, key), _same_id(judgement, key)]


def _points(judgement: Judgement, key: str) -> Ints:
    """Give the rows of the points that are there."""
    shapes = np.asarray(judgement.survey.layers[key].geometry.array, dtype=object)
    # A point that is closed is out of service, and still there: it cuts.
    there = ~judgement.standings[key].out | (judgement.standings[key].why == "closed")
    return np.flatnonzero((shapely.get_type_id(shapes) == 0) & there)


def _apart(judgement: Judgement, key: str) -> list[Found]:
    """Find the points that the network does not hold and that lie on no line of the layer, a duct's or an old one's."""
    layer, network = judgement.survey.layers[key], judgement.candidates[key].network
    shapes, role = np.asarray(layer.geometry.array, dtype=object), layer["role"].to_numpy(dtype=object)
    lines = np.flatnonzero(shapely.get_type_id(shapes) == 1)
    row = _points(judgement, key)
    row = row[np.isin(role[row], (*_SUPPLYING, *_MARKING)) & ~_held(judgement, key)[row]]
    if not len(lines) or not len(row):
        return []
    (at, line), gap = shapely.STRtree(shapes[lines]).query_nearest(shapes[row], return_distance=True, all_matches=False)
    far = gap > network.reach_m[row[at]]
    row, other, gap = row[at[far]], lines[line[far]], gap[far]
    ids = layer.index.to_numpy(dtype=object)
    out = []
    for severity, roles in (("warning", _SUPPLYING), ("info", _MARKING)):
        which = np.flatnonzero(np.isin(role[row], roles))
        mine = row[which]
        values = {"gap": _text(gap[which]), "snap": _text(network.reach_m[mine])}
        numbers = {"gap_m": gap[which]}
        out.append(
            Found("device_apart", severity, key, mine, ids[mine], ids[other[which]], shapes[mine], values, numbers)
        )
    return out


def _held(judgement: Judgement, key: str) -> Bools:
    """Tell which points of a layer share a joint with a line: joined by their place or by a number."""
    network = judgement.candidates[key].network
    joined, drawn = network.joined, len(network.drawing.lines)
    used = np.zeros(len(joined.xy), dtype=bool)
    used[joined.u] = used[joined.v] = True
    held = np.zeros(len(network.features), dtype=bool)
    held[network.names.rows[drawn:]] = used[joined.point_joint]
    return held


def _text(values: npt.NDArray[np.float64]) -> pd.Series:
    return number_column(pd.Series(values, dtype=float), 3)


def _twice(judgement: Judgement, key: str) -> list[Found]:
    """Find points of one role that lie almost on each other; of several the first in the file is kept."""
    layer = judgement.survey.layers[key]
    near_m = judgement.survey.profile.inspections["point_spacing"].value
    shapes, role = np.asarray(layer.geometry.array, dtype=object), layer["role"]
    row = _points(judgement, key)
    row = row[role.iloc[row].notna().to_numpy()]
    xy = shapely.get_coordinates(shapes[row])
    if len(row) < 2:
        return []
    pairs = cKDTree(xy).query_pairs(near_m, output_type="ndarray")
    code = pd.factorize(role.iloc[row])[0]
    pairs = pairs[code[pairs[:, 0]] == code[pairs[:, 1]]]
    if not len(pairs):
        return []
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(row), len(row)))
    group = connected_components(links, directed=False)[1]
    _, first = np.unique(group, return_index=True)
    other = first[group]
    copy = np.flatnonzero(other != np.arange(len(row)))
    gap = np.hypot(*(xy[copy] - xy[other[copy]]).T)
    ids, mine = layer.index.to_numpy(dtype=object), row[copy]
    return [
        Found(
            "point_twice", "warning", key, mine, ids[mine], ids[row[other[copy]]], shapes[mine],
            {"gap": _text(gap)}, {"gap_m": gap},
        )
    ]  # fmt: skip


def _same_id(judgement: Judgement, key: str) -> Found:
    """Find the ids that several features bear; the parts of one feature stand together and are counted on."""
    layer = judgement.survey.layers[key]
    row = np.flatnonzero(layer.index.duplicated(keep=False))
    ids, file = layer.index.to_numpy(dtype=object)[row], layer["file"].to_numpy(dtype=object)[row]
    part = layer["part"].to_numpy(dtype=np.int64)[row]
    begins = np.ones(len(row), dtype=bool)
    begins[1:] = (np.diff(row) > 1) | (ids[1:] != ids[:-1]) | (file[1:] != file[:-1]) | (part[1:] <= part[:-1])
    row, ids = row[begins], ids[begins]
    code, names = pd.factorize(ids)
    count = np.bincount(code, minlength=len(names))
    several = np.flatnonzero(count > 1)
    shapes = np.asarray(layer.geometry.array, dtype=object)[row]
    spots = shapely.get_coordinates(shapely.point_on_surface(shapes)).reshape(-1, 2)
    order = np.argsort(code, kind="stable")
    order = order[count[code[order]] > 1]
    place = np.cumsum(count > 1) - 1
    shape = shapely.multipoints(spots[order], indices=place[code[order]]) if len(order) else np.empty(0, dtype=object)
    first = np.full(len(names), -1)
    first[code[::-1]] = row[::-1]
    return Found(
        "id_twice",
        "warning",
        key,
        first[several],
        np.asarray(names, dtype=object)[several],
        np.full(len(several), "", dtype=object),
        np.asarray(shape, dtype=object),
        {"count": pd.Series(count[several])},
    )
