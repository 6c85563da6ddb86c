"""Candidates: every main, lateral and stub that could serve a parcel: at which level it would, and else why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.judging.draining.outlets import Outlets, outlets
from gisplan.judging.outcome import FAILS, HOLDS, UNKNOWN
from gisplan.networks.network import UNSURE, Network
from gisplan.networks.standing import Standing
from gisplan.networks.supply import OPEN, SHUT, Levels, Supply, View, first_main, levels, sweep
from gisplan.rules.profile import Condition, Limit, Service

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]

Drains = tuple[Outlets, Outlets]

DEAD = (
    "needs_lifting",
    "uphill",
    "undersized",
    "wrong_class",
    "blocked",
    "closed_valve",
    "unfunded",
    "undated",
    "duct_only",
    "combined_only",
    "closed",
    "abandoned",
    "not_connected",
)
"""Why something in reach does not serve; the first that applies to a parcel is what its planner should hear first."""

_UNKNOWNS = (
    "overdue",
    "contradiction",
    "status_unknown",
    "works_unknown",
    "valve_unknown",
    "pump_unknown",
    "direction_contradicts",
    "direction_unknown",
    "source_unknown",
)


@dataclass(frozen=True)
class Candidates:
    """The candidates of one service.

    Attributes
    ----------
    service, network, levels
        Whose candidates they are.
    shut, open
        Supply with unknowns taken as absent, and as operating.
    shape
        Geometry of each candidate.
    row
        Row of the layer.
    piece
        First piece of the network that the candidate consists of; -1 for stubs and for what is out of service.
    pieces
        How many pieces it consists of.
    stub
        Number of the stub; -1 for lines.
    level_shut, level_open
        First level at which it would serve, every required condition on it included.
    cause
        Reason code where it does not serve, or where that is not known; empty where it does.
    outlets
        Where it drains to, with unknowns taken as absent and as operating; None where nothing is asked of its fall.
    """

    service: Service
    network: Network
    levels: Levels
    shut: Supply
    open: Supply
    shape: Shapes
    row: Ints
    piece: Ints
    pieces: Ints
    stub: Ints
    level_shut: Ints
    level_open: Ints
    cause: Texts
    outlets: tuple[Outlets, Outlets] | None = None

    @property
    def reach_m(self) -> float:
        """How far a candidate may be from a parcel."""
        condition = self.service.condition("reach")
        return condition.limit.high if condition is not None else 0.0


def candidates(layer: pd.DataFrame, network: Network, standing: Standing, lost_valve: bool) -> Candidates:
    """List the candidates of one service and judge each by itself.

    Parameters
    ----------
    layer, standing
        The service's features, and their standing.
    network
        The network built from them.
    lost_valve
        Whether a valve that may be closed was lost in reading.
    """
    steps = levels([network.standing, network.sources.standing, network.stub_standing])
    shut = sweep(network, steps, SHUT, lost_valve)
    doubtful = lost_valve or _doubtful(network)
    opened = sweep(network, steps, OPEN) if doubtful else shut
    checks = own_conditions(network.service)
    nowhere = len(steps)
    raw_shut, ok, failed = judged(shut, checks, layer)
    raw_open, may, failed = judged(opened, checks, layer) if doubtful else (raw_shut, ok, failed)
    cause = _causes(network, steps, (raw_shut, raw_open, failed, lost_valve))
    same = (raw_shut < nowhere) & (steps.grade_of(raw_shut) == steps.grade_of(raw_open))
    cause[(ok == UNKNOWN) & same] = "size_unknown"
    drains = _drains((shut, raw_shut), (opened, raw_open), layer)
    if drains is not None:
        sure, can = (_flows(network.service, view) for view in drains)
        _blame(cause, (sure, can), (network, drains[0]), same)
        cause[(failed == "") & (raw_open < nowhere) & (sure != HOLDS) & (can == FAILS)] = "uphill"
        ok, may = np.minimum(ok, sure), np.minimum(may, can)
    level_shut = np.where(ok == HOLDS, raw_shut, nowhere)
    level_open = np.where(may != FAILS, raw_open, nowhere)
    cause[(level_shut < nowhere) & (steps.grade_of(level_shut) == steps.grade_of(level_open))] = ""
    return _assemble(layer, (network, standing), (steps, shut, opened), (level_shut, level_open, cause), drains)


def _drains(shut: tuple[Supply, Ints], opened: tuple[Supply, Ints], layer: pd.DataFrame) -> Drains | None:
    """Find the outlets of all pieces and stubs in both views, where the profile asks for their fall."""
    network = shut[0].network
    if network.inverts is None:
        return None
    figure = network.service.figures.get("least_slope")
    least = np.full(len(network.row), np.nan)
    if figure is not None:
        least = figure.step(layer["diameter_mm"].to_numpy(dtype=float, na_value=np.nan)[network.row])
    one = outlets(shut[0], network.inverts, shut[1], least)
    same = opened[0] is shut[0] and np.array_equal(opened[1], shut[1])
    return one, one if same else outlets(opened[0], network.inverts, opened[1], least)


def _blame(cause: Texts, views: tuple[Ints, Ints], shut: tuple[Network, Outlets], same: Bools) -> None:
    """Say why it is not known whether some pieces and stubs drain: levels are blank, or another way may open."""
    (sure, can), (network, drains) = views, shut
    blank = same & (cause == "") & (sure == UNKNOWN)
    cause[blank] = np.where(np.isnan(drains.invert_m), "fall_unknown", "downhill_unknown")[blank]
    other = "direction_unknown" if (network.direction == UNSURE).any() else "several"
    if network.inverts is not None and network.inverts.contrary.any():
        other = "direction_contradicts"
    cause[same & (cause == "") & (sure != can)] = other


def _flows(service: Service, found: Outlets) -> Ints:
    """Tell which pieces and stubs hold what is asked of them whatever the parcel: downhill, and a known invert."""
    holds = np.full(len(found.joint), HOLDS, dtype=np.int64)
    if service.asks("downhill"):
        holds = np.minimum(holds, found.downhill)
    if service.asks("fall"):
        holds = np.minimum(holds, np.where(np.isnan(found.invert_m), UNKNOWN, HOLDS))
    return holds


def _doubtful(network: Network) -> bool:
    """Tell whether anything about a network is unknown."""
    return bool(
        network.standing.unknown.any()
        or network.sources.standing.unknown.any()
        or network.stub_standing.unknown.any()
        or len(network.unsure_closed)
        or network.sourceless
        or (network.service.directed and (network.direction == UNSURE).any())
    )


def check(value: pd.Series, limit: Limit) -> Ints:
    """Hold values against a limit: `HOLDS`, `FAILS`, or `UNKNOWN` where there is no value."""
    if limit.one_of:
        known = value.notna().to_numpy()
        holds = value.isin(limit.one_of).to_numpy()
    else:
        number = value.to_numpy(dtype=float, na_value=np.nan)
        known = ~np.isnan(number)
        holds = (number >= limit.low) & (number <= limit.high)
    return np.where(known, np.where(holds, HOLDS, FAILS), UNKNOWN).astype(np.int64)


def own_conditions(service: Service) -> list[Condition]:
    """List the required conditions on what serves a parcel itself: its size and class."""
    return [c for c in service.conditions if c.measure.kind in ("attribute", "class") and c.weight == "required"]


def judged(supply: Supply, checks: list[Condition], layer: pd.DataFrame) -> tuple[Ints, Ints, Texts]:
    """Give level, outcome of the attribute conditions, and the code of one that fails, for pieces and then stubs.

    Parameters
    ----------
    supply
        Who is live, at which level.
    checks
        From `own_conditions`.
    layer
        The service's features.
    """
    stub = supply.stub
    level = np.concatenate([supply.piece, stub])
    bearer = np.concatenate([piece_bearer(supply, supply.piece), stub_bearer(supply, stub)])
    outcome = np.full(len(level), HOLDS, dtype=np.int64)
    code = np.full(len(level), "", dtype=object)
    for condition in checks if len(layer) else ():
        found = check(layer[condition.measure.column].iloc[np.maximum(bearer, 0)], condition.limit)
        found = np.where(bearer < 0, UNKNOWN, found)
        code[(found == FAILS) & (code == "")] = "wrong_class" if condition.measure.kind == "class" else "undersized"
        outcome = np.minimum(outcome, found)
    return level, outcome, code


def piece_bearer(supply: Supply, level: Ints) -> Ints:
    """Find the layer row whose size and class count for each piece: its own, for a lateral that of its main."""
    network = supply.network
    bearer = np.where(network.main, network.row, -1)
    for number in np.unique(level[~network.main & (level < len(supply.levels))]):
        hang = np.flatnonzero(~network.main & (level == number))
        if supply.everywhere:
            continue
        way, found = supply.way(int(number)), first_main(supply, int(number))
        u, v = supply.ends[0][hang], supply.ends[1][hang]
        main = found[np.where(way.length_m[u] <= way.length_m[v], u, v)]
        bearer[hang] = np.where(main >= 0, network.row[main], -1)
    return bearer


def stub_bearer(supply: Supply, level: Ints) -> Ints:
    """Find the layer row whose size and class count for each stub: the first main on its way to the source."""
    network = supply.network
    bearer = np.full(len(level), -1, dtype=np.int64)
    for number in np.unique(level[level < len(supply.levels)]):
        if supply.everywhere:
            continue
        hang = np.flatnonzero(level == number)
        main = first_main(supply, int(number))[network.stub_joint[hang]]
        bearer[hang] = np.where(main >= 0, network.row[main], -1)
    return bearer


def _causes(network: Network, steps: Levels, judged: tuple[Ints, Ints, Texts, bool]) -> Texts:
    """Find why a piece or stub does not serve, or why that is not known, by asking what would have to be otherwise."""
    shut, opened, failed, lost_valve = judged
    own = np.concatenate([network.standing.why, network.stub_standing.why])
    nowhere = len(steps)
    cause = np.full(len(own), "", dtype=object)
    dead = opened == nowhere
    if dead.any():
        views = {
            "closed_valve": View(OPEN.opened, valves=True),
            "undated": View(OPEN.opened, any_future=frozenset({"undated"})),
            "unfunded": View(OPEN.opened, any_future=frozenset({"unfunded", "undated"})),
        }
        for code, view in views.items():
            if code == "closed_valve" and not len(network.closed):
                continue
            again = sweep(network, steps, view)
            cause[(cause == "") & dead & (np.concatenate([again.piece, again.stub]) < nowhere)] = code
        mine = dead & np.isin(own, ("undated", "unfunded"))
        cause[mine] = own[mine]
        cause[(cause == "") & dead] = "not_connected"
    doubt = steps.grade_of(shut) != steps.grade_of(opened)
    if doubt.any():
        present = set(own[doubt]) | set(network.standing.why) | set(network.sources.standing.why)
        present |= {"valve_unknown", "direction_unknown"}
        if network.inverts is not None and network.inverts.contrary.any():
            present.add("direction_contradicts")
        for code in _UNKNOWNS:
            if code in present:
                again = sweep(network, steps, View(opened=frozenset({code})))
                grade = steps.grade_of(np.concatenate([again.piece, again.stub]))
                cause[(cause == "") & doubt & (grade == steps.grade_of(opened))] = code
        cause[(cause == "") & doubt] = "several"
        if lost_valve:
            cause[doubt] = "valve_lost"
        if network.sourceless:
            cause[doubt] = "no_source"
    # A live main that is too small or of the wrong class outranks all other causes.
    cause[(failed != "") & (opened < nowhere)] = failed[(failed != "") & (opened < nowhere)]
    return cause


def _assemble(
    layer: pd.DataFrame,
    drawn: tuple[Network, Standing],
    swept: tuple[Levels, Supply, Supply],
    judged: tuple[Ints, Ints, Texts],
    drains: Drains | None,
) -> Candidates:
    """Put whole lines, pieces of lines, stubs and dead lines into one list."""
    network, standing = drawn
    steps, shut, opened = swept
    level_shut, level_open, cause = judged
    n = len(network.row)
    geometry = np.asarray(layer.geometry.array)
    key, _ = (
        pd.factorize(pd.MultiIndex.from_arrays([level_shut[:n], level_open[:n], cause[:n]])) if n else (cause[:0], 0)
    )
    first = np.flatnonzero(np.diff(network.joined.line, prepend=-1))
    count = np.diff(np.append(first, n))
    uniform = np.ones(len(first), dtype=bool)
    if n:
        uniform = np.minimum.reduceat(key, first) == np.maximum.reduceat(key, first)
    if drains is not None:
        uniform &= count == 1  # every piece of a line has a manhole of its own
    whole = first[uniform]
    parts = np.flatnonzero(~np.repeat(uniform, count))
    dead_rows, dead_cause = _dead(layer, network, standing)
    live = np.concatenate([whole, parts, n + np.arange(len(network.stub_row))])
    dead = len(dead_rows)
    nothing = np.full(dead, -1, dtype=np.int64)
    stubs = len(network.stub_row)
    unit = np.concatenate([live, nothing])
    return Candidates(
        service=network.service,
        network=network,
        levels=steps,
        shut=shut,
        open=opened,
        shape=np.concatenate(
            [geometry[network.row[whole]], network.joined.piece(parts), geometry[network.stub_row], geometry[dead_rows]]
        ),
        row=np.concatenate([network.row[whole], network.row[parts], network.stub_row, dead_rows]),
        piece=np.concatenate([whole, parts, np.full(stubs, -1), nothing]),
        pieces=np.concatenate([count[uniform], np.ones(len(parts), np.int64), np.zeros(stubs + dead, np.int64)]),
        stub=np.concatenate([np.full(len(whole) + len(parts), -1), np.arange(stubs), nothing]),
        level_shut=np.concatenate([level_shut[live], np.full(dead, len(steps))]),
        level_open=np.concatenate([level_open[live], np.full(dead, len(steps))]),
        cause=np.concatenate([cause[live], dead_cause]),
        outlets=None if drains is None else (drains[0].take(unit), drains[1].take(unit)),
    )


def _dead(layer: pd.DataFrame, network: Network, standing: Standing) -> tuple[Ints, Any]:
    """List the lines that take no part: abandoned, closed, empty ducts, combined sewers where they do not count."""
    is_line = shapely.get_type_id(np.asarray(layer.geometry.array)) == 1
    role = layer["role"].to_numpy(dtype=object)
    taken = np.zeros(len(layer), dtype=bool)
    taken[network.row] = True
    rest = np.flatnonzero(is_line & ~taken & np.isin(role, ("line", "lateral", "duct")))
    cause = np.where(role[rest] == "duct", "duct_only", "combined_only").astype(object)
    out = standing.out[rest]
    cause[out] = standing.why[rest][out]
    return rest, cause
