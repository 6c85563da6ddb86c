"""Pipe surveys: what their tables say becomes lines, points and joints; what they leave open is named."""

from __future__ import annotations

from pathlib import Path

import access_file
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from small_zone import HEAD, X, Y, parcels

import gisplan
from gisplan.base.errors import FormatError, LayerError
from gisplan.base.issues import Book
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import RawLayer, Request
from gisplan.reading.pipe_words import code_of, pairs, role_of, services_of

POINTS = """\
管线点号,X,Y,地面高程,特征,附属物,备注
WS1,4002100,554000,430.5,起点,检查井,
WS2,4002100,554050,430.1,三通,,
WS3,4002100,554100,429.8,预留口,检查井,
WS4,4002140,554050,430,,污水厂,
"""
LINES = """\
起点点号,终点点号,管径,材质,起点埋深,终点埋深,流向
WS1,WS2,DN300,砼,1.5,1.6,+
WS3,WS2,400,砼,1.2,1.5,-
WS2,WS4,０４００,砼,1.6,,+
"""


def told(book: Book, code: str) -> list[str]:
    return [issue.message for issue in book if issue.code == code]


def survey(
    folder: Path, lines: str = LINES, points: str = POINTS, where: str = "[layer.sewage]"
) -> tuple[pd.DataFrame, pd.DataFrame, Book]:
    """Read a pair of CSV files; give lines and points with their shapes, by number."""
    (folder / "ws_line.csv").write_text(lines, encoding="utf-8")
    (folder / "ws_point.csv").write_text(points, encoding="utf-8")
    book = Book("en")
    request = Request("ws_line.csv", where, points="ws_point.csv", beside=folder / "ws_point.csv")
    return *framed(registry.read(folder / "ws_line.csv", request, book)), book


def framed(raws: list[RawLayer]) -> tuple[pd.DataFrame, pd.DataFrame]:
    frames = [raw.table.assign(shape=raw.geometry, broken=raw.broken).set_index("feature") for raw in raws]
    return frames[0], frames[1] if len(frames) > 1 else pd.DataFrame()


def swap(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def test_x_is_north_and_y_is_east(tmp_path):
    lines, points, _ = survey(tmp_path)
    assert points.loc["WS2", "shape"].coords[0] == (554050.0, 4002100.0)
    assert lines.loc["WS1-WS2", "shape"].wkt == "LINESTRING (554000 4002100, 554050 4002100)"
    assert lines[["from_joint", "to_joint"]].to_numpy().tolist() == [["WS1", "WS2"], ["WS3", "WS2"], ["WS2", "WS4"]]


def test_roles_come_from_what_stands_there_and_matters_most(tmp_path):
    _, points, _ = survey(tmp_path)
    assert points["role"].to_dict() == {"WS1": "manhole", "WS2": "joint", "WS3": "stub", "WS4": "source"}
    assert points.loc["WS4", "kind"] == "treatment_plant"
    assert points.index.tolist() == points["from_joint"].tolist()


def test_inverts_are_ground_less_depth_for_gravity_only(tmp_path):
    lines, _, book = survey(tmp_path)
    assert lines["invert_from_m"].tolist() == ["429", "428.6", "428.5"]  # 430.5-1.5, 429.8-1.2, 430.1-1.6
    assert lines["invert_to_m"].tolist() == ["428.5", "428.6", ""]
    assert told(book, "pipe_depth_missing") == ["1 lines lack a depth or a ground level; their invert is not known."]
    water, _, book = survey(tmp_path, where="[layer.water]")
    assert "invert_from_m" not in water and told(book, "pipe_depth_top") and told(book, "pipe_code_other")


@pytest.mark.parametrize(
    ("words", "flows"),
    [
        ("+,-,0", ["forward", "reverse", ""]),
        ("1,2,0", ["forward", "reverse", ""]),
        ("正,逆,", ["forward", "reverse", ""]),
        ("0,1,1", ["0?", "1?", "1?"]),
        ("1,1,1", ["1?", "1?", "1?"]),
        ("双向,+,?", ["双向", "forward", "?"]),
    ],
)
def test_flow_is_what_the_column_shows_it_to_be(tmp_path, words, flows):
    rows = LINES.splitlines()
    body = [row.rsplit(",", 1)[0] + "," + word for row, word in zip(rows[1:], words.split(","), strict=True)]
    lines, _, book = survey(tmp_path, "\n".join([rows[0], *body]))
    assert lines["flow"].tolist() == flows
    assert bool(told(book, "pipe_flow_unclear")) == ("?" in flows[0])


def test_a_line_to_a_number_that_is_not_there_is_lost_alone(tmp_path):
    lines, _, book = survey(tmp_path, LINES + "WS4,WS9,300,砼,1,1,+\nWS4,,300,砼,1,1,+\n")
    assert lines["broken"].tolist() == [False, False, False, True, True]
    (message,) = told(book, "pipe_no_point")
    assert "2 lines" in message and "WS4-WS9" in message and "WS9" in message


def test_a_number_at_two_places_is_no_place(tmp_path):
    lines, points, book = survey(tmp_path, points=POINTS + "WS2,4002100.2,554050,430.1,三通,,\n")
    assert points.loc["WS2", "broken"].all() and lines["broken"].all()
    assert "WS2" in told(book, "pipe_point_twice")[0]


def test_a_number_twice_at_one_place_is_one_point(tmp_path):
    lines, points, book = survey(tmp_path, points=POINTS + "WS2,4002100.02,554050,430.1,三通,,\n")
    assert len(points) == 4 and not lines["broken"].any() and not told(book, "pipe_point_twice")


def test_near_points_zero_sizes_and_own_coordinates_are_told(tmp_path):
    head = "起点点号,终点点号,管径,S_X,S_Y,E_X,E_Y\n"
    body = "WS1,WS2,0,4002100,554000.05,4002100,554050\nWS2,WS3,DN0,4002100,554050,4002100,554100.2\n"
    _, _, book = survey(tmp_path, head + body, POINTS + "WS7,4002100.03,554000.04,430,,,\n")
    assert told(book, "pipe_points_near")[0].startswith("1 pairs") and "WS1/WS7" in told(book, "pipe_points_near")[0]
    assert "2 lines" in told(book, "pipe_size_zero")[0]
    (differ,) = told(book, "pipe_xy_differ")
    assert "WS2-WS3" in differ and "WS1-WS2" not in differ


def test_words_that_nobody_knows_stay(tmp_path):
    _, points, _ = survey(tmp_path, points=swap(POINTS, ("起点,检查井", "起点,神秘设施")))
    assert points.loc["WS1", "role"] == "神秘设施"


def test_a_remark_that_a_pipe_is_abandoned_is_heard(tmp_path):
    lines, _, _ = survey(
        tmp_path,
        "S_Exp,E_Exp,使用状态,备注\nWS1,WS2,,已废弃\nWS2,WS3,现状,此段报废\nWS2,WS4,在用,\n",
    )
    assert lines["status"].tolist() == ["废弃", "现状 / 报废", "在用"]


def test_two_pipes_between_the_same_points_keep_two_names(tmp_path):
    lines, _, _ = survey(tmp_path, LINES + "WS1,WS2,500,砼,1,1,+\n")
    assert lines.index.tolist() == ["WS1-WS2", "WS3-WS2", "WS2-WS4", "WS1-WS2#2"]


def test_numbers_keep_every_digit(tmp_path):
    long = "0001234567890123456"
    pair = [("WS1", long)]
    lines, points, _ = survey(tmp_path, swap(LINES, *pair), swap(POINTS, *pair))
    assert long in points.index and f"{long}-WS2" in lines.index


def test_the_tables_may_be_sheets_of_a_workbook(tmp_path):
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path) as book:
        for code in ("WS", "JS"):
            frame(POINTS).to_excel(book, sheet_name=f"{code}Point", index=False)
            frame(LINES).to_excel(book, sheet_name=f"{code}Line", index=False)
    by_code = registry.read(path, Request("book.xlsx", "[layer.sewage]", "WS"), Book())
    by_name = registry.read(path, Request("book.xlsx", "[layer.sewage]", "WSLine", points="WSPoint"), Book())
    for raws in (by_code, by_name):
        lines, points = framed(raws)
        assert lines.loc["WS1-WS2", "shape"].wkt == "LINESTRING (554000 4002100, 554050 4002100)"
        assert len(points) == 4
    with pytest.raises(LayerError, match='layer = "WS"'):
        registry.read(path, Request("book.xlsx", "[layer.sewage]"), Book())


def frame(text: str) -> pd.DataFrame:
    rows = [line.split(",") for line in text.splitlines()]
    return pd.DataFrame(rows[1:], columns=rows[0])


def test_the_tables_may_be_in_an_access_file(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", access_file.programs(tmp_path / "bin"))
    path = access_file.write(tmp_path / "s.mdb", {"WSPoint": frame(POINTS), "WSLine": frame(LINES)})
    for layer in ("WS", "ws", None):
        lines, points = framed(registry.read(path, Request("s.mdb", "[layer.sewage]", layer), Book()))
        assert len(lines) == 3 and len(points) == 4 and not lines["broken"].any()


def test_the_tables_may_be_in_a_file_geodatabase_whose_points_have_shapes(tmp_path):
    points = frame(POINTS)
    shapes = shapely.points(points["Y"].astype(float), points["X"].astype(float))
    placed = gpd.GeoDataFrame(points.drop(columns=["X", "Y"]), geometry=shapes, crs=4546)
    path = tmp_path / "s.gdb"
    pyogrio.write_dataframe(placed, path, driver="OpenFileGDB", layer="WSPoint")
    pyogrio.write_dataframe(frame(LINES), path, driver="OpenFileGDB", layer="WSLine", append=True)
    raws = registry.read(path, Request("s.gdb", "[layer.sewage]", "WS"), Book())
    lines, points = framed(raws)
    assert lines.loc["WS1-WS2", "shape"].wkt == "LINESTRING (554000 4002100, 554050 4002100)"
    assert raws[0].crs is not None and raws[0].crs.to_epsg() == 4546


SINGLE = """\
管线点号,连接点号,特征,附属物,X,Y,Z,材质,尺寸,流向,埋深
WS1,WS2,起点,检查井,4002100,554000,430.5,砼,300,+,1.5
WS2,WS1,三通,,4002100,554050,430.1,砼,300,-,1.6
WS2,WS4,三通,,4002100,554050,430.1,砼,400,,1.6
WS4,WS2,,污水厂,4002140,554050,430,砼,400,-,1.7
WS5,,直线点,,4002180,554050,430,,,,
"""


def test_one_table_may_be_a_whole_survey(tmp_path):
    path = tmp_path / "ws.csv"
    path.write_text(SINGLE, encoding="utf-8")
    lines, points = framed(registry.read(path, Request("ws.csv", "[layer.sewage]"), Book()))
    assert points.index.tolist() == ["WS1", "WS2", "WS4", "WS5"]
    assert lines.index.tolist() == ["WS1-WS2", "WS2-WS4"], "a link that stands at both its ends is one line"
    assert lines["flow"].tolist() == ["forward", "forward"]  # the second by the row of its other end
    assert lines["invert_from_m"].tolist() == ["429", "428.5"] and lines["invert_to_m"].tolist() == ["428.5", "428.3"]
    assert lines["diameter_mm"].tolist() == ["300", "400"]


def test_rows_that_contradict_each_other_are_not_understood(tmp_path):
    path = tmp_path / "ws.csv"
    path.write_text(SINGLE.replace("300,-,", "300,+,"), encoding="utf-8")
    lines, _ = framed(registry.read(path, Request("ws.csv", "[layer.sewage]"), Book()))
    assert lines.loc["WS1-WS2", "flow"] == "forward / reverse"


def test_tables_of_letters_are_no_survey(tmp_path):
    path = tmp_path / "ws.csv"
    path.write_text(SINGLE, encoding="utf-8")
    (raw,) = registry.read(path, Request("ws.csv", "[evidence]"), Book())
    assert raw.geometry is None


@pytest.mark.parametrize(("table", "column"), [("points", "管线点号"), ("points", "X"), ("lines", "终点点号")])
def test_a_table_without_its_columns_is_refused(tmp_path, table, column):
    texts = {"lines": LINES, "points": POINTS}
    texts[table] = texts[table].replace(column, "别的", 1)
    with pytest.raises(FormatError, match="别的"):
        survey(tmp_path, texts["lines"], texts["points"])


def zone(folder: Path, points: list[tuple[str, float, float, str]], lines: list[str], more: str = "") -> gisplan.Zone:
    """Make a zone of three parcels in a row and a water survey; X and Y from the corner of the first one."""
    parcels().to_file(folder / "parcels.gpkg")
    rows = [f"{n},{Y + y},{X + x},,{what}" for n, x, y, what in points]
    (folder / "p.csv").write_text("\n".join(["点号,X,Y,特征,附属物", *rows]), encoding="utf-8")
    (folder / "l.csv").write_text("\n".join(["S_Exp,E_Exp,PSize", *lines]), encoding="utf-8")
    head = HEAD.replace("[zone]", '[zone]\nprofile = "jiutong_connection"', 1)
    text = head + '[layer.water]\nfile = "l.csv"\npoints = "p.csv"\ncrs = "EPSG:4546"\nstatus = "现状"\n' + more
    (folder / "zone.toml").write_text(text + "\n[barriers]\nnone = true\n", encoding="utf-8")
    return gisplan.read(folder, lang="en")


def grades(read: gisplan.Zone) -> dict[str, str]:
    cells = gisplan.check(read).cells
    return cells[cells["service"] == "water"].set_index("parcel")["grade"].to_dict()


def test_numbers_connect_and_nearness_does_not(tmp_path):
    """The plant A feeds P1's main. P2's main begins 0.05 m from its end under another number: not connected, though
    P1 would lend it water if the drawing counted. P3's main is fed by a long way round."""
    read = zone(
        tmp_path,
        [("A", -60, -10, "自来水厂"), ("B", 60, -10, ""), ("C", 60.05, -10, ""), ("D", 215, -10, ""),
         ("E", 340, -10, ""), ("F", 290, -10, ""), ("G", -60, -300, ""), ("H", 290, -300, "")],
        ["A,B,300", "C,D,300", "E,F,300", "F,H,300", "H,G,300", "G,A,300"],
    )  # fmt: skip
    assert grades(read) == {"P1": "A", "P2": "D", "P3": "A"}
    graph = read.network("water").graph
    assert sum(not isinstance(n, tuple) for n in graph) == 8
    assert len(read.network("water").guesses) == 0


def test_a_valve_between_two_numbers_at_one_place_still_leads_on(tmp_path):
    """B and C are one spot and two numbers; the line between them has no length, and without it P2 would be cut off."""
    points = [("A", -60, -10, "自来水厂"), ("B", 95, -10, ""), ("C", 95, -10, ""), ("D", 215, -10, "")]
    read = zone(tmp_path, points, ["A,B,300", "B,C,300", "C,D,300"])
    assert grades(read) == {"P1": "A", "P2": "A", "P3": "A"}
    assert read.issues["code"].eq("link_no_length").sum() == 1


def test_a_plant_that_no_line_names_feeds_nothing(tmp_path):
    points = [("A", -60, -10, "自来水厂"), ("B", -60, -10.03, ""), ("D", 215, -10, "")]
    assert set(grades(zone(tmp_path, points, ["B,D,300"])).values()) == {"D"}


def test_swapped_columns_are_answered_with_the_line_to_paste(tmp_path):
    read = zone(tmp_path, [("A", 0, 0, ""), ("B", 9, 0, "")], ["A,B,300"])
    assert len(read.layers["water"]) == 3
    for name in ("p.csv",):
        path = tmp_path / name
        path.write_text(path.read_text(encoding="utf-8").replace("X,Y", "Y,X"), encoding="utf-8")
    with pytest.raises(LayerError, match='axes = "north_east"'):
        gisplan.read(tmp_path, lang="en")
    toml = tmp_path / "zone.toml"
    toml.write_text(
        toml.read_text(encoding="utf-8").replace('status = "现状"', 'status = "现状"\naxes = "north_east"'),
        encoding="utf-8",
    )
    assert gisplan.read(tmp_path).layers["water"].total_bounds.tolist() == [X, Y, X + 9, Y]


def test_points_may_not_lie_outside_the_zone(tmp_path):
    (tmp_path / "p.csv").write_text("点号,X,Y\n", encoding="utf-8")
    inner = tmp_path / "z"
    inner.mkdir()
    zone(inner, [("A", 0, 0, ""), ("B", 9, 0, "")], ["A,B,300"])
    toml = inner / "zone.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace('"p.csv"', '"../p.csv"'), encoding="utf-8")
    with pytest.raises(gisplan.base.errors.ReadError, match="outside"):
        gisplan.read(inner, lang="en")


def test_the_words_of_surveys():
    assert services_of("ws") == ("sewage",) and services_of("YS") == ("storm", "water") and services_of("LD") == ()
    assert set(services_of("GD")) == {"power", "catv"} and services_of("原水") == ("water",)
    assert [code_of(n) for n in ("JSLINE", "ws_point", "RQ管线", "雨水管点")] == ["JS", "WS", "RQ", "雨水"]
    assert dict(pairs(["JSPOINT", "jsline", "TR_管点", "TR_管线", "Roads", "XPoint"])) == {
        "js": ("jsline", "JSPOINT"), "TR": ("TR_管线", "TR_管点"),
    }  # fmt: skip
    assert role_of("阀门井") == ("valve", "") and role_of("调压站") == ("source", "regulator_station")
    assert (
        role_of("出水口") == ("outfall", "outfall") and role_of("消防栓")[0] == "hydrant" and role_of("？") == ("", "")
    )


def test_every_alias_means_one_thing_in_its_table():
    from gisplan.reading.pipe_words import aliases

    for table in ("point", "line", "single"):
        words = [word for found in aliases(table).values() for word in found]
        assert sorted(words) == sorted(set(words)), table
    assert np.all([role_of(word)[0] for word in ("检查井", "三通", "预留口", "泵站", "自来水厂")])
