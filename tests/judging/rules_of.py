"""Profiles for tests: connection alone, and single further conditions on top of it."""

from __future__ import annotations

from dataclasses import replace

from gisplan.rules.profile import Condition, Profile, load


def asking(*ids: str, weight: str = "required") -> Profile:
    """The profile of connections, with some conditions of the full one, all of one weight."""
    plain, full = load("jiutong_connection"), load("jiutong_classic")
    wanted = {c.id: replace(c, weight=weight) for c in full.conditions if c.id in ids}
    return replace(plain, services=tuple(_with(s, wanted) for s in plain.services))


def _with(service, wanted: dict[str, Condition]):
    own = tuple(c for c in wanted.values() if c.service == service.key)
    return replace(service, conditions=(*service.conditions, *own))
