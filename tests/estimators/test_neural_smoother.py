from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.linalg import expm

from stochtext import SDE, LinearSDE, OrnsteinUhlenbeck, Trajectories
from stochtext._shared.exceptions import InputError
from stochtext.estimators.neural.noise.expectation_maximisation import (
    NoiseSettings,
    asked_noise,
    fit_behind_noise,
    pair_sample,
)
from stochtext.estimators.neural.noise.smoother import SmoothedStates, smooth_states
from stochtext.estimators.sample import transition_sample

KAPPA = np.array([[1.0, 0.5], [-0.3, 2.0]])
MU = np.array([0.2, -0.1])
PLANE = OrnsteinUhlenbeck(KAPPA, MU, np.array([[0.7, 0.0], [0.3, 0.5]]))


def irregular_panel(rng: np.random.Generator) -> Trajectories:
    times = [np.cumsum(rng.uniform(0.05, 0.3, 25)) for _ in range(2)]
    states = []
    for clock in times:
        x = rng.normal(size=2)
        rows = [x]
        for h in np.diff(clock):
            mean, covariance = PLANE.transition_moments(x[None], h)
            x = mean[0] + np.linalg.cholesky(covariance[0]) @ rng.normal(size=2)
            rows.append(x)
        states.append(np.array(rows) + 0.2 * rng.normal(size=(len(rows), 2)))
    return Trajectories(states, times=times)


def dense_law(panel: Trajectories, path: int, noise: np.ndarray):
    """Return mean and covariance of all states given all observations, by one big solve."""
    y, clock = panel.arrays()[path], panel.time_arrays()[path]
    n = len(y)
    joint = np.zeros((n, n, 2, 2))
    joint[0, 0] = np.cov(panel.values, rowvar=False)
    means = [panel.values.mean(axis=0)]
    for k, h in enumerate(np.diff(clock)):
        decay = expm(-KAPPA * h)
        _, own = PLANE.transition_moments(np.zeros((1, 2)), h)
        means.append(MU + decay @ (means[-1] - MU))
        for j in range(k + 1):
            joint[k + 1, j] = decay @ joint[k, j]
            joint[j, k + 1] = joint[k + 1, j].T
        joint[k + 1, k + 1] = decay @ joint[k, k] @ decay.T + own[0]
    full = joint.transpose(0, 2, 1, 3).reshape(2 * n, 2 * n)
    gain = full @ np.linalg.inv(full + np.kron(np.eye(n), noise))
    mean = np.concatenate(means)
    posterior = (mean + gain @ (y.ravel() - mean)).reshape(n, 2)
    covariance = (full - gain @ full).reshape(n, 2, n, 2).transpose(0, 2, 1, 3)
    return posterior, covariance


def test_smoother_is_exact_for_a_linear_drift_on_irregular_times() -> None:
    panel, noise = irregular_panel(np.random.default_rng(0)), 0.04 * np.eye(2)
    states = smooth_states(PLANE, panel, noise)
    for path in range(2):
        rows = slice(*panel.offsets[path : path + 2])
        mean, covariance = dense_law(panel, path, noise)
        n = len(mean)
        # one Runge-Kutta step of .3 has an error of 1e-4
        np.testing.assert_allclose(states.mean[rows], mean, atol=2e-4)
        own = covariance[range(n), range(n)]
        np.testing.assert_allclose(states.covariance[rows], own, atol=2e-5)
        pairs = covariance[range(n - 1), range(1, n)]
        np.testing.assert_allclose(states.cross[rows][:-1], pairs, atol=2e-5)


def _switch(t, x):
    return -20.0 * np.tanh(6.0 * x)


def _half(t, x):
    return 0.5 + 0.0 * x


def test_smoother_takes_shorter_steps_where_long_ones_break_down() -> None:
    # flat where it is observed, so that its slope there does not show how steep it is between
    process = SDE(_switch, _half, noise="additive")
    panel = Trajectories([np.array([2.0, -2.0, 2.0, -2.0, 2.0, -2.0])[:, None]], dt=0.1)
    once = smooth_states(process, panel, np.eye(1), np.ones(6, dtype=np.int64))
    states = smooth_states(process, panel, np.eye(1))
    fine = smooth_states(process, panel, np.eye(1), np.full(6, 64))
    assert np.isnan(once.log_likelihood)
    assert states.log_likelihood == pytest.approx(fine.log_likelihood, rel=0.05)


def test_points_of_an_indefinite_pair_have_the_nearest_covariance() -> None:
    panel = irregular_panel(np.random.default_rng(1))
    sample = transition_sample(panel)
    n = len(panel.values)
    own = np.broadcast_to(np.eye(2), (n, 2, 2))
    # eigenvalues of a pair: 1 + 1.5 and 1 - 1.5, each twice
    states = SmoothedStates(panel.values, own, 1.5 * own, panel.values, 0.0)
    points = pair_sample(sample, states)
    pairs = np.hstack([points.x, points.x_next]).reshape(sample.n, 8, 4)
    away = pairs - pairs.mean(axis=1, keepdims=True)
    nearest = 1.25 * np.kron(np.ones((2, 2)), np.eye(2))
    found = np.einsum("npi,npj->nij", away, away) / 8
    np.testing.assert_allclose(found, np.broadcast_to(nearest, found.shape), atol=1e-6)


def test_points_of_a_pair_have_its_mean_and_covariance() -> None:
    panel = irregular_panel(np.random.default_rng(1))
    states = smooth_states(PLANE, panel, 0.04 * np.eye(2))
    sample = transition_sample(panel)
    pairs = pair_sample(sample, states)
    assert pairs.weight.sum() == pytest.approx(sample.n)
    points = np.hstack([pairs.x, pairs.x_next]).reshape(sample.n, 8, 4)
    row = 30  # in the second trajectory
    place = row + sample.trajectory[row]
    mean = np.concatenate([states.mean[place], states.mean[place + 1]])
    np.testing.assert_allclose(points[row].mean(axis=0), mean, atol=1e-12)
    spread = np.cov(points[row].T, ddof=0)
    np.testing.assert_allclose(spread[:2, :2], states.covariance[place], atol=1e-8)
    np.testing.assert_allclose(spread[:2, 2:], states.cross[place], atol=1e-8)


@dataclass
class ScalarFit:
    process: OrnsteinUhlenbeck

    def rescaled(self, left):
        p = self.process.params
        sigma = float(p["sigma"]) * np.sqrt(left[0])
        return ScalarFit(OrnsteinUhlenbeck(float(p["kappa"]), float(p["mu"]), sigma))


def closed_form(sample, before):
    """Fit a scalar Ornstein-Uhlenbeck process to weighted transitions of one step."""
    w, x, y, h = sample.weight, sample.x[:, 0], sample.x_next[:, 0], sample.dt[0]
    design = np.stack([np.ones_like(x), x], axis=1)
    a, decay = np.linalg.solve((design * w[:, None]).T @ design, (design * w[:, None]).T @ y)
    rest = (w @ (y - a - decay * x) ** 2) / w.sum()
    kappa = -np.log(decay) / h
    sigma = np.sqrt(2 * kappa * rest / (1 - decay**2))
    return ScalarFit(OrnsteinUhlenbeck(kappa, a / (1 - decay), sigma))


def test_em_reaches_the_exact_maximum_likelihood_of_a_noisy_linear_process() -> None:
    rng = np.random.default_rng(3)
    x = np.empty((30, 81))
    x[:, 0] = rng.normal(0, np.sqrt(0.5), 30)
    decay = np.exp(-0.1)
    for k in range(80):
        x[:, k + 1] = decay * x[:, k] + rng.normal(0, np.sqrt(0.5 * (1 - decay**2)), 30)
    panel = Trajectories((x + rng.normal(0, 0.2, x.shape))[..., None], dt=0.1)
    sample = transition_sample(panel)
    start = NoiseSettings(np.array([0.02]), known=False)
    found = fit_behind_noise(sample, start, closed_form(sample, None), closed_form)
    exact = LinearSDE(observation_noise="diagonal", initial="free").fit(panel).results_.params
    ours = found.fit.process.params
    # the law of the first states differs, and EM stops early: both far below the errors
    assert np.sqrt(found.variance[0]) == pytest.approx(exact.filter(like="noise").iloc[0], rel=0.03)
    assert float(ours["kappa"]) == pytest.approx(exact["kappa"], rel=0.1)


def test_obs_noise_is_read() -> None:
    sample = transition_sample(irregular_panel(np.random.default_rng(4)))
    assert asked_noise(None, sample, False) is None
    assert asked_noise(0.0, sample, False) is None
    given = asked_noise([0.1, 0.2], sample, False)
    assert given is not None
    assert given.known
    np.testing.assert_allclose(given.variance, [0.01, 0.04])
    searched = asked_noise("estimate", sample, False)
    assert searched is not None
    assert not searched.known
    assert np.all(searched.variance > 0)
    for bad in ("maybe", -0.1, [[0.1, 0.2], [0.2, 0.1]], np.nan):
        with pytest.raises(InputError, match="obs_noise"):
            asked_noise(bad, sample, False)
    with pytest.raises(InputError, match="covariates"):
        asked_noise("auto", sample, False, True)
