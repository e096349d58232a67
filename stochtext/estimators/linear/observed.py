"""The fit where every state is observed as it is: closed form, search, or stable boundary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import stats

from stochtext._shared.typing import FloatArray
from stochtext.estimators.coarseness import WHITE
from stochtext.estimators.inference import MappedCovariances, checked_covariances
from stochtext.estimators.linear.boundary import FASTEST, BoundaryFit, fit_on_boundary, n_white
from stochtext.estimators.linear.closed_form import ClosedFormCovariances, closed_form
from stochtext.estimators.linear.regression import OneStepRegression, one_step_regression
from stochtext.estimators.linear.search import maximise
from stochtext.estimators.linear.start import check_full_rank, least_squares_start
from stochtext.estimators.linear_likelihood import LinearLikelihood, LinearParameters
from stochtext.estimators.newton import Optimum
from stochtext.estimators.sample import TransitionSample, check_starts
from stochtext.processes.linear.mean_basis import MeanBasis
from stochtext.results.inference.dynamics.one_step import OneStep, WhiteDirections
from stochtext.results.inference.parameters.covariance import ParameterCovariances

__all__ = ["ObservedFit", "fit_observed"]

HELD = "rates and diffusion of white directions are held at the end of their range, not estimated."


@dataclass(frozen=True)
class ObservedFit:
    """A maximum-likelihood fit with its errors.

    Attributes
    ----------
    parameters : LinearParameters
    optimum : Optimum
    covariances : ParameterCovariances
        Of (kappa, mean, factor); NaN for what is not identified.
    law : mapping or None
        The same without NaN, held rates as known; None where nothing is held.
    one_step : OneStep
    white : WhiteDirections or None
    """

    parameters: LinearParameters
    optimum: Optimum
    covariances: ParameterCovariances
    law: Mapping[str, FloatArray] | None
    one_step: OneStep
    white: WhiteDirections | None


def fit_observed(
    sample: TransitionSample, basis: MeanBasis, cov_type: str | None, max_iter: int
) -> ObservedFit:
    """Return the maximum-likelihood fit of the transitions.

    Parameters
    ----------
    sample : TransitionSample
    basis : MeanBasis
    cov_type : str or None
    max_iter : int
        Iterations of one search.
    """
    likelihood = LinearLikelihood(sample, basis)
    plain = one_step_regression(likelihood, likelihood.design.columns[:, : basis.size])
    check_full_rank(plain.covariance, sample)
    check_starts(sample)
    exact = closed_form(likelihood, plain, FASTEST)
    if exact is not None:
        k = len(exact.parameters.to_vector())
        optimum = Optimum(
            exact.parameters.to_vector(), -exact.regression.llf, np.full((k, k), np.nan), 0.0
        )
        covariances = checked_covariances(
            optimum, np.empty((0, k)), sample, cov_type,
            matrices=partial(ClosedFormCovariances, likelihood, exact),
        )  # fmt: skip
        return _interior(likelihood, plain, exact.parameters, optimum, covariances)
    found = None
    if not (len(likelihood.steps) == 1 and n_white(plain.phi)):
        found = _searched(likelihood, max_iter)
    if found is not None:
        covariances = checked_covariances(
            found, partial(likelihood.scores, found.theta), sample, cov_type
        )
        p = LinearParameters.from_vector(found.theta, sample.dim)
        return _interior(likelihood, plain, p, found, covariances)
    return _bounded(likelihood, plain, cov_type, max_iter)


def _searched(likelihood: LinearLikelihood, max_iter: int) -> Optimum | None:
    """Return the optimum of a search, or None if a direction runs away to white noise."""
    optimum = maximise(likelihood, least_squares_start(likelihood), max_iter)
    p = LinearParameters.from_vector(optimum.theta, likelihood.dim)
    rates = np.linalg.eigvals(p.kappa).real * float(np.median(likelihood.sample.dt))
    if rates.max() > FASTEST or (not optimum.converged and rates.max() > WHITE):
        return None
    return optimum


def _interior(
    likelihood: LinearLikelihood, plain: OneStepRegression, p: LinearParameters,
    optimum: Optimum, covariances: ParameterCovariances,
) -> ObservedFit:  # fmt: skip
    step = float(np.median(likelihood.sample.dt))
    count = int(np.sum(np.linalg.eigvals(p.kappa).real * step > WHITE))
    white = None
    if count:
        white = WhiteDirections(count, 0, step / WHITE, np.nan, 0, np.nan, "none is held")
    return ObservedFit(p, optimum, covariances, None, _one_step(likelihood, plain), white)


def _bounded(
    likelihood: LinearLikelihood, plain: OneStepRegression, cov_type: str | None, max_iter: int
) -> ObservedFit:
    fit = fit_on_boundary(likelihood, plain, max_iter)
    theta = fit.parameters.to_vector()
    inner = checked_covariances(
        fit.optimum, lambda: likelihood.scores(theta) @ fit.jacobian, likelihood.sample, cov_type
    )
    d, q = likelihood.dim, likelihood.n_coefficients
    missing = np.ones(len(theta), dtype=bool)
    missing[d * d : d * d + q * d] = False
    reason = inner.reason or HELD
    covariances = replace(
        inner, matrices=MappedCovariances(inner.matrices, fit.jacobian, missing), reason=reason
    )
    law = MappedCovariances(inner.matrices, fit.jacobian, None)
    optimum = replace(fit.optimum, theta=theta)
    white = _white(likelihood, fit)
    one_step = _one_step(likelihood, plain)
    return ObservedFit(fit.parameters, optimum, covariances, law, one_step, white)


def _one_step(likelihood: LinearLikelihood, plain: OneStepRegression) -> OneStep:
    """Return the regression in the data's own coordinates."""
    moved = likelihood.centre - plain.phi @ likelihood.centre
    levels = plain.levels.T + np.outer(likelihood.level, moved)
    return OneStep(plain.phi, levels, plain.covariance)


def _white(likelihood: LinearLikelihood, fit: BoundaryFit) -> WhiteDirections:
    """Return how many directions are white, with the likelihood ratio of holding them."""
    s, d = likelihood.sample, likelihood.dim
    step = float(np.median(s.dt))
    count = int(np.sum(np.linalg.eigvals(fit.parameters.kappa).real * step > WHITE))
    missing = _no_ratio(likelihood)
    if missing is not None:
        return WhiteDirections(count, fit.white, step / WHITE, np.nan, 0, np.nan, missing)
    whole = one_step_regression(likelihood, likelihood.design.columns)
    lr = max(2 * (whole.llf + fit.optimum.value), 0.0)
    df = fit.white**2 + d * (whole.rank - d - likelihood.n_coefficients)
    reason = None if np.all(s.weight == 1) else "trajectories have weights"
    pvalue = float(stats.chi2.sf(lr, df)) if reason is None else np.nan
    return WhiteDirections(count, fit.white, step / WHITE, float(lr), df, pvalue, reason)


def _no_ratio(likelihood: LinearLikelihood) -> str | None:
    """Return why no one-step regression contains the model, if none does."""
    if len(likelihood.steps) > 1:
        return "steps differ in length, so no one-step regression contains the model"
    if likelihood.design.behind.shape[1]:
        return "steps cross knots of the mean, so no one-step regression contains the model"
    return None
