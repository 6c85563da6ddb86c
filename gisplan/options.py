"""Options of the command ``gisplan``: what can be typed, and what each word is for."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gisplan.base import VERSION
from gisplan.base.labels import LANGS, codes, say

_TOP = 20  # faults that are listed without --top
_Run = Mapping[str, Callable[[argparse.Namespace], int]]
_Commands = Any  # what argparse gives for subparsers has no name that can be written


def parser(run: _Run) -> argparse.ArgumentParser:
    """Make the parser of the command line.

    Parameters
    ----------
    run
        What each subcommand calls.
    """
    whole = argparse.ArgumentParser(prog="gisplan", description=_words("gisplan"), allow_abbrev=False)
    whole.add_argument("--version", action="version", version=f"gisplan {VERSION}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for add in (_check, _review, _explain, _issues, _files):
        add(commands, run)
    return whole


def _words(name: str) -> str:
    """Give the help on an option in both languages."""
    return say(f"cli.help.{name}", "both").replace("%", "%%")


def _command(commands: _Commands, name: str) -> argparse.ArgumentParser:
    """Add a subcommand with its help."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=_words(name), description=_words(name), allow_abbrev=False
    )
    return made


def _common(parser: argparse.ArgumentParser) -> None:
    """Add what every command on a zone takes."""
    parser.add_argument("zone", metavar="ZONE", type=Path, help=_words("zone"))
    parser.add_argument("--profile", metavar="P", help=_words("profile"))
    parser.add_argument("--date", metavar="YYYY-MM-DD", type=_date, help=_words("date"))
    parser.add_argument("--lang", choices=LANGS, default="zh", help=_words("lang"))


def _check(commands: _Commands, run: _Run) -> None:
    """Add what is typed to judge a zone and write the results."""
    check = _command(commands, "check")
    _common(check)
    check.add_argument("--parcels", metavar="A,B|FILE", help=_words("parcels"))
    check.add_argument("--redline", metavar="FILE", type=Path, help=_words("redline"))
    check.add_argument("--redline-layer", metavar="L", help=_words("redline_layer"))
    check.add_argument("--out", metavar="DIR", type=Path, default=Path("out"), help=_words("out"))
    check.add_argument("--base", metavar="URL|FILE|tianditu", help=_words("base"))
    check.add_argument("--strict", action="store_true", help=_words("strict"))
    check.add_argument("--all", action="store_true", help=_words("all"))
    check.set_defaults(run=run["check"])


def _review(commands: _Commands, run: _Run) -> None:
    """Add what is typed to put reviewers' notes together."""
    review = _command(commands, "review")
    _common(review)
    review.add_argument("notes", metavar="NOTES", type=Path, nargs="+", help=_words("notes"))
    review.add_argument("--out", metavar="DIR", type=Path, default=Path("out"), help=_words("out"))
    review.set_defaults(run=run["review"])


def _explain(commands: _Commands, run: _Run) -> None:
    """Add what is typed to say why a cell has its grade."""
    explain = _command(commands, "explain")
    _common(explain)
    explain.add_argument("parcel", metavar="PARCEL", help=_words("parcel"))
    explain.add_argument("service", metavar="SERVICE", help=_words("service"))
    explain.set_defaults(run=run["explain"])


def _issues(commands: _Commands, run: _Run) -> None:
    """Add what is typed to list what is wrong with a survey."""
    issues = _command(commands, "issues")
    _common(issues)
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    issues.add_argument("--service", metavar="S", help=_words("of_service"), **several)
    issues.add_argument("--code", metavar="C", help=_words("code"), **several)
    grades = [code.removeprefix("severity.") for code in codes("severity.")]
    issues.add_argument("--severity", choices=grades, help=_words("severity"), **several)
    issues.add_argument("--parcel", metavar="P", help=_words("of_parcel"))
    issues.add_argument("--top", metavar="N", type=_whole, default=_TOP, help=_words("top"))
    issues.add_argument("--tolerance", action="store_true", help=_words("tolerance"))
    files = issues.add_mutually_exclusive_group()
    files.add_argument("--out", metavar="DIR", type=Path, help=_words("faults_out"))
    files.add_argument("--csv", metavar="FILE", type=Path, help=_words("csv"))
    issues.add_argument("--map", metavar="FILE", type=Path, help=_words("map"))
    issues.set_defaults(run=run["issues"])


def _files(commands: _Commands, run: _Run) -> None:
    """Add what is typed to look at files, and draft a new zone."""
    seen = _command(commands, "inspect")
    seen.add_argument("path", metavar="FILE|FOLDER", type=Path, help=_words("what"))
    seen.add_argument("--json", action="store_true", help=_words("json"))
    seen.add_argument("--lang", choices=("zh", "en"), default="zh", help=_words("lang"))
    seen.set_defaults(run=run["inspect"])

    new = _command(commands, "new")
    new.add_argument("folder", metavar="FOLDER", type=Path, help=_words("folder"))
    new.add_argument("--crs", metavar="CRS", help=_words("crs"))
    new.add_argument("--profile", metavar="P", help=_words("profile"))
    new.add_argument("--force", action="store_true", help=_words("force"))
    new.add_argument("--lang", choices=("zh", "en"), default="zh", help=_words("lang"))
    new.set_defaults(run=run["new"])


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
