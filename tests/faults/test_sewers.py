"""Sewers drawn by hand: levels, directions and sizes; every fault where it was put, and nothing where there is none."""

from __future__ import annotations

import random
from typing import Any

import pytest
from draining import PLANT, chain, drawn, drawn_rows, faults, fork, found, node, pipe, says
from shapely import MultiLineString
from sketch import layer, line, parcel, parcels, zone

from gisplan.zone import Zone

# --------------------------------------------------------------------------------------- nothing wrong


@pytest.mark.parametrize("levels", [False, True])
def test_a_sound_sewer_has_no_fault(levels: bool) -> None:
    assert faults(drawn(*chain(levels))) == set()


def test_a_sound_sewer_with_laterals_manholes_and_a_branch_has_no_fault() -> None:
    """
    ::

          H1   H2          B1
           │    │           │
        0 ─┴─ 1 ┴─── 2 ─────3 ──── 4 ──── 5 (plant)
    """
    laterals = [
        pipe("H1", (25, 30), (25, 0), role="lateral", diameter_mm=200),
        pipe("H2", (50, 30), (50, 0), role="lateral", diameter_mm=200),
        pipe("B1", (150, 60), (150, 0), diameter_mm=300, invert_from_m=101, invert_to_m=99.6),
    ]
    wells = [node(f"M{i}", 50 * i, 0) for i in range(5)] + [node("MB", 150, 60)]
    sized = {name: {"diameter_mm": 400} for name in "ABCDE"}
    assert faults(drawn(*chain(True, **sized), *laterals, *wells)) == set()


def test_water_and_roads_are_not_asked() -> None:
    assert faults(drawn(pipe("A", (0, 0), (50, 0), invert_from_m=1, invert_to_m=9), service="water")) == set()


# ---------------------------------------------------------------------------------------------- uphill


def uphill(rise: float, **extra: Any) -> Zone:
    return drawn(*chain(C={"invert_from_m": 99.0, "invert_to_m": 99.0 + rise, **extra}))


def test_a_pipe_that_rises_is_found_and_the_metres_are_told() -> None:
    given = uphill(0.3)
    assert faults(given) == {("sewer_uphill", "C")}
    assert says(given, "sewer_uphill") == (
        "sewage C runs uphill: by its flow the invert rises from 99 m to 99.3 m, by 0.3 m over 50 m."
    )


@pytest.mark.parametrize(("rise", "listed"), [(-0.5, False), (0.0, False), (0.015, False), (0.03, True), (4.0, True)])
def test_levels_within_the_error_of_the_survey_are_equal(rise: float, listed: bool) -> None:
    assert faults(uphill(rise)) == ({("sewer_uphill", "C")} if listed else set())


def test_flow_against_the_drawing_is_heard() -> None:
    """Drawn from the lower to the higher end, flow declared against it: downhill; the other way round: uphill."""
    back = pipe("C", (150, 0), (100, 0), flow="逆", invert_from_m=99.0, invert_to_m=99.5)
    rest = [row for row in chain() if row[0] != "C"]
    assert faults(drawn(*rest, back)) == set()
    back[2].update(invert_from_m=99.5, invert_to_m=99.0)
    assert faults(drawn(*rest, back)) == {("sewer_uphill", "C")}


@pytest.mark.parametrize(
    "extra",
    [{"flow": None}, {"flow": "双向"}, {"invert_from_m": None}, {"invert_to_m": None}, {"status": "废弃"}],
    ids=["flow not known", "flow both ways", "no level", "no other level", "abandoned"],
)
def test_what_is_not_known_to_rise_is_not_said_to_rise(extra: dict[str, Any]) -> None:
    assert "sewer_uphill" not in {code for code, _ in faults(uphill(0.3, **extra))}


def test_a_planned_pipe_is_checked_too() -> None:
    assert ("sewer_uphill", "C") in faults(uphill(0.3, status="规划"))


def test_a_rising_main_may_rise_as_far_as_the_next_manhole() -> None:
    """
    ::

        0 ──A── 1 ──B── 2 ──C── 3 ──D── 4 ──E── 5 (plant)
                pump                    manhole
    """
    up = {name: {"invert_from_m": 99.0, "invert_to_m": 99.5} for name in "BCDE"}
    given = drawn(*chain(**up), node("pump", 50, 0, "泵"), node("M", 200, 0))
    assert {name for code, name in faults(given) if code == "sewer_uphill"} == {"E"}


def test_a_feature_of_two_parts_is_one_pipe() -> None:
    """Its levels are those of its outer ends, and it is named once."""
    two = MultiLineString([line((100, 0), (120, 0)), line((120, 0), (150, 0))])
    rest = [row for row in chain(True) if row[0] != "C"]
    fair = ("C", two, {"invert_from_m": 99.6, "invert_to_m": 99.4})
    assert faults(drawn(*rest, fair)) == set()
    given = drawn(*rest, ("C", two, {"invert_from_m": 99.4, "invert_to_m": 99.6}))
    assert [f.feature.tolist() for f in found(given) if f.code == "sewer_uphill"] == [["C"]]


# -------------------------------------------------------------------------------------------- reversed


@pytest.mark.parametrize("levels", [False, True])
@pytest.mark.parametrize("which", [1, 2, 3, 4])
def test_the_pipe_drawn_backwards_is_named_and_no_other(which: int, levels: bool) -> None:
    assert faults(drawn(*chain(levels, (which,)))) == {("flow_reversed", "ABCDE"[which])}


def test_it_is_said_which_neighbour_tells() -> None:
    text = says(drawn(*chain(True, (2,))), "flow_reversed")
    assert text == (
        "sewage C flows against its neighbours: nothing leads on from its end, while water could leave from its start "
        "(beside it: B; inverts from 99.4 m to 99.6 m, ? is not known)."
    )


def test_a_head_pipe_is_named_only_if_its_levels_say_so() -> None:
    """Without levels a pipe that ends in nothing may as well lack its continuation: then the end is named."""
    assert faults(drawn(*chain(True, (0,)))) == {("flow_reversed", "A")}
    inside = zone(parcels(P=parcel(-90, -10, -60, 10)), sewage=layer(*drawn_rows(chain(False, (0,)))))
    assert faults(inside) == {("sink", "A"), ("outlets_two", "B")}


def test_levels_that_fall_overrule_the_neighbours() -> None:
    """Turned, C would rise: the joint that leads nowhere and the fork are named, and no pipe is said to be turned."""
    rows = chain(False, (2,), C={"invert_from_m": 99.6, "invert_to_m": 99.4})
    assert faults(drawn(*rows)) == {("sink", "B"), ("outlets_two", "D")}


def test_house_connections_do_not_hide_it() -> None:
    houses = [pipe(f"H{x}", (x, 30), (x, 0), role="lateral") for x in (50, 75, 100, 125, 150, 175)]
    assert faults(drawn(*chain(False, (2,)), *houses)) == {("flow_reversed", "C")}


def test_two_pipes_in_a_row_are_both_named() -> None:
    assert faults(drawn(*chain(False, (2, 3)))) == {("flow_reversed", "C"), ("flow_reversed", "D")}


def test_a_branch_drawn_backwards() -> None:
    """
    ::

                U ──V─┐ (V should run into 3)
        0 ──A── 1 ─ … 3 ──D── 4 ──E── 5 (plant)
    """
    rows = [pipe("U", (150, 100), (150, 50)), pipe("V", (150, 0), (150, 50))]
    assert faults(drawn(*chain(), *rows)) == {("flow_reversed", "V")}


def test_a_hilltop_is_no_reversal() -> None:
    """Two pipes lead away from a hilltop, to ends that lead nowhere: turning both would leave no way out at all.

    ::

        1 ──A── 2 ──← B── 0 ──C →── 3 ──← D── 4
    """
    rows = [
        pipe("A", (0, 0), (50, 0)),
        pipe("B", (100, 0), (50, 0)),
        pipe("C", (100, 0), (150, 0)),
        pipe("D", (200, 0), (150, 0)),
    ]
    assert {code for code, _ in faults(drawn(*rows))} == {"sink", "outlets_two"}


def test_two_that_could_be_it_are_left_open() -> None:
    """Both B and C run from a fork to a joint that leads nowhere: nobody knows which of them is turned.

    ::

        (plant) ──← A── 1 ──B →── 2 ──← C── 3 ──D →── (plant)
    """
    rows = [
        pipe("A", (50, 0), (0, 0)),
        pipe("B", (50, 0), (100, 0)),
        pipe("C", (150, 0), (100, 0)),
        pipe("D", (150, 0), (200, 0)),
        node("W1", 0, 0, **PLANT),
        node("W2", 200, 0, **PLANT),
    ]
    assert {code for code, _ in faults(drawn(*rows))} == {"sink", "outlets_two"}
    rows[1][2].update(invert_from_m=99, invert_to_m=99.5)
    assert faults(drawn(*rows)) == {("flow_reversed", "B"), ("outlets_two", "D")}


def test_a_lateral_drawn_from_the_main_to_the_house() -> None:
    away = pipe("H", (75, 0), (75, 30), role="lateral")
    assert faults(drawn(*chain(), away)) == {("flow_reversed", "H")}
    assert faults(drawn(*chain(), pipe("H", (75, 30), (75, 0), role="lateral"))) == set()


def test_no_pipe_of_unknown_direction_is_named_or_witness() -> None:
    assert faults(drawn(*chain(False, (2,), C={"flow": None}))) == set()
    assert faults(drawn(*chain(False, (2,), B={"flow": None}))) == {("outlets_two", "D")}


def test_in_random_trees_the_turned_pipe_is_the_one_named() -> None:
    """Forty trees that drain to their roots, every joint with a number; one pipe of each is turned, and known."""
    dice = random.Random(1)
    rows, turned = [], set()
    for k in range(40):
        size = dice.randrange(6, 30)
        below = {i: dice.randrange(max(0, i - 4), i) for i in range(1, size)}
        spot = {i: (dice.random() * 900 + 2000 * k, dice.random() * 900) for i in range(size)}
        wrong = dice.choice([i for i in below if i in below.values()])
        turned.add(("flow_reversed", f"p{k}.{wrong}"))
        rows.append(node(f"W{k}", *spot[0], from_joint=f"{k}.0", **PLANT))
        for top, low in below.items():
            a, b = (low, top) if top == wrong else (top, low)
            rows.append(pipe(f"p{k}.{top}", spot[a], spot[b], from_joint=f"{k}.{a}", to_joint=f"{k}.{b}"))
    assert faults(drawn(*rows)) == turned


# ----------------------------------------------------------------------------------------------- sizes


def sizes(up_mm: float | None, down_mm: float | None, **changes: dict[str, Any]) -> Zone:
    sized = {name: {"diameter_mm": up_mm if name in "ABC" else down_mm} for name in "ABCDE"}
    return drawn(*chain(**{name: {**sized[name], **changes.get(name, {})} for name in "ABCDE"}))


def fall(**percent: float) -> dict[str, dict[str, Any]]:
    """Levels of C and D, 50 m each, that meet at 100 m."""
    return {
        "C": {"invert_from_m": 100 + percent["C"] / 2, "invert_to_m": 100},
        "D": {"invert_from_m": 100, "invert_to_m": 100 - percent["D"] / 2},
    }


@pytest.mark.parametrize(
    ("up_mm", "down_mm", "listed"),
    [(600, 400, True), (600, 599, True), (600, 600, False), (600, 600.00001, False), (600.00001, 600, False),
     (400, 600, False), (None, 400, False), (600, None, False)],
)  # fmt: skip
def test_a_narrower_pipe_is_named(up_mm: float | None, down_mm: float | None, listed: bool) -> None:
    assert faults(sizes(up_mm, down_mm)) == ({("size_shrinks", "D")} if listed else set())


@pytest.mark.parametrize(
    ("up_mm", "down_mm", "falls", "listed"),
    [
        (600, 400, {"C": 0.2, "D": 1.0}, False),  # two sizes, and steeper
        (600, 300, {"C": 0.2, "D": 1.0}, True),  # three sizes
        (600, 400, {"C": 0.2, "D": 0.2}, True),  # no steeper
        (600, 400, {"C": 0.2, "D": 0.22}, True),  # steeper by a centimetre in 50 m, which is no more than levels err
        (600, 400, {"C": 1.0, "D": 0.2}, True),  # flatter
        (1500, 1200, {"C": 0.2, "D": 1.0}, False),  # two sizes of large pipes
    ],
)
def test_two_sizes_less_are_allowed_where_the_slope_steepens(
    up_mm: float, down_mm: float, falls: dict[str, float], listed: bool
) -> None:
    assert faults(sizes(up_mm, down_mm, **fall(**falls))) == ({("size_shrinks", "D")} if listed else set())


def test_the_sentence_tells_sizes_and_slopes() -> None:
    assert says(sizes(600, 300, **fall(C=0.2, D=1.0)), "size_shrinks") == (
        "sewage D is DN300, narrower than C (DN600) that runs into it; slope 1 %, upstream 0.2 % (? is not known)."
    )
    assert "slope ? %, upstream ? %" in says(sizes(600, 300), "size_shrinks")


def test_a_wide_lateral_into_a_narrow_main_and_a_wide_way_beside_a_narrow_one() -> None:
    rows = chain(**{name: {"diameter_mm": 300} for name in "ABCDE"})
    wide = pipe("H", (75, 30), (75, 0), role="lateral", diameter_mm=400)
    assert faults(drawn(*rows, wide)) == {("size_shrinks", "B")}
    narrow = chain(**{name: {"diameter_mm": 400 if name in "AB" else 300} for name in "ABCDE"})
    assert ("size_shrinks", "C") in faults(drawn(*narrow))
    beside = fork(diameter_mm=400, name="溢流管")
    assert ("size_shrinks", "C") not in faults(drawn(*narrow, *beside))


def test_a_rising_main_may_be_narrower() -> None:
    rows = chain(**{name: {"diameter_mm": 600 if name in "AB" else 300} for name in "ABCDE"})
    assert faults(drawn(*rows, node("pump", 100, 0, "泵"))) == set()


# ----------------------------------------------------------------------------------------------- steps


def test_a_pipe_that_leaves_above_one_that_arrives() -> None:
    given = drawn(*chain(True, C={"invert_from_m": 99.9, "invert_to_m": 99.4}))
    assert faults(given) == {("invert_step", "C")}
    assert says(given, "invert_step") == (
        "sewage C begins at 99.9 m, 0.3 m above B that arrives at 99.6 m and cannot drain."
    )


@pytest.mark.parametrize(("start", "listed"), [(99.5, False), (99.6, False), (99.615, False), (99.63, True)])
def test_a_drop_is_no_step(start: float, listed: bool) -> None:
    given = drawn(*chain(True, C={"invert_from_m": start, "invert_to_m": 99.4}))
    assert faults(given) == ({("invert_step", "C")} if listed else set())


def test_one_low_way_out_is_enough_and_an_unknown_one_might_be_it() -> None:
    high = {"C": {"invert_from_m": 99.9, "invert_to_m": 99.4}}
    low = fork(name="溢流管", invert_from_m=99.5, invert_to_m=99.2)
    assert faults(drawn(*chain(True, **high), *low)) == set()
    assert faults(drawn(*chain(True, **high), *fork(name="溢流管"))) == set()
    higher = fork(name="溢流管", invert_from_m=99.95, invert_to_m=99.2)
    assert faults(drawn(*chain(True, **high), *higher)) == {("invert_step", "C")}


def test_the_level_between_two_ends_is_that_of_the_even_fall() -> None:
    """Half way along B, at 99.7 m, a lateral arrives: below the sewer, or above it."""
    for level, listed in ((99.5, True), (99.69, False), (99.9, False)):
        lateral = pipe("H", (75, 30), (75, 0), role="lateral", invert_from_m=101, invert_to_m=level)
        assert faults(drawn(*chain(True), lateral)) == ({("invert_step", "B")} if listed else set())
