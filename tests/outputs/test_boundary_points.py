"""界址点坐标 written: against lines written by hand, and read back by our own reader."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from gisplan.base.errors import ExportError, MissingCRS
from gisplan.base.issues import Book
from gisplan.outputs.boundary_txt import write
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import Request

HOLED = shapely.Polygon(
    [(554000, 4002000), (554100, 4002000), (554100, 4002100), (554000, 4002100)],
    [[(554040, 4002040), (554040, 4002060), (554060, 4002060), (554060, 4002040)]],
)
TWO = shapely.MultiPolygon([shapely.box(x, 4002000, x + wide, 4002010) for x, wide in ((554200, 10), (554300, 20))])
# Drawn by hand: north-west corner first, clockwise, X is north; 100² - 20² = 9600 m2 = 0.96 ha.
EXPECTED = """[属性描述]
坐标系=2000国家大地坐标系
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=37
精度=0.001
转换参数=,,,,,,
[地块坐标]
10,0.9600,0100010,甲，乙,面,,工业用地,,@
J1,1,4002100.000,37554000.000
J2,1,4002100.000,37554100.000
J3,1,4002000.000,37554100.000
J4,1,4002000.000,37554000.000
J1,1,4002100.000,37554000.000
J5,2,4002060.000,37554040.000
J6,2,4002060.000,37554060.000
J7,2,4002040.000,37554060.000
J8,2,4002040.000,37554040.000
J5,2,4002060.000,37554040.000
5,0.0100,P2,,面,,M1,,@
J1,1,4002010.000,37554200.000
J2,1,4002010.000,37554210.000
J3,1,4002000.000,37554210.000
J4,1,4002000.000,37554200.000
J1,1,4002010.000,37554200.000
5,0.0200,P2,,面,,M1,,@
J1,1,4002010.000,37554300.000
J2,1,4002010.000,37554320.000
J3,1,4002000.000,37554320.000
J4,1,4002000.000,37554300.000
J1,1,4002010.000,37554300.000
"""


def parcels(crs: str = "EPSG:4546") -> gpd.GeoDataFrame:
    data = {
        "parcel": ["0100010", "P2"],
        "name": ["甲,乙\n", None],
        "use": ["工业用地", "M1"],
        "权利人": ["张三", "李四"],
    }
    return gpd.GeoDataFrame(data, geometry=[HOLED, TWO], crs=crs)


def test_the_text_is_the_one_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    write(path, parcels(), "EPSG:4525")
    assert path.read_bytes() == EXPECTED.replace("\n", "\r\n").encode("gbk")
    write(path, parcels(), "EPSG:4525", encoding="utf-8", newline="\n")
    assert path.read_bytes() == EXPECTED.encode("utf-8")
    write(path, parcels(), newline="\n")  # its own system has no zone number in front
    assert path.read_bytes() == EXPECTED.replace(",37554", ",554").encode("gbk")


@pytest.mark.parametrize("crs", ["EPSG:4525", "EPSG:4546", "EPSG:4497", "EPSG:4508", "EPSG:4526"])
def test_round_trip(tmp_path: Path, crs: str) -> None:
    path = tmp_path / "parcels.txt"
    write(path, parcels(), crs)
    book = Book("en")
    layer = registry.read(path, Request("parcels.txt", "[parcels]"), book)[0]
    back = gpd.GeoDataFrame(layer.table, geometry=list(layer.geometry), crs=layer.crs)
    assert layer.crs.to_epsg() == int(crs[5:]) and list(back["parcel"]) == ["0100010", "P2"]
    assert back["name"][0] == "甲，乙" and back["use"][1] == "M1"
    apart = back.to_crs(4546).geometry.symmetric_difference(parcels().geometry, align=False).area
    assert (apart < 0.5).all()  # 1 mm on 480 m of boundary
    assert [i.code for i in book if i.severity == "warning"] == []
    assert [i.code for i in book if i.code != "encoding_chosen"] == ["txt_parts"]


def test_what_cannot_be_written_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    bad = parcels().assign(geometry=[shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), None])
    for frame, crs in (
        (parcels(), "EPSG:32649"),
        (parcels(), "EPSG:4490"),
        (parcels("EPSG:2382"), None),
        (bad, None),
        (parcels().assign(name="𠮷"), None),
    ):
        with pytest.raises(ExportError):
            write(path, frame, crs)
    with pytest.raises(MissingCRS):
        write(path, parcels("EPSG:2382"), "EPSG:4525")
    assert not path.exists()
