"""The review as one GeoPackage: parcels with their letters, gaps, the networks' features, and the joins that were made.

GDAL reports success on a full disk and leaves a file without its spatial index, so what was written is opened and
counted again before it takes the old file's place.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from gisplan.base.errors import ExportError
from gisplan.base.files import replacing
from gisplan.outputs.columns import FAULTS, GAPS, JOINS, guessed, numbered, pick, plain, present, printable
from gisplan.outputs.tables import Tables

PARCELS = ("name", "use", "sub_park", "supply_status", "delivery_on", "promised")
READINESS = ("area_mu", "ready", "ready_by_delivery", "ready_on", "connected_count", "required_count")
LAND = ("stage", "legal", "promise", "conclusion", "net_area_m2", "tasks", "sentence_zh", "sentence_en")
EARTHWORK = ("lowest_m", "mean_m", "slope_pct", "cut_m3", "fill_m3", "balance_m3", "balance_level_m")
FEATURES = ("service", "feature", "role", "kind", "state", "label", "works", "name")
# By the whole name of a layer, or by its last word; everything else holds points.
_KINDS = {
    "parcels": "MultiPolygon",
    "gaps": "MultiLineString",
    "near_misses": "MultiLineString",
    "lines": "MultiLineString",
    "areas": "MultiPolygon",
}
_ABOUT = ("invented", "disclaimer", "profile", "dates", "version", "formula", "notes")
_LETTER = "grade_"  # before a service's name: a service called "name" must not meet the parcel's own column
# GDAL stamps every layer with the time of writing; a fixed one lets the same input give the same bytes.
_STAMP = {"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"}
_VERSION = "1.2"  # what QGIS and GDAL of the last years read without a warning
_FAILURES = (DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError, RuntimeError)


def write_geopackage(tables: Tables, path: Path) -> None:
    """Write ``review.gpkg``.

    Parameters
    ----------
    tables
        What the report hands over; every layer stays in the zone's CRS.
    path
        Where the file belongs.

    Raises
    ------
    ExportError
        The file cannot be written or came out incomplete; the old one is kept.
    """
    _write(tables, _layers(tables), ("parcels", "gaps"), path)


def write_fault_layers(tables: Tables, path: Path) -> None:
    """Write ``faults.gpkg``: the faults by shape, the joins, and the near misses once more as a layer of their own.

    Parameters
    ----------
    tables
        What the report hands over; every layer stays in the zone's CRS.
    path
        Where the file belongs.

    Raises
    ------
    ExportError
        The file cannot be written or came out incomplete; the old one is kept.
    """
    misses = tables.faults[tables.faults["code"].str.startswith("near_")]
    guesses = guessed(tables.joins)
    layers = _fault_layers(tables.faults) | {
        "joins": _layer(present(pd.DataFrame(guesses), JOINS), guesses),
        "near_misses": _layer(present(pd.DataFrame(misses), FAULTS), misses),
    }
    _write(tables, layers, ("faults_points",), path)


def _write(tables: Tables, layers: dict[str, gpd.GeoDataFrame], always: tuple[str, ...], path: Path) -> None:
    """Write the layers that hold something, and those that are always there."""
    layers = {name: frame for name, frame in layers.items() if len(frame) or name in always}
    about = {"title": printable(pick(tables.about.get("title"), "both")), "about": _note(tables)}

    def whole(temporary: Path) -> None:
        _verify(temporary, path.name, layers)

    with replacing(path, whole) as temporary, _fixed_time():
        temporary.unlink(missing_ok=True)
        for name, (frame, kind) in ((n, (f, _kind(f, n))) for n, f in layers.items()):
            try:
                pyogrio.write_dataframe(
                    frame,
                    temporary,
                    layer=name,
                    driver="GPKG",
                    geometry_type=kind,
                    promote_to_multi=True,
                    dataset_metadata=about,
                    VERSION=_VERSION,
                )
            except _FAILURES as error:
                raise OSError(f"layer {name}: {error}") from error


def _layers(tables: Tables) -> dict[str, gpd.GeoDataFrame]:
    """Put every layer together; lines and points go apart, as a GIS wants them."""
    letters = present(tables.readiness, [*READINESS, *tables.services.index])
    letters = letters.rename(columns={key: f"{_LETTER}{key}" for key in tables.services.index})
    parcels = present(pd.DataFrame(tables.parcels), PARCELS).join(letters)
    if tables.land is not None:
        parcels = parcels.join(present(tables.land, LAND))
    if tables.earthwork is not None:
        parcels = parcels.join(present(tables.earthwork, EARTHWORK))
    parcels = numbered(parcels)
    features, guesses = tables.features, guessed(tables.joins)
    dimension = shapely.get_dimensions(np.asarray(features.geometry.array, dtype=object))
    return {
        "parcels": _layer(parcels, tables.parcels),
        "gaps": _layer(present(pd.DataFrame(tables.gaps), GAPS), tables.gaps),
        "features_lines": _part(features, dimension == 1),
        "features_points": _part(features, dimension == 0),
        "features_areas": _part(features, dimension == 2),
        "joins": _layer(present(pd.DataFrame(guesses), JOINS), guesses),
    } | _fault_layers(tables.faults)


def _fault_layers(faults: gpd.GeoDataFrame) -> dict[str, gpd.GeoDataFrame]:
    """Take the faults apart by shape; one without a shape goes to the points, as a row without geometry."""
    dimension = shapely.get_dimensions(np.asarray(faults.geometry.array, dtype=object))
    return {
        "faults_points": _part(faults, dimension <= 0, FAULTS),
        "faults_lines": _part(faults, dimension == 1, FAULTS),
        "faults_areas": _part(faults, dimension == 2, FAULTS),
    }


def _part(features: gpd.GeoDataFrame, rows: Any, columns: tuple[str, ...] = FEATURES) -> gpd.GeoDataFrame:
    part = features[rows]
    return _layer(present(pd.DataFrame(part), columns), part)


def _layer(frame: pd.DataFrame, shapes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give a table its geometry back, dates as ISO text and texts without control characters."""
    written = frame.reset_index(drop=True)
    for name in written:
        column = written[name]
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            written[name] = column.dt.strftime("%Y-%m-%d").astype(object).where(column.notna(), None)
        elif not pd.api.types.is_numeric_dtype(column.dtype):
            texts = [None if v is None else v if isinstance(v, str) else str(v) for v in map(plain, column)]
            written[name] = pd.Series(texts, dtype=object)
    geometry = shapely.force_2d(np.asarray(shapes.geometry.array, dtype=object))
    return gpd.GeoDataFrame(written, geometry=geometry, crs=shapes.crs)


def _kind(frame: gpd.GeoDataFrame, name: str) -> str:
    """Name the one geometry type of a layer; every layer has one, and it is a multi-part one."""
    kind = _KINDS.get(name) or _KINDS.get(name.rpartition("_")[2], "MultiPoint")
    if kind == "MultiPoint" or name == "features_areas":
        return kind
    return kind if set(frame.geom_type.dropna()) <= {kind, kind.removeprefix("Multi")} else "Unknown"


def _note(tables: Tables) -> str:
    about = tables.about
    kept = {key: plain(about[key]) for key in _ABOUT if about.get(key) is not None}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True)


@contextmanager
def _fixed_time() -> Iterator[None]:
    pyogrio.set_gdal_config_options(_STAMP)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(dict.fromkeys(_STAMP))


def _verify(path: Path, name: str, layers: dict[str, gpd.GeoDataFrame]) -> None:
    """Open the file again and count: rows, drawn geometries, entries of the spatial index."""
    try:
        with closing(sqlite3.connect(path)) as database:
            sound = database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            for layer, frame in layers.items():
                drawn = int((~(frame.geometry.isna() | frame.geometry.is_empty)).sum())
                # Layer names are ours, never from a file.
                for table, count in ((layer, len(frame)), (f"rtree_{layer}_geom", drawn)):
                    found = database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
                    if found != count or not sound:
                        raise ExportError(f"{name}: {table} holds {found} of {count} rows. Check the disk.")
    except sqlite3.Error as error:
        raise ExportError(f"{name}: what was written cannot be read back ({error}). Check the disk.") from error
