"""The splitting density is a density, exact where its parts are, and better than Euler's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.random import generator
from stochtext.processes import (
    SDE,
    CoxIngersollRoss,
    DoubleWell,
    FitzHughNagumo,
    OrnsteinUhlenbeck,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.transitions import (
    EulerDensity,
    ExactDensity,
    HermiteDensity,
    StrangDensity,
    transition_density,
)
from stochtext.transitions.splitting.flow import flow

WELL = DoubleWell(1.0, 1.0, 0.7)
PLANE = SDE(
    lambda t, x, a: np.array([a * (x[1] - x[0]), -x[1] - x[0] ** 2 * x[1]]),
    lambda t, x: np.array([[0.5, 0.1], [0.0, 0.4]]),
    params={"a": 0.8},
    dim=2,
    noise="additive",
)


def well_formula(x, x_next, h):
    """Return the log density with the exact flow x / sqrt(1 + 2 x^2 s) of -x^3."""

    def forward(y):
        return y / math.sqrt(1.0 + y * y * h)

    inside = 1.0 - x_next**2 * h
    before = x_next / math.sqrt(inside)
    variance = 0.49 * math.expm1(2.0 * h) / 2.0
    law = norm(math.exp(h) * forward(x), math.sqrt(variance))
    return law.logpdf(before) - 1.5 * math.log(inside)


@pytest.mark.parametrize("h", [0.05, 0.3, 1.0])
def test_double_well_agrees_with_its_closed_form(h):
    ends = np.linspace(-0.9, 0.9, 9)
    found = StrangDensity().log_density(WELL, np.full(9, 0.5), ends, 0.0, h)
    expected = [well_formula(0.5, end, h) for end in ends]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("d", [1, 3])
def test_linear_drift_is_exact(d):
    rng = generator(1, "strang linear")
    kappa = rng.normal(size=(d, d)) + 2.0 * np.eye(d)
    factor = np.tril(rng.normal(size=(d, d))) + 2.0 * np.eye(d)
    process = OrnsteinUhlenbeck(kappa, rng.normal(size=d), factor)
    if d == 1:
        process = OrnsteinUhlenbeck(kappa[0, 0], 0.4, 0.7)
    x, dt = rng.normal(size=(20, d)), rng.uniform(0.01, 1.0, 20)
    x_next = x + 0.3 * rng.normal(size=(20, d))
    for name in ("log_density", "residuals", "pit"):
        found = getattr(StrangDensity(), name)(process, x, x_next, 0.0, dt)
        expected = getattr(ExactDensity(), name)(process, x, x_next, 0.0, dt)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    mean, covariance = StrangDensity().moments(process, x, 0.0, dt)
    exact = ExactDensity().moments(process, x, 0.0, dt)
    np.testing.assert_allclose(mean, exact[0], atol=1e-10)
    np.testing.assert_allclose(covariance, exact[1], atol=1e-10)


def well_mass(start, low, high, h):
    """Return the integral of the density over an interval by 300 Gauss-Legendre nodes."""
    nodes, weights = np.polynomial.legendre.leggauss(300)
    ends = low + 0.5 * (high - low) * (nodes + 1.0)
    density = np.exp(StrangDensity().log_density(WELL, np.full(300, start), ends, 0.0, h))
    return 0.5 * (high - low) * np.sum(weights * density)


@pytest.mark.parametrize("h", [0.05, 0.2, 1.0])
def test_it_integrates_to_one(h):
    # The flow over h / 2 leads to states of size up to 1 / sqrt(h).
    most = min(1.0 / math.sqrt(h), 4.0)
    assert well_mass(0.5, -most, most, h) == pytest.approx(1.0, abs=1e-8)


def test_it_integrates_to_one_in_the_plane():
    start, h = [[0.3, 0.6]], 0.3
    mean, covariance = StrangDensity().moments(PLANE, start, 0.0, h)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    reach = 8.0 * np.sqrt(np.diag(covariance[0]))
    a, b = np.meshgrid(mean[0, 0] + reach[0] * nodes, mean[0, 1] + reach[1] * nodes)
    ends = np.column_stack([a.ravel(), b.ravel()])
    starts = np.repeat(start, len(ends), axis=0)
    density = np.exp(StrangDensity().log_density(PLANE, starts, ends, 0.0, h))
    mass = reach.prod() * np.sum(density * np.outer(weights, weights).ravel())
    assert mass == pytest.approx(1.0, abs=1e-6)
    first = reach.prod() * (density * np.outer(weights, weights).ravel()) @ ends
    np.testing.assert_allclose(mean[0], first, atol=1e-6)


def test_states_that_the_flow_does_not_reach_have_density_zero():
    found = StrangDensity().log_density(WELL, [0.5, 0.5], [2.0, 2.5], 0.0, 0.2)
    assert np.isfinite(found[0])
    assert found[1] == -np.inf


def test_mean_of_a_step_errs_with_the_third_power():
    def error(h):
        exact = HermiteDensity(4).moments(WELL, [0.4], 0.0, h)[0]
        return abs(StrangDensity().moments(WELL, [0.4], 0.0, h)[0] - exact)[0, 0]

    assert math.log2(error(0.04) / error(0.02)) == pytest.approx(3.0, abs=0.2)


def test_it_is_nearer_to_the_exact_density_than_euler():
    rng = generator(2, "strang well")
    x = rng.uniform(-1.3, 1.3, 400)
    mean, variance = HermiteDensity(4).moments(WELL, x, 0.0, 0.05)
    x_next = mean[:, 0] + np.sqrt(variance[:, 0, 0]) * rng.normal(size=400)
    exact, euler, strang = (
        density.log_density(WELL, x, x_next, 0.0, 0.05)
        for density in (HermiteDensity(4), EulerDensity(), StrangDensity())
    )
    assert np.mean((strang - exact) ** 2) < 0.2 * np.mean((euler - exact) ** 2)


def test_double_well_figures_of_a_spectral_solution():
    # First rows of the reference series; the exact values are stable to 1e-9.
    x = np.array([1.0, 1.0218485126763055, 1.1597821596884499, 1.1696457236296995])
    exact = [0.9758486369759303, 0.5476727102951073, 0.9908803112979532]
    found = StrangDensity().log_density(WELL, x[:-1], x[1:], 0.0, 0.05)
    np.testing.assert_allclose(found, exact, atol=0.02)


def test_log_determinant_is_that_of_the_flow():
    def field(y):
        return np.column_stack([y[:, 1] * y[:, 0], -(y[:, 0] ** 2) - y[:, 1] ** 3]), (
            y[:, 1] - 3.0 * y[:, 1] ** 2
        )

    start, time = np.array([[0.7, -0.4]]), np.array([0.6])
    _, found = flow(field, start, time)
    columns = []
    for k in range(2):
        away = np.zeros((1, 2))
        away[0, k] = 1e-5
        ends = [flow(field, start + sign * away, time)[0][0] for sign in (-1.0, 1.0)]
        columns.append((ends[1] - ends[0]) / 2e-5)
    assert found[0] == pytest.approx(math.log(abs(np.linalg.det(np.array(columns)))), abs=1e-8)


def test_inverse_flow_undoes_the_flow_and_blow_up_is_infinite():
    def field(y):
        return -(y**3), -3.0 * y[:, 0] ** 2

    y, time = np.array([[0.2], [1.0], [-2.0]]), np.array([0.4, 0.4, 0.4])
    there, log_there = flow(field, y, time)
    back, log_back = flow(field, there, -time)
    np.testing.assert_allclose(there, y / np.sqrt(1.0 + 2.0 * y * y * 0.4), rtol=1e-11)
    np.testing.assert_allclose(back, y, rtol=1e-10)
    np.testing.assert_allclose(log_back, -log_there, rtol=1e-9)
    assert np.isinf(flow(field, np.array([[2.0]]), np.array([-0.4]))[0]).all()


def test_residuals_are_white_and_pit_uniform_under_the_splitting():
    rng = generator(3, "strang uniform")
    z = rng.normal(size=(300, 2))
    x = rng.normal(size=(300, 2))
    density = StrangDensity()
    step = density._step(PLANE, x, 0.0, 0.2)
    inside = step.mean + np.einsum("nij,nj->ni", np.linalg.cholesky(step.covariance), z)
    x_next = flow(step.field, inside, step.half)[0]
    np.testing.assert_allclose(density.residuals(PLANE, x, x_next, 0.0, 0.2), z, atol=1e-8)
    np.testing.assert_allclose(density.pit(PLANE, x, x_next, 0.0, 0.2), norm.cdf(z), atol=1e-8)


def test_pit_is_the_distribution_function_in_one_dimension():
    pit = StrangDensity().pit(WELL, [0.5], [0.8], 0.0, 0.2)[0, 0]
    assert pit == pytest.approx(well_mass(0.5, -2.2, 0.8, 0.2), abs=1e-8)


def test_noise_in_one_coordinate_reaches_the_other():
    process = FitzHughNagumo(epsilon=0.5, gamma=1.5, beta=0.8, s=0.0, sigma=0.3)
    found = StrangDensity().log_density(process, [[0.1, 0.1]], [[0.1, 0.1]], 0.0, 0.2)
    assert np.isfinite(found).all()
    with pytest.raises(DegenerateDataError):
        EulerDensity().log_density(process, [[0.1, 0.1]], [[0.1, 0.1]], 0.0, 0.2)


def test_center_is_the_fixed_point_unless_given():
    away = SDE(lambda t, x: 2.0 - x - x**3, lambda t, x: 0.5, noise="additive")
    by_newton = StrangDensity().log_density(away, [0.9], [1.1], 0.0, 0.1)
    np.testing.assert_allclose(
        by_newton, StrangDensity([1.0]).log_density(away, [0.9], [1.1], 0.0, 0.1), rtol=1e-10
    )
    other = StrangDensity([0.5]).log_density(away, [0.9], [1.1], 0.0, 0.1)
    assert abs(other - by_newton)[0] > 1e-6
    np.testing.assert_allclose(other, by_newton, atol=0.02)


def test_without_a_fixed_point_the_origin_is_the_center():
    process = SDE(lambda t, x: 1.0 + x**2, lambda t, x: 0.5, noise="additive")
    found = StrangDensity().log_density(process, [0.2], [0.3], 0.0, 0.05)
    same = StrangDensity([0.0]).log_density(process, [0.2], [0.3], 0.0, 0.05)
    np.testing.assert_array_equal(found, same)


def test_likelihood_and_its_gradient():
    rng = generator(4, "strang likelihood")
    x = rng.normal(size=(60, 2))
    x_next = x + 0.2 * rng.normal(size=(60, 2))
    likelihood = StrangDensity().likelihood(PLANE, x, x_next, 0.0, 0.1)
    rows = StrangDensity().log_density(PLANE, x, x_next, 0.0, 0.1)
    value, gradient = likelihood.value_and_gradient(np.array([0.8]))
    assert value == pytest.approx(-rows.sum(), rel=1e-12)
    ends = [
        StrangDensity().log_density(PLANE.with_params(a=a), x, x_next, 0.0, 0.1).sum()
        for a in (0.8 - 1e-4, 0.8 + 1e-4)
    ]
    assert gradient[0] == pytest.approx(-(ends[1] - ends[0]) / 2e-4, rel=1e-6)


def test_a_row_depends_on_no_other_row():
    x, ends = np.linspace(-1.5, 1.5, 12), np.linspace(1.4, -1.4, 12)
    dt = np.linspace(0.02, 0.3, 12)
    together = StrangDensity().log_density(WELL, x, ends, 0.0, dt)
    alone = [
        StrangDensity().log_density(WELL, [a], [b], 0.0, h)[0]
        for a, b, h in zip(x, ends, dt, strict=True)
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("process", "said"),
    [
        (CoxIngersollRoss(1.0, 1.0, 0.4), "additive noise"),
        (TrendingOrnsteinUhlenbeck(1.0, [0.0, 1.0], 0.5), "depend on time"),
        (SDE(lambda t, x: [-x][round(x) * 0], lambda t, x: 1.0), "as formulas"),
        (SDE(lambda t, x: -np.cbrt(x), lambda t, x: 1.0), "give another `center`"),
    ],
    ids=["state", "time", "no formula", "no Jacobian"],
)
def test_processes_that_cannot_be_split_are_refused(process, said):
    with pytest.raises(InputError, match=said):
        StrangDensity().log_density(process, [0.5], [0.6], 0.0, 0.1)


def test_bad_centers_are_refused():
    with pytest.raises(InputError, match="one finite state"):
        StrangDensity([[0.0]])
    with pytest.raises(InputError, match="2 coordinates"):
        StrangDensity([0.0]).log_density(PLANE, [[0.0, 0.0]], [[0.0, 0.0]], 0.0, 0.1)


def test_options_restore_the_density():
    density = transition_density("strang", **StrangDensity([1.0, 2.0]).options)
    np.testing.assert_array_equal(density.center, [1.0, 2.0])
    assert repr(StrangDensity()) == "StrangDensity()"
