"""Tests of "no noise" and "no mean of a trajectory's own": a variance at the end of its range."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stochtext._shared.random import generator
from stochtext._shared.typing import BoolArray, FloatArray, IntArray, RandomState
from stochtext.estimators.linear.state_space.cones import squared_projections
from stochtext.estimators.linear.state_space.fit import fit_state_space, likelihood_of
from stochtext.estimators.linear.state_space.result import BoundaryTest, StateSpaceFit
from stochtext.estimators.sample import TransitionSample, transition_sample

__all__ = ["no_effect_test", "no_noise_test"]

DRAWS = 4000
# Samples drawn under the null hypothesis for the information.
SAMPLES = 4
ROUNDING = 1e-7
# Share of the data's variance at which the information about a variance is measured.
SMALL = 0.01


def no_noise_test(
    sample: TransitionSample,
    fit: StateSpaceFit,
    *,
    n_boot: int = 0,
    random_state: RandomState = None,
) -> BoundaryTest:
    """Test R = 0 by the likelihood ratio.

    Parameters
    ----------
    sample : TransitionSample
        What ``fit`` was fitted to.
    fit : StateSpaceFit
        With ``observation_noise="diagonal"`` or ``"full"``.
    n_boot : int, default 0
        Samples of a parametric bootstrap; 0: the asymptotic law on the boundary.
    random_state : int, Generator, SeedSequence or None

    Notes
    -----
    Twice the gain in log likelihood is compared with the squared length of a Gaussian
    vector projected onto the cone of covariances; for one variance that is the mixture of
    0 and chi-square(1) in equal parts.
    """
    return _test("no noise", "noise", sample, fit, n_boot, random_state)


def no_effect_test(
    sample: TransitionSample,
    fit: StateSpaceFit,
    *,
    n_boot: int = 0,
    random_state: RandomState = None,
) -> BoundaryTest:
    """Test that the trajectories share one mean (B = 0) by the likelihood ratio.

    Parameters and notes are those of :func:`no_noise_test`, with ``mean_effect="random"``.
    """
    return _test("no random mean", "effect", sample, fit, n_boot, random_state)


def _test(
    name: str, part: str, sample: TransitionSample, fit: StateSpaceFit, n_boot: int,
    random_state: RandomState,
) -> BoundaryTest:  # fmt: skip
    null = _null_fit(part, sample, fit)
    statistic = 2.0 * (fit.llf - null.llf)
    statistic = statistic if statistic > ROUNDING else 0.0
    rng = generator(random_state, f"likelihood ratio of {name}")
    if n_boot:
        drawn = np.array([_one_draw(part, sample, fit, null, rng) for _ in range(n_boot)])
        pvalue = (1.0 + np.sum(drawn >= statistic)) / (n_boot + 1.0)
        reference = f"parametric bootstrap of {n_boot} samples"
        return BoundaryTest(name, statistic, float(pvalue), reference, null.llf)
    return _against_cone(name, part, sample, fit, null, statistic, rng)


def _against_cone(
    name: str, part: str, sample: TransitionSample, fit: StateSpaceFit, null: StateSpaceFit,
    statistic: float, rng: np.random.Generator,
) -> BoundaryTest:  # fmt: skip
    if sample.dim == 1:
        from scipy.stats import chi2

        pvalue = 0.5 * chi2.sf(statistic, 1) if statistic > 0 else 1.0
        reference = "mixture of 0 and chi-square(1) in equal parts"
        return BoundaryTest(name, statistic, float(pvalue), reference, null.llf)
    information = _information(part, sample, fit, null, rng)
    if information is None:
        reason = "no reference law: the information under the null hypothesis is singular"
        return BoundaryTest(name, statistic, np.nan, reason, null.llf)
    full = part == "effect" or fit.asked.observation_noise == "full"
    drawn = squared_projections(information, sample.dim, full=full, n=DRAWS, rng=rng)
    pvalue = float(np.mean(drawn >= statistic)) if statistic > 0 else 1.0
    reference = f"chi-bar-square of the cone of covariances ({DRAWS} draws)"
    return BoundaryTest(name, statistic, pvalue, reference, null.llf)


def _null_fit(part: str, sample: TransitionSample, fit: StateSpaceFit) -> StateSpaceFit:
    without: dict[str, Any] = {"observation_noise": None}
    if part == "effect":
        # The same law of first states, so that the hypotheses are nested.
        without = {"mean_effect": "none", "initial": fit.model.initial}
    return fit_state_space(sample, **vars(replace(fit.asked, **without)))


def _one_draw(
    part: str, sample: TransitionSample, fit: StateSpaceFit, null: StateSpaceFit,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    panel = null.model.simulate(sample.panel, rng)
    drawn = transition_sample(panel, clock=sample.clock)
    drawn = replace(drawn, weight=sample.weight, cluster=sample.cluster)
    larger = fit_state_space(drawn, **vars(fit.asked))
    return max(2.0 * (larger.llf - _null_fit(part, drawn, fit).llf), 0.0)


def _information(
    part: str, sample: TransitionSample, fit: StateSpaceFit, null: StateSpaceFit,
    rng: np.random.Generator,
) -> FloatArray | None:  # fmt: skip
    """Return the efficient information of the tested variances close to zero.

    It is taken from samples that are drawn under the null hypothesis: where that fails,
    the data's own curvature need not be an information at all.
    """
    found = []
    for _ in range(SAMPLES):
        panel = null.model.simulate(sample.panel, rng)
        drawn = replace(transition_sample(panel, clock=sample.clock), weight=sample.weight)
        found.append(_curvature(part, drawn, fit, null))
    tested = found[0][1]
    rest = ~tested
    information = np.mean([curvature for curvature, _ in found], axis=0)
    nuisance, across = information[np.ix_(rest, rest)], information[np.ix_(rest, tested)]
    try:
        efficient = information[np.ix_(tested, tested)]
        efficient = efficient - across.T @ np.linalg.solve(nuisance, across)
        efficient = 0.5 * (efficient + efficient.T)
        np.linalg.cholesky(nuisance)
        np.linalg.cholesky(efficient)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(efficient)


def _curvature(
    part: str, sample: TransitionSample, fit: StateSpaceFit, null: StateSpaceFit
) -> tuple[FloatArray, BoolArray]:
    """Return the second derivative in the parameters and the tested covariance, and which is which.

    Parameters of the null hypothesis at the end of their range stay there.
    """
    likelihood, centre = likelihood_of(sample, fit.asked)
    shape = likelihood.model.shape
    place = shape.positions(part)
    rest = np.setdiff1d(np.arange(shape.size), place)
    theta = np.zeros(shape.size)
    theta[rest] = null.optimum.theta
    theta = shape.pack(shape.unpack(theta).moved(-centre, likelihood.model.basis))
    spread = np.nanstd(likelihood.rows.y, axis=0)
    full = len(place) > shape.dim or shape.dim == 1
    lower = np.tril_indices(shape.dim) if full else (np.arange(shape.dim),) * 2
    middle = SMALL * np.diag(spread**2)
    # From here on the tested factor's places hold the entries of the covariance.
    theta[place] = middle[lower]

    def gradient(point: FloatArray) -> FloatArray:
        covariance = np.zeros_like(middle)
        covariance[lower] = covariance.T[lower] = point[place]
        factor: FloatArray = np.linalg.cholesky(covariance).astype(np.float64)
        inner = point.copy()
        inner[place] = factor[lower]
        _, found = likelihood.value_and_gradient(inner)
        found[place] = np.linalg.solve(_factor_jacobian(factor, lower).T, found[place])
        return found

    width = np.zeros(shape.size)
    width[place] = 0.25 * SMALL * spread[lower[0]] * spread[lower[1]]
    with np.errstate(invalid="ignore", divide="ignore"):
        width[rest] = 1e-3 / np.sqrt(np.diag(null.optimum.hessian))
    moving = np.ones(shape.size, dtype=bool)
    moving[rest] = null.free
    columns = []
    for k in np.flatnonzero(moving):
        shift = np.zeros(shape.size)
        shift[k] = width[k]
        columns.append((gradient(theta + shift) - gradient(theta - shift)) / (2.0 * width[k]))
    tested = np.isin(np.arange(shape.size), place)
    return np.stack(columns, axis=1)[moving], tested[moving]


def _factor_jacobian(factor: FloatArray, lower: tuple[IntArray, ...]) -> FloatArray:
    """Return the derivative of the covariance's entries in those of its factor."""
    columns = []
    for i, j in zip(*lower, strict=True):
        moved = np.zeros_like(factor)
        moved[i, j] = 1.0
        change = moved @ factor.T
        columns.append((change + change.T)[lower])
    return np.stack(columns, axis=1)
