"""Likeness: which table or service an unknown layer may be, by its names, shapes, columns and cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
import shapely

from gisplan.base.fields import fields, plain, vocabulary
from gisplan.base.issues import Issue
from gisplan.reading.drafting.guesses import CERTAIN, GUESS, LIKELY, Claim, Known, Pillar, claims, pillars
from gisplan.reading.drafting.hints import CLEAR, Hint, chinese, hints, named, tokens
from gisplan.reading.formats.drawing import PARCEL_CODE
from gisplan.reading.formats.raw import RawLayer
from gisplan.rules.profile import Profile

_PREFIX = re.compile(r"([A-Za-z]{2})(?=[-_0-9])")
_MOST_CELLS = 3000
Why = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Look:
    """One layer of one file, and what can be seen of it.

    Attributes
    ----------
    file
        Its name as zone.toml would write it.
    raw
        The layer.
    several
        Whether the file has other layers, so that this one must be named.
    issues
        What its reader wrote down.
    """

    file: str
    raw: RawLayer
    several: bool = False
    issues: tuple[Issue, ...] = ()

    @cached_property
    def columns(self) -> list[Pillar]:
        """Its columns."""
        return pillars(self.raw)

    @cached_property
    def shape(self) -> str:
        """What most of its shapes are: ``areas``, ``lines``, ``points``, or ``table`` where there are none."""
        if self.raw.geometry is None:
            return "table"
        shapes = self.raw.geometry[~shapely.is_missing(self.raw.geometry)]
        counts = np.bincount(np.maximum(shapely.get_dimensions(shapes), 0), minlength=3) if len(shapes) else [0, 0, 0]
        return ("points", "lines", "areas")[int(np.argmax(counts))] if len(shapes) else "table"

    @property
    def title(self) -> str:
        """File and layer, for people."""
        return f"{self.file}:{self.raw.layer}" if self.several else self.file

    @cached_property
    def hits(self) -> dict[str, Hint]:
        """What its names speak of: the layer's own name, else the file's, else those of the folders."""
        path = PurePosixPath(self.file)
        models = [i.message for i in self.issues if i.code == "inp_read"]
        kind = ["epanet" if "EPANET" in text else "swmm" for text in models]
        for name in (self.raw.layer, path.stem, *reversed(path.parts[:-1]), *kind):
            found = named(name)
            if found:
                return found
        return {}


@dataclass(frozen=True)
class Kin:
    """What a layer is taken for: a table (``parcels`` …), a service, ``nothing`` or empty; how sure, and why.

    `partner` is the name of the point table of a pipe survey's line table; `whole` says that a table is such a survey
    by itself; `spots` is where the points of either stand.
    """

    look: Look
    table: str
    confidence: str
    why: Why = ()
    other: str = ""
    claims: tuple[Claim, ...] = ()
    points: int = 0
    notes: Why = ()
    partner: str = ""
    whole: bool = False
    spots: Look | None = None

    @property
    def active(self) -> bool:
        """Whether it is written so that it counts."""
        return self.table not in ("", "nothing") and self.confidence != GUESS

    def claim(self, ours: str) -> Claim | None:
        """Give the column taken for one of ours, if it counts."""
        return next((c for c in self.claims if c.ours == ours and c.active), None)


def kin(look: Look, profile: Profile, known: Known) -> Kin:
    """Say what a layer is most like."""
    if "nothing" in look.hits:
        return Kin(look, "nothing", LIKELY, (("named_nothing", look.hits["nothing"].word),))
    found = [k for k in (*_tables(look, known), *_networks(look, profile, known)) if k.points > 0]
    if not found:
        return Kin(look, "", GUESS)
    found.sort(key=lambda k: -k.points)
    best, second = found[0], found[1].points if len(found) > 1 else 0
    lead = best.points - second
    level = CERTAIN if best.points >= 5 and lead >= 2 else LIKELY if best.points >= 3 and lead >= 2 else GUESS
    if best.confidence == GUESS:
        level = GUESS
    other = found[1].table if second and lead < 2 else ""
    notes: Why = ()
    if best.table == "evidence" and not {"parcel", "feature"} & {c.ours for c in best.claims if c.active}:
        # Every letter would be set aside: nobody knows what it speaks of.
        level, notes = LIKELY if level == CERTAIN else level, (("no_parcel_column", ""),)
    return Kin(look, best.table, level, best.why, other, best.claims, best.points, notes)


def _tables(look: Look, known: Known) -> list[Kin]:
    """Compare a layer with the tables that every zone may have."""
    out = _heights(look, known)
    for table in ("parcels", "barriers", "works", "evidence"):
        if (table == "parcels" and look.shape != "areas") or (
            table == "barriers" and look.shape in ("table", "points")
        ):
            continue
        if table in ("works", "evidence") and look.shape != "table":
            continue
        found = claims(look.raw, table, look.columns, known)
        sure = {c.ours: c for c in found if c.active}
        needed = {name for name, f in fields(table).items() if f.needed}
        if not needed <= {c.ours for c in found}:
            out += _outlines(look) if table == "parcels" else []
            continue
        points, why = _named(look, table)
        if table == "parcels" and _is_cass(look):
            points, why = points + 5, (*why, ("cass", ""))
        worded = [c for c in sure.values() if any(code == "words" for code, _ in c.why)]
        if table == "barriers":
            kinds = [c for c in worded if c.ours == "kind"]
            if not points and not kinds:
                continue
            why += tuple(("cells", c.theirs) for c in kinds)
            # A name alone may cover one railway of a zone that also has a river: a list of kinds is a survey.
            level = LIKELY if kinds else GUESS
            out.append(Kin(look, table, level, why, "", tuple(found), points + 4 * len(kinds)))
            continue
        telling = [c for c in worded if c.ours != "status"]
        points += min(3, 2 * len(telling)) + min(2, len(sure)) - (table != "parcels" and len(sure) < 3)
        why += tuple(("cells", c.theirs) for c in telling[:3])
        if not why and not needed <= set(sure):
            continue
        if not why:
            why = (("columns", ", ".join(c.theirs for c in list(sure.values())[:3])),)
        out.append(Kin(look, table, LIKELY if needed <= set(sure) else GUESS, why, "", tuple(found), points))
    return out


def _is_cass(look: Look) -> bool:
    """Tell whether CASS itself says that the outlines of a drawing are parcels."""
    code = next((p for p in look.columns if p.name == "cass_code"), None)
    return code is not None and code.texts == (PARCEL_CODE,) and bool((code.words.at >= 0).all())


def _outlines(look: Look) -> list[Kin]:
    """Take closed outlines without a column of numbers for parcels where a drawing's layer is called so: a guess."""
    hit = named(look.raw.layer).get("parcels")
    if not {"feature", "entity", "layer"} <= {p.name for p in look.columns} or (hit is None and not _is_cass(look)):
        return []
    why: Why = (("cass", ""),) if hit is None else (("named", hit.word),)
    claim = Claim("parcel", "feature", GUESS, (("handle", ""),))
    return [Kin(look, "parcels", GUESS, why, "", (claim,), 2)]


def _heights(look: Look, known: Known) -> list[Kin]:
    """Take spot heights and contours for the ground, where their names say so and a column holds the heights."""
    points, why = _named(look, "ground")
    if look.shape == "areas" or not points:
        return []
    found = claims(look.raw, "ground", look.columns, known)
    needed = {"height_m"} if look.shape != "table" else {"height_m", "east_m", "north_m"}
    if not needed <= {c.ours for c in found if c.active}:
        return []
    kept = tuple(c for c in found if c.ours in needed)
    return [Kin(look, "ground", LIKELY, why, "", kept, points + 2)]


def _named(look: Look, table: str) -> tuple[int, Why]:
    hit = look.hits.get(table)
    return (hit.strength, (("named", hit.word),)) if hit is not None else (0, ())


def _networks(look: Look, profile: Profile, known: Known) -> list[Kin]:
    """Compare a layer with the services of the profile."""
    if look.shape == "areas":
        return []
    inside = _cells(look, [s.key for s in profile.networks])
    traits = _traits(look)
    out = []
    found: dict[bool, tuple[Claim, ...]] = {}
    for service in profile.networks:
        if service.directed not in found:
            found[service.directed] = tuple(claims(look.raw, "layer", look.columns, known, service.directed))
        own = found[service.directed]
        kinds = _kinds(look, profile, own)
        points, why = _named(look, service.key)
        prefix = _prefix(look, own).get(service.key)
        for strength, reason in (
            (0 if prefix is None else prefix.strength, ("prefix", "" if prefix is None else prefix.word)),
            (3 if service.key in inside else 0, ("cells", inside.get(service.key, ""))),
            (kinds.get(service.key, (0, ""))[0], ("kinds", kinds.get(service.key, (0, ""))[1])),
            (traits.get(service.key, (0, ""))[0], ("trait", traits.get(service.key, (0, ""))[1])),
        ):
            if strength:
                points += strength
                why += (reason,)
        if points == 0:
            continue
        if look.shape == "table" and not {"from_joint", "to_joint"} <= {c.ours for c in own if c.active}:
            continue
        points += look.shape == "lines"
        points += any(c.active and c.ours in ("diameter_mm", "from_joint", "status", "role", "works") for c in own)
        out.append(Kin(look, service.key, LIKELY, why, "", own, points))
    return out


def _cells(look: Look, services: Sequence[str]) -> dict[str, str]:
    """Find the service that the cells themselves speak of (中央大道给水管), where one stands out, and the column."""
    clear = {w: [h.target for h in entries if h.strength == CLEAR] for w, entries in hints("table").items()}
    words = {w: targets[0] for w, targets in clear.items() if targets and targets[0] in services and not w.isascii()}
    for pillar in look.columns:
        hits: dict[str, list[bool]] = {}
        texts = pillar.texts[:_MOST_CELLS]
        for i, text in enumerate(texts):
            for word in chinese(text, words):
                hits.setdefault(words[word], [False] * len(texts))[i] = True
        shares = sorted(((pillar.share(holds), key) for key, holds in hits.items()), reverse=True)
        if shares and shares[0][0] >= 0.3 and (len(shares) == 1 or shares[0][0] > 3 * shares[1][0]):
            return {shares[0][1]: pillar.name}
    return {}


def _kinds(look: Look, profile: Profile, own: Sequence[Claim]) -> dict[str, tuple[int, str]]:
    """Find the service whose plants and stations the column of kinds names."""
    claim = next((c for c in own if c.ours == "kind" and c.why[0][0] != "shared"), None)
    if claim is None:
        return {}
    known = vocabulary("kind")
    pillar = next(p for p in look.columns if p.name == claim.theirs)
    codes = {known[plain(w)] for w in pillar.texts if plain(w) in known}
    fitting = [s.key for s in profile.networks if codes and codes <= set(s.sources)]
    # Sewers, too, may end at an outfall.
    strength = 1 if codes <= {"outfall", "river"} else 3
    return {fitting[0]: (strength, pillar.name)} if len(fitting) == 1 else {}


def _traits(look: Look) -> dict[str, tuple[int, str]]:
    """Find columns that only some services have."""
    known = hints("trait")
    out: dict[str, tuple[int, str]] = {}
    for pillar in look.columns:
        if not pillar.texts:
            continue
        for hint in (*known.get(plain(pillar.name), ()), *known.get(pillar.bare, ())):
            if hint.strength > out.get(hint.target, (0, ""))[0]:
                out[hint.target] = (hint.strength, pillar.name)
    return out


def _prefix(look: Look, own: Sequence[Claim]) -> Mapping[str, Hint]:
    """Read the class code that most numbers of a layer begin with (JS-001)."""
    claim = next((c for c in own if c.ours == "feature"), None)
    if claim is None:
        return {}
    pillar = next(p for p in look.columns if p.name == claim.theirs)
    found: dict[str, int] = {}
    for word in pillar.texts:
        match = _PREFIX.match(word.strip())
        if match is not None:
            found[match[1].upper()] = found.get(match[1].upper(), 0) + 1
    if not found:
        return {}
    code, count = max(found.items(), key=lambda item: item[1])
    return named(code) if count >= 0.5 * len(pillar.texts) and tokens(code) else {}
