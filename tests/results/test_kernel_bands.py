"""Errors of kernel curves: influence, clusters, pilots and simultaneous bands."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext.estimators.gaussian_process import GaussianProcessSDE
from stochtext.estimators.kernel import KernelSDE
from stochtext.processes.fitted.bins.curve_table import Nodes
from stochtext.processes.fitted.smoothing.local_polynomial import LocalPolynomial
from stochtext.results.inference.curves.local.influences import CurveNoise, PilotNoise
from stochtext.results.inference.curves.simultaneous import simultaneous_quantile
from stochtext.results.storage import load


@pytest.fixture
def regression(rng):
    x = np.sort(rng.normal(size=400))[:, None]
    return LocalPolynomial(x, rng.uniform(0.5, 2, 400), np.ones(400), np.array([0.5]), 2)


def test_errors_are_those_of_the_linear_smoother(rng, regression):
    y, noise = rng.normal(size=400), rng.normal(size=400)
    x = np.array([[-0.5], [0.2], [0.7]])
    fit = CurveNoise(regression, y, noise).at(x, joint=True)
    u = (regression.points[:, 0] - x) / 0.5
    for row in range(3):
        w = np.exp(-0.5 * u[row] ** 2) * regression.weight
        design = np.vander(u[row], 3, increasing=True)
        smoother = np.linalg.solve((design.T * w) @ design, design.T * w)[0]
        assert fit.centre[row] == pytest.approx(smoother @ y, rel=1e-9)
        assert fit.covariance[row, row] == pytest.approx(np.sum((smoother * noise) ** 2), rel=1e-9)
    alone = CurveNoise(regression, y, noise).at(x)
    np.testing.assert_allclose(np.diag(alone.covariance), np.diag(fit.covariance), rtol=1e-12)


def test_clusters_add_up_before_they_are_squared(rng, regression):
    y, noise, cluster = rng.normal(size=400), rng.normal(size=400), np.arange(400) % 25
    x = np.array([[0.0], [0.4]])
    fit = CurveNoise(regression, y, noise, cluster).at(x, joint=True)
    _, blocks = regression.influence(x)
    influence = np.concatenate([part for _, part in blocks], axis=1)
    totals = np.stack([(influence * noise)[:, cluster == c].sum(axis=1) for c in range(25)])
    size = np.stack([np.abs(influence)[:, cluster == c].sum(axis=1) for c in range(25)])
    effective = size.sum(axis=0) ** 2 / (size**2).sum(axis=0)
    np.testing.assert_allclose(fit.clusters, effective, rtol=1e-10)
    expected = (totals**2).sum(axis=0) * effective / (effective - 1)
    np.testing.assert_allclose(np.diag(fit.covariance), expected, rtol=1e-9)


@pytest.mark.parametrize("clustered", [False, True])
def test_condensed_data_give_the_same_errors(rng, regression, clustered):
    y, noise = rng.normal(size=400), rng.normal(size=400)
    cluster = np.arange(400) // 20 if clustered else None
    points = regression.points
    pilot = PilotNoise(
        np.column_stack([np.ones(400), points[:, 0]]), regression.weight, noise,
        lambda x: 0.2 * np.column_stack([np.ones(len(x)), x[:, 0]]),
    )  # fmt: skip
    source = CurveNoise(regression, y, noise, cluster, own_pilot=pilot)
    nodes = Nodes.around(points, np.array([0.5]), np.array([0.5 / 24]), 8192)
    x = np.linspace(-1, 1, 7)[:, None]
    direct, condensed = source.at(x), source.condensed(nodes).at(x)
    se = np.sqrt(np.diag(direct.covariance))
    assert np.max(np.abs(direct.centre - condensed.centre) / se) < 0.01
    np.testing.assert_allclose(np.sqrt(np.diag(condensed.covariance)), se, rtol=0.01)


def test_the_pilots_noise_moves_the_curve_with_its_own_points(rng, regression):
    noise = rng.normal(size=400)
    design = np.ones((400, 1))
    pilot = PilotNoise(design, regression.weight, noise, lambda x: np.ones((len(x), 1)))
    x = np.array([[0.1]])
    fit = CurveNoise(regression, noise, noise, own_pilot=pilot).at(x)
    _, blocks = regression.influence(x)
    influence = np.concatenate([part for _, part in blocks], axis=1)[0]
    left = influence - regression.weight / regression.weight.sum()
    assert fit.covariance[0, 0] == pytest.approx(np.sum((left * noise) ** 2), rel=1e-9)
    apart = CurveNoise(regression, noise, noise, other_pilot=pilot).at(x)
    own = np.sum((influence * noise) ** 2)
    mean = np.sum((regression.weight * noise) ** 2) / regression.weight.sum() ** 2
    assert apart.covariance[0, 0] == pytest.approx(own + mean, rel=1e-9)


@pytest.mark.parametrize("k", [1, 5, 40])
def test_the_quantile_of_independent_errors_is_sidaks(k):
    expected = stats.norm.ppf((1 + 0.95 ** (1 / k)) / 2)
    found = simultaneous_quantile(np.diag(np.arange(1.0, k + 1)), 0.05, 3)
    # 20,000 draws: the quantile's standard error is below .02.
    assert found == pytest.approx(expected, abs=0.05)


def test_equal_errors_need_no_more_than_one_and_few_clusters_need_a_t_law():
    same = np.full((10, 10), 2.0)
    assert simultaneous_quantile(same, 0.05, 0) == pytest.approx(1.96, abs=0.03)
    few = simultaneous_quantile(same, 0.05, 0, df=8)
    assert few == pytest.approx(stats.t.ppf(0.975, 8), abs=0.08)


@pytest.fixture(scope="module")
def path():
    rng = np.random.default_rng(11)
    x = np.zeros(3001)
    for k in range(3000):
        x[k + 1] = x[k] + (x[k] - x[k] ** 3) * 0.05 + 0.16 * rng.standard_normal()
    return x[:, None]


@pytest.mark.parametrize("which", ["get_drift", "get_covariance"])
def test_a_band_is_wider_than_intervals_and_the_same_for_the_same_seed(path, which, tmp_path):
    results = KernelSDE(bandwidth=0.3).fit(path, dt=0.05).results_
    states = np.concatenate([np.linspace(-1, 1, 15), [30.0]])[:, None]
    curve = getattr(results, which)(states)
    band, interval = curve.simultaneous_band(), curve.conf_int()
    known = np.isfinite(curve.se)
    assert known.sum() == 15
    assert np.isnan(band[15]).all()
    width = (band[..., 1] - band[..., 0])[known] / (interval[..., 1] - interval[..., 0])[known]
    assert np.all((width > 1.2) & (width < 2))
    np.testing.assert_allclose(width, width[0], rtol=1e-10)
    np.testing.assert_array_equal(band, curve.simultaneous_band(random_state=0))
    results.save(tmp_path / "k.stx")
    again = getattr(load(tmp_path / "k.stx"), which)(states)
    np.testing.assert_allclose(again.simultaneous_band(), band, rtol=1e-9)


def test_two_coordinates_share_the_level_of_a_band():
    rng = np.random.default_rng(2)
    x = np.zeros((1501, 2))
    for k in range(1500):
        x[k + 1] = 0.95 * x[k] + 0.2 * rng.standard_normal(2)
    curve = KernelSDE(bandwidth=0.8).fit(x, dt=0.05).results_.get_covariance(np.zeros((1, 2)))
    band = curve.simultaneous_band()[0]
    assert band.shape == (2, 2, 2)
    half = (band[..., 1] - band[..., 0]) / 2
    # One state and four entries: Bonferroni.
    np.testing.assert_allclose(half / curve.se[0], stats.norm.ppf(1 - 0.0125 / 2), rtol=0.03)


def test_an_estimate_without_joint_errors_offers_no_band(path):
    curve = GaussianProcessSDE().fit(path, dt=0.05).results_.get_drift([[0.0]])
    with pytest.raises(InputError, match="joint law"):
        curve.simultaneous_band()
