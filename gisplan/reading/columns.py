"""Columns: whose column is which of ours, and what its cells mean; what is not understood is counted, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gisplan.base.errors import LayerError, MissingColumn
from gisplan.base.fields import Field, encode, fields, plain
from gisplan.base.issues import Book
from gisplan.base.labels import Label
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.refusals import listing, refusal, tally
from gisplan.reading.words import (
    Words,
    as_dates,
    as_numbers,
    lost_digits,
    plain_blank,
    text_column,
    unit_factor,
    words_of,
)
from gisplan.reading.zone_file import Source

_POSITIVE = frozenset({"diameter_mm", "width_m", "voltage_kv", "stated_area_m2"})
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
    """

    frame: pd.DataFrame
    odd: Mapping[str, np.ndarray] = field(default_factory=dict)

    def puzzled(self, column: str) -> np.ndarray:
        """Tell which cells of a column say something that is not understood."""
        return self.odd.get(column, np.zeros(len(self.frame), dtype=bool))


def match(raw: RawLayer, table: str, source: Source, lang: str) -> dict[str, str]:
    """Find our columns in a file: as zone.toml says, else by our own name, else by an alias of fields.csv.

    Raises
    ------
    MissingColumn
        zone.toml names a column that is not there.
    """
    theirs = list(raw.table.columns)
    by_word: dict[str, str] = {}
    for name in theirs:
        by_word.setdefault(plain(name), name)
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
            out[ours] = found
        elif ours not in source.constants:
            words = [plain(word) for word in (ours, *entry.aliases)]
            found = next((by_word[word] for word in words if word in by_word), None)
            if found is not None and found not in source.columns.values():
                out[ours] = found
    return out


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
    matched = match(raw, table, source, book.lang)
    for ours, entry in fields(table).items():
        if entry.needed and ours not in matched and ours not in source.constants:
            raise refusal(
                MissingColumn, "column_needed", book.lang,
                file=raw.title, where=source.where, ours=ours, label=Label(entry.zh, entry.en).text(book.lang),
                columns=listing(raw.table.columns, 40),
            )  # fmt: skip
    unused = [name for name in raw.table.columns if name not in matched.values()]
    if unused:
        book.add("columns_unused", "info", "noted", (raw.file, raw.layer, ""), columns=listing(unused, 40))
    columns: dict[str, pd.Series] = {}
    odd: dict[str, np.ndarray] = {}
    nothing = text_column(np.full(len(raw.table), None, dtype=object))
    for ours, entry in fields(table).items():
        values = _values(raw, ours, entry, matched, source, book)
        if values is None:
            columns.update(_blank(entry, nothing))
        else:
            known = services if entry.vocabulary == "service" else None
            columns.update(_typed(words_of(values), entry, source, (raw, book), odd, known))
    return Taken(pd.DataFrame(columns, index=pd.RangeIndex(len(raw.table))), odd)


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
        return {entry.column: pd.Series(pd.array([pd.NA] * length, dtype="boolean"))}
    return (
        {entry.column: nothing, f"{entry.column}_text": nothing} if entry.column in _KEPT else {entry.column: nothing}
    )


def _typed(
    words: Words,
    entry: Field,
    source: Source,
    place: tuple[RawLayer, Book],
    odd: dict[str, np.ndarray],
    services: Mapping[str, str] | None,
) -> dict[str, pd.Series]:
    """Turn words into a column of the right type, and write down what is not understood."""
    name = entry.column
    extra = source.values.get(name, {})
    if entry.type == "number":
        factor = unit_factor(source.units[name], entry.unit) if name in source.units else None
        column, wrong = as_numbers(words, entry.unit, 1.0 if factor is None else factor, name in _POSITIVE)
        note_odd("number_unclear", words, wrong, entry, place)
        made = {name: column}
    elif entry.type == "date":
        column, wrong = as_dates(words)
        note_odd("date_unclear", words, wrong, entry, place)
        made = {name: column}
    elif entry.type in ("code", "flag"):
        made, wrong = _coded(words, entry, extra, services)
        if (entry.table, name) != ("layer", "kind"):  # only the kind of a source matters: layers.py asks there
            note_odd("word_unknown", words, wrong, entry, place)
    else:
        meant = np.array([*(extra.get(word, word) for word in words.words), None], dtype=object)
        return {name: text_column(words.spread(meant))}
    odd[name] = words.spread(np.append(wrong, False))
    return made


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
