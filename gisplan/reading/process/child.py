"""The child: every file of a zone is read in a process of its own, which may die or hang without harm to ours.

::

    with Child("zh") as child:
        answer = child.ask(path, Request("water.gpkg", "[layer.water]"))   # one file, at once
        asked = [child.queue(path, request) for path, request in files]    # many: read one after the other …
        for one in asked:
            answer = child.wait(one)                                       # … while we work on what has come

A refusal of the reader (a `GisplanError`) is raised again by `ask` and `wait`, as the same class. A reader that dies or
takes too long is a `ReadError`, for its file alone: the next one is read by a new child. Limits: see `clerk`.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from gisplan.base import errors
from gisplan.base.errors import FormatError, GisplanError, ReadError
from gisplan.base.issues import Issue
from gisplan.base.labels import say
from gisplan.reading.formats.raw import RawGrid, RawLayer, Request
from gisplan.reading.process.clerk import Clerk, Frame, Limits, give_back, take
from gisplan.reading.process.freight import Odd, Raw, unpack
from gisplan.reading.refusals import refusal, shorten

_START_S = 60
"""Seconds that a process may take to start, on a machine that has much else to do."""
_AT_ONCE = 10
"""Requests that a clerk has at a time: enough to go on with, and few enough for the pipe to hold."""
_TICK_S = 0.5
"""A wait is cut into ticks, so that Ctrl-C is heard on every system."""


@dataclass(frozen=True)
class Answer:
    """What a file holds, and the flaws that its reader wrote down (add them with ``Book.adopt``).

    Attributes
    ----------
    groups
        The raw layers (or grids), one list per request.
    issues
        The flaws.
    """

    groups: list[list[Raw]]
    issues: tuple[Issue, ...]

    @property
    def layers(self) -> list[RawLayer]:
        """All raw layers."""
        return [raw for group in self.groups for raw in group if isinstance(raw, RawLayer)]

    @property
    def grids(self) -> list[RawGrid]:
        """All grids of heights."""
        return [raw for group in self.groups for raw in group if isinstance(raw, RawGrid)]


@dataclass(frozen=True)
class Asked:
    """What was asked for; `reader` names the way it is read (see `desk.READERS`)."""

    number: int
    path: Path | None
    requests: tuple[Request, ...]
    reader: str = "file"

    @property
    def request(self) -> Request:
        """The request that stands for all, in messages."""
        return self.requests[0]

    def message(self, lang: str) -> dict[str, Any]:
        """Write the request as the clerk gets it."""
        said = [{f.name: _said(getattr(one, f.name)) for f in fields(one)} for one in self.requests]
        path = None if self.path is None else str(self.path)
        return {"number": self.number, "path": path, "reader": self.reader, "lang": lang, "requests": said}


def _said(value: object) -> object:
    return {"path": str(value)} if isinstance(value, Path) else value


class Child:
    """Reads files through a clerk, and takes a new one where the old one dies of a file.

    Parameters
    ----------
    lang
        Language of issues and refusals.
    """

    def __init__(self, lang: str = "zh") -> None:
        self.lang = lang
        self._clerk: Clerk | None = None
        self._open: dict[int, Asked] = {}
        self._sent = 0
        self._done: dict[int, Frame | GisplanError] = {}
        self._begun: int | None = None
        self._since = 0.0
        self._fresh = True
        self._count = 0

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the clerk, or let it wait for the next reader where it has nothing left to do."""
        clerk, self._clerk = self._clerk, None
        if clerk is not None:
            if self._open:
                clerk.end()
            else:
                give_back(clerk)
        self._open.clear()
        self._done.clear()

    def queue(self, path: Path, request: Request, reader: str = "file") -> Asked:
        """Ask for a file, and do not wait: files are read one after the other, as they were asked for."""
        return self._queue(path, (request,), reader)

    def queue_all(self, requests: Sequence[Request], reader: str) -> Asked:
        """Ask for several things that are read at once, such as the tables of a database."""
        return self._queue(None, tuple(requests), reader)

    def _queue(self, path: Path | None, requests: tuple[Request, ...], reader: str) -> Asked:
        self._count += 1
        asked = Asked(self._count, path, requests, reader)
        self._open[asked.number] = asked
        if self._clerk is None:
            self._start(take(self.lang))
        else:
            if len(self._open) == 1:
                self._since = time.monotonic()
            self._send(self._clerk)
        return asked

    def ask(self, path: Path, request: Request, reader: str = "file") -> Answer:
        """Ask for a file and wait for what it holds; raises what `wait` raises."""
        return self.wait(self.queue(path, request, reader))

    def wait(self, asked: Asked) -> Answer:
        """Wait for what was asked for; once for each.

        Raises
        ------
        GisplanError
            What the reader of the file refuses, as the same class.
        ReadError
            Reading died, took too long, or gave an answer that makes no sense.
        """
        while asked.number not in self._done:
            self._hear(asked)
        found = self._done.pop(asked.number)
        if isinstance(found, GisplanError):
            raise found
        try:
            groups, issues = unpack(found.head, found.buffers)
            if len(groups) != len(asked.requests):
                raise Odd("not as many answers as requests")
        except Odd as error:
            raise self._died(asked, shorten(error, 100)) from error
        return Answer(groups, issues)

    def _start(self, clerk: Clerk) -> None:
        """Ask a clerk for everything that is open."""
        self._clerk, self._begun, self._since = clerk, None, time.monotonic()
        self._sent = 0
        self._send(clerk)

    def _send(self, clerk: Clerk) -> None:
        """Send the clerk what it has not got yet, as far as it may have that much at a time."""
        waiting = [asked for asked in self._open.values() if asked.number > self._sent][: self._room()]
        for asked in waiting:
            clerk.send(asked.message(self.lang))
            self._sent = asked.number

    def _room(self) -> int:
        return max(_AT_ONCE - sum(number <= self._sent for number in self._open), 0)

    def _hear(self, asked: Asked) -> None:
        """Hear the clerk's next frame, or see that it takes too long."""
        clerk = self._clerk
        if clerk is None or asked.number not in self._open:
            raise ValueError(f"{asked.request.name}: asked once, waited for twice")
        try:
            frame = clerk.frames.get(timeout=_TICK_S)
        except queue.Empty:
            self._check_time(clerk)
            return
        if frame is None:
            self._bury(clerk, None)
        elif self._open and frame.head.get("begin") == next(iter(self._open)):
            self._begun, self._since = next(iter(self._open)), frame.at
        else:
            self._keep(clerk, frame)

    def _keep(self, clerk: Clerk, frame: Frame) -> None:
        """Keep an answer until somebody waits for it."""
        head = frame.head
        if self._begun is None or head.get("number") != self._begun:
            clerk.end()  # it answers what nobody asked: it is no longer ours
            return
        asked = self._open.pop(self._begun)
        self._begun, self._since = None, frame.at
        if head.get("spent") is True:
            self._done[asked.number] = self._died(asked, say("cause.memory", self.lang))
            self._replace(clerk)
            return
        self._send(clerk)
        if "refused" in head:
            self._done[asked.number] = _raised(head["refused"])
        elif "fault" in head:
            self._done[asked.number] = self._died(asked, shorten(head["fault"], 100))
        else:
            self._done[asked.number] = frame

    def _check_time(self, clerk: Clerk) -> None:
        """End a clerk that takes too long for one source."""
        seconds = clerk.limits.seconds
        allowed = seconds if self._begun is not None else seconds + _START_S
        if time.monotonic() - self._since <= allowed or not clerk.frames.empty():
            return
        request = self._open[self._current()].request
        error = refusal(ReadError, "child_slow", self.lang, file=request.name, where=request.where, seconds=seconds)
        self._bury(clerk, error)

    def _current(self) -> int:
        """Give the number of the source that is being read, or is next."""
        return self._begun if self._begun in self._open else next(iter(self._open))

    def _bury(self, clerk: Clerk, error: GisplanError | None) -> None:
        """Blame the source that was being read for the end of its clerk; go on with the others."""
        clerk.end()  # only then is known how it ended
        # One that waited in vain for a while goes home by itself, perhaps just when it was asked.
        left = error is None and self._begun is None and clerk.reason == "exit 0" and self._fresh
        self._fresh = False
        if not left:
            number = self._current()
            asked = self._open.pop(number)
            self._done[number] = error or self._died(asked, clerk.reason)
        self._replace(clerk)

    def _replace(self, clerk: Clerk) -> None:
        """Go on with another clerk, where there is something to go on with."""
        clerk.end()
        self._clerk = None
        if self._open:
            self._start(take(self.lang))

    def _died(self, asked: Asked, why: str) -> GisplanError:
        request, megabytes = asked.request, Limits.stated(self.lang).megabytes
        return refusal(
            ReadError, "child_died", self.lang,
            file=request.name, where=request.where, reason=why, megabytes=megabytes,
        )  # fmt: skip


def _raised(said: object) -> GisplanError:
    """Make the error that the reader raised; one of no known class is a FormatError."""
    if not (isinstance(said, list) and len(said) == 3 and all(isinstance(part, str) for part in said)):
        said = ["FormatError", shorten(said, 100), ""]
    found = getattr(errors, said[0], None) if said[0] in errors.__all__ else None
    made: GisplanError = (found or FormatError)(said[1])
    made.code = said[2]
    return made
