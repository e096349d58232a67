r"""The fit where the best step matrix has no real logarithm: some directions are white.

A direction whose eigenvalue of the step matrix is negative or nearly zero forgets everything
within a step; its rate only has to be large. There the rates are held at r = 6 / h, whose
memory exp(-6) = .0025 is as good as none, and the rest is maximised:

    kappa = T [K 0; 0 r I] T^{-1},   T = V [I A; B I],

with K, A, B, mean and factor free and V the invariant subspaces of the unrestricted
regression. Holding f directions takes f^2 numbers from the step matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize

from stochtext._shared.typing import FloatArray
from stochtext.estimators.coarseness import WHITE
from stochtext.estimators.linear.logarithm import principal_logarithm
from stochtext.estimators.linear.regression import OneStepRegression
from stochtext.estimators.linear.search import coordinate_scale
from stochtext.estimators.linear.start import rate_factor
from stochtext.estimators.linear_likelihood import LinearLikelihood, LinearParameters
from stochtext.estimators.newton import Optimum, polish

__all__ = ["FASTEST", "BoundaryFit", "fit_on_boundary", "n_white"]

# Rate per step at which white directions are held.
FASTEST = 6.0


def n_white(phi: FloatArray) -> int:
    """Return how many eigenvalues of a step matrix have a real part below exp(-3)."""
    return int(np.sum(np.linalg.eigvals(phi).real <= np.exp(-WHITE)))


@dataclass(frozen=True)
class BoundaryFit:
    """A maximum with some directions held at the fastest rate.

    Attributes
    ----------
    parameters : LinearParameters
    optimum : Optimum
        In (K, A, B, intercepts, factor), the coordinates of the search.
    jacobian : ndarray of shape (k, k - f^2)
        Derivative of (kappa, mean, factor) in them.
    white : int
        Number f of directions held.
    """

    parameters: LinearParameters
    optimum: Optimum
    jacobian: FloatArray
    white: int


class _Frame:
    """The coordinates (K, A, B, intercepts, factor) around the subspaces of a regression."""

    def __init__(self, likelihood: LinearLikelihood, phi: FloatArray, white: int) -> None:
        self.d, self.q = likelihood.dim, likelihood.n_coefficients
        self.rate = FASTEST / float(np.median(likelihood.steps))
        self.basis, self.slow = _subspaces(phi, likelihood.sample.x, white)
        self.white = self.d - self.slow

    @property
    def sizes(self) -> tuple[int, ...]:
        s, f, d = self.slow, self.white, self.d
        return (s * s, s * f, f * s, self.q * d, d * (d + 1) // 2)

    def parts(self, z: FloatArray) -> list[FloatArray]:
        """Return K, A, B, intercepts and the lower triangle."""
        k, a, b, c, low = np.split(z, np.cumsum(self.sizes)[:-1])
        s, f = self.slow, self.white
        return [k.reshape(s, s), a.reshape(s, f), b.reshape(f, s), c.reshape(self.q, self.d), low]

    def frame(self, a: FloatArray, b: FloatArray) -> FloatArray:
        inner = np.block([[np.eye(self.slow), a], [b, np.eye(self.white)]])
        return np.asarray(self.basis @ inner, dtype=np.float64)

    def core(self, k: FloatArray) -> FloatArray:
        core = self.rate * np.eye(self.d)
        core[: self.slow, : self.slow] = k
        return core

    def parameters(self, z: FloatArray) -> LinearParameters:
        """Return (kappa, mean, factor), states counted from their centre."""
        k, a, b, c, low = self.parts(z)
        t = self.frame(a, b)
        kappa = np.linalg.solve(t.T, (t @ self.core(k)).T).T
        factor = np.zeros((self.d, self.d))
        factor[np.tril_indices(self.d)] = low
        trend = np.linalg.solve(kappa, c.T).T
        return LinearParameters(kappa.astype(np.float64), trend.astype(np.float64), factor)

    def pull_back(self, z: FloatArray, p: LinearParameters, gradient: FloatArray) -> FloatArray:
        """Return the gradient in z from that in (kappa, mean, factor)."""
        k, a, b, _, _ = self.parts(z)
        g = LinearParameters.from_vector(gradient, self.d)
        c_bar = np.linalg.solve(p.kappa.T, g.trend.T).T
        kappa_bar = g.kappa - c_bar.T @ p.trend
        t = self.frame(a, b)
        back = np.linalg.solve(t, kappa_bar.T).T  # kappa_bar T^{-T}
        core_bar = t.T @ back
        frame_bar = self.basis.T @ (back @ self.core(k).T - p.kappa.T @ back)
        s = self.slow
        low = g.factor[np.tril_indices(self.d)]
        return np.concatenate(
            [core_bar[:s, :s].ravel(), frame_bar[:s, s:].ravel(), frame_bar[s:, :s].ravel(),
             c_bar.ravel(), low]
        )  # fmt: skip

    def jacobian(self, z: FloatArray) -> FloatArray:
        """Return the derivative of (kappa, mean, factor) in z, one pulled back row a number."""
        p = self.parameters(z)
        k = len(p.to_vector())
        return np.stack([self.pull_back(z, p, row) for row in np.eye(k)])


def fit_on_boundary(
    likelihood: LinearLikelihood, regression: OneStepRegression, max_iter: int
) -> BoundaryFit:
    """Return the fit with as many directions held white as the rates of the rest demand.

    Deterministic and finite: one search for each number of white directions at most. A
    search that ends at a singular diffusion, with no maximum inside, holds one more.
    """
    step = float(np.median(likelihood.steps))
    white = max(n_white(regression.phi), 1)
    while True:
        fit = _fit(likelihood, regression, white, max_iter)
        if fit.white == likelihood.dim:
            return fit
        rates = np.sort(np.linalg.eigvals(fit.parameters.kappa).real)[: likelihood.dim - fit.white]
        beyond = int(np.sum(rates * step > WHITE))
        if beyond == 0 and fit.optimum.converged:
            return fit
        white = fit.white + max(beyond, 1)


def _fit(
    likelihood: LinearLikelihood, regression: OneStepRegression, white: int, max_iter: int
) -> BoundaryFit:
    frame = _Frame(likelihood, regression.phi, white)
    white = frame.white
    n, centre, level = likelihood.sample.n_effective, likelihood.centre, likelihood.level
    start = _start(frame, regression, likelihood)
    scale = _scale(frame, likelihood)

    def objective(unit: FloatArray) -> tuple[float, FloatArray]:
        try:
            p = frame.parameters(unit * scale)
            value, gradient = likelihood.value_and_gradient(p.moved(centre, level).to_vector())
            back = frame.pull_back(unit * scale, p, gradient) * scale / n
        except np.linalg.LinAlgError:
            return np.inf, np.full_like(unit, np.nan)
        return value / n, back

    search = optimize.minimize(
        objective, start / scale, jac=True, method="L-BFGS-B",
        options={"maxiter": max_iter, "maxfun": 4 * max_iter, "ftol": 1e-12, "gtol": 1e-8},
    )  # fmt: skip
    optimum = polish(objective, search.x).rescaled(scale, n)
    p = frame.parameters(optimum.theta)
    signs = np.where(np.diag(p.factor) < 0, -1.0, 1.0)
    jacobian = frame.jacobian(optimum.theta)
    jacobian[-frame.sizes[-1] :] *= signs[np.tril_indices(frame.d)[1]][:, None]
    found = replace(p, factor=p.factor * signs).moved(centre, level)
    return BoundaryFit(found, optimum, jacobian, white)


def _start(
    frame: _Frame, regression: OneStepRegression, likelihood: LinearLikelihood
) -> FloatArray:
    """Return the regression with its white directions replaced by the rate they are held at."""
    step, s, d = float(np.median(likelihood.steps)), frame.slow, frame.d
    inner = np.linalg.solve(frame.basis, regression.phi @ frame.basis)
    slow = np.asarray(inner[:s, :s], dtype=np.float64)
    k = -principal_logarithm(slow) / step if s else np.zeros((0, 0))
    zeros = np.zeros(2 * s * frame.white)
    kappa = frame.basis @ frame.core(k) @ np.linalg.inv(frame.basis)
    levels = regression.levels[:, : frame.q]
    mean = np.linalg.lstsq(np.eye(d) - regression.phi, levels, rcond=1e-10)[0].T
    low = rate_factor(kappa, regression.covariance, step)[np.tril_indices(d)]
    return np.concatenate([k.ravel(), zeros, (mean @ kappa.T).ravel(), low])


def _scale(frame: _Frame, likelihood: LinearLikelihood) -> FloatArray:
    step, s = float(np.median(likelihood.steps)), frame.slow
    whole = coordinate_scale(likelihood)
    return np.concatenate(
        [np.full(s * s, 1 / step), np.ones(2 * s * frame.white), whole[frame.d**2 :]]
    )


def _subspaces(phi: FloatArray, x: FloatArray, white: int) -> tuple[FloatArray, int]:
    """Return a basis of the slow, then of the white invariant subspace, of unit variance.

    And the dimension of the first: a pair of complex eigenvalues is held or left together.
    """
    values, vectors = np.linalg.eig(phi)
    fast = np.zeros(len(phi), dtype=bool)
    fast[np.argsort(values.real, kind="stable")[:white]] = True
    for i in np.flatnonzero(fast & (values.imag != 0)):
        fast |= np.isclose(values, values[i].conj(), rtol=1e-9, atol=1e-14)
    root = np.linalg.cholesky(np.atleast_2d(np.cov(x.T)))
    unit = np.linalg.solve(root, vectors)
    parts = []
    for chosen in (~fast, fast):
        both = np.hstack([unit[:, chosen].real, unit[:, chosen].imag])
        u, _, _ = np.linalg.svd(both, full_matrices=False)
        parts.append(root @ u[:, : int(chosen.sum())])
    return np.hstack(parts), int((~fast).sum())
