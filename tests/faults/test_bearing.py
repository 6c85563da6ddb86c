"""What stands behind each mend, and what each brings back alone: against a search anew for every one."""

from __future__ import annotations

import numpy as np
import pytest

from gisplan.faults.breaking import bearing
from gisplan.faults.breaking.bearing import Steps, alone, lost
from gisplan.faults.breaking.mends import Arrows


def walked(arrows: list[tuple[int, int, int]], start: int, made: set[int]) -> set[int]:
    """Joints that have supply by some mends, found one step at a time."""
    live, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for tail, head, guard in arrows:
            if head == here and tail not in live and (guard < 0 or guard in made):
                live.add(tail)
                waiting.append(tail)
    return live


def pairs(found) -> set[tuple[int, int]]:
    listed = list(zip(found.mend.tolist(), found.thing.tolist(), strict=True))
    assert len(listed) == len(set(listed))
    return set(listed)


@pytest.mark.parametrize("block", range(4))
@pytest.mark.parametrize(("chunk", "marks"), [(1, 1), (5, 60), (1 << 20, 1 << 25)])
def test_random_steps(block, chunk, marks, monkeypatch):
    monkeypatch.setattr(bearing, "_CHUNK", chunk)
    monkeypatch.setattr(bearing, "_MARKS", marks)
    some = 0
    for seed in range(100 * block, 100 * block + 100):
        dice = np.random.default_rng(seed)
        size, mends = int(dice.integers(1, 14)), int(dice.integers(1, 7))
        start, count = int(dice.integers(size)), int(dice.integers(0, 4 * size))
        tail, head = dice.integers(0, size, count), dice.integers(0, size, count)
        guard = dice.integers(-2, mends, count).clip(-1)
        apart = (tail != head) & (tail != start)
        tail, head, guard = tail[apart], head[apart], guard[apart]
        steps = Steps(Arrows(tail, head, guard, np.zeros(len(tail))), start, size, mends)
        rows = list(zip(tail.tolist(), head.tolist(), guard.tolist(), strict=True))
        whole, bare = walked(rows, start, set(range(mends))), walked(rows, start, set())
        less = {(m, j) for m in range(mends) for j in whole - walked(rows, start, set(range(mends)) - {m})}
        more = {(m, j) for m in range(mends) for j in walked(rows, start, {m}) - bare}
        assert pairs(lost(steps)) == less, seed
        assert pairs(alone(steps)) == more, seed
        some += len(less) + len(more)
    assert some > 100
