"""Who needs how much, who comes first, and what is left: for the slow judge.

Each sum is reckoned twice, with everything at its smallest and at its largest; nothing is remembered from one parcel to
the next, so that each answer is the plain sum that the rules speak of.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from gisplan.selfcheck.reference.fall import Profiled, numbered
from gisplan.selfcheck.reference.joints import Web
from gisplan.selfcheck.reference.plane import sides
from gisplan.selfcheck.reference.records import SAYS, Evidence, Feature, Parcel, Strict, Zone, code
from gisplan.selfcheck.reference.standing import valid

Span = tuple[float, float]
Key = tuple[int, float]
FIRST: Key = (0, 0.0)
LAST: Key = (5, 0.0)


def interpolated(steps: tuple[tuple[float, float], ...], at: float) -> float:
    """Return the value at a place between steps, straight between them and level beyond."""
    if at <= steps[0][0]:
        return steps[0][1]
    for (x0, y0), (x1, y1) in pairwise(steps):
        if at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return steps[-1][1]


def step_of(steps: tuple[tuple[float, float], ...], at: float) -> float | None:
    """Return the figure of the step that a value falls into; None above the last one."""
    return next((figure for up_to, figure in steps if at <= up_to), None)


# ---------------------------------------------------------------- demand


def hectares(parcel: Parcel) -> float:
    """Return the area of a parcel in ha."""
    total = 0.0
    for polygon in parcel.polygons:
        for n, ring in enumerate(polygon):
            x0, y0 = ring[0]
            twice = sum((a[0] - x0) * (b[1] - y0) - (b[0] - x0) * (a[1] - y0) for a, b in sides(ring))
            total += abs(twice) / 2 * (1 if n == 0 else -1)
    return total / 10_000


def demand(zone: Zone, strict: Strict, parcel: Parcel) -> Span:
    """Return the least and the greatest that a parcel may need; equal where it is known."""
    held = [p for p in zone.projects if p.parcel == parcel.id]
    if held and strict.project:
        known = [p.needs[column] * f for p in held for column, f in strict.project.items() if column in p.needs]
        return (sum(known), sum(known)) if known else (0.0, math.inf)
    if not strict.norms:
        return 0.0, 0.0  # only what projects ask for is counted
    given, area = strict.figures, hectares(parcel)
    factor = given.get("discharge", 1.0) / given.get("peak_day", 1.0) * given.get("coincidence", 1.0)
    norm = strict.norms.get(code("use_class", parcel.use_class or parcel.use))
    if norm is None:
        return 0.0, area * max(strict.norms.values()) * factor
    return area * norm * factor, area * norm * factor


# ---------------------------------------------------------------- capacity


def main_capacity(strict: Strict, feature: Feature, told: Profiled) -> float | None:
    """Return what a main carries in the unit of the demand; None where that is not known."""
    given = strict.figures
    if strict.capacity == "source":
        return math.inf
    if strict.capacity == "circuits":
        voltage = numbered(feature, "voltage_kv")
        one = None if voltage is None else dict(strict.steps["circuit"]).get(voltage)
        circuits = numbered(feature, "circuits")
        return None if one is None else one * (1.0 if circuits is None else circuits) * 1000 * given["power_factor"]
    size = numbered(feature, "diameter_mm")
    if size is None:
        return None
    bore = size / 1000
    full = math.pi / 4 * bore**2
    if strict.capacity == "pressure":
        return full * given["velocity"] / given["peak_hour"] * 86_400
    if strict.capacity == "gravity" and told.pumped:
        return mean_flow(strict, full * given["velocity"] * 1000) * 86.4
    if told.slope is None or told.slope <= 0.0:
        return None
    if strict.capacity == "rational":
        return 1000 * manning(strict, bore, 1.0, told.slope) / rain(strict)
    fullness = step_of(strict.steps["fullness"], size)
    return None if fullness is None else mean_flow(strict, 1000 * manning(strict, bore, fullness, told.slope)) * 86.4


def said_capacity(strict: Strict, feature: Feature, reckoned: float | None) -> float | None:
    """Return what a main carries beside what it says itself that it carries, and that is used of it."""
    if not {"capacity", "capacity_used", "capacity_unit"} & set(feature.values):
        return reckoned
    stated, used = numbered(feature, "capacity"), numbered(feature, "capacity_used")
    factor = strict.units.get(str(feature.values.get("capacity_unit", "")))
    if factor is None or reckoned is None or stated is None:
        return None
    return min(reckoned, stated * factor) - (0.0 if used is None else used * factor)


def lifted(strict: Strict, web: Web, told: list[Profiled], start: int | None, most: float | None) -> float | None:
    """Return what a piece carries where it begins at pumps that state what they lift."""
    said = {"capacity", "capacity_used", "capacity_unit"}
    stating = [f for f, joint, _ in web.points if f.role == "pump" and joint == start and said & set(f.values)]
    if start is None or not stating:
        return most
    if most is None or sum(piece.begins == start for piece in told) > 1:
        return None
    for pump in stating:
        factor = strict.units.get(str(pump.values.get("capacity_unit", "")))
        if factor is None or "capacity" not in pump.values:
            return None
        used = numbered(pump, "capacity_used")
        most = min(most, (float(pump.values["capacity"]) - (0.0 if used is None else used)) * factor)
    return most


def manning(strict: Strict, bore: float, fullness: float, slope: float) -> float:
    """Return the flow in m3/s of a round pipe filled to a share of its height."""
    angle = 2 * math.acos(1 - 2 * fullness)
    area = bore**2 / 8 * (angle - math.sin(angle))
    radius = area / (bore * angle / 2)
    return area / strict.figures["roughness"] * radius ** (2 / 3) * math.sqrt(slope)


def rain(strict: Strict) -> float:
    """Return the storm in L/s for a hectare."""
    given = strict.figures
    top = given["storm_a"] * (1 + given["storm_c"] * math.log10(given["return_period"]))
    return float(top / (given["inlet_time"] + given["storm_b"]) ** given["storm_n"])


def mean_flow(strict: Strict, most: float) -> float:
    """Return the mean flow in L/s whose peak, with what leaks in, is the most that a pipe takes: by halving."""
    low, high = 0.0, most
    for _ in range(200):
        mean = (low + high) / 2
        peak = mean * interpolated(strict.steps["peak_flow"], mean) * (1 + strict.figures["infiltration"])
        low, high = (mean, high) if peak < most else (low, mean)
    return low


def running(letter: Evidence, today: date) -> bool:
    """Whether a letter is neither expired nor yet to come, whatever else it lacks."""
    expired = letter.expires is not None and letter.expires < today
    return not expired and (letter.date is None or letter.date <= today)


def source_capacity(zone: Zone, service: str, feature: Feature) -> float | None:
    """Return what is left at a source beyond what was promised before; None where that is not known."""
    strict = zone.rules[service].strict
    if strict is None or (strict.capacity == "rational" and feature.kind in ("outfall", "river")):
        return math.inf
    factor = strict.units.get(str(feature.values.get("capacity_unit", "")))
    stated, used = numbered(feature, "capacity"), numbered(feature, "capacity_used")
    stated = None if stated is None or factor is None else stated * factor
    said: list[tuple[float | None, bool]] = []
    for x in zone.evidence:
        if (
            x.feature != feature.id
            or x.service not in ("", service)
            or (x.capacity is None and not x.capacity_unit and x.says in SAYS and x.says != "reserved")
            or not running(x, zone.check)
        ):
            continue
        unit = strict.units.get(x.capacity_unit)
        if x.says == "reserved" or x.says not in SAYS:
            return None  # it takes something away, and nobody said from what
        sound = valid(x, zone.check) and x.service == service and unit is not None and x.says == "operating"
        said.append((None if unit is None or x.capacity is None else x.capacity * unit, sound))
    if numbered(feature, "capacity") is None and any(sound for _, sound in said):
        stated = next(amount for amount, sound in said if sound)
    if stated is None or used is None or any(other is None or abs(other - stated) > 1e-9 for other, _ in said):
        return None
    used *= factor if factor is not None else 1.0
    return stated - used


# ---------------------------------------------------------------- order and load


@dataclass(frozen=True)
class Claim:
    """What one parcel may take of one service, when, and where."""

    parcel: str
    early: Key
    late: Key
    load: Span
    at_source: Span
    pieces: frozenset[int] = frozenset()
    sources: frozenset[str] = frozenset()
    sure: bool = False
    granted: bool = False
    known: bool = True  # whether its own need is known
    unasked: bool = False  # whether it surely needs nothing
    ahead: float = 0.0  # what papers too small for a place hold together; not within the greatest of the loads
    paper: float = 0.0  # the largest of what they hold each
    held_late: Key = (6, 0.0)  # the last place of such a paper


def place(parcel: Parcel) -> tuple[Key, Key]:
    """Return the earliest and the latest place of a parcel by its status and day."""
    status = code("supply_status", parcel.supply_status)
    if not status:
        return FIRST, LAST
    if status in ("granted", "idle"):
        return FIRST, FIRST
    if status in ("approved", "offered"):
        rank = 2 if status == "approved" else 3
        if parcel.delivery_on is None:
            return (rank, -math.inf), (rank, math.inf)
        return (rank, parcel.delivery_on.toordinal()), (rank, parcel.delivery_on.toordinal())
    return ((4, 0.0), (4, 0.0)) if status == "reserved" else (LAST, LAST)


def claim(zone: Zone, service: str, parcel: Parcel, ties: list[str]) -> Claim:
    """Return the claim of a parcel, without where it leads."""
    strict = zone.rules[service].strict
    if strict is None:
        raise ValueError(service)
    early, late = place(parcel)
    low, high = demand(zone, strict, parcel)
    need, known = high, low == high
    firm: list[tuple[float, Key]] = []
    every = 0.0
    for x in zone.evidence:
        odd = x.says not in SAYS
        if x.parcel != parcel.id or x.service not in ("", service) or not (odd or x.says == "reserved"):
            continue
        unit = strict.units.get(x.capacity_unit)
        if not running(x, zone.check) or (not x.service and x.capacity_unit and unit is None):
            continue
        held = None if unit is None or x.capacity is None else x.capacity * unit
        if not odd and x.service == service and held is not None and x.date is not None and valid(x, zone.check):
            firm.append((held, (1, x.date.toordinal())))
            every += held
        else:
            early = min(early, (1, -math.inf if x.date is None else x.date.toordinal()))
            every += math.inf if held is None else held
    amount = max((held for held, _ in firm), default=0.0)
    low, high = max(low, amount), max(high, every)
    scant = bool(firm) and amount < need
    if firm and not scant:
        early, late = min(early, *(day for _, day in firm)), min(late, max(day for _, day in firm))
    if scant:
        high -= sum(held for held, _ in firm)
    if amount and 0 < abs(amount - need) < 0.001 * amount:
        ties.append("a paper that holds nearly what is needed")
    status = code("supply_status", parcel.supply_status)
    at_source = (0.0, 0.0) if status in ("granted", "idle") else (low if status else 0.0, high)
    granted = status in ("granted", "idle")
    return Claim(
        parcel.id,
        early,
        late,
        (low, high),
        at_source,
        granted=granted,
        known=known,
        unasked=high == 0.0 and not scant,  # what scant papers hold is told apart, and is asked for all the same
        ahead=sum(held for held, _ in firm) if scant else 0.0,
        paper=amount,
        held_late=max(day for _, day in firm) if scant else (6, 0.0),
    )


def apart_from(zone: Zone, service: str, claims: Collection[Claim], mains: frozenset[int]) -> list[Claim]:
    """Return what papers hold beyond the claims, of every source; for no parcel that is there, of every main."""
    strict = zone.rules[service].strict
    if strict is None:
        raise ValueError(service)
    supplied = {p.id for p in zone.parcels if code("supply_status", p.supply_status) in ("granted", "idle")}
    there = {p.id for p in zone.parcels}
    features = {f.id for layer in zone.layers.values() for f in layer}
    every = frozenset(f.id for f in zone.layers.get(service, ()))
    out = []
    for x in zone.evidence:
        odd = x.says not in SAYS
        unit = strict.units.get(x.capacity_unit)
        if not (x.says == "reserved" or (odd and (x.capacity is not None or x.capacity_unit))):
            continue
        if x.service not in ("", service) or not running(x, zone.check):
            continue
        if not x.service and x.capacity_unit and unit is None:
            continue
        lost = x.parcel not in there
        if lost and (x.feature in features or not x.says):
            continue
        most = math.inf if unit is None or x.capacity is None else x.capacity * unit
        if x.parcel in {c.parcel for c in claims} - supplied:
            continue
        out.append(Claim("", FIRST, FIRST, (0.0, most), (0.0, most), mains if lost else frozenset(), every))
    return out


# ---------------------------------------------------------------- does it hold


@dataclass(frozen=True)
class Room:
    """What the mains and sources of one service can carry; None is not known."""

    pieces: Mapping[int, float | None]
    sources: Mapping[str, float | None]


def room(zone: Zone, service: str, web: Web, told: list[Profiled]) -> Room:
    """Return what every main and source of a service carries."""
    strict = zone.rules[service].strict
    if strict is None:
        raise ValueError(service)
    mains = {k: p.feature for k, p in enumerate(web.pieces) if p.feature.role == "line"}
    carried = {k: said_capacity(strict, f, main_capacity(strict, f, told[k])) for k, f in mains.items()}
    if zone.rules[service].to_outfall:
        carried = {k: lifted(strict, web, told, told[k].begins, most) for k, most in carried.items()}
    return Room(
        carried,
        {f.id: source_capacity(zone, service, f) for f, _, _ in web.sources},
    )


def fits(mine: Claim, claims: Collection[Claim], left: Room, ties: list[str]) -> bool | None:
    """Whether what a parcel needs is left for it: True, False, or None where that is not known."""
    before = [c for c in claims if c.early <= mine.late]  # those that may come no later, itself included
    surely = [c for c in claims if c.sure and (c is mine or min(c.late, c.held_late) < mine.early)]
    part = {c.parcel: c.paper for c in surely if c is not mine and c.ahead and c.held_late < c.late}
    if not mine.known:
        return None
    holds, fails = True, False
    for k in mine.pieces & set(left.pieces):
        most = sum(c.load[1] for c in before if k in c.pieces) + sum(c.ahead for c in claims if k in c.pieces)
        least = sum(min(c.load[0], part.get(c.parcel, math.inf)) for c in surely if k in c.pieces)
        holds = holds and not below(left.pieces[k], 0.0, most, ties)
        fails = fails or below(left.pieces[k], math.inf, least, ties)
    for s in () if mine.granted else mine.sources:
        most = sum(c.at_source[1] for c in before if s in c.sources)
        most += sum(c.ahead for c in claims if s in c.sources and not c.granted)
        least = sum(min(c.at_source[0], part.get(c.parcel, math.inf)) for c in surely if s in c.sources)
        holds = holds and not below(left.sources[s], 0.0, most, ties)
        # whom nobody calls granted or not may be counted by the source already, which then refuses it nothing
        fails = fails or (mine.at_source[0] > 0 and below(left.sources[s], math.inf, least, ties))
    fails = fails and mine.sure and not holds
    return True if holds or (mine.unasked and not fails) else False if fails else None


def below(capacity: float | None, unknown: float, load: float, ties: list[str]) -> bool:
    """Whether a capacity is less than a load; near the load that hangs on a hair."""
    given = unknown if capacity is None else capacity
    if given < math.inf and load < math.inf and load > 0 and abs(given - load) <= 0.001 * max(abs(given), load):
        ties.append("a capacity that is nearly the load")
    return given < load
