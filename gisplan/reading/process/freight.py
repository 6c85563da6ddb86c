"""Freight: raw layers as heads of JSON and plain buffers, on their way from the process that reads to ours.

A file may have got hold of the process that read it, so nothing here runs what it is given: numbers come as arrays of a
stated type, texts as UTF-8 with lengths, shapes as coordinates with the rows they start at or as WKB, and every size is
checked before it is believed. What does not fit is `Odd`.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pandas as pd
import shapely
import shapely.errors
from pyproj import CRS
from pyproj.exceptions import CRSError

from gisplan.base.issues import ACTIONS, SEVERITIES, Issue
from gisplan.reading.formats.raw import RawGrid, RawLayer

Buffer = bytes | bytearray | memoryview
Head = dict[str, Any]
Raw = RawLayer | RawGrid

_PLAIN = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|[mM]8\[(Y|M|W|D|h|m|s|ms|us|ns)\])")
_MASKED = frozenset({"boolean", *(f"{u}Int{n}" for u in ("", "U") for n in (8, 16, 32, 64)), "Float32", "Float64"})
_LEVELS = {0: 0, 1: 1, 3: 2, 4: 1, 5: 2, 6: 3}
"""Kinds of shapes that travel as coordinates, and how many levels of starts each has (parts, rings)."""
_RINGS = (3, 6)
_BY_WKB = 99
_NOTHING = {"None": None, "nan": math.nan, "NaT": pd.NaT, "NA": pd.NA}


class Odd(ValueError):
    """Freight that is not what it says it is."""


class _Hold:
    """Where buffers are put on packing, and taken from, in the same order, on unpacking."""

    def __init__(self, buffers: Sequence[Buffer] = ()) -> None:
        self.buffers: list[Buffer] = list(buffers)
        self._next = 0

    def put(self, array: np.ndarray) -> None:
        self.buffers.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)

    def put_words(self, words: Iterable[bytes]) -> None:
        """Put down words of bytes: their lengths, and all of them in one."""
        words = list(words)
        self.put(np.fromiter(map(len, words), dtype="<i8", count=len(words)))
        self.buffers.append(b"".join(words))

    def take(self, kind: str, count: int) -> np.ndarray:
        """Take an array of so many items."""
        data = self._bytes()
        dtype = np.dtype(kind)
        if len(data) != dtype.itemsize * count:
            raise Odd(f"{len(data)} bytes for {count} of {kind}")
        return np.frombuffer(data, dtype=dtype)

    def take_words(self, count: int) -> list[bytes]:
        """Take so many words of bytes."""
        lengths = self.take("<i8", count)
        data = bytes(self._bytes())
        ends = np.cumsum(lengths)
        if count and (int(lengths.min()) < 0 or int(lengths.max()) > len(data) or int(ends[-1]) != len(data)):
            raise Odd("words longer than their bytes")
        return [data[a:b] for a, b in pairwise([0, *ends.tolist()])]

    def take_texts(self, count: int) -> list[str]:
        """Take so many texts."""
        words = self.take_words(count)
        whole = b"".join(words)
        if not whole.isascii():
            return [word.decode("utf-8", "surrogatepass") for word in words]
        text = whole.decode("ascii")  # all at once, and cut at the same places
        return [text[a:b] for a, b in pairwise([0, *accumulate(map(len, words))])]

    def _bytes(self) -> Buffer:
        if self._next >= len(self.buffers):
            raise Odd("a buffer is missing")
        self._next += 1
        return self.buffers[self._next - 1]

    def all_taken(self) -> None:
        if self._next != len(self.buffers):
            raise Odd("there are more buffers than columns")


def pack(groups: Iterable[Iterable[Raw]], issues: Iterable[Issue] = ()) -> tuple[Head, list[Buffer]]:
    """Pack groups of layers and grids, and the flaws that were found on the way."""
    hold = _Hold()
    with np.errstate(all="ignore"):  # coordinates that are no numbers: what becomes of them is decided later
        heads = [[_grid_head(r, hold) if isinstance(r, RawGrid) else _layer_head(r, hold) for r in g] for g in groups]
    said = [[i.code, i.severity, i.file, i.layer, i.feature, i.message, i.hint, i.action] for i in issues]
    return {"groups": heads, "issues": said}, hold.buffers


def unpack(head: Mapping[str, Any], buffers: Sequence[Buffer]) -> tuple[list[list[Raw]], tuple[Issue, ...]]:
    """Unpack what was packed.

    Raises
    ------
    Odd
        Sizes, types or texts are not what they should be.
    """
    hold = _Hold(buffers)
    try:
        issues = _issues(head["issues"])
        with np.errstate(all="ignore"):
            groups = [[_grid(o, hold) if "affine" in o else _layer(o, hold) for o in group] for group in head["groups"]]
        hold.all_taken()
    except Odd:
        raise
    except (
        KeyError, TypeError, ValueError, ArithmeticError, AttributeError, IndexError, RecursionError,
        CRSError,
        shapely.errors.ShapelyError,
    ) as error:  # fmt: skip
        # UnicodeDecodeError is a ValueError, OverflowError an ArithmeticError.
        raise Odd(f"{type(error).__name__}: {error}") from error
    return groups, issues


def _issues(rows: object) -> tuple[Issue, ...]:
    if not isinstance(rows, list) or not all(isinstance(r, list) and len(r) == 8 for r in rows):
        raise Odd("issues are no rows")
    out = tuple(Issue(*(_text(cell) for cell in row)) for row in rows)
    if not all(i.severity in SEVERITIES and i.action in ACTIONS for i in out):
        raise Odd("an issue is of no known kind")
    return out


def _layer_head(layer: RawLayer, hold: _Hold) -> Head:
    head = {
        "file": layer.file,
        "layer": layer.layer,
        "rows": len(layer.table),
        "names": [str(name) for name in layer.table.columns],
        "columns": [_put(layer.table.iloc[:, i], hold) for i in range(layer.table.shape[1])],
        "fids": _put(pd.Series(layer.fids), hold),
        "shapes": None,
        "broken": len(layer.broken),
        "crs": None if layer.crs is None else layer.crs.to_wkt(),
        "lossy": sorted(layer.lossy),
        "used": sorted(layer.used),
    }
    if layer.geometry is not None:
        head["shapes"] = _put_shapes(np.asarray(layer.geometry, dtype=object), hold)
    hold.put(np.asarray(layer.broken, dtype=bool))
    return head


def _grid_head(grid: RawGrid, hold: _Hold) -> Head:
    hold.put(grid.heights)
    crs = None if grid.crs is None else grid.crs.to_wkt()
    affine = [float(number) for number in grid.affine]
    shape = list(grid.heights.shape)
    return {"file": grid.file, "affine": affine, "crs": crs, "shape": shape, "type": grid.heights.dtype.str}


def _grid(head: Mapping[str, Any], hold: _Hold) -> RawGrid:
    rows, columns = head["shape"]
    affine = tuple(head["affine"])
    if head["type"] not in ("<f4", "<f8") or len(affine) != 6 or not all(type(n) is float for n in affine):
        raise Odd("a grid of no known type")
    if not (type(rows) is int and type(columns) is int and min(rows, columns) >= 0):
        raise Odd("a grid without rows or columns")
    heights = hold.take(head["type"], rows * columns).reshape(rows, columns)
    return RawGrid(_text(head["file"]), heights, affine, None if head["crs"] is None else _crs(_text(head["crs"])))


def _layer(head: Mapping[str, Any], hold: _Hold) -> RawLayer:
    rows = head["rows"]
    if type(rows) is not int or rows < 0 or len(head["names"]) != len(head["columns"]):
        raise Odd("a layer without rows or columns")
    columns = {i: _take(one, rows, hold) for i, one in enumerate(head["columns"])}
    table = pd.DataFrame(columns, index=pd.RangeIndex(rows))
    table.columns = pd.Index([_text(name) for name in head["names"]], dtype="str")
    fids = _take(head["fids"], rows, hold)
    geometry = None if head["shapes"] is None else _take_shapes(head["shapes"], rows, hold)
    if head["broken"] not in (0, rows):
        raise Odd("broken shapes of no row")
    broken = hold.take("?", head["broken"])
    crs = None if head["crs"] is None else _crs(_text(head["crs"]))
    lossy = frozenset(_text(name) for name in head["lossy"])
    used = frozenset(_text(name) for name in head["used"])
    return RawLayer(
        _text(head["file"]), _text(head["layer"]), table, fids.to_numpy(), geometry, broken, crs, lossy, used
    )


def _put_shapes(shapes: np.ndarray, hold: _Hold) -> list[Head]:
    """Pack shapes: sound ones of one kind as coordinates and starts, which is quick; the odd ones as WKB."""
    kind = np.where(shapely.is_empty(shapes) | shapely.has_m(shapes), _BY_WKB, shapely.get_type_id(shapes)) * 2
    kind[~np.isin(kind, [2 * k for k in _LEVELS]) & (kind >= 0)] = _BY_WKB * 2
    kind += shapely.has_z(shapes)
    heads: list[Head] = []
    for number in np.unique(kind[kind >= 0]).tolist():
        rows = np.flatnonzero(kind == number)
        heads.append(_put_alike(shapes[rows], number // 2, len(rows), hold))
        hold.put(rows.astype("<i8"))
    return heads


def _put_alike(shapes: np.ndarray, kind: int, count: int, hold: _Hold) -> Head:
    if kind != _BY_WKB:
        _, xyz, starts = shapely.to_ragged_array(shapes)
        starts = starts[::-1]  # the outermost first
        sizes = [*(len(level) for level in starts), len(xyz)]
        ends = [count, *(int(level[-1]) for level in starts)]
        # A part or ring without a point would be lost on the way, and a ring through nowhere does not close again.
        whole = ends[-1] == len(xyz) and all(size == end + 1 for size, end in zip(sizes, ends[:-1], strict=False))
        whole = whole and (kind not in _RINGS or bool(np.isfinite(xyz).all()))
        if whole and all((np.diff(level) > 0).all() for level in starts):
            for level in starts:
                hold.put(level.astype("<i8"))
            hold.put(xyz.astype("<f8", copy=False))
            return {"kind": kind, "count": count, "sizes": sizes, "width": xyz.shape[1]}
    hold.put_words(shapely.to_wkb(shapes).tolist())
    return {"kind": _BY_WKB, "count": count}


def _take_shapes(heads: Sequence[Head], rows: int, hold: _Hold) -> np.ndarray:
    out = np.full(rows, None, dtype=object)
    for head in heads:
        count = head["count"]
        found = _alike(head, count, hold)
        at = hold.take("<i8", count)
        if count and not (int(at.min()) >= 0 and int(at.max()) < rows):
            raise Odd("a shape of no row")
        out[at] = found
    return out


def _alike(head: Head, count: int, hold: _Hold) -> np.ndarray:
    kind = head["kind"]
    if kind == _BY_WKB:
        found = hold.take_words(count)
        words = np.empty(len(found), dtype=object)
        words[:] = found
        return shapely.from_wkb(words)
    if kind not in _LEVELS or head["width"] not in (2, 3) or len(head["sizes"]) != _LEVELS[kind] + 1:
        raise Odd("shapes of no known kind")
    starts: list[np.ndarray] = []
    outer = count
    for size in head["sizes"][:-1]:
        level = hold.take("<i8", size)
        if size != outer + 1 or int(level[0]) != 0 or (np.diff(level) <= 0).any():
            raise Odd("shapes that start nowhere")
        starts.append(level)
        outer = int(level[-1])
    if head["sizes"][-1] != outer:
        raise Odd("shapes without all their points")
    xyz = hold.take("<f8", outer * head["width"]).reshape(outer, head["width"])
    return shapely.from_ragged_array(shapely.GeometryType(kind), xyz, tuple(starts[::-1]) or None)


@lru_cache(maxsize=64)
def _crs(wkt: str) -> CRS:
    return CRS.from_wkt(wkt)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Odd("a text is no text")
    return value


def _put(column: pd.Series, hold: _Hold) -> Head:
    """Pack one column; what is neither numbers nor texts goes cell by cell."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and _PLAIN.fullmatch(dtype.str):
        hold.put(column.to_numpy())
        return {"kind": "plain", "type": dtype.str}
    if dtype.name in _MASKED and not isinstance(dtype, np.dtype):
        mask = column.isna().to_numpy()
        values = column.array.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        hold.put(values)
        hold.put(mask)
        return {"kind": "masked", "type": dtype.name, "plain": dtype.numpy_dtype.str}
    cells = column.to_numpy(dtype=object)
    text = isinstance(dtype, pd.StringDtype)
    kind = "text" if text else pd.api.types.infer_dtype(cells, skipna=True)
    if text or (kind in ("string", "empty") and _only_none(cells)):
        at, words = pd.factorize(cells)
        hold.put(at.astype("<i8"))
        hold.put_words(word.encode("utf-8", "surrogatepass") for word in words.tolist())
        return {"kind": "text" if text else "words", "words": len(words)}
    hold.buffers.append(json.dumps([_cell(cell) for cell in cells.tolist()]).encode("ascii"))
    return {"kind": "cells"}


def _only_none(cells: np.ndarray) -> bool:
    """Whether every blank cell is None, and not some other nothing."""
    return all(cell is None for cell in cells[pd.isna(cells)].tolist())


def _take(head: Mapping[str, Any], rows: int, hold: _Hold) -> pd.Series:
    """Unpack one column."""
    kind = head["kind"]
    if kind == "plain":
        if not _PLAIN.fullmatch(_text(head["type"])):
            raise Odd("a column of no known type")
        return pd.Series(hold.take(head["type"], rows))
    if kind == "masked":
        name = _text(head["type"])
        if name not in _MASKED or not _PLAIN.fullmatch(_text(head["plain"])):
            raise Odd("a column of no known type")
        values, mask = hold.take(head["plain"], rows), hold.take("?", rows)
        array = pd.array(values, dtype=name)
        array[mask] = pd.NA
        return pd.Series(array)
    if kind in ("text", "words"):
        count = head["words"]
        at = hold.take("<i8", rows)
        words = np.array([*hold.take_texts(count), None], dtype=object)
        if rows and (int(at.min()) < -1 or int(at.max()) >= count):
            raise Odd("a cell of no word")
        return pd.Series(
            pd.array(words[at], dtype="str") if kind == "text" else words[at], dtype=None if kind == "text" else object
        )
    if kind == "cells":
        cells = json.loads(bytes(hold._bytes()))
        if not isinstance(cells, list) or len(cells) != rows:
            raise Odd("cells of no row")
        out = np.empty(rows, dtype=object)
        out[:] = [_value(cell) for cell in cells]
        return pd.Series(out, dtype=object)
    raise Odd("a column of no known kind")


def _cell(value: object) -> object:
    """Write one cell: a text as it is, everything else as its kind and how it is written."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, np.generic):
        value = value.item()
    for name, nothing in _NOTHING.items():
        if value is nothing or (name == "nan" and isinstance(value, float) and math.isnan(value)):
            return ["nothing", name]
    if isinstance(value, bool):
        return ["flag", "true" if value else "false"]
    for kind, own in (("whole", int), ("float", float), ("decimal", Decimal)):
        if isinstance(value, own):
            return [kind, repr(value) if own is float else str(value)]
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return [
            "moment" if isinstance(value, dt.datetime) else "day" if isinstance(value, dt.date) else "time",
            value.isoformat(),
        ]
    return ["bytes", bytes(value).hex()] if isinstance(value, bytes | bytearray | memoryview) else str(value)


_KINDS: dict[str, Callable[[str], object]] = {
    "flag": {"true": True, "false": False}.__getitem__,
    "nothing": _NOTHING.__getitem__,
    "whole": int,
    "float": float,
    "decimal": Decimal,
    "moment": dt.datetime.fromisoformat,
    "day": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "bytes": bytes.fromhex,
}


def _value(cell: object) -> object:
    if isinstance(cell, str):
        return cell
    if not isinstance(cell, list) or len(cell) != 2 or cell[0] not in _KINDS:
        raise Odd("a cell of no known kind")
    value: object = _KINDS[cell[0]](_text(cell[1]))
    return value
