"""The fix list: what is kept of it, how it is counted, and how it reads in a terminal."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from paper_zone import HOSTILE, empty_tables, faults, joins, paper_tables
from rich.cells import cell_len

from gisplan.outputs import fixes
from gisplan.outputs.console import show_lines
from gisplan.outputs.fixes import Asked, counts, head, headings, ranked, records, select


def plain_faults():
    """The first three faults: a break that strands 135 mu, a join on which 50.1 mu hang, two parcels that overlap."""
    return paper_tables(faults=faults().iloc[:3])


def text_of(lines):
    stream = io.StringIO()
    show_lines(lines, file=stream)
    return stream.getvalue()


def test_counts_begin_with_the_land_at_stake():
    rows = counts(paper_tables(), "en")
    assert [tuple(row[name] for name in ("code", "severity", "count", "stranded", "hanging")) for row in rows] == [
        ("near_miss", "error", "1", "135", ""),
        ("joined", "warning", "1", "", "50.1"),
        ("joined", "note", str(len(HOSTILE)), "", ""),
        ("parcel_overlap", "note", "1", "", ""),
    ]
    assert list(headings("en")) == list(rows[0])
    assert [row["count"] for row in counts(empty_tables(), "zh")] == []


def test_the_head_counts_by_severity():
    assert f"错误 1，警告 1，提示 {1 + len(HOSTILE)}" in text_of(head(paper_tables(), "zh"))
    assert "No faults on the map" in text_of(head(empty_tables(), "en"))


def test_a_break_says_land_cause_and_both_repairs():
    lines = text_of(ranked(plain_faults(), "zh", 1)).splitlines()
    entry = "\n".join(lines)
    assert lines[3].startswith(" 1. [错误]") and lines[3].endswith("给水 · L1 — L2")
    assert "2 宗 135" in entry and "恢复 90.5 亩" in entry
    assert "图上画断" in entry and "改图：1.25 m" in entry and "新建：380 m" in entry
    assert "message_zh 0" in entry and "→ hint_zh 0" in entry and "message_en" not in entry
    assert "525001.5" in entry and "3995002.0" in entry and "F-0000000000" in entry
    assert lines[-1].startswith("另有 2 处")


def test_a_break_behind_another_break_says_that_mending_it_alone_brings_nothing():
    frame = faults().iloc[:1].assign(alone_mu=0.0)
    assert "brings nothing back" in text_of(ranked(paper_tables(faults=frame), "en", 5))
    unknown = faults().iloc[:1].assign(alone_mu=np.nan)
    assert "alone" not in text_of(ranked(paper_tables(faults=unknown), "en", 5))


@pytest.mark.parametrize(
    ("repair", "build", "said"),
    [
        (0.0, 0.0, ["Repair of the data: an attribute, no line moves"]),
        (3.0, 3.04, ["Repair of the data: 3 m", "to build: 3.04 m"]),
        (np.nan, 379.99, ["to build: 380 m"]),
        (np.nan, np.nan, []),
    ],
)
def test_repair_and_building_stand_side_by_side(repair, build, said):
    frame = faults().iloc[:1].assign(code="break_valve", cause="valve", repair_m=repair, build_m=build)
    text = text_of(ranked(paper_tables(faults=frame), "en", 5))
    assert all(part in text for part in said)
    assert text.count("Repair of the data") + text.count("to build") == len(said)
    assert "Cause" not in text, "the kind has said it"
    crossed = frame.assign(repair_m=0.0, cause="missing")
    assert "draw a joint where they cross" in text_of(ranked(paper_tables(faults=crossed), "en", 5))


def test_parcels_are_concerned_and_do_not_depend():
    frame = faults().iloc[2:3].assign(hanging_parcels=2.0, hanging_mu=51.6)
    text = text_of(ranked(paper_tables(faults=frame), "en", 5))
    assert "Land concerned: 51.6 mu (parcels: 2)" in text and "Connected through" not in text


def test_a_join_in_doubt_says_so_and_its_neighbour_does_not(monkeypatch):
    frame = faults().iloc[1:2]
    doubtful = (
        joins()
        .assign(service="sewage", feature="S1", other="S2", doubt="x_doubt")
        .set_geometry(frame.geometry.to_list())
    )
    doubtful = doubtful.set_crs("EPSG:4546", allow_override=True)
    assert "x_doubt" in text_of(ranked(paper_tables(faults=frame, joins=doubtful), "zh", 5))
    moved = doubtful.set_geometry(doubtful.geometry.translate(0.5))
    assert "x_doubt" not in text_of(ranked(paper_tables(faults=frame, joins=moved), "zh", 5)), "the other end's join"


def test_top_lists_so_many():
    assert text_of(ranked(paper_tables(), "en", 0)).count("\n") == 1
    assert text_of(ranked(paper_tables(), "en", 3)).count("→") == 3
    assert "more are not listed" not in text_of(ranked(plain_faults(), "en", 3))


@pytest.mark.parametrize("lang", ["zh", "en", "both"])
def test_eighty_columns_hold_what_is_ours(lang):
    lines = [*head(plain_faults(), lang), *ranked(plain_faults(), lang, 9)] if lang != "both" else []
    assert [text for text, _ in lines if cell_len(text) > 80] == []
    assert ("message_zh 0" in text_of(ranked(plain_faults(), lang, 9))) == (lang != "en")


@pytest.mark.parametrize("lang", ["zh", "en", "both"])
def test_hostile_texts_neither_mark_up_nor_drive_the_terminal(lang):
    text = text_of(itertools.chain(ranked(paper_tables(), lang, 99), records(paper_tables(), lang, frozenset())))
    assert not set(text) & set("\x00\x07\x0b\x1b\r\u202e\ud800")
    assert "[red]mark[/red]" in text and "{{ 7*7 }}" in text


def test_records_are_counted_with_an_example_and_without_what_the_list_says_again():
    tables = paper_tables()
    text = text_of(records(tables, "zh", frozenset()))
    assert f"数据记录 {len(tables.issues)} 条" in text and f"status_unknown ×{len(tables.issues) - 2}" in text
    assert "=HYPERLINK" in text and "-2+3" in text, "the first of each kind"
    assert text_of(records(tables, "zh", frozenset({"status_unknown"}))) == ""


LAYERS, CODES, SEVERITIES = (
    [(), ("water",), ("parcels", "sewage")],
    [(), ("joined",), ("near_miss", "joined")],
    [(), ("info",)],
)


@pytest.mark.parametrize(("layers", "codes", "severities"), list(itertools.product(LAYERS, CODES, SEVERITIES)))
def test_filters_combine(layers, codes, severities):
    """Row by row, without a mask."""
    tables = paper_tables()
    kept = select(tables, Asked(frozenset(layers), frozenset(), frozenset(codes), frozenset(severities)))
    wanted = [
        row.id
        for row in tables.faults.itertuples()
        if (not layers or row.layer in layers)
        and (not codes or row.code in codes)
        and (not severities or row.severity in severities)
    ]
    assert kept.faults["id"].tolist() == wanted
    assert len(kept.joins) == (not layers or "water" in layers)
    assert len(kept.parcels) == len(tables.parcels) and len(kept.cells) == len(tables.cells)


def test_records_of_a_service_are_those_of_its_files():
    """The layer of a record is the service, or the layer of the file that it was read from."""
    issues = paper_tables().issues.iloc[:4].assign(
        file=["all.gpkg", "all.gpkg", "water.shp", ""], layer=["pipes", "roads", "whatever", "water"]
    )  # fmt: skip
    files = frozenset({"all.gpkg:pipes", "water.shp"})
    kept = select(paper_tables(issues=issues), Asked(frozenset({"water"}), files))
    assert kept.issues.index.tolist() == [0, 2, 3]


def test_a_parcel_keeps_what_concerns_it():
    tables = paper_tables()
    assert select(tables, Asked(parcel="P-07")).faults["code"].tolist() == ["parcel_overlap"]
    assert select(tables, Asked(parcel="0012")).faults["code"].tolist() == ["parcel_overlap"]
    assert len(select(tables, Asked(parcel="L1")).faults) == 0, "a pipe of that name is no parcel"
    asked = Asked(parcel="P-07", ids=frozenset({"F-0000000000"}))
    assert select(tables, asked).faults["code"].tolist() == ["near_miss", "parcel_overlap"]
    assert len(select(tables, asked).joins) == 0
    bearing = faults().assign(feature="L1", other="L2", layer="water").iloc[3:4]
    assert bearing.geometry.iloc[0] == tables.joins.geometry.iloc[0]
    kept = select(paper_tables(faults=bearing), Asked(parcel="P-07", ids=frozenset(bearing["id"])))
    assert kept.joins["id"].tolist() == ["J-0000000001"]


def test_severities_have_their_order():
    assert fixes.SEVERITIES == ("error", "warning", "info")
