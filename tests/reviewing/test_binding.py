"""What becomes of notes after a re-survey, in a zone that a reader can check by eye.

A water main runs along y = 0 from a plant at x = -100. Parcels of 100 × 100 m stand north of it, A to F from west to
east, 100 m apart; C and D lie 300 m north of it and so are too far.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyproj
import pytest
from sketch import CRS, X, Y, layer, line, parcel, parcels, point, zone

import gisplan

DEGREES = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True)
BOXES = {name: (200 * k, 310 if name in "CD" else 10) for k, name in enumerate("ABCDEF")}
MORNING, NOON = "2026-11-20T01:00:00Z", "2026-11-20T04:00:00Z"


def box(name: str, wide: float = 100) -> Any:
    x, y = BOXES[name]
    return parcel(x, y, x + wide, y + 100)


def surveyed(given: dict[str, Any], *more: Any) -> gisplan.Report:
    water = layer(
        ("P", point(-100, 0), {"role": "source", "kind": "water_plant"}),
        ("M", line((-100, 0), (1200, 0)), {"diameter_mm": 300}),
        *more,
    )
    return gisplan.check(zone(parcels(**given), water=water))


@pytest.fixture(scope="module")
def before() -> gisplan.Report:
    return surveyed({name: box(name) for name in BOXES})


def seen(report: gisplan.Report, name: str, mark: str, kind: str = "cell", **own: Any) -> dict[str, Any]:
    """Write a note as the page writes it, from the tables that a reviewer saw."""
    ring = list(report.zone.parcels.geometry[name].exterior.coords)[:-1]
    said: dict[str, Any] = {
        "kind": kind, "parcel": name, "mark": mark, "text": "", "at": MORNING,
        "rings": [[list(DEGREES.transform(*xy)) for xy in ring]],
    }  # fmt: skip
    cell = report.cells.set_index(["parcel", "service"]).loc[(name, "water")]
    if kind == "parcel":
        return said | {"seen": {"ready": report.readiness.loc[name, "ready"]}} | own
    said |= {"service": "water", "seen": {"grade": cell["grade"], "code": cell["code"]}}
    if kind == "gap":
        gap = report.gaps[(report.gaps["parcel"] == name) & (report.gaps["service"] == "water")].iloc[0]
        said["seen"]["length_m"] = gap["length_m"]
        said["line"] = [[list(DEGREES.transform(*xy)) for xy in gap["geometry"].coords]]
    return said | own


def reviewed(folder: Path, report: gisplan.Report, **notes: list[dict[str, Any]]) -> pd.DataFrame:
    for reviewer, said in notes.items():
        whole = {"gisplan_review": 1, "reviewer": reviewer, "plane": "degrees", "notes": said}
        (folder / f"{reviewer}.json").write_text(json.dumps(whole), encoding="utf-8")
    table = report.review([folder]).notes
    assert table["status"].tolist() == sorted(table["status"], key=("open", "orphaned", "settled").index)
    return table.set_index(["noted_parcel", "reviewer"], drop=False)


def test_on_the_same_survey_agreement_is_settled_and_all_else_is_open(before: gisplan.Report, tmp_path: Path) -> None:
    grades = before.cells.set_index(["parcel", "service"])["grade"].unstack()["water"].to_dict()
    assert grades == {"A": "A", "B": "A", "C": "D", "D": "D", "E": "A", "F": "A"}
    said = [seen(before, "A", "agree"), seen(before, "B", "doubt"), seen(before, "C", "wrong"),
            seen(before, "D", "wrong", "gap"), seen(before, "E", "agree", "parcel")]  # fmt: skip
    table = reviewed(tmp_path, before, wang=said)
    assert table["status"].droplevel(1).to_dict() == {
        "A": "settled",
        "B": "open",
        "C": "open",
        "D": "open",
        "E": "settled",
    }
    assert set(table["why_en"]) == {"As it was seen."}
    assert (table["parcel"] == table["noted_parcel"]).all()


def test_round_trip_over_a_re_survey(before: gisplan.Report, tmp_path: Path) -> None:
    """B is drawn wider, E is numbered E2, F is gone, a new main reaches C, and D's number is given to other land."""
    after = surveyed(
        {"A": box("A"), "B": box("B", 140), "C": box("C"), "D": parcel(2000, 2000, 2100, 2100), "E2": box("E")},
        ("M2", line((450, 0), (450, 300)), {"diameter_mm": 300}),
    )
    wang = [seen(before, "A", "agree"), seen(before, "B", "agree"), seen(before, "C", "wrong"),
            seen(before, "E", "doubt"), seen(before, "F", "wrong")]  # fmt: skip
    li = [seen(before, "B", "wrong"), seen(before, "C", "doubt", "gap"), seen(before, "E", "agree"),
          seen(before, "D", "wrong"), seen(before, "A", "wrong", "parcel")]  # fmt: skip
    table = reviewed(tmp_path, after, wang=wang, li=li)
    status = table["status"].to_dict()
    assert status == {
        ("A", "wang"): "settled",  # agreed, and nothing has changed
        ("A", "li"): "open",
        ("B", "wang"): "open",  # what was agreed to has been drawn anew
        ("B", "li"): "open",
        ("C", "wang"): "settled",  # D then, A now
        ("C", "li"): "settled",  # the gap is there no more
        ("E", "wang"): "open",
        ("E", "li"): "settled",  # another number, the same land, the same answer
        ("F", "wang"): "orphaned",
        ("D", "li"): "orphaned",  # the number is that of other land now
    }
    assert table["parcel"].dropna().to_dict() == {
        ("A", "wang"): "A", ("A", "li"): "A", ("B", "wang"): "B", ("B", "li"): "B", ("C", "wang"): "C",
        ("C", "li"): "C", ("E", "wang"): "E2", ("E", "li"): "E2",
    }  # fmt: skip
    why = table["why_en"]
    assert "drawn anew" in why["B", "wang"] and "E2 now" in why["E", "li"] and "is there no more" in why["C", "li"]
    assert "“not connected” when seen, and is “connected” now" in why["C", "wang"]
    assert table["disputed"].to_dict() == {
        key: key[0] in "BE" for key in status
    }  # A: cell and whole parcel; C: cell and gap; F and D are bound to nothing


def test_the_last_word_of_a_reviewer_counts(before: gisplan.Report, tmp_path: Path) -> None:
    first, last = seen(before, "C", "wrong", at=MORNING), seen(before, "C", "agree", at=NOON)
    table = reviewed(tmp_path, before, wang=[last, first])
    assert table["status"].tolist() == ["settled", "settled"]
    assert sorted(table["why_en"]) == ["As it was seen.", "The same reviewer said something later; that counts."]
    other = reviewed(tmp_path, before, li=[first])
    assert other["status"].to_dict()["C", "li"] == "open"


def test_another_reason_for_the_same_letter_settles_nothing(before: gisplan.Report, tmp_path: Path) -> None:
    other = {"grade": "D", "code": "no_capacity"}
    table = reviewed(
        tmp_path, before, wang=[seen(before, "C", "wrong", seen=other), seen(before, "D", "agree", seen=other)]
    )
    assert table["status"].tolist() == ["open", "open"]
    assert table["why_en"].str.contains("for another reason").all()


def test_where_no_reason_was_noted_the_letter_alone_is_compared(before: gisplan.Report, tmp_path: Path) -> None:
    notes = [
        seen(before, "A", "agree", seen={"grade": "A", "code": ""}),
        seen(before, "C", "wrong", seen={"grade": "D"}),
    ]
    table = reviewed(tmp_path, before, wang=[*notes, seen(before, "B", "agree", seen={"grade": "D"})])
    assert table["status"].droplevel(1).to_dict() == {"A": "settled", "C": "open", "B": "open"}
    assert table["why_en"].droplevel(1)[["A", "C"]].tolist() == ["As it was seen."] * 2


def test_a_gap_that_was_drawn_elsewhere_is_another_gap(before: gisplan.Report, tmp_path: Path) -> None:
    # a second main comes nearer to D, and does not reach it: the gap is shorter than the one that was seen
    after = surveyed({name: box(name) for name in BOXES}, ("M2", line((650, 0), (650, 200)), {"diameter_mm": 300}))
    note = seen(before, "D", "wrong", "gap")
    assert reviewed(tmp_path, before, wang=[note])["status"].tolist() == ["open"]
    table = reviewed(tmp_path, after, wang=[note])
    assert table["status"].tolist() == ["settled"] and table["seen"].tolist() != table["now"].tolist()


def test_without_an_outline_the_number_alone_decides(before: gisplan.Report, tmp_path: Path) -> None:
    notes = [seen(before, "A", "agree", rings=None), seen(before, "B", "wrong", parcel="Z9", rings=None)]
    table = reviewed(tmp_path, before, wang=notes)
    assert table["status"].to_dict() == {("A", "wang"): "settled", ("Z9", "wang"): "orphaned"}


def test_where_nobody_wrote_down_what_was_seen_it_stays_open(before: gisplan.Report, tmp_path: Path) -> None:
    blank = [seen(before, "A", "agree", seen=None), seen(before, "C", "wrong", seen={})]
    notes = [*blank, seen(before, "B", "agree", "parcel", seen=7)]
    table = reviewed(tmp_path, before, wang=notes)
    assert table["status"].tolist() == ["open"] * 3 and table["why_en"].str.contains("does not say what was seen").all()


def test_what_is_broken_or_of_no_known_service_is_listed(before: gisplan.Report, tmp_path: Path) -> None:
    notes = [seen(before, "A", "maybe"), seen(before, "B", "wrong", service="hydrogen"), {"text": "?"}]
    table = reviewed(tmp_path, before, wang=notes)
    assert table["status"].tolist() == ["orphaned"] * 3
    assert (
        table["why_en"].str.contains("not whole").sum() == 2
        and table["why_en"].str.contains("no such service").sum() == 1
    )


def test_shapes_of_another_plane_are_not_taken_for_land(tmp_path: Path) -> None:
    report = gisplan.check(zone(parcels(A=box("A"), B=box("B"))))
    ring = [[X, Y + 10], [X + 100, Y + 10], [X + 100, Y + 110], [X, Y + 110]]
    note = {"kind": "parcel", "parcel": "Z", "mark": "wrong", "at": MORNING, "seen": {"ready": "no"}, "rings": [ring]}
    whole = {"gisplan_review": 1, "reviewer": "w", "plane": "metres", "notes": [note]}
    (tmp_path / "w.json").write_text(json.dumps(whole))
    # what was drawn in another plane than the page draws this zone in is of no use: the number alone is left
    assert report.review([tmp_path]).notes["status"].tolist() == ["orphaned"]


def test_a_review_changes_no_answer_and_shows_in_tables(before: gisplan.Report, tmp_path: Path) -> None:
    assert len(before.notes) == 0 and before.tables().notes is None
    (tmp_path / "w.json").write_text(
        json.dumps({"gisplan_review": 1, "reviewer": "w", "plane": "degrees", "notes": [seen(before, "C", "wrong")]})
    )
    after = before.review([tmp_path / "w.json"])
    assert after.tables().notes is not None and len(before.notes) == 0
    pd.testing.assert_frame_equal(after.readiness, before.readiness)
    pd.testing.assert_frame_equal(after.grades, before.grades)
