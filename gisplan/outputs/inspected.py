"""What an inspection says, as lines of text, each with the weight it has; whoever prints them makes them harmless."""

from __future__ import annotations

from collections.abc import Iterator

from gisplan.base.labels import say
from gisplan.reading.inspection import CLEAN, FLAWED, STATES, Inspection, LayerSeen, Seen, sentence
from gisplan.reading.refusals import listing

Line = tuple[str, str]
"""A text, and its weight: ``head``, ``plain``, ``dim``, or one of the states and severities."""
_SHOWN = 30


def lines(inspection: Inspection, lang: str) -> Iterator[Line]:
    """Write an inspection down: a file at length, a folder one line a file with the score below."""
    if not inspection.folder:
        for seen in inspection.files:
            yield from _file(seen, lang)
        return
    wide = max((len(say(f"inspect.state.{state}", lang)) for state in STATES), default=0)
    for seen in inspection.files:
        state = say(f"inspect.state.{seen.state}", lang).ljust(wide)
        yield f"{state}  {seen.file}  {sentence(seen, lang)}", seen.state
        for flaw in seen.flaws:
            if flaw.record.severity != "info":
                yield f"{' ' * wide}    {flaw.record.message}", "dim"
    yield "", "plain"
    for suffix, counts in inspection.by_kind.items():
        yield _score(suffix, counts, lang), "plain"
    yield _score(say("inspect.all", lang), inspection.score, lang), "head"


def _score(name: str, counts: dict[str, int], lang: str) -> str:
    words = (f"{say(f'inspect.state.{state}', lang)} {counts[state]}" for state in STATES)
    return say("inspect.score", lang, name=name, counts="  ".join(words), files=sum(counts.values()))


def _file(seen: Seen, lang: str) -> Iterator[Line]:
    """Say everything about one file."""
    what = say(f"content.{seen.kind}", lang) if seen.kind else "—"
    yield say("inspect.file", lang, file=seen.file, what=what), "head"
    if seen.parts:
        yield "  " + say("inspect.parts", lang, parts=listing(seen.parts)), "dim"
    for layer in seen.layers:
        yield from _layer(layer, lang)
    for flaw in seen.flaws:
        record = flaw.record
        severity = say(f"severity.{record.severity}", lang)
        of_layer = f" {record.layer}" if len(seen.layers) > 1 and record.layer else ""
        yield f"  [{severity}] {record.code}{of_layer}: {record.message}", record.severity
        yield f"      → {record.hint}", "dim"
    if seen.message:
        yield f"  [{seen.code}] {seen.message}", seen.state
    elif seen.state in (CLEAN, FLAWED):
        flaws = sum(flaw.record.severity != "info" for flaw in seen.flaws)
        yield "  " + say(f"inspect.end_{seen.state}", lang, count=flaws), seen.state


def _layer(layer: LayerSeen, lang: str) -> Iterator[Line]:
    shapes = ", ".join(f"{kind} ×{count}" for kind, count in layer.shapes.items()) or "—"
    box = ", ".join(f"{edge:.10g}" for edge in layer.box) or "—"
    yield (
        "  "
        + say("inspect.layer", lang, layer=layer.name, rows=layer.rows, shapes=shapes, crs=layer.crs or "—", box=box),
        "plain",
    )
    known = [f"{column.name} → {column.label.text(lang)} ({column.ours})" for column in layer.columns if column.ours]
    rest = [column.name for column in layer.columns if not column.ours]
    if known:
        yield "    " + say("inspect.known", lang, table=layer.like, columns=listing(known, _SHOWN)), "dim"
    if rest:
        yield "    " + say("inspect.unknown", lang, columns=listing(rest, _SHOWN)), "dim"
