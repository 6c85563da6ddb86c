"""The report: the answers for a zone, as tables, as sentences, and as a map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from gisplan.base.errors import LayerError, ProfileError
from gisplan.base.labels import LANGS
from gisplan.judging import cells as answers
from gisplan.judging import due as urgent
from gisplan.judging import findings as outcomes
from gisplan.judging import gaps as missing
from gisplan.judging import limits as rules
from gisplan.judging.explanation import Case, explain
from gisplan.judging.readiness import readiness
from gisplan.judging.reserves import ledger as reserves
from gisplan.judging.words import Words
from gisplan.land.check import Land, Listing
from gisplan.outputs import bundle
from gisplan.outputs.basemap import base_map
from gisplan.outputs.csvfiles import write_faults, write_findings, write_issues, write_readiness
from gisplan.outputs.geopackage import write_geopackage
from gisplan.outputs.graphml import write_graphml
from gisplan.outputs.map import ReviewMap, review_map, write_map
from gisplan.outputs.tables import Tables
from gisplan.outputs.workbook import write_workbook
from gisplan.reviewing.binding import COLUMNS as NOTES
from gisplan.reviewing.binding import Today, bind
from gisplan.reviewing.notefile import read_notes
from gisplan.zone import Zone

if TYPE_CHECKING:
    import networkx as nx

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Report:
    """The answers for a zone at a date.

    Attributes
    ----------
    zone
        What was judged.

    Notes
    -----
    Words cost more than all the rest of a report: a zone of 100,000 parcels has two million reasons of its cells, and
    several million findings. They are made when a table with words is first asked for. What needs none should take
    `grades` in the place of `cells`, and `measured` in the place of `findings`.
    """

    zone: Zone
    _cells: pd.DataFrame = field(repr=False)
    _kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def cells(self) -> pd.DataFrame:
        """One row a parcel and service: grade, verdict, reason code and words, deciding feature, distance, way, works.

        Its words are made when it is first asked for; `grades` is the same without them.
        """
        return self._once("cells", lambda: self._words.table())

    @property
    def grades(self) -> pd.DataFrame:
        """The cells without words, texts as categoricals: `gisplan.judging.cells.GRADES`."""
        return self._once("grades", lambda: self._cells[list(answers.GRADES)])

    @property
    def readiness(self) -> pd.DataFrame:
        """One row a parcel: ready, ready_by_delivery, ready_on, counts, and one grade letter a service."""
        return self._once("readiness", lambda: readiness(self._cells, self.zone.parcels, self.zone.profile))

    @property
    def findings(self) -> pd.DataFrame:
        """One row a parcel and condition: value, unit, limit, verdict, basis, clause, reason.

        Its words are made when it is first asked for; `measured` says the same without them.
        """
        return self._once("findings", lambda: self._findings.table())

    @property
    def measured(self) -> pd.DataFrame:
        """The findings without words, texts as categoricals: `gisplan.judging.findings.MEASURED`."""
        return self._once("measured", lambda: self._findings.measured())

    @property
    def _words(self) -> Words:
        found: Words = self._once("words", lambda: Words(self.zone.judged(), self._cells))
        return found

    @property
    def _findings(self) -> outcomes.Findings:
        found: outcomes.Findings = self._once("outcomes", lambda: outcomes.findings(self._words))
        return found

    @property
    def gaps(self) -> gpd.GeoDataFrame:
        """One row a gap: length to the nearest working main [m], who is responsible, estimate [CNY], marked assumed."""
        return self._once("gaps", lambda: missing.gaps(self._words))

    @property
    def earthwork(self) -> pd.DataFrame:
        """Levels, cut and fill of every parcel, with their errors (`gisplan.judging.surface.earthwork.COLUMNS`)."""
        return self.zone.judged().earthwork

    @property
    def ledger(self) -> pd.DataFrame:
        """What every source and main can carry, and what of it is taken (`gisplan.judging.reserves.ledger.COLUMNS`)."""
        return self._once("ledger", lambda: reserves.ledger(self.zone.judged()))

    @property
    def ledger_holders(self) -> pd.DataFrame:
        """Who takes what from each source, in the order of the promises (`gisplan.judging.reserves.ledger.HOLDERS`)."""
        return self._once("ledger_holders", lambda: reserves.holders(self.zone.judged()))

    @property
    def limits(self) -> pd.DataFrame:
        """Every limit, norm and price that was used: where each is from, how sure, and how many findings rest on it."""

        def make() -> pd.DataFrame:
            priced = missing.priced(self.zone.judged(), self._cells)
            return rules.limits(self.zone.profile, self._findings.uses(), priced, self._land.uses())

        return self._once("limits", make)

    @property
    def due(self) -> pd.DataFrame:
        """Papers that expire soon, and commitments that are due: `gisplan.judging.due.COLUMNS`."""
        judged = self.zone.judged()
        return self._once("due", lambda: urgent.due(judged.survey, judged.evidence, judged.date))

    @property
    def land(self) -> pd.DataFrame:
        """One row a parcel: stage, conclusion, net area, tasks, contract sentence (`gisplan.land.check.COLUMNS`)."""
        return self._land.table

    @property
    def land_findings(self) -> pd.DataFrame:
        """One row a parcel and rule of land: value, limit, verdict, paper, reason (`gisplan.land.rows.FINDINGS`)."""
        return self._land.findings

    @property
    def land_tasks(self) -> pd.DataFrame:
        """What is left to do before each parcel can be offered: what, who, by when (`gisplan.land.rows.FINDINGS`)."""
        return self._land.tasks

    @property
    def buildings(self) -> pd.DataFrame:
        """One row a storey of a standard factory building (`gisplan.land.buildings.COLUMNS`)."""
        return self._land.buildings

    @property
    def _land(self) -> Land:
        found: Land = self._once("land", lambda: Land(self._words))
        return found

    @property
    def issues(self) -> pd.DataFrame:
        """What is wrong or doubtful in the data: issue records."""
        return self.zone.issues

    @property
    def faults(self) -> gpd.GeoDataFrame:
        """What is wrong on the map, the fault with most land at stake first: `gisplan.faults.fault.COLUMNS`."""
        return self.zone.faults

    @property
    def notes(self) -> pd.DataFrame:
        """What reviewers said, once `review` was given it: `gisplan.reviewing.binding.COLUMNS`."""
        found: pd.DataFrame | None = self._kept.get("notes")
        return pd.DataFrame(columns=list(NOTES)) if found is None else found

    @property
    def run(self) -> dict[str, Any]:
        """What ``run.json`` says of the inputs: the sha256 of each, and the dates."""
        return {
            "inputs": dict(sorted(self.zone.survey.inputs.items())),
            "known_on": self.zone.known_on.isoformat(),
        }

    def explain(self, parcel: str, service: str, lang: str = "zh") -> str:
        """Say in words why a cell has its grade.

        Parameters
        ----------
        parcel, service
            The cell.
        lang
            ``zh``, ``en`` or ``both``.

        Returns
        -------
        str
            One verdict line and at most three evidence lines: number, limit, clause or basis, deciding feature, way to
            the plant and its weakest link, or what is missing first; then a line for each further test with its
            arithmetic, and what the profile does not judge.

        Raises
        ------
        LayerError
            The zone has no such parcel.
        ProfileError
            The profile has no such service.
        """
        if lang not in LANGS:
            raise ProfileError(f"lang = {lang!r} is not known; one of {', '.join(LANGS)}.")
        if parcel not in self.zone.parcels.index:
            raise LayerError(f"the zone has no parcel {parcel!r}; look it up in report.readiness.")
        service = self.zone.profile.service(service).key

        judged = self.zone.judged()
        at = int(self.zone.parcels.index.get_loc(parcel))

        def mine(table: pd.DataFrame) -> pd.DataFrame:
            return table[table["service"] == service]

        network = self.zone.network(service) if service in judged.candidates else None
        case = Case(
            mine(self._words.table(np.array([at]))).iloc[0],
            mine(self._findings.table(np.array([at]))),
            mine(missing.gaps(self._words, at)),
            network,
            self.ledger,
        )
        return explain(judged, case, lang)

    def compare(self, other: Report) -> pd.DataFrame:
        """List the cells whose grade differs in another report.

        Parameters
        ----------
        other
            A report on the same zone: another date, another survey, another profile.

        Returns
        -------
        pandas.DataFrame
            parcel, service, before, after, reason_before and reason_after (in the zone's language), area_mu; a cell
            that one of the two lacks has a missing grade there.
        """
        lang = "en" if self.zone.lang == "en" else "zh"
        keys = ["parcel", "service"]
        a, b = (
            r._cells[[*keys, "grade"]]
            .astype("str")
            .rename(columns={"grade": n})
            .assign(**{f"at_{n}": np.arange(len(r._cells))})
            for r, n in ((self, "before"), (other, "after"))
        )
        both = a.merge(b, on=keys, how="outer", sort=False)
        changed = both[both["before"].fillna("") != both["after"].fillna("")].copy()
        for report, name in ((self, "before"), (other, "after")):
            rows = changed[f"at_{name}"].fillna(-1).to_numpy(dtype=np.int64)
            said = report._words.of_rows(rows, lang)
            changed[f"reason_{name}"] = pd.Series(said, index=changed.index, dtype="str")
        changed = changed[[*keys, "before", "reason_before", "after", "reason_after"]]
        area = pd.concat([self.zone.parcels["area_mu"], other.zone.parcels["area_mu"]])
        changed["area_mu"] = changed["parcel"].map(area[~area.index.duplicated()])
        return changed.reset_index(drop=True)

    def review(self, notes: Sequence[Path | str]) -> Report:
        """Take in what reviewers said in the page.

        Parameters
        ----------
        notes
            Files that were saved from the review page, folders of them, or patterns (``notes/*.json``); from anywhere.

        Returns
        -------
        Report
            The same answers with ``notes``: what has become of each (open, settled, or orphaned). Its map and workbook
            show them.

        Raises
        ------
        ReadError
            A file is not there, or is no file of notes.
        """
        today = Today(self.zone.parcels, self.grades, self.readiness["ready"], self.gaps)
        bound = bind(read_notes(notes, self.zone.lang), today)
        kept = {name: value for name, value in self._kept.items() if name != "tables"}
        return replace(self, _kept={**kept, "notes": bound})

    def stranded(self, other: Report) -> pd.DataFrame:
        """List the parcels that lose a connection in another report, with the mu that hang on it.

        Parameters
        ----------
        other
            A report in which something is missing: a pipe taken out, a valve closed.

        Returns
        -------
        pandas.DataFrame
            parcel, service, area_mu: the cells that are A here and not there.
        """
        changed = self.compare(other)
        lost = changed[(changed["before"] == "A") & (changed["after"] != "A")]
        return lost[["parcel", "service", "area_mu"]].reset_index(drop=True)

    def tables(self, parcels: Sequence[str] | None = None) -> Tables:
        """Bundle everything that outputs are made from.

        Parameters
        ----------
        parcels
            The parcels to report, all if not given; what is computed does not depend on it.
        """
        return bundle.bundle(self._whole(), None if parcels is None else list(parcels))

    def map(self, lang: str = "both", base: str | Path | None = None) -> ReviewMap:
        """Draw the review map: a folium.Map to which own layers can be added, offline and safe when shown or saved.

        Parameters
        ----------
        lang
            Language that the page opens in.
        base
            What lies beneath the parcels, nothing if not given: see `gisplan.outputs.basemap.base_map`. Tiles are the
            one thing for which the page asks the network.
        """
        return review_map(self._over(base), lang)

    def _over(self, base: str | Path | None) -> Tables:
        found = None if base is None else base_map(base, self.zone.parcels, self.zone.lang)
        return replace(self.tables(), base=found)

    def graph(self, service: str) -> nx.MultiGraph:
        """Give the networkx graph of a service, with the parcels that it serves as nodes ("parcel", id)."""
        return self.zone.network(service).graph

    def to_map(self, path: Path | str, lang: str = "both", base: str | Path | None = None) -> None:
        """Write the review map as one HTML file that needs no network.

        Of a zone of more than 20,000 parcels it has the answers of all, and the folder ``<name>_parts`` beside it has a
        page for each sub-park, with mains, ways, gaps and reasons.
        """
        write_map(self._over(base), Path(path), lang)

    def to_excel(self, path: Path | str, lang: str = "zh") -> None:
        """Write the workbook."""
        write_workbook(self.tables(), Path(path), lang)

    def to_gpkg(self, path: Path | str) -> None:
        """Write parcels with grades, gaps, features and joins as a GeoPackage."""
        write_geopackage(self.tables(), Path(path))

    def to_csv(self, folder: Path | str) -> None:
        """Write readiness.csv, findings.csv, issues.csv and faults.csv into a folder that exists."""
        tables, folder = self.tables(), Path(folder)
        write_readiness(tables, folder / "readiness.csv")
        write_findings(tables, folder / "findings.csv")
        write_issues(tables, folder / "issues.csv")
        write_faults(tables, folder / "faults.csv")

    def to_graphml(self, service: str, path: Path | str) -> None:
        """Write the graph of a service as GraphML."""
        write_graphml(self.graph(service), Path(path))

    def __repr__(self) -> str:
        """Say in one line what it is a report on."""
        ready = self.readiness["ready"].value_counts()
        counts = ", ".join(f"{word} {int(ready.get(word, 0))}" for word in ("yes", "no", "unknown"))
        return f"<Report on {self.zone.title}, {self.zone.date}: {len(self.readiness)} parcels, ready: {counts}>"

    def _repr_html_(self) -> str:
        """Show parcels × services as letters in Jupyter."""
        return bundle.matrix_html(self._whole())

    def _whole(self) -> Tables:
        def make() -> Tables:
            zone = self.zone
            every = np.arange(len(zone.parcels))
            return bundle.collect(
                zone.judged(),
                {"cells": self.grades, "spoken": self._words, "readiness": self.readiness, "gaps": self.gaps,
                 "findings": outcomes.Listing(self._findings, every),
                 "issues": self.issues, "faults": self.faults, "limits": self.limits, "due": self.due,
                 "ledger": self.ledger, "holders": self.ledger_holders, "earthwork": self.earthwork,
                 "land": self.land, "land_findings": Listing(self._land, every),
                 "land_tasks": Listing(self._land, every, open_only=True),
                 "buildings": self.buildings, "notes": self._kept.get("notes")},
                zone.known_on,
            )  # fmt: skip

        return self._once("tables", make)

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]


def check(zone: Zone, *, progress: Progress | None = None) -> Report:
    """Judge every parcel of a zone.

    Parameters
    ----------
    zone
        From `gisplan.read` or `Zone.from_frames`.
    progress
        Called with the share done and what is being judged.
    """
    judgement = zone.judged(progress)
    return Report(zone, answers.cells(judgement, zone.known_on))
