"""Due: papers that expire soon, and commitments whose day is near or past, each with the days that are left."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from gisplan.reading.survey import Survey

COLUMNS = (
    "kind", "parcel", "service", "feature", "issuer", "number", "what", "due", "days_left", "responsible", "file",
)  # fmt: skip


def due(survey: Survey, evidence: pd.DataFrame, date: dt.date) -> pd.DataFrame:
    """List what somebody has to see to soon.

    Parameters
    ----------
    survey
        The papers; how soon is soon, its profile says (``evidence_notice``).
    evidence
        The rows of evidence that are valid at the date.
    date
        The check date.

    Returns
    -------
    pandas.DataFrame
        One row a paper, the most urgent first; `COLUMNS`. ``kind`` is evidence, netland or assessments (the paper
        expires) or commitments (something is to be done by then; fewer than no days left: it is overdue).
    """
    dossier = survey.dossier
    parts = [
        _expiring("evidence", evidence[evidence["whole"]], "says"),
        _expiring("netland", dossier.netland, "test"),
        _expiring("assessments", dossier.assessments, "kind"),
        _open(dossier.commitments, date),
    ]
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    table["days_left"] = (table["due"] - pd.Timestamp(date)).dt.days.astype("Int64")
    soon = table["days_left"] <= int(survey.profile.inspections["evidence_notice"].value)
    # What has expired counts no more, and is listed where that is said.
    kept = table[soon & ((table["days_left"] >= 0) | (table["kind"] == "commitments"))]
    return kept.sort_values(["due", "kind"], kind="stable", ignore_index=True)[list(COLUMNS)]


def _expiring(kind: str, papers: pd.DataFrame, what: str) -> pd.DataFrame:
    """Give the papers of a table that have an end."""
    rows = papers[papers["expires"].notna()]
    if "long_term" in rows:
        rows = rows[~rows["long_term"].fillna(False).astype(bool)]
    return _shaped(rows.assign(kind=kind, what=rows[what], due=rows["expires"]))


def _open(commitments: pd.DataFrame, date: dt.date) -> pd.DataFrame:
    """Give the commitments that are not yet kept."""
    done = commitments["done_on"].notna() & (commitments["done_on"] <= pd.Timestamp(date))
    rows = commitments[~done & commitments["due_on"].notna()]
    return _shaped(rows.assign(kind="commitments", due=rows["due_on"]))


def _shaped(rows: pd.DataFrame) -> pd.DataFrame:
    table = rows.reindex(columns=[name for name in COLUMNS if name not in ("due", "days_left")]).astype(object)
    table["due"] = pd.to_datetime(rows["due"])
    return table
