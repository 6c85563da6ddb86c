"""Which encoding a table is in: what the bytes speak for, what the file claims, and what becomes of a stray row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from small_zone import parcels
from writing import dbf_with

from gisplan.base.errors import EncodingError, FormatError
from gisplan.base.issues import Book
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import Request
from gisplan.reading.words import words_of

SIMPLE = ["洪洞县甘亭镇", "给水管线", "现状", "球墨铸铁", "规划道路", "检查井", "已建成通水"]
TRADITIONAL = ["臺北市中正區", "給水管線", "現況", "球墨鑄鐵", "規劃道路", "檢查井", "已建成通水"]


def table(folder: Path, cells: list[bytes], language: int = 0, cpg: str | None = None) -> Path:
    path = folder / "p.shp"
    parcels([f"P{i}" for i in range(len(cells))]).to_file(path)
    dbf_with(path.with_suffix(".dbf"), b"name", b"C", 40, cells, language)
    path.with_suffix(".cpg").unlink()
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    return path


def texts(path: Path, encoding: str | None = None) -> tuple[list[object], Book]:
    book = Book("en")
    (raw,) = registry.read(path, Request(path.name, "[x]", None, encoding), book)
    return words_of(raw.table["name"]).text().tolist(), book


def codes(book: Book) -> list[str]:
    return [issue.code for issue in book]


@pytest.mark.parametrize(("words", "encoding"), [(SIMPLE, "gb18030"), (TRADITIONAL, "big5"), (SIMPLE, "utf-8")])
@pytest.mark.parametrize("hint", [(0, None), (0x4D, None), (0x78, None), (0x57, "UTF-8"), (0, "BIG5"), (0, "GBK")])
def test_gbk_and_big5_are_told_apart_by_their_frequent_hanzi(tmp_path, words, encoding, hint):
    """Bytes of one are bytes of the other; no claim may turn the text of a whole table."""
    language, cpg = hint
    found, book = texts(table(tmp_path, [w.encode(encoding) for w in words], language, cpg))
    assert found == words
    claim = {"BIG5": "big5", "GBK": "gb18030", "UTF-8": "utf-8"}.get(
        cpg or "", {0x4D: "gb18030", 0x78: "big5"}.get(language, "")
    )
    assert codes(book) == ["encoding_hint" if claim and claim != encoding else "encoding_chosen"]
    assert encoding.upper() in next(iter(book)).message


def test_what_cannot_be_told_is_said_to_be_in_doubt(tmp_path):
    """``Béziers`` in Latin-1 also is a hanzi that nobody writes, in GBK."""
    path = table(tmp_path, ["Béziers".encode("latin-1")])
    _, book = texts(path)
    (issue,) = book
    assert (issue.code, issue.severity) == ("encoding_doubtful", "warning")
    assert texts(path, "latin-1")[0] == ["Béziers"]
    assert texts(table(tmp_path, ["Béziers".encode("latin-1")], 0, "ISO-8859-1"))[0] == ["Béziers"]


@pytest.mark.parametrize(("most", "stray"), [("gb18030", "utf-8"), ("utf-8", "gb18030")])
def test_a_row_in_another_encoding_costs_its_cell_and_is_listed(tmp_path, most, stray):
    """A UTF-8 text among GBK would read as other hanzi (``缁欐按``), silently."""
    cells = [w.encode(most) for w in SIMPLE]
    cells[3] = "给水管线工程".encode(stray)
    found, book = texts(table(tmp_path, cells))
    assert [f for i, f in enumerate(found) if i != 3] == [w for i, w in enumerate(SIMPLE) if i != 3]
    assert str(found[3]).startswith("\ufffd"), "a text that no vocabulary knows: unknown, and not blank"
    (issue,) = [i for i in book if i.code == "cells_unreadable"]
    assert "rows 3" in issue.message and issue.severity == "warning"


def test_a_declared_encoding_holds_for_all_but_a_few_cells(tmp_path):
    cells = [w.encode("big5") for w in TRADITIONAL]
    cells[0] = b"\xff\xff"
    found, book = texts(table(tmp_path, cells), "big5")
    assert found[1:] == TRADITIONAL[1:] and str(found[0]).startswith("\ufffd")
    assert codes(book) == ["encoding_given", "cells_unreadable"]
    with pytest.raises(EncodingError, match="utf-8"):
        texts(table(tmp_path, [w.encode("big5") for w in TRADITIONAL]), "utf-8")


def test_rows_marked_as_deleted_are_left_out_with_their_shapes(tmp_path):
    path = table(tmp_path, [b"a", b"* b", b"c"])
    (raw,) = registry.read(path, Request(path.name, "[x]"), book := Book("en"))
    assert raw.table["name"].tolist() == ["a", "c"] and raw.fids.tolist() == [0, 2]
    assert [shape.bounds[0] for shape in raw.geometry] == [554000.0, 554240.0]
    assert codes(book) == ["rows_deleted"]


def test_memo_columns_are_named_as_not_read(tmp_path):
    path = table(tmp_path, [b"a"])
    dbf_with(path.with_suffix(".dbf"), "备注".encode("gb18030"), b"M", 10, [b"1"])
    (raw,) = registry.read(path, Request(path.name, "[x]"), book := Book("en"))
    assert raw.table["备注"].isna().all()
    (issue,) = [i for i in book if i.code == "memo_unread"]
    assert "备注" in issue.message


def test_a_dbf_that_was_edited_alone_is_refused(tmp_path):
    """Its rows would belong to other shapes."""
    path = table(tmp_path, [b"a", b"b", b"c"])
    dbf_with(path.with_suffix(".dbf"), b"name", b"C", 40, [b"a", b"b", b"x", b"c"])
    with pytest.raises(FormatError, match=r"3 shapes.*4 rows"):
        texts(path)


@pytest.mark.parametrize(("part", "share", "lost"), [(".shp", 0.6, 2), (".shx", 0.9, 2), (".dbf", 0.6, 3)])
def test_a_cut_shapefile_says_how_many_features_are_gone(tmp_path, part, share, lost):
    """Four squares of 136 bytes behind 100, four entries of 8 behind 100, four rows of 41 behind 65 and an end."""
    path = table(tmp_path, [b"a", b"b", b"c", b"d"])
    cut = path.with_suffix(part)
    cut.write_bytes(cut.read_bytes()[: int(cut.stat().st_size * share)])
    with pytest.raises(FormatError, match=rf"p\{part} is cut: the data of {lost} of 4 features"):
        texts(path)


def test_a_shape_whose_length_is_not_that_of_the_index_is_broken(tmp_path):
    path = table(tmp_path, [b"a", b"b", b"c"])
    data = bytearray(path.read_bytes())
    data[100 + 136 + 4 : 100 + 136 + 8] = (60).to_bytes(4, "big")
    path.write_bytes(bytes(data))
    (raw,) = registry.read(path, Request(path.name, "[x]"), Book("en"))
    assert raw.broken.tolist() == [False, True, False] and pd.isna(raw.geometry[1])


def test_without_its_index_a_shapefile_says_how_to_get_one(tmp_path):
    path = table(tmp_path, [b"a"])
    path.with_suffix(".shx").unlink()
    with pytest.raises(OSError, match=r"p\.shx.*QGIS"):
        texts(path)
