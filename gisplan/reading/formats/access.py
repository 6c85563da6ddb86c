"""Access databases (.mdb, .accdb), which pipe surveys usually are: through mdbtools, or the Access driver on Windows.

Neither is part of gisplan; without both the file is refused with what to do. mdbtools runs as a process of its own,
without a shell, with a time limit, and gets the file's absolute path and a table's name as they are.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gisplan.base.errors import FormatError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import RawLayer, Request, check_start, choose
from gisplan.reading.refusals import listing, refusal, shorten
from gisplan.reading.words import cell_text

_START = (b"\x00\x01\x00\x00Standard Jet DB", b"\x00\x01\x00\x00Standard ACE DB")
_VERSION_AT = 0x14
"""Where a file says which Access wrote it; 0 is Access 97, which keeps text in the code page of its country."""
_SECONDS = 120
_LARGEST = 1 << 30
_DATES = ("-D", "%Y-%m-%d", "-T", "%Y-%m-%d %H:%M:%S")
_BINARY = re.compile(r"^\s*\[(.+)\]\s+(?:OLE|Binary)\b", re.MULTILINE)
_DAMAGE = re.compile(r"beyond EOF|failed|unable|error|unrecogni|could|corrupt", re.IGNORECASE)
_LONG = re.compile(r"[-+]?\d\.(?:\d{8}|\d{16})e[-+]\d\d\d?")
"""How mdbtools before 1.0 writes numbers with a fraction: ``5.5399588000000000e+05``."""
_DRIVER = "Microsoft Access Driver (*.mdb, *.accdb)"


def names(path: Path, request: Request, book: Book) -> list[str]:
    """List the tables.

    Raises
    ------
    ReadError
        There is nothing on this computer that opens such files, or the file is damaged.
    """
    check_start(path, _START, "Access", request, book)
    if _tool("mdb-tables"):
        out = _run("mdb-tables", ["-1", str(path.resolve())], request, book)
        return [name for name in out.decode("utf-8", errors="replace").splitlines() if name.strip()]
    with _connected(path, request, book) as database:
        return [str(row.table_name) for row in database.cursor().tables(tableType="TABLE")]


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read the table that is asked for, or the only one.

    Raises
    ------
    ReadError
        There is nothing on this computer that opens such files, or the file is damaged.
    LayerError
        The table is not in it, or there are several and none is named.
    """
    tables = names(path, request, book)
    if request.layer is None and len(tables) > 1:
        raise refusal(
            FormatError, "access_which", book.lang, file=request.name, where=request.where, tables=listing(tables, 30)
        )
    table = choose(tables, request, book)[0]
    rows = _exported(path, table, request, book) if _tool("mdb-export") else _queried(path, table, request, book)
    if not rows or not any(rows[0]):
        raise refusal(FormatError, "table_empty", book.lang, file=request.name)
    head, body = rows[0], rows[1:]
    crooked = [number for number, row in enumerate(body, start=1) if len(row) != len(head)]
    if crooked:
        raise refusal(FormatError, "access_damaged", book.lang, file=request.name, reason=f"{table} {listing(crooked)}")
    columns = {name: pd.Series([row[i] for row in body], dtype="str") for i, name in enumerate(head)}
    for name in _binary(path, table, request, book):
        columns.pop(name, None)
    return [RawLayer(request.name, table, pd.DataFrame(columns), np.arange(1, len(body) + 1))]


def _exported(path: Path, table: str, request: Request, book: Book) -> list[list[str]]:
    """Take a table as mdbtools writes it: CSV with quotes doubled, dates as ISO, binary cells empty."""
    with path.open("rb") as stream:
        stream.seek(_VERSION_AT)
        old = stream.read(1) == b"\x00"
    if old:
        charset = request.encoding or "GBK"
        book.add(
            "encoding_chosen", "info", "noted", (request.name, table, ""), encoding=charset.upper(), where=request.where
        )
    out = _run("mdb-export", [*_DATES, "-b", "strip", "--", str(path.resolve()), table], request, book)
    try:
        text = out.decode("utf-8")
        cells = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise refusal(
            FormatError, "access_damaged", book.lang, file=request.name, reason=f"{table}: {shorten(error, 80)}"
        ) from error
    return [[_number(cell) for cell in row] for row in cells if row]


def _number(cell: str) -> str:
    """Write a number as people do; everything else stays as it is."""
    return (cell_text(float(cell)) or "") if _LONG.fullmatch(cell) else cell


def _binary(path: Path, table: str, request: Request, book: Book) -> list[str]:
    """Name the columns that hold pictures and the like, which are not read."""
    if not _tool("mdb-schema"):
        return []
    out = _run("mdb-schema", ["-T", table, "--", str(path.resolve())], request, book)
    found = _BINARY.findall(out.decode("utf-8", errors="replace"))
    if found:
        book.add("access_binary", "info", "noted", (request.name, table, ""), columns=listing(found))
    return found


def _tool(name: str) -> str | None:
    found = shutil.which(name)
    return str(Path(found).resolve()) if found else None


def _run(name: str, arguments: list[str], request: Request, book: Book) -> bytes:
    """Run one of the mdbtools and give what it writes; anything that it says of damage is a refusal."""
    program = _tool(name)
    if program is None:
        raise _nothing(request, book)
    settings = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "MDB_JET3_CHARSET": request.encoding or "GBK"}
    try:
        done = subprocess.run(
            [program, *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            env=settings,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise refusal(ReadError, "access_slow", book.lang, file=request.name, seconds=_SECONDS) from error
    except OSError as error:
        raise refusal(
            ReadError, "access_damaged", book.lang, file=request.name, reason=f"{name}: {error.strerror}"
        ) from error
    said = done.stderr.decode("utf-8", errors="replace").strip()
    if done.returncode or _DAMAGE.search(said):
        first = said.splitlines()[0].replace(str(_file_of(arguments)), request.name) if said else str(done.returncode)
        raise refusal(FormatError, "access_damaged", book.lang, file=request.name, reason=shorten(first, 120))
    if len(done.stdout) > _LARGEST:
        raise refusal(ReadError, "too_large", book.lang, file=request.name)
    return done.stdout


def _file_of(arguments: list[str]) -> str:
    """Give the file among the arguments, so that no message tells where on this machine it lies."""
    return next((word for word in arguments if Path(word).is_absolute()), "")


def _nothing(request: Request, book: Book) -> Exception:
    """Make the refusal of a computer that has neither."""
    return refusal(FormatError, "access_none", book.lang, file=request.name, where=request.where)


def _connected(path: Path, request: Request, book: Book) -> Any:
    """Open a file with the Access driver of Windows, for reading only."""
    if sys.platform != "win32" or find_spec("pyodbc") is None:
        raise _nothing(request, book)
    pyodbc = import_module("pyodbc")
    if _DRIVER not in pyodbc.drivers():
        raise _nothing(request, book)
    if re.search("[;{}]", str(path)):  # these would be words of the driver's own language
        raise refusal(ReadError, "access_name", book.lang, file=request.name)
    try:
        return pyodbc.connect(f"DRIVER={{{_DRIVER}}};DBQ={path.resolve()};ReadOnly=1;", readonly=True, autocommit=True)
    except pyodbc.Error as error:
        raise refusal(
            FormatError, "access_damaged", book.lang, file=request.name, reason=shorten(type(error).__name__)
        ) from error


def _queried(path: Path, table: str, request: Request, book: Book) -> list[list[str]]:
    """Take a table through the Access driver; its name is one that the file itself has listed."""
    with _connected(path, request, book) as database:
        found = database.cursor().execute(f"SELECT * FROM [{table.replace(']', ']]')}]")
        head = [str(column[0]) for column in found.description]
        return [head, *([cell_text(None if isinstance(v, bytes) else v) or "" for v in row] for row in found)]
