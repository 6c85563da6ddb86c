"""Two hundred sound towns, and a fault of every kind planted into each: all are found, at the right feature."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest
from planting import Tally, plant, weigh
from town import Town

SEEDS, CHUNK, KINDS = int(os.environ.get("GISPLAN_TOWNS", "100")), 50, 26
"""How many towns; the full run by hand is GISPLAN_TOWNS=200."""


def outcome(seed: int) -> Tally:
    """Plant a fault of every kind into a town, and look them up."""
    town = Town(seed)
    plants = plant(town, seed)
    return weigh(town.zone().faults, plants, seed)


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Give as many processes as there are processors."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as found:
        yield found


@pytest.fixture(scope="module", params=range(0, SEEDS, CHUNK))
def outcomes(request: pytest.FixtureRequest, pool: ProcessPoolExecutor) -> Tally:
    """Judge a quarter of the towns."""
    whole = Tally()
    for one in pool.map(outcome, range(request.param, request.param + CHUNK), chunksize=5):
        whole.add(one)
    return whole


def test_every_planted_fault_is_found_at_its_feature(outcomes: Tally) -> None:
    print("\n".join(f"{kind:32} {outcomes.found[kind]:4} of {count}" for kind, count in outcomes.planted.items()))
    assert not outcomes.missed, "\n".join(outcomes.missed)
    assert len(outcomes.planted) == KINDS
    assert set(outcomes.found.values()) == {CHUNK}


def test_what_is_listed_beside_them_is_their_doing(outcomes: Tally) -> None:
    """A fault may show on what it touches, and part of what it cuts off; anything else is a false alarm."""
    print(f"false alarms beside {outcomes.planted.total()} faults: {dict(outcomes.false)}")
    assert not outcomes.false
