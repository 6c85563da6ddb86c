"""Check: every rule of land put to every parcel, and what it comes to: stage, conclusion, tasks, contract sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from gisplan.base.labels import label, say_column
from gisplan.base.units import number_column
from gisplan.judging.judgement import Judgement
from gisplan.judging.readiness import readiness
from gisplan.land import conditions, overlay, papers
from gisplan.land.answers import VERDICTS, Answer, Ints, Texts
from gisplan.land.buildings import buildings
from gisplan.land.overlay import NetArea
from gisplan.land.sentence import sentences
from gisplan.land.stages import OF_STAGE, STAGES, Standing, standing
from gisplan.rules.land import LandRule

COLUMNS = (
    "stage", "legal", "promise", "conclusion", "conclusion_zh", "conclusion_en", "area_m2", "stated_area_m2",
    "area_difference_pct", "net_area_m2", "net_area_sure", "connections", "tasks", "unknowns", "held_back",
    "tasks_zh", "tasks_en", "sentence_zh", "sentence_en",
)  # fmt: skip
FINDINGS = (
    "parcel", "test", "group", "stage", "weight", "bars", "value", "unit", "share_pct", "limit", "verdict", "code",
    "basis", "clause", "issuer", "number", "expires", "responsible_zh", "responsible_en", "due_on", "reason_zh",
    "reason_en",
)  # fmt: skip

_VERDICTS = np.array([VERDICTS[v] for v in sorted(VERDICTS)], dtype=object)


@dataclass(frozen=True)
class Land:
    """What is known of a zone's land.

    Attributes
    ----------
    judgement, cells
        What it rests on.
    answers
        What every rule says, in the order of the stages.
    net
        What corridors leave of each parcel.
    standing
        Stage, legal floor, promise and conclusion.
    """

    judgement: Judgement
    cells: pd.DataFrame
    answers: tuple[Answer, ...]
    net: NetArea
    standing: Standing

    @cached_property
    def findings(self) -> pd.DataFrame:
        """One row a parcel and rule, parcels in order; `FINDINGS`."""
        parcels = self.judgement.survey.parcels.index
        return _table([(a, np.arange(len(parcels))) for a in self.answers], parcels)

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """What is left to do before a parcel can be offered: the required rows that are not passed; `FINDINGS`."""
        parcels = self.judgement.survey.parcels.index
        promised = {a.rule.key: ~a.holds for a in self.answers if a.rule.group == "promise"}
        chosen = []
        for a in self.answers:
            open_ = ~a.holds
            if a.rule.group == "start" and a.rule.key in promised:
                open_ = open_ & ~promised[a.rule.key]  # what both ask for is one task
            if a.rule.weight == "required" and open_.any():
                chosen.append((a, np.flatnonzero(open_)))
        return _table(chosen, parcels)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a parcel, by parcel id; `COLUMNS`."""
        parcels = self.judgement.survey.parcels
        found, tasks = self.standing, self.tasks
        measured = parcels["area_m2"].to_numpy(dtype=float)
        stated = parcels["stated_area_m2"].to_numpy(dtype=float)
        each = tasks.groupby("parcel", sort=False)
        table = pd.DataFrame(
            {
                "stage": found.stage, "legal": found.legal, "promise": found.promise, "conclusion": found.conclusion,
                "area_m2": measured, "stated_area_m2": stated, "net_area_m2": self.net.m2,
                "net_area_sure": self.net.sure,
            },
            index=parcels.index,
        )  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            table["area_difference_pct"] = np.where(measured > 0, 100 * (stated - measured) / measured, np.nan)
        table["tasks"] = each.size().reindex(parcels.index, fill_value=0).astype(np.int64)
        unknown = tasks.loc[tasks["verdict"] == "unknown"].groupby("parcel").size()
        table["unknowns"] = unknown.reindex(parcels.index, fill_value=0).astype(np.int64)
        table["held_back"] = self._held_back().to_numpy(dtype=object)
        for lang in ("zh", "en"):
            says = {code: label(f"land.conclusion.{code}").text(lang) for code in set(found.conclusion)}
            table[f"conclusion_{lang}"] = table["conclusion"].map(says)
            lines = tasks.assign(line=_tasks(tasks, lang)).groupby("parcel", sort=False)["line"]
            table[f"tasks_{lang}"] = lines.agg("\n".join).reindex(parcels.index).fillna("")
        said = sentences(self.judgement.survey.profile, self.cells).set_index(parcels.index)
        return table.join(said)[list(COLUMNS)]

    @cached_property
    def buildings(self) -> pd.DataFrame:
        """One row a storey of a standard factory building: `gisplan.land.buildings.COLUMNS`."""
        survey = self.judgement.survey
        ready = readiness(self.cells, survey.parcels, survey.profile)["ready"]
        return buildings(survey, ready, self.judgement.date)

    def _held_back(self) -> pd.Series:
        """Name the first rule that keeps each parcel from its next stage; blank at the last one."""
        out = np.full(len(self.judgement.survey.parcels), None, dtype=object)
        reached = np.searchsorted(np.array(STAGES), self.standing.stage.astype(str))
        for a in self.answers:
            if a.rule.weight != "required" or a.rule.key == "status":
                continue
            stage = OF_STAGE.get(a.rule.group, 9)
            stages = (4, 5) if stage == 5 and a.rule.group == "promise" else (stage,)
            held = ~a.holds & np.isin(reached + 1, stages) & (out == None)  # noqa: E711
            out[held] = a.rule.id
        return pd.Series(out)


def land(judgement: Judgement, cells: pd.DataFrame) -> Land:
    """Put every rule of land to every parcel.

    Parameters
    ----------
    judgement
        What was measured.
    cells
        The answers on connections and levelling, from `gisplan.judging.cells.cells`.
    """
    survey, date = judgement.survey, judgement.date
    rules = survey.profile.land
    doubt = judgement.overlap | survey.parcels["doubt"].to_numpy(dtype=bool)
    net, corridors = overlay.on_corridors(survey, doubt)
    answers: Sequence[Answer] = [
        *conditions.on_supply(survey),
        *conditions.on_planning(survey),
        *papers.on_net_land(survey.dossier, rules, survey.parcels, date),
        *conditions.on_start(survey.profile, cells),
        *overlay.on_area(survey, doubt),
        *overlay.on_overlaps(survey, doubt),
        *corridors,
        *papers.on_assessments(survey.dossier, rules, survey.parcels, date),
        *conditions.on_promise(survey.profile, cells),
        *conditions.on_indicators(survey),
        *conditions.on_commitments(survey, date),
    ]
    return Land(judgement, cells, tuple(answers), net, standing(answers, survey.profile, cells, date))


def _stage(rule: LandRule) -> str:
    number = OF_STAGE.get(rule.group)
    return "" if number is None or rule.key == "status" else STAGES[number]


def _table(chosen: Sequence[tuple[Answer, Ints]], parcels: pd.Index) -> pd.DataFrame:
    """Write the rows of some rules for some parcels each, parcels in order."""
    if not chosen:
        return pd.DataFrame(columns=list(FINDINGS))
    rules = pd.DataFrame([_rule(a.rule) for a, _ in chosen])
    rows = rules.iloc[np.repeat(np.arange(len(chosen)), [len(at) for _, at in chosen])].reset_index(drop=True)
    for name, given in {**_NUMBERS, **_PAPERS}.items():
        rows[name] = np.concatenate([given(a, at) for a, at in chosen])
    rows["parcel"] = parcels[rows["at"].to_numpy()]
    rows = rows.sort_values("at", kind="stable", ignore_index=True)
    for lang in ("zh", "en"):
        own = rows["responsible"]
        rows[f"responsible_{lang}"] = own.where(own.notna(), rows[f"responsible_{lang}"]).astype("str")
    for name in ("issuer", "number"):
        rows[name] = rows[name].astype("str")
    rows["code"] = rows["test"] + "." + rows["result"]
    _say(rows)
    return rows[list(FINDINGS)]


def _rule(rule: LandRule) -> dict[str, object]:
    """Give what is the same in every row of a rule."""
    who = {lang: "" if rule.responsible.zh == "?" else rule.responsible.text(lang) for lang in ("zh", "en")}
    return {
        "test": rule.id, "group": rule.group, "stage": _stage(rule), "weight": rule.weight, "bars": rule.bars,
        "unit": rule.unit, "limit": rule.text, "basis": rule.basis, "clause": rule.source,
        "label_zh": rule.label.zh, "label_en": rule.label.en, "responsible_zh": who["zh"], "responsible_en": who["en"],
    }  # fmt: skip


def _blank(at: Ints) -> Texts:
    return np.full(len(at), None, dtype=object)


_NUMBERS: dict[str, Callable[[Answer, Ints], np.ndarray]] = {
    "at": lambda a, at: at,
    "value": lambda a, at: a.value[at],
    "share_pct": lambda a, at: a.share[at],
    "verdict": lambda a, at: _VERDICTS[a.verdict[at] + 1],
    "result": lambda a, at: a.result[at],
    "said_zh": lambda a, at: _blank(at) if a.said is None else a.said[0][at],
    "said_en": lambda a, at: _blank(at) if a.said is None else a.said[1][at],
}
_PAPERS: dict[str, Callable[[Answer, Ints], np.ndarray]] = {
    "issuer": lambda a, at: _blank(at) if a.paper is None else a.paper.texts("issuer", at),
    "number": lambda a, at: _blank(at) if a.paper is None else a.paper.texts("number", at),
    "responsible": lambda a, at: _blank(at) if a.paper is None else a.paper.texts("responsible", at),
    "expires": lambda a, at: _never(at) if a.paper is None else a.paper.days("expires", at),
    "due_on": lambda a, at: _never(at) if a.paper is None else a.paper.days("due_on", at),
}


def _never(at: Ints) -> np.ndarray:
    return np.full(len(at), np.datetime64("NaT", "s"))


def _say(rows: pd.DataFrame) -> None:
    """Write each row's sentence: the result of the rule, or what was said of a connection already."""
    unit = rows["unit"].where(~rows["unit"].isin(["", "1"]), "")
    values = {
        "value": (number_column(rows["value"]) + " " + unit).str.strip(),
        "share": number_column(rows["share_pct"]),
        "limit": rows["limit"],
        "number": rows["number"].fillna("—"),
        "expires": rows["expires"].dt.strftime("%Y-%m-%d").fillna("—"),
        "due": rows["due_on"].dt.strftime("%Y-%m-%d").fillna("—"),
    }
    code = ("land.result." + rows["result"]).where(rows["said_zh"].isna(), "land.connection").astype("str")
    for lang in ("zh", "en"):
        own = {**values, "label": rows[f"label_{lang}"], "said": rows[f"said_{lang}"].astype("str").fillna("")}
        rows[f"reason_{lang}"] = say_column(code, lang, own)


def _tasks(tasks: pd.DataFrame, lang: str) -> pd.Series:
    """Write each task as one line: what, who, by when."""
    due = tasks["due_on"].dt.strftime("%Y-%m-%d") if len(tasks) else pd.Series(dtype="str")
    values = {
        "what": tasks[f"reason_{lang}"],
        "who": tasks[f"responsible_{lang}"].replace("", "?").fillna("?"),
        "by": due.fillna("?"),
    }
    return say_column(pd.Series("land.task", index=tasks.index), lang, values)
