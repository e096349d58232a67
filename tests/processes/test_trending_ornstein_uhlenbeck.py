"""A moving mean: the closed form against an ordinary differential equation."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from stochtext._shared.exceptions import InputError, UnspecifiedParameterError
from stochtext.processes import OrnsteinUhlenbeck, TrendingOrnsteinUhlenbeck

KAPPA = np.array([[1.0, -0.5], [0.7, 0.8]])
SIGMA = np.array([[0.5, 0.0], [0.2, 0.4]])
TREND = np.array([[0.3, -0.2], [2.0, 1.0], [-1.0, 3.0], [0.5, 0.0]])


@pytest.mark.parametrize("kappa", [KAPPA, np.array([[1.0, 2.0], [0.5, 1.0]]), -0.5 * KAPPA])
@pytest.mark.parametrize("rate", [1.0, 0.1])
def test_mean_of_the_transition_solves_its_differential_equation(kappa, rate):
    process = TrendingOrnsteinUhlenbeck(kappa, TREND, SIGMA)
    x, start, dt = np.array([1.0, -1.0]), 0.2, 0.8

    def slope(s, mean):
        u = start + rate * s
        return kappa @ (u ** np.arange(4) @ TREND - mean)

    expected = solve_ivp(slope, (0, dt), x, rtol=1e-12, atol=1e-13, method="DOP853").y[:, -1]
    mean, _ = process.transition_moments([x], dt, start, clock_dt=rate * dt)
    np.testing.assert_allclose(mean[0], expected, rtol=1e-10)


def test_covariance_is_the_one_without_trend():
    process = TrendingOrnsteinUhlenbeck(KAPPA, TREND, SIGMA, clock="time")
    still = OrnsteinUhlenbeck(KAPPA, [0.0, 0.0], SIGMA)
    dt = [0.1, 2.0]
    ours = process.transition_moments(np.zeros((2, 2)), dt)[1]
    np.testing.assert_array_equal(ours, still.transition_moments(np.zeros((2, 2)), dt)[1])


def test_constant_trend_is_an_ornstein_uhlenbeck_process():
    process = TrendingOrnsteinUhlenbeck(1.3, [0.7], 0.5)
    still = OrnsteinUhlenbeck(1.3, 0.7, 0.5)
    for ours, theirs in zip(
        process.transition_moments([[2.0], [0.0]], [0.1, 0.4]),
        still.transition_moments([[2.0], [0.0]], [0.1, 0.4]),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)


def test_two_half_steps_give_the_mean_of_one_step():
    process = TrendingOrnsteinUhlenbeck(KAPPA, TREND, SIGMA)
    middle = process.transition_moments([[1.0, 2.0]], 0.5, 0.1, clock_dt=0.05)[0]
    twice = process.transition_moments(middle, 0.5, 0.15, clock_dt=0.05)[0]
    once = process.transition_moments([[1.0, 2.0]], 1.0, 0.1, clock_dt=0.1)[0]
    np.testing.assert_allclose(twice, once, rtol=1e-12)


def test_scalar_linear_trend_is_the_textbook_formula():
    kappa, a, b, x, t, dt = 2.0, 0.5, 1.5, 0.3, 0.4, 0.25
    process = TrendingOrnsteinUhlenbeck(kappa, [a, b], 0.5, clock="time")
    lag = b / kappa
    expected = a + b * (t + dt) - lag + np.exp(-kappa * dt) * (x - a - b * t + lag)
    assert process.transition_moments([[x]], dt, t)[0][0, 0] == pytest.approx(expected, rel=1e-13)


def test_relative_clock_needs_the_step_on_the_clock():
    process = TrendingOrnsteinUhlenbeck(1.0, [0.0, 1.0], 0.5)
    with pytest.raises(InputError, match="clock_dt"):
        process.transition_moments([[0.0]], 0.1, 0.0)


def test_drift_follows_the_moving_level():
    process = TrendingOrnsteinUhlenbeck(KAPPA, TREND, SIGMA)
    level = process.mean_level([0.0, 1.0])
    np.testing.assert_allclose(level, [TREND[0], TREND.sum(axis=0)])
    np.testing.assert_allclose(process.drift(level, [0.0, 1.0]), 0.0, atol=1e-15)
    assert not process.autonomous


def test_family_keeps_degree_and_clock():
    family = TrendingOrnsteinUhlenbeck(degree=2, clock="time").with_dim(2)
    assert family.free_parameters[4:10] == tuple(
        f"trend[{i},{j}]" for i in range(3) for j in range(2)
    )
    fixed = family.from_vector(np.linspace(0.1, 1.3, 13))
    assert fixed.clock == "time"
    assert fixed.degree == 2
    assert fixed.with_params(trend=None).degree == 2
    with pytest.raises(UnspecifiedParameterError, match="trend"):
        fixed.with_params(trend=None).drift([[0.0, 0.0]])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kappa": 1.0, "trend": 1.0, "sigma": 1.0}, "trend"),
        ({"kappa": 1.0, "trend": [[1.0, 2.0]], "sigma": 1.0}, "disagree"),
        ({"trend": [0.0, 1.0], "degree": 2}, "degree"),
        ({"clock": "lunar"}, "clock"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        TrendingOrnsteinUhlenbeck(**arguments)
