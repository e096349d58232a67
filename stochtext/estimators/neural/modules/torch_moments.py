"""Moments of a step and their likelihood as torch expressions, for modules that torch trains.

The same equations as ``transitions/cubature/moments.py``, written so that autograd passes.
torch is imported inside functions only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

__all__ = ["gaussian_loss", "step_moments"]

Coefficients = Callable[[Any, Any], tuple[Any, Any]]


def step_moments(
    coefficients: Coefficients, x: Any, t: Any, dt: Any, pace: Any, n_substeps: int, euler: bool
) -> tuple[Any, Any]:
    """Return mean (n, d) and covariance (n, d, d) after one step.

    Parameters
    ----------
    coefficients : callable
        From states (n, d) and clock readings (n,) to drift (n, d) and the lower factor of
        the covariance rate (n, d, d).
    x : Tensor of shape (n, d)
    t, dt, pace : Tensor of shape (n,)
        Start on the clock, length of the step, and length on the clock.
    n_substeps : int
    euler : bool
        Whether a substep is one of Euler's in place of Runge and Kutta's.
    """
    h, clock = dt / n_substeps, pace / n_substeps
    mean, moment = x, x.new_zeros(*x.shape, x.shape[1])
    for step in range(n_substeps):
        now, first = t + step * clock, step == 0
        k1 = _rates(coefficients, mean, moment, now, at_point=first)
        if euler:
            mean, moment = _moved(mean, moment, k1, h)
            continue
        k2 = _rates(coefficients, *_moved(mean, moment, k1, h / 2), now + clock / 2)
        k3 = _rates(coefficients, *_moved(mean, moment, k2, h / 2), now + clock / 2)
        k4 = _rates(coefficients, *_moved(mean, moment, k3, h), now + clock)
        sums = [(a + 2 * b + 2 * c + e) / 6 for a, b, c, e in zip(k1, k2, k3, k4, strict=True)]
        mean, moment = _moved(mean, moment, (sums[0], sums[1]), h)
    return mean, moment


def gaussian_loss(mean: Any, covariance: Any, x_next: Any) -> Any:
    """Return minus the log density of each row; NaN where the covariance is not positive."""
    import torch

    factor = _factor(covariance)
    white = torch.linalg.solve_triangular(factor, (x_next - mean)[:, :, None], upper=False)
    scale = torch.diagonal(factor, dim1=1, dim2=2).log().sum(dim=1)
    constant = 0.5 * x_next.shape[1] * math.log(2.0 * math.pi)
    return 0.5 * (white[:, :, 0] ** 2).sum(dim=1) + scale + constant


def _moved(mean: Any, moment: Any, rates: tuple[Any, Any], h: Any) -> tuple[Any, Any]:
    return mean + h[:, None] * rates[0], moment + h[:, None, None] * rates[1]


def _rates(
    coefficients: Coefficients, mean: Any, moment: Any, t: Any, at_point: bool = False
) -> tuple[Any, Any]:
    """Return the derivatives of mean and covariance; ``at_point`` where the latter is zero."""
    import torch

    if at_point:
        drift, factor = coefficients(mean, t)
        return drift, factor @ factor.transpose(1, 2)
    n, d = mean.shape
    arms = math.sqrt(d) * _factor(moment).transpose(1, 2)
    points = torch.cat([mean[:, None] + arms, mean[:, None] - arms], dim=1)
    drift, factor = coefficients(points.reshape(-1, d), t.repeat_interleave(2 * d))
    drift, factor = drift.reshape(n, 2 * d, d), factor.reshape(n, 2 * d, d, d)
    cross = (drift[:, :d] - drift[:, d:]).transpose(1, 2) @ arms / (2 * d)
    spread = (factor @ factor.transpose(2, 3)).mean(dim=1)
    return drift.mean(dim=1), cross + cross.transpose(1, 2) + spread


def _factor(matrix: Any) -> Any:
    """Return lower Cholesky factors, NaN in rows that have none."""
    import torch

    factor, failed = torch.linalg.cholesky_ex(matrix)
    if bool(failed.any()):
        factor = torch.where((failed > 0)[:, None, None], torch.full_like(factor, math.nan), factor)
    return factor
