"""The zone: a survey at a date, with its networks."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from gisplan.base.errors import ProfileError
from gisplan.base.issues import table
from gisplan.faults.register import faults, records
from gisplan.judging.inspections import inspect
from gisplan.judging.judgement import Judgement, judge, judge_again
from gisplan.judging.reserves.promise import Paper, promise
from gisplan.networks.network import Network
from gisplan.reading.redline import read_redline
from gisplan.reading.survey import Survey, read_folder
from gisplan.reading.survey import from_frames as survey_from_frames
from gisplan.reading.zone_file import RECORDS
from gisplan.rules.profile import Profile

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Zone:
    """A planning zone as its survey has it, at one date.

    Attributes
    ----------
    survey
        Parcels, layers, works, evidence, barriers, ground, profile: everything that was read, cleaned.
    date
        The date for which the zone is judged.
    known_on
        The zone's own date; for a later one nothing is better than B.
    lang
        Language of issue messages.
    within
        Of a red line: the zone in whose place it stands, whose parcels come first.
    """

    survey: Survey
    date: dt.date
    known_on: dt.date
    lang: str = "zh"
    within: Zone | None = field(default=None, repr=False)
    _kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_frames(
        cls,
        parcels: gpd.GeoDataFrame,
        *,
        crs: object = None,
        date: dt.date | str | None = None,
        lang: str = "zh",
        **rest: Any,
    ) -> Zone:
        """Make a zone from GeoDataFrames; they are cleaned exactly as files are.

        Parameters
        ----------
        parcels
            Polygons with a column or index ``parcel``.
        crs
            The zone's coordinate system, projected and in metres; that of `parcels` if not given.
        date
            The date for which to judge, ``2026-11-01``; today if not given.
        lang
            Language of issue messages.
        **rest
            ``works``, ``evidence``, ``projects``, ``netland``, ``assessments``, ``commitments``, ``buildings``,
            ``constraints``, ``barriers`` (or ``"none"``), ``ground``, ``profile``, ``data_date``, ``absent``,
            ``defaults``, ``limits``, ``title``, ``place``; every other name is a service, ``water=pipes``.

        Raises
        ------
        LayerError
            A frame cannot be used as it is.
        """
        options = {name: rest.pop(name) for name in _OPTIONS if name in rest}
        own = _date(date)
        survey = survey_from_frames(parcels, rest, crs=crs, date=own, lang=_one(lang), **options)
        known = own or dt.date.today()
        return cls(survey, known, known, lang)

    @property
    def title(self) -> str:
        """The zone's title."""
        return self.survey.title.text(self.lang)

    @property
    def profile(self) -> Profile:
        """The profile (核查口径) by which the zone is judged."""
        return self.survey.profile

    @property
    def parcels(self) -> gpd.GeoDataFrame:
        """The parcels, indexed by parcel id."""
        return self.survey.parcels

    @property
    def layers(self) -> Mapping[str, gpd.GeoDataFrame]:
        """The cleaned layers, by service."""
        return self.survey.layers

    @property
    def issues(self) -> pd.DataFrame:
        """What was repaired, joined, set aside or noted: issue records; every fault is one of them."""
        if "issues" not in self._kept:
            judged = self.judged()
            found = [
                table(self.survey.issues),
                inspect(judged, self.lang),
                records(self.faults, judged, _one(self.lang)),
            ]
            self._kept["issues"] = pd.concat(found, ignore_index=True)
        issues: pd.DataFrame = self._kept["issues"]
        return issues

    @property
    def faults(self) -> gpd.GeoDataFrame:
        """What is wrong on the map, the fault with most land at stake first (`gisplan.faults.fault.COLUMNS`)."""
        if "faults" not in self._kept:
            self._kept["faults"] = faults(self.judged())
        found: gpd.GeoDataFrame = self._kept["faults"]
        return found

    def at(self, date: dt.date | str) -> Zone:
        """Give the same zone judged for another date; for one later than its own nothing is better than B."""
        when = _date(date) or self.date
        return replace(self, date=when, within=self.within and self.within.at(when), _kept={})

    def redline(self, path: Path | str, layer: str | None = None) -> Zone:
        """Give the zone with a red line (红线) in the place of its parcels, to be checked apart.

        Its outlines are judged exactly as if they had been parcels of the zone; nothing of the zone changes. The zone's
        own parcels are neighbours, save where the red line lies on them. Of a red line: another one of the same zone.

        Parameters
        ----------
        path
            Any file of shapes that is read (TXT, DXF, GeoJSON, …), inside or outside the zone's folder.
        layer
            The layer with the outlines, where the file has several.

        Raises
        ------
        ReadError
            The file cannot be read.
        LayerError
            It holds no closed outline, several layers of them, or lies elsewhere.
        """
        zone = self.within or self
        survey = read_redline(zone.survey, Path(path), layer, self.lang)
        return Zone(survey, self.date, self.known_on, self.lang, zone)

    def promise(
        self,
        parcel: str,
        service: str,
        amount: float | str,
        *,
        issuer: str,
        number: str,
        expires: dt.date | str | None = None,
    ) -> Zone:
        """Give the zone with a reserve promised to a parcel, as a paper of its date would; this zone stays as it is.

        Parameters
        ----------
        parcel, service
            For whom, and of what: the key of a service or any of its names.
        amount
            How much, in the unit in which the profile counts the demand of the service (``report.ledger``), or with its
            unit as text, ``3 MVA``; never less than what the parcel needs by itself.
        issuer, number, expires
            Of the paper.

        Raises
        ------
        PromiseError
            The parcel holds such a promise already, what is left on its way or at the source is not enough, or a parcel
            that a project or a paper holds, or that is supplied, would lose its room. Whom else it leaves without room,
            the new zone's `issues` name.
        ProfileError
            The profile has no such service, or `expires` is no date.
        """
        paper = Paper(issuer, number, self.date, _date(expires))
        return replace(self, survey=promise(self.judged(), parcel, service, amount, paper, self.lang), _kept={})

    def judged(self, progress: Progress | None = None) -> Judgement:
        """Judge the zone; done once, then kept."""
        if "judgement" not in self._kept:
            steps = len(self.survey.layers) + 2
            done = iter(range(steps + 1))

            def tell(what: str) -> None:
                if progress is not None:
                    progress(min(next(done, steps) / steps, 1.0), what)

            if self.within is None:
                self._kept["judgement"] = judge(self.survey, self.date, tell)
            else:  # its networks are already built
                self._kept["judgement"] = judge_again(self.within.judged(), self.survey, tell)
        judgement: Judgement = self._kept["judgement"]
        return judgement

    def network(self, service: str) -> Network:
        """Give the network of a service; its ``graph`` is a networkx MultiGraph with the parcels as nodes.

        Raises
        ------
        NetworkError
            The zone has no layer of this service.
        """
        key = f"network {service}"
        if key not in self._kept:
            self._kept[key] = self.judged().network(service)
        network: Network = self._kept[key]
        return network

    def __repr__(self) -> str:
        """Say in one line which zone it is."""
        held = f"{len(self.parcels)} parcels, {len(self.layers)} layers"
        return f"<Zone {self.title}, {self.date}: {held}, {self.profile.id}>"

    def _repr_html_(self) -> str:
        """Show in Jupyter what the zone holds."""
        rows = [("parcels", len(self.parcels))] + [(key, len(layer)) for key, layer in self.layers.items()]
        body = "".join(f"<tr><td>{escape(str(k))}</td><td>{v}</td></tr>" for k, v in rows)
        head = f"{self.title} · {self.profile.label.text(self.lang)} · {self.date.isoformat()} · {self.survey.crs.name}"
        return f"<table><caption>{escape(head)}</caption>{body}</table>"


_OPTIONS = (
    "works", "evidence", "barriers", "ground", "profile", "data_date", "absent", "defaults", "undo", "limits", "title",
    "place", *RECORDS,
)  # fmt: skip


def read(
    folder: Path | str,
    profile: str | None = None,
    *,
    lang: str = "zh",
    progress: Progress | None = None,
) -> Zone:
    """Read a zone from a folder that holds a ``zone.toml``.

    Parameters
    ----------
    folder
        The zone's folder.
    profile
        The profile to judge by, instead of the one that zone.toml names.
    lang
        Language of issue messages.
    progress
        Called with the share done and what is being read.

    Raises
    ------
    ReadError
        A file cannot be read.
    LayerError
        A layer cannot be used as it is.
    ProfileError
        The profile or zone.toml says something that is not allowed.
    """
    done = itertools.count(1)

    def tell(name: str) -> None:
        if progress is not None:
            progress(1 - 0.9 ** next(done), name)  # how many files there are is known only at the end

    survey = read_folder(Path(folder), profile, _one(lang), tell)
    known = survey.date or dt.date.today()
    return Zone(survey, known, known, lang)


def _one(lang: str) -> str:
    return "en" if lang == "en" else "zh"


def _date(value: dt.date | str | None) -> dt.date | None:
    """Read a date that a person typed."""
    if value is None or (isinstance(value, dt.date) and not isinstance(value, dt.datetime)):
        return value
    try:
        return pd.Timestamp(value).date() if isinstance(value, dt.datetime) else dt.date.fromisoformat(str(value))
    except ValueError as error:
        raise ProfileError(f"{value!r} is not a date. Write it as 2026-11-01.") from error
