"""The tolerance curve in a terminal: what changes is shown, and what is used and recommended is marked."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from paper_zone import paper_tables
from rich.cells import cell_len

from gisplan.outputs.curve import advice, chart, show_curves, surveys


def curve(**changes):
    """Ten gaps: five of 0.2 m, five of 3 m."""
    at = [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 5.0]
    table = {
        "service": "water",
        "survey": "water.gpkg:pipes",
        "lines": 40,
        "used_m": 0.4,
        "recommended_m": 0.2,
        "verdict": "clear",
        "loose": 12.0,
        "short_share": 0.025,
        "tolerance_m": at,
        "joins": [0, 0, 0, 5, 5, 5, 5, 10, 10],
        "parts": [11, 11, 11, 6, 6, 6, 6, 1, 1],
        "refused": [0, 0, 0, 0, 0, 0, 0, 0, 1],
    }
    return pd.DataFrame({**table, **changes})


def text_of(table, lang="en"):
    stream = io.StringIO()
    show_curves(table, paper_tables(), lang, file=stream)
    return stream.getvalue()


def test_only_what_changes_and_what_is_marked_is_drawn():
    rows = chart(curve(), "en")
    assert [(row["tolerance"], row["joins"], row["parts"], row["refused"]) for row in rows] == [
        ("0", "0", "11", "0"),
        ("0.2", "5", "6", "0"),
        ("0.3", "5", "6", "0"),  # 0.4 m is used: the last tolerance of the curve that is not above it
        ("3", "10", "1", "0"),
        ("5", "10", "1", "1"),
    ]
    assert [row["mark"] for row in rows] == ["", "recommended", "used 0.4", "", ""]
    assert [len(row["bar"]) for row in rows] == [0, 12, 12, 24, 24]


def test_used_and_recommended_may_be_one():
    assert [row["mark"] for row in chart(curve(used_m=0.2), "zh")] == ["", "现用 建议", "", ""]


def test_a_long_curve_is_thinned_out_and_keeps_its_marks():
    count = 200
    at = np.arange(count) / 100
    long = pd.DataFrame(
        {**curve().iloc[0].to_dict(), "tolerance_m": at, "joins": range(count), "parts": 1, "refused": 0}
    )
    rows = chart(long.assign(used_m=0.57, recommended_m=1.23), "en")
    assert len(rows) <= 16
    assert {"0.57": "used", "1.23": "recommended"}.items() <= {row["tolerance"]: row["mark"] for row in rows}.items()
    assert (rows[0]["joins"], rows[-1]["joins"]) == ("0", "199")


@pytest.mark.parametrize("verdict", ["clear", "unsure", "bad"])
def test_the_advice_says_how_sure_it_is(verdict):
    text = "\n".join(line for line, _ in advice(curve(verdict=verdict), paper_tables(), "en"))
    assert "Water supply · water.gpkg:pipes (lines: 40)" in text
    assert "Used now: 0.4 m; its own gaps speak for 0.2 m" in text and "12 loose ends" in text and "2.5 %" in text
    assert ("wrong" in text) == (verdict != "clear")


def test_nothing_to_recommend_says_so_and_draws_nothing():
    none = curve(recommended_m=np.nan, verdict="meets", short_share=np.nan, joins=0)
    text = text_of(none)
    assert "leave the tolerance as it is" in text and "#" not in text
    assert "speak for" not in text and "recommended" not in text


def test_each_survey_has_a_chart_of_its_own():
    both = pd.concat([curve(), curve(survey="old.dxf", used_m=0.1), curve(service="sewage")], ignore_index=True)
    assert [set(rows["survey"]) for rows in surveys(both)] == [{"water.gpkg:pipes"}, {"old.dxf"}, {"water.gpkg:pipes"}]
    text = text_of(both, "zh")
    assert text.count("给水 · ") == 2 and text.count("污水 · ") == 1 and text.count("容差（米）") == 3


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_eighty_columns_hold_the_chart(lang):
    assert max(cell_len(line.rstrip()) for line in text_of(curve(), lang).splitlines() if "#" in line) <= 80


def test_a_hostile_name_of_a_file_does_not_drive_the_terminal():
    text = text_of(curve(survey="[red]x[/red]\x1b[31m\r\u202e.gpkg"))
    assert "[red]x[/red]" in text and not set(text) & set("\x1b\r\u202e")
