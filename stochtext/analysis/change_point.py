"""Has the law of motion changed on the way? A score test for parametric fits.

The scores of a stable model sum to zero at the estimate, and their partial sums over time
are a Brownian bridge. A change of a parameter bends them away from zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import gammaln, jn_zeros, jv
from sklearn.base import clone

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.change_point_result import ChangePoint
from stochtext.estimators.base import SDEEstimator
from stochtext.estimators.sample import TransitionSample, transition_sample
from stochtext.results.parametric import ParametricResults
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["bridge_norm_sf", "change_point"]

# A change in the first or last tenth of the transitions has too little on one side of it.
_TRIM = 0.1
_ZEROS = 60


def change_point(
    estimator: SDEEstimator,
    X: Any,
    *,
    parameters: Sequence[str] | None = None,
    dt: Any = None,
    times: Any = None,
) -> ChangePoint:
    """Test whether parameters change at some time, and estimate when.

    Parameters
    ----------
    estimator : SDEEstimator
        A likelihood estimator such as :class:`ParametricSDE` or :class:`LinearSDE`; it is
        cloned and fitted, to all and to both sides of the change.
    X : Trajectories or what they are made of
        Transitions of all trajectories are ordered by the time at which they start.
    parameters : sequence of str, optional
        Names of those that may change, such as ``("sigma",)``; default all.
    dt, times : optional
        As in ``fit``, for plain arrays.

    Returns
    -------
    ChangePoint

    Raises
    ------
    InputError
        If the estimator has no parameters, a name is unknown, or there are too few
        transitions on one side.

    Notes
    -----
    With the scores s_i at the estimate, J the mean of s s^T and S(u) the sum of the first
    n u of them, ``sup_u |J^{-1/2} S(u)|^2 / n`` behaves like the supremum of the squared
    norm of a q-dimensional Brownian bridge (Nyblom, 1989; Negri and Nishiyama, 2012), whose
    distribution is that of Kiefer (1959). The test asks about one change; it has power
    against several and against drifting parameters too. The time is where the weighted
    norm ``|S(u)|^2 / (u (1 - u))`` is largest, within the inner eight tenths.

    References
    ----------
    Kiefer (1959), K-sample analogues of the Kolmogorov-Smirnov and Cramér-v. Mises tests,
    Annals of Mathematical Statistics 30, 420-447. Nyblom (1989), Testing for the constancy
    of parameters over time, JASA 84, 223-230. Negri and Nishiyama (2012), Asymptotically
    distribution free test for parameter change in a diffusion process model, Annals of the
    Institute of Statistical Mathematics 64, 911-918.

    Examples
    --------
    >>> import numpy as np
    >>> import stochtext as st
    >>> calm, wild = (st.OrnsteinUhlenbeck(1.0, 0.0, s) for s in (0.5, 0.7))
    >>> first = st.simulate(calm, 0.0, dt=0.1, n_steps=500, random_state=1).values
    >>> second = st.simulate(wild, first[-1], dt=0.1, n_steps=500, random_state=2).values
    >>> X = st.Trajectories(np.vstack([first, second[1:]]), dt=0.1)
    >>> found = st.analysis.change_point(st.LinearSDE(), X, parameters=["sigma"])
    >>> bool(found.pvalue < 0.01)
    True
    """
    panel = as_trajectories(X, dt=dt, times=times)
    fit = clone(estimator).fit(panel)
    results = fit.results_
    if not isinstance(results, ParametricResults):
        raise InputError(
            f"{type(estimator).__name__} fits curves; a change point needs parameters: use "
            "LinearSDE or ParametricSDE."
        )
    names = _chosen(results, parameters)
    sample = transition_sample(panel, clock=results.record.clock)
    order = np.argsort(_starts(panel), kind="stable")
    scores = _scores(fit, sample)[order]
    columns = [list(results.process.free_parameters).index(name) for name in names]
    path = _standardised_path(scores[:, columns])
    height = np.sum(path**2, axis=1)
    at = _largest(height, len(scores))
    time = float(_starts(panel)[order][at])
    before, after = (_refitted(estimator, piece) for piece in _sides(panel, time))
    return ChangePoint(
        names=names, statistic=float(height.max()),
        pvalue=bridge_norm_sf(float(np.sqrt(height.max())), len(names)), time=time,
        times=_starts(panel)[order], path=path, before=before, after=after,
    )  # fmt: skip


def bridge_norm_sf(height: float, dim: int) -> float:
    """Return the probability that the norm of a Brownian bridge exceeds ``height``.

    Parameters
    ----------
    height : float
    dim : int
        Number of independent bridges on [0, 1].

    Notes
    -----
    Kiefer (1959, eq. 1.3): with nu = (q - 2) / 2 and the positive zeros z_k of J_nu,
    P(sup |B| <= h) = 4 / (Gamma(q/2) 2^{q/2} h^q) sum_k z_k^{q-2} / J_{q/2}(z_k)^2
    exp(-z_k^2 / (2 h^2)). For q = 1 it is the distribution of Kolmogorov.

    Examples
    --------
    >>> from stochtext.analysis.change_point import bridge_norm_sf
    >>> round(bridge_norm_sf(1.3581, 1), 4)
    0.05
    """
    if height < 0.2:
        return 1.0
    zeros: FloatArray = _bessel_zeros(dim)
    log_terms = (dim - 2) * np.log(zeros) - zeros**2 / (2 * height**2)
    series = np.sum(np.exp(log_terms) / jv(dim / 2, zeros) ** 2)
    factor = np.exp(np.log(4.0) - gammaln(dim / 2) - dim / 2 * np.log(2.0) - dim * np.log(height))
    return float(np.clip(1.0 - factor * series, 0.0, 1.0))


def _bessel_zeros(dim: int) -> FloatArray:
    """Return the first positive zeros of the Bessel function of order (dim - 2) / 2."""
    if dim == 1:
        return np.asarray((np.arange(1, _ZEROS + 1) - 0.5) * np.pi, dtype=np.float64)
    if dim % 2 == 0:
        return np.asarray(jn_zeros((dim - 2) // 2, _ZEROS), dtype=np.float64)
    from scipy.optimize import brentq

    order = (dim - 2) / 2
    grid = np.linspace(0.5, (_ZEROS + order) * np.pi, 40 * _ZEROS)
    signs = np.sign(jv(order, grid))
    places = np.flatnonzero(signs[1:] != signs[:-1])
    roots = [brentq(lambda z: jv(order, z), grid[k], grid[k + 1]) for k in places]
    return np.array(roots[:_ZEROS], dtype=np.float64)


def _chosen(results: ParametricResults, parameters: Sequence[str] | None) -> tuple[str, ...]:
    names = tuple(results.free if parameters is None else parameters)
    unknown = [name for name in names if name not in results.free]
    if unknown or not names:
        raise InputError(
            f"`parameters` must name estimated parameters, of {results.free}; got {unknown}."
        )
    return names


def _starts(panel: Trajectories) -> FloatArray:
    return np.delete(panel.times, panel.offsets[1:] - 1)


def _scores(fit: SDEEstimator, sample: TransitionSample) -> FloatArray:
    s = sample
    likelihood = fit.transition_.likelihood(
        fit.process_, s.x, s.x_next, s.t, s.dt, clock_dt=s.clock_dt, weight=s.weight
    )
    return likelihood.scores(fit.process_.to_vector())


def _standardised_path(scores: FloatArray) -> FloatArray:
    """Return J^{-1/2} S(u) / sqrt(n), shape (n, q)."""
    n = len(scores)
    factor = np.linalg.cholesky(scores.T @ scores / n)
    path: FloatArray = np.linalg.solve(factor, np.cumsum(scores, axis=0).T).T / np.sqrt(n)
    return path


def _largest(height: FloatArray, n: int) -> int:
    share = np.arange(1, n + 1) / n
    inner = (share >= _TRIM) & (share <= 1 - _TRIM)
    weighted = np.where(inner, height / np.where(inner, share * (1 - share), 1.0), -np.inf)
    # The change lies after the transition up to which the sum goes.
    return min(int(np.argmax(weighted)) + 1, n - 1)


def _sides(panel: Trajectories, time: float) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return (values, times) of the trajectories up to the change and from it on."""
    sides: tuple[list[Any], list[Any]] = ([], [])
    for values, times in zip(panel.arrays(), panel.time_arrays(), strict=True):
        for side, keep in zip(sides, (times <= time, times >= time), strict=True):
            if _count(keep) >= 2:
                side.append((values[keep], times[keep]))
    return sides


def _count(keep: IntArray | np.ndarray) -> int:
    return int(np.count_nonzero(keep))


def _refitted(estimator: SDEEstimator, pieces: list[Any]) -> ParametricResults:
    if not pieces:
        raise InputError("One side of the change has no trajectory with two states.")
    side = Trajectories([values for values, _ in pieces], [times for _, times in pieces])
    results = clone(estimator).fit(side).results_
    assert isinstance(results, ParametricResults)
    return results
