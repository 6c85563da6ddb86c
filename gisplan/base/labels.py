"""Words for people, in 中文 and English; every word lives in a data file, this room only looks it up."""

from __future__ import annotations

import csv
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

LANGS = ("zh", "en", "both")


@dataclass(frozen=True)
class Label:
    """One word or sentence in both languages.

    >>> Label("给水", "Water supply").text("en")
    'Water supply'
    >>> Label("给水", "Water supply").text("both")
    '给水 Water supply'
    """

    zh: str
    en: str

    def text(self, lang: str) -> str:
        """Give the label in one language, or in ``both``."""
        if lang == "both":
            return self.zh if self.zh == self.en else f"{self.zh} {self.en}"
        return self.zh if lang == "zh" else self.en

    @classmethod
    def read(cls, value: str | Mapping[str, str]) -> Label:
        """Read a label as TOML writes it: a text that serves both languages, or ``{ zh = …, en = … }``."""
        if isinstance(value, str):
            return cls(value, value)
        zh = value.get("zh") or value.get("en") or ""
        return cls(zh, value.get("en") or zh)


@cache
def _table() -> dict[str, Label]:
    text = resources.files("gisplan.base").joinpath("labels.csv").read_text(encoding="utf-8")
    return {row["code"]: Label(row["zh"], row["en"]) for row in csv.DictReader(text.splitlines())}


def codes(prefix: str = "") -> list[str]:
    """List the codes of labels.csv that start with `prefix`."""
    return [code for code in _table() if code.startswith(prefix)]


def label(code: str) -> Label:
    """Look a code up; an unknown code is shown as it is, never lost."""
    return _table().get(code) or Label(code, code)


def say(code: str, lang: str, **values: Any) -> str:
    """Fill the sentence `code` with values.

    The template is ours; a value is put in as it is and never read as a template.

    >>> say("grade.A", "en")
    'connected'
    """
    if lang == "both":
        return f"{say(code, 'zh', **values)} {say(code, 'en', **values)}"
    return label(code).text(lang).format(**values)


def say_column(codes_: pd.Series, lang: str, values: Mapping[str, pd.Series]) -> pd.Series:
    """Fill one sentence per row, a whole column at a time.

    Parameters
    ----------
    codes_
        Label code of each row; empty text gives an empty sentence.
    lang
        ``zh`` or ``en``.
    values
        Texts to fill in, each indexed like `codes_`.
    """
    import numpy as np  # half a second, which the command's first steps do without
    import pandas as pd

    out = np.full(len(codes_), "", dtype=object)
    kinds = codes_.to_numpy(dtype=object)
    for code in pd.unique(codes_):
        if not code:
            continue
        rows = np.flatnonzero(kinds == code)
        mine = {name: value.to_numpy(dtype=object)[rows].astype(str).astype(object) for name, value in values.items()}
        out[rows] = fill(code, lang, len(rows), mine)
    return pd.Series(out, index=codes_.index, dtype="str")


def fill(code: str, lang: str, count: int, values: Mapping[str, Any]) -> Any:
    """Fill one sentence many times over.

    Parameters
    ----------
    code
        Label code of the sentence.
    lang
        ``zh`` or ``en``.
    count
        How many times.
    values
        Texts to fill in: object arrays of `count` strings, or one string for all.

    Returns
    -------
    numpy.ndarray
        Object array of `count` sentences.
    """
    import numpy as np  # as above

    parts = np.full(count, "", dtype=object)
    for literal, name, _, _ in string.Formatter().parse(label(code).text(lang)):
        if literal:
            parts = parts + literal
        if name:
            parts = parts + values[name]
    return parts
