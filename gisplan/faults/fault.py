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
from gisplan.base.labels import fill

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
    columns = {name: np.concatenate([np.empty(0, dtype=object), *(part[name] for part in parts)]) for name in _MADE}
    keys = columns["layer"] + "\x1f" + columns["code"] + "\x1f" + columns["feature"] + "\x1f" + columns["other"]
    columns["id"] = np.array(short_ids("F-", keys), dtype=object)
    columns |= {name: columns[name].astype(float) for name in NUMBERS}
    # No land, and land that nobody asked for, are equal.
    stranded, hanging = (np.nan_to_num(columns[name]) for name in ("stranded_mu", "hanging_mu"))
    rank = pd.Series(columns["severity"], dtype=object).map({"error": 0, "warning": 1, "info": 2}).to_numpy(dtype=float)
    order = np.lexsort((rank, -hanging, -stranded))  # equals stay as the checks found them
    geometry = columns.pop("geometry")[order]
    frame = pd.DataFrame({name: columns[name][order] for name in COLUMNS if name != "geometry"})
    texts = [name for name in frame.columns if name not in NUMBERS]
    return gpd.GeoDataFrame(frame.astype(dict.fromkeys(texts, "str")), geometry=geometry, crs=crs)[list(COLUMNS)]


_MADE = tuple(name for name in COLUMNS if name != "id")


def _rows(one: Found, name: tuple[str, str]) -> dict[str, Texts]:
    """Put the faults of one kind into columns, with a sentence in both languages."""
    count = len(one)
    said = {"code": one.code, "severity": one.severity, "layer": one.layer}
    out: dict[str, Any] = {column: np.full(count, text, dtype=object) for column, text in said.items()}
    out["feature"], out["other"] = _texts(one.feature), _texts(one.other)
    out["cause"] = np.full(count, "", dtype=object) if one.cause is None else _texts(one.cause)
    for column in NUMBERS:
        out[column] = np.asarray(one.numbers.get(column, np.full(count, np.nan)), dtype=object)
    for lang, title in zip(("zh", "en"), name, strict=True):
        values = {
            key: _texts(value[lang] if isinstance(value, Mapping) else value) for key, value in one.values.items()
        }
        values |= {"feature": out["feature"], "other": out["other"], "layer": np.full(count, title, dtype=object)}
        for kind, start in (("message", "issue"), ("hint", "hint")):
            out[f"{kind}_{lang}"] = fill(f"{start}.{one.code}", lang, count, values)
    out["geometry"] = np.asarray(one.shape, dtype=object)
    return out


def _texts(values: Any) -> Texts:
    """Write values as texts."""
    return np.asarray(pd.Series(values, dtype=object).astype("str"), dtype=object)
