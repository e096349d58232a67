"""States observed with noise: whether, and the EM algorithm around the ordinary fit.

Law of this file: it knows no network; what fits transitions is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from stochtext._shared.exceptions import ConvergenceError, InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext._shared.validation import as_float_array
from stochtext.estimators.neural.noise.smoother import SmoothedStates, smooth_states
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.results.inference.parameters.nugget import NuggetTest, nugget_test

__all__ = [
    "NoiseFit",
    "NoiseSettings",
    "asked_noise",
    "fit_behind_noise",
    "noise_notes",
    "pair_sample",
]

LEVEL = 0.05
_MOST_ROUNDS = 30
# Rounds end when the noise moves by less than this part, and the likelihood by less than that.
_STILL = 0.02
_STILL_NATS = 0.2
_STEPS = (1.0, 2.0, 4.0)
_FIRST_TRADE = 0.05
# Share of the variance of increments that may be noise.
_MOST_NOISE = 0.95
_SMALLEST_SHARE = 1e-6


@dataclass(frozen=True)
class NoiseSettings:
    """Noise of the observations as it was asked for.

    Attributes
    ----------
    variance : ndarray of shape (d,)
        What it is, or where the search for it starts.
    known : bool
        Whether it was given.
    test : NuggetTest or None
        What switched it on.
    """

    variance: FloatArray
    known: bool
    test: NuggetTest | None = None


class RoundOfFit(Protocol):
    """What a fit to weighted transitions must give."""

    @property
    def process(self) -> Process:
        """The fitted process."""

    def rescaled(self, left: FloatArray) -> RoundOfFit:
        """Return it with the covariance rate of each coordinate multiplied by ``left``."""


@dataclass(frozen=True)
class NoiseFit:
    """States behind the observations, and the fit to them.

    Attributes
    ----------
    fit : object
        What the last round's fit gave.
    sample : TransitionSample
        Weighted transitions between points of the smoothed law of each pair of states.
    variance : ndarray of shape (d,)
        Variance of the noise.
    states : SmoothedStates
        Under the process before the last fit.
    observed : ndarray of shape (N, d)
    place : ndarray of int of shape (n,)
        Row of the observation before each transition.
    known : bool
        Whether the noise was given.
    n_rounds : int
    converged : bool
    """

    fit: RoundOfFit
    sample: TransitionSample
    variance: FloatArray
    states: SmoothedStates
    observed: FloatArray
    place: IntArray
    known: bool
    n_rounds: int
    converged: bool


def asked_noise(
    obs_noise: Any, sample: TransitionSample, sees_clock: bool, sees_more: bool = False
) -> NoiseSettings | None:
    """Return what ``obs_noise`` asks for, None for noise-free observations.

    Parameters
    ----------
    obs_noise : None, "auto", "estimate", float or array_like of shape (d,) or (d, d)
        Standard deviations, or a diagonal covariance; "auto" tests first.
    sample : TransitionSample
    sees_clock : bool
        Whether the process may depend on t.
    sees_more : bool
        Whether it has covariates or effects of groups.

    Raises
    ------
    InputError
        If it is none of these, or there are covariates: EM is not offered with them.
    """
    if obs_noise is None:
        return None
    if sees_more:
        raise InputError(
            "`obs_noise` is not offered together with covariates or group effects. Leave one out."
        )
    if isinstance(obs_noise, str):
        if obs_noise not in ("auto", "estimate"):
            raise InputError(
                "`obs_noise` must be None, 'auto', 'estimate' or standard deviations; got "
                f"{obs_noise!r}."
            )
        test = nugget_test(
            sample.x, sample.x_next, sample.dt, sample.trajectory,
            clock=sample.t if sees_clock else None, weight=sample.weight,
        )  # fmt: skip
        if obs_noise == "auto" and not test.pvalue <= LEVEL:
            return None
        return NoiseSettings(_start(test, sample), False, test)
    variance = _given_variance(obs_noise, sample.dim)
    return NoiseSettings(variance, True) if variance.any() else None


def _given_variance(obs_noise: Any, d: int) -> FloatArray:
    values = as_float_array("obs_noise", obs_noise)
    if values.shape == (d, d) and d > 1:
        if np.any(values != np.diag(np.diag(values))):
            raise InputError("`obs_noise` as a covariance must be diagonal.")
        variance = np.diag(values)
        given = values
    else:
        given = values
        variance = np.broadcast_to(values.reshape(-1) if values.size == 1 else values, (d,)) ** 2
    if not np.all(np.isfinite(given)) or np.any(variance < 0) or np.any(values < 0):
        raise InputError(f"`obs_noise` must be finite and not negative; got {obs_noise!r}.")
    return np.array(variance, dtype=np.float64)


def _start(test: NuggetTest, sample: TransitionSample) -> FloatArray:
    """Return a positive variance from which the search starts."""
    step = (sample.weight @ (sample.x_next - sample.x) ** 2) / sample.weight.sum()
    guess = np.where(np.isfinite(test.variance), test.variance, 0.1 * step)
    return np.clip(guess, 0.02 * step, 0.45 * step)


def fit_behind_noise(
    sample: TransitionSample,
    noise: NoiseSettings,
    first: RoundOfFit,
    maximise: Callable[[TransitionSample, Any], RoundOfFit],
) -> NoiseFit:
    """Maximise the likelihood of noisy observations by EM.

    Parameters
    ----------
    sample : TransitionSample
        Of the observations.
    noise : NoiseSettings
    first : RoundOfFit
        Where the search starts.
    maximise : callable
        From weighted transitions and the last fit to the next one.

    Notes
    -----
    The E-step runs the cubature Kalman smoother; the M-step fits the process to the 4 d points of
    the smoothed law of each pair of states, with weights 1 / (4 d). EM is slow where noise and
    covariance rate make up for each other. So the noise moves along its own EM step, one, two or
    four times as far, whatever the likelihood of the observations likes best, and then together
    with the covariance rate, the variance of the increments held.

    References
    ----------
    Shumway and Stoffer (1982), An approach to time series smoothing and forecasting using the
    EM algorithm, Journal of Time Series Analysis 3, 253-264.
    Liu and Rubin (1994), The ECME algorithm, Biometrika 81, 633-648.
    """
    fit, variance = first, noise.variance
    before, rounds, converged = -np.inf, 0, False
    while rounds < _MOST_ROUNDS and not converged:
        rounds += 1
        states, moved = _smoothed(fit.process, sample, variance), variance
        if not noise.known:
            moved, states = _moved_noise(fit.process, sample, variance, states)
            fit, moved, states = _traded(fit, sample, moved, states)
        change = float(np.abs(np.log(moved / variance)).max())
        variance = moved
        gain, before = states.log_likelihood - before, states.log_likelihood
        pairs = pair_sample(sample, states)
        fit = maximise(pairs, fit)
        converged = change < _STILL and abs(gain) < _STILL_NATS
    place = np.arange(sample.n) + sample.trajectory
    return NoiseFit(
        fit, pairs, variance, states, sample.panel.values, place, noise.known, rounds, converged
    )


def _smoothed(process: Process, sample: TransitionSample, variance: FloatArray) -> SmoothedStates:
    states = smooth_states(process, sample.panel, np.diag(variance))
    if not np.isfinite(states.log_likelihood):
        raise ConvergenceError(
            "The filter for observation noise broke down: a predicted covariance is not positive "
            "definite. Shorten the sampling interval, or fit without `obs_noise`."
        )
    return states


def _moved_noise(
    process: Process, sample: TransitionSample, variance: FloatArray, states: SmoothedStates
) -> tuple[FloatArray, SmoothedStates]:
    """Return the variance along its EM step with the largest likelihood, and the states there."""
    own = np.diagonal(states.covariance, axis1=1, axis2=2)
    target = ((sample.panel.values - states.mean) ** 2 + own).mean(axis=0)
    floor = _SMALLEST_SHARE * sample.panel.values.var(axis=0)
    best_variance, best = variance, states
    for step in _STEPS:
        trial = np.maximum(variance * (target / variance) ** step, floor)
        found = smooth_states(process, sample.panel, np.diag(trial))
        if not found.log_likelihood > best.log_likelihood:
            break
        best_variance, best = trial, found
    return best_variance, best


def _traded(
    fit: RoundOfFit, sample: TransitionSample, variance: FloatArray, states: SmoothedStates
) -> tuple[RoundOfFit, FloatArray, SmoothedStates]:
    """Trade noise for covariance rate, or the reverse, while the likelihood grows."""
    total = sample.weight @ (sample.x_next - sample.x) ** 2 / sample.weight.sum()
    best = fit, variance, states
    for sign in (1.0, -1.0):
        length = _FIRST_TRADE
        while True:
            trial = best[1] * np.exp(sign * length)
            if np.any(2.0 * trial > _MOST_NOISE * total):
                break
            other = best[0].rescaled((total - 2.0 * trial) / (total - 2.0 * best[1]))
            found = smooth_states(other.process, sample.panel, np.diag(trial))
            if not found.log_likelihood > best[2].log_likelihood:
                break
            best, length = (other, trial, found), 2.0 * length
        if best[0] is not fit:
            break
    return best


def pair_sample(sample: TransitionSample, states: SmoothedStates) -> TransitionSample:
    """Return weighted transitions with the smoothed mean and covariance of each pair.

    Parameters
    ----------
    sample : TransitionSample
        Of the observations: every transition of its panel, in order.
    states : SmoothedStates
    """
    d, n = sample.dim, sample.n
    before = np.arange(n) + sample.trajectory  # a trajectory has one state more than steps
    after = before + 1
    joint = np.empty((n, 2 * d, 2 * d))
    joint[:, :d, :d], joint[:, d:, d:] = states.covariance[before], states.covariance[after]
    joint[:, :d, d:] = states.cross[before]
    joint[:, d:, :d] = states.cross[before].transpose(0, 2, 1)
    tiny = 1e-9 * np.trace(joint, axis1=1, axis2=2)[:, None, None] * np.eye(2 * d)
    arms = np.sqrt(2 * d) * _roots(joint + tiny).transpose(0, 2, 1)
    centre = np.hstack([states.mean[before], states.mean[after]])[:, None, :]
    points = np.concatenate([centre + arms, centre - arms], axis=1).reshape(-1, 2 * d)
    count = 4 * d
    rows = np.repeat(np.arange(n), count)
    return TransitionSample(
        sample.panel, points[:, :d].copy(), points[:, d:].copy(), sample.t[rows], sample.dt[rows],
        sample.clock_dt[rows], sample.trajectory[rows], sample.weight[rows] / count,
        sample.cluster, sample.clock,
    )  # fmt: skip


def _roots(covariances: FloatArray) -> FloatArray:
    """Return R with R R' the covariance, or the nearest covariance to what is none.

    The smoother integrates the covariance of a pair's two states apart from their own ones,
    which does not keep the three together positive over a long step of a steep drift.
    """
    try:
        return np.asarray(np.linalg.cholesky(covariances))
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariances)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])


def noise_notes(
    obs_noise: Any, asked: NoiseSettings | None, found: NoiseFit | None
) -> tuple[str, ...]:
    """Return sentences about the noise for the summary."""
    if isinstance(obs_noise, str) and obs_noise == "auto" and asked is None:
        return ("Observation noise: the test found none, so states count as observed exactly.",)
    if asked is None or found is None:
        return ()
    lines = []
    if asked.test is not None:
        lines.append(f"Observation noise: test of none, p = {asked.test.pvalue:.2g}.")
    known = "as given" if asked.known else "estimated"
    lines.append(
        f"States are those behind the observations (cubature Kalman smoother, {found.n_rounds} "
        f"rounds of EM{'' if found.converged else ', not converged'}); noise {known}. The "
        "log likelihood is that of the filter; score and predict take states without noise."
    )
    return tuple(lines)
