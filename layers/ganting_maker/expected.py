"""What each trap was built to show: parcel, service, grade, reason. Written from the design, not from the engine."""

from __future__ import annotations

from collections.abc import Iterator

from ganting_maker.land import (
    BLANK_USE,
    DETACHED,
    FACTORY,
    LOW,
    NO_GROUND,
    NO_HEAT,
    ODD_USE,
    OVERLAP,
    READY,
    SECOND,
    SOON,
    Slot,
    find,
    slot,
)
from ganting_maker.papers import EXPIRED, LETTER_AGAINST, LETTER_NOT
from ganting_maker.parcels import Parcel

Row = tuple[Slot, str, str, str, str]
NINE = ("road", "water", "storm", "sewage", "power", "telecom", "gas", "heat", "catv")


def east(r: int, strip: str, k: int = 1) -> Slot:
    """Return a parcel of the eastern column, where the streets are still being fitted out."""
    return slot("GT", 6, r, strip, k)


SOUTH_STREET = (east(1, "S"),)
FIRST = (east(1, "N"), east(2, "S"))
AVENUE = (east(2, "N"), east(3, "S"))
THIRD = (east(3, "N"), east(4, "S"))
FOURTH = (east(4, "N"), east(5, "S"))
NORTH = (east(5, "N"),)
"""Parcels that see the eastern stretch of one street only: 南外环路, 纬一街, 中央大道, 纬三街, 纬四街, 北环路."""

EAST: tuple[tuple[tuple[Slot, ...], dict[str, tuple[str, str, str]]], ...] = (
    (SOUTH_STREET, {
        "road": ("A", "connected", "南外环路已通"), "water": ("D", "closed_valve", "支管阀门关闭"),
        "gas": ("D", "too_far", "最近中压管超过50米"), "heat": ("D", "too_far", "最近热力管超过50米"),
        "sewage": ("U", "downhill_unknown", "南外环东段管底高程未测"),
        "storm": ("A", "connected", "经南外环至南排口"),
    }),
    (FIRST, {
        "road": ("B", "construction", "纬一街东段在建"),
        "storm": ("D", "not_connected", "下游断头80米"), "sewage": ("D", "not_connected", "下游断头80米"),
        "power": ("D", "duct_only", "只有空排管"), "telecom": ("B", "construction", "空管道已成，在建工程将敷缆"),
        "heat": ("D", "too_far", "最近热力管超过50米"),
    }),
    (AVENUE, {
        "road": ("A", "connected", "中央大道已通"), "water": ("D", "undersized", "DN100小于DN150"),
        "telecom": ("D", "not_connected", "与干线相差约3米"), "heat": ("U", "valve_unknown", "阀门状态为锈死"),
        "gas": ("A", "connected", "中压已通"),
    }),
    (THIRD, {
        "road": ("C", "planned", "规划且资金下达"), "water": ("U", "status_unknown", "状态词待查"),
        "power": ("D", "undated", "规划无日期"),
        "telecom": ("U", "contradiction", "画作现状而工程在招标"), "gas": ("D", "abandoned", "管线停用"),
        "heat": ("B", "construction", "在建，有完工日"),
    }),
    (FOURTH, {
        "road": ("A", "connected", "纬四街已通"), "water": ("U", "size_unknown", "管径空白"),
        "power": ("U", "contradiction", "画作现状而工程在招标"), "heat": ("D", "unfunded", "资金只是拟报"),
        "catv": ("U", "contradiction", "踏勘称未投运"), "storm": ("B", "construction", "排水管网在建"),
        "sewage": ("B", "construction", "排水管网在建"), "gas": ("A", "connected", "中压已通"),
    }),
    (NORTH, {
        "road": ("B", "built", "已建未投运"), "gas": ("B", "built", "已建未投运"),
        "water": ("B", "construction", "供水工程在建"),
        "catv": ("A", "shares_duct", "函称与通信同管敷设，通信已通"),
        "power": ("D", "no_capacity", "开闭所余量已被在先者占满"),
    }),
)  # fmt: skip


def rows(parcels: list[Parcel]) -> list[dict[str, str]]:
    """Rows of expected.csv; a blank code means that the grade alone is fixed by the design."""
    out = []
    for place, service, grade, code, why in _all():
        parcel = find(parcels, place).parcel
        out.append({"parcel": parcel, "service": service, "grade": grade, "code": code, "why": why})
    return out


def _all() -> Iterator[Row]:
    for place in READY:
        for service in NINE:
            yield place, service, "A", "connected", "在网且在用"
        yield place, "leveling", "A", "accepted", "验收且高程模型平整"
    for places, services in EAST:
        for place in places:
            for service, (grade, code, why) in services.items():
                if (place, service) != (LETTER_AGAINST, "catv"):
                    yield place, service, grade, code, why
    yield FIRST[0], "water", "C", "planned", "规划且资金下达"
    yield FIRST[1], "water", "D", "no_capacity", "未收储者排在最后，水厂余量已分完"
    for place in (east(4, "S", 2), east(3, "N", 2)):
        yield place, "sewage", "U", "direction_unknown", "流向空白，管底高程也未测"
    yield east(2, "N"), "sewage", "U", "ground_unknown", "高程模型早于平整，最低地面不明"
    yield east(2, "N", 2), "sewage", "D", "uphill", "下一管段起点高出0.34米，又无泵"
    yield from _west()
    yield from _middle()
    yield from _levelling()


def _west() -> Iterator[Row]:
    """West of the railway: the overdue avenue, the planned ring, the main on the far side, broken cable mains."""
    for place in (slot("GT", 1, 2, "N", 0, "W"), slot("GT", 1, 3, "S", 0, "W")):
        for service in ("road", "water", "power", "telecom", "gas"):
            yield place, service, "U", "overdue", "中央大道西延逾期"
    yield slot("GT", 1, 1, "S", 0, "W"), "road", "D", "unfunded", "南外环西延专项债只是已报"
    yield slot("GT", 2, 1, "S", 1), "road", "D", "unfunded", "南外环西延专项债只是已报"
    yield slot("GT", 2, 1, "S", 1), "water", "D", "no_capacity", "管画作现状，但经DN150，先得者已超其能力"
    yield slot("GT", 2, 1, "S", 1), "heat", "D", "one_leg", "只有供水管，没有回水管"
    yield slot("GT", 2, 1, "S", 1), "sewage", "B", "construction", "管已通，厂在建"
    for place in (slot("GT", 1, 3, "N", 0, "W"), slot("GT", 1, 4, "S", 0, "W")):
        yield place, "road", "C", "planned", "纬三街西段规划且资金下达"
        yield place, "catv", "D", "not_connected", "分前端出线画断0.4米"
    for place in (slot("GT", 1, 4, "S", 0, "W"), slot("GT", 1, 4, "N", 0, "W")):
        yield place, "gas", "D", "blocked", "管在铁路东侧约30米"
    for k in (1, 2):
        yield east(k, "N" if k == 1 else "S", 2), "gas", "D", "wrong_class", "只有高压过境管"
        yield east(k, "N" if k == 1 else "S", 2), "catv", "D", "not_connected", "西侧缺380米干线"


def _middle() -> Iterator[Row]:
    """Broken sewers, a combined stretch, papers that say otherwise, two drawings in one place."""
    yield SOON, "sewage", "B", "construction", "管已通，厂在建，交地前完工"
    for service in ("road", "water", "power", "telecom", "gas", "heat", "catv", "storm"):
        yield SOON, service, "A", "connected", "在网且在用"
    for place in (slot("GT", 5, 1, "N", 1), slot("GT", 5, 2, "S", 1)):
        for service in ("storm", "sewage"):
            yield place, service, "D", "not_connected", "下游断头80米"
    for service in (*NINE, "leveling"):
        if service != "power":
            yield SECOND, service, "A", "accepted" if service == "leveling" else "connected", "在网且在用"
    yield SECOND, "power", "D", "no_capacity", "最后3兆伏安已归XM-03，XM-05无余"
    yield slot("GT", 3, 3, "N", 2), "storm", "D", "no_capacity", "中央大道DN1000小于上游DN2400，先得者已占满"
    yield LOW, "sewage", "D", "needs_lifting", "场地比接户井要求低约1米"
    yield LOW, "storm", "A", "connected", "雨水管埋得深，能自流"
    yield slot("GT", 2, 5, "N", 1, ""), "storm", "D", "combined_only", "合流管不通雨水"
    yield slot("GT", 2, 5, "N", 1, ""), "sewage", "A", "connected", "合流管可排污水，附警告"
    yield NO_HEAT, "heat", "N", "decision", "会议纪要：仓储不供热"
    yield LETTER_AGAINST, "catv", "U", "letter_contradicts", "函称已通而图上无"
    yield LETTER_NOT, "telecom", "U", "letter_contradicts", "函称未通而图上已通"
    yield EXPIRED, "gas", "A", "connected", "过期函不作数"
    for place in OVERLAP:
        for service in (*NINE, "leveling"):
            yield place, service, "U", "parcel_overlap", "两地块重叠"
    for service in NINE:
        yield DETACHED, service, "D", "too_far", "飞地，周围一公里无管线"


def _levelling() -> Iterator[Row]:
    yield SOON, "leveling", "A", "accepted", "验收且高程模型平整"
    yield BLANK_USE, "leveling", "U", "use_unknown", "用地性质空白"
    yield NO_GROUND, "leveling", "U", "ground_gap", "高程模型在此有云洞"
    for service in ("storm", "sewage"):
        yield NO_GROUND, service, "U", "ground_unknown", "高程模型在此有云洞，最低地面不明"
    yield NO_HEAT, "leveling", "U", "ground_older", "验收在高程模型之后"
    yield east(2, "N"), "leveling", "U", "ground_older", "验收在高程模型之后"
    yield slot("CQ", 2, 2, "S", 0), "leveling", "U", "no_acceptance", "无验收记录"
    yield slot("GT", 3, 4, "S", 1), "leveling", "U", "no_acceptance", "无验收记录"
    yield ODD_USE, "leveling", "U", "use_unknown", "用地代码不认识"
    yield FACTORY, "leveling", "D", "above_road", "低于相邻道路最低点加0.2米"
    for place in (east(1, "N"), east(3, "N")):
        yield place, "leveling", "B", "construction", "场平一期在建"
    for place in (east(4, "S"), east(4, "N")):
        yield place, "leveling", "C", "planned", "场平二期规划且资金下达"
    yield slot("GT", 2, 1, "S", 1), "leveling", "D", "unfunded", "南区场平只是已报"
    yield east(1, "S"), "leveling", "D", "undated", "规划无日期"
    yield slot("GT", 1, 2, "N", 0, "W"), "leveling", "U", "overdue", "随中央大道西延逾期"
