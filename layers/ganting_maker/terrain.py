"""Ground of the invented zone: natural slope with noise, the river, and the parcels that are levelled."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin
from shapely import LineString, Polygon

from ganting_maker.frame import GRID_ORIGIN, river, study_area

CELL = 5.0
"""Cell size of the elevation model [m]."""
NODATA = -9999.0
PAD_RISE = 0.35
"""A levelled parcel lies this much above its natural mean [m]."""
PAD_SLOPE = 0.005
"""Slope of a levelled parcel, rising eastwards [m per m]."""


class Ground:
    """Natural ground as a smooth function of place.

    Parameters
    ----------
    seed
        Seed of the waves that make the ground uneven.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.waves: list[tuple[float, float, float, float]] = []
        for length, height in ((1900.0, 1.6), (900.0, 1.0), (420.0, 0.5), (230.0, 0.25), (110.0, 0.1)):
            for _ in range(4):
                turn, phase = rng.uniform(0, math.pi), rng.uniform(0, 2 * math.pi)
                k = 2 * math.pi / (length * rng.uniform(0.8, 1.2))
                self.waves.append((k * math.cos(turn), k * math.sin(turn), phase, height / 2))
        shapely.prepare(bank := river())
        self.bank = bank
        self.bed = LineString(bank.exterior.coords)

    def __call__(self, x: float, y: float) -> float:
        """Elevation of one place [m]."""
        return float(self.at(np.asarray([x]), np.asarray([y]))[0])

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Elevation of many places [m, 1985 national height datum]."""
        e, n = x - GRID_ORIGIN[0], y - GRID_ORIGIN[1]
        z = 448.0 + 0.0105 * e + 0.0035 * n
        for a, b, phase, height in self.waves:
            z = z + height * np.sin(a * e + b * n + phase)
        gully = np.exp(-(((n - 1450 - 0.25 * (e - 3000)) / 45.0) ** 2)) * np.clip((e - 2950) / 500.0, 0, 1)
        z = z - 5.0 * gully  # a loess gully opens towards the east
        points = shapely.points(x, y)
        far = shapely.distance(points, self.bed)
        inside = shapely.contains(self.bank, points)
        water = 439.0 + 0.0016 * n
        bank = water + 2.5 + 0.02 * far
        z = np.where(far < 320, np.minimum(z, bank + np.clip(far - 60, 0, None) * 0.08), z)
        return np.where(inside, water - np.clip(far, 0, 25) * 0.06, np.maximum(z, water + 1.5))


def write(path: Path, ground: Ground, pads: list[Polygon], seed: int) -> None:
    """Write the elevation model: natural ground, levelled parcels as planes, survey noise of some centimetres."""
    area = study_area()
    west, south, east, north = (CELL * math.floor(b / CELL) for b in area.bounds)
    columns, rows = int((east - west) / CELL), int((north - south) / CELL)
    xs = west + CELL * (np.arange(columns) + 0.5)
    ys = north - CELL * (np.arange(rows) + 0.5)
    x, y = (a.ravel() for a in np.meshgrid(xs, ys))
    shapely.prepare(area)
    inside = shapely.contains_xy(area, x, y)
    z = np.full(x.shape, NODATA)
    z[inside] = ground.at(x[inside], y[inside])
    for pad in pads:
        shapely.prepare(pad)
        w, s, e, n = pad.bounds
        near = np.flatnonzero((x >= w) & (x <= e) & (y >= s) & (y <= n))
        on = near[shapely.contains_xy(pad, x[near], y[near])]
        z[on] = z[on].mean() + PAD_RISE + PAD_SLOPE * (x[on] - pad.centroid.x)
    rng = np.random.default_rng(seed)
    z[inside] += rng.normal(0.0, 0.03, int(inside.sum()))
    grid = np.round(z, 2).astype("float32").reshape(rows, columns)
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32", crs="EPSG:4546", nodata=NODATA,
        transform=from_origin(west, north, CELL, CELL), compress="deflate", predictor=3, tiled=True, zlevel=9,
    ) as raster:  # fmt: skip
        raster.write(grid, 1)
