"""The truth table of standings: survey word and works read together. Written by hand from the rules."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from gisplan.networks.standing import standing

TODAY = dt.date(2026, 11, 1)
PAST, FUTURE = "2026-10-31", "2027-05-01"

# status, phase, actual, planned, money -> why
TABLE = [
    # no works
    ("operating", None, None, None, None, "connected"),
    ("built", None, None, None, None, "undated"),
    ("construction", None, None, None, None, "undated"),
    ("planned", None, None, None, None, "undated"),
    ("abandoned", None, None, None, None, "abandoned"),
    (None, None, None, None, None, "status_unknown"),
    # handed over
    ("operating", "handover", PAST, None, None, "connected"),
    ("built", "handover", PAST, None, None, "connected"),
    ("construction", "handover", PAST, None, None, "connected"),
    ("planned", "handover", PAST, None, None, "contradiction"),
    # a hand-over that has not happened, or without a day, is a completion
    ("operating", "handover", FUTURE, FUTURE, None, "built"),
    ("operating", "handover", None, FUTURE, None, "built"),
    # completed
    ("operating", "completion", PAST, FUTURE, None, "built"),
    ("built", "completion", PAST, FUTURE, None, "built"),
    ("construction", "completion", PAST, FUTURE, None, "built"),
    ("planned", "completion", PAST, FUTURE, None, "contradiction"),
    ("built", "completion", PAST, PAST, None, "overdue"),
    ("built", "completion", PAST, None, None, "undated"),
    # under construction
    ("operating", "construction", None, FUTURE, None, "contradiction"),
    ("built", "construction", None, FUTURE, None, "construction"),
    ("construction", "construction", None, FUTURE, None, "construction"),
    ("construction", "construction", None, PAST, None, "overdue"),
    ("construction", "construction", None, "2026-11-01", None, "overdue"),  # due today is not done today
    ("planned", "construction", None, FUTURE, "granted", "planned"),
    # not begun
    ("operating", "tender", None, FUTURE, "granted", "contradiction"),
    ("construction", "tender", None, FUTURE, "granted", "planned"),
    ("planned", "tender", None, FUTURE, "granted", "planned"),
    ("planned", "tender", None, FUTURE, "applied", "unfunded"),
    ("planned", "tender", None, FUTURE, None, "unfunded"),
    ("planned", "tender", None, PAST, "granted", "overdue"),
    ("planned", "tender", None, None, "granted", "undated"),
    ("abandoned", "construction", None, FUTURE, "granted", "abandoned"),
    # works without a phase that we know
    ("operating", "", None, FUTURE, None, "works_unknown"),
    ("construction", "", None, FUTURE, None, "construction"),
]
GRADE = {"connected": 0, "construction": 1, "built": 1, "planned": 2}
UNKNOWN = {"status_unknown", "contradiction", "overdue", "works_unknown"}


def judge(status: str | None, **works: object) -> object:
    table = pd.DataFrame({"status": [status], "works": ["W"] if works else [None], "close_on": pd.to_datetime([None])})
    columns = ["phase", "actual_on", "planned_on", "commission_on", "funding_state"]
    rows = pd.DataFrame(
        [{c: works.get(c) for c in columns}] if works else [], columns=columns, index=["W"][: bool(works)]
    )
    for name in ("actual_on", "planned_on", "commission_on"):
        rows[name] = pd.to_datetime(rows[name])
    return standing(table, rows, TODAY)


@pytest.mark.parametrize(("status", "phase", "actual", "planned", "money", "why"), TABLE)
def test_truth_table(
    status: str | None, phase: str | None, actual: str | None, planned: str | None, money: str | None, why: str
) -> None:
    works = {"phase": phase or None, "actual_on": actual, "planned_on": planned, "funding_state": money}
    found = judge(status, **works) if phase is not None else judge(status)
    assert found.why[0] == why
    assert found.grade[0] == GRADE.get(why, 3)
    assert bool(found.unknown[0]) == (why in UNKNOWN)


def test_commissioning_counts_before_the_planned_finish() -> None:
    found = judge("construction", phase="construction", planned_on=PAST, commission_on=FUTURE)
    assert found.why[0] == "construction"
    assert found.day[0] == (dt.date.fromisoformat(FUTURE) - dt.date(1970, 1, 1)).days


def test_what_is_handed_over_and_still_to_be_commissioned_is_built() -> None:
    found = judge("construction", phase="handover", actual_on=PAST, commission_on=FUTURE)
    assert found.why[0] == "built"
    assert judge("operating", phase="handover", actual_on=PAST, commission_on=PAST).why[0] == "connected"


def test_works_that_are_not_in_the_table_are_unknown() -> None:
    table = pd.DataFrame({"status": ["operating"], "works": ["X"], "close_on": pd.to_datetime([None])})
    empty = pd.DataFrame(columns=["phase", "actual_on", "planned_on", "commission_on", "funding_state"])
    for name in ("actual_on", "planned_on", "commission_on"):
        empty[name] = pd.to_datetime(empty[name])
    assert standing(table, empty, TODAY).why[0] == "works_unknown"


def test_what_closes_today_is_closed() -> None:
    table = pd.DataFrame({"status": ["operating"] * 3, "works": [None] * 3,
                          "close_on": pd.to_datetime([PAST, "2026-11-01", "2026-11-02"])})  # fmt: skip
    empty = pd.DataFrame(columns=["phase", "actual_on", "planned_on", "commission_on", "funding_state"])
    for name in ("actual_on", "planned_on", "commission_on"):
        empty[name] = pd.to_datetime(empty[name])
    assert standing(table, empty, TODAY).why.tolist() == ["closed", "closed", "connected"]


@pytest.mark.parametrize(("says", "status", "why"), [
    ("not_operating", "operating", "contradiction"),
    ("operating", "operating", "connected"),
    ("operating", "planned", "contradiction"),
    ("operating", "abandoned", "abandoned"),
    ("not_operating", "planned", "undated"),
])  # fmt: skip
def test_a_visit_contradicts(says: str, status: str, why: str) -> None:
    table = pd.DataFrame({"status": [status], "works": [None], "close_on": pd.to_datetime([None])})
    empty = pd.DataFrame(columns=["phase", "actual_on", "planned_on", "commission_on", "funding_state"])
    for name in ("actual_on", "planned_on", "commission_on"):
        empty[name] = pd.to_datetime(empty[name])
    assert (
        standing(table, empty, TODAY, (np.array([says == "operating"]), np.array([says == "not_operating"]))).why[0]
        == why
    )
