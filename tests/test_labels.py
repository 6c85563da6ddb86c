"""Words: every code that the rooms use is in labels.csv, in both languages, with the same places to fill."""

from __future__ import annotations

import ast
import csv
import re
import string
from pathlib import Path

import pytest

from gisplan.base.issues import ACTIONS, SEVERITIES
from gisplan.base.labels import codes, label, say
from gisplan.outputs.columns import FAULTS, FINDINGS, GAPS, GRADES, JOINS, LIMITS, READINESS

ROOT = Path(__file__).resolve().parent.parent / "gisplan"
LABELS = ROOT / "base" / "labels.csv"
# Label codes whose last part comes from a table; the rooms that use them are found below.
CODE = re.compile(r"[a-z_]+(\.[A-Za-z0-9_ ]+)*")


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(LABELS.read_text(encoding="utf-8").splitlines()))


def trees() -> dict[str, ast.AST]:
    return {str(p.relative_to(ROOT)): ast.parse(p.read_text(encoding="utf-8")) for p in sorted(ROOT.rglob("*.py"))}


def called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def texts(node: ast.AST) -> list[str]:
    """Give the texts an argument may be: a constant, or either side of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return texts(node.body) + texts(node.orelse)
    return []


def start(node: ast.AST) -> str:
    """Give the fixed beginning of an f-string."""
    if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
        return str(node.values[0].value)
    return ""


def places(text: str) -> list[str]:
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name is not None})


def test_no_code_twice():
    names = [row["code"] for row in rows()]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["code"])
def test_both_languages_with_the_same_places(row):
    assert CODE.fullmatch(row["code"])
    assert row["zh"].strip() and row["en"].strip()
    assert None not in row, "a comma in a text needs quotes"
    assert places(row["zh"]) == places(row["en"])
    assert all(name.isidentifier() for name in places(row["zh"])), "places are named, never reached into"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["code"])
def test_each_language_is_itself(row):
    assert not re.search("[，。；：（）、？！]", row["en"]), "full-width punctuation in English"
    words = re.sub(r"\{\w+\}", "", row["zh"])
    assert re.search("[\u4e00-\u9fff]", words) or not re.search("[A-Za-z]{3}", words), "not translated"


def test_every_code_that_is_said_exists():
    missing = []
    for place, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) in ("say", "label") and node.args:
                missing += [
                    f"{place}:{node.lineno} {t}" for t in texts(node.args[0]) if CODE.fullmatch(t) and t not in codes()
                ]
                beginning = start(node.args[0])
                if beginning and not codes(beginning):
                    missing.append(f"{place}:{node.lineno} {beginning}…")
    assert missing == []


def test_every_text_that_looks_like_a_code_is_one():
    """Codes also travel in tables and constants before they are said."""
    families = {row["code"].split(".")[0] for row in rows()}
    beginnings = {f"{f}." for f in families}
    missing = []
    for place, tree in trees().items():
        inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)) or id(node) in inside:
                continue
            text = node.value
            if CODE.fullmatch(text) and text.split(".")[0] + "." in beginnings and "." in text:
                known = text in codes() or Path(text).suffix in (".csv", ".json", ".html", ".xlsx", ".gpkg", ".toml")
                if not known:
                    missing.append(f"{place}:{node.lineno} {text}")
    assert missing == []


def said(node: ast.Call) -> list[str]:
    """Give the codes that an issue record, a note or a refusal will look up."""
    name = called(node)
    if name in ("add", "issue") and len(node.args) >= 3 and set(texts(node.args[1])) & set(SEVERITIES):
        return [f"{kind}.{code}" for code in texts(node.args[0]) for kind in ("issue", "hint")]
    if name == "note" and node.args:
        return [f"note.{code}" for code in texts(node.args[0])]
    if name == "refusal" and len(node.args) >= 2:
        return [f"refuse.{code}" for code in texts(node.args[1])]
    return []


def test_every_issue_note_and_refusal_has_its_words():
    found = [
        (f"{place}:{node.lineno}", code)
        for place, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for code in said(node)
    ]
    assert len(found) > 50, "the search has lost sight of the calls"
    assert [pair for pair in found if pair[1] not in codes()] == []


def test_every_kind_of_fault_has_a_short_name_of_its_own():
    """The code in ``Found("code", …)`` and its like travels to ``fault.<code>``: at most twelve signs in Chinese."""
    kinds = codes("fault.")
    assert [kind for kind in kinds if f"issue.{kind.removeprefix('fault.')}" not in codes("issue.")] == []
    assert [kind for kind in kinds if len(label(kind).zh) > 12] == []
    for lang in ("zh", "en"):
        names = [label(kind).text(lang) for kind in kinds]
        assert sorted(names) == sorted(set(names)), "the command takes a kind by its name"


def test_issues_and_hints_come_in_pairs():
    names = {kind: {c.removeprefix(f"{kind}.") for c in codes(f"{kind}.")} for kind in ("issue", "hint")}
    assert names["issue"] == names["hint"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("grade", GRADES),
        ("severity", SEVERITIES),
        ("action", ACTIONS),
        ("verdict", ("ready", "gap", "unknown", "not_applicable")),
        ("ready", ("yes", "no", "unknown")),
        ("ready_by_delivery", ("yes", "no", "unknown")),
        ("supply_status", ("unreserved", "reserved", "offered", "approved", "granted", "idle")),
        ("basis", ("code", "local", "assumed")),
        ("weight", ("required", "warn")),
        ("column", (*READINESS, *FINDINGS, *GAPS, *LIMITS, *FAULTS, *JOINS, "x", "y")),
        ("broken", ("drawing", "valve", "missing", "flow", "status")),
    ],
)
def test_every_code_of_the_tables_has_a_word(kind, values):
    assert [v for v in values if f"{kind}.{v}" not in codes()] == []


def test_never_promises_what_was_not_checked():
    """Only the conclusion on a parcel's land, which rests on all of its tests, says that it can be offered."""
    said = {row["code"] for row in rows() if "可出让" in row["zh"]}
    assert said == {"land.conclusion.offer", "land.conclusion.after_tasks"}


def test_a_value_is_never_read_as_a_template():
    text = say("cli.no_parcel", "en", id="{near}{0.__class__}", near="%s {x}")
    assert "{near}{0.__class__}" in text and "%s {x}" in text


def test_an_unknown_code_is_shown_as_it_is():
    assert label("no.such").text("both") == "no.such"
