"""The desk: what the process that reads does. Requests come in on its input, frames go out, and it ends with its input.

It is started by `clerk`, as ``python -m gisplan.reading.process.desk``, and by nobody else. It has the limits that are
stated there, leaves no core dump, and whatever a library prints goes nowhere but to stderr.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from gisplan.base.errors import GisplanError
from gisplan.base.issues import Book
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import Request
from gisplan.reading.process.clerk import Limits
from gisplan.reading.process.freight import Buffer, pack
from gisplan.reading.refusals import unreadable

READERS = {
    "file": ("registry", "read"),
    "all": ("registry", "read_all"),
    "grid": ("raster", "read_grid"),
    "tables": ("postgis", "read_tables"),
}
"""Ways to read: a module of `formats` and its function.

One with a path takes (path, request, book) and gives raw layers or grids; one without takes (requests, book) and gives
a list of raw layers for each.
"""
_IDLE_S = 60
"""Seconds after which a desk that nobody comes to is closed."""
_SPARE_S = 30
_OFTEN = ("geopackage",)
"""What nearly every zone needs: imported before the first request comes."""
_SPENT = ("out of memory", "cannot allocate memory", "bad_alloc", "cannot malloc", "memory allocation")


class _Desk:
    """Reads one source after the other, and sends what it finds."""

    def __init__(self, out: IO[bytes], limits: Limits) -> None:
        self.out, self.limits = out, limits
        self.waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def listen(self) -> None:
        """Take in requests; when there can be no more, end at once, whatever is being read."""
        for line in sys.stdin.buffer:
            self.waiting.put(json.loads(line))
        _leave()

    def work(self) -> None:
        """Answer until nobody comes any more."""
        while True:
            try:
                message = self.waiting.get(timeout=_IDLE_S)
            except queue.Empty:
                return
            number = message["number"]
            self.send({"begin": number})
            _limit_processor(self.limits.seconds + _SPARE_S)
            try:
                head, buffers = self._answer(message)
            except MemoryError:
                self.send({"number": number, "spent": True})
                return
            self.send({"number": number, **head}, buffers)

    def _answer(self, message: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[Buffer]]:
        """Read one source; every error becomes a part of the answer."""
        module, function = READERS[message["reader"]]
        book = Book(message["lang"])
        requests = [_request(said) for said in message["requests"]]
        try:
            room = registry if module == "registry" else import_module(f"{registry.__package__}.{module}")
            read: Callable[..., Any] = getattr(room, function)
            path = message["path"]
            found = read(requests, book) if path is None else [read(Path(path), requests[0], book)]
            return pack(found, book)
        except GisplanError as error:
            if _is_spent(error):
                raise MemoryError from error
            return {"refused": [type(error).__name__, str(error), error.code]}, ()
        except MemoryError:
            raise
        except PermissionError as error:
            refused = unreadable(requests[0].name, error, book.lang)
            return {"refused": [type(refused).__name__, str(refused), refused.code]}, ()
        except Exception as error:
            traceback.print_exc()
            if _is_spent(error):
                raise MemoryError from error
            return {"fault": f"{type(error).__name__}: {error}"}, ()

    def send(self, head: Mapping[str, Any], buffers: Sequence[Buffer] = ()) -> None:
        """Send one frame: eight bytes of length, the head, the buffers."""
        said = json.dumps({**head, "buffers": [len(b) for b in buffers]}).encode("ascii")
        self.out.write(len(said).to_bytes(8, "big") + said)
        for buffer in buffers:
            self.out.write(buffer)
        self.out.flush()


def _leave() -> None:
    """End at once, with the programs that were started and what was unpacked: nobody else is left to do it."""
    for folder in sys.argv[1:]:
        shutil.rmtree(folder, ignore_errors=True)
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        import signal

        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(0)


def _request(said: Mapping[str, Any]) -> Request:
    values: dict[str, Any] = {name: Path(v["path"]) if isinstance(v, dict) else v for name, v in said.items()}
    return Request(**values)


def _is_spent(error: BaseException | None) -> bool:
    """Tell whether memory is what was missing, as far as a library says so."""
    while error is not None:
        if isinstance(error, MemoryError) or any(word in str(error).casefold() for word in _SPENT):
            return True
        error = error.__cause__ or error.__context__
    return False


def _limit(limits: Limits) -> None:
    """Limit this process; on a system without such limits only the time holds, which `child` keeps."""
    try:
        import resource
    except ImportError:
        return
    # What is written to, not what is mapped: files and libraries that are mapped are not the file's doing.
    most = limits.megabytes << 20
    for kind, value in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, most)):
        with contextlib.suppress(OSError, ValueError):
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


def _limit_processor(seconds: int) -> None:
    """Allow so many seconds of the processor from now on: then the system ends us, even when nobody else is left."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        wanted = int(used.ru_utime + used.ru_stime) + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def main() -> None:
    """Serve until the input ends."""
    limits = Limits.stated("en")
    _limit(limits)
    # Libraries print to the first output too: only frames may go there.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        desk = _Desk(out, limits)
        threading.Thread(target=desk.listen, daemon=True).start()
        # pyogrio imports geopandas where it finds it; nobody needs it here, and it takes a tenth of a second.
        sys.modules["geopandas"] = None  # type: ignore[assignment]
        for name in _OFTEN:
            import_module(f"{registry.__package__}.{name}")
        desk.work()
    os._exit(0)


if __name__ == "__main__":
    main()
