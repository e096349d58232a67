"""GaussianProcessSDE: a Gaussian-process prior on the drift, one more baseline."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from stochtext._shared.exceptions import ConvergenceWarning
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_integer
from stochtext.estimators.base import Fit, SDEEstimator
from stochtext.estimators.gaussian_process.regression import (
    LENGTHS,
    Posterior,
    best_lengths,
    posterior,
)
from stochtext.estimators.local.continuation import LinearContinuation, fit_continuation
from stochtext.estimators.local.fitting import functional_fit
from stochtext.estimators.local.folds import canonical_order
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.gaussian_process import GaussianProcessDiffusion, InducedFeatures
from stochtext.results.inference.curves.posterior_errors import PosteriorErrors

__all__ = ["GaussianProcessSDE"]

TARGET = (
    "Intervals of the drift are posterior intervals of a Gaussian-process prior with its "
    "evidence-maximising scales held fixed; the drift is that of one sampling interval."
)
ON_A_BOUND = (
    "The length scale of {names} lies on a bound of its search, {low:g} and {high:g} standard "
    "deviations of the states: at the longer one the drift is a line as far as the data tell, at "
    "the shorter one it is not resolved."
)
# Length scales change slowly with the data: more rows than this are thinned for their search.
_MOST_ROWS = 20_000
_ROUNDS = 3
# An interval whose centre is off by .3 standard errors still covers 94 % at nominal 95 %.
_TOLERATED_BIAS = 0.3


class GaussianProcessSDE(SDEEstimator):
    """Drift by Gaussian-process regression of dX / dt, diffusion constant.

    Parameters
    ----------
    n_inducing : int, default 40
        States at which the posterior is held; fewer if there are fewer states.
    max_iter : int, default 60
        Steps of the search for the length scales.

    Attributes
    ----------
    process_ : ExtrapolatedProcess
        The posterior mean inside the support of the data, a linear fit outside.
    length_scale_ : ndarray of shape (d,)
        In the units of the coordinates, shared by all components.

    Notes
    -----
    Each component of the drift has a vague linear mean and a squared exponential
    covariance about it; dX / dt has the noise variance a_jj / dt. Length scales and
    amplitudes maximise the evidence, and the covariance rate is that of the residuals.
    Transitions are independent given the states, so panels need no clustering as long as
    the process is Markov.

    References
    ----------
    Ruttor, Batz and Opper (2013), Approximate Gaussian process inference for the drift
    function in stochastic differential equations, NIPS 26. Titsias (2009), Variational
    learning of inducing variables in sparse Gaussian processes, AISTATS.

    Examples
    --------
    >>> import stochtext as st
    >>> from stochtext.estimators import GaussianProcessSDE
    >>> X = st.simulate(st.DoubleWell(1.0, 1.0, 0.7), 0.0, dt=0.02, n_steps=5000, random_state=1)
    >>> fit = GaussianProcessSDE().fit(X)
    >>> bool(fit.predict_drift([[0.5]])[0, 0] > 0 > fit.predict_drift([[1.4]])[0, 0])
    True
    """

    def __init__(self, n_inducing: int = 40, *, max_iter: int = 60) -> None:
        self.n_inducing = n_inducing
        self.max_iter = max_iter

    def _fit_sample(self, sample: TransitionSample) -> Fit:
        count = check_integer("n_inducing", self.n_inducing, minimum=1)
        steps = check_integer("max_iter", self.max_iter, minimum=1)
        observed = sample
        sample = sample.subset(sample.weight > 0)
        sample = sample.subset(canonical_order(sample))
        linear = fit_continuation(sample.x, sample.x_next - sample.x, sample.dt, sample.weight)
        start = _features(sample.x, count)
        features, found = self._with_lengths(sample, start, linear, steps)
        inside, error = _fitted(sample, features, linear)
        self.length_scale_ = features.length
        shown = ", ".join(f"{length:.4g}" for length in features.length)
        details = (("Length scales", shown), ("Inducing states", len(features.inducing)))
        errors = PosteriorErrors(inside, _honest(sample, inside, error))
        return functional_fit(
            observed, inside, linear.process(), errors,
            model="GaussianProcessSDE", details=details, converged=found,
            notes=(TARGET, *_bound_note(features, observed.panel.columns)),
        )  # fmt: skip

    def _with_lengths(
        self,
        sample: TransitionSample,
        start: InducedFeatures,
        linear: LinearContinuation,
        steps: int,
    ) -> tuple[InducedFeatures, bool]:
        rows = np.arange(0, sample.n, -(-sample.n // _MOST_ROWS))
        precision = _precision(sample, linear.covariance)[rows]
        # Thinned rows stand for all of them.
        share = sample.n / len(rows)
        length, found = best_lengths(
            start, sample.x[rows], _slopes(sample)[rows], precision * share, steps
        )
        if not found:
            warnings.warn(
                f"The length scales still moved after {steps} steps; increase max_iter.",
                ConvergenceWarning,
                stacklevel=5,
            )
        return InducedFeatures(start.inducing, length, start.centre, start.scale), found


def _bound_note(features: InducedFeatures, columns: Sequence[str]) -> tuple[str, ...]:
    ratio = features.length / features.scale
    ends = np.isclose(ratio[:, None], LENGTHS, rtol=1e-9).any(axis=1)
    names = ", ".join(columns[j] for j in np.flatnonzero(ends).tolist())
    return (ON_A_BOUND.format(names=names, low=LENGTHS[0], high=LENGTHS[1]),) if names else ()


def _slopes(sample: TransitionSample) -> FloatArray:
    return (sample.x_next - sample.x) / sample.dt[:, None]


def _precision(sample: TransitionSample, rate: FloatArray) -> FloatArray:
    return (sample.weight * sample.dt)[:, None] / np.diag(rate)


def _features(x: FloatArray, count: int) -> InducedFeatures:
    """Return features whose inducing states are spread over the data, each far from the others."""
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    centre = x.mean(axis=0)
    unit = (x[:: max(1, len(x) // 5000)] - centre) / scale
    chosen = [int(np.argmin(np.sum(unit**2, axis=1)))]
    distance = np.sum((unit - unit[chosen[0]]) ** 2, axis=1)
    while len(chosen) < min(count, len(unit)) and distance.max() > 1e-8:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.sum((unit - unit[chosen[-1]]) ** 2, axis=1))
    return InducedFeatures(unit[chosen] * scale + centre, scale, centre, scale)


def _honest(
    sample: TransitionSample, process: GaussianProcessDiffusion, error: FloatArray
) -> FloatArray:
    """Return NaN for the errors of rates that the sampling interval biases too much.

    The leading term of what an interval dt adds to the rate a is dt (J a + a J') / 2 with the
    Jacobian J of the drift (Florens-Zmirou, 1989), here by differences and averaged.
    """
    rows = np.arange(0, sample.n, -(-sample.n // _MOST_ROWS))
    x, rate = sample.x[rows], process.local_covariance(sample.x[:1])[0]
    width = 1e-4 * process.features.length
    mean_jacobian = np.empty_like(rate)
    for k, step in enumerate(np.diag(width)):
        rise = process.local_drift(x + step) - process.local_drift(x - step)
        mean_jacobian[:, k] = np.average(
            rise, axis=0, weights=sample.weight[rows] * sample.dt[rows]
        ) / (2 * width[k])
    pull = mean_jacobian @ rate
    bias = 0.5 * float(np.average(sample.dt, weights=sample.weight)) * (pull + pull.T)
    return np.where(np.abs(bias) > _TOLERATED_BIAS * error, np.nan, error)


def _fitted(
    sample: TransitionSample, features: InducedFeatures, linear: LinearContinuation
) -> tuple[GaussianProcessDiffusion, FloatArray]:
    """Return the posterior with the covariance rate of its residuals, and the latter's errors."""
    rate, slopes = linear.covariance, _slopes(sample)
    for _ in range(_ROUNDS):
        precision = _precision(sample, rate)
        parts = posterior(features, sample.x, slopes, precision)
        process = _process(features, parts, rate, linear)
        residual = (slopes - process.local_drift(sample.x)) * np.sqrt(sample.dt)[:, None]
        used = np.array([_effective(part, features.n_linear) for part in parts])
        n = sample.n_effective
        freedom = np.sqrt(np.maximum(n - used, 1.0))
        rate = (residual * sample.weight[:, None]).T @ residual / np.outer(freedom, freedom)
    variance = np.diag(rate)
    error = np.sqrt((np.outer(variance, variance) + rate**2) / n)
    return _process(features, parts, rate, linear), error


def _effective(part: Posterior, n_linear: int) -> float:
    """Return the number of coefficients that the data, not the prior, determine."""
    induced = np.diag(part.covariance)[n_linear:] / part.amplitude**2
    return n_linear + float(np.sum(1.0 - np.minimum(induced, 1.0)))


def _process(
    features: InducedFeatures,
    parts: list[Posterior],
    rate: FloatArray,
    linear: LinearContinuation,
) -> GaussianProcessDiffusion:
    return GaussianProcessDiffusion(
        features.inducing, length=features.length, centre=features.centre, scale=features.scale,
        amplitude=[part.amplitude for part in parts],
        coefficients=np.stack([part.mean for part in parts]),
        posterior=np.stack([part.covariance for part in parts]),
        rate=rate, continuation=linear.process(),
    )  # fmt: skip
