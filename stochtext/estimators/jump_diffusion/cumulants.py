"""The moment method: rate and variance of jumps from cumulants of order 2, 4 and 6."""

from __future__ import annotations

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.estimators.jump_diffusion.natural import NaturalEstimate
from stochtext.estimators.jump_diffusion.regression import fit_continuous
from stochtext.estimators.sample import TransitionSample

__all__ = ["moment_estimate"]

NO_JUMPS = (
    "The fourth and sixth cumulants of the increments are not both positive: no jumps are seen. "
    "The law of a jump is not known; its numbers stand for that of one step of the diffusion."
)
NO_DIFFUSION = (
    "The fourth and sixth cumulants of the increments ascribe all their variance to jumps and "
    "leave none for a diffusion: the moment method has no answer. Its numbers stand for a "
    "diffusion without jumps and have no standard errors. Use method='threshold'."
)
CENTRED = (
    "The moment method takes jumps as centred: their mean is zero by assumption. It offers no "
    "standard errors of diffusion and jumps: those of sixth moments do not cover. Use "
    "method='threshold', or the jump table of KramersMoyalSDE."
)


def moment_estimate(sample: TransitionSample, design: FloatArray) -> NaturalEstimate:
    """Estimate from the cumulants of the increments less the drift, in one coordinate.

    Parameters
    ----------
    sample : TransitionSample
    design : ndarray of shape (n, K)
        Monomials of the drift.

    Notes
    -----
    ``k2 = a + r s``, ``k4 = 3 r s**2`` and ``k6 = 15 r s**3`` per unit of time for jumps of
    rate r and law N(0, s). The cumulants are those of a step: products of lower moments,
    which the diffusion and several jumps in a step add, are taken off.

    References
    ----------
    Anvari, M., Tabar, M. R. R., Peinke, J. and Lehnertz, K. (2016), Disentangling the
    stochastic behavior of complex time series, Scientific Reports 6, 35435.
    """
    if sample.dim > 1:
        raise InputError(
            f"method='moments' is for one coordinate, the data have {sample.dim}; use "
            "method='threshold'."
        )
    fit = fit_continuous(sample, design, np.ones(sample.n, dtype=bool))
    e, dt, weight = fit.noise[:, 0], sample.dt, sample.weight
    total = weight.sum()
    h, g = weight @ dt / total, weight @ dt**2 / total
    m = {k: float(weight @ (e**k / dt) / total) for k in (2, 4, 6)}
    cubic = 45 * h**2 - 15 * g
    k2, k4 = m[2], m[4] - 3 * h * m[2] ** 2
    k6 = m[6] - 15 * h * m[4] * m[2] + cubic * m[2] ** 3
    drift = fit.drift_influence[:, :, 0]
    size = k6 / (5 * k4) if k4 > 0 else -1.0
    seen = k4 > 0 and k6 > 0
    if not seen or k2 <= k4 / (3 * size):
        tail = np.full((sample.n, 3), np.nan)
        covariance = np.full(sample.n, np.nan) if seen else fit.covariance_influence[:, 0]
        influence = np.column_stack([drift, covariance, tail])
        return NaturalEstimate(
            fit.drift, fit.covariance, 0.0, np.zeros(1), fit.covariance * h, influence, 0.0,
            (NO_DIFFUSION if seen else NO_JUMPS,),
        )  # fmt: skip
    rate = k4 / (3 * size**2)
    a = k2 - rate * size
    influence = np.column_stack([drift, np.full((sample.n, 4), np.nan)])
    return NaturalEstimate(
        fit.drift, np.array([[a]]), float(rate), np.zeros(1), np.array([[size]]), influence,
        float(rate * (weight @ dt)), (CENTRED,),
    )  # fmt: skip
