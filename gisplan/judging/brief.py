"""Brief: what is laid before the rooms that judge further conditions of one network service."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from gisplan.judging.candidates import Candidates
from gisplan.judging.connection import Connection
from gisplan.networks.reach import Obstacles
from gisplan.reading.survey import Survey
from gisplan.rules.profile import Condition, Service


@dataclass(frozen=True)
class Brief:
    """One service of one survey, with everything that is known once its parcels are tied to its network.

    Attributes
    ----------
    survey, date
        What is judged, and for when. The ground under its parcels is `survey.terrain` (lowest, known …), read once for
        all rooms.
    evidence
        The rows of evidence that are valid at the date.
    kept
        The service's candidates, with its network and who is live in it.
    found
        What each parcel is tied to, and how well.
    obstacles
        What no connection may cross.
    zone
        Of a red line: the zone's own brief, on the same network; all its parcels come first.
    memory
        What rooms have reckoned once and need again.
    """

    survey: Survey
    date: dt.date
    evidence: pd.DataFrame
    kept: Candidates
    found: Connection
    obstacles: Obstacles
    zone: Brief | None = None
    memory: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def service(self) -> Service:
        """The service."""
        return self.kept.service

    @property
    def parcels(self) -> int:
        """How many parcels there are."""
        return len(self.survey.parcels)

    def asked(self, *kinds: str) -> list[Condition]:
        """List the service's conditions on some kinds of measure."""
        return [c for c in self.service.conditions if c.measure.kind in kinds]
