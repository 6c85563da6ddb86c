"""Land: parcels that overlap, whose area is not that on paper, or whose county the zone does not list.

Blank and repeated parcel numbers are no faults: reading refuses them, since no answer would have a name.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.base.units import number_column
from gisplan.faults.fault import Found
from gisplan.judging.judgement import Judgement

LAYER = "parcels"
Ints = npt.NDArray[np.int64]


def land(judgement: Judgement) -> list[Found]:
    """Check the parcels themselves.

    Parameters
    ----------
    judgement
        What was read; of a red line only its own outlines are checked.
    """
    return [_overlaps(judgement), _areas(judgement), _counties(judgement)]


def _overlaps(judgement: Judgement) -> Found:
    """Name both parcels of every pair that overlaps by more than the profile allows; the land of both is in doubt."""
    parcels = judgement.survey.parcels
    rows = np.flatnonzero(judgement.overlap)
    shapes = np.asarray(parcels.geometry.array, dtype=object)[rows]
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = a < b
    a, b = a[once], b[once]
    shared = shapely.intersection(shapes[a], shapes[b])
    area = shapely.area(shared)
    over = area > judgement.survey.profile.overlap_m2
    one, two, shared, area = rows[a[over]], rows[b[over]], shared[over], area[over]
    names, mu = parcels.index.to_numpy(dtype=object), parcels["area_mu"].to_numpy(dtype=float)
    return Found(
        "parcel_overlap",
        "warning",
        LAYER,
        one,
        names[one],
        names[two],
        shared,
        {"area": number_column(pd.Series(area), 1)},
        {"hanging_parcels": np.full(len(one), 2.0), "hanging_mu": mu[one] + mu[two]},
    )


def _areas(judgement: Judgement) -> Found:
    """Name the parcels whose drawn area is not the area on paper."""
    parcels = judgement.survey.parcels
    drawn = parcels["area_m2"].to_numpy(dtype=float)
    stated = parcels["stated_area_m2"].to_numpy(dtype=float, na_value=np.nan)
    limit = judgement.survey.profile.inspections["area_difference"]
    apart = np.abs(drawn - stated) > limit.value / 100 * stated
    row = np.flatnonzero(apart & ~parcels["doubt"].to_numpy(dtype=bool))
    share = np.divide(100 * np.abs(drawn - stated), stated, out=np.full(len(stated), np.inf), where=stated != 0)
    values = {
        "stated": number_column(pd.Series(stated[row]), 1),
        "drawn": number_column(pd.Series(drawn[row]), 1),
        "share": number_column(pd.Series(share[row]), 1),
        "limit": pd.Series(limit.text, index=range(len(row))),
    }
    return _about(judgement, "area_differs", row, values)


def _counties(judgement: Judgement) -> Found:
    """Name the parcels of a county that the zone does not list."""
    parcels, county = judgement.survey.parcels, judgement.survey.county
    odd = parcels["county_code"].notna() & ~parcels["county_code"].isin(list(county))
    row = np.flatnonzero(odd.to_numpy(dtype=bool)) if county else np.empty(0, dtype=np.int64)
    values = {
        "code": parcels["county_code"].astype("str").iloc[row].reset_index(drop=True),
        "county": pd.Series(", ".join(county), index=range(len(row))),
    }
    return _about(judgement, "county_odd", row, values)


def _about(judgement: Judgement, code: str, row: Ints, values: dict[str, pd.Series]) -> Found:
    """Make faults of single parcels, on which no supply hangs."""
    parcels = judgement.survey.parcels
    nothing = np.zeros(len(row))
    return Found(
        code,
        "warning",
        LAYER,
        row,
        parcels.index.to_numpy(dtype=object)[row],
        np.full(len(row), "", dtype=object),
        np.asarray(parcels.geometry.array, dtype=object)[row],
        values,
        {"hanging_parcels": nothing, "hanging_mu": nothing},
    )
