"""Steps drawn from the exact law: an explicit function of standard normals, row by row."""

import numpy as np
import pytest

from stochtext._shared.exceptions import SchemeError
from stochtext.processes import (
    BrownianMotion,
    DoubleWell,
    GeometricBrownianMotion,
    OrnsteinUhlenbeck,
    TrendingOrnsteinUhlenbeck,
)

KAPPA = np.array([[1.0, -0.5, 0.0], [0.7, 0.8, 0.1], [0.0, 0.3, 2.0]])
ROOT = np.array([[0.5, 0.0, 0.0], [0.2, 0.4, 0.0], [0.1, -0.3, 0.6]])
TREND = np.array([[0.0, 1.0, 0.2], [2.0, 0.0, -0.4], [0.5, -0.3, 0.1]])

PROCESSES = {
    "brownian": BrownianMotion(0.3, 0.7),
    "brownian_in_3d_by_2": BrownianMotion([0.1, -0.2, 0.3], ROOT[:, :2]),
    "geometric": GeometricBrownianMotion(0.3, 0.7),
    "geometric_in_3d": GeometricBrownianMotion([0.1, -0.2, 0.3], ROOT),
    "ornstein_uhlenbeck": OrnsteinUhlenbeck(1.3, 0.2, 0.7),
    "ornstein_uhlenbeck_in_3d": OrnsteinUhlenbeck(KAPPA, [0.1, 0.2, 0.3], ROOT),
    "trending": TrendingOrnsteinUhlenbeck(1.3, [0.2, 1.0], 0.7),
    "trending_in_3d": TrendingOrnsteinUhlenbeck(KAPPA, TREND, ROOT),
}


@pytest.fixture(params=sorted(PROCESSES))
def process(request):
    return PROCESSES[request.param]


def draws(process, n):
    rng = np.random.default_rng(8)
    x = rng.uniform(0.2, 2.0, (n, process.dim))
    return x, rng.standard_normal((n, process.exact_normals))


def test_a_path_alone_is_bitwise_the_path_in_a_batch(process):
    x, z = draws(process, 37)
    together = process.exact_step(x, 0.25, 0.1, 0.05, z)
    alone = [process.exact_step(x[k : k + 1], 0.25, 0.1, 0.05, z[k : k + 1])[0] for k in range(37)]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("name", [name for name in PROCESSES if "geometric" not in name])
def test_gaussian_steps_have_the_moments_of_the_transition(name):
    process = PROCESSES[name]
    x, m = np.full((1, process.dim), 0.4), process.exact_normals
    mean, covariance = process.transition_moments(x, 0.3, 0.2, 0.1)
    still = process.exact_step(x, 0.2, 0.3, 0.1, np.zeros((1, m)))
    np.testing.assert_allclose(still, mean, rtol=1e-14)
    unit = process.exact_step(np.repeat(x, m, axis=0), 0.2, 0.3, 0.1, np.eye(m)) - mean
    np.testing.assert_allclose(unit.T @ unit, covariance[0], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("name", [name for name in PROCESSES if name[0] in "bg"])
def test_two_half_steps_are_the_whole_step_on_the_same_brownian_path(name):
    process = PROCESSES[name]
    x, first = draws(process, 5)
    second = np.random.default_rng(9).standard_normal(first.shape)
    middle = process.exact_step(x, 0.0, 0.1, None, first)
    fine = process.exact_step(middle, 0.1, 0.3, None, second)
    joined = (np.sqrt(0.1) * first + np.sqrt(0.3) * second) / np.sqrt(0.4)
    np.testing.assert_allclose(process.exact_step(x, 0.0, 0.4, None, joined), fine, rtol=1e-12)


def test_a_direction_without_noise_takes_an_exact_step_too():
    process = OrnsteinUhlenbeck(np.diag([1.0, 0.5]), [0.0, 0.0], [[0.3, 0.0], [0.0, 0.0]])
    step = process.exact_step(np.ones((1, 2)), 0.0, 2.0, None, np.array([[1.0, 5.0]]))
    assert step[0, 1] == pytest.approx(np.exp(-1.0), rel=1e-14)


def test_steps_of_several_lengths_are_those_of_each_length_alone(process):
    x, z = draws(process, 3)
    dt = np.array([0.1, 0.7, 0.1])
    together = process.exact_step(x, np.zeros(3), dt, dt / 4, z)
    for k in range(3):
        one = process.exact_step(x[k : k + 1], 0.0, dt[k], dt[k] / 4, z[k : k + 1])
        np.testing.assert_allclose(together[k], one[0], rtol=1e-12)


def test_a_process_without_an_exact_step_says_so():
    process = DoubleWell(1.0, 1.0, 0.5)
    assert process.exact_normals is None
    with pytest.raises(SchemeError, match="DoubleWell has no exact step"):
        process.exact_step(np.zeros((1, 1)), 0.0, 0.1, None, np.zeros((1, 1)))
    assert process.domain == ((-np.inf, np.inf),)
    assert OrnsteinUhlenbeck().domain == ()
