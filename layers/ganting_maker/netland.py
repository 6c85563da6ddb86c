"""Papers on net land (净地): whose land it is, who was paid, what was cleared."""

from __future__ import annotations

from typing import Any

from ganting_maker.land import LOW, NO_HEAT, SOON, Slot, find, slot
from ganting_maker.parcels import Parcel

COLUMNS = (
    "parcel", "test", "result", "issuer", "number", "date", "expires", "long_term", "responsible", "due_on", "note",
)  # fmt: skip
ISSUERS = {
    "权利清晰": "自然资源局（示例）", "安置补偿落实到位": "征收事务中心（示例）", "没有法律经济纠纷": "司法局（示例）",
    "规划条件明确": "自然资源局（示例）", "地上物清理": "土地收储中心（示例）",
    "土壤污染状况调查": "生态环境局（示例）",
    "考古调查勘探": "文物局（示例）",
}  # fmt: skip
"""The tests, and who writes the paper on each."""
IN_RESERVE = ("权利清晰", "安置补偿落实到位", "没有法律经济纠纷", "规划条件明确")
"""Tests that land in reserve has papers on."""

ODD: dict[tuple[Slot, str], dict[str, str | None]] = {
    (slot("GT", 6, 1, "N", 1), "考古调查勘探"): {
        "result": "进行中", "number": None, "date": None, "due_on": "2027-04-30", "note": "先考古后出让"},
    (slot("GT", 6, 4, "S", 1), "安置补偿落实到位"): {
        "result": "办理中", "number": None, "date": None, "due_on": "2026-12-15", "note": "余两户未签"},
    (slot("GT", 2, 1, "S", 1), "没有法律经济纠纷"): {"result": "有纠纷", "note": "租赁合同诉讼在审"},
    (LOW, "土壤污染状况调查"): {"date": "2023-05-10", "expires": "2026-05-09", "long_term": None, "note": "已过有效期"},
    (NO_HEAT, "地上物清理"): {"expires": "2026-12-10", "long_term": None, "note": "60日内到期"},
    (SOON, "土壤污染状况调查"): {"result": "不适用", "note": "原为耕地，无需开展"},
    (slot("GT", 6, 2, "N", 1), "地上物清理"): {"number": None, "note": "无文号，不作数"},
    (slot("GT", 6, 3, "N", 1), "土壤污染状况调查"): {"result": "待核实", "note": "结论词看不懂"},
    (slot("GT", 6, 4, "S", 1), "地上物清理"): {"date": "2026-12-20", "note": "日期在核查日之后"},
}  # fmt: skip
"""What is not simply passed."""
TWICE = {(slot("CQ", 1, 2, "N", 1), "权利清晰"): {"result": "不清晰", "note": "与另一文件矛盾"}}
"""What a second paper says."""
BLANK = (slot("GT", 5, 1, "N", 1),)
"""Offered, and nobody has looked for its papers yet."""


def rows(drawn: list[Parcel], table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of netland.csv."""
    for place in {place for place, _ in ODD}:
        find(drawn, place)
    out = []
    for n, (parcel, row) in enumerate(zip(drawn, table, strict=True), start=1):
        status = row["supply_status"]
        if status == "未收储" or parcel.slot in BLANK:
            continue
        for k, (test, issuer) in enumerate(ISSUERS.items(), start=1):
            if status == "已储" and test not in IN_RESERVE:
                continue
            paper: dict[str, Any] = {
                "parcel": parcel.parcel, "test": test, "result": "通过", "issuer": issuer,
                "number": f"净地〔2025〕{n:03d}-{k}号（示例）",
                "date": f"2025-{1 + (n + k) % 12:02d}-{1 + (3 * n) % 27:02d}",
                "long_term": "是", "responsible": "土地收储中心（示例）",
            }  # fmt: skip
            out.append({**paper, **ODD.get((parcel.slot, test), {})})
            if (parcel.slot, test) in TWICE:
                out.append({**paper, "number": f"{paper['number']}之二", **TWICE[parcel.slot, test]})
    return out
