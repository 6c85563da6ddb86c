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
    "no_layer", "no_source", "declared_absent", "letter", "letter_denies", "barriers_unknown", "future", "none_found",
    "several", "valve_lost", "feature_lost", "source_unknown", "works_unknown", "closed", "parcel_geometry",
    "no_ground", "ground_gap", "by_profile", "by_promise", "past",
}  # fmt: skip


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


def test_every_grade_and_reason_occurs(report: Report) -> None:
    assert set(report.cells["grade"]) == set("ABCDUN")
    reasons = {c.removeprefix("reason.") for c in codes("reason.") if not c.startswith("reason.leveling.")}
    assert reasons - ELSEWHERE <= set(report.cells["code"])


def test_four_to_six_offered_parcels_are_ready(report: Report) -> None:
    offered = report.readiness[report.readiness["supply_status"] == "offered"]
    assert 18 <= len(offered) <= 24
    assert 4 <= (offered["ready"] == "yes").sum() <= 6


def test_the_zone_is_small_and_says_that_it_is_invented(report: Report) -> None:
    assert sum(p.stat().st_size for p in GANTING.iterdir()) < 5_000_000
    about = report.tables().about
    assert about["invented"]
    assert "虚构" in about["title"]["zh"]
    assert "invented" in about["title"]["en"]


def test_the_dictionary_names_every_column_and_every_trap() -> None:
    """layers/README.md against the code: every column that the readers know, every code word of the expectations."""
    text = (LAYERS / "README.md").read_text(encoding="utf-8")
    for table in ("parcels", "layer", "works", "barriers", "evidence"):
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
    limits = report.tables().limits.set_index("condition")
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
