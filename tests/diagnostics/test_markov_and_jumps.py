"""Tests of the Markov property and of jumps: size, power, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError
from stochtext.diagnostics import (
    chapman_kolmogorov_test,
    markov_length,
    markov_test,
    pawula_test,
    q_ratio,
)
from stochtext.trajectories.panel import Trajectories


def autoregressions(n_paths, n, seed, coefficient=0.9):
    rng = np.random.default_rng(seed)
    x = np.zeros((n, n_paths))
    x[0] = rng.standard_normal(n_paths) / np.sqrt(1 - coefficient**2)
    noise = rng.standard_normal((n, n_paths))
    for k in range(1, n):
        x[k] = coefficient * x[k - 1] + noise[k]
    return x.T


def test_the_pawula_test_has_its_size():
    rng = np.random.default_rng(1)
    cell = np.repeat(np.arange(6), 200)
    pvalues = [pawula_test(rng.standard_normal(1200), cell).pvalue for _ in range(2000)]
    # 99.9 % band about 5 % at 2000 samples.
    assert 0.0345 < np.mean(np.array(pvalues) < 0.05) < 0.0665


def test_an_expected_kurtosis_is_taken_off():
    rng = np.random.default_rng(2)
    z = rng.standard_t(12, 6000)
    cell = np.zeros(6000, dtype=int)
    assert pawula_test(z, cell).pvalue < 0.01
    assert pawula_test(z, cell, [6 / 8]).pvalue > 0.01


def test_too_few_increments_give_no_pvalue():
    result = pawula_test(np.ones(10), np.zeros(10, dtype=int))
    assert np.isnan(result.pvalue)
    assert result.n == 0


def test_the_markov_test_has_its_size():
    pvalues = [markov_test(x[:, None])[1] for x in autoregressions(400, 1500, 3)]
    assert 0.014 < np.mean(np.array(pvalues) < 0.05) < 0.086


def test_the_markov_test_sees_observation_noise():
    rng = np.random.default_rng(4)
    paths = autoregressions(30, 1500, 5) + rng.standard_normal((30, 1500))
    assert np.mean([markov_test(x[:, None])[1] < 0.05 for x in paths]) > 0.9


def test_triples_do_not_cross_trajectories():
    panel = Trajectories([np.zeros((2, 1)) + k for k in range(60)])
    assert markov_test(panel)[2] == 0
    assert np.isnan(markov_test(panel)[1])


def test_the_markov_length_of_a_second_order_process_ends():
    velocity = autoregressions(1, 40_000, 7, coefficient=0.5)[0]
    x = np.zeros(40_000)
    for k in range(1, 40_000):
        x[k] = 0.9 * x[k - 1] + velocity[k]
    found = markov_length(x[:, None], lags=(1, 2, 4, 8, 16), dt=0.5, alpha=0.01)
    assert found.lag is not None
    assert found.lag > 1
    assert found.time == 0.5 * found.lag
    assert found.to_frame()["pvalue"].iloc[0] < 1e-6


def test_the_chapman_kolmogorov_test_keeps_its_level_and_sees_hidden_noise():
    rng = np.random.default_rng(8)
    paths = autoregressions(20, 1500, 9)
    null = [
        chapman_kolmogorov_test(x[:, None], n_boot=39, random_state=k).pvalue
        for k, x in enumerate(paths)
    ]
    noisy = paths + rng.standard_normal(paths.shape)
    power = [
        chapman_kolmogorov_test(x[:, None], n_boot=39, random_state=k).pvalue
        for k, x in enumerate(noisy)
    ]
    assert np.mean(np.array(null) <= 0.05) <= 0.2
    assert np.mean(np.array(power) <= 0.05) > 0.8


def test_the_chapman_kolmogorov_test_repeats_itself_and_takes_panels():
    panel = Trajectories([x[:, None] for x in autoregressions(8, 60, 10)])
    one = chapman_kolmogorov_test(panel, n_cells=4, n_boot=19, random_state=1)
    two = chapman_kolmogorov_test(panel, n_cells=4, n_boot=19, random_state=1)
    assert one.pvalue == two.pvalue
    assert one.n == 8 * 58
    np.testing.assert_allclose(one.direct.sum(axis=1), 1)
    np.testing.assert_allclose(one.composed.sum(axis=1), 1)


def test_the_q_ratio_tells_diffusion_from_jumps():
    rng = np.random.default_rng(11)
    diffusion = np.cumsum(0.1 * rng.standard_normal(40_000))
    jumps = np.cumsum(rng.standard_normal(40_000) * (rng.random(40_000) < 0.02)) * 1.5
    one = q_ratio(diffusion[:, None], dt=0.01, random_state=0)
    assert one.slope_lower < 1 < one.slope_upper
    np.testing.assert_allclose(one.ratio, one.times * 1.0, rtol=0.1)
    two = q_ratio((diffusion + jumps)[:, None], dt=0.01, random_state=0)
    assert two.slope_upper < 0.5
    assert two.ratio[0] == pytest.approx(2.25, rel=0.3)
    assert (two.lower < two.ratio).all()
    assert list(two.to_frame()["n"]) == [40_000 - lag for lag in (1, 2, 4, 8, 16)]


def test_the_q_ratio_rescales_with_the_unit():
    x = autoregressions(1, 4000, 12)[0][:, None]
    one, two = (q_ratio(scale * x, lags=(1, 2), random_state=0) for scale in (1.0, 100.0))
    np.testing.assert_allclose(two.upper, 1e4 * one.upper, rtol=1e-9)


@pytest.mark.parametrize("lags", [(1,), (2, 1), (1, 5000)])
def test_lags_that_cannot_be_used_are_refused(lags):
    with pytest.raises(InputError, match=r"lag"):
        q_ratio(autoregressions(1, 300, 1)[0][:, None], lags=lags)
    if lags != (1,) and lags[0] > lags[-1]:
        with pytest.raises(InputError, match="increasing"):
            markov_length(autoregressions(1, 300, 1)[0][:, None], lags=lags)


def test_few_steps_are_refused():
    with pytest.raises(InputError, match="50 steps"):
        chapman_kolmogorov_test(np.arange(20.0)[:, None])
