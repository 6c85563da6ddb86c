"""One seed at a time: a toy zone put to both judges, written down in other ways, changed for the worse, and walked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date

from gisplan.selfcheck.changes import violations
from gisplan.selfcheck.comparison import deviations, differences, engine_report, with_joins_undone
from gisplan.selfcheck.proof import unproven, wrongly_ready
from gisplan.selfcheck.reference.judge import judge
from gisplan.selfcheck.relations import ROUNDED, SAME
from gisplan.selfcheck.toys.draw import ToyZone, toy_zone

LATER, EARLIER = date(2027, 7, 1), date(2026, 6, 1)
WORSE = 3
"""What `violations` tries: more load, a source less, a spoilt value."""
_TRIED = 2
"""In how many other ways of `SAME` a zone is written down; its seed says in which."""


@dataclass(frozen=True)
class Score:
    """What one zone shows: by property, what was off and of how many; and its cells by grade."""

    seed: int
    lines: dict[str, tuple[list[str], int]]
    grades: Counter[str]


def score(seed: int) -> Score:
    """Draw the zone of a seed, and measure every property on it."""
    toy = toy_zone(seed, strict=True)
    report = engine_report(toy.plain)
    differ = deviations(report, toy.answer) + connected(seed)
    broken, wrong, ready = rewritten(toy)
    broken += violations(toy.plain, report, seed)
    first_wrong, first_ready = wrongly_ready(report, toy.answer)
    lines = {
        "ready_wrong": (first_wrong + wrong, first_ready + ready),
        "reference": (["; ".join(differ[:3])] if differ else [], 1),
        "ways": unproven(toy.plain, report),
        "relations": (broken, _TRIED + WORSE),
    }
    told = {name: ([f"seed {seed}: {one}" for one in off], of) for name, (off, of) in lines.items()}
    return Score(seed, told, Counter(cell.grade for cell in toy.answer.cells.values()))


def rewritten(toy: ToyZone) -> tuple[list[str], list[str], int]:
    """Write a zone down in other ways: what differs then, what is wrongly ready, and how many cells are ready."""
    broken: list[str] = []
    wrong: list[str] = []
    ready = 0
    for k in range(_TRIED):
        relation = SAME[(_TRIED * toy.seed + k) % len(SAME)]
        changed, answer = relation(toy.plain), toy.answer
        report = engine_report(changed)
        off = deviations(report, answer)
        if off and relation in ROUNDED:
            answer = judge(changed)
            off = deviations(report, answer)
        broken += [f"{relation.__name__}: {off[0]} (and {len(off) - 1} more)"] if off else []
        more, count = wrongly_ready(report, answer)
        wrong += [f"{relation.__name__}: {one}" for one in more]
        ready += count
    return broken, wrong, ready


def connected(seed: int) -> list[str]:
    """Compare, for every fourth seed, also a zone that asks for connection only.

    Of these one half is seen from another day too, in the other half some of the joins are undone.
    """
    if seed % 4:
        return []
    toy = toy_zone(seed)
    found = differences(toy.plain, toy.answer)
    if seed % 8 == 0:
        other = replace(toy.plain, check=EARLIER if seed % 40 == 0 else LATER)
        return found + [f"on {other.check}: {line}" for line in differences(other, judge(other))]
    other, undo = with_joins_undone(toy.plain, seed)
    answer = judge(other)
    if undo and not answer.ties:
        found += [f"without {sorted(undo)}: {line}" for line in differences(other, answer, undo)]
    return found
