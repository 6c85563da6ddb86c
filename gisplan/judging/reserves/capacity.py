"""Capacity: whether what is left on the way and at the source is enough for each parcel, the first promised first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gisplan.base.coded import Coded
from gisplan.judging.brief import Brief
from gisplan.judging.outcome import FAILS, HOLDS, UNKNOWN, Outcome
from gisplan.judging.reserves.loads import Loads, loads
from gisplan.networks.supply import along

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]


def outcomes(brief: Brief) -> dict[str, Outcome]:
    """Judge room and reserve of a service for every parcel."""
    found = loads(brief)
    out = {}
    for condition in brief.asked("capacity"):
        if condition.measure.name == "reserve":
            out[condition.id] = _reserve(brief, found, condition.limit.low)
        else:
            out[condition.id] = _room(brief, found)
    return out


def element_names(brief: Brief) -> Texts:
    """Give the feature id of every element: every piece, then the source at every joint (None elsewhere)."""
    network = brief.kept.network
    joints = np.full(len(network.joined.xy), None, dtype=object)
    entry = deciding(brief)
    has = np.flatnonzero(entry >= 0)
    joints[has] = network.features[network.sources.row[entry[has]]]
    return np.concatenate([network.features[network.row], joints])


def deciding(brief: Brief) -> Ints:
    """Give for every joint the entry of its source that has least left, or of which nobody knows; -1 without."""
    network, left = brief.kept.network, loads(brief).carrying.source
    order = np.lexsort((np.arange(len(left)), np.where(np.isnan(left), -np.inf, left)))[::-1]
    entry = np.full(len(network.joined.xy), -1, dtype=np.int64)
    entry[network.sources.joint[order]] = order
    return entry


def _room(brief: Brief, found: Loads) -> Outcome:
    """Judge whether enough is left for every parcel."""
    n = brief.parcels
    names = Coded.of(element_names(brief))
    parcels = np.append(brief.survey.parcels.index.to_numpy(dtype=object), "—")
    no_demand = np.isnan(found.demand.value)
    blind = found.unknown >= 0
    code = np.full(n, "order_unknown", dtype=object)
    code[found.ways.restless | ~found.ways.sure] = "flow_unknown"
    code[blind] = "capacity_unknown"
    code[no_demand] = "demand_unknown"
    code[found.short] = "no_capacity"
    need = np.fmax(found.demand.value, found.order.held)
    nothing = (need == 0.0) & (found.order.most == 0.0) & ~no_demand
    unasked = nothing & (found.demand.basis == "unasked")
    enough = np.where(nothing, ~found.short, found.enough & ~no_demand)
    code[enough] = np.where(unasked, "nothing_asked", "")[enough]
    at = np.where(found.short | ~blind, found.pinch.element, found.unknown)
    feature, holder = names.take(at), found.pinch.holder
    return Outcome.of(
        np.where(enough, 1.0, np.where(found.short, 0.0, np.nan)),
        np.where(enough, HOLDS, np.where(found.short, FAILS, UNKNOWN)),
        code,
        feature,
        {
            "need": np.round(need, 2),
            "left": np.round(np.where(np.isfinite(found.pinch.left), np.maximum(found.pinch.left, 0.0), np.nan), 2),
            "unit": Coded.filled(n, brief.service.demand),
            "at": feature,
            "holder": Coded(np.where(holder < 0, n, holder).astype(np.int32), parcels),
        },
    )


def _reserve(brief: Brief, found: Loads, wanted: float) -> Outcome:
    """Judge the least share of capacity that is left on the way of every parcel, in %; of a source, of all it gives."""
    n, pieces = brief.parcels, len(brief.kept.network.row)
    whole = found.capacity.copy()
    entry = deciding(brief)
    fed = np.flatnonzero(entry >= 0)
    whole[pieces + fed] = found.carrying.stated[entry[fed]]
    limited = np.isfinite(whole) & (whole > 0)
    left = np.where(np.isinf(whole), np.inf, -100.0)
    left[limited] = 100.0 * (found.capacity - found.sure - found.zone[0])[limited] / whole[limited]
    left[np.isnan(found.capacity) | np.isnan(whole)] = np.nan
    odd = np.where(np.isnan(left), -np.inf, left)  # what is not known counts as the least, and is told apart below
    value = np.full(n, np.inf)
    for tree in found.ways.trees:
        start = np.full(len(tree.way.piece), np.inf)
        start[: len(odd) - pieces] = odd[pieces:]
        value[tree.who] = along(tree.way, odd[:pieces], start, np.less)[tree.at]
    own = np.flatnonzero(found.ways.piece >= 0)
    value[own] = np.minimum(value[own], odd[found.ways.piece[own]])
    value = np.where(found.ways.sure & np.isfinite(value), value, np.nan)
    holds = np.where(np.isnan(value), UNKNOWN, np.where(value >= wanted, HOLDS, FAILS))
    code = np.select([holds == FAILS, holds == UNKNOWN], ["reserve_small", "reserve_unknown"], default="")
    return Outcome.of(np.round(value, 2), holds, code, Coded.filled(n, None), {})
