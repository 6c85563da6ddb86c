"""Fall: by how much each parcel drains to its connection manhole, and whether the sewer runs downhill from there.

Which candidate that is has been found with the connection; here the numbers are told.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gisplan.base.coded import Coded
from gisplan.judging.brief import Brief
from gisplan.judging.draining.descent import fall
from gisplan.judging.draining.outlets import Outlets, blanks
from gisplan.judging.outcome import FAILS, HOLDS, UNKNOWN, Outcome, Places, Term, named

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]


def outcomes(brief: Brief) -> dict[str, Outcome]:
    """Judge fall, downhill and slope of one service, each parcel at the candidate that decides it."""
    conditions = brief.asked("fall")
    drains = _deciding(brief)
    rooms = {"fall": _fall, "downhill": _downhill, "slope_margin": _slope}
    return {c.id: rooms[c.measure.name](brief, drains, (c.limit.low, c.limit.high)) for c in conditions}


def _deciding(brief: Brief) -> Outlets:
    """Give the outlet of each parcel's deciding candidate: with unknowns as operating, where that view decides."""
    found, views = brief.found, brief.kept.outlets
    one, two = (views[i].take(found.candidate) if views else blanks(brief.parcels) for i in (0, 1))
    second = found.opened | (found.grade == "D")
    fields = Outlets.__dataclass_fields__
    return Outlets(*(np.where(second, getattr(two, name), getattr(one, name)) for name in fields))


def _outcome(brief: Brief, value: Floats, holds: Ints, codes: tuple[Texts, Texts], terms: dict[str, Term]) -> Outcome:
    """Put an outcome together; where the connection itself is not known, nothing surely fails."""
    open_ = (brief.found.grade == "U") & (holds == FAILS)
    holds = np.where(open_, UNKNOWN, holds)
    code = np.where(holds == FAILS, codes[0], np.where(holds == UNKNOWN, codes[1], ""))
    layer = brief.survey.layers[brief.service.key].index.to_numpy(dtype=object)
    row = np.append(brief.kept.row, -1)[brief.found.candidate]
    return Outcome.of(value, holds, code, named(layer, np.where(brief.found.candidate >= 0, row, -1)), terms)


def _fall(brief: Brief, drains: Outlets, limit: tuple[float, float]) -> Outcome:
    """Tell the sum of each parcel."""
    shapes = np.asarray(brief.survey.parcels.geometry.array)
    sums = fall(brief.service, brief.kept.network, (shapes, brief.found.lowest_m), drains)
    holds = _held(sums.fall, limit)
    n = brief.parcels
    terms: dict[str, Term] = {
        "lowest": Places(sums.lowest, 2),
        "depth": Coded.filled(n, f"{sums.depth:.2f}"),
        "slope": Coded.filled(n, f"{sums.slope:.3g}"),
        "run": Places(sums.run, 0),
        "end": Places(sums.end, 2),
        "invert": Places(sums.invert, 2),
        "deficit": Places(np.abs(sums.fall), 2),
        "manhole": _manholes(brief, drains.joint),
    }
    blind = np.where(np.isnan(brief.found.lowest_m), "ground_unknown", "fall_unknown").astype(object)
    return _outcome(brief, sums.fall, holds, (_same(n, "needs_lifting"), blind), terms)


def _downhill(brief: Brief, drains: Outlets, limit: tuple[float, float]) -> Outcome:
    """Tell whether each way runs downhill, and where it does not."""
    n = brief.parcels
    value = np.select([drains.downhill == HOLDS, drains.downhill == FAILS], [1.0, 0.0], default=np.nan)
    network = brief.kept.network
    at = named(network.features, np.append(network.row, -1)[drains.piece])
    terms: dict[str, Term] = {"at": at, "rise": Places(drains.rise_m, 2)}
    return _outcome(brief, value, drains.downhill, (_same(n, "uphill"), _same(n, "downhill_unknown")), terms)


def _slope(brief: Brief, drains: Outlets, limit: tuple[float, float]) -> Outcome:
    """Tell the least slope on each way above the least that is allowed."""
    n = brief.parcels
    some = np.isfinite(drains.margin_pct)
    least = np.where(some, drains.margin_pct, np.nan)
    short = np.where(some & (np.round(least, 9) < limit[0]), FAILS, np.where(drains.margin_known, HOLDS, UNKNOWN))
    known = (short == FAILS) | (drains.margin_known & some)
    return _outcome(
        brief, np.where(known, least, np.nan), np.where(drains.joint < 0, UNKNOWN, short),
        (_same(n, "slope_short"), _same(n, "slope_unknown")), {},
    )  # fmt: skip


def _held(value: Floats, limit: tuple[float, float]) -> Ints:
    """Hold values against a range."""
    fits = (value >= limit[0]) & (value <= limit[1])
    return np.where(np.isnan(value), UNKNOWN, np.where(fits, HOLDS, FAILS)).astype(np.int64)


def _same(count: int, code: str) -> Texts:
    return np.full(count, code, dtype=object)


def _manholes(brief: Brief, joint: Ints) -> Coded:
    """Name the connection manholes: by the point that stands there, else by what ends there."""
    network = brief.kept.network
    features = network.features
    name = np.full(len(network.joined.xy) + 1, "?", dtype=object)
    for side in (network.joined.v, network.joined.u):
        name[side] = features[network.row]
    role = brief.survey.layers[brief.service.key]["role"].to_numpy(dtype=object)
    point = network.names.rows[network.names.lines :]
    stands = np.isin(role[point], ("manhole", "pump", "source", "outfall", "boundary_supply", "joint"))
    name[network.joined.point_joint[stands]] = features[point[stands]]
    return Coded.of(name).take(np.where(joint < 0, len(name) - 1, joint))
