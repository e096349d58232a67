import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from stochtext.quality.auc import area_under_curve


def test_estimate_is_that_of_scikit_learn_with_ties(rng):
    high, low = rng.integers(0, 6, 20).astype(float), rng.integers(0, 5, 15).astype(float)
    labels = np.r_[np.ones(20), np.zeros(15)]
    expected = roc_auc_score(labels, np.r_[high, low])
    assert area_under_curve(high, low).estimate == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.7, 1.2])
def test_interval_covers_the_true_area(rng, shift):
    from scipy.stats import norm

    truth = norm.cdf(shift / np.sqrt(2))
    hits = 0
    for _ in range(1000):
        found = area_under_curve(rng.normal(shift, 1, 24), rng.normal(0, 1, 14))
        hits += found.lower <= truth <= found.upper
    # 99.9 % binomial band at R = 1000 around 95 %
    assert 0.926 <= hits / 1000 <= 0.971


def test_groups_that_do_not_overlap_have_no_interval():
    found = area_under_curve(np.array([3.0, 4.0]), np.array([1.0, 2.0]))
    assert found.estimate == 1.0
    assert np.isnan(found.lower)
    assert np.isnan(found.upper)
