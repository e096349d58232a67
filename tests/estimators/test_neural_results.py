from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from stochtext import NeuralSDE, Trajectories, load
from stochtext._shared.exceptions import InputError, SampleSizeWarning
from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.processes.support import Support
from stochtext.results.inference.curves.ensemble_errors import EnsembleErrors
from stochtext.results.inference.curves.network_features import network_features
from stochtext.results.neural import NeuralResults
from stochtext.results.record import FitRecord
from stochtext.transitions.registry import transition_density

SMALL = {"hidden": (6,), "diffusion_hidden": (4,), "n_starts": 2, "random_state": 0}
POINTS = np.linspace(-1.2, 1.2, 7)[:, None]


def double_wells(rng, n_paths, n_steps, dt=0.05):
    x = rng.choice([-1.0, 1.0], n_paths)
    rows = [x]
    for _ in range(n_steps):
        for _ in range(5):
            x = x + dt / 5 * 4 * (x - x**3) + np.sqrt(dt / 5) * rng.standard_normal(n_paths)
        rows.append(x)
    return Trajectories(np.array(rows).T[..., None], dt=dt)


@pytest.fixture(scope="module")
def model() -> NeuralSDE:
    return NeuralSDE(**SMALL).fit(double_wells(np.random.default_rng(0), 25, 60))


def test_bands_hold_the_drift_and_end_where_the_data_end(model) -> None:
    drift = model.results_.get_drift(POINTS)
    ends = drift.conf_int()[:, 0]
    truth = 4 * (POINTS - POINTS**3)[:, 0]
    assert np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])) >= 6 / 7
    band = drift.simultaneous_band()[:, 0]
    assert np.all((band[:, 0] <= ends[:, 0]) & (ends[:, 1] <= band[:, 1]))
    outside = model.results_.get_drift([[9.0]])
    assert np.isnan(outside.se).all()
    assert "support" in (outside.reason or "")
    rate = model.results_.get_covariance(POINTS).conf_int()[:, 0, 0]
    assert np.all(rate[:, 0] > 0)
    assert np.mean((rate[:, 0] <= 1.0) & (rate[:, 1] >= 1.0)) >= 6 / 7


def test_draws_scatter_around_the_fit_as_the_errors_say(model) -> None:
    drawn = model.results_.errors.draws(300, random_state=1)
    values = np.array([one.drift(POINTS)[:, 0] for one in drawn])
    se = model.results_.get_drift(POINTS).se[:, 0]
    # 300 draws: three standard errors of a standard deviation are 12 %, t with 24 df adds 4 %
    np.testing.assert_allclose(values.std(axis=0), se, rtol=0.25)


def test_tests_of_hypotheses_say_what_the_data_say(model) -> None:
    results = model.results_
    assert results.test_linearity().pvalue < 1e-4
    assert results.test_constant_diffusion().pvalue > 0.001
    assert results.test_nugget().pvalue > 0.001
    assert "The drift is linear: p = " in results.summary().as_text()


def test_diagnostics_and_criteria(model) -> None:
    results = model.results_
    assert 2 < results.df_model < 40
    assert results.aic == pytest.approx(-2 * results.llf + 2 * results.df_model)
    assert set(results.history["start"]) == {0, 1}
    assert len(results.plot_training().lines) == 2
    assert "benchmarks/coverage" in results.summary().as_text()


def test_file_restores_bands_and_tests_without_data_and_without_torch(model, tmp_path) -> None:
    results = model.results_
    results.test_nugget()
    path = tmp_path / "fit.stx"
    results.save(path)
    again = load(path)
    assert isinstance(again, NeuralResults)
    np.testing.assert_allclose(
        again.get_covariance(POINTS).conf_int(), results.get_covariance(POINTS).conf_int()
    )
    assert again.test_nugget().pvalue == results.test_nugget().pvalue
    assert again.summary().as_text() == results.summary().as_text()
    code = (
        "import sys, stochtext as st\n"
        f"r = st.load({str(path)!r})\n"
        "r.get_drift([[0.5]]).conf_int(); r.process.drift([[0.0]])\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_test_not_asked_for_before_saving_needs_the_data(model, tmp_path) -> None:
    fresh = NeuralSDE(**SMALL, diffusion="constant").fit(
        double_wells(np.random.default_rng(5), 8, 30)
    )
    fresh.results_.save(tmp_path / "fit.stx")
    with pytest.raises(InputError, match="holds no data"):
        load(tmp_path / "fit.stx").test_linearity()


def test_without_cov_type_and_with_little_data_there_are_no_bands() -> None:
    data = double_wells(np.random.default_rng(1), 8, 30)
    none = NeuralSDE(**SMALL, cov_type=None).fit(data).results_.get_drift(POINTS)
    assert np.isnan(none.se).all()
    assert "cov_type" in (none.reason or "")
    with pytest.warns(SampleSizeWarning):
        few = NeuralSDE(**SMALL).fit(double_wells(np.random.default_rng(1), 2, 20))
    curve = few.results_.get_drift([[1.0]])
    assert np.isnan(curve.se).all()
    assert "too few" in (curve.reason or "")


def test_laplace_is_no_wider_than_the_mixture_can_be(model) -> None:
    data = double_wells(np.random.default_rng(0), 25, 60)
    one = NeuralSDE(**SMALL, cov_type="laplace").fit(data).results_
    assert one.errors.method == "laplace"
    ratio = one.get_drift(POINTS).se / model.results_.get_drift(POINTS).se
    assert 0.4 < np.median(ratio) < 1.6


def test_noise_is_found_and_taken_out() -> None:
    rng = np.random.default_rng(2)
    clean = double_wells(rng, 25, 50)
    seen = clean.with_values(clean.values + rng.normal(0, 0.15, clean.values.shape))
    options = {**SMALL, "n_starts": 1, "diffusion": "constant"}
    hidden = NeuralSDE(**options, obs_noise="auto").fit(seen).results_
    naive = NeuralSDE(**options, cov_type=None).fit(seen).results_
    assert np.sqrt(hidden.observation_noise[0, 0]) == pytest.approx(0.15, rel=0.25)
    # 2 r / dt = .9 is what the noise adds to the covariance rate 1
    assert naive.get_covariance([[1.0]]).estimate[0, 0, 0] > 1.5
    assert hidden.get_covariance([[1.0]]).estimate[0, 0, 0] == pytest.approx(1.0, abs=0.3)
    assert hidden.resid.shape == naive.resid.shape
    assert "rounds of EM" in hidden.summary().as_text()


def test_a_net_of_32_by_32_fits_into_100_kilobytes(tmp_path) -> None:
    draw, one, members = np.random.default_rng(3).standard_normal, np.ones(1), 5
    arrays = {
        "centre": 0 * one, "spread": one, "drift_unit": one, "noise_unit": one,
        "drift.slope": draw((members, 1, 1)), "drift.intercept": draw((members, 1, 1)),
        "covariance.log_scale": draw((members, 1, 1)),
        "covariance.lower": np.zeros((members, 1, 0)),
        "drift.layer0.weight": draw((members, 1, 32)), "drift.layer0.bias": draw((members, 1, 32)),
        "drift.layer1.weight": draw((members, 32, 32)),
        "drift.layer1.bias": draw((members, 1, 32)),
        "drift.layer2.weight": draw((members, 32, 1)),
        "covariance.layer0.weight": draw((members, 1, 12)),
        "covariance.layer0.bias": draw((members, 1, 12)),
        "covariance.layer1.weight": draw((members, 12, 1)),
    }  # fmt: skip
    process, x = NetworkProcess(arrays), draw((50, 1))
    widths = {
        which: network_features(process, which, x, np.zeros(50)).shape[1]
        for which in ("drift", "covariance")
    }
    weights = {k: draw((32, 1, width)).astype(np.float32) for k, width in widths.items()}
    panel = Trajectories(x, dt=0.1)
    record = FitRecord.of_panel(panel, model="NeuralSDE", density="cubature", llf=0.0)
    results = NeuralResults(
        record, process, transition_density("cubature"), Support.from_states(x), None,
        EnsembleErrors(process, weights),
    )  # fmt: skip
    results.save(tmp_path / "net.stx")
    assert (tmp_path / "net.stx").stat().st_size <= 100_000
    load(tmp_path / "net.stx").get_drift(x[:3])
