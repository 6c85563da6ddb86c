"""KML and KMZ: placemarks by folder, every ExtendedData cell as the text it is, always in longitude and latitude.

GDAL turns a number of 19 digits that a Schema calls ``int`` into 2147483647 and adds twelve columns of its own; and a
KML is small. So it is read here; nothing that it links to is opened.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import shapely

from gisplan.base.errors import EncodingError, FormatError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats import packed
from gisplan.reading.formats.raw import UNREADABLE, RawLayer, Request, check_start, choose, reason
from gisplan.reading.places.coordinates import crs_of
from gisplan.reading.refusals import refusal, tally

_DECLARED = re.compile(r"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.-]+)["'][^>]*\?>""")
_LEFT = ("NetworkLink", "GroundOverlay", "PhotoOverlay", "ScreenOverlay")
_SEVERAL = ("MultiGeometry", "MultiTrack", "MultiPoint", "MultiLineString", "MultiPolygon")
_SHAPES = ("Point", "LineString", "LinearRing", "Polygon", "Track", "Model", *_SEVERAL)
_WHOLE = frozenset({"Placemark", *_LEFT})
_FOLDERS = ("Folder", "Document")
_BLOCK = 1 << 16


@dataclass
class _Folder:
    """A Folder or Document while it is read."""

    name: str = ""
    columns: dict[str, None] = field(default_factory=dict)
    rows: list[dict[str, str]] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)
    broken: list[bool] = field(default_factory=list)


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read a KML file: one layer per folder that has placemarks of its own.

    Raises
    ------
    ReadError
        The file is damaged, too large, or has no placemarks.
    LayerError
        The folder that is asked for is not in it.
    """
    check_start(path, (b"<", b"\xff\xfe", b"\xfe\xff"), "KML", request, book)
    if path.stat().st_size > packed.LARGEST:
        raise refusal(ReadError, "too_large", book.lang, file=request.name)
    return _layers(path, {path.name: path.read_bytes()}, request, book)


def read_kmz(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read the KML files in a KMZ archive.

    Raises
    ------
    ReadError
        The archive is damaged, too large, or holds no KML.
    LayerError
        The folder that is asked for is not in it.
    """
    check_start(path, (b"PK\x03\x04",), "KMZ", request, book)
    with packed.opened(path, request, book) as (archive, entries):
        kmls = [entry for entry in entries if entry.name.casefold().endswith(".kml")]
        texts = {entry.name: b"".join(packed.content(archive, entry)) for entry in kmls}
    if not texts:
        raise refusal(FormatError, "not_its_suffix", book.lang, file=request.name, kind="KMZ")
    return _layers(path, texts, request, book)


def _layers(path: Path, files: dict[str, bytes], request: Request, book: Book) -> list[RawLayer]:
    """Read the folders of a file, or of all the files of an archive."""
    left: Counter[str] = Counter()
    folders = []
    for name, data in files.items():
        text = _text(data, request, book)
        head = text[: m.start()] if (m := re.search(r"<[A-Za-z_]", text)) else text
        if "<!" in re.sub(r"<!--.*?-->", "", head, flags=re.DOTALL):
            raise refusal(FormatError, "kml_doctype", book.lang, file=request.name)
        walk = _Walk(name, frozenset(files), left)
        try:
            folders += walk.folders(text)
        except ElementTree.ParseError as error:
            raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error
    found = _named([folder for folder in folders if folder.rows], PurePosixPath(request.name).stem)
    if left:
        book.add("kml_left", "warning", "noted", (request.name, "", ""), left=tally(dict(left)))
    if not found:
        raise refusal(FormatError, "kml_empty", book.lang, file=request.name, left=tally(dict(left)) or "—")
    return [_raw(name, found[name], request) for name in choose(list(found), request, book)]


def _text(data: bytes, request: Request, book: Book) -> str:
    """Decode the file: as zone.toml says, else as it is (UTF-8, GB18030), whatever its first line claims."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        names = ["utf-16"]
    else:
        declared = _DECLARED.match(data[:200].decode("latin-1").removeprefix("ï»¿"))
        claim = declared[1].casefold() if declared else "utf-8"
        names = ["utf-8-sig", *([] if claim in ("utf-8", "utf8") else [claim]), "gb18030"]
    for name in [request.encoding] if request.encoding else names:
        try:
            text = data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        if name not in ("utf-8-sig", "utf-16", request.encoding):
            book.add("encoding_chosen", "info", "noted", (request.name, "", ""),
                     encoding=name.upper(), where=request.where)  # fmt: skip
        return _DECLARED.sub("", text)
    raise refusal(EncodingError, "text_encoding", book.lang, file=request.name, where=request.where)


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]


@dataclass
class _Walk:
    """One way through a KML file: its own name, the names of the files beside it, and what is left aside."""

    file: str
    beside: frozenset[str]
    left: Counter[str]
    done: list[_Folder] = field(default_factory=list)
    open: list[_Folder] = field(default_factory=lambda: [_Folder()])
    path: list[str] = field(default_factory=list)
    kept: int = 0
    schemas: dict[str, list[str]] = field(default_factory=dict)
    schema: str = ""

    def folders(self, text: str) -> list[_Folder]:
        """Walk through the file once; placemarks belong to the innermost folder around them."""
        parser: Any = ElementTree.XMLPullParser(["start", "end"])
        data = text.encode("utf-8", errors="replace")
        for start in range(0, len(data), _BLOCK):
            parser.feed(data[start : start + _BLOCK])
            self._take(parser)
        parser.close()
        self._take(parser)
        return [*self.done, *self.open]

    def _take(self, parser: Any) -> None:
        for event, node in parser.read_events():
            if not isinstance(node, ElementTree.Element):
                continue
            tag = _local(node.tag)
            if event == "start":
                self.path.append(tag)
                self.kept += tag in _WHOLE
                if tag in _FOLDERS:
                    self.open.append(_Folder())
                elif tag == "Schema":
                    self.schema = node.get("id") or node.get("name") or ""
                elif tag == "SimpleField" and node.get("name"):
                    self.schemas.setdefault(self.schema, []).append(str(node.get("name")))
                continue
            self.path.pop()
            self.kept -= tag in _WHOLE
            self._end(tag, node)
            # What lies in a placemark is needed until the placemark ends.
            if not self.kept:
                node.clear()

    def _end(self, tag: str, node: ElementTree.Element) -> None:
        if tag == "Placemark":
            self._columns(node)
            _add(self.open[-1], node)
        elif tag == "name" and self.path and self.path[-1] in _FOLDERS:
            self.open[-1].name = " ".join((node.text or "").split())
        elif tag in _FOLDERS:
            self.done.append(self.open.pop())
        elif tag in _LEFT and not (tag == "NetworkLink" and self._within(node)):
            self.left[tag] += 1

    def _columns(self, node: ElementTree.Element) -> None:
        """Note the columns that the Schema of a placemark declares; one without a single value is there, too."""
        for part in node.iter():
            if _local(part.tag) == "SchemaData":
                names = self.schemas.get((part.get("schemaUrl") or "").rpartition("#")[2], [])
                self.open[-1].columns.update(dict.fromkeys(names))

    def _within(self, node: ElementTree.Element) -> bool:
        """Tell whether a link leads to another file of the same archive, which is read anyway."""
        links = [(part.text or "").strip() for part in node.iter() if _local(part.tag) == "href"]
        beside = PurePosixPath(self.file).parent
        return bool(links) and all((beside / link).as_posix() in self.beside for link in links)


def _add(folder: _Folder, node: ElementTree.Element) -> None:
    """Take one placemark: its cells and its shape."""
    cells: dict[str, str] = {}
    own: dict[str, str] = {}
    shape, broken = None, False
    for child in node:
        tag = _local(child.tag)
        if tag in ("name", "description"):
            own["Name" if tag == "name" else tag] = "".join(child.itertext()).strip()
        elif tag == "ExtendedData":
            for name, value in _extended(child):
                # Two values under one name: nobody knows which is meant.
                cells[name] = value if cells.get(name, value) == value else UNREADABLE
        elif tag in _SHAPES and (shape is not None or broken):
            shape, broken = None, True  # a placemark has one shape: which of several is meant?
        elif tag in _SHAPES:
            try:
                shape = _shape(child)
            except (ValueError, shapely.errors.GEOSException):
                broken = True
    for name, value in own.items():
        # A column of ExtendedData goes before what Google Earth shows under the same name.
        cells.setdefault(name, value)
    folder.rows.append(cells)
    folder.shapes.append(shape)
    folder.broken.append(broken)


def _extended(node: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Give the cells of a placemark's ExtendedData, typed or not, as the text they are."""
    for cell in node.iter():
        kind = _local(cell.tag)
        if kind in ("Data", "SimpleData"):
            value = cell if kind == "SimpleData" else _child(cell, "value")
            yield cell.get("name") or "#", "" if value is None else "".join(value.itertext()).strip()


def _points(text: str | None) -> np.ndarray:
    """Read coordinates: longitude, latitude and perhaps height, by commas; points by blanks."""
    plain = re.sub(r"\s*,\s*", ",", (text or "").strip())
    rows = [[float(number) for number in point.split(",") if number][:2] for point in plain.split()]
    if any(len(row) < 2 for row in rows):
        raise ValueError("a point needs two numbers")
    return np.array(rows, dtype=float).reshape(-1, 2)


def _child(node: ElementTree.Element, tag: str) -> ElementTree.Element | None:
    return next((child for child in node if _local(child.tag) == tag), None)


def _coordinates(node: ElementTree.Element) -> np.ndarray:
    found = [child for child in node if _local(child.tag) == "coordinates"]
    if len(found) > 1:
        raise ValueError("which of several lists of coordinates is meant?")
    return _points(found[0].text if found else None)


def _shape(node: ElementTree.Element) -> Any:
    """Make the shape of a placemark; shapely refuses what is none."""
    tag = _local(node.tag)
    if tag == "Point":
        points = _coordinates(node)
        return shapely.Point(points[0]) if len(points) else shapely.Point()
    if tag == "LineString":
        return shapely.LineString(_coordinates(node))
    if tag == "LinearRing":
        return shapely.LineString(_closed(_coordinates(node)))
    if tag == "Track":
        coords = [" ".join((c.text or "").split()).replace(" ", ",") for c in node if _local(c.tag) == "coord"]
        return shapely.LineString(_points(" ".join(coords)))
    if tag == "Polygon":
        outer = [border for border in node if _local(border.tag) == "outerBoundaryIs"]
        inner = [border for border in node if _local(border.tag) == "innerBoundaryIs"]
        if len(outer) > 1 or (inner and not outer) or any(len(border) > 1 for border in outer):
            raise ValueError("an area has one outline")
        rings = [_closed(_coordinates(ring)) for border in (*outer, *inner) for ring in border]
        return shapely.Polygon(rings[0], [ring for ring in rings[1:] if len(ring)]) if rings else shapely.Polygon()
    if tag in _SEVERAL:
        parts = [_shape(part) for part in node if _local(part.tag) in _SHAPES]
        return _several(parts)
    raise ValueError(f"{tag} is no shape of a plan")


def _closed(points: np.ndarray) -> np.ndarray:
    """Refuse a ring that does not come back to where it began: nobody knows what is missing."""
    if len(points) and (len(points) < 4 or not (points[0] == points[-1]).all()):
        raise ValueError("a ring is not closed")
    return points


def _several(parts: list[Any]) -> Any:
    kinds = {part.geom_type for part in parts}
    makers = {"Point": shapely.MultiPoint, "LineString": shapely.MultiLineString, "Polygon": shapely.MultiPolygon}
    if len(kinds) == 1 and (maker := makers.get(next(iter(kinds)))) is not None:
        return maker(parts)
    return shapely.GeometryCollection(parts)


def _named(folders: list[_Folder], stem: str) -> dict[str, _Folder]:
    """Give each folder a name of its own."""
    out: dict[str, _Folder] = {}
    for folder in folders:
        name = folder.name or stem
        number = 2
        while name in out:
            name = f"{folder.name or stem} ({number})"
            number += 1
        out[name] = folder
    return out


def _raw(name: str, folder: _Folder, request: Request) -> RawLayer:
    names = list(folder.columns | dict.fromkeys(key for row in folder.rows for key in row))
    columns = {key: pd.Series([row.get(key) or None for row in folder.rows], dtype="str") for key in names}
    own = {key: column for key, column in columns.items() if key not in ("Name", "description") or column.notna().any()}
    shapes = np.empty(len(folder.rows), dtype=object)
    shapes[:] = folder.shapes
    table = pd.DataFrame(own, index=pd.RangeIndex(len(folder.rows)))
    fids = np.arange(1, len(folder.rows) + 1)
    return RawLayer(request.name, name, table, fids, shapes, np.array(folder.broken, dtype=bool), crs_of("EPSG:4326"))
