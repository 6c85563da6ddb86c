"""Demand: what each parcel needs of a service, by the project that holds it or by the norm of its land use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.reading.survey import Survey
from gisplan.rules.figures import Figure
from gisplan.rules.profile import Service

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]

_NEEDS: dict[str, tuple[str, ...]] = {
    "water": ("water_m3_d",),
    "sewage": ("sewage_m3_d",),
    "power": ("power_kva",),
    "gas": ("gas_nm3_h",),
    "heat": ("heat_mw", "steam_t_h"),
}
"""Columns of the projects that say what a service must give; those of one service add up, and one of them is enough."""


@dataclass(frozen=True)
class Demand:
    """What every parcel needs of one service.

    Attributes
    ----------
    value
        Demand in the unit of the service; NaN where it is not known.
    most
        What it may be at most: `value` where that is known; infinite where nothing limits it.
    basis
        ``norm``, ``project``, ``none`` (not known), or ``unasked``: no project, of a service without a norm.
    area_ha, norm
        What the norm was applied to [ha], and the norm with all factors [unit/ha]; NaN where there is none.
    """

    value: Floats
    most: Floats
    basis: Texts
    area_ha: Floats
    norm: Floats


def demand(survey: Survey, service: Service) -> Demand:
    """Reckon the demand of every parcel for a service.

    Water and power: area × norm, power times the coincidence factor. Sewage: area × norm of water × discharge ratio /
    factor of the largest day, the mean day's flow. Storm water: area × runoff coefficient, the effective catchment.
    What a project states is taken as it is, and only brought to the unit of the demand.

    Parameters
    ----------
    survey
        Parcels with area and class of land use; projects with the parcel that each holds.
    service
        A service that counts a demand.
    """
    parcels = survey.parcels
    area_ha = parcels["area_m2"].to_numpy(dtype=float) / 10_000.0
    norm = norms(survey, service)
    if norm is None:
        # Without a norm only a project's own need is counted; a parcel that no project holds asks for nothing yet.
        value, most = np.zeros(len(parcels)), np.zeros(len(parcels))
        norm, basis = np.full(len(parcels), np.nan), np.full(len(parcels), "unasked", dtype=object)
    else:
        doubt = parcels["doubt"].to_numpy(dtype=bool)
        value = np.where(doubt, np.nan, area_ha * norm)
        most = np.where(np.isnan(value), np.where(doubt, _at_most(parcels), area_ha) * _largest(service), value)
        basis = np.where(np.isnan(value), "none", "norm").astype(object)
    if service.key in _NEEDS:
        own, holds = _projects(survey.projects, service, parcels.index)
        value, most = np.where(holds, own, value), np.where(holds, np.where(np.isnan(own), np.inf, own), most)
        basis[holds] = "project"
        norm = np.where(holds, np.nan, norm)
    return Demand(value, most, basis, area_ha, norm)


def norms(survey: Survey, service: Service) -> Floats | None:
    """Give the norm of every parcel's class of land use, with all factors [unit/ha]; None for a service without norms.

    NaN where the class is not known, or has none. What projects hold makes no difference.
    """
    figure = _norm(service)
    if figure is None or figure.by_use is None:
        return None
    norm: Floats = survey.parcels["use_class"].map(figure.by_use).to_numpy(dtype=float, na_value=np.nan)
    return norm * _factor(service)


def _norm(service: Service) -> Figure | None:
    return service.figures.get("runoff" if service.capacity == "rational" else "demand")


def _largest(service: Service) -> float:
    figure = _norm(service)
    return np.nan if figure is None or figure.by_use is None else max(figure.by_use.values()) * _factor(service)


def _factor(service: Service) -> float:
    return float(np.prod([value if sign == "×" else 1.0 / value for sign, value in factors(service)]))


def _at_most(parcels: pd.DataFrame) -> Floats:
    """Give the largest area that parcels of doubtful shape may have [ha]: stated or measured, else without limit."""
    stated, measured = (parcels[c].to_numpy(dtype=float, na_value=np.nan) for c in ("stated_area_m2", "area_m2"))
    area = np.fmax(np.where(stated > 0, stated, 0.0), measured)
    return np.where(area > 0, area / 10_000.0, np.inf)


def factors(service: Service) -> list[tuple[str, float]]:
    """List what a norm is multiplied by and divided by, with the sign of each.

    A project says itself what it needs at once, so that none of this is laid over its figures.
    """
    used = ("discharge", "peak_day") if service.capacity == "gravity" else ("coincidence",)
    return [
        ("÷" if name == "peak_day" else "×", service.figures[name].value) for name in used if name in service.figures
    ]


def stated_needs(service: Service) -> dict[str, float]:
    """Give the columns of the projects that say what a service must give, each with its factor to the demand's unit."""
    worth = {"power_kva": "power_factor", "steam_t_h": "steam_heat"}
    return {
        column: service.figures[worth[column]].value if worth.get(column) in service.figures else 1.0
        for column in _NEEDS.get(service.key, ())
    }


def _projects(projects: pd.DataFrame, service: Service, parcels: pd.Index) -> tuple[Floats, Bools]:
    """Give what the projects that hold each parcel need (NaN where that is not known), and which parcels are held."""
    # Asked of the parcels' own index, which is hashed once: a column's ``isin`` would unpack all parcels each time.
    place = parcels.get_indexer(pd.Index(projects["parcel"]))
    held, place = projects[place >= 0], place[place >= 0]
    factors = stated_needs(service)
    stated = np.array([held[name].to_numpy(dtype=float, na_value=np.nan) * f for name, f in factors.items()])
    odd = np.array([held[f"{name}_odd"].to_numpy(dtype=bool) for name in factors]).any(axis=0)
    # One of several that was written and is not understood leaves the whole unknown; one that nobody wrote does not.
    need = np.where(np.isnan(stated).all(axis=0) | odd, np.nan, np.nansum(stated, axis=0))
    total, holds = np.full(len(parcels), np.nan), np.zeros(len(parcels), dtype=bool)
    order = np.argsort(place, kind="stable")
    heads = np.flatnonzero(np.diff(place[order], prepend=-1))
    if len(heads):
        total[place[order[heads]]] = np.add.reduceat(need[order], heads)
    holds[place] = True
    return total, holds
