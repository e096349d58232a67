"""Paths whose two ends are known: bridges, and processes pinned at their end."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.trajectories.reading import as_trajectories
from stochtext.transitions.exact.density import ExactDensity

__all__ = ["brownian_bridge_rate", "pinned_log_density"]


def pinned_log_density(
    process: Process, X: Any, *, dt: Any = None, times: Any = None
) -> FloatArray:
    r"""Return the log density of each path between its ends, given both ends.

    Parameters
    ----------
    process : Process
        With an exact transition density; a Brownian motion makes the paths Brownian
        bridges, an Ornstein-Uhlenbeck process ones that are pinned at their end.
    X : Trajectories, array or list of arrays
        The paths; the first and the last state of each are taken as given.
    dt, times : optional
        Sampling interval or observation times, as in :class:`stochtext.Trajectories`.

    Returns
    -------
    ndarray of shape (m,)
        In nats; 0 for a path without a state between its ends.

    Raises
    ------
    InputError
        If the process has no exact transition density.

    Notes
    -----
    By Bayes' rule for a Markov process

    .. math:: \log p(x_1, \dots, x_{n-1} \mid x_0, x_n) =
              \sum_{k=0}^{n-1} \log p(x_{k+1} \mid x_k) - \log p(x_n \mid x_0).

    A drift of a Brownian motion cancels.

    References
    ----------
    Karatzas and Shreve (1991), Brownian Motion and Stochastic Calculus, section 5.6.B.

    Examples
    --------
    >>> from stochtext.processes import BrownianMotion
    >>> from stochtext.transitions import pinned_log_density
    >>> pinned_log_density(BrownianMotion(0.0, 1.0), [0.0, 0.3, 0.2], dt=1.0).round(6)
    array([-0.612365])
    """
    panel = as_trajectories(X, dt=dt, times=times)
    density = ExactDensity()
    steps = panel.transitions(process.clock)
    along = density.log_density(
        process, steps.x, steps.x_next, steps.t, steps.dt, clock_dt=steps.clock_dt
    )
    first, last = panel.offsets[:-1], panel.offsets[1:] - 1
    clock = panel.times if process.clock == "time" else panel.relative_times
    across = density.log_density(
        process, panel.values[first], panel.values[last], clock[first],
        panel.times[last] - panel.times[first], clock_dt=clock[last] - clock[first],
    )  # fmt: skip
    found = np.add.reduceat(along, first - np.arange(len(first))) - across
    return np.where(panel.lengths > 2, found, 0.0)


def brownian_bridge_rate(X: Any, *, dt: Any = None, times: Any = None) -> FloatArray:
    r"""Return the maximum-likelihood covariance rate of Brownian bridges between known ends.

    Parameters
    ----------
    X : Trajectories, array or list of arrays
        The paths; the ends of each are taken as given.
    dt, times : optional
        As in :func:`pinned_log_density`.

    Returns
    -------
    ndarray of shape (d, d)
        a = sigma sigma^T.

    Raises
    ------
    InputError
        If there are fewer states between ends than coordinates.

    Notes
    -----
    With increments :math:`\Delta_k` over steps :math:`h_k` and N states between ends,

    .. math:: \hat a = \frac1N \sum_{\text{paths}} \Big( \sum_k \frac{\Delta_k \Delta_k^\top}{h_k}
              - \frac{(x_n - x_0)(x_n - x_0)^\top}{t_n - t_0} \Big).

    References
    ----------
    Zhang, Sheng, Lin, Jiang and Kang (2024), On the sequence evaluation based on stochastic
    processes, proposition 2 (equal steps).
    """
    panel = as_trajectories(X, dt=dt, times=times)
    first, last = panel.offsets[:-1], panel.offsets[1:] - 1
    inner = int(np.sum(panel.lengths - 2))
    if inner < panel.n_features:
        raise InputError(
            f"A covariance rate in {panel.n_features} dimension(s) needs as many states between "
            f"known ends at least; got {inner}."
        )
    steps = panel.transitions()
    scaled = (steps.x_next - steps.x) / np.sqrt(steps.dt)[:, None]
    span = np.sqrt(panel.times[last] - panel.times[first])[:, None]
    across = (panel.values[last] - panel.values[first]) / span
    return np.asarray((scaled.T @ scaled - across.T @ across) / inner)
