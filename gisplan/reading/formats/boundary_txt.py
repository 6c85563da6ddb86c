"""Boundary-point files (界址点坐标, 电子报盘; .txt): a header, then blocks of points; X is north, areas are in ha.

What bureaus really hand over differs in ten ways; all are read:

1. section heads in ``[…]`` or ``【…】``
2. the field before ``@`` is empty (``,,@``)
3. ``@`` stands at the start of a block's first line
4. 8 fields in a block's first line, or 13 (图斑类型, 地类, 改造前质量等别, 改造后质量等别, 备注 follow)
5. a section ``[项目信息]`` or ``[扩展信息]`` stands first
6. easting without the zone number in front
7. points are named ``J1``, or ``1``
8. numbering goes on over the rings, or starts again in each
9. GBK, UTF-8, or UTF-8 with a byte-order mark
10. lines end in CRLF, or in LF

A block that is broken costs that block, by name; several blocks with one parcel number are one parcel of several parts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gisplan.base.errors import FormatError, LayerError, ReadError
from gisplan.base.issues import Book
from gisplan.base.labels import label
from gisplan.reading.formats.encodings import text_of
from gisplan.reading.formats.raw import RawLayer, Request, choose
from gisplan.reading.refusals import listing, refusal, shorten

HEADER, BODY = "属性描述", "地块坐标"
DATUM, DEGREES, PROJECTION, UNIT, ZONE = "坐标系", "几度分带", "投影类型", "计量单位", "带号"
PRECISION, PARAMETERS = "精度", "转换参数"
KINDS = {"点": "Point", "线": "LineString", "面": "Polygon", "": "Polygon"}
HA_M2 = 10_000.0
GAUSS_KRUGER = {
    ("CGCS2000", 3): (25, 45, 4513, 4534),
    ("CGCS2000", 6): (13, 23, 4491, 4502),
    ("Xian 1980", 3): (25, 45, 2349, 2370),
    ("Xian 1980", 6): (13, 23, 2327, 2338),
    ("Beijing 1954", 3): (25, 45, 2401, 2422),
    ("Beijing 1954", 6): (13, 23, 21413, 21453),
}
"""Datum, width of the zones → first and last zone, EPSG number of the first with its number in front and without."""

_LARGEST = 1 << 28
_SECTION = re.compile(r"[\[【]\s*(.+?)\s*[\]】]")
_DATUMS = {"2000": "CGCS2000", "80": "Xian 1980", "西安": "Xian 1980", "54": "Beijing 1954", "北京": "Beijing 1954"}
_NORTH = (1.9e6, 6.1e6)
_EAST = (1e5, 9e5)
_MILLION = 1e6
_LEAST_M2 = 1.0
_SHARE = 0.0001
"""Drawn and stated area agree within 1 m² or 0.01 %, or half of the last digit that is given."""


@dataclass(frozen=True)
class Block:
    """One block: its first line's fields, its points (name, ring, first number, second number), and what is wrong."""

    line: int
    fields: tuple[str, ...]
    points: list[tuple[str, int, float, float]] = field(default_factory=list)
    wrong: str = ""

    def field(self, number: int) -> str:
        """Give a field of the first line; empty where it has none."""
        return self.fields[number] if number < len(self.fields) else ""

    @property
    def parcel(self) -> str:
        """The parcel number."""
        return self.field(2)

    @property
    def stated_m2(self) -> float:
        """The area that the file states; NaN where it states none."""
        number = _number(self.field(1))
        return number * HA_M2 if number is not None and number > 0 else np.nan

    @property
    def tolerance_m2(self) -> float:
        """How far the drawn area may be from the stated one."""
        decimals = len(self.field(1).partition(".")[2])
        return max(_LEAST_M2, _SHARE * self.stated_m2, 0.5 * HA_M2 * 10.0**-decimals if decimals else 0.0)


@dataclass(frozen=True)
class Shape:
    """What a block draws: shape in east and north (None where it is broken), and its drawn area in m2."""

    block: Block
    geometry: shapely.Geometry | None
    why: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the drawn area is the stated one."""
        return self.geometry is not None and bool(
            abs(shapely.area(self.geometry) - self.block.stated_m2) <= self.block.tolerance_m2
        )


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read a boundary-point file: one row per parcel.

    Raises
    ------
    ReadError
        The file is too large, its text cannot be decoded, or it holds no blocks of points.
    LayerError
        The coordinates are not in metres.
    """
    if path.stat().st_size > _LARGEST:
        raise refusal(ReadError, "too_large", book.lang, file=request.name)
    layer = choose([Path(request.name).stem], request, book)[0]
    header, body, others = _sections(text_of(path.read_bytes(), "TXT", request, book))
    blocks = _blocks(body)
    if not blocks:
        raise refusal(FormatError, "txt_none", book.lang, file=request.name)
    place = (request.name, layer, "")
    if others:
        book.add("txt_sections", "info", "noted", place, names=listing(others))
    blocks, zones, turned = _east_first(blocks)
    if turned:
        book.add("txt_turned", "warning", "repaired", place, count=turned)
    crs = _crs(header, zones, (request, place), book)
    return [_layer([_drawn(block, place, book) for block in blocks], crs, place, book)]


def crs_number(datum: str, degrees: int, zone: int, prefixed: bool) -> int | None:
    """Give the EPSG number of a Gauss-Krüger system; None where there is none of that zone.

    >>> crs_number("CGCS2000", 3, 37, True), crs_number("CGCS2000", 3, 37, False), crs_number("CGCS2000", 3, 3, True)
    (4525, 4546, None)
    """
    first, last, with_zone, without = GAUSS_KRUGER.get((datum, degrees), (1, 0, 0, 0))
    return (with_zone if prefixed else without) + zone - first if first <= zone <= last else None


def _sections(text: str) -> tuple[dict[str, str], list[tuple[int, str]], list[str]]:
    """Part a file into its header, the numbered lines of its blocks, and the names of other sections."""
    header: dict[str, str] = {}
    body: list[tuple[int, str]] = []
    others: list[str] = []
    section = ""
    for number, raw in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = raw.strip().lstrip("\ufeff")
        head = _SECTION.fullmatch(unicodedata.normalize("NFKC", line))
        if head:
            section = BODY if "坐标" in head[1] else head[1]
            if section not in (BODY, HEADER):
                others.append(section)
        elif section == BODY and line:
            body.append((number, line))
        elif section == HEADER:
            key, _, value = unicodedata.normalize("NFKC", line).partition("=")
            header["".join(key.split())] = value.strip()
    return header, body, others


def _blocks(body: list[tuple[int, str]]) -> list[Block]:
    """Gather blocks; a line that is neither a block's first nor a point breaks the block it stands in."""
    blocks: list[Block] = []
    for number, line in body:
        if line.startswith("@") or line.endswith("@"):
            bare = re.sub(r"^@\s*[,，]?|[,，]?\s*@$", "", line)
            # A name may hold a full-width comma; it parts fields only where there is no other.
            fields = tuple(part.strip() for part in bare.split("," if "," in bare else "，"))
            wrong = "" if len(fields) >= 4 and (len(fields) == 4 or fields[4] in KINDS) else "txt_head"
            blocks.append(Block(number, fields, wrong=wrong))
            continue
        if not blocks:
            blocks.append(Block(number, (), wrong="txt_head"))
        point = _point(line)
        lost = [part.strip() for part in line.split(",")]
        if point is None and len(lost) > 4 and lost[4] in KINDS and lost[4]:
            # The first line of a block that has lost its mark: what follows does not belong to the block before it.
            blocks.append(Block(number, tuple(lost), wrong="txt_head"))
        elif point is None:
            blocks[-1] = replace(blocks[-1], wrong=blocks[-1].wrong or "txt_point")
        else:
            blocks[-1].points.append(point)
    return blocks


def _point(line: str) -> tuple[str, int, float, float] | None:
    """Read the line of a point: name, ring, two coordinates."""
    parts = [part.strip() for part in re.split(r"[,\t]", unicodedata.normalize("NFKC", line))]
    while len(parts) > 4 and not parts[-1]:
        parts.pop()
    if len(parts) != 4 or not re.fullmatch(r"\d{1,6}", parts[1]):
        return None
    first, second = _number(parts[2]), _number(parts[3])
    return None if first is None or second is None else (parts[0], int(parts[1]), first, second)


def _number(text: str) -> float | None:
    """Read a plain decimal number; nothing else (``1e5``, ``inf``, ``1_0``) stands for one here."""
    return float(text) if re.fullmatch(r"[-+]?\d{1,12}(\.\d*)?", text, re.ASCII) else None


def _east_first(blocks: list[Block]) -> tuple[list[Block], set[int], int]:
    """Turn the points of every block into east, north; the sizes of the numbers tell which is which.

    Returns
    -------
    tuple
        The blocks, the zone numbers that stand before the eastings (0 for none), and how many blocks had east first.
    """
    out, zones, turned = [], set(), 0
    for block in blocks:
        pairs = np.array([(first, second) for _, _, first, second in block.points]).reshape(-1, 2)
        swap = len(pairs) > 0 and bool(_is_north(pairs[:, 1]).all() and _is_east(pairs[:, 0]).all())
        turned += swap
        east = pairs[:, 0 if swap else 1]
        zones |= set(np.unique(east // _MILLION).astype(int).tolist())
        points = [(n, r, a, b) if swap else (n, r, b, a) for n, r, a, b in block.points]
        out.append(replace(block, points=points))
    return out, zones, turned


def _is_north(values: np.ndarray) -> np.ndarray:
    return np.asarray((values >= _NORTH[0]) & (values <= _NORTH[1]))


def _is_east(values: np.ndarray) -> np.ndarray:
    bare = np.where(values >= 13 * _MILLION, values % _MILLION, values)
    return np.asarray((bare >= _EAST[0]) & (bare <= _EAST[1]))


def _crs(
    header: Mapping[str, str], zones: set[int], at: tuple[Request, tuple[str, str, str]], book: Book
) -> CRS | None:
    """Understand the header's coordinate system; None, with a record, where header and points do not say one thing."""
    request, place = at
    unit = header.get(UNIT, "").casefold()
    if unit not in ("", "米", "m", "metre", "meter"):
        raise refusal(LayerError, "txt_unit", book.lang, file=request.name, found=shorten(unit))
    if re.search(r"[^,\s0.]", header.get(PARAMETERS, "")):
        book.add("txt_parameters", "warning", "noted", place, found=shorten(header[PARAMETERS]))
    named = header.get(DATUM, "")
    datum = next((datum for word, datum in _DATUMS.items() if word in named), "")
    said = f"{DATUM}={named or '—'}, {DEGREES}={header.get(DEGREES) or '—'}, {ZONE}={header.get(ZONE) or '—'}"
    prefix = next(iter(zones)) if len(zones) == 1 else 0
    declared = _whole(header.get(ZONE, ""))
    if len(zones) > 1 or (prefix and declared and prefix != declared):
        found = listing(sorted(zones))
        book.add("txt_zone", "warning", "noted", place, said=said, found=found, where=request.where)
        return None
    zone = declared or prefix
    degrees = _whole(header.get(DEGREES, "")) or (3 if zone >= 25 else 6)
    other = header.get(PROJECTION, "高斯") and "高斯" not in header.get(PROJECTION, "高斯")
    number = None if other else crs_number(datum, degrees, zone, bool(prefix))
    if number is None:
        book.add("txt_crs", "warning", "noted", place, said=shorten(said, 80), where=request.where)
    return None if number is None else CRS.from_epsg(number)


def _whole(text: str) -> int:
    """Read the whole number in a header's cell (``37``, ``3度``); 0 where there is none."""
    found = re.search(r"\d{1,3}", text)
    return int(found[0]) if found else 0


def _drawn(block: Block, place: tuple[str, str, str], book: Book) -> Shape:
    """Draw a block, and check what it says of itself: count, closure, area, names, holes."""
    at = (place[0], place[1], block.parcel)
    shape, opened = (Shape(block, None, block.wrong), 0) if block.wrong else _shape(block)
    count = _whole(block.field(0))
    # Some count the repeated first point of each ring, some do not.
    closing = len({ring for _, ring, _, _ in block.points}) - opened
    counted = count in (len(block.points), len(block.points) - closing, len(block.points) + opened)
    area = shape.geometry is not None and shapely.get_dimensions(shape.geometry) == 2
    # A point or a ring's end may be lost. Only the area that the file states can tell that the outline is whole.
    if area and not shape.agrees and not (counted and not opened):
        shape = Shape(block, None, "txt_open" if opened else "txt_count")
    if shape.geometry is None:
        why = label(f"flaw.{shape.why}").text(book.lang)
        book.add("txt_block", "warning", "set aside", at, parcel=block.parcel or "—", line=block.line, why=why)
        return shape
    if opened:
        book.add("txt_closed", "info", "repaired", at, parcel=block.parcel, count=opened)
    if not counted:
        book.add("txt_count", "warning", "noted", at, parcel=block.parcel, said=count, found=len(block.points))
    if area and not shapely.is_valid(shape.geometry):
        reason = shorten(shapely.is_valid_reason(shape.geometry), 80)
        book.add("txt_crossing", "warning", "noted", at, parcel=block.parcel, reason=reason)
    twice = _twice(block)
    if twice:
        book.add("txt_twice", "warning", "noted", at, parcel=block.parcel, ids=listing(twice))
    return shape


def _twice(block: Block) -> list[str]:
    """List the names that stand for two different points of one ring."""
    seen: dict[tuple[int, str], tuple[float, float]] = {}
    points = ((name, (ring, name), (east, north)) for name, ring, east, north in block.points)
    return [name for name, key, at in points if seen.setdefault(key, at) != at]


def _shape(block: Block) -> tuple[Shape, int]:
    """Draw the rings of a block, and count those that were not closed."""
    kind = KINDS[block.field(4)]
    rings: dict[int, list[tuple[float, float]]] = {}
    for _, ring, east, north in block.points:
        rings.setdefault(ring, []).append((east, north))
    parts = list(rings.values())
    if kind != "Polygon":
        few = len(parts) != 1 or len(parts[0]) < (2 if kind == "LineString" else 1)
        drawn = None if few else shapely.LineString(parts[0]) if kind == "LineString" else shapely.Point(parts[0][0])
        return Shape(block, drawn, "txt_few" if few else ""), 0
    if not parts or any(len(set(ring)) < 3 for ring in parts):
        return Shape(block, None, "txt_few"), 0
    opened = sum(ring[0] != ring[-1] for ring in parts)
    shell = shapely.Polygon(parts[0])
    if shell.is_valid and not all(shell.covers(shapely.Polygon(hole).buffer(0)) for hole in parts[1:]):
        return Shape(block, None, "txt_hole"), 0
    return Shape(block, shapely.Polygon(parts[0], parts[1:])), opened


def _layer(shapes: list[Shape], crs: CRS | None, place: tuple[str, str, str], book: Book) -> RawLayer:
    """Put blocks of one parcel together, and make the rows."""
    groups: dict[str, list[Shape]] = {}
    for number, shape in enumerate(shapes):
        groups.setdefault(shape.block.parcel or f"\x00{number}", []).append(shape)
    rows, geometry = [], []
    for parts in groups.values():
        whole = [part.geometry for part in parts if part.geometry is not None]
        # A parcel of which a part is lost is lost: its outline is not known.
        geometry.append(_together(whole) if len(whole) == len(parts) else None)
        first = parts[0].block
        if len(parts) > 1:
            at = (place[0], place[1], first.parcel)
            book.add("txt_parts", "info", "joined", at, parcel=first.parcel, count=len(parts))
        rows.append(_row(parts, geometry[-1], place, book))
    table = pd.DataFrame(rows, columns=["parcel", "name", "use", "stated_area_m2", "points", "sheet", "land_code"])
    table = table.astype(object).where(table.notna(), None)
    out = np.empty(len(geometry), dtype=object)
    out[:] = geometry
    fids = np.array([parts[0].block.line for parts in groups.values()])
    return RawLayer(place[0], place[1], table, fids, out, np.array([g is None for g in geometry], dtype=bool), crs)


def _together(parts: list[shapely.Geometry]) -> shapely.Geometry:
    """Put the parts of a parcel together; unsound ones stay side by side, so that the whole is in doubt."""
    if len(parts) == 1:
        return parts[0]
    areas = all(part.geom_type == "Polygon" and part.is_valid for part in parts)
    return shapely.union_all(parts) if areas else shapely.GeometryCollection(parts)


def _row(parts: list[Shape], whole: shapely.Geometry | None, place: tuple[str, str, str], book: Book) -> list[object]:
    """Make the row of a parcel; of several blocks each states its own area, or each that of the whole."""
    block = parts[0].block
    stated = [part.block.stated_m2 for part in parts]
    drawn = float(shapely.area(whole)) if whole is not None else np.nan
    tolerance = sum(part.block.tolerance_m2 for part in parts)
    total = sum(stated) if abs(sum(stated) - drawn) <= abs(stated[0] - drawn) or len(set(stated)) > 1 else stated[0]
    if abs(total - drawn) > tolerance:
        book.add(
            "txt_area", "warning", "noted", (place[0], place[1], block.parcel),
            parcel=block.parcel or "—", stated=f"{total / HA_M2:.4f}", drawn=f"{drawn / HA_M2:.4f}",
        )  # fmt: skip
    points = sum(len(part.block.points) for part in parts)
    code = block.field(7) or block.field(9)
    return [
        block.parcel or None, block.field(3) or None, block.field(6) or code or None,
        None if np.isnan(total) else f"{total:.6f}".rstrip("0").rstrip("."), str(points), block.field(5) or None,
        code or None,
    ]  # fmt: skip
