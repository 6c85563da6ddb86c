"""Run commands in turn, each in a process of its own, and add up what they took."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def run(command: Sequence[str]) -> tuple[str, float, float]:
    """Run a command from the project's folder; return what it printed, its seconds by the wall and of the processor.

    Raises
    ------
    RuntimeError
        The command failed; the message has the end of what it said.
    """
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median and range."""
    return {"median": round(statistics.median(values), 3), "low": round(min(values), 3), "high": round(max(values), 3)}


def ratios(values: Mapping[str, Sequence[float]], base: str) -> dict[str, dict[str, float]]:
    """Return how many times as long as the base everything took, round by round."""
    return {
        name: spread([mine / theirs for mine, theirs in zip(row, values[base], strict=True)])
        for name, row in values.items()
    }


def text(found: Mapping[str, Any]) -> str:
    """Write a median with its range."""
    return f"{found['median']:.2f} ({found['low']:.2f}–{found['high']:.2f})"
