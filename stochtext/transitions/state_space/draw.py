"""Draws from a linear state-space model at given times."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.transitions.state_space.filter import Laws
from stochtext.transitions.state_space.layout import Rows

__all__ = ["draw"]


def draw(
    laws: Laws, rows: Rows, away: FloatArray, rng: np.random.Generator, *, observed: bool
) -> FloatArray:
    """Return drawn observations (N, d), counted from the mean curve.

    Parameters
    ----------
    laws : Laws
    rows : Rows
    away : ndarray of shape (N, d)
        The data counted from the mean; their first rows are kept where the first
        state has no law of its own.
    rng : Generator
    observed : bool
        False: states without noise.
    """
    size, d = laws.phi.shape[1], away.shape[1]
    noise, step_roots = _roots(laws.noise[None])[0], _roots(laws.q)
    shocks = rng.standard_normal((len(away), size))
    errors = rng.standard_normal((len(away), d)) @ noise.T
    state = np.empty((len(away), size))
    first = rows.first
    state[first] = laws.start + shocks[first] @ _roots(laws.first[None])[0].T
    if laws.flat:
        state[first, :d] = away[first] - errors[first]
    lengths = np.diff(rows.offsets)
    for k in range(1, int(lengths.max())):
        row = first[lengths > k] + k
        group = rows.group[row]
        moved = np.einsum("nij,nj->ni", laws.phi[group], state[row - 1])
        moved += np.einsum("nij,nj->ni", step_roots[group], shocks[row])
        moved[:, :d] += np.einsum("nij,nj->ni", laws.forcing[group], laws.drive[row])
        state[row] = moved
    return state[:, :d] + errors if observed else state[:, :d]


def _roots(covariances: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh(covariances)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])
