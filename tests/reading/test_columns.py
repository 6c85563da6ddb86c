"""Whose column is which: names, units in names, several columns for one of ours. What is in doubt is never known."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gisplan.base.issues import Book
from gisplan.reading.columns import matches, take
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.zone_file import Reader

BASE = Path(__file__).parents[2] / "gisplan" / "base"


def raw(**columns):
    table = pd.DataFrame(columns)
    return RawLayer("w.gpkg", "w", table, np.arange(len(table)))


def taken(layer, table="layer", **says):
    book = Book("en")
    source = Reader("", "en").source("water" if table == "layer" else table, "[layer.water]", says)
    return take(layer, table, source, book), book.table().set_index("code")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("管径", "diameter_mm"), ("DN", "diameter_mm"), ("PSize", "diameter_mm"), ("PipeSize", "diameter_mm"),
        ("PIPE_SIZE", "diameter_mm"), ("ＤＮ", "diameter_mm"), ("口径", "diameter_mm"), ("管径(mm)", "diameter_mm"),
        ("管径（mm）", "diameter_mm"), ("管径_mm", "diameter_mm"), ("管 径", "diameter_mm"), ("GJ", "diameter_mm"),
        ("Diameter_MM", "diameter_mm"), ("diameter", "diameter_mm"), ("公称直径【mm】", "diameter_mm"),
        ("电压等级", "voltage_kv"), ("电压（kV）", "voltage_kv"), ("使用状态", "status"), ("S_Exp", "from_joint"),
        ("FlowDir", "flow"), ("压力级别", "pressure_class"), ("invert_fro", "invert_from_m"),
        ("diameter_m", "diameter_mm"),
        ("起点管底高程(m)", "invert_from_m"), ("车行道宽度（m）", "width_m"), ("宽度米", "width_m"),
    ],
)  # fmt: skip
def test_names_that_are_one_of_ours(name, ours):
    source = Reader("", "en").source("water", "[layer.water]", {})
    found = matches(raw(**{name: ["1"]}), "layer", source, "en")
    assert {key: one.theirs for key, one in found.items()} == {ours: name}


@pytest.mark.parametrize(
    "name", ["D", "管径（现状）", "管径(kV)", "埋深", "depth", "材质", "长度(m)", "diameter_k", "备注"]
)
def test_names_that_are_none_of_ours(name):
    source = Reader("", "en").source("water", "[layer.water]", {})
    assert matches(raw(**{name: ["1"]}), "layer", source, "en") == {}


@pytest.mark.parametrize(
    ("name", "cells", "values", "said"),
    [
        ("管径(m)", ["0.3", "DN300", "300mm", "1.2"], [300.0, 300.0, 300.0, 1200.0], True),
        ("管径（cm）", ["30"], [300.0], True),
        ("管径(mm)", ["300"], [300.0], False),
        ("管径", ["300"], [300.0], False),
        ("diameter_m", ["300"], [300.0], False),  # the rest of diameter_mm in a shapefile
        ("管径(m)", ["300"], [np.nan], True),  # 300 m is no pipe
        ("管径", ["9999", "99999", "-9999", "0"], [np.nan] * 4, False),
    ],
)
def test_a_unit_in_a_name_counts(name, cells, values, said):
    found, issues = taken(raw(**{name: cells}))
    np.testing.assert_allclose(found.frame["diameter_mm"], values)
    assert ("column_unit" in issues.index) == said


def test_volts_in_a_name_and_a_unit_that_zone_toml_states():
    found, issues = taken(raw(**{"电压(V)": ["380", "10000"]}))
    assert found.frame["voltage_kv"].tolist() == [0.38, 10.0] and "×0.001" in issues.loc["column_unit", "message"]
    found, issues = taken(raw(**{"管径(m)": ["30"]}), units={"diameter_mm": "cm"})
    assert found.frame["diameter_mm"].tolist() == [300.0] and "column_unit" not in issues.index


@pytest.mark.parametrize(
    ("name", "says", "values"),
    [
        ("电压", {}, [10.0, np.nan, np.nan, 0.38, 220.0]),
        ("电压(kV)", {}, [10.0, 380.0, 220.0, 0.38, 220.0]),
        ("voltage_kv", {}, [10.0, 380.0, 220.0, 0.38, 220.0]),
        ("电压", {"units": {"voltage_kv": "kV"}}, [10.0, 380.0, 220.0, 0.38, 220.0]),
    ],
)
def test_380_may_be_volts_or_kilovolts(name, says, values):
    found, issues = taken(raw(**{name: ["10", "380", "220", "380V", "220kV"]}), **says)
    np.testing.assert_allclose(found.frame["voltage_kv"], values)
    if name == "电压" and not says:
        assert issues.loc["number_unclear", "message"].count("×1") == 2 and found.puzzled("voltage_kv").sum() == 2


def test_two_columns_that_disagree_are_not_known_where_they_do():
    cells = {
        "状态": ["现状", "现状", None, "现状", None, "规划"],
        "现状规划": ["现状", "规划", "规划", None, "—", "拟建"],
    }
    found, issues = taken(raw(**cells), status="现状")
    assert found.frame["status"].fillna("?").tolist() == ["operating", "?", "?", "operating", "?", "planned"]
    assert found.puzzled("status").tolist() == [False, True, True, False, False, False]
    row = issues.loc["column_conflict"]
    assert row["severity"] == "warning" and "2 rows" in row["message"] and "现状规划" in row["message"]
    assert 'columns = { status = "…" }' in row["hint"]


def test_two_columns_that_agree_are_named_all_the_same():
    found, issues = taken(raw(管径=["300", "200"], DN=["DN300", "200"]))
    assert found.frame["diameter_mm"].tolist() == [300.0, 200.0]
    assert "DN" in issues.loc["column_choice", "message"] and "column_conflict" not in issues.index


def test_two_columns_in_different_units_are_compared_as_lengths():
    found, _ = taken(raw(**{"管径(m)": ["0.3", "0.3"], "DN": ["300", "400"]}))
    np.testing.assert_allclose(found.frame["diameter_mm"], [300.0, np.nan])


def test_dates_and_flags_that_disagree_are_not_known():
    found, _ = taken(
        raw(停用日期=["2026-01-01", None], 停用时间=["2026-02-01", "2025-01-01"], 开关=["开", "关"], 阀位=["关", "关"])
    )
    assert found.frame["close_on"].isna().all() and found.puzzled("close_on").all()
    assert found.frame["open"].fillna(True).tolist() == [True, False] and found.frame["open"].isna().tolist() == [
        True,
        False,
    ]


def test_what_zone_toml_says_needs_no_choice():
    found, issues = taken(raw(状态=["现状"], 现状规划=["规划"]), columns={"status": "现状规划"})
    assert found.frame["status"].tolist() == ["planned"] and not {"column_choice", "column_conflict"} & set(
        issues.index
    )


def test_a_second_column_about_the_state_is_heard_beside_one_of_our_own_name():
    found, issues = taken(raw(status=["现状", "现状"], 现状规划=["规划", "现状"]))
    assert found.frame["status"].isna().tolist() == [True, False] and "column_conflict" in issues.index
    found, issues = taken(raw(name=["a"], 名称=["b"]))  # a name decides nothing
    assert found.frame["name"].tolist() == ["a"] and "column_choice" not in issues.index


def test_two_numbers_of_a_parcel_are_a_choice():
    found, issues = taken(raw(地块编号=["A-01", "A-02"], 宗地代码=["141024001", "141024002"]), "parcels")
    assert found.frame["parcel"].tolist() == ["A-01", "A-02"] and "2 rows" in issues.loc["column_choice", "message"]


def test_no_alias_and_no_word_stands_twice():
    def folded(word):
        return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", word).casefold())

    with (BASE / "fields.csv").open(encoding="utf-8") as rows:
        names = Counter(
            (row["table"], word)
            for row in csv.DictReader(rows)
            for word in {folded(w) for w in (row["column"], *row["aliases"].split("|")) if w}
        )
    assert not [name for name, count in names.items() if count > 1]
    with (BASE / "vocabulary.csv").open(encoding="utf-8") as rows:
        words = Counter(
            (row["vocabulary"], word)
            for row in csv.DictReader(rows)
            for word in {unicodedata.normalize("NFKC", w).casefold() for w in (row["code"], *row["words"].split("|"))}
        )
    assert not [word for word, count in words.items() if count > 1]


@pytest.mark.parametrize(
    ("column", "word", "code"),
    [
        ("status", "现状", "operating"), ("status", "已建", "operating"), ("status", "运行", "operating"),
        ("status", "在用", "operating"), ("status", "投运", "operating"), ("status", "在役", "operating"),
        ("status", "规划", "planned"), ("status", "设计", "planned"), ("status", "拟建", "planned"),
        ("status", "在建", "construction"), ("status", "施工", "construction"), ("status", "建成", "built"),
        ("status", "废弃", "abandoned"), ("status", "停用", "abandoned"), ("status", "已拆除", "abandoned"),
        ("pressure_class", "中压A", "medium_a"), ("pressure_class", "中压Ｂ", "medium_b"),
        ("pressure_class", "中压（A）", "medium_a"), ("pressure_class", "次高压B", "subhigh_b"),
        ("pressure_class", "次高压", None), ("pressure_class", "中压", None), ("status", "正常", None),
        ("status", "新建", None), ("role", "阀门井", "valve"), ("role", "管段", "line"), ("role", "井", None),
    ],
)  # fmt: skip
def test_words_of_the_bureaus(column, word, code):
    found, issues = taken(raw(**{column: [word, word]}))
    assert found.frame[column].fillna("?").tolist() == [code or "?"] * 2
    assert ("word_unknown" in issues.index) == (code is None)
    assert code is not None or f"{word} ×2" in issues.loc["word_unknown", "message"]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("是", True),
        ("开", True),
        ("Y", True),
        ("1", True),
        ("否", False),
        ("关", False),
        ("n", False),
        ("0", False),
        ("半开", None),
    ],
)
def test_yes_and_no(word, value):
    found, _ = taken(raw(open=[word]))
    assert found.frame["open"].tolist() == [value] if value is not None else found.frame["open"].isna().all()
