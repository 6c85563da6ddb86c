"""What the strict judge needs beyond pipes: land use, papers, projects, capacities, inverts, pumps and ground.

A zone that `draw` drew is filled in, so that about half of what is connected has enough of everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from gisplan.selfcheck.reference.capacity import demand, hectares
from gisplan.selfcheck.reference.fall import length
from gisplan.selfcheck.reference.plane import apart, foot, shared_area
from gisplan.selfcheck.reference.records import XY, Evidence, Feature, Parcel, Project, Strict, Zone, code
from gisplan.selfcheck.toys.land import DAYS, OPERATING, Dice

PEAKS = ((5.0, 2.7), (15.0, 2.4), (40.0, 2.1), (70.0, 2.0), (100.0, 1.9), (200.0, 1.8), (500.0, 1.6), (1000.0, 1.5))
FULLNESS = ((300.0, 0.55), (450.0, 0.65), (900.0, 0.7), (3000.0, 0.75))
WATER = {"M1": 50.0, "M2": 100.0, "M": 150.0, "W": 35.0, "R": 90.0}
SEWER = {"roughness": 0.013, "start_depth": 1.0, "run_slope": 0.003, "drop": 0.1}
VOLUMES = {"m3/d": 1.0, "m3/h": 24.0}
POWERS = {"kW": 1.0, "MW": 1000.0, "MVA": 950.0, "kVA": 0.95}
STRICT = {
    "water": Strict(
        frozenset({"capacity", "two_ways", "hydrant_cover"}),
        "pressure",
        {"velocity": 0.2, "peak_hour": 1.5, "hydrant_cover": 170.0},
        WATER,
        project={"water_m3_d": 1.0},
        units=VOLUMES,
    ),
    "storm": Strict(
        frozenset({"fall", "downhill", "capacity"}),
        "rational",
        {
            **SEWER, "storm_a": 1207.4, "storm_c": 0.94, "storm_b": 5.64, "storm_n": 0.74, "return_period": 3.0,
            "inlet_time": 10.0,
        },
        {"M1": 0.65, "M2": 0.65, "M": 0.65, "W": 0.7, "R": 0.6},
        units={"ha": 1.0, "L/s": 15.64**0.74 / (1207.4 * (1 + 0.94 * math.log10(3)))},
    ),
    "sewage": Strict(
        frozenset({"fall", "downhill", "capacity"}),
        "gravity",
        {**SEWER, "discharge": 0.7, "peak_day": 1.35, "infiltration": 0.1, "velocity": 1.0},
        {use: 24 * norm for use, norm in WATER.items()},
        {"peak_flow": PEAKS, "fullness": FULLNESS},
        {"sewage_m3_d": 1.0},
        VOLUMES,
    ),
    "power": Strict(
        frozenset({"capacity", "two_sources"}),
        "circuits",
        {"coincidence": 0.8, "power_factor": 0.95},
        {"M1": 300.0, "M2": 400.0, "M": 600.0, "W": 30.0, "R": 250.0},
        {"circuit": ((10.0, 0.5), (20.0, 0.9), (35.0, 1.6))},
        {"power_kva": 0.95},
        POWERS,
    ),
    "gas": Strict(frozenset({"capacity"}), "source", project={"gas_nm3_h": 1.0}, units={"Nm3/h": 1.0}),
    "heat": Strict(
        frozenset({"capacity"}),
        "source",
        {"steam_heat": 0.7},
        {"M1": 0.5, "M2": 0.5, "M": 0.5, "W": 0.2, "R": 0.5, "G": 0.0},
        project={"heat_mw": 1.0, "steam_t_h": 0.7},
        units={"MW": 1.0},
    ),
}  # fmt: skip
COLUMNS = {column: service for service, strict in STRICT.items() for column in strict.project}
STATUS = {
    ("granted", "已供"): 2, ("闲置",): 0.5, ("批而未供", "approved"): 3, ("拟供", "offered"): 7,
    ("已储", "reserved"): 2, ("未收储",): 1, ("", "待定"): 0.35,
}  # fmt: skip


class Run:
    """How far along the pipes places are from the plant, roughly: for levels that fall towards it."""

    def __init__(self, layer: Sequence[Feature], head: XY) -> None:
        self.segments = [
            (a, b) for f in layer if f.role in ("line", "lateral") for part in f.parts for a, b in pairwise(part)
        ]
        self.known = {head: 0.0}
        for _ in range(8):
            for a, b in self.segments:
                for p in (a, b):
                    self.known[p] = min(self.known.get(p, math.inf), self.far(p))

    def far(self, at: XY) -> float:
        """Return the way from a place on a pipe, or near one, to the plant; infinite where none is known."""
        best = min((apart(at, p) + far for p, far in self.known.items() if apart(at, p) < 4.0), default=math.inf)
        for a, b in self.segments:
            beside = apart(at, foot(at, a, b))
            if beside < 60.0:
                ends = [apart(at, p) + self.known.get(p, math.inf) + 3 * max(0.0, beside - 4.0) for p in (a, b)]
                best = min(best, *ends)
        return best


class Needs:
    """Fills in one zone."""

    def __init__(self, dice: Dice, zone: Zone) -> None:
        self.dice, self.zone = dice, zone
        self.base = dice.uniform(440.0, 452.0)
        self.run = Run((), zone.parcels[0].polygons[0][0][0])
        self.rules = {s: replace(rules, strict=self.asks(s)) for s, rules in zone.rules.items()}
        self.runs: dict[str, Run] = {}
        self.parcels = tuple(self.land(p) for p in zone.parcels)
        self.projects = tuple(p for parcel in self.parcels if (p := self.project(parcel)) is not None)
        self.zone = replace(zone, rules=self.rules, parcels=self.parcels, projects=self.projects)
        self.layers = {s: tuple(self.layer(s, layer)) for s, layer in zone.layers.items()}
        self.zone = replace(self.zone, layers=self.layers)

    def asks(self, service: str) -> Strict | None:
        """Return what is asked of a service in this zone: all of it, or part of it."""
        strict = STRICT.get(service)
        if strict is None:
            return None
        likely = {"fall": 0.4, "downhill": 0.45, "capacity": 0.55, "hydrant_cover": 0.3}
        kept = frozenset(m for m in sorted(strict.asks) if self.dice.chance(likely.get(m, 0.35)))
        return replace(strict, asks=kept) if kept else None

    def land(self, parcel: Parcel) -> Parcel:
        """Give a parcel its land use and its place in the order of supply."""
        dice = self.dice
        use = dice.choice(("工业用地", "1001", "物流仓储用地", "物流仓储用地", "100101"))
        use_class = ""
        if dice.chance(0.3):
            use, use_class = "", dice.choice(("M1", "M2", "m1", "W", "R"))
        if dice.chance(0.03):
            use, use_class = dice.choice((("", ""), ("待定", ""), ("", "G")))
        status = dice.choice(dice.one(STATUS))
        delivery = parcel.delivery_on or (dice.choice(DAYS) if dice.chance(0.9) else None)
        if dice.chance(0.7):
            parcel = replace(parcel, leveling_status="", leveling_works="")
        return replace(parcel, use=use, use_class=use_class, supply_status=status, delivery_on=delivery)

    def project(self, parcel: Parcel) -> Project | None:
        """Let a project hold a parcel, or none."""
        dice = self.dice
        if not dice.chance(0.9 if "gas" in self.rules else 0.3):
            return None
        area = hectares(parcel)
        size = {
            "power_kva": 500.0, "water_m3_d": 90.0, "sewage_m3_d": 1200.0, "gas_nm3_h": 120.0, "steam_t_h": 0.4,
            "heat_mw": 0.4,
        }  # fmt: skip
        needs = {c: round(area * amount * dice.uniform(0.3, 1.6), 2) for c, amount in size.items() if dice.chance(0.95)}
        return Project(f"X{parcel.id}", parcel.id, needs)

    # ------------------------------------------------------------ layers

    def layer(self, service: str, layer: tuple[Feature, ...]) -> list[Feature]:
        """Give the features of a service what the strict judge asks for."""
        strict = self.rules[service].strict
        if strict is None:
            return list(layer)
        dice, found = self.dice, []
        heads = [f.parts[0][0] for f in layer if f.role in ("source", "outfall", "boundary_supply")]
        self.run = Run(layer, heads[0] if heads else layer[0].parts[0][0])
        self.runs[service] = self.run
        sewer = service in ("storm", "sewage")
        for f in layer:
            if sewer and f.role in ("hydrant", "pump"):
                f = replace(f, role="manhole", id=f.id.replace(f.role, "manhole"))
            if f.role in ("line", "lateral") and sewer:
                f = self.inverts(f)
            if f.role == "line" and service == "power" and dice.chance(0.5):
                f = replace(f, values={**f.values, "circuits": dice.choice((1.0, 1.0, 2.0))})
            if f.role in ("source", "outfall", "boundary_supply"):
                f = self.station(service, strict, f)
            found.append(f)
        if service == "water" and "hydrant_cover" in strict.asks:
            found += self.hydrants(found)
        if sewer and dice.chance(0.6):
            self.pump(service, found)
        return found

    def level(self, at: XY) -> float:
        """Return the level of a sewer at a place: it falls towards the plant along the pipes."""
        return self.base + 0.003 * min(self.run.far(at), 1000.0)

    def inverts(self, f: Feature) -> Feature:
        """Give a sewer its inverts; now and then one is blank, too high, or the wrong way round."""
        dice = self.dice
        start, stop = self.level(f.parts[0][0]), self.level(f.parts[-1][-1])
        if f.flow in ("forward", "reverse") and (start > stop) == (f.flow == "reverse") and dice.chance(0.85):
            # the street runs away from the plant for a while, and the sewer falls all the same
            start, stop = (stop, start) if abs(start - stop) < 0.4 else (start, stop)
        luck = dice.one({"sound": 30, "blank": 1.0, "step": 1.2, "flat": 0.4, "turned": 0.5, "depth": 1.5})
        if luck == "turned":
            start, stop = stop, start
        values = {**f.values, "invert_from_m": round(start, 3), "invert_to_m": round(stop, 3)}
        if luck == "step":
            both = dice.choice((0.3, -0.3, 0.6))
            values = {**values, "invert_from_m": round(start + both, 3), "invert_to_m": round(stop + both, 3)}
        elif luck == "depth":  # how deep it lies, written for how high
            values = {**values, "invert_from_m": 2.0, "invert_to_m": 2.0 + round(stop - start, 3)}
        elif luck == "flat":
            values["invert_to_m"] = values["invert_from_m"]
        elif luck == "blank":
            values.pop(dice.choice(("invert_from_m", "invert_to_m")))
        if f.flow == "both":
            values = {k: v for k, v in values.items() if not k.startswith("invert")}
        flow = "" if f.flow in ("forward", "reverse") and dice.chance(0.1) else f.flow
        return replace(f, values=self.stated(values), flow=flow)

    def stated(self, values: dict[str, Any]) -> dict[str, Any]:
        """Let some mains state what they carry."""
        if not self.dice.chance(0.06):
            return values
        said = {"capacity": self.dice.choice((300.0, 2000.0, 9000.0)), "capacity_used": 100.0, "capacity_unit": "m3/d"}
        lost = self.dice.choice(("", "", "capacity", "capacity_used", "capacity_unit"))
        return {**values, **{name: value for name, value in said.items() if name != lost}}

    def station(self, service: str, strict: Strict, f: Feature) -> Feature:
        """State what a plant gives, or leave part of that blank."""
        dice = self.dice
        needs = [demand(self.zone, strict, p) for p in self.parcels]
        total = sum(high for _, high in needs if high < 1e9)
        unit = dice.choice(list(strict.units))
        used = round(total * dice.uniform(0.0, 1.0), 3)
        left = total * dice.choice((0.3, 0.6, 1.0, 1.5, 3.0, 5.0, 5.0)) + 1e-3
        values: dict[str, Any] = {
            **f.values,
            "capacity": round((used + left) / strict.units[unit], 4),
            "capacity_used": round(used / strict.units[unit], 4),
            "capacity_unit": unit,
        }
        if dice.chance(0.03):
            values.pop(dice.choice(("capacity", "capacity_used", "capacity_unit")))
        elif dice.chance(0.02):
            values["capacity_used"] = values["capacity"] * 1.1
        return replace(f, values=values)

    def hydrants(self, layer: list[Feature]) -> list[Feature]:
        """Set hydrants on the mains."""
        found: list[Feature] = []
        for f in [f for f in layer if f.role == "line"]:
            path = f.parts[0]
            for share in (0.37, 0.77):
                if self.dice.chance(0.6):
                    a, b = path[0], path[1]
                    at = (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
                    status = self.dice.choice((*OPERATING, "规划", "废弃")) if self.dice.chance(0.97) else ""
                    found.append(Feature(f"hydrant-{len(layer) + len(found)}", "hydrant", ((at,),), status=status))
        return found

    def pump(self, service: str, layer: list[Feature]) -> None:
        """Let a pump lift one main, mostly into a manhole."""
        dice = self.dice
        mains = [k for k, f in enumerate(layer) if f.role == "line" and f.flow in ("forward", "reverse")]
        mains = [k for k in mains if len(layer[k].parts) == 1 and length(layer[k].parts[0]) > 30]
        if not mains:
            return
        k = dice.choice(mains)
        f = layer[k]
        start, stop = (f.parts[0][0], f.parts[0][-1])[:: 1 if f.flow == "forward" else -1]
        low, high = self.level(start) - dice.choice((0.0, 1.2)), self.level(stop) + dice.choice((0.0, 0.4))
        levels = (low, max(high, low + 0.5))[:: 1 if f.flow == "forward" else -1]
        values = {**f.values, "invert_from_m": round(levels[0], 3), "invert_to_m": round(levels[1], 3)}
        if dice.chance(0.3):
            values = {name: v for name, v in values.items() if not name.startswith("invert")}
        layer[k] = replace(f, values=values)
        status = dice.choice(OPERATING) if dice.chance(0.75) else dice.choice(("规划", "在建", "", "废弃"))
        strict = self.rules[service].strict
        stated: dict[str, Any] = {}
        if strict is not None and strict.units and dice.chance(0.8):
            unit = dice.choice(list(strict.units))
            stated = {
                "capacity": round(dice.choice((0.0, 30.0, 300.0, 3000.0)) / strict.units[unit], 4),
                "capacity_unit": unit,
            }
            if dice.chance(0.5):
                stated["capacity_used"] = round(dice.choice((0.0, 10.0)) / strict.units[unit], 4)
            if dice.chance(0.1):
                stated.pop(dice.choice(("capacity", "capacity_unit")))
        layer.append(Feature(f"{service}-pump-{len(layer)}", "pump", ((start,),), status=status, values=stated))
        if dice.chance(0.7):
            layer.append(Feature(f"{service}-manhole-{len(layer)}", "manhole", ((stop,),), status="现状"))

    # ------------------------------------------------------------ papers and ground

    def papers(self) -> tuple[Evidence, ...]:
        """Add what reserves capacity for parcels, and what states that of a plant."""
        dice, found = self.dice, list(self.zone.evidence)
        for n, x in enumerate(found):
            if x.says == "accepted" and dice.chance(0.7):
                found[n] = replace(x, issuer="示例单位", number="示例7号", date=DAYS[1], expires=None)
        told = {x.parcel for x in found if x.says == "accepted"}
        for p in self.parcels:
            if p.id not in told and dice.chance(0.8):
                found.append(Evidence("accepted", "leveling", p.id, "", "示例单位", "示例7号", DAYS[1]))
        for service, rules in self.rules.items():
            strict = rules.strict
            if strict is None or "capacity" not in strict.asks:
                continue
            unit = next(iter(strict.units))
            for n, x in enumerate(found):
                if x.says == "connected" and x.service == service and dice.chance(0.8):
                    found[n] = replace(x, capacity=dice.choice((1.0, 1e4, 1e4)), capacity_unit=unit)
            for p in self.parcels:
                supplied = code("supply_status", p.supply_status) in ("granted", "idle")
                if dice.chance(0.2 if supplied else 0.09):
                    found.append(self.reserved(service, p, unit))
                    if dice.chance(0.25):
                        found.append(replace(self.reserved(service, p, unit), number="示例10号"))
            for f in self.layers.get(service, ()):
                if f.role in ("source", "outfall") and dice.chance(0.08):
                    stated = f.values.get("capacity")
                    amount = float(stated) if stated and dice.chance(0.5) else 777.0
                    word = str(f.values.get("capacity_unit", unit))
                    says = dice.one({"operating": 6, "reserved": 1, "accepted": 1})
                    found.append(Evidence(says, service, "", f.id, "示例单位", "示例9号", DAYS[2], None, amount, word))
        if dice.chance(0.04):
            found.append(Evidence("not_connected", dice.choice(tuple(self.rules)), "查无此号", date=DAYS[1]))
        return tuple(found)

    def reserved(self, service: str, parcel: Parcel, unit: str) -> Evidence:
        """Return a paper that holds something of a service for a parcel; now and then one that lost a part."""
        dice, strict = self.dice, self.rules[service].strict
        high = math.inf if strict is None else demand(self.zone, strict, parcel)[1]
        amount = round((high if high < 1e9 else 50.0) * dice.choice((0.5, 1.5)) + 0.01, 3)
        day = dice.choice(DAYS[:5])
        letter = Evidence(
            "reserved", service, parcel.id, "", "示例单位", "示例8号", day, capacity=amount, capacity_unit=unit
        )
        lost: dict[str, Any] = {
            "issuer": "", "number": "", "date": None, "expires": DAYS[3], "capacity": None, "capacity_unit": "",
            "service": "", "parcel": "",
        }  # fmt: skip
        rare = dict.fromkeys(("capacity", "capacity_unit", "service", "parcel"), 0.3)
        flaw = dice.one({"": 8, "issuer": 1, "number": 1, "date": 1, "expires": 1, **rare})
        return replace(letter, **{flaw: lost[flaw]}) if flaw else letter

    def ground(self) -> dict[str, float]:
        """Return the lowest ground of every parcel: a flat step each; parcels that overlap share theirs."""
        dice, found = self.dice, dict[str, float]()
        for service in ("storm", "sewage"):
            if service in self.runs:
                self.run = self.runs[service]
        for n, p in enumerate(self.parcels):
            ring = p.polygons[0][0]
            middle = (sum(x for x, _ in ring) / len(ring), sum(y for _, y in ring) / len(ring))
            far = max(apart(middle, corner) for corner in ring)
            above = dice.choice((-0.9, 0.0, 0.5, 0.8, 1.2, 1.6, 2.0, 2.0)) + dice.uniform(-0.1, 0.1)
            near = min((self.run.far(corner) for corner in ring if self.run.far(corner) < math.inf), default=200.0)
            level = self.base + 0.003 * near + 1.2 + 0.003 * 3 * far + above
            below = [q for q in self.parcels[:n] if shared_area(p, q) > 1e-6]
            if below:
                if below[0].id in found:
                    found[p.id] = found[below[0].id]
            elif dice.chance(0.96):
                found[p.id] = round(level, 3)
        return found


def needy(dice: Dice, zone: Zone) -> Zone:
    """Fill in a zone for the strict judge."""
    made = Needs(dice, zone)
    return replace(made.zone, evidence=made.papers(), ground=made.ground())
