"""Records beside the layers: works (配套工程), evidence (佐证) and declared boundary supply points (边界接入点)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gisplan.base.errors import LayerError
from gisplan.base.fields import fields, plain, vocabulary
from gisplan.base.issues import Book
from gisplan.base.labels import label
from gisplan.reading.columns import take
from gisplan.reading.entries import NAME
from gisplan.reading.layers import Given
from gisplan.reading.places.coordinates import Gate
from gisplan.reading.refusals import listing, refusal
from gisplan.reading.words import unsettled
from gisplan.reading.zone_file import Supply
from gisplan.rules.profile import Profile


def service_words(profile: Profile) -> dict[str, str]:
    """Give the words that name a service in evidence: key, labels, letter, and what else people call it (供电)."""
    words: dict[str, str] = {}
    for entry in profile.services:
        for word in (entry.key, entry.label.zh, entry.label.en, entry.letter, entry.short):
            words.setdefault(plain(word), entry.key)
    keys = {entry.key for entry in profile.services}
    for word, key in vocabulary("service_word").items():
        if key in keys:
            words.setdefault(word, key)
    return words


def works(given: Sequence[Given], book: Book) -> pd.DataFrame:
    """Clean the works.

    Raises
    ------
    LayerError
        A works id occurs twice.
    """
    tables = []
    for source, raw in given:
        taken = take(raw, "works", source, book)
        frame = taken.frame
        # A commissioning day that cannot be read must not leave an earlier planned day in its place.
        frame["planned_on"] = frame["planned_on"].mask(taken.puzzled("commission_on"))
        blank = frame["works"].isna()
        for row in raw.fids[blank.to_numpy()]:
            _aside("works_blank", (raw.file, raw.layer, f"#{row}"), book)
        tables.append(frame[~blank].assign(file=raw.title))
    if not tables:
        return empty("works").set_index("works")
    return by_id(tables, "works", given[0][0].where, book).drop(columns="file")


def by_id(tables: Sequence[pd.DataFrame], column: str, where: str, book: Book) -> pd.DataFrame:
    """Put the rows of several files (column ``file``) together, by an id that no two of them may share.

    Raises
    ------
    LayerError
        An id occurs twice.
    """
    table = pd.concat(tables, ignore_index=True)
    twice = table[column][table[column].duplicated(keep=False)]
    if len(twice):
        raise refusal(
            LayerError, f"{column}_twice", book.lang,
            file=listing(table["file"].unique()), where=where, ids=listing(dict.fromkeys(twice)),
        )  # fmt: skip
    return table.set_index(column)


_AGAINST = ("not_connected", "not_operating")


def evidence(given: Sequence[Given], profile: Profile, book: Book) -> pd.DataFrame:
    """Clean the evidence; what supports a connection and is not understood is set aside, never half believed.

    What speaks against one, or what nobody understands, stays with its gaps: damage never makes an answer better.
    """
    tables = []
    words = service_words(profile)
    for source, raw in given:
        taken = take(raw, "evidence", source, book, words)
        frame = taken.frame.assign(file=raw.title)
        reason = np.full(len(frame), "", dtype=object)
        for column in ("issuer", "number"):
            # A dash or 待办 is no issuer and no document number.
            written = frame[column].astype("str").fillna("").map(unsettled).astype(bool)
            frame[column] = frame[column].mask(written)
        against = doubtful(frame).to_numpy()
        # A paper that holds a reserve goes on holding it, and without a day it helps nobody.
        holds = (frame["says"] == "reserved").to_numpy()
        worded = (against | holds) & (frame["says"].notna().to_numpy() | taken.puzzled("says"))
        nothing = (frame["parcel"].isna() & frame["feature"].isna()).to_numpy()
        reason[nothing & ~worded] = "evidence_nothing"
        reason[frame["service"].isna().to_numpy() & ~against & ~holds] = "evidence_service"
        frame["stray"] = worded
        for column in ("date", "expires"):
            reason[taken.puzzled(column) & ~against & ~holds] = "evidence_date"
        frame["date"] = frame["date"].mask(holds & taken.puzzled("expires"))
        for row, code in zip(raw.fids[reason != ""], reason[reason != ""], strict=True):
            _aside(str(code), (raw.file, raw.layer, f"#{row}"), book)
        tables.append(frame[reason == ""])
    if not tables:
        return empty("evidence")
    out: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return out


def doubtful(evidence: pd.DataFrame) -> pd.Series:
    """Tell which rows speak against a connection, or say something that nobody understands."""
    return evidence["says"].isin(_AGAINST) | evidence["says"].isna()


def _aside(code: str, place: tuple[str, str, str], book: Book) -> None:
    book.add("row_set_aside", "warning", "set aside", place, row=place[2], why=label(f"flaw.{code}").text(book.lang))


def empty(table: str) -> pd.DataFrame:
    """Make an empty table with the columns of fields.csv.

    Evidence also names the file of each row, and tells which rows speak of nothing that is there (``stray``).
    """
    return _empty(table).copy()


@cache
def _empty(table: str) -> pd.DataFrame:
    kinds = {"number": "float64", "date": "datetime64[s]", "flag": "boolean"}
    columns = {name: pd.Series(dtype=kinds.get(f.type, "str")) for name, f in fields(table).items()}
    own = {"file": pd.Series(dtype="str"), "stray": pd.Series(dtype="bool")} if table == "evidence" else {}
    return pd.DataFrame({**columns, **own})


def supply_points(
    points: Iterable[Supply], layers: Mapping[str, gpd.GeoDataFrame], gate: Gate, profile: Profile, book: Book
) -> tuple[dict[str, gpd.GeoDataFrame], pd.DataFrame]:
    """Add the declared boundary supply points to their layers, and their papers to the evidence.

    Raises
    ------
    LayerError
        A point's id is taken, or it lies elsewhere.
    """
    out = dict(layers)
    papers = []
    for point in points:
        where = f"[[supply]] {point.id}"
        profile.service(point.service)
        at = np.array([[point.at[0], point.at[1]] * 2])
        if not gate.fits(at)[0]:
            cause, _ = gate.diagnose(point.at[0], point.at[1], book.lang)
            raise refusal(
                LayerError, "supply_elsewhere", book.lang, where=where, x=point.at[0], y=point.at[1], cause=cause
            )
        layer = out.get(point.service)
        if layer is None:
            # A lone point would turn "no layer, unknown" into "no pipe, gap".
            book.add("supply_no_layer", "warning", "set aside", (NAME, "", point.id), service=point.service)
            continue
        if point.id in layer.index:
            raise refusal(LayerError, "supply_twice", book.lang, where=where)
        row = {
            "role": "boundary_supply", "kind": point.kind, "status": point.status, "works": point.works,
            "capacity": point.capacity, "capacity_unit": point.capacity_unit, "capacity_used": point.capacity_used,
            "name": point.name,
            "open_unknown": False, "part": 0, "file": NAME,
        }  # fmt: skip
        extra = pd.DataFrame(
            {c: pd.Series([row.get(c)], dtype=layer[c].dtype) for c in layer.columns if c != "geometry"}
        )
        extra.index = pd.Index([point.id], name="feature", dtype="str")
        new = gpd.GeoDataFrame(extra, geometry=[shapely.Point(point.at)], crs=layer.crs)
        out[point.service] = pd.concat([layer, new])
        book.add("supply_declared", "info", "declared", (NAME, "", point.id), service=point.service, id=point.id)
        if point.issuer or point.document:
            papers.append(_paper(point))
    return out, pd.concat(papers, ignore_index=True) if papers else empty("evidence")


def _paper(point: Supply) -> pd.DataFrame:
    says = "operating" if point.status == "operating" else "not_operating"
    row: dict[str, object] = {
        "feature": point.id, "service": point.service, "issuer": point.issuer or None, "number": point.document or None,
        "date": pd.Timestamp(point.as_of) if point.as_of else None, "says": says, "file": NAME,
        "expires": pd.Timestamp(point.expires) if point.expires else None,
        "capacity": point.capacity, "capacity_unit": point.capacity_unit,
    }  # fmt: skip
    blank = empty("evidence")
    return pd.DataFrame({c: pd.Series([row.get(c)], dtype=blank[c].dtype) for c in blank.columns})
