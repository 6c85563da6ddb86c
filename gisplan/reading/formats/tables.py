"""Tables without shapes: CSV (UTF-8, GB18030) and Excel workbooks; the door of openpyxl. Every cell becomes text."""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gisplan.base.errors import EncodingError, FormatError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import RawLayer, Request, check_start, choose, reason
from gisplan.reading.refusals import refusal
from gisplan.reading.words import cell_text

_LARGEST = 1 << 30
_RATIO = 200
_EXACT = 10**15
"""Excel keeps 15 digits: a number with more is not the number that somebody typed."""


def read_csv(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read a CSV file; the first row names the columns.

    Raises
    ------
    ReadError
        The file is too large, in an unknown encoding, or has rows of different lengths.
    """
    if path.stat().st_size > _LARGEST:
        raise refusal(ReadError, "too_large", book.lang, file=request.name)
    text = _text(path.read_bytes(), request, book)
    first = text.lstrip("\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True) if any(row)]
    except csv.Error as error:
        raise refusal(FormatError, "csv_broken", book.lang, file=request.name, reason=reason(error, path)) from error
    return [_layer(rows, Path(request.name).stem, request, book)]


def _text(data: bytes, request: Request, book: Book) -> str:
    names = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "gb18030")
    for name in (request.encoding,) if request.encoding else names:
        try:
            text = data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        if "\x00" in text:
            raise refusal(FormatError, "not_its_suffix", book.lang, file=request.name, kind="CSV")
        if name == "gb18030":
            book.add(
                "encoding_chosen", "info", "noted", (request.name, "", ""), encoding="GB18030", where=request.where
            )
        return text.replace("\r\n", "\n").replace("\r", "\n")
    raise refusal(EncodingError, "text_encoding", book.lang, file=request.name, where=request.where)


def read_xlsx(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read one sheet of a workbook: the one that is asked for, else the first.

    Raises
    ------
    ReadError
        The file is no workbook, or is far larger inside than outside.
    LayerError
        The sheet is not in it.
    """
    import openpyxl  # half a second, for those who have a workbook

    check_start(path, (b"PK\x03\x04",), "xlsx", request, book)
    try:
        with zipfile.ZipFile(path) as archive:
            inside = sum(entry.file_size for entry in archive.infolist())
        if inside > _LARGEST or inside > _RATIO * max(path.stat().st_size, 1 << 16):
            raise refusal(ReadError, "too_large", book.lang, file=request.name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                sheet = choose(list(workbook.sheetnames), request, book)[0]
                rows = [list(row) for row in workbook[sheet].iter_rows() if any(c.value is not None for c in row)]
            finally:
                workbook.close()
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, SyntaxError) as error:
        raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error
    lossy: set[int] = set()
    texts = [[_cell(cell, column, lossy) for column, cell in enumerate(row)] for row in rows]
    return [_layer(texts, sheet, request, book, lossy)]


def _cell(cell: Any, column: int, lossy: set[int]) -> str:
    """Write a cell as text; a format of zeros (``000000``) is part of what the planner sees and is kept."""
    value = cell.value
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= _EXACT:
        lossy.add(column)
    text = cell_text(value) or ""
    width = len(cell.number_format) if isinstance(value, int) and re.fullmatch("0+", str(cell.number_format)) else 0
    return text.zfill(width)


def _layer(rows: list[list[str]], layer: str, request: Request, book: Book, lossy: Iterable[int] = ()) -> RawLayer:
    """Make a raw layer of rows of text, the first of which names the columns."""
    if not rows:
        raise refusal(FormatError, "table_empty", book.lang, file=request.name)
    head = [name.strip() for name in rows[0]]
    while head and not head[-1]:
        head.pop()
    names = [name or f"#{i + 1}" for i, name in enumerate(head)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise refusal(FormatError, "table_header", book.lang, file=request.name, names=", ".join(twice) or "—")
    body = []
    for number, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row[len(names) :]):
            raise refusal(
                FormatError, "table_row", book.lang, file=request.name, row=number, cells=len(row), columns=len(names)
            )
        body.append([*row[: len(names)], *[""] * (len(names) - len(row))])
    columns = {name: pd.Series([row[i] for row in body], dtype="str") for i, name in enumerate(names)}
    lost = frozenset(names[i] for i in lossy if i < len(names))
    fids = np.arange(2, len(body) + 2)
    return RawLayer(request.name, layer, pd.DataFrame(columns), fids, lossy=lost)
