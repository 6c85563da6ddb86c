"""Storm drains and sewers drawn by hand: what touches is named, what merely crosses is not."""

from __future__ import annotations

import pytest
from draining import SITE, Row, chain, drawn, drawn_rows, faults, found, node, pipe, says
from sketch import layer, zone

# ------------------------------------------------------------------------------------ storm and sewage

SEWER = [*drawn_rows(chain())]


def both(*storm: Row, sewage: list[Row] | None = None) -> set[tuple[str, str]]:
    given = zone(SITE, sewage=layer(*(SEWER if sewage is None else sewage)), storm=layer(*drawn_rows(list(storm))))
    return {f for f in faults(given) if f[0] == "cross_connected"}


def test_a_storm_drain_that_ends_at_a_sewer() -> None:
    given = zone(SITE, sewage=layer(*SEWER), storm=layer(*drawn_rows([pipe("R", (75, 80), (75, 0.4))])))
    assert ("cross_connected", "R") in faults(given)
    assert says(given, "cross_connected").startswith("An end of R (storm) lies 0.4 m from B of the other drainage")


@pytest.mark.parametrize(
    ("shape", "listed"),
    [
        (((75, 80), (75, 0.4)), True),  # on its side
        (((75, 80), (75, 0.6)), False),  # too far
        (((100, 80), (100, 0)), True),  # at a joint
        (((75, 80), (75, -80)), False),  # plainly across
        (((75, 80), (75, 0), (75, -80)), False),  # across, with a bend just there
        (((0, 1), (250, 1)), False),  # beside it all the way
    ],
)
def test_only_ends_touch(shape: tuple[tuple[float, float], ...], listed: bool) -> None:
    assert bool(both(pipe("R", *shape))) == listed


def test_a_sewer_that_ends_at_a_storm_drain() -> None:
    drain = pipe("R", (300, -50), (300, 300))
    house = pipe("H", (320, 20), (300, 20), role="lateral", flow="顺")
    assert both(drain, sewage=[*SEWER, house]) == {("cross_connected", "H")}
    assert both(drain) == set()


def test_ends_that_meet_are_one_fault_a_pair() -> None:
    """At joint 2 the storm drain meets B and C; each pair is named once, though both ends touch."""
    given = zone(SITE, sewage=layer(*SEWER), storm=layer(*drawn_rows([pipe("R", (100, 80), (100, 0))])))
    pairs = [
        (a, b)
        for f in found(given)
        if f.code == "cross_connected"
        for a, b in zip(f.feature.tolist(), f.other.tolist(), strict=True)
    ]
    assert sorted(pairs) == [("R", "B"), ("R", "C")]


def test_a_manhole_apart_from_its_pipes() -> None:
    well = node("M", 75, 40)
    assert both(pipe("R", (75, 80), (75, 40.2)), sewage=[*SEWER, well]) == {("cross_connected", "R")}


def test_what_is_out_of_use_does_not_touch() -> None:
    assert both(pipe("R", (75, 80), (75, 0), status="废弃")) == set()
    assert both(pipe("R", (75, 80), (75, 0), status="规划")) == {("cross_connected", "R")}


@pytest.mark.parametrize(("away", "listed"), [(2.0, True), (4.9, True), (5.1, False), (300.0, False)])
def test_one_joint_number_in_both_is_one_joint_unless_far_away(away: float, listed: bool) -> None:
    """Two surveys may both count from one: a number is one joint only where the ends are not far apart."""
    sewer = pipe("A", (0, 0), (50, 0), from_joint="1", to_joint="2", flow="顺")
    drain = pipe("R", (50, 80 + away), (50, away), from_joint="9", to_joint="2")
    assert both(drain, sewage=[sewer]) == ({("cross_connected", "R")} if listed else set())


def test_a_combined_sewer_is_a_sewer_in_whatever_layer_it_is_drawn() -> None:
    """
    ::

        R (storm) ──→ K (combined)
    """
    combined = pipe("K", (0, 200), (200, 200), system="合流", flow="顺")
    drain = pipe("R", (100, 260), (100, 200))
    assert both(drain, combined) == {("cross_connected", "R")}
    assert both(drain, sewage=[*SEWER, combined]) == {("cross_connected", "R")}
    assert both(drain, combined, sewage=[*SEWER, combined]) == {("cross_connected", "R")}
    assert both(combined, sewage=[*SEWER, combined]) == set(), "one sewer drawn in both layers"
    assert both(combined, node("M", 200, 200), sewage=[*SEWER]) == set(), "its own manhole in the storm layer"


def test_a_combined_sewer_in_both_layers_is_named_once() -> None:
    combined = pipe("K", (0, 200), (200, 200), system="合流", flow="顺")
    rows = drawn_rows([combined, pipe("R", (100, 260), (100, 200))])
    given = zone(SITE, sewage=layer(*SEWER, combined), storm=layer(*rows))
    assert sum(len(f) for f in found(given) if f.code == "cross_connected") == 1


def test_one_drainage_alone_touches_nothing() -> None:
    assert "cross_connected" not in {code for code, _ in faults(drawn(*chain(), service="storm"))}
