from __future__ import annotations

import numpy as np
import pytest

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext.processes import DoubleWell, OrnsteinUhlenbeck, TrendingOrnsteinUhlenbeck
from stochtext.processes.written.user_defined import SDE
from stochtext.transitions import transition_density
from stochtext.transitions.cubature.density import CubatureDensity
from stochtext.transitions.cubature.moments import nan_cholesky, rk4_moments

LINEAR = OrnsteinUhlenbeck(
    np.array([[1.0, 0.5], [-0.3, 2.0]]), np.array([0.2, -0.1]), np.array([[0.5, 0.0], [0.2, 0.4]])
)


def errors(n_substeps, x, dt):
    exact = transition_density("exact").moments(LINEAR, x, 0.0, dt)
    found = CubatureDensity(n_substeps).moments(LINEAR, x, 0.0, dt)
    return [np.abs(a - b).max() for a, b in zip(found, exact, strict=True)]


def test_moments_of_linear_processes_converge_with_order_four(rng):
    x = rng.standard_normal((6, 2))
    coarse, fine = errors(8, x, 0.8), errors(16, x, 0.8)
    for one, two in zip(coarse, fine, strict=True):
        assert np.log2(one / two) == pytest.approx(4.0, abs=0.3)
    assert max(errors(64, x, 0.8)) < 1e-8


def test_automatic_substeps_leave_an_error_below_one_in_ten_thousand(rng):
    x = rng.standard_normal((6, 2))
    dt = np.array([0.01, 0.05, 0.1, 0.5, 1.0, 3.0])
    exact = transition_density("exact").moments(LINEAR, x, 0.0, dt)
    found = transition_density("cubature").moments(LINEAR, x, 0.0, dt)
    np.testing.assert_allclose(found[0], exact[0], atol=1e-4)
    np.testing.assert_allclose(found[1], exact[1], atol=1e-4)


def test_log_density_of_a_moving_linear_mean_is_the_exact_one(rng):
    process = TrendingOrnsteinUhlenbeck(1.5, [[0.3], [1.0]], 0.7, clock="relative")
    x = rng.standard_normal((9, 1))
    steps = (process, x, x + 0.2 * rng.standard_normal((9, 1)), np.linspace(0, 0.8, 9), 0.3)
    exact = transition_density("exact").log_density(*steps, clock_dt=0.1)
    found = CubatureDensity(8).log_density(*steps, clock_dt=0.1)
    np.testing.assert_allclose(found, exact, atol=1e-5)


def test_moments_in_a_double_well_are_those_of_the_spectral_density():
    process = DoubleWell(4.0, 4.0, 1.0)
    for start in (-1.0, 0.5, 1.2):
        grid = start + np.linspace(-1.0, 1.0, 2001)
        states = np.full((len(grid), 1), start)
        log_density = transition_density("spectral").log_density(
            process, states, grid[:, None], 0.0, 0.04
        )
        weight = np.exp(log_density) * (grid[1] - grid[0])
        mean = weight @ grid
        variance = weight @ (grid - mean) ** 2
        found = CubatureDensity().moments(process, [[start]], 0.0, 0.04)
        assert found[0][0, 0] == pytest.approx(mean, abs=2e-4)
        # a Gaussian closure; Euler's dt = .04 is off by 20 %
        assert found[1][0, 0, 0] == pytest.approx(variance, rel=0.01)


def test_row_that_is_not_positive_definite_is_nan_and_the_others_stay():
    def drift(x, t):
        return np.where(x < 0, -1e4 * x**3, -x)

    def rate(x, t):
        return np.ones((len(x), 1, 1))

    mean, moment = rk4_moments(drift, rate, np.array([[-50.0], [1.0]]), 0.0, 0.1)
    assert not np.isfinite(moment[0, 0, 0])
    assert moment[1, 0, 0] == pytest.approx((1 - np.exp(-0.2)) / 2, rel=1e-3)
    assert np.isfinite(mean[1, 0])
    factor = nan_cholesky(np.array([[[1.0, 2.0], [2.0, 1.0]], [[4.0, 2.0], [2.0, 2.0]]]))
    assert np.isnan(factor[0, 1, 1])
    np.testing.assert_allclose(factor[1], [[2.0, 0.0], [1.0, 1.0]])


def test_density_refuses_a_degenerate_row_by_name():
    process = SDE(lambda t, x: -x, lambda t, x: 0.0 * x)
    with pytest.raises(DegenerateDataError, match="row 0"):
        CubatureDensity().log_density(process, [[1.0]], [[1.1]], 0.0, 0.1)


def test_options_restore_the_density_and_wrong_ones_are_refused():
    density = transition_density("cubature", n_substeps=3)
    assert density.options == {"n_substeps": 3}
    assert transition_density("cubature").options == {}
    with pytest.raises(InputError, match="n_substeps"):
        CubatureDensity(0)
