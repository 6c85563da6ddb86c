"""Supply and return, holes to spare, shared ducts, and cables that are to come into ducts; by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pandas as pd
import pytest
from rules_of import asking
from shapely.affinity import translate
from sketch import DATE, layer, letter, line, parcel, parcels, point, works, zone

import gisplan
from gisplan.base.errors import ProfileError
from gisplan.rules.profile import load

LAND = parcel(180, 10, 220, 40)
PLANT = ("P", point(0, 0), {"role": "source", "kind": "热电厂"})
FAR_PLANT = ("Q", point(0, 20), {"role": "source", "kind": "热电厂"})


def pipe(name, *points, **columns):
    return (name, line(*points), {"medium": "热水", **columns})


SUPPLY, RETURN = pipe("s", (0, 0), (300, 0), leg="供"), pipe("r", (0, 0), (0, -3), (300, -3), leg="回")

LEGS = {
    "a pair": ([PLANT, pipe("m", (0, 0), (300, 0), leg="双管")], "A", "connected"),
    "supply and return": ([PLANT, SUPPLY, RETURN], "A", "connected"),
    "supply alone": ([PLANT, SUPPLY], "D", "one_leg"),
    "a leg that nobody gave": ([PLANT, pipe("m", (0, 0), (300, 0))], "U", "legs_unknown"),
    "a return of unknown leg": ([PLANT, SUPPLY, pipe("r", (0, 0), (0, -3), (300, -3))], "U", "legs_unknown"),
    "two supplies": ([PLANT, SUPPLY, pipe("r", (0, 0), (0, -3), (300, -3), leg="供")], "D", "one_leg"),
    "steam": ([PLANT, pipe("m", (0, 0), (300, 0), medium="蒸汽")], "A", "connected"),
    "a planned return": (
        [PLANT, SUPPLY, pipe("r", (0, 0), (0, -3), (300, -3), leg="回", status="规划")], "D", "one_leg",
    ),
    "a return of unknown status": (
        [PLANT, SUPPLY, pipe("r", (0, 0), (0, -3), (300, -3), leg="回", status=None)], "U", "legs_unknown",
    ),
    # The return runs into the supply before the parcel: it reaches the plant only by way of that.
    "a return that hangs on the supply": (
        [PLANT, pipe("s", (0, 0), (100, 0), leg="供"), pipe("t", (100, 0), (300, 0), leg="供"),
         pipe("r", (100, 0), (100, -3), (300, -3), leg="回")], "D", "one_leg",
    ),
    "a pair that splits": (
        [PLANT, pipe("m", (0, 0), (100, 0), leg="双管"), pipe("t", (100, 0), (300, 0), leg="供"),
         pipe("r", (100, 0), (100, -3), (300, -3), leg="回")], "A", "connected",
    ),
    "condensate alone": ([PLANT, pipe("m", (0, 0), (300, 0), medium="蒸汽", leg="回")], "D", "one_leg"),
    "hot water out, condensate back": (
        [PLANT, SUPPLY, pipe("r", (0, 0), (0, -3), (300, -3), leg="回", medium="蒸汽")], "D", "one_leg",
    ),
    "out from one plant, back to another": (
        [PLANT, ("Q", point(300, -3), {"role": "source", "kind": "热电厂"}), SUPPLY,
         pipe("r", (10, -3), (300, -3), leg="回")], "D", "one_leg",
    ),
    "two plants on a loop": (
        [PLANT, ("Q", point(300, 0), {"role": "source", "kind": "热电厂"}), pipe("m", (0, 0), (300, 0), leg="双管")],
        "A", "connected",
    ),
    "a stub on a pair": (
        [PLANT, pipe("m", (0, 0), (300, 0), leg="双管"), ("k", point(200, 0), {"role": "stub"})], "A", "connected",
    ),
}  # fmt: skip


@cache
def heated():
    rows, land = [], {}
    for k, (case, (heat, _, _)) in enumerate(LEGS.items()):
        rows += [(f"{case} {name}", translate(shape, 0, 2000 * k), columns) for name, shape, columns in heat]
        land[case] = translate(LAND, 0, 2000 * k)
    report = gisplan.check(zone(parcels(**land), heat=layer(*rows), profile=asking("heat.legs")))
    return report.cells[report.cells["service"] == "heat"].set_index("parcel")


@pytest.mark.parametrize("case", LEGS)
def test_supply_and_return(case):
    assert tuple(heated().loc[case, ["grade", "code"]]) == LEGS[case][1:]


def counting(*ids):
    """The full profile's heat, with its figures; of its conditions some, all required."""
    whole = load("jiutong_classic")
    heat = whole.service("heat")
    kept = [c for c in heat.conditions if c.id in ids or c.measure.kind in ("reach", "path", "attribute")]
    heat = replace(heat, conditions=tuple(replace(c, weight="required") for c in kept))
    return replace(whole, id="toy", services=(heat,))


OFFERED = {"supply_status": "拟供", "delivery_on": "2027-01-01"}


def test_where_capacity_is_asked_the_supply_must_come_from_the_plant_that_is_asked():
    """The supply comes from P, the return runs to P and to Q: what counts is what P has left.

    Where the parcel lies at the return its way leads to Q, and nobody asked P.
    """

    def grade(used, y):
        plant = {"role": "source", "kind": "热电厂", "capacity": 100, "capacity_unit": "MW"}
        rows = [
            ("P", point(0, 0), {**plant, "capacity_used": used}), ("Q", point(300, y), {**plant, "capacity_used": 0}),
            SUPPLY, pipe("r", (0, 0), (0, y), (300, y), leg="回"),
        ]  # fmt: skip
        heat = layer(*rows)
        wants = pd.DataFrame([{"project": "X", "parcel": "d", "heat_mw": 1.0}])
        asks = counting("heat.legs", "heat.capacity")
        cells = gisplan.check(zone(parcels(d=(LAND, OFFERED)), heat=heat, profile=asks, projects=wants)).cells
        return tuple(cells.loc[0, ["grade", "code"]])

    assert grade(100, -3) == ("D", "no_capacity") and grade(0, -3) == ("A", "connected")
    assert grade(100, 3) == grade(0, 3) == ("U", "legs_unknown")


@pytest.mark.parametrize(
    ("steam", "grade"), [(None, "A"), (0, "A"), (200, "D"), (-200, "U"), ("50t/h待定", "U"), ("", "A")]
)
def test_a_part_of_a_need_that_is_not_understood_leaves_the_whole_unknown(steam, grade):
    """1 MW of the 10 MW there are is little; 200 t/h of steam are more than that."""
    plant = ("P", point(0, 0), {**PLANT[2], "capacity": 10, "capacity_unit": "MW", "capacity_used": 0})
    heat = layer(plant, pipe("m", (0, 0), (300, 0), leg="双管"))
    held = pd.DataFrame([{"project": "X", "parcel": "d", "heat_mw": 1.0, "steam_t_h": steam}])
    given = zone(parcels(d=(LAND, OFFERED)), heat=heat, profile=counting("heat.capacity"), projects=held)
    assert gisplan.check(given).cells["grade"].iloc[0] == grade


def test_legs_that_come_with_works():
    """Both come with works: B. The supply works, the return comes: D today."""
    coming = {"status": "在建", "works": "W1"}
    table = works({"works": "W1", "phase": "开工", "planned_on": "2027-03-01"})

    def grade(*rows):
        given = zone(parcels(d=LAND), heat=layer(PLANT, *rows), works=table, profile=asking("heat.legs"))
        cells = gisplan.check(given).cells
        return cells[cells["service"] == "heat"]["grade"].iloc[0]

    supply, back = (
        pipe("s", (0, 0), (300, 0), leg="供", **coming),
        pipe("r", (0, 0), (0, -3), (300, -3), leg="回", **coming),
    )
    assert grade(supply, back) == "B"
    assert grade(SUPPLY, back) == "D"
    assert grade(supply) == "D"


HOLES = {
    "six of eight in use": ({"holes_total": 8, "holes_used": 6}, "A", "connected"),
    "seven of eight in use": ({"holes_total": 8, "holes_used": 7}, "D", "holes_full"),
    "nobody knows how many are in use": ({"holes_total": 8}, "U", "holes_unknown"),
    "nobody knows how many there are": ({"holes_used": 1}, "U", "holes_unknown"),
    "more in use than there are": ({"holes_total": 8, "holes_used": 9}, "U", "holes_unknown"),
    "fewer than none in use": ({"holes_total": 1, "holes_used": -4}, "U", "holes_unknown"),
}


def test_spare_holes():
    rows, land = [], {}
    for k, (case, (columns, _, _)) in enumerate(HOLES.items()):
        y = 2000 * k
        rows += [
            (f"{case} t", translate(line((0, 0), (300, 0)), 0, y), columns),
            (f"{case} x", translate(point(0, 0), 0, y), {"role": "source", "kind": "局站"}),
        ]
        land[case] = translate(LAND, 0, y)
    report = gisplan.check(zone(parcels(**land), telecom=layer(*rows), profile=asking("telecom.spare_holes")))
    cells = report.cells[report.cells["service"] == "telecom"].set_index("parcel")
    for case, (_, grade, code) in HOLES.items():
        assert tuple(cells.loc[case, ["grade", "code"]]) == (grade, code), case
    assert "共 8 孔、已用 7 孔，只剩 1 孔" in cells.loc["seven of eight in use", "reason_zh"]


# ------------------------------------------------------------------------------------------------ shared ducts
EXCHANGE = ("X", point(0, 0), {"role": "source", "kind": "局站"})
FIBRE = ("t", line((0, 0), (300, 0)), {})
SHARES = letter(parcel="d", service="有线电视", says="共管", issuer="广电公司")


def catv(evidence=(), telecom=(EXCHANGE, FIBRE), **rest):
    given = {"telecom": layer(*telecom)} if telecom else {}
    papers = {"evidence": pd.DataFrame(list(evidence))} if evidence else {}
    cells = gisplan.check(zone(parcels(d=LAND), **given, **papers, **rest)).cells
    row = cells[cells["service"] == "catv"].iloc[0]
    return row["grade"], row["code"], row["reason_zh"]


def test_cable_television_in_the_duct_of_telecom():
    grade, code, said = catv([SHARES])
    assert (grade, code) == ("A", "shares_duct")
    assert "与通信同管敷设" in said
    assert catv()[:2] == ("U", "no_layer")


def test_a_shared_duct_helps_only_where_its_host_is_connected():
    dead = ("t", line((0, 0), (300, 0)), {"status": "停用"})
    puzzling = ("t", line((0, 0), (300, 0)), {"status": None})
    assert catv([SHARES], (EXCHANGE, dead))[:2] == ("U", "no_layer")
    assert catv([SHARES], (EXCHANGE, puzzling))[0] == "U"
    assert catv([SHARES], ())[0] == "U"


def test_a_shared_duct_fills_a_gap_of_the_own_layer_and_no_doubt():
    head = ("H", point(0, 5), {"role": "source", "kind": "广电机房"})
    assert catv([SHARES], catv=layer(head))[:2] == ("A", "shares_duct")
    assert catv([SHARES], absent=["catv"])[:2] == ("A", "shares_duct")
    doubt = layer(head, ("c", line((0, 5), (300, 5)), {"status": None}))
    assert catv([SHARES], catv=doubt)[0] == "U"


def test_a_paper_against_it_or_a_damaged_one_leaves_things_as_they_are():
    against = letter(parcel="d", service="有线电视", says="未通", number="函9号")
    assert catv([SHARES, against])[0] != "A"
    assert catv([{**SHARES, "number": None}])[0] == "U"
    assert catv([{**SHARES, "expires": "2026-10-01"}])[0] == "U"


def test_a_later_day_is_under_way_as_for_any_other_letter():
    given = zone(parcels(d=LAND), telecom=layer(EXCHANGE, FIBRE), evidence=pd.DataFrame([SHARES]), date=DATE)
    cells = gisplan.check(given.at("2027-01-01")).cells
    assert cells[cells["service"] == "catv"]["grade"].iloc[0] == "B"


# ------------------------------------------------------------------------------------------------ ducts and cables
STATION = ("E", point(0, 0), {"role": "source", "kind": "变电站"})
GRANTED = {"funding_state": "已下达"}
DUCTS = {
    "an empty duct": ({}, None, "D", "duct_only"),
    "its cable is being laid": ({}, {"phase": "开工", "planned_on": "2027-03-01"}, "B", "construction"),
    "its cable is planned and paid for": ({}, {"phase": "招标", "planned_on": "2027-03-01", **GRANTED}, "C", "planned"),
    "its cable is planned without money": ({}, {"phase": "招标", "planned_on": "2027-03-01"}, "D", "unfunded"),
    "its cable has no date": ({}, {"phase": "开工"}, "D", "undated"),
    "its cable is overdue": ({}, {"phase": "开工", "planned_on": "2026-03-01"}, "U", "overdue"),
    "works of no known phase": ({}, {"planned_on": "2027-03-01"}, "U", "works_unknown"),
    # Completed works have built the duct alone.
    "works that are done": (
        {},
        {"phase": "移交", "planned_on": "2026-03-01", "actual_on": "2026-02-01"},
        "D",
        "duct_only",
    ),
    "works that are completed": ({}, {"phase": "竣工", "planned_on": "2027-03-01"}, "D", "duct_only"),
    # The works of a duct that is still to come build the duct.
    "a planned duct": ({"status": "规划"}, {"phase": "招标", "planned_on": "2027-03-01", **GRANTED}, "D", "duct_only"),
    "a duct of unknown status": ({"status": None}, {"phase": "开工", "planned_on": "2027-03-01"}, "D", "duct_only"),
    "a duct out of use": ({"status": "停用"}, {"phase": "开工", "planned_on": "2027-03-01"}, "D", "abandoned"),
}


@cache
def powered():
    rows, land, table = [], {}, []
    for k, (case, (own, laid, _, _)) in enumerate(DUCTS.items()):
        columns = {"role": "空管", "voltage_kv": 10, **own}
        if laid is not None:
            columns["works"] = f"W{k}"
            table.append({"works": f"W{k}", **laid})
        rows.append((f"{case} E", translate(STATION[1], 0, 2000 * k), STATION[2]))
        rows.append((f"{case} d", translate(line((0, 0), (300, 0)), 0, 2000 * k), columns))
        land[case] = translate(LAND, 0, 2000 * k)
    report = gisplan.check(zone(parcels(**land), power=layer(*rows), works=works(*table)))
    return report.cells[report.cells["service"] == "power"].set_index("parcel")


@pytest.mark.parametrize("case", DUCTS)
def test_ducts(case):
    assert tuple(powered().loc[case, ["grade", "code"]]) == DUCTS[case][2:]


def test_a_cable_that_comes_has_the_day_of_its_works():
    row = powered().loc["its cable is being laid"]
    assert str(row["ready_on"].date()) == "2027-03-01"


def test_a_service_shares_ducts_only_with_one_of_the_profile(tmp_path):
    head = '[profile]\nid = "own"\nversion = "1"\nlabel = "own"\nextends = "jiutong_connection"\n'
    text = head + '[service.catv]\nshares = "{}"\n'
    (tmp_path / "own.toml").write_text(text.format("power"), encoding="utf-8")
    assert load("own.toml", tmp_path).service("catv").shares == "power"
    (tmp_path / "own.toml").write_text(text.format("fibre"), encoding="utf-8")
    with pytest.raises(ProfileError, match=r"service\.catv\.shares"):
        load("own.toml", tmp_path)
