"""Clustered and serially correlated means against statsmodels and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from stochtext.comparison.means import clustered_mean, newey_west_lags, newey_west_mean


def test_clustered_error_is_that_of_a_regression_on_a_constant(rng):
    cluster = np.repeat(np.arange(12), rng.integers(3, 20, 12))
    values = rng.standard_normal(cluster.size) + rng.standard_normal(12)[cluster]
    fit = sm.OLS(values, np.ones_like(values)).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    found = clustered_mean(values, cluster)
    assert found.value == pytest.approx(fit.params[0], rel=1e-12)
    assert found.se == pytest.approx(fit.bse[0] * np.sqrt(12 / 11), rel=1e-12)
    assert found.df == 11


def test_newey_west_error_is_that_of_statsmodels(rng):
    noise = rng.standard_normal(301)
    values = noise[1:] + 0.7 * noise[:-1]
    fit = sm.OLS(values, np.ones_like(values)).fit(cov_type="HAC", cov_kwds={"maxlags": 5})
    found = newey_west_mean(values)
    assert newey_west_lags(300) == 5
    assert found.se == pytest.approx(fit.bse[0], rel=1e-12)


def test_pvalue_and_interval_agree(rng):
    found = clustered_mean(rng.standard_normal(60) + 0.3, np.repeat(np.arange(20), 3))
    lower, upper = found.conf_int(found.pvalue)
    assert min(abs(lower), abs(upper)) < 1e-10
    assert found.pvalue == pytest.approx(2 * stats.t.sf(abs(found.value / found.se), 19))


def test_a_zero_density_stays_and_says_so():
    found = clustered_mean(np.array([1.0, -np.inf, 2.0]), np.array([0, 1, 2]))
    assert found.value == -np.inf
    assert np.isnan(found.se)
    assert "density zero at 1 of 3" in found.reason


def test_nan_is_not_averaged_away():
    found = newey_west_mean(np.array([1.0, np.nan, 2.0, 3.0]))
    assert np.isnan(found.value)
    assert "1 of 4 values are NaN" in found.reason


@pytest.mark.parametrize("values", [np.full(8, 3.0), 3.0 + 1e-14 * np.arange(8)])
def test_no_variation_gives_nan_and_a_reason(values):
    found = clustered_mean(values, np.arange(8))
    assert np.isnan(found.se)
    assert "no variation" in found.reason


def test_one_cluster_gives_nan_and_a_reason(rng):
    found = clustered_mean(rng.standard_normal(5), np.zeros(5, dtype=int))
    assert np.isnan(found.se)
    assert "one cluster" in found.reason
