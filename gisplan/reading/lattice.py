"""The lattice: the cells of a grid that areas take, found row by row from where the edges of an area cross the row."""

from __future__ import annotations

import numpy as np
import shapely

Affine = tuple[float, float, float, float, float, float]
"""From column and row to x and y: x = a · column + b · row + c, y = d · column + e · row + f."""

_NEAR = 1e-6
"""A cell centre nearer than this to an edge (in cells) may be on either side of it for all that we reckon here."""


def inverse(affine: Affine) -> Affine:
    """Give the way back, from x and y to column and row."""
    a, b, c, d, e, f = affine
    by = 1.0 / (a * e - b * d)
    back = (e * by, -b * by, -d * by, a * by)
    return back[0], back[1], -c * back[0] - f * back[1], back[2], back[3], -c * back[2] - f * back[3]


def cut(affine: Affine, by: int) -> Affine:
    """Cut the cells of a lattice into smaller ones."""
    a, b, c, d, e, f = affine
    return a / by, b / by, c, d / by, e / by, f


def boxes(areas: np.ndarray, affine: Affine) -> np.ndarray:
    """Give the cells that the box of each area takes: first column, first row, columns, rows."""
    back = inverse(affine)
    bounds = shapely.bounds(areas).reshape(-1, 4)
    corners_x, corners_y = bounds[:, [0, 0, 2, 2]], bounds[:, [1, 3, 1, 3]]
    column = np.floor(back[0] * corners_x + back[1] * corners_y + back[2])
    row = np.floor(back[3] * corners_x + back[4] * corners_y + back[5])
    first, top = column.min(axis=1), row.min(axis=1)
    return np.stack([first, top, column.max(axis=1) - first + 1, row.max(axis=1) - top + 1]).astype(np.int64)


def centres(column: np.ndarray, row: np.ndarray, affine: Affine) -> tuple[np.ndarray, np.ndarray]:
    """Give x and y of the middle of cells."""
    a, b, c, d, e, f = affine
    column, row = column + 0.5, row + 0.5
    return a * column + b * row + c, d * column + e * row + f


def within(areas: np.ndarray, affine: Affine) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the cells whose centre lies within each area, and not on its boundary.

    Parameters
    ----------
    areas
        Valid polygons, none of them empty.
    affine
        From column and row to x and y.

    Returns
    -------
    tuple
        Number of the area, column and row of each cell; by area, then by row, then by column.
    """
    first, top, width, height = box = boxes(areas, affine)
    # All cells of all boxes have one number, so that the rows lie one behind the other.
    begin = np.cumsum(width * height) - width * height
    crossing, doubt = _crossings(areas, affine, (box, begin))
    crossing.sort()
    start, end = np.ceil(crossing.reshape(-1, 2).T - 0.5).astype(np.int64)
    count = end - start
    cell = np.repeat(start - (np.cumsum(count) - count), count) + np.arange(count.sum())
    if len(doubt):
        cell = _decided(areas, affine, (box, begin), (cell, doubt))
        start, count = cell, np.ones(len(cell), dtype=np.int64)
    area = np.searchsorted(begin, start, side="right") - 1
    row = (start - begin[area]) // np.maximum(width[area], 1)
    left = begin[area] + row * width[area] - first[area]
    return np.repeat(area, count), cell - np.repeat(left, count), np.repeat(row + top[area], count)


def _edges(areas: np.ndarray, back: Affine) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the edges of areas in cells: whose they are, and column and row of their two ends."""
    xy, area = shapely.get_coordinates(areas, return_index=True)
    ring = area
    if (shapely.get_type_id(areas) != 3).any() or shapely.get_num_interior_rings(areas).any():
        rings = shapely.get_rings(shapely.get_parts(areas))
        ring = np.repeat(np.arange(len(rings)), shapely.get_num_coordinates(rings))
    x, y = xy.T
    place = np.stack([back[0] * x + back[1] * y + back[2], back[3] * x + back[4] * y + back[5]])
    one = np.flatnonzero(ring[:-1] == ring[1:])
    return area[one], place[:, one], place[:, one + 1]


def _crossings(
    areas: np.ndarray, affine: Affine, numbered: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Find where the edges of areas cross the middle of rows, as places among the numbers of cells.

    Also gives the numbers of the cells whose centre is so near to an edge that this does not tell its side.
    """
    (first, top, width, height), begin = numbered
    area, (from_column, from_row), (to_column, to_row) = _edges(areas, inverse(affine))
    low, high = np.minimum(from_row, to_row) - 0.5, np.maximum(from_row, to_row) - 0.5
    least = np.ceil(low - _NEAR).astype(np.int64)
    count = np.floor(high + _NEAR).astype(np.int64) + 1 - least
    edge = np.repeat(np.arange(len(area)), count)
    row = np.repeat(least - (np.cumsum(count) - count), count) + np.arange(len(edge))
    level = from_row != to_row
    slant = np.where(level, to_column - from_column, 0.0) / np.where(level, to_row - from_row, 1.0)
    column = from_column[edge] + (row + 0.5 - from_row[edge]) * slant[edge]
    owner = area[edge]
    line = begin[owner] + (row - top[owner]) * width[owner] - first[owner]
    # An end on the middle of a row belongs to the edge that goes on from there: each row is crossed in pairs.
    crosses = (row >= low[edge]) & (row < high[edge])
    # Where an edge runs along a row, a step to its side is a long way along it.
    slack = _NEAR * (1 + np.abs(slant))
    slack[high - low <= _NEAR] = np.inf
    beside = column - 0.5
    beside -= np.rint(beside)
    near = np.flatnonzero((np.abs(beside) <= slack[edge]) | ~crosses)
    edge, owner, row, at = edge[near], owner[near], row[near], column[near]
    left = np.maximum(at - slack[edge], np.minimum(from_column, to_column)[edge] - _NEAR)
    right = np.minimum(at + slack[edge], np.maximum(from_column, to_column)[edge] + _NEAR)
    left = np.maximum(np.ceil(left - 0.5).astype(np.int64), first[owner])
    right = np.minimum(np.floor(right - 0.5).astype(np.int64), (first + width)[owner] - 1)
    many = np.where((row >= top[owner]) & (row < (top + height)[owner]), np.maximum(right - left + 1, 0), 0)
    doubt = np.repeat(left + line[near] - (np.cumsum(many) - many), many) + np.arange(many.sum())
    return (line + column)[crosses], np.unique(doubt)


def _decided(
    areas: np.ndarray,
    affine: Affine,
    numbered: tuple[np.ndarray, np.ndarray],
    cells: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Decide about the cells in doubt one by one; give the numbers of all that lie within."""
    (first, top, width, _), begin = numbered
    cell, doubt = cells
    area = np.searchsorted(begin, doubt, side="right") - 1
    row, column = np.divmod(doubt - begin[area], width[area])
    some = areas[np.unique(area)]
    shapely.prepare(some)
    inside = shapely.contains_xy(areas[area], *centres(column + first[area], row + top[area], affine))
    shapely.destroy_prepared(some)  # it takes more memory than the areas themselves
    sure = cell[~np.isin(cell, doubt, assume_unique=True)]
    return np.sort(np.concatenate([sure, doubt[inside]]))
