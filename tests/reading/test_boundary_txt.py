"""界址点坐标 (电子报盘): the ten variants of the file, made by hand; what it says of itself; what is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from small_zone import HEAD, pipes
from small_zone import codes as codes_of

import gisplan
from gisplan.base.errors import FormatError, LayerError, MissingCRS
from gisplan.base.issues import Book
from gisplan.outputs.boundary_txt import write
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import RawLayer, Request
from tests.rewriting import GANTING, Sheet, grades, rewrite

TOP = """[属性描述]
坐标系=2000国家大地坐标系
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=37
精度=0.01
转换参数=,,,,,,
[地块坐标]
"""
BLOCK = """5,1.0000,DK-01,一号地块,面,I49G001001,工业用地,0601,@
J1,1,4002100.000,37554000.000
J2,1,4002100.000,37554100.000
J3,1,4002000.000,37554100.000
J4,1,4002000.000,37554000.000
J1,1,4002100.000,37554000.000
"""
# The same parcel with a hole of 20 m by 20 m in its middle: 9600 m2.
HOLED = """10,0.9600,DK-01,一号地块,面,I49G001001,工业用地,0601,@
J1,1,4002100.000,37554000.000
J2,1,4002100.000,37554100.000
J3,1,4002000.000,37554100.000
J4,1,4002000.000,37554000.000
J1,1,4002100.000,37554000.000
{0},2,4002060.000,37554040.000
{1},2,4002060.000,37554060.000
{2},2,4002040.000,37554060.000
{3},2,4002040.000,37554040.000
{0},2,4002060.000,37554040.000
"""
SQUARE = shapely.box(37554000, 4002000, 37554100, 4002100)


def raw(tmp_path: Path, text: str | bytes, encoding: str = "utf-8", book: Book | None = None) -> RawLayer:
    path = tmp_path / "parcels.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return registry.read(path, Request("parcels.txt", "[parcels]"), book or Book("en"))[0]


def codes(book: Book) -> list[str]:
    return [issue.code for issue in book if issue.code != "encoding_chosen"]


def one(layer: RawLayer) -> dict[str, object]:
    assert len(layer.table) == 1
    return layer.table.iloc[0].to_dict()


def test_the_plain_form(tmp_path):
    book = Book("en")
    layer = raw(tmp_path, TOP + BLOCK, book=book)
    row = one(layer)
    assert row["parcel"] == "DK-01" and row["name"] == "一号地块" and row["use"] == "工业用地"
    assert row["stated_area_m2"] == "10000" and row["points"] == "5" and row["land_code"] == "0601"
    assert layer.geometry[0].equals(SQUARE) and layer.crs.to_epsg() == 4525
    assert codes(book) == []


BARE = BLOCK.replace(",37554", ",554")
VARIANTS = {
    "1 heads in lenticular brackets": TOP.replace("[", "【").replace("]", "】") + BLOCK,
    "2 nothing before the at sign": TOP + BLOCK.replace(",工业用地,0601,@", ",工业用地,,@"),
    "3 the at sign first": TOP + BLOCK.replace("5,1.0000", "@,5,1.0000").replace(",0601,@", ",0601"),
    "3 the at sign first, and no comma": TOP + BLOCK.replace("5,1.0000", "@5,1.0000").replace(",0601,@", ",0601"),
    "4 thirteen fields": TOP + BLOCK.replace(",0601,@", ",0601,耕地,0103,8,7,备注,@"),
    "5 the project first": "[项目信息]\n项目名称=某某\n" + TOP + BLOCK,
    "5 more after": TOP.replace("[地块坐标]", "[扩展信息]\n联系人=某某\n[地块坐标]") + BLOCK,
    "6 no zone number before the easting": TOP + BARE,
    "7 points are plain numbers": TOP + BLOCK.replace("J", ""),
    "10 CRLF": (TOP + BLOCK).replace("\n", "\r\n"),
    "full-width commas": TOP + BLOCK.replace(",", "，"),
    "points counted once": TOP + BLOCK.replace("5,1.0000", "4,1.0000"),
    "the CASS head": TOP.replace("坐标系=", "格式版本号=1.01版本\n数据产生单位=某院\n数据产生日期=2023-5-1\n坐标系=")
    + BLOCK,
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants(tmp_path, variant):
    book = Book("en")
    layer = raw(tmp_path, VARIANTS[variant], book=book)
    row = one(layer)
    assert (row["parcel"], row["name"], row["use"]) == ("DK-01", "一号地块", "工业用地")
    bare = variant.startswith("6")
    shape = shapely.box(554000, 4002000, 554100, 4002100) if bare else SQUARE
    assert layer.geometry[0].equals(shape) and layer.crs.to_epsg() == (4546 if bare else 4525)
    assert codes(book) == (["txt_sections"] if variant.startswith("5") else [])


@pytest.mark.parametrize("names", [("J5", "J6", "J7", "J8"), ("J1", "J2", "J3", "J4")], ids=["on", "again"])
def test_variant_8_numbering_over_rings(tmp_path, names):
    book = Book("en")
    layer = raw(tmp_path, TOP + HOLED.format(*names), book=book)
    assert layer.geometry[0].area == 9600 and len(layer.geometry[0].interiors) == 1
    assert codes(book) == []


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_variant_9_encodings(tmp_path, encoding):
    assert one(raw(tmp_path, TOP + BLOCK, encoding))["name"] == "一号地块"


@pytest.mark.parametrize(
    ("system", "degrees", "zone", "east", "number"),
    [
        ("2000国家大地坐标系", 3, 37, "37554", 4525),
        ("2000国家大地坐标系", 3, 37, "554", 4546),
        ("CGCS2000", 3, 38, "38554", 4526),
        ("2000国家大地坐标系", 6, 19, "19554", 4497),
        ("2000国家大地坐标系", 6, 19, "554", 4508),
        ("80国家大地坐标系", 3, 37, "37554", 2361),
        ("1980西安坐标系", 3, 37, "554", 2382),
        ("1980西安坐标系", 6, 19, "19554", 2333),
        ("1954北京坐标系", 3, 37, "37554", 2413),
        ("54北京坐标系", 3, 37, "554", 2434),
        ("1954年北京坐标系", 6, 19, "19554", 21419),
    ],
)
def test_the_header_names_a_system(tmp_path, system, degrees, zone, east, number):
    top = TOP.replace("2000国家大地坐标系", system).replace("分带=3", f"分带={degrees}").replace("=37", f"={zone}")
    assert raw(tmp_path, top + BLOCK.replace(",37554", f",{east}")).crs.to_epsg() == number


def test_east_first_is_turned_and_said(tmp_path):
    book = Book("en")
    lines = [line.split(",") for line in BLOCK.splitlines()[1:]]
    turned = BLOCK.splitlines()[0] + "\n" + "\n".join(",".join([n, r, y, x]) for n, r, x, y in lines)
    layer = raw(tmp_path, TOP + turned, book=book)
    assert layer.geometry[0].equals(SQUARE) and codes(book) == ["txt_turned"]


@pytest.mark.parametrize(
    ("top", "code"),
    [
        (TOP.replace("带号=37", "带号=38"), "txt_zone"),
        (TOP.replace("带号=37", "带号=38").replace("分带=3", "分带=6"), "txt_zone"),
        (TOP.replace("坐标系=2000国家大地坐标系\n", ""), "txt_crs"),
        (TOP.replace("2000国家大地坐标系", "临汾市城市坐标系"), "txt_crs"),
        (TOP.replace("高斯克吕格", "墨卡托"), "txt_crs"),
        (TOP.replace("分带=3", "分带=6"), "txt_crs"),
    ],
)
def test_a_header_that_does_not_go_with_the_points_names_no_system(tmp_path, top, code):
    book = Book("en")
    assert raw(tmp_path, top + BLOCK, book=book).crs is None
    assert codes(book) == [code]


def test_conversion_parameters_are_noted(tmp_path):
    book = Book("en")
    raw(tmp_path, TOP.replace("=,,,,,,", "=12.3,-4.5,0,0,0,0,1") + BLOCK, book=book)
    raw(tmp_path, TOP.replace("=,,,,,,", "=0,0,0,0,0,0,0") + BLOCK, book=book)
    assert codes(book) == ["txt_parameters"]


def test_two_blocks_of_a_parcel_are_its_parts(tmp_path):
    book = Book("en")
    other = BLOCK.replace("375540", "375545").replace("375541", "375546")
    layer = raw(tmp_path, TOP + BLOCK + other, book=book)
    assert one(layer)["stated_area_m2"] == "20000" and layer.geometry[0].geom_type == "MultiPolygon"
    # Each block may also state the area of the whole.
    layer = raw(tmp_path, TOP + (BLOCK + other).replace("1.0000", "2.0000"))
    assert one(layer)["stated_area_m2"] == "20000"
    assert codes(book) == ["txt_parts"]


def test_parts_that_cross_themselves_leave_the_parcel_in_doubt(folder):
    bow = "".join([LINES[0].replace("1.0000", ""), LINES[1], LINES[3], LINES[2], LINES[4], LINES[5]])
    zone = gisplan.read(
        folder(TOP + bow + bow.replace("375540", "375545") + BLOCK.replace("DK-01", "DK-02")), lang="en"
    )
    assert list(zone.parcels["doubt"]) == [True, False]


def test_a_part_lost_is_the_parcel_lost(tmp_path):
    book = Book("en")
    other = BLOCK.replace("375540", "375545").replace("375541", "375546").replace("J3,1,4002000.000", "J3,1,")
    layer = raw(tmp_path, TOP + BLOCK + other, book=book)
    assert layer.geometry[0] is None and layer.broken[0] and "txt_block" in codes(book)


LINES = BLOCK.splitlines(keepends=True)
LOST = {
    "a point is lost, and the ring's end with it": ("".join(LINES[:4]), "txt_open"),
    "a point is lost": ("".join(LINES[:3] + LINES[4:]), "txt_count"),
    "not closed, and no area to vouch for it": ("".join(LINES[:5]).replace("1.0000", ""), "txt_open"),
    "a line is no point": (BLOCK.replace("J3,1,", "J3,"), "txt_point"),
    "a coordinate is no number": (BLOCK.replace("J3,1,4002000.000", "J3,1,4oo2000.000"), "txt_point"),
    "two points": ("".join(LINES[:3]), "txt_few"),
    "the first line is cut": (
        BLOCK.replace("5,1.0000,DK-01,一号地块,面,I49G001001,工业用地,0601,@", "5,@"),
        "txt_head",
    ),
    "a hole outside": (
        HOLED.format("J5", "J6", "J7", "J8").replace("37554040", "37554540").replace("37554060", "37554560"),
        "txt_hole",
    ),
    "a hole that crosses the shell": (
        HOLED.format("J5", "J6", "J7", "J8").replace("37554060", "37554260"),
        "txt_hole",
    ),
}


@pytest.mark.parametrize("case", LOST)
def test_a_broken_block_costs_that_block(tmp_path, case):
    block, why = LOST[case]
    book = Book("en")
    good = BLOCK.replace("DK-01", "DK-02").replace("375540", "375547").replace("375541", "375548")
    layer = raw(tmp_path, TOP + block + good, book=book)
    assert list(layer.broken) == [True, False] and layer.geometry[1].area == 10000
    record = next(issue for issue in book if issue.code == "txt_block")
    assert gisplan.base.labels.label(f"flaw.{why}").en in record.message  # type: ignore[attr-defined]
    assert record.severity == "warning" and len(record.hint) >= 15


def test_what_a_block_says_of_itself(tmp_path):
    book = Book("en")
    raw(tmp_path, TOP + BLOCK.replace("5,1.0000", "9,1.0000"), book=book)
    raw(tmp_path, TOP + "".join(LINES[:5]), book=book)
    raw(tmp_path, TOP + BLOCK.replace("1.0000", "1.0003"), book=book)
    raw(tmp_path, TOP + BLOCK.replace("J3", "J2"), book=book)
    assert codes(book) == ["txt_count", "txt_closed", "txt_area", "txt_twice"]
    book = Book("en")
    raw(tmp_path, TOP + BLOCK.replace("1.0000", "1.0001"), book=book)  # 1 m2 off: still the same
    raw(tmp_path, TOP + BLOCK.replace("1.0000", "1.00"), book=book)  # two decimals of a hectare cannot say more
    assert codes(book) == []


def test_a_boundary_that_crosses_itself_is_said(tmp_path):
    lines = [*LINES[:2], LINES[4], LINES[3], LINES[2], LINES[5]]
    bow = "".join([LINES[0].replace("1.0000", ""), LINES[1], LINES[3], LINES[2], LINES[4], LINES[5]])
    book = Book("en")
    raw(tmp_path, TOP + bow, book=book)
    assert codes(book) == ["txt_crossing"]
    assert raw(tmp_path, TOP + "".join(lines)).geometry[0].is_valid  # only the other way round


def test_files_that_are_something_else(tmp_path):
    for text in ("hello", "", "[地块坐标]\n", "[属性描述]\n带号=37\n" + BLOCK):
        with pytest.raises(FormatError, match=r"parcels\.txt"):
            raw(tmp_path, text)
    with pytest.raises(LayerError, match="公里"):
        raw(tmp_path, TOP.replace("计量单位=米", "计量单位=公里") + BLOCK)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        pipes().to_file(tmp_path / "water.gpkg", layer="water")
        (tmp_path / "zone.toml").write_text(HEAD, encoding="utf-8")
        (tmp_path / "parcels.txt").write_text(text, encoding="gb18030")
        return tmp_path

    return write


def test_a_zone_takes_its_parcels_from_a_text_file(folder):
    """Zone-prefixed points (EPSG:4525) come to lie in the zone's own system (EPSG:4546), 37 000 000 m further west."""
    zone = gisplan.read(folder(TOP + BLOCK), lang="en")
    parcel = zone.parcels.loc["DK-01"]
    assert parcel.geometry.symmetric_difference(shapely.box(554000, 4002000, 554100, 4002100)).area < 1e-4
    assert parcel["stated_area_m2"] == 10000 and parcel["name"] == "一号地块" and not parcel["doubt"]


def test_old_datums_are_refused_with_their_own_sentence(folder):
    for system in ("1980西安坐标系", "1954北京坐标系"):
        with pytest.raises(MissingCRS, match=r"Xian|Beijing"):
            gisplan.read(folder(TOP.replace("2000国家大地坐标系", system) + BLOCK), lang="en")


def test_a_broken_block_is_an_unknown_parcel(folder):
    zone = gisplan.read(folder(TOP + BLOCK + BLOCK.replace("DK-01", "DK-02").replace("J3,1,", "J3,")), lang="en")
    assert bool(zone.parcels.loc["DK-02", "doubt"]) and not bool(zone.parcels.loc["DK-01", "doubt"])
    assert "txt_block" in codes_of(zone.survey)


def test_without_a_system_the_zone_asks_for_one(folder):
    with pytest.raises(MissingCRS, match="EPSG:4525"):
        gisplan.read(folder(TOP.replace("带号=37", "带号=38") + BLOCK), lang="en")


def test_the_embedded_zones_parcels_as_boundary_points(tmp_path):
    """Same grades cell by cell, but for levelling where only a state that this form cannot hold decides: unknown."""

    def writer(sheet: Sheet, into: Path) -> str:
        write(into / "parcels.txt", sheet.frame, "EPSG:4525")
        return 'file = "parcels.txt"'

    before, after = grades(GANTING), grades(rewrite(tmp_path / "zone", writer, ["parcels"]))
    stated = gpd.read_file(GANTING / "parcels.gpkg").dropna(subset=["leveling_status"])["parcel"]
    apart = before.index[before != after]
    assert len(after) == 1660 and len(apart) <= len(stated) == 7
    assert set(apart.get_level_values("parcel")) <= set(stated) and set(after[apart]) == {"U"}
    assert set(apart.get_level_values("service")) == {"leveling"}
