"""Terrain: what the ground model says of every parcel, read once for levelling, earthwork and the fall of sewers.

Every room that needs the ground under a parcel takes it from `Survey.terrain`; nobody samples the parcels again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from gisplan.reading.ground import Cells, Error, Ground

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_ENOUGH = 6
"""Fewer ground cells than this give no plane worth judging."""
_COVER = 0.9
"""The ground model must cover at least this share of a parcel."""
_FEW = 144
"""Cells of a parcel with fewer are cut finer for its mean and volumes, to about as many."""


@dataclass(frozen=True)
class Depths:
    """How much ground lies above and below a level, as a mean height over the whole parcel: times the area, a volume.

    Attributes
    ----------
    above, below
        Mean height of what lies above the level, and of what lacks below it, in m; NaN where it is not known.
    above_error, below_error
        Root mean square error of both in m, from the error of the heights; NaN where that is not stated.
    """

    above: Floats
    below: Floats
    above_error: Floats
    below_error: Floats


@dataclass(frozen=True)
class Terrain:
    """The ground under every parcel; arrays with one entry a parcel, NaN where too little of it is known.

    Attributes
    ----------
    known
        Whether the model covers the parcel: at least six cells, and nine tenths of those that it has.
    cover
        Share of the parcel's cells that have a height; NaN where a parcel has none.
    lowest, highest, mean
        Heights in m; the lowest and the highest also of spots that were surveyed between the cells. The lowest only
        where not one of the parcel's cells lacks its height: what nobody measured may lie lower.
    mean_error
        Root mean square error of the mean in m; NaN where the error of the heights is not stated.
    slope, relief
        Slope in % of the plane that fits best, and the range in m of what is left over.
    slope_least, slope_most
        Least and greatest slope in % at a cell whose four neighbours lie in the parcel, measured across it.
    design
        Against the design level of each parcel.
    balance
        Against the mean, at which cut equals fill.
    """

    known: Bools
    cover: Floats
    lowest: Floats
    highest: Floats
    mean: Floats
    mean_error: Floats
    slope: Floats
    relief: Floats
    slope_least: Floats
    slope_most: Floats
    design: Depths
    balance: Depths


def terrain(ground: Ground, shapes: Sequence[shapely.Geometry] | npt.NDArray[np.object_], level: Floats) -> Terrain:
    """Read the ground under parcels.

    Parameters
    ----------
    ground
        A grid, or spot heights and contours.
    shapes
        The parcels.
    level
        Design level of each parcel in m; NaN where it has none.
    """
    n, shapes = len(shapes), np.asarray(shapes, dtype=object)
    found: dict[str, Floats] = {}

    def keep(at: npt.NDArray[np.int64], values: dict[str, Floats]) -> None:
        for name, column in values.items():
            found.setdefault(name, np.full(n, np.nan))[at] = column

    for at, cells in ground.batches(shapes):
        keep(at, _heights(cells))
        keep(at, _volumes(cells, level[at], cells.found, ground))
    # Of few cells it matters how the rim of a parcel cuts them.
    count = found.get("count", np.zeros(n))
    finer = np.where(count > 0, np.ceil(np.sqrt(_FEW / np.maximum(count, 1))), 1).astype(np.int64)
    for by in np.unique(finer[finer > 1]).tolist():
        few = np.flatnonzero((finer == by) & (found["known"] == 1.0))
        for at, cells in ground.batches(shapes[few], by):
            keep(few[at], _volumes(cells, level[few[at]], count[few[at]], ground))
    known = found.pop("known", np.zeros(n)) == 1.0
    cover = found.pop("cover", np.full(n, np.nan))

    def kept(name: str) -> Floats:
        return np.where(known, found.get(name, np.nan), np.nan)

    def depths(name: str) -> Depths:
        return Depths(*(kept(f"{name}.{part}") for part in ("above", "below", "above_error", "below_error")))

    return Terrain(
        known=known,
        cover=cover,
        lowest=kept("lowest"),
        highest=kept("highest"),
        mean=kept("mean"),
        mean_error=kept("mean_error"),
        slope=kept("slope"),
        relief=kept("relief"),
        slope_least=kept("slope_least"),
        slope_most=kept("slope_most"),
        design=depths("design"),
        balance=depths("balance"),
    )


def _heights(cells: Cells) -> dict[str, Floats]:
    """Measure what each cell says of one batch of parcels: how many there are, their extremes, and slopes."""
    n, count = len(cells.expected), cells.found
    lowest, highest = _extremes(cells.owner, cells.z, n)
    slope, relief = _plane(cells)
    least, most = _extremes(*_local(cells), n)
    return {
        "count": count.astype(np.float64),
        "known": ((count >= _ENOUGH) & (count >= _COVER * cells.expected)).astype(np.float64),
        "cover": np.where(cells.expected > 0, count / np.maximum(cells.expected, 1), np.nan),
        "lowest": np.where(count >= cells.expected, lowest, np.nan),
        "highest": highest,
        "slope": slope,
        "relief": relief,
        "slope_least": least,
        "slope_most": most,
    }


def _volumes(cells: Cells, level: Floats, count: npt.NDArray[Any], ground: Ground) -> dict[str, Floats]:
    """Measure mean and depths of one batch of parcels, whose cells may be cut finer than the `count` that there are."""
    n, many = len(cells.expected), np.maximum(cells.found, 1)
    owner, z = cells.owner, cells.z
    if cells.between.any():
        lattice = ~cells.between
        owner, z = owner[lattice], z[lattice]

    def mean_of(values: Floats) -> Floats:
        return np.asarray(np.bincount(owner, values, n) / many, dtype=np.float64)

    mean, apart = mean_of(z), np.maximum(count * ground.share, 1.0)
    found = {"mean": mean, "mean_error": _level_error(ground.error, apart)}
    for name, at, balanced in (("design", level, False), ("balance", mean, True)):
        if np.isnan(at).all():  # mostly no parcel has a design level
            found |= {f"{name}.{part.name}": np.full(n, np.nan) for part in fields(Depths)}
            continue
        parts = _depths(z - at[owner], mean_of, (ground.error, apart, balanced))
        found |= {f"{name}.{part}": values for part, values in parts.items()}
    return found


def _level_error(error: Error | None, apart: Floats) -> Floats:
    """Give the root mean square error of a mean height: √(systematic² + random² / heights)."""
    if error is None:
        return np.full(len(apart), np.nan)
    return np.sqrt(error.systematic**2 + error.random**2 / apart)


def _depths(
    height: Floats, mean_of: Callable[[Floats], Floats], known: tuple[Error | None, Floats, bool]
) -> dict[str, Floats]:
    """Give the mean height above and below a level, and the root mean square error of both.

    Let h be the height of a cell above the level, p the share of cells with h > 0, n the number of heights that were
    surveyed apart. Above is V = mean(max(h, 0)), below is mean(max(−h, 0)). Of the errors of the heights is known:

    - *one number* e, and not how the errors of neighbours hang together: V as if they did so in the worst way. Against
      a given level, all are wrong to one side: mean(max(h + e, 0)) − V. At the balancing level such an error moves the
      level and no ground; the worst is half the parcel too high and half too low: e / 2.
    - *systematic* s (the same for the whole parcel) and *random* r (each height for itself): √(S² + R² + B²). S is
      mean(max(h + s, 0)) − V, nothing at the balancing level. R = r · √(p / n), there r · √(p (1 − p) / n). B is what
      scatter feigns above and below a level that the ground comes near to, mean(√2 · r · φ(h / r)) with the density φ
      of the normal law: on average no less than mean(E max(t + e, 0) − max(t, 0)) over the true heights t, of which
      h = t + e is all that is known, and just that where the ground lies at the level (r / √2π).
    """
    error, apart, balanced = known
    out = {}
    for side, h in (("above", height), ("below", -height)):
        depth = mean_of(np.maximum(h, 0.0))
        out[side] = depth
        if error is None:
            out[f"{side}_error"] = np.full(len(apart), np.nan)
            continue
        shifted = mean_of(np.maximum(h + error.systematic, 0.0)) - depth
        if not error.split:
            out[f"{side}_error"] = np.full(len(apart), error.systematic / 2) if balanced else shifted
            continue
        share = mean_of((h > 0).astype(np.float64))
        free = share * (1 - share) if balanced else share
        feigned = error.random * mean_of(np.exp(-0.5 * (h / error.random) ** 2)) / np.sqrt(np.pi) if error.random else 0
        lasting = 0 if balanced else shifted**2
        out[f"{side}_error"] = np.sqrt(lasting + error.random**2 * free / apart + feigned**2)
    return out


def _plane(cells: Cells) -> tuple[Floats, Floats]:
    """Fit a plane to the cells of each parcel by least squares: its slope in %, and the range of what is left over."""
    owner, n = cells.owner, len(cells.expected)
    many, fitted = np.maximum(cells.found, 1), ~cells.between

    def total(value: Floats) -> Floats:
        return np.asarray(np.bincount(owner, value * fitted, n), dtype=np.float64)

    def centred(value: Floats) -> Floats:
        return np.asarray(value - (total(value) / many)[owner])

    x, y, h = centred(cells.x), centred(cells.y), centred(cells.z)
    sxx, sxy, syy = (total(v) for v in (x * x, x * y, y * y))
    sxh, syh = (total(v) for v in (x * h, y * h))
    det = sxx * syy - sxy**2
    flat = det > 1e-9 * np.maximum(sxx * syy, 1e-30)
    safe = np.where(flat, det, 1.0)
    gx, gy = (syy * sxh - sxy * syh) / safe, (sxx * syh - sxy * sxh) / safe
    bottom, top = _extremes(owner, h - gx[owner] * x - gy[owner] * y, n)
    return np.where(flat, 100 * np.hypot(gx, gy), np.nan), np.where(flat, top - bottom, np.nan)


def _extremes(owner: npt.NDArray[np.int64], values: Floats, n: int) -> tuple[Floats, Floats]:
    """Give the least and the greatest value of each owner; NaN without any. Owners come in order."""
    low, high = np.full(n, np.nan), np.full(n, np.nan)
    if len(owner):
        start = np.flatnonzero(np.diff(owner, prepend=-1))
        low[owner[start]] = np.minimum.reduceat(values, start)
        high[owner[start]] = np.maximum.reduceat(values, start)
    return low, high


def _local(cells: Cells) -> tuple[npt.NDArray[np.int64], Floats]:
    """Give owner and slope in % of every cell whose four neighbours lie in the same parcel.

    The slope is that of the plane through the differences of the neighbours to both sides, two cells apart.
    """
    lattice = np.flatnonzero(~cells.between & (cells.column >= 0))
    owner, column, row = (values[lattice] for values in (cells.owner, cells.column, cells.row))
    if not len(owner):
        return owner, np.zeros(0)
    n = len(cells.expected)
    first = np.array([_extremes(owner, values.astype(np.float64), n) for values in (column, row)])
    box = np.nan_to_num(first).astype(np.int64)
    # A rim of one cell about each parcel, so that no neighbour is looked for in another one.
    left, top = box[:, 0] - 1
    width, height = box[:, 1] - box[:, 0] + 3
    size = width * height
    place = (np.cumsum(size) - size)[owner] + (row - top[owner]) * width[owner] + column - left[owner]
    at = np.full(int(size.sum()), -1, dtype=np.int64)
    at[place] = lattice
    wide = width[owner]
    west, east, north, south = at[place - 1], at[place + 1], at[place - wide], at[place + wide]
    whole = (west >= 0) & (east >= 0) & (north >= 0) & (south >= 0)
    west, east, north, south = (side[whole] for side in (west, east, north, south))

    def across(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
        return cells.x[one] - cells.x[other], cells.y[one] - cells.y[other], cells.z[one] - cells.z[other]

    (ax, ay, az), (bx, by, bz) = across(east, west), across(south, north)
    det = ax * by - ay * bx
    gx, gy = (by * az - ay * bz) / det, (ax * bz - bx * az) / det
    return owner[whole], 100 * np.hypot(gx, gy)
