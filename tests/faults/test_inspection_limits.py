"""The limits of the checks: every one with unit, basis and clause; inherited, replaced whole, and never half read."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from gisplan.base.errors import ProfileError
from gisplan.base.units import quantity
from gisplan.rules.inspection import BY_DIAMETER, UNITS, Inspection
from gisplan.rules.profile import BASES, load, shipped

CHINESE = re.compile("[\u4e00-\u9fff]")
EXTENDS = '[profile]\nid = "mine"\nversion = "1"\nextends = "jiutong_classic"\nlabel = "mine"\n'
ALONE = """
[profile]
id = "mine"
version = "1"
label = "mine"
[service.water]
label = "water"
shape = "lines"
"""
NEAR = '[inspection.near_miss]\nvalue = "3 m"\nbasis = "local"\n'


def mine(tmp_path: Path, text: str, head: str = EXTENDS):
    (tmp_path / "mine.toml").write_text(head + text, encoding="utf-8")
    return load("mine.toml", tmp_path).inspections


@pytest.mark.parametrize(
    ("key", "value", "unit"),
    [
        ("near_miss", 5, "m"),
        ("gap_drawing", 1, "m"),
        ("overlap_length", 0.5, "m"),
        ("edge", 20, "m"),
        ("point_spacing", 0.1, "m"),
        ("area_difference", 1, "%"),
        ("invert_error", 0.02, "m"),
        ("invert_above", 1, "m"),
        ("invert_below", 30, "m"),
        ("cross_connection", 0.5, "m"),
        ("manhole_spacing", 75, "m"),
        ("size_step", 200, "mm"),
        ("need_share", 10, "%"),
        ("evidence_notice", 60, "days"),
    ],
)
def test_the_shipped_limits(key, value, unit):
    found = load("jiutong_classic").inspections[key]
    assert (found.key, found.value, found.unit) == (key, value, unit)


@pytest.mark.parametrize("name", shipped())
def test_every_limit_is_whole(name):
    profile = load(name)
    assert set(profile.inspections) == set(UNITS)
    for key, found in profile.inspections.items():
        assert found.key == key and found.unit == UNITS[key]
        assert quantity(f"1 {found.unit}", "test").unit == found.unit
        assert CHINESE.search(found.label.zh) and found.label.en.isascii() and found.label.en
        assert found.basis in BASES and found.value > 0 and found.text
        assert bool(found.by_diameter) == (key in BY_DIAMETER)
        if found.basis == "code":
            assert found.code in profile.codes and found.clause and found.source == f"{found.code} {found.clause}"
        else:
            assert not found.code and not found.clause and not found.source


def test_only_the_spacing_of_manholes_is_taken_from_a_code():
    limits = load("jiutong_classic").inspections
    assert {k: v.source for k, v in limits.items() if v.basis == "code"} == {"manhole_spacing": "GB 50014-2021 t.5.4.4"}


@pytest.mark.parametrize(
    ("diameter_mm", "limit_m"),
    [
        (200, 75),
        (300, 75),
        (600, 75),
        (601, 100),
        (700, 100),
        (1000, 100),
        (1100, 150),
        (1500, 150),
        (1600, 200),
        (2000, 200),
        (2200, math.inf),
        (math.nan, math.inf),
    ],
)
def test_manholes_stand_further_apart_on_larger_sewers(diameter_mm, limit_m):
    spacing = load("jiutong_classic").inspections["manhole_spacing"]
    assert spacing.limits(np.array([float(diameter_mm)])).tolist() == [limit_m]


def test_a_limit_without_a_table_is_the_same_for_all():
    assert load("jiutong_classic").inspections["edge"].limits(np.array([100.0, math.nan])).tolist() == [20.0, 20.0]


def test_a_limit_is_written_as_people_write_it():
    limits = load("jiutong_classic").inspections
    assert limits["near_miss"].text == "5 m"
    assert limits["manhole_spacing"].text == "≤ DN600: 75 m; ≤ DN1000: 100 m; ≤ DN1500: 150 m; ≤ DN2000: 200 m"


def test_a_profile_inherits_what_it_does_not_say(tmp_path):
    ours, classic = mine(tmp_path, NEAR), load("jiutong_classic").inspections
    assert {k for k in UNITS if ours[k] != classic[k]} == {"near_miss"}
    assert ours["near_miss"] == Inspection("near_miss", classic["near_miss"].label, 3.0, "m", "local")


def test_a_shipped_profile_inherits(tmp_path):
    assert load("linfen_example").inspections == load("jiutong_classic").inspections


def test_a_profile_is_inherited_over_two_steps(tmp_path):
    (tmp_path / "city.toml").write_text(EXTENDS.replace('"mine"', '"city"') + NEAR, encoding="utf-8")
    ours = mine(tmp_path, "", EXTENDS.replace("jiutong_classic", "city.toml"))
    assert ours["near_miss"].value == 3 and ours["near_miss"].basis == "local"
    assert ours["manhole_spacing"].basis == "code"


def test_a_profile_of_its_own_has_the_shipped_limits_as_assumed(tmp_path):
    ours, classic = mine(tmp_path, "", ALONE), load("jiutong_classic").inspections
    assert {f.basis for f in ours.values()} == {"assumed"} and {f.source for f in ours.values()} == {""}
    for key in UNITS:
        assert (ours[key].value, ours[key].by_diameter) == (classic[key].value, classic[key].by_diameter)
    assert mine(tmp_path, NEAR, ALONE)["near_miss"].value == 3


def test_a_new_limit_is_not_covered_by_the_old_clause(tmp_path):
    spacing = '[inspection.manhole_spacing]\nby_diameter = [["600 mm", "60 m"], ["2000 mm", "120 m"]]\n'
    with pytest.raises(ProfileError, match=r"manhole_spacing\.basis"):
        mine(tmp_path, spacing)
    found = mine(tmp_path, spacing + 'basis = "local"\n')["manhole_spacing"]
    assert (found.basis, found.source, found.by_diameter) == ("local", "", ((600, 60), (2000, 120)))
    cited = mine(tmp_path, spacing + 'basis = "local"\ncite = { code = "临汾 1号", clause = "3.1" }\n')[
        "manhole_spacing"
    ]
    assert cited.source == "临汾 1号 3.1"


def test_units_are_turned_into_ours(tmp_path):
    assert mine(tmp_path, '[inspection.edge]\nvalue = "0.05 km"\nbasis = "local"\n')["edge"].value == 50
    assert mine(tmp_path, '[inspection.invert_error]\nvalue = "1 cm"\nbasis = "local"\n')["invert_error"].value == 0.01


BAD = {
    "unknown key": ('[inspection.near_mis]\nvalue = "3 m"\nbasis = "local"', "near_miss"),
    "no table": ('[inspection]\nedge = "3 m"', "inspection.edge"),
    "no tables": ('inspection = "3 m"\n', "inspection.x"),
    "unknown entry": (NEAR + 'at_most = "3 m"', "at_most"),
    "another unit": (NEAR.replace('"3 m"', '"3 mm"'), "a number in m"),
    "no unit": (NEAR.replace('"3 m"', "3"), "unit"),
    "below zero": (NEAR.replace('"3 m"', '"-3 m"'), "below zero"),
    "no basis": (NEAR.replace('basis = "local"', ""), "near_miss.basis"),
    "unknown basis": (NEAR.replace("local", "hearsay"), "hearsay"),
    "code not listed": (NEAR.replace("local", "code") + 'cite = { code = "GB 0" }', "GB 0"),
    "code without citation": (NEAR.replace("local", "code"), "cite.code"),
    "citation is a text": (NEAR + 'cite = "GB 0"', "cite"),
    "label is a number": (NEAR + "label = 3", "label"),
    "table where a number stands": (NEAR.replace("value", "by_diameter"), "by_diameter"),
    "number where a table stands": (NEAR.replace("near_miss", "manhole_spacing"), "value"),
    "empty table": ('[inspection.size_step]\nby_diameter = []\nbasis = "local"', "pairs"),
    "table of one": ('[inspection.size_step]\nby_diameter = [["1 mm"]]\nbasis = "local"', "pairs"),
    "limit in another unit": (
        '[inspection.size_step]\nby_diameter = [["9 mm", "1 m"]]\nbasis = "local"',
        "number in mm",
    ),
    "wrong order": (
        '[inspection.size_step]\nby_diameter = [["9 mm", "1 mm"], ["8 mm", "1 mm"]]\nbasis = "local"',
        "smaller diameter first",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_answered_in_one_sentence(tmp_path, case):
    text, mentions = BAD[case]
    head = "" if text.startswith("inspection") else EXTENDS
    with pytest.raises(ProfileError) as caught:
        mine(tmp_path, text if head else text + EXTENDS, head)
    assert mentions in str(caught.value) and "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value).strip()


def test_the_page_on_profiles_names_every_limit_as_it_is():
    page = (Path(__file__).parents[2] / "layers" / "NEWZONE.md").read_text(encoding="utf-8")
    limits = load("jiutong_classic").inspections
    for key in UNITS:
        (row,) = re.findall(rf"^\| `{key}` \| ([^|]*) \|", page, re.MULTILINE)
        amounts = [f"{limit:g} {limits[key].unit}" for _, limit in limits[key].by_diameter] or [limits[key].text]
        assert all(amount in row for amount in amounts), (key, row)
        assert limits[key].source in row
    (example,) = re.findall(r"```text\n(\[inspection.*?)```", page, re.DOTALL)
    assert set(tomllib.loads(example)["inspection"]) <= set(UNITS)
