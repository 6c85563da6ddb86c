"""Tables without shapes: CSV (UTF-8, GB18030) and Excel workbooks; the door of openpyxl. Every cell becomes text."""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gisplan.base.errors import FormatError, GisplanError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.encodings import text_of
from gisplan.reading.formats.raw import UNREADABLE, RawLayer, Request, check_start, choose, reason
from gisplan.reading.refusals import listing, refusal, shorten
from gisplan.reading.words import cell_text, number_of, plain_blank

_LARGEST = 1 << 30
_RATIO = 200
_TITLE = 3
"""A row of one cell above a row of so many is a title."""
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, LookupError, ArithmeticError, ValueError,
    TypeError, AttributeError, SyntaxError,
)  # fmt: skip
"""What openpyxl and zipfile raise of a damaged workbook."""
_FORMULA = re.compile(rb'<c r="([A-Z]{1,3})(\d+)"[^>]*>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>')
"""A cell with a formula and no value: the program that wrote it has not counted."""
_MERGED = re.compile(rb'<mergeCell ref="([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)"')
_MOST_MERGED, _WIDEST = 20_000, 100
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
    text = text_of(path.read_bytes(), "CSV", request, book).replace("\r\n", "\n").replace("\r", "\n")
    first = re.sub('"[^"]*"', "", text.lstrip("\n")).split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = enumerate(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True), start=1)
        rows = {number: row for number, row in lines if any(row)}
    except csv.Error as error:
        raise refusal(FormatError, "csv_broken", book.lang, file=request.name, reason=reason(error, path)) from error
    return [_layer(rows, Path(request.name).stem, request, book)]


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
                sheets = list(workbook.sheetnames)
                sheet = choose(sheets, request, book)[0]
                lines = enumerate(workbook[sheet].iter_rows(), start=1)
                rows = {number: list(row) for number, row in lines if any(c.value is not None for c in row)}
                hidden = _hidden(path, workbook[sheet])
            finally:
                workbook.close()
    except GisplanError:
        raise
    except _DAMAGE as error:
        raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error
    if request.layer is None and len(sheets) > 1:
        others = listing(sheets[1:], 20)
        book.add("sheets_more", "info", "noted", (request.name, sheet, ""), sheet=sheet, others=others)
    lossy: set[int] = set()
    texts = {n: [_cell(cell, column, lossy) for column, cell in enumerate(row)] for n, row in rows.items()}
    head = next(iter(texts.values()), [])
    odd = [
        (n, column)
        for n, row in texts.items()
        for column, text in enumerate(row[: len(head)])
        if not text and head[column] and (n, column) in hidden
    ]
    for n, column in odd:
        texts[n][column] = UNREADABLE
    if odd:
        numbers = listing(dict.fromkeys(n for n, _ in odd))
        book.add("cells_hidden", "warning", "noted", (request.name, sheet, ""), count=len(odd), rows=numbers)
    width = max((len(row) for row in texts.values()), default=0)
    texts = {n: [*row, *[""] * (width - len(row))] for n, row in texts.items()}  # a row ends with its last cell
    return [_layer(texts, sheet, request, book, lossy)]


def _hidden(path: Path, sheet: Any) -> set[tuple[int, int]]:
    """Find cells that look blank and are not: below or beside the first one of merged cells, or an uncounted formula.

    Returns
    -------
    set
        Row (the first is 1) and column (the first is 0) of each.
    """
    name = getattr(sheet, "_worksheet_path", "")
    with zipfile.ZipFile(path) as archive:
        if name not in archive.namelist():
            return set()
        data = archive.read(name)
    out = {(int(row), _column(letters)) for letters, row in _FORMULA.findall(data)}
    for corners in _MERGED.findall(data):
        left, top, right, bottom = _column(corners[0]), int(corners[1]), _column(corners[2]), int(corners[3])
        if top == 1:
            continue  # the head of the table, or a title above it
        rows, columns = range(top, min(bottom, top + _MOST_MERGED) + 1), range(left, min(right, left + _WIDEST) + 1)
        out |= {(row, column) for row in rows for column in columns}
    return out


def _column(letters: bytes) -> int:
    """Give the number of a column of a sheet, the first is 0.

    >>> _column(b"A"), _column(b"AB")
    (0, 27)
    """
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def sheets(path: Path, request: Request, book: Book) -> list[str]:
    """List the sheets of a workbook; none where it cannot be opened, which reading it then says."""
    import openpyxl

    check_start(path, (b"PK\x03\x04",), "xlsx", request, book)
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
                return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            workbook = openpyxl.load_workbook(path, read_only=True)
    except _DAMAGE:
        return []
    try:
        return [str(name) for name in workbook.sheetnames]
    finally:
        workbook.close()


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


def _layer(
    lines: Mapping[int, list[str]], layer: str, request: Request, book: Book, lossy: Iterable[int] = ()
) -> RawLayer:
    """Make a raw layer of rows of text by their numbers in the file; the first names the columns."""
    if not lines:
        raise refusal(FormatError, "table_empty", book.lang, file=request.name)
    rows, numbers = list(lines.values()), list(lines)
    _check_header(rows, request, book)
    head = [name.strip() for name in rows[0]]
    while head and not head[-1]:
        head.pop()
    names = [name or f"#{i + 1}" for i, name in enumerate(head)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise refusal(FormatError, "table_header", book.lang, file=request.name, names=", ".join(twice) or "—")
    body, short = [], []
    for number, row in zip(numbers[1:], rows[1:], strict=True):
        if any(cell.strip() for cell in row[len(names) :]):
            raise refusal(
                FormatError, "table_row", book.lang, file=request.name, row=number, cells=len(row), columns=len(names)
            )
        if len(row) < len(names):
            short.append(number)
        # What is cut off is not known: a blank may be filled with what zone.toml declares.
        body.append([*row[: len(names)], *[UNREADABLE] * (len(names) - len(row))])
    _note_cells(names, body, short, (request.name, layer, ""), book)
    columns = {name: pd.Series([row[i] for row in body], dtype="str") for i, name in enumerate(names)}
    lost = frozenset(names[i] for i in lossy if i < len(names))
    fids = np.array(numbers[1:], dtype=np.int64)
    return RawLayer(request.name, layer, pd.DataFrame(columns), fids, lossy=lost)


def _check_header(rows: list[list[str]], request: Request, book: Book) -> None:
    """Refuse a table whose first row is a title, or whose header has several lines (merged cells).

    Raises
    ------
    FormatError
        The names of the columns are not, or not all, in the first row.
    """
    filled = [[i for i, cell in enumerate(row) if cell.strip()] for row in rows[:3]]
    if len(filled) < 2 or not filled[1]:
        return
    if len(filled[0]) == 1 and len(filled[1]) >= _TITLE:
        raise refusal(
            FormatError, "table_title", book.lang,
            file=request.name, title=shorten(rows[0][filled[0][0]]), cells=len(filled[1]),
        )  # fmt: skip
    gaps = set(range(max(filled[0], default=0))) - set(filled[0])
    if gaps & set(filled[1]) and not _numbers(rows[1]) and len(rows) > 2 and _numbers(rows[2]):
        below = listing(rows[1][i] for i in sorted(gaps & set(filled[1])))
        raise refusal(FormatError, "table_lines", book.lang, file=request.name, below=below)


def _numbers(row: list[str]) -> int:
    """Count the cells that are numbers."""
    return sum(number_of(cell) is not None and not plain_blank(cell) for cell in row)


def _note_cells(
    names: list[str], body: list[list[str]], short: list[int], place: tuple[str, str, str], book: Book
) -> None:
    """Write down columns without a name, a header that looks like data, and rows that end too soon."""
    unnamed = [i for i, name in enumerate(names) if name == f"#{i + 1}" and any(row[i].strip() for row in body)]
    if unnamed:
        book.add("column_unnamed", "warning", "noted", place, columns=listing(names[i] for i in unnamed))
    numbers = [name for name in names if number_of(name) is not None and not plain_blank(name)]
    if len(numbers) * 2 > len(names):
        book.add("header_numbers", "warning", "noted", place, names=listing(numbers))
    if short:
        book.add("rows_short", "warning", "noted", place, count=len(short), rows=listing(short))
