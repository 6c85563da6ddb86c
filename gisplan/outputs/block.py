"""The data block of the review map: columns of small integers, and every text once.

All that the page shows of the zone's data travels in this one JSON text. It is never a template and never HTML: the
page puts it into ``<script type="application/json">`` as it is, and its script shows each text with ``textContent``.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gisplan.base.fields import spoken
from gisplan.base.labels import SINGLE
from gisplan.base.units import MU_M2, number_column
from gisplan.faults.fault import NUMBERS
from gisplan.judging.surface.earthwork import told
from gisplan.outputs.basemap import Base
from gisplan.outputs.columns import guessed
from gisplan.outputs.plane import LINES, Plane, anchors, apart, middles
from gisplan.outputs.tables import Tables
from gisplan.outputs.texts import NONE, Texts

GRADES = "ABCDUN"
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# "<" ends scripts and opens comments, "&" is for readers that decode entities, the last two end lines in old engines.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
# Drawn from the table of joins, which says more of them.
_IN_JOINS = ("joined",)
ONE_PAGE = 20_000
"""Parcels of which one page can hold everything; of more it holds the answers, and no lines, ways and reasons."""
_PLAIN = 4_000_000  # signs up to which a block is written as it is
_PAPERS = ("parcel", "service", "issuer", "number", "date", "expires", "says", "capacity", "capacity_unit")
_HEAVY = {"features": 0, "joins": 0, "gaps": 0, "faults": 300}
"""What the page of a large zone leaves to those of its parts, and how many rows of each it keeps."""
_LISTED = 2000  # parcels whose tasks a page lists; those of more stand in the workbook


@dataclass(frozen=True)
class Block:
    """The data block and what the map's frame must know of it.

    Attributes
    ----------
    text
        JSON, safe inside a ``<script>`` element; a long one is pressed (gzip, in base64).
    plain
        True when the zone's CRS has no way to longitude and latitude: the map is then drawn in plain metres.
    centre
        Latitude and longitude (or north and east in metres) of the middle of the parcels.
    packed
        Whether `text` is pressed.
    wide
        Whether the page has the answers of all parcels, and no lines, ways and reasons.
    """

    text: str
    plain: bool
    centre: tuple[float, float]
    packed: bool
    wide: bool


def _packed(text: str) -> str:
    """Press a long block; the same text gives the same signs."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=4, mtime=0)).decode("ascii")


def script_json(value: object) -> str:
    r"""Write JSON that cannot end the ``<script>`` element it stands in, and keeps every character.

    >>> print(script_json("</script>"))
    "\u003c/script\u003e"
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    # A lone surrogate (a byte that was no UTF-8) cannot be encoded; its escape can.
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def data_block(tables: Tables, lang: str, words: dict[str, tuple[str, str]], extra: dict[str, Any]) -> Block:
    """Put the tables into the map's data block.

    Parameters
    ----------
    tables
        What the report gives to its outputs.
    lang
        Language that the page opens in: ``zh``, ``en`` or ``both``.
    words
        The page's own words.
    extra
        Further entries of ours, such as icons.
    """
    wide = len(tables.parcels) > ONE_PAGE
    plane = Plane.of(tables.parcels, coarse=wide)
    pool = Texts()
    left_out = {name: max(len(getattr(tables, name)) - most, 0) for name, most in _HEAVY.items()} if wide else None
    if wide:
        kept = {name: getattr(tables, name).iloc[:most] for name, most in _HEAVY.items()}
        tables = replace(tables, **kept, traces=None, earthwork=None)
    services = [str(key) for key in tables.services.index]
    block: dict[str, Any] = {
        "lang": lang,
        "plain": plane.plain,
        "unit": plane.unit,
        "words": words,
        **extra,
        "about": _about(tables.about),
        "services": _services(tables.services),
        "parcels": _parcels(tables, plane, pool),
        "base": _base(tables.base),
        "grid": plane.grid(tables.parcels),
        "left_out": left_out,
        "cells": _letters_only(tables, services, pool) if wide else _cells(tables, services, pool),
        "ways": _ways(tables, services, plane, pool),
        **_features(tables.features, services, plane, pool),
        "joins": _joins(guessed(tables.joins), services, plane, pool),
        "faults": _faults(tables.faults, services, plane, pool),
        "gaps": _gaps(tables, services, plane, pool),
        "barriers": _barriers(tables.barriers, plane, pool),
        "issues": _issue_counts(tables.issues),
        "land": _land(tables, pool),
        "limits": _limits(tables.limits, services, pool),
        "ledger": _ledger(tables.ledger, services, pool),
        "notes": _notes(tables, services, pool),
        "papers": None if wide else _papers(tables, services, pool),
    }
    text = script_json(pool.settle(block))
    packed = len(text) > _PLAIN
    return Block(_packed(text) if packed else text, plane.plain, plane.centre(tables.parcels), packed, wide)


def _numbers(frame: pd.DataFrame, name: str, digits: int) -> list[float | None]:
    if name not in frame.columns:
        return [None] * len(frame)
    values = pd.to_numeric(frame[name], errors="coerce").astype("float64").round(digits)
    values = values.where(np.isfinite(values))
    return values.astype(object).where(values.notna(), None).tolist()


def _days(frame: pd.DataFrame, name: str) -> pd.Series:
    """Give a date column as ISO text, blank where there is no date."""
    if name not in frame.columns:
        return pd.Series(np.full(len(frame), None, dtype=object))
    values = frame[name]
    if not pd.api.types.is_datetime64_any_dtype(values):
        values = pd.to_datetime(values.astype(object), errors="coerce", format="ISO8601")
    return values.dt.strftime("%Y-%m-%d")


def _letters(values: pd.Series, allowed: str) -> str:
    """Give a column of one-letter codes as one text; ``-`` where there is none."""
    text = values.astype(object)
    return "".join(text.where(text.isin(list(allowed)), "-"))


def _pair(value: Any) -> list[str]:
    """Give a bilingual entry as [zh, en]."""
    if isinstance(value, dict):
        zh = str(value.get("zh") or value.get("en") or "")
        return [zh, str(value.get("en") or zh)]
    return [str(value or ""), str(value or "")]


def _about(about: dict[str, Any]) -> dict[str, Any]:
    """Take what is said of the whole zone, entry by entry: nothing that is not named here gets out."""
    profile, dates, crs = about.get("profile") or {}, about.get("dates") or {}, about.get("crs") or {}
    return {
        "title": _pair(about.get("title")),
        "invented": bool(about.get("invented")),
        "disclaimer": _pair(about.get("disclaimer")),
        "profile": {
            "id": str(profile.get("id", "")),
            "version": str(profile.get("version", "")),
            "label": _pair(profile),
        },
        "dates": {"data": str(dates.get("data") or ""), "check": str(dates.get("check") or "")},
        "crs": {"code": str(crs.get("code") or ""), "name": str(crs.get("name") or "")},
        "version": str(about.get("version") or ""),
        "notes": [_pair(note) for note in about.get("notes") or []],
        "part": None if about.get("part") is None else [str(about["part"]), str(about["back"])],
        "formula": _pair(about["formula"]) if about.get("formula") else None,
    }


def _services(services: pd.DataFrame) -> list[dict[str, str]]:
    """Take the services, a handful of rows."""
    names = ("zh", "en", "letter", "short", "shape", "need")
    rows = []
    for key, row in services.iterrows():
        colour = str(row.get("colour", ""))
        texts = {name: str(row.get(name, "") or "") for name in names}
        rows.append({"key": str(key), **texts, "colour": colour if _COLOUR.fullmatch(colour) else "#555555"})
    return rows


def _parcels(tables: Tables, plane: Plane, pool: Texts) -> dict[str, Any]:
    parcels, ready = tables.parcels, tables.readiness.reindex(tables.parcels.index)
    shapes = parcels.geometry.to_numpy()
    ready_on = _days(ready, "ready_on")
    area = parcels if "area_mu" in parcels.columns else ready
    return {
        "id": pool.take(parcels.index),
        **{name: pool.column(parcels, name) for name in ("name", "use", "sub_park", "supply_status", "promised")},
        "delivery_on": pool.take(_days(parcels, "delivery_on")),
        "mu": _numbers(area, "area_mu", 2),
        "ready": pool.column(ready, "ready"),
        "ready_by_delivery": pool.column(ready, "ready_by_delivery"),
        "ready_on": pool.take(ready_on),
        "connected": _numbers(ready, "connected_count", 0),
        "required": _numbers(ready, "required_count", 0),
        "ground": {lang: pool.take(_ground(tables, lang)) for lang in ("zh", "en")},
        # of a large zone the page finds the places itself
        "at": plane.points(anchors(shapes) if len(parcels) <= ONE_PAGE else shapes[:0]),
        "rings": plane.rings(shapes),
    }


def _ground(tables: Tables, lang: str) -> pd.Series:
    """Say what is known of the ground of each parcel; blank where there is no levelling."""
    if tables.earthwork is None or not len(tables.earthwork):
        return pd.Series(None, index=tables.parcels.index, dtype=object)
    return told(tables.earthwork, lang).reindex(tables.parcels.index)


def _cells(tables: Tables, services: list[str], pool: Texts) -> dict[str, Any]:
    """Take the ten answers: service after service, each in the order of the parcels."""
    texts = ("code", "feature", "source", "works", "reason_zh", "reason_en")
    every = pd.MultiIndex.from_product([services, tables.parcels.index], names=["service", "parcel"])
    found = tables.cells if tables.spoken is None else tables.spoken.of(tables.parcels.index)
    given = found.drop_duplicates(["service", "parcel"]).set_index(["service", "parcel"])
    cells = given.reindex(every).reset_index(drop=True)
    return {
        "grade": _letters(cells["grade"], GRADES),
        "need": _letters(cells["need"].map({"required": "r", "optional": "o"}), "ro"),
        **{name: pool.column(cells, name) for name in texts},
        "ready_on": pool.take(_days(cells, "ready_on")),
        "distance_m": _numbers(cells, "distance_m", 1),
        "path_m": _numbers(cells, "path_m", 1),
        "reserve": _reserves(tables, every),
    }


def _letters_only(tables: Tables, services: list[str], pool: Texts) -> dict[str, Any]:
    """Take of the answers of a large zone the grade, the distance [dm] and the day; sentences stand in the sheets."""
    cells, n = tables.cells, len(tables.parcels)
    at = pd.Index(services).get_indexer(cells["service"].astype(object)) * n
    at += tables.parcels.index.get_indexer(cells["parcel"].astype(object))
    grade, need = np.full((2, n * len(services)), ord("-"), dtype=np.uint8)
    far = np.full(n * len(services), 0xFFFF, dtype="<u2")
    grade[at] = _signs(cells["grade"], {letter: letter for letter in GRADES})
    need[at] = _signs(cells["need"], {"required": "r", "optional": "o"})
    metres = cells["distance_m"].to_numpy(dtype=float)
    told = np.isfinite(metres)
    far[at[told]] = np.minimum(np.rint(metres[told] * 10), 0xFFFE)
    dated = np.flatnonzero(cells["ready_on"].notna())
    code, days = pd.factorize(cells["ready_on"].to_numpy(dtype="datetime64[D]")[dated])
    return {
        "grade": grade.tobytes().decode("ascii"),
        "need": need.tobytes().decode("ascii"),
        "distance_dm": base64.b64encode(far.tobytes()).decode("ascii"),
        "dated": at[dated].tolist(),
        "ready_on": pool.coded(code, [str(d) for d in days]),
    }


def _signs(values: pd.Series, signs: dict[str, str]) -> np.ndarray:
    """Give a column of codes as the bytes of one sign each."""
    held = values.astype("category")
    known = [ord(signs.get(str(code), "-")) for code in held.cat.categories]
    return np.array([*known, ord("-")], dtype=np.uint8)[held.cat.codes]


def _reserves(tables: Tables, every: pd.MultiIndex) -> list[float | None]:
    """Give the reserve of each answer [%], where one was reckoned."""
    limits = tables.limits.reindex(columns=["what", "measure"])
    asked = limits.loc[limits["measure"] == "reserve", "what"]
    found = tables.findings
    parts = [found] if isinstance(found, pd.DataFrame) else found.only(set(asked)).blocks(())
    kept = ["service", "parcel", "condition", "value"]
    rows = pd.concat([part.reindex(columns=kept) for part in parts], ignore_index=True)
    rows = rows[rows["condition"].isin(asked)].drop_duplicates(["service", "parcel"])
    reserves = rows.set_index(["service", "parcel"])[["value"]].reindex(every)
    return _numbers(reserves, "value", 0)


def _ways(tables: Tables, services: list[str], plane: Plane, pool: Texts) -> dict[str, Any] | None:
    """Take the way of each cell to its source: where it begins, and the steps that many share."""
    if tables.traces is None:
        return None
    traced = tables.traces.of(tables.parcels.index)
    steps, starts = traced.steps, traced.starts
    parcel = tables.parcels.index.get_indexer(starts["parcel"])
    return {
        "feature": pool.column(steps, "feature"),
        "next": steps["next"].tolist(),
        "steps": plane.lines(steps.geometry.to_numpy()),
        "cell": (np.array(_service_numbers(starts, services), dtype=int) * len(tables.parcels) + parcel).tolist(),
        "step": starts["step"].tolist(),
        "unsure": np.flatnonzero(~starts["sure"].to_numpy(dtype=bool)).tolist(),
        "leads": plane.lines(starts.geometry.to_numpy()),
    }


def _land(tables: Tables, pool: Texts) -> dict[str, Any] | None:
    """Take stage, conclusion and net area of every parcel; what is left to do only where a page can hold it."""
    if tables.land is None:
        return None
    land = tables.land.reindex(tables.parcels.index)
    texts = ["stage", "conclusion"]
    texts += ["sentence_zh", "sentence_en"] if len(land) <= ONE_PAGE else []
    texts += ["tasks_zh", "tasks_en"] if len(land) <= _LISTED else []
    return {
        **{name: pool.column(land, name) for name in texts},
        "net_mu": _numbers(land.assign(net_mu=land["net_area_m2"] / MU_M2), "net_mu", 2),
        "tasks": _numbers(land, "tasks", 0),
    }


def _limits(limits: pd.DataFrame, services: list[str], pool: Texts) -> dict[str, Any]:
    """Take every limit with where it is from."""
    texts = ("what", "kind", "label_zh", "label_en", "limit", "basis", "code", "clause", "sure", "weight", "former")
    own = limits["overridden"].to_numpy(dtype=bool) if "overridden" in limits else np.zeros(len(limits), dtype=bool)
    return {
        "service": _service_numbers(limits, services),
        **{name: pool.column(limits, name) for name in texts},
        "own": np.flatnonzero(own).tolist(),
        "uses": _numbers(limits, "uses", 0),
    }


def _ledger(ledger: pd.DataFrame | None, services: list[str], pool: Texts) -> dict[str, Any] | None:
    """Take what every source has left; the mains stand in the workbook."""
    if ledger is None:
        return None
    # An outfall that takes whatever comes has nothing to keep a ledger of.
    sources = ledger[(ledger["kind"] == "source") & ~np.isinf(ledger["capacity"].astype(float))]
    return {
        "service": _service_numbers(sources, services),
        **{name: pool.column(sources, name) for name in ("feature", "unit", "last_holder")},
        **{name: _numbers(sources, name, 2) for name in ("capacity", "used", "promised", "left", "refused")},
    }


def _notes(tables: Tables, services: list[str], pool: Texts) -> dict[str, Any] | None:
    """Take what reviewers said; ``parcel`` is the row of today's parcel, ``id`` the number that the note has."""
    notes = tables.notes
    if notes is None:
        return None
    texts = ("status", "kind", "mark", "text", "reviewer", "at", "why_zh", "why_en")
    return {
        "parcel": tables.parcels.index.get_indexer(notes["parcel"]).tolist(),
        "service": _service_numbers(notes, services),
        "id": pool.column(notes, "noted_parcel"),
        **{name: pool.column(notes, name) for name in texts},
    }


def _base(base: Base | None) -> dict[str, Any] | None:
    """Take what lies beneath the parcels."""
    if base is None:
        return None
    return {"tiles": list(base.tiles), "image": base.image, "bounds": list(base.bounds), "credit": base.credit}


def _papers(tables: Tables, services: list[str], pool: Texts) -> dict[str, Any]:
    """Take the papers on parcels: who says what of which answer, and until when."""
    papers = tables.evidence.reindex(columns=list(_PAPERS))
    at = tables.parcels.index.get_indexer(papers["parcel"])
    papers, at = papers[at >= 0], at[at >= 0]
    said = papers["says"].astype(object)
    amount = (
        number_column(papers["capacity"].astype(float), 2).astype(object) + " " + papers["capacity_unit"].fillna("")
    )
    return {
        "parcel": at.tolist(),
        "service": _service_numbers(papers, services),
        **{name: pool.column(papers, name) for name in ("issuer", "number")},
        **{name: pool.take(_days(papers, name)) for name in ("date", "expires")},
        **{f"says_{lang}": pool.take(said.replace(spoken("says", lang))) for lang in SINGLE},
        "capacity": pool.take(amount.where(papers["capacity"].notna(), None)),
    }


def _service_numbers(frame: pd.DataFrame, services: list[str]) -> list[int]:
    if "service" not in frame.columns:
        return [NONE] * len(frame)
    return pd.Index(services).get_indexer(frame["service"].astype(object)).tolist()


def _features(features: gpd.GeoDataFrame, services: list[str], plane: Plane, pool: Texts) -> dict[str, Any]:
    """Take lines (and outlines of areas) and points apart; both keep the zone's order."""
    kinds = shapely.get_type_id(features.geometry.to_numpy())
    lines, points = features[np.isin(kinds, (1, 2, 3, 5, 6, 7))], features[np.isin(kinds, (0, 4))]
    return {
        "lines": _rows(lines, services, pool) | {"parts": plane.lines(lines.geometry.to_numpy())},
        "points": _rows(points, services, pool) | {"at": plane.points(points.geometry.to_numpy())},
    }


def _rows(rows: gpd.GeoDataFrame, services: list[str], pool: Texts) -> dict[str, Any]:
    texts = {name: pool.column(rows, name) for name in ("feature", "role", "kind", "state", "label", "works", "name")}
    return {"service": _service_numbers(rows, services), **texts}


def _joins(joins: gpd.GeoDataFrame, services: list[str], plane: Plane, pool: Texts) -> dict[str, Any]:
    return {
        "service": _service_numbers(joins, services),
        **{name: pool.column(joins, name) for name in ("id", "feature", "other", "kind", "doubt")},
        "gap_m": _numbers(joins, "gap_m", 3),
        "undone": np.flatnonzero(joins["undone"].to_numpy(dtype=bool)).tolist(),
        "hanging_parcels": _numbers(joins, "hanging_parcels", 0),
        "hanging_mu": _numbers(joins, "hanging_mu", 1),
        "at": plane.points(joins.geometry.to_numpy()),
    }


def _faults(faults: gpd.GeoDataFrame, services: list[str], plane: Plane, pool: Texts) -> dict[str, Any]:
    """Take the faults in their order, each with the place of its mark and with what it has of lines and outlines."""
    faults = faults[~faults["code"].isin(_IN_JOINS)]
    shapes = faults.geometry.to_numpy()
    texts = ("id", "code", "severity", "layer", "feature", "other", "cause")
    sentences = ("message_zh", "message_en", "hint_zh", "hint_en")
    return {
        "service": pd.Index(services).get_indexer(faults["layer"].astype(object)).tolist(),
        **{name: pool.column(faults, name) for name in (*texts, *sentences)},
        **{name: _numbers(faults, name, 2 if name.endswith("_m") else 1) for name in NUMBERS},
        "at": plane.points(middles(shapes)),
        "parts": plane.lines(shapes),
    }


def _gaps(tables: Tables, services: list[str], plane: Plane, pool: Texts) -> dict[str, Any]:
    gaps = tables.gaps
    texts = ("from_feature", "responsible_zh", "responsible_en", "basis", "reason_zh", "reason_en")
    return {
        "parcel": tables.parcels.index.get_indexer(gaps["parcel"]).tolist() if len(gaps) else [],
        "service": _service_numbers(gaps, services),
        "grade": _letters(gaps["grade"], GRADES) if len(gaps) else "",
        **{name: pool.column(gaps, name) for name in texts},
        "length_m": _numbers(gaps, "length_m", 1),
        "unit_price_cny": _numbers(gaps, "unit_price_cny", 0),
        "estimate_cny": _numbers(gaps, "estimate_cny", 0),
        "parts": plane.lines(gaps.geometry.to_numpy()),
    }


def _barriers(barriers: gpd.GeoDataFrame | None, plane: Plane, pool: Texts) -> dict[str, Any] | None:
    if barriers is None:
        return None
    if "feature" not in barriers.columns:
        barriers = barriers.reset_index(names="feature")
    texts = {name: pool.column(barriers, name) for name in ("feature", "kind", "name")}
    shapes = barriers.geometry.to_numpy()
    pieces, of = apart(shapes)
    lines = np.isin(shapely.get_type_id(pieces), LINES)
    return texts | {"parts": plane.parts(pieces[lines], of[lines]), "rings": plane.rings(shapes)}


def _issue_counts(issues: pd.DataFrame) -> dict[str, int]:
    found = issues["severity"].value_counts() if "severity" in issues.columns else pd.Series(dtype="int64")
    return {severity: int(found.get(severity, 0)) for severity in ("error", "warning", "info")}
