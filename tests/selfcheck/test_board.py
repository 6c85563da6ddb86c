"""The scoreboard: it holds on the engine as it is, and each of its lines fails when its defence is switched off."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

import gisplan
from gisplan.judging import candidates
from gisplan.judging.traces import Traced, Traces
from gisplan.selfcheck import board, changes, comparison, proof, scores
from gisplan.selfcheck.__main__ import main
from gisplan.selfcheck.board import PROPERTIES, Board, Line
from gisplan.selfcheck.relations import SAME
from gisplan.selfcheck.scores import score
from gisplan.selfcheck.toys.draw import toy_zone
from gisplan.selfcheck.toys.frames import frames

SEEDS = range(5000, 5012)


def off(name: str, seeds: range = SEEDS) -> int:
    return sum(len(score(seed).lines[name][0]) for seed in seeds)


def test_the_command_counts_and_holds():
    done = subprocess.run(
        [sys.executable, "-m", "gisplan.selfcheck", "--seconds", "15", "--seed", "4000", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    print({name: (line["off"], line["of"]) for name, line in told["lines"].items()}, told["zones"], "zones")
    assert told["holds"]
    assert told["zones"] == told["lines"]["reference"]["of"] >= 4
    assert all(line["of"] >= 4 and not line["off"] for line in told["lines"].values())


def test_what_was_off_ends_with_1_and_is_named(monkeypatch, capsys):
    lines = {name: Line(of=3) for name in PROPERTIES}
    lines["ways"].add(["seed 7: 001 water: it runs in a circle"], 1)
    monkeypatch.setattr("gisplan.selfcheck.__main__.measure", lambda *given: Board(1, 2.0, 3, {"A": 1}, lines))
    assert main(["--seconds", "1"]) == 1
    said = capsys.readouterr().out
    assert "seed 7: 001 water: it runs in a circle" in said
    assert "VIOLATED" in said


def test_a_line_on_which_nothing_was_measured_does_not_hold():
    assert not Board(1, 2.0, 0, {}, {name: Line() for name in PROPERTIES}).holds


@pytest.mark.parametrize("option", ["--seed", "--seconds"])
def test_wrong_use_is_2(option):
    with pytest.raises(SystemExit) as ended:
        main([option, "-1"])
    assert ended.value.code == 2


def test_a_zone_that_ends_in_an_error_is_a_zone_that_differs(monkeypatch):
    class Pool:
        def __init__(self, *given, **more): ...
        def __enter__(self):
            return self

        def __exit__(self, *given): ...
        def submit(self, call, number):
            future = board.Future()
            future.set_exception(ZeroDivisionError("nothing"))
            return future

    monkeypatch.setattr(board, "ProcessPoolExecutor", Pool)
    found = board.measure(1, 60, 2)
    assert not found.holds
    assert found.lines["reference"].off == found.lines["reference"].of == 2
    assert set(found.lines["reference"].first) == {f"seed {n}: ZeroDivisionError: nothing" for n in (1, 2)}


def test_doubts_taken_for_certain_are_noticed(monkeypatch):
    """Switched off: what nobody knows is not carried (a blank status, a flow that is not told, a doubtful joint)."""
    monkeypatch.setattr(candidates, "SHUT", candidates.OPEN)
    assert off("ready_wrong") > 0
    assert off("reference") > 0


def test_a_way_with_a_gap_is_noticed(monkeypatch):
    """Switched off: a way that leads on to its source."""
    stock = Traces.of

    def cut(self, parcels):
        traced = stock(self, parcels)
        return Traced(traced.steps.assign(next=-1), traced.starts)

    monkeypatch.setattr(Traces, "of", cut)
    assert off("ways") > 0


def test_a_way_over_what_does_not_carry_is_noticed(monkeypatch):
    """Switched off in the records, not in the engine: the mains of the drawing are abandoned after it was judged."""
    toy = toy_zone(5000, strict=True)
    report = comparison.engine_report(toy.plain)
    assert proof.unproven(toy.plain, report)[0] == []
    gone = {s: tuple(replace(f, status="废弃") for f in layer) for s, layer in toy.plain.layers.items()}
    wrong, count = proof.unproven(replace(toy.plain, layers=gone), report)
    assert len(wrong) == count > 0


def test_an_answer_that_hangs_on_the_order_of_rows_is_noticed(monkeypatch):
    """Switched off: that rows have no order. The first line of a layer counts as abandoned."""
    stock = comparison.engine_report

    def first_abandoned(zone, *given):
        layers = {s: (replace(layer[0], status="废弃"), *layer[1:]) for s, layer in zone.layers.items()}
        return stock(replace(zone, layers=layers), *given)

    monkeypatch.setattr(scores, "engine_report", first_abandoned)
    assert off("relations") > 0


def test_a_change_that_makes_answers_better_is_noticed(monkeypatch):
    """Switched off: that a load counts, or a source, or a value. After the change every cell is served."""
    stock = changes.grades
    monkeypatch.setattr(changes, "grades", lambda given: dict.fromkeys(stock(given), (changes.RANK["A"], 0.0)))
    assert off("relations", range(5000, 5001)) > 0


@pytest.mark.parametrize("figure", [-7.0, "不详"])
def test_a_figure_that_nobody_understands_is_not_filled_in_by_a_paper(figure):
    """Seed 4028: the layer states 1757 m3/h of a source, a paper 777: unknown; made unreadable, it became ready."""
    plain = toy_zone(4028, strict=True).plain
    assert [x.capacity for x in plain.evidence if x.feature == "sewage-source-16"] == [777.0]
    grades = {}
    for value in (1757.6974, figure):
        given = frames(plain)
        layer = given["sewage"].copy()
        column = layer["capacity"].astype(object).where(layer["capacity"].notna(), None)
        column["sewage-source-16"] = value
        layer["capacity"] = column
        zone = gisplan.Zone.from_frames(**{**given, "sewage": layer}, profile=comparison.profile_of(plain))
        cells = gisplan.check(zone).cells.set_index(["parcel", "service"])
        grades[value] = cells.loc[("005", "sewage"), ["grade", "code"]].tolist()
    assert set(map(tuple, grades.values())) == {("U", "capacity_unknown")}


@pytest.mark.parametrize("relation", SAME, ids=lambda r: r.__name__)
def test_every_relation_writes_something_down_otherwise(relation):
    zones = [toy_zone(seed, strict=True).plain for seed in range(5000, 5006)]
    assert any(relation(zone) != zone or _order(relation(zone)) != _order(zone) for zone in zones)


def _order(zone):
    return list(zone.layers), list(zone.works)
