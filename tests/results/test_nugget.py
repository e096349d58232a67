from __future__ import annotations

import numpy as np
import pytest

from stochtext.results.inference.parameters.nugget import nugget_test


def ornstein_uhlenbeck(rng, paths, steps, dt, coordinates=1):
    decay = np.exp(-dt)
    x = np.empty((paths, steps + 1, coordinates))
    x[:, 0] = rng.normal(0, np.sqrt(0.5), (paths, coordinates))
    for k in range(steps):
        shock = rng.normal(0, np.sqrt(0.5 * (1 - decay**2)), (paths, coordinates))
        x[:, k + 1] = decay * x[:, k] + shock
    return x


def examined(x, dt, **options):
    paths, rows, d = x.shape
    trajectory = np.repeat(np.arange(paths), rows - 1)
    before, after = x[:, :-1].reshape(-1, d), x[:, 1:].reshape(-1, d)
    return nugget_test(before, after, np.full(len(before), dt), trajectory, **options)


def test_pvalues_without_noise_are_uniform() -> None:
    rng = np.random.default_rng(1)
    pvalues = [examined(ornstein_uhlenbeck(rng, 20, 50, 0.1), 0.1).pvalue for _ in range(200)]
    # 200 samples: three standard errors of a share of .05 are .046
    assert np.mean(np.array(pvalues) <= 0.05) <= 0.1
    assert abs(np.mean(pvalues) - 0.5) <= 3 / np.sqrt(12 * 200)


def test_variance_of_noise_is_estimated_with_its_error() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(60):
        x = ornstein_uhlenbeck(rng, 30, 100, 0.05)
        found.append(examined(x + rng.normal(0, 0.05, x.shape), 0.05))
    variance = np.array([test.variance[0] for test in found])
    se = np.array([test.se[0] for test in found])
    # first order in the noise: 6 % of the variance of a step here
    assert variance.mean() == pytest.approx(0.05**2, rel=0.15)
    assert se.mean() == pytest.approx(variance.std(), rel=0.3)


def test_noise_in_one_of_three_coordinates_is_found_there() -> None:
    rng = np.random.default_rng(3)
    x = ornstein_uhlenbeck(rng, 40, 100, 0.05, coordinates=3)
    x[:, :, 1] += rng.normal(0, 0.15, x.shape[:2])
    test = examined(x, 0.05)
    assert test.pvalue < 1e-6
    assert int(np.argmin(test.pvalues)) == 1
    assert min(test.pvalues[0], test.pvalues[2]) > 1e-3
    assert test.to_frame(("a", "b", "c")).loc["b", "noise_variance"] == pytest.approx(
        0.15**2, rel=0.3
    )


def test_units_and_trajectory_weights_do_what_they_mean() -> None:
    rng = np.random.default_rng(4)
    x = ornstein_uhlenbeck(rng, 10, 60, 0.1) + rng.normal(0, 0.1, (10, 61, 1))
    one, scaled = examined(x, 0.1), examined(7.0 * x - 3.0, 0.1)
    assert scaled.pvalue == pytest.approx(one.pvalue, rel=1e-6)
    assert scaled.variance[0] == pytest.approx(49.0 * one.variance[0], rel=1e-6)
    ignored = np.repeat([1.0] * 5 + [0.0] * 5, 60)
    half, weighted = examined(x[:5], 0.1), examined(x, 0.1, weight=ignored)
    # the polynomials are centred on other states, which spans the same regressors
    assert weighted.statistic == pytest.approx(half.statistic, rel=0.02)


def test_too_few_pairs_give_a_reason() -> None:
    test = examined(np.random.default_rng(5).normal(size=(3, 4, 1)), 0.1)
    assert np.isnan(test.pvalue)
    assert "too few" in (test.reason or "")
    assert "too few" in repr(test)
