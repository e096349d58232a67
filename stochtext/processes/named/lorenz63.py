"""The Lorenz system of 1963 with additive noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.formula import FormulaProcess
from stochtext.processes.named.euler_regression import euler_regression

__all__ = ["Lorenz63"]


class Lorenz63(FormulaProcess):
    """dX = prandtl (Y - X) dt, dY = (X (rho - Z) - Y) dt, dZ = (X Y - beta Z) dt, + sigma dW.

    Parameters
    ----------
    prandtl : float, optional
        Prandtl number; 10 in the original paper, where it is called sigma.
    rho : float, optional
        Rayleigh number over its critical value; 28 in the original paper.
    beta : float, optional
        Aspect of the convection cell; 8/3 in the original paper.
    sigma : float, optional
        Diffusion of all three coordinates, each with its own noise, per root of a unit of time; not
        negative.

    Notes
    -----
    Time is without unit, measured by thermal diffusion. The divergence of the drift is
    -(prandtl + 1 + beta) everywhere: without noise volumes shrink at this rate.

    References
    ----------
    Lorenz (1963), Deterministic nonperiodic flow, Journal of the Atmospheric Sciences 20,
    130-141, equations 25-27.

    Examples
    --------
    >>> from stochtext.processes import Lorenz63
    >>> process = Lorenz63(prandtl=10.0, rho=28.0, beta=2.0, sigma=0.5)
    >>> process.drift([[1.0, 2.0, 3.0]])
    array([[10., 23., -4.]])
    """

    type_name = "lorenz63"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"sigma": (0.0, np.inf)}

    def __init__(
        self,
        prandtl: float | None = None,
        rho: float | None = None,
        beta: float | None = None,
        sigma: float | None = None,
    ) -> None:
        params = {"prandtl": prandtl, "rho": rho, "beta": beta, "sigma": sigma}
        super().__init__(params, dim=3, noise="additive")

    @property
    def autonomous(self) -> bool:
        """The coefficients do not depend on t."""
        return True

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        a, b, c = x
        return [p["prandtl"] * (b - a), a * (p["rho"] - c) - b, a * b - p["beta"] * c]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"]] * 3

    def fixed_points(self) -> FloatArray:
        """Return the states of rest without noise, shape (k, 3).

        Returns
        -------
        ndarray of shape (k, 3)
            The origin and, if beta (rho - 1) > 0, the centres of the two wings.
        """
        self.require_specified()
        rho, beta = float(self._params["rho"]), float(self._params["beta"])
        points = [[0.0, 0.0, 0.0]]
        if beta * (rho - 1.0) > 0:
            wing = float(np.sqrt(beta * (rho - 1.0)))
            points += [[-wing, -wing, rho - 1.0], [wing, wing, rho - 1.0]]
        return np.array(points)

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares fit of the three Euler steps."""
        a, b, c = x.T
        step = x_next - x
        known = [np.zeros(len(x)), -a * c - b, a * b]
        regressors = [b - a, a, -c]
        fits = [
            euler_regression(column[:, None], step[:, k] - known[k] * dt, dt)
            for k, column in enumerate(regressors)
        ]
        values = [coefficients[0] for coefficients, _ in fits]
        sigma = float(np.sqrt(np.mean([scale**2 for _, scale in fits])))
        return {**dict(zip(("prandtl", "rho", "beta"), values, strict=True)), "sigma": sigma}
