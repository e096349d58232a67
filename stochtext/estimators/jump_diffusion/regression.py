"""Drift and covariance rate of the continuous part by weighted least squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray
from stochtext.estimators.sample import TransitionSample

__all__ = ["Continuous", "bipower_covariance", "fit_continuous"]


@dataclass(frozen=True)
class Continuous:
    """A fit of drift and covariance rate to some of the transitions.

    Attributes
    ----------
    drift : ndarray of shape (K, d)
    covariance : ndarray of shape (d, d)
    noise : ndarray of shape (n, d)
        Increments of all transitions less the drift's part.
    drift_influence : ndarray of shape (n, K, d)
    covariance_influence : ndarray of shape (n, d, d)
    """

    drift: FloatArray
    covariance: FloatArray
    noise: FloatArray
    drift_influence: FloatArray
    covariance_influence: FloatArray


def fit_continuous(sample: TransitionSample, design: FloatArray, used: BoolArray) -> Continuous:
    """Regress dX / dt on monomials with weights dt, over the transitions used.

    Parameters
    ----------
    sample : TransitionSample
    design : ndarray of shape (n, K)
    used : ndarray of bool of shape (n,)
    """
    dt, weight = sample.dt, np.where(used, sample.weight, 0.0)
    change = sample.x_next - sample.x
    root = np.sqrt(weight * dt)[:, None]
    scale = np.maximum(np.sqrt(np.sum((design * root) ** 2, axis=0)), np.finfo(float).tiny)
    scaled = design / scale
    solution = np.linalg.lstsq(scaled * root, change / dt[:, None] * root, rcond=1e-10)[0]
    noise = change - (scaled @ solution) * dt[:, None]
    # From the triangle, not the Gram matrix: squaring would lose half of the digits.
    half = np.linalg.pinv(np.linalg.qr(scaled * root, mode="r"), rcond=1e-10)
    inverse = half @ half.T
    slopes = (scaled @ inverse) / scale
    inside = used[:, None]
    drift_influence = np.where(inside[:, :, None], slopes[:, :, None] * noise[:, None, :], 0.0)
    total = weight.sum()
    count = max(total - design.shape[1], 1.0)
    products = noise[:, :, None] * noise[:, None, :] / dt[:, None, None]
    covariance = np.tensordot(weight, products, axes=1) / count
    influence = np.where(inside[:, :, None], (products - covariance) / total, 0.0)
    return Continuous(solution / scale[:, None], covariance, noise, drift_influence, influence)


def bipower_covariance(noise: FloatArray, sample: TransitionSample) -> FloatArray:
    """Return variance rates by products of neighbouring increments, which jumps hardly move.

    Parameters
    ----------
    noise : ndarray of shape (n, d)
        In the order of the panel.
    sample : TransitionSample

    Returns
    -------
    ndarray of shape (d,)
        pi / 2 times the mean of |e_i| |e_{i+1}| / dt within trajectories.

    References
    ----------
    Barndorff-Nielsen, O. E. and Shephard, N. (2004), Power and bipower variation with
    stochastic volatility and jumps, Journal of Financial Econometrics 2, 1-37.
    """
    size = np.abs(noise) / np.sqrt(sample.dt)[:, None]
    pairs = sample.trajectory[1:] == sample.trajectory[:-1]
    if not np.any(pairs):
        return np.asarray(sample.weight @ size**2 / sample.weight.sum())
    products = size[1:][pairs] * size[:-1][pairs]
    weight = sample.weight[1:][pairs]
    value: FloatArray = np.pi / 2 * (weight @ products) / weight.sum()
    return value
