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
    words_of,
)

FIRST = dt.date(2026, 11, 1)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-01", "2026/11/1", "20261101", "2026年11月1日", "2026.11.1", "２０２６－１１－０１", " 2026-11-01 ",
        "2026-11-01T00:00:00", "2026-11-01 08:30", "2026-11-01T08:30:00.123+08:00", "2026 年 11 月 1 日",
    ],
)  # fmt: skip
def test_dates_with_one_meaning(text):
    assert date_of(text) == FIRST


@pytest.mark.parametrize(
    "text",
    ["05/03/2024", "5-3-2024", "20240230", "2024-13-01", "45000", "2024", "2024-11", "明年", "26-11-1", "0001-1-1"],
)
def test_dates_without_one_meaning(text):
    assert date_of(text) is None


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("300", "mm", 300.0), ("DN300", "mm", 300.0), ("ＤＮ３００", "mm", 300.0), ("dn 300", "mm", 300.0),
        ("φ300", "mm", 300.0), ("De110", "mm", 110.0), ("300mm", "mm", 300.0), ("10kV", "kV", 10.0),
        ("０．４", "kV", 0.4), ("1,200", "m2", 1200.0), ("1.2e3", "m2", 1200.0), ("12 m", "m", 12.0),
        ("-3.5", "m", -3.5),
    ],
)  # fmt: skip
def test_numbers(text, unit, value):
    assert number_of(text, unit) == value


@pytest.mark.parametrize("text", ["", "-9999", "-9999.0", "—", "NULL", "/", "无"])
def test_numbers_that_say_nothing(text):
    assert math.isnan(number_of(text, "mm"))


@pytest.mark.parametrize(
    ("text", "unit"),
    [("300×200", "mm"), ("0.3 m", "mm"), ("约300", "mm"), ("inf", "m"), ("1,2", "m"), ("10 MPa", "kV")],
)
def test_numbers_that_are_not_understood(text, unit):
    assert number_of(text, unit) is None


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
