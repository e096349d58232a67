"""The region of state space that data have visited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, BoolArray, FloatArray
from stochtext._shared.validation import as_states, check_positive

__all__ = ["Support"]

# Rounding in a stored or rescaled state must not put it outside its own support.
_SLACK = 1e-9


class Support:
    """A box intersected with an ellipsoid around the states that were seen.

    Parameters
    ----------
    lower, upper : array_like of shape (d,)
        Corners of the box.
    center : array_like of shape (d,)
        Centre of the ellipsoid.
    precision : array_like of shape (d, d)
        Inverse covariance that measures Mahalanobis distances.
    radius : float
        Largest Mahalanobis distance inside.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.processes import Support
    >>> support = Support.from_states(np.array([[-1.0], [0.0], [2.0]]))
    >>> support.contains([[1.5], [2.5]])
    array([ True, False])
    """

    def __init__(
        self,
        lower: ArrayLike,
        upper: ArrayLike,
        center: ArrayLike,
        precision: ArrayLike,
        radius: float,
    ) -> None:
        self.lower = np.atleast_1d(np.asarray(lower, dtype=np.float64))
        self.upper = np.atleast_1d(np.asarray(upper, dtype=np.float64))
        self.center = np.atleast_1d(np.asarray(center, dtype=np.float64))
        self.precision = np.atleast_2d(np.asarray(precision, dtype=np.float64))
        self.radius = float(radius)

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return int(self.lower.size)

    @classmethod
    def from_states(cls, x: ArrayLike, level: float = 0.0) -> Support:
        """Return the support of observed states.

        Parameters
        ----------
        x : array_like of shape (n, d)
            Observed states.
        level : float in [0, 1), default 0.0
            Fraction of the states that may lie outside each side's pair of box
            faces and outside the ellipsoid; 0 keeps all states inside.

        Notes
        -----
        The box spans the quantiles level/2 and 1 - level/2 of each coordinate;
        the ellipsoid reaches the quantile 1 - level of the Mahalanobis distances.
        """
        states = as_states("x", x, None)
        level = check_positive("level", level, zero=True)
        if states.shape[0] < 2 or not np.all(np.isfinite(states)) or level >= 1:
            raise InputError(
                "A support needs at least two finite states and a level in [0, 1); got "
                f"{states.shape[0]} state(s), {int(np.sum(~np.isfinite(states)))} non-finite "
                f"number(s) and level {level}."
            )
        lower, upper = np.quantile(states, [level / 2, 1 - level / 2], axis=0)
        center = states.mean(axis=0)
        precision = np.linalg.pinv(np.atleast_2d(np.cov(states, rowvar=False)), hermitian=True)
        distance = _distance(states - center, precision)
        return cls(lower, upper, center, precision, float(np.quantile(distance, 1 - level)))

    def contains(self, x: ArrayLike) -> BoolArray:
        """Return for each state whether it lies inside; NaN lies outside.

        Parameters
        ----------
        x : array_like of shape (n, d)
            States.
        """
        states = as_states("x", x, self.dim)
        lower, upper, radius = self.limits
        in_box = np.all((states >= lower) & (states <= upper), axis=1)
        with np.errstate(invalid="ignore", over="ignore"):
            distance = _distance(states - self.center, self.precision)
        return in_box & (distance <= radius)

    @property
    def limits(self) -> tuple[FloatArray, FloatArray, float]:
        """Corners and radius with the slack that rounding needs."""
        slack = _SLACK * np.maximum(self.upper - self.lower, np.abs(self.center) * 1e-3)
        return self.lower - slack, self.upper + slack, self.radius * (1 + _SLACK)

    def line(self, component: int = 0, n: int = 201) -> FloatArray:
        """Return states on the line through the centre, from face to face of the box.

        Parameters
        ----------
        component : int, default 0
            The coordinate that varies; the others stay at the centre.
        n : int, default 201
            Number of states.

        Returns
        -------
        ndarray of shape (n, d)
        """
        if not -self.dim <= component < self.dim:
            raise InputError(f"`component` must be below {self.dim}; got {component!r}.")
        states = np.tile(self.center, (n, 1))
        states[:, component] = np.linspace(self.lower[component], self.upper[component], n)
        return states

    def lines(self, n: int) -> FloatArray:
        """Return n states on the line of every coordinate, shape (d n, d)."""
        return np.vstack([self.line(j, n) for j in range(self.dim)])

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return a JSON-able description and the arrays it refers to."""
        arrays = {
            "lower": self.lower,
            "upper": self.upper,
            "center": self.center,
            "precision": self.precision,
        }
        return {"radius": self.radius}, arrays

    @classmethod
    def from_dict(cls, config: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Support:
        """Restore a support from what ``to_dict`` returned."""
        return cls(
            arrays["lower"],
            arrays["upper"],
            arrays["center"],
            arrays["precision"],
            config["radius"],
        )

    def __repr__(self) -> str:
        box = ", ".join(f"[{a:.4g}, {b:.4g}]" for a, b in zip(self.lower, self.upper, strict=True))
        return f"Support({box}; radius {self.radius:.4g})"


def _distance(deviation: FloatArray, precision: FloatArray) -> FloatArray:
    squared = np.einsum("ni,ij,nj->n", deviation, precision, deviation)
    return np.sqrt(np.maximum(squared, 0.0))
