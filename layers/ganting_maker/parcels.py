"""Parcels of the invented zone: blocks cut into strips, strips into parcels, corridors cut out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from shapely import MultiPolygon, Polygon
from shapely.ops import unary_union

from ganting_maker.frame import CQ, GT, STEP, Site, expressway, rail

SUB_PARKS = {"A": "绿色智造", "B": "光电新材料", "C": "新能源", "D": "节能环保", "E": "数字经济"}
MU_M2 = 2000.0 / 3.0
SMALLEST_M2 = 10.2 * MU_M2
"""What a corridor cuts off below this area stays green belt, not a parcel."""

THREE = (0.2, 0.4, 0.4)
"""Shares of a strip in the eastern column: a narrow first parcel, so that the next ones see their own street only."""

STRIPS: dict[tuple[str, int, int, str], tuple[float, ...]] = {
    ("GT", 2, 1, "S"): (0.3, 0.36, 0.34),
    ("GT", 5, 1, "N"): (0.33, 0.34, 0.33),
    ("GT", 5, 2, "S"): (0.33, 0.34, 0.33),
    ("GT", 2, 5, "*"): (0.3, 0.4, 0.3),
    ("GT", 3, 5, "*"): (0.45, 0.55),
    ("GT", 4, 5, "*"): (0.5, 0.5),
    ("GT", 5, 5, "*"): (0.48, 0.52),
    ("GT", 6, 5, "*"): (0.24, 0.4, 0.36),
    ("GT", 4, 3, "N"): (0.14, 0.43, 0.43),
    ("GT", 3, 2, "N"): (0.12, 0.44, 0.44),
    ("GT", 3, 2, "S"): (0.5, 0.5),
    ("GT", 2, 3, "S"): (0.25, 0.4, 0.35),
    ("GT", 2, 3, "N"): (0.16, 0.44, 0.4),
    ("GT", 3, 4, "S"): (0.52, 0.48),
    ("GT", 3, 4, "N"): (0.3, 0.4, 0.3),
    ("GT", 4, 4, "S"): (0.5, 0.5),
    ("GT", 4, 4, "N"): (0.4, 0.6),
    ("GT", 5, 3, "N"): (1.0,),
    ("GT", 5, 3, "S"): (0.3, 0.34, 0.36),
    ("GT", 4, 1, "S"): (0.2, 0.2, 0.25, 0.35),
    ("GT", 2, 4, "S"): (0.48, 0.52),
    ("GT", 5, 4, "S"): (0.36, 0.34, 0.3),
    ("GT", 2, 2, "N"): (0.5, 0.5),
    ("CQ", 1, 1, "S"): (0.5, 0.5),
    ("CQ", 3, 1, "S"): (0.45, 0.55),
    ("CQ", 2, 1, "N"): (0.2, 0.8),
    ("CQ", 2, 2, "N"): (0.45, 0.17, 0.38),
    ("CQ", 2, 2, "S"): (0.83, 0.17),
    ("CQ", 3, 2, "N"): (0.4, 0.26, 0.34),
    ("CQ", 1, 2, "N"): (0.4, 0.6),
}
SHARES: dict[tuple[str, int, int], float] = {
    ("GT", 5, 3): 0.2, ("GT", 2, 2): 0.4, ("GT", 3, 4): 0.52, ("GT", 4, 1): 0.22,
}  # fmt: skip
"""Part of a block's depth that its southern strip takes."""


@dataclass(frozen=True)
class Parcel:
    """One parcel as drawn: `slot` is (site, column, row, strip, place in the strip, side of the railway)."""

    parcel: str
    slot: tuple[str, int, int, str, int, str]
    sub_park: str
    county: str
    geometry: Polygon


def sub_park(site: str, c: int, r: int) -> str:
    """Letter of the sub-park that holds a block."""
    if site == "CQ":
        return "E"
    if r == 1 or (r == 2 and c >= 3):
        return "D"
    return "A" if c <= 2 else "B" if c <= 4 else "C"


def cells(site: Site, rng: np.random.Generator) -> list[tuple[tuple[int, int, str, int], Polygon]]:
    """Cut every block into strips and parcels, as map polygons that share their vertices."""
    out: list[tuple[tuple[int, int, str, int], Polygon]] = []
    for r in range(1, len(site.vs)):
        for c in range(1, len(site.us)):
            west, south, east, north = site.block(c, r)
            share = SHARES.get((site.key, c, r), float(rng.choice([0.42, 0.5, 0.55])))
            middle = south + share * (north - south)
            whole = site.key == "GT" and r == 5  # the expressway parts these blocks
            rows = [("*", south, north)] if whole else [("S", south, middle), ("N", middle, north)]
            parts = {s: _shares(site.key, c, r, s, rng) for s, _, _ in rows}
            cuts = {s: west + (east - west) * np.cumsum((0.0, *p)) for s, p in parts.items()}
            us = np.unique(np.concatenate([*cuts.values(), np.arange(west, east, STEP)]).round(6))
            vs = np.unique(np.concatenate([[south, middle, north], np.arange(south, north, STEP)]).round(6))
            for s, v0, v1 in rows:
                for k in range(len(parts[s])):
                    out.append(((c, r, s, k), _outline(site, (cuts[s][k], v0, cuts[s][k + 1], v1), us, vs)))
    return out


def _shares(site: str, c: int, r: int, strip: str, rng: np.random.Generator) -> tuple[float, ...]:
    """Widths of the parcels of a strip as shares of one."""
    drawn = rng.choice(4, p=[0.3, 0.48, 0.2, 0.02])
    if (site, c, r, strip) in STRIPS:
        return STRIPS[site, c, r, strip]
    if site == "GT" and c == 1:
        return (1.0,)
    if site == "GT" and c == 6:
        return THREE
    if site == "CQ":
        return (0.48, 0.52)
    return ((1.0,), (0.46, 0.54), (0.3, 0.38, 0.32), (0.2, 0.28, 0.24, 0.28))[int(drawn)]


def _outline(site: Site, bounds: tuple[float, float, float, float], us: np.ndarray, vs: np.ndarray) -> Polygon:
    """Bent rectangle whose sides carry every vertex of its block, so that neighbours share them exactly."""
    u0, v0, u1, v1 = (round(float(b), 6) for b in bounds)
    across = [float(u) for u in us if u0 < u < u1]
    along = [float(v) for v in vs if v0 < v < v1]
    ring = [(u0, v0), *[(u, v0) for u in across], (u1, v0), *[(u1, v) for v in along], (u1, v1)]
    ring += [*[(u, v1) for u in reversed(across)], (u0, v1), *[(u0, v) for v in reversed(along)]]
    return Polygon([site.place(*p) for p in ring])


def draw(seed: int) -> list[Parcel]:
    """All parcels, numbered like control-plan parcels: site, sub-park, block, parcel."""
    rng = np.random.default_rng(seed)
    track, motorway = rail(), expressway()
    gone = unary_union([track.buffer(18.0, cap_style="flat"), motorway.buffer(42.0, cap_style="flat")])
    out: list[Parcel] = []
    numbers: dict[str, int] = {}
    for site in (GT, CQ):
        blocks: dict[tuple[int, int], list[tuple[str, int, str, Polygon]]] = {}
        for (c, r, strip, k), shape in cells(site, rng):
            rest = shape.difference(gone) if site.key == "GT" else shape
            pieces = list(rest.geoms) if isinstance(rest, MultiPolygon) else [rest]
            for piece in pieces:
                if piece.area < SMALLEST_M2:
                    continue
                at = piece.representative_point()
                s = strip if strip != "*" else ("N" if _above(at.x, at.y, motorway) else "S")
                side = "" if site.key == "CQ" or c > 1 else ("W" if _left(at.x, at.y, track) else "E")
                blocks.setdefault((c, r), []).append((s, k, side, piece))
        for (c, r), rows in sorted(blocks.items(), key=lambda item: (-item[0][1], item[0][0])):
            letter = sub_park(site.key, c, r)
            numbers[site.key + letter] = numbers.get(site.key + letter, 0) + 1
            order = sorted(rows, key=lambda row: (row[0], row[2] != "W", row[1]))
            for n, (s, k, side, piece) in enumerate(order, start=1):
                name = f"{site.key}-{letter}-{numbers[site.key + letter]:02d}-{n:02d}"
                out.append(Parcel(name, (site.key, c, r, s, k, side), SUB_PARKS[letter], site.county, rounded(piece)))
    shape = Polygon([GT.place(*p) for p in ((4560, 330), (4745, 318), (4752, 515), (4650, 528), (4560, 512))])
    out.append(Parcel("GT-D-99-01", ("GT", 99, 1, "S", 0, ""), SUB_PARKS["D"], GT.county, shape))
    return out


def rounded(shape: Polygon) -> Polygon:
    """Shape with millimetre coordinates."""
    return Polygon([(round(x, 3), round(y, 3)) for x, y in shape.exterior.coords])


def _above(x: float, y: float, line: object) -> bool:
    xs, ys = line.xy  # type: ignore[attr-defined]
    return bool(y > np.interp(x, xs, ys))


def _left(x: float, y: float, line: object) -> bool:
    xs, ys = line.xy  # type: ignore[attr-defined]
    return bool(x < np.interp(y, ys, xs))
