"""Papers and packaging: what is declared twice is equal, and nothing of one machine or one index is in the project."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from results import RESULTS

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".csv", ".json", ".ipynb", ".html", ".js", ".css", ".txt", ".cfg", ""}
# Written in pieces, so that this file does not find itself.
HOSTS = [
    "pypi" + ".org",
    "python" + "hosted",
    "npm" + "js.",
    "anaconda" + ".org",
    "conda." + "io",
    "jsd" + "elivr",
    "un" + "pkg",
]
PATHS = ["/" + "root/", "/" + "work/", "/" + "tmp/", "/" + "home/", "C:" + "\\Users", "C:" + "/Users"]


def tracked() -> list[Path]:
    """List the project's files: what git knows or would take, or all there are where there is no git."""
    try:
        done = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        )
        names = [name for name in done.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [
            str(p.relative_to(ROOT))
            for p in ROOT.rglob("*")
            if not {".git", ".venv", "__pycache__", "out"} & set(p.parts)
        ]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def texts() -> dict[str, str]:
    found = {}
    for path in tracked():
        if path.suffix in TEXT:
            try:
                found[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return found


def requirement(entry: str) -> tuple[str, str]:
    name, floor = re.fullmatch(r"([a-z0-9_-]+)\s*(>=[0-9.]+(?:,<[0-9.]+)?)", entry).groups()
    return name, floor


def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def test_conda_users_get_the_same_names_and_floors():
    declared = dict(requirement(entry) for entry in PROJECT["dependencies"])
    conda = dict(requirement(entry) for entry in environment()["dependencies"] if entry != "pip")
    assert conda.pop("python") == PROJECT["requires-python"]
    assert conda == declared


def test_conda_takes_nothing_from_other_channels():
    assert environment()["channels"] == ["conda-forge", "nodefaults"]


def test_python_is_bounded_by_fiona():
    assert PROJECT["requires-python"] == ">=3.11,<3.14"


def test_the_version_is_told_once():
    import gisplan

    assert gisplan.__version__ == PROJECT["version"]
    assert PROJECT["version"] in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_licence_files_are_there():
    assert PROJECT["license"] == "Apache-2.0"
    for name in PROJECT["license-files"]:
        assert (ROOT / name).stat().st_size > 100
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_every_work_of_others_has_its_licence_beside_it():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8").lower()
    folders = [p for p in (ROOT / "gisplan" / "outputs" / "assets").iterdir() if p.is_dir() and p.name != "js"]
    assert folders
    for folder in folders:
        assert (folder / "LICENSE").stat().st_size > 200
        assert folder.name in notice


def test_data_files_travel_with_the_package():
    """Words, fields, profiles and the page are read at run time; the wheel takes the whole package folder."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["packages"] == ["gisplan"]
    ignored = subprocess.run(
        [
            "git",
            "check-ignore",
            *(str(p) for p in (ROOT / "gisplan").rglob("*") if p.suffix in TEXT - {".pyc"} and p.is_file()),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert [line for line in ignored.stdout.splitlines() if "__pycache__" not in line] == []


def test_nothing_of_a_machine_or_an_index():
    mine = Path(__file__).relative_to(ROOT).as_posix()
    pattern = re.compile("|".join(map(re.escape, [*HOSTS, *PATHS])))
    wrong = [
        f"{name}:{number} {line.strip()[:100]}"
        for name, text in texts().items()
        if name != mine
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]
    assert wrong == []


def test_no_lock_file_that_records_addresses():
    names = {path.name for path in tracked()}
    assert not names & {"uv.lock", "poetry.lock", "package-lock.json", "Pipfile.lock", "pdm.lock"}


def test_no_large_files():
    large = {str(p.relative_to(ROOT)): p.stat().st_size for p in tracked() if p.stat().st_size > 3_000_000}
    assert large == {}


def command(name: str) -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(rf"<!-- command: {name} -->\n```sh\n(.*)\n```", readme)[1]


def test_the_readme_sets_up_in_one_command_each():
    for name, end in (("check", "gisplan check layers/ganting --out out"), ("tests", "python -m tests")):
        text = command(name)
        assert text.startswith("python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && ")
        assert text.endswith(end)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_ci_runs_the_command_of_the_readme():
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    assert script.stat().st_mode & 0o111, "it can be run"
    found = subprocess.run(
        ["bash", "-c", re.search(r"\$\((sed .*)\)$", text, re.MULTILINE)[1]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == command("tests")
    for package in ("chromium", "fonts-noto-cjk", "python3-venv"):
        assert package in text
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def test_the_test_command_runs_all_four():
    from importlib import util

    spec = util.spec_from_file_location("tests_main", ROOT / "tests" / "__main__.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert [step[0] for step in module.STEPS] == ["ruff", "ruff", "mypy", "pytest"]


def test_a_step_that_fails_fails_the_command(monkeypatch, capsys):
    import runpy

    module = runpy.run_path(str(ROOT / "tests" / "__main__.py"), run_name="tests_main")
    asked = []

    def stand_in(arguments, **options):
        asked.append(arguments[2:])
        return subprocess.CompletedProcess(arguments, int(arguments[2] == "mypy"))

    monkeypatch.setattr(subprocess, "run", stand_in)
    assert module["main"](["-k", "x"]) == 1
    assert len(asked) == 4, "one that fails does not hide the others"
    assert asked[-1] == ["pytest", "-k", "x"]
    assert "failed: mypy" in capsys.readouterr().out


def test_papers_name_what_exists():
    """Every file or folder that a paper names in backticks is there."""
    made = {*RESULTS, "joins.csv", "faults.gpkg", "tolerance.csv", "notes.csv"}
    for paper in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"):
        for name in re.findall(
            r"`([\w./*-]+\.(?:py|csv|toml|md|yml|ipynb|gpkg|json|html|xlsx|geojson))`",
            (ROOT / paper).read_text("utf-8"),
        ):
            places = (ROOT, ROOT / "gisplan", ROOT / "gisplan" / "outputs", ROOT / "gisplan" / "reading" / "formats")
            known = name in made | {"zone.toml", "x.gpkg", "out/review.html"}
            assert known or any(list(place.glob(name)) for place in places), f"{paper}: {name}"


def test_never_promises_what_is_not_checked():
    for name, text in texts().items():
        # What may be offered is said by the land room alone, once everything was checked.
        land = name.startswith("gisplan/land/") or name in ("gisplan/base/labels.csv", "docs/judgement.md")
        if land or name.startswith(("tests/", "layers/")) or name.endswith((".html", ".js")):
            continue
        assert "可出" + "让" not in text, name
