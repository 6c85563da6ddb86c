"""Zones drawn in a few lines, for tests that a reader can check by eye."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
from shapely import LineString, Point, Polygon, box

from gisplan.zone import Zone

CRS = "EPSG:4546"
X, Y = 550_000.0, 4_000_000.0  # false origin, so that a drawing can count from zero
DATE = "2026-11-01"


def parcel(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    return box(X + x0, Y + y0, X + x1, Y + y1)


def line(*points: tuple[float, float]) -> LineString:
    return LineString([(X + x, Y + y) for x, y in points])


def point(x: float, y: float) -> Point:
    return Point(X + x, Y + y)


def parcels(**shapes: Any) -> gpd.GeoDataFrame:
    """Parcels by name; industrial land unless a (shape, columns) pair says otherwise."""
    rows = []
    for name, given in shapes.items():
        shape, extra = given if isinstance(given, tuple) else (given, {})
        rows.append({"parcel": name, "use": "工业用地", "geometry": shape, **extra})
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS)


def layer(*rows: tuple[str, Any, dict[str, Any]]) -> gpd.GeoDataFrame:
    """A service layer: (feature, shape, columns); operating mains unless the columns say otherwise."""
    return gpd.GeoDataFrame(
        [{"feature": f, "role": "line", "status": "现状", "geometry": g, **extra} for f, g, extra in rows],
        geometry="geometry",
        crs=CRS,
    )


def works(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def letter(**columns: Any) -> dict[str, Any]:
    """A letter that counts."""
    return {
        "issuer": "某单位",
        "number": "函1号",
        "date": "2026-06-01",
        "expires": "2027-06-01",
        "says": "已通",
        **columns,
    }


def zone(given: gpd.GeoDataFrame, **rest: Any) -> Zone:
    """A zone judged by its connections alone unless another profile is given: a sketch has no inverts or capacities."""
    said = {"crs": CRS, "date": DATE, "barriers": "none", "profile": "jiutong_connection"}
    return Zone.from_frames(given, **{**said, **rest})
