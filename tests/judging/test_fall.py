"""Whether a parcel drains to its sewer, and the sewer to its outfall; every level reckoned by hand.

    0 ──A── 1 ──B── 2 ──C── 3 (plant)        pipes of 100 m along y = 0 that fall by 0.3 m each, from 98.00 to 97.10

P is 80 m by 80 m, 10 m north of A: its farthest corner is (10, 90), and its ground is flat. With a start depth of 1 m
and a slope of 0.003 the fall to manhole 1 (97.70) is ground − 1 − 0.003 · √(90² + 90²) − 97.70 = ground − 99.0818, to
manhole 2 (97.40) ground − 1 − 0.003 · √(190² + 90²) − 97.40 = ground − 99.0307: the farther manhole is the better one.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sketch import X, Y, layer, letter, line, parcel, parcels, point, zone

import gisplan
from gisplan.base.issues import Book
from gisplan.reading.depths import believed
from gisplan.reading.formats.raw import RawGrid
from gisplan.reading.ground import of_grid
from gisplan.reading.zone_file import Source
from gisplan.rules.profile import Profile, load
from gisplan.zone import Zone

P = parcel(10, 10, 90, 90)


def profile(*kinds: str, service: str = "sewage") -> Profile:
    """The default profile with one service, of its conditions only those on reach, way, size and fall."""
    whole = load("jiutong_classic")
    one = whole.service(service)
    kept = tuple(c for c in one.conditions if c.measure.kind in ("reach", "path", "attribute", *(kinds or ("fall",))))
    return replace(whole, id="toy", services=(replace(one, conditions=kept),))


def over(drawn: Zone, height: float | np.ndarray, **said: Any) -> Zone:
    """Lay ground over the drawing, a metre a cell, from (-50, 200) to the south-east."""
    heights = np.broadcast_to(np.asarray(height, dtype=float), (250, 450)).copy()
    raw = RawGrid("dem.tif", heights, (1.0, 0.0, X - 50, 0.0, -1.0, Y + 200), drawn.survey.crs)
    book, survey = Book("en"), drawn.survey
    made = of_grid(raw, Source("ground", "ground", file="dem.tif", **said), survey.gate, book)
    layers = believed(survey.layers, made, survey.profile, book)
    survey = replace(survey, ground=made, layers=layers, issues=(*survey.issues, *book))
    return Zone(survey, drawn.date, drawn.known_on, drawn.lang)


def pipe(name: str, start: tuple[float, float], end: tuple[float, float], *levels: float | None, **own: Any) -> Any:
    high, low = levels or (None, None)
    said = {"flow": "顺", "diameter_mm": 400, "invert_from_m": high, "invert_to_m": low, **own}
    return (name, line(start, end), said)


def chain(**own: dict[str, Any]) -> list[Any]:
    """The three pipes and the plant; columns of single ones by name."""
    rows = []
    for k, name in enumerate("ABC"):
        rows.append(pipe(name, (100 * k, 0), (100 * k + 100, 0), 98 - 0.3 * k, 97.7 - 0.3 * k, **own.get(name, {})))
    return [*rows, ("W", point(300, 0), {"role": "source", "kind": "污水处理厂"})]


def judged(rows: list[Any], height: float | np.ndarray | None = 100.0, **rest: Any) -> gisplan.Report:
    drawn = zone(parcels(P=P), **{"sewage": layer(*rows), "profile": profile(), **rest})
    return gisplan.check(drawn if height is None else over(drawn, height))


def answer(report: gisplan.Report) -> str:
    cell = report.cells.iloc[0]
    found = f"{cell['grade']} {cell['code']} {cell['feature']}"
    assert "{" not in cell["reason_zh"] + cell["reason_en"]
    worst = [g for g in "DUCBA" if g in set(required(report)["grade"])]
    assert worst[0] == cell["grade"]  # the rows of a cell agree with it
    return found


def required(report: gisplan.Report) -> Any:
    return report.findings[~report.findings["condition"].str.endswith(".slope")]


def value(report: gisplan.Report, condition: str) -> float:
    rows = report.findings[report.findings["condition"] == condition]
    return float(rows["value"].iloc[0])


def test_a_parcel_drains_to_the_nearest_manhole() -> None:
    report = judged(chain(), 99.10)
    assert answer(report) == "A connected A"
    assert value(report, "sewage.fall") == pytest.approx(99.10 - 1 - 0.003 * np.hypot(90, 90) - 97.70)
    assert value(report, "sewage.downhill") == 1.0


def test_the_next_manhole_serves_where_the_nearest_lies_too_high() -> None:
    """99.05 is too low for manhole 1 and high enough for manhole 2, which is 14 m away."""
    report = judged(chain(), 99.05)
    assert answer(report) == "A connected B"
    assert value(report, "sewage.fall") == pytest.approx(99.05 - 1 - 0.003 * np.hypot(190, 90) - 97.40)
    assert report.cells["distance_m"].iloc[0] == pytest.approx(np.hypot(10, 10))


def test_what_is_short_is_told_with_its_arithmetic() -> None:
    report = judged([*chain(), ("MH1", point(100, 0), {"role": "manhole"})], 99.0)
    assert answer(report) == "D needs_lifting A"
    reason = report.cells["reason_en"].iloc[0]
    assert "lowest ground 99.00 − 1.00 − 0.003×127 = 97.62 < invert 97.70 of manhole MH1: 0.08 m short" in reason
    assert value(report, "sewage.fall") == pytest.approx(-0.0818, abs=1e-4)


def test_the_lowest_cell_counts_and_not_the_mean() -> None:
    """One cell in the far corner lies a metre deeper."""
    height = np.full((250, 450), 100.0)
    height[200 - 85, 50 + 15] = 99.0  # the cell from (15, 84) to (16, 85)
    assert answer(judged(chain(), height)) == "D needs_lifting A"


def test_a_limit_that_is_just_met_holds() -> None:
    """Ground, depth and invert are written to the centimetre; the sum is exactly 0."""
    rows = [pipe("A", (0, 0), (100, 0), 99.0, 98.2), ("W", point(100, 0), {"role": "source", "kind": "污水处理厂"})]
    flat = profile()
    figures = {**flat.services[0].figures, "run_slope": replace(flat.services[0].figures["run_slope"], value=0.0)}
    flat = replace(flat, services=(replace(flat.services[0], figures=figures),))
    assert answer(judged(rows, 99.2, profile=flat)) == "A connected A"
    assert answer(judged(rows, 99.19, profile=flat)) == "D needs_lifting A"


def test_without_ground_nothing_is_known() -> None:
    report = judged(chain(), None)
    assert answer(report) == "U ground_unknown A"
    told = report.issues[report.issues["code"] == "no_ground"]
    assert told["message"].str.contains("污水").tolist() == [True]  # one record, for the one service that asks
    height = np.full((250, 450), 100.0)
    height[:160, :] = np.nan  # only the southern 30 m are known
    assert answer(judged(chain(), height)) == "U ground_unknown A"


def test_ground_that_is_older_than_the_levelling_is_not_that_of_today() -> None:
    whole = load("jiutong_classic")
    both = replace(profile(), services=(profile().services[0], whole.service("leveling")))
    papers = [{"parcel": "P", "service": "场地平整", **letter(says="已平整", date="2026-06-01")}]
    drawn = zone(parcels(P=P), sewage=layer(*chain()), profile=both, evidence=pd.DataFrame(papers))
    for day, found in ((dt.date(2026, 5, 1), "U"), (dt.date(2026, 7, 1), "A")):
        cells = gisplan.check(over(drawn, 100.0, as_of=day)).cells
        assert cells.set_index("service").loc["sewage", "grade"] == found


def test_a_blank_invert_leaves_it_open_and_the_next_manhole_may_serve() -> None:
    rows = chain(A={"invert_to_m": None})
    assert answer(judged(rows, 99.05)) == "A connected B"
    assert answer(judged(rows, 98.0)) == "U fall_unknown A"  # B fails; of A nobody knows


def test_behind_a_step_up_the_pipe_itself_still_serves() -> None:
    """B begins 0.05 m above the end of A, more than the 0.02 m that levels may err; B itself runs down."""
    assert answer(judged(chain(B={"invert_from_m": 97.75}), 100.0)) == "A connected B"


def near(metres: float) -> Profile:
    """The same with a smaller reach."""
    whole = profile()
    one = whole.services[0]
    kept = tuple(
        replace(c, limit=replace(c.limit, high=metres)) if c.measure.kind == "reach" else c for c in one.conditions
    )
    return replace(whole, services=(replace(one, conditions=kept),))


def test_what_runs_uphill_behind_the_manhole_is_told() -> None:
    """With a reach of 12 m only A is near; C begins 0.40 m above the end of B."""
    rows = chain(C={"invert_from_m": 97.8, "invert_to_m": 97.1})
    report = judged(rows, 101.0, profile=near(12.0))
    assert answer(report) == "D uphill A"
    assert "C begins 0.4 m above the end" in report.cells["reason_en"].iloc[0].replace("0.40", "0.4")
    assert value(report, "sewage.downhill") == 0.0


def test_levels_may_err_by_as_much_as_the_profile_says() -> None:
    rows = chain(C={"invert_from_m": 97.42})
    assert answer(judged(rows, 101.0, profile=near(12.0))) == "A connected A"
    rows = chain(C={"invert_from_m": 97.421})
    assert answer(judged(rows, 101.0, profile=near(12.0))) == "D uphill A"


def test_a_blank_level_on_the_way_leaves_it_open() -> None:
    rows = chain(C={"invert_from_m": None})
    assert answer(judged(rows, 101.0, profile=near(12.0))) == "U downhill_unknown A"


def test_a_pump_lifts() -> None:
    """B lifts from manhole 1 to 98.9 and C leads on from there; only A is in reach."""
    rows = chain(B={"invert_from_m": 97.5, "invert_to_m": 98.9}, C={"invert_from_m": 98.8, "invert_to_m": 98.5})
    pump = ("U", point(100, 0), {"role": "pump"})
    stop = ("M", point(200, 0), {"role": "manhole"})
    assert answer(judged(rows, 101.0, profile=near(12.0))) == "U direction_contradicts A"
    assert answer(judged([*rows, pump, stop], 101.0, profile=near(12.0))) == "A connected A"
    still = ("U", point(100, 0), {"role": "pump", "status": "在建"})
    assert answer(judged([*rows, still, stop], 101.0, profile=near(12.0))) == "U pump_unknown A"


def test_a_rising_main_of_two_pipes_ends_at_the_manhole() -> None:
    """B and C are one rising main; with a manhole between them C is a sewer that rises."""
    rows = chain(B={"invert_from_m": 97.5, "invert_to_m": None}, C={"invert_from_m": 98.0, "invert_to_m": 98.5})
    pump = ("U", point(100, 0), {"role": "pump"})
    assert answer(judged([*rows, pump], 101.0, profile=near(12.0))) == "A connected A"
    stop = ("M", point(200, 0), {"role": "manhole"})
    assert answer(judged([*rows, pump, stop], 101.0, profile=near(12.0))) == "U direction_contradicts A"


def test_a_line_without_flow_runs_to_its_lower_end() -> None:
    """B is drawn upstream; without a word its levels turn it, and without levels nobody knows."""
    drawn = pipe("B", (200, 0), (100, 0), 97.4, 97.7, flow=None)
    rows = [r if r[0] != "B" else drawn for r in chain()]
    assert answer(judged(rows, 101.0, profile=near(12.0))) == "A connected A"
    flat = pipe("B", (200, 0), (100, 0), 97.69, 97.70, flow=None)
    rows = [r if r[0] != "B" else flat for r in chain()]
    assert answer(judged(rows, 101.0, profile=near(12.0))) == "U direction_unknown A"


def test_flow_against_the_levels_is_listed_and_not_believed() -> None:
    rows = chain(B={"invert_from_m": 97.4, "invert_to_m": 97.7})
    report = judged(rows, 101.0, profile=near(12.0))
    assert answer(report) == "U direction_contradicts A"
    assert "B is said to flow" in report.cells["reason_en"].iloc[0]
    listed = report.issues[report.issues["code"] == "flow_contradicts"]
    assert listed["feature"].tolist() == ["B"] and "0.3" in listed["message"].iloc[0]


def test_stubs_and_laterals_drain_where_their_first_main_begins() -> None:
    """Lateral L joins the side of B half-way, where B lies at 97.55; the corner farthest from there is (190, 102)."""
    rows = [*chain(), pipe("L", (150, 20), (150, 0), None, None, role="lateral")]
    lone = zone(parcels(P=parcel(110, 22, 190, 102)), sewage=layer(*rows), profile=near(3.0))
    report = gisplan.check(over(lone, 101.0))
    assert answer(report) == "A connected L"
    assert value(report, "sewage.fall") == pytest.approx(101 - 1 - 0.003 * np.hypot(40, 102) - 97.55)
    stubs = [*chain(), ("S", point(150, 0), {"role": "stub"})]
    report = gisplan.check(
        over(zone(parcels(P=parcel(110, 2, 190, 82)), sewage=layer(*stubs), profile=near(3.0)), 101.0)
    )
    assert answer(report) in ("A connected B", "A connected S")


def test_the_flattest_main_on_the_way_is_told_as_a_warning() -> None:
    """0.3 % against 0.15 % at DN 400; C at 0.1 % lacks 0.05 %."""
    report = judged(chain(), 101.0)
    assert value(report, "sewage.slope") == pytest.approx(0.15)
    report = judged(chain(C={"invert_to_m": 97.3}), 101.0)
    rows = report.findings[report.findings["condition"] == "sewage.slope"]
    assert rows["value"].iloc[0] == pytest.approx(-0.05) and rows["grade"].iloc[0] == "D"
    assert report.cells["grade"].iloc[0] == "A"
    assert np.isnan(value(judged(chain(C={"diameter_mm": None}), 101.0), "sewage.slope"))


def absurd(report: gisplan.Report) -> list[tuple[str, str]]:
    """The features that are named for inverts that cannot be, with what is told of the first."""
    told = report.issues[report.issues["code"] == "invert_absurd"]
    return list(zip(told["feature"], told["message"], strict=True))


def test_depths_in_the_column_of_levels_are_no_levels() -> None:
    """Depths of 2.3 to 1.5 m, ground at 100 m: as levels they fall all the way to the plant."""
    rows = chain(
        A={"invert_from_m": 2.3, "invert_to_m": 2.0},
        B={"invert_from_m": 2.0, "invert_to_m": 1.8},
        C={"invert_from_m": 1.8, "invert_to_m": 1.5},
    )
    report = judged(rows)
    assert answer(report).split()[:2] == ["U", "fall_unknown"]
    (first, said), (second, _) = absurd(report)
    assert (first, second) == ("A", "A")  # a record for each of the two columns
    assert "in 3 places (the first says 2.3 m where the ground is 100 m; at most 1 m above and 30 m below it)" in said


@pytest.mark.parametrize(
    ("level", "own", "named"),
    [
        (0.0, {}, True),  # a zero for a blank: 100 m deep
        (70.5, {}, False),  # 29.5 m deep
        (69.5, {}, True),
        (100.9, {}, False),
        (101.1, {}, True),  # above the ground
        (101.1, {"status": "规划"}, True),  # whatever its status
    ],
)
def test_a_level_is_believed_within_the_limits_of_the_profile(level: float, own: dict[str, Any], named: bool) -> None:
    report = judged(chain(C={"invert_to_m": level, **own}))
    assert [feature for feature, _ in absurd(report)] == ["C"] * named


def test_levels_are_believed_where_the_ground_is_not_known() -> None:
    hole = np.full((250, 450), 100.0)
    hole[:, 340:] = np.nan  # from x = 290 m on
    assert absurd(judged(chain(C={"invert_to_m": 0.0}), hole)) == []


def test_many_parcels_find_what_trying_every_pipe_finds() -> None:
    """Eighty parcels beside a sewer of short pipes: each connects to the nearest pipe in reach to which it drains."""
    rng = np.random.default_rng(5)
    x = np.concatenate([[0.0], np.cumsum(rng.uniform(15, 45, 60))])
    level = 98 - np.concatenate([[0.0], np.cumsum(rng.uniform(0.0, 0.25, 60))])
    rows = [
        pipe(f"S{k}", (x[k], 0), (x[k + 1], 0), round(level[k], 3), round(level[k + 1], 3)) for k in range(len(x) - 1)
    ]
    rows.append(("W", point(x[-1], 0), {"role": "source", "kind": "污水处理厂"}))
    land, heights = {}, np.full((250, int(x[-1]) + 200), 97.0)
    for k in range(80):
        west, side = 20 + (k // 2) * (x[-1] - 60) / 40, 1 if k % 2 else -1
        at = np.round([west, 12 * side, west + 20, 42 * side], 2)
        ground = round(np.interp(west, x, level) + 1.0 + rng.uniform(-0.4, 0.5), 2)
        land[f"P{k}"] = (at, ground)
        # A cell beyond each side of the parcel, north to south from y = 200.
        low, high = sorted((at[1], at[3]))
        heights[int(200 - high) - 1 : int(200 - low) + 2, int(at[0] + 50) - 1 : int(at[2] + 50) + 2] = ground
    plots = parcels(**{name: parcel(a[0], min(a[1], a[3]), a[2], max(a[1], a[3])) for name, (a, _) in land.items()})
    drawn = zone(plots, sewage=layer(*rows), profile=profile())
    raw = RawGrid("dem.tif", heights, (1.0, 0.0, X - 50, 0.0, -1.0, Y + 200), drawn.survey.crs)
    made = of_grid(raw, Source("ground", "ground", file="dem.tif"), drawn.survey.gate, Book())
    report = gisplan.check(Zone(replace(drawn.survey, ground=made), drawn.date, drawn.known_on, drawn.lang))
    cells = report.cells.set_index("parcel")
    tally = {"first": 0, "later": 0, "none": 0}
    for name, (a, ground) in land.items():
        found = []
        for k in range(len(x) - 1):
            gap = np.hypot(max(x[k] - a[2], a[0] - x[k + 1], 0.0), 12)
            run = max(np.hypot(c - x[k + 1], 42) for c in (a[0], a[2]))
            if gap <= 50:
                found.append((gap, k, ground - 1 - 0.003 * run - round(level[k + 1], 3) >= 0))
        found.sort()  # several pipes may lie equally near
        holds = [gap for gap, _, fits in found if fits]
        cell = cells.loc[name]
        assert (cell["grade"], cell["code"]) == (("A", "connected") if holds else ("D", "needs_lifting")), name
        assert cell["distance_m"] == pytest.approx(holds[0] if holds else found[0][0], abs=1e-6), name
        chosen = next(row for row in found if f"S{row[1]}" == cell["feature"])
        assert chosen[2] == bool(holds), name
        tally["none" if not holds else "first" if holds[0] == found[0][0] else "later"] += 1
    assert min(tally.values()) >= 5, tally


def test_the_lowest_ground_is_known_only_where_all_of_it_is() -> None:
    """A strip of the parcel that would lie 10 m lower is D where it was measured, and not known where it was not.

    P has 80 × 80 cells; a cell without a height just outside it is none of its own.
    """
    low = np.full((250, 450), 100.0)
    low[110:118, 60:140] = 90.0
    hole, beside = low.copy(), np.full((250, 450), 100.0)
    hole[110:118, 60:140] = np.nan
    beside[109, 60:140] = beside[190, 60:140] = np.nan
    assert answer(judged(chain(), low)) == "D needs_lifting A"
    assert answer(judged(chain(), hole)) == "U ground_unknown A"
    assert answer(judged(chain(), beside)) == "A connected A"
    single = np.full((250, 450), 100.0)
    single[150, 100] = np.nan
    assert answer(judged(chain(), single)) == "U ground_unknown A"
