"""Earthwork (土方): what is left to cut and fill on every parcel, and how sure that is.

Volumes are those of the ground as it lies (自然方): nothing is allowed for swelling, settling or topsoil. The design
level is one level for the whole parcel; slopes and terraces of a design are not known here. A volume is a mean height
over the parcel, measured at the cells of the ground model, times the area of the parcel; its ± is the root mean square
error that follows from the error of the heights (formulas: `gisplan.reading.terrain`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.base.labels import label, say_column
from gisplan.base.units import MU_M2, number_column
from gisplan.judging.surface.leftovers import Leftovers
from gisplan.reading.survey import Survey
from gisplan.reading.terrain import Depths, Terrain

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

VOLUMES = ("cut", "fill", "balance")
COLUMNS = (
    "code", "ground_as_of", "cover_pct", "lowest_m", "highest_m", "mean_m", "mean_error_m",
    "slope_pct", "slope_least_pct", "slope_most_pct", "relief_m",
    "road_m", "mean_above_road_m", "lowest_above_road_m",
    "flood_level_m", "mean_above_flood_m", "lowest_above_flood_m",
    "design_level_m", "design_above_road_m", "design_above_flood_m",
    *(f"{name}_{part}" for name in VOLUMES for part in ("m3", "error_m3", "m3_mu", "error_m3_mu")),
    "balance_level_m", "obstacles", "obstacle", "accepted", "accepted_on",
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What the levelling found of every parcel.

    Attributes
    ----------
    stale
        Where the ground model is older than the levelling works or their acceptance.
    road_m
        Lowest ground of the adjoining roads.
    leftovers
        What stands on the land.
    record
        The acceptance records, one row a parcel in order: ``number`` and ``date``, missing without one.
    """

    stale: Bools
    road_m: Floats
    leftovers: Leftovers
    record: pd.DataFrame


def earthwork(survey: Survey, known: Known) -> pd.DataFrame:
    """Give levels and earthwork of every parcel.

    Where the ground is older than its levelling nothing is said of it; while the levelling is under way, no volume is.

    Parameters
    ----------
    survey
        Parcels, works and ground.
    known
        What the levelling found.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, by parcel. Levels and heights in m, slopes in %, volumes in m3 and in m3 a mu, each with its root
        mean square error. ``cut``, ``fill``: down and up to the design level. ``balance``: cut, and just as much fill,
        to the level at which both are equal. ``code`` says why something is missing: ``no_ground``, ``ground_gap``,
        ``ground_older``, ``works_under_way`` (volumes only), ``no_design_level`` (cut and fill only), else empty. NaN
        is not known; an error is not known where nobody states that of the heights.
    """
    parcels, n = survey.parcels, len(survey.parcels)
    ground = survey.terrain
    table: dict[str, object] = dict.fromkeys(COLUMNS, np.full(n, np.nan))
    design, flood = (parcels[name].to_numpy(dtype=float) for name in ("design_level_m", "flood_level_m"))
    table |= {
        "road_m": known.road_m,
        "flood_level_m": flood,
        "design_level_m": design,
        "design_above_road_m": design - known.road_m,
        "design_above_flood_m": design - flood,
        "ground_as_of": pd.Timestamp(survey.ground.as_of) if survey.ground and survey.ground.as_of else pd.NaT,
        "obstacles": pd.array(np.where(np.isnan(known.leftovers.clear), -1, known.leftovers.count), dtype="Int64"),
        "obstacle": known.leftovers.names,
        "accepted": known.record["number"].to_numpy(dtype=object),
        "accepted_on": known.record["date"].to_numpy(dtype="datetime64[s]"),
    }
    moving = _under_way(survey)
    table["code"] = _code(ground, known.stale, moving, design)
    if ground is not None:
        table["cover_pct"] = 100 * ground.cover
        seen = {**_levels(ground, known.road_m, flood), **_volumes(ground, parcels["area_m2"].to_numpy(dtype=float))}
        volumes = {name for name in COLUMNS if name.startswith(VOLUMES)}
        for name, values in seen.items():
            hidden = known.stale | moving if name in volumes else known.stale
            table[name] = np.where(hidden, np.nan, values)
    out = pd.DataFrame(table, index=parcels.index)[list(COLUMNS)]
    out["obstacles"] = out["obstacles"].mask(out["obstacles"] < 0)
    return out


def told(table: pd.DataFrame, lang: str) -> pd.Series:
    """Say in words what is known of the ground and the earthwork of each parcel, one text a parcel."""
    digits = {"_m3": 0, "_mu": 1}
    values = {
        name: number_column(table[name], digits.get(name[-3:], 2))
        for name in COLUMNS
        if pd.api.types.is_float_dtype(table[name])
    }
    unsure = label("earthwork.unsure").text(lang)
    for name in [name for name in values if "error" in name]:
        values[name] = (" ± " + values[name]).where(table[name].notna(), unsure)
    values["obstacle"] = table["obstacle"].astype("str")
    code = table["code"].astype("str")
    parts = {
        "levels": table["mean_m"].notna(),
        "road": table["mean_above_road_m"].notna(),
        "flood": table["lowest_above_flood_m"].notna(),
        "design": table["cut_m3"].notna(),
        "balance": table["balance_m3"].notna(),
        "obstacles": table["obstacle"] != "",
    }
    blank = pd.Series("", index=table.index)
    codes = [blank.where(~there, f"earthwork.{part}") for part, there in parts.items()]
    codes.append(("earthwork.why." + code).where(code != "", ""))
    texts = [say_column(column, lang, values) for column in codes]
    gap = "" if lang == "zh" else " "
    out = texts[0]
    for text in texts[1:]:
        out = out + np.where((out != "") & (text != ""), gap, "") + text
    return out


def _levels(ground: Terrain, road_m: Floats, flood_m: Floats) -> dict[str, Floats]:
    return {
        "lowest_m": ground.lowest,
        "highest_m": ground.highest,
        "mean_m": ground.mean,
        "mean_error_m": ground.mean_error,
        "slope_pct": ground.slope,
        "slope_least_pct": ground.slope_least,
        "slope_most_pct": ground.slope_most,
        "relief_m": ground.relief,
        "mean_above_road_m": ground.mean - road_m,
        "lowest_above_road_m": ground.lowest - road_m,
        "mean_above_flood_m": ground.mean - flood_m,
        "lowest_above_flood_m": ground.lowest - flood_m,
        "balance_level_m": ground.mean,
    }


def _volumes(ground: Terrain, area_m2: Floats) -> dict[str, Floats]:
    """Make volumes of depths: times the area; and for each mu, which has 2000/3 m2."""
    depths: dict[str, tuple[Floats, Floats]] = {
        "cut": _side(ground.design, "above"),
        "fill": _side(ground.design, "below"),
        "balance": _side(ground.balance, "above"),
    }
    out = {}
    for name, (depth, error) in depths.items():
        for part, value in (("", depth), ("error_", error)):
            out[f"{name}_{part}m3"] = value * area_m2
            out[f"{name}_{part}m3_mu"] = value * MU_M2
    return out


def _side(depths: Depths, side: str) -> tuple[Floats, Floats]:
    if side == "above":
        return depths.above, depths.above_error
    return depths.below, depths.below_error


def _under_way(survey: Survey) -> Bools:
    """Tell where the levelling is under way: what the ground model shows is then being moved."""
    parcels = survey.parcels
    works = survey.works.reindex(parcels["leveling_works"].to_numpy(dtype=object))
    building = works["phase"].eq("construction").fillna(False).to_numpy(dtype=bool)
    said = parcels["leveling_status"].eq("construction").fillna(False).to_numpy(dtype=bool)
    return np.asarray(building | said)


def _code(ground: Terrain | None, stale: Bools, moving: Bools, design: Floats) -> npt.NDArray[np.object_]:
    """Say what is missing first."""
    if ground is None:
        return np.full(len(stale), "no_ground", dtype=object)
    missing = [~ground.known, stale, moving, np.isnan(design)]
    return np.select(missing, ["ground_gap", "ground_older", "works_under_way", "no_design_level"], default="").astype(
        object
    )
