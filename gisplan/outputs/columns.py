"""Columns of the files that leave gisplan: which there are, what they are called, and which texts are safe to write."""

from __future__ import annotations

import datetime as dt
import math
import numbers
import re
from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gisplan.base.labels import label, say
from gisplan.faults.fault import COLUMNS
from gisplan.judging.surface.earthwork import COLUMNS as EARTHWORK_COLUMNS
from gisplan.land.check import COLUMNS as LAND_COLUMNS
from gisplan.networks.joints import NOISE_M

READINESS = (
    "parcel",
    "area_mu",
    "supply_status",
    "ready",
    "ready_by_delivery",
    "ready_on",
    "connected_count",
    "required_count",
)
FINDINGS = (
    "parcel",
    "service",
    "condition",
    "weight",
    "value",
    "unit",
    "limit",
    "verdict",
    "grade",
    "feature",
    "works",
    "ready_on",
    "basis",
    "clause",
    "reason_zh",
    "reason_en",
)
GAPS = (
    "parcel",
    "service",
    "grade",
    "length_m",
    "from_feature",
    "responsible_zh",
    "responsible_en",
    "unit_price_cny",
    "estimate_cny",
    "basis",
    "reason_zh",
    "reason_en",
)
FAULTS = tuple(name for name in COLUMNS if name != "geometry")
JOINS = (
    "id",
    "service",
    "feature",
    "other",
    "kind",
    "gap_m",
    "doubt",
    "undone",
    "hanging_parcels",
    "hanging_mu",
)
LIMITS = (
    "service",
    "what",
    "label_zh",
    "label_en",
    "limit",
    "unit",
    "basis",
    "code",
    "clause",
    "sure",
    "weight",
    "overridden",
    "former",
    "uses",
)
LEDGER = (
    "service",
    "feature",
    "kind",
    "unit",
    "capacity",
    "used",
    "promised",
    "most",
    "left",
    "reserve_pct",
    "holders",
    "last_holder",
    "refused",
)
HOLDERS = ("service", "feature", "place", "parcel", "basis", "load", "left_after")
EARTHWORK = ("parcel", *EARTHWORK_COLUMNS)
LAND = ("parcel", *LAND_COLUMNS)
DUE = ("days_left", "due", "kind", "parcel", "service", "feature", "what", "number", "issuer", "responsible")
NOTES = (
    "status", "parcel", "service", "kind", "mark", "text", "reviewer", "at", "noted_parcel", "seen", "now", "disputed",
    "why_zh", "why_en", "file",
)  # fmt: skip
GRADES = ("A", "B", "C", "D", "U", "N")

# What no file or terminal should carry: control characters but tab and line ends, lone surrogates, non-characters.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    r"""Put U+FFFD in place of characters that no file format or terminal takes well.

    >>> printable("a\x1b[31mb") == "a\ufffd[31mb"
    True
    """
    return _UNPRINTABLE.sub("\ufffd", text)


def blank(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, NaT or NA."""
    return value is None or bool(pd.isna(value))


def day(value: Any) -> str:
    """Write a date as ISO 8601; nothing for a missing one.

    >>> day(pd.Timestamp("2026-11-01")), day(pd.NaT)
    ('2026-11-01', '')
    """
    if blank(value):
        return ""
    if isinstance(value, dt.date):  # datetime and pandas' Timestamp are dates too
        return value.strftime("%Y-%m-%d")
    return str(value)


def word(kind: str, code: Any, lang: str) -> str:
    """Give the word for a code (``grade``, ``A`` → 已通); a code without a word stays as it is.

    >>> word("grade", "A", "en"), word("grade", None, "en"), word("grade", "?", "en")
    ('connected', '', '?')
    """
    if blank(code):
        return ""
    found = label(f"{kind}.{code}")
    return str(code) if found.zh == f"{kind}.{code}" else found.text(lang)


def heading(column: str, lang: str, services: pd.DataFrame | None = None) -> str:
    """Give the heading of a column: a service's own label, else our word for it, else its ASCII name."""
    if services is not None and column in services.index:
        zh, en = str(services.at[column, "zh"]), str(services.at[column, "en"])
        return {"zh": zh, "en": en}.get(lang, f"{zh} {en}")
    return word("column", column, lang)


def layer_name(layer: str, lang: str, services: pd.DataFrame) -> str:
    """Give the name of what a fault is in: a service, or the parcels."""
    return heading(layer, lang, services) if layer in services.index else word("in", layer, lang)


def pick(pair: Mapping[str, Any] | Any, lang: str) -> str:
    """Give the side of a ``{zh, en}`` pair that a language asks for; ``both`` gives both, once if they are equal."""
    if not isinstance(pair, Mapping):
        return "" if pair is None else str(pair)
    zh, en = str(pair.get("zh") or pair.get("en") or ""), str(pair.get("en") or pair.get("zh") or "")
    if lang == "both":
        return zh if zh == en else f"{zh} {en}"
    return zh if lang == "zh" else en


def guessed(joins: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Keep the joins that close a gap which the survey does not: what a map shows, and a planner looks at."""
    return joins[joins["kind"].isin(["end_end", "end_side"]) & (joins["gap_m"].astype(float) > NOISE_M)]


def title(about: Mapping[str, Any], lang: str) -> str:
    """Give the title of the zone; an invented one says so, once."""
    text, mark = pick(about.get("title"), lang), say("mark.invented", lang)
    told = any(word in text for word in (say("mark.invented", "zh"), say("mark.invented", "en").casefold()))
    return f"{text} · {mark}" if about.get("invented") and not told else text


def by_language(columns: tuple[str, ...], lang: str) -> list[str]:
    """Leave out the columns of the language that was not asked for."""
    other = {"zh": "_en", "en": "_zh"}.get(lang)
    return [c for c in columns if other is None or not c.endswith(other)]


def present(frame: pd.DataFrame, columns: tuple[str, ...] | list[str]) -> pd.DataFrame:
    """Take columns in a fixed order; one that is not there comes out blank, so that a file's columns never vary."""
    return frame.reindex(columns=list(columns))


def numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the parcel numbers, which are the index, into a column; they stay what they are, odd characters and all."""
    ids = pd.Series(frame.index.to_numpy(dtype=object), dtype=object)
    kept = frame.reset_index(drop=True)
    kept.insert(0, "parcel", ids)
    return kept


def spots(frame: gpd.GeoDataFrame, layer: str) -> pd.Index:
    """Give a key for each row: its layer, its two features, and its place to a millimetre.

    A join and the fault that speaks of it have the same; two features may be joined at both ends.
    """
    shapes = shapely.centroid(np.asarray(frame.geometry.array, dtype=object))
    whole = np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)]) * 1000
    places = np.rint(np.where(np.isfinite(whole), whole, 0)).astype(np.int64).astype(str).astype(object)
    parts = [frame[name].to_numpy(dtype=object) for name in (layer, "feature", "other")]
    keys = ("\x1f".join(map(str, key)) for key in zip(*parts, *places.T, strict=True))
    return pd.Index(list(keys), dtype=object)


def plain(value: Any) -> Any:
    """Turn a value of pandas, numpy or Python into what JSON knows; NaN and infinity become null.

    >>> plain({"a": (1, float("inf")), "b": pd.Timestamp("2026-11-01")})
    {'a': [1, None], 'b': '2026-11-01'}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if blank(value):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return round(float(value), 6) if math.isfinite(value) else None
    return printable(day(value))
