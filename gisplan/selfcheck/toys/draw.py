"""Small invented zones for the comparison of the engine with the slow judge.

Each zone is one or four street blocks of crooked parcels, with two to four services along the streets, and as many
things that go wrong as a survey holds: gaps, crossings, valves, odd words, works of every phase, letters that
contradict. Zones in which an answer hangs on a hair (see `reference.Answer.ties`) are thrown away and drawn again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from gisplan.selfcheck.reference.judge import judge
from gisplan.selfcheck.reference.records import Answer, Evidence, Feature, Lost, Parcel, Promise, Works, Zone
from gisplan.selfcheck.toys.frames import frames
from gisplan.selfcheck.toys.land import DAYS, LATER, TODAY, Dice, Land
from gisplan.selfcheck.toys.needs import needy
from gisplan.selfcheck.toys.pipes import RULES, Pipes

PHASE_WORDS = (
    "立项",
    "可研",
    "初设",
    "招标",
    "开工",
    "竣工",
    "移交",
    "construction",
    "completion",
    "handover",
    "",
    "暂停",
)
# 三通一平 asks for road, water and power; in 七通一平 the two drains are one connection
SANTONG = Promise(frozenset({"road", "water", "power", "leveling"}))
QITONG = Promise(
    frozenset({"road", "water", "storm", "sewage", "power", "telecom", "gas", "heat", "leveling"}),
    {"storm": "drainage", "sewage": "drainage"},
)


STAGES = {
    "W00": Works("开工", date(2027, 6, 30), None, None, "已报"),
    "W01": Works("竣工", date(2026, 9, 30), date(2027, 3, 31), date(2026, 9, 15), "下达"),
    "W02": Works("招标", date(2028, 12, 31), None, None, "下达"),
    "W03": Works("feasibility", date(2027, 5, 1), date(2027, 9, 1), None, "granted"),
    "W04": Works("移交", date(2026, 12, 1), date(2026, 12, 20), date(2026, 11, 15), ""),
}


def roll_works(dice: Dice) -> dict[str, Works]:
    """Roll a works table; a few ids that features name are missing from it."""
    found = dict(STAGES)
    for k in range(len(found), 13):
        found[f"W{k:02d}"] = Works(
            phase=dice.choice(PHASE_WORDS),
            planned_on=dice.choice(DAYS[1:] + LATER) if dice.chance(0.85) else None,
            commission_on=dice.choice(DAYS[3:] + LATER) if dice.chance(0.3) else None,
            actual_on=dice.choice(DAYS[:8]) if dice.chance(0.6) else None,
            funding_state=dice.choice(("下达", "下达", "已报", "拟报", "", "granted")),
        )
    return found


def _letter(dice: Dice, says: str, service: str, parcel: str = "", feature: str = "") -> Evidence:
    """Roll a letter; some are expired, not yet dated, or not signed."""
    flaw = dice.one({"": 10, "expired": 1.5, "early": 0.7, "unsigned": 0.7, "unnumbered": 0.7})
    issued = dice.choice(DAYS[6:] if flaw == "early" else DAYS[:5])
    expires = dice.choice(DAYS[:4]) if flaw == "expired" else dice.choice((None, *DAYS[4:]))
    issuer, number = "供水公司（示例）" * (flaw != "unsigned"), "示例〔2026〕3号" * (flaw != "unnumbered")
    return Evidence(says, service, parcel, feature, issuer, number, None if dice.chance(0.03) else issued, expires)


def _sure(letter: Evidence) -> Evidence:
    """Return a decision that holds: whether an expired decision still counts is not for these zones to say."""
    return replace(letter, date=DAYS[0], expires=None)


def roll_evidence(
    dice: Dice, parcels: Sequence[Parcel], layers: dict[str, tuple[Feature, ...]], missing: set[str]
) -> list[Evidence]:
    """Roll all letters."""
    found = []
    for parcel in parcels:
        for service in missing:
            if dice.chance(0.8):
                found.append(_letter(dice, dice.one({"connected": 6, "not_connected": 1}), service, parcel.id))
            if dice.chance(0.1):
                found.append(_letter(dice, dice.choice(("connected", "not_connected")), service, parcel.id))
        for service in layers:
            if dice.chance(0.06):
                found.append(
                    _letter(dice, dice.choice(("connected", "connected", "not_connected")), service, parcel.id)
                )
        for service in (*layers, *missing, "leveling"):
            if dice.chance(0.02):
                found.append(_sure(_letter(dice, "not_applicable", service, parcel.id)))
        if dice.chance(0.75):
            found.append(_letter(dice, "accepted", "leveling", parcel.id))
        if dice.chance(0.04):  # papers that nobody understands, or that do not say what they are about
            odd = _letter(dice, dice.choice(("", "口头答复")), dice.choice((*layers, "leveling", "")), parcel.id)
            found.append(dice.choice((odd, replace(odd, says="not_connected", issuer=""))))
    for service, layer in layers.items():
        if dice.chance(0.35):
            name = dice.choice(layer).id
            for says in dice.one(
                {("operating",): 3, ("not_operating",): 3, ("operating", "not_operating"): 1, ("",): 1}
            ):
                found.append(_letter(dice, says, service, feature=name))
            if dice.chance(0.1):
                found.append(replace(found[-1], says="not_connected", service="", issuer=""))
    return found


def _draw(dice: Dice) -> Zone:
    """Draw one zone, ties or no ties."""
    land = Land(dice)
    others = [s for s in RULES if s not in ("sewage", "storm", "road")]
    drawn = [
        *dice.one({("sewage",): 5, ("storm",): 3, ("sewage", "storm"): 2}),
        *(["road"] if dice.chance(0.6) else []),
    ]
    drawn += dice.sample(others, dice.one({1: 3, 2: 2}))
    layers = {s: tuple(Pipes(dice, land, s).features) for s in drawn}
    layers = {s: layer for s, layer in layers.items() if layer}
    spare = dice.sample([s for s in others if s not in drawn], 2)
    missing = {spare[0]} if dice.chance(0.3) else set()
    absent = {spare[1]} if dice.chance(0.12) else set()
    services = [s for s in RULES if s in {*layers, *missing, *absent}]
    promises = {"santong": SANTONG, "三通一平": SANTONG, "qitong": QITONG, "七通一平": QITONG}
    parcels = tuple(replace(p, promised=dice.choice(list(promises)) if dice.chance(0.25) else "") for p in land.parcels)
    lost = {}
    if dice.chance(0.06):
        lost[dice.choice(list(layers))] = Lost(
            dice.choice(("line", "line", "lateral", "stub", "source", "", "manhole", "duct")),
            dice.choice(("现状", "现状", "规划", "", "废弃")),
        )
    return Zone(
        parcels=parcels,
        layers=layers,
        rules={s: RULES[s] for s in services},
        required=frozenset({*(s for s in services if dice.chance(0.85)), "leveling"}),
        check=TODAY,
        own=TODAY,
        absent=frozenset(absent),
        works=roll_works(dice),
        evidence=tuple(roll_evidence(dice, parcels, layers, missing)),
        barriers=None if dice.chance(0.04) else tuple(land.barriers),
        promises=promises,
        lost=lost,
    )


@dataclass(frozen=True)
class ToyZone:
    """A zone without ties: plain records for the slow judge, its answer, and frames for the engine."""

    seed: int
    plain: Zone
    answer: Answer

    def frames(self) -> dict[str, Any]:
        """Return keyword arguments for ``gisplan.Zone.from_frames``, all but ``profile``."""
        return frames(self.plain)


class TieError(Exception):
    """An answer hangs on a hair."""


class Impatient(list[str]):
    """A list of ties that does not wait for the second one."""

    def append(self, tie: str) -> None:
        """Give up."""
        raise TieError(tie)


def toy_zone(seed: int, strict: bool = False) -> ToyZone:
    """Draw the zone of a seed.

    Parameters
    ----------
    seed : int
        Any number; the same seed gives the same zone.
    strict : bool
        Whether its services are asked for more than being connected.

    Returns
    -------
    ToyZone
        A zone in which no answer hangs on a hair.
    """
    for attempt in range(1000):
        dice = Dice(seed * 1000 + attempt)
        zone = _draw(dice)
        zone = needy(dice, zone) if strict else zone
        try:
            return ToyZone(seed, zone, judge(zone, Impatient()))
        except TieError:
            continue
    raise RuntimeError(f"seed {seed}: a thousand zones, all with ties")
