"""The draft: what a folder of unknown files seems to be, before anybody has written a zone.toml for it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from gisplan.base.errors import GisplanError, ReadError
from gisplan.base.fields import plain, vocabulary
from gisplan.base.files import inside
from gisplan.base.labels import say
from gisplan.reading.drafting.guesses import GUESS, Known
from gisplan.reading.drafting.hints import named
from gisplan.reading.drafting.likeness import Kin, Look, Why, kin
from gisplan.reading.drafting.pairs import kinds_of, place_of, surveys
from gisplan.reading.entries import NAME
from gisplan.reading.formats import registry
from gisplan.reading.formats.raw import RawGrid, Request
from gisplan.reading.places.coordinates import Gate, crs_title, zone_crs
from gisplan.reading.places.systems import likely
from gisplan.reading.process.child import Child
from gisplan.reading.records import service_words
from gisplan.reading.refusals import listing, refusal, shorten
from gisplan.reading.zone_file import Place
from gisplan.rules.profile import Profile, load

DEFAULT_PROFILE = "jiutong_classic"
_DEEP, _MOST_FILES, _MOST_LAYERS = 3, 400, 300
_RASTERS = (".tif", ".tiff")
_BESIDE = (".dbf", ".shx", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".fix")
_QUIET = ("document", "image", "pdf", "html", "text", "xml", "qgis", "arcgis", "")
RESULTS = frozenset({
    "review.xlsx", "review.gpkg", "review.html", "readiness.csv", "findings.csv", "faults.csv", "issues.csv",
    "land.csv", "land_findings.csv", "factory_buildings.csv", "ledger.csv", "holders.csv", "earthwork.csv", "due.csv",
    "limits.csv", "gaps.geojson", "run.json",
})  # fmt: skip
"""What a check writes into its folder."""
_ONE = ("parcels", "barriers", "works", "evidence", "ground")
_WEB = frozenset({3857, 3395, 900913})
"""Systems of web maps: in metres, but far too long away from the equator to measure in."""
_MARGIN = 0.02
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Draft:
    """What was found in a folder.

    Attributes
    ----------
    title
        The folder's name.
    profile
        The profile whose services were looked for; `stated` is the name that somebody gave for it, if any.
    crs, crs_why
        The zone's system as zone.toml would name it (empty where nobody knows), and why.
    systems
        Systems that would fit, where nobody knows.
    box
        Where the parcels lie, in degrees.
    kin
        Every layer and table with what it is taken for, in the order of the zone.toml.
    ground
        Elevation models with the reason against each, empty where there is none.
    unused
        Files that are nothing for a check, and why.
    """

    title: str
    profile: Profile
    stated: str
    crs: str
    crs_why: Why
    systems: tuple[str, ...]
    box: tuple[float, float, float, float] | None
    kin: tuple[Kin, ...]
    ground: tuple[tuple[str, str], ...] = ()
    unused: tuple[tuple[str, str], ...] = ()

    def of(self, table: str) -> list[Kin]:
        """Give what is taken for a table or service and counts."""
        return [k for k in self.kin if k.table == table and k.active]

    @property
    def missing(self) -> list[str]:
        """The services that nothing was found for."""
        return [s.key for s in self.profile.networks if not self.of(s.key)]

    @property
    def complete(self) -> bool:
        """Whether a check can be tried: there are parcels, and a system for the zone and for every file that counts."""
        return bool(self.of("parcels")) and bool(self.crs) and not self.placeless

    @property
    def placeless(self) -> list[str]:
        """The files that count and name no coordinate system: a check refuses them."""
        return [k.look.title for k in self.kin if k.active and any(code == "crs_none" for code, _ in k.notes)]


def look_at(
    folder: Path, profile: str | None = None, crs: str | None = None, lang: str = "zh", progress: Progress | None = None
) -> Draft:
    """Look at every file of a folder and say what it seems to be.

    Parameters
    ----------
    folder
        The folder; nothing in it is changed.
    profile
        The profile whose services are looked for.
    crs
        The zone's system where somebody knows it; files that name none and fit are then taken to be in it.
    lang
        Language of reasons and refusals.
    progress
        Called with the name of each file before it is read.

    Raises
    ------
    ReadError
        There is no such folder, or it holds too many files.
    GisplanError
        The profile or the system does not exist.
    """
    if not folder.is_dir():
        raise refusal(ReadError, "no_folder", lang, folder=folder.name or str(folder))
    root = folder.resolve()
    rules = load(profile or DEFAULT_PROFILE, root)
    if crs is not None:
        zone_crs(crs, Place(), lang)
    looks, rasters, unused = _read(root, lang, progress or (lambda name: None))
    found = _recognise(looks, rules)
    unused += [(k.look.title, _nothing(k, lang)) for k in found if k.table in ("", "nothing")]
    found = [k for k in found if k.table not in ("", "nothing")]
    system, why, systems = _system(found, crs)
    placed, box = _placed(found, system, crs is not None, lang)
    ground = tuple(_ground(root, rasters, system, box, lang))
    if any(not reason for _, reason in ground):
        placed = [
            replace(k, confidence=GUESS, notes=(*k.notes, ("several", "ground"))) if k.table == "ground" else k
            for k in placed
        ]
    order = [*_ONE, *(s.key for s in rules.networks)]
    placed.sort(key=lambda k: (order.index(k.table), not k.active, k.look.file, k.look.shape != "lines"))
    return Draft(
        title=root.name,
        profile=rules,
        stated=profile or "",
        crs=system,
        crs_why=why,
        systems=systems,
        box=box,
        kin=tuple(placed),
        ground=ground,
        unused=tuple(sorted(unused)),
    )


def _nothing(found: Kin, lang: str) -> str:
    if found.table == "nothing":
        return say(f"draft.why.{found.why[0][0]}", lang, text=shorten(found.why[0][1]))
    return say("draft.unknown", lang)


def _files(root: Path, lang: str) -> tuple[list[Path], list[tuple[str, str]]]:
    """List files (and folders that stand for one), without what belongs to another; and what was written by us."""
    out: list[Path] = []
    ours: list[tuple[str, str]] = []

    def walk(folder: Path, deep: int) -> Iterator[Path]:
        entries = sorted(folder.iterdir())
        results = RESULTS & {e.name for e in entries}
        results = results if "run.json" in results and len(results) > 1 else frozenset()
        if results:
            # A check may have been written into the zone's own folder: then only its own files are passed over.
            name = (
                listing(sorted(results), len(results)) if folder == root else f"{folder.relative_to(root).as_posix()}/"
            )
            ours.append((name, say("draft.own_results", lang)))
        if results and folder != root:
            return
        for entry in (e for e in entries if e.name not in results):
            if entry.name.startswith(".") or not entry.resolve().is_relative_to(root):
                continue
            if entry.is_dir() and entry.suffix.casefold() not in registry.FOLDERS:
                if deep < _DEEP:
                    yield from walk(entry, deep + 1)
            else:
                yield entry

    for path in walk(root, 0):
        beside = path.suffix.casefold() in _BESIDE and any(
            path.with_suffix(s).exists() for s in (".shp", ".SHP", ".Shp")
        )
        if beside or path.suffix.casefold() == ".toml" or path.name.startswith(NAME):
            continue
        if path.name.endswith(("-wal", "-shm", "-journal", ".aux.xml", ".tfw", ".shp.xml", ".bak")):
            continue
        out.append(path)
        if len(out) > _MOST_FILES:
            raise refusal(ReadError, "draft_many", lang, folder=root.name, most=_MOST_FILES)
    return out, ours


def _read(root: Path, lang: str, progress: Progress) -> tuple[list[Look], list[Path], list[tuple[str, str]]]:
    """Read every file that may hold a layer or a table; a broken one costs itself."""
    looks: list[Look] = []
    rasters: list[Path] = []
    files, unused = _files(root, lang)
    with Child(lang) as child:
        for path in files:
            name = path.relative_to(root).as_posix()
            suffix = path.suffix.casefold()
            if not _sayable(root, name):
                unused.append((name, say("draft.odd_name", lang)))
            elif suffix in _RASTERS:
                rasters.append(path)
            elif suffix not in registry.suffixes() and registry.advised(suffix) in _QUIET:
                unused.append((name, say("draft.no_layer", lang)))
            else:
                progress(name)
                try:
                    answer = child.ask(path, Request(name, NAME), "all")
                except GisplanError as error:
                    unused.append((name, shorten(error, 300)))
                    continue
                lost = [issue for issue in answer.issues if issue.code == "table_unread"]
                unused += [(f"{name}:{issue.layer}", shorten(issue.message, 300)) for issue in lost]
                several = len(answer.layers) + len(lost) > 1
                looks += [Look(name, raw, several, answer.issues) for raw in answer.layers]
                if not answer.layers:
                    unused.append((name, say("draft.no_layer", lang)))
    unused += [(look.title, say("draft.too_many_layers", lang, most=_MOST_LAYERS)) for look in looks[_MOST_LAYERS:]]
    empty = [look for look in looks[:_MOST_LAYERS] if len(look.raw.table) == 0]
    unused += [(look.title, say("draft.empty", lang)) for look in empty]
    return [look for look in looks[:_MOST_LAYERS] if len(look.raw.table)], rasters, unused


def _sayable(root: Path, name: str) -> bool:
    """Tell whether zone.toml can name a file: text, on one line, and nothing that stands for another place."""
    try:
        os.fsencode(name).decode("utf-8")
        inside(root, name, NAME, "en")
    except (UnicodeDecodeError, ReadError):
        return False
    return "\\" not in name and name.isprintable() and name == name.strip()


def _recognise(looks: Sequence[Look], profile: Profile) -> list[Kin]:
    """Take every layer for what it is most like: first what others refer to, then everything with that known."""
    surveyed, used = surveys(looks, profile)
    looks = [look for i, look in enumerate(looks) if i not in used]
    points: set[str] = set()
    for look in looks:
        if look.shape == "points":
            points.update(w for p in look.columns if p.unique for w in p.words.words)
    known = Known(points=frozenset(points), services=frozenset(service_words(profile)))
    first = _single([kin(look, profile, known) for look in looks])
    known = replace(known, parcels=_ids(first, "parcels"), works=_ids(first, "works"))
    return [*_apart(_single([kin(look, profile, known) for look in looks])), *surveyed]


def _ids(found: Sequence[Kin], table: str) -> frozenset[str]:
    ids: set[str] = set()
    for one in found:
        claim = one.claim("parcel" if table == "parcels" else "works") if one.table == table else None
        if claim is not None:
            ids.update(next(p for p in one.look.columns if p.name == claim.theirs).words.words)
    return frozenset(ids)


def _single(found: Sequence[Kin]) -> list[Kin]:
    """Let only one source count for a table that has but one; where leaving one out could hide something, none."""
    out = list(found)
    for table in _ONE:
        mine = [i for i, k in enumerate(out) if k.table == table]
        mine.sort(key=lambda i: (-out[i].points, not out[i].active))
        if len(mine) < 2:
            continue
        best, second = out[mine[0]], out[mine[1]]
        ahead = (best.points, best.active) > (second.points, second.active)
        clear = ahead and table in ("parcels", "works", "ground")
        # A letter or a river that is left out makes answers better than they are.
        for i in mine[1:] if clear else mine:
            out[i] = replace(out[i], confidence=GUESS, notes=(*out[i].notes, ("several", table)))
    return out


def _apart(found: Sequence[Kin]) -> list[Kin]:
    """Take back numbers of features that another layer of the same service already has: rows stand for them."""
    seen: dict[str, set[str]] = {}
    out: dict[int, Kin] = {}
    rank = sorted(range(len(found)), key=lambda i: (not found[i].active, found[i].claim("from_joint") is None, i))
    for i in rank:
        one = found[i]
        claim = one.claim("feature")
        if claim is not None and one.active and one.table not in _ONE:
            ids = set(next(p for p in one.look.columns if p.name == claim.theirs).words.words)
            if ids & seen.get(one.table, set()):
                rest = tuple(
                    replace(c, confidence=GUESS, why=(*c.why, ("taken", ""))) if c is claim else c for c in one.claims
                )
                one = replace(one, claims=rest)
            else:
                seen.setdefault(one.table, set()).update(ids)
        out[i] = one
    return [out[i] for i in range(len(found))]


def _own(look: Look) -> CRS | None:
    """Give the system that a file names, unless its coordinates cannot be in it (metres called degrees)."""
    crs = look.raw.crs
    if crs is None or look.raw.geometry is None:
        return None
    x, y = _typical(look)
    return None if crs.is_geographic and (abs(x) > 180 or abs(y) > 90) else crs


def _typical(look: Look) -> tuple[float, float]:
    xy = shapely.get_coordinates(look.raw.geometry)
    xy = xy[np.isfinite(xy).all(axis=1)]
    return (float(np.median(xy[:, 0])), float(np.median(xy[:, 1]))) if len(xy) else (0.0, 0.0)


def _metres(crs: CRS) -> bool:
    return (
        crs.is_projected and all(a.unit_conversion_factor == 1.0 for a in crs.axis_info) and crs.to_epsg() not in _WEB
    )


def _system(found: Sequence[Kin], asked: str | None) -> tuple[str, Why, tuple[str, ...]]:
    """Choose the system to measure in: what most files are in, else one that is made for where they lie."""
    if asked is not None:
        return asked, (("asked", ""),), ()
    shaped = [k for k in found if k.look.shape != "table"]
    own = [(k, _own(k.look)) for k in shaped]
    counts: Counter[str] = Counter()
    for one, crs in own:
        if crs is not None and _metres(crs) and crs.to_epsg():
            counts[f"EPSG:{crs.to_epsg()}"] += 2 if one.table == "parcels" else 1
    if counts:
        best = counts.most_common(1)[0][0]
        others = ", ".join(c for c in counts if c != best)
        return best, (("others", others),) if others else (("files", ""),), ()
    for one, crs in sorted(own, key=lambda pair: pair[0].table != "parcels"):
        middle = None if crs is None else _degrees(crs, *_typical(one.look))
        if middle is not None:
            return f"EPSG:{likely(middle[0])[0]}", (("longitude", f"{middle[0]:.1f}"),), ()
    return "", (), _candidates(shaped)


def _candidates(found: Sequence[Kin]) -> tuple[str, ...]:
    """List systems by the size of coordinates that nobody has named a system for."""
    for one in sorted(found, key=lambda k: k.table != "parcels"):
        x, y = _typical(one.look)
        for east, north in ((x, y), (y, x)):
            zone = int(east // 1e6)
            if 1e6 < abs(north) < 6e6 and 25 <= zone <= 45:
                return (f"EPSG:{4513 + zone - 25}",)
            if 1e6 < abs(north) < 6e6 and 13 <= zone <= 23:
                return (f"EPSG:{4491 + zone - 13}",)
            if 73 < east < 136 and 3 < north < 54:
                return tuple(f"EPSG:{number}" for number in likely(east)[:3])
            if 1e5 < east < 9e5 and 1e6 < north < 6e6:
                return tuple(f"EPSG:{4534 + (centre - 75) // 3}" for centre in range(75, 136, 3))
    return ()


def _degrees(crs: CRS, x: float, y: float) -> tuple[float, float] | None:
    try:
        lon, lat = Transformer.from_crs(crs, 4326, always_xy=True).transform(x, y)
    except ProjError:
        return None
    return (lon, lat) if np.isfinite([lon, lat]).all() else None


def _placed(
    found: Sequence[Kin], system: str, asked: bool, lang: str
) -> tuple[list[Kin], tuple[float, float, float, float] | None]:
    """Say where the parcels lie, and what is odd about the place of each layer."""
    if not system:
        return list(found), None
    crs = CRS.from_user_input(system)
    parcels = next((k for k in found if k.table == "parcels" and k.active), None)
    box = None if parcels is None else _box(parcels.look, _own(parcels.look) or (crs if asked else None))
    gate = Gate.at(crs, Place(box=box))
    out = []
    for one in found:
        at = _at(one)
        if at is None:
            out.append(one)
            continue
        own = _own(one.look)
        x, y = at
        if own is None and asked and gate.fits(np.array([[x, y, x, y]]))[0]:
            out.append(replace(one, notes=(*one.notes, ("crs_given", system))))
        elif own is None or not _inside(gate, own, x, y):
            cause, line = gate.diagnose(x, y, lang)
            code = "crs_none" if one.look.raw.crs is None else "crs_elsewhere"
            out.append(replace(one, notes=(*one.notes, (code, cause), ("crs_line", line))))
        else:
            out.append(replace(one, notes=(*one.notes, ("crs_own", crs_title(own)))))
    return out, box


def _at(one: Kin) -> tuple[float, float] | None:
    """Give a place in the middle of a layer or a pipe survey; None for a table that has none."""
    if one.look.shape != "table":
        return _typical(one.look)
    return None if one.spots is None else place_of(one.spots) or (0.0, 0.0)


def _inside(gate: Gate, crs: CRS, x: float, y: float) -> bool:
    try:
        moved = Transformer.from_crs(crs, gate.crs, always_xy=True).transform(x, y)
    except ProjError:
        return False
    return bool(gate.fits(np.array([[*moved, *moved]]))[0])


def _box(look: Look, crs: CRS | None) -> tuple[float, float, float, float] | None:
    """Give where a layer lies, in degrees, with a little room about it."""
    if crs is None:
        return None
    xy = shapely.get_coordinates(look.raw.geometry)
    xy = xy[np.isfinite(xy).all(axis=1)]
    if not len(xy):
        return None
    # A single parcel drawn far away by mistake must not make the zone as large as a country.
    low, high = np.quantile(xy, 0.01, axis=0), np.quantile(xy, 0.99, axis=0)
    corners = [_degrees(crs, x, y) for x in (low[0], high[0]) for y in (low[1], high[1])]
    known = [c for c in corners if c is not None]
    if len(known) < 4:
        return None
    lon, lat = [c[0] for c in known], [c[1] for c in known]
    west, south = np.floor((np.array([min(lon), min(lat)]) - _MARGIN) * 100) / 100
    east, north = np.ceil((np.array([max(lon), max(lat)]) + _MARGIN) * 100) / 100
    return (max(float(west), -180.0), max(float(south), -90.0), min(float(east), 180.0), min(float(north), 90.0))


def _ground(
    root: Path, rasters: Sequence[Path], system: str, box: tuple[float, float, float, float] | None, lang: str
) -> Iterator[tuple[str, str]]:
    """Look at the rasters: which may be an elevation model of the place."""
    good = False
    for path in sorted(rasters, key=lambda p: "ground" not in named(p.stem)):
        name = path.relative_to(root).as_posix()
        try:
            with Child(lang) as child:
                grid = child.ask(path, Request(name, "[ground]"), "grid").grids[0]
        except GisplanError as error:
            yield name, shorten(error, 200)
            continue
        crs = grid.crs or (CRS.from_user_input(system) if system else None)
        reason = "" if crs is None or box is None or _meets(grid, crs, box) else say("draft.ground_elsewhere", lang)
        if not reason and good:
            reason = say("draft.ground_second", lang)
        good = good or not reason
        yield name, reason


def _meets(grid: RawGrid, crs: CRS, box: tuple[float, float, float, float]) -> bool:
    """Tell whether a grid lies where the parcels are."""
    a, _, c, _, e, f = grid.affine
    rows, columns = grid.heights.shape
    corners = [_degrees(crs, c + a * i, f + e * j) for i in (0, columns) for j in (0, rows)]
    known = np.array([corner for corner in corners if corner is not None])
    if not len(known):
        return False
    (west, south), (east, north) = known.min(axis=0), known.max(axis=0)
    return bool(west <= box[2] and east >= box[0] and south <= box[3] and north >= box[1])


def sourceless(found: Draft, service: str) -> bool:
    """Tell whether no layer of a service names a plant, station or outfall that may feed or drain it."""
    wanted = set(found.profile.service(service).sources)
    known = vocabulary("kind")
    for one in found.of(service):
        if one.spots is not None and wanted & kinds_of(one.spots):
            return False
        claim = one.claim("kind")
        if claim is not None:
            pillar = next(p for p in one.look.columns if p.name == claim.theirs)
            if wanted & {known.get(plain(w), "") for w in pillar.texts}:
                return False
    return True
