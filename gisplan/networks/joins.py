"""Joins: the list of what was joined to what, over which gap, each with an id by which it can be undone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.base.ids import short_ids
from gisplan.networks.drawing import Bools, Ints
from gisplan.networks.joints import CROSSING, KINDS, NUMBER, Joined, Proposed


@dataclass(frozen=True)
class Names:
    """What the lines and points of a drawing are called.

    Attributes
    ----------
    service
        Whose network it is.
    features
        Feature id of every row of the layer.
    rows
        Row of the layer of every line, then of every point of the drawing.
    lines
        How many lines there are.
    """

    service: str
    features: npt.NDArray[np.object_]
    rows: Ints
    lines: int

    @property
    def ends(self) -> Ints:
        """Row of the layer of every end: starts and ends of lines, then points."""
        return np.concatenate([self.rows[: self.lines], self.rows])

    def ids(self, proposed: Proposed, which: Ints) -> list[str]:
        """Give some joins their ids.

        An id is made of the service, the kind, the two features and which of their ends meet, and of nothing else, so
        that what moves elsewhere leaves it alone. Parts of a feature and features of one id are counted.
        """
        twice = pd.Index(self.features).duplicated(keep=False)
        again = np.zeros(len(self.features), dtype=np.int64)
        again[twice] = pd.Series(self.features[twice]).groupby(self.features[twice], sort=False).cumcount()
        line, other = self.rows[proposed.line[which]], self.rows[proposed.other[which]]
        crossing = np.flatnonzero(proposed.kind[which] == CROSSING)
        turn = np.zeros(len(which), dtype=np.int64)  # two lines may cross more than once: counted along the first
        pairs = pd.DataFrame({"line": line[crossing], "other": other[crossing]})
        turn[crossing] = pairs.groupby(["line", "other"], sort=False).cumcount()
        columns = zip(
            np.array(KINDS, dtype=object)[proposed.kind[which]],
            self.features[line], again[line], self._end(proposed.end[which]),
            self.features[other], again[other], self._end(proposed.other_end[which]),
            turn, strict=True,
        )  # fmt: skip
        keys = []
        for kind, a, a_again, a_end, b, b_again, b_end, time in columns:
            one, two = f"{a}\x1f{a_again}\x1f{a_end}", f"{b}\x1f{b_again}\x1f{b_end}"
            if kind != "end_side":  # which of two ends joined the other is of no matter
                one, two = sorted((one, two))
            keys.append("\x1e".join((self.service, kind, one, two, str(time))))
        return short_ids("J-", keys)

    def _end(self, end: Ints) -> list[str]:
        """Tell the start of a line from its end, and both from a point and from a side."""
        which = np.where(end < 0, 3, np.where(end < self.lines, 0, np.where(end < 2 * self.lines, 1, 2)))
        return [("start", "end", "point", "side")[i] for i in which.tolist()]

    def undone(self, proposed: Proposed, undo: frozenset[str]) -> Bools:
        """Tell which joins the planner has undone by their ids; what two numbers say cannot be undone here."""
        out = np.zeros(len(proposed), dtype=bool)
        if undo:
            which = np.flatnonzero(proposed.kind != NUMBER)
            out[which] = np.isin(np.array(self.ids(proposed, which), dtype=object), list(undo))
        return out

    def table(self, joined: Joined, which: Ints) -> pd.DataFrame:
        """Put some joins into a table, indexed by their numbers."""
        proposed = joined.proposed
        row, other = self.rows[proposed.line[which]], self.rows[proposed.other[which]]
        return pd.DataFrame(
            {
                "id": pd.Series(self.ids(proposed, which), index=which, dtype="str"),
                "feature": self.features[row],
                "other": self.features[other],
                "kind": np.array(KINDS, dtype=object)[proposed.kind[which]],
                "gap_m": proposed.gap_m[which],
                "x": proposed.spot[which, 0],
                "y": proposed.spot[which, 1],
                "row": row,
                "other_row": other,
                "joint": joined.joint[which],
                "undone": joined.undone[which],
            },
            index=which,
        )

    def refused(self, joined: Joined, spots: npt.NDArray[np.float64]) -> pd.DataFrame:
        """Put the ends that were kept apart into a table; `spots` are the places of all ends."""
        a, b, gap, wide = joined.proposed.refused
        row, other = self.ends[a], self.ends[b]
        return pd.DataFrame(
            {
                "feature": self.features[row],
                "other": self.features[other],
                "row": row,
                "other_row": other,
                "gap_m": gap,
                "x": spots[a, 0],
                "y": spots[a, 1],
                "why": np.where(wide, "wide", "guard"),
            }
        )
