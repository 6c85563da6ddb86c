"""Trials: every condition beyond being connected (fall, capacity, security), each put to the room that judges it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gisplan.judging.brief import Brief
from gisplan.judging.draining import fall
from gisplan.judging.outcome import Outcome
from gisplan.judging.reserves import capacity
from gisplan.judging.safety import hydrants, legs, security

Room = Callable[[Brief], dict[str, Outcome]]

ROOMS: Mapping[str, Room] = {
    "fall": fall.outcomes,
    "capacity": capacity.outcomes,
    "security": security.outcomes,
    "hydrant": hydrants.outcomes,
    "legs": legs.outcomes,
    "holes": legs.holes,
}
"""Kind of measure → who judges it."""


def trials(brief: Brief) -> dict[str, Outcome]:
    """Judge the further conditions of one service; by condition id."""
    found: dict[str, Outcome] = {}
    for kind, room in ROOMS.items():
        if brief.asked(kind):
            found.update(room(brief))
    return found
