"""Order: who comes first when what is left is not enough for all, and what papers already hold for whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.judging.brief import Brief
from gisplan.judging.carrying import in_unit

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_CLASS = {"granted": 0, "idle": 0, "approved": 2, "offered": 3, "reserved": 4, "unreserved": 5}
PROMISED = 1
"""Class of the parcels that a paper holds something for."""
_DATED = (PROMISED, 2, 3)
"""Classes in which the day tells who comes first: that of the paper, that of the delivery."""
_WIDTH = 10_000_000
"""Wider than any day counted from 1970, so that a class and a day make one number."""


@dataclass(frozen=True)
class Order:
    """The place of every parcel in the order in which what is left is given out.

    Attributes
    ----------
    earliest, latest
        First and last place that a parcel may have: where they overlap, nobody knows who comes first.
    granted, unsaid
        Whether a parcel is supplied already, so that its source counts it as used; whether nobody says.
    held
        What valid papers hold for a parcel, in the unit of the demand; 0 without.
    most
        What papers may hold for it, damaged ones included; infinite where one does not say how much.
    promised
        Whether a valid paper holds something for it.
    """

    earliest: Ints
    latest: Ints
    granted: Bools
    unsaid: Bools
    held: Floats
    most: Floats
    promised: Bools


def order(brief: Brief) -> Order:
    """Put the parcels of a survey into the order of a service: supplied, promised, approved, offered, the rest."""
    parcels = brief.survey.parcels
    n = len(parcels)
    held, most, day, sure, maybe = _papers(brief)
    known = parcels["supply_status"].map(_CLASS)
    first, last = known.fillna(0).to_numpy(np.int64), known.fillna(5).to_numpy(np.int64)
    delivery = _days(parcels["delivery_on"])
    early, late = np.zeros(n, dtype=np.int64), np.full(n, _WIDTH - 1)
    dated = ~np.isnan(delivery) & (first == last) & np.isin(first, _DATED)
    early[dated] = late[dated] = np.nan_to_num(delivery[dated]).astype(np.int64)
    level = ~np.isin(first, _DATED) & (first == last)
    late[level] = 0
    first, early = (
        np.where((sure | maybe) & (first > PROMISED), PROMISED, first),
        np.where(maybe & ~sure & (first > 0), 0, early),
    )
    moved = sure & (last > PROMISED)
    on = np.nan_to_num(day).astype(np.int64)
    late = np.where(moved, on, late)
    last = np.where(moved, PROMISED, last)
    early = np.where(sure & (first == PROMISED), np.where(maybe, 0, on), early)
    granted = (known == 0).to_numpy(dtype=bool)
    return Order(
        first * _WIDTH + early, last * _WIDTH + late, granted, known.isna().to_numpy(dtype=bool), held, most, sure
    )


def _days(column: pd.Series) -> Floats:
    """Count days from 1970; NaN where there is none."""
    day = column.to_numpy(dtype="datetime64[D]")
    return np.where(np.isnat(day), np.nan, np.clip(day.astype(np.int64), 1, _WIDTH - 2))


def _papers(brief: Brief) -> tuple[Floats, Floats, Floats, Bools, Bools]:
    """Give what papers hold for each parcel: surely, at most, since when, and whether one is valid, one damaged."""
    parcels, service = brief.survey.parcels.index, brief.service
    rows = brief.survey.evidence
    rows = rows[rows["parcel"].isin(parcels)]
    rows = rows[(rows["says"] == "reserved") | rows["says"].isna()]
    rows = rows[(rows["service"] == service.key) | rows["service"].isna()]
    running = rows["expires"].isna() | (rows["expires"] >= pd.Timestamp(brief.date))
    rows = rows[running & (rows["date"].isna() | (rows["date"] <= pd.Timestamp(brief.date)))]
    amount = pd.Series(in_unit(rows["capacity"], rows["capacity_unit"], service), index=rows.index)
    whole = rows.index.isin(brief.evidence.index[brief.evidence["whole"]]) & (rows["says"] == "reserved").to_numpy()
    owner = rows["parcel"].to_numpy(dtype=object)

    def best(values: Floats, mine: Bools, how: str, empty: float) -> Floats:
        found = pd.Series(values[mine]).groupby(owner[mine]).agg(how)
        return found.reindex(parcels).fillna(empty).to_numpy(dtype=float)

    figures = amount.to_numpy(dtype=float)
    every = np.ones(len(rows), dtype=bool)
    held = best(figures, whole & ~np.isnan(figures), "max", 0.0)
    most = best(np.where(np.isnan(figures), np.inf, figures), every, "max", 0.0)
    day = best(_days(rows["date"]), whole, "min", np.nan) if whole.any() else np.full(len(parcels), np.nan)
    sure = np.asarray(parcels.isin(owner[whole]))
    return held, most, day, sure, np.asarray(parcels.isin(owner[~whole]))
