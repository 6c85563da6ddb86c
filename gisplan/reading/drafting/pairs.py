"""Pairs: tables without shapes that are a pipe survey (管线表 with its 管点表, or both in one), and whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from gisplan.reading.drafting.guesses import CERTAIN, GUESS, LIKELY
from gisplan.reading.drafting.hints import CLEAR
from gisplan.reading.drafting.likeness import Kin, Look
from gisplan.reading.formats.pipe_survey import is_single
from gisplan.reading.pipe_words import find_columns, pairs, role_of, services_of, stronger
from gisplan.reading.words import as_numbers, words_of
from gisplan.rules.profile import Profile

_POINT = {"number", "north", "east"}
_LINE = {"start", "end"}


def surveys(looks: Sequence[Look], profile: Profile) -> tuple[list[Kin], set[int]]:
    """Find the pipe surveys among tables without shapes.

    Parameters
    ----------
    looks
        Every layer and table.
    profile
        Whose services are looked for.

    Returns
    -------
    tuple
        What each survey is taken for, and which of `looks` belong to one.
    """
    found: list[Kin] = []
    used: set[int] = set()
    for code, line, point in _pairs(looks):
        inside = looks[line].file == looks[point].file
        partner = looks[point].raw.layer if inside else looks[point].file
        found.append(
            replace(_service(looks[line], code, ("pair", partner), profile), partner=partner, spots=looks[point])
        )
        used |= {line, point}
    for i, look in enumerate(looks):
        if i not in used and is_single(look.raw):
            name = look.raw.layer if look.several else PurePosixPath(look.file).stem
            found.append(replace(_service(look, name, ("single", ""), profile), whole=True, spots=look))
            used.add(i)
    return found, used


def place_of(spots: Look) -> tuple[float, float] | None:
    """Give where the points of a survey lie: the middle eastings and northings, None where no number is understood."""
    columns = find_columns("point", spots.raw.table.columns)
    sides = [as_numbers(words_of(spots.raw.table[columns[noun]]), "m")[0].to_numpy() for noun in ("east", "north")]
    known = [side[np.isfinite(side)] for side in sides]
    return (float(np.median(known[0])), float(np.median(known[1]))) if all(map(len, known)) else None


def kinds_of(spots: Look) -> set[str]:
    """List the kinds of what stands at the points of a survey, as reading understands their words."""
    columns = find_columns("point", spots.raw.table.columns)
    cells = []
    for noun in ("attachment", "feature"):
        words = words_of(spots.raw.table[columns[noun]]) if noun in columns else None
        rows = len(spots.raw.table)
        cells.append(
            [""] * rows if words is None else words.spread(np.array([*words.words, ""], dtype=object)).tolist()
        )
    return {role_of(stronger(*pair))[1] for pair in set(zip(*cells, strict=True))} - {""}


def _pairs(looks: Sequence[Look]) -> Iterator[tuple[str, int, int]]:
    """Pair tables by their names, inside a file and between files: class code, line table, point table."""
    plain = [i for i, look in enumerate(looks) if look.raw.geometry is None]
    for file in dict.fromkeys(looks[i].file for i in plain):
        mine = {looks[i].raw.layer: i for i in plain if looks[i].file == file and looks[i].several}
        yield from _fitting(mine, looks)
    yield from _fitting({PurePosixPath(looks[i].file).stem: i for i in plain if not looks[i].several}, looks)


def _fitting(names: dict[str, int], looks: Sequence[Look]) -> Iterator[tuple[str, int, int]]:
    for code, (line, point) in pairs(names).items():
        i, j = names[line], names[point]
        there = (
            set(find_columns("line", looks[i].raw.table.columns)),
            set(find_columns("point", looks[j].raw.table.columns)),
        )
        if there[0] >= _LINE and there[1] >= _POINT:
            yield code, i, j


def _service(look: Look, code: str, reason: tuple[str, str], profile: Profile) -> Kin:
    """Say whose survey it is: by its class code, else by the words of its name."""
    keys = {service.key for service in profile.networks}
    by_code = [key for key in services_of(code) if key in keys]
    by_name = [key for key, hint in look.hits.items() if key in keys and hint.strength == CLEAR]
    fitting = by_code or by_name
    if "nothing" in look.hits:
        return Kin(look, "nothing", LIKELY, (("named_nothing", look.hits["nothing"].word),))
    if not fitting:
        return Kin(look, "", GUESS, (reason,))
    level = CERTAIN if len(fitting) == 1 else GUESS
    return Kin(look, fitting[0], level, (("prefix", code), reason), fitting[1] if len(fitting) > 1 else "")
