"""Flaws: what is wrong with a layer as it stands in its file, told by the checks that a zone's layers go through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gisplan.base.issues import Issue, issue
from gisplan.base.labels import say
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.geometry import Placed, areas, misfit, pieces, sound, typical
from gisplan.reading.places.coordinates import Gate, crs_title
from gisplan.reading.places.systems import CHINA
from gisplan.reading.refusals import listing
from gisplan.reading.words import lost_digits
from gisplan.reading.zone_file import Place

_DEGREE = 1.0
"""Degrees by which coordinates may leave the area that their system is made for."""
_LATITUDES = (3.0, 54.0)
_WKT = re.compile(
    r"\s*(SRID=\d+;)?\s*((MULTI)?(POINT|LINESTRING|POLYGON|CURVE|SURFACE)|GEOMETRYCOLLECTION|CIRCULARSTRING"
    r"|COMPOUNDCURVE|CURVEPOLYGON|POLYHEDRALSURFACE|TIN|TRIANGLE)\s*(Z|M|ZM)?\s*(\(|EMPTY)",
    re.IGNORECASE,
)
_GARBLED = re.compile("\ufffd|锟斤拷|烫烫烫|屯屯屯|[\u00c0-\u00ff][\u0080-\u00bf]|[\u00c0-\u00ff]{2}[\u00a1-\u00ff]{2}")
"""Replacement characters, GBK taken for something else twice over, and UTF-8 or GBK taken for Latin-1."""


@dataclass(frozen=True)
class Flaw:
    """One kind of flaw in one layer: its record, how many features it touches, and the first of them.

    Attributes
    ----------
    record
        The issue record, with the sentence and its cure.
    count
        How many features; 0 where the flaw is the layer's or the file's as a whole.
    features
        The file's own numbers of all of them.
    """

    record: Issue
    count: int = 0
    features: tuple[str, ...] = ()


def flaws_of(raw: RawLayer, lang: str) -> list[Flaw]:
    """List what is wrong with a layer."""
    place = (raw.file, raw.layer, "")
    out = list(_cells(raw, place, lang))
    if len(raw.table) == 0:
        out.append(Flaw(issue("layer_bare", "error", "noted", place, lang)))
    if raw.geometry is None:
        out.append(Flaw(issue("no_shapes", "info", "noted", place, lang)))
        return out
    shapes, reason = sound(raw)
    for code in ("geometry_null", "geometry_broken", "geometry_empty", "geometry_infinite"):
        out.extend(_some(raw, reason == code, code, "error", lang))
    out.extend(_drawn(raw, shapes, reason, lang))
    out.extend(_where(raw, shapes, lang))
    return out


def _some(raw: RawLayer, hit: np.ndarray, code: str, severity: str, lang: str) -> Iterator[Flaw]:
    """Make the flaw of some features, where there are any."""
    if hit.any():
        features = tuple(str(fid) for fid in raw.fids[hit].tolist())
        record = issue(
            code, severity, "noted", (raw.file, raw.layer, ""), lang,
            count=len(features), features=listing(features),
        )  # fmt: skip
        yield Flaw(record, len(features), features)


def _drawn(raw: RawLayer, shapes: np.ndarray, reason: np.ndarray, lang: str) -> Iterator[Flaw]:
    """Find shapes that cross themselves, have no extent, or repeat a vertex; and shapes of several kinds."""
    there = ~shapely.is_missing(shapes)
    placed = Placed(shapes, reason)
    found = areas(placed)
    bits = pieces(placed)
    flat = found.doubt == "geometry_flat"
    flat[bits.owner[bits.reason == "geometry_flat"]] = True
    invalid = there & ~shapely.is_valid(shapes) & ~flat
    yield from _some(raw, invalid & ~found.repaired, "geometry_repair", "error", lang)
    yield from _some(raw, invalid & found.repaired, "geometry_mended", "warning", lang)
    yield from _some(raw, flat, "geometry_flat", "warning", lang)
    lines = there & ~flat & ~invalid & (shapely.get_dimensions(shapes) > 0)
    count = shapely.get_num_coordinates(shapes[lines])
    again = lines.copy()
    again[lines] = count > shapely.get_num_coordinates(shapely.remove_repeated_points(shapes[lines], 0.0))
    yield from _some(raw, again, "geometry_repeats", "info", lang)
    kinds = np.unique(shapely.get_dimensions(shapes[there]))
    if len(kinds) > 1:
        names = listing(say(f"shape.{('point', 'line', 'area')[kind]}", lang) for kind in kinds if kind >= 0)
        yield Flaw(issue("kinds_mixed", "info", "noted", (raw.file, raw.layer, ""), lang, kinds=names))


def _where(raw: RawLayer, shapes: np.ndarray, lang: str) -> Iterator[Flaw]:
    """See whether coordinates lie where their system is made for, and what they look like where it is not known."""
    place = (raw.file, raw.layer, "")
    good = ~shapely.is_missing(shapes)
    if raw.crs is None:
        look = _look(*typical(shapes), lang) if good.any() else ""
        code = "crs_none_look" if look else "crs_none"
        yield Flaw(issue(code, "warning", "noted", place, lang, look=look))
        return
    fits = np.ones(len(shapes), dtype=bool)
    fits[good] = _fits(raw.crs, shapely.bounds(shapes[good]))
    if misfit(fits, good):
        x, y = typical(shapes[~fits])
        record = issue(
            "crs_beside", "error", "noted", place, lang,
            crs=crs_title(raw.crs), x=f"{x:.10g}", y=f"{y:.10g}", count=int((~fits).sum()), all=len(shapes),
            cause=_cause(raw.crs, x, y, lang),
        )  # fmt: skip
        features = tuple(str(fid) for fid in raw.fids[~fits].tolist())
        yield Flaw(record, len(features), features)
    else:
        yield from _some(raw, ~fits, "geometry_stray", "warning", lang)


def _fits(crs: CRS, bounds: np.ndarray) -> np.ndarray:
    """Tell which boxes lie in the area that a system is made for."""
    area = crs.area_of_use
    if not crs.is_geographic:
        return Gate.at(crs, Place()).fits(bounds)
    west, south, east, north = (area.west, area.south, area.east, area.north) if area else (-180.0, -90.0, 180.0, 90.0)
    if west > east:  # across the antimeridian
        west, east = -180.0, 180.0
    east = max(east, 360.0) if (west, east) == (-180.0, 180.0) else east  # some count longitudes from 0 to 360
    rim = np.array([west, south, east, north]) + np.array([-_DEGREE, -_DEGREE, _DEGREE, _DEGREE])
    inside: np.ndarray = (bounds[:, :2] >= rim[:2]).all(axis=1) & (bounds[:, 2:] <= rim[2:]).all(axis=1)
    return inside


def _cause(crs: CRS, x: float, y: float, lang: str) -> str:
    """Guess why coordinates lie beside the area of their system."""
    if not crs.is_geographic:
        return Gate.at(crs, Place()).diagnose(x, y, lang, crs)[0]
    if _fits(crs, np.array([[y, x, y, x]]))[0]:
        return say("cause.swapped", lang)
    return _look(x, y, lang) or say("cause.unknown", lang)


def _look(x: float, y: float, lang: str) -> str:
    """Say what coordinates look like by their size alone; empty where that tells nothing."""
    if not (np.isfinite(x) and np.isfinite(y)):
        return ""
    for east, north in ((x, y), (y, x)):
        swapped = say("cause.look_swapped", lang) if (east, north) != (x, y) else ""
        if CHINA[0] <= east <= CHINA[1] and _LATITUDES[0] <= north <= _LATITUDES[1]:
            return say("cause.look_degrees", lang) + swapped
        zone = int(east // 1_000_000)
        if 200_000 <= north <= 6_200_000 and 100_000 <= east - zone * 1_000_000 <= 900_000:
            if 25 <= zone <= 45:
                return say("cause.look_zone", lang, zone=zone, crs=f"EPSG:{4513 + zone - 25}") + swapped
            if 13 <= zone <= 23:
                return say("cause.look_zone", lang, zone=zone, crs=f"EPSG:{4491 + zone - 13}") + swapped
            if zone == 0 and north > 1_000_000:
                return say("cause.look_metres", lang) + swapped
    return ""


def _cells(raw: RawLayer, place: tuple[str, str, str], lang: str) -> Iterator[Flaw]:
    """Find columns that have lost digits, hold garbled text, or hold shapes as text; and rows that all say nothing."""
    garbled, shaped = [], []
    rows = np.zeros(len(raw.table), dtype=bool)
    for name in raw.table.columns:
        values = raw.table[name]
        if name in raw.lossy or lost_digits(values):
            yield Flaw(issue("digits_lost", "error", "noted", place, lang, column=name))
        texts = [] if pd.api.types.is_numeric_dtype(values) else [w for w in values.unique() if isinstance(w, str)]
        if any(_GARBLED.search(word) for word in texts):
            garbled.append(name)
        if raw.geometry is None and texts and _WKT.match(texts[0]):
            shaped.append(name)
            rows |= values.map(lambda word: isinstance(word, str) and _WKT.match(word) is not None).to_numpy(dtype=bool)
    headings = [name for name in raw.table.columns if _GARBLED.search(name)]
    if garbled or headings:
        columns = listing(dict.fromkeys([*headings, *garbled]))
        yield Flaw(issue("text_garbled", "warning", "noted", place, lang, columns=columns))
    if shaped:
        features = tuple(str(fid) for fid in raw.fids[rows].tolist())
        record = issue(
            "wkt_unread", "warning", "noted", place, lang,
            columns=listing(shaped), count=len(features), features=listing(features),
        )  # fmt: skip
        yield Flaw(record, len(features), features)
