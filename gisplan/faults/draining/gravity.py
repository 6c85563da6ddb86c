"""Gravity: the pieces of a service that drains, turned the way its water runs, with levels and sizes at both ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gisplan.judging.judgement import Judgement
from gisplan.networks.inverts import levels
from gisplan.networks.network import FORWARD, REVERSE, Network

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_ENDS = ("source", "outfall", "boundary_supply")


@dataclass(frozen=True)
class Flow:
    """The pieces of one service as its water runs.

    What is out of service for good takes no part, as everywhere in the network. What is planned or being built does:
    a fault is cheapest to mend while it is still a drawing.

    Attributes
    ----------
    network, layer
        What they are taken from.
    direction
        As it is said, even where levels contradict it: that is the fault. Else as they tell.
    known
        Whether the direction of each piece is declared, one way.
    up, down
        Joints that the water comes from and runs to; as drawn where the direction is not known.
    up_m, down_m
        Invert levels there, between the two ends of a line by its even fall.
    size_mm
        Diameters.
    """

    network: Network
    layer: pd.DataFrame
    direction: Ints
    known: Bools
    up: Ints
    down: Ints
    up_m: Floats
    down_m: Floats
    size_mm: Floats

    @classmethod
    def of(cls, judgement: Judgement, key: str) -> Flow:
        """Take the pieces of a service.

        Parameters
        ----------
        judgement
            What was built.
        key
            A service that drains.
        """
        network, layer = judgement.candidates[key].network, judgement.survey.layers[key]
        joined, direction = network.joined, _direction(network)
        back = direction == REVERSE
        start_m, stop_m = levels(network, layer)
        return cls(
            network=network,
            layer=layer,
            direction=direction,
            known=back | (direction == FORWARD),
            up=np.where(back, joined.v, joined.u),
            down=np.where(back, joined.u, joined.v),
            up_m=np.where(back, stop_m, start_m),
            down_m=np.where(back, start_m, stop_m),
            size_mm=layer["diameter_mm"].to_numpy(dtype=float, na_value=np.nan)[network.row],
        )

    @property
    def length_m(self) -> Floats:
        """Length of each piece."""
        return self.network.joined.length_m

    @property
    def row(self) -> Ints:
        """Row in the layer of each piece."""
        return self.network.row

    @property
    def main(self) -> Bools:
        """Whether a piece is part of a main."""
        return self.network.main

    @property
    def joints(self) -> int:
        """How many joints there are."""
        return len(self.network.joined.xy)

    @cached_property
    def point_row(self) -> Ints:
        """Row in the layer of each point that is a joint."""
        return self.network.names.rows[self.network.names.lines :]

    def holds(self, *roles: str) -> Bools:
        """Tell which joints hold a point of one of some roles."""
        out = np.zeros(self.joints, dtype=bool)
        role = self.layer["role"].to_numpy(dtype=object)[self.point_row]
        out[self.network.joined.point_joint[np.isin(role, roles)]] = True
        return out

    @cached_property
    def drained(self) -> Bools:
        """Whether a joint leads out of the network: a plant, an outfall, a supply point, of whatever kind."""
        out = self.holds(*_ENDS)
        out[self.network.sources.joint] = True
        return out

    @cached_property
    def lifted(self) -> Bools:
        """Whether a joint holds a pump."""
        return self.holds("pump")

    @cached_property
    def pumped(self) -> Bools:
        """Whether a piece is under pressure: from a pump on, as far as nothing but one pipe leads to the next manhole.

        Such a pipe may rise and be narrower than what runs to the pump.
        """
        out = np.zeros(len(self.up), dtype=bool)
        if not self.lifted.any():
            return out
        tight = (self.count(self.down) == 1) & ~self.holds("manhole", *_ENDS)
        front = self.lifted
        while True:
            new = self.known & front[self.up] & ~out
            if not new.any():
                return out
            out |= new
            front = np.zeros(self.joints, dtype=bool)
            front[self.down[new]] = True
            front &= tight

    def count(self, joints: Ints, which: Bools | None = None) -> Ints:
        """Count at each joint the pieces of known direction that have it at one end (`up` or `down`)."""
        kept = self.known if which is None else self.known & which
        return np.bincount(joints[kept], minlength=self.joints)

    @cached_property
    def vague(self) -> Bools:
        """Whether a piece of which nobody knows the direction ends at a joint."""
        out = np.zeros(self.joints, dtype=bool)
        out[self.up[~self.known]] = out[self.down[~self.known]] = True
        return out

    @cached_property
    def last(self) -> Bools:
        """Whether a piece is the last of its line, as drawn."""
        return np.append(np.diff(self.network.joined.line) != 0, True)[: len(self.row)]

    @cached_property
    def runs(self) -> tuple[Ints, Ints, Ints]:
        """Mains that run into each other with nothing else there: run of each piece, first and last piece of each run.

        A line that was cut where something joins its side stays whole. Pieces of laterals, and those of which the
        direction is not known, are -1; a ring has no first piece (-1).
        """
        mains = np.flatnonzero(self.main & self.known)
        through = (self.count(self.down, self.main) == 1) & (self.count(self.up, self.main) == 1)
        through &= ~self.vague & ~self.drained & ~self.lifted
        leaving = np.full(self.joints, -1, dtype=np.int64)
        leaving[self.up[mains]] = mains
        follows = np.full(len(self.up), -1, dtype=np.int64)
        passing = mains[through[self.down[mains]]]
        follows[passing] = leaving[self.down[passing]]
        inner = np.flatnonzero(~self.last & self.main & self.known)
        back = self.direction[inner] == REVERSE
        follows[np.where(back, inner + 1, inner)] = np.where(back, inner, inner + 1)
        tail = mains[follows[mains] >= 0]
        head = follows[tail]
        links = coo_array((np.ones(len(tail), np.int8), (tail, head)), shape=(len(follows), len(follows)))
        group = connected_components(links, directed=False)[1]
        names, own = np.unique(group[mains], return_inverse=True)
        run = np.full(len(follows), -1, dtype=np.int64)
        run[mains] = own
        first, final = np.full(len(names), -1, dtype=np.int64), np.full(len(names), -1, dtype=np.int64)
        fed = np.zeros(len(follows), dtype=bool)
        fed[head] = True
        first[run[mains[~fed[mains]]]] = mains[~fed[mains]]
        ends = mains[follows[mains] < 0]
        final[run[ends]] = ends
        return run, first, final

    def spots(self, joints: Ints) -> npt.NDArray[np.object_]:
        """Give some joints as points."""
        return np.asarray(shapely.points(self.network.joined.xy[joints].reshape(-1, 2)), dtype=object)

    def names(self, pieces: Ints) -> npt.NDArray[np.object_]:
        """Give the feature ids of some pieces."""
        return np.asarray(self.network.features[self.row[pieces]], dtype=object)


def _direction(network: Network) -> Ints:
    """Give the direction of each piece: the one that is said, else the one that the network found."""
    return np.where(np.isin(network.said, (FORWARD, REVERSE)), network.said, network.direction)
