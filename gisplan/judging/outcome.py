"""Outcome: what one further condition says of every parcel, beyond being connected: value, verdict, code and terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

FAILS, UNKNOWN, HOLDS = -1, 0, 1


@dataclass(frozen=True)
class Outcome:
    """The outcome of one condition; every array has one entry a parcel.

    Attributes
    ----------
    value
        What was measured, in the unit of the measure; 1 and 0 for yes and no; NaN where it is not known.
    holds
        `HOLDS`, `UNKNOWN` or `FAILS`.
    code
        Reason code (``reason.<code>`` of labels.csv) where it does not hold; where it does, empty or the code of what
        is to be said instead of the arithmetic (``finding.<code>``).
    feature
        Id of the feature that decides; None without.
    terms
        Numbers (floats) and texts (objects) for the placeholders of the reason's sentence, by name.
    """

    value: Floats
    holds: Ints
    code: Texts
    feature: Texts
    terms: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)


def unjudged(parcels: int, code: str) -> Outcome:
    """Give the outcome where nothing is known of any parcel."""
    return Outcome(
        np.full(parcels, np.nan),
        np.full(parcels, UNKNOWN, dtype=np.int64),
        np.full(parcels, code, dtype=object),
        np.full(parcels, None, dtype=object),
    )


def named(features: Texts, row: Ints) -> Texts:
    """Give the ids of layer rows; None for -1."""
    out = np.full(len(row), None, dtype=object)
    out[row >= 0] = features[row[row >= 0]]
    return out
