"""What a cell says: text exactly as it stands, numbers and dates only where there is one way to read them."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gisplan.base.errors import ProfileError
from gisplan.base.units import quantity

_LOST = 2.0**53
"""From here on neighbouring whole numbers are one and the same float: a number this large has lost digits."""

_DATES = (
    re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})"),
    re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})"),
    re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,2})"),
    re.compile(r"(\d{4})(\d{2})(\d{2})"),
    re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日"),
)
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?$")
_NUMBER = re.compile(r"[-+]?(\d+|\d{1,3}(,\d{3})+)?(\.\d+)?([eE][-+]?\d{1,3})?")
_PREFIX = re.compile(r"^(dn|de|φ|ø|⌀)\s*", re.IGNORECASE)
_BLANKS = frozenset({"", "-", "--", "—", "——", "/", "\\", "null", "none", "n/a", "na", "nan", "<null>", "无"})
_SENTINELS = frozenset({-9999.0, -99999.0, -999.0})
_OWN_UNITS = {
    "万元": ("CNY", 1e4),
    "亿元": ("CNY", 1e8),
    "元": ("CNY", 1.0),
    "CNY": ("CNY", 1.0),
    "亩": ("m2", 2000 / 3),
}
_BETWEEN = {("m", "mm"): 1000.0, ("mm", "m"): 0.001, ("CNY", "CNY"): 1.0}


def cell_text(value: object) -> str | None:
    """Write one cell as text: whole numbers without a decimal point, dates as ISO, nothing as None.

    >>> cell_text(12.0), cell_text(True), cell_text(None), cell_text(" 07 ")
    ('12', 'true', None, ' 07 ')
    """
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        number = float(value)
        if math.isnan(number):
            return None
        return str(int(number)) if number.is_integer() and abs(number) < _LOST else repr(number)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)


@dataclass(frozen=True)
class Words:
    """A column as its different words, and which row says which: each word is understood once, however often it stands.

    Attributes
    ----------
    words
        The different texts, exactly as they stand.
    at
        Per row the position of its word; -1 where the cell is blank.
    """

    words: tuple[str, ...]
    at: np.ndarray

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Give each row the value of its word; `values` has one more entry, for blank cells."""
        out: np.ndarray = values[self.at]
        return out

    def text(self) -> pd.Series:
        """Give the column as text, missing where blank."""
        return text_column(self.spread(np.array([*self.words, None], dtype=object)))

    def counts(self, chosen: np.ndarray) -> dict[str, int]:
        """Count the rows of the chosen words, the most frequent first."""
        number = np.bincount(self.at[self.at >= 0], minlength=len(self.words))
        order = sorted(np.flatnonzero(chosen).tolist(), key=lambda i: (-number[i], self.words[i]))
        return {self.words[i]: int(number[i]) for i in order}


def text_column(values: np.ndarray) -> pd.Series:
    """Make a text column of Python texts and None."""
    return pd.Series(pd.array(values, dtype="str"))


def words_of(values: pd.Series) -> Words:
    """Take a column apart into its different words; blank cells are missing, everything else stays exactly as it is."""
    at, unique = pd.factorize(values.to_numpy(dtype=object) if values.dtype != object else values.to_numpy())
    texts = [cell_text(value) for value in unique.tolist()]
    kept = [i for i, text in enumerate(texts) if text is not None and text.strip()]
    place = np.full(len(texts) + 1, -1, dtype=np.intp)
    place[kept] = np.arange(len(kept))
    return Words(tuple(str(texts[i]) for i in kept), place[at])


def lost_digits(values: pd.Series) -> bool:
    """Tell whether a column of floats holds whole numbers so large that digits have gone."""
    if pd.api.types.is_float_dtype(values):
        numbers = values.to_numpy(dtype="float64", na_value=np.nan)
        return bool((np.abs(numbers[np.isfinite(numbers)]) >= _LOST).any())
    if values.dtype == object:
        return any(isinstance(v, float) and math.isfinite(v) and abs(v) >= _LOST for v in values.tolist())
    return False


def date_of(text: str) -> dt.date | None:
    """Read one date in a spelling that has one meaning; anything else is None.

    >>> date_of("2026年11月1日"), date_of("20261101") == date_of("2026-11-01 00:00:00")
    (datetime.date(2026, 11, 1), True)
    >>> date_of("05/03/2024") is None and date_of("20240230") is None
    True
    """
    plain = _TIME.sub("", unicodedata.normalize("NFKC", text).strip())
    for pattern in _DATES:
        match = pattern.fullmatch(plain.replace(" ", "") if "年" in plain else plain)
        if match:
            try:
                found = dt.date(int(match[1]), int(match[2]), int(match[3]))
            except ValueError:
                return None
            return found if 1900 <= found.year <= 2200 else None
    return None


def number_of(text: str, unit: str = "", factor: float = 1.0) -> float | None:
    """Read one number; full-width digits, ``DN300`` and the column's own unit behind it are understood.

    Parameters
    ----------
    text
        What the cell says.
    unit
        The unit of our column; a number with another unit behind it is not understood.
    factor
        From the unit of the file's column (declared in zone.toml) to ours.

    Returns
    -------
    float or None
        NaN where the cell says that nothing is known, None where it says something that is not understood.

    >>> number_of("ＤＮ３００", "mm"), number_of("10kV", "kV"), number_of("300×200", "mm"), number_of("-9999")
    (300.0, 10.0, None, nan)
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain.casefold() in _BLANKS:
        return math.nan
    if unit == "mm":
        plain = _PREFIX.sub("", plain)
    value = _bare(plain)
    if value is None:
        return _with_unit(plain, unit)
    if value in _SENTINELS:
        return math.nan
    return value * factor


def _bare(plain: str) -> float | None:
    if not any(c.isdigit() for c in plain) or not _NUMBER.fullmatch(plain):
        return None
    value = float(plain.replace(",", ""))
    return value if math.isfinite(value) else None


def _with_unit(plain: str, unit: str) -> float | None:
    match = re.fullmatch(r"([-+]?\d+(?:\.\d+)?)\s*([^\W\d]+|%)", plain)
    if match is None or not unit:
        return None
    name = {"kv": "kV", "KV": "kV", "Kv": "kV", "M": "m", "MM": "mm", "Mm": "mm", "米": "m", "毫米": "mm"}.get(
        match[2], match[2]
    )
    try:
        found = quantity(f"{match[1]} {name}", "")
    except ProfileError:
        return None
    return found.value if found.unit == unit else None


def unit_factor(theirs: str, ours: str) -> float | None:
    """Give the factor from a unit that zone.toml declares to the unit of our column, None where there is none.

    >>> unit_factor("m", "mm"), unit_factor("万元", "CNY"), unit_factor("kV", "mm")
    (1000.0, 10000.0, None)
    """
    if theirs in _OWN_UNITS:
        unit, factor = _OWN_UNITS[theirs]
    else:
        try:
            found = quantity(f"1 {theirs}", "")
        except ProfileError:
            return None
        unit, factor = found.unit, found.value
    if unit == ours:
        return factor
    between = _BETWEEN.get((unit, ours))
    return None if between is None else factor * between


def plain_blank(word: str) -> bool:
    """Tell whether a cell is one of the ways in which people write nothing (``—``, ``/``, ``NULL``)."""
    return unicodedata.normalize("NFKC", word).strip().casefold() in _BLANKS


def as_dates(words: Words) -> tuple[pd.Series, np.ndarray]:
    """Read a column as dates.

    Returns
    -------
    tuple
        The dates (datetime64, missing where blank or unclear), and per word whether it is unclear.
    """
    days = [date_of(word) for word in words.words]
    odd = np.array([day is None and not plain_blank(w) for day, w in zip(days, words.words, strict=True)], dtype=bool)
    values = np.array([*days, None], dtype="datetime64[s]")
    return pd.Series(words.spread(values)), odd


def as_numbers(
    words: Words, unit: str = "", factor: float = 1.0, positive: bool = False
) -> tuple[pd.Series, np.ndarray]:
    """Read a column as numbers.

    Parameters
    ----------
    words
        The column.
    unit
        The unit of our column.
    factor
        From the file's unit to ours.
    positive
        Whether the thing cannot be nothing: then 0 means *not known*, and a negative number is not understood.

    Returns
    -------
    tuple
        The numbers (float64, NaN where blank or unclear), and per word whether it is unclear.
    """
    found = [number_of(word, unit, factor) for word in words.words]
    odd = np.array([value is None or (positive and value < 0) for value in found], dtype=bool)
    values = np.array([*(math.nan if value is None else value for value in found), math.nan])
    values[:-1][odd] = math.nan
    if positive:
        values[values == 0] = math.nan
    return pd.Series(words.spread(values)), odd
