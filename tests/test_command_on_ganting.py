"""The command on the embedded zone, with nothing stood in for: the files agree with each other, and runs repeat."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import openpyxl
import pandas as pd
import pyogrio
import pytest

from gisplan.cli import main

GANTING = Path(__file__).resolve().parent.parent / "layers" / "ganting"
SERVICES = ["road", "water", "storm", "sewage", "power", "telecom", "gas", "heat", "catv", "leveling"]
CHOSEN = ["CQ-E-02-01", "GT-D-01-04"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "out"
    assert main(["check", str(GANTING), "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def some(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("some") / "out"
    assert main(["check", str(GANTING), "--out", str(folder), "--parcels", ",".join(CHOSEN), "--strict"]) == 0
    return folder


def test_letters_are_the_same_in_table_workbook_and_geopackage(out):
    table = {row["parcel"]: [row[s] for s in SERVICES] for row in rows(out / "readiness.csv")}
    layer = pyogrio.read_dataframe(out / "review.gpkg", layer="parcels", read_geometry=False).set_index("parcel")
    assert {p: list(layer.loc[p, [f"grade_{s}" for s in SERVICES]]) for p in layer.index} == table
    sheet = openpyxl.load_workbook(out / "review.xlsx", read_only=True)["地块矩阵"]
    book = {row[0]: list(row[-len(SERVICES) :]) for row in sheet.iter_rows(min_row=5, values_only=True)}
    assert book == table


def test_counts_are_the_same_everywhere(out):
    counts = json.loads((out / "run.json").read_text(encoding="utf-8"))["counts"]
    table, gaps = rows(out / "readiness.csv"), json.loads((out / "gaps.geojson").read_text(encoding="utf-8"))
    assert counts["parcels"] == len(table) == pyogrio.read_info(out / "review.gpkg", layer="parcels")["features"]
    assert counts["gaps"] == len(gaps["features"]) == pyogrio.read_info(out / "review.gpkg", layer="gaps")["features"]
    assert counts["findings"] == len(rows(out / "findings.csv"))
    assert sum(counts["issues"].values()) == len(rows(out / "issues.csv"))
    letters = pd.Series([row[s] for row in table for s in SERVICES]).value_counts()
    assert {k: v for k, v in counts["cells"].items() if v} == letters.to_dict()
    assert counts["ready"] == {k: sum(row["ready"] == k for row in table) for k in ("yes", "no", "unknown")}


def test_every_input_is_named_with_its_sum(out):
    from gisplan.base.files import sha256

    inputs = json.loads((out / "run.json").read_text(encoding="utf-8"))["inputs"]
    assert {"zone.toml", "parcels.gpkg", "water.gpkg", "works.csv", "evidence.csv", "dem.tif"} <= set(inputs)
    assert inputs == {name: sha256(GANTING / name) for name in inputs}


def test_parcels_change_what_is_reported_never_what_is_computed(out, some):
    assert [row["parcel"] for row in rows(some / "readiness.csv")] == sorted(
        CHOSEN, key=[row["parcel"] for row in rows(out / "readiness.csv")].index
    )
    for name in ("readiness.csv", "findings.csv"):
        assert rows(some / name) == [row for row in rows(out / name) if row["parcel"] in CHOSEN]


def test_the_same_input_gives_the_same_bytes(some, tmp_path):
    assert main(["check", str(GANTING), "--out", str(tmp_path), "--parcels", ",".join(CHOSEN)]) == 0
    for path in some.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_strict_finds_the_unknown(tmp_path, capsys):
    unknown = "CQ-E-06-03"  # overlaps its neighbour
    assert main(["check", str(GANTING), "--out", str(tmp_path), "--parcels", unknown, "--strict"]) == 4
    assert unknown in capsys.readouterr().out


def test_the_page_is_small_and_every_output_says_that_the_zone_is_invented(out):
    assert (out / "review.html").stat().st_size < 3_000_000
    assert "虚构示例" in (out / "review.html").read_text(encoding="utf-8")
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["invented"] is True
    assert json.loads((out / "gaps.geojson").read_text(encoding="utf-8"))["about"]["invented"] is True
    book = openpyxl.load_workbook(out / "review.xlsx", read_only=True)
    assert all("虚构示例" in next(sheet.iter_rows(max_row=1, values_only=True))[0] for sheet in book)


def test_no_output_names_this_machine(out):
    for path in out.iterdir():
        assert str(GANTING.parent).encode() not in path.read_bytes(), path.name


def test_explain_answers_for_the_same_cell(out, capsys):
    row = next(row for row in rows(out / "readiness.csv") if row["sewage"] == "B")
    assert main(["explain", str(GANTING), row["parcel"], "污水"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(row["parcel"]) and "污水：B" in first


def test_notes_of_reviewers_come_back_in_every_file(tmp_path, capsys):
    note = {"kind": "cell", "parcel": "GT-D-01-04", "service": "sewage", "mark": "wrong", "text": "现场已接通"}
    gone = {"kind": "parcel", "parcel": "GT-Z-99", "mark": "doubt"}
    whole = {"gisplan_review": 1, "reviewer": "王工", "plane": "degrees", "notes": [note, gone]}
    far = tmp_path / "别处"
    far.mkdir()
    (far / "notes-王工.json").write_text(json.dumps(whole), encoding="utf-8")
    folder = tmp_path / "out"
    assert main(["review", str(GANTING), str(far / "*.json"), "--out", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "现场已接通" in said and "失去对象 1" in said
    assert "GT-Z-99" in said and "nan" not in said  # what is bound to nothing keeps the number that it was noted with
    found = rows(folder / "notes.csv")
    assert {row["noted_parcel"]: row["status"] for row in found} == {"GT-D-01-04": "open", "GT-Z-99": "orphaned"}
    book = openpyxl.load_workbook(folder / "review.xlsx", read_only=True)["审核意见"]
    cells = {cell for row in book.iter_rows(values_only=True) for cell in row}
    assert {"王工", "现场已接通", "失去对象", "错"} <= cells
    assert "现场已接通" in (folder / "review.html").read_text(encoding="utf-8")
    assert str(tmp_path) not in (folder / "review.html").read_text(encoding="utf-8")


def test_a_wrong_name_of_notes_is_told_before_anything_is_read(tmp_path, capsys):
    assert main(["review", str(GANTING), str(tmp_path / "none.json"), "--out", str(tmp_path / "out")]) == 3
    told = capsys.readouterr().err
    assert "none.json" in told and str(tmp_path) not in told and not (tmp_path / "out").exists()
