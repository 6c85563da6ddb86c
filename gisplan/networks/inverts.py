"""Inverts: levels at both ends of every piece, which way they say that a line runs, and what a pump lifts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.networks.network import BOTH, FORWARD, REVERSE, UNSURE, Inverts, Network
from gisplan.networks.standing import NONE, Standing

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DECIMALS = 9
"""Differences of levels are rounded to these: what just meets a limit must not fail by how numbers are stored."""
_PASSES_NOT = ("manhole", "source", "outfall", "boundary_supply")
"""Behind these points nothing is under pressure any more."""


def drained(network: Network, layer: pd.DataFrame, error_m: float) -> Network:
    """Give the network of a service that is asked to fall with its levels, and with directions that follow them.

    A line without a said direction runs to its lower end; one that is said to rise, and that no pump lifts, has a
    direction that nobody knows. What a pump lifts that does not surely operate is unknown.

    Parameters
    ----------
    network
        As built; of a service that is not asked to fall it comes back as it is.
    layer
        The service's features.
    error_m
        Difference within which two levels count as equal.
    """
    service = network.service
    if not service.directed or service.condition("fall") is None:
        return network
    start, stop = levels(network, layer)
    rise = np.round(_rise(layer), DECIMALS)[network.row]  # NaN compares as neither way
    first = network.said
    by_level = np.select([rise < -error_m, rise > error_m], [FORWARD, REVERSE], default=UNSURE)
    asked = service.asks("fall", "downhill")
    turned = np.where((first == UNSURE) & asked, by_level, first)
    lifted, sure, pumps = _lifted(network, layer, turned)
    against = ((first == FORWARD) & (rise > error_m)) | ((first == REVERSE) & (rise < -error_m))
    contrary = against & ~lifted & asked
    turned = np.where(contrary, UNSURE, turned)
    standing = _doubted(network.standing, lifted & ~sure) if asked else network.standing
    found = Inverts(start, stop, lifted, contrary, pumps, error_m)
    return replace(network, direction=turned, standing=standing, inverts=found)


def _rise(layer: pd.DataFrame) -> Floats:
    """Give by how much each feature rises from its drawn start to its end; not known of one of several parts."""
    start, stop = (layer[c].to_numpy(dtype=float, na_value=np.nan) for c in ("invert_from_m", "invert_to_m"))
    part = layer["part"].to_numpy(dtype=np.int64)
    several = (part > 0) | (np.append(part[1:], 0) > 0)
    return np.where(several, np.nan, stop - start)


def _doubted(standing: Standing, doubt: Bools) -> Standing:
    """Put in doubt what operates, or will, where the pump behind it may stand still."""
    doubt = doubt & (standing.grade < NONE)
    if not doubt.any():
        return standing
    why, grade = standing.why.copy(), standing.grade.copy()
    why[doubt], grade[doubt] = "pump_unknown", NONE
    return Standing(
        grade, np.where(doubt, 0, standing.day), standing.closes, standing.unknown | doubt, standing.out, why
    )


def levels(network: Network, layer: pd.DataFrame) -> tuple[Floats, Floats]:
    """Give the invert levels at the drawn start and end of each piece; NaN where they are not known.

    Between the two ends of a line they lie on its even fall by length. A feature of several parts says where its first
    part begins and its last one ends.

    Parameters
    ----------
    network
        What the pieces are taken from.
    layer
        The service's features.
    """
    part = layer["part"].to_numpy(dtype=np.int64)
    row = network.row
    start, stop = (layer[c].to_numpy(dtype=float, na_value=np.nan) for c in ("invert_from_m", "invert_to_m"))
    if part.any():
        # The last part of a feature is the one after which another feature, or the feature's own first part, comes.
        start, stop = np.where(part > 0, np.nan, start), np.where(np.append(part[1:], 0) > 0, np.nan, stop)
    if len(row) == 0:
        return np.empty(0), np.empty(0)
    opens, closes = _ends_of_lines(network)
    length = network.joined.length_m
    run = np.cumsum(length)
    base = (run - length)[opens][np.cumsum(opens) - 1]
    total = run[closes][np.cumsum(opens) - 1] - base
    share = np.divide(run - base, total, out=np.ones(len(row)), where=total > 0)
    between = start[row] + (stop - start)[row] * share
    down = np.where(closes, stop[row], between)
    return np.where(opens, start[row], np.append(np.nan, between[:-1])), down


def pumped(network: Network, layer: pd.DataFrame) -> Bools:
    """Tell which pieces a pump lifts: of the line that begins at one, as it is said to flow, and of what follows it.

    What follows is under pressure as long as exactly one line leads on and no manhole, source or outfall is passed.

    Parameters
    ----------
    network
        What the pieces are taken from.
    layer
        The service's features.
    """
    return network.inverts.pumped if network.inverts is not None else _lifted(network, layer, network.direction)[0]


def begins(network: Network) -> tuple[Ints, Ints]:
    """Give the joint at which each line begins as it is said to flow, -1 where nobody says, and its first piece."""
    opens, closes = (np.flatnonzero(each) for each in _ends_of_lines(network))
    said, joined = network.said[opens], network.joined
    joint = np.where(said == FORWARD, joined.u[opens], np.where(said == REVERSE, joined.v[closes], -1))
    return joint, np.where(said == FORWARD, opens, closes)


def _ends_of_lines(network: Network) -> tuple[Bools, Bools]:
    """Tell which pieces are the first and the last of their line."""
    line = network.joined.line
    opens = np.append(True, np.diff(line) != 0)[: len(line)]
    return opens, np.append(opens[1:], True)[: len(line)]


def _lifted(network: Network, layer: pd.DataFrame, direction: Ints) -> tuple[Bools, Bools, Ints]:
    """Find the pieces that a pump lifts, those that a working one lifts, and the joints of working pumps."""
    pieces = len(network.row)
    held, working = _pumps(network, layer)
    if len(held) == 0 or pieces == 0:
        return np.zeros(pieces, dtype=bool), np.zeros(pieces, dtype=bool), working
    return _behind(network, layer, direction, held), _behind(network, layer, direction, working), working


def _pumps(network: Network, layer: pd.DataFrame) -> tuple[Ints, Ints]:
    """Find the joints that hold a pump, and those that hold one that operates today."""
    point = network.names.rows[network.names.lines :]
    is_pump = layer["role"].to_numpy(dtype=object)[point] == "pump"
    joint = network.joined.point_joint
    works = (
        is_pump & network.drawing.point_first & ~np.isin(joint, np.concatenate([network.closed, network.unsure_closed]))
    )
    return np.unique(joint[is_pump]), np.unique(joint[works])


def _behind(network: Network, layer: pd.DataFrame, direction: Ints, pumps: Ints) -> Bools:
    """Find the pieces of the lines that begin at some joints as they are said to flow, and of what follows them."""
    joined, joints = network.joined, len(network.joined.xy)
    opens, closes = _ends_of_lines(network)
    begin, end = begins(network)[0], np.where(network.said[opens] == FORWARD, joined.v[closes], joined.u[opens])
    # Every line that leads on from a joint, or may, counts once.
    ahead, back = np.isin(direction, (FORWARD, BOTH, UNSURE)), np.isin(direction, (REVERSE, BOTH, UNSURE))
    leaving = np.concatenate([joined.u[ahead], joined.v[back]]) * (int(joined.line.max()) + 1)
    leaving = np.unique(leaving + np.concatenate([joined.line[ahead], joined.line[back]]))
    leads_on = np.bincount(leaving // (int(joined.line.max()) + 1), minlength=joints)
    point = network.names.rows[network.names.lines :]
    stops = np.zeros(joints, dtype=bool)
    stops[joined.point_joint[np.isin(layer["role"].to_numpy(dtype=object)[point], _PASSES_NOT)]] = True
    passes = (leads_on == 1) & ~stops
    front = np.zeros(joints, dtype=bool)
    front[pumps] = True
    lifted = np.zeros(len(begin), dtype=bool)
    while True:
        new = (begin >= 0) & front[begin] & ~lifted
        if not new.any():
            break
        lifted |= new
        front = np.zeros(joints, dtype=bool)
        front[end[new]] = True
        front &= passes
    return np.asarray(lifted[np.cumsum(opens) - 1])
