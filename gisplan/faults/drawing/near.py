"""Near misses: ends that were not joined, with the gap that would have had to be bridged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from gisplan.base.units import number_column
from gisplan.faults.fault import Found
from gisplan.judging.judgement import Judgement
from gisplan.networks.misses import near_misses, row_at

_WIDE = 2.0


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
    # A survey that is wide of the mark by metres nearly joins what lies twice as far.
    limit = max(
        judgement.survey.profile.inspections["near_miss"].value, _WIDE * float(network.reach_m.max(initial=0.0))
    )
    found = near_misses(network, limit)
    row, other = row_at(network)[found.joint], network.row[found.piece]
    refused = network.refused
    spot = np.asarray(shapely.points(refused[["x", "y"]].to_numpy(dtype=float).reshape(-1, 2)), dtype=object)
    one, two = (refused[name].to_numpy(dtype=np.int64) for name in ("row", "other_row"))
    gap_m, wide = refused["gap_m"].to_numpy(dtype=float), (refused["why"] == "wide").to_numpy()
    lists = [("near_miss", (row, other), found.way, found.gap_m)]
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
