"""CSV: exact columns, UTF-8 with BOM, nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from paper_zone import HOSTILE, PARCELS, X0, Y0, empty_tables, paper_tables

from gisplan.outputs.csvfiles import (
    harmless,
    write_csv,
    write_faults,
    write_findings,
    write_issues,
    write_joins,
    write_notes,
    write_readiness,
)

READINESS = (
    "parcel area_mu supply_status ready ready_by_delivery ready_on connected_count required_count water sewage leveling"
)
FINDINGS = (
    "parcel service condition weight value unit limit verdict grade feature works ready_on basis clause "
    "reason_zh reason_en"
)
ISSUES = "code severity file layer feature message hint action"
FAULTS = (
    "id code severity layer feature other cause gap_m repair_m build_m stranded_parcels stranded_mu alone_mu "
    "hanging_parcels hanging_mu message_zh message_en hint_zh hint_en x y"
)
JOINS = "id service feature other kind gap_m doubt undone hanging_parcels hanging_mu x y"
NOTES = "status,parcel,service,kind,mark,text,reviewer,at,noted_parcel,seen,now,disputed,why_zh,why_en,file"
WRITERS = {
    "readiness": write_readiness,
    "findings": write_findings,
    "issues": write_issues,
    "faults": write_faults,
    "joins": write_joins,
}
COLUMNS = {"readiness": READINESS, "findings": FINDINGS, "issues": ISSUES, "faults": FAULTS, "joins": JOINS}


def test_notes_keep_their_columns_and_run_nothing(tmp_path):
    row = dict.fromkeys(NOTES.split(","), "") | {"status": "open", "text": "=1+1", "reviewer": "@王", "disputed": True}
    write_notes(replace(paper_tables(), notes=pd.DataFrame([row])), tmp_path / "n.csv")
    assert (tmp_path / "n.csv").read_text(encoding="utf-8-sig").splitlines()[0] == NOTES
    (told,) = read(tmp_path / "n.csv")
    assert (told["text"], told["reviewer"], told["disputed"]) == ("'=1+1", "'@王", "yes")


def read(path):
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf"), "Excel needs the BOM to read 中文"
    assert data.count(b"\xef\xbb\xbf") == 1
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def one_column(tmp_path, values, name="text", dtype=object):
    write_csv(pd.DataFrame({name: pd.Series(values, dtype=dtype)}), tmp_path / "x.csv")
    return [row[name] for row in read(tmp_path / "x.csv")]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("make", [paper_tables, empty_tables])
def test_columns_are_exactly_those_of_the_contract(tmp_path, name, make):
    path = tmp_path / f"{name}.csv"
    WRITERS[name](make(), path)
    heading = path.read_text(encoding="utf-8-sig").splitlines()[0]
    assert heading.split(",") == COLUMNS[name].split()


@pytest.mark.parametrize("name", WRITERS)
def test_no_cell_begins_like_a_formula(tmp_path, name):
    path = tmp_path / f"{name}.csv"
    WRITERS[name](paper_tables(), path)
    rows = read(path)
    assert rows
    numeric = {"value", "area_mu", "connected_count", "required_count"}
    for row in rows:
        for column, cell in row.items():
            assert cell[:1] not in set("=+-@\t\r\n") or column in numeric, (column, cell[:40])


def test_every_row_and_id_is_there_as_text(tmp_path):
    write_readiness(paper_tables(), tmp_path / "r.csv")
    rows = read(tmp_path / "r.csv")
    assert [row["parcel"] for row in rows] == ["0012", "1234567890123456789", "'=1+1", "P-07"]
    assert len(rows) == len(PARCELS)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_formula_signs_get_an_apostrophe(start):
    assert harmless(f"{start}x") == f"'{start}x"
    assert harmless(f"x{start}") == f"x{start}"


def test_numbers_stay_numbers(tmp_path):
    numbers = [-0.5, 3, np.float64(-2.25), np.int64(-7), np.nan, None, np.inf, -np.inf, 1 / 3]
    expected = ["-0.5", "3", "-2.25", "-7", "", "", "inf", "-inf", "0.333333"]
    assert one_column(tmp_path, numbers) == expected
    assert one_column(tmp_path, [-0.5, np.nan, np.inf], dtype="float64") == ["-0.5", "", "inf"]
    assert one_column(tmp_path, [-3, None], dtype="Int64") == ["-3", ""]


def test_a_measured_number_kept_as_text_is_a_number_and_a_formula_is_not(tmp_path):
    assert one_column(tmp_path, ["-0.3", "medium_a", "-1+2", "inf"], "value") == ["-0.3", "medium_a", "'-1+2", "inf"]
    assert one_column(tmp_path, ["-0.3"], "feature") == ["'-0.3"]


def test_dates_are_iso_and_missing_is_blank(tmp_path):
    days = pd.to_datetime(["2027-01-31", None])
    assert one_column(tmp_path, days, dtype="datetime64[ns]") == ["2027-01-31", ""]
    assert one_column(tmp_path, [days[0], pd.NaT, days[0].date()]) == ["2027-01-31", "", "2027-01-31"]


def test_each_fault_has_a_place(tmp_path):
    """The middle of a line of 5 m, the point itself, a point inside a square, nothing where there is no shape."""
    write_faults(paper_tables(), tmp_path / "f.csv")
    rows = read(tmp_path / "f.csv")
    assert (rows[0]["x"], rows[0]["y"]) == (f"{X0 + 1.5:.15g}", f"{Y0 + 2:.15g}")
    assert (rows[1]["x"], rows[1]["y"]) == (f"{X0 + 10:.15g}", f"{Y0:.15g}")
    assert X0 < float(rows[2]["x"]) < X0 + 2 and Y0 < float(rows[2]["y"]) < Y0 + 2
    assert (rows[-1]["x"], rows[-1]["y"]) == ("", "")
    assert [row["id"] for row in rows] == paper_tables().faults["id"].tolist(), "ranked as they came"


def test_a_join_says_whether_it_was_undone(tmp_path):
    tables = paper_tables()
    write_joins(paper_tables(joins=tables.joins.assign(undone=True)), tmp_path / "j.csv")
    (row,) = read(tmp_path / "j.csv")
    assert (row["id"], row["undone"], row["hanging_mu"]) == ("J-0000000001", "yes", "50.1")


def test_equal_values_of_different_types_stay_apart(tmp_path):
    assert one_column(tmp_path, [1, True, "1", 1.5]) == ["1", "yes", "1", "1.5"]
    assert one_column(tmp_path, [True, False], dtype=bool) == ["yes", "no"]


def test_large_tables_are_written_in_parts_with_one_heading(tmp_path, monkeypatch):
    monkeypatch.setattr("gisplan.outputs.csvfiles._ROWS", 10)
    assert one_column(tmp_path, [f"id{i}" for i in range(25)]) == [f"id{i}" for i in range(25)]


def test_hostile_texts_come_back_whole_but_for_control_characters(tmp_path):
    cells = one_column(tmp_path, list(HOSTILE))
    assert len(cells) == len(HOSTILE)
    assert cells[11] == "<script>alert(1)</script>"
    assert not any(set(cell) & set("\x00\x0b\x1b\x1f") for cell in cells)


def test_same_tables_same_bytes(tmp_path):
    for name in ("a.csv", "b.csv"):
        write_findings(paper_tables(), tmp_path / name)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
