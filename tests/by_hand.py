"""A few words to draw zones by hand: places in metres, pipes, plants, parcels; and what both judges say of them."""

from __future__ import annotations

from datetime import date
from typing import Any

from gisplan.selfcheck.comparison import differences
from gisplan.selfcheck.reference.judge import judge
from gisplan.selfcheck.reference.records import Evidence, Feature, Parcel, Zone
from gisplan.selfcheck.toys.land import ORIGIN, TODAY
from gisplan.selfcheck.toys.pipes import RULES

PLANT = {
    "water": "water_plant",
    "sewage": "treatment_plant",
    "road": "road_gate",
    "power": "substation",
    "gas": "gate_station",
}
SIZE: dict[str, dict[str, Any]] = {
    "water": {"diameter_mm": 200.0},
    "sewage": {"diameter_mm": 400.0},
    "road": {"width_m": 7.0, "road_class": "支路"},
    "power": {"voltage_kv": 10.0},
    "gas": {"pressure_class": "low"},
}


def put(x: float, y: float) -> tuple[float, float]:
    return (ORIGIN[0] + x, ORIGIN[1] + y)


def pipe(name: str, *xy: tuple[float, float], service: str = "water", **more: Any) -> Feature:
    more = {"role": "line", "status": "现状", "values": SIZE[service], **more}
    return Feature(name, parts=(tuple(put(*p) for p in xy),), **more)


def node(name: str, role: str, x: float, y: float, **more: Any) -> Feature:
    return Feature(name, role, ((put(x, y),),), **{"status": "现状", **more})


def plant(x: float, y: float, service: str = "water", **more: Any) -> Feature:
    return node("S", "source", x, y, **{"kind": PLANT[service], **more})


def block(name: str, west: float, south: float, east: float, north: float, **more: Any) -> Parcel:
    ring = (put(west, south), put(east, south), put(east, north), put(west, north))
    return Parcel(name, ((ring,),), **more)


def zone(parcels: list[Parcel], service: str = "water", pipes: list[Feature] | None = None, **more: Any) -> Zone:
    layers = {} if pipes is None else {service: tuple(pipes)}
    given = {
        "rules": {service: RULES[service]},
        "required": frozenset({service}),
        "check": TODAY,
        "own": TODAY,
        **more,
    }
    return Zone(parcels=tuple(parcels), layers=layers, **given)


def grades(given: Zone, service: str = "water", ties: bool = False) -> str:
    """Return the grades of all parcels in order, and make sure that the engine says the same."""
    answer = judge(given)
    assert ties or not answer.ties
    found = differences(given, answer)
    assert not found, "\n".join(found)
    return "".join(answer.cells[p.id, service].grade for p in given.parcels)


def letter(says: str, **more: Any) -> Evidence:
    given = {
        "service": "gas",
        "parcel": "1",
        "issuer": "燃气公司（示例）",
        "number": "示例1号",
        "date": date(2026, 3, 1),
    }
    return Evidence(says, **{**given, **more})
