"""Evidence (佐证): which letters, visits and decisions count at a date, and what they say."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pandas as pd

AGAINST = ("not_connected", "not_operating")


def valid(evidence: pd.DataFrame, date: dt.date) -> pd.DataFrame:
    """Give the rows that count at a date: issued by then, not expired, with issuer and document number.

    What speaks against a connection is heard even when issuer, number or a date is missing, so that a damaged paper
    never makes an answer better; column ``whole`` tells the rows that lack nothing.
    """
    stamp = pd.Timestamp(date)
    named = evidence["issuer"].notna() & evidence["number"].notna()
    begun, running = evidence["date"] <= stamp, evidence["expires"].isna() | (evidence["expires"] >= stamp)
    whole = named & begun & running & evidence["says"].notna()
    heard = evidence["says"].isin(AGAINST) & (begun | evidence["date"].isna()) & running
    return evidence.assign(whole=whole)[whole | heard]


def on_features(evidence: pd.DataFrame, service: str, features: pd.Index) -> pd.Series:
    """Give what valid evidence says about each feature: operating, not_operating (which wins), or missing."""
    rows = evidence[(evidence["service"] == service) & evidence["feature"].notna()]
    rows = rows[rows["says"].isin(["operating", "not_operating"])]
    said = pd.Series(np.full(len(features), None, dtype=object))
    for voice in ("operating", "not_operating"):
        said[features.isin(rows.loc[rows["says"] == voice, "feature"])] = voice
    return said


def on_parcels(evidence: pd.DataFrame, service: str, parcels: pd.Index, says: str) -> npt.NDArray[np.int64]:
    """Give, for each parcel, the latest valid row (label of `evidence`) that says so about a service; -1 without."""
    rows = evidence[(evidence["service"] == service) & (evidence["says"] == says) & evidence["parcel"].notna()]
    latest = rows.sort_values("date", kind="stable").drop_duplicates("parcel", keep="last")
    return (
        pd.Series(latest.index.to_numpy(dtype=np.int64), index=latest["parcel"])
        .reindex(parcels)
        .fillna(-1)
        .to_numpy(np.int64)
    )
