"""Binding: for which parcels a condition decides: all that it is required of, and those whose own project asks it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gisplan.reading.survey import Survey
from gisplan.rules.profile import Condition, Service

Bools = npt.NDArray[np.bool_]

DUAL = "power"
"""The service of which a project may ask two supplies."""


def binds(survey: Survey, service: Service, condition: Condition) -> Bools:
    """Tell for which parcels a condition decides their cell.

    Parameters
    ----------
    survey
        Parcels, and the projects that hold them.
    service, condition
        The condition; one that only warns still binds those whose project asks for what it says.
    """
    if condition.weight == "required":
        return np.ones(len(survey.parcels), dtype=bool)
    if service.key != DUAL or condition.measure.name != "two_sources":
        return np.zeros(len(survey.parcels), dtype=bool)
    asked, unclear = dual(survey)
    return asked | unclear


def dual(survey: Survey) -> tuple[Bools, Bools]:
    """Tell for which parcels a project asks dual supply, and for which it says something that nobody understands."""
    projects, parcels = survey.projects, survey.parcels.index
    wants = projects["dual_supply"].eq(True).fillna(False).to_numpy(dtype=bool)
    odd = projects["dual_supply_odd"].to_numpy(dtype=bool)
    asked = np.asarray(parcels.isin(projects.loc[wants, "parcel"]))
    return asked, np.asarray(parcels.isin(projects.loc[odd, "parcel"])) & ~asked
