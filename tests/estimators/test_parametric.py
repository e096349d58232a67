"""ParametricSDE maximises the likelihood it names, over the parameters it is free to move."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import stochtext as st
from stochtext.processes import TrendingOrnsteinUhlenbeck


@pytest.fixture(scope="module")
def panel():
    return st.simulate(
        st.OrnsteinUhlenbeck(1.2, 0.4, 0.6), 0.4, dt=0.2, n_steps=60, n_paths=15, n_substeps=20,
        random_state=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def wells():
    return st.simulate(
        st.DoubleWell(1.0, 1.0, 0.7), 1.0, dt=0.05, n_steps=400, n_paths=12, n_substeps=5,
        random_state=4,
    )  # fmt: skip


def autoregression(panel):
    s = panel.transitions()
    design = np.hstack([s.x, np.ones_like(s.x)])
    coefficients, *_ = np.linalg.lstsq(design, s.x_next[:, 0], rcond=None)
    return *coefficients, np.mean((s.x_next[:, 0] - design @ coefficients) ** 2)


def test_exact_ornstein_uhlenbeck_is_the_mapped_autoregression(panel):
    slope, level, variance = autoregression(panel)
    kappa = -np.log(slope) / 0.2
    sigma = np.sqrt(2 * kappa * variance / (1 - slope**2))
    results = st.ParametricSDE(st.OrnsteinUhlenbeck(), density="exact").fit(panel).results_
    np.testing.assert_allclose(results.params, [kappa, level / (1 - slope), sigma], rtol=1e-8)
    expected = -0.5 * panel.n_transitions * (np.log(2 * np.pi * variance) + 1)
    assert results.llf == pytest.approx(expected, rel=1e-10)


def test_euler_ornstein_uhlenbeck_is_the_autoregression_divided_by_dt(panel):
    slope, level, variance = autoregression(panel)
    expected = [(1 - slope) / 0.2, level / (1 - slope), np.sqrt(variance / 0.2)]
    results = st.ParametricSDE(st.OrnsteinUhlenbeck(), density="euler").fit(panel).results_
    np.testing.assert_allclose(results.params, expected, rtol=1e-6)


def test_exact_density_is_the_same_model_as_linear_sde(panel):
    own = st.ParametricSDE(st.OrnsteinUhlenbeck()).fit(panel).results_
    linear = st.LinearSDE().fit(panel).results_
    np.testing.assert_allclose(own.params, linear.params, rtol=1e-8)
    np.testing.assert_allclose(own.bse, linear.bse, rtol=1e-5)
    assert own.llf == pytest.approx(linear.llf, rel=1e-12)


def test_auto_takes_the_exact_density_where_it_is_known(panel, wells):
    assert st.ParametricSDE(st.OrnsteinUhlenbeck()).fit(panel).results_.record.density == "exact"
    well = st.ParametricSDE(st.DoubleWell()).fit(wells).results_
    assert well.record.density == "shoji_ozaki"


def least_squares_well(wells):
    s = wells.transitions()
    x, change = s.x[:, 0], s.x_next[:, 0] - s.x[:, 0]
    design = np.column_stack([x, -(x**3)]) * 0.05
    coefficients, *_ = np.linalg.lstsq(design, change, rcond=None)
    error = change - design @ coefficients
    return coefficients, error, design


def test_double_well_by_euler_is_least_squares(wells):
    coefficients, error, _ = least_squares_well(wells)
    results = st.ParametricSDE(st.DoubleWell(), density="euler").fit(wells).results_
    sigma = np.sqrt(np.mean(error**2) / 0.05)
    np.testing.assert_allclose(results.params, [*coefficients, sigma], rtol=1e-6)


def test_double_well_errors_are_those_of_least_squares(wells):
    _, error, design = least_squares_well(wells)
    variance = np.mean(error**2)
    drift = np.sqrt(np.diag(variance * np.linalg.inv(design.T @ design)))
    sigma = np.sqrt(variance / 0.05 / (2 * len(error)))
    results = st.ParametricSDE(st.DoubleWell(), "euler", cov_type="nonrobust").fit(wells).results_
    # Second derivatives are differences of differences: four digits.
    np.testing.assert_allclose(results.bse, [*drift, sigma], rtol=1e-4)


def test_start_far_away_finds_the_same_optimum(wells):
    near = st.ParametricSDE(st.DoubleWell(), "euler").fit(wells).results_
    far = st.ParametricSDE(
        st.DoubleWell(), "euler", start={"alpha": 5.0, "beta": 0.2, "sigma": 3.0}
    )
    np.testing.assert_allclose(far.fit(wells).results_.params, near.params, rtol=1e-5)


def test_values_of_the_process_are_starts_not_constraints(panel):
    given = st.ParametricSDE(st.OrnsteinUhlenbeck(3.0, 0.0, 2.0)).fit(panel).results_
    guessed = st.ParametricSDE(st.OrnsteinUhlenbeck()).fit(panel).results_
    np.testing.assert_allclose(given.params, guessed.params, rtol=1e-6)
    assert given.df_model == 3


@pytest.mark.parametrize("fixed", [("kappa",), ["kappa"], "kappa"])
def test_fixed_parameter_stays_and_is_not_counted(panel, fixed):
    results = st.ParametricSDE(st.OrnsteinUhlenbeck(2.0), fixed=fixed).fit(panel).results_
    assert results.params["kappa"] == 2.0
    assert np.isnan(results.bse["kappa"])
    assert results.free == ["mu", "sigma"]
    assert results.df_model == 2
    assert list(results.cov_params().index) == ["mu", "sigma"]
    assert "Held fixed: kappa." in results.summary().as_text()


def test_fixed_fit_is_the_maximum_over_the_others(panel):
    slope = np.exp(-2.0 * 0.2)
    s = panel.transitions()
    moved = s.x_next[:, 0] - slope * s.x[:, 0]
    mu = moved.mean() / (1 - slope)
    sigma = np.sqrt(2 * 2.0 * np.mean((moved - moved.mean()) ** 2) / (1 - slope**2))
    results = st.ParametricSDE(st.OrnsteinUhlenbeck(2.0), fixed=("kappa",)).fit(panel).results_
    np.testing.assert_allclose(results.params, [2.0, mu, sigma], rtol=1e-7)


def test_single_free_parameter_that_starts_at_zero_is_estimated(panel):
    family = st.OrnsteinUhlenbeck(1.0, 0.0, 0.6)
    results = st.ParametricSDE(family, fixed=("kappa", "sigma")).fit(panel).results_
    slope, s = np.exp(-0.2), panel.transitions()
    mu = np.mean(s.x_next - slope * s.x) / (1 - slope)
    assert results.params["mu"] == pytest.approx(mu, rel=1e-6)
    assert results.df_model == 1


def test_entries_of_a_matrix_can_be_fixed():
    truth = st.OrnsteinUhlenbeck(np.diag([1.0, 0.5]), [0.0, 0.0], 0.5 * np.eye(2))
    panel = st.simulate(truth, [0.0, 0.0], dt=0.2, n_steps=60, n_paths=12, random_state=1)
    held = ("kappa[0,1]", "kappa[1,0]", "sigma[1,0]")
    results = st.ParametricSDE(truth, fixed=held).fit(panel).results_
    assert results.process.params["kappa"][0, 1] == 0.0
    assert results.process.params["kappa"][1, 0] == 0.0
    assert results.df_model == 6
    alone = st.ParametricSDE(st.OrnsteinUhlenbeck()).fit([a[:, :1] for a in panel.arrays()], dt=0.2)
    # Without coupling the likelihood factorises, so the first coordinate stands alone.
    first = results.params[["kappa[0,0]", "mu[0]", "sigma[0,0]"]]
    np.testing.assert_allclose(first, alone.results_.params, rtol=1e-5)


@pytest.mark.parametrize("density", ["exact", "euler"])
def test_information_criteria_count_the_free_parameters(panel, density):
    for fixed, k in (((), 3), (("kappa",), 2), (("kappa", "mu"), 1)):
        family = st.OrnsteinUhlenbeck(1.0, 0.4, 0.6)
        r = st.ParametricSDE(family, density=density, fixed=fixed).fit(panel).results_
        assert r.aic == pytest.approx(-2 * r.llf + 2 * k, rel=1e-14)
        assert r.bic == pytest.approx(-2 * r.llf + np.log(r.nobs) * k, rel=1e-14)
        assert r.nobs == panel.n_transitions == 900


def test_bound_is_kept_and_the_summary_says_so(panel):
    results = st.ParametricSDE(st.OrnsteinUhlenbeck(), bounds={"kappa": (2.0, 5.0)}).fit(panel)
    results = results.results_
    assert results.params["kappa"] == pytest.approx(2.0, rel=1e-9)
    assert "The estimate of kappa lies on its bound 2" in results.summary().as_text()
    assert results.converged


def test_bound_that_does_not_bind_changes_nothing(panel):
    free = st.ParametricSDE(st.OrnsteinUhlenbeck()).fit(panel).results_
    bounded = st.ParametricSDE(st.OrnsteinUhlenbeck(), bounds={"kappa": (0.1, 9.0)}).fit(panel)
    np.testing.assert_allclose(bounded.results_.params, free.params, rtol=1e-6)
    assert "bound" not in bounded.results_.summary().as_text()


def square_root_process(**options):
    return st.SDE(
        lambda t, x, kappa, mu: kappa * (mu - x),
        lambda t, x, sigma: sigma * abs(x) ** 0.5,
        **options,
    )


def square_root_path():
    rng = np.random.default_rng(0)
    x = [1.0]
    for _ in range(3000):
        x.append(x[-1] + (1.0 - x[-1]) * 0.05 + 0.3 * np.sqrt(x[-1] * 0.05) * rng.standard_normal())
    return np.array(x)[:, None]


def test_user_written_process_is_estimated_by_weighted_least_squares():
    # The path is an Euler scheme itself, so the Euler likelihood is exact and linear.
    x = square_root_path()
    start = {"kappa": 0.5, "mu": 0.5, "sigma": 1.0}
    fit = st.ParametricSDE(square_root_process(params=start), "euler").fit(x, dt=0.05)
    x = x[:, 0]
    root = np.sqrt(x[:-1] * 0.05)
    design = np.column_stack([0.05 / root, -x[:-1] * 0.05 / root])
    (level, kappa), *_ = np.linalg.lstsq(design, np.diff(x) / root, rcond=None)
    sigma = np.sqrt(np.mean((np.diff(x) / root - design @ [level, kappa]) ** 2))
    np.testing.assert_allclose(fit.results_.params, [kappa, level / kappa, sigma], rtol=1e-5)
    gap = (fit.results_.params - [1.0, 1.0, 0.3]) / fit.results_.bse
    assert np.abs(gap).max() < 3.5


def test_user_written_process_keeps_its_own_bounds():
    family = square_root_process(
        params={"kappa": 2.0, "mu": 1.0, "sigma": 0.3}, bounds={"kappa": (1.9, 4.0)}
    )
    results = st.ParametricSDE(family).fit(square_root_path(), dt=0.05).results_
    assert results.params["kappa"] == pytest.approx(1.9, rel=1e-9)
    wider = st.ParametricSDE(family, bounds={"kappa": (0.1, 4.0)})
    assert wider.fit(square_root_path(), dt=0.05).results_.params["kappa"] < 1.5


def test_missing_starts_of_a_user_written_process_are_named(panel):
    family = square_root_process(params={"mu": 1.0})
    with pytest.raises(st.InputError, match=r"starting values for kappa, sigma.*start=\{'name'"):
        st.ParametricSDE(family).fit(panel)


def test_missing_starts_can_be_given_beside_the_process():
    family = square_root_process(params={"mu": 1.0})
    start = {"kappa": 0.5, "sigma": 1.0}
    results = st.ParametricSDE(family, start=start).fit(square_root_path(), dt=0.05).results_
    assert results.converged


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fixed": ("nu",)}, r"`fixed` names \['nu'\].*\['kappa', 'mu', 'sigma'\]"),
        ({"bounds": {"nu": (0, 1)}}, r"`bounds` names \['nu'\]"),
        ({"start": {"nu": 1.0}}, "no parameter 'nu'"),
        ({"fixed": ("kappa", "mu", "sigma")}, "holds every parameter"),
        ({"bounds": {"kappa": (2.0, 1.0)}}, r"`bounds` of kappa .* low < high"),
        ({"bounds": {"kappa": (1.0, 2.0, 3.0)}}, r"`bounds` of kappa must be \(low, high\)"),
        ({"density": "saddle"}, "`density` must be one of"),
    ],
)
def test_wrong_options_are_refused_by_name(panel, options, said):
    with pytest.raises(st.InputError, match=said):
        st.ParametricSDE(st.OrnsteinUhlenbeck(1.0, 0.4, 0.6), **options).fit(panel)


def test_exact_density_of_a_process_without_one_is_refused(wells):
    with pytest.raises(st.InputError, match="no exact transition density.*euler"):
        st.ParametricSDE(st.DoubleWell(), density="exact").fit(wells)


def test_dimension_of_the_process_must_be_that_of_the_data(panel):
    with pytest.raises(st.InputError, match="2 dimension.*data have 1"):
        st.ParametricSDE(st.OrnsteinUhlenbeck(np.eye(2), np.zeros(2), np.eye(2))).fit(panel)


def test_start_with_zero_likelihood_is_a_convergence_error(panel):
    impossible = st.OrnsteinUhlenbeck(1.0, 0.4, 1e-200)
    with pytest.raises(st.ConvergenceError, match="starting values.*`start=`"):
        st.ParametricSDE(impossible, density="euler").fit(panel)


def test_too_few_transitions_are_an_input_error():
    with pytest.raises(st.InputError, match="at least 3 transitions.*got 2"):
        st.ParametricSDE(st.OrnsteinUhlenbeck()).fit([[0.0], [0.3], [0.1]])


def test_as_many_parameters_as_transitions_warn_and_leave_nan_errors():
    x = [[0.0], [0.9], [0.2], [0.55]]
    with pytest.warns(st.SampleSizeWarning, match="3 parameters from 3 transitions"):
        results = st.ParametricSDE(st.OrnsteinUhlenbeck(), density="euler").fit(x).results_
    assert results.bse.isna().all()
    assert "3 parameters were fitted to 3 transitions" in results.summary().as_text()


def test_moving_mean_equals_linear_sde(panel):
    family = TrendingOrnsteinUhlenbeck(dim=1)
    own = st.ParametricSDE(family).fit(panel).results_
    linear = st.LinearSDE(trend="linear").fit(panel).results_
    np.testing.assert_allclose(own.params, linear.params, rtol=1e-6)
    assert own.llf == pytest.approx(linear.llf, rel=1e-11)


def test_written_and_named_process_agree(panel):
    """The same Ornstein-Uhlenbeck family, once as a user's functions, by the Euler density."""
    family = st.SDE(lambda t, x, kappa, mu: kappa * (mu - x), lambda t, x, sigma: sigma)
    start = {"kappa": 1.0, "mu": 0.4, "sigma": 0.6}
    own = st.ParametricSDE(family, "euler", start=start).fit(panel).results_
    named = st.ParametricSDE(st.OrnsteinUhlenbeck(), density="euler").fit(panel).results_
    np.testing.assert_allclose(own.params, named.params, rtol=1e-6)
    for cov_type in ("nonrobust", "robust", "hac", "cluster"):
        ours, theirs = own.cov_params(cov_type), named.cov_params(cov_type)
        np.testing.assert_allclose(np.sqrt(np.diag(ours)), np.sqrt(np.diag(theirs)), rtol=1e-4)


def test_units_of_state_and_time_only_rescale(panel):
    base = st.ParametricSDE(st.OrnsteinUhlenbeck(), density="euler").fit(panel).results_
    scaled = [100 * a for a in panel.arrays()]
    again = st.ParametricSDE(st.OrnsteinUhlenbeck(), density="euler").fit(scaled, dt=0.2 * 60)
    factor = np.array([1 / 60, 100, 100 / np.sqrt(60)])
    np.testing.assert_allclose(again.results_.params, factor * base.params, rtol=1e-5)
    np.testing.assert_allclose(again.results_.bse, factor * base.bse, rtol=1e-3)


def test_likelihood_at_the_estimate_is_the_sum_of_normal_densities(wells):
    results = st.ParametricSDE(st.DoubleWell(), "euler").fit(wells).results_
    s = wells.transitions()
    mean = s.x + results.process.drift(s.x) * 0.05
    sd = results.params["sigma"] * np.sqrt(0.05)
    expected = stats.norm.logpdf(s.x_next, mean, sd).sum()
    assert results.llf == pytest.approx(expected, rel=1e-12)


def test_a_fixed_parameter_without_a_value_is_asked_for():
    X = st.datasets.load_ornstein_uhlenbeck(random_state=0)
    with pytest.raises(st.InputError, match="`fixed` holds sigma, which has no value"):
        st.ParametricSDE(st.OrnsteinUhlenbeck(), fixed=("sigma",)).fit(X)


@pytest.mark.parametrize("given", ["ou", st.OrnsteinUhlenbeck])
def test_something_else_than_a_process_is_named(given):
    X = st.datasets.load_ornstein_uhlenbeck(random_state=0)
    with pytest.raises(st.InputError, match="`process` must be a process"):
        st.ParametricSDE(given).fit(X)
