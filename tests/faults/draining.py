"""Sewers to draw in a few lines, and every fault that is found in them."""

from __future__ import annotations

from typing import Any

from sketch import layer, line, parcel, parcels, point, zone

from gisplan.faults.draining.crosslinks import crosslinks
from gisplan.faults.draining.drains import drains
from gisplan.faults.fault import Found, table
from gisplan.judging.judgement import judge
from gisplan.zone import Zone

Row = tuple[str, Any, dict[str, Any]]
SITE = parcels(P=parcel(-500, -500, -400, -400), Q=parcel(400, 400, 500, 500))
PLANT = {"role": "source", "kind": "污水处理厂"}


def found(given: Zone) -> list[Found]:
    judgement = judge(given.survey, given.date)
    out = crosslinks(judgement)
    for key, kept in judgement.candidates.items():
        checked = drains(judgement, key)
        assert bool(checked) == kept.network.service.directed
        out += checked
    return out


def faults(given: Zone) -> set[tuple[str, str]]:
    """Every fault of a drawing as (kind, feature)."""
    return {(f.code, name) for f in found(given) for name in f.feature.tolist()}


def says(given: Zone, code: str) -> str:
    """The one sentence of a kind, in English; both languages must have no hole."""
    frame = table(found(given), {"sewage": ("污水", "sewage"), "storm": ("雨水", "storm")}, given.survey.crs)
    rows = frame[frame["code"] == code]
    assert len(rows) == 1
    texts = rows[["message_zh", "message_en", "hint_zh", "hint_en"]].iloc[0].tolist()
    assert all(texts) and not any("{" in text or "nan" in text for text in texts)
    return str(texts[1])


def drawn_rows(rows: list[Row]) -> list[Row]:
    """Let the water of some pipes run as they are drawn."""
    return [(name, shape, {"flow": "顺", **extra}) for name, shape, extra in rows]


def drawn(*rows: Row, service: str = "sewage", **rest: Any) -> Zone:
    """Sewers, the water of each running as it is drawn unless its columns say otherwise."""
    return zone(SITE, **{service: layer(*drawn_rows(list(rows))), **rest})


def pipe(feature: str, *xy: tuple[float, float], **extra: Any) -> Row:
    return (feature, line(*xy), extra)


def node(feature: str, x: float, y: float, role: str = "manhole", **extra: Any) -> Row:
    return (feature, point(x, y), {"role": role, "flow": None, **extra})


def chain(levels: bool = False, turned: tuple[int, ...] = (), **changes: dict[str, Any]) -> list[Row]:
    """Five pipes of 50 m, A to E, that fall by 0.2 m each, to a plant::

        0 ──A── 1 ──B── 2 ──C── 3 ──D── 4 ──E── 5 (plant)

    Those that are `turned` are drawn the other way, their levels at the ends where they are.
    """
    rows = []
    for i, name in enumerate("ABCDE"):
        ends, high = [(50.0 * i, 0.0), (50.0 * i + 50, 0.0)], [100 - 0.2 * i, 100 - 0.2 * i - 0.2]
        if i in turned:
            ends, high = ends[::-1], high[::-1]
        extra = {"invert_from_m": high[0], "invert_to_m": high[1]} if levels else {}
        rows.append(pipe(name, *ends, **extra | changes.get(name, {})))
    return [*rows, node("W", 250, 0, **PLANT)]


def fork(**extra: Any) -> list[Row]:
    """X leaves joint 2 beside C, and comes back into joint 4."""
    return [pipe("X", (100, 0), (150, 40), (200, 0), **extra)]
