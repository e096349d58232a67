"""The likelihood of the free coefficients in coordinates in which it is easy.

Powers of states far from zero are nearly the same column, and coefficients of a double well in
metres and in kilometres differ by millions. The likelihood is therefore computed on states less
their mean and divided by their spread, and searched in directions that are orthonormal on the
data; coefficients, llf and covariances are taken back by the linear map between the two.

Law of this file: everything is exact algebra; no coefficient is dropped or rounded.
"""

from __future__ import annotations

from math import comb, prod

import numpy as np
from scipy.linalg import solve_triangular

from stochtext._shared.typing import BoolArray, FloatArray
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.named.polynomial import (
    PolynomialDiffusion,
    exponents_of,
    monomial_columns,
    polynomial_degree,
)
from stochtext.transitions.base import TransitionDensity

__all__ = ["CentredLikelihood", "shifted"]


class CentredLikelihood:
    """The negative log likelihood as a function of k orthonormal directions.

    Parameters
    ----------
    sample : TransitionSample
    start : PolynomialDiffusion
        In the coordinates of the data.
    transition : TransitionDensity
    free : ndarray of bool of shape (P,)
        Which entries of the vector of ``start`` are estimated; the others are zero.

    Attributes
    ----------
    start : ndarray of shape (k,)
        The start in the directions.
    to_parameters : ndarray of shape (k, k)
        Maps directions to the free entries of the process.
    """

    def __init__(
        self,
        sample: TransitionSample,
        start: PolynomialDiffusion,
        transition: TransitionDensity,
        free: BoolArray,
    ) -> None:
        centre, spread = sample.x.mean(axis=0), sample.x.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        x, x_next = ((part - centre) / spread for part in (sample.x, sample.x_next))
        centred, self.to_parameters = _directions(sample, x, start, free, centre, spread)
        self._matrix = centred
        self.start = np.linalg.solve(self.to_parameters, start.to_vector()[free])
        self._shift = float(sample.n_effective * np.log(spread).sum())
        family = start.from_vector(centred @ self.start)
        self._likelihood = transition.likelihood(
            family, x, x_next, sample.t, sample.dt, clock_dt=sample.clock_dt, weight=sample.weight
        )

    def value_and_gradient(self, z: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log likelihood of the data as given, and its gradient."""
        value, gradient = self._likelihood.value_and_gradient(self._matrix @ z)
        return value + self._shift, gradient @ self._matrix

    def scores(self, z: FloatArray) -> FloatArray:
        """Return the weighted score of every transition in the directions, shape (n, k)."""
        scores: FloatArray = self._likelihood.scores(self._matrix @ z) @ self._matrix
        return scores


def shifted(dim: int, degree: int, centre: FloatArray, spread: FloatArray) -> FloatArray:
    """Return A with m(centre + spread u) = m(u) A for the monomials m, shape (K, K).

    Parameters
    ----------
    dim, degree : int
    centre, spread : ndarrays of shape (d,)
    """
    exponents = exponents_of(dim, degree)
    matrix = np.zeros((len(exponents), len(exponents)))
    for k, whole in enumerate(exponents):
        for i, part in enumerate(exponents):
            if all(a <= b for a, b in zip(part, whole, strict=True)):
                matrix[i, k] = prod(
                    comb(b, a) * centre[j] ** (b - a) * spread[j] ** a
                    for j, (a, b) in enumerate(zip(part, whole, strict=True))
                )
    return matrix


def _directions(
    sample: TransitionSample,
    x: FloatArray,
    start: PolynomialDiffusion,
    free: BoolArray,
    centre: FloatArray,
    spread: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the maps from directions to the centred vector (P, k) and to free entries (k, k)."""
    names, d = start.free_parameters, len(centre)
    k, columns = int(free.sum()), np.flatnonzero(free)
    centred, own = np.zeros((len(names), k)), np.zeros((k, k))
    done = 0
    for name in ("drift", "rate", "factor"):
        if name not in start.params:
            continue
        for j in range(d):
            row = np.array([i for i, n in enumerate(names) if n.startswith(f"{name}[{j},")])
            kept = free[row]
            places = slice(done, done + int(kept.sum()))
            done = places.stop
            block = np.ix_(row, np.arange(k)[places])
            inside = np.isin(columns, row)
            if name == "factor":
                centred[block] = np.eye(len(row))[:, kept] / spread[j]
                own[inside, places] = np.eye(int(kept.sum()))
                continue
            to_unit = shifted(d, polynomial_degree(d, len(row)) or 0, centre, spread)[:, kept]
            orthonormal, back = _orthonormal(sample, x, to_unit)
            size = spread[j] if name == "drift" else spread[j] ** 2
            centred[block] = orthonormal / size
            own[inside, places] = back
    return centred, own


def _orthonormal(
    sample: TransitionSample, x: FloatArray, to_unit: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return W and V: z stands for the polynomial m(u) W z = m(x) V z of unit size on the data."""
    if not to_unit.shape[1]:
        return to_unit, np.zeros((0, 0))
    # First in the coefficients, then on the data: no product cancels.
    unit, first = np.linalg.qr(to_unit)
    weight = np.sqrt(sample.weight / sample.n_effective)[:, None]
    values = monomial_columns(x, len(to_unit)) @ unit * weight
    second = np.linalg.qr(values, mode="r")
    whole = solve_triangular(second, np.eye(len(second)))
    return unit @ whole, solve_triangular(first, whole)
