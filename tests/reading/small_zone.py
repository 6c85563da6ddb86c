"""Small zones made in code: three parcels and a water main near 111.6 E, 36.15 N, in EPSG:4546."""

from __future__ import annotations

import geopandas as gpd
import shapely

X, Y = 554_000.0, 4_002_000.0
CRS = "EPSG:4546"

HEAD = """[zone]
title = "测试区"
crs = "EPSG:4546"
date = 2026-11-01
place = { box = [111.54, 36.08, 111.74, 36.26] }
"""
WATER = '[layer.water]\nstatus = "现状"\nas_of = 2026-01-31\n'


def square(x: float, y: float, size: float = 100.0) -> shapely.Polygon:
    return shapely.box(X + x, Y + y, X + x + size, Y + y + size)


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(X + x, Y + y) for x, y in points])


def point(x: float, y: float) -> shapely.Point:
    return shapely.Point(X + x, Y + y)


def parcels(ids: object = ("P1", "P2", "P3"), **columns: object) -> gpd.GeoDataFrame:
    shapes = [square(120.0 * i, 0) for i in range(len(ids))]  # type: ignore[arg-type]
    return gpd.GeoDataFrame({"parcel": ids, **columns}, geometry=shapes, crs=CRS)


def pipes(**columns: object) -> gpd.GeoDataFrame:
    data = {"feature": ["W1", "W2"], "role": ["管线", "管线"], "diameter_mm": ["DN300", "DN200"], **columns}
    return gpd.GeoDataFrame(data, geometry=[line((0, -10), (200, -10)), line((200, -10), (400, -10))], crs=CRS)


def points(roles: list[str | None], **columns: object) -> gpd.GeoDataFrame:
    data = {"feature": [f"N{i}" for i in range(len(roles))], "role": roles, **columns}
    return gpd.GeoDataFrame(data, geometry=[point(100.0 * i, -10) for i in range(len(roles))], crs=CRS)


def codes(survey: object) -> list[str]:
    return [issue.code for issue in survey.issues]  # type: ignore[attr-defined]


def found(survey: object, code: str) -> list[object]:
    return [issue for issue in survey.issues if issue.code == code]  # type: ignore[attr-defined]
