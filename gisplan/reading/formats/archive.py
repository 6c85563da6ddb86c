"""Zip archives (.zip) of what the other formats read: unpacked into a folder of their own, which is removed again."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from gisplan.base.errors import FormatError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats import packed, registry
from gisplan.reading.formats.filegdb import SYSTEM
from gisplan.reading.formats.raw import RawLayer, Request, check_start
from gisplan.reading.formats.shapefile import SIDECARS
from gisplan.reading.refusals import listing, refusal

_DOUBTFUL = (".txt", ".json")
"""Beside other data these are notes and settings; alone they are the data."""


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read the data in an archive: the layer that is asked for, else everything that has shapes.

    A layer may be named by its own name, or by that of the file in the archive.

    Raises
    ------
    ReadError
        The archive or a file in it is damaged, too large, encrypted, or holds nothing that is read.
    LayerError
        The layer is not in it.
    """
    check_start(path, (b"PK\x03\x04", b"PK\x05\x06"), "zip", request, book)
    with tempfile.TemporaryDirectory(prefix="gisplan-") as folder:
        root = Path(folder).resolve()
        files = _unpack(path, root, request, book)
        found = _datasets(root, files)
        if not found:
            readable = ", ".join(registry.suffixes())
            raise refusal(FormatError, "zip_nothing", book.lang,
                          file=request.name, names=listing(files) or "—", suffixes=readable)  # fmt: skip
        left = _left(files, found)
        if left:
            book.add("zip_left", "info", "noted", (request.name, "", ""), names=listing(left))
        return _layers(root, found, request, book)


def _unpack(path: Path, root: Path, request: Request, book: Book) -> list[str]:
    """Write the files of the archive into a folder, and give their names."""
    with packed.opened(path, request, book) as (archive, entries):
        packed.refuse_nested(entries, request, book)
        for entry in entries:
            target = root / entry.name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as stream:
                    for block in packed.content(archive, entry):
                        stream.write(block)
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise refusal(ReadError, "unreadable", book.lang, file=request.name, reason=why) from error
    return [entry.name for entry in entries]


def _datasets(root: Path, files: list[str]) -> list[str]:
    """Find what can be read: files and .gdb folders with shapes, or tables where nothing has shapes."""
    folders = {name.rpartition("/")[0] for name in files if name.rpartition("/")[2].casefold() == SYSTEM}
    shapes = [_as_gdb(root, folder) for folder in sorted(folders)]
    loose = sorted(name for name in files if name.rpartition("/")[0] not in folders)
    shapes += [name for name in loose if Path(name).suffix.casefold() in registry.SHAPES]
    sure = [name for name in shapes if Path(name).suffix.casefold() not in _DOUBTFUL]
    return sure or shapes or [name for name in loose if Path(name).suffix.casefold() in registry.suffixes()]


def _as_gdb(root: Path, folder: str) -> str:
    """Give a geodatabase the suffix it needs, where somebody has packed only what is in its folder."""
    if folder.casefold().endswith(".gdb"):
        return folder
    name = f"{folder or 'geodatabase'}.gdb"
    (root / name).mkdir(parents=True)
    for entry in sorted((root / folder).iterdir()):
        if entry.is_file():
            entry.rename(root / name / entry.name)
    return name


def _left(files: list[str], found: list[str]) -> list[str]:
    """List the files that belong to nothing that is read."""
    stems = {name.rpartition(".")[0].casefold() for name in found}
    known = {name.casefold() for name in found}
    return [
        name
        for name in files
        if name.casefold() not in known
        and not name.casefold().startswith(tuple(f"{gdb}/" for gdb in known if gdb.endswith(".gdb")))
        and not (name.casefold().endswith(SIDECARS) and name.split(".")[0].casefold() in stems)
        and Path(name).name.casefold() not in (SYSTEM, "gdb", "timestamps")
        and not name.casefold().endswith((".gdbtable", ".gdbtablx", ".gdbindexes", ".atx", ".spx", ".freelist"))
    ]


def _one_meant(names: list[str], request: Request, book: Book) -> None:
    """Refuse to join files of one name in different folders for a service: one may be an old copy of the other.

    Raises
    ------
    LayerError
        There are such files.
    """
    if not request.where.lstrip("[").startswith("layer.") or request.layer in names:
        return
    same = [name for name in names if sum(Path(n).name.casefold() == Path(name).name.casefold() for n in names) > 1]
    if same:
        raise refusal(
            LayerError, "zip_which", book.lang,
            file=request.name, where=request.where, names=listing(same), first=same[0],
        )  # fmt: skip


def _layers(root: Path, found: list[str], request: Request, book: Book) -> list[RawLayer]:
    """Read the datasets one by one; messages name each by the archive and its place in it."""
    asked = request.layer
    named = [name for name in found if asked is not None and asked in (name, Path(name).name, Path(name).stem)]
    _one_meant(named or found, request, book)
    out: list[RawLayer] = []
    for name in named or found:
        own = None if named else asked
        inner = replace(request, name=f"{request.name}/{name}", layer=own)
        try:
            layers = registry.read(root / name, inner, book)
        except LayerError:
            # The layer that is asked for may be in another file of the archive.
            if len(found) == 1 or own is None:
                raise
        else:
            # Some formats have no layers, and do not mind being asked for one.
            out += [raw for raw in layers if own is None or len(found) == 1 or raw.layer == own]
    if out:
        return out
    raise refusal(
        LayerError, "no_such_layer", book.lang,
        file=request.name, where=request.where, layer=asked or "—", layers=listing(found, 30),
    )  # fmt: skip
