"""Evidence (佐证): which letters, visits and decisions count at a date, and what they say."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.reading.records import doubtful

Bools = npt.NDArray[np.bool_]


def valid(evidence: pd.DataFrame, date: dt.date) -> pd.DataFrame:
    """Give the rows that count at a date: issued by then, not expired, with issuer and document number.

    What speaks against a connection, or says something that is not understood, is heard even when issuer, number or a
    date is missing, so that a damaged paper never makes an answer better; column ``whole`` tells the rows that lack
    nothing.
    """
    stamp = pd.Timestamp(date)
    running = evidence["expires"].isna() | (evidence["expires"] >= stamp)
    begun = evidence["date"] <= stamp
    named = evidence[["issuer", "number", "service", "says"]].notna().all(axis=1)
    heard = doubtful(evidence) & (begun | evidence["date"].isna()) & running
    whole = named & begun & running
    return evidence.assign(whole=whole)[whole | heard]


def _about(evidence: pd.DataFrame, service: str) -> pd.Series:
    """Tell which rows are about a service; one that does not say which may be about any."""
    return (evidence["service"] == service) | evidence["service"].isna()


def on_features(evidence: pd.DataFrame, service: str, features: pd.Index) -> tuple[Bools, Bools]:
    """Tell of which features valid evidence says that they operate, and of which something speaks against it."""
    whole = evidence[evidence["whole"] & (evidence["service"] == service)]
    works = features.isin(whole.loc[whole["says"] == "operating", "feature"].dropna())
    doubt = evidence.loc[doubtful(evidence) & _about(evidence, service), "feature"].dropna()
    return works, features.isin(doubt)


def against(evidence: pd.DataFrame, service: str, parcels: pd.Index) -> Bools:
    """Tell for which parcels something speaks against a service; what speaks of nothing that is there may mean any."""
    if evidence.empty:
        return np.zeros(len(parcels), dtype=bool)
    said = np.full(len(parcels), astray(evidence, service))
    at = parcels.get_indexer(pd.Index(evidence.loc[_denying(evidence, service), "parcel"].dropna().unique()))
    said[at[at >= 0]] = True
    return said


def astray(evidence: pd.DataFrame, service: str) -> bool:
    """Tell whether something speaks against a service of which nobody knows what it is about."""
    return bool((evidence["stray"].to_numpy(dtype=bool) & _denying(evidence, service)).any())


def _denying(evidence: pd.DataFrame, service: str) -> Bools:
    return (doubtful(evidence) & _about(evidence, service)).to_numpy(dtype=bool)


def on_parcels(evidence: pd.DataFrame, service: str, parcels: pd.Index, says: str) -> npt.NDArray[np.int64]:
    """Give, for each parcel, the latest whole row (label of `evidence`) that says so about a service; -1 without."""
    if evidence.empty:
        return np.full(len(parcels), -1, dtype=np.int64)
    rows = evidence[evidence["whole"] & (evidence["service"] == service) & (evidence["says"] == says)]
    rows = rows[rows["parcel"].notna()]
    latest = rows.sort_values("date", kind="stable").drop_duplicates("parcel", keep="last")
    return spread(pd.Series(latest.index.to_numpy(dtype=np.int64), index=latest["parcel"]), parcels, np.int64(-1))


def spread(said: pd.Series, parcels: pd.Index, blank: np.generic) -> npt.NDArray[Any]:
    """Lay what is said of a few parcels, by their ids, over all; `blank` elsewhere. What is no parcel is left out."""
    out = np.full(len(parcels), blank)
    at = parcels.get_indexer(said.index)
    out[at[at >= 0]] = said.to_numpy(dtype=out.dtype)[at >= 0]
    return out
