"""Two ways and two sources, by hand: what a parcel has left when a main, a joint or a source fails."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

import networkx as nx
import pandas as pd
import pytest
from rules_of import asking
from shapely.affinity import translate
from sketch import layer, line, parcel, parcels, point, works, zone

import gisplan
from gisplan.rules.profile import load

DN = {"diameter_mm": 300}
PLANT = ("P", point(0, 0), {"role": "source", "kind": "水厂"})
OTHER = ("Q", point(400, 0), {"role": "source", "kind": "水厂"})
LAND = parcels(d1=parcel(180, 10, 220, 40))
WAYS = asking("water.two_ways")


def sources_profile():
    """Two sources, asked of water: in the shipped profile power alone has that condition."""
    ways = next(c for c in WAYS.conditions if c.id == "water.two_ways")
    measure = next(c.measure for c in asking("power.two_sources").conditions if c.id == "power.two_sources")
    wanted = replace(ways, id="water.two_sources", measure=measure)
    services = [
        replace(s, conditions=tuple(wanted if c.id == ways.id else c for c in s.conditions)) for s in WAYS.services
    ]
    return replace(WAYS, services=tuple(services))


SOURCES = sources_profile()


def answer(water, profile, land=LAND, **rest):
    report = gisplan.check(zone(land, water=layer(*water), profile=profile, **rest))
    row = report.cells[report.cells["service"] == "water"].iloc[0]
    return row["grade"], row["code"], row["reason_zh"]


def pipe(name, *points, **columns):
    return (name, line(*points), {**DN, **columns})


RING = [
    pipe("a", (0, 0), (100, 0)), pipe("b", (100, 0), (300, 0)), pipe("c", (300, 0), (300, -100)),
    pipe("d", (300, -100), (100, -100)), pipe("e", (100, -100), (100, 0)),
]  # fmt: skip
FROM_A = pipe("f", (0, 0), (100, -100))  # a second way to the ring
FROM_B = pipe("g", (300, 0), (400, 0))

WAYS_OF = {
    "one line": ([pipe("a", (0, 0), (300, 0)), PLANT], "D", "one_way"),
    "a ring on one main": ([*RING, PLANT], "D", "one_way"),
    "a ring on two mains": ([*RING, FROM_A, PLANT], "A", "connected"),
    "two plants, one at each end": ([pipe("a", (0, 0), (400, 0)), PLANT, OTHER], "A", "connected"),
    "a main doubled": (
        [pipe("a", (0, 0), (100, 0)), pipe("b", (0, 0), (50, -20), (100, 0)), pipe("c", (100, 0), (300, 0)), PLANT],
        "D", "one_way",
    ),
    "a ring with a closed valve": (
        [*RING, FROM_A, PLANT, ("V", point(100, -100), {"role": "valve", "open": "关"})], "D", "one_way",
    ),
    "a ring with a valve of which nobody knows": (
        [*RING, FROM_A, PLANT, ("V", point(100, -100), {"role": "valve", "open": "锈"})], "U", "ways_unknown",
    ),
    "a second main of unknown status": (
        [*RING, pipe("f", (0, 0), (100, -100), status=None), PLANT], "U", "ways_unknown",
    ),
    "a second main that is planned": (
        [*RING, pipe("f", (0, 0), (100, -100), status="规划"), PLANT], "D", "one_way",
    ),
    "a stub on a ring": (
        [*RING, FROM_A, PLANT, ("S", point(250, 0), {"role": "stub"})], "A", "connected",
    ),
}  # fmt: skip


@cache
def side_by_side(asked: str):
    """All cases of one kind in one zone, 2 km apart."""
    cases, profile = {"ways": (WAYS_OF, WAYS), "sources": (SOURCES_OF, SOURCES)}[asked]
    rows, land = [], {}
    for k, (case, (water, _, _)) in enumerate(cases.items()):
        rows += [(f"{case} {name}", translate(shape, 2000 * k), columns) for name, shape, columns in water]
        land[case] = translate(LAND.geometry.iloc[0], 2000 * k)
    report = gisplan.check(zone(parcels(**land), water=layer(*rows), profile=profile))
    return report.cells[report.cells["service"] == "water"].set_index("parcel")


@pytest.mark.parametrize("case", WAYS_OF)
def test_two_ways(case):
    assert tuple(side_by_side("ways").loc[case, ["grade", "code"]]) == WAYS_OF[case][1:]


SOURCES_OF = {
    "one plant on a ring": ([*RING, FROM_A, PLANT], "D", "one_source"),
    "two plants and one line between": ([pipe("a", (0, 0), (400, 0)), PLANT, OTHER], "A", "connected"),
    "two plants behind one joint": (
        [*RING, pipe("n", (100, 0), (100, 200)), PLANT, ("Q", point(100, 200), {"role": "source", "kind": "水厂"})],
        "D", "one_source",
    ),
    "two plants on a ring": ([*RING, FROM_A, FROM_B, PLANT, OTHER], "A", "connected"),
    "a second plant of which nobody knows": (
        [*RING, FROM_A, FROM_B, PLANT, ("Q", point(400, 0), {"role": "source", "kind": "水厂", "status": None})],
        "U", "ways_unknown",
    ),
    "a second plant out of use": (
        [*RING, FROM_A, FROM_B, PLANT, ("Q", point(400, 0), {"role": "source", "kind": "水厂", "status": "停用"})],
        "D", "one_source",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SOURCES_OF)
def test_two_sources(case):
    assert tuple(side_by_side("sources").loc[case, ["grade", "code"]]) == SOURCES_OF[case][1:]


def test_what_fails_is_named():
    tail = [pipe("a", (0, 0), (100, 0)), pipe("b", (100, 0), (300, 0)), PLANT]
    assert "只有一路：b 一断即断供" in answer(tail, WAYS)[2]
    assert "只有一路：a 一断即断供" in answer([*RING, PLANT], WAYS)[2]
    assert "各路都经过 P 处" in answer([*RING, FROM_A, PLANT], SOURCES)[2]


def test_a_lateral_is_judged_where_its_main_begins():
    """The lateral itself is one way always; the ring behind it is what counts."""
    lateral = pipe("h", (200, 0), (200, 8), role="lateral")
    land = parcels(d1=parcel(180, 45, 220, 60))  # 37 m from the lateral's end, 45 m from the ring
    assert answer([*RING, FROM_A, PLANT, lateral], WAYS, land)[:2] == ("A", "connected")
    assert answer([*RING, PLANT, lateral], WAYS, land)[:2] == ("D", "one_way")


def test_ways_are_judged_at_the_level_of_the_cell():
    """Main and second main come together with works: the cell is B by what is there on that day."""
    coming = {"status": "在建", "works": "W1"}
    ring = [(name, shape, {**columns, **coming}) for name, shape, columns in [*RING, FROM_A]]
    table = works({"works": "W1", "phase": "开工", "planned_on": "2027-03-01"})
    assert answer([*ring, PLANT], WAYS, works=table)[0] == "B"
    assert answer([*ring[:-1], PLANT], WAYS, works=table)[:2] == ("D", "one_way")


def test_where_the_nearest_main_may_not_work_nothing_is_said_of_its_ways():
    """A nearer dead end of unknown status: it may be what the parcel draws from."""
    near = pipe("x", (150, 5), (250, 5), status=None)
    joined = pipe("y", (100, 0), (150, 5))
    assert answer([*RING, FROM_A, PLANT], WAYS)[0] == "A"
    assert answer([*RING, FROM_A, PLANT, near, joined], WAYS)[:2] == ("U", "ways_unknown")


def test_a_warning_changes_no_cell():
    warn = asking("water.two_ways", weight="warn")
    report = gisplan.check(zone(LAND, water=layer(*RING, PLANT), profile=warn))
    assert report.cells.set_index("service").loc["water", "grade"] == "A"
    found = report.findings.set_index("condition").loc["water.two_ways"]
    assert (found["grade"], found["value"]) == ("D", 0.0)


def test_a_town_of_rings_and_tails_agrees_with_networkx():
    """120 parcels along a grid with pieces left out; two ways as networkx counts edge-disjoint paths."""
    dice = random.Random(5)
    graph, rows, land = nx.Graph(), [], {}
    for i in range(8):
        for j in range(8):
            for k, to in enumerate(((i + 1, j), (i, j + 1))):
                if max(to) < 8 and dice.random() < 0.62:
                    name = f"m{i}{j}{k}"
                    rows.append(pipe(name, (200 * i, 200 * j), (200 * to[0], 200 * to[1])))
                    graph.add_edge((i, j), to)
                    x, y = 100 * (i + to[0]), 100 * (j + to[1])
                    land[name] = (
                        parcel(x - 20, y + 5, x + 20, y + 30) if k == 0 else parcel(x + 5, y - 20, x + 30, y + 20)
                    )
    fed = [(0, 0), (7, 7)]
    plants = [(f"P{k}", point(200 * i, 200 * j), {"role": "source", "kind": "水厂"}) for k, (i, j) in enumerate(fed)]
    report = gisplan.check(zone(parcels(**land), water=layer(*rows, *plants), profile=WAYS))
    grades = report.cells[report.cells["service"] == "water"].set_index("parcel")["grade"]
    seen = set()
    for name in land:
        i, j, k = (int(c) for c in name[1:])
        a, b = (i, j), ((i + 1, j), (i, j + 1))[k]
        own = graph.copy()
        own.remove_edge(a, b)
        own.add_edges_from([(a, "here"), (b, "here")])
        tied = nx.DiGraph(own)
        tied.add_edges_from((joint, "sources", {"capacity": 9}) for joint in fed)
        nx.set_edge_attributes(tied, {e: 1 for e in tied.edges if e[1] != "sources"}, "capacity")
        flow = nx.maximum_flow_value(tied, "here", "sources")
        assert (grades[name] == "A") == (flow >= 2), name
        seen.add(flow)
    assert seen == {1, 2}


@pytest.mark.parametrize(
    ("said", "one", "two"), [("是", "D", "A"), ("否", "A", "A"), (None, "A", "A"), ("再议", "U", "A")]
)
def test_a_project_that_asks_dual_supply_gets_it_or_is_not_ready(said, one, two):
    """The profile only warns of a single source: for the parcel of such a project that decides."""
    whole = load("jiutong_classic")
    power = whole.service("power")
    kept = tuple(c for c in power.conditions if c.measure.kind in ("reach", "path", "attribute", "security"))
    assert [c.weight for c in kept if c.measure.name == "two_sources"] == ["warn"]
    station = {"role": "source", "kind": "变电站"}
    first, second = ("S", point(-200, 0), station), ("T", point(500, 0), station)
    main = [("M", line((-200, 0), (0, 0)), {"voltage_kv": 10}), ("N", line((0, 0), (500, 0)), {"voltage_kv": 10})]

    def judged(*stations, conditions=kept):
        projects = pd.DataFrame([{"project": "X", "parcel": "P", "dual_supply": said}])
        asks = replace(whole, id="toy", services=(replace(power, conditions=conditions),))
        land = parcels(P=parcel(10, 5, 90, 90))
        return gisplan.check(zone(land, power=layer(*stations, *main), profile=asks, projects=projects))

    report = judged(first)
    assert report.cells["grade"].tolist() == [one]
    assert ("changes no grade" in report.explain("P", "power", "en")) == (one == "A")
    assert judged(first, second).cells["grade"].tolist() == [two]
    blind = judged(first, conditions=tuple(c for c in kept if c.measure.kind != "security"))
    assert ("dual_unasked" in set(blind.issues["code"])) == (said in ("是", "再议"))


@pytest.mark.parametrize(("apart", "grade"), [(0.0, "D"), (0.05, "D"), (3.0, "A")])
def test_a_pipe_that_is_drawn_twice_is_one_way(apart, grade):
    """A loop from the plant back to it: both halves must lie apart to be two ways."""
    out, back = line((0, 0), (400, 0)), line((0, 0), (1, apart), (399, apart), (400, 0))
    water = layer(PLANT, ("a", out, DN), ("b", back, DN))
    cells = gisplan.check(zone(LAND, water=water, profile=WAYS)).cells
    assert cells[cells["service"] == "water"]["grade"].iloc[0] == grade
