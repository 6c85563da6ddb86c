"""Tolerance: how wide a gap to close in a survey, found from the survey alone, and whether that can be found at all.

Widening the tolerance closes gaps, and it also swallows detail: a line no longer than the tolerance could vanish in a
joint, and beside such lines the wrong ends meet. So a gap closed counts one for, a line that has become as short as
the tolerance counts one against, and the best tolerance is where most is left. Where a wide empty stretch lies between
the gaps of the drawing and what comes later, the tolerance stays before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import cKDTree

from gisplan.networks.merging import heights

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NOISE_M = 0.001
"""Ends this near are the same place; no tolerance is recommended for them."""
SHORT = {"clear": 0.05, "unsure": 0.10}
"""Largest share of lines no longer than the tolerance, of those with an end to be joined, for each verdict."""
EMPTY = 3.0
"""So many times wider must the next gap be for a stretch of tolerances to count as empty."""
STRAY = 0.002
"""Share of the gaps closed so far that may lie in an empty stretch."""
MOST = 0.5
"""Share of the gaps that must lie before an empty stretch; else what lies before it is chance."""
SURE = 2.0
"""By so many standard deviations the gaps closed must outnumber the lines made short: a few may be chance."""
CHANCE = 3.0
"""So many times more gaps than chance would put there must the tolerance close."""
PAIRS = 3_000_000
"""More pairs of ends than this are not looked at; the largest tolerance of the curve is lowered instead."""
STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


@dataclass(frozen=True)
class Advice:
    """A tolerance for one survey and what speaks for it.

    Attributes
    ----------
    tolerance_m
        Recommended tolerance; None where none is needed.
    verdict
        ``meets`` (the ends meet already, or too few do not to tell anything), ``clear``, ``unsure`` (some joins will
        be wrong: look at the doubtful ones), ``bad`` (the gaps are as wide as many lines are long: of ten joins one or
        more will be wrong).
    curve
        Table ``tolerance_m``, ``joins`` (gaps closed), ``parts`` (separate pieces of network), ``refused`` (lines whose
        two ends are within the tolerance and were kept apart).
    reasons
        Figures: ``joins``, ``loose`` (ends that meet no other exactly), ``short_share`` (of the lines with a loose end,
        those no longer than the tolerance), ``parts_before``, ``parts``.
    """

    tolerance_m: float | None
    verdict: str
    curve: pd.DataFrame
    reasons: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Evidence:
    """Sorted gaps that could be closed, sorted lengths of lines as the crow flies, and what holds the pieces."""

    gaps: Floats
    short: Floats
    loose_lines: Floats
    loose: int
    largest_m: float
    pieces: Floats
    whole: int


def recommend(lines: npt.NDArray[np.object_], points: Floats) -> Advice:
    """Recommend a tolerance for the ends of one survey.

    Parameters
    ----------
    lines
        LineStrings, in a projected system in metres.
    points
        Coordinates of the points that are joints of the network, shape (p, 2).

    >>> recommend(shapely.linestrings([[[0, 0], [50, 0]], [[50, 0], [90, 9]]]), np.empty((0, 2))).verdict
    'meets'
    """
    if len(lines) == 0:
        return Advice(None, "meets", _curve(None, None))
    found = _evidence(lines, points)
    tolerance = _best(found)
    curve = _curve(found, tolerance)
    if tolerance is None:
        return Advice(None, "meets", curve, {"joins": 0.0, "loose": float(found.loose)})
    share = float((found.loose_lines <= tolerance).mean()) if len(found.loose_lines) else 0.0
    verdict = next((word for word, limit in SHORT.items() if share <= limit), "bad")
    reasons = {
        "joins": float(np.searchsorted(found.gaps, tolerance, "right")),
        "loose": float(found.loose),
        "short_share": share,
        "parts_before": float(curve["parts"].iloc[0]),
        "parts": float(curve.loc[curve["tolerance_m"] == tolerance, "parts"].iloc[0]),
    }
    return Advice(tolerance, verdict, curve, reasons)


def _evidence(lines: npt.NDArray[np.object_], points: Floats) -> _Evidence:
    n = len(lines)
    tips = [shapely.get_coordinates(shapely.get_point(lines, k)) for k in (0, -1)]
    ends = np.concatenate([*tips, points.reshape(-1, 2)])
    line = np.concatenate([np.tile(np.arange(n), 2), np.full(len(ends) - 2 * n, -1)])
    spot, places = pd.factorize(ends[:, 0] + 1j * ends[:, 1])
    length = np.hypot(*(tips[0] - tips[1]).T)
    largest = _largest(np.column_stack([places.real, places.imag]), length)
    a, b, height = heights(ends, line, largest)
    alone = np.bincount(spot, minlength=len(places))[spot] == 1
    # Pieces: with all lines drawn, the fewest gaps that hold the network together; each closed makes one piece less.
    count = len(places)
    u, v = np.concatenate([spot[:n], spot[a]]), np.concatenate([spot[n : 2 * n], spot[b]])
    weight = np.concatenate([np.full(n, NOISE_M / 2), np.maximum(height, NOISE_M / 2)])
    table = pd.DataFrame({"u": np.minimum(u, v), "v": np.maximum(u, v), "w": weight}).query("u != v")
    table = table.groupby(["u", "v"], as_index=False)["w"].min()
    graph = coo_array((table["w"], (table["u"], table["v"])), shape=(count, count))
    tree = np.sort(minimum_spanning_tree(graph.tocsr()).data)
    return _Evidence(
        gaps=height[height > NOISE_M],
        short=np.sort(length[length > 0]),
        loose_lines=np.sort(length[(alone[:n] | alone[n : 2 * n]) & (length > 0)]),
        loose=int(alone[: 2 * n].sum()),
        largest_m=largest,
        pieces=tree,
        whole=count,
    )


def _largest(places: Floats, length: Floats) -> float:
    """Give the largest tolerance worth a look: a quarter of the lines would be as short; less where ends are many."""
    largest = float(np.percentile(length[length > 0], 25)) if (length > 0).any() else NOISE_M
    tree = cKDTree(places)
    while largest > NOISE_M and len(places) + 2 * PAIRS < tree.count_neighbors(tree, largest):
        largest /= 2
    return max(largest, NOISE_M)


def _best(found: _Evidence) -> float | None:
    """Find the tolerance that closes most gaps for the lines that it makes short."""
    gaps = found.gaps
    if len(gaps) == 0:
        return None
    closed = np.searchsorted(gaps, gaps, "right")
    gain = closed - np.searchsorted(found.short, gaps, "right")
    best = int(np.argmax(gain))
    if gain[best] <= SURE * np.sqrt(2.0 * closed[best] - gain[best]):
        return None
    last = int(closed[best])
    # The widest stretch without gaps before that, if it is wide enough, parts drawing gaps from what is really apart.
    upto = np.arange(last)
    after = np.floor(closed[:last] * (1 + STRAY)).astype(np.int64)
    inside = (after < last) & (closed[:last] >= MOST * last)
    if inside.any():
        ratio = gaps[after[inside]] / gaps[:last][inside]
        if ratio.max() >= EMPTY:
            last = int(upto[inside][np.argmax(ratio)]) + 1
    widest = float(gaps[last - 1])
    by_chance = (len(gaps) - last) * (widest / found.largest_m) ** 2
    return _rounded_up(widest) if last > CHANCE * by_chance else None


def _rounded_up(value: float) -> float:
    """Round up to two figures."""
    unit = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(np.round(np.ceil(np.round(value / unit, 6)) * unit, 6))


def _curve(found: _Evidence | None, tolerance: float | None) -> pd.DataFrame:
    """Tell joins, parts and refused lines for round tolerances, and for the recommended one."""
    columns = ["tolerance_m", "joins", "parts", "refused"]
    if found is None:
        return pd.DataFrame(columns=columns)
    powers = 10.0 ** np.arange(-3, 5)
    at = np.round(np.outer(powers, STEPS).ravel(), 6)
    at = np.unique(np.concatenate([[0.0], at[at <= found.largest_m], [] if tolerance is None else [tolerance]]))
    joins = np.searchsorted(found.gaps, at, "right")
    at, joins = at[(at == 0) | (joins > 0)], joins[(at == 0) | (joins > 0)]  # nothing happens before the first gap
    parts = found.whole - np.searchsorted(found.pieces, np.maximum(at, NOISE_M), "right")
    return pd.DataFrame(dict(zip(columns, (at, joins, parts, np.searchsorted(found.short, at, "right")), strict=True)))
