"""EPANET models: junctions, reservoirs and tanks as points, pipes, pumps and valves as lines."""

from __future__ import annotations

import math

from gisplan.base.issues import Book
from gisplan.reading.formats.inp_model import Model, Row, Sections, draw, note_short, written
from gisplan.reading.formats.raw import RawLayer, Request

_US = ("CFS", "GPM", "MGD", "IMGD", "AFD")
_INCH_MM = 25.4
_NEEDED = {"JUNCTIONS": 1, "RESERVOIRS": 1, "TANKS": 1, "PIPES": 3, "PUMPS": 3, "VALVES": 3, "COORDINATES": 3}
_OPEN = ("", "OPEN", "CV", "ACTIVE")
OFF, CONTROLLED = "pump off", "closed by control"
"""Words for what a model starts with and may change later: nobody knows from it whether water can pass."""


def read(sections: Sections, request: Request, book: Book) -> list[RawLayer]:
    """Turn an EPANET model into layers.

    A closed pipe or valve is closed. A pump that is off at the start, and a pipe or valve that a control opens or
    closes, is neither open nor closed until somebody says so under ``values``; nor is one whose status is no word of
    EPANET.
    """
    note_short(sections, _NEEDED, request, book)
    inch = _INCH_MM if sections.option("UNITS", "GPM") in _US else 1.0
    status = {row.word(0): row.word(1).upper() for row in sections.of("STATUS", 2)}
    controlled, closing = _controlled(sections)
    changed = (controlled, closing)
    model = Model()
    for row in sections.of("JUNCTIONS"):
        model.node(row, role="joint")
    for kind, section in (("reservoir", "RESERVOIRS"), ("tank", "TANKS")):
        for row in sections.of(section):
            model.node(row, role="source", kind=kind)
    for row in sections.of("PIPES", 3):
        state = status.get(row.word(0), _last(row))
        flow = "forward" if _last(row) == "CV" else ""
        model.link(row, diameter_mm=written(row.value(4) * inch), flow=flow, open=_open(row, state, changed))
    for row in sections.of("VALVES", 3):
        state = status.get(row.word(0), "")
        model.link(row, diameter_mm=written(row.value(3) * inch), open=_open(row, state, changed))
    for row in sections.of("PUMPS", 3):
        model.link(row, flow="forward", open=OFF if _shut(status.get(row.word(0), "")) or _stopped(row) else "open")
    return draw(model, sections, request, book)


def _last(row: Row) -> str:
    """Give the status of a pipe: the eighth word, or the seventh where no minor loss stands before it."""
    return (row.word(7) or ("" if math.isfinite(row.value(6)) else row.word(6))).upper()


def _shut(state: str) -> bool:
    """Tell whether a status stops the flow: ``Closed``, or a pump's speed of 0."""
    try:
        return state == "CLOSED" or float(state) == 0
    except ValueError:
        return False


def _stopped(row: Row) -> bool:
    """Tell whether a pump's own row gives it the speed 0."""
    words = [word.upper() for word in row.words]
    return "SPEED" in words[3:-1] and _shut(words[words.index("SPEED", 3) + 1])


def _open(row: Row, state: str, changed: tuple[frozenset[str], frozenset[str]]) -> str:
    """Say whether a pipe or a valve is open; a word that EPANET does not know stays as it is, and is listed later."""
    controlled, closing = changed
    if state == "CLOSED":
        return CONTROLLED if row.word(0) in controlled else "closed"
    if row.word(0) in closing:
        return CONTROLLED
    return "open" if state in _OPEN or _is_number(state) else state


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _controlled(sections: Sections) -> tuple[frozenset[str], frozenset[str]]:
    """List the links that a control or a rule may open or close, and those among them that it may close."""
    simple = [(row.word(1), row.word(2)) for row in sections.of("CONTROLS", 3)]
    clauses = [row for row in sections.of("RULES", 4) if row.word(0).upper() in ("THEN", "ELSE", "AND")]
    said = [*simple, *((row.word(2), row.words[-1]) for row in clauses)]
    return frozenset(link for link, _ in said), frozenset(link for link, word in said if word.upper() == "CLOSED")
