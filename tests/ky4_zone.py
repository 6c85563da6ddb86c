"""Lay the shared ky4 water network into a zone folder, with parcels that are made up here: ky4 itself has none."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from shared_data import shared

HERE = Path(__file__).parent / "ky4"
CRS = "EPSG:3546"
FILES = ("disconnected_pipes", "disconnected_pumps", "reservoirs", "tanks")
OFF_M, DEEP_M = 20.0, 80.0
WIDE_M = (60.0, 160.0)
"""A parcel lies 20 m beside its pipe, is 80 m deep and 60 m to 160 m wide."""


def make_ky4(folder: Path, snap: str = "15 m") -> Path:
    """Write zone.toml, the pipes as drawn, and parcels along them; the same in every run.

    Parameters
    ----------
    folder
        Where to; it is made.
    snap
        How far apart ends may lie that are joined.
    """
    data = shared("ky4")
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(data / f"ky4_{name}.geojson", folder / f"ky4_{name}.geojson")
    said = (HERE / "zone.toml").read_text(encoding="utf-8")
    (folder / "zone.toml").write_text(said.replace('snap = "15 m"', f'snap = "{snap}"'), encoding="utf-8")
    pipes = gpd.read_file(data / "ky4_pipes.geojson").to_crs(CRS)
    parcels_along(pipes.geometry.to_numpy()).to_file(folder / "parcels.geojson")
    return folder


def parcels_along(lines: np.ndarray) -> gpd.GeoDataFrame:
    """Put a parcel on the left of every line that is long enough, unless it would lie on a line or another parcel."""
    length = shapely.length(lines)
    tree = shapely.STRtree(lines)
    lines, length = lines[length >= WIDE_M[0]], length[length >= WIDE_M[0]]
    half = np.minimum(length, WIDE_M[1]) / 2
    ends = [shapely.get_coordinates(shapely.line_interpolate_point(lines, length / 2 + way * half)) for way in (-1, 1)]
    along = (ends[1] - ends[0]) / np.maximum(np.linalg.norm(ends[1] - ends[0], axis=1), 1e-9)[:, None]
    left = np.column_stack([-along[:, 1], along[:, 0]])
    corners = [ends[0] + OFF_M * left, ends[1] + OFF_M * left]
    corners += [corners[1] + DEEP_M * left, corners[0] + DEEP_M * left]
    boxes = shapely.polygons(np.stack(corners, axis=1))
    bare = np.ones(len(boxes), dtype=bool)
    bare[tree.query(boxes, predicate="intersects")[0]] = False
    boxes = boxes[bare]
    a, b = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    kept = np.ones(len(boxes), dtype=bool)
    for first, second in zip(a[a < b], b[a < b], strict=True):
        kept[second] &= not kept[first]
    boxes = boxes[kept]
    numbers = [f"KY{i:04d}" for i in range(1, len(boxes) + 1)]
    return gpd.GeoDataFrame({"parcel": numbers, "use": "工业用地"}, geometry=list(boxes), crs=CRS)
