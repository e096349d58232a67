"""Local linearisation is exact for linear drift and has the one-dimensional formula as a case."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad_vec
from scipy.linalg import expm

from stochtext._shared.random import generator
from stochtext.processes import (
    SDE,
    DoubleWell,
    OrnsteinUhlenbeck,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.transitions import HermiteDensity
from stochtext.transitions.linearised.local_linear import linear_step, local_linear_moments

OSCILLATOR = SDE(
    lambda t, x, k: np.array([x[1], (1.0 - x[0] ** 2) * x[1] - k * x[0]]),
    lambda t, x: np.array([[0.3, 0.0], [0.1, 0.5]]),
    params={"k": 1.2},
    dim=2,
    noise="additive",
)


@pytest.mark.parametrize("d", [1, 2, 3, 8])
def test_linear_process_has_its_exact_law(d):
    rng = generator(d, "local linear")
    kappa = rng.normal(size=(d, d)) + 2.0 * math.sqrt(d) * np.eye(d)
    process = OrnsteinUhlenbeck(kappa, rng.normal(size=d), rng.normal(size=(d, d)))
    if d == 1:
        process = OrnsteinUhlenbeck(1.3, 0.4, 0.6)
    x, dt = rng.normal(size=(40, d)), rng.uniform(0.001, 3.0, 40)
    mean, covariance = local_linear_moments(process, x, 0.0, dt)
    exact_mean, exact_covariance = process.transition_moments(x, dt)
    np.testing.assert_allclose(mean, exact_mean, rtol=1e-12, atol=1e-12)
    size = np.max(np.abs(exact_covariance))
    np.testing.assert_allclose(covariance, exact_covariance, rtol=1e-12, atol=1e-12 * size)


def test_mean_that_moves_on_the_clock_is_followed():
    process = TrendingOrnsteinUhlenbeck(
        [[1.0, 0.3], [0.0, 0.5]], [[0.0, 1.0], [2.0, -1.0]], 0.5 * np.eye(2)
    )
    x = generator(1, "local linear clock").normal(size=(10, 2))
    found = local_linear_moments(process, x, 0.2, 1.5, clock_dt=0.1)
    expected = process.transition_moments(x, 1.5, 0.2, 0.1)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-12)


def test_one_dimension_is_the_formula_of_shoji_and_ozaki():
    process = DoubleWell(1.0, 1.0, 0.7)
    x, h = np.linspace(-1.5, 1.5, 7), 0.3
    drift, slope, bend = x - x**3, 1.0 - 3.0 * x**2, 0.5 * 0.49 * -6.0 * x
    rise = np.expm1(slope * h)
    expected = x + drift / slope * rise + bend / slope**2 * (rise - slope * h)
    variance = 0.49 * np.expm1(2.0 * slope * h) / (2.0 * slope)
    mean, covariance = local_linear_moments(process, x[:, None], 0.0, h)
    np.testing.assert_allclose(mean[:, 0], expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(covariance[:, 0, 0], variance, rtol=1e-12)


def test_singular_jacobian_does_no_harm():
    # Integrated Brownian motion: the Jacobian is nilpotent.
    process = SDE(
        lambda t, x: np.array([x[1], 0.0 * x[0]]),
        lambda t, x: np.array([[0.0], [2.0]]),
        dim=2,
        noise="general",
    )
    h = 0.7
    mean, covariance = local_linear_moments(process, [[1.0, 3.0]], 0.0, h)
    np.testing.assert_allclose(mean[0], [1.0 + 3.0 * h, 3.0], rtol=1e-14)
    expected = 4.0 * np.array([[h**3 / 3.0, h**2 / 2.0], [h**2 / 2.0, h]])
    np.testing.assert_allclose(covariance[0], expected, rtol=1e-14)


@pytest.mark.parametrize("size", [1e-9, 0.3, 40.0])
def test_step_matrices_agree_with_exponentials_and_quadrature(size):
    rng = generator(7, "linear step")
    matrix = size * (rng.normal(size=(3, 3)) - 2.5 * np.eye(3))
    root, h = rng.normal(size=(3, 3)), 0.6
    step = linear_step(matrix[None], (root @ root.T)[None], np.array([h]))
    np.testing.assert_allclose(step.phi[0], expm(matrix * h), rtol=1e-10, atol=1e-13)

    def integrands(s):
        power = expm(matrix * s)
        return np.stack([power, (h - s) * power, power @ root @ root.T @ power.T])

    expected = quad_vec(integrands, 0.0, h, epsabs=1e-13, epsrel=1e-12)[0]
    for k, part in enumerate((step.integral, step.second, step.covariance)):
        np.testing.assert_allclose(part[0], expected[k], rtol=1e-9, atol=1e-12)


def test_mean_of_a_nonlinear_process_errs_with_the_third_power():
    process = DoubleWell(1.0, 1.0, 0.7)

    def error(h):
        exact = HermiteDensity(4).moments(process, [0.4], 0.0, h)[0]
        return abs(local_linear_moments(process, [[0.4]], 0.0, h)[0] - exact)[0, 0]

    assert math.log2(error(0.04) / error(0.02)) == pytest.approx(3.0, abs=0.2)


def test_process_without_formulas_has_the_same_moments():
    class Opaque(SDE):
        def formulas(self):
            return None

    drift, diffusion = (f.function for f in OSCILLATOR._functions)
    opaque = Opaque(drift, diffusion, params={"k": 1.2}, dim=2, noise="additive")
    x = generator(2, "opaque").normal(size=(20, 2))
    for found, expected in zip(
        local_linear_moments(opaque, x, 0.0, 0.2),
        local_linear_moments(OSCILLATOR, x, 0.0, 0.2),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_a_row_depends_on_no_other_row():
    rng = generator(3, "rows")
    x, dt = 2.0 * rng.normal(size=(15, 2)), rng.uniform(0.01, 2.0, 15)
    mean, covariance = local_linear_moments(OSCILLATOR, x, 0.0, dt)
    for row in range(15):
        own = local_linear_moments(OSCILLATOR, x[row : row + 1], 0.0, dt[row])
        np.testing.assert_allclose(own[0][0], mean[row], rtol=1e-13)
        np.testing.assert_allclose(own[1][0], covariance[row], rtol=1e-13)


def test_row_without_a_drift_stays_the_only_one_without_moments():
    process = SDE(lambda t, x: -np.sqrt(x), lambda t, x: np.array([[1.0]]), noise="additive")
    mean, _ = local_linear_moments(process, [[1.0], [-1.0], [4.0]], 0.0, 0.1)
    np.testing.assert_array_equal(np.isnan(mean[:, 0]), [False, True, False])
