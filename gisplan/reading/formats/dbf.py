"""DBF, the table of a Shapefile, from its bytes: text in the encoding it is really in, numbers as the text they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gisplan.base.errors import FormatError, GisplanError
from gisplan.base.issues import Book
from gisplan.reading.formats.encodings import Encoding, Word, encoding_of, hint_of
from gisplan.reading.formats.raw import UNREADABLE, Request
from gisplan.reading.refusals import listing, refusal

_TEXT = "CNFDL"
_READ = "CNFDLI"
"""Types that are read; memos (kept in a .dbt) and the rest are named as not read."""
_NAME = 10


@dataclass(frozen=True)
class _Column:
    name: bytes
    type: str
    start: int
    width: int


@dataclass(frozen=True)
class Sheet:
    """The rows of a DBF, and which of them are deleted but still there."""

    table: pd.DataFrame
    deleted: np.ndarray


def read_dbf(data: bytes, cpg: str, request: Request, book: Book) -> Sheet:
    """Read every field of a DBF as text, exactly as it stands; blank where the file has nothing.

    Parameters
    ----------
    data
        The file's bytes.
    cpg
        What the .cpg beside it says, a hint only.
    request, book
        Who asks, and where flaws are written down.

    Raises
    ------
    FormatError
        The file is shorter than its header says.
    EncodingError
        Its text fits no encoding that is known.
    """
    columns, records = _layout(data, request, book)
    deleted = records["flag"] == b"*"
    texts = {i: np.unique(records[str(i)], return_inverse=True) for i, c in enumerate(columns) if c.type == "C"}
    words = {Word.of(c.name, _NAME) for c in columns}
    for i, (unique, _) in texts.items():
        words |= {Word.of(w, columns[i].width) for w in unique.tolist() if not w.isascii()}
    encoding = encoding_of(words, hint_of(cpg, data[29]), request, book)
    out: dict[str, pd.Series] = {}
    lost = np.zeros(len(records), dtype=bool)
    for i, column in enumerate(columns):
        if i in texts:
            series, strange = _words(*texts[i], column.width, encoding)
            lost |= strange
        else:
            series = _plain(records[str(i)], column.type)
        name = encoding.title(Word.of(column.name, _NAME)).strip() or f"#{i + 1}"
        out[name if name not in out else f"{name}#{i + 1}"] = series.mask(series.str.strip() == "")
    _note(lost & ~deleted, [c for c in columns if c.type not in _READ], encoding, request, book)
    return Sheet(pd.DataFrame(out, index=pd.RangeIndex(len(records))), deleted)


def _words(unique: np.ndarray, inverse: np.ndarray, width: int, encoding: Encoding) -> tuple[pd.Series, np.ndarray]:
    """Decode a column of text; each word once, however often it stands."""
    words = [Word.of(w, width) for w in unique.tolist()]
    decoded = np.array([*(encoding.text(word) for word in words), ""], dtype=object)
    strange = np.array([*(word in encoding.strangers for word in words), False], dtype=bool)
    at = inverse.ravel()
    return pd.Series(decoded[at], dtype="str"), strange[at]


def _note(lost: np.ndarray, left: list[_Column], encoding: Encoding, request: Request, book: Book) -> None:
    """Name the rows with text that cannot be read, and the columns that are not read."""
    place = (request.name, "", "")
    if lost.any():
        rows = listing(np.flatnonzero(lost).tolist())
        book.add("cells_unreadable", "warning", "noted", place, count=int(lost.sum()), rows=rows, where=request.where)
    if left:
        names = listing(encoding.title(Word.of(c.name, _NAME)) for c in left)
        book.add("memo_unread", "warning", "noted", place, columns=names)


def _layout(data: bytes, request: Request, book: Book) -> tuple[list[_Column], np.ndarray]:
    """Read the header, and lay the records out as columns of bytes: `flag`, then 0, 1, 2, …."""
    if len(data) < 33:
        raise _cut(request, book)
    count, header, length = (int.from_bytes(data[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
    columns: list[_Column] = []
    offset, start = 32, 1
    while offset + 32 <= min(header, len(data)) and data[offset : offset + 1] not in (b"\r", b""):
        name, kind, width = data[offset : offset + 11].split(b"\x00")[0], chr(data[offset + 11]), data[offset + 16]
        if kind == "C":
            width += data[offset + 17] * 256
        columns.append(_Column(name, kind, start, width))
        offset, start = offset + 32, start + width
    if length == 0 or length < start:
        raise _cut(request, book)
    if header + count * length > len(data):
        lost = count - max(len(data) - header, 0) // length
        raise refusal(
            FormatError, "shp_lost", book.lang,
            file=request.name, part=f"{Path(request.name).stem}.dbf", lost=lost, count=count,
        )  # fmt: skip
    layout = np.dtype(
        {
            "names": ["flag", *(str(i) for i in range(len(columns)))],
            "formats": ["S1", *(f"S{max(c.width, 1)}" for c in columns)],
            "offsets": [0, *(min(c.start, length - 1) for c in columns)],
            "itemsize": length,
        }
    )
    return columns, np.frombuffer(data, dtype=layout, count=count, offset=header)


def _cut(request: Request, book: Book) -> GisplanError:
    return refusal(FormatError, "shp_cut", book.lang, file=request.name, part=f"{Path(request.name).stem}.dbf")


def _plain(values: np.ndarray, kind: str) -> pd.Series:
    """Read numbers, dates and flags as the text they are; a number too wide (asterisks) is lost, and not blank."""
    if kind == "I":
        return pd.Series(np.frombuffer(np.ascontiguousarray(values).tobytes(), dtype="<i4")).astype("str")
    if kind not in _TEXT:
        return pd.Series([None] * len(values), dtype="str")
    text = pd.Series([v.decode("latin-1").strip(" \x00") for v in values.tolist()], dtype="str")
    if kind == "L":
        flags = {"T": "true", "Y": "true", "F": "false", "N": "false", "": None, "?": None}
        return pd.Series([flags.get(v.upper(), UNREADABLE) for v in text.tolist()], dtype="str")
    return text.mask(text.str.contains("*", regex=False), UNREADABLE)
