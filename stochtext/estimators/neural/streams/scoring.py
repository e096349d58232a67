"""Fisher scoring of trained starts on all transitions of a stream.

Law of this file: the sums over the pieces are the sums over all transitions, so that what is
maximised does not depend on how the stream is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.networks.architecture import Architecture
from stochtext.estimators.neural.networks.preparation import ScaledTransitions, Scaling
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.sample import TransitionSample

__all__ = ["StreamedRun", "in_units", "streamed_scoring"]

#: Transitions of a piece whose Fisher information stands for the piece.
FISHER_ROWS = 2000
#: Gain of the penalised log likelihood below which a start has arrived, in nats.
SETTLED = 0.1
_SMALLEST_DAMPING, _LARGEST_DAMPING = 1e-6, 1e6

Engines = Callable[[], Iterator[Engine]]


@dataclass(frozen=True)
class StreamedRun:
    """Where the starts went.

    Attributes
    ----------
    parameters : ndarray of shape (M, P)
    history : ndarray of shape (passes, M)
        Penalised loss per transition of the best parameters so far.
    settled : bool
        Whether no start gained more than ``SETTLED`` in the last pass.
    """

    parameters: FloatArray
    history: FloatArray
    settled: bool


@dataclass
class _Sums:
    value: FloatArray
    gradient: FloatArray
    information: FloatArray
    weight: float


def in_units(
    sample: TransitionSample,
    scaling: Scaling,
    *,
    with_clock: bool,
    extra: FloatArray | None = None,
) -> ScaledTransitions:
    """Return transitions in the units of a scaling that other data have set.

    Parameters
    ----------
    sample : TransitionSample
    scaling : Scaling
    with_clock : bool
        Whether the clock is an input of the networks.
    extra : ndarray of shape (n, q), optional
        Further inputs that do not change within a step.
    """
    d = sample.dim
    columns = [sample.x, *([sample.t] if with_clock else []), *([] if extra is None else [extra])]
    inputs = (np.column_stack(columns) - scaling.centre) / scaling.spread
    clock_rate = np.zeros((sample.n, inputs.shape[1] - d))
    if with_clock:
        clock_rate[:, 0] = sample.clock_dt / sample.dt / scaling.spread[d]
    root = np.sqrt(sample.dt)[:, None]
    return ScaledTransitions(
        inputs=inputs,
        following=(sample.x_next - scaling.centre[:d]) / scaling.spread[:d],
        dt=sample.dt,
        clock_rate=clock_rate,
        response=(sample.x_next - sample.x) / (scaling.noise_unit * root),
        rate=root * (scaling.drift_unit / scaling.noise_unit),
        weight=sample.weight,
        log_jacobian=-float(np.log(scaling.spread[:d]).sum()),
    )


def streamed_scoring(
    architecture: Architecture,
    parameters: FloatArray,
    precision: FloatArray,
    engines: Engines,
    *,
    n_passes: int = 20,
) -> StreamedRun:
    """Lower the penalised loss of each start by damped Fisher scoring, one pass a step.

    Parameters
    ----------
    architecture : Architecture
    parameters : ndarray of shape (M, P)
        Where the starts stand.
    precision : ndarray of shape (M, P)
        Prior precision of each parameter, in nats of the summed log likelihood.
    engines : callable
        Returns an engine for each piece, anew for each pass.
    n_passes : int
    """
    best, tried = parameters.copy(), parameters.copy()
    sums: _Sums | None = None
    damping = np.full(len(parameters), 1e-2)
    history: list[FloatArray] = []
    gain = np.full(len(parameters), np.inf)
    for _ in range(n_passes):
        found = _pass(tried, precision, engines)
        if sums is None:
            sums, better = found, np.isfinite(found.value)
        else:
            better = found.value < sums.value
            # a step that failed says nothing about what is left to gain
            gain = np.where(better, sums.value - found.value, gain)
            sums.value = np.where(better, found.value, sums.value)
            sums.gradient[better] = found.gradient[better]
            sums.information[better] = found.information[better]
        best[better] = tried[better]
        damping = np.clip(
            np.where(better, damping / 10.0, damping * 10.0), _SMALLEST_DAMPING, _LARGEST_DAMPING
        )
        history.append(sums.value / sums.weight)
        if np.all(gain < SETTLED):
            break
        tried = best - _steps(sums, precision, damping)
    return StreamedRun(best, np.array(history), bool(np.all(gain < SETTLED)))


def _pass(parameters: FloatArray, precision: FloatArray, engines: Engines) -> _Sums:
    """Return penalised loss, its gradient and the information over all pieces."""
    m, p = parameters.shape
    sums = _Sums(np.zeros(m), np.zeros((m, p)), np.zeros((m, p, p)), 0.0)
    for k, engine in enumerate(engines()):
        weight = engine.data.weight
        value, gradient = engine.value_and_gradient(
            parameters, np.broadcast_to(weight, (m, len(weight)))
        )
        sums.value += value
        sums.gradient += gradient
        sums.weight += float(weight.sum())
        used = np.flatnonzero(weight > 0)
        rows = used[:: max(len(used) // FISHER_ROWS, 1)]
        for j, theta in enumerate(parameters):
            sums.information[j] += engine.fisher(
                theta, weight, rows=rows, rng=generator(0, "streamed information", k)
            )
    sums.value += 0.5 * (precision * parameters**2).sum(axis=1)
    sums.gradient += precision * parameters
    return sums


def _steps(sums: _Sums, precision: FloatArray, damping: FloatArray) -> FloatArray:
    """Return the damped steps, in units in which the curvature has ones on its diagonal."""
    steps = np.empty_like(sums.gradient)
    for k, gradient in enumerate(sums.gradient):
        curvature = sums.information[k] + np.diag(precision[k])
        size = np.sqrt(np.maximum(np.diag(curvature), 1e-12 * np.diag(curvature).max()))
        scaled = curvature / np.outer(size, size) + damping[k] * np.eye(len(size))
        steps[k] = np.linalg.solve(scaled, gradient / size) / size
    return steps
