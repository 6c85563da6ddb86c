"""Concerns: the faults on which the supply of one parcel hangs, or that keep it from being supplied."""

from __future__ import annotations

from dataclasses import replace

from gisplan.faults.register import faults
from gisplan.judging.judgement import Judgement

_LAND = ["stranded_mu", "alone_mu", "hanging_mu"]


def concerns(judgement: Judgement, parcel: str) -> frozenset[str]:
    """Give the ids of the faults that bear on one parcel.

    All checks are run once more as if this parcel were all the land there is: what then has land at stake bears on it.

    Parameters
    ----------
    judgement
        What was judged.
    parcel
        Number of a parcel of the zone.
    """
    parcels = judgement.survey.parcels
    alone = parcels.assign(area_mu=(parcels.index == parcel).astype(float))
    found = faults(replace(judgement, survey=replace(judgement.survey, parcels=alone)))
    bears = (found[_LAND].astype(float).fillna(0.0) > 0).any(axis=1)
    return frozenset(found.loc[bears, "id"])
