"""Which networks are worth keeping, by what they gain on held-out transitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from stochtext._shared.typing import BoolArray, FloatArray
from stochtext.estimators.neural.selection.splitting import HeldOut

__all__ = ["Gain", "held_out_gain", "near_the_best"]

LEVEL = 0.05
SMALLEST_GAIN = 1e-6
# A verdict before all starts have judged: a gain that no later look can undo.
_BEYOND_DOUBT = 1e-3
_FEWEST_UNITS = 8
# What a held-out row without a density costs, in nats.
_IMPOSSIBLE = 1e3


@dataclass(frozen=True)
class Gain:
    """Mean held-out gain in log density, nats per transition.

    Attributes
    ----------
    block : str
        What was compared with its simpler form.
    mean : float
    se : float
        Clustered by held-out unit; infinite for a single unit.
    n_units : int
    """

    block: str
    mean: float
    se: float
    n_units: int

    @property
    def pvalue(self) -> float:
        """One-sided p-value of "the gain is not positive", Student's t over units."""
        if not np.isfinite(self.se) or self.n_units < 2:
            return 1.0
        if self.se == 0.0:
            return 0.0 if self.mean > 0 else 1.0
        return float(student.sf(self.mean / self.se, self.n_units - 1))

    @property
    def kept(self) -> bool:
        """Whether the gain is significant at 5 %, one-sided, and more than rounding."""
        return bool(self.mean > SMALLEST_GAIN and self.pvalue < LEVEL)

    @property
    def settled(self) -> bool:
        """Whether more starts would hardly change the verdict."""
        if not np.isfinite(self.se) or self.n_units < _FEWEST_UNITS:
            return False
        return bool(self.mean + self.se < 0.0 or self.pvalue < _BEYOND_DOUBT)

    def line(self) -> str:
        """Return the gain in words."""
        error = f"SE {self.se:.2g}" if np.isfinite(self.se) else "SE unknown: one held-out unit"
        verdict = "kept" if self.kept else "not kept"
        return (
            f"{self.block}: held-out gain {self.mean:+.4g} nats per transition ({error}, "
            f"p = {self.pvalue:.2g}); {verdict}"
        )


def held_out_gain(
    block: str, simple: FloatArray, rich: FloatArray, weight: FloatArray, split: HeldOut
) -> Gain:
    """Compare two models on what the starts have not seen.

    Parameters
    ----------
    block : str
    simple, rich : ndarray of shape (M, n)
        Losses of each start's models.
    weight : ndarray of shape (M, n)
        Weights of the held-out transitions, zero for the others.
    split : HeldOut
    """
    simple, rich = (np.where(np.isfinite(x), x, _IMPOSSIBLE) for x in (simple, rich))
    total, sums = weight.sum(axis=0), (weight * (simple - rich)).sum(axis=0)
    units, code = np.unique(split.unit[total > 0], return_inverse=True)
    mass = np.bincount(code, total[total > 0])
    gain = np.bincount(code, sums[total > 0])
    mean = float(gain.sum() / mass.sum())
    if len(units) < 2:
        return Gain(block, mean, float("inf"), len(units))
    scatter = ((gain - mean * mass) ** 2).sum() * len(units) / (len(units) - 1)
    return Gain(block, mean, float(np.sqrt(scatter) / mass.sum()), len(units))


def near_the_best(criterion: FloatArray, edf: FloatArray) -> BoolArray:
    """Return which starts have a criterion near the best one.

    Parameters
    ----------
    criterion : ndarray of shape (M,)
        Minus the log evidence, in nats.
    edf : ndarray of shape (M,)

    Notes
    -----
    Starts in equivalent optima differ by fractions of their effective number of parameters.
    """
    usable = np.isfinite(criterion)
    best = int(np.argmin(np.where(usable, criterion, np.inf)))
    slack = max(4.0, 0.25 * float(edf[best]))
    return np.asarray(usable & (criterion <= criterion[best] + slack))
