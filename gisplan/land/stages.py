"""Stages: how far land has come (L0–L5), the legal floor, the zone's promise, and what may be concluded.

A stage is reached only with all below it, and what is not known is never reached.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gisplan.land.answers import FAILED, PASSED, UNKNOWN, Answer, Bools, Texts
from gisplan.rules.profile import Profile

STAGES = ("L0", "L1", "L2", "L3", "L4", "L5")
OF_STAGE = {
    "supply": 1, "planning": 1, "net": 2, "start": 2, "area": 2, "overlap": 2, "assessment": 3, "promise": 5,
    "indicator": 5,
}  # fmt: skip
"""The stage that a group of rules decides; the promise decides the fourth too, with what comes soon."""
_LEGAL = ("planning", "net", "start", "area", "overlap")


@dataclass(frozen=True)
class Standing:
    """What the answers of each parcel come to.

    Attributes
    ----------
    stage
        ``L0`` to ``L5``.
    legal, promise
        The legal floor and the zone's own promise, kept apart: ``yes``, ``no``, ``unknown``.
    conclusion
        ``offer`` (可出让), ``after_tasks`` (整改后可出让), ``unfit`` (不具备), ``unknown`` (待核).
    """

    stage: Texts
    legal: Texts
    promise: Texts
    conclusion: Texts


def standing(answers: Sequence[Answer], profile: Profile, cells: pd.DataFrame, date: dt.date) -> Standing:
    """Add the required answers of every parcel up."""
    required = [a for a in answers if a.rule.weight == "required" and a.rule.group != "stage"]
    n = len(cells) // len(profile.services)
    reached = np.zeros(n, dtype=np.int64)
    so_far = np.ones(n, dtype=bool)
    for stage in range(1, len(STAGES)):
        so_far = so_far & _reached(stage, required, profile, (cells, date))
        reached[so_far] = stage
    worst = _worst(required, n)
    barred = np.zeros(n, dtype=bool)
    for a in required:
        barred |= a.rule.bars & (a.verdict == FAILED)
    unknown = np.zeros(n, dtype=bool)
    for a in required:
        unknown |= a.verdict == UNKNOWN
    conclusion = np.select(
        [barred, unknown, worst == FAILED, reached == 5], ["unfit", "unknown", "after_tasks", "offer"], "unknown"
    )
    legal = _word(_worst([a for a in required if a.rule.group in _LEGAL], n))
    promise = _word(_worst([a for a in required if a.rule.group == "promise"], n))
    return Standing(np.array(STAGES, dtype=object)[reached], legal, promise, conclusion.astype(object))


def _reached(stage: int, required: Sequence[Answer], profile: Profile, given: tuple[pd.DataFrame, dt.date]) -> Bools:
    """Tell which parcels meet what one stage asks for, whatever lies below it."""
    cells, date = given
    n = len(cells) // len(profile.services)
    if stage == 4:
        return _soon(profile, cells, date)
    found = np.ones(n, dtype=bool)
    for a in required:
        # Whether land is still to be had does not belong to how far it has come.
        if OF_STAGE.get(a.rule.group) == stage and a.rule.key != "status":
            found &= a.holds
    if stage == 5:
        for i, service in enumerate(profile.services):
            if service.shape == "surface":
                found &= cells["grade"].iloc[i :: len(profile.services)].isin(["A", "N"]).to_numpy()
    return found


def _soon(profile: Profile, cells: pd.DataFrame, date: dt.date) -> Bools:
    """Tell which parcels have every required connection, or get it within the horizon."""
    rule = profile.land.get("stage", "horizon")
    months = int(rule.high) if rule is not None and np.isfinite(rule.high) else 0
    until = pd.Timestamp(date) + pd.DateOffset(months=months)
    soon = (cells["grade"] == "B") & (cells["ready_on"] <= until)
    fine = soon | cells["grade"].isin(["A", "N"]) | (cells["need"] != "required")
    return np.asarray(fine.to_numpy().reshape(-1, len(profile.services)).all(axis=1))


def _worst(answers: Sequence[Answer], n: int) -> np.ndarray:
    """Give the worst verdict of each parcel: what fails, then what is not known."""
    worst = np.full(n, PASSED, dtype=np.int8)
    for a in answers:
        worst = np.minimum(worst, np.where(a.holds, PASSED, a.verdict)).astype(np.int8)
    return worst


def _word(worst: np.ndarray) -> Texts:
    return np.select([worst == FAILED, worst == UNKNOWN], ["no", "unknown"], "yes").astype(object)
