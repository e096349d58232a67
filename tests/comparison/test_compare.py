"""compare scores every model on the same unseen transitions and tests differences honestly."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

import stochtext as st
from stochtext._shared.exceptions import ConvergenceError, InputError, SampleSizeWarning
from stochtext.comparison import compare
from stochtext.estimators import LinearSDE
from stochtext.trajectories import (
    BlockedTimeSplit,
    Trajectories,
    TrajectoryPCA,
    TrajectoryScaler,
)

COLUMNS = [
    "rank", "score", "se", "diff", "diff_se", "ci_lower", "ci_upper", "pvalue", "fit_seconds",
]  # fmt: skip


class Walk(BaseEstimator):
    """Gaussian random walk with a scale that is estimated, biased or noisy on purpose."""

    def __init__(self, shift=0.0, jitter=0.0, random_state=None, fails=None, zero=False):
        self.shift = shift
        self.jitter = jitter
        self.random_state = random_state
        self.fails = fails
        self.zero = zero

    def fit(self, X, y=None):
        if self.fails is not None:
            raise self.fails
        steps = X.transitions()
        rng = np.random.default_rng(self.random_state)
        self.scale_ = np.std(steps.x_next - steps.x) + self.jitter * rng.random()
        self.largest_ = np.abs(X.values).max()
        self.seen_ = set(X.ids)
        return self

    def score_transitions(self, X):
        assert not self.seen_ & set(X.ids)
        steps = X.transitions()
        density = stats.norm.logpdf(steps.x_next - steps.x, self.shift, self.scale_).sum(axis=1)
        if self.zero and 0 in X.ids:
            density[0] = -np.inf
        return density

    def score(self, X, y=None):
        return self.score_transitions(X).mean()

    def n_outside(self, X):
        return int(np.sum(np.abs(X.transitions().x) > self.largest_))


@pytest.fixture
def panel(rng):
    lengths = rng.integers(8, 20, 15)
    return Trajectories([np.cumsum(rng.standard_normal((n, 1)), axis=0) for n in lengths])


def test_frame_has_the_columns_of_the_contract_and_models_by_rank(panel):
    result = compare({"shifted": Walk(0.5), "plain": Walk()}, panel, random_state=1)
    frame = result.to_frame()
    assert list(frame.columns) == COLUMNS
    assert list(frame.index) == ["plain", "shifted"]
    assert frame["rank"].tolist() == [1, 2]
    assert result.best == "plain"
    assert frame.at["plain", "diff"] == 0.0
    assert np.isnan(frame.at["plain", "pvalue"])


def test_scores_and_differences_equal_a_computation_by_hand(panel):
    result = compare({"plain": Walk(), "shifted": Walk(0.5)}, panel, cv=3, random_state=1)
    density = result.log_density
    steps = panel.transitions()
    assert density.index.tolist() == steps.trajectory.tolist()
    gap = (density["shifted"] - density["plain"]).groupby(level=0).agg(["sum", "size"])
    mean = gap["sum"].sum() / gap["size"].sum()
    moved = gap["sum"] - mean * gap["size"]
    se = np.sqrt(15 / 14 * np.sum(moved**2)) / gap["size"].sum()
    frame = result.to_frame(alpha=0.1)
    row = frame.loc["shifted"]
    assert row["diff"] == pytest.approx(mean, rel=1e-12)
    assert row["diff_se"] == pytest.approx(se, rel=1e-12)
    assert row["pvalue"] == pytest.approx(2 * stats.t.sf(abs(mean / se), 14), rel=1e-10)
    assert row["ci_upper"] == pytest.approx(mean + stats.t.ppf(0.95, 14) * se, rel=1e-10)
    assert frame["score"].to_dict() == pytest.approx(density.mean().to_dict())
    swapped = result.difference("plain", "shifted")
    assert swapped["diff"] == pytest.approx(-mean)


def test_groups_stay_together_and_are_the_clusters(panel):
    class Grouped(Walk):
        def fit(self, X, y=None):
            self.groups_ = set(X.groups)
            return super().fit(X)

        def score_transitions(self, X):
            assert not self.groups_ & set(X.groups)
            return super().score_transitions(X)

    labels = np.repeat(list("abcdefghijkl"), [2, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1])
    result = compare({"a": Grouped(), "b": Grouped(0.1)}, panel, groups=labels, random_state=0)
    assert len(np.unique(result.cluster)) == 12
    assert "12 groups" in result.held_out


def test_one_group_only_is_refused(panel):
    with pytest.raises(InputError, match="one group"):
        compare({"a": Walk()}, panel, groups=["x"] * 15)


@pytest.mark.filterwarnings("ignore::stochtext.SampleSizeWarning")
def test_fewer_trajectories_than_folds_are_left_out_one_at_a_time(panel):
    result = compare({"a": Walk(), "b": Walk(0.2)}, panel[:4], cv=5, random_state=0)
    assert result.held_out == "each of 4 trajectories left out once"


def test_few_clusters_warn(panel):
    with pytest.warns(SampleSizeWarning, match="rest on 4 clusters"):
        compare({"a": Walk(), "b": Walk(0.2)}, panel[:4], random_state=0)


def test_one_path_is_cut_into_blocks_with_serially_robust_errors(rng):
    path = Trajectories(np.cumsum(rng.standard_normal(200)))
    models = {"a": Plain(), "b": Plain(0.2)}
    result = compare(models, path, cv=4)
    assert result.cluster is None
    assert result.held_out == "4 blocks of time of one path"
    assert len(result.log_density) == 199
    assert np.isfinite(result.to_frame().at["b", "pvalue"])
    assert "Newey-West" in repr(result)
    gapped = compare(models, path, cv=BlockedTimeSplit(4, gap=3))
    assert "3 transitions left out" in gapped.held_out


class Plain(Walk):
    """A walk that does not check ids: the blocks of a path share theirs."""

    def fit(self, X, y=None):
        super().fit(X)
        self.seen_ = set()
        return self


def test_blocked_split_of_a_panel_is_refused(panel):
    with pytest.raises(InputError, match="one path"):
        compare({"a": Walk()}, panel, cv=BlockedTimeSplit(4))


def test_zero_density_stays_minus_infinity_and_its_difference_is_nan(panel):
    result = compare({"zero": Walk(zero=True), "plain": Walk()}, panel, random_state=0)
    frame = result.to_frame()
    assert frame.at["zero", "score"] == -np.inf
    assert frame.loc["zero", ["se", "diff", "diff_se", "pvalue"]].isna().all()
    assert "density zero at 1 of" in result.reasons["zero"]
    assert "density zero" in repr(result)


def test_identical_models_have_no_pvalue_and_a_reason(panel):
    result = compare({"one": Walk(), "two": Walk()}, panel, random_state=0)
    frame = result.to_frame()
    assert frame.at["two", "diff"] == 0.0
    assert np.isnan(frame.at["two", "pvalue"])
    assert "densities are those of one" in result.reasons["two"]
    assert "Not tested: two" in result.verdict()


def test_numbers_do_not_depend_on_the_number_of_processes(panel):
    models = {"a": LinearSDE(), "b": LinearSDE(trend="linear")}
    frames = [
        compare(models, panel, random_state=3, n_jobs=n).to_frame().drop(columns="fit_seconds")
        for n in (1, 2)
    ]
    pd.testing.assert_frame_equal(*frames, check_exact=True)


def test_unseeded_models_are_seeded_by_the_comparison(panel):
    def scores(seed, **options):
        models = {"a": Walk(jitter=1.0, **options), "b": Walk()}
        return compare(models, panel, random_state=seed).to_frame()["score"]

    pd.testing.assert_series_equal(scores(5), scores(5), check_exact=True)
    assert scores(5)["a"] != scores(5, random_state=9)["a"]


def test_the_models_given_are_not_changed(panel):
    model = Walk(jitter=0.5)
    compare({"a": model}, panel, random_state=0)
    assert model.random_state is None
    assert not hasattr(model, "scale_")


def test_scaling_is_undone_by_the_jacobian(panel):
    scaled = make_pipeline(TrajectoryScaler(), LinearSDE())
    rotated = make_pipeline(TrajectoryPCA(whiten=True), LinearSDE())
    models = {"raw": LinearSDE(), "scaled": scaled, "rotated": rotated}
    result = compare(models, panel, random_state=0)
    assert result.to_frame()["diff"].abs().max() < 1e-6
    assert result.reasons.notna().sum() <= 2


def test_a_search_over_parameters_is_a_model_too(panel):
    search = GridSearchCV(LinearSDE(), {"trend": ["constant", "linear"]}, cv=3)
    result = compare({"search": search, "constant": LinearSDE()}, panel, random_state=0)
    assert np.isfinite(result.to_frame()["score"]).all()


@pytest.fixture
def plane(rng):
    return Trajectories([np.cumsum(rng.standard_normal((9, 2)), axis=0) for _ in range(12)])


def reduced(k=1, last=None):
    return Pipeline([("pca", TrajectoryPCA(n_components=k)), ("sde", last or LinearSDE())])


def test_a_map_that_loses_information_must_be_in_every_model(plane):
    with pytest.raises(InputError, match="transform first, compare after"):
        compare({"all": LinearSDE(), "one": reduced()}, plane)


def test_different_lossy_maps_are_refused(plane):
    other = Pipeline([("scale", TrajectoryScaler()), *reduced().steps])
    with pytest.raises(InputError, match="transform first, compare after"):
        compare({"a": reduced(), "b": other}, plane)


def test_the_same_lossy_map_in_every_model_is_allowed_and_remarked(plane):
    models = {"a": reduced(), "b": reduced(last=LinearSDE(trend="linear"))}
    result = compare(models, plane, random_state=0)
    assert "compare within this table only" in repr(result)


def test_a_model_that_cannot_be_fitted_is_named_and_the_kind_of_error_stays(panel):
    with pytest.raises(ConvergenceError, match=r"Model 'bad' could not be fitted \(fold 1 of 5\)"):
        compare({"good": Walk(), "bad": Walk(fails=ConvergenceError("no luck"))}, panel)
    with pytest.raises(InputError, match="Model 'bad'.*no luck"):
        compare({"bad": Walk(fails=ValueError("no luck"))}, panel)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([("a", Walk())], "must be a mapping"),
        ({}, "at least one model"),
        ({"a": Walk}, "is a class"),
        ({"a": 3}, "pass estimators, not results"),
    ],
)
def test_what_is_no_model_is_refused(panel, models, message):
    with pytest.raises(InputError, match=message):
        compare(models, panel)


def test_warnings_of_the_fits_come_once_a_model_with_its_name(panel):
    class Warner(Walk):
        def fit(self, X, y=None):
            warnings.warn("half-hearted", RuntimeWarning, stacklevel=2)
            return super().fit(X)

    with pytest.warns(RuntimeWarning) as caught:
        result = compare({"w": Warner()}, panel, random_state=0)
    assert [str(w.message) for w in caught] == ["Model 'w': half-hearted (in 5 of 5 fits)"]
    assert "half-hearted" in repr(result)


def test_states_outside_the_training_data_are_counted(panel):
    result = compare({"a": Walk(), "b": Walk(0.1)}, panel, random_state=0)
    assert result.n_outside["a"] > 0
    assert "outside" in repr(result)


def test_summary_says_which_is_best_and_what_the_numbers_are(panel):
    result = compare({"plain": Walk(), "far": Walk(2.0)}, panel, random_state=0)
    text = repr(result)
    assert "plain has the highest held-out score" in text
    assert "Significantly worse: far" in text
    assert "nested models" in text
    assert result.summary().as_html().count("<table>") == 1


def test_plot_has_a_line_for_every_model(panel):
    axes = compare({"plain": Walk(), "far": Walk(2.0)}, panel, random_state=0).plot()
    assert len(axes.get_yticks()) == 2


def test_unknown_model_of_a_difference_is_named(panel):
    result = compare({"plain": Walk()}, panel, random_state=0)
    with pytest.raises(InputError, match="no model 'kernel'"):
        result.difference("plain", "kernel")


def test_size_of_the_paired_test_is_stored_and_within_its_band(project_root):
    stored = project_root / "benchmarks/calibration/results/comparison_size.json"
    record = json.loads(stored.read_text("utf-8"))
    assert record["samples"] >= 500
    panels = [d["size at 5 %"] for d in record["designs"].values() if d["trajectories"] > 1]
    paths = [d["size at 5 %"] for d in record["designs"].values() if d["trajectories"] == 1]
    # 99.9 % band of 1000 draws at 5 %; one path is known to be conservative.
    assert min(panels) == 3.1
    assert max(panels) == 7.3
    assert max(paths) == 1.8


def test_a_relative_clock_on_blocks_of_one_path_is_refused():
    path = st.datasets.load_double_well(n_steps=300, random_state=0)
    models = {"still": st.LinearSDE(), "moving": st.LinearSDE(trend="linear")}
    with pytest.raises(st.InputError, match="'moving' runs on the relative clock"):
        st.compare(models, path, random_state=0)
