"""The scoreboard: one line a property, with what was off and of how many."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from typing import Any

from gisplan.selfcheck.relations import SAME
from gisplan.selfcheck.scores import WORSE, Score, score

PROPERTIES = {
    "ready_wrong": "cells called ready that the slow judge does not call ready",
    "reference": "zones in which any cell or parcel differs from the slow judge",
    "ways": "ready cells whose way to the source does not hold when it is walked",
    "relations": "changes after which an answer differs, or got better, that must not",
}
"""Lines of the board, and what each counts."""
ZONES = 1000
RELATIONS = len(SAME) + WORSE
_SHOWN = 20


@dataclass
class Line:
    """One property: how many were off, of how many, and the first of them in words."""

    off: int = 0
    of: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, found: list[str], of: int) -> None:
        """Count what one zone shows."""
        self.off += len(found)
        self.of += of
        self.first += found[: _SHOWN - len(self.first)]


@dataclass(frozen=True)
class Board:
    """The scoreboard of a run."""

    seed: int
    seconds: float
    zones: int
    cells: dict[str, int]
    lines: dict[str, Line]

    @property
    def holds(self) -> bool:
        """Whether something was measured on every line and nothing was off."""
        return all(line.off == 0 and line.of > 0 for line in self.lines.values())

    def table(self) -> dict[str, Any]:
        """Give the board as plain values."""
        return {**asdict(self), "holds": self.holds, "relations": RELATIONS, "properties": PROPERTIES}


def measure(seed: int, seconds: float, zones: int = ZONES) -> Board:
    """Measure on all processors until all zones are done or the time is up; zones that were begun are finished.

    Parameters
    ----------
    seed
        The first zone is the one of this seed; the others follow.
    seconds
        Time for the whole run.
    zones
        How many at most.
    """
    begun = time.monotonic()
    lines = {name: Line() for name in PROPERTIES}
    cells: Counter[str] = Counter()
    count = 0
    for one in _scores(seed, begun + seconds, zones):
        count += 1
        for name, (off, of) in one.lines.items():
            lines[name].add(off, of)
        cells.update(one.grades)
    return Board(seed, round(time.monotonic() - begun, 1), count, dict(sorted(cells.items())), lines)


def _scores(seed: int, end: float, zones: int) -> Iterator[Score]:
    """Give the scores of seeds as they come; a seed that ends in an error counts as a zone that differs."""
    fresh = multiprocessing.get_context("spawn")
    left = iter(range(seed, seed + zones))
    most = os.cpu_count() or 1
    with ProcessPoolExecutor(most, mp_context=fresh) as pool:
        under_way: dict[Future[Score], int] = {}
        while True:
            while len(under_way) < most and time.monotonic() < end and (number := next(left, None)) is not None:
                under_way[pool.submit(score, number)] = number
            if not under_way:
                return
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                number = under_way.pop(done)
                try:
                    yield done.result()
                except Exception as error:  # one zone that fails must not hide what the others show
                    said = f"seed {number}: {type(error).__name__}: {error}"
                    yield Score(number, {"reference": ([said], 1)}, Counter())
