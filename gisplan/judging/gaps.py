"""Gaps: what is missing, how far the next working main is, who is responsible, and what it may cost."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.judging.cells import texts
from gisplan.judging.judgement import Judgement
from gisplan.judging.words import Words
from gisplan.networks.reach import nearest_any

COLUMNS = (
    "parcel", "service", "grade", "length_m", "from_feature", "responsible_zh", "responsible_en",
    "unit_price_cny", "estimate_cny", "basis", "reason_zh", "reason_en", "geometry",
)  # fmt: skip

UNPRICED = (
    "no_capacity", "needs_lifting", "uphill", "one_way", "one_source", "one_leg", "holes_full",
    "hydrants_far", "hydrants_apart", "hydrants_none",
)  # fmt: skip
"""Codes of cells that are connected and fail by something else: what they want is no pipe by the metre."""


def gaps(words: Words, parcel: int | None = None) -> gpd.GeoDataFrame:
    """List the cells that are C or D, and B that comes after the delivery date.

    Parameters
    ----------
    words
        What was measured, the answers, and their words.
    parcel
        Position of the one parcel that is asked about; all if not given.

    Returns
    -------
    geopandas.GeoDataFrame
        One row a gap, in the zone's system; `COLUMNS`. ``length_m`` is the straight distance to the nearest main that
        serves today, missing where there is none; ``estimate_cny`` is that length at the profile's price a metre. What
        no length of pipe mends (`UNPRICED`) has neither.
    """
    judgement, cells = words.judgement, words.cells
    survey = judgement.survey
    services = survey.profile.services
    place = open_cells(judgement, cells)
    place = place if parcel is None else place[place // len(services) == parcel]
    at, of = place // len(services), place % len(services)
    shapes = np.asarray(survey.parcels.geometry.array)
    blank = np.full(len(place), None, dtype=object)
    length, price = np.full(len(place), np.nan), np.full(len(place), np.nan)
    texts_ = {name: np.full(len(place), "", dtype=object) for name in _WRITTEN}
    from_feature, geometry = blank.copy(), blank.copy()
    enlarged = cells["code"].isin(UNPRICED).to_numpy()[place]
    for i, service in enumerate(services):
        mine = np.flatnonzero(of == i)
        texts_["responsible_zh"][mine], texts_["responsible_en"][mine] = service.responsible.zh, service.responsible.en
        for lang in ("zh", "en"):
            texts_[f"reason_{lang}"][mine] = words.reasons(service, at[mine], lang)
        mine = mine[~enlarged[mine]]
        if service.price is not None:
            price[mine], texts_["basis"][mine] = service.price.value, service.price_basis
        kept = judgement.candidates.get(service.key)
        if kept is None or not len(mine):
            continue
        now = np.flatnonzero(kept.level_shut == 0)
        parcels = shapes[at[mine]]
        nearest, distance = nearest_any(parcels, kept.shape[now])
        has = nearest >= 0
        length[mine[has]] = distance[has]
        layer = survey.layers[service.key].index.to_numpy(dtype=object)
        from_feature[mine[has]] = layer[kept.row[now[nearest[has]]]]
        geometry[mine[has]] = shapely.shortest_line(parcels[has], kept.shape[now[nearest[has]]])
    rows = cells.iloc[place]
    own = {name: pd.Series(texts(rows[name]), dtype="str") for name in ("parcel", "service", "grade")}
    told = {name: pd.Series(text, dtype="str") for name, text in texts_.items()}
    numbers = {"length_m": length, "unit_price_cny": price, "estimate_cny": length * price}
    table = pd.DataFrame(
        {**own, **told, **numbers, "from_feature": pd.Series(from_feature, dtype=object), "geometry": geometry}
    )
    return gpd.GeoDataFrame(table[list(COLUMNS)], geometry="geometry", crs=survey.crs)


_WRITTEN = ("responsible_zh", "responsible_en", "basis", "reason_zh", "reason_en")


def open_cells(judgement: Judgement, cells: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Give the positions of the cells that are gaps."""
    parcels = judgement.survey.parcels
    delivery = np.repeat(parcels["delivery_on"].to_numpy(), len(judgement.survey.profile.services))
    late = (cells["grade"] == "B").to_numpy() & (cells["ready_on"].to_numpy() > delivery)
    return np.flatnonzero(cells["grade"].isin(["C", "D"]).to_numpy() | late)


def priced(judgement: Judgement, cells: pd.DataFrame) -> dict[str, int]:
    """Count the gaps of each service that have an estimate, without measuring any of them."""
    services = judgement.survey.profile.services
    place = open_cells(judgement, cells)
    place = place[~cells["code"].isin(UNPRICED).to_numpy()[place]]
    drawn = ~shapely.is_empty(np.asarray(judgement.survey.parcels.geometry.array))[place // len(services)]
    count = np.bincount((place % len(services))[drawn], minlength=len(services))
    found = {}
    for service, gaps_ in zip(services, count.tolist(), strict=True):
        kept = judgement.candidates.get(service.key)
        near = kept is not None and bool((kept.level_shut == 0).any())
        found[service.key] = gaps_ if near and service.price is not None else 0
    return found
