"""Zones small enough to judge by hand: they hold the slow judge to the rules, and the engine to the same answers.

In the drawings ``S`` is a source (or the outfall), ``=`` a working main, ``[P]`` a parcel, ``#`` a barrier;
one character is about 10 m.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from comparison import differences
from reference import judge
from reference_plane import length_inside, nearest_on, shared_area, to_parcel
from reference_records import Barrier, Evidence, Feature, Parcel, Works, Zone
from toyzones_land import ORIGIN, TODAY
from toyzones_pipes import RULES

PLANT = {
    "water": "water_plant",
    "sewage": "treatment_plant",
    "road": "road_gate",
    "power": "substation",
    "gas": "gate_station",
}
SIZE: dict[str, dict[str, Any]] = {
    "water": {"diameter_mm": 200.0},
    "sewage": {"diameter_mm": 400.0},
    "road": {"width_m": 7.0, "road_class": "支路"},
    "power": {"voltage_kv": 10.0},
    "gas": {"pressure_class": "low"},
}


def put(x: float, y: float) -> tuple[float, float]:
    return (ORIGIN[0] + x, ORIGIN[1] + y)


def pipe(name: str, *xy: tuple[float, float], service: str = "water", **more: Any) -> Feature:
    more = {"role": "line", "status": "现状", "values": SIZE[service], **more}
    return Feature(name, parts=(tuple(put(*p) for p in xy),), **more)


def node(name: str, role: str, x: float, y: float, **more: Any) -> Feature:
    return Feature(name, role, ((put(x, y),),), **{"status": "现状", **more})


def plant(x: float, y: float, service: str = "water", **more: Any) -> Feature:
    return node("S", "source", x, y, **{"kind": PLANT[service], **more})


def block(name: str, west: float, south: float, east: float, north: float, **more: Any) -> Parcel:
    ring = (put(west, south), put(east, south), put(east, north), put(west, north))
    return Parcel(name, ((ring,),), **more)


def zone(parcels: list[Parcel], service: str = "water", pipes: list[Feature] | None = None, **more: Any) -> Zone:
    layers = {} if pipes is None else {service: tuple(pipes)}
    given = {
        "rules": {service: RULES[service]},
        "required": frozenset({service}),
        "check": TODAY,
        "own": TODAY,
        **more,
    }
    return Zone(parcels=tuple(parcels), layers=layers, **given)


def grades(given: Zone, service: str = "water", ties: bool = False) -> str:
    """Return the grades of all parcels in order, and make sure that the engine says the same."""
    answer = judge(given)
    assert ties or not answer.ties
    assert differences(given, answer) == []
    return "".join(answer.cells[p.id, service].grade for p in given.parcels)


def test_joints_end_to_end_end_to_side_and_not_at_a_crossing() -> None:
    """Only what meets within half a metre is joined.

    ::

        [1]   [2]   [3]      x
         |     |     .       x [4]      1: ends on the main's inside; 2: stops 0.4 m short; 3: stops 0.9 m short;
        S==================  x==        the second main follows 0.3 m after the first;
                             x          x crosses it without an end: not joined, 4 is not served
    """
    pipes = [
        plant(0, 0),
        pipe("trunk", (0, 0), (200, 0)),
        pipe("next", (200.3, 0), (300, 0)),
        pipe("1", (20, 0), (20, 70)),
        pipe("2", (90, 0.4), (90, 70)),
        pipe("3", (160, 0.9), (160, 70)),
        pipe("x", (270, -60), (270, 90)),
    ]
    parcels = [block(str(k), x, 70, x + 20, 90) for k, x in enumerate((10, 80, 150, 271), 1)]
    assert grades(zone(parcels, pipes=pipes)) == "AADD"


def test_roads_join_where_they_cross_unless_their_decks_differ() -> None:
    """A crossing at grade is a joint, an overpass is not.

    ::

           [1]   [2]
            |     ‖        1 by a road that crosses at grade, 2 by a road on deck 1
        S===+=====‖====
            |     ‖
    """
    for deck, expected in (("1", "AD"), ("0", "AA"), ("", "AA")):
        roads = [
            plant(0, 0, "road"),
            pipe("main", (0, 0), (300, 0), service="road"),
            pipe("1", (100, -70), (100, 70), service="road"),
            pipe("2", (200, -70), (200, 70), service="road", deck=deck),
        ]
        parcels = [block("1", 90, 75, 110, 99), block("2", 190, 75, 210, 99)]
        assert grades(zone(parcels, "road", roads), "road") == expected


def test_numbers_join_wherever_drawn_and_hold_apart_what_touches() -> None:
    """Equal joint numbers are one joint, different numbers are two, whatever the drawing says.

    ::

        S=====7   7====[1]      7 m apart, same number: joined
        S=====5,6======[2]      same place, different numbers: not joined
    """
    pipes = [
        plant(0, 0),
        pipe("a", (0, 0), (100, 0), to_joint="7"),
        pipe("b", (107, 0), (200, 0), from_joint="7"),
        pipe("c", (0, 0), (0, 150), (100, 150), to_joint="5"),
        pipe("d", (100, 150), (200, 150), from_joint="6"),
    ]
    assert grades(zone([block("1", 201, 0, 230, 20), block("2", 201, 140, 230, 160)], pipes=pipes)) == "AD"


def test_numbered_ends_leave_the_sides_of_numbered_lines_alone() -> None:
    """Where the survey numbers its joints, the numbers say all; an end without a number joins what it touches.

    ::

        S1=====+=====2
               |            the branch starts on the side of a main that is numbered at both ends
              [1]
    """
    parcels = [block("1", 40, -90, 60, -71)]
    for number, main, expected in (("9", "2", "D"), ("", "2", "A"), ("9", "", "A")):
        pipes = [
            plant(0, 0),
            pipe("main", (0, 0), (100, 0), from_joint="1", to_joint=main),
            pipe("branch", (50, 0), (50, -70), from_joint=number),
        ]
        assert grades(zone(parcels, pipes=pipes)) == expected


def test_what_does_not_operate_closes_no_gap() -> None:
    """A planned pipe, a manhole that is gone or a hydrant between two ends 0.8 m apart does not join them.

    ::

        S=====. .=====[1]      0.8 m; between them an end of a planned pipe, or a point
    """
    between = {
        "manhole": (node("m", "manhole", 100.4, 0), "A"),
        "gone": (node("m", "manhole", 100.4, 0, status="废弃"), "D"),
        "nobody knows": (node("m", "manhole", 100.33, 0, status=""), "D"),
        "hydrant": (node("m", "hydrant", 100.4, 0), "D"),
        "planned": (pipe("m", (100.33, 0), (100.33, 80), status="规划"), "D"),
        "duct": (pipe("m", (100.4, 0), (100.4, 80), role="duct"), "D"),
        "working": (pipe("m", (100.4, 0), (100.4, 80)), "A"),
    }
    for what, expected in between.values():
        pipes = [plant(0, 0), pipe("a", (0, 0), (100, 0)), pipe("b", (100.8, 0), (200, 0)), what]
        assert grades(zone([block("1", 201, 0, 230, 20)], pipes=pipes)) == expected


def test_sewage_runs_downhill_only() -> None:
    """A sewer serves when it can flow to the plant; a sewer that nobody knows the direction of is unknown.

    ::

        [1]-->--S      1 as drawn, 2 drawn away from the plant, 3 drawn away but marked reverse, 4 not marked
        [2]--<--S
    """
    flows = (("forward", True), ("forward", False), ("reverse", False), ("", True))
    pipes = [node("S", "outfall", 0, 0, kind="treatment_plant")]
    parcels = []
    for k, (flow, toward) in enumerate(flows):
        x, y = ((-150, 0), (0, 150), (150, 0), (0, -150))[k]
        path = ((x, y), (0, 0)) if toward else ((0, 0), (x, y))
        pipes.append(pipe(f"s{k}", *path, service="sewage", flow=flow))
        parcels.append(block(str(k), x - 10, y - 10, x + 10, y + 10))
    assert grades(zone(parcels, "sewage", pipes), "sewage") == "ADAU"


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
    """``S====[1]``: 移交 with a day behind us is operating; without one it is finished work at best."""
    for day, grade in ((date(2026, 10, 31), "A"), (TODAY, "A"), (date(2026, 11, 2), "B"), (None, "B")):
        works = {"w": Works("移交", planned_on=date(2027, 9, 30), actual_on=day)}
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


@pytest.mark.parametrize(("word", "grade"), [("关", "D"), ("开", "A"), ("", "A"), ("半开", "U")])
def test_valves(word: str, grade: str) -> None:
    """``S===v===[1]``: closed cuts, blank counts as open, a word nobody knows makes the answer unknown."""
    pipes = [plant(0, 0), pipe("p", (0, 0), (100, 0)), node("v", "valve", 30, 0, open=word)]
    assert grades(zone([block("1", 101, 0, 130, 20)], pipes=pipes)) == grade
    gone = [*pipes[:2], node("v", "valve", 30, 0, open=word, status="废弃")]
    assert grades(zone([block("1", 101, 0, 130, 20)], pipes=gone)) == "A"


def test_a_closed_valve_beside_the_line_it_was_meant_for() -> None:
    """``S===v===[1]``: within 5 m of the nearest line nobody knows, further away it cuts nothing."""
    for off, grade in ((0.4, "D"), (3.0, "U"), (6.0, "A")):
        pipes = [plant(0, 0), pipe("p", (0, 0), (100, 0)), node("v", "valve", 30, off, open="关")]
        assert grades(zone([block("1", 101, 0, 130, 20)], pipes=pipes)) == grade


def test_a_valve_that_may_not_be_there_may_not_cut() -> None:
    """``S===v===[1]``: closed, its status blank, doubted by a letter, planned, or with its closing day."""
    doubt = Evidence("not_operating", "water", "", "v", "供水公司（示例）", "示例5号", date(2026, 3, 1))
    cases: list[tuple[dict[str, Any], tuple[Evidence, ...], str]] = [
        ({"open": "关", "status": ""}, (), "U"),
        ({"open": "关"}, (doubt,), "U"),
        ({"open": "关", "status": "规划"}, (), "A"),
        ({"open": "开", "close_on": TODAY}, (), "D"),
    ]
    for more, letters, grade in cases:
        pipes = [plant(0, 0), pipe("p", (0, 0), (100, 0)), node("v", "valve", 30, 0, **more)]
        assert grades(zone([block("1", 101, 0, 130, 20)], pipes=pipes, evidence=letters)) == grade


def test_reach_stops_at_the_limit_at_other_parcels_and_at_barriers() -> None:
    """A main serves what it can see within 50 m.

    ::

        [1]  [2]              [4]       1: 48 m away; 2: 52 m away; 4: behind 3
                             [ 3 ]
        S==========================
        ############
          [5]                           5: behind the railway
    """
    pipes = [plant(0, 0), pipe("p", (0, 0), (400, 0))]
    parcels = [
        block("1", 0, 48, 30, 80),
        block("2", 60, 52, 90, 80),
        block("3", 220, 5, 400, 15),
        block("4", 300, 15, 320, 40),
        block("5", 20, -40, 60, -20),
    ]
    rail = Barrier("rail", (put(-100, -10), put(250, -10)))
    assert grades(zone(parcels, pipes=pipes, barriers=(rail,))) == "ADADD"
    assert grades(zone(parcels, pipes=pipes)) == "ADADA"
    assert grades(zone(parcels, pipes=pipes, barriers=None)) == "UDUDU"
    # a pipe on the parcel needs no way to it, whatever is known of barriers
    inside = [*pipes, pipe("in", (5, 0), (5, 60))]
    assert grades(zone(parcels, pipes=inside, barriers=None)) == "ADUDU"


def test_a_pipe_inside_a_big_parcel_and_one_in_its_hole() -> None:
    """Inside counts as no distance; the hole of a parcel is outside.

    ::

        +-----------+
        | S==    ___|     the parcel has a hole of 120 x 120 m; a pipe in its middle is 55 m away
        |       |   |
        +-----------+
    """
    outer = (put(0, 0), put(300, 0), put(300, 200), put(0, 200))
    hole = (put(160, 40), put(280, 40), put(280, 160), put(160, 160))
    big = Parcel("1", ((outer, hole),))
    assert grades(zone([big], pipes=[plant(50, 100), pipe("p", (50, 100), (90, 100))])) == "A"
    assert grades(zone([big], pipes=[plant(215, 95), pipe("p", (215, 95), (225, 105))])) == "D"


def test_size_of_the_pipe_and_of_the_main_behind_a_lateral() -> None:
    """Too small is a gap, blank is unknown, a lateral takes the size of its main.

    ::

        S==DN200==+==DN100==+==?==+
                  |         |     |
                 [1]       [2]   [3]      laterals of DN50 each
    """
    pipes = [plant(0, 0)]
    for k, size in enumerate(({"diameter_mm": 200.0}, {"diameter_mm": 100.0}, {})):
        pipes.append(pipe(f"m{k}", (200 * k, 0), (200 * k + 200, 0), values=size))
        pipes.append(
            pipe(f"l{k}", (200 * k + 100, 0), (200 * k + 100, 80), role="lateral", values={"diameter_mm": 50.0})
        )
    parcels = [block(str(k), 200 * k + 90, 81, 200 * k + 110, 99) for k in range(3)]
    assert grades(zone(parcels, pipes=pipes)) == "ADU"


def test_a_stub_counts_when_it_sits_on_a_live_pipe() -> None:
    """The main is 50.2 m away, a connection point 0.45 m nearer: it decides, if it works and if it sits on the main.

    ::

           [1]
            o
        S===========
    """
    parcels = [block("1", 20, 50.2, 40, 80)]
    main = [plant(0, 0), pipe("p", (0, 0), (100, 0))]
    for off, status, grade in ((0.45, "现状", "A"), (0.45, "规划", "D"), (0.45, "", "U"), (3.0, "现状", "D")):
        pipes = [*main, node("o", "stub", 30, off, status=status)]
        assert grades(zone(parcels, pipes=pipes), ties=True) == grade


def test_no_plant_drawn_is_unknown_and_a_plant_of_the_wrong_kind_is_none() -> None:
    """``?====[1]  [2]``: without a plant nobody knows; what no pipe reaches is a gap all the same."""
    parcels = [block("1", 101, 0, 130, 20), block("2", 300, 0, 330, 20)]
    main = pipe("p", (0, 0), (100, 0))
    assert grades(zone(parcels, pipes=[main])) == "UD"
    assert grades(zone(parcels, pipes=[main, plant(0, 0, kind="treatment_plant")])) == "UD"
    assert grades(zone(parcels, pipes=[main, node("S", "boundary_supply", 0, 0)])) == "AD"
    assert grades(zone(parcels, pipes=[main, plant(0, 0, status="废弃")])) == "DD"
    assert grades(zone(parcels, pipes=[main, plant(0, 0, kind="")])) == "UD"
    floating = node("o", "stub", 330, 3)
    assert grades(zone(parcels, pipes=[main, floating])) == "UD"


def letter(says: str, **more: Any) -> Evidence:
    given = {
        "service": "gas",
        "parcel": "1",
        "issuer": "燃气公司（示例）",
        "number": "示例1号",
        "date": date(2026, 3, 1),
    }
    return Evidence(says, **{**given, **more})


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


def test_parcels_that_overlap_are_in_doubt() -> None:
    """``S==[1[2]]``: 60 m² in common put both in doubt, half a square metre does not."""
    pipes = [plant(0, 0), pipe("p", (0, 0), (100, 0))]
    assert grades(zone([block("1", 20, 5, 50, 25), block("2", 47, 5, 80, 25)], pipes=pipes)) == "UU"
    touching = [block("1", 20, 5, 50, 25), block("2", 49.975, 5, 80, 25)]
    assert grades(zone(touching, pipes=pipes)) == "AA"


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


def test_geometry_by_hand() -> None:
    """A square of 10 m, a point 3-4-5 off its corner, a path past it, two squares that share 6 m²."""
    square = block("1", 0, 0, 10, 10)
    assert to_parcel(put(13, 14), square) == (5.0, put(10, 10))
    assert to_parcel(put(5, 5), square)[0] == 0.0
    assert nearest_on((put(-5, -2), put(15, -2)), square)[0] == pytest.approx(2.0)
    assert nearest_on((put(-5, 5), put(15, 5)), square)[0] == 0.0
    assert length_inside(put(-5, 5), put(15, 5), square) == pytest.approx(10.0)
    assert length_inside(put(-5, 10), put(15, 10), square) == 0.0
    assert shared_area(square, block("2", 7, 8, 30, 30)) == pytest.approx(6.0)
    assert shared_area(square, block("3", 10, 0, 20, 10)) == 0.0
