"""Simultaneous intervals are asked for in one way, of parameters and of curves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import stochtext as st
from stochtext._shared.exceptions import InputError
from stochtext.estimators import KramersMoyalSDE


@pytest.fixture(scope="module")
def panel():
    return st.simulate(
        st.OrnsteinUhlenbeck(1.0, 0.0, 1.0), 0.0, dt=0.1, n_steps=100, n_paths=15,
        scheme="exact", random_state=4,
    )  # fmt: skip


def test_simultaneous_intervals_of_parameters_lie_between_pointwise_and_bonferroni(panel):
    results = st.LinearSDE().fit(panel).results_
    ratio = (results.conf_int(method="simultaneous")[1] - results.params) / results.bse
    low, high = (stats.t.ppf(1 - 0.025 / k, 14) for k in (1, 3))
    assert ratio.max() - ratio.min() < 1e-9
    assert low < ratio.iloc[0] < high * 1.01


def test_clustered_intervals_are_those_of_the_clustered_covariance(panel):
    results = st.LinearSDE(cov_type="nonrobust").fit(panel).results_
    expected = results.conf_int(cov_type="cluster")
    np.testing.assert_array_equal(results.conf_int(method="cluster"), expected)
    assert not np.allclose(results.conf_int(), expected)


def test_a_band_of_a_line_is_the_one_of_scheffe_or_narrower(panel):
    # The drift of a linear fit has two parameters: a whole line cannot need more.
    results = st.LinearSDE(cov_type="nonrobust").fit(panel).results_
    x = np.linspace(-1.5, 1.5, 31)[:, None]
    curve = results.get_drift(x)
    ratio = ((curve.conf_int(method="simultaneous")[..., 1] - curve.estimate) / curve.se)[:, 0]
    assert np.ptp(ratio) < 1e-9
    assert 1.96 < ratio[0] <= np.sqrt(stats.chi2.ppf(0.95, 2)) * 1.02
    rate = results.get_covariance(x)
    # One parameter: a band of a constant is the pointwise interval.
    np.testing.assert_allclose(rate.conf_int(method="simultaneous"), rate.conf_int(), rtol=0.02)


@pytest.mark.parametrize(
    "estimator", [st.KernelSDE(bandwidth=0.5), KramersMoyalSDE(bins=8)],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
def test_bands_of_curves_are_wider_than_pointwise_intervals(panel, estimator):
    curve = estimator.fit(panel).results_.get_drift(np.linspace(-0.8, 0.8, 9)[:, None])
    known = np.isfinite(curve.se[:, 0])
    assert known.any()
    pointwise, band = (np.ptp(curve.conf_int(method=m), axis=-1)[known, 0]
                       for m in ("pointwise", "simultaneous"))  # fmt: skip
    assert np.all(band > pointwise)


def test_unknown_bands_are_refused(panel):
    results = st.KernelSDE(bandwidth=0.5).fit(panel).results_
    with pytest.raises(InputError, match="`method` must be one of 'pointwise'"):
        results.get_drift([[0.0]]).conf_int(method="wald")
    with pytest.raises(InputError, match="`method` must be one of 'pointwise'"):
        results.conf_int(method="wald")
    assert results.conf_int(method="simultaneous").empty
