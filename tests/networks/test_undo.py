"""A join undone by its id is gone, and nothing else is; ids stay when other things move."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from sketch import layer, line, parcel, parcels, point, zone

import gisplan

GANTING = Path(__file__).parents[2] / "layers" / "ganting"
PLANT = {"role": "source", "kind": "water_plant"}
MAIN = {"diameter_mm": 300.0}


def chain(move: float = 0.0, undo=()):
    """A plant and four mains that nearly meet, a branch off the third's side, a loop end near two others."""
    water = layer(
        ("S", point(0, 0), PLANT),
        ("a", line((0.1, 0), (100, 0)), MAIN),
        ("b", line((100.2, 0), (200, 0)), MAIN),
        ("c", line((200.3, 0), (300, 0)), MAIN),
        ("d", line((300.1, 0.2), (400 + move, 50 + move)), MAIN),
        ("e", line((250, 0.25), (250, 80)), MAIN),
        ("f", line((300.2, -0.1), (300, -90)), MAIN),
    )
    land = parcels(
        P1=parcel(10, 2, 90, 40), P2=parcel(160, 2, 190, 40), P3=parcel(252, 20, 290, 60), P4=parcel(240, 85, 260, 99)
    )
    return zone(land, water=water, undo=list(undo))


def pairs(made) -> set[tuple[str, frozenset[str], str]]:
    joins = made.network("water").joins
    joins = joins[~joins["undone"]]
    return {(r.id, frozenset((r.feature, r.other)), r.kind) for r in joins.itertuples()}


def test_the_drawing_has_the_joins_that_a_reader_sees():
    found = {(tuple(sorted(p)), kind) for _, p, kind in pairs(chain())}
    assert found >= {
        (("S", "a"), "end_end"), (("a", "b"), "end_end"), (("b", "c"), "end_end"), (("c", "e"), "end_side"),
    }  # fmt: skip
    # c, d and f come together within 0.5 m: two joins make one joint of the three ends.
    three = [p for p, _ in found if set(p) <= {"c", "d", "f"}]
    assert len(three) == 2


@pytest.mark.parametrize("number", range(6))
def test_exactly_the_join_that_is_undone_is_gone(number):
    whole = pairs(chain())
    assert len(whole) == 6
    identity, features, _ = sorted(whole)[number]
    less = chain(undo=[identity])
    assert whole - pairs(less) == {e for e in whole if e[0] == identity}
    assert pairs(less) <= whole
    records = less.issues[less.issues["code"] == "join_undone"]
    assert len(records) == 1 and identity in records["message"].iloc[0]
    assert all(f in records["message"].iloc[0] for f in features)


def test_what_hung_on_the_join_is_cut_off():
    before = gisplan.check(chain()).cells.query("service == 'water'").set_index("parcel")["grade"]
    assert (before == "A").all()
    identity = next(i for i, p, _ in pairs(chain()) if p == {"a", "b"})
    after = gisplan.check(chain(undo=[identity])).cells.query("service == 'water'").set_index("parcel")["grade"]
    assert after.to_dict() == {"P1": "A", "P2": "D", "P3": "D", "P4": "D"}


def test_the_break_says_that_it_was_asked_for():
    identity = next(i for i, p, _ in pairs(chain()) if p == {"a", "b"})
    faults = chain(undo=[identity]).faults
    found = faults[faults["code"].str.startswith("break_")]
    assert found[["code", "cause"]].to_numpy().tolist() == [["break_undone", "drawing"]]
    assert {found["feature"].iloc[0], found["other"].iloc[0]} == {"a", "b"}
    assert found["repair_m"].iloc[0] == pytest.approx(0.2)


def test_ids_outlive_what_moves_elsewhere():
    here, there = pairs(chain()), pairs(chain(move=30.0))
    assert here == there
    # Where the end itself moves out of reach its join goes, and the ids of the others stay.
    water = chain().layers["water"].copy()
    water.loc["e", "geometry"] = line((250, 3), (250, 80))
    moved = zone(chain().parcels.reset_index()[["parcel", "use", "geometry"]], water=water.reset_index())
    assert here - pairs(moved) == {e for e in here if e[1] == {"c", "e"}}


def test_an_id_that_names_no_join_is_said():
    issues = chain(undo=["J-nosuchjoin"]).issues
    assert issues[issues["code"] == "undo_missing"]["feature"].tolist() == ["J-nosuchjoin"]


def test_zone_toml_undoes_a_join_of_the_embedded_zone(tmp_path):
    plain = gisplan.read(GANTING)
    every = {key: plain.network(key).joins for key in plain.judged().candidates}
    service, joins = next((k, j[j["kind"].isin(["end_end", "end_side"])]) for k, j in every.items() if len(j) > 2)
    identity = joins["id"].iloc[len(joins) // 2]
    copy = tmp_path / "zone"
    shutil.copytree(GANTING, copy)
    text = (copy / "zone.toml").read_text(encoding="utf-8")
    (copy / "zone.toml").write_text(f'[joints]\nundo = ["{identity}"]\n\n{text}', encoding="utf-8")
    other = gisplan.read(copy)
    for key, before in every.items():
        after = other.network(key).joins
        assert (after["id"].to_numpy() == before["id"].to_numpy()).all()
        assert after.loc[after["undone"], "id"].tolist() == ([identity] if key == service else [])


def messy(seed: int):
    """Lines between nine places that nearly meet there, some of them planned, and some stubs."""
    dice = np.random.default_rng(seed)
    spots = dice.uniform(0, 60, (9, 2))
    rows = [("S", point(*spots[0]), PLANT)]
    for n in range(24):
        a, b = dice.choice(9, 2, replace=False)
        ends = spots[[a, b]] + dice.normal(0, 0.25, (2, 2))
        rows.append((f"w{n}", line(*map(tuple, ends)), {**MAIN, **({"status": "规划"} if n % 4 == 0 else {})}))
    for n in range(4):
        rows.append((f"t{n}", point(*(spots[n + 2] + dice.normal(0, 0.2, 2))), {"role": "stub"}))
    return parcels(P=parcel(100, 100, 120, 120)), layer(*rows)


@pytest.mark.parametrize("seed", range(12))
def test_random_drawings_lose_exactly_the_join_that_is_undone(seed):
    land, water = messy(seed)
    joins = zone(land, water=water).network("water")
    for row in joins.guesses.sample(3, random_state=seed).itertuples():
        less = zone(land, water=water, undo=[row.id]).network("water")
        assert less.joins.drop(columns=["joint", "undone"]).equals(joins.joins.drop(columns=["joint", "undone"]))
        assert less.joins.loc[less.joins["undone"], "id"].tolist() == [row.id]
        # A joint of ends falls in two; an end on a side keeps its joint, and the line is no longer cut there.
        fallen = len(less.joined.xy) - len(joins.joined.xy)
        assert fallen == (1 if row.kind == "end_end" else 0)
        assert len(joins.joined.u) - len(less.joined.u) == (0 if row.kind == "end_end" else 1)
