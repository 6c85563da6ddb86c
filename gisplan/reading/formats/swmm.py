"""SWMM models: junctions, outfalls, storage and dividers as points, conduits and devices as lines that flow forward."""

from __future__ import annotations

import math

from gisplan.base.issues import Book
from gisplan.reading.formats.inp_model import Model, Row, Sections, draw, note_short, written
from gisplan.reading.formats.raw import RawLayer, Request
from gisplan.reading.refusals import listing

_US = ("CFS", "GPM", "MGD")
_FOOT_M = 0.3048
_ROUND = ("CIRCULAR", "FORCE_MAIN", "FILLED_CIRCULAR")
_POINTS = {"JUNCTIONS": "manhole", "OUTFALLS": "outfall", "STORAGE": "joint", "DIVIDERS": "joint"}
_DEVICES = ("PUMPS", "ORIFICES", "WEIRS", "OUTLETS")
_NEEDED = {**dict.fromkeys(_POINTS, 1), "CONDUITS": 3, **dict.fromkeys(_DEVICES, 3), "COORDINATES": 3}
OFF, CONTROLLED = "pump off", "closed by control"
"""Words for what may change while the model runs: nobody knows from it whether water can pass."""


def read(sections: Sections, request: Request, book: Book) -> list[RawLayer]:
    """Turn a SWMM model into layers; a conduit flows from its first node to its second."""
    note_short(sections, _NEEDED, request, book)
    metre = _FOOT_M if sections.option("FLOW_UNITS", "CFS") in _US else 1.0
    elevation = sections.option("LINK_OFFSETS", "DEPTH") == "ELEVATION"
    model, level = Model(), {}
    for section, role in _POINTS.items():
        for row in sections.of(section):
            model.node(row, role=role, kind="outfall" if role == "outfall" else "")
            level[row.word(0)] = row.value(1) * metre
    closing = _closing(sections)
    bore = _bores(sections, metre, request, book)
    for row in sections.of("CONDUITS", 3):
        inverts = [
            _invert(row, place, level.get(row.word(node), math.nan), (metre, elevation)) for place, node in _ENDS
        ]
        model.link(
            row, flow="forward", open=CONTROLLED if row.word(0) in closing else "open",
            diameter_mm=written(bore.get(row.word(0), math.nan)),
            invert_from_m=written(inverts[0]), invert_to_m=written(inverts[1]),
        )  # fmt: skip
    for section in _DEVICES:
        for row in sections.of(section, 3):
            state = "" if section != "PUMPS" or row.word(4).upper() in ("ON", "*") else row.word(4).upper()
            state = OFF if state == "OFF" else state
            model.link(row, flow="forward", open=CONTROLLED if row.word(0) in closing else state or "open")
    return draw(model, sections, request, book)


def _closing(sections: Sections) -> frozenset[str]:
    """List the conduits, orifices, weirs and outlets that a rule may close; pumps come and go by their level."""
    clauses = [row for row in sections.of("CONTROLS", 6) if row.word(0).upper() in ("THEN", "ELSE", "AND")]
    shut = [row for row in clauses if row.words[-1].upper() == "CLOSED" or row.value(len(row.words) - 1) == 0]
    kinds = ("CONDUIT", "ORIFICE", "WEIR", "OUTLET")
    return frozenset(row.word(2) for row in shut if row.word(1).upper() in kinds and row.word(4) == "=")


_ENDS = ((5, 1), (6, 2))
"""Where in a conduit's row the offset of an end stands, and where the node of that end."""


def _invert(row: Row, place: int, level: float, how: tuple[float, bool]) -> float:
    """Give the level of a conduit's bottom at one end: an offset above the node's, or a level of its own."""
    metre, elevation = how
    word = row.word(place)
    if word in ("", "*"):
        return level
    return row.value(place) * metre if elevation else level + row.value(place) * metre


def _bores(sections: Sections, metre: float, request: Request, book: Book) -> dict[str, float]:
    """Give the diameter of round conduits in mm; other sections have none, and are counted."""
    out, other = {}, []
    for row in sections.of("XSECTIONS", 3):
        if row.word(1).upper() in _ROUND:
            out[row.word(0)] = row.value(2) * metre * 1000
        else:
            other.append(row.word(0))
    if other:
        book.add("inp_not_round", "info", "noted", (request.name, "", ""), count=len(other), ids=listing(other))
    return out
