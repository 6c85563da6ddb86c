"""KML and KMZ: folders as layers, every cell as it stands, shapes one by one, and no word to the network."""

from __future__ import annotations

import zipfile
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely
from small_zone import parcels

from gisplan.base.errors import EncodingError, FormatError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import Request

HEAD = "<?xml version='1.0' encoding='UTF-8'?><kml xmlns='http://www.opengis.net/kml/2.2'"
HEAD += " xmlns:gx='http://www.google.com/kml/ext/2.2'><Document>"
TAIL = "</Document></kml>"
SPOT = "<Point><coordinates>111.6,36.1,400</coordinates></Point>"
RING = "<outerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing></outerBoundaryIs>"
HOLE = "<innerBoundaryIs><LinearRing><coordinates>1,1 2,1 2,2 1,1</coordinates></LinearRing></innerBoundaryIs>"


def kml(folder: Path, body: str, encoding: str = "utf-8", head: str = HEAD) -> Path:
    path = folder / "p.kml"
    path.write_bytes((head + body + TAIL).encode(encoding))
    return path


def mark(shape: str = SPOT, cells: str = "", name: str = "") -> str:
    return f"<Placemark><name>{name}</name><ExtendedData>{cells}</ExtendedData>{shape}</Placemark>"


def read(path: Path, layer: str | None = None, encoding: str | None = None, book: Book | None = None):
    return registry.read(path, Request(path.name, "[x]", layer, encoding), book or Book("en"))


def test_folders_are_layers(tmp_path):
    inner = f"<Folder><name>污水</name>{mark(name='c')}</Folder>"
    body = f"<name>管网</name>{mark(name='r')}<Folder><name>给水</name>{mark(name='a')}{inner}{mark(name='b')}</Folder>"
    path = kml(tmp_path, body + f"<Folder><name>污水</name>{mark(name='d')}</Folder>")
    found = {raw.layer: raw.table["Name"].tolist() for raw in read(path)}
    assert found == {"污水": ["c"], "给水": ["a", "b"], "污水 (2)": ["d"], "管网": ["r"]}
    (raw,) = read(path, "给水")
    assert raw.fids.tolist() == [1, 2] and raw.crs.to_epsg() == 4326
    with pytest.raises(LayerError, match="给水"):
        read(path, "雨水")


def test_cells_stay_what_they_are(tmp_path):
    schema = "<Schema id='s'><SimpleField name='n' type='int'/><SimpleField name='nothing' type='string'/></Schema>"
    data = "<Data name='地块编号'><value>0100010010010000031</value></Data><Data name='empty'/>"
    typed = "<SchemaData schemaUrl='#s'><SimpleData name='n'>1100010010010000001</SimpleData></SchemaData>"
    (raw,) = read(kml(tmp_path, schema + mark(cells=data + typed, name=" A ") + mark(cells=typed)))
    assert raw.table.columns.tolist() == ["n", "nothing", "地块编号", "empty", "Name"]
    assert raw.table["n"].tolist() == ["1100010010010000001"] * 2
    assert raw.table["地块编号"].tolist()[0] == "0100010010010000031" and raw.table["地块编号"].isna().tolist() == [
        False,
        True,
    ]
    assert raw.table[["nothing", "empty"]].isna().all(axis=None)
    assert raw.table["Name"][0] == "A"


SHAPES = [
    (SPOT, "POINT (111.6 36.1)"),
    ("<LineString><coordinates>\n 1,2,3\t4,5,6\n</coordinates></LineString>", "LINESTRING (1 2, 4 5)"),
    ("<LineString><coordinates>1, 2 4 , 5</coordinates></LineString>", "LINESTRING (1 2, 4 5)"),
    ("<LinearRing><coordinates>0,0 1,0 1,1 0,0</coordinates></LinearRing>", "LINESTRING (0 0, 1 0, 1 1, 0 0)"),
    (
        f"<Polygon>{RING.format('0,0 9,0 9,9 0,0')}{HOLE}</Polygon>",
        "POLYGON ((0 0, 9 0, 9 9, 0 0), (1 1, 2 1, 2 2, 1 1))",
    ),
    (f"<MultiGeometry>{SPOT}{SPOT}</MultiGeometry>", "MULTIPOINT (111.6 36.1, 111.6 36.1)"),
    (
        f"<MultiGeometry>{SPOT}<LineString><coordinates>0,0 1,1</coordinates></LineString></MultiGeometry>",
        "GEOMETRYCOLLECTION (POINT (111.6 36.1), LINESTRING (0 0, 1 1))",
    ),
    ("<gx:Track><gx:coord>1 2 3</gx:coord><gx:coord>4 5 6</gx:coord></gx:Track>", "LINESTRING (1 2, 4 5)"),
]


@pytest.mark.parametrize(("shape", "wkt"), SHAPES)
def test_shapes(tmp_path, shape, wkt):
    (raw,) = read(kml(tmp_path, mark(shape)))
    assert shapely.equals(raw.geometry[0], shapely.from_wkt(wkt)) and not raw.broken.any()


@pytest.mark.parametrize(
    "shape",
    [
        "<LineString><coordinates>1,2</coordinates></LineString>",
        "<LineString><coordinates>1,2 3</coordinates></LineString>",
        "<LineString><coordinates>1,2 a,b</coordinates></LineString>",
        f"<Polygon>{RING.format('0,0 9,0 9,9 1,1')}</Polygon>",
        f"<Polygon>{RING.format('0,0 9,0 0,0')}</Polygon>",
        "<Model><Location/></Model>",
    ],
)
def test_a_broken_shape_costs_itself(tmp_path, shape):
    (raw,) = read(kml(tmp_path, mark() + mark(shape) + mark()))
    assert raw.broken.tolist() == [False, True, False]
    assert raw.geometry[1] is None and raw.geometry[2] is not None


def test_no_link_is_followed_and_that_is_said(tmp_path):
    link = "<NetworkLink><Link><href>http://127.0.0.1:9/a.kml</href></Link></NetworkLink>"
    read(kml(tmp_path, mark() + link + "<GroundOverlay><name>x</name></GroundOverlay>"), book=(book := Book("en")))
    (issue,) = book
    assert issue.code == "kml_left" and "NetworkLink ×1" in issue.message and "GroundOverlay ×1" in issue.message
    with pytest.raises(FormatError, match=r"no placemarks.*NetworkLink"):
        read(kml(tmp_path, link))


@pytest.mark.parametrize("doctype", ["<!DOCTYPE kml [<!ENTITY a 'b'>]>", "<!DOCTYPE kml SYSTEM 'file:///etc/passwd'>"])
def test_entities_are_refused(tmp_path, doctype):
    path = kml(tmp_path, mark(name="&a;"), head=HEAD.replace("?>", f"?>{doctype}", 1))
    with pytest.raises(FormatError, match="DOCTYPE"):
        read(path)
    html = "<description><![CDATA[<!DOCTYPE html><p>a</p>]]></description>"
    assert len(read(kml(tmp_path, mark(html)))) == 1, "within a text it is only text"


@pytest.mark.parametrize(
    ("encoding", "said"), [("utf-8", "UTF-8"), ("gb18030", "GB2312"), ("gb18030", "UTF-8"), ("utf-16", "UTF-16")]
)
def test_text_in_the_encoding_it_is_in(tmp_path, encoding, said):
    path = kml(tmp_path, mark(name="洪洞甘亭"), encoding, HEAD.replace("UTF-8", said))
    (raw,) = read(path, book=(book := Book("en")))
    assert raw.table["Name"].tolist() == ["洪洞甘亭"]
    assert [i.code for i in book] == (["encoding_chosen"] if encoding == "gb18030" else [])
    if encoding == "gb18030":
        with pytest.raises(EncodingError):
            read(path, encoding="utf-8")


@pytest.mark.parametrize("body", ["<Folder>", "<Placemark><name>a</Placemark>", "<a:b/>"])
def test_damage_is_one_sentence(tmp_path, body):
    with pytest.raises(FormatError, match=r"p\.kml.*line 1"):
        read(kml(tmp_path, body))


def test_a_kmz_is_read_with_the_files_it_links_to(tmp_path):
    """GDAL writes a doc.kml that links to one file per layer."""
    parcels().to_crs(4326).to_file(tmp_path / "p.kmz", driver="LIBKML")
    (raw,) = read(tmp_path / "p.kmz", book=(book := Book("en")))
    assert raw.table["parcel"].tolist() == ["P1", "P2", "P3"] and list(book) == []
    other = pyogrio.read_dataframe(tmp_path / "p.kmz")
    assert shapely.equals_exact(raw.geometry, shapely.force_2d(other.geometry.to_numpy()), 1e-12).all()


def test_a_kmz_bomb_is_measured(tmp_path):
    with zipfile.ZipFile(tmp_path / "p.kmz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", b" " * (64 << 20))
    with pytest.raises(ReadError, match="far larger inside"):
        read(tmp_path / "p.kmz")


def test_what_gdal_writes_comes_back(tmp_path):
    """The twelve columns that GDAL makes up are not there; everything else is."""
    given = parcels(note=["甲", None, "<b>&</b>"], size=[1.5, 2.0, float("nan")])
    given.to_crs(4326).to_file(tmp_path / "p.kml", driver="LIBKML")
    (raw,) = read(tmp_path / "p.kml")
    assert raw.table.columns.tolist() == ["parcel", "note", "size"]
    assert raw.table["note"].tolist()[::2] == ["甲", "<b>&</b>"] and raw.table["size"].tolist()[0] == "1.5"
    back = gpd.GeoSeries(raw.geometry, crs=raw.crs).to_crs(given.crs)
    assert back.distance(given.geometry.centroid).max() < 1e-6
