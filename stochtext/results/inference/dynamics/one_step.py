"""The regression of one state on the one before, and the directions that have no memory of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["OneStep", "WhiteDirections"]


@dataclass(frozen=True)
class OneStep:
    """The unrestricted regression of the next state on the present one and the mean's functions.

    Attributes
    ----------
    matrix : ndarray of shape (d, d)
        Step matrix, whatever its eigenvalues.
    levels : ndarray of shape (q, d)
        Coefficients of the functions of the clock.
    covariance : ndarray of shape (d, d)
        Mean square of the errors.
    """

    matrix: FloatArray
    levels: FloatArray
    covariance: FloatArray


@dataclass(frozen=True)
class WhiteDirections:
    """Directions without memory at this sampling, and what holding them costs.

    Attributes
    ----------
    count : int
        Number of directions whose time constant is below ``bound``.
    held : int
        How many of them are held at the end of their range; the others are estimates.
    bound : float
        A third of the sampling interval.
    lr : float
        Twice the log likelihood that the unrestricted one-step regression gains.
    df : int
        Restrictions: the square of ``held``, and those that the mean's path adds.
    pvalue : float
        From chi-square(df), conservative: below 5 % in 1.3 to 4.0 % of samples with one to
        four white directions (R = 150; ``benchmarks/calibration/white_directions.py``). NaN
        where ``reason`` says why.
    reason : str or None
    """

    count: int
    held: int
    bound: float
    lr: float
    df: int
    pvalue: float
    reason: str | None = None

    def sentences(self, dim: int) -> list[str]:
        """Return what the summary says."""
        lines = [
            f"{self.count} of {dim} directions are white at this sampling: time constant < dt/3 = "
            f"{self.bound:.3g}, upper bound only."
        ]
        if self.held:
            tail = (
                f"p = {self.pvalue:.3g}"
                if np.isfinite(self.pvalue)
                else f"no p-value: {self.reason}"
            )
            lines.append(
                f"{self.held} of them are held at the end of their range; against the unrestricted "
                f"one-step regression LR = {self.lr:.4g} on {self.df} degrees of freedom, {tail}."
            )
        return lines
