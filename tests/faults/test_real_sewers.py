"""The checks of sewers on the embedded zone, whose story is known, and on a real town, read again without gisplan."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
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
    """北环路, street H52, is combined: the drains of the streets beside it end on it, and it leads on into H51."""
    assert listed(ganting, "cross_connected") == {
        ("YS-GT-V25-01", "YS-GT-H52-01"), ("YS-GT-H53-08", "YS-GT-H52-01"), ("YS-GT-H51-01", "YS-GT-H52-08"),
    }  # fmt: skip


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


TOLD = {
    "sewer_uphill": {("YS-GT-H25-03", "")},  # its flow and its inverts contradict each other
    "flow_reversed": set(),
    "size_shrinks": {("YS-GT-H23-01", "YS-GT-H24-08")},  # DN 1000 below DN 2400
    "invert_step": {("WS-GT-H26-03", "WS-GT-H26-02")},  # a step up at a manhole
    # Three streets of the north have an outfall of their own and meet a drain that leads south.
    "outlets_two": {
        ("YS-GT-V35-01", "YS-GT-H53-01"), ("YS-GT-V45-01", "YS-GT-H54-01"), ("YS-GT-V55-01", "YS-GT-H55-01"),
    },
}  # fmt: skip


@pytest.mark.parametrize("code", TOLD)
def test_nothing_is_wrong_with_the_sewers_of_ganting_but_what_its_story_tells(ganting: Zone, code: str) -> None:
    assert listed(ganting, code) == TOLD[code]


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
