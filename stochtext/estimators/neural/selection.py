"""Which networks are worth keeping: block by block, by what they gain on held-out transitions.

The two halves of a start's held-out part take turns: one stops the training,
the other judges the result, so that stopping does not flatter the network.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray
from stochtext.estimators.neural.objective import Objective
from stochtext.estimators.neural.preparation import (
    LinearModel,
    ScaledTransitions,
    gaussian,
    weighted_covariance,
)
from stochtext.estimators.neural.splitting import HeldOut
from stochtext.estimators.neural.training import TrainingRun

__all__ = ["Gain", "Judge", "kept_starts", "subset"]

SMALLEST_SHARE_OF_GAIN = 0.25
SMALLEST_GAIN = 1e-6
# One-sided 5 %: at one standard error a seventh of linear data sets would keep a network.
STANDARD_ERRORS = 1.645


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
    kept : bool
        Whether the mean exceeds 1.645 standard errors.
    """

    block: str
    mean: float
    se: float

    @property
    def kept(self) -> bool:
        """Whether the gain is significant at 5 %, one-sided, and more than rounding."""
        return bool(self.mean > max(STANDARD_ERRORS * self.se, SMALLEST_GAIN))

    def line(self) -> str:
        """Return the gain in words."""
        error = f"SE {self.se:.2g}" if np.isfinite(self.se) else "SE unknown: one held-out unit"
        verdict = "kept" if self.kept else "not kept"
        return (
            f"{self.block}: held-out gain {self.mean:+.4g} nats per transition ({error}); {verdict}"
        )


@dataclass(frozen=True)
class Judge:
    """Compares trained networks with simpler models on what they have not seen.

    Attributes
    ----------
    data : ScaledTransitions
    split : HeldOut
    linear : list of LinearModel
        Fitted to the training part of each start.
    diagonal : bool
        Whether constant covariances have no correlations.
    """

    data: ScaledTransitions
    split: HeldOut
    linear: list[LinearModel]
    diagonal: bool

    def over_linear(self, objective: Objective, run: TrainingRun, block: str) -> Gain:
        """Gain of the trained model over linear drift with constant covariance."""
        simple = np.stack([model.log_density(self.data) for model in self.linear])
        return self._crossed(
            block, [objective.log_densities(p) - simple for p in run.parameters[1:]]
        )

    def of_drift(self, objective: Objective, run: TrainingRun) -> Gain:
        """Gain of the drift network over the linear drift, under the same covariance."""
        linear = np.stack([model.drift(self.data) for model in self.linear])
        return self._crossed(
            "drift network, over a linear drift in its place",
            [objective.log_densities(p) - objective.log_densities(p, linear)
             for p in run.parameters[1:]],
        )  # fmt: skip

    def of_covariance(self, objective: Objective, run: TrainingRun) -> Gain:
        """Gain of the covariance network over a constant, around the same drift."""
        return self._crossed(
            "covariance network, over a constant in its place",
            [objective.log_densities(p) - self._with_constant(objective.drifts(p))
             for p in run.parameters[1:]],
        )  # fmt: skip

    def of_drift_alone(self, objective: Objective, run: TrainingRun) -> Gain:
        """Gain of the drift network, with a constant covariance, over the linear model."""
        simple = np.stack([model.log_density(self.data) for model in self.linear])
        return self._crossed(
            "drift network with a constant covariance, over the linear model",
            [self._with_constant(objective.drifts(p)) - simple for p in run.parameters[1:]],
        )

    def constant_covariances(self, drifts: FloatArray) -> list[FloatArray]:
        """Covariance of each start's training residuals around its drift (M, n, d)."""
        return [
            weighted_covariance(
                self.data.response - self.data.rate * drift,
                self.data.weight * train,
                diagonal=self.diagonal,
            )
            for drift, train in zip(drifts, self.split.train, strict=True)
        ]

    def _with_constant(self, drifts: FloatArray) -> FloatArray:
        covariances = self.constant_covariances(drifts)
        return np.stack(
            [
                gaussian(self.data.response - self.data.rate * drift, covariance)
                for drift, covariance in zip(drifts, covariances, strict=True)
            ]
        )

    def _crossed(self, block: str, gains: list[FloatArray]) -> Gain:
        """Judge the state stopped by one half on the other half."""
        half = self.split.half
        on_other = np.where(half, gains[1], gains[0])
        weight = self.data.weight * self.split.test
        total, sums = weight.sum(axis=0), (weight * on_other).sum(axis=0)
        units, code = np.unique(self.split.unit[total > 0], return_inverse=True)
        mass = np.bincount(code, total[total > 0])
        gain = np.bincount(code, sums[total > 0])
        mean = gain.sum() / mass.sum()
        if len(units) < 2:
            return Gain(block, float(mean), float("inf"))
        scatter = ((gain - mean * mass) ** 2).sum() * len(units) / (len(units) - 1)
        return Gain(block, float(mean), float(np.sqrt(scatter) / mass.sum()))


def kept_starts(
    objective: Objective, run: TrainingRun, data: ScaledTransitions, linear: LinearModel
) -> BoolArray:
    """Return which starts gain at least a quarter of the best start's gain over the linear model.

    The gain is taken over all transitions: every start has seen the same share
    of them, and a comparison on the same transitions is the least noisy one.
    """
    share = data.weight / data.weight.sum()
    scores = objective.log_densities(run.parameters[0]) @ share - linear.log_density(data) @ share
    scores = np.where(np.isfinite(scores), scores, -np.inf)
    best = scores.max()
    kept: BoolArray = scores >= min(SMALLEST_SHARE_OF_GAIN * best, best)
    return kept


def subset(run: TrainingRun, kept: BoolArray) -> TrainingRun:
    """Return the run of some starts only."""
    return replace(
        run,
        parameters=run.parameters[:, kept],
        history=run.history[:, kept],
        best_iteration=run.best_iteration[kept],
        stopped=[reason for reason, keep in zip(run.stopped, kept, strict=True) if keep],
    )
