"""Texts of the page's data block: every different text once, columns as their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

NONE = -1
"""The number of a blank."""


class Texts:
    """Collects text columns and numbers every different text once; -1 stands for a blank."""

    def __init__(self) -> None:
        self._columns: list[tuple[np.ndarray, list[str]]] = []

    def column(self, frame: pd.DataFrame, name: str) -> Slot:
        """Take a column of `frame`; one that is not there is blank."""
        if name in frame.columns:
            return self.take(frame[name])
        return self.take(pd.Series(np.full(len(frame), None, dtype=object)))

    def take(self, values: pd.Series | pd.Index) -> Slot:
        """Take a column; its place in the block is filled by `settle`."""
        code, words = pd.factorize(values)
        return self.coded(code, ["" if pd.isna(word) else str(word) for word in words])

    def coded(self, code: np.ndarray, words: list[str]) -> Slot:
        """Take a column of few words: the number of each row's word, -1 for a blank."""
        self._columns.append((code, words))
        return Slot(len(self._columns) - 1)

    def settle(self, block: dict[str, Any]) -> dict[str, Any]:
        """Put the list of texts and the numbers of every column into the block."""
        number: dict[str, int] = {}
        columns = []
        for code, words in self._columns:
            of = [number.setdefault(word, len(number)) if word else NONE for word in words]
            columns.append(np.array([*of, NONE])[code].tolist())
        filled: dict[str, Any] = _fill(block, columns)
        return {**filled, "texts": list(number)}


@dataclass(frozen=True)
class Slot:
    """Where a text column will stand."""

    number: int


def _fill(value: Any, columns: list[list[int]]) -> Any:
    if isinstance(value, Slot):
        return columns[value.number]
    if isinstance(value, dict):
        return {key: _fill(part, columns) for key, part in value.items()}
    return value
