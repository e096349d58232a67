"""Unit-root, stationarity and long-memory checks against statsmodels and against theory."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.signal import lfilter
from statsmodels.tsa.stattools import adfuller, kpss

from stochtext._shared.exceptions import InputError
from stochtext.diagnostics import adf_test, fluctuation_analysis, kpss_test


def autoregressions(
    rng: np.random.Generator, memory: float, lengths: list[int]
) -> list[np.ndarray]:
    """Return paths of an autoregression; random walks for a memory of one."""
    paths = []
    for length in lengths:
        noise = rng.standard_normal(length)
        if memory < 1:
            noise[0] /= np.sqrt(1 - memory**2)
        paths.append(lfilter([1.0], [1.0, -memory], noise)[:, None])
    return paths


def dickey_fuller(x: np.ndarray, lags: int, code: str = "c") -> tuple[float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels announces another form of its answer
        found = adfuller(x, maxlag=lags, regression=code, autolag=None)
    return found[0], found[1]


@pytest.mark.parametrize(("trend", "code"), [("constant", "c"), ("linear", "ct")])
def test_statistics_of_one_path_are_those_of_statsmodels(trend, code):
    x = np.cumsum(np.random.default_rng(1).standard_normal(150))
    found = adf_test(x[:, None], trend=trend, lags=3, random_state=0)
    expected = dickey_fuller(x, 3, code)
    assert found.statistic == pytest.approx(expected[0], rel=1e-9)
    assert found.pvalue == pytest.approx(expected[1], abs=0.06)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels says where its table ends
        expected = kpss(x, regression=code, nlags=4)
    found = kpss_test(x[:, None], trend=trend, lags=4, random_state=0)
    assert found.statistic == pytest.approx(expected[0], rel=1e-9)


def test_a_long_path_takes_the_limit_law_of_statsmodels():
    x = np.cumsum(np.random.default_rng(2).standard_normal(4500))
    found = adf_test(x[:, None], lags=2)
    assert found.calibration == "limit law"
    assert found.pvalue == pytest.approx(dickey_fuller(x, 2)[1], rel=1e-6)


def test_sizes_are_near_their_level_and_power_is_there():
    """Binomial(60, 0.05): 9 or more has probability 0.003."""
    lengths = [20] * 15

    def rejections(test, memory):
        return sum(
            test(
                autoregressions(np.random.default_rng([3, k]), memory, lengths),
                n_draws=39, random_state=k,
            ).pvalue <= 0.05
            for k in range(60)
        )  # fmt: skip

    assert rejections(adf_test, 1.0) < 9
    assert rejections(kpss_test, 0.5) < 9
    assert rejections(adf_test, 0.5) > 45


def test_what_cannot_be_tested_has_a_reason():
    short = adf_test(np.arange(8.0)[:, None])
    assert np.isnan(short.pvalue)
    assert "12 states" in short.meaning
    x = np.random.default_rng(4).standard_normal((40, 1))
    times = np.sort(np.random.default_rng(5).uniform(0, 10, 40))
    from stochtext import Trajectories

    uneven = kpss_test(Trajectories(x, times=times))
    assert np.isnan(uneven.pvalue)
    assert "intervals differ" in uneven.meaning
    assert "does not move" in adf_test([x, np.ones((20, 1))]).meaning
    with pytest.raises(InputError, match="`column`"):
        adf_test(x, column=1)


def test_white_noise_has_exponent_one_half_and_its_sum_three_halves():
    noise = np.random.default_rng(6).standard_normal((4000, 1))
    white = fluctuation_analysis(noise, n_control=39, random_state=0)
    assert white.exponent == pytest.approx(0.5, abs=0.06)
    assert white.control_lower < white.exponent < white.control_upper
    assert white.pvalue > 0.05
    walk = fluctuation_analysis(np.cumsum(noise, axis=0), n_control=39, random_state=0)
    assert walk.exponent == pytest.approx(1.5, abs=0.1)
    assert walk.pvalue == pytest.approx(0.05)


def test_long_memory_is_told_from_a_memory_of_one_step():
    """Fractional noise with d = 0.4 has exponent 0.9; an autoregression's controls have less."""
    rng = np.random.default_rng(7)
    weights = np.cumprod(np.r_[1.0, (np.arange(1, 3000) - 1 + 0.4) / np.arange(1, 3000)])
    fractional = np.convolve(rng.standard_normal(6000), weights)[3000:6000]
    found = fluctuation_analysis(
        fractional[:, None], control="autoregression", n_control=99, random_state=0
    )
    assert found.exponent > found.control_upper
    assert found.pvalue <= 0.05
    short = autoregressions(rng, 0.5, [2000])
    same = fluctuation_analysis(short, control="autoregression", n_control=99, random_state=0)
    assert same.pvalue > 0.05
    assert fluctuation_analysis(short, n_control=39, random_state=0).pvalue <= 0.05


def test_short_trajectories_have_no_exponent():
    found = fluctuation_analysis([np.arange(9.0)[:, None] ** 2 for _ in range(3)])
    assert np.isnan(found.exponent)
    assert "fewer than three scales" in found.meaning
    assert found.to_frame().shape[1] == 3
