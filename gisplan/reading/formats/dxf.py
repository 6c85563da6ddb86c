"""CAD drawings (DXF, text or binary): one layer per drawing layer; the door of ezdxf. What CASS hung on them is kept.

A drawing names no coordinate system; which one it is in must stand in zone.toml.
"""

from __future__ import annotations

import codecs
import io
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gisplan.base.errors import EncodingError, FormatError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.drawing import (
    CHORD_M,
    CLOSE_M,
    DEEPEST,
    MOST_PIECES,
    OWN,
    PARCEL_CODE,
    SYMBOL_M,
    Drawing,
    Row,
    Tally,
    TooManyPieces,
)
from gisplan.reading.formats.raw import RawLayer, Request, choose
from gisplan.reading.refusals import listing, refusal, shorten, tally

_LARGEST = 1 << 29
_BINARY = b"AutoCAD Binary DXF"
_START = re.compile(rb"\s*(999\r?\n[^\n]*\n\s*)*0\r?\n\s*(SECTION|EOF)\b")
_END = re.compile(rb"(^|\n)\s*0\r?\n\s*EOF\s*$")
_UNICODE = "AC1021"
"""From this version on a drawing is UTF-8, whatever code page it names."""
_PAGES = {"GB2312": "gb18030", "ANSI_936": "gb18030", "GBK": "gb18030", "BIG5": "big5", "ANSI_950": "cp950"}
_UNITS = {0: "", 6: ""}
_UNIT_NAMES = {1: "inch", 2: "ft", 3: "mile", 4: "mm", 5: "cm", 7: "km", 21: "US survey ft"}
_TEXTS = ("TEXT", "MTEXT")


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read the layers of a drawing that hold something.

    Raises
    ------
    ReadError
        The file is too large, no drawing, damaged beyond repair, cut off, or holds nothing that can be read.
    LayerError
        The layer that is asked for does not exist, or holds nothing.
    """
    logging.getLogger("ezdxf").setLevel(logging.CRITICAL)  # what it logs is in the records below
    if path.stat().st_size > _LARGEST:
        raise refusal(ReadError, "too_large", book.lang, file=request.name)
    document, flaws = _open(path.read_bytes(), request, book)
    place = (request.name, "", "")
    if flaws:
        book.add("dxf_repaired", "warning", "repaired", place, count=len(flaws), flaws=listing(_brief(flaws), 5))
    drawing = Drawing(keep_lost=request.where == "[barriers]" or request.where.startswith("[[barriers"))
    try:
        rows = list(drawing.rows(document.modelspace()))
    except TooManyPieces:
        raise refusal(ReadError, "dxf_blocks", book.lang, file=request.name, most=MOST_PIECES) from None
    paper = sum(len(layout) for layout in document.layouts if layout.name != "Model")
    _tell(drawing.tally, paper, place, book)
    unit = int(document.header.get("$INSUNITS", 0) or 0)
    if unit not in _UNITS:
        book.add("dxf_units", "warning", "noted", place, unit=_UNIT_NAMES.get(unit, str(unit)))
    names = list(dict.fromkeys(row.layer for row in rows))
    if not rows:
        found = tally(dict(drawing.tally.unread)) or listing(_brief(flaws), 3) or "—"
        raise refusal(FormatError, "dxf_empty", book.lang, file=request.name, found=found, paper=paper)
    if request.layer is not None and request.layer not in names and document.layers.has_entry(request.layer):
        raise refusal(
            LayerError, "dxf_layer_empty", book.lang,
            file=request.name, layer=request.layer, where=request.where, layers=listing(names, 30),
        )  # fmt: skip
    wanted = choose(names, request, book)
    if len(wanted) > 1 and request.where.lstrip("[").startswith("layer."):
        # A drawing usually holds everything; read as one service, houses would be pipes.
        book.add("dxf_layers", "warning", "noted", place, count=len(wanted), layers=listing(wanted, 30))
    return [_layer(name, [r for r in rows if r.layer == name], (document, request), book) for name in wanted]


def _open(data: bytes, request: Request, book: Book) -> tuple[Any, list[str]]:
    """Open a drawing, and list what had to be repaired.

    Raises
    ------
    FormatError
        It is none, is cut off, or cannot be repaired.
    """
    import ezdxf
    from ezdxf import recover
    from ezdxf.lldxf.tagger import binary_tags_loader

    binary = data.startswith(_BINARY)
    if not binary and not _START.match(data.removeprefix(codecs.BOM_UTF8)):
        raise refusal(FormatError, "dxf_none", book.lang, file=request.name)
    if not (data.rstrip(b"\x00\r\n ").endswith(b"EOF") if binary else _END.search(data[-200:])):
        raise refusal(FormatError, "dxf_cut", book.lang, file=request.name)
    text = "" if binary else _text(data, request, book)
    flaws: list[str] = []
    try:
        if binary:
            document: Any = ezdxf.document.Drawing.load(binary_tags_loader(data, errors="surrogateescape"))
        else:
            document = ezdxf.read(io.StringIO(text))
        auditor = document.audit()
    except Exception as first:
        # A parser of hostile text may fail in any way; ezdxf has a second one that takes what is whole.
        try:
            document, auditor = recover.read(io.BytesIO(data if binary else _again(text)))
        except Exception as second:
            reason = shorten(f"{type(first).__name__}: {first}; {type(second).__name__}: {second}", 160)
            raise refusal(FormatError, "dxf_broken", book.lang, file=request.name, reason=reason) from second
        flaws.append(f"{type(first).__name__}: {first}")
    flaws += [entry.message for entry in (*auditor.errors, *auditor.fixes)]
    return document, flaws


def _brief(flaws: list[str]) -> list[str]:
    return list(dict.fromkeys(shorten(_clean(flaw), 80) for flaw in flaws))


def _text(data: bytes, request: Request, book: Book) -> str:
    """Decode a drawing: as declared, unless its bytes say otherwise.

    Raises
    ------
    EncodingError
        It cannot be decoded as zone.toml says.
    """
    version = re.search(rb"\$ACADVER\s+1\s+(AC\d+)", data[:20_000])
    page = re.search(rb"\$DWGCODEPAGE\s+3\s+(\S+)", data[:20_000])
    modern = version is not None and version[1].decode() >= _UNICODE
    declared = "UTF-8" if modern else page[1].decode("ascii", "replace").upper() if page else ""
    try:
        if request.encoding:
            return _lines(data.decode(request.encoding))
        codec = codecs.lookup(
            "utf-8" if modern else _PAGES.get(declared) or declared.replace("ANSI_", "cp") or "cp1252"
        )
    except (UnicodeDecodeError, LookupError) as error:
        if request.encoding:
            raise refusal(EncodingError, "text_encoding", book.lang, file=request.name, where=request.where) from error
        codec = codecs.lookup("cp1252")
    if data.isascii():
        return _lines(data.decode("ascii"))
    chosen = _sniffed(data, codec.name)
    if chosen != codec.name:
        said = declared or "—"
        book.add("dxf_encoding", "warning", "noted", (request.name, "", ""), said=said, found=chosen.upper())
    return _lines(data.decode(chosen, errors="replace"))


def _sniffed(data: bytes, declared: str) -> str:
    """Tell in which encoding a drawing is: what is valid UTF-8 is UTF-8; what reads as Chinese is GB18030."""
    if declared != "utf-8" and _reads(data, "utf-8") is not None:
        return "utf-8"
    if declared in ("gb18030", "cp950", "big5", "utf-8") and _reads(data, declared) is not None:
        return declared
    text = _reads(data, "gb18030")
    if text is not None:
        wide = [c for c in text if ord(c) > 127]
        if sum("\u4e00" <= c <= "\u9fff" or "\u3000" <= c <= "\u303f" or c >= "\uff00" for c in wide) > len(wide) / 2:
            return "gb18030"
    return declared


def _reads(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _lines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _again(text: str) -> bytes:
    """Encode a text as the second parser expects it: by version, and by the code page it is made to name."""
    version = re.search(r"\$ACADVER\s+1\s+(AC\d+)", text[:20_000])
    if version is not None and version[1] >= _UNICODE:
        return text.encode("utf-8", errors="replace")
    named = re.sub(r"(\$DWGCODEPAGE\s+3\s+)\S+", r"\1ANSI_936", text, count=1)
    return named.encode("gbk", errors="replace")


def _tell(found: Tally, paper: int, place: tuple[str, str, str], book: Book) -> None:
    """Write down what was made of the entities."""
    book.add("dxf_kinds", "info", "noted", place, kinds=tally(dict(found.read)) or "—")
    if found.unread:
        count = sum(found.unread.values())
        kinds, ids = tally(dict(found.unread)), listing(found.lost, 20)
        book.add("dxf_unread", "warning", "set aside", place, count=count, kinds=kinds, ids=ids)
    if paper:
        book.add("dxf_paper", "info", "set aside", place, count=paper)
    if found.curves:
        book.add("dxf_curves", "info", "noted", place, count=found.curves, chord=f"{CHORD_M:g}")
    if found.closed:
        book.add("dxf_closed", "info", "repaired", place, count=found.closed, gap=f"{CLOSE_M:g}")
    if found.symbols:
        book.add("dxf_symbols", "info", "noted", place, count=found.symbols, size=f"{SYMBOL_M:g}")
    if found.blocks:
        book.add("dxf_exploded", "info", "noted", place, count=found.blocks)
    if found.lost_tags:
        book.add("dxf_tags", "warning", "set aside", place, count=found.lost_tags)
    if found.too_deep:
        book.add("dxf_deep", "warning", "set aside", place, count=found.too_deep, depth=DEEPEST)


def _layer(name: str, rows: list[Row], at: tuple[Any, Request], book: Book) -> RawLayer:
    """Make the rows of one layer; what only writes beside its lines is no feature of it."""
    document, request = at
    place = (request.name, name, "")
    entry = document.layers.get(name) if document.layers.has_entry(name) else None
    if entry is not None and (entry.is_off() or entry.is_frozen()):
        book.add("dxf_hidden", "warning", "noted", place, count=len(rows))
    outlines = [row for row in rows if row.cells.get("cass_code") == PARCEL_CODE]
    drawn = [row for row in rows if row.cells["entity"] not in _TEXTS]
    kept = outlines or drawn or rows
    if len(kept) < len(rows):
        book.add("dxf_beside", "info", "set aside", place, count=len(rows) - len(kept))
    unclosed = [row for row in outlines if row.geometry is not None and row.geometry.geom_type == "LineString"]
    for row in unclosed:
        parcel = row.cells.get("parcel") or row.cells["feature"]
        spot = (request.name, name, _clean(parcel))
        book.add("dxf_open", "warning", "noted", spot, parcel=_clean(parcel), gap=f"{row.open_m:.3f}")
    columns = [c for c in OWN if any(row.cells.get(c) for row in kept)]
    columns += list(dict.fromkeys(c for row in kept for c in row.cells if c not in OWN))
    cells = [[_clean(row.cells[c]) if row.cells.get(c) else None for c in columns] for row in kept]
    table = pd.DataFrame(cells, columns=[_clean(c) for c in columns], dtype=object)
    table = table.loc[:, ~table.columns.duplicated()]
    geometry = np.empty(len(kept), dtype=object)
    geometry[:] = [row.geometry for row in kept]
    broken = np.array([row.geometry is None for row in kept], dtype=bool)
    return RawLayer(request.name, _clean(name), table, np.arange(1, len(kept) + 1), geometry, broken)


def _clean(text: str) -> str:
    """Replace what is no character: half of a pair, or a byte that could not be decoded."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
