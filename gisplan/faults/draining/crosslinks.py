"""Cross connections: where storm drains and sewers meet, though no pipe of the one may lead into the other.

Storm drains are the services that refuse combined sewers; every other service that drains, and every combined sewer
wherever it is drawn, carries sewage. Pipes that merely cross on the map pass over each other and are no fault.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gisplan.base.units import number_column
from gisplan.faults.draining.gravity import Floats, Ints
from gisplan.faults.fault import Found, Shapes
from gisplan.judging.judgement import Judgement

_POINTS = ("manhole", "joint", "pump")


@dataclass(frozen=True)
class _Pipes:
    """Some lines of a layer, and the points at which its lines meet."""

    key: str
    layer: gpd.GeoDataFrame
    row: Ints
    point: Ints

    @cached_property
    def shapes(self) -> Shapes:
        return np.asarray(self.layer.geometry.array, dtype=object)

    @cached_property
    def ends(self) -> tuple[Shapes, Ints]:
        """The starts and ends of the lines, and the row of each."""
        if len(self.row) == 0:
            return np.empty(0, dtype=object), self.row
        _, xy, (offsets,) = shapely.to_ragged_array(self.shapes[self.row])
        ends = np.concatenate([xy[offsets[:-1]], xy[offsets[1:] - 1]])[:, :2]
        return np.asarray(shapely.points(ends), dtype=object), np.tile(self.row, 2)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The lines, then the points."""
        return shapely.STRtree(self.shapes[np.concatenate([self.row, self.point])])

    @property
    def numbers(self) -> pd.Series:
        """The joint numbers of the ends, in the same order; missing where there is none."""
        part = self.layer.iloc[self.row]
        return pd.concat([part["from_joint"], part["to_joint"]], ignore_index=True)


@dataclass(frozen=True)
class _Touches:
    """Ends that touch: which end, of which row, the row that it touches, and how far apart they are."""

    end: Ints
    row: Ints
    other: Ints
    gap_m: Floats


def crosslinks(judgement: Judgement) -> list[Found]:
    """Find the ends of storm drains at sewers, and the ends of sewers at storm drains.

    Parameters
    ----------
    judgement
        What was built; what is out of service for good takes no part.
    """
    limits = judgement.survey.profile.inspections
    within = (limits["cross_connection"].value, limits["near_miss"].value)
    found = []
    for storm, sewage in _pairs(judgement):
        there = _touches(storm, sewage, within)
        back = _touches(sewage, storm, within)
        known = set(zip(there.row.tolist(), there.other.tolist(), strict=True))
        new = np.array([p not in known for p in zip(back.other.tolist(), back.row.tolist(), strict=True)], dtype=bool)
        found += [
            _found(storm, sewage, there),
            _found(sewage, storm, _Touches(*(column[new] for column in vars(back).values()))),
        ]
    return found


def _pairs(judgement: Judgement) -> list[tuple[_Pipes, _Pipes]]:
    """List what may not meet: the storm drains of a service, and the sewers of another or of its own layer."""
    drains = [c.network.service for c in judgement.candidates.values() if c.network.service.directed]
    pairs = []
    for storm in drains:
        if storm.combined != "refuse":
            continue
        own = _pipes(judgement, storm.key, False)
        pairs += [(own, _pipes(judgement, s.key, None)) for s in drains if s.combined != "refuse"]
        others = [pair[1] for pair in pairs if pair[0] is own]
        bare = replace(own, point=own.point[:0])  # their manholes stand on the combined sewers of the layer as well
        pairs.append((bare, _without(_pipes(judgement, storm.key, True), others)))
    return pairs


def _without(pipes: _Pipes, others: list[_Pipes]) -> _Pipes:
    """Leave out the lines that stand in another layer as well: one combined sewer drawn in both is one."""
    drawn = shapely.normalize(pipes.shapes[pipes.row])
    known = (
        {s for o in others for s in shapely.to_wkb(shapely.normalize(o.shapes[o.row])).tolist()} if len(drawn) else ()
    )
    new = np.array([s not in known for s in shapely.to_wkb(drawn).tolist()], dtype=bool)
    return replace(pipes, row=pipes.row[new])


def _pipes(judgement: Judgement, key: str, combined: bool | None) -> _Pipes:
    """Take the lines of a layer: all, or those that are (that are not) combined; combined ones have no points apart."""
    layer, standing = judgement.survey.layers[key], judgement.standings[key]
    role = layer["role"].to_numpy(dtype=object)
    line = np.isin(role, ("line", "lateral")) & ~standing.out
    is_line = shapely.get_type_id(np.asarray(layer.geometry.array)) == 1
    if combined is not None:
        line &= (layer["system"] == "combined").fillna(False).to_numpy(dtype=bool) == combined
    point = np.isin(role, _POINTS) & ~standing.out & ~is_line & (combined is not True)
    return _Pipes(key, layer, np.flatnonzero(line & is_line), np.flatnonzero(point))


def _touches(one: _Pipes, other: _Pipes, limits: tuple[float, float]) -> _Touches:
    """Find the ends of some pipes that touch others, one touch for every pair of features.

    `limits` are how near an end touches, and how near an end of the same joint number is the same joint.
    """
    rows = np.concatenate([other.row, other.point])
    if len(one.row) == 0 or len(rows) == 0:
        none = np.empty(0, dtype=np.int64)
        return _Touches(none, none, none, np.empty(0))
    ends, owner = one.ends
    near, hit = other.tree.query(ends, predicate="dwithin", distance=limits[0])
    gap = shapely.distance(ends[near], other.shapes[rows[hit]])
    far = _numbered(one, other, limits[1])
    near, at = np.concatenate([near, far.end]), np.concatenate([rows[hit], far.other])
    gap = np.concatenate([gap, far.gap_m])
    # Lines before points, the nearest first: a manhole is named only where no pipe of it is.
    table = pd.DataFrame({"end": near, "row": owner[near], "other": at, "gap": gap})
    table["line"] = np.isin(at, other.row)
    table = table.sort_values(["line", "gap", "other"], ascending=[False, True, True], kind="stable")
    lined = table.groupby("end")["line"].transform("max").to_numpy(dtype=bool)
    table = table[table["line"].to_numpy() | ~lined].drop_duplicates(["row", "other"])
    table = table.sort_values(["row", "other"], kind="stable")
    whole = {c: table[c].to_numpy(dtype=np.int64) for c in ("end", "row", "other")}
    return _Touches(whole["end"], whole["row"], whole["other"], table["gap"].to_numpy(dtype=float))


def _numbered(one: _Pipes, other: _Pipes, within_m: float) -> _Touches:
    """Find the ends that carry one joint number in both; far from each other, it is the number of two joints."""
    (ends, owner), (others, rows) = one.ends, other.ends
    code = pd.factorize(pd.concat([one.numbers, other.numbers], ignore_index=True))[0]  # -1 for none
    number, beside = code[: len(ends)], code[len(ends) :]
    both = np.intersect1d(number, beside)
    mine, theirs = (np.flatnonzero(np.isin(codes, both[both >= 0])) for codes in (number, beside))
    near, hit = shapely.STRtree(others[theirs]).query(ends[mine], predicate="dwithin", distance=within_m)
    near, hit = mine[near], theirs[hit]
    same = number[near] == beside[hit]
    near, hit = near[same], hit[same]
    gap = np.asarray(shapely.distance(ends[near], others[hit]), dtype=float)
    return _Touches(near, owner[near], rows[hit], gap)


def _found(one: _Pipes, other: _Pipes, found: _Touches) -> Found:
    """Make the faults: at the end that touches."""
    names, beside = one.layer.index.to_numpy(dtype=object), other.layer.index.to_numpy(dtype=object)
    return Found(
        "cross_connected",
        "error",
        one.key,
        found.row,
        names[found.row],
        beside[found.other],
        one.ends[0][found.end] if len(found.end) else np.empty(0, dtype=object),
        {"gap": number_column(pd.Series(found.gap_m), 2)},
        {"gap_m": found.gap_m},
    )
