"""Breaks: what cuts land off from its source, whether the drawing or the ground is at fault, and what hangs on it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.base.units import number_column
from gisplan.faults.breaking.choice import Choice, choose
from gisplan.faults.breaking.gaps import gaps
from gisplan.faults.breaking.mends import CAUSES, DRAWING, FLOW, MISSING, STATUS, VALVE, Mends, mends
from gisplan.faults.breaking.parts import abandoned, isolated
from gisplan.faults.breaking.stranded import Stranded, stranded
from gisplan.faults.fault import Found
from gisplan.judging.candidates import Candidates
from gisplan.judging.judgement import Judgement
from gisplan.networks.inverts import drained
from gisplan.networks.joints import NOISE_M
from gisplan.networks.network import CUTTING, Network, build
from gisplan.networks.standing import FOREVER, A, says_closed
from gisplan.networks.supply import SHUT, sweep

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]
Shapes = npt.NDArray[np.object_]


def breaks(judgement: Judgement, key: str) -> list[Found]:
    """List the breaks of a service: for all that operates and reaches no source, what to mend, with the land behind it.

    Nothing is listed where the layer has no source at all, or where a valve that may be closed was lost in reading:
    then nobody knows what is cut off.

    Parameters
    ----------
    judgement
        What was judged.
    key
        The service.
    """
    survey = judgement.survey
    kept = judgement.candidates[key]
    none = np.empty(0, dtype=np.int64)
    nobody = kept.network.sourceless or key in survey.doubts
    if nobody or not ((kept.shut.piece != 0) & (kept.network.standing.grade == A)).any():
        return abandoned(judgement, key, none, none.astype(object))
    kept = _with_idle(judgement, kept)
    limits = survey.profile.inspections
    every = mends(kept, gaps(kept, limits["gap_drawing"].value))
    choice = choose(kept, every)
    land = stranded(judgement, kept, every, choice)
    table = _table(judgement, kept, (every, choice), limits["near_miss"].value)
    cause = every.cause[choice.chosen]
    undone = (cause == DRAWING) & _undone(kept.network, table)
    found = []
    for one in np.unique(cause).tolist():
        for grave, parted in itertools.product((True, False), repeat=2):
            mine = (cause == one) & ((land.parcels > 0) == grave) & (undone == parted)
            if mine.any():
                code = "undone" if parted else str(CAUSES[one])
                kind = (code, one, "error" if grave else "warning")
                found.append(_found(key, kind, table.take(mine), land, np.flatnonzero(mine)))
    idle = (cause == STATUS) & judgement.standings[key].out[table.row]
    found += abandoned(judgement, key, table.row[idle], table.other[idle])
    return found + isolated(judgement, kept, land.served)


def _with_idle(judgement: Judgement, kept: Candidates) -> Candidates:
    """Give the network with what is out of service in it where that lies beside something that is cut off.

    Lines and sources that are out of service take no part in a network; here they do, as something that might operate.
    """
    network = kept.network
    key = kept.service.key
    layer, standing = judgement.survey.layers[key], judgement.standings[key]
    geometry = np.asarray(layer.geometry.array)
    is_line = shapely.get_type_id(geometry) == 1
    role = layer["role"]
    mine = (is_line & role.isin(["line", "lateral"])) | (~is_line & role.isin(["source", "outfall"]))
    idle = np.flatnonzero(standing.out & mine.to_numpy())
    dark = network.joined.piece(np.flatnonzero((kept.shut.piece != 0) & (network.standing.grade == A)))
    near = shapely.STRtree(dark).query(geometry[idle], predicate="dwithin", distance=network.reach_m[idle])[0]
    if len(near) == 0:
        return kept
    back = np.zeros(len(layer), dtype=bool)
    back[idle] = True
    standing = replace(
        standing,
        closes=np.where(back, FOREVER, standing.closes),
        unknown=standing.unknown | back,
        out=standing.out & ~back,
    )
    survey = judgement.survey
    network = build(layer, network.service, standing, survey.profile.snap_m, survey.undo)
    network = drained(network, layer, survey.profile.inspections["invert_error"].value)
    return replace(kept, network=network, shut=sweep(network, kept.levels, SHUT))


@dataclass(frozen=True)
class _Table:
    """Features at each break, its place, and both ways to mend it."""

    row: Ints
    feature: Texts
    other: Texts
    shape: Shapes
    repair_m: Floats
    build_m: Floats

    def take(self, rows: npt.NDArray[np.bool_]) -> _Table:
        """Give some of them."""
        return _Table(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def _undone(network: Network, table: _Table) -> npt.NDArray[np.bool_]:
    """Tell which breaks part two features whose join the planner has undone."""
    proposed, rows = network.joined.proposed, network.names.rows
    names = network.features[rows]
    pairs = {
        frozenset(pair)
        for pair in zip(
            names[proposed.line[network.joined.undone]], names[proposed.other[network.joined.undone]], strict=True
        )
    }
    return np.array([frozenset(p) in pairs for p in zip(table.feature, table.other, strict=True)], dtype=bool)


def _found(key: str, kind: tuple[str, int, str], table: _Table, land: Stranded, rows: Ints) -> Found:
    """Put the breaks of one cause and severity into words and figures."""
    code, cause, severity = kind
    texts = {
        "repair": number_column(pd.Series(table.repair_m), 2),
        "build": number_column(pd.Series(table.build_m), 1),
        "parcels": pd.Series(land.parcels[rows]).astype("str"),
        "mu": number_column(pd.Series(land.mu[rows]), 0),
    }
    return Found(
        f"break_{code}", severity, key, table.row, table.feature, table.other, table.shape, texts,
        {
            "gap_m": np.where(cause == DRAWING, table.repair_m, np.nan),
            "repair_m": table.repair_m,
            "build_m": table.build_m,
            "stranded_parcels": land.parcels[rows].astype(float),
            "stranded_mu": land.mu[rows],
            "alone_mu": land.alone_mu[rows],
        },
        np.full(len(rows), CAUSES[cause], dtype=object),
    )  # fmt: skip


def _table(judgement: Judgement, kept: Candidates, plan: tuple[Mends, Choice], near_m: float) -> _Table:
    """Describe every chosen mend."""
    every, choice = plan
    network, key = kept.network, kept.service.key
    cause, thing = every.cause[choice.chosen], every.thing[choice.chosen]
    count = len(thing)
    row, other = np.full(count, -1, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    shape = np.full(count, None, dtype=object)
    repair, build = np.full(count, np.nan), np.full(count, np.nan)
    for kind, source in ((DRAWING, every.gaps), (MISSING, every.builds)):
        mine = cause == kind
        at = thing[mine]
        row[mine], other[mine], shape[mine] = source.row[at], source.other[at], source.way[at]
        build[mine] = source.gap_m[at]
        # Lines that pass over each other on different decks do not meet by any drawing.
        near = (source.gap_m[at] > NOISE_M) & (source.gap_m[at] <= near_m)
        repair[mine] = np.where((kind == DRAWING) | near, source.gap_m[at], np.nan)
    behind = np.append(_line_at(kept), np.full(every.root, -1))[choice.behind]  # no line ends at a foot
    valve = np.flatnonzero(cause == VALVE)
    row[valve], other[valve] = _valve_rows(judgement, kept)[thing[valve]], behind[valve]
    shape[valve] = shapely.points(network.joined.xy[thing[valve]])
    line = np.flatnonzero((cause == STATUS) | (cause == FLOW))
    row[line], other[line] = thing[line], behind[line]
    shape[line] = np.asarray(judgement.survey.layers[key].geometry.array)[thing[line]]
    idle = np.flatnonzero(cause == STATUS)
    length = shapely.length(shape[idle])
    build[idle] = np.where(length > 0, length, np.nan)
    repair[(cause == VALVE) | (cause == FLOW)] = 0.0
    names = np.append(network.features, "").astype(object)
    same = other == row
    return _Table(row, names[row], names[np.where(same, -1, other)], shape, repair, build)


def _line_at(kept: Candidates) -> Ints:
    """Give a row of the layer that is cut off at each joint of the supply, one that operates first; -1 for none."""
    network, supply = kept.network, kept.shut
    row = np.full(len(supply.joint), -1, dtype=np.int64)
    dark = np.flatnonzero(supply.piece != 0)[::-1]
    works = network.standing.grade[dark] == A
    for some in (dark[~works], dark[works]):
        for end in supply.ends:
            row[end[some]] = network.row[some]
    return row


def _valve_rows(judgement: Judgement, kept: Candidates) -> Ints:
    """Give the row of the layer of a valve that cuts, or may, at each joint; -1 where there is none."""
    network, key = kept.network, kept.service.key
    layer = judgement.survey.layers[key]
    points = network.names.rows[network.names.lines :]
    part = layer.iloc[points]
    shut = (
        says_closed(part)
        | part["open_unknown"].to_numpy(dtype=bool)
        | (judgement.standings[key].why[points] == "closed")
    )
    shut &= part["role"].isin(CUTTING).to_numpy()
    row = np.full(len(network.joined.xy), -1, dtype=np.int64)
    row[network.joined.point_joint[shut][::-1]] = points[shut][::-1]
    return row
