"""The red line (红线): an outline that is in no layer of the zone, read from a file of its own, to be judged apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gisplan.base.errors import LayerError, MissingCRS, ReadError
from gisplan.base.files import sha256
from gisplan.base.issues import Book
from gisplan.base.labels import Label, label
from gisplan.reading import layers as clean
from gisplan.reading.columns import match
from gisplan.reading.dossier import Dossier, against
from gisplan.reading.formats.raw import RawLayer, Request
from gisplan.reading.places.coordinates import crs_title
from gisplan.reading.process.child import Child
from gisplan.reading.records import doubtful
from gisplan.reading.refusals import listing, note, refusal, unreadable
from gisplan.reading.survey import Survey
from gisplan.reading.words import plain_blank
from gisplan.reading.zone_file import Source

WHERE = "--redline"
_LAYER = "--redline-layer"
_NAME = "红线"
_UNCLEAR = frozenset({"txt_zone", "txt_crs"})
_SAME, _MOST = 0.9, 0.5
"""A red line may bear the number of a parcel of the zone if this share of it lies there, and covers this share of it:
papers about a parcel speak of no other land."""

_SLIVER_M = 2.0


def read_redline(survey: Survey, path: Path, layer: str | None = None, lang: str = "zh") -> Survey:
    """Read a red line, and give the zone with it in the place of its parcels.

    The zone's own parcels are then neighbours: they stand in the way of a connection, but not where the red line lies
    on them, and they are not judged.

    Parameters
    ----------
    survey
        The zone.
    path
        Any file of shapes that is read; it may lie outside the zone's folder.
    layer
        The layer with the outlines, where the file has several.
    lang
        Language of issues and refusals.

    Raises
    ------
    ReadError, LayerError
        The file cannot be read, holds no closed outline, or lies elsewhere.
    """
    if not (path.is_file() or path.is_dir()):
        raise refusal(ReadError, "redline_file", lang, file=path.name or str(path))
    book = Book(lang)
    request = Request(path.name, _LAYER, layer)
    with Child(lang) as child:
        answer = child.ask(path.resolve(), request)
    book.adopt(answer.issues)
    raw = _outlines(answer.layers, request, book)
    notes: tuple[Label, ...] = ()
    if raw.crs is None:
        if any(issue.code in _UNCLEAR for issue in book):
            raise refusal(MissingCRS, "redline_crs", lang, file=raw.title)
        # A drawing cannot say which system it is in; whether it fits the zone's is tested at the gate.
        raw = replace(raw, crs=survey.gate.crs)
        values = {"file": raw.title, "crs": crs_title(survey.gate.crs)}
        book.add("redline_crs", "info", "declared", (raw.file, raw.layer, ""), **values)
        notes = (note("redline_crs", **values),)
    source = Source("parcels", WHERE, file=path.name)
    found = clean.parcels([(source, _numbered(raw, source, survey, book))], survey.gate, book)
    _same_land(found.frame, survey.parcels, raw, lang)
    outlines = _as_known(found.frame, survey.parcels)
    beneath = _beneath(outlines, survey)
    title = label("redline.title")
    return replace(
        survey,
        title=Label(f"{survey.title.zh} · {title.zh}", f"{survey.title.en} · {title.en}"),
        parcels=outlines,
        evidence=_heard(survey.evidence, doubtful(survey.evidence), beneath),
        dossier=_held(survey.dossier, beneath),
        neighbours=_neighbours(found.frame, survey.parcels),
        blockers_lost=survey.blockers_lost or found.lost,
        issues=tuple(book),
        inputs=_inputs(path, lang),
        notes=tuple(dict.fromkeys([*survey.notes, *found.notes, *notes])),
    )


def _inputs(path: Path, lang: str) -> dict[str, str]:
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    out = {}
    for part in files:
        name = part.name if part == path else f"{path.name}/{part.name}"
        try:
            out[name] = sha256(part)
        except OSError as error:
            raise unreadable(name, error, lang) from error
    return out


def _outlines(layers: Sequence[RawLayer], request: Request, book: Book) -> RawLayer:
    """Find the one layer with closed outlines, and keep these and what is broken.

    Raises
    ------
    LayerError
        There is none, or there are several.
    """
    usable = {raw.layer: _closed(raw) for raw in layers}
    found = [raw for raw in layers if usable[raw.layer].any()]
    cass = [raw for raw in found if "cass_code" in raw.table.columns and "parcel" in raw.table.columns]
    if len(found) > 1 and len(cass) == 1:
        found = cass
    if not found:
        raise refusal(
            LayerError,
            "redline_open",
            book.lang,
            file=request.name,
            layers=listing((r.title for r in layers), 20) or "—",
        )
    if len(found) > 1:
        raise refusal(
            LayerError, "redline_which", book.lang, file=request.name, layers=listing((r.layer for r in found), 20)
        )
    raw, keep = found[0], usable[found[0].layer]
    rest = len(keep) - int(keep.sum()) + sum(len(other.table) for other in layers if other is not raw)
    if rest:
        book.add("redline_rest", "warning", "set aside", (raw.file, raw.layer, ""), count=rest)
    shapes = np.asarray(raw.geometry, dtype=object)[keep]
    broken = raw.broken[keep] if len(raw.broken) else raw.broken
    table = raw.table[keep].reset_index(drop=True)
    return replace(raw, table=table, fids=raw.fids[keep], geometry=shapes, broken=broken)


def _closed(raw: RawLayer) -> np.ndarray:
    """Tell which rows are areas, or may have been one before they broke."""
    if raw.geometry is None:
        return np.zeros(len(raw.table), dtype=bool)
    areas = np.isin(shapely.get_type_id(np.asarray(raw.geometry, dtype=object)), (3, 6))
    broken = raw.broken if len(raw.broken) else np.zeros(len(areas), dtype=bool)
    return np.asarray(areas | broken)


def _numbered(raw: RawLayer, source: Source, survey: Survey, book: Book) -> RawLayer:
    """Give outlines without a number one: 红线1, 红线2, …; never one that the zone has."""
    column = match(raw, "parcels", source, book.lang).get("parcel", "parcel")
    table = raw.table.copy()
    if column not in table.columns:
        table[column] = None
    blank = np.array(
        [value is None or value != value or plain_blank(str(value)) for value in table[column]], dtype=bool
    )
    if blank.any():
        taken = {str(value) for value in table[column][~blank]} | set(survey.parcels.index)
        free = (name for n in range(1, len(taken) + len(table) + 1) if (name := f"{_NAME}{n}") not in taken)
        table[column] = [next(free) if empty else v for v, empty in zip(table[column], blank, strict=True)]
    return replace(raw, table=table)


def _same_land(red: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame, raw: RawLayer, lang: str) -> None:
    """Refuse a number that the zone gives to other land: papers would count for a parcel they do not mean.

    Raises
    ------
    LayerError
        A red line bears the number of a parcel that it does not lie on.
    """
    for number in red.index.intersection(parcels.index):
        mine, theirs = red.geometry[number], parcels.geometry[number]
        shared = mine.intersection(theirs).area
        if not mine.is_empty and (shared < _SAME * mine.area or shared < _MOST * theirs.area):
            raise refusal(LayerError, "redline_number", lang, file=raw.title, parcel=number)


def _as_known(red: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Let a red line that bears the number of a parcel also bear what the zone knows of it, where the file is silent.

    An acceptance counts by the number; what speaks against it in the zone's own layer must be heard as well.
    """
    out = red.copy()
    for number in red.index.intersection(parcels.index):
        known, levelled = parcels.loc[number], "leveling_status"
        both = [red.at[number, levelled], known[levelled]]
        if known["leveling_odd"] or (not pd.isna(both).any() and both[0] != both[1]):
            out.loc[number, "leveling_odd"] = True
        for name in ("promised", levelled, "leveling_works"):
            if pd.isna(out.at[number, name]):
                out.loc[number, name] = known[name]
    return out


def _held(dossier: Dossier, beneath: pd.DataFrame) -> Dossier:
    """Hear what the land's papers say against the land beneath; commitments ride with it."""
    papers = {
        key: _heard(getattr(dossier, key), against(getattr(dossier, key)), beneath)
        for key in ("netland", "assessments")
    }
    kept = dossier.commitments
    return replace(dossier, **papers, commitments=_heard(kept, kept["parcel"].notna(), beneath))


def _beneath(red: gpd.GeoDataFrame, survey: Survey) -> pd.DataFrame:
    """Pair each red line with the parcels under another number that it lies on."""
    parcels = survey.parcels
    lines = np.asarray(red.geometry.array, dtype=object)
    shapes = np.asarray(parcels.geometry.array, dtype=object)
    mine, theirs = shapely.STRtree(shapes).query(lines, predicate="intersects")
    over = shapely.area(shapely.intersection(lines[mine], shapes[theirs])) > survey.profile.overlap_m2
    pairs = pd.DataFrame({"red": red.index[mine[over]], "parcel": parcels.index[theirs[over]]}, dtype="str")
    return pairs[pairs["red"] != pairs["parcel"]]


def _heard(papers: pd.DataFrame, against: pd.Series, pairs: pd.DataFrame) -> pd.DataFrame:
    """Hear what papers say against the land beneath a red line under another number; nothing is added for it."""
    doubt = papers[against.to_numpy(dtype=bool)].merge(pairs, on="parcel")
    if doubt.empty:
        return papers
    copies = doubt.assign(parcel=doubt["red"]).drop(columns="red")
    if "feature" in copies.columns:
        # Of the row only what it says of the land: a feature in it is heard where it stands already.
        copies["feature"] = pd.NA
    return pd.concat([papers, copies.astype(papers.dtypes)], ignore_index=True)


def _neighbours(red: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame) -> np.ndarray:
    """Give the zone's parcels as far as no red line lies on them.

    A strip of a parcel that is left over beside its red line and narrower than `_SLIVER_M` is a difference of two
    surveys and nobody's land.
    """
    shapes = np.array(parcels.geometry.array, dtype=object)
    lines = np.asarray(red.geometry.array, dtype=object)
    hit = np.unique(shapely.STRtree(shapes).query(lines, predicate="intersects")[1])
    area = shapely.area(shapes[hit])
    left = shapely.difference(shapes[hit], shapely.union_all(lines))
    cut = area - shapely.area(left) > 1.0  # square metres: more than a shared boundary that does not quite meet
    broad = shapely.buffer(left[cut], -_SLIVER_M / 2, join_style="mitre")
    left[cut] = shapely.intersection(left[cut], shapely.buffer(broad, _SLIVER_M / 2, join_style="mitre"))
    shapes[hit] = left
    rest: np.ndarray = shapes[~shapely.is_empty(shapes)]
    return rest
