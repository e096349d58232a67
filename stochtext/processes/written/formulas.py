"""Formulas of functions that the user wrote, compared with what the functions return."""

from __future__ import annotations

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.processes.compiled.tracing.evaluation import evaluated
from stochtext.processes.compiled.tracing.expression import Untraceable
from stochtext.processes.compiled.tracing.formulas import (
    Coefficient,
    TracedFormulas,
    traced_formulas,
)
from stochtext.processes.written.user_function import probe_states

__all__ = ["formulas_of_functions"]


def formulas_of_functions(
    process: Process, drift: Coefficient, diffusion: Coefficient
) -> TracedFormulas | None:
    """Return the formulas of a process of two functions ``function(t, x, params)``, or None.

    Parameters
    ----------
    process : Process
        Its coefficients are what the functions say.
    drift, diffusion : callable
    """
    vector = process._parameter_vector
    try:
        formulas = traced_formulas(drift, diffusion, process.dim or 1, vector.shapes, vector.places)
        agrees = _agrees(formulas, process)
    except (Untraceable, InputError):
        return None
    return formulas if agrees else None


def _agrees(formulas: TracedFormulas, process: Process) -> bool:
    """Whether the formulas give the numbers of the process: a trace sees no state outside."""
    theta = _some_values(process)
    given = process.from_vector(theta)
    x = probe_states(formulas.dim)
    entries = [entry for row in formulas.diffusion for entry in row]
    for time in (0.0, 0.7):
        t = np.full(len(x), time)
        found = evaluated([*formulas.drift, *entries], t, x, theta)
        expected = np.column_stack([given.drift(x, t), given.diffusion(x, t).reshape(len(x), -1)])
        if found.shape != expected.shape:
            return False
        known = np.isfinite(expected)
        # Differences of large terms may round to another small number.
        size = np.max(np.abs(expected[known]), initial=0.0)
        if not np.allclose(found[known], expected[known], rtol=1e-9, atol=1e-14 * size):
            return False
    return True


def _some_values(process: Process) -> FloatArray:
    """Return the values of a process, and values within the bounds where it has none."""
    theta = process.to_vector()
    for k, (low, high) in enumerate(process.bounds()):
        if np.isnan(theta[k]):
            inside = max(low, min(0.7 + 0.1 * k, high))
            both = np.isfinite(low) and np.isfinite(high)
            theta[k] = 0.5 * (low + high) if both else inside + (inside == low)
    return theta
