"""Plain records for the slow judge, and the words a file may use for our codes.

All lengths are metres in the plane. Blank text is ``""``, a blank day is ``None``.
"""

from __future__ import annotations

import datetime as dt
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

XY = tuple[float, float]
Path = tuple[XY, ...]
VERDICTS = {"A": "ready", "B": "gap", "C": "gap", "D": "gap", "U": "unknown", "N": "not_applicable"}
LINES = ("line", "lateral", "duct")
JOINING_POINTS = ("source", "outfall", "boundary_supply", "valve", "pump", "manhole", "joint")
PHASES = ("proposal", "feasibility", "design", "tender", "construction", "completion", "handover")
SAYS = (
    "connected", "not_connected", "accepted", "not_applicable", "operating", "not_operating", "reserved", "shares",
)  # fmt: skip
KINDS = (
    "water_plant", "booster_station", "well_field", "outfall", "river", "storm_pump_station", "treatment_plant",
    "substation", "switching_station", "exchange", "gate_station", "regulator_station", "heat_plant",
    "exchange_station", "headend", "road_gate",
)  # fmt: skip
WORDS: dict[str, dict[str, str]] = {
    "status": {
        **dict.fromkeys(("现状", "已建", "运行", "在用", "投运", "existing", "operating"), "operating"),
        **dict.fromkeys(("已建未投运", "已竣工未移交", "built"), "built"),
        **dict.fromkeys(("在建", "施工", "construction"), "construction"),
        **dict.fromkeys(("规划", "拟建", "设计", "planned"), "planned"),
        **dict.fromkeys(("停用", "废弃", "abandoned"), "abandoned"),
    },
    "phase": {
        **dict(zip(("立项", "可研", "初设", "招标", "开工", "竣工", "移交"), PHASES, strict=True)),
        **{phase: phase for phase in PHASES},
    },
    "funding_state": {"拟报": "proposed", "已报": "applied", "下达": "granted", "granted": "granted"},
    "open": {"开": "open", "常开": "open", "关": "closed", "常闭": "closed"},
    "road_class": {
        **{"快速路": "expressway", "主干路": "arterial", "次干路": "secondary", "支路": "local"},
        **{word: word for word in ("expressway", "arterial", "secondary", "local")},
    },
    "pressure_class": {
        word: word for word in ("high_a", "high_b", "subhigh_a", "subhigh_b", "medium_a", "medium_b", "low")
    },
    "kind": {kind: kind for kind in KINDS},
    "system": {"分流": "separate", "separate": "separate", "合流": "combined", "combined": "combined"},
    "medium": {"hot_water": "hot_water", "steam": "steam"},
    "supply_status": {
        **dict(
            zip(
                ("未收储", "已储", "储备", "拟供", "批而未供", "已供", "闲置"),
                ("unreserved", "reserved", "reserved", "offered", "approved", "granted", "idle"),
                strict=True,
            )
        ),
        **{word: word for word in ("unreserved", "reserved", "offered", "approved", "granted", "idle")},
    },
    "use_class": {
        **{word.casefold(): word for word in ("M1", "M2", "M3", "M", "W", "R", "G")},
        **{"工业用地": "M", "1001": "M", "物流仓储用地": "W", "100101": "M1", "居住用地": "R"},
    },
}


@dataclass(frozen=True)
class Feature:
    """One row of a service layer, words as in the file; a point has one part of one position.

    `snap` is the tolerance of the survey it was drawn in, where it has one of its own.
    """

    id: str
    role: str
    parts: tuple[Path, ...]
    status: str = ""
    works: str = ""
    open: str = ""
    close_on: dt.date | None = None
    kind: str = ""
    from_joint: str = ""
    to_joint: str = ""
    flow: str = ""
    deck: str = ""
    system: str = ""
    values: Mapping[str, float | str] = field(default_factory=dict)
    snap: float | None = None


@dataclass(frozen=True)
class Parcel:
    """A parcel: polygons, each a tuple of rings (first the outer one, then holes), rings not closed."""

    id: str
    polygons: tuple[tuple[Path, ...], ...]
    delivery_on: dt.date | None = None
    promised: str = ""
    leveling_status: str = ""
    leveling_works: str = ""
    use: str = ""
    use_class: str = ""
    supply_status: str = ""


@dataclass(frozen=True)
class Works:
    """One row of the works table."""

    phase: str = ""
    planned_on: dt.date | None = None
    commission_on: dt.date | None = None
    actual_on: dt.date | None = None
    funding_state: str = ""


@dataclass(frozen=True)
class Evidence:
    """One letter or site visit."""

    says: str
    service: str
    parcel: str = ""
    feature: str = ""
    issuer: str = ""
    number: str = ""
    date: dt.date | None = None
    expires: dt.date | None = None
    capacity: float | None = None
    capacity_unit: str = ""


@dataclass(frozen=True)
class Project:
    """What a project asks for on the parcel that it holds, by column of the projects."""

    id: str
    parcel: str
    needs: Mapping[str, float]


@dataclass(frozen=True)
class Barrier:
    """A railway, river or the like: an open path, or the ring of an area."""

    id: str
    path: Path
    area: bool = False


@dataclass(frozen=True)
class Condition:
    """A limit on one attribute; bounds are inclusive."""

    column: str
    at_least: float = -math.inf
    at_most: float = math.inf
    one_of: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Strict:
    """What the profile asks of one service beyond being connected, and the figures by which it is reckoned.

    `asks` are the required measures: fall, downhill, capacity, two_ways, two_sources, hydrant_cover. `capacity` says
    how that of a main is known, `norms` the need of a hectare by class of land use, `project` the factors of the
    columns of a project. `units` are the words for units that a capacity may be stated in, with the factor to that of
    the demand.
    """

    asks: frozenset[str]
    capacity: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    norms: Mapping[str, float] = field(default_factory=dict)
    steps: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    project: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """What the profile says of one service."""

    sources: frozenset[str]
    to_outfall: bool = False
    crossings_join: bool = False
    conditions: tuple[Condition, ...] = ()
    strict: Strict | None = None


@dataclass(frozen=True)
class Promise:
    """A promised level: the services it requires, and those it counts as one connection (service -> its name)."""

    required: frozenset[str]
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lost:
    """A row without a shape."""

    role: str
    status: str


@dataclass(frozen=True)
class Undone:
    """A join that is not to be made: of the ends at two places, or of the end at a place and the side of a line."""

    service: str
    place: XY
    other: XY | str


@dataclass(frozen=True)
class Zone:
    """Everything the judge is given. `layers` lacks a service that was not given; `absent` ones are declared so.

    `lost` has, by service, a feature of which the file has the row and no longer the shape; `ground` has, by parcel,
    the lowest ground where all of it is known; around the parcels it is `around`, up to ten metres from all of them.
    """

    parcels: tuple[Parcel, ...]
    layers: Mapping[str, tuple[Feature, ...]]
    rules: Mapping[str, Rules]
    required: frozenset[str]
    check: dt.date
    own: dt.date
    absent: frozenset[str] = frozenset()
    works: Mapping[str, Works] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    barriers: tuple[Barrier, ...] | None = ()
    promises: Mapping[str, Promise] = field(default_factory=dict)
    lost: Mapping[str, Lost] = field(default_factory=dict)
    undone: tuple[Undone, ...] = ()
    projects: tuple[Project, ...] = ()
    ground: Mapping[str, float] = field(default_factory=dict)
    snap: float = 0.5
    reach: float = 50.0

    @property
    def around(self) -> float:
        """The ground beside the parcels: higher than any of them."""
        return max(self.ground.values(), default=0.0) + 10.0


@dataclass(frozen=True)
class Cell:
    """The answer for one parcel and service; `distance` (m) and `feature` where a candidate decides."""

    grade: str
    ready_on: dt.date | None = None
    distance: float | None = None
    feature: str = ""
    scarce: bool = False  # whether capacity fails

    @property
    def verdict(self) -> str:
        """The verdict that goes with the grade."""
        return VERDICTS[self.grade]


@dataclass(frozen=True)
class Readiness:
    """The answer for one parcel."""

    ready: str
    ready_by_delivery: str
    ready_on: dt.date | None
    connected_count: int
    required_count: int


@dataclass(frozen=True)
class Answer:
    """All cells, all parcels, and what hangs on a hair."""

    cells: Mapping[tuple[str, str], Cell]
    parcels: Mapping[str, Readiness]
    ties: tuple[str, ...]


def code(column: str, word: str) -> str:
    """Our word for a word in the file; blank when there is none."""
    return WORDS[column].get(unicodedata.normalize("NFKC", word).strip().casefold(), "")
