"""Furnish a zone of `make_zone.py` for the whole check: sizes, levels, ground, capacities, promises, hydrants.

    python furnish.py FOLDER_OF_PARQUET FOLDER [--seed 1]

FOLDER gets GeoParquet, as the job reads it, a grid of the ground, tables and the zone.toml that belongs to them.
Everything is invented:

* mains are wider the nearer they lie to a plant, so that some parcels find room on all mains of their way, some not;
* sewers and drains fall by 4 m a kilometre towards the nearest plant or outfall, a few of them the wrong way, and some
  levels are blank; the ground lies above the higher of both and has bumps;
* plants state what they can give and what they have promised of it;
* land of several classes, in all states of supply; projects, reserving letters, and a hydrant on every water main.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from inspections import COLUMNS, PLANTS
from make_zone import CRS, SERVICES
from reading import NAMES

Floats = npt.NDArray[np.float64]

FALL = 0.004
CELL_M = 25.0
NARROW_MM, WIDE_MM, NEAR_M = 400.0, 2600.0, 6_000.0
USES = {
    "工业用地": ("M1", "M2", "M3"), "物流仓储用地": ("W",), "居住用地": ("R",), "商业服务业用地": ("B",), None: (None,),
}  # fmt: skip
STATES = {"已供": 0.3, "闲置": 0.02, "批而未供": 0.15, "拟供": 0.25, "已储": 0.2, "未收储": 0.07, None: 0.01}
CAPACITY = {
    "water": (3e6, "m3/d"), "sewage": (2e6, "m3/d"), "power": (1e7, "kW"), "gas": (1e5, "Nm3/h"), "heat": (1e4, "MW"),
}  # fmt: skip


def away(xy: Floats, plants: Floats) -> Floats:
    """Give the distance from the nearest plant, m."""
    return np.min([np.hypot(*(xy - plant).T) for plant in plants], axis=0)


def sizes(dice: np.random.Generator, service: str, mains: gpd.GeoDataFrame, plants: Floats) -> None:
    """Give mains a size, levels and what else the conditions ask for (adds columns)."""
    shapes = np.asarray(mains.geometry.array)
    far = away(shapely.get_coordinates(shapely.get_point(shapes, 0)), plants)
    for name, value in COLUMNS.get(service, {}).items():
        mains[name] = value
    if "diameter_mm" in mains:
        mains["diameter_mm"] = np.round((NARROW_MM + WIDE_MM * np.exp(-far / NEAR_M)) / 100) * 100
    if service == "power":
        mains["circuits"] = np.ceil(300 * np.exp(-far / NEAR_M))
    elif service == "telecom":
        mains["holes_total"], mains["holes_used"] = 12.0, dice.integers(6, 13, len(mains)).astype(float)
    elif service == "heat":
        mains["leg"] = "双管"
    elif service in ("sewage", "storm"):
        level = [
            1_000 + FALL * away(shapely.get_coordinates(shapely.get_point(shapes, end)), plants) for end in (0, -1)
        ]
        wrong = dice.random(len(mains)) < 0.003
        level = [np.where(wrong, level[1], level[0]), np.where(wrong, level[0], level[1])]
        mains["flow"] = np.where((level[0] >= level[1]) ^ wrong, "顺", "逆")
        mains.loc[dice.random(len(mains)) < 0.2, "flow"] = None
        for column, values in zip(("invert_from_m", "invert_to_m"), level, strict=True):
            mains[column] = np.where(dice.random(len(mains)) < 0.002, np.nan, values.round(3))


def points(service: str, mains: gpd.GeoDataFrame, plants: Floats) -> gpd.GeoDataFrame:
    """Give the plants with what they can do, and the hydrants of the water mains."""
    rows: dict[str, Any] = {
        "edge_id": [f"{service}-plant-{k}" for k in range(len(plants))], "role": "源", "kind": PLANTS[service],
    }  # fmt: skip
    if service in CAPACITY:
        most, unit = CAPACITY[service]
        rows |= {"capacity": most, "capacity_used": 0.2 * most, "capacity_unit": unit}
    table = gpd.GeoDataFrame(rows, geometry=shapely.points(plants), crs=CRS)
    if service != "water":
        return table
    places = shapely.line_interpolate_point(np.asarray(mains.geometry.array), 0.5, normalized=True)
    names = [f"hydrant-{k}" for k in range(len(places))]
    return pd.concat([table, gpd.GeoDataFrame({"edge_id": names, "role": "消防栓"}, geometry=places, crs=CRS)])


def land(dice: np.random.Generator, shapes: npt.NDArray[np.object_]) -> gpd.GeoDataFrame:
    """Give parcels a use, a state of supply and a day of delivery."""
    count = len(shapes)
    uses = dice.choice(np.array(list(USES), dtype=object), count, p=[0.6, 0.15, 0.15, 0.09, 0.01])
    classes = [USES[use][nth % len(USES[use])] for nth, use in enumerate(uses)]
    states = dice.choice(np.array(list(STATES), dtype=object), count, p=list(STATES.values()))
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(dice.integers(0, 700, count), unit="D")
    return gpd.GeoDataFrame(
        {
            "parcel": [f"P{k:06d}" for k in range(count)],
            "use": uses,
            "use_class": classes,
            "supply_status": states,
            "delivery_on": days.strftime("%Y-%m-%d"),
        },
        geometry=shapes,
        crs=CRS,
    )


def ground(folder: Path, bounds: Floats, drains: list[Floats], dice: np.random.Generator) -> None:
    """Write the ground: above the highest sewer everywhere, with bumps of half a metre."""
    import rasterio
    from rasterio.transform import from_origin

    west, south, east, north = bounds + np.array([-100, -100, 100, 100])
    x, y = np.arange(west + CELL_M / 2, east, CELL_M), np.arange(north - CELL_M / 2, south, -CELL_M)
    level = np.full((len(y), len(x)), -np.inf, dtype=np.float32)
    for plants in drains:
        near = np.full(level.shape, np.inf, dtype=np.float32)
        for px, py in plants:
            np.minimum(near, np.hypot(x[None, :] - px, y[:, None] - py).astype(np.float32), out=near)
        np.maximum(level, 1_000 + FALL * near, out=level)
    level += 3 + dice.normal(0, 0.5, level.shape).astype(np.float32)
    profile = {"driver": "GTiff", "height": len(y), "width": len(x), "count": 1, "dtype": "float32", "crs": CRS}
    place = from_origin(west, north, CELL_M, CELL_M)
    with rasterio.open(folder / "dem.tif", "w", transform=place, compress="deflate", **profile) as sink:
        sink.write(level, 1)


def papers(folder: Path, dice: np.random.Generator, count: int) -> None:
    """Write projects on one parcel in fifty, and letters that reserve power and water for one in two hundred."""
    held = dice.choice(count, count // 50, replace=False)
    names = [f"P{k:06d}" for k in held]
    projects = pd.DataFrame({"project": [f"X{k}" for k in held], "parcel": names})
    projects["power_kva"], projects["water_m3_d"] = dice.integers(100, 5_000, (2, len(held))).astype(float)
    projects["sewage_m3_d"] = 0.7 * projects["water_m3_d"]
    projects.to_csv(folder / "projects.csv", index=False)
    rows = [
        {
            "parcel": f"P{k:06d}", "service": service, "issuer": "单位", "number": f"函{k}号", "date": "2026-06-01",
            "expires": "2027-06-01", "says": "预留", "capacity": 500, "capacity_unit": unit,
        }
        for k in dice.choice(count, count // 200, replace=False)
        for service, unit in (("power", "kW"), ("water", "m3/d"))
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "evidence.csv", index=False)


def furnish(made: Path, folder: Path, seed: int = 1) -> None:
    """Write the made zone again, furnished."""
    dice = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    parcels = gpd.read_parquet(made / "parcels.parquet")
    land(dice, np.asarray(parcels.geometry.array)).to_parquet(folder / "parcels.parquet")
    sources = gpd.read_parquet(made / "sources.parquet")
    lines = [f'[zone]\ntitle = "bench"\ncrs = "{CRS}"\ndate = 2026-11-01\n[barriers]\nnone = true\n']
    lines.append("[ground]\nas_of = 2026-05-01\n")
    # Two systems fall to plants of their own, tens of kilometres away: the ground over both is far above the lower one.
    lines.append('[limits]\n"inspection.invert_below" = { value = "1000 m", basis = "assumed" }\n')
    drains = []
    for name in SERVICES:
        service = NAMES.get(name, name)
        mains = gpd.read_parquet(made / f"{name}.parquet")
        mains["edge_id"] = f"{service}-" + mains["edge_id"].astype(str)
        plants = shapely.get_coordinates(np.asarray(sources.geometry.array)[sources["service"] == name])
        if service in ("sewage", "storm"):
            drains.append(plants)
        sizes(dice, service, mains, plants)
        mains["role"] = "管线"
        together = pd.concat([mains, points(service, mains, plants)], ignore_index=True)
        together.to_parquet(folder / f"{service}.parquet")
        lines.append(f'[layer.{service}]\nstatus = "现状"\nas_of = 2026-01-31\ncolumns = {{ feature = "edge_id" }}\n')
    ground(folder, parcels.total_bounds, drains, dice)
    papers(folder, dice, len(parcels))
    (folder / "zone.toml").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("made", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    furnish(options.made, options.folder, options.seed)


if __name__ == "__main__":
    main()
