"""One seed at a time: a toy zone put to both judges, and to the engine again with something changed for the worse."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from traceback import extract_tb

from gisplan.selfcheck.changes import violations
from gisplan.selfcheck.comparison import deviations, differences, engine_report, with_joins_undone
from gisplan.selfcheck.reference.judge import judge
from gisplan.selfcheck.reference.records import Answer, Zone
from gisplan.selfcheck.toys.draw import toy_zone

LATER, EARLIER = date(2027, 7, 1), date(2026, 6, 1)


@dataclass(frozen=True)
class Bout:
    """What came of one seed: the differences, what broke a rule, and how many cells had which grade."""

    differences: tuple[str, ...]
    broken: tuple[str, ...]
    grades: Counter[str]


def bout(seed: int) -> Bout:
    """Compare the zone of a seed by all that may be asked; every fourth also a zone that asks for connection only.

    Of these one half is seen from another day, in the other half some of the joins are undone.
    """
    strict = toy_zone(seed, strict=True)
    rounds: list[tuple[Zone, Answer, frozenset[str]]] = []
    if seed % 4 == 0:
        toy = toy_zone(seed)
        rounds.append((toy.plain, toy.answer, frozenset()))
        if seed % 8 == 0:
            other = replace(toy.plain, check=EARLIER if seed % 40 == 0 else LATER)
            rounds.append((other, judge(other), frozenset()))
        else:
            other, undo = with_joins_undone(toy.plain, seed)
            answer = judge(other)
            if undo and not answer.ties:
                rounds.append((other, answer, undo))
    found, broken = [], []
    try:  # one zone that fails must not hide what the others show
        report = engine_report(strict.plain)
        found += [f"seed {seed}: {line}" for line in deviations(report, strict.answer)]
        broken += violations(strict.plain, report, seed)
    except Exception as error:
        found.append(f"seed {seed}: {_traced(error)}")
    for zone, answer, undo in rounds:
        try:
            found += [f"seed {seed} on {zone.check}: {line}" for line in differences(zone, answer, undo)]
        except Exception as error:
            found.append(f"seed {seed} on {zone.check}: {_traced(error)}")
    return Bout(tuple(found), tuple(broken), Counter(cell.grade for cell in strict.answer.cells.values()))


def _traced(error: Exception) -> str:
    trace = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in extract_tb(error.__traceback__)[:-5:-1])
    return f"{type(error).__name__}: {error} ({trace})"
