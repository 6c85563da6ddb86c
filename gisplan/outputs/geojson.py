"""Gaps as GeoJSON (RFC 7946): WGS 84, longitude first, seven decimals; a gap without a line has a null geometry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gisplan.base.errors import ExportError
from gisplan.base.files import replacing
from gisplan.outputs.columns import GAPS, plain, present
from gisplan.outputs.tables import Tables

_ABOUT = ("title", "invented", "disclaimer", "profile", "dates", "formula", "notes")
_DECIMALS = 7  # about a centimetre; more would claim an accuracy that no survey of a zone has


def write_gaps(tables: Tables, path: Path) -> None:
    """Write ``gaps.geojson``.

    Parameters
    ----------
    tables
        What the report hands over; the gaps are in the zone's CRS.
    path
        Where the file belongs.

    Raises
    ------
    ExportError
        The file cannot be written; the old one is kept.
    """
    gaps = tables.gaps
    shapes = _shapes(gaps)
    rows = present(gaps.drop(columns=gaps.geometry.name), GAPS).to_dict("records")
    features = [
        f'{{"type":"Feature","properties":{_json({k: plain(v) for k, v in row.items()})},"geometry":{shape}}}'
        for row, shape in zip(rows, shapes, strict=True)
    ]
    about = tables.about
    head = {key: plain(about[key]) for key in _ABOUT if about.get(key) is not None}
    lines = ",\n".join(features)
    text = f'{{"type":"FeatureCollection","about":{_json(head)},"features":[\n{lines}\n]}}\n'

    def whole(temporary: Path) -> None:
        if len(json.loads(temporary.read_text(encoding="utf-8"))["features"]) != len(gaps):
            raise ExportError(f"{path.name}: features are missing from what was written. Check the disk.")

    with replacing(path, whole) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _shapes(gaps: gpd.GeoDataFrame) -> list[str]:
    """Give each geometry as GeoJSON text in longitude and latitude, ``null`` where there is none."""
    shapes = shapely.force_2d(_lonlat(gaps))
    sound = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes)) & np.isfinite(shapely.bounds(shapes)).all(axis=1)
    texts = np.full(len(shapes), "null", dtype=object)
    texts[sound] = shapely.to_geojson(shapely.transform(shapes[sound], lambda xy: np.round(xy, _DECIMALS)))
    return [str(text) for text in texts]


def _lonlat(gaps: gpd.GeoDataFrame) -> npt.NDArray[np.object_]:
    """Take the geometries to WGS 84; a local grid has no way there, and its gaps stay undrawn."""
    shapes = np.asarray(gaps.geometry.array, dtype=object)
    if not len(shapes):
        return shapes
    if gaps.crs is None or pyproj.CRS(gaps.crs).geodetic_crs is None:
        return np.full(len(shapes), None, dtype=object)
    return np.asarray(gaps.geometry.to_crs(4326).array, dtype=object)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
