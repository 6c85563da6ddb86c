"""The choice of mends: for everything that reaches no source the way back with least to do, and the network then."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gisplan.faults.breaking.gaps import Gaps
from gisplan.faults.breaking.mends import DRAWING, FLOW, MISSING, STATUS, VALVE, Arrows, Mends
from gisplan.judging.candidates import Candidates
from gisplan.networks.network import BOTH, FORWARD, REVERSE, UNSURE, Network
from gisplan.networks.standing import FOREVER, A, Standing

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """The mends that together bring everything back that can be brought back.

    Attributes
    ----------
    chosen
        Numbers of the mends.
    behind
        For each of them a joint that has its supply by it.
    effort
        What it costs to bring supply to each joint; infinite where nothing helps.
    """

    chosen: Ints
    behind: Ints
    effort: Floats


def choose(kept: Candidates, mends: Mends) -> Choice:
    """Choose, for every piece that operates and reaches no source, the way with least effort."""
    size, root = mends.root + 1, mends.root
    arrows = mends.arrows
    order = np.lexsort((arrows.guard, arrows.effort, arrows.tail, arrows.head))
    arrows = arrows.take(order)
    best = np.ones(len(order), dtype=bool)
    best[1:] = (arrows.head[1:] != arrows.head[:-1]) | (arrows.tail[1:] != arrows.tail[:-1])
    arrows = arrows.take(best)
    links = csr_array((arrows.effort, (arrows.head, arrows.tail)), shape=(size, size))
    effort, before = dijkstra(links, directed=True, indices=root, return_predecessors=True)
    own, needed = _wanted(kept, mends, effort)
    for joint in np.argsort(-effort, kind="stable")[int(np.isinf(effort).sum()) :].tolist():
        if needed[joint] and joint != root:
            needed[before[joint]] = True
    used = np.flatnonzero(needed & np.isfinite(effort) & (np.arange(size) != root))
    key, wanted = arrows.head * size + arrows.tail, before[used] * size + used
    guard = arrows.guard[np.searchsorted(key, wanted)] if len(used) else used
    # Of all joints behind a mend the last one: at a valve that is the end of a line, not the valve itself.
    chosen, last = np.unique(np.concatenate([guard, own[0]])[::-1], return_index=True)
    behind = np.concatenate([used, own[1]])[::-1][last]
    return Choice(chosen[chosen >= 0], behind[chosen >= 0], effort)


def _wanted(kept: Candidates, mends: Mends, effort: Floats) -> tuple[tuple[Ints, Ints], Bools]:
    """Find the joints that must be live for what operates to serve, and the lines whose own direction is not known."""
    network, supply = kept.network, kept.shut
    needed = np.zeros(mends.root + 1, dtype=bool)
    dark = np.flatnonzero((supply.piece != 0) & (network.standing.grade == A))
    u, v = supply.ends[0][dark], supply.ends[1][dark]
    if not network.service.directed:
        needed[u] = needed[v] = True
        nothing = np.empty(0, dtype=np.int64)
        return (nothing, nothing), needed
    way = network.direction[dark]
    live = np.append(supply.joint == 0, np.zeros(len(needed) - len(supply.joint), dtype=bool))
    effort = np.where(live, 0.0, effort)  # what is live stands in the root
    unsure = way == UNSURE
    lower = np.where(effort[u] <= effort[v], u, v)
    needed[u[np.isin(way, (REVERSE, BOTH))]] = True
    needed[v[np.isin(way, (FORWARD, BOTH))]] = True
    needed[lower[unsure]] = True
    possible = unsure & np.isfinite(effort[lower])
    return (mends.piece_guard[dark[possible]], np.where(u == lower, v, u)[possible]), needed & ~live


def mended(kept: Candidates, mends: Mends, choice: Choice) -> Network:
    """Give the network in which all chosen mends are made; its first pieces are those that there are today."""
    network = kept.network
    done = np.zeros(len(mends.cause) + 1, dtype=bool)
    done[choice.chosen] = True
    cause, thing = mends.cause[choice.chosen], mends.thing[choice.chosen]
    opened, started = thing[cause == VALVE], thing[cause == STATUS]
    standing = _works(network.standing, np.isin(network.row, started))
    fed = replace(network.sources, standing=_works(network.sources.standing, np.isin(network.sources.row, started)))
    turned = np.isin(network.row, thing[cause == FLOW]) & (kept.shut.piece != 0)
    direction = _turned(kept, turned, choice.effort)
    network = replace(
        network,
        standing=standing,
        direction=direction,
        sources=fed,
        closed=np.setdiff1d(network.closed, opened),
        unsure_closed=np.setdiff1d(network.unsure_closed, opened),
    )
    network = _linked(network, mends.gaps, thing[cause == DRAWING])
    return _linked(network, mends.builds, thing[cause == MISSING])


def _works(standing: Standing, rows: Bools) -> Standing:
    """Let some rows operate."""
    return replace(
        standing,
        grade=np.where(rows, A, standing.grade),
        day=np.where(rows, 0, standing.day),
        closes=np.where(rows, FOREVER, standing.closes),
        unknown=standing.unknown & ~rows,
        why=np.where(rows, "connected", standing.why).astype(object),
    )


def _turned(kept: Candidates, turned: Bools, effort: Floats) -> Ints:
    """Turn some pieces round; one whose direction is not known flows to where the way is shorter."""
    way = kept.network.direction
    u, v = (np.where(kept.shut.joint[end] == 0, 0.0, effort[end]) for end in kept.shut.ends)
    known = np.where(way == FORWARD, REVERSE, np.where(way == REVERSE, FORWARD, way))
    flips = np.where(way == UNSURE, np.where(v <= u, FORWARD, REVERSE), known)
    return np.where(turned, flips, way).astype(np.int64)


def _linked(network: Network, gaps: Gaps, which: Ints) -> Network:
    """Close some gaps: a piece across each, and where it ends on the side of a piece two parts of that piece."""
    joined = network.joined
    start, pieces = len(joined.xy), len(joined.u)
    sides = np.concatenate([gaps.a[which], gaps.b[which]])
    foot = np.unique(-1 - sides[sides < 0])
    place = np.zeros(len(gaps.foot), dtype=np.int64)
    place[foot] = start + np.arange(len(foot))
    a, b = (_at(side[which], place) for side in (gaps.a, gaps.b))
    on, at_m = gaps.foot[foot], gaps.foot_m[foot]
    like = np.concatenate([np.zeros(len(which), np.int64), on, on])  # the piece whose columns a new one takes over
    new = np.arange(len(like)) < len(which)
    u, v = np.concatenate([a, joined.u[on], place[foot]]), np.concatenate([b, place[foot], joined.v[on]])
    length = np.concatenate([gaps.gap_m[which], at_m, joined.length_m[on] - at_m])
    every = np.concatenate([np.arange(pieces), like])
    works = np.concatenate([np.zeros(pieces, dtype=bool), new])
    return replace(
        network,
        joined=replace(
            joined,
            xy=np.concatenate([joined.xy, np.zeros((len(foot), 2))]),
            u=np.concatenate([joined.u, u]),
            v=np.concatenate([joined.v, v]),
            line=joined.line[every],
            length_m=np.concatenate([joined.length_m, length]),
        ),
        row=network.row[every],
        standing=_works(replace(network.standing.take(every), out=network.standing.out[every] & ~works), works),
        direction=np.where(works, BOTH, network.direction[every]),
        main=network.main[every] & ~works,
    )


def _at(side: Ints, place: Ints) -> Ints:
    """Give the joints of the sides of gaps, where feet have become joints."""
    foot = side < 0
    out = side.copy()
    out[foot] = place[-1 - side[foot]]
    return out


def links(arrows: Arrows, chosen: Ints) -> Arrows:
    """Give the steps that are there as things are or by a chosen mend."""
    return arrows.take((arrows.guard < 0) | np.isin(arrows.guard, chosen))
