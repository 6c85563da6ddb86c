"""The register of faults: every check is run here, and every fault becomes one row and one issue record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd

from gisplan.base.issues import COLUMNS
from gisplan.base.labels import label
from gisplan.faults.breaking.breaks import breaks
from gisplan.faults.draining.crosslinks import crosslinks
from gisplan.faults.draining.drains import drains
from gisplan.faults.drawing.devices import devices
from gisplan.faults.drawing.edges import edges
from gisplan.faults.drawing.lines import lines_of
from gisplan.faults.drawing.near import near
from gisplan.faults.drawing.points import points
from gisplan.faults.fault import Found, table
from gisplan.faults.joined import joined
from gisplan.faults.land import LAYER, land
from gisplan.faults.stakes import carried
from gisplan.judging.judgement import Judgement

_OF_A_SERVICE: tuple[Callable[[Judgement, str], list[Found]], ...] = (
    points, lines_of, devices, drains, near, breaks,
)  # fmt: skip
_OF_THE_ZONE: tuple[Callable[[Judgement], list[Found]], ...] = (joined, edges, crosslinks)


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
    found = _weighed(judgement, found)
    words = {s.key: s.label for s in survey.profile.services} | {LAYER: label("in.parcels")}
    return table(found, {key: (word.zh, word.en) for key, word in words.items()}, survey.crs)


def _weighed(judgement: Judgement, found: list[Found]) -> list[Found]:
    """Give every fault of a feature the land whose supply leads over the feature, unless its check knows better."""
    out, known = [], {key: carried(judgement, key) for key in {one.layer for one in found} & set(judgement.candidates)}
    for one in found:
        if one.layer in known and "hanging_mu" not in one.numbers:
            land_of, there = known[one.layer], one.row >= 0
            numbers = {
                "hanging_parcels": np.where(there, land_of.parcels[one.row], 0.0),
                "hanging_mu": np.where(there, land_of.mu[one.row], 0.0),
            }
            one = replace(one, numbers={**one.numbers, **numbers})
        out.append(one)
    return out


def records(found: pd.DataFrame, judgement: Judgement, lang: str = "zh") -> pd.DataFrame:
    """Turn the table of faults into issue records, one each; what reading set aside has its record there.

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
    frame["file"], known = "", np.ones(len(found), dtype=bool)
    for key, rows in found.groupby("layer", sort=False).groups.items():
        source = survey.parcels if key == LAYER else survey.layers.get(str(key))
        if source is not None:
            files, named = source["file"][~source.index.duplicated()], found.loc[rows, "feature"]
            frame.loc[rows, "file"] = files.reindex(named).fillna("").to_numpy()
            known[rows] = named.isin(files.index) | (named == "")
    frame["layer"], frame["feature"] = found["layer"], found["feature"]
    frame["message"], frame["hint"] = found[f"message_{lang}"], found[f"hint_{lang}"]
    frame["action"] = np.where(found["code"] == "joined", "joined", "noted")
    # Of what was set aside reading has said so already.
    return frame.loc[known, list(COLUMNS)].astype("str")
