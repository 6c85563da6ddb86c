"""Works, evidence and declared supply points, from CSV, xlsx and frames."""

from __future__ import annotations

import datetime as dt
import zipfile

import openpyxl
import pandas as pd
import pytest
import shapely
from small_zone import WATER, X, Y, codes, found, parcels, pipes

from gisplan.base.errors import EncodingError, FormatError, LayerError, MissingColumn, ProfileError, ReadError
from gisplan.reading.survey import from_frames, read_folder

WORKS = "工程编号,工程名称,阶段,计划完工,总投资,资金状态\nG-01,水厂（示例）,开工,2027-06-30,1200,下达\n"
PAPERS = (
    "地块编号,专项,出具单位,文号,出具日期,有效期,结论\n"
    "P1,给水,供水公司（示例）,1号,2026-05-01,2027-05-01,已通\n"
    "P2,TR,燃气公司（示例）,2号,2026年5月2日,,connected\n"
)


def survey_of(**said):
    return from_frames(parcels(), {"water": pipes()}, lang="en", **said)


def works(**columns):
    data = {"works": ["G-01", "G-02"], "phase": ["开工", "立项"], "planned_on": ["2027-06-30", None], **columns}
    return pd.DataFrame(data)


def papers(**columns):
    data = {"parcel": ["P1", "P2"], "service": ["water", "给水"], "says": ["已通", "未通"], "issuer": ["甲", "乙"]}
    return pd.DataFrame({**data, "number": ["1", "2"], "date": ["2026-05-01", "2026-05-02"], **columns})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_tables_as_csv(zone, encoding):
    folder = zone(WATER + '[works]\nunits = { cost_cny = "万元" }\n')
    (folder / "works.csv").write_bytes(WORKS.replace("\n", "\r\n").encode(encoding))
    (folder / "evidence.csv").write_bytes(PAPERS.encode(encoding))
    survey = read_folder(folder)
    row = survey.works.loc["G-01"]
    assert (row["name"], row.phase, row.funding_state, row.cost_cny) == (
        "水厂（示例）",
        "construction",
        "granted",
        12e6,
    )
    assert row.planned_on == pd.Timestamp("2027-06-30")
    assert survey.evidence.service.tolist() == ["water", "gas"] and survey.evidence.says.tolist() == ["connected"] * 2
    assert survey.evidence.date.dt.date.tolist() == [dt.date(2026, 5, 1), dt.date(2026, 5, 2)]
    assert survey.evidence.expires.isna().tolist() == [False, True]
    assert ("encoding_chosen" in codes(survey)) == (encoding == "gb18030")


def test_without_tables_there_are_empty_ones():
    survey = survey_of()
    assert survey.works.empty and survey.works.index.name == "works" and "phase" in survey.works
    assert survey.evidence.empty and {"parcel", "says", "file"} <= set(survey.evidence.columns)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "empty"),
        ("a,a\n1,2\n", "repeated: a"),
        ("works,phase\nG-01,开工,多\n", "row 2 has 3 cells"),
        ('works,phase\n"G-01,开工\n', "broken"),
        ("works,phase\nG\x00-01,开工\n", "not CSV"),
    ],
)
def test_a_csv_that_is_no_table(zone, text, wanted):
    folder = zone(WATER)
    (folder / "works.csv").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=rf"works\.csv.*{wanted}"):
        read_folder(folder, lang="en")


def test_a_csv_in_no_encoding(zone):
    folder = zone(WATER)
    (folder / "works.csv").write_bytes(b"works\n\xff\xff\x80\n")
    with pytest.raises(EncodingError, match="encoding ="):
        read_folder(folder, lang="en")


def test_a_works_table_without_ids(zone):
    folder = zone(WATER)
    (folder / "works.csv").write_text("name\n水厂\n", encoding="utf-8")
    with pytest.raises(MissingColumn, match=r"works\.csv.*columns = \{ works ="):
        read_folder(folder, lang="en")


def book_of(path, rows, **formats):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cell, form in formats.items():
        book.active[cell].number_format = form
    book.save(path)


def test_a_workbook_shows_what_the_planner_sees(zone):
    folder = zone(WATER)
    head = ["工程编号", "阶段", "计划完工", "总投资", "资金到位率"]
    row = [7, "竣工", dt.datetime(2027, 6, 30), 12_000_000.0, 0.5]
    book_of(folder / "works.xlsx", [head, row, ["0100", "立项", dt.date(2028, 1, 1), None, None]], A2="0000")
    frame = read_folder(folder).works
    assert frame.index.tolist() == ["0007", "0100"]
    assert frame.planned_on.dt.date.tolist() == [dt.date(2027, 6, 30), dt.date(2028, 1, 1)]
    assert frame.cost_cny.iloc[0] == 12e6 and frame.funded_pct.iloc[0] == 0.5


def test_a_workbook_that_has_lost_the_digits_of_an_id(zone):
    folder = zone(WATER)
    book_of(folder / "evidence.xlsx", [["地块编号", "专项", "结论"], [1100010010010000001, "给水", "已通"]])
    with pytest.raises(LayerError, match=r"evidence\.xlsx.*地块编号.*as text"):
        read_folder(folder, lang="en")
    book_of(folder / "evidence.xlsx", [["地块编号", "专项", "结论"], ["1100010010010000001", "给水", "已通"]])
    assert read_folder(folder).evidence.parcel.tolist() == ["1100010010010000001"]


def test_a_workbook_that_is_a_bomb_or_none(zone):
    folder = zone(WATER)
    with zipfile.ZipFile(folder / "works.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (100 << 20))
    with pytest.raises(ReadError, match=r"works\.xlsx.*too large"):
        read_folder(folder, lang="en")
    with zipfile.ZipFile(folder / "works.xlsx", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(ReadError, match=r"works\.xlsx"):
        read_folder(folder, lang="en")


def test_a_sheet_is_chosen_by_name(zone):
    folder = zone(WATER + '[works]\nlayer = "工程"\n')
    book = openpyxl.Workbook()
    book.create_sheet("工程").append(["works"])
    book["工程"].append(["G-09"])
    book.save(folder / "works.xlsx")
    assert read_folder(folder).works.index.tolist() == ["G-09"]


# -------------------------------------------------------------------------------------------------------------- works


def test_works_ids_are_unique_and_not_blank():
    with pytest.raises(LayerError, match="G-01"):
        survey_of(works=works(works=["G-01", "G-01"]))
    survey = survey_of(works=works(works=["G-01", None]))
    assert survey.works.index.tolist() == ["G-01"] and found(survey, "row_set_aside")[0].action == "set aside"


def test_a_commissioning_day_that_is_not_understood_leaves_no_earlier_day():
    frame = survey_of(works=works(commission_on=["2027年底", None], planned_on=["2026-12-01", "2026-12-02"])).works
    assert frame.commission_on.isna().all() and frame.planned_on.isna().tolist() == [True, False]


def test_a_phase_that_is_not_known_is_listed():
    survey = survey_of(works=works(phase=["挖坑", "开工"]))
    assert survey.works.phase.isna().tolist() == [True, False] and "挖坑" in found(survey, "word_unknown")[0].message


def test_works_that_are_nowhere_are_named():
    survey = from_frames(
        parcels(leveling_works=["G-01", "G-77", None]), {"water": pipes(works=["G-88", None])}, works=works()
    )
    text = " ".join(i.message for i in found(survey, "works_missing"))
    assert "G-77" in text and "G-88" in text and "G-01" not in text


# ----------------------------------------------------------------------------------------------------------- evidence


@pytest.mark.parametrize(
    ("column", "values", "why"),
    [
        ("date", ["05/03/2024", "2026-05-02"], "date"),
        ("expires", ["很久", None], "date"),
        ("service", ["魔法", "给水"], "service"),
        ("parcel", [None, "P2"], "neither"),
    ],
)
def test_a_paper_that_is_not_understood_is_set_aside(column, values, why):
    survey = survey_of(evidence=papers(**{column: values}))
    assert survey.evidence.parcel.tolist() == ["P2"]
    (issue,) = found(survey, "row_set_aside")
    assert why in issue.message and issue.feature == "#0"


@pytest.mark.parametrize("says", ["大概通", None])
def test_a_paper_whose_statement_nobody_understands_stays_as_a_doubt(says):
    """It supports nothing; the judge hears it as speaking against, so that damage never makes an answer better."""
    survey = survey_of(evidence=papers(says=[says, "未通"]))
    assert survey.evidence.parcel.tolist() == ["P1", "P2"]
    assert survey.evidence.says.isna().tolist() == [True, False]
    assert not found(survey, "row_set_aside")


def test_papers_about_nothing_known_are_named():
    survey = survey_of(evidence=papers(parcel=["P1", "P9"], feature=["W1", "W9"]))
    assert len(survey.evidence) == 2
    assert "P9" in found(survey, "evidence_parcel_missing")[0].message
    assert "W9" in found(survey, "evidence_feature_missing")[0].message


def test_a_service_is_known_by_key_label_and_letter():
    words = papers(service=["JS", "Water supply"])
    assert survey_of(evidence=words).evidence.service.tolist() == ["water", "water"]


# ------------------------------------------------------------------------------------------------------ supply points

SUPPLY = """
[[supply]]
id = "BS-1"
service = "water"
at = [554000, 4001990]
kind = "水厂"
status = "现状"
as_of = 2026-08-31
issuer = "供水公司（示例）"
document = "供水函12号"
"""


def test_a_supply_point_is_a_feature_with_its_paper(zone):
    survey = read_folder(zone(WATER + SUPPLY))
    row = survey.layers["water"].loc["BS-1"]
    assert (row.role, row.kind, row.status) == ("boundary_supply", "water_plant", "operating")
    assert row.geometry.equals(shapely.Point(X, Y - 10)) and row["file"] == "zone.toml"
    paper = survey.evidence.iloc[0]
    assert (paper.feature, paper.service, paper.issuer, paper.number) == (
        "BS-1",
        "water",
        "供水公司（示例）",
        "供水函12号",
    )
    assert paper.says == "operating" and paper.date == pd.Timestamp("2026-08-31") and pd.isna(paper.parcel)
    assert {str(t) for t in survey.layers["water"].dtypes} == {
        str(t) for t in read_folder(zone(WATER)).layers["water"].dtypes
    }


def test_a_supply_point_that_is_only_planned_vouches_for_nothing(zone):
    survey = read_folder(zone(WATER + SUPPLY.replace("现状", "规划")))
    assert survey.evidence.says.tolist() == ["not_operating"]


def test_a_supply_point_alone_makes_no_network(zone):
    survey = read_folder(zone(WATER + SUPPLY.replace('"water"', '"gas"')))
    assert "gas" not in survey.layers and found(survey, "supply_no_layer")[0].feature == "BS-1"


@pytest.mark.parametrize(
    ("change", "error", "wanted"),
    [
        (("[554000, 4001990]", "[4001990, 554000]"), LayerError, "swapped"),
        (("[554000, 4001990]", "[111.6, 36.15]"), LayerError, "BS-1"),
        (('"BS-1"', '"W1"'), LayerError, "W1"),
        (('"water"', '"magic"'), ProfileError, "magic"),
    ],
)
def test_a_supply_point_that_cannot_be(zone, change, error, wanted):
    with pytest.raises(error, match=wanted):
        read_folder(zone(WATER + SUPPLY.replace(*change)), lang="en")
