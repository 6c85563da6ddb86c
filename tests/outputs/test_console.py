"""The summary in a terminal: whose parcels, what counts, and no text of a file that drives the terminal."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from paper_zone import HOSTILE, PARCELS, empty_tables, paper_tables, parcels, readiness, services
from rich.console import Console

from gisplan.outputs.console import Bar, on_offer, show, shown, summary


def text_of(tables, lang="zh", everything=False):
    stream = io.StringIO()
    show(tables, lang, everything, file=stream)
    return stream.getvalue()


def test_without_all_only_offered_reserved_and_those_without_a_status():
    assert on_offer(paper_tables()).tolist() == list(PARCELS[:3])
    text = text_of(paper_tables())
    assert all(p in text for p in PARCELS[:3])
    assert "P-07" not in text
    assert "另有 1 宗" in text and "--all" in text


def test_all_shows_every_parcel():
    text = text_of(paper_tables(), everything=True)
    assert all(p in text for p in PARCELS)
    assert "--all" not in text


def test_a_blank_status_counts_as_none():
    frame = readiness()
    frame.loc["P-07", "supply_status"] = " "
    assert "P-07" in on_offer(paper_tables(readiness=frame))


def test_counts_and_mu():
    line = next(line for line in text_of(paper_tables()).splitlines() if line.startswith("全部"))
    assert "4 宗 185.5 亩" in line
    assert "齐备 1 宗 50.1 亩" in line and "有缺项 2 宗 135 亩" in line and "待核 1 宗 0.3 亩" in line


def test_data_quality_line():
    assert "错误 1，警告 1，提示 14" in text_of(paper_tables())
    assert "12 个中 2 个待核" in text_of(paper_tables())


def test_faults_are_pointed_to_with_the_land_at_stake():
    count = len(paper_tables().faults)
    assert f"图上问题 {count} 处，一处最多牵涉 135 亩" in text_of(paper_tables())
    assert "gisplan issues" not in text_of(empty_tables(), "en", True)


@pytest.mark.parametrize("lang", ["zh", "en", "both"])
def test_it_never_promises_more_than_was_checked(lang):
    text = text_of(paper_tables(), lang, True)
    assert "可出让" not in text
    assert ("尚未核查" in text) == (lang != "en")
    assert ("not yet checked" in text) == (lang != "zh")
    assert ("虚构示例" in text) == (lang != "en")


def test_a_parcel_judged_by_its_own_promise_says_so():
    line = next(line for line in text_of(paper_tables()).splitlines() if line.startswith("1234567890123456789"))
    assert "2/3*" in line
    assert "* 应通项按地块自己的承诺计：七通一平 ×1" in text_of(paper_tables())


@pytest.mark.parametrize("lang", ["zh", "en", "both"])
def test_eighty_columns_hold_all_letters(lang):
    names = [f"s{i}" for i in range(10)]
    wide = services().iloc[[0] * 10].set_axis(names)
    rows = readiness().drop(columns=["water", "sewage", "leveling"]).assign(**dict.fromkeys(names, "A"))
    stream = io.StringIO()
    Console(file=stream, width=80).print(summary(paper_tables(services=wide, readiness=rows), lang, True))
    assert len([line for line in stream.getvalue().splitlines() if line.count("A ") >= 10]) == len(PARCELS)


def test_letters_and_colours():
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, color_system="truecolor", width=120).print(summary(paper_tables(), "en"))
    assert "\x1b[1;32mA\x1b[0m" in stream.getvalue()


@pytest.mark.parametrize("bad", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_ids_neither_mark_up_nor_drive_the_terminal(bad):
    bad = bad[:30]
    ids = pd.Index([bad, *PARCELS[1:]], dtype=object, name="parcel")
    tables = paper_tables(readiness=readiness().set_axis(ids), parcels=parcels().set_axis(ids))
    text = text_of(tables)
    assert not set(text) & set("\x00\x07\x0b\x1b\r\u202e\ud800")
    assert shown(bad).strip() in text


def test_markup_in_an_id_is_shown_not_obeyed():
    tables = paper_tables(readiness=readiness().rename(index={"0012": "[bold]x[/bold]"}))
    assert "[bold]x[/bold]" in text_of(tables)


def test_a_console_without_utf8_gets_ascii_lines():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="replace")
    show(paper_tables(), "en", file=stream)
    stream.flush()
    assert b"0012" in raw.getvalue()


def test_nothing_to_report():
    assert "0" in text_of(empty_tables(), "en", True)


def test_a_huge_zone_is_not_printed_whole_unless_asked(monkeypatch):
    monkeypatch.setattr("gisplan.outputs.console._MOST", 2)
    assert PARCELS[2] not in text_of(paper_tables())
    assert PARCELS[2] in text_of(paper_tables(), everything=True)


def test_the_bar_is_silent_without_a_terminal(capsys):
    with Bar("reading") as bar:
        bar(0.5, "half")
        bar.part(0.5, 1.0, "checking", {"water": "给水"})(0.5, "[red]three quarters")
        bar(7.0)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_the_bar_says_what_is_being_done(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(
        "gisplan.outputs.console.console",
        lambda stderr: Console(file=stream, force_terminal=True, markup=False, width=80),
    )
    with Bar("读取") as bar:
        bar.part(0.3, 0.7, "核查", {"water": "给水"})(0.5, "water")
        bar._progress.refresh()
        bar.part(0.7, 1.0)(0.5, "写出 [red]x\x1b[2J")
        bar._progress.refresh()
    text = stream.getvalue()
    assert "核查 给水" in text
    assert "写出 [red]x\ufffd[2J" in text


@pytest.mark.parametrize(("lang", "see"), [("zh", "详见 issues.csv"), ("en", "See issues.csv")])
def test_what_was_left_out_is_counted(lang, see):
    frame = paper_tables().issues.iloc[:1]
    said = [("row_set_aside", "set aside", "#1"), ("set_aside", "set aside", "W1"), ("table_unread", "refused", "")]
    said += [("parcel_doubt", "noted", "P1"), ("parcel_doubt", "noted", "P1"), ("parcel_doubt", "noted", "P2")]
    said += [("word_unknown", "noted", ""), ("number_unclear", "noted", ""), ("date_unclear", "noted", "")]
    said += [("word_unknown", "noted", ""), *[("file_unused", "noted", "")] * 5]
    rows = pd.concat([frame.assign(code=c, action=a, feature=f) for c, a, f in said], ignore_index=True)
    lines = text_of(paper_tables(issues=rows), lang).splitlines()
    end = next(i for i, line in enumerate(lines) if see in line)
    counts = [int(next(w for w in line.replace("：", " ").split() if w.isdigit())) for line in lines[end - 5 : end]]
    assert counts == [2, 1, 2, 4, 5]


def test_nothing_is_said_of_what_was_left_out_where_nothing_was():
    none = paper_tables().issues.assign(code="joined", action="joined")
    assert "issues.csv" not in text_of(paper_tables(issues=none))
