"""Zones small enough to judge by hand: what works, letters and records make of pipes that are there.

They hold the slow judge to the rules, and the engine to the same answers; the drawings are those of the other file.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from by_hand import block, grades, letter, pipe, plant, zone

from gisplan.selfcheck.reference.judge import judge
from gisplan.selfcheck.reference.records import Evidence, Works
from gisplan.selfcheck.toys.land import TODAY
from gisplan.selfcheck.toys.pipes import RULES


def test_pipes_are_ready_but_the_plant_is_not() -> None:
    """Everything waits for the slowest link; works that are late make the answer unknown, never ready.

    ::

        S====w1====[1]      S under construction until 2027-06-30
    """
    works = {
        "plant": Works("开工", planned_on=date(2027, 6, 30)),
        "pipe": Works("竣工", planned_on=date(2026, 5, 1), commission_on=date(2027, 1, 31)),
    }
    pipes = [plant(0, 0, status="在建", works="plant"), pipe("w1", (0, 0), (100, 0), works="pipe")]
    parcels = [block("1", 101, 0, 130, 20, delivery_on=date(2027, 6, 30))]
    required = frozenset({"water"})
    given = zone(parcels, pipes=pipes, works=works, required=required)
    assert grades(given) == "B"
    answer = judge(given)
    assert answer.cells["1", "water"].ready_on == date(2027, 6, 30)
    assert answer.parcels["1"].ready_by_delivery == "yes"
    assert answer.parcels["1"].ready == "no"
    late = {**works, "plant": Works("开工", planned_on=TODAY)}
    assert grades(zone(parcels, pipes=pipes, works=late)) == "U"
    undated = {**works, "plant": Works("开工")}
    assert grades(zone(parcels, pipes=pipes, works=undated)) == "D"


@pytest.mark.parametrize(
    ("status", "phase", "money", "grade"),
    [
        ("现状", "", "", "A"),
        ("现状", "竣工", "", "B"),
        ("现状", "开工", "", "U"),
        ("已建未投运", "移交", "", "B"),
        ("已建未投运", "招标", "", "B"),
        ("在建", "初设", "已报", "D"),
        ("在建", "初设", "下达", "C"),
        ("规划", "可研", "下达", "C"),
        ("规划", "可研", "拟报", "D"),
        ("规划", "竣工", "下达", "U"),
        ("停用", "", "", "D"),
        ("基本建成", "", "", "U"),
        ("", "", "", "U"),
    ],
)
def test_status_and_phase(status: str, phase: str, money: str, grade: str) -> None:
    """``S====[1]``: one pipe, its status word, the phase and the money of its works (planned for next year)."""
    works = {"w": Works(phase, planned_on=date(2027, 9, 30), funding_state=money)}
    pipes = [plant(0, 0), pipe("p", (0, 0), (100, 0), status=status, works="w" if phase else "")]
    assert grades(zone([block("1", 101, 0, 130, 20)], pipes=pipes, works=works)) == grade


def test_handed_over_only_when_the_day_has_come() -> None:
    """``S====[1]``: 移交 with a day behind us, and no start still to come, is operating; else it is built at best."""
    past, next_year = date(2026, 10, 31), date(2027, 3, 1)
    cases = ((past, None, "A"), (TODAY, None, "A"), (date(2026, 11, 2), None, "B"), (None, None, "B"))
    for day, start, grade in (*cases, (past, past, "A"), (past, next_year, "B")):
        works = {"w": Works("移交", planned_on=date(2027, 9, 30), actual_on=day, commission_on=start)}
        pipes = [plant(0, 0), pipe("p", (0, 0), (100, 0), works="w")]
        assert grades(zone([block("1", 101, 0, 130, 20)], pipes=pipes, works=works)) == grade


def test_a_main_that_will_close_does_not_carry_later_works() -> None:
    """What closes before the next link is ready serves nobody.

    ::

        S====old====new====[2]      old closes on 2027-03-01, new is ready on 2027-06-30: 2 is never served
            [1]                     1 lies on the old main: served today
    """
    works = {"w": Works("开工", planned_on=date(2027, 6, 30))}
    pipes = [
        plant(0, 0),
        pipe("old", (0, 0), (100, 0), close_on=date(2027, 3, 1)),
        pipe("new", (100, 0), (200, 0), status="在建", works="w"),
    ]
    parcels = [block("1", 40, 5, 60, 20), block("2", 201, 0, 230, 20)]
    assert grades(zone(parcels, pipes=pipes, works=works)) == "AD"


def test_letters_alone() -> None:
    """No layer: a valid letter decides, an expired or unsigned one does not, two that differ do not either."""
    parcels = [block("1", 0, 0, 30, 30)]
    cases = [
        ((), "U"),
        ((letter("connected"),), "A"),
        ((letter("not_connected"),), "D"),
        ((letter("connected"), letter("not_connected")), "U"),
        ((letter("connected", expires=date(2026, 10, 31)),), "U"),
        ((letter("connected", expires=TODAY),), "A"),
        ((letter("connected", issuer=""),), "U"),
        ((letter("not_connected", issuer=""),), "U"),
        ((letter("connected"), letter("not_connected", issuer="")), "U"),
        ((letter("connected"), letter("not_connected", expires=date(2026, 10, 31))), "A"),
        ((letter("connected", date=date(2026, 11, 2)),), "U"),
        ((letter("not_applicable"),), "N"),
        ((letter("not_applicable", number=""),), "U"),
    ]
    for letters, grade in cases:
        assert grades(zone(parcels, "gas", evidence=letters), "gas") == grade


def test_letters_against_the_drawing() -> None:
    """``S====[1]  [2]``: a letter that contradicts the network makes the cell unknown."""
    parcels = [block("1", 101, 0, 130, 20), block("2", 300, 0, 330, 20)]
    pipes = [plant(0, 0, "gas"), pipe("p", (0, 0), (100, 0), service="gas")]
    assert grades(zone(parcels, "gas", pipes), "gas") == "AD"
    against = (letter("not_connected"), letter("connected", parcel="2"))
    assert grades(zone(parcels, "gas", pipes, evidence=against), "gas") == "UU"
    agreeing = (letter("connected"), letter("not_connected", parcel="2"))
    assert grades(zone(parcels, "gas", pipes, evidence=agreeing), "gas") == "AD"
    idle = (letter("not_operating", parcel="", feature="p", number=""),)
    assert grades(zone(parcels, "gas", pipes, evidence=idle), "gas") == "UD"
    for odd in (letter("口头答复"), letter("", service=""), letter("not_connected", service="", date=None)):
        assert grades(zone(parcels, "gas", pipes, evidence=(odd,)), "gas") == "UD"
    past = letter("", expires=date(2026, 10, 31))
    assert grades(zone(parcels, "gas", pipes, evidence=(past,)), "gas") == "AD"


def test_levelling_by_the_record() -> None:
    """``[1]``: accepted, accepted but still under construction, denied, planned, under way with a day, no record."""
    accepted = letter("accepted", service="leveling")
    works = {"w": Works("开工", planned_on=date(2027, 6, 30))}
    cases = [
        ((accepted,), {}, "A"),
        ((accepted,), {"leveling_status": "现状"}, "A"),
        ((accepted,), {"leveling_status": "说不清"}, "U"),
        ((accepted,), {"leveling_status": "在建", "leveling_works": "w"}, "U"),
        ((accepted, letter("", service="leveling")), {}, "U"),
        ((letter("accepted", service="leveling", number=""),), {}, "U"),
        ((), {"leveling_status": "在建", "leveling_works": "w"}, "B"),
        ((), {"leveling_status": "规划"}, "D"),
        ((), {"leveling_status": "现状"}, "U"),
        ((), {}, "U"),
    ]
    for letters, more, grade in cases:
        given = zone([block("1", 0, 0, 30, 30, **more)], pipes=[plant(0, 0)], evidence=letters, works=works)
        assert grades(given, "leveling") == grade


def test_readiness_adds_up() -> None:
    """Two services and the levelling: what is required, what is promised, what is not applicable."""
    pipes = (plant(0, 0), pipe("p", (0, 0), (100, 0)))
    accepted = Evidence("accepted", "leveling", "1", "", "区住建局（示例）", "示例2号", date(2026, 1, 5))
    parcels = [block("1", 20, 5, 50, 25, delivery_on=date(2027, 1, 1))]
    base: dict[str, Any] = {
        "rules": {"water": RULES["water"], "gas": RULES["gas"]},
        "required": frozenset({"water", "gas", "leveling"}),
    }
    given = zone(parcels, pipes=list(pipes), evidence=(accepted,), **base)
    assert grades(given) == "A"
    found = judge(given).parcels["1"]
    assert (found.ready, found.connected_count, found.required_count) == ("unknown", 2, 3)
    waived = zone(parcels, pipes=list(pipes), evidence=(accepted, letter("not_applicable")), **base)
    assert grades(waived) == "A"
    found = judge(waived).parcels["1"]
    assert (found.ready, found.ready_by_delivery, found.connected_count, found.required_count) == ("yes", "yes", 2, 2)


def test_the_future_is_never_ready() -> None:
    """``S====[1]``: seen from a later day than the data's own, today's A is a B from today on."""
    pipes = [plant(0, 0), pipe("p", (0, 0), (100, 0))]
    later = zone([block("1", 101, 0, 130, 20)], pipes=pipes, check=date(2027, 6, 30))
    assert grades(later) == "B"
    assert judge(later).cells["1", "water"].ready_on == TODAY
    assert grades(zone([block("1", 101, 0, 130, 20)], pipes=pipes, check=date(2026, 10, 31))) == "U"
