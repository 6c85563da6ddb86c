"""Notebooks run from top to bottom, and what they write is judged."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import networkx as nx
import openpyxl
import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def loaded(path: Path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_notebooks_are_short_and_committed_without_outputs(path):
    notebook = loaded(path)
    nbformat.validate(notebook)
    assert len(notebook.cells) <= 15
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    text = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.search("[\u4e00-\u9fff]{4}", text) and re.search("[A-Za-z]{4}", text), "in both languages"


def run(path: Path, folder: Path, where: str):
    """Run a notebook in a copy of the project's folders, so that nothing is written into the project."""
    shutil.copytree(ROOT / "layers" / "ganting", folder / "layers" / "ganting")
    (folder / "notebooks").mkdir()
    notebook = loaded(path)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder / where)}}
    )
    before = os.environ.get("PYTHONPATH", "")
    client.execute(env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{before}"})
    return notebook


def printed(notebook) -> str:
    return "".join(
        output.get("text", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    )


@pytest.mark.filterwarnings("default")  # the kernel's own libraries warn about each other; ours runs in the kernel
def test_the_first_look_goes_through_and_leaves_what_it_promises(tmp_path):
    notebook = run(ROOT / "notebooks" / "01_first_look.ipynb", tmp_path, "notebooks")
    out = tmp_path / "out" / "notebook"
    page = (out / "review.html").read_text(encoding="utf-8")
    assert "visited on 3 November" in page
    assert "<html" in page and page.rstrip().endswith("</html>")
    sheets = openpyxl.load_workbook(out / "review.xlsx").sheetnames
    assert {"总览", "地块矩阵", "土地结论", "核查结果"} <= {*sheets} and len(sheets) == 14
    graph = nx.read_graphml(out / "water.graphml")
    assert any(str(node).startswith("parcel:") for node in graph)
    said = printed(notebook)
    assert re.search(r"joints, \d+ m", said), "a parcel graded A has a way to a source"
    assert re.search("污水：B", said) and re.search("Sewerage: B", said)
    assert "Warning" not in said


def test_the_lines_of_the_readme_run(tmp_path, monkeypatch, capsys):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(r"<!-- notebook -->\n```python\n(.*?)```", readme, re.DOTALL)[1]
    assert len(code.strip().splitlines()) <= 12
    shutil.copytree(ROOT / "layers" / "ganting", tmp_path / "layers" / "ganting")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "review.html").stat().st_size > 100_000
    assert "Sewerage: B" in capsys.readouterr().out


def test_both_readmes_show_the_same_commands_and_code():
    def blocks(name):
        text = (ROOT / name).read_text(encoding="utf-8")
        found = re.findall(r"```(?:sh|bat|python)\n(.*?)```", text, re.DOTALL)
        return [re.sub(r"\s*#.*|lang=\"..\"", "", block) for block in found]

    assert blocks("README.md") == blocks("README.zh-CN.md")
