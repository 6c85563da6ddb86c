"""Tables as CSV: exact columns, UTF-8 with BOM, nothing that a spreadsheet would run.

A text cell that begins like a formula gets a leading apostrophe; numbers stay numbers, dates are ISO 8601, what is
missing is blank, and "we looked and there is none" is ``inf``.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import numbers
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gisplan.base.errors import ExportError
from gisplan.base.files import replacing, sha256
from gisplan.base.issues import COLUMNS as ISSUES
from gisplan.land.buildings import COLUMNS as BUILDINGS
from gisplan.land.rows import FINDINGS as LAND_FINDINGS
from gisplan.outputs.columns import (
    DUE,
    EARTHWORK,
    FAULTS,
    FINDINGS,
    HOLDERS,
    JOINS,
    LAND,
    LEDGER,
    LIMITS,
    NOTES,
    READINESS,
    blank,
    day,
    numbered,
    present,
    printable,
)
from gisplan.outputs.tables import Tables, blocks

# Full-width twins and a line feed count too: spreadsheets with an East Asian locale read them as the plain signs.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_SIGNS = frozenset(_FORMULA)
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?|-?inf")
_MEASURED = ("value",)  # holds numbers, or classes where the measure has none; a number kept as text is still a number
_ROWS = 100_000  # rows turned into text at a time, so that a large table is never in memory twice


def harmless(text: str) -> str:
    """Write a text so that no spreadsheet takes it for a formula.

    >>> harmless("=1+1"), harmless("-"), harmless("P-07")
    ("'=1+1", "'-", 'P-07')
    """
    text = printable(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_readiness(tables: Tables, path: Path) -> None:
    """Write ``readiness.csv``: one row per parcel, one letter per service."""
    write_csv(present(numbered(tables.readiness), [*READINESS, *tables.services.index]), path)


def write_findings(tables: Tables, path: Path) -> None:
    """Write ``findings.csv``: one row per parcel and condition."""
    write_blocks((present(part, FINDINGS) for part in blocks(tables.findings)), path)


def write_issues(tables: Tables, path: Path) -> None:
    """Write ``issues.csv``: every flaw of the data, and what was done about it."""
    write_csv(present(tables.issues, ISSUES), path)


def write_faults(tables: Tables, path: Path) -> None:
    """Write ``faults.csv``: what is wrong on the map, the one with most land at stake first, each with a place."""
    write_csv(_located(tables.faults, FAULTS), path)


def write_joins(tables: Tables, path: Path) -> None:
    """Write ``joins.csv``: every join and split, what hangs on it, and the id by which ``zone.toml`` undoes it."""
    write_csv(_located(tables.joins, JOINS), path)


def write_limits(tables: Tables, path: Path) -> None:
    """Write ``limits.csv``: every limit, norm and price, where each is from and how many findings rest on it."""
    write_csv(present(tables.limits, LIMITS), path)


def write_due(tables: Tables, path: Path) -> None:
    """Write ``due.csv``: papers that expire soon and commitments that are due."""
    write_csv(_given(tables.due, DUE), path)


def write_notes(tables: Tables, path: Path) -> None:
    """Write ``notes.csv``: what reviewers said, and what has become of it."""
    write_csv(_given(tables.notes, NOTES), path)


def write_ledger(tables: Tables, path: Path) -> None:
    """Write ``ledger.csv``: what every source and main can carry, and what of it is left."""
    write_csv(_given(tables.ledger, LEDGER), path)


def write_holders(tables: Tables, path: Path) -> None:
    """Write ``holders.csv``: who takes what from each source, in the order of the promises."""
    write_csv(_given(tables.holders, HOLDERS), path)


def write_earthwork(tables: Tables, path: Path) -> None:
    """Write ``earthwork.csv``: levels, cut and fill of every parcel."""
    write_csv(_given(None if tables.earthwork is None else numbered(tables.earthwork), EARTHWORK), path)


def write_land(tables: Tables, path: Path) -> None:
    """Write ``land.csv``: stage, conclusion and net area of every parcel."""
    write_csv(_given(None if tables.land is None else numbered(tables.land), LAND), path)


def write_land_findings(tables: Tables, path: Path) -> None:
    """Write ``land_findings.csv``: one row a parcel and test."""
    found = pd.DataFrame() if tables.land_findings is None else tables.land_findings
    write_blocks((present(part, LAND_FINDINGS) for part in blocks(found)), path)


def write_buildings(tables: Tables, path: Path) -> None:
    """Write ``factory_buildings.csv``: standard factory buildings, one row a storey."""
    write_csv(_given(tables.buildings, BUILDINGS), path)


def _given(frame: pd.DataFrame | None, columns: tuple[str, ...]) -> pd.DataFrame:
    """Take a table's columns; of one that was not made, the headings alone."""
    return present(pd.DataFrame() if frame is None else frame, columns)


def _located(frame: gpd.GeoDataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Give a table with a place (zone's system) for each shape: the middle of a line, a point inside an area."""
    shapes = np.asarray(frame.geometry.array, dtype=object)
    spots = shapely.point_on_surface(shapes)
    lines = shapely.get_type_id(shapes) == 1
    spots[lines] = shapely.line_interpolate_point(shapes[lines], 0.5, normalized=True)
    table = present(pd.DataFrame(frame), columns).reset_index(drop=True)
    return table.assign(x=np.round(shapely.get_x(spots), 3), y=np.round(shapely.get_y(spots), 3))


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, whole or not at all.

    Raises
    ------
    ExportError
        The file cannot be written; the old one is kept.
    """
    write_blocks([frame], path)


def write_blocks(frames: Iterable[pd.DataFrame], path: Path) -> None:
    """Write a table that comes in blocks as CSV, whole or not at all.

    Raises
    ------
    ExportError
        The file cannot be written; the old one is kept.
    """
    digest = hashlib.sha256()

    def whole(temporary: Path) -> None:
        if sha256(temporary) != digest.hexdigest():
            raise ExportError(f"{path.name}: what was written is not what came back. Check the disk.")

    with replacing(path, whole) as temporary, temporary.open("wb") as stream:
        for number, frame in enumerate(frames):
            for start in range(0, max(len(frame), 1), _ROWS):
                first = number == 0 and start == 0
                text = _lines(frame.iloc[start : start + _ROWS], first)
                data = text.encode("utf-8-sig" if first else "utf-8")
                digest.update(data)
                stream.write(data)


def _lines(frame: pd.DataFrame, headed: bool) -> str:
    """Write rows as the lines of a file."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    if headed:
        writer.writerow(frame.columns)
    writer.writerows(zip(*(_cells(frame[name]) for name in frame), strict=True))
    return out.getvalue()


def _cells(column: pd.Series) -> list[str]:
    """Turn one column into the texts of its cells."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return ["" if blank(v) else _cell(v, False) for v in column]
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _each(column.to_numpy(), lambda v: day(pd.Timestamp(v)))
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _numbers(column.to_numpy(dtype=float, na_value=np.nan))
    measured = column.name in _MEASURED
    values = column.to_numpy(dtype=object, na_value=None)
    kinds = {type(None): 0, float: 1, str: 3 if measured else 2}
    kind = np.fromiter((kinds.get(type(value), 3) for value in values), dtype=np.int8, count=len(values))
    out = np.full(len(values), "", dtype=object)
    out[kind == 1] = _numbers(values[kind == 1].astype(float))
    out[kind == 2] = _harmless(values[kind == 2].tolist())
    rest = kind == 3
    # 1 and True are different cells.
    keys = list(zip(map(type, values[rest]), values[rest], strict=True))
    seen = {key: _cell(key[1], measured) for key in set(keys)}
    out[rest] = [seen[key] for key in keys]
    return out.tolist()


def _harmless(texts: list[str]) -> list[str]:
    """Write texts so that no spreadsheet takes one for a formula; mostly all of them are sound: seen at one glance."""
    if printable(joined := "".join(texts)) != joined:
        return [harmless(text) for text in texts]
    return [f"'{text}" if text[:1] in _SIGNS else text for text in texts]


def _numbers(values: np.ndarray) -> list[str]:
    """Write every different number once; by its bits, since 0 and -0 are equal."""
    code, found = pd.factorize(np.ascontiguousarray(values).view(np.int64))
    return np.array([*map(_number, found.view(float).tolist()), ""], dtype=object)[code].tolist()


def _each(values: np.ndarray, write: Callable[[Any], str]) -> list[str]:
    """Write every different value once; what is missing is blank."""
    code, found = pd.factorize(values)
    return np.array([*map(write, found), ""], dtype=object)[code].tolist()


def _cell(value: Any, measured: bool) -> str:
    if blank(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, numbers.Real):
        return _number(float(value))
    if isinstance(value, dt.date):
        return day(value)
    text = str(value)
    return text if measured and _NUMBER.fullmatch(text) else harmless(text)


def _number(value: float) -> str:
    """Write a number to a millionth of its unit, without needless zeros; blank for NaN, ``inf`` for infinity."""
    if value != value:  # NaN is the one number that differs from itself
        return ""
    return f"{round(value, 6):.15g}"
