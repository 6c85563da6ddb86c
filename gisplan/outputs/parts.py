"""Parts of a large zone: one page per sub-park, each with everything of its parcels, and none left out.

A zone of many parcels has an overview page with the answers alone; mains, ways, gaps and reasons of all of them would
be more than a browser opens. They stand in the pages of the parts.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.outputs.block import ONE_PAGE
from gisplan.outputs.bundle import bundle
from gisplan.outputs.tables import Tables

Ints = npt.NDArray[np.int64]
_PAGE = re.compile(r"part-\d+\.html")

MOST = 5_000
"""Parcels of one part: a sub-park that has more is cut along its longer side."""
MARGIN_M = 100.0
"""How far around its parcels a part shows mains, joins and faults [m]."""


@dataclass(frozen=True)
class Part:
    """One part of a zone.

    Attributes
    ----------
    file
        Name of its page: a number, no text of the zone's.
    name
        The sub-park as the zone names it; blank for parcels of none.
    rows
        Positions of its parcels in the zone.
    """

    file: str
    name: str
    rows: Ints


def parts(parcels: gpd.GeoDataFrame) -> list[Part]:
    """Divide a zone by its sub-parks; a zone that one page can hold has no parts.

    Parameters
    ----------
    parcels
        The zone's parcels: ``sub_park`` and geometry.

    Returns
    -------
    list of Part
        In the order in which sub-parks come first; every parcel is in exactly one.
    """
    if len(parcels) <= ONE_PAGE:
        return []
    code, names = pd.factorize(parcels["sub_park"].fillna("").astype(str))
    centres = np.nan_to_num(shapely.get_coordinates(_centres(parcels)))
    found = [
        (str(names[number]), rows)
        for number in range(len(names))
        for rows in _cut(np.flatnonzero(code == number), centres)
    ]
    digits = len(str(len(found)))
    return [Part(f"part-{i + 1:0{digits}d}.html", name, rows) for i, (name, rows) in enumerate(found)]


def _centres(parcels: gpd.GeoDataFrame) -> npt.NDArray[np.object_]:
    """Give a point of every parcel, also of one without a shape."""
    centres = np.asarray(shapely.centroid(np.asarray(parcels.geometry.array)))
    lost = shapely.is_missing(centres) | shapely.is_empty(centres)
    return np.where(lost, shapely.Point(0, 0), centres)


def _cut(rows: Ints, centres: npt.NDArray[np.float64]) -> Iterator[Ints]:
    """Halve along the longer side until every piece is small enough."""
    if len(rows) <= MOST:
        yield rows
        return
    mine = centres[rows]
    along = int(np.argmax(np.ptp(mine, axis=0)))
    order = np.argsort(mine[:, along], kind="stable")
    half = len(rows) // 2
    yield from _cut(np.sort(rows[order[:half]]), centres)
    yield from _cut(np.sort(rows[order[half:]]), centres)


def tables_of(tables: Tables, part: Part, back: str) -> Tables:
    """Keep what the page of a part shows: all of its parcels, and what lies about them.

    Parameters
    ----------
    tables
        Those of the whole zone.
    part
        From `parts`.
    back
        Name of the whole zone's page.
    """
    chosen = tables.parcels.iloc[part.rows]
    west, south, east, north = chosen.total_bounds
    around = shapely.box(west - MARGIN_M, south - MARGIN_M, east + MARGIN_M, north + MARGIN_M)
    own: dict[str, Any] = {}
    for name in ("features", "joins", "faults"):
        frame: gpd.GeoDataFrame = getattr(tables, name)
        own[name] = frame.iloc[np.sort(frame.sindex.query(around, predicate="intersects"))].reset_index(drop=True)
    few = bundle(tables, chosen.index.tolist())
    about = tables.about | {"part": part.name, "back": back}
    return replace(few, about=about, **own)


def folder_of(path: Path) -> Path:
    """Give the folder beside a map that holds the pages of its parts."""
    return path.with_name(f"{path.stem}_parts")


@dataclass(frozen=True)
class Directory:
    """Where the pages of the parts lie, seen from the page of the whole zone."""

    folder: str
    parts: list[Part]


def entries(directory: Directory | None, count: int) -> dict[str, Any] | None:
    """Give what the page needs to lead to the parts: their files and names, and the part of every parcel."""
    if directory is None or not directory.parts:
        return None
    of = np.full(count, -1, dtype=np.int64)
    for number, part in enumerate(directory.parts):
        of[part.rows] = number
    return {
        "folder": directory.folder,
        "file": [part.file for part in directory.parts],
        "name": [part.name for part in directory.parts],
        "of": of.tolist(),
    }


def sweep_parts(folder: Path, written: Collection[str]) -> None:
    """Remove the pages of parts that an earlier zone had and this one has not; nothing else in the folder."""
    if not folder.is_dir():
        return
    for old in folder.iterdir():
        if _PAGE.fullmatch(old.name) and f"{folder.name}/{old.name}" not in written and old.is_file():
            old.unlink()
    with contextlib.suppress(OSError):  # something of somebody else's is in it
        folder.rmdir()
