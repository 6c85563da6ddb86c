"""What is the matter where: the state of every main that is not simply in operation, and the plants.

The table `STATES` is the story of the zone. An edge that is not listed carries an operating main when it is in the
base grid, else none; ``None`` takes a main out of the base grid; a dict gives the columns that differ.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganting_maker.frame import CQ, GT, Edge, Site

Spec = dict[str, Any]

SIDE = {"road": 0.0, "water": 0.62, "storm": -0.2, "sewage": 0.25, "power": 0.8, "telecom": -0.8, "gas": -0.62,
        "heat": 0.42, "catv": -0.72}  # fmt: skip
"""Where each main lies: share of half the right of way, north and east positive."""

LETTERS = {"road": "DL", "water": "JS", "storm": "YS", "sewage": "WS", "power": "GD", "telecom": "TX", "gas": "RQ",
           "heat": "RL", "catv": "GB"}  # fmt: skip

OVERDUE: Spec = {"status": "在建", "works": "PT-04"}
UNFUNDED_ROAD: Spec = {"status": "规划", "works": "PT-05"}
WEST_PLANNED: Spec = {"status": "规划", "works": "PT-06"}
EAST_BUILDING: Spec = {"status": "在建", "works": "PT-07"}
EAST_PLANNED: Spec = {"status": "规划", "works": "PT-08"}
BUILT: Spec = {"status": "已建未投运", "works": "PT-09"}
TENDER: Spec = {"status": "现状", "works": "PT-10"}
DRAINAGE: Spec = {"status": "在建", "works": "PT-02"}
OPEN: Spec = {}

STATES: dict[str, dict[Edge, Spec | None]] = {
    "road": {
        ("H", 0, 1): UNFUNDED_ROAD, ("H", 0, 2): UNFUNDED_ROAD, ("H", 1, 1): OPEN, ("H", 2, 1): OVERDUE,
        ("H", 3, 1): WEST_PLANNED, ("V", 0, 2): {"status": "规划"}, ("V", 0, 3): {"status": "规划"},
        ("H", 0, 6): OPEN, ("H", 1, 6): EAST_BUILDING, ("H", 2, 6): OPEN, ("H", 3, 6): EAST_PLANNED, ("H", 4, 6): OPEN,
        ("H", 5, 6): BUILT, ("V", 6, 2): {"status": "规划"}, ("V", 6, 3): {"status": "规划"},
        ("V", 6, 4): {"status": "规划"},
    },
    "water": {
        ("H", 1, 1): OPEN, ("H", 2, 1): {**OVERDUE, "diameter_mm": 300}, ("H", 0, 6): {"valve": "关"},
        ("H", 1, 6): {**EAST_PLANNED, "diameter_mm": 300}, ("H", 2, 6): {"diameter_mm": 100},
        ("H", 3, 6): {"status": "待查"}, ("H", 4, 6): {"diameter_mm": None},
        ("H", 5, 6): {"status": "在建", "works": "PT-03", "diameter_mm": 400},
    },
    "storm": {
        ("H", 0, 1): OPEN, ("H", 1, 1): OPEN, ("H", 3, 1): OPEN, ("H", 4, 1): OPEN, ("H", 5, 1): OPEN,
        ("H", 0, 6): OPEN, ("H", 1, 6): OPEN, ("H", 2, 6): OPEN, ("H", 3, 6): OPEN, ("H", 4, 6): DRAINAGE,
        ("H", 5, 6): DRAINAGE,
        ("H", 1, 4): {"break": True}, ("H", 5, 2): {"system": "合流"}, ("H", 2, 3): {"flaw": 1000},
        ("H", 2, 5): {"flaw": "swap"},
    },
    "sewage": {
        ("H", 0, 5): {"flaw": "unmeasured"}, ("H", 0, 6): OPEN, ("H", 1, 6): OPEN, ("H", 2, 6): {"flaw": "step"},
        ("H", 3, 6): {"flaw": "lost"},
        ("V", 5, 3): {"flaw": "flat"}, ("H", 4, 6): DRAINAGE,
        ("H", 5, 6): DRAINAGE, ("H", 1, 4): {"break": True}, ("H", 5, 2): {"system": "合流"},
        ("H", 4, 3): {"shallow": True},
    },
    "power": {
        ("H", 1, 1): OPEN, ("H", 2, 1): OVERDUE, ("H", 3, 1): WEST_PLANNED, ("H", 0, 6): OPEN,
        ("H", 1, 6): {"role": "duct"}, ("H", 2, 6): OPEN, ("H", 3, 6): {"status": "规划"}, ("H", 4, 6): TENDER,
        ("H", 5, 6): OPEN,
    },
    "telecom": {
        ("H", 1, 1): OPEN, ("H", 2, 1): OVERDUE, ("H", 0, 6): {"holes_used": 24},
        ("H", 1, 6): {"role": "duct", "works": "PT-07"},
        ("H", 2, 6): {"gap_m": 3.0}, ("H", 3, 6): TENDER, ("H", 4, 6): {"holes_used": None}, ("H", 5, 6): OPEN,
    },
    "gas": {
        ("H", 2, 1): OVERDUE, ("H", 0, 2): None, ("H", 2, 6): OPEN, ("H", 3, 6): {"status": "停用"},
        ("H", 4, 6): OPEN, ("H", 5, 6): BUILT,
    },
    "heat": {
        ("H", 0, 2): {"leg": "供"}, ("H", 1, 2): {"leg": "供"}, ("H", 1, 5): {"leg": None},
        ("H", 0, 4): None, ("H", 0, 5): None, ("V", 4, 1): None, ("V", 5, 1): None, ("H", 2, 6): {"valve": "锈死"},
        ("H", 3, 6): {"status": "在建", "works": "PT-12"}, ("H", 4, 6): {"status": "规划", "works": "PT-11"},
    },
    "catv": {
        ("H", 1, 1): OPEN, ("H", 0, 6): OPEN, ("H", 2, 6): OPEN, ("H", 4, 6): OPEN, ("H", 5, 6): EAST_PLANNED,
    },
}  # fmt: skip
"""State of the mains of the larger site by service and edge."""

SMALL_MAINS = {("V", 2, 1): 150, ("V", 3, 1): 150, ("V", 3, 3): 200, ("H", 4, 5): 200, ("V", 2, 4): 200}
"""Water mains below the usual diameter [mm]."""


def base(site: Site) -> list[Edge]:
    """Edges that carry an operating main of every service unless the story says otherwise."""
    if site is GT:
        return site.edges(range(2, 6), range(1, 6), range(6), range(1, 6))
    return site.edges(range(1, 4), range(1, 3), range(3), range(4))


def mains(service: str, site: Site) -> dict[Edge, Spec]:
    """Every edge of a site that carries a main of a service, with what differs from an operating one."""
    out: dict[Edge, Spec] = {edge: {} for edge in base(site)}
    if site is CQ:
        return out
    for edge, spec in STATES[service].items():
        if spec is None:
            out.pop(edge, None)
        else:
            out[edge] = dict(spec)
    return out


def plain(spec: Spec) -> bool:
    """Whether a main is simply in operation, so that a lateral may hang on it."""
    return not spec


DATA = Path(__file__).resolve().parent / "data"


@dataclass(frozen=True)
class Plant:
    """A plant and the path from it to the street main.

    The path is written as stops in local metres (``2240 2640``) and ends at a node of the grid (``n 4 5``) or on the
    main of an east-west road straight across (``v 3 1``: road 3, north of the plant).
    """

    site: str
    row: dict[str, Any]
    stops: tuple[tuple[float, float], ...]
    last: tuple[str, int, int]


def plants(service: str) -> list[Plant]:
    """Plants of a service that comes from a source."""
    with (DATA / "plants.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["service"] == service]
    return [_plant(row) for row in rows]


def _plant(row: dict[str, str]) -> Plant:
    """Read one row of the plants."""
    *stops, last = (stop.split() for stop in row["path"].split(";"))
    keep: dict[str, Any] = {k: row[k] or None for k in ("feature", "name", "kind", "status", "works", "capacity_unit")}
    for key in ("capacity", "capacity_used"):
        keep[key] = float(row[key]) if row[key] else None
    return Plant(
        row["site"], keep, tuple((float(u), float(v)) for u, v in stops), (last[0], int(last[1]), int(last[2]))
    )


SUPPLY = {
    "BS-CQ-JS": ("CQ", "water", "water_plant", (3, 2), "城市供水公司（示例）", "供水函〔2026〕12号（示例）"),
    "BS-CQ-RQ": ("CQ", "gas", "gate_station", (3, 1), "城市燃气公司（示例）", "燃气函〔2026〕5号（示例）"),
    "BS-CQ-GB": ("CQ", "catv", "headend", (0, 2), "广电网络分公司（示例）", "广电函〔2026〕7号（示例）"),
}
"""Boundary supply points (边界接入点) of zone.toml: site, service, kind, node of the grid, issuer, document."""

GIVEN = {"BS-CQ-JS": (24000.0, 15600.0, "立方米/日"), "BS-CQ-RQ": (8000.0, 3100.0, "标方/时")}
"""What the boundary supply points give, and what of it is promised."""
