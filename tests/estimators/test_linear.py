"""LinearSDE is the maximum of the textbook likelihood, with the errors that belong to it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import linalg, optimize, stats

import stochtext as st
from stochtext.transitions import ExactDensity


def ou_panel(lengths, seed, *, kappa=1.1, mu=0.4, sigma=0.6, regular=None, offset_sd=0.0):
    """Exact scalar Ornstein-Uhlenbeck paths from the stationary law."""
    rng = np.random.default_rng(seed)
    values, times = [], []
    for n in lengths:
        gaps = rng.uniform(0.05, 0.6, n - 1) if regular is None else np.full(n - 1, regular)
        level = mu + offset_sd * rng.standard_normal()
        x = [level + sigma / np.sqrt(2 * kappa) * rng.standard_normal()]
        for h in gaps:
            sd = sigma * np.sqrt(-np.expm1(-2 * kappa * h) / (2 * kappa))
            x.append(level + np.exp(-kappa * h) * (x[-1] - level) + sd * rng.standard_normal())
        values.append(np.array(x))
        times.append(np.concatenate([[0.0], np.cumsum(gaps)]))
    return st.Trajectories(values, times)


def textbook_densities(theta, panel):
    """Log density of every transition, from the formula for the scalar process."""
    kappa, mu, sigma = theta
    pieces = []
    for x, t in zip(panel.arrays(), panel.time_arrays(), strict=True):
        h, x = np.diff(t), x[:, 0]
        mean = mu + (x[:-1] - mu) * np.exp(-kappa * h)
        variance = sigma**2 * (1 - np.exp(-2 * kappa * h)) / (2 * kappa)
        pieces.append(stats.norm.logpdf(x[1:], mean, np.sqrt(variance)))
    return pieces


def textbook_optimum(panel):
    """Maximise the textbook likelihood with two derivative-free searches."""

    def loss(theta):
        if theta[2] <= 0:
            return np.inf
        return -sum(p.sum() for p in textbook_densities(theta, panel))

    options = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20000, "maxfev": 20000}
    theta = np.array([0.8, 0.2, 0.5])
    for _ in range(2):
        theta = optimize.minimize(loss, theta, method="Nelder-Mead", options=options).x
    return theta, loss(theta)


def central(function, theta, width):
    """Central differences of a function of theta, one per parameter on the last axis."""
    columns = []
    for k in range(len(theta)):
        unit = width * np.eye(len(theta))[k]
        columns.append((np.asarray(function(theta + unit)) - function(theta - unit)) / (2 * width))
    return np.stack(columns, axis=-1)


@pytest.fixture(scope="module")
def irregular():
    return ou_panel(np.random.default_rng(5).integers(15, 60, 16), seed=8)


@pytest.fixture(scope="module")
def fitted(irregular):
    return st.LinearSDE().fit(irregular).results_


@pytest.fixture(scope="module")
def textbook(irregular):
    return textbook_optimum(irregular)


def test_estimate_is_the_optimum_of_the_textbook_likelihood(fitted, textbook):
    theta, loss = textbook
    np.testing.assert_allclose(fitted.params, theta, rtol=1e-6)
    assert fitted.llf == pytest.approx(-loss, rel=1e-12)


def test_nonrobust_errors_are_the_inverse_numerical_hessian(irregular, fitted, textbook):
    theta, _ = textbook

    def total(v):
        return sum(p.sum() for p in textbook_densities(v, irregular))

    hessian = central(lambda v: central(total, v, 1e-4), theta, 1e-4)
    expected = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    found = np.sqrt(np.diag(fitted.cov_params("nonrobust")))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def sandwich(panel, theta, meat):
    def total(v):
        return sum(p.sum() for p in textbook_densities(v, panel))

    bread = np.linalg.inv(-central(lambda v: central(total, v, 1e-4), theta, 1e-4))
    return np.sqrt(np.diag(bread @ meat @ bread))


def test_clustered_errors_are_the_sandwich_of_trajectory_totals(irregular, fitted, textbook):
    theta, _ = textbook
    totals = central(lambda v: [p.sum() for p in textbook_densities(v, irregular)], theta, 1e-5)
    m = irregular.n_trajectories
    expected = sandwich(irregular, theta, m / (m - 1) * totals.T @ totals)
    assert fitted.cov_type == "cluster"
    np.testing.assert_allclose(fitted.bse, expected, rtol=1e-4)


def test_robust_errors_are_the_sandwich_of_transitions(irregular, fitted, textbook):
    theta, _ = textbook
    scores = central(lambda v: np.concatenate(textbook_densities(v, irregular)), theta, 1e-5)
    expected = sandwich(irregular, theta, scores.T @ scores)
    found = np.sqrt(np.diag(fitted.cov_params("robust")))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_groups_are_the_clusters(irregular, textbook):
    theta, _ = textbook
    labels = np.repeat([f"author {k}" for k in range(12)], [2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1])
    scores = central(lambda v: [p.sum() for p in textbook_densities(v, irregular)], theta, 1e-5)
    totals = np.stack([scores[labels == label].sum(axis=0) for label in dict.fromkeys(labels)])
    results = st.LinearSDE().fit(irregular, groups=labels).results_
    expected = sandwich(irregular, theta, 12 / 11 * totals.T @ totals)
    np.testing.assert_allclose(results.bse, expected, rtol=1e-4)
    assert results.df_resid == 11.0


def test_hac_errors_are_newey_west_within_trajectories(irregular, textbook):
    theta, _ = textbook
    pieces = [
        central(lambda v, k=k: textbook_densities(v, irregular)[k], theta, 1e-5)
        for k in range(irregular.n_trajectories)
    ]
    lags = int(4 * (max(map(len, pieces)) / 100) ** (2 / 9))
    meat = sum(s.T @ s for s in pieces)
    for lag in range(1, lags + 1):
        cross = sum(s[lag:].T @ s[:-lag] for s in pieces)
        meat = meat + (1 - lag / (lags + 1)) * (cross + cross.T)
    results = st.LinearSDE(cov_type="hac").fit(irregular).results_
    assert lags > 1
    np.testing.assert_allclose(results.bse, sandwich(irregular, theta, meat), rtol=1e-4)


def test_likelihood_is_the_sum_of_the_fitted_process_own_densities(irregular):
    fit = st.LinearSDE().fit(irregular)
    s = irregular.transitions()
    density = ExactDensity().log_density(fit.process_, s.x, s.x_next, s.t, s.dt)
    assert fit.results_.llf == pytest.approx(density.sum(), rel=1e-12)
    assert fit.score(irregular) * s.dt.size == pytest.approx(density.sum(), rel=1e-12)


def test_regular_steps_give_the_first_order_autoregression():
    panel = ou_panel([80] * 12, seed=2, regular=0.25)
    s = panel.transitions()
    design = np.hstack([s.x, np.ones_like(s.x)])
    (slope, level), *_ = np.linalg.lstsq(design, s.x_next[:, 0], rcond=None)
    kappa = -np.log(slope) / 0.25
    variance = np.mean((s.x_next[:, 0] - design @ [slope, level]) ** 2)
    sigma = np.sqrt(variance * 2 * kappa / (1 - slope**2))
    found = st.LinearSDE().fit(panel).results_.params
    np.testing.assert_allclose(found, [kappa, level / (1 - slope), sigma], rtol=1e-8)


@pytest.fixture(scope="module")
def planar():
    truth = st.OrnsteinUhlenbeck([[1.0, 0.6], [-0.4, 0.8]], [0.3, -0.5], [[0.5, 0.0], [0.2, 0.4]])
    panel = st.simulate(
        truth, [0.3, -0.5], dt=0.2, n_steps=120, n_paths=40, n_substeps=20, random_state=3
    )
    return truth, panel, st.LinearSDE().fit(panel)


def test_regular_steps_in_the_plane_give_the_vector_autoregression(planar):
    _, panel, fit = planar
    s = panel.transitions()
    design = np.hstack([s.x, np.ones((len(s.x), 1))])
    coefficients, *_ = np.linalg.lstsq(design, s.x_next, rcond=None)
    phi = coefficients[:2].T
    error = s.x_next - design @ coefficients
    kappa = -linalg.logm(phi) / 0.2
    mu = np.linalg.solve(np.eye(2) - phi, coefficients[2])
    covariance = error.T @ error / len(error)
    stationary = linalg.solve_discrete_lyapunov(phi, covariance)
    rate = kappa @ stationary + stationary @ kappa.T
    np.testing.assert_allclose(fit.process_.params["kappa"], kappa, rtol=1e-6)
    np.testing.assert_allclose(fit.process_.params["mu"], mu, rtol=1e-6)
    np.testing.assert_allclose(fit.predict_covariance([[0.0, 0.0]])[0], rate, rtol=1e-6)


def test_planar_truth_is_within_the_stated_errors(planar):
    truth, _, fit = planar
    results = fit.results_
    gap = (results.params - truth.to_vector()) / results.bse
    # Nine numbers, Euler substeps of 0.01: 3.5 errors are exceeded once in 250 such tests.
    assert np.abs(gap).max() < 3.5
    assert results.bse.max() < 0.15


@pytest.mark.parametrize("clock", ["relative", "time"])
def test_moving_mean_recovers_the_truth_on_unequal_lengths(clock):
    from stochtext.processes import TrendingOrnsteinUhlenbeck

    slope = [0.8, -1.5] if clock == "relative" else [0.08, -0.15]
    trend = np.array([[0.2, 1.0], slope])
    truth = TrendingOrnsteinUhlenbeck(np.diag([1.5, 0.9]), trend, 0.3 * np.eye(2), clock=clock)
    paths = [
        st.simulate(truth, [0.2, 1.0], dt=0.1, n_steps=n, n_substeps=10, random_state=n)
        for n in range(60, 140, 2)
    ]
    panel = st.Trajectories.concat([p.with_ids([k]) for k, p in enumerate(paths)])
    fit = st.LinearSDE(trend="linear", clock=clock).fit(panel)
    gap = (fit.results_.params - truth.to_vector()) / fit.results_.bse
    assert fit.process_.clock == clock
    assert np.abs(gap).max() < 3.5


def test_moving_mean_on_the_relative_clock_follows_the_position_not_the_time():
    short = ou_panel([60] * 12, seed=1, regular=0.1)
    moved = [a + np.linspace(0, 2, len(a))[:, None] for a in short.arrays()]
    slow, fast = (st.LinearSDE(trend="linear").fit(moved, dt=dt).results_ for dt in (1.0, 0.01))
    np.testing.assert_allclose(slow.params["trend[0,0]"], fast.params["trend[0,0]"], rtol=1e-6)
    np.testing.assert_allclose(slow.params["trend[1,0]"], fast.params["trend[1,0]"], rtol=1e-6)
    np.testing.assert_allclose(slow.params["kappa"], 0.01 * fast.params["kappa"], rtol=1e-6)


def test_order_of_trajectories_does_not_matter(irregular, fitted):
    shuffled = irregular[np.random.default_rng(0).permutation(irregular.n_trajectories)]
    again = st.LinearSDE().fit(shuffled).results_
    np.testing.assert_allclose(again.params, fitted.params, rtol=1e-9)
    np.testing.assert_allclose(again.bse, fitted.bse, rtol=1e-6)


@pytest.mark.parametrize(("size", "unit"), [(100.0, 1.0), (1.0, 60.0), (1e-6, 3600.0)])
def test_units_of_state_and_time_only_rescale(irregular, fitted, size, unit):
    values = [size * a for a in irregular.arrays()]
    again = st.LinearSDE().fit(values, times=[unit * t for t in irregular.time_arrays()]).results_
    factor = np.array([1 / unit, size, size / np.sqrt(unit)])
    np.testing.assert_allclose(again.params, factor * fitted.params, rtol=1e-8)
    # Second derivatives are differences of gradients: five digits.
    np.testing.assert_allclose(again.bse, factor * fitted.bse, rtol=1e-5)
    jacobian = irregular.n_transitions * np.log(size)
    assert again.llf == pytest.approx(fitted.llf - jacobian, rel=1e-9)


@pytest.mark.parametrize("offset", [1e2, 1e6])
def test_origin_of_the_states_only_shifts_the_mean(irregular, fitted, offset):
    again = st.LinearSDE().fit(irregular.with_values(irregular.values + offset)).results_
    # Adding the offset rounds the data to 1e-16 of it.
    np.testing.assert_allclose(again.params - [0, offset, 0], fitted.params, rtol=1e-6)
    np.testing.assert_allclose(again.bse, fitted.bse, rtol=1e-4)
    assert again.llf == pytest.approx(fitted.llf, rel=1e-6)


def test_clustered_interval_covers_the_mean_although_documents_differ():
    covered, n = 0, 200
    rng = np.random.default_rng(17)
    for _ in range(n):
        # 20 documents of 30 steps, each around a level of its own.
        level = 0.5 * rng.standard_normal((20, 1))
        phi, sd = np.exp(-0.5), np.sqrt(-np.expm1(-1.0) / 2)
        x = np.empty((20, 31))
        x[:, 0] = level[:, 0] + np.sqrt(0.5) * rng.standard_normal(20)
        for j in range(30):
            x[:, j + 1] = level[:, 0] + phi * (x[:, j] - level[:, 0])
            x[:, j + 1] += sd * rng.standard_normal(20)
        low, high = st.LinearSDE().fit(list(x), dt=0.5).results_.conf_int().loc["mu"]
        covered += low < 0.0 < high
    # Nominal 95 %: 190 expected; the band is four binomial standard deviations.
    assert 177 <= covered <= 200


@pytest.mark.parametrize(("n", "dim"), [(2, 1), (3, 2), (5, 3)])
def test_no_more_transitions_than_regressors_is_an_input_error(n, dim):
    x = np.random.default_rng(0).standard_normal((n, dim)).cumsum(axis=0)
    with pytest.raises(st.InputError, match=rf"{dim + 1} regressors .* at least {2 * dim + 1}"):
        st.LinearSDE().fit(x)


def test_few_transitions_give_a_fit_with_nan_errors():
    x = ou_panel([4], seed=3, regular=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", st.StochtextWarning)
        results = st.LinearSDE().fit(x).results_
    assert np.isfinite(results.params).all()
    assert results.bse.isna().all()


def test_fewer_than_ten_clusters_warn_with_the_number():
    with pytest.warns(st.SampleSizeWarning, match="only 9 trajectories or groups"):
        st.LinearSDE().fit(ou_panel([40] * 9, seed=1))


def test_ten_clusters_do_not_warn():
    results = st.LinearSDE().fit(ou_panel([40] * 10, seed=1)).results_
    assert results.df_resid == 9.0


def test_single_path_defaults_to_nonrobust_normal_intervals():
    results = st.LinearSDE().fit(ou_panel([300], seed=1)).results_
    assert results.cov_type == "nonrobust"
    assert results.df_resid == np.inf
    half = stats.norm.ppf(0.975) * results.bse
    np.testing.assert_allclose(results.conf_int()[1] - results.params, half, rtol=1e-12)


def test_clustering_a_single_path_names_the_remedy():
    with pytest.raises(st.InputError, match=r'at least two trajectories.*cov_type="hac"'):
        st.LinearSDE(cov_type="cluster").fit(ou_panel([300], seed=1))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trend": "cubic"}, "`trend` must be one of 'constant', 'linear', 'spline'; got 'cubic'"),
        ({"trend": "linear", "clock": "wall"}, "`clock` must be one of"),
        ({"cov_type": "HC3"}, "`cov_type` must be one of"),
    ],
)
def test_unknown_options_are_refused_by_name(irregular, options, said):
    with pytest.raises(st.InputError, match=said):
        st.LinearSDE(**options).fit(irregular)


def test_weight_zero_is_the_trajectory_left_out(irregular):
    weight = np.r_[0.0, np.ones(irregular.n_trajectories - 1)]
    weighted = st.LinearSDE().fit(irregular, sample_weight=weight).results_
    without = st.LinearSDE().fit(irregular[1:]).results_
    np.testing.assert_allclose(weighted.params, without.params, rtol=1e-8)
    np.testing.assert_allclose(weighted.bse, without.bse, rtol=1e-5)
    assert weighted.df_resid == without.df_resid
    assert weighted.nobs == without.nobs


def test_weights_times_a_constant_change_no_estimate(irregular, fitted):
    tripled = np.full(irregular.n_trajectories, 3.0)
    again = st.LinearSDE().fit(irregular, sample_weight=tripled).results_
    np.testing.assert_allclose(again.params, fitted.params, rtol=1e-8)
    np.testing.assert_allclose(again.bse, fitted.bse, rtol=1e-6)


def test_redundant_column_is_degenerate():
    panel = ou_panel([50] * 10, seed=1)
    doubled = np.hstack([panel.values, 2 * panel.values + 1])
    with pytest.raises(st.DegenerateDataError, match="redundant"):
        st.LinearSDE().fit(panel.with_values(doubled, columns=["a", "b"]))
