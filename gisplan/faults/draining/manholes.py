"""Manholes: joints that nothing leads out of or two pipes lead out of, and pipes with no manhole for too long."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gisplan.base.fields import plain, vocabulary
from gisplan.base.labels import label
from gisplan.base.units import number_column
from gisplan.faults.draining.gravity import Bools, Flow, Ints
from gisplan.faults.draining.reversal import Turned
from gisplan.faults.draining.sewers import at_joints, first_at, of_lines
from gisplan.faults.drawing.edges import dead_ends, unsurveyed
from gisplan.faults.fault import Found
from gisplan.judging.judgement import Judgement
from gisplan.networks.standing import A
from gisplan.rules.inspection import Inspection

_ACCESS = ("manhole", "source", "outfall", "boundary_supply", "pump", "valve")
"""Points at which a sewer can be entered, or ends."""
_COMING = ("construction", "planned", "undated", "unfunded", "overdue")
_CENTIMETRE = 2


def manholes(judgement: Judgement, key: str, flow: Flow, wrong: Turned) -> list[Found]:
    """Check the joints of a service that drains, and the way between its manholes.

    Parameters
    ----------
    judgement
        What was built.
    key
        The service.
    flow, wrong
        How its water runs, and which pipes flow the wrong way.
    """
    return [
        _sinks(judgement, flow, key, wrong.piece),
        _forks(flow, key, wrong.piece),
        _far(flow, key, judgement.survey.profile.inspections["manhole_spacing"]),
    ]


def _sinks(judgement: Judgement, flow: Flow, key: str, wrong: Bools) -> Found:
    """Find the joints that water runs to and none leaves, which are no plant, outfall or pump.

    An end at the edge of the survey goes on where nobody looked; an end at a combined sewer that the service refuses is
    a cross connection; and what a turned pipe explains is said of that pipe.
    """
    ins, outs = flow.count(flow.down), flow.count(flow.up)
    sink = (ins > 0) & (outs == 0) & ~flow.vague & ~flow.drained & ~flow.lifted
    sink[flow.down[wrong]] = False
    joint = np.flatnonzero(sink)
    alone = ins[joint] == 1
    alone[alone] = _at_edge(judgement, flow, joint[alone])
    joint = joint[~alone & ~_at_refused(flow, joint)]
    arriving = np.flatnonzero(flow.known & np.isin(flow.down, joint))
    rank = np.where(flow.main, 0.0, 1e6) - np.nan_to_num(flow.size_mm)
    one = first_at(flow.down, arriving, rank, flow.joints)[joint]
    rest = arriving[~np.isin(arriving, one)]
    two = first_at(flow.down, rest, rank, flow.joints)[joint]
    values = {"count": pd.Series(ins[joint]).astype("str")}
    return at_joints("sink", "warning", key, flow, (joint, one, two, values))


def _at_edge(judgement: Judgement, flow: Flow, joint: Ints) -> Bools:
    """Tell which joints are the lower ends of mains ahead of which nothing was surveyed."""
    near = judgement.survey.profile.inspections["edge"].value
    _, spot, ahead = dead_ends(flow.network, flow.layer["role"].to_numpy(dtype=object), near)
    ends = pd.MultiIndex.from_arrays(shapely.get_coordinates(spot).reshape(-1, 2).T)
    wanted = pd.MultiIndex.from_arrays(flow.network.joined.xy[joint].T)
    mine = np.flatnonzero(ends.isin(wanted))
    edge = ends[mine[unsurveyed(judgement, ahead[mine])]]
    return np.asarray(wanted.isin(edge), dtype=bool)


def _at_refused(flow: Flow, joint: Ints) -> Bools:
    """Tell which joints touch a combined sewer that stands in the layer and takes no part in the service."""
    out = np.zeros(len(joint), dtype=bool)
    if flow.network.service.combined != "refuse" or len(joint) == 0:
        return out
    shape = np.asarray(flow.layer.geometry.array, dtype=object)
    combined = (flow.layer["system"] == "combined").fillna(False).to_numpy(dtype=bool)
    lines = shape[combined & (shapely.get_type_id(shape) == 1)]
    reach = float(flow.network.reach_m.max(initial=0.0))
    out[shapely.STRtree(lines).query(flow.spots(joint), predicate="dwithin", distance=reach)[0]] = True
    return out


def _forks(flow: Flow, key: str, wrong: Bools) -> Found:
    """Find the joints that two pipes or more lead out of, one of them a main, both operating or neither.

    Laterals that begin in one place are neighbours, and one that leads nowhere is drawn the wrong way round.
    A planned pipe beside the one that it will replace is no fork; nor is an overflow, where the kind or name of a pipe
    or of a point of the joint says so; nor are rising mains side by side.
    """
    operates = flow.network.standing.grade == A
    spilling = _overflows(flow.layer)
    spared = flow.drained | flow.lifted
    spared[flow.network.joined.point_joint[spilling[flow.point_row]]] = True
    leaving = np.flatnonzero(flow.known & ~wrong & ~flow.pumped & ~spared[flow.up] & ~spilling[flow.row])
    # A pipe that both leaves and comes back is one pipe, and its pieces lie apart.
    rows = pd.DataFrame({"joint": flow.up[leaving], "now": operates[leaving], "row": flow.row[leaving]})
    kept = ~rows.duplicated().to_numpy()
    leaving, rows = leaving[kept], rows[kept]
    count = rows.groupby(["joint", "now"])["row"].transform("size").to_numpy(dtype=np.int64)
    turn = rows.groupby(["joint", "now"]).cumcount().to_numpy(dtype=np.int64)
    order = np.lexsort((turn, ~rows["now"].to_numpy(dtype=bool), rows["joint"].to_numpy()))
    mains = rows.assign(main=flow.main[leaving]).groupby(["joint", "now"])["main"].transform("any").to_numpy(dtype=bool)
    order = order[(count[order] > 1) & mains[order]]
    one, two = (leaving[order[turn[order] == i]] for i in (0, 1))
    values = {"count": pd.Series(count[order[turn[order] == 0]]).astype("str")}
    return at_joints("outlets_two", "warning", key, flow, (flow.up[one], two, one, values))


def _overflows(layer: pd.DataFrame) -> Bools:
    """Tell which features are overflows, by their kind or by a word in their name."""
    words = [word for word, code in vocabulary("kind").items() if code == "overflow"]
    out = np.array((layer["kind"] == "overflow").fillna(False), dtype=bool)
    name = layer["name"]
    given = np.flatnonzero(name.notna().to_numpy())
    code, unique = pd.factorize(name.iloc[given])
    says = np.array([any(word in plain(str(text)) for word in words) for text in unique], dtype=bool)
    if len(says):
        out[given] |= says[code]
    return out


def _far(flow: Flow, key: str, limit: Inspection) -> Found:
    """Find the ways between manholes that are longer than the profile allows for their diameter.

    A manhole that nobody surveyed is not told from one that is not there; so where mains meet, a manhole is taken for
    granted, and in a part of the network without a single one, at every end of a line. Laterals, what is under
    pressure, and what is not built yet do not count. A way of several diameters has the limit of its widest.
    """
    coming = np.isin(flow.network.standing.why, _COMING)
    pieces = np.flatnonzero(flow.main & ~coming & ~flow.pumped)
    way = _ways(flow, pieces)
    length = np.bincount(way, flow.length_m[pieces])
    limits = limit.limits(flow.size_mm[pieces])
    known = ~np.isnan(flow.size_mm[pieces])
    allowed = np.zeros(len(length))
    np.maximum.at(allowed, way[known], limits[known])
    far = np.flatnonzero((allowed > 0) & (np.round(length, _CENTIMETRE) > allowed))
    longest = first_at(way, np.arange(len(pieces)), -flow.length_m[pieces], len(length))
    rows = pieces[longest[far]]
    widest = np.zeros(len(length))
    np.fmax.at(widest, way, flow.size_mm[pieces])
    source = limit.source or label(f"basis.{limit.basis}").text("both")
    values = {
        "length": number_column(pd.Series(length[far]), 1),
        "limit": number_column(pd.Series(allowed[far]), 1),
        "size": number_column(pd.Series(widest[far]), 0),
        "source": pd.Series(source, index=range(len(far))),
    }
    made = of_lines("manhole_far", "info", key, flow, (rows, None, values))
    inside = np.flatnonzero(np.isin(way, far))
    inside = inside[np.argsort(way[inside], kind="stable")]
    shape = flow.network.joined.piece(pieces[inside])
    return Found(**{**vars(made), "shape": _grouped(shape, np.searchsorted(far, way[inside]))})


def _grouped(shapes: npt.NDArray[np.object_], group: Ints) -> npt.NDArray[np.object_]:
    """Put the pieces of each way together."""
    if len(shapes) == 0:
        return np.empty(0, dtype=object)
    return np.asarray(shapely.multilinestrings(shapes, indices=group), dtype=object)


def _ways(flow: Flow, pieces: Ints) -> Ints:
    """Give each piece the number of the way between manholes that it is part of."""
    u, v = flow.network.joined.u[pieces], flow.network.joined.v[pieces]
    access = flow.holds(*_ACCESS)
    links = coo_array((np.ones(len(u), np.int8), (u, v)), shape=(flow.joints, flow.joints))
    part = connected_components(links, directed=False)[1]
    entered = np.zeros(flow.joints, dtype=bool)
    entered[part[flow.holds("manhole")]] = True
    # The two pieces at each joint that has two: both ends of all pieces, sorted by joint.
    ends = np.concatenate([u, v])
    order = np.argsort(ends, kind="stable")
    at, owner = ends[order], np.tile(np.arange(len(pieces)), 2)[order]
    count = np.bincount(ends, minlength=flow.joints)
    first = np.flatnonzero(np.diff(at, prepend=-1) != 0)
    first = first[count[at[first]] == 2]
    one, two, joint = owner[first], owner[first + 1], at[first]
    same = flow.row[pieces[one]] == flow.row[pieces[two]]
    through = ~access[joint] & (same | entered[part[joint]]) & (one != two)
    pairs = (np.ones(int(through.sum()), np.int8), (one[through], two[through]))
    found = connected_components(coo_array(pairs, shape=(len(pieces), len(pieces))), directed=False)[1]
    return np.asarray(found, dtype=np.int64)
