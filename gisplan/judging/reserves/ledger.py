"""The ledger: what every source and main can carry, what of it is taken by whom, and who holds the last of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.judging.brief import Brief
from gisplan.judging.judgement import Judgement
from gisplan.judging.reserves.capacity import deciding, element_names
from gisplan.judging.reserves.loads import Loads, loads

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

COLUMNS = (
    "service", "feature", "kind", "unit", "capacity", "used", "promised", "most", "left", "reserve_pct", "holders",
    "last_holder", "refused",
)  # fmt: skip
HOLDERS = ("service", "feature", "place", "parcel", "basis", "load", "left_after")


def ledger(judgement: Judgement) -> pd.DataFrame:
    """List every source, and every main that somebody's way leads over, with what is left of it.

    Parameters
    ----------
    judgement
        What was judged.

    Returns
    -------
    pandas.DataFrame
        One row a source or main, by service; `COLUMNS`. ``capacity``, ``used`` (promised before, as the layer says),
        ``promised`` (allotted to parcels in their order: their sure loads; before a red line those of the zone too),
        ``most`` (loads that may be) and ``left`` (capacity − used − promised; below zero where more was asked for than
        there is) in ``unit``; missing where not known. ``holders`` counts the parcels, ``last_holder`` is the one that
        comes last of those that found room, ``refused`` counts the others.
    """
    parts = [_rows(brief, loads(brief)) for brief in _counted(judgement)]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({c: [] for c in COLUMNS})
    return table[list(COLUMNS)]


def holders(judgement: Judgement) -> pd.DataFrame:
    """List who takes what from each source, in the order of the promises.

    Returns
    -------
    pandas.DataFrame
        One row a source and parcel; `HOLDERS`. ``place`` counts from 1, parcels whose order is not known share one;
        ``basis`` is ``granted`` (within what the source counts as used, no load), ``paper``, ``project`` or ``norm``;
        ``left_after`` is what is left once all that share its place, and all before them, have theirs.
    """
    parts = [_takers(brief, loads(brief)) for brief in _counted(judgement)]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({c: [] for c in HOLDERS})
    return table[list(HOLDERS)]


def _counted(judgement: Judgement) -> list[Brief]:
    return [brief for brief in judgement.briefs.values() if brief.asked("capacity")]


def _rows(brief: Brief, found: Loads) -> pd.DataFrame:
    """Give the rows of one service: its sources, then its mains, each line by the tightest of its pieces."""
    network, pieces = brief.kept.network, len(brief.kept.network.row)
    names = element_names(brief)
    sources = pieces + np.unique(network.sources.joint)
    carried = np.flatnonzero((found.most[:pieces] > 0) & network.main)
    sure, most = found.sure + found.zone[0], found.most + found.zone[1]
    left = found.capacity - sure
    order = carried[np.lexsort((carried, np.nan_to_num(left[carried], nan=-np.inf), network.row[carried]))]
    mains = order[np.flatnonzero(np.diff(network.row[order], prepend=-1))]
    mains = mains[np.isfinite(found.capacity[mains]) | np.isnan(found.capacity[mains])]
    element = np.concatenate([sources, mains])
    is_source = element >= pieces
    capacity, used = found.capacity[element].copy(), np.where(is_source, 0.0, np.nan)
    entry = deciding(brief)
    at = entry[element[is_source] - pieces]
    capacity[is_source], used[is_source] = found.carrying.stated[at], found.carrying.used[at]
    count, last, refused = _holders(found, element, pieces)
    parcels = np.concatenate([brief.survey.parcels.index.to_numpy(dtype=object), np.array([None], dtype=object)])
    share = np.divide(
        100 * left[element], capacity, out=np.full(len(element), np.nan), where=np.isfinite(capacity) & (capacity > 0)
    )
    return pd.DataFrame(
        {
            "service": brief.service.key,
            "feature": names[element],
            "kind": np.where(is_source, "source", "main"),
            "unit": brief.service.demand,
            "capacity": capacity,
            "used": used,
            "promised": sure[element],
            "most": most[element],
            "left": left[element],
            "reserve_pct": np.round(share, 2),
            "holders": count,
            "last_holder": parcels[last],
            "refused": refused,
        }
    )


def _holders(found: Loads, element: Ints, pieces: int) -> tuple[Ints, Ints, Ints]:
    """Count, for each element, the parcels on it and those that found no room, and name the last that did."""
    ways, n = found.ways, len(found.enough)
    size = len(found.capacity)
    rank = np.empty(n, dtype=np.int64)
    rank[np.lexsort((np.arange(n), found.order.latest))] = np.arange(n)
    best = np.full(size, -1, dtype=np.int64)
    total, refused = np.zeros(size), np.zeros(size)
    fits = found.enough
    for tree in ways.trees:
        joints = len(tree.way.piece)
        top = np.full(joints, -1, dtype=np.int64)
        np.maximum.at(top, tree.at, np.where(fits[tree.who], rank[tree.who], -1))
        top = -tree.forest.least(-top)
        many = tree.forest.sums(np.bincount(tree.at, minlength=joints).astype(float))
        short = tree.forest.sums(np.bincount(tree.at, ~fits[tree.who], joints).astype(float))
        joint, piece = tree.steps
        np.maximum.at(best, piece, top[joint])
        np.add.at(total, piece, many[joint])
        np.add.at(refused, piece, short[joint])
    for who, at in (
        (np.flatnonzero(ways.piece >= 0), ways.piece),
        (np.flatnonzero(ways.root >= 0), pieces + ways.root),
    ):
        np.maximum.at(best, at[who], np.where(fits[who], rank[who], -1))
        np.add.at(total, at[who], 1)
        np.add.at(refused, at[who], ~fits[who])
    back = np.append(np.argsort(rank), -1)
    return total[element].astype(np.int64), back[best[element]], refused[element].astype(np.int64)


def _takers(brief: Brief, found: Loads) -> pd.DataFrame:
    """Give the rows of all sources of one service, each in the order of the promises."""
    ways, order = found.ways, found.order
    who = np.flatnonzero(ways.root >= 0)
    who = who[np.lexsort((who, order.latest[who], ways.root[who]))]
    names = element_names(brief)[len(brief.kept.network.row) :]
    load = np.where(order.granted, 0.0, np.fmax(found.demand.value, order.held))[who]
    root = ways.root[who]
    first = np.flatnonzero(np.diff(root, prepend=-1))
    run = np.nancumsum(load)
    before = np.repeat((run - np.nan_to_num(load))[first], np.diff(np.append(first, len(who))))
    new = np.ones(len(who), dtype=np.int64)
    new[1:] = (order.latest[who][1:] != order.latest[who][:-1]) | (root[1:] != root[:-1])
    place = np.cumsum(new)
    start = np.repeat(place[first], np.diff(np.append(first, len(who))))
    # Of those that share a place nobody knows who comes first: what is left is told once all of them have theirs.
    last = np.append(new[1:] == 1, True)[: len(new)]  # of no takers there is no last
    taken = run[np.flatnonzero(last)][np.cumsum(new) - 1] - before
    firm = order.promised & ~order.scant
    basis = np.where(order.granted, "granted", np.where(firm, "paper", found.demand.basis))[who]
    capacity = (found.capacity - found.zone[0])[len(brief.kept.network.row) :]
    return pd.DataFrame(
        {
            "service": brief.service.key,
            "feature": names[root],
            "place": place - start + 1,
            "parcel": brief.survey.parcels.index.to_numpy(dtype=object)[who],
            "basis": basis,
            "load": load,
            "left_after": capacity[root] - taken,
        }
    )
