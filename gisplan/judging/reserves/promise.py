"""Promises: a reserve is given to a parcel by a paper, once, and only where there is room for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gisplan.base.errors import PromiseError
from gisplan.base.labels import say
from gisplan.base.units import number
from gisplan.judging import evidence as papers
from gisplan.judging.judgement import Judgement
from gisplan.judging.reserves.capacity import element_names
from gisplan.judging.reserves.loads import loads
from gisplan.reading.survey import Survey


@dataclass(frozen=True)
class Paper:
    """What a promise is made by: who issued it, under which number, when, until when."""

    issuer: str
    number: str
    date: dt.date
    expires: dt.date | None = None


def promise(judgement: Judgement, parcel: str, service: str, amount: float, paper: Paper, lang: str = "zh") -> Survey:
    """Give the survey with one more promise in its evidence.

    Parameters
    ----------
    judgement
        What was judged before it.
    parcel, service
        For whom, and of what.
    amount
        How much, in the unit in which the profile counts the service's demand.
    paper
        By which paper; issuer and number must be given.
    lang
        Language of a refusal.

    Raises
    ------
    PromiseError
        The parcel holds a promise of this service already; it has no sure way to a source; what is left on that way or
        at the source is less than `amount`; or an earlier promise would lose its room. Nothing is changed then.
    """

    def refuse(code: str, **values: object) -> PromiseError:
        return PromiseError(say(f"refuse.{code}", lang, parcel=parcel, service=service, **values))

    survey, brief = judgement.survey, judgement.briefs.get(service)
    if parcel not in survey.parcels.index:
        raise refuse("promise_parcel")
    if brief is None or not brief.asked("capacity"):
        raise refuse("promise_service")
    if not (np.isfinite(amount) and amount > 0 and paper.issuer.strip() and paper.number.strip()):
        raise refuse("promise_paper")
    before, me = loads(brief), survey.parcels.index.get_loc(parcel)
    if before.order.promised[me]:
        rows = brief.evidence
        mine = rows[rows["whole"] & (rows["parcel"] == parcel) & (rows["service"] == service)]
        raise refuse("promise_twice", number=mine.loc[mine["says"] == "reserved", "number"].iloc[0])
    if not before.ways.sure[me]:
        raise refuse("promise_way")
    grown = pd.concat([survey.evidence, _row(survey, parcel, service, amount, paper)], ignore_index=True)
    after_survey = replace(survey, evidence=grown)
    valid = papers.valid(grown, judgement.date)
    after = loads(replace(brief, survey=after_survey, evidence=valid, memory={}))
    unit = brief.service.demand
    if not after.enough[me]:
        at = int(after.unknown[me]) if after.unknown[me] >= 0 else int(after.pinch.element[me])
        holder = int(after.pinch.holder[me])
        raise refuse(
            "promise_unknown" if after.unknown[me] >= 0 else "promise_room",
            at=element_names(brief)[at], unit=unit, amount=number(max(amount, float(after.demand.value[me]))),
            left=number(max(float(after.pinch.left[me]), 0.0)),
            holder=survey.parcels.index[holder] if holder >= 0 else "—",
        )  # fmt: skip
    lost = np.flatnonzero(before.order.promised & before.enough & ~after.enough)
    if len(lost):
        raise refuse("promise_earlier", holder=survey.parcels.index[int(lost[0])])
    return after_survey


def _row(survey: Survey, parcel: str, service: str, amount: float, paper: Paper) -> pd.DataFrame:
    """Write a promise as a row of evidence."""
    unit = {"kW": "kW", "MW": "MW", "m3/d": "m3/d", "Nm3/h": "Nm3/h"}[survey.profile.service(service).demand]
    row: dict[str, object] = {
        "parcel": parcel, "service": service, "issuer": paper.issuer, "number": paper.number,
        "date": pd.Timestamp(paper.date), "expires": pd.NaT if paper.expires is None else pd.Timestamp(paper.expires),
        "says": "reserved", "capacity": float(amount), "capacity_unit": unit, "file": "",
    }  # fmt: skip
    columns = survey.evidence
    return pd.DataFrame({c: pd.Series([row.get(c)], dtype=columns[c].dtype) for c in columns.columns})
