"""The DEM: heights at cell centres, counted by hand."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import rasterio
import rasterio.windows
import shapely
from small_zone import CRS, WATER, X, Y, found, line, square

from gisplan.base.errors import FormatError, LayerError, MissingCRS, ProfileError, ReadError
from gisplan.base.issues import Book
from gisplan.reading.formats import raster
from gisplan.reading.formats.raw import Request
from gisplan.reading.survey import read_folder

GROUND = WATER + '[ground]\nfile = "dem.tif"\nas_of = 2025-10-20\n'
HOLE = -9999.0


def write(folder, heights, crs=CRS, origin=(X, Y + 200), cell=10.0, **more):
    heights = np.asarray(heights, dtype="float32")
    bands = heights if heights.ndim == 3 else heights[None]
    said = dict(
        zip(("count", "height", "width"), bands.shape, strict=True), driver="GTiff", dtype="float32", nodata=HOLE
    )
    said.update(more)
    said["transform"] = rasterio.Affine(cell, 0, origin[0], 0, -cell, origin[1])
    if crs:
        said["crs"] = crs
    with rasterio.open(folder / "dem.tif", "w", **said) as file:
        file.write(bands)


def slope():
    """40 x 40 cells of 10 m from (X, Y + 200) down: the height is 100 + row."""
    return 100.0 + np.repeat(np.arange(40.0)[:, None], 40, axis=1)


def ground(zone, heights, text=GROUND, **more):
    folder = zone(text)
    write(folder, heights, **more)
    return read_folder(folder, lang="en")


def test_cells_of_polygons_by_hand(zone):
    dem = ground(zone, slope()).ground
    assert (dem.as_of, dem.cell_m, dem.name) == (dt.date(2025, 10, 20), 10.0, "dem.tif")
    assert dem.bounds == (X, Y - 200, X + 400, Y + 200)
    # 30 m square whose corner is the DEM's corner: 3 x 3 cells, rows 0 to 2.
    cells = dem.sample([shapely.box(X, Y + 170, X + 30, Y + 200), shapely.Polygon(), square(0, 0)])
    first = cells.owner == 0
    assert sorted(cells.z[first]) == [100.0] * 3 + [101.0] * 3 + [102.0] * 3
    assert sorted(set(cells.x[first])) == [X + 5, X + 15, X + 25] and sorted(set(cells.y[first])) == [
        Y + 175,
        Y + 185,
        Y + 195,
    ]
    assert cells.expected.tolist() == [9, 0, 100] and cells.found.tolist() == [9, 0, 100]
    # The parcel P1 reaches from Y to Y + 100: rows 10 to 19.
    assert (cells.z[cells.owner == 2].min(), cells.z[cells.owner == 2].max()) == (110.0, 119.0)


def test_a_hole_and_the_rim_are_counted_as_missing(zone):
    heights = slope()
    heights[0, :] = HOLE
    heights[1, 0] = np.nan
    cells = ground(zone, heights).ground.sample([shapely.box(X - 20, Y + 170, X + 30, Y + 200)])
    assert cells.expected.tolist() == [15] and cells.found.tolist() == [5]
    assert sorted(cells.z) == [101.0, 101.0, 102.0, 102.0, 102.0]


def test_a_height_that_cannot_be_is_missing(zone):
    heights = slope()
    heights[:, :] = 1e30
    assert len(ground(zone, heights).ground.sample([square(0, 0)]).z) == 0


def test_points_along_a_line(zone):
    cells = ground(zone, slope()).ground.sample(
        [line((5, 195), (5, 170)), shapely.MultiLineString([[(X, Y), (X + 9, Y)]])]
    )
    own = cells.owner == 0
    # 25 m at every 10 m, and the end: 195, 185, 175, 170 above Y, in rows 0, 1, 2 and 3.
    assert cells.z[own].tolist() == [100.0, 101.0, 102.0, 103.0]
    assert cells.expected.tolist() == [4, 2]


def test_many_parcels_in_batches(zone, monkeypatch):
    dem = ground(zone, slope()).ground
    boxes = [shapely.box(X + 10 * i, Y, X + 10 * i + 10, Y + 30) for i in range(40)]
    at_once = dem.sample(boxes)
    monkeypatch.setattr("gisplan.reading.ground._AT_ONCE", 7)
    in_batches = dem.sample(boxes)
    assert at_once.found.tolist() == [3] * 40
    for one, other in zip(vars(at_once).values(), vars(in_batches).values(), strict=True):
        assert np.array_equal(one, other)


def test_a_dem_in_another_crs_is_asked_in_its_own(zone):
    heights = np.full((80, 80), 500.0)
    origin = (37_000_000.0 + X - 200, Y + 400)
    dem = ground(zone, heights, crs="EPSG:4525", origin=origin).ground
    cells = dem.sample([square(0, 0)])
    assert cells.found.tolist() == [100] and cells.x.min() == pytest.approx(X + 5, abs=1e-3)
    degrees = ground(zone, heights, crs="EPSG:4490", origin=(111.59, 36.16), cell=0.0005).ground
    cells = degrees.sample([square(0, 0)])
    assert 40 < degrees.cell_m < 60 and cells.found.tolist() == cells.expected.tolist() and (cells.z == 500.0).all()
    inside = shapely.contains_xy(square(-1, -1, 102), cells.x, cells.y)
    assert inside.all()


def test_a_dem_without_a_crs_is_asked_for_one(zone):
    with pytest.raises(MissingCRS, match=r'dem\.tif.*\[ground\]: crs = "EPSG:4546"'):
        ground(zone, slope(), crs=None)
    assert ground(zone, slope(), GROUND + 'crs = "EPSG:4546"\n', crs=None).ground.cell_m == 10.0


def test_a_dem_that_cannot_be(zone):
    with pytest.raises(LayerError, match=r"dem\.tif.*parcel"):
        ground(zone, slope(), origin=(X + 5000, Y))
    with pytest.raises(MissingCRS, match="not guessed"):
        ground(zone, slope(), crs="EPSG:2382")
    with pytest.raises(FormatError, match="2"):
        ground(zone, np.stack([slope(), slope()]))
    folder = zone(GROUND)
    (folder / "dem.tif").write_bytes(b"II*\x00" + b"\x00" * 50)
    with pytest.raises(FormatError, match=r"dem\.tif"):
        read_folder(folder, lang="en")
    (folder / "dem.tif").write_text("<VRTDataset/>")
    with pytest.raises(FormatError, match="GeoTIFF"):
        read_folder(folder, lang="en")
    (folder / "dem.tif").unlink()
    with pytest.raises(ReadError, match=r"dem\.tif"):
        read_folder(folder, lang="en")


def test_a_dem_without_a_day_or_beyond_some_parcels_is_noted(zone):
    survey = ground(zone, slope()[:, :13], GROUND.replace("as_of = 2025-10-20\n", ""))
    assert found(survey, "dem_undated") and "1 parcels" in found(survey, "dem_part")[0].message


def test_damaged_blocks_are_without_heights_and_counted(zone):
    """A file cut in the middle: 4 of 40 rows of blocks at the end are gone, the rest is as it was."""
    folder = zone(GROUND)
    # One row of cells per strip, 1600 bytes each: the first bytes of the file are its header.
    write(folder, np.repeat(slope(), 10, axis=1), blockysize=1)
    path = folder / "dem.tif"
    path.write_bytes(path.read_bytes()[: -4 * 1600 + 100])
    survey = read_folder(folder, lang="en")
    assert "4 blocks" in found(survey, "dem_damaged")[0].message
    cells = survey.ground.sample([shapely.box(X, Y - 200, X + 10, Y + 200)])
    assert cells.expected.tolist() == [40] and cells.z.tolist() == [100.0 + row for row in range(36)]
    path.write_bytes(path.read_bytes()[: -36 * 1600])
    with pytest.raises(FormatError, match=r"dem\.tif.*Export"):
        read_folder(folder, lang="en")


def test_blocks_that_were_never_written_are_no_level_ground(zone):
    folder = zone(GROUND)
    write(folder, np.zeros((48, 48)), tiled=True, blockxsize=16, blockysize=16, nodata=None)
    with rasterio.open(folder / "dem.tif") as file:
        said = {**file.profile, "sparse_ok": "TRUE"}
    with rasterio.open(folder / "dem.tif", "w", **said) as file:
        file.write(slope()[:16, :16].astype("float32"), 1, window=rasterio.windows.Window(0, 0, 16, 16))
    cells = read_folder(folder, lang="en").ground.sample([shapely.box(X, Y - 280, X + 480, Y + 200)])
    assert cells.expected.tolist() == [48 * 48] and cells.found.tolist() == [16 * 16]
    # Ground that is really at height 0 was written, and stays.
    write(folder, np.zeros((48, 48)), tiled=True, blockxsize=16, blockysize=16, nodata=None)
    assert read_folder(folder, lang="en").ground.sample([square(0, 0)]).found.tolist() == [100]


def test_a_grid_that_is_too_large_is_refused_before_it_is_read(zone, monkeypatch):
    monkeypatch.setattr(raster, "LARGEST", 40 * 40 - 1)
    folder = zone(GROUND)
    write(folder, slope())
    with pytest.raises(ReadError, match=r"dem\.tif.*40 × 40.*1,599.*Clip"):
        raster.read_grid(folder / "dem.tif", Request("dem.tif", "[ground]"), Book("en"))
    monkeypatch.setattr(raster, "LARGEST", 40 * 40)
    assert raster.read_grid(folder / "dem.tif", Request("dem.tif", "[ground]"), Book("en"))[0].heights.shape == (40, 40)


def test_heights_in_feet_become_metres(zone):
    folder = zone(GROUND)
    for unit, metres in (("ft", 0.3048), ("US survey foot", 1200 / 3937), ("metre", 1.0), ("", 1.0)):
        write(folder, np.full((40, 40), 1000.0))
        with rasterio.open(folder / "dem.tif", "r+") as file:
            file.units = (unit,)
        survey = read_folder(folder, lang="en")
        assert survey.ground.sample([square(0, 0)]).z == pytest.approx(np.full(100, 1000 * metres), abs=1e-9)
        assert bool(found(survey, "dem_feet")) == (metres != 1.0)
    with rasterio.open(folder / "dem.tif", "r+") as file:
        file.units = ("parsec",)
    with pytest.raises(FormatError, match="parsec"):
        read_folder(folder, lang="en")


def test_what_only_points_can_have_is_refused_for_a_grid(zone):
    for entry, key in (('axes = "north_east"', "axes"), ('unit = "ft"', "unit"), ('layer = "GCD"', "layer")):
        with pytest.raises(ProfileError, match=rf"dem\.tif: {key} under \[ground\]"):
            ground(zone, slope(), text=f"{GROUND}{entry}\n")


def test_scaled_whole_numbers_and_the_old_datum(zone):
    folder = zone(GROUND + 'height_datum = "1956"\n')
    write(folder, np.full((40, 40), 12345), dtype="int16", nodata=-1)
    with rasterio.open(folder / "dem.tif", "r+") as file:
        file.scales, file.offsets = (0.01,), (300.0,)
    survey = read_folder(folder, lang="en")
    # 300 + 123.45 m, brought from 1956 to 1985.
    assert survey.ground.sample([square(0, 0)]).z == pytest.approx(np.full(100, 423.45 - 0.029), abs=1e-9)
    assert any("1956" in n.en for n in survey.notes)
