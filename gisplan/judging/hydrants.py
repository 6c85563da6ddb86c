"""(being built) hydrants."""

from __future__ import annotations

from gisplan.judging.brief import Brief
from gisplan.judging.outcome import Outcome, unjudged


def outcomes(brief: Brief) -> dict[str, Outcome]:
    """Judge the conditions of this kind."""
    kind = {"hydrants": "hydrant"}.get("hydrants", "hydrants")
    return {c.id: unjudged(brief.parcels, "hydrants_unknown") for c in brief.asked(kind)}
