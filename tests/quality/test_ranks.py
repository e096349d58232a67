"""Ranks give p-values of the promised size."""

from __future__ import annotations

import numpy as np
import pytest

from stochtext.quality.ranks import cross_conformal_pvalues, fold_zscores, two_sided


def test_pvalue_counts_each_fold_under_its_own_model():
    reference = np.array([1.0, 2.0, 11.0, 12.0])
    fold = np.array([0, 0, 1, 1])
    scores = np.array([[0.0, 10.0], [3.0, 13.0], [1.5, 11.5]])
    found = cross_conformal_pvalues(scores, reference, fold)
    assert found.tolist() == pytest.approx([2 / 5, 2 / 5, 1.0])


def test_two_sided_is_at_most_one():
    assert two_sided(np.array([0.7]), np.array([0.6])).tolist() == [1.0]


def test_offsets_between_folds_do_not_matter_for_zscores(rng):
    reference, fold = rng.standard_normal(40), np.arange(40) % 4
    scores, offset = rng.standard_normal((5, 4)), np.array([0.0, 10.0, -5.0, 3.0])
    first = fold_zscores(scores, reference, fold)
    second = fold_zscores(scores + offset, reference + offset[fold], fold)
    np.testing.assert_allclose(first, second, atol=1e-12)


def test_zscores_of_unbiased_models_are_standard(rng):
    reference = rng.standard_normal(4000)
    scores = np.repeat(rng.standard_normal((4000, 1)), 5, axis=1)
    found = fold_zscores(scores, reference, np.arange(4000) % 5)
    assert abs(found.mean()) < 0.08
    assert found.std() == pytest.approx(1.0, abs=0.05)
