"""The fix list: which faults and records somebody asked for, and the lines that say them in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely

from gisplan.base.errors import LayerError
from gisplan.base.fields import plain
from gisplan.base.issues import ACTIONS, SEVERITIES
from gisplan.base.labels import codes, label, say
from gisplan.base.units import number
from gisplan.outputs.columns import blank, guessed, layer_name, pick, spots, title, word
from gisplan.outputs.tables import Tables

Line = tuple[str, str]
"""A text, and its weight: ``head``, ``plain``, ``dim``, or a severity."""
PARCELS = "parcels"
_INDENT = "    "


@dataclass(frozen=True)
class Asked:
    """What a fix list is to hold; an empty choice leaves everything in.

    Attributes
    ----------
    layers
        Services, and ``parcels``.
    files
        The files (``file`` or ``file:layer``) that hold the features of these services.
    codes, severities
        Kinds of faults and of records, and how grave they are.
    parcel
        Only what concerns this parcel.
    ids
        The faults that bear on its supply.
    """

    layers: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    parcel: str = ""
    ids: frozenset[str] = field(default=frozenset())


def split(texts: Iterable[str]) -> list[str]:
    """Take lists with commas apart.

    >>> split(["water,gas", "道路、热力"])
    ['water', 'gas', '道路', '热力']
    """
    parts = ",".join(texts).replace("，", ",").replace("、", ",").split(",")
    return [part.strip() for part in parts if part.strip()]


def kind(text: str, lang: str) -> str:
    """Give the code of a kind of fault or record, by its code or by its short name.

    Raises
    ------
    LayerError
        There is no such kind.
    """
    faults = {code.removeprefix("fault."): label(code) for code in codes("fault.")}
    for code, name in faults.items():
        if plain(text) in (plain(code), plain(name.zh), plain(name.en)):
            return code
    if f"issue.{text}" in codes("issue."):
        return text
    known = ", ".join(f"{code} {name.text(lang)}" for code, name in faults.items())
    raise LayerError(say("cli.no_code", lang, asked=text, known=known))


def select(tables: Tables, asked: Asked) -> Tables:
    """Keep the faults, joins and records that somebody asked for; everything else stays as it is."""
    faults, issues, joins = tables.faults, tables.issues, tables.joins
    fault_rows, issue_rows = np.ones(len(faults), dtype=bool), np.ones(len(issues), dtype=bool)
    join_rows = np.ones(len(joins), dtype=bool)
    if asked.layers:
        fault_rows &= faults["layer"].isin(asked.layers).to_numpy()
        join_rows &= joins["service"].isin(asked.layers).to_numpy()
        both = issues["file"] + ":" + issues["layer"]
        held = issues["file"].isin(asked.files) | both.isin(asked.files)
        issue_rows &= (issues["layer"].isin(asked.layers) | held).to_numpy()
    for column, wanted in (("code", asked.codes), ("severity", asked.severities)):
        if wanted:
            fault_rows &= faults[column].isin(wanted).to_numpy()
            issue_rows &= issues[column].isin(wanted).to_numpy()
    if asked.parcel:
        named = (faults["feature"] == asked.parcel) | (faults["other"] == asked.parcel)
        own = (faults["layer"] == PARCELS) & named
        fault_rows &= (own | faults["id"].isin(asked.ids)).to_numpy()
        said = _same(faults[fault_rows])
        issue_rows &= (issues["feature"] == asked.parcel).to_numpy() | _same(issues).isin(said)
        bearing = faults[fault_rows & (faults["code"] == "joined").to_numpy()]
        join_rows &= spots(joins, "service").isin(spots(bearing, "layer"))
    return replace(tables, faults=faults[fault_rows], issues=issues[issue_rows], joins=joins[join_rows])


def _same(frame: pd.DataFrame) -> pd.Index:
    """Give what a fault and its record have in common."""
    columns = (frame[name].to_numpy(dtype=object) for name in ("code", "layer", "feature"))
    return pd.Index(["\x1f".join(map(str, key)) for key in zip(*columns, strict=True)], dtype=object)


def counts(tables: Tables, lang: str) -> list[dict[str, str]]:
    """Count the faults by kind, in the order of the fix list: land cut off, land that hangs on it, how grave."""
    faults = pd.DataFrame(tables.faults[["code", "severity"]])
    faults["stranded"] = tables.faults["stranded_mu"].astype(float).fillna(0.0)
    faults["hanging"] = tables.faults["hanging_mu"].astype(float).fillna(0.0)
    faults["rank"] = faults["severity"].map(SEVERITIES.index).astype(int)
    kinds = faults.groupby(["code", "severity"], sort=False, as_index=False).agg(
        number=("code", "size"), stranded=("stranded", "max"), hanging=("hanging", "max"), rank=("rank", "first")
    )
    order = ["stranded", "hanging", "rank", "number", "code"]
    kinds = kinds.sort_values(order, ascending=[False, False, True, False, True])
    return [
        {
            "severity": say(f"severity.{row.severity}", lang),
            "kind": word("fault", row.code, lang),
            "count": str(row.number),
            "stranded": number(float(row.stranded), 1) if row.stranded > 0 else "",
            "hanging": number(float(row.hanging), 1) if row.hanging > 0 else "",
            "code": str(row.code),
        }
        for row in kinds.itertuples()
    ]


def headings(lang: str) -> dict[str, str]:
    """Give what stands above each column of the counts."""
    land = {name: say(f"fixlist.{name}_most", lang) for name in ("stranded", "hanging")}
    named = {name: say(f"fixlist.{name}", lang) for name in ("severity", "kind", "count", "code")}
    return {name: {**named, **land}[name] for name in ("severity", "kind", "count", "stranded", "hanging", "code")}


def head(tables: Tables, lang: str) -> Iterator[Line]:
    """Say which zone it is, by which profile and date, and how much is wrong."""
    about = tables.about
    yield title(about, lang), "head"
    profile, dates = about["profile"], about["dates"]
    basis = {"profile": pick(profile, lang), "version": profile["version"], "check": dates["check"]}
    yield say("sheet.basis", lang, data=dates.get("data") or "?", **basis), "dim"
    found = tables.faults["severity"].value_counts()
    tally = {f"{name}s": int(found.get(name, 0)) for name in SEVERITIES}
    yield (
        say("fixlist.total" if len(tables.faults) else "fixlist.none", lang, count=len(tables.faults), **tally),
        "head",
    )


def ranked(tables: Tables, lang: str, top: int) -> Iterator[Line]:
    """Say what to mend first: land at stake, what and where, why, and the cure."""
    faults = tables.faults.iloc[:top]
    if len(faults):
        if (tables.faults[["stranded_mu", "hanging_mu"]].astype(float) > 0).any(axis=None):
            yield say("fixlist.most", lang), "dim"
        yield "", "plain"
        yield say("fixlist.title", lang), "head"
    places = iter(shapely.get_coordinates(shapely.centroid(np.asarray(faults.geometry.array, dtype=object))).tolist())
    bare = (faults.geometry.isna() | faults.geometry.is_empty).to_numpy()
    joins = guessed(tables.joins)
    doubts = joins["doubt"].set_axis(spots(joins, "service")).to_dict()
    rows = zip(faults.to_dict("records"), spots(faults, "layer"), bare, strict=True)
    for place, (row, key, unplaced) in enumerate(rows, start=1):
        doubt = doubts.get(key, "") if row["code"] == "joined" else ""
        yield from _fault(place, {**row, "doubt": doubt}, (tables, lang))
        where = (
            "" if unplaced else say("fixlist.where", lang, **dict(zip("xy", map(_metres, next(places)), strict=True)))
        )
        yield f"{_INDENT}{where}{row['id']}", "dim"
    rest = len(tables.faults) - len(faults)
    if rest:
        yield say("fixlist.rest", lang, count=rest), "dim"


def _metres(value: float) -> str:
    return f"{value:.1f}"


def _fault(place: int, row: dict[Any, Any], about: tuple[Tables, str]) -> Iterator[Line]:
    """Say one fault."""
    tables, lang = about
    names = " — ".join(str(row[name]) for name in ("feature", "other") if not blank(row[name]) and row[name] != "")
    kind = f"{word('fault', row['code'], lang)} · {layer_name(row['layer'], lang, tables.services)}"
    severity = say(f"severity.{row['severity']}", lang)
    yield f"{place:>2}. [{severity}] {kind} · {names}".rstrip(" ·"), row["severity"]
    for sentence in _stakes(row, lang):
        yield f"{_INDENT}{sentence}", "head"
    languages = {"zh": ("zh",), "en": ("en",)}.get(lang, ("zh", "en"))
    for one in languages:
        yield f"{_INDENT}{row[f'message_{one}']}", "plain"
    for sentence in _cause(row, lang):
        yield f"{_INDENT}{sentence}", "plain"
    if row["doubt"]:
        yield _INDENT + say("fixlist.doubt", lang, doubt=word("doubt", row["doubt"], lang)), "plain"
    for one in languages:
        yield f"{_INDENT}→ {row[f'hint_{one}']}", "dim"


def _stakes(row: dict[Any, Any], lang: str) -> Iterator[str]:
    """Say which land a break cuts off, and which depends on the place."""
    for what in ("stranded", "hanging"):
        parcels, mu = row[f"{what}_parcels"], row[f"{what}_mu"]
        if blank(mu) or not (parcels > 0 or mu > 0):
            continue
        code = "fixlist.own" if row["layer"] == PARCELS else f"fixlist.{what}"
        text = say(code, lang, parcels=number(float(parcels), 0), mu=number(float(mu), 1))
        alone = row["alone_mu"]
        if what == "stranded" and not blank(alone):
            text += say("fixlist.alone" if alone > 0 else "fixlist.not_alone", lang, mu=number(float(alone), 1))
        yield text


def _cause(row: dict[Any, Any], lang: str) -> Iterator[str]:
    """Say why something is broken, where its kind does not, and the repair of the data beside what would be built."""
    if row["cause"] and not str(row["code"]).startswith("break_"):
        yield say("fixlist.cause", lang, cause=word("broken", row["cause"], lang))
    ways = []
    repair, build = row["repair_m"], row["build_m"]
    if not blank(repair):
        nothing = "fixlist.repair_none" if row["cause"] in ("valve", "flow", "status") else "fixlist.repair_joint"
        ways.append(say("fixlist.repair_m" if repair > 0 else nothing, lang, metres=_length(repair)))
    if not blank(build) and build > 0:
        ways.append(say("fixlist.build_m", lang, metres=_length(build)))
    if ways:
        yield (". " if lang == "en" else "；").join(ways)


def _length(metres: float) -> str:
    return number(float(metres), 2 if metres < 10 else 0)


def records(tables: Tables, lang: str, listed: frozenset[str]) -> Iterator[Line]:
    """Count what reading repaired, set aside or noted, with one record of each kind.

    Parameters
    ----------
    tables, lang
        What was found, and the language.
    listed
        Codes of all faults: their records say again what the fix list says, and are not counted.
    """
    issues = tables.issues[~tables.issues["code"].isin(listed)]
    if not len(issues):
        return
    done = issues["action"].value_counts()
    actions = "  ".join(f"{word('action', a, lang)} {int(done[a])}" for a in ACTIONS if a in done.index)
    yield "", "plain"
    yield say("fixlist.records", lang, count=len(issues), actions=actions), "head"
    kinds = issues.assign(rank=issues["severity"].map(SEVERITIES.index)).groupby(["rank", "code"], sort=True)
    for (rank, code), rows in kinds:
        severity = SEVERITIES[int(rank)]
        yield f"  [{say(f'severity.{severity}', lang)}] {code} ×{len(rows)}", severity
        first = rows.iloc[0]
        told = first["file"] in first["message"]
        place = first["message"] if told else f"{first['file']}  {first['message']}"
        yield f"{_INDENT}{place}", "plain"
        if len(rows) > 1:
            yield _INDENT + say("fixlist.more", lang, count=len(rows) - 1), "dim"
