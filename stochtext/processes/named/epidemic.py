"""An epidemic whose rate of contact is noisy: one noise source that moves two coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.formula import FormulaProcess

__all__ = ["StochasticSIR"]


class StochasticSIR(FormulaProcess):
    """dS = (mu - mu S) dt - dF, dI = -(gamma + mu) I dt + dF, dF = S I (beta dt + sigma dW).

    Parameters
    ----------
    beta : float, optional
        Rate of infectious contacts, per unit of time, not negative.
    gamma : float, optional
        Rate of recovery, not negative.
    mu : float, optional
        Rate of birth and of death, not negative.
    sigma : float, optional
        Noise of the rate of contacts, per root of a unit of time, not negative.

    Notes
    -----
    S and I are the fractions of the population that are susceptible and infectious; the
    rest has recovered. The same noise takes from S what it gives to I, so
    d(S + I) = (mu - mu (S + I) - gamma I) dt has no noise, and the covariance rate is
    singular.

    References
    ----------
    Tornatore, Buccellato and Vetro (2005), Stability of a stochastic SIR system, Physica A
    354, 111-126.

    Examples
    --------
    >>> from stochtext.processes import StochasticSIR
    >>> process = StochasticSIR(beta=2.0, gamma=0.5, mu=0.0, sigma=0.1)
    >>> process.drift([[0.5, 0.2]])
    array([[-0.2,  0.1]])
    >>> process.reproduction_number()
    4.0
    """

    type_name = "stochastic_sir"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = dict.fromkeys(
        ("beta", "gamma", "mu", "sigma"), (0.0, np.inf)
    )

    def __init__(
        self,
        beta: float | None = None,
        gamma: float | None = None,
        mu: float | None = None,
        sigma: float | None = None,
    ) -> None:
        params = {"beta": beta, "gamma": gamma, "mu": mu, "sigma": sigma}
        super().__init__(params, dim=2, noise="general", noise_dim=1)

    @property
    def autonomous(self) -> bool:
        """The coefficients do not depend on t."""
        return True

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """Both fractions lie between zero and one."""
        return ((0.0, 1.0), (0.0, 1.0))

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        susceptible, infectious = x
        infected = p["beta"] * susceptible * infectious
        return [
            p["mu"] - p["mu"] * susceptible - infected,
            infected - (p["gamma"] + p["mu"]) * infectious,
        ]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        infected = p["sigma"] * x[0] * x[1]
        return [[-infected], [infected]]

    def reproduction_number(self) -> float:
        """Return beta / (gamma + mu): without noise an epidemic needs more than one.

        Returns
        -------
        float

        Raises
        ------
        InputError
            If gamma and mu are both zero.
        """
        self.require_specified()
        leaving = float(self._params["gamma"]) + float(self._params["mu"])
        if leaving == 0:
            raise InputError("Nobody stops being infectious: `gamma` and `mu` are both zero.")
        return float(self._params["beta"]) / leaving

    def fixed_points(self) -> FloatArray:
        """Return the states of rest without noise, for mu > 0, shape (k, 2).

        Returns
        -------
        ndarray of shape (k, 2)
            No disease; and its endemic level, if the reproduction number is above one.

        Raises
        ------
        InputError
            If mu is zero: every state without infections rests then.
        """
        number, mu = self.reproduction_number(), float(self._params["mu"])
        if mu == 0:
            raise InputError("With `mu` = 0 every state without infections is at rest.")
        points = [[1.0, 0.0]]
        if number > 1:
            points.append([1.0 / number, mu * (number - 1.0) / float(self._params["beta"])])
        return np.array(points)
