"""Taking out what a finite sampling interval adds to drift and covariance rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.local.polynomial_pilot import PolynomialPilot
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.smoothing.smoothed import KernelProcess
from stochtext.results.inference.curves.local.discretization import LONGEST_STEP, DiscretizationBias

__all__ = ["CORRECTIONS", "Correction", "corrected"]

CORRECTIONS = ("second-order",)

INTERVAL = (
    "The curves are those of one sampling interval (the dt-drift): mean change and variance over "
    "dt, divided by dt."
)
INSTANT = (
    "Drift and covariance rate are corrected for the sampling interval up to second order in dt."
)


@dataclass(frozen=True)
class Correction:
    """A kernel process and what was done about the sampling interval.

    Attributes
    ----------
    process : KernelProcess
    bias : DiscretizationBias or None
        What was taken out, in one coordinate.
    note : str
        For the summary.
    """

    process: KernelProcess
    bias: DiscretizationBias | None
    note: str


def corrected(process: KernelProcess, sample: TransitionSample, wanted: str | None) -> Correction:
    """Return the process with the sampling interval's bias taken out of increments and residuals.

    Parameters
    ----------
    process : KernelProcess
        Whose curves are those of one sampling interval.
    sample : TransitionSample
        The transitions of the process, in its order.
    wanted : {"second-order", None}
        None leaves the process as it is, as does an interval too long for the expansion.
    """
    if wanted is None:
        return Correction(process, None, f"{INTERVAL} No correction was asked for.")
    if process.dim > 1:
        return _many(process)
    x = process.points[:, 0]
    rates = process.increments[:, 0] / process.dt
    squares = process.residuals[:, 0] ** 2 / process.dt
    bias = DiscretizationBias.fit(x, rates, squares, process.dt, process.multiplicity)
    stiffness = float(np.average(bias.stiffness(x), weights=process.multiplicity))
    if not bias.is_fine(x, process.multiplicity):
        return Correction(process, None, _too_coarse(stiffness))
    level = bias.a(np.clip(x, bias.low, bias.high))
    excess = bias.covariance(x, process.dt)
    # 1 + excess / level must stay above a tenth, and the pilot's rate be a rate.
    if np.any(level <= 0) or np.any(excess <= -0.9 * level):
        return Correction(process, None, _too_coarse(stiffness))
    ratio = 1 + excess / level
    increments = process.increments - (bias.drift(x, process.dt) * process.dt)[:, None]
    residuals = process.residuals / np.sqrt(ratio)[:, None]
    return Correction(_with(process, increments, residuals), bias, INSTANT)


def _too_coarse(stiffness: float) -> str:
    return (
        f"{INTERVAL} The sampling interval is too long to correct for (the drift's slope times dt "
        f"is {stiffness:.2g} on average, above {LONGEST_STEP})."
    )


def _with(process: KernelProcess, increments: FloatArray, residuals: FloatArray) -> KernelProcess:
    return KernelProcess(
        process.points, increments, process.dt, residuals, bandwidth=process.bandwidth,
        degree=process.degree, kernel=process.kernel, multiplicity=process.multiplicity,
        shrinkage=process.shrinkage, continuation=process.continuation, noise=process.residuals,
    )  # fmt: skip


def _many(process: KernelProcess) -> Correction:
    """Correct several coordinates by a polynomial pilot of the drift.

    With J = db / dx, the mean change is ``b + dt (J b + tr(a b'') / 2) / 2 + dt**2 J J b / 6``
    and the residuals are ``M e`` with ``M = I + dt J / 2 + dt**2 J J / 6``, whose covariance
    M a M' has the right first-order term where a is constant and, for a linear drift, all but
    J a J' dt**2 / 12 of the second.
    """
    pilot = PolynomialPilot.fit(
        process.points, process.increments, process.dt, process.multiplicity,
        process.pooled_covariance,
    )  # fmt: skip
    b, jacobian, curvature = pilot.at(process.points)
    size = np.linalg.norm(jacobian, ord=2, axis=(1, 2)) * process.dt
    stiffness = float(np.average(size, weights=process.multiplicity))
    if stiffness > LONGEST_STEP:
        return Correction(process, None, _too_coarse(stiffness))
    dt: FloatArray = process.dt[:, None]
    # Beyond the pilot's reach the expansion is cut where it still contracts.
    cut = np.minimum(1.0, 2 * LONGEST_STEP / np.maximum(size, 1e-300))
    jacobian *= cut[:, None, None]
    first = np.einsum("njk,nk->nj", jacobian, b)
    second = np.einsum("njk,nk->nj", jacobian, first) / 6
    bias = dt * (0.5 * (first + curvature) + dt * second)
    step = jacobian * dt[:, :, None]
    factor = np.eye(process.dim) + 0.5 * step + step @ step / 6
    solved = np.linalg.solve(factor, process.residuals[..., None])[..., 0]
    residuals: FloatArray = np.asarray(solved, dtype=np.float64)
    increments = process.increments - bias * dt
    return Correction(_with(process, increments, residuals), None, INSTANT)
