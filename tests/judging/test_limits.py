"""Limits: every one with where it is from; the zone's own laid over the profile's, named in every output."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import openpyxl
import pytest
from sketch import layer, line, parcel, parcels, point, zone

from gisplan.base.errors import ProfileError
from gisplan.base.issues import Book
from gisplan.judging.limits import storm_formula
from gisplan.reading.limits import own_limits
from gisplan.reading.zone_file import read_zone_file
from gisplan.report import check
from gisplan.rules.overrides import Entry, names, override, written
from gisplan.rules.profile import load, shipped

OWN = {"water.size": {"at_least": "250 mm", "basis": "local", "cite": "供水函1号"}}


def town(**rest):
    """A parcel 10 m from a main of 200 mm that a working plant feeds."""
    water = layer(
        ("W1", line((-50, -10), (200, -10)), {"diameter_mm": 200}),
        ("S", point(-50, -10), {"role": "source", "kind": "water_plant"}),
    )
    return zone(parcels(P=parcel(0, 0, 100, 100)), water=water, **{"profile": "jiutong_connection", **rest})


def refuse(entry, key, found, allowed):
    return ProfileError(f"{entry.key}|{key}|{found}|{allowed}")


def test_an_own_limit_decides_and_is_listed():
    before, after = check(town()), check(town(limits=OWN))
    assert before.cells.loc[before.cells["service"] == "water", "grade"].item() == "A"
    cell = after.cells[after.cells["service"] == "water"].iloc[0]
    assert (cell["grade"], cell["code"]) == ("D", "undersized")
    note = after.issues[after.issues["code"] == "limit_overridden"].iloc[0]
    assert (note["severity"], note["action"], note["feature"]) == ("info", "declared", "water.size")
    assert "≥ 250 mm" in note["message"] and "≥ 150 mm" in note["message"] and "供水函1号" in note["message"]
    row = after.limits.set_index("what").loc["water.size"]
    assert (row["limit"], row["former"], row["basis"], row["code"], row["clause"]) == (
        "≥ 250 mm", "≥ 150 mm", "local", "供水函1号", "",
    )  # fmt: skip
    assert row["overridden"] and row["sure"] == "local" and row["uses"] == 1
    assert not before.limits["overridden"].any()


def test_every_output_says_what_the_zone_set_itself(tmp_path):
    report = check(town(limits=OWN))
    report.to_excel(tmp_path / "a.xlsx", "zh")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    told = "water.size ≥ 250 mm (≥ 150 mm)"
    assert any(told in str(cell.value) for row in book["总览"].iter_rows() for cell in row)
    page = report.map("zh").page()
    block = json.loads(page.split('id="gisplan-data">')[1].split("</script>")[0])
    assert any(told in note[0] for note in block["about"]["notes"]) and len(block["limits"]["own"]) == 1
    finding = report.findings.set_index("condition").loc["water.size"]
    assert finding["clause"] == "供水函1号" and "本区自定" in finding["reason_zh"]
    assert "set by the zone" in finding["reason_en"]
    assert "本区自定" in report.explain("P", "water", "zh")


@pytest.mark.parametrize("name", shipped())
def test_every_limit_is_listed_with_its_basis(name):
    found = check(town(profile=name)).limits
    profile = load(name)
    assert set(names(profile)) <= set(found["what"]) and found["what"].is_unique
    assert found["basis"].isin(["code", "local", "assumed"]).all()
    assert not found.loc[found["basis"] == "code", "clause"].eq("").any()
    assert (found.loc[found["basis"] == "assumed", "sure"] == "assumed").all()
    unnamed = (found["basis"] == "code") & (found["clause"] == "?")
    assert (found.loc[unnamed, "sure"] == "unchecked").all()
    conditions = found[found["kind"] == "condition"]
    assert conditions["what"].tolist() == [c.id for c in profile.conditions]


@pytest.mark.parametrize(
    ("key", "entry", "text"),
    [
        ("water.velocity", {"value": "1.2 m/s", "basis": "assumed"}, "1.2 m/s"),
        ("storm.storm_a", {"value": 1500, "basis": "local", "cite": {"code": "x", "clause": "2"}}, "1500"),
        ("sewage.fullness", {"by_diameter": [["500 mm", 0.5]], "basis": "assumed"}, "≤ 500 mm: 0.5"),
        ("water.price", {"value": "900 CNY/m", "basis": "assumed"}, "900 CNY/m"),
        ("inspection.near_miss", {"value": "3 m", "basis": "assumed"}, "3 m"),
        ("snap", {"value": "0.2 m", "basis": "assumed"}, "0.2 m"),
        ("parcel_overlap", {"value": "2 m2", "basis": "assumed"}, "2 m2"),
        ("land.area.stated", {"at_most": "3 %", "basis": "assumed"}, "≤ 3 %"),
        ("water.reserve", {"at_least": "20 %", "basis": "assumed"}, "≥ 20 %"),
        ("power.demand", {"by_use": {"M1": "310 kW/ha"}, "basis": "assumed"}, "M1: 310 kW/ha"),
        ("land.corridor.power_110", {"each_side": "5 m", "basis": "assumed"}, "≥ 5 m"),
        ("land.stage.horizon", {"at_most": "18 months", "basis": "assumed"}, "≤ 18 months"),
        ("leveling.above_road", {"at_least": "-0.1 m", "basis": "assumed"}, "≥ -0.1 m"),
        ("leveling.slope", {"by_use": {"industrial": ["0.3 %", "5 %"]}, "basis": "assumed"}, "industrial: 0.3–5 %"),
    ],
)
def test_any_of_them_can_be_set(key, entry, text):
    base = load("jiutong_classic")
    changed = override(base, (Entry(key, "here", entry),), refuse)
    if "by_use" in entry:  # what it does not name stays as it was
        assert text in written(changed, key) != written(base, key)
        assert written(changed, key).count(";") == written(base, key).count(";")
    else:
        assert written(changed, key) == text != written(base, key)
    assert changed.overridden[key].former == written(base, key)
    others = [name for name in names(base) if name != key]
    assert [written(changed, name) for name in others] == [written(base, name) for name in others]


@pytest.mark.parametrize(
    ("key", "entry", "wrong"),
    [
        ("water.size", {"at_least": "1 m/s", "basis": "assumed"}, "a number in mm"),
        ("water.size", {"at_least": "200 mm", "basis": "local"}, "cite"),
        ("water.size", {"at_least": "200 mm", "basis": "code", "cite": " "}, "cite"),
        ("water.size", {"at_least": "200 mm", "basis": "assumed", "cite": "x"}, "cite"),
        ("water.size", {"at_least": "200 mm"}, "basis"),
        ("water.size", {"value": "200 mm", "basis": "assumed"}, "exactly one of"),
        ("water.size", {"at_least": "200 mm", "at_most": "300 mm", "basis": "assumed"}, "exactly one of"),
        ("water.velocity", {"at_least": "1 m/s", "basis": "assumed"}, "value"),
        ("water.velocity", {"value": "-1 m/s", "basis": "assumed"}, "not below zero"),
        ("inspection.near_miss", {"value": "-1 m", "basis": "assumed"}, "below zero"),
        ("water.price", {"at_least": "1 CNY/m", "basis": "assumed"}, "value"),
        ("water.size", {"at_most": "200 mm", "basis": "assumed"}, "not its direction"),
        ("water.size", {"between": ["100 mm", "200 mm"], "basis": "assumed"}, "not its direction"),
        ("water.size", {"at_least": "-1 mm", "basis": "assumed"}, "not below zero"),
        ("water.reserve", {"at_least": "-50 %", "basis": "assumed"}, "not below zero"),
        ("sewage.fall", {"at_least": "-1 m", "basis": "assumed"}, "not below zero"),
        ("leveling.slope", {"between": ["0 %", "90 %"], "basis": "assumed"}, "not its direction"),
        ("land.area.stated", {"at_least": "0 %", "basis": "assumed"}, "not its direction"),
        ("land.corridor.power_110", {"at_most": "5 m", "basis": "assumed"}, "not its direction"),
        ("land.stage.horizon", {"at_most": "99999999 months", "basis": "assumed"}, "600 months"),
        ("water.peak_hour", {"value": 0, "basis": "assumed"}, "not below 1"),
        ("sewage.peak_day", {"value": 0.5, "basis": "assumed"}, "not below 1"),
        ("sewage.roughness", {"value": 0, "basis": "assumed"}, "above zero"),
        ("sewage.discharge", {"value": 0, "basis": "assumed"}, "a share above zero"),
        ("sewage.fullness", {"by_diameter": [["500 mm", 1.5]], "basis": "assumed"}, "a share above zero"),
        ("sewage.peak_flow", {"by_flow": [["5 L/s", 0]], "basis": "assumed"}, "not below 1"),
        ("power.power_factor", {"value": 1.2, "basis": "assumed"}, "not above 1"),
        ("storm.return_period", {"value": "0.01 a", "basis": "assumed"}, "not below 0.5"),
        ("power.circuit", {"by_voltage": [["10 kV", "8 kW"]], "basis": "assumed"}, "MVA, kVA"),
        ("snap", {"value": "1 mm", "basis": "assumed"}, "a number in m"),
    ],
)
def test_what_is_wrong_is_refused(key, entry, wrong):
    with pytest.raises(ProfileError) as refusal:
        override(load("jiutong_classic"), (Entry(key, "here", entry),), refuse)
    assert key in str(refusal.value) and wrong in str(refusal.value)


def test_a_name_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(ProfileError, match=r"water\.sizes.*Did you mean water\.size\?"):
        town(limits={"water.sizes": {"at_least": "1 mm", "basis": "assumed"}}, lang="en")


def test_zone_toml_names_them_with_their_line(tmp_path):
    text = '[zone]\ncrs = "EPSG:4546"\n\n[limits]\n"water.size" = { at_least = "250 mm", basis = "assumed" }\n'
    (tmp_path / "zone.toml").write_text(text, encoding="utf-8")
    (entry,) = read_zone_file(tmp_path).limits
    assert (entry.key, entry.raw) == ("water.size", {"at_least": "250 mm", "basis": "assumed"})
    assert entry.place.startswith("zone.toml:5 ")
    (tmp_path / "zone.toml").write_text(text.replace("basis", "bases"), encoding="utf-8")
    with pytest.raises(ProfileError, match="bases"):
        read_zone_file(tmp_path, "en")


@pytest.mark.parametrize(
    ("entry", "zh", "en"),
    [
        ('{ at_least = 5, basis = "assumed" }', "单位可用 mm", "a number in mm, as text with its unit"),
        ('{ at_least = "5 m", basis = "assumed" }', '如 "5 mm"', 'for example "5 mm"'),
        ('{ at_least = "5 mm", basis = "local" }', 'cite = "供水函〔2026〕1号"', 'cite = "Letter 1/2026"'),
        ('"200 mm"', '{ at_least = "200 mm", basis =', '{ at_least = "200 mm", basis ='),
        ('{ at_most = "5 mm", basis = "assumed" }', "不能改其方向", "not its direction"),
    ],
)
def test_a_refusal_names_the_line_and_an_example_in_the_language_of_the_run(tmp_path, entry, zh, en):
    text = f'[zone]\ncrs = "EPSG:4546"\n\n[limits]\n"water.size" = {entry}\n'
    (tmp_path / "zone.toml").write_text(text, encoding="utf-8")
    for lang, said in (("zh", zh), ("en", en)):
        with pytest.raises(ProfileError, match=r"zone\.toml:5 ") as refusal:
            own_limits(load("jiutong_connection"), read_zone_file(tmp_path, lang).limits, True, Book(lang))
        assert said in str(refusal.value)
        assert lang == "en" or not re.search(r"allowed|number in", str(refusal.value))


def test_a_class_that_an_own_norm_does_not_name_keeps_the_one_of_the_profile():
    own = {"power.demand": {"by_use": {"M1": "310 kW/ha"}, "basis": "local", "cite": "供电函1号"}}
    zone_ = town(profile="jiutong_classic", limits=own)
    norm = zone_.profile.service("power").figures["demand"].by_use
    assert norm == {**load("jiutong_classic").service("power").figures["demand"].by_use, "M1": 310.0}
    note = zone_.issues[zone_.issues["code"] == "limit_overridden"].iloc[0]
    assert "M1: 310" in note["message"] and "M2: " in note["message"]


def test_a_finding_of_land_says_that_the_zone_set_its_limit():
    own = {"land.area.stated": {"at_most": "3 %", "basis": "local", "cite": "函1号"}}
    found = check(town(limits=own)).land_findings.set_index("test")
    for lang, said in (("zh", "本区自定"), ("en", "set by the zone itself")):
        assert said in found.loc["land.area.stated", f"reason_{lang}"]
        assert said not in found.loc["land.net.title", f"reason_{lang}"]


def test_a_profile_with_the_levelling_alone_is_judged():
    whole = load("jiutong_connection")
    alone = replace(whole, id="toy", services=(whole.service("leveling"),))
    land = check(zone(parcels(P=parcel(0, 0, 100, 100)), profile=alone)).land
    assert land["connections"].tolist() == [0] and land["sentence_zh"].str.len().gt(0).all()


def test_the_storm_formula_is_unconfirmed_until_somebody_vouches_for_all_of_it():
    assert storm_formula(load("jiutong_connection")) is None
    found = storm_formula(load("jiutong_classic"))
    assert "1207.4" in found.zh and "0.94" in found.zh and "5.64" in found.zh and "0.74" in found.zh
    assert "未经确认" in found.zh and "not confirmed" in found.en
    profile = load("jiutong_classic")
    values = {"storm_a": 1300, "storm_c": 0.9, "storm_b": "6 min", "storm_n": 0.7}
    for i, (name, value) in enumerate(values.items()):
        assert "not confirmed" in storm_formula(profile).en, i
        entry = {"value": value, "basis": "local", "cite": "气象函1号"}
        profile = override(profile, (Entry(f"storm.{name}", "here", entry),), refuse)
    assert "not confirmed" not in storm_formula(profile).en and "气象函1号" in storm_formula(profile).en
