"""The table of faults: its order, its ids, its sentences."""

from __future__ import annotations

import numpy as np
from pyproj import CRS
from shapely import Point

from gisplan.faults.fault import COLUMNS, Found, table

SYSTEM = CRS("EPSG:4546")
NAMES = {"water": ("给水", "Water supply")}


def one(code: str, severity: str, feature: str, **numbers: float) -> Found:
    kept = {name: np.array([value]) for name, value in numbers.items()}
    texts = np.array([feature], dtype=object), np.array(["X"], dtype=object)
    shape = np.array([Point(0, 0)], dtype=object)
    return Found(code, severity, "water", np.array([0]), *texts, shape, {"distance": "1", "snap": "2"}, kept)


def test_land_comes_before_gravity_and_no_land_is_like_land_that_nobody_asked_for():
    found = [
        one("supply_apart", "info", "a"),
        one("supply_apart", "warning", "b", stranded_mu=0.0, hanging_mu=0.0),
        one("supply_apart", "error", "c"),
        one("supply_apart", "info", "d", hanging_mu=8000.0),
        one("supply_apart", "warning", "e", stranded_mu=0.0),
        one("supply_apart", "info", "f", stranded_mu=3.0),
        one("supply_apart", "warning", "g", stranded_mu=5.0, hanging_mu=1.0),
    ]
    ranked = table(found, NAMES, SYSTEM)
    assert tuple(ranked.columns) == COLUMNS
    assert "".join(ranked["feature"]) == "gfdcbea"


def test_an_id_depends_on_its_fault_only():
    few, more = one("supply_apart", "info", "a"), [one("supply_apart", "error", name) for name in "bc"]
    alone = table([few], NAMES, SYSTEM)
    among = table([*more, few], NAMES, SYSTEM)
    assert among.loc[among["feature"] == "a", "id"].tolist() == alone["id"].tolist()
    assert among["id"].is_unique


def test_nothing_found_is_an_empty_table():
    empty = table([], NAMES, SYSTEM)
    assert tuple(empty.columns) == COLUMNS and len(empty) == 0 and empty.crs == SYSTEM
