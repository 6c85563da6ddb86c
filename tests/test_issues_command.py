"""The command ``gisplan issues`` on a small zone with known faults, nothing stood in for."""

from __future__ import annotations

import csv
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
from shapely import LineString, Point, affinity, box

from gisplan.cli import main

X, Y = 550_000, 4_000_000
ZONE = """[zone]
title = { zh = "测试区", en = "Test zone" }
crs = "EPSG:4546"
date = 2026-11-01

[barriers]
none = true
"""


def save(path: Path, *rows: dict) -> None:
    moved = [{**row, "geometry": affinity.translate(row["geometry"], X, Y)} for row in rows]
    gpd.GeoDataFrame(moved, crs="EPSG:4546").to_file(path, layer=path.stem)


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A water main that is interrupted by 0.3 m between P1 and P2, and two parcels that share 10 m by 100 m."""
    folder = tmp_path_factory.mktemp("issues") / "zone"
    folder.mkdir()
    (folder / "zone.toml").write_text(ZONE, encoding="utf-8")
    shapes = {"P1": (0, 0), "P2": (300, 0), "P3": (0, 2000), "P4": (90, 2000)}
    rows = [
        {"parcel": name, "use": "工业用地", "geometry": box(x, y, x + 100, y + 100)} for name, (x, y) in shapes.items()
    ]
    save(folder / "parcels.gpkg", *rows)
    main_ = {"role": "管线", "status": "现状", "diameter_mm": 300.0}
    save(
        folder / "water.gpkg",
        {"feature": "W0", "role": "源", "kind": "水厂", "status": "现状", "geometry": Point(-50, -10)},
        {"feature": "W1", **main_, "geometry": LineString([(-50, -10), (100, -10)])},
        {"feature": "W2", **main_, "geometry": LineString([(100.3, -10), (700, -10)])},
    )
    return folder


@pytest.fixture
def run(zone, tmp_path, monkeypatch, capsys):
    """Run the command elsewhere; give its exit code, what it printed, and what it complained of."""
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str) -> tuple[int, str, str]:
        code = main(["issues", str(zone), *arguments])
        return code, *capsys.readouterr()

    return go


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_it_says_what_is_wrong_with_figures(run, tmp_path):
    code, out, err = run("--lang", "en")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "Test zone"
    assert "P3 and P4 overlap by 1000 m²" in out
    assert "0.3 m apart" in out and "W1" in out and "W2" in out
    assert not list(tmp_path.iterdir()), "nothing is written that was not asked for"
    code, out, _ = run()
    assert (
        code == 0 and "测试区" in out and "重叠 1000 m²" in out and "overlap" not in out.replace("parcel_overlap", "")
    )


def test_land_comes_first_in_the_list(run):
    """P3 and P4 (1 ha = 15 mu each) are both in doubt as long as they overlap."""
    _, out, _ = run("--lang", "en", "--service", "parcels")
    entry = out[out.index(" 1. ") :].splitlines()
    assert "overlapping parcels" in entry[0] and entry[0].endswith("P3 — P4")
    assert "30 mu (parcels: 2)" in entry[1]


@pytest.mark.parametrize("service", ["给水", "parcels,water"])
def test_services_by_any_name(run, service):
    _, out, _ = run("--service", service, "--lang", "en", "--code", "joined", "parcel_overlap")
    assert "W1" in out and ("P3" in out) == ("parcels" in service)


@pytest.mark.parametrize("code", ["按容差相接", "joined over a gap"])
def test_kinds_by_any_name(run, code):
    _, out, _ = run("--code", code, "--lang", "en")
    assert "W1" in out and "P3" not in out and "columns_unused" not in out


def test_filters_combine(run):
    assert "No faults" in run("--code", "joined", "--service", "parcels", "--lang", "en")[1]
    assert "No faults" in run("--code", "joined", "--severity", "error", "--lang", "en")[1]
    assert (
        "P3" in run("--code", "parcel_overlap", "--severity", "warning", "error", "--parcel", "P4", "--lang", "en")[1]
    )
    assert "No faults" in run("--code", "parcel_overlap", "--parcel", "P1", "--lang", "en")[1]


@pytest.mark.parametrize(
    ("arguments", "known"),
    [
        (["--service", "steam"], "water 给水"),
        (["--code", "no_such"], "parcel_overlap"),
        (["--parcel", "P9"], "P4"),
        (["--date", "2026-11-01", "--profile", "none.toml"], "none.toml"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(run, arguments, known):
    code, out, err = run(*arguments, "--lang", "en")
    assert (code, out) == (3, "")
    assert known in err and "Traceback" not in err and err.startswith("gisplan: ")


@pytest.mark.parametrize(
    "arguments",
    [["--severity", "fatal"], ["--top", "-1"], ["--top", "many"], ["--out", "a", "--csv", "b.csv"], ["--date", "May"]],
)
def test_wrong_use_is_two(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "") and "usage: gisplan" in err


def test_top_counts_the_rest(run):
    _, out, _ = run("--top", "1", "--lang", "en", "--code", "joined", "parcel_overlap")
    assert "1 more are not listed" in out and " 1. [" in out and " 2. [" not in out


def test_out_writes_tables_and_layers(run, tmp_path):
    code, out, _ = run("--out", "results", "--lang", "en")
    folder = tmp_path / "results"
    assert code == 0 and "Written: results" in out
    assert sorted(p.name for p in folder.iterdir()) == ["faults.csv", "faults.gpkg", "issues.csv", "joins.csv"]
    faults = {row["code"]: row for row in rows(folder / "faults.csv")}
    overlap, joined = faults["parcel_overlap"], faults["joined"]
    assert (overlap["feature"], overlap["other"], overlap["hanging_mu"]) == ("P3", "P4", "30")
    assert X + 90 < float(overlap["x"]) < X + 100 and Y + 2000 < float(overlap["y"]) < Y + 2100
    assert {joined["feature"], joined["other"]} == {"W1", "W2"} and joined["gap_m"] == "0.3"
    assert X + 100 <= float(joined["x"]) <= X + 100.3 and float(joined["y"]) == Y - 10
    (join,) = rows(folder / "joins.csv")
    assert join["id"].startswith("J-") and (join["gap_m"], join["undone"]) == ("0.3", "no")
    # P1 is served before the gap, P2 (1 ha = 15 mu) behind it; no main reaches P3 and P4.
    assert (
        (join["hanging_parcels"], join["hanging_mu"])
        == (joined["hanging_parcels"], joined["hanging_mu"])
        == ("1", "15")
    )
    assert {row["code"] for row in rows(folder / "issues.csv")} >= {"parcel_overlap", "joined", "no_layer"}
    layers = dict(pyogrio.list_layers(folder / "faults.gpkg"))
    assert layers["joins"] == "MultiPoint" and layers["faults_areas"] == "MultiPolygon"


def test_the_tolerance_is_shown_and_written(run, tmp_path):
    """One gap of 0.3 m: closed it is one join, and one part of network instead of two."""
    code, out, _ = run("--tolerance", "--out", "curve", "--lang", "en", "--service", "water")
    assert code == 0 and "Used now: 0.5 m" in out
    curve = {float(row["tolerance_m"]): row for row in rows(tmp_path / "curve" / "tolerance.csv")}
    assert {(row["service"], row["survey"]) for row in curve.values()} == {("water", "water.gpkg")}
    assert all(int(row["joins"]) == (at >= 0.3) for at, row in curve.items()) and 0.3 in curve
    assert all(int(row["parts"]) == (1 if at >= 0.3 else 2) for at, row in curve.items())
    _, out, _ = run("--tolerance", "--lang", "en", "--service", "parcels")
    assert "Used now" not in out


def test_out_holds_what_was_asked_for(run, tmp_path):
    run("--out", "few", "--service", "water", "--code", "joined")
    assert [row["code"] for row in rows(tmp_path / "few" / "faults.csv")] == ["joined"]
    assert [row["code"] for row in rows(tmp_path / "few" / "issues.csv")] == ["joined"]
    run("--csv", "deeper/faults.csv", "--code", "parcel_overlap")
    assert [path.name for path in (tmp_path / "deeper").iterdir()] == ["faults.csv"]
    assert [row["code"] for row in rows(tmp_path / "deeper" / "faults.csv")] == ["parcel_overlap"]


def test_what_bears_on_a_parcel_is_kept(run, tmp_path):
    """The guess in the main bears on P2 behind it, not on P1 before it; the overlap on the two that overlap."""
    for parcel, kinds in {"P1": [], "P2": ["joined"], "P4": ["parcel_overlap"]}.items():
        run("--parcel", parcel, "--out", parcel)
        found = [row["code"] for row in rows(tmp_path / parcel / "faults.csv")]
        assert [code for code in found if code in ("joined", "parcel_overlap")] == kinds
        assert {row["code"] for row in rows(tmp_path / parcel / "issues.csv")} == set(found)
        assert len(rows(tmp_path / parcel / "joins.csv")) == (parcel == "P2")


def test_a_map_is_written_as_one_file(run, tmp_path):
    code, out, _ = run("--map", "m/fixes.html", "--code", "joined", "--lang", "en")
    assert code == 0 and str(Path("m", "fixes.html")) in out
    assert (tmp_path / "m" / "fixes.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("arguments", [["--out", "."], ["--csv", "parcels.csv"], ["--map", "map.html"]])
def test_nothing_is_written_among_the_layers(zone, monkeypatch, capsys, arguments):
    monkeypatch.chdir(zone)
    before = sorted(zone.iterdir())
    assert main(["issues", str(zone), *arguments]) == 5
    assert "图层文件夹" in capsys.readouterr().err and sorted(zone.iterdir()) == before


def test_a_folder_in_the_way_is_an_error_of_writing(run, tmp_path):
    (tmp_path / "f.csv").mkdir()
    code, _, err = run("--csv", "f.csv")
    assert code == 5 and "f.csv" in err


def test_a_later_date_is_judged(run):
    assert "checked as of 2027-06-30" in run("--date", "2027-06-30", "--lang", "en")[1]
