"""Readiness: what the cells of a parcel add up to; one truth table, applied to columns."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gisplan.base.coded import Coded
from gisplan.rules.profile import Profile


def readiness(cells: pd.DataFrame, parcels: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """Add the required cells of each parcel up.

    ``ready`` is yes when every required cell is A, no when any is B, C or D, unknown otherwise; *not applicable* cells
    leave the count. ``ready_by_delivery`` also takes B that works by the delivery date, and is unknown without one.

    Parameters
    ----------
    cells
        From `gisplan.judging.cells.cells`.
    parcels
        The parcels: ``area_mu``, ``supply_status``, ``delivery_on``.
    profile
        For the order of services.

    Returns
    -------
    pandas.DataFrame
        Index ``parcel``; area_mu, supply_status, ready, ready_by_delivery, ready_on, connected_count, required_count,
        then one grade letter a service.
    """
    keys = [s.key for s in profile.services]
    n, s = len(parcels), len(keys)
    letters = Coded.held(cells["grade"])
    grade = Coded(letters.code.reshape(n, s), letters.words)
    counts = (cells["need"] == "required").to_numpy().reshape(n, s) & ~grade.among("N")
    ready_on = cells["ready_on"].to_numpy(dtype="datetime64[D]").reshape(n, s)
    delivery = parcels["delivery_on"].to_numpy(dtype="datetime64[D]")[:, None]

    is_a, is_b, is_u = grade.among("A"), grade.among("B"), grade.among("U")
    some = counts.any(axis=1)
    no = (counts & grade.among("B", "C", "D")).any(axis=1)
    ready = np.where(no, "no", np.where((counts & is_u).any(axis=1) | ~some, "unknown", "yes"))

    in_time = is_b & (ready_on <= delivery)
    late = (counts & ~is_a & ~is_u & ~in_time).any(axis=1)
    by_delivery = np.where(late, "no", np.where((counts & is_u).any(axis=1) | ~some, "unknown", "yes"))
    by_delivery = np.where(np.isnat(delivery[:, 0]), "unknown", by_delivery)

    sure = (~counts | is_a | is_b).all(axis=1)
    days = np.where(counts & is_b, ready_on, np.datetime64("0001-01-01", "D")).max(axis=1)
    last = np.where(sure & (counts & is_b).any(axis=1), days, np.datetime64("NaT"))

    connected, required = _grouped(cells, counts, is_a, (n, s))
    table = pd.DataFrame(
        {
            "area_mu": parcels["area_mu"].to_numpy(dtype=float),
            "supply_status": parcels["supply_status"].to_numpy(dtype=object),
            "ready": ready,
            "ready_by_delivery": by_delivery,
            "ready_on": last.astype("datetime64[s]"),
            "connected_count": connected,
            "required_count": required,
        },
        index=parcels.index,
    )
    for key, column in zip(keys, grade.texts().T, strict=True):
        table[key] = column
    return table


def _grouped(
    cells: pd.DataFrame, counts: np.ndarray, is_a: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Count required groups, and those of which every required service is A (drainage is one 通 in some profiles)."""
    n, s = shape
    groups = Coded.held(cells["group"])
    group = groups.code.reshape(n, s)
    connected, required = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for g in range(len(groups.words)):
        mine = counts & (group == g)
        any_required = mine.any(axis=1)
        required += any_required
        connected += any_required & (~mine | is_a).all(axis=1)
    return connected, required
