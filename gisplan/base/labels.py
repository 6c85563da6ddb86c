"""Words for people, in 中文 and English; every word lives in a data file, this room only looks it up."""

from __future__ import annotations

import csv
import itertools
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Rows = npt.NDArray[np.int64]

SINGLE = ("zh", "en")
LANGS = (*SINGLE, "both")
"""What people may ask for; one sentence is in a single language."""


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
    import pandas as pd  # half a second, which the command's first steps do without

    def given(value: pd.Series) -> Callable[[Rows], Any]:
        return lambda rows: value.iloc[rows].to_numpy(dtype=object).astype(str).astype(object)

    kind, kinds = pd.factorize(codes_.to_numpy(dtype=object))
    said = say_rows(kind, kinds, lang, {name: given(value) for name, value in values.items()})
    return pd.Series(said, index=codes_.index, dtype="str")


def say_rows(kind: Rows, kinds: Sequence[str], lang: str, values: Mapping[str, Callable[[Rows], Any]]) -> Any:
    """Fill one sentence per row, where each value is made only for the rows whose sentence asks for it.

    Parameters
    ----------
    kind
        Which of `kinds` each row is.
    kinds
        Label codes; the empty one gives an empty sentence.
    lang
        ``zh`` or ``en``.
    values
        By the name of a place in a sentence: what gives the texts of some rows (an object array, or one text for all).

    Returns
    -------
    numpy.ndarray
        Object array of sentences.
    """
    import numpy as np  # as above

    out = np.full(len(kind), "", dtype=object)
    for number in np.flatnonzero(np.bincount(kind, minlength=len(kinds))).tolist():
        if kinds[number]:
            rows = np.flatnonzero(kind == number)
            wanted = {name for _, name, _, _ in string.Formatter().parse(label(kinds[number]).text(lang)) if name}
            out[rows] = fill(kinds[number], lang, len(rows), {name: values[name](rows) for name in wanted})
    return out


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

    parts: list[Any] = []
    for literal, name, _, _ in string.Formatter().parse(label(code).text(lang)):
        parts += [literal] if literal else []
        parts += [values[name]] if name else []
    if all(isinstance(part, str) for part in parts):
        return np.full(count, "".join(parts), dtype=object)
    columns = (itertools.repeat(part) if isinstance(part, str) else np.asarray(part, dtype=object) for part in parts)
    return np.fromiter(map("".join, zip(*columns, strict=False)), dtype=object, count=count)
