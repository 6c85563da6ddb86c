"""The fault: one kind of flaw in one layer as columns, and the table that all faults are put into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from pyproj import CRS

from gisplan.base.ids import short_ids
from gisplan.base.labels import label, say_column

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
Shapes = npt.NDArray[np.object_]

NUMBERS = (
    "gap_m", "repair_m", "build_m", "stranded_parcels", "stranded_mu", "alone_mu", "hanging_parcels", "hanging_mu",
)  # fmt: skip
COLUMNS = (
    "id", "code", "severity", "layer", "feature", "other", "cause", *NUMBERS,
    "message_zh", "message_en", "hint_zh", "hint_en", "geometry",
)  # fmt: skip
"""What a table of faults holds, one row a fault, the one with most land at stake first.

``layer`` is a service or ``parcels``; ``feature`` and ``other`` are feature ids (parcel numbers); ``cause`` is
``drawing`` (a gap that only the drawing has), ``valve``, ``missing`` (something has to be built), ``flow``, ``status``
or blank; ``repair_m`` is the shortest repair of the data, ``build_m`` the distance that would have to be built;
``stranded_*`` is the land that a break cuts off together with what lies behind it, ``alone_mu`` what mending this one
alone brings back, ``hanging_*`` the land whose supply today depends on the feature or join.
"""


@dataclass(frozen=True)
class Found:
    """Faults of one kind in one layer.

    Attributes
    ----------
    code
        Row ``issue.<code>`` of labels.csv, whose twin ``hint.<code>`` says the cure.
    severity
        ``error``, ``warning`` or ``info``.
    layer
        Service, or ``parcels``.
    row
        Row of the layer (of the parcels) of each faulty feature; -1 for one that was set aside and is in none.
    feature, other
        Ids of the faulty features, and of what else is concerned (empty text for nothing).
    shape
        Where each fault is on the map, in the zone's system.
    values
        Texts that fill the sentences, or ``{"zh": texts, "en": texts}``; ``feature``, ``other`` and ``layer`` need not
        be given.
    numbers
        Columns of `NUMBERS` that the check itself knows.
    cause
        Causes of breaks, where they are known.
    """

    code: str
    severity: str
    layer: str
    row: Ints
    feature: Texts
    other: Texts
    shape: Shapes
    values: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    cause: Texts | None = None

    def __len__(self) -> int:
        return len(self.row)


def table(found: Sequence[Found], names: Mapping[str, tuple[str, str]], crs: CRS) -> gpd.GeoDataFrame:
    """Put faults of all kinds into one table, the one with most land at stake first.

    Parameters
    ----------
    found
        What the checks found.
    names
        Chinese and English name of each layer.
    crs
        The zone's system.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns as in `COLUMNS`, a running index.
    """
    parts = [_rows(one, names.get(one.layer, (one.layer, one.layer))) for one in found if len(one)]
    blank = pd.DataFrame({c: pd.Series(dtype="float64" if c in NUMBERS else "str") for c in COLUMNS})
    frame = pd.concat(parts, ignore_index=True) if parts else blank
    keys = frame["layer"] + "\x1f" + frame["code"] + "\x1f" + frame["feature"] + "\x1f" + frame["other"]
    frame["id"] = short_ids("F-", keys)
    frame["rank"] = frame["severity"].map({"error": 0, "warning": 1, "info": 2}).astype(float)
    land = frame[["stranded_mu", "hanging_mu"]].fillna(0.0)  # no land and land that nobody asked for are equal
    frame["stranded"], frame["hanging"] = land["stranded_mu"], land["hanging_mu"]
    order = ["stranded", "hanging", "rank", "layer", "code", "feature", "other"]
    frame = frame.sort_values(order, ascending=[False, False, True, True, True, True, True], kind="stable")
    geometry = np.asarray(frame["geometry"], dtype=object)
    return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=geometry, crs=crs).reset_index(drop=True)[
        list(COLUMNS)
    ]


def _rows(one: Found, name: tuple[str, str]) -> pd.DataFrame:
    """Put the faults of one kind into rows, with a sentence in both languages."""
    count = len(one)
    frame = pd.DataFrame(index=range(count))
    frame["code"], frame["severity"], frame["layer"] = one.code, one.severity, one.layer
    frame["feature"] = pd.Series(one.feature, dtype="str")
    frame["other"] = pd.Series(one.other, dtype="str")
    frame["cause"] = "" if one.cause is None else pd.Series(one.cause, dtype="str")
    for column in NUMBERS:
        frame[column] = np.asarray(one.numbers.get(column, np.full(count, np.nan)), dtype=float)
    for lang, title in zip(("zh", "en"), name, strict=True):
        said = {key: value[lang] if isinstance(value, Mapping) else value for key, value in one.values.items()}
        values = {key: pd.Series(value).astype("str") for key, value in said.items()}
        values |= {"feature": frame["feature"], "other": frame["other"]}
        values["layer"] = pd.Series(title, index=frame.index)
        for kind in ("message", "hint"):
            code = f"{'issue' if kind == 'message' else 'hint'}.{one.code}"
            frame[f"{kind}_{lang}"] = say_column(pd.Series(code, index=frame.index), lang, values)
    frame["geometry"] = pd.Series(one.shape, dtype=object)
    return frame


def title(code: str, lang: str) -> str:
    """Give the short name of a kind of fault (``fault.<code>`` of labels.csv)."""
    return label(f"fault.{code}").text(lang)
