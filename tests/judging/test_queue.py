"""Queues against adding up by hand: 300 random sets of users, some of them without limit."""

from __future__ import annotations

import numpy as np
import pytest

from gisplan.judging.reserves.queue import Queue, before, last_before, runs_out

BITS = 6


@pytest.mark.parametrize("seed", range(300))
def test_places_and_sums_are_those_of_adding_up(seed: int) -> None:
    dice = np.random.default_rng(seed)
    n, k, elements = int(dice.integers(1, 30)), int(dice.integers(0, 20)), 40
    place = dice.permutation(2**BITS - 1)[: n + k]
    load = dice.integers(0, 9, n + k).astype(float)
    load[dice.random(n + k) < 0.05] = np.inf
    kinds = [(place[:n], load[:n]), (place[n:], load[n:])]
    queues = [Queue(*kind, BITS) for kind in kinds]
    ranges = [tuple(np.sort(dice.integers(0, len(p) + 1, (2, elements)), axis=0)) for p, _ in kinds]
    budget = dice.integers(0, 60, elements).astype(float)
    asked = dice.integers(0, 2**BITS - 1, elements)
    found = runs_out(queues, ranges, budget, BITS)
    sums = before(queues, ranges, asked, BITS)
    last = last_before(queues, ranges, asked, BITS)
    for e in range(elements):
        users = sorted(
            (int(p), float(w))
            for (places, loads), (low, high) in zip(kinds, ranges, strict=True)
            for p, w in zip(places[low[e] : high[e]], loads[low[e] : high[e]], strict=True)
        )
        run, first = 0.0, 2**BITS - 1
        for p, w in users:
            run += w
            if run > budget[e]:
                first = p
                break
        assert found[e] == first
        assert sums[e] == sum(w for p, w in users if p < asked[e])
        assert last[e] == max((p for p, _ in users if p < asked[e]), default=-1)
