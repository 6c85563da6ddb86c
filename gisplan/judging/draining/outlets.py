"""Outlets: where what a candidate drains enters its first main, at which level, and whether it runs downhill then.

All of it is the same for every parcel; what depends on the parcel is in `gisplan.judging.draining.descent`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gisplan.judging.outcome import FAILS, HOLDS, UNKNOWN
from gisplan.networks.inverts import DECIMALS
from gisplan.networks.network import BOTH, FORWARD, REVERSE, UNSURE, Inverts, Network
from gisplan.networks.supply import Supply, Way, along, first_on

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Outlets:
    """Where candidates drain to; one entry a candidate.

    Attributes
    ----------
    joint
        Connection manhole, as a joint of the drawing; -1 where there is none.
    invert_m
        Invert level there; NaN where it is not known.
    downhill
        Whether it runs downhill from there.
    piece
        The first main that begins too high, else the first of which a level is blank; -1 without.
    rise_m
        By how much it begins too high.
    margin_pct
        Least slope of the mains on the way above the least that is allowed; infinite without any.
    margin_known
        Whether all of them are known.
    """

    joint: Ints
    invert_m: Floats
    downhill: Ints
    piece: Ints
    rise_m: Floats
    margin_pct: Floats
    margin_known: Bools

    def take(self, rows: npt.NDArray[np.int32 | np.int64]) -> Outlets:
        """Give those of some candidates; -1 stands for one of which nothing is known."""
        blank = blanks(1)
        return Outlets(
            *(np.append(getattr(self, name), getattr(blank, name))[rows] for name in Outlets.__dataclass_fields__)
        )


def blanks(count: int) -> Outlets:
    """Give outlets of which nothing is known."""
    none = np.full(count, -1, dtype=np.int64)
    nothing = np.full(count, np.nan)
    unknown = np.full(count, UNKNOWN, dtype=np.int64)
    return Outlets(none, nothing, unknown, none.copy(), nothing.copy(), nothing.copy(), np.zeros(count, dtype=bool))


@dataclass(frozen=True)
class _Mains:
    """The mains on the shortest ways at one level, turned the way they lead.

    Attributes
    ----------
    top_m, foot_m
        Levels of each piece where the way enters and leaves it.
    top
        Joint where it enters.
    first, rising, blank
        From each joint: first main, first main behind which the next begins too high, first main with a blank level.
    step_m
        By how much the main behind each piece begins too high; zero where it does not.
    after
        The main behind each piece; -1 without.
    margin, unmeasured
        Least margin of the slope from each joint on, and whether there is a main of which it is not known.
    """

    top_m: Floats
    foot_m: Floats
    top: Ints
    first: Ints
    rising: Ints
    blank: Ints
    step_m: Floats
    after: Ints
    margin: Floats
    unmeasured: Bools


def outlets(supply: Supply, inverts: Inverts, level: Ints, least_pct: Floats) -> Outlets:
    """Find the outlets of all pieces and then stubs.

    Parameters
    ----------
    supply
        Who is live, at which level.
    inverts
        Levels of the network.
    level
        Level at which each piece and each stub serves.
    least_pct
        Least slope allowed for each piece [%], by its diameter; NaN where it is not known.
    """
    network, pieces = supply.network, len(supply.piece)
    out = blanks(len(level))
    if supply.everywhere:
        return out
    margin = _margin(network, inverts, least_pct)
    origin = _origin(supply)
    for number in np.unique(level[level < len(supply.levels)]):
        way = supply.way(int(number))
        mains = _mains(supply, way, inverts, margin)
        who = np.flatnonzero(level == number)
        lines, stubs = who[who < pieces], who[who >= pieces]
        end = _lower_end(supply, way, lines)
        own = network.main[lines]
        _own(out, lines[own], end[own], (supply, inverts, mains, margin))
        below = np.concatenate([end[~own], network.stub_joint[stubs - pieces]])
        _hung(out, np.concatenate([lines[~own], stubs]), below, (mains, inverts.pumped))
    has = out.joint >= 0
    out.joint[has] = origin[out.joint[has]]
    return out


def _origin(supply: Supply) -> Ints:
    """Give the drawn joint of every joint, those of closed valves taken apart included."""
    joined = supply.network.joined
    origin = np.arange(len(supply.joint), dtype=np.int64)
    for side, drawn in zip(supply.ends, (joined.u, joined.v), strict=True):
        origin[side] = drawn
    return origin


def _margin(network: Network, inverts: Inverts, least_pct: Floats) -> Floats:
    """Give by how much each main is steeper than it must be [%]; NaN where that is not known."""
    length = network.joined.length_m
    fall = np.abs(inverts.start_m - inverts.stop_m)
    slope = np.divide(100 * fall, length, out=np.full(len(length), np.nan), where=length > 0)
    return np.asarray(slope - least_pct)


def _lower_end(supply: Supply, way: Way, pieces: Ints) -> Ints:
    """Find the end that each piece drains to; of one that flows both ways that from which the way is shorter."""
    u, v = supply.ends[0][pieces], supply.ends[1][pieces]
    flow = supply.network.direction[pieces]
    shorter = way.length_m[u] <= way.length_m[v]
    to_u = (flow == REVERSE) | (np.isin(flow, (BOTH, UNSURE)) & shorter)
    return np.where(to_u & (flow != FORWARD), u, v)


def _mains(supply: Supply, way: Way, inverts: Inverts, margin: Floats) -> _Mains:
    """Follow the mains on the shortest ways, each to the one behind it."""
    network = supply.network
    count = len(network.row)
    at = np.flatnonzero(way.piece >= 0)
    piece = way.piece[at]
    top, foot = np.full(count, -1, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    top[piece], foot[piece] = at, way.next_joint[at]
    used = (top >= 0) & network.main
    ahead = supply.ends[0] == top
    top_m = np.where(ahead, inverts.start_m, inverts.stop_m)
    foot_m = np.where(ahead, inverts.stop_m, inverts.start_m)
    first = first_on(way, network.main)
    after = np.where(used, first[foot], -1)
    step, high = _steps(inverts, foot_m, (foot, after), (top_m, top, _origin(supply)))
    high &= used
    blank = used & (np.isnan(top_m) | np.isnan(foot_m)) & ~inverts.pumped
    sized = used & ~inverts.pumped
    known = sized & ~np.isnan(margin)
    least = along(way, np.where(known, margin, np.inf), np.full(len(way.piece), np.inf), np.less)
    return _Mains(
        top_m, foot_m, top, first, first_on(way, high), first_on(way, blank), np.where(high, step, 0.0), after, least,
        first_on(way, sized & ~known) >= 0,
    )  # fmt: skip


def _steps(
    inverts: Inverts, foot_m: Floats, behind: tuple[Ints, Ints], mains: tuple[Floats, Ints, Ints]
) -> tuple[Floats, Bools]:
    """Give by how much the next main begins above the end of each, and where it is too much: not at a working pump."""
    (foot, after), (top_m, top, origin) = behind, mains
    pump = np.zeros(len(origin) + 1, dtype=bool)
    pump[:-1] = np.isin(origin, inverts.pumps)
    begins = np.append(top, -1)[after]
    step = np.append(top_m, np.nan)[after] - foot_m
    with np.errstate(invalid="ignore"):
        high = np.round(step, DECIMALS) > inverts.error_m
    return step, high & ~pump[foot] & ~pump[begins]


def _own(out: Outlets, who: Ints, end: Ints, at: tuple[Supply, Inverts, _Mains, Floats]) -> None:
    """Fill in the outlets of pieces of mains: they drain to their own lower end."""
    supply, inverts, mains, margin = at
    ends_at_u = supply.ends[0][who] == end
    invert = np.where(ends_at_u, inverts.start_m[who], inverts.stop_m[who])
    after = mains.first[end]
    step, high = _steps(inverts, invert, (end, after), (mains.top_m, mains.top, _origin(supply)))
    rising = mains.rising[end]
    blank = np.where((after >= 0) & np.isnan(invert) & ~inverts.pumped[who], who, mains.blank[end])
    # Nothing flows into a pipe under pressure by its own fall.
    out.joint[who], out.invert_m[who] = end, np.where(inverts.pumped[who], np.nan, invert)
    out.downhill[who] = np.where(high | (rising >= 0), FAILS, np.where(blank >= 0, UNKNOWN, HOLDS))
    out.piece[who] = np.where(high, after, np.where(rising >= 0, np.append(mains.after, -1)[rising], blank))
    out.rise_m[who] = np.where(high, step, np.where(rising >= 0, np.append(mains.step_m, 0.0)[rising], np.nan))
    sized = ~inverts.pumped[who]
    known = sized & ~np.isnan(margin[who])
    out.margin_pct[who] = np.minimum(np.where(known, margin[who], np.inf), mains.margin[end])
    out.margin_known[who] = ~mains.unmeasured[end] & (known | ~sized)


def _hung(out: Outlets, who: Ints, below: Ints, at: tuple[_Mains, Bools]) -> None:
    """Fill in the outlets of laterals and stubs: the upper end of the first main on their way."""
    mains, pumped = at
    main = mains.first[below]
    has = main >= 0
    who, main = who[has], main[has]
    joint = mains.top[main]
    rising, blank = mains.rising[joint], mains.blank[joint]
    out.joint[who], out.invert_m[who] = joint, np.where(pumped[main], np.nan, mains.top_m[main])
    out.downhill[who] = np.where(rising >= 0, FAILS, np.where(blank >= 0, UNKNOWN, HOLDS))
    out.piece[who] = np.where(rising >= 0, np.append(mains.after, -1)[rising], blank)
    out.rise_m[who] = np.where(rising >= 0, np.append(mains.step_m, 0.0)[rising], np.nan)
    out.margin_pct[who], out.margin_known[who] = mains.margin[joint], ~mains.unmeasured[joint]
