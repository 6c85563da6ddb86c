"""Network models as text (.inp): sections and tokens, and how nodes and links become points and lines."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from gisplan.base.errors import FormatError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.encodings import text_of
from gisplan.reading.formats.numbered import draw_apart
from gisplan.reading.formats.raw import RawLayer, Request
from gisplan.reading.refusals import listing, refusal

_LARGEST = 1 << 28
_KEY = 4
"""EPANET and SWMM know a section by its first letters: ``[JUNC]`` is ``[JUNCTIONS]``."""
_TOKEN = re.compile(r'"([^"]*)"?|(;)|([^\s";]+)')
LINKS, NODES = "links", "nodes"
Places = dict[str, tuple[float, float]]
_COLUMNS = (
    "feature", "role", "kind", "open", "flow", "from_joint", "to_joint", "diameter_mm", "invert_from_m", "invert_to_m",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of a section: its number in the file and its words."""

    number: int
    words: tuple[str, ...]

    def word(self, place: int) -> str:
        """Give one word, empty where the row is shorter."""
        return self.words[place] if place < len(self.words) else ""

    def value(self, place: int) -> float:
        """Give one number, NaN where there is none."""
        try:
            return float(self.word(place))
        except ValueError:
            return math.nan


@dataclass(frozen=True)
class Sections:
    """The sections of a model by their first four letters; comments and empty lines are gone."""

    rows: Mapping[str, Sequence[Row]]

    def of(self, name: str, words: int = 1) -> Iterator[Row]:
        """Give the rows of a section that have at least so many words."""
        return (row for row in self.rows.get(name[:_KEY], ()) if len(row.words) >= words)

    def has(self, *names: str) -> bool:
        """Tell whether the model has one of these sections."""
        return any(name[:_KEY] in self.rows for name in names)

    def option(self, name: str, default: str) -> str:
        """Give an entry of [OPTIONS], in capitals."""
        found = [row.word(1).upper() for row in self.of("OPTIONS", 2) if row.word(0).upper() == name]
        return found[-1] if found else default

    def short(self, needed: Mapping[str, int]) -> list[int]:
        """Give the line numbers of rows that have fewer words than their section needs."""
        return [r.number for name, least in needed.items() for r in self.of(name) if len(r.words) < least]


@dataclass
class Model:
    """What a model says: nodes and links with our columns, by their names."""

    nodes: dict[str, dict[str, str]] = field(default_factory=dict)
    links: dict[str, dict[str, str]] = field(default_factory=dict)
    at: dict[str, int] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)

    def node(self, row: Row, **said: str) -> None:
        """Add a node; its name is the number of its joint."""
        name = row.word(0)
        self._add(self.nodes, f"node {name}", row, {"feature": name, "from_joint": name, **said})

    def link(self, row: Row, **said: str) -> None:
        """Add a link from its second word to its third."""
        ends = {"from_joint": row.word(1), "to_joint": row.word(2)}
        self._add(self.links, f"link {row.word(0)}", row, {"feature": row.word(0), "role": "line", **ends, **said})

    def _add(self, where: dict[str, dict[str, str]], key: str, row: Row, said: dict[str, str]) -> None:
        if key in where:
            self.twice.append(row.word(0))
            key = f"{key} {row.number}"
        where[key] = said
        self.at[key] = row.number


def read_sections(path: Path, request: Request, book: Book) -> Sections:
    """Read the sections of an .inp file.

    Raises
    ------
    ReadError
        The file is too large, or its text cannot be decoded.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise refusal(ReadError, "too_large", book.lang, file=request.name)
        text = text_of(path.read_bytes(), "INP", request, book, hint="latin-1")
    except OSError as error:
        if isinstance(error, ReadError):
            raise
        raise refusal(ReadError, "unreadable", book.lang, file=request.name, reason=error.strerror or error) from error
    rows: dict[str, list[Row]] = {}
    current = ""
    for number, line in enumerate(text.splitlines(), start=1):
        words = _words(line)
        if words and words[0].startswith("["):
            current = words[0].strip("[]").upper()[:_KEY]
            rows.setdefault(current, [])
        elif words and current:
            rows[current].append(Row(number, words))
    return Sections(rows)


def _words(line: str) -> tuple[str, ...]:
    """Take a line apart at spaces; a semicolon starts a comment, quotes hold a word together."""
    if '"' not in line:
        return tuple(line.split(";", 1)[0].split())
    out = []
    for match in _TOKEN.finditer(line):
        if match[2]:
            break
        out.append(match[3] if match[1] is None else match[1])
    return tuple(out)


def draw(model: Model, sections: Sections, request: Request, book: Book) -> list[RawLayer]:
    """Turn a model into one layer of lines and one of points.

    A link whose node has no place loses its shape, and is named; the graph comes from the names of the nodes.

    Raises
    ------
    FormatError
        The model has no node, or none with a place.
    """
    places = {r.word(0): (r.value(1), r.value(2)) for r in sections.of("COORDINATES", 3)}
    places = {name: xy for name, xy in places.items() if all(math.isfinite(v) for v in xy)}
    names = [said["feature"] for said in model.nodes.values()]
    if not any(name in places for name in names):
        raise refusal(FormatError, "inp_no_places", book.lang, file=request.name)
    _flaws(model, places, request, book)
    spots = np.array([shapely.Point(places[n]) if n in places else None for n in names], dtype=object)
    lines = _lines(model, places, sections, request, book)
    wanted = [_layer(LINKS, model.links, model, lines, request), _layer(NODES, model.nodes, model, spots, request)]
    return [layer for layer in wanted if request.layer in (None, layer.layer) and len(layer.table)]


def _flaws(model: Model, places: Places, request: Request, book: Book) -> None:
    """Name nodes without a place, links without a node, and names that stand for several things."""
    where = (request.name, "", "")
    names = {said["feature"] for said in model.nodes.values()}
    ends = {said["feature"]: {said["from_joint"], said["to_joint"]} for said in model.links.values()}
    found = {
        "inp_node_lost": ("set aside", sorted(names - set(places))),
        "inp_link_lost": ("set aside", [link for link, both in ends.items() if not both <= names]),
        "inp_twice": ("noted", model.twice),
        "inp_shared_name": ("noted", sorted(names & set(ends))),
    }
    for code, (action, ids) in found.items():
        if ids:
            severity = "info" if code == "inp_shared_name" else "warning"
            book.add(code, severity, action, where, count=len(ids), ids=listing(ids))


def _lines(model: Model, places: Places, sections: Sections, request: Request, book: Book) -> np.ndarray:
    """Draw the links: from node to node over the vertices."""
    bends: dict[str, list[tuple[float, float]]] = {}
    for row in sections.of("VERTICES", 3):
        if math.isfinite(row.value(1)) and math.isfinite(row.value(2)):
            bends.setdefault(row.word(0), []).append((row.value(1), row.value(2)))
    names = {said["feature"] for said in model.nodes.values()}
    shapes = np.full(len(model.links), None, dtype=object)
    for place, said in enumerate(model.links.values()):
        a, b = said["from_joint"], said["to_joint"]
        if a in places and b in places and {a, b} <= names:
            shapes[place] = shapely.LineString([places[a], *bends.get(said["feature"], ()), places[b]])
    ids = np.array([said["feature"] for said in model.links.values()], dtype=object)
    different = np.array([said["from_joint"] != said["to_joint"] for said in model.links.values()], dtype=bool)
    return draw_apart(shapes, ids, different, book, request.name)


def _layer(
    name: str, said: Mapping[str, Mapping[str, str]], model: Model, shapes: np.ndarray, request: Request
) -> RawLayer:
    columns = {c: pd.Series([row.get(c, "") for row in said.values()], dtype="str") for c in _COLUMNS}
    fids = np.array([model.at[key] for key in said], dtype=np.int64)
    return RawLayer(request.name, name, pd.DataFrame(columns), fids, shapes, shapely.is_missing(shapes))


def note_short(sections: Sections, needed: Mapping[str, int], request: Request, book: Book) -> None:
    """Name the rows that are too short to be a node or a link."""
    short = sections.short(needed)
    if short:
        place = (request.name, "", "")
        book.add("inp_row_short", "warning", "set aside", place, count=len(short), rows=listing(short))


def written(value: float) -> str:
    """Write a number as a cell; empty where it is not known."""
    return f"{value:.10g}" if math.isfinite(value) else ""
