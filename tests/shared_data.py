"""Where the data live that are not part of the project: GISPLAN_SHARED, else ../shared beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def shared(name: str) -> Path:
    """Find a folder of the shared data; without it skip, and on CI fail."""
    base = Path(os.environ.get("GISPLAN_SHARED", ROOT.parent / "shared"))
    path = base / "data" / name
    if not path.exists():
        reason = f"no data/{name} in GISPLAN_SHARED or ../shared"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path
