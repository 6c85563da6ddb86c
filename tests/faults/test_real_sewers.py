"""The checks of sewers on the embedded zone, whose story is known, and on a real town, read again without gisplan."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from draining import found
from shared_data import shared

import gisplan
from gisplan.zone import Zone

ROOT = Path(__file__).parents[2]


def listed(given: Zone, code: str) -> set[tuple[str, str]]:
    """The faults of one kind as (feature, the other one)."""
    return {pair for f in found(given) if f.code == code for pair in zip(f.feature, f.other, strict=True)}


@pytest.fixture(scope="module")
def ganting() -> Zone:
    return gisplan.read(ROOT / "layers" / "ganting")


@pytest.fixture(scope="module")
def sewers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Zone, gpd.GeoDataFrame]:
    """The town as a zone, and its sewers as they stand in the file."""
    folder = tmp_path_factory.mktemp("santboi")
    for path in ROOT.glob("tests/santboi/*.toml"):
        shutil.copy(path, folder)
    for name in ("santboi.gpkg", "dem_5m.tif"):
        shutil.copy(shared("santboi") / name, folder)
    raw = gpd.read_file(folder / "santboi.gpkg", layer="sewer_pipe")
    return gisplan.read(folder), raw[raw["state"] != 0]


def test_ganting_leads_nowhere_where_its_story_says_so(ganting: Zone) -> None:
    """80 m of 纬一街 are missing (断头), and the road in the south (CQ) has no sewer beyond its last manhole."""
    ends = {feature for feature, _ in listed(ganting, "sink")}
    assert ends == {"YS-GT-H14-03", "WS-GT-H14-03", "YS-CQ-V32-06", "WS-CQ-V32-06"}


def test_the_combined_stretch_of_ganting_touches_storm_drains(ganting: Zone) -> None:
    """北环路, street H52, is combined: drains of other streets end on it or begin at it, by their joint numbers."""
    mains = ganting.layers["storm"]
    mains = mains[mains["role"] == "line"]
    joints = [frozenset(pair) for pair in zip(mains["from_joint"], mains["to_joint"], strict=True)]
    mixed = [
        (name, at) for name, at, kind in zip(mains.index, joints, mains["system"], strict=True) if kind == "combined"
    ]
    apart = [
        (name, at) for name, at, kind in zip(mains.index, joints, mains["system"], strict=True) if kind != "combined"
    ]
    touching = {(name, other) for name, at in apart for other, ends in mixed if at & ends}
    assert {name for name, _ in mixed} == {f"YS-GT-H52-0{k}" for k in range(1, 9)}
    assert listed(ganting, "cross_connected") == touching and len(touching) == 3


def test_on_one_street_of_ganting_the_manholes_stand_80_m_apart(ganting: Zone) -> None:
    """Pipes there run from manhole to manhole; they are measured here on their own."""
    far = {feature for feature, _ in listed(ganting, "manhole_far")}
    long = set()
    for key in ("storm", "sewage"):
        mains = ganting.layers[key]
        mains = mains[(mains["role"] == "line") & (mains["system"] != "combined" if key == "storm" else True)]
        limit = mains["diameter_mm"].map(lambda d: 75 if d <= 600 else 100 if d <= 1000 else 150 if d <= 1500 else 200)
        long |= set(mains.index[mains.geometry.length.round(2) > limit])
    assert far == long and len(far) == 12 and all("-H14-" in feature for feature in far)


@pytest.fixture(scope="module")
def runs(ganting: Zone) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The mains of both services turned as their water is said to run, and each with the ones behind it."""
    found = []
    for key in ("storm", "sewage"):
        mains = ganting.layers[key]
        mains = mains[(mains["role"] == "line") & mains["flow"].notna() & (mains["status"] != "abandoned")]
        mains = mains[mains["system"] != "combined"] if key == "storm" else mains
        back = mains["flow"] == "reverse"
        pairs = {"joint": ("from_joint", "to_joint"), "level": ("invert_from_m", "invert_to_m")}
        turned = pd.DataFrame({"id": mains.index.to_numpy(), "size": mains["diameter_mm"].to_numpy()})
        for name, (start, stop) in pairs.items():
            turned[f"{name}_up"] = mains[start].where(~back, mains[stop]).to_numpy()
            turned[f"{name}_down"] = mains[stop].where(~back, mains[start]).to_numpy()
        found.append(turned)
    mains = pd.concat(found, ignore_index=True)
    return mains, mains.merge(mains, left_on="joint_down", right_on="joint_up", suffixes=("", "_next"))


def test_what_is_wrong_with_the_sewers_of_ganting_is_what_its_columns_say(
    ganting: Zone, runs: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    """One drain whose flow and inverts contradict each other, one DN 1000 below a DN 2400, one step up, three forks."""
    mains, behind = runs
    rising = set(mains.loc[mains["level_down"] - mains["level_up"] > 0.02, "id"])
    assert {feature for feature, _ in listed(ganting, "sewer_uphill")} == rising and len(rising) == 1
    narrow = set(behind.loc[behind["size_next"] < behind["size"], "id_next"])
    assert {feature for feature, _ in listed(ganting, "size_shrinks")} == narrow and len(narrow) == 1
    steps = behind[behind["level_up_next"] - behind["level_down"] > 0.02]
    stepped = {frozenset(pair) for pair in zip(steps["id"], steps["id_next"], strict=True)}
    assert {frozenset(pair) for pair in listed(ganting, "invert_step")} == stepped and len(stepped) == 1
    leaving = mains.groupby("joint_up")["id"].agg(frozenset)
    forks = {ids for ids in leaving if len(ids) > 1}
    assert {frozenset(pair) for pair in listed(ganting, "outlets_two")} == forks and len(forks) == 3
    assert listed(ganting, "flow_reversed") == set()


def test_the_pipes_of_the_town_that_rise(sewers: tuple[Zone, gpd.GeoDataFrame]) -> None:
    """Two of the three are rising mains (arc_type PUMP_PIPE), which the zone file has no column for."""
    zone, raw = sewers
    up = raw[raw["elev2"] - raw["elev1"] > 0.02]
    assert {feature for feature, _ in listed(zone, "sewer_uphill")} == set(up["arc_id"].astype(str))
    assert sorted(up["arc_type"]) == ["CONDUIT", "PUMP_PIPE", "PUMP_PIPE"]


def test_the_joints_of_the_town_with_two_ways_out(sewers: tuple[Zone, gpd.GeoDataFrame]) -> None:
    zone, raw = sewers
    leaving = raw.groupby(["node_1", "state"])["arc_id"].agg(lambda ids: frozenset(ids.astype(str)))
    forks = {ids for ids in leaving if len(ids) > 1}
    pairs = listed(zone, "outlets_two")
    assert len(pairs) == len(forks) == 10
    assert all(any({*pair} <= ids for ids in forks) for pair in pairs)


def test_the_steps_of_the_town(sewers: tuple[Zone, gpd.GeoDataFrame]) -> None:
    zone, raw = sewers
    lowest = raw.sort_values(["elev1", "arc_id"]).drop_duplicates("node_1").set_index("node_1")
    leaving = raw["node_2"].map(lowest["elev1"])
    steps = raw[leaving - raw["elev2"] > 0.02]
    expected = {
        (str(lowest.loc[node, "arc_id"]), str(arc)) for node, arc in zip(steps["node_2"], steps["arc_id"], strict=True)
    }
    assert listed(zone, "invert_step") == expected and len(expected) == 7


@pytest.mark.parametrize("code", ["flow_reversed", "sink", "size_shrinks", "cross_connected"])
def test_what_the_town_has_none_of(sewers: tuple[Zone, gpd.GeoDataFrame], code: str) -> None:
    """Every one of its pipes leads on, and its sewers are combined: there is nothing to mix."""
    zone, raw = sewers
    ends = set(raw["node_2"]) - set(raw["node_1"])
    nodes = gpd.read_file(shared("santboi") / "santboi.gpkg", layer="sewer_node").set_index("node_id")["node_type"]
    assert set(nodes.loc[sorted(ends)]) <= {"WWTP", "OUT_MANHOLE"}
    assert listed(zone, code) == set()
