"""The model confidence set: who leaves, who stays, and how often the best ones do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext.comparison import model_confidence_set
from stochtext.comparison.elimination import eliminated


def _scores(rng, m=30, k=4, n=20):
    cluster = np.repeat(np.arange(m), n)
    level = rng.standard_normal((m, k))[cluster]
    return 0.5 * level + rng.standard_normal((m * n, k)), cluster


def test_statistic_of_two_models_is_the_clustered_t_value(rng):
    scores, cluster = _scores(rng, k=2)
    gap = scores[:, 0] - scores[:, 1]
    sums = np.bincount(cluster, gap - gap.mean())
    t = gap.mean() / (np.sqrt(30 / 29 * np.sum(sums**2)) / len(gap))
    order, pvalues = eliminated(scores, cluster, 4000, rng)
    assert order == ([1, 0] if t > 0 else [0, 1])
    assert pvalues[1] == 1.0
    # the bootstrap-t of a symmetric law is near Student's
    assert pvalues[0] == pytest.approx(2 * stats.t.sf(abs(t), 29), abs=0.03)


def test_a_model_that_is_far_behind_leaves_first(rng):
    scores, cluster = _scores(rng)
    scores[:, 2] -= 2.0
    frame = model_confidence_set(pd.DataFrame(scores, columns=list("abcd")), cluster)
    assert not frame.loc["c", "included"]
    assert frame["included"].drop("c").all()
    assert frame.index[-1] == "c"


def test_pvalues_never_fall_as_models_leave(rng):
    scores, cluster = _scores(rng, k=6)
    _, pvalues = eliminated(scores - 0.2 * np.arange(6), cluster, 500, rng)
    assert np.all(np.diff(pvalues) >= 0)


def test_the_same_model_twice_stays_or_leaves_together(rng):
    scores, cluster = _scores(rng, k=2)
    twice = pd.DataFrame({"a": scores[:, 0], "again": scores[:, 0], "b": scores[:, 1] + 3.0})
    frame = model_confidence_set(twice, cluster)
    assert frame["included"].to_dict() == {"b": True, "a": False, "again": False}


def test_sets_hold_the_best_models_as_often_as_they_say():
    held = []
    for k in range(200):
        scores, cluster = _scores(np.random.default_rng(k), k=5)
        frame = model_confidence_set(pd.DataFrame(scores), cluster, 0.1, n_boot=199, random_state=k)
        held.append(frame["included"].all())
    # 90 %, standard error 2.1
    assert 0.83 <= np.mean(held) <= 0.97


def test_one_path_is_drawn_in_blocks_as_long_as_there_are_blocks(rng):
    noise = rng.standard_normal((400, 2)).cumsum(axis=0) * 0.05
    frame = model_confidence_set(pd.DataFrame(noise + [0.0, 5.0], columns=["bad", "good"]), None)
    assert frame["included"].to_dict() == {"good": True, "bad": False}


@pytest.mark.parametrize(("n", "cluster"), [(8, None), (40, np.repeat([0, 1, 2, 3], 10))])
def test_too_few_to_draw_again_are_refused(rng, n, cluster):
    with pytest.raises(InputError, match="needs 5 of them or more; got [34]"):
        model_confidence_set(pd.DataFrame(rng.standard_normal((n, 2))), cluster)
