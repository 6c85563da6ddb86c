"""Tolerances: for each survey of each service what its own gaps say about the tolerance, beside the one in use."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gisplan.judging.judgement import Judgement
from gisplan.networks.tolerance import recommend

COLUMNS = (
    "service", "survey", "lines", "used_m", "recommended_m", "verdict", "loose", "short_share",
    "tolerance_m", "joins", "parts", "refused",
)  # fmt: skip
"""What the table of tolerances holds, one row a survey and tolerance.

``survey`` is the file (and layer) that the lines come from, ``used_m`` the tolerance that they are joined with now,
``recommended_m`` the one that their gaps speak for (blank for none, and where the drawing is too bad), ``verdict`` one
of ``meets``, ``clear``, ``unsure``, ``bad`` and ``laterals`` (which end beside a main and at a house: what lies between
their ends says nothing, so that they take part in no curve); ``loose`` counts the ends that meet no other exactly,
``short_share`` is the share of lines with such an end that are no longer than the recommended tolerance; ``joins``,
``parts`` and ``refused`` are the curve.
"""


def tolerances(judgement: Judgement) -> pd.DataFrame:
    """Look at every survey by itself.

    Parameters
    ----------
    judgement
        What was built.

    Returns
    -------
    pandas.DataFrame
        Columns as in `COLUMNS`.
    """
    parts = [pd.DataFrame(columns=list(COLUMNS))]
    for key, kept in judgement.candidates.items():
        drawing, names = kept.network.drawing, kept.network.names
        if not len(drawing.lines):
            continue
        layer, rows = judgement.survey.layers[key], names.rows[: names.lines]
        file = layer["file"].astype("str").to_numpy(dtype=object)[rows]
        main = (layer["role"] == "line").to_numpy()[rows]
        # A point is of the survey whose line is nearest: lines and points often come in layers of their own.
        spots = shapely.points(drawing.points)
        _, nearest = shapely.STRtree(drawing.lines).query_nearest(spots, all_matches=False)
        for survey in pd.unique(file):
            mine = file == survey
            if not (mine & main).any():
                parts.append(_laterals(key, str(survey), drawing.line_reach_m[mine]))
                continue
            mine &= main
            advice = recommend(drawing.lines[mine], drawing.points[mine[nearest]])
            about = {
                "service": key,
                "survey": survey,
                "lines": int(mine.sum()),
                "used_m": float(drawing.line_reach_m[mine].max()),
                "recommended_m": np.nan
                if advice.tolerance_m is None or advice.verdict == "bad"
                else advice.tolerance_m,
                "verdict": advice.verdict,
                "loose": advice.reasons.get("loose", 0.0),
                "short_share": advice.reasons.get("short_share", np.nan),
            }
            parts.append(advice.curve.assign(**about).reindex(columns=list(COLUMNS)))
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _laterals(key: str, survey: str, reach_m: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Give the one row of a survey that has no mains."""
    row = {"service": key, "survey": survey, "lines": len(reach_m), "used_m": float(reach_m.max()), "joins": 0}
    return pd.DataFrame([{**row, "verdict": "laterals"}]).reindex(columns=list(COLUMNS))
