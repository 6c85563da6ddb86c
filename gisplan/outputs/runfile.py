"""``run.json``: with what, by which rules, on which inputs a result was made. The same inputs give the same bytes."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from gisplan.base.files import write_text
from gisplan.outputs.columns import GRADES, day, plain
from gisplan.outputs.tables import Tables

LIBRARIES = (
    "fiona",
    "folium",
    "geopandas",
    "networkx",
    "numpy",
    "openpyxl",
    "pandas",
    "pyogrio",
    "pyproj",
    "rasterio",
    "rich",
    "scipy",
    "shapely",
    "xlsxwriter",
)


def versions() -> dict[str, str]:
    """Give the versions of Python and of the libraries that results depend on."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "?"
    return found


def counts(tables: Tables) -> dict[str, Any]:
    """Count what is reported: parcels by readiness, cells by grade, gaps, findings, issues by severity."""
    ready = tables.readiness["ready"].value_counts()
    grades = tables.cells["grade"].value_counts()
    severities = tables.issues["severity"].value_counts()
    return {
        "parcels": len(tables.readiness),
        "ready": {key: int(ready.get(key, 0)) for key in ("yes", "no", "unknown")},
        "cells": {key: int(grades.get(key, 0)) for key in GRADES},
        "findings": len(tables.findings),
        "gaps": len(tables.gaps),
        "issues": {key: int(severities.get(key, 0)) for key in ("error", "warning", "info")},
    }


def record(tables: Tables, run: Mapping[str, Any]) -> dict[str, Any]:
    """Put together what ``run.json`` says.

    Parameters
    ----------
    tables
        What is reported.
    run
        What the report knows about its inputs (sha256 of every file, options); it is laid over our own entries.
    """
    about = tables.about
    delivery = tables.parcels["delivery_on"].dropna()
    own = {
        "gisplan": about["version"],
        "title": about["title"],
        "invented": about["invented"],
        "profile": {key: about["profile"][key] for key in ("id", "version")},
        "crs": about["crs"],
        "dates": {
            **about["dates"],
            "delivery": {"first": day(delivery.min()), "last": day(delivery.max())} if len(delivery) else None,
        },
        "formula": about.get("formula"),
        "overridden": _own(tables),
        "versions": versions(),
        "counts": counts(tables),
    }
    return _laid_over(own, run)


def _own(tables: Tables) -> dict[str, Any]:
    """Give the limits that the zone has set itself, by name."""
    limits = tables.limits.reindex(columns=["what", "limit", "former", "basis", "code", "clause", "overridden"])
    own = limits[limits["overridden"].fillna(False).astype(bool)].set_index("what").drop(columns="overridden")
    return {str(what): dict(row) for what, row in own.iterrows()}


def write_run(tables: Tables, run: Mapping[str, Any], path: Path) -> None:
    """Write ``run.json``, keys sorted.

    Raises
    ------
    ExportError
        The file cannot be written; the old one is kept.
    """
    document = plain(record(tables, run))
    write_text(path, json.dumps(document, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False) + "\n")


def _laid_over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _laid_over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
