"""The land's own papers: projects, net land, area assessments, commitments, factory buildings, constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd

from gisplan.base.fields import fields, plain
from gisplan.base.issues import Book
from gisplan.base.labels import Label
from gisplan.reading.columns import matches, take
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.layers import Given, Layer
from gisplan.reading.records import by_id, empty
from gisplan.reading.references import matched, strays, told
from gisplan.reading.refusals import listing
from gisplan.reading.words import unsettled, words_of
from gisplan.reading.zone_file import Source

TABLES = ("netland", "assessments", "commitments", "buildings")
_FOREVER = frozenset(map(plain, ("长期", "长期有效", "永久", "永久有效", "long term", "permanent")))
_PAPERS = ("netland", "assessments")


@dataclass(frozen=True)
class Dossier:
    """What stands in the papers about a zone's land.

    Attributes
    ----------
    netland
        One row a paper on a test of net land (净地). In all tables column ``stray`` tells which rows name a parcel that
        is not there, and may mean one that is.
    assessments
        One row an area-wide assessment (区域评估).
    commitments
        One row a commitment (承诺事项).
    buildings
        One row a storey of a standard factory building (标准化厂房).
    constraints
        Areas and lines that forbid or narrow building, by feature id; None where none were given.
    checked
        Kinds of constraint that were looked at in full: where none is drawn, there is none.
    lost
        A constraint has lost its shape in reading: it may lie anywhere.
    """

    netland: pd.DataFrame
    assessments: pd.DataFrame
    commitments: pd.DataFrame
    buildings: pd.DataFrame
    constraints: gpd.GeoDataFrame | None = None
    checked: frozenset[str] = frozenset()
    lost: bool = False


def no_dossier() -> Dossier:
    """Make the dossier of a zone of which no papers were given."""
    return Dossier(*(_none(key) for key in TABLES))


def against(papers: pd.DataFrame) -> pd.Series:
    """Tell which papers speak against land, or say something that nobody understands."""
    return ~papers["result"].isin(["passed", "not_applicable"])


def read_dossier(
    given: Mapping[str, Sequence[Given]], constraints: Layer | None, parcels: pd.Index, book: Book
) -> Dossier:
    """Clean the tables; a paper that names no parcel of the zone is named.

    Parameters
    ----------
    given
        Raw layers by table.
    constraints
        The constraints, cleaned; None where none were given.
    parcels
        The zone's parcels.
    book
        Where flaws are written down.
    """
    tables = {key: _table(key, given.get(key, ()), parcels, book) for key in TABLES}
    declared = {kind for source, _ in given.get("constraints", ()) for kind in source.checked}
    return Dossier(
        **tables,
        constraints=None if constraints is None else constraints.frame,
        checked=frozenset(declared),
        lost=constraints is not None and constraints.lost,
    )


def _none(key: str) -> pd.DataFrame:
    return empty(key).assign(file=pd.Series(dtype="str"), stray=pd.Series(dtype="bool"))


def _table(key: str, given: Sequence[Given], parcels: pd.Index, book: Book) -> pd.DataFrame:
    """Clean one table: every row is kept, and names its file."""
    parts = []
    for source, raw in given:
        raw, forever = _forever(raw, key, source, book) if key in _PAPERS else (raw, np.zeros(0, dtype=bool))
        taken = take(raw, key, source, book)
        frame = taken.frame.assign(file=raw.title)
        for column in frame.columns.intersection(["issuer", "number", "accepted_number"]):
            # A dash or 待办 is no issuer and no document number.
            frame[column] = frame[column].mask(frame[column].fillna("").map(unsettled).astype(bool))
        if key in _PAPERS:
            # A day of expiry that nobody understands is one: the paper is not valid for good.
            frame["long_term"] = frame["long_term"].mask(forever, True).mask(taken.puzzled("expires"), False)
        _not_negative(frame, key, raw, book)
        if key == "buildings":
            _not_checked(frame, raw, book)
        frame = _settled(frame, parcels, raw, book)
        frame["stray"] = strays(frame["parcel"], parcels)
        heard = against(frame) if key in _PAPERS else frame["done_on"].isna() if key == "commitments" else None
        grave = np.zeros(len(frame), dtype=bool) if heard is None else heard.to_numpy(dtype=bool) & frame["stray"]
        told(frame["parcel"], parcels, np.asarray(grave), "record_parcel_missing", _place(raw), book)
        parts.append(frame)
    return pd.concat(parts, ignore_index=True) if parts else _none(key)


def _forever(raw: RawLayer, table: str, source: Source, book: Book) -> tuple[RawLayer, np.ndarray]:
    """Take 长期 out of the column of expiry: it is no day, and says that there is none."""
    found = matches(raw, table, source, Book(book.lang).lang).get("expires")
    if found is None:
        return raw, np.zeros(len(raw.table), dtype=bool)
    words = words_of(raw.table[found.theirs])
    forever = words.spread(np.array([*(plain(word) in _FOREVER for word in words.words), False], dtype=bool))
    if not forever.any():
        return raw, forever
    cells = raw.table[found.theirs].astype(object).mask(forever, None)
    return replace(raw, table=raw.table.assign(**{found.theirs: cells})), forever


def projects(given: Sequence[Given], parcels: pd.Index, book: Book) -> pd.DataFrame:
    """Clean the projects (项目), by project id; ``…_odd`` tells which amounts were written and are not known.

    Raises
    ------
    LayerError
        A project id occurs twice.
    """
    tables = []
    for source, raw in given:
        taken = take(raw, "projects", source, book)
        frame = taken.frame.assign(file=raw.title)
        # A need that was written and is not understood is another thing than one that nobody has.
        for name in amounts("projects"):
            frame[f"{name}_odd"] = taken.puzzled(name) | (frame[name] < 0).to_numpy()
        frame["dual_supply_odd"] = taken.puzzled("dual_supply")
        blank = frame["project"].isna()
        made = f"{raw.layer}#" + pd.Series(raw.fids, index=frame.index).astype("str")
        frame["project"] = frame["project"].where(~blank, made)
        _not_negative(frame, "projects", raw, book)
        frame = _settled(frame, parcels, raw, book)
        nothing = np.zeros(len(frame), dtype=bool)
        told(frame["parcel"], parcels, nothing, "record_parcel_missing", _place(raw), book)
        tables.append(frame)
    if not tables:
        odd = {f"{name}_odd": pd.Series(dtype=bool) for name in (*amounts("projects"), "dual_supply")}
        return _none("projects").assign(**odd).set_index("project")
    return by_id(tables, "project", given[0][0].where, book)


def amounts(table: str) -> list[str]:
    """List the columns of a table that hold amounts, which cannot be below zero."""
    return [name for name, entry in fields(table).items() if entry.type == "number" and name != "storey"]


def _not_negative(frame: pd.DataFrame, table: str, raw: RawLayer, book: Book) -> None:
    """Take amounts below zero for what they are: not known."""
    for name in amounts(table):
        entry = fields(table)[name]
        below = (frame[name] < 0).to_numpy()
        if below.any():
            frame[name] = frame[name].mask(below)
            column = Label(entry.zh, entry.en).text(book.lang)
            book.add(
                "amount_negative", "warning", "noted", (raw.file, raw.layer, ""), column=column, count=int(below.sum())
            )


def _not_checked(storeys: pd.DataFrame, raw: RawLayer, book: Book) -> None:
    """Name the storeys of which one check or another cannot say anything: what they are asked is not known."""
    odd = {
        "building_storey": storeys["storey"].isna(),
        "building_vacant": storeys["vacant_m2"] > storeys["floor_area_m2"],
    }
    row = pd.Series(raw.fids, index=storeys.index).astype("str")
    for code, wrong in odd.items():
        if wrong.any():
            names = storeys["building"].astype("str").where(storeys["building"].notna(), "#" + row)[wrong]
            book.add(code, "warning", "noted", _place(raw), count=int(wrong.sum()), ids=listing(dict.fromkeys(names)))


def _settled(frame: pd.DataFrame, parcels: pd.Index, raw: RawLayer, book: Book) -> pd.DataFrame:
    """Match the parcels that a table names."""
    return frame.assign(parcel=matched(frame["parcel"], parcels, _place(raw), book))


def _place(raw: RawLayer) -> tuple[str, str, str]:
    return raw.file, raw.layer, ""
