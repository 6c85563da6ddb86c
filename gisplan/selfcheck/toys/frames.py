"""A plain zone as GeoDataFrames, words and columns as in a file: what ``gisplan.Zone.from_frames`` takes."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gisplan.reading.formats.raw import RawGrid
from gisplan.reading.ground import Grid, Ground
from gisplan.reading.places.coordinates import Change
from gisplan.selfcheck.reference.records import Feature, Lost, Parcel, Zone


def drawn(feature: Feature) -> Any:
    """Return the shape of a feature."""
    if len(feature.parts[0]) == 1:
        return shapely.Point(feature.parts[0][0])
    lines = [shapely.LineString(part) for part in feature.parts]
    return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)


def _area(parcel: Parcel) -> Any:
    polygons = [shapely.Polygon(rings[0], rings[1:]) for rings in parcel.polygons]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _frame(rows: list[dict[str, Any]], index: str, geometry: list[Any]) -> gpd.GeoDataFrame:
    table = pd.DataFrame(rows).set_index(index)
    return gpd.GeoDataFrame(table, geometry=geometry, crs="EPSG:4546")


WORDED = ("pressure_class", "road_class", "medium", "capacity_unit")
TEXTS = ("role", "status", "works", "open", "kind", "from_joint", "to_joint", "flow", "deck", "system")


def _layer(layer: tuple[Feature, ...], lost: Lost | None) -> gpd.GeoDataFrame:
    columns = sorted({column for f in layer for column in f.values})
    rows = [
        {
            "feature": f.id,
            **{name: getattr(f, name) or None for name in TEXTS},
            "close_on": pd.Timestamp(f.close_on) if f.close_on else pd.NaT,
            **{c: f.values.get(c, None if c in WORDED else math.nan) for c in columns},
        }
        for f in layer
    ]
    shapes = [drawn(f) for f in layer]
    if lost is not None:
        rows.append({"feature": "lost", "role": lost.role or None, "status": lost.status or None})
        shapes.append(None)
    return _frame(rows, "feature", shapes)


def _ground(zone: Zone) -> Ground:
    """Make a grid of one height a parcel, in cells so fine that every parcel has many; none where it is not known."""
    areas = [_area(p) for p in zone.parcels]
    west, south, east, north = (round(edge) for edge in shapely.total_bounds(areas))
    wide, deep = east - west + 20, north - south + 20
    x, y = np.meshgrid(west - 10 + np.arange(wide) + 0.5, north + 10 - np.arange(deep) - 0.5)
    heights = np.full((deep, wide), zone.around)
    for parcel, area in zip(zone.parcels, areas, strict=True):
        heights[shapely.contains_xy(area, x, y)] = zone.ground.get(parcel.id, np.nan)
    raw = RawGrid("ground.tif", heights, (1.0, 0.0, west - 10.0, 0.0, -1.0, north + 10.0))
    stay = Change((), 0.0)
    bounds = (west - 10.0, south - 10.0, east + 10.0, north + 10.0)
    return Ground("ground.tif", zone.own, 1.0, bounds, Grid(raw, stay, stay))


def frames(zone: Zone) -> dict[str, Any]:
    """Return a plain zone as keyword arguments for ``gisplan.Zone.from_frames``, all but ``profile``."""
    parcels = [
        {
            "parcel": p.id,
            "use": p.use or None,
            "use_class": p.use_class or None,
            "supply_status": p.supply_status or None,
            "delivery_on": pd.Timestamp(p.delivery_on) if p.delivery_on else pd.NaT,
            "promised": p.promised or None,
            "leveling_status": p.leveling_status or None,
            "leveling_works": p.leveling_works or None,
        }
        for p in zone.parcels
    ]
    works = [{"works": k, **{name: value or None for name, value in vars(w).items()}} for k, w in zone.works.items()]
    letters = [{name: value or None for name, value in vars(x).items()} for x in zone.evidence]
    found: dict[str, Any] = {
        "parcels": _frame(parcels, "parcel", [_area(p) for p in zone.parcels]),
        **{service: _layer(layer, zone.lost.get(service)) for service, layer in zone.layers.items()},
        "works": pd.DataFrame(works).set_index("works") if works else None,
        "evidence": pd.DataFrame(letters) if letters else None,
        "barriers": None,
        "crs": "EPSG:4546",
        "date": zone.own.isoformat(),
        "absent": sorted(zone.absent),
    }
    if zone.projects:
        needs = [{"project": p.id, "parcel": p.parcel, **p.needs} for p in zone.projects]
        found["projects"] = pd.DataFrame(needs)
    if zone.ground:
        found["ground"] = _ground(zone)
    if zone.barriers is not None:
        rows = [{"feature": b.id, "kind": "river" if b.area else "rail"} for b in zone.barriers]
        shapes = [shapely.Polygon(b.path) if b.area else shapely.LineString(b.path) for b in zone.barriers]
        found["barriers"] = _frame(rows, "feature", shapes) if rows else "none"
    return {name: value for name, value in found.items() if value is not None}
