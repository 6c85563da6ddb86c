"""What bears on one parcel: compared with what happens to it when each join is undone in turn."""

from __future__ import annotations

import pytest
from sketch import layer, line, parcel, parcels, point, zone

import gisplan
from gisplan.faults.concerns import concerns

SOURCE = {"role": "源", "kind": "水厂"}
SHAPES = {"near": (0, 20, 40, 60), "far": (220, 20, 260, 60), "ring": (420, 20, 460, 60), "dry": (0, 900, 40, 940)}


def town(**more):
    """A main of three parts with gaps of 0.2 m; the last part can also be reached by a second way without a gap.

    ::

        source --- W1 ---' '--- W2 ---' '--- W3 ---.
          |                                         |
          '------------------ W4 -------------------'   (only where `loop` is asked for)
    """
    loop = more.pop("loop")
    rows = [
        ("S", point(-10, 0), SOURCE),
        ("W1", line((-10, 0), (100, 0)), {"diameter_mm": 300}),
        ("W2", line((100.2, 0), (300, 0)), {"diameter_mm": 300}),
        ("W3", line((300.2, 0), (500, 0)), {"diameter_mm": 300}),
    ]
    if loop:
        rows.append(("W4", line((-10, 0), (-10, -500), (500, -500), (500, 0)), {"diameter_mm": 300}))
    return zone(parcels(**{name: parcel(*box) for name, box in SHAPES.items()}), water=layer(*rows), **more)


@pytest.mark.parametrize("loop", [False, True])
def test_a_join_bears_on_a_parcel_that_is_lost_without_it(loop):
    made = town(loop=loop)
    water = gisplan.check(made).readiness["water"]
    assert water.to_dict() == {"near": "A", "far": "A", "ring": "A", "dry": "D"}
    joins = made.network("water").guesses
    assert len(joins) == 2
    faults = made.faults[made.faults["code"] == "joined"]
    for name in SHAPES:
        lost = {
            frozenset((join.feature, join.other))
            for join in joins.itertuples()
            if gisplan.check(town(loop=loop, undo=[join.id])).readiness.loc[name, "water"] != water[name]
        }
        bearing = faults[faults["id"].isin(concerns(made.judged(), name))]
        assert {frozenset(pair) for pair in zip(bearing["feature"], bearing["other"], strict=True)} == lost, name
    # Both gaps are essential only without the loop: then the last part hangs on both.
    assert bool(len(faults[faults["hanging_mu"] > 0])) == (not loop)
