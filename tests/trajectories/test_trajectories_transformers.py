"""The transformers keep the scikit-learn contract, and learn what their formulas say."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext.trajectories import (
    Trajectories,
    TrajectoryPCA,
    TrajectoryScaler,
    TrajectoryTICA,
    as_trajectories,
)

TRANSFORMERS = [
    TrajectoryScaler(),
    TrajectoryPCA(),
    TrajectoryPCA(n_components=1, whiten=True),
    TrajectoryTICA(),
    TrajectoryTICA(n_components=1, lag=2, n_whitened=2),
]
each = pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)


@pytest.fixture
def paths() -> list[np.ndarray]:
    rng = np.random.default_rng(11)
    mixing = rng.standard_normal((3, 3))
    return [np.cumsum(rng.standard_normal((n, 3)), axis=0) @ mixing for n in (30, 45, 20, 60)]


@parametrize_with_checks(TRANSFORMERS)
def test_the_scikit_learn_contract_is_kept(estimator: Any, check: Any) -> None:
    # One of the checks draws from numpy's global generator; the guard is meant for us.
    state = np.random.get_state()  # noqa: NPY002
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


@each
def test_panel_list_and_rows_are_mapped_alike(transformer: Any, paths: list[np.ndarray]) -> None:
    panel = Trajectories(paths, dt=0.1, ids=list("abcd"), metadata={"k": range(4)})
    fitted = clone(transformer).fit(panel)
    out = fitted.transform(panel)
    assert isinstance(out, Trajectories)
    assert out.columns == tuple(fitted.get_feature_names_out())
    np.testing.assert_array_equal(out.times, panel.times)
    assert out.metadata.equals(panel.metadata)
    listed = clone(transformer).fit(paths).transform(paths)
    np.testing.assert_array_equal(listed.values, out.values)
    rows = fitted.transform(np.concatenate(paths))
    assert isinstance(rows, np.ndarray)
    np.testing.assert_allclose(rows, out.values, rtol=0, atol=1e-12)
    # One row is enough to transform, though not to fit.
    np.testing.assert_allclose(fitted.transform(paths[0][:1]), out.values[:1], atol=1e-12)


@each
def test_pickle_and_clone_keep_the_map(transformer: Any, paths: list[np.ndarray]) -> None:
    fitted = clone(transformer).fit(paths)
    back = pickle.loads(pickle.dumps(fitted))
    assert back.transform(paths) == fitted.transform(paths)
    with pytest.raises(NotFittedError):
        clone(fitted).transform(paths)


@each
def test_set_output_gives_frames_for_arrays_and_panels_for_panels(
    transformer: Any, paths: list[np.ndarray]
) -> None:
    chosen = clone(transformer).set_output(transform="pandas")
    assert isinstance(chosen.fit_transform(paths), Trajectories)
    frame = chosen.transform(pd.DataFrame(paths[0]).to_numpy())
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == list(chosen.get_feature_names_out())
    assert isinstance(chosen.fit_transform(paths[1]), pd.DataFrame)


@each
def test_bad_values_are_named_with_their_place(transformer: Any, paths: list[np.ndarray]) -> None:
    broken = [p.copy() for p in paths]
    broken[2][7, 1] = np.nan
    with pytest.raises(InputError, match=r"trajectory 2, row 7, column 'x1': NaN"):
        clone(transformer).fit(broken)
    with pytest.raises(InputError, match=r"row 7, column 'x1': NaN"):
        clone(transformer).fit(broken[2])
    fitted = clone(transformer).fit(paths)
    with pytest.raises(InputError, match="is expecting 3 features"):
        fitted.transform([p[:, :2] for p in paths])
    with pytest.raises(InputError, match="is expecting 3 features"):
        fitted.transform(paths[0][:, :2])
    with pytest.raises(InputError, match="inverse_transform is expecting"):
        fitted.inverse_transform(np.zeros((3, 9)))
    with pytest.raises(InputError, match="1 sample"):
        clone(transformer).fit(paths[0][:1])


@each
def test_named_columns_are_remembered_and_compared(
    transformer: Any, paths: list[np.ndarray]
) -> None:
    named = Trajectories(paths, columns=["a", "b", "c"])
    fitted = clone(transformer).fit(named)
    assert fitted.feature_names_in_.tolist() == ["a", "b", "c"]
    assert fitted.transform(paths).values.shape[0] == named.values.shape[0]
    with pytest.raises(InputError, match="Give the same columns in the same order"):
        fitted.transform(Trajectories(paths, columns=["c", "b", "a"]))
    with pytest.raises(ValueError, match="feature_names_in_"):
        fitted.get_feature_names_out(["x", "y", "z"])
    assert not hasattr(fitted.fit(paths), "feature_names_in_")


@pytest.mark.parametrize(
    "transformer",
    [
        TrajectoryScaler(),
        TrajectoryScaler(with_mean=False),
        TrajectoryScaler(with_std=False),
        TrajectoryPCA(),
        TrajectoryPCA(whiten=True),
        TrajectoryTICA(),
    ],
    ids=repr,
)
def test_a_full_map_is_inverted_and_knows_its_jacobian(
    transformer: Any, paths: list[np.ndarray]
) -> None:
    panel = Trajectories(paths, columns=["a", "b", "c"])
    fitted = clone(transformer).fit(panel)
    back = fitted.inverse_transform(fitted.transform(panel))
    np.testing.assert_allclose(back.values, panel.values, atol=1e-10)
    assert back.columns == panel.columns
    unit = Trajectories(np.vstack([np.zeros(3), np.eye(3)]), columns=panel.columns)
    image = fitted.transform(unit).values
    matrix = image[1:] - image[0]
    expected = np.linalg.slogdet(matrix)[1]
    np.testing.assert_allclose(fitted.log_abs_det_jacobian_, expected, atol=1e-12)


def test_the_jacobian_turns_one_gaussian_density_into_the_other(
    paths: list[np.ndarray],
) -> None:
    from scipy.stats import multivariate_normal

    x = np.concatenate(paths)
    for transformer in (TrajectoryScaler(), TrajectoryPCA(whiten=True), TrajectoryTICA()):
        z = transformer.fit(paths).transform(x)
        own = multivariate_normal(z.mean(0), np.cov(z.T)).logpdf(z)
        original = multivariate_normal(x.mean(0), np.cov(x.T)).logpdf(x)
        np.testing.assert_allclose(own + transformer.log_abs_det_jacobian_, original, atol=1e-9)


def test_a_reducing_map_has_no_jacobian(paths: list[np.ndarray]) -> None:
    assert TrajectoryPCA(2).fit(paths).log_abs_det_jacobian_ is None
    assert TrajectoryTICA(2).fit(paths).log_abs_det_jacobian_ is None


def test_scaling_agrees_with_the_standard_scaler(paths: list[np.ndarray]) -> None:
    rows = np.concatenate([*paths, np.full((5, 3), 1e6)])
    peer = StandardScaler().fit(rows)
    own = TrajectoryScaler().fit([rows[:60], rows[60:]])
    np.testing.assert_allclose(own.mean_, peer.mean_, rtol=1e-12)
    np.testing.assert_allclose(own.scale_, peer.scale_, rtol=1e-10)


def test_a_constant_column_is_divided_by_one(paths: list[np.ndarray]) -> None:
    still = [np.column_stack([p[:, 0], np.full(len(p), 0.1)]) for p in paths]
    scaler = TrajectoryScaler().fit(Trajectories(still, columns=["moves", "still"]))
    assert scaler.constant_ == ("still",)
    assert scaler.scale_[1] == 1.0
    whitened = TrajectoryPCA(whiten=True).fit(still)
    assert whitened.rank_ == 1
    assert np.isfinite(whitened.transform(still).values).all()
    assert np.isfinite(whitened.log_abs_det_jacobian_)


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("n_components", [None, 1, 2, 0.9])
def test_principal_components_agree_with_scikit_learn(
    paths: list[np.ndarray], n_components: Any, whiten: bool
) -> None:
    rows = np.concatenate(paths)
    peer = PCA(n_components, whiten=whiten, svd_solver="full").fit(rows)
    own = TrajectoryPCA(n_components, whiten=whiten).fit(paths)
    assert own.n_components_ == peer.n_components_
    np.testing.assert_allclose(own.explained_variance_, peer.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(
        own.explained_variance_ratio_, peer.explained_variance_ratio_, rtol=1e-9
    )
    np.testing.assert_allclose(np.abs(own.transform(rows)), np.abs(peer.transform(rows)), atol=1e-8)
    assert own.get_feature_names_out()[0] == "pc0"


def test_more_columns_than_rows_agree_with_scikit_learn() -> None:
    rows = np.random.default_rng(5).standard_normal((12, 40))
    peer = PCA(5, svd_solver="full").fit(rows)
    own = TrajectoryPCA(5).fit([rows[:7], rows[7:]])
    np.testing.assert_allclose(own.explained_variance_, peer.explained_variance_, rtol=1e-10)
    np.testing.assert_allclose(np.abs(own.components_), np.abs(peer.components_), atol=1e-10)


@pytest.mark.parametrize("n_components", [0, 4, 1.5, -1, "mle", True])
def test_an_impossible_number_of_components_is_refused(
    paths: list[np.ndarray], n_components: Any
) -> None:
    with pytest.raises(InputError, match="`n_components` must be"):
        TrajectoryPCA(n_components).fit(paths)


def test_slow_directions_solve_the_generalised_eigenproblem(paths: list[np.ndarray]) -> None:
    x = np.concatenate([p[:-1] for p in paths])
    y = np.concatenate([p[1:] for p in paths])
    m = (x.mean(0) + y.mean(0)) / 2
    x, y = x - m, y - m
    c0 = (x.T @ x + y.T @ y) / (2 * len(x))
    c1 = (x.T @ y + y.T @ x) / (2 * len(x))
    expected = scipy.linalg.eigh(c1, c0, eigvals_only=True)[::-1]
    tica = TrajectoryTICA().fit(paths)
    np.testing.assert_allclose(tica.eigenvalues_, expected, rtol=1e-10)
    w = tica.components_
    np.testing.assert_allclose(w @ c0 @ w.T, np.eye(3), atol=1e-10)
    np.testing.assert_allclose(w @ c1 @ w.T, np.diag(expected), atol=1e-10)


def test_known_time_constants_and_directions_are_found() -> None:
    rng = np.random.default_rng(21)
    phi = np.exp(-0.5 / np.array([20.0, 2.0]))
    hidden = []
    for _ in range(40):
        noise = rng.standard_normal((500, 2)) * np.sqrt(1 - phi**2)
        path = np.zeros((500, 2))
        path[0] = rng.standard_normal(2)
        for t in range(1, 500):
            path[t] = phi * path[t - 1] + noise[t]
        hidden.append(path)
    mixing = np.array([[0.1, 3.0], [0.2, -1.0]])
    tica = TrajectoryTICA().fit(Trajectories([h @ mixing.T for h in hidden], dt=0.5))
    # 20 000 correlated states: standard error about 1 % of the autocorrelation's distance to 1.
    np.testing.assert_allclose(tica.timescales_, [20.0, 2.0], rtol=0.15)
    slow = tica.transform([h @ mixing.T for h in hidden]).values[:, 0]
    assert abs(np.corrcoef(slow, np.concatenate(hidden)[:, 0])[0, 1]) > 0.999


def test_pairs_do_not_cross_from_one_trajectory_to_the_next() -> None:
    rng = np.random.default_rng(2)
    blocks = [k + 0.01 * rng.standard_normal((3, 1)) for k in rng.permutation(40) * 10.0]
    assert TrajectoryTICA().fit(blocks).eigenvalues_[0] > 0.999
    assert TrajectoryTICA().fit(np.concatenate(blocks)).eigenvalues_[0] < 0.9


def test_timescales_are_missing_where_they_mean_nothing() -> None:
    alternating = (-1.0) ** np.arange(20)
    still = [np.full(5, 1.0), np.full(5, 2.0)]
    assert np.isnan(TrajectoryTICA().fit(Trajectories(alternating)).timescales_[0])
    assert np.isinf(TrajectoryTICA().fit(still).timescales_[0])
    slow = np.sin(np.arange(40) / 9)
    irregular = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.5, 40))
    assert np.isnan(TrajectoryTICA().fit(Trajectories(slow, irregular)).timescales_[0])


def test_null_directions_are_dropped_and_counted(paths: list[np.ndarray]) -> None:
    flat = [np.column_stack([p, p[:, 0] + p[:, 1], np.ones(len(p))]) for p in paths]
    tica = TrajectoryTICA().fit(flat)
    assert (tica.rank_, tica.n_null_directions_, tica.n_components_) == (3, 2, 3)
    assert tica.log_abs_det_jacobian_ is None
    np.testing.assert_allclose(tica.eigenvalues_, TrajectoryTICA().fit(paths).eigenvalues_)
    # Nothing is lost: the dropped directions do not vary.
    back = tica.inverse_transform(tica.transform(flat))
    np.testing.assert_allclose(back.values, np.concatenate(flat), atol=1e-9)
    with pytest.raises(DegenerateDataError, match="4 component.*only 3 of 5 directions"):
        TrajectoryTICA(4).fit(flat)
    with pytest.raises(DegenerateDataError, match="n_whitened keeps 2"):
        TrajectoryTICA(3, n_whitened=2).fit(flat)
    with pytest.raises(DegenerateDataError, match="only 0 of 2"):
        TrajectoryTICA().fit([np.ones((4, 2)), np.ones((3, 2))])


def test_a_lag_longer_than_the_paths_is_refused(paths: list[np.ndarray]) -> None:
    with pytest.raises(InputError, match="more than lag=60 rows"):
        TrajectoryTICA(lag=60).fit(paths)
    assert TrajectoryTICA(lag=59).fit(paths).n_components_ == 1
    with pytest.raises(InputError, match="lag"):
        TrajectoryTICA(lag=0).fit(paths)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_slow_directions_do_not_depend_on_the_coordinates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    paths = [np.cumsum(rng.standard_normal((n, 2)), axis=0) for n in (15, 30)]
    mixing = np.array([[2.0, 0.3], [-0.4, 1.0]])
    one = TrajectoryTICA().fit(paths)
    two = TrajectoryTICA().fit([p @ mixing + 5.0 for p in paths])
    np.testing.assert_allclose(one.eigenvalues_, two.eigenvalues_, atol=1e-9)
    assert np.all(np.abs(one.eigenvalues_) <= 1.0)


class LastStep(BaseEstimator):
    """A stand-in at the end of a pipeline: predicts each state by a multiple of the last."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def fit(self, X: Any, y: Any = None) -> LastStep:
        self.n_trajectories_ = len(as_trajectories(X))
        return self

    def score(self, X: Any, y: Any = None) -> float:
        steps = as_trajectories(X).transitions()
        return -float(np.mean((steps.x_next - self.factor * steps.x) ** 2))


@pytest.mark.parametrize("kind", ["list", "panel"])
def test_pipelines_and_searches_take_lists_and_panels(kind: str, paths: list[np.ndarray]) -> None:
    data: Any = paths if kind == "list" else Trajectories(paths, ids=list("abcd"))
    chain = make_pipeline(TrajectoryScaler(), TrajectoryPCA(2), TrajectoryTICA(), LastStep())
    grid = {"laststep__factor": [0.0, 1.0], "trajectorypca__n_components": [1, 2]}
    search = GridSearchCV(chain, grid, cv=KFold(2), error_score="raise").fit(data)
    assert search.best_params_["laststep__factor"] == 1.0
    assert search.best_estimator_[-1].n_trajectories_ == 4
    scores = cross_val_score(chain, data, cv=4, error_score="raise")
    expected = chain.fit(paths[1:]).score(paths[:1])
    np.testing.assert_allclose(scores[0], expected)


def test_list_and_panel_give_the_same_search(paths: list[np.ndarray]) -> None:
    chain = make_pipeline(TrajectoryTICA(2), LastStep())
    listed = cross_val_score(chain, paths, cv=2)
    np.testing.assert_array_equal(listed, cross_val_score(chain, Trajectories(paths), cv=2))


def test_folds_of_one_wrapped_path_are_refused(paths: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="n_splits=5"):
        cross_val_score(LastStep(), Trajectories(paths[0]), cv=5)
