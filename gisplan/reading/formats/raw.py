"""What every format hands over: rows as they stand in the file, shapes that could be read, and the CRS it names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from pyproj import CRS

from gisplan.base.errors import FormatError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.refusals import listing, refusal, shorten

_FOLDERS = re.compile(r"(?<![\w.<])(?:[A-Za-z]:)?[/\\](?:[^\s/\\:'\"]+[/\\])+")
"""The folders before the name of a file, where a path starts at the root."""


UNREADABLE = "\ufffd"
"""Stands in a cell whose text cannot be read: nothing in any vocabulary, so it is unknown and never a blank."""


@dataclass(frozen=True)
class Request:
    """What is asked of a format: the file's name for messages, the layer, the encoding, and who asks.

    Attributes
    ----------
    name, where
        The file and the entry of zone.toml, for messages.
    layer
        The layer that is wanted; None for all.
    encoding
        The encoding that zone.toml declares.
    points
        The point table (管点表) that belongs to a pipe survey's line table: a table of the same file.
    beside
        The file that holds that point table, where it is another one.
    """

    name: str
    where: str
    layer: str | None = None
    encoding: str | None = None
    points: str | None = None
    beside: Path | None = None


@dataclass(frozen=True)
class RawLayer:
    """One layer as the file holds it.

    Attributes
    ----------
    file, layer
        Names for messages.
    table
        The rows, one column per field, RangeIndex.
    fids
        The file's own number of each row.
    geometry
        Shapes as the file holds them, with their heights (None where there is none or it is broken); None for a plain
        table.
    broken
        Which rows have a shape that cannot be read.
    crs
        The coordinate system the file names, None if it names none.
    lossy
        Columns in which the file itself has already lost digits of whole numbers.
    used
        Columns that a format has already turned into ours.
    """

    file: str
    layer: str
    table: pd.DataFrame
    fids: np.ndarray
    geometry: np.ndarray | None = None
    broken: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    crs: CRS | None = None
    lossy: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """File and layer as messages show them; a layer named like its file is not repeated."""
        return self.file if self.layer in ("", Path(self.file).stem) else f"{self.file}:{self.layer}"


@dataclass(frozen=True)
class RawGrid:
    """Heights on a grid as the file holds them.

    Attributes
    ----------
    file
        Name for messages.
    heights
        Rows of cells, in metres (float32 or float64); NaN where there is none.
    affine
        From column and row to x and y: ``x = a·column + b·row + c``, ``y = d·column + e·row + f``.
    crs
        The coordinate system the file names, None if it names none.
    """

    file: str
    heights: np.ndarray
    affine: tuple[float, float, float, float, float, float]
    crs: CRS | None = None


def reason(error: Exception, path: Path, width: int = 160) -> str:
    """Give what a library says of a file, without where on this machine the file, or the library's own source, lies.

    >>> reason(ValueError("/opt/build/ogr/ogrshape.cpp, 36: error in /srv/a b/x.shp"), Path("/srv/a b/x.shp"))
    'ogrshape.cpp, 36: error in x.shp'
    """
    text = str(error).replace(str(path), path.name).replace(str(path.parent), "")
    return shorten(_FOLDERS.sub("", text), width)


def check_start(path: Path, starts: tuple[bytes, ...], kind: str, request: Request, book: Book) -> None:
    """Refuse a file whose first bytes are not those of its suffix.

    Raises
    ------
    FormatError
        The file is empty or is something else.
    ReadError
        The file cannot be opened, or is a folder.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise refusal(ReadError, "unreadable", book.lang, file=request.name, reason=error.strerror or error) from error
    if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(starts):
        raise refusal(FormatError, "not_its_suffix", book.lang, file=request.name, kind=kind)


def choose(layers: list[str], request: Request, book: Book) -> list[str]:
    """Give the layer that is asked for, or all.

    Raises
    ------
    LayerError
        The file has no layer of that name, or none at all.
    """
    if not layers:
        raise refusal(LayerError, "no_layers", book.lang, file=request.name, where=request.where)
    if request.layer is None:
        return layers
    if request.layer in layers:
        return [str(request.layer)]
    raise refusal(
        LayerError, "no_such_layer", book.lang,
        file=request.name, where=request.where, layer=request.layer or "—", layers=listing(layers, 30) or "—",
    )  # fmt: skip
