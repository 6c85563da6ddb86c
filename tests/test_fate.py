"""Turns of fate on the embedded zone: what a plant, a letter, a blank or a missing pipe does to the answers."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import fiona
import pytest

import gisplan
from gisplan.report import Report

GANTING = Path(__file__).parents[1] / "layers" / "ganting"
CONNECTION = "jiutong_connection"


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    """A copy of the embedded zone to play with."""
    return Path(shutil.copytree(GANTING, tmp_path / "zone"))


@pytest.fixture(scope="module")
def report() -> Report:
    return gisplan.check(gisplan.read(GANTING, CONNECTION))


def grades(report: Report, service: str) -> dict[str, str]:
    return dict(report.readiness[service].astype(str))


def edit(path: Path, change: object) -> None:
    """Rewrite a CSV row by row; a row for which `change` gives None is left out."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = list(rows[0])
    kept = [r for r in (change(row) for row in rows) if r is not None]  # type: ignore[operator]
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(kept)


def test_sewers_are_finished_and_the_plant_is_not(report: Report) -> None:
    """管通厂不通: what drains to the plant under construction (PT-01) is B with the plant's date, never A."""
    cells = report.cells[(report.cells["service"] == "sewage") & (report.cells["works"] == "PT-01")]
    assert len(cells) >= 20
    assert set(cells["grade"]) == {"B"}
    assert set(cells["ready_on"].dt.strftime("%Y-%m-%d")) == {"2026-12-31"}


def test_past_the_plants_planned_finish_nobody_knows(report: Report) -> None:
    """The day after 2026-12-31, with no news of the plant, the same cells are unknown: a date makes nothing ready."""
    drained = report.cells[(report.cells["service"] == "sewage") & (report.cells["works"] == "PT-01")]["parcel"]
    later = gisplan.check(report.zone.at("2027-01-01"))
    cells = later.cells[(later.cells["service"] == "sewage") & later.cells["parcel"].isin(drained)]
    assert set(cells["grade"]) == {"U"}
    assert set(cells["code"]) <= {"overdue", "parcel_overlap"}
    assert "A" not in set(later.cells["grade"])


def test_a_plant_that_is_late_by_a_day_before_the_check(zone: Path) -> None:
    """The same with the plant's own date in the past: overdue today."""
    edit(zone / "works.csv", lambda r: {**r, "planned_on": "2026-10-31"} if r["works"] == "PT-01" else r)
    late = gisplan.check(gisplan.read(zone, CONNECTION))
    cells = late.cells[(late.cells["service"] == "sewage") & (late.cells["code"] == "overdue")]
    assert len(cells) >= 20
    assert set(cells["grade"]) == {"U"}


def test_gas_known_by_three_letters_one_of_them_expired(zone: Path) -> None:
    (zone / "gas.gpkg").unlink()
    letters = ["GT-B-03-04", "GT-B-04-03", "CQ-E-04-03"]

    def three(row: dict[str, str]) -> dict[str, str] | None:
        if row["service"] != "gas":
            return row
        if row["parcel"] not in letters:
            return None
        return {**row, "expires": "2026-10-31"} if row["parcel"] == letters[2] else row

    edit(zone / "evidence.csv", three)
    report = gisplan.check(gisplan.read(zone, CONNECTION))
    found = grades(report, "gas")
    assert {p for p, g in found.items() if g == "A"} == set(letters[:2])
    assert {g for p, g in found.items() if p not in letters[:2]} == {"U"}
    assert "函件" in report.explain(letters[0], "gas", "zh")
    by_letter = report.cells[(report.cells["service"] == "gas") & (report.cells["grade"] == "A")]
    assert set(by_letter["by"]) == {"letter"}


def test_a_blank_land_use_is_unknown_and_still_counts(zone: Path, report: Report) -> None:
    ready = report.readiness.index[report.readiness["ready"] == "yes"][0]
    path = zone / "parcels.gpkg"
    with fiona.open(path) as source:
        meta, rows = source.meta, list(source)
    path.unlink()
    with fiona.open(path, "w", **meta) as sink:
        for row in rows:
            properties = dict(row["properties"])
            key = next(k for k in properties if k in ("use", "land_use", "用地性质"))
            if ready in properties.values():
                properties[key] = None
            sink.write({"type": "Feature", "geometry": row["geometry"], "properties": properties})
    blank = gisplan.check(gisplan.read(zone, CONNECTION))
    assert blank.readiness.loc[ready, "ready"] == "unknown"
    assert blank.readiness.loc[ready, "leveling"] == "U"
    assert blank.readiness.loc[ready, "required_count"] == report.readiness.loc[ready, "required_count"] == 10


def test_one_pipe_at_the_plant_is_removed_and_put_back(zone: Path, tmp_path: Path, report: Report) -> None:
    """The stranded parcels and their mu are named; with the pipe back the files are the same to the byte."""
    from gisplan.outputs.delivery import write_all

    before = tmp_path / "before"
    after = tmp_path / "after"
    whole = gisplan.check(gisplan.read(zone, CONNECTION))
    write_all(whole.tables(), whole.run, before)

    graph = whole.graph("water")
    plants = [n for n, data in graph.nodes(data=True) if data.get("source")]
    served = whole.cells[(whole.cells["service"] == "water") & (whole.cells["grade"] == "A")]
    plant = served["source"].value_counts().index[0]
    node = next(n for n in plants if graph.nodes[n]["source"] == plant)
    pipe = sorted({str(key).rsplit("#", 1)[0] for *_, key in graph.edges(node, keys=True) if key != "reach"})[0]

    kept = (zone / "water.gpkg").read_bytes()
    _without(zone / "water.gpkg", pipe)
    broken = gisplan.check(gisplan.read(zone, CONNECTION))
    lost = whole.stranded(broken)
    assert set(lost["service"]) == {"water"}

    # By hand: take the pipe's edges out of the graph and see who has no way to any plant left.
    cut = graph.copy()
    cut.remove_edges_from([(u, v, k) for u, v, k in graph.edges(keys=True) if str(k).rsplit("#", 1)[0] == pipe])
    reached = set().union(*(_component(cut, p) for p in plants))
    alone = {p for p in served["parcel"] if ("parcel", p) not in reached}
    assert alone
    assert set(lost["parcel"]) == alone
    mu = whole.readiness.loc[sorted(alone), "area_mu"].sum()
    assert lost["area_mu"].sum() == pytest.approx(mu)

    (zone / "water.gpkg").write_bytes(kept)
    again = gisplan.check(gisplan.read(zone, CONNECTION))
    write_all(again.tables(), again.run, after)
    names = sorted(p.name for p in before.iterdir())
    assert names == sorted(p.name for p in after.iterdir())
    for name in names:
        assert (before / name).read_bytes() == (after / name).read_bytes(), name


def _component(graph: object, start: object) -> set[object]:
    """Everything that can be reached, by a walk of our own."""
    seen, todo = {start}, [start]
    while todo:
        for other in graph[todo.pop()]:  # type: ignore[index]
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def _without(path: Path, feature: str) -> None:
    """Write a GeoPackage again without one feature."""
    layers = {}
    for name in fiona.listlayers(path):
        with fiona.open(path, layer=name) as source:
            layers[name] = (source.meta, [r for r in source if feature not in dict(r["properties"]).values()])
    path.unlink()
    for name, (meta, rows) in layers.items():
        with fiona.open(path, "w", layer=name, **meta) as sink:
            sink.writerecords(rows)
