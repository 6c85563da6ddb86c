"""The tables that every output is made from: one frozen bundle, no Report, no Zone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.base.labels import SINGLE
from gisplan.judging.traces import Traced
from gisplan.outputs.basemap import Base


class Long(Protocol):
    """A table that is too long to be held with its sentences, and is made a block of rows at a time."""

    def __len__(self) -> int:
        """Count the rows."""

    def blocks(self, langs: Sequence[str] = SINGLE) -> Iterator[pd.DataFrame]:
        """Give the rows in tables of a bounded size, with sentences in some languages."""

    def of(self, at: npt.NDArray[np.int64]) -> Long:
        """Give the rows of other parcels, by their positions in the zone."""


class LongFindings(Long, Protocol):
    """The findings, where they are made block by block."""

    def open_(self) -> int:
        """Count the rows that do not hold."""

    def only(self, conditions: Collection[str]) -> Long:
        """Give the findings of some conditions."""


class Tracing(Protocol):
    """The ways of cells to their sources, drawn for those parcels that are asked for."""

    def of(self, parcels: pd.Index) -> Traced:
        """Draw the ways of some parcels."""


class Spoken(Protocol):
    """The cells with their sentences, made for those parcels that are asked for."""

    def of(self, parcels: pd.Index) -> pd.DataFrame:
        """Give the cells of some parcels with ``reason_zh`` and ``reason_en``."""


def blocks(table: pd.DataFrame | Long, langs: Sequence[str] = SINGLE) -> Iterator[pd.DataFrame]:
    """Give a table block by block; one that is held anyway is one block."""
    if isinstance(table, pd.DataFrame):
        yield table
    else:
        yield from table.blocks(langs)


def spoken_in(lang: str) -> tuple[str, ...]:
    """Give the languages of sentences that an output in ``zh``, ``en`` or ``both`` shows."""
    return SINGLE if lang == "both" else (lang,)


@dataclass(frozen=True)
class Tables:
    """What an output may show; a column that is not named here never leaves the zone.

    Attributes
    ----------
    about
        ``title`` {zh, en}, ``invented``, ``disclaimer`` {zh, en}, ``profile`` {id, version, zh, en}, ``dates``
        {data, check} in ISO form, ``crs`` {code, name}, ``version`` of gisplan, ``notes`` (list of {zh, en}), and
        ``formula`` {zh, en}: the storm formula with its figures, where one is used.
    services
        Index ``service`` in profile order, leveling last: zh, en, letter, short, colour, shape, need.
    parcels
        Index ``parcel``, in the zone's CRS: name, use, sub_park, supply_status, delivery_on, promised, area_mu,
        geometry.
    readiness
        Index ``parcel``: area_mu, supply_status, ready, ready_by_delivery, ready_on, connected_count, required_count,
        then one grade letter per service.
    cells
        One row per parcel and service: parcel, service, grade, verdict, need, code, feature, distance_m, path_m,
        source, works, ready_on; with reason_zh and reason_en where there is no ``spoken``.
    findings
        One row per parcel and condition, with value, unit, limit, verdict, basis and reason; made block by block, as
        are ``land_findings`` and ``land_tasks``.
    gaps
        One row per gap: parcel, service, grade, length_m, from_feature, responsible_zh, responsible_en, unit_price_cny,
        estimate_cny, basis, reason_zh, reason_en, geometry (a line, or none).
    issues
        The issue records: code, severity, file, layer, feature, message, hint, action.
    features
        Every pipe, line and point: service, feature, role, kind, state, label, works, name, geometry.
    joins
        Every join, and every split of a line by an end beside it or by a crossing: id, service, feature, other, kind,
        gap_m, doubt (a code, blank for none), undone (by ``zone.toml``), hanging_parcels and hanging_mu (what is
        connected through it today), geometry (points).
    faults
        What is wrong with the survey on the map, ranked by the land at stake: `gisplan.faults.fault.COLUMNS`.
    works
        The works (配套工程), as in the zone.
    evidence
        Letters and site visits, as in the zone.
    limits
        Every limit, norm and price that answers rest on: `gisplan.judging.limits.COLUMNS`.
    due
        Papers that expire soon and commitments that are due: `gisplan.judging.due.COLUMNS`; None where nobody looked.
    ledger, holders
        What every source and main has left, and who takes what (`gisplan.judging.reserves.ledger`); None without one.
    earthwork
        Levels and volumes by parcel: `gisplan.judging.surface.earthwork.COLUMNS`; None without a levelling.
    land, land_findings, land_tasks
        Stage and conclusion by parcel, one row a parcel and rule, and those rows that are left to do: columns as in
        `gisplan.land.check`; None where nobody asked.
    buildings
        Standard factory buildings by storey: `gisplan.land.buildings.COLUMNS`.
    barriers
        Rivers, railways and expressways (feature, kind, name, geometry); None when the zone names none.
    spoken
        The cells with their sentences, where they are made for those parcels that are asked for.
    traces
        The way of each cell to its source: `gisplan.judging.traces.Traced` for some parcels; None where nobody asked.
    base
        What the map shows beneath the parcels; None unless somebody asked for it.
    notes
        What reviewers said, and what has become of it (columns `gisplan.outputs.columns.NOTES`); None without a review.
    """

    about: dict[str, Any]
    services: pd.DataFrame
    parcels: gpd.GeoDataFrame
    readiness: pd.DataFrame
    cells: pd.DataFrame
    findings: pd.DataFrame | LongFindings
    gaps: gpd.GeoDataFrame
    issues: pd.DataFrame
    features: gpd.GeoDataFrame
    joins: gpd.GeoDataFrame
    faults: gpd.GeoDataFrame
    works: pd.DataFrame
    evidence: pd.DataFrame
    limits: pd.DataFrame
    barriers: gpd.GeoDataFrame | None = None
    due: pd.DataFrame | None = None
    ledger: pd.DataFrame | None = None
    holders: pd.DataFrame | None = None
    earthwork: pd.DataFrame | None = None
    land: pd.DataFrame | None = None
    land_findings: pd.DataFrame | Long | None = None
    land_tasks: pd.DataFrame | Long | None = None
    buildings: pd.DataFrame | None = None
    spoken: Spoken | None = None
    traces: Tracing | None = None
    notes: pd.DataFrame | None = None
    base: Base | None = None
