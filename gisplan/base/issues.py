"""The issue record: what is wrong with a file, a row or a value, where, and what was done about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import pandas as pd

from gisplan.base.labels import say

COLUMNS = ("code", "severity", "file", "layer", "feature", "message", "hint", "action")
SEVERITIES = ("error", "warning", "info")
ACTIONS = ("repaired", "joined", "set aside", "refused", "declared", "noted")


@dataclass(frozen=True)
class Issue:
    """One flaw; `code` is a row ``issue.<code>`` of labels.csv, whose twin ``hint.<code>`` says the cure."""

    code: str
    severity: str
    file: str
    layer: str
    feature: str
    message: str
    hint: str
    action: str


def issue(
    code: str,
    severity: str,
    action: str,
    place: tuple[str, str, str] = ("", "", ""),
    lang: str = "zh",
    **values: object,
) -> Issue:
    """Make an issue record; `place` is (file, layer, feature), `values` fill its sentence."""
    file, layer, feature = place
    message = say(f"issue.{code}", lang, **values)
    return Issue(code, severity, file, layer, feature, message, say(f"hint.{code}", lang, **values), action)


def table(issues: Iterable[Issue]) -> pd.DataFrame:
    """Put issue records into the table that reports carry."""
    frame = pd.DataFrame([asdict(i) for i in issues], columns=list(COLUMNS))
    return frame.astype("str")


class Book:
    """Collects issue records while a zone is read."""

    def __init__(self, lang: str = "zh") -> None:
        self.lang = lang
        self._issues: list[Issue] = []

    def add(
        self,
        code: str,
        severity: str,
        action: str,
        place: tuple[str, str, str] = ("", "", ""),
        **values: object,
    ) -> None:
        """Write one record down."""
        self._issues.append(issue(code, severity, action, place, self.lang, **values))

    def adopt(self, issues: Iterable[Issue]) -> None:
        """Take in records that were written elsewhere."""
        self._issues.extend(issues)

    def __iter__(self) -> Iterator[Issue]:
        return iter(self._issues)

    def table(self) -> pd.DataFrame:
        """Give all records as a table."""
        return table(self._issues)
