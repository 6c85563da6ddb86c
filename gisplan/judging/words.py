"""Words: why each cell has its grade, in sentences; made when they are asked for, and only for the parcels asked about.

A zone of a hundred thousand parcels has a million cells, and twice as many sentences: more than all the rest together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gisplan.base.labels import codes as known_codes
from gisplan.base.labels import label, say_rows
from gisplan.base.units import number_texts
from gisplan.judging.cells import texts
from gisplan.judging.judgement import Judgement
from gisplan.judging.outcome import shown
from gisplan.rules.profile import Service

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
Values = dict[str, Callable[[Ints], Any]]
"""By the name of a place in a sentence: what gives its texts for some rows."""

COLUMNS = (
    "parcel", "service", "grade", "verdict", "need", "code", "feature", "distance_m", "path_m", "source",
    "works", "ready_on", "reason_zh", "reason_en", "by", "group",
)  # fmt: skip


def reasons(judgement: Judgement, cells: pd.DataFrame, service: Service, at: Ints, lang: str) -> Texts:
    """Say why the cells of a service have their grades.

    Parameters
    ----------
    judgement, cells
        What was measured, and the answers from `gisplan.judging.cells.cells`.
    service
        The service.
    at
        Positions of the parcels that are asked about.
    lang
        ``zh`` or ``en``.
    """
    mine = of_service(judgement, cells, service)
    kind, kinds = pd.factorize(alone(judgement, service, texts(mine["code"], at), at))
    sentences = [f"reason.{code}" for code in kinds]
    if service.shape == "surface":
        known = set(known_codes("reason.leveling."))
        own = [f"reason.leveling.{code}" for code in kinds]
        sentences = [theirs if theirs in known else plain for theirs, plain in zip(own, sentences, strict=True)]
    said = say_rows(kind, sentences, lang, _values(judgement, mine, service, at, lang))
    optional = texts(mine["need"], at) == "optional"
    if optional.any():
        said[optional] += _promise(judgement, at[optional], lang)
    return said


@dataclass(frozen=True)
class Words:
    """The words of all cells; those of a service and language are kept once most of its parcels are asked about.

    Attributes
    ----------
    judgement, cells
        What was measured, and the answers from `gisplan.judging.cells.cells`.
    """

    judgement: Judgement
    cells: pd.DataFrame
    _kept: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False, compare=False)

    def of(self, parcels: pd.Index) -> pd.DataFrame:
        """Give the cells of some parcels with their sentences: `COLUMNS`."""
        return self.table(np.flatnonzero(self.judgement.survey.parcels.index.isin(parcels)))

    def reasons(self, service: Service, at: Ints, lang: str) -> Texts:
        """Say why the cells of a service have their grades, for the parcels at some positions."""
        key, n = (service.key, lang), len(self.judgement.survey.parcels)
        if key not in self._kept:
            if n > _SMALL and 2 * len(at) < n:
                return reasons(self.judgement, self.cells, service, at, lang)
            said = reasons(self.judgement, self.cells, service, np.arange(n), lang)
            self._kept[key] = said if n <= _SMALL else pd.array(said, dtype="str")
        kept = self._kept[key][at]
        return kept if n <= _SMALL else np.asarray(kept, dtype=object)

    def of_rows(self, rows: Ints, lang: str) -> Texts:
        """Say of some rows of the table of cells why they have their grades; NaN for -1."""
        services = self.judgement.survey.profile.services
        said = np.full(len(rows), np.nan, dtype=object)
        for i, service in enumerate(services):
            mine = np.flatnonzero((rows >= 0) & (rows % len(services) == i))
            said[mine] = self.reasons(service, rows[mine] // len(services), lang)
        return said

    def table(self, at: Ints | None = None) -> pd.DataFrame:
        """Lay words over the answers: the table that people are shown, its texts as plain texts.

        Parameters
        ----------
        at
            Positions of the parcels that are asked about; all if not given.

        Returns
        -------
        pandas.DataFrame
            One row a parcel and service, parcels in order, services in profile order; `COLUMNS`.
        """
        services = self.judgement.survey.profile.services
        s = len(services)
        at = np.arange(len(self.cells) // s) if at is None else at
        rows = (at[:, None] * s + np.arange(s)).ravel()
        columns: dict[str, Any] = {}
        for name in COLUMNS:
            if name.startswith("reason_"):
                said = np.full((len(at), s), "", dtype=object)
                for i, service in enumerate(services):
                    said[:, i] = self.reasons(service, at, name.removeprefix("reason_"))
                columns[name] = pd.Series(said.ravel(), dtype="str")
            elif name in ("feature", "source", "works"):
                columns[name] = _ids(self.judgement, self.cells, name, rows)
            elif name in _TEXTS:
                columns[name] = pd.Series(texts(self.cells[name], rows), dtype="str")
            else:
                columns[name] = self.cells[name].to_numpy()[rows]
        return pd.DataFrame(columns, copy=False)


_SMALL = 5000
"""Parcels of a zone whose sentences may be kept as they are; those of a larger one are kept packed."""


def alone(judgement: Judgement, service: Service, code: Texts, at: Ints) -> Texts:
    """Choose another sentence where the room runs out and nobody comes before a parcel: codes of some parcels."""
    for condition in service.conditions:
        found = judgement.outcomes.get(condition.id)
        if found is not None and "holder" in found.terms:
            nobody = (shown(found.terms["holder"], at) == "—") & np.isin(code.astype(object), _HOLDERS)
            return np.where(nobody, code.astype(object) + "_alone", code) if nobody.any() else code
    return code


_HOLDERS = ("no_capacity", "order_unknown")
"""Reasons that name who is the last before a parcel."""


def of_service(judgement: Judgement, cells: pd.DataFrame, service: Service) -> pd.DataFrame:
    """Give the cells of one service, one row a parcel."""
    services = judgement.survey.profile.services
    return cells.iloc[[s.key for s in services].index(service.key) :: len(services)]


_TEXTS = ("parcel", "service", "grade", "verdict", "need", "code", "by", "group")


def _ids(judgement: Judgement, cells: pd.DataFrame, name: str, rows: Ints) -> pd.Series:
    """Give a column of ids as plain texts.

    A column where one service names nothing at all holds objects, with None there; what another service lacks is NaN.
    """
    services = judgement.survey.profile.services
    blanks = np.array([blank_of(judgement, cells, service, name) for service in services], dtype=object)
    out = texts(cells[name], rows)
    missing = cells[name].array.codes[rows] < 0
    out[missing] = blanks[rows[missing] % len(services)]
    return pd.Series(out, dtype=object if any(blank is None for blank in blanks) else "str")


def blank_of(judgement: Judgement, cells: pd.DataFrame, service: Service, name: str) -> float | None:
    """Say what stands for a missing id of a service: NaN among texts, None where there is no text at all."""
    if service.shape == "surface":
        return None
    if name == "works" and service.key in judgement.connections:
        back = judgement.connections[service.key].holds_back
        held = judgement.survey.layers[service.key]["works"].notna().to_numpy()[back[back >= 0]]
        return np.nan if held.any() else None
    mine = of_service(judgement, cells, service)[name].array
    return np.nan if (mine.codes >= 0).any() or not len(mine.codes) else None


def _values(judgement: Judgement, mine: pd.DataFrame, service: Service, at: Ints, lang: str) -> Values:
    """Give what fills the places of a service's reasons, for rows of `at`."""
    survey = judgement.survey
    layer = survey.layers.get(service.key)
    reach = service.condition("reach")
    host = survey.profile.service(service.shares).label.text(lang) if service.shares else ""
    distance, path = (mine[name].to_numpy(dtype=float) for name in ("distance_m", "path_m"))
    days = mine["ready_on"].to_numpy(dtype="datetime64[D]")
    values: Values = {
        "feature": lambda rows: texts(mine["feature"], at[rows], "?"),
        "distance": lambda rows: number_texts(distance[at[rows]]),
        "path": lambda rows: number_texts(path[at[rows]], 1),
        "source": lambda rows: _named(texts(mine["source"], at[rows]), layer),
        "works": lambda rows: _named(texts(mine["works"], at[rows]), survey.works),
        "at": lambda rows: _named(texts(mine["at"], at[rows]), layer),
        "day": lambda rows: written_days(days[at[rows]]),
        "limit": lambda rows: reach.limit.text if reach is not None else "",
        "label": lambda rows: service.label.text(lang),
        "host": lambda rows: host,
    }
    limits = {c.id: c.limit.text for c in service.conditions}
    laid: dict[str, dict[str, Any]] = {}
    held = mine["decided"].array
    for identity in held.categories[np.unique(held.codes)]:
        if identity:
            laid.setdefault("limit", {})[identity] = limits[identity]
            for name, term in judgement.outcomes[identity].terms.items():
                laid.setdefault(name, {})[identity] = term
    for name, terms in laid.items():
        values[name] = _laid_over(values.get(name), terms, (mine["decided"], at))
    return values


def _laid_over(
    base: Callable[[Ints], Any] | None, terms: Mapping[str, Any], place: tuple[pd.Series, Ints]
) -> Callable[[Ints], Any]:
    """Lay the terms of the conditions that decide over what stands there otherwise."""
    column, at = place

    def given(rows: Ints) -> Texts:
        decided = texts(column, at[rows])
        out = np.full(len(rows), "", dtype=object)
        out[:] = base(rows) if base is not None else ""
        for identity, term in terms.items():
            own = decided == identity
            out[own] = term if isinstance(term, str) else number_texts(shown(term, at[rows[own]]))
        return out

    return given


def written_days(days: npt.NDArray[np.datetime64], blank: str = "?") -> Texts:
    """Write days as ISO 8601."""
    code, unique = pd.factorize(days.astype("datetime64[D]"))
    return np.array([*(str(day) for day in unique.astype("datetime64[D]")), blank], dtype=object)[code]


def _promise(judgement: Judgement, at: Ints, lang: str) -> Texts:
    """Say of an optional cell by whose word it does not count."""
    survey = judgement.survey
    own = label("reason.by_profile").text(lang).format(profile=survey.profile.label.text(lang))
    before, after = label("reason.by_promise").text(lang).split("{promised}")
    code, found = pd.factorize(survey.parcels["promised"].to_numpy(dtype=object, na_value=None)[at])
    said = [own if str(word) == "" else f"{before}{word}{after}" for word in found]
    return np.array([*said, own], dtype=object)[code]


def _named(ids: Texts, table: pd.DataFrame | None) -> Texts:
    """Write ids with the name that their table has for them."""
    code, found = pd.factorize(ids)
    written = [str(key) for key in found]
    if table is not None and len(found):
        names = table["name"].array
        for i, row in enumerate(table.index.get_indexer(found) if table.index.is_unique else ()):
            if row >= 0 and pd.notna(name := names[row]):
                written[i] += f" {name}"
    return np.array([*written, "?"], dtype=object)[code]
