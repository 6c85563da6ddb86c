"""What every format hands over: rows as they stand in the file, shapes that could be read, and the CRS it names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from pyproj import CRS

from gisplan.base.errors import FormatError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.refusals import listing, refusal, shorten


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
        Shapes as the file holds them (None where there is none or it is broken); None for a plain table.
    broken
        Which rows have a shape that cannot be read.
    crs
        The coordinate system the file names, None if it names none.
    lossy
        Columns in which the file itself has already lost digits of whole numbers.
    """

    file: str
    layer: str
    table: pd.DataFrame
    fids: np.ndarray
    geometry: np.ndarray | None = None
    broken: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    crs: CRS | None = None
    lossy: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """File and layer as messages show them; a layer named like its file is not repeated."""
        return self.file if self.layer in ("", Path(self.file).stem) else f"{self.file}:{self.layer}"


def reason(error: Exception, path: Path, width: int = 160) -> str:
    """Give what a library says of a file, without where on this machine the file lies."""
    text = str(error).replace(str(path), path.name).replace(str(path.parent), "")
    return shorten(text, width)


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
    if request.layer is None and layers:
        return layers
    if request.layer in layers:
        return [str(request.layer)]
    raise refusal(
        LayerError, "no_such_layer", book.lang,
        file=request.name, where=request.where, layer=request.layer or "—", layers=listing(layers, 30) or "—",
    )  # fmt: skip
