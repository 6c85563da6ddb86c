"""References: which parcel, feature or works a table means, however its number is spelt."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile

import geopandas as gpd
import numpy as np
import pandas as pd

from gisplan.base.fields import narrow, plain
from gisplan.base.issues import Book
from gisplan.reading.refusals import listing

_OTHER_SIGNS = 2
"""The number of other land begins otherwise than all of the zone's: at least so many signs of that are not in it."""
_MISSING = {"parcel": "evidence_parcel_missing", "feature": "evidence_feature_missing"}
Place = tuple[str, str, str]


def matched(words: pd.Series, known: pd.Index, place: Place, book: Book) -> pd.Series:
    """Give every reference the spelling of what it means: width, outer blanks and case do not matter.

    What is spelt in another way is written down; what could mean two things means neither, and stays as it is.
    """
    lost = _lost(words, known)
    if not lost.any():
        return words
    found: dict[str, str] = {}
    for fold in (plain, narrow):  # the closer spelling is looked at last, and wins
        folded = pd.Series(known, index=[fold(word) for word in known], dtype=object)
        only = folded[~folded.index.duplicated(keep=False)]
        found |= {word: only[fold(word)] for word in words[lost].unique() if fold(word) in only.index}
    if found:
        pairs = listing(f"{quoted(word)} → {quoted(meant)}" for word, meant in found.items())
        book.add("reference_spelling", "warning", "noted", place, pairs=pairs)
    return words.map(lambda word: found.get(word, word), na_action="ignore").astype(words.dtype)


def told(words: pd.Series, known: pd.Index, grave: np.ndarray, code: str, place: Place, book: Book) -> None:
    """Name the references that lead nowhere; where one is `grave`, answers hang on it."""
    lost = _lost(words, known)
    for chosen, severity in ((lost & grave, "error"), (lost & ~grave, "warning")):
        if chosen.any():
            book.add(code, severity, "noted", place, ids=listing(map(quoted, dict.fromkeys(words[chosen]))))


def quoted(word: object) -> str:
    """Show a number so that its outer blanks are seen."""
    return f"'{word}'"


def strays(words: pd.Series, known: pd.Index) -> np.ndarray:
    """Tell which rows name something that is not there, and may be a misspelt thing that is."""
    lost = _lost(words, known)
    return lost & ~words.isin(of_other_land(words[lost].unique(), known)).to_numpy() if lost.any() else lost


def of_other_land(words: Iterable[str], known: pd.Index) -> frozenset[str]:
    """Tell which numbers are plainly none of a zone: of the form of its numbers, but with another beginning.

    >>> zone = pd.Index(["GT-B-03-04", "GT-C-01-02"])
    >>> sorted(of_other_land(["KY-A-01-07", "GI-B-03-04", "GT-B-03-40", "KY7"], zone))
    ['KY-A-01-07']
    """
    folded = [plain(word) for word in known]
    if len(folded) < 2:
        return frozenset()
    # What the first and the last in order begin with alike, all begin with.
    first, last = min(folded), max(folded)
    begin = first[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))]
    signs, forms = Counter(c for c in begin if c.isalnum()), {_form(word) for word in folded}

    def other(word: str) -> bool:
        differ = signs - Counter(plain(word)[: len(begin)])
        return differ.total() >= _OTHER_SIGNS and _form(plain(word)) in forms

    return frozenset(word for word in words if other(word))


def _form(word: str) -> str:
    return re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", word))


def _lost(words: pd.Series, known: pd.Index) -> np.ndarray:
    # Few rows name anything, and much is known: what is sought is put into order, not what is known.
    if not words.notna().any():
        return np.zeros(len(words), dtype=bool)
    # As objects: a column of texts would turn every known word into a value of Arrow's, one by one.
    at, named = pd.factorize(words.to_numpy(dtype=object))
    every = known.to_numpy(dtype=object)
    there = set(every[pd.Series(every, dtype=object).isin(named).to_numpy()])
    return np.array([*(word not in there for word in named), False], dtype=bool)[at]


def settle(
    parcels: gpd.GeoDataFrame,
    layers: Mapping[str, gpd.GeoDataFrame],
    works: pd.DataFrame,
    papers: pd.DataFrame,
    book: Book,
) -> tuple[gpd.GeoDataFrame, dict[str, gpd.GeoDataFrame], pd.DataFrame]:
    """Settle which works, parcels and features are meant, and name every reference that leads nowhere.

    In the papers, column ``stray`` tells in the end which rows speak of nothing that is there, and may mean anything.
    """
    parcels = _works(parcels, "leveling_works", works.index, book)
    tables = {key: _works(layer, "works", works.index, book) for key, layer in layers.items()}
    features = pd.Index([]).append([layer.index for layer in tables.values()]).unique()
    columns = {"parcel": parcels.index, "feature": features}
    papers = papers.copy()
    elsewhere = np.zeros(len(papers), dtype=bool)
    for column, known in columns.items():
        for place, mine in _files(papers[column], papers["file"], known):
            papers.loc[mine, column] = matched(papers.loc[mine, column], known, place, book)
        elsewhere |= papers[column].notna().to_numpy() & ~strays(papers[column], known)
    papers["stray"] = papers["stray"].to_numpy(dtype=bool) & ~elsewhere
    for column, known in columns.items():
        for place, mine in _files(papers[column], papers["file"], known):
            rows = papers[mine]
            told(rows[column], known, rows["stray"].to_numpy(), _MISSING[column], place, book)
    nameless = papers["stray"].to_numpy() & papers["parcel"].isna().to_numpy() & papers["feature"].isna().to_numpy()
    for file, count in papers["file"][nameless].value_counts().items():
        book.add("evidence_nameless", "error", "noted", (str(file), "", ""), count=int(count))
    return parcels, tables, papers


def _works(table: gpd.GeoDataFrame, column: str, known: pd.Index, book: Book) -> gpd.GeoDataFrame:
    """Match the works that a table names, and name those that are not there."""
    words = table[column].reset_index(drop=True)
    for place, mine in _files(words, table["file"], known):
        words[mine] = matched(words[mine], known, place, book)
        told(words[mine], known, np.zeros(int(mine.sum()), dtype=bool), "works_missing", place, book)
    words.index = table.index
    return table.assign(**{column: words})


def _files(words: pd.Series, files: pd.Series, known: pd.Index) -> Iterator[tuple[Place, np.ndarray]]:
    """Give the rows of each file in which something is named that is not known, spelt like that."""
    lost = _lost(words, known)
    if lost.any():
        source = files.to_numpy(dtype=object, na_value="")
        for file in dict.fromkeys(source[lost]):
            yield (str(file), "", ""), np.asarray(source == file)
