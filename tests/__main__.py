"""The one test command, the same for people and machines: ``python -m tests``.

Formatting, lint, types, tests (with doctests), in turn; each is shown, and one that fails does not hide the others.
What follows the command goes to pytest: ``python -m tests -k workbook``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STEPS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("pytest",),
)


def main(arguments: list[str]) -> int:
    root = Path(__file__).resolve().parent.parent
    failed = []
    for step in STEPS:
        command = [*step, *(arguments if step[0] == "pytest" else ())]
        print(f"── {' '.join(command)}", flush=True)
        if subprocess.run([sys.executable, "-m", *command], cwd=root).returncode:
            failed.append(" ".join(step))
    print(f"── failed: {', '.join(failed)}" if failed else "── all passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
