"""Kernel averages at observed states, for three and more coordinates."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.kramers_moyal.coefficients import BinCoefficients
from stochtext.estimators.kramers_moyal.cumulants import coefficients_of_moments
from stochtext.processes.fitted.smoothing.smoothed import KernelProcess

__all__ = ["kernel_coefficients"]

_SHOWN_STATES = 200


def kernel_coefficients(process: KernelProcess, order: int) -> BinCoefficients:
    """Return kernel averages at up to two hundred of the observed states.

    Standard errors are NaN: their coverage in three and more coordinates is not known.
    """
    n, d = process.points.shape
    rows = np.unique(np.linspace(0, n - 1, min(n, _SHOWN_STATES)).astype(np.int64))
    states = process.points[rows]
    regression = process.covariance_regression(0)

    def average(values: FloatArray) -> FloatArray:
        fit = regression.fit(states, values)
        return np.where(fit.count[:, None] >= process.minimum_count, fit.value, np.nan)

    noise, dt = process.residuals, process.dt[:, None]
    h, g = average(dt)[:, 0], average(dt**2)[:, 0]
    powers = np.stack([average(noise**k / dt) for k in range(2, order + 1)], axis=2)
    higher = {k: np.empty((len(rows), d)) for k in range(3, order + 1)}
    for j in range(d):
        moments = np.concatenate([np.zeros((len(rows), 2)), powers[:, j]], axis=1)
        values, _ = coefficients_of_moments(moments, h, g, corrected=True)
        for k in higher:
            higher[k][:, j] = values[:, k]
    d2 = process.local_covariance(states) / 2
    unknown = np.full((len(rows), d), np.nan)
    pawula = higher[4] / np.einsum("cjj->cj", d2) ** 2 if 4 in higher else unknown
    return BinCoefficients(
        states, states, regression.fit(states, dt).count, process.local_drift(states),
        unknown, d2, np.full_like(d2, np.nan), higher, dict.fromkeys(higher, unknown), pawula,
        unknown,
    )  # fmt: skip
