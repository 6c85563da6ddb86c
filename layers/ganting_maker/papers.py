"""Evidence (佐证): acceptance records, letters of the utilities, site visits, one decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ganting_maker.handwritten import table
from ganting_maker.land import ACCEPTED, ACCEPTED_LATER, READY, SOON, Slot, find, slot
from ganting_maker.parcels import Parcel

EVIDENCE_COLUMNS = (
    "parcel", "feature", "service", "issuer", "number", "date", "expires", "says", "capacity", "capacity_unit", "note",
)  # fmt: skip
ISSUERS = {
    "power": "供电公司（示例）",
    "telecom": "通信公司（示例）",
    "catv": "广电网络分公司（示例）",
    "gas": "燃气公司（示例）",
}
RESERVE = {"power": (3.0, "MVA"), "gas": (400.0, "标方/时")}
BUREAU = "开发区建设局（示例）"

EXPIRED = slot("CQ", 1, 2, "N", 1)
LETTER_AGAINST = slot("GT", 6, 2, "S", 1)
LETTER_NOT = slot("GT", 2, 4, "S", 0)


@dataclass(frozen=True)
class Paper:
    """One paper about a parcel: who wrote it, its number, its day, until when it holds, and what it says."""

    place: Slot
    service: str
    issuer: str
    number: str | None
    date: str
    expires: str | None
    says: str
    note: str

    def row(self, parcels: list[Parcel]) -> dict[str, Any]:
        """Row of evidence.csv."""
        amount, unit = RESERVE.get(self.service, (None, None)) if self.says == "connected" else (None, None)
        return {
            "parcel": find(parcels, self.place).parcel, "service": self.service, "issuer": self.issuer,
            "number": self.number, "date": self.date, "expires": self.expires, "says": self.says,
            "capacity": amount, "capacity_unit": unit, "note": self.note,
        }  # fmt: skip


def evidence(parcels: list[Parcel]) -> list[dict[str, Any]]:
    """Rows of evidence.csv."""
    return [paper.row(parcels) for paper in (*_acceptances(), *_letters())] + _written(parcels)


def _acceptances() -> list[Paper]:
    """Return the acceptance records of levelled parcels."""
    days = {**ACCEPTED, **ACCEPTED_LATER}
    return [
        Paper(place, "leveling", BUREAU, f"平验〔{day[:4]}〕{n:02d}号（示例）", day, None, "accepted", "场地平整验收")
        for n, (place, day) in enumerate(days.items(), start=1)
    ]


def _letters() -> list[Paper]:
    """Letters that agree with the layers."""
    out = []
    for n, place in enumerate((*READY, SOON)):
        for k, (service, issuer) in enumerate(ISSUERS.items()):
            number, day = f"复函〔2026〕{10 * n + k + 31}号（示例）", f"2026-0{3 + n}-1{k}"
            until = "2026-12-20" if (place, service) == (SOON, "telecom") else "2027-12-31"
            out.append(Paper(place, service, issuer, number, day, until, "connected", "同意接入"))
    return out


def _written(parcels: list[Parcel]) -> list[dict[str, Any]]:
    """Read the papers written by hand: run out, contradicting, without a number, deciding; and the site visits."""
    _, rows = table("papers", parcels)
    return [{k: v or None for k, v in row.items()} for row in rows]
