"""The embedded zone written again in other formats and encodings: the same grades in every one of its 1660 cells.

One writer per format. What a format cannot hold is said at its writer; the columns that decide grades are all there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from rewriting import CONNECTION, GANTING, NETWORKS, Sheet, grades, rewrite
from writing import pack, shapefile

import gisplan
from gisplan.base.fields import fields

EVERYTHING = ("parcels", "barriers", *NETWORKS)
Writer = Callable[[Sheet, Path], str | list[str]]

SHORT = {
    "capacity_unit": "cap_unit",
    "capacity_used": "cap_used",
    "diameter_mm": "diam_mm",
    "invert_from_m": "inv_from",
    "invert_to_m": "inv_to",
    "holes_total": "holes_tot",
    "pressure_class": "press_cls",
    "stated_area_m2": "area_m2",
    "supply_status": "supply",
    "cadastral_code": "cadastral",
    "county_code": "county",
    "delivery_on": "deliver_on",
    "leveling_status": "level_stat",
    "leveling_works": "level_wks",
}
"""A Shapefile keeps ten bytes of a column's name: these get a shorter one, and zone.toml says which is which."""


@cache
def wanted() -> pd.Series:
    return grades(GANTING)


def same(folder: Path) -> set[str]:
    """Compare the grades, and give the codes of the issues."""
    zone = gisplan.read(folder, CONNECTION)
    assert len(wanted()) == 1660
    pd.testing.assert_series_equal(grades(zone), wanted())
    return set(zone.issues["code"])


def kinds(sheet: Sheet) -> Iterator[tuple[str, gpd.GeoDataFrame]]:
    """Give the sheet by kind of shape, for formats whose layers hold one kind."""
    kind = shapely.get_dimensions(sheet.frame.geometry)
    for number, name in enumerate(("point", "line", "area")):
        if (kind == number).any():
            yield f"{sheet.layer}_{name}", sheet.frame[kind == number].reset_index(drop=True)


def said(file: str, frame: gpd.GeoDataFrame, **more: str) -> str:
    """Say what zone.toml must say of a file: its name, and the columns that have a shorter name there."""
    known = {*fields("parcels"), *fields("layer")}
    columns = ", ".join(f'{o} = "{short}"' for o, short in SHORT.items() if short in frame.columns and o in known)
    lines = [f'file = "{file}"', *(f'{key} = "{value}"' for key, value in more.items())]
    return "\n".join([*lines, f"columns = {{ {columns} }}"] if columns else lines)


# ------------------------------------------------------------------------------------------------ one writer per format


def gpkg(sheet: Sheet, folder: Path) -> str:
    """All layers in one file."""
    sheet.frame.to_file(folder / "all.gpkg", layer=sheet.layer, mode="a" if (folder / "all.gpkg").exists() else "w")
    return said("all.gpkg", sheet.frame, layer=sheet.layer)


def geojson(sheet: Sheet, folder: Path) -> str:
    """In metres, with the old ``crs`` member that says so."""
    sheet.frame.to_file(folder / f"new_{sheet.layer}.geojson")
    more = {"crs": "EPSG:4490"} if sheet.key == "catv" else {}
    return said(f"new_{sheet.layer}.geojson", sheet.frame, **more)


def geojson_degrees(sheet: Sheet, folder: Path) -> str:
    """In degrees as RFC 7946 has it: seven decimals, a centimetre, which moves no pipe into or out of reach here."""
    sheet.frame.to_crs(4326).to_file(folder / f"new_{sheet.layer}.geojson", RFC7946="YES")
    return said(f"new_{sheet.layer}.geojson", sheet.frame)


def gdb(sheet: Sheet, folder: Path) -> list[str]:
    """One kind of shape per layer, and always multi-shapes; a whole zone in one geodatabase."""
    out = []
    for name, frame in kinds(sheet):
        mode = "a" if (folder / "all.gdb").exists() else "w"
        frame.to_file(folder / "all.gdb", layer=name, driver="OpenFileGDB", promote_to_multi=True, mode=mode)
        out.append(said("all.gdb", frame, layer=name))
    return out


def kml(sheet: Sheet, folder: Path) -> str:
    """Always in degrees of WGS 84, every cell as text; lines as KML, the rest as KMZ."""
    name = f"{sheet.layer}.{'kml' if sheet.layer.endswith('line') else 'kmz'}"
    sheet.frame.to_crs(4326).to_file(folder / name, driver="LIBKML")
    return said(name, sheet.frame)


def fgb(sheet: Sheet, folder: Path) -> str:
    """Rows come back in another order, that of the spatial index."""
    sheet.frame.to_file(folder / f"{sheet.layer}.fgb")
    return said(f"{sheet.layer}.fgb", sheet.frame)


def parquet(sheet: Sheet, folder: Path) -> str:
    sheet.frame.to_parquet(folder / f"{sheet.layer}.parquet")
    return said(f"{sheet.layer}.parquet", sheet.frame)


def shp(encoding: str, cpg: str | None = "", language: int = 0) -> Writer:
    """One kind of shape per file, short names, blanks for nulls."""

    def write(sheet: Sheet, folder: Path) -> list[str]:
        out = []
        for name, frame in kinds(sheet):
            short = frame.rename(columns=SHORT)
            shapefile(short, folder / f"{name}.shp", encoding, cpg, language)
            out.append(said(f"{name}.shp", short))
        return out

    return write


def zipped(sheet: Sheet, folder: Path) -> list[str]:
    """Points as Shapefiles whose names are in GBK, sewage as geodatabases, the rest as GeoJSON, each in an archive."""
    own = folder / "packing"
    own.mkdir()
    point = sheet.layer.endswith("point")
    inner = shp("GBK", None) if point else gdb if sheet.key == "sewage" else geojson
    found = inner(sheet, own)
    out = []
    for lines in [found] if isinstance(found, str) else found:
        file = lines.split('"')[1]
        name = f"{sheet.layer}_{Path(file).stem}.zip"
        files = [f for f in sorted(own.rglob("*")) if f.is_file() and _belongs(f, own, Path(file).stem)]
        pack(folder / name, files, own, gbk=True)
        out.append(lines.replace(file, name))
    shutil.rmtree(own)
    return out


def _belongs(file: Path, root: Path, stem: str) -> bool:
    return file.relative_to(root).parts[0].split(".")[0] == stem


WRITERS: dict[str, Writer] = {
    "gpkg": gpkg,
    "geojson": geojson,
    "geojson-degrees": geojson_degrees,
    "gdb": gdb,
    "kml": kml,
    "fgb": fgb,
    "parquet": parquet,
    "shp-gbk": shp("GBK"),
    "shp-gbk-without-cpg": shp("GBK", None),
    "shp-gbk-cpg-says-utf8": shp("GBK", "UTF-8", 0x57),
    "zip": zipped,
}


SAID = {
    "kml": {"crs_equal"},
    "geojson-degrees": {"crs_equal"},
    "shp-gbk": {"encoding_chosen"},
    "shp-gbk-without-cpg": {"encoding_chosen"},
    "shp-gbk-cpg-says-utf8": {"encoding_hint"},
}
"""What must be said beside: that degrees were brought into the zone's system, which encoding was found."""


@pytest.mark.parametrize("name", WRITERS)
def test_the_whole_zone_in_another_format(tmp_path, name):
    found = same(rewrite(tmp_path / "zone", WRITERS[name], EVERYTHING))
    assert SAID.get(name, set()) <= found


CUT = "要素类型 建设状态 管径毫米 水流方向 起点井号 终点井号 起点管底 终点管底 管段名称 设施种类 规模单位"


def test_shapefiles_in_utf8_with_names_cut_in_mid_character(tmp_path):
    """Ten bytes hold three hanzi and a third of the fourth: ``要素类型`` comes back as ``要素类``."""
    folder = rewrite(tmp_path / "zone", shp("UTF-8", None), EVERYTHING)
    path = folder / "zone.toml"
    text = path.read_text(encoding="utf-8")
    for name in CUT.split():
        text = text.replace(f'"{name}"', f'"{name[:3]}"')
    path.write_text(text, encoding="utf-8")
    assert "encoding_chosen" in same(folder)


def test_archives_are_found_by_their_names(tmp_path):
    """``water.zip`` feeds water without a word in zone.toml, whatever files it holds."""
    folder = tmp_path / "zone"
    shutil.copytree(GANTING, folder)
    for key in ("water", "gas", "power"):
        pack(folder / f"{key}.zip", [folder / f"{key}.gpkg"], folder)
        (folder / f"{key}.gpkg").unlink()
    same(folder)
