"""Stranded land: which parcels would be served if what is cut off had its supply, and on which mends that hangs.

Whether a parcel would be served is asked of the network in which everything is mended, by the rules by which it is
judged today: reach, what stands in the way, size and class. Which mends it needs is then a question of who reaches a
source without one of them, or with one of them alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from gisplan.faults.breaking.choice import Choice, links, mended
from gisplan.faults.breaking.mends import FLOW, Arrows, Mends
from gisplan.judging.candidates import HOLDS, Candidates, judged, own_conditions
from gisplan.judging.evidence import against, on_parcels
from gisplan.judging.judgement import Judgement
from gisplan.networks.network import BOTH, FORWARD, REVERSE, UNSURE
from gisplan.networks.reach import Near, Obstacles, unbarred
from gisplan.networks.supply import SHUT, levels, sweep

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


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
    survey = judgement.survey
    none = np.empty(0, dtype=np.int64)
    open_ = _open(judgement, kept.service.key)
    if len(shape) == 0 or len(open_) == 0:
        return none, none
    parcels = np.asarray(survey.parcels.geometry.array)
    land = parcels if survey.neighbours is None else np.concatenate([parcels, survey.neighbours])
    barriers = np.empty(0, dtype=object) if survey.barriers is None else np.asarray(survey.barriers.geometry.array)
    obstacles = Obstacles(land, barriers, survey.barriers is None or survey.blockers_lost)
    at, row = shapely.STRtree(parcels[open_]).query(shape, predicate="dwithin", distance=kept.reach_m)
    parcel = open_[row]
    gap = shapely.distance(parcels[parcel], shape[at])
    order = np.lexsort((at, gap, label[at], parcel))
    head = (np.diff(parcel[order], prepend=-1) != 0) | (np.diff(label[at[order]], prepend=-1) != 0)
    first = order[head]
    near = Near(parcel[first], label[at[first]], at[first], gap[first])
    near, barred = unbarred(near, obstacles, (shape, label), np.full(int(label.max()) + 1, kept.reach_m))
    sure = ~barred & ((near.distance_m == 0) | (not obstacles.unsure))
    return near.parcel[sure], near.group[sure]


def _open(judgement: Judgement, key: str) -> Ints:
    """List the parcels that are not served today and would be A if they were: no paper or doubt stands against it."""
    survey = judgement.survey
    index = survey.parcels.index
    held = judgement.overlap | survey.parcels["doubt"].to_numpy(dtype=bool) | against(judgement.evidence, key, index)
    held |= on_parcels(judgement.evidence, key, index, "not_applicable") >= 0
    return np.flatnonzero(~held & (judgement.connections[key].grade != "A"))


def _account(chosen: tuple[Mends, Choice], group: Ints, served: Served, books: tuple[Floats, Stranded]) -> None:
    """Take each mend away in turn, and make each alone: who is served then? Only what hangs together is looked at."""
    area, out = books
    mends, choice = chosen
    plan = _Plan(chosen, group, served)
    every = np.ones(len(mends.cause) + 1, dtype=bool)  # the last entry stands for what needs no mend
    alive = plan.serves(np.arange(len(served.joint)), plan.arrows, every)
    pairs = np.flatnonzero(alive[served.label])
    routes = np.bincount(served.parcel[pairs], minlength=len(area))
    region = plan.of_class[served.label[pairs]]
    order = np.argsort(region, kind="stable")
    pairs, region = pairs[order], region[order]
    for at, mend in enumerate(choice.chosen.tolist()):
        mine = int(plan.of_mend[mend])
        low, high = np.searchsorted(region, [mine, mine + 1])
        if low == high:
            continue
        parcel, label = served.parcel[pairs[low:high]], served.label[pairs[low:high]]
        arrows = plan.inside(mine)
        without, only = every.copy(), ~every
        without[mend], only[mend], only[-1] = False, True, True
        dead = parcel[~plan.serves(label, arrows, without)]
        losers, lost = np.unique(dead, return_counts=True)
        gone = losers[lost == routes[losers]]
        out.parcels[at], out.mu[at] = len(gone), area[gone].sum()
        out.alone_mu[at] = area[np.unique(parcel[plan.serves(label, arrows, only)])].sum()


class _Plan:
    """The chosen mends as a small graph: what is live together is one joint, and regions do not concern each other."""

    def __init__(self, chosen: tuple[Mends, Choice], group: Ints, served: Served) -> None:
        mends, choice = chosen
        arrows = links(mends.arrows, choice.chosen)
        tail, head = group[arrows.tail], group[arrows.head]
        table = np.unique(np.column_stack([tail, head, arrows.guard])[tail != head], axis=0)
        self.arrows = Arrows(table[:, 0], table[:, 1], table[:, 2], np.zeros(len(table)))
        self.start = int(group[mends.root])
        self.joint, self.guard = group[served.joint], served.guard
        self._regions(int(group.max()) + 1, len(mends.cause))

    def _regions(self, groups: int, mends: int) -> None:
        """Find what hangs together when the root is taken away; a mend belongs where it helps."""
        a = self.arrows
        inner, guarded = a.head != self.start, a.guard >= 0
        own = (self.joint != self.start) & (self.guard >= 0)
        one = np.concatenate([a.tail[inner], a.tail[guarded], self.joint[own]])
        two = np.concatenate([a.head[inner], groups + a.guard[guarded], groups + self.guard[own]])
        graph = coo_array((np.ones(len(one), np.int8), (one, two)), shape=(groups + mends, groups + mends))
        _, part = connected_components(graph, directed=False)
        self.of_mend = part[groups:]
        self.of_class = np.where(self.joint == self.start, np.append(self.of_mend, -1)[self.guard], part[self.joint])
        self._order = np.argsort(part[a.tail], kind="stable")
        self._owner = part[a.tail][self._order]

    def inside(self, region: int) -> Arrows:
        """Give the arrows of one region."""
        low, high = np.searchsorted(self._owner, [region, region + 1])
        return self.arrows.take(self._order[low:high])

    def serves(self, label: Ints, arrows: Arrows, made: Bools) -> Bools:
        """Tell which classes are live by the mends that are made."""
        use = arrows.take(made[arrows.guard])
        joints, place = np.unique(np.concatenate([[self.start], use.tail, use.head]), return_inverse=True)
        tail, head = np.split(place[1:], 2)
        graph = csr_array((np.ones(len(tail), np.int8), (head, tail)), shape=(len(joints), len(joints)))
        live = joints[breadth_first_order(graph, int(place[0]), directed=True, return_predecessors=False)]
        return np.asarray(np.isin(self.joint[label], live) & made[self.guard[label]])
