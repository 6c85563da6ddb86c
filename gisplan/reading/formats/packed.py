"""Zip archives from outside: measured before anything is unpacked, and unpacked nowhere but where they are told to."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gisplan.base.errors import FormatError, GisplanError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import Request, reason
from gisplan.reading.refusals import listing, refusal

LARGEST = 1 << 30
RATIO = 200
_ENTRIES = 10_000
_SMALL = 1 << 16
_BLOCK = 1 << 20
_UTF8 = 0x800
_LOCKED = 0x1
_NESTED = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz")
_DUST = ("__macosx", ".ds_store", "thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Entry:
    """One file of an archive; `name` in the characters that its maker saw, with ``/`` between folders."""

    name: str
    info: zipfile.ZipInfo


@contextmanager
def opened(path: Path, request: Request, book: Book) -> Iterator[tuple[zipfile.ZipFile, list[Entry]]]:
    """Open an archive, measure it, and give its files.

    Raises
    ------
    ReadError
        It is damaged, encrypted, far larger inside than outside, or holds names that lead out of it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive, _measured(path, archive, request, book)
    except GisplanError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, RuntimeError, ValueError) as error:
        raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error


def _measured(path: Path, archive: zipfile.ZipFile, request: Request, book: Book) -> list[Entry]:
    entries = archive.infolist()
    inside = sum(entry.file_size for entry in entries)
    if inside > LARGEST or len(entries) > _ENTRIES or inside > RATIO * max(path.stat().st_size, _SMALL):
        raise refusal(ReadError, "too_large", book.lang, file=request.name)
    out: list[Entry] = []
    seen: set[str] = set()
    for info in entries:
        name = name_of(info)
        parts = [part for part in name.split("/") if part]
        if info.flag_bits & _LOCKED:
            raise refusal(ReadError, "zip_locked", book.lang, file=request.name)
        link = stat.S_ISLNK(info.external_attr >> 16)
        if ".." in parts or name.startswith("/") or ":" in name or "\x00" in name or link or name.casefold() in seen:
            raise refusal(ReadError, "zip_name", book.lang, file=request.name, name=name)
        seen.add(name.casefold())
        if parts and not name.endswith("/") and not any(part.casefold() in _DUST for part in parts):
            out.append(Entry("/".join(parts), info))
    return out


def name_of(info: zipfile.ZipInfo) -> str:
    """Give a file's name as its maker saw it.

    Windows in Chinese writes names in GBK and does not say so; Python then reads them as the code page of 1981.

    >>> name_of(zipfile.ZipInfo("给水".encode("gb18030").decode("cp437")))
    '给水'
    """
    name = info.orig_filename
    if not info.flag_bits & _UTF8:
        try:
            data = name.encode("cp437")
        except UnicodeEncodeError:
            data = b""
        for encoding in ("utf-8", "gb18030"):
            try:
                name = data.decode(encoding) or name
                break
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")


def refuse_nested(entries: list[Entry], request: Request, book: Book) -> None:
    """Refuse an archive that holds other archives.

    Raises
    ------
    ReadError
        It does.
    """
    nested = [entry.name for entry in entries if entry.name.casefold().endswith(_NESTED)]
    if nested:
        raise refusal(ReadError, "zip_inside", book.lang, file=request.name, names=listing(nested))


def content(archive: zipfile.ZipFile, entry: Entry) -> Iterator[bytes]:
    """Unpack one file block by block, and never more of it than the archive has stated."""
    left = entry.info.file_size
    with archive.open(entry.info) as stream:
        while left > 0 and (block := stream.read(min(_BLOCK, left))):
            left -= len(block)
            yield block
        # Reading to the end checks the sum that the archive keeps of the file.
        stream.read(1)
