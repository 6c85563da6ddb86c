"""The sheets of the review workbook: which tables become sheets, with which columns, in whose words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeGuard

import pandas as pd

from gisplan.base.fields import spoken
from gisplan.base.issues import COLUMNS as ISSUES
from gisplan.base.labels import say
from gisplan.land.buildings import COLUMNS as BUILDINGS
from gisplan.land.rows import FINDINGS as LAND_FINDINGS
from gisplan.outputs.columns import (
    DUE,
    EARTHWORK,
    FAULTS,
    FINDINGS,
    GAPS,
    HOLDERS,
    LAND,
    LEDGER,
    LIMITS,
    NOTES,
    READINESS,
    by_language,
    layer_name,
    numbered,
    present,
    word,
)
from gisplan.outputs.tables import Long, Tables, blocks, spoken_in

_CITED = {"code": "cited"}
_DUE = {"evidence": "says", "netland": "netland_test", "assessments": "assessment"}
"""Vocabularies of what the papers speak of, by the table they stand in."""


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name (``sheet.<name>``), its table, how many columns stay in sight, and a line above it.

    ``rows`` says how many rows the table has in all, where only its first ones are made for the sheet.
    """

    name: str
    frame: pd.DataFrame
    frozen: int = 2
    note: str = ""
    rows: int | None = None


def sheets(tables: Tables, lang: str, limit: int) -> list[Sheet]:
    """Give every sheet below the overview, in order; what a zone has nothing of has no sheet.

    Parameters
    ----------
    tables
        What the report hands over.
    lang
        Language of words in the tables: ``zh``, ``en`` or ``both``.
    limit
        How many rows a sheet holds: of the longest tables no more are made.
    """
    gaps = pd.DataFrame(tables.gaps.drop(columns=tables.gaps.geometry.name))
    made = [
        Sheet("matrix", _matrix(tables)),
        *_land(tables, lang, limit),
        _findings(tables, lang, limit),
        Sheet("gaps", present(gaps, by_language(GAPS, lang))),
        *_ledger(tables, lang),
        *_earthwork(tables, lang),
        *_due(tables, lang),
        *_notes(tables, lang),
        Sheet("faults", _faults(tables, lang)),
        Sheet("issues", present(tables.issues, ISSUES), 1),
        Sheet("limits", present(tables.limits, by_language(LIMITS, lang)).replace("", None).rename(columns=_CITED)),
    ]
    return made


def _filled(frame: pd.DataFrame | Long | None) -> TypeGuard[pd.DataFrame | Long]:
    return frame is not None and bool(len(frame))


def _names(tables: Tables, lang: str) -> dict[str, str]:
    """Give the name of every limit and rule."""
    labels = tables.limits.drop_duplicates("what").set_index("what")
    return dict(labels["label_en" if lang == "en" else "label_zh"])


def _worded(frame: pd.DataFrame, kinds: dict[str, str], lang: str) -> pd.DataFrame:
    """Put words for people in place of codes: column → family of labels."""
    said = {name: frame[name].map(lambda code, kind=kind: word(kind, code, lang)) for name, kind in kinds.items()}
    return frame.assign(**said)


def _matrix(tables: Tables) -> pd.DataFrame:
    frame = numbered(tables.readiness)
    frame.insert(1, "name", tables.parcels["name"].reindex(tables.readiness.index).to_numpy())
    frame.insert(2, "promised", tables.parcels["promised"].reindex(tables.readiness.index).to_numpy())
    columns = [READINESS[0], "name", *READINESS[1:3], "promised", *READINESS[3:], *tables.services.index]
    return present(frame, columns)


def _findings(tables: Tables, lang: str, limit: int) -> Sheet:
    # What holds needs nobody's time; findings.csv has it.
    found = tables.findings
    count = int((found["verdict"] != "ready").sum()) if isinstance(found, pd.DataFrame) else found.open_()
    open_ = _first((part[part["verdict"] != "ready"] for part in blocks(found, spoken_in(lang))), limit)
    frame = present(open_, by_language(FINDINGS, lang))
    frame = _worded(
        frame.assign(condition=frame["condition"].replace(_names(tables, lang))), {"weight": "weight"}, lang
    )
    note = say("sheet.findings_open", lang, shown=count, all=len(found))
    return Sheet("findings", frame, note=note, rows=count)


def _first(parts: Iterable[pd.DataFrame], limit: int) -> pd.DataFrame:
    """Take as many rows as a sheet holds; no more are made."""
    kept: list[pd.DataFrame] = []
    for part in parts:
        kept.append(part)
        if sum(map(len, kept)) >= limit:
            break
    return pd.concat(kept, ignore_index=True).iloc[:limit] if len(kept) > 1 else kept[0]


def _faults(tables: Tables, lang: str) -> pd.DataFrame:
    """Give the fix list, the fault with most land at stake first."""
    frame = present(pd.DataFrame(tables.faults), by_language(FAULTS, lang))
    frame = frame.assign(
        code=frame["code"].map(lambda code: word("fault", code, lang)),
        layer=frame["layer"].map(lambda layer: layer_name(layer, lang, tables.services)),
        cause=frame["cause"].map(lambda cause: word("broken", cause, lang)),
    )
    return frame.mask(frame == "")


def _land(tables: Tables, lang: str, limit: int) -> Iterator[Sheet]:
    """Give the conclusions on the land, and below them the tests that they rest on."""
    if _filled(tables.land):
        frame = numbered(present(tables.land, by_language(LAND[1:], lang))).drop(columns="conclusion")
        frame["held_back"] = frame["held_back"].replace(_names(tables, lang))
        yield Sheet("land", _worded(frame, {"legal": "floor", "promise": "floor"}, lang), 1)
    if _filled(tables.land_tasks):
        # What is met needs nobody's time; land_findings.csv has it.
        tasks = _first(blocks(tables.land_tasks, spoken_in(lang)), limit)
        frame = present(tasks, by_language(LAND_FINDINGS, lang)).drop(columns=["test", "group", "code"])
        words = {"verdict": "passed", "weight": "weight"}
        yield Sheet("land_tasks", _worded(frame, words, lang), 1, rows=len(tables.land_tasks))
    if _filled(tables.buildings):
        # What holds a storey back is said in its reason.
        frame = present(tables.buildings, by_language(BUILDINGS, lang)).drop(columns="held_back")
        frame = frame.rename(columns={"name": "building_name"})
        yield Sheet("buildings", _worded(frame, {"verdict": "passed", "infrastructure": "ready"}, lang))


def _ledger(tables: Tables, lang: str) -> Iterator[Sheet]:
    """Give what every source and main has left, and who took what in which order."""
    if _filled(tables.ledger):
        frame = present(tables.ledger, LEDGER)
        yield Sheet("ledger", _worded(frame, {"kind": "ledger"}, lang).rename(columns={"promised": "promised_load"}))
    if _filled(tables.holders):
        frame = present(tables.holders, HOLDERS)
        yield Sheet("holders", _worded(frame, {"basis": "held"}, lang), 4)


def _earthwork(tables: Tables, lang: str) -> Iterator[Sheet]:
    if _filled(tables.earthwork):
        frame = _worded(numbered(present(tables.earthwork, EARTHWORK[1:])), {"code": "blind"}, lang)
        yield Sheet("earthwork", frame.rename(columns={"code": "blind"}).replace("", None), 1)


def _notes(tables: Tables, lang: str) -> Iterator[Sheet]:
    """Give what reviewers said, what is still open first."""
    if _filled(tables.notes):
        frame = present(tables.notes, by_language(NOTES, lang))
        words = {"status": "note", "kind": "noted", "mark": "note"}
        frame = _worded(frame, words, lang).rename(columns={"status": "note_status"})
        yield Sheet("notes", frame.replace("", None), 2)


def _due(tables: Tables, lang: str) -> Iterator[Sheet]:
    """Give what expires soon and what is due, the most urgent first."""
    if _filled(tables.due):
        frame = present(tables.due, DUE)
        for kind, codes in _DUE.items():
            mine = frame["kind"] == kind
            frame["what"] = frame["what"].mask(mine, frame["what"].replace(spoken(codes, lang)))
        yield Sheet("due", _worded(frame, {"kind": "due"}, lang).rename(columns={"what": "subject"}), 1)
