"""The simulated density: unbiased for Euler's scheme, smooth in the parameters, honest errors."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from stochtext._shared.exceptions import InputError, SchemeError
from stochtext._shared.random import generator
from stochtext.processes import (
    CoxIngersollRoss,
    DoubleWell,
    OrnsteinUhlenbeck,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.transitions import (
    EulerDensity,
    ExactDensity,
    SimulatedDensity,
    SpectralDensity,
    transition_density,
)

EXACT = ExactDensity()
OU = OrnsteinUhlenbeck(1.0, 0.5, 0.6)


def euler_density(x, x_next, dt, n_substeps):
    """Return the density of Euler's scheme for `OU`, which is Gaussian."""
    h = dt / n_substeps
    keep = 1.0 - h
    mean = 0.5 + keep**n_substeps * (x - 0.5)
    variance = 0.36 * h * (1.0 - keep ** (2 * n_substeps)) / (1.0 - keep**2)
    return norm.pdf(x_next, mean, math.sqrt(variance))


@pytest.mark.parametrize("method", ["modified_bridge", "residual_bridge"])
@pytest.mark.parametrize("antithetic", [True, False])
def test_density_is_unbiased_for_the_scheme(method, antithetic):
    density = SimulatedDensity(4, 6, method=method, antithetic=antithetic, random_state=3)
    rows = np.ones(4000)
    estimates = np.exp(density.log_density(OU, 1.2 * rows, 0.4 * rows, 0.0, 0.5 * rows))
    expected = euler_density(1.2, 0.4, 0.5, 6)
    error = estimates.std(ddof=1) / math.sqrt(len(rows))
    assert abs(estimates.mean() - expected) < 3 * error
    assert error < 0.01 * expected


def test_density_is_unbiased_where_the_noise_depends_on_the_state():
    process = CoxIngersollRoss(0.8, 1.0, 0.9)

    def step(x, y, h):
        return norm.pdf(y, x + 0.8 * (1 - x) * h, 0.9 * math.sqrt(x * h))

    expected = quad(lambda z: step(0.5, z, 0.15) * step(z, 0.7, 0.15), 1e-9, 4.0)[0]
    density = SimulatedDensity(4, 2, random_state=5)
    rows = np.ones(6000)
    estimates = np.exp(density.log_density(process, 0.5 * rows, 0.7 * rows, 0.0, 0.3 * rows))
    error = estimates.std(ddof=1) / math.sqrt(len(rows))
    assert abs(estimates.mean() - expected) < 3 * error


@pytest.mark.parametrize("antithetic", [True, False])
def test_standard_error_is_the_spread_and_half_its_square_the_bias_of_the_log(antithetic):
    density = SimulatedDensity(32, 6, antithetic=antithetic, random_state=1)
    rows = np.ones(3000)
    step = (OU, 1.6 * rows, 0.0 * rows, 0.0, 1.0 * rows)
    value, error = density.log_density(*step), density.standard_error(*step)
    spread = value.std(ddof=1)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(spread, rel=0.1)
    bias = value.mean() - math.log(euler_density(1.6, 0.0, 1.0, 6))
    assert bias == pytest.approx(-0.5 * spread**2, abs=3 * spread / math.sqrt(3000) + spread**3)


def test_one_substep_is_eulers_density():
    x, end = [0.2, 1.1], [0.4, 0.9]
    found = SimulatedDensity(2, 1).log_density(OU, x, end, 0.0, 0.1)
    np.testing.assert_allclose(found, EulerDensity().log_density(OU, x, end, 0.0, 0.1), rtol=1e-12)


@pytest.mark.parametrize(
    ("process", "oracle"),
    [
        (OU, EXACT),
        (CoxIngersollRoss(0.8, 1.0, 0.4), EXACT),
        (DoubleWell(1.0, 1.0, 0.7), SpectralDensity()),
    ],
)
def test_simulated_spectral_and_exact_densities_agree(process, oracle):
    rng = generator(8, type(process).__name__)
    x = rng.uniform(0.6, 1.3, size=40)
    end = x + 0.2 * rng.normal(size=40)
    step = (process, x, end, 0.0, 0.2)
    expected = oracle.log_density(*step)
    np.testing.assert_allclose(SpectralDensity().log_density(*step), expected, atol=1e-8)
    density = SimulatedDensity(512, 16, extrapolate=True)
    gap, error = density.log_density(*step) - expected, density.standard_error(*step)
    assert np.all(np.abs(gap) < 4 * error + 2e-3)


def test_extrapolation_removes_the_leading_error():
    rows = np.ones(400)
    step = (OU, 1.2 * rows, 0.4 * rows, 0.0, 0.8 * rows)
    expected = EXACT.log_density(*step)[0]
    gaps = []
    for extrapolate in (False, True):
        density = SimulatedDensity(64, 8, extrapolate=extrapolate)
        gaps.append(abs(np.log(np.mean(np.exp(density.log_density(*step)))) - expected))
    assert gaps[1] < 0.25 * gaps[0]


def test_plane_density_agrees_with_the_exact_one():
    process = OrnsteinUhlenbeck([[1.0, -0.5], [0.7, 0.8]], [0.1, 0.0], [[0.5, 0.0], [0.2, 0.4]])
    rng = generator(4, "plane")
    x = rng.normal(size=(30, 2))
    mean, covariance = EXACT.moments(process, x, 0.0, 0.3)
    end = mean + np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), rng.normal(size=x.shape))
    density = SimulatedDensity(512, 16, extrapolate=True)
    step = (process, x, end, 0.0, 0.3)
    gap = density.log_density(*step) - EXACT.log_density(*step)
    assert np.all(np.abs(gap) < 4 * density.standard_error(*step) + 2e-3)
    # 4096 forward paths: standard error of the pit below 0.008.
    np.testing.assert_allclose(density.pit(*step), EXACT.pit(*step), atol=0.05)


def test_likelihood_is_smooth_in_the_parameters():
    rng = generator(6, "smooth")
    x = rng.normal(0.5, 0.4, size=50)
    end = x + 0.2 * rng.normal(size=50)
    likelihood = SimulatedDensity(64, 8, extrapolate=True).likelihood(OU, x, end, 0.0, 0.2)
    kappas = np.linspace(0.9, 1.1, 41)
    values = np.array([-likelihood.log_density(np.array([k, 0.5, 0.6])).sum() for k in kappas])
    # With new noise for every value the second differences would be of the size of the noise.
    assert np.abs(np.diff(values, 3)).max() < 1e-5
    value, gradient = likelihood.value_and_gradient(np.array([1.0, 0.5, 0.6]))
    _, expected = EXACT.likelihood(OU, x, end, 0.0, 0.2).value_and_gradient(
        np.array([1.0, 0.5, 0.6])
    )
    assert value == pytest.approx(values[20], abs=1e-9)
    np.testing.assert_allclose(gradient, expected, rtol=0.02, atol=0.1)


def test_moments_and_pit_are_those_of_the_process():
    rng = generator(9, "forward")
    x = rng.normal(0.5, 0.4, size=60)
    end = x + 0.3 * rng.normal(size=60)
    density = SimulatedDensity(512, 32)
    mean, covariance = density.moments(OU, x, 0.0, 0.5)
    its_mean, its_covariance = EXACT.moments(OU, x, 0.0, 0.5)
    # Antithetic pairs make the mean of a linear process exact up to the error of the scheme.
    np.testing.assert_allclose(mean, its_mean, atol=0.01)
    np.testing.assert_allclose(covariance, its_covariance, rtol=0.12)
    np.testing.assert_allclose(
        density.pit(OU, x, end, 0.0, 0.5), EXACT.pit(OU, x, end, 0.0, 0.5), atol=0.05
    )
    far = density.residuals(OU, [0.5, 0.5], [-6.0, 7.0], 0.0, 0.5)[:, 0]
    assert -np.inf < far[0] < -8
    assert 8 < far[1] < np.inf


def test_a_relative_clock_runs_through_the_bridges():
    process = TrendingOrnsteinUhlenbeck(1.0, [0.0, 2.0], 0.5)
    step = (process, np.zeros(30), np.linspace(-0.3, 0.6, 30), 0.5, 0.4, 0.1)
    density = SimulatedDensity(512, 16, extrapolate=True)
    gap = density.log_density(*step) - EXACT.log_density(*step)
    assert np.all(np.abs(gap) < 4 * density.standard_error(*step) + 2e-3)
    mean, _ = density.moments(process, np.zeros(1), 0.5, 0.4, 0.1)
    assert mean[0, 0] == pytest.approx(
        EXACT.moments(process, np.zeros(1), 0.5, 0.4, 0.1)[0][0, 0], abs=0.01
    )


def test_rows_without_density_and_bad_requests():
    process = CoxIngersollRoss(0.8, 1.0, 0.4)
    found = SimulatedDensity().log_density(process, np.ones(3), [-0.1, np.nan, 1.1], 0.0, 0.1)
    assert found[0] == -np.inf
    assert np.isnan(found[1])
    assert np.isfinite(found[2])
    assert np.isnan(SimulatedDensity().standard_error(process, [1.0], [-0.1], 0.0, 0.1)).all()
    with pytest.raises(InputError, match="must be even"):
        SimulatedDensity(5)
    with pytest.raises(InputError, match="modified_bridge"):
        SimulatedDensity(method="guess")
    with pytest.raises(InputError, match="same shape"):
        SimulatedDensity().log_density(process, [1.0, 1.0], [1.0], 0.0, 0.1)
    flat = OrnsteinUhlenbeck(np.eye(2), [0.0, 0.0], [[1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(SchemeError, match="singular"):
        SimulatedDensity(4, 4).log_density(flat, [[0.0, 0.0]], [[0.1, 0.2]], 0.0, 0.1)


def test_it_is_restored_by_name_with_the_same_numbers():
    density = SimulatedDensity(16, 4, "residual_bridge", False, True, 7)
    twin = transition_density("simulated", **density.options)
    step = (OU, [0.2, 1.1], [0.4, 0.9], 0.0, 0.3)
    np.testing.assert_array_equal(twin.log_density(*step), density.log_density(*step))
    other = SimulatedDensity(16, 4, "residual_bridge", False, True, 8)
    assert np.all(other.log_density(*step) != density.log_density(*step))
