"""Manning's formula and peak factors: how large a sewer must be for what runs into it."""

from __future__ import annotations

import math

import numpy as np

from ganting_maker.loads import RAIN_L_S_HA

ROUGHNESS = 0.013
FULLNESS = ((300, 0.55), (450, 0.65), (900, 0.70), (math.inf, 0.75))
"""Greatest fullness by diameter [mm]."""
PEAK = ((5.0, 2.7), (15.0, 2.4), (40.0, 2.1), (70.0, 2.0), (100.0, 1.9), (200.0, 1.8), (500.0, 1.6), (1000.0, 1.5))
"""Peak factor by mean flow [L/s]."""
INFILTRATION = 0.1
MEANS = np.linspace(0.05, 1500.0, 60000)
PEAKS = MEANS * (np.interp(MEANS, *zip(*PEAK, strict=True)) + INFILTRATION)
"""Mean flows [L/s], and the peak that each comes to."""
SIZES = {"sewage": (300, 400, 500, 600, 800, 1000, 1200, 1500),
         "storm": (500, 600, 800, 1000, 1200, 1500, 1800, 2000, 2200, 2400, 2600, 2800, 3000, 3500, 4000)}  # fmt: skip
LEAST = {300: 0.003, 400: 0.0015, 500: 0.0012, 600: 0.001, 800: 0.0008}
"""Least slope by diameter [mm]; 0.0008 above."""


def least_slope(service: str, diameter_mm: float) -> float:
    """Least slope at which a sewer of a diameter is laid; storm drains are laid steeper to stay within reason."""
    if service == "storm":
        return 0.0025
    return LEAST.get(int(diameter_mm), 0.0008)


def carries(service: str, diameter_mm: float, slope: float) -> float:
    """Return what a pipe carries: mean flow [m3/d] of a sewer, effective area [ha] of a storm drain."""
    d = diameter_mm / 1000
    share = 1.0 if service == "storm" else next(h for limit, h in FULLNESS if diameter_mm <= limit)
    angle = 2 * math.acos(1 - 2 * share)
    area, edge = d * d / 8 * (angle - math.sin(angle)), d * angle / 2
    flow = area * (area / edge) ** (2 / 3) * math.sqrt(max(slope, 0.0)) / ROUGHNESS * 1000
    if service == "storm":
        return flow / RAIN_L_S_HA
    return float(MEANS[np.searchsorted(PEAKS, flow) - 1]) * 86.4


def size(service: str, load: float, slope: float, least: float) -> int:
    """Smallest usual diameter, not below `least`, that carries a load."""
    for diameter in SIZES[service]:
        if diameter >= least and carries(service, diameter, slope) >= load:
            return diameter
    message = f"no {service} pipe carries {load:.0f} at a slope of {slope:.4f}"
    raise ValueError(message)
