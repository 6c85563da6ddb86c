"""What a reviewer says in the page: saved as a file, read by another page, put together, and shown again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from map_payloads import PAYLOADS
from map_toy import KEYS, toy

from gisplan.outputs.map import review_map
from gisplan.outputs.tables import Tables
from gisplan.reviewing.binding import COLUMNS, Today, bind
from gisplan.reviewing.notefile import read_notes


def today(tables: Tables) -> Today:
    return Today(tables.parcels, tables.cells, tables.readiness["ready"], tables.gaps)


def say(page, parcel: int, number: int | None, mark: str, text: str = "") -> None:
    """Mark an answer of a parcel (or the whole of it), as a person does."""
    page.evaluate("i => gisplan.choose(i, {})", parcel)
    place = page.locator("#gp-parcel") if number is None else page.locator(".gp-answers > li").nth(number)
    place.get_by_role("button", name="意见", exact=True).first.click()
    place.locator(f".gp-note-form button[value={mark}]").first.click()
    if text:
        place.locator(".gp-note-form textarea").first.fill(text)


def save(page, who: str, folder: Path) -> Path:
    page.click("#gp-tab-notes")
    page.fill("#gp-reviewer", who)
    with page.expect_download() as waiting:
        page.click("#gp-notes-save")
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_notes_are_saved_bound_and_shown(reader, tmp_path):
    tables = toy()
    page = reader.open(tables).page
    say(page, 1, KEYS.index("sewage"), "wrong", "现场已接通")
    say(page, 2, None, "doubt")
    say(page, 0, KEYS.index("water"), "agree")
    page.evaluate("gisplan.choose(1, {})")
    gap = page.locator(".gp-gaps > li").first
    gap.get_by_role("button", name="意见", exact=True).click()
    gap.locator("button[value=doubt]").click()
    path = save(page, "王 工/..\\x", tmp_path)
    assert path.name == "notes-王_工_x.json"
    assert "已保存 4 条意见" in page.inner_text("#gp-notes-said")
    assert len(reader.texts("#gp-notes-own li")) == 4
    assert reader.texts(".gp-bubble-count") == ["2", "1"]  # what is agreed to needs nobody

    found = bind(read_notes([path]), today(tables)).set_index(["noted_parcel", "kind"])
    assert found["status"].to_dict() == {
        ("010002", "cell"): "open",
        ("010002", "gap"): "open",
        ("010003", "parcel"): "open",
        ("010001", "cell"): "settled",
    }
    assert found["why_zh"].unique().tolist() == ["与所见相同。"]
    assert found.loc[("010002", "cell"), "text"] == "现场已接通"
    assert found["reviewer"].unique().tolist() == ["王 工/..\\x"]

    reader.asked.clear()
    page = reader.open(replace(tables, notes=found.reset_index()[list(COLUMNS)])).page
    page.click("#gp-tab-notes")
    assert "未决 3，已决 1，失去对象 0" in page.inner_text("#gp-notes-others")
    assert reader.texts(".gp-bubble-count") == ["2", "1"]
    page.locator("#gp-notes-others .gp-fix").first.click()
    assert page.is_visible("#gp-parcel")
    assert "现场已接通" in page.locator(".gp-answers > li").nth(KEYS.index("sewage")).inner_text()


def test_a_reviewer_goes_on_with_a_file_and_takes_back(reader, tmp_path):
    page = reader.open(toy()).page
    say(page, 1, 3, "wrong", "一")
    path = save(page, "李工", tmp_path)
    reader.asked.clear()
    page = reader.open(toy()).page
    page.click("#gp-tab-notes")
    page.set_input_files("#gp-notes-file", path)
    page.locator("#gp-notes-said", has_text="1 / 1").wait_for()
    assert page.input_value("#gp-reviewer") == "李工"
    say_again = page.locator("#gp-notes-own .gp-fix").first
    say_again.click()
    form = page.locator(".gp-answers > li").nth(3).locator(".gp-note-form")
    assert form.locator("textarea").input_value() == "一"
    assert form.locator("button[value=wrong]").get_attribute("aria-pressed") == "true"
    form.locator("button[value=wrong]").click()
    assert page.evaluate("gisplan.notesFile().notes.length") == 0


def test_without_a_name_nothing_is_saved(reader):
    page = reader.open(toy()).page
    say(page, 0, 0, "doubt")
    page.click("#gp-tab-notes")
    page.click("#gp-notes-save")
    assert "先填写审核人" in page.inner_text("#gp-notes-said")
    assert page.evaluate("document.activeElement.id") == "gp-reviewer"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"gisplan_review":1}', "<b>", '{"gisplan_review":1,"notes":[7,null,{"parcel":"x"}]}']
)
def test_what_is_no_file_of_notes_is_said_to_be_none(reader, text):
    page = reader.open(toy()).page
    page.evaluate("text => gisplan.takeNotes(text)", text)
    page.click("#gp-tab-notes")
    assert page.inner_text("#gp-notes-said") in ("这不是 gisplan 的意见文件", "读入 0 / 3 条意见")


@pytest.mark.parametrize("name", PAYLOADS)
def test_hostile_notes_are_shown_verbatim_and_do_nothing(reader, tmp_path, name):
    payload = PAYLOADS[name]
    tables = toy()
    file = {
        "gisplan_review": 1, "reviewer": payload, "plane": "degrees",
        "notes": [
            {"kind": "cell", "parcel": "010002", "service": "sewage", "mark": "wrong", "text": payload, "at": payload,
             "seen": {"grade": payload, "code": payload}},
            {"kind": "parcel", "parcel": payload, "mark": "doubt", "text": payload, "seen": {"ready": payload}},
        ],
    }  # fmt: skip
    path = tmp_path / "x.json"
    path.write_text(json.dumps(file), encoding="utf-8")
    found = bind(read_notes([path]), today(tables))
    assert set(found["status"]) == {"settled", "orphaned"}
    page = reader.open(replace(tables, notes=found), "both").page
    page.evaluate("text => gisplan.takeNotes(text)", json.dumps(file))
    page.click("#gp-tab-notes")
    shown = page.inner_text("#gp-notes-others") if name == "control" else page.text_content("#gp-notes-others")
    assert payload[:40] in shown or name == "control"
    page.evaluate("gisplan.choose(1, {popup: true})")
    assert payload in page.text_content("#gp-parcel")
    assert page.locator(".gp-answers > li").nth(3).locator("textarea").input_value().strip() != ""
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert reader.refused == []


def test_a_page_without_a_review_has_no_list_of_others(reader):
    page = reader.open(toy()).page
    assert page.text_content("#gp-notes-others") == ""
    assert page.evaluate("gisplan.data.notes") is None


def test_the_notebook_frame_may_save():
    """In the notebook's frame the file is saved too: the frame is a sandbox, and has to be allowed to."""
    assert "allow-downloads" in review_map(toy())._repr_html_()


def test_orphans_have_no_place_to_go_to(reader):
    row = dict.fromkeys(COLUMNS, "") | {
        "status": "orphaned", "parcel": None, "kind": "parcel", "mark": "wrong", "noted_parcel": "Z9",
        "reviewer": "王工", "disputed": False, "why_zh": "现有地块中没有这宗地", "why_en": "gone",
    }  # fmt: skip
    page = reader.open(replace(toy(), notes=pd.DataFrame([row]))).page
    page.click("#gp-tab-notes")
    assert "Z9" in page.inner_text("#gp-notes-others") and page.is_disabled("#gp-notes-others .gp-fix")
