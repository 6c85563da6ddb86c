"""Reversal: which pipes flow against their neighbours, so that turning that one alone mends both of its ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gisplan.faults.draining.gravity import Bools, Flow, Ints
from gisplan.networks.network import REVERSE


@dataclass(frozen=True)
class Turned:
    """Pipes that flow the wrong way.

    Attributes
    ----------
    piece
        Whether each piece is one of them.
    head, tail
        First and last piece of each, as its water is said to run; lines of a run stand apart.
    other
        The piece that tells: another one that runs to its end as well, or else one that leaves where it begins.
    """

    piece: Bools
    head: Ints
    tail: Ints
    other: Ints


def turned(flow: Flow, error_m: float) -> Turned:
    """Find the pipes that flow against their neighbours.

    A main is one if nothing leads on from its end, which is no outfall and no pump, while other water could leave
    from where it begins; another main that runs to its end, or its own inverts, must say so too, and its inverts must
    not say the opposite. Where several mains at one joint could be the one, their inverts decide, then which of them
    nothing runs to; else none is named. A lateral is one if it leads from a main to nowhere.

    Parameters
    ----------
    flow
        The pieces of one service.
    error_m
        Difference within which levels count as equal.
    """
    piece = np.zeros(len(flow.up), dtype=bool)
    chosen = _runs(flow, error_m)
    run = flow.runs[0]
    piece[run >= 0] = np.isin(run[run >= 0], chosen)
    laterals = _laterals(flow, error_m)
    head, tail = lines(flow, piece)
    other = _witness(flow, (head, tail))
    piece[laterals] = True
    again, end = lines(flow, np.isin(np.arange(len(piece)), laterals))
    mains = _any(flow.up, flow.joints, flow.main)
    ending = _any(flow.down, flow.joints, flow.main)
    at = flow.up[again]
    main = np.where(mains[at] >= 0, mains[at], ending[at])
    return Turned(piece, np.append(head, again), np.append(tail, end), np.append(other, main))


def lines(flow: Flow, which: Bools) -> tuple[Ints, Ints]:
    """Give the first and the last piece of each line, as its water runs, of which some pieces are chosen."""
    line = flow.network.joined.line
    opens = np.flatnonzero(np.diff(line, prepend=-1))
    closes = np.flatnonzero(flow.last)
    kept = which[opens]
    opens, closes = opens[kept], closes[kept]
    back = flow.direction[opens] == REVERSE
    return np.where(back, closes, opens).astype(np.int64), np.where(back, opens, closes).astype(np.int64)


def _runs(flow: Flow, error_m: float) -> Ints:
    """Choose the runs of mains that flow the wrong way."""
    _, first, final = flow.runs
    ins, outs = flow.count(flow.down, flow.main), flow.count(flow.up, flow.main)
    unclear = np.zeros(flow.joints, dtype=bool)
    vague = flow.main & ~flow.known
    unclear[flow.up[vague]] = unclear[flow.down[vague]] = True
    whole = np.flatnonzero((first >= 0) & (final >= 0))
    first, final = first[whole], final[whole]
    a, b = flow.up[first], flow.down[final]
    rise = flow.down_m[final] - flow.up_m[first]
    agrees, against = rise > error_m, rise < -error_m
    stuck = (outs[b] == 0) & ~flow.drained[b] & ~flow.lifted[b] & ~unclear[b]
    leads = ((outs[a] > 1) | flow.drained[a]) & ~unclear[a] & ~flow.lifted[a]
    could = stuck & leads & ~against & (a != b) & ((ins[b] > 1) | agrees) & ~flow.pumped[first]
    rank = 2 * agrees + (ins[a] == 0)
    # At each end that leads nowhere the one that stands out; two alike leave it open which of them it is.
    best = np.full(flow.joints, -1, dtype=np.int64)
    np.maximum.at(best, b[could], rank[could])
    could &= rank == best[b]
    could &= np.bincount(b[could], minlength=flow.joints)[b] == 1
    # Turning all pipes that leave a joint would leave it without a way out.
    could &= (np.bincount(a[could], minlength=flow.joints)[a] < outs[a]) | flow.drained[a]
    return np.asarray(whole[could], dtype=np.int64)


def _laterals(flow: Flow, error_m: float) -> Ints:
    """Choose the laterals that lead from a main to an end where there is nothing."""
    head, tail = lines(flow, flow.known & ~flow.main)
    a, b = flow.up[head], flow.down[tail]
    ends = np.bincount(np.append(flow.up, flow.down), minlength=flow.joints)
    mains = np.bincount(np.append(flow.up[flow.main], flow.down[flow.main]), minlength=flow.joints)
    nowhere = (ends[b] == 1) & ~flow.drained[b] & ~flow.lifted[b]
    falls = flow.down_m[tail] - flow.up_m[head] < -error_m
    wrong = nowhere & (mains[a] > 0) & ~flow.drained[a] & ~flow.lifted[a] & ~falls
    line = flow.network.joined.line
    return np.flatnonzero(np.isin(line, line[head[wrong]])).astype(np.int64)


def _witness(flow: Flow, ends: tuple[Ints, Ints]) -> Ints:
    """Find for each line another main that runs to its end, else one that leaves where it begins; -1 for none."""
    head, tail = ends
    out = np.full(len(head), -1, dtype=np.int64)
    for joint, side in ((flow.up[head], flow.up), (flow.down[tail], flow.down)):
        for late in (False, True):
            found = _any(side, flow.joints, flow.main, late)[joint]
            apart = (found >= 0) & (flow.row[found] != flow.row[head])
            out[apart] = found[apart]
    return out


def _any(side: Ints, joints: int, which: npt.NDArray[np.bool_], late: bool = True) -> Ints:
    """Give the first or the last piece that has each joint at one side; -1 for none."""
    found = np.full(joints, -1, dtype=np.int64)
    pieces = np.flatnonzero(which)
    pieces = pieces if late else pieces[::-1]
    found[side[pieces]] = pieces
    return found
