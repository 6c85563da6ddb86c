"""Tables that are written by hand, in `data/`: works, plants, papers, investors, firms, assessments, sub-parks."""

from __future__ import annotations

import csv
from typing import Any

from ganting_maker.land import area_mu, find, slot
from ganting_maker.parcels import Parcel
from ganting_maker.story import DATA


def table(name: str, parcels: list[Parcel]) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """Read a table; a place such as ``GT 4 2 N 0`` in the column `parcel` becomes the id of that parcel."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        rows: list[dict[str, Any]] = list(csv.DictReader(stream))
    for row in rows:
        if row.get("parcel"):
            site, c, r, strip, k = row["parcel"].split()
            parcel = find(parcels, slot(site, int(c), int(r), strip, int(k)))
            row["parcel"] = parcel.parcel
            if "area_mu" in row:
                row["area_mu"] = round(area_mu(parcel), 2)
    return tuple(rows[0]), rows
