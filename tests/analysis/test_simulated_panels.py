"""Numbers of documents against simulated panels: whose parameters, and how they are ranked."""

from __future__ import annotations

import numpy as np
import pytest

import stochtext as st
from stochtext.analysis.moments.analysis import _distances
from stochtext.analysis.phase_space.passage import passage_quantities
from stochtext.analysis.process.correlation_time import correlation_time
from stochtext.analysis.simulated_panels import DRAWN, simulated_panels
from stochtext.results.inference.draws.hidden_draws import SOURCE, hidden_draws


@pytest.fixture(scope="module")
def fit():
    return st.LinearSDE().fit(_documents(0)).results_


def _documents(seed: int, m: int = 30, n: int = 14) -> st.Trajectories:
    return st.simulate(
        st.OrnsteinUhlenbeck(0.5, 1.0, 0.8), np.ones(m), dt=1.0, n_steps=n, scheme="exact",
        random_state=seed,
    )  # fmt: skip


def _noisy_documents(seed: int) -> st.Trajectories:
    panel = _documents(seed, m=60)
    noise = np.random.default_rng(seed).standard_normal(panel.values.shape)
    return panel.with_values(panel.values + 0.5 * noise)


def test_panels_like_the_fitted_documents_hold_the_estimate_fixed(fit):
    found = simulated_panels(fit, _documents(0), 20, np.random.SeedSequence(0))
    assert "hold the estimate fixed" in found.said
    assert found.values.shape == (20, 30, 15, 1)


def test_panels_like_other_documents_vary_more_by_the_error_of_the_estimate(fit):
    root, other = np.random.SeedSequence(0), _documents(1, 400)
    found = simulated_panels(fit, other, 150, root)
    assert "parameters of its own" in found.said
    own = st.LinearSDE().fit(other).results_
    held = simulated_panels(own, other, 150, root)
    late = [panels.values[:, :, 8:, 0].mean(axis=(1, 2)).std() for panels in (found, held)]
    # Means of 400 documents hardly vary; the mean of a fit to 30 documents has an error.
    assert late[0] == pytest.approx(fit.bse["mu"], rel=0.35)
    assert late[1] < 0.5 * late[0]


def test_a_panel_among_its_like_stands_out_as_often_as_any_other():
    rng = np.random.default_rng(3)
    ranks = []
    for _ in range(400):
        every = rng.standard_t(3, (20, 6))
        distances = _distances(every[0], every[1:])
        ranks.append(np.sum(distances[1:] >= distances[0]))
    # 20 ranks are equally likely: the share of the highest has standard error 1.1 %.
    assert np.mean(np.array(ranks) == 0) == pytest.approx(0.05, abs=0.035)


def test_first_passage_of_simulated_panels_is_that_of_each_panel():
    panel = _documents(2)
    states = panel.to_array()
    copies = np.stack([states, np.tile(states[:, :1], (1, 15, 1)), states])
    copies[1] += 1e-3 * np.random.default_rng(0).standard_normal(copies[1].shape)
    row = passage_quantities(panel, panel, copies, np.arange(30), 0.05)[0]
    jittered = np.abs(copies[1] - copies[1][:, :1])[:, :, 0] > copies[1].std()
    steps = np.where(jittered.any(axis=1), jittered.argmax(axis=1), 14).mean()
    assert row.note == f"simulated {np.mean([row.estimate, steps, row.estimate]):.3g}"
    assert row.pvalue == 1.0


def test_first_passage_of_panels_that_never_leave_is_the_horizon():
    panel = _documents(2)
    copies = np.tile(panel.to_array()[:, :1], (39, 1, 15, 1))
    row = passage_quantities(panel, panel, copies, np.arange(30), 0.05)[0]
    assert row.note == "simulated 14"
    assert row.pvalue == pytest.approx(2 / 40)


def test_few_groups_leave_no_interval_of_a_passage_time():
    panel = _documents(2)
    copies = np.tile(panel.to_array(), (19, 1, 1, 1))
    row = passage_quantities(panel, panel, copies, np.repeat([0, 1], 15), 0.05)[0]
    assert np.isfinite(row.estimate)
    assert np.isnan([row.lower, row.upper]).all()


def test_too_few_pairs_leave_no_correlation_time():
    panel = st.Trajectories([np.arange(4.0)[:, None] ** k for k in range(1, 6)])
    assert np.isnan(np.concatenate(correlation_time(panel, 0, np.arange(5), 0.05))).all()


def test_panels_behind_noise_say_whether_the_estimate_was_drawn():
    noisy = st.LinearSDE(observation_noise="diagonal").fit(_noisy_documents(0)).results_
    root = np.random.SeedSequence(0)
    own, other = (simulated_panels(noisy, _noisy_documents(k), 19, root).said for k in (0, 1))
    assert "conservative" in own
    assert other == f"{DRAWN} {SOURCE}."


@pytest.mark.parametrize("options", [{}, {"mean_effect": "random"}, {"initial": "free"}])
def test_draws_behind_noise_spread_as_the_estimates_do(options):
    fit = st.LinearSDE(observation_noise="diagonal", **options).fit(_noisy_documents(0))
    found = hidden_draws(fit.results_, 400, 0)
    assert found.reason is None
    drawn = np.array([model.process.params["kappa"] for model in found.models])
    assert drawn.mean() == pytest.approx(fit.results_.params["kappa"], abs=0.3 * drawn.std())
    assert drawn.std() == pytest.approx(fit.results_.bse["kappa"], rel=0.15)
    noise = np.array([model.noise[0, 0] for model in found.models])
    assert np.all(noise >= 0)
    assert noise.std() > 0


def test_a_noise_that_the_fit_put_to_zero_stays_there():
    fit = st.LinearSDE(observation_noise="diagonal").fit(_documents(0)).results_
    assert fit.params["noise"] == 0
    drawn = hidden_draws(fit, 50, 0)
    assert {float(model.noise[0, 0]) for model in drawn.models} == {0.0}


@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.6])
def test_correlation_time_of_an_autoregression_is_its_sum_of_correlations(rho):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2000, 40))
    for k in range(1, 40):
        x[:, k] = rho * x[:, k - 1] + np.sqrt(1 - rho**2) * x[:, k]
    found = correlation_time(st.Trajectories(list(x[..., None])), 0, np.arange(2000), 0.05)
    assert abs(found.value[0] - (1 + rho) / (1 - rho)) < 4 * found.se[0]
    assert found.se[0] < 0.1
