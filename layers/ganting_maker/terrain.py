"""Ground of the invented zone: natural slope with noise, the river, and the parcels that are levelled."""

from __future__ import annotations

import math
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Model:
    """The elevation model: heights on a grid, north up, `NODATA` where nothing was measured."""

    west: float
    north: float
    heights: np.ndarray

    def lowest(self, shape: Polygon) -> float:
        """Lowest measured cell of a parcel [m]."""
        return float(self._cells(shape).min())

    def mean(self, shape: Polygon) -> float:
        """Mean level of a parcel [m]; NaN where nothing was measured."""
        cells = self._cells(shape)
        return float(cells.mean()) if len(cells) else math.nan

    def _cells(self, shape: Polygon) -> np.ndarray:
        rows, columns = self.heights.shape
        w, s, e, n = shape.bounds
        c = np.arange(max(0, int((w - self.west) / CELL)), min(columns, int((e - self.west) / CELL) + 1))
        r = np.arange(max(0, int((self.north - n) / CELL)), min(rows, int((self.north - s) / CELL) + 1))
        cc, rr = (a.ravel() for a in np.meshgrid(c, r))
        x, y = self.west + CELL * (cc + 0.5), self.north - CELL * (rr + 0.5)
        on = shapely.contains_xy(shape, x, y)
        z = self.heights[rr[on], cc[on]]
        return np.asarray(z[z > NODATA], dtype=float)


def model(ground: Ground, pads: dict[Polygon, float], holes: list[Polygon], seed: int) -> Model:
    """Natural ground, levelled parcels as planes (raised by so many metres), survey noise of some centimetres, gaps."""
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
    for pad, rise in pads.items():
        on = _inside(pad, x, y)
        z[on] = z[on].mean() + rise + PAD_SLOPE * (x[on] - pad.centroid.x)
    rng = np.random.default_rng(seed)
    z[inside] += rng.normal(0.0, 0.03, int(inside.sum()))
    for hole in holes:
        z[_inside(hole, x, y)] = NODATA
    return Model(west, north, np.round(z, 2).astype("float32").reshape(rows, columns))


def _inside(shape: Polygon, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Cells whose middle lies in a shape."""
    shapely.prepare(shape)
    w, s, e, n = shape.bounds
    near = np.flatnonzero((x >= w) & (x <= e) & (y >= s) & (y <= n))
    return near[shapely.contains_xy(shape, x[near], y[near])]


def write(path: Path, made: Model) -> None:
    """Write the elevation model."""
    rows, columns = made.heights.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32", crs="EPSG:4546", nodata=NODATA,
        transform=from_origin(made.west, made.north, CELL, CELL), compress="deflate", predictor=3, tiled=True, zlevel=9,
    ) as raster:  # fmt: skip
        raster.write(made.heights, 1)


def flood_level(y: float) -> float:
    """Design flood of the river at a northing [m]: its stage, and three metres on top."""
    return round(439.0 + 0.0016 * (y - GRID_ORIGIN[1]) + 3.0, 2)
