"""Zip archives: measured first, unpacked nowhere else, names as their makers saw them, and what is in them read."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import pytest
from small_zone import parcels, pipes
from writing import pack

from gisplan.base.errors import FormatError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import Request


def read(path: Path, layer: str | None = None, book: Book | None = None):
    return registry.read(path, Request(path.name, "[x]", layer), book or Book("en"))


def written(folder: Path) -> list[Path]:
    (folder / "数据").mkdir(parents=True)
    parcels().to_file(folder / "数据" / "地块.shp", encoding="GBK")
    pipes().to_file(folder / "数据" / "给水.gpkg", layer="给水管线")
    (folder / "说明.txt").write_text("说明", encoding="utf-8")
    return [file for file in sorted(folder.rglob("*")) if file.is_file()]


@pytest.mark.parametrize("gbk", [False, True])
def test_all_data_in_an_archive_are_read_and_named_by_it(tmp_path, gbk):
    path = pack(tmp_path / "给水.zip", written(tmp_path / "in"), tmp_path / "in", gbk)
    before = set(Path(tempfile.gettempdir()).glob("gisplan-*"))
    found = read(path, book=(book := Book("en")))
    assert {raw.file for raw in found} == {"给水.zip/数据/地块.shp", "给水.zip/数据/给水.gpkg"}
    assert {raw.title for raw in found} == {"给水.zip/数据/地块.shp", "给水.zip/数据/给水.gpkg:给水管线"}
    assert sorted(len(raw.table) for raw in found) == [2, 3]
    assert [i.message for i in book if i.code == "zip_left"] == ["Files in the archive that are not read: 说明.txt."]
    assert set(Path(tempfile.gettempdir()).glob("gisplan-*")) == before, "nothing is left behind"


@pytest.mark.parametrize("layer", ["给水管线", "给水", "给水.gpkg", "数据/给水.gpkg"])
def test_a_layer_is_named_by_itself_or_by_its_file(tmp_path, layer):
    path = pack(tmp_path / "a.zip", written(tmp_path / "in"), tmp_path / "in")
    (raw,) = read(path, layer)
    assert raw.layer == "给水管线"
    with pytest.raises(LayerError, match=r"数据/地块\.shp"):
        read(path, "污水")


@pytest.mark.parametrize("inside", ["x.gdb", "", "data"])
def test_a_geodatabase_may_be_packed_with_or_without_its_folder(tmp_path, inside):
    pipes().to_file(tmp_path / "x.gdb", driver="OpenFileGDB")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for file in (tmp_path / "x.gdb").iterdir():
            archive.write(file, f"{inside}/{file.name}" if inside else file.name)
    (raw,) = read(tmp_path / "x.zip")
    assert len(raw.table) == 2


def test_tables_count_where_nothing_has_shapes(tmp_path):
    with zipfile.ZipFile(tmp_path / "works.zip", "w") as archive:
        archive.writestr("works.csv", "works,name\n007,x\n")
    (raw,) = read(tmp_path / "works.zip")
    assert raw.table["works"].tolist() == ["007"]


def entry(folder: Path, name: str, data: bytes = b"x", mode: int = 0, flag: int = 0) -> Path:
    path = folder / "a.zip"
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, data)
    if flag:
        raw = bytearray(path.read_bytes())
        for start in (b"PK\x03\x04", b"PK\x01\x02"):
            at = raw.index(start) + (6 if start[2] == 3 else 8)
            raw[at] |= flag
        path.write_bytes(bytes(raw))
    return path


@pytest.mark.parametrize(
    ("name", "mode", "flag", "words"),
    [
        ("../evil.geojson", 0, 0, "leads outside"),
        ("/etc/evil.geojson", 0, 0, "leads outside"),
        ("C:\\evil.geojson", 0, 0, "leads outside"),
        ("..\\evil.geojson", 0, 0, "leads outside"),
        ("link.geojson", 0o120777, 0, "leads outside"),
        ("a.geojson", 0, 1, "encrypted"),
        ("inner.zip", 0, 0, "holds other archives"),
        ("a.exe", 0, 0, r"nothing that is read.*a\.exe"),
    ],
)
def test_what_an_archive_must_not_hold(tmp_path, name, mode, flag, words):
    (tmp_path / "in").mkdir()
    path = entry(tmp_path / "in", name, mode=mode, flag=flag)
    with pytest.raises(ReadError, match=words):
        read(path)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["a.zip"], "nothing was written"


def test_a_bomb_is_measured_before_it_is_opened(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.geojson", b" " * (64 << 20))
    with pytest.raises(ReadError, match="far larger inside"):
        read(path)
    many = tmp_path / "many.zip"
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(10_001):
            archive.writestr(f"{number}.txt", b"")
    with pytest.raises(ReadError, match="too large"):
        read(many)


def test_an_archive_that_lies_about_its_size_gives_no_more_than_it_states(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.geojson", b" " * 100_000)
    data = path.read_bytes().replace((100_000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"a\.zip"):
        read(path)


def test_a_damaged_archive_is_one_sentence(tmp_path):
    path = pack(tmp_path / "a.zip", written(tmp_path / "in"), tmp_path / "in")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(FormatError, match=r"a\.zip"):
        read(path)


def test_one_file_in_two_spellings_of_case_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.geojson", "{}")
        archive.writestr("A.GEOJSON", "{}")
    with pytest.raises(ReadError, match="occurs twice"):
        read(path)
