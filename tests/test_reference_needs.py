"""Zones small enough to judge by hand: capacity in order of promise, the fall of sewers, and what fails with one piece.

They hold the slow judge to the rules, and the engine to the same answers; the drawings are those of the other files.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from by_hand import block, grades, node, pipe, plant, zone

from gisplan.selfcheck.reference.capacity import demand, interpolated, main_capacity
from gisplan.selfcheck.reference.fall import Profiled
from gisplan.selfcheck.reference.records import Evidence, Feature, Parcel, Project, Zone
from gisplan.selfcheck.toys.needs import STRICT
from gisplan.selfcheck.toys.pipes import RULES

ROOM = {"capacity": 100.0, "capacity_used": 40.0, "capacity_unit": "m3/d"}  # 60 m3/d are left


def asking(service: str, *measures: str) -> dict[str, Any]:
    return {"rules": {service: replace(RULES[service], strict=replace(STRICT[service], asks=frozenset(measures)))}}


def hectare(name: str, x: float, status: str, day: date | None = None, use: str = "物流仓储用地") -> Parcel:
    """One hectare beside the main; storage needs 35 m3 a day, industry 150."""
    return block(name, x, 5, x + 100, 105, supply_status=status, delivery_on=day, use=use)


def served(parcels: list[Parcel], source: dict[str, Any] | None = None, **more: Any) -> str:
    """``S====[1]==[2]==[3]``: grades along a main that carries far more than the plant gives."""
    size = {"diameter_mm": 400.0}
    pipes = [plant(0, 0, values=ROOM if source is None else source), pipe("p", (0, 0), (400, 0), values=size)]
    return grades(zone(parcels, pipes=pipes, **{**asking("water", "capacity"), **more}))


def test_first_promised_first_served_and_a_refused_one_holds_its_place() -> None:
    early, late = date(2027, 1, 1), date(2027, 6, 1)
    assert served([hectare("1", 0, "拟供", early), hectare("2", 110, "拟供", late)]) == "AD"
    assert served([hectare("1", 0, "拟供", late), hectare("2", 110, "批而未供", late)]) == "DA"
    assert served([hectare("1", 0, "拟供", early), hectare("2", 110, "拟供", early)]) == "UU"  # either may be first
    assert served([hectare("1", 0, "拟供"), hectare("2", 110, "拟供", late)]) == "UU"  # nobody knows when
    # the first asks for 150 and is refused; the second would fit, but does not overtake it
    assert served([hectare("1", 0, "拟供", early, "1001"), hectare("2", 110, "拟供", late)]) == "DD"
    # what was granted is within what the plant has promised before
    assert served([hectare("1", 0, "已供"), hectare("2", 110, "拟供", late)]) == "AA"
    assert served([hectare("1", 0, "拟供", early, ""), hectare("2", 110, "拟供", late)]) == "UU"


def test_a_plant_that_does_not_say_what_is_left() -> None:
    one = [hectare("1", 0, "拟供", date(2027, 1, 1))]
    for column in ROOM:
        assert served(one, {k: v for k, v in ROOM.items() if k != column}) == "U"
    assert served(one, {**ROOM, "capacity": 4.0, "capacity_used": 2.0, "capacity_unit": "m3/h"}) == "A"  # 48 m3/d


def test_a_paper_that_reserves_holds_its_place() -> None:
    """A letter of last year reserves the 35 m3 that the later parcel needs: it comes first, of the 60 that there are.

    One of 30 gives it no place: the other lacks these 30, and of the rest that one holds its 35 though it is refused.
    """
    parcels = [hectare("1", 0, "拟供", date(2027, 1, 1)), hectare("2", 110, "拟供", date(2027, 6, 1))]
    held: dict[str, Any] = {"capacity": 36.0, "capacity_unit": "m3/d"}
    paper = Evidence("reserved", "water", "2", "", "供水公司（示例）", "示例1号", date(2026, 1, 1), **held)
    assert served(parcels, evidence=(paper,)) == "DA"
    assert served(parcels, evidence=(replace(paper, capacity=30.0),)) == "DD"
    assert served(parcels, evidence=(replace(paper, issuer=""),)) == "UU"  # it may hold its place, and helps nobody
    assert served(parcels, evidence=(replace(paper, expires=date(2026, 6, 1)),)) == "AD"


def test_a_project_says_what_its_parcel_needs() -> None:
    parcels = [hectare("1", 0, "拟供", date(2027, 1, 1))]
    for needs, grade in (({"water_m3_d": 59.0}, "A"), ({"water_m3_d": 61.0}, "D"), ({}, "U")):
        assert served(parcels, projects=(Project("X", "1", {"power_kva": 1.0, **needs}),)) == grade


def sewer(slope: float = 0.003, **more: Any) -> list[Feature]:
    """A sewer of 200 m that falls to its plant at 100 m above the sea."""
    values = {"diameter_mm": 400.0, "invert_from_m": 100.0 + 200 * slope, "invert_to_m": 100.0}
    return [
        plant(200, 0, "sewage"),
        pipe("s", (0, 0), (200, 0), service="sewage", **{"flow": "forward", "values": values, **more}),
    ]


def drained(pipes: list[Feature], ground: float | None, *measures: str) -> str:
    """One parcel of 100 m square at the sewer's upper end, its corner 225.89 m from the plant."""
    known = {} if ground is None else {"1": ground}
    return grades(
        zone([block("1", 0, 5, 100, 105)], "sewage", pipes, ground=known, **asking("sewage", *measures)), "sewage"
    )


def test_a_parcel_falls_to_its_manhole_or_does_not() -> None:
    """The corner (0, 105) is 225.89 m from the plant: 1 + 0.678 + 0.1 m (drop) = 1.778 m above the invert of 100 m."""
    assert drained(sewer(), 101.85, "fall") == "A"
    assert drained(sewer(), 101.70, "fall") == "D"
    assert drained(sewer(), None, "fall") == "U"
    # drawn without a direction: the inverts tell it; said to rise: nobody knows
    assert drained(sewer(flow=""), 101.85, "fall") == "A"
    assert drained(sewer(flow="reverse"), 101.85, "fall") == "U"


def test_a_main_that_begins_above_the_end_of_the_one_before_it() -> None:
    """``[1]--s-->P--t-->S``: t begins 0.3 m too high, unless a working pump lifts into it."""
    low = {"diameter_mm": 400.0, "invert_from_m": 101.0, "invert_to_m": 100.5}
    high = {"diameter_mm": 400.0, "invert_from_m": 100.8, "invert_to_m": 100.1}
    pipes = [
        plant(400, 0, "sewage"),
        pipe("s", (0, 0), (200, 0), service="sewage", flow="forward", values=low),
        pipe("t", (200, 0), (400, 0), service="sewage", flow="forward", values=high),
    ]
    assert drained(pipes, None, "downhill") == "D"
    blank = replace(pipes[2], values={"diameter_mm": 400.0, "invert_to_m": 100.1})
    assert drained([*pipes[:2], blank], None, "downhill") == "U"
    for status, grade in (("现状", "A"), ("规划", "D"), ("废弃", "D")):
        assert drained([*pipes, node("pump", "pump", 200, 0, status=status)], None, "downhill") == grade


def test_two_ways() -> None:
    """A ring has two ways, and so has a line between two plants; a spur has one.

    ::

        S=====+=====T        [1] on the ring, [2] on the spur
        |           |
        +=====+=====+====[2]
             [1]
    """
    ring = [pipe("a", (0, 0), (200, 0)), pipe("b", (0, 0), (0, -100), (200, -100)), pipe("c", (200, 0), (200, -100))]
    spur = pipe("d", (200, -100), (300, -100))
    parcels = [block("1", 90, -150, 110, -120), block("2", 280, -150, 299, -120)]
    second = node("T", "source", 200, 0, kind="water_plant")
    ways = asking("water", "two_ways")
    pipes = [plant(0, 0), *ring, spur]
    assert grades(zone(parcels, pipes=pipes, **ways)) == "AD"
    assert grades(zone(parcels, pipes=[plant(0, 0), *ring[1:], spur], **ways)) == "DD"
    assert grades(zone(parcels, pipes=[plant(0, 0), *ring[1:], spur, second], **ways)) == "AD"
    doubtful = [plant(0, 0), replace(ring[0], status=""), *ring[1:], spur]
    assert grades(zone(parcels, pipes=doubtful, **ways)) == "UD"


def test_figures_by_hand() -> None:
    """DN200 at 0.2 m/s: 0.0314159 m2 x 0.2 x 86 400 / 1.5 = 361.9 m3/d; the others by hand as well."""
    nothing = Profiled((None, None), None, False)
    water = pipe("w", (0, 0), (1, 0), values={"diameter_mm": 200.0})
    assert main_capacity(STRICT["water"], water, nothing) == pytest.approx(361.911, abs=0.001)
    # DN400 full at 0.3 %: 0.12566 / 0.013 x 0.1^(2/3) x 0.0547723 = 0.114066 m3/s; the storm of 3 years at 10 minutes:
    # 1207.4 x (1 + 0.94 x 0.477121) / 15.64^0.74 = 228.58 L/s for a hectare
    drain = pipe("d", (0, 0), (1, 0), service="sewage", values={"diameter_mm": 400.0})
    assert main_capacity(STRICT["storm"], drain, Profiled((None, None), 0.003, False)) == pytest.approx(
        0.4990, abs=2e-4
    )
    power = pipe("e", (0, 0), (1, 0), service="power", values={"voltage_kv": 20.0, "circuits": 2.0})
    assert main_capacity(STRICT["power"], power, nothing) == pytest.approx(2 * 900 * 0.95)
    assert interpolated(STRICT["sewage"].steps["peak_flow"], 10.0) == pytest.approx(2.55)
    given: Zone = zone([hectare("1", 0, "拟供")], "sewage", sewer(), **asking("sewage", "capacity"))
    assert demand(given, STRICT["sewage"], given.parcels[0])[0] == pytest.approx(24 * 35 * 0.7 / 1.35)
