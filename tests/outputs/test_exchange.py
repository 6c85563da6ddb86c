"""The exchange of a set of results: old or new, never mixed, whoever is killed, stopped, or in the way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gisplan.base.errors import ExportError
from gisplan.outputs.exchange import exchange, staging

NAMES = ["review.xlsx", "review_parts/part-1.html", "review.html", "run.json"]
CALLS = 2 * len(NAMES)

KILLED = """
import os, sys
from pathlib import Path
from gisplan.outputs.exchange import exchange, staging
folder, last, names = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
stock, calls = os.replace, []
def replace(*given, **more):
    calls.append(given)
    if len(calls) > last:
        os.kill(os.getpid(), 9)
    return stock(*given, **more)
os.replace = replace
with staging(folder) as stage:
    for name in names:
        (stage / name).parent.mkdir(exist_ok=True)
        (stage / name).write_text("new")
    exchange(folder, names)
"""


def fill(folder: Path, text: str) -> None:
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def said(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in NAMES if (folder / name).is_file()}


def put(folder: Path, text: str) -> None:
    with staging(folder) as stage:
        fill(stage, text)
        exchange(folder, NAMES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path / "out", "old")
    return tmp_path / "out"


def test_the_new_set_and_nothing_else(folder):
    put(folder, "new")
    assert said(folder) == dict.fromkeys(NAMES, "new")
    assert sorted(p.name for p in folder.iterdir()) == sorted({name.split("/")[0] for name in NAMES})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal 9")
@pytest.mark.parametrize("last", range(CALLS + 1))
def test_killed_at_any_move_nothing_is_mixed_and_the_next_run_finishes(folder, last):
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(last), *NAMES], check=False)
    assert done.returncode == (-9 if last < CALLS else 0)
    left = said(folder)
    assert len(set(left.values())) <= 1, "never some of the old and some of the new"
    assert "run.json" not in left or len(left) == len(NAMES), "the record stands for a whole set only"
    with pytest.raises(ZeroDivisionError), staging(folder):
        raise ZeroDivisionError  # the next run fails, and still it cleans up first
    after = said(folder)
    assert set(after) == set(NAMES)
    assert len(set(after.values())) == 1
    assert not [p.name for p in folder.iterdir() if p.name.startswith(".gisplan")]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("last", range(CALLS))
def test_stopped_at_any_move_the_old_set_is_back(folder, monkeypatch, last, error):
    stock, calls = os.replace, []

    def replace(*given, **more):
        calls.append(given)
        if len(calls) == last + 1:
            raise error
        return stock(*given, **more)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(ExportError if isinstance(error, OSError) else KeyboardInterrupt):
        put(folder, "new")
    assert said(folder) == dict.fromkeys(NAMES, "old")
    assert not [p.name for p in folder.iterdir() if p.name.startswith(".gisplan")]


def test_two_runs_into_one_folder_do_not_mix(folder):
    waits = KILLED.replace("exchange(folder, names)", 'print("in", flush=True); sys.stdin.read()')
    with subprocess.Popen(
        [sys.executable, "-c", waits, str(folder), "99", *NAMES], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline().strip() == b"in"
        with pytest.raises(ExportError, match="another run"):
            put(folder, "new")
        assert said(folder) == dict.fromkeys(NAMES, "old")
        other.kill()
    deadline = time.monotonic() + 10
    while True:  # the system gives the lock of the dead back
        try:
            put(folder, "new")
            break
        except ExportError:
            assert time.monotonic() < deadline
    assert said(folder) == dict.fromkeys(NAMES, "new")
