"""Gaps: where what reaches no source lies so near to something else that the drawing alone may be at fault."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from gisplan.judging.candidates import Candidates
from gisplan.networks.misses import Misses, other_joint, paired, row_at

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Gaps:
    """Places where two lines do not meet, and a line of one of them could be drawn a little longer.

    Attributes
    ----------
    a, b
        The two sides: a joint, or ``-1 - k`` for foot ``k``.
    gap_m
        How far apart they are; 0 where lines cross without a joint.
    way
        The line across, from `a`.
    row, other
        Row of the layer of what lies on either side.
    foot, foot_m
        Feet: a place on a piece between its ends, and how far along it is.
    """

    a: Ints
    b: Ints
    gap_m: Floats
    way: Shapes
    row: Ints
    other: Ints
    foot: Ints
    foot_m: Floats

    def __len__(self) -> int:
        return len(self.a)


def gaps(kept: Candidates, limit_m: float) -> Gaps:
    """List the gaps between what is not live today and everything else.

    Parameters
    ----------
    kept
        The service's candidates: its network and who is live today.
    limit_m
        Largest gap (``<=``) that may be a slip of drawing, in a survey that is no coarser itself.
    """
    network, supply = kept.network, kept.shut
    joined = network.joined
    dark = np.flatnonzero(supply.piece != 0)
    every = joined.piece(np.arange(len(network.row))) if len(dark) else np.empty(0, dtype=object)
    tree = shapely.STRtree(every[dark])
    furthest = max(limit_m, float(network.reach_m.max(initial=0.0)))
    # Most boxes meet nothing that is dark: only the others are measured.
    box = shapely.bounds(every).reshape(-1, 4) + furthest * np.array([-1.0, -1.0, 1.0, 1.0])
    piece, near = tree.query(shapely.box(*box.T))
    close = shapely.dwithin(every[piece], every[dark[near]], furthest)
    piece, near = piece[close], dark[near[close]]
    fed = network.sources.joint
    spot, beside = tree.query(shapely.points(joined.xy[fed]), predicate="dwithin", distance=furthest)
    # Ends of either piece beside the other one; what feeds the service beside a piece.
    pairs = [(joined.u[piece], near), (joined.v[piece], near), (joined.u[near], piece), (joined.v[near], piece)]
    joint = np.concatenate([fed[spot], *(p[0] for p in pairs)])
    other = np.concatenate([dark[beside], *(p[1] for p in pairs)])
    # Measured is only what lies in the other's box: most ends of two pieces that are near somewhere are far apart.
    spots = joined.xy[joint]
    inside = (spots >= box[other, :2]).all(axis=1) & (spots <= box[other, 2:]).all(axis=1)
    joint, other = np.divmod(np.unique(joint[inside] * len(every) + other[inside]), max(len(every), 1))
    cut = np.zeros(len(joined.xy), dtype=bool)
    drawn = np.concatenate([joined.u, joined.v])
    cut[drawn[drawn != np.concatenate(supply.ends)]] = True
    keep = ~cut[joint]
    found = paired(network, joint[keep], other[keep], every[other[keep]])
    # What a survey's own tolerance allows is a slip of drawing in any case; it was kept apart, or undone.
    reach = np.append(network.reach_m, 0.0)
    reach = np.maximum(reach[row_at(network)[found.joint]], reach[network.row[found.piece]])
    found = found.take(found.gap_m <= np.maximum(limit_m, reach))
    return _listed(kept, found, cut, _crossing(kept, (piece, near), every))


def _crossing(kept: Candidates, pairs: tuple[Ints, Ints], every: Shapes) -> tuple[Ints, Ints, Shapes]:
    """Find where something that is not live crosses a line without a joint, unless decks say that it passes over."""
    network = kept.network
    none = np.empty(0, dtype=np.int64)
    if network.service.crossings == "join":
        return none, none, np.empty(0, dtype=object)
    joined = network.joined
    a, b = pairs
    met = (joined.u[a] == joined.u[b]) | (joined.u[a] == joined.v[b]) | (joined.v[a] == joined.u[b])
    met |= joined.v[a] == joined.v[b]
    a, b = a[~met], b[~met]
    both = (kept.shut.piece != 0)[a]  # then the pair is listed twice
    a, b = a[~both | (a < b)], b[~both | (a < b)]
    across = shapely.crosses(every[a], every[b])
    a, b = a[across], b[across]
    spot = shapely.get_coordinates(shapely.intersection(every[a], every[b]), return_index=True)
    first = np.flatnonzero(np.diff(spot[1], prepend=-1))
    return a, b, np.asarray(shapely.points(spot[0][first]), dtype=object)


def _listed(kept: Candidates, found: Misses, cut: npt.NDArray[np.bool_], cross: tuple[Ints, Ints, Shapes]) -> Gaps:
    """Put ends beside lines, and crossings, into one list; an end beside an end is listed once."""
    network = kept.network
    joined = network.joined
    target = other_joint(network, found)
    target = np.where((target >= 0) & ~np.append(cut, False)[target], target, -1)
    key = np.where(target >= 0, np.minimum(found.joint, target), found.joint)
    partner = np.where(target >= 0, np.maximum(found.joint, target), -1 - np.arange(len(target)))
    _, once = np.unique(np.column_stack([key, partner]), axis=0, return_index=True)
    once = np.sort(once)
    found, target = found.take(once), target[once]
    side = np.flatnonzero(target < 0)
    a, b, spot = cross
    start = len(side)
    foot = np.concatenate([found.piece[side], a, b])
    shapes = joined.piece(foot[start:])
    foot_m = np.concatenate([found.at_m[side], shapely.line_locate_point(shapes, np.concatenate([spot, spot]))])
    target[side] = -1 - np.arange(start)
    crossing = -1 - start - np.arange(len(a))
    return Gaps(
        np.concatenate([found.joint, crossing]),
        np.concatenate([target, crossing - len(a)]),
        np.concatenate([found.gap_m, np.zeros(len(a))]),
        np.concatenate([found.way, spot]),
        np.concatenate([row_at(network)[found.joint], network.row[a]]),
        np.concatenate([network.row[found.piece], network.row[b]]),
        foot,
        foot_m,
    )
