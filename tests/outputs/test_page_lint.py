"""The page's own JavaScript passes the linter, by the rules in .oxlintrc.json; and those rules find what is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "gisplan" / "outputs" / "assets" / "js"


def linted(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the linter over a script or a folder of them."""
    command = shutil.which("oxlint", path=sysconfig.get_path("scripts")) or shutil.which("oxlint")
    if command is None:
        if os.environ.get("CI") == "true":
            pytest.fail("oxlint is not installed")
        pytest.skip("oxlint is not installed; pip install -e .[test]")
    words = [command, "-c", str(ROOT / ".oxlintrc.json"), str(path)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_our_scripts_pass():
    found = linted(SCRIPTS)
    assert found.returncode == 0, found.stdout
    assert f"on {len(list(SCRIPTS.glob('*.js')))} files" in found.stdout


@pytest.mark.parametrize(
    "text",
    [
        "(function () { 'use strict'; undeclared(1); }());",
        "(function () { var idle = 1; }());",
        "(function (a) { if (a == 2) { a(); } }(window.b));",
        "(function (a) { return a; return 1; }(window.b));",
        "window.eval('1');",
        "window.alert('1');",
    ],
)
def test_the_rules_find_what_is_wrong(tmp_path, text):
    (tmp_path / "bad.js").write_text(text)
    assert linted(tmp_path / "bad.js").returncode != 0
