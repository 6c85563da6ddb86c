"""Trials: every condition beyond being connected (fall, capacity, security), each put to the room that judges it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

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


def trials(briefs: Iterable[Brief]) -> list[Callable[[], dict[str, Outcome]]]:
    """List what judges the further conditions of services, room by room; each gives its outcomes by condition id."""
    return [partial(room, brief) for brief in briefs for kind, room in ROOMS.items() if brief.asked(kind)]
