"""The package opens at once: nothing heavy is loaded before it is used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "joblib",
    "matplotlib",
    "numba",
    "numpy",
    "pandas",
    "scipy",
    "sentence_transformers",
    "sklearn",
    "statsmodels",
    "torch",
    "transformers",
}


def heavy_modules_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the heavy packages it loaded."""
    program = f"import json, sys\n{code}\nprint(); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    return {name.partition(".")[0] for name in loaded} & HEAVY


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert heavy_modules_after("import stochtext") == set()


def test_listing_the_public_names_loads_nothing_heavy() -> None:
    assert heavy_modules_after("import stochtext; dir(stochtext); stochtext.__version__") == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["fit", "--help"]], ids=" ".join)
def test_help_of_the_command_line_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "from stochtext.cli import main\n"
        f"try:\n    main({arguments!r}, prog_name='stochtext')\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code"
    )
    assert heavy_modules_after(code) == set()


def test_constructing_the_neural_estimator_does_not_load_torch() -> None:
    loaded = heavy_modules_after("import stochtext; repr(stochtext.NeuralSDE())")
    assert loaded.isdisjoint({"torch", "sentence_transformers", "matplotlib"})


def test_trajectories_load_neither_torch_nor_the_plotting_library() -> None:
    loaded = heavy_modules_after("import stochtext; stochtext.Trajectories([0.0, 1.0, 0.5])")
    assert loaded.isdisjoint({"torch", "sentence_transformers", "matplotlib"})
