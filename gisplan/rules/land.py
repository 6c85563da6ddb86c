"""Rules of land: net land, overlays, assessments, planning conditions, indicators, corridors, factory buildings.

What every zone starts from stands in land.toml; a profile's ``[land.<group>.<key>]`` lays its own rows over it, or
leaves one out with ``weight = "off"``.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from gisplan.base.fields import fields, vocabulary
from gisplan.base.labels import Label
from gisplan.base.units import number
from gisplan.rules.terms import Fail, allow, amount, cited, size

WEIGHTS = ("required", "warn", "off")
_ROW = {"label", "weight", "bars", "basis", "cite", "responsible"}
LIMIT_FORMS = {"at_least", "at_most", "each_side"}
_MONTHS = 600
"""A horizon beyond fifty years is a slip of the pen."""
_CORRIDOR = {"service", "column", "between", "one_of"}
_COLUMNS = {"voltage_kv": "kV", "diameter_mm": "mm", "pressure_class": "", "road_class": ""}
"""Columns by which a passing line is known for a corridor, and their unit."""
_ALONE = {
    ("area", "stated"): "%", ("area", "net"): "%", ("stage", "horizon"): "months",
    ("supply", "status"): "", ("supply", "reserve"): "", ("commitment", "due"): "", ("corridor", "drawn"): "",
    ("building", "acceptance"): "", ("building", "vacancy"): "",
    ("building", "clear_height_ground"): "m", ("building", "clear_height_upper"): "m",
    ("building", "floor_load_ground"): "kN/m2", ("building", "floor_load_upper"): "kN/m2",
}  # fmt: skip
"""Rows whose key is fixed, and the unit of their limit."""


@dataclass(frozen=True)
class LandRule:
    """One question put to land, and where it comes from.

    Attributes
    ----------
    id
        ``land.<group>.<key>``.
    group, key
        Which question: a test of net land, a kind of overlay, of assessment, a column of the parcels …
    label
        What is asked, in words.
    weight
        ``required`` or ``warn``.
    bars
        Whether land that fails cannot be offered at all, rather than after something is done.
    low, high, unit
        The limit; infinite where there is none.
    basis, code, clause
        ``code``, ``local`` or ``assumed``, and what it is taken from.
    responsible
        Who is to see to it.
    service, column, one_of, between
        Of corridors: which lines have one; the limit (`low`) is the width on each side.
    own
        Whether the zone's own file has set the limit.
    """

    id: str
    group: str
    key: str
    label: Label
    weight: str
    bars: bool
    basis: str
    code: str
    clause: str
    responsible: Label
    low: float = -math.inf
    high: float = math.inf
    unit: str = ""
    service: str = ""
    column: str = ""
    one_of: tuple[str, ...] = ()
    between: tuple[float, float] = (-math.inf, math.inf)
    own: bool = False

    @property
    def text(self) -> str:
        """The limit as people write it; blank where there is none."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        if math.isfinite(self.low):
            return f"≥ {number(self.low)}{unit}"
        return f"≤ {number(self.high)}{unit}" if math.isfinite(self.high) else ""

    @property
    def form(self) -> str:
        """How the limit is written: at_least, at_most or each_side; blank where there is none."""
        if math.isfinite(self.low):
            return "each_side" if self.service else "at_least"
        return "at_most" if math.isfinite(self.high) else ""

    @property
    def measured_in(self) -> str:
        """The unit of what is measured: a corridor is as wide as its limit says, and takes an area."""
        return "m2" if self.group == "corridor" else self.unit

    @property
    def source(self) -> str:
        """Where it comes from, ``令53 art. 21``; blank where it is assumed."""
        return f"{self.code} {self.clause}".strip()


@dataclass(frozen=True)
class LandRules:
    """Everything that is asked of land, by id, in order."""

    rules: Mapping[str, LandRule]
    uses: tuple[str, ...]

    def group(self, name: str) -> tuple[LandRule, ...]:
        """List the rules of a group."""
        return tuple(rule for rule in self.rules.values() if rule.group == name)

    def get(self, group: str, key: str) -> LandRule | None:
        """Give one rule; None where the profile leaves it out."""
        return self.rules.get(f"land.{group}.{key}")


@cache
def _shipped() -> dict[str, Any]:
    text = resources.files("gisplan.rules").joinpath("land.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def overlay(base: Mapping[str, Any], over: Any) -> Any:
    """Lay ``[land]`` tables over others; a new limit takes nothing from what the old one was based on."""
    if not isinstance(over, dict):
        return over
    merged: dict[str, Any] = dict(base)
    for group, rows in over.items():
        old = merged.get(group)
        if not (isinstance(old, dict) and isinstance(rows, dict)):
            merged[group] = rows
            continue
        merged[group] = dict(old)
        for key, row in rows.items():
            kept = old.get(key)
            if isinstance(kept, dict) and isinstance(row, dict):
                gone = (
                    {*LIMIT_FORMS, "basis", "cite"} if LIMIT_FORMS & set(row) else {"cite"} if "basis" in row else set()
                )
                row = {**{k: v for k, v in kept.items() if k not in gone}, **row}
            merged[group][key] = row
    return merged


def read(raw: Any, codes: Mapping[str, Label], fail: Fail) -> LandRules:
    """Read the ``[land]`` tables of a profile over those that every zone starts from.

    Raises
    ------
    ProfileError
        They say something that is not allowed; the message names the key, the value found and what is allowed.
    """
    if not isinstance(raw, dict):
        raise fail("land", raw, "tables such as [land.net.title]")
    base = _shipped()
    merged = overlay(base["land"], raw)
    known = {**{code: Label.read(name) for code, name in base["codes"].items()}, **codes}
    uses = merged.pop("uses")
    allowed = tuple(dict.fromkeys(vocabulary("use_class").values()))
    if not isinstance(uses, list) or not all(use in allowed for use in uses):
        raise fail("[land] uses", uses, f"a list of {', '.join(allowed)}")
    rules: dict[str, LandRule] = {}
    for group, rows in merged.items():
        if group not in base["land"] or not isinstance(rows, dict):
            raise fail(f"land.{group}", rows, f"known groups: {', '.join(base['land'])}")
        for key, row in rows.items():
            rule = _rule((group, key), row, known, fail)
            if rule.weight != "off":
                rules[rule.id] = rule
    return LandRules(rules, tuple(uses))


def _rule(name: tuple[str, str], raw: Any, codes: Mapping[str, Label], fail: Fail) -> LandRule:
    """Read one row."""
    group, key = name
    where = f"land.{group}.{key}"
    passing = group == "corridor" and name not in _ALONE
    extra = _CORRIDOR if passing else set()
    if not isinstance(raw, dict) or set(raw) - _ROW - LIMIT_FORMS - extra or not {"label", "basis"} <= set(raw):
        raise fail(where, raw, f"a table with label, basis, and of {', '.join(sorted(_ROW | LIMIT_FORMS | extra))}")
    basis, code, clause = cited(where, raw, codes, fail)
    weight = raw.get("weight", "required")
    if weight not in WEIGHTS:
        raise fail(f"{where}.weight", weight, f"one of {', '.join(WEIGHTS)}")
    if not isinstance(raw.get("bars", False), bool):
        raise fail(f"{where}.bars", raw["bars"], "true or false")
    return LandRule(
        id=where,
        group=group,
        key=key,
        label=Label.read(raw["label"]),
        weight=weight,
        bars=raw.get("bars", False),
        basis=basis,
        code=code,
        clause=clause,
        responsible=Label.read(raw.get("responsible", "?")),
        **limit(where, raw, _unit(group, key, fail), fail),
        **(_selected(where, raw, fail) if passing else {}),
    )


def _unit(group: str, key: str, fail: Fail) -> str:
    """Give the unit of a row's limit; a row that nothing asks for is refused."""
    where = f"land.{group}.{key}"
    if (group, key) in _ALONE:
        return _ALONE[group, key]
    if group in ("planning", "indicator"):
        entry = fields("parcels").get(key)
        if entry is None:
            raise fail(where, key, f"a column of the parcels: {', '.join(fields('parcels'))}")
        return entry.unit or ("1" if entry.type == "number" else "")
    if group == "corridor":
        return "m"
    words = {"net": "netland_test", "overlap": "constraint", "assessment": "assessment"}.get(group)
    if words is not None:
        allowed = tuple(dict.fromkeys(vocabulary(words).values()))
        if key not in allowed:
            raise fail(where, key, f"one of {', '.join(allowed)}")
        return "m2" if group == "overlap" else ""
    if group == "start":
        return ""
    raise fail(where, key, f"known: {', '.join(f'{g}.{k}' for g, k in _ALONE)}")


def limit(where: str, raw: Mapping[str, Any], unit: str, fail: Fail) -> dict[str, Any]:
    """Read the limit of a row, if it has one: at_least, at_most or each_side.

    Raises
    ------
    ProfileError
        It is no limit for this row.
    """
    forms = sorted(LIMIT_FORMS & set(raw))
    if not forms:
        return {"unit": unit}
    if len(forms) > 1 or not unit:
        raise fail(where, ", ".join(forms), "one limit at most, and only where a number is asked for")
    found = size(f"{where}.{forms[0]}", raw[forms[0]], unit, fail)
    if unit == "months" and found > _MONTHS:
        raise fail(f"{where}.{forms[0]}", raw[forms[0]], allow("months", most=_MONTHS))
    return {"unit": unit, "high" if forms[0] == "at_most" else "low": found}


def _selected(where: str, raw: Mapping[str, Any], fail: Fail) -> dict[str, Any]:
    """Read which lines have a corridor."""
    column = raw.get("column", "")
    if "service" not in raw or column not in _COLUMNS or "each_side" not in raw:
        raise fail(where, raw, f"service, each_side, column (one of {', '.join(_COLUMNS)}), and between or one_of")
    found: dict[str, Any] = {"service": str(raw["service"]), "column": column}
    unit = _COLUMNS[column]
    if not unit:
        allowed = tuple(dict.fromkeys(vocabulary(column).values()))
        chosen = raw.get("one_of")
        if not isinstance(chosen, list) or not chosen or not set(chosen) <= set(allowed):
            raise fail(f"{where}.one_of", chosen, f"a list of {', '.join(allowed)}")
        return {**found, "one_of": tuple(chosen)}
    pair = raw.get("between")
    if not isinstance(pair, list) or len(pair) != 2:
        raise fail(f"{where}.between", pair, f"two amounts in {unit}")
    low, high = (amount(f"{where}.between", value, unit, fail) for value in pair)
    return {**found, "between": (low, high)}
