"""Access files, through programs that write what mdbtools writes."""

from __future__ import annotations

import os

import access_file
import pandas as pd
import pytest

from gisplan.base.errors import FormatError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats import access
from gisplan.reading.formats.raw import Request

SHEET = pd.DataFrame(
    {
        "点号": ["0012", "0013", 'a "b", c'],
        "X": [4002353.51, 4002360.0, None],
        "N": [1, -9999, 7],
        "MDate": ["2024-05-03 00:00:00", None, "2024-05-04 08:30:00"],
    }
)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", access_file.programs(tmp_path / "bin"))


def read(path, layer=None, encoding=None):
    book = Book("en")
    return access.read(path, Request(path.name, "[layer.sewage]", layer, encoding), book), book


def test_cells_are_what_people_would_have_typed(tools, tmp_path):
    (raw,), _ = read(access_file.write(tmp_path / "a.mdb", {"T": SHEET}))
    assert raw.table["点号"].tolist() == ["0012", "0013", 'a "b", c']
    assert raw.table["X"].tolist() == ["4002353.51", "4002360", ""]
    assert raw.table["N"].tolist() == ["1", "-9999", "7"]
    assert raw.table["MDate"].tolist() == ["2024-05-03 00:00:00", "", "2024-05-04 08:30:00"]
    assert raw.geometry is None and raw.layer == "T" and raw.fids.tolist() == [1, 2, 3]


def test_numbers_as_older_programs_write_them(tools, tmp_path):
    old = pd.DataFrame({"X": ["4.0023535100000000e+06", "3.00000000e+02", "1.5e+01"]})
    (raw,), _ = read(access_file.write(tmp_path / "a.mdb", {"T": old}))
    assert raw.table["X"].tolist() == ["4002353.51", "300", "1.5e+01"]


def test_long_numbers_and_line_breaks_survive(tools, tmp_path):
    long = pd.DataFrame({"id": ["0012345678901234567", "1234567890123456789"], "t": ["two\nlines", "x"]})
    (raw,), _ = read(access_file.write(tmp_path / "a.mdb", {"T": long}))
    assert raw.table["id"].tolist() == long["id"].tolist() and raw.table["t"].tolist() == ["two\nlines", "x"]


def test_of_several_tables_one_must_be_named(tools, tmp_path):
    path = access_file.write(tmp_path / "a.accdb", {"A": SHEET, "B b": SHEET})
    assert access.names(path, Request("a", ""), Book()) == ["A", "B b"]
    assert read(path, "B b")[0][0].layer == "B b"
    with pytest.raises(FormatError, match="A, B b"):
        read(path)
    with pytest.raises(LayerError, match="no layer C"):
        read(path, "C")


def test_pictures_are_left_out_and_named(tools, tmp_path):
    schema = "CREATE TABLE [T]\n (\n\t[点号]\t\t\tText (10), \n\t[N]\t\t\tOLE (255)\n);\n"
    (raw,), book = read(access_file.write(tmp_path / "a.mdb", {"T": SHEET}, schemas={"T": schema}))
    assert "N" not in raw.table and [i.code for i in book] == ["access_binary"]


def test_what_mdbtools_says_of_damage_is_a_refusal(tools, tmp_path):
    """mdbtools writes this to stderr for a file cut short, and ends as if all were well."""
    path = access_file.write(tmp_path / "a.mdb", {"T": SHEET}, says=["offset 1544192 is beyond EOF"])
    with pytest.raises(FormatError, match="beyond EOF") as caught:
        read(path)
    assert str(tmp_path) not in str(caught.value)


def test_old_files_are_read_in_the_code_page_of_the_country(tools, tmp_path):
    path = access_file.write(tmp_path / "a.mdb", {"T": SHEET})
    path.write_bytes(path.read_bytes().replace(b"DB\x00\x01", b"DB\x00\x00", 1))
    assert [i.message for i in read(path)[1]] == ["The text is read as GBK."]
    assert [i.message for i in read(path, encoding="big5")[1]] == ["The text is read as BIG5."]


def test_without_any_program_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = access_file.write(tmp_path / "a.mdb", {"T": SHEET})
    with pytest.raises(FormatError, match="apt install mdbtools"):
        read(path)


def test_a_program_that_never_ends_is_stopped(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("mdb-tables", "mdb-export"):
        (folder / name).write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(access, "_SECONDS", 1)
    with pytest.raises(ReadError, match="1 seconds"):
        read(access_file.write(tmp_path / "a.mdb", {"T": SHEET}))


def test_something_else_is_no_access_file(tools, tmp_path):
    path = tmp_path / "a.mdb"
    path.write_bytes(b"garbage")
    with pytest.raises(FormatError):
        read(path)
