"""KernelProcess and the regression under it, against direct formulas."""

from __future__ import annotations

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError
from stochtext.processes.fitted.smoothing.local_polynomial import KERNELS, LocalPolynomial
from stochtext.processes.fitted.smoothing.smoothed import KernelProcess
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.processes.registry import process_from_dict


def weighted_least_squares(points, weight, y, x, h, degree, kernel):
    """Solve one local problem with numpy's least squares: an independent formula."""
    u = (points - x) / h
    inside = np.maximum(1 - u**2, 0)
    k = {
        "gaussian": np.exp(-0.5 * (u**2).sum(1)),
        "epanechnikov": np.prod(0.75 * inside, axis=1),
        "quartic": np.prod(15 / 16 * inside**2, axis=1),
    }[kernel]
    columns = [np.ones(len(u))]
    d = points.shape[1]
    if degree >= 1:
        columns += [u[:, j] for j in range(d)]
    if degree >= 2:
        columns += [u[:, i] * u[:, j] for i in range(d) for j in range(i, d)]
    design = np.column_stack(columns)
    root = np.sqrt(k * weight)
    return np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_every_local_fit_is_the_weighted_least_squares_solution(rng, dim, degree, kernel):
    points, y = rng.normal(size=(300, dim)), rng.normal(size=300)
    weight, h = rng.uniform(0.2, 2, 300), np.full(dim, 2.0)
    fit = LocalPolynomial(points, weight, np.ones(300), h, degree, kernel).fit(
        points[:7] / 2, y[:, None]
    )
    for row in range(7):
        expected = weighted_least_squares(points, weight, y, points[row] / 2, h, degree, kernel)
        # Two solvers of a well-conditioned 10 x 10 problem agree to rounding.
        assert fit.value[row, 0] == pytest.approx(expected[0], rel=1e-8, abs=1e-9)
        if degree > 0:
            np.testing.assert_allclose(
                fit.gradient[row, :, 0], expected[1 : dim + 1] / h, rtol=1e-7, atol=1e-8
            )


def test_influence_leverage_and_noise_are_those_of_the_linear_smoother(rng):
    points, y = rng.normal(size=(200, 1)), rng.normal(size=200)
    weight, multiplicity = rng.uniform(0.5, 2, 200), rng.choice([1.0, 2.0], 200)
    regression = LocalPolynomial(points, weight, multiplicity, np.array([0.4]), 1)
    fit = regression.fit(points[:10], y[:, None], noise=True)
    count, blocks = regression.influence(points[:10])
    ((part, influence),) = blocks
    assert part == slice(0, 200)
    np.testing.assert_allclose(influence @ y, fit.value[:, 0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(count, fit.count, rtol=1e-10)
    own = influence[np.arange(10), np.arange(10)] / weight[:10]
    np.testing.assert_allclose(fit.leverage, own, rtol=1e-10)
    variance = np.sum(influence**2 / weight, axis=1)
    np.testing.assert_allclose(fit.noise, variance, rtol=1e-10)


def test_blocks_of_data_do_not_change_the_fit(rng):
    points, y = rng.normal(size=(9000, 1)), rng.normal(size=(9000, 1))
    x = np.linspace(-2, 2, 300)[:, None]
    whole = LocalPolynomial(points, np.ones(9000), np.ones(9000), np.array([0.3]))
    pieces = np.concatenate([whole.fit(part, y).value for part in np.split(x, 10)])
    # Only the order of summation differs.
    np.testing.assert_allclose(whole.fit(x, y).value, pieces, rtol=1e-10, atol=1e-12)


def test_a_group_is_fitted_without_its_own_points(rng):
    points, y, group = rng.normal(size=(90, 2)), rng.normal(size=(90, 1)), np.arange(90) % 3
    h = np.ones(2)
    left_out = LocalPolynomial(points, np.ones(90), np.ones(90), h).fit(
        points, y, group=group, point_group=group
    )
    rest = group != 1
    alone = LocalPolynomial(points[rest], np.ones(60), np.ones(60), h).fit(points, y[rest])
    np.testing.assert_allclose(left_out.value[group == 1], alone.value[group == 1], rtol=1e-9)


@pytest.fixture
def transitions(rng):
    x = rng.normal(size=(600, 1))
    dt = rng.choice([0.05, 0.1], 600)
    noise = 0.5 * np.sqrt(dt)[:, None] * rng.normal(size=(600, 1))
    return x, -x * dt[:, None] + noise, dt, noise


def test_a_linear_drift_without_noise_is_reproduced_exactly(transitions):
    x, _, dt, noise = transitions
    process = KernelProcess(x, (1 - 2 * x) * dt[:, None], dt, noise, bandwidth=0.4)
    states = np.linspace(-1, 1, 9)[:, None]
    np.testing.assert_allclose(process.drift(states), 1 - 2 * states, atol=1e-10)


def test_coefficients_are_nan_without_neighbours_or_follow_the_continuation(transitions):
    x, step, dt, noise = transitions
    alone = KernelProcess(x, step, dt, noise, bandwidth=0.3)
    assert np.isnan(alone.drift([30.0])).all()
    assert np.isnan(alone.covariance([30.0])).all()
    assert np.isnan(alone.diffusion([30.0])).all()
    outside = OrnsteinUhlenbeck(kappa=1.0, mu=0.0, sigma=0.5)
    continued = KernelProcess(x, step, dt, noise, bandwidth=0.3, continuation=outside)
    assert continued.drift([30.0])[0, 0] == pytest.approx(-30.0)
    assert continued.covariance([30.0])[0, 0, 0] == pytest.approx(0.25)
    assert continued.drift([0.1])[0, 0] == alone.drift([0.1])[0, 0]


@pytest.mark.parametrize("dim", [1, 3])
def test_the_covariance_rate_is_positive_and_diffusion_is_its_factor(rng, dim):
    x, noise = rng.normal(size=(400, dim)), rng.normal(size=(400, dim))
    process = KernelProcess(x, noise, np.ones(400), noise, bandwidth=np.full(dim, 0.8))
    states = x[:50]
    known = np.isfinite(process.drift(states)).all(axis=1)
    a, sigma = process.covariance(states)[known], process.diffusion(states)[known]
    assert len(a) > 20
    assert np.linalg.eigvalsh(a).min() > 0
    np.testing.assert_allclose(sigma @ sigma.transpose(0, 2, 1), a, rtol=1e-12)
    assert not np.triu(sigma, 1).any()


def test_the_table_of_many_transitions_equals_direct_fits_far_below_their_noise(rng):
    x = rng.normal(size=(3000, 1))
    step = (x - x**3) * 0.02 + 0.1 * rng.normal(size=(3000, 1))
    process = KernelProcess(x, step, np.full(3000, 0.02), step, bandwidth=0.25)
    assert process.is_tabulated
    states = np.linspace(-1.8, 1.8, 57)[:, None]
    fit = process.drift_regression().fit(states, step / 0.02, noise=True)
    # Var(dX / dt) = .01 / .02**2 for each transition, weighted with dt = .02.
    se = np.sqrt(fit.noise * 0.01 / 0.02)
    assert np.max(np.abs(process.drift(states) - fit.value)[:, 0] / se) < 0.01
    wide = np.array([[1e6]])
    assert np.isnan(process.drift(wide)).all()


def test_multiplicity_two_is_the_transition_twice(transitions):
    x, step, dt, noise = transitions
    weight = np.where(np.arange(600) < 100, 2.0, 1.0)
    first = slice(0, 100)
    weighted = KernelProcess(x, step, dt, noise, bandwidth=0.3, multiplicity=weight)
    twice = KernelProcess(
        *(np.concatenate([part, part[first]]) for part in (x, step, dt, noise)), bandwidth=0.3
    )
    states = np.linspace(-1, 1, 5)[:, None]
    np.testing.assert_allclose(weighted.drift(states), twice.drift(states), rtol=1e-10)
    np.testing.assert_allclose(weighted.covariance(states), twice.covariance(states), rtol=1e-10)


def test_a_stored_process_is_restored_with_its_continuation(transitions):
    x, step, dt, noise = transitions
    outside = OrnsteinUhlenbeck(kappa=1.0, mu=0.0, sigma=0.5)
    process = KernelProcess(
        x, step, dt, noise, bandwidth=0.3, degree=2, kernel="epanechnikov", continuation=outside
    )
    restored = process_from_dict(*process.to_dict())
    states = np.array([[-0.5], [0.0], [40.0]])
    np.testing.assert_array_equal(restored.drift(states), process.drift(states))
    np.testing.assert_array_equal(restored.covariance(states), process.covariance(states))


def test_wrong_shapes_and_settings_are_refused(transitions):
    x, step, dt, noise = transitions
    with pytest.raises(InputError, match="increments"):
        KernelProcess(x, step[:-1], dt, noise, bandwidth=0.3)
    with pytest.raises(InputError, match="bandwidth"):
        KernelProcess(x, step, dt, noise, bandwidth=0.0)
    with pytest.raises(InputError, match="degree"):
        KernelProcess(x, step, dt, noise, bandwidth=0.3, degree=3)
    with pytest.raises(InputError, match="continuation"):
        KernelProcess(
            x, step, dt, noise, bandwidth=0.3,
            continuation=OrnsteinUhlenbeck(np.eye(2), np.zeros(2), np.eye(2)),
        )  # fmt: skip
