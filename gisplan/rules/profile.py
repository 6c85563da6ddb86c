"""The profile (核查口径): services, conditions, limits, words; read from one TOML file, frozen.

A profile holds values, never expressions. ``extends`` takes another profile and repeats only what differs, matched by
service and by condition ``id``.
"""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from gisplan.base.errors import ProfileError
from gisplan.base.fields import plain, vocabulary
from gisplan.base.labels import Label, say
from gisplan.base.units import Quantity, number
from gisplan.rules.figures import DEMANDS, Figure
from gisplan.rules.figures import read as read_figure
from gisplan.rules.inspection import Inspection, overlay
from gisplan.rules.inspection import read as read_inspections
from gisplan.rules.land import LandRules
from gisplan.rules.land import overlay as over_land
from gisplan.rules.land import read as read_land
from gisplan.rules.terms import BASES, Fail, allow, amount, cited

NEEDS = ("required", "promised", "optional")
SHAPES = ("lines", "surface")
FLOWS = ("from_source", "to_outfall", "none")
WEIGHTS = ("required", "warn")
CAPACITIES = ("", "pressure", "gravity", "rational", "circuits", "stated", "source")
"""How the capacity of a main is known: by its diameter, diameter and slope, catchment, circuits, as stated; or not at
all, so that only the source counts."""


@dataclass(frozen=True)
class Measure:
    """One thing that can be measured; `kind` says which room measures it (reach, path, attribute, class, …)."""

    name: str
    unit: str
    kind: str
    column: str
    label: Label


@dataclass(frozen=True)
class Limit:
    """What a measured value must be: a range, a list of classes, or simply true."""

    low: float = -math.inf
    high: float = math.inf
    one_of: tuple[str, ...] = ()
    by_use: Mapping[str, tuple[float, float]] | None = None
    unit: str = ""

    @property
    def text(self) -> str:
        """The limit as people write it, ``≤ 50 m``; classes as codes."""
        if self.one_of:
            return " | ".join(self.one_of)
        if self.by_use is not None:
            return "; ".join(f"{use}: {_range(low, high, self.unit)}" for use, (low, high) in self.by_use.items())
        return _range(self.low, self.high, self.unit)


def _range(low: float, high: float, unit: str) -> str:
    if math.isinf(low) and math.isinf(high):
        return "yes"
    if math.isinf(low):
        return f"≤ {number(high)} {unit}".strip()
    if math.isinf(high):
        return f"≥ {number(low)} {unit}".strip()
    return f"{number(low)}–{number(high)} {unit}".strip()


@dataclass(frozen=True)
class Condition:
    """One question put to every parcel: a measure, its limit, and where the limit comes from."""

    id: str
    service: str
    label: Label
    measure: Measure
    limit: Limit
    weight: str
    basis: str
    code: str
    clause: str


@dataclass(frozen=True)
class Override:
    """What a zone's own file has put in place of a limit: what stood there before, and where the new one is from."""

    former: str
    basis: str
    code: str
    clause: str


@dataclass(frozen=True)
class Service:
    """One connection (通) or the levelling (平)."""

    key: str
    label: Label
    letter: str
    short: str
    shape: str
    flow: str
    crossings: str
    combined: str
    colour: str
    need: str
    group: str
    sources: tuple[str, ...]
    responsible: Label
    price: Quantity | None
    price_basis: str
    conditions: tuple[Condition, ...]
    shares: str = ""
    demand: str = ""
    capacity: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def condition(self, kind: str) -> Condition | None:
        """Give the service's condition of a kind of measure, if it has one."""
        return next((c for c in self.conditions if c.measure.kind == kind), None)

    def asks(self, *measures_: str) -> bool:
        """Tell whether a required condition is put to one of some measures."""
        return any(c.measure.name in measures_ and c.weight == "required" for c in self.conditions)

    @property
    def directed(self) -> bool:
        """Whether flow has one direction (sewage, storm)."""
        return self.flow == "to_outfall"


@dataclass(frozen=True)
class Profile:
    """A set of services with everything that is asked of them."""

    id: str
    version: str
    label: Label
    snap_m: float
    overlap_m2: float
    codes: Mapping[str, Label]
    services: tuple[Service, ...]
    inspections: Mapping[str, Inspection]
    land: LandRules
    overridden: Mapping[str, Override] = field(default_factory=dict)

    def service(self, key: str) -> Service:
        """Give one service, by its key or any of its names (污水, Sewerage, WS).

        Raises
        ------
        ProfileError
            The profile has no such service.
        """
        for service in self.services:
            names = (service.key, service.label.zh, service.label.en, service.letter, service.short)
            if plain(key) in map(plain, names):
                return service
        known = ", ".join(f"{s.key} {s.label.zh}" for s in self.services)
        raise ProfileError(say("refuse.profile_service", "both", profile=self.id, key=repr(key), known=known))

    @property
    def networks(self) -> tuple[Service, ...]:
        """The services that are networks of lines."""
        return tuple(s for s in self.services if s.shape == "lines")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions, in profile order."""
        return tuple(c for s in self.services for c in s.conditions)

    def _repr_html_(self) -> str:
        """Show the services and limits as a table in Jupyter."""
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(c.service)}</td><td>{escape(c.label.text('both'))}</td><td>{escape(c.limit.text)}</td>"
            f"<td>{escape(c.basis)}</td><td>{escape(f'{c.code} {c.clause}'.strip())}</td></tr>"
            for c in self.conditions
        )
        return f"<table><caption>{escape(self.label.text('both'))} {escape(self.version)}</caption>{rows}</table>"


@cache
def measures() -> dict[str, Measure]:
    """List every measure that a condition may name."""
    text = resources.files("gisplan.rules").joinpath("measures.csv").read_text(encoding="utf-8")
    return {
        row["measure"]: Measure(row["measure"], row["unit"], row["kind"], row["column"], Label(row["zh"], row["en"]))
        for row in csv.DictReader(text.splitlines())
    }


@cache
def shipped() -> tuple[str, ...]:
    """List the ids of the profiles that come with gisplan."""
    folder = resources.files("gisplan.rules").joinpath("profiles")
    return tuple(sorted(e.name.removesuffix(".toml") for e in folder.iterdir() if e.name.endswith(".toml")))


def load(name: str, folder: Path | None = None) -> Profile:
    """Load a profile by the id of a shipped one, or from a ``.toml`` file in the zone's folder.

    Raises
    ------
    ProfileError
        There is no such profile, or it says something that is not allowed; the message names file, key, the value found
        and what is allowed.
    """
    return _shipped(name) if name in shipped() else _Reader(name).profile(_resolve(name, folder, ()))


@cache
def _shipped(name: str) -> Profile:
    """Load a shipped profile, once."""
    return _Reader(name).profile(_resolve(name, None, ()))


def read_limit(where: str, raw: Mapping[str, Any], measure: Measure, fail: Fail) -> Limit:
    """Read the one limit of a condition: at_least, at_most, between, one_of, holds or by_use.

    Parameters
    ----------
    where
        The entry, for what is said when it is refused.
    raw
        The entry's table.
    measure
        What the condition is about.
    fail
        Makes the refusal of (key, value found, what is allowed).

    Raises
    ------
    ProfileError
        It is no limit for this measure.
    """
    return _Reader("", fail).limit(where, {key: value for key, value in raw.items() if key in LIMIT_FORMS}, measure)


def named(text: str) -> Profile | None:
    """Find the shipped profile that a promise (``七通一平``) names, by id or label."""
    for identity in shipped():
        profile = load(identity)
        if plain(text) in {plain(profile.id), plain(profile.label.zh), plain(profile.label.en)}:
            return profile
    return None


def _resolve(name: str, folder: Path | None, seen: tuple[str, ...]) -> dict[str, Any]:
    """Read a profile and lay it over the one it extends."""
    if name in seen:
        raise ProfileError(f"profile {name}: extends itself by way of {' → '.join(seen)}. Take one `extends` out.")
    raw = _raw(name, folder)
    head = raw.get("profile")
    if not isinstance(head, dict):
        raise ProfileError(
            f"profile {name}: [profile] = {head!r} is not allowed; it is a table with id, version and label."
        )
    base = head.get("extends")
    if base is None:
        return raw
    return _overlay(_resolve(str(base), folder, (*seen, name)), raw)


def _raw(name: str, folder: Path | None) -> dict[str, Any]:
    if name in shipped():
        text = resources.files("gisplan.rules").joinpath("profiles", f"{name}.toml").read_text(encoding="utf-8")
    elif folder is not None and name.endswith(".toml") and "/" not in name and "\\" not in name:
        try:
            text = (folder / name).read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            # Not its text: that names folders of this machine.
            why = getattr(error, "strerror", None) or type(error).__name__
            raise ProfileError(say("refuse.profile_unread", "both", name=name, reason=why)) from error
    else:
        raise ProfileError(say("refuse.no_profile", "both", name=repr(name), shipped=", ".join(shipped())))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"profile {name}: not valid TOML: {error}.") from error


def _overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a profile over its base; lists of conditions are matched by id."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if key in ("inspection", "figure") and isinstance(old, dict):
            merged[key] = overlay(old, value)
        elif key == "land" and isinstance(old, dict):
            merged[key] = over_land(old, value)
        elif isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _overlay(old, value)
        elif key == "condition" and isinstance(old, list):
            rows = {row.get("id"): row for row in old}
            for row in value:
                # A new limit replaces the old one whole, whatever its form was.
                kept = {
                    k: v
                    for k, v in rows.get(row.get("id"), {}).items()
                    if not (k in LIMIT_FORMS and LIMIT_FORMS & set(row))
                }
                rows[row.get("id")] = {**kept, **row}
            merged[key] = list(rows.values())
        else:
            merged[key] = value
    return merged


LIMIT_FORMS = {"at_least", "at_most", "between", "one_of", "holds", "by_use"}
_BELOW_ZERO = ("above_road", "above_flood")
"""Measures of which a limit below zero still asks for something; a fall or a reserve below zero asks for nothing."""
_PROFILE_KEYS = {"id", "version", "label", "extends", "snap", "parcel_overlap"}
_SERVICE_KEYS = {
    "label", "letter", "short", "shape", "flow", "crossings", "combined", "colour", "need", "group",
    "sources", "responsible", "price", "condition", "shares", "demand", "capacity", "figure",
}  # fmt: skip
_CONDITION_KEYS = {"id", "label", "measure", "weight", "basis", "cite"} | LIMIT_FORMS
_DEFAULT = "jiutong_connection"


class _Reader:
    """Turns a merged TOML tree into a Profile and says exactly what is wrong with it."""

    def __init__(self, name: str, refuse: Fail | None = None) -> None:
        self.name = name
        self.refuse = refuse

    def fail(self, key: str, found: object, allowed: str | Label) -> Exception:
        if self.refuse is not None:
            return self.refuse(key, found, allowed)
        allowed = allowed.en if isinstance(allowed, Label) else allowed
        return ProfileError(f"profile {self.name}: {key} = {found!r} is not allowed; {allowed}.")

    def known(self, key: str, found: Iterable[str], allowed: set[str]) -> None:
        for name in found:
            if name not in allowed:
                raise self.fail(f"{key}.{name}", "…", f"known entries: {', '.join(sorted(allowed))}")

    def choice(self, key: str, found: Any, allowed: tuple[str, ...]) -> str:
        if found not in allowed:
            raise self.fail(key, found, f"one of {', '.join(allowed)}")
        return str(found)

    def profile(self, raw: Mapping[str, Any]) -> Profile:
        self.known("", raw, {"profile", "codes", "service", "inspection", "land", "table"})
        head = raw.get("profile", {})
        self.known("profile", head, _PROFILE_KEYS)
        for key in ("id", "version", "label"):
            if key not in head:
                raise self.fail(f"profile.{key}", None, "it is needed")
        codes = {code: Label.read(label) for code, label in raw.get("codes", {}).items()}
        services = tuple(self.service(key, entry, codes) for key, entry in raw.get("service", {}).items())
        if not services:
            raise self.fail("service", None, "at least one [service.x] is needed")
        for service in services:
            self.choice(f"service.{service.key}.shares", service.shares, ("", *(s.key for s in services)))
        return Profile(
            str(head["id"]),
            str(head["version"]),
            Label.read(head["label"]),
            self.amount("profile.snap", head.get("snap", "0.5 m"), "m").value,
            self.amount("profile.parcel_overlap", head.get("parcel_overlap", "1 m2"), "m2").value,
            codes,
            services,
            self.inspections(raw.get("inspection", {}), codes),
            read_land(raw.get("land", {}), codes, self.fail),
        )

    def amount(self, key: str, text: str, unit: str) -> Quantity:
        return Quantity(amount(key, text, unit, self.fail), unit)

    def service(self, key: str, raw: Mapping[str, Any], codes: Mapping[str, Label]) -> Service:
        where = f"service.{key}"
        if not (key.isascii() and key.isidentifier()):
            raise self.fail(where, key, "a service's name is an ASCII word")
        self.known(where, raw, _SERVICE_KEYS)
        for name in ("label", "shape"):
            if name not in raw:
                raise self.fail(f"{where}.{name}", None, "it is needed")
        shape = self.choice(f"{where}.shape", raw["shape"], SHAPES)
        price, kinds = raw.get("price", {}), tuple(dict.fromkeys(vocabulary("kind").values()))
        return Service(
            key=key,
            label=Label.read(raw["label"]),
            letter=str(raw.get("letter", key[:2].upper())),
            short=str(raw.get("short", key[0].upper())),
            shape=shape,
            flow=self.choice(f"{where}.flow", raw.get("flow", "from_source" if shape == "lines" else "none"), FLOWS),
            crossings=self.choice(f"{where}.crossings", raw.get("crossings", "bridge"), ("bridge", "join")),
            combined=self.choice(f"{where}.combined", raw.get("combined", "serve"), ("serve", "refuse")),
            colour=str(raw.get("colour", "#555555")),
            need=self.choice(f"{where}.need", raw.get("need", "required"), NEEDS),
            group=str(raw.get("group", key)),
            sources=tuple(self.choice(f"{where}.sources", k, kinds) for k in raw.get("sources", ())),
            responsible=Label.read(raw.get("responsible", "?")),
            price=self.amount(f"{where}.price", price["value"], "CNY/m") if "value" in price else None,
            price_basis=self.choice(f"{where}.price.basis", price.get("basis", "assumed"), BASES),
            conditions=tuple(self.condition(key, row, codes) for row in raw.get("condition", ())),
            shares=str(raw.get("shares", "")),
            demand=self.choice(f"{where}.demand", raw.get("demand", ""), ("", *DEMANDS)),
            capacity=self.choice(f"{where}.capacity", raw.get("capacity", ""), CAPACITIES),
            figures={
                name: read_figure(f"{where}.figure.{name}", row, raw.get("demand", ""), codes, self.fail)
                for name, row in raw.get("figure", {}).items()
            },
        )

    def condition(self, service: str, raw: Mapping[str, Any], codes: Mapping[str, Label]) -> Condition:
        where = f"service.{service}.condition {raw.get('id', '?')}"
        self.known(where, raw, _CONDITION_KEYS)
        for name in ("id", "label", "measure", "basis"):
            if name not in raw:
                raise self.fail(f"{where}.{name}", None, "it is needed")
        measure = measures().get(raw["measure"])
        if measure is None:
            raise self.fail(f"{where}.measure", raw["measure"], f"one of {', '.join(measures())}")
        basis, code, clause = cited(where, raw, codes, self.fail)
        return Condition(
            id=str(raw["id"]),
            service=service,
            label=Label.read(raw["label"]),
            measure=measure,
            limit=self.limit(where, raw, measure),
            weight=self.choice(f"{where}.weight", raw.get("weight", "required"), WEIGHTS),
            basis=basis,
            code=code,
            clause=clause,
        )

    def inspections(self, raw: Any, codes: Mapping[str, Label]) -> dict[str, Inspection]:
        base = {} if self.name == _DEFAULT else _raw(_DEFAULT, None)["inspection"]
        return read_inspections(raw, base, codes, self.fail)

    def limit(self, where: str, raw: Mapping[str, Any], measure: Measure) -> Limit:
        forms = LIMIT_FORMS & set(raw)
        if len(forms) != 1:
            raise self.fail(
                where, ", ".join(sorted(forms)) or None, allow("one_form", forms=", ".join(sorted(LIMIT_FORMS)))
            )
        form = forms.pop()
        value = raw[form]
        if form == "by_use" and measure.kind != "ground":
            raise self.fail(f"{where}.by_use", value, "only what is measured on the ground can depend on the land use")
        if measure.kind == "reach" and form != "at_most":
            raise self.fail(f"{where}.{form}", value, allow("distance"))
        if form == "holds":
            if measure.unit or measure.kind == "class" or value is not True:
                raise self.fail(f"{where}.holds", value, "holds = true, for a measure that is yes or no")
            return Limit()
        if form == "one_of":
            allowed = tuple(dict.fromkeys(vocabulary(measure.column).values())) if measure.kind == "class" else ()
            return Limit(one_of=tuple(self.choice(f"{where}.one_of", v, allowed) for v in value))
        if measure.kind == "class" or not measure.unit:
            raise self.fail(f"{where}.{form}", value, "this measure has no number; use one_of or holds")
        if form == "by_use":
            uses = tuple(dict.fromkeys(vocabulary("use").values()))
            ranges = {
                self.choice(f"{where}.by_use", use, uses): self.pair(f"{where}.by_use.{use}", pair, measure)
                for use, pair in value.items()
            }
            return Limit(by_use=ranges, unit=measure.unit)
        if form == "between":
            low, high = self.pair(f"{where}.between", value, measure)
            return Limit(low, high, unit=measure.unit)
        found = self.bound(f"{where}.{form}", value, measure)
        return Limit(low=found, unit=measure.unit) if form == "at_least" else Limit(high=found, unit=measure.unit)

    def bound(self, key: str, value: Any, measure: Measure) -> float:
        """Read one end of a range; below zero only where what is measured may well lie there."""
        found = self.amount(key, value, measure.unit).value
        if found < 0 and measure.name not in _BELOW_ZERO:
            raise self.fail(key, value, allow("not_below", unit=measure.unit))
        return found

    def pair(self, key: str, value: Any, measure: Measure) -> tuple[float, float]:
        if not isinstance(value, list) or len(value) != 2:
            raise self.fail(key, value, 'two amounts, for example ["0.2 %", "10 %"]')
        low, high = (self.bound(key, v, measure) for v in value)
        if low > high:
            raise self.fail(key, value, "the smaller amount comes first")
        return low, high
