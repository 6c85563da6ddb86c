"""FlatGeobuf (.fgb): one layer, whose header says how many features there are."""

from __future__ import annotations

from pathlib import Path

from gisplan.base.errors import FormatError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import UNREADABLE, RawLayer, Request, check_start, choose
from gisplan.reading.formats.vector import carry_all, names, stated
from gisplan.reading.refusals import refusal

_DRIVER = "FlatGeobuf"


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read the layer of a FlatGeobuf file.

    Raises
    ------
    ReadError
        The file is damaged, or has fewer features than it states.
    """
    check_start(path, (b"fgb\x03fgb",), "FlatGeobuf", request, book)
    chosen = choose(names(path, request, book), request, book)
    out = carry_all(path, _DRIVER, chosen, request, book)
    for raw in out:
        count = stated(path, raw.layer, request, book)
        found = len(raw.table) - int((raw.broken & (raw.table == UNREADABLE).all(axis=1)).sum())
        if count > found:
            raise refusal(FormatError, "fgb_cut", book.lang, file=request.name, stated=count, found=found)
    return out
