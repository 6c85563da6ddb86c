"""Offsets of Chinese web maps: GCJ-02 and BD-09, by the formula that everybody uses, good to a few metres.

They serve two ends only: to lay our shapes over such a map on a screen, and to notice that a layer was taken from one.
The formula is a fit and not official; coordinates that were changed by it are never judged.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Degrees = tuple[np.ndarray, np.ndarray]
"""Longitudes and latitudes."""
Way = Callable[[np.ndarray, np.ndarray], Degrees]

_AXIS = 6378245.0
_EE = 0.006693421622965943
"""Semi-major axis and squared eccentricity of the Krassowsky ellipsoid, which the formula is written on."""
_ROUNDS = 4
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271
_BD = np.pi * 3000.0 / 180.0


def gcj02(lon: np.ndarray, lat: np.ndarray) -> Degrees:
    """Change WGS 84 or CGCS2000 degrees to GCJ-02; outside China nothing changes."""
    x, y = lon - 105.0, lat - 35.0
    wave = (20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + wave
    north = north + _slow(y, (20.0, 40.0, 160.0, 320.0))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + wave
    east = east + _slow(x, (20.0, 40.0, 150.0, 300.0))
    latitude = np.radians(lat)
    root = np.sqrt(1.0 - _EE * np.sin(latitude) ** 2)
    dlat = np.degrees(north / (_AXIS * (1.0 - _EE) / root**3))
    dlon = np.degrees(east / (_AXIS / root * np.cos(latitude)))
    inside = (lon >= _WEST) & (lon <= _EAST) & (lat >= _SOUTH) & (lat <= _NORTH)
    return lon + np.where(inside, dlon, 0.0), lat + np.where(inside, dlat, 0.0)


def _slow(x: np.ndarray, size: tuple[float, float, float, float]) -> np.ndarray:
    """Add up the long waves of the formula."""
    waves = size[0] * np.sin(np.pi * x) + size[1] * np.sin(np.pi * x / 3.0)
    waves = waves + size[2] * np.sin(np.pi * x / 12.0) + size[3] * np.sin(np.pi * x / 30.0)
    return np.asarray(waves * 2.0 / 3.0)


def from_gcj02(lon: np.ndarray, lat: np.ndarray) -> Degrees:
    """Change GCJ-02 degrees back; the formula has no inverse of its own, so it is approached step by step."""
    x, y = lon, lat
    for _ in range(_ROUNDS):
        there = gcj02(x, y)
        x, y = x + lon - there[0], y + lat - there[1]
    return x, y


def bd09(lon: np.ndarray, lat: np.ndarray) -> Degrees:
    """Change WGS 84 or CGCS2000 degrees to BD-09, which is another offset on top of GCJ-02."""
    x, y = gcj02(lon, lat)
    far = np.hypot(x, y) + 0.00002 * np.sin(y * _BD)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _BD)
    return far * np.cos(angle) + 0.0065, far * np.sin(angle) + 0.006


def from_bd09(lon: np.ndarray, lat: np.ndarray) -> Degrees:
    """Change BD-09 degrees back, to within two decimetres of the formula."""
    x, y = lon - 0.0065, lat - 0.006
    far = np.hypot(x, y) - 0.00002 * np.sin(y * _BD)
    angle = np.arctan2(y, x) - 0.000003 * np.cos(x * _BD)
    return from_gcj02(far * np.cos(angle), far * np.sin(angle))
