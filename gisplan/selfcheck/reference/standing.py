"""From when a thing can be used, by status, works, closing and letters: for the slow judge.

A level is a grade and a day. Levels are ordered: working now, then built or being built with a day, then planned and
paid with a day, then never.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gisplan.selfcheck.reference.records import LINES, PHASES, SAYS, Evidence, Feature, Works, Zone, code

Level = tuple[int, date]  # (0 A, 1 B, 2 C, 3 none; the day from which it holds)

NOW: Level = (0, date.min)
NEVER: Level = (3, date.max)


@dataclass(frozen=True)
class Standing:
    """From when a thing can be used; `unknown` is neither yes nor no, `out` is gone for good."""

    level: Level
    unknown: bool = False
    out: bool = False

    def at(self, is_open: bool) -> Level:
        """Return the level in one of the two passes: unknown counts as working (open) or as missing (shut)."""
        if self.unknown:
            return NOW if is_open else NEVER
        return self.level


UNKNOWN = Standing(NEVER, unknown=True)


def valid(letter: Evidence, today: date) -> bool:
    """Whether a letter counts: signed, numbered, dated, not expired."""
    dated = letter.date is not None and letter.date <= today
    return dated and bool(letter.issuer and letter.number) and (letter.expires is None or letter.expires >= today)


def speaks_against(letter: Evidence, service: str, today: date) -> bool:
    """Whether a letter speaks against a service, or cannot be understood.

    It is heard even when it lacks issuer, number, date or service, unless it is expired or not yet written.
    """
    written = letter.date is None or letter.date <= today
    running = letter.expires is None or letter.expires >= today
    no = letter.says in ("not_connected", "not_operating") or letter.says not in SAYS
    return no and written and running and letter.service in ("", service)


def build_class(status: str, works: Works | None, today: date) -> str:
    """Combine the status with the phase of the works: operating, built, construction, planned or unknown."""
    phase = code("phase", works.phase) if works else "none"
    if phase == "handover" and works is not None:
        handed_over = works.actual_on is not None and works.actual_on <= today
        to_come = works.commission_on is not None and works.commission_on > today
        phase = "handover" if handed_over and not to_come else "completion"
    if phase == "":  # the works are there but their phase is not known
        if status == "operating":
            return "unknown"
        phase = "none"
    early = phase in PHASES[:4]
    if status == "operating":
        return {"none": "operating", "handover": "operating", "completion": "built"}.get(phase, "unknown")
    if status == "built":
        return {"none": "built", "handover": "operating", "completion": "built"}.get(phase, "construction")
    if status == "construction":
        late = {"handover": "operating", "completion": "built"}.get(phase, "construction")
        return "planned" if early else late
    return "unknown" if phase in ("handover", "completion") else "planned"


def dated(status: str, works: Works | None, today: date) -> Standing:
    """Give the standing of a known status with its works."""
    kind = build_class(status, works, today)
    if kind == "operating":
        return Standing(NOW)
    if kind == "unknown":
        return UNKNOWN
    day = (works.commission_on or works.planned_on) if works else None
    if day is None:
        return Standing(NEVER)
    if day <= today:
        return UNKNOWN  # overdue
    if kind == "planned":
        granted = works is not None and code("funding_state", works.funding_state) == "granted"
        return Standing((2, day)) if granted else Standing(NEVER)
    return Standing((1, day))


def standing_of(zone: Zone, status_word: str, works_id: str) -> Standing:
    """Give the standing of a status word and a works id."""
    status = code("status", status_word)
    if status == "abandoned":
        return Standing(NEVER, out=True)
    if not status or (works_id and works_id not in zone.works):
        return UNKNOWN
    return dated(status, zone.works.get(works_id), zone.check)


def feature_standing(zone: Zone, service: str, feature: Feature) -> Standing:
    """Give the standing of a feature: its status, its closing, and letters that say the opposite."""
    if feature.close_on is not None and feature.close_on <= zone.check:
        return Standing(NEVER, out=True)
    if feature.role in LINES and code("open", feature.open) == "closed":
        return Standing(NEVER, out=True)
    found = standing_of(zone, feature.status, feature.works)
    if found.out or found.unknown:
        return found
    mine = [letter for letter in zone.evidence if letter.feature == feature.id]
    if found.level == NOW:
        contradicted = any(speaks_against(letter, service, zone.check) for letter in mine)
    else:
        said = [x for x in mine if x.service == service and x.says == "operating"]
        contradicted = any(valid(letter, zone.check) for letter in said)
    return UNKNOWN if contradicted else found


def usable(feature: Feature, own: Level, level: Level, today: date) -> bool:
    """Whether a thing can be used at a level (grade, day)."""
    day = max(level[1], today)
    fit = own[0] <= level[0] and (own[0] == 0 or own[1] <= day)
    return fit and (feature.close_on is None or feature.close_on > day)
