"""The skeleton: a zone.toml written from a draft. What is sure counts; what is not stands behind a ``#``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pyproj import CRS

from gisplan.base.errors import ExportError
from gisplan.base.fields import plain, spoken, vocabulary
from gisplan.base.files import replacing, write_text
from gisplan.base.labels import Label, say
from gisplan.reading.drafting.draft import Draft, sourceless
from gisplan.reading.drafting.guesses import Claim, Pillar
from gisplan.reading.drafting.hints import chinese, hints, tokens
from gisplan.reading.drafting.likeness import Kin, Why
from gisplan.reading.entries import NAME
from gisplan.reading.places.systems import described
from gisplan.reading.refusals import listing, refusal, shorten
from gisplan.reading.words import plain_blank

_WIDE = 60
_MOST_WORDS = 30
_LARGEST = 1 << 20
_PLAIN_KEYS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def quoted(text: str) -> str:
    r"""Write a text as TOML does between quotes, whatever is in it.

    >>> quoted('a"b\\c\n')
    '"a\\"b\\\\c\\n"'
    """
    out = []
    for c in text:
        if c in '"\\':
            out.append("\\" + c)
        elif c in "\n\t\r":
            out.append({"\n": "\\n", "\t": "\\t", "\r": "\\r"}[c])
        elif c.isprintable() or "\ud800" <= c <= "\udfff":
            # Half a sign, which no TOML can hold, is no sign of any text that a file was rightly read as.
            out.append(c if c.isprintable() else "\ufffd")
        else:
            out.append(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}")
    return '"' + "".join(out) + '"'


def remark(text: str, width: int = 300) -> str:
    """Make a text fit a comment: one line, no signs that drive a terminal or turn a line round."""
    return "".join(c if c.isprintable() else "\ufffd" for c in shorten(text, width))


def skeleton(found: Draft, lang: str = "zh") -> str:
    """Write the zone.toml of a draft.

    Parameters
    ----------
    found
        The draft.
    lang
        Language of the comments.
    """
    lines: list[str] = []
    for part in (
        _head(found, lang),
        _tables(found, lang),
        _ground(found, lang),
        _services(found, lang),
        _unused(found, lang),
    ):
        lines += [*part, ""]
    return "\n".join(lines)


def write_skeleton(folder: Path, text: str, force: bool, lang: str) -> Path | None:
    """Write a zone.toml; an old one is kept under another name, which is given.

    Raises
    ------
    ExportError
        There is one already and `force` is not set, it cannot be written, or it is longer than a zone.toml may be.
    """
    path = folder / NAME
    free(folder, force, lang)
    if len(text.encode("utf-8")) > _LARGEST:
        raise refusal(ExportError, "draft_long", lang, folder=folder.name)
    kept = _other_name(path) if path.exists() else None
    if kept is not None:
        data = path.read_bytes()
        with replacing(kept) as temporary:
            temporary.write_bytes(data)
    write_text(path, text)
    return kept


def _other_name(path: Path) -> Path:
    """Find a name that nothing bears yet, so that an older copy is never lost."""
    number = 1
    kept = path.with_name(f"{path.name}.bak")
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.bak{number}")
    return kept


def free(folder: Path, force: bool, lang: str) -> None:
    """See that a zone.toml may be written; before anything is read.

    Raises
    ------
    ExportError
        There is one already and `force` is not set.
    """
    if (folder / NAME).exists() and not force:
        raise refusal(ExportError, "draft_exists", lang, folder=folder.name)


def _beside(line: str, comment: str) -> str:
    """Put a comment behind a line."""
    return f"{line.ljust(_WIDE)} # {remark(comment)}" if comment else line


def _note(code: str, lang: str, **values: object) -> str:
    return f"# {remark(say(f'draft.{code}', lang, **values), 600)}"


def _reasons(confidence: str, why: Why, lang: str) -> str:
    """Say how sure something is, and why."""
    said = [say(f"draft.why.{code}", lang, text=shorten(text)) for code, text in why]
    level = say(f"draft.confidence.{confidence}", lang)
    join, stop = ("；", "：") if lang == "zh" else ("; ", ": ")
    return f"{level}{stop}{join.join(said)}" if said else level


def _head(found: Draft, lang: str) -> Iterator[str]:
    """Write what holds for the zone."""
    yield _note("intro", lang)
    yield _note("intro_levels", lang)
    yield ""
    yield "[zone]"
    yield f"title = {quoted(found.title)}"
    if found.crs:
        what = described(CRS.from_user_input(found.crs), lang)
        yield _beside(
            f"crs = {quoted(found.crs)}",
            f"{what}{'；' if lang == 'zh' else '; '}{_reasons('likely', found.crs_why, lang)}",
        )
    else:
        yield _note("crs_unknown", lang)
        for system in found.systems or ("EPSG:4546",):
            yield _beside(f"# crs = {quoted(system)}", described(CRS.from_user_input(system), lang))
    if found.box is not None:
        west, south, east, north = (f"{v:.2f}" for v in found.box)
        yield _beside(f"place = {{ box = [{west}, {south}, {east}, {north}] }}", say("draft.box", lang))
    stated = "" if found.stated else "# "
    day = _day(lang)
    yield _beside(
        f"{stated}profile = {quoted(found.stated or found.profile.id)}",
        "" if found.stated else say("draft.profile", lang),
    )
    yield _beside(f"# date = {day}", say("draft.date", lang))
    yield _beside(f"# data_date = {day}", say("draft.data_date", lang))


def _day(lang: str) -> str:
    """Give what stands for a date; it is none, so that nobody takes it over unread."""
    return quoted("年-月-日" if lang == "zh" else "YYYY-MM-DD")


def _tables(found: Draft, lang: str) -> Iterator[str]:
    """Write parcels, barriers, works and evidence, and ask for those that were not found."""
    for table in ("parcels", "barriers", "works", "evidence"):
        yield _title(say(f"draft.table.{table}", lang))
        mine = [k for k in found.kin if k.table == table]
        for one in mine:
            yield from _source(one, f"[{table}]", found, lang)
        if mine and not found.of(table):
            yield _note("choose", lang, table=_table_name(table, found, lang))
        elif not mine:
            yield _note(f"missing.{table}", lang)
            if table == "barriers":
                yield "# [barriers]"
                yield _beside("# none = true", say("draft.ask.no_barriers", lang))
        yield ""


def _title(text: str) -> str:
    return f"# {'-' * 88} {remark(text)}"


def _ground(found: Draft, lang: str) -> Iterator[str]:
    """Write the elevation model."""
    yield _title(say("draft.table.ground", lang))
    good = [name for name, reason in found.ground if not reason]
    for name in good:
        yield "[ground]"
        yield f"file = {quoted(name)}"
        yield _beside(f"# as_of = {_day(lang)}", say("draft.ask.ground_date", lang))
    for one in (k for k in found.kin if k.table == "ground"):
        yield from _source(one, "[ground]", found, lang)
    if not good and not found.of("ground"):
        yield _note("missing.ground", lang)
    for name, reason in found.ground:
        if reason:
            yield f"# {remark(name)}: {remark(reason)}"


def _services(found: Draft, lang: str) -> Iterator[str]:
    """Write the layers of every service of the profile, and what is missing of them."""
    for service in found.profile.networks:
        yield _title(service.label.text(lang))
        for one in found.kin:
            if one.table == service.key:
                yield from _source(one, f"[[layer.{service.key}]]", found, lang)
        if not found.of(service.key):
            yield _note("missing.layer", lang, service=service.label.text(lang))
            yield f"# [layer.{service.key}]"
            yield _beside("# none = true", say("draft.ask.none", lang, service=service.label.text(lang)))
        elif sourceless(found, service.key):
            kinds = ", ".join(spoken("kind", lang).get(kind, kind) for kind in service.sources)
            yield _note("missing.source", lang, service=service.label.text(lang), kinds=kinds)
        yield ""


def _source(one: Kin, header: str, found: Draft, lang: str) -> Iterator[str]:
    """Write one source: what counts as it is, a source that does not count wholly behind signs of comment."""
    mark = "" if one.active else "# "
    what = say(f"draft.shape.{one.look.shape}", lang, count=len(one.look.raw.table))
    yield _beside(f"{mark}{header}", f"{_reasons(one.confidence, one.why, lang)} ({what})")
    if one.other:
        yield _note("or_else", lang, table=_table_name(one.other, found, lang))
    yield f"{mark}file = {quoted(one.look.file)}"
    if one.look.several and one.look.raw.layer.strip():
        yield f"{mark}layer = {quoted(one.look.raw.layer)}"
    if not one.active and not found.of(one.table) and Path(one.look.file).stem.casefold() == one.table:
        yield _note("by_name", lang)
    if one.partner:
        yield _beside(f"{mark}points = {quoted(one.partner)}", say("draft.points", lang))
    for code, text in one.notes:
        if code == "crs_given":
            yield _beside(f"{mark}crs = {quoted(text)}", say("draft.crs_given", lang))
        elif code == "no_parcel_column":
            yield _beside('# columns.parcel = "?"', say(f"draft.{code}", lang))
        elif code == "crs_line":
            yield from (f"# {line}" for line in text.splitlines())
        else:
            yield _note(code, lang, text=_table_name(text, found, lang) if code == "several" else text)
    for issue in one.look.issues[:5]:
        if issue.code == "table_unread":
            continue
        if issue.severity != "info" or issue.code.startswith("encoding"):
            yield f"# {remark(issue.message)}"
    for claim in one.claims:
        yield from _claim(claim, mark, one, lang)
    yield from _questions(one, found, lang)
    unused = [p.name for p in one.look.columns if p.name not in {c.theirs for c in one.claims}]
    if unused and not one.partner and not one.whole:
        yield _note("columns_left", lang, columns=listing(unused, 40))
    yield ""


def _table_name(table: str, found: Draft, lang: str) -> str:
    service = next((s for s in found.profile.networks if s.key == table), None)
    return say(f"draft.table.{table}", lang) if service is None else service.label.text(lang)


def _claim(claim: Claim, mark: str, one: Kin, lang: str) -> Iterator[str]:
    """Write one column: its name, its unit, its words."""
    own = mark or ("" if claim.active else "# ")
    reasons = _reasons(claim.confidence, claim.why, lang)
    others = dict.fromkeys([*claim.rivals, *claim.others])
    if others:
        reasons += say("draft.others", lang, columns=listing(others))
    # Naming one of several would silence the others: where 状态 says 现状 and 使用状态 says 废弃, nobody knows.
    sign = "# " if claim.rivals else own
    yield _beside(f"{sign}columns.{claim.ours} = {quoted(claim.theirs)}", reasons)
    if claim.unit:
        sign = own if claim.unit_sure else "# "
        code = "unit_named" if claim.unit_sure else "unit_guessed"
        yield _beside(f"{sign}units.{claim.ours} = {quoted(claim.unit)}", say(f"draft.{code}", lang, unit=claim.unit))
    pillar = next(p for p in one.look.columns if p.name == claim.theirs)
    for word, code in list(claim.words.items())[:_MOST_WORDS]:
        line = f"{own}values.{claim.ours}.{quoted(word)} = {quoted(code)}"
        yield _beside(line, say("draft.word_likely", lang, count=_count(pillar, word)))
    asked = list(claim.asked.items())
    for word, code in asked[:_MOST_WORDS]:
        line = f"# values.{claim.ours}.{quoted(word)} = {quoted(code or '?')}"
        yield _beside(line, say("draft.word_asked", lang, count=_count(pillar, word)))
    if len(asked) > _MOST_WORDS:
        yield _note("words_more", lang, count=len(asked) - _MOST_WORDS)


def _count(pillar: Pillar, word: str) -> int:
    return int(pillar.counts[pillar.words.words.index(word)])


def _questions(one: Kin, found: Draft, lang: str) -> Iterator[str]:
    """Ask what only a person can know of a layer: what is blank, and what the file does not say."""
    if one.table == "ground":
        yield _beside(f"# as_of = {_day(lang)}", say("draft.ask.ground_date", lang))
    if one.table in ("parcels", "works", "evidence", "barriers", "ground"):
        return
    blank = _blank(one, "status")
    if blank:
        yield _beside('# status = "现状"', say("draft.ask.status", lang, count=blank))
        yield _beside(f"# as_of = {_day(lang)}", say("draft.ask.as_of", lang))
    if one.partner or one.whole:
        return
    roles = _blank(one, "role")
    if roles and (one.look.shape == "points" or _default_role(one)):
        role = _default_role(one) or "manhole"
        yield _beside(f"# role = {quoted(spoken('role', 'zh')[role])}", say("draft.ask.role", lang, count=roles))
    lines = one.look.shape == "lines"
    if lines and found.profile.service(one.table).directed and (count := _blank(one, "flow")):
        yield _beside('# flow = "digitised"', say("draft.ask.flow", lang, count=count))
    valves = _valves(one)
    if valves:
        yield _beside('# open = "开"', say("draft.ask.open", lang, count=valves))


def _blank(one: Kin, ours: str) -> int:
    """Count the rows whose cell says nothing, in the column that is taken for one of ours."""
    rows = len(one.look.raw.table)
    claim = one.claim(ours)
    if claim is None:
        return rows
    pillar = next(p for p in one.look.columns if p.name == claim.theirs)
    said = [i for i, word in enumerate(pillar.words.words) if not plain_blank(word)]
    return rows - int(pillar.counts[said].sum())


def _default_role(one: Kin) -> str:
    known = hints("default")
    for name in (one.look.raw.layer, Path(one.look.file).stem):
        for word in (*chinese(name, known), *tokens(name)):
            if word in known:
                return known[word][0].target.removeprefix("role.")
    return ""


def _valves(one: Kin) -> int:
    """Count the valves of which nothing says whether they are open."""
    role, state = one.claim("role"), one.claim("open")
    if role is None:
        return 0
    pillars = {p.name: p for p in one.look.columns}
    column = pillars[role.theirs]
    valves = [i for i, word in enumerate(column.words.words) if role.words.get(word, _code(word)) == "valve"]
    rows = [bool(at in valves) for at in column.words.at.tolist()]
    if state is None:
        return sum(rows)
    open_ = pillars[state.theirs].words.at
    return sum(here and at < 0 for here, at in zip(rows, open_.tolist(), strict=True))


def _code(word: str) -> str:

    return vocabulary("role").get(plain(word), "")


def _unused(found: Draft, lang: str) -> Iterator[str]:
    """List the files that are not used, and why."""
    if found.unused:
        yield _title(say("draft.table.nothing", lang))
    yield from (f"# {remark(name)}: {remark(reason)}" for name, reason in found.unused)


def rows(found: Draft, lang: str) -> list[dict[str, str]]:
    """Give what was found as rows for people: file, layer, what it is taken for, how sure, why."""
    out = []
    for one in found.kin:
        out.append(
            {
                "file": one.look.file,
                "layer": one.look.raw.layer if one.look.several else "",
                "table": _table_name(one.table, found, lang) + ("" if one.active else " ?"),
                "confidence": say(f"draft.confidence.{one.confidence}", lang),
                "why": "; ".join(say(f"draft.why.{c}", lang, text=shorten(t)) for c, t in one.why),
                "columns": str(sum(c.active for c in one.claims)),
            }
        )
    for name, reason in found.ground:
        if not reason:
            out.append(
                {"file": name, "layer": "", "table": say("draft.table.ground", lang),
                 "confidence": say("draft.confidence.likely", lang), "why": "", "columns": ""}
            )  # fmt: skip
    return out


def gaps(found: Draft, lang: str) -> list[str]:
    """List what was not found, as sentences."""
    out = blocking(found, lang)
    for table in ("parcels", "barriers", "works", "evidence"):
        if table != "parcels" and not found.of(table):
            out.append(_lacking(table, found, lang))
    if not found.of("ground") and not any(not reason for _, reason in found.ground):
        out.append(say("draft.missing.ground", lang))
    labels: Iterable[Label] = [found.profile.service(key).label for key in found.missing]
    names = listing([label.text(lang) for label in labels], 20)
    return [*out, say("draft.missing.layers", lang, services=names)] if names else out


def blocking(found: Draft, lang: str) -> list[str]:
    """List what a check cannot do without and was not found, as sentences."""
    out = [] if found.crs else [say("draft.crs_unknown", lang)]
    if not found.of("parcels"):
        out.append(_lacking("parcels", found, lang))
    if found.placeless:
        out.append(say("draft.placeless", lang, files=listing(found.placeless, 20)))
    return out


def _lacking(table: str, found: Draft, lang: str) -> str:
    if any(k.table == table for k in found.kin):
        return say("draft.choose", lang, table=_table_name(table, found, lang))
    return say(f"draft.missing.{table}", lang)
