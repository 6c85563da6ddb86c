"""zone.toml: what a planner writes about a zone, read, checked, and answered in one sentence where it is wrong."""

from __future__ import annotations

import datetime as dt
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gisplan.base.errors import EncodingError, GisplanError, LayerError, ProfileError, ReadError
from gisplan.base.fields import fields, plain, vocabulary
from gisplan.base.labels import Label
from gisplan.reading.entries import NAME, Entries
from gisplan.reading.places.shifts import Shift, read_shift
from gisplan.reading.refusals import listing, refusal, shorten, unreadable
from gisplan.reading.words import unit_factor
from gisplan.rules.overrides import FORMS, Entry

_LARGEST = 1 << 20
RECORDS = ("projects", "netland", "assessments", "commitments", "buildings", "constraints")
_TABLES = ("parcels", "works", "evidence", "barriers", *RECORDS)
_TOP = {"zone", *_TABLES, "ground", "layer", "supply", "joints", "limits"}
_ZONE_KEYS = {"title", "crs", "date", "data_date", "profile", "invented", "note", "place", "shift"}
_SOURCE_KEYS = {"file", "layer", "columns", "values", "units", "set", "crs", "axes", "encoding", "table"}
_SOURCE_KEYS |= {"shift", "unit", "position_checked"}
_LAYER_KEYS = _SOURCE_KEYS | {"points", "role", "status", "as_of", "open", "flow", "snap", "none", "height_datum"}
_CONSTRAINT_KEYS = _SOURCE_KEYS | {"checked"}
_GROUND_KEYS = _SOURCE_KEYS - {"set", "values", "position_checked"} | {"as_of", "height_datum", "error"}
_SUPPLY_KEYS = {
    "id", "service", "at", "kind", "status", "as_of", "issuer", "document", "expires", "works", "name",
    "capacity", "capacity_unit", "capacity_used",
}  # fmt: skip
AXES = ("east_north", "north_east")
LENGTHS = {"m": 1.0, "km": 1000.0, "mm": 0.001, "ft": 0.3048, "us-ft": 1200 / 3937}
"""Metres in a unit that coordinates may be written in: the international foot and that of the US surveys."""


@dataclass(frozen=True)
class Source:
    """One file (or one layer of it) that feeds a table, and how its columns and words are to be understood.

    `points` names the point table of a pipe survey (管点表); `relation` a table of the database, instead of a file.
    `unit_m` is the unit of the coordinates in metres, None where that of the CRS holds; `old_heights` says that levels
    are in the datum of 1956; `error_m` how wrong heights are (one number, or the systematic and the random part);
    `position_checked` that somebody has made sure where the layer lies;
    `checked` names the kinds of constraint that were looked at in full, so that what is not drawn is not there.
    """

    key: str
    where: str
    file: str = ""
    layer: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    crs: str | None = None
    swapped: bool = False
    encoding: str | None = None
    points: str | None = None
    relation: str | None = None
    role: str | None = None
    status: str | None = None
    as_of: dt.date | None = None
    open: str | None = None
    digitised: bool = False
    snap_m: float | None = None
    shift: Shift | None = None
    unit_m: float | None = None
    old_heights: bool = False
    error_m: tuple[float, ...] = ()
    position_checked: bool = False
    checked: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """The table of fields.csv that this source fills."""
        return self.key if self.key in (*_TABLES, "ground") else "layer"


@dataclass(frozen=True)
class Supply:
    """A declared boundary supply point (边界接入点): a plant outside the survey, with the paper that vouches for it."""

    id: str
    service: str
    at: tuple[float, float]
    kind: str | None
    status: str | None
    as_of: dt.date | None
    issuer: str
    document: str
    expires: dt.date | None = None
    works: str | None = None
    name: str | None = None
    capacity: float = math.nan
    capacity_unit: str | None = None
    capacity_used: float = math.nan


@dataclass(frozen=True)
class Place:
    """Where the zone lies: county codes, and a box in degrees (west, south, east, north)."""

    county: tuple[str, ...] = ()
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class ZoneFile:
    """Everything that a zone.toml says."""

    title: Label
    crs: str
    place: Place
    encoding: str = "utf-8"
    date: dt.date | None = None
    data_date: dt.date | None = None
    profile: str | None = None
    invented: bool = False
    note: Label = field(default_factory=lambda: Label("", ""))
    tables: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    no_barriers: bool = False
    ground: Source | None = None
    layers: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    supply: tuple[Supply, ...] = ()
    shifts: tuple[Shift, ...] = ()
    undo: frozenset[str] = frozenset()
    limits: tuple[Entry, ...] = ()


def read_zone_file(folder: Path, lang: str = "zh") -> ZoneFile:
    """Read and check the zone.toml of a folder.

    Raises
    ------
    ReadError
        There is none, or it cannot be read.
    ProfileError
        It is no valid TOML, or says something that is not allowed; the message names the line and the cure.
    """
    path = folder / NAME
    if not path.is_file():
        raise refusal(ReadError, "no_zone_file", lang, folder=folder.name)
    try:
        if path.stat().st_size > _LARGEST:
            raise refusal(ReadError, "zone_file_large", lang)
        data = path.read_bytes()
    except GisplanError:
        raise
    except OSError as error:
        raise unreadable(NAME, error, lang) from error
    text, encoding = _decode(data, lang)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(text, str(error), lang) from error
    return Reader(text, lang).zone(raw, encoding)


def _decode(data: bytes, lang: str) -> tuple[str, str]:
    """Decode what Notepad may have saved: UTF-8 with or without a mark, UTF-16 with one, or GB18030."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), "utf-16"
    for name in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(name).replace("\r\n", "\n"), name.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    raise refusal(EncodingError, "zone_file_encoding", lang)


_WIDE_QUOTES = "“”„‟＂‘’「」"
_WIDE_SIGNS = dict(zip("＝，［］【】｛｝＃．", "=,[][]{}#.", strict=True))


def _syntax(text: str, reason: str, lang: str) -> Exception:
    """Say in one sentence what breaks the TOML: the line, the sign that does not belong there, and the cure."""
    found = re.search(r"at line (\d+)", reason)
    lines = text.split("\n")
    number = int(found[1]) if found else len(lines)
    # An unclosed quote is noticed only at a line's end, or below it: look at the line named, then at the one above.
    for candidate in (number, number - 1):
        line = lines[candidate - 1] if 0 < candidate <= len(lines) else ""
        bare = re.sub(r'"[^"]*"', '""', line)
        if any(c in bare for c in _WIDE_QUOTES):
            return refusal(ProfileError, "toml_quotes", lang, line=candidate, text=shorten(line, 60))
        sign = next((c for c in bare if c in _WIDE_SIGNS), "")
        if sign:
            cure = _WIDE_SIGNS[sign]
            return refusal(
                ProfileError, "toml_sign", lang, line=candidate, text=shorten(line, 60), sign=sign, cure=cure
            )
        if "\\" in line:
            return refusal(ProfileError, "toml_backslash", lang, line=candidate, text=shorten(line, 60))
    line = lines[number - 1] if 0 < number <= len(lines) else ""
    return refusal(ProfileError, "toml_syntax", lang, line=number, text=shorten(line, 60), reason=reason)


class Reader(Entries):
    """Turns TOML tables into the nouns above."""

    def zone(self, raw: Mapping[str, Any], encoding: str) -> ZoneFile:
        """Check the whole tree."""
        self.known("", raw, _TOP)
        head = self.table("[zone]", "zone", raw.get("zone", {}))
        self.known("[zone]", head, _ZONE_KEYS)
        crs = self.text("[zone]", head, "crs")
        if crs is None:
            raise refusal(LayerError, "zone_crs_missing", self.lang)
        barriers = self.table("[barriers]", "barriers", raw.get("barriers", {}))
        ground = self.table("[ground]", "ground", raw["ground"]) if "ground" in raw else None
        layers, absent = self.layers(self.table("[layer]", "layer", raw.get("layer", {})))
        no_barriers = self.none("[barriers]", barriers)
        if no_barriers:
            barriers = {}
        named = {**raw, "barriers": barriers}
        supply = raw.get("supply", [])
        if not isinstance(supply, list):
            raise self.fail("[[supply]]", "supply", supply, "allow.tables")
        return ZoneFile(
            title=self.label("[zone]", head, "title"),
            crs=crs,
            place=self.place("[zone]", head.get("place", {})),
            encoding=encoding,
            date=self.date("[zone]", head, "date"),
            data_date=self.date("[zone]", head, "data_date"),
            profile=self.text("[zone]", head, "profile"),
            invented=self.flag("[zone]", head, "invented"),
            note=self.label("[zone]", head, "note"),
            tables={key: self.several(key, named[key]) for key in _TABLES if named.get(key)},
            no_barriers=no_barriers,
            ground=None if ground is None else self.source("ground", "[ground]", ground),
            layers=layers,
            absent=absent,
            supply=tuple(self.supply(entry) for entry in supply),
            shifts=self.shifts("[zone]", head.get("shift", [])),
            undo=self.undo("[joints]", raw.get("joints", {})),
            limits=self.limits("[limits]", raw.get("limits", {})),
        )

    def several(self, key: str, raw: Any) -> tuple[Source, ...]:
        """Take the source of a table; what stands in the papers and on the maps of land may have several."""
        if isinstance(raw, list) and key in RECORDS:
            return tuple(self.source(key, f"[[{key}]]", entry) for entry in raw)
        return (self.source(key, f"[{key}]", raw),)

    def place(self, where: str, raw: Any) -> Place:
        """Take the place: county codes as text, and a box in degrees."""
        raw = self.table(where, "place", raw)
        self.known(where, raw, {"county", "box"})
        county = raw.get("county", [])
        if not isinstance(county, list) or not all(isinstance(c, str) for c in county):
            raise self.fail(where, "place.county", county, "allow.county")
        box = raw.get("box")
        if box is None:
            return Place(tuple(county))
        numbers = isinstance(box, list) and len(box) == 4 and all(isinstance(v, int | float) for v in box)
        if not numbers or not (-180 <= box[0] < box[2] <= 180 and -90 <= box[1] < box[3] <= 90):
            raise self.fail(where, "place.box", box, "allow.box")
        return Place(tuple(county), (float(box[0]), float(box[1]), float(box[2]), float(box[3])))

    def limits(self, where: str, raw: Any) -> tuple[Entry, ...]:
        """Take the limits that the zone sets in place of its profile's; what each may be, the profile knows."""
        raw = self.table(where, "limits", raw)
        found = []
        for key, given in raw.items():
            if not isinstance(given, dict):
                raise self.fail(where, key, given, "allow.limit")
            entry = given
            self.known(f"{where} {key}", entry, {*FORMS, "basis", "cite"})
            found.append(Entry(key, self.place_of(where, key), dict(entry)))
        return tuple(found)

    def error(self, where: str, raw: Any) -> tuple[float, ...]:
        """Take the error of heights: one length, or its systematic and its random part."""
        if not isinstance(raw, dict):
            return (self.metres(where, "error", raw),)
        parts = ("systematic", "random")
        self.known(f"{where} error", raw, set(parts))
        for part in parts:
            if part not in raw:
                raise self.missing(f"{where} error", part)
        return tuple(self.metres(where, f"error.{part}", raw[part]) for part in parts)

    def undo(self, where: str, raw: Any) -> frozenset[str]:
        """Take the ids of joins that are not to be made."""
        raw = self.table(where, "joints", raw)
        self.known(where, raw, {"undo"})
        ids = raw.get("undo", [])
        if not isinstance(ids, list) or not all(isinstance(i, str) and i.strip() for i in ids):
            raise self.fail(where, "undo", ids, "allow.ids")
        return frozenset(i.strip() for i in ids)

    def shifts(self, where: str, raw: Any) -> tuple[Shift, ...]:
        """Take the parameters that hold for every source of a system: one table, or several."""
        return tuple(
            read_shift(self, where, entry, of_zone=True) for entry in (raw if isinstance(raw, list) else [raw])
        )

    def layers(self, raw: Mapping[str, Any]) -> tuple[dict[str, tuple[Source, ...]], frozenset[str]]:
        """Take the service layers: one table, or several for one service."""
        sources: dict[str, tuple[Source, ...]] = {}
        absent = set()
        for service, entry in raw.items():
            several = isinstance(entry, list)
            where = f"[[layer.{service}]]" if several else f"[layer.{service}]"
            entries = [self.table(where, "layer", e) for e in (entry if several else [entry])]
            if any(self.none(where, e) for e in entries):
                absent.add(service)
                if several and len(entries) > 1:
                    raise self.fail(where, "none", True, "allow.none")
                continue
            sources[service] = tuple(self.source(service, where, e) for e in entries)
        return sources, frozenset(absent)

    def none(self, where: str, raw: Mapping[str, Any]) -> bool:
        """Tell whether an entry declares that there is nothing of the kind; then it says nothing else."""
        none = self.flag(where, raw, "none")
        if none and len(raw) > 1:
            raise self.fail(where, "none", True, "allow.none")
        if "none" in raw and not none:
            raise self.fail(where, "none", False, "allow.none")
        return none

    def source(self, key: str, where: str, raw: Any) -> Source:
        """Take one source; column names, words and units are checked against fields.csv and vocabulary.csv."""
        raw = self.table(where, key, raw)
        table = key if key in (*_TABLES, "ground") else "layer"
        keys = {"layer": _LAYER_KEYS, "ground": _GROUND_KEYS, "constraints": _CONSTRAINT_KEYS}
        self.known(where, raw, keys.get(table, _SOURCE_KEYS))
        snap = raw.get("snap")
        digitised = self.code(where, raw, "flow", "flow")
        if digitised not in (None, "digitised"):
            raise self.fail(where, "flow", raw.get("flow"), "digitised")
        if raw.get("axes", AXES[0]) not in AXES:
            raise self.fail(where, "axes", raw["axes"], ", ".join(AXES))
        if "file" in raw and "table" in raw:
            raise self.fail(where, "table", raw["table"], "allow.table_alone")
        if raw.get("unit", "m") not in LENGTHS:
            raise self.fail(where, "unit", raw["unit"], ", ".join(LENGTHS))
        if raw.get("height_datum", "1985") not in ("1956", "1985"):
            raise self.fail(where, "height_datum", raw["height_datum"], '"1956", "1985"')
        return Source(
            key=key,
            where=where,
            file=self.file(where, raw),
            layer=self.text(where, raw, "layer"),
            columns=self.columns(where, raw, table),
            values=self.values(where, raw, table),
            units=self.units(where, raw, table),
            constants=self.constants(where, raw, table),
            crs=self.text(where, raw, "crs"),
            swapped=raw.get("axes") == AXES[1],
            encoding=self.text(where, raw, "encoding"),
            points=self.text(where, raw, "points"),
            relation=self.text(where, raw, "table"),
            role=self.code(where, raw, "role", "role"),
            status=self.code(where, raw, "status", "status"),
            as_of=self.date(where, raw, "as_of"),
            open=self.code(where, raw, "open", "open"),
            digitised=digitised is not None,
            snap_m=None if snap is None else self.metres(where, "snap", snap),
            shift=read_shift(self, where, raw["shift"]) if "shift" in raw else None,
            unit_m=LENGTHS[raw["unit"]] if "unit" in raw else None,
            error_m=self.error(where, raw["error"]) if "error" in raw else (),
            old_heights=raw.get("height_datum") == "1956",
            position_checked=self.flag(where, raw, "position_checked"),
            checked=self.checked(where, raw),
        )

    def checked(self, where: str, raw: Mapping[str, Any]) -> tuple[str, ...]:
        """Take the kinds of constraint that were looked at in full."""
        kinds, known = raw.get("checked", []), vocabulary("constraint")
        if not isinstance(kinds, list) or not all(isinstance(k, str) and plain(k) in known for k in kinds):
            raise self.fail(where, "checked", kinds, listing(dict.fromkeys(known.values()), 40))
        return tuple(known[plain(kind)] for kind in kinds)

    def columns(self, where: str, raw: Mapping[str, Any], table: str) -> dict[str, str]:
        """Take the column names: ours → theirs."""
        columns = self.table(where, "columns", raw.get("columns", {}))
        self.known(f"{where} columns", columns, fields(table))
        for ours, theirs in columns.items():
            if not isinstance(theirs, str) or not theirs:
                raise self.fail(where, f"columns.{ours}", theirs, "allow.text")
        return dict(columns)

    def values(self, where: str, raw: Mapping[str, Any], table: str) -> dict[str, dict[str, str]]:
        """Take the zone's own words: our column → word in the file → our code or a word that we know."""
        given = self.table(where, "values", raw.get("values", {}))
        self.known(f"{where} values", given, fields(table))
        out: dict[str, dict[str, str]] = {}
        for column, words in given.items():
            words = self.table(where, f"values.{column}", words)
            known = vocabulary(fields(table)[column].vocabulary)
            for word, meaning in words.items():
                if not isinstance(meaning, str):
                    raise self.fail(where, f"values.{column}.{word}", meaning, "allow.text")
                if known and plain(meaning) not in known:
                    raise self.fail(
                        where, f"values.{column}.{word}", meaning, listing(dict.fromkeys(known.values()), 40)
                    )
            out[column] = dict(words)
        return out

    def units(self, where: str, raw: Mapping[str, Any], table: str) -> dict[str, str]:
        """Take the units of the file's columns where they are not ours."""
        given = self.table(where, "units", raw.get("units", {}))
        self.known(f"{where} units", given, (n for n, f in fields(table).items() if f.type == "number" and f.unit))
        for column, unit in given.items():
            if not isinstance(unit, str) or unit_factor(unit, fields(table)[column].unit) is None:
                raise self.fail(where, f"units.{column}", unit, "allow.unit")
        return dict(given)

    def constants(self, where: str, raw: Mapping[str, Any], table: str) -> dict[str, str]:
        """Take the constant columns: what holds for every row of the source."""
        given = self.table(where, "set", raw.get("set", {}))
        allowed = [name for name, f in fields(table).items() if f.type != "id"]
        self.known(f"{where} set", given, allowed)
        for column, value in given.items():
            known = vocabulary(fields(table)[column].vocabulary)
            if not isinstance(value, str | int | float | dt.date) or (known and plain(value) not in known):
                raise self.fail(
                    where, f"set.{column}", value, listing(dict.fromkeys(known.values()), 40) or "allow.text"
                )
            if column in raw.get("columns", {}):
                raise self.fail(where, f"set.{column}", value, "allow.set")
        return {
            column: str(value).lower() if isinstance(value, bool) else str(value) for column, value in given.items()
        }

    def supply(self, raw: Any) -> Supply:
        """Take a declared boundary supply point."""
        where = "[[supply]]"
        raw = self.table(where, "supply", raw)
        self.known(where, raw, _SUPPLY_KEYS)
        for key in ("id", "service", "at"):
            if key not in raw:
                raise self.missing(where, key)
        at = raw["at"]
        if (
            not isinstance(at, list)
            or len(at) != 2
            or not all(isinstance(v, int | float) and math.isfinite(v) for v in at)
        ):
            raise self.fail(where, "at", at, "allow.at")
        return Supply(
            id=self.text(where, raw, "id") or "",
            service=self.text(where, raw, "service") or "",
            at=(float(at[0]), float(at[1])),
            kind=self.code(where, raw, "kind", "kind"),
            status=self.code(where, raw, "status", "status"),
            as_of=self.date(where, raw, "as_of"),
            issuer=self.text(where, raw, "issuer") or "",
            document=self.text(where, raw, "document") or "",
            expires=self.date(where, raw, "expires"),
            works=self.text(where, raw, "works"),
            name=self.text(where, raw, "name"),
            capacity=self.amount(where, raw, "capacity"),
            capacity_unit=self.code(where, raw, "capacity_unit", "capacity_unit"),
            capacity_used=self.amount(where, raw, "capacity_used"),
        )

    def amount(self, where: str, raw: Mapping[str, Any], key: str) -> float:
        """Take a number; NaN where there is none."""
        value = raw.get(key, math.nan)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fail(where, key, value, "allow.number")
        return float(value)
