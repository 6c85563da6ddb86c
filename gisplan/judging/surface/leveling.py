"""Levelling (一平): what the ground says, and what the acceptance record says; flat ground alone proves nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.judging.candidates import check
from gisplan.judging.connection import LETTERS
from gisplan.judging.evidence import against, on_parcels
from gisplan.judging.outcome import FAILS, HOLDS, UNKNOWN
from gisplan.judging.surface.leftovers import Leftovers, leftovers
from gisplan.networks.standing import NONE, Standing, standing
from gisplan.reading.survey import Survey
from gisplan.rules.profile import Condition, Service

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]

_CODES = {"above_flood": "flood"}
"""Reason codes that are not named like their measure."""
_AT_ONCE = 10_000
"""Parcels whose roads are looked for in one go."""


@dataclass(frozen=True)
class Leveling:
    """What is known about the surface of each parcel.

    Attributes
    ----------
    grade, code
        The answer and its reason code.
    values, outcomes
        Value of each condition (NaN where it is not known) and whether it holds, by condition id.
    evidence
        Row of the acceptance record in the evidence; -1 without.
    day, works
        From when, and which works, where the levelling is under way or planned.
    stale
        Where the ground model is older than the levelling works or their acceptance.
    road_m
        Lowest ground of the roads that adjoin; NaN where it is not known.
    leftovers
        What stands on each parcel.
    """

    grade: npt.NDArray[np.object_]
    code: npt.NDArray[np.object_]
    values: dict[str, Floats]
    outcomes: dict[str, Ints]
    evidence: Ints
    day: Ints
    works: npt.NDArray[np.object_]
    stale: npt.NDArray[np.bool_]
    road_m: Floats
    leftovers: Leftovers


def level(survey: Survey, service: Service, evidence: pd.DataFrame, date: dt.date, roads: Shapes) -> Leveling:
    """Judge the levelling of every parcel.

    Parameters
    ----------
    survey
        Parcels, works and ground.
    service
        The levelling as the profile has it.
    evidence
        The rows that are valid at the date.
    date
        The date for which to judge.
    roads
        Roads that operate, as lines.
    """
    parcels = survey.parcels
    record = on_parcels(evidence, service.key, parcels.index, "accepted")
    accepted = np.where(record >= 0, 1.0, np.nan)
    stale = _stale(survey, evidence, record)
    shapes = np.asarray(parcels.geometry.array)
    road_m, on_land = _lowest_road(survey, shapes, roads, _adjoining(survey)), leftovers(survey)
    measured = {name: np.where(stale, np.nan, value) for name, value in _measure(survey, road_m).items()}
    measured |= {"accepted": accepted, "obstacles": on_land.clear}
    values, outcomes = {}, {}
    for condition in service.conditions:
        value = measured[condition.measure.name]
        values[condition.id] = value
        outcomes[condition.id] = _outcome(condition, value, parcels["use"])
    works = _works(survey, date)
    grade, code = _grade(service, outcomes, (stale, parcels["use"], survey))
    # However lightly a profile takes the record: without one nothing is levelled.
    bare = (record < 0) & (grade == "A")
    grade, code = np.where(bare, "U", grade).astype(object), np.where(bare, "no_acceptance", code).astype(object)
    silent = (record < 0) & (grade != "D")
    coming = (record < 0) & ((works.grade < NONE) & (works.grade > 0))
    lacking = silent & np.isin(works.why, ("undated", "unfunded", "abandoned"))
    doubt = silent & np.isin(works.why, ("overdue", "contradiction", "works_unknown"))
    for where, letter in ((coming, LETTERS[works.grade]), (lacking, "D"), (doubt, "U")):
        grade = np.where(where, letter, grade)
        code = np.where(where, works.why, code)
    # An acceptance beside a survey that says otherwise, or beside a paper that speaks against it: nobody knows.
    otherwise = parcels["leveling_status"].notna().to_numpy() & (works.why != "connected")
    otherwise |= parcels["leveling_odd"].to_numpy(dtype=bool)
    clash = (record >= 0) & (otherwise | against(evidence, service.key, parcels.index)) & (grade != "D")
    grade, code = np.where(clash, "U", grade), np.where(clash, "contradiction", code)
    return Leveling(
        grade.astype(object),
        code.astype(object),
        values,
        outcomes,
        record,
        np.where(coming, works.day, 0),
        parcels["leveling_works"].to_numpy(dtype=object),
        stale,
        road_m,
        on_land,
    )


def _works(survey: Survey, date: dt.date) -> Standing:
    """Give what the survey's word on the levelling, and the works, are worth."""
    parcels = survey.parcels
    table = {
        "status": parcels["leveling_status"].to_numpy(dtype=object),
        "works": parcels["leveling_works"].to_numpy(dtype=object),
        "close_on": np.full(len(parcels), np.datetime64("NaT", "s")),
    }
    return standing(pd.DataFrame(table), survey.works, date)


def _outcome(condition: Condition, value: Floats, use: pd.Series) -> Ints:
    """Hold the values of one condition against its limit, which may depend on the land use."""
    limit = condition.limit
    if condition.measure.kind == "record":
        return np.where(value == 1.0, HOLDS, UNKNOWN)
    if condition.measure.kind == "obstacles":
        return np.where(value == 1.0, HOLDS, np.where(value == 0.0, FAILS, UNKNOWN))
    if limit.by_use is None:
        return check(pd.Series(value), limit)
    low = use.map({u: r[0] for u, r in limit.by_use.items()}).to_numpy(dtype=float)
    high = use.map({u: r[1] for u, r in limit.by_use.items()}).to_numpy(dtype=float)
    known = ~np.isnan(value) & ~np.isnan(low)
    return np.where(known, np.where((value >= low) & (value <= high), HOLDS, FAILS), UNKNOWN)


def _grade(
    service: Service,
    outcomes: dict[str, Ints],
    doubt: tuple[npt.NDArray[np.bool_], pd.Series, Survey],
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """Combine the conditions: one that fails decides, else one that is not known."""
    stale, use, survey = doubt
    gap = "no_ground" if survey.ground is None else "ground_gap"
    n = len(use)
    grade, code = np.full(n, "A", dtype=object), np.full(n, "accepted", dtype=object)
    # Told last to first, so that what a planner can mend soonest is what is said.
    for condition in service.conditions:
        outcome = outcomes[condition.id]
        if condition.weight != "required":
            continue
        if condition.measure.name == "accepted":
            silent = (outcome == UNKNOWN) & (grade == "A")
            grade[silent], code[silent] = "U", "no_acceptance"
            continue
        unknown = (outcome == UNKNOWN) & (grade != "D")
        reason = np.where(stale, "ground_older", gap).astype(object)
        if condition.measure.name == "above_flood":
            reason = np.where(survey.parcels["flood_level_m"].isna(), "flood_unknown", reason)
        elif condition.measure.name == "obstacles":
            reason = np.full(n, "obstacles_unknown", dtype=object)
        if condition.limit.by_use is not None:
            odd = ~use.isin(list(condition.limit.by_use)).to_numpy()
            reason = np.where(odd, "use_unknown", reason)
        fresh = unknown & (grade == "A")
        grade[unknown] = "U"
        code[fresh] = reason[fresh]
        failed = (outcome == FAILS) & (grade != "D")
        grade[failed], code[failed] = "D", _CODES.get(condition.measure.name, condition.measure.name)
    return grade, code


def _stale(survey: Survey, evidence: pd.DataFrame, record: Ints) -> npt.NDArray[np.bool_]:
    """Tell for which parcels the ground was surveyed before its levelling was finished or accepted."""
    if survey.ground is None:
        return np.zeros(len(record), dtype=bool)
    works = survey.works.reindex(survey.parcels["leveling_works"].to_numpy(dtype=object))
    done = works["phase"].isin(["completion", "handover"]).to_numpy()
    if survey.ground.as_of is None:
        return np.asarray((record >= 0) | done)
    day = np.datetime64(survey.ground.as_of, "D")
    accepted = evidence["date"].reindex(record).to_numpy(dtype="datetime64[D]")
    # Works that were finished on no known day may have been finished after it.
    before = works["actual_on"].to_numpy(dtype="datetime64[D]") <= day
    return np.asarray((accepted > day) | (done & ~before))


def _adjoining(survey: Survey) -> float:
    """Give how near a road must be to count as adjoining: the reach of the road service."""
    for service in survey.profile.networks:
        condition = service.condition("reach")
        if service.crossings == "join" and condition is not None:
            return condition.limit.high
    return 0.0


def _measure(survey: Survey, road_m: Floats) -> dict[str, Floats]:
    """Measure slope [%], relief, and heights above road and flood level [m]; NaN where that cannot be known."""
    ground = survey.terrain
    if ground is None:
        nothing = np.full(len(survey.parcels), np.nan)
        return dict.fromkeys(("slope", "relief", "above_road", "above_flood"), nothing)
    return {
        "slope": ground.slope,
        "relief": ground.relief,
        "above_road": ground.mean - road_m,
        "above_flood": ground.lowest - survey.parcels["flood_level_m"].to_numpy(dtype=float),
    }


def _lowest_road(survey: Survey, shapes: Shapes, roads: Shapes, adjoining_m: float) -> Floats:
    """Find the lowest ground under the roads that adjoin each parcel; NaN where none does."""
    lowest = np.full(len(shapes), np.nan)
    if survey.ground is None or not len(roads):
        return lowest
    cells = survey.ground.sample(roads)
    order = np.argsort(cells.z, kind="stable")
    height, spots = cells.z[order], shapely.points(cells.x[order], cells.y[order])
    del cells, order
    tree = shapely.STRtree(spots)
    land = np.flatnonzero(~shapely.is_empty(shapes))
    for block in np.split(land, np.arange(_AT_ONCE, len(land), _AT_ONCE)):
        first = _first_near(shapes[block], tree, adjoining_m)
        lowest[block[first >= 0]] = height[first[first >= 0]]
    return lowest


def _first_near(shapes: Shapes, tree: shapely.STRtree, within_m: float) -> Ints:
    """Find the first spot of a tree that lies within a distance of each shape; -1 without one."""
    spots, found = tree.geometries, np.full(len(shapes), -1, dtype=np.int64)
    margin = within_m + 1e-6  # no spot is lost by rounding: what is near enough is asked below
    west, south, east, north = shapely.bounds(shapes).T
    shape, spot = tree.query(shapely.box(west - margin, south - margin, east + margin, north + margin))
    # The first about a shape is mostly near enough; where it is not, the next one is asked.
    while len(shape):
        start = np.flatnonzero(np.diff(shape, prepend=-1))
        who, first = shape[start], np.minimum.reduceat(spot, start)
        near = shapely.dwithin(shapes[who], spots[first], within_m)
        found[who[near]] = first[near]
        count = np.diff(start, append=len(shape))
        rest = np.repeat(~near, count) & (spot > np.repeat(first, count))
        shape, spot = shape[rest], spot[rest]
    return found
