"""Gaps: what is missing, how far the next working main is, who is responsible, and what it may cost."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gisplan.judging.judgement import Judgement
from gisplan.networks.reach import nearest_any

COLUMNS = (
    "parcel", "service", "grade", "length_m", "from_feature", "responsible_zh", "responsible_en",
    "unit_price_cny", "estimate_cny", "basis", "reason_zh", "reason_en", "geometry",
)  # fmt: skip


def gaps(judgement: Judgement, cells: pd.DataFrame) -> gpd.GeoDataFrame:
    """List the cells that are C or D, and B that comes after the delivery date.

    Parameters
    ----------
    judgement
        What was measured.
    cells
        The answers, from `gisplan.judging.cells.cells`.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a gap, in the zone's system; `COLUMNS`. ``length_m`` is the straight distance to the nearest main that
        serves today, missing where there is none; ``estimate_cny`` is that length at the profile's price a metre.
    """
    survey = judgement.survey
    delivery = cells["parcel"].map(survey.parcels["delivery_on"])
    late = (cells["grade"] == "B") & (cells["ready_on"] > delivery)
    rows = cells[cells["grade"].isin(["C", "D"]) | late].copy()
    shapes = pd.Series(np.asarray(survey.parcels.geometry.array), index=survey.parcels.index)
    rows["length_m"], rows["from_feature"], rows["geometry"] = np.nan, None, None
    rows["unit_price_cny"], rows["basis"] = np.nan, ""
    for column in ("responsible_zh", "responsible_en"):
        rows[column] = ""
    rows = rows.astype({"from_feature": object, "geometry": object})
    for service in survey.profile.services:
        mine = (rows["service"] == service.key).to_numpy()
        rows.loc[mine, "responsible_zh"] = service.responsible.zh
        rows.loc[mine, "responsible_en"] = service.responsible.en
        if service.price is not None:
            rows.loc[mine, "unit_price_cny"] = service.price.value
            rows.loc[mine, "basis"] = service.price_basis
        kept = judgement.candidates.get(service.key)
        if kept is None or not mine.any():
            continue
        now = np.flatnonzero(kept.level_shut == 0)
        parcels = shapes.loc[rows.loc[mine, "parcel"]].to_numpy(dtype=object)
        nearest, distance = nearest_any(parcels, kept.shape[now])
        has = nearest >= 0
        where = rows.index[mine][has]
        rows.loc[where, "length_m"] = distance[has]
        layer = survey.layers[service.key].index.to_numpy(dtype=object)
        rows.loc[where, "from_feature"] = layer[kept.row[now[nearest[has]]]]
        rows.loc[where, "geometry"] = pd.Series(
            shapely.shortest_line(parcels[has], kept.shape[now[nearest[has]]]), index=where, dtype=object
        )
    rows["estimate_cny"] = rows["length_m"] * rows["unit_price_cny"]
    return gpd.GeoDataFrame(rows[list(COLUMNS)].reset_index(drop=True), geometry="geometry", crs=survey.crs)
