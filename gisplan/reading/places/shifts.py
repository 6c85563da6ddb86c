"""Shifts: parameters that a surveyor gives for the way from an older or local system to the zone's, used as written.

Nothing here is guessed or fitted. Three kinds are known; x is east and y is north unless the convention says otherwise:

``helmert7``
    Seven parameters between two datums (Bursa-Wolf, small angles), on earth-centred coordinates with height 0. With
    m = 1 + scale_ppm / 1 000 000 and angles in radians, ``position_vector`` is::

        X' = dx_m + m (   X - rz Y + ry Z)
        Y' = dy_m + m ( rz X +    Y - rx Z)
        Z' = dz_m + m (-ry X + rx Y +    Z)

    and ``coordinate_frame`` (the usual 布尔沙 form of Chinese papers) is the same with the signs of the three angles
    turned.
``plane4``
    Four parameters between two planes. ``east_north``: E' = dx_m + k (E cos a - N sin a),
    N' = dy_m + k (E sin a + N cos a): the angle turns anticlockwise. ``north_east`` (the usual form of Chinese papers,
    X is north): N' = dx_m + k (N cos a - E sin a), E' = dy_m + k (N sin a + E cos a): the angle turns clockwise.
``affine``
    Six numbers: E' = a x + b y + c, N' = d x + e y + f, where x is east and y is north.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from pyproj import CRS, Transformer

from gisplan.reading.entries import Entries

LOCAL = "local"
"""What `crs` says of a local grid (地方坐标系)."""
_SEVEN = ("dx_m", "dy_m", "dz_m", "rx_arcsec", "ry_arcsec", "rz_arcsec", "scale_ppm")
_SIX = ("a", "b", "c", "d", "e", "f")
_TURNS = {"rotation_deg": math.pi / 180, "rotation_arcsec": math.pi / 648_000, "rotation_rad": 1.0}
_SCALES = ("scale", "scale_ppm")
_KEYS = {
    "helmert7": (_SEVEN, (), ("position_vector", "coordinate_frame")),
    "plane4": (("dx_m", "dy_m"), (*_TURNS, *_SCALES), ("east_north", "north_east")),
    "affine": (_SIX, (), ()),
}
"""Per kind: the numbers that are needed, those that may stand there, and the conventions."""


class Step(Protocol):
    """One step of a way between two systems."""

    def transform(self, xx: Any, yy: Any) -> tuple[Any, Any]:
        """Change points."""


@dataclass(frozen=True)
class Plane:
    """The six numbers of an affine change of the plane: E' = a x + b y + c, N' = d x + e y + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def transform(self, xx: np.ndarray, yy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Change points."""
        return self.a * xx + self.b * yy + self.c, self.d * xx + self.e * yy + self.f


@dataclass(frozen=True)
class Shift:
    """Given parameters: their kind, numbers and convention, how good they are said to be, and what they start from.

    `start` is the system that the parameters of ``[zone]`` are made for (``"local"`` or a CRS); empty in a source.
    """

    kind: str
    numbers: Mapping[str, float]
    convention: str = ""
    accuracy_m: float | None = None
    start: str = ""

    @property
    def plane(self) -> bool:
        """Whether the parameters take plane coordinates to the zone's plane, with no datum between."""
        return self.kind != "helmert7"

    def steps(self, source: CRS | None, target: CRS) -> tuple[Step, ...]:
        """Give the steps from a system to the zone's."""
        if self.kind == "affine":
            return (Plane(*(self.numbers[name] for name in _SIX)),)
        if self.kind == "plane4":
            return (self._similar(),)
        if source is None or source.geodetic_crs is None or target.geodetic_crs is None:
            return ()
        base, goal = source.geodetic_crs, target.geodetic_crs
        way = Transformer.from_pipeline(
            "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad "
            f"+step +proj=cart {_ball(base)} +step {self._helmert()} +step +inv +proj=cart {_ball(goal)} "
            "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
        )
        before = () if source == base else (Transformer.from_crs(source, base, always_xy=True),)
        return (*before, _OnTheGround(way), Transformer.from_crs(goal, target, always_xy=True))

    def _helmert(self) -> str:
        names = ("x", "y", "z", "rx", "ry", "rz", "s")
        numbers = " ".join(f"+{ours}={self.numbers[key]!r}" for ours, key in zip(names, _SEVEN, strict=True))
        return f"+proj=helmert {numbers} +convention={self.convention}"

    def _similar(self) -> Plane:
        angle = sum(factor * self.numbers.get(name, 0.0) for name, factor in _TURNS.items())
        scale = self.numbers.get("scale", 1.0 + self.numbers.get("scale_ppm", 0.0) / 1e6)
        along, across = scale * math.cos(angle), scale * math.sin(angle)
        dx, dy = self.numbers["dx_m"], self.numbers["dy_m"]
        if self.convention == "north_east":
            return Plane(along, across, dy, -across, along, dx)
        return Plane(along, -across, dx, across, along, dy)


@dataclass(frozen=True)
class _OnTheGround:
    """Carries longitudes and latitudes at height 0 through a change of datum."""

    way: Transformer

    def transform(self, xx: np.ndarray, yy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Change points."""
        x, y, _ = self.way.transform(xx, yy, np.zeros_like(xx))
        return x, y


def _ball(crs: CRS) -> str:
    ball = crs.ellipsoid
    return "" if ball is None else f"+a={ball.semi_major_metre!r} +rf={ball.inverse_flattening!r}"


def read_shift(entries: Entries, where: str, raw: Any, of_zone: bool = False) -> Shift:
    """Take the parameters that zone.toml gives.

    Raises
    ------
    ProfileError
        The kind or a number is missing or wrong; without a convention the sign of an angle would be a guess.
    """
    raw = entries.table(where, "shift", raw)
    kind = raw.get("kind")
    if kind not in _KEYS:
        raise entries.fail(where, "shift.kind", raw.get("kind", "—"), ", ".join(_KEYS))
    needed, optional, conventions = _KEYS[kind]
    named = {"kind", "accuracy_m", *needed, *optional, *(("convention",) if conventions else ())}
    entries.known(where, raw, named | {"from"} if of_zone else named)
    for name in (*needed, *(("from",) if of_zone else ())):
        if name not in raw:
            raise entries.missing(where, f"shift.{name}")
    convention = raw.get("convention", "—" if conventions else "")
    if conventions and convention not in conventions:
        raise entries.fail(where, "shift.convention", convention, ", ".join(conventions))
    for group in (tuple(_TURNS), _SCALES) if kind == "plane4" else ():
        twice = [name for name in group if name in raw]
        if len(twice) > 1:
            raise entries.fail(where, f"shift.{twice[1]}", raw[twice[1]], "allow.shift_once")
    numbers = {name: _number(entries, where, raw, name) for name in (*needed, *optional) if name in raw}
    level = numbers.get("scale", 1.0) if kind == "plane4" else 1.0
    if kind == "affine":
        level = numbers["a"] * numbers["e"] - numbers["b"] * numbers["d"]
    if level == 0.0 or (kind == "plane4" and level < 0.0):
        raise entries.fail(where, "shift", level, "allow.shift_flat")
    accuracy = _number(entries, where, raw, "accuracy_m") if "accuracy_m" in raw else None
    start = entries.text(where, raw, "from") or "" if of_zone else ""
    return Shift(str(kind), numbers, convention, accuracy, start)


def _number(entries: Entries, where: str, raw: Mapping[str, Any], key: str) -> float:
    value = raw[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise entries.fail(where, f"shift.{key}", value, "allow.number")
    return float(value)
