"""Rows: what the rules of land say of some parcels, one row a parcel and rule, with sentences where they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gisplan.base.labels import SINGLE, fill, label, say_rows
from gisplan.base.units import number_texts
from gisplan.judging.words import Values, written_days
from gisplan.land.answers import VERDICTS, Answer, Ints, Texts
from gisplan.land.stages import OF_STAGE, STAGES
from gisplan.rules.land import LandRule

FINDINGS = (
    "parcel", "test", "group", "stage", "weight", "bars", "value", "unit", "share_pct", "limit", "verdict", "code",
    "basis", "clause", "issuer", "number", "expires", "responsible_zh", "responsible_en", "due_on", "reason_zh",
    "reason_en",
)  # fmt: skip
_VERDICTS = np.array([VERDICTS[v] for v in sorted(VERDICTS)], dtype=object)
Chosen = Sequence[tuple[Answer, Ints]]
"""Rules, and the positions of the parcels that a row is wanted for, in their order."""


class Rows:
    """The rows of some rules for some parcels each, parcels in order, rules within them.

    Parameters
    ----------
    chosen
        The rules, each with its parcels.
    parcels
        The ids of all parcels.
    """

    def __init__(self, chosen: Chosen, parcels: pd.Index) -> None:
        self.chosen, self.parcels = chosen, parcels
        at = np.concatenate([np.empty(0, dtype=np.int64), *(at for _, at in chosen)])
        self.order = np.argsort(at, kind="stable")
        self.at = at[self.order]
        self.rule = np.repeat(np.arange(len(chosen)), [len(at) for _, at in chosen])[self.order]

    def table(self, langs: Sequence[str] = SINGLE) -> pd.DataFrame:
        """Give them as a table; `FINDINGS`, without the sentences of a language that is not in `langs`."""
        if not self.chosen:
            return pd.DataFrame(columns=list(FINDINGS))
        columns: dict[str, Any] = {"parcel": self._texts(self.parcels.to_numpy(dtype=object)[self.at])}
        for name, given in _RULE.items():
            columns[name] = self._texts(self._by_rule(given))
        columns["bars"] = np.array([a.rule.bars for a, _ in self.chosen], dtype=bool)[self.rule]
        columns["value"], columns["share_pct"] = self._values(), self._shares()
        columns["verdict"] = self._texts(self._each(lambda a, at: _VERDICTS[a.verdict[at] + 1]))
        codes = self._each(lambda a, at: np.array([f"{a.rule.id}.{r}" for r in a.results], dtype=object)[a.why[at]])
        columns["code"] = self._texts(codes)
        columns |= {name: self._texts(self.papers(name)) for name in ("issuer", "number")}
        columns |= {name: self.days(name) for name in ("expires", "due_on")}
        for lang in SINGLE:
            columns[f"responsible_{lang}"] = self._texts(self.responsible(lang))
            if lang in langs:
                columns[f"reason_{lang}"] = self._texts(self.reasons(lang))
        return pd.DataFrame({name: columns[name] for name in FINDINGS if name in columns}, copy=False)

    def reasons(self, lang: str) -> Texts:
        """Say of each row what came of it: the result of the rule, or what was said of a connection already."""
        sentences = [_sentences(a) for a, _ in self.chosen]
        place: dict[str, int] = {}
        for text in (text for own in sentences for text in own):
            place.setdefault(text, len(place))
        numbers = [np.array([place[text] for text in own], dtype=np.int64) for own in sentences]
        kind = np.concatenate(
            [own[np.zeros(len(at), dtype=np.int64) if a.said is not None else a.why[at]] for own, (a, at) in zip(
                numbers, self.chosen, strict=True)]
        )[self.order]  # fmt: skip
        units = self._per_rule(lambda rule: "" if rule.measured_in in ("", "1") else f" {rule.measured_in}")
        limits, labels = (self._per_rule(get) for get in (lambda r: r.text, lambda r: r.label.text(lang)))
        value, share = self._values(), self._shares()
        values: Values = {
            "value": lambda rows: number_texts(value[rows]) + units[self.rule[rows]],
            "share": lambda rows: number_texts(share[rows]),
            "limit": lambda rows: limits[self.rule[rows]],
            "number": lambda rows: _or(self.papers("number")[rows], "—"),
            "expires": lambda rows: written_days(self.days("expires")[rows], "—"),
            "due": lambda rows: written_days(self.days("due_on")[rows], "—"),
            "label": lambda rows: labels[self.rule[rows]],
            "said": lambda rows: self._said(rows, lang),
        }
        said = say_rows(kind, list(place), lang, values)
        if any(a.rule.own for a, _ in self.chosen):
            own = label("finding.overridden").text(lang)
            said += self._by_rule(lambda rule: own if rule.own else "")
        return np.asarray(said)

    def lines(self, lang: str) -> Texts:
        """Write each row as the line of a list of tasks: what, who, by when."""
        who = _or(self.responsible(lang), "?")
        who[who == ""] = "?"
        values = {"what": self.reasons(lang), "who": who, "by": written_days(self.days("due_on"))}
        return fill("land.task", lang, len(self.at), values)

    def responsible(self, lang: str) -> Texts:
        """Name who sees to each row: the one that the paper names, else the one of the rule."""
        own, named = self._by_rule(lambda rule: _responsible(rule, lang)), self.papers("responsible")
        known = np.asarray(pd.notna(named))
        own[known] = named[known]
        return own

    def papers(self, name: str) -> Texts:
        """Give what the papers say in a column of texts."""
        return self._each(lambda a, at: np.full(len(at), None) if a.paper is None else a.paper.texts(name, at))

    def days(self, name: str) -> np.ndarray:
        """Give what the papers say in a column of days."""
        never = np.datetime64("NaT", "s")
        return self._each(lambda a, at: np.full(len(at), never) if a.paper is None else a.paper.days(name, at))

    def _said(self, rows: Ints, lang: str) -> Texts:
        """Give what was said already, connection by connection."""
        out = np.full(len(rows), "", dtype=object)
        for number, (a, _) in enumerate(self.chosen):
            mine = self.rule[rows] == number
            if a.said is not None and mine.any():
                out[mine] = a.said(self.at[rows[mine]], lang)
        return out

    def _values(self) -> np.ndarray:
        return self._each(lambda a, at: a.value[at])

    def _shares(self) -> np.ndarray:
        return self._each(lambda a, at: a.share[at])

    def _each(self, given: Callable[[Answer, Ints], np.ndarray]) -> np.ndarray:
        return np.concatenate([given(a, at) for a, at in self.chosen])[self.order]

    def _per_rule(self, given: Callable[[LandRule], str]) -> Texts:
        return np.array([given(a.rule) for a, _ in self.chosen], dtype=object)

    def _by_rule(self, given: Callable[[LandRule], str]) -> Texts:
        return self._per_rule(given)[self.rule]

    def _texts(self, values: Texts) -> pd.Series:
        return pd.Series(values, dtype="str")


def _or(texts: Texts, blank: str) -> Texts:
    return np.where(pd.isna(texts), blank, texts)


def _sentences(a: Answer) -> list[str]:
    return ["land.connection"] if a.said is not None else [f"land.result.{result}" for result in a.results]


def _stage(rule: LandRule) -> str:
    number = OF_STAGE.get(rule.group)
    return "" if number is None or rule.key == "status" else STAGES[number]


def _responsible(rule: LandRule, lang: str) -> str:
    return "" if rule.responsible.zh == "?" else rule.responsible.text(lang)


_RULE: dict[str, Callable[[LandRule], str]] = {
    "test": lambda rule: rule.id,
    "group": lambda rule: rule.group,
    "stage": _stage,
    "weight": lambda rule: rule.weight,
    "unit": lambda rule: rule.measured_in,
    "limit": lambda rule: rule.text,
    "basis": lambda rule: rule.basis,
    "clause": lambda rule: rule.source,
}
"""What is the same in every row of a rule."""
