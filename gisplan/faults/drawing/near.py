"""Near misses: ends that were not joined, with the gap that would have had to be bridged."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.base.units import number_column
from gisplan.faults.fault import Found
from gisplan.judging.judgement import Judgement
from gisplan.networks.misses import near_misses, row_at


def near(judgement: Judgement, key: str) -> list[Found]:
    """List the near misses of a service, and the ends that are near enough and were kept apart.

    Parameters
    ----------
    judgement
        What was built.
    key
        The service.
    """
    network = judgement.candidates[key].network
    # What the profile allows lies beyond the tolerance, whose survey may itself be off by metres.
    limit = judgement.survey.profile.inspections["near_miss"].value + float(network.reach_m.max(initial=0.0))
    found = near_misses(network, limit)
    row, other = row_at(network)[found.joint], network.row[found.piece]
    reach = np.append(network.reach_m, 0.0)
    inside = found.gap_m <= np.maximum(reach[row], reach[other])
    refused = network.refused
    made, rows = network.joined.proposed, network.names.rows
    made = pd.DataFrame({"row": rows[made.line], "other_row": rows[made.other]})[~network.joined.undone]
    refused = refused[~_paired(made, refused)]
    # What was refused is told as that.
    told = inside & _paired(refused, pd.DataFrame({"row": row, "other_row": other}))
    spot = np.asarray(shapely.points(refused[["x", "y"]].to_numpy(dtype=float).reshape(-1, 2)), dtype=object)
    one, two = (refused[name].to_numpy(dtype=np.int64) for name in ("row", "other_row"))
    gap_m, wide = refused["gap_m"].to_numpy(dtype=float), (refused["why"] == "wide").to_numpy()
    lists = []
    for code, mine in (("near_miss", ~inside), ("near_kept", inside & ~told)):
        lists.append((code, (row[mine], other[mine]), found.way[mine], found.gap_m[mine]))
    for code, mine in (("near_refused", ~wide), ("near_wide", wide)):
        lists.append((code, (one[mine], two[mine]), spot[mine], gap_m[mine]))
    return [
        Found(
            code, "info", key, rows[0], network.features[rows[0]], network.features[rows[1]], shape,
            {"gap": number_column(pd.Series(gap), 2)}, {"gap_m": gap},
        )
        for code, rows, shape, gap in lists
        if len(gap)
    ]  # fmt: skip


def _paired(known: pd.DataFrame, asked: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which pairs of rows stand in another table of pairs, whichever way round."""
    there, here = (np.sort(table[["row", "other_row"]].to_numpy(dtype=np.int64), axis=1) for table in (known, asked))
    size = int(max(there.max(initial=0), here.max(initial=0))) + 1
    return np.asarray(np.isin(here @ [size, 1], there @ [size, 1]))
