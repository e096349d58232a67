"""The law of a likelihood ratio by refits to panels simulated under the restriction.

Law of this file: replicate b depends on the seed and on b alone; a replicate that fails is
counted, never replaced.
"""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import numpy as np

from stochtext._shared.exceptions import InputError, StochtextError
from stochtext._shared.random import seed_sequence
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_integer
from stochtext.processes.base import Process
from stochtext.results.inference.refits.bootstrap import pieces_of
from stochtext.results.inference.refits.refitting import Refitting
from stochtext.results.inference.refits.replication import replicated_panels
from stochtext.trajectories.panel import Trajectories

__all__ = ["FitWithData", "bootstrapped_ratios"]


class FitWithData(Protocol):
    """A likelihood fit with its data."""

    process: Process
    refitting: Refitting | None


def bootstrapped_ratios(
    full: FitWithData,
    restricted: FitWithData,
    *,
    n_boot: int,
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> FloatArray:
    """Return likelihood ratios of panels simulated from the restricted fit.

    Parameters
    ----------
    full, restricted : ParametricResults
        With their data.
    n_boot : int
    random_state : int, Generator, SeedSequence or None
    n_jobs : int, optional
        Processes, as in joblib. The numbers do not depend on it.

    Returns
    -------
    ndarray of shape (n_boot,)
        NaN where the simulation or a refit failed.

    Raises
    ------
    InputError
        If a fit has lost its data.

    Notes
    -----
    Replicates have the first states, lengths and times of the data. Both models are fitted to
    each, the full one from where the restricted one ended, so that no ratio is negative.

    References
    ----------
    Davison and Hinkley (1997), Bootstrap Methods and their Application, section 4.4.
    """
    from joblib import Parallel, delayed

    if full.refitting is None or restricted.refitting is None:
        raise InputError(
            "The bootstrap needs the data of both fits, which results from a file do not have. "
            "Fit again."
        )
    pair, seed = (full.refitting, restricted.refitting), seed_sequence(random_state)
    total = check_integer("n_boot", n_boot)
    found = Parallel(n_jobs=n_jobs)(
        delayed(_ratios)(pair, restricted.process, seed, piece) for piece in pieces_of(total)
    )
    return np.concatenate(found)


def _ratios(
    pair: tuple[Refitting, Refitting], process: Process, seed: np.random.SeedSequence,
    piece: tuple[int, int],
) -> FloatArray:  # fmt: skip
    panels = replicated_panels(process, pair[1].panel, seed, *piece)
    return np.array([_ratio(*pair, process, panel) for panel in panels])


def _ratio(
    full: Refitting, restricted: Refitting, process: Process, panel: Trajectories | None
) -> float:
    if panel is None:
        return np.nan
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            small = _refitted(restricted, process, panel)
            large = _refitted(full, small.process, panel)
    except (StochtextError, np.linalg.LinAlgError):
        return np.nan
    if not (small.converged and large.converged):
        return np.nan
    return max(2.0 * float(large.llf - small.llf), 0.0)


def _refitted(refitting: Refitting, start: Process, panel: Trajectories) -> Any:
    return refitting.fit(panel, start=dict(start.params), n_starts=1, cov_type="nonrobust")
