"""The register: every fault once, ranked by land, and every fault among the issues."""

from __future__ import annotations

import numpy as np
import pytest
from sketch import layer, line, parcel, parcels, point, zone

import gisplan
from gisplan.base.issues import COLUMNS as RECORDS
from gisplan.base.labels import codes
from gisplan.faults.fault import COLUMNS
from gisplan.faults.register import records
from gisplan.zone import Zone

MU = 2000 / 3


@pytest.fixture(scope="module")
def town() -> Zone:
    """A main with a guessed join J at x = 60; one parcel of 1500 m² before it, two of 1500 m² behind it::

    S ──A── . ──B───────────       V, closed, at the end of a branch C that serves nobody
        P1      P2     P3
    """
    water = layer(
        ("A", line((0, 0), (60, 0)), {"diameter_mm": 300}),
        ("B", line((60.2, 0), (200, 0)), {"diameter_mm": 300}),
        ("C", line((0, 0), (0, -400)), {"diameter_mm": 300}),
        ("V", point(0, -400), {"role": "valve", "open": "关"}),
        ("S", point(0, 0), {"role": "source", "kind": "水厂"}),
        ("X", point(0, -200), {"role": "source", "kind": "污水处理厂"}),
    )
    land = parcels(
        P1=parcel(-60, 5, -10, 35), P2=parcel(120, 5, 170, 35), P3=(parcel(172, 5, 222, 35), {"stated_area_m2": 900.0})
    )
    return zone(land, water=water, lang="zh")


def of(made: Zone, code: str, feature: str) -> dict[str, object]:
    rows = made.faults[(made.faults["code"] == code) & (made.faults["feature"] == feature)]
    assert len(rows) == 1, (code, feature, len(rows))
    return rows.iloc[0].to_dict()


def test_the_table_has_its_columns_and_is_ranked_by_land(town):
    assert tuple(town.faults.columns) == COLUMNS and town.faults["id"].is_unique
    assert town.faults.crs == town.parcels.crs
    mu = town.faults["stranded_mu"].isna() * 1e9 - town.faults["hanging_mu"]
    assert (np.diff(mu[town.faults["stranded_mu"].isna()]) >= 0).all()


def test_a_join_has_what_hangs_on_it_and_the_id_to_undo_it(town):
    row = of(town, "joined", *town.network("water").guesses["feature"])
    assert (row["hanging_parcels"], row["gap_m"]) == (2, pytest.approx(0.2))
    assert row["hanging_mu"] == pytest.approx(2 * 1500 / MU)
    (join,) = town.network("water").guesses["id"]
    assert "2 宗、4.5 亩" in row["message_zh"] and "2 parcels (4.5 mu)" in row["message_en"]
    assert join in row["hint_zh"] and join in row["hint_en"]
    undone = zone(town.parcels.reset_index().assign(use="工业用地")[["parcel", "use", "geometry"]],
                  water=town.layers["water"].reset_index()[["feature", "role", "status", "kind", "diameter_mm", "open",
                                                            "geometry"]], undo=[join])  # fmt: skip
    assert "joined" not in set(undone.faults["code"])


def test_other_faults_have_the_land_that_runs_over_their_feature(town):
    """Nothing runs over the closed valve at the end of C, nor over the plant of the wrong kind."""
    assert of(town, "valve_closed", "V")["hanging_mu"] == 0
    assert of(town, "source_kind", "X")["hanging_parcels"] == 0
    doubled = layer(
        ("A", line((0, 0), (60, 0)), {"diameter_mm": 300}),
        ("A2", line((60, 0), (0, 0)), {"diameter_mm": 300}),
        ("B", line((60, 0), (200, 0)), {"diameter_mm": 300}),
        ("S", point(0, 0), {"role": "source", "kind": "水厂"}),
    )
    made = zone(parcels(P2=parcel(120, 5, 170, 35)), water=doubled)
    rows = made.faults[made.faults["code"] == "line_twice"]
    assert len(rows) == 1 and rows["hanging_parcels"].isin([0, 1]).all()  # the way takes one of the two


def test_every_fault_is_an_issue_once(town):
    listed = records(town.faults, town.judged(), "zh")
    assert tuple(listed.columns) == RECORDS and len(listed) == len(town.faults)
    assert not town.issues.duplicated().any()
    joined = town.issues[town.issues["code"] == "joined"]
    assert joined["action"].tolist() == ["joined"] and joined["file"].tolist() == ["water"]
    assert town.issues["code"].eq("area_differs").sum() == 1
    english = records(town.faults, town.judged(), "en")
    assert english["message"].tolist() == town.faults["message_en"].tolist()


def test_the_report_carries_the_faults(town):
    report = gisplan.check(town)
    assert report.faults is town.faults
    assert len(report.tables().faults) == len(town.faults)


def test_every_kind_of_fault_has_a_name_a_sentence_and_a_cure():
    kinds = {code.removeprefix("fault.") for code in codes("fault.")}
    assert {"parcel_overlap", "area_differs", "county_odd", "joined", "valve_closed", "supply_apart"} <= kinds
    known = set(codes())
    assert not {kind for kind in kinds if f"issue.{kind}" not in known or f"hint.{kind}" not in known}


def test_what_was_set_aside_is_listed_once():
    """A line without length is set aside by reading, and a fault on the map; among the issues it stands once."""
    rows = layer(
        ("A", line((0, 0), (60, 0)), {"diameter_mm": 300}),
        ("Z", line((10, 10), (10, 10)), {"diameter_mm": 300}),
        ("S", point(0, 0), {"role": "source", "kind": "水厂"}),
    )
    made = zone(parcels(P1=parcel(0, 5, 50, 35)), water=rows)
    assert len(made.issues[made.issues["feature"] == "Z"]) == 1
