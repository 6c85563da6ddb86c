"""Watch how much memory a process and the children it has take together."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY_S = 0.05


def held(process: int) -> int:
    """Add up the resident bytes of a process and of its children (Linux); what they share counts for each."""
    here = Path("/proc") / str(process)
    try:
        own = int((here / "statm").read_text().split()[1]) * PAGE
        children = [name for task in (here / "task").iterdir() for name in (task / "children").read_text().split()]
    except OSError:  # it has ended meanwhile
        return 0
    return own + sum(held(int(child)) for child in children)


class Watch:
    """The most that this process and its children hold at one moment while the block runs.

    Attributes
    ----------
    peak_mib
        The largest of the samples.
    """

    def __init__(self) -> None:
        self.peak_mib = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._end.wait(EVERY_S):
            self.peak_mib = max(self.peak_mib, held(os.getpid()) // 2**20)

    def __enter__(self) -> Watch:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End."""
        self._end.set()
        self._thread.join()
