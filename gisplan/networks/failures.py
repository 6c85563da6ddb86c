"""Failures: what is still fed whichever single piece, or whichever single joint, fails.

All sources hang on one more node, the root. A piece that fails alone cuts off what lies behind it if it is a bridge; a
joint does if it is the only one that two blocks share. Both are read off one spanning tree, by how far the pieces that
are not of the tree lead out of what hangs on each node (Tarjan and Vishkin 1985).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from gisplan.networks.forest import Forest
from gisplan.networks.supply import Supply, usable

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TWICE_M = 0.1
"""Pieces between the same two joints that nowhere lie farther apart are one pipe, or two in one trench."""


@dataclass(frozen=True)
class Failures:
    """What hangs on single pieces and joints; for places on a joint, and for places on a piece.

    Attributes
    ----------
    joint_piece, piece_piece
        For each joint and each piece the nearest piece whose failure alone leaves a place there without a source; -1
        where there is none; -2 where no source is reached at all.
    joint_neck, piece_neck
        The nearest joint whose failure alone does that (a piece's own failure counts as that of its farther joint); -1
        and -2 as above.
    """

    joint_piece: Ints
    piece_piece: Ints
    joint_neck: Ints
    piece_neck: Ints


def failures(supply: Supply, level: int) -> Failures:
    """Find what hangs on single pieces and joints at a level of a supply.

    Parameters
    ----------
    supply
        A service's supply; of a service whose pieces carry both ways.
    level
        Number of the level.
    """
    network, steps = supply.network, supply.levels
    grade, day = int(steps.grade[level]), steps.day[level]
    whole = np.flatnonzero(usable(network.standing, supply.view, grade, day))
    own = _once(supply, whole)
    can = np.unique(own)
    fed = network.sources.joint[usable(network.sources.standing, supply.view, grade, day)]
    ends = supply.ends[0][can], supply.ends[1][can]
    found = single_failures(ends, np.unique(fed), len(supply.joint))
    numbers = np.append(can, [-2, -1])  # found from behind: -1 and -2 stay what they are
    by_piece, neck = np.full(len(network.row), -2, dtype=np.int64), np.full(len(network.row), -2, dtype=np.int64)
    by_piece[can], neck[can] = numbers[found.piece_piece], found.piece_neck
    by_piece[whole], neck[whole] = by_piece[own], neck[own]
    return Failures(numbers[found.joint_piece], by_piece, found.joint_neck, neck)


def _once(supply: Supply, pieces: Ints) -> Ints:
    """Give for each piece the one that it counts as: of those drawn over each other between two joints the first."""
    low, high = (how(supply.ends[0][pieces], supply.ends[1][pieces]) for how in (np.minimum, np.maximum))
    order = np.lexsort((pieces, high, low))
    twin = (np.diff(low[order]) == 0) & (np.diff(high[order]) == 0)
    out = pieces.copy()
    for run in np.split(order, np.flatnonzero(~twin) + 1) if twin.any() else ():
        if len(run) < 2:
            continue
        shape = supply.network.joined.piece(pieces[run])
        for k in range(1, len(run)):
            near = np.flatnonzero(shapely.hausdorff_distance(shape[:k], shape[k]) <= TWICE_M)
            if len(near):
                out[run[k]] = out[run[near[0]]]
    return out


def single_failures(ends: tuple[Ints, Ints], fed: Ints, size: int) -> Failures:
    """Find what hangs on single pieces and joints.

    Parameters
    ----------
    ends
        Joints at both ends of each piece.
    fed
        Joints of the sources, each once.
    size
        How many joints there are.
    """
    one, two = np.append(ends[0], fed), np.append(ends[1], np.full(len(fed), size))
    pieces = len(ends[0])
    links = csr_array(
        (np.ones(2 * len(one), np.int8), (np.append(one, two), np.append(two, one))), shape=(size + 1, size + 1)
    )
    order, before = breadth_first_order(links, size, directed=True, return_predecessors=True)
    node = np.full(size + 1, -1, dtype=np.int64)
    node[order] = np.arange(len(order))
    parent = np.append(-1, node[before[order[1:]]])
    inside = node[one] >= 0
    low, high = np.where(inside, node[one], 0), np.where(inside, node[two], 0)
    low, high = np.minimum(low, high), np.maximum(low, high)
    # In a tree by breadth a node's parent has the smaller number; of parallel pieces the first is of the tree.
    rows = np.flatnonzero(inside & (low != high) & (parent[high] == low))
    child, first = np.unique(high[rows], return_index=True)
    stem = np.full(len(order), -1, dtype=np.int64)
    stem[child] = rows[first]
    round_ = inside & (low != high)
    round_[stem[stem >= 0]] = False
    tree, bridge, block = _tree(parent, low[round_], high[round_])

    weak = tree.first(bridge & (stem < pieces) & (stem >= 0))
    by_joint = np.append(stem, -1)[weak]
    real = np.arange(pieces)
    by_piece = np.where(inside[real], by_joint[high[real]], -2)
    own = np.append(order, size)  # the joint that each node is
    neck = _necks(parent, block, own)
    # A piece between two nodes of one block is as sure as its lower end; one that ends where it began as that joint is.
    at = high[real]
    by_neck = np.where(low[real] == at, own[at], neck[at])
    place = np.where(node[:size] >= 0, node[:size], 0)
    out = node[:size] < 0
    return Failures(
        np.where(out, -2, by_joint[place]),
        by_piece,
        np.where(out, -2, neck[place]),
        np.where(inside[real], by_neck, -2),
    )


def _tree(parent: Ints, low: Ints, high: Ints) -> tuple[Forest, Bools, Ints]:
    """Build the tree; tell over which nodes a bridge lies, and the block of what lies over each.

    Parameters
    ----------
    parent
        Of each node; the root is the first.
    low, high
        Ends of the pieces beside the tree.
    """
    tree = Forest(parent)
    start, end = tree.start, tree.start + tree.size
    least, most = start.copy(), start.copy()
    np.minimum.at(least, low, start[high])
    np.minimum.at(least, high, start[low])
    np.maximum.at(most, low, start[high])
    np.maximum.at(most, high, start[low])
    least, most = tree.least(least), -tree.least(-most)
    bridge = (least >= start) & (most < end)
    bridge[0] = False
    # What lies over two nodes is of one block if a piece beside the tree joins the nodes, neither of them over the
    # other, or if one hangs on the other and a piece leads from what hangs on it past that other.
    side = parent[high] != low
    over = np.maximum(parent, 0)
    past = np.flatnonzero((over > 0) & ((least < start[over]) | (most >= end[over])))
    a, b = np.append(low[side], past), np.append(high[side], over[past])
    same = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(len(parent), len(parent)))
    return tree, bridge, np.asarray(connected_components(same, directed=False)[1], dtype=np.int64)


def _necks(parent: Ints, block: Ints, own: Ints) -> Ints:
    """Find the joint that cuts each node off from all other sources; -1 where two ways part at once and meet nowhere.

    The root lies in the blocks over its children. A block of nothing but a source's link is that source alone.
    """
    count = np.bincount(block[1:], minlength=int(block.max()) + 1)
    top = np.full(len(count), -1, dtype=np.int64)
    nodes = np.arange(1, len(parent))[::-1]
    top[block[nodes]] = parent[nodes]  # the node nearest the root writes last
    under = top[block]
    neck = np.where(under > 0, own[np.maximum(under, 0)], -1)
    alone = (under == 0) & (count[block] == 1)
    neck[alone] = own[:-1][alone]
    neck[0] = -1
    return neck
