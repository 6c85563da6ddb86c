"""Refusals in the reader's language: the sentence lives in labels.csv, the error class says what kind it is."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from gisplan.base.errors import GisplanError, ReadError
from gisplan.base.labels import Label, say

_SHOWN = 10
_WIDTH = 40


def refusal(kind: type[GisplanError], code: str, lang: str, /, **values: object) -> GisplanError:
    """Make an error whose text is the sentence ``refuse.<code>``: what, where and the cure."""
    made = kind(say(f"refuse.{code}", lang, **values))
    made.code = code
    return made


def unreadable(name: str, error: OSError, lang: str) -> GisplanError:
    """Make the refusal of a file that cannot be opened; it names the file, and never where on the machine it lies."""
    reason = say("cause.not_allowed", lang) if isinstance(error, PermissionError) else error.strerror or "?"
    return refusal(ReadError, "unreadable", lang, file=name, reason=reason)


def note(code: str, /, **values: object) -> Label:
    """Make the sentence ``note.<code>`` in both languages, to be printed on every output."""
    return Label(say(f"note.{code}", "zh", **values), say(f"note.{code}", "en", **values))


def shorten(word: object, width: int = _WIDTH) -> str:
    """Cut a text from a file to a length that fits a message, without line breaks.

    >>> shorten("a" * 50)
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'
    """
    text = " ".join(str(word).split())
    return text if len(text) <= width else text[: width - 1] + "…"


def listing(words: Iterable[object], shown: int = _SHOWN) -> str:
    """List a few words and say how many more there are.

    >>> listing(["a", "b", "c"], shown=2)
    'a, b … (3)'
    """
    items = [shorten(word) for word in words]
    return ", ".join(items) if len(items) <= shown else f"{', '.join(items[:shown])} … ({len(items)})"


def tally(counts: dict[str, int]) -> str:
    """List words with how often each occurs.

    >>> tally({"已拆": 3, "?": 1})
    '已拆 ×3, ? ×1'
    """
    return listing(f"{shorten(word, 30)} ×{count}" for word, count in counts.items())


def nearest(word: str, known: Iterable[str]) -> str:
    """Give the known word that is spelt most like `word`, or an empty text.

    >>> nearest("colums", ["columns", "crs"])
    'columns'
    """
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""
