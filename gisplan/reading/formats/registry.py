"""Which suffix is read by which module; a new format is a file in this folder and a row here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from gisplan.base.errors import FormatError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import RawLayer, Request
from gisplan.reading.refusals import refusal

SHAPES = {
    ".gpkg": ("geopackage", "read"),
    ".shp": ("shapefile", "read"),
    ".geojson": ("geojson", "read"),
    ".json": ("geojson", "read"),
}
TABLES = {
    ".csv": ("tables", "read_csv"),
    ".xlsx": ("tables", "read_xlsx"),
}
FOLDERS = (".gdb",)
"""Suffixes of what looks like a file to a planner and is a folder on the disk."""
_ALL = {**SHAPES, **TABLES}
_ADVICE = {
    ".dwg",
    ".dxf",
    ".mdb",
    ".accdb",
    ".tab",
    ".mif",
    ".kml",
    ".kmz",
    ".gdb",
    ".xls",
    ".zip",
    ".vrt",
    ".wt",
    ".mpj",
}

Reader = Callable[[Path, Request, Book], list[RawLayer]]


def suffixes() -> list[str]:
    """List the suffixes that are read as layers or tables."""
    return list(_ALL)


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read a file by its suffix.

    Raises
    ------
    FormatError
        The suffix is none that is read; the message says what to export instead.
    """
    suffix = path.suffix.casefold()
    whole = path.is_dir() if suffix in FOLDERS else path.is_file()
    if suffix not in _ALL or not whole:
        code = "format_advice" if suffix in _ADVICE else "format_unknown"
        raise refusal(
            FormatError, code, book.lang,
            file=request.name, where=request.where, suffix=suffix or "—", suffixes=", ".join(_ALL),
        )  # fmt: skip
    module, function = _ALL[suffix]
    reader: Reader = getattr(import_module(f"{__package__}.{module}"), function)
    return reader(path, request, book)
