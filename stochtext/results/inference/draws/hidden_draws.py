"""Draws of a linear model of hidden states from the sampling law of its estimate.

Law of this file: a variance that the fit put to zero stays there; every draw returns to its mean
if the estimate does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext.results.inference.draws.process_draws import OUT_OF_RANGE
from stochtext.transitions.state_space.model import StateSpaceModel

__all__ = ["SOURCE", "HiddenDraws", "hidden_draws"]

SOURCE = "the normal law of the estimates, those of the noise included"
_SMALLEST_SHARE = 0.5
_ROUNDS = 20


class HiddenDraws(NamedTuple):
    """Models drawn around a fitted one; none, and the reason, where there is no honest law."""

    models: tuple[StateSpaceModel, ...]
    reason: str | None


def hidden_draws(results: Any, n_draws: int, random_state: RandomState) -> HiddenDraws:
    """Return draws of the state-space model behind results.

    Parameters
    ----------
    results : LinearResults
        Of a fit with hidden states.
    n_draws : int
    random_state : None, int, Generator or SeedSequence
    """
    model: StateSpaceModel = results.observed
    covariance = np.asarray(results._covariance())
    free = np.isfinite(np.diag(covariance))
    if not free.any():
        return HiddenDraws((), results.covariances.reason or "a standard error is not known")
    values, vectors = np.linalg.eigh(covariance[np.ix_(free, free)])
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    rng, noise = generator(random_state, "hidden draws"), _noise_kind(results)
    returns, kept, tried = _returns(model), [], 0
    for _ in range(_ROUNDS):
        tried += n_draws
        theta = np.tile(results.params.to_numpy(), (n_draws, 1))
        theta[:, free] += rng.standard_normal((n_draws, len(root))) @ root.T
        drawn = [model.with_parameters(one, noise) for one in theta]
        kept += [one for one in drawn if not returns or _returns(one)]
        if len(kept) < _SMALLEST_SHARE * tried:
            return HiddenDraws((), OUT_OF_RANGE)
        if len(kept) >= n_draws:
            break
    return HiddenDraws(tuple(kept[:n_draws]), None)


def _returns(model: StateSpaceModel) -> bool:
    kappa: FloatArray = np.atleast_2d(np.asarray(model.process.params["kappa"], dtype=np.float64))
    return bool(np.linalg.eigvals(kappa).real.min() > 0)


def _noise_kind(results: Any) -> str:
    """Return what was estimated of the noise: "none", "diagonal" or "full"."""
    count = sum(name.partition("[")[0] == "noise" for name in results.params.index)
    if count == 0:
        return "none"
    return "diagonal" if count == results.record.dim else "full"
