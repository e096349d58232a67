"""trajectory_analysis: what a fit predicts, and what was written."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.typing import FloatArray, IntArray, RandomState
from stochtext._shared.validation import check_fraction, check_integer
from stochtext.analysis.clusters import cluster_codes, cluster_sums, jackknife
from stochtext.analysis.quantities import Quantity
from stochtext.analysis.shuffling import shuffled
from stochtext.analysis.simulated_panels import fitted_results, read_analysis_panel
from stochtext.analysis.trajectories.contrast import (
    contrast_quantities,
    document_errors,
    read_complexity,
)
from stochtext.analysis.trajectories.errors import Errors, calibrated_factors, prediction_errors
from stochtext.analysis.trajectories.result import PredictedTrajectories
from stochtext.results.inference.forecasting.origins import read_horizons
from stochtext.trajectories.panel import Trajectories

__all__ = ["trajectory_analysis"]

ACCURACY, COVERAGE = "Prediction h units ahead: R2 against the mean", "Coverage of intervals"
LEVELS = (0.5, 0.8, 0.95)


def trajectory_analysis(
    results: Any,
    X: Any,
    *,
    horizons: Any = (1, 2, 4, 8),
    texts: Any = None,
    complexity: Any = None,
    n_samples: int = 200,
    n_permutations: int = 999,
    alpha: float = 0.05,
    random_state: RandomState = None,
    dt: Any = None,
    times: Any = None,
) -> PredictedTrajectories:
    r"""Predict h units ahead with intervals, and compare with what was written.

    Parameters
    ----------
    results : SDEResults or fitted estimator
    X : Trajectories, list of arrays, 3-D array
        Documents other than those fitted to: on the latter the numbers flatter.
    horizons : sequence of int, default (1, 2, 4, 8)
        Units ahead.
    texts : sequence of str or of lists of units, optional
        The documents behind ``X``, in order: their complexity is measured
        (:func:`text_complexity`).
    complexity : DataFrame or mapping, optional
        Further measures, one row a document.
    n_samples : int, default 200
        Samples a forecast.
    n_permutations : int, default 999
    alpha : float, default 0.05
    random_state : int, Generator, SeedSequence or None
    dt, times : optional
        As in ``fit``, for plain arrays.

    Returns
    -------
    PredictedTrajectories
        ``to_frame("documents")`` has one row a document, with its error and its complexity.

    Notes
    -----
    R2 is against the mean state of the fitted documents. Beside the model stand persistence
    (the last state) and, as control, the same fit on the states in random order. Coverage is
    that of the fit's own intervals and of intervals ``mean +- c sd`` whose c was learnt on
    other documents (cross-conformal), both counted with errors over documents.

    The contrast: the mean squared standardised error of each document against measures of
    complexity, by rank correlation with the rank of the length taken out of both, and a
    permutation p-value (within prompts where there are several answers). "Simple texts fit,
    complex ones diverge" is the claim that the correlation with words per unit is positive.

    Examples
    --------
    >>> import stochtext as st
    >>> X = st.simulate(
    ...     st.OrnsteinUhlenbeck(0.3, 0.0, 0.5), 0.0, dt=1.0, n_steps=20, n_paths=40, random_state=0
    ... )
    >>> found = st.analysis.trajectory_analysis(
    ...     st.LinearSDE().fit(X[:20]), X[20:], horizons=(1, 4), n_permutations=99, random_state=0
    ... )
    >>> found.value("R2", "h = 1").estimate > found.value("R2", "h = 4").estimate
    True
    """
    check_fraction("alpha", alpha)
    fit = fitted_results(results)
    panel = read_analysis_panel(fit, X, dt, times)
    root = seed_sequence(random_state)
    steps = _reachable(read_horizons(horizons), panel)
    size = check_integer("n_samples", n_samples, minimum=20)
    errors = prediction_errors(fit, panel, steps, LEVELS, size, root)
    copy = shuffled(panel, generator(root, "control"))
    control = prediction_errors(fit, copy, steps, LEVELS, size, root)
    cluster = cluster_codes(panel)[errors.trajectory]
    factors = calibrated_factors(errors, cluster, LEVELS[-1], root)
    measures = read_complexity(panel, complexity, texts)
    own, other = (
        document_errors((e.error / e.sd)[:, 0], e.trajectory, panel.n_trajectories)
        for e in (errors, control)
    )
    contrasts = contrast_quantities(
        panel, measures, own, other, check_integer("n_permutations", n_permutations, minimum=19),
        alpha, generator(root, "contrast"),
    )  # fmt: skip
    rows = [
        *_accuracy(errors, control, steps, cluster, alpha),
        *_coverage(errors, control, factors, steps, cluster, alpha),
        *contrasts,
    ]
    return PredictedTrajectories(
        rows, curves={"documents": measures.assign(error=own, error_shuffled=other)},
        model=fit.model, panel=panel, same=_is_fitted(fit, panel), with_texts=texts is not None,
        alpha=alpha,
    )  # fmt: skip


def _reachable(horizons: tuple[int, ...], panel: Trajectories) -> tuple[int, ...]:
    """Leave out horizons that fewer than half of the documents reach."""
    reach = int(np.median(panel.lengths)) - 1
    return tuple(h for h in horizons if h <= reach) or horizons[:1]


def _is_fitted(fit: Any, panel: Trajectories) -> bool:
    record = fit.record
    same = (record.nobs, record.n_trajectories) == (panel.n_transitions, panel.n_trajectories)
    return bool(same and np.allclose(fit.support.center, panel.values.mean(axis=0)))


def _accuracy(
    errors: Errors, control: Errors, steps: tuple[int, ...], cluster: IntArray, alpha: float
) -> list[Quantity]:
    rows = []
    for name, part in (("R2", "error"), ("R2 of persistence", "moved")):
        for k, h in enumerate(steps):
            away, other_away = errors.away[:, k], control.away[:, k]
            found = _r2(getattr(errors, part)[:, k], away, cluster, alpha)
            other = _r2(getattr(control, part)[:, k], other_away, cluster, alpha)[0]
            rows.append(Quantity(ACCURACY, name, f"h = {h}", *found, other))
    return rows


def _r2(
    error: FloatArray, away: FloatArray, cluster: IntArray, alpha: float
) -> tuple[float, float, float]:
    squares = np.stack([np.nansum(error**2, axis=1), np.nansum(away**2, axis=1)], axis=1)
    found = jackknife(
        cluster_sums(squares, cluster), lambda s: (1 - s[..., 0] / s[..., 1])[..., None], alpha
    )
    return float(found.value[0]), float(found.lower[0]), float(found.upper[0])


def _coverage(
    errors: Errors, control: Errors, factors: FloatArray, steps: tuple[int, ...],
    cluster: IntArray, alpha: float,
) -> list[Quantity]:  # fmt: skip
    rows = []
    reached = (np.abs(errors.error) <= factors * errors.sd).astype(np.float64)
    reached[~np.isfinite(errors.error) | ~np.isfinite(factors)] = np.nan
    for k, h in enumerate(steps):
        for j, level in enumerate(LEVELS):
            found = _share(errors.inside[j, :, k], cluster, alpha)
            other = float(np.nanmean(control.inside[j, :, k]))
            rows.append(
                Quantity(COVERAGE, f"{100 * level:.0f} % intervals", f"h = {h}", *found, other)
            )
        found = _share(reached[:, k], cluster, alpha)
        note = "" if np.isfinite(found[0]) else "fewer than twenty forecasts to learn from"
        rows.append(
            Quantity(COVERAGE, f"{100 * LEVELS[-1]:.0f} % calibrated", f"h = {h}", *found,
                     note=note)
        )  # fmt: skip
    return rows


def _share(inside: FloatArray, cluster: IntArray, alpha: float) -> tuple[float, float, float]:
    known = np.isfinite(inside)
    sums = np.stack([np.where(known, inside, 0.0).sum(axis=1), known.sum(axis=1)], axis=1)
    found = jackknife(
        cluster_sums(sums, cluster), lambda s: (s[..., 0] / s[..., 1])[..., None], alpha
    )
    return float(found.value[0]), float(found.lower[0]), float(found.upper[0])
