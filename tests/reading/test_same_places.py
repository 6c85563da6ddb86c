"""The embedded zone in other coordinates: the same grades in all 1660 cells, or a refusal whose line cures it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from pyproj import Transformer
from rewriting import CONNECTION, GANTING, NETWORKS, Sheet, grades, rewrite

import gisplan
from gisplan.cli import main
from gisplan.reading.places.offsets import bd09, gcj02

ALL = ("parcels", "barriers", *NETWORKS)
ZONE = "EPSG:4546"
Way = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@cache
def whole() -> gisplan.Zone:
    return gisplan.read(GANTING, CONNECTION)


@cache
def wanted() -> pd.Series:
    return grades(whole())


def layers(zone: gisplan.Zone) -> dict[str, gpd.GeoDataFrame]:
    barriers = {} if zone.survey.barriers is None else {"barriers": zone.survey.barriers}
    return {**zone.survey.layers, **barriers, "parcels": zone.survey.parcels}


def same(folder: Path, judged: bool = True) -> gisplan.Zone:
    """Compare where everything lies, and all grades, with the zone as it is; give the zone."""
    zone = gisplan.read(folder, CONNECTION)
    for key, table in layers(zone).items():
        assert np.abs(_dots(table) - _dots(layers(whole())[key])).max() < 0.001, key
    if judged:
        assert len(wanted()) == 1660
        pd.testing.assert_series_equal(grades(zone), wanted())
    return zone


def _dots(table: gpd.GeoDataFrame) -> np.ndarray:
    rows = table.assign(part=table.get("part", 0)).reset_index()
    order = np.lexsort([rows["part"].to_numpy(), rows.iloc[:, 0].to_numpy(dtype=str)])
    return shapely.get_coordinates(table.geometry.to_numpy()[order])


def write(frame: gpd.GeoDataFrame, path: Path) -> str:
    """Write a GeoPackage, and give what zone.toml must say of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a frame without a system
        pyogrio.write_dataframe(frame, path, layer=path.stem)
    return f'file = "{path.name}"'


def through(way: Way, label: str | None, lines: str = "", only: tuple[str, ...] = ALL) -> Callable[[Sheet, Path], str]:
    """Make a writer that puts a layer through a way and labels it; layers that are not asked for stay as they are."""

    def writer(sheet: Sheet, folder: Path) -> str:
        frame = sheet.frame.to_crs(ZONE)
        name = folder / f"{sheet.layer}_x.gpkg"
        if sheet.key not in only:
            return write(frame, name)
        shapes = shapely.transform(frame.geometry.to_numpy(), lambda xy: np.column_stack(way(xy[:, 0], xy[:, 1])))
        return write(gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=shapes, crs=label), name) + "\n" + lines

    return writer


def into(
    crs: str, label: str | None = "", lines: str = "", only: tuple[str, ...] = ALL
) -> Callable[[Sheet, Path], str]:
    """Make a writer that puts a layer into another system, labelled with it or with something else."""
    way = Transformer.from_crs(ZONE, crs, always_xy=True)
    return through(lambda e, n: way.transform(e, n), crs if label == "" else label, lines, only)


# ----------------------------------------------------------------------------------------------- systems that are known


def test_every_layer_with_the_number_of_the_zone(tmp_path: Path) -> None:
    zone = same(rewrite(tmp_path / "z", into("EPSG:4525"), ALL))
    assert any("EPSG:4525 to EPSG:4546, accuracy 0 m" in note.en for note in zone.survey.notes)


def test_every_layer_in_a_system_of_its_own(tmp_path: Path) -> None:
    systems = ["EPSG:4546", "EPSG:4525", "EPSG:4490", "EPSG:4326", "EPSG:4508", "EPSG:4547", "EPSG:32649", "EPSG:4526",
               "EPSG:4497", "EPSG:4545", "EPSG:4544"]  # fmt: skip
    own = dict(zip(ALL, systems, strict=True))
    zone = same(rewrite(tmp_path / "z", lambda sheet, folder: into(own[sheet.key])(sheet, folder), ALL))
    said = " ".join(note.en for note in zone.survey.notes)
    # EPSG:4508 has the very numbers of EPSG:4546: nothing is changed.
    assert all(crs in said for crs in systems if crs not in (ZONE, "EPSG:4508")) and "taken as the same datum" in said


def test_north_before_east(tmp_path: Path) -> None:
    same(rewrite(tmp_path / "z", through(lambda e, n: (n, e), ZONE, 'axes = "north_east"'), ALL))


# ---------------------------------------------------------------------------------------- systems with given parameters


def local(east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The local grid: E = e + 0.001 n + 553000, N = n - 0.001 e + 3999000, solved for e and n."""
    dx, dy = east - 553_000.0, north - 3_999_000.0
    n = (dy + 0.001 * dx) / (1 + 1e-6)
    return dx - 0.001 * n, n


AFFINE = 'shift = { kind = "affine", a = 1, b = 0.001, c = 553000, d = -0.001, e = 1, f = 3999000 }'
PLANE = (
    'shift = { kind = "plane4", convention = "north_east", dx_m = 3999000, dy_m = 553000, '
    f"rotation_rad = {math.atan2(0.001, 1)!r}, scale = {math.hypot(1, 0.001)!r} }}"
)


@pytest.mark.parametrize(("line", "judged"), [(AFFINE, True), (PLANE, False)], ids=["affine", "plane4"])
def test_a_local_grid_with_parameters(tmp_path: Path, line: str, judged: bool) -> None:
    zone = same(rewrite(tmp_path / "z", through(local, None, f'crs = "local"\n{line}'), ALL), judged)
    assert sum("given parameters" in note.en for note in zone.survey.notes) >= len(ALL)


def xian(east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The way from the zone into Xian 80 that PROJ finds for these seven numbers."""
    way = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +a=6378137 +rf=298.257222101 "
        "+step +inv +proj=helmert +x=1.5 +y=-2.5 +z=3.5 +rx=0.5 +ry=-0.25 +rz=0.75 +s=2 +convention=coordinate_frame "
        "+step +inv +proj=cart +a=6378140 +rf=298.257 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    lon, lat = Transformer.from_crs(ZONE, "EPSG:4490", always_xy=True).transform(east, north)
    lon, lat, _ = way.transform(lon, lat, np.zeros_like(lon))
    return Transformer.from_crs("EPSG:4610", "EPSG:2382", always_xy=True).transform(lon, lat)


HELMERT = (
    '{ from = "EPSG:4610", kind = "helmert7", convention = "coordinate_frame", dx_m = 1.5, dy_m = -2.5, dz_m = 3.5, '
    "rx_arcsec = 0.5, ry_arcsec = -0.25, rz_arcsec = 0.75, scale_ppm = 2 }"
)


def test_xian_80_with_seven_parameters_of_the_zone(tmp_path: Path) -> None:
    folder = rewrite(tmp_path / "z", through(xian, "EPSG:2382"), ALL)
    text = (folder / "zone.toml").read_text(encoding="utf-8")
    (folder / "zone.toml").write_text(text.replace("[zone]\n", f"[zone]\nshift = {HELMERT}\n", 1), encoding="utf-8")
    zone = same(folder)
    assert any("EPSG:2382" in note.en and "helmert7" in note.en for note in zone.survey.notes)


# ------------------------------------------------------------------------------------------------- what must be refused

WATER = ("water",)


def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the command; give what it says."""
    assert main(["check", str(folder), "--out", str(folder.parent / "out"), "--lang", "en"]) == 3
    return " ".join(capsys.readouterr().err.split("\n"))


def paste(folder: Path, line: str) -> Path:
    """Do what the refusal says: paste its line under the sources of the water layer."""
    text = (folder / "zone.toml").read_text(encoding="utf-8")
    text = text.replace("[[layer.water]]\n", f"[[layer.water]]\n{line}\n")
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    return folder


def alone(folder: Path, key: str) -> Path:
    """Take away every layer but one, which is enough to be refused."""
    for path in folder.iterdir():
        if not path.name.startswith((key, "parcels", "zone.toml")):
            path.unlink()
    text = (folder / "zone.toml").read_text(encoding="utf-8")
    first, *blocks = text.split("\n[")
    own = ("zone]", "parcels]", f"[layer.{key}]]")
    blocks = [first, *(b for b in blocks if b.startswith(own) or f'service = "{key}"' in b)]
    (folder / "zone.toml").write_text("\n[".join(blocks), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("writer", "cause", "line"),
    [
        (into(ZONE, None, only=WATER), "no coordinate system", 'crs = "EPSG:4546"'),
        (into("EPSG:4525", ZONE, only=WATER), "number of the zone stands before", 'crs = "EPSG:4525"'),
        (into("EPSG:4547", ZONE, only=WATER), "central meridian 114", 'crs = "EPSG:4547"'),
        (into(ZONE, "EPSG:2382", only=WATER), "EPSG:2382 (Xian 1980", 'crs = "EPSG:4546"'),
        (through(lambda e, n: (n, e), ZONE, only=WATER), "swapped", 'crs = "EPSG:4546"\naxes = "north_east"'),
        (into("EPSG:32649", ZONE, only=WATER), "look like EPSG:32649", 'crs = "EPSG:32649"'),
        (
            through(lambda e, n: (e - 500_000, n - 4_000_000), ZONE, only=WATER), "leading digits",
            'crs = "local"\nshift = { kind = "plane4", convention = "east_north", dx_m = 500000, dy_m = 4000000 }',
        ),
    ],
    ids=["no label", "number of the zone", "wrong zone", "only labelled Xian 80", "swapped", "UTM", "digits cut off"],
)  # fmt: skip
def test_a_refusal_names_file_and_cause_and_its_line_cures_it(tmp_path, capsys, writer, cause, line) -> None:
    folder = rewrite(tmp_path / "z", writer, WATER)
    judged = "north_east" in line
    folder = folder if judged else alone(folder, "water")
    said = refused(folder, capsys)
    assert "water_" in said and "_x.gpkg" in said and cause in said and " ".join(line.split("\n")) in said
    same(paste(folder, line), judged)


@pytest.mark.parametrize(("way", "cause"), [(gcj02, "GCJ-02"), (bd09, "BD-09")])
@pytest.mark.parametrize("key", ["road", "water"])
def test_the_coordinates_of_web_maps_are_never_judged(tmp_path, capsys, key, way, cause) -> None:
    degrees = Transformer.from_crs(ZONE, "EPSG:4490", always_xy=True)

    def shifted(east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return degrees.transform(*way(*degrees.transform(east, north)), direction="INVERSE")

    folder = rewrite(tmp_path / "z", through(shifted, ZONE, only=(key,)), (key,))
    said = refused(alone(folder, key), capsys)
    assert (
        "_x.gpkg" in said and cause in said and "neither moved nor judged" in said and "position_checked = true" in said
    )


def test_xian_80_without_parameters(tmp_path, capsys) -> None:
    folder = rewrite(tmp_path / "z", through(xian, "EPSG:2382", only=WATER), WATER)
    said = refused(alone(folder, "water"), capsys)
    assert "EPSG:2382" in said and "not guessed" in said and 'kind = "helmert7"' in said
