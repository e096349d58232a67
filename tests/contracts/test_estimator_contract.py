"""Every estimator keeps scikit-learn's contract, and panels behave as one expects of samples."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import stochtext as st

# scikit-learn's checks feed noise in which nothing can be estimated well; the
# warnings that say so are not the subject here.
EXPECTED = (
    "ignore::stochtext._shared.exceptions.StochtextWarning",
    "ignore::sklearn.exceptions.SkipTestWarning",
)


def estimators():
    return [
        st.NeuralSDE(hidden=(4,), diffusion_hidden=(4,), n_starts=1, random_state=0),
        st.JumpDiffusionSDE(),
        st.KernelSDE(),
        st.KramersMoyalSDE(),
        st.LinearSDE(),
        st.ParametricSDE(st.OrnsteinUhlenbeck()),
        st.SparseSDE(degree=1),
        st.GaussianProcessSDE(n_inducing=8),
    ]


GRIDS = {
    "JumpDiffusionSDE": ("threshold", [4.0, 5.0]),
    "NeuralSDE": ("diffusion", ["constant", "diagonal"]),
    "KernelSDE": ("bandwidth", [0.3, 0.6]),
    "KramersMoyalSDE": ("bins", [4, 8]),
    "LinearSDE": ("cov_type", [None, "robust"]),
    "ParametricSDE": ("density", ["exact", "euler"]),
    "SparseSDE": ("degree", [1, 2]),
    "GaussianProcessSDE": ("n_inducing", [5, 8]),
}
NAMES = [type(e).__name__ for e in estimators()]


def ou_panel(n_paths=12, n_steps=40, dim=1, seed=0):
    if dim == 1:
        process = st.OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    else:
        process = st.OrnsteinUhlenbeck(np.eye(dim), np.zeros(dim), 0.5 * np.eye(dim))
    return st.simulate(
        process, np.full(dim, 0.2), dt=0.2, n_steps=n_steps, n_paths=n_paths, n_substeps=5,
        random_state=seed,
    )  # fmt: skip


@pytest.mark.filterwarnings(*EXPECTED)
@parametrize_with_checks(estimators())
def test_scikit_learn_check(estimator, check):
    # One of scikit-learn's checks permutes rows with numpy's global generator.
    state = np.random.get_state()  # noqa: NPY002
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


@pytest.fixture(params=estimators(), ids=NAMES)
def estimator(request):
    return clone(request.param)


def test_list_of_arrays_equals_the_same_trajectories(estimator):
    panel = ou_panel()
    by_list = clone(estimator).fit(panel.arrays(), dt=0.2).predict_drift([[0.1], [0.9]])
    by_panel = clone(estimator).fit(panel).predict_drift([[0.1], [0.9]])
    np.testing.assert_allclose(by_list, by_panel, rtol=1e-9)


def test_grid_search_splits_trajectories(estimator):
    panel = ou_panel(n_paths=18)
    name, values = GRIDS[type(estimator).__name__]
    search = GridSearchCV(estimator, {name: values}, cv=KFold(3), error_score="raise")
    search.fit(panel.arrays(), dt=0.2)
    assert np.isfinite(search.best_score_)


def test_works_at_the_end_of_a_pipeline(estimator):
    panel = ou_panel(n_paths=18, dim=2)
    pipe = make_pipeline(st.TrajectoryScaler(), estimator)
    assert np.isfinite(cross_val_score(pipe, panel, cv=3, error_score="raise")).all()


def test_pickle_round_trip_keeps_predictions(estimator):
    estimator.fit(ou_panel())
    copy = pickle.loads(pickle.dumps(estimator))
    x = np.linspace(-0.5, 1.5, 7)[:, None]
    np.testing.assert_array_equal(copy.predict(x), estimator.predict(x))


def test_score_is_the_mean_over_transitions(estimator):
    panel = ou_panel()
    estimator.fit(panel)
    per_step = estimator.score_transitions(panel)
    assert estimator.score(panel) == pytest.approx(per_step.mean(), rel=1e-12)
    means = [piece.mean() for piece in np.split(per_step, panel.n_trajectories)]
    np.testing.assert_allclose(estimator.score_trajectories(panel), means, rtol=1e-12)


def test_prediction_has_one_row_per_state_and_takes_a_single_row(estimator):
    panel = ou_panel(dim=2)
    estimator.fit(panel)
    assert estimator.predict(panel.values[:7]).shape == (7, 2)
    assert estimator.predict(panel.values[:1]).shape == (1, 2)
    assert estimator.predict(panel).shape == panel.values.shape


def test_diffusion_is_the_cholesky_factor_of_the_covariance_rate(estimator):
    panel = ou_panel(dim=2)
    x = panel.values[:9]
    estimator.fit(panel)
    factor = estimator.predict_diffusion(x)
    rate = estimator.predict_covariance(x)
    np.testing.assert_allclose(factor @ np.swapaxes(factor, 1, 2), rate, rtol=1e-10, atol=1e-14)
    assert np.all(factor[:, 0, 1] == 0.0)


def test_weight_two_is_the_trajectory_twice(estimator):
    panel = ou_panel(n_paths=10)
    twice = panel[[0, 0, *range(1, 10)]].with_ids()
    weights = np.r_[2.0, np.ones(9)]
    if isinstance(estimator, st.KernelSDE):
        estimator.set_params(bandwidth=0.3)
    weighted = clone(estimator).fit(panel, sample_weight=weights).predict_drift([[0.3], [0.6]])
    doubled = clone(estimator).fit(twice).predict_drift([[0.3], [0.6]])
    # Networks hold out other trajectories where there is one more; the rest has one answer.
    atol = 0.05 if isinstance(estimator, st.NeuralSDE) else 1e-9
    np.testing.assert_allclose(weighted, doubled, rtol=1e-6, atol=atol)


def test_irregular_times_need_dt_or_times_to_score_plain_arrays(estimator):
    rng = np.random.default_rng(3)
    times = [np.cumsum(rng.uniform(0.1, 0.4, 41)) for _ in range(12)]
    panel = st.Trajectories(ou_panel().arrays(), times)
    estimator.fit(panel)
    with pytest.raises(st.InputError, match="dt"):
        estimator.score(panel.arrays())
    scored = estimator.score(panel.arrays(), times=panel.time_arrays())
    assert scored == pytest.approx(estimator.score(panel), rel=1e-9)


def test_dt_beside_trajectories_is_refused(estimator):
    with pytest.raises(st.InputError, match="dt"):
        estimator.fit(ou_panel(), dt=0.2)


def test_unknown_fit_argument_is_refused(estimator):
    with pytest.raises(TypeError, match="weights"):
        estimator.fit(ou_panel(), weights=np.ones(12))


def test_wrong_number_of_features_names_both_numbers(estimator):
    estimator.fit(ou_panel())
    with pytest.raises(st.InputError, match="2 features.*expecting 1"):
        estimator.score(ou_panel(dim=2))


def test_constant_column_is_degenerate(estimator):
    panel = ou_panel()
    flat = [np.column_stack([a, np.ones(len(a))]) for a in panel.arrays()]
    with pytest.raises(st.DegenerateDataError, match="x1"):
        estimator.fit(flat, dt=0.2)


def test_simulation_of_the_fit_is_reproducible(estimator):
    estimator.fit(ou_panel())
    first = estimator.simulate(n_paths=3, random_state=5)
    again = estimator.simulate(n_paths=3, random_state=5)
    np.testing.assert_array_equal(first.values, again.values)
    assert first.n_trajectories == 3
    assert first.lengths.tolist() == [41, 41, 41]


def test_n_outside_counts_transitions_beyond_the_data(estimator):
    panel = ou_panel()
    estimator.fit(panel)
    assert estimator.n_outside(panel) == 0
    assert estimator.n_outside(panel.with_values(panel.values + 100.0)) == panel.n_transitions
