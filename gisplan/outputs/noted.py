"""What reviewers said as a table for the terminal: what is still open first, and only that in full."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from gisplan.outputs.columns import heading, word
from gisplan.outputs.tables import Tables

_MOST = 40
"""Rows that a terminal shows; notes.csv has them all."""


def headings(lang: str) -> dict[str, str]:
    """Give what stands above each column."""
    names = ("note_status", "parcel", "service", "mark", "reviewer", "text", "why")
    return {name: heading("message" if name == "why" else name, lang) for name in names}


def rows(tables: Tables, lang: str) -> Iterator[dict[str, str]]:
    """Give the notes that are not settled."""
    if tables.notes is None:
        return
    waiting = tables.notes[tables.notes["status"] != "settled"]
    for note in waiting.head(_MOST).itertuples():
        yield {
            "note_status": word("note", note.status, lang),
            "parcel": str(note.noted_parcel if pd.isna(note.parcel) else note.parcel),
            "service": heading(str(note.service), lang, tables.services) if note.service else "",
            "mark": word("note", note.mark, lang) if note.mark else "",
            "reviewer": str(note.reviewer),
            "text": str(note.text),
            "why": str(note.why_en if lang == "en" else note.why_zh),
        }
