"""Access files for tests: a stand-in for mdbtools that writes as the real one does (mdbtools 1.0.0), and files for it.

Nothing that runs here can make a real .mdb; the real programs are tried by hand.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

HEAD = b"\x00\x01\x00\x00Standard Jet DB\x00\x01"
_PROGRAM = """#!{python}
import json, sys
words = [w for w in sys.argv[1:] if w != "--"]
name = sys.argv[0].rsplit("/", 1)[1]
held = json.loads(open(next(w for w in words if w.endswith(("mdb", "accdb"))), "rb").read()[{head}:])
for line in held.get("says", []):
    print(line, file=sys.stderr)
if name == "mdb-tables":
    print("\\n".join(held["tables"]))
else:
    table = words[-1] if name == "mdb-export" else words[words.index("-T") + 1]
    if table not in held["tables"]:
        print(f"Error: Table {{table}} does not exist in this database.", file=sys.stderr)
        sys.exit(1)
    sys.stdout.write(held["tables"][table] if name == "mdb-export" else held["schemas"].get(table, ""))
"""


def programs(folder: Path) -> str:
    """Write the stand-ins, and give the PATH on which they come first."""
    folder.mkdir(exist_ok=True)
    for name in ("mdb-tables", "mdb-export", "mdb-schema"):
        path = folder / name
        path.write_text(_PROGRAM.format(python=sys.executable, head=len(HEAD)), encoding="utf-8")
        path.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def exported(frame: pd.DataFrame) -> str:
    """Write a table as mdb-export does: text in quotes, numbers in full, nothing for what is missing."""

    def cell(value: object) -> str:
        if value is None or (isinstance(value, float) and value != value):
            return ""
        if isinstance(value, float):
            return f"{value:.16g}"
        return '"' + value.replace('"', '""') + '"' if isinstance(value, str) else str(value)

    rows = [",".join(map(cell, row)) for row in frame.itertuples(index=False, name=None)]
    return "\n".join([",".join(frame.columns), *rows, ""])


def write(path: Path, tables: Mapping[str, pd.DataFrame], **more: object) -> Path:
    """Write a file that only the stand-ins can read; its first bytes are those of Access."""
    held = {"tables": {name: exported(frame) for name, frame in tables.items()}, "schemas": {}, **more}
    path.write_bytes(HEAD + json.dumps(held).encode())
    return path
