"""Inspections: what was found while networks were built and papers were read; each finding is an issue record."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from gisplan.base.issues import COLUMNS, Book
from gisplan.base.labels import label, say_column
from gisplan.base.units import number, number_column
from gisplan.judging.judgement import Judgement
from gisplan.networks.network import Network
from gisplan.rules.profile import named


def inspect(judgement: Judgement, lang: str = "zh") -> pd.DataFrame:
    """List what a planner should look at, beside what reading found.

    Parameters
    ----------
    judgement
        What was built and read.
    lang
        Language of the messages.

    Returns
    -------
    pandas.DataFrame
        Issue records: code, severity, file, layer, feature, message, hint, action.
    """
    book = Book("en" if lang == "en" else "zh")
    survey = judgement.survey
    for parcel in survey.parcels.index[judgement.overlap]:
        book.add("parcel_overlap", "warning", "noted", ("", "parcels", str(parcel)), parcel=parcel)
    promised = survey.parcels["promised"].dropna()
    for word in pd.unique(promised[promised.astype("str").str.strip() != ""]):
        if named(str(word)) is None:
            first = str(promised.index[promised == word][0])
            book.add("promise_unknown", "warning", "noted", ("", "parcels", first), word=word)
    if survey.neighbours is not None:
        return book.table()  # what is said of networks and papers stands in the zone's own report
    _papers(judgement, book)
    _absent(judgement, book)
    parts = [book.table()]
    for key, kept in judgement.candidates.items():
        _network(judgement, kept.network, book := Book(book.lang))
        parts += [book.table(), _joins(judgement, key, book.lang)]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _absent(judgement: Judgement, book: Book) -> None:
    """Say which layers are missing, and what hangs on it."""
    survey = judgement.survey
    for service in survey.profile.networks:
        if service.key not in survey.layers and service.key not in survey.absent:
            name = service.label.text(book.lang)
            book.add("no_layer", "warning", "noted", ("", service.key, ""), service=name, key=service.key)
    doubtful = sum(int((c.code == "barriers_unknown").sum()) for c in judgement.connections.values())
    if doubtful:
        book.add("no_barriers", "warning", "noted", ("", "barriers", ""), count=doubtful)


def _papers(judgement: Judgement, book: Book) -> None:
    """List the letters that do not count at the date."""
    evidence = judgement.survey.evidence
    counted = judgement.evidence.index[judgement.evidence["whole"]]
    for row in evidence[~evidence.index.isin(counted)].itertuples():
        file = "" if pd.isna(row.file) else str(row.file)
        expired = pd.notna(row.expires) and row.expires < pd.Timestamp(judgement.date)
        code = "evidence_expired" if expired else "evidence_invalid"
        book.add(
            code, "warning", "set aside", (file, "evidence", _text(row.parcel) or _text(row.feature)),
            number=_text(row.number) or "?", issuer=_text(row.issuer) or "?",
        )  # fmt: skip


def _text(value: object) -> str:
    return "" if pd.isna(value) else str(value)


def _network(judgement: Judgement, network: Network, book: Book) -> None:
    """List sources of the wrong kind, valves that cut or may cut, and combined sewers."""
    key = network.service.key
    layer = judgement.survey.layers[key]
    role, file = layer["role"], layer["file"].astype("str")

    def tell(code: str, severity: str, rows: np.ndarray) -> None:
        for at in np.flatnonzero(rows):
            feature = str(layer.index[at])
            book.add(code, severity, "noted", (str(file.iloc[at]), key, feature), feature=feature)

    _unmet(judgement, network, book)
    fed = np.zeros(len(layer), dtype=bool)
    fed[network.sources.row] = True
    tell("source_kind", "warning", role.isin(["source", "outfall"]).to_numpy() & ~fed)
    valve = (role == "valve").to_numpy()
    shut = (layer["open"].astype("boolean") == False).fillna(False).to_numpy(dtype=bool)  # noqa: E712
    tell("valve_closed", "info", valve & shut)
    tell("valve_unknown", "warning", valve & layer["open_unknown"].to_numpy(dtype=bool))
    combined = (layer["system"] == "combined").fillna(False).to_numpy(dtype=bool) & (role == "line").to_numpy()
    if combined.any():
        code = "combined_refused" if network.service.combined == "refuse" else "combined_serves"
        first = str(layer.index[np.flatnonzero(combined)[0]])
        book.add(code, "warning", "noted", ("", key, first), count=int(combined.sum()), feature=first)


def _unmet(judgement: Judgement, network: Network, book: Book) -> None:
    """Name the declared supply points that touch no line: nothing would be fed from them."""
    key = network.service.key
    layer = judgement.survey.layers[key]
    points = np.flatnonzero((layer["role"] == "boundary_supply").to_numpy())
    lines = np.asarray(layer.geometry.array, dtype=object)[layer["role"].isin(["line", "lateral"]).to_numpy()]
    if not len(points) or not len(lines):
        return
    shapes = np.asarray(layer.geometry.array, dtype=object)[points]
    at, far = shapely.STRtree(lines).query_nearest(shapes, return_distance=True, all_matches=False)
    snap = judgement.survey.snap_m.get(key, judgement.survey.profile.snap_m)
    for row, distance in zip(points[at[0]], far, strict=True):
        if distance > snap:
            feature, file = str(layer.index[row]), str(layer["file"].iloc[row])
            book.add(
                "supply_apart", "warning", "noted", (file, key, feature),
                feature=feature, distance=number(float(distance), 3), snap=number(float(snap), 3),
            )  # fmt: skip


def _joins(judgement: Judgement, key: str, lang: str) -> pd.DataFrame:
    """List every join over a gap, a row each."""
    joins = judgement.candidates[key].network.guesses
    values = {
        "feature": joins["feature"].astype("str"),
        "other": joins["other"].astype("str"),
        "gap": number_column(joins["gap_m"], 3),
    }
    code = pd.Series("issue.joined", index=joins.index)
    return pd.DataFrame(
        {
            "code": "joined",
            "severity": "info",
            "file": "",
            "layer": key,
            "feature": values["feature"],
            "message": say_column(code, lang, values),
            "hint": label("hint.joined").text(lang),
            "action": "joined",
        }
    )
