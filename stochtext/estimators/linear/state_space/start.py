"""Where the search for a state-space model starts: variances and two lags of memory."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.transitions.state_space.layout import Rows
from stochtext.transitions.state_space.likelihood import Model
from stochtext.transitions.state_space.parameters import Parameters

__all__ = ["starts"]

LEAST, MOST = 0.05, 0.95


def starts(model: Model, rows: Rows) -> list[Parameters]:
    """Return parameters with one rate of return for all coordinates, for two shares of noise.

    The share of noise is one tenth, or what the memory over one step lacks of that over
    two: Y has the autocorrelations share * phi, share * phi^2.
    """
    away, trend = _away_from_mean(model, rows)
    spread = _covariance(away)
    between = _between_share(away, spread, rows) if model.shape.effect else 0.0
    memory = [(_memory(away, spread, rows, lag) - between) / (1.0 - between) for lag in (1, 2)]
    one = float(np.clip(memory[0], LEAST, MOST))
    noisy = model.shape.noise != "none"
    given = float(np.mean(np.diag(model.noise) / np.diag(spread)))
    if not noisy:
        shares = [max(1.0 - given, LEAST)]
    else:
        slow = float(np.clip(memory[1] / one, LEAST, 0.98))
        shares = [0.9, float(np.clip(one / slow, 0.1, 0.98))]
    step = float(np.median(rows.steps[rows.group[rows.group >= 0]]))
    return [
        _parameters(model, trend, spread, between, share, one / share, step) for share in shares
    ]


def _parameters(
    model: Model, trend: FloatArray, spread: FloatArray, between: float, share: float,
    memory: float, step: float,
) -> Parameters:  # fmt: skip
    d, shape = len(spread), model.shape
    rate = -np.log(np.clip(memory, LEAST, 0.99)) / step
    root = np.linalg.cholesky(spread)
    inner = 1.0 - between
    noise = np.sqrt((1.0 - share) * inner) * root
    if shape.noise == "diagonal":
        noise = np.diag(np.sqrt((1.0 - share) * inner * np.diag(spread)))
    return Parameters(
        rate * np.eye(d), trend, np.sqrt(2.0 * rate * share * inner) * root,
        noise if shape.noise != "none" else None,
        np.sqrt(max(between, LEAST)) * root if shape.effect else None,
        trend[0].copy() if shape.free_start else None,
        np.sqrt(share * inner) * root if shape.free_start else None,
    )  # fmt: skip


def _away_from_mean(model: Model, rows: Rows) -> tuple[FloatArray, FloatArray]:
    values = model.basis.derivatives(rows.clock)[0]
    trend = np.zeros((values.shape[1], rows.y.shape[1]))
    for j, y in enumerate(rows.y.T):
        seen = np.isfinite(y)
        trend[:, j] = np.linalg.lstsq(values[seen], y[seen], rcond=None)[0]
    return rows.y - values @ trend, trend


def _covariance(away: FloatArray) -> FloatArray:
    """Return the covariance of what is seen in pairs, with eigenvalues that are positive."""
    seen = np.isfinite(away)
    filled = np.where(seen, away, 0.0)
    pairs = np.maximum(seen.T.astype(float) @ seen, 1.0)
    covariance = filled.T @ filled / pairs
    scale = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    correlation = (vectors * np.maximum(values, 1e-3)) @ vectors.T
    return np.asarray(correlation * np.outer(scale, scale))


def _memory(away: FloatArray, spread: FloatArray, rows: Rows, lag: int) -> float:
    """Return the autocorrelation over some rows, averaged over the coordinates."""
    trajectory = np.repeat(np.arange(len(rows.first)), np.diff(rows.offsets))
    together = trajectory[lag:] == trajectory[:-lag]
    product = away[lag:][together] * away[:-lag][together]
    counts = np.isfinite(product).sum(axis=0)
    sums = np.nansum(product, axis=0)
    known = counts > 0
    if not known.any():
        return 0.5
    return float(np.mean((sums / np.maximum(counts, 1) / np.diag(spread))[known]))


def _between_share(away: FloatArray, spread: FloatArray, rows: Rows) -> float:
    """Return a share of the variance that stands between trajectories."""
    seen = np.isfinite(away)
    sums = np.add.reduceat(np.where(seen, away, 0.0), rows.first)
    counts = np.add.reduceat(seen, rows.first)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / counts
    share = np.nanmean(means**2, axis=0) / np.diag(spread)
    return float(np.clip(0.5 * np.mean(share), LEAST, 0.8))
