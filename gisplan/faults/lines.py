"""Lines: drawn twice, lying on each other, without length, and crossing without a joint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gisplan.base.units import number_column
from gisplan.faults.fault import Found, Ints, Shapes
from gisplan.faults.meetings import Crossed, Shared, meet
from gisplan.judging.judgement import Judgement
from gisplan.networks.joints import NOISE_M
from gisplan.networks.network import Network

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_OWN = ("name", "diameter_mm", "width_m", "voltage_kv", "pressure_class", "road_class", "medium", "system")
"""Columns that tell two lines in one trench from one line drawn twice."""
_SHORT = 0.2
"""Two lines are one only if they lie nearer than this share of their length: links of a chain are not copies."""
_FLATTEST = 0.1
"""Sine of the angle at which an end that overshoots is still looked for along the line: ten tolerances ahead."""


@dataclass(frozen=True)
class _Lines:
    """The lines of a layer that are not out of service for good: their rows, shapes, and what they are worth."""

    key: str
    layer: gpd.GeoDataFrame
    row: Ints
    shape: Shapes
    grade: Ints

    @classmethod
    def of(cls, judgement: Judgement, key: str) -> _Lines:
        layer, standing = judgement.survey.layers[key], judgement.standings[key]
        shapes = np.asarray(layer.geometry.array, dtype=object)
        row = np.flatnonzero((shapely.get_type_id(shapes) == 1) & ~standing.out)
        return cls(key, layer, row, shapes[row], standing.grade[row])

    @cached_property
    def length_m(self) -> Floats:
        return np.asarray(shapely.length(self.shape), dtype=float)

    @cached_property
    def duct(self) -> Bools:
        return np.asarray(self.layer["role"].to_numpy(dtype=object)[self.row] == "duct")

    @cached_property
    def deck(self) -> Ints:
        deck = self.layer["deck"].iloc[self.row].fillna("0").astype("str").str.strip()
        return pd.factorize(deck)[0].astype(np.int64)

    def alike(self, a: Ints, b: Ints) -> Bools:
        """Tell which pairs are of one kind and one deck: a duct holds a cable, a bridge lies above a road."""
        return np.asarray((self.duct[a] == self.duct[b]) & (self.deck[a] == self.deck[b]))

    def differ(self, a: Ints, b: Ints) -> Bools:
        """Tell which pairs differ in their grade or in what is written of both."""
        out = np.asarray(self.grade[a] != self.grade[b])
        for column in _OWN:
            values = self.layer[column]
            one, two = values.iloc[self.row[a]].reset_index(drop=True), values.iloc[self.row[b]].reset_index(drop=True)
            out |= (one.notna() & two.notna() & (one != two).fillna(False)).to_numpy(dtype=bool)
        return out

    def found(self, code: str, severity: str, pair: tuple[Ints, Ints], shape: Shapes, **texts: Any) -> Found:
        """Make faults of pairs of lines: the one at fault, the one concerned."""
        ids = self.layer.index.to_numpy(dtype=object)
        row, other = self.row[pair[0]], self.row[pair[1]]
        gap = texts.pop("gap_m", None)
        return Found(
            code, severity, self.key, row, ids[row], ids[other], shape,
            values=texts if gap is None else {**texts, "gap": _text(gap)},
            numbers={} if gap is None else {"gap_m": gap},
        )  # fmt: skip


def _text(values: Floats, digits: int = 2) -> pd.Series:
    return number_column(pd.Series(values, dtype=float), digits)


def lines_of(judgement: Judgement, key: str) -> list[Found]:
    """Name the lines of a service that are drawn twice, overlap, have no length, or cross without a joint.

    Lines that are abandoned or closed for good are left out: what replaced them may lie in the same trench.

    Parameters
    ----------
    judgement
        What was built.
    key
        The service.
    """
    lines = _Lines.of(judgement, key)
    limits = judgement.survey.profile.inspections
    crossed, shared = meet(lines.shape)
    group, twice = _twice(lines, limits["point_spacing"].value)
    over, overlap = _overlapping(lines, shared, group, limits["overlap_length"].value)
    out = [*_flat(judgement, lines), *twice, *overlap]
    network = judgement.candidates[key].network
    if network.service.crossings != "join":  # else they have a joint, unless their decks say otherwise
        out += _bare(lines, network, crossed, (group, over))
    return out


def _twice(lines: _Lines, near_m: float) -> tuple[Ints, list[Found]]:
    """Find lines drawn twice, forwards or backwards, and group them.

    Of several the one that is worth most, of equals the first in the file, is kept; each of the others is a fault.
    Two lines whose grade or attributes differ may be two pipes in one trench: that is only noted.
    """
    count = len(lines.row)
    group = np.arange(count)
    if count < 2:
        return group, []
    # Lines that lie within a distance of each other have boxes within it, whichever way they were drawn.
    pairs = cKDTree(shapely.bounds(lines.shape)).query_pairs(near_m, p=np.inf, output_type="ndarray")
    a, b = pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)
    apart = shapely.hausdorff_distance(lines.shape[a], lines.shape[b])
    near = np.minimum(near_m, _SHORT * np.minimum(lines.length_m[a], lines.length_m[b]))
    same = (apart <= near) & (np.minimum(lines.length_m[a], lines.length_m[b]) > NOISE_M) & lines.alike(a, b)
    a, b = a[same], b[same]
    if not len(a):
        return group, []
    links = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(count, count))
    group = connected_components(links, directed=False)[1].astype(np.int64)
    order = np.lexsort((lines.row, lines.grade, group))
    best = order[np.flatnonzero(np.diff(group[order], prepend=-1))]
    other = best[group]
    copy = np.flatnonzero(other != np.arange(count))
    gap = np.asarray(shapely.hausdorff_distance(lines.shape[copy], lines.shape[other[copy]]), dtype=float)
    differ = lines.differ(copy, other[copy])
    return group, [
        lines.found(
            "line_twice", severity, (copy[which], other[copy][which]), lines.shape[copy[which]],
            gap_m=gap[which], length=_text(lines.length_m[copy[which]]),
        )
        for severity, which in (("warning", ~differ), ("info", differ))
    ]  # fmt: skip


def _overlapping(lines: _Lines, shared: Shared, group: Ints, least_m: float) -> tuple[Ints, list[Found]]:
    """Find pairs of lines that share a stretch, and give their numbers too, as `_pair` makes them.

    At fault is the one that is worth less, of equals the shorter, of equally long the later in the file.
    """
    kept = np.flatnonzero(lines.alike(shared.a, shared.b) & (group[shared.a] != group[shared.b]))
    pair, at = np.unique(_pair(shared.a[kept], shared.b[kept], len(lines.row)), return_inverse=True)
    length = np.bincount(at, weights=shared.length_m[kept], minlength=len(pair))
    over = np.flatnonzero(length > least_m)
    a, b = np.divmod(pair[over], max(len(lines.row), 1))
    worse = lines.grade[a] - lines.grade[b]
    shorter = np.sign(np.round(lines.length_m[b] - lines.length_m[a], 3)).astype(np.int64)
    first_at_fault = (worse > 0) | ((worse == 0) & (shorter > 0))
    feature, other = np.where(first_at_fault, a, b), np.where(first_at_fault, b, a)
    place = np.full(len(pair), -1)
    place[over] = np.arange(len(over))
    mine = np.flatnonzero(place[at] >= 0)
    order = mine[np.argsort(place[at[mine]], kind="stable")]
    ends = np.stack([shared.start[kept[order]], shared.stop[kept[order]]], axis=1)
    shape = shapely.multilinestrings(shapely.linestrings(ends), indices=place[at[order]]) if len(over) else over
    shape = np.asarray(shapely.line_merge(shape), dtype=object) if len(over) else np.empty(0, dtype=object)
    differ = lines.differ(feature, other)
    return pair[over], [
        lines.found(
            "line_overlap", severity, (feature[which], other[which]), shape[which], length=_text(length[over][which])
        )
        for severity, which in (("warning", ~differ), ("info", differ))
    ]


def _pair(a: Ints, b: Ints, count: int) -> Ints:
    """Number pairs of lines."""
    return np.minimum(a, b) * count + np.maximum(a, b)


def _flat(judgement: Judgement, lines: _Lines) -> list[Found]:
    """Name the lines without length, those that reading has set aside too (row -1), and those shorter than noise."""
    short = np.flatnonzero(lines.length_m <= NOISE_M)
    aside = judgement.survey.flat.get(lines.key)
    ids, spots = lines.layer.index.to_numpy(dtype=object)[lines.row[short]], shapely.centroid(lines.shape[short])
    row, length = lines.row[short], lines.length_m[short]
    if aside is not None:
        ids = np.concatenate([aside.index.to_numpy(dtype=object), ids])
        spots = np.concatenate([np.asarray(aside.array, dtype=object), spots])
        row = np.concatenate([np.full(len(aside), -1), row])
        length = np.concatenate([np.zeros(len(aside)), length])
    nothing = np.full(len(ids), "", dtype=object)
    values: Mapping[str, Any] = {"length": _text(length, 4)}
    return [Found("line_flat", "warning", lines.key, row, ids, nothing, np.asarray(spots, dtype=object), values)]


def _bare(lines: _Lines, network: Network, crossed: Crossed, known: tuple[Ints, Ints]) -> list[Found]:
    """Find where two lines of a network cross or touch and have no common joint there.

    Where both hang together anyway, or the survey numbers the joints of both, that is only noted.
    """
    count, drawn = len(lines.row), len(network.drawing.lines)
    number = np.full(len(lines.layer), -1, dtype=np.int64)
    number[network.names.rows[:drawn]] = np.arange(drawn)
    number = number[lines.row]  # line of the network for each line of the layer
    group, over = known
    a, b = crossed.a, crossed.b
    kept = (number[a] >= 0) & (number[b] >= 0) & (group[a] != group[b]) & lines.alike(a, b)
    kept &= ~np.isin(_pair(a, b, count), over)
    kept = np.flatnonzero(kept)
    one, two, xy = number[a[kept]], number[b[kept]], crossed.xy[kept]
    reach = np.maximum(network.reach_m[lines.row[a[kept]]], network.reach_m[lines.row[b[kept]]])
    # An end that stands over by the tolerance lies further away along a line that it meets at a narrow angle.
    reach = reach * (1 + 1 / np.maximum(crossed.sine[kept], _FLATTEST))
    bare = np.flatnonzero(~_joined(network, (one, two), xy, reach))
    # A crossing at a vertex of both is found once for every pair of stretches there: one for each millimetre.
    keys = np.column_stack([one[bare], two[bare], np.round(xy[bare] / NOISE_M / 2)])
    bare = bare[np.sort(np.unique(keys, axis=0, return_index=True)[1])]
    feature, other = b[kept[bare]], a[kept[bare]]
    part = _parts(network)
    numbered = (network.drawing.numbers > 0).all(axis=1)
    mild = (part[one[bare]] == part[two[bare]]) | (numbered[one[bare]] & numbered[two[bare]])
    spots = np.asarray(shapely.points(xy[bare]), dtype=object)
    return [
        lines.found("crossing_bare", severity, (feature[which], other[which]), spots[which])
        for severity, which in (("warning", ~mild), ("info", mild))
    ]


def _joined(network: Network, pair: tuple[Ints, Ints], xy: Floats, reach: Floats) -> Bools:
    """Tell which crossings have a joint near them that both lines share."""
    joined = network.joined
    first = np.searchsorted(joined.line, np.arange(len(network.drawing.lines) + 1))
    out = np.zeros(len(xy), dtype=bool)
    size = len(joined.xy)
    keys = []
    for line in pair:
        count = first[line + 1] - first[line]
        at = np.repeat(np.arange(len(line)), count)
        piece = np.repeat(first[line] - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
        keys.append(np.concatenate([at * size + joined.u[piece], at * size + joined.v[piece]]))
    at, joint = np.divmod(np.intersect1d(*keys), max(size, 1))
    near = np.hypot(*(joined.xy[joint] - xy[at]).T) <= reach[at]
    out[at[near]] = True
    return out


def _parts(network: Network) -> Ints:
    """Number the parts that hang together, for each line of the network."""
    joined, size = network.joined, len(network.joined.xy)
    links = coo_array((np.ones(len(joined.u), np.int8), (joined.u, joined.v)), shape=(size, size))
    part = connected_components(links, directed=False)[1]
    first = np.searchsorted(joined.line, np.arange(len(network.drawing.lines)))
    return part[joined.u[first]].astype(np.int64)
