"""Parts: what operates and reaches no source, piece by connected piece; and lines out of service still in the layer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gisplan.base.units import number_column
from gisplan.faults.breaking.stranded import Served
from gisplan.faults.fault import Found
from gisplan.judging.candidates import Candidates
from gisplan.judging.judgement import Judgement
from gisplan.networks.standing import A

Ints = npt.NDArray[np.int64]


def isolated(judgement: Judgement, kept: Candidates, served: Served) -> list[Found]:
    """List the connected parts of what operates today that reach no source, the longest first.

    Parameters
    ----------
    judgement
        What was judged.
    kept
        The service's network and who is live today.
    served
        Which parcels would be served if all had its supply.
    """
    network, supply = kept.network, kept.shut
    dark = np.flatnonzero((supply.piece != 0) & (network.standing.grade == A))
    if len(dark) == 0:
        return []
    u, v = supply.ends[0][dark], supply.ends[1][dark]
    # What only meets at a joint that is live does not hang together.
    live = supply.joint == 0
    inner = ~live
    size = len(supply.joint)
    spare = size + np.arange(len(dark))
    tail, head = np.where(inner[u], u, spare), np.where(inner[v], v, spare)
    graph = coo_array((np.ones(len(dark), np.int8), (tail, head)), shape=(size + len(dark), size + len(dark)))
    _, group = connected_components(graph, directed=False)
    group, part = np.asarray(group), np.asarray(group)[tail]
    length = network.joined.length_m[dark]
    order = np.lexsort((dark, -length, part))
    first = order[np.flatnonzero(np.diff(part[order], prepend=-1))]  # the longest piece stands for its part
    known, at = np.unique(part, return_inverse=True)
    total, pieces = np.bincount(at, length), np.bincount(at)
    mu = _land(judgement, served, (group[:size], known))
    by_size = np.lexsort((known, -total))
    shapes = network.joined.piece(dark[order])
    whole = np.asarray(shapely.multilinestrings(shapes, indices=at[order]), dtype=object)
    row = network.row[dark[first]][by_size]
    texts = {
        "pieces": pd.Series(pieces[by_size]).astype("str"),
        "km": number_column(pd.Series(total[by_size] / 1000), 3),
        "mu": number_column(pd.Series(mu[by_size]), 0),
    }
    blank = np.full(len(row), "", dtype=object)
    return [
        Found(
            "part_isolated", "warning", kept.service.key, row, network.features[row], blank, whole[by_size], texts
        )
    ]  # fmt: skip


def _land(judgement: Judgement, served: Served, parts: tuple[Ints, Ints]) -> npt.NDArray[np.float64]:
    """Give the land in reach of each part that would be served if the part had its supply."""
    group, known = parts
    area = judgement.survey.parcels["area_mu"].to_numpy(dtype=float)
    out = np.zeros(len(known))
    joint = served.joint[served.label]
    inside = joint < len(group)
    pairs = np.unique(np.column_stack([group[joint[inside]], served.parcel[inside]]), axis=0)
    place = np.minimum(np.searchsorted(known, pairs[:, 0]), len(known) - 1)
    mine = known[place] == pairs[:, 0]
    np.add.at(out, place[mine], area[pairs[mine, 1]])
    return out


def abandoned(judgement: Judgement, key: str, bearing: Ints, behind: npt.NDArray[np.object_]) -> list[Found]:
    """List the lines that are out of service and still lie in the layer, apart those on which something working hangs.

    Parameters
    ----------
    judgement
        What was judged.
    key
        The service.
    bearing, behind
        Rows of the layer of the lines without which something that operates reaches no source, and what that is.
    """
    layer = judgement.survey.layers[key]
    geometry = np.asarray(layer.geometry.array)
    rows = np.flatnonzero(
        judgement.standings[key].out
        & (shapely.get_type_id(geometry) == 1)
        & layer["role"].isin(["line", "lateral"]).to_numpy()
    )
    features = layer.index.to_numpy(dtype=object)
    held = np.isin(rows, bearing)
    found = []
    for code, severity, mine in (("abandoned", "info", ~held), ("abandoned_bearing", "warning", held)):
        row = rows[mine]
        if len(row) == 0:
            continue
        other = np.full(len(row), "", dtype=object)
        if severity == "warning":
            other = (
                pd.Series(behind, index=bearing)[~pd.Index(bearing).duplicated()].reindex(row).to_numpy(dtype=object)
            )
        texts = {"metres": number_column(pd.Series(shapely.length(geometry[row])), 0)}
        found.append(Found(code, severity, key, row, features[row], other, geometry[row], texts))
    return found
