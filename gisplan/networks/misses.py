"""Near misses: ends that lie a little further from another line than the tolerance allows, and so were not joined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gisplan.networks.joints import NOISE_M
from gisplan.networks.network import Network

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Shapes = npt.NDArray[np.object_]

_NEARBY = 5.0
"""What is linked by pieces shorter than this many times the limit is joined nearby: the ends of a fork are no miss."""


@dataclass(frozen=True)
class Misses:
    """Joints beside pieces that they do not touch; one row a pair.

    Attributes
    ----------
    joint
        The joint.
    piece
        The piece that it misses.
    at_m
        How far along the piece, as drawn, its nearest point is.
    gap_m
        How far apart they are.
    way
        The straight line across the gap, from the joint.
    """

    joint: Ints
    piece: Ints
    at_m: Floats
    gap_m: Floats
    way: Shapes

    def __len__(self) -> int:
        return len(self.joint)

    def take(self, rows: npt.NDArray[np.int64] | Bools) -> Misses:
        """Give some of them."""
        return Misses(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def misses(network: Network, joint: Ints, piece: Ints, limit_m: float) -> Misses:
    """Find which of some joints lie within a distance of some pieces that they are no end of.

    Parameters
    ----------
    network
        One service's network.
    joint, piece
        Joints, and pieces, to look at.
    limit_m
        Largest gap (``<=``).
    """
    joined = network.joined
    shapes = joined.piece(piece)
    spots = shapely.points(joined.xy[joint])
    at, near = shapely.STRtree(shapes).query(spots, predicate="dwithin", distance=limit_m)
    return paired(network, joint[at], piece[near], shapes[near])


def paired(network: Network, joint: Ints, piece: Ints, shapes: Shapes) -> Misses:
    """Measure pairs of a joint and a piece; those where the joint ends the piece are left out."""
    joined = network.joined
    apart = (joined.u[piece] != joint) & (joined.v[piece] != joint)
    joint, piece, shapes = joint[apart], piece[apart], shapes[apart]
    spots = shapely.points(joined.xy[joint])
    at_m = np.asarray(shapely.line_locate_point(shapes, spots), dtype=float)
    way = np.asarray(shapely.shortest_line(spots, shapes), dtype=object)
    return Misses(joint, piece, at_m, np.asarray(shapely.length(way), dtype=float), way)


def loose(network: Network) -> Ints:
    """List the joints where a line ends alone, and the points that no line touches; not where a line is meant to end.

    A line is meant to end at a connection stub or hydrant, and at what feeds or drains the service.
    """
    joined = network.joined
    size = len(joined.xy)
    degree = np.bincount(joined.u, minlength=size) + np.bincount(joined.v, minlength=size)
    meant = np.zeros(size, dtype=bool)
    meant[joined.point_joint[network.drawing.point_leaf]] = True
    meant[network.sources.joint] = True
    lone = np.zeros(size, dtype=bool)
    lone[joined.point_joint[~network.drawing.point_leaf]] = True
    return np.flatnonzero(((degree == 1) & ~meant) | ((degree == 0) & lone))


def near_misses(network: Network, limit_m: float) -> Misses:
    """List the near misses of a network: of each end the nearest piece that it is not joined with nearby.

    Parameters
    ----------
    network
        One service's network.
    limit_m
        Largest gap that is still a near miss.
    """
    everything = np.arange(len(network.row))
    found = misses(network, loose(network), everything, limit_m)
    found = found.take(~_nearby(network, found, limit_m))
    found = found.take(np.lexsort((found.piece, found.gap_m, found.joint)))
    found = found.take(np.flatnonzero(np.diff(found.joint, prepend=-1)))
    return found.take(~_mutual(network, found))


def other_joint(network: Network, found: Misses) -> Ints:
    """Give the joint that each miss aims at where it is the end of a piece; -1 where it is a side."""
    joined = network.joined
    at_u = found.at_m <= NOISE_M
    at_v = found.at_m >= joined.length_m[found.piece] - NOISE_M
    return np.where(at_u, joined.u[found.piece], np.where(at_v, joined.v[found.piece], -1)).astype(np.int64)


def row_at(network: Network) -> Ints:
    """Give a row of the layer that ends at each joint: of a line, else of the point that is there."""
    joined = network.joined
    row = np.full(len(joined.xy), -1, dtype=np.int64)
    row[joined.point_joint] = network.names.rows[network.names.lines :]
    row[joined.v[::-1]] = network.row[::-1]
    row[joined.u[::-1]] = network.row[::-1]
    return row


def _nearby(network: Network, found: Misses, limit_m: float) -> Bools:
    """Tell for which misses the joint and the spot that it misses are linked by short pieces."""
    joined = network.joined
    short = joined.length_m <= _NEARBY * limit_m
    links = coo_array(
        (np.ones(int(short.sum()), np.int8), (joined.u[short], joined.v[short])),
        shape=(len(joined.xy), len(joined.xy)),
    )
    _, group = connected_components(links, directed=False)
    back = joined.length_m[found.piece] - found.at_m
    mine, u, v = group[found.joint], group[joined.u[found.piece]], group[joined.v[found.piece]]
    near = _NEARBY * limit_m
    return np.asarray(((found.at_m <= near) & (mine == u)) | ((back <= near) & (mine == v)))


def _mutual(network: Network, found: Misses) -> Bools:
    """Tell which misses repeat, from the other end, one that stands in the list already."""
    target = other_joint(network, found)
    partner = np.full(len(network.joined.xy) + 1, -1, dtype=np.int64)
    partner[found.joint] = target
    back = partner[target] == found.joint
    return np.asarray((target >= 0) & back & (target < found.joint))
