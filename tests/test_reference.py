"""The engine against the slow judge: every cell of many small zones, and the zones that make it a fair fight."""

from __future__ import annotations

import math
import os

import pytest

from gisplan.rules.profile import load
from gisplan.selfcheck.board import PROPERTIES, Board, measure
from gisplan.selfcheck.comparison import profile_of
from gisplan.selfcheck.toys.draw import QITONG, SANTONG, toy_zone
from gisplan.selfcheck.toys.needs import STRICT
from gisplan.selfcheck.toys.pipes import RULES

SEEDS = int(os.environ.get("GISPLAN_SEEDS", "60"))
"""How many zones; the full run by hand is GISPLAN_SEEDS=520."""


@pytest.fixture(scope="module")
def board() -> Board:
    """Score all zones, on as many processors as there are."""
    return measure(0, math.inf, SEEDS)


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_line_of_the_scoreboard_holds(board: Board, name: str) -> None:
    line = board.lines[name]
    print(f"{name}: {line.off} of {line.of}")
    assert board.zones == SEEDS
    assert line.of > 0
    assert line.off == 0, f"{line.off} of {line.of}:\n" + "\n".join(line.first)


def test_about_half_of_the_cells_are_served(board: Board) -> None:
    """With few served cells, or with few that are not, the comparison would prove little."""
    total = sum(board.cells.values())
    share = board.cells["A"] / total
    print(f"{board.zones} zones, {total} cells, {share:.1%} served: {board.cells}")
    assert 0.40 <= share <= 0.60
    assert all(board.cells[grade] / total > 0.004 for grade in "ABCDUN")


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
