"""Tables and areas that later questions need: investors, firms, factory buildings, assessments, protected land."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from shapely import Polygon

from ganting_maker.frame import GT, expressway, rail, river
from ganting_maker.land import FACTORY, NO_HEAT, SLIVER, find, slot
from ganting_maker.parcels import Parcel

ASSUMED = "假设（assumed）"
BUILDING_COLUMNS = (
    "building", "name", "parcel", "storey", "floor_area_m2", "vacant_m2", "clear_height_m", "floor_load_kn_m2",
    "accepted_on", "accepted_number", "basis",
)  # fmt: skip


def buildings(parcels: list[Parcel], rng: np.random.Generator) -> list[dict[str, Any]]:
    """Rows of buildings.csv: four standard factory buildings on one parcel, a row per storey."""
    parcel = find(parcels, FACTORY).parcel
    rows = []
    for n, (storeys, area) in enumerate(((3, 5400.0), (3, 5400.0), (4, 4200.0), (1, 7200.0)), start=1):
        for storey in range(1, storeys + 1):
            free = float(rng.choice([0.0, 0.0, 0.5, 1.0])) * area
            height = 9.0 if storeys == 1 else 7.2 if storey == 1 else 4.8
            load = 20.0 if storey == 1 else 7.5
            values = (
                f"CF-{n}",
                f"标准厂房{n}号楼（示例）",
                parcel,
                storey,
                area,
                free,
                height,
                load,
                "2024-11-15" if n < 4 else None,
                f"竣备〔2024〕{n:02d}号（示例）" if n < 4 else None,
                ASSUMED,
            )
            rows.append(dict(zip(BUILDING_COLUMNS, values, strict=True)))
    return rows


def barriers() -> list[dict[str, Any]]:
    """Railway, expressway and river as areas."""
    line = shapely.set_precision
    return [
        {"feature": "ZA-TL-1", "kind": "铁路", "name": "货运铁路（示例）",
         "geometry": line(rail().buffer(10.0, cap_style="flat"), 0.001)},
        {"feature": "ZA-GS-1", "kind": "高速公路", "name": "绕城高速（示例）",
         "geometry": line(expressway().buffer(17.0, cap_style="flat"), 0.001)},
        {"feature": "ZA-HL-1", "kind": "河流", "name": "西河（示例）", "geometry": line(river(), 0.001)},
    ]  # fmt: skip


def farmland(parcels: list[Parcel]) -> list[dict[str, Any]]:
    """Permanent farmland east of the zone; a sliver of it lies in a parcel."""
    parcel = find(parcels, SLIVER).geometry
    edge = parcel.bounds[2]
    strip = parcel.intersection(shapely.box(edge - 5.0, 0.0, edge, 9e6))
    field = Polygon([GT.place(*p) for p in ((3340, 560), (3900, 540), (3930, 1500), (3345, 1480))])
    kinds = (("NT-1", "东侧基本农田（示例）", field), ("NT-2", "插花地（示例）", strip))
    return [
        {"feature": a, "kind": "永久基本农田", "name": b, "geometry": shapely.set_precision(g, 0.001)}
        for a, b, g in kinds
    ]


def constraints(
    parcels: list[Parcel], high_voltage: shapely.LineString, high_pressure: shapely.LineString
) -> list[dict[str, Any]]:
    """Corridors and ground that later questions ask about."""

    def area(*stops: tuple[float, float]) -> Polygon:
        return Polygon([GT.place(*p) for p in stops])

    loess = area((2790, 1500), (3290, 1500), (3290, 2420), (2790, 2420))
    goaf = area((1180, 40), (1420, 40), (1380, 190), (1200, 210))
    digs = find(parcels, slot("GT", 6, 1, "N", 1)).geometry
    graves = find(parcels, NO_HEAT).geometry.representative_point().buffer(6.0)
    power, gas = high_voltage.buffer(12.5, cap_style="flat"), high_pressure.buffer(15.0, cap_style="flat")
    rows: list[tuple[str, str, str, shapely.Geometry, str]] = [
        ("XZ-1", "高压走廊", "110千伏高压走廊（示例）", power, "宽25米（假设），廊内不得建筑"),
        ("XZ-2", "高压燃气保护带", "高压过境管保护带（示例）", gas, "两侧各15米（假设）"),
        ("XZ-3", "湿陷性黄土", "东北片湿陷性黄土（示例）", loess, "自重湿陷，需地基处理"),
        ("XZ-4", "采空区", "疑似采空区（示例）", goaf, "待物探"),
        ("XZ-5", "考古待勘", "考古待勘范围（示例）", digs, "先考古后出让"),
        ("XZ-8", "障碍物", "待迁坟墓两座（示例）", graves, "待迁"),
        ("XZ-9", "生态保护红线", "待核边线（示例）", GT.line((-60.0, 1700.0), (180.0, 1700.0)), "只有线，没有面"),
        ("XZ-10", "待定管控", "待定范围（示例）", area((60, 2020), (160, 2020), (160, 2100), (60, 2100)), "类型看不懂"),
        ("XZ-7", "生态保护红线", "西河滨岸（示例）", river().buffer(25.0), "河岸缓冲，不占地块"),
        ("XZ-6", "洪水淹没线", "五十年一遇淹没范围（示例）", river().buffer(90.0), "设防水位待核"),
    ]
    return [
        {"feature": a, "kind": b, "name": c, "geometry": shapely.set_precision(g, 0.001), "note": n}
        for a, b, c, g, n in rows
    ]
