"""Buildings: standard factory buildings (标准化厂房), stock of their own, storey by storey, checked as land is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd

from gisplan.base.labels import say
from gisplan.base.units import number
from gisplan.land.answers import FAILED, PASSED, UNKNOWN, VERDICTS
from gisplan.reading.survey import Survey
from gisplan.rules.land import LandRule

COLUMNS = (
    "building", "name", "parcel", "storey", "floor_area_m2", "vacant_m2", "vacant_pct", "clear_height_m",
    "floor_load_kn_m2", "accepted_on", "infrastructure", "verdict", "held_back", "reason_zh", "reason_en",
)  # fmt: skip


def buildings(survey: Survey, ready: pd.Series, date: dt.date) -> pd.DataFrame:
    """Check every storey: accepted, its vacant area known, clear height and floor load enough, its parcel connected.

    Parameters
    ----------
    survey
        For the buildings and the rules.
    ready
        Per parcel whether its required connections are there: ``yes``, ``no``, ``unknown``.
    date
        The check date.

    Returns
    -------
    pandas.DataFrame
        One row a storey; `COLUMNS`. ``verdict`` is passed, failed or unknown, the worst of the checks; ``held_back``
        names the checks that are not passed.
    """
    table = survey.dossier.buildings.reset_index(drop=True)
    rules = {rule.key: rule for rule in survey.profile.land.group("building")}
    infrastructure = table["parcel"].map(ready).fillna("unknown")
    verdicts = {
        "infrastructure": infrastructure.map({"yes": PASSED, "no": FAILED}).fillna(UNKNOWN).to_numpy(dtype=np.int8),
        **_checks(table, rules, date),
    }
    out = table.reindex(columns=list(COLUMNS)).assign(infrastructure=infrastructure)
    out["vacant_pct"] = 100 * table["vacant_m2"] / table["floor_area_m2"].where(table["floor_area_m2"] > 0)
    stack = np.vstack([*verdicts.values()]) if len(table) else np.zeros((1, 0), dtype=np.int8)
    out["verdict"] = [VERDICTS[int(v)] for v in stack.min(axis=0)]
    names = np.array(list(verdicts), dtype=object)
    out["held_back"] = [", ".join(names[column != PASSED]) for column in stack.T] if len(table) else None
    for lang in ("zh", "en"):
        out[f"reason_{lang}"] = [
            "; ".join(_say(key, int(v), rules, row, lang) for key, v in zip(names, column, strict=True) if v != PASSED)
            for column, (_, row) in zip(stack.T, table.iterrows(), strict=True)
        ]
    return out[list(COLUMNS)]


def _checks(table: pd.DataFrame, rules: Mapping[str, LandRule], date: dt.date) -> dict[str, np.ndarray]:
    """Give the verdict of every check that the profile asks for, storey by storey."""
    found = {}
    ground, upper = (table["storey"] <= 1).to_numpy(), (table["storey"] > 1).to_numpy()
    if "acceptance" in rules:
        accepted = (table["accepted_on"] <= pd.Timestamp(date)).to_numpy() & table["accepted_number"].notna().to_numpy()
        found["acceptance"] = np.where(accepted, PASSED, UNKNOWN)
    if "vacancy" in rules:
        area, vacant = table["floor_area_m2"].to_numpy(), table["vacant_m2"].to_numpy()
        # More vacant than there is: one of the two is wrong, and nobody knows which.
        found["vacancy"] = np.where((vacant <= area) & (area > 0), PASSED, UNKNOWN)
    for column, name in (("clear_height_m", "clear_height"), ("floor_load_kn_m2", "floor_load")):
        value = table[column].to_numpy(dtype=float)
        for key, mine in ((f"{name}_ground", ground), (f"{name}_upper", upper)):
            if key in rules:
                enough = np.select([value >= rules[key].low, value < rules[key].low], [PASSED, FAILED], UNKNOWN)
                # A storey that is not known may be either.
                found[key] = np.where(mine, enough, np.where(ground | upper, PASSED, UNKNOWN))
    return {key: verdict.astype(np.int8) for key, verdict in found.items()}


def _say(key: str, verdict: int, rules: Mapping[str, LandRule], row: pd.Series, lang: str) -> str:
    """Say in words what a check found."""
    word = say("land.building_failed" if verdict == FAILED else "land.building_unknown", lang)
    if key == "infrastructure":
        return f"{say('land.building_infrastructure', lang)} {word}"
    rule = rules[key]
    column = {"clear_height": "clear_height_m", "floor_load": "floor_load_kn_m2"}.get(key.rsplit("_", 1)[0])
    shown = f" {number(float(row[column]))} {rule.unit} ({rule.text})" if column is not None else ""
    return f"{rule.label.text(lang)}{shown} {word}"
