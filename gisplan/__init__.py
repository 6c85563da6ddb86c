"""gisplan: readiness of land parcels, nine connections and one levelling (九通一平), judged and explained.

>>> import gisplan
>>> "read" in dir(gisplan)
True

Public names are resolved when they are first used, so that ``import gisplan`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gisplan.base import VERSION

if TYPE_CHECKING:
    from gisplan.base.errors import GisplanError
    from gisplan.base.labels import Label
    from gisplan.report import Report, check
    from gisplan.rules.profile import Profile
    from gisplan.zone import Zone, read

__version__ = VERSION

__all__ = ["GisplanError", "Label", "Profile", "Report", "Zone", "__version__", "check", "read"]

_ROOMS = {
    "GisplanError": "gisplan.base.errors",
    "Label": "gisplan.base.labels",
    "Profile": "gisplan.rules.profile",
    "Report": "gisplan.report",
    "Zone": "gisplan.zone",
    "check": "gisplan.report",
    "read": "gisplan.zone",
}


def __getattr__(name: str) -> Any:
    """Bring a public name in from its room."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'gisplan' has no attribute {name!r}")
    if name == "read":
        # The process that reads gets ready on another core while the libraries of this one are brought in.
        from gisplan.reading.process import clerk

        clerk.ahead()
    value = getattr(import_module(_ROOMS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
