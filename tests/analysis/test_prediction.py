"""Held-out R2 from moments equals the one from fitting and predicting."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from stochtext.analysis.prediction import block_moments, held_out_r2, running_means


def test_r2_equals_that_of_regressions_fitted_and_applied(rng):
    n, fold = 300, np.repeat(np.arange(6) % 3, 50)
    x = rng.standard_normal((n, 3))
    y = x @ rng.standard_normal((3, 2)) + rng.standard_normal((n, 2)) + 1.0
    error, spread = np.zeros(2), np.zeros(2)
    for k in range(3):
        train, test = fold != k, fold == k
        fit = LinearRegression().fit(x[train], y[train])
        error += ((y[test] - fit.predict(x[test])) ** 2).sum(axis=0)
        spread += ((y[test] - y[train].mean(axis=0)) ** 2).sum(axis=0)
    block = np.repeat(np.arange(6), 50)
    moments = block_moments(x, y, block, 6)
    found = held_out_r2(moments, np.arange(6) % 3, 3)
    assert found[1:] == pytest.approx(1 - error / spread, rel=1e-9)
    assert found[0] == pytest.approx(1 - error.sum() / spread.sum(), rel=1e-9)


def test_moments_do_not_depend_on_the_order_of_rows(rng):
    x, y, block = rng.standard_normal((40, 2)), rng.standard_normal((40, 2)), np.arange(40) % 4
    order = rng.permutation(40)
    first = block_moments(x, y, block, 4)
    second = block_moments(x[order], y[order], block[order], 4)
    np.testing.assert_allclose(first, second, rtol=1e-12)


def test_redundant_predictors_change_nothing(rng):
    x = rng.standard_normal((200, 1))
    y = 0.5 * x + rng.standard_normal((200, 1))
    block, fold = np.repeat(np.arange(4), 50), np.arange(4)
    once = held_out_r2(block_moments(x, y, block, 4), fold, 1)
    twice = held_out_r2(block_moments(np.hstack([x, x]), y, block, 4), fold, 2)
    np.testing.assert_allclose(once, twice, atol=1e-9)


def test_running_mean_is_that_of_the_past_of_the_same_trajectory():
    values = np.array([[1.0], [3.0], [5.0], [10.0], [20.0]])
    found = running_means(values, np.array([0, 3, 5]))
    assert found.ravel().tolist() == [1.0, 2.0, 10.0]


def test_leaving_out_a_block_is_dropping_its_rows(rng):
    x, y = rng.standard_normal((120, 2)), rng.standard_normal((120, 2))
    block, fold = np.repeat(np.arange(6), 20), np.arange(6) % 3
    moments = block_moments(x, y, block, 6)
    each = held_out_r2(moments, fold, 2, without_each=True)
    for k in range(6):
        rest = np.delete(moments, k, axis=0)
        np.testing.assert_allclose(each[k], held_out_r2(rest, np.delete(fold, k), 2), atol=1e-10)
