"""DBF, the table of a Shapefile, from its bytes: text in the encoding it is really in, numbers as the text they are."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gisplan.base.errors import EncodingError, FormatError, GisplanError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import Request
from gisplan.reading.refusals import refusal

_TEXT = "CNFDL"
_NAME = 10
_KNOWN = {
    "65001": "utf-8",
    "utf8": "utf-8",
    "936": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "cp936": "gb18030",
}
_LANGUAGE_BYTE = {0x4D: "gb18030"}


@dataclass(frozen=True)
class _Word:
    """Bytes of a text; `full` when they fill their field, whose width may then have cut the last character."""

    data: bytes
    full: bool

    @classmethod
    def of(cls, data: bytes, width: int) -> _Word:
        data = data.rstrip(b" \x00")
        return cls(data, len(data) >= width)

    def text(self, encoding: str) -> str:
        return codecs.getincrementaldecoder(encoding)("strict").decode(self.data, final=not self.full)

    def fits(self, encoding: str) -> bool:
        try:
            self.text(encoding)
        except UnicodeDecodeError:
            return False
        return True


@dataclass(frozen=True)
class _Column:
    name: bytes
    type: str
    start: int
    width: int


def read_dbf(data: bytes, cpg: str, request: Request, book: Book) -> pd.DataFrame:
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
    texts = {i: np.unique(records[str(i)], return_inverse=True) for i, c in enumerate(columns) if c.type == "C"}
    words = {_Word.of(c.name, _NAME) for c in columns}
    for i, (unique, _) in texts.items():
        words |= {_Word.of(w, columns[i].width) for w in unique.tolist() if not w.isascii()}
    hint = _KNOWN.get(cpg.casefold(), cpg.casefold()) or _LANGUAGE_BYTE.get(data[29], "")
    encoding = _encoding(words, hint, request, book)
    out: dict[str, pd.Series] = {}
    for i, column in enumerate(columns):
        if i in texts:
            unique, inverse = texts[i]
            decoded = [_Word.of(w, column.width).text(encoding) for w in unique.tolist()]
            series = pd.Series(np.array(decoded, dtype=object)[inverse.ravel()], dtype="str")
        else:
            series = _plain(records[str(i)], column.type)
        name = _Word.of(column.name, _NAME).text(encoding).strip() or f"#{i + 1}"
        out[name if name not in out else f"{name}#{i + 1}"] = series.mask(series.str.strip() == "")
    return pd.DataFrame(out, index=pd.RangeIndex(len(records)))


def _layout(data: bytes, request: Request, book: Book) -> tuple[list[_Column], np.ndarray]:
    """Read the header, and lay the records out as columns of bytes named 0, 1, 2, …."""
    if len(data) < 33:
        raise _cut(request, book)
    count, header, length = (int.from_bytes(data[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
    columns: list[_Column] = []
    offset, start = 32, 1
    while offset + 32 <= header and data[offset : offset + 1] not in (b"\r", b""):
        name, kind, width = data[offset : offset + 11].split(b"\x00")[0], chr(data[offset + 11]), data[offset + 16]
        if kind == "C":
            width += data[offset + 17] * 256
        columns.append(_Column(name, kind, start, width))
        offset, start = offset + 32, start + width
    if length == 0 or length < start or header + count * length > len(data):
        raise _cut(request, book)
    layout = np.dtype(
        {
            "names": [str(i) for i in range(len(columns))],
            "formats": [f"S{max(c.width, 1)}" for c in columns],
            "offsets": [min(c.start, length - 1) for c in columns],
            "itemsize": length,
        }
    )
    return columns, np.frombuffer(data, dtype=layout, count=count, offset=header)


def _cut(request: Request, book: Book) -> GisplanError:
    return refusal(FormatError, "shp_cut", book.lang, file=request.name, part=f"{Path(request.name).stem}.dbf")


def _plain(values: np.ndarray, kind: str) -> pd.Series:
    """Read numbers, dates and flags as the text they are; asterisks (a number too wide) are blank."""
    if kind == "I":
        return pd.Series(np.frombuffer(np.ascontiguousarray(values).tobytes(), dtype="<i4")).astype("str")
    if kind not in _TEXT:
        return pd.Series([None] * len(values), dtype="str")
    text = pd.Series([v.decode("latin-1").strip(" \x00") for v in values.tolist()], dtype="str")
    if kind == "L":
        flags = {"T": "true", "Y": "true", "F": "false", "N": "false"}
        return pd.Series([flags.get(v.upper()) for v in text.tolist()], dtype="str")
    return text.mask(text.str.contains("*", regex=False))


def _encoding(words: Iterable[_Word], hint: str, request: Request, book: Book) -> str:
    """Find the encoding that the bytes themselves fit: UTF-8, else GB18030; what the file claims is a hint only."""
    odd = [word for word in words if not word.data.isascii()]
    if request.encoding is not None:
        return _given(request.encoding, odd, request, book)
    if not odd:
        return "ascii"
    # Where the bytes fit neither, what the file claims is better than nothing, if they fit that.
    for name in ("utf-8", "gb18030", *((hint,) if _exists(hint) else ())):
        if all(word.fits(name) for word in odd):
            contradicted = bool(hint) and hint != name
            book.add(
                "encoding_hint" if contradicted else "encoding_chosen", "warning" if contradicted else "info", "noted",
                (request.name, "", ""), encoding=name.upper(), hint=hint, where=request.where,
            )  # fmt: skip
            return name
    raise refusal(EncodingError, "text_encoding", book.lang, file=request.name, where=request.where)


def _exists(name: str) -> bool:
    """Tell whether a name is a text encoding; codecs that unpack (``zlib``) are none."""
    try:
        b"".decode(name)
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError):
        return False
    return bool(name)


def _given(name: str, odd: list[_Word], request: Request, book: Book) -> str:
    if not _exists(name):
        raise refusal(EncodingError, "encoding_name", book.lang, file=request.name, where=request.where, encoding=name)
    wrong = sum(not word.fits(name) for word in odd)
    if wrong:
        raise refusal(
            EncodingError, "encoding_given", book.lang,
            file=request.name, where=request.where, encoding=name, count=wrong,
        )  # fmt: skip
    book.add("encoding_given", "info", "declared", (request.name, "", ""), encoding=name)
    return name
