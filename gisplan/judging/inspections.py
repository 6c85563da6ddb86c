"""Inspections: layers that are missing, papers that do not count, words that nobody understands, as issue records.

What is wrong with a feature on the map is a fault (`gisplan.faults`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gisplan.base.issues import Book
from gisplan.base.units import number
from gisplan.judging.binding import DUAL, dual
from gisplan.judging.brief import Brief
from gisplan.judging.due import due
from gisplan.judging.judgement import Judgement
from gisplan.judging.reserves.capacity import element_names
from gisplan.judging.reserves.carrying import lifting
from gisplan.judging.reserves.demand import norms
from gisplan.judging.reserves.loads import loads
from gisplan.networks.network import Network
from gisplan.reading.entries import NAME
from gisplan.rules.profile import named


def inspect(judgement: Judgement, lang: str = "zh") -> pd.DataFrame:
    """List what a planner should look at in papers and layers, beside what reading found and faults on the map.

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
    promised = survey.parcels["promised"].dropna()
    for word in pd.unique(promised[promised.astype("str").str.strip() != ""]):
        if named(str(word)) is None:
            first = str(promised.index[promised == word][0])
            book.add("promise_unknown", "warning", "noted", ("", "parcels", first), word=word)
    if survey.neighbours is not None:
        return book.table()  # what is said of networks and papers stands in the zone's own report
    _papers(judgement, book)
    _due(judgement, book)
    _absent(judgement, book)
    _groundless(judgement, book)
    _together(judgement, book)
    _undone(judgement, book)
    _dual(judgement, book)
    for brief in judgement.briefs.values():
        _over_promised(brief, book)
        _need(brief, book)
        _scant(brief, book)
        _unplaced(brief, book)
        _unused(brief, book)
    for kept in judgement.candidates.values():
        _combined(judgement, kept.network, book)
        _contrary(judgement, kept.network, book)
    return book.table()


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


def _groundless(judgement: Judgement, book: Book) -> None:
    """Say what cannot be told without the heights of the ground."""
    survey = judgement.survey
    asking = [
        service.label.text(book.lang)
        for service in survey.profile.services
        if (service.shape == "surface" or service.key in survey.layers)
        and any(c.measure.kind == "ground" or c.measure.name == "fall" for c in service.conditions)
    ]
    if survey.ground is None and asking:
        book.add("no_ground", "warning", "noted", ("", "ground", ""), services=", ".join(asking))


def _together(judgement: Judgement, book: Book) -> None:
    """Name the parcels that several projects hold: what they ask for is added up."""
    projects = judgement.survey.projects
    held = projects[projects["parcel"].notna() & projects["parcel"].duplicated(keep=False)]
    for parcel, rows in held.groupby("parcel", sort=False):
        file = str(rows["file"].iloc[0])
        book.add(
            "projects_together", "warning", "noted", (file, "projects", str(parcel)),
            parcel=parcel, projects=", ".join(rows.index.astype(str)),
        )  # fmt: skip


def _undone(judgement: Judgement, book: Book) -> None:
    """Say which joins were undone, and which ids in zone.toml name no join."""
    wanted = judgement.survey.undo
    if not wanted:
        return
    known: set[str] = set()
    for key, kept in judgement.candidates.items():
        joins = kept.network.joins
        for row in joins[joins["undone"]].itertuples():
            known.add(row.id)
            book.add(
                "join_undone", "info", "declared", ("", key, str(row.feature)),
                id=row.id, feature=row.feature, other=row.other, gap=number(float(row.gap_m), 3),
            )  # fmt: skip
    for identity in sorted(wanted - known):
        book.add("undo_missing", "warning", "noted", (NAME, "", identity), id=identity)


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


def _due(judgement: Judgement, book: Book) -> None:
    """List the papers that expire soon, and the commitments that are due or overdue."""
    for row in due(judgement.survey, judgement.evidence, judgement.date).itertuples():
        days = int(row.days_left)
        code = "evidence_expiring" if row.kind != "commitments" else "commitment_due"
        book.add(
            code if days >= 0 else "commitment_overdue", "warning", "noted",
            (_text(row.file), str(row.kind), _text(row.parcel) or _text(row.feature)),
            number=_text(row.number) or "?", issuer=_text(row.issuer) or _text(row.responsible) or "?",
            what=_text(row.what) or "?", day=row.due.strftime("%Y-%m-%d"), days=abs(days),
        )  # fmt: skip


def _text(value: object) -> str:
    return "" if pd.isna(value) else str(value)


def _combined(judgement: Judgement, network: Network, book: Book) -> None:
    """Say of combined sewers whether they serve."""
    key = network.service.key
    layer = judgement.survey.layers[key]
    combined = (layer["system"] == "combined").fillna(False).to_numpy(dtype=bool) & (layer["role"] == "line").to_numpy()
    if combined.any():
        code = "combined_refused" if network.service.combined == "refuse" else "combined_serves"
        first = str(layer.index[np.flatnonzero(combined)[0]])
        book.add(code, "warning", "noted", ("", key, first), count=int(combined.sum()), feature=first)


def _contrary(judgement: Judgement, network: Network, book: Book) -> None:
    """List the lines that are said to flow the way they rise, though no pump lifts them."""
    if network.inverts is None:
        return
    layer = judgement.survey.layers[network.service.key]
    seen: set[str] = set()
    for row in np.unique(network.row[network.inverts.contrary]).tolist():
        feature = str(layer.index[row])
        if feature not in seen:
            seen.add(feature)
            start, stop = (float(layer[c].iloc[row]) for c in ("invert_from_m", "invert_to_m"))
            book.add(
                "flow_contradicts", "warning", "noted", ("", network.service.key, feature),
                rise=number(abs(stop - start), 2),
            )  # fmt: skip


def _dual(judgement: Judgement, book: Book) -> None:
    """Say of projects that ask dual supply where the profile has no condition that looks for it."""
    survey = judgement.survey
    known = any(c.measure.name == "two_sources" for s in survey.profile.services if s.key == DUAL for c in s.conditions)
    asked, unclear = dual(survey)
    at = np.flatnonzero(asked | unclear)
    if len(at) and not known:
        first = str(survey.parcels.index[at[0]])
        book.add("dual_unasked", "warning", "noted", ("", "projects", first), parcel=first, count=len(at))


def _unused(brief: Brief, book: Book) -> None:
    """Name what states a capacity that no sum uses: laterals, and what else is neither main nor source nor lifts."""
    if not brief.asked("capacity"):
        return
    layer, network = brief.survey.layers[brief.service.key], brief.kept.network
    states = (layer["capacity"].notna() & (layer["role"] != "line") & (layer["status"] != "abandoned")).to_numpy(bool)
    at = np.setdiff1d(np.flatnonzero(states), np.concatenate([network.sources.row, lifting(brief)[0]]))
    if len(at):
        first = str(layer.index[at[0]])
        book.add(
            "capacity_unused", "warning", "noted", ("", brief.service.key, first), feature=first, count=len(at),
        )  # fmt: skip


def _over_promised(brief: Brief, book: Book) -> None:
    """Name every source and main of which papers promise more than there is."""
    if not brief.asked("capacity"):
        return
    found, names = loads(brief), element_names(brief)
    over = np.flatnonzero(found.held > np.where(np.isnan(found.capacity), np.inf, found.capacity) * (1 + 1e-9))
    for feature in dict.fromkeys(names[over]):
        at = over[names[over] == feature]
        worst = at[np.argmax(found.held[at] - found.capacity[at])]
        book.add(
            "over_promised", "error", "noted", ("", brief.service.key, str(feature)), feature=feature,
            held=number(float(found.held[worst])), left=number(max(float(found.capacity[worst]), 0.0)),
            unit=brief.service.demand,
        )  # fmt: skip


def _unplaced(brief: Brief, book: Book) -> None:
    """Say how many parcels are supplied already by a way that nobody drew: what they take of mains is in no sum."""
    if not brief.asked("capacity"):
        return
    found = loads(brief)
    who = np.flatnonzero(found.order.granted & ~found.ways.sure & ~found.ways.restless & (found.demand.value != 0))
    if len(who):
        first, name = str(brief.survey.parcels.index[who[0]]), brief.service.label.text(book.lang)
        book.add(
            "granted_unplaced", "warning", "noted", ("", "parcels", first), service=name, count=len(who), parcel=first
        )


def _need(brief: Brief, book: Book) -> None:
    """Name the parcels of which projects state a need that is far from the norm of their land: perhaps another unit."""
    norm = norms(brief.survey, brief.service)
    if norm is None or not brief.asked("capacity"):
        return
    found, least = loads(brief).demand, brief.survey.profile.inspections["need_share"].value / 100
    usual = found.area_ha * norm
    odd = (found.basis == "project") & (usual > 0) & ((found.value < least * usual) | (found.value * least > usual))
    projects = brief.survey.projects
    for i in np.flatnonzero(odd).tolist():
        parcel = str(brief.survey.parcels.index[i])
        rows = projects[projects["parcel"] == parcel]
        book.add(
            "need_odd", "warning", "noted", (_text(rows["file"].iloc[0]), "projects", parcel), parcel=parcel,
            projects=", ".join(rows.index.astype(str)), service=brief.service.label.text(book.lang),
            need=number(float(found.value[i])), usual=number(float(usual[i])), unit=brief.service.demand,
            share=number(100 * float(found.value[i] / usual[i])),
        )  # fmt: skip


def _scant(brief: Brief, book: Book) -> None:
    """Name every paper that reserves less than its parcel needs by itself, and so gives no earlier place."""
    if not brief.asked("capacity"):
        return
    found, rows = loads(brief), brief.evidence
    rows = rows[rows["whole"] & (rows["service"] == brief.service.key) & (rows["says"] == "reserved")]
    for i in np.flatnonzero(found.order.scant).tolist():
        parcel, need = str(brief.survey.parcels.index[i]), float(found.demand.most[i])
        paper = rows[rows["parcel"] == parcel].iloc[0]
        book.add(
            "paper_scant", "warning", "noted", (_text(paper["file"]), "evidence", parcel), parcel=parcel,
            number=_text(paper["number"]), service=brief.service.label.text(book.lang),
            held=number(float(found.order.held[i])), unit=brief.service.demand,
            need=number(need) if found.demand.value[i] == need else f"≤ {number(need)}",
        )  # fmt: skip
