"""Joined: every join over a gap that the survey does not show, with the land that would lose its supply without it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from gisplan.base.labels import SINGLE, label
from gisplan.base.units import number_column
from gisplan.faults.fault import Found
from gisplan.faults.stakes import Land, hanging
from gisplan.judging.judgement import Judgement
from gisplan.networks.network import Network


def joined(judgement: Judgement) -> list[Found]:
    """List the guessed joins of all services; those that may be wrong by the drawing alone are warnings.

    Parameters
    ----------
    judgement
        What was built.
    """
    return [
        _listed(key, judgement.candidates[key].network, borne, severity)
        for key, borne in hanging(judgement).items()
        for severity in ("warning", "info")
    ]


def _listed(key: str, network: Network, borne: Land, severity: str) -> Found:
    """Make faults of the guessed joins of one service, doubtful ones or the others."""
    doubtful = (network.guesses["doubt"] != "").to_numpy(dtype=bool)
    which = np.flatnonzero(doubtful == (severity == "warning"))
    guesses = network.guesses.iloc[which].reset_index(drop=True)
    borne = Land(borne.parcels[which], borne.mu[which])
    values = {
        "why": {lang: guesses["doubt"].map(_reasons(guesses["doubt"], lang)) for lang in SINGLE},
        "gap": number_column(guesses["gap_m"], 3),
        "join": guesses["id"],
        "parcels": number_column(pd.Series(borne.parcels), 0),
        "mu": number_column(pd.Series(borne.mu), 1),
    }
    return Found(
        "joined",
        severity,
        key,
        guesses["row"].to_numpy(dtype=np.int64),
        guesses["feature"].to_numpy(dtype=object),
        guesses["other"].to_numpy(dtype=object),
        np.asarray(shapely.points(guesses[["x", "y"]].to_numpy(dtype=float).reshape(-1, 2)), dtype=object),
        values,
        {"gap_m": guesses["gap_m"].to_numpy(dtype=float), "hanging_parcels": borne.parcels, "hanging_mu": borne.mu},
    )


def _reasons(doubt: pd.Series, lang: str) -> dict[str, str]:
    """Give the words that follow a sentence for every kind of doubt; none where there is none."""
    before = label("word.doubtful").text(lang)
    return {code: before + label(f"doubt.{code}").text(lang) if code else "" for code in doubt.unique()}
