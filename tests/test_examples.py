"""Every example runs, and so does every line of Python in the README and the guide."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = [p for p in sorted((ROOT / "docs").rglob("*.md")) if PYTHON_BLOCK.search(p.read_text())]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_python_of_the_page_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = "\n".join(PYTHON_BLOCK.findall(path.read_text(encoding="utf-8")))
    exec(compile(code, path.name, "exec"), {})


def test_readme_example_prints_a_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    block = PYTHON_BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert block is not None
    assert len(block[1].splitlines()) <= 12
    exec(compile(block[1], "README.md", "exec"), {})
    assert "Held-out log density" in capsys.readouterr().out
