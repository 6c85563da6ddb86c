"""The house: who may import whom, which room owns which heavy library, and how large a thing may get."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "gisplan"

# A module imports only what stands above it. A new module gets its place here, or the test fails.
LADDER = (
    "base",
    "base.errors",
    "base.coded",
    "base.units",
    "base.labels",
    "base.ids",
    "base.issues",
    "base.fields",
    "base.files",
    "rules.terms",
    "rules.inspection",
    "rules.figures",
    "rules.land",
    "rules.profile",
    "rules.overrides",
    "reading.refusals",
    "reading.process.clerk",
    "reading.words",
    "reading.pipe_words",
    "reading.entries",
    "reading.places.shifts",
    "reading.places.systems",
    "reading.zone_file",
    "reading.places.coordinates",
    "reading.places.offsets",
    "reading.formats.raw",
    "reading.formats.packed",
    "reading.formats.vector",
    "reading.formats.encodings",
    "reading.formats.dbf",
    "reading.formats.shapefile",
    "reading.formats.mould",
    "reading.formats.geojson",
    "reading.formats.geopackage",
    "reading.formats.filegdb",
    "reading.formats.kml",
    "reading.formats.flatgeobuf",
    "reading.formats.geoparquet",
    "reading.formats.tables",
    "reading.formats.boundary_txt",
    "reading.formats.drawing",
    "reading.formats.dxf",
    "reading.formats.raster",
    "reading.formats.postgis",
    "reading.formats.signature",
    "reading.formats.numbered",
    "reading.formats.inp_model",
    "reading.formats.epanet",
    "reading.formats.swmm",
    "reading.formats.inp",
    "reading.formats.access",
    "reading.formats.pipe_survey",
    "reading.formats.registry",
    "reading.formats.archive",
    "reading.process.freight",
    "reading.process.desk",
    "reading.process.child",
    "reading.folder",
    "reading.columns",
    "reading.geometry",
    "reading.flaws",
    "reading.inspection",
    "reading.lattice",
    "reading.ground",
    "reading.spots",
    "reading.terrain",
    "reading.drafting.hints",
    "reading.drafting.guesses",
    "reading.limits",
    "reading.land_use",
    "reading.layers",
    "reading.places.fitting",
    "reading.references",
    "reading.records",
    "reading.depths",
    "reading.dossier",
    "reading.survey",
    "reading.drafting.likeness",
    "reading.drafting.pairs",
    "reading.drafting.draft",
    "reading.drafting.skeleton",
    "reading.redline",
    "networks.standing",
    "networks.ducts",
    "networks.drawing",
    "networks.cutting",
    "networks.merging",
    "networks.joints",
    "networks.tolerance",
    "networks.doubts",
    "networks.joins",
    "networks.network",
    "networks.inverts",
    "networks.misses",
    "networks.supply",
    "networks.parts",
    "networks.forest",
    "networks.essential",
    "networks.failures",
    "networks.reach",
    "networks.cover",
    "judging.evidence",
    "judging.binding",
    "judging.outcome",
    "judging.draining.outlets",
    "judging.candidates",
    "judging.draining.descent",
    "judging.connection",
    "judging.brief",
    "judging.reserves.demand",
    "judging.reserves.carrying",
    "judging.reserves.order",
    "judging.reserves.ways",
    "judging.reserves.queue",
    "judging.reserves.turns",
    "judging.reserves.loads",
    "judging.reserves.capacity",
    "judging.draining.fall",
    "judging.safety.security",
    "judging.safety.hydrants",
    "judging.safety.legs",
    "judging.trials",
    "judging.surface.leftovers",
    "judging.surface.earthwork",
    "judging.surface.leveling",
    "judging.judgement",
    "judging.reserves.ledger",
    "judging.reserves.promise",
    "judging.cells",
    "judging.words",
    "judging.remarks",
    "judging.findings",
    "judging.limits",
    "judging.due",
    "judging.gaps",
    "judging.inspections",
    "judging.readiness",
    "judging.sums",
    "judging.traces",
    "judging.explanation",
    "land.answers",
    "land.papers",
    "land.overlay",
    "land.conditions",
    "land.stages",
    "land.rows",
    "land.buildings",
    "land.sentence",
    "land.check",
    "faults.fault",
    "faults.drawing.meetings",
    "faults.drawing.lines",
    "faults.drawing.edges",
    "faults.drawing.devices",
    "faults.breaking.gaps",
    "faults.breaking.mends",
    "faults.breaking.choice",
    "faults.breaking.bearing",
    "faults.breaking.stranded",
    "faults.breaking.parts",
    "faults.breaking.breaks",
    "faults.drawing.near",
    "faults.stakes",
    "faults.joined",
    "faults.land",
    "faults.drawing.points",
    "faults.draining.gravity",
    "faults.draining.reversal",
    "faults.draining.sewers",
    "faults.draining.manholes",
    "faults.draining.drains",
    "faults.draining.crosslinks",
    "faults.register",
    "faults.concerns",
    "faults.tolerances",
    "zone",
    "outputs.plane",
    "outputs.basemap",
    "outputs.tables",
    "outputs.columns",
    "outputs.bundle",
    "outputs.texts",
    "outputs.block",
    "outputs.parts",
    "outputs.page",
    "outputs.map",
    "outputs.boundary_txt",
    "outputs.csvfiles",
    "outputs.geojson",
    "outputs.runfile",
    "outputs.sheets",
    "outputs.workbook",
    "outputs.geopackage",
    "outputs.graphml",
    "outputs.inspected",
    "outputs.console",
    "outputs.fixes",
    "outputs.curve",
    "outputs.noted",
    "outputs.exchange",
    "outputs.delivery",
    "reviewing.notefile",
    "reviewing.binding",
    "report",
    "options",
    "cli",
    "__init__",
    "selfcheck.reference.records",
    "selfcheck.reference.plane",
    "selfcheck.reference.standing",
    "selfcheck.reference.joints",
    "selfcheck.reference.fall",
    "selfcheck.reference.ways",
    "selfcheck.reference.capacity",
    "selfcheck.reference.strict",
    "selfcheck.reference.judge",
    "selfcheck.toys.land",
    "selfcheck.toys.pipes",
    "selfcheck.toys.needs",
    "selfcheck.toys.frames",
    "selfcheck.toys.draw",
    "selfcheck.comparison",
    "selfcheck.changes",
    "selfcheck.proof",
    "selfcheck.relations",
    "selfcheck.scores",
    "selfcheck.board",
    "selfcheck.__main__",
    "__main__",
)

# Heavy libraries and the only rooms that may open them: one door in, one door out.
DOORS = {
    "fiona": ("reading.formats.vector", "outputs.geopackage"),
    "pyogrio": ("reading.formats.vector", "outputs.geopackage"),
    "folium": ("outputs.map", "outputs.page"),
    "branca": ("outputs.map", "outputs.page"),
    "xlsxwriter": ("outputs.workbook",),
    "openpyxl": ("reading.formats.tables",),
    "ezdxf": ("reading.formats.dxf",),
    "rasterio": ("reading.formats.raster", "outputs.basemap"),
    "networkx": ("networks.", "judging.explanation", "report", "outputs.graphml"),
    "scipy": ("networks.", "reading.spots", "faults."),
    "psycopg": ("reading.formats.postgis",),
    "pyarrow": ("reading.formats.geoparquet",),
    "rich": ("outputs.console", "cli"),
    # What nobody may have: they run what a file says, or reach for the network.
    "pickle": (),
    "urllib": (),
    "socket": (),
    "http": (),
    "requests": (),
}
# Own rooms may be opened inside a function only here, for start-up time.
LATE = ("cli", "__init__")
LIMITS = {"lines of a module": 500, "lines of a function": 60, "arguments": 6}


@dataclass(frozen=True)
class Import:
    """One import: the module that has it, what it names, and whether it stands inside a function."""

    module: str
    line: int
    target: str
    name: str
    late: bool


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def sources() -> dict[str, Path]:
    return {module_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def rooms() -> dict[str, Path]:
    """All modules but the packages' own ``__init__``, which bring nothing of ours in; that of base holds a number."""
    kept = {"__init__": "__init__", "base.__init__": "base"}
    return {kept.get(n, n): path for n, path in sources().items() if n in kept or not n.endswith("__init__")}


def imports_in(source: str, module: str) -> list[Import]:
    found = []

    def walk(node: ast.AST, late: bool) -> None:
        for child in ast.iter_child_nodes(node):
            inside = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if isinstance(child, ast.Import):
                found.extend(Import(module, child.lineno, alias.name, "", late) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                start = "." * child.level + (child.module or "")
                found.extend(Import(module, child.lineno, start, alias.name, late) for alias in child.names)
            walk(child, inside)

    walk(ast.parse(source), False)
    return found


def all_imports() -> list[Import]:
    return [i for module, path in rooms().items() for i in imports_in(path.read_text(encoding="utf-8"), module)]


def room_of(entry: Import) -> str | None:
    """Give the room that an import names; None for other libraries.

    ``from gisplan.outputs import page`` names outputs.page; ``from gisplan.base.labels import say`` base.labels.
    """
    parts = entry.target.split(".")
    if parts[0] != "gisplan":
        return None
    deeper = ".".join([*parts[1:], entry.name])
    if deeper in LADDER:
        return deeper
    return ".".join(parts[1:]) or "__init__"


def breaks(entries: list[Import]) -> list[str]:
    place = {name: i for i, name in enumerate(LADDER)}
    wrong = []
    for entry in entries:
        where = f"{entry.module}:{entry.line}"
        if entry.target.startswith("."):
            wrong.append(f"{where} relative import")
        room = room_of(entry)
        if room is None:
            continue
        if room not in place:
            wrong.append(f"{where} imports {room}, which is no room of the ladder")
        elif place[room] >= place[entry.module]:
            wrong.append(f"{where} imports {room}, which does not stand above it")
        if entry.late and entry.module not in LATE:
            wrong.append(f"{where} imports {room} inside a function")
    return wrong


def test_every_module_has_a_place_and_every_place_a_module():
    assert sorted(LADDER) == sorted(rooms())


def test_modules_import_only_what_stands_above_them():
    assert breaks(all_imports()) == []


def test_packages_bring_nothing_of_ours_in():
    for name, path in sources().items():
        if name.endswith(".__init__"):
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{name} says what the room is for"
            found = [i.target for i in imports_in(path.read_text(encoding="utf-8"), name)]
            assert not [t for t in found if t.startswith((".", "gisplan"))], name


def test_the_slow_judge_shares_nothing_with_the_engine():
    """It knows the standard library, the language, and itself."""
    own = [i for i in all_imports() if i.module.startswith("selfcheck.reference.")]
    assert own
    foreign = [i for i in own if not i.target.startswith("gisplan.selfcheck.reference.")]
    assert {i.target.split(".")[0] for i in foreign} <= set(sys.stdlib_module_names)


def test_heavy_libraries_have_one_door():
    wrong = [
        f"{i.module}:{i.line} {i.target}"
        for i in all_imports()
        if i.target.split(".")[0] in DOORS
        and not any(
            i.module == d or (d.endswith(".") and i.module.startswith(d)) for d in DOORS[i.target.split(".")[0]]
        )
    ]
    assert wrong == []


def test_only_what_is_declared_is_imported():
    """Every library is of the standard library or named in pyproject.toml; branca comes with folium."""
    import tomllib

    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [entry for extra in ("parquet", "postgis") for entry in project["optional-dependencies"][extra]]
    declared = {re.split(r"[\[>]", entry)[0] for entry in [*project["dependencies"], *optional]} | {"branca", "gisplan"}
    used = {i.target.split(".")[0] for i in all_imports()}
    assert used - set(sys.stdlib_module_names) <= declared


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from gisplan.report import Report", "base.units"),
        ("from gisplan.outputs import map", "judging.cells"),
        ("import gisplan.cli", "report"),
        ("from gisplan.base.fields import plain", "base.errors"),
        ("def f():\n    from gisplan.base.labels import say", "report"),
        ("if True:\n    from gisplan import read", "zone"),
        ("from . import labels", "base.issues"),
    ],
)
def test_the_rule_notices_what_breaks_it(source, module):
    assert breaks(imports_in(source, module))


def functions():
    for module, path in sources().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield module, node


def test_modules_are_short():
    sizes = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in sources().items()}
    assert {m: n for m, n in sizes.items() if n > LIMITS["lines of a module"]} == {}


def test_functions_are_short():
    sizes = {f"{m}.{f.name}": (f.end_lineno or f.lineno) - f.lineno + 1 for m, f in functions()}
    assert {name: n for name, n in sizes.items() if n > LIMITS["lines of a function"]} == {}


def test_functions_take_few_arguments():
    counts = {}
    for module, f in functions():
        names = [a.arg for a in (*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs) if a.arg not in ("self", "cls")]
        if not module.startswith("selfcheck.reference."):  # the slow judge holds nothing: it is told everything
            counts[f"{module}.{f.name}"] = len(names)
    assert {name: n for name, n in counts.items() if n > LIMITS["arguments"]} == {}


def test_no_shapeless_names():
    shapeless = {"utils", "util", "helpers", "core", "manager", "engine", "common", "misc"}
    assert not {part for name in sources() for part in name.split(".")} & shapeless


def test_no_assert_and_no_print_outside_the_command():
    wrong = []
    for module, path in sources().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assert):
                wrong.append(f"{module}:{node.lineno} assert")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                bad = {"eval", "exec"} | ({"print"} if module not in ("cli", "selfcheck.__main__") else set())
                if node.func.id in bad:
                    wrong.append(f"{module}:{node.lineno} {node.func.id}")
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                wrong.append(f"{module}:{node.lineno} bare except")
    assert wrong == []


def test_the_ladder_keeps_packages_together():
    packages = [name.split(".")[0] for name in LADDER if "." in name]
    assert len(set(packages)) == 1 + sum(a != b for a, b in pairwise(packages))
