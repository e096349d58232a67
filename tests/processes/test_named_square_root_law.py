"""The square-root law and its powers against long arithmetic, images and limits."""

import numpy as np
import pytest
from scipy.stats import ncx2

from stochtext.processes import (
    CEV,
    BrownianMotion,
    CoxIngersollRoss,
    FellerDiffusion,
    GeometricBrownianMotion,
    RadialOrnsteinUhlenbeck,
    ThreeHalves,
)
from stochtext.processes.named.bessel import log_scaled_bessel


@pytest.mark.parametrize(
    ("order", "z", "expected"),
    [
        (0.3, 1e-3, -2.1730957360470799),
        (-0.5, 20.0, -2.4168046699816682),
        (7.5, 150.0, -3.6115097844133803),
        (50.0, 1e-8, -1104.1691631873886),
        (500.0, 3.0, -2411.5934134081985),
        (2e4, 2e4, -9349.2444612970613),
    ],
)
def test_scaled_bessel_function_keeps_its_logarithm(order, z, expected):
    # mpmath 1.3 with 40 digits: log(besseli(order, z)) - z.
    assert log_scaled_bessel(order, np.array([z]))[0] == pytest.approx(expected, rel=3e-14)


@pytest.mark.parametrize(
    ("parameters", "x", "x_next", "dt", "expected"),
    [
        ((0.8, 1.0, 0.4), 0.2, 0.5, 1.0, 0.635635000386367),
        ((0.8, 1.0, 0.4), 0.2, 0.5, 5.0, -0.9410591559525272),
        ((0.8, 1.0, 0.4), 1.0, 1.05, 0.1, 1.066743892539023),
        ((0.8, 1.0, 0.4), 1.0, 1.001, 1e-6, 3.780917262994738),
        ((1.0, 1.0, 0.05), 0.9, 0.95, 0.3, 2.290482505397323),
        ((0.5, 0.2, 0.8), 0.3, 0.01, 0.6, 1.510675330394359),
        ((0.8, 1.0, 0.4), 1.0, 8.0, 0.1, -443.3526972498292),
    ],
)
def test_square_root_density_has_the_digits_of_long_arithmetic(parameters, x, x_next, dt, expected):
    # mpmath 1.3 with 40 digits, Cox, Ingersoll and Ross (1985), equation 18.
    value = CoxIngersollRoss(*parameters).transition_log_density([x], [x_next], dt)[0]
    assert value == pytest.approx(expected, rel=1e-12)


def test_square_root_process_is_a_non_central_chi_squared_number():
    process = CoxIngersollRoss(0.8, 1.0, 0.4)
    scale = 4 * 0.8 / (0.16 * -np.expm1(-0.4))
    law = ncx2(4 * 0.8 / 0.16, scale * 0.7 * np.exp(-0.4))
    levels = np.array([0.3, 0.8, 1.7])
    np.testing.assert_allclose(
        process.transition_density([0.7], levels, 0.5), scale * law.pdf(scale * levels), rtol=1e-11
    )
    np.testing.assert_allclose(
        process.conditional_covariance([0.7], 0.5)[0, 0, 0], law.var() / scale**2, rtol=1e-13
    )


def test_cev_near_one_is_nearly_geometric_brownian_motion():
    near, limit = CEV(0.1, 0.3, 1.0 - 1e-5), GeometricBrownianMotion(0.1, 0.3)
    levels = np.array([0.7, 1.1, 1.6])
    np.testing.assert_allclose(
        near.transition_density([1.0], levels, 0.5),
        limit.transition_density([1.0], levels, 0.5),
        rtol=1e-4,
    )
    assert near.conditional_covariance([1.0], 0.5)[0, 0, 0] == pytest.approx(
        limit.conditional_covariance([1.0], 0.5)[0, 0, 0], rel=1e-4
    )


def test_cev_with_constant_volatility_is_brownian_motion_stopped_at_zero():
    process, free = CEV(0.0, 0.5, 0.0), BrownianMotion(0.0, 0.5)
    levels = np.array([0.05, 0.4, 1.0])
    # The method of images.
    expected = free.transition_density([0.3], levels, 0.7)
    expected -= free.transition_density([-0.3], levels, 0.7)
    np.testing.assert_allclose(process.transition_density([0.3], levels, 0.7), expected, rtol=1e-11)


def test_radial_process_of_two_coordinates_is_the_length_of_a_vector():
    # theta = (n - 1) sigma^2 / 2; the squared length of a normal vector is chi-squared.
    process = RadialOrnsteinUhlenbeck(0.125, 0.8, 0.5)
    variance = 0.25 * -np.expm1(-1.6 * 0.6) / 1.6
    shift = 0.9**2 * np.exp(-1.6 * 0.6) / variance
    levels = np.array([0.2, 0.7, 1.3])
    expected = ncx2(2, shift).cdf(levels**2 / variance)
    np.testing.assert_allclose(process.transition_cdf([0.9], levels, 0.6), expected, rtol=1e-11)


def test_reflecting_brownian_motion_has_a_density_at_zero():
    process, free = RadialOrnsteinUhlenbeck(0.0, 0.0, 0.5), BrownianMotion(0.0, 0.5)
    levels = np.array([0.0, 0.4])
    expected = free.transition_density([0.3], levels, 0.7)
    expected += free.transition_density([-0.3], levels, 0.7)
    np.testing.assert_allclose(process.transition_density([0.3], levels, 0.7), expected, rtol=1e-9)


def test_extinction_and_absorption_are_in_the_distribution_function():
    process = FellerDiffusion(0.0, 0.0, 1.0)
    assert process.transition_cdf([2.0], [0.0], 4.0)[0] == pytest.approx(np.exp(-1.0), rel=1e-12)
    assert process.exact_step_uniform([2.0], 4.0, 0.3)[0, 0] == 0.0
    assert process.transition_cdf([0.0], [0.0], 4.0)[0] == 1.0
    assert process.transition_density([0.0], [1.0], 4.0)[0] == 0.0
    steps = CEV(0.0, 0.8, 0.5).exact_step_uniform([0.3, 0.3], 2.0, [0.0, 0.99])
    assert steps[0, 0] == 0.0
    assert steps[1, 0] > 1.0


def test_a_long_step_forgets_its_start():
    levels = np.array([0.0, 0.05, 0.4, 1.3])
    for process in (
        CoxIngersollRoss(0.8, 1.0, 0.4),
        CoxIngersollRoss(0.8, 0.1, 0.4),
        RadialOrnsteinUhlenbeck(0.0, 0.8, 0.7),
        RadialOrnsteinUhlenbeck(0.1, 0.8, 0.7),
    ):
        end = process.transition_density([0.7], levels, 1e3)
        np.testing.assert_allclose(end, process.stationary_density(levels), rtol=1e-9)
    process = ThreeHalves(2.0, 0.5, 0.8)
    levels = np.array([1e-320, 1e-9, 0.4, 50.0])
    end = process.transition_density([0.7], levels, 1e3)
    np.testing.assert_allclose(end, process.stationary_density(levels), rtol=1e-9, atol=1e-300)


def test_laws_of_no_steps_are_empty():
    process, none = CEV(0.1, 0.4, 0.8), np.empty((0, 1))
    assert process.transition_density(none, none, 0.1).shape == (0,)
    assert process.conditional_covariance(none, 0.1).shape == (0, 1, 1)
    assert process.exact_step_uniform(none, 0.1, []).shape == (0, 1)
