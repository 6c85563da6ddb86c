"""Storm and sewage: manhole by manhole along the streets, downhill to the outfall or the treatment plant."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import shapely
from shapely import LineString, Point, STRtree

from ganting_maker.frame import CQ, GT, SITES, UV, Edge, Site, river
from ganting_maker.hydraulics import least_slope, size
from ganting_maker.loads import REACH_M
from ganting_maker.mains import OPERATING, Row, into, millimetre
from ganting_maker.parcels import Parcel
from ganting_maker.story import LETTERS, SIDE, Spec, mains, plain, plants

HEAD_M = 35.0
"""A branch sewer begins this far below the crossing at its upper end [m]."""
SPACING_M = 72.0
"""Usual distance of manholes [m]."""
COVER_M = {"storm": 2.8, "sewage": 3.4}
"""Ground above the crown of a sewer [m]."""
START_DEPTH_M, RUN_SLOPE = 1.0, 0.003
"""A parcel's own sewer: how deep it begins [m], and its slope."""
SPARE = 1.25
"""A sewer is laid larger than its catchment asks for."""
STEP_AT, FLAT_AT, LOST_TO = 3, 6, 6
"""Segments of a street that are drawn wrong where the story says so."""

THROUGH_GT = {
    *(("H", r, c) for r in range(4) for c in range(1, 7)), *(("V", i, r) for i in range(1, 6) for r in (4, 5)),
    ("V", 1, 1), ("V", 1, 2),
}  # fmt: skip
"""Edges whose sewers run on from the crossing at their upper end."""
THROUGH_CQ = {*(("H", r, c) for r in range(3) for c in range(1, 4)), ("V", 0, 1), ("V", 0, 2)}
OWN_OUTFALL = {("V", 1, 1), *(("V", i, 4) for i in range(1, 6)), ("V", 1, 5)}
"""Edges at whose upper end the storm water of the crossing street runs on to an outfall of its own."""
HEADS = {("H", r, 6) for r in range(6)}
"""Edges whose upper end is the end of the street."""


@dataclass
class Sewer:
    """Sewers of one service while they are being laid: segments, and where their joints are."""

    service: str
    ground: Callable[[float, float], float]
    rows: list[Row] = field(default_factory=list)
    places: dict[str, UV] = field(default_factory=dict)
    numbers: dict[Any, str] = field(default_factory=dict)
    ends: set[Any] = field(default_factory=set)

    def joint(self, key: object, at: UV) -> str:
        """Manhole number of a place, the same each time."""
        if key not in self.numbers:
            self.numbers[key] = f"{LETTERS[self.service]}J{len(self.numbers) + 1:04d}"
            self.places[self.numbers[key]] = at
        return self.numbers[key]

    def lay(self, site: Site, stops: list[UV], keys: tuple[object, object], spec: Spec, row: Row) -> None:
        """Lay segments from the first (upper) to the last (lower) stop; `keys` name the two end joints."""
        whole = site.line(*stops)
        n = max(1, math.ceil(whole.length / SPACING_M)) if not spec.get("break") else round(whole.length / 80.0)
        for k in range(n):
            if spec.get("break") and k == n // 2:
                continue
            part = shapely.ops.substring(whole, k / n, (k + 1) / n, normalized=True)
            part = LineString([(round(x, 3), round(y, 3)) for x, y in part.coords])
            name = f"{row['feature']}-{k + 1:02d}"
            upper = self.joint(keys[0] if k == 0 else (name, "a"), part.coords[0])
            lower_key = keys[1] if k == n - 1 else (f"{row['feature']}-{k + 2:02d}", "a")
            lower = self.joint(lower_key, part.coords[-1])
            self.rows.append({**row, "feature": name, "from_joint": upper, "to_joint": lower, "geometry": part,
                              "shallow": bool(spec.get("shallow")), "flaw": spec.get("flaw")})  # fmt: skip


def build(service: str, ground: Callable[[float, float], float], fields: Fields, rng: np.random.Generator) -> list[Row]:
    """All features of a service that flows to an outfall, without laterals."""
    sewer = Sewer(service, ground)
    for site in (GT, CQ):
        for edge, spec in mains(service, site).items():
            _street(sewer, site, edge, spec, rng)
    points = _storm_ends(sewer) if service == "storm" else _sewage_ends(sewer)
    _design(sewer, fields)
    for n, (number, at) in enumerate(sorted(sewer.places.items()), start=1):
        points.append({"feature": number, "role": "manhole", "status": "现状", "name": "检查井",
                       "ground_m": round(ground(*at), 2), "geometry": Point(at), "survey_no": n})  # fmt: skip
    if service == "sewage":
        place = next(r["geometry"].coords[0] for r in sewer.rows if r["feature"] == "WS-GT-V55-01")
        points.append({"feature": "WS-GT-BZ1", "role": "pump", "status": "待查", "name": "北环路提升泵（示例）",
                       "geometry": Point(place)})  # fmt: skip
    if service == "storm":  # drawn downhill throughout, as zone.toml declares
        return sewer.rows + points
    return [_turned(row) if row["flow"] == "+" and rng.random() < 0.04 else row for row in sewer.rows] + points


def _turned(row: Row) -> Row:
    """Return a segment drawn against its flow, as surveys have some."""
    turned = {
        "from_joint": "to_joint",
        "to_joint": "from_joint",
        "invert_from_m": "invert_to_m",
        "invert_to_m": "invert_from_m",
    }
    return {**row, **{a: row[b] for a, b in turned.items()}, "flow": "-", "geometry": row["geometry"].reverse()}


def _street(sewer: Sewer, site: Site, edge: Edge, spec: Spec, rng: np.random.Generator) -> None:
    """Lay one street: west along an east-west road, south along a north-south road."""
    kind, a, b = edge
    lower, upper = site.ends(edge, SIDE[sewer.service])
    low = (site.key, b - 1, a) if kind == "H" else (site.key, a, b - 1)
    high: object = (site.key, b, a) if kind == "H" else (site.key, a, b)
    through = edge in (THROUGH_GT if site is GT else THROUGH_CQ)
    if sewer.service == "storm" and site is GT and edge in OWN_OUTFALL:
        through = False  # the storm water of that street has its own outfall
    if sewer.service == "storm" and site is GT and kind == "H" and a >= 4:
        through = True
    if not through or (site is GT and edge in HEADS) or (site is CQ and kind == "H" and b == 3):
        high = (site.key, edge, "head")
        upper = (upper[0] - HEAD_M, upper[1]) if kind == "H" else (upper[0], upper[1] - HEAD_M)
    row: Row = {
        "feature": f"{LETTERS[sewer.service]}-{site.key}-{kind}{a}{b}", "role": "line",
        "status": spec.get("status", str(rng.choice(OPERATING))), "works": spec.get("works"),
        "system": spec.get("system", "分流"), "flow": spec.get("flow", "+"),
        "name": site.road(edge).name.replace("（示例）", "") + {"storm": "雨水管", "sewage": "污水管"}[sewer.service],
    }  # fmt: skip
    sewer.lay(site, [upper, lower], (high, low), spec, row)


def _storm_ends(sewer: Sewer) -> list[Row]:
    """Outfalls at the river."""
    bank = river()
    ends = (
        ("GT", 0, 0, "南"),
        ("GT", 0, 1, "中"),
        ("GT", 0, 3, "北"),
        ("GT", 0, 4, "纬四"),
        ("GT", 0, 5, "北环"),
        ("CQ", 0, 0, "城区"),
    )
    out: list[Row] = []
    for n, (key, i, j, word) in enumerate(ends, start=1):
        site = SITES[key]
        u, v = site.node(i, j, SIDE["storm"])
        ray = LineString([site.place(u, v), site.place(u - 900, v)])
        wet = ray.intersection(bank)
        reach = ray.project(Point(wet.coords[0])) + 2.0
        row: Row = {"feature": f"YS-PK{n}-G", "role": "line", "status": "现状", "system": "分流", "flow": "+",
                    "name": word + "排口出水渠"}  # fmt: skip
        outfall = ("outfall", n)
        sewer.ends.add(outfall)
        sewer.lay(site, [(u, v), (u - reach, v)], ((key, i, j), outfall), {}, row)
        at = sewer.places[sewer.numbers[outfall]]
        out.append({"feature": f"YS-PK{n}", "role": "outfall", "kind": "outfall", "status": "现状",
                    "name": f"{word}雨水排口（示例）", "geometry": Point(at)})  # fmt: skip
    return out


def _sewage_ends(sewer: Sewer) -> list[Row]:
    """Return the three treatment plants: south under construction, north and town in operation."""
    ends: tuple[tuple[str, tuple[int, int], list[UV], str], ...] = (
        ("GT", (1, 0), [(568.0, -95.0), (420.0, -150.0)], "WS-GT-WSC1"),
        ("GT", (1, 3), [(620.0, 1452.0)], "WS-GT-WSZ2"),
        ("CQ", (0, 0), [(40.0, -80.0), (20.0, -150.0)], "WS-CQ-WSC3"),
    )
    facts = {plant.row["feature"]: plant.row for plant in plants("sewage")}
    out: list[Row] = []
    for key, (i, j), stops, feature in ends:
        site, fact = SITES[key], facts[feature]
        sewer.ends.add(feature)
        row: Row = {"feature": feature + "-G", "role": "line", "status": "现状", "system": "分流", "flow": "+",
                    "name": fact["name"].replace("（示例）", "") + "进水干管"}  # fmt: skip
        sewer.lay(site, [site.node(i, j, SIDE["sewage"]), *stops], ((key, i, j), feature), {}, row)
        out.append({**fact, "role": "source", "geometry": Point(sewer.places[sewer.numbers[feature]])})
    return out


def _order(rows: list[Row]) -> list[Row]:
    """Segments from the heads downhill."""
    feeds: dict[str, int] = {}
    for row in rows:
        feeds[row["to_joint"]] = feeds.get(row["to_joint"], 0) + 1
    by_start: dict[str, list[Row]] = {}
    for row in rows:
        by_start.setdefault(row["from_joint"], []).append(row)
    ready = [row for row in rows if row["from_joint"] not in feeds]
    out: list[Row] = []
    while ready:
        row = ready.pop()
        out.append(row)
        feeds[row["to_joint"]] -= 1
        if not feeds[row["to_joint"]]:
            ready += by_start.get(row["to_joint"], [])
    if len(out) != len(rows):
        message = "the sewers run in a circle"
        raise ValueError(message)
    return out


@dataclass(frozen=True)
class Fields:
    """The land that drains: parcels, what runs off each, and its lowest ground [m]."""

    drawn: list[Parcel]
    need: dict[str, float]
    lowest: dict[str, float]


def _design(sewer: Sewer, fields: Fields) -> None:
    """Lay the sewers deep enough and large enough; a larger one lies deeper, so it is done until nothing changes."""
    least = 500 if sewer.service == "storm" else 300
    for row in sewer.rows:
        row["diameter_mm"] = least
    for _ in range(5):
        _inverts(sewer)
        loads = _loads(sewer, fields)
        upstream: dict[str, int] = {}
        for row in _order(sewer.rows):
            fall = row["invert_from_m"] - row["invert_to_m"]
            floor = max(upstream.get(row["from_joint"], least), row["diameter_mm"])
            need = SPARE * loads.get(row["feature"], 0.0)
            row["diameter_mm"] = size(sewer.service, need, fall / row["geometry"].length, floor)
            upstream[row["to_joint"]] = max(upstream.get(row["to_joint"], 0), row["diameter_mm"])
    _inverts(sewer)
    _blemish(sewer)


def _loads(sewer: Sewer, fields: Fields) -> dict[str, float]:
    """Load of every segment: each parcel at the nearest one to which it falls, along the shortest way out."""
    refused = sewer.service == "storm"
    rows = [r for r in sewer.rows if not (refused and r["system"] == "合流")]
    graph = nx.DiGraph()
    for n, row in enumerate(rows):
        graph.add_edge(row["to_joint"], row["from_joint"], length=row["geometry"].length, row=n)
    ends = [number for key, number in sewer.numbers.items() if key in sewer.ends]
    _, path = nx.multi_source_dijkstra(graph, ends, weight="length")
    tree = STRtree([r["geometry"] for r in rows])
    wells = {r["to_joint"]: Point(sewer.places[r["to_joint"]]) for r in rows}
    names, points = list(wells), STRtree(list(wells.values()))
    out: dict[str, float] = {}
    for parcel in fields.drawn:
        near = tree.query(parcel.geometry, predicate="dwithin", distance=REACH_M)
        near = sorted(near, key=lambda n: rows[n]["geometry"].distance(parcel.geometry))
        first = next((n for n in near if _falls(sewer, rows[n], parcel, fields)), None)
        if first is None:
            continue
        well = names[int(points.nearest(parcel.geometry))]  # where its branch may lead
        passed = {first} if rows[first]["to_joint"] in path else set()
        for start in (rows[first]["to_joint"], well):
            way = path.get(start, [])
            passed |= {graph.edges[a, b]["row"] for a, b in pairwise(way)}
        for n in passed:
            out[rows[n]["feature"]] = out.get(rows[n]["feature"], 0.0) + fields.need[parcel.parcel]
    return out


def _falls(sewer: Sewer, row: Row, parcel: Parcel, fields: Fields) -> bool:
    """Whether a parcel drains to the lower manhole of a segment by its own fall."""
    well = Point(sewer.places[row["to_joint"]])
    run = max(well.distance(Point(c)) for c in parcel.geometry.exterior.coords)
    return fields.lowest[parcel.parcel] - START_DEPTH_M - RUN_SLOPE * run >= row["invert_to_m"]


def _inverts(sewer: Sewer) -> None:
    """Invert levels at both ends [m]: below the ground by the cover, never uphill."""
    level: dict[str, float] = {}
    for row in _order(sewer.rows):
        size_m = row["diameter_mm"] / 1000
        cover = 0.6 if row.get("shallow") else COVER_M[sewer.service]
        a, b = (sewer.ground(*sewer.places[row[k]]) - cover - size_m for k in ("from_joint", "to_joint"))
        start = min(level.get(row["from_joint"], a), a)
        end = min(b, start - row["geometry"].length * least_slope(sewer.service, row["diameter_mm"]) - 0.002)
        row["invert_from_m"], row["invert_to_m"] = round(start, 3), round(end, 3)
        level[row["to_joint"]] = min(level.get(row["to_joint"], end), end)


def _blemish(sewer: Sewer) -> None:
    """Put in what the survey shows wrong: a pipe too small, levels that were not measured, a step up, a swap."""
    for row in sewer.rows:
        flaw = row.pop("flaw", None)
        row.pop("shallow", None)
        number = int(row["feature"].rsplit("-", 1)[1]) if flaw else 0
        if isinstance(flaw, int):
            row["diameter_mm"] = flaw
        elif flaw == "unmeasured":
            row["invert_from_m"] = row["invert_to_m"] = None
        elif flaw == "step" and number == STEP_AT:
            row["invert_from_m"] = round(row["invert_from_m"] + 0.34, 3)
        elif flaw == "lost" and number <= LOST_TO:
            row["invert_from_m"] = row["invert_to_m"] = row["flow"] = None
        elif flaw == "flat" and number == FLAT_AT:
            row["invert_from_m"] = round(row["invert_to_m"] + 0.01, 3)
        elif flaw == "swap" and number == STEP_AT:
            row["invert_from_m"], row["invert_to_m"] = row["invert_to_m"], row["invert_from_m"]


def laterals(
    service: str, rows: list[Row], parcels: list[Parcel], wanted: set[str], rng: np.random.Generator
) -> list[Row]:
    """Return house branches from a manhole of an operating sewer into a parcel, with its 预留井."""
    streets = {f"{LETTERS[service]}-{s.key}-{e[0]}{e[1]}{e[2]}" for s in (GT, CQ)
               for e, spec in mains(service, s).items() if plain(spec)}  # fmt: skip
    good = [r for r in rows if r["role"] == "line" and r["feature"].rsplit("-", 1)[0] in streets]
    wells = {r["to_joint"]: Point(r["geometry"].coords[-1]) for r in good}
    levels = {r["to_joint"]: r["invert_to_m"] for r in good}
    names, spots = list(wells), list(wells.values())
    tree, others = STRtree(spots), STRtree([p.geometry for p in parcels])
    out: list[Row] = []
    for parcel in parcels:
        skip = rng.random() > 0.7
        if parcel.parcel not in wanted or skip:
            continue
        k = int(tree.nearest(parcel.geometry))
        if spots[k].distance(parcel.geometry) > 46:
            continue
        branch = into(millimetre(spots[k]), parcel).reverse()
        if len(others.query(branch, predicate="intersects")) > 1:
            continue
        name = f"{LETTERS[service]}-ZG-{parcel.parcel}"
        top = round(levels[names[k]] + branch.length * 0.004 + 0.1, 3)
        out += [{"feature": name, "role": "lateral", "status": "现状", "name": "接户管", "system": "分流", "flow": "+",
                 "diameter_mm": 300 if service == "sewage" else 400, "to_joint": names[k], "invert_from_m": top,
                 "invert_to_m": round(levels[names[k]] + 0.1, 3), "geometry": branch},
                {"feature": name + "-YL", "role": "stub", "status": "现状", "name": "预留井",
                 "geometry": Point(branch.coords[0])}]  # fmt: skip
    return out
