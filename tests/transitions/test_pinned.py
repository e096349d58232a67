"""Densities of paths between known ends against the multivariate normal they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from stochtext._shared.exceptions import InputError
from stochtext.processes import (
    BrownianMotion,
    DoubleWell,
    OrnsteinUhlenbeck,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.trajectories.panel import Trajectories
from stochtext.transitions.exact.pinned import brownian_bridge_rate, pinned_log_density

TIMES = [np.array([0.0, 0.4, 1.0, 1.1, 2.0]), np.array([0.5, 1.0, 2.5]), np.array([0.0, 3.0])]


def some_paths(d: int) -> Trajectories:
    """Return three paths, one of which has nothing between its ends."""
    rng = np.random.default_rng(3)
    return Trajectories([rng.standard_normal((len(t), d)) for t in TIMES], TIMES)


def given_ends(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    """Return the log density of the inner states given the last, all given the first."""
    d = x.shape[1]
    whole = multivariate_normal(mean, covariance).logpdf(x[1:].ravel())
    last = multivariate_normal(mean[-d:], covariance[-d:, -d:]).logpdf(x[-1])
    return float(whole - last)


def test_brownian_bridge_is_its_multivariate_normal() -> None:
    panel = some_paths(2)
    sigma = np.array([[0.8, 0.0], [0.3, 1.1]])
    found = pinned_log_density(BrownianMotion([0.4, -2.0], sigma), panel)
    for k, (t, x) in enumerate(zip(TIMES, panel.arrays(), strict=True)):
        # A bridge has covariance s (T - t) / T a: no drift, and no motion, enters here.
        s = t[1:-1] - t[0]
        span = t[-1] - t[0]
        line = x[0] + (s / span)[:, None] * (x[-1] - x[0])
        spread = np.minimum.outer(s, s) - np.outer(s, s) / span
        expected = 0.0
        if len(s):
            law = multivariate_normal(line.ravel(), np.kron(spread, sigma @ sigma.T))
            expected = law.logpdf(x[1:-1].ravel())
        assert found[k] == pytest.approx(expected, rel=1e-11, abs=1e-11)


def test_ornstein_uhlenbeck_pinned_at_its_end() -> None:
    kappa, mu = np.array([[1.0, 0.4], [-0.3, 0.7]]), np.array([0.2, -0.1])
    sigma = np.array([[0.8, 0.0], [0.3, 1.1]])
    panel = some_paths(2)[:2]
    found = pinned_log_density(OrnsteinUhlenbeck(kappa, mu, sigma), panel)
    stationary = solve_continuous_lyapunov(kappa, sigma @ sigma.T)
    for k, (t, x) in enumerate(zip(TIMES[:2], panel.arrays(), strict=True)):
        s = t[1:] - t[0]
        mean = np.concatenate([mu + expm(-kappa * a) @ (x[0] - mu) for a in s])
        blocks = [[conditional(kappa, stationary, a, b) for b in s] for a in s]
        assert found[k] == pytest.approx(given_ends(x, mean, np.block(blocks)), rel=1e-11)


def conditional(kappa: np.ndarray, v: np.ndarray, a: float, b: float) -> np.ndarray:
    """Return Cov(X(a), X(b) | X(0))."""
    if a < b:
        return conditional(kappa, v, b, a).T
    return expm(-kappa * (a - b)) @ (v - expm(-kappa * b) @ v @ expm(-kappa * b).T)


def test_moving_mean_on_a_relative_clock_counts_the_whole_path_as_one() -> None:
    process = TrendingOrnsteinUhlenbeck(1.2, [0.3, 1.5], 0.7)
    x = np.array([[0.1], [0.4], [-0.2]])
    found = pinned_log_density(process, x, dt=0.5)
    steps = process.transition_log_density(x[:-1], x[1:], 0.5, [0.0, 0.5], 0.5).sum()
    across = process.transition_log_density(x[:1], x[2:], 1.0, 0.0, 1.0)
    np.testing.assert_allclose(found, steps - across, rtol=1e-12)


def test_bridge_rate_maximises_the_density() -> None:
    panel = some_paths(1)

    def negative(s: np.ndarray) -> float:
        return -float(pinned_log_density(BrownianMotion(0.0, float(np.exp(s[0]))), panel).sum())

    best = minimize(negative, [0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
    # The optimum is flat: its place is known to the root of the value's digits.
    assert brownian_bridge_rate(panel)[0, 0] == pytest.approx(np.exp(2 * best.x[0]), rel=1e-6)


def test_process_without_exact_density_and_too_few_states_are_refused() -> None:
    with pytest.raises(InputError, match="exact"):
        pinned_log_density(DoubleWell(1.0, 1.0, 0.7), [0.0, 0.3, 0.2])
    with pytest.raises(InputError, match="between"):
        brownian_bridge_rate([0.0, 1.0])
