"""Zones small enough to judge by hand: how pipes join, carry and reach.

They hold the slow judge to the rules, and the engine to the same answers. In the drawings ``S`` is a source (or the
outfall), ``=`` a working main, ``[P]`` a parcel, ``#`` a barrier; one character is about 10 m.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from by_hand import block, grades, node, pipe, plant, put, zone

from gisplan.selfcheck.reference.plane import length_inside, nearest_on, shared_area, to_parcel
from gisplan.selfcheck.reference.records import Barrier, Evidence, Parcel
from gisplan.selfcheck.toys.land import TODAY


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

    Nor does the end of a working pipe: a chain of gaps is no joint. Only a point that works does.

    ::

        S=====. .=====[1]      0.8 m; between them an end of another pipe, or a point
    """
    between = {
        "manhole": (node("m", "manhole", 100.4, 0), "A"),
        "gone": (node("m", "manhole", 100.4, 0, status="废弃"), "D"),
        "nobody knows": (node("m", "manhole", 100.33, 0, status=""), "D"),
        "hydrant": (node("m", "hydrant", 100.4, 0), "D"),
        "planned": (pipe("m", (100.33, 0), (100.33, 80), status="规划"), "D"),
        "duct": (pipe("m", (100.4, 0), (100.4, 80), role="duct"), "D"),
        "working": (pipe("m", (100.33, 0), (100.33, 80)), "D"),
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


@pytest.mark.parametrize(("word", "grade"), [("关", "D"), ("开", "A"), ("", "A"), ("半开", "U")])
def test_valves(word: str, grade: str) -> None:
    """``S===v===[1]``: closed cuts, blank counts as open, a word nobody knows makes the answer unknown."""
    pipes = [plant(0, 0), pipe("p", (0, 0), (100, 0)), node("v", "valve", 30, 0, open=word)]
    assert grades(zone([block("1", 101, 0, 130, 20)], pipes=pipes)) == grade
    gone = [*pipes[:2], node("v", "valve", 30, 0, open=word, status="废弃")]
    assert grades(zone([block("1", 101, 0, 130, 20)], pipes=gone)) == "A"


def test_a_closed_valve_beside_the_line_it_was_meant_for() -> None:
    """``S===v===[1]``: on the line it cuts; beside it, it was meant for the nearest line, and nobody knows."""
    for off, grade in ((0.4, "D"), (3.0, "U")):
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


def test_parcels_that_overlap_are_in_doubt() -> None:
    """``S==[1[2]]``: 60 m² in common put both in doubt, half a square metre does not."""
    pipes = [plant(0, 0), pipe("p", (0, 0), (100, 0))]
    assert grades(zone([block("1", 20, 5, 50, 25), block("2", 47, 5, 80, 25)], pipes=pipes)) == "UU"
    touching = [block("1", 20, 5, 50, 25), block("2", 49.975, 5, 80, 25)]
    assert grades(zone(touching, pipes=pipes)) == "AA"


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
