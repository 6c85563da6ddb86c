"""Ways: which pieces each parcel's supply leads over, and which parcels nobody can tell that of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gisplan.judging.brief import Brief
from gisplan.judging.connection import starts
from gisplan.networks.forest import Forest
from gisplan.networks.parts import parts
from gisplan.networks.reach import close, first_within
from gisplan.networks.supply import Way

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Tree:
    """The ways of all parcels that are served at one level: a forest of joints under the sources.

    Attributes
    ----------
    way
        Next joint and piece of every joint.
    forest
        The same as parents.
    who
        Parcels whose way is in it, by where their joint stands in `enter`.
    at
        Their joints.
    enter, leave
        Joints numbered so that all that hang on one have the numbers from `enter` to before `leave`.
    """

    way: Way
    forest: Forest
    who: Ints
    at: Ints
    enter: Ints
    leave: Ints

    @cached_property
    def steps(self) -> tuple[Ints, Ints]:
        """The joints from which a piece leads on, and that piece."""
        has = np.flatnonzero(self.way.piece >= 0)
        return has, self.way.piece[has]


@dataclass(frozen=True)
class Ways:
    """The ways of all parcels of one service.

    Attributes
    ----------
    sure
        Parcels that are served and of whose way nobody doubts.
    piece
        The piece that each parcel connects to; -1 without, and where its way leads back over that piece.
    root
        Joint of the source that its way leads to; -1 without.
    trees
        The ways by level; of sure parcels only.
    restless
        Parcels that may be served by a way that nobody knows; those whose shape is lost or in doubt among them.
    part
        Part (what hangs together, with unknowns taken as operating) of every joint.
    roams
        Pairs (parcel, part): where the restless may lead.
    """

    sure: Bools
    piece: Ints
    root: Ints
    trees: tuple[Tree, ...]
    restless: Bools
    part: Ints
    roams: tuple[Ints, Ints]


def ways(brief: Brief) -> Ways:
    """Find the way of every parcel of a service."""
    kept, found = brief.kept, brief.found
    n = brief.parcels
    served = np.isin(found.grade, ("A", "B", "C")) & (found.joint >= 0)
    doubt = brief.survey.parcels["doubt"].to_numpy(dtype=bool)
    sure = served & ~doubt & _settled(brief, served)
    root = np.full(n, -1, dtype=np.int64)
    piece = np.where(sure, found.piece, -1)
    trees = []
    for number in np.unique(found.level[sure]):
        way = kept.shut.way(int(number))
        who = np.flatnonzero(sure & (found.level == number))
        root[who] = way.source[found.joint[who]]
        # Who connects at the far end of a piece is led back over all of it, and must not be counted on it twice.
        back = way.piece[found.joint[who]] == piece[who]
        piece[who[back]] = -1
        trees.append(_tree(way, who, found.joint[who].astype(np.int64)))
    restless = ~sure & (doubt | (found.open_level < len(kept.levels)))
    part = parts(kept.network)
    return Ways(sure, piece, root, tuple(trees), restless, part, _roams(brief, (restless, doubt), part))


def _settled(brief: Brief, served: Bools) -> Bools:
    """Tell of which served parcels candidate and way are the same whatever the unknowns turn out to be."""
    kept, found = brief.kept, brief.found
    if kept.open is kept.shut:
        return np.asarray(found.candidate == found.open_candidate)
    same = served & (found.candidate == found.open_candidate) & (found.level == found.open_level)
    for number in np.unique(found.level[same]):
        who = np.flatnonzero(same & (found.level == number))
        joint, _ = starts(kept, (kept.open, int(number)), found, who)
        shut, opened = kept.shut.way(int(number)), kept.open.way(int(number))
        size = min(len(shut.piece), len(opened.piece))
        differs = np.ones(len(shut.piece), dtype=np.int64)
        differs[:size] = (shut.piece[:size] != opened.piece[:size]) | (
            shut.next_joint[:size] != opened.next_joint[:size]
        )
        away = Forest(shut.next_joint).climb(differs) > 0
        same[who] &= (joint == found.joint[who]) & ~away[found.joint[who]]
    return same


def _tree(way: Way, who: Ints, at: Ints) -> Tree:
    """Give the joints of a forest numbers so that what hangs on a joint stands together."""
    forest = Forest(way.next_joint)
    size = forest.sums(np.ones(len(way.next_joint)))
    parent = way.next_joint
    order = np.argsort(parent, kind="stable")
    run = np.cumsum(size[order]) - size[order]
    first = np.flatnonzero(np.diff(parent[order], prepend=-2))
    before = np.empty(len(order))
    before[order] = run - np.repeat(run[first], np.diff(np.append(first, len(order))))
    enter = forest.climb(before + (parent >= 0)).astype(np.int64)
    sort = np.argsort(enter[at], kind="stable")
    return Tree(way, forest, who[sort], at[sort], enter, enter + size.astype(np.int64))


def _roams(brief: Brief, which: tuple[Bools, Bools], part: Ints) -> tuple[Ints, Ints]:
    """Find the parts in which the candidates lie that may serve each restless parcel; of a doubtful one, any may."""
    kept = brief.kept
    (restless, doubt), network = which, kept.network
    who, lost = np.flatnonzero(restless & ~doubt), np.flatnonzero(restless & doubt)
    may = np.flatnonzero(kept.level_open < len(kept.levels))
    if len(may) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    joint = np.append(network.stub_joint, -1)[kept.stub[may]]
    line = kept.stub[may] < 0
    joint[line] = network.joined.u[kept.piece[may[line]]]
    shapes = np.asarray(brief.survey.parcels.geometry.array)[who]
    parcel, candidate = close(shapes, kept.shape[may], kept.reach_m)
    order = np.lexsort((part[joint[candidate]], parcel))
    parcel, candidate = parcel[order], candidate[order]
    key = parcel * (int(part.max(initial=-1)) + 1) + part[joint[candidate]]
    rows = first_within(shapes[parcel], kept.shape[may[candidate]], key, kept.reach_m)
    parcel, candidate = parcel[rows], candidate[rows]
    anywhere = np.unique(part[joint])
    pairs = np.stack(
        [
            np.concatenate([who[parcel], np.repeat(lost, len(anywhere))]),
            np.concatenate([part[joint[candidate]], np.tile(anywhere, len(lost))]),
        ],
        axis=1,
    )
    pairs = np.unique(pairs, axis=0)
    return pairs[:, 0], pairs[:, 1]
