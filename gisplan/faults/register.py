"""The register of faults: every check is run here, and every fault becomes one row and one issue record."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd

from gisplan.base.issues import COLUMNS
from gisplan.base.labels import label
from gisplan.faults.fault import Found, table
from gisplan.faults.joined import joined
from gisplan.faults.land import LAYER, land
from gisplan.faults.points import points
from gisplan.judging.judgement import Judgement

_OF_A_SERVICE: tuple[Callable[[Judgement, str], list[Found]], ...] = (joined, points)
_OF_THE_ZONE: tuple[Callable[[Judgement], list[Found]], ...] = ()


def faults(judgement: Judgement) -> gpd.GeoDataFrame:
    """Run every check and rank what was found by the land that hangs on it.

    Of a red line only its own outlines are checked: what is said of networks stands in the zone's own report.

    Parameters
    ----------
    judgement
        What was built and read.

    Returns
    -------
    geopandas.GeoDataFrame
        Columns as in `gisplan.faults.fault.COLUMNS`.
    """
    survey = judgement.survey
    found = land(judgement)
    if survey.neighbours is None:
        for key in judgement.candidates:
            found += [one for check in _OF_A_SERVICE for one in check(judgement, key)]
        found += [one for check in _OF_THE_ZONE for one in check(judgement)]
    words = {s.key: s.label for s in survey.profile.services} | {LAYER: label("in.parcels")}
    return table(found, {key: (word.zh, word.en) for key, word in words.items()}, survey.crs)


def records(found: pd.DataFrame, judgement: Judgement, lang: str = "zh") -> pd.DataFrame:
    """Turn the table of faults into issue records, one each.

    Parameters
    ----------
    found
        From `faults`.
    judgement
        What was checked: it knows the file of each feature.
    lang
        ``zh`` or ``en``.
    """
    survey = judgement.survey
    frame = pd.DataFrame(found[["code", "severity"]])
    frame["file"] = ""
    for key, rows in found.groupby("layer", sort=False).groups.items():
        source = survey.parcels if key == LAYER else survey.layers.get(str(key))
        if source is not None:
            files = source["file"][~source.index.duplicated()]
            frame.loc[rows, "file"] = files.reindex(found.loc[rows, "feature"]).fillna("").to_numpy()
    frame["layer"], frame["feature"] = found["layer"], found["feature"]
    frame["message"], frame["hint"] = found[f"message_{lang}"], found[f"hint_{lang}"]
    frame["action"] = np.where(found["code"] == "joined", "joined", "noted")
    return frame[list(COLUMNS)].astype("str")
