"""Files of notes: what is taken, what is kept though it cannot be understood, and what is refused with a cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from gisplan.base.errors import FormatError, ReadError
from gisplan.reviewing.notefile import NOTES, read_notes

RING = [[0, 0], [10, 0], [10, 10], [0, 10]]


def note(**own: Any) -> dict[str, Any]:
    return {
        "kind": "cell", "parcel": "A", "service": "water", "mark": "wrong", "text": "现场已接通",
        "at": "2026-11-20T08:00:00Z", "seen": {"grade": "D", "code": "too_far"}, "rings": [RING], **own,
    }  # fmt: skip


def saved(folder: Path, *notes: Any, name: str = "notes.json", **own: Any) -> Path:
    whole = {"gisplan_review": 1, "reviewer": "王工", "plane": "metres", "notes": list(notes), **own}
    path = folder / name
    path.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
    return path


def test_a_note_is_read_as_it_was_saved(tmp_path: Path) -> None:
    hole = [[2, 2], [4, 2], [4, 4], [2, 4]]
    row = read_notes([saved(tmp_path, note(rings=[RING, hole]))]).iloc[0]
    assert row[["reviewer", "parcel", "service", "kind", "mark", "text", "grade", "code"]].tolist() == [
        "王工", "A", "water", "cell", "wrong", "现场已接通", "D", "too_far",
    ]  # fmt: skip
    assert row["whole"] and row["at"] == "2026-11-20T08:00:00Z"
    assert row["outline"].area == 100 - 4
    assert list(read_notes([tmp_path]).columns) == list(NOTES)


def test_times_are_told_in_one_form(tmp_path: Path) -> None:
    times = ["2026-11-20T16:00:00+08:00", "2026-11-20", "yesterday", "9999-12-31T23:59:59-12:00"]
    path = saved(tmp_path, *(note(parcel=str(i), at=at) for i, at in enumerate(times)))
    assert read_notes([path])["at"].tolist() == ["2026-11-20T08:00:00Z", "2026-11-20T00:00:00Z", "", ""]


def test_files_come_from_anywhere_by_name_folder_or_pattern(tmp_path: Path) -> None:
    far = tmp_path / "桌面" / "意见"
    far.mkdir(parents=True)
    one = saved(far, note(), name="notes-王工.json")
    saved(far, note(parcel="B"), name="notes-李工.json", reviewer="李工")
    assert len(read_notes([far])) == len(read_notes([far / "*.json"])) == 2
    assert len(read_notes([one, far])) == 2  # the same file twice
    copied = saved(far, note(), name="copy.json")
    assert len(read_notes([one, copied])) == 1  # the same note in two files


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "zone"}, {"mark": "maybe"}, {"parcel": 7}, {"parcel": ""}, {"service": None}, {"kind": "parcel"},
        {"kind": ["cell"]}, {"mark": {"a": 1}},
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_kept_and_marked(tmp_path: Path, broken: dict[str, Any]) -> None:
    table = read_notes([saved(tmp_path, note(**broken), note(parcel="B"), 7, None, "x")])
    assert table["whole"].tolist() == [False, True, False]  # 7, None and "x" say the same: nothing
    assert table["text"].iloc[0] == "现场已接通"


@pytest.mark.parametrize(
    "rings",
    [
        None, 7, [], [[]], [[[0, 0]]], [[[0, 0], [1, 1]]], [[["a", 0], [1, 1], [1, 0]]],
        [[[0, 0, 0], [1, 1, 1], [1, 0, 0]]], [[[0, 0], [1e300, 1], [1, 0]]], [[[True, 0], [1, 1], [1, 0]]],
        [[[0, 0], [1, 1], [2, 2]]], {"a": 1},
    ],
)  # fmt: skip
def test_odd_shapes_are_no_shapes(tmp_path: Path, rings: object) -> None:
    row = read_notes([saved(tmp_path, note(rings=rings, line=rings))]).iloc[0]
    assert row["outline"] is None and row["whole"]


def test_a_bow_tie_is_made_an_area(tmp_path: Path) -> None:
    area = read_notes([saved(tmp_path, note(rings=[[[0, 0], [10, 10], [10, 0], [0, 10]]]))])["outline"].iloc[0]
    assert shapely.is_valid(area) and area.area == 50


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"7", b'"x"', b"null", b"\xff\xfe\x00", b'{"notes": []}',
        b'{"gisplan_review": 2, "notes": []}', b'{"gisplan_review": 1, "notes": {}}', b"[" * 100_000,
        b"PK\x03\x04", "意见".encode("gb18030"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_notes_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "意见.json"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"意见\.json.*Save it from the page again"):
        read_notes([path], "both")
    with pytest.raises(FormatError) as told:
        read_notes([path], "zh")
    assert str(tmp_path) not in str(told.value) and "Save it" not in str(told.value)


def test_what_is_not_there_is_told_with_the_cure(tmp_path: Path) -> None:
    for wrong in (tmp_path / "a.json", tmp_path / "*.json", tmp_path):
        with pytest.raises(ReadError, match="意见文件"):
            read_notes([wrong])


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    with path.open("wb") as stream:
        stream.truncate(60_000_000)
    with pytest.raises(FormatError, match="远大于"):
        read_notes([path], "zh")
