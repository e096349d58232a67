r"""Helmholtz decomposition of a drift in two dimensions: gradient and rotation.

Law of this file: the split is orthogonal in the mean over the states that were visited, so
that the two shares add up to one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.analysis.quantities import Quantity
from stochtext.results.inference.derived.spread import Spread

__all__ = ["rotation_quantities", "rotational_share"]

PART = "Helmholtz decomposition of the drift"
DEGREE = 4
MOST_STATES = 800


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
    """
    name = "share of the drift that is rotation"
    if states.shape[1] != 2:
        note = f"needs two coordinates, the fit has {states.shape[1]}"
        return [Quantity(PART, name, "", np.nan, note=note)]
    x = states[:: max(1, len(states) // MOST_STATES)]
    value = rotational_share(x, fit.process.drift(x, t))
    drawn = np.array([[rotational_share(x, p.drift(x, t))] for p in spread.processes])
    _, low, high, share = spread.interval(np.array([value]), drawn, alpha, positive=False)
    lacking = not np.isfinite(low[0]) and spread.reason is None
    note = spread.missing(float(share[0])) if lacking else ""
    return [Quantity(PART, name, "", value, float(low[0]), float(high[0]), note=note)]


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
    centre, scale = x.mean(axis=0), x.std(axis=0)
    z = (x - centre) / scale
    columns = []
    for total in range(1, DEGREE + 1):
        for i in range(total + 1):
            j = total - i
            along = i * z[:, 0] ** max(i - 1, 0) * z[:, 1] ** j / scale[0]
            across = j * z[:, 0] ** i * z[:, 1] ** max(j - 1, 0) / scale[1]
            columns.append(np.concatenate([along, across]))
    design, target = np.stack(columns, axis=1), drift.T.ravel()
    if not np.isfinite(target).all() or not np.any(target):
        return float("nan")
    left = target - design @ np.linalg.lstsq(design, target, rcond=1e-10)[0]
    return float(left @ left / (target @ target))
