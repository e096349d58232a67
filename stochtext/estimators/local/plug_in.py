"""Plug-in bandwidth: the asymptotic error of the drift, with a polynomial in place of the drift."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.local.polynomial_pilot import affordable_powers, derivative, monomials
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.smoothing.kernels import product_kernel, reach
from stochtext.results.inference.curves.local.discretization import weighted_quantile

__all__ = ["plug_in_bandwidth"]

_PILOT_DEGREES = {1: 4, 2: 3, 3: 3}
_OUTER = 0.01
_WIDEST = 8.0


def plug_in_bandwidth(
    sample: TransitionSample, scale: FloatArray, rule: FloatArray, degree: int, kernel: str
) -> FloatArray:
    """Return the bandwidth that minimises the drift's asymptotic integrated squared error.

    Parameters
    ----------
    sample : TransitionSample
    scale : ndarray of shape (d,)
        Standard deviation of each coordinate; the bandwidth is a multiple of it.
    rule : ndarray of shape (d,)
        The result is at most eight times the rule's bandwidth.
    degree : {0, 1, 2}
    kernel : str

    Notes
    -----
    In units of ``scale``, with T the observed time, f the density of the states and V the
    volume where they are, the local linear drift has the squared bias
    ``h**4 mu2**2 (sum_k d_kk b_j)**2 / 4`` and the variance ``R**d a_jj / (T f h**d)``.
    Averaged over the states and summed over the coordinates in units of a_jj this is least at
    ``h**(d + 4) = d**2 R**d V / (mu2**2 T sum_j mean((sum_k d_kk b_j)**2) / a_jj)``. The
    derivatives are those of a polynomial of degree 4 (3 for two or three coordinates, 2 for
    more), less the share of their mean square that is the polynomial's own noise. Degree 0
    has ``d_kk b_j + 2 d_k b_j d_k log f`` for the second derivatives, with a normal density;
    degree 2 has the fourth derivative and the fourth-order kernel of the local cubic.

    References
    ----------
    Ruppert, D., Sheather, S. J. and Wand, M. P. (1995), An effective bandwidth selector for
    local least squares regression, JASA 90, 1257-1270, section 3.
    Bandi, F. M. and Phillips, P. C. B. (2003), Fully nonparametric estimation of scalar
    diffusion models, Econometrica 71, 241-283: precision grows with observed time.
    """
    d = sample.dim
    if degree == 2 and d > 1:
        raise InputError(
            "bandwidth='plug-in' with degree=2 is offered for one coordinate only; "
            "use bandwidth='cv'."
        )
    centre = np.average(sample.x, axis=0, weights=sample.weight)
    u = (sample.x - centre) / scale
    bend = _mean_square_bend(sample, u, scale, degree)
    constants = _constants(kernel, 3 if degree == 2 else 1)
    order = constants.order
    span = float(sample.weight @ sample.dt)
    low, high = (
        np.array([weighted_quantile(column, sample.weight, level) for column in u.T])
        for level in (_OUTER, 1 - _OUTER)
    )
    volume = float(np.prod(high - low))
    # d / dh of c**2 h**(2 order) bend + d V R**d / (T h**d), with c h**order the bias.
    top = d * d * constants.roughness**d * volume / span
    bottom = 2 * order * constants.bias**2 * bend
    widest = float(np.min(_WIDEST * rule / scale))
    h = (top / bottom) ** (1.0 / (d + 2 * order)) if bottom > 0 else widest
    return min(h, widest) * scale


class _Constants(NamedTuple):
    order: int
    bias: float
    roughness: float


def _constants(kernel: str, degree: int) -> _Constants:
    """Return bias over h**order times the derivative, and roughness, of the equivalent kernel."""
    u, step = np.linspace(-reach(kernel), reach(kernel), 20_001, retstep=True)
    weight = product_kernel(kernel, u[:, None])
    weight /= weight.sum() * step
    moments = [float(np.sum(weight * u**k) * step) for k in range(0, 8, 2)]
    order = degree + 1
    if degree == 3:
        weight = weight * (moments[2] - moments[1] * u**2) / (moments[2] - moments[1] ** 2)
    bias = float(np.sum(weight * u**order) * step) / (2 if order == 2 else 24)
    return _Constants(order, bias, float(np.sum(weight**2) * step))


def _mean_square_bend(
    sample: TransitionSample, u: FloatArray, scale: FloatArray, degree: int
) -> float:
    """Return the sum over the coordinates of the mean squared derivative, in units of a_jj."""
    d = sample.dim
    weight = sample.weight * sample.dt
    powers = affordable_powers(d, sample.n, 6 if degree == 2 else _PILOT_DEGREES.get(d, 2))
    design = monomials(u, powers)
    weighted = design * weight[:, None]
    inverse = np.linalg.pinv(weighted.T @ design, rcond=1e-12, hermitian=True)
    rates = (sample.x_next - sample.x) / scale / sample.dt[:, None]
    coefficients = inverse @ (weighted.T @ rates)
    squares = np.average(
        sample.dt[:, None] * (rates - design @ coefficients) ** 2, axis=0, weights=sample.weight
    )
    bent = _bends(u, powers, degree, sample.weight)
    bias = np.average((bent @ coefficients) ** 2 / squares, axis=0, weights=sample.weight).sum()
    gram = np.einsum("np,n,nq->pq", bent, sample.weight / sample.weight.sum(), bent, optimize=True)
    return float(bias - d * np.sum(gram * inverse))


def _bends(u: FloatArray, powers: IntArray, degree: int, weight: FloatArray) -> FloatArray:
    """Return what each monomial adds to the derivative in the bias, shape (n, p)."""
    if degree == 2:
        return derivative(u, powers, 0, 4)
    d = u.shape[1]
    total = np.zeros((len(u), len(powers)))
    for k in range(d):
        total += derivative(u, powers, k, 2)
    if degree == 0:
        slope = -u @ np.linalg.pinv(np.atleast_2d(np.cov(u.T, aweights=weight)), hermitian=True)
        for k in range(d):
            total += 2 * slope[:, [k]] * derivative(u, powers, k, 1)
    return total
