"""Points on no line, points drawn twice, ids used twice, and dead ends at the edge of the survey."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
import shapely
from sketch import layer, line, parcel, parcels, point, zone

from gisplan.faults.drawing.devices import devices
from gisplan.faults.drawing.edges import edges
from gisplan.faults.fault import Found, table
from gisplan.zone import Zone

LAND = parcels(P1=parcel(0, 0, 300, 300))
SOURCE = ("S", point(0, -5), {"role": "源", "kind": "水厂"})
MAIN = ("W1", line((0, -5), (200, -5)), {})


def water(*rows: tuple, **rest) -> Zone:
    """A zone with a source, a main of 200 m, and these features."""
    return zone(LAND, water=layer(SOURCE, MAIN, *rows), **rest)


def found(given: Zone, code: str, key: str = "water") -> list[Found]:
    judged = given.judged()
    return [f for f in (*devices(judged, key), *edges(judged)) if f.code == code and f.layer == key and len(f)]


def said(given: Zone, code: str, key: str = "water") -> list[tuple[str, str, str]]:
    """Severity, feature and other of every fault of a kind."""
    faults = found(given, code, key)
    return [(f.severity, str(a), str(b)) for f in faults for a, b in zip(f.feature, f.other, strict=True)]


# ---------------------------------------------------------------------------------------------------- on no line


@pytest.mark.parametrize(
    ("role", "severity"),
    [
        ("阀门", "warning"),
        ("消防栓", "warning"),
        ("泵", "warning"),
        ("接口", "warning"),
        ("源", "warning"),
        ("检查井", "info"),
        ("节点", "info"),
    ],
)
@pytest.mark.parametrize(("off", "apart"), [(0.0, False), (0.5, False), (0.51, True), (3.0, True)])
def test_a_point_on_no_line(role, severity, off, apart):
    """The profile's tolerance is 0.5 m."""
    given = water(("V", point(100, -5 - off), {"role": role, "kind": "水厂" if role == "源" else None}))
    assert said(given, "device_apart") == ([(severity, "V", "W1")] if apart else [])
    if apart:
        (one,) = found(given, "device_apart")
        assert one.numbers["gap_m"].tolist() == pytest.approx([off])
        assert one.values["gap"].tolist() == [f"{off:g}"] and one.values["snap"].tolist() == ["0.5"]
        assert one.shape[0].equals(given.layers["water"].geometry["V"])


@pytest.mark.parametrize(
    ("line_says", "point_says", "apart"),
    [
        ({"status": "规划"}, {}, False),
        ({"status": "废弃"}, {}, False),  # lies on the old pipe
        ({"role": "空管"}, {}, False),  # a shaft of a duct
        ({}, {"status": "废弃"}, False),
        (
            {"from_joint": "7", "to_joint": "8"},
            {"from_joint": "7"},
            False,
        ),  # joined by its number, wherever it is drawn
    ],
)
def test_on_what_a_point_may_lie(line_says, point_says, apart):
    off = 40.0 if "from_joint" in point_says or "status" in point_says else 0.0
    rows = [("W2", line((0, -60), (200, -60)), line_says), ("V", point(0, -60 - off), {"role": "检查井", **point_says})]
    assert bool(said(water(*rows), "device_apart")) == apart


def test_a_closed_valve_on_no_line_is_named():
    assert said(water(("V", point(9, -9), {"role": "阀门", "open": "关"})), "device_apart") == [("warning", "V", "W1")]


def test_without_lines_nothing_is_apart():
    assert said(zone(LAND, water=layer(SOURCE)), "device_apart") == []


# ---------------------------------------------------------------------------------------------------- drawn twice


@pytest.mark.parametrize(
    ("role", "off", "twice"),
    [("阀门", 0.0, True), ("阀门", 0.09, True), ("阀门", 0.11, False), ("检查井", 0.0, False)],
)
def test_a_point_drawn_twice(role, off, twice):
    given = water(("V1", point(50, -5), {"role": "阀门"}), ("V2", point(50 + off, -5), {"role": role}))
    assert said(given, "point_twice") == ([("warning", "V2", "V1")] if twice else [])
    if twice:
        assert found(given, "point_twice")[0].numbers["gap_m"].tolist() == pytest.approx([off], abs=1e-6)


def test_three_at_one_place_and_one_that_is_gone():
    spot = point(50, -5)
    rows = [(f"H{i}", spot, {"role": "消防栓"}) for i in range(3)]
    given = water(*rows, ("H9", spot, {"role": "消防栓", "status": "废弃"}))
    assert said(given, "point_twice") == [("warning", "H1", "H0"), ("warning", "H2", "H0")]


@pytest.mark.parametrize("seed", range(3))
def test_points_twice_agree_with_brute_force(seed):
    dice = random.Random(seed)
    spots = [(dice.randrange(12) * 0.06, dice.randrange(12) * 0.06, dice.choice(("阀门", "节点"))) for _ in range(40)]
    given = water(*((f"V{i:02d}", point(50 + x, -5 + y), {"role": role}) for i, (x, y, role) in enumerate(spots)))
    first = list(range(40))
    for _ in spots:  # the first of all that hang together
        for i, (x, y, role) in enumerate(spots):
            for j, (u, v, other) in enumerate(spots):
                if role == other and ((x - u) ** 2 + (y - v) ** 2) ** 0.5 <= 0.1 + 1e-9:
                    first[i] = first[j] = min(first[i], first[j])
    expected = {(f"V{i:02d}", f"V{k:02d}") for i, k in enumerate(first) if i != k}
    assert {pair[1:] for pair in said(given, "point_twice")} == expected != set()


# ---------------------------------------------------------------------------------------------------- ids


def test_an_id_used_twice_is_one_fault():
    given = water(
        ("W1", line((0, -40), (50, -40)), {}), ("V", point(50, -5), {"role": "阀门"}),
        ("W1", point(60, -5), {"role": "阀门"}),
    )  # fmt: skip
    (one,) = found(given, "id_twice")
    assert said(given, "id_twice") == [("warning", "W1", "")] and one.values["count"].tolist() == [3]
    assert shapely.get_num_geometries(one.shape).tolist() == [3]
    assert one.row.tolist() == [1]


def test_the_parts_of_one_feature_share_its_id():
    two = shapely.MultiLineString([line((0, -40), (50, -40)), line((60, -40), (90, -40))])
    assert said(water(("W2", two, {})), "id_twice") == []
    given = water(("W2", two, {}), ("W2", two, {}))
    assert said(given, "id_twice") == [("warning", "W2", "")]
    assert found(given, "id_twice")[0].values["count"].tolist() == [2]


def test_ids_of_other_services_are_their_own():
    given = zone(LAND, water=layer(SOURCE, MAIN), gas=layer(SOURCE, MAIN))
    assert said(given, "id_twice") == said(given, "id_twice", "gas") == []


@pytest.mark.parametrize("seed", range(3))
def test_ids_agree_with_a_count(seed):
    dice = random.Random(seed)
    rows, features = [], Counter()
    for i in range(40):
        name = f"F{dice.randrange(25)}"
        parts = [line((i, -50 - 2 * k), (i + 5, -50 - 2 * k)) for k in range(dice.choice((1, 1, 2, 3)))]
        rows.append((name, parts[0] if len(parts) == 1 else shapely.MultiLineString(parts), {}))
        features[name] += 1
    (one,) = found(water(*rows), "id_twice")
    counted = {k: v for k, v in features.items() if v > 1}
    assert dict(zip(one.feature.tolist(), one.values["count"].tolist(), strict=True)) == counted != {}
    assert shapely.get_num_geometries(one.shape).tolist() == one.values["count"].tolist()


# ---------------------------------------------------------------------------------------------------- the edge


@pytest.mark.parametrize(
    ("end", "edge"),
    [
        ((320, -5), True),  # runs out of the zone
        ((290, -5), True),  # ends beside the last 10 m of the parcel
        ((270, -5), False),  # 30 m before its corner: there is land ahead
        ((150, -5), False),
    ],
)
def test_a_dead_end_at_the_edge(end, edge):
    """The profile says 20 m."""
    given = zone(LAND, water=layer(SOURCE, ("W1", line((0, -5), end), {})))
    assert said(given, "dangle_edge") == ([("info", "W1", "")] if edge else [])
    if edge:
        (one,) = found(given, "dangle_edge")
        assert one.shape[0].equals(point(*end))
        assert one.values["near"] == ["20"]


@pytest.mark.parametrize(
    "cap",
    [
        ("X", point(320, -5), {"role": "阀门"}),
        ("X", point(320, -5), {"role": "消防栓"}),
        ("X", point(320, -5), {"role": "接口"}),
        ("X", point(320, -5), {"role": "源", "kind": "水厂"}),
        ("X", line((320, -5), (320, 100)), {}),  # goes on, and ends beside the land
    ],
)
def test_an_end_that_is_none(cap):
    given = zone(LAND, water=layer(SOURCE, ("W1", line((0, -5), (320, -5)), {}), cap))
    assert "W1" not in [feature for _, feature, _ in said(given, "dangle_edge")]


@pytest.mark.parametrize(
    ("x", "y", "edge"),
    [(430, 0, False), (3000, 0, False), (-2000, 0, True), (430, 64, False), (430, 66, True), (330, 0, True)],
)
def test_what_another_survey_shows_ahead(x, y, edge):
    """From 20 m ahead as far as anything was surveyed, 20 m to both sides; a manhole alone does not end a line."""
    gas = layer(("G1", line((x, y - 50), (x, y + 50)), {}))
    given = zone(LAND, water=layer(SOURCE, ("W1", line((0, -5), (320, -5)), {})), gas=gas)
    assert bool(said(given, "dangle_edge")) == edge
    rows = [SOURCE, ("W1", line((0, -5), (320, -5)), {}), ("K", point(320, -5), {"role": "检查井"})]
    assert bool(said(zone(LAND, water=layer(*rows), gas=gas), "dangle_edge")) == edge


@pytest.mark.parametrize("seed", range(4))
def test_the_edge_agrees_with_brute_force(seed):
    """Bars at random ahead of a star of lines; what lies ahead is found bar by bar on a ray of 10 km."""
    dice = random.Random(seed)
    ends = [(500 + 60 * math.cos(a), 500 + 60 * math.sin(a)) for a in (0.2 + 0.5 * k for k in range(12))]
    rows = [SOURCE, *((f"W{k}", line((500, 500), end), {}) for k, end in enumerate(ends))]
    bars = []
    for k in range(7):
        far, turn = dice.choice((90, 200, 400, 900, 2500)), dice.uniform(0, 2 * math.pi)
        x, y = 500 + far * math.cos(turn), 500 + far * math.sin(turn)
        bars.append((f"G{k}", line((x, y), (x + dice.uniform(-60, 60), y + dice.uniform(-60, 60))), {}))
    free = set()
    for k, (x, y) in enumerate(ends):
        dx, dy = (x - 500) / 60, (y - 500) / 60
        ray = line((x + 40 * dx, y + 40 * dy), (x + 10_000 * dx, y + 10_000 * dy))
        shapes = [*LAND.geometry, *(bar[1] for bar in bars)]
        if min(ray.distance(shape) for shape in shapes) > 20:
            free.add(f"W{k}")
    given = zone(LAND, water=layer(*rows), gas=layer(*bars))
    assert {feature for _, feature, _ in said(given, "dangle_edge")} == free
    assert 0 < len(free) < 12


@pytest.mark.parametrize(
    ("columns", "edge"),
    [({"role": "支管"}, False), ({"status": "废弃"}, False), ({"status": "规划"}, True), ({"role": "空管"}, False)],
)
def test_whose_end_matters(columns, edge):
    given = water(("W2", line((200, -5), (320, -5)), columns))
    assert ("W2" in [feature for _, feature, _ in said(given, "dangle_edge")]) == edge


@pytest.mark.parametrize(("flow", "edge"), [("+", False), ("-", True), (None, True)])
def test_a_sewer_matters_where_it_leaves(flow, edge):
    """Drawn from the edge inwards: with the flow it begins there, against it it leaves the survey there."""
    rows = [("K", line((320, -5), (0, -5)), {"flow": flow}), ("O", point(0, -5), {"role": "源", "kind": "污水厂"})]
    assert bool(said(zone(LAND, sewage=layer(*rows)), "dangle_edge", "sewage")) == edge


def test_both_ends_of_a_line_are_two_faults():
    given = zone(LAND, water=layer(("W1", line((-60, -5), (360, -5)), {})))
    assert said(given, "dangle_edge") == [("info", "W1", ""), ("info", "W1", "")]


def test_the_sentences_say_what_and_where():
    given = water(
        ("V", point(100, -8.5), {"role": "阀门"}), ("H1", point(50, -5), {"role": "消防栓"}),
        ("H2", point(50.04, -5), {"role": "消防栓"}), ("H2", point(90, -5), {"role": "消防栓"}),
        ("W2", line((200, -5), (320, -5)), {}),
    )  # fmt: skip
    judged = given.judged()
    name = given.profile.service("water").label
    out = table([*devices(judged, "water"), *edges(judged)], {"water": (name.zh, name.en)}, given.survey.crs)
    assert set(out["message_en"]) == {
        "Water supply: V lies on no line; the nearest, W1, is 3.5 m away (tolerance 0.5 m).",
        "Water supply: H2 and H1 are two points of one kind only 0.04 m apart.",
        "Water supply: 2 features have the id H2.",
        "Water supply: W2 ends at the edge of the survey: nothing was surveyed further than 20 m ahead, and the "
        "network may go on outside.",
    }
    assert not out[["message_zh", "message_en", "hint_zh", "hint_en"]].stack().str.contains("[{}]").any()
