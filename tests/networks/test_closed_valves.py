"""A closed valve beside a messy joint cuts, or leaves what it may have been meant to cut unknown; never A."""

from __future__ import annotations

import pytest
from sketch import layer, line, parcel, parcels, point, zone

import gisplan

MAIN = {"diameter_mm": 300.0}
SHUT = {"role": "valve", "open": "关"}
SPUR = {"at 0.1 m": (9.75, 0.1), "on the valve": (9.75, 0.0), "none": None}
PLANT = ("S", point(-300, 0), {"role": "source", "kind": "water_plant"})


def grade(*rows, snap="0.3 m", undo=()):
    """Whether land 1 m beside the main beyond the valve is served."""
    made = zone(
        parcels(P=parcel(200, 1, 220, 20)),
        water=layer(PLANT, ("M", line((-300, 0), (10, 0)), MAIN), *rows),
        defaults={"water": {"snap": snap}},
        undo=list(undo),
    )
    cells = gisplan.check(made).cells
    return cells[cells["service"] == "water"].iloc[0]["grade"], made


@pytest.mark.parametrize("spur", SPUR.values(), ids=SPUR.keys())
@pytest.mark.parametrize("state", [{}, {"status": "规划"}, {"status": None}], ids=["operating", "planned", "unknown"])
@pytest.mark.parametrize("beyond", [10.0, 10.2])
@pytest.mark.parametrize("snap", ["0.3 m", "0.5 m"])
def test_a_spur_does_not_take_the_valve_away(spur, state, beyond, snap):
    rows = [("F", line((beyond, 0), (300, 0)), MAIN), ("V", point(9.75, 0), SHUT)]
    if spur is not None:
        rows.append(("C", line(spur, (9.75, -80)), {**MAIN, **state}))
    assert grade(*rows, snap=snap)[0] in ("D", "U")
    assert grade(*(row for row in rows if row[0] != "V"), snap=snap)[0] == "A"


@pytest.mark.parametrize("role", ["valve", "manhole", "pump"])
@pytest.mark.parametrize("word", ["关", "坏了"])
def test_nor_does_another_main_that_passes(role, word):
    rows = [
        ("F", line((10.2, 0), (300, 0)), MAIN),
        ("G", line((-300, 0.25), (-200, 0.25), (9.75, 0.25), (9.75, 90)), MAIN),
        ("V", point(9.75, 0), {"role": role, "open": word}),
    ]
    assert grade(*rows)[0] in ("D", "U")


def test_undoing_a_join_of_the_valve_leaves_the_land_unknown():
    rows = [
        ("F", line((10, 0), (300, 0)), MAIN),
        ("V", point(10, 0.12), SHUT),
        ("C", line((10, 0.1), (10, 90)), MAIN),
    ]
    first, made = grade(*rows)
    assert first == "D"
    joins = made.network("water").guesses
    assert len(joins) == 2
    for identity in joins["id"]:
        assert grade(*rows, undo=[identity])[0] in ("D", "U")


def test_a_branch_drawn_on_the_main_near_its_end_is_joined():
    rows = [("F", line((10.2, 0), (30, 0)), MAIN), ("C", line((9.75, 0), (9.75, 10), (250, 10)), MAIN)]
    assert grade(*rows)[0] == "A"


def test_a_gap_as_wide_as_the_tolerance_is_closed_at_real_coordinates():
    assert grade(("F", line((10.3, 0), (300, 0)), MAIN))[0] == "A"
    assert grade(("F", line((10.301, 0), (300, 0)), MAIN))[0] == "D"


def two_surveys(gap, fine, coarse, *coarse_rows):
    """A gap of the first survey, and what a second one, coarser, has beside it."""
    rows = layer(PLANT, ("M", line((-300, 0), (10, 0)), MAIN), ("F", line((10 + gap, 0), (300, 0)), MAIN), *coarse_rows)
    made = zone(parcels(P=parcel(200, 1, 220, 20)), water=rows)
    layers = made.survey.layers["water"]
    layers["snap_m"] = [fine] * 3 + [coarse] * len(coarse_rows)
    cells = gisplan.check(made).cells
    return cells[cells["service"] == "water"].iloc[0]["grade"]


def test_a_coarse_survey_elsewhere_closes_no_gap_of_a_fine_one():
    far = ("Z", line((0, 900), (50, 900)), MAIN)
    assert two_surveys(3.0, float("nan"), 5.0, far) == "D"
    assert two_surveys(0.4, float("nan"), 5.0, far) == "A"
    assert two_surveys(0.4, float("nan"), 0.2, far) == "D"


def test_nor_does_a_coarse_point_or_line_beside_the_gap():
    assert two_surveys(8.0, 0.05, 5.0, ("K", point(14, 0), {"role": "manhole"})) == "D"
    assert two_surveys(0.5, 0.05, 1.0, ("Z", line((10, 0), (10, 90)), MAIN)) == "D"
    assert two_surveys(0.5, 1.0, 1.0, ("Z", line((10, 0), (10, 90)), MAIN)) == "A"
