"""Stakes: the land whose supply today hangs on a feature or on a guessed join.

What counts is the parcels that a service is connected to today by the survey (grade A), with nothing said against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely

from gisplan.judging.candidates import Candidates, candidates
from gisplan.judging.connection import connect
from gisplan.judging.judgement import Judgement
from gisplan.networks.essential import Essential, essential
from gisplan.networks.forest import Forest
from gisplan.networks.inverts import drained
from gisplan.networks.joints import NOISE_M
from gisplan.networks.network import build
from gisplan.networks.reach import Near, Obstacles, unbarred

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Land:
    """Parcels and mu, one entry for each of what they hang on."""

    parcels: Floats
    mu: Floats


def connected(judgement: Judgement, key: str) -> Bools:
    """Tell which parcels a service serves today: grade A by the survey, and nothing laid over it.

    Parameters
    ----------
    judgement
        What was judged.
    key
        A service with a layer.
    """
    return np.asarray((judgement.connections[key].grade == "A") & judgement.undisputed(key))


def carried(judgement: Judgement, key: str) -> Land:
    """Give for every row of a layer the land whose way to the source leads over it today.

    A way leads over the candidate that serves the parcel, over the lines that it follows, and over the points that
    stand at the joints that it passes, the source among them.

    Parameters
    ----------
    judgement
        What was judged.
    key
        A service with a layer.
    """
    kept, found = judgement.candidates[key], judgement.connections[key]
    network = kept.network
    who = np.flatnonzero(connected(judgement, key) & (found.joint >= 0))
    total = np.zeros((len(network.features), 2))
    if len(who) == 0:
        return Land(total[:, 0], total[:, 1])
    way = kept.shut.way(0)
    forest = Forest(way.next_joint)
    weight = np.column_stack([np.ones(len(who)), judgement.survey.parcels["area_mu"].to_numpy(dtype=float)[who]])
    at = np.zeros((len(forest.parent), 2))
    np.add.at(at, found.joint[who], weight)
    passed = forest.sums(at)
    used = np.flatnonzero((way.piece >= 0) & (passed[:, 0] > 0))
    row = network.row[way.piece[used]]
    # A way that comes back to a line counts where it uses the line for the last time.
    last = _outermost(forest, used, row)
    np.add.at(total, row[last], passed[used[last]])
    own = kept.row[found.candidate[who]]
    again = _among(forest, (used[last], row[last]), (found.joint[who].astype(np.int64), own))
    np.add.at(total, own[~again], weight[~again])
    firm = ~network.drawing.point_leaf  # nothing leads over a stub or hydrant but what it serves itself
    point, joint = network.names.rows[network.names.lines :][firm], network.joined.point_joint[firm]
    total[point] += passed[joint]
    return Land(total[:, 0], total[:, 1])


def _outermost(forest: Forest, node: Ints, group: Ints) -> Ints:
    """Find the nodes that do not hang on another of their group: their places in `node`."""
    order = np.lexsort((forest.start[node], group))
    shift = group[order] * (len(forest.parent) + 1)
    start, size = shift + forest.start[node[order]], forest.size[node[order]]
    before = np.append(-1, np.maximum.accumulate(start + size)[:-1])
    return order[before <= start]


def _among(forest: Forest, tops: tuple[Ints, Ints], asked: tuple[Ints, Ints]) -> Bools:
    """Tell which nodes hang on a top of their group, or are one; no top hangs on another of its group."""
    (top, group), (node, wanted) = tops, asked
    big = len(forest.parent) + 1
    key = group * big + forest.start[top]
    order = np.argsort(key)
    place = np.searchsorted(key[order], wanted * big + forest.start[node], side="right") - 1
    if len(top) == 0:
        return np.zeros(len(node), dtype=bool)
    at = order[np.maximum(place, 0)]
    return np.asarray((place >= 0) & (group[at] == wanted) & forest.holds(top[at], node))


def hanging(judgement: Judgement) -> dict[str, Land]:
    """Give for every guessed join the land that would no longer be connected if this one join were undone.

    A parcel is lost only with the last candidate that could serve it today. What undoing might connect besides, and
    which main a lateral would then belong to, is not asked.

    Parameters
    ----------
    judgement
        What was judged.

    Returns
    -------
    dict
        By service; one entry for each row of ``Network.guesses``.
    """
    obstacles = judgement.obstacles
    mu = judgement.survey.parcels["area_mu"].to_numpy(dtype=float)
    out = {}
    for key, kept in judgement.candidates.items():
        guesses = kept.network.guesses.index.to_numpy(dtype=np.int64)
        lost = np.zeros((len(kept.network.joined.proposed), 2))
        if len(guesses):
            tree = essential(kept.shut)
            weight = np.zeros((len(tree.guess), 2))
            who, node = _depends(judgement, key, tree, obstacles)
            np.add.at(weight, node, np.column_stack([np.ones(len(who)), mu[who]]))
            above = np.flatnonzero(tree.guess >= 0)
            lost[tree.guess[above]] = tree.forest.sums(weight)[above]
            for join, gone in _astray(judgement, key, obstacles):
                lost[join] = [len(gone), mu[gone].sum()]
        out[key] = Land(*lost[guesses].T)
    return out


def _depends(judgement: Judgement, key: str, tree: Essential, obstacles: Obstacles) -> tuple[Ints, Ints]:
    """Find the parcels that hang on guesses, and the node of the tree where the ways of all their candidates meet."""
    kept, found = judgement.candidates[key], judgement.connections[key]
    none = np.empty(0, dtype=np.int64)
    hangs = np.append(tree.hangs(), False)
    stub = np.append(kept.stub, -1)[found.candidate]
    node = np.where(stub >= 0, np.append(tree.stub, -1)[stub], np.append(tree.piece, -1)[found.piece])
    who = np.flatnonzero(connected(judgement, key) & hangs[node])
    if len(who) == 0:
        return none, none
    shape, place = _candidates(kept, tree)
    own = node[who]
    near = _others(kept, obstacles.parcels[who], (shape, place), (own, tree.forest))
    if obstacles.unsure:
        near = _only(near, near.distance_m == 0)
    near = replace(near, parcel=who[near.parcel])
    near, barred = unbarred(near, obstacles, (shape, place), np.full(len(hangs), kept.reach_m))
    every, place = np.append(who, near.parcel[~barred]), np.append(own, near.group[~barred])
    order = np.lexsort((tree.forest.start[place], every))
    every, place = every[order], place[order]
    head = np.flatnonzero(np.diff(every, prepend=-1))
    tail = np.append(head[1:], len(every)) - 1
    # In the order of the tree the first and the last candidate meet where all do.
    return every[head], tree.forest.meeting(place[head], place[tail])


def _others(kept: Candidates, parcels: Shapes, drawn: tuple[Shapes, Ints], tree: tuple[Ints, Forest]) -> Near:
    """Find the nearest candidate in reach for each parcel and node that does not hang on the node that serves it."""
    (shape, place), (own, forest) = drawn, tree
    box = shapely.bounds(parcels) + kept.reach_m * np.array([-1.0, -1.0, 1.0, 1.0])
    parcel, candidate = shapely.STRtree(shape).query(shapely.box(*box.T))
    other = ~forest.holds(own[parcel], place[candidate])
    parcel, candidate = parcel[other], candidate[other]
    distance = shapely.distance(parcels[parcel], shape[candidate])
    order = np.lexsort((candidate, distance, place[candidate], parcel))
    order = order[distance[order] <= kept.reach_m]
    pair = parcel[order] * len(forest.parent) + place[candidate[order]]
    first = order[np.flatnonzero(np.diff(pair, prepend=-1))]
    return Near(parcel[first], place[candidate[first]], candidate[first], distance[first])


def _only(near: Near, which: Bools) -> Near:
    """Keep some rows."""
    return Near(near.parcel[which], near.group[which], near.candidate[which], near.distance_m[which])


def _astray(judgement: Judgement, key: str, obstacles: Obstacles) -> Iterator[tuple[int, Ints]]:
    """Judge again without each join that holds a point to a closed valve: a valve on no line puts the nearest in doubt.

    There are few such joins. Gives the number of each and the parcels that are lost without it.
    """
    survey, kept = judgement.survey, judgement.candidates[key]
    network, guesses = kept.network, kept.network.guesses
    points = network.names.rows[network.names.lines :]
    held = guesses["joint"].isin(np.concatenate([network.closed, network.unsure_closed]))
    held &= guesses["row"].isin(points) | guesses["other_row"].isin(points)
    served, layer, standing = connected(judgement, key), survey.layers[key], judgement.standings[key]
    row = np.append(kept.row, -1)[judgement.connections[key].candidate]
    for join, name in guesses.loc[held, "id"].items():
        again = build(layer, network.service, standing, survey.profile.snap_m, survey.undo | {name})
        again = drained(again, layer, survey.profile.inspections["invert_error"].value)
        other = candidates(layer, again, standing, key in survey.doubts)
        less = _live_m(other, len(layer)) < _live_m(kept, len(layer)) - NOISE_M
        who = np.flatnonzero(served & less[row])
        first = np.concatenate([who, np.delete(np.arange(len(obstacles.parcels)), who)])
        around = replace(obstacles, parcels=obstacles.parcels[first])
        found = connect(obstacles.parcels[who], {key: other}, around, judgement.lowest_m[who])
        yield int(join), who[found[key].grade != "A"]


def _live_m(kept: Candidates, rows: int) -> Floats:
    """Give the length that serves today of every row of a layer; a stub has a metre."""
    now = np.flatnonzero(kept.level_shut == 0)
    length = np.where(kept.stub[now] >= 0, 1.0, shapely.length(kept.shape[now]))
    return np.asarray(np.bincount(kept.row[now], length, rows), dtype=float)


def _candidates(kept: Candidates, tree: Essential) -> tuple[Shapes, Ints]:
    """List what serves today, cut where its pieces hang on different guesses, and the node of each in the tree."""
    now = np.flatnonzero(kept.level_shut == 0)
    count = np.maximum(kept.pieces[now], 1)
    owner = np.repeat(np.arange(len(now)), count)
    piece = np.repeat(kept.piece[now], count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    stub = kept.stub[now[owner]]
    node = np.where(stub >= 0, np.append(tree.stub, -1)[stub], np.append(tree.piece, -1)[np.maximum(piece, -1)])
    head = np.cumsum(count) - count
    whole = np.minimum.reduceat(node, head) == np.maximum.reduceat(node, head)
    parts = np.flatnonzero(~whole[owner])
    shape = np.concatenate([kept.shape[now[whole]], kept.network.joined.piece(piece[parts])])
    return shape, np.concatenate([node[head[whole]], node[parts]])
