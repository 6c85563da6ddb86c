"""Units: what a limit in a profile may be written in, and areas in 亩."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.base.errors import ProfileError

MU_M2 = 2000.0 / 3.0
"""One mu (亩) in square metres: 15 mu are one hectare."""

YELLOW_SEA_1956_M = -0.029
"""Height above the national datum of 1985 less that above the Yellow Sea datum of 1956, in metres: the origin in
Qingdao stands at 72.260 m by the newer datum and at 72.289 m by the older one."""

# unit -> (unit that tables use, factor to it)
_UNITS: dict[str, tuple[str, float]] = {
    "m": ("m", 1.0),
    "km": ("m", 1000.0),
    "cm": ("m", 0.01),
    "mm": ("mm", 1.0),
    "DN": ("mm", 1.0),
    "m2": ("m2", 1.0),
    "ha": ("m2", 10_000.0),
    "mu": ("m2", MU_M2),
    "%": ("%", 1.0),
    "kV": ("kV", 1.0),
    "MPa": ("MPa", 1.0),
    "CNY/m": ("CNY/m", 1.0),
    "CNY/m2": ("CNY/m2", 1.0),
    "days": ("days", 1.0),
    "a": ("a", 1.0),
    "min": ("min", 1.0),
    "m/s": ("m/s", 1.0),
    "L/s": ("L/s", 1.0),
    "m3/s": ("L/s", 1000.0),
    "m3/d": ("m3/d", 1.0),
    "m3/h": ("m3/d", 24.0),
    "m3/d/ha": ("m3/d/ha", 1.0),
    "kW": ("kW", 1.0),
    "kW/ha": ("kW/ha", 1.0),
    "MVA": ("MVA", 1.0),
    "kVA": ("MVA", 0.001),
    "MW": ("MW", 1.0),
    "MW/ha": ("MW/ha", 1.0),
    "Nm3/h": ("Nm3/h", 1.0),
    "Nm3/h/ha": ("Nm3/h/ha", 1.0),
    "t/h": ("t/h", 1.0),
    "months": ("months", 1.0),
    "CNY/mu": ("CNY/mu", 1.0),
    "kN/m2": ("kN/m2", 1.0),
    "tce/10kCNY": ("tce/10kCNY", 1.0),
    "kg/10kCNY": ("kg/10kCNY", 1.0),
    "holes": ("holes", 1.0),
}
_NUMBER = re.compile(r"([-+]?\d+(?:\.\d+)?)\s*(\S+)")


@dataclass(frozen=True)
class Quantity:
    """A number with the unit that tables use for its kind."""

    value: float
    unit: str

    @property
    def text(self) -> str:
        """The number and its unit as people write them, ``50 m``."""
        return f"{number(self.value)} {self.unit}"


def quantity(text: str, where: str) -> Quantity:
    """Read ``"50 m"``, ``"0.2 %"``, ``"150 mm"``.

    Raises
    ------
    ProfileError
        The text is no number with a known unit; the message names `where`.

    >>> quantity("2 km", "example")
    Quantity(value=2000.0, unit='m')
    """
    match = _NUMBER.fullmatch(text.strip()) if isinstance(text, str) else None
    unit, factor = _UNITS.get(match[2], ("", 0.0)) if match else ("", 0.0)
    value = float(match[1]) * factor if match else math.inf
    if not unit or not math.isfinite(value):  # hundreds of digits are a slip of the hand, and would limit nothing
        allowed = ", ".join(_UNITS)
        raise ProfileError(
            f'{where}: {text!r} is not a number with a unit. Write it as text, for example "50 m"; units: {allowed}.'
        )
    return Quantity(value, unit)


def units_like(unit: str) -> tuple[str, ...]:
    """List the units that an amount in `unit` may be written in.

    >>> units_like("MVA")
    ('MVA', 'kVA')
    """
    return tuple(name for name, (base, _) in _UNITS.items() if base == unit) or (unit,)


def number(value: float, digits: int = 2) -> str:
    """Write a number without needless zeros; infinity and NaN as ``∞`` and ``?``.

    >>> number(50.0), number(0.25), number(float("inf")), number(200.0, 0)
    ('50', '0.25', '∞', '200')
    """
    if math.isnan(value):
        return "?"
    if math.isinf(value):
        return "∞"
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number_column(values: pd.Series, digits: int = 2) -> pd.Series:
    """Write a column of numbers; text stays text, what is missing becomes ``?``."""
    return pd.Series(number_texts(values, digits), index=values.index, dtype="str")


def number_texts(values: pd.Series | npt.NDArray[Any], digits: int = 2) -> npt.NDArray[np.object_]:
    """Write numbers as texts; text stays text, what is missing becomes ``?``. Each number is written once."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return _written(values, digits)
    if values.dtype != object and not isinstance(values.dtype, pd.StringDtype):
        return _written(pd.Series(values).to_numpy(dtype=float, na_value=np.nan), digits)
    out = np.array(values, dtype=object)
    rest = np.fromiter((type(value) is not str for value in out), dtype=bool, count=len(out))
    out[rest] = _written(pd.Series(out[rest], dtype=object).to_numpy(dtype=float, na_value=np.nan), digits)
    return out


_FEW = 30
"""So few numbers are written faster one by one than what is equal is found."""


def _written(numbers: npt.NDArray[np.float64], digits: int) -> npt.NDArray[np.object_]:
    if len(numbers) < _FEW:
        return np.array([number(v, digits) for v in (np.round(numbers, digits) + 0.0).tolist()], dtype=object)
    # Zero has no sign: which of the two a column would show hung on which of them came first.
    code, unique = pd.factorize(np.round(numbers, digits) + 0.0, use_na_sentinel=False)
    return np.array([*(number(v, digits) for v in unique.tolist()), "?"], dtype=object)[code]
