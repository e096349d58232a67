"""The threshold method: increments too large for the diffusion are jumps."""

from __future__ import annotations

import numpy as np
from scipy import optimize
from scipy.special import log_ndtr, ndtr
from scipy.stats import chi2, norm

from stochtext._shared.exceptions import DegenerateDataError
from stochtext._shared.typing import BoolArray, FloatArray
from stochtext.estimators.jump_diffusion.natural import NaturalEstimate, positive
from stochtext.estimators.jump_diffusion.regression import (
    Continuous,
    bipower_covariance,
    fit_continuous,
)
from stochtext.estimators.sample import TransitionSample

__all__ = ["threshold_estimate"]

_ROUNDS = 30
# dt**.49 and not dt**.5: the threshold shrinks a little more slowly than the increments.
_EXTRA_POWER = 0.01
_FEWEST_JUMPS = 10
# Of a covariance in units of its own standard deviations.
NO_NOISE = 1e-12

NO_JUMPS = (
    "No increment exceeds the threshold: no jumps are seen. The law of a jump is not known; "
    "its numbers stand for that of one step of the diffusion."
)
FEW_JUMPS = "Only {n:.0f} increments exceed the threshold: no standard errors of the jumps."
COARSE_JUMPS = (
    "In several coordinates jumps below the threshold are not accounted for: the jump rate is "
    "that of visible jumps."
)


def threshold_estimate(
    sample: TransitionSample, design: FloatArray, multiple: float
) -> NaturalEstimate:
    """Estimate with jumps found by a threshold, which is iterated with the local fit.

    Parameters
    ----------
    sample : TransitionSample
        In the order of the panel.
    design : ndarray of shape (n, K)
        Monomials of the drift.
    multiple : float
        Threshold in standard deviations of one step, at a step as long as the observation.

    Notes
    -----
    A jump is e with ``e' a^-1 e > c**2 dt (T / dt)**0.02``, in one coordinate
    ``|e| > c sigma T**0.01 dt**0.49``, T being the observed time; c is such that the
    probability of a false one is that of ``multiple`` standard deviations in any dimension.
    In one coordinate jumps below the threshold are accounted for by the truncated normal
    likelihood of those above.

    References
    ----------
    Mancini, C. (2009), Non-parametric threshold estimation for models with stochastic
    diffusion coefficient and jumps, Scandinavian Journal of Statistics 36, 270-296.
    """
    fit, jumped, limit = _iterated(sample, design, multiple)
    dim, n = sample.dim, sample.n
    lower = np.tril_indices(dim)
    span = float(sample.weight @ sample.dt)
    number = float(sample.weight @ jumped)
    step = float(np.average(sample.dt, weights=sample.weight))
    head = [
        np.swapaxes(fit.drift_influence, 1, 2).reshape(n, -1),
        fit.covariance_influence[:, lower[0], lower[1]],
    ]
    size = 1 + dim + len(lower[0])
    if number == 0:
        tail = np.full((n, size), np.nan)
        return NaturalEstimate(
            fit.drift, fit.covariance, 0.0, np.zeros(dim), fit.covariance * step,
            np.column_stack([*head, tail]), 0.0, (NO_JUMPS,),
        )  # fmt: skip
    law = _truncated_law if dim == 1 and number >= _FEWEST_JUMPS else _visible_law
    rate, mean, covariance, tail = law(sample, fit, jumped, limit, span)
    notes: tuple[str, ...] = (COARSE_JUMPS,) if dim > 1 else ()
    if number < _FEWEST_JUMPS:
        tail[:] = np.nan
        notes += (FEW_JUMPS.format(n=number),)
    rest = fit.covariance
    if law is _truncated_law:
        rest = _without_hidden(fit.covariance, rate, mean, covariance, limit, step)
        covariance = covariance + step * (fit.covariance - rest)
    covariance = positive(covariance, rest * step)
    return NaturalEstimate(
        fit.drift, rest, rate, mean, covariance, np.column_stack([*head, tail]), number,
        notes,
    )  # fmt: skip


def _iterated(
    sample: TransitionSample, design: FloatArray, multiple: float
) -> tuple[Continuous, BoolArray, FloatArray]:
    """Return the fit without jumps, which transitions are jumps, and their squared limits."""
    span = float(sample.weight @ sample.dt)
    squared = chi2.isf(2 * norm.sf(multiple), sample.dim)
    limit = squared * (span / sample.dt) ** (2 * _EXTRA_POWER)
    everything = np.ones(sample.n, dtype=bool)
    fit = fit_continuous(sample, design, everything)
    # The first covariance: correlations of all increments, variances without jumps.
    rates = bipower_covariance(fit.noise, sample)
    scale = np.sqrt(np.maximum(rates, 1e-12 * np.diag(fit.covariance)) / np.diag(fit.covariance))
    covariance = fit.covariance * np.outer(scale, scale)
    jumped = ~everything
    for _ in range(_ROUNDS):
        distance = _distance(fit.noise, covariance, sample.dt)
        found = distance > limit
        # At most half of the transitions may be jumps: a diffusion must remain.
        if np.array_equal(found, jumped) or found.sum() > 0.5 * sample.n:
            break
        jumped = found
        fit = fit_continuous(sample, design, ~jumped)
        covariance = fit.covariance
    return fit, jumped, limit


def _distance(noise: FloatArray, covariance: FloatArray, dt: FloatArray) -> FloatArray:
    """Return e' a^-1 e / dt; a covariance without noise in some direction is refused."""
    size = np.sqrt(np.maximum(np.diag(covariance), np.finfo(np.float64).tiny))
    if np.linalg.eigvalsh(covariance / np.outer(size, size))[0] < NO_NOISE:
        raise DegenerateDataError(
            "Between its jumps the path has no noise in some direction, so there is no diffusion "
            "to estimate. Use a higher `threshold` so that fewer increments count as jumps, or "
            "remove the coordinate."
        )
    solved = np.linalg.solve(covariance, noise.T).T
    return np.asarray(np.einsum("nj,nj->n", noise, solved) / dt)


def _visible_law(
    sample: TransitionSample,
    fit: Continuous,
    jumped: BoolArray,
    limit: FloatArray,
    span: float,
) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Return rate, mean, covariance of the jumps seen, and influences."""
    weight = sample.weight
    number = float(weight @ jumped)
    own = weight * jumped
    mean = own @ fit.noise / number
    centred = fit.noise - mean
    products = centred[:, :, None] * centred[:, None, :]
    step = float(own @ sample.dt / number)
    covariance = np.tensordot(own, products, axes=1) / max(number - 1, 1.0)
    lower = np.tril_indices(sample.dim)
    spread = np.where(jumped[:, None, None], (products - covariance) / number, 0.0)
    spread = spread - step * fit.covariance_influence
    tail = np.column_stack(
        [
            (jumped - number / span * sample.dt) / span,
            np.where(jumped[:, None], centred / number, 0.0),
            spread[:, lower[0], lower[1]],
        ]
    )
    return number / span, mean, covariance - step * fit.covariance, tail


def _truncated_law(
    sample: TransitionSample,
    fit: Continuous,
    jumped: BoolArray,
    limit: FloatArray,
    span: float,
) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Return rate, mean and variance of all jumps from those above the threshold."""
    edge = np.sqrt(limit * fit.covariance[0, 0] * sample.dt)
    size, own_edge = fit.noise[jumped, 0], edge[jumped]
    own = sample.weight[jumped]
    unit = float(np.sqrt(own @ size**2 / own.sum()))
    start = np.array([own @ size / own.sum() / unit, 0.0])

    def objective(theta: FloatArray) -> float:
        return -float(own @ _truncated_log_density(theta, size / unit, own_edge / unit))

    found = optimize.minimize(
        objective, start, method="L-BFGS-B", bounds=[(-3.0, 3.0), (-3.0, 1.0)]
    )
    scores = _differences(
        lambda th: _truncated_log_density(th, size / unit, own_edge / unit), found.x
    )
    hessian = _differences(
        lambda th: own @ _differences(
            lambda u: _truncated_log_density(u, size / unit, own_edge / unit), th
        ), found.x,
    )  # fmt: skip
    effect = -scores @ np.linalg.pinv((hessian + hessian.T) / 2)
    theta = found.x
    seen = _seen(theta, edge / unit)
    expected = float((sample.weight * sample.dt) @ seen)
    number = float(own.sum())
    rate = number / expected
    slope = _differences(
        lambda th: np.atleast_1d((sample.weight * sample.dt) @ _seen(th, edge / unit)), theta
    )[0]
    tail = np.zeros((sample.n, 3))
    tail[:, 0] = (jumped - rate * sample.dt * seen) / expected
    tail[jumped, 0] -= rate / expected * (effect @ slope)
    tail[jumped, 1] = unit * effect[:, 0]
    variance = unit**2 * np.exp(2 * theta[1])
    tail[jumped, 2] = 2 * variance * effect[:, 1]
    step = float(own @ sample.dt[jumped] / number)
    tail[:, 2] -= step * fit.covariance_influence[:, 0, 0]
    covariance = np.array([[variance]]) - step * fit.covariance
    return rate, np.array([unit * theta[0]]), covariance, tail


def _without_hidden(
    a: FloatArray,
    rate: float,
    mean: FloatArray,
    covariance: FloatArray,
    limit: FloatArray,
    step: float,
) -> FloatArray:
    """Return the covariance rate less what jumps below the threshold added to it."""
    edge = float(np.sqrt(np.median(limit) * a[0, 0] * step))
    total = float(covariance[0, 0] + a[0, 0] * step)
    m, v = float(mean[0]), float(np.sqrt(max(total, 1e-300)))
    low, high = (-edge - m) / v, (edge - m) / v
    hidden = ndtr(high) - ndtr(low)
    square = (m**2 + v**2) * hidden + 2 * m * v * (norm.pdf(low) - norm.pdf(high))
    square += v**2 * (low * norm.pdf(low) - high * norm.pdf(high))
    kept = 1 - rate * step * (1 - hidden)
    rest = (a * kept - rate * square) / max(1 - rate * step, 1e-3)
    return np.where(rest > 0.1 * a, rest, a)


def _truncated_log_density(theta: FloatArray, size: FloatArray, edge: FloatArray) -> FloatArray:
    """Return the log density of N(m, v**2) given that its size exceeds the edge."""
    mean, log_sd = theta
    z = (size - mean) * np.exp(-log_sd)
    upper = log_ndtr((mean - edge) * np.exp(-log_sd))
    lower = log_ndtr((-edge - mean) * np.exp(-log_sd))
    return np.asarray(-0.5 * z**2 - log_sd - np.logaddexp(lower, upper))


def _seen(theta: FloatArray, edge: FloatArray) -> FloatArray:
    """Return the probability that a jump exceeds the edge."""
    mean, scale = theta[0], np.exp(-theta[1])
    return np.asarray(ndtr((mean - edge) * scale) + ndtr((-edge - mean) * scale))


def _differences(function: object, theta: FloatArray, step: float = 1e-4) -> FloatArray:
    """Return central differences of a vector function, shape (size, len(theta))."""
    columns = []
    for k in range(len(theta)):
        shift = np.zeros(len(theta))
        shift[k] = step
        columns.append((function(theta + shift) - function(theta - shift)) / (2 * step))  # type: ignore[operator]
    return np.stack(columns, axis=-1)
