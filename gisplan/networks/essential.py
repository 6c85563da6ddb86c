"""What hangs on a guess: the joins over a gap without which a piece or stub would no longer reach a source today.

Everything that the survey itself holds together is one node of a small graph; guessed joins lie between the nodes. A
guess is essential for a node if every way from it to a source leads over that guess. The essential guesses of all nodes
form a tree: those of a node are the ones that its way to the root passes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from gisplan.networks.forest import Forest
from gisplan.networks.joints import CROSSING, END_END, END_SIDE, NOISE_M, NUMBER
from gisplan.networks.network import BOTH, FORWARD, REVERSE
from gisplan.networks.standing import A
from gisplan.networks.supply import FRESH, SHUT, Supply, usable

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_ENOUGH = 0.95
"""A round of simplifying that leaves more than this share of the arrows is the last."""


@dataclass(frozen=True)
class Essential:
    """The tree of what hangs on guesses, for one service as it is supplied today.

    Attributes
    ----------
    forest
        Nodes under the node of the sources.
    guess
        Number of the join (as in ``Network.joins``) without which a node and all that hangs on it is lost; -1 where
        that is none.
    piece, stub
        Node of every piece and every stub; -1 where it is not supplied.
    """

    forest: Forest
    guess: Ints
    piece: Ints
    stub: Ints

    def hangs(self) -> Bools:
        """Tell which nodes have an essential guess on their way."""
        return np.asarray(self.forest.climb((self.guess >= 0).astype(np.int64)) > 0)


@dataclass(frozen=True)
class _Spots:
    """What lies on one spot, and how it is linked: pieces between spots, joins between spots, spots of the sources.

    ``one``, ``two`` of each join, its number ``join``, and whether it is a ``guess``.
    """

    count: int
    tail: Ints
    head: Ints
    one: Ints
    two: Ints
    join: Ints
    guess: Bools
    fed: Ints
    stub: Ints


def essential(supply: Supply) -> Essential:
    """Find what hangs on each guessed join today.

    Parameters
    ----------
    supply
        A service's supply with unknowns taken as absent.
    """
    network = supply.network
    spots = _spots(supply)
    live = np.flatnonzero(supply.piece == 0) if len(supply.levels) else np.empty(0, dtype=np.int64)
    nowhere = np.full(len(supply.piece), -1, dtype=np.int64)
    if len(live) == 0 or len(spots.fed) == 0:
        stub = np.full(len(network.stub_joint), -1, dtype=np.int64)
        return Essential(Forest(np.array([-1])), np.array([-1]), nowhere, stub)
    can = np.flatnonzero(usable(network.standing, SHUT, A, FRESH))
    if network.service.directed and (network.direction[can] != BOTH).any():
        node, forest, guess = _directed(spots, can, network.direction[can])
        # A piece that flows both ways depends on the same at either end.
        exit_ = np.where(network.direction[live] == FORWARD, spots.head[live], spots.tail[live])
    else:
        node, forest, guess = _undirected(spots, can)
        exit_ = spots.tail[live]
    nowhere[live] = node[exit_]
    return Essential(forest, guess, nowhere, np.where(supply.stub == 0, node[spots.stub], -1))


def _spots(supply: Supply) -> _Spots:
    """Take the joints apart into spots and the joins between them; a cut on the side of a line is a spot of its own."""
    network = supply.network
    joined, drawing, proposed = network.joined, network.drawing, network.joined.proposed
    n = len(drawing.lines)
    place = np.unique(drawing.ends[:, 0] + 1j * drawing.ends[:, 1], return_inverse=True)[1].astype(np.int64)
    _, spot = np.unique(proposed.joint * (len(place) + 1) + place, return_inverse=True)
    own = int(spot.max(initial=-1)) + 1
    # Pieces of a line stand together; between two of them lies a cut, made by a hit of the same joint.
    inner = np.flatnonzero(joined.line[1:] == joined.line[:-1])
    tail, head = spot[joined.line], spot[n + joined.line]
    tail[inner + 1] = head[inner] = own + np.arange(len(inner))
    kept = ~joined.undone
    side = np.flatnonzero((proposed.kind == END_SIDE) & kept)
    cross = np.flatnonzero((proposed.kind == CROSSING) & kept)
    hit = np.concatenate([side, cross, cross])
    on = np.concatenate([proposed.other[side], proposed.line[cross], proposed.other[cross]])
    cut = np.empty(len(hit), dtype=np.int64)
    cut[np.lexsort((joined.joint[hit], on))] = own + np.lexsort((joined.v[inner], joined.line[inner]))
    firm = np.flatnonzero(np.isin(proposed.kind, (END_END, NUMBER)) & kept)
    join = np.concatenate([firm, side, cross])
    guess = np.isin(proposed.kind[join], (END_END, END_SIDE)) & (proposed.gap_m[join] > NOISE_M)
    crossed = cut[len(side) :].reshape(2, -1)
    count = own + len(inner)
    tail, head, count = _cut_off(supply, (tail, head, count))
    point_end = np.full(len(network.features), -1, dtype=np.int64)
    point_end[network.names.rows[n:]] = 2 * n + np.arange(len(drawing.points))
    working = network.sources.row[usable(network.sources.standing, SHUT, A, FRESH)]
    return _Spots(
        count=count,
        tail=tail,
        head=head,
        one=np.concatenate([spot[proposed.end[np.append(firm, side)]], crossed[0]]),
        two=np.concatenate([spot[proposed.other_end[firm]], cut[: len(side)], crossed[1]]),
        join=join,
        guess=guess,
        fed=spot[point_end[working]],
        stub=spot[point_end[network.stub_row]],
    )


def _cut_off(supply: Supply, drawn: tuple[Ints, Ints, int]) -> tuple[Ints, Ints, int]:
    """Give every piece that ends at a closed valve a spot of its own there."""
    tail, head, count = drawn
    joints = len(supply.network.joined.xy)
    (u, v) = supply.ends
    off = np.concatenate([u, v]) >= joints
    both = np.concatenate([tail, head])
    both[off] = count + np.arange(off.sum())
    return both[: len(tail)], both[len(tail) :], count + int(off.sum())


def _components(count: int, one: Ints, two: Ints) -> Ints:
    links = coo_array((np.ones(len(one), np.int8), (one, two)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _undirected(spots: _Spots, can: Ints) -> tuple[Ints, Forest, Ints]:
    """Find the bridges among the guesses; what the survey holds together is one node, and so are all sources."""
    firm = ~spots.guess
    fed = np.full(len(spots.fed), spots.count)  # one spot more, which stands for all sources
    node = _components(
        spots.count + 1,
        np.concatenate([spots.tail[can], spots.one[firm], spots.fed]),
        np.concatenate([spots.head[can], spots.two[firm], fed]),
    )
    root, size = node[-1], int(node.max()) + 1
    one, two, join = node[spots.one[spots.guess]], node[spots.two[spots.guess]], spots.join[spots.guess]
    apart = one != two
    one, two, join = one[apart], two[apart], join[apart]
    links = csr_array((np.ones(2 * len(one), np.int8), (np.append(one, two), np.append(two, one))), shape=(size, size))
    found, before = breadth_first_order(links, root, directed=True, return_predecessors=True)
    parent = np.where(before < 0, -1, before).astype(np.int64)
    reached = np.zeros(size, dtype=bool)
    reached[found] = True
    inside = reached[one]
    one, two, join = one[inside], two[inside], join[inside]
    tree = Forest(parent)
    lower = np.where(parent[one] == two, one, np.where(parent[two] == one, two, -1))
    # Of several guesses between the same two nodes the first is of the tree, and the others go round it.
    _, first = np.unique(lower, return_index=True)
    above = np.full(size, -1, dtype=np.int64)
    is_tree = np.zeros(len(one), dtype=bool)
    is_tree[first] = True
    is_tree &= lower >= 0
    above[lower[is_tree]] = join[is_tree]
    round_ = np.zeros(size)
    np.add.at(round_, one[~is_tree], 1)
    np.add.at(round_, two[~is_tree], 1)
    np.add.at(round_, tree.meeting(one[~is_tree], two[~is_tree]), -2)
    above[tree.sums(round_) > 0] = -1
    return np.where(reached[node], node, -1), tree, above


def _directed(spots: _Spots, can: Ints, flow: Ints) -> tuple[Ints, Forest, Ints]:
    """Find what every way down to an outfall leads over: the dominators of the graph with a node for each guess."""
    firm, guesses = ~spots.guess, np.flatnonzero(spots.guess)
    node = _components(spots.count, spots.one[firm], spots.two[firm])
    ahead = can[(flow == FORWARD) | (flow == BOTH)]
    back = can[(flow == REVERSE) | (flow == BOTH)]
    # Where water can run round without any guess, all depends on the same.
    node = _rounds(
        np.append(node[spots.tail[ahead]], node[spots.head[back]]),
        np.append(node[spots.head[ahead]], node[spots.tail[back]]),
        int(node.max(initial=-1)) + 1,
    )[node]
    root = int(node.max(initial=-1)) + 1
    guesses = guesses[node[spots.one[guesses]] != node[spots.two[guesses]]]
    valve = root + 1 + np.arange(len(guesses))
    one, two = node[spots.one[guesses]], node[spots.two[guesses]]
    upper = np.concatenate([node[spots.tail[ahead]], node[spots.head[back]], one, two, valve, valve, node[spots.fed]])
    lower = np.concatenate(
        [node[spots.head[ahead]], node[spots.tail[back]], valve, valve, one, two, np.full(len(spots.fed), root)]
    )
    size = root + 1 + len(guesses)
    arrows = csr_array((np.ones(len(upper), np.int8), (lower, upper)), shape=(size, size))
    live = np.zeros(size, dtype=bool)
    live[breadth_first_order(arrows, root, directed=True, return_predecessors=False)] = True
    both = live[upper] & live[lower]
    into, tree = _dominators(upper[both], lower[both], root, live)
    guess = np.full(size, -1, dtype=np.int64)
    guess[valve] = spots.join[guesses]
    node = into[node]
    return node, tree, guess


def _rounds(upper: Ints, lower: Ints, count: int) -> Ints:
    """Give one number to nodes from each of which arrows lead round to all others."""
    arrows = coo_array((np.ones(len(upper), np.int8), (upper, lower)), shape=(count, count))
    return np.asarray(connected_components(arrows, directed=True, connection="strong")[1], dtype=np.int64)


def _dominators(upper: Ints, lower: Ints, root: int, live: Bools) -> tuple[Ints, Forest]:
    """Find the tree of dominators of arrows that lead from `upper` to `lower` and end in `root`.

    Nodes before the root that depend on what one other depends on become one with it, until no more do: most networks
    are trees but for a few places.
    """
    size = len(live)
    into = np.where(live, np.arange(size), -1)
    before = len(upper)
    while True:
        upper, lower = _needed(upper, lower, root, size)
        single = (np.bincount(upper, minlength=size)[upper] == 1) & (upper < root)
        if single.any():
            step = np.arange(size)
            step[upper[single]] = lower[single]
            while not np.array_equal(step, step[step]):
                step = step[step]
            into = np.where(live, step[into], -1)
            upper, lower = step[upper], step[lower]
        elif len(upper) >= _ENOUGH * before:
            return into, Forest(_tree(upper, lower, root, size))
        before = len(upper)


def _needed(upper: Ints, lower: Ints, root: int, size: int) -> tuple[Ints, Ints]:
    """Leave out the arrows that change nothing.

    These are doubles and rounds; all beside one to the root, since what leads there directly depends on nothing; arrows
    back to a node whose only arrow leads here; and of two ways that meet in the next node all but that node.
    """
    upper, lower = _different(upper, lower, size)
    direct = np.zeros(size, dtype=bool)
    direct[upper[lower == root]] = True
    kept = ~direct[upper] | (lower == root)
    upper, lower = upper[kept], lower[kept]
    only = np.full(size, -1, dtype=np.int64)
    single = np.bincount(upper, minlength=size)[upper] == 1
    only[upper[single]] = lower[single]
    kept = only[lower] != upper
    upper, lower = upper[kept], lower[kept]
    meet = np.where(only[lower] >= 0, upper * size + only[lower], -1)
    _, where, times = np.unique(np.append(meet, upper * size + lower), return_inverse=True, return_counts=True)
    twice = (meet >= 0) & (times[where[: len(meet)]] > 1)
    return _different(upper, np.where(twice, only[lower], lower), size)


def _different(upper: Ints, lower: Ints, size: int) -> tuple[Ints, Ints]:
    """Give every arrow once, and none from a node to itself."""
    apart = upper != lower
    pairs = np.unique(upper[apart] * size + lower[apart])
    return pairs // size, pairs % size


def _tree(upper: Ints, lower: Ints, root: int, size: int) -> Ints:
    """Give the immediate dominator of every node; -1 for the root and for what has no arrow.

    By Cooper, Harvey and Kennedy: the ways that are known so far are walked up until they meet, again and again until
    nothing changes. Nodes come in an order in which most stand behind all that they hang on.
    """
    ways: list[list[int]] = [[] for _ in range(size)]
    back: list[list[int]] = [[] for _ in range(size)]
    for one, two in zip(upper.tolist(), lower.tolist(), strict=True):
        ways[one].append(two)
        back[two].append(one)
    order = _postorder(back, root)
    rank = [-1] * size
    for place, node in enumerate(order):
        rank[node] = place
    parent = [-1] * size
    parent[root] = root
    changed = True
    while changed:
        changed = False
        for node in reversed(order[:-1]):
            above = -1
            for other in ways[node]:
                if parent[other] < 0:
                    continue
                while above >= 0 and above != other:
                    if rank[above] < rank[other]:
                        above = parent[above]
                    else:
                        other = parent[other]
                above = other
            changed |= parent[node] != above
            parent[node] = above
    parent[root] = -1
    return np.array(parent, dtype=np.int64)


def _postorder(back: list[list[int]], root: int) -> list[int]:
    """List the nodes that have a way to the root, each after all that was found by way of it; the root is last."""
    seen, out, stack = {root}, [], [(root, iter(back[root]))]
    while stack:
        node, rest = stack[-1]
        for other in rest:
            if other not in seen:
                seen.add(other)
                stack.append((other, iter(back[other])))
                break
        else:
            out.append(node)
            stack.pop()
    return out
