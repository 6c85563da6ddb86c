"""Guesses: which column of an unknown table may be which of ours, with every reason counted and said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from gisplan.base.fields import Field, fields, plain, vocabulary
from gisplan.reading.columns import Match, matches
from gisplan.reading.drafting.hints import CLEAR, chinese, column_words, hints, meant, tokens, unit_in
from gisplan.reading.formats.raw import RawLayer
from gisplan.reading.words import Words, date_of, number_of, plain_blank, unit_factor, words_of
from gisplan.reading.zone_file import Source

CERTAIN, LIKELY, GUESS = "certain", "likely", "guess"
_LEVELS = ((5, CERTAIN), (3, LIKELY), (2, GUESS))
_MOST_WORDS = 2000
"""Different words of a column that are looked at."""
_MOST_CODES = 300
"""Different words that a column of codes may have."""
_TELLING = ("role", "kind", "status", "use", "supply_status", "pressure_class", "road_class", "medium", "phase",
            "funding_state", "barrier", "says", "system")  # fmt: skip
"""Vocabularies whose words give a column away; those of `open` and `flow` (1, 0, +) stand in any column."""
_DN = frozenset(
    (*range(15, 30, 5), 32, 40, 50, 63, 65, 75, 80, 90, 100, 110, 125, 150, 160, 180, 200, 225, 250, 300, 315, 350, 400)
) | frozenset((450, *range(500, 1200, 100), 1200, 1350, *range(1400, 2600, 200), 1500))
_KV = frozenset({0.22, 0.38, 0.4, 6.0, 10.0, 20.0, 35.0, 66.0, 110.0, 220.0, 330.0, 500.0})
_DECIDING = ("status", "says", "phase", "funding_state", "leveling_status")
"""Columns that decide between ready and not: their cells alone, under a name that says something else, are a guess."""
_FEEDING = ("source", "outfall", "boundary_supply", "stub")
_NONE = Match("")
_PARCEL = re.compile(r"\d{12}[A-Z]{2}\d{5}|\d{19}|[A-Z]{1,4}(-?[A-Z0-9]{1,4}){1,5}|\d{2,9}-\d{2,9}(-\d+)*")
_SAFE = ("line", "lateral", "valve", "manhole", "hydrant", "pump", "joint")
"""Roles that may be guessed from a part of a word; what feeds a network or ends at a parcel never is."""


@dataclass(frozen=True)
class Pillar:
    """One column of a file, looked at once: its different words, how often each occurs, and what its name holds."""

    name: str
    words: Words
    counts: np.ndarray
    bare: str
    unit: str

    @property
    def texts(self) -> tuple[str, ...]:
        """The words that are looked at."""
        return self.words.words[:_MOST_WORDS]

    @property
    def unique(self) -> bool:
        """Whether every row has a word of its own."""
        return bool(len(self.counts)) and bool((self.words.at >= 0).all()) and int(self.counts.max()) == 1

    def share(self, holds: Sequence[bool]) -> float:
        """Give the share of rows (of those that are not blank) whose word holds."""
        counts = self.counts[: len(holds)]
        return float(counts[np.asarray(holds, dtype=bool)].sum() / counts.sum()) if counts.sum() else 0.0


@dataclass(frozen=True)
class Claim:
    """A column of the file that is taken for one of ours.

    Attributes
    ----------
    ours, theirs
        The two names.
    confidence
        ``certain``, ``likely`` or ``guess``.
    why
        Codes ``draft.why.…`` of labels.csv and what fills them.
    others
        Columns that were nearly as good.
    rivals
        Columns that a check holds against this one, cell by cell, as long as zone.toml names none.
    unit
        The unit of the file's column where it is not ours; `unit_sure` tells whether its name states it.
    words
        The file's word → our code, where that is safe.
    asked
        The file's word → a code that a person must confirm; empty where there is no idea.
    """

    ours: str
    theirs: str
    confidence: str
    why: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    unit: str = ""
    unit_sure: bool = True
    words: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether it is written so that it counts."""
        return self.confidence != GUESS


@dataclass(frozen=True)
class Known:
    """What columns may refer to: numbers of parcels, works and points found elsewhere, and words for services."""

    parcels: frozenset[str] = frozenset()
    works: frozenset[str] = frozenset()
    points: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()


def pillars(raw: RawLayer) -> list[Pillar]:
    """Look at every column of a table."""
    out = []
    for name in raw.table.columns:
        words = words_of(raw.table[name])
        kept = words.at[words.at >= 0]
        bare, unit = unit_in(str(name))
        out.append(Pillar(str(name), words, np.bincount(kept, minlength=len(words.words)), bare, unit))
    return out


def claims(raw: RawLayer, table: str, columns: Sequence[Pillar], known: Known, directed: bool = False) -> list[Claim]:
    """Guess the columns of a layer for one of our tables.

    Parameters
    ----------
    raw
        The layer.
    table
        The table of fields.csv.
    columns
        Its columns (`pillars`).
    known
        What was found elsewhere.
    directed
        Whether flow has one direction in it (storm, sewage): only then levels of a pipe matter.
    """
    own = matches(raw, table, Source(table, ""), "en")
    own = {ours: found for ours, found in own.items() if directed or not ours.startswith("invert_")}
    scored: list[Scored] = []
    for place, (ours, entry) in enumerate(fields(table).items()):
        if ours.startswith("invert_") and not directed:
            continue
        for number, pillar in enumerate(columns):
            points, why = _score(entry, pillar, known, own.get(ours, _NONE).theirs == pillar.name)
            if points >= _LEVELS[-1][0]:
                scored.append((points, -number, -place, ours, why))
    out = _chosen(scored, [p.name for p in columns], own)
    out = {ours: replace(c, rivals=_rivals(fields(table)[ours], c, own.get(ours, _NONE))) for ours, c in out.items()}
    by_name = {p.name: p for p in columns}
    if table == "layer" and "role" in out and "kind" not in out and _names_kinds(by_name[out["role"].theirs]):
        out["kind"] = Claim("kind", out["role"].theirs, LIKELY, (("shared", out["role"].theirs),))
    done = []
    for claim in sorted(out.values(), key=lambda c: _order(table, c)):
        entry, found = fields(table)[claim.ours], own.get(claim.ours, _NONE)
        if entry.type == "number" and entry.unit:
            unit, sure = _unit(entry, by_name[claim.theirs], found if found.theirs == claim.theirs else None)
            done.append(replace(claim, unit=unit, unit_sure=sure))
        else:
            done.append(
                _asked(claim, by_name, known) if entry.vocabulary == "service" else _worded(claim, entry, by_name, out)
            )
    return done


Scored = tuple[int, int, int, str, tuple[tuple[str, str], ...]]
"""Points, minus the position of the file's column, minus that of ours, our column, and why."""


def _chosen(scored: Sequence[Scored], names: Sequence[str], own: Mapping[str, Match]) -> dict[str, Claim]:
    """Choose one column for each of ours, the surest first; what gisplan takes by its name anyway is shown, too."""
    out: dict[str, Claim] = {}
    taken: set[str] = set()
    runners: dict[str, list[str]] = {}
    for points, number, _, ours, why in sorted(scored, key=lambda s: s[:3], reverse=True):
        theirs = names[-number]
        if ours in out or theirs in taken:
            if ours in out and theirs not in taken and points >= CLEAR:
                runners.setdefault(ours, []).append(theirs)
            continue
        level = next(name for least, name in _LEVELS if points >= least)
        out[ours] = Claim(ours, theirs, level, why)
        taken.add(theirs)
    for ours, found in own.items():
        if ours not in out and found.theirs not in taken:
            out[ours] = Claim(ours, found.theirs, LIKELY, (("same", found.theirs),))
            taken.add(found.theirs)
        elif ours in out and out[ours].theirs == found.theirs and not out[ours].active:
            out[ours] = replace(out[ours], confidence=LIKELY)
    return {ours: replace(c, others=tuple(runners.get(ours, ())[:3])) for ours, c in out.items()}


def _rivals(entry: Field, claim: Claim, found: Match) -> tuple[str, ...]:
    """Name the columns whose cells a check compares with those of a claim; numbers and names of things it does not."""
    if entry.type in ("id", "text") or not found.others:
        return ()
    return tuple(one.theirs for one in (found, *found.others) if one.theirs != claim.theirs)


def _order(table: str, claim: Claim) -> int:
    return list(fields(table)).index(claim.ours)


def _names_kinds(pillar: Pillar) -> bool:
    return any(plain(w) in vocabulary("kind") or meant(w, "kind") is not None for w in pillar.texts)


def _score(entry: Field, pillar: Pillar, known: Known, own: bool) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Count what speaks for a column, and against it."""
    points, why = (4, [("same", pillar.name)]) if own else _by_name(entry, pillar)
    if not pillar.texts:
        # Without a single cell only the name speaks; the column is harmless, and may be filled one day.
        return (points, tuple(why)) if points >= CLEAR else (0, ())
    if not why and entry.type not in ("code", "flag"):
        return 0, ()  # cells alone only tell codes apart
    by_cells, reason = _by_cells(entry, pillar, known)
    if reason:
        why.append(reason)
    named = bool(why and why[0][0] in ("same", "alike"))
    if not named and by_cells < 3:
        return 0, ()
    if not named and (entry.column in _DECIDING or _feeds(entry, pillar)):
        return _LEVELS[-1][0], tuple(why)
    return points + by_cells, tuple(why)


def _feeds(entry: Field, pillar: Pillar) -> bool:
    """Tell whether a column, taken for roles, would make sources or connection points of rows (供电来源 = 电源)."""
    known = vocabulary("role")
    return entry.column == "role" and any(known.get(plain(w)) in _FEEDING for w in pillar.texts)


def _by_name(entry: Field, pillar: Pillar) -> tuple[int, list[tuple[str, str]]]:
    """Compare a column's name with our words and hints."""
    words = column_words(entry.table, entry.column)
    own = {plain(w) for w in (entry.column, entry.zh, *entry.aliases)}
    for name in dict.fromkeys((plain(pillar.name), pillar.bare)):
        if name in own:
            return CLEAR + (name == pillar.bare), [("alike", name)]
        if name in words:
            return words[name], [("alike", name)]
    clear = {*own, *(w for w, strength in words.items() if strength == CLEAR)}
    found = [w for w in chinese(pillar.name, [w for w in clear if len(w) > 1]) if len(w) > 1]
    # 套管直径, 规划管径, 所在道路状态: the word is there, and means something else.
    if found and not any(guard in pillar.name for guard in hints("guard_column")):
        return 2, [("alike", found[0])]
    parts = tokens(pillar.name)
    if entry.type == "id" and entry.column == "feature" and parts[-1:] == ["id"] and len(parts) == 2:
        return 2, [("alike", "id")]
    near = [w for w in clear if w.isascii() and len(w) > 3 and w in parts] + (
        ["type"] * ("type" in parts) if entry.column == "role" else []
    )
    return (2, [("alike", near[0])]) if near else (0, [])


def _by_cells(entry: Field, pillar: Pillar, known: Known) -> tuple[int, tuple[str, str] | None]:
    """See what the cells say for and against a column."""
    if entry.type == "id":
        return _as_id(entry, pillar)
    if entry.type == "number":
        return _as_number(entry, pillar)
    if entry.type == "date":
        share = pillar.share([date_of(w) is not None for w in pillar.texts])
        return (1, ("dates", f"{share:.0%}")) if share >= 0.9 else (-3, None)
    if entry.type in ("code", "flag"):
        return _as_code(entry, pillar, known)
    refers = {"parcel": known.parcels, "works": known.works, "leveling_works": known.works,
              "from_joint": known.points, "to_joint": known.points}.get(entry.column, frozenset())  # fmt: skip
    if refers:
        share = pillar.share([w.strip() in refers for w in pillar.texts])
        if share >= 0.8:
            return 2, ("refers", f"{share:.0%}")
        return (-1, None) if share < 0.2 else (0, None)
    return 0, None


def _as_id(entry: Field, pillar: Pillar) -> tuple[int, tuple[str, str] | None]:
    if not pillar.unique:
        return (-3 if entry.needed else -2), None
    if (
        entry.column == "parcel"
        and pillar.share([_PARCEL.fullmatch(w.strip()) is not None for w in pillar.texts]) > 0.9
    ):
        return 2, ("unique_parcel", "")
    return 1, ("unique", "")


def _as_number(entry: Field, pillar: Pillar) -> tuple[int, tuple[str, str] | None]:
    values = [number_of(w, entry.unit) for w in pillar.texts]
    share = pillar.share([v is not None and bool(np.isfinite(v)) for v in values])
    if share < 0.5:
        return -3, None
    usual = {"diameter_mm": _DN, "voltage_kv": _KV}.get(entry.column)
    if usual is not None and pillar.share([v is not None and v in usual for v in values]) >= 0.8:
        return 2, ("usual", "")
    return (1, ("numbers", f"{share:.0%}")) if share >= 0.9 else (0, None)


def _as_code(entry: Field, pillar: Pillar, known: Known) -> tuple[int, tuple[str, str] | None]:
    if len(pillar.texts) > _MOST_CODES:
        return -1, None
    if entry.vocabulary == "service":
        share = pillar.share([plain(w) in known.services for w in pillar.texts])
        return (3, ("words", f"{share:.0%}")) if share >= 0.5 else (-1, None)
    if entry.vocabulary == "open":
        # 开 and 关 stand in no other column; 1, yes and 是 do. A valve that nobody hears of counts as open.
        shut = [
            plain(w) in vocabulary("open") and not w.isascii() and plain(w) not in ("是", "否") for w in pillar.texts
        ]
        if pillar.share(shut) >= 0.9:
            return 3, ("words", f"{pillar.share(shut):.0%}")
    if entry.vocabulary not in _TELLING:
        words = vocabulary(entry.vocabulary)
        share = pillar.share([plain(w) in words for w in pillar.texts])
        return (1, ("words", f"{share:.0%}")) if share >= 0.5 else (0, None)
    telling = [_understood(w, entry.vocabulary) and (len(w.strip()) > 1 or not w.isascii()) for w in pillar.texts]
    share = pillar.share(telling)
    if share >= 0.9:
        return 3, ("words", f"{share:.0%}")
    return (2, ("words", f"{share:.0%}")) if share >= 0.5 else (0, None)


def _understood(word: str, name: str) -> bool:
    return plain(word) in vocabulary(name) or (name == "role" and role_of(word) != "")


@lru_cache(maxsize=10_000)
def role_of(word: str) -> str:
    """Guess a role by the end of a word (污水主管) or its last part (SHUTOFF_VALVE); empty where that is not safe."""
    folded = plain(word)
    if any(guard in folded for guard in hints("guard")):
        return ""
    known = vocabulary("role")
    inside = {known[part] for part in chinese(word, [w for w in known if len(w) > 1])}
    ends = any(folded.endswith(end) for end in known if len(end) > 1 and not end.isascii())
    code = inside.pop() if ends and len(inside) == 1 else ""
    if not code:
        hint = meant(word, "role")
        code = hint.target if hint is not None and hint.strength == CLEAR else ""
    return code if code in _SAFE else ""


def _worded(claim: Claim, entry: Field, columns: Mapping[str, Pillar], chosen: Mapping[str, Claim]) -> Claim:
    """Add the words of a column of codes: which are safe, and which somebody must confirm."""
    pillar = columns[claim.theirs]
    if entry.type not in ("code", "flag"):
        return claim
    known = vocabulary(entry.vocabulary)
    odd = [w for w in pillar.texts if plain(w) not in known and not plain_blank(w)]
    words: dict[str, str] = {}
    asked: dict[str, str] = {}
    kinds = columns[chosen["kind"].theirs] if entry.column == "role" and "kind" in chosen else None
    for word in odd:
        code = role_of(word) if entry.column == "role" else ""
        if kinds is not None and kinds is not pillar and _always_a_source(word, pillar, kinds):
            code = "source"
        hint = meant(word, entry.vocabulary)
        if code:
            words[word] = code
        elif entry.column != "kind" or hint is not None:
            asked[word] = hint.target if hint is not None else _within(word, known)
    return replace(claim, words=words, asked=asked)


def _asked(claim: Claim, columns: Mapping[str, Pillar], known: Known) -> Claim:
    """Add the words of a column of services that nobody knows: whose they are is never guessed."""
    odd = [w for w in columns[claim.theirs].texts if plain(w) not in known.services and not plain_blank(w)]
    return replace(claim, asked=dict.fromkeys(odd, ""))


def _within(word: str, known: Mapping[str, str]) -> str:
    """Give the code whose word stands inside another, for a person to confirm."""
    inside = chinese(word, [w for w in known if len(w) > 1])
    return known[inside[0]] if inside else ""


def _always_a_source(word: str, roles: Pillar, kinds: Pillar) -> bool:
    """Tell whether every row of that role is a plant or station that its own column of kinds names."""
    rows = roles.words.at == roles.words.words.index(word)
    at = kinds.words.at[rows]
    known = vocabulary("kind")
    return bool(len(at)) and all(i >= 0 and plain(kinds.words.words[i]) in known for i in np.unique(at).tolist())


def _unit(entry: Field, pillar: Pillar, own: Match | None) -> tuple[str, bool]:
    """Give the unit of a column where it is not ours: by its name, and where that is silent by its numbers."""
    # What looks like a unit in our own name is none: a shapefile cuts diameter_mm to diameter_m.
    named = pillar.unit if own is None else own.unit
    if named and (factor := unit_factor(named, entry.unit)) is not None:
        return ("", True) if factor == 1.0 else (named, True)
    if own is not None and plain(pillar.name).startswith(entry.column[:10]):
        return "", True
    if entry.column != "diameter_mm":
        return "", True
    values = np.array([v for v in (number_of(w) for w in pillar.texts) if v is not None and np.isfinite(v) and v > 0])
    if not len(values) or values.max() > 60:
        return "", True
    # No main is thinner than 15 mm: fractions below 5 are metres; numbers up to 60 may be centimetres or inches.
    return ("m", False) if values.max() < 5 else ("cm", False)
