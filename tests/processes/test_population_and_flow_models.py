"""Lotka-Volterra, epidemic, Brusselator and Lorenz against what their equations conserve."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from stochtext._shared.exceptions import InputError
from stochtext.processes import Brusselator, Lorenz63, LotkaVolterra, StochasticSIR

PREDATORS = LotkaVolterra(1.0, 0.5, 0.8, 0.2, 0.3, 0.4)


def jacobian(process, point, h=1e-6):
    columns = [(process.drift([point + h * e]) - process.drift([point - h * e]))[0] for e in
               np.eye(process.dim)]  # fmt: skip
    return np.array(columns).T / (2 * h)


@pytest.mark.parametrize(
    "process",
    [PREDATORS, StochasticSIR(2.0, 0.5, 0.1, 0.2), Brusselator(1.9, 0.1),
     Lorenz63(10.0, 28.0, 8 / 3, 0.5)],
    ids=["lotka_volterra", "sir", "brusselator", "lorenz"],
)  # fmt: skip
def test_parameters_round_trip(process):
    assert process.from_vector(process.to_vector()).params == process.params
    assert process.autonomous


# -- Lotka-Volterra --------------------------------------------------------------------------


def test_lotka_volterra_coefficients_by_hand():
    np.testing.assert_allclose(PREDATORS.drift([[2.0, 3.0]]), [[2.0 * -0.5, 3.0 * -0.4]])
    np.testing.assert_allclose(PREDATORS.diffusion([[2.0, 3.0]]), [np.diag([0.6, 1.2])])
    assert (PREDATORS.noise, PREDATORS.noise_dim) == ("diagonal", 2)
    assert PREDATORS.domain == ((0.0, np.inf),) * 2


def test_lotka_volterra_conserves_its_integral_without_noise():
    path = solve_ivp(
        lambda t, x: PREDATORS.drift([x])[0], (0, 20), [2.0, 1.0], rtol=1e-10, atol=1e-12
    ).y.T
    integral = PREDATORS.conserved_quantity(path)
    np.testing.assert_allclose(integral, integral[0], rtol=1e-7)
    assert np.ptp(path[:, 0]) > 1.0


def test_lotka_volterra_noise_raises_the_integral_at_a_constant_rate():
    # The generator b . grad H + a : Hess H / 2 is (gamma sigma_x^2 + alpha sigma_y^2) / 2.
    x, h = np.random.default_rng(1).uniform(0.5, 4.0, (9, 2)), 1e-4
    energy, steps = PREDATORS.conserved_quantity, h * np.eye(2)
    slopes = [(energy(x + e) - energy(x - e)) / (2 * h) for e in steps]
    curves = [(energy(x + e) - 2 * energy(x) + energy(x - e)) / h**2 for e in steps]
    variance = np.diagonal(PREDATORS.covariance(x), axis1=1, axis2=2)
    growth = np.sum(PREDATORS.drift(x) * np.array(slopes).T, axis=1)
    growth += 0.5 * np.sum(variance * np.array(curves).T, axis=1)
    np.testing.assert_allclose(growth, (0.8 * 0.09 + 1.0 * 0.16) / 2, rtol=1e-5)


def test_lotka_volterra_rests_where_the_integral_is_least():
    point = PREDATORS.fixed_point()
    np.testing.assert_allclose(PREDATORS.drift([point]), 0.0, atol=1e-15)
    around = point + 0.1 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    energy = PREDATORS.conserved_quantity
    assert np.all(energy(around) > energy([point]))
    with pytest.raises(InputError, match="positive"):
        energy([[1.0, 0.0]])
    with pytest.raises(InputError, match="coexistence"):
        PREDATORS.with_params(beta=0.0).fixed_point()


def test_lotka_volterra_start_values_recover_the_parameters():
    rng, n = np.random.default_rng(4), 20000
    x, dt = rng.uniform(0.5, 4.0, (n, 2)), rng.uniform(0.01, 0.1, n)
    noise = np.array([0.3, 0.4]) * x * np.sqrt(dt)[:, None] * rng.standard_normal((n, 2))
    found = PREDATORS.start_values(x, x + PREDATORS.drift(x) * dt[:, None] + noise, dt)
    # Standard error of a rate: about 0.4 / sqrt(n dt) = 0.012, of an intercept twice that.
    for name, value in PREDATORS.params.items():
        assert found[name] == pytest.approx(value, abs=0.08), name
    assert PREDATORS.start_values(-x, x, dt) == {}


# -- epidemic --------------------------------------------------------------------------------


def test_epidemic_coefficients_by_hand():
    process = StochasticSIR(beta=2.0, gamma=0.5, mu=0.1, sigma=0.2)
    np.testing.assert_allclose(
        process.drift([[0.5, 0.4]]), [[0.1 - 0.05 - 0.4, 0.4 - 0.6 * 0.4]], rtol=1e-13
    )
    np.testing.assert_allclose(process.diffusion([[0.5, 0.4]]), [[[-0.04], [0.04]]])
    assert (process.noise, process.noise_dim) == ("general", 1)
    assert process.domain == ((0.0, 1.0), (0.0, 1.0))


def test_epidemic_noise_moves_people_but_makes_none():
    process = StochasticSIR(2.0, 0.5, 0.1, 0.2)
    x = np.random.default_rng(1).uniform(0.0, 0.5, (6, 2))
    np.testing.assert_array_equal(process.diffusion(x).sum(axis=1), 0.0)
    total = x.sum(axis=1)
    np.testing.assert_allclose(process.drift(x).sum(axis=1), 0.1 - 0.1 * total - 0.5 * x[:, 1])


@pytest.mark.parametrize(("beta", "count"), [(0.5, 1), (2.0, 2)])
def test_epidemic_is_endemic_above_reproduction_number_one(beta, count):
    process = StochasticSIR(beta, 0.5, 0.1, 0.2)
    assert process.reproduction_number() == pytest.approx(beta / 0.6)
    points = process.fixed_points()
    assert len(points) == count
    np.testing.assert_allclose(process.drift(points), 0.0, atol=1e-15)
    slopes = [np.linalg.eigvals(jacobian(process, point)).real.max() for point in points]
    assert slopes[-1] < 0
    assert (slopes[0] > 0) == (count == 2)


def test_epidemic_without_births_or_recovery_is_refused_where_it_matters():
    with pytest.raises(InputError, match="every state without infections"):
        StochasticSIR(2.0, 0.5, 0.0, 0.2).fixed_points()
    with pytest.raises(InputError, match="both zero"):
        StochasticSIR(2.0, 0.0, 0.0, 0.2).reproduction_number()


# -- Brusselator -----------------------------------------------------------------------------


def test_brusselator_is_the_shifted_reaction():
    # x' = 1 - (alpha + 1) x + x^2 y, y' = alpha x - x^2 y around (1, alpha).
    alpha, x = 1.7, np.random.default_rng(1).uniform(-0.8, 1.0, (6, 2))
    first, second = x[:, 0] + 1.0, x[:, 1] + alpha
    reaction = first**2 * second
    expected = np.column_stack([1 - (alpha + 1) * first + reaction, alpha * first - reaction])
    process = Brusselator(alpha, 0.1)
    np.testing.assert_allclose(process.drift(x), expected, atol=1e-13)
    np.testing.assert_array_equal(process.diffusion(x).sum(axis=1), 0.0)
    np.testing.assert_allclose(process.diffusion([[2.0, 0.0]]), [[[0.6], [-0.6]]])


@pytest.mark.parametrize("alpha", [1.5, 2.5])
def test_brusselator_begins_to_oscillate_at_alpha_two(alpha):
    matrix = jacobian(Brusselator(alpha, 0.1), np.zeros(2))
    assert np.trace(matrix) == pytest.approx(alpha - 2.0, abs=1e-8)
    assert np.linalg.det(matrix) == pytest.approx(1.0, abs=1e-8)


def test_brusselator_start_values_recover_the_parameters():
    process, rng, n = Brusselator(1.7, 0.3), np.random.default_rng(4), 20000
    x, dt = rng.uniform(-0.5, 1.0, (n, 2)), rng.uniform(0.01, 0.1, n)
    noise = process.diffusion(x)[:, :, 0] * np.sqrt(dt)[:, None] * rng.standard_normal((n, 1))
    found = process.start_values(x, x + process.drift(x) * dt[:, None] + noise, dt)
    assert found["alpha"] == pytest.approx(1.7, abs=0.05)  # standard error 0.3 / sqrt(n dt)
    assert found["sigma"] == pytest.approx(0.3, abs=0.01)
    assert process.start_values(np.zeros((3, 2)), np.ones((3, 2)), np.ones(3)) == {}


# -- Lorenz ----------------------------------------------------------------------------------


def test_lorenz_coefficients_by_hand():
    process = Lorenz63(10.0, 28.0, 2.0, 0.5)
    np.testing.assert_allclose(process.drift([[1.0, 2.0, 3.0]]), [[10.0, 25.0 - 2.0, 2.0 - 6.0]])
    np.testing.assert_array_equal(process.diffusion([[1.0, 2.0, 3.0]]), [0.5 * np.eye(3)])
    assert (process.noise, process.noise_dim) == ("additive", 3)


@pytest.mark.parametrize(("rho", "count"), [(0.5, 1), (28.0, 3)])
def test_lorenz_rests_at_its_fixed_points_and_shrinks_volumes(rho, count):
    process = Lorenz63(10.0, rho, 8 / 3, 0.5)
    points = process.fixed_points()
    assert points.shape == (count, 3)
    np.testing.assert_allclose(process.drift(points), 0.0, atol=1e-12)
    divergence = np.trace(jacobian(process, np.array([1.0, -2.0, 20.0])))
    assert divergence == pytest.approx(-(10.0 + 1.0 + 8 / 3), rel=1e-8)


def test_lorenz_start_values_recover_the_parameters():
    process, rng, n = Lorenz63(10.0, 28.0, 8 / 3, 0.5), np.random.default_rng(4), 20000
    x, dt = rng.uniform(-10.0, 30.0, (n, 3)), rng.uniform(0.001, 0.01, n)
    noise = 0.5 * np.sqrt(dt)[:, None] * rng.standard_normal((n, 3))
    found = process.start_values(x, x + process.drift(x) * dt[:, None] + noise, dt)
    # Standard error 0.5 / (size of the state sqrt(n dt)) = 0.003.
    for name, value in process.params.items():
        assert found[name] == pytest.approx(value, abs=0.02), name
