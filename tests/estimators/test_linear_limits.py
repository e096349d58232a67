"""LinearSDE at the ends of its family: no memory, negative memory, all memory."""

from __future__ import annotations

import numpy as np
import pytest

import stochtext as st


def test_rows_without_memory_are_called_white():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((15, 60))
    with pytest.warns(st.DiscretizationWarning, match=r"1 of 1 directions are white"):
        results = st.LinearSDE().fit(list(x), dt=1.0).results_
    assert "upper bound only" in results.summary().as_text()
    assert results.process.stationary_covariance()[0, 0] == pytest.approx(1.0, rel=0.1)


def alternating(seed=6):
    rng = np.random.default_rng(seed)
    x = np.zeros((12, 80))
    for j in range(79):
        x[:, j + 1] = -0.4 * x[:, j] + rng.standard_normal(12)
    return list(x)


def test_where_the_likelihood_is_flat_errors_are_nan_with_the_reason():
    # A negative autoregression is no Ornstein-Uhlenbeck process: kappa runs away.
    with pytest.warns(st.DiscretizationWarning, match="white"):
        results = st.LinearSDE().fit(alternating()).results_
    assert results.bse[["kappa", "sigma"]].isna().all()
    assert results.conf_int().loc[["kappa", "sigma"]].isna().all(axis=None)
    assert results.bse["mu"] > 0
    assert "Standard errors are NaN: " in results.summary().as_text()
    assert np.isfinite(results.llf)
    assert np.isfinite(results.params).all()


def test_one_white_direction_among_two_is_counted():
    white = np.concatenate(alternating())[:, None]
    rng, slow = np.random.default_rng(9), np.zeros((12, 80))
    for j in range(79):
        slow[:, j + 1] = 0.75 * slow[:, j] + 0.5 * rng.standard_normal(12)
    both = np.hstack([slow.reshape(-1, 1), white])
    panel = np.split(both, 12)
    with pytest.warns(st.DiscretizationWarning, match=r"1 of 2 directions are white"):
        fit = st.LinearSDE().fit(panel)
    mean, covariance = fit.process_.transition_moments(np.eye(2), 1.0)
    assert np.isfinite(mean).all()
    assert np.linalg.eigvalsh(covariance).min() > 0


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_random_walk_is_fitted_although_its_mean_is_hardly_identified(dim, seed):
    rng = np.random.default_rng(seed)
    times = [np.cumsum(rng.uniform(0.1, 0.5, 60)) for _ in range(12)]
    steps = [np.sqrt(np.diff(t, prepend=0.0))[:, None] for t in times]
    values = [np.cumsum(s * rng.standard_normal((60, dim)), axis=0) for s in steps]
    results = st.LinearSDE().fit(values, times=times).results_
    assert results.converged
    assert results.bse.notna().all()
    diagonal = [f"sigma[{i},{i}]" for i in range(dim)] if dim > 1 else ["sigma"]
    # sigma = 1 from 708 transitions: its error is 1 / sqrt(2 n) = 0.027.
    np.testing.assert_allclose(results.params[diagonal], 1.0, atol=0.11)
