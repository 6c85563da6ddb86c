"""Hydrants: how far a parcel's farthest point is from a working one, and how far those that cover it stand apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from gisplan.base.coded import Coded
from gisplan.judging.brief import Brief
from gisplan.judging.outcome import FAILS, HOLDS, UNKNOWN, Outcome, Term, named
from gisplan.networks.cover import farthest
from gisplan.networks.reach import close, first_within
from gisplan.networks.standing import A
from gisplan.networks.supply import Supply

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True)
class _Span:
    """A distance between what it is with the sure hydrants alone and with all that may work; with the one that decides.

    `least` and `most` are infinite where there is no hydrant, `sure` and `maybe` (numbers of hydrants) -1.
    """

    least: Floats
    most: Floats
    maybe: Ints
    sure: Ints


def outcomes(brief: Brief) -> dict[str, Outcome]:
    """Judge the cover and the spacing of the hydrants of each parcel.

    Hydrants count that operate, on joints that are live today. With more of them no point is farther from one, so cover
    holds if the sure ones are enough and fails if all that may work are not. Spacing holds if every hydrant that may
    cover a parcel has a sure neighbour, and fails if a sure one has none.
    """
    network = brief.kept.network
    standing, known = network.hydrants.standing, bool(len(network.hydrants.row))
    spots = np.asarray(brief.survey.layers[brief.service.key].geometry.array)[network.hydrants.row]
    sure = np.flatnonzero((standing.grade == A) & _fed(brief.kept.shut, network.hydrants.joint))
    maybe = np.flatnonzero(((standing.grade == A) | standing.unknown) & _fed(brief.kept.open, network.hydrants.joint))
    parcels = np.asarray(brief.survey.parcels.geometry.array)
    names = network.features[network.hydrants.row]
    out, snap_m = {}, brief.survey.profile.snap_m
    reach = next((c.limit.high for c in brief.asked("hydrant") if c.measure.name == "hydrant_cover"), None)
    for condition in brief.asked("hydrant"):
        limit = condition.limit
        if condition.measure.name == "hydrant_cover":
            span, code, term = _cover(parcels, spots, (sure, maybe)), "hydrants_far", "cover"
        else:
            # Where a profile has no covering distance, hydrants within their spacing of a parcel are its own.
            within = limit.high if reach is None else reach
            span, code, term = _spacing(parcels, (spots, snap_m), (sure, maybe), within), "hydrants_apart", "spacing"
        whole = ~shapely.is_empty(parcels) & known
        holds = np.where(span.most <= limit.high, HOLDS, np.where(span.least > limit.high, FAILS, UNKNOWN))
        holds = np.where(whole, holds, UNKNOWN)
        value = np.select([holds == HOLDS, holds == FAILS], [span.most, span.least], default=np.nan)
        which = np.select([holds == HOLDS, holds == FAILS], [span.sure, span.maybe], default=-1)
        none = (holds == FAILS) & (which < 0) if known else holds == UNKNOWN
        codes = np.select([none, holds == HOLDS, holds == FAILS], ["hydrants_none", "", code], "hydrants_unknown")
        hydrant = named(names, which)
        terms: dict[str, Term] = {"hydrant": hydrant, term: value, "limit": Coded.filled(len(parcels), limit.text)}
        out[condition.id] = Outcome.of(value, holds, codes, hydrant, terms)
    return out


def _fed(supply: Supply, joint: Ints) -> Bools:
    """Tell which joints are live today, on a line."""
    joined = supply.network.joined
    return np.asarray((supply.joint[joint] == 0) & np.isin(joint, np.concatenate([joined.u, joined.v])))


def _cover(parcels: Shapes, spots: Shapes, hydrants: tuple[Ints, Ints]) -> _Span:
    """Find the point of each parcel that is farthest from all hydrants, and how far it is from the nearest of them."""
    most, sure = farthest(parcels, spots[hydrants[0]])
    # Mostly nothing is in doubt, and the second search would be the first once more.
    least, maybe = (most, sure) if np.array_equal(*hydrants) else farthest(parcels, spots[hydrants[1]])
    return _Span(least, most, np.append(hydrants[1], -1)[maybe], np.append(hydrants[0], -1)[sure])


def _spacing(parcels: Shapes, drawn: tuple[Shapes, float], hydrants: tuple[Ints, Ints], within_m: float) -> _Span:
    """Find the greatest distance from a hydrant near each parcel to its nearest neighbour.

    `drawn` are their spots, and the distance within which two of them are one.
    """
    (spots, one_m), (sure, maybe) = drawn, hydrants
    if np.array_equal(sure, maybe):  # mostly nothing is in doubt: all three searches would be one and the same
        most, by_most = _greatest(parcels, spots, (sure, _neighbours(spots[sure], spots[sure], one_m)), within_m)
        return _Span(most, most, by_most, by_most)
    most, by_most = _greatest(parcels, spots, (maybe, _neighbours(spots[maybe], spots[sure], one_m)), within_m)
    least, by_least = _greatest(parcels, spots, (sure, _neighbours(spots[sure], spots[maybe], one_m)), within_m)
    _, some_sure = _greatest(parcels, spots, (sure, np.zeros(len(sure))), within_m)
    # Without a sure hydrant nearby nothing holds; without any that may be there it fails, and else is not known.
    most = np.where(some_sure < 0, np.inf, most)
    least = np.where((by_least < 0) & (by_most >= 0), 0.0, least)
    return _Span(least, most, by_least, by_most)


def _neighbours(spots: Shapes, others: Shapes, one_m: float) -> Floats:
    """Give the distance of each spot from the nearest that is another hydrant; infinite without one."""
    gap = np.full(len(spots), np.inf)
    if len(spots) and len(others):
        tree = shapely.STRtree(others)
        (at, _), found = tree.query_nearest(spots, exclusive=True, all_matches=False, return_distance=True)
        gap[at] = found
        for k in np.flatnonzero(gap <= one_m).tolist():  # drawn twice: its neighbour is farther off
            away = shapely.distance(spots[k], others)
            gap[k] = np.min(away[away > one_m], initial=np.inf)
    return gap


def _greatest(parcels: Shapes, spots: Shapes, valued: tuple[Ints, Floats], within_m: float) -> tuple[Floats, Ints]:
    """Find the greatest value of the hydrants within a distance of each parcel; infinite and -1 without any."""
    number, value = valued
    best, which = np.full(len(parcels), np.inf), np.full(len(parcels), -1, dtype=np.int64)
    if len(number) == 0:
        return best, which
    at, spot = close(parcels, spots[number], within_m)
    order = np.lexsort((-value[spot], at))
    at, spot = at[order], spot[order]
    first = first_within(parcels[at], spots[number[spot]], at, within_m)
    best[at[first]], which[at[first]] = value[spot[first]], number[spot[first]]
    return best, which
