"""A red line that is in no layer: judged as if it had been a parcel of the zone, listed apart, changing nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ezdxf
import geopandas as gpd
import pandas as pd
import pytest
import shapely

import gisplan
from gisplan.base.errors import FormatError, LayerError, MissingCRS, ReadError
from gisplan.cli import main
from gisplan.outputs.boundary_txt import write
from tests.rewriting import CONNECTION, GANTING, copy, sheets

PARCEL = "GT-D-08-06"
X, Y = 554_000.0, 4_002_000.0


def as_txt(frame: gpd.GeoDataFrame, path: Path) -> Path:
    write(path / "red.txt", frame, "EPSG:4525")
    return path / "red.txt"


def as_geojson(frame: gpd.GeoDataFrame, path: Path) -> Path:
    own = frame[["parcel", "name", "use", "geometry"]].to_crs(4326)
    own.to_file(path / "red.geojson", COORDINATE_PRECISION=12)
    return path / "red.geojson"


def as_dxf(frame: gpd.GeoDataFrame, path: Path) -> Path:
    document = ezdxf.new("R2010")
    document.appids.add("SOUTH")
    model = document.modelspace()
    for _, row in frame.iterrows():
        ring = shapely.get_coordinates(row.geometry.exterior)[:-1]
        entity = model.add_lwpolyline(ring, close=True, dxfattribs={"layer": "JZD"})
        strings = ("300000", row["parcel"], "某某", row["use"])
        entity.set_xdata("SOUTH", [(1000, str(text)) for text in strings])
        model.add_circle(ring[0], 0.5, {"layer": "JZP"})  # point symbols: closed too, but no parcels
    model.add_line((0, 0), (1, 1), {"layer": "0"})
    document.saveas(path / "red.dxf")
    return path / "red.dxf"


FORMS = {"TXT": as_txt, "DXF": as_dxf, "GeoJSON": as_geojson}


@pytest.fixture(scope="module")
def whole() -> pd.Series:
    report = gisplan.check(gisplan.read(GANTING, CONNECTION))
    return report.cells.set_index(["parcel", "service"])["grade"]


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> gisplan.Zone:
    """The embedded zone, one parcel taken out of its layer."""
    folder = copy(tmp_path_factory.mktemp("without") / "zone", ["parcels.gpkg"])
    frame = sheets(["parcels"])[0].frame
    frame[frame["parcel"] != PARCEL].to_file(folder / "parcels.gpkg", layer="parcels")
    return gisplan.read(folder, CONNECTION)


@pytest.mark.parametrize("form", FORMS)
def test_a_parcel_taken_out_has_the_same_grades_as_a_red_line(
    whole: pd.Series, without: gisplan.Zone, form: str, tmp_path: Path
) -> None:
    frame = sheets(["parcels"])[0].frame
    path = FORMS[form](frame[frame["parcel"] == PARCEL], tmp_path)
    assert PARCEL not in without.parcels.index
    red = without.redline(path)
    grades = gisplan.check(red).cells.set_index(["parcel", "service"])["grade"]
    assert list(red.parcels.index) == [PARCEL] and len(grades) == 10
    assert (grades == whole[PARCEL].reindex(grades[PARCEL].index).to_numpy()).all()
    assert set("ABD") <= set(grades), "a parcel whose grades are all alike would prove little"


def test_the_zone_is_judged_as_before(whole: pd.Series, without: gisplan.Zone, tmp_path: Path) -> None:
    frame = sheets(["parcels"])[0].frame
    before = gisplan.check(without).cells
    without.redline(as_txt(frame[frame["parcel"] == PARCEL], tmp_path)).judged()
    again = gisplan.check(gisplan.Zone(without.survey, without.date, without.known_on)).cells
    assert before.equals(again)


# A small zone: a water main 10 m south of three parcels of 100 m and of one that is only 20 m deep.
HEAD = """[zone]
title = "测试区"
crs = "EPSG:4546"
date = 2026-11-01
profile = "jiutong_connection"
place = { box = [111.54, 36.08, 111.74, 36.26] }
[barriers]
none = true
[layer.water]
status = "现状"
as_of = 2026-01-31
"""
Draw = Callable[[Any, Path], Path]


def box(x: float, y: float, width: float, height: float) -> shapely.Polygon:
    return shapely.box(X + x, Y + y, X + x + width, Y + y + height)


@pytest.fixture
def zone(tmp_path: Path) -> gisplan.Zone:
    folder = tmp_path / "zone"
    folder.mkdir()
    parcels = [box(0, 0, 100, 100), box(100, 0, 100, 100), box(200, 0, 100, 100), box(380, 0, 140, 20)]
    frame = gpd.GeoDataFrame({"parcel": ["P1", "P2", "P3", "P4"]}, geometry=parcels, crs=4546)
    frame.to_file(folder / "parcels.gpkg", layer="parcels")
    main_line = shapely.LineString([(X - 50, Y - 10), (X + 550, Y - 10)])
    plant = shapely.Point(X - 50, Y - 10)
    rows = {"feature": ["W1", "S1"], "role": ["管线", "源"], "diameter_mm": ["300", None], "kind": [None, "水厂"]}
    gpd.GeoDataFrame(rows, geometry=[main_line, plant], crs=4546).to_file(folder / "water.gpkg", layer="water")
    (folder / "zone.toml").write_text(HEAD, encoding="utf-8")
    return gisplan.read(folder, lang="en")


def red_of(zone: gisplan.Zone, tmp_path: Path, shapes: list[Any], crs: int | None = 4546, **columns: Any) -> Any:
    frame = gpd.GeoDataFrame({"note": ["x"] * len(shapes), **columns}, geometry=shapes, crs=crs)
    frame.to_file(tmp_path / "red.gpkg", layer="red")
    return zone.redline(tmp_path / "red.gpkg")


def water(zone: gisplan.Zone) -> dict[str, tuple[str, str]]:
    cells = gisplan.check(zone).cells
    mine = cells[cells["service"] == "water"]
    return {p: (g, c) for p, g, c in zip(mine["parcel"], mine["grade"], mine["code"], strict=True)}


def test_the_zones_own_parcels_stand_in_the_way(zone: gisplan.Zone, tmp_path: Path) -> None:
    """Behind P4, 20 m deep, the main is 30 m away, through P4; beside the parcels the way is free."""
    assert {grade for grade, _ in water(zone).values()} == {"A"}
    assert water(red_of(zone, tmp_path, [box(400, 20, 100, 30)])) == {"红线1": ("D", "blocked")}
    assert water(red_of(zone, tmp_path, [box(310, 0, 30, 60)])) == {"红线1": ("A", "connected")}


def test_where_it_lies_on_a_parcel_it_is_neither_blocked_nor_doubtful(zone: gisplan.Zone, tmp_path: Path) -> None:
    assert water(red_of(zone, tmp_path, [box(100, 0, 100, 100)]))["红线1"] == ("A", "connected")
    # The northern half of P2 as a new parcel: its southern half stays in the way.
    assert water(red_of(zone, tmp_path, [box(100, 20, 100, 80)]))["红线1"][1] == "blocked"
    # A strip of 1.5 m is what two surveys of one boundary differ by; one of 2.5 m is land.
    assert water(red_of(zone, tmp_path, [box(100, 1.5, 100, 98.5)]))["红线1"] == ("A", "connected")
    assert water(red_of(zone, tmp_path, [box(100, 2.5, 100, 97.5)]))["红线1"][1] == "blocked"
    # Over the corners of three parcels, down to their southern side.
    assert water(red_of(zone, tmp_path, [box(50, 0, 200, 100)]))["红线1"] == ("A", "connected")
    # Two red lines that lie on each other are as doubtful as two parcels would be.
    both = water(red_of(zone, tmp_path, [box(310, 0, 30, 60), box(320, 0, 30, 60)]))
    assert {grade for grade, _ in both.values()} == {"U"}


def test_numbers(zone: gisplan.Zone, tmp_path: Path) -> None:
    shapes = [box(310, 0, 10, 10), box(330, 0, 10, 10), box(350, 0, 10, 10)]
    assert list(red_of(zone, tmp_path, shapes).parcels.index) == ["红线1", "红线2", "红线3"]
    named = red_of(zone, tmp_path, shapes, parcel=["0100010", None, "红线1"])
    assert list(named.parcels.index) == ["0100010", "红线2", "红线1"]
    with pytest.raises(LayerError, match="P2"):
        red_of(zone, tmp_path, shapes, parcel=["P2", "a", "b"])
    assert list(red_of(zone, tmp_path, [box(100, 0, 100, 90)], parcel=["P2"]).parcels.index) == ["P2"]


def drawn(tmp_path: Path, *layers: str, close: bool = True, at: tuple[float, float] = (X, Y)) -> Path:
    document = ezdxf.new("R2010")
    for number, layer in enumerate(layers):
        x, y = at[0] + 310 + 40 * number, at[1]
        ring = [(x, y), (x + 30, y), (x + 30, y + 30), (x, y + 30)]
        document.modelspace().add_lwpolyline(ring, close=close, dxfattribs={"layer": layer})
    document.saveas(tmp_path / "red.dxf")
    return tmp_path / "red.dxf"


def test_a_drawing_is_taken_in_the_zones_system_and_that_is_said(zone: gisplan.Zone, tmp_path: Path) -> None:
    red = zone.redline(drawn(tmp_path, "红线"))
    assert water(red) == {"红线1": ("A", "connected")}
    assert "red.dxf:红线 names no coordinate system; it is taken to be in the zone's EPSG:4546." in [
        note.en for note in red.survey.notes
    ]
    assert "redline_crs" in list(red.issues["code"])
    with pytest.raises(MissingCRS):
        zone.redline(drawn(tmp_path, "红线", at=(54_000.0, 2_000.0)))
    with pytest.raises(MissingCRS):
        zone.redline(drawn(tmp_path, "红线", at=(Y, X)))


def test_which_layer(zone: gisplan.Zone, tmp_path: Path) -> None:
    path = drawn(tmp_path, "红线", "图框")
    with pytest.raises(LayerError, match=r"图框.*--redline-layer"):
        zone.redline(path)
    assert list(zone.redline(path, "红线").parcels.index) == ["红线1"]
    with pytest.raises(LayerError, match="closed"):
        zone.redline(drawn(tmp_path, "红线", close=False))


def test_what_is_no_red_line_is_refused(zone: gisplan.Zone, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello", encoding="utf-8")
    (tmp_path / "a.dwg").write_bytes(b"AC1018" + bytes(100))
    for name in ("none.txt", "https://example.org/a.geojson", "/vsizip/a.zip"):
        with pytest.raises(ReadError):
            zone.redline(name)
    for name in ("a.txt", "a.dwg"):
        with pytest.raises(FormatError, match=rf"{name[0]}\.{name[2:]}"):
            zone.redline(tmp_path / name)
    (tmp_path / "b.csv").write_text("parcel\nP9\n", encoding="utf-8")
    with pytest.raises(LayerError, match="closed"):
        zone.redline(tmp_path / "b.csv")


HEADER = "[属性描述]\n坐标系={0}\n几度分带=3\n计量单位=米\n带号={1}\n[地块坐标]\n5,0.09,R1,,面,,,,@\n"
CORNERS = ((1, 310, 30), (2, 340, 30), (3, 340, 0), (4, 310, 0))
POINTS = "\n".join(f"J{n},1,{Y + y},{37e6 + X + x}" for n, x, y in CORNERS)


def test_a_header_that_contradicts_itself_is_not_taken_for_the_zones_system(zone: gisplan.Zone, tmp_path: Path) -> None:
    path = tmp_path / "red.txt"
    closing = f"\nJ1,1,{Y + 30},{37e6 + X + 310}\n"
    path.write_text(HEADER.format("2000国家大地坐标系", 37) + POINTS + closing, encoding="gbk")
    assert water(zone.redline(path)) == {"R1": ("A", "connected")}
    for system, number in (("2000国家大地坐标系", 38), ("临汾市城市坐标系", 37), ("1980西安坐标系", 37)):
        path.write_text(HEADER.format(system, number) + POINTS + closing, encoding="gbk")
        with pytest.raises(MissingCRS):
            zone.redline(path)
    path.write_text(HEADER.format("2000国家大地坐标系", 37) + POINTS.replace("J2,1,", "J2,") + closing, encoding="gbk")
    assert water(zone.redline(path))["R1"][0] == "U"


def test_the_command_lists_it_apart(zone: gisplan.Zone, tmp_path: Path, capsys: Any) -> None:
    folder = str(zone.survey.folder)
    assert main(["check", folder, "--out", str(tmp_path / "plain"), "--lang", "en"]) == 0
    plain = capsys.readouterr().out
    path = drawn(tmp_path, "红线")
    assert main(["check", folder, "--out", str(tmp_path / "out"), "--lang", "en", "--redline", str(path)]) == 0
    said = capsys.readouterr().out
    assert "Red line: 1 outlines, 1.4 mu" in said and "红线1" in said and "red.dxf" in said
    assert said.split("\nRed line:")[0].strip() == plain.split("\nMap:")[0].strip()
    for name in ("readiness.csv", "findings.csv", "issues.csv", "gaps.geojson"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    apart = tmp_path / "out" / "redline"
    table = pd.read_csv(apart / "readiness.csv")
    assert list(table["parcel"]) == ["红线1"] and list(table["water"]) == ["A"]
    assert "red.dxf" in json.loads((apart / "run.json").read_text(encoding="utf-8"))["inputs"]
    assert (apart / "review.html").is_file() and not (tmp_path / "plain" / "redline").exists()
    missing = ["check", folder, "--out", str(tmp_path / "none"), "--redline", str(tmp_path / "no.dxf")]
    assert main(missing) == 3 and not (tmp_path / "none").exists()


PAPER = "parcel,feature,service,issuer,number,date,expires,says\n{0},,{1},水务局,1,2026-05-01,,{2}\n"


def test_a_paper_against_the_land_is_heard_under_any_number(zone: gisplan.Zone, tmp_path: Path) -> None:
    """P2 is said not to be connected; a red line on the same land, or on a strip of it, has another number."""
    folder = tmp_path / "zone"
    (folder / "evidence.csv").write_text(PAPER.format("P2", "water", "未通"), encoding="utf-8")
    zone = gisplan.read(folder, lang="en")
    assert {parcel for parcel, (grade, _) in water(zone).items() if grade == "U"} == {"P2"}
    assert water(red_of(zone, tmp_path, [box(100, 0, 100, 100)]))["红线1"][0] == "U"
    assert water(red_of(zone, tmp_path, [box(190, 0, 100, 100)]))["红线1"][0] == "U"
    assert water(red_of(zone, tmp_path, [box(200, 0, 100, 100)]))["红线1"][0] == "A"
    # What speaks for it counts for the parcel that it names alone.
    (folder / "evidence.csv").write_text(PAPER.format("P2", "power", "已通"), encoding="utf-8")
    red = red_of(gisplan.read(folder, lang="en"), tmp_path, [box(100, 0, 100, 100)])
    cells = gisplan.check(red).cells
    assert cells.set_index("service")["grade"]["power"] == "U"


def test_an_acceptance_does_not_outlive_what_the_zone_says_of_the_parcel(tmp_path: Path) -> None:
    """Levelling is accepted by paper and under way in the layer: nobody knows, as a parcel and as a red line."""
    accepted, promised = "GT-B-03-04", "七通一平"
    folder = copy(tmp_path / "zone", ["parcels.gpkg"])
    frame = sheets(["parcels"])[0].frame.copy()
    frame.loc[frame["parcel"] == accepted, ["leveling_status", "promised"]] = "在建", promised
    frame.to_file(folder / "parcels.gpkg", layer="parcels")
    zone = gisplan.read(folder, CONNECTION)
    mine = frame[frame["parcel"] == accepted].drop(columns=["leveling_status", "promised"])
    mine.to_file(tmp_path / "red.gpkg", layer="red")
    red = zone.redline(tmp_path / "red.gpkg")
    grades = [gisplan.check(one).cells.set_index(["parcel", "service"])["grade"][accepted] for one in (zone, red)]
    assert grades[0]["leveling"] == "U" and grades[0].sort_index().equals(grades[1].sort_index())
    assert red.parcels.at[accepted, "promised"] == promised
    # A file that contradicts the layer settles nothing.
    mine.assign(leveling_status="现状").to_file(tmp_path / "red.gpkg", layer="red")
    again = gisplan.check(zone.redline(tmp_path / "red.gpkg")).cells.set_index("service")["grade"]
    assert again["leveling"] == "U"
