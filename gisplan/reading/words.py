"""What a cell says: text exactly as it stands, numbers and dates only where there is one way to read them."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gisplan.base.errors import ProfileError
from gisplan.base.fields import plain, vocabulary
from gisplan.base.units import quantity

_LOST = 2.0**53
"""From here on neighbouring whole numbers are one and the same float: a number this large has lost digits."""

_DATES = (
    re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})"),
    re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})"),
    re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,2})"),
    re.compile(r"(\d{4})(\d{2})(\d{2})(?:(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)?"),
    re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})[日号]"),
)
_WRITTEN = re.compile(r"([〇零○{0}]{{4}})年([{0}十]{{1,2}})月([{0}十]{{1,3}})[日号]".format("一二三四五六七八九"))
_ENGLISH = re.compile(r"(\d{1,2})[- ]([a-z]{3,9})[-, ] ?(\d{4})")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?$")
_NUMBER = re.compile(r"[-+]?(\d+|[1-9]\d{0,2}(,\d{3})+)?(\.\d+)?([eE][-+]?\d{1,3})?")
_PLAIN = re.compile(r"-?[0-9]{1,17}(\.[0-9]{1,17})?")
_PREFIX = re.compile(r"^(dn|de|d|φ|ø|⌀|∅)\s*[=:]?\s*(?=\d)", re.IGNORECASE)
_BLANKS = frozenset({"", "-", "--", "—", "——", "/", "\\", "null", "none", "n/a", "na", "nan", "<null>", "无"})
_SENTINELS = frozenset({-9999.0, -99999.0, -999.0})
_OWN_UNITS = {
    "万元": ("CNY", 1e4),
    "亿元": ("CNY", 1e8),
    "元": ("CNY", 1.0),
    "CNY": ("CNY", 1.0),
    "亩": ("m2", 2000 / 3),
    "公顷": ("m2", 10_000.0),
    "平方米": ("m2", 1.0),
    "毫米": ("mm", 1.0),
    "厘米": ("m", 0.01),
    "米": ("m", 1.0),
    "公里": ("m", 1000.0),
    "千伏": ("kV", 1.0),
    "V": ("kV", 0.001),
    "伏": ("kV", 0.001),
}
_BETWEEN = {("m", "mm"): 1000.0, ("mm", "m"): 0.001, ("CNY", "CNY"): 1.0, ("MVA", "kVA"): 1000.0}


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
        return None if math.isnan(value) else _float_text(float(value))
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)


def _float_text(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < _LOST else repr(number)


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
    if pd.api.types.is_integer_dtype(values.dtype) and isinstance(values.dtype, np.dtype):
        at, unique = pd.factorize(values.to_numpy())
        return Words(tuple(map(str, unique.tolist())), at)
    if pd.api.types.is_float_dtype(values.dtype) and isinstance(values.dtype, np.dtype):
        at, unique = pd.factorize(values.to_numpy())
        return Words(tuple(map(_float_text, unique.tolist())), at)
    at, unique = pd.factorize(values.to_numpy(dtype=object) if values.dtype != object else values.to_numpy())
    texts = unique.tolist()
    if not isinstance(values.dtype, pd.StringDtype):
        texts = [cell_text(value) for value in texts]
    if all(texts) and all(map(str.strip, texts)):
        return Words(tuple(map(str, texts)), at)
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
    plain = plain.replace(" ", "") if "年" in plain else plain
    for pattern in _DATES:
        match = pattern.fullmatch(plain)
        if match:
            return _day(match[1], match[2], match[3])
    match = _WRITTEN.fullmatch(plain)
    if match:
        return _day("".join(str("〇一二三四五六七八九".index(c.translate(_NOUGHTS))) for c in match[1]),
                    _spelt(match[2]), _spelt(match[3]))  # fmt: skip
    match = _ENGLISH.fullmatch(plain.casefold())
    if match:
        return _day(match[3], next((i for i, m in enumerate(_MONTHS, 1) if match[2] in (m, m[:3])), 0), match[1])
    return None


_NOUGHTS = str.maketrans("零○", "〇〇")


def _spelt(text: str) -> int:
    """Read a number below 100 as Chinese spells it; 0 where it is none."""
    tens, ten, ones = text.rpartition("十")
    digit = " 一二三四五六七八九"
    if len(tens) > 1 or len(ones) > 1:
        return 0
    return (10 * (digit.index(tens) if tens else 1) if ten else 0) + (digit.index(ones) if ones else 0)


def _day(year: str, month: str | int, day: str | int) -> dt.date | None:
    try:
        found = dt.date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if 1900 <= found.year <= 2200 else None


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
    if _PLAIN.fullmatch(text):  # as nearly all are written
        value = float(text)
        return math.nan if value in _SENTINELS else value * factor + 0.0
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain.casefold() in _BLANKS:
        return math.nan
    if unit == "mm":
        bare = _PREFIX.sub("", plain)
        # A nominal diameter is in millimetres whatever the column is in.
        plain, factor = bare, factor if bare == plain else 1.0
    found = _bare(plain)
    if found is None:
        return _with_unit(plain, unit)
    if found in _SENTINELS:
        return math.nan
    return found * factor + 0.0  # nothing below nothing: -0 is 0


def _bare(plain: str) -> float | None:
    if not any(c.isdigit() for c in plain) or not _NUMBER.fullmatch(plain):
        return None
    value = float(plain.replace(",", ""))
    return value if math.isfinite(value) else None


def _with_unit(plain: str, unit: str) -> float | None:
    match = re.fullmatch(r"([-+]?\d+(?:\.\d+)?)\s*([^\W\d]+|%)", plain)
    if match is None or not unit:
        return None
    factor = unit_factor(_SPELLING.get(match[2].casefold(), match[2]), unit, within=True)
    return None if factor is None else float(match[1]) * factor


_SPELLING = {"kv": "kV", "v": "V", "m": "m", "mm": "mm", "cm": "cm", "km": "km"}


def unit_factor(theirs: str, ours: str, within: bool = False) -> float | None:
    """Give the factor from a unit that zone.toml declares to the unit of our column, None where there is none.

    `within`: a unit that stands behind one number does not change its kind, millimetres for metres.

    >>> unit_factor("m", "mm"), unit_factor("万元", "CNY"), unit_factor("kV", "mm")
    (1000.0, 10000.0, None)
    """
    if theirs == ours:
        return 1.0
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
    between = None if within else _BETWEEN.get((unit, ours))
    return None if between is None else factor * between


def plain_blank(word: str) -> bool:
    """Tell whether a cell is one of the ways in which people write nothing (``—``, ``/``, ``NULL``)."""
    return unicodedata.normalize("NFKC", word).strip().casefold() in _BLANKS


def unsettled(word: str) -> bool:
    """Tell whether a cell says nothing, or only that it is still open (``待办``, ``编制中``)."""
    return plain_blank(word) or plain(word) in vocabulary("pending")


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


def _any(value: float, word: str) -> bool:
    return math.isfinite(value) and bool(word)


def unit_of_name(name: str, ours: str) -> tuple[str, str]:
    """Take the unit off a column's name where it can be converted to ours: in brackets, or behind a stroke.

    >>> unit_of_name("管径（cm）", "mm"), unit_of_name("管径_mm", "mm"), unit_of_name("管径（现状）", "mm")
    (('管径', 'cm'), ('管径', 'mm'), ('管径（现状）', ''))
    """
    plain = unicodedata.normalize("NFKC", name).strip()
    match = _NAMED.fullmatch(plain)
    if match is None:
        match = next((m for word in _SPELT_OUT if (m := re.fullmatch(rf"(.+?)({word})", plain))), None)
    if match is None:
        return name, ""
    unit = _SPELLING.get(match[2].casefold(), match[2])
    return (match[1].strip(), unit) if unit_factor(unit, ours) is not None else (name, "")


_NAMED = re.compile(r"(.+?)\s*(?:[(\[【〔{/]\s*|[_\s])([^\W\d_]+2?|%)\s*[)\]】〕}]?")
_SPELT_OUT = ("平方米", "万元", "亿元", "公顷", "毫米", "厘米", "公里", "千伏", "米", "亩")


def as_numbers(
    words: Words,
    unit: str = "",
    factor: float = 1.0,
    positive: bool = False,
    known: Callable[[float, str], bool] = _any,
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
    known
        Tells which numbers there can be, and may look at the word; any other is not understood.

    Returns
    -------
    tuple
        The numbers (float64, NaN where blank or unclear), and per word whether it is unclear.
    """
    found = [number_of(word, unit, factor) for word in words.words]
    wrong = [
        value is None or (not math.isnan(value) and ((positive and value < 0) or not known(value, word)))
        for value, word in zip(found, words.words, strict=True)
    ]
    odd = np.array(wrong, dtype=bool)
    values = np.array([*(math.nan if value is None else value for value in found), math.nan])
    values[:-1][odd] = math.nan
    if positive:
        values[values == 0] = math.nan
    return pd.Series(words.spread(values)), odd
