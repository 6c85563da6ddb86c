"""Legs and holes: whether supply and return both reach a parcel (heat), and whether its duct has holes to spare."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.base.coded import Coded
from gisplan.judging.brief import Brief
from gisplan.judging.outcome import FAILS, HOLDS, UNKNOWN, Outcome, Term, named
from gisplan.networks.reach import Near, nearest, unbarred
from gisplan.networks.supply import Supply, first_main, live_over, usable

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]
Shapes = npt.NDArray[np.object_]


def outcomes(brief: Brief) -> dict[str, Outcome]:
    """Judge whether supply and return both reach each parcel.

    Each leg is followed by itself, over its own pipes and pairs, at the level of the cell, to a source that both have
    in common. What carries steam needs no return. A blank leg is any leg, with unknowns taken as operating, and none
    otherwise.
    """
    found = brief.found
    served = np.isin(found.grade, ("A", "B", "C")) & (found.joint >= 0)
    both, may = np.zeros(brief.parcels, dtype=bool), np.zeros(brief.parcels, dtype=bool)
    for number in np.unique(found.level[served]).tolist():
        who = np.flatnonzero(served & (found.level == number))
        both[who] = _both(brief, (brief.kept.shut, number), who, sure=True)
        rest = who[~both[who]]
        may[rest] = _both(brief, (brief.kept.open, number), rest, sure=False)
    may |= both
    # Where it is not sure from when a cell is served, it may be too early for both.
    both &= found.level == found.open_level
    holds = np.where(served, np.where(both, HOLDS, np.where(may, UNKNOWN, FAILS)), UNKNOWN)
    code = np.select([holds == HOLDS, holds == FAILS], ["", "one_leg"], default="legs_unknown")
    value = np.select([holds == HOLDS, holds == FAILS], [1.0, 0.0], default=np.nan)
    nothing = Coded.filled(brief.parcels, None)
    return {c.id: Outcome.of(value, holds, code, nothing, {}) for c in brief.asked("legs")}


def _bearing(layer: pd.DataFrame, rows: Ints, leg: str, sure: bool) -> Bools:
    """Tell which rows of a layer carry a leg of hot water, or steam (``steam``): surely, or perhaps.

    What brings the condensate back is steam by its medium, and brings nobody heat.
    """
    said, medium = (layer[c].iloc[rows].to_numpy(dtype=object, na_value=None) for c in ("leg", "medium"))
    blank, unknown = said == None, medium == None  # noqa: E711 (column by column)
    if leg == "steam":
        return np.asarray((said != "return") & ((medium == "steam") | (unknown & (not sure))), dtype=bool)
    return np.asarray((medium != "steam") & (np.isin(said, (leg, "pair")) | (blank & (not sure))), dtype=bool)


def _both(brief: Brief, at: tuple[Supply, int], who: Ints, sure: bool) -> Bools:
    """Tell which of some parcels steam reaches, or both legs of hot water from one and the same source.

    Where what is left at the source is asked, it must be that to which the parcel's own way leads.
    """
    supply, number = at
    out = np.zeros(len(who), dtype=bool)
    fed = supply.network.sources.joint
    steps = supply.levels
    fed = fed[usable(supply.network.sources.standing, supply.view, int(steps.grade[number]), steps.day[number])]
    own = supply.way(number).source[brief.found.joint[who]] if sure and brief.asked("capacity") else None
    for joint in np.unique(fed):
        for legs in (("supply", "return"), ("steam", "steam")):
            rest = np.flatnonzero(~out & (True if own is None else own == joint))
            out[rest] = _reached(brief, at, who[rest], (joint, legs, sure))
    return out


def _reached(brief: Brief, at: tuple[Supply, int], who: Ints, asked: tuple[int, tuple[str, str], bool]) -> Bools:
    """Tell which of some parcels two legs reach from the source at one joint."""
    (supply, number), (source, legs, sure) = at, asked
    kept, found, network = brief.kept, brief.found, supply.network
    if len(who) == 0:
        return np.zeros(0, dtype=bool)
    layer = brief.survey.layers[brief.service.key]
    pieces, stubs = [], []
    for leg in legs:
        joints, live = live_over(supply, number, _bearing(layer, network.row, leg, sure), source)
        pieces.append(live)
        # A stub without a leg is fed by whatever meets its joint.
        own = _bearing(layer, network.stub_row, leg, sure) | layer["leg"].iloc[network.stub_row].isna().to_numpy()
        stubs.append(joints[network.stub_joint] & own)
    chosen = found.candidate[who]
    piece, stub = found.piece[who], kept.stub[chosen]
    near = np.where(
        piece >= 0,
        np.append(pieces[0] & pieces[1], False)[piece],
        (stub >= 0) & np.append(stubs[0] & stubs[1], False)[stub],
    )
    rest = np.flatnonzero(~near)
    near[rest] = _around(brief, number, who[rest], (np.array(pieces), np.array(stubs), sure))
    return near


def _around(brief: Brief, number: int, who: Ints, legs: tuple[Bools, Bools, bool]) -> Bools:
    """Tell which of some parcels have both legs in reach, by way of whichever candidates."""
    kept = brief.kept
    pieces, stubs, sure = legs
    shapes, group = [np.empty(0, dtype=object)], [np.empty(0, dtype=np.int64)]
    level = kept.level_shut if sure else kept.level_open
    for shape, carries in _places(brief, level <= number, (pieces, stubs)):
        some = np.asarray(carries.any(axis=0))
        shapes.append(shape[some])
        group.append((carries[0] + 2 * carries[1])[some].astype(np.int64) - 1)
    shape, kind = np.concatenate(shapes), np.concatenate(group)
    reach_m = np.full(3, kept.reach_m)
    parcels = np.asarray(brief.survey.parcels.geometry.array)
    near = nearest(parcels[who], shape, kind, reach_m)
    near = Near(who[near.parcel], near.group, near.candidate, near.distance_m)
    near, barred = unbarred(near, brief.obstacles, (shape, kind), reach_m)
    usable = ~barred & ((near.distance_m == 0) | (not sure) | (not brief.obstacles.unsure))
    has = np.zeros((2, brief.parcels), dtype=bool)
    for leg in range(len(has)):
        has[leg, near.parcel[usable & ((near.group == leg) | (near.group == 2))]] = True
    return np.asarray(has.all(axis=0))[who]


def _places(brief: Brief, serves: Bools, legs: tuple[Bools, Bools]) -> Iterator[tuple[Shapes, Bools]]:
    """Give the shapes of the pieces and of the stubs of candidates that serve, with the legs that they carry."""
    kept, (pieces, stubs) = brief.kept, legs
    lines = np.flatnonzero(serves & (kept.piece >= 0))
    count = kept.pieces[lines]
    part = np.repeat(kept.piece[lines] - (np.cumsum(count) - count), count) + np.arange(count.sum())
    yield kept.network.joined.piece(part), pieces[:, part]
    points = np.flatnonzero(serves & (kept.stub >= 0))
    yield kept.shape[points], stubs[:, kept.stub[points]]


def holes(brief: Brief) -> dict[str, Outcome]:
    """Judge how many holes the duct of each parcel's main has to spare: all less those in use."""
    layer, found, kept = brief.survey.layers[brief.service.key], brief.found, brief.kept
    served = np.isin(found.grade, ("A", "B", "C")) & (found.joint >= 0)
    row = _main(brief, served)
    blank = np.array([np.nan])
    total, used = (
        np.append(layer[name].to_numpy(dtype=float, na_value=np.nan), blank)[row]
        for name in ("holes_total", "holes_used")
    )
    spare = np.where((used >= 0) & (used <= total), total - used, np.nan)
    sure = served & (found.candidate == found.open_candidate) & (row >= 0)
    out = {}
    for condition in brief.asked("holes"):
        value = np.where(sure, spare, np.nan)
        good = (value >= condition.limit.low) & (value <= condition.limit.high)
        holds = np.where(np.isnan(value), UNKNOWN, np.where(good, HOLDS, FAILS))
        code = np.select([holds == HOLDS, holds == FAILS], ["", "holes_full"], default="holes_unknown")
        names = named(kept.network.features, np.where(sure, row, -1))
        terms: dict[str, Term] = {"at": names, "total": total, "used": used, "spare": value}
        out[condition.id] = Outcome.of(value, holds, code, names, terms)
    return out


def _main(brief: Brief, served: Bools) -> Ints:
    """Find the layer row of each served parcel's main: its own, of a lateral or stub the first on its way; else -1."""
    found, network = brief.found, brief.kept.network
    own = (found.piece >= 0) & np.append(network.main, False)[found.piece]
    main = np.where(own, found.piece, -1)
    for number in np.unique(found.level[served & ~own]).tolist():
        branch = np.flatnonzero(served & ~own & (found.level == number))
        firsts = [first_main(supply, number)[found.joint[branch]] for supply in (brief.kept.shut, brief.kept.open)]
        main[branch] = np.where(firsts[0] == firsts[1], firsts[0], -1)
    return np.where(main >= 0, np.append(network.row, -1)[main], -1)
