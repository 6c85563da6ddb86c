"""The command: exit codes, what is computed and what only reported, what it says. The engine is a stand-in here."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
from paper_zone import PARCELS, cells, findings, issues, paper_tables, parcels
from results import RESULTS

from gisplan.base.errors import ExportError, ProfileError, ReadError
from gisplan.cli import main
from gisplan.outputs import delivery
from gisplan.rules.profile import load

FILES = {*RESULTS}


class Stage:
    """Stands for `read`, the zone, `check` and the report, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, object] = {}
        self.fail: BaseException | None = None
        self.cells = cells()
        self.profile = load("jiutong_classic")
        self.parcels = parcels()
        self.run = {"inputs": {"zone.toml": "0" * 64}}

    def read(self, folder, profile=None, lang="zh", progress=None):
        self.asked.update(folder=folder, profile=profile, lang=lang)
        if self.fail is not None:
            raise self.fail
        progress(0.5, "water")
        return self

    def at(self, date):
        self.asked["date"] = date
        return self

    def check(self, zone, progress=None):
        self.asked["checked"] = zone
        progress(1.0, "done")
        return self

    def tables(self, chosen=None):
        self.asked["parcels"] = chosen
        full = paper_tables(cells=self.cells, findings=findings().iloc[:5], issues=issues().iloc[:5])
        if chosen is None:
            return full
        return paper_tables(
            parcels=full.parcels.loc[chosen],
            readiness=full.readiness.loc[chosen],
            cells=full.cells[full.cells["parcel"].isin(chosen)],
            findings=full.findings,
            issues=full.issues,
        )

    def explain(self, parcel, service, lang="zh"):
        self.asked["explained"] = (parcel, service, lang)
        return f"{parcel} {service} \x1b[31mA\nevidence"


@pytest.fixture
def stage(monkeypatch):
    made = Stage()
    for name, attribute in (("zone", "read"), ("report", "check")):
        module = ModuleType(f"gisplan.{name}")
        setattr(module, attribute, getattr(made, attribute))
        monkeypatch.setitem(sys.modules, f"gisplan.{name}", module)

    def page(path):
        path.write_text("<html></html>", encoding="utf-8")

    monkeypatch.setattr(delivery, "map_files", lambda tables, name, lang: {name: page})
    return made


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_check_writes_everything_and_says_where_the_map_is(stage, here, capsys):
    assert main(["check", "zone", "--out", "results/today"]) == 0
    assert {p.name for p in (here / "results" / "today").iterdir()} == FILES
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == f"地图：{Path('results', 'today', 'review.html')}"
    assert "0012" in out and "P-07" not in out
    assert err == "", "no progress bar without a terminal"
    assert json.loads((here / "results/today/run.json").read_text(encoding="utf-8"))["inputs"] == stage.run["inputs"]


def test_the_map_is_named_as_it_lies_from_here(stage, here, capsys, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert main(["check", "zone", "--out", str(elsewhere), "--lang", "en"]) == 0
    named = capsys.readouterr().out.splitlines()[-1].removeprefix("Map: ")
    assert (here / named).resolve() == (elsewhere / "review.html").resolve()


def test_default_out_is_out_here(stage, here):
    assert main(["check", "zone"]) == 0
    assert (here / "out" / "review.html").exists()


def test_all_lists_every_parcel(stage, here, capsys):
    main(["check", "zone", "--all"])
    assert "P-07" in capsys.readouterr().out


def test_profile_date_and_language_reach_the_engine(stage, here, capsys):
    assert main(["check", "zone", "--profile", "qitong", "--date", "2027-06-30", "--lang", "both"]) == 0
    assert stage.asked["profile"] == "qitong"
    assert stage.asked["date"] == dt.date(2027, 6, 30)
    assert stage.asked["lang"] == "both"
    assert "Listed: " in capsys.readouterr().out


def test_parcels_change_what_is_reported_never_what_is_computed(stage, here):
    assert main(["check", "zone", "--parcels", "P-07, 0012"]) == 0
    assert stage.asked["parcels"] == ["0012", "P-07"]  # in the order of the zone
    assert stage.asked["checked"] is stage  # the whole zone
    assert len(stage.asked["checked"].parcels) == len(PARCELS)


@pytest.mark.parametrize(
    "data",
    [
        b"0012\nP-07\n",
        b"\xef\xbb\xbfparcel\r\n0012\r\n\r\nP-07\r\n",
        "地块编号,名称\n0012,一号地\nP-07,\n".encode("gb18030"),
        b'parcel,area_mu\n\'0012,1\n"P-07",2\n',
    ],
    ids=["lines", "bom and heading", "gb18030 table", "our own csv"],
)
def test_parcels_from_a_file(stage, here, data):
    (here / "list.csv").write_bytes(data)
    assert main(["check", "zone", "--parcels", "list.csv"]) == 0
    assert stage.asked["parcels"] == ["0012", "P-07"]


def test_an_id_that_a_spreadsheet_would_run_comes_back_from_our_csv(stage, here):
    (here / "list.txt").write_text("parcel\n'=1+1\n", encoding="utf-8")
    assert main(["check", "zone", "--parcels", "list.txt"]) == 0
    assert stage.asked["parcels"] == ["=1+1"]


def test_unknown_parcels_are_refused_with_the_nearest(stage, here, capsys):
    assert main(["check", "zone", "--parcels", "P-7,0012", "--lang", "en"]) == 3
    err = capsys.readouterr().err
    assert "P-7" in err and "P-07" in err
    assert "checked" not in stage.asked, "it is refused before an hour is spent"


@pytest.mark.parametrize("text", [",", "missing.csv", "，"])
def test_no_parcels_at_all_is_refused(stage, here, capsys, text):
    assert main(["check", "zone", "--parcels", text]) == 3
    assert text in capsys.readouterr().err


def test_a_list_that_is_no_text_is_refused(stage, here):
    (here / "list.csv").write_bytes(b"\xff\xfe\x00\x80\xff")
    assert main(["check", "zone", "--parcels", "list.csv"]) == 3


def test_strict_is_four_when_a_required_cell_is_unknown(stage, here):
    assert main(["check", "zone"]) == 0
    assert main(["check", "zone", "--strict"]) == 4
    assert (here / "out" / "review.html").exists(), "what was found is still written"
    stage.cells.loc[stage.cells["grade"] == "U", "need"] = "optional"
    assert main(["check", "zone", "--strict"]) == 0


def test_strict_looks_at_the_parcels_that_are_reported(stage, here):
    assert main(["check", "zone", "--strict", "--parcels", "0012"]) == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ReadError("zone has no zone.toml. Make one."), 3),
        (ProfileError("there is no profile 'x'."), 3),
        (ExportError("review.xlsx: open in Excel."), 5),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("division by zero"), 1),
        (OSError("a disk that broke"), 1),
        (MemoryError(), 1),
    ],
)
def test_exit_codes(stage, here, capsys, error, code):
    stage.fail = error
    assert main(["check", "zone", "--lang", "en"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1 and err.startswith("gisplan: ")
    assert "Traceback" not in err
    if code == 1:
        assert "report it" in err and "GISPLAN_DEBUG=1" in err and type(error).__name__ in err
    elif str(error):
        assert str(error) in err


def test_the_traceback_is_there_for_those_who_ask(stage, here, capsys, monkeypatch):
    monkeypatch.setenv("GISPLAN_DEBUG", "1")
    stage.fail = ZeroDivisionError("x")
    assert main(["check", "zone"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_error_message_cannot_drive_the_terminal(stage, here, capsys):
    stage.fail = ReadError("layer \x1b]0;owned\x07 is odd")
    assert main(["check", "zone"]) == 3
    assert not set(capsys.readouterr().err) & {"\x1b", "\x07"}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["chekc", "zone"],
        ["check"],
        ["check", "zone", "--date", "1 November"],
        ["check", "zone", "--date", "2026-13-01"],
        ["check", "zone", "--lang", "fr"],
        ["check", "zone", "--strct"],
        ["explain", "zone", "0012"],
    ],
)
def test_wrong_use_is_two(stage, here, capsys, arguments):
    assert main(arguments) == 2
    assert "usage: gisplan" in capsys.readouterr().err
    assert stage.asked == {}


def test_out_is_probed_before_anything_is_computed(stage, here, capsys):
    (here / "taken").write_text("x")
    for out in ("taken", "taken/deeper"):
        assert main(["check", "zone", "--out", out]) == 5
        assert "taken" in capsys.readouterr().err
    assert stage.asked == {}
    assert (here / "taken").read_text() == "x"


def test_probing_leaves_nothing_behind(stage, here):
    stage.fail = ReadError("no")
    assert main(["check", "zone", "--out", "new/folder"]) == 3
    assert list(here.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written_is_found_first(stage, here):
    (here / "locked").mkdir(mode=0o500)
    assert main(["check", "zone", "--out", "locked"]) == 5
    assert stage.asked == {}


def test_explain(stage, here, capsys):
    assert main(["explain", "zone", "0012", "sewage", "--lang", "en"]) == 0
    assert stage.asked["explained"] == ("0012", "sewage", "en")
    out = capsys.readouterr().out
    assert out.splitlines() == ["0012 sewage \ufffd[31mA", "evidence"]
    assert list(here.iterdir()) == [], "explain writes nothing"


@pytest.mark.parametrize("name", ["污水", "Sewerage", "WS", "ws", "污", "sewage"])
def test_a_service_may_be_named_in_any_way(stage, here, name):
    assert main(["explain", "zone", "0012", name]) == 0
    assert stage.asked["explained"][1] == "sewage"


def test_explain_refuses_what_there_is_not(stage, here, capsys):
    assert main(["explain", "zone", "12", "water"]) == 3
    assert "0012" in capsys.readouterr().err
    assert main(["explain", "zone", "0012", "steam"]) == 3
    assert "sewage 污水" in capsys.readouterr().err


def test_a_console_without_chinese_does_not_end_the_run(stage, here, monkeypatch):
    out, err = io.BytesIO(), io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="cp1252"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding="ascii"))
    assert main(["check", "zone"]) == 0
    sys.stdout.flush()
    assert b"0012" in out.getvalue() and b"review.html" in out.getvalue()
    stage.fail = ReadError("没有 zone.toml")
    assert main(["check", "zone"]) == 3
    sys.stderr.flush()
    assert b"zone.toml" in err.getvalue()


@pytest.mark.parametrize("command", [["--help"], ["check", "--help"], ["explain", "--help"]])
def test_help_is_in_both_languages(command, capsys):
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "核查" in text or "说明" in text
    assert "parcel" in text


def test_version(capsys):
    import gisplan

    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"gisplan {gisplan.__version__}"


def test_results_never_go_into_the_zones_own_folder(stage, here, capsys):
    for name in ("zone", "redline"):
        (here / name).mkdir()
    assert main(["check", "zone", "--out", "zone/../zone"]) == 5
    assert "图层文件夹" in capsys.readouterr().err
    assert main(["check", "redline", "--out", ".", "--lang", "en"]) == 5, "the red line's results would go there"
    assert "own folder" in capsys.readouterr().err
    assert stage.asked == {} and not any((here / "zone").iterdir())
    assert main(["check", "zone", "--out", "zone/out"]) == 0


def test_a_file_that_may_not_be_opened_is_refused_and_its_place_not_told(stage, here, capsys):
    stage.fail = PermissionError(13, "Permission denied", str(here / "zone" / "water.gpkg"))
    assert main(["check", "zone"]) == 3
    err = capsys.readouterr().err
    assert "water.gpkg" in err and "打不开" in err and str(here) not in err


def test_what_is_said_before_the_language_is_known_is_in_both(stage, here, capsys):
    assert main(["check", "zone", "--date", "1 November"]) == 2
    err = capsys.readouterr().err
    assert "这样的日期" in err and "is not a date" in err
    assert main(["explain", "zone", "0012", "steam"]) == 3
    assert "没有专项" in capsys.readouterr().err
