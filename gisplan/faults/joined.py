"""Joined: every join over a gap that the survey does not show, with the land that would lose its supply without it."""

from __future__ import annotations

import numpy as np
import shapely

from gisplan.base.units import number_column
from gisplan.faults.fault import Found
from gisplan.judging.judgement import Judgement


def joined(judgement: Judgement, key: str) -> list[Found]:
    """List the guessed joins of a service.

    Parameters
    ----------
    judgement
        What was built.
    key
        The service.
    """
    guesses = judgement.candidates[key].network.guesses
    values = {
        "gap": number_column(guesses["gap_m"].reset_index(drop=True), 3),
        "join": guesses["id"].reset_index(drop=True),
    }
    return [
        Found(
            "joined",
            "info",
            key,
            guesses["row"].to_numpy(dtype=np.int64),
            guesses["feature"].to_numpy(dtype=object),
            guesses["other"].to_numpy(dtype=object),
            np.asarray(shapely.points(guesses[["x", "y"]].to_numpy(dtype=float)), dtype=object),
            values,
            {"gap_m": guesses["gap_m"].to_numpy(dtype=float)},
        )
    ]
