"""(being built) security."""

from __future__ import annotations

from gisplan.judging.brief import Brief
from gisplan.judging.outcome import Outcome, unjudged


def outcomes(brief: Brief) -> dict[str, Outcome]:
    """Judge the conditions of this kind."""
    kind = {"hydrants": "hydrant"}.get("security", "security")
    return {c.id: unjudged(brief.parcels, "security_unknown") for c in brief.asked(kind)}
