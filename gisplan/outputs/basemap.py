"""What lies beneath the parcels, where a planner asks for it: an intranet's tiles, Tianditu, or an image of their own.

Without it a page asks nothing of any network. With tiles it asks exactly one host, which its policy names; an image is
put into the page.
"""

from __future__ import annotations

import base64
import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
import rasterio.errors
import rasterio.io
import rasterio.transform
import rasterio.warp

from gisplan.base.errors import ReadError
from gisplan.base.labels import say
from gisplan.outputs.plane import Plane

KEY = "GISPLAN_TIANDITU_KEY"
"""Name of the environment variable that holds the key of Tianditu."""
_TIANDITU = "https://t0.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={layer}" \
    "&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={key}"  # fmt: skip
_LAYERS = ("vec", "cva")  # streets, and their names
_ADDRESS = re.compile(r"(https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?)(/[A-Za-z0-9._~!$&()*+,=:@%/?{}-]*)")
_HOLDERS = re.compile(r"\{([^{}]*)\}")
_DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
_SIDE = 4096
"""Pixels of the longer side of an image in the page; a larger one is made smaller."""
_MERCATOR = "EPSG:3857"


@dataclass(frozen=True)
class Base:
    """What lies beneath.

    Attributes
    ----------
    tiles
        Addresses of tiles, from below.
    origin
        The one host that the page asks; blank for an image.
    image
        The image as a data URI; blank for tiles.
    bounds
        South, west, north, east of the image (metres in a local grid).
    credit
        Where it is from, for people.
    """

    tiles: tuple[str, ...] = ()
    origin: str = ""
    image: str = ""
    bounds: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    credit: str = ""


def base_map(asked: str | Path, parcels: gpd.GeoDataFrame, lang: str = "both") -> Base:
    """Make what was asked for.

    Parameters
    ----------
    asked
        ``tianditu`` (its key stands in the environment, and then in the page), an address of tiles in Web Mercator
        with ``{z}``, ``{x}`` and ``{y}``, or an image that has a position (GeoTIFF, or PNG or JPEG with a world file;
        without a system it is taken to be in the zone's).
    parcels
        The zone's parcels, whose system the page is drawn from.
    lang
        Language of what is said when it cannot be had.

    Raises
    ------
    ReadError
        The address is none, the key is missing, or the image cannot be read or has no position.
    """
    text, plane = str(asked), Plane.of(parcels)
    if text == "tianditu" or "://" in text:
        if plane.plain:
            raise ReadError(say("refuse.base_plain", lang))
        return _tianditu(lang) if text == "tianditu" else _tiles(text, lang)
    return _image(Path(asked), parcels, plane, lang)


def _tianditu(lang: str) -> Base:
    key = os.environ.get(KEY, "")
    if not re.fullmatch(r"[0-9A-Za-z]{16,64}", key):
        raise ReadError(say("refuse.base_key", lang, name=KEY))
    found = [_tiles(_TIANDITU.format(layer=layer, key=key), lang) for layer in _LAYERS]
    return Base(
        tiles=tuple(url for base in found for url in base.tiles), origin=found[0].origin, credit="天地图 Tianditu"
    )


def _tiles(address: str, lang: str) -> Base:
    found = _ADDRESS.fullmatch(address)
    if found is None or set(_HOLDERS.findall(address)) != {"x", "y", "z"}:
        # an address may hold a name and a password: it is not repeated
        raise ReadError(say("refuse.base_address", lang))
    return Base(tiles=(address,), origin=found[1], credit=found[1].split("//")[1])


def _image(path: Path, parcels: gpd.GeoDataFrame, plane: Plane, lang: str) -> Base:
    driver = _DRIVERS.get(path.suffix.lower())
    if driver is None or not path.is_file():
        raise ReadError(say("refuse.base_file", lang, file=path.name))
    try:
        # rasterio warns of its own affine arithmetic, and of pictures without a place
        with warnings.catch_warnings(action="ignore"), rasterio.open(path.resolve(), driver=driver) as data:
            if data.transform.is_identity or data.count not in (1, 2, 3, 4) or data.dtypes[0] != "uint8":
                raise ReadError(say("refuse.base_place", lang, file=path.name))
            system = data.crs or (None if parcels.crs is None else parcels.crs.to_wkt())
            picture, where = _warped(data, None if plane.plain else system)
            png = _png(picture)
    except (rasterio.errors.RasterioError, OSError, ValueError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(say("refuse.base_file", lang, file=path.name)) from error
    west, south, east, north = rasterio.transform.array_bounds(picture.shape[1], picture.shape[2], where)
    if not plane.plain:
        way = pyproj.Transformer.from_crs(_MERCATOR, "EPSG:4326", always_xy=True)
        (west, east), (south, north) = way.transform([west, east], [south, north])
    uri = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    return Base(image=uri, bounds=(south, west, north, east), credit=path.name)


def _warped(data: rasterio.io.DatasetReader, system: object) -> tuple[npt.NDArray[np.uint8], rasterio.Affine]:
    """Give an image as red, green, blue and cover, in Web Mercator; in its own plane where there is no system."""
    colours = _colours(data)
    share = min(1.0, _SIDE / max(data.width, data.height))
    width, height = max(1, round(data.width * share)), max(1, round(data.height * share))
    where = data.transform @ rasterio.Affine.scale(data.width / width, data.height / height)
    if system is None:
        system = _MERCATOR  # the same on both sides: only the size changes
    else:
        where, width, height = rasterio.warp.calculate_default_transform(
            system, _MERCATOR, data.width, data.height, *data.bounds, dst_width=width, dst_height=height
        )
    out = np.zeros((4, height, width), dtype=np.uint8)
    rasterio.warp.reproject(
        colours, out, src_transform=data.transform, src_crs=system, dst_transform=where, dst_crs=_MERCATOR,
        resampling=rasterio.warp.Resampling.nearest if data.count == 1 else rasterio.warp.Resampling.bilinear,
    )  # fmt: skip
    return out, where


def _colours(data: rasterio.io.DatasetReader) -> npt.NDArray[np.uint8]:
    """Read an image of whatever bands as red, green, blue and cover."""
    bands = data.read()
    cover = data.dataset_mask()
    if data.count == 1 and data.colorinterp[0] == rasterio.enums.ColorInterp.palette:
        table = np.zeros((256, 4), dtype=np.uint8)
        for number, colour in data.colormap(1).items():
            table[number] = colour
        bands = np.moveaxis(table[bands[0]], -1, 0)
    elif data.count <= 2:
        bands = np.repeat(bands[:1], 3, axis=0)
    return np.concatenate([bands[:3], cover[None]]).astype(np.uint8)


def _png(picture: npt.NDArray[np.uint8]) -> bytes:
    with rasterio.io.MemoryFile() as memory:
        _, height, width = picture.shape
        with memory.open(driver="PNG", width=width, height=height, count=4, dtype="uint8") as out:
            out.write(picture)
        return bytes(memory.read())
