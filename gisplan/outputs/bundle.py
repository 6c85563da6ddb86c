"""The bundle: a judgement and its answers put into the tables that every output is made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from gisplan.base import VERSION
from gisplan.base.labels import Label, label
from gisplan.base.units import number_column
from gisplan.judging.judgement import Judgement
from gisplan.judging.limits import storm_formula
from gisplan.judging.traces import Traces
from gisplan.networks.standing import says_closed
from gisplan.outputs.columns import JOINS, spots
from gisplan.outputs.tables import Long, Tables
from gisplan.rules.profile import Profile

_PARCELS = ("name", "use", "sub_park", "supply_status", "delivery_on", "promised", "area_mu", "geometry")
_HANGING = ["hanging_parcels", "hanging_mu"]
_SHOWN = 200
"""Jupyter shows at most this many parcels as a table."""


def collect(judgement: Judgement, answers: Mapping[str, Any], known_on: dt.date) -> Tables:
    """Put everything an output may show into one bundle.

    Parameters
    ----------
    judgement
        What was measured.
    answers
        ``cells``, ``readiness``, ``findings``, ``gaps``, ``issues``, ``faults``, ``limits`` and the like: as `Tables`.
    known_on
        The zone's own date.
    """
    survey = judgement.survey
    return Tables(
        about=_about(judgement, known_on),
        services=_services(survey.profile),
        parcels=survey.parcels[list(_PARCELS)],
        features=_features(judgement),
        joins=_joins(judgement, answers["faults"]),
        works=survey.works,
        evidence=survey.evidence,
        traces=Traces(judgement),
        barriers=None if survey.barriers is None or not len(survey.barriers) else survey.barriers,
        **answers,
    )


def bundle(tables: Tables, parcels: list[str] | None) -> Tables:
    """Keep some parcels only; lines, joins, faults, papers, limits and the ledger stay as they are."""
    if parcels is None:
        return tables
    chosen = tables.parcels.index.isin(parcels)
    return replace(
        tables,
        parcels=tables.parcels[chosen],
        readiness=tables.readiness[tables.readiness.index.isin(parcels)],
        cells=tables.cells[tables.cells["parcel"].isin(parcels)].reset_index(drop=True),
        findings=_of_parcels(tables.findings, chosen, parcels),
        gaps=tables.gaps[tables.gaps["parcel"].isin(parcels)].reset_index(drop=True),
        land=None if tables.land is None else tables.land[tables.land.index.isin(parcels)],
        earthwork=None if tables.earthwork is None else tables.earthwork[tables.earthwork.index.isin(parcels)],
        land_findings=None if (tests := tables.land_findings) is None else _of_parcels(tests, chosen, parcels),
    )


def _of_parcels(table: pd.DataFrame | Long, chosen: np.ndarray, parcels: list[str]) -> pd.DataFrame | Long:
    if isinstance(table, pd.DataFrame):
        return table[table["parcel"].isin(parcels)].reset_index(drop=True)
    return table.of(np.flatnonzero(chosen))


def _about(judgement: Judgement, known_on: dt.date) -> dict[str, Any]:
    survey = judgement.survey
    profile = survey.profile
    disclaimer, formula = _disclaimer(profile), storm_formula(profile)
    notes = [n for n in (survey.note, *survey.notes) if n.zh or n.en]
    code = survey.crs.to_authority()
    return {
        "title": {"zh": survey.title.zh, "en": survey.title.en},
        "invented": survey.invented,
        "disclaimer": {"zh": disclaimer.zh, "en": disclaimer.en},
        "profile": {"id": profile.id, "version": profile.version, "zh": profile.label.zh, "en": profile.label.en},
        "dates": {
            "data": survey.data_date.isoformat() if survey.data_date else None,
            "check": judgement.date.isoformat(),
            "known_on": known_on.isoformat(),
        },
        "crs": {"code": ":".join(code) if code else "", "name": survey.crs.name},
        "version": VERSION,
        "notes": [{"zh": n.zh, "en": n.en} for n in notes],
        "formula": None if formula is None else {"zh": formula.zh, "en": formula.en},
    }


def _disclaimer(profile: Profile) -> Label:
    """Say what the answers are good for: that hangs on what the profile judges."""
    asked = {condition.measure.kind for condition in profile.conditions}
    return label("disclaimer.whole" if {"capacity", "fall"} <= asked else "disclaimer")


def _services(profile: Profile) -> pd.DataFrame:
    rows = [
        {
            "service": s.key, "zh": s.label.zh, "en": s.label.en, "letter": s.letter, "short": s.short,
            "colour": s.colour, "shape": s.shape, "need": s.need,
        }
        for s in profile.services
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index("service")


def _features(judgement: Judgement) -> gpd.GeoDataFrame:
    """List every line and point of every service with its state and the label that a map writes beside it."""
    survey = judgement.survey
    parts = []
    for service in survey.profile.services:
        layer = survey.layers.get(service.key)
        if layer is None or not len(layer) or service.key not in judgement.standings:
            continue
        parts.append(
            pd.DataFrame(
                {
                    "service": service.key,
                    "feature": layer.index.to_numpy(dtype=object),
                    "role": layer["role"].to_numpy(dtype=object),
                    "kind": layer["kind"].to_numpy(dtype=object),
                    "state": np.where(says_closed(layer), "closed", judgement.standings[service.key].state),
                    "label": _written(layer),
                    "works": layer["works"].to_numpy(dtype=object),
                    "name": layer["name"].to_numpy(dtype=object),
                    "geometry": np.asarray(layer.geometry.array),
                }
            )
        )
    columns = ["service", "feature", "role", "kind", "state", "label", "works", "name", "geometry"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return gpd.GeoDataFrame(table, geometry="geometry", crs=survey.crs)


def _written(layer: pd.DataFrame) -> pd.Series:
    """Write the size of a line: DN, kV, pressure class or width, whichever it has."""
    text = pd.Series("", index=range(len(layer)), dtype=object)
    for column, before, after in (("diameter_mm", "DN", ""), ("voltage_kv", "", " kV"), ("width_m", "", " m")):
        value = layer[column].reset_index(drop=True)
        sized = before + number_column(value, 1).astype(object) + after
        text = text.where((text != "") | value.isna(), sized)
    pressure = layer["pressure_class"].astype(object).where(layer["pressure_class"].notna(), "").to_numpy(dtype=object)
    return pd.Series(np.where(pressure != "", text + " " + pressure, text), dtype="str").str.strip()


def _joins(judgement: Judgement, faults: pd.DataFrame) -> gpd.GeoDataFrame:
    """List every join and split as a point, also those that were undone, with the land that hangs on each."""
    parts = [pd.DataFrame(columns=[*JOINS, "x", "y"])]
    for key, kept in judgement.candidates.items():
        parts.append(kept.network.joins.assign(service=key).reindex(columns=[*JOINS, "x", "y"]))
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    table["undone"] = table["undone"].astype(bool)
    points = gpd.points_from_xy(table["x"].astype(float), table["y"].astype(float))
    found = gpd.GeoDataFrame(table.drop(columns=["x", "y"]), geometry=points, crs=judgement.survey.crs)
    found[_HANGING] = _hanging(found, faults).to_numpy()
    return found


def _hanging(joins: gpd.GeoDataFrame, faults: gpd.GeoDataFrame) -> pd.DataFrame:
    """Give what hangs on each join, by the faults of kind ``joined``."""
    bearing = faults[faults["code"] == "joined"]
    found = pd.DataFrame(bearing[_HANGING]).astype(float).set_axis(spots(bearing, "layer"), axis=0)
    return found[~found.index.duplicated()].reindex(spots(joins, "service"))


def matrix_html(tables: Tables) -> str:
    """Show parcels × services as letters; every text escaped."""
    services = tables.services
    head = "".join(f"<th title='{escape(s.zh)} {escape(s.en)}'>{escape(s.short)}</th>" for s in services.itertuples())
    rows = []
    for parcel, row in tables.readiness.head(_SHOWN).iterrows():
        letters = "".join(f"<td>{escape(str(row[key]))}</td>" for key in services.index)
        ready = label(f"ready.{row['ready']}")
        rows.append(
            f"<tr><td>{escape(str(parcel))}</td><td>{row['area_mu']:.1f}</td><td>{escape(ready.text('both'))}</td>{letters}</tr>"
        )
    rest = len(tables.readiness) - _SHOWN
    more = f"<tr><td colspan='{len(services) + 3}'>… +{rest}</td></tr>" if rest > 0 else ""
    about = tables.about
    caption = f"{about['title']['zh']} {about['title']['en']} · {about['profile']['zh']} · {about['dates']['check']}"
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr><th>parcel</th><th>mu</th><th>ready</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}{more}</tbody></table>"
    )
