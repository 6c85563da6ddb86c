"""Land: stages, conclusion, tasks and papers, reasoned by hand on one parcel of 100 m x 100 m with all its papers."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, Polygon, box

from gisplan.judging.cells import cells as answers
from gisplan.judging.judgement import Judgement
from gisplan.land.answers import VERDICTS
from gisplan.land.check import Land, land
from gisplan.land.stages import STAGES
from gisplan.reading.survey import Survey, from_frames
from tests.sketch import CRS, DATE, line, parcel, parcels, zone

RECORDS = ("netland", "assessments", "commitments", "constraints")
SEVEN = ("environment", "energy", "geohazard", "minerals", "soil_water", "water_resources", "heritage")
PARCEL = {
    "use": "M2", "sub_park": "甲园", "supply_status": "拟供", "plan": "某控规", "far_min": 1.0, "far_max": 2.0,
    "building_factor_min_pct": 40.0, "green_max_pct": 20.0, "height_max_m": 24.0, "stated_area_m2": 10_000.0,
    "invest_min_cny_mu": 2e6, "tax_min_cny_mu": 1e5, "energy_max_tce_10kcny": 0.3, "emission_max_kg_10kcny": 0.1,
    "indicator_basis": "某文件",
}  # fmt: skip


def paper(**columns: Any) -> dict[str, Any]:
    whole = {"result": "通过", "issuer": "某局", "number": "1号", "date": "2026-01-01", "expires": "2028-01-01"}
    return {**whole, "long_term": None, **columns}


def record(kind: str | None, at: Polygon | LineString, **columns: Any) -> dict[str, Any]:
    return {"feature": f"{kind}-1", "kind": kind, "clearance_m": None, "geometry": at, **columns}


@cache
def connected() -> tuple[Judgement, pd.DataFrame]:
    """One parcel with every connection, judged once: what land rests on."""
    judged = zone(parcels(P1=parcel(0, 0, 100, 100))).judged()
    return judged, answers(judged, dt.date.fromisoformat(DATE)).assign(grade="A", ready_on=pd.NaT)


@dataclass
class Case:
    """One parcel, P1, with everything that its land needs; a test takes something away."""

    parcel: dict[str, Any] = field(default_factory=lambda: dict(PARCEL))
    netland: list[dict[str, Any]] = field(
        default_factory=lambda: [paper(parcel="P1", test=test) for test in ("title", "compensation", "disputes")]
    )
    assessments: list[dict[str, Any]] = field(
        default_factory=lambda: [paper(kind=kind, area="甲园", parcel=None) for kind in SEVEN]
    )
    commitments: list[dict[str, Any]] = field(default_factory=list)
    constraints: list[dict[str, Any]] = field(default_factory=lambda: [record("farmland", parcel(900, 0, 950, 50))])
    checked: tuple[str, ...] = ("ecological", "hazard", "heritage")
    grades: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    layers: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)

    def land(self) -> Land:
        shape = self.parcel.pop("geometry", parcel(0, 0, 100, 100))
        rows = gpd.GeoDataFrame([{"parcel": "P1", **self.parcel, "geometry": shape}], crs=CRS)
        self.parcel["geometry"] = shape
        frames: dict[str, Any] = {name: pd.DataFrame(getattr(self, name)) for name in RECORDS if getattr(self, name)}
        if self.constraints:
            frames["constraints"] = gpd.GeoDataFrame(self.constraints, crs=CRS)
        checked = {"constraints": {"checked": list(self.checked)}} if self.constraints else {}
        frames |= {"defaults": checked, "limits": self.limits}
        survey = from_frames(rows, self.layers, **frames, crs=CRS, profile="jiutong_connection")
        judged, cells = connected()
        judged, cells = replace(judged, survey=survey), cells.copy()
        for service, (grade, day) in self.grades.items():
            cells.loc[cells["service"] == service, ["grade", "ready_on"]] = [grade, pd.Timestamp(day)]
        return land(judged, cells)

    def outcome(self) -> tuple[str, str]:
        found = self.land().standing
        return str(found.stage[0]), str(found.conclusion[0])


def result(found: Land, test: str) -> tuple[str, str]:
    answer = next(a for a in found.answers if a.rule.id == f"land.{test}")
    return VERDICTS[int(answer.verdict[0])], answer.results[int(answer.why[0])]


def test_land_with_everything_can_be_offered() -> None:
    found = Case().land()
    row = found.table.loc["P1"]
    assert (row["stage"], row["legal"], row["promise"], row["conclusion"]) == ("L5", "yes", "yes", "offer")
    assert (row["tasks"], row["held_back"], row["conclusion_zh"]) == (0, None, "可出让")
    assert row["sentence_zh"].startswith("场地平整达到平整（已验收）；周围基础设施达到九通（道路、")
    assert row["sentence_en"].startswith("The site is levelled (accepted); infrastructure around it reaches 9 of 9")


PLACES: list[tuple[str, Any, str, str]] = [
    ("not in the reserve", lambda c: c.parcel.update(supply_status="未收储"), "L0", "after_tasks"),
    ("supply not known", lambda c: c.parcel.update(supply_status=None), "L0", "unknown"),
    ("granted already", lambda c: c.parcel.update(supply_status="已供"), "L5", "unfit"),
    ("no height in the plan", lambda c: c.parcel.update(height_max_m=None), "L0", "unknown"),
    ("least above greatest", lambda c: c.parcel.update(far_min=3.0), "L0", "after_tasks"),
    ("compensation under way", lambda c: c.netland[1].update(result="办理中"), "L1", "after_tasks"),
    ("in dispute", lambda c: c.netland[2].update(result="有纠纷"), "L1", "unfit"),
    ("title not proven", lambda c: c.netland.pop(0), "L1", "unknown"),
    ("no water to start with", lambda c: c.grades.update(water=("D", None)), "L1", "after_tasks"),
    ("levelling unknown", lambda c: c.grades.update(leveling=("U", None)), "L1", "unknown"),
    ("stated area is 2 % more", lambda c: c.parcel.update(stated_area_m2=10_200.0), "L1", "after_tasks"),
    ("on farmland", lambda c: c.constraints.append(record("farmland", parcel(90, 0, 120, 100))), "L1", "unfit"),
    ("on a hazard", lambda c: c.constraints.append(record("hazard", parcel(90, 0, 120, 100))), "L1", "after_tasks"),
    ("no heritage layer", lambda c: setattr(c, "checked", ("ecological", "hazard")), "L1", "unknown"),
    ("an assessment has expired", lambda c: c.assessments[2].update(expires="2026-10-31"), "L2", "after_tasks"),
    ("an assessment is missing", lambda c: c.assessments.pop(), "L2", "unknown"),
    ("gas in 12 months", lambda c: c.grades.update(gas=("B", "2027-11-01")), "L4", "after_tasks"),
    ("gas in 12 months and a day", lambda c: c.grades.update(gas=("B", "2027-11-02")), "L3", "after_tasks"),
    ("gas planned", lambda c: c.grades.update(gas=("C", "2027-01-01")), "L3", "after_tasks"),
    ("gas unknown", lambda c: c.grades.update(gas=("U", None)), "L3", "unknown"),
    ("gas not needed", lambda c: c.grades.update(gas=("N", None)), "L5", "offer"),
    ("no tax indicator", lambda c: c.parcel.update(tax_min_cny_mu=None), "L4", "unknown"),
    ("building factor of 35 %", lambda c: c.parcel.update(building_factor_min_pct=35.0), "L4", "after_tasks"),
    ("green share of 25 %", lambda c: c.parcel.update(green_max_pct=25.0), "L4", "after_tasks"),
    ("a flood area only warns", lambda c: c.constraints.append(record("flood", parcel(0, 0, 50, 50))), "L5", "offer"),
]


@pytest.mark.parametrize(("change", "stage", "conclusion"), [p[1:] for p in PLACES], ids=[p[0] for p in PLACES])
def test_what_is_lacking_decides_stage_and_conclusion(change: Any, stage: str, conclusion: str) -> None:
    case = Case()
    change(case)
    assert case.outcome() == (stage, conclusion)


def test_every_stage_and_conclusion_occurs() -> None:
    assert {p[2] for p in PLACES} == set(STAGES)
    assert {p[3] for p in PLACES} == {"offer", "after_tasks", "unfit", "unknown"}


def test_what_the_profile_does_not_judge_is_not_known() -> None:
    judged, cells = connected()
    survey = judged.survey
    kept = tuple(s for s in survey.profile.services if s.key != "power")
    short = replace(survey, profile=replace(survey.profile, services=kept))
    found = land(replace(judged, survey=short), cells[cells["service"] != "power"].reset_index(drop=True))
    assert result(found, "start.power") == ("unknown", "no_service")
    assert result(found, "start.water") == ("passed", "connected")
    assert found.table["legal"].tolist() == ["unknown"]


def test_the_legal_floor_and_the_promise_are_kept_apart() -> None:
    case = Case(grades={"gas": ("D", None)})
    row = case.land().table.loc["P1"]
    assert (row["legal"], row["promise"]) == ("yes", "no")
    case = Case()
    case.netland[0]["result"] = "办理中"
    row = case.land().table.loc["P1"]
    assert (row["legal"], row["promise"]) == ("no", "yes")


PAPERS: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({}, ("passed", "passed")),
    ({"issuer": None}, ("unknown", "incomplete")),
    ({"number": "—"}, ("unknown", "incomplete")),
    ({"date": None}, ("unknown", "incomplete")),
    ({"date": "2026-11-02"}, ("unknown", "later")),
    ({"expires": None}, ("unknown", "incomplete")),
    ({"expires": "长期"}, ("passed", "passed")),
    ({"expires": None, "long_term": "是"}, ("passed", "passed")),
    ({"expires": "2026-11-01"}, ("passed", "passed")),
    ({"expires": "2026-10-31", "long_term": "是"}, ("failed", "expired")),
    ({"result": "不适用"}, ("not_applicable", "not_applicable")),
    ({"result": "未落实"}, ("failed", "failed")),
    ({"result": "未落实", "issuer": None, "number": None, "date": None, "expires": None}, ("failed", "failed")),
    ({"result": "未落实", "expires": "2026-10-31"}, ("unknown", "missing")),
    ({"result": "大概可以"}, ("unknown", "unclear")),
    ({"result": "未落实", "test": None}, ("unknown", "unclear")),
    ({"result": "未落实", "parcel": None}, ("unknown", "unclear")),
    ({"parcel": "P2"}, ("unknown", "missing")),
]


@pytest.mark.parametrize(("change", "expected"), PAPERS)
def test_a_paper_counts_only_whole_and_is_heard_even_damaged(change: dict[str, Any], expected: tuple[str, str]) -> None:
    case = Case()
    case.netland[1].update(change)
    assert result(case.land(), "net.compensation") == expected


def test_papers_that_contradict_each_other_are_unknown_and_a_renewal_is_not() -> None:
    case = Case()
    case.netland.append(paper(parcel="P1", test="compensation", result="未落实", number="2号"))
    found = case.land()
    assert result(found, "net.compensation") == ("unknown", "contradiction")
    assert "2号" in found.findings.query("test == 'land.net.compensation'")["reason_zh"].iloc[0]
    case = Case()
    case.netland.append(paper(parcel="P1", test="compensation", expires="2025-01-01"))
    assert result(case.land(), "net.compensation") == ("passed", "passed")


AREAS: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"area": "全区"}, ("passed", "passed")),
    ({"area": "乙园"}, ("unknown", "missing")),
    ({"area": None}, ("unknown", "missing")),
    ({"area": None, "parcel": "P1"}, ("passed", "passed")),
    ({"area": "甲园", "result": "未通过"}, ("failed", "failed")),
    ({"area": None, "result": "未通过"}, ("unknown", "unclear")),
    ({"area": "乙园", "result": "未通过"}, ("unknown", "unclear")),  # no parcel lies in 乙园: it may be misspelt
    ({"kind": None, "result": "未通过"}, ("unknown", "unclear")),
]


@pytest.mark.parametrize(("change", "expected"), AREAS)
def test_an_assessment_covers_the_area_that_it_names(change: dict[str, Any], expected: tuple[str, str]) -> None:
    case = Case()
    case.assessments[0].update(change)
    assert result(case.land(), "assessment.environment") == expected


def test_a_parcel_of_no_known_sub_park_may_be_spoken_against() -> None:
    """P2 lies in 甲园, so the area is known; P1 may lie there too."""
    case = Case()
    for row in case.assessments:
        row["area"] = "全区"
    against = paper(kind="environment", area="甲园", parcel=None, result="未通过", number="2号")
    case.assessments.append(against)
    assert result(case.land(), "assessment.environment") == ("unknown", "contradiction")
    case.parcel["sub_park"] = None
    assert result(case.land(), "assessment.environment") == ("unknown", "contradiction")


def test_overlaps_are_measured_in_square_metres_and_count_once() -> None:
    """10 m x 40 m and 10 m x 60 m of farmland share 10 m x 20 m: 400 + 600 - 200 = 800 m2, 8 % of 10,000 m2."""
    case = Case()
    case.constraints += [
        record("farmland", parcel(90, 0, 130, 40), feature="a"),
        record("farmland", parcel(90, 20, 130, 80), feature="b"),
    ]
    rows = case.land().findings.set_index("test")
    row = rows.loc["land.overlap.farmland"]
    assert (row["value"], row["share_pct"]) == pytest.approx((800.0, 8.0))
    assert (row["verdict"], row["unit"], row["limit"]) == ("failed", "m2", "≤ 1 m2")
    assert "800 m2" in row["reason_en"] and "8%" in row["reason_en"]
    assert rows.loc["land.overlap.ecological", "value"] == 0


def test_an_overlap_within_a_limit_of_the_zone_is_told_as_one() -> None:
    """10 m x 40 m are 400 m2, within the 500 m2 that this zone allows: it passes, and is told all the same."""
    case = Case(limits={"land.overlap.farmland": {"at_most": "500 m2", "basis": "assumed"}})
    case.constraints.append(record("farmland", parcel(90, 0, 130, 40), feature="a"))
    row = case.land().findings.set_index("test").loc["land.overlap.farmland"]
    assert (row["verdict"], row["value"]) == ("passed", pytest.approx(400.0))
    assert "overlaps 400 m2, 4% of the measured area, within ≤ 500 m2" in row["reason_en"]
    assert "重叠 400 m2，占实测面积 4%，在限值内（≤ 500 m2）" in row["reason_zh"]


def test_an_overlap_of_unknown_kind_or_shape_is_not_passed() -> None:
    case = Case()
    case.constraints.append(record(None, parcel(90, 0, 130, 40)))
    assert result(case.land(), "overlap.ecological") == ("unknown", "strange")
    case.constraints[-1] = record("ecological", line((-10, 50), (110, 50)))
    assert result(case.land(), "overlap.ecological") == ("unknown", "line")
    case.constraints[-1] = record("ecological", Polygon())
    assert result(case.land(), "overlap.ecological") == ("unknown", "lost")
    assert result(Case(constraints=[]).land(), "overlap.farmland") == ("unknown", "not_checked")


def passing(column: str, value: Any, **columns: Any) -> gpd.GeoDataFrame:
    row = {"feature": "X", "role": "line", "status": "现状", column: value, "geometry": line((-50, 50), (150, 50))}
    return gpd.GeoDataFrame([{**row, **columns}], crs=CRS)


def test_corridors_are_taken_from_the_net_area_once() -> None:
    """110 kV: 25 m x 100 m. A gas strip of 30 m along the same line holds that corridor: together 3,000 m2."""
    case = Case(layers={"power": passing("voltage_kv", 110.0)})
    row = case.land().table.loc["P1"]
    assert (row["area_m2"], row["net_area_m2"]) == pytest.approx((10_000.0, 7_500.0), abs=0.5)
    case.layers["gas"] = passing("pressure_class", "高压A")
    found = case.land()
    assert found.table.loc["P1", "net_area_m2"] == pytest.approx(7_000.0, abs=0.5)
    assert result(found, "corridor.power_110") == ("failed", "crossed")
    row = found.findings.set_index("test").loc["land.corridor.power_110"]
    assert (row["unit"], row["limit"]) == ("m2", "≥ 12.5 m")  # it is 12.5 m wide to each side, and takes an area
    assert "takes 2500 m2, 25% of the measured area" in row["reason_en"]
    assert found.table.loc["P1", "stage"] == "L5"  # what passes is a constraint, not a fault of the papers


@pytest.mark.parametrize(
    ("layer", "net", "sure"),
    [
        (passing("voltage_kv", 10.0), 10_000.0, False),
        (passing("voltage_kv", 110.0, status="废弃"), 10_000.0, False),
        (passing("voltage_kv", 110.0, status=None), 7_500.0, False),
        (passing("voltage_kv", None), 10_000.0, False),
    ],
)
def test_only_lines_that_stand_have_corridors(layer: gpd.GeoDataFrame, net: float, sure: bool) -> None:
    """No gas, water or road layer is given, so the net area is never sure here."""
    row = Case(layers={"power": layer}).land().table.loc["P1"]
    assert row["net_area_m2"] == pytest.approx(net, abs=0.5)
    assert row["net_area_sure"] == sure


def test_drawn_corridors_and_lines_with_a_clearance_are_taken_too() -> None:
    """A strip of 20 m x 100 m, and a line with 5 m to each side apart from it: 2,000 + 1,000 m2."""
    case = Case()
    case.constraints += [
        record("corridor", parcel(0, 0, 100, 20)),
        record("clearance", line((-50, 60), (150, 60)), clearance_m=5.0),
    ]
    assert case.land().table.loc["P1", "net_area_m2"] == pytest.approx(7_000.0, abs=0.5)


@pytest.mark.parametrize(
    ("shape", "columns", "verdict", "conclusion"),
    [
        (parcel(-5, -5, 110, 110), {}, ("failed", "little_left"), "after_tasks"),  # all of it
        (parcel(0, 0, 91, 100), {}, ("failed", "little_left"), "after_tasks"),  # 9 % is left
        (parcel(0, 0, 89, 100), {}, ("passed", "left"), "offer"),  # 11 %
        (line((-50, 50), (150, 50)), {"clearance_m": 48.0}, ("failed", "little_left"), "after_tasks"),  # 4 %
        (line((-50, 50), (150, 50)), {"clearance_m": None}, ("unknown", "left_unsure"), "unknown"),
    ],
)
def test_land_that_corridors_leave_nothing_of_is_not_to_be_offered(
    shape: Any, columns: dict[str, Any], verdict: tuple[str, str], conclusion: str
) -> None:
    """A hectare, of which a tenth must be left."""
    case = Case()
    case.constraints.append(record("corridor", shape, **columns))
    found = case.land()
    assert result(found, "area.net") == verdict
    assert found.table.loc["P1", "conclusion"] == conclusion
    assert (found.table.loc["P1", "stage"] == "L5") == (conclusion == "offer")


@pytest.mark.parametrize(("kv", "verdict"), [(None, "unknown"), (110.0, "passed"), (500.0, "failed")])
def test_a_line_of_unknown_class_may_take_what_the_widest_does(kv: float | None, verdict: str) -> None:
    """A 500 kV line in the middle takes 55 m to each side of a hectare 100 m wide, a 110 kV line 12.5 m."""
    case = Case(layers={"power": passing("voltage_kv", kv)})
    assert result(case.land(), "area.net")[0] == verdict


COMMITMENTS: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({}, ("passed", "open")),
    ({"due_on": "2026-10-31"}, ("failed", "overdue")),
    ({"due_on": "2026-10-31", "done_on": "2026-10-20"}, ("passed", "done")),
    ({"due_on": "2026-10-31", "done_on": "2026-11-02"}, ("failed", "overdue")),
    ({"due_on": None}, ("unknown", "undated")),
    ({"due_on": "2026-10-31", "parcel": None}, ("unknown", "stray")),
]


@pytest.mark.parametrize(("change", "expected"), COMMITMENTS)
def test_commitments_ride_with_the_parcel(change: dict[str, Any], expected: tuple[str, str]) -> None:
    promise = {"parcel": "P1", "what": "迁改杆线", "due_on": "2027-01-01", "done_on": None, "responsible": "某公司"}
    found = Case(commitments=[{**promise, **change}]).land()
    assert result(found, "commitment.due") == expected
    tasks = found.tasks
    left = [] if expected[0] == "passed" else ["land.commitment.due"]
    assert list(tasks["test"]) == left
    assert found.table.loc["P1", ["stage", "held_back"]].tolist() == ["L5", *(left or [None])]
    if expected[1] == "overdue":
        assert tasks["responsible_zh"].iloc[0] == "某公司"
        assert tasks["due_on"].iloc[0] == pd.Timestamp("2026-10-31")


def test_tasks_say_what_who_and_by_when() -> None:
    case = Case(grades={"gas": ("B", "2027-05-01")})
    case.netland[1].update(result="办理中", responsible="征收中心", due_on="2026-12-31")
    found = case.land()
    tasks = found.tasks.set_index("test")
    assert list(tasks.index) == ["land.net.compensation", "land.promise.gas"]
    assert tasks.loc["land.net.compensation", "responsible_zh"] == "征收中心"
    assert list(tasks["due_on"]) == [pd.Timestamp("2026-12-31"), pd.Timestamp("2027-05-01")]
    text = found.table.loc["P1", "tasks_zh"]
    assert "征收中心" in text and "2026-12-31" in text and "2027-05-01" in text
    assert found.table.loc["P1", "held_back"] == "land.net.compensation"


def test_land_that_indicators_do_not_apply_to_needs_none() -> None:
    bare = {**PARCEL, "use": "B1", "tax_min_cny_mu": None, "building_factor_min_pct": 35.0}
    assert Case(parcel=bare).outcome() == ("L5", "offer")
    assert Case(parcel={**bare, "use": None}).outcome()[1] == "unknown"


BETTER = {(a, b) for a, b in itertools.permutations(("offer", "after_tasks", "unknown", "unfit"), 2) if a == "offer"}
BETTER |= {("after_tasks", "unfit")}
"""What a loss must not turn the second into: it may show that less is known, never that more is well."""


AGAINST: list[tuple[str, Any]] = [
    ("none", lambda c: None),
    ("netland", lambda c: c.netland.append(paper(parcel="P1", test="title", result="未通过", number="9号"))),
    ("netland", lambda c: c.netland[0].update(expires="2025-01-01")),
    (
        "assessments",
        lambda c: c.assessments.append(paper(kind="energy", area="全区", parcel=None, result="未通过")),
    ),
    (
        "commitments",
        lambda c: c.commitments.append({"parcel": "P1", "what": "x", "due_on": "2026-01-01", "done_on": None}),
    ),
    ("constraints", lambda c: c.constraints.append(record("hazard", parcel(90, 0, 130, 40), clearance_m=5.0))),
    ("parcels", lambda c: c.parcel.update(building_factor_min_pct=35.0, far_min=3.0)),
]


def nulled(survey: Survey, only: str) -> Iterator[tuple[str, Survey]]:
    """Give the survey with one cell after another made null: of one table, or of all."""
    for name in PARCEL if only in ("none", "parcels") else ():
        names = ("use_class", "use") if name == "use" else (name,)
        lost = survey.parcels.copy()
        for column in names:
            lost[column] = pd.Series(None, index=lost.index, dtype=lost[column].dtype)
        yield name, replace(survey, parcels=lost)
    dossier = survey.dossier
    for table in RECORDS if only == "none" else (only,) if only in RECORDS else ():
        frame = getattr(dossier, table)
        ends = () if frame is None or frame.empty else {0, len(frame) - 1}
        for i, column in itertools.product(ends, () if frame is None else frame.columns):
            if column in ("file", "stray", "kind_text", "geometry") or pd.isna(frame[column].iloc[i]):
                continue
            lost = frame.copy()
            lost.iloc[i, lost.columns.get_loc(column)] = None
            yield f"{table} {i} {column}", replace(survey, dossier=replace(dossier, **{table: lost}))


@pytest.mark.parametrize(("table", "change"), AGAINST)
def test_a_cell_that_is_lost_never_raises_stage_or_conclusion(table: str, change: Any) -> None:
    """Every cell in turn, from land that can be offered and from land with something against it."""
    case = Case()
    change(case)
    before = case.land()
    old = before.standing
    raised, tried = [], 0
    for name, survey in nulled(before.judgement.survey, table):
        after = land(replace(before.judgement, survey=survey), before.cells)
        tried += 1
        for a, b in zip(before.answers, after.answers, strict=True):
            if a.rule.weight == "required" and b.verdict[0] > 0 >= a.verdict[0]:
                raised.append((name, a.rule.id))
        new = after.standing
        if new.stage[0] > old.stage[0] or (new.conclusion[0], old.conclusion[0]) in BETTER:
            raised.append((name, old.stage[0], new.stage[0], new.conclusion[0]))
    assert tried > 0
    assert raised == []


@pytest.mark.parametrize("named", ["P1", "P1 ", "Ｐ１", "p1", "P-1"])
def test_a_paper_against_is_heard_however_its_parcel_is_spelt(named: str) -> None:
    """A dispute, and a commitment that is overdue; of P-1, which is not there, nobody knows whether it is P1."""
    case = Case()
    case.netland.append(paper(parcel=named, test="disputes", result="有纠纷"))
    assert case.outcome() == ("L1", "unknown")
    late = Case()
    late.commitments.append({"commitment": "1", "parcel": named, "what": "路", "due_on": "2026-01-01", "done_on": None})
    assert late.outcome()[1] == ("unknown" if named == "P-1" else "after_tasks")


def test_a_paper_of_other_land_says_nothing_of_this() -> None:
    rows = gpd.GeoDataFrame({"parcel": ["GT-B-01", "GT-B-02"]}, geometry=[parcel(0, 0, 9, 9)] * 2, crs=CRS)
    table = pd.DataFrame({"parcel": ["KY-A-07", "GT-B-20"], "test": "disputes", "result": "有纠纷"})
    survey = from_frames(rows, {}, netland=table, lang="en")
    assert list(survey.dossier.netland["stray"]) == [False, True]
    told = {issue.severity: issue.message for issue in survey.issues if issue.code == "record_parcel_missing"}
    assert "'GT-B-20'" in told["error"] and "'KY-A-07'" in told["warning"]


@pytest.mark.parametrize(
    ("column", "value"),
    [*(("plan", word) for word in ("待定", "未批", "正在编制", "无控规", "?")), ("indicator_basis", "？"),
     ("indicator_basis", "待定"), ("plan_date", "2030-01-01")],
)  # fmt: skip
def test_what_is_not_settled_yet_is_not_set(column: str, value: str) -> None:
    case = Case()
    case.parcel[column] = value
    assert case.outcome()[1] == "unknown"


def test_a_day_of_expiry_that_nobody_understands_is_one() -> None:
    case = Case()
    case.netland[0].update(expires="2026-02-30", long_term="是")
    assert case.outcome() == ("L1", "unknown")


STOREYS = "clear_height_ground, clear_height_upper, floor_load_ground, floor_load_upper"


def test_buildings_are_stock_of_their_own() -> None:
    storey = {
        "building": "CF-1", "parcel": "P1", "storey": 1, "floor_area_m2": 5000.0, "vacant_m2": 1250.0,
        "clear_height_m": 8.1, "floor_load_kn_m2": 15.0, "accepted_on": "2026-05-01", "accepted_number": "验1号",
    }  # fmt: skip
    changes: list[tuple[dict[str, Any], str, str]] = [
        ({}, "passed", ""),
        ({"clear_height_m": 5.0}, "failed", "clear_height_ground"),
        ({"storey": 2, "clear_height_m": 5.0, "floor_load_kn_m2": 7.5}, "passed", ""),
        ({"storey": 2, "clear_height_m": 4.4}, "failed", "clear_height_upper"),
        ({"floor_load_kn_m2": None}, "unknown", "floor_load_ground"),
        ({"vacant_m2": 6000.0, "building": "CF-7"}, "unknown", "vacancy"),
        ({"storey": None, "clear_height_m": 2.0, "building": "CF-8"}, "unknown", STOREYS),
        ({"vacant_m2": None}, "unknown", "vacancy"),
        ({"accepted_number": None}, "unknown", "acceptance"),
        ({"accepted_number": "无"}, "unknown", "acceptance"),
        ({"accepted_number": "待办"}, "unknown", "acceptance"),
        ({"accepted_number": "办理中"}, "unknown", "acceptance"),
        ({"accepted_on": "2026-11-02"}, "unknown", "acceptance"),
        ({"parcel": "P9"}, "unknown", "infrastructure"),
    ]
    rows = gpd.GeoDataFrame([{"parcel": "P1", **PARCEL, "geometry": parcel(0, 0, 100, 100)}], crs=CRS)
    judged = zone(rows, buildings=pd.DataFrame([{**storey, **change} for change, *_ in changes])).judged()
    cells = answers(judged, dt.date.fromisoformat(DATE)).assign(grade="A", ready_on=pd.NaT)
    found = land(judged, cells).buildings
    assert list(zip(found["verdict"], found["held_back"], strict=True)) == [(v, held) for _, v, held in changes]
    assert found["vacant_pct"].iloc[0] == 25.0
    told = {issue.code: issue.message for issue in judged.survey.issues}
    assert "CF-8" in told["building_storey"] and "CF-7" in told["building_vacant"]
    poor = land(judged, cells.assign(grade="D")).buildings
    assert (poor["verdict"].iloc[0], poor["held_back"].iloc[0]) == ("failed", "infrastructure")


def test_many_parcels_answer_as_each_alone() -> None:
    """Columns, not loops: what stands beside a parcel never changes its answer."""
    shapes = {f"P{i}": box(*np.array(parcel(0, 0, 100, 100).bounds) + [i * 200, 0] * 2) for i in range(1, 4)}
    rows = gpd.GeoDataFrame([{"parcel": p, **PARCEL, "geometry": s} for p, s in shapes.items()], crs=CRS)
    papers = [
        paper(parcel=p, test=t, result=r)
        for (p, r), t in itertools.product(
            [("P1", "通过"), ("P2", "未落实"), ("P3", "办理中")], ["title", "compensation", "disputes"]
        )
    ]
    judged = zone(rows, netland=pd.DataFrame(papers)).judged()
    cells = answers(judged, dt.date.fromisoformat(DATE))
    found = land(judged, cells).findings
    mine = found[found["test"] == "land.net.title"]
    assert list(zip(mine["parcel"], mine["code"], strict=True)) == [
        ("P1", "land.net.title.passed"),
        ("P2", "land.net.title.failed"),
        ("P3", "land.net.title.pending"),
    ]
    assert list(found["parcel"]) == sorted(found["parcel"])
