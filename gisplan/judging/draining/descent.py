"""Descent: whether a parcel drains to a candidate by its own fall, and which further candidates are worth a look.

Mostly the nearest candidate holds, and then no other is asked. Only where it does not, or where that is not known, all
candidates in reach are tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from gisplan.judging.candidates import DEAD, Candidates
from gisplan.judging.draining.outlets import Outlets
from gisplan.judging.outcome import FAILS, HOLDS, UNKNOWN
from gisplan.networks.inverts import DECIMALS
from gisplan.networks.network import Network
from gisplan.networks.reach import Near, Obstacles, unbarred
from gisplan.rules.profile import Service

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Shapes = npt.NDArray[np.object_]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Descent:
    """Candidates of parcels, and whether each parcel drains to its candidate; one entry a row.

    Attributes
    ----------
    near, barred
        The rows: parcel and candidate, and whether something stands between them.
    shut, open
        Whether the parcel's fall to it holds, with unknowns taken as absent and as operating.
    doubt
        Reason code where the candidate by itself is sure, and the row is not.
    uphill
        Whether the candidate's own way runs uphill.
    """

    near: Near
    barred: Bools
    shut: Ints
    open: Ints
    doubt: Texts
    uphill: Bools

    def told(self, rank: Ints) -> Ints:
        """Give the place in `DEAD` of the reason of each row, from its rank."""
        first = DEAD.index("needs_lifting")
        return np.where((rank == first) & self.uphill, DEAD.index("uphill"), np.minimum(rank, len(DEAD)))


@dataclass(frozen=True)
class Fall:
    """How parcels drain to joints: each term of the sum, in metres.

    Attributes
    ----------
    lowest, depth, slope, run, end, invert, fall
        Lowest ground, depth at the head of the parcel's own sewer (with the drop at the manhole), its slope, its
        length, the level where it arrives, the invert there, and the difference of the two.
    """

    lowest: Floats
    depth: float
    slope: float
    run: Floats
    end: Floats
    invert: Floats
    fall: Floats


def fall(service: Service, network: Network, pairs: tuple[Shapes, Floats], drains: Outlets) -> Fall:
    """Reckon the fall of parcels to outlets, pair by pair.

    Parameters
    ----------
    service
        Gives depth, slope and drop; one that it lacks leaves the fall unknown.
    network
        Where the joints lie.
    pairs
        Polygon and lowest ground of the parcel of each pair.
    drains
        The outlet of each pair.
    """
    shapes, lowest = pairs
    depth, slope, drop = (
        service.figures[name].value if name in service.figures else np.nan
        for name in ("start_depth", "run_slope", "drop")
    )
    run = np.full(len(shapes), np.nan)
    has = np.flatnonzero((drains.joint >= 0) & ~shapely.is_empty(shapes))
    if len(has):
        corner, owner = shapely.get_coordinates(shapes[has], return_index=True)
        away = np.hypot(*(corner - network.joined.xy[drains.joint[has]][owner]).T)
        run[has] = np.maximum.reduceat(away, np.flatnonzero(np.diff(owner, prepend=-1)))
    end = lowest - depth - drop - slope * run
    return Fall(lowest, depth + drop, slope, run, end, drains.invert_m, np.round(end - drains.invert_m, DECIMALS))


def descend(parcels: Shapes, c: Candidates, known: tuple[tuple[Near, Bools], Floats], obstacles: Obstacles) -> Descent:
    """Judge the fall of each parcel to its nearest candidates, and add further ones where those do not serve.

    Parameters
    ----------
    parcels
        Polygons of all parcels.
    c
        Candidates of one service.
    known
        The nearest candidate of each kind for each parcel, with what stands between them; lowest ground of each parcel.
    obstacles
        What no connection may cross.
    """
    (near, barred), lowest = known
    if c.outlets is None or not c.service.asks("fall"):
        holds = np.full(len(near.parcel), HOLDS, dtype=np.int64)
        doubt = np.full(len(holds), "barriers_unknown", dtype=object)
        return Descent(near, barred, holds, holds, doubt, c.cause[near.candidate] == "uphill")
    first = _judged(parcels, c, lowest, (near, barred))
    hard = _hard(c, first, len(parcels), obstacles.unsure)
    if len(hard) == 0:
        return first
    return _both(first, _judged(parcels, c, lowest, _more(parcels, c, (hard, lowest), obstacles)))


def _judged(parcels: Shapes, c: Candidates, lowest: Floats, rows: tuple[Near, Bools]) -> Descent:
    """Judge the fall of each row in both views."""
    near, barred = rows
    shut, opened = _held(parcels, c, lowest, near)
    doubt = np.where(np.isnan(lowest[near.parcel]), "ground_unknown", "fall_unknown").astype(object)
    doubt[shut == HOLDS] = "barriers_unknown"
    return Descent(near, barred, shut, opened, doubt, c.cause[near.candidate] == "uphill")


def _held(parcels: Shapes, c: Candidates, lowest: Floats, near: Near) -> tuple[Ints, Ints]:
    """Hold the fall of each row against its limit, in both views."""
    if c.outlets is None:
        raise ValueError("only what is asked to fall has outlets")
    limits = [x.limit for x in c.service.conditions if x.measure.name == "fall" and x.weight == "required"]
    out = []
    for drains in c.outlets if c.outlets[0] is not c.outlets[1] else c.outlets[:1]:
        pairs = (parcels[near.parcel], lowest[near.parcel])
        value = fall(c.service, c.network, pairs, drains.take(near.candidate)).fall
        fits = np.ones(len(value), dtype=bool)
        for limit in limits:
            fits &= (value >= limit.low) & (value <= limit.high)
        out.append(np.where(np.isnan(value), UNKNOWN, np.where(fits, HOLDS, FAILS)).astype(np.int64))
    return out[0], out[-1]


def _hard(c: Candidates, found: Descent, parcels: int, barriers_unknown: bool) -> Ints:
    """List the parcels of which the best candidate that is near does not hold, in one view or the other."""
    near, nowhere = found.near, len(c.levels)
    out = np.zeros(parcels, dtype=bool)
    sure = ~found.barred & ((near.distance_m == 0) | (not barriers_unknown))
    views = ((c.level_shut, sure, found.shut == HOLDS), (c.level_open, ~found.barred, found.open != FAILS))
    for level, there, holds in views:
        mine = np.flatnonzero(there & (level[near.candidate] < nowhere))
        order = mine[
            np.lexsort((near.candidate[mine], near.distance_m[mine], level[near.candidate[mine]], near.parcel[mine]))
        ]
        best = order[np.flatnonzero(np.diff(near.parcel[order], prepend=-1))]
        out[near.parcel[best[~holds[best]]]] = True
    return np.flatnonzero(out)


def _more(parcels: Shapes, c: Candidates, known: tuple[Ints, Floats], obstacles: Obstacles) -> tuple[Near, Bools]:
    """List every candidate in reach of some parcels that would serve them and to which they may drain."""
    hard, lowest = known
    nowhere = len(c.levels)
    may = np.flatnonzero((c.level_shut < nowhere) | (c.level_open < nowhere))
    reach = c.reach_m
    parcel, other = shapely.STRtree(c.shape[may]).query(parcels[hard], predicate="dwithin", distance=reach)
    near = Near(hard[parcel], may[other], may[other], shapely.distance(parcels[hard[parcel]], c.shape[may[other]]))
    shut, opened = _held(parcels, c, lowest, near)
    worth = (near.distance_m <= reach) & ((shut == HOLDS) | (opened != FAILS))
    near = Near(near.parcel[worth], near.group[worth], near.candidate[worth], near.distance_m[worth])
    return unbarred(near, obstacles, (c.shape, np.arange(len(c.shape))), np.full(len(c.shape), reach))


def _both(one: Descent, two: Descent) -> Descent:
    """Put two lists of rows together."""
    near = Near(
        *(np.concatenate([getattr(one.near, name), getattr(two.near, name)]) for name in Near.__dataclass_fields__)
    )
    rest = ("barred", "shut", "open", "doubt", "uphill")
    return Descent(near, *(np.concatenate([getattr(one, name), getattr(two, name)]) for name in rest))
