"""Serial-correlation tests against statsmodels and against exact moments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from statsmodels.stats.diagnostic import acorr_ljungbox, het_arch

from stochtext.diagnostics import (
    arch_lm,
    default_lags,
    free_correlations,
    ljung_box,
    pair_counts,
)

LENGTHS = (8, 3, 15, 1, 30)
PANEL = np.repeat(np.arange(len(LENGTHS)), LENGTHS)


@pytest.fixture
def resid() -> np.ndarray:
    return np.random.default_rng(0).standard_t(df=6, size=300)


@pytest.mark.parametrize("lags", [1, 5, 10])
def test_ljung_box_of_one_path_equals_statsmodels(resid: np.ndarray, lags: int) -> None:
    for values in (resid, resid**2):
        theirs = acorr_ljungbox(values, lags=[lags])
        statistic, df, pvalue = ljung_box(values, np.zeros(300), lags)
        assert statistic == pytest.approx(theirs["lb_stat"].iloc[0], rel=1e-10)
        assert pvalue == pytest.approx(theirs["lb_pvalue"].iloc[0], rel=1e-10)
        assert df == lags


@pytest.mark.filterwarnings("ignore:.* currently returns a plain tuple:FutureWarning")
@pytest.mark.parametrize("lags", [1, 4])
def test_arch_lm_of_one_path_equals_statsmodels(resid: np.ndarray, lags: int) -> None:
    theirs = het_arch(resid, nlags=lags)
    statistic, df, pvalue, n = arch_lm(resid, np.zeros(300), lags)
    assert statistic == pytest.approx(theirs[0], rel=1e-10)
    assert pvalue == pytest.approx(theirs[1], rel=1e-10)
    assert (df, n) == (lags, 300 - lags)


def test_pairs_are_counted_within_trajectories_only() -> None:
    expected = [sum(max(length - lag, 0) for length in LENGTHS) for lag in range(1, 41)]
    assert pair_counts(PANEL, 40).tolist() == expected


def test_ljung_box_of_a_panel_is_the_sum_over_pairs_written_out() -> None:
    values = np.random.default_rng(1).standard_normal(len(PANEL))
    centred, n = values - values.mean(), len(values)
    expected = 0.0
    for lag in range(1, 6):
        pairs = [(i, i + lag) for i in range(n - lag) if PANEL[i] == PANEL[i + lag]]
        rho = sum(centred[i] * centred[j] for i, j in pairs) / (centred @ centred)
        expected += n * (n + 2) * rho**2 / len(pairs)
    assert ljung_box(values, PANEL, 5)[0] == pytest.approx(expected, rel=1e-12)


def test_joining_trajectories_would_change_the_answer_and_is_not_done() -> None:
    # Each trajectory is constant: within it lag pairs agree, at its ends they do not.
    levels = np.repeat([3.0, -3.0] * 20, 5)
    trajectory = np.repeat(np.arange(40), 5)
    noise = np.random.default_rng(2).standard_normal(200)
    apart = ljung_box(levels + noise, trajectory, 1)[0]
    joined = ljung_box(levels + noise, np.zeros(200), 1)[0]
    assert apart > joined + 20


def test_the_mean_of_ljung_box_under_independence_is_the_number_of_lags() -> None:
    rng = np.random.default_rng(3)
    statistics = [ljung_box(rng.standard_normal(len(PANEL)), PANEL, 4)[0] for _ in range(3000)]
    # Standard error sqrt(8 / 3000) = 0.05; centring by the mean takes O(lags / n) = 0.07.
    assert np.mean(statistics) == pytest.approx(4.0, abs=0.25)


def test_arch_lm_of_a_panel_is_the_regression_over_whole_rows() -> None:
    values = np.random.default_rng(4).standard_normal(len(PANEL))
    squares = values**2
    rows = [i for i in range(2, len(PANEL)) if PANEL[i] == PANEL[i - 2]]
    design = np.array([[1.0, squares[i - 1], squares[i - 2]] for i in rows])
    response = squares[rows]
    fitted = design @ np.linalg.solve(design.T @ design, design.T @ response)
    r_squared = 1 - np.sum((response - fitted) ** 2) / np.sum((response - response.mean()) ** 2)
    statistic, _, _, n = arch_lm(values, PANEL, 2)
    assert n == len(rows)
    assert statistic == pytest.approx(n * r_squared, rel=1e-10)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.95])
def test_an_autoregression_takes_the_degrees_of_freedom_that_theory_says(phi: float) -> None:
    noise = np.random.default_rng(5).standard_normal(40_000)
    series = lfilter([1.0], [1.0, -phi], noise)
    start = np.r_[0.0, series[:-1]]
    free = free_correlations(noise, np.zeros(len(noise)), 10, start[:, None])
    # m - 1 + phi^(2m); sampling error of the ten shares is of order 10 / sqrt(40000).
    assert free == pytest.approx(9 + phi**20, abs=0.05)


def test_default_lags_follow_the_lengths_of_the_trajectories() -> None:
    assert default_lags(np.zeros(1000)) == 10
    assert default_lags(np.zeros(30)) == 6
    assert default_lags(np.repeat(np.arange(60), 4)) == 3
    assert default_lags(np.arange(50)) == 1
