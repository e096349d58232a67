"""Likelihoods by machine code: the value, its exact gradient, and what they never do."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext.processes import (
    CKLS,
    SDE,
    CoxIngersollRoss,
    GeometricBrownianMotion,
    OrnsteinUhlenbeck,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.transitions import EulerDensity, transition_density
from stochtext.transitions.compiled.likelihood import CompiledLikelihood
from stochtext.transitions.likelihood import DifferenceLikelihood

CIR = CoxIngersollRoss(0.8, 1.0, 0.4)
RATES = CKLS(0.5, -0.4, 0.3, 0.8)
WRITTEN = SDE(
    lambda t, x, k, a: -k * x + a * math.sin(3.0 * t) if x > 0.6 else -k * x**3,
    lambda t, x, s: s * math.sqrt(1.0 + x * x),
    params={"k": 1.0, "a": 0.5, "s": 0.4},
)


def steps(n, d=1, seed=1):
    rng = generator(seed, "steps")
    x = rng.uniform(0.5, 1.5, size=(n, d))
    return x, x + 0.08 * rng.normal(size=(n, d)), rng.uniform(0.01, 0.05, size=n)


def both(name, process, x, x_next, t, dt, clock_dt=None, weight=None):
    density = transition_density(name)
    found = density.likelihood(process, x, x_next, t, dt, clock_dt, weight)
    assert isinstance(found, CompiledLikelihood)
    return found, DifferenceLikelihood(density, process, x, x_next, t, dt, clock_dt, weight)


def gradient_by_differences(likelihood, theta):
    """Return the gradient by differences of fourth order."""
    gradient = np.empty(len(theta))
    for k in range(len(theta)):
        h = 1e-3 * max(abs(theta[k]), 0.1)
        values = []
        for move in (-2, -1, 1, 2):
            moved = theta.copy()
            moved[k] += move * h
            values.append(likelihood.value(moved))
        gradient[k] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    return gradient


@pytest.mark.parametrize(
    ("name", "process"),
    [
        ("euler", WRITTEN),
        ("elerian", WRITTEN),
        ("kessler", RATES),
        ("ozaki", CIR),
        ("shoji_ozaki", CIR),
    ],
)
def test_value_gradient_scores_and_rows_belong_together(name, process):
    x, x_next, dt = steps(200)
    weight = generator(2, "weights").choice([0.0, 1.0, 2.5], size=200)
    t = np.linspace(0.0, 2.0, 200)
    found, plain = both(name, process, x, x_next, t, dt, None, weight)
    theta = process.to_vector()
    value, gradient = found.value_and_gradient(theta)
    assert value == pytest.approx(plain.value(theta), rel=1e-11)
    expected = gradient_by_differences(plain, theta)
    np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-8 * np.abs(expected).max())
    scores = found.scores(theta)
    np.testing.assert_allclose(-scores.sum(axis=0), gradient, rtol=1e-10, atol=1e-10 * abs(value))
    assert np.all(scores[weight == 0.0] == 0.0)
    np.testing.assert_allclose(found.log_density(theta), plain.log_density(theta), rtol=1e-10)


def test_euler_of_the_square_root_process_is_the_formula_written_out():
    x, x_next, _ = steps(500)
    dt, (kappa, mu, sigma) = 0.02, CIR.to_vector()
    r, v = (x_next - x - kappa * (mu - x) * dt)[:, 0], (sigma**2 * x * dt)[:, 0]
    found = EulerDensity().likelihood(CoxIngersollRoss(), x, x_next, 0.0, dt)
    value, gradient = found.value_and_gradient(CIR.to_vector())
    assert value == pytest.approx(0.5 * np.sum(np.log(2 * np.pi * v) + r**2 / v), rel=1e-13)
    expected = [
        -np.sum(r * (mu - x[:, 0]) * dt / v),
        -np.sum(r * kappa * dt / v),
        np.sum(1 - r**2 / v) / sigma,
    ]
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_one_path_regular_steps_and_weights_of_one_change_nothing_but_speed():
    rng = generator(5, "path")
    path = 1.0 + 0.1 * np.cumsum(0.1 * rng.normal(size=2001))
    x, x_next = path[:-1], path[1:]
    theta = CIR.to_vector()
    density = EulerDensity()
    value, gradient = density.likelihood(CIR, x, x_next, 0.0, 0.02).value_and_gradient(theta)
    dt = np.full(2000, 0.02)
    dt[0] *= 1 + 1e-15
    others = [
        density.likelihood(CIR, x[::-1], x_next[::-1], 0.0, 0.02),
        density.likelihood(CIR, x, x_next, 0.0, dt),
        density.likelihood(CIR, x, x_next, 0.0, 0.02, None, np.ones(2000)),
    ]
    for other in others:
        again, slopes = other.value_and_gradient(theta)
        assert again == pytest.approx(value, rel=1e-12)
        np.testing.assert_allclose(slopes, gradient, rtol=1e-10)
    twice = density.likelihood(CIR, x, x_next, 0.0, 0.02, None, np.full(2000, 2.0))
    assert twice.value_and_gradient(theta)[0] == pytest.approx(2 * value, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "process", "clock_dt"),
    [
        ("euler", OrnsteinUhlenbeck([[1, 0.2], [0.3, 1]], [0.5, 1], [[0.6, 0], [0.2, 0.3]]), None),
        ("euler", GeometricBrownianMotion([0.1, 0.2], [[0.3, 0.0], [0.1, 0.4]]), None),
        ("kessler", TrendingOrnsteinUhlenbeck(1.2, [0.5, 0.3], 0.6), 0.01),
        ("shoji_ozaki", TrendingOrnsteinUhlenbeck(1.2, [0.5, 0.3], 0.6), 0.01),
    ],
)
def test_several_coordinates_and_a_relative_clock(name, process, clock_dt):
    x, x_next, dt = steps(150, process.dim)
    t = np.linspace(0.0, 1.0, 150)
    found, plain = both(name, process, x, x_next, t, dt, clock_dt)
    theta = process.to_vector()
    value, gradient = found.value_and_gradient(theta)
    assert value == pytest.approx(plain.value(theta), rel=1e-11)
    expected = gradient_by_differences(plain, theta)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max())


def test_a_family_without_values_has_a_likelihood():
    x, x_next, _ = steps(50, 2)
    theta = np.array([1.0, 0.1, 0.2, 0.9, 0.5, 0.6, 0.4, 0.1, 0.3])
    found = EulerDensity().likelihood(OrnsteinUhlenbeck(dim=2), x, x_next, 0.0, 0.1)
    process = OrnsteinUhlenbeck(dim=2).from_vector(theta)
    expected = -EulerDensity().log_density(process, x, x_next, 0.0, 0.1).sum()
    assert found.value_and_gradient(theta)[0] == pytest.approx(expected, rel=1e-12)


def test_a_process_without_formulas_gets_differences():
    def drift(t, x, k):
        try:
            return -k * x
        except OverflowError:
            return 0.0

    process = SDE(drift, lambda t, x, s: s, params={"k": 1.0, "s": 0.4})
    same = SDE(lambda t, x, k: -k * x, lambda t, x, s: s, params={"k": 1.0, "s": 0.4})
    x, x_next, dt = steps(60)
    theta = process.to_vector()
    slow = EulerDensity().likelihood(process, x, x_next, 0.0, dt)
    fast = EulerDensity().likelihood(same, x, x_next, 0.0, dt)
    assert isinstance(slow, DifferenceLikelihood)
    assert isinstance(fast, CompiledLikelihood)
    assert slow.value_and_gradient(theta)[0] == pytest.approx(fast.value_and_gradient(theta)[0])
    np.testing.assert_allclose(
        slow.value_and_gradient(theta)[1], fast.value_and_gradient(theta)[1], rtol=1e-6
    )
    np.testing.assert_allclose(slow.scores(theta), fast.scores(theta), rtol=1e-5, atol=1e-7)


def test_powers_of_negative_states_are_those_of_the_process():
    process = SDE(lambda t, x, g: -(x**g), lambda t, x, s: s, params={"g": 3.0, "s": 0.4})
    x, x_next, dt = steps(40)
    x[::2] *= -1.0
    x_next[::2] *= -1.0
    found = EulerDensity().likelihood(process, x, x_next, 0.0, dt)
    value, _ = found.value_and_gradient(process.to_vector())
    expected = -EulerDensity().log_density(process, x, x_next, 0.0, dt).sum()
    assert value == pytest.approx(expected, rel=1e-12)


def test_parameters_out_of_bounds_and_undefined_rows_are_infinite():
    x, x_next, dt = steps(30)
    found = EulerDensity().likelihood(CIR, x, x_next, 0.0, dt)
    for bad in ([0.8, 1.0, -0.1], [0.8, np.nan, 0.4], [np.inf, 1.0, 0.4], [0.8, 1.0, 0.0]):
        value, gradient = found.value_and_gradient(np.array(bad))
        assert value == np.inf
        assert np.all(np.isnan(gradient))
    x[7] = -0.2
    outside = EulerDensity().likelihood(CIR, x, x_next, 0.0, dt)
    assert outside.value_and_gradient(CIR.to_vector())[0] == np.inf
    assert np.flatnonzero(~np.isfinite(outside.log_density(CIR.to_vector()))).tolist() == [7]
    weight = np.ones(30)
    weight[7] = 0.0
    left_out = EulerDensity().likelihood(CIR, x, x_next, 0.0, dt, None, weight)
    assert np.isfinite(left_out.value_and_gradient(CIR.to_vector())[0])


def test_numbers_are_the_same_from_any_thread():
    x, x_next, dt = steps(3000)
    found = EulerDensity().likelihood(RATES, x, x_next, 0.0, dt)
    theta = RATES.to_vector()
    expected = found.value_and_gradient(theta)
    with ThreadPoolExecutor(4) as pool:
        for value, gradient in pool.map(lambda _: found.value_and_gradient(theta), range(20)):
            assert value == expected[0]
            np.testing.assert_array_equal(gradient, expected[1])


def test_bad_rows_are_refused():
    x, x_next, dt = steps(5)
    with pytest.raises(InputError, match="same shape"):
        EulerDensity().likelihood(CIR, x, x_next[:3], 0.0, dt)
    with pytest.raises(InputError, match="in row 2"):
        EulerDensity().likelihood(CIR, x, x_next, 0.0, np.where(np.arange(5) == 2, 0.0, dt))
    with pytest.raises(InputError, match="`weight` must be finite"):
        EulerDensity().likelihood(CIR, x, x_next, 0.0, dt, None, [1, 1, -1, 1, 1])
