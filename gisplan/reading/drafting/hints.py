"""Hints: what the names that people give to files, layers, columns and cells usually mean; never more than a guess."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise

from gisplan.base.fields import plain

CLEAR, SHORT, FAINT = 3, 2, 1
"""How much a word says: a clear word, an abbreviation, one that means several things."""

_UNITS = {
    "毫米": "mm", "厘米": "cm", "米": "m", "千米": "km", "平方米": "m2", "公顷": "ha", "亩": "亩", "千伏": "kV",
    "万元": "万元", "亿元": "亿元", "元": "元", "mm": "mm", "cm": "cm", "m": "m", "m2": "m2", "ha": "ha", "mu": "mu",
    "kv": "kV",
}  # fmt: skip
_CHINESE = re.compile(r"[\u3400-\u9fff]+")
_BREAK = re.compile(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+")


@dataclass(frozen=True)
class Hint:
    """One word and what it may mean: its strength (see `CLEAR`), and the word itself."""

    target: str
    strength: int
    word: str


@cache
def hints(what: str) -> dict[str, tuple[Hint, ...]]:
    """Give the hints of one kind: folded word → what it may mean."""
    text = resources.files("gisplan.reading.drafting").joinpath("hints.csv").read_text(encoding="utf-8")
    found: dict[str, list[Hint]] = {}
    for row in csv.DictReader(text.splitlines()):
        if row["what"] == what:
            for word in row["words"].split("|"):
                found.setdefault(plain(word), []).append(Hint(row["target"], int(row["strength"]), word))
    return {word: tuple(entries) for word, entries in found.items()}


def tokens(name: str) -> list[str]:
    """Take a name in Latin letters apart: at signs, digits and capitals; a plural also counts as a singular.

    >>> tokens("SewerPipes_2024")
    ['sewer', 'pipes', 'pipe']
    """
    out: list[str] = []
    for part in _BREAK.split(name):
        if part:
            word = part.casefold()
            out += [word, word[:-1]] if len(word) > 3 and word.endswith("s") else [word]
    return out


def chinese(name: str, words: Iterable[str]) -> list[str]:
    """Find words in the Chinese parts of a name, the longest first, none inside another.

    >>> chinese("雨水口", ["雨水", "雨水口"])
    ['雨水口']
    """
    rest = "/".join(_CHINESE.findall(plain(name)))
    out = []
    for word in sorted(words, key=len, reverse=True):
        if _CHINESE.fullmatch(word) and word in rest:
            out.append(word)
            rest = rest.replace(word, "/")
    return out


def named(name: str) -> dict[str, Hint]:
    """Tell which tables a name of a file or layer speaks of, with the strongest word for each.

    >>> sorted(named("给水管线")), sorted(named("water_pipe")), sorted(named("sewer_gully"))
    (['water'], ['water'], ['nothing', 'sewage'])
    """
    known = hints("table")
    found = [hint for word in chinese(name, known) for hint in known[word]]
    parts = tokens(name)
    parts += ["_".join(pair) for pair in pairwise(parts)]
    found += [hint for part in parts if part in known for hint in known[part]]
    out: dict[str, Hint] = {}
    for hint in found:
        if hint.target not in out or hint.strength > out[hint.target].strength:
            out[hint.target] = hint
    return out


def unit_in(name: str) -> tuple[str, str]:
    """Take the unit off the end of a column's name.

    >>> unit_in("管径毫米"), unit_in("geom1_m"), unit_in("area(ha)"), unit_in("dnom")
    (('管径', 'mm'), ('geom1', 'm'), ('area', 'ha'), ('dnom', ''))
    """
    folded = plain(name)
    match = re.fullmatch(r"(.+?)[\s_(（\[]+([^\s_()（）\[\]]+)[)）\]]?", folded)
    if match is not None and match[2] in _UNITS:
        return match[1].strip(), _UNITS[match[2]]
    for word in sorted(_UNITS, key=len, reverse=True):
        rest = folded.removesuffix(word)
        if _CHINESE.fullmatch(word) and rest not in ("", folded) and _CHINESE.search(rest):
            return rest, _UNITS[word]
    return folded, ""


def column_words(table: str, ours: str) -> Mapping[str, int]:
    """Give the hints at one of our columns: folded word → strength."""
    return _by_column().get(f"{table}.{ours}", {})


@cache
def _by_column() -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    for word, entries in hints("column").items():
        for hint in entries:
            out.setdefault(hint.target, {})[word] = hint.strength
    return out


def meant(word: str, vocabulary: str) -> Hint | None:
    """Guess which code of a vocabulary a word means: as a whole, or where all that its parts mean is one and the same.

    >>> meant("SHUTOFF_VALVE", "role").target, meant("VALVE_CHAMBER", "role"), meant("平台", "role")
    ('valve', None, None)
    """
    known = hints("word")

    def found(part: str) -> Iterator[Hint]:
        for hint in known.get(part, ()):
            family, _, code = hint.target.partition(".")
            if family == vocabulary:
                yield Hint(code, hint.strength, hint.word)

    whole = next(found(plain(word)), None)
    if whole is not None:
        return whole
    parts = [hint for part in tokens(word) for hint in found(part)]
    return parts[0] if len({hint.target for hint in parts}) == 1 else None
