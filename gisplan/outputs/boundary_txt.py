"""Boundary-point files (界址点坐标, 电子报盘) for pre-review: a header, blocks, rings that end where they began."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gisplan.base.errors import ExportError
from gisplan.base.files import write_text
from gisplan.reading.formats import boundary_txt as grammar
from gisplan.reading.places import coordinates

_DATUM = "CGCS2000"
_SPOKEN = "2000国家大地坐标系"
_DECIMALS = 3
_WIDE = str.maketrans(",@", "，＠", "\r\n")  # what would end a field, or the line


def write(
    path: Path | str, parcels: gpd.GeoDataFrame, crs: object = None, *, encoding: str = "gbk", newline: str = "\r\n"
) -> None:
    """Write parcels as boundary points, in the form that pre-review (用地预审) takes.

    Points are numbered from the north-west corner, clockwise, over all rings of a block; a parcel of several parts
    becomes several blocks; areas are those of the points, in ha.

    Parameters
    ----------
    path
        Where the file belongs.
    parcels
        Polygons with the parcel number as index or column ``parcel``; ``name``, ``use`` (``use_text`` before it),
        ``sheet`` and ``land_code`` are written where they are there, and nothing else.
    crs
        The system to write: CGCS2000 Gauss-Krüger, with the zone number before the easting (EPSG:4525) or without
        (EPSG:4546); that of `parcels` if not given.
    encoding, newline
        As the receiver wants them.

    Raises
    ------
    ExportError
        The system is no such one, a parcel has no sound area, or a name cannot be written in the encoding.
    MissingCRS
        The parcels cannot be brought into the system without a shift that nobody has given.
    """
    path = Path(path)
    own = None if parcels.crs is None else coordinates.plain_crs(CRS(parcels.crs))
    target = coordinates.crs_named(crs, "crs", "en") if crs is not None else own
    if own is None or target is None:
        raise ExportError(f"{path.name}: the parcels have no coordinate system. Set one with set_crs before writing.")
    degrees, zone = _system(target, path)
    shapes = coordinates.change(own, target, path.name, "parcels", "en").shapes(np.asarray(parcels.geometry.array))
    lines = [
        f"[{grammar.HEADER}]", f"{grammar.DATUM}={_SPOKEN}", f"{grammar.DEGREES}={degrees}",
        f"{grammar.PROJECTION}=高斯克吕格", f"{grammar.UNIT}=米", f"{grammar.ZONE}={zone}",
        f"{grammar.PRECISION}={10.0**-_DECIMALS:g}", f"{grammar.PARAMETERS}=,,,,,,", f"[{grammar.BODY}]",
    ]  # fmt: skip
    rows = parcels.drop(columns=parcels.geometry.name)
    ids = (rows["parcel"] if "parcel" in rows else rows.index.to_series()).astype("str").tolist()
    for number, shape, row in zip(ids, shapes, rows.to_dict("records"), strict=True):
        lines += _blocks(number, shape, row, path)
    text = newline.join([*lines, ""])
    try:
        text.encode(encoding)
    except UnicodeEncodeError as error:
        bad = text[error.start : error.end]
        raise ExportError(f"{path.name}: {bad!r} cannot be written in {encoding}. Use encoding='gb18030'.") from error
    except LookupError as error:
        raise ExportError(f"{path.name}: there is no encoding {encoding!r}. Use 'gbk' or 'utf-8'.") from error
    write_text(path, text, encoding)


def _system(crs: CRS, path: Path) -> tuple[int, int]:
    """Give width and number of the zone of a CGCS2000 Gauss-Krüger system."""
    number = crs.to_epsg() or 0
    for (datum, degrees), (first, last, with_zone, without) in grammar.GAUSS_KRUGER.items():
        for start in (with_zone, without):
            if datum == _DATUM and start <= number <= start + last - first:
                return degrees, first + number - start
    raise ExportError(
        f"{path.name}: boundary points are written in CGCS2000 Gauss-Krüger, not in {coordinates.crs_title(crs)}. "
        "Give crs='EPSG:4513' to 'EPSG:4554', or 'EPSG:4491' to 'EPSG:4512', of the place."
    )


def _blocks(number: str, shape: shapely.Geometry | None, row: dict[str, object], path: Path) -> list[str]:
    """Write the blocks of a parcel."""
    sound = shape is not None and shape.geom_type in ("Polygon", "MultiPolygon") and not shape.is_empty
    rounded = None if not sound else shapely.transform(shape, lambda xy: np.round(xy, _DECIMALS))
    if rounded is None or not rounded.is_valid or not np.isfinite(shapely.bounds(rounded)).all():
        raise ExportError(f"{path.name}: parcel {number} has no sound area. Correct its boundary, or leave it out.")

    def cell(*names: str) -> str:
        values = (row.get(name) for name in names)
        return next((str(v).translate(_WIDE).strip() for v in values if v is not None and not pd.isna(v)), "")

    said = [cell("name"), "面", cell("sheet"), cell("use_text", "use"), cell("land_code"), "@"]
    lines = []
    for part in shapely.get_parts(rounded):
        rings = [_clockwise(np.asarray(ring.coords)[:-1, :2]) for ring in (part.exterior, *part.interiors)]
        count = sum(len(ring) + 1 for ring in rings)
        lines.append(",".join([str(count), f"{part.area / grammar.HA_M2:.4f}", number.translate(_WIDE), *said]))
        name = 1
        for at, ring in enumerate(rings, 1):
            points = [(name + i, east, north) for i, (east, north) in enumerate(ring)]
            name += len(ring)
            lines += [f"J{n},{at},{y:.{_DECIMALS}f},{x:.{_DECIMALS}f}" for n, x, y in [*points, points[0]]]
    return lines


def _clockwise(ring: np.ndarray) -> np.ndarray:
    """Order a ring clockwise from its north-west corner."""
    x, y = ring[:, 0], ring[:, 1]
    if np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) > 0:
        ring = ring[::-1]
    return np.roll(ring, -int(np.argmax(ring[:, 1] - ring[:, 0])), axis=0)
