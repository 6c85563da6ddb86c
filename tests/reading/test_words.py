from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from gisplan.reading.words import (
    as_dates,
    as_numbers,
    cell_text,
    date_of,
    lost_digits,
    number_of,
    unit_factor,
    unit_of_name,
    words_of,
)

FIRST = dt.date(2026, 11, 1)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-01", "2026/11/1", "20261101", "2026年11月1日", "2026.11.1", "２０２６－１１－０１", " 2026-11-01 ",
        "二〇二六年十一月一日", "二零二六年十一月一日", "01-Nov-2026", "1 November 2026", "20261101083000",
        "2026年11月1号", "2026-11-01T08:30:00Z",
        "2026-11-01T00:00:00", "2026-11-01 08:30", "2026-11-01T08:30:00.123+08:00", "2026 年 11 月 1 日",
    ],
)  # fmt: skip
def test_dates_with_one_meaning(text):
    assert date_of(text) == FIRST


@pytest.mark.parametrize(
    "text",
    [
        "2026年11月",
        "二〇二六年十一月",
        "二〇二六年十三月一日",
        "二〇二六年一二月一日",
        "二〇二六年二月三十日",
        "01-Foo-2026",
        "01-11-2026",
        "20261101250000",
        "2026年11月31日",
        "43891",
        "约2026-11-01",
        "2026-11-01前",
        "05/03/2024",
        "5-3-2024",
        "20240230",
        "2024-13-01",
        "45000",
        "2024",
        "2024-11",
        "明年",
        "26-11-1",
        "0001-1-1",
    ],
)
def test_dates_without_one_meaning(text):
    assert date_of(text) is None


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("300", "mm", 300.0), ("DN300", "mm", 300.0), ("ＤＮ３００", "mm", 300.0), ("dn 300", "mm", 300.0),
        ("φ300", "mm", 300.0), ("De110", "mm", 110.0), ("300mm", "mm", 300.0), ("10kV", "kV", 10.0),
        ("０．４", "kV", 0.4), ("1,200", "m2", 1200.0), ("1.2e3", "m2", 1200.0), ("12 m", "m", 12.0),
        ("-3.5", "m", -3.5), ("Φ300", "mm", 300.0), ("D300", "mm", 300.0), ("de110", "mm", 110.0),
        ("DN=300", "mm", 300.0),
        ("⌀300", "mm", 300.0), ("300毫米", "mm", 300.0), ("10 千伏", "kV", 10.0), ("0.4kV", "kV", 0.4),
        ("380V", "kV", 0.38),
        ("380伏", "kV", 0.38), ("１０ＫＶ", "kV", 10.0), ("1,234.5", "m", 1234.5), ("12米", "m", 12.0),
        ("-0", "m", 0.0),
    ],
)  # fmt: skip
def test_numbers(text, unit, value):
    assert number_of(text, unit) == value


@pytest.mark.parametrize("text", ["", "-9999", "-9999.0", "—", "NULL", "/", "无"])
def test_numbers_that_say_nothing(text):
    assert math.isnan(number_of(text, "mm"))


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("300×200", "mm"),
        ("0.3 m", "mm"),
        ("约300", "mm"),
        ("inf", "m"),
        ("1,2", "m"),
        ("10 MPa", "kV"),
        ("300*200", "mm"),
        ("2-DN400", "mm"),
        ("2×DN400", "mm"),
        ("3孔", "mm"),
        (">300", "mm"),
        ("≥DN300", "mm"),
        ("300-400", "mm"),
        ("300~400", "mm"),
        ("DN300/DN200", "mm"),
        ("1234,5", "m"),
        ("1.234,5", "m"),
        ("220/380V", "kV"),
        ("0,300", "m"),
        ("DN", "mm"),
        ("D", "mm"),
        ("DN300", "m"),
        ("10kVA", "kV"),
    ],
)
def test_numbers_that_are_not_understood(text, unit):
    assert number_of(text, unit) is None


def test_nothing_below_nothing():
    assert math.copysign(1, number_of("-0.0", "m")) == 1.0


def test_a_nominal_diameter_is_in_millimetres_whatever_its_column_is_in():
    assert (number_of("0.3", "mm", 1000.0), number_of("DN300", "mm", 1000.0)) == (300.0, 300.0)


@pytest.mark.parametrize(
    ("name", "unit", "found"),
    [
        ("管径(mm)", "mm", ("管径", "mm")), ("管径（cm）", "mm", ("管径", "cm")), ("电压/kV", "kV", ("电压", "kV")),
        ("总投资（万元）", "CNY", ("总投资", "万元")), ("总投资万元", "CNY", ("总投资", "万元")),
        ("dn_mm", "mm", ("dn", "mm")),
        ("管径(现状)", "mm", ("管径(现状)", "")), ("管径(kV)", "mm", ("管径(kV)", "")), ("米", "m", ("米", "")),
        ("形象进度(%)", "%", ("形象进度", "%")),
    ],
)  # fmt: skip
def test_units_in_names(name, unit, found):
    assert unit_of_name(name, unit) == found


def test_nothing_is_not_a_diameter():
    values, odd = as_numbers(words_of(pd.Series(["0", "DN100", "-5", None, "x"])), "mm", positive=True)
    assert values.tolist()[1] == 100.0 and values.isna().tolist() == [True, False, True, True, True]
    assert odd[words_of(pd.Series(["0", "DN100", "-5", None, "x"])).at].tolist()[:3] == [False, False, True]


def test_a_level_may_be_nothing_or_below():
    values, _ = as_numbers(words_of(pd.Series([0.0, -1.5, np.nan, -9999.0])), "m")
    assert values.tolist()[:2] == [0.0, -1.5] and values.isna().tolist() == [False, False, True, True]


def test_units_of_the_file():
    assert (unit_factor("m", "mm"), unit_factor("cm", "m"), unit_factor("亩", "m2")) == (1000.0, 0.01, 2000 / 3)
    assert unit_factor("万元", "CNY") == 10_000.0
    assert unit_factor("kV", "mm") is None and unit_factor("furlong", "m") is None
    values, _ = as_numbers(words_of(pd.Series([0.4, -9999.0])), "mm", 1000.0, positive=True)
    assert values[0] == pytest.approx(400.0) and math.isnan(values[1])


def test_a_word_is_kept_as_it_stands_and_blanks_are_missing():
    words = words_of(pd.Series(["0100", " a ", "", "　", None, "0100"]))
    assert words.words == ("0100", " a ")
    assert words.text().isna().tolist() == [False, False, True, True, True, False]
    assert words.counts(np.array([True, True])) == {"0100": 2, " a ": 1}


def test_numbers_in_text_columns_have_no_decimal_point():
    assert words_of(pd.Series([1.0, 2.5, np.nan])).words == ("1", "2.5")
    assert words_of(pd.Series([1100010010010000001], dtype="int64")).words == ("1100010010010000001",)
    assert words_of(pd.Series([True, False])).words == ("true", "false")
    assert words_of(pd.Series(pd.to_datetime(["2026-11-01", None]))).words == ("2026-11-01",)
    assert words_of(pd.Series([1, None, 2], dtype="Int64")).words == ("1", "2")
    assert cell_text(np.float64("nan")) is None


def test_digits_that_are_gone_are_noticed():
    assert lost_digits(pd.Series([1.1e18, np.nan]))
    assert lost_digits(pd.Series([1.1e18, "a"], dtype=object))
    assert not lost_digits(pd.Series([1.5, np.nan]))
    assert not lost_digits(pd.Series([2**60], dtype="int64"))


def test_a_date_column():
    dates, odd = as_dates(words_of(pd.Series(["2026-11-01", "05/03/2024", None, "/", "2026-11-01"])))
    assert dates.dt.date.tolist()[0] == FIRST and dates.isna().tolist() == [False, True, True, True, False]
    assert odd.tolist() == [False, True, False]
    real, _ = as_dates(words_of(pd.Series(pd.to_datetime(["2026-11-01 08:00", None]))))
    assert real[0] == pd.Timestamp("2026-11-01")


def test_a_column_of_floats_is_understood_as_its_cells_are():
    """Floats become texts and numbers again a quicker way; it must be the same way."""
    rng = np.random.default_rng(1)
    drawn = rng.normal(0, 1, 200) * 10.0 ** rng.integers(-9, 18, 200)
    cells = [
        *drawn,
        0.0,
        -0.0,
        1.0,
        -9999.0,
        -999.0,
        2.0**53,
        2.0**60,
        1e-7,
        1e22,
        np.inf,
        -np.inf,
        np.nan,
        300.0,
        300.0,
    ]
    for kind in ("float64", "float32"):
        column = pd.Series(np.array(cells, dtype=kind))
        quick, slow = words_of(column), words_of(column.astype(object))
        assert quick.words == slow.words
        assert quick.at.tolist() == slow.at.tolist()
    for text in ("12", "-12.50", "007", "0.1", "-0", "-999", "9" * 17, "1234567.123456789", "12345678901234567.5"):
        for unit, factor in (("", 1.0), ("mm", 1000.0), ("m", 0.3)):
            wide = "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in text)  # full-width digits
            assert repr(number_of(text, unit, factor)) == repr(number_of(wide, unit, factor))


def test_blank_words_are_left_out_wherever_they_stand():
    words = words_of(pd.Series(["a", " ", "b", None, "", "a"], dtype="str"))
    assert (words.words, words.at.tolist()) == (("a", "b"), [0, -1, 1, -1, -1, 0])
