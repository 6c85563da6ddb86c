"""The review workbook (xlsx): overview, matrix of parcels × services, findings, gaps, data issues, limits.

Texts from files are written as texts: never as formulas or links, whatever they begin with. The same tables give the
same bytes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import math
import numbers
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from gisplan.base.errors import ExportError
from gisplan.base.files import replacing
from gisplan.base.labels import say
from gisplan.outputs.columns import FINDINGS, GRADES, blank, heading, pick, printable, title, word
from gisplan.outputs.sheets import Sheet, sheets
from gisplan.outputs.tables import Tables

# Fill and ink of the letters, in the hues of the map; the letter says the same in a grey print.
_INK = "#11292B"
COLOURS: Mapping[str, tuple[str, str]] = {
    "A": ("#6FB7A8", _INK),
    "B": ("#B9DFD0", _INK),
    "C": ("#F3E4A6", _INK),
    "D": ("#E6A078", _INK),
    "U": ("#D3D7DC", _INK),
    "N": ("#FFFFFF", _INK),
}
_READY = {"yes": "A", "no": "D", "unknown": "U"}
_TEXT_LIMIT = 32_767  # what a cell can hold, counted in UTF-16 units as Excel does
_ROW_LIMIT = 200_000  # rows of one sheet; beyond it people open the CSV, and the sheet says so
_CODED = ("verdict", "supply_status", "severity", "action", "basis", "weight", "sure")
_WIDE = ("reason_zh", "reason_en", "message", "message_zh", "message_en", "hint", "hint_zh", "hint_en")
_HELD = 500_000  # cells that are held in memory while a book is written (about 100 MB)
_WIDTHS = {
    "feature": 20,
    "from_feature": 20,
    "other": 20,
    "id": 15,
    "code": 18,
    "file": 18,
    "layer": 18,
    "unit": 8,
    "parcel": 22,
    "name": 20,
    "condition": 30,
    "what": 26,
    "issuer": 24,
    "number": 26,
    "sure": 20,
    "former": 24,
    "limit": 34,
    "label_zh": 30,
    "label_en": 34,
    "clause": 22,
}
_TEXT_IDS = ("parcel", "feature", "other", "from_feature", "works")
_BAD_IN_NAME = re.compile(r"[\[\]:*?/\\]")
_NUMBERS = {"area_mu": "0.00", "length_m": "#,##0", "unit_price_cny": "#,##0", "estimate_cny": "#,##0"}
_NUMBERS |= dict.fromkeys(("gap_m", "repair_m", "build_m"), "#,##0.00")
_NUMBERS |= dict.fromkeys(
    ("capacity", "used", "promised_load", "most", "left", "load", "left_after", "floor_area_m2", "vacant_m2"),
    "#,##0.##",
)
_NUMBERS |= dict.fromkeys(("area_m2", "stated_area_m2", "net_area_m2"), "#,##0")
_NUMBERS |= dict.fromkeys(("stranded_mu", "alone_mu", "hanging_mu"), "#,##0.0")
_ENDS = {"_m3": "#,##0", "_m3_mu": "#,##0.0", "_pct": "0.0", "_m": "0.00"}
_CLASS = re.compile(r"[a-z][a-z_]+")
_CREATED = dt.datetime(2000, 1, 1)  # fixed: a time of writing would make the bytes differ from run to run


def write_workbook(tables: Tables, path: Path, lang: str = "zh") -> None:
    """Write ``review.xlsx``.

    Parameters
    ----------
    tables
        What the report hands over.
    path
        Where the file belongs.
    lang
        Language of headings, words and sentences: ``zh``, ``en`` or ``both``.

    Raises
    ------
    ExportError
        The file cannot be written, or is open in Excel; the old one is kept.
    """
    count = 0

    def whole(temporary: Path) -> None:
        _verify(temporary, path.name, count)

    with replacing(path, whole) as temporary:
        try:
            data, count = _book(tables, lang)
            temporary.write_bytes(data)
        except FileCreateError as error:
            raise OSError(str(error)) from error


def _book(tables: Tables, lang: str) -> tuple[bytes, int]:
    """Make the workbook, and count its sheets; the rows of a large one wait in temporary files, not in memory."""
    packed, large = io.BytesIO(), _size(tables) > _HELD
    with tempfile.TemporaryDirectory(prefix="gisplan-") as room:
        options = {
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "constant_memory": large,
            "in_memory": not large,
            "tmpdir": room,
        }
        book = xlsxwriter.Workbook(packed, options)
        try:
            writer = _Writer(book, tables, lang)
            book.set_properties({"title": safe_text(writer.title), "created": _CREATED})
            _overview(writer, "overview")
            for made in sheets(tables, lang, _ROW_LIMIT):
                writer.add(made)
            book.close()
        finally:
            # After a failure xlsxwriter leaves the rows' files open.
            for sheet in book.worksheets():
                if sheet.row_data_fh is not None:
                    with contextlib.suppress(OSError):
                        sheet.row_data_fh.close()
    return packed.getvalue(), len(writer.names)


def _size(tables: Tables) -> int:
    """Count the cells that will be written, more or less."""
    frames = (tables.readiness, tables.issues, tables.gaps, tables.faults)
    return len(tables.findings) * len(FINDINGS) + sum(frame.shape[0] * frame.shape[1] for frame in frames)


def _verify(path: Path, name: str, count: int) -> None:
    """Open the written book again: every part whole, every sheet there."""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
            found = [n for n in archive.namelist() if n.startswith("xl/worksheets/sheet")]
    except zipfile.BadZipFile as error:
        raise ExportError(f"{name}: the workbook came out broken ({error}). Check the disk.") from error
    if bad is not None or len(found) != count:
        raise ExportError(f"{name}: the workbook came out broken ({bad or 'sheets are missing'}). Check the disk.")


def safe_text(text: str) -> str:
    """Write a text as a cell can hold it: no control characters, no more than Excel's limit, a cut marked with ``…``.

    >>> len(safe_text("x" * 40_000)), safe_text("x" * 40_000)[-1]
    (32767, '…')
    """
    text = printable(text)
    # Signs outside the basic plane take two of the units that Excel counts.
    if len(text) * 2 <= _TEXT_LIMIT or len(text.encode("utf-16-le")) // 2 <= _TEXT_LIMIT:
        return text
    kept = text.encode("utf-16-le")[: (_TEXT_LIMIT - 1) * 2]
    return kept.decode("utf-16-le", errors="ignore") + "…"


def sheet_name(text: str, taken: Sequence[str] = ()) -> str:
    """Make a name that Excel accepts for a sheet: no signs it refuses, at most 31 characters, none twice.

    >>> sheet_name("a/b:c"), sheet_name("x" * 40, ["X" * 31])
    ('a b c', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxx 2')
    """
    name = _BAD_IN_NAME.sub(" ", printable(text)).strip().strip("'")[:31] or "-"
    used = {other.casefold() for other in taken}
    count, plain = 1, name
    while name.casefold() in used:
        count += 1
        name = f"{plain[: 31 - len(str(count)) - 1]} {count}"
    return name


@dataclass
class _Writer:
    """One workbook while it is written: its formats, its language, the sheets it has."""

    book: Any
    tables: Tables
    lang: str
    names: list[str] = field(default_factory=list)
    formats: dict[tuple[tuple[str, Any], ...], Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Title of the zone."""
        return title(self.tables.about, self.lang)

    @property
    def basis(self) -> str:
        """Profile and dates: what every sheet says at its top."""
        about = self.tables.about
        text = say(
            "sheet.basis",
            self.lang,
            profile=pick(about["profile"], self.lang),
            version=about["profile"]["version"],
            data=about["dates"].get("data") or "?",
            check=about["dates"]["check"],
        )
        return "; ".join(part for part in (text, pick(about.get("formula"), self.lang)) if part)

    def format(self, **look: Any) -> Any:
        """Give a cell format, each made once."""
        key = tuple(sorted({"valign": "top", **look}.items()))
        if key not in self.formats:
            self.formats[key] = self.book.add_format(dict(key))
        return self.formats[key]

    def sheet(self, name: str) -> Any:
        """Add a sheet with the title lines that all sheets carry."""
        self.names.append(sheet_name(say(f"sheet.{name}", self.lang), self.names))
        sheet = self.book.add_worksheet(self.names[-1])
        sheet.set_landscape()
        sheet.set_paper(8)  # A3
        sheet.fit_to_pages(1, 0)
        # "&" begins a code in a page footer; what a title holds is not one.
        sheet.set_footer("&L" + safe_text(self.title).replace("&", "&&")[:180] + "&R&P / &N")
        self.put(sheet, 0, 0, self.title, bold=True, font_size=13)
        self.put(sheet, 1, 0, self.basis, font_color="#666666")
        return sheet

    def add(self, made: Sheet) -> None:
        """Add a sheet that is one table."""
        sheet = self.sheet(made.name)
        if made.note:
            self.put(sheet, 2, 0, made.note)
        self.table(sheet, made, 3)

    def ready(self, value: Any, look: Mapping[str, Any]) -> tuple[Any, Any]:
        """Give what a cell will hold (None, a float, a datetime or a safe text) and its format."""
        if isinstance(value, bool):
            value = word("truth", value, self.lang)
        if blank(value):
            return None, self.format(**look)
        if isinstance(value, numbers.Real):
            number = float(value)
            if math.isfinite(number):
                return number, self.format(**look)
            return ("∞" if number > 0 else "-∞"), self.format(**{"align": "right", **look})
        if isinstance(value, dt.date):
            date = dt.datetime(value.year, value.month, value.day)
            return date, self.format(**{"num_format": "yyyy-mm-dd", **look})
        return safe_text(str(value)), self.format(**{**look, "num_format": "@"})

    def put(self, sheet: Any, row: int, column: int, value: Any, **look: Any) -> None:
        """Write one cell by the type of its value."""
        _write(sheet, row, column, self.ready(value, look))

    def table(self, sheet: Any, made: Sheet, top: int) -> None:
        """Write a table with a filter, its heading and first columns frozen; say so when not all rows fit."""
        frame, frozen = made.frame, made.frozen
        shown = frame.iloc[:_ROW_LIMIT]
        rows = len(frame) if made.rows is None else made.rows
        services = self.tables.services
        for i, name in enumerate(frame.columns):
            sheet.set_column(i, i, _width(name, name in services.index, self.lang))
        if len(shown) < rows:
            note = say("sheet.cut", self.lang, shown=len(shown), all=rows)
            self.put(sheet, top - 1, 0, note, bold=True, font_color="#8F1D12")
        sheet.set_row(top, 45 if self.lang == "both" else 32)
        for i, name in enumerate(frame.columns):
            look = {"bold": True, "bottom": 1, "bg_color": "#F2F2F2", "text_wrap": True}
            self.put(sheet, top, i, heading(name, self.lang, services), **look)
        columns = [self._column(shown[name]) for name in frame.columns]
        for row, cells in enumerate(zip(*columns, strict=True), start=top + 1):
            for i, cell in enumerate(cells):
                if cell[0] is not None:
                    _write(sheet, row, i, cell)
        last = top + len(shown)
        sheet.autofilter(top, 0, last, frame.columns.size - 1)
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{last + 1}"})
        sheet.freeze_panes(top + 1, frozen)
        sheet.repeat_rows(top)

    def _column(self, column: pd.Series) -> list[tuple[Any, Any]]:
        """Make the cells of a column; what repeats itself is made once."""
        shape = self._shape(str(column.name))
        made: dict[tuple[type, Any], tuple[Any, Any]] = {}
        cells = []
        for value in column.astype(object).where(column.notna(), None).tolist():
            key = (type(value), value)
            if key not in made:
                made[key] = self.ready(*shape(value))
            cells.append(made[key])
        return cells

    def _shape(self, name: str) -> Callable[[Any], tuple[Any, Mapping[str, Any]]]:
        """Give how a column's values are shown: each value's words and look."""
        lang, services = self.lang, self.tables.services
        if name in services.index:
            return lambda v: (v, _look(v, align="center", border=1, border_color="#FFFFFF"))
        if name == "grade":
            return lambda v: (f"{v} {word('grade', v, lang)}" if v else None, _look(v))
        if name in ("ready", "ready_by_delivery"):
            return lambda v: (word(name, v, lang), _look(_READY.get(v)))
        if name in _CODED:
            return lambda v: (word(name, v, lang), {})
        if name == "service":
            return lambda v: (heading(str(v), lang, services), {})
        if name in _TEXT_IDS:
            return lambda v: (None if v is None else str(v), {})
        if name == "value":
            return lambda v: (round(v, 3) if isinstance(v, float) and math.isfinite(v) else self._said(v), {})
        if name == "limit":
            return lambda v: (self._said(v), {})
        form = _NUMBERS.get(name) or next((form for end, form in _ENDS.items() if name.endswith(end)), None)
        if form is not None:
            return lambda v: (v, {"num_format": form})
        return lambda v: (
            v,
            {},
        )  # never wrapped: a sheet of one-line rows can be read down, and all programs agree on it

    def _said(self, value: Any) -> Any:
        """Put words in place of class codes (``medium_a``); a text from a file holds none that stands alone."""
        return _CLASS.sub(lambda code: word("class", code[0], self.lang), value) if isinstance(value, str) else value


def _write(sheet: Any, row: int, column: int, cell: tuple[Any, Any]) -> None:
    """Write a cell as exactly what it is: xlsxwriter's own guess could make a link or a formula of a text."""
    value, look = cell
    if value is None:
        sheet.write_blank(row, column, None, look)
    elif isinstance(value, str):
        sheet.write_string(row, column, value, look)
    elif isinstance(value, float):
        sheet.write_number(row, column, value, look)
    else:
        sheet.write_datetime(row, column, value, look)


def _look(letter: Any, **more: Any) -> dict[str, Any]:
    """Give the colours of a letter."""
    fill, ink = COLOURS.get(letter, ("", ""))
    return {"bg_color": fill, "font_color": ink, "bold": True, **more} if fill else more


def _width(name: str, letters: bool, lang: str) -> float:
    if letters:
        return 10 if lang != "zh" else 8
    if name in _WIDE:
        return 80
    return _WIDTHS.get(name, 13) * (1.3 if lang == "both" else 1)


def _overview(writer: _Writer, name: str) -> None:
    """Write what the whole zone comes to, and everything a reader has to know before quoting it."""
    tables, lang = writer.tables, writer.lang
    sheet = writer.sheet(name)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, len(GRADES), 18 if lang == "both" else 14)
    row = 3
    ready = tables.readiness["ready"]
    for i, key in enumerate(("ready", "parcels", "area_mu")):
        writer.put(sheet, row, i, heading(key, lang), bold=True, bottom=1)
    for key in ("yes", "no", "unknown"):
        row += 1
        mine = tables.readiness[ready == key]
        writer.put(sheet, row, 0, word("ready", key, lang), **_look(_READY[key]))
        writer.put(sheet, row, 1, len(mine))
        writer.put(sheet, row, 2, float(mine["area_mu"].sum()), num_format="#,##0.0")
    row += 2
    writer.put(sheet, row, 0, heading("service", lang), bold=True, bottom=1)
    for i, grade in enumerate(GRADES, start=1):
        writer.put(sheet, row, i, f"{grade} {word('grade', grade, lang)}", **_look(grade, bottom=1, text_wrap=True))
    counts = pd.crosstab(tables.cells["service"], tables.cells["grade"]) if len(tables.cells) else pd.DataFrame()
    counts = counts.reindex(index=tables.services.index, columns=list(GRADES), fill_value=0)
    for service, numbers_ in zip(counts.index, counts.to_numpy().tolist(), strict=True):
        row += 1
        writer.put(sheet, row, 0, heading(str(service), lang, tables.services))
        for i, count in enumerate(numbers_, start=1):
            writer.put(sheet, row, i, count)
    row += 1
    about = tables.about
    version = say("sheet.version", lang, version=about["version"])
    for line in (about.get("disclaimer"), *(about.get("notes") or ()), version):
        row += 1
        writer.put(sheet, row, 0, pick(line, lang))
