"""One service's network: joints and pieces as arrays, and the networkx graph made from the same arrays."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.networks.doubts import doubts_of
from gisplan.networks.drawing import Drawing
from gisplan.networks.joins import Names
from gisplan.networks.joints import END_END, END_SIDE, NOISE_M, Joined, join, propose
from gisplan.networks.standing import A, Standing, says_closed
from gisplan.rules.profile import Service

if TYPE_CHECKING:
    import networkx as nx

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FORWARD, REVERSE, BOTH, UNSURE = 1, -1, 2, 0

_CONDUCTING = ("line", "lateral")
_POINTS = ("source", "outfall", "boundary_supply", "valve", "pump", "manhole", "joint", "stub", "hydrant")
_SOURCES = ("source", "outfall", "boundary_supply")
CUTTING = ("valve", "pump", "manhole", "joint")
"""Points that, closed, cut the network at their joint."""
_LEAVES = ("stub", "hydrant")
_FLOWS = {"forward": FORWARD, "reverse": REVERSE, "both": BOTH}


@dataclass(frozen=True)
class Sources:
    """Points where a service is fed, or where it drains to (or hydrants): joint, row in the layer, standing."""

    joint: Ints
    row: Ints
    standing: Standing


@dataclass(frozen=True)
class Inverts:
    """Levels of the pieces of a network that drains, and what follows from them; one entry a piece.

    Attributes
    ----------
    start_m, stop_m
        Invert levels at the drawn start and end; NaN where they are not known.
    pumped
        What a pump lifts.
    contrary
        Pieces of lines that are said to flow the way they rise, without a pump.
    pumps
        Joints that hold a pump that operates today.
    error_m
        Difference within which two levels count as equal.
    """

    start_m: npt.NDArray[np.float64]
    stop_m: npt.NDArray[np.float64]
    pumped: Bools
    contrary: Bools
    pumps: Ints
    error_m: float


@dataclass(frozen=True)
class Network:
    """The joints and pieces of one service at one date.

    Attributes
    ----------
    service
        The service as the profile has it.
    joined
        Joints and pieces as drawn.
    row
        Row in the layer of each piece.
    standing
        Standing of each piece.
    direction
        `FORWARD`, `REVERSE`, `BOTH` or `UNSURE` for each piece.
    said
        The same as the survey says it; levels and pumps may tell more, or contradict it.
    main
        Whether a piece is part of a main (role line), not of a lateral.
    closed, unsure_closed
        Joints cut by a closed valve; by a valve of which that is not known.
    sources
        Where the service is fed or drains to.
    sourceless
        Whether the layer has no source of the right kind at all, not even one that is out of service.
    stub_joint, stub_row, stub_standing
        Connection stubs.
    hydrants
        Hydrants, those that are out of service left out.
    features
        Feature id of each row of the layer.
    reach_m
        Tolerance of the survey that each row of the layer comes from [m].
    drawing, names
        What was joined, and what it is called.
    inverts
        Levels of a service that is asked to fall, and what follows from them; None for all others.
    ties, parcels
        Parcels as nodes of the graph, and the joints that serve them.
    """

    service: Service
    joined: Joined
    row: Ints
    standing: Standing
    direction: Ints
    said: Ints
    main: Bools
    closed: Ints
    unsure_closed: Ints
    sources: Sources
    sourceless: bool
    stub_joint: Ints
    stub_row: Ints
    stub_standing: Standing
    hydrants: Sources
    features: npt.NDArray[np.object_]
    reach_m: npt.NDArray[np.float64]
    drawing: Drawing
    names: Names
    inverts: Inverts | None = None
    ties: tuple[tuple[str, int], ...] = field(default=())
    parcels: tuple[str, ...] = field(default=())

    @cached_property
    def joins(self) -> pd.DataFrame:
        """Every join over a gap and every joint on a line's side, made or undone.

        Columns ``id``, ``feature``, ``other`` (feature ids), ``kind`` (``end_end``, ``end_side``, ``number``,
        ``crossing``), ``gap_m``, ``x``, ``y``, ``row``, ``other_row`` (rows of the layer), ``joint``, ``undone`` and
        ``doubt`` (see `doubts`).
        """
        made = self.names.table(self.joined, np.arange(len(self.joined.proposed)))
        return made.assign(doubt=self.doubts)

    @cached_property
    def doubts(self) -> npt.NDArray[np.object_]:
        """What makes each join doubtful, a code of `gisplan.networks.doubts`; empty where nothing does."""
        return doubts_of(self.drawing, self.joined.proposed)

    @cached_property
    def guesses(self) -> pd.DataFrame:
        """The joins that close a gap wider than the noise of drawing and were not undone: what the survey does not say.

        Columns as in `joins`; the index is that of the joins.
        """
        proposed = self.joined.proposed
        guessed = np.isin(proposed.kind, (END_END, END_SIDE)) & (proposed.gap_m > NOISE_M) & ~self.joined.undone
        which = np.flatnonzero(guessed)
        return self.names.table(self.joined, which).assign(doubt=self.doubts[which])

    @cached_property
    def refused(self) -> pd.DataFrame:
        """Ends that are near enough and were kept apart.

        Columns ``feature``, ``other``, ``row``, ``other_row``, ``gap_m``, ``x``, ``y`` (of the first end) and ``why``:
        ``guard``, one joint would have held both ends of a line, or ``wide``, it would have been wider than the
        tolerance.
        """
        return self.names.refused(self.joined, self.drawing.ends)

    @cached_property
    def live_ends(self) -> tuple[Ints, Ints]:
        """Joints at both ends of each piece with the joints of closed valves taken apart."""
        return split(self.joined.u, self.joined.v, self.closed, len(self.joined.xy))

    @cached_property
    def graph(self) -> nx.MultiGraph:
        """What operates, as a networkx MultiGraph (MultiDiGraph with the flow for services that drain).

        Nodes are integer joints with ``x`` and ``y``; sources carry ``source`` (their feature id); every parcel is a
        node ("parcel", id), tied to what serves it today. Edges have the feature id as key and ``length_m``. A source
        and a parcel that it serves are connected: ``nx.has_path(g, source, ("parcel", id))``, for a service that
        drains ``nx.has_path(g, ("parcel", id), outfall)``.
        """
        import networkx as nx  # here, since the check itself runs on the arrays and should not wait for it

        usable = np.flatnonzero(self.standing.grade == A)
        u, v = (side[usable] for side in self.live_ends)
        direction = self.direction[usable] if self.service.directed else np.full(len(usable), FORWARD)
        graph = nx.MultiDiGraph() if self.service.directed else nx.MultiGraph()
        enabled = gc.isenabled()
        gc.disable()  # building millions of small objects triggers the collector in vain
        try:
            self._fill(graph, usable, (u, v, direction))
        finally:
            if enabled:
                gc.enable()
        return graph

    def _fill(self, graph: nx.MultiGraph, usable: Ints, ends: tuple[Ints, Ints, Ints]) -> None:
        u, v, direction = ends
        nodes = np.union1d(np.union1d(u, v), self.sources.joint)
        origin = np.arange(max(int(nodes.max(initial=-1)) + 1, len(self.joined.xy)))
        for side, drawn in zip(self.live_ends, (self.joined.u, self.joined.v), strict=True):
            origin[side] = drawn
        xy = self.joined.xy[origin[nodes]] if len(nodes) else np.empty((0, 2))
        graph.add_nodes_from(
            (int(j), {"x": x, "y": y}) for j, x, y in zip(nodes, xy[:, 0].tolist(), xy[:, 1].tolist(), strict=True)
        )
        part = usable - np.searchsorted(self.row, self.row[usable]) if _sorted(self.row) else usable
        keys = [
            f"{f}#{p}" if p else str(f) for f, p in zip(self.features[self.row[usable]], part.tolist(), strict=True)
        ]
        rows: Iterable[Any] = zip(
            u.tolist(), v.tolist(), keys, self.joined.length_m[usable].tolist(), direction.tolist(), strict=True
        )
        for a, b, key, length, way in rows:
            if way in (FORWARD, BOTH):
                graph.add_edge(a, b, key=key, length_m=length)
            if way in (REVERSE, BOTH):
                graph.add_edge(b, a, key=key, length_m=length)
        working = self.sources.standing.grade == A
        for joint, row in zip(self.sources.joint[working].tolist(), self.sources.row[working].tolist(), strict=True):
            graph.add_node(joint, source=str(self.features[row]))
        graph.add_nodes_from(("parcel", parcel) for parcel in self.parcels)
        for parcel, joint in self.ties:
            if self.service.directed:
                graph.add_edge(("parcel", parcel), joint, key="reach", length_m=0.0)
            else:
                graph.add_edge(joint, ("parcel", parcel), key="reach", length_m=0.0)

    def tied(self, parcels: Iterable[str], ties: Iterable[tuple[str, int]]) -> Network:
        """Give the same network with parcels as nodes, some of them tied to joints."""
        return replace(self, parcels=tuple(parcels), ties=tuple(ties))


def _sorted(rows: Ints) -> bool:
    return bool((np.diff(rows) >= 0).all())


def split(u: Ints, v: Ints, closed: Ints, joints: int) -> tuple[Ints, Ints]:
    """Take the joints of closed valves apart: every piece that ends there gets an end of its own."""
    if len(closed) == 0:
        return u, v
    shut = np.zeros(joints, dtype=bool)
    shut[closed] = True
    ends = np.concatenate([u, v])
    cut = shut[ends]
    ends = ends.copy()
    ends[cut] = joints + np.arange(cut.sum())
    return ends[: len(u)], ends[len(u) :]


def build(
    layer: pd.DataFrame, service: Service, standing: Standing, snap_m: float, undo: frozenset[str] = frozenset()
) -> Network:
    """Build the network of one service.

    Parameters
    ----------
    layer
        The service's features (columns as in layers/README.md), in the zone's system, lines and points.
    service
        The service as the profile has it.
    standing
        Standing of every row of `layer`.
    snap_m
        Tolerance for joining ends where a survey has none of its own (column ``snap_m``). Where all that others have is
        less, theirs.
    undo
        Ids of joins that are not to be made.
    """
    own = layer["snap_m"].astype(float)
    reach_m = own.fillna(min(snap_m, own.max()) if own.notna().any() else snap_m).to_numpy(dtype=float)
    drawing, lines, points = _draw(layer, service, standing, reach_m)
    features = layer.index.to_numpy(dtype=object)
    names = Names(service.key, features, np.concatenate([lines, points]), len(lines))
    proposed = propose(drawing)
    joined = join(drawing, proposed, names.undone(proposed, undo))
    row = lines[joined.line]
    joint_of = np.full(len(layer), -1, dtype=np.int64)
    joint_of[points] = joined.point_joint
    role = layer["role"].to_numpy(dtype=object)
    closed, unsure = _valves(layer, standing, points[np.isin(role[points], CUTTING)])
    cutting = np.flatnonzero(np.isin(points, np.concatenate([closed, unsure])))
    piece_standing = _stray(standing.take(row), (drawing, joined), cutting)
    stubs, hydrants = (points[role[points] == leaf] for leaf in _LEAVES)
    sources = _sources(layer, service, standing, (points[np.isin(role[points], _SOURCES)], joint_of))
    flow = layer["flow"].map(_FLOWS).fillna(UNSURE).to_numpy(dtype=np.int64)
    return Network(
        service=service,
        joined=joined,
        row=row,
        standing=piece_standing,
        direction=flow[row],
        said=flow[row],
        main=(role == "line")[row],
        closed=np.unique(joint_of[closed]),
        unsure_closed=np.unique(joint_of[unsure]),
        sources=sources,
        sourceless=len(sources.joint) == 0 and not _right_kind(layer, service).any(),
        stub_joint=joint_of[stubs],
        stub_row=stubs,
        stub_standing=standing.take(stubs),
        hydrants=Sources(joint_of[hydrants], hydrants, standing.take(hydrants)),
        features=features,
        reach_m=reach_m,
        names=names,
        drawing=drawing,
    )


def _draw(
    layer: pd.DataFrame, service: Service, standing: Standing, reach_m: npt.NDArray[np.float64]
) -> tuple[Drawing, Ints, Ints]:
    """Choose what takes part in the network, and give the layer rows of its lines and points."""
    role = layer["role"].to_numpy(dtype=object)
    geometry = np.asarray(layer.geometry.array)
    is_line = shapely.get_type_id(geometry) == 1
    conducts = is_line & np.isin(role, _CONDUCTING) & ~standing.out
    if service.combined == "refuse":
        conducts &= ~(layer["system"] == "combined").fillna(False).to_numpy(dtype=bool)
    # A closed valve is out of service and still there: it cuts.
    there = ~standing.out | (np.isin(role, CUTTING) & (standing.why == "closed"))
    lines, points = np.flatnonzero(conducts), np.flatnonzero(~is_line & np.isin(role, _POINTS) & there)
    line_number, point_number = _numbers(layer, lines, points)
    works_now = (standing.grade == A) | (standing.why == "closed")
    drawing = Drawing(
        lines=geometry[lines],
        points=shapely.get_coordinates(geometry[points]).reshape(-1, 2),
        line_first=works_now[lines],
        point_first=works_now[points] & ~np.isin(role[points], _LEAVES),
        line_reach_m=reach_m[lines],
        point_reach_m=reach_m[points],
        numbers=line_number,
        point_number=point_number,
        point_leaf=np.isin(role[points], _LEAVES),
        deck=_deck(layer, lines) if service.crossings == "join" else None,
    )
    return drawing, lines, points


def _numbers(layer: pd.DataFrame, lines: Ints, points: Ints) -> tuple[Ints, Ints]:
    """Code the joint numbers of the line ends; a point is the joint that it says, else the one that its id names."""
    said = layer["from_joint"].iloc[points]
    both = pd.concat([layer["from_joint"].iloc[lines], layer["to_joint"].iloc[lines], said], ignore_index=True)
    if both.isna().all():
        return np.zeros((len(lines), 2), dtype=np.int64), np.zeros(len(points), dtype=np.int64)
    code, names = pd.factorize(both)
    number = code.astype(np.int64) + 1
    by_id = pd.Index(names).get_indexer(layer.index[points]).astype(np.int64) + 1
    ends, own = number[: 2 * len(lines)], number[2 * len(lines) :]
    return ends.reshape(2, -1).T, np.where(own > 0, own, by_id)


def _deck(layer: pd.DataFrame, lines: Ints) -> Ints:
    """Code the decks; blank is the ground, ``0``."""
    code, _ = pd.factorize(layer["deck"].iloc[lines].fillna("0").astype("str").str.strip())
    return code.astype(np.int64)


def _valves(layer: pd.DataFrame, standing: Standing, valves: Ints) -> tuple[Ints, Ints]:
    """Find the closed valves, and those of which that is not known."""
    part = standing.take(valves)
    shut = says_closed(layer.iloc[valves]) | (part.why == "closed")
    odd = layer["open_unknown"].iloc[valves].to_numpy(dtype=bool)
    works_now = (part.grade == A) | (part.why == "closed")
    closed = shut & works_now
    unsure = ((shut & part.unknown) | (odd & (works_now | part.unknown))) & ~closed
    return valves[closed], valves[unsure]


def _stray(standing: Standing, drawn: tuple[Drawing, Joined], valves: Ints) -> Standing:
    """Put in doubt what a closed valve may have been meant to cut, and does not.

    That is every line within the tolerance of the valve that has no joint there, unless numbers say so of both; and the
    nearest line where the valve lies on none.
    """
    drawing, joined = drawn
    if len(valves) == 0 or len(drawing.lines) == 0:
        return standing
    joint, size = joined.point_joint[valves], len(joined.xy)
    spots = shapely.points(drawing.points[valves])
    tree = shapely.STRtree(drawing.lines)
    furthest = np.maximum(drawing.point_reach_m[valves], drawing.line_reach_m.max())
    at, line = tree.query(spots, predicate="dwithin", distance=furthest)
    gap = shapely.distance(spots[at], drawing.lines[line])
    near = gap <= np.maximum(drawing.point_reach_m[valves[at]], drawing.line_reach_m[line])
    near &= ~((drawing.point_number[valves[at]] > 0) & (drawing.numbers[line] > 0).any(axis=1))
    ends = np.concatenate([joined.line * size + joined.u, joined.line * size + joined.v])
    near &= ~np.isin(line * size + joint[at], ends)
    lost = ~np.isin(joint, np.concatenate([joined.u, joined.v]))
    _, nearest = tree.query_nearest(spots[lost], all_matches=False)
    doubt = np.isin(joined.line, np.concatenate([line[near], nearest])) & (standing.grade == A)
    why, grade = standing.why.copy(), standing.grade.copy()
    why[doubt], grade[doubt] = "valve_unknown", 3
    return Standing(grade, standing.day, standing.closes, standing.unknown | doubt, standing.out, why)


def _sources(layer: pd.DataFrame, service: Service, standing: Standing, fed: tuple[Ints, Ints]) -> Sources:
    """List the points that feed or drain the service and are of a kind that the profile accepts."""
    rows, joint_of = fed
    rows = rows[_right_kind(layer, service)[rows]]
    no_kind = layer["kind"].isna().to_numpy() & (layer["role"] != "boundary_supply").to_numpy()
    blank = no_kind[rows] & bool(service.sources)
    part = standing.take(rows)
    doubt = blank & (part.grade == A)
    part = Standing(
        np.where(doubt, 3, part.grade),
        part.day,
        part.closes,
        part.unknown | doubt,
        part.out,
        np.where(doubt, "source_unknown", part.why).astype(object),
    )
    return Sources(joint_of[rows], rows, part)


def _right_kind(layer: pd.DataFrame, service: Service) -> Bools:
    """Tell which rows are sources of a kind that the profile accepts, or of which the kind is not known."""
    fed = layer["role"].isin(_SOURCES)
    kind = layer["kind"].isin(service.sources) | layer["kind"].isna() | (not service.sources)
    return np.asarray(fed & (kind | (layer["role"] == "boundary_supply")))
