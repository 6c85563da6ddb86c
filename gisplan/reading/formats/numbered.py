"""Lines between numbered joints: the numbers make the network, the drawing only shows where it lies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from gisplan.base.issues import Book
from gisplan.reading.refusals import listing

_STEP = (1e-3, 1e-8)
"""How far the ends of a line without length are drawn apart: in metres or feet, and in degrees."""
_DEGREES = 400.0


def draw_apart(
    lines: npt.NDArray[np.object_],
    ids: npt.NDArray[np.object_],
    different: npt.NDArray[np.bool_],
    book: Book,
    file: str,
) -> npt.NDArray[np.object_]:
    """Draw a line whose two different joints lie at one place a millimetre long, and say so.

    A pump or a valve often stands between two joints at one spot; a line without length would be set aside, and the
    network would fall apart there.

    Parameters
    ----------
    lines
        Shapes, None where there is none.
    ids
        Their names, for the message.
    different
        Whether the two ends have different numbers: a line from a joint to itself leads nowhere and stays as it is.
    book, file
        Where the message goes.
    """
    flat = ~shapely.is_missing(lines) & different
    flat[flat] = ~(shapely.length(lines[flat]) > 0)
    if not flat.any():
        return lines
    out = lines.copy()
    rows = np.flatnonzero(flat)
    start = shapely.get_coordinates(shapely.get_point(lines[rows], 0))
    step = _STEP[1] if np.abs(start).max(initial=0.0) < _DEGREES else _STEP[0]
    out[rows] = shapely.linestrings(np.stack([start, start + np.array([step, 0.0])], axis=1))
    book.add("link_no_length", "info", "noted", (file, "", ""), count=len(rows), ids=listing(ids[rows]))
    return out
