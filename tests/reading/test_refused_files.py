"""Files that may not be read or are named wrongly, entries that are missing: one sentence, in the reader's language."""

from __future__ import annotations

import re
from pathlib import Path

import geopandas as gpd
import pytest
from small_zone import HEAD, WATER, X, Y, parcels, square

import gisplan
from gisplan.base.errors import LayerError, MissingCRS, ProfileError, ReadError
from gisplan.base.files import inside
from gisplan.cli import main
from gisplan.reading.survey import read_folder


@pytest.fixture
def locked(monkeypatch):
    """Let a file be opened by nobody in this process: as root, rights do not bite."""

    def lock(name):
        plain = Path.open

        def guarded(self, *arguments, **named):
            if self.name == name:
                raise PermissionError(13, "Permission denied", str(self))
            return plain(self, *arguments, **named)

        monkeypatch.setattr(Path, "open", guarded)
        for way in ("read_bytes", "read_text"):
            usual = getattr(Path, way)

            def read(self, *arguments, usual=usual, **named):
                if self.name == name:
                    raise PermissionError(13, "Permission denied", str(self))
                return usual(self, *arguments, **named)

            monkeypatch.setattr(Path, way, read)

    return lock


@pytest.mark.parametrize("name", ["water.gpkg", "zone.toml"])
def test_a_file_that_may_not_be_read_is_refused_in_one_sentence(zone, locked, capsys, name):
    folder = zone(WATER)
    locked(name)
    assert main(["check", str(folder), "--out", str(folder.parent / "out")]) == 3
    err = capsys.readouterr().err
    assert f"{name}：打不开" in err and "Excel" in err
    assert str(folder.parent) not in err and "gisplan 的问题" not in err


def test_a_red_line_that_may_not_be_read_is_refused(zone, locked, tmp_path):
    read = gisplan.read(zone(WATER), lang="en")
    gpd.GeoDataFrame({"parcel": ["R"]}, geometry=[square(0, 0)], crs="EPSG:4546").to_file(tmp_path / "red.gpkg")
    locked("red.gpkg")
    with pytest.raises(ReadError, match=r"red\.gpkg: it cannot be opened") as refused:
        read.redline(tmp_path / "red.gpkg")
    assert refused.value.code == "unreadable"


def test_an_old_zone_file_that_may_not_be_read_is_refused(zone, locked, capsys):
    folder = zone(WATER)
    locked("zone.toml")
    assert main(["new", str(folder), "--force"]) == 3
    err = capsys.readouterr().err
    assert "zone.toml：打不开" in err and str(folder.parent) not in err


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_name_that_is_wrong_is_answered_in_the_readers_language(tmp_path, lang):
    root = tmp_path / "zone"
    root.mkdir()
    (root / "water_2026.gpkg").touch()
    (tmp_path / "other.gpkg").touch()
    for name in ("water_2025.gpkg", "nothing.xyz", "../other.gpkg", "https://user:secret@host/a.gpkg", "/etc/hosts"):
        with pytest.raises(ReadError) as refused:
            inside(root, name, "zone.toml [layer.water]", lang)
        text = str(refused.value)
        assert bool(re.search("[\u4e00-\u9fff]", text)) == (lang == "zh"), text
        assert "[layer.water]" in text and "secret" not in text
        assert ("water_2026.gpkg" in text) == (name == "water_2025.gpkg")


def test_a_supply_point_that_touches_no_line_is_named_with_its_distance(zone):
    # The main of the small zone runs along y = -10.
    entry = '[[supply]]\nid = "{}"\nservice = "water"\nat = [{}, {}]\nstatus = "现状"\nas_of = 2026-01-31\n'
    folder = zone(WATER + entry.format("S1", X + 50, Y - 17.5) + entry.format("S2", X, Y - 10))
    issues = gisplan.check(gisplan.read(folder, lang="en")).issues
    apart = issues[issues["code"] == "supply_apart"]
    assert apart["feature"].tolist() == ["S1"] and apart["severity"].tolist() == ["warning"]
    assert "7.5 m away" in apart["message"].iloc[0]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_red_line_elsewhere_is_not_told_to_paste_into_an_option(zone, tmp_path, lang):
    read = gisplan.read(zone(WATER), lang=lang)
    for crs, shape in (("EPSG:4546", square(900_000, 0)), ("EPSG:2414", square(0, 0))):
        gpd.GeoDataFrame({"parcel": ["R"]}, geometry=[shape], crs=crs).to_file(tmp_path / "red.gpkg")
        with pytest.raises(MissingCRS) as refused:
            read.redline(tmp_path / "red.gpkg")
        text = str(refused.value)
        assert "[parcels]" in text and "--redline" not in text and 'crs = "' not in text


def test_the_layer_of_a_red_line_is_corrected_where_it_is_named(zone, tmp_path):
    read = gisplan.read(zone(WATER), lang="en")
    parcels().to_file(tmp_path / "red.gpkg", layer="a")
    with pytest.raises(LayerError, match=r"under --redline-layer\."):
        read.redline(tmp_path / "red.gpkg", "b")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[layer.water]\nfile = "a.gpkg"\ntable = "public.water"\n', "table = public.water"),
        ('[[supply]]\nid = "S"\nservice = "water"\n', "at is missing"),
        ('[layer."给水"]\n', "nearest: water"),
        ('[layer."给水管网"]\n', "nearest: water"),
    ],
)
def test_an_entry_that_is_wrong_or_missing_is_called_so(zone, text, wanted):
    with pytest.raises(ProfileError) as refused:
        read_folder(zone(text, water=None), lang="en")
    assert wanted in str(refused.value) and "—" not in str(refused.value)


def test_a_database_that_nobody_named_is_said_to_be_unset(zone, monkeypatch):
    pytest.importorskip("psycopg")
    for name in ("GISPLAN_DATABASE", "PGHOST", "PGSERVICE", "PGHOSTADDR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ReadError, match="GISPLAN_DATABASE is not set"):
        read_folder(zone('[layer.water]\ntable = "public.water"\n', HEAD, water=None), lang="en")
