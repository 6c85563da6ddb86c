"""Binding: which parcel, answer or gap of today each note speaks of, and what has become of it since.

A note names its target by ids, and holds the outline that the reviewer saw: a parcel that was numbered anew is found by
its land, and one whose number now belongs to other land is not taken for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.base.labels import SINGLE, codes, label, say_column
from gisplan.outputs.columns import NOTES as COLUMNS
from gisplan.outputs.plane import Plane

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

__all__ = ["COLUMNS", "STATUSES", "Today", "bind"]

STATUSES = ("open", "orphaned", "settled")

SAME_LAND = 0.5
"""Share of common land from which two outlines are the same parcel: more than that no two other parcels can have."""
REDRAWN = 0.98
"""Share of common land below which a parcel counts as drawn anew: what was seen was seen of another outline."""
MOVED_M = 1.0
"""Distance between two drawings of a gap from which it is another one [m]."""


@dataclass(frozen=True)
class Today:
    """What notes are bound to.

    Attributes
    ----------
    parcels
        Index ``parcel``, with geometry, in the zone's system.
    cells
        parcel, service, grade, code.
    ready
        Index ``parcel``: ``yes``, ``no`` or ``unknown``.
    gaps
        parcel, service, length_m, geometry.
    """

    parcels: gpd.GeoDataFrame
    cells: pd.DataFrame
    ready: pd.Series
    gaps: gpd.GeoDataFrame


def bind(notes: pd.DataFrame, today: Today) -> pd.DataFrame:
    """Bind notes to the answers of today, and say what has become of each.

    Parameters
    ----------
    notes
        From `gisplan.reviewing.notefile.read_notes`.
    today
        The zone's answers.

    Returns
    -------
    pandas.DataFrame
        One row a note, `COLUMNS`; open ones first, then those whose target is gone. An agreement is settled as long as
        nothing has changed, and open once the answer or the parcel's outline has; a doubt or error is open until the
        answer changes. Of several notes of one reviewer on one target the last counts, and the others are settled.
        ``disputed`` tells where reviewers say different things of one target.
    """
    found = notes.rename(columns={"parcel": "noted_parcel"}).copy()
    at, common = _land(notes, today.parcels)
    found["parcel"] = np.append(today.parcels.index.to_numpy(dtype=object), [None])[at]
    known = set(today.cells["service"].astype(str))
    strange = ~notes["service"].isin(known).to_numpy() & (notes["kind"] != "parcel").to_numpy()
    found["seen"], found["now"], differs, reason = _answers(notes, found["parcel"], today)
    whole = notes["whole"].to_numpy(dtype=bool)
    orphan = (at < 0) | ~whole | strange
    redrawn = common < REDRAWN
    renumbered = ~orphan & (found["parcel"] != found["noted_parcel"]).to_numpy()
    agrees = (notes["mark"] == "agree").to_numpy()
    unseen = (found["seen"] == "").to_numpy() & (notes["kind"] != "gap").to_numpy()
    settled = np.where(agrees, ~(differs | reason | redrawn | unseen), differs)
    replaced = _replaced(found.assign(orphan=orphan))
    found["status"] = np.select([orphan, settled | replaced], ["orphaned", "settled"], "open")
    found["disputed"] = _disputed(found.assign(out=orphan | replaced))
    why = np.select(
        [~whole, strange, at < 0, replaced, differs & (found["now"] == ""), differs, reason, unseen, redrawn],
        ["broken", "service", "gone", "replaced", "closed", "changed", "reason", "unseen", "redrawn"],
        "same",
    )
    for lang in SINGLE:
        said = _said(found, "review." + pd.Series(why, index=found.index), lang)
        said = said.mask(renumbered, said + _said(found, "review.renumbered", lang))
        found[f"why_{lang}"] = said.mask(found["disputed"], said + _said(found, "review.disputed", lang))
    order = pd.Categorical(found["status"], categories=list(STATUSES), ordered=True)
    found = found.assign(_order=order, _at=at).sort_values(["_order", "_at", "service", "at"], kind="stable")
    return found[list(COLUMNS)].reset_index(drop=True)


def _land(notes: pd.DataFrame, parcels: gpd.GeoDataFrame) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Find the parcel of today that each note is about (-1: none), and how much of the land is still the same."""
    shapes = np.asarray(parcels.geometry.array)
    drawn = _into_zone(notes, parcels, "outline")
    by_id = parcels.index.get_indexer(notes["parcel"]).astype(np.int64)
    common = np.where(by_id >= 0, _alike(drawn, shapes[by_id]), 0.0)
    # without an outline there is nothing to compare: the number alone decides
    bare = shapely.is_missing(drawn)
    common[bare & (by_id >= 0)] = 1.0
    at = np.where(common >= SAME_LAND, by_id, -1)
    lost = np.flatnonzero((at < 0) & ~bare)
    note, other = shapely.STRtree(shapes).query(drawn[lost], predicate="intersects")
    share = _alike(drawn[lost[note]], shapes[other])
    order = np.lexsort((other, -share, note))
    first = order[np.unique(note[order], return_index=True)[1]]
    first = first[share[first] >= SAME_LAND]
    at[lost[note[first]]], common[lost[note[first]]] = other[first], share[first]
    return at, common


def _into_zone(notes: pd.DataFrame, parcels: gpd.GeoDataFrame, column: str) -> npt.NDArray[np.object_]:
    """Take shapes from the page's plane to the zone's system; what was drawn in another plane is no use."""
    plane = Plane.of(parcels)
    usable = notes["plane"].to_numpy(dtype=object) == ("metres" if plane.plain else "degrees")
    shapes = np.where(usable, notes[column].to_numpy(dtype=object), None)
    moved = shapely.transform(shapes, plane.unproject)
    xy, of = shapely.get_coordinates(moved, return_index=True)
    moved[np.unique(of[~np.isfinite(xy).all(axis=1)])] = None
    return np.asarray(moved)


def _alike(a: npt.NDArray[np.object_], b: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    """Give the share of two areas that is common to both; 0 where one of them is missing."""
    sound = ~(shapely.is_missing(a) | shapely.is_missing(b))
    out = np.zeros(len(a))
    a, b = a[sound], shapely.make_valid(b[sound])
    both = shapely.area(shapely.intersection(a, b))
    whole = shapely.area(a) + shapely.area(b) - both
    out[sound] = np.divide(both, whole, out=np.zeros(len(a)), where=whole > 0)
    return out


def _answers(notes: pd.DataFrame, parcel: pd.Series, today: Today) -> tuple[pd.Series, pd.Series, Bools, Bools]:
    """Give what the reviewer saw and what there is now, whether they differ, and whether only the reason does."""
    kind = notes["kind"].to_numpy(dtype=object)
    key = pd.MultiIndex.from_arrays([parcel.astype(object), notes["service"].astype(object)])
    cells = today.cells[["grade", "code"]].astype("str")
    cells.index = pd.MultiIndex.from_arrays([today.cells[n].astype(object) for n in ("parcel", "service")])
    now = cells[~cells.index.duplicated()].reindex(key).fillna("")
    ready = today.ready.astype(object).reindex(parcel).fillna("").to_numpy(dtype=object)
    length, apart = _gaps(notes, key, today)
    seen = (notes["grade"] + " " + notes["code"]).str.strip().to_numpy(dtype=object)
    have = (now["grade"] + " " + now["code"]).str.strip().to_numpy(dtype=object)
    metres = np.array(["" if np.isnan(x) else f"{x:.1f} m" for x in notes["length_m"]], dtype=object)
    measured = np.array(["" if np.isnan(x) else f"{x:.1f} m" for x in length], dtype=object)
    before = np.select([kind == "parcel", kind == "gap"], [notes["ready"].to_numpy(dtype=object), metres], seen)
    after = np.select([kind == "parcel", kind == "gap"], [ready, measured], have)
    graded = (now["grade"].to_numpy(dtype=object) == notes["grade"].to_numpy(dtype=object)) & (kind == "cell")
    told = (before != "") | (kind == "gap")  # where the file does not say what was seen, nobody can tell
    differs = np.where(kind == "gap", apart, told & (before != after) & ~graded).astype(bool)
    # the page of a large zone has grades without their reasons
    reason = graded & (before != after) & (notes["code"] != "").to_numpy()
    return pd.Series(before, index=notes.index), pd.Series(after, index=notes.index), differs, reason


def _gaps(notes: pd.DataFrame, key: pd.MultiIndex, today: Today) -> tuple[npt.NDArray[np.float64], Bools]:
    """Give the length of the gap that is there now, and whether it is another than the one that was noted."""
    gaps = today.gaps
    there = pd.MultiIndex.from_arrays([gaps[name].astype(object) for name in ("parcel", "service")])
    first = ~there.duplicated()
    row = there[first].get_indexer(key)
    length = np.append(gaps["length_m"].to_numpy(dtype=float)[first], np.nan)[row]
    shape = np.append(np.asarray(gaps.geometry.array)[first], [None])[row]
    drawn = _into_zone(notes, today.parcels, "line")
    missing = shapely.is_missing(shape) | shapely.is_missing(drawn)
    apart = np.where(missing, 0.0, shapely.hausdorff_distance(drawn, shape)) > MOVED_M
    one_only = shapely.is_missing(shape) != shapely.is_missing(drawn)
    return length, np.asarray((row < 0) | apart | one_only)


def _replaced(found: pd.DataFrame) -> Bools:
    """Tell which notes their reviewer has replaced by a later one on the same target."""
    target = ["reviewer", "parcel", "service", "kind"]
    # of equal times that which was read last
    later = found[~found["orphan"]].sort_values("at", kind="stable")
    return np.asarray(found.index.isin(later.index[later.duplicated(target, keep="last")]))


def _disputed(found: pd.DataFrame) -> Bools:
    """Tell of which notes other reviewers say something else."""
    counts = found[~found["out"]].groupby(["parcel", "service", "kind"])["mark"].transform("nunique")
    return np.asarray(counts.reindex(found.index).fillna(0) > 1)


def _said(found: pd.DataFrame, code: pd.Series | str, lang: str) -> pd.Series:
    """Fill one sentence a note."""
    which = pd.Series(code, index=found.index) if isinstance(code, str) else code
    words = {name: found[name].map(lambda text: _word(str(text), lang)) for name in ("seen", "now")}
    return say_column(which, lang, {**words, "parcel": found["parcel"].fillna("")})


def _word(answer: str, lang: str) -> str:
    """Put an answer into words: readiness, or a grade; a length stays as it is."""
    for code in (f"ready.{answer}", f"grade.{answer[:1]}"):
        if code in codes():
            return label(code).text(lang)
    return answer
