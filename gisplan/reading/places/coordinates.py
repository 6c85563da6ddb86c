"""The coordinate gate: which systems may be mixed, where a zone lies, and why a layer lies elsewhere."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from pyproj.transformer import TransformerGroup

from gisplan.base.errors import GisplanError, MissingCRS, ProfileError
from gisplan.base.labels import say
from gisplan.reading.places.shifts import LOCAL, Shift, Step
from gisplan.reading.places.systems import all_zones, known_number, likely, meridian, rebuilt
from gisplan.reading.refusals import refusal, shorten
from gisplan.reading.zone_file import LENGTHS, Place

_EQUAL = frozenset({4326, 4490})
"""WGS 84 and CGCS2000 differ by decimetres at most: taken as equal, and said so."""
_LEAST_MARGIN_M = 5000.0
_ROUND = 100_000.0
"""Leading digits are cut off before the hundreds of kilometres, or before the thousands."""

Box = tuple[float, float, float, float]


def crs_of(text: str) -> CRS | None:
    """Understand a coordinate system as a file names it; one that means nothing ("undefined") is None."""
    if not text:
        return None
    try:
        crs = plain_crs(CRS.from_user_input(text))
    except CRSError:
        return None
    return None if crs.type_name == "Engineering CRS" else crs


def crs_named(text: object, where: str, lang: str) -> CRS:
    """Understand a coordinate system that a person has written down.

    Raises
    ------
    ProfileError
        There is no such system.
    """
    try:
        return plain_crs(CRS.from_user_input(text))
    except CRSError as error:
        raise refusal(ProfileError, "crs_unknown", lang, where=where, found=shorten(text)) from error


def plain_crs(crs: CRS) -> CRS:
    """Reduce a CRS to its plane: no height, and no shift of its own (files carry made-up zeros there)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while crs.is_bound and crs.source_crs is not None:
            crs = crs.source_crs
        # Making a system flat costs one that ESRI named its number: only what has a height is made flat.
        crs = crs.to_2d() if crs.is_compound or len(crs.axis_info) > 2 else crs
        # The number that it bears, else that of its parameters: PROJ would search through all systems that there are.
        number = _borne(crs) or known_number(crs) or crs.to_epsg()
    return CRS.from_epsg(number) if number else rebuilt(crs)


def _borne(crs: CRS) -> int | None:
    own = crs.to_json_dict().get("id", {})
    return int(own["code"]) if own.get("authority") == "EPSG" and str(own.get("code")).isdecimal() else None


def crs_title(crs: CRS) -> str:
    """Name a CRS by number, or by its name where it has none."""
    number = crs.to_epsg()
    return f"EPSG:{number}" if number else shorten(crs.name)


def alike(one: CRS, other: CRS) -> bool:
    """Tell whether two systems are the same, or the two geographic ones that are taken as equal."""
    return one.equals(other, ignore_axis_order=True) or {one.to_epsg(), other.to_epsg()} <= _EQUAL


@dataclass(frozen=True)
class Change:
    """The way from one CRS to another; `accuracy` in m, NaN where two systems are taken as equal.

    `shift` holds the parameters that somebody gave for it, where somebody did.
    """

    steps: tuple[Step, ...]
    accuracy: float
    shift: Shift | None = None

    def points(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Change points; what has no place in the new system becomes infinite."""
        for step in self.steps:
            x, y = step.transform(x, y)
        return np.asarray(x), np.asarray(y)

    def shapes(self, shapes: np.ndarray) -> np.ndarray:
        """Change shapes; missing ones stay missing."""
        if not self.steps:
            return shapes

        def moved(xy: np.ndarray) -> np.ndarray:
            return np.column_stack(self.points(xy[:, 0], xy[:, 1]))

        return np.asarray(shapely.transform(shapes, moved))


def change(source: CRS, target: CRS, file: str, where: str, lang: str) -> Change:
    """Find the way from one CRS to another.

    Raises
    ------
    MissingCRS
        The shift between the two is not known (Beijing 54, Xian 80): PROJ would put the shapes tens of metres off
        without a word.
    """
    if source == target or source.equals(target, ignore_axis_order=True):
        return Change((), 0.0)
    base, goal = source.geodetic_crs, target.geodetic_crs
    if base is not None and goal is not None and base != goal and {base.to_epsg(), goal.to_epsg()} <= _EQUAL:
        pairs = [(a, b) for a, b in ((source, base), (goal, target)) if a != b]
        return Change(tuple(Transformer.from_crs(a, b, always_xy=True) for a, b in pairs), math.nan)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            best = TransformerGroup(source, target, always_xy=True, allow_ballpark=False).transformers
    except ProjError:
        best = []
    if not best or best[0].accuracy < 0:
        raise refusal(
            MissingCRS, "redline_shift" if where.startswith("--") else "crs_shift", lang,
            file=file, where=where, found=f"{crs_title(source)} ({source.name})", zone=crs_title(target),
        )  # fmt: skip
    return Change((best[0],), best[0].accuracy)


def zone_crs(found: object, place: Place, lang: str) -> CRS:
    """Check the CRS of the zone: projected, in metres, and made for the place.

    Raises
    ------
    MissingCRS
        It is in degrees or feet, or does not fit the place; the message lists those that would.
    """
    crs = crs_named(found, "[zone]", lang)
    middle = _middle(crs, place)
    listed = ", ".join(f"EPSG:{number}" for number in likely(middle[0])[:3])
    line = f'crs = "EPSG:{likely(middle[0])[0]}"'
    if not crs.is_projected:
        raise refusal(MissingCRS, "zone_crs_degrees", lang, found=crs_title(crs), listed=listed, line=line)
    if any(not math.isclose(axis.unit_conversion_factor, 1.0) for axis in crs.axis_info):
        unit = crs.axis_info[0].unit_name
        raise refusal(MissingCRS, "zone_crs_unit", lang, found=crs_title(crs), unit=unit, listed=listed, line=line)
    area = crs.area_of_use
    if place.box is not None and area is not None:
        west, south, east, north = place.box
        if west > area.east or east < area.west or south > area.north or north < area.south:
            raise refusal(MissingCRS, "zone_crs_place", lang, found=crs_title(crs), listed=listed, line=line)
    return crs


def _middle(crs: CRS, place: Place) -> tuple[float, float]:
    if place.box is not None:
        return (place.box[0] + place.box[2]) / 2, (place.box[1] + place.box[3]) / 2
    area = crs.area_of_use
    return ((area.west + area.east) / 2, (area.south + area.north) / 2) if area is not None else (111.0, 36.0)


@dataclass(frozen=True)
class Gate:
    """Knows the zone's CRS, where in it the zone lies, and the shifts that were given for all its files."""

    crs: CRS
    place: Place
    box: Box | None
    shifts: tuple[Shift, ...] = ()

    @classmethod
    def at(cls, crs: CRS, place: Place, shifts: tuple[Shift, ...] = ()) -> Gate:
        """Make the gate of a zone; without a declared box, the area for which the CRS is made counts."""
        area = crs.area_of_use
        degrees = place.box or ((area.west, area.south, area.east, area.north) if area is not None else None)
        if degrees is None or crs.geodetic_crs is None:
            return cls(crs, place, None, shifts)
        rim = shapely.segmentize(shapely.box(*degrees).exterior, max(degrees[2] - degrees[0], 1e-6) / 20)
        x, y = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True).transform(*shapely.get_coordinates(rim).T)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            return cls(crs, place, None, shifts)
        west, south, east, north = x.min(), y.min(), x.max(), y.max()
        # A trunk main may leave the box by far; a wrong zone, swapped axes or degrees are off by a hundred kilometres.
        margin = max(east - west, north - south, _LEAST_MARGIN_M) * (1.0 if place.box else 0.5)
        return cls(crs, place, (west - margin, south - margin, east + margin, north + margin), shifts)

    def fits(self, bounds: np.ndarray) -> np.ndarray:
        """Tell which bounding boxes (west, south, east, north in the zone's CRS) lie where the zone is."""
        if self.box is None:
            return np.asarray(np.isfinite(bounds).all(axis=1))
        west, south, east, north = self.box
        # NaN compares as false, and so a shape without a finite place fits nowhere.
        low = (bounds[:, 0] >= west) & (bounds[:, 1] >= south)
        inside: np.ndarray = low & (bounds[:, 2] <= east) & (bounds[:, 3] <= north)
        return inside

    def shift_for(self, crs: CRS | None) -> Shift | None:
        """Find the shift that zone.toml gives for a system; None stands for a local grid."""
        for shift in self.shifts:
            if crs is None or shift.start == LOCAL:
                if crs is None and shift.start == LOCAL:
                    return shift
                continue
            start = crs_named(shift.start, "[zone] shift", "en")
            # Between datums the parameters serve every projection of the older one; between planes only the plane.
            if start.equals(crs) or (not shift.plane and start.geodetic_crs == crs.geodetic_crs):
                return shift
        return None

    def diagnose(self, x: float, y: float, lang: str, labelled: CRS | None = None) -> tuple[str, str]:
        """Guess why a point lies elsewhere, for the message only.

        Parameters
        ----------
        x, y
            A typical point of the layer, as it stands in the file.
        lang
            Language of the cause.
        labelled
            The system that the file or zone.toml names.

        Returns
        -------
        tuple
            The cause in words, and the very line to paste (empty where there is none).
        """
        if self.box is None:
            return say("cause.unknown", lang), f'crs = "{crs_title(self.crs)}"'
        number = self.crs.to_epsg()
        numbers = list(dict.fromkeys([*([number] if number else []), *likely(_middle(self.crs, self.place)[0])]))
        found = self._other(numbers, x, y, lang, labelled) or self._unit(numbers, x, y, lang) or self._cut(x, y, lang)
        return found or self._other(list(all_zones()), x, y, lang, labelled) or (say("cause.unknown", lang), "")

    def _other(self, numbers: list[int], x: float, y: float, lang: str, labelled: CRS | None) -> tuple[str, str] | None:
        """Look for a system in which the point, or the point with its axes swapped, lies in the zone."""
        for swapped in (False, True):
            for number in numbers:
                candidate = CRS.from_epsg(number)
                if self._lands(candidate, *((y, x) if swapped else (x, y))):
                    line = f'crs = "EPSG:{number}"'
                    if swapped:
                        return say("cause.swapped", lang), f'{line}\naxes = "north_east"'
                    return _difference(candidate, labelled, lang), line
        return None

    def _unit(self, numbers: list[int], x: float, y: float, lang: str) -> tuple[str, str] | None:
        """Look for a unit of length in which the point lies in the zone."""
        for unit in ("ft", "mm", "km"):
            for number in numbers:
                candidate, metres = CRS.from_epsg(number), LENGTHS[unit]
                if candidate.is_projected and self._lands(candidate, x * metres, y * metres):
                    return say("cause.unit", lang, unit=unit), f'crs = "EPSG:{number}"\nunit = "{unit}"'
        return None

    def _cut(self, x: float, y: float, lang: str) -> tuple[str, str] | None:
        """Look for leading digits that were cut off, where the zone is small enough for them to be certain."""
        west, south, east, north = self.box or (0.0, 0.0, 0.0, 0.0)
        if not (0 <= x < 1e6 and 0 <= y < 1e7 and max(east - west, north - south) < _ROUND):
            return None
        dx = _ROUND * round(((west + east) / 2 - x) / _ROUND)
        dy = _ROUND * round(((south + north) / 2 - y) / _ROUND)
        if (dx or dy) and self.fits(np.array([[x + dx, y + dy] * 2]))[0]:
            numbers = f'convention = "east_north", dx_m = {dx:.0f}, dy_m = {dy:.0f}'
            line = f'crs = "{LOCAL}"\nshift = {{ kind = "plane4", {numbers} }}'
            return say("cause.cut", lang, dx=f"{dx:.0f}", dy=f"{dy:.0f}"), line
        return None

    def _lands(self, crs: CRS, x: float, y: float) -> bool:
        try:
            moved = change(crs, self.crs, "", "", "en").points(np.array([x]), np.array([y]))
        except GisplanError:
            return False
        return bool(self.fits(np.array([[moved[0][0], moved[1][0]] * 2]))[0])


def _difference(found: CRS, labelled: CRS | None, lang: str) -> str:
    """Say how the system in which coordinates fit differs from the one that they are labelled with."""
    title = crs_title(found)
    if labelled is None:
        return say("cause.other", lang, crs=title)
    if found.is_geographic != labelled.is_geographic:
        return say("cause.degrees" if found.is_geographic else "cause.metres", lang, crs=title)
    here, there = meridian(found), meridian(labelled)
    if here is None or there is None or found.geodetic_crs != labelled.geodetic_crs:
        return say("cause.other", lang, crs=title)
    if here != there:
        return say("cause.zone", lang, crs=title, found=f"{here:g}", label=f"{there:g}")
    prefixed = "zone" in found.name
    return say("cause.prefix" if prefixed else "cause.no_prefix", lang, crs=title, label=crs_title(labelled))
