"""What is simulated: the models, their sizes, and the law that every candidate must have.

W1 is 10,000 paths of 1,000 steps, W3 100,000 paths of 100 steps, W2 one path of 10^6 steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["DT", "GBM", "OU", "W1", "W3", "Size", "check_gbm", "check_ou", "check_ou_path"]

DT = 0.01
_LIMIT = 5.0


@dataclass(frozen=True)
class Size:
    """Number of paths and of steps."""

    paths: int
    steps: int

    @property
    def work(self) -> float:
        """Path-steps of one run."""
        return float(self.paths * self.steps)

    def divided(self, factor: int) -> Size:
        """Return a size with fewer paths, for a quick look."""
        return Size(max(self.paths // factor, 64), self.steps)


@dataclass(frozen=True)
class _OrnsteinUhlenbeck:
    """dX = -kappa (X - mu) dt + sigma dW, from x0."""

    kappa: float = 1.0
    mu: float = 0.5
    sigma: float = 0.3
    x0: float = 0.1

    @property
    def scale(self) -> float:
        """Standard deviation of the noise of one step."""
        return self.sigma * math.sqrt(DT)


@dataclass(frozen=True)
class _GeometricBrownianMotion:
    """dX = mu X dt + sigma X dW, from x0."""

    mu: float = 0.05
    sigma: float = 0.2
    x0: float = 0.1


OU = _OrnsteinUhlenbeck()
GBM = _GeometricBrownianMotion()
W1 = Size(10_000, 1_000)
W3 = Size(100_000, 100)


def check_ou(name: str, final: Any, steps: int) -> None:
    """Raise if final states do not have the mean and variance of the Euler recursion."""
    decay = 1.0 - OU.kappa * DT
    mean = OU.mu + (OU.x0 - OU.mu) * decay**steps
    variance = OU.scale**2 * (1.0 - decay ** (2 * steps)) / (1.0 - decay**2)
    _check_moments(name, final, mean, variance)


def check_gbm(name: str, final: Any, steps: int) -> None:
    """Raise if final states do not have the mean and variance of the Milstein recursion."""
    growth = 1.0 + GBM.mu * DT
    mean = GBM.x0 * growth**steps
    noise = GBM.sigma**2 * DT + 0.5 * GBM.sigma**4 * DT**2
    variance = GBM.x0**2 * ((growth**2 + noise) ** steps - growth ** (2 * steps))
    _check_moments(name, final, mean, variance)


def check_ou_path(name: str, path: Any) -> None:
    """Raise if the steps of one path, taken back to normal numbers, are not standard."""
    x = np.asarray(path, dtype=np.float64).ravel()
    noise = (np.diff(x) + OU.kappa * (x[:-1] - OU.mu) * DT) / OU.scale
    _check_moments(name, noise, 0.0, 1.0)


def _check_moments(name: str, sample: Any, mean: float, variance: float) -> None:
    x = np.asarray(sample, dtype=np.float64).ravel()
    squares = (x - mean) ** 2
    for what, values, expected in (("mean", x, mean), ("variance", squares, variance)):
        error = values.std() / math.sqrt(len(values))
        if not abs(values.mean() - expected) <= _LIMIT * error:
            raise AssertionError(
                f"{name}: {what} {values.mean():.6g} of {len(x)} values, expected "
                f"{expected:.6g} with standard error {error:.2g}; it does not do the same work."
            )
