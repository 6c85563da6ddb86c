"""Turns: at which main or source the room runs out for each parcel, when everybody takes theirs in turn.

Mains are elements by the number of their piece, sources by that of their joint behind the last piece.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gisplan.judging.reserves.order import Order
from gisplan.judging.reserves.queue import Queue, Range, before, last_before, runs_out
from gisplan.judging.reserves.ways import Tree, Ways
from gisplan.networks.supply import along

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Pinch:
    """Where the room runs out first for each parcel: element, what is left of it there, who is before it.

    Only for parcels that do not surely find enough; -1, infinite and -1 for all others.
    """

    element: Ints
    left: Floats
    holder: Ints


@dataclass(frozen=True)
class First:
    """The element at which the room runs out first for each parcel (-1 where it never does), and whether it fits."""

    element: Ints
    fits: Bools


@dataclass(frozen=True)
class _Users:
    """One kind of users: parcels in a numbering in which those of every element stand together."""

    who: Ints
    low: Ints
    high: Ints

    def asked(self, elements: Ints, load: Floats) -> tuple[Ints, Range]:
        """Leave out who takes nothing; give the parcels, and the range of each element."""
        kept = load[self.who] > 0
        run = np.concatenate([[0], np.cumsum(kept)])
        return self.who[kept], (run[self.low[elements]], run[self.high[elements]])


class Turns:
    """The users of all elements of one service.

    Parameters
    ----------
    ways, order
        Which way everybody's supply leads, and in which order they come.
    pieces
        How many pieces there are; joints follow them.
    part
        Part of every element.
    """

    def __init__(self, ways: Ways, order: Order, pieces: int, part: Ints) -> None:
        self.ways, self.order, self.pieces, self.part = ways, order, pieces, part
        n = len(order.earliest)
        self.bits = int(n + 1).bit_length()
        mains, sources = np.arange(pieces), np.arange(len(part) - pieces)
        roamer, into = ways.roams
        free = ~order.granted
        self.mains = [
            *(_of_tree(tree, pieces) for tree in ways.trees),
            _by_key(np.arange(n), ways.piece, mains),
            _by_key(roamer, into, part[:pieces]),
        ]
        self.sources = [
            _by_key(np.flatnonzero(free), ways.root[free], sources),
            _by_key(roamer[free[roamer]], into[free[roamer]], part[pieces:]),
        ]

    def first(self, load: Floats, total: Floats, room: Floats) -> First:
        """Find where the room runs out first for each parcel, everybody else at their earliest, itself at its latest.

        Parameters
        ----------
        load
            What each parcel takes.
        total
            What all users of each element take.
        room
            What each element has; infinite where it does not count.
        """
        worst = self._worst((load, load), _ranks(self.order.earliest), (total, room), ~self.order.granted)
        runs = self._value(worst, self.order.earliest, len(room))
        return First(np.where(worst == _NEVER, -1, worst % len(room)), self.order.latest < runs)

    def pinch(self, first: First, load: Floats, room: Floats, which: Bools) -> Pinch:
        """Say what is left for some parcels where the room runs out first, and who is the last before them."""
        n = len(which)
        out = Pinch(np.full(n, -1, dtype=np.int64), np.full(n, np.inf), np.full(n, -1, dtype=np.int64))
        rank, order = _ranks(self.order.earliest)
        who = np.flatnonzero(which & (first.element >= 0))
        out.element[who] = first.element[who]
        upto = np.searchsorted(self.order.earliest[order], self.order.latest[who], side="right")
        for kinds, mine, offset in self._kinds(first.element[who]):
            some, at = who[mine], first.element[who[mine]]
            users = [kind.asked(at - offset, load) for kind in kinds]
            queues = [Queue(rank[parcel], load[parcel], self.bits) for parcel, _ in users]
            ranges = [pair for _, pair in users]
            taken = before(queues, ranges, upto[mine], self.bits)
            own = np.where(np.isinf(taken), 0.0, load[some])
            out.left[some] = room[at] - (taken - own)
            last = last_before(queues, ranges, upto[mine], self.bits)
            last = np.where(last == rank[some], last_before(queues, ranges, rank[some], self.bits), last)
            out.holder[some] = np.where(last >= 0, np.append(order, -1)[last], -1)
        return out

    def short(
        self, load: tuple[Floats, Floats], own: Floats, sums: Callable[[Floats], Floats], room: Floats, asked: Bools
    ) -> Bools:
        """Tell for which parcels too little is left for sure: after all that surely come before them.

        Parameters
        ----------
        load
            What each parcel surely takes of mains, and of sources, by its place in `Order.surely`.
        own
            What each parcel that asks needs itself, by its own places.
        sums
            Adds a load up over all ways, element by element.
        room
            What each element has at most.
        asked
            Parcels to judge; their ways must be sure.
        """
        free = ~self.order.granted & ~self.order.unsaid
        early, late, surely = self.order.earliest, self.order.latest, self.order.surely
        worst = self._worst(load, _ranks(surely), (self._joined(sums, load), room), free)
        runs = self._value(worst, surely, len(room))
        # The rest of what a scant paper holds is in no sum: whether it fits is reckoned below.
        open_ = asked & (own > 0) & ((late >= runs) | self.order.scant)
        _, group, count = np.unique(surely, return_inverse=True, return_counts=True)
        itself = (count[group] == 1) & (early == late) & (late == runs) & (surely == late)
        out = open_ & ((early > runs) | itself)
        for turn in np.unique(early[open_ & ~out]).tolist():
            # Only where it hangs on what a parcel itself takes beside those of whom nobody knows who comes first.
            ahead = tuple(np.where(surely < turn, each, 0.0) for each in load)
            spare = room - self._joined(sums, (ahead[0], ahead[1]))
            left = self._least(spare, np.inf, free)
            mine = open_ & ~out & (early == turn)
            out[mine] = (own - ahead[0])[mine] > left[mine]
        return out

    def _joined(self, sums: Callable[[Floats], Floats], load: tuple[Floats, Floats]) -> Floats:
        """Add up one load over the mains and another over the sources."""
        if load[0] is load[1]:
            return sums(load[0])
        return np.concatenate([sums(load[0])[: self.pieces], sums(load[1])[self.pieces :]])

    def _value(self, worst: Ints, place: Ints, elements: int) -> Ints:
        """Give the place in the order at which the room runs out first; later than any where it never does."""
        ordered = np.append(np.sort(place), _NEVER)
        return ordered[np.where(worst == _NEVER, len(place), worst // max(elements, 1))]

    def _worst(
        self, load: tuple[Floats, Floats], ranks: tuple[Ints, Ints], have: tuple[Floats, Floats], asking: Bools
    ) -> Ints:
        """Find the first place at which the room of an element on the way of each parcel runs out, and that element.

        Both in one number, place × elements + element; `_NEVER` where it does not.
        """
        total, room = have
        code = np.full(len(room), _NEVER)
        tight = np.flatnonzero((total > room) & (room < np.inf))
        for (kinds, mine, offset), own in zip(self._kinds(tight, every=True), load, strict=True):
            at = tight[mine]
            users = [kind.asked(at - offset, own) for kind in kinds]
            queues = [Queue(ranks[0][who], own[who], self.bits) for who, _ in users]
            place = runs_out(queues, [pair for _, pair in users], room[at], self.bits)
            never = place >= len(ranks[1])
            code[at] = np.where(never, _NEVER, place * len(room) + at)
        return self._least(code, _NEVER, asking)

    def _kinds(self, elements: Ints, every: bool = False) -> list[tuple[list[_Users], Bools, int]]:
        """Tell mains and sources apart: who uses them, which they are, and the number of the first."""
        main = elements < self.pieces
        both = [(self.mains, main, 0), (self.sources, ~main, self.pieces)]
        return both if every else [entry for entry in both if entry[1].any()]

    def _least(self, value: npt.NDArray[Any], never: float | int, asking: Bools) -> npt.NDArray[Any]:
        """Find the least value over the way of each parcel (for the restless over all parts where they may lead).

        Parameters
        ----------
        value
            One value an element.
        never
            What stands for none.
        asking
            Parcels that ask their source too.
        """
        ways, mains, sources = self.ways, value[: self.pieces], value[self.pieces :]
        out = np.full(len(asking), never, dtype=value.dtype)
        for tree in ways.trees:
            start = np.full(len(tree.way.piece), never, dtype=value.dtype)
            out[tree.who] = along(tree.way, mains, start, np.less)[tree.at]
        own = np.flatnonzero(ways.piece >= 0)
        out[own] = np.minimum(out[own], mains[ways.piece[own]])
        fed = np.flatnonzero((ways.root >= 0) & asking)
        out[fed] = np.minimum(out[fed], sources[ways.root[fed]])
        roamer, into = ways.roams
        for part, part_value, who in (
            (self.part[: self.pieces], mains, np.ones(len(roamer), dtype=bool)),
            (self.part[self.pieces :], sources, asking[roamer]),
        ):
            worst = np.full(int(ways.part.max(initial=-1)) + 1, never, dtype=value.dtype)
            np.minimum.at(worst, part, part_value)
            np.minimum.at(out, roamer[who], worst[into[who]])
        return out


def _ranks(place: Ints) -> tuple[Ints, Ints]:
    """Give each parcel a rank of its own in the order of their places, and the parcels by rank."""
    order = np.argsort(place, kind="stable")
    rank = np.empty(len(place), dtype=np.int64)
    rank[order] = np.arange(len(place))
    return rank, order


def _of_tree(tree: Tree, pieces: int) -> _Users:
    """Give the users of every piece whose way a tree holds."""
    place = tree.enter[tree.at]
    joint, piece = tree.steps
    low, high = np.zeros(pieces, dtype=np.int64), np.zeros(pieces, dtype=np.int64)
    low[piece], high[piece] = np.searchsorted(place, tree.enter[joint]), np.searchsorted(place, tree.leave[joint])
    return _Users(tree.who, low, high)


def _by_key(who: Ints, key: Ints, wanted: Ints) -> _Users:
    """Give the users of every element by a key."""
    order = np.argsort(key, kind="stable")
    return _Users(who[order], *(np.searchsorted(key[order], wanted, side=side) for side in ("left", "right")))
