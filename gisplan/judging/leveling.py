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
from gisplan.networks.standing import NONE, standing
from gisplan.reading.ground import Cells
from gisplan.reading.survey import Survey
from gisplan.rules.profile import Condition, Service

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]

_ENOUGH = 6
"""Fewer ground cells than this give no plane worth judging."""
_COVER = 0.9
"""The ground model must cover at least this share of a parcel."""


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
    """

    grade: npt.NDArray[np.object_]
    code: npt.NDArray[np.object_]
    values: dict[str, Floats]
    outcomes: dict[str, Ints]
    evidence: Ints
    day: Ints
    works: npt.NDArray[np.object_]


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
    measured = _measure(survey, roads, _adjoining(survey))
    values, outcomes = {}, {}
    for condition in service.conditions:
        name = condition.measure.name
        value = accepted if name == "accepted" else np.where(stale, np.nan, measured[name])
        values[condition.id] = value
        outcomes[condition.id] = _outcome(condition, value, parcels["use"])
    works = standing(
        pd.DataFrame(
            {
                "status": parcels["leveling_status"].to_numpy(dtype=object),
                "works": parcels["leveling_works"].to_numpy(dtype=object),
                "close_on": np.full(len(parcels), np.datetime64("NaT", "s")),
            }
        ),
        survey.works,
        date,
    )
    grade, code = _grade(service, outcomes, (stale, parcels["use"], survey.ground is None))
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
    )


def _outcome(condition: Condition, value: Floats, use: pd.Series) -> Ints:
    """Hold the values of one condition against its limit, which may depend on the land use."""
    limit = condition.limit
    if condition.measure.kind == "record":
        return np.where(value == 1.0, HOLDS, UNKNOWN)
    if limit.by_use is None:
        return check(pd.Series(value), limit)
    low = use.map({u: r[0] for u, r in limit.by_use.items()}).to_numpy(dtype=float)
    high = use.map({u: r[1] for u, r in limit.by_use.items()}).to_numpy(dtype=float)
    known = ~np.isnan(value) & ~np.isnan(low)
    return np.where(known, np.where((value >= low) & (value <= high), HOLDS, FAILS), UNKNOWN)


def _grade(
    service: Service,
    outcomes: dict[str, Ints],
    doubt: tuple[npt.NDArray[np.bool_], pd.Series, bool],
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """Combine the conditions: one that fails decides, else one that is not known."""
    stale, use, no_ground = doubt
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
        reason = np.where(stale, "ground_older", "no_ground" if no_ground else "ground_gap").astype(object)
        if condition.limit.by_use is not None:
            odd = ~use.isin(list(condition.limit.by_use)).to_numpy()
            reason = np.where(odd, "use_unknown", reason)
        fresh = unknown & (grade == "A")
        grade[unknown] = "U"
        code[fresh] = reason[fresh]
        failed = (outcome == FAILS) & (grade != "D")
        grade[failed], code[failed] = "D", condition.measure.name
    return grade, code


def _stale(survey: Survey, evidence: pd.DataFrame, record: Ints) -> npt.NDArray[np.bool_]:
    """Tell for which parcels the ground was surveyed before the levelling was accepted."""
    if survey.ground is None:
        return np.zeros(len(record), dtype=bool)
    accepted = evidence["date"].reindex(record).to_numpy(dtype="datetime64[D]")
    if survey.ground.as_of is None:
        return np.asarray(record >= 0)
    return np.asarray(accepted > np.datetime64(survey.ground.as_of, "D"))


def _adjoining(survey: Survey) -> float:
    """Give how near a road must be to count as adjoining: the reach of the road service."""
    for service in survey.profile.networks:
        condition = service.condition("reach")
        if service.crossings == "join" and condition is not None:
            return condition.limit.high
    return 0.0


def _measure(survey: Survey, roads: Shapes, adjoining_m: float) -> dict[str, Floats]:
    """Measure slope [%], relief [m] and height above the lowest adjoining road [m]; NaN where that cannot be known."""
    shapes = np.asarray(survey.parcels.geometry.array)
    n = len(shapes)
    nothing = np.full(n, np.nan)
    if survey.ground is None:
        return {"slope": nothing, "relief": nothing, "above_road": nothing}
    cells = survey.ground.sample(shapes)
    count = cells.found
    good = (count >= _ENOUGH) & (count >= _COVER * cells.expected)
    mean = np.bincount(cells.owner, cells.z * ~cells.between, n) / np.maximum(count, 1)
    slope, relief = _plane(cells)
    lowest = _lowest_road(survey, shapes, roads, adjoining_m)
    return {
        "slope": np.where(good, slope, np.nan),
        "relief": np.where(good, relief, np.nan),
        "above_road": np.where(good, mean - lowest, np.nan),
    }


def _plane(cells: Cells) -> tuple[Floats, Floats]:
    """Fit a plane to the cells of each parcel by least squares: its slope in %, and the range of what is left over."""
    owner, n = cells.owner, len(cells.expected)
    many, fitted = np.maximum(cells.found, 1), ~cells.between

    def total(value: Floats) -> Floats:
        return np.asarray(np.bincount(owner, value * fitted, n), dtype=np.float64)

    def centred(value: Floats) -> Floats:
        return np.asarray(value - (total(value) / many)[owner])

    x, y, h = centred(cells.x), centred(cells.y), centred(cells.z)
    sxx, sxy, syy = (total(v) for v in (x * x, x * y, y * y))
    sxh, syh = (total(v) for v in (x * h, y * h))
    det = sxx * syy - sxy**2
    flat = det > 1e-9 * np.maximum(sxx * syy, 1e-30)
    safe = np.where(flat, det, 1.0)
    gx, gy = (syy * sxh - sxy * syh) / safe, (sxx * syh - sxy * sxh) / safe
    left = h - gx[owner] * x - gy[owner] * y
    top, bottom = np.full(n, -np.inf), np.full(n, np.inf)
    np.maximum.at(top, owner, left)
    np.minimum.at(bottom, owner, left)
    return np.where(flat, 100 * np.hypot(gx, gy), np.nan), np.where(flat, top - bottom, np.nan)


def _lowest_road(survey: Survey, shapes: Shapes, roads: Shapes, adjoining_m: float) -> Floats:
    """Find the lowest ground under the roads that adjoin each parcel; NaN where none does."""
    lowest = np.full(len(shapes), np.inf)
    if survey.ground is not None and len(roads):
        cells = survey.ground.sample(roads)
        spots = shapely.points(cells.x, cells.y)
        parcel, spot = shapely.STRtree(spots).query(shapes, predicate="dwithin", distance=adjoining_m)
        np.minimum.at(lowest, parcel, cells.z[spot])
    return np.where(np.isfinite(lowest), lowest, np.nan)
