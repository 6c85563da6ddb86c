"""Zones that lack something: each reason that the embedded zone cannot show, because it has all layers."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from sketch import layer, letter, line, parcel, parcels, point, works, zone

import gisplan
from gisplan.report import Report

ONE = parcels(P1=parcel(0, 0, 100, 100))
MAIN = ("W1", line((-200, -10), (200, -10)), {"diameter_mm": 300})
PLANT = ("S1", point(-200, -10), {"role": "source", "kind": "水厂"})


def check(**rest: Any) -> Report:
    return gisplan.check(zone(rest.pop("given", ONE), **rest))


def cell(report: Report, service: str = "water", parcel: str = "P1") -> tuple[str, str]:
    rows = report.cells.set_index(["parcel", "service"])
    return str(rows.loc[(parcel, service), "grade"]), str(rows.loc[(parcel, service), "code"])


def test_a_main_a_plant_and_a_parcel() -> None:
    """The plain case that the others take something from::

    S1 ──────── W1 ────────
              ┌────┐  10 m
              │ P1 │
    """
    report = check(water=layer(MAIN, PLANT))
    assert cell(report) == ("A", "connected")
    row = report.cells.set_index(["parcel", "service"]).loc[("P1", "water")]
    assert row["distance_m"] == 10
    assert 200 <= row["path_m"] <= 300  # all of x = 0 … 100 is equally near; the plant stands at x = -200
    assert row["source"] == "S1"


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ({}, ("U", "no_layer")),
        ({"absent": ["water"]}, ("D", "declared_absent")),
        ({"water": layer(MAIN)}, ("U", "no_source")),
        ({"water": layer(MAIN, ("S1", point(-200, -10), {"role": "source"}))}, ("U", "source_unknown")),
        ({"water": layer(MAIN, ("S1", point(-200, -10), {"role": "source", "kind": "变电站"}))}, ("U", "no_source")),
        ({"water": layer(MAIN, PLANT), "barriers": None}, ("U", "barriers_unknown")),
        ({"water": layer((MAIN[0], MAIN[1], {"works": "W9", "diameter_mm": 300}), PLANT)}, ("U", "works_unknown")),
        ({"water": layer((MAIN[0], MAIN[1], {"close_on": "2026-10-31", "diameter_mm": 300}), PLANT)}, ("D", "closed")),
        ({"water": layer((MAIN[0], MAIN[1], {"status": "在建"}), PLANT)}, ("D", "none_found")),
    ],
)
def test_what_is_missing_is_said(rest: dict[str, Any], expected: tuple[str, str]) -> None:
    if expected[1] == "none_found":
        expected = ("D", "undated")  # in reach, coming, without a date
    assert cell(check(**rest)) == expected


def test_nothing_works_and_nothing_is_near() -> None:
    far = layer(("W1", line((900, 900), (990, 900)), {"status": "废弃", "diameter_mm": 300}), PLANT)
    assert cell(check(water=far)) == ("D", "none_found")


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ([letter(parcel="P1", service="water")], ("A", "letter")),
        ([letter(parcel="P1", service="water", says="未通")], ("D", "letter_denies")),
        ([letter(parcel="P1", service="water", expires="2026-10-31")], ("U", "no_layer")),
        ([letter(parcel="P1", service="water", date="2026-11-02")], ("U", "no_layer")),
        ([letter(parcel="P1", service="water", number=None)], ("U", "no_layer")),
        ([letter(parcel="P1", service="water"), letter(parcel="P1", service="water", says="未通")],
         ("U", "letter_contradicts")),
        ([letter(parcel="P1", service="water", says="不适用")], ("N", "decision")),
    ],
)  # fmt: skip
def test_letters_where_there_is_no_layer(letters: list[dict[str, Any]], expected: tuple[str, str]) -> None:
    assert cell(check(evidence=pd.DataFrame(letters))) == expected


def test_a_letter_never_makes_a_surveyed_gap_ready() -> None:
    gap = layer(("W1", line((500, 500), (600, 500)), {"diameter_mm": 300}), PLANT)
    evidence = pd.DataFrame([letter(parcel="P1", service="water")])
    assert cell(check(water=gap, evidence=evidence)) == ("U", "letter_contradicts")


def test_a_later_date_gives_at_best_b() -> None:
    report = gisplan.check(zone(ONE, water=layer(MAIN, PLANT)).at("2026-11-02"))
    assert cell(report) == ("B", "future")
    assert report.readiness.loc["P1", "ready"] == "no"


def test_levelling_without_ground_is_unknown_even_when_accepted() -> None:
    accepted = pd.DataFrame([letter(parcel="P1", service="leveling", says="验收合格")])
    assert cell(check(evidence=accepted), "leveling") == ("U", "no_ground")
    assert cell(check(), "leveling") == ("U", "no_ground")


def test_not_applicable_leaves_the_count_and_is_printed() -> None:
    decided = pd.DataFrame([letter(parcel="P1", service="heat", says="不适用")])
    report = check(water=layer(MAIN, PLANT), evidence=decided)
    assert report.readiness.loc["P1", "required_count"] == 9
    assert report.readiness.loc["P1", "heat"] == "N"


def test_a_promise_makes_the_rest_optional_and_says_so() -> None:
    """七通一平: roads, water, drainage (storm and sewage as one), power, telecom, gas, heat + levelling = 8."""
    report = check(given=parcels(P1=(parcel(0, 0, 100, 100), {"promised": "七通一平"})), water=layer(MAIN, PLANT))
    assert report.readiness.loc["P1", "required_count"] == 8
    assert report.readiness.loc["P1", "connected_count"] == 1
    cells = report.cells.set_index("service")
    assert cells.loc["catv", "need"] == "optional"
    assert "按七通一平承诺" in cells.loc["catv", "reason_zh"]
    assert "七通一平" in report.explain("P1", "catv", "zh")


def test_a_lost_valve_casts_doubt_on_its_service() -> None:
    """A valve whose place is lost, and of which nobody says that it is open, may cut anything."""
    valve = ("V1", None, {"role": "valve", "open": "关"})
    report = check(water=layer(MAIN, PLANT, valve))
    assert cell(report) == ("U", "valve_lost")


def test_several_unknowns_on_one_way() -> None:
    half = [
        ("W1", line((-200, -10), (-100, -10)), {"status": "待查", "diameter_mm": 300}),
        ("W2", line((-100, -10), (200, -10)), {"works": "gone", "diameter_mm": 300}),
    ]
    assert cell(check(water=layer(*half, PLANT))) == ("U", "several")


def test_a_tenth_connection_needs_no_code(tmp_path: Any) -> None:
    """再生水: a profile entry and a layer, nothing else."""
    (tmp_path / "shitong.toml").write_text(
        """
[profile]
id = "shitong"
version = "1"
extends = "jiutong_classic"
label = { zh = "十通一平", en = "Ten connections and one levelling" }

[service.reclaimed]
label = { zh = "再生水", en = "Reclaimed water" }
letter = "ZS"
short = "再"
shape = "lines"
colour = "#7fb2d1"
[[service.reclaimed.condition]]
id = "reclaimed.reach"
label = { zh = "再生水到达红线", en = "Reclaimed water reaches the parcel line" }
measure = "distance"
at_most = "50 m"
basis = "assumed"
[[service.reclaimed.condition]]
id = "reclaimed.connected"
label = { zh = "再生水接通", en = "Reclaimed water is connected" }
measure = "connected"
holds = true
basis = "assumed"
""",
        encoding="utf-8",
    )
    ONE.to_file(tmp_path / "parcels.gpkg")
    layer(MAIN, PLANT).to_file(tmp_path / "reclaimed.geojson")
    (tmp_path / "zone.toml").write_text(
        '[zone]\ntitle = "十通"\ncrs = "EPSG:4546"\ndate = 2026-11-01\n'
        'profile = "shitong.toml"\n[barriers]\nnone = true\n',
        encoding="utf-8",
    )
    report = gisplan.check(gisplan.read(tmp_path))
    assert cell(report, "reclaimed") == ("A", "connected")
    assert report.readiness.loc["P1", "required_count"] == 11
    assert "再生水" in report.explain("P1", "reclaimed", "zh")
    assert "Reclaimed" in report.map("en").page()


def test_a_plant_that_is_not_handed_over_holds_its_pipes_back() -> None:
    """The plant is completed but not handed over: B from its commissioning, and the works are named."""
    given = works({"works": "G1", "phase": "竣工", "actual_on": "2026-09-01", "commission_on": "2027-03-01"})
    plant = ("S1", point(-200, -10), {"role": "source", "kind": "水厂", "works": "G1"})
    report = check(water=layer(MAIN, plant), works=given)
    row = report.cells.set_index(["parcel", "service"]).loc[("P1", "water")]
    assert (row["grade"], row["code"], row["works"]) == ("B", "built", "G1")
    assert row["ready_on"] == pd.Timestamp("2027-03-01")


@pytest.mark.parametrize("gone", ["issuer", "number", "date"])
def test_a_damaged_paper_that_speaks_against_is_still_heard(gone: str) -> None:
    against = letter(parcel="P1", service="water", says="未通", **{gone: None})
    assert cell(check(water=layer(MAIN, PLANT), evidence=pd.DataFrame([against]))) == ("U", "letter_contradicts")
    assert cell(check(evidence=pd.DataFrame([against]))) == ("U", "no_layer")


@pytest.mark.parametrize("named", ["P1 ", "Ｐ１", "p1"])
def test_a_paper_is_heard_however_its_parcel_is_spelt(named: str) -> None:
    report = check(
        water=layer(MAIN, PLANT), evidence=pd.DataFrame([letter(parcel=named, service="water", says="未通")])
    )
    assert cell(report) == ("U", "letter_contradicts")
    assert f"'{named}'" in report.issues.set_index("code").loc["reference_spelling", "message"]


@pytest.mark.parametrize("named", [{}, {"parcel": "P9"}, {"feature": "W9"}])
def test_a_paper_against_that_names_nothing_there_may_mean_anything(named: dict[str, str]) -> None:
    papers = pd.DataFrame([letter(parcel="P1", service="heat"), letter(**named, service="water", says="未通")])
    report = check(water=layer(MAIN, PLANT), evidence=papers)
    assert cell(report) == ("U", "letter_stray")
    assert cell(report, "heat") == ("A", "letter")
    assert "error" in set(report.issues["severity"])


def test_a_decision_beside_a_paper_against_is_a_contradiction() -> None:
    papers = [letter(parcel="P1", service="water", says=says, number=says) for says in ("不适用", "未通")]
    assert cell(check(water=layer(MAIN, PLANT), evidence=pd.DataFrame(papers[:1]))) == ("N", "decision")
    assert cell(check(water=layer(MAIN, PLANT), evidence=pd.DataFrame(papers))) == ("U", "letter_contradicts")


def test_a_paper_about_a_pipe_is_heard_however_the_pipe_is_spelt() -> None:
    stopped = pd.DataFrame([letter(feature="w1 ", service="water", says="停用")])
    assert cell(check(water=layer(MAIN, PLANT), evidence=stopped))[0] == "U"


def test_a_parcel_that_lost_its_shape_may_lie_in_the_way() -> None:
    given = parcels(P1=parcel(0, 0, 100, 100), P2=None)
    assert cell(check(given=given, water=layer(MAIN, PLANT))) == ("U", "barriers_unknown")


@pytest.mark.parametrize("says", ["未通", "停运", "停运中", None])
def test_a_paper_that_nobody_understands_speaks_against(says: str | None) -> None:
    papers = [letter(parcel="P1", service="water"), letter(parcel="P1", service="water", number="函2号", says=says)]
    assert cell(check(water=layer(MAIN, PLANT), evidence=pd.DataFrame(papers))) == ("U", "letter_contradicts")


def test_two_visits_that_differ_leave_a_feature_unknown() -> None:
    papers = [letter(feature="W1", service="water", says=s) for s in ("已投运", "未投运")]
    coming = ("W1", MAIN[1], {"diameter_mm": 300, "status": "在建", "works": "G1"})
    given = works({"works": "G1", "phase": "开工", "planned_on": "2027-03-01"})
    report = check(water=layer(coming, PLANT), works=given, evidence=pd.DataFrame(papers))
    assert cell(report) == ("U", "contradiction")


@pytest.mark.parametrize("status", ["规划", "在建", "废弃"])
def test_an_acceptance_beside_a_survey_that_says_otherwise(status: str) -> None:
    accepted = pd.DataFrame([letter(parcel="P1", service="leveling", says="验收合格")])
    given = parcels(P1=(parcel(0, 0, 100, 100), {"leveling_status": status}))
    report = check(given=given, evidence=accepted)
    assert cell(report, "leveling") == ("U", "contradiction")
    assert "?" not in report.cells.set_index("service").loc["leveling", "reason_zh"]


def test_a_date_before_the_survey_is_unknown() -> None:
    report = gisplan.check(zone(ONE, water=layer(MAIN, PLANT), data_date="2026-09-30").at("2026-09-29"))
    assert cell(report) == ("U", "past")
    report = gisplan.check(zone(ONE, water=layer(MAIN, PLANT), data_date="2026-09-30").at("2026-10-01"))
    assert cell(report) == ("A", "connected")


def test_a_stub_on_nothing_serves_nobody() -> None:
    lone = layer(("S", point(50, -5), {"role": "stub"}), ("W1", line((900, 900), (990, 900)), {}))
    assert cell(check(water=lone))[0] == "D"


@pytest.mark.parametrize("role", ["source", "manhole", "joint", "pump"])
def test_a_point_that_says_closed_is_never_passed(role: str) -> None:
    plant = ("S1", point(-200, -10), {"role": "source", "kind": "水厂", "open": "关" if role == "source" else None})
    post = (
        "J",
        point(-100, -10),
        {"role": role if role != "source" else "joint", "open": None if role == "source" else "关"},
    )
    assert cell(check(water=layer(MAIN, plant, post)))[0] in "DU"


def test_a_closed_valve_beside_its_pipe_puts_the_pipe_in_doubt() -> None:
    valve = ("V1", point(-100, -4), {"role": "valve", "open": "关"})
    assert cell(check(water=layer(MAIN, PLANT, valve))) == ("U", "valve_unknown")


@pytest.mark.parametrize("nothing", ["-", "无", "/"])
def test_a_dash_is_no_issuer_and_no_number(nothing: str) -> None:
    for column in ("issuer", "number"):
        papers = pd.DataFrame([letter(parcel="P1", service="water", **{column: nothing})])
        assert cell(check(evidence=papers)) == ("U", "no_layer")


def test_a_line_without_a_role_among_others_that_have_one_is_unknown() -> None:
    duct = ("W1", MAIN[1], {"diameter_mm": 300, "role": None})
    assert cell(check(water=layer(duct, PLANT)))[0] == "U"


def test_an_odd_levelling_word_beside_an_acceptance_is_unknown() -> None:
    accepted = pd.DataFrame([letter(parcel="P1", service="leveling", says="验收合格")])
    given = parcels(P1=(parcel(0, 0, 100, 100), {"leveling_status": "待定"}))
    assert cell(check(given=given, evidence=accepted), "leveling") == ("U", "contradiction")


def test_a_stub_bridges_nothing() -> None:
    """Two lines under construction end 0.8 m apart; a stub between them joins one."""
    coming = {"status": "在建", "works": "G1", "diameter_mm": 300}
    rows = layer(
        ("A", line((-200, -10), (-100, -10)), coming), ("B", line((-99.2, -10), (200, -10)), coming), PLANT,
        ("T", point(-99.6, -10), {"role": "stub"}),
    )  # fmt: skip
    given = works({"works": "G1", "phase": "开工", "planned_on": "2027-03-01"})
    assert cell(check(water=rows, works=given))[0] == "D"


def test_what_is_missing_is_an_issue_with_its_cure() -> None:
    made = zone(ONE, water=layer(MAIN, PLANT), barriers=None)
    issues = made.issues.set_index("code")
    assert "none = true" in issues.loc["no_barriers", "hint"]
    assert "storm" in set(issues.loc["no_layer", "layer"])


def test_an_unknown_answer_names_what_is_not_known() -> None:
    """The main at the parcel is sound; the plant's works, far up the way, are overdue."""
    given = works({"works": "G1", "name": "水厂扩建", "phase": "开工", "planned_on": "2026-10-01"})
    plant = ("S1", point(-200, -10), {"role": "source", "kind": "水厂", "status": "在建", "works": "G1"})
    report = check(water=layer(MAIN, plant), works=given)
    row = report.cells.set_index(["parcel", "service"]).loc[("P1", "water")]
    assert (row["grade"], row["code"], row["works"]) == ("U", "overdue", "G1")
    assert "S1" in row["reason_zh"]
    assert "G1 水厂扩建" in row["reason_zh"]
    assert "G1" in report.explain("P1", "water", "en")


FAR = parcels(P1=parcel(0, 0, 100, 100), P2=parcel(0, 900, 100, 1000))
GAP = ("W2", line((0, -10), (200, -10)), {"diameter_mm": 300})
CUT_OFF = (("W1", line((-200, -10), (-100, -10)), {"diameter_mm": 300}), GAP)


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        # Its place is lost: it may be the piece between W1 and W2, or lie anywhere.
        (("L1", None, {"diameter_mm": 300}), ["U", "U"]),
        (("L1", line(), {"diameter_mm": 300}), ["U", "U"]),
        (("S2", None, {"role": "source", "kind": "水厂"}), ["U", "U"]),
        (("X1", None, {"role": None}), ["U", "U"]),
        # Its extent is known: P2 is far from it and from every working main.
        (("L1", line((-50, -10), (-50, -10)), {"diameter_mm": 300}), ["U", "D"]),
        (("L1", point(-50, -10), {"diameter_mm": 300}), ["U", "D"]),
        (("L1", parcel(-90, 890, 10, 895), {"diameter_mm": 300}), ["U", "U"]),
        # What is abandoned, holds nothing, or only joins others served nobody.
        (("L1", None, {"status": "废弃"}), ["D", "D"]),
        (("L1", None, {"role": "空管"}), ["D", "D"]),
        (("M1", None, {"role": "检查井"}), ["D", "D"]),
    ],
)
def test_what_lost_its_shape_leaves_gaps_open(lost: tuple[str, Any, dict[str, Any]], expected: list[str]) -> None:
    """Without the lost feature both parcels are gaps::

    S1 ── W1    ?    ── W2 ──        (P2 is 900 m to the north)
                  ┌────┐
                  │ P1 │
    """
    report = check(given=FAR, water=layer(*CUT_OFF, PLANT, lost))
    assert [cell(report, parcel=p)[0] for p in ("P1", "P2")] == expected
    for p, grade in zip(("P1", "P2"), expected, strict=True):
        assert (cell(report, parcel=p)[1] == "feature_lost") == (grade == "U")
    if "U" in expected:
        assert lost[0] in report.explain("P1", "water", "zh")


def test_what_lost_its_shape_takes_nothing_from_what_is_connected() -> None:
    report = check(water=layer(MAIN, PLANT, ("L1", None, {"diameter_mm": 300})))
    assert cell(report) == ("A", "connected")
