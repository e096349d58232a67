"""Moments of the linear SDE dX = -kappa X dt + sigma dW over a step, and their adjoint.

Over a step h, with a = sigma sigma',

    Phi(h) = exp(-kappa h),   J(h) = int_0^h exp(-kappa s) ds,
    Q(h)   = int_0^h exp(-kappa s) a exp(-kappa' s) ds,
    J_j(h) = int_0^h exp(-kappa (h - s)) s^(j-1) / (j-1)! ds,   J_1 = J.

They are summed as Taylor series for a step short enough that the series
converges to machine precision, then doubled (Higham, 2008, Functions of
Matrices, sec. 10.3; Phi(2h) = Phi^2, Q(2h) = Q + Phi Q Phi',
J_j(2h) = Phi J_j + sum_{i<=j} h^(j-i) / (j-i)! J_i).
Unlike a block exponential with exp(+kappa h) in it (Van Loan, 1978), this
stays accurate when kappa h is large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["LinearMoments", "linear_moments"]

ORDER = 14
LONGEST = 0.5


@dataclass(frozen=True)
class LinearMoments:
    """Phi, J_j and Q for several steps, with what their adjoint needs.

    Attributes
    ----------
    phi, covariance : ndarray of shape (g, d, d)
        Phi(h) and Q(h) for each of the g steps.
    integrals : list of ndarray of shape (g, d, d)
        J_1(h), J_2(h), ... as far as asked for.
    """

    phi: FloatArray
    integrals: list[FloatArray]
    covariance: FloatArray
    _kappa: FloatArray
    _short: FloatArray
    _terms: list[FloatArray]
    _ladder: list[tuple[FloatArray, list[FloatArray], FloatArray, FloatArray]]

    @property
    def integral(self) -> FloatArray:
        """J(h) for each step, shape (g, d, d)."""
        return self.integrals[0]

    def pull_back(
        self,
        phi_bar: FloatArray,
        integral_bar: FloatArray | list[FloatArray] | None,
        covariance_bar: FloatArray | None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return the gradient in (kappa, a) of a function with these gradients in its moments.

        Parameters
        ----------
        phi_bar, covariance_bar : ndarray of shape (n, d, d)
            One gradient per step, or many for the single step (g = 1); None is zero.
        integral_bar : ndarray of shape (n, d, d), or list of them
            Gradients in J_1, or in J_1, J_2, ...; None is zero.

        Returns
        -------
        kappa_bar, rate_bar : ndarray of shape (n, d, d)
        """
        f, q = phi_bar, covariance_bar
        js: list[FloatArray]
        js = [integral_bar] if isinstance(integral_bar, np.ndarray) else list(integral_bar or [])
        for phi, integrals, covariance, h in reversed(self._ladder):
            f_next = _t(phi) @ f + f @ _t(phi)
            for j, integral in zip(js, integrals, strict=False):
                f_next = f_next + j @ _t(integral)
            if q is not None:
                f_next = f_next + q @ (phi @ _t(covariance)) + _t(q) @ (phi @ covariance)
                q = q + _t(phi) @ q @ phi
            js = [_t(phi) @ j + _later(js[i:], h) for i, j in enumerate(js)]
            f = f_next
        return self._pull_back_series(f, js, q)

    def _pull_back_series(
        self, f: FloatArray, js: list[FloatArray], q: FloatArray | None
    ) -> tuple[FloatArray, FloatArray]:
        kappa, h = self._kappa, self._short
        powers, rates = self._terms[: ORDER + 1], self._terms[ORDER + 1 :]
        kappa_bar = np.zeros_like(f)
        power_bar, rate_bar = np.zeros_like(f), np.zeros_like(f)
        for k in range(ORDER, -1, -1):
            # Phi = sum P_k with P_k = -kappa h P_{k-1} / k; J_j = sum h^j k! / (k + j)! P_k.
            power_bar += f
            for i, j in enumerate(js):
                power_bar += _weight(h, k, i + 1) * j
            if q is not None:
                rate_bar += h / (k + 1) * q
            if k > 0:
                # Factors go to the few small matrices, not to the many gradients.
                share = -h / k
                back = share * _t(kappa)
                kappa_bar += power_bar @ (share * _t(powers[k - 1]))
                power_bar = back @ power_bar
                if q is not None:
                    previous = share * rates[k - 1]
                    kappa_bar += rate_bar @ _t(previous) + _t(rate_bar) @ previous
                    rate_bar = back @ rate_bar + rate_bar @ (share * kappa)
        return kappa_bar, rate_bar


def linear_moments(
    kappa: FloatArray, rate: FloatArray, dt: FloatArray, order: int = 1
) -> LinearMoments:
    """Return Phi, J_1 to J_order and Q for every step.

    Parameters
    ----------
    kappa : ndarray of shape (d, d)
        Mean-reversion matrix, per unit of time.
    rate : ndarray of shape (d, d)
        Covariance rate a.
    dt : ndarray of shape (g,)
        Steps.
    order : int, default 1
        Number of integrals J_j.
    """
    size = float(np.linalg.norm(kappa, 2) * np.max(dt))
    doublings = max(0, int(np.ceil(np.log2(max(size, 1e-300) / LONGEST))))
    h = (dt / 2.0**doublings)[:, None, None]
    shape = (len(dt), *kappa.shape)
    power = np.broadcast_to(np.eye(len(kappa)), shape)
    term = np.broadcast_to(rate, shape)
    powers, rates = [power], [term]
    phi, covariance = power, h * term
    integrals = [_weight(h, 0, j) * power for j in range(1, order + 1)]
    for k in range(1, ORDER + 1):
        power = -h / k * (kappa @ power)
        term = -h / k * (kappa @ term + term @ kappa.T)
        powers.append(power)
        rates.append(term)
        phi = phi + power
        integrals = [total + _weight(h, k, j + 1) * power for j, total in enumerate(integrals)]
        covariance = covariance + h / (k + 1) * term
    ladder = []
    length = h
    for _ in range(doublings):
        ladder.append((phi, integrals, covariance, length))
        covariance = covariance + phi @ covariance @ _t(phi)
        integrals = [
            phi @ integral + _later(integrals[: j + 1][::-1], length)
            for j, integral in enumerate(integrals)
        ]
        phi = phi @ phi
        length = 2.0 * length
    return LinearMoments(phi, integrals, covariance, kappa, h, powers + rates, ladder)


def _weight(h: FloatArray, k: int, j: int) -> FloatArray:
    """Return h^j k! / (k + j)!, the weight of P_k in J_j."""
    weight = h**j
    for i in range(1, j + 1):
        weight = weight / (k + i)
    return weight


def _later(matrices: list[FloatArray], h: FloatArray) -> FloatArray:
    """Return sum_i h^i / i! matrices[i]."""
    total, weight = matrices[0], h
    for i, matrix in enumerate(matrices[1:], start=1):
        total = total + weight * matrix
        weight = weight * h / (i + 1)
    return total


def _t(matrices: FloatArray) -> FloatArray:
    return np.swapaxes(matrices, -1, -2)
