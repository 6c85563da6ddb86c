"""Coded: a column of texts as numbers into a list that holds each text once.

A zone has millions of answers and a few dozen words for them: what is compared and set a column at a time is numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]
Texts = npt.NDArray[np.object_]

NOTHING = -1
_NONE = np.array([None], dtype=object)


@dataclass
class Coded:
    """A column of texts.

    Attributes
    ----------
    code
        Position of each row's text; -1 for nothing.
    words
        The texts, each once; some may occur nowhere.
    """

    code: Codes
    words: Texts

    @classmethod
    def filled(cls, rows: int, word: str | None) -> Coded:
        """Give a column that says one thing."""
        if word is None:
            return cls(np.full(rows, NOTHING, dtype=np.int32), np.empty(0, dtype=object))
        return cls(np.zeros(rows, dtype=np.int32), np.array([word], dtype=object))

    @classmethod
    def of(cls, texts: Texts) -> Coded:
        """Take texts as they are; None and NaN are nothing."""
        code, words = pd.factorize(texts)
        return cls(code.astype(np.int32), np.asarray(words, dtype=object))

    @classmethod
    def held(cls, column: pd.Series) -> Coded:
        """Take a column of a table: a categorical as it is, plain texts one by one."""
        if isinstance(column.dtype, pd.CategoricalDtype):
            return cls(np.asarray(column.array.codes), np.asarray(column.array.categories, dtype=object))
        return cls.of(column.to_numpy(dtype=object, na_value=None))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.code)

    def take(self, at: npt.NDArray[Any]) -> Coded:
        """Give the texts of some rows; nothing for -1."""
        return replace(self, code=np.append(self.code, np.int32(NOTHING))[at])

    def copy(self) -> Coded:
        """Give a column that may be set without touching this one."""
        return replace(self, code=self.code.copy())

    def among(self, *words: str) -> Bools:
        """Tell which rows say one of some words."""
        known = np.isin(np.concatenate([self.words, _NONE]), np.array(words, dtype=object))
        return np.asarray(known[self.code])

    def same(self, other: Coded) -> Bools:
        """Tell which rows say the same as another column's, nothing included."""
        return np.asarray(self._known(other.words)[other.code] == self.code)

    def put(self, where: Bools, said: str | Coded | None) -> None:
        """Set some rows: to one word, or each to its own (one row for each that is set)."""
        if said is None:
            self.code[where] = NOTHING
            return
        new = said if isinstance(said, Coded) else Coded.filled(1, said)
        at = self._known(new.words)
        strange = np.flatnonzero(at[:-1] < NOTHING)
        at[strange] = len(self.words) + np.arange(len(strange))
        self.words = np.append(self.words, new.words[strange])
        self.code[where] = at[new.code]

    def texts(self) -> Texts:
        """Give the texts one by one; None for nothing."""
        return np.asarray(np.concatenate([self.words, _NONE])[self.code])

    def _known(self, words: Texts) -> Codes:
        """Find the codes of words, and of nothing after them; below -1 for those that this column does not have."""
        at = pd.Index(self.words, dtype=object).get_indexer(pd.Index(words, dtype=object))
        return np.append(np.where(at < 0, NOTHING - 1, at), NOTHING).astype(np.int32)


def side_by_side(columns: Sequence[Coded]) -> pd.Categorical:
    """Lay columns side by side, row by row; texts that occur nowhere are left out."""
    every, found = pd.factorize(np.concatenate([column.words for column in columns]))
    starts = np.cumsum([0, *(len(column.words) for column in columns)])
    code = np.empty((len(columns[0]), len(columns)), dtype=np.int32)
    for k, column in enumerate(columns):
        code[:, k] = np.append(every[starts[k] : starts[k + 1]], NOTHING).astype(np.int32)[column.code]
    flat = code.ravel()
    used = np.bincount(flat[flat >= 0], minlength=len(found)) > 0
    number = np.append(np.cumsum(used) - 1, NOTHING).astype(np.int32)
    return pd.Categorical.from_codes(number[flat], categories=pd.Index(found[used], dtype=object))
