"""The engine against the slow judge: every cell of many small zones, and the zones that make it a fair fight."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from comparison import differences, profile_of
from reference import judge
from toyzones import QITONG, SANTONG, ToyZone, toy_zone
from toyzones_pipes import RULES

from gisplan.rules.profile import load, shipped

SEEDS = 520
BATCH = 40
LATER = date(2027, 7, 1)


@pytest.fixture(scope="module")
def served() -> Counter[str]:
    """Grades of all cells that the comparison has seen."""
    return Counter()


def compare(toy: ToyZone) -> list[str]:
    """List the differences of one zone; of every fourth zone also as seen from a later day."""
    found = [f"seed {toy.seed} {line}" for line in differences(toy.plain, toy.answer)]
    if toy.seed % 4 == 0:
        later = replace(toy.plain, check=LATER)
        found += [f"seed {toy.seed} on {LATER} {line}" for line in differences(later, judge(later))]
    return found


@pytest.mark.parametrize("start", range(0, SEEDS, BATCH))
def test_every_cell_agrees(start: int, served: Counter[str]) -> None:
    found = []
    for seed in range(start, start + BATCH):
        toy = toy_zone(seed)
        served.update(cell.grade for cell in toy.answer.cells.values())
        found += compare(toy)
    assert not found, "\n".join(found)


def test_about_half_of_the_cells_are_served(served: Counter[str]) -> None:
    """With few served cells, or with few that are not, the comparison would prove little."""
    for seed in () if served else range(60):
        served.update(cell.grade for cell in toy_zone(seed).answer.cells.values())
    share = served["A"] / served.total()
    print(f"{served.total()} cells, served {share:.1%}, {dict(served)}")
    assert 0.40 <= share <= 0.60
    assert all(served[grade] / served.total() > 0.01 for grade in "ABCDUN")


def test_a_seed_always_gives_the_same_zone() -> None:
    assert toy_zone(7) == toy_zone(7)
    assert toy_zone(7).plain != toy_zone(8).plain


def test_the_rules_of_the_toy_zones_are_those_of_the_shipped_profile() -> None:
    """The slow judge has its limits written out; they must be the profile's."""
    profile = load("jiutong_classic")
    for service in profile.networks:
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
        assert {s.key for s in load(name).services if s.need == "required"} == promise
    assert {"santong", "qitong"} <= set(shipped())


def test_the_profile_of_a_zone_asks_only_for_its_services() -> None:
    toy = toy_zone(3)
    assert {s.key for s in profile_of(toy.plain).services} == {*toy.plain.rules, "leveling"}
