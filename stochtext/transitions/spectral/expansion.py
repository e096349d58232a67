"""Eigenfunctions of the generator of a one-dimensional diffusion, and sums over them.

Law of this file: rounding errors are carried along; a sum that they spoil is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_array

from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.transitions.spectral.coordinate import Coordinate
from stochtext.transitions.spectral.panels import Panels, lobatto
from stochtext.transitions.spectral.reach import Coefficients

__all__ = ["Expansion"]

_EPS = 12.0 * float(np.finfo(np.float64).eps)
#: Relative rounding error of a density above which it is recomputed from half steps ...
_PRECISE = 1e-9
#: ... and above which it is not given.
_TOLERANCE = 1e-5
_MASS_TOLERANCE = 1e-7
_MOMENT_TOLERANCE = 1e-5
_CHUNK = 2048
_FEW = 256


class Expansion:
    """Eigenvalues and eigenfunctions on panels.

    Parameters
    ----------
    panels : Panels
    coordinate : Coordinate
    coefficients : callable
        Drift and covariance rate at states.
    fastest : float
        Eigenvalues above it are left out.

    Notes
    -----
    With B' = b / a, f = psi exp(-B) is an eigenfunction of L f = b f' + a f'' / 2 if psi
    solves the symmetric problem

        (1/2) int (psi' - b/a psi) (phi' - b/a phi) dx = lambda int psi phi / a dx,

    which needs no derivative of the coefficients. It is discretised by Gauss-Lobatto
    elements. With psi_n normalised,

        p(x' | x, t) = exp(B(x') - B(x)) / a(x') sum_n exp(-lambda_n t) psi_n(x) psi_n(x').
    """

    def __init__(
        self,
        panels: Panels,
        coordinate: Coordinate,
        coefficients: Coefficients,
        fastest: float,
    ) -> None:
        self._panels, self._coordinate, self._coefficients = panels, coordinate, coefficients
        self._order = panels.y.shape[1] - 1
        self._half = 0.5 * np.diff(panels.edges)
        self._index = self._order * np.arange(len(self._half))[:, None] + np.arange(self._order + 1)
        self.n_nodes = int(self._index[-1, -1]) + 1
        self._potential = self._envelope()
        self._mass = self._gathered(panels.slope / panels.rate)
        self.rates, self._waves = self._solved(fastest)
        #: What rounding errors make of the kernel at (x, x') is noise(x) noise(x').
        weights = np.mean(panels.slope / panels.rate, axis=1) * self._half / self._order
        self._noise = np.zeros(self.n_nodes)
        self._noise[self._index] = (_EPS / weights)[:, None] ** 0.5
        own = panels.slope / panels.rate * lobatto(self._order).weights * self._half[:, None]
        self._shares = own / self._mass[self._index]

    def _gathered(self, density: FloatArray) -> FloatArray:
        """Return quadrature weights times a density per unit of y, one number a node."""
        weights = density * lobatto(self._order).weights * self._half[:, None]
        total = np.bincount(self._index.ravel(), weights.ravel(), minlength=self.n_nodes)
        return total.astype(np.float64)

    def _envelope(self) -> FloatArray:
        """Return B at the nodes, zero where it is largest."""
        parts = self._half[:, None] * (self._panels.pull @ lobatto(self._order).integral.T)
        start = np.concatenate([[0.0], np.cumsum(parts[:, -1])[:-1]])
        values = np.empty(self.n_nodes)
        values[self._index] = start[:, None] + parts
        return values - values.max()

    def _solved(self, fastest: float) -> tuple[FloatArray, FloatArray]:
        rule, half = lobatto(self._order), self._half[:, None, None]
        slopes = rule.derivative / half - np.einsum(
            "ej,jk->ejk", self._panels.pull, np.eye(self._order + 1)
        )
        weights = 0.5 * rule.weights * self._half[:, None] / self._panels.slope
        local = np.einsum("ejk,ej,ejl->ekl", slopes, weights, slopes)
        root = np.sqrt(self._mass)
        matrix = np.zeros((self.n_nodes, self.n_nodes))
        for block, index in zip(local, self._index, strict=True):
            matrix[index[0] : index[-1] + 1, index[0] : index[-1] + 1] += block
        matrix /= root[:, None] * root
        _, vectors = eigh(
            matrix, subset_by_value=(-np.inf, fastest), check_finite=False, overwrite_a=True
        )
        waves = vectors / root[:, None]
        # As sums of squares the eigenvalues keep their digits also when they are small.
        rises = np.einsum("ejk,ekn->ejn", slopes, waves[self._index])
        return np.einsum("ej,ejn->n", weights, rises**2), waves

    # -- interpolation -----------------------------------------------------------------------

    def covers(self, y: FloatArray) -> BoolArray:
        """Return which coordinates lie on a panel."""
        return np.asarray((y >= self._panels.edges[0]) & (y <= self._panels.edges[-1]))

    def _interpolation(self, y: FloatArray) -> csr_array:
        """Return the matrix that takes values at nodes to values at y."""
        rule, edges = lobatto(self._order), self._panels.edges
        panel = np.clip(np.searchsorted(edges, y, side="right") - 1, 0, len(self._half) - 1)
        local = (y - edges[panel]) / self._half[panel] - 1.0
        gaps = local[:, None] - rule.nodes
        hit = gaps == 0.0
        terms = np.where(hit.any(axis=1)[:, None], hit, rule.barycentric / np.where(hit, 1.0, gaps))
        weights = terms / terms.sum(axis=1, keepdims=True)
        rows = np.repeat(np.arange(len(y)), self._order + 1)
        shape = (len(y), self.n_nodes)
        return csr_array((weights.ravel(), (rows, self._index[panel].ravel())), shape=shape)

    # -- densities ---------------------------------------------------------------------------

    def log_density(self, y: FloatArray, y_next: FloatArray, dt: FloatArray) -> FloatArray:
        """Return log p(x_next | x, dt) with respect to x_next, NaN where it is not resolved."""
        here, there = self._interpolation(y), self._interpolation(y_next)
        kernel = np.empty(len(y))
        for first in range(0, len(y), _CHUNK):
            rows = slice(first, first + _CHUNK)
            kernel[rows] = self._kernel(here[rows], there[rows], dt[rows])
        _, rate = self._coefficients(self._coordinate.state(y_next))
        change = there @ self._potential - here @ self._potential
        with np.errstate(invalid="ignore"):
            return np.log(kernel) + change - np.log(rate)

    def _kernel(self, here: csr_array, there: csr_array, dt: FloatArray) -> FloatArray:
        """Return the symmetric kernel: by the sum where it is precise, else from half steps."""
        left, right = here @ self._waves, there @ self._waves
        kernel = np.einsum("in,in,in->i", left, right, np.exp(-np.outer(dt, self.rates)))
        error = (here @ self._noise) * (there @ self._noise)
        far = np.flatnonzero(~(error < _PRECISE * kernel))
        for first in range(0, len(far), _FEW):
            rows = far[first : first + _FEW]
            noise = here[rows] @ self._noise, there[rows] @ self._noise
            other, its_error = self._from_half_steps(left[rows], right[rows], dt[rows], *noise)
            # The more precise of the two counts, if it is precise enough.
            better = its_error * np.abs(kernel[rows]) < error[rows] * other
            kernel[rows] = np.where(better, other, kernel[rows])
            error[rows] = np.where(better, its_error, error[rows])
        return np.where(error < _TOLERANCE * kernel, kernel, np.nan)

    def _rows(
        self, waves: FloatArray, noise: FloatArray, dt: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the kernel between states and all nodes, zero where it drowns, and its error."""
        values = (waves * np.exp(-np.outer(dt, self.rates))) @ self._waves.T
        error = noise[:, None] * self._noise
        return np.where(values > error, values, 0.0), error

    def _from_half_steps(
        self,
        left: FloatArray,
        right: FloatArray,
        dt: FloatArray,
        left_noise: FloatArray,
        right_noise: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """Return the kernel as an integral of products of two half steps, and its error.

        The products are positive: what rounding errors may have made of them is left out.
        """
        first, first_error = self._rows(left, left_noise, 0.5 * dt)
        second, second_error = self._rows(right, right_noise, 0.5 * dt)
        kernel = (first * second) @ self._mass
        cross = np.where(first * second > 0, first * second_error + second * first_error, 0.0)
        # At the rim of what is kept the product is as small as its error: that covers the rest.
        return kernel, cross @ self._mass

    # -- distribution functions and moments --------------------------------------------------

    def _probabilities(
        self, y: FloatArray, dt: FloatArray
    ) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """Yield, for some rows at a time, the probability at every node and its error."""
        here = self._interpolation(y)
        for first in range(0, len(y), _FEW):
            rows = slice(first, first + _FEW)
            part = here[rows]
            kernel, error = self._rows(part @ self._waves, part @ self._noise, dt[rows])
            change = self._potential - (part @ self._potential)[:, None]
            scale = self._mass * np.exp(np.minimum(change, 700.0))
            yield rows, kernel * scale, np.where(kernel > 0, error * scale, 0.0)

    def tails(self, y: FloatArray, y_next: FloatArray, dt: FloatArray) -> FloatArray:
        """Return P(X <= x_next), P(X > x_next) and the rounding error of each, shape (4, n)."""
        panel, partial = self._partial(y_next)
        out = np.empty((4, len(y)))
        nodes = np.arange(self.n_nodes)
        for rows, mass, error in self._probabilities(y, dt):
            first = self._index[panel[rows], 0][:, None]
            last = self._index[panel[rows], -1][:, None]
            own = np.take_along_axis(mass, self._index[panel[rows]], axis=1)
            # A node between two panels holds the mass of both.
            own *= self._shares[panel[rows]]
            inside = np.einsum("ij,ij->i", own, partial[rows])
            left = np.where(nodes < first, mass, 0.0).sum(axis=1)
            right = np.where(nodes > last, mass, 0.0).sum(axis=1)
            edges = [np.take_along_axis(mass, k, axis=1)[:, 0] for k in (first, last)]
            left += edges[0] - own[:, 0]
            right += edges[1] - own[:, -1]
            out[0, rows] = left + inside
            out[1, rows] = right + own.sum(axis=1) - inside
            below, above = nodes <= last, nodes >= first
            out[2, rows] = np.sqrt(np.sum(np.where(below, error, 0.0) ** 2, axis=1))
            out[3, rows] = np.sqrt(np.sum(np.where(above, error, 0.0) ** 2, axis=1))
        return out

    def _partial(self, y: FloatArray) -> tuple[IntArray, FloatArray]:
        """Return the panel of each y, and shares of its nodes' mass to the left of y."""
        rule, edges = lobatto(self._order), self._panels.edges
        panel = np.clip(np.searchsorted(edges, y, side="right") - 1, 0, len(self._half) - 1)
        local = (y - edges[panel]) / self._half[panel] - 1.0
        legendre = np.polynomial.legendre
        basis = np.eye(self._order + 1)
        areas = np.column_stack(
            [legendre.legval(local, legendre.legint(row, lbnd=-1)) for row in basis]
        )
        return panel, (areas @ rule.coefficients) / rule.weights

    def moments(self, y: FloatArray, dt: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of X(t + dt), NaN where rounding errors spoil them."""
        x_nodes = np.empty(self.n_nodes)
        x_nodes[self._index] = self._panels.x
        start = self._coordinate.state(y)
        mean, variance = np.empty(len(y)), np.empty(len(y))
        for rows, mass, error in self._probabilities(y, dt):
            away = x_nodes - start[rows, None]
            total = mass.sum(axis=1)
            shift, square = (mass * away).sum(axis=1), (mass * away**2).sum(axis=1)
            mean[rows] = start[rows] + shift
            spread = square - shift**2
            doubt = np.sqrt(((error * away**2) ** 2).sum(axis=1))
            good = (np.abs(total - 1.0) < _MASS_TOLERANCE) & (doubt < _MOMENT_TOLERANCE * spread)
            variance[rows] = np.where(good, spread, np.nan)
            mean[rows] = np.where(good, mean[rows], np.nan)
        return mean, variance
