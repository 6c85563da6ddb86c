"""Cover: how far the farthest point of an area is from the nearest of many spots."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]


def farthest(areas: Shapes, spots: Shapes) -> tuple[Floats, Ints]:
    """Find how far the farthest point of each area is from the nearest spot, and which spot that is.

    Such a point is a corner, or lies as near to two spots as to no other: on an edge of the Voronoi diagram, where that
    ends or leaves the area. Where all corners have the same nearest spot the area has none of those, since all that is
    nearest to one spot is convex.

    Parameters
    ----------
    areas
        Polygons.
    spots
        Points.

    Returns
    -------
    tuple
        Distances, infinite without any spot, and numbers of spots; -1 without.
    """
    distance, which = np.full(len(areas), np.inf), np.full(len(areas), -1, dtype=np.int64)
    if len(spots) == 0 or len(areas) == 0:
        return distance, which
    tree = cKDTree(shapely.get_coordinates(spots))
    corner, owner = shapely.get_coordinates(areas, return_index=True)
    gap, spot = tree.query(corner)
    one, other = np.full(len(areas), len(spots)), np.full(len(areas), -1)
    np.minimum.at(one, owner, spot)
    np.maximum.at(other, owner, spot)
    mixed = np.flatnonzero(one < other)
    if len(mixed):
        edges = shapely.voronoi_polygons(
            shapely.multipoints(spots), extend_to=shapely.box(*shapely.total_bounds(areas[mixed])), only_edges=True
        )
        edges = shapely.get_parts(edges)
        at, edge = shapely.STRtree(edges).query(areas[mixed], predicate="intersects")
        inner, pair = shapely.get_coordinates(shapely.intersection(edges[edge], areas[mixed[at]]), return_index=True)
        more = tree.query(inner)
        gap, spot = np.append(gap, more[0]), np.append(spot, more[1])
        owner = np.append(owner, mixed[at[pair]])
    order = np.lexsort((-gap, owner))
    first = order[np.flatnonzero(np.diff(owner[order], prepend=-1))]
    distance[owner[first]], which[owner[first]] = gap[first], spot[first]
    return distance, which
