"""Depths: inverts held against the ground; what lies above it, or far below, is no level."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from gisplan.base.fields import fields
from gisplan.base.issues import Book
from gisplan.base.labels import Label
from gisplan.base.units import number
from gisplan.reading.ground import Ground
from gisplan.reading.refusals import listing
from gisplan.rules.profile import Profile

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ENDS = {"invert_from_m": 0, "invert_to_m": -1}
"""Columns of inverts, and the point of the line at which they are."""


def believed(
    layers: Mapping[str, gpd.GeoDataFrame], ground: Ground, profile: Profile, book: Book
) -> dict[str, gpd.GeoDataFrame]:
    """Take inverts that cannot be levels for what they are: not known.

    Depths that stand in the column of levels, slips of the pen and zeros for blanks would make land drain that does
    not. Where the ground is not known they cannot be told apart.

    Parameters
    ----------
    layers
        Cleaned layers by service.
    ground
        The ground.
    profile
        For ``inspection.invert_above`` and ``inspection.invert_below``, in m.
    book
        Where they are written down.
    """
    out = dict(layers)
    for service in profile.networks:
        if service.directed and service.key in out:
            out[service.key] = _believed(out[service.key], ground, profile, book)
    return out


def _believed(layer: gpd.GeoDataFrame, ground: Ground, profile: Profile, book: Book) -> gpd.GeoDataFrame:
    above, below = (profile.inspections[name].value for name in ("invert_above", "invert_below"))
    shapes, part = np.asarray(layer.geometry.array), layer["part"].to_numpy(dtype=np.int64)
    line = shapely.get_type_id(shapes) == 1
    for column, point in ENDS.items():
        level = layer[column].to_numpy(dtype=float, na_value=np.nan)
        # A feature of several parts begins where its first part does, and ends where its last one does.
        own = part == 0 if point == 0 else np.append(part[1:], 0) == 0
        asked = np.flatnonzero(line & own & np.isfinite(level))
        if not len(asked):
            continue
        height = ground.at(shapely.get_coordinates(shapely.get_point(shapes[asked], point)))
        depth = height - level[asked]
        odd = asked[(depth > below) | (depth < -above)]
        if not len(odd):
            continue
        wrong = layer.index[odd]
        for file in dict.fromkeys(layer["file"].iloc[odd]):
            mine = odd[(layer["file"].iloc[odd] == file).to_numpy()]
            first = int(mine[0])
            book.add(
                "invert_absurd", "error", "set aside", (str(file), "", str(layer.index[first])),
                column=Label(fields("layer")[column].zh, fields("layer")[column].en).text(book.lang),
                count=len(mine), level=number(float(level[first])), above=number(above), below=number(below),
                ground=number(round(float(height[np.searchsorted(asked, first)]), 2)),
                ids=listing(layer.index[mine].astype(str)),
            )  # fmt: skip
        layer = layer.assign(**{column: layer[column].mask(layer.index.isin(wrong))})
    return layer
