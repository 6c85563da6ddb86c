"""Network models (.inp): EPANET or SWMM, told apart by their sections."""

from __future__ import annotations

from pathlib import Path

from gisplan.base.errors import FormatError
from gisplan.base.issues import Book
from gisplan.reading.formats import epanet, swmm
from gisplan.reading.formats.inp_model import LINKS, NODES, read_sections
from gisplan.reading.formats.raw import RawLayer, Request, choose
from gisplan.reading.refusals import refusal

_SWMM = ("CONDUITS", "SUBCATCHMENTS", "OUTFALLS", "XSECTIONS", "STORAGE", "RAINGAGES", "SUBAREAS")
_EPANET = ("PIPES", "RESERVOIRS", "TANKS", "VALVES")


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read a model: layer ``links`` (lines) and layer ``nodes`` (points).

    Raises
    ------
    FormatError
        The file is neither an EPANET nor a SWMM model.
    LayerError
        A layer other than these two is asked for.
    """
    if request.layer is not None:
        choose([LINKS, NODES], request, book)
    sections = read_sections(path, request, book)
    is_swmm, is_epanet = sections.has(*_SWMM), sections.has(*_EPANET)
    if is_swmm == is_epanet:
        raise refusal(FormatError, "inp_unknown", book.lang, file=request.name, where=request.where)
    reader = swmm.read if is_swmm else epanet.read
    kind = "SWMM" if is_swmm else "EPANET"
    book.add("inp_read", "info", "noted", (request.name, "", ""), kind=kind, where=request.where)
    return reader(sections, request, book)
