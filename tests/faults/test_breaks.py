"""Breaks: what cuts land off, told apart, and the land behind each one, against zones drawn by hand and brute force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from sketch import layer, line, parcel, parcels, point, works, zone

from gisplan.faults.breaking.breaks import breaks
from gisplan.faults.fault import table
from gisplan.rules.profile import Profile, load
from gisplan.zone import Zone

MU = 2000 / 3
WATER = {"diameter_mm": 300}
PLANT = ("S", point(0, 0), {"role": "source", "kind": "water_plant"})
OUTFALL = ("S", point(0, 0), {"role": "source", "kind": "treatment_plant"})


@cache
def only(service: str) -> Profile:
    """The default profile with one service, so that nothing else takes time."""
    whole = load("jiutong_connection")
    return replace(whole, id="one", services=(whole.service(service),))


def drawn(service: str, land: gpd.GeoDataFrame, rows: Iterable[tuple[str, Any, dict[str, Any]]], **rest: Any) -> Zone:
    return zone(land, profile=only(service), **{service: layer(*rows)}, **rest)


def told(given: Zone, service: str) -> gpd.GeoDataFrame:
    """The breaks of a service by feature."""
    found = table(breaks(given.judged(), service), {service: (service, service)}, given.parcels.crs)
    return found[found["code"].str.startswith("break_")].set_index("feature")


def three(rows: list[tuple[str, Any, dict[str, Any]]], **rest: Any) -> pd.Series:
    """One break between a plant and a parcel of 10 mu at the far end."""
    land = parcels(P=parcel(300, 5, 400, 5 + 10 * MU / 100))
    found = told(drawn("water", land, [PLANT, *rows], **rest), "water")
    assert len(found) == 1
    row = found.iloc[0]
    assert row["stranded_parcels"] == 1
    assert row["stranded_mu"] == row["alone_mu"] == pytest.approx(10)
    return row


FAR = ("B", line((200, 0), (420, 0)), WATER)


def test_a_gap_of_the_drawing():
    row = three([("A", line((0, 0), (199.2, 0)), WATER), FAR])
    assert (row["code"], row["cause"], row["severity"]) == ("break_drawing", "drawing", "error")
    assert {row.name, row["other"]} == {"A", "B"}
    assert row["repair_m"] == row["build_m"] == row["gap_m"] == pytest.approx(0.8)
    assert row["geometry"].length == pytest.approx(0.8)
    assert "0.8 m" in row["message_zh"] and "0.8 m" in row["message_en"] and "10 亩" in row["message_zh"]


def test_a_gap_before_a_side():
    row = three([("A", line((0, 0), (0, -90), (199.1, -90), (199.1, 90)), WATER), FAR])
    assert row["code"] == "break_drawing" and row["repair_m"] == pytest.approx(0.9)
    assert {row.name, row["other"]} == {"A", "B"}


def test_a_crossing_without_a_joint():
    row = three([("A", line((0, 0), (0, -90), (210, -90), (210, 90)), WATER), FAR])
    assert row["code"] == "break_drawing" and row["repair_m"] == 0 and row["geometry"] == point(210, 0)


def test_a_gap_at_the_source_itself():
    row = three([("A", line((0.7, 0), (200, 0)), WATER), FAR])
    assert row["code"] == "break_drawing" and {row.name, row["other"]} == {"S", "A"}


def test_a_missing_main():
    row = three([("A", line((0, 0), (20, 0)), WATER), ("B", line((400, 0), (420, 0)), WATER)])
    assert (row["code"], row["cause"]) == ("break_missing", "missing")
    assert row["build_m"] == pytest.approx(380)
    assert np.isnan(row["repair_m"])
    assert "380 m" in row["message_zh"] and "380 m" in row["message_en"]


def test_a_gap_of_three_metres_may_be_either():
    row = three([("A", line((0, 0), (197, 0)), WATER), FAR])
    assert row["code"] == "break_missing" and row["build_m"] == row["repair_m"] == pytest.approx(3)


def test_a_closed_valve():
    valve = ("V", point(200, 0), {"role": "valve", "open": "关"})
    row = three([("A", line((0, 0), (200, 0)), WATER), FAR, valve])
    assert (row.name, row["other"], row["code"], row["cause"]) == ("V", "B", "break_valve", "valve")
    assert row["repair_m"] == 0 and row["geometry"] == point(200, 0)


def test_a_valve_of_which_nothing_is_known():
    valve = ("V", point(200, 0), {"role": "valve", "open": "锈死"})
    assert three([("A", line((0, 0), (200, 0)), WATER), FAR, valve])["code"] == "break_valve"


@pytest.mark.parametrize("status", ["在建", "待查", "规划", "废弃"])
def test_a_stretch_that_does_not_operate(status):
    middle = ("M", line((100, 0), (200, 0)), {**WATER, "status": status})
    row = three([("A", line((0, 0), (100, 0)), WATER), middle, FAR])
    assert (row.name, row["other"], row["code"], row["cause"]) == ("M", "B", "break_status", "status")
    assert row["build_m"] == pytest.approx(100)


def test_a_plant_that_is_being_built():
    land = parcels(P=parcel(300, 5, 400, 5 + 10 * MU / 100))
    plant = ("S", point(0, 0), {"role": "source", "kind": "water_plant", "status": "在建", "works": "W"})
    todo = works({"works": "W", "phase": "施工", "planned_on": "2027-05-01"})
    found = told(drawn("water", land, [plant, ("A", line((0, 0), (420, 0)), WATER)], works=todo), "water")
    assert found.index.tolist() == ["S"] and found.loc["S", "code"] == "break_status"
    assert found.loc["S", "alone_mu"] == pytest.approx(10)


def sewers(*rows: tuple[str, Any, dict[str, Any]]) -> gpd.GeoDataFrame:
    land = parcels(P=parcel(300, 5, 400, 5 + 10 * MU / 100))
    return told(drawn("sewage", land, [OUTFALL, *rows]), "sewage")


def sewer(name: str, *stops: tuple[float, float], **more: Any) -> tuple[str, Any, dict[str, Any]]:
    return name, line(*stops), {**WATER, "flow": "forward", **more}


@pytest.mark.parametrize("flow", ["reverse", None])
def test_a_sewer_that_flows_the_wrong_way(flow):
    found = sewers(
        sewer("B", (420, 0), (200, 0)), sewer("M", (200, 0), (100, 0), flow=flow), sewer("A", (100, 0), (0, 0))
    )
    assert found.index.tolist() == ["M"] and found.loc["M", "cause"] == "flow"
    assert found.loc["M", "alone_mu"] == found.loc["M", "stranded_mu"] == pytest.approx(10)
    assert found.loc["M", "repair_m"] == 0


def test_a_street_that_drains_into_nothing_lacks_its_next_stretch():
    """Its upper end lies nearer to a working sewer than its lower end, but water does not run uphill."""
    found = sewers(sewer("A", (100, 0), (0, 0)), sewer("K", (400, 10), (420, 300), (0, 300), (0, 0)),
                   sewer("B", (400, 0), (300, 0)), sewer("C", (300, 0), (250, 0)))  # fmt: skip
    assert found.index.tolist() == ["C"]
    assert found.loc["C", "code"] == "break_missing" and found.loc["C", "build_m"] == pytest.approx(150)


def test_what_lies_behind_two_breaks_needs_both():
    """Plant – valve – 20 mu – gap – 10 mu: the valve strands 30 and alone brings 20; the gap strands 10, alone none."""
    land = parcels(P=parcel(120, 5, 180, 5 + 20 * MU / 60), Q=parcel(320, 5, 380, 5 + 10 * MU / 60))
    rows = [
        PLANT,
        ("A", line((0, 0), (50, 0)), WATER),
        ("V", point(50, 0), {"role": "valve", "open": "关"}),
        ("B", line((50, 0), (220, 0)), WATER),
        ("C", line((220.9, 0), (400, 0)), WATER),
    ]
    found = told(drawn("water", land, rows), "water")
    assert found.index.tolist()[0] == "V"
    gap = found[found["code"] == "break_drawing"].iloc[0]
    assert found.loc["V", "stranded_mu"] == pytest.approx(30) and found.loc["V", "alone_mu"] == pytest.approx(20)
    assert found.loc["V", "stranded_parcels"] == 2
    assert gap["stranded_mu"] == pytest.approx(10) and gap["alone_mu"] == 0


def test_land_that_two_parts_could_serve_is_stranded_by_neither_alone():
    land = parcels(P=parcel(100, 5, 200, 5 + 10 * MU / 100))
    rows = [
        PLANT,
        ("A", line((0, 0), (0, 80)), WATER),
        ("B", line((0.9, 0), (250, 0)), WATER),
        ("C", line((0.9, 80), (250, 80)), WATER),
    ]
    found = told(drawn("water", land, rows), "water")
    assert found["code"].tolist() == ["break_drawing"] * 2
    assert found["stranded_mu"].tolist() == [0, 0] and found["alone_mu"].tolist() == pytest.approx([10, 10])
    assert set(found["severity"]) == {"warning"}


def test_land_that_would_not_be_served_anyway_is_not_stranded():
    """Too small a main; a barrier in between; a decision that the service does not apply."""
    land = parcels(P=parcel(300, 5, 400, 70))
    rows = [PLANT, ("A", line((0, 0), (199.2, 0)), WATER)]
    small = told(drawn("water", land, [*rows, ("B", line((200, 0), (420, 0)), {"diameter_mm": 50})]), "water")
    assert small["stranded_mu"].tolist() == [0]
    fence = gpd.GeoDataFrame({"feature": ["F"], "kind": ["rail"]}, geometry=[line((250, 2), (450, 2))], crs=land.crs)
    barred = told(drawn("water", land, [*rows, FAR], barriers=fence), "water")
    assert barred["stranded_mu"].tolist() == [0]


@pytest.mark.parametrize(("diameter", "mu"), [(300, 10), (50, 0)])
def test_a_branch_drawn_short_of_its_main_counts_by_the_size_of_that_main(diameter, mu):
    """The parcel lies 80 m from the main; its branch, with a connection stub, ends 0.8 m before the main."""
    land = parcels(P=parcel(300, 80, 400, 80 + 10 * MU / 100))
    rows = [
        PLANT,
        ("A", line((0, 0), (200, 0)), {"diameter_mm": 300}),
        ("B", line((200, 0), (420, 0)), {"diameter_mm": diameter}),
        ("K", line((350, 0.8), (350, 82)), {"role": "lateral", "diameter_mm": 100}),
        ("J", point(350, 82), {"role": "stub"}),
    ]
    found = told(drawn("water", land, rows), "water")
    assert found["code"].tolist() == ["break_drawing"]
    assert found["stranded_mu"].tolist() == found["alone_mu"].tolist() == pytest.approx([mu])
    whole = [("K", line((350, 0), (350, 82)), c) if name == "K" else (name, shape, c) for name, shape, c in rows]
    assert served(land, whole, "water") == ({"P"} if mu else set())


def test_where_nothing_is_known_of_the_source_nothing_is_called_a_break():
    land = parcels(P=parcel(300, 5, 400, 70))
    assert told(drawn("water", land, [("A", line((0, 0), (420, 0)), WATER)]), "water").empty


def test_a_line_in_service_that_only_a_dead_line_joins():
    middle = ("M", line((100, 0), (200, 0)), {**WATER, "status": "废弃"})
    aside = ("N", line((0, 50), (100, 50)), {**WATER, "status": "废弃"})
    land = parcels(P=parcel(300, 5, 400, 70))
    given = drawn("water", land, [PLANT, ("A", line((0, 0), (100, 0)), WATER), middle, aside, FAR])
    found = table(breaks(given.judged(), "water"), {"water": ("给水", "Water")}, given.parcels.crs).set_index("feature")
    assert found.loc["N", "code"] == "abandoned"
    assert set(found.loc[["M"], "code"]) == {"abandoned_bearing", "break_status"}
    bearing = found[found["code"] == "abandoned_bearing"].iloc[0]
    assert bearing["other"] == "B"


# ------------------------------------------------------------------------------------------------------ brute force


def spoiled(seed: int, service: str) -> tuple[gpd.GeoDataFrame, list[tuple[str, Any, dict[str, Any]]]]:
    """A small network, some of whose lines were drawn short, closed, turned round or never built."""
    rng = np.random.default_rng(seed)
    directed = service == "sewage"
    spots = {(i, j): (i * 120 + rng.uniform(-8, 8), j * 120 + rng.uniform(-8, 8)) for i in range(4) for j in range(3)}
    spots[0, 0] = (0.0, 0.0)
    edges = [((i, j), (i - 1, j)) for i, j in spots if i] + [((0, j), (0, j - 1)) for j in range(3) if j]
    if not directed:
        more = [((i, j), (i, j - 1)) for i, j in spots if i and j]
        edges += [more[k] for k in rng.choice(len(more), 2, replace=False)]
    rows: list[tuple[str, Any, dict[str, Any]]] = [OUTFALL if directed else PLANT]
    for n, (far, near) in enumerate(edges):
        a, b = np.array(spots[far]), np.array(spots[near])
        way = (b - a) / np.hypot(*(b - a))
        name, columns = f"L{n:02d}", {**WATER, "flow": "forward"}
        fate = rng.choice(["well", "short", "valve", "status", "flow", "missing", "small"],
                          p=[0.44, 0.14, 0.12, 0.12, 0.1, 0.05, 0.03])  # fmt: skip
        if fate == "missing":
            continue
        if fate == "short":
            b = b - way * rng.uniform(0.6, 0.95)
        elif fate == "valve":
            middle = tuple((a + b) / 2)
            rows.append((f"V{n:02d}", point(*middle), {"role": "valve", "open": str(rng.choice(["关", "锈死"]))}))
        elif fate == "status":
            columns["status"] = str(rng.choice(["在建", "待查", "规划", "废弃"]))
        elif fate == "flow" and directed:
            columns["flow"] = str(rng.choice(["reverse", "blank"]))
            columns["flow"] = None if columns["flow"] == "blank" else columns["flow"]
        elif fate == "small":
            columns["diameter_mm"] = 50
        rows.append((name, line(tuple(a), tuple(b)), columns))
    boxes = {}
    for i in range(3):
        for j in range(2):
            x0, y0 = i * 120 + rng.uniform(15, 40), j * 120 + rng.uniform(15, 40)
            boxes[f"P{i}{j}"] = parcel(x0, y0, x0 + rng.uniform(20, 60), y0 + rng.uniform(20, 60))
    for i in range(4):
        x0 = i * 120 + rng.uniform(-40, 0)
        boxes[f"N{i}"] = parcel(x0, 260, x0 + rng.uniform(20, 60), 260 + rng.uniform(5, 60))
    return parcels(**boxes), rows


def mend(
    rows: list[tuple[str, Any, dict[str, Any]]], faults: gpd.GeoDataFrame
) -> list[tuple[str, Any, dict[str, Any]]]:
    """Mend some breaks in the data, as a person would."""
    out = {name: (shape, dict(columns)) for name, shape, columns in rows}
    for n, (feature, fault) in enumerate(faults.iterrows()):
        if fault["cause"] == "drawing" and fault["geometry"].geom_type == "Point":
            out[f"X{n}"] = fault["geometry"], {"role": "joint"}
        elif fault["cause"] in ("drawing", "missing"):
            # A stretch that is too small to serve a parcel itself.
            out[f"X{n}"] = fault["geometry"], {"diameter_mm": 50, "flow": "both"}
        elif fault["cause"] == "valve":
            out[feature][1]["open"] = "开"
        elif fault["cause"] == "status":
            out[feature][1]["status"] = "现状"
        else:
            turned = {"reverse": "forward", None: "forward", "forward": "reverse"}
            out[feature][1]["flow"] = turned[out[feature][1]["flow"]]
    return [(name, shape, columns) for name, (shape, columns) in out.items()]


def served(land: gpd.GeoDataFrame, rows: list[tuple[str, Any, dict[str, Any]]], service: str) -> set[str]:
    judged = drawn(service, land, rows).judged()
    return set(judged.survey.parcels.index[judged.connections[service].grade == "A"])


@pytest.mark.parametrize("service", ["water", "sewage"])
@pytest.mark.parametrize("seed", range(5))
def test_brute_force_agrees_on_the_land(service, seed):
    """Each break is mended in the data alone, and all but it, and the zone is judged anew."""
    land, rows = spoiled(seed, service)
    given = drawn(service, land, rows)
    found = told(given, service)
    area = given.parcels["area_mu"]
    today, whole = served(land, rows, service), served(land, mend(rows, found), service)
    for place in range(len(found)):
        one = np.arange(len(found)) == place
        alone = served(land, mend(rows, found[one]), service) - today
        lost = whole - served(land, mend(rows, found[~one]), service)
        row = found.iloc[place]
        assert row["alone_mu"] == pytest.approx(area[sorted(alone)].sum()), (row.name, sorted(alone))
        assert row["stranded_mu"] == pytest.approx(area[sorted(lost)].sum()), (row.name, sorted(lost))
        assert row["stranded_parcels"] == len(lost)
