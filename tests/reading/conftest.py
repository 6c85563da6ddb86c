"""The zone that most tests of reading start from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
from small_zone import HEAD, parcels, pipes


@pytest.fixture
def zone(tmp_path: Path) -> Callable[..., Path]:
    """Write a zone: ``zone(text, head=…, parcels=frame, water=frame)`` gives its folder; None leaves a file out."""

    def write(text: str = "", head: str = HEAD, **frames: gpd.GeoDataFrame | None) -> Path:
        folder = tmp_path / "zone"
        folder.mkdir(exist_ok=True)
        for name, frame in {"parcels": parcels(), "water": pipes(), **frames}.items():
            if frame is not None:
                frame.to_file(folder / f"{name}.gpkg", layer=name)
        (folder / "zone.toml").write_text(head + text, encoding="utf-8")
        return folder

    return write
