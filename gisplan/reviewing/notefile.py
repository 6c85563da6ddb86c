"""Files of notes: what reviewers saved from the review page, read as the hostile text that it may be."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import shapely

from gisplan.base.errors import FormatError, ReadError
from gisplan.base.labels import say

KINDS = ("parcel", "cell", "gap")
MARKS = ("agree", "doubt", "wrong")
NOTES = (
    "file", "reviewer", "at", "kind", "parcel", "service", "mark", "text", "grade", "code", "ready", "length_m",
    "plane", "outline", "line", "whole",
)  # fmt: skip
_PLANES = ("degrees", "metres")
_MOST_BYTES = 50_000_000
_LONGEST = 2000
"""Signs in a note, as in the page: what is longer was not written there."""


def files(paths: Sequence[Path | str], lang: str = "both") -> list[Path]:
    """List the files that some paths name: each a file, a folder of ``*.json``, or a pattern such as ``notes/*.json``.

    Raises
    ------
    ReadError
        A path names nothing.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            named: Iterable[Path] = sorted(path.glob("*.json"))
        elif not path.exists() and any(sign in path.name for sign in "*?["):
            # not every shell fills in a pattern
            named = sorted(path.parent.glob(path.name))
        else:
            named = [path]
        named = [each for each in named if each.is_file()]
        if not named:
            raise ReadError(say("refuse.notes_missing", lang, file=path.name))
        found |= dict.fromkeys(each.resolve() for each in named)
    return list(found)


def read_notes(paths: Sequence[Path | str], lang: str = "both") -> pd.DataFrame:
    """Read files of notes.

    Parameters
    ----------
    paths
        Files, folders or patterns, in any order and from anywhere.
    lang
        Language of what is said when a file is refused.

    Returns
    -------
    pandas.DataFrame
        One row a note, in the order of files and of notes; columns `NOTES`: reviewer and the time of writing ``at``
        (ISO text, blank where it is none), what it is about, the mark, and what the reviewer saw there (grade and
        reason code, readiness, or length of the gap [m]). ``outline`` and ``line`` are shapes in the page's ``plane``.
        ``whole`` is False where a note cannot be understood; it is kept.

    Raises
    ------
    ReadError
        A file is not there or cannot be read.
    FormatError
        It is no file of notes, or far larger than one can be.
    """
    rows: list[dict[str, Any]] = []
    for path in files(paths, lang):
        rows += _rows(path, lang)
    table = pd.DataFrame(rows, columns=list(NOTES))
    told = [name for name in NOTES if name not in ("file", "outline", "line")]
    return table[~table.duplicated(told)].reset_index(drop=True)


def _rows(path: Path, lang: str) -> list[dict[str, Any]]:
    def refuse(reason: str) -> NoReturn:
        raise FormatError(say(f"refuse.notes_{reason}", lang, file=path.name))

    try:
        large, data = path.stat().st_size > _MOST_BYTES, b""
        if not large:
            data = path.read_bytes()
    except OSError as error:
        raise ReadError(say("refuse.notes_missing", lang, file=path.name)) from error
    if large:
        refuse("large")
    try:
        whole = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # no UTF-8 is a ValueError too
        refuse("format")
    if not isinstance(whole, dict) or whole.get("gisplan_review") != 1 or not isinstance(whole.get("notes"), list):
        refuse("format")
    plane = whole.get("plane")
    shared = {
        "file": path.name,
        "reviewer": _text(whole.get("reviewer"))[:60],
        "plane": plane if plane in _PLANES else "",
    }
    return [_row(note, shared) for note in whole["notes"]]


def _row(note: object, shared: dict[str, str]) -> dict[str, Any]:
    """Take one note as far as it can be understood."""
    said: dict[str, Any] = note if isinstance(note, dict) else {}
    seen = said["seen"] if isinstance(said.get("seen"), dict) else {}
    kind, mark = said.get("kind"), said.get("mark")
    row: dict[str, Any] = {name: _text(said.get(name)) for name in ("parcel", "service")}
    row["kind"] = kind if kind in KINDS else ""
    row["mark"] = mark if mark in MARKS else ""
    row["whole"] = bool(row["kind"] and row["mark"] and row["parcel"] and bool(row["service"]) == (kind != "parcel"))
    row["text"] = _text(said.get("text"))[:_LONGEST]
    row["at"] = _time(_text(said.get("at")))
    row |= {name: _text(seen.get(name)) for name in ("grade", "code", "ready")}
    length = seen.get("length_m")
    row["length_m"] = float(length) if length is not None and _number(length) else math.nan
    row["outline"], row["line"] = _area(said.get("rings")), _lines(said.get("line"))
    return row | shared


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _time(text: str) -> str:
    """Give a time in one form, so that later is also greater; blank where it is none."""
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return ""
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    try:
        return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return ""


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _parts(value: object, least: int) -> list[np.ndarray]:
    """Take lists of places; one that is not wholly of numbers is left out."""
    found = []
    for part in value if isinstance(value, list) else []:
        places = part if isinstance(part, list) else []
        sound = all(isinstance(at, list) and len(at) == 2 and all(map(_number, at)) for at in places)
        if sound and len(places) >= least:
            found.append(np.array(places, dtype=float))
    return found


def _area(value: object) -> shapely.Geometry | None:
    """Make an area of rings; what lies in an even number of them is a hole."""
    rings = [shapely.linestrings(np.vstack([ring, ring[:1]])) for ring in _parts(value, 3)]
    area = shapely.make_valid(shapely.build_area(shapely.union_all(rings))) if rings else None
    return None if area is None or area.is_empty else area


def _lines(value: object) -> shapely.Geometry | None:
    lines = [shapely.linestrings(line) for line in _parts(value, 2)]
    return shapely.union_all(lines) if lines else None
