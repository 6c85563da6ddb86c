"""The command ``gisplan`` and its subcommands; thin, and heavy rooms open only when they are needed."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shlex
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gisplan.base import VERSION
from gisplan.base.errors import EncodingError, ExportError, GisplanError, LayerError, ReadError
from gisplan.base.fields import fields, plain
from gisplan.base.labels import LANGS, codes, label, say
from gisplan.reading.process.clerk import ahead

if TYPE_CHECKING:
    import pandas as pd

    from gisplan.outputs.fixes import Asked
    from gisplan.outputs.tables import Tables
    from gisplan.rules.profile import Profile
    from gisplan.zone import Zone

DONE, BUG, USAGE, REFUSED, UNKNOWN, UNWRITTEN, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
_REDLINE = "redline"  # the folder beside the zone's own results
_TOP = 20  # faults that are listed without --top
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
        arguments = _parser().parse_args(argv)
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


def _parser() -> argparse.ArgumentParser:
    def words(name: str) -> str:
        return say(f"cli.help.{name}", "both").replace("%", "%%")

    def common(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("zone", metavar="ZONE", type=Path, help=words("zone"))
        parser.add_argument("--profile", metavar="P", help=words("profile"))
        parser.add_argument("--date", metavar="YYYY-MM-DD", type=_date, help=words("date"))
        parser.add_argument("--lang", choices=LANGS, default="zh", help=words("lang"))

    parser = argparse.ArgumentParser(prog="gisplan", description=words("gisplan"), allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"gisplan {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help=words("check"), description=words("check"), allow_abbrev=False)
    common(check)
    check.add_argument("--parcels", metavar="A,B|FILE", help=words("parcels"))
    check.add_argument("--redline", metavar="FILE", type=Path, help=words("redline"))
    check.add_argument("--redline-layer", metavar="L", help=words("redline_layer"))
    check.add_argument("--out", metavar="DIR", type=Path, default=Path("out"), help=words("out"))
    check.add_argument("--strict", action="store_true", help=words("strict"))
    check.add_argument("--all", action="store_true", help=words("all"))
    check.set_defaults(run=_check)

    explain = commands.add_parser("explain", help=words("explain"), description=words("explain"), allow_abbrev=False)
    common(explain)
    explain.add_argument("parcel", metavar="PARCEL", help=words("parcel"))
    explain.add_argument("service", metavar="SERVICE", help=words("service"))
    explain.set_defaults(run=_explain)

    issues = commands.add_parser("issues", help=words("issues"), description=words("issues"), allow_abbrev=False)
    common(issues)
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    issues.add_argument("--service", metavar="S", help=words("of_service"), **several)
    issues.add_argument("--code", metavar="C", help=words("code"), **several)
    grades = [code.removeprefix("severity.") for code in codes("severity.")]
    issues.add_argument("--severity", choices=grades, help=words("severity"), **several)
    issues.add_argument("--parcel", metavar="P", help=words("of_parcel"))
    issues.add_argument("--top", metavar="N", type=_whole, default=_TOP, help=words("top"))
    issues.add_argument("--tolerance", action="store_true", help=words("tolerance"))
    files = issues.add_mutually_exclusive_group()
    files.add_argument("--out", metavar="DIR", type=Path, help=words("faults_out"))
    files.add_argument("--csv", metavar="FILE", type=Path, help=words("csv"))
    issues.add_argument("--map", metavar="FILE", type=Path, help=words("map"))
    issues.set_defaults(run=_issues)

    seen = commands.add_parser("inspect", help=words("inspect"), description=words("inspect"), allow_abbrev=False)
    seen.add_argument("path", metavar="FILE|FOLDER", type=Path, help=words("what"))
    seen.add_argument("--json", action="store_true", help=words("json"))
    seen.add_argument("--lang", choices=("zh", "en"), default="zh", help=words("lang"))
    seen.set_defaults(run=_inspect)

    new = commands.add_parser("new", help=words("new"), description=words("new"), allow_abbrev=False)
    new.add_argument("folder", metavar="FOLDER", type=Path, help=words("folder"))
    new.add_argument("--crs", metavar="CRS", help=words("crs"))
    new.add_argument("--profile", metavar="P", help=words("profile"))
    new.add_argument("--force", action="store_true", help=words("force"))
    new.add_argument("--lang", choices=("zh", "en"), default="zh", help=words("lang"))
    new.set_defaults(run=_new)
    return parser


def _date(text: str) -> dt.date:
    """Read a date; argparse turns the error into a sentence and exit code 2."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(say("cli.no_date", "both", found=repr(text))) from error


def _whole(text: str) -> int:
    """Read how many; argparse turns the error into a sentence and exit code 2."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(say("cli.no_number", "both", found=repr(text)))
    return int(text)


def _check(arguments: argparse.Namespace) -> int:
    """Read, judge, write, and show the summary."""
    _probe(arguments.out, arguments.zone, arguments.lang, _REDLINE)
    ahead(arguments.lang)
    from gisplan.outputs.console import Bar, show, show_apart
    from gisplan.outputs.delivery import MAP, write_all
    from gisplan.report import check
    from gisplan.zone import read

    lang = arguments.lang
    reading, checking = say("progress.reading", lang), say("progress.checking", lang)
    with Bar(reading) as bar:
        zone = read(arguments.zone, profile=arguments.profile, lang=lang, progress=bar.part(0.0, 0.3, reading))
        chosen = _chosen(arguments.parcels, [str(p) for p in zone.parcels.index], lang)
        if arguments.date is not None:
            zone = zone.at(arguments.date)
        red = zone.redline(arguments.redline, arguments.redline_layer) if arguments.redline is not None else None
        bar(0.3, checking)
        report = check(zone, progress=bar.part(0.3, 0.7, checking, _services(zone.profile, lang)))
        tables = report.tables(chosen)
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


def _explain(arguments: argparse.Namespace) -> int:
    """Say why a parcel has the letter it has in one service."""
    ahead(arguments.lang)
    from gisplan.outputs.columns import printable
    from gisplan.outputs.console import Bar
    from gisplan.report import check
    from gisplan.zone import read

    lang = arguments.lang
    reading, checking = say("progress.reading", lang), say("progress.checking", lang)
    with Bar(reading) as bar:
        zone = read(arguments.zone, profile=arguments.profile, lang=lang, progress=bar.part(0.0, 0.4, reading))
        _known([arguments.parcel], [str(p) for p in zone.parcels.index], lang)
        service = zone.profile.service(arguments.service).key
        if arguments.date is not None:
            zone = zone.at(arguments.date)
        report = check(zone, progress=bar.part(0.4, 1.0, checking, _services(zone.profile, lang)))
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
    from gisplan.zone import read

    reading, checking = say("progress.reading", lang), say("progress.checking", lang)
    with Bar(reading) as bar:
        zone = read(arguments.zone, profile=arguments.profile, lang=lang, progress=bar.part(0.0, 0.3, reading))
        asked = _asked(arguments, zone)
        if arguments.date is not None:
            zone = zone.at(arguments.date)
        report = check(zone, progress=bar.part(0.3, 0.9, checking, _services(zone.profile, lang)))
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
