"""Derived quantities against closed forms, and what has no interval says why."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

import stochtext as st
from stochtext._shared.exceptions import InputError
from stochtext.estimators import GaussianProcessSDE, JumpDiffusionSDE, KramersMoyalSDE
from stochtext.processes import Support, stationary_law
from stochtext.results.inference.derived.speed_measure import SpeedMeasure
from stochtext.results.inference.derived.spread import Spread

SIDE = Support.from_states(np.array([[-2.0], [2.0]]))
FEW = {"n_draws": 100}


@pytest.fixture(scope="module")
def wells():
    panel = st.simulate(
        st.DoubleWell(1.0, 1.0, 0.7), 1.0, dt=0.1, n_steps=3000, n_substeps=5, random_state=5
    )
    return panel, st.ParametricSDE(st.DoubleWell(), density="shoji_ozaki").fit(panel).results_


@pytest.fixture(scope="module")
def linear():
    panel = st.simulate(
        st.OrnsteinUhlenbeck(1.0, 0.5, 1.0), 0.5, dt=0.1, n_steps=100, n_paths=20,
        scheme="exact", random_state=2,
    )  # fmt: skip
    return st.LinearSDE().fit(panel).results_


@pytest.mark.parametrize(
    "process",
    [
        st.OrnsteinUhlenbeck(1.0, 0.5, 0.8),
        st.DoubleWell(1.0, 1.0, 0.7),
        st.CoxIngersollRoss(1.0, 1.5, 0.6),
    ],
    ids=lambda process: type(process).__name__,
)
def test_speed_measure_gives_the_stationary_law_of_the_process(process):
    x = np.array([0.4, 0.9, 1.7])
    support = Support.from_states(np.array([[0.3], [2.5]]))
    expected = stationary_law(process).log_density(x)
    # Linear interpolation of the exponent on 4001 nodes.
    np.testing.assert_allclose(SpeedMeasure(process, support).log_density(x), expected, atol=2e-4)


def test_a_process_that_does_not_return_has_no_stationary_law():
    law = SpeedMeasure(st.processes.BrownianMotion(0.0, 1.0), SIDE)
    assert not law.integrable
    assert "does not return" in law.reason
    assert np.isnan(law.log_density(np.zeros(1))).all()


def test_mean_passage_of_brownian_motion_with_drift_is_distance_over_drift():
    law = SpeedMeasure(st.processes.BrownianMotion(0.5, 1.0), SIDE)
    assert law.mean_passage(0.0, 1.0) == pytest.approx(2.0, rel=1e-3)
    assert np.isnan(law.mean_passage(0.0, -1.0))


def test_mean_exit_of_brownian_motion_is_the_product_of_the_distances():
    law = SpeedMeasure(st.processes.BrownianMotion(0.0, 1.0), SIDE)
    assert law.mean_exit(0.25, -1.0, 1.0) == pytest.approx(0.75 * 1.25, rel=1e-5)


@pytest.mark.parametrize(("start", "target"), [(0.0, 1.0), (-0.5, 0.7), (1.0, 0.0)])
def test_mean_passage_of_an_ou_process_is_siegerts_integral(start, target):
    law = SpeedMeasure(st.OrnsteinUhlenbeck(1.0, 0.0, np.sqrt(2.0)), SIDE)
    a, b = (start, target) if target > start else (-start, -target)

    def integrand(y):
        return np.sqrt(2 * np.pi) * np.exp(y**2 / 2) * stats.norm.cdf(y)

    assert law.mean_passage(start, target) == pytest.approx(
        integrate.quad(integrand, a, b)[0], rel=1e-5
    )


def test_fixed_points_of_a_double_well_are_the_roots_of_its_drift(wells):
    _, results = wells
    table = results.fixed_points(**FEW)
    frame = table.to_frame()
    root = np.sqrt(results.params["alpha"] / results.params["beta"])
    np.testing.assert_allclose(frame["position"], [-root, 0.0, root], atol=1e-9)
    assert frame["stability"].tolist() == ["stable node", "unstable node", "stable node"]
    np.testing.assert_allclose(frame["rate"].iloc[[0, 2]], 2 * results.params["alpha"], rtol=1e-5)
    assert frame["reason"].tolist() == ["", "the form of the model holds it there", ""]
    # The delta method: d root = root (d alpha / alpha - d beta / beta) / 2.
    place = results.cov_params().loc[["alpha", "beta"], ["alpha", "beta"]].to_numpy()
    gradient = root / 2 * np.array([1 / results.params["alpha"], -1 / results.params["beta"]])
    se = np.sqrt(gradient @ place @ gradient)
    # A standard deviation of 100 draws has a relative error of 7 %.
    assert frame["se"].iloc[2] == pytest.approx(se, rel=0.3)
    assert "draws from the normal law" in repr(table)


def test_barrier_of_a_double_well_is_alpha_squared_over_four_beta(wells):
    _, results = wells
    alpha, beta, sigma = (results.params[k] for k in ("alpha", "beta", "sigma"))
    frame = results.barrier_heights(**FEW).to_frame()
    np.testing.assert_allclose(frame["height"], alpha**2 / (4 * beta), rtol=1e-9)
    assert np.all((frame["lower"] < frame["height"]) & (frame["height"] < frame["upper"]))
    effective = results.barrier_heights(kind="effective", **FEW).to_frame()
    np.testing.assert_allclose(effective["height"], alpha**2 / (2 * beta * sigma**2), rtol=1e-9)


def test_potential_is_minus_the_integral_of_the_drift(wells):
    _, results = wells
    x = np.array([-1.0, 0.0, 1.3])
    frame = results.potential(x[:, None], **FEW).to_frame()
    alpha, beta = results.params["alpha"], results.params["beta"]
    zero = float(results.support.center[0])

    def of(y):
        return -alpha * y**2 / 2 + beta * y**4 / 4

    np.testing.assert_allclose(frame["potential"], of(x) - of(zero), rtol=1e-10)


def test_stationary_density_of_a_linear_fit_is_normal(linear):
    x = np.array([0.0, 0.5, 1.5])
    frame = linear.stationary_density(x[:, None], **FEW).to_frame()
    law = linear.stationary_law()["estimate"]
    expected = stats.norm.pdf(x, law["mean[x0]"], np.sqrt(law["covariance[x0,x0]"]))
    np.testing.assert_allclose(frame["density"], expected, rtol=1e-4)
    assert np.all((frame["lower"] < expected) & (expected < frame["upper"]))


def test_in_two_coordinates_linear_fits_have_a_density_and_a_fixed_point():
    process = st.OrnsteinUhlenbeck(
        np.array([[1.0, 0.8], [-0.8, 1.0]]), np.array([0.2, -0.1]), 0.6 * np.eye(2)
    )
    panel = st.simulate(process, [0.2, -0.1], dt=0.1, n_steps=60, n_paths=20, random_state=0)
    results = st.LinearSDE().fit(panel).results_
    points = results.fixed_points(**FEW).to_frame()
    np.testing.assert_allclose(points["position"], results.process.params["mu"], atol=1e-8)
    assert set(points["stability"]) == {"stable focus"}
    errors = np.sqrt(np.diag(results.cov_params()))[4:6]
    np.testing.assert_allclose(points["se"], errors, rtol=0.3)
    at = np.array([[0.0, 0.3]])
    expected = stats.multivariate_normal.pdf(
        at, results.process.params["mu"], results.process.stationary_covariance()
    )
    density = results.stationary_density(at, **FEW).to_frame()
    assert density["density"].iloc[0] == pytest.approx(expected, rel=1e-9)
    times = results.mean_first_passage([[0.2, -0.1]], 0.8, n_paths=400, **FEW).to_frame()
    row = times.iloc[0]
    assert row["simulation_se"] > 0
    assert row["lower"] < row["time"] < row["upper"] or row["reason"]
    with pytest.raises(InputError, match="one coordinate"):
        results.barrier_heights(**FEW)


def test_a_bootstrap_can_stand_for_the_law_of_the_estimates(linear):
    refits = linear.bootstrap("trajectory", n_boot=100, random_state=0)
    frame = linear.mean_first_passage([[0.0]], 1.0, bootstrap=refits).to_frame()
    draws = linear.mean_first_passage([[0.0]], 1.0, **FEW).to_frame()
    assert frame["time"].iloc[0] == draws["time"].iloc[0]
    assert frame["se"].iloc[0] == pytest.approx(draws["se"].iloc[0], rel=0.6)
    with pytest.raises(InputError, match="results.bootstrap"):
        st.KernelSDE(bandwidth=0.5).fit(
            st.datasets.load_ornstein_uhlenbeck(random_state=0)
        ).results_.fixed_points(bootstrap=refits)


def test_curves_have_derived_intervals_from_draws_of_the_curves(wells):
    panel, _ = wells
    for estimator in (st.KernelSDE(bandwidth=0.4), KramersMoyalSDE(bins=10)):
        results = estimator.fit(panel).results_
        frame = results.barrier_heights(**FEW).to_frame()
        assert len(frame) == 2
        assert np.all(frame["lower"] < frame["upper"])
        # The truth is 1/4, the error of such a fit about 0.06.
        assert np.all((frame["lower"] < 0.45) & (frame["upper"] > 0.1))
        constants = results.time_constants(**FEW)
        assert len(constants) == 2
        assert np.all(constants["time_constant_lower"] < constants["time_constant_upper"])


def test_without_a_joint_law_of_the_errors_there_is_no_interval_and_a_reason(wells):
    panel, _ = wells
    results = GaussianProcessSDE().fit(panel[:1]).results_
    frame = results.fixed_points(**FEW).to_frame()
    assert frame["lower"].isna().all()
    assert frame["reason"].str.contains("not jointly").all()


def test_a_quantity_that_few_draws_have_gets_no_interval():
    spread = Spread((None,) * 100, None, "a law")
    draws = np.where(np.arange(100)[:, None] < 90, 1.0, np.nan)
    _, low, high, share = spread.interval(np.ones(1), draws, 0.05, positive=False)
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert share[0] == 0.9
    assert spread.missing(0.9) == "exists in 90 % of the draws only"


def test_tables_restore_from_a_file_with_the_same_numbers(wells, tmp_path):
    _, results = wells
    results.save(tmp_path / "fit.stx")
    again = st.load(tmp_path / "fit.stx")
    one, other = (r.fixed_points(**FEW).to_frame() for r in (results, again))
    np.testing.assert_allclose(one["lower"], other["lower"], rtol=1e-9)


@pytest.mark.parametrize(
    ("start", "target", "said"),
    [([[1.0]], 1.0, "one side"), ([[0.0], [2.0]], 1.0, "one side"),
     ([[3.0]], (0.0, 1.0), "strictly between"), ([[0.0]], "far", "could not convert"),
     ([[0.0]], (1.0, 2.0, 3.0), "two numbers")],
)  # fmt: skip
def test_bad_targets_are_refused(linear, start, target, said):
    with pytest.raises((InputError, ValueError), match=said):
        linear.mean_first_passage(start, target, **FEW)


def test_moving_processes_have_no_stationary_density():
    panel = st.datasets.load_ornstein_uhlenbeck(random_state=0)
    results = st.LinearSDE(trend="linear").fit(panel).results_
    with pytest.raises(InputError, match="depend on time"):
        results.stationary_density(**FEW)
    assert len(results.fixed_points(t=0.5, **FEW)) == 1


def test_jumps_have_neither_density_nor_passage_times(wells):
    panel, _ = wells
    results = JumpDiffusionSDE().fit(panel).results_
    with pytest.raises(InputError, match="with jumps"):
        results.stationary_density([[0.0]], **FEW)
    with pytest.raises(InputError, match="jump diffusions"):
        results.mean_first_passage([[0.0]], 1.0, **FEW)
