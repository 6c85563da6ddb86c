"""Lines that are drawn twice, overlap, have no length, or cross without a joint: by hand, and against brute force."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString
from sketch import CRS, layer, line, parcel, parcels, point, zone

from gisplan.faults.drawing.lines import lines_of
from gisplan.faults.drawing.meetings import ON_M, meet, neighbours
from gisplan.faults.fault import Found, table
from gisplan.zone import Zone

LAND = parcels(P1=parcel(0, 0, 300, 300))
FEED = ("S", point(0, -5), {"role": "源", "kind": "水厂"})


def water(*rows: tuple, **rest) -> Zone:
    """A zone with these water features and a source."""
    return zone(LAND, water=layer(FEED, *rows), **rest)


def pipe(feature: str, *points: tuple[float, float], **columns) -> tuple:
    return (feature, line(*points), columns)


def found(given: Zone, code: str, key: str = "water") -> list[Found]:
    return [f for f in lines_of(given.judged(), key) if f.code == code and len(f)]


def said(given: Zone, code: str, key: str = "water") -> list[tuple[str, str, str]]:
    """Severity, feature and other of every fault of a kind."""
    return [
        (f.severity, str(a), str(b))
        for f in found(given, code, key)
        for a, b in zip(f.feature, f.other, strict=True)
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------------- drawn twice

BENT = ((0, -5), (60, -5), (80, -25), (200, -25))


@pytest.mark.parametrize(
    ("copy", "twice"),
    [
        (BENT, True),
        (BENT[::-1], True),  # drawn backwards
        ([(x, y + 0.08) for x, y in BENT], True),  # a survey later
        ([(x + 0.15, y) for x, y in BENT], False),
        ([(0, -5), (30, -5), (60, -5), (80, -25), (140, -25), (200, -25)], True),  # with more vertices
        ([(0, -5), (60, -5), (200, -25)], False),  # same ends, another way
        (BENT[:3], False),  # a part is an overlap
    ],
)
def test_a_line_drawn_twice(copy, twice):
    given = water(pipe("W1", *BENT), pipe("W2", *copy))
    assert said(given, "line_twice") == ([("warning", "W2", "W1")] if twice else [])
    if twice:
        assert said(given, "line_overlap") == said(given, "crossing_bare") == []


def test_each_copy_is_named_beside_the_one_that_is_kept():
    """The first in the file is kept, unless another one is worth more."""
    given = water(pipe("A", *BENT), pipe("B", *BENT), pipe("C", *BENT[::-1]))
    assert sorted(said(given, "line_twice")) == [("warning", "B", "A"), ("warning", "C", "A")]
    given = water(pipe("A", *BENT, status="规划"), pipe("B", *BENT))
    assert said(given, "line_twice") == [("info", "A", "B")]


@pytest.mark.parametrize(
    ("one", "two", "severity"),
    [
        ({}, {}, "warning"),
        ({"diameter_mm": 300.0}, {"diameter_mm": 300.0}, "warning"),
        ({"diameter_mm": 300.0}, {}, "warning"),
        ({"diameter_mm": 300.0}, {"diameter_mm": 200.0}, "info"),  # two pipes in one trench
        ({"name": "甲线"}, {"name": "乙线"}, "info"),
        ({"status": "废弃"}, {}, ""),  # the new pipe lies where the old one lay
        ({"deck": "1"}, {}, ""),  # the one above the other
        ({"role": "空管"}, {}, ""),  # a cable in its duct
        ({"role": "空管"}, {"role": "空管"}, "warning"),
        ({"role": "支管"}, {}, "warning"),
    ],
)
def test_what_may_lie_in_one_trench(one, two, severity):
    given = water(pipe("M", (0, -5), (0, -20)), pipe("A", *BENT, **one), pipe("B", *BENT, **two))
    assert [s for s, *_ in said(given, "line_twice")] == ([severity] if severity else [])


def test_links_of_a_chain_are_no_copies():
    """Pieces of 8 cm, shorter than the distance within which points are one."""
    chain = [pipe(f"W{i}", (i * 0.08, -5), (i * 0.08 + 0.08, -5)) for i in range(6)]
    assert said(water(*chain), "line_twice") == []


def test_a_closed_ring_drawn_from_another_corner():
    ring = [(10, -10), (60, -10), (60, -60), (10, -60)]
    given = water(pipe("A", *ring, ring[0]), pipe("B", *ring[2:], *ring[:2], ring[2]))
    assert said(given, "line_twice") == [("warning", "B", "A")]


# ---------------------------------------------------------------------------------------------------- overlaps


@pytest.mark.parametrize(
    ("other", "length"),
    [
        ([(40, -5), (70, -5)], "30"),
        ([(70, -5), (40, -5)], "30"),
        ([(90, -5), (130, -5)], "10"),
        ([(40, -5), (40.6, -5)], "0.6"),
        ([(40, -5), (40.4, -5)], None),  # less than the profile's 0.5 m
        ([(30, -40), (30, -5), (50, -5), (50, -40)], "20"),  # in the middle
        ([(40, -5.005), (70, -5)], "30"),  # written to the centimetre
        ([(40, -5.03), (70, -5.03)], None),  # beside it
        ([(100, -5), (150, -5)], None),  # end to end
        ([(0, -5), (100, -6)], None),  # at a narrow angle: near it for a metre
        ([(20, -6), (120, -4)], None),  # across it at such an angle
    ],
)
def test_lines_that_overlap(other, length):
    given = water(pipe("W1", (0, -5), (100, -5)), pipe("W2", *other))
    assert [(f.severity, f.values["length"].tolist()) for f in found(given, "line_overlap")] == (
        [("warning", [length])] if length else []
    )
    if length:
        (one,) = found(given, "line_overlap")
        assert shapely.length(one.shape)[0] == pytest.approx(float(length), abs=0.01)
        assert shapely.hausdorff_distance(one.shape[0], given.layers["water"].geometry["W1"]) < 100
        assert one.shape[0].distance(given.layers["water"].geometry["W1"]) < 0.01


def test_the_shorter_and_the_one_worth_less_is_at_fault():
    short, long = ((40, -5), (70, -5)), ((0, -5), (100, -5))
    assert said(water(pipe("A", *short), pipe("B", *long)), "line_overlap") == [("warning", "A", "B")]
    given = water(pipe("A", *short), pipe("B", *long, status="规划"))
    assert said(given, "line_overlap") == [("info", "B", "A")]


def test_an_overlap_over_a_bend_is_one_fault():
    given = water(pipe("W1", *BENT), pipe("W2", (50, -5), (60, -5), (80, -25), (90, -25)))
    (one,) = found(given, "line_overlap")
    assert one.values["length"].tolist() == [f"{20 + 20 * math.sqrt(2):.2f}"]
    assert shapely.get_type_id(one.shape).tolist() == [1]


def test_roads_overlap_but_not_on_another_deck():
    one, two = ("R1", line((0, -5), (100, -5)), {}), ("R2", line((40, -5), (70, -5)), {})
    assert said(zone(LAND, road=layer(one, two)), "line_overlap", "road") == [("warning", "R2", "R1")]
    bridge = ("R2", two[1], {"deck": "1"})
    assert said(zone(LAND, road=layer(one, bridge)), "line_overlap", "road") == []


# ---------------------------------------------------------------------------------------------------- no length


def test_a_line_without_length_is_listed_at_its_own_id():
    """Reading sets the first aside; half a millimetre remains."""
    given = water(
        pipe("W1", (0, -5), (100, -5)), pipe("Z1", (50, -5), (50, -5)), pipe("Z2", (70, -5), (70.0005, -5)),
        pipe("W2", (80, -5), (80, -5.3)),
    )  # fmt: skip
    (one,) = found(given, "line_flat")
    assert one.feature.tolist() == ["Z1", "Z2"] and one.values["length"].tolist() == ["0", "0.0005"]
    assert one.row.tolist() == [-1, given.layers["water"].index.get_loc("Z2")]
    assert shapely.get_coordinates(one.shape).round(3).tolist() == [
        shapely.get_coordinates(point(x, -5))[0].round(3).tolist() for x in (50, 70)
    ]
    assert given.issues.query("code == 'set_aside'")["feature"].tolist() == ["Z1"]


def test_a_part_without_length():
    shape = shapely.MultiLineString([line((0, -5), (100, -5)), line((20, -9), (20, -9))])
    (one,) = found(water(("W1", shape, {})), "line_flat")
    assert one.feature.tolist() == ["W1"]


# ---------------------------------------------------------------------------------------------------- crossings

MAIN = ((0, -5), (200, -5))


@pytest.mark.parametrize(
    ("other", "severity"),
    [
        ([(100, -50), (100, 50)], "warning"),
        ([(100, -50), (100, -5), (100, 50)], "warning"),  # with a vertex where they cross
        ([(100, -50), (100, -5)], ""),  # ends on it
        ([(100, -50), (100, -4.7)], ""),  # stands over by less than the tolerance
        ([(100, -50), (100, -4)], "warning"),  # by more
        ([(101, -8), (90, -4.7)], ""),  # at an angle: the end lies a metre further along
        ([(100, -50), (90, -5), (80, -50)], "warning"),  # touches it with a bend
        ([(200, -50), (200, 50)], ""),  # the main ends on it
        ([(0, -5), (50, -40), (100, 40)], "info"),  # joined elsewhere
    ],
)
def test_a_crossing_without_a_joint(other, severity):
    given = water(pipe("W1", *MAIN), pipe("W2", *other))
    assert said(given, "crossing_bare") == ([(severity, "W2", "W1")] if severity else [])


def test_a_crossing_with_a_vertex_of_both_is_one_fault_where_they_cross():
    given = water(pipe("W1", (0, -5), (100, -5), (200, -5)), pipe("W2", (100, -50), (100, -5), (100, 50)))
    (one,) = found(given, "crossing_bare")
    assert one.shape[0].distance(point(100, -5)) < 1e-6


def test_every_crossing_of_two_lines_is_a_fault():
    zigzag = [(20, 20), (20, -30), (60, -30), (60, 20), (100, 20), (100, -30)]
    (one,) = found(water(pipe("W1", *MAIN), pipe("W2", *zigzag)), "crossing_bare")
    assert sorted(shapely.get_x(one.shape) - shapely.get_x(point(0, 0))) == pytest.approx([20, 60, 100])


@pytest.mark.parametrize(
    ("one", "two", "severity"),
    [
        ({"deck": "1"}, {}, ""),
        ({"deck": "1"}, {"deck": "1"}, "warning"),
        ({"status": "废弃"}, {}, ""),
        ({"role": "空管"}, {}, ""),
        ({"status": "规划"}, {}, "warning"),  # it would never be supplied
        ({"voltage_kv": 110.0}, {"voltage_kv": 10.0}, ""),  # do not join without a station
        ({"voltage_kv": 10.0}, {}, "warning"),
        ({"from_joint": "1", "to_joint": "2"}, {"from_joint": "3", "to_joint": "4"}, "info"),
    ],
)
def test_what_may_cross(one, two, severity):
    rows = [("L1", line(*MAIN), one), ("L2", line((100, -50), (100, 50)), two)]
    given = zone(LAND, power=layer(("S", point(0, -5), {"role": "电源", "kind": "变电站"}), *rows))
    assert [s for s, *_ in said(given, "crossing_bare", "power")] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("low", "size", "bare"),
    [(9.6, 300.0, False), (9.8, 300.0, True), (9.6, None, True), (None, 300.0, True), (10.8, 300.0, False)],
)
def test_sewers_that_pass_below_each_other(low, size, bare):
    """The main falls from 11 m to 9 m, and is at 10 m where the other crosses it, a quarter of the way along that."""
    outlet = ("O", point(200, -5), {"role": "源", "kind": "污水厂"})
    main = pipe("W1", *MAIN, invert_from_m=11.0, invert_to_m=9.0, diameter_mm=500.0, flow="+")
    levels = {} if low is None else {"invert_from_m": low + 0.1, "invert_to_m": low - 0.3}
    other = pipe("W2", (100, -25), (100, 55), diameter_mm=size, flow="+", **levels)
    given = zone(LAND, sewage=layer(outlet, main, other))
    assert bool(said(given, "crossing_bare", "sewage")) == bare


def test_a_planned_line_that_is_joined_may_pass_one_that_is_there():
    given = water(pipe("W1", *MAIN), pipe("W2", (0, -5), (50, -40), (100, 40), status="规划"))
    assert said(given, "crossing_bare") == []


def test_a_joint_elsewhere_does_not_make_a_joint_at_the_crossing():
    """They share a joint at 150, and cross at 100 all the same."""
    given = water(pipe("W1", *MAIN), pipe("W2", (100, 50), (100, -50), (150, -5)))
    assert said(given, "crossing_bare") == [("info", "W2", "W1")]


def test_roads_join_where_they_cross():
    rows = [("R1", line(*MAIN), {}), ("R2", line((100, -50), (100, 50)), {"deck": "1"})]
    rows += [("R3", line((150, -50), (150, 50)), {})]
    assert said(zone(LAND, road=layer(*rows)), "crossing_bare", "road") == []


# ---------------------------------------------------------------------------------------------------- brute force


def tangle(seed: int) -> list[LineString]:
    """Lines on a coarse grid, half of them along it, so that many touch, overlap and cross; simple ones only."""
    dice = random.Random(seed)
    out = []
    while len(out) < 36:
        along = dice.random() < 0.5
        spots = [(dice.randrange(10) * 5.0, dice.randrange(10) * 5.0)]
        for turn in range(dice.choice((1, 1, 2, 4))):
            x, y = dice.randrange(10) * 5.0, dice.randrange(10) * 5.0
            spots.append(((x, spots[-1][1]) if turn % 2 else (spots[-1][0], y)) if along else (x, y))
        one = LineString(spots)
        if one.is_simple and all(p != q for p, q in itertools.pairwise(spots)):
            out.append(one)
    return out


def slow_shared(one: LineString, two: LineString) -> float:
    """Length of what two lines share, by exact geometry."""
    parts = shapely.get_parts(shapely.intersection(one, two))
    return float(shapely.length(parts).sum())


def slow_crossings(one: LineString, two: LineString) -> set[tuple[float, float]]:
    """Places where stretches of two lines meet at an angle, by plain vectors, one pair after the other."""
    found = set()
    for (p, q), (r, s) in itertools.product(itertools.pairwise(one.coords), itertools.pairwise(two.coords)):
        dx, dy, ex, ey = q[0] - p[0], q[1] - p[1], s[0] - r[0], s[1] - r[1]
        turn = dx * ey - dy * ex
        if turn == 0:
            continue
        t = ((r[0] - p[0]) * ey - (r[1] - p[1]) * ex) / turn
        u = ((r[0] - p[0]) * dy - (r[1] - p[1]) * dx) / turn
        if -1e-9 <= t <= 1 + 1e-9 and -1e-9 <= u <= 1 + 1e-9:
            found.add((round(p[0] + t * dx, 4), round(p[1] + t * dy, 4)))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_meetings_agree_with_brute_force(seed):
    """On lines far from the origin, as surveys are, against plain vectors and exact geometry on the grid."""
    lines = tangle(seed)
    east, north = 500_000.0, 4_000_000.0
    moved = shapely.transform(np.array(lines, dtype=object), lambda xy: xy + np.array([east, north]))
    crossed, shared = meet(moved, neighbours(moved, ON_M))
    assert (crossed.a < crossed.b).all() and (shared.a < shared.b).all()
    over: dict[tuple[int, int], float] = {}
    for a, b, length in zip(shared.a, shared.b, shared.length_m, strict=True):
        over[a, b] = over.get((a, b), 0.0) + length
    at: dict[tuple[int, int], set[tuple[float, float]]] = {}
    for a, b, (x, y) in zip(crossed.a, crossed.b, crossed.xy, strict=True):
        at.setdefault((a, b), set()).add((round(x - east, 4), round(y - north, 4)))
    for (i, one), (j, two) in itertools.combinations(enumerate(lines), 2):
        assert at.get((i, j), set()) == slow_crossings(one, two), (i, j)
        assert over.get((i, j), 0.0) == pytest.approx(slow_shared(one, two), abs=1e-3), (i, j)
    assert len(at) > 100 and sum(length > 1 for length in over.values()) > 3


def test_portions_change_nothing(monkeypatch):
    lines = np.array(tangle(3), dtype=object)
    whole = meet(lines, neighbours(lines, ON_M))
    monkeypatch.setattr("gisplan.faults.drawing.meetings._AT_ONCE", 7)
    parts = meet(lines, neighbours(lines, ON_M))
    for one, two in zip(whole, parts, strict=True):
        key = [tuple(v) for v in zip(one.a, one.b, strict=True)]
        assert sorted(key) == sorted(zip(two.a, two.b, strict=True))
    assert sorted(whole[1].length_m) == sorted(parts[1].length_m)


# ---------------------------------------------------------------------------------------------------- the house


def test_the_order_of_other_features_does_not_change_what_is_named():
    rows = [
        pipe("W1", *MAIN),
        pipe("W2", *MAIN[::-1]),
        pipe("W3", (100, -50), (100, 50)),
        pipe("W4", (300, 0), (300, 9)),
    ]
    first = water(*rows)
    moved = water(rows[3], rows[0], rows[1], rows[2])
    for code in ("line_twice", "crossing_bare"):
        assert sorted(said(first, code)) == sorted(said(moved, code)) != []


def sentences(given: Zone, key: str, faults: Sequence[Found]) -> gpd.GeoDataFrame:
    service = given.profile.service(key)
    return table(faults, {key: (service.label.zh, service.label.en)}, given.survey.crs)


def test_the_sentences_say_what_and_where():
    given = water(
        pipe("W1", *MAIN), pipe("W2", *MAIN), pipe("W3", (40, -5), (52.5, -5)), pipe("W4", (150, -50), (150, 50)),
        pipe("Z", (9, 9), (9, 9)),
    )  # fmt: skip
    out = sentences(given, "water", lines_of(given.judged(), "water"))
    assert out.crs.to_epsg() == int(CRS.split(":")[1]) and not out["id"].duplicated().any()
    said = dict(zip(out["code"] + " " + out["feature"] + " " + out["other"], out["message_en"], strict=True))
    assert said["line_twice W2 W1"] == (
        "Water supply: W2 and W1 are one line drawn twice (200 m long, at most 0 m apart)."
    )
    assert said["line_overlap W3 W1"] == "Water supply: W3 and W1 lie on each other over 12.5 m."
    assert said["crossing_bare W4 W1"] == "Water supply: W4 and W1 cross without a joint and count as not connected."
    assert said["line_flat Z "] == "Water supply: Z is 0 m long, which is no line."
    assert not out[["message_zh", "message_en", "hint_zh", "hint_en"]].stack().str.contains("[{}]").any()


def test_a_layer_without_lines_or_with_one():
    given = zone(LAND, water=layer(FEED))
    assert sum(len(f) for f in lines_of(given.judged(), "water")) == 0
    assert sum(len(f) for f in lines_of(water(pipe("W1", *MAIN)).judged(), "water")) == 0
