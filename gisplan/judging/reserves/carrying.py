"""Carrying: what a main, a feeder and a source can carry, in the unit in which the service counts its demand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.judging.brief import Brief
from gisplan.networks import inverts
from gisplan.networks.network import FORWARD, REVERSE
from gisplan.rules.figures import Figure
from gisplan.rules.profile import Service

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

M3_D = 86.4
"""Cubic metres a day in one litre a second."""
_UNITS: dict[str, dict[str, float]] = {
    "m3/d": {"m3/d": 1.0, "10k_m3/d": 10_000.0, "m3/h": 24.0, "L/s": M3_D},
    "kW": {"kW": 1.0, "MW": 1000.0},
    "MW": {"MW": 1.0, "kW": 0.001},
    "Nm3/h": {"Nm3/h": 1.0, "10k_Nm3/h": 10_000.0, "m3/h": 1.0},
    "ha": {"ha": 1.0},
}
"""Unit of the demand → unit of a stated capacity → factor. Apparent power and steam have factors of the profile."""


def pressure_flow(diameter_mm: Floats, velocity_m_s: float) -> Floats:
    """Give the flow of a full pipe [L/s]: π/4·D²·v.

    >>> pressure_flow(np.array([200.0]), 1.0).round(1)
    array([31.4])
    """
    return np.asarray(np.pi / 4 * (diameter_mm / 1000.0) ** 2 * velocity_m_s * 1000.0)


def manning(diameter_mm: Floats, slope: Floats, roughness: float, fullness: Floats) -> Floats:
    """Give the flow of a circular pipe that falls evenly and is filled to a share of its diameter [L/s].

    Manning: Q = A/n · R^(2/3) · S^(1/2), with A and R of the filled part of the circle.

    Parameters
    ----------
    diameter_mm, slope, fullness
        Inside diameter [mm], fall over length [1], depth over diameter [1]; one entry a pipe.
    roughness
        Manning's n.

    Returns
    -------
    numpy.ndarray
        NaN where the slope is not above zero or something is not known.

    >>> manning(np.array([300.0]), np.array([0.003]), 0.013, np.array([0.55])).round(0)
    array([31.])
    """
    d = diameter_mm / 1000.0
    angle = 2 * np.arccos(1 - 2 * fullness)
    area = d**2 / 8 * (angle - np.sin(angle))
    radius = np.divide(area, d * angle / 2, out=np.full_like(area, np.nan), where=d * angle > 0)
    fall = np.where(slope > 0, slope, np.nan)
    return np.asarray(area / roughness * radius ** (2 / 3) * np.sqrt(fall) * 1000.0)


def storm_intensity(figures: dict[str, float]) -> float:
    """Give the intensity of the design storm [L/(s·ha)]: A·(1 + C·lg P) / (t + b)^n.

    Parameters
    ----------
    figures
        ``storm_a``, ``storm_c``, ``storm_b`` [min], ``storm_n``, ``return_period`` P [a], ``inlet_time`` t [min].

    >>> round(storm_intensity(dict(storm_a=1207.4, storm_c=0.94, storm_b=5.64, storm_n=0.74, return_period=3,
    ...                            inlet_time=10)))
    229
    """
    rain = figures["storm_a"] * (1 + figures["storm_c"] * np.log10(figures["return_period"]))
    return float(rain / (figures["inlet_time"] + figures["storm_b"]) ** figures["storm_n"])


def mean_flow(peak_l_s: Floats, factor: Figure, infiltration: float) -> Floats:
    """Give the mean flow [L/s] whose peak, with groundwater that leaks in, is a given flow.

    The peak of a mean flow q is K(q)·q·(1 + infiltration), K straight between the steps of the profile, and that of the
    first or last step beyond them.

    Parameters
    ----------
    peak_l_s
        What a pipe carries at most [L/s].
    factor
        K by mean flow.
    infiltration
        Share of the mean flow that leaks in besides.
    """
    at, k = (np.array(column) for column in zip(*factor.steps, strict=True))
    # Finely stepped between the stated flows, since between them K·q is no straight line.
    mean = np.unique(np.concatenate([[0.0], np.geomspace(at[0] / 10, at[-1], 4001), at]))
    peak = np.interp(mean, at, k) * mean * (1 + infiltration)
    beyond = peak_l_s / (k[-1] * (1 + infiltration))
    return np.where(peak_l_s > peak[-1], beyond, np.interp(peak_l_s, peak, mean))


_SAID = ("capacity", "capacity_used")
_ENDLESS = ("outfall", "river")
"""Kinds of sources that take whatever rain the drains bring."""


@dataclass(frozen=True)
class Carrying:
    """What every piece and every source of one service can carry.

    Attributes
    ----------
    piece
        Capacity of each piece in the unit of the demand; infinite where it does not count, NaN where it is not known.
    source
        What each entry of ``network.sources`` has left, before any parcel; as above.
    stated, used
        Capacity of each source as stated, and what of it is promised already, both in the unit of the demand.
    """

    piece: Floats
    source: Floats
    stated: Floats
    used: Floats


def carrying(brief: Brief) -> Carrying:
    """Reckon the capacity of every piece and source of a service."""
    network, layer, service = brief.kept.network, brief.survey.layers[brief.service.key], brief.service
    row, main = network.row, network.main
    capacity = np.full(len(row), np.inf)
    if service.capacity in ("pressure", "gravity", "rational"):
        capacity = _pipes(brief)
    elif service.capacity == "circuits":
        capacity = _circuits(layer, service)[row]
    elif service.capacity == "stated":
        capacity = in_unit(layer["capacity"], layer["capacity_unit"], service)[row]
    stated, used = _sources(brief)
    capacity = _limited(capacity, layer, service, row)
    if service.directed:
        capacity = _lifted(capacity, brief)
    return Carrying(np.where(main, capacity, np.inf), stated - used, stated, used)


def _limited(capacity: Floats, layer: pd.DataFrame, service: Service, row: Ints) -> Floats:
    """Hold what pieces carry down to what their features state, less what these say is used already.

    What is stated in no unit of the service's own leaves it unknown. So does a unit, or what is used, without a figure:
    the feature did state one, and nobody knows that it was not less than what its size would carry.
    """
    unit = layer["capacity_unit"]
    stated, used = (in_unit(layer[name], unit, service) for name in _SAID)
    silent = layer[[*_SAID, "capacity_unit"]].isna().all(axis=1)
    stated = np.where(silent, np.inf, stated)
    used = np.where(layer["capacity_used"].isna(), 0.0, used)
    return np.asarray(np.minimum(capacity, stated[row]) - used[row])


def lifting(brief: Brief) -> tuple[Ints, Ints]:
    """Give the pumps that state a capacity and limit what flows on: their rows of the layer, and their joints.

    One whose figure is lost, and that has a unit or what is used of it, is among them: it did state one. At the joint
    of each a main begins as it is said to flow; only a service that drains has such lines.
    """
    network, layer = brief.kept.network, brief.survey.layers[brief.service.key]
    point = network.names.rows[network.names.lines :]
    said = layer[[*_SAID, "capacity_unit"]].notna().any(axis=1).to_numpy(dtype=bool)
    states = (layer["role"] == "pump").to_numpy(dtype=bool) & said
    joint, (begin, first) = network.joined.point_joint, inverts.begins(network)
    counts = states[point] & np.isin(joint, begin[(begin >= 0) & network.main[first]]) & brief.service.directed
    return point[counts], joint[counts]


def _lifted(capacity: Floats, brief: Brief) -> Floats:
    """Hold the first pieces of lines that begin at pumps down to the least of what these state."""
    (pump, at), network, layer = lifting(brief), brief.kept.network, brief.survey.layers[brief.service.key]
    if not len(pump):
        return capacity
    stated, used = (in_unit(layer[name].iloc[pump], layer["capacity_unit"].iloc[pump], brief.service) for name in _SAID)
    left = stated - np.where(layer["capacity_used"].iloc[pump].isna(), 0.0, used)
    least = np.full(len(network.joined.xy), np.inf)
    np.minimum.at(least, at, np.where(np.isnan(left), -np.inf, left))
    joint, first = inverts.begins(network)
    joint, first = joint[joint >= 0], first[joint >= 0]
    several = np.bincount(joint, minlength=len(least)) > 1
    least[np.isneginf(least) | (several & np.isfinite(least))] = np.nan
    out = capacity.copy()
    out[first] = np.minimum(out[first], least[joint])
    return out


def _pipes(brief: Brief) -> Floats:
    """Give what each piece of pipe carries."""
    network, layer, service = brief.kept.network, brief.survey.layers[brief.service.key], brief.service
    size = layer["diameter_mm"].to_numpy(dtype=float, na_value=np.nan)[network.row]
    figures = service.figures
    if service.capacity == "pressure":
        return pressure_flow(size, figures["velocity"].value) * M3_D / figures["peak_hour"].value
    start, stop = inverts.levels(network, layer)
    # Along the flow that the survey states: what is said to run uphill carries nothing that anybody knows of.
    fall = np.where(network.said == FORWARD, start - stop, stop - start)
    fall = np.where(np.isin(network.said, (FORWARD, REVERSE)), fall, np.abs(fall))
    slope = np.divide(fall, network.joined.length_m, out=np.full(len(size), np.nan), where=network.joined.length_m > 0)
    pumped = inverts.pumped(network, layer)
    n = figures["roughness"].value
    if service.capacity == "rational":
        values = {name: figure.value for name, figure in figures.items()}
        flow = np.where(pumped, np.nan, manning(size, slope, n, np.ones(len(size))))
        return np.asarray(flow / storm_intensity(values))
    full = figures["fullness"].step(size)
    peak = np.where(pumped, pressure_flow(size, figures["velocity"].value), manning(size, slope, n, full))
    leak = figures["infiltration"].value / 100
    return mean_flow(peak, figures["peak_flow"], leak) * M3_D


def _circuits(layer: pd.DataFrame, service: Service) -> Floats:
    """Give what each feeder carries [kW]: that of one circuit of its voltage, times the circuits (one where blank)."""
    each = dict(service.figures["circuit"].steps)
    one = layer["voltage_kv"].astype(float).map(each).to_numpy(dtype=float, na_value=np.nan)
    count = layer["circuits"].astype(float).fillna(1.0).to_numpy(dtype=float)
    known = count >= 1
    return np.where(known, one * count, np.nan) * service.figures["power_factor"].value * 1000.0


def in_unit(value: pd.Series, unit: pd.Series, service: Service) -> Floats:
    """Turn stated capacities into the unit of a service's demand; NaN where value or unit is not known or not its own.

    Parameters
    ----------
    value, unit
        Numbers, and codes of the vocabulary ``capacity_unit``.
    service
        The service.
    """
    factors = dict(_UNITS.get(service.demand, {}))
    if service.capacity == "rational":  # what a station lifts, over the storm that its catchment has to drain
        storm = storm_intensity({name: figure.value for name, figure in service.figures.items()})
        factors |= {"L/s": 1.0 / storm, "m3/s": 1000.0 / storm}
    if "power_factor" in service.figures:
        factors |= {"kVA": service.figures["power_factor"].value, "MVA": 1000.0 * service.figures["power_factor"].value}
    if "steam_heat" in service.figures:
        factors["t/h"] = service.figures["steam_heat"].value
    number = value.to_numpy(dtype=float, na_value=np.nan)
    return np.where(number >= 0, number, np.nan) * unit.map(factors).to_numpy(dtype=float, na_value=np.nan)


def _sources(brief: Brief) -> tuple[Floats, Floats]:
    """Give capacity and what of it is promised, for each source; outfalls and rivers of storm water have no limit."""
    network, layer, service = brief.kept.network, brief.survey.layers[brief.service.key], brief.service
    part = layer.iloc[network.sources.row]
    stated = in_unit(part["capacity"], part["capacity_unit"], service)
    used = in_unit(part["capacity_used"], part["capacity_unit"], service)
    blank = part["capacity"].isna() & ~part["capacity_odd"].eq(True)
    stated = _by_papers(brief, stated, blank)
    if service.capacity == "rational":
        free = part["kind"].isin(_ENDLESS).to_numpy()
        stated, used = np.where(free, np.inf, stated), np.where(free, 0.0, used)
    return stated, used


def _by_papers(brief: Brief, stated: Floats, blank: pd.Series) -> Floats:
    """Weigh what papers say of the capacity of sources.

    A valid one that says it operates fills in for a layer that says nothing (a figure that nobody understands says
    something); one that says something else, damaged or not, leaves it unknown. One with a unit and no figure did state
    a capacity once: nobody knows that it was the same. One that reserves tells what is gone, and not what there is; of
    one that nobody understands that may be so too.
    """
    sources, silent = blank.index, blank.to_numpy(dtype=bool)
    rows = brief.survey.evidence
    gone = (rows["says"] == "reserved") | rows["says"].isna()
    rows = rows[rows["feature"].isin(sources) & (gone | rows["capacity"].notna() | rows["capacity_unit"].notna())]
    rows = rows[(rows["service"] == brief.service.key) | rows["service"].isna()]
    at = pd.Timestamp(brief.date)
    rows = rows[(rows["expires"].isna() | (rows["expires"] >= at)) & (rows["date"].isna() | (rows["date"] <= at))]
    if rows.empty:
        return stated
    said = pd.Series(in_unit(rows["capacity"], rows["capacity_unit"], brief.service), index=rows["feature"])
    groups = said.groupby(level=0)
    low, high = (groups.agg(how).reindex(sources).to_numpy(dtype=float) for how in ("min", "max"))
    odd = sources.isin(said.index[said.isna().to_numpy() | gone[rows.index].to_numpy()])
    whole = rows.index.isin(brief.evidence.index[brief.evidence["whole"]]) & (rows["says"] == "operating").to_numpy()
    valid = np.asarray(sources.isin(rows.loc[whole, "feature"]))
    spoken = np.asarray(sources.isin(said.index))
    differ = odd | (low != high) | (~silent & (low != stated)) | (silent & ~valid)
    return np.where(spoken & differ, np.nan, np.where(spoken & silent, low, stated))
