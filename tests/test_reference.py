"""The engine against the slow judge: every cell of many small zones, and the zones that make it a fair fight."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest

from gisplan.rules.profile import load
from gisplan.selfcheck.bouts import Bout, bout
from gisplan.selfcheck.comparison import profile_of
from gisplan.selfcheck.toys.draw import QITONG, SANTONG, toy_zone
from gisplan.selfcheck.toys.needs import STRICT
from gisplan.selfcheck.toys.pipes import RULES

SEEDS = int(os.environ.get("GISPLAN_SEEDS", "60"))
"""How many zones; the full run by hand is GISPLAN_SEEDS=520."""


@pytest.fixture(scope="module")
def bouts() -> list[Bout]:
    """Compare all zones, on as many processors as there are."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=fresh) as pool:
        return list(pool.map(bout, range(SEEDS), chunksize=20))


def test_every_cell_of_many_small_zones_agrees(bouts: list[Bout]) -> None:
    found = [line for each in bouts for line in each.differences]
    cells = sum(sum(each.grades.values()) for each in bouts)
    assert not found, f"{len(found)} differences in {cells} cells:\n" + "\n".join(found)


def test_what_makes_things_worse_never_makes_an_answer_better(bouts: list[Bout]) -> None:
    """More load never helps another cell, a source less helps no connection, and a spoilt value makes nothing ready."""
    broken = [line for each in bouts for line in each.broken]
    assert not broken, f"{len(broken)} answers became better:\n" + "\n".join(broken)


def test_about_half_of_the_cells_are_served(bouts: list[Bout]) -> None:
    """With few served cells, or with few that are not, the comparison would prove little."""
    grades: Counter[str] = Counter()
    for each in bouts:
        grades.update(each.grades)
    share = grades["A"] / grades.total()
    print(f"{len(bouts)} zones, {grades.total()} cells, {share:.1%} served: {dict(sorted(grades.items()))}")
    assert 0.40 <= share <= 0.60
    assert all(grades[grade] / grades.total() > 0.004 for grade in "ABCDUN")


def test_a_seed_always_gives_the_same_zone() -> None:
    assert toy_zone(7) == toy_zone(7)
    assert toy_zone(7, strict=True) == toy_zone(7, strict=True)
    assert toy_zone(7).plain != toy_zone(8).plain


def test_the_rules_of_the_toy_zones_are_those_of_the_shipped_profile() -> None:
    """The slow judge has its limits written out; they must be the profile's."""
    for service in load("jiutong_connection").networks:
        rules = RULES[service.key]
        assert frozenset(service.sources) == rules.sources
        assert service.directed == rules.to_outfall
        assert (service.crossings == "join") == rules.crossings_join
        ours = {c.column: (c.at_least, c.at_most, c.one_of) for c in rules.conditions}
        theirs = {
            c.measure.column: (c.limit.low, c.limit.high, frozenset(c.limit.one_of))
            for c in service.conditions
            if c.measure.kind in ("attribute", "class")
        }
        assert ours == theirs
    for name, promise in (("santong", SANTONG), ("qitong", QITONG)):
        services = load(name).services
        assert {s.key for s in services if s.need == "required"} == promise.required
        assert {s.key: s.group for s in services if s.group != s.key} == dict(promise.groups)


def test_the_profile_of_a_zone_asks_only_for_its_services() -> None:
    toy = toy_zone(3)
    assert {s.key for s in profile_of(toy.plain).services} == {*toy.plain.rules, "leveling"}


def test_what_the_toy_zones_ask_for_is_what_the_shipped_profile_can_ask() -> None:
    """Other figures, and required instead of warned about; no other condition, and no other way to reckon."""
    for service in load("jiutong_classic").networks:
        strict = STRICT.get(service.key)
        known = {c.measure.name for c in service.conditions}
        left_out = {"reserve", "slope_margin", "hydrant_spacing", "legs", "spare_holes"}
        plain = {
            c.measure.name for c in service.conditions if c.measure.kind in ("reach", "path", "attribute", "class")
        }
        assert known - left_out - plain == (set() if strict is None else strict.asks)
        if strict is not None:
            assert service.capacity == strict.capacity
            single = {name for name, figure in service.figures.items() if not figure.steps and figure.by_use is None}
            assert single == set(strict.figures) - {"hydrant_cover"}
