"""Shapefile (.shp with .shx and .dbf): lengths checked, text decoded by what it is, every digit kept.

GDAL reads a cut Shapefile without a word, takes GBK for Latin-1, and turns 19-digit numbers into floats. So pyogrio
carries only the shapes here, and the DBF is read from its bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gisplan.base.errors import FormatError, GisplanError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.dbf import read_dbf
from gisplan.reading.formats.raw import RawLayer, Request, check_start, choose
from gisplan.reading.formats.vector import describe, positions, shapes
from gisplan.reading.refusals import refusal

_NEEDED = (".shx", ".dbf")
SIDECARS = (".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".qmd", ".qpj", ".shp.xml", ".cst", ".fix")
_HEADER, _ENTRY, _RECORD = 100, 8, 8


def sidecars(path: Path) -> dict[str, Path]:
    """Find the files that belong to a Shapefile, whatever the case of their suffixes."""
    stem = path.stem.casefold()
    out = {}
    for entry in sorted(path.parent.iterdir()):
        suffix = entry.name[len(stem) :].casefold()
        if entry.name.casefold().startswith(stem + ".") and suffix in SIDECARS and entry != path:
            out[suffix] = entry
    return out


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read a Shapefile.

    Raises
    ------
    ReadError
        A part is missing, cut short, or not what it should be.
    EncodingError
        The text of the DBF fits no encoding that is known.
    """
    check_start(path, (b"\x00\x00\x27\x0a",), "Shapefile", request, book)
    choose([path.stem], request, book)
    beside = sidecars(path)
    _whole(path, beside, request, book)
    index = _index(path, beside[".shx"], request, book)
    cpg = beside[".cpg"].read_bytes()[:64].decode("ascii", errors="ignore").strip() if ".cpg" in beside else ""
    sheet = read_dbf(beside[".dbf"].read_bytes(), cpg, request, book)
    if len(sheet.table) != len(index):
        raise refusal(FormatError, "shp_rows", book.lang, file=request.name, shapes=len(index), rows=len(sheet.table))
    described = describe(path, "ESRI Shapefile", path.stem, request, book)
    fids, wkb = positions(path, path.stem, request, book)
    geometry, broken = shapes(wkb)
    odd = _odd_records(path, index)[fids]
    geometry[odd] = None
    kept = ~sheet.deleted[fids]
    if sheet.deleted.any():
        count = int(sheet.deleted.sum())
        book.add("rows_deleted", "info", "noted", (request.name, "", ""), count=count)
    rows = sheet.table.iloc[fids[kept]].reset_index(drop=True)
    return [RawLayer(request.name, path.stem, rows, fids[kept], geometry[kept], (broken | odd)[kept], described.crs)]


def _whole(path: Path, beside: dict[str, Path], request: Request, book: Book) -> None:
    """Refuse a Shapefile without its parts, and parts that lie elsewhere."""
    missing = [f"{path.stem}{suffix}" for suffix in _NEEDED if suffix not in beside]
    if missing:
        code = "shp_index" if missing == [f"{path.stem}.shx"] else "shp_parts"
        raise refusal(ReadError, code, book.lang, file=request.name, missing=", ".join(missing))
    for part in beside.values():
        if not part.resolve().is_relative_to(path.parent.resolve()):
            raise refusal(ReadError, "shp_link", book.lang, file=request.name, part=part.name)


def _index(path: Path, index: Path, request: Request, book: Book) -> np.ndarray:
    """Read where each shape begins and how long it is; refuse files that are shorter than their headers say."""
    data = index.read_bytes()
    stated = int.from_bytes(data[24:28], "big") * 2
    count = max(stated - _HEADER, 0) // _ENTRY
    there = max(len(data) - _HEADER, 0) // _ENTRY
    if len(data) < _HEADER or stated > len(data):
        raise _lost(index.name, (count - there, count), request, book)
    records = np.frombuffer(data[_HEADER : _HEADER + there * _ENTRY], dtype=">i4").reshape(-1, 2).astype(np.int64) * 2
    size = path.stat().st_size
    beyond = (records[:, 0] + _RECORD + records[:, 1] > size) | (records[:, 0] < 0) | (records[:, 1] < 0)
    with path.open("rb") as stream:
        head = stream.read(_HEADER)
    if len(head) < _HEADER or int.from_bytes(head[24:28], "big") * 2 > size or beyond.any():
        raise _lost(path.name, (int(beyond.sum()), len(records)), request, book)
    return records


def _lost(part: str, counts: tuple[int, int], request: Request, book: Book) -> GisplanError:
    """Make the refusal of a part that is cut, with how many features are lost where that can be told."""
    lost, count = counts
    if lost > 0:
        return refusal(FormatError, "shp_lost", book.lang, file=request.name, part=part, lost=lost, count=count)
    return refusal(FormatError, "shp_cut", book.lang, file=request.name, part=part)


def _odd_records(path: Path, index: np.ndarray) -> np.ndarray:
    """Find the shapes whose place in the index is not where a shape of that length begins."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    lengths = np.zeros(len(index), dtype=np.int64)
    for byte in range(4):
        lengths = lengths * 256 + data[index[:, 0] + 4 + byte]
    # GDAL reads on when the two differ by a few bytes; it then reads a part of the next shape.
    return np.asarray((index[:, 0] < _HEADER) | (lengths * 2 != index[:, 1]))
