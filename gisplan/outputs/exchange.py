"""Exchange: a whole new set of files put in the place of an old one, with nothing mixed at any moment.

The new files lie whole in a folder of their own (the stage). First the old ones are taken away, the record (the last of
the set) before all others, and then the new ones are put in place, the record last. Whoever is killed between leaves a
mark that says so, and the next command that writes here finishes the exchange; whoever is stopped by an error, or by
Ctrl-C, puts the old ones back.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from gisplan.base.errors import ExportError
from gisplan.base.files import sweep
from gisplan.base.labels import say

_STAGE, _NEW, _OLD, _WHOLE = ".gisplan-stage", "new", "old", "whole"
_LOCK = ".gisplan.lock"


@contextlib.contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Give an empty folder inside another, in which a new set is made; nobody else writes there meanwhile.

    Left-overs of a run that was killed are cleared first; if it was killed while it exchanged, that is finished.

    Raises
    ------
    ExportError
        Another run writes into the folder, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(folder)
    except OSError as error:
        raise ExportError(say("cli.out_denied", "both", out=folder, reason=error.strerror or error)) from error
    if lock is None:
        raise ExportError(say("cli.write_busy", "both", out=folder))
    stage = folder / _STAGE
    try:
        sweep(folder)
        _finish(folder)
        (stage / _NEW).mkdir(parents=True)
        (stage / _OLD).mkdir()
        yield stage / _NEW
    except OSError as error:
        raise ExportError(say("cli.out_denied", "both", out=folder, reason=error.strerror or error)) from error
    finally:
        if not (stage / _WHOLE).exists():
            shutil.rmtree(stage, ignore_errors=True)
        _unlock(folder, lock)


def exchange(folder: Path, names: Sequence[str]) -> None:
    """Put the files of the stage in the place of the old ones, the last of the names last.

    Raises
    ------
    ExportError
        A file is open elsewhere or cannot be moved; the old ones are back in their place.
    """
    stage = folder / _STAGE
    mark = stage / _WHOLE
    name = names[0]
    try:
        mark.touch()
        _sync(stage)
        for name in reversed(names):
            _move(folder / name, stage / _OLD / name)
        for name in names:
            _move(stage / _NEW / name, folder / name)
        _sync(folder)
    except BaseException as error:
        with contextlib.suppress(OSError):  # what cannot be put back is finished forward by the next command
            for back in reversed(names):
                _move(folder / back, stage / _NEW / back, unless=stage / _NEW / back)
            for back in names:
                _move(stage / _OLD / back, folder / back)
            mark.unlink()
        if isinstance(error, PermissionError):
            raise ExportError(say("cli.write_denied", "both", file=name)) from error
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise ExportError(say("cli.write_failed", "both", file=name, reason=reason)) from error
        raise
    mark.unlink()


def _move(source: Path, target: Path, unless: Path | None = None) -> None:
    """Move a file that is there; `unless` names one that says that it has not been touched yet."""
    if source.is_file() and not (unless is not None and unless.exists()):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


def _finish(folder: Path) -> None:
    """Finish the exchange of a run that was killed in it, or clear what a run left that was killed before."""
    stage = folder / _STAGE
    if (stage / _WHOLE).exists():
        new = stage / _NEW
        for path in sorted(p for p in new.rglob("*") if p.is_file()):
            _move(path, folder / path.relative_to(new))
        _sync(folder)
        (stage / _WHOLE).unlink()
    if stage.exists():
        shutil.rmtree(stage)


def _lock(folder: Path) -> int | None:
    """Take the lock of a folder; None where somebody else has it. The system gives it back when its holder ends."""
    path = folder / _LOCK
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)  # whoever held it took the file away while we waited for it: it locks nothing


def _unlock(folder: Path, handle: int) -> None:
    path = folder / _LOCK
    if sys.platform == "win32":  # a file that is open cannot be removed there
        os.close(handle)
        with contextlib.suppress(OSError):
            path.unlink()
        return
    with contextlib.suppress(OSError):
        path.unlink()
    os.close(handle)


def _sync(folder: Path) -> None:
    """Make what was moved durable; systems that cannot open a folder (Windows) do without."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
