"""Proof: the way of every ready cell, walked along the plain records and the drawing, apart from the engine.

The engine says by which main a parcel is served and draws the way to the source. Whether such a way exists is a smaller
question than whether it is the best one: a few lines answer it from the records alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import shapely

from gisplan.judging.traces import Traces
from gisplan.selfcheck.reference.records import Feature, Zone
from gisplan.selfcheck.reference.standing import NOW, feature_standing, usable
from gisplan.selfcheck.toys.frames import drawn

Steps = list[dict[str, Any]]


def unproven(zone: Zone, report: Any) -> tuple[list[str], int]:
    """Walk the way of every cell that is ready by the drawing.

    Returns
    -------
    list of str
        One sentence for every cell whose way is missing, or does not hold.
    int
        How many ways were walked.
    """
    cells = report.cells
    ready = cells[(cells["grade"] == "A") & cells["service"].isin(list(zone.layers))]
    traced = Traces(report.zone.judged()).of(report.zone.parcels.index)
    steps = traced.steps.to_dict("records")
    starts = {(s["parcel"], s["service"]): s for s in traced.starts.to_dict("records")}
    found = []
    for row in ready[["parcel", "service", "feature"]].to_dict("records"):
        start = starts.get((row["parcel"], row["service"]))
        reason = "no way is drawn" if start is None else _walk(zone, row, start, steps)
        if reason:
            found.append(f"{row['parcel']} {row['service']}: {reason}")
    return found, len(ready)


def _walk(zone: Zone, row: Mapping[str, Any], start: Mapping[str, Any], steps: Steps) -> str:
    """Walk one way to its source, and say what is wrong with it; blank when nothing is."""
    service = row["service"]
    features = {f.id: f for f in zone.layers[service]}
    way, step = [(row["feature"], start["geometry"])], int(start["step"])
    while step >= 0 and len(way) <= len(steps) + 1:
        way.append((steps[step]["feature"], steps[step]["geometry"]))
        step = int(steps[step]["next"])
    if step >= 0:
        return "it runs in a circle"
    for name, line in way:
        f = features.get(name)
        if f is None or not usable(f, feature_standing(zone, service, f).at(False), NOW, zone.check):
            return f"{name} does not carry today"
        if line is not start["geometry"] and not drawn(f).buffer(_slack(zone)).covers(line):
            return f"{name} is drawn elsewhere"
    for (before, one), (name, two) in pairwise(way):
        if one.distance(two) > 2 * _slack(zone) and not _numbers(features[before]) & _numbers(features[name]):
            return f"{one.distance(two):.2f} m are missing before {name}"
    last = shapely.get_point(way[-1][1], -1)
    feeds = [f for f in features.values() if _feeds(zone, service, f)]
    ends = _numbers(features[way[-1][0]])
    if not any(drawn(f).distance(last) <= 2 * _slack(zone) or ends & _numbers(f) for f in feeds):
        return "it ends at no source that works today"
    return ""


def _slack(zone: Zone) -> float:
    """How far two things may lie apart and still meet: the widest tolerance of any survey of the zone."""
    return max([zone.snap, *(f.snap for layer in zone.layers.values() for f in layer if f.snap is not None)]) + 1e-6


def _numbers(f: Feature) -> set[str]:
    """Return the joint numbers that a feature states: equal ones meet, however far apart they are drawn."""
    return {f.from_joint, f.to_joint} - {""}


def _feeds(zone: Zone, service: str, f: Feature) -> bool:
    works = usable(f, feature_standing(zone, service, f).at(False), NOW, zone.check)
    return works and f.role in ("source", "outfall", "boundary_supply")


def wrongly_ready(report: Any, answer: Any) -> tuple[list[str], int]:
    """Name the cells that the engine calls ready and the slow judge does not; and count those called ready.

    A cell that does not apply (N) is left out by both.
    """
    said = report.cells.loc[report.cells["verdict"] == "ready", ["parcel", "service"]]
    ready = list(zip(said["parcel"], said["service"], strict=True))
    wrong = [key for key in ready if key not in answer.cells or answer.cells[key].verdict != "ready"]
    return [f"{parcel} {service}" for parcel, service in wrong], len(ready)
