"""Land use: one class (M1, M2, W …) for the words and codes of three standards: 用地用海, GB 50137 and GB/T 21010."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from gisplan.base.fields import plain, vocabulary
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.refusals import listing
from gisplan.reading.words import text_column
from gisplan.reading.zone_file import Source

_BETWEEN = re.compile(r"[\s()\[\]{}、,;/|:+_-]+")
_WIDE = {"industrial": "M", "logistics": "W", "residential": "R", "public": "A"}
_WIDE |= {"commercial": "B", "utilities": "U", "green": "G"}
"""The class of a use of which no more is known."""


def classes(frame: pd.DataFrame, source: Source, raw: RawLayer, book: Book) -> pd.Series:
    """Give each parcel its class of land use: that of its own column, which must not contradict its use.

    A word with several codes in it (``M2 二类工业用地``) has a class where they all say the same; two classes in one
    word, or in two columns, are none.

    Parameters
    ----------
    frame
        The parcels, with ``use``, ``use_text`` and ``use_class``.
    source, raw
        Where they came from.
    book
        Where contradictions are written down.
    """
    extra = {plain(word): plain(meaning) for word, meaning in source.values.get("use", {}).items()}
    words = {word: _class(extra.get(plain(word), plain(word))) for word in pd.unique(frame["use_text"].dropna())}
    meant = frame["use_text"].map(words)
    meant = meant.where(meant.notna(), frame["use"].map(_WIDE)).to_numpy(dtype=object)
    said = frame["use_class"].to_numpy(dtype=object)
    both = _finer_of(said, meant)
    against = pd.notna(said) & pd.notna(meant) & pd.isna(both)
    if against.any():
        ids = listing(frame["parcel"][against].fillna("?"))
        book.add("use_class_conflict", "warning", "noted", (raw.file, raw.layer, ""), ids=ids, count=int(against.sum()))
    return text_column(both)


def _class(word: str) -> str | None:
    """Give the class that a word names, or that all its parts name."""
    known = vocabulary("use_class")
    if word in known:
        return known[word]
    parts = [part for part in _BETWEEN.split(word) if part]
    found: str | None = known.get(parts[0]) if parts else None
    for part in parts[1:]:
        found = _finer(known.get(part), found) if found is not None and part in known else None
    return found


def _finer_of(said: np.ndarray, meant: np.ndarray) -> np.ndarray:
    """Give the finer of two classes in each row; there are few different pairs."""
    one, (other, others) = pd.factorize(said)[0], pd.factorize(meant)
    pair, at = np.unique(one * (len(others) + 1) + other, return_inverse=True)
    rows = np.zeros(len(pair), dtype=np.int64)
    rows[at] = np.arange(len(at))
    return np.array([_finer(said[row], meant[row]) for row in rows.tolist()], dtype=object)[at]


def _finer(one: object, other: object) -> str | None:
    """Give the finer of two classes of one kind (M and M2: M2); what is alone stands; M1 and M2 are none."""
    if pd.isna(one) or pd.isna(other):
        return None if pd.isna(one) and pd.isna(other) else str(other if pd.isna(one) else one)
    a, b = sorted((str(one), str(other)), key=len)
    return b if b.startswith(a) else None
