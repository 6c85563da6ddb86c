"""What the parcel table says: use, supply status, delivery, promise, levelling, indicators, and the flaws built in."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from shapely import Polygon

from ganting_maker.parcels import MU_M2, Parcel, rounded
from ganting_maker.terrain import Model, flood_level

Slot = tuple[str, int, int, str, int, str]


def slot(site: str, c: int, r: int, strip: str, k: int, side: str = "") -> Slot:
    """Return the place of a parcel in its block."""
    return site, c, r, strip, k, side


READY = (slot("GT", 3, 4, "S", 0), slot("GT", 4, 4, "S", 0), slot("GT", 4, 5, "S", 0), slot("CQ", 1, 1, "S", 0),
         slot("CQ", 2, 2, "N", 0))  # fmt: skip
"""Offered parcels that are connected and levelled in full."""

SOON = slot("GT", 3, 2, "S", 0)
"""Ready but for the treatment plant, which is to be finished before its delivery."""
NO_HEAT = slot("GT", 4, 4, "N", 1)
BLANK_USE = slot("GT", 5, 4, "S", 0)
ODD_USE = slot("GT", 3, 3, "S", 0)
OVERLAP = (slot("CQ", 3, 1, "S", 0), slot("CQ", 3, 1, "S", 1))
LOW = slot("GT", 3, 4, "N", 1)
WRONG_AREA = slot("GT", 4, 2, "N", 0)
DETACHED = slot("GT", 99, 1, "S", 0)
FACTORY = slot("GT", 4, 3, "N", 1)
SLIVER = slot("GT", 6, 2, "S", 2)
NO_GROUND = slot("GT", 4, 1, "S", 1)
"""A cloud hid it when the elevation model was flown."""

SECOND = slot("GT", 4, 5, "S", 1)
"""Ready but for the power: its project wants the last 3 MVA, which an earlier one has."""

OFFERED = {
    **dict(zip(READY, ("2026-12-20", "2027-01-15", "2027-03-01", "2026-12-20", "2027-02-01"), strict=True)),
    SOON: "2027-02-20", SECOND: "2027-03-25", NO_HEAT: "2027-06-30", BLANK_USE: "2027-06-30", LOW: "2027-02-10",
    slot("GT", 6, 1, "N", 1): "2027-12-31", slot("GT", 6, 2, "N", 1): "2027-09-30",
    slot("GT", 6, 3, "N", 1): "2027-12-31", slot("GT", 6, 4, "S", 1): "2027-10-31",
    slot("GT", 2, 1, "S", 1): "2028-03-31", slot("GT", 1, 2, "N", 0, "W"): "2027-04-30",
    slot("GT", 5, 1, "N", 1): "2027-06-30", slot("GT", 2, 5, "N", 1): "2027-03-31", OVERLAP[0]: "2027-01-31",
    slot("CQ", 1, 2, "N", 1): None, slot("GT", 2, 4, "S", 0): "2026-12-31",
}  # fmt: skip
"""Parcels 拟供 and the day of delivery in their grant plan."""

PROMISED = (slot("GT", 6, 4, "S", 1), slot("GT", 2, 4, "S", 0), slot("GT", 5, 1, "N", 1),
            slot("GT", 6, 3, "S", 1), slot("GT", 6, 4, "N", 1))  # fmt: skip
"""Parcels whose grant plan promises 七通一平 only."""

ACCEPTED = {
    **dict.fromkeys((*READY, SECOND), "2025-06-18"), SOON: "2025-08-05", BLANK_USE: "2025-08-05", LOW: "2025-08-05",
    slot("GT", 2, 4, "S", 0): "2025-05-12", FACTORY: "2024-09-20", slot("GT", 4, 3, "N", 2): "2024-09-20",
    slot("GT", 2, 2, "N", 0): "2024-11-02", slot("GT", 2, 2, "N", 1): "2024-11-02",
    slot("CQ", 1, 2, "N", 0): "2024-04-30",
    slot("CQ", 2, 1, "S", 0): "2024-04-30", slot("GT", 4, 2, "N", 0): "2025-03-14",
}  # fmt: skip
"""Levelling accepted before the elevation model was flown: flat in it."""

RAISED: dict[Slot, float] = {LOW: -1.35}
"""Levelled parcels that were not raised as usual, but cut [m above the natural mean]."""
FLOODED = slot("GT", 2, 2, "N", 1)
"""Lies in a hollow that fills when it rains."""
NO_FLOOD = slot("CQ", 1, 2, "N", 0)
"""Nobody has reckoned the flood level."""

ACCEPTED_LATER = {
    NO_HEAT: "2026-05-20", slot("GT", 6, 2, "N", 1): "2026-07-08", slot("GT", 5, 1, "N", 1): "2026-07-08",
    slot("CQ", 3, 2, "N", 0): "2026-04-16",
}  # fmt: skip
"""Levelling accepted after that day: the model still shows the old ground."""

LEVELLING = {
    slot("GT", 6, 1, "N", 1): ("在建", "PT-13"), slot("GT", 6, 3, "N", 1): ("在建", "PT-13"),
    slot("GT", 6, 4, "S", 1): ("规划", "PT-14"), slot("GT", 6, 4, "N", 1): ("规划", "PT-14"),
    slot("GT", 2, 1, "S", 1): ("规划", "PT-15"), slot("GT", 6, 1, "S", 1): ("规划", None),
    slot("GT", 1, 2, "N", 0, "W"): ("在建", "PT-04"),
}  # fmt: skip
"""Levelling as the parcel table states it: status and works."""

UTILITY = {
    slot("GT", 4, 3, "N", 0): ("1303", "供电用地"), slot("GT", 3, 2, "N", 0): ("1306", "通信用地"),
    slot("GT", 2, 3, "S", 0): ("1305", "供热用地"), slot("GT", 2, 3, "N", 0): ("1302", "排水用地"),
    slot("CQ", 2, 1, "N", 0): ("1303", "供电用地"), slot("CQ", 2, 2, "S", 1): ("1306", "通信用地"),
    slot("CQ", 2, 2, "N", 1): ("1305", "供热用地"),
}  # fmt: skip
GROUND_FLOOR = {
    slot("GT", 3, 5, "N", 0): ("0901", "商业用地"), slot("GT", 2, 2, "S", 0): ("0701", "城镇住宅用地"),
    slot("GT", 2, 5, "S", 2): ("1401", "公园绿地"), slot("CQ", 3, 2, "N", 1): ("0901", "商业用地"),
}  # fmt: skip
INDUSTRY = (("100101", "一类工业用地"), ("100102", "二类工业用地"), ("M1", "一类工业用地"), ("M2", "二类工业用地"),
            ("0601", "工业用地"), ("110101", "一类物流仓储用地"))  # fmt: skip


CALM = (*(slot("GT", 5, 2, "N", k) for k in range(4)), *(slot("GT", 5, 3, "S", k) for k in range(3)),
        *(slot("GT", 5, 1, "S", k) for k in range(4)), *(slot("GT", 4, 1, "S", k) for k in range(4)),
        slot("GT", 1, 3, "S", 0, "W"), slot("GT", 5, 1, "N", 0), slot("GT", 5, 1, "N", 2))  # fmt: skip
"""Parcels beside what nobody knows: in reserve, so that the doubt weighs on nobody before them."""

GRANTED = (FACTORY, slot("GT", 4, 3, "N", 2), slot("GT", 2, 2, "N", 0), slot("GT", 2, 2, "N", 1), WRONG_AREA,
           slot("GT", 5, 3, "N", 0), slot("GT", 3, 3, "N", 0), slot("GT", 2, 4, "S", 1), slot("CQ", 1, 2, "N", 0),
           slot("CQ", 2, 1, "S", 0))  # fmt: skip
"""Parcels of the ten firms."""


def find(parcels: list[Parcel], place: Slot) -> Parcel:
    """Return the parcel at a place; a place that no parcel takes is an error of the story."""
    for parcel in parcels:
        if parcel.slot == place:
            return parcel
    message = f"no parcel at {place}; the story must name another"
    raise LookupError(message)


def overlapping(parcels: list[Parcel]) -> list[Parcel]:
    """Let the second of the two parcels reach 6 m into the first, as two drawings of different years do."""
    first, second = (find(parcels, place) for place in OVERLAP)
    strip = first.geometry.intersection(second.geometry.buffer(6.0, join_style="mitre"))
    wider = second.geometry.union(strip)
    if not isinstance(wider, Polygon):
        message = "the overlap of the two parcels came out in pieces"
        raise TypeError(message)
    return [replace(p, geometry=rounded(wider)) if p is second else p for p in parcels]


def table(parcels: list[Parcel], rng: np.random.Generator) -> list[dict[str, Any]]:
    """Rows of the parcel table, one per parcel."""
    rows = []
    for n, parcel in enumerate(parcels, start=1):
        code, word = _use(parcel.slot, rng)
        drawn = parcel.geometry.area
        odd = 1.06 if parcel.slot == WRONG_AREA else 1 + float(rng.normal(0, 8e-5))
        status, works = LEVELLING.get(parcel.slot, (None, None))
        supply = _supply(parcel.slot, rng)
        delivery = OFFERED.get(parcel.slot)
        if supply in ("已储", "批而未供") and rng.random() < 0.5:
            delivery = str(rng.choice(["2027-12-31", "2028-06-30", "2027-09-30"]))
        industrial = word.startswith(("一类工", "二类工", "工业"))
        rows.append({
            "parcel": parcel.parcel, "cadastral_code": f"{parcel.county}001{parcel.county[3:]}GB{n:05d}",
            "name": f"{parcel.sub_park}{int(parcel.parcel[5:7])}-{int(parcel.parcel[8:])}号地块（示例）",
            "use": code, "use_name": word, "sub_park": parcel.sub_park,
            "county_code": parcel.county, "supply_status": supply,
            "delivery_on": delivery, "promised": "七通一平" if parcel.slot in PROMISED else None,
            "stated_area_m2": round(drawn * odd, 2), "leveling_status": status, "leveling_works": works,
            "far_min": 1.0 if industrial else None, "far_max": 2.0 if industrial else None,
            "building_factor_min_pct": 40.0 if industrial else None, "green_max_pct": 20.0 if industrial else None,
            "invest_min_cny_mu": 2000000.0 if industrial else None, "tax_min_cny_mu": 100000.0 if industrial else None,
            "output_min_cny_mu": 3000000.0 if industrial else None,
            "energy_max_tce_10kcny": 0.35 if industrial else None,
            "emission_max_kg_10kcny": 0.6 if industrial else None, "rd_min_pct": 2.0 if industrial else None,
            "height_max_m": 36.0 if industrial else None,
            "indicator_basis": "假设" if industrial else None, "plan": "甘亭片区控规（虚构示例）",
            "plan_date": None if parcel.slot == DETACHED else "2023-11-30",
            "note": NOTES.get(parcel.slot), "geometry": parcel.geometry,
        })  # fmt: skip
    return rows


def levels(drawn: list[Parcel], rows: list[dict[str, Any]], model: Model) -> None:
    """Add what the vertical plan says: the design level, and the flood level of the river."""
    for parcel, row in zip(drawn, rows, strict=True):
        mean = model.mean(parcel.geometry)
        done = parcel.slot in ACCEPTED
        planned = done or row["supply_status"] in ("拟供", "批而未供", "已储") or parcel.slot in LEVELLING
        row["design_level_m"] = round(mean + (0.0 if done else 0.3), 2) if planned and not math.isnan(mean) else None
        row.update(ODD_PLAN.get(parcel.slot, {}))
        row["flood_level_m"] = flood_level(parcel.geometry.centroid.y)
        if parcel.slot == FLOODED:
            row["flood_level_m"] = round(model.lowest(parcel.geometry) + 0.1, 2)
        elif parcel.slot == NO_FLOOD:
            row["flood_level_m"] = None


ODD_PLAN: dict[Slot, dict[str, float | None]] = {
    slot("GT", 6, 4, "S", 1): {"far_max": None},
    slot("GT", 6, 3, "N", 1): {"building_factor_min_pct": 30.0, "green_max_pct": 25.0},
    slot("GT", 6, 2, "N", 1): {"far_min": 2.5},
    slot("GT", 6, 1, "N", 1): {"height_max_m": 0.0},
}
"""Planning conditions below or above the control indicators, against each other, or not believable."""

NOTES = {
    LOW: "控规标高低于接户井要求约1米", BLANK_USE: "用地性质待控规调整", WRONG_AREA: "勘测定界与登记面积不一致",
    slot("GT", 1, 2, "N", 0, "W"): "待中央大道西延贯通", FACTORY: "标准厂房四栋", DETACHED: "飞地，静脉产业备用地",
}  # fmt: skip


def _use(place: Slot, rng: np.random.Generator) -> tuple[str | None, str]:
    """Land use code and word."""
    drawn = INDUSTRY[int(rng.choice(6, p=[0.34, 0.26, 0.08, 0.1, 0.06, 0.16]))]
    if place == BLANK_USE:
        return None, ""
    if place == ODD_USE:
        return "M4", "弹性用地（待定）"
    if place in READY or place in (SOON, SECOND):
        return ("100101", "一类工业用地") if place[0] == "CQ" else ("100102", "二类工业用地")
    if place == NO_HEAT:
        return "110101", "一类物流仓储用地"
    return UTILITY.get(place) or GROUND_FLOOR.get(place) or drawn


def _supply(place: Slot, rng: np.random.Generator) -> str:
    """Supply status word."""
    fringe = place[0] == "GT" and (place[1] in (1, 6, 99) or place[2] == 5)
    words = ("未收储", "已储", "批而未供", "已供", "闲置")
    drawn = str(rng.choice(words, p=[0.5, 0.3, 0.08, 0.1, 0.02] if fringe else [0.1, 0.2, 0.12, 0.52, 0.06]))
    if place in OFFERED:
        return "拟供"
    if place in UTILITY or place in GRANTED:
        return "已供"
    if place in OVERLAP or place in CALM:
        return "已储"
    return "未收储" if fringe and drawn not in ("未收储", "已储") else drawn


def area_mu(parcel: Parcel) -> float:
    """Drawn area [mu]."""
    return float(parcel.geometry.area) / MU_M2
