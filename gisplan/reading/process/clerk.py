"""The clerk: a process of its own that reads files, so that a file which breaks its reader breaks nothing else.

Nothing heavy is imported here: the command starts a clerk first of all (`ahead`), whose imports then run on the second
core beside ours. What a clerk may use is stated here; both can be changed by the environment:

``GISPLAN_READ_SECONDS``
    Seconds that one source may take, 300 without it: a layer of a million parcels takes one minute from a slow disk.
``GISPLAN_READ_MB``
    Megabytes that the process may use, 4096 without it: a layer of a million parcels takes about one gigabyte, and a
    small archive that unpacks without end shall not take the whole machine.

The limit of memory needs a system that has one (Linux); elsewhere (Windows, macOS) only the limit of time holds.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from gisplan.base.errors import ReadError
from gisplan.reading.refusals import refusal, shorten

READ_SECONDS = 300
READ_MB = 4096
_LONGEST_HEAD = 1 << 28
_DESK = "gisplan.reading.process.desk"
_LARGE = 1 << 26
"""Who handed over more bytes than this holds several times as many: starting anew costs less than keeping them."""
_PIPE = 1 << 20
"""Bytes that a pipe may hold on its way (Linux): fewer changes between the two processes."""
_SPARING = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Reading is done in one thread; what threads and pools set aside and never use would count as used memory."""


@dataclass(frozen=True)
class Frame:
    """One message of a clerk: a head of JSON, buffers of bytes, and when it came."""

    head: Mapping[str, Any]
    buffers: list[bytearray] = field(default_factory=list)
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Limits:
    """What reading may use: seconds for one source, megabytes for the process."""

    seconds: int = READ_SECONDS
    megabytes: int = READ_MB

    @classmethod
    def stated(cls, lang: str = "zh") -> Limits:
        """Take the limits of the environment, else ours.

        Raises
        ------
        ReadError
            A limit is no whole number above 0.
        """
        seconds = _whole("GISPLAN_READ_SECONDS", READ_SECONDS, lang)
        return cls(seconds, _whole("GISPLAN_READ_MB", READ_MB, lang))


def _whole(name: str, usual: int, lang: str) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise refusal(ReadError, "limit_odd", lang, name=name, found=shorten(text), usual=usual)
    return int(text)


class Clerk:
    """A process that reads, and the thread that takes in what it says.

    The process ends when its input ends, so that it does not outlive this one. Ctrl-C does not reach it: whoever
    started it ends it.

    Attributes
    ----------
    frames
        What it has said; None at the end.
    limits
        What it may use.
    reason
        How it ended; empty while it lives.
    carried
        Bytes that it has handed over.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.settings = _settings()
        self.frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self.reason = ""
        self.carried = 0
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        loud = os.environ.get("GISPLAN_DEBUG") == "1"
        # What a reader unpacks lies here, and goes with it however it ends.
        self._folder = tempfile.mkdtemp(prefix="gisplan-")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", _DESK, self._folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None if loud else subprocess.DEVNULL,
            bufsize=0, env=_surroundings(self._folder), start_new_session=sys.platform != "win32", creationflags=flags,
        )  # fmt: skip
        thread = threading.Thread(target=self._listen, name="gisplan-clerk", daemon=True)
        thread.start()
        self._thread = thread

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._process.poll() is None and not self.reason

    def send(self, message: Mapping[str, Any]) -> None:
        """Ask for something; a clerk that has gone is noticed by its last frame."""
        line = json.dumps(message).encode("ascii") + b"\n"
        pipe = self._process.stdin
        if pipe is not None:
            with contextlib.suppress(OSError, ValueError):
                while line:
                    line = line[pipe.write(line) :]

    def end(self) -> None:
        """End the process and the programs that it has started, whatever they are doing."""
        self._kill()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process.wait()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            if sys.platform != "win32" and self._process.poll() is None:
                import signal

                os.killpg(self._process.pid, signal.SIGKILL)  # it leads a session of its own
            self._process.kill()

    def _listen(self) -> None:
        """Take in frames until there are no more, then see how the process ended."""
        pipe = self._process.stdout
        if pipe is None:
            return
        _widen(pipe)
        with pipe:
            try:
                while (frame := _frame(pipe, self.limits)) is not None:
                    self.carried += sum(map(len, frame.buffers))
                    self.frames.put(frame)
            except Exception as error:  # whatever it sends: somebody waits for the end
                self.reason = f"{type(error).__name__}: {shorten(error, 100)}"
                self._kill()
        code = self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
        self.reason = self.reason or _ending(code)
        self.frames.put(None)


def _settings() -> dict[str, str]:
    """Give what of our environment a reader looks at: our own settings, and where libpq finds a database."""
    return {name: value for name, value in os.environ.items() if name.startswith(("GISPLAN_", "PG"))}


def _surroundings(folder: str) -> dict[str, str]:
    """Give the clerk our environment and our path, without the current folder that ``""`` stands for."""
    path = [entry for entry in sys.path if entry]
    own = str(Path(__file__).resolve().parents[2])
    own_folder = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder)
    return {
        **os.environ,
        **_SPARING,
        **own_folder,
        "PYTHONPATH": os.pathsep.join(path if own in path else [*path, own]),
    }


def _widen(pipe: IO[bytes]) -> None:
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)


def _frame(pipe: IO[bytes], limits: Limits) -> Frame | None:
    """Take in one frame: eight bytes of length, the head, the buffers whose sizes the head states."""
    start = _bytes(pipe, 8, end=True)
    if not start:
        return None
    length = int.from_bytes(start, "big")
    if length > _LONGEST_HEAD:
        raise ValueError("head too long")
    head = json.loads(_bytes(pipe, length))
    sizes = head.get("buffers", []) if isinstance(head, dict) else None
    if not isinstance(sizes, list) or not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError("head without sizes")
    if sum(sizes) > limits.megabytes << 20:
        raise ValueError("buffers too large")
    return Frame(head, [_bytes(pipe, size) for size in sizes])


def _bytes(pipe: IO[bytes], count: int, end: bool = False) -> bytearray:
    """Take in exactly so many bytes; none at all only where the end is allowed."""
    data = bytearray(count)
    view = memoryview(data)
    done = 0
    while done < count:
        got = pipe.readinto(view[done:])  # type: ignore[attr-defined]
        if not got:
            if end and not done:
                return bytearray()
            raise ValueError("ended in the middle of an answer")
        done += got
    return data


def _ending(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"exit {code}"
    import signal

    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


_waiting: list[Clerk] = []


def ahead(lang: str = "zh") -> None:
    """Start a clerk that the next reader will take, so that it is ready by then."""
    if not _waiting:
        _waiting.append(Clerk(Limits.stated(lang)))


def take(lang: str = "zh") -> Clerk:
    """Take the clerk that waits, if it may use what is allowed now; else start one."""
    limits = Limits.stated(lang)
    while _waiting:
        clerk = _waiting.pop()
        if clerk.alive and clerk.limits == limits and clerk.settings == _settings():
            return clerk
        clerk.end()
    return Clerk(limits)


def give_back(clerk: Clerk) -> None:
    """Let an idle clerk wait for the next reader; one that grew large gives its memory back with its end."""
    if clerk.alive and not _waiting and clerk.carried < _LARGE:
        _waiting.append(clerk)
    else:
        clerk.end()


@atexit.register
def dismiss() -> None:
    """End the clerk that waits, if there is one."""
    while _waiting:
        _waiting.pop().end()
