"""Encodings: which one the bytes of a table are really in; what the file claims is a hint, and the choice is noted.

GB18030 takes almost any bytes for characters, so fitting is no proof. What tells GBK from Big5 is how common the
characters are that come out: each has a plane of frequent hanzi, and the text of one lies scattered in the other.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gisplan.base.errors import EncodingError, FormatError
from gisplan.base.issues import Book
from gisplan.reading.formats.raw import Request
from gisplan.reading.refusals import listing, refusal

_GB, _BIG5, _UTF8 = "gb18030", "cp950", "utf-8"
_SHOWN = {_BIG5: "BIG5"}
_NAMES = {
    "65001": _UTF8,
    "utf8": _UTF8,
    "936": _GB,
    "gbk": _GB,
    "gb2312": _GB,
    "cp936": _GB,
    "950": _BIG5,
    "big5": _BIG5,
    "big-5": _BIG5,
    "big5-hkscs": _BIG5,
}
_LANGUAGE_BYTES = {0x4D: _GB, 0x7A: _GB, 0x4F: _BIG5, 0x78: _BIG5}
_COMMON = {_GB: (0xB0, 0xD7), _BIG5: (0xA4, 0xC6)}
"""First bytes of the frequent hanzi: level 1 of GB 2312, level 1 of Big5."""
_SIGNS = {_GB: (0xA1, 0xA9), _BIG5: (0xA1, 0xA3)}
_MARGIN, _USUAL = 0.2, 0.5
_SAMPLE = 2000


@dataclass(frozen=True)
class Word:
    """Bytes of a text; `full` when they fill their field, whose width may then have cut the last character."""

    data: bytes
    full: bool

    @classmethod
    def of(cls, data: bytes, width: int) -> Word:
        """Take the text of a field that is `width` bytes wide."""
        data = data.rstrip(b" \x00")
        return cls(data, len(data) >= width)

    def text(self, encoding: str) -> str:
        """Decode the bytes, without the half of a character that the field has cut."""
        return codecs.getincrementaldecoder(encoding)("strict").decode(self.data, final=not self.full)

    def fits(self, encoding: str) -> bool:
        """Tell whether the bytes are text in an encoding."""
        try:
            self.text(encoding)
        except UnicodeDecodeError:
            return False
        return True

    def plainly_utf8(self) -> bool:
        """Tell whether the bytes are UTF-8 and nothing else: three bytes for each of some Chinese characters."""
        odd = [c for c in self.text(_UTF8) if not c.isascii()] if self.fits(_UTF8) else []
        return bool(odd) and all("\u3000" <= c <= "\u9fff" or "\uff00" <= c <= "\uffef" for c in odd)


@dataclass(frozen=True)
class Encoding:
    """The encoding of a table, and the words that are not in it."""

    name: str
    strangers: frozenset[Word] = field(default_factory=frozenset)

    def text(self, word: Word) -> str:
        """Decode a word; one that cannot be read becomes a text that nobody understands, and no other has."""
        if word in self.strangers:
            return f"\ufffd{word.data.hex()}"[:40]
        return word.text(self.name)

    def title(self, word: Word) -> str:
        """Decode the name of a column, which must have one, in whatever encoding it is."""
        for name in (self.name, _UTF8, _GB):
            if word.fits(name):
                return word.text(name)
        return word.text("latin-1")


def hint_of(cpg: str, language: int) -> str:
    """Say what a table claims: the .cpg beside it, else the language byte of its header; empty where nothing.

    >>> hint_of("ANSI 936", 0), hint_of("", 0x78), hint_of("", 0x57)
    ('gb18030', 'cp950', '')
    """
    name = cpg.casefold().strip().removeprefix("ansi ").removeprefix("cp").removeprefix("ms")
    return _NAMES.get(name, cpg.casefold().strip()) or _LANGUAGE_BYTES.get(language, "")


def encoding_of(words: Iterable[Word], hint: str, request: Request, book: Book) -> Encoding:
    """Find the encoding that the bytes themselves speak for, and write the choice down.

    Raises
    ------
    EncodingError
        They speak for none, or against the one that zone.toml declares.
    """
    odd = sorted({word for word in words if not word.data.isascii()}, key=lambda word: (word.data, word.full))
    if request.encoding is not None:
        return _given(request.encoding, odd, request, book)
    if not odd:
        return Encoding("ascii")
    clear = [word for word in odd if word.plainly_utf8()]
    others = [word for word in odd if not word.fits(_UTF8)]
    if len(clear) >= len(others) or not others:
        name, doubtful = _UTF8, False
        if not clear and hint == _GB and all(word.fits(_GB) for word in odd) and usual(odd, _GB) > 1 - _MARGIN:
            name = _GB  # a few hanzi in GBK also pass for two accented letters in UTF-8
    else:
        name, doubtful = _national([word for word in odd if word not in set(clear)], hint, request, book)
    strangers = {word for word in odd if not word.fits(name)}
    if name in (_GB, _BIG5):
        strangers |= set(clear)
    if 2 * len(strangers) > len(odd):
        raise refusal(EncodingError, "text_encoding", book.lang, file=request.name, where=request.where)
    found = Encoding(name, frozenset(strangers))
    _note(found, (hint, doubtful), odd, request, book)
    return found


def text_of(data: bytes, kind: str, request: Request, book: Book, hint: str = "") -> str:
    """Decode a text file as a whole, every line or none, and write down what is neither declared nor UTF-8.

    Parameters
    ----------
    data
        The file's bytes.
    kind
        What the file should be, for messages.
    request, book
        Who asks, and where the choice is written down.
    hint
        What such files are in where the bytes do not speak for Chinese.

    Raises
    ------
    EncodingError
        The bytes fit no encoding that is known, or not the one that zone.toml declares.
    FormatError
        They are no text.
    """
    try:
        if request.encoding is not None:
            text = data.decode(_NAMES.get(request.encoding.casefold(), request.encoding))
        elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = data.decode("utf-16")
        else:
            lines = [Word(line, False) for line in data.removeprefix(codecs.BOM_UTF8).splitlines()]
            odd = [line for line in lines if not line.data.isascii()]
            name, doubtful = _UTF8, False
            if not all(line.fits(_UTF8) for line in odd):
                name, doubtful = _national(odd, hint, request, book)
                _note(Encoding(name), ("", doubtful), odd, request, book)
            text = data.decode("utf-8-sig" if name == _UTF8 else name)
    except (UnicodeDecodeError, LookupError) as error:
        raise refusal(EncodingError, "text_encoding", book.lang, file=request.name, where=request.where) from error
    if "\x00" in text:
        raise refusal(FormatError, "not_its_suffix", book.lang, file=request.name, kind=kind)
    return text


def _national(words: Sequence[Word], hint: str, request: Request, book: Book) -> tuple[str, bool]:
    """Choose between GB18030, Big5 and what the file claims, and tell whether the choice is in doubt."""
    least = len(words) / 2
    fitting = {name: sum(word.fits(name) for word in words) for name in (_GB, _BIG5)}
    whole = [name for name, count in fitting.items() if count == len(words)]
    known = whole or [name for name, count in fitting.items() if count > least]
    claimed = hint not in (_GB, _BIG5) and exists(hint) and all(word.fits(hint) for word in words)
    if not whole and claimed:
        return hint, False  # where the bytes fit neither, what the file claims is better than nothing
    if not known:
        raise refusal(EncodingError, "text_encoding", book.lang, file=request.name, where=request.where)
    share = {name: usual(words, name) for name in known}
    best = max(known, key=lambda name: (share[name] + (_MARGIN if name == _GB else 0), name == _GB))
    if claimed and share[best] < _USUAL:
        return hint, False  # accented letters now and then pass for a rare hanzi
    if hint in known and share[hint] >= share[best] - _MARGIN:
        return hint, False
    return best, share[best] < _USUAL or any(share[best] - share[name] < _MARGIN / 2 for name in known if name != best)


def usual(words: Sequence[Word], encoding: str) -> float:
    """Give the share of frequent hanzi among those that come out; 0.5 where there are only signs."""
    low, high = _COMMON[encoding]
    first, last = _SIGNS[encoding]
    common = rare = 0
    for word in words[:_SAMPLE]:
        if not word.fits(encoding):
            continue
        for character in word.text(encoding):
            data = character.encode(encoding)
            if character.isascii() or (len(data) == 2 and first <= data[0] <= last):
                continue
            if len(data) == 2 and low <= data[0] <= high and (encoding == _BIG5 or data[1] >= 0xA1):
                common += 1
            else:
                rare += 1
    return common / (common + rare) if common + rare else _USUAL


def _note(found: Encoding, doubts: tuple[str, bool], odd: Sequence[Word], request: Request, book: Book) -> None:
    hint, doubtful = doubts
    name = _SHOWN.get(found.name, found.name.upper())
    place = (request.name, "", "")
    if doubtful:
        sample = listing([found.text(word) for word in odd if word not in found.strangers], shown=5)
        book.add("encoding_doubtful", "warning", "noted", place, encoding=name, words=sample, where=request.where)
        return
    contradicted = bool(hint) and hint != found.name
    book.add(
        "encoding_hint" if contradicted else "encoding_chosen", "warning" if contradicted else "info", "noted",
        place, encoding=name, hint=_SHOWN.get(hint, hint), where=request.where,
    )  # fmt: skip


def exists(name: str) -> bool:
    """Tell whether a name is a text encoding; codecs that unpack (``zlib``) are none."""
    try:
        b"".decode(name)
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError):
        return False
    return bool(name)


def _given(name: str, odd: Sequence[Word], request: Request, book: Book) -> Encoding:
    if not exists(name):
        raise refusal(EncodingError, "encoding_name", book.lang, file=request.name, where=request.where, encoding=name)
    real = _NAMES.get(name.casefold(), name)
    strangers = frozenset(word for word in odd if not word.fits(real))
    if 2 * len(strangers) > len(odd):
        raise refusal(
            EncodingError, "encoding_given", book.lang,
            file=request.name, where=request.where, encoding=name, count=len(strangers),
        )  # fmt: skip
    book.add("encoding_given", "info", "declared", (request.name, "", ""), encoding=name)
    return Encoding(real, strangers)
