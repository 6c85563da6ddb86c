"""The errors a user can meet; each says what, where and the cure.

::

    GisplanError
    ├── ReadError (OSError)            a file cannot be read
    │   ├── EncodingError              its text cannot be decoded
    │   └── FormatError                it is not what it says, or nothing we read
    ├── LayerError (ValueError)        a layer cannot be used as it is
    │   ├── MissingCRS                 no coordinate system, or one that does not fit
    │   └── MissingColumn              a column that is needed is not there
    ├── ProfileError (ValueError)      a profile or zone.toml says something that is not allowed
    ├── NetworkError (ValueError)      a network does not exist or cannot be built
    ├── PromiseError (ValueError)      a reserve cannot be promised
    └── ExportError (OSError)          a result cannot be written

Flaws in single rows are not errors but issue records (`gisplan.base.issues`).
"""

from __future__ import annotations

__all__ = [
    "EncodingError",
    "ExportError",
    "FormatError",
    "GisplanError",
    "LayerError",
    "MissingCRS",
    "MissingColumn",
    "NetworkError",
    "ProfileError",
    "PromiseError",
    "ReadError",
]


class GisplanError(Exception):
    """Any error that gisplan raises on purpose; its text is one sentence with place and cure.

    Attributes
    ----------
    code
        Which refusal it is (a row ``refuse.<code>`` of labels.csv); empty for others.
    """

    code = ""


class ReadError(GisplanError, OSError):
    """A file cannot be read."""


class EncodingError(ReadError):
    """The text of a file cannot be decoded."""


class FormatError(ReadError):
    """A file is not what it says it is, or not a kind that gisplan reads."""


class LayerError(GisplanError, ValueError):
    """A layer cannot be used as it is."""


class MissingCRS(LayerError):
    """A layer has no coordinate system, or one that does not fit the zone."""


class MissingColumn(LayerError):
    """A column that is needed is not there."""


class ProfileError(GisplanError, ValueError):
    """A profile or a zone.toml says something that is not allowed."""


class NetworkError(GisplanError, ValueError):
    """A network does not exist or cannot be built."""


class PromiseError(GisplanError, ValueError):
    """A reserve cannot be promised: it is given already, or there is not enough of it."""


class ExportError(GisplanError, OSError):
    """A result cannot be written; what was there before is untouched."""
