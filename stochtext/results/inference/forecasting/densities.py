"""The density of the state several steps ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp

from stochtext._shared.random import seed_sequence
from stochtext._shared.typing import FloatArray, RandomState
from stochtext.results.inference.forecasting.laws import law_of
from stochtext.results.inference.forecasting.origins import Origins, panel_origins
from stochtext.results.inference.forecasting.sampling import sample_forecasts
from stochtext.trajectories.panel import Trajectories

__all__ = ["horizon_log_density"]

_ROWS_AT_ONCE = 2**20


def horizon_log_density(
    results: Any, panel: Trajectories, horizon: int, n_samples: int, random_state: RandomState
) -> FloatArray:
    r"""Return the log density of the state ``horizon`` steps after each one of a panel.

    Parameters
    ----------
    results : SDEResults
    panel : Trajectories
    horizon : int
    n_samples : int
        Paths from each state, where the density is not known.
    random_state : None, int, Generator or SeedSequence

    Returns
    -------
    ndarray of shape (n_transitions,)
        NaN where the trajectory ends before.

    Notes
    -----
    Exact where the process has a Gaussian transition over any length. Otherwise

    .. math:: \hat p_h(y \mid x) = \frac 1S \sum_s p_1(y \mid X_{h-1}^{(s)}),

    with sampled paths to the state before the last step, which the density of the fit weighs
    (Pedersen 1995, Scandinavian Journal of Statistics 22, 55-71). The mean is unbiased; its
    logarithm is too small by about its squared relative error over two.
    """
    clock = results.record.clock
    origins = panel_origins(panel, (horizon,), clock, "every", results.process.autonomous)
    assert origins.observed is not None
    seen = origins.observed[:, 0]
    known = np.flatnonzero(np.isfinite(seen).all(axis=1))
    density = np.full(len(seen), np.nan)
    own = _rows(origins, known)
    law = law_of(results.process, results.transition, getattr(results, "errors", None))
    exact = horizon == 1
    if not exact and law.is_exact:
        first = (own.x[:1], own.dt[:1, 0], own.t[:1], own.clock_dt[:1, 0])
        exact = results.process.transition_moments(*first) is not None
    if exact:
        density[known] = results.transition.log_density(
            results.process, own.x, seen[known], own.t, own.dt.sum(axis=1),
            clock_dt=own.clock_dt.sum(axis=1),
        )  # fmt: skip
        return density
    each = max(1, _ROWS_AT_ONCE // n_samples)
    for begin in range(0, len(known), each):
        part = known[begin : begin + each]
        density[part] = _averaged(
            results, law, _rows(origins, part), seen[part], horizon, n_samples,
            (random_state, begin),
        )  # fmt: skip
    return density


def _averaged(
    results: Any, law: Any, origins: Origins, seen: FloatArray, horizon: int, n_samples: int,
    address: tuple[RandomState, int],
) -> FloatArray:  # fmt: skip
    root = seed_sequence(address[0])
    seed = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, address[1]))
    paths = sample_forecasts(
        law, results.process, (), origins, (horizon - 1,), n_samples, seed
    ).fitted[:, 0]
    flat = paths.reshape(-1, paths.shape[2])
    finite = np.isfinite(flat).all(axis=1)
    last = horizon - 1
    t = origins.t + origins.clock_dt[:, :last].sum(axis=1)
    rows = [np.repeat(a, n_samples)[finite] for a in (t, origins.dt[:, last],
                                                      origins.clock_dt[:, last])]  # fmt: skip
    found = np.full(len(flat), -np.inf)
    goal = np.repeat(seen, n_samples, axis=0)[finite]
    found[finite] = results.transition.log_density(
        results.process, flat[finite], goal, rows[0], rows[1], clock_dt=rows[2]
    )
    return np.asarray(logsumexp(found.reshape(-1, n_samples), axis=1) - np.log(n_samples))


def _rows(origins: Origins, rows: Any) -> Origins:
    return Origins(
        origins.x[rows], origins.t[rows], origins.dt[rows], origins.clock_dt[rows], None,
        origins.index[rows], None,
    )  # fmt: skip
