"""The scoreboard: one line a property, with what was off and of how many; and how a seed scores on each."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from typing import Any

from gisplan.selfcheck.changes import violations
from gisplan.selfcheck.comparison import deviations, engine_report
from gisplan.selfcheck.proof import unproven, wrongly_ready
from gisplan.selfcheck.reference.judge import judge
from gisplan.selfcheck.relations import ROUNDED, SAME
from gisplan.selfcheck.toys.draw import toy_zone

PROPERTIES = {
    "ready_wrong": "cells called ready that the slow judge does not call ready",
    "reference": "zones in which any cell or parcel differs from the slow judge",
    "ways": "ready cells whose way to the source does not hold when it is walked",
    "relations": "changes after which an answer differs, or got better, that must not",
}
"""Lines of the board, and what each counts; below, the full run."""
ZONES = 1000
RELATIONS = len(SAME) + 3
"""The same zone in other words, and three that make it worse: more load, a source less, a spoilt value."""
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
class Score:
    """What one zone shows: by property, what was off and of how many; and its cells by grade."""

    seed: int
    lines: dict[str, tuple[list[str], int]]
    grades: dict[str, int]


def score(seed: int) -> Score:
    """Draw the zone of a seed, and measure every property on it."""
    toy = toy_zone(seed, strict=True)
    report = engine_report(toy.plain)
    answer = toy.answer
    grades: dict[str, int] = {}
    for cell in answer.cells.values():
        grades[cell.grade] = grades.get(cell.grade, 0) + 1
    differ = deviations(report, answer)
    same = [SAME[(2 * seed + k) % len(SAME)] for k in (0, 1)]
    broken = []
    wrong, ready = wrongly_ready(report, answer)
    for relation in same:
        changed = relation(toy.plain)
        again, due = engine_report(changed), answer
        off = deviations(again, due)
        if off and relation in ROUNDED:
            due = judge(changed)
            off = deviations(again, due)
        broken += [f"{relation.__name__}: {off[0]} (and {len(off) - 1} more)"] if off else []
        more, count = wrongly_ready(again, due)
        wrong, ready = wrong + [f"{relation.__name__}: {one}" for one in more], ready + count
    checks = len(same)
    if seed % 4 == 0:
        broken += violations(toy.plain, report, seed)
        checks += RELATIONS - len(SAME)
    found = {
        "ready_wrong": (wrong, ready),
        "reference": (["; ".join(differ[:3])] if differ else [], 1),
        "ways": unproven(toy.plain, report),
        "relations": (broken, checks),
    }
    told = {
        n: ([f"seed {seed}: {one.removeprefix(f'seed {seed}: ')}" for one in off], of) for n, (off, of) in found.items()
    }
    return Score(seed, told, grades)


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
    cells: dict[str, int] = {}
    count = 0
    for one in _scores(seed, begun + seconds, zones):
        count += 1
        for name, (off, of) in one.lines.items():
            lines[name].add(off, of)
        for grade, number in one.grades.items():
            cells[grade] = cells.get(grade, 0) + number
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
                    yield Score(number, {"reference": ([said], 1)}, {})
