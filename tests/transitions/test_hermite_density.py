"""The closed-form expansion falls at its order, and says where it is of no use."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.polynomial import Polynomial
from scipy.linalg import expm
from scipy.stats import kstest, ncx2

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.random import generator
from stochtext.processes import (
    CKLS,
    SDE,
    CoxIngersollRoss,
    DoubleWell,
    GeometricBrownianMotion,
    OrnsteinUhlenbeck,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.transitions import ExactDensity, HermiteDensity, transition_density
from stochtext.transitions.expansions.quadrature import gauss_legendre, running_integrals

ORDERS = (1, 2, 3, 4)
SQUARE_ROOT = CoxIngersollRoss(0.8, 1.0, 0.4)
# The first states of the reference series of that process, steps of 0.1.
SQUARE_ROOT_PATH = np.array(
    [
        1.0,
        1.1013589188924462,
        0.87750898474781391,
        0.64731324173764715,
        0.5710559023048104,
        0.51459852383719462,
    ]
)
WELL_PATH = np.array(
    [
        1.0,
        1.0218485126763055,
        1.1597821596884499,
        1.1696457236296995,
        1.1330494945850924,
        1.2223607171786928,
    ]
)


def square_root_law(process, x, dt):
    kappa, mu, sigma = (process.params[name] for name in ("kappa", "mu", "sigma"))
    scale = 2.0 * kappa / (sigma**2 * -math.expm1(-kappa * dt))
    law = ncx2(4.0 * kappa * mu / sigma**2, 2.0 * scale * x * math.exp(-kappa * dt))
    return law, 2.0 * scale


def square_root_exact(process, x, x_next, dt):
    law, scale = square_root_law(process, x, dt)
    return math.log(scale) + law.logpdf(scale * x_next)


def well_exact(process, x, x_next, dt, half=4.0, n=400):
    """Return the log density at grid points by exponentiating the Hamiltonian of the process.

    In y = x / sigma the density is sqrt(m(y') / m(y)) <y'| exp(-dt H) |y> with
    H = -d^2/dy^2 / 2 + (mu^2 + mu') / 2, on a sinc grid (Colbert and Miller, 1992).
    """
    alpha, beta, sigma = (process.params[name] for name in ("alpha", "beta", "sigma"))
    grid, h = np.linspace(-half, half, n + 1), 2.0 * half / n
    mu = grid * (alpha - beta * (sigma * grid) ** 2)
    slope = alpha - 3.0 * beta * (sigma * grid) ** 2
    k = np.arange(n + 1)
    apart = k[:, None] - k[None, :]
    with np.errstate(divide="ignore"):
        kinetic = (-1.0) ** apart / np.where(apart == 0, np.inf, h * apart) ** 2
    np.fill_diagonal(kinetic, math.pi**2 / (6.0 * h**2))
    propagator = expm(-dt * (kinetic + np.diag(0.5 * (mu**2 + slope))))
    potential = alpha * grid**2 / 2.0 - beta * sigma**2 * grid**4 / 4.0
    start, end = (np.rint((at / sigma + half) / h).astype(int) for at in (x, x_next))
    np.testing.assert_allclose(grid[start] * sigma, x, atol=1e-12)
    weight = potential[end] - potential[start]
    return np.log(propagator[end, start] / (h * sigma)) + weight


def falling_order(exact, process, order, x, x_next, steps):
    errors = [
        HermiteDensity(order).log_density(process, [x], [x_next], 0.0, dt)[0]
        - exact(process, x, x_next, dt)
        for dt in steps
    ]
    return math.log2(abs(errors[0] / errors[1]))


@pytest.mark.parametrize("order", ORDERS)
def test_error_falls_at_its_order_for_the_square_root_process(order):
    found = falling_order(square_root_exact, SQUARE_ROOT, order, 1.5, 1.2, (0.1, 0.05))
    assert found == pytest.approx(order + 1, abs=0.2)


@pytest.mark.parametrize("order", ORDERS)
def test_error_falls_at_its_order_for_the_ornstein_uhlenbeck_process(order):
    def exact(process, x, x_next, dt):
        return ExactDensity().log_density(process, [x], [x_next], 0.0, dt)[0]

    process = OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    found = falling_order(exact, process, order, 0.9, 1.3, (0.1, 0.05))
    assert found == pytest.approx(order + 1, abs=0.2)


@pytest.mark.parametrize("order", ORDERS)
def test_error_falls_at_its_order_for_the_double_well(order):
    process = DoubleWell(1.0, 1.0, 0.7)
    x, x_next = np.array([0.56]), np.array([0.98])

    def exact(process, x, x_next, dt):
        return well_exact(process, np.array([x]), np.array([x_next]), dt)[0]

    found = falling_order(exact, process, order, x[0], x_next[0], (0.04, 0.02))
    assert found == pytest.approx(order + 1, abs=0.3)


def test_independent_figures_of_the_square_root_process():
    # Non-central chi-square density, agreed by pymle-diffusion 0.0.9 and mpmath.
    exact = [
        0.7820532836169356,
        -0.2959606639383807,
        -1.0795147628484267,
        0.927709168859101,
        1.0773881269747152,
    ]
    found = [
        HermiteDensity(order).log_density(
            SQUARE_ROOT, SQUARE_ROOT_PATH[:-1], SQUARE_ROOT_PATH[1:], 0.0, 0.1
        )
        for order in ORDERS
    ]
    errors = [float(np.max(np.abs(each - exact))) for each in found]
    assert np.all(np.array(errors) < [2e-3, 1e-4, 3e-6, 1e-7])
    # R package sde 2.0.18, HPloglik, is 5.7e-6 off a row on the whole series of 2000 steps.
    assert abs(np.mean(found[2] - exact)) < 1e-6


def test_independent_figures_of_the_double_well():
    # Spectral solution of the Fokker-Planck equation on a sinc grid, stable to 1e-9.
    exact = [
        0.9758486369759303,
        0.5476727102951073,
        0.9908803112979532,
        1.001358627825358,
        0.7548358289666305,
    ]
    process = DoubleWell(1.0, 1.0, 0.7)
    found = [
        HermiteDensity(order).log_density(process, WELL_PATH[:-1], WELL_PATH[1:], 0.0, 0.05)
        for order in ORDERS
    ]
    errors = [float(np.max(np.abs(each - exact))) for each in found]
    assert np.all(np.array(errors) < [3e-3, 5e-4, 3e-5, 3e-6])
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("order", ORDERS)
def test_terms_satisfy_the_recursion_of_ait_sahalia(order):
    # With unit diffusion and a polynomial drift every C_k is a polynomial in w = y' - y.
    mu, y, w, dt = Polynomial([0.3, 0.7, -0.2, -0.5]), 0.4, 0.37, 0.2
    drift = mu(Polynomial([y, 1.0]))
    terms = [drift.integ()]
    for k in range(1, order + 1):
        right = -drift.deriv() - drift * terms[0].deriv() if k == 1 else -drift * terms[-1].deriv()
        right = right + 0.5 * terms[-1].deriv(2)
        for h in range(k):
            right = right + 0.5 * math.comb(k - 1, h) * terms[h].deriv() * terms[k - 1 - h].deriv()
        terms.append(Polynomial([k / (k + j) * c for j, c in enumerate(right.coef)]))
    expected = -0.5 * math.log(2 * math.pi * dt) - w**2 / (2 * dt)
    expected += sum(term(w) * dt**k / math.factorial(k) for k, term in enumerate(terms))
    process = SDE(lambda t, x: 0.3 + 0.7 * x - 0.2 * x**2 - 0.5 * x**3, lambda t, x: 1.0)
    found = HermiteDensity(order).log_density(process, [y], [y + w], 0.0, dt)[0]
    assert found == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize(
    ("process", "order", "low", "high"),
    [
        (CoxIngersollRoss(0.8, 1.0, 0.4), 4, 0.6, 1.4),
        (CKLS(0.5, -0.6, 0.4, 0.8), 2, 0.6, 1.4),
        (DoubleWell(1.0, 1.2, 0.7), 4, -1.0, 1.0),
        (
            SDE(
                lambda t, x, a: -a * np.tanh(x),
                lambda t, x, s: s * np.sqrt(1.0 + x * x),
                params={"a": 1.5, "s": 0.5},
            ),
            3,
            -1.0,
            1.0,
        ),
    ],
    ids=["square root", "ckls", "double well", "written"],
)
def test_scores_are_the_derivatives_of_the_log_density(process, order, low, high):
    rng = generator(3, "hermite scores")
    x = rng.uniform(low, high, 300)
    dt = rng.uniform(0.02, 0.1, 300)
    x_next = x + 0.4 * np.sqrt(dt) * rng.normal(size=300)
    weight = rng.uniform(0.0, 2.0, 300)
    density, vector = HermiteDensity(order), process.to_vector()
    likelihood = density.likelihood(process, x, x_next, 0.0, dt, weight=weight)
    value, gradient = likelihood.value_and_gradient(vector)
    rows = density.log_density(process, x, x_next, 0.0, dt)
    np.testing.assert_allclose(likelihood.log_density(vector), rows, rtol=1e-12, atol=1e-12)
    assert value == pytest.approx(-np.sum(weight * rows), rel=1e-12)
    scores = likelihood.scores(vector)
    np.testing.assert_allclose(gradient, -scores.sum(axis=0), rtol=1e-9)
    for k in range(len(vector)):
        offset = np.zeros(len(vector))
        offset[k] = 1e-5
        ends = [likelihood.log_density(vector + s * offset) for s in (-1.0, 1.0)]
        slope = weight * (ends[1] - ends[0]) / 2e-5
        np.testing.assert_allclose(scores[:, k], slope, rtol=1e-6, atol=1e-6)


def test_parameters_outside_their_bounds_have_no_likelihood():
    likelihood = HermiteDensity().likelihood(CoxIngersollRoss(), [1.0], [1.1], 0.0, 0.1)
    value, gradient = likelihood.value_and_gradient(np.array([1.0, 1.0, -0.4]))
    assert value == np.inf
    assert np.isnan(gradient).all()


def test_a_row_depends_on_no_other_row():
    x, x_next = SQUARE_ROOT_PATH[:-1], SQUARE_ROOT_PATH[1:]
    together = HermiteDensity().log_density(SQUARE_ROOT, x, x_next, 0.0, 0.1)
    alone = [
        HermiteDensity().log_density(SQUARE_ROOT, [a], [b], 0.0, 0.1)[0]
        for a, b in zip(x, x_next, strict=True)
    ]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_integral_approaches_one_at_the_order(order):
    # Odd powers of the step cancel in the mean over the ends for this process.
    process, density = OrnsteinUhlenbeck(1.0, 0.0, 0.6), HermiteDensity(order)
    gaps = [abs(density.normalisation(process, [0.4], 0.0, dt)[0] - 1.0) for dt in (0.2, 0.1)]
    assert math.log2(gaps[0] / gaps[1]) > order + 0.8


def test_normalised_law_is_that_of_the_square_root_process():
    x = SQUARE_ROOT_PATH[:-1]
    law, scale = square_root_law(SQUARE_ROOT, x, 0.1)
    density = HermiteDensity(4)
    pit = density.pit(SQUARE_ROOT, x, SQUARE_ROOT_PATH[1:], 0.0, 0.1)[:, 0]
    np.testing.assert_allclose(pit, law.cdf(scale * SQUARE_ROOT_PATH[1:]), atol=1e-6)
    mean, covariance = density.moments(SQUARE_ROOT, x, 0.0, 0.1)
    np.testing.assert_allclose(mean[:, 0], law.mean() / scale, atol=1e-6)
    np.testing.assert_allclose(covariance[:, 0, 0], law.var() / scale**2, rtol=1e-5)
    residuals = density.residuals(SQUARE_ROOT, x, SQUARE_ROOT_PATH[1:], 0.0, 0.1)
    expected = (SQUARE_ROOT_PATH[1:] - mean[:, 0]) / np.sqrt(covariance[:, 0, 0])
    np.testing.assert_allclose(residuals[:, 0], expected, rtol=1e-12)


def test_distribution_function_runs_from_zero_to_one():
    process = GeometricBrownianMotion(0.1, 0.5)
    ends = np.linspace(0.2, 4.0, 60)
    pit = HermiteDensity().pit(process, np.ones(60), ends, 0.0, 0.25)[:, 0]
    exact = (np.log(ends) - (0.1 - 0.125) * 0.25) / 0.25
    assert np.all(np.diff(pit) >= 0.0)
    np.testing.assert_allclose(
        pit, [0.5 * math.erfc(-z / math.sqrt(2.0)) for z in exact], atol=1e-7
    )


def test_pit_is_uniform_under_the_model():
    rng = generator(5, "hermite uniform")
    x = rng.uniform(0.5, 1.5, 500)
    law, scale = square_root_law(SQUARE_ROOT, x, 0.1)
    x_next = law.rvs(random_state=rng) / scale
    pit = HermiteDensity().pit(SQUARE_ROOT, x, x_next, 0.0, 0.1)
    assert kstest(pit[:, 0], "uniform").pvalue > 0.001


def test_numbers_that_cannot_be_had_are_nan():
    long_step = HermiteDensity().log_density(OrnsteinUhlenbeck(20.0, 0.0, 0.6), [0.3], [0.1], 0, 1)
    assert np.isnan(long_step).all()
    beside_zero = CoxIngersollRoss(0.8, 0.1, 0.4)
    assert np.isnan(HermiteDensity().pit(beside_zero, [0.01], [0.02], 0.0, 0.1)).all()
    assert np.isnan(HermiteDensity().normalisation(beside_zero, [0.01], 0.0, 0.1)).all()
    through_zero = SDE(lambda t, x: -x, lambda t, x: 0.5 * x)
    assert np.isnan(HermiteDensity().log_density(through_zero, [0.5], [-0.5], 0.0, 0.1)).all()


def test_states_outside_the_domain_have_density_zero():
    found = HermiteDensity().log_density(SQUARE_ROOT, [1.0, 1.0], [-0.1, 1.1], 0.0, 0.1)
    assert found[0] == -np.inf
    assert np.isfinite(found[1])


def test_start_without_noise_is_refused():
    with pytest.raises(DegenerateDataError, match="row 1"):
        HermiteDensity().log_density(SQUARE_ROOT, [1.0, 0.0], [1.0, 0.1], 0.0, 0.1)


@pytest.mark.parametrize(
    ("process", "said"),
    [
        (OrnsteinUhlenbeck(np.eye(2), np.zeros(2), np.eye(2)), "for one dimension"),
        (TrendingOrnsteinUhlenbeck(1.0, [0.0, 1.0], 0.5), "depend on time"),
        (SDE(lambda t, x: math.lgamma(2.0 + x), lambda t, x: 1.0), "derivatives"),
        (SDE(lambda t, x: [-x][round(x) * 0], lambda t, x: 1.0), "as formulas"),
    ],
    ids=["plane", "trend", "no derivative", "no formula"],
)
def test_processes_without_the_expansion_are_refused(process, said):
    d = process.dim
    with pytest.raises(InputError, match=said):
        HermiteDensity().log_density(process, np.ones((1, d)), np.ones((1, d)), 0.0, 0.1)


@pytest.mark.parametrize("order", [0, 5, 2.0, True])
def test_orders_that_there_are_not_are_refused(order):
    with pytest.raises(InputError, match="order"):
        HermiteDensity(order)


def test_options_restore_the_density():
    density = HermiteDensity(2)
    assert transition_density(density.name, **density.options).order == 2
    assert repr(density) == "HermiteDensity(order=2)"


def test_quadrature_is_exact_for_polynomials():
    nodes, weights = gauss_legendre(8)
    assert np.sum(weights * nodes**15) == pytest.approx(1.0 / 16.0, rel=1e-14)
    np.testing.assert_allclose(running_integrals(8) @ nodes**7, nodes**8 / 8.0, atol=1e-15)
