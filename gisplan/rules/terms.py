"""Terms: what any row of a profile may say: an amount with its unit, steps of amounts, and what it rests on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from gisplan.base.errors import ProfileError
from gisplan.base.labels import Label, say
from gisplan.base.units import quantity, units_like

BASES = ("code", "local", "assumed")
Fail = Callable[[str, object, str | Label], Exception]
"""Makes the refusal of (key, value found, what is allowed); a label where whoever refuses speaks both languages."""
Steps = tuple[tuple[float, float], ...]


def allow(code: str, **values: object) -> Label:
    """Say what is allowed, in both languages."""
    return Label(say(f"allow.{code}", "zh", **values), say(f"allow.{code}", "en", **values))


def cited(where: str, raw: Mapping[str, Any], codes: Mapping[str, Label], fail: Fail) -> tuple[str, str, str]:
    """Read what a row rests on: basis, code and clause; what is assumed has neither.

    Raises
    ------
    ProfileError
        The basis is none that there is, or the code is not listed.
    """
    basis, cite = raw["basis"], raw.get("cite", {})
    if basis not in BASES:
        raise fail(f"{where}.basis", basis, f"one of {', '.join(BASES)}")
    if not isinstance(cite, dict):
        raise fail(f"{where}.cite", cite, "{ code = …, clause = … }")
    if basis == "code" and cite.get("code") not in codes:
        raise fail(f"{where}.cite.code", cite.get("code"), f"a code listed in [codes]: {', '.join(codes)}")
    source = cite if basis != "assumed" else {}
    return str(basis), str(source.get("code", "")), str(source.get("clause", ""))


def amount(key: str, raw: Any, unit: str, fail: Fail) -> float:
    """Read one amount: a plain number for a ratio (unit ``1``), else text with its unit.

    Raises
    ------
    ProfileError
        It is no number, in another unit, or a ratio below zero.
    """
    if unit == "1":
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw < float("inf"):
            raise fail(key, raw, allow("ratio"))
        return float(raw)
    try:
        found = quantity(raw, key)
    except ProfileError as error:
        raise fail(key, raw, _in(unit)) from error
    if found.unit != unit:
        raise fail(key, raw, _in(unit))
    return found.value


def _in(unit: str) -> Label:
    return allow("amount", unit=unit, units=", ".join(units_like(unit)))


def size(key: str, raw: Any, unit: str, fail: Fail) -> float:
    """Read one amount that cannot lie below zero.

    Raises
    ------
    ProfileError
        As for `amount`, or it lies below zero.
    """
    found = amount(key, raw, unit, fail)
    if found < 0:
        raise fail(key, raw, allow("not_below", unit=unit))
    return found


def steps(key: str, raw: Any, units: tuple[str, str], fail: Fail) -> Steps:
    """Read pairs of (up to this, amount), the smaller first.

    Raises
    ------
    ProfileError
        They are no such pairs, or not in order.
    """
    example = f'[["…{"" if units[0] == "1" else f" {units[0]}"}", "…{"" if units[1] == "1" else f" {units[1]}"}"]]'
    what = {"mm": "diameter", "L/s": "flow", "kV": "voltage"}[units[0]]
    allowed = f'pairs "up to this {what}", "limit", the smaller {what} first, as {example}'
    if not isinstance(raw, list) or not raw or not all(isinstance(p, list) and len(p) == 2 for p in raw):
        raise fail(key, raw, allowed)
    pairs = tuple((size(key, at, units[0], fail), size(key, value, units[1], fail)) for at, value in raw)
    if any(a >= b for (a, _), (b, _) in itertools.pairwise(pairs)):
        raise fail(key, raw, allowed)
    return pairs
