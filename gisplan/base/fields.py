"""Columns and the words in them: which columns a table has, what they are called elsewhere, what their words mean."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TABLES = (
    "parcels", "layer", "works", "barriers", "evidence", "ground",
    "projects", "netland", "assessments", "commitments", "buildings", "constraints",
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """One column: its table, type (id, text, code, flag, number, date), unit, vocabulary and labels."""

    table: str
    column: str
    type: str
    unit: str
    needed: bool
    vocabulary: str
    zh: str
    en: str
    aliases: tuple[str, ...]


def plain(word: object) -> str:
    """Fold a word for comparing: full-width to half-width, no outer spaces, lower case.

    >>> plain("　ＤＮ300 ")
    'dn300'
    """
    return narrow(word).casefold()


def narrow(word: object) -> str:
    """Fold a number for comparing: full-width to half-width, no outer spaces.

    >>> narrow(" ＧＴ-01　")
    'GT-01'
    """
    return unicodedata.normalize("NFKC", str(word)).strip()


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("gisplan.base").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def fields(table: str) -> dict[str, Field]:
    """List the columns of a table, by column name."""
    return {
        row["column"]: Field(
            row["table"],
            row["column"],
            row["type"],
            row["unit"],
            row["needed"] == "yes",
            row["vocabulary"],
            row["zh"],
            row["en"],
            tuple(a for a in row["aliases"].split("|") if a),
        )
        for row in _rows("fields.csv")
        if row["table"] == table
    }


@cache
def vocabulary(name: str) -> dict[str, str]:
    """Give the words of a vocabulary: folded word → code; each code is a word for itself."""
    words: dict[str, str] = {}
    for row in _rows("vocabulary.csv"):
        if row["vocabulary"] == name:
            words[plain(row["code"])] = row["code"]
            words.update({plain(word): row["code"] for word in row["words"].split("|") if word})
    return words


@cache
def spoken(name: str, lang: str) -> dict[str, str]:
    """Give each code of a vocabulary as people say it: in Chinese its first word, in English the code itself."""
    rows = [row for row in _rows("vocabulary.csv") if row["vocabulary"] == name]
    zh = {row["code"]: row["words"].split("|")[0] or row["code"] for row in rows}
    return zh if lang == "zh" else {code: code.replace("_", " ") for code in zh}


def encode(words: pd.Series, name: str, extra: Mapping[str, str] | None = None) -> pd.Series:
    """Turn a column of words into codes.

    Parameters
    ----------
    words
        Text as it stands in the file.
    name
        The vocabulary.
    extra
        The zone's own words → our code or a word that the vocabulary knows.

    Returns
    -------
    pandas.Series
        The code; missing where the word is blank or not in the vocabulary (which is then *unknown*, never guessed).
    """
    known = dict(vocabulary(name))
    for word, meaning in (extra or {}).items():
        code = vocabulary(name).get(plain(meaning))
        if code is not None:
            known[plain(word)] = code
    import pandas as pd  # half a second, which the command's first steps do without

    folded = {word: known.get(plain(word)) for word in pd.unique(words.dropna())}
    return words.map(folded).astype("str")
