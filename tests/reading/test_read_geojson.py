"""GeoJSON: strict where JSON is, kind to what is sound, and every lost feature named."""

from __future__ import annotations

import json
import random
import re
import time

import numpy as np
import pytest
import shapely
from shapely.geometry import mapping

from gisplan.base.errors import EncodingError, FormatError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import Request
from gisplan.reading.formats.registry import read as read_any

POINT = '{"type":"Point","coordinates":[1,2]}'
SQUARE = [[0, 0], [4, 0], [4, 3], [0, 3], [0, 0]]


def feature(properties: str = "{}", geometry: str = POINT) -> str:
    return f'{{"type":"Feature","properties":{properties},"geometry":{geometry}}}'


def collection(*features: str, more: str = "") -> str:
    return f'{{"type":"FeatureCollection",{more}"features":[{",".join(features)}]}}'


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes, book: Book | None = None):
        path = tmp_path / "p.geojson"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        (layer,) = read_any(path, Request("p.geojson", "[parcels]"), book or Book("en"))
        return layer

    return read


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (collection(feature('{"a": NaN}')), "json_constant"),
        (collection(feature('{"a": -Infinity}')), "json_constant"),
        (collection(feature('{"a": 1, "a": 2}')), "json_twice"),
        ('{"type":"FeatureCollection","features":[],"features":[]}', "json_twice"),
        (collection(feature() + ","), "json_syntax"),
        ('{"type":"FeatureCollection","features":[],}', "json_syntax"),
        (collection(feature('{"a": [1,]}')), "json_syntax"),
        (collection(feature("{'a': 1}")), "json_syntax"),
        (collection(feature('{"a": 01}')), "json_syntax"),
        (collection(feature('{"a": "x\ty"}')), "json_syntax"),
        (collection(feature()) + collection(feature()), "json_syntax"),
        (feature() + "\n" + feature(), "json_syntax"),
        (collection(feature())[:-9], "json_syntax"),
        (collection(feature()) + " // a comment", "json_syntax"),
        (collection(feature('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}")), "json_deep"),
        ('{"type":"Point","coordinates":' + "[" * 100_000, "json_deep"),
        (collection(feature('{"a": 1' + "0" * 5000 + "}")), "json_number"),
        ('{"type":"FeatureCollection"}', "geojson_features"),
        ('{"type":"FeatureCollection","features":{}}', "geojson_features"),
        ('{"type":"Pipe","coordinates":[1,2]}', "geojson_type"),
        ("{}", "geojson_type"),
        ("[1, 2]", "geojson_type"),
        ('{"type":"Topology","objects":{},"arcs":[]}', "json_other"),
        ('{"geometryType":"esriGeometryPoint","features":[]}', "json_other"),
        ('{"type":"Feature","conformsTo":["http://x/json-fg-1/0.2/conf/core"],"geometry":null}', "json_other"),
        ("<OGRVRTDataSource/>", "suffix_lies"),
        ("<!DOCTYPE html><html>login</html>", "suffix_lies"),
        (b"PK\x05\x06" + b"\0" * 18, "suffix_lies"),
        (b"", "suffix_lies"),
    ],
)
def test_what_is_no_sound_geojson_is_refused(read, text, code):
    start = time.process_time()
    with pytest.raises(FormatError, match=r"^p\.geojson: ") as error:
        read(text)
    assert error.value.code == code
    assert time.process_time() - start < 5


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_other_encodings_are_refused(read, encoding):
    with pytest.raises((EncodingError, FormatError), match=r"UTF-8|what is in it"):
        read(collection(feature('{"名称": "给水干管"}')).encode(encoding))


def test_a_byte_order_mark_is_allowed(read):
    assert len(read(b"\xef\xbb\xbf" + collection(feature()).encode()).table) == 1


def test_the_refusal_names_the_feature(read):
    with pytest.raises(FormatError, match=r"in feature 2 \(counted from 0\)"):
        read(collection(feature(), feature(), feature('{"a": NaN}')))


def test_every_digit_and_every_word_stays(read):
    long, zeros = "1100010010010000001", "0100010010010000001"
    layer = read(
        collection(
            feature(f'{{"id": {long}, "no": "{zeros}", "dn": 300, "len": 1.5, "ok": true, "odd": {{"a": [1, "二"]}}}}'),
            feature('{"id": null, "no": null, "dn": null, "len": null}'),
            feature(f'{{"no": "7", "id": {int(long) + 1}, "late": 9}}'),
        )
    )
    table = layer.table
    assert table["id"].tolist()[0] == long and table["id"].tolist()[2] == str(int(long) + 1)
    assert table["no"].tolist()[0] == zeros and table["no"].isna().tolist() == [False, True, False]
    assert table["dn"].tolist()[0] == "300"
    assert table["len"].dtype == float and table["len"][0] == 1.5 and np.isnan(table["len"][1])
    assert table["ok"].tolist()[0] == "true"
    assert json.loads(table["odd"].tolist()[0]) == {"a": [1, "二"]}
    assert table["late"].tolist()[2] == "9" and table["late"].isna().tolist() == [True, True, False]
    assert layer.lossy == frozenset()


def test_numbers_that_have_lost_digits_are_known(read):
    layer = read(collection(feature('{"a": 1.100010010010000001e18, "b": 9007199254740992.0, "c": 12.0}')))
    assert layer.lossy == {"a", "b"}


def test_a_feature_has_its_id_as_a_column_where_no_property_is_called_so(read):
    text = '{"type":"Feature","id":"007","properties":null,"geometry":null}'
    assert read(collection(text)).table["id"].tolist() == ["007"]
    both = '{"type":"Feature","id":"007","properties":{"id":"X"},"geometry":null}'
    assert read(collection(both)).table["id"].tolist() == ["X"]


@pytest.mark.parametrize(
    ("geometry", "why"),
    [
        ('{"type":"Polygon","coordinates":[[[0,0],[4,0],[4,3],[0,3]]]}', "does not close"),
        ('{"type":"Polygon","coordinates":[[[0,0],[4,0],[0,0]]]}', "fewer than four"),
        ('{"type":"Polygon","coordinates":[[0,0],[4,0],[4,3],[0,0]]}', "position|no list"),
        ('{"type":"LineString","coordinates":[[0,0]]}', "fewer than two"),
        ('{"type":"LineString","coordinates":[["0","1"],["2","3"]]}', "two or three numbers"),
        ('{"type":"LineString","coordinates":[[0,1],[true,3]]}', "two or three numbers"),
        ('{"type":"LineString","coordinates":[[0,1],[2]]}', "two or three numbers"),
        ('{"type":"LineString","coordinates":[[0,1],null]}', "two or three numbers"),
        ('{"type":"Point","coordinates":{"x":1,"y":2}}', "no list"),
        ('{"type":"Point"}', "no list"),
        ('{"type":"Pipe","coordinates":[1,2]}', "unknown type"),
        ('{"coordinates":[1,2]}', "unknown type"),
        ("5", "unknown type"),
        ('{"type":"GeometryCollection","geometries":[null]}', "unknown type"),
        ('{"type":"GeometryCollection"}', "parts"),
        ('{"type":"MultiPolygon","coordinates":[[[[0,0],[4,0],[4,3],[0,0]]],[[[0,0],[1,1]]]]}', "fewer than four"),
    ],
)
def test_a_shape_that_cannot_be_costs_its_feature_and_is_named(read, geometry, why):
    book = Book("en")
    layer = read(collection(feature(), feature('{"a": "kept"}', geometry), feature()), book)
    assert layer.broken.tolist() == [False, True, False]
    assert shapely.is_missing(layer.geometry).tolist() == [False, True, False]
    assert layer.table["a"].tolist()[1] == "kept"
    (found,) = [issue for issue in book if issue.code == "shape_unread"]
    assert found.severity == "warning" and found.message.endswith(": 1.")
    assert re.search(why, found.message), found.message


@pytest.mark.parametrize("text", ["null", "7", '"x"', "[]", "{}", '{"type":"feature "}', POINT])
def test_what_is_no_feature_is_named_and_stays_as_a_row(read, text):
    book = Book("en")
    layer = read(collection(feature(), text), book)
    assert len(layer.table) == 2 and layer.broken.tolist() == [False, True]
    assert "no Feature" in next(i.message for i in book if i.code == "shape_unread")


def test_missing_members_are_missing_values(read):
    layer = read(collection('{"type":"Feature"}', '{"type":"Feature","geometry":null,"properties":null}'))
    assert layer.broken.tolist() == [False, False] and shapely.is_missing(layer.geometry).all()


def test_properties_that_are_no_object_are_named(read):
    book = Book("en")
    layer = read(collection(feature("[1]"), feature("5")), book)
    assert [i.code for i in book] == ["json_properties"] and "0, 1" in next(iter(book)).message
    assert not layer.broken.any()


def test_types_in_other_cases_are_meant_and_said(read):
    book = Book("en")
    text = collection('{"type":"feature","geometry":{"type":"point","coordinates":[1,2]}}')
    layer = read(text.replace("FeatureCollection", "featurecollection"), book)
    assert layer.geometry[0].equals(shapely.Point(1, 2)) and {i.code for i in book} == {"json_case"}


def test_numbers_to_spare_are_left_out_and_said(read):
    book = Book("en")
    layer = read(collection(feature(geometry='{"type":"LineString","coordinates":[[1,2,3,4],[5,6,7,8]]}')), book)
    assert shapely.get_coordinates(layer.geometry, include_z=True).tolist() == [[1, 2, 3], [5, 6, 7]]
    assert [i.code for i in book] == ["json_extra"]
    book = Book("en")
    layer = read(collection(feature(geometry='{"type":"LineString","coordinates":[[1,2,3],[5,6]]}')), book)
    assert shapely.get_coordinates(layer.geometry).tolist() == [[1, 2], [5, 6]] and [i.code for i in book] == [
        "json_extra"
    ]


@pytest.mark.parametrize(
    ("member", "number", "said"),
    [
        ("", 4326, []),
        ('"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}},', 4326, []),
        ('"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4547"}},', 4547, []),
        ('"crs":{"type":"name","properties":{"name":"EPSG:4490"}},', 4490, []),
        ('"crs":{"type":"EPSG","properties":{"code":4547}},', 4547, []),
        ('"crs":null,', None, ["json_crs"]),
        ('"crs":{"type":"link","properties":{"href":"http://127.0.0.1/x"}},', None, ["json_crs"]),
        ('"crs":{"type":"name","properties":{"name":"西安坐标"}},', None, ["json_crs"]),
        ('"crs":[1],', None, ["json_crs"]),
    ],
)
def test_the_old_member_crs(read, member, number, said):
    book = Book("en")
    crs = read(collection(feature(), more=member), book).crs
    assert (None if crs is None else crs.to_epsg()) == number
    assert [i.code for i in book] == said


def test_the_member_may_come_last(read):
    text = collection(feature())[:-1] + ',"crs":{"type":"name","properties":{"name":"EPSG:4547"}}}'
    assert read(text).crs.to_epsg() == 4547


@pytest.mark.parametrize("text", [feature(), POINT, '{"type":"GeometryCollection","geometries":[' + POINT + "]}"])
def test_a_feature_or_shape_alone_is_one_row(read, text):
    layer = read(text)
    assert len(layer.table) == 1 and not shapely.is_missing(layer.geometry).any()


def shapes(random_: random.Random) -> list[shapely.Geometry]:
    """Make shapes of every kind at random."""

    def xy(count: int) -> list[tuple[float, float]]:
        return [(random_.uniform(-1e7, 1e7), round(random_.uniform(-1e7, 1e7), 3)) for _ in range(count)]

    out: list[shapely.Geometry] = []
    for _ in range(20):
        x, y = xy(1)[0]
        box = shapely.box(x, y, x + 9, y + 9)
        holed = box.difference(shapely.box(x + 1, y + 1, x + 2, y + 3))
        line = shapely.LineString(xy(random_.randint(2, 9)))
        out += [shapely.Point(xy(1)[0]), shapely.MultiPoint(xy(3)), line, holed]
        out += [shapely.MultiLineString([line, shapely.LineString(xy(2))])]
        out += [shapely.MultiPolygon([holed, shapely.box(x + 20, y, x + 21, y + 1)])]
        out += [shapely.GeometryCollection([line, holed, shapely.GeometryCollection([box])])]
        out += [shapely.LineString([(1, 2, 3), (4, 5, 6)])]
    return [*out, shapely.Point(), shapely.LineString(), shapely.Polygon(), shapely.MultiPoint()]


def test_shapes_are_those_that_shapely_wrote(read):
    made = shapes(random.Random(7))
    text = collection(*(feature(geometry=json.dumps(mapping(shape))) for shape in made))
    layer = read(text)
    assert not layer.broken.any()
    for ours, theirs in zip(layer.geometry, made, strict=True):
        assert ours.wkt == theirs.wkt or shapely.equals_exact(ours, theirs), theirs.wkt


def test_a_number_beyond_all_numbers_is_infinite(read):
    layer = read(collection(feature(geometry='{"type":"Point","coordinates":[1e999,2]}')))
    assert np.isinf(shapely.get_coordinates(layer.geometry)).any()


def test_many_features_are_read_in_seconds(read):
    one = feature(
        '{"feature":"0100010010010000001","status":"现状"}', '{"type":"LineString","coordinates":[[1,2],[3,4]]}'
    )
    start = time.process_time()
    layer = read(collection(*[one] * 20_000))
    assert len(layer.table) == 20_000 and time.process_time() - start < 10
