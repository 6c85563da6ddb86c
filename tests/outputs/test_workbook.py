"""review.xlsx: opened again with openpyxl, and looked at inside."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace

import openpyxl
import pandas as pd
import pytest
from paper_zone import HOSTILE, PARCELS, about, empty_tables, paper_tables

from gisplan.outputs.workbook import safe_text, sheet_name, write_workbook

SHEETS = {
    "zh": ["总览", "地块矩阵", "核查结果", "缺口", "图上问题", "数据问题", "限值与依据"],
    "en": ["Overview", "Matrix", "Findings", "Gaps", "Faults on the map", "Data issues", "Limits"],
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    target = tmp_path_factory.mktemp("book") / "review.xlsx"
    write_workbook(paper_tables(), target, "en")
    return target


@pytest.fixture(scope="module")
def book(path):
    return openpyxl.load_workbook(path)


def parts(path):
    with zipfile.ZipFile(path) as archive:
        return {
            name: archive.read(name).decode("utf-8") for name in archive.namelist() if name.endswith((".xml", ".rels"))
        }


@pytest.mark.parametrize("lang", ["zh", "en", "both"])
@pytest.mark.parametrize("make", [paper_tables, empty_tables])
def test_seven_sheets_in_every_language(tmp_path, lang, make):
    write_workbook(make(), tmp_path / "x.xlsx", lang)
    names = openpyxl.load_workbook(tmp_path / "x.xlsx").sheetnames
    assert len(names) == 7
    assert names == SHEETS.get(lang, names)
    assert all(len(name) <= 31 for name in names)


def test_no_formula_no_link_no_outside_part(path):
    for name, text in parts(path).items():
        assert "<f>" not in text and "<f " not in text, name
        assert "<hyperlink" not in text, name
        assert "http://x.invalid" not in text or "worksheets/sheet" in name or "sharedStrings" in name, name
        assert 'TargetMode="External"' not in text, name


def test_matrix_shows_ids_as_text_and_letters_with_colours(book):
    sheet = book["Matrix"]
    heading = [cell.value for cell in sheet[4]]
    rows = list(sheet.iter_rows(min_row=5))
    assert [row[0].value for row in rows] == list(PARCELS)
    assert {row[0].data_type for row in rows} == {"s"}
    assert {row[0].number_format for row in rows} == {"@"}
    water = heading.index("Water supply")
    assert [row[water].value for row in rows] == list("AABN")
    assert len({row[water].fill.fgColor.rgb for row in rows}) == 3  # A, B and N differ
    assert rows[0][heading.index("Area (mu)")].value == 50.125
    assert rows[1][heading.index("Ready on")].value == pd.Timestamp("2027-01-31")


def test_matrix_is_frozen_and_filtered(book):
    sheet = book["Matrix"]
    assert sheet.freeze_panes == "C5"
    assert sheet.auto_filter.ref == f"A4:M{4 + len(PARCELS)}"


def test_every_sheet_says_profile_dates_and_that_the_zone_is_invented(book):
    for sheet in book:
        assert "Invented example" in sheet["A1"].value
        assert "2026.11" in sheet["A2"].value and "2026-11-01" in sheet["A2"].value


def test_a_real_zone_is_not_called_invented(tmp_path):
    write_workbook(paper_tables(about=about(invented=False)), tmp_path / "x.xlsx", "zh")
    assert not any("虚构" in text for text in parts(tmp_path / "x.xlsx").values())


def test_findings_keep_numbers_infinity_and_blank_apart(book):
    sheet = book["Findings"]
    column = [cell.value for cell in sheet[4]].index("Value")
    values = [row[column].value for row in sheet.iter_rows(min_row=5)]
    assert values[:5] == [-0.5, "∞", None, "-0.3", "medium A"]
    assert len(values) == len(HOSTILE)


def test_hostile_texts_come_back_as_texts(book):
    sheet = book["Data issues"]
    column = [cell.value for cell in sheet[4]].index("Message")
    cells = [row[column] for row in sheet.iter_rows(min_row=5)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert cells[0].value == HOSTILE[0]
    assert cells[11].value == HOSTILE[11]
    assert cells[14].value.endswith("…") and len(cells[14].value) == 32_767


def test_faults_are_ranked_and_named_in_words(book):
    sheet = book["Faults on the map"]
    heading = [cell.value for cell in sheet[4]]
    rows = [dict(zip(heading, (cell.value for cell in row), strict=True)) for row in sheet.iter_rows(min_row=5)]
    assert [row["Id"] for row in rows] == [f"F-{i:010d}" for i in range(3 + len(HOSTILE))]
    first = rows[0]
    assert (first["Layer"], first["Severity"], first["Cause of the break"]) == (
        "Water supply",
        "error",
        "a gap in the drawing only",
    )
    assert (first["Land cut off (mu)"], first["Repair of the drawing (m)"]) == (135, 1.25)
    assert rows[1]["Code"] == "joined over a gap" and rows[2]["Layer"] == "Parcels"
    assert rows[2]["Other feature"] == "P-07" and rows[2]["Cause of the break"] is None
    column = heading.index("Feature")
    cells = [row[column] for row in sheet.iter_rows(min_row=8)]
    assert {cell.data_type for cell in cells} == {"s"} and cells[0].value == HOSTILE[0]


def test_limits_show_unit_basis_and_clause(book):
    sheet = book["Limits"]
    heading = [cell.value for cell in sheet[4]]
    row = [cell.value for cell in sheet[5]]
    assert [row[heading.index(name)] for name in ("Limit", "Unit", "Basis", "Clause")] == [
        "≤ 50 m",
        "m",
        "assumed",
        "?",
    ]


def test_yes_and_no_are_words_of_the_readers_language(tmp_path):
    """A limit that the zone set itself, and one that it did not: 是 and 否, never the codes."""
    tables = paper_tables()
    tables = replace(tables, limits=pd.concat([tables.limits, tables.limits]).assign(overridden=[True, False]))
    for lang, said in (("zh", ["是", "否"]), ("en", ["yes", "no"])):
        write_workbook(tables, tmp_path / f"{lang}.xlsx", lang)
        sheet = openpyxl.load_workbook(tmp_path / f"{lang}.xlsx")[SHEETS[lang][-1]]
        column = [cell.value for cell in sheet[4]].index({"zh": "本区自定", "en": "Set by the zone"}[lang])
        assert [row[column].value for row in sheet.iter_rows(min_row=5)][:2] == said


def test_overview_counts_parcels_and_says_what_is_not_checked(book):
    text = " ".join(str(cell.value) for row in book["Overview"].iter_rows() for cell in row if cell.value is not None)
    assert "Capacity and invert levels are not yet checked." in text
    assert "water: status declared as operating" in text
    assert "A connected" in text


def test_same_tables_same_bytes(tmp_path, path):
    write_workbook(paper_tables(), tmp_path / "again.xlsx", "en")
    assert (tmp_path / "again.xlsx").read_bytes() == path.read_bytes()


def test_a_large_book_says_the_same(tmp_path, monkeypatch, path):
    monkeypatch.setattr("gisplan.outputs.workbook._HELD", 0)
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(paper_tables(), tmp_path / name, "en")
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    large, small = openpyxl.load_workbook(tmp_path / "a.xlsx"), openpyxl.load_workbook(path)
    for sheet in small:
        assert [[c.value for c in row] for row in large[sheet.title]] == [[c.value for c in row] for row in sheet]


def test_a_sheet_that_is_too_long_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("gisplan.outputs.workbook._ROW_LIMIT", 3)
    write_workbook(paper_tables(), tmp_path / "x.xlsx", "en")
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx")["Findings"]
    assert "first 3 of 16 rows" in sheet["A3"].value
    assert sheet.max_row == 7


@pytest.mark.parametrize("text", ["𠮷" * 20_000, "x" * 40_000, "x" + "𠮷" * 20_000])
def test_a_text_is_cut_at_the_limit_of_excel_and_never_inside_a_sign(text):
    cut = safe_text(text)
    assert len(cut.encode("utf-16-le")) // 2 <= 32_767
    assert cut.endswith("…")
    assert "\ufffd" not in cut
    assert safe_text("x" * 32_767) == "x" * 32_767


@pytest.mark.parametrize("name", ["a/b\\c:d*e?f[g]", "'quoted'", "", "x" * 60, "\x00", "给水" * 30])
def test_sheet_names_are_what_excel_accepts(name):
    made = sheet_name(name)
    assert 1 <= len(made) <= 31
    assert not re.search(r"[\[\]:*?/\\\x00]", made)
    assert not made.startswith("'") and not made.endswith("'")
    assert sheet_name(name, [made.upper()]).casefold() != made.casefold()


def test_what_a_zone_has_more_of_has_a_sheet_of_its_own(tmp_path):
    ledger = pd.DataFrame(
        {"service": ["water"], "feature": ["=S"], "kind": ["source"], "unit": ["m3/d"], "capacity": [100.0],
         "used": [90.0], "promised": [50.0], "left": [-40.0], "last_holder": [None], "refused": [1]}
    )  # fmt: skip
    due = pd.DataFrame(
        {"days_left": [-3], "due": [pd.Timestamp("2026-10-29")], "kind": ["commitments"], "parcel": ["P"],
         "what": ["@x"], "number": ["7"]}
    )  # fmt: skip
    write_workbook(paper_tables(ledger=ledger, due=due, holders=ledger.iloc[:0]), tmp_path / "x.xlsx", "en")
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    assert [name for name in book.sheetnames if name not in SHEETS["en"]] == ["Capacity ledger", "Due soon"]
    head, row = ([cell.value for cell in book["Capacity ledger"][at]] for at in (4, 5))
    found = dict(zip(head, row, strict=True))
    assert (found["Feature"], found["Kind"], found["Allotted"], found["Left"]) == ("=S", "source", 50, -40)
    head, row = ([cell.value for cell in book["Due soon"][at]] for at in (4, 5))
    found = dict(zip(head, row, strict=True))
    assert (found["Days left"], found["Kind"], found["What"]) == (-3, "commitment", "@x")


def test_the_storm_formula_stands_on_every_sheet(tmp_path):
    formula = {"zh": "暴雨公式 A = 1，未经确认", "en": "storm formula A = 1: not confirmed"}
    write_workbook(paper_tables(about=about(formula=formula)), tmp_path / "x.xlsx", "en")
    for sheet in openpyxl.load_workbook(tmp_path / "x.xlsx"):
        assert sheet["A2"].value.endswith("storm formula A = 1: not confirmed"), sheet.title
