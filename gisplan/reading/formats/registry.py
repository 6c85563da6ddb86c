"""Which suffix is read by which module; a new format is a file in this folder and a row here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from gisplan.base.errors import FormatError, GisplanError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.base.labels import say
from gisplan.reading.formats import pipe_survey
from gisplan.reading.formats.raw import RawLayer, Request
from gisplan.reading.formats.signature import kind_of
from gisplan.reading.refusals import listing, refusal

SHAPES = {
    ".gpkg": ("geopackage", "read"),
    ".shp": ("shapefile", "read"),
    ".geojson": ("geojson", "read"),
    ".json": ("geojson", "read"),
    ".gdb": ("filegdb", "read"),
    ".kml": ("kml", "read"),
    ".kmz": ("kml", "read_kmz"),
    ".fgb": ("flatgeobuf", "read"),
    ".parquet": ("geoparquet", "read"),
    ".geoparquet": ("geoparquet", "read"),
    ".zip": ("archive", "read"),
    ".txt": ("boundary_txt", "read"),
    ".dxf": ("dxf", "read"),
    ".inp": ("inp", "read"),
}
TABLES = {
    ".csv": ("tables", "read_csv"),
    ".xlsx": ("tables", "read_xlsx"),
    ".mdb": ("access", "read"),
    ".accdb": ("access", "read"),
}
_LISTED = {
    ".mdb": ("access", "names"),
    ".accdb": ("access", "names"),
    ".xlsx": ("tables", "sheets"),
    ".gdb": ("filegdb", "tables"),
}
"""Files that may hold a pipe survey as a pair of tables, and what lists their tables."""
FOLDERS = (".gdb",)
"""Suffixes of what looks like a file to a planner and is a folder on the disk."""
_ALL = {**SHAPES, **TABLES}
_SHOWN = 6
_ADVICE = {
    "archive": (".rar", ".7z", ".tar", ".gz", ".tgz"),
    "arcgis": (".mxd", ".mxt", ".aprx", ".lyr", ".lyrx", ".mpk", ".lpk", ".ppkx"),
    "dbf": (".dbf",),
    "dgn": (".dgn",),
    "document": (".doc", ".docx", ".wps", ".md", ".rtf"),
    "dwg": (".dwg", ".dwt", ".dws"),
    "e00": (".e00",),
    "gml": (".gml",),
    "gpx": (".gpx",),
    "html": (".html", ".htm"),
    "image": (".png", ".jpg", ".jpeg", ".bmp", ".gif"),
    "lidar": (".las", ".laz", ".asc", ".xyz"),
    "mapgis": (".wt", ".wl", ".wp", ".mpj", ".wat"),
    "mapinfo": (".tab", ".mif", ".mid", ".wor"),
    "ole": (".xls", ".et"),
    "pdf": (".pdf",),
    "qgis": (".qgs", ".qgz", ".qlr"),
    "sidecar": (".shx", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".map", ".id", ".ind", ".tfw"),
    "sqlite": (".sqlite", ".sqlite3", ".db", ".spatialite"),
    "supermap": (".udb", ".udd", ".udbx", ".smw", ".smwu", ".sxwu"),
    "text": (".tsv", ".dat"),
    "tiff": (".tif", ".tiff", ".img"),
    "topojson": (".topojson",),
    "vrt": (".vrt",),
    "xml": (".xml",),
}
"""What is not read, and the row ``advice.…`` of labels.csv that says what to export instead."""
_CONTENT = {
    ".gpkg": ("gpkg", "sqlite"),
    ".shp": ("shp",),
    ".geojson": ("geojson", "json"),
    ".json": ("geojson", "json"),
    ".csv": ("text", "binary", "empty"),
    ".xlsx": ("xlsx",),
    ".zip": ("zip", "kmz"),
    ".kml": ("kml", "xml"),
    ".kmz": ("kmz", "zip"),
    ".fgb": ("fgb",),
    ".parquet": ("parquet",),
    ".geoparquet": ("parquet",),
    ".gdb": ("gdb",),
    ".dxf": ("dxf", "text"),
    ".mdb": ("mdb", "accdb"),
    ".accdb": ("accdb", "mdb"),
    ".txt": ("text", "json", "empty"),
    ".inp": ("text", "json", "empty"),
}
"""What a file of that suffix may be by its bytes, its own kind first."""

_OF_LAYER = re.compile(r"\[+layer\.")
"""Who asks for the layer of a service; only there may tables be a pipe survey."""
Reader = Callable[[Path, Request, Book], list[RawLayer]]


def suffixes() -> list[str]:
    """List the suffixes that are read as layers or tables."""
    return list(_ALL)


def advice(code: str, lang: str) -> str:
    """Say what to export instead of what is not read."""
    return say(f"advice.{code}", lang)


def advised(suffix: str) -> str:
    """Give the code of the advice for a suffix that is not read; empty where there is none."""
    return next((code for code, suffixes in _ADVICE.items() if suffix.casefold() in suffixes), "")


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read a file; a pipe survey, whose point and line tables name each other by number, becomes lines and points.

    Raises
    ------
    FormatError
        The suffix is none that is read, or the content is something else; the message says what to export instead.
    ReadError
        The file cannot be opened.
    """
    if not _OF_LAYER.match(request.where):
        return _read(path, request, book)
    if request.points is None:
        request = _paired(path, request, book)
    if request.points is not None:
        lines = _one(path, replace(request, points=None, beside=None), book)
        if request.beside is None:
            points = _one(path, replace(request, layer=request.points, points=None), book)
        else:
            away = replace(request, name=request.points, layer=None, points=None, beside=None)
            points = _one(request.beside, away, book)
        return pipe_survey.join(lines, points, request, book)
    raws = _read(path, request, book)
    return [
        layer
        for raw in raws
        for layer in (pipe_survey.single(raw, request, book) if pipe_survey.is_single(raw) else [raw])
    ]


def read_all(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read every layer and table of a file as it stands, also of one from which `read` takes only what is named.

    Raises
    ------
    FormatError, ReadError
        As `read`; of a file with several tables only if none of them can be read.
    """
    listed = _tables(path, request, book)
    found: list[RawLayer] = []
    refused: list[GisplanError] = []
    for name in listed:
        try:
            found += _read(path, replace(request, layer=name), book)
        except GisplanError as error:
            refused.append(error)
            book.add("table_unread", "warning", "refused", (request.name, name, ""), table=name, why=str(error))
    if refused and not found:
        raise refused[0]
    return found if listed else _read(path, request, book)


def _paired(path: Path, request: Request, book: Book) -> Request:
    """Name the two tables of a pipe survey where the file holds such a pair and it is what is asked for."""
    listed = _tables(path, request, book)
    found = pipe_survey.code_pair(listed, request, book) if listed else None
    return request if found is None else replace(request, layer=found[0], points=found[1])


def _tables(path: Path, request: Request, book: Book) -> list[str]:
    """List the tables of a file that may hold several; none where it is of another kind."""
    suffix = path.suffix.casefold()
    if suffix not in _LISTED or kind_of(path) not in _CONTENT[suffix]:
        return []
    module, function = _LISTED[suffix]
    listed: list[str] = getattr(import_module(f"{__package__}.{module}"), function)(path, request, book)
    return listed


def _one(path: Path, request: Request, book: Book) -> RawLayer:
    """Read one table of a pipe survey."""
    raws = _read(path, request, book)
    if len(raws) != 1:
        raise refusal(
            LayerError, "pipe_points_table", book.lang,
            file=request.name, where=request.where, tables=listing(raw.title for raw in raws),
        )  # fmt: skip
    return raws[0]


def _read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read a file by its suffix, once its bytes do not belie it.

    Raises
    ------
    FormatError
        The suffix is none that is read, or the content is something else; the message says what to export instead.
    ReadError
        The file cannot be opened.
    """
    suffix = path.suffix.casefold()
    try:
        kind = kind_of(path)
    except OSError as error:
        raise refusal(ReadError, "unreadable", book.lang, file=request.name, reason=error.strerror or error) from error
    if suffix not in _ALL and (not _own(kind) or (advised(suffix) and kind == "geojson")):
        raise _unread(suffix, kind, request, book)
    if suffix not in _ALL or kind not in _CONTENT.get(suffix, (kind,)) or (kind == "folder" and suffix not in FOLDERS):
        raise _belied(suffix, kind, request, book)
    module, function = _ALL[suffix]
    reader: Reader = getattr(import_module(f"{__package__}.{module}"), function)
    return reader(path, request, book)


def _belied(suffix: str, kind: str, request: Request, book: Book) -> GisplanError:
    """Make the refusal of a file that is not what its suffix says."""
    return refusal(
        FormatError, "suffix_lies", book.lang,
        file=request.name, suffix=suffix, what=say(f"content.{kind}", book.lang), advice=_cure(kind, book.lang),
    )  # fmt: skip


def _unread(suffix: str, kind: str, request: Request, book: Book) -> GisplanError:
    """Make the refusal of a suffix that is not read."""
    code = advised(suffix)
    if code:
        return refusal(
            FormatError, "format_advice", book.lang,
            file=request.name, suffix=suffix, advice=advice(code, book.lang), suffixes=listing(_ALL, _SHOWN),
        )  # fmt: skip
    return refusal(
        FormatError, "format_unknown", book.lang,
        file=request.name, suffix=suffix or "—", suffixes=listing(_ALL, _SHOWN),
        what=say(f"content.{kind}", book.lang), advice=_cure(kind, book.lang),
    )  # fmt: skip


def _cure(kind: str, lang: str) -> str:
    """Say what to do with a file of some kind: give it its own suffix where that is read, else export it anew."""
    own = _own(kind)
    # Text where something else should be is not a table that somebody wrote: it is a damaged or mistaken export.
    return say("advice.rename", lang, suffix=own) if own else advice("binary" if kind == "text" else kind, lang)


def _own(kind: str) -> str:
    """Give the suffix under which a kind of content is read; empty where there is none, or where it may be anything."""
    known = kind not in ("text", "json", "sqlite")
    return next((suffix for suffix, kinds in _CONTENT.items() if known and kinds[0] == kind and suffix in _ALL), "")
