"""Ducts: which of them are to hold a cable, so that they count as the line that their works lay."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from gisplan.networks.standing import unfinished


def cabled(layer: pd.DataFrame, works: pd.DataFrame, date: dt.date) -> pd.DataFrame:
    """Turn ducts that are to hold a cable into lines under construction.

    A duct that operates is there: works that it names and that are not completed lay its cable, and the cable is worth
    what they are. Works that are completed have built the duct alone, and so do those of a duct that is still to come.
    Of works that are not in the list, or whose phase is not known, nobody knows what they do.

    Parameters
    ----------
    layer
        The features of one service.
    works
        The works, by works id.
    date
        The date for which to judge.

    Returns
    -------
    pandas.DataFrame
        The same rows; the layer itself where there is no such duct.
    """
    duct = ((layer["role"] == "duct") & (layer["status"] == "operating")).fillna(False).to_numpy(dtype=bool)
    if not duct.any():
        return layer
    going, puzzling = unfinished(layer, works, date)
    rows = duct & (going | puzzling)
    if not rows.any():
        return layer
    # A phase that is not known leaves the status as it is: read together with such works it is unknown.
    return layer.assign(
        role=layer["role"].mask(rows, "line"), status=layer["status"].mask(duct & going, "construction")
    )
