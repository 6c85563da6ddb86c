"""Connection: for every parcel and network service, what serves it, from when, by which way — or why nothing does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.judging.candidates import DEAD, Candidates
from gisplan.judging.draining.descent import Descent, descend
from gisplan.judging.outcome import FAILS, HOLDS
from gisplan.networks.reach import Near, Obstacles, nearest, nearest_any, unbarred
from gisplan.networks.standing import NONE, A
from gisplan.networks.supply import Supply, along

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32 | np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Shapes = npt.NDArray[np.object_]

LETTERS = np.array(["A", "B", "C", "D"], dtype=object)
_SHIFT = np.int64(1) << 28  # a day and a piece number in one integer: the day decides


@dataclass(frozen=True)
class Connection:
    """What geometry says about one service; every array has one entry a parcel.

    Attributes
    ----------
    grade
        ``A`` … ``D`` or ``U``.
    code
        Reason code.
    candidate
        Deciding candidate; -1 if there is none at all.
    distance_m
        From the parcel to it; infinite if there is none.
    piece, joint
        Piece of the network and joint from which the way to the source starts; -1 without a way.
    to_ends_m
        From where the parcel would connect, along the piece, to either end of it; 0 without a piece.
    path_m
        Length of the way along the network, from where the parcel would connect.
    source
        Row of the layer of the source or outfall reached; -1 without.
    day
        Day from which it works, for B and C.
    holds_back
        Row of the layer of the feature whose works finish last on the way, or of which nothing is known; -1 without.
    opened
        Whether the way was found with unknowns taken as operating.
    level
        Number of the level at which the deciding candidate serves, in the view that `opened` tells; that beyond the
        last without one.
    open_candidate, open_level
        Deciding candidate with unknowns taken as operating, and its level; -1 and beyond the last without one.
    lowest_m
        Lowest ground of each parcel, by which its fall was judged.
    """

    grade: npt.NDArray[np.object_]
    code: npt.NDArray[np.object_]
    candidate: Rows
    distance_m: Floats
    piece: Rows
    joint: Rows
    path_m: Floats
    source: Rows
    day: Rows
    holds_back: Rows
    opened: Bools
    level: Rows
    open_candidate: Rows
    open_level: Rows
    to_ends_m: tuple[Floats, Floats]
    lowest_m: Floats = field(default_factory=lambda: np.empty(0))


def connect(
    parcels: Shapes, services: Mapping[str, Candidates], obstacles: Obstacles, lowest_m: Floats | None = None
) -> dict[str, Connection]:
    """Judge every parcel against the candidates of every service, in one search.

    Parameters
    ----------
    parcels
        Polygons of all parcels.
    services
        Candidates of each service.
    obstacles
        What no connection may cross: the same parcels first, then other land, and barriers; where some of that may be
        missing only what touches a parcel is sure.
    lowest_m
        Lowest ground of each parcel, NaN where it is not known; without it nothing is known of what must fall.
    """
    lowest = np.full(len(parcels), np.nan) if lowest_m is None else lowest_m
    found = _search(parcels, services, obstacles)

    def answer(key: str) -> Connection:
        fallen = descend(parcels, services[key], (found.pop(key), lowest), obstacles)
        return _narrow(replace(_resolve(parcels, services[key], fallen, obstacles.unsure), lowest_m=lowest))

    # No service asks another for anything: each answers the same however many are judged at a time.
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        return dict(zip(services, side_by_side.map(answer, services), strict=True))


def _narrow(found: Connection) -> Connection:
    """Keep numbers of rows and days in half the room: a zone holds nine of each for every parcel and service."""
    columns = {f.name: getattr(found, f.name) for f in fields(found)}
    long: dict[str, Any] = {n: x for n, x in columns.items() if isinstance(x, np.ndarray) and x.dtype == np.int64}
    return replace(found, **{name: column.astype(np.int32) for name, column in long.items()})


def _search(parcels: Shapes, services: Mapping[str, Candidates], obstacles: Obstacles) -> dict[str, tuple[Near, Bools]]:
    """Find, for every service, the nearest candidate of each kind for each parcel."""
    shapes, groups, reach, spans = [], [], [], {}
    start = rows = 0
    for key, c in services.items():
        cause, _ = pd.factorize(c.cause)
        levels = np.int64(len(c.levels) + 1)
        code, kinds = pd.factorize((cause.astype(np.int64) * levels + c.level_shut) * levels + c.level_open)
        spans[key] = (start, start + len(kinds), rows)
        shapes.append(c.shape)
        groups.append(code.astype(np.int64) + start)
        reach.append(np.full(len(kinds), c.reach_m))
        start, rows = start + len(kinds), rows + len(c.shape)
    none = np.empty(0, dtype=object)
    shape, group = np.concatenate([none, *shapes]), np.concatenate([np.empty(0, np.int64), *groups])
    reach_m = np.concatenate([np.empty(0), *reach])
    near = nearest(parcels, shape, group, reach_m)
    alive = np.zeros(len(reach_m), dtype=bool)
    for key, c in services.items():
        local = group[spans[key][2] : spans[key][2] + len(c.shape)]
        alive[local[(c.level_open < len(c.levels)) | (c.level_shut < len(c.levels))]] = True
    wanted = alive[near.group]
    live = Near(near.parcel[wanted], near.group[wanted], near.candidate[wanted], near.distance_m[wanted])
    live, barred = unbarred(live, obstacles, (shape, group), reach_m)
    dead = Near(near.parcel[~wanted], near.group[~wanted], near.candidate[~wanted], near.distance_m[~wanted])
    every = Near(*(np.concatenate([getattr(live, f), getattr(dead, f)]) for f in Near.__dataclass_fields__))
    barred = np.concatenate([barred, np.zeros(len(dead.parcel), dtype=bool)])
    out = {}
    for key, (low, high, offset) in spans.items():
        mine = (every.group >= low) & (every.group < high)
        out[key] = (
            Near(every.parcel[mine], every.group[mine], every.candidate[mine] - offset, every.distance_m[mine]),
            barred[mine],
        )
    return out


def _best(rows: Near, usable: Bools, rank: Ints, parcels: int) -> Ints:
    """Pick, for each parcel, the usable row of best rank, then of least distance; -1 where there is none."""
    chosen = np.full(parcels, -1, dtype=np.int64)
    pick = np.flatnonzero(usable)
    order = pick[np.lexsort((rows.candidate[pick], rows.distance_m[pick], rank[pick], rows.parcel[pick]))]
    first = order[np.flatnonzero(np.diff(rows.parcel[order], prepend=-1))]
    chosen[rows.parcel[first]] = first
    return chosen


def _resolve(parcels: Shapes, c: Candidates, found: Descent, barriers_unknown: bool) -> Connection:
    """Turn the rows of one service into one answer a parcel."""
    rows, barred = found.near, found.barred
    n, nowhere = len(parcels), len(c.levels)
    shut, opened = c.level_shut[rows.candidate], c.level_open[rows.candidate]
    sure = ~barred & ((rows.distance_m == 0) | (not barriers_unknown))
    best_shut = _best(rows, sure & (shut < nowhere) & (found.shut == HOLDS), shut, n)
    best_open = _best(rows, ~barred & (opened < nowhere) & (found.open != FAILS), opened, n)
    level_shut = np.where(best_shut >= 0, np.append(shut, 0)[best_shut], nowhere)
    level_open = np.where(best_open >= 0, np.append(opened, 0)[best_open], nowhere)
    grade_shut, grade_open = c.levels.grade_of(level_shut), c.levels.grade_of(level_open)
    known = grade_shut == grade_open
    served = known & (grade_shut < NONE)
    row = np.where(served, best_shut, np.where(known, -1, np.where(best_open >= 0, best_open, best_shut)))
    grade = np.where(known, LETTERS[grade_shut], "U").astype(object)
    code = np.full(n, "", dtype=object)
    cause = np.append(c.cause, "")[np.append(rows.candidate, -1)[row]]
    code[~known] = np.where(cause == "", np.append(found.doubt, "")[row], cause)[~known]

    failed = known & ~served
    rank = _dead_rank(c, found)
    worst = _best(rows, rank < len(DEAD), rank, n)
    row = np.where(failed, worst, row)
    told = np.array([*DEAD, "none_found"], dtype=object)
    code[failed] = told[np.append(found.told(rank), len(DEAD))[worst[failed]]]
    candidate = np.append(rows.candidate, -1)[row]
    distance = np.append(rows.distance_m, np.inf)[row]
    far = np.flatnonzero(failed & (row < 0))
    if len(far):
        candidate[far], distance[far] = _beyond(parcels[far], c)
        code[far] = np.where(candidate[far] >= 0, "too_far", "none_found")
    level = np.where(served, level_shut, np.where(known | (best_open < 0), nowhere, level_open))
    best = np.append(rows.candidate, -1)[best_open], level_open
    return _trace(parcels, c, (grade, code, candidate, distance, level, ~known), best)


def _dead_rank(c: Candidates, found: Descent) -> Ints:
    """Rank the rows that do not serve by how much their cause tells a planner; what does not fall ranks alike."""
    rows = found.near
    order = {code: i for i, code in enumerate(DEAD)}
    order["uphill"] = order["needs_lifting"]
    cause, causes = pd.factorize(c.cause)
    rank = np.array([order.get(code, len(DEAD)) for code in causes], dtype=np.int64)[cause][rows.candidate]
    alive = np.minimum(c.level_shut, c.level_open)[rows.candidate] < len(c.levels)
    short = np.where(found.open == FAILS, order["needs_lifting"], len(DEAD))
    return np.where(alive, np.where(found.barred, order["blocked"], short), rank)


def _beyond(parcels: Shapes, c: Candidates) -> tuple[Ints, Floats]:
    """Find the nearest candidate that serves today, however far."""
    now = np.flatnonzero(c.level_shut == 0)
    row, distance = nearest_any(parcels, c.shape[now])
    return np.where(row >= 0, np.append(now, -1)[row], -1), distance


def _trace(
    parcels: Shapes, c: Candidates, answer: tuple[Any, Any, Ints, Floats, Ints, Bools], opened_best: tuple[Ints, Ints]
) -> Connection:
    """Follow the way from each deciding candidate to its source: length, source, what holds it back."""
    grade, code, candidate, distance, level, opened = answer
    n = len(parcels)
    nothing = np.full(n, -1, dtype=np.int64)
    out = Connection(
        grade, code, candidate, distance, nothing.copy(), nothing.copy(), np.full(n, np.nan), nothing.copy(),
        np.zeros(n, dtype=np.int64), nothing.copy(), opened, level, *opened_best, (np.zeros(n), np.zeros(n)),
    )  # fmt: skip
    if not c.network.sourceless:
        _connects(parcels, c, np.flatnonzero(level < len(c.levels)), out)
    for supply, mine in ((c.shut, ~opened), (c.open, opened)):
        for number in np.unique(level[mine & (level < len(c.levels))]):
            who = np.flatnonzero(mine & (level == number))
            _follow(c, (supply, int(number), who), out)
    coming = (grade == "B") | (grade == "C")
    out.day[coming] = c.levels.day_of(level[coming])
    out.code[grade == "A"] = "connected"
    out.code[grade == "C"] = "planned"
    out.code[grade == "B"] = "construction"
    network = c.network
    held = np.flatnonzero((grade == "B") & (out.holds_back >= 0))
    why = np.full(int(max(network.row.max(initial=-1), network.stub_row.max(initial=-1))) + 1, "", dtype=object)
    why[network.row] = network.standing.why
    why[network.stub_row] = network.stub_standing.why
    reason = _why_of(c, out.holds_back[held], why)
    out.code[held[reason == "built"]] = "built"
    return out


def _why_of(c: Candidates, rows: Rows, why: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Give the reason code of layer rows, sources included."""
    size = max(len(why), int(c.network.sources.row.max(initial=-1)) + 1, int(rows.max(initial=-1)) + 1)
    table = np.full(size, "", dtype=object)
    table[: len(why)] = why
    table[c.network.sources.row] = c.network.sources.standing.why
    return np.asarray(table[rows])


def _connects(parcels: Shapes, c: Candidates, who: Ints, out: Connection) -> None:
    """Find where some parcels meet the network: the piece, and how far along it."""
    piece = _piece(parcels[who], c, out.candidate[who])
    out.piece[who] = piece
    line = np.flatnonzero(piece >= 0)
    shape = c.network.joined.piece(piece[line])
    touch = shapely.line_locate_point(shape, shapely.get_point(shapely.shortest_line(shape, parcels[who[line]]), 0))
    to_u, to_v = out.to_ends_m
    to_u[who[line]], to_v[who[line]] = touch, shapely.length(shape) - touch


def _follow(c: Candidates, at: tuple[Supply, int, Ints], out: Connection) -> None:
    """Fill in the ways of some parcels that are served at one level in one view."""
    supply, number, who = at
    if supply.everywhere:
        return
    network, chosen = c.network, out.candidate[who]
    way = supply.way(number)
    piece, is_stub = out.piece[who].astype(np.int64), c.stub[chosen] >= 0
    joint, lead = starts(c, (supply, number), out, who)
    out.joint[who] = joint
    out.path_m[who] = lead + way.length_m[joint]
    root = way.source[joint]
    first_source = np.full(len(supply.joint), -1, dtype=np.int64)
    first_source[network.sources.joint[::-1]] = network.sources.row[::-1]
    out.source[who] = first_source[root]
    if supply.view.opened:
        out.holds_back[who] = _doubt(supply, number, (joint, piece, c.row[chosen], c.stub[chosen]))
        return
    if supply.levels.grade[number] == A:
        _confirm(supply, number, (joint, piece))
        return
    out.holds_back[who] = _last(supply, number, (joint, piece, c.row[chosen], is_stub, c.stub[chosen]))


def starts(c: Candidates, at: tuple[Supply, int], found: Connection, who: Ints) -> tuple[Ints, Floats]:
    """Find where the ways of some parcels start: their joint, and the length to it.

    Of the ends of a piece it is the one from which the way to the source is shortest.

    Parameters
    ----------
    c
        The candidates of one service.
    at
        The supply and the number of the level at which they serve.
    found, who
        Where parcels meet the network, and rows of some of them.
    """
    supply, number = at
    stub = c.stub[found.candidate[who]]
    joint = np.where(stub >= 0, np.append(c.network.stub_joint, -1)[stub], -1)
    lead = np.zeros(len(who))
    line = np.flatnonzero(stub < 0)
    piece = found.piece[who[line]]
    u, v = supply.ends[0][piece], supply.ends[1][piece]
    to_u, to_v = (ends[who[line]] for ends in found.to_ends_m)
    length = supply.way(number).length_m
    by_u, by_v = to_u + length[u], to_v + length[v]
    if supply.network.service.directed:
        way = supply.network.direction[piece]
        by_u, by_v = np.where(way == 1, np.inf, by_u), np.where(way == -1, np.inf, by_v)
    at_u = by_u <= by_v
    joint[line], lead[line] = np.where(at_u, u, v), np.where(at_u, to_u, to_v)
    return joint, lead


def _piece(parcels: Shapes, c: Candidates, chosen: Rows) -> Ints:
    """Find the piece of each chosen line that is nearest to its parcel; -1 for stubs."""
    piece = c.piece[chosen].copy()
    many = np.flatnonzero(c.pieces[chosen] > 1)
    if len(many) == 0:
        return piece
    count = c.pieces[chosen[many]]
    owner = np.repeat(np.arange(len(many)), count)
    part = np.repeat(piece[many], count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    gap = shapely.distance(parcels[many[owner]], c.network.joined.piece(part))
    order = np.lexsort((part, gap, owner))
    piece[many] = part[order[np.flatnonzero(np.diff(owner[order], prepend=-1))]]
    return piece


def _last(supply: Supply, number: int, at: tuple[Ints, Ints, Ints, Bools, Ints]) -> Ints:
    """Find the layer row whose works finish last on the way: of the candidate, the pieces passed, and the source."""
    joint, piece, row, is_stub, stub = at
    network = supply.network
    coming = np.where(network.standing.grade > A, network.standing.day, 0)
    value = coming * _SHIFT + np.arange(len(coming))
    neutral = np.full(len(supply.joint), -1, dtype=np.int64)
    fed = network.sources
    by_source = np.where(fed.standing.grade > A, fed.standing.day, 0) * _SHIFT + len(coming) + np.arange(len(fed.joint))
    order = np.argsort(-by_source)  # of several sources on a joint the one that works first counts
    neutral[fed.joint[order]] = by_source[order]
    worst = along(supply.way(number), value, neutral)[joint]
    own = np.where(piece >= 0, np.append(value, -1)[piece], -1)
    worst = np.maximum(worst, own)
    index = worst % _SHIFT
    held = np.concatenate([network.row, fed.row, [-1]])[np.where(worst < _SHIFT, -1, index)]
    stub_day = np.where(is_stub, np.append(network.stub_standing.day, 0)[stub], 0)
    return np.where(stub_day > np.where(worst < 0, 0, worst // _SHIFT), row, held)


def _doubt(supply: Supply, number: int, at: tuple[Ints, Ints, Ints, Ints]) -> Ints:
    """Find a layer row on the way of which nobody knows whether it operates: the candidate, a piece, or the source."""
    joint, piece, row, stub = at
    network, fed = supply.network, supply.network.sources
    unknown = network.standing.unknown
    if network.inverts is not None:
        unknown = unknown | network.inverts.contrary
    start = np.zeros(len(supply.joint), dtype=np.int64)
    unsure = np.flatnonzero(fed.standing.unknown)
    start[fed.joint[unsure]] = len(unknown) + 1 + unsure
    found = along(supply.way(number), np.where(unknown, np.arange(len(unknown)) + 1, 0), start)[joint]
    found = np.where((piece >= 0) & np.append(unknown, False)[piece], piece + 1, found)
    rows = np.concatenate([[-1], network.row, fed.row])[found]
    own = (stub >= 0) & np.append(network.stub_standing.unknown, False)[stub]
    return np.where(own, row, rows)


def _confirm(supply: Supply, number: int, at: tuple[Ints, Ints]) -> None:
    """Walk the way of every cell that is about to be called A, piece by piece, and refuse to go on if one is broken.

    Raises
    ------
    RuntimeError
        A step of a way leads over something that does not operate, or joins joints it does not touch: our bug.
    """
    joint, piece = at
    network, way = supply.network, supply.way(number)
    here = np.flatnonzero(way.piece >= 0)
    used, there = way.piece[here], way.next_joint[here]
    u, v = supply.ends[0][used], supply.ends[1][used]
    touches = ((u == here) & (v == there)) | ((v == here) & (u == there))
    if network.service.directed:
        flow = network.direction[used]
        touches &= np.where(u == here, (flow == 1) | (flow == 2), (flow == -1) | (flow == 2))
    broken = np.zeros(len(supply.joint), dtype=np.int64)
    bad = ~touches | (network.standing.grade[used] != A)
    value = np.zeros(len(network.row), dtype=np.int64)
    value[used[bad]] = 1
    ends_at = np.zeros(len(supply.joint), dtype=bool)
    ends_at[network.sources.joint[network.sources.standing.grade == A]] = True
    walked = along(way, value, broken)[joint] == 0
    arrives = (way.source[joint] >= 0) & ends_at[way.source[joint]]
    own = (piece < 0) | (np.append(network.standing.grade, A)[piece] == A)
    if not (walked & arrives & own).all():
        raise RuntimeError(
            f"gisplan: a way to a source of {network.service.key} does not hold when walked; please report."
        )
