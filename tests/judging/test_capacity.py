"""Who finds room on a main and at a source, in which order, and what the ledger says of it; reckoned by hand.

One water main (DN 200 at 1 m/s and a peak factor of 1.5: π/4 · 0.2² · 1 · 86,400 / 1.5 = 1,809.56 m3/d) passes parcels
of 10 ha; land of class M2 takes 100 m3/d/ha, so each needs 1,000 m3/d. The plant gives 10,000 m3/d, 7,500 are used.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import shapely
from sketch import layer, letter, line, parcel, parcels, point, zone

import gisplan
from gisplan.base.errors import ProfileError, PromiseError
from gisplan.rules.profile import Profile, load

MAIN = math.pi / 4 * 0.2**2 * 86_400 / 1.5


def profile(service: str = "water") -> Profile:
    """The default profile with one service, and of its conditions only those on reach, size and capacity."""
    whole = load("jiutong_classic")
    one = whole.service(service)
    kept = tuple(c for c in one.conditions if c.measure.kind in ("reach", "path", "attribute", "capacity"))
    return replace(whole, id="toy", services=(replace(one, conditions=kept),))


def plots(**extra: dict[str, Any]) -> Any:
    """Parcels of 10 ha side by side along the north of the main, offered one month after the other."""
    given = {}
    for k, (name, own) in enumerate(extra.items()):
        said = {"use": "M2", "supply_status": "拟供", "delivery_on": f"2027-0{k + 1}-01", **own}
        given[name] = (parcel(600 * k, 10, 600 * k + 500, 210), said)
    return parcels(**given)


PLANT = {"role": "source", "kind": "water_plant", "capacity": 10_000, "capacity_unit": "m3/d", "capacity_used": 7_500}


def main(plant: dict[str, Any] | None = None, **own: Any) -> Any:
    return layer(
        ("P", point(-100, 0), PLANT if plant is None else plant),
        ("M", line((-100, 0), (3000, 0)), {"diameter_mm": 200, **own}),
    )


def judged(given: Any, water: Any, **rest: Any) -> gisplan.Report:
    return gisplan.check(zone(given, water=water, profile=profile(), **rest))


def answers(report: gisplan.Report) -> dict[str, str]:
    cells = report.cells
    return {
        p: g if g == "A" else f"{g} {c}" for p, g, c in zip(cells["parcel"], cells["grade"], cells["code"], strict=True)
    }


def test_the_first_delivered_finds_room_and_the_second_does_not() -> None:
    report = judged(plots(A={}, B={}), main())
    assert answers(report) == {"A": "A", "B": "D no_capacity"}
    reason = report.cells["reason_en"].iloc[1]
    assert "needs 1000 m3/d" in reason and "M has 809.56 m3/d left" in reason and "(last: A)" in reason


def test_the_order_is_that_of_the_days_not_of_the_file() -> None:
    later = {"delivery_on": "2028-01-01"}
    assert answers(judged(plots(A=later, B={}), main())) == {"A": "D no_capacity", "B": "A"}


def test_who_is_refused_still_holds_the_place() -> None:
    """C needs 500 and 809 are left after A; B before it wants 1,000 and is refused, and C does not overtake."""
    small = {"use": "M1"}
    assert answers(judged(plots(A={}, B={}, C=small), main())) == {
        "A": "A", "B": "D no_capacity", "C": "D no_capacity",
    }  # fmt: skip
    assert answers(judged(plots(A={}, C=small), main())) == {"A": "A", "C": "A"}


def test_equal_days_leave_open_who_comes_first() -> None:
    same = {"delivery_on": "2027-01-01"}
    assert answers(judged(plots(A=same, B=same), main())) == {"A": "U order_unknown", "B": "U order_unknown"}
    assert answers(judged(plots(A=same, B={**same, "use": "M1"}), main())) == {"A": "A", "B": "A"}


def test_a_blank_day_or_status_may_be_any() -> None:
    assert answers(judged(plots(A={}, B={"delivery_on": None}), main())) == {
        "A": "U order_unknown", "B": "U order_unknown",
    }  # fmt: skip
    assert answers(judged(plots(A={}, B={"supply_status": None}), main())) == {
        "A": "U order_unknown", "B": "U order_unknown",
    }  # fmt: skip


def test_a_paper_that_holds_a_reserve_comes_before_all_offers() -> None:
    paper = pd.DataFrame([letter(parcel="B", service="water", says="预留", capacity=1_200, capacity_unit="m3/d")])
    report = judged(plots(A={}, B={}), main(), evidence=paper)
    assert answers(report) == {"A": "D no_capacity", "B": "A"}
    assert "M has 609.56 m3/d left" in report.cells["reason_en"].iloc[0]


@pytest.mark.parametrize("lost", ["date", "issuer", "number", "capacity", "says", "service", "parcel"])
def test_a_damaged_paper_helps_nobody(lost: str) -> None:
    row = letter(parcel="B", service="water", says="预留", capacity=1_200, capacity_unit="m3/d")
    paper = pd.DataFrame([row, letter(parcel="X", service="water", number="函2号")])
    paper.loc[0, lost] = None
    found = answers(judged(plots(A={}, B={}), main(), evidence=paper))
    assert "A" not in (found["A"], found["B"])


def test_what_is_reserved_for_one_parcel_by_two_papers_is_gone_twice() -> None:
    rows = [
        letter(parcel="B", service="water", says="预留", number=n, capacity=c, capacity_unit="m3/d")
        for n, c in (("1", 900), ("2", 800))
    ]
    assert (
        answers(judged(plots(A={"use": "M1"}, B={"use": "M1"}), main(), evidence=pd.DataFrame(rows)))["A"]
        == "U order_unknown"
    )


def test_what_is_reserved_for_a_parcel_without_a_main_is_gone_at_the_plant() -> None:
    given = parcels(
        A=(parcel(0, 10, 500, 210), {"use": "M2", "supply_status": "拟供", "delivery_on": "2027-01-01"}),
        B=(parcel(0, 1000, 500, 1200), {"use": "M2", "supply_status": "拟供", "delivery_on": "2027-02-01"}),
    )
    rows = pd.DataFrame([letter(parcel="B", service="water", says="预留", capacity=1_000, capacity_unit="m3/d")])
    full = main({**PLANT, "capacity_used": 9_000}, diameter_mm=600)
    assert answers(judged(given, full)) == {"A": "A", "B": "D too_far"}
    # Supplied already, by a way that nobody drew: what B takes of the main is in no sum, and is told.
    supplied = given.assign(supply_status=["拟供", "已供"])
    told = [set(judged(each, full).issues["code"]) & {"granted_unplaced"} for each in (given, supplied)]
    assert told == [set(), {"granted_unplaced"}]
    assert answers(judged(given, full, evidence=rows)) == {"A": "U order_unknown", "B": "D too_far"}


@pytest.mark.parametrize(("held", "answer"), [(1_400, "A"), (1_600, "U order_unknown")])
def test_what_is_reserved_for_supplied_land_is_gone_at_the_plant(held: float, answer: str) -> None:
    """Of 2,500 a paper holds 1,400 or 1,600 for B, which is supplied: A needs 1,000 of 1,100 or 900."""
    rows = pd.DataFrame([letter(parcel="B", service="water", says="预留", capacity=held, capacity_unit="m3/d")])
    wide = main(diameter_mm=900)
    given = plots(A={}, B={"supply_status": "已供"})
    assert answers(judged(given, wide, evidence=rows)) == {"A": answer, "B": "A"}


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ({"capacity": 10_000, "capacity_unit": "m3/d"}, "A"),
        ({"capacity": 1, "capacity_unit": "万m3/d"}, "A"),
        ({"capacity": 9_999, "capacity_unit": "m3/d"}, "U capacity_unknown"),
        ({"capacity": None, "capacity_unit": "m3/d"}, "U capacity_unknown"),  # it did state something once
        ({"capacity": 10_000, "capacity_unit": None}, "U capacity_unknown"),
        ({}, "A"),
    ],
)
def test_a_paper_on_the_plant_must_not_say_otherwise(said: dict[str, Any], first: str) -> None:
    paper = pd.DataFrame([letter(feature="P", service="water", says="operating", **said)])
    assert answers(judged(plots(A={}), main(), evidence=paper))["A"] == first


@pytest.mark.parametrize("says", ["预留", "共管", "不适用", "验收合格", "已通"])
def test_only_a_paper_on_its_operation_states_the_capacity_of_a_plant(says: str) -> None:
    """9,000 less 7,500 would be 1,500 for the 1,000 that A needs; what is reserved is gone, not there."""
    blank = {k: v for k, v in PLANT.items() if k != "capacity"}

    def by(word: str, plant: dict[str, Any], amount: float | None) -> dict[str, str]:
        row = letter(feature="P", service="water", says=word, capacity=amount, capacity_unit="m3/d")
        return answers(judged(plots(A={}), main(plant), evidence=pd.DataFrame([row])))

    assert by("operating", blank, 9_000) == {"A": "A"}
    assert by(says, blank, 9_000) == {"A": "U capacity_unknown"}
    assert by(says, PLANT, 10_000) == {"A": "U capacity_unknown" if says == "预留" else "A"}


def test_a_service_that_serves_nobody_has_a_ledger_without_holders() -> None:
    report = judged(parcels(A=(parcel(0, 900, 500, 1100), {"use": "M2"})), main())
    assert answers(report) == {"A": "D too_far"}
    assert report.ledger_holders.empty and set(report.ledger["holders"]) == {0}


def test_what_is_supplied_already_is_within_the_used_part_of_the_plant_and_still_on_the_main() -> None:
    granted = {"supply_status": "已供"}
    report = judged(plots(A={}, G=granted), main())
    assert answers(report) == {"A": "D no_capacity", "G": "A"}
    plant = report.ledger.set_index("feature").loc["P"]
    assert plant["promised"] == pytest.approx(1_000)  # A's alone
    wide = main(diameter_mm=600)
    assert answers(judged(plots(A={}, B={}, C={"use": "M1"}, G=granted), wide)) == dict.fromkeys("ABCG", "A")
    report = judged(plots(A={}, B={}, C={}, G=granted), wide)  # 3,000 asked, 2,500 left
    assert answers(report)["C"] == "D no_capacity"
    assert "P has 500 m3/d left" in report.cells["reason_en"].iloc[2]


@pytest.mark.parametrize("lost", ["capacity", "capacity_used", "capacity_unit"])
def test_a_plant_that_does_not_say_is_unknown(lost: str) -> None:
    blank = {k: v for k, v in PLANT.items() if k != lost}
    assert answers(judged(plots(A={}), main(blank))) == {"A": "U capacity_unknown"}


def test_a_unit_of_another_kind_is_unknown() -> None:
    assert answers(judged(plots(A={}), main({**PLANT, "capacity_unit": "MVA"}))) == {"A": "U capacity_unknown"}
    tenfold = {**PLANT, "capacity": 1, "capacity_used": 0.75, "capacity_unit": "万立方米/日"}
    assert answers(judged(plots(A={}), main(tenfold))) == {"A": "A"}


def test_a_land_use_without_a_norm_is_unknown_and_takes_at_most_the_largest() -> None:
    """1,500 m3/d for 10 ha is the largest norm: 1,809 are enough for that, but then not for another 1,000."""
    found = answers(judged(plots(X={"use": "采矿"}, B={}), main()))
    assert found == {"X": "U demand_unknown", "B": "U order_unknown"}
    found = answers(judged(plots(X={"use": "采矿"}, B={}), main(diameter_mm=600)))
    assert found == {"X": "U demand_unknown", "B": "A"}


def test_a_parcel_that_lost_its_shape_still_takes_its_load() -> None:
    """A takes 1,000 of 1,809; without a shape it may take anything anywhere, with 12 ha stated at most 12 × 150.

    A bow-tie of 10 ha is repaired to 5: it may take 10 × 150 = 1,500 where its 10 ha are stated, else 5 × 150 = 750.
    """
    whole = plots(A={}, B={}).assign(stated_area_m2=[None, None])
    whole = whole.set_geometry(whole.translate(0, -100))  # across the main: no way to it may be barred
    assert answers(judged(whole, main()))["B"] == "D no_capacity"
    lost = whole.copy()
    lost.loc[0, "geometry"] = None
    assert answers(judged(lost, main())) == {"A": "U parcel_geometry", "B": "U order_unknown"}
    wide = main({**PLANT, "capacity": 10_400}, diameter_mm=600)  # 2,900 left; B needs 1,000
    assert answers(judged(lost, wide))["B"] == "U order_unknown"
    assert answers(judged(lost.assign(stated_area_m2=[120_000, None]), wide))["B"] == "A"
    assert answers(judged(lost.assign(stated_area_m2=[130_000, None]), wide))["B"] == "U order_unknown"
    x, y = whole.geometry[0].bounds[:2]
    tie = whole.copy()
    tie.loc[0, "geometry"] = shapely.Polygon([(x, y), (x + 500, y + 200), (x + 500, y), (x, y + 200)])
    narrow = main({**PLANT, "capacity": 9_260}, diameter_mm=600)  # 1,760 left: 1,750 fit
    assert answers(judged(tie, narrow)) == {"A": "U parcel_geometry", "B": "A"}
    assert answers(judged(tie.assign(stated_area_m2=[100_000, None]), narrow))["B"] == "U order_unknown"


def test_the_project_that_holds_a_parcel_says_what_it_needs() -> None:
    def with_project(need: float | None) -> dict[str, str]:
        projects = pd.DataFrame([{"project": "X1", "parcel": "A", "water_m3_d": need}])
        return answers(judged(plots(A={}, B={}), main(), projects=projects))

    assert with_project(800.0) == {"A": "A", "B": "A"}  # 1,800 of 1,809

    two = pd.DataFrame([{"project": x, "parcel": "A", "water_m3_d": 410.0} for x in ("X1", "X2")])
    report = judged(plots(A={}, B={}), main(), projects=two)
    assert answers(report) == {"A": "A", "B": "D no_capacity"}  # together 820
    (told,) = report.issues[report.issues["code"] == "projects_together"].itertuples()
    assert told.feature == "A" and "(X1, X2)" in told.message.replace("（", "(").replace("）", ")")
    assert with_project(820.0) == {"A": "A", "B": "D no_capacity"}
    assert with_project(None) == {"A": "U demand_unknown", "B": "U order_unknown"}


@pytest.mark.parametrize(
    ("need", "share"), [(0.0, "0%"), (99.0, "9.9%"), (100.0, None), (10_000.0, None), (10_100.0, "1010%")]
)
def test_a_need_far_from_the_norm_is_named(need: float, share: str | None) -> None:
    """By the norm 10 ha of M2 need 1,000 m3/d: a tenth of it and ten times as much are as far as nobody asks."""
    projects = pd.DataFrame([{"project": "X1", "parcel": "A", "water_m3_d": need}])
    issues = judged(plots(A={}, B={}), main(), projects=projects).issues
    told = issues.loc[issues["code"] == "need_odd", ["feature", "message"]].to_numpy().tolist()
    assert [feature for feature, _ in told] == ([] if share is None else ["A"])
    assert all(str(share) in message and "1000 m3/d" in message for _, message in told)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"capacity_unit": "m3/d"}, "U capacity_unknown"),
        ({"capacity_used": 201}, "U capacity_unknown"),
        ({"capacity": "一千", "capacity_unit": "m3/d"}, "U capacity_unknown"),
        ({"capacity": 1_200, "capacity_used": 100}, "U capacity_unknown"),
    ],
)
def test_a_main_whose_stated_figure_is_lost_is_unknown(said: dict[str, Any], answer: str) -> None:
    """By its size alone it would carry 1,810 m3/d (π/4 · 0.2² m² · 1 m/s · 86,400 s / 1.5): A asks for 1,000."""
    assert answers(judged(plots(A={}), main(**said))) == {"A": answer}


def test_what_a_project_asks_for_is_no_norm_to_be_shared() -> None:
    """8,000 kVA × 0.95 = 7,600 kW; 7.9 MVA left are 7,505 kW, 8.1 MVA are 7,695 kW."""

    def asked(left_mva: float) -> gisplan.Report:
        station = {"role": "source", "kind": "变电站", "capacity": left_mva, "capacity_unit": "MVA", "capacity_used": 0}
        power = layer(
            ("S", point(-100, 0), station), ("M", line((-100, 0), (3000, 0)), {"voltage_kv": 10, "circuits": 2})
        )
        projects = pd.DataFrame([{"project": "X1", "parcel": "A", "power_kva": 8_000.0}])
        return gisplan.check(zone(plots(A={}), power=power, profile=profile("power"), projects=projects))

    assert answers(asked(7.9)) == {"A": "D no_capacity"} and answers(asked(8.1)) == {"A": "A"}
    assert "Demand: 8000 kVA × 0.95 = 7600 kW (as project X1 says)." in asked(8.1).explain("A", "power", "en")


def test_two_plants_are_told_apart_by_the_way() -> None:
    water = layer(
        ("P", point(-100, 0), PLANT),
        ("Q", point(4000, 0), {**PLANT, "capacity_used": 9_500}),
        ("M", line((-100, 0), (500, 0), (4000, 0)), {"diameter_mm": 600}),
    )
    near_p, near_q = {"use": "M1"}, {"use": "M1"}
    given = parcels(
        A=(parcel(0, 10, 500, 210), {**near_p, "supply_status": "拟供", "delivery_on": "2027-01-01"}),
        B=(parcel(3400, 10, 3900, 210), {**near_q, "supply_status": "拟供", "delivery_on": "2027-02-01"}),
        C=(parcel(2800, 10, 3300, 210), {**near_q, "supply_status": "拟供", "delivery_on": "2027-03-01"}),
    )
    report = judged(given, water)
    assert answers(report) == {"A": "A", "B": "A", "C": "D no_capacity"}
    sources = report.ledger[report.ledger["kind"] == "source"].set_index("feature")
    assert sources["promised"].to_dict() == {"P": pytest.approx(500), "Q": pytest.approx(1_000)}
    assert sources["left"].to_dict() == {"P": pytest.approx(2_000), "Q": pytest.approx(-500)}
    assert sources["last_holder"].to_dict() == {"P": "A", "Q": "B"}
    assert sources["refused"].to_dict() == {"P": 0, "Q": 1}


def test_who_may_go_either_way_is_counted_on_every_way() -> None:
    """A short cut of unknown state joins two mains: A on it may draw from either plant, and B's main is nearly full."""
    water = layer(
        ("P", point(-100, 0), PLANT),
        ("Q", point(4000, 300), PLANT),
        ("M", line((-100, 0), (3000, 0)), {"diameter_mm": 200}),
        ("N", line((-700, 300), (4000, 300)), {"diameter_mm": 200}),
        ("X", line((-700, 300), (-100, 0)), {"diameter_mm": 200, "status": None}),
    )
    given = parcels(
        A=(parcel(-700, 310, -200, 510), {"use": "M2", "supply_status": "拟供", "delivery_on": "2027-01-01"}),
        B=(parcel(100, -210, 600, -10), {"use": "M2", "supply_status": "拟供", "delivery_on": "2027-02-01"}),
    )
    assert answers(judged(given, water)) == {"A": "A", "B": "U order_unknown"}  # A comes first and fits on either
    later = given.assign(delivery_on=["2027-03-01", "2027-02-01"])
    assert answers(judged(later, water)) == {"A": "U flow_unknown", "B": "A"}
    water.loc[water["feature"] == "X", "status"] = "废弃"
    assert answers(judged(given, water)) == answers(judged(later, water)) == {"A": "A", "B": "A"}


def test_the_ledger_adds_up_and_says_who_holds_the_last_of_it() -> None:
    report = judged(plots(A={}, B={}), main())
    rows = report.ledger.set_index("feature")
    assert rows.loc["M", ["kind", "unit", "holders", "last_holder", "refused"]].tolist() == ["main", "m3/d", 2, "A", 1]
    assert rows.loc["M", "capacity"] == pytest.approx(MAIN)
    assert rows.loc["M", "left"] == pytest.approx(MAIN - 2_000)
    assert rows.loc["P", ["capacity", "used", "promised", "left"]].tolist() == pytest.approx(
        [10_000, 7_500, 2_000, 500]
    )
    takers = report.ledger_holders
    assert takers["parcel"].tolist() == ["A", "B"] and takers["left_after"].tolist() == pytest.approx([1_500, 500])


def test_the_reserve_counts_all_and_only_warns() -> None:
    report = judged(plots(A={}), main())
    row = report.findings.set_index("condition").loc["water.reserve"]
    # of the main (1,809.56 − 1,000) / 1,809.56 = 44.74 %, of the plant (2,500 − 1,000) / 10,000 = 15 %
    assert row["value"] == pytest.approx(15.0) and row["grade"] == "D"
    row = judged(plots(A={}), main({**PLANT, "capacity_used": 0})).findings.set_index("condition").loc["water.reserve"]
    assert row["value"] == pytest.approx(44.74, abs=0.01) and row["grade"] == "A"
    report = judged(plots(A={}, B={"use": "M1"}), main())
    row = report.findings[report.findings["condition"] == "water.reserve"].iloc[0]
    assert row["value"] == pytest.approx(10.0) and row["grade"] == "D"
    assert answers(report) == {"A": "A", "B": "A"}


PAPER = {"issuer": "供水公司", "number": "预1号"}


def test_a_reserve_is_promised_once() -> None:
    before = zone(plots(A={}, B={}), water=main(), profile=profile())
    held = before.promise("B", "water", 1_000, **PAPER)
    assert answers(gisplan.check(held)) == {"A": "D no_capacity", "B": "A"}
    assert answers(gisplan.check(before)) == {"A": "A", "B": "D no_capacity"}  # nothing was changed behind its back
    with pytest.raises(PromiseError, match="预1号"):
        held.promise("B", "water", 500, issuer="供水公司", number="预2号")
    with pytest.raises(PromiseError, match=r"M 只余 809\.56 m3/d.*B"):
        held.promise("A", "water", 1_000, issuer="供水公司", number="预3号")
    with pytest.raises(PromiseError, match="1000 m3/d"):  # it needs 1,000, whatever it is promised
        held.promise("A", "water", 800, issuer="供水公司", number="预4号")
    small = zone(plots(A={"use": "M1"}, B={}), water=main(), profile=profile()).promise("B", "water", 1_000, **PAPER)
    both = small.promise("A", "water", 800, issuer="供水公司", number="预5号")
    assert answers(gisplan.check(both)) == {"A": "A", "B": "A"}


def test_what_cannot_be_promised_is_refused_in_one_sentence() -> None:
    given = zone(plots(A={}, B={}), water=main(), profile=profile())
    with pytest.raises(PromiseError, match="没有地块"):
        given.promise("Z", "water", 1, **PAPER)
    with pytest.raises(ProfileError, match="power"):
        given.promise("A", "power", 1, **PAPER)
    for odd in (0, -1, math.nan, True, None, "100", "3 MVA", "很多"):
        with pytest.raises(PromiseError, match="大于零"):
            given.promise("A", "water", odd, **PAPER)
    for blank in ({"issuer": None}, {"number": " "}, {"number": 7}):
        with pytest.raises(PromiseError, match="文号"):
            given.promise("A", "water", 1_000, **{**PAPER, **blank})
    with pytest.raises(PromiseError, match="早于预留之日"):
        given.promise("A", "water", 1_000, **PAPER, expires="2026-10-31")
    with pytest.raises(PromiseError, match="自身需求 1000 m3/d"):  # one cubic metre does not pull the rest ahead
        given.promise("B", "water", 1, **PAPER)
    odd = zone(plots(A={"use": "采矿"}), water=main(), profile=profile())
    with pytest.raises(PromiseError, match="自身需求不明"):
        odd.promise("A", "water", 1, **PAPER)
    granted = zone(plots(A={}, G={"supply_status": "已供"}), water=main(diameter_mm=600), profile=profile())
    with pytest.raises(PromiseError, match="已用能力"):
        granted.promise("G", "water", 9_000, **PAPER)
    blind = zone(plots(A={}), water=main(diameter_mm=None), profile=profile())
    with pytest.raises(PromiseError, match="没有确定的接入路径"):
        blind.promise("A", "water", 1, **PAPER)


@pytest.mark.parametrize(
    ("service", "amount"),
    [("water", 1_200), ("给水", "1200 m3/d"), ("Water supply", "50 m³/h"), ("water", "1200 方/日")],
)
def test_a_service_and_an_amount_may_be_named_as_people_do(service: str, amount: float | str) -> None:
    given = zone(plots(A={}, B={}), water=main(), profile=profile()).promise("B", service, amount, **PAPER)
    row = given.survey.evidence.iloc[-1]
    assert row[["service", "capacity", "capacity_unit"]].tolist() == ["water", 1_200, "m3/d"]
    assert answers(gisplan.check(given)) == {"A": "D no_capacity", "B": "A"}


def test_a_catchment_is_promised_in_hectares() -> None:
    storm = layer(
        ("O", point(-100, 0), {"role": "outfall", "kind": "outfall"}),
        (
            "Y",
            line((3000, 0), (-100, 0)),
            {"diameter_mm": 2000, "flow": "顺", "invert_from_m": 12.0, "invert_to_m": 1.0},
        ),
    )
    given = zone(plots(A={}), storm=storm, profile=profile("storm"))
    assert answers(gisplan.check(given.promise("A", "storm", 10, **PAPER))) == {"A": "A"}


def test_whom_a_promise_leaves_without_room_is_listed() -> None:
    """A, offered first and held by nobody, had 1,000 of 1,809 m3/d; C on a small plot keeps its room."""
    given = zone(plots(A={}, B={}), water=main(), profile=profile(), lang="en")
    told = given.promise("B", "water", 1_000, **PAPER).issues
    row = told[told["code"] == "promise_displaces"].iloc[0]
    assert row["feature"] == "B" and row["message"].endswith("1 parcels have too little, or nobody can tell: A.")
    quiet = zone(plots(A={"use": "M1"}, B={}), water=main(), profile=profile()).promise("B", "water", 1_000, **PAPER)
    assert "promise_displaces" not in set(quiet.issues["code"])


def test_a_promise_takes_no_room_from_whom_a_project_holds_or_who_is_supplied() -> None:
    """A needs 1,000 of 1,809 m3/d by its project, or is supplied and needs as much on the main: B's are not left."""
    projects = pd.DataFrame([{"project": "X1", "parcel": "A", "water_m3_d": 1_000.0}])
    given = zone(plots(A={}, B={}), water=main(), profile=profile(), projects=projects)
    with pytest.raises(PromiseError, match=r"A 不再够用.*1000 m3/d.*M 届时只余 809\.56 m3/d.*最后一家为 B"):
        given.promise("B", "water", 1_000, **PAPER)
    with pytest.raises(PromiseError, match=r"M 只余 809\.56 m3/d"):
        zone(plots(A={"supply_status": "已供"}, B={}), water=main(), profile=profile()).promise(
            "B", "water", 1_000, **PAPER
        )
    with pytest.raises(PromiseError, match=r"M 只余 1809\.56 m3/d。"):  # nobody is before it
        zone(plots(A={}), water=main(), profile=profile()).promise("A", "water", 1_900, **PAPER)


def test_one_document_serves_two_parcels_and_none_of_them_twice() -> None:
    given = zone(plots(A={"use": "M1"}, B={}), water=main(), profile=profile())
    both = given.promise("A", "water", 500, **PAPER).promise("B", "water", 1_000, **PAPER)
    assert answers(gisplan.check(both)) == {"A": "A", "B": "A"}
    gone = given.promise("B", "water", 1_000, **PAPER, expires="2026-12-01").at("2027-01-01")
    with pytest.raises(PromiseError, match="预1号"):
        gone.promise("B", "water", 1_000, **PAPER)


@pytest.mark.parametrize(("held", "first"), [(300, "A"), (900, "D no_capacity")])
def test_a_paper_for_less_than_is_needed_gives_no_place_and_holds_its_amount(held: float, first: str) -> None:
    """B needs 1,000 and A, who comes first, as much; of 1,809 m3/d 300 of B's leave enough for A, and 900 do not."""
    paper = pd.DataFrame([letter(parcel="B", service="water", says="预留", capacity=held, capacity_unit="m3/d")])
    report = judged(plots(A={}, B={}), main(), evidence=paper)
    assert answers(report) == {"A": first, "B": "D no_capacity"}
    rows = report.issues[report.issues["code"] == "paper_scant"]
    assert rows["feature"].tolist() == ["B"] and f"{held} m3/d" in rows["message"].iloc[0]
    assert "1000 m3/d" in rows["message"].iloc[0]
    # C, supplied already, has its place before all papers, and room beside what is held.
    with_c = judged(plots(A={}, B={}, C={"use": "M1", "supply_status": "已供"}), main(), evidence=paper)
    assert answers(with_c)["C"] == "A"


@pytest.mark.parametrize(
    ("stated", "found"),
    [(900, "D no_capacity"), (1_000, "U letter_contradicts"), (None, "U letter_contradicts")],
)
def test_a_letter_below_the_demand_says_nothing_against_a_want_of_capacity(stated: float | None, found: str) -> None:
    """B needs 1,000 m3/d where 809 are left; its letter of connection says how much it connects."""
    rows = [letter(parcel="B", service="water", says="具备接入条件", capacity=stated, capacity_unit="m3/d")]
    report = judged(plots(A={}, B={}), main(), evidence=pd.DataFrame(rows))
    assert answers(report) == {"A": "A", "B": found}
    told = report.explain("B", "water", "en")
    assert "函1号" in told and "needs 1000 m3/d; M has 809.56 m3/d left" in told
    assert stated is None or f"connected, stating {stated} m3/d" in told


def test_what_no_length_of_pipe_mends_has_no_estimate() -> None:
    report = judged(plots(A={}, B={}), main())
    gap = report.gaps.set_index("parcel").loc["B"]
    assert gap[["length_m", "estimate_cny", "unit_price_cny"]].isna().all() and gap["geometry"] is None
    told = report.explain("B", "water", "en")
    assert "not estimated" in told and "CNY" not in told
    assert report.limits.set_index("what").loc["water.price", "uses"] == 0


def test_where_nobody_comes_before_no_holder_is_named() -> None:
    report = judged(plots(A={}), main({**PLANT, "capacity_used": 9_500}))
    assert answers(report) == {"A": "D no_capacity"}
    for told in (report.explain("A", "water", "en"), report.cells["reason_en"].iloc[0]):
        assert "500 m3/d left, with nobody before it" in told and "—" not in told
    assert "—" not in report.findings.set_index("condition").loc["water.capacity", "reason_zh"]


def test_a_paper_that_reserves_is_quoted_in_words() -> None:
    paper = pd.DataFrame([letter(parcel="B", service="water", says="预留", capacity=300, capacity_unit="m3/d")])
    told = judged(plots(A={}, B={}), main(), evidence=paper).explain("B", "water", "zh")
    assert "预留，所写能力 300 m3/d" in told and "word." not in told


def test_the_order_of_promises_changes_only_what_it_must() -> None:
    """A and B hang on a full main, C on one of its own: whoever of A and B is promised first, C is as it was."""
    water = pd.concat(
        [main(), layer(("P2", point(-100, 900), PLANT), ("N", line((-100, 900), (3000, 900)), {"diameter_mm": 200}))],
        ignore_index=True,
    )
    given = pd.concat([plots(A={}, B={}), parcels(C=(parcel(0, 910, 500, 1110), {"use": "M2"}))], ignore_index=True)
    first = zone(given, water=water, profile=profile())
    for name, other in (("A", "B"), ("B", "A")):
        report = gisplan.check(first.promise(name, "water", 1_000, **PAPER))
        assert answers(report) == {name: "A", other: "D no_capacity", "C": "A"}
        rows = report.ledger.set_index("feature")
        assert rows.loc["M", "last_holder"] == name and rows.loc["N", "last_holder"] == "C"


def test_a_red_line_comes_after_all_parcels_of_the_zone(tmp_path: Path) -> None:
    """Of the main's 1,809 m3/d A takes 1,000; an outline of 10 ha beside it needs 1,000 as well, one of 5 ha 500."""
    given = zone(plots(A={}), water=main(), profile=profile())

    def outline(east: float, **own: Any) -> dict[str, str]:
        shape = plots(X=own).set_geometry([parcel(700, 10, east, 210)])
        shape.to_file(tmp_path / "line.geojson", driver="GeoJSON")
        return answers(gisplan.check(given.redline(tmp_path / "line.geojson")))

    assert outline(1200) == {"X": "D no_capacity"}
    assert outline(950) == {"X": "A"}
    assert outline(1200, supply_status="已供") == {"X": "D no_capacity"}


def test_a_red_line_never_forgets_the_zone_whose_parcels_come_first(tmp_path: Path) -> None:
    """A takes 1,000 of the main's 1,809 m3/d: an outline of 10 ha has no room, whatever zone was made of it since."""
    shape = plots(X={}).set_geometry([parcel(700, 10, 1200, 210)])
    shape.to_file(tmp_path / "line.geojson", driver="GeoJSON")
    shape.set_geometry([parcel(700, 10, 950, 210)]).to_file(tmp_path / "small.geojson", driver="GeoJSON")
    given = zone(plots(A={}), water=main(), profile=profile())
    red = given.redline(tmp_path / "line.geojson")
    for again in (red, red.at(red.date), red.redline(tmp_path / "line.geojson")):
        assert answers(gisplan.check(again)) == {"X": "D no_capacity"} and again.within is not None
        rows = gisplan.check(again).ledger.set_index("feature")
        assert rows.loc["P", ["promised", "left"]].tolist() == pytest.approx([2_000, 500])  # A's and its own
    assert red.at("2026-12-01").within.date == red.at("2026-12-01").date
    small = given.redline(tmp_path / "small.geojson")
    promised = small.promise("X", "water", 600, **PAPER)
    report = gisplan.check(promised)
    assert answers(report) == {"X": "A"} and report.ledger.set_index("feature").loc["P", "promised"] == 1_600
    assert report.ledger_holders["left_after"].tolist() == pytest.approx([900])
    with pytest.raises(PromiseError, match=r"809\.56 m3/d.*"):
        small.promise("X", "water", 900, **PAPER)
    assert answers(gisplan.check(promised.at(promised.date))) == {"X": "A"}


def test_papers_that_promise_more_than_there_is_are_named() -> None:
    papers = pd.DataFrame(
        [
            letter(
                parcel=p, service="water", says="预留", number=f"函{p}", capacity=1_000, capacity_unit="m3/d", date=day
            )
            for p, day in (("A", "2026-06-01"), ("B", "2026-07-01"))
        ]
    )
    given = zone(plots(A={}, B={}), water=main(), profile=profile(), evidence=papers)
    assert answers(gisplan.check(given)) == {"A": "A", "B": "D no_capacity"}
    rows = given.issues[given.issues["code"] == "over_promised"]
    assert rows["feature"].tolist() == ["M"] and "2000 m3/d" in rows["message"].iloc[0]


def test_of_two_plants_on_one_joint_the_one_with_least_left_is_told() -> None:
    water = layer(
        ("P2", point(-100, 0), {**PLANT, "capacity": 99_999}),
        ("P", point(-100, 0), PLANT),
        ("M", line((-100, 0), (3000, 0)), {"diameter_mm": 600}),
    )
    report = judged(plots(A={}, B={}, C={}), water)
    assert answers(report)["C"] == "D no_capacity" and "P has 500 m3/d left" in report.cells["reason_en"].iloc[2]
    row = report.ledger[report.ledger["kind"] == "source"].iloc[0]
    assert row[["feature", "capacity", "used", "promised", "left"]].tolist() == ["P", 10_000, 7_500, 3_000, -500]


def test_what_is_left_after_a_place_is_told_of_the_whole_place() -> None:
    same = {"delivery_on": "2027-01-01"}
    takers = judged(plots(A=same, B=same, C={}), main(diameter_mm=600)).ledger_holders
    assert takers["place"].tolist() == [1, 1, 2]
    assert takers["left_after"].tolist() == pytest.approx([500, 500, -500])


def test_nothing_always_fits() -> None:
    """A needs nothing of a plant that has given more than it has, whoever comes first."""
    full = main({**PLANT, "capacity_used": 12_000})
    held = pd.DataFrame([{"project": "X1", "parcel": "A", "water_m3_d": 0.0}])
    assert answers(judged(plots(A={}, B={}), full, projects=held)) == {"A": "A", "B": "D no_capacity"}


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"capacity": 2_000, "capacity_used": 800, "capacity_unit": "m3/d"}, "A"),  # 1,809 − 800 = 1,009 for 1,000
        ({"capacity": 2_000, "capacity_used": 820, "capacity_unit": "m3/d"}, "D no_capacity"),
        ({"capacity_used": 800, "capacity_unit": "m3/d"}, "U capacity_unknown"),  # of how much?
        ({"capacity": 999, "capacity_unit": "m3/d"}, "D no_capacity"),
        ({"capacity": 1_700, "capacity_used": 650, "capacity_unit": "m3/d"}, "A"),  # 1,050
        ({"capacity": 1_700, "capacity_used": 750, "capacity_unit": "m3/d"}, "D no_capacity"),
        ({"capacity": 99_999, "capacity_unit": "m3/d"}, "A"),  # the pipe itself carries 1,809
        ({"capacity": 99_999, "capacity_unit": "MVA"}, "U capacity_unknown"),
        ({"capacity": 99_999}, "U capacity_unknown"),
    ],
)
def test_what_a_main_states_itself_holds_beside_what_it_carries(said: dict[str, Any], answer: str) -> None:
    assert answers(judged(plots(A={}), main(**said))) == {"A": answer}


def lifted(*more: Any, **pump: Any) -> gisplan.Report:
    """A (10 ha of M2) on a sewer of DN 600 that falls by 0.003; a pump at its end lifts into a rising main of DN 400.

    By the norm A sends 1,000 m3/d × 0.7 / 1.35 = 518.52 m3/d.
    """
    sewer = layer(
        ("S", line((0, 0), (1000, 0)), {"diameter_mm": 600, "flow": "顺", "invert_from_m": 98, "invert_to_m": 95}),
        ("R", line((1000, 0), (2000, 0)), {"diameter_mm": 400, "flow": "顺"}),
        ("U", point(1000, 0), {"role": "pump", **pump}),
        ("W", point(2000, 0), {
            "role": "outfall", "kind": "treatment_plant", "capacity": 90_000, "capacity_unit": "m3/d",
            "capacity_used": 0,
        }),
        *more,
    )  # fmt: skip
    return gisplan.check(zone(plots(A={}), sewage=sewer, profile=profile("sewage")))


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({}, "A"),
        ({"capacity": 1_000, "capacity_unit": "m3/d"}, "A"),
        ({"capacity": 400, "capacity_unit": "m3/d"}, "D no_capacity"),
        ({"capacity": 400, "capacity_unit": "m3/h"}, "A"),
        ({"capacity": 1_400, "capacity_used": 400, "capacity_unit": "m3/d"}, "A"),
        ({"capacity": 1_400, "capacity_used": 1_000, "capacity_unit": "m3/d"}, "D no_capacity"),
        ({"capacity": 400, "capacity_unit": "MVA"}, "U capacity_unknown"),
        ({"capacity": 400}, "U capacity_unknown"),
        ({"capacity_unit": "m3/d"}, "U capacity_unknown"),  # it did state something once
        ({"capacity_used": 400}, "U capacity_unknown"),
    ],
)
def test_what_a_pump_lifts_limits_what_flows_through_it(said: dict[str, Any], answer: str) -> None:
    report = lifted(**said)
    assert answers(report) == {"A": answer}
    assert "capacity_unused" not in set(report.issues["code"])
    if answer.startswith("D"):
        assert "It needs 518.52 m3/d; R has only 400 m3/d left" in report.cells["reason_en"].iloc[0]


def test_of_several_pumps_the_least_holds_and_of_two_lines_nobody_knows() -> None:
    wide = {"capacity": 5_000, "capacity_unit": "m3/d"}
    second = ("V", point(1000, 0), {"role": "pump", "capacity": 400, "capacity_unit": "m3/d"})
    assert answers(lifted(second, **wide)) == {"A": "D no_capacity"}
    aside = ("Q", line((1000, 0), (1000, -500)), {"diameter_mm": 400, "flow": "顺"})
    assert answers(lifted(aside, **wide)) == {"A": "U capacity_unknown"}


def test_what_a_pump_of_water_states_is_told_and_not_reckoned() -> None:
    pump = layer(("U", point(-50, 0), {"role": "pump", "capacity": 1, "capacity_unit": "m3/d"}))
    water = pd.concat([main(), pump], ignore_index=True)
    issues = zone(plots(A={}), water=water, profile=profile()).issues
    assert issues[issues["code"] == "capacity_unused"]["feature"].tolist() == ["U"]
