"""Limits of the checks that list faults: how large a gap is a near miss, how far apart manholes may stand, and why.

They stand in a profile as ``[inspection.<key>]``. A profile that says nothing about one has that of the default
profile, marked ``assumed``: whoever wrote it never looked at the code that the default cites.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gisplan.base.labels import Label
from gisplan.base.units import number
from gisplan.rules.terms import Fail, cited, size, steps

UNITS: Mapping[str, str] = {
    "near_miss": "m",
    "gap_drawing": "m",
    "overlap_length": "m",
    "edge": "m",
    "point_spacing": "m",
    "area_difference": "%",
    "invert_error": "m",
    "invert_above": "m",
    "invert_below": "m",
    "cross_connection": "m",
    "manhole_spacing": "m",
    "size_step": "mm",
    "need_share": "%",
    "evidence_notice": "days",
}
"""Every key that a profile may set, and the unit of its limit."""
BY_DIAMETER = ("manhole_spacing", "size_step")
"""Keys whose limit depends on the diameter."""


@dataclass(frozen=True)
class Inspection:
    """One limit of the checks, and where it comes from.

    Attributes
    ----------
    key
        What it limits, a key of `UNITS`.
    label
        What it limits, in words.
    value
        The limit in `unit`; of a table by diameter its smallest.
    unit
        ``m``, ``mm``, ``%`` or ``days``.
    basis
        ``code``, ``local`` or ``assumed``.
    code, clause
        What it is taken from; blank where it is assumed.
    by_diameter
        For limits that depend on the diameter: (up to this diameter in mm, limit), in order.
    """

    key: str
    label: Label
    value: float
    unit: str
    basis: str
    code: str = ""
    clause: str = ""
    by_diameter: tuple[tuple[float, float], ...] = ()

    def limits(self, diameter_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Give the limit for each diameter; infinite above the last one of the table and where it is not known."""
        if not self.by_diameter:
            return np.full(len(diameter_mm), self.value)
        up_to, limit = (np.array(column) for column in zip(*self.by_diameter, strict=True))
        # A diameter that is not known sorts behind all others.
        return np.append(limit, math.inf)[np.searchsorted(up_to, diameter_mm)]

    @property
    def text(self) -> str:
        """The limit as people write it, ``5 m``; ``≤ DN600: 75 m`` of a table."""
        if not self.by_diameter:
            return f"{number(self.value)} {self.unit}"
        return "; ".join(f"≤ DN{number(up_to)}: {number(limit)} {self.unit}" for up_to, limit in self.by_diameter)

    @property
    def source(self) -> str:
        """Where the limit comes from, ``GB 50014-2021 t.5.4.4``; blank where it is assumed."""
        return f"{self.code} {self.clause}".strip()


def overlay(base: Mapping[str, Any], over: Any) -> Any:
    """Lay the ``[inspection]`` tables of a profile over those of the one it extends.

    A new limit keeps the label and nothing else: what the old one was based on says nothing about it.
    """
    if not isinstance(over, dict):
        return over
    merged = dict(base)
    for key, row in over.items():
        old = merged.get(key)
        if not (isinstance(old, dict) and isinstance(row, dict)):
            merged[key] = row
        elif {"value", "by_diameter"} & set(row):
            merged[key] = {**{k: v for k, v in old.items() if k == "label"}, **row}
        else:
            merged[key] = {**old, **row}
    return merged


def assumed(default: Mapping[str, Any]) -> dict[str, Any]:
    """Give the tables of the default profile to one that has none: the same limits, marked as assumed."""
    return {key: {**{k: v for k, v in row.items() if k != "cite"}, "basis": "assumed"} for key, row in default.items()}


def read(raw: Any, default: Mapping[str, Any], codes: Mapping[str, Label], fail: Fail) -> dict[str, Inspection]:
    """Read the ``[inspection]`` tables of a profile.

    Parameters
    ----------
    raw
        The tables.
    default
        Those of the default profile, for what the profile says nothing of; empty when it is the default itself.
    codes
        The codes that may be cited.
    fail
        Makes the refusal of (key, value found, what is allowed).

    Raises
    ------
    ProfileError
        A table says something that is not allowed.
    """
    if not isinstance(raw, dict):
        raise fail("inspection", raw, f"tables [inspection.x], x one of {', '.join(UNITS)}")
    for key in raw:
        if key not in UNITS:
            raise fail(f"inspection.{key}", "…", f"known entries: {', '.join(sorted(UNITS))}")
    merged = overlay(assumed(default), raw)
    return {key: read_one(key, merged.get(key), codes, fail) for key in UNITS}


def read_one(key: str, raw: Any, codes: Mapping[str, Label], fail: Fail) -> Inspection:
    """Read one ``[inspection.<key>]`` table, its label included.

    Raises
    ------
    ProfileError
        It says something that is not allowed.
    """
    where = f"inspection.{key}"
    form = "by_diameter" if key in BY_DIAMETER else "value"
    if not isinstance(raw, dict):
        raise fail(where, raw, f"a table with {form} and basis")
    for name in raw:
        if name not in (allowed := ("basis", "cite", "label", form)):
            raise fail(f"{where}.{name}", "…", f"known entries: {', '.join(sorted(allowed))}")
    for name in ("label", "basis", form):
        if name not in raw:
            raise fail(f"{where}.{name}", None, "it is needed")
    if not isinstance(raw["label"], str | dict):
        raise fail(f"{where}.label", raw["label"], "a text, or { zh = …, en = … }")
    source = cited(where, raw, codes, fail)
    found = steps(f"{where}.by_diameter", raw[form], ("mm", UNITS[key]), fail) if key in BY_DIAMETER else ()
    value = min(limit for _, limit in found) if found else size(f"{where}.value", raw[form], UNITS[key], fail)
    return Inspection(key, Label.read(raw["label"]), value, UNITS[key], *source, found)
