"""Reading in a process of its own: what travels comes through exactly, and a bad file ends nothing but its own reading.

The readers that crash, hang or lie are made here: a ``sitecustomize.py`` on the path of the child changes its registry
before it starts. Nothing in gisplan itself knows of them.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from small_zone import HEAD, WATER, parcels, pipes

import gisplan
from gisplan.base.errors import EncodingError, FormatError, GisplanError, LayerError, ReadError
from gisplan.base.files import inside
from gisplan.base.issues import Book, issue
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import RawGrid, RawLayer, Request
from gisplan.reading.process import clerk as room
from gisplan.reading.process.child import Child
from gisplan.reading.process.freight import Odd, pack, unpack

ROOT = Path(__file__).resolve().parents[2]

# Readers that misbehave, by the name of the file; everything else is read as ever.
CUSTOM = """
import os, signal, sys, time
if "gisplan.reading.process.desk" in " ".join(sys.orig_argv):
    from gisplan.base import errors
    from gisplan.reading.formats import registry
    proper = registry.read
    def read(path, request, book):
        name = path.name
        if name == "crash.gpkg":
            os.kill(os.getpid(), signal.SIGSEGV)
        if name == "exit.gpkg":
            os._exit(7)
        if name == "slow.gpkg":
            time.sleep(100)
        if name == "busy.gpkg":
            while True:
                pass
        if name == "fault.gpkg":
            {}["what is not there"]
        if name == "chatty.gpkg":
            os.write(1, b"gibberish" * 100)
            print("more of it")
            return proper(path.with_name("good.gpkg"), request, book)
        if name == "strange.gpkg":
            raise type("StrangeError", (errors.GisplanError,), {})("a refusal of no known kind, said clearly")
        if name == "spent.gpkg":
            raise errors.FormatError("it is damaged") from RuntimeError("std::bad_alloc")
        return proper(path, request, book)
    registry.read = read
"""


@pytest.fixture
def fresh() -> Iterator[None]:
    """No clerk waits from before, and none waits afterwards."""
    room.dismiss()
    yield
    room.dismiss()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None) -> Path:
    """A folder with a good file, files whose reader misbehaves, and the readers themselves on the child's path."""
    own = tmp_path / "path"
    own.mkdir()
    (own / "sitecustomize.py").write_text(CUSTOM)
    monkeypatch.syspath_prepend(str(own))
    pipes().to_file(tmp_path / "good.gpkg", layer="good")
    for name in ("crash", "exit", "slow", "busy", "fault", "chatty", "strange", "spent"):
        (tmp_path / f"{name}.gpkg").write_bytes((tmp_path / "good.gpkg").read_bytes())
    return tmp_path


def asking(path: Path) -> Request:
    return Request(path.name, f"[layer.{path.stem}]")


def gone(pid: int, seconds: float = 10) -> bool:
    """Whether a process ends within some seconds; a zombie has not ended, it waits for its parent."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


# --- what travels ------------------------------------------------------------------------------------------------


def layer(table: pd.DataFrame, geometry: list[object] | None = None, **rest: object) -> RawLayer:
    shapes = None
    if geometry is not None:
        shapes = np.empty(len(geometry), dtype=object)
        shapes[:] = geometry
    rest = {"fids": np.arange(len(table)), **rest}
    return RawLayer("a.gpkg", "层", table, geometry=shapes, **rest)  # type: ignore[arg-type]


def sent(raw: RawLayer | RawGrid) -> RawLayer:
    """Send a layer through bytes, as the pipe does."""
    head, buffers = pack([[raw]])
    groups, _ = unpack(json.loads(json.dumps(head)), [bytearray(b) for b in buffers])
    return groups[0][0]  # type: ignore[return-value]


def same_cells(ours: pd.Series, theirs: pd.Series) -> None:
    assert ours.dtype == theirs.dtype
    for a, b in zip(ours.tolist(), theirs.tolist(), strict=True):
        assert type(a) is type(b), (a, b)
        assert a is b or a == b or (a != a and b != b), (a, b)  # NaN is not itself


COLUMNS = {
    "text": pd.Series(
        ["P1", None, "", " 07 ", "地块\u3000A", "a\x00b", "=1+1", "\U0001f6b0", "x" * 40_000], dtype="str"
    ),
    "words": pd.Series(["a", None, "a", "b"], dtype=object),
    "surrogate": pd.Series(["\udce9t\udce9", None], dtype=object),
    "nothing": pd.Series([None, None], dtype=object),
    "whole": pd.Series([1, -(2**63), 2**63 - 1, 1100010010010000001], dtype="int64"),
    "unsigned": pd.Series([2**64 - 1, 0], dtype="uint64"),
    "short": pd.Series([1, -2, 3], dtype="int16"),
    "float": pd.Series([0.1, math.nan, math.inf, -0.0, 5e-324], dtype="float64"),
    "float32": pd.Series([0.1, math.nan], dtype="float32"),
    "flag": pd.Series([True, False]),
    "flag, blank": pd.Series([True, None, False], dtype="boolean"),
    "whole, blank": pd.Series([1100010010010000001, None], dtype="Int64"),
    "day": pd.Series(["2026-11-01T00:00:01", None], dtype="datetime64[ms]"),
    "mixed": pd.Series(
        [1, 1.0, True, "1", None, math.nan, pd.NA, pd.NaT, 1100010010010000001, Decimal("1.10"), b"\x00\xff", "['x']"],
        dtype=object,
    ),
    "moments": pd.Series(
        [dt.datetime(2026, 11, 1, 8, 30), dt.date(2026, 11, 1), dt.time(8, 30, 1), None, "2026"], dtype=object
    ),
    "large": pd.Series([10**40, -(10**40), 0.5], dtype=object),
    "empty": pd.Series([], dtype=object),
    "empty text": pd.Series([], dtype="str"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_through(name):
    column = COLUMNS[name]
    back = sent(layer(pd.DataFrame({"列 1": column}))).table
    assert list(back.columns) == ["列 1"]
    assert back.index.equals(pd.RangeIndex(len(column)))
    same_cells(back["列 1"], column)


def test_an_odd_object_comes_through_as_what_it_says():
    class Odd:
        def __str__(self) -> str:
            return "an odd thing"

    assert sent(layer(pd.DataFrame({"a": pd.Series([Odd(), 1], dtype=object)}))).table["a"].tolist() == [
        "an odd thing",
        1,
    ]


def test_names_of_columns_and_everything_beside_them_come_through():
    table = pd.DataFrame([[1, "a"], [2, "b"]])
    table.columns = pd.Index(["same", "same"])
    raw = layer(
        table, [shapely.Point(1, 2), None],
        fids=np.array([7, 2**60]), broken=np.array([False, True]), crs=CRS.from_epsg(4546), lossy=frozenset({"same"}),
    )  # fmt: skip
    back = sent(raw)
    assert (back.file, back.layer, back.lossy) == ("a.gpkg", "层", {"same"})
    assert list(back.table.columns) == ["same", "same"]
    assert back.fids.tolist() == [7, 2**60]
    assert back.broken.tolist() == [False, True]
    assert back.crs == raw.crs
    assert back.crs is not None and back.crs.to_epsg() == 4546


def test_a_layer_without_anything_comes_through():
    back = sent(RawLayer("a.csv", "a", pd.DataFrame(index=pd.RangeIndex(0)), np.zeros(0, dtype=np.int64)))
    assert back.table.empty and back.geometry is None and back.crs is None and len(back.broken) == 0


def test_row_numbers_may_be_texts():
    assert sent(layer(pd.DataFrame({"a": [1, 2]}), fids=np.array(["2F", "30"], dtype=object))).fids.tolist() == [
        "2F",
        "30",
    ]


@pytest.mark.parametrize("epsg", [4490, 4546, 4526, 4326, 3857, 25831, 2384])
def test_a_crs_comes_through(epsg):
    crs = CRS.from_epsg(epsg)
    back = sent(layer(pd.DataFrame({"a": [1]}), crs=crs)).crs
    assert back == crs and back.to_epsg() == epsg


def test_a_crs_of_no_number_comes_through():
    crs = CRS.from_proj4("+proj=tmerc +lat_0=0 +lon_0=111.5 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m")
    assert sent(layer(pd.DataFrame({"a": [1]}), crs=crs)).crs == crs


SHAPES = [
    "POINT (1 2)", "POINT Z (1 2 3)", "POINT EMPTY", "MULTIPOINT (1 2, 3 4)", "MULTIPOINT ((1 2), EMPTY)",
    "LINESTRING (0 0, 1 1)", "LINESTRING Z (0 0 5, 0 0 4.9)", "LINESTRING (0 0, 0 0)", "LINESTRING EMPTY",
    "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3, 4 4))", "MULTILINESTRING ((0 0, 1 1), EMPTY)",
    "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 1, 2 1, 2 2, 1 1))", "POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))", "POLYGON EMPTY",
    "POLYGON Z ((0 0 1, 4 0 1, 4 4 1, 0 0 1))",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5), (5.5 5.2, 5.8 5.2, 5.8 5.5, 5.5 5.2)))",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), EMPTY)",
    "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))", "GEOMETRYCOLLECTION EMPTY",
]  # fmt: skip


def same_shape(ours: object, theirs: object) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return bool(
        shapely.equals_identical(ours, theirs)
        or (
            type(ours) is type(theirs)
            and np.array_equal(
                shapely.get_coordinates(ours, include_z=True), shapely.get_coordinates(theirs, include_z=True), True
            )
        )
    )


@pytest.mark.parametrize("text", SHAPES)
def test_a_shape_comes_through(text):
    shape = shapely.from_wkt(text)
    back = sent(layer(pd.DataFrame({"a": [1, 2, 3]}), [None, shape, shape])).geometry
    assert back is not None and back[0] is None
    assert back[1].wkt == back[2].wkt == shape.wkt
    assert back[1].has_z == shape.has_z
    assert type(back[1]) is type(shape)


def test_shapes_without_a_finite_place_come_through():
    with np.errstate(invalid="ignore"):
        nowhere = shapely.from_wkb(struct.pack("<BIIdddd", 1, 2, 2, 0, 0, math.nan, 1))
    shapes = [
        shapely.Point(math.nan, 1),
        shapely.LineString([(0, 0), (math.inf, 1)]),
        nowhere,
        shapely.LineString([(0, 0), (1, 1)]),
    ]
    back = sent(layer(pd.DataFrame({"a": range(4)}), shapes)).geometry
    assert all(same_shape(a, b) for a, b in zip(back, shapes, strict=True))


KINDS = st.lists(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=9),
        st.datetimes(), st.dates(), st.times(), st.decimals(allow_nan=False),
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(KINDS, st.lists(st.one_of(st.none(), st.sampled_from(SHAPES)), max_size=12))
def test_anything_comes_through(cells, texts):
    column = pd.Series(np.empty(len(cells), dtype=object), dtype=object)
    for i, cell in enumerate(cells):
        column.iat[i] = cell
    same_cells(sent(layer(pd.DataFrame({"a": column}))).table["a"], column)
    shapes = [None if text is None else shapely.from_wkt(text) for text in texts]
    back = sent(layer(pd.DataFrame({"a": range(len(shapes))}), shapes)).geometry
    assert [None if s is None else s.wkt for s in back] == [None if s is None else s.wkt for s in shapes]


def test_a_grid_comes_through():
    heights = np.array([[1.5, math.nan, 3.25], [4, 5, 6]], dtype="float32")
    affine = (2.0, 0.0, 554_000.0, 0.0, -2.0, 4_002_000.0)
    head, buffers = pack([[RawGrid("dem.tif", heights, affine, CRS.from_epsg(4546))]])
    grid = unpack(json.loads(json.dumps(head)), [bytearray(b) for b in buffers])[0][0][0]
    assert isinstance(grid, RawGrid)
    np.testing.assert_array_equal(grid.heights, heights)
    assert grid.heights.dtype == np.float32
    assert (grid.file, grid.affine, grid.crs) == ("dem.tif", affine, CRS.from_epsg(4546))


def test_flaws_come_through():
    book = Book("en")
    book.add("encoding_chosen", "info", "noted", ("a.csv", "", "7"), encoding="GB18030", where="[works]")
    head, buffers = pack([], book)
    _, issues = unpack(json.loads(json.dumps(head)), buffers)
    assert issues == (
        issue("encoding_chosen", "info", "noted", ("a.csv", "", "7"), "en", encoding="GB18030", where="[works]"),
    )


# --- what a process that is no longer ours may send ----------------------------------------------------------------


def packed() -> tuple[dict[str, object], list[bytearray]]:
    table = pd.DataFrame(
        {"id": pd.Series(["a", "b"], dtype="str"), "n": [1, 2], "x": pd.Series([1, "b"], dtype=object)}
    )
    head, buffers = pack([[layer(table, [shapely.LineString([(0, 0), (1, 1)]), shapely.Point(1, 2)])]])
    return json.loads(json.dumps(head)), [bytearray(b) for b in buffers]


def changes() -> list[Callable[[dict, list[bytearray]], None]]:
    def head(*way: object, to: object) -> Callable[[dict, list[bytearray]], None]:
        def change(whole: dict, buffers: list[bytearray]) -> None:
            at = whole["groups"][0][0]
            for step in way[:-1]:
                at = at[step]
            at[way[-1]] = to

        return change

    def cut(i: int, size: int) -> Callable[[dict, list[bytearray]], None]:
        def change(whole: dict, buffers: list[bytearray]) -> None:
            buffers[i] = buffers[i][:size]

        return change

    def flip(i: int, at: int, to: int) -> Callable[[dict, list[bytearray]], None]:
        def change(whole: dict, buffers: list[bytearray]) -> None:
            buffers[i][at] = to

        return change

    return [
        head("rows", to=3), head("rows", to=-1), head("rows", to="2"), head("rows", to=10**30), head("names", to=["a"]),
        head("file", to=None), head("crs", to="GEOGCRS[what]"), head("crs", to=5), head("lossy", to=[1]),
        head("columns", 0, "kind", to="pickle"), head("columns", 0, "words", to=1), head("columns", 0, "words", to=-1),
        head("columns", 0, "words", to=10**12), head("columns", 1, "type", to="|O"),
        head("columns", 1, "type", to="<i4"),
        head("columns", 1, "type", to="|V8"), head("broken", to=5), head("shapes", 0, "kind", to=6),
        head("shapes", 0, "kind", to=7), head("shapes", 0, "count", to=2), head("shapes", 0, "count", to=10**12),
        head("shapes", 0, "kind", to=99),
        head("shapes", 1, "sizes", to=[2, 99]), head("shapes", 1, "sizes", to=[10**12, 2]), head("shapes", to=7),
        cut(0, 8), cut(1, 3), cut(2, 0), cut(4, 3), flip(0, 0, 9), flip(0, 7, 0x80), flip(2, 0, 0xFF), flip(1, 7, 0x80),
        lambda whole, buffers: buffers.pop(), lambda whole, buffers: buffers.append(bytearray(3)),
        lambda whole, buffers: whole.pop("issues"), lambda whole, buffers: whole.update(groups=5),
        lambda whole, buffers: whole.update(issues=[["a"] * 7]),
        lambda whole, buffers: whole.update(issues=[["a"] * 8]),
    ]  # fmt: skip


def test_what_is_changed_below_is_sound_before():
    head, buffers = packed()
    assert len(unpack(head, buffers)[0][0]) == 1


@pytest.mark.parametrize("change", changes())
def test_an_answer_that_makes_no_sense_is_refused(change):
    head, buffers = packed()
    change(head, buffers)
    with pytest.raises(Odd):
        unpack(head, buffers)


@pytest.mark.parametrize("seed", range(300))
def test_flipped_bytes_never_break_the_process(seed):
    """Whatever the bytes are, it is an answer or a refusal; a shape at the wrong place is possible, a crash is not."""
    dice = np.random.default_rng(seed)
    head, buffers = packed()
    for _ in range(3):
        chosen = buffers[dice.integers(len(buffers))]
        if chosen:
            chosen[dice.integers(len(chosen))] = dice.integers(256)
    try:
        unpack(head, buffers)
    except Odd:
        return


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"buffers": [-1]}', '{"buffers": [1000000000000]}', "[]", '"a"', '{"buffers": 5}', "\x00"]
)
def test_a_head_that_makes_no_sense_ends_the_listening(text):
    read, write = os.pipe()
    with os.fdopen(read, "rb", buffering=0) as pipe, os.fdopen(write, "wb", buffering=0) as out:
        threading.Thread(target=out.write, args=(len(text).to_bytes(8, "big") + text.encode(),)).start()
        with pytest.raises((ValueError, RecursionError)):
            room._frame(pipe, room.Limits())


# --- a file ends itself, and nothing else ---------------------------------------------------------------------------


def test_one_child_reads_many_files(folder, tmp_path):
    (tmp_path / "w.csv").write_bytes("管线编号,管径,材质,状态\n1,300,球墨铸铁,现状\n".encode("gb18030"))
    with Child("en") as child:
        asked = [child.queue(p, asking(p)) for p in (folder / "good.gpkg", tmp_path / "w.csv", folder / "good.gpkg")]
        first, second, third = (child.wait(one) for one in asked)
    book = Book("en")
    plain = registry.read(folder / "good.gpkg", asking(folder / "good.gpkg"), book)[0]
    pd.testing.assert_frame_equal(first.layers[0].table, plain.table)
    assert all(same_shape(a, b) for a, b in zip(third.layers[0].geometry, plain.geometry, strict=True))
    assert second.layers[0].table.to_dict("records") == [
        {"管线编号": "1", "管径": "300", "材质": "球墨铸铁", "状态": "现状"}
    ]
    assert [i.code for i in second.issues] == ["encoding_chosen"]
    assert (first.issues, third.issues) == ((), ())


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.gpkg", b"SQLite format 3\x00 and no more", FormatError),
        ("a.csv", b"a,b\n1,2,3\n", FormatError),
        ("a.csv", b"a,b\n\xff\xff\xff,2\n", EncodingError),
    ],
)
def test_a_refusal_comes_as_what_it_is(tmp_path, name, data, kind):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(GisplanError) as own:
        registry.read(tmp_path / name, asking(tmp_path / name), Book("en"))
    with Child("en") as child, pytest.raises(GisplanError) as caught:
        child.ask(tmp_path / name, asking(tmp_path / name))
    assert type(caught.value) is type(own.value) is kind
    assert str(caught.value) == str(own.value)


def test_a_layer_that_is_not_there_is_a_layer_error(folder):
    with Child("en") as child, pytest.raises(LayerError, match="no layer gas"):
        child.ask(folder / "good.gpkg", Request("good.gpkg", "[layer.water]", layer="gas"))


def test_a_refusal_of_no_known_kind_is_a_format_error(folder):
    with Child("en") as child, pytest.raises(FormatError, match="said clearly"):
        child.ask(folder / "strange.gpkg", asking(folder / "strange.gpkg"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("crash", "SIGSEGV"), ("exit", "exit 7"), ("fault", "KeyError"), ("spent", "not enough memory")],
)
def test_a_reader_that_dies_costs_its_file_and_no_other(folder, name, reason):
    good, bad = folder / "good.gpkg", folder / f"{name}.gpkg"
    with Child("en") as child:
        paths = (good, bad, bad, good) if name == "spent" else (good, bad, good)
        asked = [child.queue(path, asking(path)) for path in paths]
        assert len(child.wait(asked[0]).layers[0].table) == 2
        for one in asked[1:-1]:
            with pytest.raises(ReadError) as caught:
                child.wait(one)
        assert len(child.wait(asked[-1]).layers[0].table) == 2
    text = str(caught.value)
    assert reason in text
    assert f"{name}.gpkg" in text and f"[layer.{name}]" in text
    assert "GISPLAN_READ_MB" in text and "xport it again" in text


@pytest.mark.parametrize("name", ["slow", "busy"])
def test_a_reader_that_takes_too_long_is_stopped(folder, monkeypatch, name):
    monkeypatch.setenv("GISPLAN_READ_SECONDS", "2")
    with Child("en") as child:
        child.ask(folder / "good.gpkg", asking(folder / "good.gpkg"))
        asked = [child.queue(p, asking(p)) for p in (folder / f"{name}.gpkg", folder / "good.gpkg")]
        began, pid = time.monotonic(), child._clerk.pid
        with pytest.raises(ReadError) as caught:
            child.wait(asked[0])
        assert 2 <= time.monotonic() - began < 30  # it would sleep for 100, or for ever
        assert gone(pid, 1)
        assert len(child.wait(asked[1]).layers[0].table) == 2
    for word in (f"{name}.gpkg", f"[layer.{name}]", "2 seconds", "GISPLAN_READ_SECONDS"):
        assert word in str(caught.value)


def test_more_files_than_are_asked_for_at_once(folder):
    with Child("en") as child:
        asked = [child.queue(folder / "good.gpkg", asking(folder / "good.gpkg")) for _ in range(35)]
        assert sum(len(child.wait(one).layers[0].table) for one in reversed(asked)) == 70


def test_what_libraries_print_does_not_get_between(folder):
    with Child("en") as child:
        assert len(child.ask(folder / "chatty.gpkg", asking(folder / "chatty.gpkg")).layers[0].table) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the memory of a process for this limit")
def test_a_file_that_needs_too_much_memory(tmp_path, monkeypatch, fresh):
    monkeypatch.setenv("GISPLAN_READ_MB", "250")
    (tmp_path / "big.csv").write_text("a,b,c\n" + "1,2,3\n" * 1_400_000)  # 8 MB of text, many times that in cells
    (tmp_path / "small.csv").write_text("a,b\n1,2\n")
    with Child("en") as child:
        asked = [child.queue(tmp_path / n, asking(tmp_path / n)) for n in ("big.csv", "small.csv")]
        with pytest.raises(ReadError, match=r"big\.csv.*not enough memory.*GISPLAN_READ_MB \(now 250 MB\)"):
            child.wait(asked[0])
        assert len(child.wait(asked[1]).layers[0].table) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
def test_the_child_leaves_no_core_dump_and_has_its_limits(folder):
    import resource

    with Child("en") as child:
        child.ask(folder / "good.gpkg", asking(folder / "good.gpkg"))
        limits = Path(f"/proc/{child._clerk.pid}/limits").read_text().splitlines()
    stated = {line[:26].strip(): line[26:].split()[0] for line in limits}
    assert stated["Max core file size"] == "0"
    assert int(stated["Max data size"]) == room.READ_MB << 20
    assert int(stated["Max cpu time"]) < room.READ_SECONDS + 60
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] == resource.RLIM_INFINITY  # ours are as they were


@pytest.mark.parametrize("value", ["0", "-5", "many", "1e3", "٣"])
@pytest.mark.parametrize("name", ["GISPLAN_READ_MB", "GISPLAN_READ_SECONDS"])
def test_a_limit_that_is_none_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ReadError, match=f"{name} is .*whole number above 0"), Child("en") as child:
        child.ask(ROOT / "README.md", Request("README.md", "[x]"))


# --- processes that come and go -------------------------------------------------------------------------------------


def test_the_child_waits_for_the_next_zone(folder):
    with Child("en") as child:
        child.ask(folder / "good.gpkg", asking(folder / "good.gpkg"))
        first = child._clerk.pid
    with Child("en") as child:
        child.ask(folder / "good.gpkg", asking(folder / "good.gpkg"))
        assert child._clerk.pid == first


def test_a_child_that_left_while_it_waited_is_replaced(folder):
    with Child("en") as child:
        child.ask(folder / "good.gpkg", asking(folder / "good.gpkg"))
        pid = child._clerk.pid
    os.kill(pid, signal.SIGTERM)
    assert gone(pid)
    with Child("en") as child:
        assert len(child.ask(folder / "good.gpkg", asking(folder / "good.gpkg")).layers[0].table) == 2


def test_a_child_that_is_killed_while_it_reads_is_a_refusal(folder):
    with Child("en") as child:
        asked = child.queue(folder / "slow.gpkg", asking(folder / "slow.gpkg"))
        time.sleep(0.1)
        os.kill(child._clerk.pid, signal.SIGKILL)
        with pytest.raises(ReadError, match=r"slow\.gpkg.*SIGKILL"):
            child.wait(asked)


def test_a_child_with_work_left_is_ended(folder):
    with Child("en") as child:
        child.queue(folder / "slow.gpkg", asking(folder / "slow.gpkg"))
        pid = child._clerk.pid
    assert gone(pid, 0.1)  # waited for, too: a zombie would still be there


PARENT = """
import os, sys, time
from pathlib import Path
from gisplan.reading.process.child import Child
from gisplan.reading.formats.raw import Request
child = Child("en")
asked = child.queue(Path(sys.argv[1]), Request("slow.gpkg", "[layer.slow]"))
time.sleep(1)
print(child._clerk.pid, flush=True)
child.wait(asked)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("name", ["slow", "busy"])
def test_the_child_does_not_outlive_its_parent(folder, name):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "path"), str(ROOT)])}
    path = str(folder / f"{name}.gpkg")
    with subprocess.Popen([sys.executable, "-c", PARENT, path], stdout=subprocess.PIPE, env=environment) as parent:
        pid = int(parent.stdout.readline())
        assert not gone(pid, 0.2)
        parent.kill()
    assert gone(pid)


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_ctrl_c_ends_both_quietly(folder):
    zone = folder / "zone"
    zone.mkdir()
    parcels().to_file(zone / "parcels.gpkg")
    pipes().to_file(zone / "slow.gpkg")
    (zone / "zone.toml").write_text(HEAD + WATER.replace("]\n", ']\nfile = "slow.gpkg"\n', 1), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "path"), str(ROOT)])}
    # What runs in the background of a shell starts with Ctrl-C ignored, and would hand that on.
    heard = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); import gisplan.cli as c; "
    command = [sys.executable, "-c", heard + "sys.exit(c.main(sys.argv[1:]))", "check", str(zone)]
    command += ["--out", str(folder / "out"), "--lang", "en"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True, text=True
    ) as parent:
        time.sleep(4)
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        os.killpg(parent.pid, signal.SIGINT)
        _, said = parent.communicate(timeout=20)
    assert parent.returncode == 130
    assert said.count("\n") == 1 and "Traceback" not in said
    assert children and all(gone(int(pid), 2) for pid in children)


# --- a whole zone ----------------------------------------------------------------------------------------------------


def test_the_next_zone_can_be_read_after_one_that_broke_the_child(folder, zone):
    broken = folder / "broken"
    broken.mkdir()
    parcels().to_file(broken / "parcels.gpkg")
    pipes().to_file(broken / "crash.gpkg")
    (broken / "zone.toml").write_text(HEAD + WATER.replace("]\n", ']\nfile = "crash.gpkg"\n', 1), encoding="utf-8")
    with pytest.raises(ReadError, match=r"crash\.gpkg \(\[layer\.water\]\).*SIGSEGV"):
        gisplan.read(broken, lang="en")
    assert len(gisplan.read(zone(WATER), lang="en").parcels) == 3


def test_the_command_refuses_with_3(folder, capsys):
    from gisplan.cli import main

    broken = folder / "broken"
    broken.mkdir()
    parcels().to_file(broken / "parcels.gpkg")
    pipes().to_file(broken / "crash.gpkg")
    (broken / "zone.toml").write_text(HEAD + WATER.replace("]\n", ']\nfile = "crash.gpkg"\n', 1), encoding="utf-8")
    assert main(["check", str(broken), "--out", str(folder / "out"), "--lang", "en"]) == 3
    assert "crash.gpkg" in capsys.readouterr().err


# --- what is never opened ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["pipe.gpkg", "/dev/zero", "../other.gpkg", "link.gpkg", "/vsizip/a.zip", "vsicurl://x/a.gpkg", "https://e.org/a.gpkg",
     "GeoJSON:a", "{}", "<a/>"],
)  # fmt: skip
def test_only_files_of_the_folder_are_opened(zone, name):
    folder = zone(WATER.replace("]\n", f']\nfile = "{name}"\n', 1))
    os.mkfifo(folder / "pipe.gpkg")
    (folder.parent / "other.gpkg").write_bytes((folder / "water.gpkg").read_bytes())
    (folder / "link.gpkg").symlink_to("/dev/zero")
    with pytest.raises(ReadError):
        inside(folder, name, "zone.toml [layer.water]", "zh")
    began = time.monotonic()
    with pytest.raises(ReadError, match=r"\[layer\.water\]"):
        gisplan.read(folder, lang="en")
    assert time.monotonic() - began < 5


def test_a_part_of_a_shapefile_may_not_be_a_link_to_a_device(zone):
    folder = zone(WATER.replace("]\n", ']\nfile = "w.shp"\n', 1), water=None)
    pipes().rename(columns={"diameter_mm": "diameter"}).to_file(folder / "w.shp")
    (folder / "w.dbf").unlink()
    (folder / "w.dbf").symlink_to("/dev/zero")
    with pytest.raises(ReadError, match=r"w\.dbf is a link"):
        gisplan.read(folder, lang="en")


def test_a_device_or_pipe_is_not_opened_by_the_registry_either(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zero.csv"):
        with pytest.raises(FormatError):
            registry.read(tmp_path / name, asking(tmp_path / name), Book("en"))
