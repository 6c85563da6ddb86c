"""The command ``gisplan`` and its subcommands; thin, and heavy rooms open only when they are needed."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gisplan.base.errors import EncodingError, ExportError, GisplanError, LayerError, ReadError
from gisplan.base.fields import fields, plain
from gisplan.base.labels import label, say
from gisplan.options import parser
from gisplan.reading.process.clerk import ahead

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from gisplan.outputs.console import Bar
    from gisplan.outputs.fixes import Asked
    from gisplan.outputs.tables import Tables
    from gisplan.rules.profile import Profile
    from gisplan.zone import Zone

DONE, BUG, USAGE, REFUSED, UNKNOWN, UNWRITTEN, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
_REDLINE = "redline"  # the folder beside the zone's own results
_NEAR = 5  # unknown ids that are answered one by one; the rest are only counted


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of the process if not given.

    Returns
    -------
    int
        0 done, 1 a fault of gisplan, 2 usage, 3 input refused, 4 required cells unknown (with ``--strict``), 5 output
        failed, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        # A console that cannot show 中文 shows question marks; it must not end the run.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        arguments = parser(_RUN).parse_args(argv)
    except SystemExit as leaving:  # argparse has said what it had to say
        return leaving.code if isinstance(leaving.code, int) else USAGE
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _fail(INTERRUPTED, say("cli.interrupted", arguments.lang))
    except BrokenPipeError:
        # Whoever read our output has gone (``gisplan check … | head``): not a failure.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except ExportError as error:
        return _fail(UNWRITTEN, _sentence(error))
    except GisplanError as error:
        return _fail(REFUSED, _sentence(error))
    except PermissionError as error:
        # Of the path only the name: messages are passed on, and where a file lies is nobody else's business.
        name, reason = Path(str(error.filename or "?")).name, say("cause.not_allowed", arguments.lang)
        return _fail(REFUSED, say("refuse.unreadable", arguments.lang, file=name, reason=reason))
    except Exception as error:
        return _fail(BUG, say("cli.bug", arguments.lang, kind=type(error).__name__, text=_sentence(error)))
    return code


def _fail(code: int, sentence: str) -> int:
    """Say on stderr what went wrong; the traceback only for those who ask for it."""
    from gisplan.outputs.columns import printable

    if os.environ.get("GISPLAN_DEBUG") == "1":
        traceback.print_exc()
    print(f"gisplan: {printable(sentence)}", file=sys.stderr)
    return code


def _sentence(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _check(arguments: argparse.Namespace) -> int:
    """Read, judge, write, and show the summary."""
    _probe(arguments.out, arguments.zone, arguments.lang, _REDLINE)
    ahead(arguments.lang)
    from gisplan.outputs.basemap import base_map
    from gisplan.outputs.console import Bar, show, show_apart
    from gisplan.outputs.delivery import MAP, write_all
    from gisplan.report import check

    lang = arguments.lang
    with Bar(say("progress.reading", lang)) as bar:
        zone = _read(arguments, bar)
        chosen = _chosen(arguments.parcels, [str(p) for p in zone.parcels.index], lang)
        red = zone.redline(arguments.redline, arguments.redline_layer) if arguments.redline is not None else None
        bar(0.3, say("progress.checking", lang))
        report = check(zone, progress=_checking(zone, bar, lang))
        tables = report.tables(chosen)
        if arguments.base is not None:
            tables = replace(tables, base=base_map(arguments.base, zone.parcels, lang))
        apart = check(red) if red is not None else None
        write_all(tables, report.run, arguments.out, lang, bar.part(0.7, 1.0))
        if apart is not None:
            write_all(apart.tables(), apart.run, arguments.out / _REDLINE, lang)
    show(tables, lang, arguments.all)
    unknown = _unknown(tables)
    if apart is not None:
        show_apart(apart.tables(), lang)
        unknown = unknown or _unknown(apart.tables())
        print(say("cli.redline_map", lang, path=_here(arguments.out / _REDLINE / MAP)))
    print(say("cli.map", lang, path=_here(arguments.out / MAP)))
    return UNKNOWN if arguments.strict and unknown else DONE


def _review(arguments: argparse.Namespace) -> int:
    """Put reviewers' notes together with the answers of today, and show what is still open."""
    from gisplan.reviewing.notefile import files

    files(arguments.notes, arguments.lang)  # a name that is wrong is told before anything is read
    _probe(arguments.out, arguments.zone, arguments.lang)
    ahead(arguments.lang)
    from gisplan.outputs.console import Bar, show_rows
    from gisplan.outputs.delivery import MAP, write_all
    from gisplan.outputs.noted import headings, rows
    from gisplan.report import check

    lang = arguments.lang
    with Bar(say("progress.reading", lang)) as bar:
        zone = _read(arguments, bar)
        report = check(zone, progress=_checking(zone, bar, lang)).review(arguments.notes)
        tables = report.tables()
        write_all(tables, report.run, arguments.out, lang, bar.part(0.7, 1.0))
    counts = report.notes["status"].value_counts()
    show_rows(rows(tables, lang), headings(lang))
    numbers = {status: int(counts.get(status, 0)) for status in ("open", "settled", "orphaned")}
    print(say("cli.notes", lang, all=len(report.notes), **numbers))
    print(say("cli.map", lang, path=_here(arguments.out / MAP)))
    return DONE


def _explain(arguments: argparse.Namespace) -> int:
    """Say why a parcel has the letter it has in one service."""
    ahead(arguments.lang)
    from gisplan.outputs.columns import printable
    from gisplan.outputs.console import Bar
    from gisplan.report import check

    lang = arguments.lang
    with Bar(say("progress.reading", lang)) as bar:
        zone = _read(arguments, bar)
        _known([arguments.parcel], [str(p) for p in zone.parcels.index], lang)
        service = zone.profile.service(arguments.service).key
        report = check(zone, progress=_checking(zone, bar, lang))
    print(printable(report.explain(arguments.parcel, service, lang=lang)))
    return DONE


def _issues(arguments: argparse.Namespace) -> int:
    """List what is wrong with the survey, the fault with most land at stake first."""
    lang = arguments.lang
    for path in (arguments.csv, arguments.map):
        if path is not None:
            _probe(path.parent, arguments.zone, lang)
    if arguments.out is not None:
        _probe(arguments.out, arguments.zone, lang)
    ahead(lang)
    from gisplan.faults.concerns import concerns
    from gisplan.faults.tolerances import tolerances
    from gisplan.outputs import fixes
    from gisplan.outputs.console import Bar, show_lines, show_rows
    from gisplan.outputs.curve import show_curves
    from gisplan.report import check

    with Bar(say("progress.reading", lang)) as bar:
        zone = _read(arguments, bar)
        asked = _asked(arguments, zone)
        report = check(zone, progress=_checking(zone, bar, lang))
        whole = report.tables()
        if asked.parcel:
            asked = replace(asked, ids=concerns(zone.judged(), asked.parcel))
        tables = fixes.select(whole, asked)
        curve = tolerances(zone.judged()) if arguments.tolerance else None
        if curve is not None and asked.layers:
            curve = curve[curve["service"].isin(asked.layers)]
        _keep(tables, curve, arguments)
    show_lines(fixes.head(tables, lang))
    kinds = fixes.counts(tables, lang)
    if kinds:
        show_rows(kinds, fixes.headings(lang))
    show_lines(fixes.ranked(tables, lang, arguments.top))
    show_lines(fixes.records(tables, lang, frozenset(whole.faults["code"])))
    if curve is not None:
        show_curves(curve, tables, lang)
    for path in (arguments.out, arguments.csv, arguments.map):
        if path is not None:
            print(say("cli.written", lang, path=_here(path)))
    return DONE


def _keep(tables: Tables, curve: pd.DataFrame | None, arguments: argparse.Namespace) -> None:
    """Write the files that were asked for."""
    from gisplan.outputs.csvfiles import write_faults
    from gisplan.outputs.delivery import write_fixes
    from gisplan.outputs.map import review_map

    if arguments.out is not None:
        write_fixes(tables, curve, arguments.out, arguments.lang)
    if arguments.csv is not None:
        arguments.csv.parent.mkdir(parents=True, exist_ok=True)
        write_faults(tables, arguments.csv)
    if arguments.map is not None:
        arguments.map.parent.mkdir(parents=True, exist_ok=True)
        review_map(tables, arguments.lang).save(str(arguments.map))


def _asked(arguments: argparse.Namespace, zone: Zone) -> Asked:
    """Look up what a fix list is to hold.

    Raises
    ------
    GisplanError
        The zone has no such service or parcel, or there is no such kind of fault.
    """
    from gisplan.outputs.fixes import PARCELS, Asked, kind, split

    lang = arguments.lang
    of_parcels = {plain(text) for text in (PARCELS, "parcel", *label("in.parcels").text("both").split())}
    named = split(arguments.service)
    layers = {PARCELS if plain(name) in of_parcels else zone.profile.service(name).key for name in named}
    files = {str(file) for key in layers & set(zone.layers) for file in zone.layers[key]["file"].unique()}
    if PARCELS in layers:
        files |= {str(file) for file in zone.parcels["file"].unique()}
    if arguments.parcel is not None:
        _known([arguments.parcel], [str(p) for p in zone.parcels.index], lang)
    return Asked(
        layers=frozenset(layers),
        files=frozenset(files - {"zone.toml"}),
        codes=frozenset(kind(text, lang) for text in split(arguments.code)),
        severities=frozenset(arguments.severity),
        parcel=arguments.parcel or "",
    )


def _inspect(arguments: argparse.Namespace) -> int:
    """Say what files are and what is wrong with them; a refused file is an error, a folder only if nothing opens."""
    ahead(arguments.lang)
    import json

    from gisplan.outputs.console import Bar, show_lines
    from gisplan.outputs.inspected import lines
    from gisplan.reading.inspection import inspect

    lang = arguments.lang
    with Bar(say("inspect.progress", lang)) as bar:
        found = inspect(arguments.path, lang, progress=bar)
    if arguments.json:
        print(json.dumps(found.as_dict(), indent=1))
    else:
        show_lines(lines(found, lang))
    return DONE if found.opened else REFUSED


def _new(arguments: argparse.Namespace) -> int:
    """Look at a folder of files and draft its zone.toml; say what was found, what was not, and what comes next."""
    ahead(arguments.lang)
    from gisplan.outputs.columns import printable
    from gisplan.outputs.console import Bar, show_rows
    from gisplan.reading.drafting.draft import look_at
    from gisplan.reading.drafting.skeleton import blocking, free, gaps, rows, skeleton, write_skeleton

    lang, folder = arguments.lang, arguments.folder
    if folder.is_dir():
        free(folder, arguments.force, lang)
    reading = say("progress.reading", lang)
    with Bar(reading) as bar:
        found = look_at(folder, arguments.profile, arguments.crs, lang, lambda name: bar(0.5, f"{reading} {name}"))
    kept = write_skeleton(folder, skeleton(found, lang), arguments.force, lang)
    listed = rows(found, lang)
    if listed:
        show_rows(listed, {name: say(f"cli.new.{name}", lang) for name in listed[0]})
    if any(row["table"].endswith("?") for row in listed):
        print(say("cli.new.guesses", lang))
    wanting = gaps(found, lang)
    for title, lines in (("wanting", wanting), ("unused", [f"{name}: {reason}" for name, reason in found.unused])):
        if lines:
            print(say(f"cli.new.{title}", lang))
            print("\n".join(f"  {printable(line)}" for line in lines))
    path = _here(folder / "zone.toml")
    print(say("cli.new.written", lang, path=path, kept=kept.name) if kept else say("cli.new.done", lang, path=path))
    if not found.complete:
        join = "；" if lang == "zh" else "; "
        return _fail(REFUSED, say("refuse.draft_wanting", lang, wanting=join.join(blocking(found, lang))))
    print(say("cli.new.next", lang, command=f"gisplan check {shlex.quote(str(folder))} --out out"))
    return DONE


def _read(arguments: argparse.Namespace, bar: Bar) -> Zone:
    """Read the zone, for the day that was asked for."""
    from gisplan.zone import read

    lang = arguments.lang
    progress = bar.part(0.0, 0.3, say("progress.reading", lang))
    zone = read(arguments.zone, profile=arguments.profile, lang=lang, progress=progress)
    return zone if arguments.date is None else zone.at(arguments.date)


def _checking(zone: Zone, bar: Bar, lang: str) -> Callable[[float, str], None]:
    """Give the part of the bar that tells how far judging is."""
    return bar.part(0.3, 0.7, say("progress.checking", lang), _services(zone.profile, lang))


def _services(profile: Profile, lang: str) -> dict[str, str]:
    """Give the names of the services, for the progress bar."""
    return {service.key: service.label.text(lang) for service in profile.services}


def _unknown(tables: Tables) -> bool:
    """Whether any cell that counts is unknown."""
    cells = tables.cells
    return bool(((cells["need"] == "required") & (cells["grade"] == "U")).any())


def _probe(out: Path, zone: Path, lang: str, *inner: str) -> None:
    """See that results can be written before an hour is spent on computing them; `inner` are folders made inside.

    Raises
    ------
    ExportError
        The folder is a file, may not be written, or is the zone's own: results would be read as layers next time.
    """
    if zone.resolve() in {out.resolve(), *((out / name).resolve() for name in inner)}:
        raise ExportError(say("cli.out_zone", lang, out=_here(out)))
    there = out
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise ExportError(say("cli.out_file", lang, out=_here(there)))
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ExportError(say("cli.out_denied", lang, out=_here(there), reason=error.strerror)) from error


def _here(path: Path) -> str:
    """Give a path as it lies from where the command was started."""
    try:
        return os.path.relpath(path)
    except ValueError:  # another drive
        return str(path.resolve())


def _chosen(text: str | None, ids: list[str], lang: str) -> list[str] | None:
    """List the parcels that are to be reported, in the order of the zone; None for all.

    Raises
    ------
    GisplanError
        The file cannot be read, or names a parcel that the zone does not have.
    """
    if text is None:
        return None
    path = Path(text)
    if path.is_file():
        wanted = _listed(path, set(ids))
    elif path.suffix.lower() in (".txt", ".csv") and text not in ids:
        raise ReadError(f"--parcels {text}: there is no such file. Check the name, or give parcel numbers: A,B.")
    else:
        wanted = [part.strip() for part in text.replace("，", ",").replace("、", ",").split(",") if part.strip()]
    if not wanted:
        raise LayerError(f"--parcels {text}: no parcel is named. Give numbers (A,B) or a file with one number a line.")
    _known(wanted, ids, lang)
    asked = set(wanted)
    return [identity for identity in ids if identity in asked]


def _listed(path: Path, ids: set[str]) -> list[str]:
    """Read parcel numbers from a file: the first cell of every line, with or without a heading."""
    import csv

    data = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            lines = data.decode(encoding).splitlines()
            break
        except UnicodeDecodeError:
            continue
    else:
        raise EncodingError(f"--parcels {path.name}: neither UTF-8 nor GB18030 text. Save it as text or CSV.")
    cells = [row[0].strip() for row in csv.reader(lines) if row and row[0].strip()]
    field = fields("parcels")["parcel"]
    headings = {plain(name) for name in (field.column, field.zh, field.en, *field.aliases, say("column.parcel", "en"))}
    if cells and cells[0] not in ids and plain(cells[0]) in headings:
        cells = cells[1:]
    # Our own CSV puts an apostrophe before what a spreadsheet would run.
    return [cell[1:] if cell not in ids and cell.startswith("'") else cell for cell in cells]


def _known(wanted: list[str], ids: list[str], lang: str) -> None:
    """See that the zone has these parcels; for one that it has not, name those that look like it."""
    import difflib

    have = set(ids)
    missing = [identity for identity in dict.fromkeys(wanted) if identity not in have]
    if not missing:
        return
    sentences = []
    for identity in missing[:_NEAR]:
        near: list[Any] = difflib.get_close_matches(identity, ids, n=3, cutoff=0.5)
        sentences.append(
            say("cli.no_parcel" if near else "cli.no_parcel_near", lang, id=identity, near=", ".join(near))
        )
    if len(missing) > _NEAR:
        sentences.append(say("cli.more", lang, count=len(missing) - _NEAR))
    raise LayerError(" ".join(sentences))


_RUN = {
    "check": _check,
    "review": _review,
    "explain": _explain,
    "issues": _issues,
    "inspect": _inspect,
    "new": _new,
}
