"""Columns: whose column is which of ours, and what its cells mean; what is not understood is counted, never guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import pandas as pd

from gisplan.base.errors import LayerError, MissingColumn
from gisplan.base.fields import Field, encode, fields, plain
from gisplan.base.issues import Book
from gisplan.base.labels import Label
from gisplan.base.units import YELLOW_SEA_1956_M
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.refusals import listing, note, refusal, shorten, tally
from gisplan.reading.words import (
    Words,
    as_dates,
    as_numbers,
    lost_digits,
    plain_blank,
    text_column,
    unit_factor,
    unit_of_name,
    words_of,
)
from gisplan.reading.zone_file import Source

_POSITIVE = frozenset({"diameter_mm", "width_m", "voltage_kv", "stated_area_m2"})
_DECIDING = frozenset({"status", "open", "close_on"})
_IDS = frozenset({"parcel", "feature", "works", "leveling_works", "from_joint", "to_joint", "number"})


@dataclass(frozen=True)
class Taken:
    """The columns of one source in our names, types and codes.

    Attributes
    ----------
    frame
        One column per row of fields.csv for the table; `use_text`, `status_text` and `role_text` keep the file's word.
    odd
        Per column: which cells say something that is not understood.
    notes
        Sentences for every output.
    """

    frame: pd.DataFrame
    odd: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[Label, ...] = ()

    def puzzled(self, column: str) -> np.ndarray:
        """Tell which cells of a column say something that is not understood."""
        return self.odd.get(column, np.zeros(len(self.frame), dtype=bool))


@dataclass(frozen=True)
class Match:
    """A column of a file that is one of ours.

    Attributes
    ----------
    theirs
        Its name in the file.
    unit
        The unit that its name states, where that is not ours.
    stated
        Whether anything states its unit: its name, or zone.toml.
    others
        Columns that could as well be it.
    """

    theirs: str
    unit: str = ""
    stated: bool = True
    others: tuple[Match, ...] = ()


def match(raw: RawLayer, table: str, source: Source, lang: str) -> dict[str, str]:
    """Find our columns in a file, see `matches`: our name → theirs."""
    return {ours: found.theirs for ours, found in matches(raw, table, source, lang).items()}


def matches(raw: RawLayer, table: str, source: Source, lang: str) -> dict[str, Match]:
    """Find our columns in a file: as zone.toml says, else by our own name, else by an alias of fields.csv.

    Case, width, and signs such as ``_`` do not matter; a unit in brackets (``管径(m)``) is the unit of the column.

    Raises
    ------
    MissingColumn
        zone.toml names a column that is not there.
    """
    theirs = list(raw.table.columns)
    by_word: dict[str, str] = {}
    for name in theirs:
        by_word.setdefault(plain(name), name)
    free = [name for name in theirs if name not in source.columns.values()]
    out = {}
    for ours, entry in fields(table).items():
        asked = source.columns.get(ours)
        if asked is not None:
            found = asked if asked in theirs else by_word.get(plain(asked))
            if found is None:
                raise refusal(
                    MissingColumn, "column_not_there", lang,
                    file=raw.title, where=source.where, ours=ours, asked=asked, columns=listing(theirs, 40),
                )  # fmt: skip
            stated = ours in source.units or bool(unit_of_name(found, entry.unit)[1])
            out[ours] = Match(found, stated=stated)
        elif ours not in source.constants:
            likely = _likely(entry, free)
            if likely is not None and not likely.others and ours in _DECIDING and table == "layer":
                # A second column that says whether a thing works is heard even beside one that bears our own name.
                rest = [name for name in free if name != likely.theirs and name not in raw.used]
                again = _likely(entry, rest)
                likely = replace(likely, others=() if again is None else (replace(again, others=()), *again.others))
            if likely is not None:
                out[ours] = likely
    return out


def _likely(entry: Field, names: Sequence[str]) -> Match | None:
    """Find the column that is one of ours, and those that could be; our own name needs no alias, and so no choice."""
    folded = {plain(name): name for name in reversed(names)}
    own = folded.get(plain(entry.column)) or next((n for n in names if _bare(n) == _bare(entry.column)), None)
    # A shapefile cuts names to ten signs: diameter_m is the rest of diameter_mm, and no column in metres.
    own = own or (folded.get(entry.column[:_CUT]) if len(entry.column) > _CUT else None)
    if own is not None:
        return Match(own)
    rank = {_bare(alias): i for i, alias in reversed(list(enumerate(entry.aliases)))}
    found = []
    for position, name in enumerate(names):
        short, unit = unit_of_name(name, entry.unit) if entry.unit else (name, "")
        for word, named in ((name, ""), (short, unit)):
            if _bare(word) in rank:
                found.append((rank[_bare(word)], position, Match(name, named, bool(named))))
                break
    best = [one for *_, one in sorted(found, key=lambda entry: entry[:2])]
    return replace(best[0], others=tuple(best[1:])) if best else None


_CUT = 10


@cache
def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", plain(name))


def take(raw: RawLayer, table: str, source: Source, book: Book, services: Mapping[str, str] | None = None) -> Taken:
    """Take our columns out of a raw layer.

    Parameters
    ----------
    raw
        The layer as it stands in the file.
    table
        Which table of fields.csv it fills.
    source
        What zone.toml says about it.
    book
        Where flaws are written down.
    services
        Words for services (the profile's names), for the evidence table.

    Raises
    ------
    MissingColumn
        A column that is needed, or that zone.toml names, is not there.
    LayerError
        Ids have lost digits in the file already.
    """
    found = matches(raw, table, source, book.lang)
    matched = {ours: one.theirs for ours, one in found.items()}
    for ours, entry in fields(table).items():
        if entry.needed and ours not in matched and ours not in source.constants:
            raise refusal(
                MissingColumn, "column_needed", book.lang,
                file=raw.title, where=source.where, ours=ours, label=Label(entry.zh, entry.en).text(book.lang),
                columns=listing(raw.table.columns, 40),
            )  # fmt: skip
    unused = [name for name in raw.table.columns if name not in matched.values() and name not in raw.used]
    if unused:
        book.add("columns_unused", "info", "noted", (raw.file, raw.layer, ""), columns=listing(unused, 40))
    hand = _Hand(raw, source, book, services or {})
    columns: dict[str, pd.Series] = {}
    nothing = text_column(np.full(len(raw.table), None, dtype=object))
    for ours, entry in fields(table).items():
        values = _values(raw, ours, entry, matched, source, book)
        columns.update(_blank(entry, nothing) if values is None else hand.take(entry, values, found.get(ours)))
    notes = hand.old_heights(columns) if source.old_heights else ()
    return Taken(pd.DataFrame(columns, index=pd.RangeIndex(len(raw.table))), hand.odd, notes)


def _values(
    raw: RawLayer, ours: str, entry: Field, matched: Mapping[str, str], source: Source, book: Book
) -> pd.Series | None:
    """Give the cells of one of our columns as they stand, and refuse ids that have lost digits."""
    if ours in source.constants:
        return pd.Series([source.constants[ours]] * len(raw.table), dtype=object)
    theirs = matched.get(ours)
    if theirs is None:
        return None
    values = raw.table[theirs]
    is_id = entry.type == "id" or ours in _IDS
    floats = entry.type == "id" and pd.api.types.is_float_dtype(values) and bool(values.notna().any())
    if is_id and (floats or theirs in raw.lossy or lost_digits(values)):
        raise refusal(LayerError, "id_digits", book.lang, file=raw.title, column=theirs, where=source.where)
    return values


_KEPT = ("use", "status", "role", "kind")


def _blank(entry: Field, nothing: pd.Series) -> dict[str, pd.Series]:
    """Make a column without a single value; `nothing` is one of text."""
    length = len(nothing)
    if entry.type == "number":
        return {entry.column: pd.Series(np.full(length, np.nan))}
    if entry.type == "date":
        return {entry.column: pd.Series(np.full(length, np.datetime64("NaT"), dtype="datetime64[s]"))}
    if entry.type == "flag":
        return {entry.column: pd.Series(pd.arrays.BooleanArray(np.zeros(length, bool), np.ones(length, bool)))}
    return (
        {entry.column: nothing, f"{entry.column}_text": nothing} if entry.column in _KEPT else {entry.column: nothing}
    )


@dataclass(frozen=True)
class _Hand:
    """Turns the cells of one source into columns of the right types, and writes down what is not understood."""

    raw: RawLayer
    source: Source
    book: Book
    services: Mapping[str, str]
    odd: dict[str, np.ndarray] = field(default_factory=dict)

    def take(self, entry: Field, values: pd.Series, found: Match | None) -> dict[str, pd.Series]:
        """Take one of our columns; where several of the file could be it and disagree, the cell is not known."""
        name = entry.column
        made, wrong = self.typed(entry, words_of(values), found)
        if found is not None and found.others:
            differ = self._disagree(entry, made[name], found)
            if entry.type not in ("id", "text"):
                made[name] = made[name].mask(differ)
                wrong = wrong | differ
        if entry.type not in ("id", "text"):
            self.odd[name] = wrong
        return made

    def typed(self, entry: Field, words: Words, found: Match | None) -> tuple[dict[str, pd.Series], np.ndarray]:
        """Turn words into a column; give also which of its cells are not understood."""
        name = entry.column
        extra = self.source.values.get(name, {})
        if entry.type == "number":
            stated = found is None or found.stated or name in self.source.units
            factor = self._factor(entry, found)
            column, wrong = as_numbers(words, entry.unit, factor, name in _POSITIVE, _possible(name, stated))
            note_odd("number_unclear", words, wrong, entry, (self.raw, self.book))
            made = {name: column}
        elif entry.type == "date":
            column, wrong = as_dates(words)
            note_odd("date_unclear", words, wrong, entry, (self.raw, self.book))
            made = {name: column}
        elif entry.type in ("code", "flag"):
            made, wrong = _coded(words, entry, extra, self.services if entry.vocabulary == "service" else None)
            if (entry.table, name) != ("layer", "kind"):  # only the kind of a source matters: layers.py asks there
                note_odd("word_unknown", words, wrong, entry, (self.raw, self.book))
        else:
            meant = np.array([*([extra.get(w, w) for w in words.words] if extra else words.words), None], dtype=object)
            return {name: text_column(words.spread(meant))}, np.zeros(len(words.at), dtype=bool)
        return made, words.spread(np.append(wrong, False))

    def _factor(self, entry: Field, found: Match | None) -> float:
        """Give the factor from the unit of the file's column, as zone.toml or the column's own name says."""
        if entry.column in self.source.units:
            return unit_factor(self.source.units[entry.column], entry.unit) or 1.0
        factor = unit_factor(found.unit, entry.unit) if found is not None and found.unit else None
        if found is None or factor is None or factor == 1.0:
            return 1.0
        self.book.add(
            "column_unit", "info", "noted", (self.raw.file, self.raw.layer, ""),
            name=shorten(found.theirs), unit=found.unit, factor=f"{factor:g}", ours=entry.column,
        )  # fmt: skip
        return factor

    def _disagree(self, entry: Field, taken: pd.Series, found: Match) -> np.ndarray:
        """Name the columns that could as well be ours, and find the rows in which they say something else."""
        quiet = replace(self, book=Book(self.book.lang))
        differ = np.zeros(len(taken), dtype=bool)
        for other in found.others:
            words = words_of(self.raw.table[other.theirs])
            blank = words.spread(np.array([*(plain_blank(word) for word in words.words), True], dtype=bool))
            theirs = quiet.typed(entry, words, other)[0][entry.column]
            differ |= ~blank & ~taken.eq(theirs).fillna(False).to_numpy(dtype=bool)
        unclear = entry.type not in ("id", "text") and bool(differ.any())
        self.book.add(
            "column_conflict" if unclear else "column_choice", "warning", "noted", (self.raw.file, self.raw.layer, ""),
            column=Label(entry.zh, entry.en).text(self.book.lang), name=shorten(found.theirs), ours=entry.column,
            others=listing(one.theirs for one in found.others), count=int(differ.sum()),
        )  # fmt: skip
        return differ

    def old_heights(self, columns: dict[str, pd.Series]) -> tuple[Label, ...]:
        """Change levels of the datum of 1956 to that of 1985, and say so."""
        for name in _LEVELS:
            columns[name] = columns[name] + YELLOW_SEA_1956_M
        values = {"file": self.raw.title, "step": f"{YELLOW_SEA_1956_M:+g}"}
        self.book.add("heights_1956", "info", "declared", (self.raw.file, self.raw.layer, ""), **values)
        return (note("heights_1956", **values),)


_LEVELS = ("invert_from_m", "invert_to_m")
_MOST = {"diameter_mm": 9000.0, "width_m": 300.0, "voltage_kv": 1200.0}
"""Nothing is larger; 9999 is no diameter but a way to write that there is none."""
_VOLTS, _GRID = 200.0, frozenset({330.0, 500.0, 800.0, 1100.0})
"""From 200 on a bare number may be volts as well as kilovolts, save where no network has that many volts."""


def _possible(name: str, stated: bool) -> Callable[[float, str], bool]:
    """Tell which numbers a column may hold; `stated` tells whether anything says in which unit they are."""
    most = _MOST.get(name, math.inf)
    bare = name == "voltage_kv" and not stated

    def possible(value: float, word: str) -> bool:
        unclear = bare and value >= _VOLTS and value not in _GRID and not any(c.isalpha() for c in word)
        return value <= most and not unclear

    return possible


def _coded(
    words: Words, entry: Field, extra: Mapping[str, str], services: Mapping[str, str] | None
) -> tuple[dict[str, pd.Series], np.ndarray]:
    """Turn words into codes; also keep the word itself where people will want to see it."""
    if services is not None:
        ours = {plain(word): meaning for word, meaning in extra.items()}
        codes: list[str | None] = [services.get(plain(ours.get(plain(word), word))) for word in words.words]
    else:
        found = encode(pd.Series(words.words, dtype="str"), entry.vocabulary, extra)
        codes = [None if missing else str(code) for code, missing in zip(found, found.isna(), strict=True)]
    blank = np.array([plain_blank(word) for word in words.words], dtype=bool)
    wrong = np.array([code is None for code in codes], dtype=bool) & ~blank
    if entry.type == "flag":
        flags = np.array([*({"yes": 1, "no": 0}.get(code or "", -1) for code in codes), -1])
        row = words.spread(flags)
        return {entry.column: pd.Series(pd.arrays.BooleanArray(row == 1, row == -1))}, wrong
    made = {entry.column: text_column(words.spread(np.array([*codes, None], dtype=object)))}
    if entry.column in _KEPT:
        shown = np.array([*(None if b else w for w, b in zip(words.words, blank, strict=True)), None], dtype=object)
        made[f"{entry.column}_text"] = text_column(words.spread(shown))
    return made, wrong


def note_odd(code: str, words: Words, wrong: np.ndarray, entry: Field, place: tuple[RawLayer, Book]) -> None:
    """Write down which words of a column are not understood, and how often each occurs."""
    if wrong.any():
        raw, book = place
        column = Label(entry.zh, entry.en).text(book.lang)
        book.add(
            code, "warning", "noted", (raw.file, raw.layer, ""),
            column=column, words=tally(words.counts(wrong)), ours=entry.column,
        )  # fmt: skip
