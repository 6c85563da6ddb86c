"""Order: who comes first when what is left is not enough for all, and what papers already hold for whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.judging.brief import Brief
from gisplan.judging.reserves.carrying import in_unit
from gisplan.judging.reserves.demand import Demand

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
    held, firm
        What valid papers hold for a parcel, in the unit of the demand, 0 without: the largest of them, and all
        together, for two papers may be two reserves or one that is written twice.
    most
        What papers may hold for it together, damaged ones included; infinite where one does not say how much.
    promised
        Whether a valid paper holds something for it.
    scant
        Whether that is less than it may need by itself: such a paper gives no place, so that a small promise does not
        pull a large demand ahead of everybody.
    surely
        The latest place of what each parcel surely takes: of a scant one what the paper holds, in the paper's place; of
        all others the whole, in their own.
    """

    earliest: Ints
    latest: Ints
    granted: Bools
    unsaid: Bools
    held: Floats
    firm: Floats
    most: Floats
    promised: Bools
    scant: Bools
    surely: Ints


def order(brief: Brief, needed: Demand) -> Order:
    """Put the parcels of a survey into the order of a service: supplied, promised, approved, offered, the rest."""
    parcels = brief.survey.parcels
    n = len(parcels)
    (held, together, most), (begun, sure), maybe = _papers(brief)
    promised = ~np.isnan(sure)
    scant = promised & (needed.most > held)
    firm, loose = promised & ~scant, ~np.isnan(maybe)
    begun = np.where(firm, begun, np.nan)
    known = parcels["supply_status"].map(_CLASS)
    first, last = known.fillna(0).to_numpy(np.int64), known.fillna(5).to_numpy(np.int64)
    delivery = _days(parcels["delivery_on"])
    early, late = np.zeros(n, dtype=np.int64), np.full(n, _WIDTH - 1)
    dated = ~np.isnan(delivery) & (first == last) & np.isin(first, _DATED)
    early[dated] = late[dated] = np.nan_to_num(delivery[dated]).astype(np.int64)
    level = ~np.isin(first, _DATED) & (first == last)
    late[level] = 0
    moved = (firm | loose) & (first > PROMISED)
    first, early = np.where(moved, PROMISED, first), np.where(moved, np.fmin(begun, maybe), early).astype(np.int64)
    moved = firm & (last > PROMISED)
    last, late = np.where(moved, PROMISED, last), np.where(moved, sure, late).astype(np.int64)
    granted = (known == 0).to_numpy(dtype=bool)
    unsaid = known.isna().to_numpy(dtype=bool)
    latest = last * _WIDTH + late
    surely = np.where(scant, np.minimum(PROMISED * _WIDTH + np.nan_to_num(sure).astype(np.int64), latest), latest)
    return Order(first * _WIDTH + early, latest, granted, unsaid, held, together, most, promised, scant, surely)


def _days(column: pd.Series) -> Floats:
    """Count days from 1970; NaN where there is none."""
    day = column.to_numpy(dtype="datetime64[D]")
    return np.where(np.isnat(day), np.nan, np.clip(day.astype(np.int64), 1, _WIDTH - 2))


def _papers(brief: Brief) -> tuple[tuple[Floats, Floats, Floats], tuple[Floats, Floats], Floats]:
    """Give what papers hold for each parcel (`Order.held`, `Order.firm`, `Order.most`), and their days.

    First and last day of the valid ones, first of the damaged ones: NaN without such a paper, and 0 where a damaged one
    does not say.
    """
    rows, place, figures = _holding(brief)
    rows, place, figures = rows[place >= 0], place[place >= 0], figures[place >= 0]
    parcels = brief.survey.parcels.index
    whole = rows.index.isin(brief.evidence.index[brief.evidence["whole"]]) & (rows["says"] == "reserved").to_numpy()
    whole &= ~np.isnan(figures)

    def best(values: Floats, mine: Bools, better: np.ufunc, empty: float) -> Floats:
        found = np.full(len(parcels), np.nan)
        better.at(found, place[mine], values[mine])
        return np.where(np.isnan(found), empty, found)

    def together(values: Floats, mine: Bools) -> Floats:
        return np.bincount(place[mine], values[mine], len(parcels)).astype(float)

    held, firm = best(figures, whole, np.fmax, 0.0), together(figures, whole)
    most = together(np.where(np.isnan(figures), np.inf, figures), np.ones(len(rows), dtype=bool))
    day = np.nan_to_num(_days(rows["date"]))
    days = best(day, whole, np.fmin, np.nan), best(day, whole, np.fmax, np.nan)
    return (held, firm, most), days, best(day, ~whole, np.fmin, np.nan)


def held_elsewhere(brief: Brief, loading: Bools) -> tuple[float, float]:
    """Give what papers may take from every main, and from every source, beside what parcels load there themselves.

    Those that load nothing are known to lie at no main; one that nobody can name may lie at any. Who is supplied
    already is within the used part of the source by its demand; what is set apart for it need not be in use yet. What
    is held for parcels that a red line's zone has is counted with the zone.
    """
    rows, place, figures = _holding(brief)
    stated = (rows["capacity"].notna() | rows["capacity_unit"].notna()).to_numpy()
    amounts = np.where(np.isnan(figures), np.inf, figures)
    amounts = np.where((rows["says"] == "reserved").to_numpy(dtype=bool, na_value=False) | stated, amounts, 0.0)
    granted = brief.survey.parcels["supply_status"].isin(["granted", "idle"]).to_numpy()
    lost = (place < 0) & rows["stray"].to_numpy(dtype=bool) & (brief.zone is None)
    apart = (place >= 0) & ~np.append(loading & ~granted, True)[place]
    return float(amounts[lost].sum()), float(amounts[lost | apart].sum())


def _holding(brief: Brief) -> tuple[pd.DataFrame, Ints, Floats]:
    """Give the papers that may hold something of a service: rows, their parcels, and how much in its unit of demand.

    One that does not say of which service is of those whose demand is counted in its unit.
    """
    service, rows, at = brief.service, brief.survey.evidence, pd.Timestamp(brief.date)
    fits = rows["capacity_unit"].isna() | ~np.isnan(in_unit(pd.Series(1.0, rows.index), rows["capacity_unit"], service))
    asked = (
        (rows["says"] == "reserved") | rows["says"].isna(),
        rows["expires"].isna() | (rows["expires"] >= at),
        rows["date"].isna() | (rows["date"] <= at),
        (rows["service"] == service.key) | (rows["service"].isna() & fits),
    )
    kept = np.logical_and.reduce([each.to_numpy(dtype=bool) for each in asked])
    rows = rows[kept]
    # Asked of the parcels' own index, which is hashed once: a column's ``isin`` would unpack all parcels each time.
    place = brief.survey.parcels.index.get_indexer(pd.Index(rows["parcel"]))
    return rows, place, in_unit(rows["capacity"], rows["capacity_unit"], service)
