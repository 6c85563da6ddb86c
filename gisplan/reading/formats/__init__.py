"""Formats: one file per format, each a function from a path to raw layers; `registry` knows which suffix is whose.

The environment is set here, before any of the modules below loads GDAL: drivers that open other files or the network
by what a file *says* are taken out, and PROJ and GDAL data of other programs (a database, a desktop GIS) are not used.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_SKIPPED = "OGR_VRT,WFS,OAPIF,CSW,Elasticsearch,Carto,AmigoCloud,NGW,PLSCENES,MVT,S57"
_FOREIGN = ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "GDAL_DRIVER_PATH")


def _guard() -> None:
    os.environ.setdefault("GDAL_SKIP", _SKIPPED)
    os.environ.setdefault("CPL_VSIL_CURL_ALLOWED_EXTENSIONS", "{none}")
    for name in _FOREIGN:
        value = os.environ.get(name)
        if value and not any(Path(value).is_relative_to(prefix) for prefix in (sys.prefix, sys.base_prefix)):
            del os.environ[name]


_guard()
