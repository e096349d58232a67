"""Duffing, Van der Pol and FitzHugh-Nagumo: noise in one equation only."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from stochtext._shared.exceptions import InputError
from stochtext.processes import Duffing, FitzHughNagumo, ForcedDuffing, VanDerPol

PROCESSES = {
    "duffing": Duffing(-1.0, 0.8, 0.5, 0.6),
    "forced_duffing": ForcedDuffing(-1.0, 0.8, 0.5, 0.3, 1.2, 0.6),
    "van_der_pol": VanDerPol(0.7, 1.5, 0.6),
    "fitzhugh_nagumo": FitzHughNagumo(0.4, 1.5, 0.8, 0.1, 0.6),
}


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_noise_drives_the_second_coordinate_only(name):
    process = PROCESSES[name]
    x = np.array([[0.3, -0.2], [1.0, 2.0]])
    np.testing.assert_array_equal(process.diffusion(x), [[[0.0], [0.6]]] * 2)
    np.testing.assert_allclose(process.covariance(x), [[[0.0, 0.0], [0.0, 0.36]]] * 2)
    assert (process.dim, process.noise, process.noise_dim) == (2, "additive", 1)
    assert process.domain == ((-np.inf, np.inf),) * 2


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_parameters_round_trip_and_negative_noise_is_refused(name):
    process = PROCESSES[name]
    assert process.from_vector(process.to_vector()).params == process.params
    assert dict(zip(process.free_parameters, process.bounds(), strict=True))["sigma"][0] == 0.0
    with pytest.raises(InputError, match=r"`sigma` must be a number >= 0"):
        process.with_params(sigma=-0.1)
    with pytest.raises(InputError, match="must be a number"):
        process.with_params(sigma=[0.1, 0.2])


@pytest.mark.parametrize("name", ["duffing", "van_der_pol", "fitzhugh_nagumo"])
def test_start_values_recover_the_parameters_from_euler_steps(name):
    process, rng, n = PROCESSES[name], np.random.default_rng(4), 20000
    x, dt = rng.uniform(-1.5, 1.5, (n, 2)), rng.uniform(0.01, 0.1, n)
    noise = 0.6 * np.sqrt(dt) * rng.standard_normal(n)
    x_next = x + process.drift(x) * dt[:, None] + np.column_stack([np.zeros(n), noise])
    found = process.start_values(x, x_next, dt)
    # sigma / sqrt(n dt) = 0.018 is the standard error of a rate with regressors of size one.
    for parameter, value in process.params.items():
        assert found[parameter] == pytest.approx(value, abs=0.1), parameter


# -- Duffing ---------------------------------------------------------------------------------


def test_duffing_drift_by_hand():
    drift = Duffing(alpha=-1.0, beta=2.0, delta=0.5, sigma=1.0).drift([[2.0, 3.0]])
    np.testing.assert_allclose(drift, [[3.0, -1.5 + 2.0 - 16.0]])
    forced = ForcedDuffing(-1.0, 2.0, 0.5, gamma=0.3, omega=1.2, sigma=1.0)
    expected = [[3.0, -15.5 + 0.3 * np.cos(1.2 * 0.7)], [3.0, -15.5 + 0.3]]
    np.testing.assert_allclose(forced.drift([[2.0, 3.0]] * 2, t=[0.7, 0.0]), expected)
    assert not forced.autonomous
    assert Duffing().autonomous


def grid(process, half=6.0, points=241):
    axis = np.linspace(-half, half, points)
    states = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return states, process.stationary_density(states) * (axis[1] - axis[0]) ** 2


@pytest.mark.parametrize("alpha", [-1.0, 0.0, 0.7])
def test_duffing_stationary_density_integrates_to_one_and_has_the_moments(alpha):
    process = Duffing(alpha, 0.8, 0.5, 0.9)
    states, weight = grid(process)  # trapezoids converge exponentially here
    assert weight.sum() == pytest.approx(1.0, rel=1e-9)
    np.testing.assert_allclose(weight @ states, process.stationary_mean(), atol=1e-12)
    second = (states * weight[:, None]).T @ states
    np.testing.assert_allclose(second, process.stationary_covariance(), rtol=1e-8, atol=1e-12)


def test_duffing_stationary_density_solves_the_fokker_planck_equation():
    process, h = Duffing(-1.0, 0.8, 0.5, 0.9), 1e-3
    x = np.random.default_rng(2).uniform(-1.5, 1.5, (20, 2))
    density, (along, across) = process.stationary_density, h * np.eye(2)

    def flux(points):
        return process.drift(points) * density(points)[:, None]

    divergence = (flux(x + along) - flux(x - along))[:, 0] + (flux(x + across) - flux(x - across))[
        :, 1
    ]
    curvature = (density(x + across) - 2 * density(x) + density(x - across)) / h**2
    residual = -divergence / (2 * h) + 0.5 * 0.81 * curvature
    np.testing.assert_allclose(residual, 0.0, atol=1e-5 * density(x).max())


def test_duffing_friction_and_noise_balance_at_every_velocity():
    # The irreversible part of the flux, -delta v p - sigma^2 / 2 dp/dv, vanishes.
    process, h = Duffing(-1.0, 0.8, 0.5, 0.9), 1e-5
    x = np.random.default_rng(2).uniform(-1.5, 1.5, (20, 2))
    density, across = process.stationary_density, np.array([0.0, h])
    slope = (density(x + across) - density(x - across)) / (2 * h)
    np.testing.assert_allclose(0.5 * x[:, 1] * density(x), -0.405 * slope, atol=1e-9)


def test_duffing_without_friction_noise_or_quartic_wall_has_no_stationary_law():
    for arguments in ((1.0, 0.0, 0.5, 1.0), (1.0, 1.0, 0.0, 1.0), (1.0, 1.0, 0.5, 0.0)):
        with pytest.raises(InputError, match="positive beta, delta and sigma"):
            Duffing(*arguments).stationary_density([[0.0, 0.0]])


# -- Van der Pol -----------------------------------------------------------------------------


def test_van_der_pol_drift_by_hand():
    np.testing.assert_allclose(
        VanDerPol(0.7, 1.5, 0.6).drift([[2.0, 3.0]]), [[3.0, 0.7 * -3.0 * 3.0 - 2.25 * 2.0]]
    )


def test_van_der_pol_limit_cycle_is_near_radius_two_for_small_friction():
    process = VanDerPol(0.05, 1.0, 0.0)
    path = solve_ivp(
        lambda t, x: process.drift([x])[0], (0, 150), [0.5, 0.0], rtol=1e-8, max_step=0.1
    ).y[:, -300:]
    # Amplitude 2 + O(mu^2); in between the radius varies by O(mu).
    assert np.abs(path[0]).max() == pytest.approx(2.0, abs=0.01)
    np.testing.assert_allclose(np.hypot(*path), 2.0, atol=0.1)


# -- FitzHugh-Nagumo -------------------------------------------------------------------------


def test_fitzhugh_nagumo_drift_by_hand():
    process = FitzHughNagumo(0.5, 1.5, 0.8, 0.1, 0.6)
    np.testing.assert_allclose(
        process.drift([[2.0, 3.0]]), [[(2.0 - 8.0 - 3.0 + 0.1) / 0.5, 3.0 - 3.0 + 0.8]]
    )


@pytest.mark.parametrize(("gamma", "count"), [(1.5, 1), (0.2, 3)])
def test_fitzhugh_nagumo_rests_at_its_fixed_points(gamma, count):
    process = FitzHughNagumo(0.1, gamma, 0.1, 0.05, 0.3)
    points = process.fixed_points()
    assert points.shape == (count, 2)
    np.testing.assert_allclose(process.drift(points), 0.0, atol=1e-12)


def test_fitzhugh_nagumo_needs_a_positive_time_scale():
    for epsilon in (0.0, -1.0):
        with pytest.raises(InputError, match="epsilon"):
            FitzHughNagumo(epsilon=epsilon)
