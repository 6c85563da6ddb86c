"""Loads: who takes what from every main and source, in the order of the promises, and for whom enough is left.

Everything is reckoned twice: at its most, for what may be called enough, and at its least, for what surely is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from gisplan.judging.brief import Brief
from gisplan.judging.reserves.carrying import Carrying, carrying
from gisplan.judging.reserves.demand import Demand, demand
from gisplan.judging.reserves.order import Order, held_elsewhere, order
from gisplan.judging.reserves.turns import Pinch, Turns
from gisplan.judging.reserves.ways import Ways, ways

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_HAIR = 1e-9
"""Share of a capacity by which a sum may exceed it: the rounding of adding up."""
_ENDLESS = 1e300
"""What a paper holds that does not say how much: no source has as much, save one without limit."""


@dataclass(frozen=True)
class Loads:
    """What is taken from every element of one service: every piece, then every joint.

    Attributes
    ----------
    demand, order, carrying, ways
        What it was reckoned from.
    capacity
        Capacity of each element; infinite where it does not count, NaN where it is not known.
    sure, most
        Sum of all loads at their least and at their most.
    zone
        The same of the zone's own parcels, which come first where a red line is judged; nothing else.
    held
        Sum of what valid papers hold for parcels whose way is sure.
    enough, short
        Parcels that find enough whatever the unknowns turn out to be; that surely do not.
    unknown
        An element of unknown capacity on each parcel's way (or where it may lead); -1 without.
    pinch
        Where least is left.
    """

    demand: Demand
    order: Order
    carrying: Carrying
    ways: Ways
    capacity: Floats
    sure: Floats
    most: Floats
    zone: tuple[Floats, Floats]
    held: Floats
    enough: Bools
    short: Bools
    unknown: Ints
    pinch: Pinch


def loads(brief: Brief) -> Loads:
    """Reckon the loads of one service; once for each brief."""
    if "loads" not in brief.memory:
        brief.memory["loads"] = _Reckoning(brief).loads()
    found: Loads = brief.memory["loads"]
    return found


@dataclass
class _Reckoning:
    """One run over one service."""

    brief: Brief
    without: frozenset[str] = frozenset()
    demand: Demand = field(init=False)
    order: Order = field(init=False)
    ways: Ways = field(init=False)
    carrying: Carrying = field(init=False)
    elsewhere: Floats = field(init=False)

    def __post_init__(self) -> None:
        brief = self.brief
        self.demand = demand(brief.survey, brief.service)
        self.order = order(brief, self.demand)
        self.ways, self.carrying = ways(brief), carrying(brief)
        least = np.maximum(np.nan_to_num(self.demand.value, nan=0.0), self.order.held)
        most = np.maximum(self.demand.most, self.order.most)
        counted = self.ways.sure | self.ways.restless
        held = np.minimum(held_elsewhere(brief, counted), _ENDLESS)
        self.elsewhere = np.repeat(held, [self.pieces, len(brief.kept.network.joined.xy)])
        if self.without:
            counted &= ~brief.survey.parcels.index.isin(list(self.without))
        self.least = np.where(self.ways.sure & counted, least, 0.0)
        # What a paper holds that is too small for a place stands before everybody; the rest comes in its own place.
        self.ahead = np.where(counted & self.order.scant, self.order.firm, 0.0)
        self.most = np.where(counted, most, 0.0) - self.ahead

    @property
    def pieces(self) -> int:
        return len(self.brief.kept.network.row)

    def capacity(self) -> Floats:
        """Give the capacity of every piece, then of every joint: that of the least of its sources."""
        network = self.brief.kept.network
        joints = np.full(len(network.joined.xy), np.inf)
        left = self.carrying.source
        np.minimum.at(joints, network.sources.joint, np.where(np.isnan(left), -np.inf, left))
        return np.concatenate([self.carrying.piece, np.where(np.isneginf(joints), np.nan, joints)])

    def sums(self, load: Floats) -> Floats:
        """Add a load of every parcel up over its way: every piece, then the joint of its source."""
        out = np.zeros(self.pieces + len(self.brief.kept.network.joined.xy))
        for tree in self.ways.trees:
            at = np.bincount(tree.at, load[tree.who], len(tree.way.piece)).astype(float)
            behind = tree.forest.sums(at)
            joint, piece = tree.steps
            np.add.at(out, piece, behind[joint])
        own = np.flatnonzero(self.ways.piece >= 0)
        np.add.at(out, self.ways.piece[own], load[own])
        fed = np.flatnonzero((self.ways.root >= 0) & ~self.order.granted)
        np.add.at(out, self.pieces + self.ways.root[fed], load[fed])
        return out

    def part_of(self) -> Ints:
        """Give the part of every element."""
        part = self.ways.part
        return np.concatenate([part[self.brief.kept.network.joined.u], part])

    def loads(self) -> Loads:
        """Weigh every element against its users."""
        capacity, part = self.capacity(), self.part_of()
        sure = self.sums(self.least)
        most = self.greatest(self.most, part)
        unknown = self.unknown(capacity, part)
        zone, scant = self._zone(), self.greatest(self.ahead, part)
        ahead = zone[1] + scant + self.elsewhere
        known = np.where(np.isnan(capacity), np.inf, capacity)
        slack = np.where(np.isfinite(capacity), _HAIR * np.abs(capacity), 0.0)
        turns = Turns(self.ways, self.order, self.pieces, part)
        first = turns.first(self.most, most, known - ahead + slack)
        counted = self.ways.sure | self.ways.restless
        enough = counted & (unknown < 0) & first.fits
        pinch = turns.pinch(first, self.most, known - ahead, counted & ~first.fits)
        pinch = replace(pinch, left=pinch.left + self.ahead)  # its own part of it is no one else's
        # Whom nobody calls granted or not may be counted by the source already.
        early = self.order.surely < self.order.latest
        firm = np.where(early, np.minimum(self.order.held, self.least), self.least)
        asked = self.ways.sure & ~enough & ~np.isnan(self.demand.value)
        short = turns.short(
            (firm, np.where(self.order.unsaid, 0.0, firm)), self.least, self.sums, known - zone[0] + slack, asked
        )
        return Loads(
            self.demand, self.order, self.carrying, self.ways, capacity, sure, most + scant, zone,
            self.sums(np.where(self.ways.sure, self.order.held, 0.0)), enough, short, unknown, pinch,
        )  # fmt: skip

    def _zone(self) -> tuple[Floats, Floats]:
        """Give what the zone's own parcels take from every element where a red line is judged: at least, and at most.

        The parcel whose number an outline bears is that outline, and is not counted twice.
        """
        size = self.pieces + len(self.brief.kept.network.joined.xy)
        zone = self.brief.zone
        if zone is None:
            return np.zeros(size), np.zeros(size)
        before = _Reckoning(zone, frozenset(self.brief.survey.parcels.index))
        most = before.greatest(before.most + before.ahead, before.part_of())
        return before.sums(before.least), most + before.elsewhere

    def greatest(self, load: Floats, part: Ints) -> Floats:
        """Add a load up over every way, and over all that the restless may take; who is supplied asks no source."""
        if not len(part):
            return np.empty(0)
        roamer, into = self.ways.roams
        size = int(self.ways.part.max(initial=-1)) + 1
        mains = np.bincount(into, load[roamer], size)
        sources = np.bincount(into, np.where(self.order.granted, 0.0, load)[roamer], size)
        return self.sums(load) + np.concatenate([mains[part[: self.pieces]], sources[part[self.pieces :]]])

    def unknown(self, capacity: Floats, part: Ints) -> Ints:
        """Find for every parcel an element of unknown capacity on its way, or where it may lead; -1 without."""
        odd = np.isnan(capacity)
        out = np.full(self.brief.parcels, -1, dtype=np.int64)
        if not odd.any():
            return out
        source = np.flatnonzero((self.ways.root >= 0) & ~self.order.granted)
        source = source[odd[self.pieces + self.ways.root[source]]]
        out[source] = self.pieces + self.ways.root[source]
        number = np.where(odd[: self.pieces], np.arange(self.pieces), -1)
        for tree in self.ways.trees:
            found = _highest(tree.way.piece, tree.way.next_joint, number)[tree.at]
            hit = found >= 0
            out[tree.who[hit]] = found[hit]
        own = np.flatnonzero(self.ways.piece >= 0)
        own = own[odd[self.ways.piece[own]]]
        out[own] = self.ways.piece[own]
        roamer, into = self.ways.roams
        for kind, who in ((odd[: self.pieces], slice(None)), (odd, ~self.order.granted[roamer])):
            some = np.full(int(self.ways.part.max(initial=-1)) + 1, -1, dtype=np.int64)
            some[part[np.flatnonzero(kind)]] = np.flatnonzero(kind)
            mine, led = roamer[who], some[into[who]]
            out[mine[led >= 0]] = led[led >= 0]
        return out


def _highest(piece: Ints, following: Ints, value: Ints) -> Ints:
    """Give the largest value of the pieces on the way from every joint."""
    here = np.where(piece >= 0, value[piece], -1)
    jump = np.where(following >= 0, following, np.arange(len(following)))
    while True:
        here = np.maximum(here, here[jump])
        further = jump[jump]
        if np.array_equal(further, jump):
            return here
        jump = further
