"""The public face: what `gisplan` shows, and that it costs nothing until it is used."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import gisplan

NAMES = ["GisplanError", "Label", "Profile", "Report", "Zone", "__version__", "check", "read"]


def test_all_is_what_is_seen():
    assert sorted(NAMES) == gisplan.__all__ == sorted(gisplan.__all__)
    assert dir(gisplan) == gisplan.__all__


@pytest.mark.parametrize("name", [n for n in NAMES if n != "__version__"])
def test_every_public_thing_says_what_it_is(name):
    doc = inspect.getdoc(getattr(gisplan, name))
    assert doc and len(doc) > 20


@pytest.mark.parametrize("name", ["GisplanError", "Label", "Profile", "Report", "Zone"])
def test_public_methods_say_what_they_do(name):
    public = [
        (attribute, value)
        for attribute, value in vars(getattr(gisplan, name)).items()
        if not attribute.startswith("_") and (callable(value) or isinstance(value, property | classmethod))
    ]
    silent = [attribute for attribute, value in public if not inspect.getdoc(value)]
    assert silent == []


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="connect"):
        _ = gisplan.connect


def test_every_error_is_a_gisplan_error_and_a_builtin():
    from gisplan.base import errors

    raised = [getattr(errors, name) for name in errors.__all__ if name != "GisplanError"]
    assert all(issubclass(e, gisplan.GisplanError) and issubclass(e, OSError | ValueError) for e in raised)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def test_importing_gisplan_brings_nothing_heavy():
    heavy = "{'geopandas', 'pandas', 'numpy', 'shapely', 'folium', 'fiona', 'pyogrio', 'networkx', 'scipy', 'rich'}"
    assert run(f"import sys, gisplan; print(sorted({heavy} & set(sys.modules)))") == "[]"


def test_the_command_reaches_its_help_without_geopandas_or_folium():
    heavy = "{'geopandas', 'shapely', 'folium', 'fiona', 'pyogrio', 'networkx', 'scipy', 'rasterio', 'rich'}"
    code = f"import sys; from gisplan.cli import main; main(['--version']); print(sorted({heavy} & set(sys.modules)))"
    assert run(code).splitlines() == [f"gisplan {gisplan.__version__}", "[]"]


def test_python_dash_m_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "gisplan", "--version"], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == f"gisplan {gisplan.__version__}"
