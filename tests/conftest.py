"""What every test may rely on: no display, one thread a worker, an untouched global generator."""

from __future__ import annotations

import os
import sys

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the folder that holds setup.cfg."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator that is the same for every test."""
    return np.random.default_rng(20240229)


@pytest.fixture(autouse=True)
def global_generator_guard() -> Iterator[None]:
    """Fail a test after which numpy's global generator is in another state."""
    before = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
    yield
    after = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
    untouched = before["pos"] == after["pos"] and np.array_equal(before["key"], after["key"])
    assert untouched, "numpy's global random generator was used; take one from random_state"


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Close the figures that a test leaves open, if it drew any."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
