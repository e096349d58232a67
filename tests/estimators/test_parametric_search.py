"""The search of ParametricSDE ends at a maximum, or says where and why it does not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

import stochtext as st
from stochtext.estimators.newton import descend, polish
from stochtext.estimators.parametric.coordinates import Coordinates
from stochtext.estimators.parametric.scalar_ornstein_uhlenbeck import (
    ScalarOrnsteinUhlenbeckLikelihood,
)
from stochtext.estimators.parametric.start import spread_starts
from stochtext.estimators.sample import transition_sample
from stochtext.transitions import EulerDensity


@pytest.fixture(scope="module")
def path():
    truth = st.OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    return st.simulate(truth, 0.5, dt=0.1, n_steps=800, scheme="exact", random_state=7)


@pytest.fixture(scope="module")
def rates():
    truth = st.CoxIngersollRoss(0.8, 1.0, 0.4)
    return st.simulate(truth, 1.0, dt=0.1, n_steps=2000, scheme="exact", random_state=5)


# -- the last digits ----------------------------------------------------------------------------


def quadratic(theta):
    matrix = np.array([[2.0, 0.5], [0.5, 1.0]])
    gap = theta - [1.0, -1.0]
    return 0.5 * gap @ matrix @ gap, matrix @ gap


def test_bound_holds_a_parameter_and_the_other_moves_to_its_constrained_optimum():
    limits = np.array([[1.5, np.inf], [-np.inf, np.inf]])
    optimum = descend(quadratic, np.array([2.0, 3.0]), 1e-5, limits, 20)
    np.testing.assert_allclose(optimum.theta, [1.5, -1.25], atol=1e-9)
    assert optimum.held.tolist() == [True, False]
    assert optimum.converged
    assert optimum.hessian[1, 1] == pytest.approx(1.0, rel=1e-8)
    assert np.isnan(optimum.hessian[0]).all()


def test_bound_that_pushes_inward_holds_nothing():
    limits = np.array([[-5.0, 5.0], [-5.0, 5.0]])
    optimum = polish(quadratic, np.array([1.0001, -0.9999]), limits=limits)
    assert not optimum.held.any()
    np.testing.assert_allclose(optimum.theta, [1.0, -1.0], atol=1e-12)


def test_descent_leaves_a_hill_for_a_valley():
    def hill(theta):
        return float(np.cos(theta).sum()), -np.sin(theta)

    found = descend(hill, np.array([0.1]), 1e-5, np.array([[-np.inf, np.inf]]), 20)
    assert abs(found.theta[0]) == pytest.approx(np.pi, abs=1e-9)
    assert found.converged


def test_descent_refuses_a_function_without_a_minimum():
    def slide(theta):
        return float(-np.cosh(theta).sum()), -np.sinh(theta)

    assert descend(slide, np.array([0.1]), 1e-5, np.array([[-np.inf, np.inf]]), 20) is None


# -- the scalar likelihood ----------------------------------------------------------------------


@pytest.mark.parametrize("theta", [[1.0, 5.0, 0.3], [-0.2, 4.0, 0.5], [1e-7, 5.0, 0.3]])
def test_scalar_likelihood_is_the_sum_of_gaussian_steps(theta):
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.05, 0.3, 120))
    x = 5.0 + 0.1 * rng.standard_normal(120).cumsum()
    sample = transition_sample(st.Trajectories(x[:, None], times), weight=np.array([2.0]))
    own = ScalarOrnsteinUhlenbeckLikelihood(sample)
    theta = np.array(theta)
    value, gradient = own.value_and_gradient(theta)
    density = st.transitions.ExactDensity().log_density(
        st.OrnsteinUhlenbeck(*theta), sample.x, sample.x_next, sample.t, sample.dt
    )
    np.testing.assert_allclose(own.log_density(theta), density, rtol=1e-9)
    assert value == pytest.approx(-2 * density.sum(), rel=1e-11)
    np.testing.assert_allclose(-own.scores(theta).sum(axis=0), gradient, rtol=1e-7)
    numeric = optimize.approx_fprime(theta, lambda v: own.value_and_gradient(v)[0], 1e-7)
    np.testing.assert_allclose(gradient, numeric, rtol=2e-3, atol=1e-4)


def test_scalar_likelihood_is_infinite_without_noise():
    sample = transition_sample(st.Trajectories(np.arange(5.0)[:, None] ** 2))
    value, gradient = ScalarOrnsteinUhlenbeckLikelihood(sample).value_and_gradient(np.zeros(3))
    assert value == np.inf
    assert np.isnan(gradient).all()


# -- starts and methods ---------------------------------------------------------------------------


def test_first_start_is_the_guess_and_all_lie_within_the_bounds():
    centre, scale = np.array([1.0, -2.0, 0.5]), np.array([1.0, 2.0, 0.5])
    limits = np.array([[0.0, np.inf], [-np.inf, np.inf], [0.2, 0.8]])
    starts = spread_starts(centre, scale, limits, 50, 3)
    np.testing.assert_array_equal(starts[0], centre)
    rest = np.array(starts[1:])
    assert (rest[:, 0] > 0).all()
    assert ((rest[:, 2] > 0.2) & (rest[:, 2] < 0.8)).all()
    assert rest.std(axis=0).min() > 0.1
    np.testing.assert_array_equal(starts[7], spread_starts(centre, scale, limits, 8, 3)[7])


@pytest.mark.parametrize("method", ["l-bfgs-b", "trust"])
def test_search_from_far_away_reaches_the_same_optimum(rates, method):
    near = st.ParametricSDE(st.CoxIngersollRoss(), "euler").fit(rates).results_
    far = st.ParametricSDE(st.CoxIngersollRoss(9.0, 8.0, 4.0), "euler", method=method).fit(rates)
    np.testing.assert_allclose(far.results_.params, near.params, rtol=1e-7)
    np.testing.assert_allclose(far.results_.bse, near.bse, rtol=1e-5)
    assert far.results_.converged


def test_every_search_is_kept_the_best_first(path):
    estimator = st.ParametricSDE(st.OrnsteinUhlenbeck(), n_starts=4, random_state=0)
    optima = estimator.fit(path).results_.optima
    assert len(optima) == 4
    assert optima["llf"].is_monotonic_decreasing
    assert {"kappa", "mu", "sigma", "llf", "converged", "iterations"} <= set(optima.columns)


def test_distinct_optima_of_equal_likelihood_warn_and_are_listed(path):
    # The square of a and its negative give the same drift.
    family = st.SDE(
        lambda t, x, a: a * a * (0.5 - x), lambda t, x, sigma: sigma,
        params={"a": 1.0, "sigma": 0.5}, bounds={"a": (-3.0, 3.0), "sigma": (0.0, np.inf)},
    )  # fmt: skip
    estimator = st.ParametricSDE(family, "euler", n_starts=8, random_state=0)
    with pytest.warns(st.ConvergenceWarning, match="2 distinct optima are nearly as likely"):
        optima = estimator.fit(path).results_.optima
    ends = optima["a"][optima["converged"] & (optima["llf"] > optima["llf"].max() - 1e-6)]
    assert ends.min() == pytest.approx(-ends.max(), rel=1e-5)


def test_coordinates_without_bounds_invert_and_differentiate():
    box = np.array([[0.0, np.inf], [-np.inf, 2.0], [-1.0, 3.0], [-np.inf, np.inf]])
    theta = np.array([0.3, 1.5, 0.5, -4.0])
    own = Coordinates(box, theta)
    z = own.from_parameters(theta)
    back, slope = own.to_parameters(z)
    np.testing.assert_allclose(back, theta, rtol=1e-12)
    moved, _ = own.to_parameters(z + 1e-6)
    np.testing.assert_allclose((moved - back) / 1e-6, slope, rtol=1e-5)
    assert own.snapped(np.array([1e-9, 2.0, -1.0 + 1e-9, 0.0]))[[0, 2]].tolist() == [0.0, -1.0]


# -- bounds, flat likelihoods, no convergence -----------------------------------------------------


def test_parameter_on_a_bound_is_held_in_the_errors_of_the_others(path):
    bounded = st.ParametricSDE(st.OrnsteinUhlenbeck(), bounds={"kappa": (2.5, 5.0)}).fit(path)
    fixed = st.ParametricSDE(st.OrnsteinUhlenbeck(2.5), fixed="kappa").fit(path).results_
    own = bounded.results_
    assert own.converged
    assert np.isnan(own.bse["kappa"])
    np.testing.assert_allclose(own.params, fixed.params, rtol=1e-6)
    np.testing.assert_allclose(own.bse[["mu", "sigma"]], fixed.bse[["mu", "sigma"]], rtol=1e-4)
    assert "lies on its bound 2.5: it has no standard error" in own.summary().as_text()
    assert np.isfinite(own.wald_test("mu = 0").pvalue)
    assert np.isnan(own.wald_test("kappa = 3").pvalue)
    assert np.isfinite(own.get_drift([[0.5]]).se).all()
    lower, upper = own.conf_int(method="profile").loc["kappa"]
    assert lower == 2.5
    assert upper > 2.5


def test_elasticity_at_the_end_of_its_interval_is_put_there():
    panel = st.simulate(
        st.OrnsteinUhlenbeck(1.0, 5.0, 0.2), 5.0, dt=0.1, n_steps=400, scheme="exact",
        random_state=0,
    )  # fmt: skip
    results = st.ParametricSDE(st.CKLS(), "euler").fit(panel).results_
    constant = st.ParametricSDE(st.OrnsteinUhlenbeck(), "euler").fit(panel).results_
    assert results.converged
    assert results.params["gamma"] == 0.0
    assert np.isnan(results.bse["gamma"])
    assert results.llf == pytest.approx(constant.llf, rel=1e-10)
    assert results.params["sigma"] == pytest.approx(constant.params["sigma"], rel=1e-5)
    assert results.bse["sigma"] == pytest.approx(constant.bse["sigma"], rel=1e-3)


def test_parameters_that_enter_as_a_sum_are_reported_with_the_direction(path):
    family = st.SDE(
        lambda t, x, a, b, mu: (a + b) * (mu - x), lambda t, x, sigma: sigma,
        params={"a": 0.5, "b": 0.5, "mu": 0.5, "sigma": 0.5},
    )  # fmt: skip
    results = st.ParametricSDE(family, "euler").fit(path).results_
    one = st.ParametricSDE(st.OrnsteinUhlenbeck(), "euler").fit(path).results_
    assert results.llf == pytest.approx(one.llf, abs=1e-6)
    assert results.params[["a", "b"]].sum() == pytest.approx(one.params["kappa"], rel=1e-5)
    assert results.bse.isna().all()
    text = results.summary().as_text()
    assert "flat along" in text
    assert "in a, " in text
    assert "in b: the data do not identify" in text


def test_parameter_that_enters_nowhere_is_named(path):
    family = st.SDE(
        lambda t, x, kappa, idle: kappa * (0.5 - x) + 0.0 * idle, lambda t, x, sigma: sigma,
        params={"kappa": 1.0, "idle": 2.0, "sigma": 0.5},
    )  # fmt: skip
    results = st.ParametricSDE(family, "euler").fit(path).results_
    assert results.bse.isna().all()
    assert "flat along +1 in idle" in results.summary().as_text()


def test_search_cut_short_is_not_converged_and_warns(rates):
    family = st.CoxIngersollRoss(9.0, 8.0, 4.0)
    with pytest.warns(st.ConvergenceWarning, match="scaled gradient"):
        results = st.ParametricSDE(family, "euler", max_iter=1).fit(rates).results_
    assert not results.converged
    assert results.bse.isna().all()
    assert "The optimiser did not converge." in results.summary().as_text()


# -- every transition counts ---------------------------------------------------------------------


def test_state_outside_the_domain_is_named():
    x = np.abs(np.random.default_rng(0).standard_normal((12, 1))) + 0.5
    y = x.copy()
    y[7] = -0.25
    with pytest.raises(st.InputError, match=r"Trajectory 1, row 7, column 'x0': .* -0.25 .*domain"):
        st.ParametricSDE(st.CoxIngersollRoss(), "euler").fit([x, y], dt=0.1)


def test_transition_without_density_at_the_start_is_named(path):
    """Sim.DiffProc drops such terms and reports confident, wrong estimates."""
    for family in (st.OrnsteinUhlenbeck(1.0, 0.5, 0.6), st.OrnsteinUhlenbeck()):
        with pytest.raises(st.ConvergenceError, match=r"that from row \d+ of trajectory 0"):
            st.ParametricSDE(family, "ozaki").fit(path)


def test_guess_without_density_is_replaced_by_the_euler_estimate():
    # Elerian's density ends at x (1 - 1 / (2 gamma)) on one side.
    truth = st.CKLS(2.0, -0.26, 0.13, 1.45)
    path = st.simulate(truth, 7.0, dt=1 / 12, n_steps=300, n_substeps=20, random_state=3)
    results = st.ParametricSDE(st.CKLS(), "elerian").fit(path).results_
    assert results.converged
    assert np.isfinite(results.llf)


def test_estimates_minimise_the_euler_criterion_and_not_one_with_a_misplaced_parenthesis(path):
    """sde::sdeAIC minimises log(sigma + r^2 / (2 dt sigma^2)), whose minimum lies elsewhere."""
    s = path.transitions()
    x, change = s.x[:, 0], (s.x_next - s.x)[:, 0]

    def criterion(theta, misplaced):
        kappa, mu, sigma = theta
        scaled = (change - kappa * (mu - x) * 0.1) ** 2 / (2 * 0.1 * sigma**2)
        terms = np.log(sigma + scaled) if misplaced else np.log(sigma) + scaled
        return terms.sum()

    right, wrong = (
        optimize.minimize(criterion, [1.0, 0.5, 0.6], (flag,), "Nelder-Mead",
                          options={"xatol": 1e-9, "fatol": 1e-9, "maxiter": 4000}).x
        for flag in (False, True)
    )  # fmt: skip
    results = st.ParametricSDE(st.OrnsteinUhlenbeck(), "euler").fit(path).results_
    np.testing.assert_allclose(results.params, right, rtol=1e-4)
    assert np.abs(wrong / right - 1).max() > 0.01
    assert results.aic == pytest.approx(-2 * results.llf + 2 * 3, rel=1e-14)


# -- two steps -------------------------------------------------------------------------------------


def test_two_steps_are_the_quadratic_variation_and_then_least_squares(rates):
    """The default of yuima::qmle; here it has to be asked for and is named."""
    results = st.ParametricSDE(st.CoxIngersollRoss(), "euler", two_step=True).fit(rates).results_
    joint = st.ParametricSDE(st.CoxIngersollRoss(), "euler").fit(rates).results_
    s = rates.transitions()
    sigma = np.sqrt(np.mean((s.x_next - s.x) ** 2 / (s.x * 0.1)))
    assert results.params["sigma"] == pytest.approx(sigma, rel=1e-7)
    # Given any constant factor the weighted least squares of the drift are the same.
    np.testing.assert_allclose(
        results.params[["kappa", "mu"]], joint.params[["kappa", "mu"]], rtol=1e-7
    )
    assert joint.params["sigma"] < sigma
    assert joint.llf > results.llf
    text = results.summary().as_text()
    assert "two-step" in text
    assert "Two-step estimates: the diffusion from the quadratic variation" in text
    assert "two-step" not in joint.summary().as_text()


def test_two_steps_need_parameters_apart():
    x = np.abs(np.random.default_rng(0).standard_normal((60, 1)).cumsum(axis=0)) + 1.0
    shared = st.SDE(
        lambda t, x, a: -a * x, lambda t, x, a: a, params={"a": 0.5}, bounds={"a": (0.0, 9.0)}
    )
    with pytest.raises(st.InputError, match="apart from those of the diffusion; a is in both"):
        st.ParametricSDE(shared, "euler", two_step=True).fit(x, dt=0.1)
    family = st.OrnsteinUhlenbeck(1.0, 1.0)
    with pytest.raises(st.InputError, match="none is left for the drift"):
        st.ParametricSDE(family, "euler", two_step=True, fixed=("kappa", "mu")).fit(x, dt=0.1)


# -- options ---------------------------------------------------------------------------------------


def test_density_may_be_an_object(path):
    named = st.ParametricSDE(st.OrnsteinUhlenbeck(), "euler").fit(path).results_
    given = st.ParametricSDE(st.OrnsteinUhlenbeck(), EulerDensity()).fit(path).results_
    np.testing.assert_array_equal(given.params, named.params)
    with pytest.raises(st.InputError, match=r"an instance: EulerDensity\(\)"):
        st.ParametricSDE(st.OrnsteinUhlenbeck(), EulerDensity).fit(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_starts": 0}, "`n_starts` must be an integer >= 1"),
        ({"method": "newton"}, "`method` must be one of"),
        ({"max_iter": 0}, "`max_iter`"),
    ],
)
def test_wrong_settings_are_refused(path, options, said):
    with pytest.raises(st.InputError, match=said):
        st.ParametricSDE(st.OrnsteinUhlenbeck(), **options).fit(path)
