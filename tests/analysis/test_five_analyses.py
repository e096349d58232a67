"""The five analyses find what is known of processes with closed forms, each beside its control."""

from __future__ import annotations

import numpy as np
import pytest

import stochtext as st
from stochtext import Trajectories
from stochtext._shared.exceptions import DiscretizationWarning, InputError
from stochtext.analysis import (
    analyze,
    drift_diffusion_analysis,
    moment_analysis,
    phase_space_analysis,
    process_analysis,
    setting_analysis,
    text_complexity,
    trajectory_analysis,
)
from stochtext.analysis.fields.rotation import rotational_share
from stochtext.analysis.fields.state_dependence import state_dependence
from stochtext.analysis.moments.variance import replicate_variance
from stochtext.analysis.phase_space.regimes import document_regimes
from stochtext.analysis.process.lyapunov import largest_exponent
from stochtext.analysis.trajectories.contrast import contrast_quantities, read_complexity

#: Least share of twenty documents of a regime in which the test finds it.
SHARES = {"oscillating": 0.8, "contractive": 0.4, "exploratory": 0.8}
ROOT = np.random.SeedSequence(0)


@pytest.fixture(scope="module")
def panel():
    truth = st.OrnsteinUhlenbeck(0.4, 1.0, 0.6)
    start = 1 + 0.6 / np.sqrt(0.8) * np.random.default_rng(1).standard_normal((80, 1))
    return st.simulate(truth, start, dt=1.0, n_steps=24, scheme="exact", random_state=1)


@pytest.fixture(scope="module")
def fit(panel):
    return st.LinearSDE().fit(panel[:40])


@pytest.fixture(scope="module")
def five(fit, panel):
    return analyze(
        fit, panel[40:], random_state=0,
        options={"trajectories": {"horizons": (1, 3), "n_permutations": 99}},
    )  # fmt: skip


def test_true_model_passes_every_check(five):
    assert five["moments"].value("all moments").pvalue > 0.05
    assert five["process"].value("unit root (ADF)", "x0").pvalue == pytest.approx(0.01)
    assert five["process"].value("stationary (KPSS)", "x0").pvalue > 0.05
    assert five["process"].value("ratio", "x0").pvalue > 0.05
    assert "no evidence that the diffusion depends" in five["drift_diffusion"].verdict()
    assert "no evidence of two-cycles" in five["phase_space"].verdict()


def test_predictions_have_the_accuracy_and_coverage_of_theory(five):
    found = five["trajectories"]
    for h in (1, 3):
        row = found.value("R2", f"h = {h}")
        assert row.lower < np.exp(-0.8 * h) < row.upper
        assert row.control < row.lower
    for name in ("95 % intervals", "95 % calibrated"):
        row = found.value(name, "h = 1")
        assert row.lower - 0.01 < 0.95 < row.upper + 0.01


def test_time_constant_and_fixed_point_are_those_of_the_process(five):
    found = five["drift_diffusion"]
    row = found.value("OU", "x0")
    assert row.lower < 2.5 < row.upper
    assert row.control < 1
    point = found.value("point 0", "x0")
    assert point.lower < 1.0 < point.upper
    assert point.note == "stable node"
    curves = found.to_frame("fields")
    drift = curves[(curves["field"] == "drift") & curves["inside"]]
    assert np.all(drift["ci_lower"] < drift["ci_upper"])
    middle = drift.iloc[len(drift) // 2]
    assert middle["ci_lower"] < 0.4 * (1 - middle["x"]) < middle["ci_upper"]


def test_lyapunov_exponent_has_its_interval(five):
    row = five["process"].value("largest Lyapunov exponent of the fit")
    assert row.lower < -0.4 < row.upper


def test_everything_has_an_interval_a_pvalue_or_a_reason(five):
    frame = five.to_frame()
    bare = frame[frame[["ci_lower", "pvalue"]].isna().all(axis=1) & (frame["note"] == "")]
    assert bare.empty, bare


def test_analyses_are_drawn_told_and_reported(five, tmp_path):
    assert set(five.plot()) == set(five)
    assert "Phase space" in five.summary().as_text()
    assert len(five.verdict().splitlines()) == 5
    page = st.report(five, tmp_path / "five.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 5


def test_wrong_model_is_contradicted_by_its_moments(panel):
    wrong = st.LinearSDE().fit(panel.with_values(panel.values + 0.8))
    found = moment_analysis(wrong, panel, n_simulations=39, random_state=0)
    assert found.value("mean", "x0").pvalue == pytest.approx(0.025)
    assert found.verdict().startswith("Simulations of LinearSDE do not have")


def test_unknown_options_and_objects_are_refused(fit, panel):
    with pytest.raises(InputError, match="names no analysis"):
        analyze(fit, panel, options={"nothing": {}})
    with pytest.raises(InputError, match="results of a fit"):
        process_analysis("fit", panel)


def test_replicates_are_compared_at_the_same_step(rng):
    level = rng.standard_normal((3, 1, 6, 2))
    values = level + 0.5 * rng.standard_normal((3, 200, 6, 2))
    sums = replicate_variance(values.reshape(-1, 6, 2), np.repeat(np.arange(3), 200))
    assert sums[:, 0] / sums[:, 1] == pytest.approx(0.5, abs=0.05)


def test_setting_that_spreads_replicates_is_seen_between_them_only(rng):
    temperature = np.repeat([0.2, 0.6, 1.0, 1.4, 1.8, 2.2], 8)
    values = np.cumsum(rng.standard_normal((48, 10, 2)), axis=1)
    values += 6 * temperature[:, None, None] * rng.standard_normal((48, 1, 2))
    panel = Trajectories(values, metadata={"temperature": temperature})
    found = setting_analysis(panel, "temperature", n_permutations=199, random_state=0)
    assert found.value("variance at the same step").pvalue < 0.05
    assert "no evidence of dependence" in found.verdict()
    assert found.to_frame("settings").shape == (6, 6)
    assert len(found.plot().axes) == 2
    with pytest.raises(InputError, match="names no column"):
        setting_analysis(panel, "top_p")


def test_complexity_counts_what_it_says():
    frame = text_complexity(
        ["The cat sat. It ran.", ["Although it rained, they went on, singing."]]
    )
    assert frame["words_per_unit"].tolist() == [2.5, 7.0]
    assert frame["subordinators_per_unit"].tolist() == [0.0, 1.0]
    assert frame["clause_marks_per_unit"].tolist() == [0.0, 2.0]
    # 5 words, 5 syllables, 2 units
    assert frame["reading_ease"][0] == pytest.approx(206.835 - 1.015 * 2.5 - 84.6)


def test_contrast_holds_length_fixed(rng):
    m = 120
    panel = Trajectories([rng.standard_normal((n, 1)) for n in rng.integers(10, 40, m)])
    difficulty = panel.lengths + rng.standard_normal(m)
    measures = read_complexity(panel, {"difficulty": difficulty, "style": rng.random(m)}, None)
    error = panel.lengths + 5 * rng.standard_normal(m)
    rows = contrast_quantities(panel, measures, error, error[::-1], 199, 0.05, rng)
    found = {q.name: q for q in rows}
    assert found["units"].pvalue < 0.01
    assert found["difficulty"].pvalue > 0.05
    with pytest.raises(InputError, match="one each"):
        read_complexity(panel, None, ["a text"])


def test_texts_that_are_harder_to_predict_are_found(fit, panel):
    test = panel[40:]
    scale = np.linspace(0.3, 2.0, 40)
    spread = test.with_values([1 + s * (x - 1) for s, x in zip(scale, test.arrays(), strict=True)])
    found = trajectory_analysis(
        fit, spread, horizons=(1,), complexity={"sentence_length": scale}, n_samples=50,
        n_permutations=199, random_state=0,
    )  # fmt: skip
    assert "worse where sentence_length is more complex" in found.verdict()
    raw, calibrated = (found.value(f"95 % {n}", "h = 1") for n in ("intervals", "calibrated"))
    assert raw.estimate < 0.93 < calibrated.estimate


def test_hidden_states_are_predicted_and_simulated_through_their_noise(panel):
    rng = np.random.default_rng(3)
    noisy = panel.with_values(panel.values + 0.5 * rng.standard_normal(panel.values.shape))
    hidden = st.LinearSDE(observation_noise="diagonal").fit(noisy)
    found = moment_analysis(hidden, noisy, n_simulations=39, random_state=0)
    assert found.value("all moments").pvalue > 0.05
    fields = drift_diffusion_analysis(hidden, noisy, n_permutations=39, random_state=0)
    fast, slow = (fields.value(name, "x0") for name in ("OU", "OU + noise"))
    assert fast.upper < 2.5
    assert slow.lower < 2.5 < slow.upper
    forecast = trajectory_analysis(
        hidden, noisy, horizons=(1,), n_samples=50, n_permutations=19, random_state=0
    )
    assert forecast.value("95 % intervals", "h = 1").estimate == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("oscillating", lambda t, e: (-1.0) ** t + 0.3 * e),
        ("contractive", lambda t, e: np.cumsum(0.88**t * e)),
        ("exploratory", lambda t, e: 0.5 * t + e),
    ],
)
def test_regimes_are_told_from_random_orders(rng, kind, path):
    t = np.arange(24)
    panel = Trajectories([path(t, rng.standard_normal(24)) for _ in range(20)])
    found = document_regimes(panel, 99, 0.05, ROOT, "test")
    assert (found["regime"] == kind).mean() > SHARES[kind]
    noise = Trajectories(list(rng.standard_normal((100, 24, 2))))
    assert (
        document_regimes(noise, 99, 0.05, ROOT, "test")["regime"] != "undetermined"
    ).mean() < 0.12


def test_two_cycles_are_reported(rng):
    values = [(-1.0) ** np.arange(16) + 0.3 * rng.standard_normal(16) for _ in range(15)]
    panel = Trajectories(values)
    with pytest.warns(DiscretizationWarning):
        fit = st.KernelSDE().fit(panel)
    found = phase_space_analysis(fit, panel, n_permutations=99, n_simulations=19, random_state=0)
    assert "Two-cycles are more than chance" in found.verdict()
    assert found.plot().get_ylabel() == "drift $b(x)$"


def test_lyapunov_exponent_of_geometric_brownian_motion_is_known():
    process = st.GeometricBrownianMotion(0.1, 0.8)
    value, error = largest_exponent(process, np.ones((1, 1)), 0.2, 200, ROOT)
    assert abs(value - (0.1 - 0.32)) < 4 * error + 0.01


def test_rotation_of_a_linear_drift_is_its_antisymmetric_part(rng):
    x = rng.standard_normal((4000, 2))
    kappa = np.array([[1.0, -0.5], [0.5, 1.0]])
    assert rotational_share(x, -x @ kappa.T) == pytest.approx(0.2, abs=0.01)
    assert rotational_share(x, -(x**3)) == pytest.approx(0, abs=1e-12)


def test_state_dependent_noise_is_found_and_noisy_documents_are_no_evidence(rng):
    x = rng.standard_normal((1200, 1))
    owner = np.repeat(np.arange(40), 30)
    depends = rng.standard_normal((1200, 1)) * np.exp(0.5 * x)
    assert state_dependence(x, depends, owner, owner, 99, 0.05, rng).pvalue <= 0.01
    scale = np.exp(rng.standard_normal(40))[owner, None]
    level = x + 2 * np.log(scale)
    loud = rng.standard_normal((1200, 1)) * scale
    assert state_dependence(level, loud, owner, owner, 99, 0.05, rng).pvalue > 0.01
