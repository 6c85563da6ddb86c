"""Cutting: lines cut into pieces at the joints on their sides, all at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def cut(
    lines: npt.NDArray[np.object_],
    xy: Floats,
    offsets: Ints,
    ends: tuple[Ints, Ints],
    joints: Floats,
    hits: tuple[Ints, Ints],
) -> tuple[Ints, Ints, Ints, Floats, Floats, Ints]:
    """Cut the lines at the joints on their sides, all at once.

    Every vertex and every cut gets its measure along its line; a cut stands twice, as the end of one piece and the
    start of the next, and one sort puts all in order.
    """
    u, v = ends
    n = len(lines)
    joint, line = hits
    if len(joint) == 0:
        return u, v, np.arange(n), np.asarray(shapely.length(lines), dtype=float), xy, offsets
    run = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    measure = run - np.repeat(run[offsets[:-1]], np.diff(offsets))
    place = shapely.line_locate_point(lines[line], shapely.points(joints[joint]))
    place = np.minimum(place, measure[offsets[line + 1] - 1])  # rounding must not carry a cut beyond the line's end
    owner = np.concatenate([np.repeat(np.arange(n), np.diff(offsets)), line, line])
    along = np.concatenate([measure, place, place])
    # 0 ends a piece, 1 is a vertex, 2 starts a piece; joints at one measure have a piece of no length between them.
    kind = np.concatenate([np.ones(len(xy), np.int8), np.zeros(len(line), np.int8), np.full(len(line), 2, np.int8)])
    at = np.concatenate([xy, joints[joint], joints[joint]])
    mark = np.concatenate([np.full(len(xy), -1), joint, joint])
    turn = np.concatenate([np.zeros(len(xy), np.int64), np.arange(len(line)), np.arange(len(line))])
    # At the measure of a cut a line's last vertex comes behind it, every other vertex before it.
    ahead = np.where(kind == 1, -1, 0)
    ahead[offsets[1:] - 1] = 1
    order = np.lexsort((kind, turn, ahead, along, owner))
    owner, kind, at, mark = owner[order], kind[order], at[order], mark[order]
    starts = np.ones(len(kind), dtype=bool)
    starts[1:] = (owner[1:] != owner[:-1]) | (kind[1:] == 2)
    s = np.flatnonzero(starts)
    e = np.append(s[1:], len(kind)) - 1
    part = owner[s]
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(at, axis=0).T))])
    return (
        np.where(kind[s] == 2, mark[s], u[part]),
        np.where(kind[e] == 0, mark[e], v[part]),
        part,
        length[e] - length[s],
        at,
        np.append(s, len(kind)),
    )
