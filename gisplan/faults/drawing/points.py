"""Points of a network: sources that do not count, valves that cut or may cut, supply points that touch no line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.base.units import number_column
from gisplan.faults.fault import Found
from gisplan.judging.judgement import Judgement
from gisplan.networks.standing import says_closed

Bools = npt.NDArray[np.bool_]


def points(judgement: Judgement, key: str) -> list[Found]:
    """Name the sources, valves and supply points of a service that a planner should look at.

    Parameters
    ----------
    judgement
        What was built.
    key
        The service.
    """
    layer, network = judgement.survey.layers[key], judgement.candidates[key].network
    role = layer["role"]
    fed = np.zeros(len(layer), dtype=bool)
    fed[network.sources.row] = True
    valve = (role == "valve").to_numpy()
    unsure = layer["open_unknown"].to_numpy(dtype=bool)
    return [
        _found("source_kind", "warning", key, layer, role.isin(["source", "outfall"]).to_numpy() & ~fed),
        _found("valve_closed", "info", key, layer, valve & says_closed(layer)),
        _found("valve_unknown", "warning", key, layer, valve & unsure),
        _apart(judgement, key, layer),
    ]


def _found(code: str, severity: str, key: str, layer: pd.DataFrame, which: Bools) -> Found:
    """Make faults of some rows of a layer."""
    row = np.flatnonzero(which)
    return Found(
        code,
        severity,
        key,
        row,
        layer.index.to_numpy(dtype=object)[row],
        np.full(len(row), "", dtype=object),
        np.asarray(layer.geometry.array, dtype=object)[row],
    )


def _apart(judgement: Judgement, key: str, layer: pd.DataFrame) -> Found:
    """Name the declared supply points that touch no line: nothing would be fed from them."""
    shape = np.asarray(layer.geometry.array, dtype=object)
    role = layer["role"]
    points = np.flatnonzero((role == "boundary_supply").to_numpy())
    lines = shape[role.isin(["line", "lateral"]).to_numpy()]
    far = np.zeros(len(layer), dtype=bool)
    distance = np.zeros(len(layer))
    snap = judgement.candidates[key].network.reach_m
    if len(points) and len(lines):
        at, gap = shapely.STRtree(lines).query_nearest(shape[points], return_distance=True, all_matches=False)
        distance[points[at[0]]] = gap
        far = distance > snap
    found = _found("supply_apart", "warning", key, layer, far)
    values = {
        "distance": number_column(pd.Series(distance[found.row]), 3),
        "snap": number_column(pd.Series(snap[found.row]), 3),
    }
    return replace(found, values=values, numbers={"gap_m": distance[found.row]})
