"""Figures: the norms and factors by which demand and capacity are reckoned, each with unit, basis and clause.

They stand in a profile as ``[service.<key>.figure.<name>]``; figures.csv says which names there are, in which unit.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from gisplan.base.fields import vocabulary
from gisplan.base.labels import Label
from gisplan.base.units import number
from gisplan.rules.terms import Fail, allow, cited, size, steps

Floats = npt.NDArray[np.float64]

DEMANDS = {"m3/d": "m3/d", "kW": "kW", "MW": "MW", "Nm3/h": "Nm3/h", "ha": "ha"}
"""Units in which the demand of a service, its flow and its capacity may be counted."""
_STEPS = {"diameter": "mm", "flow": "L/s", "voltage": "kV"}


@dataclass(frozen=True)
class Kind:
    """What figures.csv says of a figure: its unit, what it depends on (or nothing), what it may be, and its name.

    What divides, or asks for nothing at zero, must be above zero: its least value is a millionth.
    """

    name: str
    unit: str
    by: str
    low: float
    high: float
    label: Label


@dataclass(frozen=True)
class Figure:
    """One norm or factor, and where it comes from.

    Attributes
    ----------
    name, label
        Which it is.
    unit
        Unit of its values; ``1`` for a ratio.
    basis, code, clause
        ``code``, ``local`` or ``assumed``, and what it is taken from.
    value
        The figure, where it depends on nothing; else NaN.
    by_use
        The figure for each class of land use.
    steps
        The figure by diameter [mm], flow [L/s] or voltage [kV]: (up to here, figure), in order.
    by
        What it depends on: ``use``, ``diameter``, ``flow``, ``voltage`` or nothing.
    """

    name: str
    label: Label
    unit: str
    basis: str
    code: str = ""
    clause: str = ""
    value: float = float("nan")
    by_use: Mapping[str, float] | None = None
    steps: tuple[tuple[float, float], ...] = ()
    by: str = ""

    @property
    def text(self) -> str:
        """The figure as people write it."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        if self.by_use is not None:
            return "; ".join(f"{use}: {number(v, 4)}{unit}" for use, v in self.by_use.items())
        if self.steps:
            step = _STEPS[self.by]
            return "; ".join(f"≤ {number(at)} {step}: {number(v, 4)}{unit}" for at, v in self.steps)
        return f"{number(self.value, 4)}{unit}"

    @property
    def source(self) -> str:
        """Where it comes from, ``GB 50282-2016 ?``; blank where it is assumed."""
        return f"{self.code} {self.clause}".strip()

    def step(self, at: Floats) -> Floats:
        """Give the figure of the step that each value falls into; NaN above the last one and where it is not known."""
        up_to, figure = (np.array(column) for column in zip(*self.steps, strict=True))
        return np.append(figure, np.nan)[np.searchsorted(up_to, at)]


@cache
def kinds() -> dict[str, Kind]:
    """List every figure that a profile may give."""
    text = resources.files("gisplan.rules").joinpath("figures.csv").read_text(encoding="utf-8")
    return {
        row["figure"]: Kind(
            row["figure"],
            row["unit"],
            row["by"],
            float(row["low"]),
            float(row["high"] or math.inf),
            Label(row["zh"], row["en"]),
        )
        for row in csv.DictReader(text.splitlines())
    }


def read(where: str, raw: Any, demand: str, codes: Mapping[str, Label], fail: Fail) -> Figure:
    """Read one ``[service.x.figure.y]`` table.

    Parameters
    ----------
    where
        ``service.water.figure.velocity``; the last part is the figure's name.
    raw
        The table.
    demand
        Unit in which the service counts its demand; blank where it counts none.
    codes
        The codes that may be cited.
    fail
        Makes the refusal of (key, value found, what is allowed).

    Raises
    ------
    ProfileError
        The table says something that is not allowed.
    """
    kind = kinds().get(where.rsplit(".", 1)[1])
    if kind is None:
        raise fail(where, "…", f"known figures: {', '.join(kinds())}")
    form = f"by_{kind.by}" if kind.by else "value"
    if not isinstance(raw, dict) or not {form, "basis"} <= set(raw) or set(raw) - {form, "basis", "cite"}:
        raise fail(where, raw, f"a table with {form}, basis and, for basis code, cite")
    unit = f"{demand}/ha" if kind.unit == "per ha" else kind.unit
    if kind.unit == "per ha" and not demand:
        raise fail(where, "…", f"the service first needs demand = one of {', '.join(DEMANDS)}")
    found = Figure(kind.name, kind.label, unit, *cited(where, raw, codes, fail), by=kind.by)
    given, key = raw[form], f"{where}.{form}"
    if kind.by == "use":
        found = replace(found, by_use=_uses(where, given, unit, fail))
    elif kind.by:
        found = replace(found, steps=steps(key, given, (_STEPS[kind.by], unit), fail))
    else:
        found = replace(found, value=size(key, given, unit, fail))
    each = [found.value] if not kind.by else [*(found.by_use or {}).values(), *(value for _, value in found.steps)]
    if not all(kind.low <= value <= kind.high for value in each):
        if kind.high < math.inf:
            raise fail(key, given, allow("share"))
        raise fail(key, given, allow("above_zero") if 0 < kind.low < 1e-3 else allow("at_least", low=number(kind.low)))
    return found


def _uses(where: str, raw: Any, unit: str, fail: Fail) -> dict[str, float]:
    allowed = tuple(dict.fromkeys(vocabulary("use_class").values()))
    if not isinstance(raw, dict) or not raw or set(raw) - set(allowed):
        raise fail(f"{where}.by_use", raw, f"a table of {', '.join(allowed)}")
    return {use: size(f"{where}.by_use.{use}", v, unit, fail) for use, v in raw.items()}
