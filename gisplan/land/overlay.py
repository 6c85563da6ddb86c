"""Overlay: what lies over a parcel (farmland, red lines, hazards, heritage), and what corridors take from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.land.answers import FAILED, PASSED, UNKNOWN, Answer, Bools, Floats, Texts, answer, every
from gisplan.reading.survey import Survey
from gisplan.rules.land import LandRule

Ints = npt.NDArray[np.int64]

GROUPS = ("area", "overlap", "corridor")
"""Groups of rules that are measured here: there is no parcel that they do not apply to."""
_DRAWN = ("corridor", "pipeline", "clearance")
"""Kinds of constraint that take from the area that can be built on."""
_LEAST_M2 = 0.01


@dataclass(frozen=True)
class Cut:
    """Pieces of parcels that something lies on: which parcel, and the piece."""

    at: Ints
    piece: Texts

    def area(self, parcels: int) -> Floats:
        """Give the area of the pieces of each parcel; what two of them share counts once."""
        return np.asarray(shapely.area(self.whole(parcels)))

    def whole(self, parcels: int) -> Texts:
        """Join the pieces of each parcel."""
        out = np.full(parcels, shapely.Polygon(), dtype=object)
        count = np.bincount(self.at, minlength=parcels)
        single = count[self.at] == 1
        out[self.at[single]] = self.piece[single]
        order = np.argsort(self.at[~single], kind="stable")
        at, piece = self.at[~single][order], self.piece[~single][order]
        owner, start = np.unique(at, return_index=True)
        for parcel, own in zip(owner, np.split(piece, start[1:]), strict=len(owner) > 0):
            out[parcel] = shapely.union_all(own)
        return out


def cut(shapes: Texts, over: Texts) -> Cut:
    """Cut what lies over the parcels at their outlines."""
    if not len(over) or not len(shapes):
        return Cut(np.empty(0, dtype=np.int64), np.empty(0, dtype=object))
    which, at = shapely.STRtree(shapes).query(over, predicate="intersects")
    return Cut(at, shapely.intersection(shapes[at], over[which]))


@dataclass(frozen=True)
class NetArea:
    """What corridors and clearances leave of each parcel [m2].

    Attributes
    ----------
    m2
        Without those that are known.
    least_m2
        Without those either that lines of unknown class near it, or without a clearance, may have.
    sure
        Whether all of them are known.
    """

    m2: Floats
    least_m2: Floats
    sure: Bools


@dataclass(frozen=True)
class _Drawn:
    """The constraints of a survey by kind; a shape that is an area as its areas, a line as it is."""

    kind: Texts
    shape: Texts
    area: Bools
    clearance: Floats

    def of(self, chosen: Bools) -> Texts:
        """Give the shapes of some of them."""
        return self.shape[chosen]


def _drawn(table: gpd.GeoDataFrame | None) -> _Drawn:
    if table is None or table.empty:
        return _Drawn(np.empty(0, object), np.empty(0, object), np.empty(0, bool), np.empty(0))
    shapes = np.asarray(table.geometry.array).copy()
    mixed = shapely.get_type_id(shapes) == 7
    for i in np.flatnonzero(mixed):  # repaired shapes: few
        parts = shapely.get_parts(shapely.get_parts(shapes[i]))
        areas = parts[shapely.get_dimensions(parts) == 2]
        shapes[i] = shapely.union_all(areas) if len(areas) else shapely.union_all(parts)
    kind = table["kind"].to_numpy(dtype=object, na_value=None)
    return _Drawn(kind, shapes, shapely.get_dimensions(shapes) == 2, table["clearance_m"].to_numpy(dtype=float))


def on_overlaps(survey: Survey, doubt: Bools) -> Iterator[Answer]:
    """Measure what lies over each parcel, kind by kind.

    A kind is known where it was looked at in full (``checked``) or is drawn anywhere. Where a constraint has lost its
    kind or its shape, none of the kinds is known to be absent.
    """
    shapes, dossier = np.asarray(survey.parcels.geometry.array), survey.dossier
    n, whole = len(shapes), shapely.area(shapes)
    drawn = _drawn(dossier.constraints)
    strange = cut(shapes, drawn.of(pd.isna(drawn.kind))).area(n) > 0
    strange[cut(shapes, drawn.of(pd.isna(drawn.kind) & ~drawn.area)).at] = True
    for rule in survey.profile.land.group("overlap"):
        own = drawn.kind == rule.key
        value = cut(shapes, drawn.of(own & drawn.area)).area(n)
        crossed = np.zeros(n, dtype=bool)
        crossed[cut(shapes, drawn.of(own & ~drawn.area)).at] = True
        known = rule.key in dossier.checked or bool(own.any())
        limit = rule.high if np.isfinite(rule.high) else 0.0
        share = np.divide(100 * value, whole, out=np.full(n, np.nan), where=whole > 0)
        cases = [
            (doubt, UNKNOWN, "geometry"),
            (value > limit, FAILED, "overlap"),
            (np.full(n, not known), UNKNOWN, "not_checked"),
            (crossed, UNKNOWN, "line"),
            (strange, UNKNOWN, "strange"),
            (np.full(n, dossier.lost), UNKNOWN, "lost"),
            (value > 0, PASSED, "overlap_within"),
            (every(n), PASSED, "clear"),
        ]
        yield answer(rule, cases, np.where(known, value, np.nan), np.where(known, share, np.nan))


def on_area(survey: Survey, doubt: Bools, net: NetArea) -> Iterator[Answer]:
    """Compare the stated area with the measured one, and what corridors leave with what is there."""
    measured = survey.parcels["area_m2"].to_numpy(dtype=float)
    stated = survey.parcels["stated_area_m2"].to_numpy(dtype=float)
    value = np.divide(100 * np.abs(stated - measured), measured, out=np.full(len(stated), np.nan), where=measured > 0)
    for rule in survey.profile.land.group("area"):
        if rule.key == "net":
            yield _left(rule, net, measured, doubt)
            continue
        cases = [
            (doubt, UNKNOWN, "geometry"),
            (np.isnan(value), UNKNOWN, "missing"),
            (value > rule.high, FAILED, "difference"),
            (every(len(value)), PASSED, "within"),
        ]
        yield answer(rule, cases, value)


def _left(rule: LandRule, net: NetArea, measured: Floats, doubt: Bools) -> Answer:
    """Tell whether corridors leave enough to build on; where some may be there, whether they would."""
    left, least = (
        np.divide(100 * m2, measured, out=np.full(len(measured), np.nan), where=measured > 0)
        for m2 in (net.m2, net.least_m2)
    )
    cases = [
        (doubt | np.isnan(left), UNKNOWN, "geometry"),
        (left < rule.low, FAILED, "little_left"),
        (least < rule.low, UNKNOWN, "left_unsure"),
        (every(len(left)), PASSED, "left"),
    ]
    return answer(rule, cases, left)


def on_corridors(survey: Survey, doubt: Bools) -> tuple[NetArea, list[Answer]]:
    """Measure what passing lines and drawn corridors take of each parcel."""
    shapes = np.asarray(survey.parcels.geometry.array)
    n, whole = len(shapes), shapely.area(shapes)
    answers: list[Answer] = []
    known, possible = [], []
    sure = ~doubt
    for rule in survey.profile.land.group("corridor"):
        if rule.service:
            taken, maybe, unclear = _corridors(survey, rule, shapes)
        else:
            taken, maybe, unclear = _drawn_corridors(survey, shapes)
        value = taken.area(n)
        share = np.divide(100 * value, whole, out=np.full(n, np.nan), where=whole > 0)
        cases = [
            (doubt, UNKNOWN, "geometry"),
            (value > _LEAST_M2, FAILED, "crossed"),
            (unclear, UNKNOWN, "unsure"),
            (every(n), PASSED, "clear"),
        ]
        answers.append(answer(rule, cases, value, share))
        known.append(taken)
        possible.append(maybe)
        sure &= ~unclear
    m2, least = (np.maximum(whole - together(cuts).area(n), 0.0) for cuts in (known, [*known, *possible]))
    return NetArea(m2, least, sure), answers


def together(cuts: Sequence[Cut]) -> Cut:
    """Take the pieces of several cuts as one."""
    at, piece = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=object)]
    return Cut(np.concatenate([*at, *(c.at for c in cuts)]), np.concatenate([*piece, *(c.piece for c in cuts)]))


def _corridors(survey: Survey, rule: LandRule, shapes: Texts) -> tuple[Cut, Cut, Bools]:
    """Cut the corridors of passing lines, and those of lines whose class is not known; tell where some are unclear."""
    n = len(shapes)
    layer = survey.layers.get(rule.service)
    nothing = together([])
    if layer is None:
        return nothing, nothing, np.full(n, rule.service not in survey.absent)
    lines = np.asarray(layer.geometry.array)
    stands = (shapely.get_type_id(lines) == 1) & layer["role"].isin(["line", "lateral"]).to_numpy()
    stands &= (layer["status"] != "abandoned").to_numpy(dtype=bool, na_value=True)
    column = layer[rule.column]
    if rule.one_of:
        mine = column.isin(rule.one_of).to_numpy()
    else:
        mine = ((column >= rule.between[0]) & (column <= rule.between[1])).to_numpy()
    unclear = np.zeros(n, dtype=bool)
    blank = lines[stands & column.isna().to_numpy()]
    if len(blank) and n:
        unclear[shapely.STRtree(shapes).query(blank, predicate="dwithin", distance=rule.low)[1]] = True
    if rule.service in survey.missing:
        unclear[:] = True
    taken, maybe = (cut(shapes, shapely.buffer(some, rule.low)) for some in (lines[stands & mine], blank))
    return taken, maybe, unclear


def _drawn_corridors(survey: Survey, shapes: Texts) -> tuple[Cut, Cut, Bools]:
    """Cut the corridors that are drawn; a line without a clearance may take anything."""
    n = len(shapes)
    dossier = survey.dossier
    drawn = _drawn(dossier.constraints)
    mine = np.isin(drawn.kind.astype(str), _DRAWN)
    wide = np.nan_to_num(drawn.clearance, nan=0.0)
    narrow = mine & ~drawn.area & ~(wide > 0)
    unclear = np.full(n, dossier.constraints is None or dossier.lost)
    touched = np.unique(cut(shapes, drawn.of(narrow | pd.isna(drawn.kind))).at)
    unclear[touched] = True
    chosen = mine & ~narrow
    return cut(shapes, shapely.buffer(drawn.of(chosen), wide[chosen])), Cut(touched, shapes[touched]), unclear
