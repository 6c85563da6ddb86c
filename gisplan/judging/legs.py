"""(being built) legs."""

from __future__ import annotations

from gisplan.judging.brief import Brief
from gisplan.judging.outcome import Outcome, unjudged


def outcomes(brief: Brief) -> dict[str, Outcome]:
    """Judge the conditions of this kind."""
    return {c.id: unjudged(brief.parcels, "legs_unknown") for c in brief.asked("legs")}


def holes(brief: Brief) -> dict[str, Outcome]:
    """Judge the conditions of this kind."""
    return {c.id: unjudged(brief.parcels, "holes_unknown") for c in brief.asked("holes")}
