"""Leftovers: what still stands on the land (房屋、坟墓、杆线), drawn as constraints of kind ``obstacle``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.reading.survey import Survey

_KIND = "obstacle"


@dataclass(frozen=True)
class Leftovers:
    """What still stands on each parcel; arrays with one entry a parcel.

    Attributes
    ----------
    clear
        1 where nothing stands on it, 0 where something does; NaN where nobody knows.
    count
        How many obstacles are drawn on it.
    names
        Which; empty where there are none.
    """

    clear: npt.NDArray[np.float64]
    count: npt.NDArray[np.int64]
    names: npt.NDArray[np.object_]


def leftovers(survey: Survey) -> Leftovers:
    """Look for obstacles on every parcel.

    A parcel without any is clear only where the obstacles were declared to be surveyed in full, none lost its shape in
    reading, and nothing lies on the parcel of which the kind is not known.
    """
    n = len(survey.parcels)
    dossier, table = survey.dossier, survey.dossier.constraints
    names = np.full(n, "", dtype=object)
    full = _KIND in dossier.checked and not dossier.lost
    if table is None:
        return Leftovers(np.full(n, 1.0 if full else np.nan), np.zeros(n, dtype=np.int64), names)
    known = table["kind"].notna().to_numpy()
    mine = (table["kind"] == _KIND).fillna(False).to_numpy(dtype=bool)
    rows = np.flatnonzero(mine | ~known)
    shapes = np.asarray(survey.parcels.geometry.array)
    tree = shapely.STRtree(np.asarray(table.geometry.array)[rows])
    parcel, at = tree.query(shapes, predicate="intersects")
    # A wall that only touches the boundary stands on the land beside it.
    on = ~shapely.touches(shapes[parcel], np.asarray(table.geometry.array)[rows[at]])
    parcel, row = parcel[on], rows[at[on]]
    doubt, sure = parcel[~known[row]], mine[row]
    parcel, row = parcel[sure], row[sure]
    count = np.bincount(parcel, minlength=n)
    clear = np.full(n, 1.0 if full else np.nan)
    clear[doubt] = np.nan
    clear[count > 0] = 0.0
    if len(parcel):
        said = pd.Series(table["name"].fillna("").astype(str).to_numpy(dtype=object)[row])
        said = said.where(said != "", pd.Series(table.index.to_numpy(dtype=object)[row]))
        joined = said.groupby(parcel).agg(lambda texts: "、".join(dict.fromkeys(texts)))
        names[joined.index.to_numpy()] = joined.to_numpy(dtype=object)
    return Leftovers(clear, count, names)
