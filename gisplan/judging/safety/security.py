"""Security of supply: whether a parcel is still fed whichever single main, or whichever single joint, fails."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gisplan.judging.brief import Brief
from gisplan.judging.connection import starts
from gisplan.judging.outcome import FAILS, HOLDS, UNKNOWN, Outcome, named, unjudged
from gisplan.networks.failures import Failures, failures
from gisplan.networks.supply import Supply, main_start, usable

Ints = npt.NDArray[np.int64]

_CODES = {"two_ways": "one_way", "two_sources": "one_source"}


def outcomes(brief: Brief) -> dict[str, Outcome]:
    """Judge whether parcels have two ways, and two sources.

    It holds if it does with unknowns taken as absent, and fails if it does not even with unknowns taken as operating;
    where it is not sure by which main, or at which level, a parcel is served, nothing is known.
    """
    asked = brief.asked("security")
    if brief.service.directed:  # what drains away has one way down
        return {c.id: unjudged(brief.parcels, "ways_unknown") for c in asked}
    kept, found, network = brief.kept, brief.found, brief.kept.network
    served = np.isin(found.grade, ("A", "B", "C")) & (found.joint >= 0)
    settled = served & (found.candidate == found.open_candidate) & (found.level == found.open_level)
    shut = _Places.of(brief, kept.shut, settled)
    opened = shut if kept.open is kept.shut else _Places.of(brief, kept.open, settled)
    settled &= (shut.joint == opened.joint) & (shut.piece == opened.piece)
    out = {}
    for condition in asked:
        measure = condition.measure.name
        now, may = (places.weak[measure] for places in (shut, opened))
        holds = np.where(settled, np.where(now == -1, HOLDS, np.where(may != -1, FAILS, UNKNOWN)), UNKNOWN)
        code = np.where(holds == HOLDS, "", np.where(holds == FAILS, _CODES[measure], "ways_unknown"))
        weak = named(network.features, np.where(holds == FAILS, opened.weakest(brief, measure), -1))
        value = np.select([holds == HOLDS, holds == FAILS], [1.0, 0.0], default=np.nan)
        out[condition.id] = Outcome.of(value, holds, code, weak, {"at": weak})
    return out


class _Places:
    """Where parcels draw from in one view, and what fails them there.

    `piece` is -1 for those that are judged from a joint, `joint` for those that are judged from a place on a piece.
    """

    def __init__(self, supply: Supply, parcels: int) -> None:
        self.supply = supply
        self.piece = np.full(parcels, -1, dtype=np.int64)
        self.joint = np.full(parcels, -1, dtype=np.int64)
        self.level = np.full(parcels, -1, dtype=np.int64)
        self.weak = {measure: np.full(parcels, -2, dtype=np.int64) for measure in _CODES}
        self.found: dict[int, Failures] = {}

    @classmethod
    def of(cls, brief: Brief, supply: Supply, settled: npt.NDArray[np.bool_]) -> _Places:
        """Find the places of settled parcels, and whether a single failure leaves them without a source."""
        out = cls(supply, brief.parcels)
        level = brief.found.level
        for number in np.unique(level[settled]).tolist():
            who = np.flatnonzero(settled & (level == number))
            found = out.found[number] = failures(supply, number)
            out.level[who] = number
            piece, joint = _place(brief, supply, number, who)
            out.piece[who], out.joint[who] = piece, joint
            on = piece >= 0
            for measure, by_joint, by_piece in (
                ("two_ways", found.joint_piece, found.piece_piece),
                ("two_sources", found.joint_neck, found.piece_neck),
            ):
                out.weak[measure][who] = np.where(on, np.append(by_piece, -2)[piece], by_joint[np.maximum(joint, 0)])
        return out

    def weakest(self, brief: Brief, measure: str) -> Ints:
        """Find the layer row of what fails each parcel: the main, or the source or main at the joint all ways pass."""
        network = brief.kept.network
        weak = self.weak[measure]
        row = np.full(len(weak), -1, dtype=np.int64)
        some = np.flatnonzero(weak >= 0)
        if measure == "two_ways":
            row[some] = network.row[weak[some]]
        else:
            for number in self.found:
                mine = some[self.level[some] == number]
                way, steps = self.supply.way(number), self.supply.levels
                up = way.piece[weak[mine]]
                first = np.full(len(self.supply.joint), -1, dtype=np.int64)
                fed = usable(network.sources.standing, self.supply.view, int(steps.grade[number]), steps.day[number])
                first[network.sources.joint[fed][::-1]] = network.sources.row[fed][::-1]
                row[mine] = np.where(up >= 0, np.append(network.row, -1)[up], first[weak[mine]])
        return row


def _place(brief: Brief, supply: Supply, number: int, who: Ints) -> tuple[Ints, Ints]:
    """Find where parcels draw from: a place on their main, or the joint where the first main of their lateral begins.

    A lateral or stub on whose way no main lies is judged from where it is itself.
    """
    found, kept = brief.found, brief.kept
    piece = found.piece[who]
    joint = found.joint[who] if supply is kept.shut else starts(kept, (supply, number), found, who)[0]
    begins = main_start(supply, number)[joint]
    branch = ~np.append(kept.network.main, False)[piece]  # a stub has no piece
    by_main = branch & (begins >= 0)
    own = np.where(piece >= 0, -1, joint)
    return np.where(by_main, -1, piece), np.where(by_main, begins, own)
