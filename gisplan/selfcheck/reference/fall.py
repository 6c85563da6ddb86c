"""Levels, direction and fall of sewers: for the slow judge.

Levels lie on the even fall of a line between the inverts at its two ends. They say where a line without a stated
direction runs, what rises though it should fall, and whether a parcel's own sewer can reach its manhole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from gisplan.selfcheck.reference.joints import Piece, Web
from gisplan.selfcheck.reference.plane import along, apart, stretch, within
from gisplan.selfcheck.reference.records import Feature, Parcel, Strict, Zone, code
from gisplan.selfcheck.reference.standing import NOW, UNKNOWN, feature_standing, valid

EPSILON = 0.02
"""Levels that differ by no more count as equal."""
HAIR = 0.05
ABOVE, BELOW = 1.0, 30.0
"""How far above and beneath the ground an invert may lie."""


@dataclass(frozen=True)
class Profiled:
    """A piece with what its inverts tell: level at either end, fall by length along the flow, whether it is pumped."""

    levels: tuple[float | None, float | None]
    slope: float | None
    pumped: bool
    begins: int | None = None  # the joint at which its line begins, as it is said to flow, where it is the first piece


def numbered(feature: Feature, column: str) -> float | None:
    """Return a number of a feature; None where it is blank."""
    value = feature.values.get(column, "")
    return None if value == "" else float(value)


def believed(zone: Zone, ties: list[str]) -> Zone:
    """Return the zone without the inverts that lie above the ground, or far beneath it: nobody knows them."""
    if not zone.ground:
        return zone
    every = [at for p in zone.parcels for at in p.polygons[0][0]]
    edge = [round(f(at[k] for at in every)) + far for f, far in ((min, -10), (max, 10)) for k in (0, 1)]
    layers = dict(zone.layers)
    for service in {"storm", "sewage"} & set(layers):
        layers[service] = tuple(sounded(zone, f, edge, ties) for f in layers[service])
    return replace(zone, layers=layers)


def sounded(zone: Zone, f: Feature, edge: Sequence[float], ties: list[str]) -> Feature:
    """Return a line with the inverts that the ground at its ends lets anybody believe."""
    values = dict(f.values)
    for column, at in (("invert_from_m", f.parts[0][0]), ("invert_to_m", f.parts[-1][-1])):
        level = numbered(f, column)
        if level is None:
            continue
        # The ground comes in cells of a metre: near an outline that of either side may be meant.
        near = {ground_at(zone, (at[0] + x, at[1] + y), edge) for x in (-1, 0, 1) for y in (-1, 0, 1)}
        absurd = {g is not None and not -ABOVE <= g - level <= BELOW for g in near}
        hair = any(g is not None and min(abs(g - level + ABOVE), abs(g - level - BELOW)) < 0.01 for g in near)
        if hair or len(absurd) > 1:
            ties.append("an invert that may be believed or not")
        if ground_at(zone, at, edge) is not None and True in absurd:
            values[column] = ""
    return replace(f, values=values)


def ground_at(zone: Zone, at: tuple[float, float], edge: Sequence[float]) -> float | None:
    """Return the ground at a place; None where it is not known."""
    if not (edge[0] <= at[0] <= edge[2] and edge[1] <= at[1] <= edge[3]):
        return None
    on = [p for p in zone.parcels if any(within(at, polygon) for polygon in p.polygons)]
    return zone.ground.get(on[-1].id) if on else zone.around


def length(path: Sequence[tuple[float, float]]) -> float:
    """Return the length of a path."""
    return sum(apart(a, b) for a, b in pairwise(path))


def ends_of(f: Feature, part: int) -> tuple[float | None, float | None]:
    """Return the levels at the ends of one part of a line: only the outer ends of the feature have any."""
    start = numbered(f, "invert_from_m") if part == 0 else None
    stop = numbered(f, "invert_to_m") if part == len(f.parts) - 1 else None
    return start, stop


def level_at(f: Feature, part: int, at: float) -> float | None:
    """Return the level of a part of a line at a measure."""
    start, stop = ends_of(f, part)
    size = length(f.parts[part])
    if at <= 1e-9:
        return start
    if at >= size - 1e-9:
        return stop
    return None if start is None or stop is None else start + (stop - start) * at / size


def split_at_seats(zone: Zone, service: str, web: Web, ties: list[str]) -> Web:
    """Cut the pieces where stubs and hydrants sit on their sides, as every joint cuts a line."""
    pieces = list(web.pieces)
    joints = web.joints
    seated: dict[int, list[tuple[float, int]]] = {}
    new: dict[int, tuple[Feature, int | None, int | None]] = {}
    every = [*web.stubs, *web.hydrants]
    for n, (f, joint, seat) in enumerate(every):
        new[n] = (f, joint, seat)
        if seat is None or feature_standing(zone, service, f).out:
            continue
        seated.setdefault(seat, []).append((along(pieces[seat].path, f.parts[0][0]), joints))
        new[n] = (f, joints, None)
        joints += 1
    found: list[Piece] = []
    moved: dict[int, int] = {}
    for k, piece in enumerate(pieces):
        moved[k] = len(found)
        cuts = sorted(seated.get(k, []))
        if any(abs(a[0] - b[0]) < 0.05 for a, b in pairwise(cuts)):
            ties.append("two stubs on one spot")
        stops = [(0.0, piece.a), *cuts, (length(piece.path), piece.b)]
        first = piece.span[0]
        for (s, a), (e, b) in pairwise(stops):
            path = stretch(piece.path, s, e) if len(stops) > 2 else piece.path
            found.append(replace(piece, a=a, b=b, path=path, span=(first + s, first + e)))
    kept = [(f, j, None if seat is None else moved[seat]) for f, j, seat in (new[n] for n in range(len(every)))]
    stubs = len(web.stubs)
    return replace(web, pieces=tuple(found), joints=joints, stubs=tuple(kept[:stubs]), hydrants=tuple(kept[stubs:]))


Line = tuple[str, int]


def pumped_lines(web: Web, ties: list[str]) -> dict[Line, bool]:
    """Return the pumped lines (feature, part), and whether their pump surely works today."""
    pumps: dict[int, list[bool]] = {}
    stops: set[int] = set()
    for f, joint, standing in web.points:
        if f.role == "pump":
            pumps.setdefault(joint, []).append(standing.level == NOW and not standing.unknown)
        if f.role in ("manhole", "source", "outfall", "boundary_supply"):
            stops.add(joint)
    runs: dict[Line, list[Piece]] = {}
    for piece in web.pieces:
        runs.setdefault((piece.feature.id, piece.part), []).append(piece)
    begins: dict[Line, int] = {}
    leads: dict[Line, int] = {}
    for line, run in runs.items():
        if run[0].feature.flow == "forward":
            begins[line], leads[line] = run[0].a, run[-1].b
        elif run[0].feature.flow == "reverse":
            begins[line], leads[line] = run[-1].b, run[0].a
    found: dict[Line, bool] = {}
    for joint, works in pumps.items():
        if len(set(works)) > 1:
            ties.append("two pumps at one joint")
        inner = [p for p in web.pieces if joint in (p.a, p.b) and joint not in outer(runs[p.feature.id, p.part])]
        if inner:
            ties.append("a pump on the side of a line")
        for line in [line for line, start in begins.items() if start == joint]:
            todo: Line | None = line
            while todo is not None:
                if found.get(todo, all(works)) != all(works):
                    ties.append("a line behind two pumps")
                found[todo] = all(works)
                todo = follower(web, runs, begins, leads, stops, todo, ties)
                if todo in found:
                    todo = None
    return found


def outer(run: list[Piece]) -> tuple[int, int]:
    """Return the joints at the two ends of a line."""
    return run[0].a, run[-1].b


def follower(
    web: Web,
    runs: dict[Line, list[Piece]],
    begins: dict[Line, int],
    leads: dict[Line, int],
    stops: set[int],
    line: Line,
    ties: list[str],
) -> Line | None:
    """Return the one line that leads on from the end of a pumped line, if it is the only one."""
    inner = {j for p in runs[line] for j in (p.a, p.b)} - set(outer(runs[line]))
    beside = {p.feature.id for p in web.pieces for j in (p.a, p.b) if j in inner} - {line[0]}
    if inner & stops or beside:
        ties.append("a pumped line with something on its side")
    end = leads[line]
    if end in stops:
        return None
    others = {(p.feature.id, p.part) for p in web.pieces if end in (p.a, p.b)} - {line}
    on = [other for other in others if begins.get(other) == end]
    if len(others) != len(on):
        ties.append("a pumped line ends beside what does not lead on")
    return on[0] if len(on) == 1 else None


def profiled(web: Web, strict: Strict, ties: list[str]) -> tuple[Web, list[Profiled]]:
    """Give every piece its levels, and the direction and worth that the inverts leave it."""
    pumped = pumped_lines(web, ties)
    directed = bool({"fall", "downhill"} & strict.asks)
    pieces, told = [], []
    runs: dict[Line, list[Piece]] = {}
    for piece in web.pieces:
        runs.setdefault((piece.feature.id, piece.part), []).append(piece)
    for piece in web.pieces:
        f, line = piece.feature, (piece.feature.id, piece.part)
        run, begins = runs[line], None
        if f.flow == "forward" and piece is run[0]:
            begins = piece.a
        elif f.flow == "reverse" and piece is run[-1]:
            begins = piece.b
        start, stop = ends_of(f, piece.part)
        flow, standing = f.flow, piece.standing
        if directed and start is not None and stop is not None:
            if abs(abs(start - stop) - EPSILON) < 0.005:
                ties.append("inverts that differ by epsilon")
            rise = {"forward": stop - start, "reverse": start - stop}.get(flow, 0.0)
            if rise > EPSILON and line not in pumped:
                flow = ""  # a contradiction
            elif flow == "" and abs(start - stop) > EPSILON:
                flow = "forward" if start > stop else "reverse"
        if directed and line in pumped and not pumped[line] and not standing.out:
            standing = UNKNOWN
        pieces.append(replace(piece, feature=replace(f, flow=flow), standing=standing))
        slope = None
        if start is not None and stop is not None:
            slope = (start - stop) / length(f.parts[piece.part])
            said = f.flow or flow  # a line of no known direction runs down its own fall
            slope *= 1 if said == "forward" or (said != "reverse" and slope > 0) else -1
        levels = (level_at(f, piece.part, piece.span[0]), level_at(f, piece.part, piece.span[1]))
        told.append(Profiled(levels, slope, line in pumped, begins))
    return replace(web, pieces=tuple(pieces)), told


@dataclass(frozen=True)
class Step:
    """One piece of a way, from one joint (or a spot on the piece: -1) to the next."""

    piece: int
    start: int
    stop: int


def falls(
    zone: Zone,
    strict: Strict,
    web: Web,
    told: list[Profiled],
    parcel: Parcel,
    steps: Sequence[Step],
    ties: list[str],
) -> bool | None:
    """Whether a parcel's sewer falls to the manhole at which it enters its first main, and from there on downhill.

    `steps` is the way from the candidate; its first step begins at a spot (start -1) where the candidate is a piece.
    """
    mains = [k for k, step in enumerate(steps) if web.pieces[step.piece].feature.role == "line"]
    if not mains:
        return None
    first = steps[mains[0]]
    own = first.start == -1
    manhole = first.stop if own else first.start
    verdicts: list[bool | None] = []
    if "fall" in strict.asks:
        verdicts.append(own_fall(zone, strict, web, told, parcel, first, manhole, ties))
    if "downhill" in strict.asks:
        verdicts.append(downhill(web, told, [steps[k] for k in mains], own, ties))
    return False if False in verdicts else None if None in verdicts else True


def level_of(web: Web, told: list[Profiled], step: Step, joint: int) -> float | None:
    """Return the level of a step's piece at one of its joints."""
    return told[step.piece].levels[0 if web.pieces[step.piece].a == joint else 1]


def own_fall(
    zone: Zone,
    strict: Strict,
    web: Web,
    told: list[Profiled],
    parcel: Parcel,
    first: Step,
    manhole: int,
    ties: list[str],
) -> bool | None:
    """Whether the lowest ground lets the parcel's own sewer arrive above the invert at its connection manhole."""
    invert = None if told[first.piece].pumped else level_of(web, told, first, manhole)
    ground = None if outdated(zone, parcel) else zone.ground.get(parcel.id)
    if invert is None or ground is None:
        return None
    piece = web.pieces[first.piece]
    at = piece.path[0] if piece.a == manhole else piece.path[-1]
    far = max(apart(at, corner) for polygon in parcel.polygons for corner in polygon[0])
    given = strict.figures
    left = ground - given["start_depth"] - given["run_slope"] * far - given["drop"] - invert
    if abs(left) < HAIR:
        ties.append(f"fall {left:.3f} of {parcel.id}")
    return left >= 0.0


def outdated(zone: Zone, parcel: Parcel) -> bool:
    """Whether the ground (of the zone's own day) may be older than the levelling of a parcel."""
    works = zone.works.get(parcel.leveling_works)
    ended = works is not None and code("phase", works.phase) in ("completion", "handover")
    if works is not None and ended and (works.actual_on is None or works.actual_on > zone.own):
        return True
    records = [x for x in zone.evidence if x.parcel == parcel.id and x.says == "accepted" and x.service == "leveling"]
    return any(x.date is not None and x.date > zone.own and valid(x, zone.check) for x in records)


def downhill(web: Web, told: list[Profiled], mains: list[Step], own: bool, ties: list[str]) -> bool | None:
    """Whether no main on the way begins above the end of the one before it, save at a working pump."""
    lifts = {joint for f, joint, standing in web.points if f.role == "pump" and standing.level == NOW}
    verdict: bool | None = True
    for k, step in enumerate(mains):
        on_way = [level_of(web, told, step, step.stop)]
        if step.start != -1:
            on_way.append(level_of(web, told, step, step.start))
        if None in on_way and not told[step.piece].pumped and not (k == 0 and own):
            verdict = None
    for before, after in pairwise(mains):
        end, begin = level_of(web, told, before, before.stop), level_of(web, told, after, after.start)
        if after.start in lifts:
            continue
        if end is None or begin is None:
            blank = before if end is None else after
            if not told[blank.piece].pumped:
                verdict = None
            continue
        if abs(begin - end - EPSILON) < 0.005:
            ties.append("a step of epsilon")
        if begin > end + EPSILON:
            return False
    return verdict
