"""Make a large invented zone for measuring speed: parcels, nine networks along bent streets, sources.

    python make_zone.py 100000 FOLDER [--seed 1]

FOLDER gets one GeoParquet file a layer (``parcels`` with ``parcel_id``, ``sources`` with ``service``, one for each of
`SERVICES` with ``edge_id``) and ``zone.json`` with what was made. Same kind of zone and same layout as the zones of the
shared yardstick, drawn by other code:

* a street grid of uneven spacing, bent by smooth waves; blocks of one or two rows of parcels with shared boundaries;
* a service's mains follow the streets, two pieces a street section with four vertices each, 5 m beside the middle of
  the street; patches without cover, and some sections missing at random;
* three in ten crossings are passed by one long main, so that the side mains end on its side;
* one end in five lies up to 0.15 m off, one in a hundred stops 2 to 6 m short;
* sources on ends of mains, one a service for every 25,000 parcels.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]

SERVICES = ("road", "water", "sewer", "storm", "power", "gas", "telecom", "heat", "reuse")
# share of the streets a service covers, and share of covered sections that are missing all the same
COVER = {
    "road": (0.97, 0.02), "water": (0.93, 0.03), "sewer": (0.85, 0.05), "storm": (0.75, 0.05), "power": (0.93, 0.03),
    "gas": (0.65, 0.05), "telecom": (0.88, 0.04), "heat": (0.40, 0.06), "reuse": (0.50, 0.06),
}  # fmt: skip
CRS, SNAP_M, REACH_M = "EPSG:25831", 0.5, 50.0
STREET_M = 18.0
PARCELS_A_SOURCE = 25_000


def bend(xy: Floats) -> Floats:
    """Bend the plane smoothly, so that streets curve and blocks are irregular; neighbours stay neighbours."""
    x, y = xy[..., 0], xy[..., 1]
    east = x + 55 * np.sin(y / 1240 + 0.4) + 26 * np.sin(y / 151) + 8 * np.cos((x - y) / 67)
    north = y + 58 * np.sin(x / 1130) + 23 * np.cos(x / 163) + 7 * np.sin((x + 1.2 * y) / 71)
    return np.stack([431_000 + east, 4_581_000 + north], axis=-1)


def parcels(dice: np.random.Generator, xs: Floats, ys: Floats, count: int) -> Shapes:
    """Fill the blocks with parcels of eleven coordinates; boundaries inside a block are shared exactly."""
    column, row = (a.ravel() for a in np.meshgrid(np.arange(len(xs) - 1), np.arange(len(ys) - 1), indexing="ij"))
    west, east = xs[column] + STREET_M / 2, xs[column + 1] - STREET_M / 2
    south, north = ys[row] + STREET_M / 2, ys[row + 1] - STREET_M / 2
    rows = np.where(dice.random(len(column)) < 0.15, 1, 2)
    front = np.where(rows == 1, dice.uniform(150, 300, len(rows)), dice.uniform(55, 200, len(rows)))
    cols = np.maximum(np.where(rows == 1, 2, 1), np.rint((east - west) / front)).astype(int)
    block = np.repeat(np.arange(len(rows)), rows * cols)[:count]
    if len(block) < count:
        raise ValueError(f"only {len(block)} parcels fit into {len(rows)} blocks")
    nth = np.arange(len(block)) - np.searchsorted(block, block)
    k, r = nth // rows[block], nth % rows[block]

    def side(at: npt.NDArray[np.int64]) -> Floats:
        """Place the k-th boundary of a block: off the even spacing by an amount that both neighbours know."""
        inner = (at > 0) & (at < cols[block])
        return (at + np.where(inner, 0.25 * np.sin(78.233 * block + 12.99 * at), 0.0)) / cols[block]

    left, right, low, high = side(k), side(k + 1), r / rows[block], (r + 1) / rows[block]
    # once round: three points on the south side, two on the east side, three on the north side, two on the west side
    along = np.array([0, 1 / 3, 2 / 3, 1, 1, 1, 2 / 3, 1 / 3, 0, 0, 0])[None, :]
    up = np.array([0, 0, 0, 0, 0.5, 1, 1, 1, 1, 0.5, 0])[None, :]
    u = left[:, None] + (right - left)[:, None] * along
    v = low[:, None] + (high - low)[:, None] * up
    x = west[block][:, None] + u * (east - west)[block][:, None]
    y = south[block][:, None] + v * (north - south)[block][:, None]
    return np.asarray(shapely.polygons(bend(np.stack([x, y], axis=-1))))


def covered(dice: np.random.Generator, middle: Floats, share: float) -> npt.NDArray[np.bool_]:
    """Return which places a service covers: patches of one to six kilometres are left out."""
    field = np.zeros(len(middle))
    for _ in range(6):
        field += np.sin(middle @ (dice.normal(size=2) / dice.uniform(500, 1800)) + dice.uniform(0, 2 * math.pi))
    return field <= np.quantile(field, share)


def mains(dice: np.random.Generator, xs: Floats, ys: Floats, service: str) -> Shapes:
    """Lay the mains of one service along the streets."""
    nx, ny = len(xs), len(ys)
    # street sections in running order: all that run east, street by street, then all that run north
    ej, ei = (a.ravel() for a in np.meshgrid(np.arange(ny), np.arange(nx - 1), indexing="ij"))
    ni, nj = (a.ravel() for a in np.meshgrid(np.arange(nx), np.arange(ny - 1), indexing="ij"))
    start = np.concatenate([np.column_stack([xs[ei], ys[ej]]), np.column_stack([xs[ni], ys[nj]])])
    stop = np.concatenate([np.column_stack([xs[ei + 1], ys[ej]]), np.column_stack([xs[ni], ys[nj + 1]])])
    street = np.concatenate([ej, -1 - ni])
    share, missing = COVER[service]
    kept = covered(dice, (start + stop) / 2, share) & (dice.random(len(start)) >= missing)
    manhole = dice.uniform(0.4, 0.6, len(start))
    # two pieces a section: start to manhole, manhole to stop
    piece = np.flatnonzero(np.repeat(kept, 2))
    section, second = piece // 2, piece % 2 == 1
    low, high = np.where(second, manhole[section], 0.0), np.where(second, 1.0, manhole[section])
    # a main that passes a crossing: this piece goes on from the one before it on the same street
    goes_on = np.zeros(len(piece), dtype=bool)
    goes_on[1:] = (piece[1:] == piece[:-1] + 1) & ~second[1:] & (street[section[1:]] == street[section[:-1]])
    goes_on &= (street[section] >= 0) & (dice.random(len(piece)) < 0.3)
    share_along = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 4)
    xy = start[section][:, None, :] + share_along[..., None] * (stop - start)[section][:, None, :]
    angle = 0.7 * SERVICES.index(service)
    xy = bend(xy) + (0 if service == "road" else 5.0) * np.array([math.cos(angle), math.sin(angle)])
    line = np.repeat(np.cumsum(~goes_on) - 1, 4)
    use = np.ones((len(piece), 4), dtype=bool)
    use[goes_on, 0] = False
    xy, line = xy.reshape(-1, 2)[use.ravel()], line[use.ravel()]
    shift_ends(dice, xy, line)
    return np.asarray(shapely.linestrings(xy, indices=line))


def shift_ends(dice: np.random.Generator, xy: Floats, line: npt.NDArray[np.int64]) -> None:
    """Move some ends off by a hand's breadth, and draw a few back by metres (changes `xy`)."""
    first = np.flatnonzero(np.diff(line, prepend=-1))
    last = np.append(first[1:], len(line)) - 1
    end, inner = np.concatenate([first, last]), np.concatenate([first + 1, last - 1])
    off = dice.random(len(end)) < 0.2
    xy[end[off]] += dice.uniform(-0.15, 0.15, (off.sum(), 2))
    short = dice.random(len(end)) < 0.01
    way = xy[inner[short]] - xy[end[short]]
    xy[end[short]] += way / np.hypot(*way.T)[:, None] * dice.uniform(2, 6, short.sum())[:, None]


def make(count: int, folder: Path, seed: int = 1) -> dict[str, Any]:
    """Make a zone of `count` parcels and write it into `folder`."""
    dice = np.random.default_rng(seed)
    blocks = max(4, math.ceil(count / 7 * 1.08) + 8)
    nx = math.ceil(math.sqrt(blocks))
    ny = math.ceil(blocks / nx)
    xs = np.concatenate([[0.0], np.cumsum(dice.uniform(280, 620, nx))])
    ys = np.concatenate([[0.0], np.cumsum(dice.uniform(220, 420, ny))])
    land = parcels(dice, xs, ys, count)
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"parcels": gpd.GeoDataFrame({"parcel_id": np.arange(count)}, geometry=land, crs=CRS)}
    spots, owner = [], []
    for service in SERVICES:
        lines = mains(dice, xs, ys, service)
        tables[service] = gpd.GeoDataFrame({"edge_id": np.arange(len(lines))}, geometry=lines, crs=CRS)
        number = max(1, round(count / PARCELS_A_SOURCE))
        spots.append(shapely.get_point(lines[dice.choice(len(lines), number, replace=False)], 0))
        owner += [service] * number
    tables["sources"] = gpd.GeoDataFrame({"service": owner}, geometry=np.concatenate(spots), crs=CRS)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    edges = {service: len(tables[service]) for service in SERVICES}
    about = {"parcels": count, "edges": edges, "edges_total": sum(edges.values()), "sources": len(owner)}
    about |= {"tol": SNAP_M, "maxdist": REACH_M, "seed": seed, "invalid": int((~shapely.is_valid(land)).sum())}
    (folder / "zone.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
    return about


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parcels", type=lambda text: int(float(text)))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(make(options.parcels, options.folder, options.seed)))


if __name__ == "__main__":
    main()
