"""Vuong's test of two fits to the same data by their own likelihoods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.tables import Summary, pairs_table
from stochtext._shared.typing import FloatArray, IntArray
from stochtext._shared.validation import check_choice
from stochtext.comparison.means import MeanEstimate, clustered_mean, newey_west_mean
from stochtext.results.inference.parameters.same_data import check_same_data
from stochtext.trajectories.panel import Trajectories

__all__ = ["VuongTest", "vuong_test"]

CORRECTIONS = ("none", "aic", "bic")
NESTED = (
    "For nested or overlapping models the statistic is not normal: its variance vanishes where "
    "both say the same. Test nested ones with results.lr_test."
)
FEWEST_CLUSTERS = 10
FEW = f"fewer than {FEWEST_CLUSTERS} trajectories or groups"
NO_SCORES = (
    "a fit has no scores of its parameters, and how often the test rejects without them was never "
    "measured; use compare"
)
_DRAWS = 20_000

#: Score of each transition, and the inverse Hessian.
Scores = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class VuongTest:
    """Vuong's test that two models are equally close to the truth.

    Attributes
    ----------
    statistic : float
        Positive where the first model is closer.
    df : float
        Of the t distribution.
    pvalue : float
        Two-sided; NaN with the ``reason``.
    difference : float
        Mean difference of the log densities per transition, corrected.
    indistinguishable_pvalue : float
        Of the hypothesis that the two fitted models say the same (variance zero): where it is
        large, ``pvalue`` has no meaning. NaN where scores of parameters are not at hand.
    n : int
        Transitions.
    n_clusters : int or None
    correction : str
    reason : str or None
    """

    statistic: float
    df: float
    pvalue: float
    difference: float
    indistinguishable_pvalue: float
    n: int
    n_clusters: int | None
    correction: str
    reason: str | None

    def summary(self) -> Summary:
        """Return the test as a table with its meaning."""
        left = [("Statistic", self.statistic), ("p-value", self.pvalue),
                ("Difference per transition", self.difference)]  # fmt: skip
        right = [("Transitions", self.n), ("Clusters", self.n_clusters),
                 ("p of 'they say the same'", self.indistinguishable_pvalue)]  # fmt: skip
        notes = [NESTED] + ([f"p is NaN: {self.reason}."] if self.reason else [])
        return Summary([pairs_table(left, right, "Vuong's test")], notes)

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def vuong_test(first: Any, second: Any, X: Any = None, *, correction: str = "none") -> VuongTest:
    r"""Test that two fitted models are equally close to the truth, by their likelihoods.

    Parameters
    ----------
    first, second : results
        Of fits to the same data.
    X : panel, optional
        The data; needed where results do not hold them (curves, restored fits).
    correction : {"none", "aic", "bic"}, default "none"
        What is subtracted for the number of parameters: their difference k, or k log(n) / 2.

    Returns
    -------
    VuongTest

    Raises
    ------
    InputError
        If the fits are of different data (naming the difference) or of densities that do not
        compare.

    Notes
    -----
    With m_i the difference of the log densities of transition i,

    .. math:: z = \frac{\sum_i m_i}{\sqrt{n} \, \hat\omega},

    the error clustered by trajectory (or group) and compared with t(M - 1), Newey-West for one
    path. A cluster counts with the log densities that models fitted without it would give, to
    second order :math:`s_c' H^{-1} s_c` below its own with its score :math:`s_c` (as HC3 does for
    least squares). The preceding test of :math:`\omega = 0`
    compares the sum of squares of the centred differences with the weighted sum of chi-squares
    of theorem 4.1. Both models are taken as fitted by maximum likelihood. How often it rejects
    two equally wrong models is measured in ``benchmarks/calibration/vuong.py``; below 10
    clusters and without scores the p-value is NaN.

    References
    ----------
    Vuong, Q. H. (1989), Likelihood ratio tests for model selection and non-nested hypotheses,
    Econometrica 57, 307-333, theorems 4.1 and 5.1.
    """
    check_choice("correction", correction, CORRECTIONS)
    check_same_data({"first": first, "second": second})
    panels = [_panel(results, X) for results in (first, second)]
    gaps = [_log_density(results, panels[0]) for results in (first, second)]
    gap = gaps[0] - gaps[1]
    cluster = _clusters(panels[0])
    scores = [_scores(results, panels[0]) for results in (first, second)]
    shift = _penalty(first, second, correction, len(gap)) / len(gap)
    if cluster is None:
        estimate = newey_west_mean(gap - shift, scale=float(np.abs(gaps[0]).max()))
    else:
        estimate = _clustered(gap - shift, cluster, float(np.abs(gaps[0]).max()), scores)
    if estimate.reason is not None and np.isfinite(estimate.value):
        estimate = estimate._replace(reason="the two models say the same of every transition")
    if estimate.reason is None and None in scores:
        estimate = estimate._replace(se=np.nan, reason=NO_SCORES)
    if cluster is not None and estimate.df < FEWEST_CLUSTERS - 1 and estimate.reason is None:
        estimate = estimate._replace(se=np.nan, reason=FEW)
    if np.isnan(shift):
        why = "the number of parameters of one fit is not known; use correction='none'"
        estimate = MeanEstimate(np.nan, np.nan, 1.0, why)
    same = _indistinguishable(scores, gap, cluster)
    return VuongTest(
        estimate.value / estimate.se, estimate.df, estimate.pvalue, estimate.value, same,
        len(gap), None if cluster is None else len(np.unique(cluster)), correction,
        estimate.reason,
    )  # fmt: skip


def _panel(results: Any, X: Any) -> Trajectories:
    if getattr(results, "hidden", False):
        raise InputError(
            "A fit with hidden states has no density of single transitions on their own; compare "
            "held-out scores with compare."
        )
    if X is not None:
        panel: Trajectories = results._as_panel(X, None, None)
        return panel
    refitting = getattr(results, "refitting", None)
    if refitting is None:
        raise InputError(f"{results.model} results do not hold the data; pass `X`.")
    found: Trajectories = refitting.panel
    return found


def _log_density(results: Any, panel: Trajectories) -> FloatArray:
    steps = panel.transitions(clock=results.record.clock)
    density: FloatArray = results.transition.log_density(
        results.process, steps.x, steps.x_next, steps.t, steps.dt, clock_dt=steps.clock_dt
    )
    return density


def _clusters(panel: Trajectories) -> IntArray | None:
    if panel.n_trajectories == 1:
        return None
    labels = np.arange(panel.n_trajectories) if panel.groups is None else panel.groups
    codes = np.unique(labels, return_inverse=True)[1]
    return np.asarray(codes[panel.transitions().trajectory], dtype=np.int64)


def _penalty(first: Any, second: Any, correction: str, n: int) -> float:
    k = float(first.df_model - second.df_model)
    return {"none": 0.0, "aic": k, "bic": 0.5 * k * float(np.log(n))}[correction]


def _clustered(
    gap: FloatArray, cluster: IntArray, scale: float, scores: Sequence[Scores | None]
) -> MeanEstimate:
    """Return the mean difference with the error of clusters that had no part in the fits."""
    estimate = clustered_mean(gap, cluster, scale)
    parts = [one for one in scores if one is not None]
    if estimate.reason is not None or len(parts) < 2:
        return estimate
    counts = np.bincount(cluster)
    m, n = len(counts), len(gap)
    own, other = (
        np.einsum("cp,pq,cq->c", sums, inverse, sums) * m / (m - 1)
        for sums, inverse in ((_summed(s, cluster, m), inverse) for s, inverse in parts)
    )
    unseen = np.bincount(cluster, weights=gap) - (own - other)
    moved = unseen - unseen.sum() / n * counts
    return estimate._replace(se=float(np.sqrt(m / (m - 1) * np.sum(moved**2))) / n)


def _indistinguishable(
    scores: Sequence[Scores | None], gap: FloatArray, cluster: IntArray | None
) -> float:
    """Return the p-value of variance zero from the weighted sum of chi-squares."""
    parts = [one for one in scores if one is not None]
    if len(parts) < 2:
        return np.nan
    codes = np.arange(len(gap)) if cluster is None else cluster
    m = int(codes.max()) + 1
    sums = [_summed(scores, codes, m) for scores, _ in parts]
    inverse = [hessian * m for _, hessian in parts]
    blocks = [[a.T @ b / m for b in sums] for a in sums]
    weights = np.block(
        [[blocks[0][0] @ inverse[0], blocks[0][1] @ inverse[1]],
         [-blocks[1][0] @ inverse[0], -blocks[1][1] @ inverse[1]]]
    )  # fmt: skip
    squares = np.linalg.eigvals(weights).real ** 2
    own = np.bincount(codes, weights=gap, minlength=m)
    statistic = float(np.sum((own - own.mean()) ** 2))
    normals = generator(0, "weighted chi-squares").standard_normal((_DRAWS, len(squares)))
    return float(np.mean(normals**2 @ squares >= statistic))


def _scores(results: Any, panel: Trajectories) -> Scores | None:
    """Return the score of each transition and the inverse Hessian, where there are such."""
    if not hasattr(results, "covariances") or results.covariances.reason is not None:
        return None
    names = list(results.process.free_parameters)
    place = [k for k, name in enumerate(names) if name in results.free]
    if len(place) != len(results.free):
        return None
    inverse = results.cov_params("nonrobust").to_numpy()
    order = [results.free.index(names[k]) for k in place]
    inverse = inverse[np.ix_(order, order)]
    steps = panel.transitions(clock=results.record.clock)
    likelihood = results.transition.likelihood(
        results.process, steps.x, steps.x_next, steps.t, steps.dt, clock_dt=steps.clock_dt
    )
    scores = likelihood.scores(results.process.to_vector())[:, place]
    if not (np.isfinite(inverse).all() and np.isfinite(scores).all()):
        return None
    return scores, inverse


def _summed(scores: FloatArray, codes: IntArray, m: int) -> FloatArray:
    return np.stack([np.bincount(codes, weights=column, minlength=m) for column in scores.T], 1)
