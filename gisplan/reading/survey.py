"""The survey: everything that was read about a zone, clean, with every flaw named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from gisplan.base.errors import LayerError, ProfileError, ReadError
from gisplan.base.files import inside, sha256
from gisplan.base.issues import Book, Issue
from gisplan.base.labels import Label
from gisplan.reading import layers as clean
from gisplan.reading import records
from gisplan.reading.coordinates import Gate, crs_of, crs_title, zone_crs
from gisplan.reading.entries import NAME
from gisplan.reading.formats import registry
from gisplan.reading.formats.raster import Ground, open_ground
from gisplan.reading.formats.raw import RawLayer, Request
from gisplan.reading.formats.shapefile import sidecars
from gisplan.reading.refusals import nearest, refusal
from gisplan.reading.words import date_of
from gisplan.reading.zone_file import Reader, Source, ZoneFile, read_zone_file
from gisplan.rules.profile import Profile, load, shipped

DEFAULT_PROFILE = "jiutong_classic"
_DOCUMENTS = {".md", ".txt", ".pdf", ".docx", ".doc", ".html", ".png", ".jpg"}
Progress = Callable[[str], None]


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
    profile
        The profile it is to be judged by.
    date, data_date
        The check date and the day of the data, where zone.toml says.
    parcels, layers, works, evidence
        Clean tables; `layers` by service.
    absent
        Services that are declared not to exist.
    snap_m
        A survey's own snap tolerance in m, by service.
    barriers
        What a connection must not cross; None where nothing is said, empty where it is said that there are none.
    ground
        The DEM, or None.
    doubts
        Services in which a possibly closed valve was set aside.
    missing
        By service, what lost its shape in reading and could have served a parcel: feature → its extent, as far as known.
    blockers_lost
        A parcel or barrier has lost its shape: what lies across a connection is then not fully known.
    issues
        Every flaw.
    inputs
        Name → sha256 of every file that was read.
    notes
        Sentences for every output: declared defaults, accuracies.
    """

    folder: Path | None
    title: Label
    invented: bool
    note: Label
    crs: CRS
    profile: Profile
    date: dt.date | None
    data_date: dt.date | None
    parcels: gpd.GeoDataFrame
    layers: dict[str, gpd.GeoDataFrame]
    absent: frozenset[str]
    snap_m: dict[str, float]
    works: pd.DataFrame
    evidence: pd.DataFrame
    barriers: gpd.GeoDataFrame | None
    ground: Ground | None
    doubts: frozenset[str]
    missing: dict[str, gpd.GeoSeries]
    blockers_lost: bool
    issues: tuple[Issue, ...]
    inputs: dict[str, str] = field(default_factory=dict)
    notes: tuple[Label, ...] = ()


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
    said = read_zone_file(folder, lang)
    return _Folder(folder.resolve(), said, Book(lang), progress or (lambda name: None)).survey(profile)


class _Folder:
    """Reads the files of one folder, and remembers which ones."""

    def __init__(self, root: Path, said: ZoneFile, book: Book, progress: Progress) -> None:
        self.root, self.said, self.book, self.progress = root, said, book, progress
        self.inputs: dict[str, str] = {}
        self._use(root / NAME)

    def survey(self, profile_name: str | None) -> Survey:
        said, book = self.said, self.book
        if said.encoding != "utf-8":
            book.add("zone_file_encoding", "info", "noted", (NAME, "", ""), encoding=said.encoding.upper())
        name = profile_name or said.profile or DEFAULT_PROFILE
        profile = load(name, self.root)
        if (self.root / name).is_file():
            self._use(self.root / name)
        gate = Gate.at(zone_crs(said.crs, said.place, book.lang), said.place)
        sources = self._sources(profile)
        given = {key: self._read(found) for key, found in sources.items()}
        if "parcels" not in given:
            raise refusal(LayerError, "no_parcels", book.lang, suffixes=", ".join(registry.SHAPES))
        ground = self._ground(gate)
        made = Parts(profile, gate, given, said, ground)
        survey = assemble(made, book)
        self._unused()
        return replace(survey, folder=self.root, inputs=dict(sorted(self.inputs.items())), issues=tuple(book))

    def _sources(self, profile: Profile) -> dict[str, tuple[Source, ...]]:
        """Say which sources feed which table: as zone.toml says, else by the names of the files."""
        said = self.said
        networks = [service.key for service in profile.networks]
        self._known(networks, said)
        sources: dict[str, tuple[Source, ...]] = {}
        for key in ("parcels", "works", "evidence", "barriers", *networks):
            if key in said.absent or (key == "barriers" and said.no_barriers):
                continue
            named = said.layers.get(key) or ((said.tables[key],) if key in said.tables else ())
            if named:
                sources[key] = tuple(s if s.file else replace(s, file=self._default(key, s.where, True)) for s in named)
            elif found := self._default(key, f"[{key}]", False):
                where = f"[{key}]" if key not in networks else f"[layer.{key}]"
                sources[key] = (Source(key, where, file=found),)
        return sources

    def _known(self, networks: Sequence[str], said: ZoneFile) -> None:
        """Refuse services that no profile has; leave out those that only this profile does not have."""
        named = {*said.layers, *said.absent}
        strange = sorted(named - set(networks))
        elsewhere = {service.key for name in shipped() for service in load(name).networks} if strange else set()
        for key in strange:
            if key not in elsewhere:
                near = nearest(key, networks)
                place = Reader((self.root / NAME).read_text(encoding="utf-8", errors="replace"), self.book.lang)
                raise refusal(
                    ProfileError, "no_service", self.book.lang,
                    place=place.place_of(f"[layer.{key}]", "-"), service=key,
                    known=", ".join(networks), near=near or "—",
                )  # fmt: skip
            self.book.add("service_unused", "info", "noted", (NAME, "", ""), service=key)

    def _default(self, key: str, where: str, needed: bool) -> str:
        """Find the file that bears the name of a table."""
        suffixes = registry.suffixes()
        found = sorted(
            e.name for e in self.root.iterdir() if e.stem.casefold() == key and e.suffix.casefold() in suffixes
        )
        if len(found) > 1:
            raise refusal(ReadError, "file_which", self.book.lang, where=where, key=key, files=", ".join(found))
        if not found and needed:
            raise refusal(ReadError, "file_none", self.book.lang, where=where, key=key, suffixes=", ".join(suffixes))
        return found[0] if found else ""

    def _read(self, sources: tuple[Source, ...]) -> list[clean.Given]:
        out: list[clean.Given] = []
        for source in sources:
            path = inside(self.root, source.file, f"{NAME} {source.where}")
            name = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else source.file
            self.progress(name)
            request = Request(name, source.where, source.layer, source.encoding)
            raws = registry.read(path, request, self.book)
            self._use(path)
            if path.suffix.casefold() == ".shp":
                for part in sidecars(path).values():
                    self._use(part)
            out.extend((source, raw) for raw in raws)
        return out

    def _ground(self, gate: Gate) -> Ground | None:
        said = self.said.ground
        if said is None:
            return None
        path = inside(self.root, said.file or "dem.tif", f"{NAME} [ground]")
        name = path.relative_to(self.root).as_posix()
        self.progress(name)
        self._use(path)
        return open_ground(path, gate.crs, said.as_of, said.crs, (Request(name, "[ground]"), self.book))

    def _use(self, path: Path) -> None:
        name = path.relative_to(self.root).as_posix()
        if name not in self.inputs:
            self.inputs[name] = sha256(path)

    def _unused(self) -> None:
        """Name the files that nobody asked for."""
        for entry in sorted(self.root.iterdir()):
            skip = entry.name.startswith(".") or entry.suffix.casefold() in _DOCUMENTS or entry.is_dir()
            beside = entry.name.endswith(("-wal", "-shm", "-journal", ".aux.xml", ".tfw"))
            if not skip and not beside and entry.name not in self.inputs:
                self.book.add("file_unused", "info", "noted", (entry.name, "", ""), file=entry.name)


@dataclass(frozen=True)
class Parts:
    """What has been read, before it is cleaned."""

    profile: Profile
    gate: Gate
    given: Mapping[str, Sequence[clean.Given]]
    said: ZoneFile
    ground: Ground | None


def assemble(parts: Parts, book: Book) -> Survey:
    """Clean every table and put them together."""
    gate, said, given = parts.gate, parts.said, parts.given
    parcels = clean.parcels(given["parcels"], gate, said.place.county, book)
    services = [s.key for s in parts.profile.networks if s.key in given]
    cleaned = {key: clean.service(given[key], gate, book) for key in services}
    barriers = clean.barriers(given["barriers"], gate, book) if given.get("barriers") else None
    works = records.works(given.get("works", ()), book)
    papers = records.evidence(given.get("evidence", ()), parts.profile, book)
    tables, declared = records.supply_points(
        said.supply, {key: layer.frame for key, layer in cleaned.items()}, gate, parts.profile, book
    )
    papers = (
        papers if declared.empty else declared if papers.empty else pd.concat([papers, declared], ignore_index=True)
    )
    records.check_references((parcels.frame, tables, works, papers), book)
    if parts.ground is not None:
        _check_ground(parts.ground, parcels.frame, book)
    table = barriers.frame if barriers else clean.no_barriers(gate) if said.no_barriers else None
    found = [parcels, *cleaned.values(), *([barriers] if barriers else [])]
    return Survey(
        folder=None,
        title=said.title,
        invented=said.invented,
        note=said.note,
        crs=gate.crs,
        profile=parts.profile,
        date=said.date,
        data_date=said.data_date,
        parcels=parcels.frame,
        layers=tables,
        absent=frozenset(said.absent & {s.key for s in parts.profile.networks}),
        snap_m=_snaps(given),
        works=works,
        evidence=papers,
        barriers=table,
        ground=parts.ground,
        doubts=frozenset(key for key, layer in cleaned.items() if layer.doubt),
        missing={key: layer.missing for key, layer in cleaned.items() if layer.missing is not None},
        blockers_lost=any(layer.lost for layer in found),
        issues=tuple(book),
        notes=tuple(dict.fromkeys(n for layer in found for n in layer.notes)),
    )


def _snaps(given: Mapping[str, Sequence[clean.Given]]) -> dict[str, float]:
    """Give each service's own tolerance; of several sources the largest."""
    out: dict[str, float] = {}
    for key, pairs in given.items():
        own = [source.snap_m for source, _ in pairs if source.snap_m is not None]
        if own:
            out[key] = max(own)
    return out


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
    works, evidence
        Frames with our columns, or columns that fields.csv knows by another name.
    barriers
        A frame, ``"none"`` (there are none), or None (nothing is known).
    ground
        A DEM, or the path of one.
    profile
        A profile or the id of one.
    date, data_date
        The check date and the day of the data.
    absent
        Services that are known not to exist.
    defaults
        Per table or service what ``[layer.x]`` of a zone.toml may say: status, as_of, open, role, flow, snap, …
    title, place, invented, lang
        As in zone.toml; language of issues and refusals.
    """

    crs: object
    works: pd.DataFrame | None
    evidence: pd.DataFrame | None
    barriers: gpd.GeoDataFrame | str | None
    ground: Ground | str | Path | None
    profile: str | Profile
    date: dt.date | str | None
    data_date: dt.date | str | None
    absent: Iterable[str]
    defaults: Mapping[str, Mapping[str, Any]] | None
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
    )
    ground = said.get("ground")
    if isinstance(ground, str | Path):
        path = Path(ground)
        ground = open_ground(path.resolve(), gate.crs, None, None, (Request(path.name, "ground"), book))
    survey = assemble(Parts(rules, gate, given, zone_file, ground), book)
    return replace(survey, issues=tuple(book))


def _frames(
    parcels: gpd.GeoDataFrame, layers: Mapping[str, gpd.GeoDataFrame], said: Said, reader: Reader
) -> dict[str, list[clean.Given]]:
    """Pair every frame with what is said about it."""
    barriers = said.get("barriers")
    if isinstance(barriers, str) and barriers != "none":
        raise reader.fail("barriers", "barriers", barriers, "none")
    frames = {"parcels": parcels, "works": said.get("works"), "evidence": said.get("evidence"), **layers}
    frames["barriers"] = None if isinstance(barriers, str) else barriers
    defaults = said.get("defaults") or {}
    for key in defaults:
        if frames.get(key) is None:
            raise reader.fail("defaults", key, "…", ", ".join(k for k, frame in frames.items() if frame is not None))
    return {
        key: [(reader.source(key, key, dict(defaults.get(key, {}))), raw_frame(frame, key))]
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
