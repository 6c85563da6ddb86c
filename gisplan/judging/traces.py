"""Traces: the way of every cell along the network, from the parcel to its source or outfall, as lines to draw."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.judging.judgement import Judgement
from gisplan.networks.network import Network
from gisplan.networks.supply import Supply, Way

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Shapes = npt.NDArray[np.object_]

STEPS = ("service", "feature", "next")
STARTS = ("parcel", "service", "step", "sure")


@dataclass(frozen=True)
class Traced:
    """The ways of some parcels: where each begins, and the steps that many of them share.

    Attributes
    ----------
    steps
        One row a step from joint to joint: service, feature (id), next (row of the step that follows, -1 at the
        source), geometry (a line, drawn towards the source).
    starts
        One row a parcel and service that has a way: parcel (id), service, step (row of the first
        step, -1 where the parcel connects at the source), sure (False where the way leads over something of which
        nobody knows whether it operates), geometry (a line from the parcel to the main and along it to its joint).
    """

    steps: gpd.GeoDataFrame
    starts: gpd.GeoDataFrame


@dataclass(frozen=True)
class Traces:
    """The ways of a zone's parcels; they are drawn when somebody asks, and for those who are asked for."""

    judgement: Judgement

    def of(self, parcels: pd.Index) -> Traced:
        """Draw the ways of some parcels.

        Lengths add up to the ``path_m`` of the cell, and the lead from the parcel to its ``distance_m``.
        """
        ids = self.judgement.survey.parcels.index
        at = np.flatnonzero(ids.isin(parcels))
        steps: list[pd.DataFrame] = []
        starts: list[pd.DataFrame] = []
        for key, found in self.judgement.connections.items():
            kept = self.judgement.candidates[key]
            for supply, opened in ((kept.shut, False), (kept.open, True)):
                mine = at[(found.joint[at] >= 0) & (found.opened[at] == opened)]
                for number in np.unique(found.level[mine]):
                    who, way = mine[found.level[mine] == number], supply.way(int(number))
                    first = sum(len(part) for part in steps)
                    joint = found.joint[who].astype(np.int64)
                    rows = _passed(way, joint)
                    steps.append(_steps(key, (supply, way), rows, first))
                    place = np.searchsorted(rows, joint)
                    on = (place < len(rows)) & (np.append(rows, -1)[place] == joint)
                    columns = {"parcel": ids[who], "service": key, "step": np.where(on, place + first, -1)}
                    leads = self._leads(key, who, supply)
                    starts.append(pd.DataFrame({**columns, "sure": not opened, "geometry": leads}))
        crs = self.judgement.survey.crs
        return Traced(*(_joined(part, names, crs) for part, names in ((steps, STEPS), (starts, STARTS))))

    def _leads(self, key: str, who: Ints, supply: Supply) -> Shapes:
        """Draw from some parcels to what serves them, and along it to the joint from which their ways go on."""
        kept, found = self.judgement.candidates[key], self.judgement.connections[key]
        parcels = np.asarray(self.judgement.survey.parcels.geometry.array)[who]
        piece, network = found.piece[who], kept.network
        shape = kept.shape[found.candidate[who]].copy()
        line = np.flatnonzero(piece >= 0)
        shape[line] = network.joined.piece(piece[line].astype(np.int64))
        # drawn towards the joint, so that what lies ahead of the place where they meet is the way
        back = np.zeros(len(who), dtype=bool)
        back[line] = supply.ends[0][piece[line]] == found.joint[who[line]]
        shape = np.where(back, shapely.reverse(shape), shape)
        gone_u, gone_v = (ends[who] for ends in found.to_ends_m)
        along = np.where(back, gone_v, gone_u)
        met = shape.copy()
        met[line] = shapely.line_interpolate_point(shape[line], along[line])
        xy, of = shapely.get_coordinates(shape, return_index=True)
        gone = _measure(xy, of)
        ahead = (gone > along[of]) & (piece[of] >= 0)
        every = np.concatenate([np.arange(len(who)), np.arange(len(who)), of[ahead]])
        order = np.argsort(every, kind="stable")
        foot = shapely.get_point(shapely.shortest_line(parcels, met), 0)
        points = np.concatenate([_xy(foot), _xy(met), xy[ahead]])[order]
        return np.asarray(shapely.linestrings(points, indices=every[order]))


def _joined(parts: list[pd.DataFrame], names: tuple[str, ...], crs: object) -> gpd.GeoDataFrame:
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*names, "geometry"])
    return gpd.GeoDataFrame(table, geometry="geometry", crs=crs)


def _passed(way: Way, joint: Ints) -> Ints:
    """Find the joints, in order, from which a step leads on along the ways of some."""
    marked = np.zeros(len(way.piece), dtype=bool)
    front = np.unique(joint)
    while len(front):
        marked[front] = True
        ahead = np.unique(way.next_joint[front])
        front = ahead[(ahead >= 0) & ~marked[ahead]]
    return np.flatnonzero(marked & (way.piece >= 0))


def _steps(key: str, led: tuple[Supply, Way], rows: Ints, first: int) -> pd.DataFrame:
    """List the steps that lead on from some joints."""
    supply, way = led
    network: Network = supply.network
    piece, ahead = way.piece[rows], way.next_joint[rows]
    place = np.searchsorted(rows, ahead)
    on = (place < len(rows)) & (np.append(rows, -1)[place] == ahead)
    shape = network.joined.piece(piece)
    return pd.DataFrame({
        "service": key, "feature": network.features[network.row[piece]], "next": np.where(on, place + first, -1),
        "geometry": np.where(supply.ends[0][piece] == rows, shape, shapely.reverse(shape)),
    })  # fmt: skip


def _measure(xy: npt.NDArray[np.float64], of: Ints) -> npt.NDArray[np.float64]:
    """Give how far along its line each vertex lies."""
    step = np.zeros(len(xy))
    step[1:] = np.where(of[1:] == of[:-1], np.hypot(*(xy[1:] - xy[:-1]).T), 0.0)
    total = np.cumsum(step)
    begins = np.flatnonzero(np.diff(of, prepend=-1))
    return np.asarray(total - np.repeat(total[begins], np.diff(np.append(begins, len(of)))))


def _xy(points: Shapes) -> npt.NDArray[np.float64]:
    return np.asarray(shapely.get_coordinates(points))
