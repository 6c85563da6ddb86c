"""File Geodatabase (a folder named .gdb), through OpenFileGDB only."""

from __future__ import annotations

from pathlib import Path

from gisplan.base.errors import FormatError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import RawLayer, Request, choose
from gisplan.reading.formats.vector import carry_all, catalogue, describe, miscounted, names
from gisplan.reading.refusals import listing, refusal

SYSTEM = "a00000001.gdbtable"
"""The table of tables; without it the folder is not whole."""
_DRIVER = "OpenFileGDB"


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read the layer that is asked for, or all that have shapes.

    Raises
    ------
    ReadError
        The folder is not whole, leads out of itself, or a layer cannot be read.
    LayerError
        The layer is not in it.
    """
    beside = {entry.name.casefold(): entry for entry in path.iterdir()}
    if SYSTEM not in beside:
        raise refusal(FormatError, "gdb_folder", book.lang, file=request.name)
    for name, entry in sorted(beside.items()):
        if not entry.resolve().is_relative_to(path.resolve()):
            raise refusal(ReadError, "shp_link", book.lang, file=request.name, part=name)
    if any(name.endswith(".lock") for name in beside):
        book.add("gdb_open", "warning", "noted", (request.name, "", ""))
    listed = names(path, request, book)
    if request.layer is None and len(listed) > 1:
        # Tables count when named, or when there are no layers.
        shaped = [name for name in listed if describe(path, _DRIVER, name, request, book).shape != "None"]
        listed = shaped or listed
    gone = [name for name, file in catalogue(path).items() if file not in beside and not name.startswith("GDB_")]
    if gone and request.layer is None:
        # GDAL leaves them out without a word; a closed valve may be in them.
        raise refusal(
            FormatError, "gdb_table", book.lang,
            file=request.name, layers=listing(gone), others=listing(listed) or "—", where=request.where,
        )  # fmt: skip
    chosen = choose(listed, request, book)
    # A table states how many rows it has; where that is too few, GDAL would stop there.
    stale = [name for name in chosen if miscounted(path, name)]
    return carry_all(path, _DRIVER, chosen, request, book, stale)


def tables(path: Path, request: Request, book: Book) -> list[str]:
    """List the layers and tables; none where the folder is not whole, which reading it then says."""
    return names(path, request, book) if (path / SYSTEM).is_file() else []
