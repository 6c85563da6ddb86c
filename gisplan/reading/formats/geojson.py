"""GeoJSON (.geojson, .json): strict JSON in UTF-8, read feature by feature, so that a bad one costs itself.

GDAL reads such files kindly: a wrong ``type`` is a layer without features, two values under one name are one, text in
place of a coordinate is nothing, all without a word. So the text is read here, every member is looked at, and what
cannot be used is named by the number of its feature (the first is 0).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyproj import CRS

from gisplan.base.errors import EncodingError, FormatError, GisplanError, ReadError
from gisplan.base.issues import Book
from gisplan.base.labels import label, say
from gisplan.reading.formats.mould import Misshapen, shape_of
from gisplan.reading.formats.raw import RawLayer, Request, choose
from gisplan.reading.places.coordinates import crs_of
from gisplan.reading.refusals import listing, refusal, shorten
from gisplan.reading.words import cell_text

_LARGEST = 1 << 30
_LOST = 2.0**53
_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = "EPSG:4326"
_SHAPES = frozenset(
    ("point", "multipoint", "linestring", "multilinestring", "polygon", "multipolygon", "geometrycollection")
)
_ESRI = frozenset(("spatialReference", "geometryType", "displayFieldName", "rings", "paths", "attributes"))


def read(path: Path, request: Request, book: Book) -> list[RawLayer]:
    """Read the one layer of a GeoJSON file.

    Raises
    ------
    EncodingError
        It is not in UTF-8.
    FormatError
        It is no JSON, says one thing twice, or is no GeoJSON.
    """
    if path.stat().st_size > _LARGEST:
        raise refusal(ReadError, "too_large", book.lang, file=request.name)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal(EncodingError, "geojson_encoding", book.lang, file=request.name) from error
    rows = _Rows()
    scan = _Scan(text)
    try:
        root = scan.root(rows)
        rows = _meant(root, rows, request, book)
    except json.JSONDecodeError as error:
        raise _broken("json_syntax", scan, request, book, line=error.lineno, column=error.colno) from error
    except RecursionError as error:
        raise _broken("json_deep", scan, request, book) from error
    except _TwiceError as error:
        raise _broken("json_twice", scan, request, book, key=shorten(error)) from error
    except _ConstantError as error:
        raise _broken("json_constant", scan, request, book, found=shorten(error)) from error
    except ValueError as error:  # a number of thousands of digits
        raise _broken("json_number", scan, request, book) from error
    name = root.get("name")
    layer = name if isinstance(name, str) and name.strip() else Path(request.name).stem
    choose([layer] if request.layer is None else [layer, Path(request.name).stem], request, book)
    rows.note(request, layer, book)
    crs = _crs(root, (request.name, layer, ""), book)
    geometry, broken = rows.shapes()
    table, lossy = rows.table()
    return [RawLayer(request.name, layer, table, np.arange(len(table)), geometry, broken, crs, lossy)]


def _broken(code: str, scan: _Scan, request: Request, book: Book, **values: object) -> GisplanError:
    """Make the refusal of a text that is not JSON, or of JSON that may be read in two ways."""
    at = "" if scan.feature is None else say("cause.in_feature", book.lang, feature=scan.feature)
    return refusal(FormatError, code, book.lang, file=request.name, at=at, **values)


class _TwiceError(ValueError):
    """Two members of one object have the same name."""


class _ConstantError(ValueError):
    """NaN or Infinity: no JSON, and no number either."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _TwiceError(name)
            seen.add(name)
    return made


def _no_constant(word: str) -> None:
    raise _ConstantError(word)


class _Scan:
    """Walks through the text: the outermost object by hand, its features one by one, so that they need no memory."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.feature: int | None = None
        self._decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)

    def root(self, rows: _Rows) -> dict[str, Any]:
        """Give the outermost object without its features, which go to `rows`."""
        if self._next() != "{":
            value = self._value()
            self._end()
            return {"type": shorten(json.dumps(value, ensure_ascii=False))}
        self.at += 1
        made: dict[str, Any] = {}
        while self._next() != "}":
            name = self._name()
            if name in made:
                raise _TwiceError(name)
            if name == "features" and self._next() == "[":
                made[name] = True
                for feature in self._items():
                    rows.add(feature)
            else:
                made[name] = self._value()
            self._comma("}")
        self.at += 1
        self._end()
        return made

    def _items(self) -> Iterator[Any]:
        self.at += 1
        number = 0
        while self._next() != "]":
            self.feature = number
            yield self._value()
            self._comma("]")
            number += 1
        self.feature = None
        self.at += 1

    def _next(self) -> str:
        """Go to the next character that is not blank."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found is not None else self.at
        return self.text[self.at : self.at + 1]

    def _value(self) -> Any:
        self._next()
        value, self.at = self._decoder.raw_decode(self.text, self.at)
        return value

    def _name(self) -> str:
        if self._next() != '"':
            raise json.JSONDecodeError("a name in quotes", self.text, self.at)
        name = str(self._value())
        if self._next() != ":":
            raise json.JSONDecodeError("a colon", self.text, self.at)
        self.at += 1
        return name

    def _comma(self, end: str) -> None:
        """Go past a comma; the end of the list stays, and a comma right before it is an error."""
        found = self._next()
        if found == ",":
            self.at += 1
            if self._next() == end:
                raise json.JSONDecodeError("a value after the comma", self.text, self.at)
        elif found != end:
            raise json.JSONDecodeError("a comma", self.text, self.at)

    def _end(self) -> None:
        if self._next():
            raise json.JSONDecodeError("the end of the file", self.text, self.at)


class _Rows:
    """Features as rows: their properties as columns, their shapes, and what is wrong with each."""

    def __init__(self) -> None:
        self.count = 0
        self._columns: dict[str, list[Any]] = {}
        self._ids: list[Any] = []
        self._shapes: list[Any] = []
        self._odd: dict[str, list[int]] = {}

    def add(self, feature: Any) -> None:
        """Take one element of ``features``."""
        row = self.count
        self.count += 1
        shape = None
        if not isinstance(feature, dict) or str(feature.get("type")).casefold() != "feature":
            self._odd.setdefault("not_feature", []).append(row)
            feature = {"properties": feature.get("properties")} if isinstance(feature, dict) else {}
        else:
            if feature["type"] != "Feature":
                self._odd.setdefault("case", []).append(row)
            shape = self._shape(feature.get("geometry"), row)
        properties = feature.get("properties")
        if isinstance(properties, dict):
            for name, value in properties.items():
                column = self._columns.setdefault(name, [])
                column.extend([None] * (row - len(column)))
                column.append(value)
        elif properties is not None:
            self._odd.setdefault("properties", []).append(row)
        self._ids.append(feature.get("id"))
        self._shapes.append(shape)

    def _shape(self, geometry: Any, row: int) -> Any:
        if geometry is None:
            return None
        try:
            shape, extra = shape_of(geometry)
        except Misshapen as error:
            self._odd.setdefault(error.code, []).append(row)
            return None
        if extra:
            self._odd.setdefault("extra", []).append(row)
        return shape

    def shapes(self) -> tuple[np.ndarray, np.ndarray]:
        """Give the shapes, None where there is none, and which cannot be read."""
        geometry = np.full(self.count, None, dtype=object)
        geometry[:] = self._shapes
        broken = np.zeros(self.count, dtype=bool)
        for code, rows in self._odd.items():
            if code not in ("case", "properties", "extra"):
                broken[rows] = True
        return geometry, broken

    def table(self) -> tuple[pd.DataFrame, frozenset[str]]:
        """Give the properties as text (numbers with a point as numbers), and the columns that have lost digits."""
        columns = dict(self._columns)
        if "id" not in columns and any(value is not None for value in self._ids):
            columns["id"] = self._ids
        lossy = set()
        made = {}
        for name, values in columns.items():
            values.extend([None] * (self.count - len(values)))
            floats = [value for value in values if isinstance(value, float)]
            if any(abs(value) >= _LOST for value in floats):
                lossy.add(name)
            made[name] = _column(values, len(floats))
        return pd.DataFrame(made, index=pd.RangeIndex(self.count)), frozenset(lossy)

    def note(self, request: Request, layer: str, book: Book) -> None:
        """Write down which features are not as they should be, and why."""
        place = (request.name, layer, "")
        for code, rows in self._odd.items():
            features, count = listing(rows), len(rows)
            if code == "case":
                book.add("json_case", "info", "noted", place, count=count)
            elif code == "properties":
                book.add("json_properties", "warning", "set aside", place, features=features, count=count)
            elif code == "extra":
                book.add("json_extra", "info", "noted", place, features=features, count=count)
            else:
                why = label(f"misshapen.{code}").text(book.lang)
                book.add("shape_unread", "warning", "set aside", place, features=features, count=count, why=why)


def _column(values: list[Any], floats: int) -> pd.Series:
    """Make a column: numbers with a point stay numbers where there is nothing else, everything else is text."""
    if floats and floats + values.count(None) == len(values):
        return pd.Series(np.array(values, dtype="float64"))
    return pd.Series([value if value is None or type(value) is str else _cell(value) for value in values], dtype="str")


def _cell(value: Any) -> str | None:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else cell_text(value)


def _meant(root: dict[str, Any], rows: _Rows, request: Request, book: Book) -> _Rows:
    """Say what the outermost object is, and give its features.

    Raises
    ------
    FormatError
        It is no GeoJSON.
    """
    kind = str(root.get("type")).casefold()
    other = _other(root, kind)
    if other:
        raise refusal(
            FormatError, "json_other", book.lang,
            file=request.name, what=say(f"content.{other}", book.lang), advice=say(f"advice.{other}", book.lang),
        )  # fmt: skip
    if kind == "featurecollection" and root.get("features") is True:
        if root["type"] != "FeatureCollection":
            book.add("json_case", "info", "noted", (request.name, "", ""), count=1)
        return rows
    if kind == "featurecollection":
        raise refusal(FormatError, "geojson_features", book.lang, file=request.name)
    single = _Rows()
    if kind == "feature":
        single.add(root)
    elif kind in _SHAPES:
        single.add({"type": "Feature", "geometry": root})
    else:
        found = shorten(root.get("type", "—"))
        raise refusal(FormatError, "geojson_type", book.lang, file=request.name, found=found)
    return single


def _other(root: dict[str, Any], kind: str) -> str:
    """Name the format of a JSON text that is like GeoJSON and is not."""
    conforms = json.dumps(root.get("conformsTo", ""))
    if kind == "topology":
        return "topojson"
    if "json-fg" in conforms or "coordRefSys" in root:
        return "jsonfg"
    if "stac_version" in root:
        return "stac"
    return "esrijson" if "type" not in root and _ESRI & set(root) else ""


def _crs(root: dict[str, Any], place: tuple[str, str, str], book: Book) -> CRS | None:
    """Understand the member ``crs`` of the old GeoJSON; without it coordinates are longitude and latitude."""
    if "crs" not in root:
        return crs_of(_PLAIN)
    member = root["crs"]
    properties = member.get("properties") if isinstance(member, dict) else None
    said = properties if isinstance(properties, dict) else {}
    name = str(said.get("name") or (f"EPSG:{said['code']}" if "code" in said else ""))
    found = crs_of(_PLAIN if "CRS84" in name else name[:2000])
    if found is None:
        book.add("json_crs", "warning", "noted", place, found=shorten(name or json.dumps(member)))
    return found
