"""GeoJSON (.geojson, .json): UTF-8 text that starts with a brace; what opens other files from it is refused."""

from __future__ import annotations

import codecs
from pathlib import Path

from gisplan.base.errors import EncodingError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import RawLayer, Request, check_start, choose
from gisplan.reading.formats.vector import carry, describe, names
from gisplan.reading.refusals import refusal

_BLOCK = 1 << 20


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read the one layer of a GeoJSON file.

    Raises
    ------
    ReadError
        The file is damaged, not in UTF-8, or no GeoJSON.
    """
    check_start(path, (b"{",), "GeoJSON", request, book)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise refusal(EncodingError, "geojson_encoding", book.lang, file=request.name) from error
    asked = Request(request.name, request.where, request.layer, None)
    found = choose(names(path, request, book), asked, book)
    return [carry(path, layer, describe(path, "GeoJSON", layer, request, book), request, book) for layer in found]
