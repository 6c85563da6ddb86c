"""Two hundred towns in which nothing is wrong: what is listed there above info would be a false alarm."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from planting import weigh
from town import Town

SEEDS = int(os.environ.get("GISPLAN_TOWNS", "100"))
"""How many towns; the full run by hand is GISPLAN_TOWNS=200."""


def alarms(seed: int) -> Counter[str]:
    """Count what is listed of a sound town."""
    return weigh(Town(seed).zone().faults, (), seed).false


def test_sound_towns_have_no_faults() -> None:
    found: Counter[str] = Counter()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        for one in pool.map(alarms, range(SEEDS), chunksize=10):
            found.update(one)
    print(f"{SEEDS} sound towns: {found.total()} false alarms {dict(found)}")
    assert not found
