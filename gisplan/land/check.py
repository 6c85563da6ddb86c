"""Check: every rule of land put to every parcel, and what it comes to: stage, conclusion, tasks, contract sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from gisplan.base.labels import SINGLE, label
from gisplan.judging.findings import BLOCK
from gisplan.judging.judgement import Judgement
from gisplan.judging.readiness import readiness
from gisplan.judging.words import Words
from gisplan.land import conditions, overlay, papers
from gisplan.land.answers import NOT_APPLICABLE, UNKNOWN, Answer, Bools, Ints
from gisplan.land.buildings import buildings
from gisplan.land.overlay import NetArea
from gisplan.land.rows import Rows
from gisplan.land.sentence import sentences
from gisplan.land.stages import OF_STAGE, STAGES, Standing, standing

COLUMNS = (
    "stage", "legal", "promise", "conclusion", "conclusion_zh", "conclusion_en", "area_m2", "stated_area_m2",
    "area_difference_pct", "net_area_m2", "net_area_sure", "connections", "tasks", "unknowns", "held_back",
    "tasks_zh", "tasks_en", "sentence_zh", "sentence_en",
)  # fmt: skip


@dataclass(frozen=True)
class Land:
    """What is known of a zone's land.

    Attributes
    ----------
    words
        What it rests on: what was measured, the answers, and their words.
    """

    words: Words

    @property
    def judgement(self) -> Judgement:
        """What was measured."""
        return self.words.judgement

    @property
    def cells(self) -> pd.DataFrame:
        """The answers on connections and levelling."""
        return self.words.cells

    @cached_property
    def answers(self) -> tuple[Answer, ...]:
        """What every rule says, in the order of the stages."""
        before, after = self._read
        return (*before, *self._measured[0], *after)

    @property
    def net(self) -> NetArea:
        """What corridors leave of each parcel."""
        return self._measured[1]

    @cached_property
    def standing(self) -> Standing:
        """Stage, legal floor, promise and conclusion."""
        return standing(self.answers, self.judgement.survey.profile, self.cells, self.judgement.date)

    @cached_property
    def _read(self) -> tuple[list[Answer], list[Answer]]:
        """What columns, connections and papers say: in the order of the stages before and after what is measured."""
        survey, date = self.judgement.survey, self.judgement.date
        rules = survey.profile.land
        before = [
            *conditions.on_supply(survey),
            *conditions.on_planning(survey, date),
            *papers.on_net_land(survey.dossier, rules, survey.parcels, date),
            *conditions.on_start(self.words),
        ]
        after = [
            *papers.on_assessments(survey.dossier, rules, survey.parcels, date),
            *conditions.on_promise(self.words),
            *conditions.on_indicators(survey),
            *conditions.on_commitments(survey, date),
        ]
        return before, after

    @cached_property
    def _measured(self) -> tuple[list[Answer], NetArea]:
        """What lies over the parcels, and what it leaves of them."""
        survey = self.judgement.survey
        doubt = self.judgement.overlap | survey.parcels["doubt"].to_numpy(dtype=bool)
        net, corridors = overlay.on_corridors(survey, doubt)
        return [*overlay.on_area(survey, doubt, net), *overlay.on_overlaps(survey, doubt), *corridors], net

    @cached_property
    def findings(self) -> pd.DataFrame:
        """One row a parcel and rule, parcels in order; `gisplan.land.rows.FINDINGS`."""
        return self.rows(np.arange(self.parcels)).table()

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """What is left to do before a parcel can be offered: the required rows that are not passed; as `findings`."""
        return self.rows(np.arange(self.parcels), open_only=True).table()

    @cached_property
    def parcels(self) -> int:
        """How many parcels there are."""
        return len(self.judgement.survey.parcels)

    def uses(self) -> dict[str, int]:
        """Count, for each rule, the parcels that it was put to: what is measured is measured on every one."""
        rules = self.judgement.survey.profile.land
        measured = {rule.id: self.parcels for group in overlay.GROUPS for rule in rules.group(group)}
        read = {a.rule.id: int((a.verdict != NOT_APPLICABLE).sum()) for part in self._read for a in part}
        return measured | read

    def rows(self, at: Ints, open_only: bool = False) -> Rows:
        """Give the rows of some parcels: all of them, or those that are tasks."""
        if not open_only:
            return Rows([(a, at) for a in self.answers], self.judgement.survey.parcels.index)
        chosen = [(a, at[open_[at]]) for a, open_ in self.open_]
        return Rows([(a, own) for a, own in chosen if len(own)], self.judgement.survey.parcels.index)

    @property
    def step(self) -> int:
        """How many parcels to take at a time."""
        return max(1, BLOCK // max(1, len(self.answers)))

    @cached_property
    def open_(self) -> list[tuple[Answer, Bools]]:
        """Give the rules that ask for something, and where it is not there yet."""
        promised = {a.rule.key: ~a.holds for a in self.answers if a.rule.group == "promise"}
        chosen = []
        for a in self.answers:
            open_ = ~a.holds
            if a.rule.group == "start" and a.rule.key in promised:
                open_ = open_ & ~promised[a.rule.key]  # what both ask for is one task
            if a.rule.weight == "required" and open_.any():
                chosen.append((a, open_))
        return chosen

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a parcel, by parcel id; `COLUMNS`."""
        parcels = self.judgement.survey.parcels
        found = self.standing
        measured = parcels["area_m2"].to_numpy(dtype=float)
        stated = parcels["stated_area_m2"].to_numpy(dtype=float)
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
        zero = np.zeros(self.parcels, dtype=np.int64)
        table["tasks"] = sum((open_.astype(np.int64) for _, open_ in self.open_), zero)
        table["unknowns"] = sum(((open_ & (a.verdict == UNKNOWN)).astype(np.int64) for a, open_ in self.open_), zero)
        table["held_back"] = self._held_back().to_numpy(dtype=object)
        for lang in ("zh", "en"):
            says = {code: label(f"land.conclusion.{code}").text(lang) for code in set(found.conclusion)}
            table[f"conclusion_{lang}"] = table["conclusion"].map(says)
            table[f"tasks_{lang}"] = pd.Series(self._tasks(lang), index=parcels.index, dtype="str")
        said = sentences(self.judgement.survey.profile, self.cells).set_index(parcels.index)
        return table.join(said)[list(COLUMNS)]

    def _tasks(self, lang: str) -> list[str]:
        """Write what is left to do at each parcel, a line a task."""
        out: list[str] = []
        for start in range(0, self.parcels, self.step):
            at = np.arange(start, min(start + self.step, self.parcels))
            rows = self.rows(at, open_only=True)
            ends = np.searchsorted(rows.at, at, side="right").tolist()
            lines = rows.lines(lang).tolist() if len(rows.at) else []
            out += ["\n".join(lines[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
        return out

    @cached_property
    def buildings(self) -> pd.DataFrame:
        """One row a storey of a standard factory building: `gisplan.land.buildings.COLUMNS`."""
        survey = self.judgement.survey
        ready = readiness(self.cells, survey.parcels, survey.profile)["ready"]
        return buildings(survey, ready, self.judgement.date)

    def _held_back(self) -> pd.Series:
        """Name the first rule that keeps each parcel from its next stage, at the last one from being offered."""
        out = np.full(len(self.judgement.survey.parcels), None, dtype=object)
        reached = np.searchsorted(np.array(STAGES), self.standing.stage.astype(str))
        for a in self.answers:
            if a.rule.weight != "required" or a.rule.key == "status":
                continue
            stage = OF_STAGE.get(a.rule.group, 9)
            stages = (4, 5) if stage == 5 and a.rule.group == "promise" else (stage,)
            held = ~a.holds & np.isin(reached + 1, stages) & (out == None)  # noqa: E711
            out[held] = a.rule.id
        for a in self.answers:
            if a.rule.weight == "required":
                out[~a.holds & (reached == len(STAGES) - 1) & (out == None)] = a.rule.id  # noqa: E711
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
    return Land(Words(judgement, cells))


@dataclass(frozen=True)
class Listing:
    """The rows of some parcels: a table that is made a block at a time.

    Attributes
    ----------
    land
        What is known of the land.
    at
        Positions of the parcels.
    open_only
        Whether only the tasks are asked for.
    """

    land: Land
    at: Ints
    open_only: bool = False

    def __len__(self) -> int:
        """Count the rows."""
        if self.open_only:
            return sum(int(open_[self.at].sum()) for _, open_ in self.land.open_)
        return len(self.at) * len(self.land.answers)

    def blocks(self, langs: Sequence[str] = SINGLE) -> Iterator[pd.DataFrame]:
        """Give the rows in tables of a bounded size, with sentences in some languages."""
        for start in range(0, max(len(self.at), 1), self.land.step):
            yield self.land.rows(self.at[start : start + self.land.step], self.open_only).table(langs)

    def of(self, at: Ints) -> Listing:
        """Give the rows of other parcels."""
        return replace(self, at=at)
