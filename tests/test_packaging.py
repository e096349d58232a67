"""What is built and what the instructions promise: wheel, constraints, the two commands."""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
BUILD_FILES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Build the wheel from a copy, so that nothing is left behind in the project."""
    copy = tmp_path_factory.mktemp("source")
    for name in BUILD_FILES:
        shutil.copy(ROOT / name, copy / name)
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("stochtext", "tests", "examples", "benchmarks"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next((copy / "dist").glob("*.whl"))) as archive:
        yield archive


def options() -> ConfigParser:
    """Return the parsed setup.cfg."""
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_wheel_holds_the_package_and_its_metadata_only(wheel: zipfile.ZipFile) -> None:
    folders = {name.partition("/")[0] for name in wheel.namelist()}
    assert {re.sub(r"-[0-9.]+\.dist-info$", "", name) for name in folders} == {"stochtext"}


def test_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    cached = {".pyc", ".nbi", ".nbc"}
    files = (path for path in (ROOT / "stochtext").rglob("*") if path.is_file())
    kept = {p.relative_to(ROOT).as_posix() for p in files if p.suffix not in cached}
    assert kept == {name for name in wheel.namelist() if name.startswith("stochtext/")}


@pytest.mark.parametrize("pattern", [r"py\.typed", r".*\.pyi", r"datasets/data/.*\.jsonl"])
def test_wheel_holds_what_is_read_at_run_time(wheel: zipfile.ZipFile, pattern: str) -> None:
    assert any(re.fullmatch(f"stochtext/{pattern}", name) for name in wheel.namelist())


def test_wheel_states_licence_python_and_entry_point(wheel: zipfile.ZipFile) -> None:
    folder = next(n.partition("/")[0] for n in wheel.namelist() if "dist-info" in n)
    metadata = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.10"
    assert b"stochtext = stochtext.cli:main" in wheel.read(f"{folder}/entry_points.txt")
    assert f"{folder}/licenses/LICENSE" in wheel.namelist()


def test_requirements_have_lower_bounds_only() -> None:
    required = options()["options"]["install_requires"].strip().splitlines()
    operators = {s.operator for line in required for s in Requirement(line).specifier}
    assert operators == {">="}


@pytest.mark.parametrize("section", ["install_requires", "io", "offline", "docs", "test"])
def test_constraints_pin_every_requirement_of_the_tests(section: str) -> None:
    parser = options()
    table = "options" if section == "install_requires" else "options.extras_require"
    wanted = {canonicalize_name(Requirement(r).name) for r in parser[table][section].split()}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert {len(pin.specifier) for pin in pins} == {1}
    assert wanted - {canonicalize_name(pin.name) for pin in pins} <= {"stochtext", "setuptools"}


@pytest.mark.parametrize("name", ["demo", "tests"])
def test_readme_has_the_command_on_one_line(name: str) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(rf"<!-- command: {name} -->\n```bash\n(.*?)\n```\n<!-- end -->", text, re.S)
    assert block is not None
    assert "\n" not in block[1]
    assert block[1].startswith("python3 -m venv .venv && ")


def test_continuous_integration_takes_its_commands_from_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "readme_command demo" in script
    assert "readme_command tests" in script
    assert "pip install" not in script
