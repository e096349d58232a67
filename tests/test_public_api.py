"""The face declares what is public, and everything it declares is there."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import stochtext
from stochtext._shared import exceptions

PACKAGE = Path(stochtext.__file__).parent
FACES = sorted(PACKAGE.rglob("__init__.pyi"))


def declared_names(face: Path) -> list[str]:
    """Return the names that a face re-exports."""
    tree = ast.parse(face.read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return [alias.asname or alias.name for node in imports for alias in node.names]


def module_of(face: Path) -> str:
    """Return the dotted name of the package that a face belongs to."""
    return ".".join(face.parent.relative_to(PACKAGE.parent).parts)


@pytest.mark.parametrize("name", declared_names(PACKAGE / "__init__.pyi"))
def test_public_name_is_reachable_and_documented(name: str) -> None:
    assert inspect.getdoc(getattr(stochtext, name))


@pytest.mark.parametrize("face", FACES, ids=module_of)
def test_face_lists_exactly_what_its_stub_declares(face: Path) -> None:
    module = importlib.import_module(module_of(face))
    assert sorted(dir(module)) == sorted(declared_names(face))
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert missing == []


@pytest.mark.parametrize("face", FACES, ids=module_of)
def test_face_re_exports_explicitly(face: Path) -> None:
    tree = ast.parse(face.read_text(encoding="utf-8"))
    aliases = [a for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names]
    assert [a.name for a in aliases if a.asname != a.name] == []


@pytest.mark.parametrize("name", exceptions.__all__)
def test_every_exception_and_warning_is_on_the_face(name: str) -> None:
    assert getattr(stochtext, name) is getattr(exceptions, name)


def test_every_room_of_the_data_flow_is_a_public_submodule() -> None:
    hidden = {"_shared", "cli", "report"}  # a program, and a room behind a function
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} - hidden
    modules = {n for n in dir(stochtext) if isinstance(getattr(stochtext, n), ModuleType)}
    assert modules == rooms


@pytest.mark.parametrize(
    "before",
    ["import stochtext.report", "from stochtext.report import report", "stochtext.report"],
)
def test_report_is_the_function_even_after_its_room_was_imported(before: str) -> None:
    code = f"import stochtext\n{before}\nassert stochtext.report.__class__.__name__ == 'function'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_star_import_brings_every_public_name() -> None:
    namespace: dict[str, object] = {}
    exec("from stochtext import *", namespace)
    assert set(declared_names(PACKAGE / "__init__.pyi")) <= set(namespace)


def test_version_is_a_release_number() -> None:
    assert all(part.isdigit() for part in stochtext.__version__.split("."))
