"""Pipe surveys after CJJ 61: a table of points (管点表) and a table of lines (管线表) that name each other by number.

The network is what the point numbers say; the coordinates of the points only show where it lies. X is north, Y is east.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import shapely

from gisplan.base.errors import FormatError, LayerError
from gisplan.base.issues import Book
from gisplan.reading.formats.numbered import draw_apart
from gisplan.reading.formats.raw import RawLayer, Request
from gisplan.reading.pipe_words import (
    ABANDONED,
    code_of,
    find_columns,
    is_combined,
    is_gravity,
    pairs,
    role_of,
    services_of,
    stronger,
)
from gisplan.reading.refusals import listing, refusal
from gisplan.reading.words import as_numbers, cell_text, lost_digits, words_of

SAME_M = 0.1
"""Rows of one number within this are one point; two numbers within it are perhaps one; tables may differ by it."""
_GRAVITY = ("storm", "sewage")
_NEEDED = {"point": ("number", "north", "east"), "line": ("start", "end")}
_PLAIN = ("diameter_mm", "voltage_kv", "pressure_class")


@dataclass(frozen=True)
class Side:
    """One table of a survey: its rows, and which column is which; `extra` has columns that the file does not."""

    raw: RawLayer
    columns: Mapping[str, str]
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    def cells(self, noun: str) -> np.ndarray:
        """Give a column as text without outer spaces; empty where blank or where there is no such column."""
        if noun in self.extra:
            return self.extra[noun]
        if noun not in self.columns:
            return np.full(len(self.raw.table), "", dtype=object)
        words = words_of(self.raw.table[self.columns[noun]])
        plain = [unicodedata.normalize("NFKC", word).strip() for word in words.words]
        return words.spread(np.array([*plain, ""], dtype=object))

    def numbers(self, noun: str) -> np.ndarray:
        """Give a column of metres; NaN where it says nothing, or nothing that is understood."""
        out: np.ndarray = as_numbers(words_of(pd.Series(self.cells(noun), dtype=object)), "m")[0].to_numpy()
        return out

    def has(self, *nouns: str) -> bool:
        """Tell whether any of these columns is there."""
        return any(noun in self.columns or noun in self.extra for noun in nouns)

    @property
    def place(self) -> tuple[str, str, str]:
        """The table, for issue records."""
        return self.raw.file, self.raw.layer, ""


@dataclass(frozen=True)
class Points:
    """The points: number, coordinates (east, north; NaN where there are none), ground level, and which rows to keep."""

    number: np.ndarray
    xy: np.ndarray
    ground: np.ndarray
    kept: np.ndarray


def code_pair(names: list[str], request: Request, book: Book) -> tuple[str, str] | None:
    """Find the line and the point table that are meant: by a class code, or the only pair that there is.

    Raises
    ------
    LayerError
        There are several pairs, and nothing says which.
    """
    found = pairs(names)
    if request.layer is not None:
        by_word = {code.casefold(): pair for code, pair in found.items()}
        return None if request.layer in names else by_word.get(request.layer.casefold())
    if len(found) > 1:
        raise refusal(
            LayerError, "pipe_which", book.lang,
            file=request.name, where=request.where, codes=listing(found, 30), first=next(iter(found)),
        )  # fmt: skip
    return next(iter(found.values()), None)


def is_single(raw: RawLayer) -> bool:
    """Tell whether a table is a whole survey in itself: each row a point and the number of the next one."""
    nouns = find_columns("single", raw.table.columns)
    places = find_columns("point", raw.table.columns)
    return raw.geometry is None and {"number", "link"} <= set(nouns) and {"north", "east"} <= set(places)


def join(lines: RawLayer, points: RawLayer, request: Request, book: Book) -> list[RawLayer]:
    """Make lines and points of a line table and a point table.

    Raises
    ------
    FormatError
        A table lacks the columns that make it one.
    """
    return _build(_side("line", lines, book), _side("point", points, book), request, book)


def single(raw: RawLayer, request: Request, book: Book) -> list[RawLayer]:
    """Make lines and points of a table whose rows are points with the number that they are connected to."""
    point = _side("point", raw, book)
    nouns = find_columns("single", raw.table.columns)
    columns = {**find_columns("line", raw.table.columns), "start": nouns["number"], "end": nouns["link"]}
    if "depth" in nouns:
        columns["start_depth"] = nouns["depth"]
    whole = Side(raw, columns)
    a, b = whole.cells("start"), whole.cells("end")
    ahead = {(s, e): row for row, (s, e) in reversed([*enumerate(zip(a, b, strict=True))]) if s and e}
    back = np.array([ahead.get((e, s), -1) if s and e else -1 for s, e in zip(a, b, strict=True)], dtype=np.int64)
    # A link stands twice, at either end: the row that comes first speaks for both.
    keep = np.flatnonzero((b != "") & ((back < 0) | (back > np.arange(len(a)))))
    depth = whole.cells("start_depth")
    other = np.where(back >= 0, depth[back], "")
    extra = {"end_depth": other[keep], "flow_back": np.where(back >= 0, whole.cells("flow")[back], "")[keep]}
    for noun in ("status", "note"):
        if whole.has(noun):
            own = whole.cells(noun)
            extra[noun] = _both(own, np.where(back >= 0, own[back], ""))[keep]
    return _build(Side(_rows(raw, keep), columns, extra), replace(point, columns=point.columns), request, book)


def _both(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Put together what two rows say of one line: where they differ, both stand, and nobody knows which is true."""
    differ = (one != "") & (other != "") & (one != other)
    return np.where(differ, one + " / " + other, np.where(one == "", other, one))


def _side(table: str, raw: RawLayer, book: Book) -> Side:
    found = find_columns(table, raw.table.columns)
    if table == "point" and raw.geometry is not None and not {"north", "east"} <= set(found):
        found = {noun: name for noun, name in found.items() if noun not in ("north", "east")}
        needed: tuple[str, ...] = ("number",)
    else:
        needed = _NEEDED[table]
    lacking = [noun for noun in needed if noun not in found]
    if lacking:
        raise refusal(
            FormatError, f"pipe_{table}_columns", book.lang,
            file=raw.title, columns=listing(raw.table.columns, 40),
        )  # fmt: skip
    return Side(raw, found)


def _rows(raw: RawLayer, rows: np.ndarray) -> RawLayer:
    return replace(raw, table=raw.table.iloc[rows].reset_index(drop=True), fids=np.asarray(raw.fids)[rows])


def _build(line: Side, point: Side, request: Request, book: Book) -> list[RawLayer]:
    """Put both tables together."""
    code = code_of(line.raw.layer) if services_of(code_of(line.raw.layer)) else _main_code(line)
    service = re.search(r"layer\.(\w+)", request.where)
    if service and services_of(code) and service[1] not in services_of(code):
        book.add("pipe_code_other", "warning", "noted", line.place, pipes=code, where=request.where)
    gravity = service[1] in _GRAVITY if service else is_gravity(code)
    points = _points(point, book)
    drawn, shapes, at = _lines(line, points, gravity, book)
    if is_combined(code):
        drawn["system"] = "combined"
    marked = _point_columns(point, points)
    crs = point.raw.crs if not point.has("north") else None
    own = (line.raw.table, point.raw.table)
    both = [
        _layer(line, drawn, own, shapes, at),
        _layer(point, marked, own, _spots(points), np.flatnonzero(points.kept)),
    ]
    return [replace(layer, crs=crs) for layer in both if len(layer.table)]


def _main_code(line: Side) -> str:
    """Give the class code that most rows of a table have."""
    codes = line.cells("code")
    found = pd.Series(codes[codes != ""], dtype=object).map(code_of).mode()
    return str(found.iloc[0]) if len(found) else ""


def _spots(points: Points) -> np.ndarray:
    out = np.full(int(points.kept.sum()), None, dtype=object)
    xy = points.xy[points.kept]
    there = np.isfinite(xy).all(axis=1)
    out[there] = shapely.points(xy[there])
    return out


def _layer(
    side: Side, ours: Mapping[str, object], own: tuple[pd.DataFrame, pd.DataFrame], shapes: np.ndarray, rows: np.ndarray
) -> RawLayer:
    """Put our columns before the file's own; the other table's are there, blank: zone.toml may name them."""
    columns = {name: pd.Series(values, index=range(len(rows)), dtype="str") for name, values in ours.items()}
    theirs = side.raw.table.iloc[rows].reset_index(drop=True)
    for name in theirs.columns:
        columns.setdefault(name, theirs[name])
    for frame in own:
        for name in frame.columns:
            columns.setdefault(name, pd.Series("", index=range(len(rows)), dtype="str"))
    source = {"feature": "number", "from_joint": "start", "to_joint": "end"}
    if not side.has("start"):
        source["from_joint"] = "number"
    bad = {
        name
        for name, noun in source.items()
        if name in ours and noun in side.columns
        and (side.columns[noun] in side.raw.lossy or lost_digits(side.raw.table[side.columns[noun]]))
    }  # fmt: skip
    raw = side.raw
    fids = np.asarray(raw.fids)[rows]
    missing = np.asarray(shapely.is_missing(shapes))
    lossy = frozenset(bad | raw.lossy)
    foreign = {name for frame in own for name in frame.columns} - set(raw.table.columns)
    used = frozenset({*side.columns.values(), *foreign})
    return RawLayer(raw.file, raw.layer, pd.DataFrame(columns), fids, shapes, missing, None, lossy, used)


def _points(side: Side, book: Book) -> Points:
    """Take the points, and name numbers that are blank, that stand at several places, or that are near others."""
    number = side.cells("number")
    if side.has("north"):
        xy = np.column_stack([side.numbers("east"), side.numbers("north")])
    else:
        shapes = np.asarray(side.raw.geometry, dtype=object)
        whole = (shapely.get_type_id(shapes) == 0) & ~shapely.is_empty(shapes)
        xy = np.full((len(shapes), 2), np.nan)
        xy[whole] = shapely.get_coordinates(shapes[whole])
    blank = number == ""
    if blank.any():
        rows = np.asarray(side.raw.fids)[blank]
        book.add("pipe_no_number", "warning", "noted", side.place, count=int(blank.sum()), rows=listing(rows))
    code = pd.factorize(number)[0]
    first = pd.Series(np.arange(len(number))).groupby(code).transform("first").to_numpy()
    apart = np.hypot(*(xy - xy[first]).T) > SAME_M
    apart |= np.isfinite(xy).all(axis=1) != np.isfinite(xy[first]).all(axis=1)
    torn = np.isin(code, np.unique(code[apart & ~blank])) & ~blank
    if torn.any():
        ids = dict.fromkeys(number[torn])
        book.add("pipe_point_twice", "warning", "set aside", side.place, count=len(ids), ids=listing(ids))
        xy = np.where(torn[:, None], np.nan, xy)
    # A row says the same again only where it agrees in what is no part of a survey, too: open or closed, say.
    table = side.raw.table
    known = {name for kind in ("point", "line", "single") for name in find_columns(kind, table.columns).values()}
    said = pd.MultiIndex.from_arrays(
        [
            code,
            *(pd.factorize(side.cells(n))[0] for n in ("feature", "attachment", "status", "note")),
            *(pd.factorize(table[name])[0] for name in table.columns if name not in known),
        ]
    )
    again = np.asarray(said.duplicated()) & ~blank & ~torn
    alone = np.isfinite(xy).all(axis=1) & (first == np.arange(len(number)))
    _near(number[alone], xy[alone], side, book)
    return Points(number, xy, side.numbers("ground"), ~again)


def _near(number: np.ndarray, xy: np.ndarray, side: Side, book: Book) -> None:
    """Count points that lie closer together than a survey can tell apart, and have different numbers."""
    if len(xy) < 2:
        return
    spots = shapely.points(xy)
    a, b = shapely.STRtree(spots).query(spots, predicate="dwithin", distance=SAME_M)
    close = a < b
    if close.any():
        found = [f"{number[i]}/{number[j]}" for i, j in zip(a[close][:10], b[close][:10], strict=True)]
        book.add(
            "pipe_points_near", "info", "noted", side.place, count=int(close.sum()), ids=listing(found), gap=SAME_M
        )


def _point_columns(side: Side, points: Points) -> dict[str, object]:
    """Make our columns of the points; a word that nobody knows stays as it is, and is listed later."""
    kept = points.kept
    number = points.number[kept]
    pair = pd.DataFrame({"a": side.cells("attachment")[kept], "f": side.cells("feature")[kept]})
    word = {key: stronger(*key) for key in {*pair.itertuples(index=False, name=None)}}
    words = [word[key] for key in pair.itertuples(index=False, name=None)]
    known = {w: role_of(w) for w in set(words)}
    out: dict[str, object] = {
        "feature": number,
        "role": [known[w][0] or w or "joint" for w in words],
        "kind": [known[w][1] if known[w][0] else w for w in words],
        "from_joint": number,
    }
    if side.has("status", "note"):
        out["status"] = _status(side)[kept]
    return out


def _status(side: Side) -> np.ndarray:
    """Give the words for the state; a remark that says that something is out of use is heard, too."""
    status, note = side.cells("status"), side.cells("note")
    gone = np.array([next((w for w in ABANDONED if w in text), "") for text in note], dtype=object)
    said = np.where(status == "", gone, status + " / " + gone)
    return np.where(gone == "", status, said)


def _lines(side: Side, points: Points, gravity: bool, book: Book) -> tuple[dict[str, object], np.ndarray, np.ndarray]:
    """Draw the lines from point to point, and make our columns of them."""
    start, end = side.cells("start"), side.cells("end")
    known = pd.Index(points.number).drop_duplicates()
    row = np.append(pd.Series(np.arange(len(points.number))).groupby(points.number, sort=False).first().to_numpy(), -1)
    a, b = row[known.get_indexer(start)], row[known.get_indexer(end)]
    a, b = np.where(start == "", -1, a), np.where(end == "", -1, b)
    ids = _ids(side, start, end)
    lost = (a < 0) | (b < 0)
    if lost.any():
        gone = dict.fromkeys([*start[a < 0], *end[b < 0]])
        book.add(
            "pipe_no_point", "warning", "set aside", side.place,
            count=int(lost.sum()), ids=listing(ids[lost]), numbers=listing(n or "—" for n in gone),
        )  # fmt: skip
    xy = np.vstack([points.xy, [np.nan, np.nan]])
    ends = np.stack([xy[a], xy[b]], axis=1)
    there = np.isfinite(ends).all(axis=(1, 2))
    shapes = np.full(len(start), None, dtype=object)
    shapes[there] = shapely.linestrings(ends[there])
    shapes = draw_apart(shapes, ids, start != end, book, side.raw.file)
    _compare(side, ends, ids, book)
    out: dict[str, object] = {"feature": ids, "from_joint": start, "to_joint": end}
    out.update({noun: side.cells(noun) for noun in _PLAIN if side.has(noun)})
    if side.has("flow"):
        out["flow"] = _flow(side, book)
    if side.has("status", "note"):
        out["status"] = _status(side)
    sizes = side.cells("diameter_mm")
    nothing = int(pd.Series(sizes).str.fullmatch(r"(?i)(dn|de|φ)?\s*0+(\.0+)?(mm)?").sum())
    if nothing:
        book.add("pipe_size_zero", "warning", "noted", side.place, count=nothing)
    ground = np.append(points.ground, np.nan)
    out.update(_inverts(side, (ground[a], ground[b]), gravity, book))
    return out, shapes, np.arange(len(start))


def _ids(side: Side, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Give lines their own number where all have one, else that of their points; a second such line is ``#2``."""
    own = side.cells("number")
    if (own != "").all() and len(set(own)) == len(own):
        return own
    made = pd.Series(start + "-" + end)
    turn = made.groupby(made).cumcount() + 1
    return np.where(turn > 1, made + "#" + turn.astype(str), made).astype(object)


def _compare(side: Side, ends: np.ndarray, ids: np.ndarray, book: Book) -> None:
    """Name the lines whose own coordinates are not those of their points."""
    if not side.has("start_north"):
        return
    nouns = ("start_east", "start_north", "end_east", "end_north")
    own = np.column_stack([side.numbers(noun) for noun in nouns]).reshape(-1, 2, 2)
    far = (np.hypot(*np.moveaxis(own - ends, 2, 0)) > SAME_M).any(axis=1)
    if far.any():
        count, gap = int(far.sum()), SAME_M
        book.add("pipe_xy_differ", "warning", "noted", side.place, count=count, ids=listing(ids[far]), gap=gap)


_SIGNS = {"+": "forward", "-": "reverse", "正": "forward", "逆": "reverse", "顺": "forward", "反": "reverse"}
_TURNED = {"forward": "reverse", "reverse": "forward"}


def _flow(side: Side, book: Book) -> np.ndarray:
    """Give the flow: ``+`` and ``-``, or ``1`` and ``2``; where ``0`` may mean a direction, nobody knows.

    Some cities write 0 and 1 for along and against, others 1 and 2, others 0 for not known. Where the column shows
    which it is, the word stands; else it is marked, listed, and unknown.
    """
    words = side.cells("flow")
    there = set(words) - {""}
    if there & {"2", "+", "-"} or not there & {"0", "1"}:
        sense = {**_SIGNS, "0": ""}
        sense |= {"1": "forward", "2": "reverse"} if "2" in there else {}
        out = np.array([sense.get(w, w) for w in words], dtype=object)
    else:
        count = int(np.isin(words, ["0", "1"]).sum())
        book.add("pipe_flow_unclear", "warning", "noted", side.place, count=count, column=side.columns["flow"])
        out = np.array([f"{w}?" if w in ("0", "1") else w for w in words], dtype=object)
    if "flow_back" not in side.extra:
        return out
    back = np.array([_TURNED.get(_SIGNS.get(w, ""), "") for w in side.extra["flow_back"]], dtype=object)
    clash = (back != "") & (out != "") & (back != out)
    return np.where(clash, out + " / " + back, np.where(out == "", back, out))


def _inverts(side: Side, ground: tuple[np.ndarray, np.ndarray], gravity: bool, book: Book) -> dict[str, object]:
    """Give the levels of the pipe's bottom: depths are measured to it where sewage runs, to the top under pressure."""
    if not side.has("start_depth", "end_depth", "start_level", "end_level"):
        return {}
    if not gravity:
        book.add("pipe_depth_top", "info", "noted", side.place)
        return {}
    out: dict[str, object] = {}
    missing = np.zeros(len(side.raw.table), dtype=bool)
    for name, noun, level in (("invert_from_m", "start", ground[0]), ("invert_to_m", "end", ground[1])):
        own, depth = side.numbers(f"{noun}_level"), side.numbers(f"{noun}_depth")
        values = np.where(np.isfinite(own), own, level - depth)
        missing |= ~np.isfinite(values)
        at, different = pd.factorize(np.round(values, 4))  # NaN is -1, the last entry
        out[name] = np.array([*(cell_text(value) for value in different), ""], dtype=object)[at]
    if missing.any():
        book.add("pipe_depth_missing", "info", "noted", side.place, count=int(missing.sum()))
    return out
