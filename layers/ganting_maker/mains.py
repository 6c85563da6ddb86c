"""Roads and the services that come from a source: mains along the streets, plants, valves, laterals, stubs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from shapely import LineString, Point, STRtree
from shapely.ops import substring

from ganting_maker.frame import CQ, GT, SITES, Edge, Site, expressway, rail, rail_u
from ganting_maker.loads import CIRCUIT_MVA, PEAK_HOUR, POWER_FACTOR
from ganting_maker.parcels import Parcel
from ganting_maker.story import LETTERS, SIDE, SMALL_MAINS, Plant, Spec, mains, plain, plants

Row = dict[str, Any]
OPERATING = ("现状", "现状", "现状", "已建", "运行", "在用")
HANDED_OVER = "PT-17"
"""Works that laid the mains of 迎宾大道 and handed them over."""
SPARE = 1.25
"""A main is laid larger than what hangs on it asks for."""
LATERAL_SIZE = {"water": 150, "gas": 90, "heat": 200}


def main_name(service: str, site: Site, edge: Edge) -> str:
    """Feature id of the main of an edge: letters, site, edge."""
    return f"{LETTERS[service]}-{site.key}-{edge[0]}{edge[1]}{edge[2]}"


def build(service: str, rng: np.random.Generator) -> list[Row]:
    """All features of a service that comes from a source, without laterals."""
    rows: list[Row] = []
    for site in (GT, CQ):
        for edge, spec in mains(service, site).items():
            rows += street(service, site, edge, spec, rng)
    for plant in plants(service):
        rows += feeder(service, plant, rows)
    return rows + EXTRAS[service](rows) if service in EXTRAS else rows


def street(service: str, site: Site, edge: Edge, spec: Spec, rng: np.random.Generator) -> list[Row]:
    """Lines (and valves) of one main between two crossings."""
    line = site.line(*site.ends(edge, SIDE[service]))
    done = HANDED_OVER if site is GT and edge[:2] == ("V", 4) else None
    row: Row = {
        "feature": main_name(service, site, edge), "role": spec.get("role", "line"),
        "status": spec.get("status", str(rng.choice(OPERATING))), "works": spec.get("works", done),
        "name": site.road(edge).name.replace("（示例）", "") + WORDS[service], "geometry": line,
        **attributes(service, site, edge),
    }  # fmt: skip
    row.update({k: v for k, v in spec.items() if k not in ("role", "status", "works", "valve", "gap_m")})
    if "gap_m" in spec:
        row["geometry"] = millimetres(substring(line, spec["gap_m"], line.length))
        row["note"] = "西端与经五路干线相距约3米，未接通"
    if "valve" not in spec:
        return [row]
    cut = 22.0
    first = {**row, "feature": row["feature"] + "a", "geometry": millimetres(substring(line, 0, cut))}
    second = {**row, "feature": row["feature"] + "b", "geometry": millimetres(substring(line, cut, line.length))}
    gate = {"feature": row["feature"] + "-F1", "role": "valve", "status": "现状", "open": spec["valve"], "name": "阀门",
            "geometry": Point(first["geometry"].coords[-1])}  # fmt: skip
    return [first, second, gate]


WORDS = {"road": "", "water": "给水管", "power": "10千伏电缆", "telecom": "通信管道", "gas": "燃气管", "heat": "热力管",
         "catv": "广电光缆"}  # fmt: skip


def attributes(service: str, site: Site, edge: Edge) -> Row:
    """Size and class of a main by the street it lies in."""
    road = site.road(edge)
    wide = {"主干路": 2, "次干路": 1, "支路": 0}[road.word]
    if service == "road":
        return {"road_class": road.word, "width_m": road.width_m, "redline_m": road.row_m, "deck": None}
    if service == "water":
        return {"diameter_mm": SMALL_MAINS.get(edge, (200, 300, 500)[wide]) if site is GT else (200, 300, 400)[wide]}
    if service == "power":
        return {"voltage_kv": 10.0, "circuits": (1, 2, 4)[wide]}
    if service == "telecom":
        return {"holes_total": (8, 14, 24)[wide], "holes_used": (4, 8, 13)[wide]}
    if service == "gas":
        return {"diameter_mm": (110, 160, 250)[wide], "pressure_class": "中压A" if wide else "中压B"}
    if service == "heat":
        steam = site is GT and edge[0] == "V" and edge[1] == 1
        return {
            "diameter_mm": (200, 300, 500)[wide],
            "medium": "蒸汽" if steam else "热水",
            "leg": "供" if steam else "双管",
        }
    return {"fibres": (48, 96, 144)[wide]}


WATER_SIZES = (150, 200, 300, 400, 500, 600, 800, 1000, 1200, 1400)


def resize(service: str, rows: list[Row], load: dict[str, float]) -> None:
    """Enlarge the mains to what hangs on them; those that the story calls small stay small."""
    small = {main_name(service, GT, edge) for edge in SMALL_MAINS} if service == "water" else set()
    for row in rows:
        if row["role"] != "line" or row.get("voltage_kv") == 110.0:
            continue
        name, need = row["feature"], SPARE * load.get(row["feature"], 0.0)
        if service == "power":
            row["circuits"] = max(row.get("circuits") or 1, math.ceil(need / (CIRCUIT_MVA * POWER_FACTOR * 1000)))
        elif name not in small and row.get("diameter_mm") and row["diameter_mm"] >= 150:
            fits = [d for d in WATER_SIZES if math.pi / 4 * (d / 1000) ** 2 * 86400 / PEAK_HOUR >= need]
            row["diameter_mm"] = max(row["diameter_mm"], fits[0])


def feeder(service: str, plant: Plant, rows: list[Row]) -> list[Row]:
    """Return a plant and the line from it to the street main."""
    site, (kind, a, b) = SITES[plant.site], plant.last
    if kind == "n":
        line = site.line(*plant.stops, site.node(a, b, SIDE[service]))
    else:
        start = site.point(*plant.stops[0])
        near = site.point(plant.stops[0][0], site.vs[a] + SIDE[service] * site.east_west[a].half)
        target = min((r for r in rows if r["role"] == "line"), key=lambda r: r["geometry"].distance(near))["geometry"]
        line = LineString([start, millimetre(target.interpolate(target.project(near)))])
    row = {**plant.row, "role": "source", "geometry": Point(line.coords[0])}
    pipe = {"feature": row["feature"] + "-L", "role": "line", "status": row["status"], "works": row["works"],
            "name": row["name"] + "出线", "geometry": line, **FEEDERS[service]}  # fmt: skip
    return [row, *drafting_gap(pipe)] if row["feature"] == "JS-GT-SC1" else [row, pipe]


FEEDERS: dict[str, Row] = {
    "road": {"road_class": "主干路", "width_m": 32.0, "redline_m": 50.0},
    "water": {"diameter_mm": 600}, "power": {"voltage_kv": 10.0, "circuits": 4},
    "telecom": {"holes_total": 24, "holes_used": 15}, "gas": {"diameter_mm": 315, "pressure_class": "中压A"},
    "heat": {"diameter_mm": 600, "medium": "热水", "leg": "双管"}, "catv": {"fibres": 288},
}  # fmt: skip


def drafting_gap(pipe: Row) -> list[Row]:
    """Break a trunk by 0.4 m: a slip of the pen that the snap tolerance of 0.5 m repairs and lists."""
    line: LineString = pipe["geometry"]
    first = {**pipe, "feature": pipe["feature"] + "1", "geometry": millimetres(substring(line, 0, 60.0))}
    second = {**pipe, "feature": pipe["feature"] + "2", "geometry": millimetres(substring(line, 60.4, line.length))}
    return [first, second]


def millimetre(p: Point) -> Point:
    """Point rounded to the millimetre."""
    return Point(round(p.x, 3), round(p.y, 3))


def millimetres(line: LineString) -> LineString:
    """Line rounded to the millimetre."""
    return LineString([(round(x, 3), round(y, 3)) for x, y in line.coords])


def _roads(_rows: list[Row]) -> list[Row]:
    return [{"feature": "DL-GS-1", "role": "line", "status": "现状", "name": "绕城高速（示例）", "road_class": "快速路",
             "width_m": 28.0, "redline_m": 34.0, "deck": "1", "geometry": millimetres(expressway())}]  # fmt: skip


def _gas(rows: list[Row]) -> list[Row]:
    """High-pressure main that only passes, and the main on the far side of the railway."""
    gate = next(r for r in rows if r["feature"] == "RQ-GT-MZ1")["geometry"]
    along = GT.line((1400, 2540), (3336, 2540), (3336, -140))
    high = {"feature": "RQ-GY-1", "role": "line", "status": "现状", "name": "高压过境管", "diameter_mm": 500,
            "pressure_class": "高压A", "geometry": LineString([gate, *along.coords[1:]])}  # fmt: skip
    node = GT.node(1, 3, SIDE["gas"])
    track = rail()
    beside = millimetres(shapely.offset_curve(track, -13.0))
    south, north = GT.point(rail_u(1470) + 13, node[1]), GT.point(rail_u(1955) + 13, 1955)
    a, b = sorted((beside.project(south), beside.project(north)))
    run = millimetres(substring(beside, a, b))
    if Point(run.coords[0]).distance(south) > Point(run.coords[-1]).distance(south):
        run = run.reverse()
    link = LineString([GT.place(*node), *GT.line(node, (rail_u(1480) + 60, node[1])).coords[1:], run.coords[0]])
    common = {"role": "line", "status": "现状", "diameter_mm": 160, "pressure_class": "中压A"}
    return [high, {"feature": "RQ-GT-TD1", "name": "铁路东侧燃气管", **common, "geometry": link},
            {"feature": "RQ-GT-TD2", "name": "铁路东侧燃气管", **common, "geometry": run}]  # fmt: skip


def _catv(rows: list[Row]) -> list[Row]:
    """Return a second headend whose line begins 0.4 m beside it, and the end of a main that nothing leads to.

    Both are drawn as existing. The survey of cable TV has a tolerance of its own (0.3 m), so that the slip stays open.
    """
    _, north = GT.node(0, 3, SIDE["catv"])
    head, stop = GT.place(70.0, north), GT.place(250.0, north)
    line = LineString([head, stop])
    common = {"status": "现状", "works": None}
    out: list[Row] = [
        {"feature": "GB-GT-QD2", "role": "source", "kind": "headend", "name": "西区分前端（示例）", **common,
         "geometry": millimetre(Point(head))},
        {"feature": "GB-GT-QD2-L", "role": "line", "name": "西区分前端出线", "fibres": 48, **common,
         "geometry": millimetres(substring(line, 0.4, line.length))},
    ]  # fmt: skip
    street = GT.line(*GT.ends(("H", 1, 6), SIDE["catv"]))
    out.append({"feature": "GB-GT-H16", "role": "line", "name": "纬一街" + WORDS["catv"], "fibres": 96, **common,
                "geometry": millimetres(substring(street, 380.0, street.length))})  # fmt: skip
    return out


def _power(rows: list[Row]) -> list[Row]:
    """110 kV overhead line into the substation."""
    station = next(r for r in rows if r["feature"] == "GD-GT-BDZ1")["geometry"]
    line = GT.line((2330, 2740), (2330, 1440), (1760, 1436))
    return [{"feature": "GD-GY-1", "role": "line", "status": "现状", "name": "110千伏架空线", "voltage_kv": 110.0,
             "circuits": 2, "geometry": LineString([*line.coords, station])}]  # fmt: skip


HYDRANTS = (("H", 2, 3), ("H", 2, 4), ("V", 4, 3), ("V", 4, 4), ("H", 3, 4), ("H", 5, 4), ("H", 3, 3), ("V", 3, 4),
            ("H", 4, 4), ("H", 1, 3))  # fmt: skip
SPARSE, DRY = ("H", 1, 3), ("H", 5, 4)
"""Streets with hydrants; the one where they stand too far apart, and the one where nobody knows whether they work."""


def _water(rows: list[Row]) -> list[Row]:
    """Return an open valve, an old main out of use at a red line, and hydrants along the arterial roads."""
    old = GT.line((1135, 512.5), (1660, 512.5))
    out: list[Row] = [{"feature": "JS-GT-FQ1", "role": "line", "status": "废弃", "name": "旧给水管", "diameter_mm": 200,
                       "geometry": old}]  # fmt: skip
    for k, edge in enumerate(HYDRANTS, start=1):
        line = next(r for r in rows if r["feature"] == main_name("water", GT, edge))["geometry"]
        for n, d in enumerate(np.arange(50.0, line.length - 30.0, 175.0 if edge == SPARSE else 115.0), start=1):
            out.append({"feature": f"JS-XF-{k:02d}{n:02d}", "role": "hydrant", "name": "消火栓",
                        "status": "待查" if edge == DRY else "现状",
                        "geometry": millimetre(line.interpolate(float(d)))})  # fmt: skip
        out.append({"feature": f"JS-F-{k:02d}", "role": "valve", "status": "现状", "open": "开", "name": "阀门",
                    "geometry": Point(line.coords[0])})  # fmt: skip
    return out


EXTRAS: dict[str, Callable[[list[Row]], list[Row]]] = {
    "road": _roads,
    "gas": _gas,
    "power": _power,
    "water": _water,
    "catv": _catv,
}


def laterals(
    service: str, rows: list[Row], parcels: list[Parcel], wanted: set[str], rng: np.random.Generator
) -> list[Row]:
    """Branches and connection points (接口) from operating mains into the parcels that have one."""
    good = {main_name(service, s, e) for s in (GT, CQ) for e, spec in mains(service, s).items() if plain(spec)}
    lines = [r for r in rows if r["feature"] in good and r["role"] == "line"]
    tree = STRtree([r["geometry"] for r in lines])
    others = STRtree([p.geometry for p in parcels])
    out: list[Row] = []
    for parcel in parcels:
        share, skip = float(rng.uniform(0.3, 0.7)), rng.random() > 0.6
        if parcel.parcel not in wanted or skip:
            continue
        near = int(tree.nearest(parcel.geometry))
        main: LineString = lines[near]["geometry"]
        gap = main.distance(parcel.geometry)
        front = main.intersection(parcel.geometry.buffer(gap + 1.5))
        if gap > 46 or front.geom_type != "LineString" or front.length < 5:
            continue
        start = millimetre(main.interpolate(main.project(front.interpolate(share, normalized=True))))
        branch = into(start, parcel)
        if len(others.query(branch, predicate="intersects")) > 1:
            continue
        name = f"{LETTERS[service]}-ZG-{parcel.parcel}"
        out += [{"feature": name, "role": "lateral", "status": "现状", "name": "支管", **lateral_size(service),
                 "geometry": branch},
                {"feature": name + "-JK", "role": "stub", "status": "现状", "name": "接口",
                 "geometry": Point(branch.coords[-1])}]  # fmt: skip
    return out


def into(start: Point, parcel: Parcel) -> LineString:
    """Straight branch from a main to one metre inside a parcel."""
    edge = shapely.shortest_line(start, parcel.geometry)
    (x0, y0), (x1, y1) = edge.coords
    d = max(edge.length, 0.001)
    return LineString([start, (round(x1 + (x1 - x0) / d, 3), round(y1 + (y1 - y0) / d, 3))])


def lateral_size(service: str) -> Row:
    """Size columns of a branch: smaller than its main, which is what counts."""
    if service in LATERAL_SIZE:
        return {"diameter_mm": LATERAL_SIZE[service]}
    return {"voltage_kv": 10.0} if service == "power" else {}
