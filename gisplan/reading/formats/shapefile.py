"""Shapefile (.shp with .shx and .dbf): lengths checked, text decoded by what it is, every digit kept.

GDAL reads a cut Shapefile without a word, takes GBK for Latin-1, and turns 19-digit numbers into floats. So pyogrio
carries only the shapes here, and the DBF is read from its bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gisplan.base.errors import FormatError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.dbf import read_dbf
from gisplan.reading.formats.raw import RawLayer, Request, check_start
from gisplan.reading.formats.vector import describe, positions, shapes
from gisplan.reading.refusals import refusal

_NEEDED = (".shx", ".dbf")
SIDECARS = (".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".qmd", ".qpj", ".shp.xml", ".cst", ".fix")
_HEADER = 100


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
    beside = sidecars(path)
    missing = [f"{path.stem}{suffix}" for suffix in _NEEDED if suffix not in beside]
    if missing:
        raise refusal(ReadError, "shp_parts", book.lang, file=request.name, missing=", ".join(missing))
    for part in beside.values():
        if not part.resolve().is_relative_to(path.parent):
            raise refusal(ReadError, "shp_link", book.lang, file=request.name, part=part.name)
    _check_lengths(path, beside[".shx"], request, book)
    described = describe(path, "ESRI Shapefile", path.stem, request, book)
    fids, wkb = positions(path, path.stem, request, book)
    geometry, broken = shapes(wkb)
    cpg = beside[".cpg"].read_bytes()[:64].decode("ascii", errors="ignore").strip() if ".cpg" in beside else ""
    table = read_dbf(beside[".dbf"].read_bytes(), cpg, request, book)
    if len(fids) and int(fids.max()) >= len(table):
        raise refusal(FormatError, "shp_cut", book.lang, file=request.name, part=beside[".dbf"].name)
    rows = table.iloc[fids].reset_index(drop=True)
    return [RawLayer(request.name, path.stem, rows, fids, geometry, broken, described.crs)]


def _check_lengths(path: Path, index: Path, request: Request, book: Book) -> None:
    """Compare the lengths that the headers state with the lengths that the files have."""
    for part in (path, index):
        data = part.read_bytes()[:_HEADER]
        stated = int.from_bytes(data[24:28], "big") * 2
        if len(data) < _HEADER or stated > part.stat().st_size:
            raise refusal(FormatError, "shp_cut", book.lang, file=request.name, part=part.name)
    records = np.frombuffer(index.read_bytes()[_HEADER:], dtype=">i4")
    records = records[: len(records) // 2 * 2].reshape(-1, 2).astype(np.int64) * 2
    if len(records) and int((records[:, 0] + 8 + records[:, 1]).max()) > path.stat().st_size:
        raise refusal(FormatError, "shp_cut", book.lang, file=request.name, part=path.name)
