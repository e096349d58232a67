"""Change points: the distribution of the statistic, its size and its power."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import kolmogorov

import stochtext as st
from stochtext.analysis.change_point import bridge_norm_sf


def _path(sigmas, seed, n=500):
    pieces, state = [], 0.0
    for k, sigma in enumerate(sigmas):
        truth = st.OrnsteinUhlenbeck(1.0, 0.0, sigma)
        piece = st.simulate(
            truth, state, dt=0.1, n_steps=n, scheme="exact", random_state=1000 * seed + k
        ).values
        state = piece[-1]
        pieces.append(piece if k == 0 else piece[1:])
    return st.Trajectories(np.vstack(pieces), dt=0.1)


def test_one_parameter_has_the_distribution_of_kolmogorov():
    heights = np.linspace(0.4, 2.5, 8)
    found = [bridge_norm_sf(h, 1) for h in heights]
    np.testing.assert_allclose(found, kolmogorov(heights), atol=1e-12)


@pytest.mark.parametrize("dim", [2, 3, 5])
def test_several_parameters_have_the_distribution_of_simulated_bridges(dim):
    rng = np.random.default_rng(dim)
    n = 1000
    walks = np.cumsum(rng.standard_normal((1500, n, dim)) / np.sqrt(n), axis=1)
    bridges = walks - np.linspace(1 / n, 1, n)[None, :, None] * walks[:, -1:]
    height = np.sqrt(np.sum(bridges**2, axis=2).max(axis=1))
    for level in (0.5, 0.1):
        # A bridge seen at a thousand points is a little lower than the whole of it.
        assert abs(bridge_norm_sf(float(np.quantile(height, 1 - level)), dim) - level) < 0.05


def test_a_change_of_volatility_is_found_where_it_is():
    found = st.analysis.change_point(st.LinearSDE(), _path((0.5, 0.7), 1), parameters=["sigma"])
    assert found.detected(0.01)
    assert abs(found.time - 50.0) < 5.0
    frame = found.to_frame()
    assert abs(frame.loc["sigma", "before"] - 0.5) < 0.08
    assert abs(frame.loc["sigma", "after"] - 0.7) < 0.08
    assert "changes" in found.summary().as_text()


def test_a_stable_law_is_rarely_rejected():
    fit = st.ParametricSDE(st.OrnsteinUhlenbeck())
    found = [st.analysis.change_point(fit, _path((0.6,), seed, 300)).pvalue for seed in range(40)]
    # Binomial(40, .05): more than six rejections have a probability of .3 %.
    assert np.sum(np.array(found) < 0.05) <= 6


def test_a_panel_is_read_in_the_order_of_time():
    paths = [_path((0.5, 0.9), seed, 100) for seed in range(12)]
    panel = st.Trajectories([p.values for p in paths], dt=0.1)
    found = st.analysis.change_point(st.LinearSDE(), panel, parameters=["sigma"])
    assert found.detected(0.01)
    assert abs(found.time - 10.0) < 1.5


def test_curves_and_unknown_names_are_refused():
    X = _path((0.5,), 0, 100)
    with pytest.raises(st.InputError, match="curves"):
        st.analysis.change_point(st.KernelSDE(0.5), X)
    with pytest.raises(st.InputError, match="must name"):
        st.analysis.change_point(st.LinearSDE(), X, parameters=["gamma"])
