"""Run the command as ``python -m gisplan``."""

from __future__ import annotations

import sys

from gisplan.cli import main

if __name__ == "__main__":
    sys.exit(main())
