from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from gisplan.base.errors import EncodingError, LayerError, ProfileError, ReadError
from gisplan.reading.zone_file import Reader, read_zone_file

GOOD = """[zone]
title = { zh = "甘亭", en = "Ganting" }
crs = "EPSG:4546"
date = 2026-11-01
place = { county = ["141024"], box = [111.5, 36.0, 111.8, 36.3] }

[parcels]
file = "parcels.gpkg"

[layer.water]
status = "现状"
as_of = 2026-01-31
snap = "0.2 m"

[[layer.sewage]]
file = "a.shp"
flow = "digitised"
[[layer.sewage]]
file = "b.shp"
role = "接口"
set = { system = "合流" }

[layer.catv]
none = true

[barriers]
none = true

[[supply]]
id = "BS-1"
service = "water"
at = [554000, 4002000.5]
kind = "水厂"
status = "现状"
as_of = 2026-08-31
issuer = "供水公司"
document = "12号"
"""


def read(folder: Path, data: str | bytes, lang: str = "zh"):
    (folder / "zone.toml").write_bytes(data.encode() if isinstance(data, str) else data)
    return read_zone_file(folder, lang)


def test_what_it_says(tmp_path):
    said = read(tmp_path, GOOD)
    assert (said.title.zh, said.title.en, said.crs, said.date) == ("甘亭", "Ganting", "EPSG:4546", dt.date(2026, 11, 1))
    assert said.place.county == ("141024",) and said.place.box == (111.5, 36.0, 111.8, 36.3)
    water = said.layers["water"][0]
    assert (water.status, water.as_of, water.snap_m) == ("operating", dt.date(2026, 1, 31), 0.2)
    first, second = said.layers["sewage"]
    assert first.digitised and not second.digitised
    assert (second.role, second.constants) == ("stub", {"system": "合流"})
    assert said.absent == {"catv"} and said.no_barriers and "barriers" not in said.tables
    supply = said.supply[0]
    assert (supply.at, supply.kind, supply.status) == ((554000.0, 4002000.5), "water_plant", "operating")
    assert supply.as_of == dt.date(2026, 8, 31)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_as_notepad_saves_it(tmp_path, encoding, newline):
    said = read(tmp_path, GOOD.replace("\n", newline).encode(encoding))
    assert said.title.zh == "甘亭"
    assert said.encoding == encoding.removesuffix("-sig")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("title = “甘亭”", ["第 2 行", "引号", "“甘亭”"]),
        ('title ＝ "甘亭"', ["第 2 行", "＝", "半角 ="]),
        (r'title = "D:\data\甘亭"', ["第 2 行", "反斜杠", "/"]),
        ('title = "甘亭', ["第 2 行"]),
        ('title = "a"\ntitle = "b"', ["第 3 行", "只写一次"]),
        ("title = 甘亭", ["第 2 行"]),
    ],
)
def test_what_breaks_the_toml_is_answered_with_line_and_cure(tmp_path, line, wanted):
    with pytest.raises(ProfileError) as error:
        read(tmp_path, f'[zone]\n{line}\ncrs = "EPSG:4546"\n')
    text = str(error.value)
    assert text.startswith("zone.toml") and "\n" not in text
    for word in wanted:
        assert word in text


def test_a_windows_path_that_is_valid_toml_is_refused(tmp_path):
    with pytest.raises(ProfileError, match=r"zone.toml:4 \[parcels\].*line break|zone.toml:4 \[parcels\].*backslash"):
        read(tmp_path, '[zone]\ncrs = "EPSG:4546"\n[parcels]\nfile = "D:\\\\tmp\\\\p.gpkg"\n', "en")
    with pytest.raises(ProfileError, match="backslash"):
        read(tmp_path, '[zone]\ncrs = "EPSG:4546"\n[parcels]\nfile = "D:\\temp.gpkg"\n', "en")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[layer.water]\nstatsu = '现状'", ["zone.toml:4 [layer.water]", "statsu", "Did you mean status?", "as_of"]),
        ("[layer.water]\nstatus = '现役'", ["zone.toml:4 [layer.water]", "现役", "operating", "planned"]),
        ("[layer.water]\nas_of = '5/3/2026'", ["zone.toml:4", "as_of", "2026-11-01"]),
        ("[layer.water]\nsnap = 0.5", ["zone.toml:4", "snap", '"0.5 m"']),
        ("[layer.water]\nflow = 'forward'", ["zone.toml:4", "digitised"]),
        ("[layer.water]\nnone = true\nfile = 'a.gpkg'", ["zone.toml:4", "none", "stands alone"]),
        ("[layer.water]\ncolumns = { diametre = 'DN' }", ["zone.toml:4", "diametre", "diameter_mm"]),
        ("[layer.water]\nvalues = { status = { '1' = '好' } }", ["values.status.1", "好", "operating"]),
        ("[layer.water]\nunits = { diameter_mm = 'kV' }", ["units.diameter_mm", "kV"]),
        ("[layer.water]\nset = { role = '怪' }", ["set.role", "怪", "line"]),
        ("[layer.water]\nset = { role = '接口' }\ncolumns = { role = 'r' }", ["set.role", "columns"]),
        ("[layer.water]\ncolumns = 'a'", ["columns", "a table"]),
        ("[zoen]\n", ["zoen", "Did you mean zone?"]),
        ("[parcels]\nrole = '接口'", ["role", "[parcels]"]),
        ("[[supply]]\nid = 'a'\nservice = 'water'", ["[[supply]]", "at", "needed"]),
        ("[[supply]]\nid = 'a'\nservice = 'water'\nat = [1]", ["at", "two numbers"]),
        ("[[supply]]\nid = 7\nservice = 'water'\nat = [1, 2]", ["id", "text in quotes"]),
        ("[supply]\nid = 'a'", ["[[supply]]"]),
    ],
)
def test_what_is_not_allowed_is_named_with_what_is(tmp_path, text, wanted):
    with pytest.raises(ProfileError) as error:
        read(tmp_path, f'[zone]\ncrs = "EPSG:4546"\n{text}\n', "en")
    for word in wanted:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "box", ["[36.0, 111.5, 36.3, 111.8]", "[111.8, 36.0, 111.5, 36.3]", "[1, 2, 3]", "'x'", "[554000, 1, 555000, 2]"]
)
def test_a_box_is_west_south_east_north(tmp_path, box):
    with pytest.raises(ProfileError, match="west, south, east, north"):
        read(tmp_path, f'[zone]\ncrs = "EPSG:4546"\nplace = {{ box = {box} }}\n', "en")


def test_without_zone_toml_or_crs_it_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"zone\.toml"):
        read_zone_file(tmp_path)
    with pytest.raises(LayerError, match="crs"):
        read(tmp_path, "[zone]\ntitle = 'x'\n")


def test_text_in_no_encoding_is_refused(tmp_path):
    with pytest.raises(EncodingError, match="UTF-8"):
        read(tmp_path, b"[zone]\ntitle = '\xff\xff\x80'\n")


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path):
    with pytest.raises(ReadError, match="1 MB"):
        read(tmp_path, "#" * (1 << 21))


def test_defaults_of_frames_are_checked_by_the_same_rules():
    assert Reader().source("water", "water", {"status": "现状"}).status == "operating"
    with pytest.raises(ProfileError, match="statsu"):
        Reader().source("water", "water", {"statsu": "现状"})
