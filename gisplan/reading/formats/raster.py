"""Heights on a grid (GeoTIFF): the door of rasterio. The whole grid is read; a damaged part costs that part."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
import rasterio.errors
import rasterio.io
import rasterio.windows
from pyproj import CRS
from pyproj.exceptions import CRSError

from gisplan.base.errors import FormatError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import RawGrid, Request, check_start, reason
from gisplan.reading.places.coordinates import crs_of
from gisplan.reading.refusals import refusal

LARGEST = 250_000_000
"""Cells of the largest grid that is read: about 1 GB. 15 km square at 1 m, 75 km at 5 m."""
_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_ROWS = 2048
_METRES = {
    **dict.fromkeys(("", "m", "metre", "meter", "metres", "meters"), 1.0),
    **dict.fromkeys(("cm", "centimetre", "centimeter"), 0.01),
    **dict.fromkeys(("mm", "millimetre", "millimeter"), 0.001),
    **dict.fromkeys(("ft", "foot", "feet", "international foot"), 0.3048),
    **dict.fromkeys(("us-ft", "us_survey_foot", "us survey foot", "foot_us", "ftus"), 1200 / 3937),
}


def read_grid(path: Path, request: Request, book: Book) -> list[RawGrid]:
    """Read a GeoTIFF of heights.

    Raises
    ------
    FormatError
        The file is no GeoTIFF, is damaged throughout, has several bands, or no position.
    ReadError
        It has more cells than are read.
    """
    check_start(path, _STARTS, "GeoTIFF", request, book)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = rasterio.open(path, driver="GTiff")
        with data:
            return [_grid(data, request, book)]
    except (rasterio.errors.RasterioError, rasterio.errors.RasterioIOError, OSError, ValueError) as error:
        if isinstance(error, ReadError):
            raise
        raise refusal(FormatError, "gdal", book.lang, file=request.name, reason=reason(error, path)) from error


def _grid(data: rasterio.io.DatasetReader, request: Request, book: Book) -> RawGrid:
    kind = np.dtype(data.dtypes[0])
    if data.count != 1 or data.transform.is_identity or kind.kind not in "iuf":
        raise refusal(FormatError, "dem_shape", book.lang, file=request.name, bands=data.count)
    if data.width * data.height > LARGEST:
        cells, most = f"{data.width} × {data.height}", f"{LARGEST:,}"
        raise refusal(ReadError, "dem_large", book.lang, file=request.name, cells=cells, most=most)
    factor = _unit(data, request, book)
    scale, offset = data.scales[0] * factor, data.offsets[0] * factor
    small = (scale, offset) == (1.0, 0.0) and (kind == "float32" or kind.itemsize <= 2)
    heights = np.full((data.height, data.width), np.nan, dtype="float32" if small else "float64")
    lost = 0
    for strip in _strips(data):
        try:
            _put(heights, strip, data.read(1, window=strip, masked=True))
        except rasterio.errors.RasterioError:
            lost += _salvage(data, strip, heights)
    if lost:
        if not np.isfinite(heights).any():
            raise refusal(FormatError, "dem_lost", book.lang, file=request.name)
        book.add("dem_damaged", "warning", "set aside", (request.name, "", ""), blocks=lost)
    if data.nodata is None and (heights == 0).any():
        _leave_out_unwritten(data, heights)
    if not small:
        heights = heights * scale + offset
    own = crs_of(data.crs.to_wkt()) if data.crs else None
    a, b, c, d, e, f = tuple(data.transform)[:6]
    return RawGrid(request.name, heights, (a, b, c, d, e, f), own)


def _strips(data: rasterio.io.DatasetReader) -> Iterator[rasterio.windows.Window]:
    """Cut a grid into strips of whole blocks."""
    deep = data.block_shapes[0][0]
    rows = max(deep, _ROWS // deep * deep)
    for top in range(0, data.height, rows):
        yield rasterio.windows.Window(0, top, data.width, min(rows, data.height - top))


def _blocks(data: rasterio.io.DatasetReader) -> Iterator[tuple[int, int, rasterio.windows.Window]]:
    """Give every block of the file: its place among the blocks, and its window."""
    deep, wide = data.block_shapes[0]
    for j, top in enumerate(range(0, data.height, deep)):
        for i, left in enumerate(range(0, data.width, wide)):
            rest = min(wide, data.width - left), min(deep, data.height - top)
            yield j, i, rasterio.windows.Window(left, top, *rest)


def _put(heights: np.ndarray, window: rasterio.windows.Window, band: np.ma.MaskedArray) -> None:
    rows, columns = window.toslices()
    heights[rows, columns] = np.ma.filled(band.astype(heights.dtype), np.nan)


def _salvage(data: rasterio.io.DatasetReader, strip: rasterio.windows.Window, heights: np.ndarray) -> int:
    """Read the blocks of a damaged strip one by one; give how many cannot be read."""
    lost = 0
    for _, _, block in _blocks(data):
        if strip.row_off <= block.row_off < strip.row_off + strip.height:
            try:
                _put(heights, block, data.read(1, window=block, masked=True))
            except rasterio.errors.RasterioError:
                lost += 1
    return lost


def _leave_out_unwritten(data: rasterio.io.DatasetReader, heights: np.ndarray) -> None:
    """Take out blocks that were never written: they read as level ground at height 0."""
    for j, i, block in _blocks(data):
        rows, columns = block.toslices()
        if not heights[rows, columns].any() and data.get_tag_item(f"BLOCK_OFFSET_{i}_{j}", "TIFF", bidx=1) is None:
            heights[rows, columns] = np.nan


def _unit(data: rasterio.io.DatasetReader, request: Request, book: Book) -> float:
    """Give the metres in the unit of the heights, as the band or the file's height system names it."""
    name = (data.units[0] or "").strip().casefold()
    if name not in _METRES:
        raise refusal(FormatError, "dem_unit", book.lang, file=request.name, unit=name)
    factor = _METRES[name]
    if not name and data.crs:
        with contextlib.suppress(CRSError):
            factor = next(
                (
                    axis.unit_conversion_factor
                    for part in CRS.from_wkt(data.crs.to_wkt()).sub_crs_list
                    if part.is_vertical
                    for axis in part.axis_info
                ),
                1.0,
            )
    if factor != 1.0:
        book.add("dem_feet", "info", "noted", (request.name, "", ""), factor=f"{factor:g}")
    return factor
