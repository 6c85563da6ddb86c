"""The folder of a zone: which files feed which table, all asked for at once, and which were read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from gisplan.base.errors import ProfileError, ReadError
from gisplan.base.fields import plain
from gisplan.base.files import inside, sha256
from gisplan.base.issues import Book
from gisplan.reading.entries import NAME
from gisplan.reading.formats import postgis, registry
from gisplan.reading.formats.raw import RawGrid, RawLayer, Request
from gisplan.reading.formats.shapefile import sidecars
from gisplan.reading.process.child import Asked, Child
from gisplan.reading.refusals import nearest, refusal, unreadable
from gisplan.reading.zone_file import RECORDS, Reader, Source, ZoneFile
from gisplan.rules.profile import Profile, load, shipped

_DOCUMENTS = {".md", ".txt", ".pdf", ".docx", ".doc", ".html", ".png", ".jpg"}
Progress = Callable[[str], None]
Given = tuple[Source, RawLayer]
"""One raw layer and what zone.toml says about it."""
Waiting = Callable[[], Sequence[Given]]
"""Waits for the rows of one table; once."""
Tables = Callable[[], Mapping[tuple[str | None, str | None], list[RawLayer]]]
Heights = tuple[Source, Sequence[RawLayer | RawGrid]]
"""What the ground is made of, and what zone.toml says about it."""
_DEM = "dem.tif"
_GRIDS = (".tif", ".tiff")


def ground_reader(name: str) -> str:
    """Say how a file of heights is read: as a grid, or as points and lines."""
    return "grid" if name.casefold().endswith(_GRIDS) else "file"


def _meant(word: str, profile: Profile) -> str:
    """Give the service that a word names in another way: 给水, Water supply, 给水管网; empty for none."""
    names = {plain(n): s.key for s in profile.networks for n in (s.label.zh, s.label.en, s.letter, s.short)}
    inside_it = (s.key for s in profile.networks if s.label.zh in word)
    return names.get(plain(word)) or next(inside_it, "") or names.get(nearest(plain(word), names), "")


class Folder:
    """Has the files of one folder read by a child, and remembers which ones.

    Attributes
    ----------
    inputs
        Name → sha256 of what was read.
    """

    def __init__(self, root: Path, said: ZoneFile, book: Book, progress: Progress, child: Child) -> None:
        self.root, self.said, self.book, self.progress, self.child = root, said, book, progress, child
        self.inputs: dict[str, str] = {}
        self.use(root / NAME)

    def sources(self, profile: Profile) -> dict[str, tuple[Source, ...]]:
        """Say which sources feed which table: as zone.toml says, else by the names of the files."""
        said = self.said
        networks = [service.key for service in profile.networks]
        self._known(networks, said, profile)
        sources: dict[str, tuple[Source, ...]] = {}
        # In the order in which they are cleaned: one is read while the one before it is cleaned.
        for key in ("parcels", *networks, "barriers", "works", "evidence", *RECORDS):
            if key in said.absent or (key == "barriers" and said.no_barriers):
                continue
            named = said.layers.get(key) or said.tables.get(key, ())
            if named:
                sources[key] = tuple(
                    s if s.file or s.relation else replace(s, file=self._default(key, s.where, True)) for s in named
                )
            elif found := self._default(key, f"[{key}]", False):
                where = f"[{key}]" if key not in networks else f"[layer.{key}]"
                sources[key] = (Source(key, where, file=found),)
        return sources

    def _known(self, networks: Sequence[str], said: ZoneFile, profile: Profile) -> None:
        """Refuse services that no profile has; leave out those that only this profile does not have."""
        named = {*said.layers, *said.absent}
        strange = sorted(named - set(networks))
        elsewhere = {service.key for name in shipped() for service in load(name).networks} if strange else set()
        for key in strange:
            if key not in elsewhere:
                near = nearest(key, networks) or _meant(key, profile)
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

    def tables(self, sources: Sequence[Source]) -> Tables:
        """Ask for the tables of the database, all in one transaction; give what waits for them."""
        asked = {
            (s.relation, s.layer): Request(s.relation, s.where, s.layer) for s in sources if s.relation is not None
        }
        if not asked:
            return dict
        ticket = self.child.queue_all(list(asked.values()), "tables")

        @cache
        def found() -> dict[tuple[str | None, str | None], list[RawLayer]]:
            for name, _ in asked:
                self.progress(str(name))
            answer = self.child.wait(ticket)
            self.book.adopt(answer.issues)
            groups = ([raw for raw in group if isinstance(raw, RawLayer)] for group in answer.groups)
            return dict(zip(asked, groups, strict=True))

        return found

    def read(self, sources: tuple[Source, ...], tables: Tables) -> Waiting:
        """Ask for the files of one table; give what waits for them."""
        asked = [(source, None if source.relation is not None else self._ask(source)) for source in sources]

        def given() -> list[Given]:
            out: list[Given] = []
            for source, ticket in asked:
                if ticket is None:
                    raws = self._related(source, tables)
                else:
                    self.progress(ticket.request.name)
                    answer = self.child.wait(ticket)
                    self.book.adopt(answer.issues)
                    raws = answer.layers
                out.extend((source, raw) for raw in raws)
            return out

        return given

    def heights(self, tables: Tables) -> Callable[[], Heights | None]:
        """Ask for the ground, last of all; give what waits for it."""
        source = self.said.ground
        if source is None:
            return lambda: None
        if source.relation is not None:
            return lambda: (source, self._related(source, tables))
        named = source if source.file else replace(source, file=_DEM)
        asked = self._ask(named, ground_reader(named.file))

        def given() -> Heights:
            self.progress(asked.request.name)
            answer = self.child.wait(asked)
            self.book.adopt(answer.issues)
            return named, [raw for group in answer.groups for raw in group]

        return given

    def _related(self, source: Source, tables: Tables) -> list[RawLayer]:
        """Give the rows of a table of the database, and note their fingerprint."""
        raws = tables()[source.relation, source.layer]
        name = f"{postgis.PREFIX}{source.relation}"
        title = name if source.layer is None else f"{name}:{source.layer}"
        self.inputs.update((title, postgis.fingerprint(raw)) for raw in raws)
        return raws

    def _ask(self, source: Source, reader: str = "file") -> Asked:
        path = inside(self.root, source.file, f"{NAME} {source.where}", self.book.lang)
        name = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else source.file
        points = source.points
        beside = None
        if points is not None and Path(points).suffix.casefold() in registry.suffixes():
            beside = inside(self.root, points, f"{NAME} {source.where} points", self.book.lang)
            self.use(beside)
        asked = self.child.queue(
            path, Request(name, source.where, source.layer, source.encoding, points, beside), reader
        )
        self.use(path)
        parts = list(sidecars(path).values()) if path.suffix.casefold() == ".shp" else []
        if reader == "grid":
            parts += [path.with_suffix(".tfw"), path.with_name(f"{path.name}.aux.xml")]
        for part in parts:
            # A link may lead anywhere, to a device without end too: the reader refuses it, and it is not opened here.
            if part.is_file() and part.resolve().is_relative_to(self.root):
                self.use(part)
        return asked

    def use(self, path: Path) -> None:
        """Remember that a file was read, and what was in it."""
        name = path.relative_to(self.root).as_posix()
        if name not in self.inputs:
            try:
                self.inputs[name] = sha256(path)
            except OSError as error:
                raise unreadable(name, error, self.book.lang) from error

    def unused(self) -> None:
        """Name the files that nobody asked for."""
        for entry in sorted(self.root.iterdir()):
            skip = entry.name.startswith(".") or entry.suffix.casefold() in _DOCUMENTS or entry.is_dir()
            beside = entry.name.endswith(("-wal", "-shm", "-journal", ".aux.xml", ".tfw"))
            if not skip and not beside and entry.name not in self.inputs:
                self.book.add("file_unused", "info", "noted", (entry.name, "", ""), file=entry.name)
