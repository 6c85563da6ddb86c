"""The plane that the review page draws in, and shapes written in it: whole steps, each from the one before."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pyproj
import shapely

LINES = (1, 2)
"""Types of lines in shapely."""
_POINT, _POLYGON = 0, 3
_SINGLE = (0, 1, 2, 3)
_LIKE_WGS84 = (4326, 4490, 4258)
_STRAY_M = 0.01
_TRIED = 20_000  # vertices on which a transformation is tried: of more, some of them


@dataclass(frozen=True)
class Plane:
    """The plane the page draws in: degrees of EPSG:4326 in steps of 1e-7 (1 cm), or plain metres in steps of 1 mm."""

    plain: bool
    unit: float
    transformer: pyproj.Transformer | None

    @classmethod
    def of(cls, parcels: gpd.GeoDataFrame, coarse: bool = False) -> Plane:
        """Choose the plane; a local grid, or a CRS whose transformation fails on these parcels, stays in metres.

        A coarse one has steps of a decimetre: what a map of a large zone can show.
        """
        metres = cls(plain=True, unit=0.1 if coarse else 1e-3, transformer=None)
        crs = None if parcels.crs is None else pyproj.CRS(parcels.crs)
        if crs is None or crs.geodetic_crs is None:
            return metres
        # On these datums longitude and latitude are those of EPSG:4326 within a metre; PROJ need not search for a way.
        near = crs.geodetic_crs.to_epsg(min_confidence=100) in _LIKE_WGS84
        try:
            way = pyproj.Transformer.from_crs(crs, crs.geodetic_crs if near else "EPSG:4326", always_xy=True)
        except pyproj.exceptions.ProjError:
            return metres
        degrees = cls(plain=False, unit=1e-6 if coarse else 1e-7, transformer=way)
        xy = shapely.get_coordinates(parcels.geometry.array)
        # where a transformation fails it fails at the edge, or far outside
        edge = [*xy.argmin(axis=0), *xy.argmax(axis=0)] if len(xy) else []
        drawn = degrees.project(np.concatenate([xy[:: max(1, len(xy) // _TRIED)], xy[edge]]))
        return degrees if np.isfinite(drawn).all() else metres

    def project(self, xy: np.ndarray) -> np.ndarray:
        """Take coordinates of the zone's CRS (east, north) to the page's plane."""
        if self.transformer is None or not len(xy):
            return xy
        return np.column_stack(self.transformer.transform(xy[:, 0], xy[:, 1]))

    def unproject(self, xy: np.ndarray) -> np.ndarray:
        """Take coordinates of the page's plane to the zone's CRS (east, north)."""
        if self.transformer is None or not len(xy):
            return xy
        inverse = pyproj.enums.TransformDirection.INVERSE
        return np.column_stack(self.transformer.transform(xy[:, 0], xy[:, 1], direction=inverse))

    def grid(self, parcels: gpd.GeoDataFrame) -> dict[str, list[float]] | None:
        """Give the way back to the zone's own coordinates, as a polynomial of third order about the middle of the zone.

        Over a zone a map projection is so nearly one that no projection need be written into the page. Coefficients of
        1, x, y, x², xy, y², x³, x²y, xy², y³ (x, y in degrees from the middle) for east and for north [m]; None where
        the plane is in metres already, or where the polynomial strays by more than a centimetre from the truth.
        """
        if self.transformer is None or not len(parcels):
            return None
        west, south, east, north = parcels.total_bounds
        margin = max(east - west, north - south, 1000.0) * 0.25
        sides = [np.linspace(a - margin, b + margin, 12) for a, b in ((west, east), (south, north))]
        true = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
        drawn = self.project(true)
        if not (np.isfinite(true).all() and np.isfinite(drawn).all()):
            return None
        middle = drawn.mean(axis=0)
        terms = _terms(drawn - middle)
        found, *_ = np.linalg.lstsq(terms, true, rcond=None)
        if np.abs(terms @ found - true).max() > _STRAY_M:
            return None
        return {"middle": middle.tolist(), "east": found[:, 0].tolist(), "north": found[:, 1].tolist()}

    def steps(self, xy: np.ndarray) -> list[int]:
        """Give coordinates as whole steps, each as the difference to the one before: short in JSON."""
        whole = np.rint(self.project(xy) / self.unit).astype(np.int64)
        return np.diff(whole, axis=0, prepend=np.zeros((1, 2), np.int64)).ravel().tolist()

    def centre(self, parcels: gpd.GeoDataFrame) -> tuple[float, float]:
        """Give the middle of the parcels as (latitude, longitude), or (north, east) in metres."""
        west, south, east, north = parcels.total_bounds if len(parcels) else (0.0, 0.0, 0.0, 0.0)
        middle = np.array([[(west + east) / 2, (south + north) / 2]])
        x, y = self.project(np.nan_to_num(middle))[0]
        return round(float(y), 5), round(float(x), 5)

    def parts(self, pieces: np.ndarray, of: np.ndarray) -> dict[str, list[int]]:
        """Write pieces (lines or rings): the row each belongs to, its number of vertices, and the vertices."""
        xy, piece = shapely.get_coordinates(pieces, return_index=True)
        sound = np.isfinite(xy).all(axis=1)
        counts = np.bincount(piece[sound], minlength=len(pieces))
        return {"of": of.tolist(), "n": counts.tolist(), "xy": self.steps(xy[sound])}

    def rings(self, areas: np.ndarray) -> dict[str, list[int]]:
        """Write polygons as rings without their closing vertex; even-odd filling makes the holes."""
        pieces, of = apart(areas)
        polygons = shapely.get_type_id(pieces) == _POLYGON
        rings, polygon = shapely.get_rings(pieces[polygons], return_index=True)
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        opened = np.append(ring[1:] == ring[:-1], False) if len(ring) else np.array([], dtype=bool)
        keep = opened & np.isfinite(xy).all(axis=1)
        counts = np.bincount(ring[keep], minlength=len(rings))
        return {"of": of[polygons][polygon].tolist(), "n": counts.tolist(), "xy": self.steps(xy[keep])}

    def lines(self, shapes: np.ndarray) -> dict[str, list[int]]:
        """Write lines; an area is shown by its outline."""
        pieces, of = apart(shapes)
        areas = shapely.get_type_id(pieces) == _POLYGON
        pieces = np.where(areas, shapely.boundary(pieces), pieces)
        again, back = shapely.get_parts(pieces, return_index=True)
        lines = np.isin(shapely.get_type_id(again), LINES)
        return self.parts(again[lines], of[back][lines])

    def points(self, shapes: np.ndarray) -> dict[str, list[int]]:
        """Write points, each with the row it belongs to."""
        pieces, of = apart(shapes)
        points = shapely.get_type_id(pieces) == _POINT
        return {"of": of[points].tolist(), "xy": self.steps(shapely.get_coordinates(pieces[points]))}


def _terms(xy: np.ndarray) -> np.ndarray:
    x, y = xy.T
    return np.column_stack([np.ones(len(x)), x, y, x * x, x * y, y * y, x**3, x * x * y, x * y * y, y**3])


def apart(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take multi-geometries and collections apart; give the pieces that are not empty and the row of each."""
    shapes = np.asarray(shapes, dtype=object)
    if np.isin(shapely.get_type_id(shapes), _SINGLE).all():
        full = ~shapely.is_empty(shapes)
        return shapes[full], np.flatnonzero(full)
    outer, of = shapely.get_parts(shapes, return_index=True)
    inner, within = shapely.get_parts(outer, return_index=True)
    full = ~shapely.is_empty(inner)
    return inner[full], of[within][full]


def anchors(areas: np.ndarray) -> np.ndarray:
    """Give the point of each parcel where its letter stands: the centroid, if that lies inside."""
    centres = shapely.centroid(areas)
    return np.where(shapely.contains(areas, centres), centres, shapely.point_on_surface(areas))


def middles(shapes: np.ndarray) -> np.ndarray:
    """Give the place of a mark: half-way along a line (the longest piece of several), well inside an area."""
    pieces, of = apart(shapes)
    longest = np.lexsort((-shapely.length(pieces), of))
    first = longest[np.unique(of[longest], return_index=True)[1]]
    spots = np.asarray(shapely.point_on_surface(pieces[first]), dtype=object)
    lines = np.isin(shapely.get_type_id(pieces[first]), LINES)
    spots[lines] = shapely.line_interpolate_point(pieces[first][lines], 0.5, normalized=True)
    middles = np.full(len(shapes), None, dtype=object)
    middles[of[first]] = spots
    return middles
