"""Layers: raw rows in, tables that the engine can trust out; what cannot be trusted is set aside by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gisplan.base.errors import LayerError
from gisplan.base.fields import fields
from gisplan.base.issues import Book
from gisplan.base.labels import Label, label
from gisplan.base.units import MU_M2
from gisplan.reading.columns import Taken, note_odd, take
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.geometry import NO_AREA, Placed, areas, pieces, place, without
from gisplan.reading.land_use import classes
from gisplan.reading.places.coordinates import Gate
from gisplan.reading.refusals import listing, note, refusal
from gisplan.reading.words import words_of
from gisplan.reading.zone_file import Source

Given = tuple[Source, RawLayer]
"""One raw layer and what zone.toml says about it."""

_LINES = ("line", "lateral", "duct")
_ENDS = ("source", "outfall", "boundary_supply")
_SERVING = frozenset({"line", "lateral", "stub", *_ENDS})


@dataclass(frozen=True)
class Layer:
    """A clean table, and what must be said about it.

    Attributes
    ----------
    frame
        The table.
    doubt
        A possibly closed valve was set aside: whether the network is cut there is not known.
    lost
        A shape was set aside that could have stood in the way of a connection.
    missing
        What was set aside for its shape and could have served a parcel, by feature id: its extent, None where even that
        is not known.
    flat
        Where lines without length lay that were set aside, by feature id.
    notes
        Sentences for every output.
    """

    frame: gpd.GeoDataFrame
    doubt: bool = False
    lost: bool = False
    missing: gpd.GeoSeries | None = None
    flat: gpd.GeoSeries | None = None
    notes: tuple[Label, ...] = ()


def parcels(given: Sequence[Given], gate: Gate, book: Book) -> Layer:
    """Clean the parcels: one row per parcel, valid areas in the zone's CRS, doubt where an area cannot be trusted.

    Raises
    ------
    LayerError
        Parcel numbers are blank or repeated.
    """
    tables: list[gpd.GeoDataFrame] = []
    notes: list[Label] = []
    for source, raw in given:
        taken = take(raw, "parcels", source, book)
        placed = place(raw, source, gate, book)
        found = areas(placed)
        frame = taken.frame.assign(
            doubt_code=without(found.doubt, found.doubt == ""),
            repaired=found.repaired,
            use_class=classes(taken.frame, source, raw, book),
            leveling_odd=taken.puzzled("leveling_status"),
            file=raw.title,
            at=raw.fids,
        )
        tables.append(gpd.GeoDataFrame(frame, geometry=found.geometry, crs=gate.crs))
        notes.extend(placed.notes)
    table = pd.concat(tables, ignore_index=True)
    _unique(table["parcel"], table["file"], table["at"], given[0][0].where, book)
    table = table.set_index("parcel")
    table["doubt_code"] = table["doubt_code"].astype("str")
    table["doubt"] = table["doubt_code"].notna()
    table["area_m2"] = table.geometry.area
    table["area_mu"] = table["area_m2"] / MU_M2
    for parcel, row in table[table["doubt"] | table["repaired"]].iterrows():
        code = "parcel_repaired" if row["repaired"] else "parcel_doubt"
        why = label(f"flaw.{row['doubt_code']}").text(book.lang)
        severity, action = ("info", "repaired") if row["repaired"] else ("warning", "noted")
        book.add(code, severity, action, (row["file"], "", str(parcel)), parcel=parcel, why=why)
    lost = bool((table["doubt"] & table.geometry.is_empty).any())
    return Layer(
        _ordered(table, "parcels", ("doubt", "doubt_code", "leveling_odd", "area_m2", "area_mu", "file")),
        lost=lost,
        notes=tuple(notes),
    )


def _unique(ids: pd.Series, files: pd.Series, rows: pd.Series, where: str, book: Book) -> None:
    """Refuse blank and repeated parcel numbers."""
    blank = ids.isna()
    if blank.any():
        file = files[blank].iloc[0]
        raise refusal(
            LayerError,
            "parcel_blank",
            book.lang,
            file=file,
            where=where,
            count=int(blank.sum()),
            rows=listing(rows[blank]),
        )
    twice = ids[ids.duplicated(keep=False)]
    if len(twice):
        raise refusal(
            LayerError, "parcel_twice", book.lang,
            file=listing(dict.fromkeys(files[twice.index])), where=where, ids=listing(dict.fromkeys(twice)),
        )  # fmt: skip


def service(given: Sequence[Given], gate: Gate, book: Book) -> Layer:
    """Clean the layer of a service: single lines and points with roles, states and ids.

    Raises
    ------
    LayerError
        Nothing in it can be used.
    """
    found = [_one(source, raw, gate, book) for source, raw in given]
    frame = pd.concat([layer.frame for layer in found], ignore_index=True)
    if frame.empty:
        raise refusal(
            LayerError,
            "layer_nothing_left",
            book.lang,
            file=listing(r.title for _, r in given),
            where=given[0][0].where,
        )
    table = gpd.GeoDataFrame(frame.drop(columns="at").set_index("feature"), geometry="geometry", crs=gate.crs)
    notes = tuple(dict.fromkeys(n for layer in found for n in layer.notes))
    extra = ("status_text", "open_unknown", "capacity_odd", "part", "snap_m", "file")
    missing = [layer.missing for layer in found if layer.missing is not None]
    flat = [layer.flat for layer in found if layer.flat is not None]
    return Layer(
        _ordered(table, "layer", extra),
        doubt=any(layer.doubt for layer in found),
        missing=gpd.GeoSeries(pd.concat(missing), crs=gate.crs) if missing else None,
        flat=gpd.GeoSeries(pd.concat(flat), crs=gate.crs) if flat else None,
        notes=notes,
    )


def _one(source: Source, raw: RawLayer, gate: Gate, book: Book) -> Layer:
    """Clean one source of a service."""
    placed = place(raw, source, gate, book)
    taken = take(raw, "layer", source, book)
    frame, notes = _defaults(taken, source, (raw, shapely.get_dimensions(placed.geometry) == 1), book)
    frame["feature"] = _ids(frame["feature"], raw, book)
    frame["open_unknown"] = taken.puzzled("open")
    frame["capacity_odd"] = taken.puzzled("capacity")
    frame["snap_m"] = np.nan if source.snap_m is None else source.snap_m
    frame["at"] = raw.fids
    bits = pieces(placed)
    rows = frame.iloc[bits.owner].reset_index(drop=True)
    rows["part"] = bits.part
    rows["file"] = raw.title
    kind = shapely.get_type_id(bits.geometry)
    blank = rows["role"].isna() & rows["role_text"].isna()
    rows["role"] = rows["role"].where(~(blank & (kind == 1)), source.role or "line")
    rows["role"] = rows["role"].where(~(blank & (kind == 0)), source.role)
    reason = bits.reason
    # Where other rows have a role, a line without one may be anything: an empty duct, say.
    nameless = blank & (kind == 1) & (source.role is None) & bool(rows["role_text"].notna().any())
    if nameless.any():
        ids = dict.fromkeys(rows["feature"][nameless])
        book.add("role_nameless", "warning", "noted", (raw.file, raw.layer, ""), ids=listing(ids), count=len(ids))
    unclear = rows["role"].isna().to_numpy()
    reason[(reason == "") & unclear] = np.where(blank.to_numpy(), "role_blank", "role_unknown")[
        (reason == "") & unclear
    ]
    crossed = (reason == "") & (rows["role"].isin(_LINES).to_numpy() != (kind == 1))
    reason[crossed] = "role_shape"
    rows["status"] = (
        rows["status"].mask(nameless).mask(_never_better(rows, taken.puzzled("close_on")[bits.owner], raw, book))
    )
    _set_aside(rows, reason, raw, book)
    odd = taken.puzzled("kind")[bits.owner] & rows["role"].isin(_ENDS).to_numpy() & (reason == "")
    words = words_of(rows["kind_text"].where(odd))
    note_odd("word_unknown", words, np.ones(len(words.words), dtype=bool), fields("layer")["kind"], (raw, book))
    kept = gpd.GeoDataFrame(rows, geometry=bits.geometry, crs=gate.crs)[reason == ""]
    missing = _missing(rows, reason, bits.geometry, gate)
    flat = _flat(rows, reason, bits.geometry, gate)
    doubt = _valve_lost(rows, reason, source)
    return Layer(kept, doubt=doubt, missing=missing, flat=flat, notes=(*placed.notes, *notes))


def _never_better(rows: pd.DataFrame, close_unclear: np.ndarray, raw: RawLayer, book: Book) -> np.ndarray:
    """Find the features that may be closed, by a day or a word that is not understood: their state is not known."""
    line_unclear = rows["open_unknown"].to_numpy() & rows["role"].isin(_LINES).to_numpy()
    hit = close_unclear | line_unclear
    if hit.any():
        ids = dict.fromkeys(rows["feature"][hit])
        book.add("maybe_closed", "warning", "noted", (raw.file, raw.layer, ""), ids=listing(ids), count=len(ids))
    return hit


def _defaults(
    taken: Taken, source: Source, place: tuple[RawLayer, np.ndarray], book: Book
) -> tuple[pd.DataFrame, list[Label]]:
    """Fill blank cells with what zone.toml declares, and say so; words that are not understood stay unknown."""
    frame = taken.frame.copy()
    raw, line = place
    where = (raw.file, raw.layer, "")
    notes = [*taken.notes]
    as_of = source.as_of.isoformat() if source.as_of else "—"
    blank = frame["status"].isna() & ~taken.puzzled("status")
    if source.status is not None and blank.any():
        frame["status"] = frame["status"].mask(blank, source.status)
        values = {"file": raw.title, "count": int(blank.sum()), "as_of": as_of}
        word = label(f"declared.{source.status}")
        book.add("default_status", "info", "declared", where, **values, word=word.text(book.lang))
        notes.append(_both("default_status", word, values))
    elif blank.any():
        book.add("status_blank", "warning", "noted", where, count=int(blank.sum()), where=source.where)
    shut = frame["open"].isna() & ~taken.puzzled("open")
    valves = shut & (frame["role"].eq("valve") | (frame["role"].isna() & (source.role == "valve")))
    if source.open is not None and shut.any():
        frame["open"] = frame["open"].mask(shut, source.open == "yes")
        word = label(f"declared.open_{source.open}")
        values = {"file": raw.title, "count": int(valves.sum())}
        if valves.any():
            book.add("default_open", "info", "declared", where, **values, word=word.text(book.lang))
            notes.append(_both("default_open", word, values))
    elif valves.any():
        book.add("open_blank", "info", "noted", where, count=int(valves.sum()), where=source.where)
        notes.append(note("open_blank", file=raw.title, count=int(valves.sum())))
    frame["flow"] = frame["flow"].replace({"digitised": "forward"})
    still = frame["flow"].isna() & ~taken.puzzled("flow") & line
    if source.digitised and still.any():
        frame["flow"] = frame["flow"].mask(still, "forward")
        book.add("default_flow", "info", "declared", where, count=int(still.sum()))
        notes.append(note("default_flow", file=raw.title))
    return frame, notes


def _both(code: str, word: Label, values: dict[str, object]) -> Label:
    zh, en = note(code, word=word.zh, **values), note(code, word=word.en, **values)
    return Label(zh.zh, en.en)


def _ids(ids: pd.Series, raw: RawLayer, book: Book) -> pd.Series:
    """Give features without a number one, made of the layer's name and the file's own row number."""
    blank = ids.isna()
    if not blank.any():
        return ids
    made = f"{raw.layer}#" + pd.Series(raw.fids, index=ids.index).astype("str")
    book.add(
        "feature_blank",
        "warning",
        "noted",
        (raw.file, raw.layer, ""),
        count=int(blank.sum()),
        example=made[blank].iloc[0],
    )
    return ids.where(~blank, made)


def _set_aside(rows: pd.DataFrame, reason: np.ndarray, raw: RawLayer, book: Book) -> None:
    """Write one record per feature (or part of one) that is set aside."""
    for feature, code in zip(rows["feature"][reason != ""], reason[reason != ""], strict=True):
        why = label(f"flaw.{code}").text(book.lang)
        book.add("set_aside", "warning", "set aside", (raw.file, raw.layer, str(feature)), feature=feature, why=why)


def _missing(rows: pd.DataFrame, reason: np.ndarray, shapes: np.ndarray, gate: Gate) -> gpd.GeoSeries | None:
    """List what lost its shape and could have served a parcel, with its extent where the file still shows one.

    What only joins others (manholes, valves), holds nothing (ducts) or is abandoned serves nobody.
    """
    lost = np.char.startswith(reason.astype(str), "geometry") | (reason == "role_shape")
    serves = rows["role"].isin(_SERVING).to_numpy() | rows["role"].isna().to_numpy()
    hit = np.flatnonzero(lost & serves & (rows["status"] != "abandoned").to_numpy())
    if not len(hit):
        return None
    extent = shapely.box(*shapely.bounds(shapes[hit]).T)
    extent[~np.isfinite(shapely.bounds(shapes[hit])).all(axis=1)] = None
    return gpd.GeoSeries(extent, index=pd.Index(rows["feature"].iloc[hit].astype("str"), name="feature"), crs=gate.crs)


def _flat(rows: pd.DataFrame, reason: np.ndarray, shapes: np.ndarray, gate: Gate) -> gpd.GeoSeries | None:
    """Tell where the lines without length lie, by feature id."""
    hit = np.flatnonzero(reason == "geometry_flat")
    if not len(hit):
        return None
    index = pd.Index(rows["feature"].iloc[hit].astype("str"), name="feature")
    return gpd.GeoSeries(shapely.get_point(shapes[hit], 0), index=index, crs=gate.crs)


def _valve_lost(rows: pd.DataFrame, reason: np.ndarray, source: Source) -> bool:
    """Tell whether something set aside may have been a closed valve."""
    lost = reason != ""
    open_ = rows["open"].fillna(False).to_numpy(dtype=bool)
    said_shut = rows["open"].eq(False).fillna(False).to_numpy(dtype=bool) | rows["open_unknown"].to_numpy(dtype=bool)
    role, word = rows["role"], rows["role_text"].notna().to_numpy()
    valve = role.eq("valve").to_numpy() | (role.isna().to_numpy() & word)
    blank = role.isna().to_numpy() & ~word & (source.role is None)
    return bool((lost & ((valve & ~open_) | (blank & said_shut))).any())


def barriers(given: Sequence[Given], gate: Gate, book: Book, table_of: str = "barriers") -> Layer:
    """Clean the barriers: lines and areas that a connection must not cross; or constraints, just so."""
    tables: list[gpd.GeoDataFrame] = []
    notes: list[Label] = []
    lost = False
    for source, raw in given:
        placed = place(raw, source, gate, book)
        frame = take(raw, table_of, source, book).frame
        frame["feature"] = _ids(frame["feature"], raw, book)
        frame["file"] = raw.title
        reason = placed.reason
        _set_aside(frame, reason, raw, book)
        lost = lost or bool((reason != "").any())
        shapes = _mended(placed)
        tables.append(gpd.GeoDataFrame(frame, geometry=shapes, crs=gate.crs)[reason == ""])
        notes.extend(placed.notes)
    table = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), geometry="geometry", crs=gate.crs)
    return Layer(_ordered(table.set_index("feature"), table_of, ("file",)), lost=lost, notes=tuple(notes))


def _mended(placed: Placed) -> np.ndarray:
    """Make barriers valid; a barrier that grows or shrinks a little by that still stands where it was drawn."""
    shapes = placed.geometry.copy()
    invalid = ~shapely.is_missing(shapes) & ~shapely.is_valid(shapes)
    # The outline is kept beside the repaired area: repairing must not open a way that was barred.
    if invalid.any():
        whole = shapely.make_valid(shapes[invalid])
        shapes[invalid] = [
            shapely.GeometryCollection([a, b]) for a, b in zip(whole, shapely.boundary(shapes[invalid]), strict=True)
        ]
    return np.where(shapely.is_missing(shapes), NO_AREA, shapes)


def no_barriers(gate: Gate) -> gpd.GeoDataFrame:
    """Make the empty table of a zone that declares to have no barriers."""
    columns = {name: pd.Series(dtype="str") for name in fields("barriers")}
    table = gpd.GeoDataFrame(pd.DataFrame({**columns, "file": pd.Series(dtype="str")}), geometry=[], crs=gate.crs)
    return _ordered(table.set_index("feature"), "barriers", ("file",))


def _ordered(table: gpd.GeoDataFrame, name: str, extra: Sequence[str]) -> gpd.GeoDataFrame:
    """Put the columns into the order of fields.csv, and the index into text."""
    own = []
    for column in fields(name):
        own += [column, f"{column}_text"] if column == "use" and name == "parcels" else [column]
    columns = [c for c in (*own, *extra) if c in table.columns]
    out = table[[*columns, "geometry"]].copy()
    out.index = pd.Index(out.index.astype("str"), name=table.index.name)
    if "file" in out.columns:
        out["file"] = out["file"].astype("str")
    return out
