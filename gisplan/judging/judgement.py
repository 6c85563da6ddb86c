"""The judgement of one survey at one date: networks, candidates, connections and levelling, computed once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.base.errors import NetworkError
from gisplan.judging import evidence as papers
from gisplan.judging.brief import Brief
from gisplan.judging.candidates import Candidates, candidates
from gisplan.judging.connection import Connection, connect
from gisplan.judging.leveling import Leveling, level
from gisplan.judging.outcome import Outcome
from gisplan.judging.trials import trials
from gisplan.networks.network import CUTTING, Network, build
from gisplan.networks.reach import Obstacles
from gisplan.networks.standing import A, Standing, standing
from gisplan.reading.survey import Survey
from gisplan.rules.profile import Service

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Judgement:
    """Everything that geometry, works and papers say about a survey at a date.

    Attributes
    ----------
    survey, date
        What was judged, and for when.
    evidence
        The rows of evidence that are valid at the date.
    standings, candidates, connections
        By service; only for services that have a layer.
    leveling
        By service of shape ``surface``.
    overlap
        Parcels that overlap another by more than the profile allows.
    outcomes
        What every further condition (fall, capacity, security) says, by condition id; of services with a layer.
    """

    survey: Survey
    date: dt.date
    evidence: pd.DataFrame
    standings: dict[str, Standing]
    candidates: dict[str, Candidates]
    connections: dict[str, Connection]
    leveling: dict[str, Leveling]
    overlap: npt.NDArray[np.bool_]
    outcomes: dict[str, Outcome]

    @cached_property
    def obstacles(self) -> Obstacles:
        """What a connection must not cross: other parcels, land beside a red line, barriers."""
        return _obstacles(self.survey)

    def undisputed(self, service: str) -> npt.NDArray[np.bool_]:
        """Tell for which parcels a service's answer is the survey's alone: no paper and no doubt is laid over it."""
        parcels = self.survey.parcels
        said = papers.against(self.evidence, service, parcels.index)
        said |= papers.on_parcels(self.evidence, service, parcels.index, "not_applicable") >= 0
        return np.asarray(~(self.overlap | parcels["doubt"].to_numpy(dtype=bool) | said))

    def network(self, service: str) -> Network:
        """Give a service's network with the parcels it serves today tied to it.

        Raises
        ------
        NetworkError
            The zone has no layer of this service.
        """
        if service not in self.candidates:
            known = ", ".join(self.candidates) or "none"
            raise NetworkError(f"the zone has no network {service!r}: no layer was given. Networks: {known}.")
        joint, grade = self.connections[service].joint, self.connections[service].grade
        served = np.flatnonzero((grade == "A") & (joint >= 0))
        parcels = self.survey.parcels.index[served].tolist()
        return self.candidates[service].network.tied(
            self.survey.parcels.index.tolist(), zip(parcels, joint[served].tolist(), strict=True)
        )


def judge(survey: Survey, date: dt.date, progress: Progress | None = None) -> Judgement:
    """Judge a survey at a date."""
    tell = progress or (lambda _: None)
    valid = papers.valid(survey.evidence, date)
    standings: dict[str, Standing] = {}
    found: dict[str, Candidates] = {}
    for service in survey.profile.networks:
        layer = survey.layers.get(service.key)
        if layer is None or service.key in survey.absent:
            continue
        tell(service.key)
        standings[service.key] = _standing(survey, service, valid, date)
        network = build(layer, service, standings[service.key], survey.profile.snap_m, survey.undo)
        found[service.key] = candidates(layer, network, standings[service.key], service.key in survey.doubts)
    return _answers(survey, date, (valid, standings, found), tell)


def judge_again(judgement: Judgement, survey: Survey, progress: Progress | None = None) -> Judgement:
    """Judge other parcels by the networks of a judgement; the survey differs in its parcels and papers about them."""
    valid = papers.valid(survey.evidence, judgement.date)
    known = (valid, judgement.standings, judgement.candidates)
    return _answers(survey, judgement.date, known, progress or (lambda _: None))


def _answers(
    survey: Survey,
    date: dt.date,
    known: tuple[pd.DataFrame, dict[str, Standing], dict[str, Candidates]],
    tell: Progress,
) -> Judgement:
    """Judge the parcels of a survey by its networks."""
    valid, standings, found = known
    tell("reach")
    shapes = np.asarray(survey.parcels.geometry.array)
    connections = connect(shapes, found, _obstacles(survey)) if found else {}
    outcomes: dict[str, Outcome] = {}
    for key, connection in connections.items():
        outcomes.update(trials(Brief(survey, date, valid, found[key], connection)))
    tell("leveling")
    roads = _roads(survey, standings)
    leveling = {s.key: level(survey, s, valid, date, roads) for s in survey.profile.services if s.shape == "surface"}
    return Judgement(survey, date, valid, standings, found, connections, leveling, _overlap(survey, shapes), outcomes)


def _obstacles(survey: Survey) -> Obstacles:
    """Give what a connection must not cross.

    Where a parcel or a barrier lost its shape in reading, nobody knows what lies between a parcel and a main.
    """
    shapes = np.asarray(survey.parcels.geometry.array)
    land = shapes if survey.neighbours is None else np.concatenate([shapes, survey.neighbours])
    barriers = np.empty(0, dtype=object) if survey.barriers is None else np.asarray(survey.barriers.geometry.array)
    return Obstacles(land, barriers, survey.barriers is None or survey.blockers_lost)


def _standing(survey: Survey, service: Service, valid: pd.DataFrame, date: dt.date) -> Standing:
    """Give the standing of every row of a layer.

    A line, a source or a stub that is closed is out of service; any other point that is closed cuts at its joint.
    """
    layer = survey.layers[service.key]
    is_line = shapely.get_type_id(np.asarray(layer.geometry.array)) == 1
    itself = is_line | ~layer["role"].isin(CUTTING).to_numpy()
    table = pd.DataFrame(layer[["status", "works", "close_on"]])
    table["status"] = table["status"].mask(itself & layer["open_unknown"].to_numpy(dtype=bool))
    table["open"] = layer["open"].astype("boolean").where(itself, pd.NA)
    return standing(table, survey.works, date, papers.on_features(valid, service.key, layer.index))


def _roads(survey: Survey, standings: dict[str, Standing]) -> npt.NDArray[np.object_]:
    """Give the road lines that operate."""
    shapes = [np.empty(0, dtype=object)]
    for service in survey.profile.networks:
        if service.crossings == "join" and service.key in standings:
            layer = survey.layers[service.key]
            geometry = np.asarray(layer.geometry.array)
            now = (standings[service.key].grade == A) & (shapely.get_type_id(geometry) == 1)
            shapes.append(geometry[now])
    return np.concatenate(shapes)


def _overlap(survey: Survey, shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Tell which parcels overlap another by more than the profile allows."""
    doubt = np.zeros(len(shapes), dtype=bool)
    if len(shapes) < 2:
        return doubt
    a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = a < b
    a, b = a[once], b[once]
    over = shapely.area(shapely.intersection(shapes[a], shapes[b])) > survey.profile.overlap_m2
    doubt[a[over]] = doubt[b[over]] = True
    return doubt
