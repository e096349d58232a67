"""Proper scores of samples from a predictive law: no law has a better expected score than the true.

Law of this file: scores are of the sampled law and not of the number of samples; the finite
sample's own bias is taken out ("fair" scores), so that forecasts of different sizes compare.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray

__all__ = ["crps_of_samples", "energy_score_of_samples"]

#: Cyclic shifts that stand for all pairs of samples.
_SHIFTS = 16


def crps_of_samples(samples: FloatArray, observed: FloatArray) -> FloatArray:
    r"""Return the continuous ranked probability score of each coordinate; small is good.

    Parameters
    ----------
    samples : ndarray of shape (..., S, d)
    observed : ndarray of shape (..., d)

    Returns
    -------
    ndarray of shape (..., d)
        In the units of the coordinate; NaN where a sample or the observation is NaN.

    Notes
    -----
    .. math:: \frac 1S \sum_i |x_i - y| - \frac{1}{2 S (S - 1)} \sum_{i, j} |x_i - x_j|,

    an unbiased estimate of E abs(X - y) - E abs(X - X') / 2.

    References
    ----------
    Gneiting, T. and Raftery, A. E. (2007), Strictly proper scoring rules, prediction, and
    estimation, JASA 102, 359-378, eq. 21. Ferro, C. A. T. (2014), Fair scores for ensemble
    forecasts, Quarterly Journal of the Royal Meteorological Society 140, 1917-1923.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import crps_of_samples
    >>> crps_of_samples(np.array([[[0.0], [2.0]]]), np.array([[1.0]])).tolist()
    [[0.0]]
    """
    size = _checked(samples, observed)
    ordered = np.sort(samples, axis=-2)
    distance = np.abs(ordered - observed[..., None, :]).mean(axis=-2)
    weight = (2 * np.arange(1, size + 1) - size - 1)[:, None] / (size * (size - 1))
    return np.asarray(distance - (ordered * weight).sum(axis=-2))


def energy_score_of_samples(samples: FloatArray, observed: FloatArray) -> FloatArray:
    r"""Return the energy score of vectors; small is good.

    Parameters
    ----------
    samples : ndarray of shape (..., S, d)
    observed : ndarray of shape (..., d)

    Returns
    -------
    ndarray of shape (...)
        NaN where a sample or the observation is NaN. In one coordinate it is the CRPS.

    Notes
    -----
    .. math:: E \|X - y\| - \tfrac 12 E \|X - X'\|,

    the second mean over pairs of samples at 16 distances in their order (all pairs in one
    coordinate): unbiased for independent samples.

    References
    ----------
    Gneiting, T. and Raftery, A. E. (2007), JASA 102, 359-378, eq. 22.
    """
    size = _checked(samples, observed)
    if samples.shape[-1] == 1:
        return crps_of_samples(samples, observed)[..., 0]
    distance = np.linalg.norm(samples - observed[..., None, :], axis=-1).mean(axis=-1)
    shifts = np.unique(np.linspace(1, size - 1, min(_SHIFTS, size - 1)).astype(np.int64))
    within = np.zeros(distance.shape)
    for shift in shifts:
        gap = samples - np.roll(samples, int(shift), axis=-2)
        within += np.linalg.norm(gap, axis=-1).mean(axis=-1)
    return np.asarray(distance - within / (2 * len(shifts)))


def _checked(samples: FloatArray, observed: FloatArray) -> int:
    if samples.ndim < 2 or samples.shape[:-2] + samples.shape[-1:] != observed.shape:
        raise InputError(
            f"`samples` must have shape (..., S, d) and `observed` (..., d); got {samples.shape} "
            f"and {observed.shape}."
        )
    if samples.shape[-2] < 2:
        raise InputError("A score of samples needs at least two of them.")
    return int(samples.shape[-2])
