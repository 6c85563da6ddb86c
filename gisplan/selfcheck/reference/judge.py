"""A slow and simple judge for small zones, written from the rules alone and apart from the engine.

It answers the same question as ``gisplan.check``: for every parcel and service the grade, the verdict and the day. It
shares nothing with the engine: plain records in, own geometry (point to segment, segment to segment, point in polygon
with holes), every feature compared with every other, no index, no graph library, no arrays. Where the rules leave a
choice that hangs on a hair (a distance within a metre of a limit, an opening narrower than three metres), the answer
says so in `Answer.ties`; zones with ties are no fair test and are thrown away by the maker of the toy zones.

All lengths are metres in the plane. Blank text is ``""``, a blank day is ``None``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise

from gisplan.selfcheck.reference.capacity import demand
from gisplan.selfcheck.reference.fall import believed
from gisplan.selfcheck.reference.joints import Piece, Web, weave
from gisplan.selfcheck.reference.plane import (
    apart,
    length_inside,
    nearest_on,
    shared_area,
    to_parcel,
    touches,
)
from gisplan.selfcheck.reference.records import (
    XY,
    Answer,
    Cell,
    Condition,
    Evidence,
    Feature,
    Parcel,
    Path,
    Promise,
    Readiness,
    Rules,
    Zone,
    code,
)
from gisplan.selfcheck.reference.standing import (
    NEVER,
    NOW,
    Level,
    feature_standing,
    speaks_against,
    standing_of,
    usable,
    valid,
)
from gisplan.selfcheck.reference.strict import Candidate, Judge, Tools
from gisplan.selfcheck.reference.ways import Flow

LETTERS = "ABCD"


# ---------------------------------------------------------------- who is supplied, and from when


def ways(service: str, rules: Rules, piece: Piece, is_open: bool) -> list[tuple[int, int]]:
    """Return the pairs (joint that must be live, joint that it makes live) over which a piece carries."""
    f = piece.feature
    if service == "storm" and code("system", f.system) == "combined":
        return []
    both = [(piece.a, piece.b), (piece.b, piece.a)]
    if not rules.to_outfall:
        return both
    # water runs from a to b: a is served when b is
    table = {"forward": [(piece.b, piece.a)], "reverse": [(piece.a, piece.b)], "both": both}
    return table.get(f.flow, both if is_open else [])


def supplied(zone: Zone, service: str, web: Web, is_open: bool) -> tuple[list[Level], list[Level]]:
    """Return the first level at which each piece and each stub is live, in one of the two passes; then the hydrants."""
    rules = zone.rules[service]
    parts = [(piece.feature, piece.standing.at(is_open)) for piece in web.pieces]
    feeds = [(f, standing.at(is_open), joint) for f, joint, standing in web.sources]
    seated = [*web.stubs, *(web.hydrants if rules.strict is not None else ())]
    plugs = [(f, feature_standing(zone, service, f).at(is_open)) for f, _, _ in seated]
    known = [own for _, own in (*parts, *plugs)] + [own for _, own, _ in feeds]
    days = {own[1] for own in known} - {NOW[1], NEVER[1]}
    carries = [ways(service, rules, piece, is_open) for piece in web.pieces]
    shut = {joint for joint, certain in web.shut.items() if certain or not is_open}
    pieces, stubs = [NEVER] * len(parts), [NEVER] * len(plugs)
    for level in [NOW, *((1, d) for d in sorted(days)), *((2, d) for d in sorted(days))]:
        fit = [usable(f, own, level, zone.check) for f, own in parts]
        if not web.fed and is_open:
            live = set(range(web.joints))  # nobody drew the plant: all may be served
        else:
            live = {joint for f, own, joint in feeds if usable(f, own, level, zone.check)} - shut
        growing = True
        while growing:
            growing = False
            for k, pairs in enumerate(carries):
                for need, gives in pairs:
                    if fit[k] and need in live and gives not in live and gives not in shut:
                        live.add(gives)
                        growing = True
        served = [fit[k] and any(need in live for need, _ in pairs) for k, pairs in enumerate(carries)]
        for k, now in enumerate(served):
            if now and pieces[k] == NEVER:
                pieces[k] = level
        for k, (f, joint, seat) in enumerate(seated):
            on = joint in live if seat is None else served[seat]
            if on and stubs[k] == NEVER and usable(f, plugs[k][1], level, zone.check):
                stubs[k] = level
    return pieces, stubs


def lines_behind(web: Web, start: Piece | None, joint: int | None) -> list[Feature]:
    """Return the lines whose size counts for a piece or stub: itself, or those met first along laterals."""
    if start is not None and start.feature.role == "line":
        return [start.feature]
    if not web.fed:
        return []  # no source drawn, so nothing lies on the way to it
    todo = [joint] if start is None else [start.a, start.b]
    seen: set[int | None] = set()
    found: dict[str, Feature] = {}
    while todo:
        at = todo.pop()
        if at in seen:
            continue
        seen.add(at)
        for piece in web.pieces:
            if at in (piece.a, piece.b):
                if piece.feature.role == "line":
                    found[piece.feature.id] = piece.feature
                elif piece.feature.role == "lateral":
                    todo += [piece.a, piece.b]
    return list(found.values())


def meets(feature: Feature, condition: Condition) -> bool | None:
    """Whether an attribute keeps its limit; None when it is blank or its word is not known."""
    value = feature.values.get(condition.column, "")
    if condition.one_of:
        known = code(condition.column, str(value))
        return known in condition.one_of if known else None
    return None if value == "" else condition.at_least <= float(value) <= condition.at_most


def fitness(lines: Iterable[Feature], rules: Rules) -> set[bool | None]:
    """Return the verdict on all attributes of each line: True, None (unknown), False; several at once are a tie."""
    found: set[bool | None] = set()
    for f in lines:
        each = [meets(f, c) for c in rules.conditions]
        found.add(False if False in each else None if None in each else True)
    return found or {None if rules.conditions else True}


# ---------------------------------------------------------------- reach


def blocked(zone: Zone, parcel: Parcel, q: XY, n: XY) -> bool:
    """Whether the straight way from a point q to the nearest point n of a parcel is barred."""
    if apart(q, n) == 0.0:
        return False
    if any(touches(q, n, barrier) for barrier in zone.barriers or ()):
        return True
    return any(length_inside(q, n, other) > 0.1 for other in zone.parcels if other is not parcel)


def reach(zone: Zone, parcel: Parcel, path: Path, ties: list[str]) -> float | None:
    """Return the distance at which a path (or a stub, a path of one point) reaches a parcel; None when it does not."""
    distance, q = nearest_on(path, parcel)
    if abs(distance - zone.reach) < 0.55:
        ties.append(f"reach {distance:.2f} {parcel.id}")
    if distance > zone.reach:
        return None
    if not blocked(zone, parcel, q, to_parcel(q, parcel)[1]):
        return distance
    # the nearest point is barred: look along the path in steps of half a metre
    best, run, opening = math.inf, 0.0, 0.0
    for a, b in pairwise(path):
        steps = max(1, math.ceil(apart(a, b) / 0.5))
        for k in range(steps + 1):
            p = (a[0] + (b[0] - a[0]) * k / steps, a[1] + (b[1] - a[1]) * k / steps)
            away, n = to_parcel(p, parcel)
            if away > zone.reach + 1.5 or blocked(zone, parcel, p, n):
                run = 0.0
                continue
            run += apart(a, b) / steps if k else 0.0
            best, opening = min(best, away), max(opening, run)
    if best < math.inf and (opening < 3.0 or abs(best - zone.reach) < 1.5):
        ties.append(f"opening {opening:.1f} m at {best:.1f} m of {parcel.id}")
    return best if best <= zone.reach else None


# ---------------------------------------------------------------- the answer


def cells_of(zone: Zone, service: str, ties: list[str]) -> dict[str, Cell]:
    """Judge one service that has a layer, from geometry alone, and by what else the profile asks of it."""
    web, rules = weave(zone, service), zone.rules[service]
    for tie in web.ties:
        ties.append(tie)
    strict = None if rules.strict is None else Judge(zone, service, rules.strict, Tools(reach, blocked), ties)
    web = web if strict is None else strict.lay(web)
    shut_pieces, shut_stubs = supplied(zone, service, web, False)
    open_pieces, open_stubs = supplied(zone, service, web, True)
    candidates: list[tuple[Feature, Path, Level, Level, list[Feature], int | None, int | None]] = []
    for k, piece in enumerate(web.pieces):
        if piece.feature.role in ("line", "lateral"):
            # Without a source nothing lies on the way to it, so that the size of what hangs on a main is not known.
            hangs = piece.feature.role == "lateral" and not web.fed
            behind = [] if hangs else lines_behind(web, piece, None)
            candidates.append((piece.feature, piece.path, shut_pieces[k], open_pieces[k], behind, k, None))
    for k, (f, joint, seat) in enumerate(web.stubs):
        behind = lines_behind(web, None if seat is None else web.pieces[seat], joint) if web.fed else []
        candidates.append((f, f.parts[0], shut_stubs[k], open_stubs[k], behind, None, joint))
    if strict is not None:
        strict.wet = shut_stubs[len(web.stubs) :], open_stubs[len(web.stubs) :]
        over = [[ways(service, rules, piece, is_open) for piece in web.pieces] for is_open in (False, True)]
        strict.flows = Flow(zone, service, web, False, over[0]), Flow(zone, service, web, True, over[1])
        return strict.cells(
            [
                Candidate(f, path, (low, high), next(iter(fitness(behind, rules))), piece, joint)
                for f, path, low, high, behind, piece, joint in candidates
                if (low, high) != (NEVER, NEVER) and fitness(behind, rules) != {False}
            ],
            left_open(zone, service),
        )
    cells = {}
    for parcel in zone.parcels:
        shut: tuple[Level, float, str] = (NEVER, math.inf, "")
        opened: Level = NEVER
        for f, path, low, high, behind, _, _ in candidates:
            if (low == NEVER and high == NEVER) or fitness(behind, rules) == {False}:
                continue
            if len(fitness(behind, rules)) > 1:
                ties.append(f"{f.id} could take its size from several lines")
            distance = reach(zone, parcel, path, ties)
            if distance is None:
                continue
            opened = min(opened, high)
            if fitness(behind, rules) == {True} and (zone.barriers is not None or distance == 0.0):
                shut = min(shut, (low, distance, f.id))
        if shut[0][0] != opened[0]:
            cells[parcel.id] = Cell("U")
        elif shut[0] == NEVER:
            cells[parcel.id] = Cell("D")
        else:
            day = None if shut[0] == NOW else shut[0][1]
            cells[parcel.id] = Cell(LETTERS[shut[0][0]], day, shut[1], shut[2])
    return cells


def left_open(zone: Zone, service: str) -> bool:
    """Tell whether something lost its shape that might have served a parcel."""
    gone = zone.lost.get(service)
    if gone is None or code("status", gone.status) == "abandoned":
        return False
    return gone.role in ("", "line", "lateral", "stub", "source", "outfall", "boundary_supply")


def leveling_cell(zone: Zone, parcel: Parcel) -> Cell:
    """Judge the levelling from the record (these zones have no ground model)."""
    found = standing_of(zone, parcel.leveling_status, parcel.leveling_works)
    mine = [x for x in zone.evidence if x.parcel == parcel.id or stray(zone, x)]
    if any(x.service == "leveling" and x.says == "accepted" and valid(x, zone.check) for x in mine):
        denied = bool((parcel.leveling_status or "").strip()) and found.level != NOW
        denied = denied or any(speaks_against(x, "leveling", zone.check) for x in mine)
        return Cell("U" if denied else "A")
    if found.unknown or found.level == NOW:
        return Cell("U")
    return Cell(LETTERS[found.level[0]], None if found.level == NEVER else found.level[1])


def stray(zone: Zone, letter: Evidence) -> bool:
    """Whether a letter names nothing that is there, and says so in words (toy zones have no other land to speak of)."""
    things = {f.id for layer in zone.layers.values() for f in layer}
    return letter.parcel not in {p.id for p in zone.parcels} and letter.feature not in things and letter.says != ""


def by_letters(zone: Zone, parcel: Parcel, service: str, cell: Cell | None) -> Cell:
    """Weigh the letters for one parcel and service; `cell` is None when the service has no layer."""
    all_mine = [x for x in zone.evidence if x.parcel == parcel.id]
    mine = [x for x in all_mine if x.service == service]
    if any(x.says == "not_applicable" and x.issuer and x.number for x in mine):
        denied = any(speaks_against(x, service, zone.check) for x in zone.evidence if x in all_mine or stray(zone, x))
        return Cell("U" if denied else "N")
    yes = any(x.says == "connected" and valid(x, zone.check) for x in mine)
    no = any(speaks_against(x, service, zone.check) for x in (*all_mine, *(x for x in zone.evidence if stray(zone, x))))
    if cell is None:
        denied = any(x.says == "not_connected" and valid(x, zone.check) for x in mine)
        if yes and not no and not promises_enough(zone, parcel, service, mine):
            return Cell("U")
        return Cell("U" if yes == no else "A" if yes else "D" if denied else "U")
    if cell.scarce and states_too_little(zone, parcel, service, mine):
        yes = False
    against = (yes and cell.grade in "BCD") or (no and cell.grade == "A")
    return Cell("U") if against else cell


def states_too_little(zone: Zone, parcel: Parcel, service: str, letters: list[Evidence]) -> bool:
    """Whether every valid letter that connects a parcel states less than it needs."""
    strict = zone.rules[service].strict
    if strict is None:
        return False
    need = demand(zone, strict, parcel)[0]
    said = [x for x in letters if x.says == "connected" and valid(x, zone.check)]
    return all(x.capacity is not None and x.capacity * strict.units.get(x.capacity_unit, math.inf) < need for x in said)


def promises_enough(zone: Zone, parcel: Parcel, service: str, letters: list[Evidence]) -> bool:
    """Whether a letter that connects a parcel without a layer states what it needs, where the profile counts that."""
    strict = zone.rules[service].strict if service in zone.rules else None
    if strict is None or "capacity" not in strict.asks:
        return True
    need = demand(zone, strict, parcel)
    running = [x for x in letters if x.expires is None or x.expires >= zone.check]
    said = [x for x in running if x.says == "connected" and (x.date is None or x.date <= zone.check)]
    stated = [None if x.capacity is None else x.capacity * strict.units.get(x.capacity_unit, math.nan) for x in said]
    return need[0] == need[1] and all(each is not None and each >= need[1] for each in stated)


def readiness(zone: Zone, parcel: Parcel, cells: Mapping[str, Cell]) -> Readiness:
    """Sum up one parcel."""
    promise = zone.promises.get(parcel.promised, Promise(zone.required))
    names = [s for s in cells if s in promise.required and cells[s].grade != "N"]
    counted = [cells[s] for s in names]
    connections: dict[str, list[str]] = {}
    for s in names:
        connections.setdefault(promise.groups.get(s, s), []).append(cells[s].grade)
    grades = {c.grade for c in counted}
    ready = "no" if grades & set("BCD") else "yes" if grades == {"A"} else "unknown"
    days = [c.ready_on for c in counted if c.grade == "B" and c.ready_on is not None]
    if parcel.delivery_on is None:
        by_delivery = "unknown"
    elif grades & set("CD") or any(day > parcel.delivery_on for day in days):
        by_delivery = "no"
    else:
        by_delivery = "unknown" if "U" in grades or not grades else "yes"
    ready_on = max(days) if days and grades <= set("AB") else None
    connected = sum(set(each) == {"A"} for each in connections.values())
    return Readiness(ready, by_delivery, ready_on, connected, len(connections))


def judge(zone: Zone, ties: list[str] | None = None) -> Answer:
    """Answer every cell and every parcel of a zone.

    Parameters
    ----------
    zone : Zone
        The zone as plain records.
    ties : list of str, optional
        Where to note what hangs on a hair.

    Returns
    -------
    Answer
        Cells by (parcel, service), readiness by parcel, and the ties found on the way.
    """
    ties = [] if ties is None else ties
    zone = believed(zone, ties)
    drawn = {s: cells_of(zone, s, ties) for s in zone.rules if s in zone.layers}
    doubtful = set()
    for k, one in enumerate(zone.parcels):
        for two in zone.parcels[:k]:
            if shared_area(one, two) > 1.0:
                doubtful |= {one.id, two.id}
    cells: dict[tuple[str, str], Cell] = {}
    for parcel in zone.parcels:
        for service in (*zone.rules, "leveling"):
            cell: Cell | None
            if service == "leveling":
                cell = leveling_cell(zone, parcel)
            else:
                cell = Cell("D") if service in zone.absent else drawn.get(service, {}).get(parcel.id)
                if cell is not None and cell.grade in "BCD" and left_open(zone, service):
                    cell = Cell("U")
            cell = by_letters(zone, parcel, service, cell)
            if parcel.id in doubtful and cell.grade != "N":
                cell = Cell("U")
            if cell.grade == "A" and zone.check > zone.own:
                cell = Cell("B", zone.own, cell.distance, cell.feature)  # nobody can see the future working
            elif cell.grade == "A" and zone.check < zone.own:
                cell = Cell("U")  # nor does a survey tell what worked before it
            cells[parcel.id, service] = cell
    parcels = {p.id: readiness(zone, p, {s: cells[p.id, s] for s in (*zone.rules, "leveling")}) for p in zone.parcels}
    return Answer(cells, parcels, tuple(ties))
