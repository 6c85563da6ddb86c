"""The land that hangs on joins and features, against undoing each join and walking each way, one at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sketch import layer, line, parcel, parcels, point, zone

import gisplan
from gisplan.faults.stakes import carried, connected, hanging
from gisplan.judging.judgement import judge
from gisplan.zone import Zone

STEP = 100.0
SEEDS = (0, 4, 5, 6, 7)


def random_zone(seed: int) -> Zone:
    """Draw pipes between the crossings of a grid, their ends a little off, some on the side of another pipe.

    Parcels of 50 × 50 m lie in the fields of the grid, with a gap of 25 m to the pipes round them; some reach several.
    """
    rng = np.random.default_rng(seed)
    size = 4
    off = rng.choice([0.0, 0.2, 0.6], p=[0.1, 0.8, 0.1])

    def near(x: float, y: float) -> tuple[float, float]:
        if rng.random() < 0.5:
            return x, y
        angle = rng.random() * 6.28
        return x + off * float(np.cos(angle)), y + off * float(np.sin(angle))

    def pipes(name: str, extra: dict[str, object]) -> list[tuple[str, object, dict[str, object]]]:
        spans = []
        for i in range(size):
            for j in range(size):
                ways = [(i - 1, j)] * (i > 0) + [(i, j - 1)] * (j > 0)
                rng.shuffle(ways)
                spans += [((i, j), tuple(way)) for at, way in enumerate(ways) if at == 0 or rng.random() < 0.2]
        rows = []
        for (i, j), (k, m) in spans:
            if rng.random() < 0.1:  # a long pipe that others meet on its side
                k, m = max(2 * k - i, 0), max(2 * m - j, 0)
            shape = line(near(i * STEP, j * STEP), near(k * STEP, m * STEP))
            role = {"role": "lateral"} if rng.random() < 0.15 else {}
            state = {"status": "规划"} if rng.random() < 0.03 else {}
            rows.append((f"{name}{len(rows)}", shape, {**extra, **role, **state}))
        return rows

    water = pipes("W", {"diameter_mm": 300})
    sewer = pipes("S", {"diameter_mm": 400, "flow": "digitised"})
    for at, (x, y) in enumerate([(0, 0), (300, 300)][: 1 + int(rng.random() < 0.3)]):
        water.append((f"WS{at}", point(*near(x, y)), {"role": "source", "kind": "水厂"}))
        sewer.append((f"SS{at}", point(*near(x, y)), {"role": "outfall", "kind": "污水处理厂"}))
    for at in range(4):
        i, j = rng.integers(0, size, 2)
        water.append((f"WB{at}", point(*near(i * STEP + 3, j * STEP)), {"role": "stub"}))
    for at in range(2):
        i, j = rng.integers(0, size, 2)
        opened = "关" if rng.random() < 0.15 else "开"
        water.append((f"WV{at}", point(*near(i * STEP, j * STEP)), {"role": "valve", "open": opened}))
    land = {}
    for i in range(size - 1):
        for j in range(size - 1):
            wide = 25 if rng.random() < 0.7 else 45
            x, y = (i + 0.5) * STEP, (j + 0.5) * STEP
            if wide < 45 and rng.random() < 0.3:
                x += 20
            land[f"P{i}{j}"] = parcel(x - wide, y - wide, x + wide, y + wide)
    return zone(parcels(**land), water=layer(*water), sewage=layer(*sewer), profile="jiutong_connection")


def served(made: Zone, key: str, *undo: str) -> set[str]:
    """The parcels that are A in one service when some joins are undone."""
    survey = replace(made.survey, layers={key: made.layers[key]}, undo=frozenset(undo))
    grade = judge(survey, made.date).connections[key].grade
    return set(made.parcels.index[grade == "A"])


@pytest.mark.parametrize("seed", SEEDS)
def test_what_hangs_on_a_join_is_what_is_lost_without_it(seed):
    made = random_zone(seed)
    judged = made.judged()
    mu = made.parcels["area_mu"]
    for key, land in hanging(judged).items():
        before = served(made, key)
        assert set(made.parcels.index[connected(judged, key)]) == before
        cells = gisplan.check(made).cells
        assert set(cells["parcel"][(cells["service"] == key) & (cells["grade"] == "A")]) == before
        guesses = judged.candidates[key].network.guesses
        for place, join in enumerate(guesses["id"]):
            lost = before - served(made, key, join)
            told = (int(land.parcels[place]), float(land.mu[place]))
            assert told == pytest.approx((len(lost), sum(mu[p] for p in lost))), (key, join, lost)


def test_a_closed_valve_that_loses_its_place_puts_the_nearest_line_in_doubt():
    """V, closed, 0.2 m off the end of A: without that join it lies on no line, and nobody knows whether A is open."""
    rows = layer(
        ("A", line((0, 0), (100, 0)), {"diameter_mm": 300}),
        ("B", line((0, 0), (0, 300)), {"diameter_mm": 300}),
        ("V", point(100.2, 0), {"role": "valve", "open": "关"}),
        ("S", point(0, 0), {"role": "source", "kind": "水厂"}),
    )
    made = zone(parcels(P1=parcel(70, 10, 90, 40), P2=parcel(-60, 250, -10, 290)), water=rows)
    (land,) = hanging(made.judged()).values()
    (join,) = made.network("water").guesses["id"]
    assert land.parcels.tolist() == [1] and served(made, "water") - served(made, "water", join) == {"P1"}
    assert land.mu.tolist() == pytest.approx([20 * 30 * 3 / 2000])


def test_some_joins_bear_land_and_some_do_not():
    """Unless both kinds occur the comparison above proves little."""
    counts = [n for seed in SEEDS for land in hanging(random_zone(seed).judged()).values() for n in land.parcels]
    assert sum(n > 0 for n in counts) > 15 and sum(n == 0 for n in counts) > 15 and max(counts) >= 3


@pytest.mark.parametrize("seed", range(12))
def test_what_a_feature_carries_is_what_walking_each_way_passes(seed):
    made = random_zone(seed)
    judged = made.judged()
    mu = made.parcels["area_mu"].to_numpy()
    for key, kept in judged.candidates.items():
        told = carried(judged, key)
        network, found = kept.network, judged.connections[key]
        way = kept.shut.way(0)
        lines = network.names.lines
        standing: dict[int, list[int]] = {}
        points = zip(network.names.rows[lines:], network.joined.point_joint, network.drawing.point_leaf, strict=True)
        for row, joint, leaf in points:
            if not leaf:
                standing.setdefault(int(joint), []).append(int(row))
        count, land = np.zeros(len(network.features)), np.zeros(len(network.features))
        for at in np.flatnonzero(connected(judged, key)):
            passed = {int(kept.row[found.candidate[at]])}
            joint = int(found.joint[at])
            while joint >= 0:
                passed.update(standing.get(joint, []))
                if way.piece[joint] >= 0:
                    passed.add(int(network.row[way.piece[joint]]))
                joint = int(way.next_joint[joint])
            count[list(passed)] += 1
            land[list(passed)] += mu[at]
        assert told.parcels.tolist() == count.tolist()
        assert told.mu == pytest.approx(land)
