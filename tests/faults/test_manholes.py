"""Manholes drawn by hand: ends that lead nowhere, two ways out, none for too long; and all kinds by plain loops."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest
from draining import PLANT, Row, chain, drawn, drawn_rows, faults, fork, found, node, pipe, says
from sketch import layer, parcel, parcels, zone

from gisplan.faults.drawing.edges import edges
from gisplan.judging.judgement import judge
from gisplan.zone import Zone

# ----------------------------------------------------------------------------------------------- sinks


def ahead(rows: list[Row]) -> Zone:
    """The drawing with a parcel ahead of joint 5, so that the survey does not end there."""
    return zone(parcels(P=parcel(300, -10, 330, 10)), sewage=layer(*drawn_rows(rows)))


def test_an_end_that_leads_nowhere_is_named() -> None:
    rows = [row for row in chain() if row[0] != "W"]
    given = ahead(rows)
    assert faults(given) == {("sink", "E")}
    assert "what E carries arrives here and nothing leads on (pipes in: 1, out: 0)" in says(given, "sink")
    (sink,) = [f for f in found(given) if f.code == "sink"]
    assert [(p.x, p.y) for p in sink.shape] == [(550_250.0, 4_000_000.0)]


def test_at_the_edge_of_the_survey_it_may_go_on() -> None:
    assert faults(drawn(*[row for row in chain() if row[0] != "W"])) == set()


def test_two_that_run_together_at_the_edge_are_no_end_of_the_survey() -> None:
    rows = [row for row in chain() if row[0] != "W"]
    assert faults(drawn(*rows, pipe("F", (250, 90), (250, 0)))) == {("sink", "E")}


@pytest.mark.parametrize(
    "end",
    [
        node("X", 250, 0, "outfall"),
        node("X", 250, 0, "source", kind="水厂"),
        node("X", 250, 0, "boundary_supply"),
        node("X", 250, 0, "pump"),
        pipe("X", (250, 0), (290, 0), flow=None),
        pipe("X", (250, 0), (290, 0), flow="双向"),
        pipe("X", (290, 0), (250, 0), flow="逆", status="规划"),
    ],
    ids=["outfall", "source of another kind", "boundary", "pump", "flow not known", "both ways", "planned pipe"],
)
def test_ends_that_may_lead_on(end: Row) -> None:
    rows = [row for row in chain() if row[0] != "W"]
    assert ("sink", "E") not in faults(ahead([*rows, end]))


def test_an_abandoned_pipe_leads_nowhere() -> None:
    rows = [row for row in chain() if row[0] != "W"]
    assert faults(ahead([*rows, pipe("X", (250, 0), (290, 0), status="废弃")])) == {("sink", "E")}


def test_a_storm_drain_at_a_refused_combined_sewer_is_a_cross_connection_and_no_sink() -> None:
    rows = [row for row in chain() if row[0] != "W"]
    both = [*rows, pipe("X", (250, -50), (250, 50), system="合流")]
    given = zone(parcels(P=parcel(300, -10, 330, 10)), storm=layer(*drawn_rows(both)))
    assert faults(given) == {("cross_connected", "E")}


# ----------------------------------------------------------------------------------------- two outlets


def test_two_ways_out_are_named() -> None:
    given = drawn(*chain(), *fork())
    assert faults(given) == {("outlets_two", "X")}
    text = says(given, "outlets_two")
    assert "X and C leave from one place (2 pipes in all)" in text


@pytest.mark.parametrize(
    "extra",
    [
        {"kind": "溢流管"},
        {"name": "北环路溢流管"},
        {"status": "规划"},
        {"status": "废弃"},
        {"flow": None},
        {"role": "lateral", "flow": "逆"},
    ],
    ids=["kind", "name", "planned", "abandoned", "flow not known", "lateral"],
)
def test_what_is_no_second_way_out(extra: dict[str, Any]) -> None:
    rows = fork(**extra)
    if extra.get("role") == "lateral":
        rows = [pipe("X", (100, 0), (100, 40), **extra)]
    assert faults(drawn(*chain(), *rows)) == set()


def test_an_overflow_manhole_has_two_ways_out() -> None:
    assert faults(drawn(*chain(), *fork(), node("M", 100, 0, kind="溢流井"), node("N", 200, 0))) == set()
    assert faults(drawn(*chain(), *fork(), node("M", 100, 0), node("N", 200, 0))) == {("outlets_two", "X")}


def test_two_planned_ways_out_are_named_too() -> None:
    rows = chain(C={"status": "规划"})
    assert faults(drawn(*rows, *fork(status="规划"))) == {("outlets_two", "X")}


def test_rising_mains_side_by_side_are_no_fork() -> None:
    assert faults(drawn(*chain(), *fork(), node("pump", 100, 0, "泵"))) == set()


# -------------------------------------------------------------------------------------------- manholes


def wells(*at: float, size: float = 400, **more: Any) -> Zone:
    sized = {name: {"diameter_mm": size} for name in "ABCDE"}
    return drawn(*chain(**sized), *(node(f"M{i}", x, 0) for i, x in enumerate(at)), **more)


def test_a_missing_manhole_is_named_once() -> None:
    given = wells(0, 50, 150, 200)
    assert len([f for f in faults(given) if f[0] == "manhole_far"]) == 1
    assert says(given, "manhole_far") == (
        "sewage, near B: 100 m without a manhole; at DN400 they should stand no more than 75 m apart "
        "(GB 50014-2021 t.5.4.4)."
    )
    (far,) = [f for f in found(given) if f.code == "manhole_far"]
    assert far.shape[0].length == pytest.approx(100)


@pytest.mark.parametrize(
    ("size", "listed"),
    [(300, True), (600, True), (700, False), (1000, False), (2500, False), (None, False)],
)
def test_the_limit_is_that_of_the_diameter(size: float | None, listed: bool) -> None:
    got = faults(wells(0, 50, 150, 200, size=size))
    assert got == ({("manhole_far", "B")} if listed else set())


def test_a_hundred_metres_and_a_bit() -> None:
    for length, listed in ((100.0, False), (100.004, False), (100.02, True)):
        rows = [
            pipe("A", (0, 0), (length, 0), diameter_mm=800),
            node("M", 0, 0),
            node("N", length, 0),
            node("W", length, 0, **PLANT),
        ]
        assert faults(drawn(*rows)) == ({("manhole_far", "A")} if listed else set())


def test_without_any_manhole_the_ends_of_lines_are_taken_for_them() -> None:
    assert faults(wells()) == set()
    long = pipe("A", (0, 0), (80, 0), diameter_mm=300)
    assert faults(drawn(long, node("W", 80, 0, "outfall"))) == {("manhole_far", "A")}


def test_a_lateral_is_no_manhole_and_a_junction_of_mains_is_one() -> None:
    """A main of 80 m with a lateral on its side; the same with another main there."""
    main = [pipe("A", (0, 0), (80, 0), diameter_mm=300), node("M", 0, 0), node("W", 80, 0, **PLANT)]
    assert faults(drawn(*main, pipe("H", (40, 30), (40, 0), role="lateral"))) == {("manhole_far", "A")}
    assert faults(drawn(*main, pipe("B", (40, 30), (40, 0), diameter_mm=300), node("N", 40, 30))) == set()


@pytest.mark.parametrize("extra", [{"status": "规划"}, {"status": "在建"}, {"role": "lateral"}, {"status": "废弃"}])
def test_what_is_not_there_yet_and_laterals_need_no_manholes(extra: dict[str, Any]) -> None:
    rows = [pipe("A", (0, 0), (80, 0), diameter_mm=300, **extra), node("M", 0, 0), node("W", 80, 0, **PLANT)]
    assert faults(drawn(*rows)) == set()


def test_a_rising_main_needs_no_manholes() -> None:
    rows = [pipe("A", (0, 0), (800, 0), diameter_mm=300), node("P", 0, 0, "泵"), node("W", 800, 0, **PLANT)]
    assert faults(drawn(*rows)) == set()


# -------------------------------------------------------------------------------------- by brute force


def test_random_networks_agree_with_plain_loops() -> None:
    """Random pipes between numbered joints, levels and sizes sometimes blank: every kind counted again by loops."""
    dice = random.Random(7)
    rows: list[Row] = []
    pipes: dict[str, Any] = {}
    spots: dict[str, tuple[float, float]] = {}
    for k in range(25):
        own = {f"{k}.{i}": (k * 3000 + dice.random() * 800, dice.random() * 800) for i in range(25)}
        spots |= own
        rows.append(node(f"W{k}", *own[f"{k}.0"], from_joint=f"{k}.0", **PLANT))
        for i in range(40):
            a, b = dice.sample(sorted(own), 2)
            way, size = dice.choice(["顺", "顺", "逆", None]), dice.choice([None, 300, 400, 600])
            low = [dice.choice([None, 90 + dice.random() * 4]) for _ in range(2)]
            more = {"diameter_mm": size, "invert_from_m": low[0], "invert_to_m": low[1]}
            rows.append(pipe(f"p{k}.{i}", own[a], own[b], from_joint=a, to_joint=b, flow=way, **more))
            ends = (b, a, low[1], low[0]) if way == "逆" else (a, b, low[0], low[1])
            pipes[f"p{k}.{i}"] = (*ends, size, way is not None)
    given = drawn(*rows)
    got = [f for f in found(given) if f.code not in ("manhole_far", "cross_connected")]
    turned = {name for f in got if f.code == "flow_reversed" for name in f.feature}
    expected = plain_faults(pipes, turned, given)
    assert min(len(names) for names in expected.values()) > 10
    for code in ("sewer_uphill", "invert_step", "size_shrinks"):
        assert {name for f in got if f.code == code for name in f.feature} == expected[code], code
    for code in ("sink", "outlets_two"):
        places = {(round(550_000 + spots[j][0], 3), round(4_000_000 + spots[j][1], 3)) for j in expected[code]}
        assert {(round(p.x, 3), round(p.y, 3)) for f in got if f.code == code for p in f.shape} == places, code


def plain_faults(pipes: dict[str, Any], turned: set[str], given: Zone) -> dict[str, set[str]]:
    """Look at every joint by itself."""
    ins, outs, degree, vague = defaultdict(list), defaultdict(list), defaultdict(int), set()
    for name, (a, b, *_, known) in pipes.items():
        degree[a] += 1
        degree[b] += 1
        if not known:
            vague |= {a, b}
        elif name not in turned:
            outs[a].append(name)
            ins[b].append(name)
    explained = {pipes[name][1] for name in turned}
    edge = {name for f in edges(judge(given.survey, given.date)) for name in f.feature}
    lengths = {name: shape.length for name, shape in given.survey.layers["sewage"].geometry.items()}
    out: dict[str, set[str]] = defaultdict(set)

    def slope(name: str) -> float:
        _, _, up, down, _, _ = pipes[name]
        return float("nan") if up is None or down is None else (up - down) / lengths[name]

    for name, (_, _, up, down, _, known) in pipes.items():
        if known and name not in turned and up is not None and down is not None and down - up > 0.02:
            out["sewer_uphill"].add(name)
    for j in degree:
        plant = j.endswith(".0")
        left = any(pipes[name][0] == j for name in turned)
        at_edge = degree[j] == 1 and ins[j] and ins[j][0] in edge
        if ins[j] and not outs[j] and not left and j not in vague | explained and not plant and not at_edge:
            out["sink"].add(j)
        if len(outs[j]) > 1 and not plant:
            out["outlets_two"].add(j)
        if not ins[j] or not outs[j] or j in vague:
            continue
        if all(pipes[n][2] is not None for n in outs[j]):
            lowest = min(outs[j], key=lambda n: pipes[n][2])
            if any(pipes[n][3] is not None and pipes[lowest][2] - pipes[n][3] > 0.02 for n in ins[j]):
                out["invert_step"].add(lowest)
        if all(pipes[n][4] is not None for n in outs[j]):
            widest = max(outs[j], key=lambda n: pipes[n][4])
            for n in ins[j]:
                less = (pipes[n][4] or 0) - pipes[widest][4]
                steeper = (slope(widest) - slope(n)) * lengths[widest] > 0.02
                if less > 0 and not (steeper and less <= 200):
                    out["size_shrinks"].add(widest)
    return out
