"""The drift of a process with additive noise as A (x - c) plus a remainder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.processes.compiled.tracing.differentiation import derivatives
from stochtext.processes.compiled.tracing.expression import Untraceable, reachable
from stochtext.processes.compiled.tracing.formulas import TracedFormulas
from stochtext.processes.compiled.tracing.powers import multiplied_out
from stochtext.transitions.formulas.row_functions import RowFunctions, kept

__all__ = ["DriftSplit", "drift_split"]

_MOST_NODES = 4000
_ITERATIONS = 50


class DriftSplit:
    """Drift, Jacobian and divergence of a family; the diffusion is constant.

    Parameters
    ----------
    formulas : TracedFormulas
    """

    def __init__(self, formulas: TracedFormulas) -> None:
        graph, dim = formulas.graph, formulas.dim
        graph.allow(_MOST_NODES)
        self.dim = dim
        zero = graph.constant(0.0)
        columns = [derivatives(formulas.drift, symbol) for symbol in formulas.x]
        jacobian = [
            zero if (slope := columns[k][j]) is None else slope
            for j in range(dim)
            for k in range(dim)
        ]
        divergence: Any = zero
        for j in range(dim):
            divergence = divergence + jacobian[j * dim + j]
        parts = {
            "field": multiplied_out(graph, [*formulas.drift, divergence]),
            "jacobian": multiplied_out(graph, jacobian),
        }
        self._rows = RowFunctions("splitting", parts)

    def drift_and_divergence(
        self, x: FloatArray, theta: FloatArray, compiled: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Return the drift (n, d) and the trace of its Jacobian (n,)."""
        out = np.empty((self.dim + 1, len(x)))
        self._rows.fill("field", np.ascontiguousarray(x.T), theta, out, compiled)
        return out[:-1].T, out[-1]

    def jacobian(self, x: FloatArray, theta: FloatArray) -> FloatArray:
        """Return d b_j / d x_k at one state, shape (d, d)."""
        out = np.empty((self.dim**2, 1))
        self._rows.fill("jacobian", x[:, None], theta, out, compiled=False)
        return out.reshape(self.dim, self.dim)

    def fixed_point(self, theta: FloatArray) -> FloatArray:
        """Return the fixed point that Newton's method finds from the origin, else the origin."""
        start = np.zeros(self.dim)
        x = start
        with np.errstate(all="ignore"):
            for _ in range(_ITERATIONS):
                drift = self.drift_and_divergence(x[None], theta, compiled=False)[0][0]
                slopes = self.jacobian(x, theta)
                if not (np.isfinite(drift).all() and np.isfinite(slopes).all()):
                    return start
                step = np.linalg.lstsq(slopes, drift, rcond=None)[0]
                x = x - step
                if np.max(np.abs(step)) <= 1e-13 * (1.0 + np.max(np.abs(x))):
                    at = self.drift_and_divergence(x[None], theta, compiled=False)[0]
                    size = 1.0 + np.max(np.abs(slopes)) * np.max(np.abs(x))
                    return x if np.max(np.abs(at)) <= 1e-9 * size else start
        return start


def drift_split(process: Process) -> DriftSplit:
    """Return the parts of the drift of a process, refusing what cannot be split.

    Raises
    ------
    InputError
        If the process has no formulas, its noise depends on the state, or its coefficients
        depend on time.
    """
    return kept(process, "splitting", lambda: _made(process))


def _made(process: Process) -> DriftSplit:
    name = type(process).__name__
    formulas = process.formulas()
    if formulas is None:
        raise InputError(
            f"density='strang' needs the drift and diffusion of {name} as formulas: write them "
            "with plain arithmetic, `math` and `numpy`, or use 'shoji_ozaki'."
        )
    diffusion = [entry for row in formulas.diffusion for entry in row]
    if "x" in _symbols(diffusion):
        raise InputError(
            f"density='strang' is for additive noise; the diffusion of {name} depends on the "
            "state. Use 'shoji_ozaki', or transform the state to constant noise."
        )
    if "t" in _symbols([*formulas.drift, *diffusion]):
        raise InputError(
            f"density='strang' is for coefficients that do not depend on time; those of {name} "
            "do. Use 'shoji_ozaki'."
        )
    try:
        return DriftSplit(formulas)
    except Untraceable as error:
        raise InputError(
            f"density='strang' needs the derivatives of the drift of {name}, but {error}. "
            "Use 'euler'."
        ) from None


def _symbols(rows: Sequence[Any]) -> set[str]:
    """Return which kinds of symbols expressions are made of."""
    return {node.value[0] for node in reachable(rows) if node.operation == "symbol"}
