"""The tolerance curve: joins and parts against the tolerance, one small chart for each service and survey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import numpy as np
import pandas as pd

from gisplan.base.labels import say
from gisplan.base.units import number
from gisplan.outputs.columns import blank, layer_name
from gisplan.outputs.console import show_lines, show_rows
from gisplan.outputs.tables import Tables

CHART = ("tolerance", "joins", "bar", "parts", "refused", "mark")
_BAR = 24  # signs of the longest bar
_ROWS = 14  # rows of a chart; tolerance.csv has them all


def show_curves(curve: pd.DataFrame, tables: Tables, lang: str, file: IO[str] | None = None) -> None:
    """Print what each survey says about its tolerance, and its curve."""
    show_lines([("", "plain"), (say("curve.title", lang), "head")], file)
    for rows in surveys(curve):
        show_lines(advice(rows, tables, lang), file)
        if rows["joins"].max() > 0:
            show_rows(chart(rows, lang), headings(lang), file)


def surveys(curve: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Give the rows of each service and survey, in the order in which they come."""
    for _, rows in curve.groupby(["service", "survey"], sort=False):
        yield rows.sort_values("tolerance_m")


def advice(rows: pd.DataFrame, tables: Tables, lang: str) -> list[tuple[str, str]]:
    """Say which tolerance a survey is joined with now, which one its own gaps speak for, and how sure that is."""
    first = rows.iloc[0]
    name = layer_name(str(first["service"]), lang, tables.services)
    head = say("curve.survey", lang, service=name, survey=first["survey"], lines=int(first["lines"]))
    used = say("curve.used", lang, metres=_metres(first["used_m"]))
    recommended = ""
    if not blank(first["recommended_m"]):
        recommended = say("curve.asked", lang, metres=_metres(first["recommended_m"]))
    share = "?" if blank(first["short_share"]) else number(100 * float(first["short_share"]), 1)
    verdict = say(f"tolerance.{first['verdict']}", lang, loose=number(float(first["loose"]), 0), share=share)
    return [("", "plain"), (head, "head"), (f"  {used}{recommended}", "plain"), (f"  {verdict}", "plain")]


def chart(rows: pd.DataFrame, lang: str) -> list[dict[str, str]]:
    """Draw a survey's curve: the tolerances where something changes, with a bar as long as there are joins."""
    first = rows.iloc[0]
    tolerance = rows["tolerance_m"].to_numpy(dtype=float)
    marks: dict[int, list[str]] = {}
    for code in ("used", "recommended"):
        value = first[f"{code}_m"]
        below = np.flatnonzero(tolerance <= (-1.0 if blank(value) else float(value) * (1 + 1e-9)))
        if len(below):
            at = int(below[-1])
            exact = tolerance[at] >= float(value) * (1 - 1e-9)
            mark = say(f"curve.mark_{code}", lang)
            marks.setdefault(at, []).append(mark if exact else f"{mark} {_metres(value)}")
    steps = np.flatnonzero((rows[["joins", "parts", "refused"]].diff().to_numpy(dtype=float) != 0).any(axis=1))
    even = steps[np.linspace(0, len(steps) - 1, min(_ROWS, len(steps))).round().astype(int)]
    most = max(float(rows["joins"].max()), 1.0)
    lines = []
    for at in sorted({*even.tolist(), *marks}):
        row = rows.iloc[at]
        lines.append(
            {
                "tolerance": _metres(row["tolerance_m"]),
                "joins": str(int(row["joins"])),
                "bar": "#" * round(_BAR * float(row["joins"]) / most),
                "parts": str(int(row["parts"])),
                "refused": str(int(row["refused"])),
                "mark": " ".join(marks.get(at, [])),
            }
        )
    return lines


def headings(lang: str) -> dict[str, str]:
    """Give what stands above each column of a chart."""
    named = {name: say(f"curve.{name}", lang) for name in ("tolerance", "joins", "parts", "refused")}
    return {name: named.get(name, "") for name in CHART}


def _metres(value: float) -> str:
    return "?" if blank(value) else number(float(value), 3)
