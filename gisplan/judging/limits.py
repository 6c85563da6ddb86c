"""Limits: every limit, norm and price that answers rest on: where each is from, how sure, and how often it was used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from gisplan.base.labels import Label, label
from gisplan.base.units import number
from gisplan.rules.figures import Figure
from gisplan.rules.overrides import written
from gisplan.rules.profile import Profile, Service

COLUMNS = (
    "what", "kind", "service", "label_zh", "label_en", "measure", "limit", "unit", "basis", "code", "clause", "sure",
    "weight", "overridden", "former", "uses",
)  # fmt: skip
_STORM = ("storm_a", "storm_c", "storm_b", "storm_n")
_BY_MEASURE = {
    "start_depth": ("fall",),
    "run_slope": ("fall",),
    "drop": ("fall",),
    "least_slope": ("slope_margin",),
}
"""Figures that are asked for by other measures than those of capacity."""
_CAPACITY = ("capacity", "reserve")


def limits(profile: Profile, asked: pd.Series, priced: Mapping[str, int], of_land: Mapping[str, int]) -> pd.DataFrame:
    """List every limit of a profile.

    Parameters
    ----------
    profile
        The profile, with what the zone itself has set in it.
    asked, priced, of_land
        How often it was used: the findings of each condition and rule of land that are not *not applicable*, by its id,
        and the gaps of each service that a price was put on.

    Returns
    -------
    pandas.DataFrame
        One row a limit (`COLUMNS`): ``what`` names it as ``[limits]`` of a zone.toml does; ``kind`` is condition,
        figure, price, inspection, land or alone; ``sure`` is clause (a code, its clause named), unchecked (a code of
        which nobody has checked the clause), local or assumed; ``former`` is what the profile has where the zone has
        set its own; ``uses`` counts the findings that rest on it, or the gaps that a price was put on; missing where
        none can.
    """
    rows = []
    for row in _rows(profile):
        past = profile.overridden.get(row["what"])
        if row["kind"] in ("price", "alone") and past is not None:
            row |= {"code": past.code, "clause": past.clause, "basis": past.basis}
        uses: int | None = None
        if row["kind"] == "price":
            uses = int(priced.get(row["service"], 0))
        elif row["kind"] == "land":
            uses = int(of_land.get(row["what"], 0))
        elif row["conditions"] is not None:
            uses = int(asked.reindex(row["conditions"], fill_value=0).sum())
        rows.append(
            {**row, "limit": written(profile, row["what"]), "overridden": past is not None, "uses": uses,
             "former": None if past is None else past.former, "sure": _sure(row["basis"], row["clause"])}
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"uses": "Int64"})


def _rows(profile: Profile) -> Iterator[dict[str, Any]]:
    """Give every limit without what was found by it; ``conditions`` are those that rest on it."""
    for service in profile.services:
        for c in service.conditions:
            name = c.label
            yield _row(c.id, "condition", service.key, name) | {
                "measure": c.measure.name, "unit": c.measure.unit, "basis": c.basis, "code": c.code,
                "clause": c.clause, "weight": c.weight, "conditions": [c.id],
            }  # fmt: skip
        for figure in service.figures.values():
            yield _row(f"{service.key}.{figure.name}", "figure", service.key, figure.label) | {
                "unit": figure.unit, "basis": figure.basis, "code": figure.code, "clause": figure.clause,
                "conditions": _resting(service, figure),
            }  # fmt: skip
        if service.price is not None:
            found = _row(f"{service.key}.price", "price", service.key, label("limit.price"))
            yield found | {"unit": service.price.unit, "basis": service.price_basis}
    for key, inspection in profile.inspections.items():
        yield _row(f"inspection.{key}", "inspection", "", inspection.label) | {
            "unit": inspection.unit, "basis": inspection.basis, "code": inspection.code, "clause": inspection.clause,
        }  # fmt: skip
    for rule in profile.land.rules.values():
        yield _row(rule.id, "land", "", rule.label) | {
            "unit": rule.unit, "basis": rule.basis, "code": rule.code, "clause": rule.clause, "weight": rule.weight,
        }  # fmt: skip
    for key, unit in (("snap", "m"), ("parcel_overlap", "m2")):
        yield _row(key, "alone", "", label(f"limit.{key}")) | {"unit": unit, "basis": "assumed"}


def _row(what: str, kind: str, service: str, name: Label) -> dict[str, Any]:
    blank: dict[str, Any] = dict.fromkeys((*COLUMNS, "conditions"))
    own = {"what": what, "kind": kind, "service": service or None, "label_zh": name.zh, "label_en": name.en}
    return blank | {"code": "", "clause": ""} | own


def _resting(service: Service, figure: Figure) -> list[str]:
    """List the conditions of a service that a figure is needed for."""
    wanted = _BY_MEASURE.get(figure.name, _CAPACITY)
    return [c.id for c in service.conditions if c.measure.name in wanted]


def _sure(basis: str, clause: str) -> str:
    """Say how sure a limit is."""
    return basis if basis != "code" else "unchecked" if clause in ("", "?") else "clause"


def storm_formula(profile: Profile) -> Label | None:
    """Write the storm formula with its figures, and whether anybody has confirmed them; None where none is used."""
    for service in profile.services:
        figures = service.figures
        if not set(_STORM) <= set(figures):
            continue
        parts = [figures[name] for name in _STORM]
        sure = all(_sure(figure.basis, figure.clause) in ("clause", "local") for figure in parts)
        values = {name.removeprefix("storm_"): number(figures[name].value, 4) for name in _STORM}
        for name, key in (("p", "return_period"), ("t", "inlet_time")):
            values[name] = number(figures[key].value, 4) if key in figures else "?"
        word = label("storm.confirmed" if sure else "storm.unconfirmed")
        source = "; ".join(dict.fromkeys(figure.source for figure in parts if figure.source))
        texts = (
            label("storm.formula").text(lang).format(**values, sure=word.text(lang).format(source=source))
            for lang in ("zh", "en")
        )
        return Label(*texts)
    return None
