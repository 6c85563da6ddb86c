"""The list of breaks is ranked by the land that they strand; mending them one by one in the data says the same."""

from __future__ import annotations

import multiprocessing
import os
import random
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from planting import Planter
from town import Town

import gisplan

SEEDS = 40
MU = 10_000 / 15
CODES = ("break_drawing", "break_valve", "break_missing")


def broken(seed: int) -> Town:
    """Draw a town whose gas is broken in three places, some perhaps behind others."""
    town = Town(seed, ("gas",))
    tree, dice, planter = town.trees["gas"], random.Random(seed), Planter(town, seed)
    gap, valve, missing = dice.sample(sorted(node for node in tree.parent if tree.children(node)), 3)
    planter.gap("gas", gap, 0.8)
    planter.valve("gas", valve)
    planter.missing("gas", missing)
    return town


def mend(town: Town, fault: dict[str, Any]) -> None:
    """Do in the data what the list says of a break: open the valve, or draw the line that it shows."""
    tree = town.trees["gas"]
    if fault["code"] == "break_valve":
        tree.rows[fault["feature"]]["open"] = "开"
    else:
        tree.add(f"new-{len(tree.rows)}", "line", *fault["geometry"].coords, pressure_class="medium_a")


def served(seed: int, faults: Iterable[dict[str, Any]]) -> float:
    """Return the land that has gas today [mu], with some of the breaks mended."""
    town = broken(seed)
    for fault in faults:
        mend(town, fault)
    cells = gisplan.check(town.zone()).cells
    with_gas = cells.loc[(cells["service"] == "gas") & (cells["grade"] == "A"), "parcel"]
    return float(sum(town.land[parcel]["geometry"].area for parcel in with_gas)) / MU


@dataclass
class Bout:
    """What came of one town: of each break in the list's order the land stranded and alone, as listed and as mended.

    `whole` is the land that has gas with all listed breaks mended, `sound` in the town without any.
    """

    codes: list[str]
    listed: list[tuple[float, float]]
    mended: list[tuple[float, float]]
    whole: float
    sound: float
    first: str
    said: str


def bout(seed: int) -> Bout:
    """Mend each break alone, and all but each, and judge again."""
    faults = broken(seed).zone().faults
    rows = faults[faults["code"].isin(CODES)].to_dict("records")
    listed = [(float(row["stranded_mu"]), float(row["alone_mu"])) for row in rows]
    now, whole = served(seed, ()), served(seed, rows)
    mended = []
    for row in rows:
        others = [other for other in rows if other is not row]
        mended.append((whole - served(seed, others), served(seed, [row]) - now))
    town = Town(seed, ("gas",))
    sound = sum(row["geometry"].area for row in town.land.values()) / MU
    codes = [str(row["code"]) for row in rows]
    said = f"seed {seed}: {codes} listed {_short(listed)}, mended {_short(mended)}"
    return Bout(codes, listed, mended, whole, sound, str(faults["code"].iloc[0]), said)


def _short(pairs: list[tuple[float, float]]) -> str:
    return ", ".join(f"{a:.1f}/{b:.1f}" for a, b in pairs)


@pytest.fixture(scope="module")
def bouts() -> list[Bout]:
    """Judge all towns, on as many processors as there are."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(bout, range(SEEDS), chunksize=5))


def test_all_breaks_are_listed_and_mending_them_serves_all_land(bouts: list[Bout]) -> None:
    """Every parcel of a town without breaks has gas; so it has again when all that is listed is mended."""
    wrong = [b.said for b in bouts if set(b.codes) != set(CODES) or b.whole != pytest.approx(b.sound, abs=0.02)]
    assert not wrong, f"{len(wrong)} of {SEEDS}:\n" + "\n".join(wrong)


def test_the_land_of_every_break_is_what_mending_it_brings_back(bouts: list[Bout]) -> None:
    wrong = [
        b.said
        for b in bouts
        if any(mine != pytest.approx(data, abs=0.02) for mine, data in zip(b.listed, b.mended, strict=True))
    ]
    assert not wrong, f"{len(wrong)} of {SEEDS}:\n" + "\n".join(wrong)


def test_the_first_of_the_list_strands_most(bouts: list[Bout]) -> None:
    wrong = []
    for b in bouts:
        most = max(stranded for stranded, _ in b.mended)
        if most > 0.02 and (b.first != b.codes[0] or b.mended[0][0] < most - 0.02):
            wrong.append(b.said)
    assert not wrong, f"{len(wrong)} of {SEEDS}:\n" + "\n".join(wrong)


def test_the_towns_are_a_fair_test(bouts: list[Bout]) -> None:
    """Breaks of different size, many of which strand land, some of them only together with another one."""
    strand = [stranded for b in bouts for stranded, _ in b.mended]
    together = [abs(stranded - alone) > 0.1 for b in bouts for stranded, alone in b.mended]
    print(f"{len(strand)} breaks, {sum(s > 0.02 for s in strand)} strand land, at most {max(strand):.0f} mu")
    assert sum(s > 0.02 for s in strand) > len(strand) / 4
    assert sum(together) > SEEDS / 4
