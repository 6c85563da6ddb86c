"""Overrides: limits, norms and prices that a zone's own file sets in place of its profile's, with where each is from.

They are named as the profile names them: ``water.size`` is a condition, ``water.velocity`` a figure of a service,
``water.price`` its price, ``inspection.near_miss`` a limit of the checks, ``land.area.stated`` one of land;
``snap`` and ``parcel_overlap`` stand alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gisplan.base.labels import Label
from gisplan.base.units import Quantity, number
from gisplan.rules.figures import read as read_figure
from gisplan.rules.inspection import read_one
from gisplan.rules.land import LIMIT_FORMS as LAND_FORMS
from gisplan.rules.land import limit as land_limit
from gisplan.rules.profile import LIMIT_FORMS, Condition, Limit, Override, Profile, Service, read_limit
from gisplan.rules.terms import BASES, Fail, allow, amount

FORMS = frozenset({*LIMIT_FORMS, *LAND_FORMS, "value", "by_diameter", "by_flow", "by_voltage"})
_ALONE = {"snap": ("snap_m", "m"), "parcel_overlap": ("overlap_m2", "m2")}


@dataclass(frozen=True)
class Entry:
    """One entry of ``[limits]``: what it names, where it stands, and what it says."""

    key: str
    place: str
    raw: Mapping[str, Any]


Refuse = Callable[[Entry, str, object, str | Label], Exception]
"""Makes the refusal of (entry, key, value found, what is allowed)."""


def names(profile: Profile) -> tuple[str, ...]:
    """List everything of a profile that may be overridden."""
    found = [condition.id for condition in profile.conditions]
    found += [f"{service.key}.{figure}" for service in profile.services for figure in service.figures]
    found += [f"{service.key}.price" for service in profile.services if service.price is not None]
    found += [f"inspection.{key}" for key in profile.inspections]
    found += [key for key, rule in profile.land.rules.items() if rule.text]
    return tuple(dict.fromkeys([*found, *_ALONE]))


def override(profile: Profile, entries: tuple[Entry, ...], refuse: Refuse) -> Profile:
    """Lay a zone's own limits over a profile, which remembers what each stands instead of.

    Parameters
    ----------
    profile
        The profile; unchanged.
    entries
        What ``[limits]`` says, each of something in `names`.
    refuse
        Makes the refusal of an entry.

    Raises
    ------
    ProfileError
        An entry says something that is not allowed there.
    """
    for entry in entries:
        profile = _laid(profile, entry, refuse)
    return profile


def written(profile: Profile, key: str) -> str:
    """Write a limit of a profile as people do; blank where it has none of that name."""
    first, _, last = key.partition(".")
    if key in _ALONE:
        name, unit = _ALONE[key]
        return f"{number(getattr(profile, name), 4)} {unit}"
    if first == "inspection":
        return profile.inspections[last].text
    if first == "land":
        return profile.land.rules[key].text
    for condition in profile.conditions:
        if condition.id == key:
            return condition.limit.text
    service = profile.service(first)
    if last in service.figures:
        return service.figures[last].text
    return "" if service.price is None else service.price.text


def _laid(profile: Profile, entry: Entry, refuse: Refuse) -> Profile:
    """Lay one entry over a profile."""

    def fail(key: str, found: object, allowed: str | Label) -> Exception:
        return refuse(entry, key, found, allowed)

    forms = sorted(FORMS & set(entry.raw))
    if len(forms) != 1:
        raise fail(entry.key, ", ".join(forms) or None, allow("one_form", forms=", ".join(sorted(FORMS))))
    basis, code, clause = _source(entry, fail)
    past = Override(written(profile, entry.key), basis, code, clause)
    done = _Laying(entry.raw, past, fail)
    first, _, last = entry.key.partition(".")
    if entry.key in _ALONE:
        name, unit = _ALONE[entry.key]
        given: dict[str, Any] = {name: done.amount(entry.key, unit)}
        laid = replace(profile, **given)
    elif first == "inspection":
        old = profile.inspections[last].label
        made = read_one(last, {"label": {"zh": old.zh, "en": old.en}, **done.table()}, done.codes(), fail)
        laid = replace(profile, inspections={**profile.inspections, last: made})
    elif first == "land":
        rule = profile.land.rules[entry.key]
        if forms[0] != rule.form:
            raise fail(
                f"{entry.key}.{forms[0]}", entry.raw[forms[0]], allow("same_form", form=rule.form, was=rule.text)
            )
        found = {"low": -math.inf, "high": math.inf, **land_limit(entry.key, done.table(), rule.unit, fail)}
        made_rule = replace(rule, **found, basis=basis, code=code, clause=clause, own=True)
        laid = replace(profile, land=replace(profile.land, rules={**profile.land.rules, entry.key: made_rule}))
    else:
        laid = _of_service(profile, entry.key, done)
    return replace(laid, overridden={**laid.overridden, entry.key: past})


def _of_service(profile: Profile, key: str, done: _Laying) -> Profile:
    """Lay one entry over a condition, a figure or the price of a service."""
    past = done.past
    for service in profile.services:
        rows = tuple(
            replace(c, limit=_limit(c, done), basis=past.basis, code=past.code, clause=past.clause)
            if c.id == key else c
            for c in service.conditions
        )  # fmt: skip
        if rows != service.conditions:
            return _with(profile, replace(service, conditions=rows))
    first, _, last = key.partition(".")
    service = profile.service(first)
    if last in service.figures:
        old = service.figures[last]
        figure = read_figure(key, done.table(), service.demand, done.codes(), done.fail)
        if old.by_use is not None and figure.by_use is not None:
            figure = replace(figure, by_use={**old.by_use, **figure.by_use})
        return _with(profile, replace(service, figures={**service.figures, last: figure}))
    price = Quantity(done.amount(key, "CNY/m"), "CNY/m")
    return _with(profile, replace(service, price=price, price_basis=past.basis))


def _limit(condition: Condition, done: _Laying) -> Limit:
    """Read the limit of a condition: one that asks for the same thing, more of it or less; never the other way round.

    Classes of land use that it does not name keep what they had.
    """
    old, table = condition.limit, done.table()
    found = read_limit(condition.id, table, condition.measure, done.fail)
    if _asks(found) != _asks(old):
        form = next(iter(LIMIT_FORMS & set(table)))
        raise done.fail(f"{condition.id}.{form}", table[form], allow("same_form", form=_asks(old), was=old.text))
    if old.by_use is not None and found.by_use is not None:
        return replace(found, by_use={**old.by_use, **found.by_use})
    return found


def _asks(limit: Limit) -> str:
    """Say in which form a limit asks."""
    if limit.one_of or limit.by_use is not None:
        return "one_of" if limit.one_of else "by_use"
    low, high = math.isfinite(limit.low), math.isfinite(limit.high)
    return "between" if low and high else "at_least" if low else "at_most" if high else "holds"


def _with(profile: Profile, service: Service) -> Profile:
    return replace(profile, services=tuple(service if s.key == service.key else s for s in profile.services))


@dataclass(frozen=True)
class _Laying:
    """One entry while it is laid: what it says, where it is from, and who refuses it."""

    raw: Mapping[str, Any]
    past: Override
    fail: Fail

    def table(self) -> dict[str, Any]:
        """Give the entry as the profile's own tables are written."""
        cite = {"code": self.past.code, "clause": self.past.clause}
        return {**{k: v for k, v in self.raw.items() if k in FORMS}, "basis": self.past.basis, "cite": cite}

    def codes(self) -> dict[str, Label]:
        """Give the codes that the entry may cite: the one it cites."""
        return {self.past.code: Label.read(self.past.code)} if self.past.code else {}

    def amount(self, key: str, unit: str) -> float:
        """Read the one amount of an entry that has no more to say."""
        if "value" not in self.raw:
            raise self.fail(key, ", ".join(self.raw), allow("value", unit=unit))
        found = amount(f"{key}.value", self.raw["value"], unit, self.fail)
        if found < 0:
            raise self.fail(f"{key}.value", self.raw["value"], allow("not_below", unit=unit))
        return found


def _source(entry: Entry, fail: Fail) -> tuple[str, str, str]:
    """Take where an own limit is from: whoever says code or local names the paper; ``?`` where it names no clause."""
    basis, cite = entry.raw.get("basis"), entry.raw.get("cite", {})
    if basis not in BASES:
        raise fail(f"{entry.key}.basis", basis, allow("basis", words=", ".join(BASES)))
    cite = {"code": cite} if isinstance(cite, str) else cite
    fit = isinstance(cite, dict) and set(cite) <= {"code", "clause"} and all(isinstance(v, str) for v in cite.values())
    if not fit or (basis != "assumed" and not cite.get("code", "").strip()):
        raise fail(f"{entry.key}.cite", entry.raw.get("cite"), allow("cite"))
    if basis == "assumed":
        if cite:
            raise fail(f"{entry.key}.cite", entry.raw["cite"], allow("cite_none"))
        return basis, "", ""
    # A paper of the zone's own needs no clause; of a code nobody has checked what is not named.
    unnamed = "?" if basis == "code" else ""
    return str(basis), cite["code"].strip(), cite.get("clause", "").strip() or unnamed
