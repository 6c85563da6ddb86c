"""Outcome: what one further condition says of every parcel, beyond being connected: value, verdict, code and terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gisplan.base.coded import Coded

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

FAILS, UNKNOWN, HOLDS = -1, 0, 1


@dataclass(frozen=True)
class Places:
    """Numbers that are written with all their decimal places, as in a calculation; ``?`` where they are not known."""

    value: Floats
    digits: int

    def written(self, at: Any) -> Texts:
        """Write those of some parcels."""
        form = f"%.{self.digits}f"
        return np.array(["?" if x != x else form % x for x in self.value[at].tolist()], dtype=object)


Term = npt.NDArray[np.floating[Any]] | Coded | Places


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
        Id of the feature that decides; nothing without.
    terms
        What fills the placeholders of the reason's sentence, by name; `shown` gives it.
    """

    value: Floats
    holds: npt.NDArray[np.int8]
    code: Coded
    feature: Coded
    terms: Mapping[str, Term] = field(default_factory=dict)

    @classmethod
    def of(
        cls, value: Floats, holds: npt.NDArray[Any], code: Texts | Coded, feature: Coded, terms: Mapping[str, Term]
    ) -> Outcome:
        """Put an outcome together, in little room: a zone holds one a parcel for every condition of every service."""
        coded = code if isinstance(code, Coded) else Coded.of(np.asarray(code, dtype=object))
        return cls(value, holds.astype(np.int8), coded, feature, terms)


def shown(term: Term, at: Any) -> npt.NDArray[Any]:
    """Give a term of some parcels: numbers, or texts (None for nothing)."""
    if isinstance(term, Places):
        return term.written(at)
    return term.take(at).texts() if isinstance(term, Coded) else term[at]


def unjudged(parcels: int, code: str) -> Outcome:
    """Give the outcome where nothing is known of any parcel."""
    nothing = np.full(parcels, UNKNOWN)
    return Outcome.of(np.full(parcels, np.nan), nothing, Coded.filled(parcels, code), Coded.filled(parcels, None), {})


def named(features: Texts, row: Ints) -> Coded:
    """Give the ids of layer rows; nothing for -1."""
    return Coded.of(features).take(row)
