"""Words of pipe surveys (CJJ 61 and the cities' own): columns, what stands at a point, and class codes of services."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

from gisplan.base.fields import plain, vocabulary

_POINT = r"(?:point|points|pt|p|管线点表|管线点|管点表|管点|点表|点)"
_LINE = r"(?:line|lines|ln|l|管线表|管线|管段|线表|线)"
_ENDING = re.compile(rf"[\s_\-]*(?:{_POINT}|{_LINE})$", re.IGNORECASE)
_STRONG = ("valve", "source", "outfall", "stub", "pump", "hydrant", "manhole", "joint")
"""Where a point's feature and its attachment say different things, the one that matters more for the network counts."""
ABANDONED = ("废弃", "废除", "已废", "报废", "停用", "拆除")
"""What a remark says of a pipe that is out for good."""


@cache
def _rows() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    text = resources.files("gisplan.base").joinpath("pipe_survey.csv").read_text(encoding="utf-8")
    return tuple((r["what"], r["ours"], tuple(r["words"].split("|"))) for r in csv.DictReader(text.splitlines()))


@cache
def aliases(table: str) -> dict[str, tuple[str, ...]]:
    """Give the names of the columns of a table (``point``, ``line``, ``single``): our noun → folded names."""
    return {ours: tuple(plain(w) for w in words) for what, ours, words in _rows() if what == table}


def find_columns(table: str, names: Iterable[str]) -> dict[str, str]:
    """Find the columns of a pipe survey's table: our noun → the file's name; the first alias that is there counts.

    >>> find_columns("line", ["S_Exp", "E_Exp", "PSize"])
    {'start': 'S_Exp', 'end': 'E_Exp', 'diameter_mm': 'PSize'}
    """
    there: dict[str, str] = {}
    for name in names:
        there.setdefault(plain(name), name)
    found = {ours: next((there[w] for w in words if w in there), "") for ours, words in aliases(table).items()}
    return {ours: name for ours, name in found.items() if name}


@cache
def _meanings(what: str) -> dict[str, str]:
    return {plain(word): ours for kind, ours, words in _rows() if kind == what for word in words}


@cache
def role_of(word: str) -> tuple[str, str]:
    """Give the role and the kind of what stands at a point; two empty texts where the word is not known.

    >>> role_of("检查井"), role_of("污水厂"), role_of("?")
    (('manhole', ''), ('source', 'treatment_plant'), ('', ''))
    """
    folded = plain(word)
    if folded in ("", "-", "无", "null"):
        return "", ""
    kind = _meanings("kind").get(folded, "")
    role = "" if kind else _meanings("role").get(folded) or vocabulary("role").get(folded, "")
    kind = kind or ("" if role and role not in ("outfall", "source") else vocabulary("kind").get(folded, ""))
    if kind and not role:
        role = "outfall" if kind in ("outfall", "river") else "source"
    return role, kind


def stronger(one: str, other: str) -> str:
    """Choose between two words about one point: a known one before an unknown, then the one that matters more.

    >>> stronger("检查井", "预留口"), stronger("?", "检查井"), stronger("", "三通")
    ('预留口', '?', '三通')
    """
    if not plain(one) or not plain(other):
        return one if plain(one) else other
    first, second = role_of(one)[0], role_of(other)[0]
    if not first or not second:
        return other if first else one  # what nobody understands may matter most
    return one if _STRONG.index(first) <= _STRONG.index(second) else other


def code_of(name: str) -> str:
    """Give the class code in the name of a table or a file.

    >>> code_of("WSLine"), code_of("js_point"), code_of("污水管线"), code_of("WS")
    ('WS', 'JS', '污水', 'WS')
    """
    bare = plain(name).upper()
    short = _ENDING.sub("", bare)
    known = _codes()
    return next((c for c in (bare, short, short.rstrip("管")) if plain(c) in known), short or bare)


def services_of(code: str) -> tuple[str, ...]:
    """Give the services that a class code may stand for, the usual one first.

    Returns
    -------
    tuple
        Empty where the code is not known, or belongs to something that is no service (lighting, signals, reclaimed
        water); with more than one entry the code is ambiguous: somebody must say.

    >>> services_of("WS"), services_of("YS"), services_of("LD")
    (('sewage',), ('storm', 'water'), ())
    """
    return _codes().get(plain(code), ())


@cache
def _codes() -> dict[str, tuple[str, ...]]:
    out: dict[str, tuple[str, ...]] = {}
    for what, ours, words in _rows():
        if what == "code":
            for word in words:
                out[plain(word)] = (*out.get(plain(word), ()), ours)
    return out


def is_combined(code: str) -> bool:
    """Tell whether a code stands for combined sewers."""
    return set(services_of(code)) == {"storm", "sewage"} and plain(code) not in ("ps", "排水", "下水")


def is_gravity(code: str) -> bool:
    """Tell whether everything that a code may stand for runs by gravity, so that depths are depths of the invert."""
    return bool(services_of(code)) and set(services_of(code)) <= {"storm", "sewage"}


def pairs(names: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """Find pairs of line and point tables: class code → (line table, point table).

    >>> dict(pairs(["WSLine", "WSPoint", "Roads"]))
    {'WS': ('WSLine', 'WSPoint')}
    """
    lines: dict[str, str] = {}
    points: dict[str, str] = {}
    for name in names:
        if re.search(rf".{_POINT}$", name, re.IGNORECASE):
            points.setdefault(_ENDING.sub("", name), name)
        elif re.search(rf".{_LINE}$", name, re.IGNORECASE):
            lines.setdefault(_ENDING.sub("", name), name)
    by_word = {plain(code): code for code in points}
    return {c: (line, points[by_word[plain(c)]]) for c, line in lines.items() if plain(c) in by_word}
