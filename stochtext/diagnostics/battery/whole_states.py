"""Whether states and steps together look like those of the model, not residuals one by one.

Law of this file: arrays in, numbers out; their laws under the null come from a bootstrap.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from stochtext._shared.typing import FloatArray

__all__ = ["energy_statistic", "marginal_density_statistic"]

MOST_ROWS = 2000
BINS = 512
REACH = 4.0


def energy_statistic(observed: FloatArray, simulated: FloatArray) -> float:
    r"""Return the energy distance of two samples, times their size.

    Parameters
    ----------
    observed, simulated : ndarray of shape (n, p)
        Rows of like units; of more than 2000 rows an even selection is compared.

    Notes
    -----
    :math:`\frac{n}{2} (2 E|A - B| - E|A - A'| - E|B - B'|)`, zero for equal laws only.

    References
    ----------
    Székely, G. J. and Rizzo, M. L. (2013). Energy statistics: a class of statistics based on
    distances. Journal of Statistical Planning and Inference 143, 1249-1272.
    """
    a, b = _selection(observed), _selection(simulated)
    between = 2 * cdist(a, b).mean() - cdist(a, a).mean() - cdist(b, b).mean()
    return float(len(a) / 2 * between)


def marginal_density_statistic(x: FloatArray, density: FloatArray) -> float:
    r"""Return the standardised distance of a kernel density from the model's stationary one.

    Parameters
    ----------
    x : ndarray of shape (n,)
        States.
    density : ndarray of shape (n,)
        Stationary density of the model at each of them.

    Notes
    -----
    With a Gaussian kernel K, :math:`h = 1.06 \, \mathrm{sd}(x) n^{-0.22}` and the kernel
    density :math:`\hat\pi` from binned states,

    .. math::

        \frac{h \sum_i (\pi(x_i) - \hat\pi(x_i))^2 - \int K^2 \, \overline{\hat\pi(x_i)}}
        {\big(2 h \int (K * K)^2 \, \overline{\hat\pi(x_i)^3}\big)^{1/2}}.

    Its normal limit needs weak dependence and is far away for persistent processes, where it
    rejects nearly every correct model.

    References
    ----------
    Aït-Sahalia, Y. (1996). Testing continuous-time models of the spot interest rate. Review
    of Financial Studies 9, 385-426.

    Pritsker, M. (1998). Nonparametric density estimation and tests of continuous time
    interest rate models. Review of Financial Studies 11, 449-487.
    """
    n = len(x)
    h = 1.06 * float(x.std()) * n**-0.22
    kernel = _binned_density(x, h)
    distance = h * float(np.sum((density - kernel) ** 2))
    mean = float(kernel.mean()) / (2 * np.sqrt(np.pi))
    variance = 2 * float(np.mean(kernel**3)) / (2 * np.sqrt(2 * np.pi))
    return (distance - mean) / float(np.sqrt(h * variance))


def _selection(rows: FloatArray) -> FloatArray:
    if len(rows) <= MOST_ROWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(np.int64)]


def _binned_density(x: FloatArray, h: float) -> FloatArray:
    """Return the Gaussian kernel density at the states, by linear binning."""
    low, high = float(x.min()) - REACH * h, float(x.max()) + REACH * h
    width = (high - low) / (BINS - 1)
    place = (x - low) / width
    left = np.minimum(place.astype(np.int64), BINS - 2)
    part = place - left
    counts = np.bincount(left, 1 - part, BINS) + np.bincount(left + 1, part, BINS)
    reach = int(np.ceil(REACH * h / width))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * width / h) ** 2)
    weights /= len(x) * h * np.sqrt(2 * np.pi)
    smooth = np.convolve(counts, weights, mode="same")
    return np.asarray(np.interp(x, low + width * np.arange(BINS), smooth))
