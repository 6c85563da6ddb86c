"""The whole set: all files new, or all files old."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
from contextlib import contextmanager

import pytest
from paper_zone import paper_tables
from results import RESULTS

from gisplan.base.errors import ExportError
from gisplan.outputs import delivery
from gisplan.outputs.csvfiles import (
    write_faults,
    write_findings,
    write_issues,
    write_joins,
    write_limits,
    write_readiness,
)
from gisplan.outputs.delivery import write_all, write_fixes
from gisplan.outputs.geojson import write_gaps
from gisplan.outputs.geopackage import write_fault_layers, write_geopackage
from gisplan.outputs.runfile import write_run
from gisplan.outputs.workbook import write_workbook

FILES = [*RESULTS]
RUN = {"inputs": {"a": "b"}}


def page(path):
    """Stand for the map, which has tests of its own."""
    path.write_text("<html></html>", encoding="utf-8")


@pytest.fixture(autouse=True)
def plain_map(monkeypatch):
    monkeypatch.setattr(delivery, "map_files", lambda tables, name, lang: {name: page})


@pytest.fixture
def full(tmp_path):
    write_all(paper_tables(), RUN, tmp_path / "out", "zh")
    return tmp_path / "out"


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@contextmanager
def no_room_beyond(size):
    """Let no file grow beyond a size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_all_files_and_nothing_else(full):
    assert sorted(p.name for p in full.iterdir()) == sorted(FILES)


def test_same_input_same_bytes(full, tmp_path):
    write_all(paper_tables(), RUN, tmp_path / "again", "zh")
    assert contents(tmp_path / "again") == contents(full)


def test_the_files_of_the_fix_list_are_all_new_or_all_old(tmp_path):
    out = tmp_path / "out"
    write_fixes(paper_tables(), None, out)
    before = contents(out)
    assert sorted(before) == ["faults.csv", "faults.gpkg", "issues.csv", "joins.csv"]
    fewer = paper_tables(faults=paper_tables().faults.iloc[:1])
    with no_room_beyond(50_000), pytest.raises(ExportError):
        write_fixes(fewer, None, out)
    assert contents(out) == before
    write_fixes(fewer, None, out)
    assert contents(out)["faults.csv"] != before["faults.csv"]
    assert contents(out)["joins.csv"] == before["joins.csv"]


def test_progress_names_every_file(tmp_path):
    seen = []
    write_all(paper_tables(), RUN, tmp_path / "out", "en", lambda done, what: seen.append((done, what)))
    assert [what for _, what in seen] == [f"Writing {name}" for name in FILES]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] < 1


SINGLE = {
    "readiness.csv": (write_readiness, (0, 10, 300)),
    "findings.csv": (write_findings, (0, 100, 4_096, 200_000, 360_000)),
    "issues.csv": (write_issues, (0, 100, 4_096, 200_000, 360_000)),
    "faults.csv": (write_faults, (0, 100, 200_000)),
    "joins.csv": (write_joins, (0, 100)),
    "limits.csv": (write_limits, (0, 100)),
    "faults.gpkg": (write_fault_layers, (0, 4_096, 100_000)),
    "gaps.geojson": (write_gaps, (0, 10, 1_000)),
    "review.gpkg": (write_geopackage, (0, 100, 4_096, 40_000, 98_304, 150_000, 200_000, 204_800)),
    "review.xlsx": (write_workbook, (0, 100, 4_096, 10_000)),
    "run.json": (lambda tables, path: write_run(tables, RUN, path), (0, 100, 1_000)),
}


@pytest.mark.parametrize(("name", "size"), [(name, size) for name, (_, sizes) in SINGLE.items() for size in sizes])
def test_a_full_disk_keeps_the_old_file(tmp_path, name, size):
    write = SINGLE[name][0]
    write(paper_tables(), tmp_path / name)
    before = contents(tmp_path)
    with no_room_beyond(size), pytest.raises(ExportError, match=name.replace(".", r"\.")):
        write(paper_tables(), tmp_path / name)
    assert contents(tmp_path) == before


def test_a_full_disk_while_the_rows_of_a_large_book_wait(tmp_path, monkeypatch):
    monkeypatch.setattr("gisplan.outputs.workbook._HELD", 0)
    with no_room_beyond(4_096), pytest.raises(ExportError, match=r"review\.xlsx"):
        write_workbook(paper_tables(), tmp_path / "review.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1_000, 100_000])
def test_a_full_disk_keeps_every_old_file(full, size):
    before = contents(full)
    with no_room_beyond(size), pytest.raises(ExportError):
        write_all(paper_tables(), {"inputs": {"changed": "x"}}, full)
    assert contents(full) == before
    assert sorted(p.name for p in full.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_folder_in_the_way_is_named_and_nothing_is_touched(full, name):
    (full / name).unlink()
    (full / name).mkdir()
    before = contents(full)
    with pytest.raises(ExportError, match=name.replace(".", r"\.")):
        write_all(paper_tables(), RUN, full)
    assert contents(full) == before
    assert (full / name).is_dir()


def test_a_file_instead_of_the_folder(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(ExportError, match="out"):
        write_all(paper_tables(), RUN, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "x"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder(full):
    before = contents(full)
    full.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(ExportError):
            write_all(paper_tables(), RUN, full)
    finally:
        full.chmod(stat.S_IRWXU)
    assert contents(full) == before


def test_a_workbook_open_in_excel_keeps_the_whole_old_set(full, monkeypatch):
    before = contents(full)
    stock = os.replace

    def locked(source, target, **kwargs):
        if any(os.fspath(path).endswith(f"{os.sep}out{os.sep}review.xlsx") for path in (source, target)):
            raise PermissionError(13, "The process cannot access the file because it is being used by another process")
        return stock(source, target, **kwargs)

    monkeypatch.setattr(os, "replace", locked)
    with pytest.raises(ExportError, match=r"review\.xlsx.*Excel"):
        write_all(paper_tables(), {"inputs": {"changed": "x"}}, full)
    assert contents(full) == before


def test_a_writer_that_fails_late_keeps_the_whole_old_set(full, monkeypatch):
    before = contents(full)

    def fail(path):
        raise ExportError("the map cannot be made")

    monkeypatch.setattr(delivery, "map_files", lambda tables, name, lang: {name: fail})
    with pytest.raises(ExportError, match="the map"):
        write_all(paper_tables(), {"inputs": {"changed": "x"}}, full)
    assert contents(full) == before


def test_leftovers_of_a_killed_run_are_swept(full):
    (full / ".gisplan-123-review.gpkg").write_text("half")
    (full / ".gisplan-stage").mkdir()
    (full / ".gisplan-stage" / "review.gpkg").write_text("half")
    write_all(paper_tables(), RUN, full)
    assert sorted(p.name for p in full.iterdir()) == sorted(FILES)
    assert json.loads((full / "run.json").read_text(encoding="utf-8"))["inputs"] == {"a": "b"}
