"""Cover: how far the farthest point of an area is from the nearest of many spots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]

_NOISE_M = 1e-9
"""Distances that differ by less are the same: so fine are coordinates of millions of metres."""
_AT_ONCE = 20_000
"""Areas looked at in one go, so that their corners are never in memory all at once."""


def farthest(areas: Shapes, spots: Shapes) -> tuple[Floats, Ints]:
    """Find how far the farthest point of each area is from the nearest spot, and which spot that is.

    Such a point is a corner; or it lies on an edge of the area, as near to two spots as to no other; or within the area
    and within a triangle of spots, as near to these three as to no other. Where all corners have the same nearest spot
    it is a corner, since all that is nearest to one spot is convex.

    Parameters
    ----------
    areas
        Polygons.
    spots
        Points.

    Returns
    -------
    tuple
        Distances, infinite without any spot, and numbers of spots; -1 without. Of spots that are equally near to the
        farthest point it is the first, save at a corner.
    """
    distance, which = np.full(len(areas), np.inf), np.full(len(areas), -1, dtype=np.int64)
    if len(spots) == 0 or len(areas) == 0:
        return distance, which
    at = shapely.get_coordinates(spots)
    # Whole metres are taken off without loss; what is computed of the rest is then finer.
    origin = np.floor(at.mean(axis=0))
    at -= origin
    tree, centres = cKDTree(at), _centres(at)
    peaks = shapely.STRtree(shapely.points(centres.at + origin))
    for block in np.split(np.arange(len(areas)), np.arange(_AT_ONCE, len(areas), _AT_ONCE)):
        best = _Best(distance[block], which[block], at, tree)
        corners = best.corners(areas[block], origin)
        best.inside(areas[block], centres, (peaks, origin))
        best.along(_edges(areas[block], corners))
        distance[block], which[block] = best.distance, best.which
    return distance, which


@dataclass(frozen=True)
class _Edges:
    """Straight lines from `start` by `way`, of areas; `one` and `other` are the spots nearest to their two ends."""

    owner: Ints
    start: Floats
    way: Floats
    one: Ints
    other: Ints

    def chosen(self, rows: npt.NDArray[np.bool_]) -> _Edges:
        return _Edges(self.owner[rows], self.start[rows], self.way[rows], self.one[rows], self.other[rows])


def _edges(areas: Shapes, corners: tuple[Floats, Ints]) -> _Edges:
    """Give the edges of areas of which the two ends have different nearest spots."""
    part, area = shapely.get_parts(areas, return_index=True)
    ring, of = shapely.get_rings(part, return_index=True)
    count = shapely.get_num_coordinates(ring)
    xy, spot = corners
    last = np.cumsum(count) - 1
    differ = spot[:-1] != spot[1:]
    differ[last[:-1]] = False
    first = np.flatnonzero(differ)
    owner = np.repeat(area[of], count)[first]
    return _Edges(owner, xy[first], xy[first + 1] - xy[first], spot[first], spot[first + 1])


@dataclass(frozen=True)
class _Best:
    """The farthest point of each area that was found so far: its distance, and its nearest spot."""

    distance: Floats
    which: Ints
    at: Floats
    tree: cKDTree

    def better(self, owner: Ints, distance: Floats) -> npt.NDArray[np.bool_]:
        """Tell where a point would be farther than what was found."""
        return np.asarray(distance > self.distance[owner] + _NOISE_M)

    def keep(self, owner: Ints, distance: Floats, which: Ints) -> None:
        """Keep what is farther; of points equally far that with the first spot."""
        good = np.flatnonzero(self.better(owner, distance))
        order = good[np.lexsort((which[good], -distance[good], owner[good]))]
        first = order[np.flatnonzero(np.diff(owner[order], prepend=-1))]
        self.distance[owner[first]], self.which[owner[first]] = distance[first], which[first]

    def corners(self, areas: Shapes, origin: Floats) -> tuple[Floats, Ints]:
        """Look at the corners of areas; give them, and the spot that is nearest to each."""
        corner, owner = shapely.get_coordinates(areas, return_index=True)
        corner -= origin
        gap, spot = self.tree.query(corner)
        spot = spot.astype(np.int64, copy=False)
        start = np.flatnonzero(np.diff(owner, prepend=-1))
        if len(start):
            self.distance[owner[start]] = np.maximum.reduceat(gap, start)
        top = np.flatnonzero(gap == self.distance[owner])[::-1]
        self.which[owner[top]] = spot[top]  # of equal corners the first, which is written last
        return corner, spot

    def inside(self, areas: Shapes, centres: _Centres, where: tuple[shapely.STRtree, Floats]) -> None:
        """Look at the points within areas that are as near to three spots as to no other."""
        tree, origin = where
        owner, one = tree.query(areas)
        good = self.better(owner, centres.radius[one])
        owner, one = owner[good], one[good]
        good = shapely.intersects_xy(areas[owner], *(centres.at[one] + origin).T)
        owner, one = owner[good], one[good]
        # The tree, and not the triangle, tells the spots: those in one place are one spot in a triangle.
        corner = self.tree.query(centres.spots[one])[1] if len(one) else np.zeros((0, 3), dtype=np.int64)
        self.keep(owner, centres.radius[one], corner.min(axis=1))

    def along(self, edges: _Edges) -> None:
        """Look at the points on edges that are as near to two spots as to no other.

        Where the line between what is nearer to the one end's spot and what is nearer to the other's crosses an edge,
        no point of the edge is farther than that point, or than the ends, from the nearer of these two. If another spot
        is still nearer there, it parts the edge.
        """
        while len(edges.owner):
            edges, along, bound = self._worth(edges)
            point = edges.start + along
            gap, spot = self.tree.query(point)
            spot = spot.astype(np.int64, copy=False)
            sure = (spot == edges.one) | (spot == edges.other) | (gap > bound - _NOISE_M)
            first = np.minimum(edges.one, edges.other)
            self.keep(edges.owner, np.where(sure, bound, gap), np.where(sure, first, spot))
            rest = edges.chosen(~sure)
            along, point, spot = along[~sure], point[~sure], spot[~sure]
            edges = _Edges(
                np.append(rest.owner, rest.owner),
                np.concatenate([rest.start, point]),
                np.concatenate([along, rest.way - along]),
                np.append(rest.one, spot),
                np.append(spot, rest.other),
            )

    def _worth(self, edges: _Edges) -> tuple[_Edges, Floats, Floats]:
        """Leave the edges that may have a farther point; with the way to where both spots are equally near, and how."""
        one, other = self.at[edges.one], self.at[edges.other]
        out, across = edges.start - one, other - one
        # Of the points start + t · way: |out + t · way| = |out + t · way - across|.
        rate = 2 * np.einsum("ij,ij->i", edges.way, across)
        lead = np.einsum("ij,ij->i", across, across - 2 * out)
        turns = rate > 0  # else both are equally near all along, and nearer to neither end
        share = np.clip(lead / np.where(turns, rate, 1.0), 0.0, 1.0)
        along = share[:, None] * edges.way
        bound = np.hypot(*(out + along).T)
        good = turns & self.better(edges.owner, bound)
        return edges.chosen(good), along[good], bound[good]


@dataclass(frozen=True)
class _Centres:
    """Circles through three spots, about them and without spots within: centres, radii, and these spots."""

    at: Floats
    radius: Floats
    spots: Floats


def _centres(at: Floats) -> _Centres:
    """Find the points within a triangle of spots that are as near to these three as to no other.

    A centre beyond a side of its triangle is nowhere the farthest point: behind it the distance goes on growing.
    """
    triangles = shapely.get_parts(shapely.delaunay_triangles(shapely.multipoints(at)))
    corner = shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3]
    a = corner[:, 0]
    b, c = corner[:, 1] - a, corner[:, 2] - a
    bb, cc, bc = (np.einsum("ij,ij->i", one, other) for one, other in ((b, b), (c, c), (b, c)))
    twice = 2 * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])
    noise = 1e-9 * (bb + cc)
    about = (bc > -noise) & (bb - bc > -noise) & (cc - bc > -noise) & (twice != 0)
    a, b, c, bb, cc, twice = (values[about] for values in (a, b, c, bb, cc, twice))
    x, y = (c[:, 1] * bb - b[:, 1] * cc) / twice, (b[:, 0] * cc - c[:, 0] * bb) / twice
    return _Centres(a + np.stack([x, y], axis=1), np.hypot(x, y), corner[about])
