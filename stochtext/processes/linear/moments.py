"""Moments of the linear SDE dX = -kappa X dt + sigma dW over a step, and their adjoint.

Over a step h, with a = sigma sigma',

    Phi(h) = exp(-kappa h),   J(h) = int_0^h exp(-kappa s) ds,
    Q(h)   = int_0^h exp(-kappa s) a exp(-kappa' s) ds.

They are summed as Taylor series for a step short enough that the series
converges to machine precision, then doubled (Higham, 2008, Functions of
Matrices, sec. 10.3; Phi(2h) = Phi^2, J(2h) = J + Phi J, Q(2h) = Q + Phi Q Phi').
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
    """Phi, J and Q for several steps, with what their adjoint needs.

    Attributes
    ----------
    phi, integral, covariance : ndarray of shape (g, d, d)
        Phi(h), J(h) and Q(h) for each of the g steps.
    """

    phi: FloatArray
    integral: FloatArray
    covariance: FloatArray
    _kappa: FloatArray
    _short: FloatArray
    _terms: list[FloatArray]
    _ladder: list[tuple[FloatArray, FloatArray, FloatArray]]

    def pull_back(
        self, phi_bar: FloatArray, integral_bar: FloatArray, covariance_bar: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the gradient in (kappa, a) of a function with these gradients in its moments.

        Parameters
        ----------
        phi_bar, integral_bar, covariance_bar : ndarray of shape (n, d, d)
            One gradient per step, or many for the single step (g = 1).

        Returns
        -------
        kappa_bar, rate_bar : ndarray of shape (n, d, d)
        """
        f, j, q = phi_bar, integral_bar, covariance_bar
        for phi, integral, covariance in reversed(self._ladder):
            f_next = _t(phi) @ f + f @ _t(phi) + j @ _t(integral)
            f_next = f_next + q @ phi @ _t(covariance) + _t(q) @ phi @ covariance
            j = j + _t(phi) @ j
            q = q + _t(phi) @ q @ phi
            f = f_next
        return self._pull_back_series(f, j, q)

    def _pull_back_series(
        self, f: FloatArray, j: FloatArray, q: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        kappa, h = self._kappa, self._short
        powers, rates = self._terms[: ORDER + 1], self._terms[ORDER + 1 :]
        kappa_bar = np.zeros_like(f)
        power_bar, rate_bar = np.zeros_like(f), np.zeros_like(q)
        for k in range(ORDER, -1, -1):
            # Phi = sum P_k with P_k = -kappa h P_{k-1} / k; J = sum h P_k / (k + 1).
            power_bar = power_bar + f + h / (k + 1) * j
            rate_bar = rate_bar + h / (k + 1) * q
            if k > 0:
                kappa_bar = kappa_bar - h / k * power_bar @ _t(powers[k - 1])
                power_bar = -h / k * _t(kappa) @ power_bar
                previous = rates[k - 1]
                kappa_bar = kappa_bar - h / k * (rate_bar @ _t(previous) + _t(rate_bar) @ previous)
                rate_bar = -h / k * (_t(kappa) @ rate_bar + rate_bar @ kappa)
        return kappa_bar, rate_bar


def linear_moments(kappa: FloatArray, rate: FloatArray, dt: FloatArray) -> LinearMoments:
    """Return Phi, J and Q for every step.

    Parameters
    ----------
    kappa : ndarray of shape (d, d)
        Mean-reversion matrix, per unit of time.
    rate : ndarray of shape (d, d)
        Covariance rate a.
    dt : ndarray of shape (g,)
        Steps.
    """
    size = float(np.linalg.norm(kappa, 2) * np.max(dt))
    doublings = max(0, int(np.ceil(np.log2(max(size, 1e-300) / LONGEST))))
    h = (dt / 2.0**doublings)[:, None, None]
    shape = (len(dt), *kappa.shape)
    power = np.broadcast_to(np.eye(len(kappa)), shape)
    term = np.broadcast_to(rate, shape)
    powers, rates = [power], [term]
    phi, integral, covariance = power, h * power, h * term
    for k in range(1, ORDER + 1):
        power = -h / k * (kappa @ power)
        term = -h / k * (kappa @ term + term @ kappa.T)
        powers.append(power)
        rates.append(term)
        phi = phi + power
        integral = integral + h / (k + 1) * power
        covariance = covariance + h / (k + 1) * term
    ladder = []
    for _ in range(doublings):
        ladder.append((phi, integral, covariance))
        covariance = covariance + phi @ covariance @ _t(phi)
        integral = integral + phi @ integral
        phi = phi @ phi
    return LinearMoments(phi, integral, covariance, kappa, h, powers + rates, ladder)


def _t(matrices: FloatArray) -> FloatArray:
    return np.swapaxes(matrices, -1, -2)
