"""Write the zone: GeoPackage, a GBK Shapefile without .cpg, a GeoJSON in degrees, CSV tables, zone.toml."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
from pyproj import Transformer

CRS = "EPSG:4546"
NUMBERS = {
    "diameter_mm", "width_m", "redline_m", "voltage_kv", "capacity", "capacity_used", "invert_from_m", "invert_to_m",
    "ground_m", "holes_total", "holes_used", "fibres", "circuits", "stated_area_m2", "far_min", "far_max",
    "building_factor_min_pct", "green_max_pct", "invest_min_cny_mu", "tax_min_cny_mu", "output_min_cny_mu",
    "energy_max_tce_10kcny", "emission_max_kg_10kcny", "rd_min_pct", "height_max_m", "design_level_m", "flood_level_m",
    "clearance_m",
}  # fmt: skip
STAMP = "2026-10-08T00:00:00.000Z"
COMMON = ["feature", "role", "status", "works", "name", "note"]
PLANT = ["kind", "capacity", "capacity_unit", "capacity_used"]
LINE: dict[str, list[str]] = {
    "road": ["road_class", "width_m", "redline_m", "deck"], "water": ["diameter_mm"],
    "storm": ["from_joint", "to_joint", "diameter_mm", "system", "invert_from_m", "invert_to_m"],
    "power": ["voltage_kv", "circuits"], "telecom": ["holes_total", "holes_used"],
    "gas": ["diameter_mm", "pressure_class"],
}  # fmt: skip
POINT: dict[str, list[str]] = {"storm": ["kind", "ground_m"], "road": ["kind"], "water": [*PLANT, "open"]}

SEWAGE = {
    "feature": "管段号", "role": "要素类型", "status": "建设状态", "works": "工程号", "diameter_mm": "管径毫米",
    "flow": "水流方向", "system": "体制", "from_joint": "起点井号", "to_joint": "终点井号",
    "invert_from_m": "起点管底", "invert_to_m": "终点管底", "name": "管段名称", "kind": "设施种类",
    "capacity": "规模", "capacity_unit": "规模单位", "capacity_used": "已承诺",
}  # fmt: skip
SEWAGE_ROLES = {
    "line": "污水主管",
    "lateral": "接户管",
    "stub": "预留井",
    "manhole": "检查井",
    "source": "污水厂",
    "pump": "提升泵",
}
HEAT = {
    "feature": "管线号", "role": "要素", "status": "状态", "works": "工程", "diameter_mm": "口径", "medium": "介质",
    "open": "阀位", "name": "名称", "kind": "种类", "leg": "供回", "capacity": "规模",
    "capacity_unit": "单位", "capacity_used": "已承诺",
}  # fmt: skip
HEAT_ROLES = {"line": "热力干管", "lateral": "支管", "stub": "接口", "valve": "阀门", "source": "热源"}


def frame(rows: list[dict[str, Any]], columns: list[str]) -> gpd.GeoDataFrame:
    """Rows as a GeoDataFrame with exactly these columns, blanks as missing."""
    data: dict[str, Any] = {}
    for column in columns:
        values = [row.get(column) for row in rows]
        data[column] = pd.Series(values, dtype="float64" if column in NUMBERS else "object")
    return gpd.GeoDataFrame(data, geometry=[row["geometry"] for row in rows], crs=CRS)


def layer(path: Path, name: str, table: gpd.GeoDataFrame, kind: str) -> None:
    """Add a layer to a GeoPackage; the date stamp is fixed so that the bytes are."""
    pyogrio.write_dataframe(table, path, layer=name, driver="GPKG", geometry_type=kind, append=path.exists(),
                            layer_options={"SPATIAL_INDEX": "NO"})  # fmt: skip


def service(folder: Path, key: str, rows: list[dict[str, Any]]) -> None:
    """One GeoPackage per service: `<key>_line` and `<key>_point`."""
    lines = [r for r in rows if r["geometry"].geom_type == "LineString"]
    points = [r for r in rows if r["geometry"].geom_type == "Point"]
    path = folder / f"{key}.gpkg"
    layer(path, f"{key}_line", frame(lines, [*COMMON, *LINE[key]]), "LineString")
    layer(path, f"{key}_point", frame(points, [*COMMON, *POINT.get(key, PLANT)]), "Point")


def sewage(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Sewers as a survey office names them: Chinese columns, mapped in zone.toml."""
    rows = [{**r, "role": SEWAGE_ROLES[r["role"]], "kind": "污水处理厂" if r.get("kind") else None} for r in rows]
    path = folder / "sewage.gpkg"
    for kind, name in (("LineString", "污水管线"), ("Point", "污水点")):
        part = frame([r for r in rows if r["geometry"].geom_type == kind], list(SEWAGE))
        layer(path, name, part.rename(columns=SEWAGE), kind)


def heat(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Two Shapefiles in GBK without .cpg and without a language byte, as old desktops leave them."""
    kinds = {"heat_plant": "热源厂", "exchange_station": "换热站", None: None}
    rows = [{**r, "role": HEAT_ROLES[r["role"]], "kind": kinds[r.get("kind")]} for r in rows]
    for kind, name in (("LineString", "heat.shp"), ("Point", "heat_point.shp")):
        part = frame([r for r in rows if r["geometry"].geom_type == kind], list(HEAT)).rename(columns=HEAT)
        path = folder / name
        pyogrio.write_dataframe(
            part, path, driver="ESRI Shapefile", encoding="GBK", geometry_type=kind, layer_options={"RESIZE": "YES"}
        )
        path.with_suffix(".cpg").unlink(missing_ok=True)
        table = path.with_suffix(".dbf")
        raw = bytearray(table.read_bytes())
        raw[1:4] = bytes((126, 10, 8))  # last edit 2026-10-08: dBASE stores the day of writing
        raw[29] = 0
        table.write_bytes(bytes(raw))


def catv(folder: Path, rows: list[dict[str, Any]]) -> None:
    """GeoJSON in longitude and latitude (EPSG:4490); a blank status means the declared default."""
    change = Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
    features = []
    for row in rows:
        xs, ys = change.transform(*row["geometry"].xy)
        at = [[round(x, 9), round(y, 9)] for x, y in zip(xs, ys, strict=True)]
        kind = row["geometry"].geom_type
        status = None if row["status"] in ("现状", "已建", "运行", "在用") else row["status"]
        texts = {k: row.get(k) for k in ("feature", "role", "kind", "works", "name", "fibres")}
        features.append({"type": "Feature", "properties": {**texts, "status": status},
                         "geometry": {"type": kind, "coordinates": at[0] if kind == "Point" else at}})  # fmt: skip
    text = ",\n".join(json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in features)
    (folder / "catv.geojson").write_text(
        f'{{"type":"FeatureCollection","features":[\n{text}\n]}}\n', encoding="utf-8", newline="\n"
    )


def areas(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Polygons in a GeoPackage of their own, all text columns kept."""
    columns = [k for k in dict.fromkeys(k for r in rows for k in r) if k != "geometry"]
    layer(folder / f"{name}.gpkg", name, frame(rows, columns), "Unknown" if name != "parcels" else "Polygon")


def table(path: Path, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    """CSV in UTF-8 with BOM, as spreadsheet programs expect it."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        out = csv.DictWriter(stream, columns, restval="", lineterminator="\r\n")
        out.writeheader()
        out.writerows({k: _cell(v) for k, v in row.items()} for row in rows)


def _cell(value: object) -> object:
    """Whole numbers without a decimal point, nothing as blank."""
    if value is None:
        return ""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def fixed_dates() -> None:
    """Let GDAL stamp files with a fixed time."""
    os.environ["OGR_CURRENT_DATE"] = STAMP
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": STAMP})


def mapping(columns: dict[str, str]) -> str:
    """Write a column mapping as an inline TOML table."""
    return "{ " + ", ".join(f'{k} = "{v}"' for k, v in columns.items()) + " }"


def words(values: dict[str, str]) -> str:
    """Write a value mapping (their word to ours) as an inline TOML table."""
    return "{ " + ", ".join(f'"{theirs}" = "{ours}"' for ours, theirs in values.items()) + " }"
