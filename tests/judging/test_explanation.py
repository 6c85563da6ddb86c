"""Explanations: arithmetic written out, both sides of a contradiction, and only what was really left out named so."""

from __future__ import annotations

import pandas as pd
import pytest
from sketch import layer, letter, line, parcel, parcels, point, zone

from gisplan.report import check

MAIN = ("W1", line((-50, -10), (200, -10)), {"diameter_mm": 200})
PLANT = ("S", point(-50, -10), {"role": "source", "kind": "water_plant", "capacity": 100, "capacity_unit": "m3/d",
                                "capacity_used": 90})  # fmt: skip
ONE_HECTARE = (parcel(0, 0, 100, 100), {"use": "一类工业用地", "supply_status": "拟供"})


def report(evidence=None, profile="jiutong_classic", plant=PLANT):
    rest = {} if evidence is None else {"evidence": pd.DataFrame(evidence)}
    return check(zone(parcels(P=ONE_HECTARE), water=layer(MAIN, plant), profile=profile, **rest))


def test_the_arithmetic_of_capacity_is_written_out():
    """1 ha × 50 m3/d/ha = 50 m3/d; of 100 m3/d, 90 are used: 10 are left, and 50 promised leave −40."""
    text = report().explain("P", "water", "both")
    assert "1 ha × 50 = 50 m3/d" in text
    assert "能力 100 − 已用 90 − 已安排 50 = 余 -40 m3/d" in text
    assert "capacity 100 − used 90 − allotted 50 = -40 m3/d left" in text
    assert text.splitlines()[0].startswith("P 给水：D")


def test_what_holds_shows_its_figures_too():
    text = report(plant=(*PLANT[:2], {**PLANT[2], "capacity": 1000})).explain("P", "water", "en")
    assert text.splitlines()[0].startswith("P Water supply: A")
    assert "it needs 50 m3/d" in text
    assert "capacity 1000 − used 90 − allotted 50 = 860 m3/d left" in text


@pytest.mark.parametrize(("says", "grade"), [("未通", "A"), ("已通", "D")])
def test_a_contradiction_shows_both_sides(says, grade):
    paper = letter(parcel="P", service="water", says=says, issuer="自来水公司", number="函9号")
    plant = PLANT if grade == "D" else (*PLANT[:2], {**PLANT[2], "capacity": 1000})
    found = report([paper], plant=plant)
    cell = found.cells.set_index("service").loc["water"]
    assert (cell["grade"], cell["code"]) == ("U", "letter_contradicts")
    text = found.explain("P", "water", "zh")
    assert "测绘一说：已通；W1 距红线 10 m" in text
    assert "自来水公司 函9号" in text and text.count(says) >= 1
    assert ("核算一说：需 50 m3/d" in text) == (grade == "D")


def test_a_feature_whose_papers_contradict_its_status_shows_both():
    paper = letter(feature="W1", service="water", says="停运", issuer="踏勘组", number="踏勘1号")
    text = report([paper]).explain("P", "water", "zh")
    assert "W1 的状态为" in text and "踏勘组 踏勘1号" in text and "未运行" in text


@pytest.mark.parametrize(
    ("profile", "service", "left"),
    [
        ("jiutong_connection", "water", ["capacity", "security of supply"]),
        ("jiutong_connection", "sewage", ["capacity", "invert levels"]),
        ("jiutong_connection", "road", []),
        ("jiutong_classic", "water", []),
        ("jiutong_classic", "sewage", []),
        ("jiutong_classic", "catv", ["capacity", "security of supply"]),
        ("jiutong_classic", "leveling", []),
    ],
)
def test_only_what_the_profile_leaves_out_is_called_unchecked(profile, service, left):
    last = report(profile=profile).explain("P", service, "en").splitlines()[-1]
    told = last.startswith("Not asked by the profile")
    assert told == bool(left)
    if told:
        assert last == f"Not asked by the profile and not checked: {', '.join(left)}."


def test_a_condition_that_only_warns_says_so():
    """Of 145 m3/d 90 are used and 50 taken: 5 are left, of all that the plant gives 3.45 %."""
    text = report(plant=(*PLANT[:2], {**PLANT[2], "capacity": 145})).explain("P", "water", "en")
    assert text.splitlines()[0].startswith("P Water supply: A")
    (row,) = [line for line in text.splitlines() if "Reserve of the water supply" in line]
    assert "3.45 %" in row and row.endswith("(a warning only; it changes no grade)")


def test_papers_that_expire_within_60_days_are_listed():
    """2026-11-01 + 60 days = 2026-12-31."""
    papers = [
        letter(parcel="P", service="gas", number=name, expires=day)
        for name, day in (("到期日", "2026-11-01"), ("第60天", "2026-12-31"), ("第61天", "2027-01-01"))
    ]
    found = report([*papers, letter(parcel="P", service="heat", number="已过期", expires="2026-10-31")])
    assert found.due[["number", "days_left"]].to_numpy().tolist() == [["到期日", 0], ["第60天", 60]]
    told = found.issues[found.issues["code"] == "evidence_expiring"]
    assert len(told) == 2 and "还有 60 天" in told["message"].iloc[1]
    assert "已过期" in found.issues.set_index("code").loc["evidence_expired", "message"]


def test_commitments_ride_until_they_are_kept():
    rows = [
        {"commitment": "c1", "parcel": "P", "what": "道路通车", "due_on": "2026-10-02", "responsible": "建设局"},
        {"commitment": "c2", "parcel": "P", "what": "已兑现", "due_on": "2026-10-02", "done_on": "2026-10-01"},
        {"commitment": "c3", "parcel": "P", "what": "还早", "due_on": "2027-06-01"},
        {"commitment": "c4", "parcel": "P", "what": "下月", "due_on": "2026-12-01"},
    ]
    found = check(
        zone(
            parcels(P=ONE_HECTARE), water=layer(MAIN, PLANT), profile="jiutong_classic", commitments=pd.DataFrame(rows)
        )
    )
    assert found.due[["what", "days_left"]].to_numpy().tolist() == [["道路通车", -30], ["下月", 30]]
    told = found.issues.set_index("code")["message"]
    assert "已逾期 30 天" in told["commitment_overdue"] and "还有 30 天" in told["commitment_due"]


def test_nothing_is_due_where_there_are_no_papers():
    assert len(report().due) == 0
