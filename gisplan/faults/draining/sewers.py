"""Sewers: pipes that run uphill, against their neighbours, into a narrower one, or below the one that leads on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from gisplan.base.units import number_column
from gisplan.faults.draining.gravity import Bools, Floats, Flow, Ints
from gisplan.faults.draining.reversal import Turned, lines
from gisplan.faults.fault import Found
from gisplan.judging.judgement import Judgement
from gisplan.networks.network import REVERSE

_NOISE_MM = 0.5
"""Diameters this near are one size: some files count them in metres."""


def sewers(judgement: Judgement, key: str, flow: Flow, wrong: Turned) -> list[Found]:
    """Check the levels, directions and sizes of a service that drains.

    Parameters
    ----------
    judgement
        What was built.
    key
        The service.
    flow, wrong
        How its water runs, and which pipes flow the wrong way.
    """
    limits = judgement.survey.profile.inspections
    error_m = limits["invert_error"].value
    return [
        _reversed(flow, key, wrong),
        _uphill(flow, key, wrong, error_m),
        _narrower(flow, key, wrong, (limits["size_step"].limits(flow.size_mm), error_m)),
        _steps(flow, key, wrong, error_m),
    ]


def _reversed(flow: Flow, key: str, wrong: Turned) -> Found:
    beside = np.full(len(wrong.other), "—", dtype=object)
    beside[wrong.other >= 0] = flow.names(wrong.other[wrong.other >= 0])
    values = {
        "up": _level(flow.up_m[wrong.head]),
        "down": _level(flow.down_m[wrong.tail]),
        "beside": pd.Series(beside, dtype="str"),
    }
    return of_lines("flow_reversed", "error", key, flow, (wrong.head, wrong.other, values))


def _uphill(flow: Flow, key: str, wrong: Turned, error_m: float) -> Found:
    """Find the lines whose end lies higher than where their water comes from; what a pump lifts may rise."""
    head, _ = lines(flow, flow.known & ~wrong.piece & ~flow.pumped)
    part = flow.layer["part"].to_numpy(dtype=np.int64)[flow.row[head]]
    start, stop = (flow.layer[c].to_numpy(dtype=float, na_value=np.nan) for c in ("invert_from_m", "invert_to_m"))
    # A feature of several parts is one pipe, whose levels stand at every part.
    back = flow.direction[head] == REVERSE
    up = np.where(back, stop[flow.row[head]], start[flow.row[head]])
    down = np.where(back, start[flow.row[head]], stop[flow.row[head]])
    high = np.flatnonzero((down - up > error_m) & (part == 0))
    length = np.bincount(flow.row, flow.length_m, minlength=len(flow.layer))[flow.row[head[high]]]
    values = {
        "up": _level(up[high]),
        "down": _level(down[high]),
        "rise": _level((down - up)[high]),
        "length": number_column(pd.Series(length), 1),
    }
    return of_lines("sewer_uphill", "warning", key, flow, (head[high], None, values))


def _narrower(flow: Flow, key: str, wrong: Turned, limits: tuple[Floats, float]) -> Found:
    """Find where the widest pipe that leaves a joint is narrower than one that arrives.

    A decrease of up to two sizes is let be where the levels of both say that the pipe that leaves is steeper, by more
    than levels may err. Where the direction or size of a pipe that may lead on is not known, nothing is said.
    """
    allowed_mm, error_m = limits
    usable = flow.known & ~wrong.piece & ~flow.pumped & ~flow.lifted[flow.up]
    leaving, arriving = np.flatnonzero(usable), np.flatnonzero(flow.known & ~wrong.piece & ~flow.pumped)
    dark = flow.vague.copy()
    dark[flow.up[leaving[np.isnan(flow.size_mm[leaving])]]] = True
    widest = first_at(flow.up, leaving, -flow.size_mm, flow.joints)
    on = widest[flow.down[arriving]]
    there = (on >= 0) & ~dark[flow.down[arriving]]
    arriving, on = arriving[there], on[there]
    less = flow.size_mm[arriving] - flow.size_mm[on]
    fall = np.divide(flow.up_m - flow.down_m, flow.length_m, out=np.full(len(flow.up), np.nan), where=flow.length_m > 0)
    steeper = (fall[on] - fall[arriving]) * flow.length_m[on] > error_m
    excused = steeper & (less <= allowed_mm[arriving])
    kept = (less > _NOISE_MM) & ~excused
    arriving, on = arriving[kept], on[kept]
    # One fault a joint: the widest that arrives.
    worst = first_at(flow.down, arriving, -flow.size_mm, flow.joints)
    kept = worst[flow.down[arriving]] == arriving
    arriving, on = arriving[kept], on[kept]
    values = {
        "size": number_column(pd.Series(flow.size_mm[on]), 0),
        "above": number_column(pd.Series(flow.size_mm[arriving]), 0),
        "fall": number_column(pd.Series(100 * fall[on]), 2),
        "fall_above": number_column(pd.Series(100 * fall[arriving]), 2),
    }
    return at_joints("size_shrinks", "warning", key, flow, (flow.up[on], on, arriving, values))


def _steps(flow: Flow, key: str, wrong: Turned, error_m: float) -> Found:
    """Find the pipes that arrive below every pipe that leaves; nothing is said where a level is not known."""
    leaving = np.flatnonzero(flow.known & ~wrong.piece)
    arriving = np.flatnonzero(flow.known & ~wrong.piece & ~flow.pumped)
    dark = flow.vague | flow.lifted
    dark[flow.up[leaving[np.isnan(flow.up_m[leaving])]]] = True
    lowest = first_at(flow.up, leaving, flow.up_m, flow.joints)
    on = lowest[flow.down[arriving]]
    there = (on >= 0) & ~dark[flow.down[arriving]]
    arriving, on = arriving[there], on[there]
    step = flow.up_m[on] - flow.down_m[arriving]
    high = step > error_m
    arriving, on, step = arriving[high], on[high], step[high]
    values = {"up": _level(flow.up_m[on]), "down": _level(flow.down_m[arriving]), "step": _level(step)}
    return at_joints("invert_step", "warning", key, flow, (flow.up[on], on, arriving, values))


def first_at(side: Ints, pieces: Ints, rank: Floats, joints: int) -> Ints:
    """Give, of some pieces, the one of lowest rank that has each joint at one side; -1 for none."""
    order = np.lexsort((pieces, rank[pieces], side[pieces]))[::-1]
    found = np.full(joints, -1, dtype=np.int64)
    found[side[pieces[order]]] = pieces[order]
    return found


Pieces = tuple[Ints, Ints | None, Mapping[str, pd.Series]]


def of_lines(code: str, severity: str, key: str, flow: Flow, found: Pieces) -> Found:
    """Make faults of lines, each given by one of its pieces, beside another piece (-1 for none), with texts."""
    pieces, other, values = found
    row = flow.row[pieces]
    beside = np.full(len(pieces), "", dtype=object)
    if other is not None:
        there: Bools = other >= 0
        beside[there] = flow.names(other[there])
    shape = np.asarray(flow.layer.geometry.array, dtype=object)[row]
    return Found(code, severity, key, row, flow.names(pieces), beside, shape, values)


def at_joints(
    code: str, severity: str, key: str, flow: Flow, found: tuple[Ints, Ints, Ints, Mapping[str, pd.Series]]
) -> Found:
    """Make faults that stand at joints: the joints, the pieces at fault, other pieces (-1 for none), and texts."""
    joint, pieces, other, values = found
    made = of_lines(code, severity, key, flow, (pieces, other, values))
    return replace(made, shape=flow.spots(joint))


def _level(values: Floats) -> pd.Series:
    return number_column(pd.Series(values), 2)
