"""Files: which may be opened, and how a result is written so that the old one or the new one is always whole."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from gisplan.base.errors import ExportError, ReadError
from gisplan.base.labels import say

_PREFIX = ".gisplan-"


def inside(root: Path, name: str, where: str, lang: str) -> Path:
    """Resolve a file name written in a zone.toml, and refuse what is not a plain file or folder inside the zone.

    URLs, driver prefixes (``GeoJSON:…``), ``/vsi…`` and links out of the folder would make the readers below open other
    files or the network.

    Raises
    ------
    ReadError
        The name leaves the zone's folder, is no file, or is something other than a file name.
    """
    if "://" in name:
        # An address may hold a name and a password: it is not repeated.
        kind = name.split("://")[0][:20]
        raise ReadError(say("refuse.name_address", lang, where=where, kind=kind))
    if re.match(r"[A-Za-z][\w+.-]*:", name) or name.startswith(("/", "\\", "<", "{", "~")) or "\x00" in name:
        raise ReadError(say("refuse.name_odd", lang, where=where, name=repr(name)))
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise ReadError(say("refuse.name_outside", lang, where=where, name=repr(name)))
    if not path.exists():
        near = _like(path)
        code = "refuse.name_near" if near else "refuse.name_missing"
        raise ReadError(say(code, lang, where=where, name=repr(name), near=", ".join(near)))
    if not (path.is_file() or path.is_dir()):
        # A pipe or a device: opening it may wait for ever, or never end.
        raise ReadError(say("refuse.name_device", lang, where=where, name=repr(name)))
    return path


def _like(path: Path) -> list[str]:
    """Name the files beside a file that does not exist whose names are most like its name."""
    with contextlib.suppress(OSError):
        beside = {e.name.casefold(): e.name for e in path.parent.iterdir() if not e.name.startswith(".")}
        return [beside[name] for name in difflib.get_close_matches(path.name.casefold(), beside, n=3, cutoff=0.6)]
    return []


def sha256(path: Path) -> str:
    """Give the sha256 of a file's bytes, in hex; of a folder, that of its files' names and sums."""
    digest = hashlib.sha256()
    if path.is_dir():
        own = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
        for part in own:
            digest.update(f"{part.relative_to(path).as_posix()} {sha256(part)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sweep(folder: Path) -> None:
    """Remove what an earlier run that was killed left behind."""
    for old in folder.glob(_PREFIX + "*"):
        with contextlib.suppress(OSError):
            old.unlink()


@contextlib.contextmanager
def replacing(path: Path, verify: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Give a temporary path beside `path`; on leaving, check it, flush it and put it in the old file's place.

    Parameters
    ----------
    path
        Where the result belongs.
    verify
        Opens the temporary file again and raises if it is not whole: some writers report success on a full disk.

    Raises
    ------
    ExportError
        The file cannot be written; the old one is untouched.
    """
    path = Path(path)
    if path.is_dir():
        raise ExportError(say("cli.write_folder", "both", file=path.name))
    temporary = path.with_name(f"{_PREFIX}{os.getpid()}-{path.name}")
    try:
        yield temporary
        if verify is not None:
            verify(temporary)
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except PermissionError as error:
        # Who writes does not know the reader's language.
        raise ExportError(say("cli.write_denied", "both", file=path.name)) from error
    except ExportError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise ExportError(say("cli.write_failed", "both", file=path.name, reason=reason)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable; systems that cannot open a folder (Windows) do without."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a text file whole or not at all."""
    data = text.encode(encoding)

    def whole(temporary: Path) -> None:
        if temporary.read_bytes() != data:
            raise ExportError(f"{path.name}: what was written is not what came back. Check the disk.")

    with replacing(path, whole) as temporary:
        temporary.write_bytes(data)
