"""Promises: a reserve is given to a parcel by a paper, once, and only where there is room for it."""

from __future__ import annotations

import datetime as dt
import numbers
import re
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.base.errors import PromiseError
from gisplan.base.fields import plain, vocabulary
from gisplan.base.issues import issue
from gisplan.base.labels import say
from gisplan.base.units import number
from gisplan.judging import evidence as papers
from gisplan.judging.brief import Brief
from gisplan.judging.judgement import Judgement
from gisplan.judging.reserves.capacity import element_names
from gisplan.judging.reserves.carrying import in_unit
from gisplan.judging.reserves.loads import Loads, loads
from gisplan.reading.survey import Survey

Ints = npt.NDArray[np.int64]
_AMOUNT = re.compile(r"\s*([-+]?\d+(?:\.\d+)?)\s*(\S+)\s*")
_SHOWN = 20


@dataclass(frozen=True)
class Paper:
    """What a promise is made by: who issued it, under which number, when, until when."""

    issuer: str
    number: str
    date: dt.date
    expires: dt.date | None = None


def promise(
    judgement: Judgement, parcel: str, service: str, amount: float | str, paper: Paper, lang: str = "zh"
) -> Survey:
    """Give the survey with one more promise in its evidence.

    Parameters
    ----------
    judgement
        What was judged before it.
    parcel, service
        For whom, and of what: the service's key or any of its names.
    amount
        How much, in the unit in which the profile counts the service's demand, or with its unit as text, ``3 MVA``;
        never less than what the parcel needs by itself.
    paper
        By which paper; issuer and number must be given.
    lang
        Language of a refusal.

    Returns
    -------
    Survey
        Its issues name whoever finds no room any more, or only perhaps.

    Raises
    ------
    PromiseError
        The parcel holds a promise of this service already; it has no sure way to a source; what is left on that way or
        at the source is less than `amount`; or a parcel that a project or a paper holds, or that is supplied, would
        lose its room. Nothing is changed then.
    ProfileError
        The profile has no such service.
    """
    key = judgement.survey.profile.service(service).key
    desk = _Desk(judgement, parcel, key, lang)
    asked = desk.asked(amount, paper)
    before = desk.weighed(paper, asked)
    grown = pd.concat([judgement.survey.evidence, _row(judgement.survey, parcel, key, asked, paper)], ignore_index=True)
    survey = replace(judgement.survey, evidence=grown)
    valid = papers.valid(grown, judgement.date)
    after = loads(replace(desk.brief, survey=survey, evidence=valid, memory={}))
    desk.room(after, asked)
    worse = np.flatnonzero(_answer(after) < _answer(before))
    desk.kept(before, after, worse)
    if not len(worse):
        return survey
    names = survey.parcels.index[worse].to_list()
    found = issue(
        "promise_displaces", "warning", "noted", ("", "evidence", parcel), lang,
        parcel=parcel, service=desk.name, amount=number(asked), unit=desk.unit, number=paper.number, count=len(names),
        who=", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else ""),
    )  # fmt: skip
    return replace(survey, issues=(*survey.issues, found))


def _answer(found: Loads) -> Ints:
    """Give the answer of every parcel: 2 enough, 1 not known, 0 too little."""
    return np.where(found.enough, 2, np.where(found.short, 0, 1))


@dataclass(frozen=True)
class _Desk:
    """Where a promise is asked for: what it is for, and who refuses it."""

    judgement: Judgement
    parcel: str
    service: str
    lang: str

    @property
    def brief(self) -> Brief:
        """The service as it was judged."""
        found = self.judgement.briefs.get(self.service)
        if found is None or not found.asked("capacity"):
            raise self.refuse("promise_service")
        return found

    @property
    def unit(self) -> str:
        """Unit of the demand."""
        return self.brief.service.demand

    @property
    def name(self) -> str:
        """Name of the service."""
        return self.judgement.survey.profile.service(self.service).label.text(self.lang)

    def refuse(self, code: str, **values: object) -> PromiseError:
        """Make a refusal."""
        return PromiseError(say(f"refuse.{code}", self.lang, parcel=self.parcel, service=self.name, **values))

    def asked(self, amount: float | str, paper: Paper) -> float:
        """Read what is asked for, in the unit of the demand, and by which paper."""
        if self.parcel not in self.judgement.survey.parcels.index.tolist():
            raise self.refuse("promise_parcel")
        unit, value = self.brief.service.demand, amount
        if isinstance(amount, str) and (said := _AMOUNT.fullmatch(amount)):
            code = vocabulary("capacity_unit").get(plain(said[2]))
            value = float(in_unit(pd.Series([float(said[1])]), pd.Series([code]), self.brief.service)[0])
        number_ = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not number_ or not np.isfinite(float(value)) or float(value) <= 0:
            raise self.refuse("promise_amount", amount=repr(amount), unit=unit)
        if not all(isinstance(text, str) and text.strip() for text in (paper.issuer, paper.number)):
            raise self.refuse("promise_paper")
        if paper.expires is not None and paper.expires < paper.date:
            raise self.refuse("promise_expired", expires=paper.expires.isoformat(), date=paper.date.isoformat())
        return float(value)

    def weighed(self, paper: Paper, asked: float) -> Loads:
        """Refuse what needs no reckoning; give what was taken before."""
        before, me = loads(self.brief), self.brief.survey.parcels.index.get_loc(self.parcel)
        rows = self.brief.survey.evidence
        rows = rows[(rows["parcel"] == self.parcel) & (rows["service"] == self.service) & (rows["says"] == "reserved")]
        if before.order.promised[me]:
            held = rows[rows.index.isin(self.brief.evidence.index[self.brief.evidence["whole"]])]
            raise self.refuse("promise_twice", number=held["number"].iloc[0])
        if (rows["number"] == paper.number).any():
            raise self.refuse("promise_twice", number=paper.number)
        if before.order.granted[me]:
            raise self.refuse("promise_granted")
        if not before.ways.sure[me]:
            raise self.refuse("promise_way")
        need = float(before.demand.value[me])
        if np.isnan(need):
            raise self.refuse("promise_demand")
        if asked < need * (1 - 1e-9):
            raise self.refuse("promise_small", amount=number(asked), need=number(need), unit=self.unit)
        return before

    def room(self, after: Loads, asked: float) -> None:
        """Refuse what finds no room."""
        me = self.brief.survey.parcels.index.get_loc(self.parcel)
        if not after.enough[me]:
            raise self.refuse(
                "promise_unknown" if after.unknown[me] >= 0 else "promise_room",
                amount=number(asked), unit=self.unit, **self.at(after, me),
            )  # fmt: skip

    def kept(self, before: Loads, after: Loads, worse: Ints) -> None:
        """Refuse what would take the room of one that a project or a paper holds, or that is supplied."""
        bound = before.order.promised | before.order.granted | (before.demand.basis == "project")
        for who in worse[bound[worse]][:1].tolist():
            need = number(max(float(np.nan_to_num(after.demand.value[who])), float(after.order.held[who])))
            name = self.brief.survey.parcels.index[who]
            raise self.refuse("promise_bound", bound=name, need=need, unit=self.unit, **self.at(after, who))

    def at(self, found: Loads, who: int) -> dict[str, str]:
        """Say where the room of a parcel runs out, what is left there, and who is the last before it."""
        at = int(found.unknown[who]) if found.unknown[who] >= 0 else int(found.pinch.element[who])
        holder = int(found.pinch.holder[who])
        name = self.brief.survey.parcels.index[holder] if holder >= 0 else ""
        return {
            "at": str(element_names(self.brief)[at]) if at >= 0 else "?",
            "left": number(max(float(found.pinch.left[who]), 0.0)),
            "holder": say("word.last_before", self.lang, holder=name) if name else "",
        }


def _row(survey: Survey, parcel: str, service: str, amount: float, paper: Paper) -> pd.DataFrame:
    """Write a promise as a row of evidence."""
    row: dict[str, object] = {
        "parcel": parcel, "service": service, "issuer": paper.issuer, "number": paper.number,
        "date": pd.Timestamp(paper.date), "expires": pd.NaT if paper.expires is None else pd.Timestamp(paper.expires),
        "says": "reserved", "capacity": float(amount), "capacity_unit": survey.profile.service(service).demand,
        "file": "",
    }  # fmt: skip
    columns = survey.evidence
    return pd.DataFrame({c: pd.Series([row.get(c)], dtype=columns[c].dtype) for c in columns.columns})
