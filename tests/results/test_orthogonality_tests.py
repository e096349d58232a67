from __future__ import annotations

import numpy as np
import pytest

from stochtext.results.inference.parameters.orthogonality_tests import (
    constant_covariance_test,
    linear_drift_test,
)


def fanned(rng, n_paths, steps, dt, drift, spread):
    """Return transitions of Euler paths with fine substeps."""
    x = rng.normal(0, 0.7, n_paths)
    rows = [x]
    h = dt / 5
    for _ in range(steps):
        for _ in range(5):
            x = x + h * drift(x) + np.sqrt(h) * spread(x) * rng.standard_normal(n_paths)
        rows.append(x)
    paths = np.array(rows)
    return paths[:-1].T.reshape(-1, 1), paths[1:].T.reshape(-1, 1)


def test_linear_drift_is_not_rejected_under_fanned_noise() -> None:
    rng = np.random.default_rng(0)
    pvalues = []
    for _ in range(150):
        before, after = fanned(
            rng, 20, 50, 0.05, lambda x: -x, lambda x: np.sqrt(0.3 + 0.5 * np.minimum(x**2, 4))
        )
        pvalues.append(linear_drift_test(before, after, np.full(len(before), 0.05)).pvalue)
    # 150 samples: three standard errors of a share of .05 are .053
    assert np.mean(np.array(pvalues) <= 0.05) <= 0.11


def test_cubic_drift_is_rejected() -> None:
    before, after = fanned(
        np.random.default_rng(1), 20, 100, 0.05, lambda x: 4 * (x - x**3), np.ones_like
    )
    test = linear_drift_test(before, after, np.full(len(before), 0.05))
    assert test.pvalue < 1e-6
    assert test.df_num == 2


def test_constant_covariance_has_its_size_and_power() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 400, 2))
    noise = rng.standard_normal((200, 400, 2))
    pvalues = [constant_covariance_test(e, z).pvalue for e, z in zip(noise, x, strict=True)]
    assert np.mean(np.array(pvalues) <= 0.05) <= 0.1
    grown = noise[0] * (1.0 + 0.5 * x[0] ** 2)
    assert constant_covariance_test(grown, x[0]).pvalue < 1e-6


def test_weight_two_is_the_transition_twice() -> None:
    rng = np.random.default_rng(3)
    before, noise = rng.normal(size=(300, 1)), rng.normal(size=(300, 1))
    weight = rng.integers(1, 3, 300).astype(float)
    rows = np.repeat(np.arange(300), weight.astype(int))
    one = constant_covariance_test(noise, before, weight=weight)
    two = constant_covariance_test(noise[rows], before[rows])
    # features are standardised and clipped by the unweighted spread
    assert one.statistic == pytest.approx(two.statistic, rel=0.05)


def test_too_many_restrictions_give_a_reason() -> None:
    rng = np.random.default_rng(4)
    test = linear_drift_test(rng.normal(size=(12, 8)), rng.normal(size=(12, 8)), np.ones(12))
    assert np.isnan(test.pvalue)
    assert "too few" in (test.reason or "")
