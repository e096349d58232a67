"""Generated text run by Python itself, so that many functions can be tried in little time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

OWN = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arctan": np.arctan,
    "power": np.power,
}


def plain_namespace() -> dict[str, Any]:
    namespace = {
        "np": np,
        "math": math,
        "FLOAT": np.float64,
        "kernel": lambda function: function,
        "wide_vectors": lambda: None,
        "fma": lambda a, b, c: a * b + c,
        "periodic_limit64": 2.0**35,
    }
    for name, function in OWN.items():
        namespace[f"{name}64"] = namespace[f"{name}_far64"] = function
    return namespace


@pytest.fixture
def run_text() -> Callable[..., np.ndarray]:
    """Return ``run(source, name, t, x, rows)``, which gives an array of shape (n, rows)."""

    def run(source: Any, name: str, t: float, x: np.ndarray, rows: int) -> np.ndarray:
        namespace = plain_namespace()
        exec(source.text, namespace)
        out = np.full((rows, len(x)), np.nan)
        with np.errstate(all="ignore"):
            namespace[name](t, np.ascontiguousarray(x.T), source.theta, out)
        return out.T

    return run
