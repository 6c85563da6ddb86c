"""Everything that ``gisplan check`` and ``gisplan issues`` leave in a folder: all of it, or what was there before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gisplan.base.errors import ExportError
from gisplan.base.labels import say
from gisplan.outputs.csvfiles import (
    write_buildings,
    write_csv,
    write_due,
    write_earthwork,
    write_faults,
    write_findings,
    write_holders,
    write_issues,
    write_joins,
    write_land,
    write_land_findings,
    write_ledger,
    write_limits,
    write_notes,
    write_readiness,
)
from gisplan.outputs.exchange import exchange, staging
from gisplan.outputs.geojson import write_gaps
from gisplan.outputs.geopackage import write_fault_layers, write_geopackage
from gisplan.outputs.map import map_files
from gisplan.outputs.parts import folder_of, sweep_parts
from gisplan.outputs.runfile import write_run
from gisplan.outputs.tables import Tables
from gisplan.outputs.workbook import write_workbook

MAP = "review.html"
Writer = Callable[[Path], None]


def write_all(
    tables: Tables,
    run: Mapping[str, Any],
    folder: Path,
    lang: str = "zh",
    progress: Callable[[float, str], None] | None = None,
) -> list[Path]:
    """Write every file of a review into a folder.

    All files are first written and checked in a folder beside them, and only then put in the place of the old ones:
    when one of them fails, the whole old set stays.

    Parameters
    ----------
    tables
        What the report hands over.
    run
        What ``run.json`` says beside our own entries: sha256 of every input, options.
    folder
        Where the files go; made if it is not there.
    lang
        Language of the map and the workbook: ``zh``, ``en`` or ``both``.
    progress
        Called with the share done and what is being written.

    Returns
    -------
    list of pathlib.Path
        The files.

    Raises
    ------
    ExportError
        A file cannot be written, or an old one is open in Excel and cannot be replaced.
    """
    writers: dict[str, Writer] = {
        # The workbook goes first: it is the one that people have open, and then nothing has been replaced yet.
        "review.xlsx": lambda path: write_workbook(tables, path, lang),
        "review.gpkg": lambda path: write_geopackage(tables, path),
        "readiness.csv": lambda path: write_readiness(tables, path),
        "findings.csv": lambda path: write_findings(tables, path),
        "issues.csv": lambda path: write_issues(tables, path),
        "faults.csv": lambda path: write_faults(tables, path),
        "land.csv": lambda path: write_land(tables, path),
        "land_findings.csv": lambda path: write_land_findings(tables, path),
        "factory_buildings.csv": lambda path: write_buildings(tables, path),
        "ledger.csv": lambda path: write_ledger(tables, path),
        "holders.csv": lambda path: write_holders(tables, path),
        "earthwork.csv": lambda path: write_earthwork(tables, path),
        "due.csv": lambda path: write_due(tables, path),
        "limits.csv": lambda path: write_limits(tables, path),
        "gaps.geojson": lambda path: write_gaps(tables, path),
        **({} if tables.notes is None else {"notes.csv": lambda path: write_notes(tables, path)}),
        **map_files(tables, MAP, lang),
        # The record goes last: what it vouches for is then in place.
        "run.json": lambda path: write_run(tables, run, path),
    }
    return _deliver(writers, Path(folder), lang, progress)


def write_fixes(tables: Tables, curve: pd.DataFrame | None, folder: Path, lang: str = "zh") -> list[Path]:
    """Write what ``gisplan issues`` leaves in a folder: the same way, all of it or what was there before.

    Parameters
    ----------
    tables
        What the report hands over; faults, issues and joins are written as they stand in it.
    curve
        Rows of ``tolerance.csv``, where they were asked for.
    folder
        Where the files go; made if it is not there.
    lang
        Language of what is said when something is in the way.

    Raises
    ------
    ExportError
        A file cannot be written, or an old one is open and cannot be replaced.
    """
    writers: dict[str, Writer] = {
        "faults.csv": lambda path: write_faults(tables, path),
        "issues.csv": lambda path: write_issues(tables, path),
        "joins.csv": lambda path: write_joins(tables, path),
        "faults.gpkg": lambda path: write_fault_layers(tables, path),
    }
    if curve is not None:
        writers["tolerance.csv"] = lambda path: write_csv(curve, path)
    return _deliver(writers, Path(folder), lang, None)


def _deliver(
    writers: Mapping[str, Writer], folder: Path, lang: str, progress: Callable[[float, str], None] | None
) -> list[Path]:
    """Write all files into a folder beside their place, and only when all are whole put them there."""
    for name in writers:
        if (folder / name).is_dir():
            raise ExportError(say("cli.write_folder", "both", file=name))
    with staging(folder) as stage:
        for i, (name, write) in enumerate(writers.items()):
            if progress is not None:
                progress(i / len(writers), say("progress.writing", lang, name=name))
            (stage / name).parent.mkdir(exist_ok=True)
            write(stage / name)
        exchange(folder, list(writers))
        if MAP in writers:
            sweep_parts(folder_of(folder / MAP), writers)
    return [folder / name for name in writers]
