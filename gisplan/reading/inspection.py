"""The inspection: what each file of a folder is, what is wrong with it, and how many can be read; no zone is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from gisplan.base.errors import GisplanError, ReadError
from gisplan.base.fields import TABLES, fields
from gisplan.base.issues import Issue
from gisplan.base.labels import Label, say
from gisplan.reading.columns import match
from gisplan.reading.flaws import Flaw, flaws_of
from gisplan.reading.folder import ground_reader
from gisplan.reading.formats.raw import RawGrid, RawLayer, Request
from gisplan.reading.formats.registry import FOLDERS
from gisplan.reading.formats.signature import kind_of
from gisplan.reading.places.coordinates import crs_title
from gisplan.reading.process.child import Child
from gisplan.reading.refusals import refusal, shorten
from gisplan.reading.zone_file import Source

CLEAN, FLAWED, REFUSED, SILENT, CRASHED = "clean", "flawed", "refused", "silent", "crashed"
STATES = (CLEAN, FLAWED, REFUSED, SILENT, CRASHED)
_DIED = ("child_died", "child_slow")
_BESIDE = {
    ".shp": (".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".qmd", ".qpj", ".shp.xml", ".cst", ".fix"),
    ".tab": (".dat", ".map", ".id", ".ind"),
    ".mif": (".mid",),
    ".gpkg": (".gpkg-wal", ".gpkg-shm", ".gpkg-journal"),
    ".tif": (".tfw", ".tif.aux.xml", ".tif.ovr", ".prj"),
    ".csv": (".csvt", ".prj"),
    ".dxf": (".prj",),
}
"""Files that belong to another one of the same name."""
_OURS = (".toml",)
_FIRST = 100

Found = tuple[Sequence[RawLayer | RawGrid], Iterable[Issue]]
Read = Callable[[Path, Request], Found]
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class ColumnSeen:
    """A column of a file, and what it is understood as: our name for it and its word, both empty where it is not."""

    name: str
    ours: str = ""
    label: Label = field(default_factory=lambda: Label("", ""))


@dataclass(frozen=True)
class LayerSeen:
    """A layer: rows, how many shapes of which kind, CRS, where it lies, and its columns for the table `like`."""

    name: str
    rows: int
    shapes: dict[str, int]
    crs: str
    box: tuple[float, ...]
    like: str
    columns: tuple[ColumnSeen, ...]


@dataclass(frozen=True)
class Seen:
    """What was seen of one file.

    Attributes
    ----------
    file
        Its name within the folder.
    parts
        The files that belong to it.
    suffix, kind
        What its name says it is, and what its bytes say (``content.<kind>`` of labels.csv).
    state
        One of `STATES`.
    code, message
        Why it was refused, or how reading it ended; empty otherwise.
    layers, flaws
        What is in it, and what is wrong with it.
    """

    file: str
    parts: tuple[str, ...]
    suffix: str
    kind: str
    state: str
    code: str = ""
    message: str = ""
    layers: tuple[LayerSeen, ...] = ()
    flaws: tuple[Flaw, ...] = ()

    @property
    def rows(self) -> int:
        """How many features or rows were read."""
        return sum(layer.rows for layer in self.layers)


@dataclass(frozen=True)
class Inspection:
    """What was seen of a file or of all files of a folder; `folder` tells which."""

    name: str
    folder: bool
    files: tuple[Seen, ...]

    @property
    def opened(self) -> bool:
        """Whether at least one file could be read."""
        return any(seen.state in (CLEAN, FLAWED) for seen in self.files)

    @property
    def score(self) -> dict[str, int]:
        """Count the files by how they ended."""
        counted = Counter(seen.state for seen in self.files)
        return {state: counted[state] for state in STATES}

    @property
    def by_kind(self) -> dict[str, dict[str, int]]:
        """Count the files of each suffix by how they ended."""
        out: dict[str, dict[str, int]] = {}
        for seen in sorted(self.files, key=lambda seen: seen.suffix):
            out.setdefault(seen.suffix or "—", dict.fromkeys(STATES, 0))[seen.state] += 1
        return out

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain values, for JSON."""
        files = [{**asdict(seen), "flaws": [_flaw(flaw) for flaw in seen.flaws]} for seen in self.files]
        return {"name": self.name, "score": self.score, "by_suffix": self.by_kind, "files": files}


def _flaw(flaw: Flaw) -> dict[str, Any]:
    return {**asdict(flaw.record), "count": flaw.count, "features": list(flaw.features[:_FIRST])}


def inspect(
    path: str | Path, lang: str = "zh", read: Read | None = None, progress: Progress | None = None
) -> Inspection:
    """Look at a file, or at every file of a folder and of the folders in it.

    Parameters
    ----------
    path
        The file or folder; a File Geodatabase counts as a file.
    lang
        Language of the sentences.
    read
        Reads one file; without it a process of its own does, so that a file which breaks its reader costs itself only.
    progress
        Called with the share that is done and the name of the file that comes next.

    Raises
    ------
    ReadError
        There is no such file or folder.
    """
    path = Path(path)
    if not path.exists():
        raise refusal(ReadError, "no_file", lang, file=path.name or str(path))
    folder = path.is_dir() and path.suffix.casefold() not in FOLDERS
    found = sorted(_mains(path), key=lambda main: main[0]) if folder else [(path, ())]
    root = path if folder else path.parent
    if read is not None:
        seen = tuple(_all(root, found, lang, read, progress))
    else:
        with Child(lang) as child:
            seen = tuple(_all(root, found, lang, _through(child), progress))
    return Inspection(path.resolve().name, folder, seen)


def _through(child: Child) -> Read:
    """Read through a process of its own."""

    def read(path: Path, request: Request) -> Found:
        answer = child.wait(child.queue(path.absolute(), request, ground_reader(path.name)))
        return [*answer.layers, *answer.grids], answer.issues

    return read


def _all(
    root: Path, found: Sequence[tuple[Path, tuple[Path, ...]]], lang: str, read: Read, progress: Progress | None
) -> Iterator[Seen]:
    for number, (path, parts) in enumerate(found):
        name = path.relative_to(root).as_posix()
        if progress is not None:
            progress(number / len(found), name)
        yield _one(path, name, tuple(part.relative_to(root).as_posix() for part in parts), lang, read)


def _mains(folder: Path) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    """Find the files of a folder, each with those that belong to it; hidden ones and zone.toml are left out."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith((".", "~$")))
    whole = [e for e in entries if e.is_dir() and e.suffix.casefold() in FOLDERS]
    files = [e for e in entries if not e.is_dir() and e.suffix.casefold() not in _OURS]
    by_name = {entry.name.casefold(): entry for entry in files}
    parts: dict[Path, tuple[Path, ...]] = {}
    for entry in files:
        stem = entry.name[: -len(entry.suffix)].casefold() if entry.suffix else entry.name.casefold()
        own = (by_name.get(f"{stem}{suffix}") for suffix in _BESIDE.get(entry.suffix.casefold(), ()))
        parts[entry] = tuple(part for part in own if part is not None)
    taken = {part for own in parts.values() for part in own}
    for entry in (*whole, *(entry for entry in files if entry not in taken)):
        yield entry, parts.get(entry, ())
    for entry in entries:
        if entry.is_dir() and entry not in whole and not entry.is_symlink():
            yield from _mains(entry)


def _one(path: Path, name: str, parts: tuple[str, ...], lang: str, read: Read) -> Seen:
    """Look at one file."""
    seen = Seen(name, parts, path.suffix.casefold(), "", REFUSED)
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
            raise refusal(ReadError, "shp_link", lang, file=path.name, part=path.name)
        seen = replace(seen, kind=kind_of(path))
        raws, issues = read(path, Request(path.name, "zone.toml"))
        layers = [raw for raw in raws if isinstance(raw, RawLayer)]
        flaws = [*map(Flaw, issues), *(flaw for raw in layers for flaw in flaws_of(raw, lang))]
        found = tuple(_layer(raw) if isinstance(raw, RawLayer) else _grid(raw) for raw in raws)
        state = _state(layers, flaws, bool(found))
        return replace(seen, state=state, layers=found, flaws=tuple(flaws))
    except GisplanError as error:
        state = CRASHED if error.code in _DIED else REFUSED
        return replace(seen, state=state, code=error.code or type(error).__name__, message=str(error))
    except OSError as error:
        why = refusal(ReadError, "unreadable", lang, file=path.name, reason=error.strerror or type(error).__name__)
        return replace(seen, code="unreadable", message=str(why))
    except Exception as error:  # whatever a reader lets through is a fault of ours, and costs this file only
        return replace(seen, state=CRASHED, code=type(error).__name__, message=shorten(error, 200))


def _state(layers: Sequence[RawLayer], flaws: Sequence[Flaw], anything: bool) -> str:
    """Tell how reading ended; a file of which nothing is left and nothing is said is silent, which must not be."""
    named = {(flaw.record.layer, feature) for flaw in flaws for feature in flaw.features}
    for raw in layers:
        lost = np.array([], dtype=bool) if raw.geometry is None else shapely.is_missing(raw.geometry)
        if any((raw.layer, str(fid)) not in named for fid in raw.fids[lost].tolist()):
            return SILENT
    if not anything and not flaws:
        return SILENT
    return FLAWED if any(flaw.record.severity != "info" for flaw in flaws) else CLEAN


def _layer(raw: RawLayer) -> LayerSeen:
    """Sum a layer up."""
    shapes: dict[str, int] = {}
    box: tuple[float, ...] = ()
    if raw.geometry is not None:
        there = raw.geometry[~shapely.is_missing(raw.geometry)]
        kinds = Counter(shapely.get_type_id(there).tolist())
        shapes = {shapely.GeometryType(kind).name.replace("_", "").casefold(): n for kind, n in sorted(kinds.items())}
        whole = shapely.total_bounds(there) if len(there) else np.full(4, np.nan)
        box = tuple(float(edge) for edge in whole) if np.isfinite(whole).all() else ()
    like, columns = _columns(raw)
    crs = "" if raw.crs is None else crs_title(raw.crs)
    return LayerSeen(raw.layer, len(raw.table), shapes, crs, box, like, columns)


def _grid(raw: RawGrid) -> LayerSeen:
    """Sum a grid of heights up: its cells, and how many of them have a height."""
    known = int(np.isfinite(raw.heights).sum())
    crs = "" if raw.crs is None else crs_title(raw.crs)
    return LayerSeen("", raw.heights.size, {"height": known}, crs, (), "", ())


def _columns(raw: RawLayer) -> tuple[str, tuple[ColumnSeen, ...]]:
    """Say how the columns would be understood, for the table that understands most of them."""
    best = ""
    matched: dict[str, str] = {}
    for table in TABLES:
        found = {theirs: ours for ours, theirs in match(raw, table, Source(table, table), "en").items()}
        if len(found) > len(matched):
            best, matched = table, found
    known = fields(best) if best else {}
    columns = []
    for name in raw.table.columns:
        ours = matched.get(name, "")
        columns.append(ColumnSeen(name, ours, Label(known[ours].zh, known[ours].en) if ours else Label("", "")))
    return best, tuple(columns)


def sentence(seen: Seen, lang: str) -> str:
    """Say in one line what a file is and how reading it ended."""
    what = say(f"content.{seen.kind}", lang) if seen.kind else "—"
    if seen.state in (REFUSED, CRASHED):
        return say("inspect.line_refused", lang, what=what, message=seen.message)
    counted = Counter(flaw.record.severity for flaw in seen.flaws)
    return say(
        "inspect.line", lang, what=what, layers=len(seen.layers), rows=seen.rows,
        errors=counted["error"], warnings=counted["warning"], notes=counted["info"],
    )  # fmt: skip
