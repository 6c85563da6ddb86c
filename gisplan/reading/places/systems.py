"""Coordinate systems of China by their parameters: files name them in many ways, the numbers in them are the same."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from pyproj import CRS
from pyproj.crs import ProjectedCRS
from pyproj.crs.coordinate_operation import TransverseMercatorConversion

from gisplan.base.labels import say

GEOGRAPHIC = 4490
CHINA = (73.0, 136.5)
"""The longitudes that the systems of CGCS2000 are made for."""
_DATUM = re.compile(r"(d|gcs)?(china2000|cgcs2000|chinageodeticcoordinatesystem2000|cgcs2000datum)")
_AXIS, _FLATTENING = 6378137.0, 298.257222101
_CENTRE, _FALSE = 8802, 8806


def known_number(crs: CRS) -> int | None:
    """Give the EPSG number of a system of CGCS2000 that a file spells in its own way: by its parameters."""
    if not _is_cgcs2000(crs):
        return None
    if not crs.is_projected:
        return GEOGRAPHIC if _in_degrees(crs) else None
    numbers = _gauss(crs)
    if numbers is None:
        return None
    centre, false = numbers
    prefix = false - 500_000.0
    if prefix == 0.0 and centre in range(75, 136, 3):
        return 4534 + (int(centre) - 75) // 3
    if prefix == centre / 3 * 1e6 and centre in range(75, 136, 3):
        return 4513 + (int(centre) - 75) // 3
    if prefix == (centre + 3) / 6 * 1e6 and centre in range(75, 136, 6):
        return 4491 + (int(centre) - 75) // 6
    return None


def rebuilt(crs: CRS) -> CRS:
    """Give a Gauss-Krüger system of CGCS2000 with a meridian of its own the datum that PROJ knows by number."""
    numbers = _gauss(crs) if crs.is_projected and _is_cgcs2000(crs) else None
    if numbers is None:
        return crs
    centre, false = numbers
    conversion = TransverseMercatorConversion(
        latitude_natural_origin=0.0, longitude_natural_origin=centre, false_easting=false,
        false_northing=0.0, scale_factor_natural_origin=1.0,
    )  # fmt: skip
    return ProjectedCRS(conversion, name=crs.name, geodetic_crs=CRS.from_epsg(GEOGRAPHIC))


def _is_cgcs2000(crs: CRS) -> bool:
    base = crs.geodetic_crs
    if base is None or base.datum is None or base.ellipsoid is None:
        return False
    ball = base.ellipsoid
    same = math.isclose(ball.semi_major_metre, _AXIS) and math.isclose(ball.inverse_flattening, _FLATTENING)
    name = re.sub(r"[^0-9a-z]", "", base.datum.name.casefold())
    return same and _DATUM.fullmatch(name) is not None


def _in_degrees(crs: CRS) -> bool:
    return all(math.isclose(axis.unit_conversion_factor, math.pi / 180) for axis in crs.axis_info)


def _gauss(crs: CRS) -> tuple[float, float] | None:
    """Give central meridian and false easting of a Gauss-Krüger system in metres; None for any other."""
    way = crs.coordinate_operation
    if way is None or way.method_name not in ("Transverse Mercator", "Gauss Kruger"):
        return None
    if any(not math.isclose(axis.unit_conversion_factor, 1.0) for axis in crs.axis_info):
        return None
    given = {p.code: p.value for p in way.params} if all(p.code for p in way.params) else {}
    values = {int(code): float(value) for code, value in given.items()}
    plain = values.get(8801) == 0.0 and values.get(8805) == 1.0 and values.get(8807) == 0.0
    return (values[_CENTRE], values[_FALSE]) if plain and {_CENTRE, _FALSE} <= set(values) else None


def likely(longitude: float) -> list[int]:
    """List the EPSG numbers that coordinates of a place usually come in, the likeliest first."""
    utm = math.floor(longitude / 6) + 31
    rest = [32600 + utm, 25800 + utm] if 28 <= utm <= 38 else [32600 + utm]
    if not CHINA[0] <= longitude <= CHINA[1]:
        return [*rest, 4326]
    three = math.floor((longitude + 1.5) / 3)
    six = math.floor(longitude / 6) + 1
    out = [number for zone in (three, three - 1, three + 1) for number in (4534 + zone - 25, 4513 + zone - 25)]
    out += [4502 + six - 13, 4491 + six - 13] if 13 <= six <= 23 else []
    return [number for number in out if 4513 <= number <= 4554 or 4491 <= number <= 4512] + [*rest, GEOGRAPHIC]


def all_zones() -> Iterator[int]:
    """Go through every projected system of CGCS2000: without a zone's number before the eastings, then with it."""
    yield from range(4534, 4555)
    yield from range(4513, 4534)
    yield from range(4491, 4502)


def described(crs: CRS, lang: str) -> str:
    """Say what a system is: for CGCS2000 the width of its zones, the zone's number and the central meridian.

    >>> described(CRS.from_epsg(4546), "en"), described(CRS.from_epsg(32649), "en")
    ('CGCS2000, 3-degree zones, central meridian 111°', 'WGS 84 / UTM zone 49N')
    """
    number, numbers = known_number(crs), _gauss(crs)
    if number is None or numbers is None:
        return crs.name
    centre, false = numbers
    # A system of 6-degree zones has the numbers 4491 to 4512, those of 3 degrees the numbers from there on.
    width = 6 if (crs.to_epsg() or number) < 4513 else 3
    zone = f"zone_{width}" if false > 500_000.0 else f"width_{width}"
    return say(f"draft.system.{zone}", lang, centre=f"{centre:g}", zone=int(false // 1_000_000))


def meridian(crs: CRS) -> float | None:
    """Give the central meridian of a Gauss-Krüger system, whatever its datum."""
    numbers = _gauss(crs) if crs.is_projected else None
    return None if numbers is None else numbers[0]
