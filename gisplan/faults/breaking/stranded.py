"""Stranded land: which parcels would be served if what is cut off had its supply, and on which mends that hangs.

Whether a parcel would be served is asked of the network in which everything is mended, by the rules by which it is
judged today: reach, what stands in the way, size and class. Which mends it needs is then a question of who reaches a
source without one of them, or with one of them alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gisplan.faults.breaking.bearing import Pairs, Steps, alone, lost
from gisplan.faults.breaking.choice import Choice, links, mended
from gisplan.faults.breaking.mends import FLOW, Arrows, Mends
from gisplan.judging.candidates import Candidates, judged, own_conditions
from gisplan.judging.judgement import Judgement
from gisplan.judging.outcome import HOLDS
from gisplan.networks.network import BOTH, FORWARD, REVERSE, UNSURE
from gisplan.networks.reach import Near, unbarred
from gisplan.networks.supply import SHUT, levels, sweep

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_BITS = 64


@dataclass(frozen=True)
class Served:
    """Who would be served if everything were mended, and by what.

    Attributes
    ----------
    parcel, label
        Pairs of a parcel and a class of things that would serve it.
    joint, guard
        What each class needs: a joint that has its supply, and a mend of its own (-1: none).
    """

    parcel: Ints
    label: Ints
    joint: Ints
    guard: Ints


@dataclass(frozen=True)
class Stranded:
    """The land behind each chosen mend.

    Attributes
    ----------
    parcels, mu
        Parcels that are not served if everything else is mended and this is not, and their area.
    alone_mu
        Area that mending this one alone brings back.
    served
        Who would be served if everything were mended.
    """

    parcels: Ints
    mu: Floats
    alone_mu: Floats
    served: Served


def stranded(judgement: Judgement, kept: Candidates, mends: Mends, choice: Choice) -> Stranded:
    """Measure the land that hangs on each chosen mend.

    Parameters
    ----------
    judgement
        What is judged.
    kept
        The service's network, and who is live today.
    mends, choice
        All mends of the service, and those that were chosen.
    """
    group = _together(mends)
    served = _served(judgement, kept, (mends, choice), group)
    area = judgement.survey.parcels["area_mu"].to_numpy(dtype=float)
    count = len(choice.chosen)
    out = Stranded(np.zeros(count, dtype=np.int64), np.zeros(count), np.zeros(count), served)
    if count and len(served.parcel):
        _account((mends, choice), group, served, (area, out))
    return out


def _together(mends: Mends) -> Ints:
    """Give one number to joints of which none is ever live without the others."""
    size = mends.root + 1
    free = mends.arrows.take(mends.arrows.guard < 0)
    graph = coo_array((np.ones(len(free.tail), np.int8), (free.tail, free.head)), shape=(size, size))
    _, group = connected_components(graph, directed=True, connection="strong")
    return np.asarray(group, dtype=np.int64)


def _served(judgement: Judgement, kept: Candidates, plan: tuple[Mends, Choice], group: Ints) -> Served:
    """Find the parcels that would be served once everything is mended, and by what."""
    mends, choice = plan
    layer = judgement.survey.layers[kept.service.key]
    after = sweep(mended(kept, mends, choice), levels([]), SHUT)
    level, outcome, _ = judged(after, own_conditions(kept.service), layer)
    pieces, stubs = len(kept.network.row), len(kept.network.stub_row)
    good = (level == 0) & (outcome == HOLDS)
    good = np.concatenate([good[:pieces], good[len(good) - stubs :]])
    today = np.concatenate([kept.shut.piece, kept.shut.stub]) == 0
    which = np.flatnonzero(good & ~today)
    thing, joint, guard = _needs(kept, mends, choice, which)
    joint = np.where(np.append(kept.shut.joint == 0, np.zeros(mends.root + 1 - len(kept.shut.joint), bool))[joint],
                     mends.root, joint)  # fmt: skip
    first = np.zeros(len(group), dtype=np.int64)
    first[group[::-1]] = np.arange(len(group))[::-1]
    joint = first[group[joint]]  # one joint stands for all that are live together
    label, classes = pd.factorize(pd.MultiIndex.from_arrays([joint, guard])) if len(thing) else (joint, joint[:0])
    needed = np.array(list(classes), dtype=np.int64).reshape(-1, 2)
    shape = np.concatenate(
        [
            kept.network.joined.piece(thing[thing < pieces]),
            np.asarray(layer.geometry.array)[kept.network.stub_row[thing[thing >= pieces] - pieces]],
        ]
    )
    order = np.argsort(thing >= pieces, kind="stable")
    parcel, label = _in_reach(judgement, kept, shape, np.asarray(label, dtype=np.int64)[order])
    return Served(parcel, label, needed[:, 0], needed[:, 1])


def _needs(kept: Candidates, mends: Mends, choice: Choice, which: Ints) -> tuple[Ints, Ints, Ints]:
    """List what each thing needs to be live, a row for each way: thing, joint that has supply, mend of its own."""
    network, supply = kept.network, kept.shut
    pieces = len(network.row)
    piece, stub = which[which < pieces], which[which >= pieces] - pieces
    u, v, own = supply.ends[0][piece], supply.ends[1][piece], mends.piece_guard[piece]
    rows = [(stub + pieces, network.stub_joint[stub], np.full(len(stub), -1))]
    way = network.direction[piece] if network.service.directed else np.full(len(piece), BOTH)
    turn = np.full(int(network.row.max(initial=-1)) + 1, -1, dtype=np.int64)
    flow = choice.chosen[mends.cause[choice.chosen] == FLOW]
    turn[mends.thing[flow]] = flow
    for end, drawn in ((u, REVERSE), (v, FORWARD)):
        mine = (way == drawn) | (way == BOTH) | (way == UNSURE)
        rows.append((piece[mine], end[mine], own[mine]))
        mine = (way == -drawn) & (turn[network.row[piece]] >= 0) & (own < 0)
        rows.append((piece[mine], end[mine], turn[network.row[piece[mine]]]))
    thing, joint, guard = (np.concatenate(column).astype(np.int64) for column in zip(*rows, strict=True))
    return thing, joint, guard


def _in_reach(judgement: Judgement, kept: Candidates, shape: npt.NDArray[np.object_], label: Ints) -> tuple[Ints, Ints]:
    """Find the parcels that are not served today and have one of some shapes in reach, with nothing in the way."""
    none = np.empty(0, dtype=np.int64)
    key = kept.service.key
    # What would be A if it were served: no paper or doubt stands against it.
    open_ = np.flatnonzero(judgement.undisputed(key) & (judgement.connections[key].grade != "A"))
    if len(shape) == 0 or len(open_) == 0:
        return none, none
    parcels = np.asarray(judgement.survey.parcels.geometry.array)
    obstacles = judgement.obstacles
    box = shapely.bounds(shape) + kept.reach_m * np.array([-1.0, -1.0, 1.0, 1.0])
    at, row = shapely.STRtree(parcels[open_]).query(shapely.box(*box.T))
    gap = shapely.distance(parcels[open_[row]], shape[at])
    close = gap <= kept.reach_m
    at, parcel, gap = at[close], open_[row[close]], gap[close]
    order = np.lexsort((at, gap, label[at], parcel))
    head = (np.diff(parcel[order], prepend=-1) != 0) | (np.diff(label[at[order]], prepend=-1) != 0)
    first = order[head]
    near = Near(parcel[first], label[at[first]], at[first], gap[first])
    near, barred = unbarred(near, obstacles, (shape, label), np.full(int(label.max()) + 1, kept.reach_m))
    sure = ~barred & ((near.distance_m == 0) | (not obstacles.unsure))
    return near.parcel[sure], near.group[sure]


def _account(chosen: tuple[Mends, Choice], group: Ints, served: Served, books: tuple[Floats, Stranded]) -> None:
    """Count the land that is not served without each mend, and the land that each brings back alone."""
    area, out = books
    mends, choice = chosen
    steps, joint = _steps(mends, choice, group, served)
    number = np.full(len(mends.cause) + 1, -2, dtype=np.int64)
    number[choice.chosen], number[-1] = np.arange(len(choice.chosen)), -1
    own = number[served.guard]
    live, free = np.append(steps.live(), False)[joint], np.append(steps.free(), False)[joint]
    pairs = np.flatnonzero(live[served.label])
    pairs = pairs[np.argsort(served.parcel[pairs], kind="stable")]
    label, parcel = served.label[pairs], served.parcel[pairs]
    rows = np.flatnonzero(live & (own >= 0))
    itself = Pairs(own[rows], rows)
    gone = lost(steps).of(*_by_joint(joint)).plus(itself)
    for at, rows in _parcels(gone, (label, parcel), np.bitwise_and):
        out.parcels[at], out.mu[at] = len(rows), area[rows].sum()
    back = alone(steps).of(*_by_joint(joint))
    back = back.take((own[back.thing] == -1) | (own[back.thing] == back.mend)).plus(itself.take(free[itself.thing]))
    for at, rows in _parcels(back, (label, parcel), np.bitwise_or):
        out.alone_mu[at] = area[rows].sum()


def _by_joint(joint: Ints) -> tuple[Ints, Ints]:
    """Sort classes by their joints: the joints, and the classes."""
    order = np.argsort(joint, kind="stable")
    return joint[order], order


def _parcels(concerns: Pairs, served: tuple[Ints, Ints], how: np.ufunc) -> Iterator[tuple[int, Ints]]:
    """Find the parcels of which a mend concerns all classes that serve them, or any one, for every mend.

    `served` are the class and the parcel of pairs, by parcel; mends are looked at 64 at a time, one bit each.
    """
    label, parcel = served
    heads = np.flatnonzero(np.diff(parcel, prepend=-1))
    if len(heads) == 0:
        return
    concerns = concerns.take(np.argsort(concerns.mend, kind="stable"))
    for low in range(0, int(concerns.mend.max(initial=-1)) + 1, _BITS):
        part = concerns.take(slice(*np.searchsorted(concerns.mend, [low, low + _BITS])))
        mask = np.zeros(int(label.max()) + 1, dtype=np.uint64)
        known = part.thing < len(mask)
        bit = np.left_shift(np.uint64(1), (part.mend - low).astype(np.uint64))
        np.bitwise_or.at(mask, part.thing[known], bit[known])
        mine = how.reduceat(mask[label], heads)
        for mend in np.unique(part.mend).tolist():
            yield mend, parcel[heads[(mine >> np.uint64(mend - low)) & np.uint64(1) != 0]]


def _steps(mends: Mends, choice: Choice, group: Ints, served: Served) -> tuple[Steps, Ints]:
    """Give the steps by chosen mends between what is live together, and where in them each class has its supply."""
    arrows = links(mends.arrows, choice.chosen)
    tail, head, start = group[arrows.tail], group[arrows.head], int(group[mends.root])
    apart = tail != head
    known, place = np.unique(np.concatenate([[start], tail[apart], head[apart]]), return_inverse=True)
    tail, head = np.split(place[1:], 2)
    guard = arrows.guard[apart]
    guard = np.where(guard < 0, -1, np.searchsorted(choice.chosen, guard))
    steps = Steps(Arrows(tail, head, guard, arrows.effort[apart]), int(place[0]), len(known), len(choice.chosen))
    joint = np.searchsorted(known, group[served.joint])
    joint[np.append(known, -1)[joint] != group[served.joint]] = len(known)
    return steps, joint
