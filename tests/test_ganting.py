"""The embedded zone: what its README and its table of expectations say must be what the engine finds."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import gisplan
from gisplan.base.fields import fields
from gisplan.base.labels import codes
from gisplan.report import Report

LAYERS = Path(__file__).parents[1] / "layers"
GANTING = LAYERS / "ganting"

# These need a zone that lacks something; test_missing.py takes it away.
ELSEWHERE = {
    "no_source", "declared_absent", "letter_denies", "barriers_unknown", "future", "none_found",
    "several", "valve_lost", "feature_lost", "source_unknown", "works_unknown", "closed", "parcel_geometry",
    "no_ground", "letter_stray", "by_profile", "by_promise", "past", "no_capacity_alone", "order_unknown_alone",
}  # fmt: skip

# What the same zone says by a profile that asks for more, without its power layer and with one kind not looked at.
BY_VARIANT = {"no_layer", "letter", "letter_capacity", "flood", "flood_unknown", "obstacles", "obstacles_unknown"}
STRICTER = """
[profile]
id = "stricter"
version = "1"
extends = "jiutong_classic"
label = "stricter"

[[service.leveling.condition]]
id = "leveling.flood"
weight = "required"

[[service.leveling.condition]]
id = "leveling.obstacles"
weight = "required"
"""


@pytest.fixture(scope="module")
def report() -> Report:
    return gisplan.check(gisplan.read(GANTING))


def expected() -> pd.DataFrame:
    return pd.read_csv(GANTING / "expected.csv", dtype=str, encoding="utf-8-sig", keep_default_na=False)


def test_every_expected_cell_is_found(report: Report) -> None:
    """expected.csv is written by the script from what it built, not from what the engine says."""
    table = expected()
    assert len(table) >= 60
    both = table.merge(report.cells, on=["parcel", "service"], suffixes=("", "_found"), how="left")
    wrong = both[(both["grade"] != both["grade_found"]) | (both["code"] != both["code_found"])]
    assert not len(wrong), wrong[["parcel", "service", "grade", "code", "grade_found", "code_found"]].to_string()


def said(report: Report) -> set[str]:
    """Every reason code that decides a cell, or that a further condition gives (a warning decides no cell)."""
    outcomes = report.zone.judged().outcomes.values()
    return set(report.cells["code"]).union(*(set(o.code.texts()) for o in outcomes)) - {""}


def test_every_grade_verdict_and_reason_occurs(report: Report) -> None:
    assert set(report.cells["grade"]) == set("ABCDUN")
    assert set(report.findings["verdict"]) == {"ready", "gap", "unknown", "not_applicable"}
    reasons = {c.removeprefix("reason.") for c in codes("reason.") if not c.startswith("reason.leveling.")}
    assert not reasons - ELSEWHERE - BY_VARIANT - said(report)


def test_the_ways_of_levelling_occur(report: Report) -> None:
    found = set(report.cells.loc[report.cells["service"] == "leveling", "code"])
    assert {"accepted", "construction", "planned", "undated", "unfunded", "overdue", "above_road"} <= found


@pytest.fixture(scope="module")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The zone without its power layer and without a survey of obstacles, and one paper that promises too little."""
    folder = tmp_path_factory.mktemp("variant") / "ganting"
    shutil.copytree(GANTING, folder)
    (folder / "power.gpkg").unlink()
    (folder / "stricter.toml").write_text(STRICTER, encoding="utf-8")
    said = (folder / "zone.toml").read_text(encoding="utf-8")
    said = said.replace('profile = "jiutong_classic"', 'profile = "stricter.toml"').replace(', "障碍物"]', "]")
    (folder / "zone.toml").write_text(said, encoding="utf-8")
    papers = pd.read_csv(folder / "evidence.csv", dtype=str, encoding="utf-8-sig", keep_default_na=False)
    papers.loc[(papers["parcel"] == "GT-B-03-04") & (papers["service"] == "power"), "capacity"] = "1"
    papers.to_csv(folder / "evidence.csv", index=False)
    promises = pd.read_csv(folder / "commitments.csv", dtype=str, encoding="utf-8-sig", keep_default_na=False)
    promises.loc[promises["parcel"] == "", "due_on"] = ""
    promises.to_csv(folder / "commitments.csv", index=False)
    return gisplan.check(gisplan.read(folder))


def test_what_the_zone_does_not_lack_a_variant_of_it_does(variant: Report) -> None:
    assert not BY_VARIANT - said(variant)
    cells = variant.cells.set_index(["parcel", "service"])
    # 6.5946 ha × 400 kW/ha × 0.8 = 2110 kW; 1 MVA × 0.95 = 950 kW is less, 3 MVA × 0.95 = 2850 kW is enough.
    assert cells.loc[("GT-B-03-04", "power"), ["grade", "code"]].tolist() == ["U", "letter_capacity"]
    assert cells.loc[("GT-B-04-03", "power"), ["grade", "code"]].tolist() == ["A", "letter"]
    assert cells.loc[("GT-B-04-01", "power"), ["grade", "code"]].tolist() == ["U", "no_layer"]


def test_no_variant_is_better_than_the_zone(report: Report, variant: Report) -> None:
    """A layer taken away, and more asked for: nothing may turn ready by it."""
    both = report.cells.merge(variant.cells, on=["parcel", "service"], suffixes=("", "_variant"))
    better = both[(both["grade"] != "A") & (both["grade_variant"] == "A") & (both["service"] != "power")]
    assert not len(better), better[["parcel", "service", "grade", "grade_variant"]].to_string()


def test_every_level_and_conclusion_occurs(report: Report) -> None:
    land = report.land
    assert set(land["stage"]) == {"L0", "L1", "L2", "L3", "L4", "L5"}
    assert set(land["conclusion"]) == {"offer", "after_tasks", "unfit", "unknown"}
    expected = {
        "GT-B-03-04": ("L5", "offer"),  # ready in everything
        "GT-D-01-04": ("L4", "after_tasks"),  # lacks the plant, two months away
        "GT-B-03-02": ("L3", "after_tasks"),  # its sewage does not fall to the manhole
        "GT-A-04-02": ("L2", "unknown"),  # archaeology of its sub-park is pending, and two voices on telecom
        "GT-B-02-04": ("L1", "after_tasks"),  # no power to start with
        "GT-C-03-03": ("L0", "unknown"),  # its land use is blank
        "CQ-E-01-01": ("L5", "unfit"),  # as far as can be, and granted already
    }
    assert {p: tuple(land.loc[p, ["stage", "conclusion"]]) for p in expected} == expected


def test_the_answers_about_land_occur(report: Report, variant: Report) -> None:
    tables = report.land_findings, variant.land_findings
    found = {code.rsplit(".", 1)[1] for table in tables for code in table["code"].dropna()}
    # Of these tests/land has one each: a constraint that lost its shape, a plan dated later, a rule on a service that
    # is not there, corridors that leave nothing or may, an overlap within a limit that a zone set itself.
    elsewhere = {"lost", "no_service", "plan_later", "little_left", "left_unsure", "overlap_within"}
    words = {c.removeprefix("land.result.") for c in codes("land.result.")} - elsewhere
    assert not words - found, words - found


def test_the_last_three_megavolt_amperes_are_promised_once(report: Report) -> None:
    """XM-03 and XM-05 ask for 3 MVA each of a switching station; the earlier delivery gets them.

    3 MVA × 0.95 = 2850 kW. The station gives 40 MVA, of which 29.6 are promised: 10.4 × 0.95 = 9.88 MW.
    """
    cells = report.cells.set_index(["parcel", "service"])
    assert cells.loc[("GT-B-02-03", "power"), "grade"] == "A"
    assert cells.loc[("GT-B-02-04", "power"), ["grade", "code"]].tolist() == ["D", "no_capacity"]
    row = report.ledger.set_index(["service", "feature"]).loc[("power", "GD-GT-KB2")]
    assert row["capacity"] - row["used"] == pytest.approx(9880.0)
    holders = report.ledger_holders
    mine = holders[(holders["feature"] == "GD-GT-KB2") & (holders["service"] == "power")].set_index("parcel")
    assert mine.loc["GT-B-02-03", "load"] == mine.loc["GT-B-02-04", "load"] == pytest.approx(2850.0)
    assert 0 <= mine.loc["GT-B-02-03", "left_after"] < 2850.0
    assert mine.loc["GT-B-02-03", "place"] < mine.loc["GT-B-02-04", "place"]


SHORT = {
    "zh": r"([\d.]+) − ([\d.]+) − ([\d.]+)×(\d+) = ([\d.]+) < 井 \w+ 管底 ([\d.]+)，差 ([\d.]+) m，需提升",
    "en": r"([\d.]+) − ([\d.]+) − ([\d.]+)×(\d+) = ([\d.]+) < invert ([\d.]+) of manhole \w+: ([\d.]+) m short",
}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_deficit_of_the_low_parcel_is_said_with_its_arithmetic(report: Report, lang: str) -> None:
    """Its land was cut 1.35 m below the natural mean: about a metre too low for the manhole before it."""
    text = report.explain("GT-B-03-02", "sewage", lang)
    low, depth, slope, run, end, invert, deficit = map(float, re.findall(SHORT[lang], text)[0])
    assert (depth, slope) == (1.0, 0.003)
    assert low - depth - slope * run == pytest.approx(end, abs=0.012)
    assert invert - end == pytest.approx(deficit, abs=0.012)
    assert 0.8 < deficit < 1.2


def test_every_cell_is_said_in_both_languages(report: Report) -> None:
    for table in (report.cells, report.findings, report.land_findings):
        for lang in ("zh", "en"):
            words = table[f"reason_{lang}"]
            assert words.notna().all() and words.str.strip().ne("").all()
            open_places = words[words.str.contains(r"[{}]")]
            assert not len(open_places), open_places.iloc[0]
    chinese = re.compile("[\u4e00-\u9fff]")
    assert report.cells["reason_zh"].str.contains(chinese).all()
    land = report.land
    assert land["sentence_zh"].notna().all() and land["sentence_en"].notna().all()


def test_four_to_six_offered_parcels_are_ready(report: Report) -> None:
    offered = report.readiness[report.readiness["supply_status"] == "offered"]
    assert 18 <= len(offered) <= 24
    assert 4 <= (offered["ready"] == "yes").sum() <= 6


def test_the_zone_is_small_and_says_that_it_is_invented(report: Report) -> None:
    assert sum(p.stat().st_size for p in GANTING.iterdir()) < 4_000_000
    about = report.tables().about
    assert about["invented"]
    assert "虚构" in about["title"]["zh"]
    assert "invented" in about["title"]["en"]


def test_the_dictionary_names_every_column_and_every_trap() -> None:
    """layers/README.md against the code: every column that the readers know, every code word of the expectations."""
    text = (LAYERS / "README.md").read_text(encoding="utf-8")
    for table in (
        "parcels", "layer", "works", "barriers", "evidence", "projects", "netland", "assessments", "commitments",
        "buildings", "constraints",
    ):  # fmt: skip
        missing = [column for column in fields(table) if not re.search(rf"\b{column}\b", text)]
        assert not missing, f"{table}: {missing}"
    assert not [code for code in set(expected()["code"]) if code not in text]
    assert not [p.name for p in GANTING.iterdir() if p.stem.split(".")[0] not in text]


def test_the_script_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("ganting_maker", "make_ganting.py"):
        source = LAYERS / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    subprocess.run([sys.executable, str(tmp_path / "make_ganting.py")], check=True, capture_output=True)
    made = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (tmp_path / "ganting").iterdir()}
    kept = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in GANTING.iterdir()}
    assert made == kept


def test_the_rows_of_a_cell_agree_with_its_grade(report: Report) -> None:
    """The worst of a cell's required findings (D, U, C, B, A) is its grade; and every condition has its row."""
    limits = report.tables().limits
    limits = limits[limits["kind"] == "condition"].set_index("what")
    findings = report.findings
    assert len(findings) == len(report.zone.parcels) * len(limits)
    required = findings[findings["condition"].map(limits["weight"]) == "required"]
    order = {"A": 0, "B": 1, "C": 2, "U": 3, "D": 4, "N": 5}
    worst = required["grade"].map(order).groupby([required["parcel"], required["service"]]).max()
    grades = report.cells.set_index(["parcel", "service"])["grade"].map(order)
    wrong = worst[worst != grades.reindex(worst.index)]
    assert not len(wrong), wrong.to_string()
    verdict = {"A": "ready", "B": "gap", "C": "gap", "D": "gap", "U": "unknown", "N": "not_applicable"}
    assert (findings["grade"].map(verdict) == findings["verdict"]).all()


def test_a_gap_of_the_drawing_a_missing_main_and_a_closed_valve_are_told_apart(report: Report) -> None:
    """Two mains of one service, and a valve: what to mend, how far, and how much land lies behind each."""
    faults = report.zone.faults
    found = faults[faults["code"].str.startswith("break_")].set_index("feature")
    area = report.zone.parcels["area_mu"]
    gap, main, valve = found.loc["GB-GT-QD2"], found.loc["GB-GT-H16"], found.loc["JS-GT-H06-F1"]
    assert (gap["code"], gap["cause"], gap["other"]) == ("break_drawing", "drawing", "GB-GT-QD2-L")
    assert gap["repair_m"] == pytest.approx(0.4, abs=0.002) and gap["build_m"] == gap["repair_m"]
    assert gap["stranded_mu"] == pytest.approx(area[["GT-A-05-01", "GT-A-03-03"]].sum())
    assert (main["code"], main["cause"]) == ("break_missing", "missing")
    assert main["build_m"] == pytest.approx(380, abs=0.1) and pd.isna(main["repair_m"])
    assert main["stranded_mu"] == pytest.approx(area[["GT-D-10-03", "GT-D-04-06"]].sum())
    assert (valve["code"], valve["cause"], valve["repair_m"]) == ("break_valve", "valve", 0)
    assert "断开 0.4 m，疑为绘图间隙；若确需新建，约 0.4 m" in gap["message_zh"]
    assert "0.4 m apart" in gap["message_en"] and "gap of the drawing" in gap["message_en"]
    assert "380 m 外，需新建" in main["message_zh"] and "380 m away" in main["message_en"]
    assert "阀门" in valve["message_zh"] and "valve" in valve["message_en"]
