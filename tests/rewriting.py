"""The embedded zone written again in another way: other formats, encodings, coordinates; the grades must stay.

The layers are read here with plain geopandas, not with gisplan's own readers, in the words and columns they have on
disk, so that what a writer gets does not depend on what is tested.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

import gisplan

GANTING = Path(__file__).parents[1] / "layers" / "ganting"
CONNECTION = "jiutong_connection"
"""The profile that all grades here are judged by: what matters is where things lie and what they say of themselves."""
NETWORKS = ("road", "water", "storm", "sewage", "power", "telecom", "gas", "heat", "catv")


@dataclass(frozen=True)
class Sheet:
    """One layer of the embedded zone: the table of zone.toml it feeds, its file, its own name, and its rows."""

    key: str
    file: str
    layer: str
    frame: gpd.GeoDataFrame


def sheets(keys: Iterable[str] = ("parcels", "barriers", *NETWORKS)) -> list[Sheet]:
    """Read layers of the embedded zone, one entry per layer of each file; each is read once and must not be changed."""
    return [sheet for key in keys for sheet in _sheets(key)]


@cache
def _sheets(key: str) -> list[Sheet]:
    out = []
    for path in sorted(GANTING.glob(f"{key}*")):
        if path.suffix not in (".gpkg", ".shp", ".geojson"):
            continue
        encoding = "gb18030" if path.suffix == ".shp" else None
        for layer, _ in pyogrio.list_layers(path):
            frame = pyogrio.read_dataframe(path, layer=layer, encoding=encoding)
            if path.suffix == ".geojson":
                frame = frame.set_crs(4490, allow_override=True)
            out.append(Sheet(key, path.name, str(layer), frame))
    return out


def copy(folder: Path, without: Iterable[str] = ()) -> Path:
    """Copy the embedded zone; `without` are patterns of files that are left out."""
    skipped = {path.name for pattern in without for path in GANTING.glob(pattern)}
    shutil.copytree(GANTING, folder, ignore=lambda _, names: [name for name in names if name in skipped])
    return folder


def rewrite(folder: Path, writer: Callable[[Sheet, Path], str | list[str]], keys: Iterable[str] = NETWORKS) -> Path:
    """Write layers of the embedded zone anew into a copy of it, and say so in its zone.toml.

    Parameters
    ----------
    folder
        The copy, made here.
    writer
        Called with each layer and the folder; writes it and returns what its source in zone.toml must say of the file:
        lines of TOML such as ``file = "water.fgb"`` (what zone.toml said before of columns, values … is kept), or a
        list of them, one per source, for formats that hold one kind of shape.
    keys
        Which tables are written anew.

    Returns
    -------
    Path
        The folder.
    """
    text = (GANTING / "zone.toml").read_text(encoding="utf-8")
    wanted = sheets(keys)
    copy(folder, {sheet.file.rsplit(".", 1)[0] + ".*" for sheet in wanted})
    for key in dict.fromkeys(sheet.key for sheet in wanted):
        text, said = _taken_out(text, key)
        for sheet in (s for s in wanted if s.key == key):
            found = writer(sheet, folder)
            head = f"[[layer.{key}]]" if key in NETWORKS else f"[{key}]"
            for lines in [found] if isinstance(found, str) else found:
                text += f"\n{head}\n{lines}\n{said.get(sheet.file, said.get('', ''))}\n"
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    return folder


def _taken_out(text: str, key: str) -> tuple[str, dict[str, str]]:
    """Take the sources of a table out of a zone.toml; give what each said beside the file, by file name."""
    said: dict[str, str] = {}
    kept = []
    for block in re.split(r"\n(?=\[)", text):
        match = re.match(r"(\[+)(?:layer\.)?" + key + r"(\.values)?\]+\n", block)
        if match is None:
            kept.append(block)
            continue
        lines = [line for line in block.splitlines()[1:] if line and not line.startswith("#")]
        if match[2]:
            said[""] = said.get("", "") + "".join(f"\nvalues.{line}" for line in lines)
            continue
        name = next((line.split('"')[1] for line in lines if line.startswith("file")), "")
        rest = [line for line in lines if not line.startswith(("file", "layer", "crs", "axes", "encoding"))]
        said[name if match[1] == "[[" else ""] = "\n".join(rest)
    return "\n".join(kept), said


def grades(zone: Path | gisplan.Zone) -> pd.Series:
    """Give the grade of every cell of a zone or its folder, indexed by parcel and service."""
    cells = gisplan.check(gisplan.read(zone, CONNECTION) if isinstance(zone, Path) else zone).cells
    return cells.set_index(["parcel", "service"])["grade"].sort_index()
