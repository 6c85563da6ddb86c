"""The survey: everything that was read about a zone, clean, with every flaw named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypedDict, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from gisplan.base.errors import LayerError, ReadError
from gisplan.base.issues import Book, Issue
from gisplan.base.labels import Label
from gisplan.reading import layers as clean
from gisplan.reading import records, references
from gisplan.reading.depths import believed
from gisplan.reading.dossier import Dossier, no_dossier, projects, read_dossier
from gisplan.reading.entries import NAME
from gisplan.reading.folder import Folder, Heights, Progress, Waiting, ground_reader
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import RawGrid, RawLayer, Request
from gisplan.reading.ground import Ground, of_grid
from gisplan.reading.limits import note_of, own_limits
from gisplan.reading.places import fitting
from gisplan.reading.places.coordinates import Gate, crs_of, crs_title, zone_crs
from gisplan.reading.process.child import Child
from gisplan.reading.refusals import refusal
from gisplan.reading.spots import of_spots
from gisplan.reading.terrain import Terrain, terrain
from gisplan.reading.words import date_of
from gisplan.reading.zone_file import RECORDS, Reader, Source, ZoneFile, read_zone_file
from gisplan.rules.profile import Profile, load

DEFAULT_PROFILE = "jiutong_classic"


@dataclass(frozen=True)
class Survey:
    """What was read about a zone.

    Attributes
    ----------
    folder
        Where it came from; None for frames.
    title, note
        As zone.toml says.
    invented
        Whether the zone is invented.
    crs
        The zone's CRS: projected, metres.
    gate
        Tells whether coordinates lie where the zone lies.
    profile
        The profile it is to be judged by.
    date, data_date
        The check date and the day of the data, where zone.toml says.
    parcels, layers, works, evidence
        Clean tables; `layers` by service.
    absent
        Services that are declared not to exist.
    undo
        Ids of joins that are not to be made.
    county
        County codes of the zone; empty where zone.toml names none.
    barriers
        What a connection must not cross; None where nothing is said, empty where it is said that there are none.
    ground
        Where heights are read, or None.
    doubts
        Services in which a possibly closed valve was set aside.
    missing
        By service, what lost its shape in reading and could have served a parcel: feature → its extent, where known.
    flat
        By service, where the lines without length lay that were set aside, by feature id.
    blockers_lost
        A parcel or barrier has lost its shape: what lies across a connection is then not fully known.
    issues
        Every flaw.
    inputs
        Name → sha256 of every file that was read.
    notes
        Sentences for every output: declared defaults, accuracies.
    neighbours
        Land that stands in the way of a connection but is not judged: the zone's parcels round a red line; None where
        the parcels are the zone's own.
    projects
        Projects (项目) with what they need, by project id.
    dossier
        The land's own papers, and what lies over it.
    """

    folder: Path | None
    title: Label
    invented: bool
    note: Label
    crs: CRS
    gate: Gate
    profile: Profile
    date: dt.date | None
    data_date: dt.date | None
    parcels: gpd.GeoDataFrame
    layers: dict[str, gpd.GeoDataFrame]
    absent: frozenset[str]
    undo: frozenset[str]
    works: pd.DataFrame
    evidence: pd.DataFrame
    barriers: gpd.GeoDataFrame | None
    ground: Ground | None
    doubts: frozenset[str]
    missing: dict[str, gpd.GeoSeries]
    flat: dict[str, gpd.GeoSeries]
    blockers_lost: bool
    issues: tuple[Issue, ...]
    inputs: dict[str, str] = field(default_factory=dict)
    notes: tuple[Label, ...] = ()
    neighbours: np.ndarray | None = None
    county: tuple[str, ...] = ()
    projects: pd.DataFrame = field(default_factory=lambda: projects((), pd.Index([]), Book("zh")))
    dossier: Dossier = field(default_factory=no_dossier)

    @cached_property
    def terrain(self) -> Terrain | None:
        """The ground under every parcel, read once for all who need it; None without a ground model."""
        if self.ground is None:
            return None
        level = self.parcels["design_level_m"].to_numpy(dtype=float)
        return terrain(self.ground, np.asarray(self.parcels.geometry.array), level)


def read_folder(
    folder: str | Path, profile: str | None = None, lang: str = "zh", progress: Progress | None = None
) -> Survey:
    """Read a zone from a folder with a zone.toml.

    Parameters
    ----------
    folder
        The zone's folder.
    profile
        Another profile than the one that zone.toml names.
    lang
        Language of issues and refusals.
    progress
        Called with the name of each source before it is read.

    Raises
    ------
    ReadError, LayerError, ProfileError
        Something cannot be read or trusted; one sentence says what, where and the cure.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise refusal(ReadError, "no_folder", lang, folder=folder.name or str(folder))
    with Child(lang) as child:
        said = read_zone_file(folder, lang)
        return _Folder(folder.resolve(), said, Book(lang), progress or (lambda name: None), child).survey(profile)


class _Folder(Folder):
    """Reads a folder, and makes a survey of it."""

    def survey(self, profile_name: str | None) -> Survey:
        said, book = self.said, self.book
        if said.encoding != "utf-8":
            book.add("zone_file_encoding", "info", "noted", (NAME, "", ""), encoding=said.encoding.upper())
        name = profile_name or said.profile or DEFAULT_PROFILE
        own = profile_name is None or profile_name == (said.profile or DEFAULT_PROFILE)
        profile = own_limits(load(name, self.root), said.limits, own, book)
        if (self.root / name).is_file():
            self.use(self.root / name)
        gate = Gate.at(zone_crs(said.crs, said.place, book.lang), said.place, said.shifts)
        sources = self.sources(profile)
        if "parcels" not in sources:
            raise refusal(LayerError, "no_parcels", book.lang, suffixes=", ".join(registry.SHAPES))
        heights = [said.ground] if said.ground is not None else []
        tables = self.tables([*(source for found in sources.values() for source in found), *heights])
        given = {key: self.read(found, tables) for key, found in sources.items()}
        waiting = self.heights(tables)
        survey = assemble(Parts(profile, gate, given, said, lambda: _ground(waiting(), gate, book)), book)
        self.unused()
        return replace(survey, folder=self.root, inputs=dict(sorted(self.inputs.items())), issues=tuple(book))


@dataclass(frozen=True)
class Parts:
    """What is being read, before it is cleaned."""

    profile: Profile
    gate: Gate
    given: Mapping[str, Waiting]
    said: ZoneFile
    ground: Callable[[], Ground | None]


def assemble(parts: Parts, book: Book) -> Survey:
    """Clean every table and put them together."""
    gate, said, given = parts.gate, parts.said, parts.given
    parcels = clean.parcels(given["parcels"](), gate, book)
    services = [s.key for s in parts.profile.networks if s.key in given]
    town = fitting.Town.of(parcels.frame)
    cleaned = {key: _fitted(given[key](), clean.service, gate, town, book) for key in services}
    barriers = _fitted(given["barriers"](), clean.barriers, gate, town, book) if "barriers" in given else None
    works = records.works(given["works"]() if "works" in given else (), book)
    papers = records.evidence(given["evidence"]() if "evidence" in given else (), parts.profile, book)
    tables, declared = records.supply_points(
        said.supply, {key: layer.frame for key, layer in cleaned.items()}, gate, parts.profile, book
    )
    if not declared.empty:
        papers = declared if papers.empty else pd.concat([papers, declared], ignore_index=True)
    outlines, tables, papers = references.settle(parcels.frame, tables, works, papers, book)
    ground = parts.ground()
    if ground is not None:
        _check_ground(ground, outlines, book)
        tables = believed(tables, ground, parts.profile, book)
    table = barriers.frame if barriers else clean.no_barriers(gate) if said.no_barriers else None
    found = [parcels, *cleaned.values(), *([barriers] if barriers else [])]
    held = {key: given[key]() for key in RECORDS if key in given and key != "projects"}
    overlaid = clean.barriers(held["constraints"], gate, book, "constraints") if "constraints" in held else None
    return Survey(
        folder=None,
        title=said.title,
        invented=said.invented,
        note=said.note,
        crs=gate.crs,
        gate=gate,
        profile=parts.profile,
        date=said.date,
        data_date=said.data_date,
        parcels=outlines,
        layers=tables,
        absent=frozenset(said.absent & {s.key for s in parts.profile.networks}),
        undo=said.undo,
        county=said.place.county,
        projects=projects(given["projects"]() if "projects" in given else (), outlines.index, book),
        dossier=read_dossier(held, overlaid, outlines.index, book),
        works=works,
        evidence=papers,
        barriers=table,
        ground=ground,
        doubts=frozenset(key for key, layer in cleaned.items() if layer.doubt),
        missing={key: layer.missing for key, layer in cleaned.items() if layer.missing is not None},
        flat={key: layer.flat for key, layer in cleaned.items() if layer.flat is not None},
        blockers_lost=any(layer.lost for layer in found),
        issues=tuple(book),
        notes=tuple(
            dict.fromkeys(
                [
                    *note_of(parts.profile),
                    *(n for layer in found for n in layer.notes),
                    *(ground.notes if ground else ()),
                ]
            )
        ),
    )


def _fitted(
    given: Sequence[clean.Given],
    cleaner: Callable[[Sequence[clean.Given], Gate, Book], clean.Layer],
    gate: Gate,
    town: fitting.Town,
    book: Book,
) -> clean.Layer:
    """Clean a layer, and refuse it where it does not fit the parcels."""
    layer = cleaner(given, gate, book)
    fitting.check(given, layer.frame, town, gate, book)
    return layer


def _ground(heights: Heights | None, gate: Gate, book: Book) -> Ground | None:
    """Make the ground of what was read: a grid, or spot heights and contours."""
    if heights is None:
        return None
    source, raws = heights
    grids = [raw for raw in raws if isinstance(raw, RawGrid)]
    if grids:
        return of_grid(grids[0], source, gate, book)
    return of_spots([raw for raw in raws if isinstance(raw, RawLayer)], source, gate, book)


def _ground_at(path: Path, gate: Gate, book: Book) -> Ground | None:
    """Read the ground of frames from a file."""
    source = Source("ground", "ground", file=path.name)
    with Child(book.lang) as child:
        answer = child.wait(child.queue(path.resolve(), Request(path.name, "ground"), ground_reader(path.name)))
    book.adopt(answer.issues)
    return _ground((source, [raw for group in answer.groups for raw in group]), gate, book)


def _check_ground(ground: Ground, parcels: gpd.GeoDataFrame, book: Book) -> None:
    """Refuse a DEM that lies beside the parcels; name how many it does not reach."""
    west, south, east, north = ground.bounds
    bounds = parcels.geometry.bounds.to_numpy()
    off = (bounds[:, 2] < west) | (bounds[:, 0] > east) | (bounds[:, 3] < south) | (bounds[:, 1] > north)
    off &= np.isfinite(bounds).all(axis=1)
    if off.sum() == np.isfinite(bounds).all(axis=1).sum():
        raise refusal(LayerError, "dem_elsewhere", book.lang, file=ground.name)
    if off.any():
        book.add("dem_part", "warning", "noted", (ground.name, "", ""), count=int(off.sum()))
    if ground.as_of is None:
        book.add("dem_undated", "warning", "noted", (ground.name, "", ""))


class Said(TypedDict, total=False):
    """What a zone.toml would say, for frames.

    Attributes
    ----------
    crs
        The zone's CRS; without it, that of the parcels.
    works, evidence, projects, netland, assessments, commitments, buildings, constraints
        Frames with our columns, or columns that fields.csv knows by another name.
    barriers
        A frame, ``"none"`` (there are none), or None (nothing is known).
    ground
        The ground, or the path of a file with one: a GeoTIFF, spot heights, contours.
    profile
        A profile or the id of one.
    date, data_date
        The check date and the day of the data.
    absent
        Services that are known not to exist.
    defaults
        Per table or service what ``[layer.x]`` of a zone.toml may say: status, as_of, open, role, flow, snap, …
    undo
        Ids of joins that are not to be made.
    limits
        Limits and figures in place of the profile's, by name, as ``[limits]`` of a zone.toml has them.
    title, place, invented, lang
        As in zone.toml; language of issues and refusals.
    """

    crs: object
    works: pd.DataFrame | None
    evidence: pd.DataFrame | None
    projects: pd.DataFrame | None
    netland: pd.DataFrame | None
    assessments: pd.DataFrame | None
    commitments: pd.DataFrame | None
    buildings: pd.DataFrame | None
    constraints: gpd.GeoDataFrame | None
    barriers: gpd.GeoDataFrame | str | None
    ground: Ground | str | Path | None
    profile: str | Profile
    date: dt.date | str | None
    data_date: dt.date | str | None
    absent: Iterable[str]
    defaults: Mapping[str, Mapping[str, Any]] | None
    undo: Iterable[str]
    limits: Mapping[str, Mapping[str, Any]]
    title: Label | str
    place: Mapping[str, Any] | None
    invented: bool
    lang: str


def from_frames(parcels: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame], **said: Unpack[Said]) -> Survey:
    """Make a survey of frames, cleaned just as files are.

    Parameters
    ----------
    parcels, layers
        Frames with our columns, or columns that fields.csv knows by another name; ids may be in the index.
    said
        See `Said`.

    Raises
    ------
    LayerError, ProfileError
        Something cannot be trusted; one sentence says what, where and the cure.
    """
    book = Book(said.get("lang", "zh"))
    reader = Reader("", book.lang)
    profile = said.get("profile", DEFAULT_PROFILE)
    rules = profile if isinstance(profile, Profile) else load(profile)
    rules = own_limits(rules, reader.limits("[limits]", dict(said.get("limits") or {})), True, book)
    place = reader.place("place", dict(said.get("place") or {}))
    own = said.get("crs")
    own = own if own is not None else parcels.crs
    if own is None:
        raise refusal(LayerError, "zone_crs_missing", book.lang)
    gate = Gate.at(zone_crs(own, place, book.lang), place)
    for key in (*layers, *said.get("absent", ())):
        rules.service(key)
    given = _frames(parcels, layers, said, reader)
    title = said.get("title", "")
    zone_file = ZoneFile(
        title=Label.read(title) if isinstance(title, str) else title,
        crs=crs_title(gate.crs),
        place=place,
        date=_day(said.get("date")),
        data_date=_day(said.get("data_date")),
        invented=said.get("invented", False),
        no_barriers=isinstance(said.get("barriers"), str),
        absent=frozenset(said.get("absent", ())),
        undo=frozenset(said.get("undo", ())),
    )
    ground = said.get("ground")
    made = _ground_at(Path(ground), gate, book) if isinstance(ground, str | Path) else ground
    waiting: dict[str, Waiting] = {key: partial(list, (pair,)) for key, pair in given.items()}
    survey = assemble(Parts(rules, gate, waiting, zone_file, lambda: made), book)
    return replace(survey, issues=tuple(book))


def _frames(
    parcels: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame], said: Said, reader: Reader
) -> dict[str, clean.Given]:
    """Pair every frame with what is said about it."""
    barriers = said.get("barriers")
    if isinstance(barriers, str) and barriers != "none":
        raise reader.fail("barriers", "barriers", barriers, "none")
    frames = {"parcels": parcels, "works": said.get("works"), "evidence": said.get("evidence"), **layers}
    frames |= {key: said.get(key) for key in RECORDS}
    frames["barriers"] = None if isinstance(barriers, str) else barriers
    defaults = said.get("defaults") or {}
    for key in defaults:
        if frames.get(key) is None:
            raise reader.fail("defaults", key, "…", ", ".join(k for k, frame in frames.items() if frame is not None))
    return {
        key: (reader.source(key, key, dict(defaults.get(key, {}))), raw_frame(frame, key))
        for key, frame in frames.items()
        if frame is not None
    }


def _day(value: dt.date | str | None) -> dt.date | None:
    if isinstance(value, str):
        found = date_of(value)
        if found is None:
            raise ValueError(f"{value!r} is not a date; write it as 2026-11-01.")
        return found
    return value.date() if isinstance(value, dt.datetime) else value


def raw_frame(frame: pd.DataFrame, key: str) -> RawLayer:
    """Look at a frame as if it were a file."""
    fids = np.arange(len(frame))
    geometry, crs = None, None
    table = pd.DataFrame(frame)
    if isinstance(frame, gpd.GeoDataFrame):
        geometry = np.array(frame.geometry.array, dtype=object)
        crs = None if frame.crs is None else crs_of(frame.crs.to_wkt())
        table = table.drop(columns=frame.geometry.name)
    name = table.index.name
    if name is not None or pd.api.types.is_string_dtype(table.index.dtype):
        label = str(name) if name is not None else "parcel" if key == "parcels" else "feature"
        if label not in table.columns:
            table = table.assign(**{label: table.index})
    return RawLayer(key, "", table.reset_index(drop=True), fids, geometry, np.zeros(len(frame), dtype=bool), crs)
