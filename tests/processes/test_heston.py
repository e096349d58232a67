"""Heston's model: conditional moments against their differential equations and the semigroup."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from stochtext._shared.exceptions import InputError
from stochtext.processes import Heston

HESTON = Heston(mu=0.05, kappa=1.5, theta=0.09, xi=0.4, rho=-0.6)
STATES = np.array([[0.1, 0.04], [-0.3, 0.2], [0.0, 0.0]])


def test_coefficients_by_hand():
    np.testing.assert_allclose(HESTON.drift([[0.1, 0.04]]), [[0.05 - 0.02, 1.5 * 0.05]])
    sigma = HESTON.diffusion([[0.1, 0.04]])[0]
    np.testing.assert_allclose(sigma, [[0.2, 0.0], [-0.6 * 0.08, 0.8 * 0.08]])
    rate = 0.04 * np.array([[1.0, -0.24], [-0.24, 0.16]])
    np.testing.assert_allclose(HESTON.covariance([[0.1, 0.04]])[0], rate)
    assert (HESTON.noise, HESTON.noise_dim) == ("general", 2)
    assert HESTON.domain == ((-np.inf, np.inf), (0.0, np.inf))
    assert HESTON.autonomous


@pytest.mark.parametrize("kappa", [1.5, 0.0])
def test_moments_solve_their_differential_equations(kappa):
    process, dt = HESTON.with_params(kappa=kappa), 0.8

    def equations(t, m):
        x, v, xx, xv, vv = m
        return [
            0.05 - v / 2,
            kappa * (0.09 - v),
            2 * (0.05 * x - xv / 2) + v,
            0.05 * v - vv / 2 + kappa * (0.09 * x - xv) - 0.6 * 0.4 * v,
            2 * kappa * (0.09 * v - vv) + 0.16 * v,
        ]

    mean, covariance = process.conditional_mean(STATES, dt), process.conditional_covariance(
        STATES, dt
    )  # fmt: skip
    for k, (x, v) in enumerate(STATES):
        start = [x, v, x * x, x * v, v * v]
        end = solve_ivp(equations, (0, dt), start, rtol=1e-11, atol=1e-13).y[:, -1]
        np.testing.assert_allclose(mean[k], end[:2], rtol=1e-9, atol=1e-12)
        second = np.array([[end[2], end[3]], [end[3], end[4]]])
        np.testing.assert_allclose(
            covariance[k], second - np.outer(end[:2], end[:2]), rtol=1e-8, atol=1e-11
        )


def test_variance_moments_are_those_of_the_square_root_process():
    # Cox, Ingersoll and Ross (1985), equation 19.
    v, dt = STATES[:, 1], 0.8
    decay = np.exp(-1.5 * dt)
    np.testing.assert_allclose(
        HESTON.conditional_mean(STATES, dt)[:, 1], v * decay + 0.09 * (1 - decay), rtol=1e-13
    )
    variance = v * 0.16 / 1.5 * (decay - decay**2) + 0.09 * 0.16 / 3.0 * (1 - decay) ** 2
    np.testing.assert_allclose(
        HESTON.conditional_covariance(STATES, dt)[:, 1, 1], variance, rtol=1e-12
    )


def test_two_steps_are_one_by_the_laws_of_total_mean_and_covariance():
    first, second = 0.3, 0.9
    middle = HESTON.conditional_mean(STATES, first)
    whole = HESTON.conditional_mean(STATES, first + second)
    np.testing.assert_allclose(HESTON.conditional_mean(middle, second), whole, rtol=1e-13)
    # The mean and the covariance of the second step are affine in where it starts.
    base = HESTON.conditional_mean([[0.0, 0.0]], second)[0]
    slope = (HESTON.conditional_mean(np.eye(2), second) - base).T
    spread = slope @ HESTON.conditional_covariance(STATES, first) @ slope.T
    np.testing.assert_allclose(
        spread + HESTON.conditional_covariance(middle, second),
        HESTON.conditional_covariance(STATES, first + second),
        rtol=1e-11,
    )


def test_short_steps_have_the_coefficients():
    dt, x = 1e-6, STATES[:2]
    step = (HESTON.conditional_mean(x, dt) - x) / dt
    np.testing.assert_allclose(step, HESTON.drift(x), rtol=1e-5)
    np.testing.assert_allclose(
        HESTON.conditional_covariance(x, dt) / dt, HESTON.covariance(x), rtol=1e-5
    )


def test_rows_may_have_steps_of_their_own():
    both = HESTON.conditional_covariance(STATES[:2], [0.2, 0.9])
    np.testing.assert_allclose(both[1], HESTON.conditional_covariance(STATES[1:2], 0.9)[0])


def test_variance_process_has_the_same_coefficients_and_moments():
    variance = HESTON.variance_process()
    v = STATES[:2, 1:]
    np.testing.assert_allclose(variance.drift(v)[:, 0], HESTON.drift(STATES[:2])[:, 1])
    np.testing.assert_allclose(
        variance.covariance(v)[:, 0, 0], HESTON.covariance(STATES[:2])[:, 1, 1]
    )
    np.testing.assert_allclose(
        variance.conditional_covariance(v, 0.8)[:, 0, 0],
        HESTON.conditional_covariance(STATES[:2], 0.8)[:, 1, 1],
        rtol=1e-10,
    )


def test_fellers_condition():
    assert HESTON.feller
    assert not HESTON.with_params(xi=0.6).feller


def test_bad_parameters_and_states_are_refused():
    with pytest.raises(InputError, match=r"`rho` must be a number in \[-1, 1\]"):
        HESTON.with_params(rho=1.2)
    with pytest.raises(InputError, match="kappa"):
        HESTON.with_params(kappa=-1.0)
    with pytest.raises(InputError, match=r"variance >= 0; got \[ 0\.  -0\.1\] in row 1"):
        HESTON.conditional_mean([[0.0, 0.1], [0.0, -0.1]], 0.1)


def test_start_values_are_near_the_truth():
    rng, n = np.random.default_rng(4), 50000
    x = np.column_stack([np.zeros(n), rng.uniform(0.01, 0.3, n)])
    dt = rng.uniform(0.01, 0.1, n)
    noise = np.einsum("nij,nj->ni", HESTON.diffusion(x), rng.standard_normal((n, 2)))
    x_next = x + HESTON.drift(x) * dt[:, None] + noise * np.sqrt(dt)[:, None]
    found = HESTON.start_values(x, x_next, dt)
    # Standard errors: 0.2 / sqrt(n dt) and less for rates, 1 / sqrt(n) for rho.
    assert found["mu"] == pytest.approx(0.05, abs=0.03)
    assert found["kappa"] == pytest.approx(1.5, abs=0.15)
    assert found["theta"] == pytest.approx(0.09, abs=0.01)
    assert found["xi"] == pytest.approx(0.4, abs=0.01)
    assert found["rho"] == pytest.approx(-0.6, abs=0.02)
    assert HESTON.start_values(-x, x_next, dt) == {}
