"""Lines: drawn twice, lying on each other, without length, and crossing without a joint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

from gisplan.base.units import number_column
from gisplan.faults.drawing.meetings import ON_M, Crossed, Shared, meet, neighbours
from gisplan.faults.fault import Found, Ints, Shapes
from gisplan.judging.judgement import Judgement
from gisplan.networks.joints import NOISE_M
from gisplan.networks.network import Network

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_OWN = ("name", "diameter_mm", "width_m", "voltage_kv", "pressure_class", "road_class", "medium", "system")
"""Columns that tell two lines in one trench from one line drawn twice."""
_STATION = ("voltage_kv", "pressure_class", "medium")
"""Columns in which lines that join without a station between them are equal."""
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
        return np.asarray(pd.factorize(deck)[0], dtype=np.int64)

    def alike(self, a: Ints, b: Ints) -> Bools:
        """Tell which pairs are of one kind and one deck: a duct holds a cable, a bridge lies above a road."""
        return np.asarray((self.duct[a] == self.duct[b]) & (self.deck[a] == self.deck[b]))

    def differ(self, a: Ints, b: Ints, columns: Sequence[str] = _OWN) -> Bools:
        """Tell which pairs differ in what is written of both."""
        out = np.zeros(len(a), dtype=bool)
        for column in columns:
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
    near_m = limits["point_spacing"].value
    pairs = neighbours(lines.shape, max(near_m, ON_M))
    crossed, shared = meet(lines.shape, pairs)
    group, twice = _twice(lines, pairs, near_m)
    over, overlap = _overlapping(lines, shared, group, limits["overlap_length"].value)
    out = [*_flat(judgement, lines), *twice, *overlap]
    network = judgement.candidates[key].network
    if network.service.crossings != "join":  # else they have a joint, unless their decks say otherwise
        out += _bare(lines, network, crossed, (group, over))
    return out


def _twice(lines: _Lines, pairs: tuple[Ints, Ints], near_m: float) -> tuple[Ints, list[Found]]:
    """Find lines drawn twice, forwards or backwards, and group them.

    Of several the one that is worth most, of equals the first in the file, is kept; each of the others is a fault.
    Two lines whose grade or attributes differ may be two pipes in one trench: that is only noted.
    """
    count = len(lines.row)
    group = np.arange(count)
    # Lines that lie within a distance of each other have boxes within it, whichever way they were drawn.
    box = shapely.bounds(lines.shape).reshape(-1, 4)
    alike = (np.abs(box[pairs[0]] - box[pairs[1]]) <= near_m).all(axis=1)
    a, b = pairs[0][alike], pairs[1][alike]
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
    differ = lines.differ(copy, other[copy]) | (lines.grade[copy] != lines.grade[other[copy]])
    return group, [
        lines.found(
            "line_twice", severity, (copy[which], other[copy][which]), lines.shape[copy[which]],
            gap_m=gap[which], length=_text(lines.length_m[copy[which]]),
        )
        for severity, which in (("warning", ~differ), ("info", differ))
    ]  # fmt: skip


def _overlapping(lines: _Lines, shared: Shared, group: Ints, least_m: float) -> tuple[Ints, list[Found]]:
    """Find pairs of lines that share a stretch, and give the numbers of the pairs too, as `_pair` makes them.

    At fault is the one that is worth less, of equals the shorter, of equally long ones the later in the file.
    """
    kept = np.flatnonzero(lines.alike(shared.a, shared.b) & (group[shared.a] != group[shared.b]))
    pair, at = np.unique(_pair(shared.a[kept], shared.b[kept], len(lines.row)), return_inverse=True)
    length = np.bincount(at, weights=shared.length_m[kept], minlength=len(pair))
    over = np.flatnonzero(length > least_m)
    if not len(over):
        return pair[over], []
    a, b = np.divmod(pair[over], len(lines.row))
    worse, longer = lines.grade[a] - lines.grade[b], np.round(lines.length_m[a] - lines.length_m[b], 3)
    first = (worse > 0) | ((worse == 0) & (longer < 0))
    feature, other = np.where(first, a, b), np.where(first, b, a)
    place = np.full(len(pair), -1)
    place[over] = np.arange(len(over))
    mine = np.flatnonzero(place[at] >= 0)
    mine = mine[np.argsort(place[at[mine]], kind="stable")]
    ends = np.stack([shared.start[kept[mine]], shared.stop[kept[mine]]], axis=1)
    shape = shapely.line_merge(shapely.multilinestrings(shapely.linestrings(ends), indices=place[at[mine]]))
    differ = lines.differ(feature, other) | (worse != 0)
    return pair[over], [
        lines.found(
            "line_overlap", severity, (feature[which], other[which]), shape[which], length=_text(length[over][which])
        )
        for severity, which in (("warning", ~differ), ("info", differ))
    ]


def _pair(a: Ints, b: Ints, count: int) -> Ints:
    """Give each pair of lines a number of its own, whichever comes first."""
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
    """Find where two lines of a network cross or touch and have no common joint there, though they could have one.

    Where both hang together anyway, or the survey numbers the joints of both, that is only noted; and of what hangs
    together, a line that is yet to come may well pass one that is there.
    """
    a, b, xy = _apart(lines, network, crossed, known)
    number = _numbers(lines, network)
    part, numbered = _parts(network), np.asarray((network.drawing.numbers > 0).all(axis=1))
    together = part[number[a]] == part[number[b]]
    kept = np.flatnonzero(~together | (lines.grade[a] == lines.grade[b]))
    a, b, xy, together = a[kept], b[kept], xy[kept], together[kept]
    mild = together | (numbered[number[a]] & numbered[number[b]])
    spots = np.asarray(shapely.points(xy), dtype=object)
    return [
        lines.found("crossing_bare", severity, (b[which], a[which]), spots[which])
        for severity, which in (("warning", ~mild), ("info", mild))
    ]


def _apart(
    lines: _Lines, network: Network, crossed: Crossed, known: tuple[Ints, Ints]
) -> tuple[Ints, Ints, npt.NDArray[np.float64]]:
    """List the crossings of lines of a network that have no common joint there and do not lie on each other."""
    a, b, xy = crossed.a, crossed.b, crossed.xy
    number = _numbers(lines, network)
    group, over = known
    kept = (number[a] >= 0) & (number[b] >= 0) & (group[a] != group[b]) & lines.alike(a, b)
    kept = np.flatnonzero(kept & ~np.isin(_pair(a, b, len(lines.row)), over))
    reach = np.maximum(network.reach_m[lines.row[a[kept]]], network.reach_m[lines.row[b[kept]]])
    # An end that stands over by the tolerance lies further away along a line that it meets at a narrow angle.
    reach = reach * (1 + 1 / np.maximum(crossed.sine[kept], _FLATTEST))
    kept = kept[~_joined(network, (number[a[kept]], number[b[kept]]), xy[kept], reach)]
    kept = kept[~lines.differ(a[kept], b[kept], _STATION) & ~_passing(lines, (a[kept], b[kept]), xy[kept])]
    # A crossing at a vertex of both is found once for every pair of stretches there.
    along = shapely.line_locate_point(lines.shape[a[kept]], shapely.points(xy[kept]))
    order = np.lexsort((along, b[kept], a[kept]))
    kept, along = kept[order], along[order]
    again = (np.diff(a[kept]) == 0) & (np.diff(b[kept]) == 0) & (np.diff(along) <= 2 * NOISE_M)
    kept = kept[np.append(True, ~again)[: len(kept)]]
    return a[kept], b[kept], xy[kept]


def _passing(lines: _Lines, pair: tuple[Ints, Ints], xy: Floats) -> Bools:
    """Tell which crossings the levels show to be none: the one pipe with its diameter lies below the other."""
    whole = ~lines.layer.index.duplicated(keep=False)  # the levels of a feature in parts are those of its two ends
    bottom, top = [], []
    for line in pair:
        row = lines.row[line]
        part = lines.layer[["invert_from_m", "invert_to_m", "diameter_mm"]].iloc[row]
        start, stop, size = np.where(whole[row], part.to_numpy(dtype=float, na_value=np.nan).T, np.nan)
        share = shapely.line_locate_point(lines.shape[line], shapely.points(xy), normalized=True)
        bottom.append(start + share * (stop - start))
        top.append(bottom[-1] + size / 1000)
    return np.asarray((top[0] <= bottom[1]) | (top[1] <= bottom[0]))


def _numbers(lines: _Lines, network: Network) -> Ints:
    """Give the number of each line in its network; -1 where it takes no part."""
    drawn = len(network.drawing.lines)
    number = np.full(len(lines.layer), -1, dtype=np.int64)
    number[network.names.rows[:drawn]] = np.arange(drawn)
    return number[lines.row]


def _joined(network: Network, pair: tuple[Ints, Ints], xy: Floats, reach: Floats) -> Bools:
    """Tell which crossings have a joint near them that both lines share."""
    joined, size = network.joined, len(network.joined.xy)
    first = np.searchsorted(joined.line, np.arange(len(network.drawing.lines) + 1))
    out = np.zeros(len(xy), dtype=bool)
    ends = [(joined.u[first[line]], joined.v[first[line + 1] - 1]) for line in pair]
    for one in ends[0]:  # most meet end to end
        for two in ends[1]:
            at = np.flatnonzero(one == two)
            out[at] |= np.hypot(*(joined.xy[one[at]] - xy[at]).T) <= reach[at]
    left = np.flatnonzero(~out)
    keys = []
    for line in (pair[0][left], pair[1][left]):
        count = first[line + 1] - first[line]
        at = np.repeat(left, count)
        piece = np.repeat(first[line] - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
        keys.append(np.concatenate([at * size + joined.u[piece], at * size + joined.v[piece]]))
    both = np.intersect1d(keys[0], keys[1])
    at, joint = np.divmod(both.astype(np.int64), max(size, 1))
    near = np.hypot(*(joined.xy[joint] - xy[at]).T) <= reach[at]
    out[at[near]] = True
    return out


def _parts(network: Network) -> Ints:
    """Give each line of the network the number of the part that it hangs together with."""
    joined, size = network.joined, len(network.joined.xy)
    links = coo_array((np.ones(len(joined.u), np.int8), (joined.u, joined.v)), shape=(size, size))
    part = connected_components(links, directed=False)[1]
    first = np.searchsorted(joined.line, np.arange(len(network.drawing.lines)))
    return np.asarray(part[joined.u[first]], dtype=np.int64)
