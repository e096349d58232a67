"""CoherenceScorer: honest ranks against a reference that never judges itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError

from stochtext._shared.exceptions import InputError
from stochtext.quality import CoherenceScorer
from stochtext.quality.scoring_model import neighbour_cosine
from stochtext.text import Documents

COLUMNS = ["score", "zscore", "pvalue", "cosine", "n_units", "assessable", "reason"]


class Steps(BaseEstimator):
    """Independent Gaussian steps: cheap, and enough for a rank."""

    def fit(self, X, y=None):
        steps = X.transitions()
        self.scale_ = (steps.x_next - steps.x).std(axis=0)
        return self

    def score_trajectories(self, X):
        return np.array([
            stats.norm.logpdf(np.diff(a, axis=0), scale=self.scale_).sum(axis=1).mean()
            for a in X.arrays()
        ])  # fmt: skip


def walks(rng, n, p=4, scale=1.0):
    """Return documents of random lengths that are exchangeable with one another."""
    sizes = scale * rng.uniform(0.5, 1.5, n)
    return [s * np.cumsum(rng.standard_normal((rng.integers(6, 14), p)), axis=0) for s in sizes]


def cheap(**options):
    return CoherenceScorer(estimator=Steps(), n_components=2, **options)


def test_frame_has_the_columns_of_the_contract(rng):
    scorer = cheap().fit(walks(rng, 20))
    frame = scorer.score_documents(walks(rng, 3))
    assert list(frame.columns) == COLUMNS
    assert frame["assessable"].all()
    assert frame["pvalue"].between(2 / 21, 1).all()
    pd.testing.assert_index_equal(scorer.reference_scores_.index, pd.RangeIndex(20, name="id"))


def rejection_rates(rng, n_components, level=0.10):
    """Return the share of p-values up to ``level`` in 40 independent batches of 25 documents."""
    rates = []
    for k in range(40):
        scorer = CoherenceScorer(estimator=Steps(), n_components=n_components, random_state=k)
        scorer.fit(walks(rng, 39))
        rates.append(np.mean(scorer.score_documents(walks(rng, 25))["pvalue"] <= level))
    return np.array(rates)


def test_pvalues_of_exchangeable_documents_have_their_size(rng):
    rates = rejection_rates(rng, n_components=4)
    # Four standard errors of the mean of the batches.
    assert rates.mean() == pytest.approx(0.10, abs=4 * rates.std() / np.sqrt(40))


def test_pvalues_are_conservative_where_the_models_of_the_folds_differ(rng):
    rates = rejection_rates(rng, n_components=2)
    assert 0.04 < rates.mean() < 0.10 + 4 * rates.std() / np.sqrt(40)


def test_pvalues_of_reference_documents_are_uniform_by_construction(rng):
    pvalues = cheap().fit(walks(rng, 40)).reference_scores_["pvalue"].to_numpy()
    expected = np.minimum(1.0, 2 * np.repeat(np.arange(1, 21), 2) / 40)
    np.testing.assert_allclose(np.sort(pvalues), np.sort(expected))


def test_documents_unlike_the_reference_on_either_side_are_found(rng):
    scorer = cheap().fit(walks(rng, 50))
    wild = scorer.score_documents(walks(rng, 10, scale=6.0))
    still = scorer.score_documents(walks(rng, 10, scale=0.05))
    assert (wild["zscore"] < -2).all()
    assert (still["zscore"] > 1).all()
    assert (wild["pvalue"] <= 0.1).all()
    assert (still["pvalue"] <= 0.1).all()


def test_a_reference_document_is_scored_by_the_model_that_has_not_seen_it(rng):
    reference = walks(rng, 20)
    scorer = cheap().fit(reference)
    again = scorer.score_documents(list(reversed(reference)))
    np.testing.assert_array_equal(
        again[COLUMNS[:4]].to_numpy(dtype=float)[::-1],
        scorer.reference_scores_[COLUMNS[:4]].to_numpy(dtype=float),
    )


def test_zscores_of_the_reference_are_deviations_within_folds(rng):
    scorer = cheap().fit(walks(rng, 25))
    frame, fold = scorer.reference_scores_, scorer.fold_
    centred = frame["score"] - frame.groupby(fold)["score"].transform("mean")
    spread = np.sqrt((centred**2).sum() / 20)
    np.testing.assert_allclose(frame["zscore"], centred / spread, atol=1e-10)


def test_short_documents_are_not_assessed_and_say_why(rng):
    scorer = cheap(min_units=6).fit([*walks(rng, 12), np.zeros((4, 4))])
    row = scorer.reference_scores_.iloc[-1]
    assert not row["assessable"]
    assert row["reason"] == "4 units; min_units=6 are needed"
    frame = scorer.score_documents([np.ones((2, 4)), walks(rng, 1)[0]])
    assert frame["assessable"].tolist() == [False, True]
    assert frame.loc[0, ["score", "zscore", "pvalue", "cosine"]].isna().all()
    assert frame.loc[0, "n_units"] == 2
    assert frame.loc[1, "reason"] == ""


def test_texts_are_scored_with_ids_and_empty_ones_are_listed():
    texts = [
        " ".join(
            f"The {thing} of {place} is {state}." for state in ("old", "new", "wet", "dry", "red")
        )
        for thing in ("bridge", "tower", "garden")
        for place in ("Rome", "Oslo", "Lima")
    ]
    scorer = cheap(n_folds=3).fit(Documents(texts))
    frame = scorer.score_documents([texts[0], "", "One. Two."])
    assert frame["assessable"].tolist() == [True, False, False]
    assert frame["n_units"].tolist() == [5, 0, 2]
    named = scorer.score_documents(Documents([texts[1]], ids=["b"]))
    assert named.index.tolist() == ["b"]


def test_same_seed_same_scores(rng):
    reference, fresh = walks(rng, 15), walks(rng, 4)
    frames = [cheap(random_state=3).fit(reference).score_documents(fresh) for _ in range(2)]
    pd.testing.assert_frame_equal(*frames, check_exact=True)


def test_default_process_is_the_linear_one_with_a_moving_mean(rng):
    scorer = CoherenceScorer(n_components=2, n_folds=2).fit(walks(rng, 12))
    assert scorer.models_[0].estimator.trend == "linear"
    assert np.isfinite(scorer.score_documents(walks(rng, 2))["score"]).all()


def test_embeddings_of_a_frozen_embedder_are_computed_once_a_document(rng):
    class Counter:
        seen = 0

        def encode(self, texts):
            Counter.seen += len(texts)
            return np.array([[len(t), t.count("a"), t.count("e")] for t in texts], dtype=float)

    units = [[f"{'a' * k}{'e' * j} word" for j in range(6)] for k in range(10)]
    scorer = CoherenceScorer(
        Counter(), Steps(), n_components=2, n_folds=3, cache=False
    ).fit(units)  # fmt: skip
    first = Counter.seen
    scorer.score_documents([["one aa", "two e", "three", "four a", "five e"]])
    assert Counter.seen == first + 5


def test_cosine_leaves_out_units_without_direction():
    embedded = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert neighbour_cosine(embedded) == pytest.approx((1 + np.sqrt(0.5)) / 2)
    assert np.isnan(neighbour_cosine(np.zeros((3, 2))))


def test_what_cannot_be_scored_is_refused(rng):
    with pytest.raises(NotFittedError):
        cheap().score_documents(walks(rng, 2))
    scorer = cheap().fit(walks(rng, 12))
    with pytest.raises(InputError, match="fitted to embeddings; it cannot score texts"):
        scorer.score_documents(["A text. Of two."])
    with pytest.raises(InputError, match="n_folds=5 needs at least 5"):
        cheap().fit(walks(rng, 3))
    with pytest.raises(InputError, match="single string"):
        scorer.score_documents("text")
    with pytest.raises(InputError, match="empty"):
        scorer.score_documents([])


def test_the_scorer_can_be_cloned(rng):
    scorer = clone(cheap(min_units=7))
    assert scorer.get_params()["min_units"] == 7
