"""Levelling and earthwork of one parcel on a plane of 1 %, reckoned by hand."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from sketch import CRS, X, Y, layer, letter, line, parcel, parcels, point, works, zone

import gisplan
from gisplan.judging.surface.earthwork import told
from gisplan.reading.formats.raw import RawGrid
from gisplan.reading.ground import Error, Grid, Ground
from gisplan.reading.places.coordinates import Change
from gisplan.report import Report
from gisplan.rules.profile import Profile, load

ACCEPTED = pd.DataFrame([letter(parcel="P1", service="leveling", says="验收合格")])
DAY = dt.date(2026, 7, 1)
STAY = Change((), 0.0)


def profile(*required: str) -> Profile:
    """Roads and levelling of the default profile; some of the levelling's warnings may be made required."""
    whole = load("jiutong_classic")
    leveling = whole.service("leveling")
    conditions = tuple(replace(c, weight="required") if c.id in required else c for c in leveling.conditions)
    return replace(whole, services=(whole.service("road"), replace(leveling, conditions=conditions)))


def ground(as_of: dt.date | None = DAY, error: Error | None = None) -> Ground:
    """Cells of 1 m, 500 m high where y = 0 and rising by 1 % to the north."""
    y = np.arange(150, -50, -1) - 0.5
    heights = np.repeat((500 + 0.01 * y)[:, None], 250, axis=1)
    raw = RawGrid("dem.tif", heights, (1.0, 0.0, X - 50, 0.0, -1.0, Y + 150))
    box = (X - 50, Y - 50, X + 200, Y + 150)
    return Ground("dem.tif", as_of, 1.0, box, Grid(raw, STAY, STAY), error=error)


def check(*required: str, own: dict[str, Any] | None = None, **rest: Any) -> Report:
    """P1, 100 m wide and deep, beside a road on ground of 499.895 m."""
    given = parcels(P1=(parcel(0, 0, 100, 100), own or {}), P2=parcel(110, 0, 150, 40))
    said = {"ground": ground(), "evidence": ACCEPTED, "profile": profile(*required), **rest}
    road = layer(("R", line((-40, -10.5), (180, -10.5)), {"road_class": "支路", "width_m": 12}))
    return gisplan.check(zone(given, road=road, **said))


def cell(report: Report) -> tuple[str, str]:
    row = report.cells.set_index(["parcel", "service"]).loc[("P1", "leveling")]
    return row["grade"], row["code"]


def finding(report: Report, condition: str) -> tuple[float, str]:
    row = report.findings.set_index(["parcel", "condition"]).loc[("P1", condition)]
    return row["value"], row["verdict"]


# ---------------------------------------------------------------------------------------------------------- earthwork
def test_levels_and_volumes_by_hand() -> None:
    """To 500.25 m: cut 100 m · (0.75 m)²/2 %, fill 100 m · (0.25 m)²/2 %; to the mean 100 · (0.5)²/2 % both."""
    row = check(own={"design_level_m": 500.25, "flood_level_m": 499.0}).earthwork.loc["P1"]
    assert (row["mean_m"], row["lowest_m"], row["highest_m"]) == pytest.approx((500.5, 500.005, 500.995))
    assert (row["slope_pct"], row["slope_least_pct"], row["slope_most_pct"]) == pytest.approx((1.0, 1.0, 1.0))
    assert row["road_m"] == pytest.approx(499.895)  # the cell from -11 to -10 m
    assert (row["mean_above_road_m"], row["lowest_above_road_m"]) == pytest.approx((0.605, 0.11))
    assert (row["mean_above_flood_m"], row["lowest_above_flood_m"]) == pytest.approx((1.5, 1.005))
    assert (row["design_above_road_m"], row["design_above_flood_m"]) == pytest.approx((0.355, 1.25))
    assert (row["cut_m3"], row["fill_m3"], row["balance_m3"]) == pytest.approx((2812.5, 312.5, 1250.0))
    # 10,000 m2 are 15 mu.
    assert (row["cut_m3_mu"], row["fill_m3_mu"], row["balance_m3_mu"]) == pytest.approx((187.5, 312.5 / 15, 1250 / 15))
    assert row["balance_level_m"] == pytest.approx(500.5) and row["code"] == ""
    assert row[["cut_error_m3", "balance_error_m3", "mean_error_m"]].isna().all()
    assert (row["accepted"], row["accepted_on"], row["ground_as_of"]) == (
        "函1号", pd.Timestamp("2026-06-01"), pd.Timestamp("2026-07-01"),
    )  # fmt: skip


def test_the_error_of_the_ground_is_carried_through() -> None:
    """All 0.1 m too low: cut 100 · (0.85² − 0.75²)/2 %, fill 100 · (0.35² − 0.25²)/2 %; balance 0.1/2 · 10,000."""
    row = check(own={"design_level_m": 500.25}, ground=ground(error=Error(0.1))).earthwork.loc["P1"]
    assert (row["cut_error_m3"], row["fill_error_m3"]) == pytest.approx((800.0, 300.0))
    assert (row["balance_error_m3"], row["balance_error_m3_mu"]) == pytest.approx((500.0, 500 / 15))
    assert row["mean_error_m"] == pytest.approx(0.1)
    # Of 10,000 cells that err on their own by 0.3 m, and together by 0.02 m: the mean errs by √(0.02² + 0.003²).
    row = check(ground=ground(error=Error(0.02, 0.3, split=True))).earthwork.loc["P1"]
    assert row["mean_error_m"] == pytest.approx(math.hypot(0.02, 0.003))


def test_what_is_missing_is_said() -> None:
    table = check().earthwork
    assert table["code"].tolist() == ["no_design_level", "no_design_level"] and table["cut_m3"].isna().all()
    assert table["balance_m3"].notna().all()
    assert check(ground=None).earthwork["code"].tolist() == ["no_ground"] * 2
    far = parcels(P1=parcel(0, 0, 100, 100), P2=parcel(150, 0, 250, 40))
    assert gisplan.check(zone(far, ground=ground(), profile=profile())).earthwork["code"].tolist()[1] == "ground_gap"
    roads = replace(profile(), services=profile().services[:1])
    assert len(check(profile=roads).earthwork) == 0


# ------------------------------------------------------------------------------------------------- older than the works
@pytest.mark.parametrize(
    ("finished", "grade", "code"),
    [("2026-06-15", "A", "accepted"), ("2026-07-01", "A", "accepted"), ("2026-08-01", "U", "ground_older")],
)
def test_ground_older_than_the_works_proves_nothing(finished: str, grade: str, code: str) -> None:
    """The ground is of 1 July; works that were handed over later have moved it, whenever the paper was written."""
    own = {"leveling_status": "现状", "leveling_works": "G1", "design_level_m": 500.25}
    done = works({"works": "G1", "phase": "移交", "actual_on": finished})
    report = check(own=own, works=done)
    assert cell(report) == (grade, code)
    row = report.earthwork.loc["P1"]
    assert row["code"] == ("" if grade == "A" else "ground_older")
    assert row[["mean_m", "slope_pct", "cut_m3", "balance_m3"]].isna().all() == (grade == "U")
    undated = check(own=own, works=done, ground=ground(None))
    assert cell(undated) == ("U", "ground_older")


def test_ground_older_than_the_record_proves_nothing() -> None:
    late = ACCEPTED.assign(date="2026-07-02")
    assert cell(check(evidence=late)) == ("U", "ground_older")
    assert cell(check(evidence=ACCEPTED.assign(date="2026-07-01"))) == ("A", "accepted")


def test_flat_ground_without_a_record_is_unknown() -> None:
    assert cell(check(evidence=None)) == ("U", "no_acceptance")


def test_no_volume_is_given_while_the_land_is_levelled() -> None:
    own = {"leveling_status": "在建", "leveling_works": "G1", "design_level_m": 500.25}
    coming = works({"works": "G1", "phase": "开工", "planned_on": "2027-03-01"})
    report = check(own=own, works=coming, evidence=None)
    row = report.earthwork.loc["P1"]
    assert cell(report) == ("B", "construction") and row["code"] == "works_under_way"
    assert row[["cut_m3", "fill_m3", "balance_m3"]].isna().all() and row["mean_m"] == pytest.approx(500.5)


# --------------------------------------------------------------------------------------------------------------- flood
@pytest.mark.parametrize(
    ("flood", "verdict", "cell_if_required"),
    [
        (499.4, "ready", ("A", "accepted")),
        (499.6, "gap", ("D", "flood")),
        (None, "unknown", ("U", "flood_unknown")),
    ],
)
def test_the_flood_level(flood: float | None, verdict: str, cell_if_required: tuple[str, str]) -> None:
    """The lowest ground is 500.005 m; it must be 0.5 m above the flood. The default profile only warns."""
    own = {"flood_level_m": flood}
    report = check(own=own)
    value, said = finding(report, "leveling.flood")
    assert said == verdict and (math.isnan(value) if flood is None else value == pytest.approx(500.005 - flood))
    assert cell(report) == ("A", "accepted")
    strict = check("leveling.flood", own=own)
    assert cell(strict) == cell_if_required
    row = strict.cells.set_index(["parcel", "service"]).loc[("P1", "leveling")]
    assert "{" not in row["reason_zh"] + row["reason_en"]


# ----------------------------------------------------------------------------------------------------------- obstacles
def obstacles(*rows: tuple[str, Any, str | None, str]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        [{"feature": f, "kind": k, "name": n, "geometry": g} for f, g, k, n in rows], geometry="geometry", crs=CRS
    )


IN_FULL = {"constraints": {"checked": ["障碍物"]}}
GRAVE = ("Z1", point(50, 50), "障碍物", "坟")
HOUSE = ("Z2", parcel(90, 90, 120, 120), "障碍物", "房屋")
BESIDE = ("Z3", parcel(100, 20, 105, 30), "障碍物", "围墙")
FARM = ("Z4", parcel(10, 10, 30, 30), "永久基本农田", "田")
ODD = ("Z5", point(20, 20), "某物", "某物")


@pytest.mark.parametrize(
    ("drawn", "in_full", "count", "names", "verdict", "required"),
    [
        ((GRAVE, HOUSE, BESIDE, FARM), True, 2, "坟、房屋", "gap", ("D", "obstacles")),
        ((GRAVE, BESIDE), False, 1, "坟", "gap", ("D", "obstacles")),
        ((BESIDE, FARM), True, 0, "", "ready", ("A", "accepted")),
        ((BESIDE, FARM), False, pd.NA, "", "unknown", ("U", "obstacles_unknown")),
        ((BESIDE, ODD), True, pd.NA, "", "unknown", ("U", "obstacles_unknown")),
    ],
)
def test_obstacles_on_the_land(
    drawn: tuple[Any, ...], in_full: bool, count: Any, names: str, verdict: str, required: tuple[str, str]
) -> None:
    said = {"constraints": obstacles(*drawn), "defaults": IN_FULL if in_full else {}}
    report = check(**said)
    row = report.earthwork.loc["P1"]
    assert (row["obstacles"] is pd.NA) == (count is pd.NA) and (count is pd.NA or row["obstacles"] == count)
    assert row["obstacle"] == names and finding(report, "leveling.obstacles")[1] == verdict
    assert cell(report) == ("A", "accepted")
    assert cell(check("leveling.obstacles", **said)) == required


def test_without_a_table_of_obstacles_nobody_knows() -> None:
    report = check()
    assert finding(report, "leveling.obstacles")[1] == "unknown" and cell(report) == ("A", "accepted")
    assert report.earthwork["obstacles"].isna().all()


def test_what_is_said_of_the_ground() -> None:
    """Numbers of the table in both languages; without an error of the ground the ± is said to be unknown."""
    own = {"design_level_m": 500.25, "flood_level_m": 499.0}
    table = check(own=own, ground=ground(error=Error(0.1)), constraints=obstacles(GRAVE)).earthwork.loc[["P1"]]
    said = told(table, "en").loc["P1"]
    assert "Ground 500–501 m, mean 500.5 ± 0.1 m; slope 1 % (least 1 %, greatest 1 %)" in said
    assert "To the design level 500.25 m: cut 2812 ± 800 m³ (187.5 m³/mu), fill 312 ± 300 m³ (20.8 m³/mu)." in said
    assert "Balancing level 500.5 m: cut and fill 1250 ± 500 m³ each (83.3 m³/mu)." in said
    assert said.endswith("On the land still stand: 坟.")
    assert "挖、填各 1250 ± 500 m³（83.3 m³/亩）" in told(table, "zh").loc["P1"]
    assert "cut 2812 (± not known) m³" in told(check(own=own).earthwork, "en").loc["P1"]
    assert told(check(ground=None).earthwork, "en").loc["P1"].startswith("There is no ground model")


def test_nothing_is_levelled_without_a_record_however_lightly_a_profile_takes_it() -> None:
    """By a profile that only warns of the missing record."""
    light = profile()
    leveling = light.service("leveling")
    conditions = tuple(replace(c, weight="warn") if c.measure.name == "accepted" else c for c in leveling.conditions)
    light = replace(light, services=(light.service("road"), replace(leveling, conditions=conditions)))
    assert cell(check(profile=light, evidence=None)) == ("U", "no_acceptance")
    assert cell(check(profile=light)) == ("A", "accepted")
