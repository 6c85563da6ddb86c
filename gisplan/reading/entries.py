"""Entries: single values of a zone.toml, checked, and answered in one sentence where they are wrong."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

from gisplan.base.errors import ProfileError
from gisplan.base.fields import plain, vocabulary
from gisplan.base.labels import Label, say
from gisplan.base.units import quantity
from gisplan.reading.refusals import nearest, refusal, shorten
from gisplan.reading.words import date_of

NAME = "zone.toml"


class Entries:
    """Takes values out of TOML tables, and says exactly what is wrong with them, and in which line."""

    def __init__(self, text: str = "", lang: str = "zh") -> None:
        self.lines = text.split("\n") if text else []
        self.lang = lang

    def place_of(self, where: str, key: str, found: object = "") -> str:
        """Say where an entry stands: file, line (as far as it can be found), table."""
        header = re.match(r"(\[+[^\]]+)\]+", where)
        wanted = header[1] if header else ""
        word = re.compile(rf"(^|[\s{{,.\"']){re.escape(key.split('.')[-1])}[\"']?\s*[.=]")
        inside, best, rank = header is None, 0, 0
        for number, line in enumerate(self.lines, start=1):
            bare = re.sub(r"\s", "", line)
            if bare.startswith("["):
                inside = bool(wanted) and re.match(rf"{re.escape(wanted)}[\].]", bare) is not None
            if not inside:
                continue
            # The line that holds both the entry and its value; else the entry; else the table's own line.
            score = 1 if word.search(line) is None else 3 if str(found) in line else 2
            if score > rank:
                best, rank = number, score
        at = f":{best}" if rank > (header is None) else ""
        return f"{NAME}{at} {where}".strip()

    def fail(self, where: str, key: str, found: object, allowed: str) -> Exception:
        """Make the refusal of one value; `allowed` is a label code ``allow.…`` or a list of words."""
        fixed = allowed.startswith("allow.")
        text = say(allowed, self.lang) if fixed else say("allow.one_of", self.lang, words=allowed)
        return refusal(
            ProfileError, "toml_value", self.lang,
            place=self.place_of(where, key, found), key=key, found=shorten(found), allowed=text,
        )  # fmt: skip

    def missing(self, where: str, key: str) -> Exception:
        """Make the refusal of a table that lacks an entry."""
        return refusal(ProfileError, "toml_needed", self.lang, place=self.place_of(where, "-"), key=key)

    def known(self, where: str, found: Iterable[str], allowed: Iterable[str]) -> None:
        """Refuse an unknown entry, with the nearest spelling and all that is known."""
        allowed = sorted(allowed)
        for name in found:
            if name not in allowed:
                near = nearest(name, allowed)
                raise refusal(
                    ProfileError, "toml_key", self.lang,
                    place=self.place_of(where, name), key=shorten(name), allowed=", ".join(allowed),
                    near=say("allow.near", self.lang, word=near) if near else "",
                )  # fmt: skip

    def table(self, where: str, key: str, value: Any) -> Mapping[str, Any]:
        """Take a value that must be a table."""
        if not isinstance(value, dict):
            raise self.fail(where, key, value, "allow.table")
        return value

    def text(self, where: str, raw: Mapping[str, Any], key: str) -> str | None:
        """Take a value that must be text; whole numbers (ids) are refused, since TOML drops their zeros."""
        value = raw.get(key)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise self.fail(where, key, value, "allow.text")
        return value

    def flag(self, where: str, raw: Mapping[str, Any], key: str) -> bool:
        """Take a value that must be true or false."""
        value = raw.get(key, False)
        if not isinstance(value, bool):
            raise self.fail(where, key, value, "allow.flag")
        return value

    def date(self, where: str, raw: Mapping[str, Any], key: str) -> dt.date | None:
        """Take a date, as TOML writes it or as text."""
        value = raw.get(key)
        found = value if isinstance(value, dt.date) else date_of(str(value))
        if value is not None and (found is None or isinstance(value, int | float)):
            raise self.fail(where, key, value, "allow.date")
        return found.date() if isinstance(found, dt.datetime) else found

    def code(self, where: str, raw: Mapping[str, Any], key: str, words: str) -> str | None:
        """Take a word of a vocabulary, and give its code."""
        value = raw.get(key)
        if value is None:
            return None
        if isinstance(value, bool):
            value = "true" if value else "false"
        code = vocabulary(words).get(plain(value)) if isinstance(value, str) else None
        if code is None:
            raise self.fail(where, key, value, ", ".join(dict.fromkeys(vocabulary(words).values())))
        return code

    def file(self, where: str, raw: Mapping[str, Any], key: str = "file") -> str:
        """Take a file name; a backslash (or what TOML made of one) is answered with the cure."""
        value = self.text(where, raw, key) or ""
        if "\\" in value or any(ord(c) < 32 for c in value):
            place = self.place_of(where, key)
            raise refusal(ProfileError, "toml_path", self.lang, place=place, found=shorten(repr(value)))
        return value

    def label(self, where: str, raw: Mapping[str, Any], key: str) -> Label:
        """Take a text in one or two languages."""
        value = raw.get(key, "")
        if isinstance(value, dict) and set(value) <= {"zh", "en"} and all(isinstance(v, str) for v in value.values()):
            return Label.read(value)
        if not isinstance(value, str):
            raise self.fail(where, key, value, "allow.label")
        return Label.read(value)

    def metres(self, where: str, key: str, value: Any) -> float:
        """Take a length with its unit."""
        try:
            found = quantity(value, where)
        except ProfileError as error:
            raise self.fail(where, key, value, "allow.length") from error
        if found.unit != "m" or found.value < 0:
            raise self.fail(where, key, value, "allow.length")
        return found.value
