"""What a terminal shows: the summary table, and a progress bar on stderr.

Texts from files are put in as they are: never as rich markup, and without characters that would drive a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import IO, Any

import pandas as pd
from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from gisplan.base.labels import say
from gisplan.base.units import number
from gisplan.outputs.columns import GRADES, blank, day, heading, numbered, pick, printable, title, word
from gisplan.outputs.tables import Tables

FOR_SUPPLY = ("offered", "reserved")
_CONCLUSIONS = ("offer", "after_tasks", "unfit", "unknown")
_FLAWS = 20  # records of a red line's file that are shown; all stand in its issues.csv
_PUZZLING = ("word_unknown", "number_unclear", "date_unclear", "cells_unreadable")
_MOST = 200  # rows of the summary without --all: more than people read, and a zone may have 100,000 parcels
_STYLES = {"A": "bold green", "B": "cyan", "C": "yellow", "D": "bold red", "U": "magenta", "N": "dim"}
_READY = {"yes": "A", "no": "D", "unknown": "U"}
_WEIGHTS = {"head": "bold", "dim": "dim", "clean": "green", "flawed": "yellow", "warning": "yellow"}
_WEIGHTS |= dict.fromkeys(("refused", "silent", "crashed", "error"), "bold red")
# Line ends would break the table; marks of writing direction would turn its columns round.
_TROUBLE = re.compile("[\t\r\n\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def shown(value: Any) -> str:
    r"""Give a text of a file as a terminal may show it.

    >>> shown("a\nb\x1b[31m") == "a b\ufffd[31m"
    True
    """
    return "" if blank(value) else _TROUBLE.sub(" ", printable(str(value)))


def on_offer(tables: Tables) -> pd.Index:
    """List the parcels that are offered, reserved, or have no supply status."""
    status = tables.readiness["supply_status"]
    return tables.readiness.index[[shown(code).strip() in (*FOR_SUPPLY, "") for code in status]]


def summary(tables: Tables, lang: str = "zh", everything: bool = False) -> RenderableType:
    """Put the summary together.

    Parameters
    ----------
    tables
        What the report hands over.
    lang
        ``zh``, ``en`` or ``both``.
    everything
        Show every parcel, not only those that are offered, reserved or without a status.
    """
    rows = tables.readiness if everything else tables.readiness.loc[on_offer(tables)].iloc[:_MOST]
    parts: list[RenderableType] = [_head(tables, lang)]
    if len(rows):
        parts.append(_matrix(tables, rows, lang))
        parts.append(_key(tables, lang))
        levels = _promised(tables, rows)
        if (levels != "").any():
            counted = levels[levels != ""].value_counts()
            text = "、".join(f"{level} ×{count}" for level, count in counted.items())
            parts.append(Text(say("console.promised", lang, levels=text), style="dim"))
    hidden = len(tables.readiness) - len(rows)
    if hidden:
        parts.append(Text(say("console.hidden", lang, count=hidden, most=_MOST), style="dim"))
    parts.extend(_totals(tables, rows, lang))
    parts.append(_quality(tables, lang))
    if len(tables.faults):
        land = tables.faults[["stranded_mu", "hanging_mu"]].astype(float).fillna(0.0).to_numpy().max()
        text = say("console.faults", lang, count=len(tables.faults), mu=number(float(land), 1))
        parts.append(Text(text))
    parts.extend(_grounds(tables, lang))
    parts.extend(_left_out(tables, lang))
    parts.extend(Text(shown(pick(note, lang)), style="dim") for note in tables.about.get("notes") or ())
    if tables.about.get("formula"):
        parts.append(Text(shown(pick(tables.about["formula"], lang)), style="yellow"))
    parts.append(Text(shown(pick(tables.about.get("disclaimer"), lang)), style="yellow"))
    return Group(*parts)


def show(tables: Tables, lang: str = "zh", everything: bool = False, file: IO[str] | None = None) -> None:
    """Print the summary; without a terminal it is plain text as wide as it needs to be."""
    console(file).print(summary(tables, lang, everything))


def show_apart(tables: Tables, lang: str = "zh", file: IO[str] | None = None) -> None:
    """Print what was checked apart from the zone, a red line: its letters, and what its file gives to think about."""
    rows = tables.readiness
    head = say("console.redline", lang, count=len(rows), mu=number(float(rows["area_mu"].sum()), 1))
    kept = tables.issues.iloc[:_FLAWS]
    lines = [Text(shown(f"· {row.file} {row.message}"), style="dim") for row in kept.itertuples()]
    if len(tables.issues) > len(kept):
        lines.append(Text(f"… ({len(tables.issues)})", style="dim"))
    console(file).print(Group(Text(f"\n{head}", style="bold"), _matrix(tables, rows, lang), *lines))


def show_rows(rows: Iterable[Mapping[str, str]], headings: Mapping[str, str], file: IO[str] | None = None) -> None:
    """Print a plain table: one line per row, one column per heading; texts from files are shown as they are.

    Parameters
    ----------
    rows
        Texts by column.
    headings
        What stands above each column.
    file
        Where to; the terminal without it.
    """
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for text in headings.values():
        table.add_column(text, overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(row[name])) for name in headings))
    console(file).print(table)


def show_lines(lines: Iterable[tuple[str, str]], file: IO[str] | None = None) -> None:
    """Print lines of text, each in the style of its weight (see `outputs.inspected`); none is broken or left out."""
    out = console(file)
    for text, weight in lines:
        out.print(Text(shown(text), style=_WEIGHTS.get(weight, "")), soft_wrap=True)


def console(file: IO[str] | None = None, stderr: bool = False) -> Console:
    """Make a console that takes no text for markup, and never breaks a line that is being redirected."""
    made = Console(file=file, stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False)
    if not made.is_terminal:
        made.width = max(made.width, 120)
    return made


def _head(tables: Tables, lang: str) -> Text:
    about = tables.about
    head = Text(shown(title(about, lang)), style="bold yellow" if about.get("invented") else "bold")
    basis = say(
        "sheet.basis",
        lang,
        profile=shown(pick(about["profile"], lang)),
        version=shown(about["profile"]["version"]),
        data=shown(about["dates"].get("data")) or "?",
        check=shown(about["dates"]["check"]),
    )
    return head.append(f"\n{basis}", style="not bold")


def _matrix(tables: Tables, rows: pd.DataFrame, lang: str) -> Table:
    """Lay the parcels out, one letter per service; the letters stand close, so that 80 columns hold them."""
    lang = "zh" if lang == "both" else lang  # two languages in each cell would need a terminal of twice the width
    services = tables.services
    shorts = [shown(text) for text in services["letter" if lang == "en" else "short"]]
    step = max(cell_len(text) for text in shorts) + (lang == "en")
    letters = Text("".join(set_cell_size(text, step) for text in shorts))
    dated = bool(rows["ready_on"].notna().any())
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(heading("parcel", lang), no_wrap=True, overflow="fold")
    table.add_column(word("short", "area_mu", lang), justify="right", no_wrap=True)
    table.add_column(word("short", "supply_status", lang), no_wrap=True)
    table.add_column(letters, no_wrap=True, min_width=cell_len(letters.plain))
    table.add_column(word("short", "count", lang), no_wrap=True, min_width=5)
    table.add_column(heading("ready", lang), no_wrap=True)
    if dated:
        table.add_column(word("short", "ready_on", lang), no_wrap=True, min_width=10)
    marked = rows.assign(promised=_promised(tables, rows).map(lambda level: "*" if level else ""))
    for row in numbered(marked).to_dict("records"):
        line = _line(row, lang)
        letters = Text()
        for service in services.index:
            letter = shown(row[service]) or "-"
            letters.append(letter, style=_STYLES.get(letter, "")).append(" " * (step - 1))
        line.insert(3, letters)
        table.add_row(*line, *([Text(day(row["ready_on"]))] if dated else []))
    return table


def _line(row: dict[Any, Any], lang: str) -> list[Text]:
    """Give the cells of a parcel but its letters."""
    ready = str(row["ready"])
    return [
        Text(shown(row["parcel"])),
        Text(number(float(row["area_mu"]), 1)),
        Text(shown(word("supply_status", row["supply_status"], lang)) or "-"),
        Text(f"{_whole(row['connected_count'])}/{_whole(row['required_count'])}{row['promised']}"),
        Text(word("ready", ready, lang), style=_STYLES.get(_READY.get(ready, ""), "")),
    ]


def _promised(tables: Tables, rows: pd.DataFrame) -> pd.Series:
    """Give what each parcel's own grant plan promises, empty where it says nothing."""
    levels: pd.Series = tables.parcels["promised"].reindex(rows.index).map(shown).str.strip()
    return levels


def _whole(value: Any) -> str:
    return "?" if blank(value) else str(int(value))


def _key(tables: Tables, lang: str) -> Text:
    """Explain the letters, and the services' abbreviations."""
    key = Text()
    for grade in GRADES:
        key.append(grade, style=_STYLES[grade]).append(f" {word('grade', grade, lang)}   ")
    services = tables.services
    shorts = services["letter" if lang == "en" else "short"]
    names = (f"{short} {heading(str(s), lang, services)}" for s, short in shorts.items())
    return key.append("\n" + shown("  ".join(names)), style="dim")


def _totals(tables: Tables, rows: pd.DataFrame, lang: str) -> Iterable[Text]:
    """Count parcels and mu, first of those shown, then of all that are reported."""
    for code, frame in (("console.shown", rows), ("console.all", tables.readiness)):
        if code == "console.all" and len(rows) == len(frame):
            return
        line = Text(say(code, lang, count=len(frame), mu=number(float(frame["area_mu"].sum()), 1)), style="bold")
        for key, letter in _READY.items():
            mine = frame[frame["ready"] == key]
            text = say("console.count", lang, count=len(mine), mu=number(float(mine["area_mu"].sum()), 1))
            line.append(f"  {word('ready', key, lang)} ", style=_STYLES[letter]).append(text, style="not bold")
        yield line


def _quality(tables: Tables, lang: str) -> Text:
    """Say how good the data is: flaws found, and cells that cannot be judged."""
    found = tables.issues["severity"].value_counts()
    cells = tables.cells[tables.cells["need"] == "required"]
    unknown = int((cells["grade"] == "U").sum())
    return Text(
        say(
            "console.quality",
            lang,
            errors=int(found.get("error", 0)),
            warnings=int(found.get("warning", 0)),
            infos=int(found.get("info", 0)),
            unknown=unknown,
            cells=len(cells),
        )
    )


def _grounds(tables: Tables, lang: str) -> Iterable[Text]:
    """Say what may be offered, which sources have too little left, and what is due."""
    if tables.land is not None and len(tables.land):
        counts = tables.land["conclusion"].value_counts()
        parts = (f"{word('land.conclusion', code, lang)} {counts[code]}" for code in _CONCLUSIONS if code in counts)
        yield Text(say("console.land", lang, counts="  ".join(parts)))
    if tables.ledger is not None and len(tables.ledger):
        sources = tables.ledger[tables.ledger["kind"] == "source"]
        short, unknown = int((sources["left"] < 0).sum()), int(sources["capacity"].isna().sum())
        yield Text(say("console.ledger", lang, count=len(sources), short=short, unknown=unknown))
    if tables.due is not None and len(tables.due):
        late = int((tables.due["days_left"] < 0).sum())
        yield Text(say("console.due", lang, count=len(tables.due), late=late))


def _left_out(tables: Tables, lang: str) -> Iterable[Text]:
    """Count what does not take part as it stands in the files, and say where each record is to be found."""
    code, action = tables.issues["code"], tables.issues["action"]
    counts = {
        "aside": int((action == "set aside").sum()),
        "refused": int((action == "refused").sum()),
        "doubt": int(tables.issues.loc[code == "parcel_doubt", "feature"].nunique()),
        "words": int(code.isin(_PUZZLING).sum()),
        "unused": int((code == "file_unused").sum()),
    }
    for name, count in counts.items():
        if count:
            yield Text("  " + say(f"console.left.{name}", lang, count=count))
    if any(counts.values()):
        yield Text("  " + say("console.left.see", lang), style="dim")


class Bar:
    """A progress bar on stderr; nothing at all when stderr is no terminal.

    Call it with the share that is done (0 to 1) and what is being done.
    """

    def __init__(self, what: str) -> None:
        self._console = console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task(what, total=1.0)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, done: float, what: str = "") -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=min(max(done, 0.0), 1.0), description=shown(what) or None)

    def part(
        self, start: float, end: float, step: str = "", words: Mapping[str, str] | None = None
    ) -> Callable[[float, str], None]:
        """Give a callback for one part of the whole.

        Parameters
        ----------
        start, end
            Its 0 and 1 in the whole.
        step
            What this part does; stands before what the callback is told.
        words
            Words for people in place of codes that the callback is told.
        """

        def move(done: float, what: str) -> None:
            self(start + (end - start) * done, f"{step} {(words or {}).get(what, what)}".strip())

        return move
