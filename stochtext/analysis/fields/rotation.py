r"""Helmholtz decomposition of a drift in two dimensions: gradient and rotation.

Law of this file: the split is orthogonal in the mean over the states that were visited, so
that the two shares add up to one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from stochtext._shared.typing import FloatArray
from stochtext.analysis.quantities import Quantity
from stochtext.results.inference.derived.spread import Spread

__all__ = ["rotation_quantities", "rotational_share"]

PART = "Helmholtz decomposition of the drift"
DEGREE = 4
MOST_STATES = 800
# Gradients with a smaller part than this of the largest singular value are none.
SMALLEST = 1e-10


def rotation_quantities(
    fit: Any, states: FloatArray, t: float, spread: Spread, alpha: float
) -> list[Quantity]:
    """Return the share of the drift that no potential explains.

    Parameters
    ----------
    fit : SDEResults
    states : ndarray of shape (n, 2)
        Visited states.
    t : float
        Position on the clock.
    spread : Spread
        Draws of the process.
    alpha : float

    Notes
    -----
    The share is a square: every draw has some rotation, and quantiles of draws never reach
    zero. So there is a test of none: the p-value is the rank of the size of the rotation
    among the distances of the rotations of the draws from it. Where it does not reject, the
    interval begins at zero.
    """
    name = "share of the drift that is rotation"
    if states.shape[1] != 2:
        note = f"needs two coordinates, the fit has {states.shape[1]}"
        return [Quantity(PART, name, "", np.nan, note=note)]
    x = states[:: max(1, len(states) // MOST_STATES)]
    gradients, drift = _gradients(x), fit.process.drift(x, t)
    drifts = [process.drift(x, t) for process in spread.processes]
    value = _share(gradients, drift)
    drawn = np.array([[_share(gradients, b)] for b in drifts])
    _, low, high, share = spread.interval(np.array([value]), drawn, alpha, positive=False)
    if not np.isfinite(low[0]):
        note = spread.missing(float(share[0])) if spread.reason is None else ""
        return [Quantity(PART, name, "", value, note=note)]
    pvalue = _no_rotation(gradients, drift, drifts, spread.df)
    lower = float(low[0]) if pvalue <= alpha else 0.0
    return [Quantity(PART, name, "", value, lower, float(high[0]), pvalue=pvalue)]


def _no_rotation(
    gradients: FloatArray, drift: FloatArray, drifts: list[FloatArray], df: float
) -> float:
    """Return the p-value of no rotation, with the tails of t(df) in place of the normal ones."""
    size = np.linalg.norm(_rotation(gradients, drift))
    away = [np.linalg.norm(_rotation(gradients, b - drift)) for b in drifts]
    rank = (1 + np.sum(~(np.array(away) < size))) / (1 + len(away))
    return float(2 * stats.t.sf(stats.norm.isf(rank / 2), df))


def rotational_share(x: FloatArray, drift: FloatArray) -> float:
    r"""Return the share of the mean squared drift that is no gradient.

    Parameters
    ----------
    x, drift : ndarray of shape (n, 2)

    Notes
    -----
    The drift is projected on gradients of polynomials of degree four, by least squares over
    the states; what is left is orthogonal to them. For dX = -K X dt with states of covariance
    proportional to the identity the share is that of the antisymmetric part of K in its
    squared norm.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((2000, 2))
    >>> round(rotational_share(x, x @ np.array([[-1.0, -1.0], [1.0, -1.0]]).T), 1)
    0.5
    """
    return _share(_gradients(x), drift)


def _gradients(x: FloatArray) -> FloatArray:
    """Return an orthonormal basis of the gradients of polynomials, one coordinate after the other.

    Its shape is (2 n, r).
    """
    centre, scale = x.mean(axis=0), x.std(axis=0)
    z = (x - centre) / scale
    columns = []
    for total in range(1, DEGREE + 1):
        for i in range(total + 1):
            j = total - i
            along = i * z[:, 0] ** max(i - 1, 0) * z[:, 1] ** j / scale[0]
            across = j * z[:, 0] ** i * z[:, 1] ** max(j - 1, 0) / scale[1]
            columns.append(np.concatenate([along, across]))
    basis, size, _ = np.linalg.svd(np.stack(columns, axis=1), full_matrices=False)
    return np.asarray(basis[:, size > SMALLEST * size[0]])


def _rotation(gradients: FloatArray, drift: FloatArray) -> FloatArray:
    """Return what no gradient explains, (2 n,)."""
    target = drift.T.ravel()
    return np.asarray(target - gradients @ (gradients.T @ target))


def _share(gradients: FloatArray, drift: FloatArray) -> float:
    total = float(np.sum(drift**2))
    left = _rotation(gradients, drift)
    return float(left @ left) / total if np.isfinite(total) and total > 0 else float("nan")
