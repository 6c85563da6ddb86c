"""The judgement of one survey at one date: networks, candidates, connections and levelling, computed once."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.base.errors import NetworkError
from gisplan.judging import evidence as papers
from gisplan.judging.brief import Brief
from gisplan.judging.candidates import Candidates, candidates
from gisplan.judging.connection import Connection, connect
from gisplan.judging.outcome import Outcome
from gisplan.judging.surface.earthwork import COLUMNS as EARTHWORK
from gisplan.judging.surface.earthwork import Known, earthwork
from gisplan.judging.surface.leveling import Leveling, level
from gisplan.judging.trials import trials
from gisplan.networks.ducts import cabled
from gisplan.networks.inverts import drained
from gisplan.networks.network import CUTTING, Network, build
from gisplan.networks.reach import Obstacles
from gisplan.networks.standing import A, Standing, standing
from gisplan.reading.survey import Survey

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
    briefs
        What they were judged from, by service.
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
    briefs: dict[str, Brief]

    @cached_property
    def obstacles(self) -> Obstacles:
        """What a connection must not cross: other parcels, land beside a red line, barriers."""
        return _obstacles(self.survey)

    @cached_property
    def earthwork(self) -> pd.DataFrame:
        """Levels, cut and fill of every parcel; without rows where the profile has no levelling."""
        found = next(iter(self.leveling.values()), None)
        if found is None:
            return pd.DataFrame(columns=list(EARTHWORK), index=self.survey.parcels.index[:0])
        record = self.evidence[["number", "date"]].reindex(found.evidence)
        return earthwork(self.survey, Known(found.stale, found.road_m, found.leftovers, record))

    @cached_property
    def lowest_m(self) -> npt.NDArray[np.float64]:
        """Lowest ground of each parcel; NaN where it is not known, or was surveyed before the land was levelled."""
        return _lowest(self.survey, self.leveling)

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
    layers = {
        service.key: cabled(survey.layers[service.key], survey.works, date)
        for service in survey.profile.networks
        if service.key in survey.layers and service.key not in survey.absent
    }
    standings = {
        key: _standing(survey, layer, papers.on_features(valid, key, layer.index), date)
        for key, layer in layers.items()
    }

    def network(key: str) -> Candidates:
        layer = layers[key]
        built = build(layer, survey.profile.service(key), standings[key], survey.profile.snap_m, survey.undo)
        built = drained(built, layer, survey.profile.inspections["invert_error"].value)
        return candidates(layer, built, standings[key], key in survey.doubts)

    # No network needs another, nor the land more of them than which roads operate. What takes longest begins first.
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        ground = side_by_side.submit(_leveling, survey, date, valid, standings)
        tasks = {key: side_by_side.submit(network, key) for key in layers}
        overlap = side_by_side.submit(_overlap, survey, np.asarray(survey.parcels.geometry.array))
        found: dict[str, Candidates] = {}
        for key, task in tasks.items():
            tell(key)
            found[key] = task.result()
        tell("leveling")
        land = ground.result(), overlap.result()
    return _answers(survey, date, (valid, standings, found), land, tell)


def judge_again(judgement: Judgement, survey: Survey, progress: Progress | None = None) -> Judgement:
    """Judge other parcels by the networks of a judgement; the survey differs in its parcels and papers about them."""
    tell = progress or (lambda _: None)
    valid = papers.valid(survey.evidence, judgement.date)
    tell("leveling")
    leveling = _leveling(survey, judgement.date, valid, judgement.standings)
    land = leveling, _overlap(survey, np.asarray(survey.parcels.geometry.array))
    known = (valid, judgement.standings, judgement.candidates)
    return _answers(survey, judgement.date, known, land, tell, judgement.briefs)


def _leveling(
    survey: Survey, date: dt.date, valid: pd.DataFrame, standings: dict[str, Standing]
) -> dict[str, Leveling]:
    """Judge the levelling, by service of shape ``surface``."""
    roads = _roads(survey, standings)
    return {s.key: level(survey, s, valid, date, roads) for s in survey.profile.services if s.shape == "surface"}


def _answers(
    survey: Survey,
    date: dt.date,
    known: tuple[pd.DataFrame, dict[str, Standing], dict[str, Candidates]],
    land: tuple[dict[str, Leveling], npt.NDArray[np.bool_]],
    tell: Progress,
    zone: Mapping[str, Brief] = MappingProxyType({}),
) -> Judgement:
    """Judge the parcels of a survey by its networks; of a red line also the briefs of its zone."""
    (valid, standings, found), (leveling, overlap) = known, land
    tell("reach")
    obstacles = _obstacles(survey)
    falls = any(kept.outlets is not None for kept in found.values())
    lowest_m = _lowest(survey, leveling) if falls else None
    connections = connect(np.asarray(survey.parcels.geometry.array), found, obstacles, lowest_m) if found else {}
    briefs = {
        key: Brief(survey, date, valid, found[key], it, obstacles, zone.get(key)) for key, it in connections.items()
    }
    outcomes: dict[str, Outcome] = {}
    # No condition asks another for anything; each answers the same however many are judged at a time. pandas fills the
    # table of an index when it is first asked, and who asks meanwhile misses rows: so all are filled before.
    own = (survey.layers[key] for key in briefs)
    for table in (survey.parcels, survey.projects, survey.works, survey.evidence, valid, *own):
        table.index.get_indexer_for(table.index[:1])
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        for told in side_by_side.map(lambda trial: trial(), trials(briefs.values())):
            outcomes.update(told)
    return Judgement(survey, date, valid, standings, found, connections, leveling, overlap, outcomes, briefs)


def _lowest(survey: Survey, leveling: dict[str, Leveling]) -> npt.NDArray[np.float64]:
    """Give the lowest ground of each parcel as it is now."""
    if survey.terrain is None:
        return np.full(len(survey.parcels), np.nan)
    stale = np.any([np.zeros(len(survey.parcels), dtype=bool), *(found.stale for found in leveling.values())], axis=0)
    return np.where(stale, np.nan, survey.terrain.lowest)


def _obstacles(survey: Survey) -> Obstacles:
    """Give what a connection must not cross.

    Where a parcel or a barrier lost its shape in reading, nobody knows what lies between a parcel and a main.
    """
    shapes = np.asarray(survey.parcels.geometry.array)
    land = shapes if survey.neighbours is None else np.concatenate([shapes, survey.neighbours])
    barriers = np.empty(0, dtype=object) if survey.barriers is None else np.asarray(survey.barriers.geometry.array)
    return Obstacles(land, barriers, survey.barriers is None or survey.blockers_lost)


def _standing(
    survey: Survey, layer: pd.DataFrame, said: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]], date: dt.date
) -> Standing:
    """Give the standing of every row of a layer, of some of which valid papers say that they operate or do not.

    A line, a source or a stub that is closed is out of service; any other point that is closed cuts at its joint.
    """
    is_line = shapely.get_type_id(np.asarray(layer.geometry.array)) == 1
    itself = is_line | ~layer["role"].isin(CUTTING).to_numpy()
    table = pd.DataFrame(layer[["status", "works", "close_on"]])
    table["status"] = table["status"].mask(itself & layer["open_unknown"].to_numpy(dtype=bool))
    table["open"] = layer["open"].astype("boolean").where(itself, pd.NA)
    return standing(table, survey.works, date, said)


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
    limit = survey.profile.overlap_m2
    a, b = shapely.STRtree(shapes).query(shapes)
    once = a < b
    a, b = a[once], b[once]
    # No more than their boxes share can be the land of both.
    one, other = (shapely.bounds(shapes).T[:, rows] for rows in (a, b))
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    wide = np.prod(np.maximum(sides, 0), axis=0) > limit * (1 - 1e-9)
    a, b = a[wide], b[wide]
    # Most are neighbours whose edges fit: of two that overlap, one has an edge within the other, or across its edge.
    some = np.unique(np.concatenate([a, b]))
    odd = np.zeros(len(shapes), dtype=bool)
    if len(some):
        odd[some] = shapely.length(shapely.coverage_invalid_edges(shapes[some])) > 0
    a, b = a[odd[a] | odd[b]], b[odd[a] | odd[b]]
    over = shapely.area(shapely.intersection(shapes[a], shapes[b])) > limit
    doubt[a[over]] = doubt[b[over]] = True
    return doubt
